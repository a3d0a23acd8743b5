// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow pages: how they are found, linked, taken away and freed, and the roots
 * that vCPUs run on.
 *
 * A page that is taken away is unlinked at once, but freed only after the TLBs
 * were flushed: the CPU may be walking it. A root stays, empty, until its vCPUs
 * have another one.
 */
#include <linux/gfp.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../core.h"
#include "shadow.h"

/* Pages that wait for a flush, before one is made for them alone */
#define MAX_DEAD	64
/* Pages taken away at a time when the limit is reached */
#define ROOM		16

DEFINE_STATIC_KEY_FALSE(mmu_shadow_on);
KVM_EXPORT(mmu_shadow_on);

static struct mmu_shadow_vm *shadow_of(struct kvm *kvm)
{
	return &to_x86_vm(kvm)->mmu.shadow;
}

static struct shadow_page *page_alloc(void)
{
	struct shadow_page *sp = kzalloc(sizeof(*sp), GFP_KERNEL_ACCOUNT);

	if (!sp)
		return NULL;
	sp->links = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, SHADOW_LINKS_ORDER);
	sp->table = sp->links ? mmu_table_alloc() : NULL;
	if (!sp->table) {
		if (sp->links)
			__free_pages(sp->links, SHADOW_LINKS_ORDER);
		kfree(sp);
		return NULL;
	}
	set_page_private(sp->table, (unsigned long)sp);
	set_page_private(sp->links, (unsigned long)sp);
	return sp;
}

static void page_free(struct shadow_page *sp)
{
	set_page_private(sp->links, 0);
	__free_pages(sp->links, SHADOW_LINKS_ORDER);
	mmu_table_free(sp->table);
	kfree(sp);
}

int shadow_cache_fill(struct x86_vcpu *v)
{
	struct mmu_shadow_vcpu *c = &v->mmu.shadow;

	while (c->nr_cached < MMU_SHADOW_CACHE) {
		c->cache[c->nr_cached] = page_alloc();
		if (!c->cache[c->nr_cached])
			return -ENOMEM;
		c->nr_cached++;
	}
	return 0;
}

void shadow_flush(struct kvm *kvm)
{
	struct mmu_shadow_vm *s = shadow_of(kvm);
	struct shadow_page *sp, *next;

	lockdep_assert_held_write(&kvm->mmu_lock);
	kvm_flush_remote_tlbs(kvm);
	s->flush_due = false;
	list_for_each_entry_safe(sp, next, &s->dead, lru)
		page_free(sp);
	INIT_LIST_HEAD(&s->dead);
	s->nr_dead = 0;
}

static void page_dead(struct kvm *kvm, struct shadow_page *sp)
{
	struct mmu_shadow_vm *s = shadow_of(kvm);

	list_add(&sp->lru, &s->dead);
	s->flush_due = true;
	s->nr_dead++;
}

bool shadow_clear(struct kvm *kvm, struct shadow_page *sp, unsigned int index)
{
	u64 *sptep = shadow_entry(sp, index);

	if (!*sptep)
		return false;
	WRITE_ONCE(*sptep, 0);
	hlist_del_init(shadow_link(sp, index));
	shadow_of(kvm)->flush_due = true;
	if (sp->role.level == 1)
		mmu_count(kvm, 1, -1);
	return true;
}

void shadow_set(struct kvm *kvm, struct shadow_page *sp, unsigned int index, u64 spte,
		struct hlist_head *head)
{
	hlist_add_head(shadow_link(sp, index), head);
	WRITE_ONCE(*shadow_entry(sp, index), spte);
	if (sp->role.level == 1)
		mmu_count(kvm, 1, 1);
}

void shadow_zap_page(struct kvm *kvm, struct shadow_page *sp)
{
	struct mmu_shadow_vm *s = shadow_of(kvm);
	struct hlist_node *link, *next;
	struct shadow_page *parent;
	unsigned int i;

	hlist_for_each_safe(link, next, &sp->parents) {
		shadow_linked(link, &parent);
		shadow_clear(kvm, parent, link - shadow_link(parent, 0));
	}
	for (i = 0; i < TDP_ENTRIES; i++)
		shadow_clear(kvm, sp, i);
	hlist_del(&sp->hash);
	list_del(&sp->lru);
	s->nr_pages--;
	sp->gone = true;
	if (!sp->roots)
		page_dead(kvm, sp);
	if (s->nr_dead > MAX_DEAD)
		shadow_flush(kvm);
}

static struct hlist_head *bucket(struct kvm *kvm, gfn_t gfn)
{
	return shadow_bucket(shadow_of(kvm), gfn);
}

bool shadow_is_table(struct kvm *kvm, gfn_t gfn)
{
	struct shadow_page *sp;

	hlist_for_each_entry(sp, bucket(kvm, gfn), hash)
		if (sp->gfn == gfn && !sp->role.direct)
			return true;
	return false;
}

bool shadow_zap_table(struct kvm *kvm, gfn_t gfn)
{
	struct hlist_node *next;
	struct shadow_page *sp;
	bool any = false;

	hlist_for_each_entry_safe(sp, next, bucket(kvm, gfn), hash) {
		if (sp->gfn != gfn || sp->role.direct)
			continue;
		shadow_zap_page(kvm, sp);
		any = true;
	}
	return any;
}

struct shadow_page *shadow_get(struct x86_vcpu *v, gfn_t gfn, union shadow_role role)
{
	struct kvm *kvm = v->vcpu.kvm;
	struct mmu_shadow_vm *s = shadow_of(kvm);
	struct mmu_shadow_vcpu *c = &v->mmu.shadow;
	struct shadow_page *sp;
	bool known;

	hlist_for_each_entry(sp, bucket(kvm, gfn), hash) {
		if (sp->gfn != gfn || sp->role.word != role.word)
			continue;
		list_move(&sp->lru, &s->pages);
		sp->writes = 0;
		return sp;
	}
	if (!c->nr_cached)
		return NULL;
	known = role.direct || shadow_is_table(kvm, gfn);
	sp = c->cache[--c->nr_cached];
	sp->gfn = gfn;
	sp->role = role;
	hlist_add_head(&sp->hash, bucket(kvm, gfn));
	list_add(&sp->lru, &s->pages);
	s->nr_pages++;
	/* What other vCPUs' TLBs still allow would pass us by. */
	if (!known && (shadow_protect(kvm, gfn) || s->flush_due))
		shadow_flush(kvm);
	return sp;
}

void shadow_make_room(struct kvm *kvm)
{
	struct mmu_shadow_vm *s = shadow_of(kvm);
	unsigned long limit = READ_ONCE(s->limit), n = ROOM;
	struct shadow_page *sp, *next;

	if (likely(s->nr_pages + MMU_SHADOW_CACHE <= limit))
		return;
	list_for_each_entry_safe_reverse(sp, next, &s->pages, lru) {
		if (sp->roots)
			continue;
		shadow_zap_page(kvm, sp);
		if (!--n)
			break;
	}
	if (s->flush_due)
		shadow_flush(kvm);
}

union shadow_role shadow_mode_role(const struct gwalk_mode *m)
{
	union shadow_role role = { .word = 0 };

	if (!m->levels)
		return role;
	role.levels = m->levels;
	role.large = m->max_leaf;
	role.wp = m->wp;
	role.nxe = m->nxe;
	role.smep = m->smep;
	role.smap = m->smap;
	role.pke = m->pke;
	role.pse36 = m->pse36_bits;
	role.frame_bits = fls64(m->frame & ~m->rsvd[0][0]);
	return role;
}

/* mmu_lock held for writing. */
static void drop_roots(struct x86_vcpu *v)
{
	struct shadow_page **root = v->mmu.shadow.root;
	unsigned int i;

	for (i = 0; i < MMU_SHADOW_ROOTS; i++) {
		if (!root[i])
			continue;
		if (!--root[i]->roots && root[i]->gone)
			page_dead(v->vcpu.kvm, root[i]);
		root[i] = NULL;
	}
}

/* The table, or for a guest without tables the memory, that root @i stands for. */
static bool root_gfn(struct x86_vcpu *v, const struct gwalk_mode *m, unsigned int i, gfn_t *gfn)
{
	u64 cr3 = x86_cr3(v);

	switch (m->levels) {
	case 0:
		*gfn = (gfn_t)i << (30 - PAGE_SHIFT);
		return true;
	case 3:
		*gfn = gpa_to_gfn(v->regs.pdptr[i] & m->frame);
		return v->regs.pdptr[i] & SHADOW_P;
	default:
		*gfn = gpa_to_gfn(cr3 & m->frame);
		return true;
	}
}

/* mmu_lock held for writing. False: no pages cached. */
static bool make_roots(struct x86_vcpu *v, const struct gwalk_mode *m)
{
	unsigned int n = m->levels > 3 ? 1 : MMU_SHADOW_ROOTS, i;
	struct mmu_shadow_vcpu *c = &v->mmu.shadow;
	union shadow_role role = shadow_mode_role(m);
	gfn_t gfn;

	role.level = m->levels > 3 ? m->levels : 2;
	role.direct = !m->levels;
	role.space = v->vcpu.as_id;
	role.access = SHADOW_MAY_ALL;
	for (i = 0; i < n; i++) {
		if (!root_gfn(v, m, i, &gfn))
			continue;
		role.quadrant = m->levels == 2 ? i : 0;
		c->root[i] = shadow_get(v, gfn, role);
		if (!c->root[i])
			return false;
		c->root[i]->roots++;
	}
	for (i = 0; i < MMU_SHADOW_ROOTS; i++)
		c->pdpt[i] = c->root[i] && n > 1 ? page_to_phys(c->root[i]->table) | SHADOW_P : 0;
	return true;
}

int shadow_load(struct x86_vcpu *v)
{
	const struct gwalk_mode *m = mmu_guest_mode(v);
	struct mmu_shadow_vcpu *c = &v->mmu.shadow;
	struct kvm *kvm = v->vcpu.kvm;
	int idx, ret;

	ret = shadow_cache_fill(v);
	if (ret)
		return ret;
	if (m->levels == 3)
		x86_need(v, BIT(X86_LAZY_PDPTRS));
	idx = srcu_read_lock(&kvm->srcu);
	write_lock(&kvm->mmu_lock);
	drop_roots(v);
	shadow_make_room(kvm);
	if (!make_roots(v, m))
		ret = -ENOMEM;
	else if (m->levels > 3)
		v->mmu.root = page_to_phys(c->root[0]->table);
	else
		v->mmu.root = virt_to_phys(c->pdpt);
	write_unlock(&kvm->mmu_lock);
	srcu_read_unlock(&kvm->srcu, idx);
	if (!ret)
		x86_op(load_root)(v, v->mmu.root, max_t(int, m->levels, 3));
	return ret;
}

void shadow_zap_all(struct kvm *kvm)
{
	struct mmu_shadow_vm *s = shadow_of(kvm);

	write_lock(&kvm->mmu_lock);
	while (!list_empty(&s->pages)) {
		shadow_zap_page(kvm, list_first_entry(&s->pages, struct shadow_page, lru));
		if (need_resched() || rwlock_needbreak(&kvm->mmu_lock)) {
			shadow_flush(kvm);
			cond_resched_rwlock_write(&kvm->mmu_lock);
		}
	}
	if (s->flush_due)
		shadow_flush(kvm);
	write_unlock(&kvm->mmu_lock);
}

void shadow_set_limit(struct kvm *kvm)
{
	WRITE_ONCE(shadow_of(kvm)->limit, mmu_nr_pages(kvm));
}

int shadow_vm_init(struct kvm *kvm)
{
	struct mmu_shadow_vm *s = shadow_of(kvm);

	INIT_LIST_HEAD(&s->pages);
	INIT_LIST_HEAD(&s->dead);
	s->hash = kvcalloc(1 << SHADOW_HASH_BITS, sizeof(*s->hash), GFP_KERNEL_ACCOUNT);
	return s->hash ? 0 : -ENOMEM;
}

/* No vCPU is left. */
void shadow_vm_destroy(struct kvm *kvm)
{
	if (!shadow_of(kvm)->hash)
		return;
	shadow_zap_all(kvm);
	kvfree(shadow_of(kvm)->hash);
	shadow_of(kvm)->hash = NULL;
}

/* Outside of long mode CR3 has 32 bits. */
int shadow_vcpu_create(struct x86_vcpu *v)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | GFP_DMA32);

	if (!page)
		return -ENOMEM;
	v->mmu.shadow.pdpt = page_address(page);
	v->mmu.shadow.table = GFN_NONE;
	return 0;
}

void shadow_vcpu_destroy(struct x86_vcpu *v)
{
	struct mmu_shadow_vcpu *c = &v->mmu.shadow;
	struct kvm *kvm = v->vcpu.kvm;

	write_lock(&kvm->mmu_lock);
	drop_roots(v);
	write_unlock(&kvm->mmu_lock);
	while (c->nr_cached)
		page_free(c->cache[--c->nr_cached]);
	free_page((unsigned long)c->pdpt);
	c->pdpt = NULL;
}
