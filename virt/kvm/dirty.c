// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: one bit per page of a slot, set before or while the page is
 * made writable or is written by us, taken by user space.
 *
 * Bits travel through a small buffer: taken under mmu_lock together with the
 * write protection of their pages, copied out without it. One TLB flush at
 * the end covers all: a write through an old translation may come after its
 * bit was taken, but not after the ioctl returned, so whoever reads the page
 * afterwards sees it.
 */
#include <linux/compat.h>
#include <linux/uaccess.h>
#include "virt.h"

#define CHUNK_WORDS	32

unsigned long kvm_dirty_words(const struct kvm_memslot *slot)
{
	return BITS_TO_LONGS(slot->npages);
}

void kvm_mark_dirty(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t gfn)
{
	/*
	 * Unconditional: a full barrier between the caller's write to the page
	 * and our look at the bit is needed anyway, and this is one.
	 */
	if (unlikely(READ_ONCE(kvm->dirty_ring_size))) {
		if (kvm_slot_logs_dirty(slot))
			kvm_dirty_ring_push(kvm, slot, gfn - slot->base_gfn);
	} else if (slot->dirty) {
		set_bit(gfn - slot->base_gfn, slot->dirty);
	}
}

static unsigned long __user *user_bitmap(const void __user *bitmap, u64 raw)
{
	/* The union's upper half means nothing to a 32-bit caller. */
	if (in_compat_syscall())
		return compat_ptr((u32)raw);
	return (unsigned long __user *)bitmap;
}

/* Take bits of @mask from word @w and let the next write fault. mmu_lock held for writing. */
static unsigned long take_bits(struct kvm *kvm, struct kvm_memslot *slot, unsigned long w,
			       unsigned long mask)
{
	unsigned long *word = &slot->dirty[w], taken;

	if (!(READ_ONCE(*word) & mask))
		return 0;
	if (mask == ~0UL)
		taken = xchg(word, 0);
	else
		taken = atomic_long_fetch_andnot(mask, (atomic_long_t *)word) & mask;
	if (taken)
		kvm_arch_mmu_write_protect(kvm, slot, w * BITS_PER_LONG, taken);
	return taken;
}

/* True if some bit was set; then @buf has them. */
static bool take_chunk(struct kvm *kvm, struct kvm_memslot *slot, unsigned long first,
		       unsigned long n, unsigned long *buf)
{
	unsigned long any = 0, i;

	/* Most of a log is zeros; don't stop the faults for those. */
#pragma GCC unroll 8
	for (i = 0; i < n; i++)
		any |= READ_ONCE(slot->dirty[first + i]);
	if (!any)
		return false;
	any = 0;
	write_lock(&kvm->mmu_lock);
	for (i = 0; i < n; i++) {
		buf[i] = take_bits(kvm, slot, first + i, ~0UL);
		any |= buf[i];
	}
	write_unlock(&kvm->mmu_lock);
	return any;
}

/* The copy failed: what the user did not get must not be lost. */
static void give_back(struct kvm_memslot *slot, unsigned long first, unsigned long n,
		      const unsigned long *buf)
{
	unsigned long i;

	for (i = 0; i < n; i++)
		atomic_long_or(buf[i], (atomic_long_t *)&slot->dirty[first + i]);
}

/* The classic way: reading clears. Returns -EFAULT or 0; *@flush if pages were protected. */
static int read_and_clear(struct kvm *kvm, struct kvm_memslot *slot,
			  unsigned long __user *to, bool *flush)
{
	unsigned long words = kvm_dirty_words(slot), first, n;
	unsigned long buf[CHUNK_WORDS];

	for (first = 0; first < words; first += n) {
		n = min_t(unsigned long, words - first, CHUNK_WORDS);
		if (!take_chunk(kvm, slot, first, n, buf)) {
			if (clear_user(to + first, n * sizeof(long)))
				return -EFAULT;
			continue;
		}
		*flush = true;
		if (copy_to_user(to + first, buf, n * sizeof(long))) {
			give_back(slot, first, n, buf);
			return -EFAULT;
		}
		cond_resched();
	}
	return 0;
}

/* slots_lock held. */
static struct kvm_memslot *logging_slot(struct kvm *kvm, u32 id)
{
	struct kvm_memslot *slot;

	if ((id >> 16) >= KVM_ADDRESS_SPACES || (u16)id >= KVM_USER_MEM_SLOTS)
		return ERR_PTR(-EINVAL);
	slot = kvm_slot_by_id(kvm, id);
	return slot && slot->dirty ? slot : ERR_PTR(-ENOENT);
}

long kvm_get_dirty_log(struct kvm *kvm, const struct kvm_dirty_log *log)
{
	unsigned long __user *to = user_bitmap(log->dirty_bitmap, log->padding2);
	struct kvm_memslot *slot;
	bool flush = false;
	long ret;

	if (READ_ONCE(kvm->dirty_ring_size))
		return -ENXIO;
	mutex_lock(&kvm->slots_lock);
	slot = logging_slot(kvm, log->slot);
	ret = PTR_ERR_OR_ZERO(slot);
	if (ret)
		goto out;
	kvm_arch_dirty_log_sync(kvm);
	if (kvm->dirty_manual_protect) {
		if (copy_to_user(to, slot->dirty, kvm_dirty_words(slot) * sizeof(long)))
			ret = -EFAULT;
		goto out;
	}
	ret = read_and_clear(kvm, slot, to, &flush);
	if (flush)
		kvm_flush_remote_tlbs(kvm);
out:
	mutex_unlock(&kvm->slots_lock);
	return ret;
}

/* Clear what @from asks for in @npages from @first (a multiple of 64) on. */
static int clear_range(struct kvm *kvm, struct kvm_memslot *slot, unsigned long first,
		       unsigned long npages, const unsigned long __user *from, bool *flush)
{
	unsigned long word = first / BITS_PER_LONG, words = BITS_TO_LONGS(npages);
	unsigned long buf[CHUNK_WORDS], done, n, i;

	for (done = 0; done < words; done += n) {
		n = min_t(unsigned long, words - done, CHUNK_WORDS);
		if (copy_from_user(buf, from + done, n * sizeof(long)))
			return -EFAULT;
		/* Bits beyond the slot's end are nobody's. */
		if (done + n == words && npages % BITS_PER_LONG)
			buf[n - 1] &= BITMAP_LAST_WORD_MASK(npages);
		write_lock(&kvm->mmu_lock);
		for (i = 0; i < n; i++)
			if (buf[i] && take_bits(kvm, slot, word + done + i, buf[i]))
				*flush = true;
		write_unlock(&kvm->mmu_lock);
		cond_resched();
	}
	return 0;
}

long kvm_clear_dirty_log(struct kvm *kvm, const struct kvm_clear_dirty_log *log)
{
	const unsigned long __user *from = user_bitmap(log->dirty_bitmap, log->padding2);
	u64 first = log->first_page, n = log->num_pages;
	struct kvm_memslot *slot;
	bool flush = false;
	long ret;

	if (READ_ONCE(kvm->dirty_ring_size))
		return -ENXIO;
	if (first % BITS_PER_LONG)
		return -EINVAL;
	mutex_lock(&kvm->slots_lock);
	slot = logging_slot(kvm, log->slot);
	ret = PTR_ERR_OR_ZERO(slot);
	if (ret)
		goto out;
	ret = -EINVAL;
	if (first > slot->npages || n > slot->npages - first ||
	    (n % BITS_PER_LONG && first + n != slot->npages))
		goto out;
	ret = clear_range(kvm, slot, first, n, from, &flush);
	if (flush)
		kvm_flush_remote_tlbs(kvm);
out:
	mutex_unlock(&kvm->slots_lock);
	return ret;
}

/* KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2. Under slots_lock, as the slots' users read it there. */
int kvm_enable_manual_dirty_log(struct kvm *kvm, u64 flags)
{
	if (flags & ~(u64)(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET))
		return -EINVAL;
	if ((flags & KVM_DIRTY_LOG_INITIALLY_SET) && !(flags & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE))
		return -EINVAL;
	mutex_lock(&kvm->slots_lock);
	kvm->dirty_manual_protect = flags & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
	kvm->dirty_initially_set = (flags & KVM_DIRTY_LOG_INITIALLY_SET) &&
				   !kvm->dirty_ring_size;
	mutex_unlock(&kvm->slots_lock);
	return 0;
}
