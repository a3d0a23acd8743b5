/* SPDX-License-Identifier: GPL-2.0-only */
/* System management mode: SMIs on their way in, and the way back. */
#ifndef KVM_X86_SMM_H
#define KVM_X86_SMM_H

#include <linux/types.h>

struct x86_vcpu;
struct kvm_vcpu_events;

/* The address space of a vCPU in SMM; all others are in space 0. */
#define SMM_SPACE	1

/* v: vcpu->mutex */
struct x86_smm {
	u64 smbase;		/* v */
	bool active;		/* v; read racily by wake-ups and senders of INIT */
	bool pending;		/* v; one SMI, also while in SMM */
	bool inside_nmi;	/* v; NMIs were blocked when the SMI came */
	bool from_halt;		/* v; the SMI ended a HLT, to be entered at once */
};

/* Any thread: an SMI for @v. */
void smm_post(struct x86_vcpu *v);
/* The vCPU's thread, before it looks at v->smm.pending */
void smm_collect(struct x86_vcpu *v);
/* Is there an SMI that may be taken? Any context, a hint to others. */
bool smm_waits(struct x86_vcpu *v);
/*
 * Between instructions, nothing is being delivered: take the pending SMI, unless
 * @slot_used says that an event goes first.
 */
void smm_deliver(struct x86_vcpu *v, bool slot_used);
/*
 * RSM in SMM; srcu held. All registers are replaced, or the guest shuts down and
 * they are as they were. True: back to the HLT that the SMI ended.
 */
bool smm_leave(struct x86_vcpu *v);
void smm_reset(struct x86_vcpu *v, bool init);

/* KVM_SMI, and the smi part of KVM_GET_VCPU_EVENTS and KVM_SET_VCPU_EVENTS */
long smm_ioctl_smi(void *obj, void *arg);
void smm_get_events(struct x86_vcpu *v, struct kvm_vcpu_events *e);
int smm_check_events(struct x86_vcpu *v, const struct kvm_vcpu_events *e);
void smm_set_events(struct x86_vcpu *v, const struct kvm_vcpu_events *e);

#endif
