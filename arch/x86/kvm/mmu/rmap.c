// SPDX-License-Identifier: GPL-2.0-only
/*
 * From frames of the guest to the shadow entries that map them: a list for each
 * frame of a slot, through the entries' links.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../core.h"
#include "shadow.h"

/* The CPU may set accessed and dirty bits at any time, hence the locked and. */
static bool protect_list(const struct hlist_head *head)
{
	struct hlist_node *link;
	struct shadow_page *sp;
	bool any = false;
	u64 *sptep;

	hlist_for_each(link, head) {
		sptep = shadow_linked(link, &sp);
		if (!(READ_ONCE(*sptep) & SHADOW_W))
			continue;
		atomic64_andnot(SHADOW_W, (atomic64_t *)sptep);
		any = true;
	}
	return any;
}

static bool zap_list(struct kvm *kvm, struct hlist_head *head)
{
	struct hlist_node *link, *next;
	struct shadow_page *sp;
	bool any = false;

	hlist_for_each_safe(link, next, head) {
		shadow_linked(link, &sp);
		any |= shadow_clear(kvm, sp, link - shadow_link(sp, 0));
	}
	return any;
}

static bool age_list(const struct hlist_head *head, bool test_only)
{
	struct hlist_node *link;
	struct shadow_page *sp;
	bool young = false;
	u64 *sptep;

	hlist_for_each(link, head) {
		sptep = shadow_linked(link, &sp);
		if (!(READ_ONCE(*sptep) & SHADOW_A))
			continue;
		if (test_only)
			return true;
		atomic64_andnot(SHADOW_A, (atomic64_t *)sptep);
		young = true;
	}
	return young;
}

bool shadow_protect(struct kvm *kvm, gfn_t gfn)
{
	struct kvm_memslot *slot;
	bool any = false;
	unsigned int as;

	for (as = 0; as < KVM_ADDRESS_SPACES; as++) {
		slot = kvm_find_slot(kvm_slots(kvm, as), gfn);
		if (slot)
			any |= protect_list(shadow_rmap(slot, gfn));
	}
	return any;
}

int shadow_slot_prepare(struct kvm_memslot *new)
{
	if (!new->arch)
		new->arch = kvcalloc(new->npages, sizeof(struct hlist_head), GFP_KERNEL_ACCOUNT);
	return new->arch ? 0 : -ENOMEM;
}

/* Lets others in between, with nothing left to flush. True: they may have been. */
static bool breathe(struct kvm *kvm)
{
	if (likely(!need_resched() && !rwlock_needbreak(&kvm->mmu_lock)))
		return false;
	if (to_x86_vm(kvm)->mmu.shadow.flush_due)
		shadow_flush(kvm);
	cond_resched_rwlock_write(&kvm->mmu_lock);
	return true;
}

/* Pages for tables in the slot: what comes there next says something else. */
static void zap_tables(struct kvm *kvm, const struct kvm_memslot *slot)
{
	struct mmu_shadow_vm *s = &to_x86_vm(kvm)->mmu.shadow;
	struct shadow_page *sp, *next;

again:
	list_for_each_entry_safe(sp, next, &s->pages, lru) {
		if (sp->role.direct || sp->gfn - slot->base_gfn >= slot->npages)
			continue;
		shadow_zap_page(kvm, sp);
		if (breathe(kvm))
			goto again;	/* the list may be another one now */
	}
}

void shadow_slot_flush(struct kvm *kvm, const struct kvm_memslot *old)
{
	struct mmu_shadow_vm *s = &to_x86_vm(kvm)->mmu.shadow;
	gfn_t gfn;

	write_lock(&kvm->mmu_lock);
	zap_tables(kvm, old);
	for (gfn = old->base_gfn; gfn < old->base_gfn + old->npages; gfn++) {
		zap_list(kvm, shadow_rmap(old, gfn));
		breathe(kvm);
	}
	if (s->flush_due)
		shadow_flush(kvm);
	write_unlock(&kvm->mmu_lock);
}

/* Logging begins. Faults go by the slot's new flags already. */
void shadow_slot_log(struct kvm *kvm, const struct kvm_memslot *slot)
{
	gfn_t gfn;

	write_lock(&kvm->mmu_lock);
	for (gfn = slot->base_gfn; gfn < slot->base_gfn + slot->npages; gfn++) {
		if (protect_list(shadow_rmap(slot, gfn)))
			to_x86_vm(kvm)->mmu.shadow.flush_due = true;
		breathe(kvm);
	}
	if (to_x86_vm(kvm)->mmu.shadow.flush_due)
		shadow_flush(kvm);
	write_unlock(&kvm->mmu_lock);
}

bool shadow_zap(struct kvm *kvm, const struct kvm_gfn_range *r)
{
	struct mmu_shadow_vm *s = &to_x86_vm(kvm)->mmu.shadow;
	gfn_t gfn;

	lockdep_assert_held_write(&kvm->mmu_lock);
	for (gfn = r->start; gfn < r->end; gfn++) {
		zap_list(kvm, shadow_rmap(r->slot, gfn));
		if (r->may_block)
			breathe(kvm);
	}
	/* What left the tables earlier may be in some TLB: then so may this page. */
	if (s->flush_due)
		shadow_flush(kvm);
	return false;
}

bool shadow_age(struct kvm *kvm, const struct kvm_gfn_range *r, bool test_only)
{
	bool young = false;
	gfn_t gfn;

	lockdep_assert_held_write(&kvm->mmu_lock);
	for (gfn = r->start; gfn < r->end && !(young && test_only); gfn++)
		young |= age_list(shadow_rmap(r->slot, gfn), test_only);
	return young;
}

void shadow_write_protect(const struct kvm_memslot *slot, unsigned long offset,
			  unsigned long mask)
{
	for (; mask; mask &= mask - 1)
		protect_list(shadow_rmap(slot, slot->base_gfn + offset + __ffs(mask)));
}
