// SPDX-License-Identifier: GPL-2.0-only
/* What to do about a nested page fault, and notes on addresses without a slot. */
#include "tables.h"

int mmu_slot_level(const struct kvm_memslot *slot, gfn_t gfn)
{
	gfn_t skew = slot->base_gfn ^ (slot->hva >> PAGE_SHIFT), base;
	int level = x86_caps.tdp_max_page_level;
	u64 pages;

	for (; level > 1; level--) {
		pages = level_pages(level);
		base = gfn & ~(pages - 1);
		if (!(skew & (pages - 1)) && base >= slot->base_gfn &&
		    base + pages <= slot->base_gfn + slot->npages)
			break;
	}
	return level;
}

/* Is some part of the page of @level around @hva being invalidated? mmu_lock held. */
static bool in_motion(struct kvm *kvm, hva_t hva, int level)
{
	hva_t size = level_pages(level) << PAGE_SHIFT, start = hva & ~(size - 1);

	return kvm->invalidate_in_progress && start < kvm->invalidate_end &&
	       kvm->invalidate_start < start + size;
}

static int pick_level(struct kvm *kvm, const struct kvm_page *p)
{
	int level;

	/* Only compound pages are mapped large, and device frames perhaps. */
	if (p->page && !PageCompound(p->page))
		return 1;
	if (p->write && kvm_slot_logs_dirty(p->slot))
		return 1;
	level = mmu_slot_level(p->slot, p->gfn);
	if (level > 1)
		level = min_t(int, level, kvm_page_host_level(kvm, p));
	while (level > 1 && (((p->hfn ^ p->gfn) & (level_pages(level) - 1)) ||
			     in_motion(kvm, p->hva, level)))
		level--;
	return level;
}

/* What is only read yet is left for the log to notice, if there is one. */
static enum spte_write pick_write(const struct kvm_page *p, int level)
{
	if (!p->writable)
		return SPTE_READ_ONLY;
	if (p->write || !kvm_slot_logs_dirty(p->slot))
		return SPTE_OPEN;
	return level == 1 && spte_logs_dirty() ? SPTE_OPEN_CLEAN : SPTE_READ_ONLY;
}

/* mmu_lock held. */
static enum tdp_result map_locked(struct x86_vcpu *v, const struct kvm_page *p, struct tdp_map *m)
{
	struct kvm *kvm = v->vcpu.kvm;
	enum tdp_result r;

	m->level = m->fetch && spte_exec_small() && !m->huge_exec ? 1 : pick_level(kvm, p);
	m->now = pick_write(p, m->level);
	r = tdp_map(v, m);
	/* After the entry: who takes the bit first finds it writable and protects it. */
	if (r == TDP_MAPPED && m->now == SPTE_OPEN && kvm_slot_logs_dirty(p->slot))
		kvm_mark_dirty(kvm, p->slot, p->gfn);
	return r;
}

/* mmu_lock held: may the page still be mapped? */
static bool still_valid(struct kvm *kvm, const struct kvm_page *p, unsigned long seq)
{
	return to_x86_vm(kvm)->mmu.root[p->slot->as_id] != HPA_INVALID &&
	       !kvm_invalidated(kvm, seq, p->hva);
}

/* Small pages sit where a large one belongs. */
static enum mmu_fault_result map_over(struct x86_vcpu *v, const struct kvm_page *p,
				      struct tdp_map *m, unsigned long seq)
{
	enum mmu_fault_result ret = MMU_RETRY;
	struct kvm *kvm = v->vcpu.kvm;
	struct dead_tables dead = {};
	gfn_t base;

	write_lock(&kvm->mmu_lock);
	if (still_valid(kvm, p, seq)) {
		base = m->gfn & ~(level_pages(m->level) - 1);
		if (tdp_zap(kvm, p->slot->as_id, base, base + level_pages(m->level), &dead))
			kvm_flush_remote_tlbs(kvm);
		if (map_locked(v, p, m) != TDP_NO_TABLES)
			ret = MMU_FIXED;
	}
	write_unlock(&kvm->mmu_lock);
	mmu_dead_free(&dead);
	return ret;
}

static enum mmu_fault_result map_page(struct x86_vcpu *v, const struct kvm_page *p,
				      bool fetch, unsigned long seq)
{
	struct kvm *kvm = v->vcpu.kvm;
	struct tdp_map m = {
		.gfn = p->gfn, .hfn = p->hfn, .write = p->write, .fetch = fetch,
		.memory = p->page || pfn_valid(p->hfn),
		.may_write = p->writable,
		.huge_exec = to_x86_vm(kvm)->mmu.huge_exec,
	};
	enum tdp_result r;

	m.keep_tables = kvm_slot_logs_dirty(p->slot) || (spte_exec_small() && !m.huge_exec);
	for (;;) {
		read_lock(&kvm->mmu_lock);
		if (!still_valid(kvm, p, seq)) {
			read_unlock(&kvm->mmu_lock);
			return MMU_RETRY;
		}
		r = map_locked(v, p, &m);
		read_unlock(&kvm->mmu_lock);
		if (m.flush) {
			kvm_flush_remote_tlbs(kvm);
			m.flush = false;
		}
		if (likely(r != TDP_NO_TABLES))
			break;
		if (mmu_cache_fill(v, m.need))
			return MMU_NOMEM;
	}
	if (unlikely(r == TDP_IN_THE_WAY))
		return map_over(v, p, &m, seq);
	if (r == TDP_SPURIOUS)
		v->vcpu.stat.pf_spurious++;
	return MMU_FIXED;
}

/* No slot there: our own page, or a device. */
static enum mmu_fault_result map_own_page(struct x86_vcpu *v, gfn_t gfn)
{
	struct kvm *kvm = v->vcpu.kvm;
	struct mmu_vm *mmu = &to_x86_vm(kvm)->mmu;
	struct tdp_map m = {
		.gfn = gfn, .level = 1, .write = true, .memory = true,
		.may_write = true, .now = SPTE_OPEN,
	};
	enum tdp_result r;

	do {
		read_lock(&kvm->mmu_lock);
		if (!mmu->own_page || mmu->own_gfn != gfn ||
		    mmu->root[v->vcpu.as_id] == HPA_INVALID) {
			read_unlock(&kvm->mmu_lock);
			return MMU_MMIO;
		}
		m.hfn = page_to_pfn(mmu->own_page);
		r = tdp_map(v, &m);
		read_unlock(&kvm->mmu_lock);
		if (r != TDP_NO_TABLES)
			return MMU_FIXED;
	} while (!mmu_cache_fill(v, m.need));
	return MMU_NOMEM;
}

enum mmu_fault_result mmu_page_error(int err)
{
	switch (err) {
	case -EHWPOISON:
		return MMU_HWPOISON;
	case -EAGAIN:
		return MMU_RETRY;
	case -EINTR:
		return MMU_INTR;
	case -ENOMEM:
		return MMU_NOMEM;
	default:
		return MMU_EFAULT;
	}
}

/**
 * mmu_fault() - a guest access missed in the second-level tables
 * @v: the vCPU, loaded
 * @gpa: the address
 * @flags: X86_FAULT_*
 *
 * Context: process, srcu held, no spinlock. May sleep.
 * Return: what to do next, see enum mmu_fault_result.
 */
enum mmu_fault_result mmu_fault(struct x86_vcpu *v, gpa_t gpa, u32 flags)
{
	struct kvm *kvm = v->vcpu.kvm;
	struct kvm_page p = { .gfn = gpa_to_gfn(gpa), .write = flags & X86_FAULT_WRITE };
	enum mmu_fault_result ret;
	unsigned long seq;
	int err;

	/* Ours have no reserved bits: only a broken table or processor gets here. */
	if (unlikely(flags & X86_FAULT_RSVD))
		return MMU_EFAULT;
	p.slot = kvm_find_slot(mmu_slots(v), p.gfn);
	if (!p.slot)
		return map_own_page(v, p.gfn);
	if (unlikely(p.write && (p.slot->flags & KVM_MEM_READONLY)))
		return MMU_READONLY;

	seq = kvm_invalidate_seq(kvm);
	err = asyncpf_get_page(v, &p);
	if (unlikely(err))
		return mmu_page_error(err);
	if (p.slot->flags & KVM_MEM_READONLY)
		p.writable = false;
	ret = map_page(v, &p, flags & X86_FAULT_FETCH, seq);
	kvm_page_release(&p, ret == MMU_FIXED && p.writable);
	return ret;
}

/**
 * mmu_fault_fast() - a fault on a present entry, with IRQs off
 * @v: the vCPU that just left the guest
 * @gpa: the address
 * @flags: X86_FAULT_*
 *
 * Mostly the first write to a page since the dirty log was read. The entry goes
 * from read-only to writable by cmpxchg; if it changed, the ordinary way will
 * see. The dirty bit follows the entry, as in map_locked().
 *
 * Return: true if the guest can go on.
 */
bool mmu_fault_fast(struct x86_vcpu *v, gpa_t gpa, u32 flags)
{
	const bool write = flags & X86_FAULT_WRITE, fetch = flags & X86_FAULT_FETCH;
	struct kvm *kvm = v->vcpu.kvm;
	gfn_t gfn = gpa_to_gfn(gpa);
	struct kvm_memslot *slot;
	u64 *sptep, spte;
	int level;

	lockdep_assert_irqs_disabled();
	if ((flags & (X86_FAULT_PRESENT | X86_FAULT_RSVD)) != X86_FAULT_PRESENT ||
	    unlikely(v->mmu.root == HPA_INVALID))
		return false;
	sptep = tdp_lookup(v->mmu.root, gfn, &spte, &level);
	if (!spte)
		return false;
	if (spte_allows(spte, write, fetch)) {
		v->vcpu.stat.pf_spurious++;
		return true;
	}
	if (fetch)
		return false;
	slot = kvm_find_slot(mmu_slots(v), gfn);
	if (!slot || !spte_may_open(spte, level, kvm_slot_logs_dirty(slot)) ||
	    !try_cmpxchg(sptep, &spte, spte_open(spte)))
		return false;
	if (kvm_slot_logs_dirty(slot))
		kvm_mark_dirty(kvm, slot, gfn);
	return true;
}

/* Devices sit at multiples of powers of two: let higher bits take part. */
static unsigned int note_of(gfn_t gfn)
{
	return (gfn ^ gfn >> 6) % MMU_MMIO_NOTES;
}

bool mmu_known_mmio(struct x86_vcpu *v, gfn_t gfn)
{
	typeof(&v->mmu.mmio[0]) note = &v->mmu.mmio[note_of(gfn)];

	return note->gfn == gfn && note->generation == mmu_slots(v)->generation;
}

/* Looks again: the set may have changed since the caller found no slot. */
void mmu_note_mmio(struct x86_vcpu *v, gfn_t gfn)
{
	typeof(&v->mmu.mmio[0]) note = &v->mmu.mmio[note_of(gfn)];
	struct kvm_memslots *slots = mmu_slots(v);

	if (kvm_find_slot(slots, gfn))
		return;
	note->gfn = gfn;
	note->generation = slots->generation;
}

void mmu_forget_mmio(struct x86_vcpu *v, gfn_t gfn)
{
	v->mmu.mmio[note_of(gfn)].gfn = GFN_NONE;
}
