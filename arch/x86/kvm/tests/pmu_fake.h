/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU and a perf for the counters: no time passes but by guest_runs(). */
#ifndef TESTS_PMU_FAKE_H
#define TESTS_PMU_FAKE_H

#include <errno.h>
#include <linux/bits.h>
#include <linux/perf_event.h>

#include "pmu/pmu.h"

struct fake_perf {
	struct perf_event *events;
	unsigned int live, created;	/* events */
	bool refuses;			/* to make any */
	bool holds_nmis;		/* overflows are told by fake_nmis() */
	unsigned long late;		/* counters that wait for it */
};
extern struct fake_perf fake_perf;
extern const struct pmu_filter *fake_filter;
extern unsigned int fake_interrupts;	/* the guest got */
extern bool fake_wanted;		/* an update, by the code under test */

/* A new vCPU: nothing is left of the last one */
void fake_intel(struct pmu_vcpu *p, u32 eax, u32 ebx, u32 edx, bool wide, bool tx);
void fake_amd(struct pmu_vcpu *p, bool extended);
/* Entry if the update wants it, then each event counts @n, then the exit */
void guest_runs(struct pmu_vcpu *p, u64 n);
void fake_nmis(struct pmu_vcpu *p);
/* The live event of the counter @nr */
struct perf_event *fake_event(struct pmu_vcpu *p, unsigned int nr);

static inline int wr(struct pmu_vcpu *p, u32 index, u64 data)
{
	return pmu_reg_set(p, index, data, false);
}

/* ~0: there is no such register */
static inline u64 rd(struct pmu_vcpu *p, u32 index)
{
	u64 data;

	return pmu_reg_get(p, index, &data) ? ~0ull : data;
}

#endif
