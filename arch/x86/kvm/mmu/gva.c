// SPDX-License-Identifier: GPL-2.0-only
/* Guest virtual to guest physical: the vCPU's side of the walk. */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "gmem.h"
#include "shadow.h"

/* Walk flags are the error code's, as are those of a fault. */
static_assert(GWALK_PRESENT == X86_FAULT_PRESENT && GWALK_WRITE == X86_FAULT_WRITE &&
	      GWALK_USER == X86_FAULT_USER && GWALK_RSVD == X86_FAULT_RSVD &&
	      GWALK_FETCH == X86_FAULT_FETCH);

/* Bits that make a mode. They don't meet, so they fit into one word together. */
#define KEY_CR0		(X86_CR0_PG | X86_CR0_WP)
#define KEY_CR4		(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_LA57 | X86_CR4_SMEP | X86_CR4_SMAP | \
			 X86_CR4_PKE)
#define KEY_EFER	(EFER_LMA | EFER_NX)
#define KEY_VALID	BIT(0)
static_assert(!(KEY_CR0 & KEY_CR4) && !(KEY_CR0 & KEY_EFER) && !(KEY_CR4 & KEY_EFER) &&
	      !((KEY_CR0 | KEY_CR4 | KEY_EFER) & KEY_VALID));

static void update_mode(struct x86_vcpu *v, u32 key)
{
	const struct gwalk_config c = {
		.paging = key & X86_CR0_PG,
		.wp = key & X86_CR0_WP,
		.pse = key & X86_CR4_PSE,
		.pae = key & X86_CR4_PAE,
		.la57 = key & X86_CR4_LA57,
		.smep = key & X86_CR4_SMEP,
		.smap = key & X86_CR4_SMAP,
		.pke = key & X86_CR4_PKE,
		.long_mode = key & EFER_LMA,
		.nxe = key & EFER_NX,
		.pse36 = x86_has(v, X86_FEATURE_PSE36),
		.gbpages = x86_has(v, X86_FEATURE_GBPAGES),
		.amd = v->cpuid.amd_compatible,
		.maxphyaddr = v->cpuid.maxphyaddr,
	};

	v->mmu.walk.key = key;
	gwalk_set_mode(&v->mmu.walk, &c);
}

/* Some guests change their registers without an exit, so look each time. */
const struct gwalk_mode *mmu_guest_mode(struct x86_vcpu *v)
{
	u32 key = (x86_cr0(v) & KEY_CR0) | (x86_cr4(v) & KEY_CR4) | (v->regs.efer & KEY_EFER) |
		  KEY_VALID;

	if (unlikely(key != v->mmu.walk.key))
		update_mode(v, key);
	return &v->mmu.walk;
}

/* What the walk starts from. False: not to be had without sleeping. */
static bool set_start(struct x86_vcpu *v, const struct gwalk_mode *m, struct gwalk *w, bool atomic)
{
	w->cr3 = x86_cr3(v);
	if (likely(m->levels > 3))
		return true;
	w->gva = (u32)w->gva;
	if (m->levels != 3)
		return true;
	if (atomic && !(v->regs.avail & BIT(X86_LAZY_PDPTRS)))
		return false;
	x86_need(v, BIT(X86_LAZY_PDPTRS));
	w->pdptrs = v->regs.pdptr;
	return true;
}

/*
 * A loop that touches a device fetches the same code over and over. If each
 * entry still is what the last walk read, so is the result: it depended on
 * nothing else, fetches knowing neither EFLAGS.AC nor PKRU.
 */
static bool same_fetch(struct x86_vcpu *v, struct gwalk *w)
{
	typeof(&v->mmu.fetch) f = &v->mmu.fetch;
	const unsigned long *hva = f->hva;
	const u64 *old = f->entry, *const end = old + f->n;
	u64 entry;

	if (f->page != w->gva >> PAGE_SHIFT || f->access != w->access || f->cr3 != w->cr3 ||
	    f->key != v->mmu.walk.key || f->generation != mmu_slots(v)->generation)
		return false;
	pagefault_disable();
	if (!user_access_begin((void __user *)f->hva[0], sizeof(u64)))
		goto out;
	/* By pointer: a checked index would call out while user memory is open. */
	for (; old < end; old++, hva++) {
		unsafe_get_user(entry, (u64 __user *)*hva, changed);
		if (entry != *old)
			goto changed;
	}
	user_access_end();
	pagefault_enable();
	w->gpa = f->gpa | offset_in_page(w->gva);
	return true;

changed:
	user_access_end();
out:
	pagefault_enable();
	return false;
}

static void note_fetch(struct x86_vcpu *v, const struct gwalk_mode *m, const struct gwalk *w,
		       u64 generation)
{
	typeof(&v->mmu.fetch) f = &v->mmu.fetch;
	unsigned int i;

	f->generation = generation;
	f->cr3 = w->cr3;
	f->page = w->gva >> PAGE_SHIFT;
	f->gpa = w->gpa & PAGE_MASK;
	f->key = m->key;
	f->access = w->access;
	f->n = w->nr_steps;
	for (i = 0; i < w->nr_steps; i++) {
		f->hva[i] = v->mmu.table[m->levels - 1 - i].hva + offset_in_page(w->step[i].gpa);
		f->entry[i] = w->step[i].entry;
	}
}

static enum gwalk_result walk(struct x86_vcpu *v, const struct gwalk_mode *m, struct gwalk *w,
			      bool atomic)
{
	struct gwalk_env env = { .v = v, .slots = mmu_slots(v), .atomic = atomic };
	const bool fetch = (w->access & GWALK_FETCH) && m->levels > 3;
	enum gwalk_result r;

	if (fetch && same_fetch(v, w))
		return GWALK_OK;
	if (atomic)
		pagefault_disable();
	r = gwalk(m, w, &env);
	if (atomic)
		pagefault_enable();
	if (fetch && r == GWALK_OK)
		note_fetch(v, m, w, env.slots->generation);
	return r;
}

enum gwalk_result mmu_walk(struct x86_vcpu *v, const struct gwalk_mode *m, struct gwalk *w)
{
	struct gwalk_env env = { .v = v, .slots = mmu_slots(v) };

	set_start(v, m, w, false);
	return gwalk(m, w, &env);
}

u64 mmu_walk_again(struct x86_vcpu *v, const struct gwalk_mode *m, const struct gwalk *w,
		   unsigned int step)
{
	struct gwalk_env env = { .v = v, .slots = mmu_slots(v), .atomic = true };
	unsigned int level = (m->levels == 3 ? 2 : m->levels) - step;
	u64 entry;
	int ret;

	pagefault_disable();
	ret = gwalk_read(&env, level, w->step[step].gpa, &entry, m->index_bits == 9);
	pagefault_enable();
	return ret ? ~0ull : entry;
}

/**
 * mmu_gva_to_gpa() - translate a linear address by the guest's page tables
 * @v: the vCPU
 * @gva: the address, canonical
 * @access: X86_FAULT_WRITE, _USER, _FETCH
 * @gpa: the result
 * @fault: set for -EFAULT
 * @atomic: nothing may sleep
 *
 * Return: 0, -EFAULT: the guest gets a page fault, -EAGAIN: only without @atomic.
 */
int mmu_gva_to_gpa(struct x86_vcpu *v, gva_t gva, u32 access, gpa_t *gpa,
		   struct mmu_gfault *fault, bool atomic)
{
	const struct gwalk_mode *m = mmu_guest_mode(v);
	struct gwalk w;

	if (!m->levels) {
		*gpa = (u32)gva;
		return 0;
	}
	w.gva = gva;
	w.access = access & (GWALK_WRITE | GWALK_USER | GWALK_FETCH);
	/* Entries are read through the current mm. */
	if (unlikely(current->mm != v->vcpu.kvm->mm)) {
		fault->error = w.access;
		fault->addr = gva;
		return -EFAULT;
	}
	if (!set_start(v, m, &w, atomic))
		return -EAGAIN;
	switch (walk(v, m, &w, atomic)) {
	case GWALK_OK:
		*gpa = w.gpa;
		return 0;
	case GWALK_AGAIN:
		return -EAGAIN;
	case GWALK_FAULT:
		break;
	}
	fault->error = w.error;
	fault->addr = w.gva;
	return -EFAULT;
}

/* SDM 3A table 4-8 */
#define PDPTE_P		BIT_ULL(0)
#define PDPTE_RSVD	(GENMASK_ULL(2, 1) | GENMASK_ULL(8, 5))

bool mmu_load_pdptrs(struct x86_vcpu *v, unsigned long cr3)
{
	u64 pdptr[4], rsvd = PDPTE_RSVD | v->cpuid.reserved_gpa_bits;
	unsigned int i;

	if (kvm_read_guest(v->vcpu.kvm, v->vcpu.as_id, (u32)cr3 & ~31u, pdptr, sizeof(pdptr)))
		return false;
	for (i = 0; i < 4; i++)
		if ((pdptr[i] & PDPTE_P) && (pdptr[i] & rsvd))
			return false;
	memcpy(v->regs.pdptr, pdptr, sizeof(pdptr));
	if (mmu_shadow())
		v->mmu.root = HPA_INVALID;
	v->regs.avail |= BIT(X86_LAZY_PDPTRS);
	v->regs.dirty |= BIT(X86_LAZY_PDPTRS);
	return true;
}

/* CPUID's part of the mode is not in the key: derive it anew. */
void mmu_role_changed(struct x86_vcpu *v)
{
	v->mmu.walk.key = 0;
	v->mmu.fetch.generation = 0;
	if (mmu_shadow())
		v->mmu.root = HPA_INVALID;
}

/* Nested tables don't depend on it, and walks read it each time. */
void mmu_new_cr3(struct x86_vcpu *v)
{
	if (mmu_shadow())
		v->mmu.root = HPA_INVALID;
}
