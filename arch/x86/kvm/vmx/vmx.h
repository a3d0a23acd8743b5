/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intel VMX: what the files of this room share. "SDM" is Intel's Software
 * Developer's Manual; chapters of volume 3C as of 2023.
 */
#ifndef KVM_VMX_H
#define KVM_VMX_H

#include <linux/list.h>
#include <linux/kvm/compat.h>
#include "core.h"

/* What this CPU's VMX has and the module parameters leave on. Constant after load. */
struct vmx_hw {
	u32 revision;			/* of the VMCS format */
	u32 pin, primary, secondary;	/* controls that vCPUs start with */
	u32 exit, entry;
	u32 optional;			/* of the secondary controls: those there are */
	u64 cr0_fixed0, cr4_fixed0;	/* bits that VMX operation wants set */
	u64 ept_vpid_cap;
	bool ept;			/* else shadow paging */
	bool ept_ad;
	bool pml;
	bool unrestricted;		/* PE and PG of CR0 may be 0 in a guest */
	bool vpid;
	bool narrow;			/* with EPT: guests may have narrower addresses */
	bool ple;
	bool sgx;
	bool tsc_scaling;
	bool umip_exits;		/* UMIP is made of exits: the CPU has none */
	u8 timer_shift;			/* from TSC ticks to those of the preemption timer */
	bool tpr_shadow;		/* CR8 accesses need no exit */
	bool apicv;			/* virtual-interrupt delivery, and what goes with it */
	bool posted;			/* posted interrupts; exits acknowledge the host's */
	bool ipiv;			/* IPIs to one APIC sent by hardware */
	bool flush_l1d;			/* l1d.c: on entries to the inner loop */
	bool flush_l1d_always;		/* on each entry */
	u64 spec_ctrl_bits;		/* of SPEC_CTRL that the CPU has, 0: no such MSR */
	bool perf;			/* the host's perf has counters: perf.c */
	bool perf_global;		/* entry and exit switch IA32_PERF_GLOBAL_CTRL */
};
extern struct vmx_hw vmx_hw;

/* Module parameters about PAUSE, by their stock names. Constant after load. */
struct vmx_pause {
	unsigned int gap, window, grow, shrink, max;
};
extern struct vmx_pause vmx_pause;
extern bool vmx_dump_invalid;
extern bool vmx_emulate_invalid;	/* parameter, constant after load */

/* MSRs without a place in the VMCS that user mode alone needs on the host's side. */
enum vmx_switched { VMX_STAR, VMX_LSTAR, VMX_SYSCALL_MASK, VMX_TSC_AUX, VMX_NR_SWITCHED };
extern int vmx_switched_slot[VMX_NR_SWITCHED];	/* -1: the CPU has none */

/* Per host CPU; p: preemption off on that CPU, i: IRQs off on that CPU */
struct vmx_cpu {
	struct page *vmxon;		/* c: VMXON region, format unknown to us */
	struct list_head loaded;	/* i; VMCSs that this CPU may have cached */
	struct vmx_vcpu *current_vmcs;	/* i; whose VMREAD and VMWRITE reach */
	bool on;			/* i */
	u64 last_vcpu;			/* p; vmx_vcpu.unique of the last guest here */
};
DECLARE_PER_CPU(struct vmx_cpu, vmx_cpus);

/* enter.S knows this layout. p: IRQs off around entry */
struct vmx_entry {
	u64 guest_spec_ctrl;		/* p  0x00; == host_spec_ctrl: leave the MSR alone */
	u64 host_spec_ctrl;		/* p  0x08 */
	u8 launched;			/* i  0x10; this VMCS has been, on this CPU */
};

/* perf.c: MSRs that are switched by hand */
#define VMX_NR_PERF	8

/* vmx_vcpu.prep: what the next entry has to look at */
#define VMX_PREP_FRESH	BIT(0)		/* first entry since prepare_guest */
#define VMX_PREP_TIMER	BIT(1)		/* a deadline is set, or was cancelled */

/* vm86.c. v: vcpu->mutex; what a guest in real mode has and the VMCS has not, while @on */
struct vmx_vm86 {
	bool on;			/* v; the VMCS has virtual-8086 mode */
	u32 limit[X86_GS + 1];		/* v */
	u32 access[X86_GS + 1];		/* v; as in the VMCS */
	struct kvm_segment tr;		/* v */
	u32 sysenter_cs;		/* v */
	u32 exceptions;			/* v; what exits otherwise, but for INT3 */
	unsigned long iopl;		/* v; of RFLAGS, but for those in v->regs */
};

/* The VM */
struct vmx_vm {
	struct x86_vm x86;		/* first */
	u64 *ipiv_table;		/* c with the first vCPU; entries by irqchip.map_lock */
	bool devices_post;		/* kvm->bypass_lock; r by sleepers. For good */
};

static inline struct vmx_vm *to_vmx_vm(struct kvm *kvm)
{
	return container_of(to_x86_vm(kvm), struct vmx_vm, x86);
}

/* c: constant once created   v: vcpu->mutex   p: loaded, preemption off   i: IRQs off on cpu */
struct vmx_vcpu {
	struct x86_vcpu x86;		/* first */
	struct page *block;		/* c; the VMCS */
	struct vmx_entry entry;
	struct list_head loaded;	/* i; in vmx_cpu.loaded of @cpu */
	int cpu;			/* i; where the VMCS may be cached, -1: nowhere */
	u64 unique;			/* c; never reused */
	u16 vpid;			/* c; 0: none */
	u8 prep;			/* v; VMX_PREP_* */
	bool flush;			/* v; TLB entries are to go before the next entry */
	bool fields_set;		/* v; vcpu_reset() has filled the VMCS */
	bool soft_ours;			/* v; the INT3/INTO on its way in is no instruction's */
	bool unpaged;			/* v; CR0.PG is set for the CPU alone */
	bool state_valid;		/* v; segments were checked since they changed */
	struct vmx_vm86 vm86;
	bool guest_loaded;		/* p; MSRs that only user mode needs are the guest's */
	u32 pin, primary, secondary, entry_ctl, exit_ctl;	/* v; controls as in the VMCS */
	u32 exceptions;			/* v; exception bitmap */
	u32 ple_window;			/* v */
	bool takes_nmi;			/* p; the host's handler runs, IRQs off */
	u8 tpr_threshold;		/* v; as in the VMCS */
	bool apic_page;			/* c; there is one to be redirected */
	int sleeps_on;			/* v; CPU whose list has @sleeper, -1: none */
	struct list_head sleeper;	/* posted.c */
	u64 eptp;			/* v; with EPT */
	struct vmx_msr_entry *efer;	/* v; the guest's, the host's. NULL: in the VMCS */
	struct page *written;		/* c; page-modification log, tlb.c */
	u64 timer_tsc;			/* v; X86_EXIT_TIMER is due, 0: never */
	unsigned long cr0_owned, cr4_owned;	/* v; bits that the guest changes on its own */

	/* The host's, as of prepare_guest */
	unsigned long host_cr3, host_cr4, host_fs_base;	/* p; as in the VMCS */
	u64 host_kernel_gs;		/* p */
	u16 host_fs, host_gs, host_ds, host_es, host_ldt;	/* p */

	/* MSRs that are not in the VMCS */
	u64 switched[VMX_NR_SWITCHED];	/* v */
	u64 cstar;			/* v */
	u64 kernel_gs_base;		/* v; in the MSR while guest_loaded */
	u64 spec_ctrl;			/* v */

	/* perf.c */
	u64 perf_guest, perf_host;	/* v; IA32_PERF_GLOBAL_CTRL in the VMCS */
	struct vmx_msr_entry perf[VMX_NR_PERF];	/* p; the host's values */
	u8 nr_perf;			/* p; of these, written back when the guest is left */

	/* bitmap.c */
	struct page *map;		/* v; a map of its own, NULL: none needed yet */
	u32 pass_read, pass_write;	/* v; bits of the table in bitmap.c */
	bool pass_x2apic;		/* v */
};

static inline struct vmx_vcpu *to_vmx(struct x86_vcpu *v)
{
	return container_of(v, struct vmx_vcpu, x86);
}

/* caps.c */
int vmx_caps_probe(void);
void vmx_caps_export(struct x86_caps *caps);

/* vcpu.c */
int vmx_vcpu_create(struct x86_vcpu *v);
void vmx_vcpu_destroy(struct x86_vcpu *v);
void vmx_vcpu_reset(struct x86_vcpu *v, bool init);
void vmx_vcpu_load(struct x86_vcpu *v, int cpu);
void vmx_vcpu_put(struct x86_vcpu *v);
void vmx_cpuid_changed(struct x86_vcpu *v);
void vmx_update_intercepts(struct x86_vcpu *v);
void vmx_write_tsc(struct x86_vcpu *v);
bool vmx_set_hv_timer(struct x86_vcpu *v, u64 tsc);
void vmx_cancel_hv_timer(struct x86_vcpu *v);

/* apic.c */
/* With in-kernel APICs; vcpu_reset() is filling the VMCS. */
void vmx_apic_fill(struct vmx_vcpu *s);
void vmx_set_apic_mode(struct x86_vcpu *v, enum lapic_hw_mode mode);
bool vmx_notify_guest(struct x86_vcpu *v, int cpu);
void vmx_set_eoi_exits(struct x86_vcpu *v, const unsigned long *vectors);
void vmx_sync_irqs(struct x86_vcpu *v, int tpr, int irr, int isr);

/* ipiv.c */
int vmx_ipiv_alloc(struct kvm *kvm);
void vmx_ipiv_free(struct kvm *kvm);
void vmx_ipiv_fill(struct vmx_vcpu *s);
/* The VMCS is current. */
void vmx_ipiv_set_mode(bool on);
u32 vmx_set_apic_ids(struct kvm *kvm);

/* posted.c */
void vmx_posted_init(void);
void vmx_posted_exit(void);
void vmx_posted_load(struct vmx_vcpu *s, int cpu);
void vmx_posted_enter(struct vmx_vcpu *s);
void vmx_posted_leave_cpu(void);
void vmx_set_sleep(struct x86_vcpu *v, bool sleeps);
int vmx_post_irq(struct x86_vcpu *v, unsigned int irq, u8 vector);

/* msr.c */
int vmx_get_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host);
int vmx_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host);
int vmx_get_feature_msr(u32 index, u64 *data);
extern const u32 vmx_switched_msr[VMX_NR_SWITCHED];

/* regs.c */
void vmx_cache_regs(struct x86_vcpu *v, u32 which);
void vmx_get_segment(struct x86_vcpu *v, enum x86_seg seg, struct kvm_segment *s);
void vmx_set_segment(struct x86_vcpu *v, enum x86_seg seg, const struct kvm_segment *s);
int vmx_get_cpl(struct x86_vcpu *v);
u64 vmx_seg_base(struct x86_vcpu *v, enum x86_seg seg);
void vmx_get_dt(struct x86_vcpu *v, bool idt, struct kvm_dtable *dt);
void vmx_set_dt(struct x86_vcpu *v, bool idt, const struct kvm_dtable *dt);
void vmx_set_cr0(struct x86_vcpu *v, unsigned long cr0);
void vmx_set_cr4(struct x86_vcpu *v, unsigned long cr4);
void vmx_set_efer(struct x86_vcpu *v, u64 efer);
bool vmx_cr4_valid(struct x86_vcpu *v, unsigned long cr4);
bool vmx_segments_valid(struct x86_vcpu *v);
void vmx_set_dr7(struct x86_vcpu *v, unsigned long dr7);
void vmx_sync_drs(struct x86_vcpu *v);
/* Would entry take the LDTR? */
bool vmx_ldt_valid(struct x86_vcpu *v);
/* Without unrestricted guests: is this a state that entry refuses? */
bool vmx_must_emulate(struct vmx_vcpu *s);

/* vm86.c; the VMCS is current */
/* Real mode. False: only the emulator can run it */
bool vmx_vm86_enter(struct vmx_vcpu *s);
/* The VMCS gets back what the guest has; nothing to do if it has it. */
void vmx_vm86_leave(struct vmx_vcpu *s);
/* May virtual-8086 mode go on with this segment? */
bool vmx_vm86_keeps(enum x86_seg nr, const struct kvm_segment *seg);
/* The guest's flags to the VMCS's, and back */
unsigned long vmx_vm86_flags_to_block(struct vmx_vcpu *s, unsigned long rflags);
unsigned long vmx_vm86_flags(struct vmx_vcpu *s, unsigned long rflags);
/* This exception came from the mode, and real mode may have none. */
bool vmx_vm86_emulates(struct vmx_vcpu *s, u8 vector);

/* run.c */
void vmx_prepare_guest(struct x86_vcpu *v);
void vmx_enter(struct x86_vcpu *v);
void vmx_take_host_irq(struct x86_vcpu *v);
bool vmx_host_nmi(struct x86_vcpu *v, unsigned long *ip);
/* enter.S; 0, or 1: the entry failed, nothing of the guest was loaded */
asmlinkage int vmx_vmenter(unsigned long *gpr, const struct vmx_entry *entry);
void vmx_vmexit(void);		/* never called: HOST_RIP */
/* IRQs off: to an interrupt's entry point, which returns by IRET */
asmlinkage void vmx_call_irq(unsigned long entry);

/* exit.c */
void vmx_decode_exit(struct vmx_vcpu *s, bool failed);
int vmx_skip_insn(struct x86_vcpu *v);

/* inject.c */
void vmx_inject_exception(struct x86_vcpu *v);
void vmx_inject_irq(struct x86_vcpu *v, bool reinject);
void vmx_inject_nmi(struct x86_vcpu *v);
void vmx_cancel_injection(struct x86_vcpu *v);
bool vmx_irq_blocked(struct x86_vcpu *v);
bool vmx_nmi_blocked(struct x86_vcpu *v);
bool vmx_get_nmi_mask(struct x86_vcpu *v);
void vmx_set_nmi_mask(struct x86_vcpu *v, bool masked);
void vmx_want_irq_window(struct x86_vcpu *v);
void vmx_want_nmi_window(struct x86_vcpu *v);
u32 vmx_get_int_shadow(struct x86_vcpu *v);
void vmx_set_int_shadow(struct x86_vcpu *v, u32 mask);
bool vmx_end_halt(struct x86_vcpu *v);
void vmx_close_irq_window(struct vmx_vcpu *s);
void vmx_close_nmi_window(struct vmx_vcpu *s);
/* An event that was cut short goes back to common code. @info as IDT-vectoring information */
void vmx_requeue(struct vmx_vcpu *s, u32 info, u32 error);
void vmx_reset_events(struct vmx_vcpu *s);

/* bitmap.c */
int vmx_bitmaps_init(void);
void vmx_bitmaps_exit(void);
/* The VMCS is current. User space's filter is applied before the first entry. */
void vmx_bitmap_create(struct vmx_vcpu *s);
void vmx_bitmap_destroy(struct vmx_vcpu *s);
/* Process context. Intercepts stay on where memory is short. */
void vmx_bitmap_update(struct vmx_vcpu *s);
/* Hardware reads and writes the x2APIC's registers that it can. Process context */
void vmx_bitmap_x2apic(struct vmx_vcpu *s, bool on);
void vmx_set_msr_intercept(struct x86_vcpu *v, u32 index, bool read, bool write);
void vmx_msr_filter_changed(struct x86_vcpu *v);

/* tlb.c */
int vmx_vpids_init(void);
void vmx_vpids_exit(void);

/* perf.c; enter and leave: IRQs off, around the inner loop, with vmx_hw.perf */
void vmx_perf_probe(u32 entry, u32 exit);
void vmx_perf_enter(struct vmx_vcpu *s);
void vmx_perf_leave(struct vmx_vcpu *s);

/* l1d.c */
int vmx_l1d_init(void);
void vmx_l1d_exit(void);
void vmx_l1d_flush(void);
u16 vmx_vpid_get(void);
void vmx_vpid_put(u16 vpid);
/* IRQs off: whatever an earlier user left on this CPU. */
void vmx_flush_cpu(void);
/* IRQs off, right before entry, with vmx_vcpu.flush set. */
void vmx_flush_now(struct vmx_vcpu *s);
void vmx_load_root(struct x86_vcpu *v, hpa_t root, int level);
void vmx_flush_tlb(struct x86_vcpu *v);
void vmx_flush_tlb_gva(struct x86_vcpu *v, gva_t gva);
/* Page-modification log. Alloc: 0 or -ENOMEM; start: the VMCS is current; drain: IRQs off. */
int vmx_pml_alloc(struct vmx_vcpu *s);
void vmx_pml_free(struct vmx_vcpu *s);
void vmx_pml_start(struct vmx_vcpu *s);
void vmx_pml_drain(struct vmx_vcpu *s);

/* dump.c */
void vmx_exit_info(struct x86_vcpu *v, struct x86_exit_info *info);
void vmx_dump(struct x86_vcpu *v);

#endif
