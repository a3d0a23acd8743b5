// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways through the tables. Whoever walks holds mmu_lock, or has IRQs off and
 * lives with what it finds: a table that was unlinked meanwhile is freed a
 * grace period later, and sections with IRQs off count for that.
 */
#include "tables.h"

u64 *tdp_lookup(hpa_t root, gfn_t gfn, u64 *spte, int *level)
{
	u64 *sptep = (u64 *)__va(root), val;
	int lv = x86_caps.tdp_levels;

	for (;;) {
		sptep += level_index(gfn, lv);
		val = READ_ONCE(*sptep);
		if (!spte_is_table(val, lv))
			break;
		sptep = spte_table(val);
		lv--;
	}
	*spte = val;
	*level = lv;
	return sptep;
}

void tdp_run_at(hpa_t root, gfn_t gfn, gfn_t end, int whole, struct tdp_run *run)
{
	u64 *sptep = (u64 *)__va(root), val;
	int level = x86_caps.tdp_levels;
	u64 span, pos;

	for (; level > 1; level--) {
		sptep += level_index(gfn, level);
		val = READ_ONCE(*sptep);
		span = level_pages(level);
		pos = gfn & (span - 1);
		if (!spte_is_table(val, level) || (level <= whole && !pos && end - gfn >= span)) {
			run->sptep = sptep;
			run->n = 1;
			run->level = level;
			run->next = min(end, gfn - pos + span);
			return;
		}
		sptep = spte_table(val);
	}
	pos = level_index(gfn, 1);
	run->sptep = sptep + pos;
	run->n = min_t(u64, TDP_ENTRIES - pos, end - gfn);
	run->level = 1;
	run->next = gfn + run->n;
}
