/* SPDX-License-Identifier: GPL-2.0-only */
/* MSRs: one row each (msr.c), user space's filter and exits (msr_filter.c). */
#ifndef KVM_X86_MSR_H
#define KVM_X86_MSR_H

#include <linux/kvm/types.h>

struct x86_vcpu;
struct kvm;

#define X86_NR_VAR_MTRR		8
#define X86_MAX_MCE_BANKS	32

/* v: vcpu->mutex */
struct x86_msrs {
	u64 pat;				/* v */
	u64 apic_base;				/* kept by lapic when there is one */
	u64 misc_enable;			/* v */
	u64 mtrr_def_type;			/* v */
	u64 mtrr_fixed[11];			/* v */
	u64 mtrr_var[X86_NR_VAR_MTRR * 2];	/* v */
	u64 mcg_cap, mcg_status, mcg_ctl;	/* v */
	u64 *mce_banks;				/* v, 4 per bank */
	u64 arch_capabilities, platform_info, misc_features, ucode_rev;	/* v */
	u64 smi_count, hwcr, poll_control;	/* v */
};

struct msr_filter;				/* srcu, replaced whole */

int msr_module_init(void);
void msr_vcpu_reset(struct x86_vcpu *v, bool init);
int msr_vcpu_create(struct x86_vcpu *v);
void msr_vcpu_destroy(struct x86_vcpu *v);

/* 0 done, 1 #GP. @host: from an ioctl, checks meant for guests do not apply. May sleep. */
int msr_get(struct x86_vcpu *v, u32 index, u64 *data, bool host);
int msr_set(struct x86_vcpu *v, u32 index, u64 data, bool host);
/* Exit rows: apply the filter, exit to user space if asked. IRQs on. See exit.h for the result. */
int msr_exit_read(struct x86_vcpu *v);		/* returns enum x86_next */
int msr_exit_write(struct x86_vcpu *v);
/* IRQs off: the few MSRs worth it (TSC deadline, x2APIC ICR/EOI, and plain reads). X86_SLOW if not. */
int msr_fast_read(struct x86_vcpu *v);
int msr_fast_write(struct x86_vcpu *v);

/* ioctls */
long msr_ioctl_get(void *obj, void *arg);		/* KVM_GET_MSRS on a vCPU */
long msr_ioctl_set(void *obj, void *arg);
long msr_ioctl_get_feature(void *obj, void *arg);	/* KVM_GET_MSRS on the system fd */
long msr_ioctl_index_list(void *obj, void *arg);
long msr_ioctl_feature_list(void *obj, void *arg);
long msr_ioctl_set_filter(void *obj, void *arg);	/* KVM_X86_SET_MSR_FILTER, struct copy */
long mce_ioctl_cap(void *obj, void *arg);		/* KVM_X86_GET_MCE_CAP_SUPPORTED */
long mce_ioctl_setup(void *obj, void *arg);
long mce_ioctl_set(void *obj, void *arg);
/* May the guest touch @index without asking user space? srcu held. */
bool msr_filter_allows(struct kvm *kvm, u32 index, bool write);
void msr_filter_destroy(struct kvm *kvm);

#endif
