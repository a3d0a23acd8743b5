/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest walk stands on: entries read straight from the VMM's mapping
 * at cached addresses, and the vCPU's PKRU and EFLAGS.AC.
 */
#ifndef KVM_X86_MMU_GMEM_H
#define KVM_X86_MMU_GMEM_H

#include <linux/uaccess.h>

#include "../x86.h"
#include "tables.h"

struct gwalk_env {
	struct x86_vcpu *v;
	struct kvm_memslots *slots;	/* in force while the walk lasts */
	bool atomic;
};

/* 0: no slot there. */
static inline hva_t gmem_table_hva(struct gwalk_env *env, unsigned int level, gfn_t gfn)
{
	typeof(&env->v->mmu.table[0]) t = &env->v->mmu.table[level - 1];
	struct kvm_memslot *slot;

	if (likely(t->gfn == gfn && t->generation == env->slots->generation))
		return t->hva;
	slot = kvm_find_slot(env->slots, gfn);
	if (!slot)
		return 0;
	t->gfn = gfn;
	t->generation = env->slots->generation;
	t->hva = kvm_slot_hva(slot, gfn);
	return t->hva;
}

/* Entries are aligned, so within their page. 0, -EFAULT, or -EAGAIN if atomic. */
static inline int gwalk_read(struct gwalk_env *env, unsigned int level, u64 gpa, u64 *entry,
			     bool wide)
{
	hva_t hva = gmem_table_hva(env, level, gpa_to_gfn(gpa));
	u32 narrow;
	int ret;

	if (unlikely(!hva))
		return -EFAULT;
	hva += offset_in_page(gpa);
	if (likely(wide)) {
		ret = __get_user(*entry, (u64 __user *)hva);
	} else {
		ret = __get_user(narrow, (u32 __user *)hva);
		*entry = narrow;
	}
	if (likely(!ret))
		return 0;
	return env->atomic ? -EAGAIN : -EFAULT;
}

/* 0, -EAGAIN: changed meanwhile, -EBUSY: would sleep, -EROFS: can't be written. */
static inline int gwalk_cmpxchg(struct gwalk_env *env, u64 gpa, u64 old, u64 new, bool wide)
{
	int ret;

	if (env->atomic)
		return -EBUSY;
	/* These bits are what a table's shadow was made for: no news to it. */
	ret = kvm_cmpxchg_guest_quiet(env->v->vcpu.kvm, env->v->vcpu.as_id, gpa, &old, &new,
				      wide ? 8 : 4);
	/* Tables in memory that can't be written keep their bits: as in a ROM. */
	return ret && ret != -EAGAIN ? -EROFS : ret;
}

/* With IRQs off the guest's value may still be in the register: not worth reading there. */
static inline int gwalk_pkru(struct gwalk_env *env, u32 *pkru)
{
	if (env->atomic)
		return -EAGAIN;
	*pkru = env->v->pkru;
	return 0;
}

/*
 * May a supervisor access touch user pages (SDM 3A 4.6.1)? One made while CPL
 * is 3 is implicit (descriptor tables and the like), and AC doesn't count.
 */
static inline bool gwalk_ac(struct gwalk_env *env)
{
	return (x86_rflags(env->v) & X86_EFLAGS_AC) && x86_op(get_cpl)(env->v) < 3;
}

#endif
