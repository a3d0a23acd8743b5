/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MMU room's whole interface. Inside are the second-level (TDP) tables of
 * each VM; outside nobody knows an entry's format.
 *
 * Notifier and dirty-log entry points are the kvm_arch_mmu_* and
 * kvm_arch_slot_* hooks of <linux/kvm/arch.h>, implemented in this room.
 */
#ifndef KVM_X86_MMU_H
#define KVM_X86_MMU_H

#include <linux/jump_label.h>
#include <linux/kvm/guest_mem.h>

#include "gwalk.h"

struct shadow_page;
struct x86_vcpu;

/* The backend has no nested paging: guests run on shadows of their page tables. */
DECLARE_STATIC_KEY_FALSE(mmu_shadow_on);
#define mmu_shadow()	static_branch_unlikely(&mmu_shadow_on)

/* Shadow tables, see shadow.h. M, but for @limit: slots_lock to change, read racily */
struct mmu_shadow_vm {
	struct hlist_head *hash;	/* c; pages by the frame of the guest's table */
	struct list_head pages;		/* all in the hash, the last used one first */
	struct list_head dead;		/* out of the hash, hardware may still look at them */
	unsigned long nr_pages;
	unsigned int nr_dead;
	unsigned long limit;		/* of nr_pages */
	bool flush_due;			/* TLBs may hold what is in no table any more */
};

/* The depth of the deepest tables, and what a fault may need of pages */
#define MMU_SHADOW_CACHE	GWALK_MAX_LEVELS
#define MMU_SHADOW_ROOTS	4

/* As mmu_vcpu, but for root[].roots: M */
struct mmu_shadow_vcpu {
	struct shadow_page *root[MMU_SHADOW_ROOTS];	/* of PAE all four, else one */
	u64 *pdpt;			/* c; in 32-bit addresses, what hardware gets for PAE */
	struct shadow_page *cache[MMU_SHADOW_CACHE];
	unsigned int nr_cached;
	gfn_t table;			/* being written by emulation, GFN_NONE: none */
	gfn_t retry_table;		/* the last that was given up for that, */
	unsigned long retry_rip;	/* where, */
	u64 retry_exits;		/* when, */
	unsigned int retries;		/* and how often in a row */
};
#define GFN_NONE	(~0ull)

/* M: kvm->mmu_lock held for writing to change; S: slots_lock */
struct mmu_vm {
	hpa_t root[KVM_ADDRESS_SPACES];	/* M; HPA_INVALID until a vCPU there loads it */
	unsigned long requested_pages;	/* S; KVM_SET_NR_MMU_PAGES, 0: never set */
	struct page *own_page;		/* M; shown at @own_gfn, NULL: none */
	gfn_t own_gfn;			/* M; 0: nowhere, or not any more */
	bool huge_exec;			/* c once vCPUs exist; whatever nx_huge_pages says */
	bool noncoherent;		/* M, read racily; guests' own memory types count */
	bool identity;			/* identity_lock in identity.c; see mmu_map_identity() */
	struct mmu_shadow_vm shadow;
};

/* All fields: touched by the thread holding vcpu->mutex alone. */
#define MMU_CACHE_PAGES		4	/* the tables below a root of 5 levels */
#define MMU_MMIO_NOTES		64	/* a power of two */
struct mmu_vcpu {
	hpa_t root;			/* the root loaded in hardware, or HPA_INVALID */
	unsigned int nr_cached;
	struct page *cache[MMU_CACHE_PAGES];	/* zeroed table pages for a fault under way */
	struct {
		gfn_t gfn;
		u64 generation;		/* memslot generation, 0: empty */
	} mmio[MMU_MMIO_NOTES];		/* gfns known to have no slot */
	struct gwalk_mode walk;		/* the guest's paging mode when it was last walked */
	struct {
		gfn_t gfn;
		u64 generation;		/* memslot generation, 0: empty */
		hva_t hva;
	} table[GWALK_MAX_LEVELS];	/* the guest table last read at each level */
	struct {
		u64 generation;		/* memslot generation, 0: empty */
		u64 cr3;
		u64 page;		/* of the address */
		gpa_t gpa;
		u32 key, access;
		unsigned int n;
		hva_t hva[GWALK_MAX_LEVELS];
		u64 entry[GWALK_MAX_LEVELS];
	} fetch;			/* the last walk for a fetch, with what it read where */
	struct mmu_shadow_vcpu shadow;
};

/* A backend registers, no VM is there: entries as x86_caps tells. */
void mmu_set_format(void);
void mmu_module_exit(void);

int mmu_vm_init(struct kvm *kvm);
/* All vCPUs are gone, the notifier is silent: free every table page. */
void mmu_vm_destroy(struct kvm *kvm);
int mmu_vcpu_create(struct x86_vcpu *v);
void mmu_vcpu_destroy(struct x86_vcpu *v);

/*
 * Before entry when v->mmu.root is HPA_INVALID: build the root, x86_op(load_root).
 * 0 or -errno. May sleep. The root comes as a plain physical address; cached
 * translations of an older root are flushed by KVM_REQ_TLB_FLUSH.
 */
int mmu_load(struct x86_vcpu *v);
/* The vCPU goes to another address space. The caller sees to mmu_role_changed(). */
void mmu_set_space(struct x86_vcpu *v, unsigned int as_id);

enum mmu_fault_result {
	MMU_FIXED,		/* mapped, or fixed by somebody else: resume */
	MMU_RETRY,		/* the host's mm moved meanwhile: resume */
	MMU_MMIO,		/* no slot there: emulate */
	MMU_READONLY,		/* write to a read-only slot: emulate as MMIO write */
	MMU_EFAULT,		/* the VMM has nothing mapped there: KVM_RUN fails with -EFAULT */
	MMU_HWPOISON,
	MMU_NOMEM,
	MMU_INTR,		/* a signal is pending */
	MMU_GUEST_FAULT,	/* shadow paging: the guest's own page fault */
	MMU_EMULATE,		/* shadow paging: a write that may not be done by the CPU */
};

/* A guest access to @gpa faulted; @flags X86_FAULT_*. srcu held, may sleep. */
enum mmu_fault_result mmu_fault(struct x86_vcpu *v, gpa_t gpa, u32 flags);
/*
 * IRQs off since the exit: only write permission and faults that are none (any
 * more), of present entries. True: resume. srcu is not needed.
 */
bool mmu_fault_fast(struct x86_vcpu *v, gpa_t gpa, u32 flags);

/* asyncpf.c: the room's kvm_page_get(). -EAGAIN: the guest does something else first */
int asyncpf_get_page(struct x86_vcpu *v, struct kvm_page *p);

/* Hardware made @n pages dirty, by their addresses. IRQs off since the exit. */
void mmu_log_written(struct x86_vcpu *v, const u64 *gpas, unsigned int n);

/*
 * A page of ours at @gfn, where no slot is, or NULL: not (any more). A slot that
 * comes there drives it away. The page has to live as long as vCPUs. May sleep.
 */
void mmu_set_own_page(struct kvm *kvm, gfn_t gfn, struct page *page);
/* For a time: @page where it was, or NULL there. Nothing once a slot drove it away */
void mmu_show_own_page(struct kvm *kvm, struct page *page);

/*
 * Is @gfn known to have no slot? Exact for the current generation; false: not
 * known. srcu held, or IRQs off since the exit.
 */
bool mmu_known_mmio(struct x86_vcpu *v, gfn_t gfn);
/* Notes @gfn if it has no slot. srcu held. */
void mmu_note_mmio(struct x86_vcpu *v, gfn_t gfn);
/* A page of ours may be there again, which is no slot. The vCPU's thread */
void mmu_forget_mmio(struct x86_vcpu *v, gfn_t gfn);

/*
 * Walk the guest's own page tables; @access X86_FAULT_WRITE / _FETCH / _USER.
 * Sets accessed/dirty bits as hardware would. The page tables are read through
 * guest memory, each entry once. srcu held. @atomic: IRQs are off since the
 * exit, nothing sleeps, srcu is not needed.
 * 0: *@gpa is set. -EFAULT: the guest gets the fault in @fault (error code, address),
 * -EAGAIN (atomic only): needs the sleeping way.
 */
struct mmu_gfault {
	u32 error;
	gva_t addr;
};
int mmu_gva_to_gpa(struct x86_vcpu *v, gva_t gva, u32 access, gpa_t *gpa,
		   struct mmu_gfault *fault, bool atomic);
/* Read PDPTRs from CR3 for PAE paging. False: reserved bits set or unreadable (#GP). srcu held. */
bool mmu_load_pdptrs(struct x86_vcpu *v, unsigned long cr3);

/* Guest CR0/CR3/CR4/EFER or CPUID changed in a way that matters to translation. */
void mmu_role_changed(struct x86_vcpu *v);
void mmu_new_cr3(struct x86_vcpu *v);

/*
 * For hardware that runs unpaged guests with paging on: a page table in the guest's
 * memory, at x86_vm.identity_map_addr, that maps 4 GiB onto themselves. Process context.
 */
int mmu_map_identity(struct kvm *kvm);
/*
 * KVM_SET_TSS_ADDR, for hardware that runs real mode in virtual-8086 mode: a TSS at
 * @gpa whose I/O map allows all ports. -EEXIST if there is one or something else.
 */
#define MMU_TSS_SIZE	(0x68 + 0x10000 / 8 + 1)
int mmu_map_tss(struct kvm *kvm, gpa_t gpa);

/*
 * Shadow paging: the guest's access to @gva faulted, @error is hardware's error
 * code. MMU_MMIO: *@gpa is set. MMU_GUEST_FAULT: @fault is. srcu held, may sleep.
 */
enum mmu_fault_result mmu_guest_fault(struct x86_vcpu *v, gva_t gva, u32 error, gpa_t *gpa,
				      struct mmu_gfault *fault);
/*
 * After MMU_EMULATE: the CPU shall do the write after all, what kept it from
 * that is given up. False: there was nothing, or it has been tried.
 */
bool mmu_retry_write(struct x86_vcpu *v);
/* User space set registers: it may have set memory too, tables among it. srcu not needed. */
void mmu_user_changed(struct x86_vcpu *v);

/* KVM_SET_NR_MMU_PAGES, KVM_GET_NR_MMU_PAGES. Both take slots_lock. */
int mmu_set_nr_pages(struct kvm *kvm, unsigned long pages);
unsigned long mmu_get_nr_pages(struct kvm *kvm);

#endif
