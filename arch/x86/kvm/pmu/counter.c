// SPDX-License-Identifier: GPL-2.0-only
/*
 * A counter's value, and the event of perf that goes on from there.
 *
 * An event counts in the guest alone (exclude_host) and ends a period where the
 * guest's counter wraps. It is the vCPU's thread's. When the guest stops the
 * counter the event is paused, since guests stop and start them at each of their
 * context switches and interrupts; pmu_age() gives back those that stay so.
 *
 * perf's interrupt only notes the counter. All else is done by the vCPU's thread,
 * with IRQs on, before it enters the guest again or looks at a register.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/perf_event.h>
#include <linux/sched.h>

#include "pmu.h"

struct pmu_counter *pmu_counter_of(struct pmu_vcpu *p, unsigned int nr)
{
	return nr < PMU_FIXED ? &p->gp[nr] : &p->fixed[nr - PMU_FIXED];
}

void pmu_counter_init(struct pmu_counter *c, struct pmu_vcpu *p, unsigned int nr)
{
	c->pmu = p;
	c->nr = nr;
}

static unsigned int width(const struct pmu_counter *c)
{
	const struct pmu_shape *s = &c->pmu->shape;

	return c->nr < PMU_FIXED ? s->gp_width : s->fixed_width;
}

static u64 mask(const struct pmu_counter *c)
{
	return GENMASK_ULL(width(c) - 1, 0);
}

static void report(struct pmu_counter *c)
{
	struct pmu_vcpu *p = c->pmu;

	p->global_status |= BIT_ULL(c->nr);
	if (pmu_wants_interrupt(c))
		p->interrupt = true;
}

void pmu_collect(struct pmu_vcpu *p)
{
	unsigned long bits;
	unsigned int nr;

	if (!READ_ONCE(p->overflowed))
		return;
	bits = xchg(&p->overflowed, 0);
	for_each_set_bit(nr, &bits, BITS_PER_LONG) {
		struct pmu_counter *c = pmu_counter_of(p, nr);

		c->told = true;
		report(c);
	}
	p->stale |= bits;	/* for another period */
}

/*
 * Bring the value up to what @count says. An overflow of which perf's interrupt
 * has not told shows here: the counter was stopped too early for it, or what was
 * emulated made it wrap.
 */
static void fold(struct pmu_counter *c, u64 count)
{
	u64 value = c->value + (count - c->seen) + c->emulated;

	pmu_collect(c->pmu);
	c->seen = count;
	c->emulated = 0;
	if (value & ~mask(c)) {
		if (!c->told) {
			report(c);
			/* The event would tell of it later. */
			c->pmu->stale |= BIT(c->nr);
			pmu_want_update(c->pmu);
		}
		c->told = false;
	}
	c->value = value & mask(c);
}

static u64 event_count(struct pmu_counter *c)
{
	u64 enabled, running;

	return perf_event_read_value(c->event, &enabled, &running);
}

u64 pmu_counter_read(struct pmu_counter *c)
{
	if (c->running)
		fold(c, event_count(c));
	return c->value;
}

/* The guest's, truncated: the event goes on to the new wrap. */
void pmu_counter_write(struct pmu_counter *c, u64 value)
{
	if (c->running)
		fold(c, event_count(c));
	c->emulated = 0;
	c->told = false;
	c->value = value & mask(c);
	c->pmu->stale |= BIT(c->nr);
	pmu_want_update(c->pmu);
}

static void counts(struct pmu_counter *c, bool on)
{
	struct pmu_vcpu *p = c->pmu;
	unsigned long bit = BIT(c->nr);

	c->running = on;
	p->touched |= bit;
	p->insns &= ~bit;
	p->branches &= ~bit;
	if (on && pmu_counts_insns(c, false))
		p->insns |= bit;
	if (on && pmu_counts_insns(c, true))
		p->branches |= bit;
}

static void pause_event(struct pmu_counter *c)
{
	if (!c->running)
		return;
	fold(c, perf_event_pause(c->event, false));
	counts(c, false);
}

void pmu_counter_release(struct pmu_counter *c)
{
	if (!c->event)
		return;
	pause_event(c);
	perf_event_release_kernel(c->event);
	c->event = NULL;
	c->seen = 0;
	c->pmu->held &= ~BIT(c->nr);
}

/* Any context, with the event's own CPU, in an NMI as a rule */
static void on_overflow(struct perf_event *event, struct perf_sample_data *data,
			struct pt_regs *regs)
{
	struct pmu_counter *c = event->overflow_handler_context;

	set_bit(c->nr, &c->pmu->overflowed);
	pmu_overflow_seen(c->pmu);
}

/* What is left to the wrap; perf has no period of 0 */
static u64 period(const struct pmu_counter *c)
{
	return mask(c) + 1 - c->value;
}

static void create_event(struct pmu_counter *c, const struct pmu_program *prog)
{
	struct perf_event_attr attr = {
		.type = prog->fixed_kind ? PERF_TYPE_HARDWARE : PERF_TYPE_RAW,
		.size = sizeof(attr),
		.config = prog->config,
		.pinned = true,
		.exclude_host = true,
		.exclude_user = !prog->user,
		.exclude_kernel = !prog->kernel,
		.sample_period = prog->no_period ? 0 : period(c),
	};
	struct perf_event *event;

	event = perf_event_create_kernel_counter(&attr, -1, current, on_overflow, c);
	/* The host has no such event, or no counter: the guest's stands still. */
	if (IS_ERR(event))
		return;
	c->event = event;
	c->seen = 0;
	c->program = *prog;
	c->pmu->held |= BIT(c->nr);
	counts(c, true);
}

static bool same(const struct pmu_program *a, const struct pmu_program *b)
{
	return a->fixed_kind == b->fixed_kind && a->user == b->user &&
	       a->kernel == b->kernel && a->config == b->config;
}

/* False: perf refuses, a new event is needed. */
static bool go_on(struct pmu_counter *c)
{
	if (!c->program.no_period && perf_event_period(c->event, period(c)))
		return false;
	if (!c->running) {
		perf_event_enable(c->event);
		counts(c, true);
	}
	return true;
}

static void update(struct pmu_counter *c)
{
	struct pmu_program prog = {};

	if (!pmu_program_of(c, &prog)) {
		pause_event(c);
		return;
	}
	if (c->event && same(&prog, &c->program)) {
		if (c->running)
			fold(c, event_count(c));
		if (go_on(c))
			return;
	}
	pmu_counter_release(c);
	create_event(c, &prog);
}

bool pmu_update(struct pmu_vcpu *p)
{
	unsigned long stale;
	unsigned int nr;
	bool interrupt;

	pmu_collect(p);
	stale = p->stale;
	p->stale = 0;
	for_each_set_bit(nr, &stale, BITS_PER_LONG)
		update(pmu_counter_of(p, nr));
	interrupt = p->interrupt;
	p->interrupt = false;
	return interrupt;
}

void pmu_age(struct pmu_vcpu *p)
{
	unsigned long unused = p->held & ~p->touched;
	unsigned int nr;

	p->touched = 0;
	for_each_set_bit(nr, &unused, BITS_PER_LONG) {
		struct pmu_counter *c = pmu_counter_of(p, nr);

		if (!c->running)
			pmu_counter_release(c);
	}
}

/*
 * A counter that interrupts has to do so in time: its event gets a shorter period.
 * The others take it along when somebody looks.
 */
void pmu_insn(struct pmu_vcpu *p, bool branch, bool user)
{
	unsigned long bits = p->insns | (branch ? p->branches : 0);
	unsigned int nr;

	for_each_set_bit(nr, &bits, BITS_PER_LONG) {
		struct pmu_counter *c = pmu_counter_of(p, nr);

		if (user ? !c->program.user : !c->program.kernel)
			continue;
		c->emulated++;
		if (!pmu_wants_interrupt(c))
			continue;
		p->stale |= BIT(nr);
		pmu_want_update(p);
	}
}
