// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer (SDM 3A 10.5.4): one-shot, periodic, TSC deadline.
 * Its bus runs at 1 GHz, so that a tick is a nanosecond.
 *
 * Where hardware can end the guest at a deadline, no hrtimer runs for it while
 * the vCPU's thread does: only one that sleeps needs to be woken.
 */
#include <linux/math64.h>
#include <linux/module.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "lapic.h"

static unsigned int min_timer_period_us = 200;
module_param(min_timer_period_us, uint, 0644);
MODULE_PARM_DESC(min_timer_period_us, "Shortest period of a guest's periodic timer");

#define MAX_DEADLINE_MS	(1ull << 40)	/* some decades */

/* Of the APICs, the 8254 and Hyper-V's timers: guests must not flood the host. */
u64 timer_min_period_ns(void)
{
	return (u64)max(READ_ONCE(min_timer_period_us), 1u) * NSEC_PER_USEC;
}

static enum hrtimer_restart lapic_timer_fire(struct hrtimer *h)
{
	struct lapic_timer *t = container_of(h, struct lapic_timer, hrtimer);
	struct lapic *a = container_of(t, struct lapic, timer);
	u64 period;

	atomic_inc(&t->pending);
	kvm_request(&a->v->vcpu, KVM_REQ_UNBLOCK);
	kvm_vcpu_kick(&a->v->vcpu);
	if (READ_ONCE(t->mode) != APIC_LVT_TIMER_PERIODIC)
		return HRTIMER_NORESTART;
	smp_rmb();	/* the mode before its period, see lapic_timer_set_mode() */
	period = READ_ONCE(t->period_ns);
	if (!period)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(h, ns_to_ktime(period));
	t->expires = hrtimer_get_expires(h);
	return HRTIMER_RESTART;
}

void lapic_timer_init(struct lapic *a)
{
	hrtimer_init(&a->timer.hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	a->timer.hrtimer.function = lapic_timer_fire;
	a->timer.divide = 2;
}

static void lapic_hv_cancel(struct lapic *a)
{
	if (!a->timer.hv_tsc)
		return;
	a->timer.hv_tsc = 0;
	x86_op(cancel_hv_timer)(a->v);
}

/*
 * False: an hrtimer has to do it. The counters of different CPUs have to be one,
 * since the thread moves; and hardware does not count in the deep sleep states
 * that a guest's own MWAIT may enter (SDM 3C 26.5.1).
 */
static bool lapic_hv_start(struct lapic *a, u64 guest_delta)
{
	u64 delta = tsc_guest_to_host_delta(a->v, guest_delta), now = rdtsc();

	if (check_tsc_unstable() || delta > U64_MAX - now ||
	    (to_x86_vm(a->v->vcpu.kvm)->disabled_exits & KVM_X86_DISABLE_EXITS_MWAIT) ||
	    !x86_op(set_hv_timer)(a->v, now + delta))
		return false;
	a->timer.hv_tsc = now + delta;
	return true;
}

void lapic_timer_cancel(struct lapic *a)
{
	lapic_hv_cancel(a);
	hrtimer_cancel(&a->timer.hrtimer);
	atomic_set(&a->timer.pending, 0);
	a->timer.expires = 0;
}

static void lapic_timer_arm(struct lapic *a, u64 ns)
{
	a->timer.expires = ktime_add_ns(ktime_get(), ns);
	hrtimer_start(&a->timer.hrtimer, a->timer.expires, HRTIMER_MODE_ABS_HARD);
}

/* TMICT was written: the count starts over. */
void lapic_timer_start(struct lapic *a)
{
	u64 ns = (u64)lapic_reg(a, APIC_TMICT) * a->timer.divide;

	lapic_timer_cancel(a);
	a->timer.period_ns = ns;
	if (!ns)
		return;
	/* A guest must not keep the host busy with its ticks. */
	if (a->timer.mode == APIC_LVT_TIMER_PERIODIC)
		a->timer.period_ns = max(ns, timer_min_period_ns());
	lapic_timer_arm(a, a->timer.period_ns);
}

static void lapic_deadline_expired(struct lapic *a)
{
	atomic_inc(&a->timer.pending);
	kvm_request(&a->v->vcpu, KVM_REQ_UNBLOCK);
}

static void lapic_deadline_start(struct lapic *a)
{
	struct x86_vcpu *v = a->v;
	u64 now, delta, ns;

	lapic_timer_cancel(a);
	if (!a->timer.deadline)
		return;
	now = tsc_read_guest(v, rdtsc());
	if (a->timer.deadline <= now || !v->tsc.khz) {
		lapic_deadline_expired(a);
		return;
	}
	delta = a->timer.deadline - now;
	if (!a->timer.sleeps && lapic_hv_start(a, delta))
		return;
	/* The quotient must fit: the guest chooses the deadline, DIV faults. */
	if (delta / v->tsc.khz > MAX_DEADLINE_MS)
		delta = MAX_DEADLINE_MS * v->tsc.khz;
	ns = mul_u64_u64_div_u64(delta, NSEC_PER_MSEC, v->tsc.khz);
	lapic_timer_arm(a, ns);
}

void lapic_timer_set_mode(struct lapic *a)
{
	u32 mode = lapic_reg(a, APIC_LVTT) & (APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_TSCDEADLINE);

	if (mode == a->timer.mode)
		return;
	/* Entering or leaving deadline mode disarms (SDM 3A 10.5.4.1). */
	if (mode == APIC_LVT_TIMER_TSCDEADLINE || a->timer.mode == APIC_LVT_TIMER_TSCDEADLINE) {
		lapic_timer_cancel(a);
		lapic_set_reg(a, APIC_TMICT, 0);
		a->timer.deadline = 0;
		a->timer.period_ns = 0;
	}
	/* A one-shot count that is running becomes a period: not too short a one. */
	if (mode == APIC_LVT_TIMER_PERIODIC && a->timer.period_ns)
		WRITE_ONCE(a->timer.period_ns, max(a->timer.period_ns, timer_min_period_ns()));
	smp_wmb();	/* the callback may be running */
	WRITE_ONCE(a->timer.mode, mode);
}

/* TDCR bits 3,1,0: 0 is 2, 1 is 4, ..., 7 is 1 (SDM 3A figure 10-10). */
void lapic_timer_set_divide(struct lapic *a)
{
	u32 tdcr = lapic_reg(a, APIC_TDCR);
	u32 shift = ((tdcr & 3) | ((tdcr & 8) >> 1)) + 1, left;

	left = lapic_timer_current(a);
	a->timer.divide = 1u << (shift & 7);
	if (a->timer.period_ns && (left || a->timer.mode == APIC_LVT_TIMER_PERIODIC))
		lapic_timer_restore(a, left);
}

u32 lapic_timer_current(struct lapic *a)
{
	u32 initial = lapic_reg(a, APIC_TMICT);
	s64 left;

	if (!initial || !a->timer.expires ||
	    a->timer.mode == APIC_LVT_TIMER_TSCDEADLINE)
		return 0;
	left = ktime_to_ns(ktime_sub(a->timer.expires, ktime_get()));
	if (left <= 0)
		return 0;
	/* A period may have been stretched, by us or by a host that counts in ticks. */
	return min_t(u64, div_u64(left, a->timer.divide), initial);
}

/*
 * After state was loaded: go on from @current_count. QEMU saves none. Of a one-shot
 * timer nobody knows then if it had fired: its guest gets one interrupt now, for
 * it may be waiting, and the stock modules do the same.
 */
void lapic_timer_restore(struct lapic *a, u32 current_count)
{
	u32 tdcr = lapic_reg(a, APIC_TDCR);
	u64 period;

	lapic_hv_cancel(a);
	hrtimer_cancel(&a->timer.hrtimer);
	a->timer.divide = 1u << ((((tdcr & 3) | ((tdcr & 8) >> 1)) + 1) & 7);
	a->timer.mode = lapic_reg(a, APIC_LVTT) &
			(APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_TSCDEADLINE);
	if (a->timer.mode == APIC_LVT_TIMER_TSCDEADLINE) {
		lapic_deadline_start(a);
		return;
	}
	period = (u64)lapic_reg(a, APIC_TMICT) * a->timer.divide;
	a->timer.period_ns = period;
	a->timer.expires = 0;
	if (a->timer.mode == APIC_LVT_TIMER_PERIODIC && period) {
		a->timer.period_ns = max(period, timer_min_period_ns());
		lapic_timer_arm(a, current_count ? (u64)current_count * a->timer.divide :
						   a->timer.period_ns);
	} else if (period) {
		lapic_timer_arm(a, (u64)current_count * a->timer.divide);
	}
}

void lapic_restart_timer(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;

	if (a && a->timer.mode == APIC_LVT_TIMER_TSCDEADLINE)
		lapic_deadline_start(a);
}

void lapic_timer_to_host(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;

	if (!a)
		return;
	a->timer.sleeps = true;
	if (a->timer.hv_tsc)
		lapic_deadline_start(a);
}

void lapic_timer_to_guest(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;

	if (!a)
		return;
	a->timer.sleeps = false;
	if (a->timer.mode == APIC_LVT_TIMER_TSCDEADLINE && hrtimer_active(&a->timer.hrtimer))
		lapic_deadline_start(a);
}

/* Far deadlines take more than one of the hardware's countdowns. */
void lapic_hv_timer_expired(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;

	if (!a || !a->timer.hv_tsc || rdtsc() < a->timer.hv_tsc)
		return;
	lapic_hv_cancel(a);
	lapic_deadline_expired(a);
}

u64 lapic_get_tscdeadline(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;

	return a && a->timer.mode == APIC_LVT_TIMER_TSCDEADLINE ? a->timer.deadline : 0;
}

void lapic_set_tscdeadline(struct x86_vcpu *v, u64 tsc)
{
	struct lapic *a = v->apic;

	if (!a || a->timer.mode != APIC_LVT_TIMER_TSCDEADLINE)
		return;
	a->timer.deadline = tsc;
	lapic_deadline_start(a);
}

bool lapic_timer_pending(struct x86_vcpu *v)
{
	return atomic_read(&v->apic->timer.pending) > 0;
}

void lapic_inject_timer(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;

	/* Expirations that were not taken in time are one interrupt. */
	atomic_set(&a->timer.pending, 0);
	if (a->timer.mode == APIC_LVT_TIMER_TSCDEADLINE) {
		/* Both kinds of timer may have been on for a moment. */
		if (!a->timer.deadline)
			return;
		a->timer.deadline = 0;
	}
	if (a->timer.mode != APIC_LVT_TIMER_PERIODIC)
		a->timer.expires = 0;
	lapic_local_deliver(a, APIC_LVTT);
}
