// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables' life: the roots that all vCPUs of a VM share, one for each address
 * space, and table pages, which carry no bookkeeping besides their struct page.
 */
#include <linux/rcupdate.h>

#include "../core.h"
#include "shadow.h"
#include "tables.h"

/* Table pages freed by one RCU callback */
#define DEAD_BATCH	256

/* What KVM_SET_NR_MMU_PAGES accepts at least */
#define MIN_MMU_PAGES	64

struct page *mmu_table_alloc(void)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (page)
		mod_lruvec_page_state(page, NR_SECONDARY_PAGETABLE, 1);
	return page;
}

void mmu_table_free(struct page *page)
{
	set_page_private(page, 0);
	mod_lruvec_page_state(page, NR_SECONDARY_PAGETABLE, -1);
	__free_page(page);
}

int mmu_cache_fill(struct x86_vcpu *v, unsigned int n)
{
	struct page *page;

	while (v->mmu.nr_cached < min_t(unsigned int, n, MMU_CACHE_PAGES)) {
		page = mmu_table_alloc();
		if (!page)
			return -ENOMEM;
		v->mmu.cache[v->mmu.nr_cached++] = page;
	}
	return 0;
}

static struct page *next_dead(struct page *page)
{
	return (struct page *)page_private(page);
}

/* At most five levels deep. Level 1 has only leaves: read just to count them. */
void mmu_table_drop(struct kvm *kvm, struct page *page, int level, struct dead_tables *dead)
{
	u64 *table = page_address(page), spte;
	unsigned int i, leaves = 0;

	for (i = 0; i < TDP_ENTRIES && (kvm || level > 1); i++) {
		spte = READ_ONCE(table[i]);
		if (!spte)
			continue;
		if (spte_is_leaf(spte, level))
			leaves++;
		else
			mmu_table_drop(kvm, virt_to_page(spte_table(spte)), level - 1, dead);
	}
	if (!kvm)
		cond_resched();
	else if (leaves)
		mmu_count(kvm, level, -(long)leaves);
	set_page_private(page, (unsigned long)dead->first);
	dead->first = page;
}

static void free_chain(struct page *page)
{
	struct page *next;

	for (; page; page = next) {
		next = next_dead(page);
		mmu_table_free(page);
	}
}

static void free_chain_rcu(struct rcu_head *head)
{
	free_chain(container_of(head, struct page, rcu_head));
}

void mmu_dead_free(struct dead_tables *dead)
{
	struct page *first = dead->first, *last;
	unsigned int n;

	while (first) {
		for (last = first, n = 1; n < DEAD_BATCH && next_dead(last); n++)
			last = next_dead(last);
		dead->first = next_dead(last);
		set_page_private(last, 0);
		call_rcu(&first->rcu_head, free_chain_rcu);
		first = dead->first;
	}
}

KVM_EXPORT(mmu_load_pdptrs);

void mmu_set_format(void)
{
	spte_choose_format(&x86_caps);
	if (x86_caps.tdp) {
		static_branch_disable(&mmu_shadow_on);
		static_branch_disable(&kvm_tells_writes);
	} else {
		static_branch_enable(&mmu_shadow_on);
		static_branch_enable(&kvm_tells_writes);
	}
}

void mmu_module_exit(void)
{
	rcu_barrier();		/* free_chain_rcu() is ours */
}

int mmu_vm_init(struct kvm *kvm)
{
	unsigned int i;

	for (i = 0; i < KVM_ADDRESS_SPACES; i++)
		to_x86_vm(kvm)->mmu.root[i] = HPA_INVALID;
	return mmu_shadow() ? shadow_vm_init(kvm) : 0;
}

void mmu_vm_destroy(struct kvm *kvm)
{
	struct mmu_vm *mmu = &to_x86_vm(kvm)->mmu;
	struct dead_tables dead = {};
	unsigned int i;

	if (mmu_shadow())
		shadow_vm_destroy(kvm);
	for (i = 0; i < KVM_ADDRESS_SPACES; i++) {
		if (mmu->root[i] == HPA_INVALID)
			continue;
		mmu_table_drop(NULL, pfn_to_page(PHYS_PFN(mmu->root[i])), x86_caps.tdp_levels,
			       &dead);
		mmu->root[i] = HPA_INVALID;
	}
	free_chain(dead.first);		/* nobody is left who could be looking */
}

int mmu_vcpu_create(struct x86_vcpu *v)
{
	v->mmu.root = HPA_INVALID;
	return mmu_shadow() ? shadow_vcpu_create(v) : 0;
}

void mmu_vcpu_destroy(struct x86_vcpu *v)
{
	if (mmu_shadow())
		shadow_vcpu_destroy(v);
	while (v->mmu.nr_cached)
		mmu_table_free(v->mmu.cache[--v->mmu.nr_cached]);
}

int mmu_load(struct x86_vcpu *v)
{
	struct kvm *kvm = v->vcpu.kvm;
	hpa_t *root = &to_x86_vm(kvm)->mmu.root[v->vcpu.as_id];
	struct page *page = NULL;

	if (mmu_shadow())
		return shadow_load(v);
	if (READ_ONCE(*root) == HPA_INVALID) {
		page = mmu_table_alloc();
		if (!page)
			return -ENOMEM;
	}
	write_lock(&kvm->mmu_lock);
	if (*root == HPA_INVALID && page) {
		*root = page_to_phys(page);
		page = NULL;
	}
	v->mmu.root = *root;
	write_unlock(&kvm->mmu_lock);
	if (page)
		mmu_table_free(page);
	if (v->mmu.root == HPA_INVALID)
		return -EAGAIN;		/* taken away again between the two looks */
	/* If it is replaced from here on, the request comes before we enter. */
	x86_op(load_root)(v, v->mmu.root, x86_caps.tdp_levels);
	return 0;
}

/* Loading the other root flushes; notes of slots and tables go by the generation. */
void mmu_set_space(struct x86_vcpu *v, unsigned int as_id)
{
	v->vcpu.as_id = as_id;
	v->mmu.root = HPA_INVALID;
}

/* Neither hardware nor a nested walk gets beyond this. */
static gfn_t gfn_limit(void)
{
	unsigned int bits = x86_host.maxphyaddr - PAGE_SHIFT;

	if (x86_caps.tdp)
		bits = min_t(unsigned int, bits, TDP_LEVEL_BITS * x86_caps.tdp_levels);
	return 1ull << bits;
}

int kvm_arch_slot_prepare(struct kvm *kvm, const struct kvm_memslot *old,
			  struct kvm_memslot *new)
{
	gfn_t own = READ_ONCE(to_x86_vm(kvm)->mmu.own_gfn);

	if (new->base_gfn + new->npages > gfn_limit())
		return -EINVAL;
	if (own >= new->base_gfn && own < new->base_gfn + new->npages)
		mmu_set_own_page(kvm, 0, NULL);
	return mmu_shadow() ? shadow_slot_prepare(new) : 0;
}

/* Nested tables are found from the root alone; shadow tables by lists in the slot. */
void kvm_arch_slot_free(struct kvm_memslot *slot)
{
	kvfree(slot->arch);
}

/* slots_lock held. */
unsigned long mmu_nr_pages(struct kvm *kvm)
{
	unsigned long pages = to_x86_vm(kvm)->mmu.requested_pages, memory = 0;
	struct kvm_memslots *slots;
	unsigned int as_id, i;

	if (pages)
		return pages;
	for (as_id = 0; as_id < KVM_ADDRESS_SPACES; as_id++) {
		slots = kvm_slots(kvm, as_id);
		for (i = 0; i < slots->count; i++)
			memory += slots->slot[i]->npages;
	}
	return max_t(unsigned long, memory / 50, MIN_MMU_PAGES);
}

int mmu_set_nr_pages(struct kvm *kvm, unsigned long pages)
{
	if (pages < MIN_MMU_PAGES)
		return -EINVAL;
	/* A limit for shadow tables; nested ones are as many as the memory needs. */
	mutex_lock(&kvm->slots_lock);
	to_x86_vm(kvm)->mmu.requested_pages = pages;
	if (mmu_shadow())
		shadow_set_limit(kvm);
	mutex_unlock(&kvm->slots_lock);
	return 0;
}

unsigned long mmu_get_nr_pages(struct kvm *kvm)
{
	unsigned long pages;

	mutex_lock(&kvm->slots_lock);
	pages = mmu_nr_pages(kvm);
	mutex_unlock(&kvm->slots_lock);
	return pages;
}
