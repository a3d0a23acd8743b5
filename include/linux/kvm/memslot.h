/* SPDX-License-Identifier: GPL-2.0-only */
/* User memory slots: which gfn lives at which hva of the VMM. */
#ifndef LINUX_KVM_MEMSLOT_H
#define LINUX_KVM_MEMSLOT_H

#include <linux/irqflags.h>
#include <linux/kvm/vm.h>

#define KVM_USER_MEM_SLOTS	32764	/* plus 3 of the kernel's own */
#define KVM_PRIVATE_SLOTS	3
#define KVM_SLOT_MAX_PAGES	((1UL << 31) - 1)

/* Head of what is unlinked but may still be read; freed with kvfree(). See memslot.c. */
struct kvm_stale {
	struct kvm_stale *next;
};

/* All fields are constant while the slot is visible in a set, but for the bitmap's bits. */
struct kvm_memslot {
	struct kvm_stale stale;		/* first */
	gfn_t base_gfn;
	unsigned long npages;
	hva_t hva;
	u32 flags;			/* KVM_MEM_* */
	u16 id;
	u8 as_id;
	unsigned long *dirty;		/* NULL unless logging by bitmap; set_bit only */
	void *arch;			/* the MMU's per-slot data, or NULL */
};

/* An immutable set, sorted by base_gfn; replaced as a whole. */
struct kvm_memslots {
	struct kvm_stale stale;		/* first */
	u64 generation;			/* grows with every change in either space, never 0 */
	unsigned int count;
	struct kvm_memslot *slot[];	/* by base_gfn */
};

static inline struct kvm_memslots *kvm_slots(struct kvm *kvm, unsigned int as_id)
{
	return srcu_dereference_check(kvm->slots[as_id], &kvm->srcu,
				      lockdep_is_held(&kvm->slots_lock) ||
				      irqs_disabled());	/* since the exit: exit-path.rst */
}

/* Binary search; NULL if no slot covers @gfn. Held as for kvm_slots(). */
struct kvm_memslot *kvm_find_slot(struct kvm_memslots *slots, gfn_t gfn);

static inline struct kvm_memslot *kvm_gfn_to_slot(struct kvm *kvm, unsigned int as_id, gfn_t gfn)
{
	return kvm_find_slot(kvm_slots(kvm, as_id), gfn);
}

static inline hva_t kvm_slot_hva(const struct kvm_memslot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base_gfn) << PAGE_SHIFT);
}

static inline bool kvm_slot_logs_dirty(const struct kvm_memslot *slot)
{
	return slot->flags & KVM_MEM_LOG_DIRTY_PAGES;
}

/* Both take slots_lock. */
int kvm_set_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region *region);
/* Slots the kernel itself owns (ids from KVM_USER_MEM_SLOTS), in all spaces; size 0 deletes. */
int kvm_set_private_region(struct kvm *kvm, unsigned int id, gpa_t gpa, u64 size);

/* dirty.c: any context with srcu or mmu_lock held */
void kvm_mark_dirty(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t gfn);

#endif
