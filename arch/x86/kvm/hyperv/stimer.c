// SPDX-License-Identifier: GPL-2.0-only
/*
 * Synthetic timers (TLFS, "Timers"): four for each processor, which count the partition's
 * reference time. COUNT is a moment, or with the periodic bit a period. One that expires
 * writes a message for one of the synthetic interrupt controller's sources, or in direct
 * mode raises a vector of the local APIC.
 *
 * All is done in the vCPU's thread on its way to the guest: MSR writes in any order, as
 * of a VMM that restores them, hrtimers and EOMs no more than ask it to look.
 */
#include <linux/math64.h>
#include <linux/nospec.h>

#include "hv_trace.h"
#include "synic.h"

#define NS_PER_TICK	100
#define MAX_TICKS	(1ull << 55)	/* a century */

#define CONFIG_ENABLE	BIT_ULL(0)
#define CONFIG_PERIODIC	BIT_ULL(1)
#define CONFIG_AUTO	BIT_ULL(3)	/* enabled by a COUNT; bit 2, lazy, may be late */
#define CONFIG_DIRECT	BIT_ULL(12)

static unsigned int sint_of(const struct hv_stimer *t)
{
	return t->config >> 16 & 0xf;
}

static u8 vector_of(const struct hv_stimer *t)
{
	return t->config >> 4;
}

/* Source 0 is the hypervisor's own: a timer cannot have it. */
static bool is_on(const struct hv_stimer *t)
{
	return t->config & CONFIG_ENABLE && t->count &&
	       (t->config & CONFIG_DIRECT || sint_of(t));
}

static int id_of(const struct hv_stimer *t)
{
	return t->synic->v->vcpu.id;
}

static int nr_of(const struct hv_stimer *t)
{
	return t - t->synic->timers;
}

/* Any context. The bit before the request: see the run loop. */
static void look_at(struct hv_stimer *t)
{
	struct hv_synic *s = t->synic;

	set_bit(nr_of(t), &s->due);
	kvm_request(&s->v->vcpu, X86_REQ_STIMER);
}

static enum hrtimer_restart fired(struct hrtimer *h)
{
	struct hv_stimer *t = container_of(h, struct hv_stimer, hrtimer);
	struct kvm_vcpu *vcpu = &t->synic->v->vcpu;

	trace_kvm_hv_stimer_callback(id_of(t), nr_of(t));
	look_at(t);
	kvm_request(vcpu, KVM_REQ_UNBLOCK);
	kvm_vcpu_kick(vcpu);
	return HRTIMER_NORESTART;
}

static void stop(struct hv_stimer *t)
{
	trace_kvm_hv_stimer_cleanup(id_of(t), nr_of(t));
	hrtimer_cancel(&t->hrtimer);
	clear_bit(nr_of(t), &t->synic->due);
	t->expires = 0;
	t->owed = 0;
}

static bool tell_guest(struct hv_stimer *t, u64 now)
{
	struct hv_message m = {
		.header.message_type = HVMSG_TIMER_EXPIRED,
		.header.payload_size = sizeof(struct hv_timer_message_payload),
	};
	struct hv_timer_message_payload *p = (void *)m.u.payload;

	if (t->config & CONFIG_DIRECT) {
		lapic_raise(t->synic->v, vector_of(t));
		return true;
	}
	p->timer_index = nr_of(t);
	p->expiration_time = t->owed;
	p->delivery_time = now;
	return synic_post(t->synic, sint_of(t), &m);
}

/* Tells of the last time that it expired, if the guest does not know yet. */
static void settle(struct hv_stimer *t, u64 now)
{
	bool told;

	if (!t->owed)
		return;
	told = tell_guest(t, now);
	trace_kvm_hv_stimer_expiration(id_of(t), nr_of(t), !!(t->config & CONFIG_DIRECT),
				       told ? 0 : -EAGAIN);
	if (!told)
		return;
	t->owed = 0;
	if (!(t->config & CONFIG_PERIODIC))
		t->config &= ~CONFIG_ENABLE;
}

/* The next moment of a period, of those that have passed none. The clock may be set. */
static u64 next_period(const struct hv_stimer *t, u64 now)
{
	u64 shortest = div_u64(timer_min_period_ns(), NS_PER_TICK);
	u64 period = clamp(t->count, shortest, MAX_TICKS);

	if (!t->expires || t->expires > now + period)
		return now + period;
	return t->expires > now ? t->expires : now + period - (now - t->expires) % period;
}

static void arm(struct hv_stimer *t, u64 now)
{
	u64 ticks = t->expires > now ? min(t->expires - now, MAX_TICKS) : 0;

	if (t->config & CONFIG_PERIODIC)
		trace_kvm_hv_stimer_start_periodic(id_of(t), nr_of(t), now, t->expires);
	else
		trace_kvm_hv_stimer_start_one_shot(id_of(t), nr_of(t), now, t->count);
	hrtimer_start(&t->hrtimer, ktime_add_ns(ktime_get(), ticks * NS_PER_TICK),
		      HRTIMER_MODE_ABS_HARD);
}

static void run(struct hv_stimer *t, u64 now)
{
	const bool periodic = t->config & CONFIG_PERIODIC;

	if (!is_on(t)) {
		hrtimer_cancel(&t->hrtimer);
		return;
	}
	if (!t->expires)
		t->expires = periodic ? next_period(t, now) : t->count;
	if (now >= t->expires)
		t->owed = t->expires;
	settle(t, now);
	/* A period goes on, whether or not there was room; the other waits for room. */
	if (periodic)
		t->expires = next_period(t, now);
	else if (!is_on(t) || t->owed)
		return;
	arm(t, now);
}

void hyperv_run_timers(struct x86_vcpu *v)
{
	struct hv_synic *s = v->hyperv.synic;
	unsigned int i;

	for (i = 0; s && i < HV_SYNIC_STIMER_COUNT; i++)
		if (test_and_clear_bit(i, &s->due))
			run(&s->timers[i], hyperv_time(v));
}

bool hyperv_timer_due(struct x86_vcpu *v)
{
	struct hv_synic *s = smp_load_acquire(&v->hyperv.synic);

	return s && READ_ONCE(s->due);
}

void hyperv_recheck_timers(struct x86_vcpu *v)
{
	struct hv_synic *s = v->hyperv.synic;
	unsigned int i;

	for (i = 0; s && i < HV_SYNIC_STIMER_COUNT; i++)
		if (is_on(&s->timers[i]))
			look_at(&s->timers[i]);
}

void stimers_retry(struct hv_synic *s, unsigned int sint)
{
	struct hv_stimer *t;

	for (t = s->timers; t < s->timers + HV_SYNIC_STIMER_COUNT; t++)
		if (t->owed && sint_of(t) == sint)
			look_at(t);
}

/* --- registers ----------------------------------------------------------- */

/* CONFIG and COUNT take turns. */
static unsigned int timer_nr(u32 index)
{
	return array_index_nospec((index - HV_X64_MSR_STIMER0_CONFIG) / 2,
				  HV_SYNIC_STIMER_COUNT);
}

static bool is_count(u32 index)
{
	return (index - HV_X64_MSR_STIMER0_CONFIG) & 1;
}

int stimer_get_msr(struct x86_vcpu *v, u32 index, u64 *data)
{
	struct hv_synic *s = v->hyperv.synic;
	struct hv_stimer *t = s ? &s->timers[timer_nr(index)] : NULL;

	*data = !t ? 0 : is_count(index) ? t->count : t->config;
	return 0;
}

/* What is restored is the state as it was: COUNT does not change CONFIG. */
int stimer_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	struct hv_synic *s = v->hyperv.synic;
	const struct hyperv_vcpu *h = &v->hyperv;
	struct hv_stimer *t;

	if (!s)
		return !host || data;
	t = &s->timers[timer_nr(index)];
	if (!is_count(index) && !host && data & CONFIG_DIRECT &&
	    !hyperv_may(h, h->features_d, HV_STIMER_DIRECT_MODE_AVAILABLE))
		return 1;
	stop(t);
	if (!is_count(index)) {
		trace_kvm_hv_stimer_set_config(v->vcpu.id, nr_of(t), data, host);
		t->config = data;
		if (!host && !(data & CONFIG_DIRECT) && !sint_of(t))
			t->config &= ~CONFIG_ENABLE;
	} else {
		trace_kvm_hv_stimer_set_count(v->vcpu.id, nr_of(t), data, host);
		t->count = data;
		if (!host && !data)
			t->config &= ~CONFIG_ENABLE;
		else if (!host && t->config & CONFIG_AUTO)
			t->config |= CONFIG_ENABLE;
	}
	if (is_on(t))
		look_at(t);
	return 0;
}

/* --- life ---------------------------------------------------------------- */

void stimers_create(struct hv_synic *s)
{
	struct hv_stimer *t;

	for (t = s->timers; t < s->timers + HV_SYNIC_STIMER_COUNT; t++) {
		t->synic = s;
		hrtimer_init(&t->hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
		t->hrtimer.function = fired;
	}
}

void stimers_stop(struct hv_synic *s)
{
	struct hv_stimer *t;

	for (t = s->timers; t < s->timers + HV_SYNIC_STIMER_COUNT; t++) {
		stop(t);
		t->config = 0;
		t->count = 0;
	}
}
