/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD SVM: what the files of this room share. "APM" is the AMD64 Architecture
 * Programmer's Manual, volume 2.
 */
#ifndef KVM_SVM_H
#define KVM_SVM_H

#include <asm/svm.h>
#include "core.h"

/* What this CPU's SVM has and the module parameters leave on. Constant after load. */
struct svm_hw {
	bool npt;
	bool nrips;
	bool lbrv;
	bool clean_bits;
	bool flush_by_asid;
	bool decode_assists;
	bool pause_filter;
	bool pause_threshold;
	bool tsc_scaling;
	bool vgif;			/* both only matter to nested guests */
	bool vls;
	bool v_spec_ctrl;		/* hardware keeps the guest's SPEC_CTRL in the VMCB */
	bool virt_ssbd;			/* SSBD through LS_CFG or VIRT_SPEC_CTRL */
	bool avic;			/* hardware delivers a local APIC's interrupts */
	bool avic_ipi;			/* and finds out itself where a vCPU runs */
	bool x2avic;			/* also in x2APIC mode */
	bool rdpru, mcommit, invlpgb;	/* instructions with an intercept of their own */
	u32 nr_asids;
	u64 spec_ctrl_bits;		/* of SPEC_CTRL that the CPU has, 0: no such MSR */
	int tsc_aux_slot;		/* user-return MSR, -1: the CPU has none */
};
extern struct svm_hw svm_hw;

/* Module parameters about PAUSE, by their stock names. Constant after load. */
struct svm_pause {
	unsigned short count, thresh;
	unsigned short grow, shrink, max;
};
extern struct svm_pause svm_pause;
extern bool svm_dump_invalid;

/* Per host CPU; p: preemption off on that CPU */
struct svm_cpu {
	struct page *hsave;		/* c: VM_HSAVE_PA, format unknown to us */
	struct page *host_block;	/* c: VMSAVE/VMLOAD area for the host's state */
	u64 host_block_pa;		/* c */
	u64 asid_generation;		/* p; 0 is never valid */
	u32 next_asid;			/* p */
	u64 last_vcpu;			/* p; svm_vcpu.unique of the last guest here */
	u64 tsc_ratio;			/* p; in MSR_AMD64_TSC_RATIO */
};
DECLARE_PER_CPU(struct svm_cpu, svm_cpus);

/* enter.S knows this layout. v: vcpu->mutex, p: IRQs off around entry */
struct svm_entry {
	u64 block_pa;			/* c  0x00 */
	u64 host_block_pa;		/* p  0x08 */
	u64 guest_spec_ctrl;		/* p  0x10; == host_spec_ctrl: leave the MSR alone */
	u64 host_spec_ctrl;		/* p  0x18 */
};

/* svm_vcpu.prep: what the next entry has to look at */
#define SVM_PREP_FRESH	BIT(0)		/* first entry since prepare_guest */
#define SVM_PREP_TPR	BIT(1)		/* the APIC's TPR may have changed */

/* svm_vcpu.watch: what the next exit has to look at */
#define SVM_WATCH_IRET	BIT(0)		/* an IRET at iret_rip ends the NMI's masking */
#define SVM_WATCH_STEP	BIT(1)		/* TF is ours, to get an exit behind one instruction */
#define SVM_WATCH_KICK	BIT(2)		/* leave at once after the event is delivered */
#define SVM_WATCH_SOFT	BIT(3)		/* RIP was moved past INT3/INTO for the injection */
#define SVM_WATCH_DR	BIT(4)		/* the guest has the debug registers */

/* avic.c. The VM */
struct svm_vm {
	struct x86_vm x86;		/* first */
	u64 *avic_physical;		/* c; a page, its entries by svm_avic.lock */
	u32 *avic_logical;		/* c; a page, its entries by irqchip.map_lock */
};

/* avic.c. l: lock, IRQs off, also under a run queue's lock; v: vcpu->mutex */
struct svm_avic {
	raw_spinlock_t lock;
	u64 *slot;			/* l; in the VM's table, NULL: nobody finds the APIC */
	u64 entry;			/* l; what is there, or would be */
	u32 mode;			/* v; bits of int_ctl; 0: software delivers */
	bool sleeps;			/* v; senders have to wake the vCPU */
};

/* c: constant once created   v: vcpu->mutex   p: loaded, preemption off */
struct svm_vcpu {
	struct x86_vcpu x86;		/* first */
	struct vmcb *block;		/* c */
	struct svm_entry entry;
	u64 unique;			/* c; never reused */
	u8 prep;			/* v; SVM_PREP_* */
	u8 watch;			/* v; SVM_WATCH_* */
	u8 tpr;				/* v; V_TPR as last written or seen */
	bool nmi_masked;		/* v */
	bool guest_loaded;		/* p; MSRs that only user mode needs are the guest's */
	bool host_saved;		/* p; host_block is current */
	int last_cpu;			/* p; -1: none */
	u32 lazy;			/* v; registers to be read on demand after an exit */
	u64 asid_generation;		/* p; 0: needs a new ASID */
	u64 root;			/* v; nested CR3, or CR3 itself, with the C bit */
	unsigned long iret_rip;		/* v; with SVM_WATCH_IRET */
	unsigned long soft_rip;		/* v; with SVM_WATCH_SOFT: of the instruction */
	unsigned long soft_next;	/* v; and behind it */
	struct svm_avic avic;

	/* MSRs that are not in the VMCB */
	u64 tsc_aux;			/* v */
	u64 spec_ctrl;			/* v; without v_spec_ctrl */
	u64 virt_spec_ctrl;		/* v */
	u64 debugctl;			/* v */
	u64 vm_cr;			/* v */

	/* bitmap.c */
	struct page *msrpm;		/* v; a map of its own, NULL: none needed yet */
	u64 msrpm_pa;			/* v; the one in use */
	u32 pass_read, pass_write;	/* v; bits of the table in bitmap.c */
	bool pass_x2apic;		/* v */
};

static inline struct svm_vm *to_svm_vm(struct kvm *kvm)
{
	return container_of(to_x86_vm(kvm), struct svm_vm, x86);
}

static inline struct svm_vcpu *to_svm(struct x86_vcpu *v)
{
	return container_of(v, struct svm_vcpu, x86);
}

/* caps.c */
int svm_caps_probe(void);
void svm_caps_export(struct x86_caps *caps);

/* vcpu.c */
int svm_vcpu_create(struct x86_vcpu *v);
void svm_vcpu_destroy(struct x86_vcpu *v);
void svm_vcpu_reset(struct x86_vcpu *v, bool init);
void svm_vcpu_load(struct x86_vcpu *v, int cpu);
void svm_vcpu_put(struct x86_vcpu *v);
void svm_cpuid_changed(struct x86_vcpu *v);
void svm_update_intercepts(struct x86_vcpu *v);
void svm_write_tsc(struct x86_vcpu *v);
bool svm_set_hv_timer(struct x86_vcpu *v, u64 tsc);
void svm_cancel_hv_timer(struct x86_vcpu *v);
/* With shadow paging, of an undefined VMCB: never without our tables. */
void svm_rebuild_paging(struct svm_vcpu *s);
/* Control area from scratch, keeping what the vCPU was given. */
void svm_rebuild_control(struct svm_vcpu *s);

/* apic.c */
void svm_set_apic_mode(struct x86_vcpu *v, enum lapic_hw_mode mode);
bool svm_notify_guest(struct x86_vcpu *v, int cpu);
void svm_set_sleep(struct x86_vcpu *v, bool sleeps);
int svm_post_irq(struct x86_vcpu *v, unsigned int irq, u8 vector);
void svm_set_eoi_exits(struct x86_vcpu *v, const unsigned long *vectors);
u32 svm_set_apic_ids(struct kvm *kvm);
void svm_sync_irqs(struct x86_vcpu *v, int tpr, int irr, int isr);
/* Before an entry: the APIC's TPR may have changed. */
void svm_sync_tpr(struct svm_vcpu *s);

/* avic.c */
int svm_avic_vm_init(struct kvm *kvm);
void svm_avic_vm_destroy(struct kvm *kvm);
void svm_avic_fill(struct svm_vcpu *s);
/* Preemption off; -1: loaded nowhere */
void svm_avic_load(struct svm_vcpu *s, int cpu);
void svm_avic_set_mode(struct svm_vcpu *s, enum lapic_hw_mode mode);
void svm_avic_set_sleep(struct svm_vcpu *s, bool sleeps);
void svm_avic_ring(int cpu);
u32 svm_avic_set_ids(struct kvm *kvm);
/* Exits */
void svm_avic_incomplete_ipi(struct svm_vcpu *s);
void svm_avic_access(struct svm_vcpu *s);

/* msr.c */
int svm_get_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host);
int svm_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host);
int svm_get_feature_msr(u32 index, u64 *data);

/* regs.c */
void svm_cache_regs(struct x86_vcpu *v, u32 which);
void svm_get_segment(struct x86_vcpu *v, enum x86_seg seg, struct kvm_segment *s);
void svm_set_segment(struct x86_vcpu *v, enum x86_seg seg, const struct kvm_segment *s);
int svm_get_cpl(struct x86_vcpu *v);
u64 svm_seg_base(struct x86_vcpu *v, enum x86_seg seg);
void svm_get_dt(struct x86_vcpu *v, bool idt, struct kvm_dtable *dt);
void svm_set_dt(struct x86_vcpu *v, bool idt, const struct kvm_dtable *dt);
void svm_set_cr0(struct x86_vcpu *v, unsigned long cr0);
void svm_set_cr4(struct x86_vcpu *v, unsigned long cr4);
void svm_set_efer(struct x86_vcpu *v, u64 efer);
bool svm_cr4_valid(struct x86_vcpu *v, unsigned long cr4);
bool svm_segments_valid(struct x86_vcpu *v);
void svm_set_dr7(struct x86_vcpu *v, unsigned long dr7);
void svm_sync_drs(struct x86_vcpu *v);
/* A debugger in the VMM uses the debug registers. */
bool svm_needs_drs(struct svm_vcpu *s);
/* They go to the guest, until the next vcpu_load; and back to exits. */
void svm_give_drs(struct svm_vcpu *s);
void svm_take_drs(struct svm_vcpu *s);
void svm_load_drs(struct svm_vcpu *s);
void svm_store_drs(struct svm_vcpu *s);

/* run.c */
void svm_prepare_guest(struct x86_vcpu *v);
void svm_enter(struct x86_vcpu *v);
void svm_take_host_irq(struct x86_vcpu *v);
/* enter.S */
asmlinkage void svm_vmrun(unsigned long *gpr, const struct svm_entry *entry);

/* exit.c */
void svm_decode_exit(struct svm_vcpu *s, unsigned long old_rflags);
int svm_skip_insn(struct x86_vcpu *v);

/* inject.c */
void svm_inject_exception(struct x86_vcpu *v);
void svm_inject_irq(struct x86_vcpu *v, bool reinject);
void svm_inject_nmi(struct x86_vcpu *v);
void svm_cancel_injection(struct x86_vcpu *v);
bool svm_irq_blocked(struct x86_vcpu *v);
bool svm_nmi_blocked(struct x86_vcpu *v);
bool svm_get_nmi_mask(struct x86_vcpu *v);
void svm_set_nmi_mask(struct x86_vcpu *v, bool masked);
void svm_want_irq_window(struct x86_vcpu *v);
void svm_want_nmi_window(struct x86_vcpu *v);
u32 svm_get_int_shadow(struct x86_vcpu *v);
void svm_set_int_shadow(struct x86_vcpu *v, u32 mask);
bool svm_end_halt(struct x86_vcpu *v);
void svm_close_irq_window(struct svm_vcpu *s);
/* An event that was cut short goes back to common code. @info as EXITINTINFO */
void svm_requeue(struct svm_vcpu *s, u32 info, u32 error);
void svm_iret_intercepted(struct svm_vcpu *s);
/* Before an entry and after an exit with svm_vcpu.watch set; true: exit is decoded. */
void svm_watch_entry(struct svm_vcpu *s);
bool svm_watch_exit(struct svm_vcpu *s, unsigned long old_rflags);
void svm_reset_events(struct svm_vcpu *s);

/* bitmap.c */
int svm_bitmaps_init(void);
void svm_bitmaps_exit(void);
void svm_bitmap_create(struct svm_vcpu *s);
void svm_bitmap_destroy(struct svm_vcpu *s);
/* Process context. Intercepts stay on where memory is short. */
void svm_bitmap_update(struct svm_vcpu *s);
/* Hardware reads and writes the x2APIC's registers that it can. Process context */
void svm_bitmap_x2apic(struct svm_vcpu *s, bool on);
void svm_set_msr_intercept(struct x86_vcpu *v, u32 index, bool read, bool write);
void svm_msr_filter_changed(struct x86_vcpu *v);
extern u64 svm_iopm_pa;

/* tlb.c */
void svm_cpu_init_asids(struct svm_cpu *cpu);
void svm_assign_asid(struct svm_vcpu *s, struct svm_cpu *cpu);
void svm_load_root(struct x86_vcpu *v, hpa_t root, int level);
void svm_flush_tlb(struct x86_vcpu *v);
void svm_flush_tlb_gva(struct x86_vcpu *v, gva_t gva);

/* dump.c */
void svm_exit_info(struct x86_vcpu *v, struct x86_exit_info *info);
void svm_dump(struct x86_vcpu *v);

#endif
