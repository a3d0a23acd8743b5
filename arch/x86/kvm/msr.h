/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSRs: access and ioctls (msr.c), one row each (msr_table.c), machine checks
 * (mce.c), user space's filter (msr_filter.c).
 */
#ifndef KVM_X86_MSR_H
#define KVM_X86_MSR_H

#include <linux/kvm/types.h>

struct x86_vcpu;
struct kvm;

#define X86_NR_VAR_MTRR		8
#define X86_NR_FIXED_MTRR	11
#define X86_MAX_MCE_BANKS	32

/* v: vcpu->mutex */
struct x86_msrs {
	u64 pat;				/* v */
	u64 apic_base;				/* v; kept by the LAPIC when there is one */
	u64 misc_enable;			/* v */
	u64 mtrr_def_type;			/* v */
	u64 mtrr_fixed[X86_NR_FIXED_MTRR];	/* v */
	u64 mtrr_var[X86_NR_VAR_MTRR * 2];	/* v */
	u64 mcg_cap, mcg_status, mcg_ctl;	/* v */
	u64 mcg_ext_ctl, feat_ctl;		/* v */
	u64 sgx_hash[4];			/* v; IA32_SGXLEPUBKEYHASHn */
	u64 *mce_banks;				/* c; 4 per bank: CTL, STATUS, ADDR, MISC */
	u16 mce_ctl2[X86_MAX_MCE_BANKS];	/* v; threshold, and bit 15: CMCI_EN */
	u64 arch_capabilities, platform_info, misc_features, ucode_rev;	/* v */
	u64 perf_capabilities;			/* v */
	u64 power_ctl;				/* v; kept, and nothing follows from it */
	u64 smi_count, hwcr, poll_control;	/* v */
	u64 de_cfg, osvw_length, osvw_status;	/* v */
};

struct msr_filter;				/* srcu, replaced whole */

/* A backend registers: x86_caps is set. */
int msr_module_init(void);
void msr_vcpu_reset(struct x86_vcpu *v, bool init);
int msr_vcpu_create(struct x86_vcpu *v);
void msr_vcpu_destroy(struct x86_vcpu *v);

/*
 * 0 done, 1 #GP. @host: from an ioctl, checks meant for guests do not apply.
 * vCPU loaded, srcu held. May sleep.
 */
int msr_get(struct x86_vcpu *v, u32 index, u64 *data, bool host);
int msr_set(struct x86_vcpu *v, u32 index, u64 data, bool host);
/* Exit rows: apply the filter, exit to user space if asked. IRQs on, srcu held. */
int msr_exit_read(struct x86_vcpu *v);		/* returns enum x86_next */
int msr_exit_write(struct x86_vcpu *v);
/* IRQs off: the few MSRs worth it (TSC deadline, x2APIC ICR, EOI, TPR). X86_SLOW if not. */
int msr_fast_read(struct x86_vcpu *v);
int msr_fast_write(struct x86_vcpu *v);

/* ioctls; @arg is user space's pointer unless said otherwise. Those of a vCPU want it loaded. */
long msr_ioctl_get(void *obj, void *arg);		/* KVM_GET_MSRS on a vCPU */
long msr_ioctl_set(void *obj, void *arg);
long msr_ioctl_get_feature(void *obj, void *arg);	/* KVM_GET_MSRS on the system fd */
long msr_ioctl_index_list(void *obj, void *arg);
long msr_ioctl_feature_list(void *obj, void *arg);
long msr_ioctl_set_filter(void *obj, void *arg);	/* KVM_X86_SET_MSR_FILTER, struct copy */
long mce_ioctl_cap(void *obj, void *arg);		/* u64 copy, as the next */
long mce_ioctl_setup(void *obj, void *arg);
long mce_ioctl_set(void *obj, void *arg);		/* struct copy */
/* May the guest touch @index without asking user space? srcu held. */
bool msr_filter_allows(struct kvm *kvm, u32 index, bool write);
void msr_filter_destroy(struct kvm *kvm);

/* --- between msr.c, msr_table.c and mce.c -------------------------------- */

enum msr_result {
	MSR_DONE,
	MSR_BAD,		/* illegal value, or not for this guest */
	MSR_UNKNOWN,		/* nobody implements it */
};

#define MSR_LISTED	BIT(0)	/* in KVM_GET_MSR_INDEX_LIST */
#define MSR_FEATURE	BIT(1)	/* in the feature list, if feature() knows it */
#define MSR_GUEST_RO	BIT(2)	/* guests may only read it */

struct msr_row {
	u32 first, last;
	u16 flags;
	u16 feature;		/* X86_FEATURE_* a guest needs to see it; 0: none */
	u16 field;		/* offset in struct x86_vcpu, for a NULL get or set */
	enum msr_result (*get)(struct x86_vcpu *v, u32 index, u64 *data, bool host);
	enum msr_result (*set)(struct x86_vcpu *v, u32 index, u64 data, bool host);
	/* value for the system fd; NULL: ask the backend */
	u64 (*feature_value)(void);
};

extern const struct msr_row msr_rows[];		/* in rising order, no overlap */
extern const unsigned int msr_nr_rows;

/* hyperv/msr.c */
enum msr_result hyperv_get_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host);
enum msr_result hyperv_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host);

enum msr_result mce_get(struct x86_vcpu *v, u32 index, u64 *data, bool host);
enum msr_result mce_set(struct x86_vcpu *v, u32 index, u64 data, bool host);
enum msr_result mce_ctl2_get(struct x86_vcpu *v, u32 index, u64 *data, bool host);
enum msr_result mce_ctl2_set(struct x86_vcpu *v, u32 index, u64 data, bool host);
enum msr_result mce_local_get(struct x86_vcpu *v, u32 index, u64 *data, bool host);
enum msr_result mce_local_set(struct x86_vcpu *v, u32 index, u64 data, bool host);
void mce_reset(struct x86_vcpu *v);

#endif
