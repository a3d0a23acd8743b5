/* SPDX-License-Identifier: GPL-2.0-only */
/* Exceptions, NMIs and interrupts on their way into the guest. */
#ifndef KVM_X86_EVENT_H
#define KVM_X86_EVENT_H

#include <linux/types.h>

struct x86_vcpu;

/*
 * pending: to be delivered, side effects (DR6, CR2) not done yet.
 * injected: handed to hardware at least once; wins over anything pending.
 */
struct x86_exception {
	bool pending;
	bool injected;
	bool has_error;
	bool has_payload;
	u8 vector;
	u32 error;
	u64 payload;
};

/* All fields but nmi_queued: owned by the thread holding vcpu->mutex. */
struct x86_events {
	struct x86_exception exc;
	bool irq_injected;
	bool irq_soft;		/* INT n being re-injected */
	u8 irq_vector;
	bool nmi_injected;
	u8 nmi_pending;
	atomic_t nmi_queued;	/* a; posted by other threads */
	bool exception_payload;	/* KVM_CAP_EXCEPTION_PAYLOAD, copied from the VM */
};

/* Queue an exception found by common code. Merges to #DF or a triple fault (SDM 3A 6.15). */
void x86_queue_exception(struct x86_vcpu *v, u8 vector);
void x86_queue_exception_error(struct x86_vcpu *v, u8 vector, u32 error);
void x86_queue_exception_payload(struct x86_vcpu *v, u8 vector, u64 payload);
void x86_queue_page_fault(struct x86_vcpu *v, unsigned long addr, u32 error);
static inline void x86_inject_gp(struct x86_vcpu *v)
{
	x86_queue_exception_error(v, 13, 0);
}
static inline void x86_inject_ud(struct x86_vcpu *v)
{
	x86_queue_exception(v, 6);
}

/*
 * From the backend's exit decode: an event was cut short by the exit and has
 * to be delivered again (EXITINTINFO, IDT-vectoring). First clear, then one.
 */
void x86_requeue_exception(struct x86_vcpu *v, u8 vector, bool has_error, u32 error);
void x86_requeue_irq(struct x86_vcpu *v, u8 vector, bool soft);
void x86_requeue_nmi(struct x86_vcpu *v);

/* Post an NMI from any thread. */
void x86_queue_nmi(struct x86_vcpu *v);

#endif
