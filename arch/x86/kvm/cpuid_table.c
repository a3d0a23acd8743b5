// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPUID leaves we offer: one row per leaf with the function that computes
 * it from the host's, and one row per word of feature bits.
 *
 * Not offered yet, and so absent from the masks: nested VMX and SVM,
 * MONITOR/MWAIT, MPX, processor trace, AMX, WAITPKG, SEV.
 */
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/asm/kvm_para.h>

#include "x86.h"

#define F(name)	BIT(X86_FEATURE_##name & 31)

/* Bits that leaf 0x80000001 EDX repeats from leaf 1 EDX on AMD (APM 3 E.4.2) */
#define AMD_ALIASES	0x0183f3ffu

#define CPUID_MAX_BASIC		0x1f
#define CPUID_MAX_EXT		0x80000021
#define CPUID_INVARIANT_TSC	BIT(8)

const struct cpuid_word cpuid_words[] = {
	{ CPUID_1_EDX, CPUID_EDX, 0, 1,
	  F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) |
	  F(CX8) | F(APIC) | F(SEP) | F(MTRR) | F(PGE) | F(MCA) | F(CMOV) |
	  F(PAT) | F(PSE36) | F(CLFLUSH) | F(MMX) | F(FXSR) | F(XMM) | F(XMM2) |
	  F(SELFSNOOP),
	  F(APIC) | F(MTRR) | F(MCE) | F(MCA) },
	/* The deadline timer is told by KVM_CAP_TSC_DEADLINE_TIMER instead. */
	{ CPUID_1_ECX, CPUID_ECX, 0, 1,
	  F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(PDCM) | F(PCID) |
	  F(XMM4_1) | F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | F(XSAVE) |
	  F(AVX) | F(F16C) | F(RDRAND),
	  F(X2APIC) },
	{ CPUID_6_EAX, CPUID_EAX, 0, 6, 0, F(ARAT) },
	{ CPUID_7_0_EBX, CPUID_EBX, 0, 7,
	  F(FSGSBASE) | F(SGX) | F(BMI1) | F(HLE) | F(AVX2) | F(FDP_EXCPTN_ONLY) |
	  F(SMEP) | F(BMI2) | F(ERMS) | F(INVPCID) | F(RTM) | F(ZERO_FCS_FDS) |
	  F(AVX512F) | F(AVX512DQ) | F(RDSEED) | F(ADX) | F(SMAP) |
	  F(AVX512IFMA) | F(CLFLUSHOPT) | F(CLWB) | F(AVX512PF) | F(AVX512ER) |
	  F(AVX512CD) | F(SHA_NI) | F(AVX512BW) | F(AVX512VL),
	  F(TSC_ADJUST) },
	{ CPUID_7_ECX, CPUID_ECX, 0, 7,
	  F(AVX512VBMI) | F(UMIP) | F(PKU) | F(AVX512_VBMI2) | F(GFNI) |
	  F(VAES) | F(VPCLMULQDQ) | F(AVX512_VNNI) | F(AVX512_BITALG) |
	  F(AVX512_VPOPCNTDQ) | F(LA57) | F(RDPID) | F(CLDEMOTE) |
	  F(MOVDIRI) | F(MOVDIR64B) | F(SGX_LC), 0 },
	{ CPUID_7_EDX, CPUID_EDX, 0, 7,
	  F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(FSRM) |
	  F(AVX512_VP2INTERSECT) | F(MD_CLEAR) | F(SERIALIZE) | F(TSXLDTRK) |
	  F(AVX512_FP16) | F(SPEC_CTRL) | F(INTEL_STIBP) | F(SPEC_CTRL_SSBD),
	  F(ARCH_CAPABILITIES) },
	{ CPUID_7_1_EAX, CPUID_EAX, 1, 7, F(AVX_VNNI) | F(AVX512_BF16), 0 },
	{ CPUID_D_1_EAX, CPUID_EAX, 1, 0xd,
	  F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1) | F(XSAVES), 0 },
	{ CPUID_8000_0001_EDX, CPUID_EDX, 0, 0x80000001,
	  F(SYSCALL) | F(NX) | F(MMXEXT) | F(FXSR_OPT) | F(GBPAGES) |
	  F(RDTSCP) | F(LM) | F(3DNOWEXT) | F(3DNOW), 0 },
	{ CPUID_8000_0001_ECX, CPUID_ECX, 0, 0x80000001,
	  F(LAHF_LM) | F(CR8_LEGACY) | F(ABM) | F(SSE4A) | F(MISALIGNSSE) |
	  F(3DNOWPREFETCH) | F(OSVW) | F(XOP) | F(FMA4) | F(TBM) | F(TOPOEXT) |
	  F(PERFCTR_CORE), 0 },
	{ CPUID_8000_0008_EBX, CPUID_EBX, 0, 0x80000008,
	  F(CLZERO) | F(XSAVEERPTR) | F(WBNOINVD) | F(AMD_IBPB) | F(AMD_IBRS) |
	  F(AMD_STIBP) | F(AMD_STIBP_ALWAYS_ON) | F(AMD_SSBD) | F(VIRT_SSBD) |
	  F(AMD_SSB_NO), 0 },
	/* no nested data breakpoints, LFENCE serialises, null selector clears base */
	{ CPUID_8000_0021_EAX, CPUID_EAX, 0, 0x80000021,
	  BIT(0) | BIT(2) | BIT(6), 0 },
};
const unsigned int cpuid_nr_words = ARRAY_SIZE(cpuid_words);

/* Host's XSAVE components: read once, CPUID 0xd sub-leaf n */
static struct {
	u32 size, offset, flags;
} xsave_part[63] __read_mostly;

#define XSAVE_HEADER_END	(512 + 64)
#define XSAVE_PART_ALIGN64	BIT(1)	/* flags: SDM 1 13.4.3 */

u32 cpuid_xsave_size(u64 features, bool compacted)
{
	u32 end = XSAVE_HEADER_END;
	unsigned int i;

	for (i = 2; i < ARRAY_SIZE(xsave_part); i++) {
		u32 start = xsave_part[i].offset;

		if (!(features & BIT_ULL(i)) || !xsave_part[i].size)
			continue;
		if (compacted && (xsave_part[i].flags & XSAVE_PART_ALIGN64))
			start = ALIGN(end, 64);
		else if (compacted)
			start = end;
		end = max(end, start + xsave_part[i].size);
	}
	return end;
}

u32 cpuid_pv_supported(void)
{
	u32 features = BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |
	       BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_PV_EOI) |
	       BIT(KVM_FEATURE_PV_UNHALT) | BIT(KVM_FEATURE_PV_TLB_FLUSH) |
	       BIT(KVM_FEATURE_PV_SEND_IPI) | BIT(KVM_FEATURE_POLL_CONTROL) |
	       BIT(KVM_FEATURE_PV_SCHED_YIELD) | BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT) |
	       BIT(KVM_FEATURE_ASYNC_PF) | BIT(KVM_FEATURE_ASYNC_PF_INT);

	/* Without the first there is no word for "flush it later". */
	if (steal_known())
		features |= BIT(KVM_FEATURE_STEAL_TIME);
	return features;
}

/* What the host's kernel uses and its CPUs have, of one word */
static u32 host_word(const struct cpuid_word *w)
{
	u32 r[4];

	if (w->leaf > cpuid_eax(w->leaf & 0x80000000))
		return 0;
	cpuid_count(w->leaf, w->sub, &r[CPUID_EAX], &r[CPUID_EBX],
		    &r[CPUID_ECX], &r[CPUID_EDX]);
	/* Leaf 0x80000021 is scattered over the kernel's own words. */
	if (w->leaf == 0x80000021)
		return r[w->reg];
	return r[w->reg] & boot_cpu_data.x86_capability[w->word];
}

/* AMD tells the speculation controls elsewhere; Intel's bits mean the same MSRs. */
static void alias_speculation(u32 *words)
{
	u32 amd = words[CPUID_8000_0008_EBX];
	u32 *intel = &words[CPUID_7_EDX];

	if ((amd & F(AMD_IBPB)) && (amd & F(AMD_IBRS)))
		*intel |= F(SPEC_CTRL);
	if (amd & F(AMD_STIBP))
		*intel |= F(INTEL_STIBP);
	if (amd & F(AMD_SSBD))
		*intel |= F(SPEC_CTRL_SSBD);
}

/* Features offered, laid out like x86_capability[]; set when a backend comes */
static u32 supported[NCAPINTS] __read_mostly;

static void read_supported(u32 *words)
{
	u64 xcr0 = x86_caps.supported_xcr0;
	unsigned int i;

	memset(words, 0, sizeof(supported));
	for (i = 0; i < cpuid_nr_words; i++) {
		const struct cpuid_word *w = &cpuid_words[i];

		words[w->word] = (host_word(w) & w->pass) | w->always;
	}
	alias_speculation(words);
	if (!boot_cpu_has_bug(X86_BUG_SPEC_STORE_BYPASS))
		words[CPUID_8000_0008_EBX] |= F(AMD_SSB_NO);
	/* The host must have switched them on, too. */
	if (!boot_cpu_has(X86_FEATURE_OSPKE) || !x86_caps.tdp)
		words[CPUID_7_ECX] &= ~F(PKU);
	if (!pmu_capabilities())
		words[CPUID_1_ECX] &= ~F(PDCM);
	if (!pmu_offered())
		words[CPUID_8000_0001_ECX] &= ~F(PERFCTR_CORE);
	if (!x86_caps.xsaves)
		words[CPUID_D_1_EAX] &= ~F(XSAVES);
	if (!(xcr0 & XFEATURE_MASK_YMM)) {
		words[CPUID_1_ECX] &= ~(F(AVX) | F(FMA) | F(F16C));
		words[CPUID_7_0_EBX] &= ~F(AVX2);
		words[CPUID_7_1_EAX] &= ~F(AVX_VNNI);
		words[CPUID_7_ECX] &= ~(F(VAES) | F(VPCLMULQDQ));
		words[CPUID_8000_0001_ECX] &= ~(F(XOP) | F(FMA4));
	}
	if (!xcr0)
		words[CPUID_1_ECX] &= ~F(XSAVE);
	if (x86_caps.adjust_cpuid)
		x86_caps.adjust_cpuid(words, NCAPINTS);
}

bool cpuid_supported(unsigned int feature)
{
	return feature / 32 < NCAPINTS && supported[feature / 32] & BIT(feature % 32);
}

/* The list being built, and what its rows share */
struct leaf_list {
	struct kvm_cpuid_entry2 *entries;
	unsigned int nent, max;
};

/* One more entry with the host's values; NULL when the list is full */
static struct kvm_cpuid_entry2 *add_host(struct leaf_list *l, u32 leaf, u32 sub, bool indexed)
{
	struct kvm_cpuid_entry2 *e;

	if (l->nent >= l->max)
		return NULL;
	e = &l->entries[l->nent++];
	memset(e, 0, sizeof(*e));
	e->function = leaf;
	e->index = sub;
	e->flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	cpuid_count(leaf, sub, &e->eax, &e->ebx, &e->ecx, &e->edx);
	return e;
}

static struct kvm_cpuid_entry2 *add_zero(struct leaf_list *l, u32 leaf, u32 sub, bool indexed)
{
	struct kvm_cpuid_entry2 *e = add_host(l, leaf, sub, indexed);

	if (e)
		e->eax = e->ebx = e->ecx = e->edx = 0;
	return e;
}

/* Each row's function adds its entries; false: the list is full */
static bool leaf_basic(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_host(l, leaf, 0, false);

	if (e)
		e->eax = min_t(u32, e->eax, CPUID_MAX_BASIC);
	return e;
}

static bool leaf_host(struct leaf_list *l, u32 leaf)
{
	return add_host(l, leaf, 0, false);
}

static bool leaf_zero(struct leaf_list *l, u32 leaf)
{
	return add_zero(l, leaf, 0, false);
}

static bool leaf_1(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_host(l, leaf, 0, false);

	if (!e)
		return false;
	e->ebx &= 0xff00;	/* CLFLUSH size; topology is the VMM's to say */
	e->ecx = supported[CPUID_1_ECX];
	e->edx = supported[CPUID_1_EDX];
	return true;
}

/* Cache parameters: until the sub-leaf whose type is 0 (SDM 2A CPUID, 04H) */
static bool leaf_caches(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e;
	u32 sub = 0;

	do {
		e = add_host(l, leaf, sub, true);
	} while (e && (e->eax & 0x1f) && ++sub < 16);
	return e;
}

static bool leaf_6(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_zero(l, leaf, 0, false);

	if (e)
		e->eax = supported[CPUID_6_EAX];
	return e;
}

static bool leaf_7(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_host(l, leaf, 0, true);
	u32 last;

	if (!e)
		return false;
	last = min_t(u32, e->eax, 1);
	e->eax = last;
	e->ebx = supported[CPUID_7_0_EBX];
	e->ecx = supported[CPUID_7_ECX];
	e->edx = supported[CPUID_7_EDX];
	if (!last)
		return true;
	e = add_zero(l, leaf, 1, true);
	if (e)
		e->eax = supported[CPUID_7_1_EAX];
	return e;
}

static bool leaf_pmu(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_host(l, leaf, 0, false);

	if (e)
		pmu_leaf(e);
	return e;
}

/*
 * Nothing of a leaf that has sub-leaves: features we have not, and topology, which the
 * VMM describes: it knows the vCPUs.
 */
static bool leaf_zero_indexed(struct leaf_list *l, u32 leaf)
{
	return add_zero(l, leaf, 0, true);
}

/* SDM 1 13.2 */
static bool leaf_xsave(struct leaf_list *l, u32 leaf)
{
	u64 xcr0 = x86_caps.supported_xcr0, xss = x86_caps.supported_xss;
	struct kvm_cpuid_entry2 *e = add_zero(l, leaf, 0, true);
	unsigned int i;

	if (!e)
		return false;
	if (!(supported[CPUID_1_ECX] & F(XSAVE)))
		return true;
	e->eax = xcr0;
	e->edx = xcr0 >> 32;
	e->ebx = e->ecx = cpuid_xsave_size(xcr0, false);
	e = add_zero(l, leaf, 1, true);
	if (!e)
		return false;
	e->eax = supported[CPUID_D_1_EAX];
	if (e->eax & (F(XSAVES) | F(XSAVEC)))
		e->ebx = cpuid_xsave_size(xcr0 | xss, true);
	if (e->eax & F(XSAVES)) {
		e->ecx = xss;
		e->edx = xss >> 32;
	} else {
		xss = 0;
	}
	for (i = 2; i < ARRAY_SIZE(xsave_part); i++) {
		if (!((xcr0 | xss) & BIT_ULL(i)))
			continue;
		e = add_host(l, leaf, i, true);
		if (!e)
			return false;
		e->edx = 0;
	}
	return true;
}

/* The EPC's sections, sub-leaves 2 and on, are where the VMM puts them. */
static bool leaf_sgx(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e;
	struct sgx_leaf sgx;

	if (!(supported[CPUID_7_0_EBX] & F(SGX)))
		return leaf_zero(l, leaf);
	sgx_leaf_offered(&sgx);
	e = add_zero(l, leaf, 0, true);
	if (!e)
		return false;
	e->eax = sgx.functions;
	e->ebx = sgx.misc;
	e->edx = sgx.sizes;
	e = add_zero(l, leaf, 1, true);
	if (!e)
		return false;
	e->eax = sgx.attributes;
	e->ebx = sgx.attributes >> 32;
	e->ecx = sgx.xfrm;
	e->edx = sgx.xfrm >> 32;
	return true;
}

static bool leaf_pv_signature(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_zero(l, leaf, 0, false);
	u32 name[3];

	if (!e)
		return false;
	memcpy(name, KVM_SIGNATURE, sizeof(name));
	e->eax = KVM_CPUID_FEATURES;
	e->ebx = name[0];
	e->ecx = name[1];
	e->edx = name[2];
	return true;
}

static bool leaf_pv_features(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_zero(l, leaf, 0, false);

	if (e)
		e->eax = cpuid_pv_supported();
	return e;
}

static bool leaf_ext(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_host(l, leaf, 0, false);

	if (e)
		e->eax = min_t(u32, e->eax, CPUID_MAX_EXT);
	return e;
}

static bool leaf_ext_features(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_host(l, leaf, 0, false);

	if (!e)
		return false;
	e->ebx = 0;
	e->ecx = supported[CPUID_8000_0001_ECX];
	e->edx = supported[CPUID_8000_0001_EDX];
	if (boot_cpu_data.x86_vendor == X86_VENDOR_AMD ||
	    boot_cpu_data.x86_vendor == X86_VENDOR_HYGON)
		e->edx |= supported[CPUID_1_EDX] & AMD_ALIASES;
	return true;
}

static bool leaf_power(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_host(l, leaf, 0, false);

	if (!e)
		return false;
	e->eax = e->ebx = e->ecx = 0;
	e->edx &= CPUID_INVARIANT_TSC;
	return true;
}

static bool leaf_addresses(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_host(l, leaf, 0, false);
	u32 virt;

	if (!e)
		return false;
	virt = supported[CPUID_7_ECX] & F(LA57) ? 57 : 48;
	e->eax = boot_cpu_data.x86_phys_bits | virt << 8;
	e->ebx = supported[CPUID_8000_0008_EBX];
	e->ecx = e->edx = 0;
	return true;
}

static bool leaf_amd_caches(struct leaf_list *l, u32 leaf)
{
	if (!(supported[CPUID_8000_0001_ECX] & F(TOPOEXT)))
		return leaf_zero(l, leaf);
	return leaf_caches(l, leaf);
}

static bool leaf_amd_features2(struct leaf_list *l, u32 leaf)
{
	struct kvm_cpuid_entry2 *e = add_zero(l, leaf, 0, false);

	if (e)
		e->eax = supported[CPUID_8000_0021_EAX];
	return e;
}

/* Leaves without a row are zero. */
static const struct leaf_row {
	u32 leaf;
	bool (*add)(struct leaf_list *l, u32 leaf);
} leaf_rows[] = {
	{ 0x00000000, leaf_basic },
	{ 0x00000001, leaf_1 },
	{ 0x00000002, leaf_host },		/* cache descriptors */
	{ 0x00000004, leaf_caches },
	{ 0x00000005, leaf_zero },		/* MONITOR/MWAIT */
	{ 0x00000006, leaf_6 },
	{ 0x00000007, leaf_7 },
	{ 0x0000000a, leaf_pmu },
	{ 0x0000000b, leaf_zero_indexed },	/* topology */
	{ 0x0000000d, leaf_xsave },
	{ 0x0000000f, leaf_zero_indexed },	/* resource monitoring */
	{ 0x00000010, leaf_zero_indexed },	/* resource allocation */
	{ 0x00000012, leaf_sgx },
	{ 0x00000014, leaf_zero_indexed },	/* processor trace */
	{ 0x0000001f, leaf_zero_indexed },	/* topology */
	{ KVM_CPUID_SIGNATURE, leaf_pv_signature },
	{ KVM_CPUID_FEATURES, leaf_pv_features },
	{ 0x80000000, leaf_ext },
	{ 0x80000001, leaf_ext_features },
	{ 0x80000002, leaf_host },		/* brand string */
	{ 0x80000003, leaf_host },
	{ 0x80000004, leaf_host },
	{ 0x80000005, leaf_host },		/* L1 caches and TLBs */
	{ 0x80000006, leaf_host },
	{ 0x80000007, leaf_power },
	{ 0x80000008, leaf_addresses },
	{ 0x8000000a, leaf_zero },		/* SVM */
	{ 0x80000019, leaf_host },		/* 1G TLBs */
	{ 0x8000001a, leaf_host },		/* performance hints */
	{ 0x8000001d, leaf_amd_caches },
	{ 0x8000001e, leaf_zero },
	{ 0x80000021, leaf_amd_features2 },
};

static bool add_leaf(struct leaf_list *l, u32 leaf)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(leaf_rows); i++)
		if (leaf_rows[i].leaf == leaf)
			return leaf_rows[i].add(l, leaf);
	return leaf_zero(l, leaf);
}

/* Three classes, each from its first leaf to the last it tells of */
static int build_list(struct leaf_list *l)
{
	const u32 last[][2] = {
		{ 0, min_t(u32, cpuid_eax(0), CPUID_MAX_BASIC) },
		{ KVM_CPUID_SIGNATURE, KVM_CPUID_FEATURES },
		{ 0x80000000, min_t(u32, cpuid_eax(0x80000000), CPUID_MAX_EXT) },
	};
	unsigned int i;
	u32 leaf;

	for (i = 0; i < ARRAY_SIZE(last); i++)
		for (leaf = last[i][0]; leaf <= last[i][1]; leaf++)
			if (!add_leaf(l, leaf))
				return -E2BIG;
	return 0;
}

/* What x86_emulate_undefined() does for a guest whose CPU lacks it */
static int build_emulated(struct leaf_list *l)
{
	struct kvm_cpuid_entry2 *e = add_zero(l, 0, 0, false);

	if (!e)
		return -E2BIG;
	e->eax = 7;
	e = add_zero(l, 1, 0, false);
	if (!e)
		return -E2BIG;
	e->ecx = F(MOVBE);
	e = add_zero(l, 7, 0, true);
	if (!e)
		return -E2BIG;
	/* It reads RDTSCP's MSR. */
	e->ecx = cpuid_supported(X86_FEATURE_RDTSCP) ? F(RDPID) : 0;
	return 0;
}

static long copy_list(struct kvm_cpuid2 __user *user, int (*build)(struct leaf_list *l))
{
	struct leaf_list l = {};
	long r;
	u32 nent;

	if (get_user(nent, &user->nent))
		return -EFAULT;
	if (!nent)
		return -E2BIG;
	l.max = min_t(u32, nent, X86_CPUID_MAX_ENTRIES);
	l.entries = kvcalloc(l.max, sizeof(*l.entries), GFP_KERNEL_ACCOUNT);
	if (!l.entries)
		return -ENOMEM;
	r = build(&l);
	if (!r && (copy_to_user(user->entries, l.entries, l.nent * sizeof(*l.entries)) ||
		   put_user(l.nent, &user->nent)))
		r = -EFAULT;
	kvfree(l.entries);
	return r;
}

long cpuid_get_supported(void *obj, void *arg)
{
	return copy_list((struct kvm_cpuid2 __user *)arg, build_list);
}

long cpuid_get_emulated(void *obj, void *arg)
{
	return copy_list((struct kvm_cpuid2 __user *)arg, build_emulated);
}

static void read_xsave_parts(void)
{
	unsigned int i;
	u32 edx;

	for (i = 2; i < ARRAY_SIZE(xsave_part); i++)
		cpuid_count(0xd, i, &xsave_part[i].size, &xsave_part[i].offset,
			    &xsave_part[i].flags, &edx);
}

/* A backend registers: x86_caps is set, nobody asks yet. */
int cpuid_module_init(void)
{
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		read_xsave_parts();
	read_supported(supported);
	return 0;
}
