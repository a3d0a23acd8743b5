/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only ways to guest memory: copies through the VMM's own mapping, cached
 * checked maps, and pages for the MMU. All of them need kvm->srcu held by the
 * caller (read side) unless said otherwise; all bound the range to its slots.
 * What is done on a vCPU's behalf goes to the address space it is in: vcpu->as_id.
 */
#ifndef LINUX_KVM_GUEST_MEM_H
#define LINUX_KVM_GUEST_MEM_H

#include <linux/jump_label.h>
#include <linux/kvm/memslot.h>

/* -EFAULT when any byte is outside a slot or its hva faults. May sleep. */
int kvm_read_guest(struct kvm *kvm, unsigned int as_id, gpa_t gpa, void *buf, unsigned long len);
int kvm_write_guest(struct kvm *kvm, unsigned int as_id, gpa_t gpa, const void *buf,
		    unsigned long len);
/* As above within one page, without sleeping: -EFAULT too when not resident. */
int kvm_read_guest_atomic(struct kvm *kvm, unsigned int as_id, gpa_t gpa, void *buf,
			  unsigned int len);
/*
 * 0 done, -EAGAIN memory differed from @old, -EFAULT. @len a power of two up to 16; 16
 * aligned, less within a line.
 */
int kvm_cmpxchg_guest(struct kvm *kvm, unsigned int as_id, gpa_t gpa, const void *old,
		      const void *new, unsigned int len);
/* As above, and kvm_arch_guest_written() is not called. */
int kvm_cmpxchg_guest_quiet(struct kvm *kvm, unsigned int as_id, gpa_t gpa, const void *old,
			    const void *new, unsigned int len);
/* Does the architecture want to know of all writes made here? */
DECLARE_STATIC_KEY_FALSE(kvm_tells_writes);
/* hva of @gfn; 0 when there is none. *@writable: not a read-only slot. */
hva_t kvm_gfn_to_hva(struct kvm *kvm, unsigned int as_id, gfn_t gfn, bool *writable);

/*
 * A checked map of a small guest structure, valid until the slots change. Always of
 * space 0: what a guest's system shares with us lies in its own memory.
 */
struct kvm_gmap {
	gpa_t gpa;
	unsigned int len;
	hva_t hva;			/* 0: spans pages or has no slot; copies are slow */
	u64 generation;
	struct kvm_memslot *slot;	/* valid for @generation only, under srcu */
};

int kvm_gmap_init(struct kvm *kvm, struct kvm_gmap *map, gpa_t gpa, unsigned int len);
int kvm_gmap_read(struct kvm *kvm, struct kvm_gmap *map, unsigned int off, void *buf,
		  unsigned int len);
int kvm_gmap_write(struct kvm *kvm, struct kvm_gmap *map, unsigned int off, const void *buf,
		   unsigned int len);

/* Stores @new and tells what was there; 0, -EFAULT, -EAGAIN. */
int kvm_gmap_xchg_byte(struct kvm *kvm, struct kvm_gmap *map, unsigned int off, u8 new, u8 *old);

/*
 * A host page for the MMU to map. The caller samples kvm->invalidate_seq
 * first, maps under mmu_lock only if kvm_invalidated() says no, and drops the
 * reference with kvm_page_release() afterwards: mapped pages are not pinned,
 * the notifier takes them away.
 */
struct kvm_page {
	/* in */
	const struct kvm_memslot *slot;
	gfn_t gfn;
	bool write;
	bool no_wait;		/* fail with -EAGAIN instead of sleeping on I/O */
	/* out */
	hfn_t hfn;
	hva_t hva;
	struct page *page;	/* referenced; NULL for a frame without struct page refcount */
	bool writable;		/* the host lets us map it writable */
	u8 host_level;		/* in the host's tables, 1: 4K, 2: 2M, 3: 1G */
};

/* 0, -EFAULT (no mapping), -EHWPOISON, -EAGAIN, -EINTR. Sleeps unless no_wait. */
int kvm_page_get(struct kvm *kvm, struct kvm_page *p);
/*
 * @dirty: was or may be written. Sets accessed/dirty and drops the reference.
 * May sleep: no mmu_lock.
 */
void kvm_page_release(struct kvm_page *p, bool dirty);
/*
 * Level at which the host maps p->hva now. IRQs are disabled inside; under
 * mmu_lock with seq checked.
 */
u8 kvm_page_host_level(struct kvm *kvm, const struct kvm_page *p);

/* Under mmu_lock: did a notifier touch @hva since @seq was sampled? */
static inline bool kvm_invalidated(struct kvm *kvm, unsigned long seq, hva_t hva)
{
	lockdep_assert_held(&kvm->mmu_lock);
	if (unlikely(kvm->invalidate_in_progress) && hva >= kvm->invalidate_start &&
	    hva < kvm->invalidate_end)
		return true;
	return kvm->invalidate_seq != seq;
}

static inline unsigned long kvm_invalidate_seq(struct kvm *kvm)
{
	unsigned long seq = READ_ONCE(kvm->invalidate_seq);

	smp_rmb();	/* sample before looking at the host's page tables */
	return seq;
}

#endif
