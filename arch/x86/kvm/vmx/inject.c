// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events into the guest: the interruption-information field (SDM 3C 25.8.3),
 * windows, what was cut short. Hardware keeps track of masked NMIs.
 */
#include "block.h"

#define VEC_NMI	2
#define VEC_BP	3
#define VEC_OF	4

#define SOFT_LEN	1	/* INT3, INTO */

static bool is_soft(u8 vector)
{
	return vector == VEC_BP || vector == VEC_OF;
}

static void vmx_inject(u32 event, u32 error)
{
	if (event & INTR_INFO_DELIVER_CODE_MASK)
		vmx_write(VM_ENTRY_EXCEPTION_ERROR_CODE, error);
	vmx_write(VM_ENTRY_INTR_INFO_FIELD, event | INTR_INFO_VALID_MASK);
}

void vmx_inject_exception(struct x86_vcpu *v)
{
	const struct x86_exception *exc = &v->ev.exc;
	u32 event = exc->vector;

	if (is_soft(exc->vector)) {
		/* The handler returns behind the instruction. */
		event |= INTR_TYPE_SOFT_EXCEPTION;
		vmx_write(VM_ENTRY_INSTRUCTION_LEN, SOFT_LEN);
		to_vmx(v)->soft_ours = true;
	} else {
		event |= INTR_TYPE_HARD_EXCEPTION;
	}
	/* Real mode pushes no error codes, and entry insists on it (SDM 3C 27.2.1.3). */
	if (exc->has_error && (x86_cr0(v) & X86_CR0_PE))
		event |= INTR_INFO_DELIVER_CODE_MASK;
	vmx_inject(event, (u16)exc->error);
}

void vmx_inject_irq(struct x86_vcpu *v, bool reinject)
{
	struct vmx_vcpu *s = to_vmx(v);

	/* INT n was cut short before it changed anything: the guest executes it again. */
	if (v->ev.irq_soft)
		return;
	vmx_close_irq_window(s);
	vmx_inject(v->ev.irq_vector | INTR_TYPE_EXT_INTR, 0);
}

void vmx_inject_nmi(struct x86_vcpu *v)
{
	/* The injection masks NMIs; one that was cut short may have done so already. */
	vmx_set_nmi_mask(v, false);
	vmx_inject(VEC_NMI | INTR_TYPE_NMI_INTR, 0);
}

void vmx_requeue(struct vmx_vcpu *s, u32 info, u32 error)
{
	struct x86_vcpu *v = &s->x86;
	u8 vector = info & VECTORING_INFO_VECTOR_MASK;

	switch (info & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_EXT_INTR:
		x86_requeue_irq(v, vector, false);
		break;
	case INTR_TYPE_NMI_INTR:
		vmx_set_nmi_mask(v, false);
		x86_requeue_nmi(v);
		break;
	case INTR_TYPE_HARD_EXCEPTION:
		x86_requeue_exception(v, vector, info & VECTORING_INFO_DELIVER_CODE_MASK, error);
		break;
	case INTR_TYPE_SOFT_EXCEPTION:
		/* The guest's own runs again by itself. */
		if (s->soft_ours)
			x86_requeue_exception(v, vector, false, 0);
		break;
	default:
		break;		/* INT n, INT1: executed again */
	}
}

void vmx_cancel_injection(struct x86_vcpu *v)
{
	struct vmx_vcpu *s = to_vmx(v);
	u32 info = vmx_read(VM_ENTRY_INTR_INFO_FIELD);

	if (info & INTR_INFO_VALID_MASK)
		vmx_requeue(s, info, vmx_read(VM_ENTRY_EXCEPTION_ERROR_CODE));
	vmx_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	s->soft_ours = false;
}

bool vmx_irq_blocked(struct x86_vcpu *v)
{
	return !(x86_rflags(v) & X86_EFLAGS_IF) ||
	       (vmx_read(GUEST_INTERRUPTIBILITY_INFO) &
		(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS));
}

bool vmx_nmi_blocked(struct x86_vcpu *v)
{
	return vmx_read(GUEST_INTERRUPTIBILITY_INFO) &
	       (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS | GUEST_INTR_STATE_NMI);
}

bool vmx_get_nmi_mask(struct x86_vcpu *v)
{
	return vmx_read(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_NMI;
}

static void vmx_set_interruptibility(u32 mask, u32 bits)
{
	u32 old = vmx_read(GUEST_INTERRUPTIBILITY_INFO), new = (old & ~mask) | bits;

	if (new != old)
		vmx_write(GUEST_INTERRUPTIBILITY_INFO, new);
}

void vmx_set_nmi_mask(struct x86_vcpu *v, bool masked)
{
	vmx_set_interruptibility(GUEST_INTR_STATE_NMI, masked ? GUEST_INTR_STATE_NMI : 0);
}

void vmx_reset_events(struct vmx_vcpu *s)
{
	vmx_write(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmx_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmx_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	s->soft_ours = false;
}

void vmx_want_irq_window(struct x86_vcpu *v)
{
	vmx_primary(to_vmx(v), CPU_BASED_INTR_WINDOW_EXITING, true);
}

void vmx_close_irq_window(struct vmx_vcpu *s)
{
	vmx_primary(s, CPU_BASED_INTR_WINDOW_EXITING, false);
}

void vmx_want_nmi_window(struct x86_vcpu *v)
{
	vmx_primary(to_vmx(v), CPU_BASED_NMI_WINDOW_EXITING, true);
}

u32 vmx_get_int_shadow(struct x86_vcpu *v)
{
	u32 state = vmx_read(GUEST_INTERRUPTIBILITY_INFO);

	return (state & GUEST_INTR_STATE_STI ? KVM_X86_SHADOW_INT_STI : 0) |
	       (state & GUEST_INTR_STATE_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
}

/* At most one of the two may be set (SDM 3C 27.3.1.5). */
void vmx_set_int_shadow(struct x86_vcpu *v, u32 mask)
{
	u32 bits = 0;

	if (mask & KVM_X86_SHADOW_INT_MOV_SS)
		bits = GUEST_INTR_STATE_MOV_SS;
	else if (mask & KVM_X86_SHADOW_INT_STI)
		bits = GUEST_INTR_STATE_STI;
	vmx_set_interruptibility(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS, bits);
}

bool vmx_end_halt(struct x86_vcpu *v)
{
	bool halted = vmx_read(GUEST_ACTIVITY_STATE) == GUEST_ACTIVITY_HLT;

	if (halted)
		vmx_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	return halted;
}

void vmx_close_nmi_window(struct vmx_vcpu *s)
{
	vmx_primary(s, CPU_BASED_NMI_WINDOW_EXITING, false);
}
