// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large pages made small for the dirty log, and large again after it.
 *
 * A split keeps frames and takes no permission away from anybody;
 * TLBs are flushed all the same, since some processors don't bear two sizes of
 * one translation at a time.
 */
#include "tables.h"

bool tdp_split(struct kvm *kvm, u64 *sptep, u64 *spte, int level, struct page *page)
{
	u64 *table = page_address(page), old = *spte;
	unsigned int i;

	/* Protected as a whole for the log: its small pages have a better way. */
	if (level == 2 && spte_logs_dirty() && !spte_allows(old, true, false) &&
	    spte_may_open(old, 1, true))
		old = spte_open_clean(old);
	for (i = 0; i < TDP_ENTRIES; i++)
		table[i] = spte_part(old, level - 1, i);
	if (!try_cmpxchg(sptep, spte, spte_make_table(page_to_phys(page)))) {
		clear_page(table);	/* back to the cache, zeroed as all there */
		return false;
	}
	*spte = spte_make_table(page_to_phys(page));
	mmu_count(kvm, level, -1);
	mmu_count(kvm, level - 1, TDP_ENTRIES);
	return true;
}

/* Does the host map the 2 MiB at @gfn as one page now? mmu_lock held. */
static bool host_is_large(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t gfn)
{
	struct kvm_page p = { .slot = slot, .gfn = gfn, .hva = kvm_slot_hva(slot, gfn) };

	return mmu_slot_level(slot, gfn) >= 2 && kvm_page_host_level(kvm, &p) >= 2;
}

/* The next faults map at full size. */
void tdp_recover(struct kvm *kvm, const struct kvm_memslot *slot)
{
	gfn_t gfn = slot->base_gfn, end = gfn + slot->npages;
	struct mmu_vm *mmu = &to_x86_vm(kvm)->mmu;
	struct dead_tables dead = {};
	struct tdp_run run;
	bool flush = false;

	write_lock(&kvm->mmu_lock);
	for (; gfn < end && mmu->root[slot->as_id] != HPA_INVALID; gfn = run.next) {
		tdp_run_at(mmu->root[slot->as_id], gfn, end, 2, &run);
		if (run.level == 2 && spte_is_table(*run.sptep, 2) && host_is_large(kvm, slot, gfn))
			flush |= tdp_zap(kvm, slot->as_id, gfn, run.next, &dead);
		mmu_breathe(kvm, &flush, &dead);
	}
	if (flush)
		kvm_flush_remote_tlbs(kvm);
	write_unlock(&kvm->mmu_lock);
	mmu_dead_free(&dead);
}
