// SPDX-License-Identifier: GPL-2.0-only
/* AMD's core performance counters: APM 2 13.2. */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <asm/msr-index.h>

#include "pmu/pmu.h"

/* The first four have two numbers each. */
static const struct pmu_range svm_pmu_ranges[] = {
	{ MSR_K7_EVNTSEL0,	4, 1, PMU_REG_SELECT,	false },
	{ MSR_K7_PERFCTR0,	4, 1, PMU_REG_COUNT,	false },
	{ MSR_F15H_PERF_CTL,	6, 2, PMU_REG_SELECT,	true },
	{ MSR_F15H_PERF_CTR,	6, 2, PMU_REG_COUNT,	true },
};

/*
 * PMU_SEL_PIN is reserved. Which of host and guest is counted is not for a guest
 * to say that has no guests.
 */
const struct pmu_model svm_pmu = {
	.ranges = svm_pmu_ranges,
	.nr_ranges = ARRAY_SIZE(svm_pmu_ranges),
	.min_gp = 4,
	.max_gp = 6,
	.select_drops = true,
	.select = PMU_SEL_EVENT | PMU_SEL_EVENT_HI | PMU_SEL_UMASK | PMU_SEL_USR | PMU_SEL_OS |
		  PMU_SEL_EDGE | PMU_SEL_INT | PMU_SEL_EN | PMU_SEL_INV | PMU_SEL_CMASK,
	.raw = PMU_SEL_EVENT | PMU_SEL_EVENT_HI | PMU_SEL_UMASK | PMU_SEL_EDGE | PMU_SEL_INV |
	       PMU_SEL_CMASK,
	.event = PMU_SEL_EVENT | PMU_SEL_EVENT_HI | PMU_SEL_UMASK,
	.insns = 0x00c0,
	.branches = 0x00c2,
};
