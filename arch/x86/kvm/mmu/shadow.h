/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shadow paging: tables for the CPU that say what the guest's own tables say,
 * in host addresses. See Documentation/virt/kvm/shadow-paging.rst.
 *
 * All of it is changed with mmu_lock held for writing; nobody looks without it
 * but the CPU, which sets accessed and dirty bits.
 */
#ifndef KVM_X86_MMU_SHADOW_H
#define KVM_X86_MMU_SHADOW_H

#include <linux/hash.h>

#include "tables.h"

/* Entries (SDM 3A 4.5, APM 2 5.3). The frame's mask and encryption are spte_format's. */
#define SHADOW_P	BIT_ULL(0)
#define SHADOW_W	BIT_ULL(1)
#define SHADOW_U	BIT_ULL(2)
#define SHADOW_UC	GENMASK_ULL(4, 3)	/* PWT, PCD: uncached, by the host's PAT */
#define SHADOW_A	BIT_ULL(5)
#define SHADOW_D	BIT_ULL(6)
#define SHADOW_NX	BIT_ULL(63)

/* What all levels down to some entry allow */
#define SHADOW_MAY_WRITE	BIT(0)
#define SHADOW_MAY_USER		BIT(1)
#define SHADOW_MAY_EXEC		BIT(2)
#define SHADOW_MAY_ALL		7

/*
 * What makes two pages for one table different. @direct: there is no table,
 * @gfn of the page is where it maps to, linearly. Of these only unpaged guests'
 * have no bits of the mode.
 */
union shadow_role {
	u32 word;
	struct {
		u32 level : 3;		/* of the shadow page */
		u32 direct : 1;
		u32 access : 3;		/* of the levels above */
		u32 quadrant : 2;	/* of a table with 1024 entries */
		u32 space : 1;		/* whose memory it is about: kvm_vcpu.as_id */
		/* the mode: all that changes what an entry means */
		u32 levels : 3;
		u32 large : 2;		/* gwalk_mode.max_leaf */
		u32 wp : 1;
		u32 nxe : 1;
		u32 smep : 1;
		u32 smap : 1;
		u32 pke : 1;
		u32 pse36 : 4;
		u32 frame_bits : 6;	/* of a guest-physical address */
	};
};

struct shadow_page {
	struct hlist_node hash;		/* unless @gone */
	struct list_head lru;		/* in mmu_shadow_vm.pages, or .dead */
	struct page *table;		/* private: us */
	struct page *links;		/* a hlist_node for each entry; private: us */
	struct hlist_head parents;	/* links of the entries that point to us */
	gfn_t gfn;
	union shadow_role role;
	unsigned int roots;		/* vCPUs whose root it is */
	u8 writes;			/* to the guest's table since the last use */
	bool gone;			/* out of the hash, and empty */
};

/*
 * Each entry has a link: one that maps memory is in the list of the frame in its
 * slot, one that points to a table in that table's list of parents.
 */
#define SHADOW_LINKS_ORDER	1
#define SHADOW_LINKS_SIZE	(PAGE_SIZE << SHADOW_LINKS_ORDER)
static_assert(SHADOW_LINKS_SIZE == TDP_ENTRIES * sizeof(struct hlist_node));

static inline struct shadow_page *shadow_page_of(void *entry)
{
	return (struct shadow_page *)page_private(virt_to_page(entry));
}

static inline u64 *shadow_entry(struct shadow_page *sp, unsigned int index)
{
	return (u64 *)page_address(sp->table) + index;
}

static inline struct hlist_node *shadow_link(struct shadow_page *sp, unsigned int index)
{
	return (struct hlist_node *)page_address(sp->links) + index;
}

/* The entry whose link it is, and the page it is in. */
static inline u64 *shadow_linked(struct hlist_node *link, struct shadow_page **sp)
{
	unsigned long at = (unsigned long)link & (SHADOW_LINKS_SIZE - 1);

	*sp = shadow_page_of((void *)((unsigned long)link - at));
	return shadow_entry(*sp, at / sizeof(*link));
}

#define SHADOW_HASH_BITS	12

static inline struct hlist_head *shadow_bucket(struct mmu_shadow_vm *s, gfn_t gfn)
{
	return &s->hash[hash_64(gfn, SHADOW_HASH_BITS)];
}

/* shadow.c: pages. mmu_lock held for writing, srcu too, unless said otherwise. */
/* So many in the vCPU's cache that no fault needs more. 0, -ENOMEM. No lock; sleeps. */
int shadow_cache_fill(struct x86_vcpu *v);
/*
 * The page for @gfn and @role; a new one is empty. A guest's table is protected
 * from here on, what the CPU thinks included: read its entries afterwards.
 * NULL: none cached.
 */
struct shadow_page *shadow_get(struct x86_vcpu *v, gfn_t gfn, union shadow_role role);
/* Is there a page for the guest's table at @gfn, in any address space? */
bool shadow_is_table(struct kvm *kvm, gfn_t gfn);
/* Nothing points to it, it points to nothing, nobody finds it. */
void shadow_zap_page(struct kvm *kvm, struct shadow_page *sp);
/* All pages of the table at @gfn. False: there are none. */
bool shadow_zap_table(struct kvm *kvm, gfn_t gfn);
/* Pages for a fault, by taking away those not used for long. */
void shadow_make_room(struct kvm *kvm);
/* No srcu. Flush all TLBs and free what waited for that. */
void shadow_flush(struct kvm *kvm);
/* No srcu. An entry, its link and what was counted for it. False: it was empty. */
bool shadow_clear(struct kvm *kvm, struct shadow_page *sp, unsigned int index);
/* An empty entry becomes @spte, linked to @head. No srcu. */
void shadow_set(struct kvm *kvm, struct shadow_page *sp, unsigned int index, u64 spte,
		struct hlist_head *head);
/* The part of a role that @m makes. */
union shadow_role shadow_mode_role(const struct gwalk_mode *m);

/* As their namesakes without "shadow_" in mmu.h and <linux/kvm/arch.h> */
int shadow_vm_init(struct kvm *kvm);
void shadow_vm_destroy(struct kvm *kvm);
int shadow_vcpu_create(struct x86_vcpu *v);
void shadow_vcpu_destroy(struct x86_vcpu *v);
int shadow_load(struct x86_vcpu *v);
void shadow_zap_all(struct kvm *kvm);
/* slots_lock held: slots or the wish of user space changed */
void shadow_set_limit(struct kvm *kvm);

/* rmap.c */
/* The list for @gfn in @slot. */
static inline struct hlist_head *shadow_rmap(const struct kvm_memslot *slot, gfn_t gfn)
{
	return (struct hlist_head *)slot->arch + (gfn - slot->base_gfn);
}

/* Nothing lets the CPU write to @gfn. True: something did. */
bool shadow_protect(struct kvm *kvm, gfn_t gfn);
int shadow_slot_prepare(struct kvm_memslot *new);
void shadow_slot_flush(struct kvm *kvm, const struct kvm_memslot *old);
void shadow_slot_log(struct kvm *kvm, const struct kvm_memslot *slot);
bool shadow_zap(struct kvm *kvm, const struct kvm_gfn_range *r);
bool shadow_age(struct kvm *kvm, const struct kvm_gfn_range *r, bool test_only);
void shadow_write_protect(const struct kvm_memslot *slot, unsigned long offset,
			  unsigned long mask);

/* gva.c: the walk that mmu_gva_to_gpa() makes. m->levels is 0: nothing to walk. */
const struct gwalk_mode *mmu_guest_mode(struct x86_vcpu *v);
enum gwalk_result mmu_walk(struct x86_vcpu *v, const struct gwalk_mode *m, struct gwalk *w);
/* An entry of the walk as it is now. mmu_lock held; ~0, which none is: not to be had so. */
u64 mmu_walk_again(struct x86_vcpu *v, const struct gwalk_mode *m, const struct gwalk *w,
		   unsigned int step);

#endif
