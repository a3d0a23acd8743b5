// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events into the guest: EVENTINJ (APM 2 15.20), windows, what was cut short,
 * and when NMIs are masked, which this hardware does not tell.
 */
#include <linux/smp.h>
#include <linux/kvm/compat.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>

#include "block.h"

#define VEC_DB	1
#define VEC_NMI	2
#define VEC_BP	3
#define VEC_OF	4

#define SOFT_LEN	1	/* INT3, INTO */

static bool is_soft(u8 vector)
{
	return vector == VEC_BP || vector == VEC_OF;
}

static void svm_inject(struct svm_vcpu *s, u32 event, u32 error)
{
	s->block->control.event_inj = event | SVM_EVTINJ_VALID;
	s->block->control.event_inj_err = error;
}

/*
 * The handler of INT3 or INTO returns behind the instruction. The CPU pushes
 * next_rip where it has NRIPS, RIP where not: both are moved. INT 3 in its
 * two-byte form (CD 03) is taken for INT3.
 */
static void svm_move_past_soft(struct svm_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;

	s->soft_rip = x86_rip(v);
	s->soft_next = s->soft_rip + SOFT_LEN;
	x86_set_rip(v, s->soft_next);
	s->block->control.next_rip = s->soft_next;
	s->watch |= SVM_WATCH_SOFT;
}

void svm_inject_exception(struct x86_vcpu *v)
{
	const struct x86_exception *exc = &v->ev.exc;
	struct svm_vcpu *s = to_svm(v);
	u32 event = exc->vector | SVM_EVTINJ_TYPE_EXEPT;

	if (exc->has_error)
		event |= SVM_EVTINJ_VALID_ERR;
	if (is_soft(exc->vector) && !(s->watch & SVM_WATCH_SOFT))
		svm_move_past_soft(s);
	svm_inject(s, event, exc->error);
}

void svm_inject_irq(struct x86_vcpu *v, bool reinject)
{
	struct svm_vcpu *s = to_svm(v);

	/* INT n was cut short before it changed anything: the guest executes it again. */
	if (v->ev.irq_soft)
		return;
	svm_close_irq_window(s);
	svm_inject(s, v->ev.irq_vector | SVM_EVTINJ_TYPE_INTR, 0);
}

void svm_inject_nmi(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);

	svm_set_nmi_mask(v, true);
	svm_inject(s, VEC_NMI | SVM_EVTINJ_TYPE_NMI, 0);
}

/* INT3 we injected: back to the instruction. The guest's own runs again by itself. */
static void svm_requeue_exception(struct svm_vcpu *s, u32 info, u32 error)
{
	u8 vector = info & SVM_EXITINTINFO_VEC_MASK;

	if (is_soft(vector)) {
		if (!(s->watch & SVM_WATCH_SOFT))
			return;
		s->watch &= ~SVM_WATCH_SOFT;
		if (x86_rip(&s->x86) == s->soft_next)
			x86_set_rip(&s->x86, s->soft_rip);
	}
	x86_requeue_exception(&s->x86, vector, info & SVM_EXITINTINFO_VALID_ERR, error);
}

void svm_requeue(struct svm_vcpu *s, u32 info, u32 error)
{
	switch (info & SVM_EXITINTINFO_TYPE_MASK) {
	case SVM_EXITINTINFO_TYPE_INTR:
		x86_requeue_irq(&s->x86, info & SVM_EXITINTINFO_VEC_MASK, false);
		break;
	case SVM_EXITINTINFO_TYPE_NMI:
		x86_requeue_nmi(&s->x86);
		break;
	case SVM_EXITINTINFO_TYPE_EXEPT:
		svm_requeue_exception(s, info, error);
		break;
	default:
		break;		/* INT n: executed again */
	}
}

void svm_cancel_injection(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);
	struct vmcb_control_area *c = &s->block->control;

	if (c->event_inj & SVM_EVTINJ_VALID)
		svm_requeue(s, c->event_inj, c->event_inj_err);
	c->event_inj = 0;
	s->watch &= ~(SVM_WATCH_KICK | SVM_WATCH_STEP | SVM_WATCH_SOFT);
}

bool svm_irq_blocked(struct x86_vcpu *v)
{
	return !(x86_rflags(v) & X86_EFLAGS_IF) ||
	       (to_svm(v)->block->control.int_state & SVM_INTERRUPT_SHADOW_MASK);
}

bool svm_nmi_blocked(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);

	return s->nmi_masked || (s->block->control.int_state & SVM_INTERRUPT_SHADOW_MASK);
}

bool svm_get_nmi_mask(struct x86_vcpu *v)
{
	return to_svm(v)->nmi_masked;
}

/* Masked until the guest's IRET, which exits before it executes. */
void svm_set_nmi_mask(struct x86_vcpu *v, bool masked)
{
	struct svm_vcpu *s = to_svm(v);

	s->nmi_masked = masked;
	s->watch &= ~SVM_WATCH_IRET;
	svm_intercept(s, INTERCEPT_IRET, masked);
}

void svm_reset_events(struct svm_vcpu *s)
{
	s->nmi_masked = false;
	s->watch = 0;
	s->block->control.event_inj = 0;
}

/*
 * An interrupt of our own that the guest never gets: it exits when an interrupt
 * could be taken. Its priority and vector do not matter, the TPR is ignored.
 * While AVIC delivers it would not be looked at (APM 2 15.29.3).
 */
void svm_want_irq_window(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);
	struct vmcb_control_area *c = &s->block->control;

	if (unlikely(s->avic.mode)) {
		lapic_review_mode(v);
		return;
	}
	if (c->int_ctl & V_IRQ_MASK)
		return;
	c->int_ctl |= SVM_WINDOW_BITS;
	c->int_vector = 0;
	svm_intercept(s, INTERCEPT_VINTR, true);
	svm_intercept(s, INTERCEPT_CR8_WRITE, true);
	svm_touch(s, SVM_CLEAN_TPR);
}

void svm_close_irq_window(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;

	if (!(c->int_ctl & SVM_WINDOW_BITS))
		return;
	c->int_ctl &= ~SVM_WINDOW_BITS;
	svm_intercept(s, INTERCEPT_VINTR, false);
	svm_touch(s, SVM_CLEAN_TPR);
}

/*
 * There is no NMI window in this hardware. Masked: the IRET exits, and one step
 * behind it NMIs are open. Shadow: one step ends it. Another event in EVENTINJ:
 * a step would push our TF with it, so an IPI to ourselves makes the exit.
 */
void svm_want_nmi_window(struct x86_vcpu *v)
{
	struct svm_vcpu *s = to_svm(v);

	if (s->nmi_masked && !(s->watch & SVM_WATCH_IRET))
		return;
	if (s->block->control.event_inj & SVM_EVTINJ_VALID)
		s->watch |= SVM_WATCH_KICK;
	else
		s->watch |= SVM_WATCH_STEP;
}

u32 svm_get_int_shadow(struct x86_vcpu *v)
{
	/* The hardware does not tell which of the two it is. */
	return to_svm(v)->block->control.int_state & SVM_INTERRUPT_SHADOW_MASK ?
	       KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS : 0;
}

void svm_set_int_shadow(struct x86_vcpu *v, u32 mask)
{
	struct vmcb_control_area *c = &to_svm(v)->block->control;

	if (mask)
		c->int_state |= SVM_INTERRUPT_SHADOW_MASK;
	else
		c->int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
}

/* An exit ends it. */
bool svm_end_halt(struct x86_vcpu *v)
{
	return false;
}

/* --- around an entry that needs watching ------------------------------------- */

void svm_iret_intercepted(struct svm_vcpu *s)
{
	s->iret_rip = s->x86.regs.rip;
	s->watch |= SVM_WATCH_IRET;
	svm_intercept(s, INTERCEPT_IRET, false);
	kvm_request(&s->x86.vcpu, X86_REQ_EVENT);
	s->x86.exit.reason = X86_EXIT_RESUME;
}

/* IRQs off. TF is in the VMCB alone: v->regs keeps the guest's flags. */
void svm_watch_entry(struct svm_vcpu *s)
{
	if (s->watch & SVM_WATCH_STEP)
		s->block->save.rflags |= X86_EFLAGS_TF;
	if (s->watch & SVM_WATCH_KICK)
		smp_send_reschedule(smp_processor_id());
	if (s->watch & SVM_WATCH_DR)
		svm_load_drs(s);
}

/* The step's own #DB, and no other reason for one? */
static bool svm_step_ended(struct svm_vcpu *s, unsigned long old_rflags)
{
	struct vmcb_save_area *save = &s->block->save;

	if (s->block->control.exit_code != SVM_EXIT_EXCP_BASE + VEC_DB ||
	    !(save->dr6 & DR_STEP) || (old_rflags & X86_EFLAGS_TF))
		return false;
	save->dr6 &= ~DR_STEP;
	return true;
}

/*
 * @old_rflags is still what entry had. An IRET that faults leaves our TF in the
 * frame it pushes: one #DB too many for a guest whose NMI handler returns badly.
 */
bool svm_watch_exit(struct svm_vcpu *s, unsigned long old_rflags)
{
	struct x86_vcpu *v = &s->x86;
	u8 watch = s->watch;
	bool stepped = (watch & SVM_WATCH_STEP) && svm_step_ended(s, old_rflags);
	bool iret_done = (watch & SVM_WATCH_IRET) && (stepped || v->regs.rip != s->iret_rip);

	s->watch &= ~(SVM_WATCH_STEP | SVM_WATCH_KICK | SVM_WATCH_SOFT);
	if (watch & SVM_WATCH_DR)
		svm_store_drs(s);
	if (iret_done)
		svm_set_nmi_mask(v, false);
	/* After an IRET the flags are what it loaded. */
	if ((watch & SVM_WATCH_STEP) && !iret_done)
		v->regs.rflags = (v->regs.rflags & ~X86_EFLAGS_TF) | (old_rflags & X86_EFLAGS_TF);
	if (iret_done || (watch & (SVM_WATCH_STEP | SVM_WATCH_KICK)))
		kvm_request(&v->vcpu, X86_REQ_EVENT);
	if (!stepped || (s->block->save.dr6 & DR_TRAP_BITS))
		return false;
	v->exit.reason = X86_EXIT_NMI_WINDOW;
	return true;
}
