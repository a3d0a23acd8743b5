/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What other parts of a kernel ask of its KVM by this name, when these sources
 * are that KVM ("make overlay"). Ours is in linux/kvm/.
 */
#ifndef LINUX_KVM_HOST_H
#define LINUX_KVM_HOST_H

#include <linux/types.h>

/*
 * The argument of perf_guest_get_msrs() on Intel processors, of which perf
 * reads what the guest programmed for PEBS, and which counters it must not run
 * since the host has them at another index.
 */
struct kvm_pmu {
	u64 ds_area;
	u64 pebs_enable;
	u64 pebs_data_cfg;
	u64 host_cross_mapped_mask;
};

/*
 * A vCPU's thread with a signal pending is about to be told that by the caller,
 * kvm_host_work() in the end, which says it to user space too.
 */
struct kvm_vcpu;

static inline void kvm_handle_signal_exit(struct kvm_vcpu *vcpu)
{
}

/* vfio.ko keeps the VM of an open device, if kvm.ko is loaded. */
struct kvm;
bool kvm_get_kvm_safe(struct kvm *kvm);
void kvm_put_kvm(struct kvm *kvm);

#endif
