/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID: what we support, what a vCPU was given, and fast answers to the guest. */
#ifndef KVM_X86_CPUID_H
#define KVM_X86_CPUID_H

#include <asm/processor.h>
#include <linux/kvm/types.h>

struct x86_vcpu;

#define X86_CPUID_MAX_ENTRIES	256

/* Leaves looked up by index: 0.., 0x40000000.., 0x80000000.. */
#define X86_CPUID_NR_BASIC	64
#define X86_CPUID_NR_HYPER	32
#define X86_CPUID_NR_EXT	64

/* v: owned by the thread holding vcpu->mutex */
struct x86_cpuid {
	unsigned int nent;			/* v */
	struct kvm_cpuid_entry2 *entries;	/* v; in user space's order */
	u16 *next;				/* v; 1 + index of the leaf's next entry, 0: last */
	/* v; 1 + index of the first entry of a leaf, 0: none */
	u16 basic[X86_CPUID_NR_BASIC];
	u16 hyper[X86_CPUID_NR_HYPER];
	u16 extended[X86_CPUID_NR_EXT];
	bool amd_compatible;			/* v; AMD or Hygon: out-of-range leaves are zero */
	u32 words[NCAPINTS];			/* v; guest features, for x86_has() */
	u8 maxphyaddr;				/* v */
	u32 pv_leaf;				/* v; KVM_CPUID_SIGNATURE or moved up, 0: none */
	u32 pv_features;			/* v; KVM_CPUID_FEATURES.eax */
	u64 xcr0_supported;			/* v; guest may set these */
	u64 cr4_reserved;			/* v; guest may not set these */
	u64 reserved_gpa_bits;			/* v; above maxphyaddr */
};

/* A backend registers: x86_caps is set. */
int cpuid_module_init(void);
/* Values of a vCPU that was given no CPUID yet; process context, not loaded. */
void cpuid_vcpu_create(struct x86_vcpu *v);
void cpuid_destroy(struct x86_vcpu *v);

/* KVM_GET_SUPPORTED_CPUID / _EMULATED_CPUID, @arg user pointer to struct kvm_cpuid2 */
long cpuid_get_supported(void *obj, void *arg);
long cpuid_get_emulated(void *obj, void *arg);
/*
 * KVM_SET_CPUID, KVM_SET_CPUID2, KVM_GET_CPUID2: @obj is the vCPU, @arg a user
 * pointer. The setters want the vCPU loaded.
 */
long cpuid_set_legacy(void *obj, void *arg);
long cpuid_set(void *obj, void *arg);
long cpuid_get(void *obj, void *arg);

/* The guest executed CPUID: in/out registers. Any context, vCPU thread. */
void cpuid_trace(struct x86_vcpu *v, u32 leaf, u32 sub);
void cpuid_emulate(struct x86_vcpu *v, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
/* CPUID faulting is on (MISC_FEATURES_ENABLES.0): #GP outside CPL 0 and SMM */
bool cpuid_faulting(struct x86_vcpu *v);
const struct kvm_cpuid_entry2 *cpuid_find(struct x86_vcpu *v, u32 leaf, u32 sub);
/*
 * CR4, XCR0, XSS, the APIC base or MISC_ENABLE changed: patch the run-time bits
 * (OSXSAVE, OSPKE, APIC, MWAIT, sizes of leaf 0xd). vCPU loaded.
 */
void cpuid_update_runtime(struct x86_vcpu *v);
/* Is this X86_FEATURE_* in what we offer at all (supported list)? */
bool cpuid_supported(unsigned int feature);

/* cpuid_table.c, for cpuid.c: where a word of feature bits lives */
struct cpuid_word {
	u8 word;		/* of x86_capability[] */
	u8 reg;			/* enum cpuid_regs_idx */
	u8 sub;
	u32 leaf;
	u32 pass;		/* ours if the host has them */
	u32 always;		/* made by us whatever the host has */
};

extern const struct cpuid_word cpuid_words[];
extern const unsigned int cpuid_nr_words;

/* Bytes of an XSAVE area with @features, legacy region and header included. */
u32 cpuid_xsave_size(u64 features, bool compacted);
/* PV features of leaf 0x40000001 that work. */
u32 cpuid_pv_supported(void);

#endif
