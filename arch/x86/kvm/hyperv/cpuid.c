// SPDX-License-Identifier: GPL-2.0-only
/* Hyper-V's CPUID leaves: those we can serve, and those a guest was given. */
#include <linux/cpu.h>
#include <linux/uaccess.h>
#include <asm/hyperv-tlfs.h>

#include "../x86.h"
#include "syndbg.h"

/* Leaves of the synthetic debugger */
#define DEBUG_LEAVES		0x40000080u
#define DEBUG_INTERFACE		(DEBUG_LEAVES + 1)
#define DEBUG_PLATFORM		(DEBUG_LEAVES + 2)

#define HV1_SIGNATURE		0x31237648	/* "Hv#1" */
#define VS1_SIGNATURE		HYPERV_VS_INTERFACE_EAX_SIGNATURE

#define FEATURES_A								\
	(HV_MSR_VP_RUNTIME_AVAILABLE | HV_MSR_TIME_REF_COUNT_AVAILABLE |	\
	 HV_MSR_SYNIC_AVAILABLE | HV_MSR_SYNTIMER_AVAILABLE |			\
	 HV_MSR_APIC_ACCESS_AVAILABLE | HV_MSR_HYPERCALL_AVAILABLE |		\
	 HV_MSR_VP_INDEX_AVAILABLE | HV_MSR_RESET_AVAILABLE |			\
	 HV_MSR_REFERENCE_TSC_AVAILABLE | HV_ACCESS_FREQUENCY_MSRS |		\
	 HV_ACCESS_REENLIGHTENMENT)
#define FEATURES_B	(HV_POST_MESSAGES | HV_SIGNAL_EVENTS | HV_DEBUGGING)
#define FEATURES_D								\
	(HV_X64_GUEST_DEBUGGING_AVAILABLE | HV_X64_HYPERCALL_XMM_INPUT_AVAILABLE | \
	 HV_FEATURE_FREQUENCY_MSRS_AVAILABLE | HV_FEATURE_GUEST_CRASH_MSR_AVAILABLE | \
	 HV_FEATURE_DEBUG_MSRS_AVAILABLE | HV_STIMER_DIRECT_MODE_AVAILABLE)
#define ADVICE									\
	(HV_X64_REMOTE_TLB_FLUSH_RECOMMENDED | HV_X64_APIC_ACCESS_RECOMMENDED |	\
	 HV_X64_RELAXED_TIMING_RECOMMENDED | HV_DEPRECATING_AEOI_RECOMMENDED |	\
	 HV_X64_CLUSTER_IPI_RECOMMENDED |					\
	 HV_X64_EX_PROCESSOR_MASKS_RECOMMENDED)

/* ebx, ecx, edx of "Linux KVM Hv" */
#define NAME	0x756e694c, 0x564b2078, 0x7648204d

/* function, index, flags, eax, ebx, ecx, edx */
static const struct kvm_cpuid_entry2 leaves[] = {
	{ HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS, 0, 0, DEBUG_PLATFORM, NAME },
	{ HYPERV_CPUID_INTERFACE, 0, 0, HV1_SIGNATURE },
	/* build, and version 10.0: a server of 2016 */
	{ HYPERV_CPUID_VERSION, 0, 0, 0x00003839, 0x000a0000 },
	{ HYPERV_CPUID_FEATURES, 0, 0, FEATURES_A, FEATURES_B, 0, FEATURES_D },
	{ HYPERV_CPUID_ENLIGHTMENT_INFO, 0, 0, ADVICE, 0x00000fff },
	{ HYPERV_CPUID_IMPLEMENT_LIMITS, 0, 0, KVM_MAX_VCPUS_ARCH, 64 },
	{ DEBUG_LEAVES, 0, 0, 0, NAME },
	{ DEBUG_INTERFACE, 0, 0, VS1_SIGNATURE },
	{ DEBUG_PLATFORM, 0, 0, HV_SYNDBG_ALLOWED },
	/*
	 * Who reads the MSR bitmap each time may be told that it has not changed. The other
	 * is about an enlightened VMCS, which is not recommended as long as there is none.
	 */
	{ HYPERV_CPUID_NESTED_FEATURES, 0, 0, HV_X64_NESTED_MSR_BITMAP,
	  HV_X64_NESTED_EVMCS1_PERF_GLOBAL_CTRL },
};

/* What raises vectors of a local APIC */
static struct kvm_cpuid_entry2 without_apic(struct kvm_cpuid_entry2 e)
{
	if (e.function == HYPERV_CPUID_FEATURES)
		e.edx &= ~HV_STIMER_DIRECT_MODE_AVAILABLE;
	else if (e.function == HYPERV_CPUID_ENLIGHTMENT_INFO)
		e.eax &= ~HV_X64_CLUSTER_IPI_RECOMMENDED;
	return e;
}

static long give_leaves(struct kvm_cpuid2 __user *user, bool apic)
{
	struct kvm_cpuid_entry2 e;
	unsigned int i;
	u32 nent;

	if (get_user(nent, &user->nent))
		return -EFAULT;
	if (nent < ARRAY_SIZE(leaves))
		return -E2BIG;
	for (i = 0; i < ARRAY_SIZE(leaves); i++) {
		e = leaves[i];
		/* No siblings: what runs beside a vCPU is never another guest's. */
		if (e.function == HYPERV_CPUID_ENLIGHTMENT_INFO && !cpu_smt_possible())
			e.eax |= HV_X64_NO_NONARCH_CORESHARING;
		if (!apic)
			e = without_apic(e);
		if (copy_to_user(&user->entries[i], &e, sizeof(e)))
			return -EFAULT;
	}
	return put_user(ARRAY_SIZE(leaves), &user->nent);
}

long hyperv_ioctl_cpuid(void *obj, void *arg)
{
	return give_leaves((struct kvm_cpuid2 __user *)arg, true);
}

long hyperv_vcpu_ioctl_cpuid(void *obj, void *arg)
{
	return give_leaves((struct kvm_cpuid2 __user *)arg, to_x86(obj)->apic);
}

/* A new list of CPUID leaves, which the guest will see. */
void hyperv_cpuid_changed(struct x86_vcpu *v)
{
	struct hyperv_vcpu *h = &v->hyperv;
	const struct kvm_cpuid_entry2 *e = cpuid_find(v, HYPERV_CPUID_INTERFACE, 0);

	h->on = e && e->eax == HV1_SIGNATURE;
	h->features_a = h->features_b = h->features_d = h->advice = h->spins = h->debugger = 0;
	if (!h->on)
		return;
	e = cpuid_find(v, HYPERV_CPUID_FEATURES, 0);
	if (e) {
		h->features_a = e->eax;
		h->features_b = e->ebx;
		h->features_d = e->edx;
	}
	e = cpuid_find(v, HYPERV_CPUID_ENLIGHTMENT_INFO, 0);
	if (e) {
		h->advice = e->eax;
		h->spins = e->ebx;
	}
	e = cpuid_find(v, DEBUG_PLATFORM, 0);
	if (e)
		h->debugger = e->eax;
}
