// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking mappings away, and aging. mmu_lock is held for writing, so nobody
 * maps meanwhile; only hardware and the fix of write faults with IRQs off may
 * touch a leaf, and neither brings back what is gone.
 *
 * Whole tables are unlinked, never emptied: they are freed a grace period
 * after the TLBs were flushed, for those who walk with IRQs off.
 */
#include <linux/sched.h>

#include "shadow.h"
#include "tables.h"

/* Largest table unlinked in one go (1 GiB): bounds the time until somebody else gets the lock. */
#define ZAP_WHOLE	3

static bool zap_entries(struct kvm *kvm, const struct tdp_run *run)
{
	unsigned int i, n = 0;

	for (i = 0; i < run->n; i++) {
		if (!run->sptep[i])
			continue;
		/* The old value's accessed and dirty bits are of no use: a plain store will do. */
		WRITE_ONCE(run->sptep[i], 0);
		n++;
	}
	if (n)
		mmu_count(kvm, run->level, -(long)n);
	return n;
}

static bool zap_run(struct kvm *kvm, const struct tdp_run *run, struct dead_tables *dead)
{
	u64 spte = *run->sptep;

	if (!spte_is_table(spte, run->level))
		return zap_entries(kvm, run);
	WRITE_ONCE(*run->sptep, 0);
	mmu_table_drop(kvm, virt_to_page(spte_table(spte)), run->level - 1, dead);
	return true;
}

bool tdp_zap(struct kvm *kvm, unsigned int as_id, gfn_t start, gfn_t end,
	     struct dead_tables *dead)
{
	hpa_t root = to_x86_vm(kvm)->mmu.root[as_id];
	struct tdp_run run;
	bool flush = false;

	for (; start < end; start = run.next) {
		tdp_run_at(root, start, end, ZAP_WHOLE, &run);
		flush |= zap_run(kvm, &run, dead);
	}
	return flush;
}

void mmu_breathe(struct kvm *kvm, bool *flush, struct dead_tables *dead)
{
	if (likely(!need_resched() && !rwlock_needbreak(&kvm->mmu_lock)))
		return;
	if (*flush)
		kvm_flush_remote_tlbs(kvm);
	*flush = false;
	mmu_dead_free(dead);
	cond_resched_rwlock_write(&kvm->mmu_lock);
}

/* As tdp_zap(), in steps between which the lock may be let go. */
static bool zap_in_steps(struct kvm *kvm, unsigned int as_id, gfn_t start, gfn_t end,
			 struct dead_tables *dead)
{
	const u64 step = level_pages(ZAP_WHOLE);
	struct mmu_vm *mmu = &to_x86_vm(kvm)->mmu;
	bool flush = false;
	gfn_t next;

	for (; start < end && mmu->root[as_id] != HPA_INVALID; start = next) {
		next = min_t(gfn_t, end, (start | (step - 1)) + 1);
		flush |= tdp_zap(kvm, as_id, start, next, dead);
		mmu_breathe(kvm, &flush, dead);
	}
	return flush;
}

bool kvm_arch_mmu_zap(struct kvm *kvm, const struct kvm_gfn_range *r)
{
	const unsigned int as_id = r->slot->as_id;
	struct dead_tables dead = {};
	bool flush = false;

	lockdep_assert_held_write(&kvm->mmu_lock);
	if (mmu_shadow())
		return shadow_zap(kvm, r);
	if (r->may_block)
		flush = zap_in_steps(kvm, as_id, r->start, r->end, &dead);
	else if (to_x86_vm(kvm)->mmu.root[as_id] != HPA_INVALID)
		flush = tdp_zap(kvm, as_id, r->start, r->end, &dead);
	/* The caller flushes before it drops the lock, which holds up the grace period. */
	mmu_dead_free(&dead);
	return flush;
}

void kvm_arch_slot_flush(struct kvm *kvm, const struct kvm_memslot *old)
{
	struct dead_tables dead = {};

	if (mmu_shadow()) {
		shadow_slot_flush(kvm, old);
		return;
	}
	write_lock(&kvm->mmu_lock);
	if (zap_in_steps(kvm, old->as_id, old->base_gfn, old->base_gfn + old->npages, &dead))
		kvm_flush_remote_tlbs(kvm);
	write_unlock(&kvm->mmu_lock);
	mmu_dead_free(&dead);
}

/* mmu_lock held for writing */
static void replace_own_page(struct kvm *kvm, struct page *page, struct dead_tables *dead)
{
	struct mmu_vm *mmu = &to_x86_vm(kvm)->mmu;
	unsigned int as_id;
	bool flush = false;

	for (as_id = 0; mmu->own_page && as_id < KVM_ADDRESS_SPACES; as_id++)
		if (mmu->root[as_id] != HPA_INVALID)
			flush |= tdp_zap(kvm, as_id, mmu->own_gfn, mmu->own_gfn + 1, dead);
	if (flush)
		kvm_flush_remote_tlbs(kvm);
	mmu->own_page = page;
}

void mmu_set_own_page(struct kvm *kvm, gfn_t gfn, struct page *page)
{
	struct dead_tables dead = {};

	write_lock(&kvm->mmu_lock);
	replace_own_page(kvm, page, &dead);
	to_x86_vm(kvm)->mmu.own_gfn = gfn;
	write_unlock(&kvm->mmu_lock);
	mmu_dead_free(&dead);
}

void mmu_show_own_page(struct kvm *kvm, struct page *page)
{
	struct dead_tables dead = {};

	write_lock(&kvm->mmu_lock);
	if (to_x86_vm(kvm)->mmu.own_gfn)
		replace_own_page(kvm, page, &dead);
	write_unlock(&kvm->mmu_lock);
	mmu_dead_free(&dead);
}

/* Once the old roots are off every vCPU nobody cares how long taking them apart lasts. */
void kvm_arch_mmu_zap_all(struct kvm *kvm)
{
	struct mmu_vm *mmu = &to_x86_vm(kvm)->mmu;
	struct dead_tables dead = {};
	struct kvm_vcpu *vcpu;
	hpa_t root[KVM_ADDRESS_SPACES];
	unsigned int i;

	if (mmu_shadow()) {
		shadow_zap_all(kvm);
		return;
	}
	write_lock(&kvm->mmu_lock);
	for (i = 0; i < KVM_ADDRESS_SPACES; i++) {
		root[i] = mmu->root[i];
		mmu->root[i] = HPA_INVALID;
	}
	atomic64_set((atomic64_t *)&kvm->stat.pages_4k, 0);
	atomic64_set((atomic64_t *)&kvm->stat.pages_2m, 0);
	atomic64_set((atomic64_t *)&kvm->stat.pages_1g, 0);
	write_unlock(&kvm->mmu_lock);
	kvm_for_each_vcpu(i, vcpu, kvm)
		kvm_request(vcpu, X86_REQ_LOAD_ROOT);
	/* Gets every vCPU out of the guest; it sees both requests before it enters again. */
	kvm_flush_remote_tlbs(kvm);
	for (i = 0; i < KVM_ADDRESS_SPACES; i++)
		if (root[i] != HPA_INVALID)
			mmu_table_drop(NULL, pfn_to_page(PHYS_PFN(root[i])), x86_caps.tdp_levels,
				       &dead);
	mmu_dead_free(&dead);
}

/* Entries that force a memory type are made again without, or the other way round. */
void kvm_arch_set_noncoherent_dma(struct kvm *kvm, bool noncoherent)
{
	write_lock(&kvm->mmu_lock);
	WRITE_ONCE(to_x86_vm(kvm)->mmu.noncoherent, noncoherent);
	write_unlock(&kvm->mmu_lock);
	if (spte_format.forced)
		kvm_arch_mmu_zap_all(kvm);
}

bool kvm_arch_mmu_age(struct kvm *kvm, const struct kvm_gfn_range *r, bool test_only)
{
	hpa_t root = to_x86_vm(kvm)->mmu.root[r->slot->as_id];
	gfn_t gfn = r->start;
	struct tdp_run run;
	bool young = false;
	unsigned int i;

	lockdep_assert_held_write(&kvm->mmu_lock);
	if (mmu_shadow())
		return shadow_age(kvm, r, test_only);
	if (root == HPA_INVALID)
		return false;
	for (; gfn < r->end; gfn = run.next) {
		tdp_run_at(root, gfn, r->end, 0, &run);
		for (i = 0; i < run.n; i++) {
			if (!(READ_ONCE(run.sptep[i]) & spte_format.accessed))
				continue;
			if (test_only)
				return true;
			atomic64_andnot(spte_format.aged, (atomic64_t *)&run.sptep[i]);
			young = true;
		}
	}
	return young;
}
