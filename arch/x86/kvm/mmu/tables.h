/* SPDX-License-Identifier: GPL-2.0-only */
/* Second-level tables, as the files of this room share them. */
#ifndef KVM_X86_MMU_TABLES_H
#define KVM_X86_MMU_TABLES_H

#include <linux/io.h>
#include <linux/mm.h>

#include "../x86.h"
#include "spte.h"

static inline u64 *spte_table(u64 spte)
{
	return __va(spte_hpa(spte));
}

/*
 * The slots that @v sees, for readers with srcu held or IRQs off since the exit. No two
 * sets have one generation unless they are empty, so what is noted with it is of this space.
 */
static inline struct kvm_memslots *mmu_slots(struct x86_vcpu *v)
{
	struct kvm *kvm = v->vcpu.kvm;

	return rcu_dereference_check(kvm->slots[v->vcpu.as_id],
				     srcu_read_lock_held(&kvm->srcu) || irqs_disabled());
}

/* Pages mapped at @level grow by @n. mmu_lock held, reading suffices. */
static inline void mmu_count(struct kvm *kvm, int level, long n)
{
	u64 *stat = level == 1 ? &kvm->stat.pages_4k :
		    level == 2 ? &kvm->stat.pages_2m : &kvm->stat.pages_1g;

	atomic64_add(n, (atomic64_t *)stat);
}

/* root.c: table pages, zeroed */
struct page *mmu_table_alloc(void);
void mmu_table_free(struct page *page);
/* slots_lock held: how many there may be, as KVM_GET_NR_MMU_PAGES tells */
unsigned long mmu_nr_pages(struct kvm *kvm);
/* At least @n pages in v->mmu.cache. 0 or -ENOMEM. */
int mmu_cache_fill(struct x86_vcpu *v, unsigned int n);

/* Unlinked tables on their way out, chained by their pages' private fields. */
struct dead_tables {
	struct page *first;
};

/*
 * Put @page, a table of @level, and all tables below it on the list. @kvm: count
 * what they mapped, mmu_lock held for writing; NULL: don't, may sleep.
 */
void mmu_table_drop(struct kvm *kvm, struct page *page, int level, struct dead_tables *dead);
/* Free the list after a grace period. TLBs were flushed, or will be before mmu_lock is dropped. */
void mmu_dead_free(struct dead_tables *dead);

/* iter.c */
/* The lowest entry on the way to @gfn; its value was read once, to *@spte. */
u64 *tdp_lookup(hpa_t root, gfn_t gfn, u64 *spte, int *level);

/*
 * A piece of a range: @n entries of one table of level 1, or a single entry
 * above (hole, huge leaf or, if asked for, a table).
 */
struct tdp_run {
	u64 *sptep;
	unsigned int n;
	int level;
	gfn_t next;		/* where the next piece starts */
};

/*
 * The piece of [@gfn, @end) at @gfn. A table whose range is wholly inside is
 * not entered if the entry that points to it is at @whole or below. 0: all are.
 */
void tdp_run_at(hpa_t root, gfn_t gfn, gfn_t end, int whole, struct tdp_run *run);

/* tdp.c */
struct tdp_map {
	gfn_t gfn;
	hfn_t hfn;		/* of @gfn, whatever the level */
	int level;
	bool write, fetch;	/* the access */
	bool memory;
	bool may_write;
	enum spte_write now;
	bool huge_exec;		/* code from huge pages, too */
	bool keep_tables;	/* where smaller pages are mapped, map a small one */
	/* out */
	unsigned int need;	/* TDP_NO_TABLES: so many more in the cache */
	bool flush;		/* other vCPUs may hold what was replaced */
};

enum tdp_result {
	TDP_MAPPED,
	TDP_SPURIOUS,		/* somebody else did it */
	TDP_NO_TABLES,
	TDP_IN_THE_WAY,		/* smaller pages are mapped there: zap them first */
};

/* mmu_lock held, reading suffices; the root of the vCPU's space exists. */
enum tdp_result tdp_map(struct x86_vcpu *v, struct tdp_map *m);

/* fault.c: the largest page that @slot's place in both address spaces allows at @gfn */
int mmu_slot_level(const struct kvm_memslot *slot, gfn_t gfn);
/* What kvm_page_get()'s errors mean */
enum mmu_fault_result mmu_page_error(int err);

/* zap.c: mmu_lock held for writing. True: TLBs must be flushed before it is dropped. */
bool tdp_zap(struct kvm *kvm, unsigned int as_id, gfn_t start, gfn_t end, struct dead_tables *dead);
/* mmu_lock held for writing: let others in if they wait, after flushing if need be. */
void mmu_breathe(struct kvm *kvm, bool *flush, struct dead_tables *dead);

/* split.c */
/* Replace the huge leaf *@spte at @sptep by a table of @page. False: it changed, *@spte is new. */
bool tdp_split(struct kvm *kvm, u64 *sptep, u64 *spte, int level, struct page *page);
/* Logging is over: drop small pages where large ones can be. */
void tdp_recover(struct kvm *kvm, const struct kvm_memslot *slot);

#endif
