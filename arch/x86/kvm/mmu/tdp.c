// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested tables: installing entries.
 *
 * vCPUs map side by side under mmu_lock taken for reading: every change is a
 * cmpxchg from what was looked at, and nothing is taken away but a huge leaf
 * that becomes a table of the same frames. Taking away is for the writers
 * (zap.c), so below the lock a table that was seen stays.
 */
#include "tables.h"

/* An empty table at @sptep, which was empty too. False: none cached. */
static bool add_table(struct x86_vcpu *v, u64 *sptep, u64 *spte)
{
	struct mmu_vcpu *mmu = &v->mmu;
	u64 new;

	if (!mmu->nr_cached)
		return false;
	new = spte_make_table(page_to_phys(mmu->cache[mmu->nr_cached - 1]));
	if (try_cmpxchg(sptep, spte, new)) {
		mmu->nr_cached--;
		*spte = new;
	}
	return true;
}

/* As above, in place of a huge leaf. */
static bool split_leaf(struct x86_vcpu *v, struct tdp_map *m, u64 *sptep, u64 *spte, int level)
{
	struct mmu_vcpu *mmu = &v->mmu;

	if (!mmu->nr_cached)
		return false;
	if (tdp_split(v->vcpu.kvm, sptep, spte, level, mmu->cache[mmu->nr_cached - 1])) {
		mmu->nr_cached--;
		m->flush = true;
	}
	return true;
}

static enum tdp_result set_leaf(struct kvm *kvm, struct tdp_map *m, u64 *sptep, u64 spte)
{
	hfn_t hfn = m->hfn & ~(level_pages(m->level) - 1);
	u64 new = spte_make_leaf(hfn << PAGE_SHIFT, m->level, m->memory, m->may_write, m->now);

	if (m->huge_exec)
		new |= spte_format.exec;
	if (unlikely(to_x86_vm(kvm)->mmu.noncoherent))
		new &= ~spte_format.forced;
	do {
		if (!spte)
			continue;
		if (!spte_is_leaf(spte, m->level))
			return TDP_IN_THE_WAY;
		if (spte_same_frame(spte, new)) {
			if (spte_allows(spte, m->write, m->fetch))
				return TDP_SPURIOUS;
		} else {
			m->flush = true;
		}
	} while (!try_cmpxchg(sptep, &spte, new));
	if (!spte)
		mmu_count(kvm, m->level, 1);
	return TDP_MAPPED;
}

/* Make *@sptep point to a table. @m as it is now, *@spte as last read. */
static enum tdp_result need_table(struct x86_vcpu *v, struct tdp_map *m, u64 *sptep, u64 *spte,
				  int level)
{
	while (!spte_is_table(*spte, level)) {
		if (*spte && spte_allows(*spte, m->write, m->fetch))
			return TDP_SPURIOUS;
		if (*spte ? split_leaf(v, m, sptep, spte, level) : add_table(v, sptep, spte))
			continue;
		m->need = level - m->level;
		return TDP_NO_TABLES;
	}
	return TDP_MAPPED;
}

enum tdp_result tdp_map(struct x86_vcpu *v, struct tdp_map *m)
{
	struct kvm *kvm = v->vcpu.kvm;
	u64 *sptep = (u64 *)__va(to_x86_vm(kvm)->mmu.root[v->vcpu.as_id]), spte;
	int level = x86_caps.tdp_levels;
	enum tdp_result r;

	for (;; level--) {
		sptep += level_index(m->gfn, level);
		spte = READ_ONCE(*sptep);
		if (level == m->level) {
			if (!m->keep_tables || !spte_is_table(spte, level))
				return set_leaf(kvm, m, sptep, spte);
			m->level--;
		}
		if (unlikely(!spte_is_table(spte, level))) {
			r = need_table(v, m, sptep, &spte, level);
			if (r != TDP_MAPPED)
				return r;
		}
		sptep = spte_table(spte);
	}
}
