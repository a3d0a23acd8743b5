// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page fault of a guest on shadow tables: walk the guest's own tables; either
 * the fault is the guest's, or their shadow has to be completed.
 *
 * What the walk read is read again under mmu_lock, after each table's page
 * exists: from then on writes to the table are seen (shadow_write.c), and before
 * it the entry may have changed.
 */
#include "shadow.h"

struct shadow_fault {
	const struct gwalk_mode *mode;
	struct gwalk walk;		/* of paged guests; all have the address in it */
	struct kvm_page page;
	unsigned long seq;
};

static bool is_write(const struct shadow_fault *f)
{
	return f->walk.access & GWALK_WRITE;
}

static u32 entry_access(const struct shadow_fault *f, u64 entry)
{
	u32 access = 0;

	if (entry & SHADOW_W)
		access |= SHADOW_MAY_WRITE;
	if (entry & SHADOW_U)
		access |= SHADOW_MAY_USER;
	if (!f->mode->nxe || !(entry & SHADOW_NX))
		access |= SHADOW_MAY_EXEC;
	return access;
}

/* The page below @index of @sp, linked. NULL: none cached. */
static struct shadow_page *descend(struct x86_vcpu *v, struct shadow_page *sp,
				   unsigned int index, gfn_t gfn, union shadow_role role)
{
	struct kvm *kvm = v->vcpu.kvm;
	struct shadow_page *child = shadow_get(v, gfn, role);
	u64 spte;

	if (!child)
		return NULL;
	spte = page_to_phys(child->table) | spte_format.table;
	if (!((*shadow_entry(sp, index) ^ spte) & spte_format.frame))
		return child;
	shadow_clear(kvm, sp, index);
	shadow_set(kvm, sp, index, spte, &child->parents);
	return child;
}

/*
 * The CPU always runs with CR0.WP set. Where the guest has it clear, and its kernel
 * writes to a page that is read-only, the page is the kernel's own until a user
 * comes: the next fault turns it back. What then would not be the same to SMAP
 * and protection keys is for the emulator.
 */
static bool kernel_may_write(const struct shadow_fault *f, u32 *access)
{
	if (!is_write(f) || (*access & SHADOW_MAY_WRITE))
		return true;
	if ((*access & SHADOW_MAY_USER) && (f->mode->smap || f->mode->pke))
		return false;
	if ((*access & SHADOW_MAY_USER) && f->mode->smep)
		*access &= ~(u32)SHADOW_MAY_EXEC;
	*access = (*access | SHADOW_MAY_WRITE) & ~(u32)SHADOW_MAY_USER;
	return true;
}

static u64 make_leaf(const struct kvm_page *p, u32 access)
{
	u64 spte = p->hfn << PAGE_SHIFT | SHADOW_P | SHADOW_A;

	spte |= p->page || pfn_valid(p->hfn) ? spte_format.memory : SHADOW_UC;
	if (access & SHADOW_MAY_WRITE)
		spte |= SHADOW_W | SHADOW_D;
	if (access & SHADOW_MAY_USER)
		spte |= SHADOW_U;
	if (!(access & SHADOW_MAY_EXEC))
		spte |= SHADOW_NX;
	return spte;
}

static enum mmu_fault_result set_leaf(struct x86_vcpu *v, const struct shadow_fault *f,
				      struct shadow_page *sp, unsigned int index, u32 access)
{
	const struct kvm_page *p = &f->page;
	struct kvm *kvm = v->vcpu.kvm;
	u64 old = *shadow_entry(sp, index), spte;

	if (!kernel_may_write(f, &access))
		return MMU_EMULATE;
	if (shadow_is_table(kvm, p->gfn)) {
		if (is_write(f))
			return MMU_EMULATE;
		access &= ~(u32)SHADOW_MAY_WRITE;
	}
	if (!p->writable || (kvm_slot_logs_dirty(p->slot) && !is_write(f)))
		access &= ~(u32)SHADOW_MAY_WRITE;
	spte = make_leaf(p, access);
	if (!((old ^ spte) & ~(SHADOW_A | SHADOW_D)) && (old & SHADOW_A)) {
		v->vcpu.stat.pf_spurious++;
		return MMU_FIXED;
	}
	shadow_clear(kvm, sp, index);
	shadow_set(kvm, sp, index, spte, shadow_rmap(p->slot, p->gfn));
	/* After the entry: who takes the bit first finds it writable and protects it. */
	if ((spte & SHADOW_W) && kvm_slot_logs_dirty(p->slot))
		kvm_mark_dirty(kvm, p->slot, p->gfn);
	return MMU_FIXED;
}

/* From @sp down linearly, the guest having a large page there or no paging at all. */
static enum mmu_fault_result map_linear(struct x86_vcpu *v, const struct shadow_fault *f,
					struct shadow_page *sp, u32 access)
{
	union shadow_role role = sp->role;
	unsigned int index;

	role.direct = 1;
	role.quadrant = 0;
	role.access = access;
	for (;;) {
		index = level_index(f->walk.gva >> PAGE_SHIFT, sp->role.level);
		if (sp->role.level == 1)
			return set_leaf(v, f, sp, index, access);
		role.level = sp->role.level - 1;
		sp = descend(v, sp, index,
			     f->page.gfn & ~(level_pages(role.level + 1) - 1), role);
		if (!sp)
			return MMU_RETRY;
	}
}

/* Along the walk, from the root @sp on. */
static enum mmu_fault_result map_tables(struct x86_vcpu *v, const struct shadow_fault *f,
					struct shadow_page *sp)
{
	union shadow_role role = sp->role;
	u32 access = SHADOW_MAY_ALL;
	unsigned int index, n;
	u64 entry = 0;

	for (n = 0; n < f->walk.nr_steps; n++) {
		entry = f->walk.step[n].entry;
		if (mmu_walk_again(v, f->mode, &f->walk, n) != entry)
			return MMU_RETRY;
		access &= entry_access(f, entry);
		if (n == f->walk.nr_steps - 1)
			break;
		index = level_index(f->walk.gva >> PAGE_SHIFT, sp->role.level);
		role.level = sp->role.level - 1;
		role.access = access;
		role.quadrant = f->mode->levels == 2 ? index & 1 : 0;
		sp = descend(v, sp, index, gpa_to_gfn(entry & f->mode->frame), role);
		if (!sp)
			return MMU_RETRY;
	}
	/* A page that is not dirty tells of its first write. A ROM's entry never will be. */
	if (!(entry & SHADOW_D) && !is_write(f))
		access &= ~(u32)SHADOW_MAY_WRITE;
	return map_linear(v, f, sp, access);
}

/* mmu_lock held for writing. */
static enum mmu_fault_result map_locked(struct x86_vcpu *v, const struct shadow_fault *f)
{
	unsigned int i = f->mode->levels > 3 ? 0 : f->walk.gva >> 30 & 3;
	struct kvm *kvm = v->vcpu.kvm;
	struct shadow_page *root;

	if (v->mmu.root == HPA_INVALID || kvm_invalidated(kvm, f->seq, f->page.hva))
		return MMU_RETRY;
	shadow_make_room(kvm);
	root = v->mmu.shadow.root[i];
	if (!root || root->gone) {
		v->mmu.root = HPA_INVALID;
		return MMU_RETRY;
	}
	if (!f->mode->levels)
		return map_linear(v, f, root, SHADOW_MAY_ALL);
	return map_tables(v, f, root);
}

static enum mmu_fault_result map_page(struct x86_vcpu *v, struct shadow_fault *f)
{
	struct kvm *kvm = v->vcpu.kvm;
	struct kvm_page *p = &f->page;
	enum mmu_fault_result ret;
	int err;

	f->seq = kvm_invalidate_seq(kvm);
	err = asyncpf_get_page(v, p);
	if (unlikely(err))
		return mmu_page_error(err);
	if (p->slot->flags & KVM_MEM_READONLY)
		p->writable = false;
	write_lock(&kvm->mmu_lock);
	ret = map_locked(v, f);
	if (ret == MMU_EMULATE)
		v->mmu.shadow.table = p->gfn;
	write_unlock(&kvm->mmu_lock);
	kvm_page_release(p, ret == MMU_FIXED && p->writable);
	return ret;
}

/**
 * mmu_guest_fault() - a page fault of a guest on shadow tables
 * @v: the vCPU
 * @gva: the address
 * @error: the CPU's error code
 * @gpa: the guest-physical address, with MMU_MMIO and MMU_READONLY
 * @fault: what the guest gets, with MMU_GUEST_FAULT
 *
 * Context: process, srcu held, no spinlock. May sleep.
 * Return: what to do next, see enum mmu_fault_result.
 */
enum mmu_fault_result mmu_guest_fault(struct x86_vcpu *v, gva_t gva, u32 error, gpa_t *gpa,
				      struct mmu_gfault *fault)
{
	struct shadow_fault f = { .mode = mmu_guest_mode(v) };
	struct kvm *kvm = v->vcpu.kvm;

	v->mmu.shadow.table = GFN_NONE;
	/* Ours have no reserved bits: only a broken table or processor gets here. */
	if (unlikely(error & GWALK_RSVD) || current->mm != kvm->mm)
		return MMU_EFAULT;
	if (shadow_cache_fill(v))
		return MMU_NOMEM;
	f.walk.gva = gva;
	f.walk.access = error & (GWALK_WRITE | GWALK_USER | GWALK_FETCH);
	if (!f.mode->levels) {
		f.walk.gva = (u32)gva;
		f.walk.gpa = f.walk.gva;
	} else if (mmu_walk(v, f.mode, &f.walk) == GWALK_FAULT) {
		fault->error = f.walk.error;
		fault->addr = f.walk.gva;
		return MMU_GUEST_FAULT;
	}
	*gpa = f.walk.gpa;
	f.page.gfn = gpa_to_gfn(f.walk.gpa);
	f.page.write = is_write(&f);
	f.page.slot = kvm_find_slot(mmu_slots(v), f.page.gfn);
	if (!f.page.slot)
		return MMU_MMIO;
	if (unlikely(f.page.write && (f.page.slot->flags & KVM_MEM_READONLY)))
		return MMU_READONLY;
	return map_page(v, &f);
}
