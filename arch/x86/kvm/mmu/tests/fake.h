/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel for the table code to run on, included before everything else: the
 * guards keep the real headers out. Locks and atomics are real, so that tests
 * may have threads; grace periods end when the test says so.
 */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#define KVM_X86_H
#define KVM_X86_CORE_H

#define _GNU_SOURCE
#include <asm-generic/errno.h>
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bits.h>
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/types.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096ul
#define HPA_INVALID	(~0ull)
typedef u64 gpa_t, gfn_t, hpa_t, hfn_t;
typedef unsigned long hva_t;

#define container_of(p, t, m)	((t *)((char *)(p) - offsetof(t, m)))
#define max_t(t, a, b)		((t)(a) > (t)(b) ? (t)(a) : (t)(b))
#define __ffs(x)		((unsigned int)__builtin_ctzl(x))

/* Atomics */
typedef struct { s64 v; } atomic64_t;
#define atomic64_add(n, p)	((void)__atomic_fetch_add(&(p)->v, n, __ATOMIC_SEQ_CST))
#define atomic64_set(p, n)	__atomic_store_n(&(p)->v, n, __ATOMIC_SEQ_CST)
#define atomic64_andnot(m, p)	((void)__atomic_fetch_and(&(p)->v, ~(m), __ATOMIC_SEQ_CST))
#define try_cmpxchg(p, old, new) \
	__atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* Locks */
typedef pthread_rwlock_t rwlock_t;
#define read_lock(l)		pthread_rwlock_rdlock(l)
#define read_unlock(l)		pthread_rwlock_unlock(l)
#define write_lock(l)		pthread_rwlock_wrlock(l)
#define write_unlock(l)		pthread_rwlock_unlock(l)
#define lockdep_assert_held_write(l)	((void)(l))
#define lockdep_assert_irqs_disabled()	((void)0)
#define srcu_read_lock_held(s)	true
#define srcu_read_lock(s)	((void)(s), 0)
#define srcu_read_unlock(s, idx)	((void)(s), (void)(idx))
#define irqs_disabled()		true
#define rcu_dereference_check(p, c)	((void)(c), __atomic_load_n(&(p), __ATOMIC_SEQ_CST))
#define mutex_lock(m)		((void)(m))
#define mutex_unlock(m)		((void)(m))
#define cond_resched()		((void)0)

extern bool fake_busy;		/* somebody always wants the CPU */
#define need_resched()		fake_busy
#define rwlock_needbreak(l)	false
#define cond_resched_rwlock_read(l)	\
	((void)(fake_busy && (read_unlock(l), sched_yield(), read_lock(l))))
#define cond_resched_rwlock_write(l)	\
	((void)(fake_busy && (write_unlock(l), sched_yield(), write_lock(l))))

/* Pages: a table with its struct page before it, so that freed ones are poisoned. */
struct rcu_head {
	struct rcu_head *next;
	void (*fn)(struct rcu_head *head);
};

struct page {
	unsigned long private;
	struct rcu_head rcu_head;
	bool compound;
};

#define GFP_KERNEL_ACCOUNT	0
#define GFP_DMA32		0
#define __GFP_ZERO		0
#define NR_SECONDARY_PAGETABLE	0
struct page *alloc_pages(int flags, unsigned int order);
void __free_pages(struct page *page, unsigned int order);
#define alloc_page(flags)	alloc_pages(flags, 0)
#define __free_page(page)	__free_pages(page, 0)
#define kzalloc(size, flags)	calloc(1, size)
#define kvcalloc(n, size, flags)	calloc(n, size)
#define kfree(p)		free(p)
#define kvfree(p)		free(p)
#define free_page(va)		__free_page(virt_to_page(va))
void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head));
static inline void rcu_barrier(void) { }
#define mod_lruvec_page_state(page, item, n)	((void)(page))

#define page_private(p)			((p)->private)
#define set_page_private(p, v)		((p)->private = (v))
#define PageCompound(p)			((p)->compound)
#define page_address(p)			((void *)((char *)(p) + PAGE_SIZE))
#define virt_to_page(va)	((struct page *)(((u64)(va) & ~(PAGE_SIZE - 1)) - PAGE_SIZE))
#define page_to_phys(p)			((u64)page_address(p))
#define page_to_pfn(p)			(page_to_phys(p) >> PAGE_SHIFT)
#define __va(pa)			((void *)(pa))
#define virt_to_phys(va)		((u64)(va))
#define PHYS_PFN(pa)			((pa) >> PAGE_SHIFT)
#define pfn_to_page(pfn)		virt_to_page((u64)(pfn) << PAGE_SHIFT)
#define clear_page(p)			memset(p, 0, PAGE_SIZE)
#define pfn_valid(pfn)			true
#define offset_in_page(a)		((a) & (PAGE_SIZE - 1))
#define fls64(x)			((x) ? 64 - __builtin_clzll(x) : 0)
#define current				(&fake_task)
extern struct fake_task { void *mm; } fake_task;

/* Slots, VM, vCPU: the parts in use */
#define KVM_MEM_LOG_DIRTY_PAGES	1
#define KVM_MEM_READONLY	2
#define KVM_ADDRESS_SPACES	2
struct kvm_memslot {
	gfn_t base_gfn;
	unsigned long npages;
	hva_t hva;
	u32 flags;
	u8 as_id;
	unsigned long *dirty;
	void *arch;
};

struct kvm_memslots {
	u64 generation;
	unsigned int count;
	struct kvm_memslot *slot[8];
};

struct kvm {
	void *mm;
	rwlock_t mmu_lock;
	int srcu, slots_lock;
	struct kvm_memslots *slots[KVM_ADDRESS_SPACES];
	unsigned long invalidate_seq;
	unsigned int invalidate_in_progress;
	hva_t invalidate_start, invalidate_end;
	bool dirty_initially_set;
	struct { u64 pages_4k, pages_2m, pages_1g; } stat;
};

struct kvm_vcpu {
	struct kvm *kvm;
	unsigned int as_id;
	struct { u64 pf_spurious, exits; } stat;
};

struct kvm_gfn_range {
	const struct kvm_memslot *slot;
	gfn_t start, end;
	bool may_block;
};

struct kvm_page {
	const struct kvm_memslot *slot;
	gfn_t gfn;
	bool write;
	bool no_wait;
	hfn_t hfn;
	hva_t hva;
	struct page *page;
	bool writable;
	u8 host_level;
};

/* mmu.h stands on these */
enum { X86_FAULT_PRESENT = 1, X86_FAULT_WRITE = 2, X86_FAULT_USER = 4, X86_FAULT_RSVD = 8,
	X86_FAULT_FETCH = 16 };
enum { X86_REQ_LOAD_ROOT = 1 };
typedef unsigned long gva_t;
#include "../mmu.h"

struct x86_vm {
	struct kvm kvm;
	struct mmu_vm mmu;
};

struct x86_vcpu {
	struct kvm_vcpu vcpu;
	struct mmu_vcpu mmu;
	struct { u64 cr3, rip, pdptr[4]; } regs;
};
enum { X86_LAZY_PDPTRS };
#define x86_need(v, which)	((void)(which))
#define x86_cr3(v)		((v)->regs.cr3)
#define x86_rip(v)		((v)->regs.rip)
#define to_x86_vm(k)	container_of(k, struct x86_vm, kvm)
#define to_x86(v)	container_of(v, struct x86_vcpu, vcpu)

extern struct x86_caps {
	bool tdp, tdp_ept, tdp_ad, pml, nx_huge;
	u8 tdp_levels, tdp_max_page_level;
} x86_caps;
extern struct x86_host {
	u8 maxphyaddr;
} x86_host;
#define KVM_EXPORT(sym)
#define x86_op(name)	fake_##name
void fake_load_root(struct x86_vcpu *v, hpa_t root, int level);

struct kvm_memslot *kvm_find_slot(struct kvm_memslots *slots, gfn_t gfn);
#define kvm_slots(kvm, as)	((kvm)->slots[as])
#define kvm_slot_logs_dirty(s)	((s)->flags & KVM_MEM_LOG_DIRTY_PAGES)
#define kvm_slot_hva(s, gfn)	((s)->hva + (((gfn) - (s)->base_gfn) << PAGE_SHIFT))
#define gpa_to_gfn(gpa)		((gpa) >> PAGE_SHIFT)
void kvm_mark_dirty(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t gfn);
void kvm_flush_remote_tlbs(struct kvm *kvm);
void kvm_leave_guests(struct kvm *kvm);
DECLARE_STATIC_KEY_FALSE(kvm_tells_writes);
void kvm_arch_guest_written(struct kvm *kvm, gpa_t gpa, unsigned long len);
void kvm_arch_dirty_log_sync(struct kvm *kvm);
void kvm_request(struct kvm_vcpu *vcpu, unsigned int req);
struct kvm_vcpu *kvm_vcpu_by_index(struct kvm *kvm, unsigned int i);
#define kvm_for_each_vcpu(i, v, kvm)	\
	for ((i) = 0; ((v) = kvm_vcpu_by_index(kvm, i)); (i)++)

int kvm_page_get(struct kvm *kvm, struct kvm_page *p);
#define asyncpf_get_page(v, p)	kvm_page_get((v)->vcpu.kvm, p)
void kvm_page_release(struct kvm_page *p, bool dirty);
u8 kvm_page_host_level(struct kvm *kvm, const struct kvm_page *p);
static inline bool kvm_invalidated(struct kvm *kvm, unsigned long seq, hva_t hva)
{
	if (kvm->invalidate_in_progress && hva >= kvm->invalidate_start &&
	    hva < kvm->invalidate_end)
		return true;
	return kvm->invalidate_seq != seq;
}
#define kvm_invalidate_seq(kvm)	__atomic_load_n(&(kvm)->invalidate_seq, __ATOMIC_SEQ_CST)

/* What the room implements for virt/kvm */
bool kvm_arch_mmu_zap(struct kvm *kvm, const struct kvm_gfn_range *r);
bool kvm_arch_mmu_age(struct kvm *kvm, const struct kvm_gfn_range *r, bool test_only);
void kvm_arch_mmu_write_protect(struct kvm *kvm, const struct kvm_memslot *slot,
				unsigned long offset, unsigned long mask);
void kvm_arch_mmu_zap_all(struct kvm *kvm);
void kvm_arch_set_noncoherent_dma(struct kvm *kvm, bool noncoherent);
int kvm_arch_slot_prepare(struct kvm *kvm, const struct kvm_memslot *old,
			  struct kvm_memslot *new);
void kvm_arch_slot_flush(struct kvm *kvm, const struct kvm_memslot *old);
void kvm_arch_slot_commit(struct kvm *kvm, const struct kvm_memslot *old,
			  const struct kvm_memslot *new);
void kvm_arch_slot_free(struct kvm_memslot *slot);

#endif
