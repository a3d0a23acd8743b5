/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one table through which common code reaches a backend.
 *
 * Each row: OP(return type, name, arguments). Ops run with the vCPU loaded
 * unless said otherwise; "IRQs off" ops must not sleep. Resolved once at load
 * into static calls: x86_op(name)(args).
 */
#ifndef KVM_X86_VENDOR_OPS_H
#define KVM_X86_VENDOR_OPS_H

#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/static_call.h>
#include <linux/kvm/types.h>
#include "regs.h"

struct kvm;
struct x86_vcpu;
struct x86_exit_info;
struct kvm_segment;
struct kvm_dtable;
struct pmu_model;

/* What hardware does of the local APIC. Off: the task priority at most */
enum lapic_hw_mode { LAPIC_HW_OFF, LAPIC_HW_XAPIC, LAPIC_HW_X2APIC };

#define X86_VENDOR_OPS(OP)							\
	/* Host CPU, IRQs off: enable/disable the extension. */			\
	OP(int, hw_enable, (void))						\
	OP(void, hw_disable, (void))						\
	/* VM life; process context. */						\
	OP(int, vm_init, (struct kvm *kvm))					\
	OP(void, vm_destroy, (struct kvm *kvm))					\
	/* vCPU life; process context, not loaded. create allocates the block. */ \
	OP(int, vcpu_create, (struct x86_vcpu *v))				\
	OP(void, vcpu_destroy, (struct x86_vcpu *v))				\
	/* Hardware state after RESET or INIT; core sets registers after it. */	\
	OP(void, vcpu_reset, (struct x86_vcpu *v, bool init))			\
	/* Preemption off: moves to or leaves a host CPU. */			\
	OP(void, vcpu_load, (struct x86_vcpu *v, int cpu))			\
	OP(void, vcpu_put, (struct x86_vcpu *v))				\
	/* CPUID was set: recompute intercepts that depend on it. */		\
	OP(void, cpuid_changed, (struct x86_vcpu *v))				\
	/* Preemption off: save host state that the guest's replaces. Once per	\
	 * kvm_vcpu_load, before the first enter. */				\
	OP(void, prepare_guest, (struct x86_vcpu *v))				\
	/* IRQs off. Run the guest once, decode the exit into v->exit, requeue	\
	 * interrupted events. Returns with IRQs off. */			\
	OP(void, enter, (struct x86_vcpu *v))					\
	/* IRQs still off, the last exit will be handled with IRQs on: deal with	\
	 * X86_EXIT_INTR so that the host takes it, and empty what hardware	\
	 * collected (VMX: the page-modification log). */			\
	OP(void, take_host_irq, (struct x86_vcpu *v))				\
	/* Fill the bits of @which (X86_LAZY_*) in v->regs from hardware. */	\
	OP(void, cache_regs, (struct x86_vcpu *v, u32 which))			\
	OP(void, get_segment, (struct x86_vcpu *v, enum x86_seg seg, struct kvm_segment *s)) \
	OP(void, set_segment, (struct x86_vcpu *v, enum x86_seg seg, const struct kvm_segment *s)) \
	OP(int, get_cpl, (struct x86_vcpu *v))					\
	OP(u64, seg_base, (struct x86_vcpu *v, enum x86_seg seg))		\
	OP(void, get_dt, (struct x86_vcpu *v, bool idt, struct kvm_dtable *dt))	\
	OP(void, set_dt, (struct x86_vcpu *v, bool idt, const struct kvm_dtable *dt)) \
	/* Values were checked by cr.c; hardware gets them, v->regs too. */	\
	OP(void, set_cr0, (struct x86_vcpu *v, unsigned long cr0))		\
	OP(void, set_cr4, (struct x86_vcpu *v, unsigned long cr4))		\
	OP(void, set_efer, (struct x86_vcpu *v, u64 efer))			\
	OP(bool, cr4_valid, (struct x86_vcpu *v, unsigned long cr4))		\
	/* RSM has set segments: would hardware, or the emulator, go on from them? */ \
	OP(bool, segments_valid, (struct x86_vcpu *v))				\
	/* Debug registers: v->dbg holds the values. */				\
	OP(void, set_dr7, (struct x86_vcpu *v, unsigned long dr7))		\
	OP(void, sync_drs, (struct x86_vcpu *v))				\
	/* #BP, #DB and other exception intercepts from v->dbg. */		\
	OP(void, update_intercepts, (struct x86_vcpu *v))			\
	/* 0: stepped over, -EAGAIN: length unknown, core decodes. Clears the	\
	 * interrupt shadow. IRQs on or off. */					\
	OP(int, skip_insn, (struct x86_vcpu *v))				\
	/* Events; the thread about to enter, IRQs on or off. */		\
	OP(void, inject_exception, (struct x86_vcpu *v))			\
	OP(void, inject_irq, (struct x86_vcpu *v, bool reinject))		\
	OP(void, inject_nmi, (struct x86_vcpu *v))				\
	/* Undo an injection that did not reach the guest: requeue it. */	\
	OP(void, cancel_injection, (struct x86_vcpu *v))			\
	OP(bool, irq_blocked, (struct x86_vcpu *v))				\
	OP(bool, nmi_blocked, (struct x86_vcpu *v))				\
	OP(bool, get_nmi_mask, (struct x86_vcpu *v))				\
	OP(void, set_nmi_mask, (struct x86_vcpu *v, bool masked))		\
	OP(void, want_irq_window, (struct x86_vcpu *v))				\
	OP(void, want_nmi_window, (struct x86_vcpu *v))				\
	/* KVM_X86_SHADOW_INT_STI / _MOV_SS bits */				\
	OP(u32, get_int_shadow, (struct x86_vcpu *v))				\
	OP(void, set_int_shadow, (struct x86_vcpu *v, u32 mask))		\
	/* The guest gets other registers. Was it in a HLT that does not exit? It	\
	 * is not any more. */							\
	OP(bool, end_halt, (struct x86_vcpu *v))				\
	/* What waits (@irr) and is in service (@isr), -1: nothing. Hardware that	\
	 * delivers goes on from there; else exit when CR8 falls below @irr's class. */ \
	OP(void, sync_irqs, (struct x86_vcpu *v, int tpr, int irr, int isr))	\
	/* Process context: hardware delivers, or does not, in this mode of the APIC. */ \
	OP(void, set_apic_mode, (struct x86_vcpu *v, enum lapic_hw_mode mode))	\
	/* Any context: the guest that runs on @cpu takes what is in lapic_posted()	\
	 * without an exit. False: it can't. */				\
	OP(bool, notify_guest, (struct x86_vcpu *v, int cpu))			\
	/* IRQs on. Devices that post by themselves have to wake the vCPU, or need	\
	 * no longer. The core collects what was posted after it. */		\
	OP(void, set_sleep, (struct x86_vcpu *v, bool sleeps))			\
	/* The IOMMU posts the host's @irq to @v as @vector; NULL: to nobody, the host	\
	 * has it. Any thread, process context; with x86_caps.posts_irqs. */	\
	OP(int, post_irq, (struct x86_vcpu *v, unsigned int irq, u8 vector))	\
	/* 256 bits: vectors whose EOI exits, where hardware delivers. */	\
	OP(void, set_eoi_exits, (struct x86_vcpu *v, const unsigned long *vectors)) \
	/* Process context: what lapic_ids() tells of some vCPU changed, for	\
	 * hardware that sends IPIs. BIT()s of the modes in which it may deliver. */ \
	OP(u32, set_apic_ids, (struct kvm *kvm))				\
	/* Translations. load_root: TDP root of @level levels. */		\
	OP(void, load_root, (struct x86_vcpu *v, hpa_t root, int level))	\
	OP(void, flush_tlb, (struct x86_vcpu *v))				\
	OP(void, flush_tlb_gva, (struct x86_vcpu *v, gva_t gva))		\
	/* Time: v->tsc.offset and .ratio were changed. */			\
	OP(void, write_tsc, (struct x86_vcpu *v))				\
	/* Count down in hardware: X86_EXIT_TIMER once the host's TSC is past	\
	 * @tsc, or earlier. False: it can't. Loaded or not, IRQs on or off. */	\
	OP(bool, set_hv_timer, (struct x86_vcpu *v, u64 tsc))			\
	OP(void, cancel_hv_timer, (struct x86_vcpu *v))				\
	/* Vendor MSRs: 0, 1: #GP (not there or bad value), -ENOENT: not mine. */ \
	OP(int, get_msr, (struct x86_vcpu *v, u32 index, u64 *data, bool host))	\
	OP(int, set_msr, (struct x86_vcpu *v, u32 index, u64 data, bool host))	\
	/* Feature MSRs (system fd). -ENOENT: not mine. */			\
	OP(int, get_feature_msr, (u32 index, u64 *data))			\
	/* Stop (or resume) intercepting @index by guest accesses. */		\
	OP(void, set_msr_intercept, (struct x86_vcpu *v, u32 index, bool read, bool write)) \
	/* Re-apply the user's MSR filter to the bitmap. */			\
	OP(void, msr_filter_changed, (struct x86_vcpu *v))			\
	/* IRQs off, right after enter: for the trace, and only if that is on. */ \
	OP(void, exit_info, (struct x86_vcpu *v, struct x86_exit_info *info))	\
	/* For KVM_EXIT_FAIL_ENTRY and the log. */				\
	OP(void, dump, (struct x86_vcpu *v))

struct x86_vendor_ops {
	const char *name;		/* "kvm_amd" */
	struct module *owner;
	unsigned int vcpu_size;		/* of the struct that embeds x86_vcpu first */
	unsigned int vm_size;		/* of the struct that embeds x86_vm first */
#define X86_OP_MEMBER(ret, name, args) ret (*name) args;
	X86_VENDOR_OPS(X86_OP_MEMBER)
#undef X86_OP_MEMBER
};

extern struct x86_vendor_ops x86_vendor;

#define X86_OP_DECLARE(ret, name, args)	\
	DECLARE_STATIC_CALL(x86_op_##name, *((struct x86_vendor_ops *)NULL)->name);
X86_VENDOR_OPS(X86_OP_DECLARE)
#undef X86_OP_DECLARE

#define x86_op(name)	static_call(x86_op_##name)

/* What the hardware offers, filled by the backend before x86_vendor_register(). */
struct x86_caps {
	bool tdp;			/* nested paging in use */
	u8 tdp_levels;			/* 4 or 5 */
	u8 tdp_max_page_level;		/* 1: 4K, 2: 2M, 3: 1G */
	bool tdp_ept;			/* entries are EPT's (SDM 3C 29.3.2), else NPT's */
	bool tdp_ad;			/* they have accessed and dirty bits */
	bool pml;			/* hardware lists pages that it makes dirty; see dirty.c */
	bool nx_huge;			/* set by core: code runs from small pages alone */
	bool tsc_scaling;
	u8 tsc_frac_bits;
	u64 tsc_max_ratio;
	bool nrips;
	bool bus_lock_exit;		/* bus locks are told: X86_REQ_BUS_LOCK */
	bool notify_exit;		/* X86_EXIT_NOTIFY */
	bool narrow_guests;		/* guests may have fewer bits of addresses than the CPU */
	bool tss_pages;			/* real mode uses the pages of KVM_SET_TSS_ADDR */
	bool xsaves;
	bool vnmi;
	bool apicv;			/* hardware delivers a local APIC's interrupts */
	bool posts_irqs;		/* and those of devices go there by themselves */
	bool apic_page;			/* and redirects accesses to an xAPIC's page */
	const struct pmu_model *pmu;	/* the vendor's counters, there or not */
	bool avic;			/* it is AMD's: see lapic_avic_can() */
	bool icr_wide;			/* and keeps an x2APIC's ICR in one piece (SDM 3C 30.1.6) */
	u64 mce;			/* MCG_* that guests may have beside the common ones */
	bool feat_ctl;			/* Intel's: there are IA32_FEAT_CTL and what it enables */
	bool sgx;			/* guests may have enclaves */
	u8 vmcall;			/* the CPU's hypercall instruction is 0f 01 and this */
	u64 supported_xcr0;		/* set by core in x86_vendor_register */
	u64 supported_xss;
	/* set or cleared CPUID feature bits that depend on the backend */
	void (*adjust_cpuid)(u32 *words, unsigned int nr_words);
};
#define X86_VMCALL	0xc1		/* SDM 2D, VMCALL */
#define X86_VMMCALL	0xd9		/* APM 3, VMMCALL */
extern struct x86_caps x86_caps;

/* -EBUSY if one is registered already. Process context; opens /dev/kvm. */
int x86_vendor_register(const struct x86_vendor_ops *ops, const struct x86_caps *caps);
void x86_vendor_unregister(void);

#endif
