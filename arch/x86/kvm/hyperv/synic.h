/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this folder share of the synthetic interrupt controller. */
#ifndef KVM_X86_HYPERV_SYNIC_H
#define KVM_X86_HYPERV_SYNIC_H

#include <asm/hyperv-tlfs.h>
#include <linux/bitmap.h>
#include <linux/hrtimer.h>

#include "../x86.h"

/* stimer.c. v: vcpu->mutex */
struct hv_stimer {
	struct hrtimer hrtimer;
	struct hv_synic *synic;		/* c */
	u64 config, count;		/* v; as the guest reads them */
	u64 expires;			/* v; reference time, 0: not known yet */
	u64 owed;			/* v; when the message was due that found no room, or 0 */
};

/*
 * Of a vCPU whose VMM turned it on. c: constant; v: vcpu->mutex; r: read by senders
 * without a lock; a: atomic
 */
struct hv_synic {
	struct x86_vcpu *v;		/* c */
	bool keeps_pages;		/* v; KVM_CAP_HYPERV_SYNIC2 */
	u64 control, version;		/* v; SCONTROL, SVERSION */
	u64 events, messages;		/* v; SIEFP, SIMP */
	u64 sint[HV_SYNIC_SINT_COUNT];	/* v, r */
	DECLARE_BITMAP(vectors, 256);	/* v; of the sources that are not masked */
	DECLARE_BITMAP(auto_eoi, 256);	/* v; those that end by themselves */
	u32 written;			/* v; the register, with HYPERV_EVENT_SYNIC */
	unsigned long due;		/* a; timers to be looked at, with X86_REQ_STIMER */
	struct hv_stimer timers[HV_SYNIC_STIMER_COUNT];
};

/* synic.c: the vCPU's thread, srcu held. False: no room, or no page */
bool synic_post(struct hv_synic *s, unsigned int sint, struct hv_message *m);

/* Registers, as struct hyperv_msr has them */
int synic_get_msr(struct x86_vcpu *v, u32 index, u64 *data);
int synic_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host);
int stimer_get_msr(struct x86_vcpu *v, u32 index, u64 *data);
int stimer_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host);

/* stimer.c */
void stimers_create(struct hv_synic *s);
void stimers_stop(struct hv_synic *s);
/* The vCPU's thread, IRQs on or off: there may be room for messages to @sint now. */
void stimers_retry(struct hv_synic *s, unsigned int sint);

/* msr.c: HYPERV_EVENT_*, for user space before the guest goes on */
void hyperv_tell(struct x86_vcpu *v, unsigned int event);

#endif
