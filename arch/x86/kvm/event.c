// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way into the guest: merging of exceptions, the order in
 * which they are handed to hardware (SDM 3A 6.9), and what did not get there
 * and has to be handed over again.
 */
#include <linux/hw_breakpoint.h>
#include <asm/debugreg.h>

#include "core.h"
#include "ioctls.h"
#include "trace.h"

#define VEC_DE	0
#define VEC_DB	1
#define VEC_NMI	2
#define VEC_BP	3
#define VEC_OF	4
#define VEC_DF	8
#define VEC_TS	10
#define VEC_GP	13
#define VEC_PF	14

static bool is_contributory(u8 vector)
{
	return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP);
}

/* SDM 3A table 6-5: does @next while delivering @prev make a double fault? */
static bool makes_double_fault(u8 prev, u8 next)
{
	if (prev == VEC_PF)
		return next == VEC_PF || is_contributory(next);
	return is_contributory(prev) && is_contributory(next);
}

static void x86_queue(struct x86_vcpu *v, const struct x86_exception *new)
{
	struct x86_exception *exc = &v->ev.exc;
	u8 prev = exc->vector;

	kvm_request(&v->vcpu, X86_REQ_EVENT);
	if (!exc->pending && !exc->injected) {
		*exc = *new;
		return;
	}
	if (prev == VEC_DF) {
		/* Fault while delivering #DF: triple fault, the guest shuts down. */
		exc->pending = false;
		exc->injected = false;
		kvm_request(&v->vcpu, X86_REQ_TRIPLE_FAULT);
		return;
	}
	if (makes_double_fault(prev, new->vector)) {
		*exc = (struct x86_exception) {
			.pending = true, .vector = VEC_DF, .has_error = true,
		};
		return;
	}
	/* Serially: the new one first, the old one comes again by itself. */
	*exc = *new;
}

void x86_queue_exception(struct x86_vcpu *v, u8 vector)
{
	struct x86_exception e = { .pending = true, .vector = vector };

	x86_queue(v, &e);
}

void x86_queue_exception_error(struct x86_vcpu *v, u8 vector, u32 error)
{
	struct x86_exception e = {
		.pending = true, .vector = vector, .error = error,
		/* Real mode pushes no error code (SDM 3A 20.1.3). */
		.has_error = x86_cr0(v) & X86_CR0_PE,
	};

	x86_queue(v, &e);
}

void x86_queue_exception_payload(struct x86_vcpu *v, u8 vector, u64 payload)
{
	struct x86_exception e = {
		.pending = true, .vector = vector, .has_payload = true, .payload = payload,
	};

	x86_queue(v, &e);
}

void x86_queue_page_fault(struct x86_vcpu *v, unsigned long addr, u32 error)
{
	struct x86_exception e = {
		.pending = true, .vector = VEC_PF, .error = error, .has_error = true,
		.has_payload = true, .payload = addr,
	};

	x86_queue(v, &e);
}

/* CR2 and DR6 change when the exception is delivered, not when it is found. */
void x86_deliver_payload(struct x86_vcpu *v)
{
	struct x86_exception *exc = &v->ev.exc;

	if (!exc->has_payload)
		return;
	exc->has_payload = false;
	if (exc->vector == VEC_PF) {
		v->regs.cr2 = exc->payload;
	} else if (exc->vector == VEC_DB) {
		v->dbg.dr6 &= ~(unsigned long)DR_TRAP_BITS;
		v->dbg.dr6 |= X86_DR6_INIT;
		v->dbg.dr6 |= exc->payload;
		/* Bits that mean "inactive" are active low (SDM 3B 17.2.3). */
		v->dbg.dr6 ^= exc->payload & X86_DR6_INIT;
	}
}

void x86_requeue_exception(struct x86_vcpu *v, u8 vector, bool has_error, u32 error)
{
	v->ev.exc = (struct x86_exception) {
		.injected = true, .vector = vector, .has_error = has_error, .error = error,
	};
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}
KVM_EXPORT(x86_requeue_exception);

void x86_requeue_irq(struct x86_vcpu *v, u8 vector, bool soft)
{
	v->ev.irq_injected = true;
	v->ev.irq_soft = soft;
	v->ev.irq_vector = vector;
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}
KVM_EXPORT(x86_requeue_irq);

void x86_requeue_nmi(struct x86_vcpu *v)
{
	v->ev.nmi_injected = true;
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}
KVM_EXPORT(x86_requeue_nmi);

void x86_queue_nmi(struct x86_vcpu *v)
{
	atomic_inc(&v->ev.nmi_queued);
	kvm_request(&v->vcpu, X86_REQ_NMI);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
	kvm_vcpu_kick(&v->vcpu);
}

/* One NMI in delivery and one behind it; more are lost, as on hardware. */
static void x86_collect_nmis(struct x86_vcpu *v)
{
	unsigned int limit = 2;

	if (x86_op(get_nmi_mask)(v) || v->ev.nmi_injected)
		limit = 1;
	v->ev.nmi_pending = min_t(unsigned int, limit,
				  v->ev.nmi_pending + atomic_xchg(&v->ev.nmi_queued, 0));
}

/*
 * Hand over again what an exit cut short. True: the one event slot is used.
 * An exception that was found on the way of another event goes before it.
 */
static bool x86_reinject(struct x86_vcpu *v)
{
	struct x86_events *ev = &v->ev;

	if (ev->exc.injected) {
		trace_kvm_inj_exception(ev->exc.vector, ev->exc.has_error, ev->exc.error, true);
		x86_op(inject_exception)(v);
	} else if (ev->exc.pending) {
		return false;
	} else if (ev->nmi_injected) {
		x86_op(inject_nmi)(v);
	} else if (ev->irq_injected) {
		trace_kvm_inj_virq(ev->irq_vector, ev->irq_soft, true);
		x86_op(inject_irq)(v, true);
	} else {
		return false;
	}
	return true;
}

static bool x86_inject_pending_exception(struct x86_vcpu *v)
{
	struct x86_exception *exc = &v->ev.exc;

	if (!exc->pending)
		return false;
	/* Faults push RF so that the instruction is not stopped twice (SDM 3B 17.3.1.1). */
	if (exc->vector != VEC_DB && exc->vector != VEC_BP && exc->vector != VEC_OF &&
	    exc->vector != VEC_DF)
		x86_set_rflags(v, x86_rflags(v) | X86_EFLAGS_RF);
	x86_deliver_payload(v);
	if (exc->vector == VEC_DB && (v->dbg.dr7 & X86_DR7_GD)) {
		v->dbg.dr7 &= ~(unsigned long)X86_DR7_GD;
		x86_update_dr7(v);
	}
	exc->pending = false;
	exc->injected = true;
	trace_kvm_inj_exception(exc->vector, exc->has_error, exc->error, false);
	x86_op(inject_exception)(v);
	return true;
}

static void x86_inject_irq(struct x86_vcpu *v, bool slot_used)
{
	int vector = irqchip_pending(v);

	if (vector < 0)
		return;
	slot_used |= v->ev.irq_injected;
	if (slot_used || x86_op(irq_blocked)(v)) {
		x86_op(want_irq_window)(v);
		return;
	}
	vector = irqchip_accept(v);
	if (vector < 0)
		return;
	v->ev.irq_injected = true;
	v->ev.irq_soft = false;
	v->ev.irq_vector = vector;
	v->vcpu.stat.irq_injections++;
	trace_kvm_inj_virq(vector, false, false);
	x86_op(inject_irq)(v, false);
	/* More behind it: look again when this one is in. */
	if (irqchip_pending(v) >= 0)
		x86_op(want_irq_window)(v);
}

void x86_inject_events(struct x86_vcpu *v)
{
	bool slot_used;

	lapic_collect_posted(v);
	if (static_branch_unlikely(&lapic_pv_eoi))
		pv_eoi_review(v);
	if (atomic_read(&v->ev.nmi_queued))
		x86_collect_nmis(v);
	slot_used = x86_reinject(v) || x86_inject_pending_exception(v);
	/* A debugger steps past what waits; KVM_SET_GUEST_DEBUG asks for a look again. */
	if (unlikely(v->dbg.guest_debug & KVM_GUESTDBG_BLOCKIRQ)) {
		if (v->apic)
			x86_op(sync_irqs)(v, 0, -1, -1);
		v->smm.from_halt = false;
		return;
	}

	if (unlikely(v->smm.pending))
		smm_deliver(v, slot_used);
	if (v->ev.nmi_pending) {
		if (!slot_used && !x86_op(nmi_blocked)(v)) {
			v->ev.nmi_pending--;
			v->ev.nmi_injected = true;
			v->vcpu.stat.nmi_injections++;
			x86_op(inject_nmi)(v);
			slot_used = true;
		}
		if (v->ev.nmi_pending)
			x86_op(want_nmi_window)(v);
	}
	x86_inject_irq(v, slot_used);
	if (v->apic)
		lapic_sync_irqs(v);
	if (x86_wants_user_irq_exit(v))
		x86_op(want_irq_window)(v);
}

/* Anything that ends a HLT? Any context. */
bool x86_has_events(struct x86_vcpu *v)
{
	return v->ev.exc.pending || v->ev.nmi_pending || atomic_read(&v->ev.nmi_queued) ||
	       test_bit(X86_REQ_TRIPLE_FAULT, &v->vcpu.requests) || smm_waits(v);
}

/* Without in-kernel controllers user space injects: may it, now? */
bool x86_ready_for_user_irq(struct x86_vcpu *v)
{
	return !v->ev.irq_injected && !v->ev.exc.pending && !v->ev.exc.injected &&
	       irqchip_pending(v) < 0 && !x86_op(irq_blocked)(v);
}

bool x86_wants_user_irq_exit(struct x86_vcpu *v)
{
	return READ_ONCE(v->vcpu.run->request_interrupt_window) &&
	       to_x86_vm(v->vcpu.kvm)->irqchip.mode != IRQCHIP_KERNEL;
}

/* KVM_INTERRUPT: an external interrupt from user space's controllers. */
long x86_ioctl_interrupt(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_interrupt *irq = arg;

	if (irq->irq >= KVM_NR_INTERRUPTS)
		return -EINVAL;
	switch (to_x86_vm(v->vcpu.kvm)->irqchip.mode) {
	case IRQCHIP_KERNEL:
		return -ENXIO;
	case IRQCHIP_SPLIT:
		if (v->ext_vector >= 0)
			return -EEXIST;
		v->ext_vector = irq->irq;
		break;
	case IRQCHIP_NONE:
		v->ext_vector = irq->irq;
		break;
	}
	kvm_request(&v->vcpu, X86_REQ_EVENT);
	return 0;
}

long x86_ioctl_nmi(void *obj, void *arg)
{
	x86_queue_nmi(to_x86(obj));
	return 0;
}

#define EVENT_FLAGS_IN	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR | \
			 KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM |		\
			 KVM_VCPUEVENT_VALID_PAYLOAD | KVM_VCPUEVENT_VALID_TRIPLE_FAULT)

/*
 * The interrupt on its way in, as KVM_GET_VCPU_EVENTS and KVM_GET_SREGS tell it;
 * -1: none. Without controllers in the kernel it is user space's from KVM_INTERRUPT
 * on, and nobody else remembers it.
 */
int x86_saved_irq(struct x86_vcpu *v)
{
	if (v->ev.irq_injected && !v->ev.irq_soft)
		return v->ev.irq_vector;
	return to_x86_vm(v->vcpu.kvm)->irqchip.mode == IRQCHIP_NONE ? v->ext_vector : -1;
}

void x86_restore_irq(struct x86_vcpu *v, int vector)
{
	if (to_x86_vm(v->vcpu.kvm)->irqchip.mode == IRQCHIP_NONE)
		v->ext_vector = vector;
	else if (vector >= 0)
		x86_requeue_irq(v, vector, false);
}

long x86_get_events(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	struct x86_vm *vm = to_x86_vm(v->vcpu.kvm);
	struct x86_exception *exc = &v->ev.exc;
	struct kvm_vcpu_events *e = arg;
	int irq = x86_saved_irq(v);

	x86_collect_nmis(v);
	/* Without the payload capability side effects can't wait for delivery. */
	if (!vm->exception_payload && exc->pending)
		x86_deliver_payload(v);
	memset(e, 0, sizeof(*e));
	e->exception.injected = exc->injected;
	e->exception.pending = exc->pending;
	if (!vm->exception_payload) {
		e->exception.injected |= exc->pending;
		e->exception.pending = 0;
	}
	e->exception.nr = exc->vector;
	e->exception.has_error_code = exc->has_error;
	e->exception.error_code = exc->error;
	e->exception_has_payload = exc->has_payload;
	e->exception_payload = exc->payload;
	e->interrupt.injected = irq >= 0;
	e->interrupt.nr = irq >= 0 ? irq : v->ev.irq_vector;
	e->interrupt.shadow = x86_op(get_int_shadow)(v);
	e->nmi.injected = v->ev.nmi_injected;
	e->nmi.pending = v->ev.nmi_pending;
	e->nmi.masked = x86_op(get_nmi_mask)(v);
	e->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	smm_get_events(v, e);
	if (vm->exception_payload)
		e->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (vm->triple_fault_event) {
		e->triple_fault.pending = test_bit(X86_REQ_TRIPLE_FAULT, &v->vcpu.requests);
		e->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
	return 0;
}

static int x86_check_events(struct x86_vcpu *v, const struct kvm_vcpu_events *e)
{
	struct x86_vm *vm = to_x86_vm(v->vcpu.kvm);

	if (e->flags & ~EVENT_FLAGS_IN)
		return -EINVAL;
	if ((e->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && !vm->exception_payload)
		return -EINVAL;
	if ((e->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) && !vm->triple_fault_event)
		return -EINVAL;
	if (e->flags & KVM_VCPUEVENT_VALID_PAYLOAD) {
		/* Both at once is no state */
		if (e->exception.pending && e->exception.injected)
			return -EINVAL;
	}
	if ((e->exception.injected || e->exception.pending) &&
	    (e->exception.nr > 31 || e->exception.nr == VEC_NMI))
		return -EINVAL;
	return smm_check_events(v, e);
}

long x86_set_events(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_vcpu_events *e = arg;
	bool payload = e->flags & KVM_VCPUEVENT_VALID_PAYLOAD;
	int ret = x86_check_events(v, e);

	if (ret)
		return ret;
	v->ev.exc = (struct x86_exception) {
		.injected = e->exception.injected,
		.pending = payload && e->exception.pending,
		.vector = e->exception.nr & 31,
		.has_error = e->exception.has_error_code,
		.error = e->exception.error_code,
		.has_payload = payload && e->exception_has_payload,
		.payload = e->exception_payload,
	};
	v->ev.irq_injected = e->interrupt.injected && e->interrupt.soft;
	v->ev.irq_vector = e->interrupt.nr;
	v->ev.irq_soft = e->interrupt.soft;
	if (!v->ev.irq_injected)
		x86_restore_irq(v, e->interrupt.injected ? e->interrupt.nr : -1);
	if (e->flags & KVM_VCPUEVENT_VALID_SHADOW)
		x86_op(set_int_shadow)(v, e->interrupt.shadow);
	v->ev.nmi_injected = e->nmi.injected;
	if (e->flags & KVM_VCPUEVENT_VALID_NMI_PENDING) {
		v->ev.nmi_pending = min_t(u8, e->nmi.pending, 2);
		atomic_set(&v->ev.nmi_queued, 0);
	}
	x86_op(set_nmi_mask)(v, e->nmi.masked);
	smm_set_events(v, e);
	if (e->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR && v->apic)
		lapic_set_sipi_vector(v, e->sipi_vector);
	if (e->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
		if (e->triple_fault.pending)
			kvm_request(&v->vcpu, X86_REQ_TRIPLE_FAULT);
		else
			clear_bit(X86_REQ_TRIPLE_FAULT, &v->vcpu.requests);
	}
	kvm_request(&v->vcpu, X86_REQ_EVENT);
	return 0;
}
