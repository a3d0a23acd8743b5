// SPDX-License-Identifier: GPL-2.0-only
/* Intel's architectural performance monitoring, version 2: SDM 3B 20.2. */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <asm/msr-index.h>

#include "pmu/pmu.h"

#define RANGE(index, count, kind) \
	{ .first = (index), .nr = (count), .step = 1, .reg = (kind) }

static const struct pmu_range vmx_pmu_ranges[] = {
	RANGE(MSR_IA32_PERFCTR0,		PMU_MAX_GP,	PMU_REG_COUNT),
	RANGE(MSR_P6_EVNTSEL0,			PMU_MAX_GP,	PMU_REG_SELECT),
	RANGE(MSR_CORE_PERF_FIXED_CTR0,		PMU_MAX_FIXED,	PMU_REG_FIXED),
	RANGE(MSR_CORE_PERF_FIXED_CTR_CTRL,	1,		PMU_REG_FIXED_CTRL),
	RANGE(MSR_CORE_PERF_GLOBAL_STATUS,	1,		PMU_REG_GLOBAL_STATUS),
	RANGE(MSR_CORE_PERF_GLOBAL_CTRL,	1,		PMU_REG_GLOBAL_CTRL),
	RANGE(MSR_CORE_PERF_GLOBAL_OVF_CTRL,	1,		PMU_REG_GLOBAL_RESET),
	RANGE(MSR_IA32_PMC0,			PMU_MAX_GP,	PMU_REG_COUNT_WIDE),
};

/* Unit mask and event, SDM 3B table 20-1 */
static const u16 vmx_pmu_events[] = {
	0x003c,		/* core cycles */
	0x00c0,		/* instructions */
	0x013c,		/* reference cycles */
	0x4f2e,		/* references to the last-level cache */
	0x412e,		/* and misses */
	0x00c4,		/* branches */
	0x00c5,		/* mispredicted ones */
};

const struct pmu_model vmx_pmu = {
	.ranges = vmx_pmu_ranges,
	.nr_ranges = ARRAY_SIZE(vmx_pmu_ranges),
	.leaf = true,
	.max_gp = PMU_MAX_GP,
	.narrow_writes = true,
	.masks_lvt = true,
	.select = PMU_SEL_EVENT | PMU_SEL_UMASK | PMU_SEL_USR | PMU_SEL_OS | PMU_SEL_EDGE |
		  PMU_SEL_PIN | PMU_SEL_INT | PMU_SEL_EN | PMU_SEL_INV | PMU_SEL_CMASK,
	.select_tx = PMU_SEL_TX | PMU_SEL_TX_CP,
	.raw = PMU_SEL_EVENT | PMU_SEL_UMASK | PMU_SEL_EDGE | PMU_SEL_INV | PMU_SEL_CMASK,
	.event = PMU_SEL_EVENT | PMU_SEL_UMASK,
	.arch_events = vmx_pmu_events,
	.nr_arch_events = ARRAY_SIZE(vmx_pmu_events),
	.insns = 0x00c0,
	.branches = 0x00c4,
};
