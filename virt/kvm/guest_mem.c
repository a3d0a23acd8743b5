// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: copies through the VMM's own mapping, cached places of small
 * structures, and host pages for the MMU.
 *
 * Pages come by GUP with a short reference and are never pinned. A PFNMAP or
 * IO area has no such reference to give: its frame is taken under the page
 * table lock, only if the entry is there and allows the write, and only if
 * the page can be referenced or is not of a kind that is ever freed. All else
 * is -EFAULT. The notifier revokes what was mapped in either case.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/uaccess.h>
#include "virt.h"

DEFINE_STATIC_KEY_FALSE(kvm_tells_writes);

/* Copies go by the current mm: a kernel thread has to borrow the VM's first. */
static bool in_vm_mm(struct kvm *kvm)
{
	return likely(current->mm == kvm->mm);
}

static void __user *slot_uptr(const struct kvm_memslot *slot, gpa_t gpa)
{
	return (void __user *)(kvm_slot_hva(slot, gpa_to_gfn(gpa)) + offset_in_page(gpa));
}

/* Bytes from @gpa to the end of @slot, at most @len. */
static unsigned long within(const struct kvm_memslot *slot, gpa_t gpa, unsigned long len)
{
	return min_t(u64, len, gfn_to_gpa(slot->base_gfn + slot->npages) - gpa);
}

/* Was written: for the dirty log, and for who wants to know. */
static void mark_range_dirty(struct kvm *kvm, const struct kvm_memslot *slot, gpa_t gpa,
			     unsigned long len)
{
	gfn_t gfn = gpa_to_gfn(gpa), last = gpa_to_gfn(gpa + len - 1);

	for (; gfn <= last; gfn++)
		kvm_mark_dirty(kvm, slot, gfn);
	if (static_branch_unlikely(&kvm_tells_writes))
		kvm_arch_guest_written(kvm, gpa, len);
}

/* What a processor writes in one piece others see in one piece: table entries among it. */
static unsigned long write_user(void __user *to, const void *from, unsigned long n)
{
	u64 wide;
	u32 narrow;

	if (n == sizeof(wide) && IS_ALIGNED((unsigned long)to, sizeof(wide))) {
		memcpy(&wide, from, sizeof(wide));
		return __put_user(wide, (u64 __user *)to) ? n : 0;
	}
	if (n == sizeof(narrow) && IS_ALIGNED((unsigned long)to, sizeof(narrow))) {
		memcpy(&narrow, from, sizeof(narrow));
		return __put_user(narrow, (u32 __user *)to) ? n : 0;
	}
	return __copy_to_user(to, from, n);
}

int kvm_read_guest(struct kvm *kvm, unsigned int as_id, gpa_t gpa, void *buf, unsigned long len)
{
	struct kvm_memslots *slots = kvm_slots(kvm, as_id);
	struct kvm_memslot *slot;
	unsigned long n;

	if (!in_vm_mm(kvm))
		return -EFAULT;
	for (; len; len -= n, gpa += n, buf += n) {
		slot = kvm_find_slot(slots, gpa_to_gfn(gpa));
		if (!slot)
			return -EFAULT;
		n = within(slot, gpa, len);
		if (__copy_from_user(buf, slot_uptr(slot, gpa), n))
			return -EFAULT;
	}
	return 0;
}

int kvm_write_guest(struct kvm *kvm, unsigned int as_id, gpa_t gpa, const void *buf,
		    unsigned long len)
{
	struct kvm_memslots *slots = kvm_slots(kvm, as_id);
	struct kvm_memslot *slot;
	unsigned long n;

	if (!in_vm_mm(kvm))
		return -EFAULT;
	for (; len; len -= n, gpa += n, buf += n) {
		slot = kvm_find_slot(slots, gpa_to_gfn(gpa));
		if (!slot || slot->flags & KVM_MEM_READONLY)
			return -EFAULT;
		n = within(slot, gpa, len);
		if (write_user(slot_uptr(slot, gpa), buf, n))
			return -EFAULT;
		mark_range_dirty(kvm, slot, gpa, n);
	}
	return 0;
}

int kvm_read_guest_atomic(struct kvm *kvm, unsigned int as_id, gpa_t gpa, void *buf,
			  unsigned int len)
{
	struct kvm_memslot *slot = kvm_gfn_to_slot(kvm, as_id, gpa_to_gfn(gpa));

	if (!slot || !in_vm_mm(kvm) || offset_in_page(gpa) + len > PAGE_SIZE)
		return -EFAULT;
	return copy_from_user_nofault(buf, slot_uptr(slot, gpa), len) ? -EFAULT : 0;
}

static bool cmpxchg_len(void *p, const void *old, const void *new, unsigned int len)
{
	switch (len) {
	case 1:
		return cmpxchg((u8 *)p, *(u8 *)old, *(u8 *)new) == *(u8 *)old;
	case 2:
		return cmpxchg((u16 *)p, *(u16 *)old, *(u16 *)new) == *(u16 *)old;
	case 4:
		return cmpxchg((u32 *)p, *(u32 *)old, *(u32 *)new) == *(u32 *)old;
	case 8:
		return cmpxchg((u64 *)p, *(u64 *)old, *(u64 *)new) == *(u64 *)old;
	default:
		return kvm_cmpxchg16(p, old, new);
	}
}

/* Aligned, or at least within a line, where x86 is atomic without a split lock. */
static bool may_cmpxchg(gpa_t gpa, unsigned int len)
{
	if (!len || len > 16 || !is_power_of_2(len))
		return false;
	return len == 16 ? !(gpa & 15) : (gpa & 63) + len <= 64;
}

/* Rare (locked instructions on emulated paths, accessed/dirty bits), so by the page itself. */
int kvm_cmpxchg_guest_quiet(struct kvm *kvm, unsigned int as_id, gpa_t gpa, const void *old,
			    const void *new, unsigned int len)
{
	struct kvm_memslot *slot = kvm_gfn_to_slot(kvm, as_id, gpa_to_gfn(gpa));
	struct page *page;
	bool swapped;
	void *map;

	if (!slot || slot->flags & KVM_MEM_READONLY || !in_vm_mm(kvm))
		return -EFAULT;
	if (!may_cmpxchg(gpa, len))
		return -EFAULT;
	if (get_user_pages_fast((unsigned long)slot_uptr(slot, gpa), 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	map = kmap_local_page(page);
	swapped = cmpxchg_len(map + offset_in_page(gpa), old, new, len);
	kunmap_local(map);
	set_page_dirty_lock(page);
	put_page(page);
	if (!swapped)
		return -EAGAIN;
	kvm_mark_dirty(kvm, slot, gpa_to_gfn(gpa));
	return 0;
}

int kvm_cmpxchg_guest(struct kvm *kvm, unsigned int as_id, gpa_t gpa, const void *old,
		      const void *new, unsigned int len)
{
	int ret = kvm_cmpxchg_guest_quiet(kvm, as_id, gpa, old, new, len);

	if (static_branch_unlikely(&kvm_tells_writes) && !ret)
		kvm_arch_guest_written(kvm, gpa, len);
	return ret;
}

hva_t kvm_gfn_to_hva(struct kvm *kvm, unsigned int as_id, gfn_t gfn, bool *writable)
{
	struct kvm_memslot *slot = kvm_gfn_to_slot(kvm, as_id, gfn);

	if (!slot)
		return 0;
	if (writable)
		*writable = !(slot->flags & KVM_MEM_READONLY);
	return kvm_slot_hva(slot, gfn);
}

int kvm_gmap_init(struct kvm *kvm, struct kvm_gmap *map, gpa_t gpa, unsigned int len)
{
	struct kvm_memslots *slots = kvm_slots(kvm, 0);
	struct kvm_memslot *slot;

	map->gpa = gpa;
	map->len = len;
	map->hva = 0;
	map->slot = NULL;
	map->generation = slots->generation;
	if (!len || gpa + len < gpa)
		return -EINVAL;
	slot = kvm_find_slot(slots, gpa_to_gfn(gpa));
	if (!slot)
		return -EFAULT;
	if (within(slot, gpa, len) == len) {
		map->slot = slot;
		map->hva = (hva_t)slot_uptr(slot, gpa);
	}
	return 0;
}

/* The user pointer of @off in @map, NULL: copy the slow way. -EFAULT for a bad range. */
static void __user *gmap_uptr(struct kvm *kvm, struct kvm_gmap *map, unsigned int off,
			      unsigned int len)
{
	if (off > map->len || len > map->len - off || !in_vm_mm(kvm))
		return (void __user *)ERR_PTR(-EFAULT);
	if (map->generation != kvm_slots(kvm, 0)->generation &&
	    kvm_gmap_init(kvm, map, map->gpa, map->len))
		return (void __user *)ERR_PTR(-EFAULT);
	return map->hva ? (void __user *)(map->hva + off) : NULL;
}

int kvm_gmap_read(struct kvm *kvm, struct kvm_gmap *map, unsigned int off, void *buf,
		  unsigned int len)
{
	void __user *from = gmap_uptr(kvm, map, off, len);

	if (IS_ERR((__force void *)from))
		return -EFAULT;
	if (!from)
		return kvm_read_guest(kvm, 0, map->gpa + off, buf, len);
	return __copy_from_user(buf, from, len) ? -EFAULT : 0;
}

int kvm_gmap_write(struct kvm *kvm, struct kvm_gmap *map, unsigned int off, const void *buf,
		   unsigned int len)
{
	void __user *to = gmap_uptr(kvm, map, off, len);

	if (IS_ERR((__force void *)to))
		return -EFAULT;
	if (!to)
		return kvm_write_guest(kvm, 0, map->gpa + off, buf, len);
	if (map->slot->flags & KVM_MEM_READONLY || __copy_to_user(to, buf, len))
		return -EFAULT;
	if (len)
		mark_range_dirty(kvm, map->slot, map->gpa + off, len);
	return 0;
}

/*
 * Atomic; the page is brought in first. A guest that changes the byte again and again
 * gets -EAGAIN in the end, and what it then holds is the guest's affair.
 */
int kvm_gmap_xchg_byte(struct kvm *kvm, struct kvm_gmap *map, unsigned int off, u8 new, u8 *old)
{
	u8 __user *p = gmap_uptr(kvm, map, off, 1);
	unsigned int tries = 64;
	bool done = false;
	u8 cur;

	if (IS_ERR_OR_NULL((__force void *)p) || map->slot->flags & KVM_MEM_READONLY)
		return -EFAULT;
	if (__get_user(cur, p) || !user_access_begin(p, 1))
		return -EFAULT;
	while (!done && tries--)
		done = unsafe_try_cmpxchg_user(p, &cur, new, fault);
	user_access_end();
	if (!done)
		return -EAGAIN;
	*old = cur;
	mark_range_dirty(kvm, map->slot, map->gpa + off, 1);
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

static int page_found(struct kvm_page *p, struct page *page, bool writable)
{
	p->page = page;
	p->hfn = page_to_pfn(page);
	p->writable = writable;
	return 0;
}

/* The frame's reference, if it needs one. False: it may go away any time. */
static bool take_frame(struct kvm_page *p, unsigned long hfn)
{
	struct page *page;

	p->hfn = hfn;
	p->page = NULL;
	if (!pfn_valid(hfn))
		return true;		/* a device's memory */
	page = pfn_to_page(hfn);
	if (PageReserved(page))
		return true;
	/* Also refuses the tail pages that some drivers map without a count of their own. */
	if (!get_page_unless_zero(page))
		return false;
	p->page = page;
	return true;
}

/* mmap_lock held. -EAGAIN: was faulted in, try again. */
static int get_pfnmap(struct kvm_page *p, struct vm_area_struct *vma)
{
	struct kvm_pfnmap m;
	bool unlocked = false;
	int ret = -EFAULT;

	if (p->write && !(vma->vm_flags & VM_WRITE))
		return -EFAULT;
	if (kvm_pfnmap_lookup(vma, p->hva, &m)) {
		ret = fixup_user_fault(vma->vm_mm, p->hva, p->write ? FAULT_FLAG_WRITE : 0,
				       &unlocked);
		if (ret)
			return -EFAULT;
		if (unlocked)
			return -EAGAIN;	/* the area may have changed */
		if (kvm_pfnmap_lookup(vma, p->hva, &m))
			return -EFAULT;
		ret = -EFAULT;
	}
	if ((m.writable || !p->write) && take_frame(p, m.hfn)) {
		p->writable = m.writable;
		ret = 0;
	}
	kvm_pfnmap_done(&m);
	return ret;
}

static int get_special(struct kvm *kvm, struct kvm_page *p)
{
	struct vm_area_struct *vma;
	int ret;

	mmap_read_lock(kvm->mm);
	vma = find_vma(kvm->mm, p->hva);
	if (vma && vma->vm_start <= p->hva && vma->vm_flags & (VM_IO | VM_PFNMAP))
		ret = get_pfnmap(p, vma);
	else
		ret = -EFAULT;
	mmap_read_unlock(kvm->mm);
	return ret;
}

/* The page if it is there and writable. */
static struct page *get_writable(const struct kvm_page *p)
{
	struct page *page;

	if (p->slot->flags & KVM_MEM_READONLY ||
	    get_user_pages_fast_only(p->hva, 1, FOLL_WRITE, &page) != 1)
		return NULL;
	return page;
}

/* GUP that may sleep. */
static int get_slowly(struct kvm_page *p)
{
	unsigned int flags = FOLL_HWPOISON | (p->write ? FOLL_WRITE : 0) |
			     (p->no_wait ? FOLL_NOWAIT : 0);
	struct page *page, *writable;
	long ret = get_user_pages_unlocked(p->hva, 1, &page, flags);

	if (ret != 1)
		return ret ? ret : -EAGAIN;
	if (p->write)
		return page_found(p, page, true);
	/* Having read it in, the host often maps it writable as well. */
	writable = get_writable(p);
	if (!writable)
		return page_found(p, page, false);
	put_page(page);
	return page_found(p, writable, true);
}

int kvm_page_get(struct kvm *kvm, struct kvm_page *p)
{
	struct page *page;
	int ret;

	p->hva = kvm_slot_hva(p->slot, p->gfn);
	p->page = NULL;
	p->host_level = 1;
	if (!in_vm_mm(kvm))
		return -EFAULT;
	if (p->write && p->slot->flags & KVM_MEM_READONLY)
		return -EFAULT;

	/* The common case; a page found so for a read may be mapped writable at once. */
	page = get_writable(p);
	if (page)
		return page_found(p, page, true);

	ret = get_slowly(p);
	if (fatal_signal_pending(current) && ret)
		return -EINTR;
	switch (ret) {
	case -EFAULT:
		return get_special(kvm, p);
	case 0:
	case -EHWPOISON:
	case -ENOMEM:
		return ret;
	default:
		return p->no_wait ? -EAGAIN : -EFAULT;
	}
}

void kvm_page_release(struct kvm_page *p, bool dirty)
{
	struct page *page = p->page;

	if (!page)
		return;
	/*
	 * GUP's fast way leaves the host's entry clean. Marked once here, as the
	 * host takes our mapping away before it cleans the page.
	 */
	if (dirty && !PageDirty(page)) {
		if (PageAnon(page))
			SetPageDirty(page);
		else
			set_page_dirty_lock(page);
	}
	put_page(page);		/* GUP has marked it accessed */
	p->page = NULL;
}

/*
 * IRQs off keep the tables from being freed: whoever frees one waits for us,
 * by IPI or by RCU.
 */
static u8 walk_host_tables(struct mm_struct *mm, hva_t hva)
{
	pgd_t *pgdp = pgd_offset(mm, hva), pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;

	if (pgd_none(pgd))
		return 1;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d) || !p4d_present(p4d))
		return 1;
	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud) || !pud_present(pud))
		return 1;
	if (pud_leaf(pud))
		return 3;
	pmdp = pmd_offset_lockless(pudp, pud, hva);
	pmd = READ_ONCE(*pmdp);
	if (pmd_none(pmd) || !pmd_present(pmd))
		return 1;
	return pmd_leaf(pmd) ? 2 : 1;
}

u8 kvm_page_host_level(struct kvm *kvm, const struct kvm_page *p)
{
	unsigned long flags;
	u8 level;

	local_irq_save(flags);
	level = walk_host_tables(kvm->mm, p->hva);
	local_irq_restore(flags);
	return level;
}
