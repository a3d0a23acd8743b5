/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID: what we support, what a vCPU was given, and fast answers to the guest. */
#ifndef KVM_X86_CPUID_H
#define KVM_X86_CPUID_H

#include <asm/cpufeature.h>
#include <linux/kvm/types.h>

struct x86_vcpu;

#define X86_CPUID_MAX_ENTRIES	256

struct x86_cpuid {
	unsigned int nent;
	struct kvm_cpuid_entry2 *entries;	/* v; sorted as user space gave them */
	/* 1 + index of the first entry of a leaf, 0: none */
	u8 basic[64];
	u8 hyper[32];
	u8 extended[64];
	u32 max_basic, max_extended, max_hyper;
	bool amd_compatible;			/* vendor AMD or Hygon: out-of-range leaves are zero */
	u32 words[NCAPINTS];			/* guest features, for x86_has() */
	u8 maxphyaddr;
	u8 pv_base_set;
	u32 pv_features;			/* KVM_CPUID_FEATURES.eax */
	u64 xcr0_supported;			/* guest may set these */
	u64 cr4_reserved;			/* guest may not set these */
	u64 reserved_gpa_bits;			/* above maxphyaddr */
};

int cpuid_module_init(void);
/* KVM_GET_SUPPORTED_CPUID / _EMULATED_CPUID, @arg user pointer to struct kvm_cpuid2 */
long cpuid_get_supported(void *obj, void *arg);
long cpuid_get_emulated(void *obj, void *arg);
/* KVM_SET_CPUID, KVM_SET_CPUID2, KVM_GET_CPUID2: @obj is the vCPU */
long cpuid_set_legacy(void *obj, void *arg);
long cpuid_set(void *obj, void *arg);
long cpuid_get(void *obj, void *arg);
void cpuid_destroy(struct x86_vcpu *v);

/* The guest executed CPUID: in/out registers. Any context, vCPU thread. */
void cpuid_emulate(struct x86_vcpu *v, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
const struct kvm_cpuid_entry2 *cpuid_find(struct x86_vcpu *v, u32 leaf, u32 sub);
/* CR4, XCR0, XSS or APIC base changed: patch the run-time bits (OSXSAVE, OSPKE, APIC, 0xd sizes) */
void cpuid_update_runtime(struct x86_vcpu *v);
/* Is this X86_FEATURE_* in what we offer at all (supported list)? */
bool cpuid_supported(unsigned int feature);

#endif
