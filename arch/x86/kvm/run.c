// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_RUN: the loop around the guest.
 *
 * Outer loop, IRQs on: requests, events to inject, host work, exit rows that
 * may sleep. Inner loop, IRQs off: enter, and as long as exits can be dealt
 * with by fast rows and nobody wants anything, enter again.
 */
#include <linux/context_tracking.h>
#include <linux/hw_breakpoint.h>
#include <linux/kvm/compat.h>
#include <linux/sched/signal.h>
#include <linux/thread_info.h>
#include <linux/vtime.h>
#include <asm/debugreg.h>
#include <asm/fpu/api.h>

#include "core.h"
#include "ioctls.h"
#include "emul/emul.h"
#include "insn.h"
#include "trace.h"

/* What the kernel wants done before a thread runs other than kernel code. */
#define HOST_WORK	(_TIF_NEED_RESCHED | _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL |	\
			 _TIF_NOTIFY_RESUME)

static inline bool x86_host_work(void)
{
	return READ_ONCE(current_thread_info()->flags) & HOST_WORK;
}

/**
 * x86_skip_len() - step over an instruction of known length
 * @v: the vCPU
 * @len: its length
 *
 * Context: IRQs on or off. With EFLAGS.TF the #DB behind the instruction is
 * queued; x86_skip() also tells the VMM's debugger.
 */
void x86_skip_len(struct x86_vcpu *v, unsigned int len)
{
	unsigned long rip = x86_rip(v) + len;

	/* RIP wraps at 4 GiB outside 64-bit mode. */
	if (unlikely((rip ^ v->regs.rip) >> 32) && !x86_is_64bit(v))
		rip = (u32)rip;
	x86_set_rip(v, rip);
	x86_op(set_int_shadow)(v, 0);
	x86_insn_done(v, false);
}

enum x86_next x86_skip(struct x86_vcpu *v)
{
	enum x86_next next = X86_RESUME;
	unsigned int len = v->exit.insn_len;

	if (unlikely(!len)) {
		if (x86_op(skip_insn)(v) == 0) {
			x86_insn_done(v, false);
			goto stepped;
		}
		if (irqs_disabled())
			return X86_SLOW;
		next = x86_insn_length(v, &len);
		if (next != X86_RESUME || !len)
			return next;
	}
	x86_skip_len(v, len);
stepped:
	if (unlikely(x86_rflags(v) & (X86_EFLAGS_TF | X86_EFLAGS_RF)))
		x86_debug_step(v, &next);
	return next;
}

enum x86_next x86_internal_error(struct x86_vcpu *v, u32 suberror)
{
	struct kvm_run *run = v->vcpu.run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = 0;
	return X86_TO_USER;
}

/* Sleeps until something comes up. */
static void x86_sleep(struct x86_vcpu *v)
{
	struct kvm_vcpu *vcpu = &v->vcpu;

	lapic_timer_to_host(v);
	lapic_sleep(v, true);
	/* A guest that polls itself asks us not to (MSR_KVM_POLL_CONTROL). */
	if (v->mp_state == KVM_MP_STATE_HALTED && (v->msr.poll_control & 1))
		kvm_vcpu_halt(vcpu);
	else
		kvm_vcpu_block(vcpu);
	lapic_sleep(v, false);
	lapic_timer_to_guest(v);
}

/* Pages are there, or the guest's next step needs one that is not. */
static void x86_pages_came(struct x86_vcpu *v)
{
	asyncpf_update(v);
	if (!v->asyncpf.halted)
		return;
	x86_sleep(v);
	WRITE_ONCE(v->asyncpf.halted, false);
}

static enum x86_next x86_tell_tpr(struct x86_vcpu *v)
{
	struct kvm_run *run = v->vcpu.run;

	run->exit_reason = KVM_EXIT_TPR_ACCESS;
	run->tpr_access.rip = v->vapic.rip;
	run->tpr_access.is_write = v->vapic.write;
	return X86_TO_USER;
}

/* Requests in order of a possible reset first; most passes have none. */
static enum x86_next x86_requests(struct x86_vcpu *v)
{
	struct kvm_vcpu *vcpu = &v->vcpu;
	struct kvm_run *run = vcpu->run;
	int idx, ret = 0;

	if (test_bit(KVM_REQ_VM_DEAD, &vcpu->requests)) {
		v->run_error = -EIO;
		return X86_ERROR;
	}
	if (unlikely(test_bit(KVM_REQ_DIRTY_RING, &vcpu->requests))) {
		if (kvm_dirty_ring_exits(vcpu)) {
			run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;
			return X86_TO_USER;
		}
		clear_bit(KVM_REQ_DIRTY_RING, &vcpu->requests);
	}
	if (kvm_take_request(vcpu, X86_REQ_LOAD_ROOT))
		v->mmu.root = HPA_INVALID;
	if (kvm_take_request(vcpu, X86_REQ_MASTERCLOCK))
		kvmclock_update_master(vcpu->kvm);
	if (kvm_take_request(vcpu, X86_REQ_CLOCK)) {
		idx = srcu_read_lock(&vcpu->kvm->srcu);
		ret = kvmclock_update(v);
		srcu_read_unlock(&vcpu->kvm->srcu, idx);
		if (unlikely(ret))
			kvm_request(vcpu, X86_REQ_CLOCK);
	}
	if (kvm_take_request(vcpu, X86_REQ_STEAL))
		steal_update(v);	/* may ask for a flush */
	if (kvm_take_request(vcpu, X86_REQ_GUEST_FLUSH)) {
		mmu_new_cr3(v);
		kvm_request(vcpu, KVM_REQ_TLB_FLUSH);
	}
	if (kvm_take_request(vcpu, X86_REQ_TSC))
		x86_op(write_tsc)(v);
	if (kvm_take_request(vcpu, KVM_REQ_TLB_FLUSH)) {
		vcpu->stat.tlb_flush++;
		x86_op(flush_tlb)(v);
	}
	if (kvm_take_request(vcpu, X86_REQ_MSR_FILTER))
		x86_op(msr_filter_changed)(v);
	if (kvm_take_request(vcpu, X86_REQ_APIC_MODE))
		lapic_choose_mode(v);
	if (kvm_take_request(vcpu, X86_REQ_SCAN_IOAPIC))
		irqchip_scan(v);
	if (kvm_take_request(vcpu, X86_REQ_PMU))
		pmu_serve(v);
	if (kvm_take_request(vcpu, X86_REQ_NMI))
		kvm_request(vcpu, X86_REQ_EVENT);
	smm_collect(v);
	if (kvm_take_request(vcpu, X86_REQ_TRIPLE_FAULT)) {
		run->exit_reason = KVM_EXIT_SHUTDOWN;
		return X86_TO_USER;
	}
	if (kvm_take_request(vcpu, X86_REQ_HYPERV) && hyperv_tell_user(v))
		return X86_TO_USER;
	if (kvm_take_request(vcpu, X86_REQ_STIMER)) {
		idx = srcu_read_lock(&vcpu->kvm->srcu);
		hyperv_run_timers(v);
		srcu_read_unlock(&vcpu->kvm->srcu, idx);
	}
	if (kvm_take_request(vcpu, X86_REQ_ASYNCPF))
		x86_pages_came(v);
	/* x86_fill_run() takes it, since any exit to user space tells it. */
	if (test_bit(X86_REQ_BUS_LOCK, &vcpu->requests)) {
		run->exit_reason = KVM_EXIT_X86_BUS_LOCK;
		return X86_TO_USER;
	}
	if (kvm_take_request(vcpu, X86_REQ_IOAPIC_EOI)) {
		run->exit_reason = KVM_EXIT_IOAPIC_EOI;
		run->eoi.vector = v->eoi_vector;
		return X86_TO_USER;
	}
	if (kvm_take_request(vcpu, X86_REQ_TPR_REPORT))
		return x86_tell_tpr(v);
	/* Whoever sets it posted something first, which is looked at from here on. */
	clear_bit(KVM_REQ_UNBLOCK, &vcpu->requests);
	smp_mb__after_atomic();
	return X86_RESUME;
}

static bool x86_injection_cancelled(struct x86_vcpu *v)
{
	if (v->event_handed) {
		x86_op(cancel_injection)(v);
		v->event_handed = false;
		kvm_request(&v->vcpu, X86_REQ_EVENT);
	}
	return true;
}

/* IRQs off, mode IN_GUEST: did anything come up since we looked? */
static inline bool x86_must_leave(struct kvm_vcpu *vcpu)
{
	return kvm_requests_pending(vcpu) || x86_host_work();
}

/* An event handed over is hardware's now; enter() requeues it if it came back. */
static inline void x86_events_gone(struct x86_vcpu *v)
{
	if (likely(!v->event_handed))
		return;
	v->event_handed = false;
	if (v->ev.exc.injected)
		v->ev.exc.injected = false;
	else if (v->ev.nmi_injected)
		v->ev.nmi_injected = false;
	else
		v->ev.irq_injected = false;
	/* One at a time, in this order: the others come after the next exit. */
	if (unlikely(v->ev.nmi_injected || v->ev.irq_injected))
		kvm_request(&v->vcpu, X86_REQ_EVENT);
	/* Nothing tells when the guest is between two instructions: come back at once. */
	if (unlikely(v->smm.pending) && !v->smm.active) {
		kvm_request(&v->vcpu, X86_REQ_EVENT);
		smp_send_reschedule(smp_processor_id());
	}
}

static enum x86_next x86_inner(struct x86_vcpu *v)
{
	const struct x86_exit_row *row;
	enum x86_next next;

	do {
		x86_events_gone(v);
		trace_kvm_entry(v);
		x86_op(enter)(v);
		trace_kvm_exit(v);
		v->vcpu.stat.exits++;
		if (static_branch_unlikely(&lapic_pv_eoi) && !pv_eoi_collect(v))
			return X86_SLOW;
		row = &x86_exit_rows[v->exit.reason];
		if (!row->fast)
			return X86_SLOW;
		next = row->fast(v);
		if (next != X86_RESUME)
			return next;
		v->vcpu.stat.fast_exits++;
	} while (!x86_must_leave(&v->vcpu));
	return X86_RESUME;
}

/* Without these the guest has no instruction that sees XCR0, XSS or PKRU. */
static inline bool x86_owns_xstate(struct x86_vcpu *v)
{
	return x86_cr4(v) & (X86_CR4_OSXSAVE | X86_CR4_PKE);
}

static void x86_leave_guest(struct x86_vcpu *v)
{
	struct kvm_vcpu *vcpu = &v->vcpu;

	if (unlikely(hw_breakpoint_active()))
		x86_debug_unload(v);
	kvm_barrier_before_user();
	if (x86_owns_xstate(v))
		x86_load_host_xsave(v);
	/* Perf asks, from the handler */
	if (v->exit.reason == X86_EXIT_INTR)
		WRITE_ONCE(v->host_irq, true);
	/* First: who sees the mode relies on what this left nowhere but in memory. */
	x86_op(take_host_irq)(v);
	smp_store_release(&vcpu->mode, KVM_OUTSIDE_GUEST);
	/*
	 * Take pending interrupts before the time is accounted, so that a tick
	 * that ended guest mode still counts as guest time.
	 */
	if (v->exit.reason == X86_EXIT_INTR) {
		local_irq_enable();
		/* STI holds interrupts off for one more instruction: not only CLI. */
		vcpu->stat.irq_exits++;
		local_irq_disable();
		WRITE_ONCE(v->host_irq, false);
	}
	vtime_account_guest_exit();
	local_irq_enable();
	preempt_enable();
}

static enum x86_next x86_enter_guest(struct x86_vcpu *v)
{
	struct kvm_vcpu *vcpu = &v->vcpu;
	enum x86_next next;
	int ret;

	if (unlikely(v->mmu.root == HPA_INVALID)) {
		ret = mmu_load(v);
		if (ret) {
			v->run_error = ret;
			return X86_ERROR;
		}
	}
	preempt_disable();
	x86_op(prepare_guest)(v);
	local_irq_disable();
	/* Pairs with kvm_vcpu_kick(): either we see its request or it sees our mode. */
	smp_store_mb(vcpu->mode, KVM_IN_GUEST);
	if (unlikely(x86_must_leave(vcpu))) {
		smp_store_release(&vcpu->mode, KVM_OUTSIDE_GUEST);
		local_irq_enable();
		preempt_enable();
		x86_injection_cancelled(v);
		return X86_RESUME;
	}
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	if (x86_owns_xstate(v))
		x86_load_guest_xsave(v);
	if (unlikely(v->dbg.active))
		x86_debug_load(v);
	vtime_account_guest_enter();

	next = x86_inner(v);

	x86_leave_guest(v);
	return next;
}

/* The ordinary row of the exit we could not finish with IRQs off. */
static enum x86_next x86_handle_exit(struct x86_vcpu *v)
{
	struct kvm *kvm = v->vcpu.kvm;
	enum x86_next next;
	int idx;

	idx = srcu_read_lock(&kvm->srcu);
	v->between_insns = false;
	if (static_branch_unlikely(&lapic_pv_eoi))
		pv_eoi_settle(v);
	next = x86_exit_rows[v->exit.reason].handle(v);
	v->between_insns = next == X86_RESUME;
	srcu_read_unlock(&kvm->srcu, idx);
	return next;
}

static bool x86_runs(struct x86_vcpu *v)
{
	return v->mp_state == KVM_MP_STATE_RUNNABLE;
}

/* INIT and SIPI (SDM 3A 8.4). One of each: others may send them without end. */
static void x86_take_init_sipi(struct x86_vcpu *v)
{
	struct kvm_segment cs;
	unsigned int n;
	u8 vector = 0;
	int ev;

	/* SMM holds INIT off (SDM 3C 32.3.1). */
	if (v->smm.active)
		return;
	for (n = 0; n < 2; n++) {
		ev = lapic_take_init_sipi(v, &vector);
		if (ev == LAPIC_EV_NONE)
			return;
		if (ev == LAPIC_EV_INIT) {
			x86_vcpu_reset(v, true);
			v->mp_state = v->vcpu.id == to_x86_vm(v->vcpu.kvm)->bsp_vcpu_id ?
				      KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_INIT_RECEIVED;
			continue;
		}
		if (v->mp_state != KVM_MP_STATE_INIT_RECEIVED)
			continue;
		x86_op(get_segment)(v, X86_CS, &cs);
		cs.selector = vector << 8;
		cs.base = vector << 12;
		x86_op(set_segment)(v, X86_CS, &cs);
		x86_set_rip(v, 0);
		v->mp_state = KVM_MP_STATE_RUNNABLE;
	}
}

/* Something for a guest that is to be interrupted. Any context. */
static bool x86_event_waits(struct x86_vcpu *v)
{
	return x86_has_events(v) ||
	       (irqchip_has_pending(v) && (v->regs.rflags & X86_EFLAGS_IF));
}

/* What ends a HLT. Any context. */
static bool x86_halt_over(struct x86_vcpu *v)
{
	return READ_ONCE(v->pv_unhalted) || x86_event_waits(v);
}

/* Not running: halted or waiting to be started. */
static enum x86_next x86_wait(struct x86_vcpu *v)
{
	struct kvm_vcpu *vcpu = &v->vcpu;

	x86_sleep(v);
	if (v->apic && lapic_timer_pending(v))
		lapic_inject_timer(v);
	if (v->apic && lapic_has_init_sipi(v))
		x86_take_init_sipi(v);
	/* A flush, a clock update or a masked timer may end the wait, but not the HLT. */
	if (v->mp_state == KVM_MP_STATE_HALTED && x86_halt_over(v)) {
		v->pv_unhalted = false;
		v->smm.from_halt = smm_waits(v);
		v->mp_state = KVM_MP_STATE_RUNNABLE;
		kvm_request(vcpu, X86_REQ_EVENT);
	}
	return X86_RESUME;
}

static enum x86_next x86_host_work_do(struct x86_vcpu *v)
{
	int ret = kvm_host_work();

	if (!ret)
		return X86_RESUME;
	v->vcpu.run->exit_reason = KVM_EXIT_INTR;
	v->vcpu.stat.signal_exits++;
	v->run_error = ret;
	return X86_ERROR;
}

static enum x86_next x86_pass(struct x86_vcpu *v)
{
	struct kvm_vcpu *vcpu = &v->vcpu;
	enum x86_next next;

	if (unlikely(kvm_requests_pending(vcpu))) {
		next = x86_requests(v);
		if (next != X86_RESUME)
			return next;
	}
	if (v->apic && unlikely(lapic_timer_pending(v)))
		lapic_inject_timer(v);
	if (v->apic && unlikely(lapic_has_init_sipi(v)))
		x86_take_init_sipi(v);
	if (unlikely(!x86_runs(v)))
		return x86_wait(v);
	if (kvm_take_request(vcpu, X86_REQ_EVENT)) {
		x86_inject_events(v);
		v->event_handed = v->ev.exc.injected || v->ev.nmi_injected || v->ev.irq_injected;
	}
	if (unlikely(v->vapic.on))
		vapic_to_guest(v);
	next = x86_enter_guest(v);
	if (unlikely(v->vapic.on))
		vapic_from_guest(v);
	if (next == X86_SLOW)
		next = x86_handle_exit(v);
	return next;
}

static enum x86_next x86_loop(struct x86_vcpu *v)
{
	enum x86_next next;

	for (;;) {
		if (unlikely(x86_host_work())) {
			next = x86_host_work_do(v);
			if (next != X86_RESUME)
				return next;
		}
		if (unlikely(v->vcpu.run->request_interrupt_window) &&
		    x86_wants_user_irq_exit(v)) {
			if (x86_ready_for_user_irq(v)) {
				v->vcpu.stat.request_irq_exits++;
				v->vcpu.run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
				lapic_review_mode(v);
				return X86_TO_USER;
			}
			/* Not yet: ask for the window. */
			kvm_request(&v->vcpu, X86_REQ_EVENT);
		}
		next = x86_pass(v);
		if (next != X86_RESUME)
			return next;
	}
}

/* What kvm_run tells beside the exit reason. */
static void x86_fill_run(struct x86_vcpu *v)
{
	struct kvm_run *run = v->vcpu.run;
	struct irqchip_vm *ic = &to_x86_vm(v->vcpu.kvm)->irqchip;

	run->flags = v->smm.active ? KVM_RUN_X86_SMM : 0;
	if (kvm_take_request(&v->vcpu, X86_REQ_BUS_LOCK))
		run->flags |= KVM_RUN_X86_BUS_LOCK;
	run->if_flag = !!(x86_rflags(v) & X86_EFLAGS_IF);
	run->cr8 = x86_get_cr8(v);
	run->apic_base = lapic_get_base(v);
	run->ready_for_interrupt_injection = ic->mode == IRQCHIP_KERNEL ||
		(x86_ready_for_user_irq(v) && v->ext_vector < 0);
}

static enum x86_next x86_resume_user(struct x86_vcpu *v)
{
	enum x86_next (*complete)(struct x86_vcpu *v) = v->complete;

	v->complete = NULL;
	return complete(v);
}

/* An uninitialised AP waits for INIT and SIPI here; KVM_RUN returns -EAGAIN when it got one. */
static int x86_wait_for_start(struct x86_vcpu *v)
{
	struct kvm_run *run = v->vcpu.run;

	if (READ_ONCE(run->immediate_exit))
		return -EINTR;
	kvm_vcpu_block(&v->vcpu);
	if (v->apic && lapic_has_init_sipi(v))
		x86_take_init_sipi(v);
	if (signal_pending(current)) {
		run->exit_reason = KVM_EXIT_INTR;
		v->vcpu.stat.signal_exits++;
		return -EINTR;
	}
	return -EAGAIN;
}

static int x86_run(struct x86_vcpu *v)
{
	struct kvm_run *run = v->vcpu.run;
	enum x86_next next = X86_RESUME;
	int ret;

	if (unlikely(v->mp_state == KVM_MP_STATE_UNINITIALIZED))
		return x86_wait_for_start(v);
	if (unlikely(READ_ONCE(run->kvm_valid_regs) | READ_ONCE(run->kvm_dirty_regs))) {
		ret = sync_from_user(v);
		if (ret)
			return ret;
	}
	if (!v->apic && x86_set_cr8(v, READ_ONCE(run->cr8)))
		return -EINVAL;

	fpu_swap_kvm_fpstate(&v->fpu, true);
	trace_kvm_fpu(1);
	v->has_run = true;
	v->run_error = 0;
	if (v->complete)
		next = x86_resume_user(v);
	/* The exit reason stays: a VMM ends its last access so, and goes on with what it was. */
	if (next == X86_RESUME && READ_ONCE(run->immediate_exit)) {
		v->run_error = -EINTR;
		next = X86_ERROR;
	}
	if (next == X86_RESUME) {
		v->between_insns = true;
		next = x86_loop(v);
		v->between_insns = false;
		if (static_branch_unlikely(&lapic_pv_eoi))
			pv_eoi_take_back(v);
	}
	fpu_swap_kvm_fpstate(&v->fpu, false);
	trace_kvm_fpu(0);
	x86_fill_run(v);
	return next == X86_ERROR ? v->run_error : 0;
}

int kvm_arch_vcpu_run(struct kvm_vcpu *vcpu)
{
	int ret = x86_run(to_x86(vcpu));

	if (unlikely(READ_ONCE(vcpu->run->kvm_valid_regs)))
		sync_to_user(to_x86(vcpu));
	return ret;
}

/* Would a halted vCPU wake up? Any context; reads of others' state are hints. */
bool kvm_arch_vcpu_runnable(struct kvm_vcpu *vcpu)
{
	struct x86_vcpu *v = to_x86(vcpu);
	u32 state = READ_ONCE(v->mp_state);

	if (state == KVM_MP_STATE_RUNNABLE && likely(!READ_ONCE(v->asyncpf.halted)))
		return true;
	if (v->apic && lapic_has_init_sipi(v))
		return true;
	if (state != KVM_MP_STATE_HALTED && state != KVM_MP_STATE_RUNNABLE)
		return false;
	if (v->apic && (lapic_timer_pending(v) || hyperv_timer_due(v)))
		return true;
	return state == KVM_MP_STATE_HALTED ? x86_halt_over(v) : x86_event_waits(v);
}

bool kvm_arch_vcpu_in_kernel(struct kvm_vcpu *vcpu)
{
	return to_x86(vcpu)->last_cpl == 0;
}

long x86_get_mpstate(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	struct kvm_mp_state *s = arg;

	if (v->apic)
		x86_take_init_sipi(v);
	s->mp_state = v->mp_state == KVM_MP_STATE_HALTED && v->pv_unhalted ?
		      KVM_MP_STATE_RUNNABLE : v->mp_state;
	return 0;
}

long x86_set_mpstate(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_mp_state *s = arg;

	switch (s->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
	case KVM_MP_STATE_SIPI_RECEIVED:
		if (!v->apic)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	/* As for smm_check_events() */
	smm_collect(v);
	if ((v->smm.active || v->smm.pending) &&
	    (s->mp_state == KVM_MP_STATE_INIT_RECEIVED ||
	     s->mp_state == KVM_MP_STATE_SIPI_RECEIVED))
		return -EINVAL;
	v->smm.from_halt = false;
	v->mp_state = s->mp_state;
	if (s->mp_state == KVM_MP_STATE_SIPI_RECEIVED) {
		v->mp_state = KVM_MP_STATE_INIT_RECEIVED;
		lapic_post_sipi(v);
	}
	kvm_request(&v->vcpu, X86_REQ_EVENT);
	return 0;
}
