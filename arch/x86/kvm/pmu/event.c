// SPDX-License-Identifier: GPL-2.0-only
/* What the guest's selectors mean, in perf's words and in the filter's. */
#include <linux/bits.h>
#include <linux/bsearch.h>
#include <linux/kernel.h>
#include <linux/perf_event.h>

#include "pmu.h"

/* Fixed counters, in their order (SDM 3B 20.2.2) */
static const u8 fixed_config[PMU_MAX_FIXED] = {
	PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_REF_CPU_CYCLES,
};

static bool is_fixed(const struct pmu_counter *c)
{
	return c->nr >= PMU_FIXED;
}

static unsigned int fixed_bits(const struct pmu_counter *c)
{
	return c->pmu->fixed_ctrl >> (c->nr - PMU_FIXED) * 4 & 0xf;
}

/* Before version 2 there is no such switch. */
static bool globally_on(const struct pmu_counter *c)
{
	return c->pmu->shape.version < 2 || (c->pmu->global_ctrl & BIT_ULL(c->nr));
}

/* CPUID says that there is no such event: SDM 2A CPUID, 0AH, EBX */
static bool missing(const struct pmu_vcpu *p, u64 select)
{
	unsigned int i;

	for (i = 0; i < p->model->nr_arch_events; i++)
		if (p->model->arch_events[i] == (select & (PMU_SEL_EVENT | PMU_SEL_UMASK)))
			return p->shape.missing & BIT(i);
	return false;
}

static bool fixed_program(struct pmu_counter *c, struct pmu_program *prog)
{
	unsigned int bits = fixed_bits(c), i = c->nr - PMU_FIXED;

	prog->fixed_kind = true;
	prog->user = bits & PMU_FIX_USR;
	prog->kernel = bits & PMU_FIX_OS;
	prog->config = fixed_config[i];
	return bits & (PMU_FIX_USR | PMU_FIX_OS) && pmu_allowed(c->pmu, 0, i);
}

static bool gp_program(struct pmu_counter *c, struct pmu_program *prog)
{
	const struct pmu_model *model = c->pmu->model;
	u64 sel = c->select, tx = c->pmu->shape.tx ? model->select_tx : 0;

	prog->fixed_kind = false;
	prog->user = sel & PMU_SEL_USR;
	prog->kernel = sel & PMU_SEL_OS;
	/* Without a pin to toggle, PMU_SEL_PIN has no effect. */
	prog->config = sel & (model->raw | tx);
	/* What is rolled back takes overflows with it (SDM 3B 20.3.6.5.1). */
	prog->no_period = sel & tx & PMU_SEL_TX_CP;
	return (sel & PMU_SEL_EN) && (prog->user || prog->kernel) && !missing(c->pmu, sel) &&
	       pmu_allowed(c->pmu, sel & model->event, -1);
}

bool pmu_program_of(struct pmu_counter *c, struct pmu_program *prog)
{
	if (!globally_on(c))
		return false;
	return is_fixed(c) ? fixed_program(c, prog) : gp_program(c, prog);
}

bool pmu_wants_interrupt(const struct pmu_counter *c)
{
	return is_fixed(c) ? fixed_bits(c) & PMU_FIX_INT : c->select & PMU_SEL_INT;
}

/* Each of them, that is: not those cycles alone that retire many. */
bool pmu_counts_insns(const struct pmu_counter *c, bool branches)
{
	const struct pmu_model *model = c->pmu->model;

	if (c->program.fixed_kind)
		return !branches && c->program.config == PERF_COUNT_HW_INSTRUCTIONS;
	return c->program.config == (branches ? model->branches : model->insns);
}

static int compare(const void *key, const void *at)
{
	u64 a = *(const u64 *)key, b = *(const u64 *)at;

	return a < b ? -1 : a > b;
}

bool pmu_filter_passes(const struct pmu_filter *f, u64 event, int fixed)
{
	bool listed;

	if (fixed >= 0)
		listed = f->fixed & BIT(fixed);
	else
		listed = f->nr && bsearch(&event, f->events, f->nr, sizeof(event), compare);
	return listed == f->allow;
}
