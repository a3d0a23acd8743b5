// SPDX-License-Identifier: GPL-2.0-only
/* See pmu_fake.h and include/linux/perf_event.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <linux/err.h>

#include "pmu_fake.h"

struct fake_perf fake_perf;
const struct pmu_filter *fake_filter;
unsigned int fake_interrupts;
bool fake_wanted;

/* --- perf ----------------------------------------------------------------- */

struct perf_event *perf_event_create_kernel_counter(struct perf_event_attr *attr, int cpu,
						    struct task_struct *task,
						    perf_overflow_handler_t handler,
						    void *context)
{
	struct perf_event *e;

	assert(cpu == -1 && task && attr->size == sizeof(*attr));
	if (fake_perf.refuses)
		return ERR_PTR(-ENOENT);
	e = calloc(1, sizeof(*e));
	e->attr = *attr;
	e->handler = handler;
	e->overflow_handler_context = context;
	e->left = attr->sample_period;
	e->on = true;
	e->next = fake_perf.events;
	fake_perf.events = e;
	fake_perf.live++;
	fake_perf.created++;
	return e;
}

int perf_event_release_kernel(struct perf_event *event)
{
	struct perf_event **at = &fake_perf.events;

	while (*at != event)
		at = &(*at)->next;
	*at = event->next;
	free(event);
	fake_perf.live--;
	return 0;
}

u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running)
{
	*enabled = *running = 0;
	return event->count;
}

u64 perf_event_pause(struct perf_event *event, bool reset)
{
	u64 count = event->count;

	event->on = false;
	if (reset)
		event->count = 0;
	return count;
}

void perf_event_enable(struct perf_event *event)
{
	event->on = true;
}

/* As perf: none for events that were made without, and bit 63 is a sign */
int perf_event_period(struct perf_event *event, u64 value)
{
	if (!event->attr.sample_period || !value || value >> 63)
		return -EINVAL;
	event->attr.sample_period = event->left = value;
	return 0;
}

static void overflow(struct perf_event *e)
{
	struct pmu_counter *c = e->overflow_handler_context;

	if (fake_perf.holds_nmis)
		fake_perf.late |= BIT(c->nr);
	else
		e->handler(e, NULL, NULL);
}

static void count(struct perf_event *e, u64 n)
{
	assert(e->attr.exclude_host && e->attr.pinned);
	e->count += n;
	if (!e->attr.sample_period)
		return;
	for (; n >= e->left; e->left = e->attr.sample_period) {
		n -= e->left;
		overflow(e);
	}
	e->left -= n;
}

void fake_nmis(struct pmu_vcpu *p)
{
	unsigned int nr;

	for (nr = 0; nr < 64; nr++) {
		struct perf_event *e;

		if (!(fake_perf.late & BIT(nr)))
			continue;
		e = pmu_counter_of(p, nr)->event;
		if (e)
			e->handler(e, NULL, NULL);
	}
	fake_perf.late = 0;
}

/* --- the vCPU ------------------------------------------------------------- */

void pmu_want_update(struct pmu_vcpu *p)
{
	fake_wanted = true;
}

void pmu_overflow_seen(struct pmu_vcpu *p)
{
	fake_wanted = true;
}

bool pmu_allowed(struct pmu_vcpu *p, u64 event, int fixed)
{
	return !fake_filter || pmu_filter_passes(fake_filter, event, fixed);
}

static void update(struct pmu_vcpu *p)
{
	while (fake_wanted) {
		fake_wanted = false;
		fake_interrupts += pmu_update(p);
	}
}

void guest_runs(struct pmu_vcpu *p, u64 n)
{
	struct perf_event *e;

	update(p);
	for (e = fake_perf.events; e; e = e->next)
		if (e->on)
			count(e, n);
	update(p);
}

struct perf_event *fake_event(struct pmu_vcpu *p, unsigned int nr)
{
	return pmu_counter_of(p, nr)->event;
}

static void fresh(struct pmu_vcpu *p, const struct pmu_model *model)
{
	static struct pmu_vcpu *last;

	if (last)
		pmu_reset(last);
	last = p;
	assert(!fake_perf.live);
	memset(&fake_perf, 0, sizeof(fake_perf));
	memset(p, 0, sizeof(*p));
	fake_filter = NULL;
	fake_interrupts = 0;
	fake_wanted = false;
	pmu_init(p, model);
}

void fake_intel(struct pmu_vcpu *p, u32 eax, u32 ebx, u32 edx, bool wide, bool tx)
{
	static const struct pmu_shape host = {
		.version = 2, .nr_gp = 8, .gp_width = 48, .nr_fixed = 3, .fixed_width = 48,
	};
	u32 leaf[4] = { eax, ebx, 0, edx };

	fresh(p, &vmx_pmu);
	p->shape.wide = wide;
	p->shape.tx = tx;
	pmu_shape_from(&p->shape, p->model, &host, leaf);
	pmu_reset(p);
}

void fake_amd(struct pmu_vcpu *p, bool extended)
{
	static const struct pmu_shape host = { .version = 1, .nr_gp = 6, .gp_width = 48 };
	u32 leaf[4] = {};

	fresh(p, &svm_pmu);
	p->shape.extended = extended;
	pmu_shape_from(&p->shape, p->model, &host, leaf);
	pmu_reset(p);
}
