// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMU notifier: what the host does to the VMM's memory, done to the
 * guest's mappings of it.
 *
 * mn_users counts the callbacks inside plus one for the VM. Teardown drops
 * that one and waits for those inside, which is short; later callbacks find 0
 * and leave. So the VM is taken apart without waiting for a grace period, and
 * only its struct stays until the notifier's own one has passed.
 */
#include <linux/completion.h>
#include "virt.h"
#include "virt_trace.h"

static struct kvm *to_kvm(struct mmu_notifier *mn)
{
	return container_of(mn, struct kvm, mn);
}

static bool enter(struct kvm *kvm)
{
	return refcount_inc_not_zero(&kvm->mn_users);
}

static void leave(struct kvm *kvm)
{
	if (refcount_dec_and_test(&kvm->mn_users))
		complete(&kvm->mn_silent);
}

typedef bool (*range_fn)(struct kvm *kvm, const struct kvm_gfn_range *r);

/* Does @fn on the part of @slot that lies within [@start, @end). */
static bool for_slot(struct kvm *kvm, const struct kvm_memslot *slot, hva_t start, hva_t end,
		     bool may_block, range_fn fn)
{
	hva_t slot_end = slot->hva + (slot->npages << PAGE_SHIFT);
	hva_t from = max(start, slot->hva), to = min(end, slot_end);
	struct kvm_gfn_range r = { .slot = slot, .may_block = may_block };

	if (from >= to)
		return false;
	r.start = slot->base_gfn + ((from - slot->hva) >> PAGE_SHIFT);
	r.end = slot->base_gfn + ((to - 1 - slot->hva) >> PAGE_SHIFT) + 1;
	return fn(kvm, &r);
}

/* mmu_lock held for writing, srcu for reading. */
static bool for_each_range(struct kvm *kvm, hva_t start, hva_t end, bool may_block, range_fn fn)
{
	struct kvm_memslot *leaving;
	struct kvm_memslots *set;
	unsigned int i, as_id;
	bool ret = false;

	for (as_id = 0; as_id < KVM_ADDRESS_SPACES; as_id++) {
		set = kvm_slots(kvm, as_id);
		for (i = 0; i < set->count; i++)
			ret |= for_slot(kvm, set->slot[i], start, end, may_block, fn);
	}
	smp_rmb();	/* memslot.c stores leaving_slot before the set without it */
	leaving = srcu_dereference(kvm->leaving_slot, &kvm->srcu);
	if (leaving)
		ret |= for_slot(kvm, leaving, start, end, may_block, fn);
	return ret;
}

static bool do_zap(struct kvm *kvm, const struct kvm_gfn_range *r)
{
	kvm->stat.mmu_unmaps++;
	return kvm_arch_mmu_zap(kvm, r);
}

static bool do_age(struct kvm *kvm, const struct kvm_gfn_range *r)
{
	return kvm_arch_mmu_age(kvm, r, false);
}

static bool do_test_age(struct kvm *kvm, const struct kvm_gfn_range *r)
{
	return kvm_arch_mmu_age(kvm, r, true);
}

/* Ranges may be invalidated side by side: keep their union until all have ended. */
static void note_start(struct kvm *kvm, hva_t start, hva_t end)
{
	if (!kvm->invalidate_in_progress++) {
		kvm->invalidate_start = start;
		kvm->invalidate_end = end;
	} else {
		kvm->invalidate_start = min(kvm->invalidate_start, start);
		kvm->invalidate_end = max(kvm->invalidate_end, end);
	}
}

static int mn_invalidate_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct kvm *kvm = to_kvm(mn);
	int idx;

	trace_kvm_unmap_hva_range(range->start, range->end);
	if (!enter(kvm))
		return 0;
	idx = srcu_read_lock(&kvm->srcu);
	write_lock(&kvm->mmu_lock);
	note_start(kvm, range->start, range->end);
	/* Before the lock goes: who finds the entry empty may rely on the flush. */
	if (for_each_range(kvm, range->start, range->end, mmu_notifier_range_blockable(range),
			   do_zap))
		kvm_flush_remote_tlbs(kvm);
	write_unlock(&kvm->mmu_lock);
	srcu_read_unlock(&kvm->srcu, idx);
	leave(kvm);
	return 0;
}

static void mn_invalidate_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct kvm *kvm = to_kvm(mn);

	if (!enter(kvm))
		return;
	write_lock(&kvm->mmu_lock);
	smp_wmb();	/* host page tables before the number, see kvm_invalidate_seq() */
	WRITE_ONCE(kvm->invalidate_seq, kvm->invalidate_seq + 1);
	kvm->invalidate_in_progress--;
	write_unlock(&kvm->mmu_lock);
	leave(kvm);
}

static int age_range(struct mmu_notifier *mn, hva_t start, hva_t end, range_fn fn, bool flush)
{
	struct kvm *kvm = to_kvm(mn);
	bool young;
	int idx;

	if (!enter(kvm))
		return 0;
	idx = srcu_read_lock(&kvm->srcu);
	write_lock(&kvm->mmu_lock);
	young = for_each_range(kvm, start, end, false, fn);
	if (young && flush)
		kvm_flush_remote_tlbs(kvm);
	write_unlock(&kvm->mmu_lock);
	srcu_read_unlock(&kvm->srcu, idx);
	leave(kvm);
	return young;
}

static int mn_clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
				unsigned long start, unsigned long end)
{
	trace_kvm_age_hva(start, end);
	return age_range(mn, start, end, do_age, true);
}

/* Without a flush an accessed bit may come back late: good enough for a guess at idleness. */
static int mn_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
			  unsigned long start, unsigned long end)
{
	trace_kvm_age_hva(start, end);
	return age_range(mn, start, end, do_age, false);
}

static int mn_test_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long address)
{
	trace_kvm_test_age_hva(address);
	return age_range(mn, address, address + PAGE_SIZE, do_test_age, false);
}

/* The mm is about to lose all its pages; the fds may live on. */
static void mn_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct kvm *kvm = to_kvm(mn);
	int idx;

	if (!enter(kvm))
		return;
	idx = srcu_read_lock(&kvm->srcu);
	kvm_arch_mmu_zap_all(kvm);
	srcu_read_unlock(&kvm->srcu, idx);
	leave(kvm);
}

/* After the notifier's grace period, in a callback of srcu: nothing here sleeps. */
static void mn_free(struct mmu_notifier *mn)
{
	kvm_arch_vm_free(to_kvm(mn));
}

static const struct mmu_notifier_ops kvm_mn_ops = {
	.invalidate_range_start	= mn_invalidate_start,
	.invalidate_range_end	= mn_invalidate_end,
	.clear_flush_young	= mn_clear_flush_young,
	.clear_young		= mn_clear_young,
	.test_young		= mn_test_young,
	.release		= mn_release,
	.free_notifier		= mn_free,
};

int kvm_notifier_start(struct kvm *kvm)
{
	refcount_set(&kvm->mn_users, 1);
	init_completion(&kvm->mn_silent);
	kvm->mn.ops = &kvm_mn_ops;
	return mmu_notifier_register(&kvm->mn, current->mm);
}

void kvm_notifier_stop(struct kvm *kvm)
{
	leave(kvm);
	wait_for_completion(&kvm->mn_silent);
}

void kvm_notifier_free_vm(struct kvm *kvm)
{
	mmu_notifier_put(&kvm->mn);
}

void kvm_notifier_module_exit(void)
{
	mmu_notifier_synchronize();
}
