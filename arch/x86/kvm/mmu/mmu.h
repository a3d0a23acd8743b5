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

#include <linux/kvm/guest_mem.h>

struct x86_vcpu;
struct emul_fault;

/* Per VM. M: kvm->mmu_lock */
struct mmu_vm {
	hpa_t root;			/* M; HPA_INVALID until the first vCPU loads it */
	u64 mmio_generation;		/* follows the memslots' generation */
	unsigned long nr_tables;	/* M, table pages in use */
	unsigned long requested_pages;	/* KVM_SET_NR_MMU_PAGES */
	struct list_head zapped;	/* M; roots and subtrees waiting to be freed */
};

/* Per vCPU: touched by the thread holding vcpu->mutex alone. */
#define MMU_CACHE_PAGES		8
#define MMU_MMIO_SLOTS		8
struct mmu_vcpu {
	hpa_t root;			/* the root loaded in hardware */
	u64 root_generation;
	unsigned int nr_cached;
	struct page *cache[MMU_CACHE_PAGES];	/* zeroed table pages for one fault */
	struct {
		gfn_t gfn;
		u64 generation;		/* memslot generation, 0: empty */
	} mmio[MMU_MMIO_SLOTS];		/* gfns known to have no slot */
};

int mmu_module_init(void);
void mmu_module_exit(void);

int mmu_vm_init(struct kvm *kvm);
/* All vCPUs are gone, the notifier is silent: free every table page. */
void mmu_vm_destroy(struct kvm *kvm);
int mmu_vcpu_create(struct x86_vcpu *v);
void mmu_vcpu_destroy(struct x86_vcpu *v);

/* Before entry when v->mmu.root is HPA_INVALID: build the root, x86_op(load_root). 0 or -errno. May sleep. */
int mmu_load(struct x86_vcpu *v);

enum mmu_fault_result {
	MMU_FIXED,		/* mapped, or fixed by somebody else: resume */
	MMU_RETRY,		/* the host's mm moved meanwhile: resume */
	MMU_MMIO,		/* no slot there: emulate */
	MMU_READONLY,		/* write to a read-only slot: emulate as MMIO write */
	MMU_EFAULT,		/* the VMM has nothing mapped there: KVM_RUN fails with -EFAULT */
	MMU_HWPOISON,
	MMU_NOMEM,
	MMU_INTR,		/* a signal is pending */
};

/* A guest access to @gpa faulted; @flags X86_FAULT_*. srcu held, may sleep. */
enum mmu_fault_result mmu_fault(struct x86_vcpu *v, gpa_t gpa, u32 flags);
/* IRQs off: only dirty/access fixes of present entries. True: resume. srcu held. */
bool mmu_fault_fast(struct x86_vcpu *v, gpa_t gpa, u32 flags);

/* Is @gfn known to have no slot? Exact for the current generation; false: not known. */
bool mmu_known_mmio(struct x86_vcpu *v, gfn_t gfn);
void mmu_note_mmio(struct x86_vcpu *v, gfn_t gfn);

/*
 * Walk the guest's own page tables (gwalk.c); @access X86_FAULT_WRITE / _FETCH / _USER.
 * Sets accessed/dirty bits as hardware would. The page tables are read through
 * guest memory, each entry once. srcu held. @atomic: nothing may sleep.
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

/* KVM_CAP_MMU_SHADOW_CACHE_CONTROL */
int mmu_set_nr_pages(struct kvm *kvm, unsigned long pages);
unsigned long mmu_get_nr_pages(struct kvm *kvm);

#endif
