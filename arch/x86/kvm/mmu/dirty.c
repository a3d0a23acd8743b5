// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty logging by write protection, or by dirty bits where hardware lists the
 * pages whose dirty bit it sets.
 *
 * Switching it on takes that bit from every leaf of the slot in one pass; large
 * pages are protected, and stay large until the first write to them. Reading
 * the log takes the bit again from what was written. In both cases TLBs are
 * flushed by whoever ends the operation, once.
 */
#include <linux/sched.h>

#include "../core.h"
#include "shadow.h"
#include "tables.h"

/* Hardware may set accessed and dirty bits at any time, hence the locked and. */
static bool protect(u64 *sptep, int level)
{
	u64 bit = level == 1 ? spte_format.logged : spte_format.writable;

	if (!(READ_ONCE(*sptep) & bit))
		return false;
	atomic64_andnot(bit, (atomic64_t *)sptep);
	return true;
}

void kvm_arch_dirty_log_sync(struct kvm *kvm)
{
	if (x86_caps.pml)
		kvm_leave_guests(kvm);
}

unsigned int kvm_arch_dirty_burst(void)
{
	return x86_caps.pml ? PAGE_SIZE / sizeof(u64) : 0;
}

void mmu_log_written(struct x86_vcpu *v, const u64 *gpas, unsigned int n)
{
	struct kvm_memslots *slots = mmu_slots(v);
	struct kvm_memslot *slot;

	lockdep_assert_irqs_disabled();
	for (; n; n--, gpas++) {
		/* Whatever the list is worth: slots come and go, and logging too. */
		slot = kvm_find_slot(slots, gpa_to_gfn(*gpas));
		if (slot)
			kvm_mark_dirty(v->vcpu.kvm, slot, gpa_to_gfn(*gpas));
	}
}
KVM_EXPORT(mmu_log_written);

/* Pages @mask, whose bit 0 is @base; @base + 64 may lie beyond the slot. */
static void protect_mask(hpa_t root, gfn_t base, unsigned long mask)
{
	unsigned long here, todo;
	struct tdp_run run;
	unsigned int at;

	while (mask) {
		at = __ffs(mask);
		tdp_run_at(root, base + at, base + BITS_PER_LONG, 0, &run);
		/* The bits that this piece covers: from @at up to its end. */
		here = mask;
		if (run.next != base + BITS_PER_LONG)
			here &= BIT(run.next - base) - 1;
		mask &= ~here;
		if (run.level > 1) {
			protect(run.sptep, run.level);
			continue;
		}
		for (todo = here; todo; todo &= todo - 1)
			protect(run.sptep + __ffs(todo) - at, 1);
	}
}

void kvm_arch_mmu_write_protect(struct kvm *kvm, const struct kvm_memslot *slot,
				unsigned long offset, unsigned long mask)
{
	hpa_t root = to_x86_vm(kvm)->mmu.root[slot->as_id];

	lockdep_assert_held_write(&kvm->mmu_lock);
	if (mmu_shadow())
		shadow_write_protect(slot, offset, mask);
	if (root != HPA_INVALID)
		protect_mask(root, slot->base_gfn + offset, mask);
}

/*
 * Faults go on meanwhile, by the slot's new flags already: what they make
 * writable they have marked dirty, and a second fault does no harm.
 */
static void protect_slot(struct kvm *kvm, const struct kvm_memslot *slot)
{
	gfn_t gfn = slot->base_gfn, end = gfn + slot->npages;
	struct mmu_vm *mmu = &to_x86_vm(kvm)->mmu;
	struct tdp_run run;
	bool flush = false;
	unsigned int i;

	read_lock(&kvm->mmu_lock);
	for (; gfn < end && mmu->root[slot->as_id] != HPA_INVALID; gfn = run.next) {
		tdp_run_at(mmu->root[slot->as_id], gfn, end, 0, &run);
		for (i = 0; i < run.n; i++)
			flush |= protect(run.sptep + i, run.level);
		cond_resched_rwlock_read(&kvm->mmu_lock);
	}
	read_unlock(&kvm->mmu_lock);
	if (flush)
		kvm_flush_remote_tlbs(kvm);
}

void kvm_arch_slot_commit(struct kvm *kvm, const struct kvm_memslot *old,
			  const struct kvm_memslot *new)
{
	if (mmu_shadow())
		shadow_set_limit(kvm);
	if (!old || !new)
		return;		/* nothing is mapped yet, or any more */
	if (!kvm_slot_logs_dirty(new)) {
		if (kvm_slot_logs_dirty(old))
			tdp_recover(kvm, new);
		return;
	}
	/* If all pages count as dirty, clearing their bits is what protects them. */
	if (kvm_slot_logs_dirty(old) || kvm->dirty_initially_set)
		return;
	if (mmu_shadow())
		shadow_slot_log(kvm, new);
	else
		protect_slot(kvm, new);
}
