// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSRs common code knows, one row each, and the rules of their values.
 * A row without functions is plain storage. Rows marked VENDOR are here to be
 * listed: the backend answers them, and everything that has no row.
 */
#include <asm/mce.h>
#include <asm/hyperv-tlfs.h>
#include <asm/mtrr.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <asm/vmx.h>
#include <uapi/asm/kvm_para.h>

#include "hyperv/syndbg.h"
#include "x86.h"

#define FIELD(member)	offsetof(struct x86_vcpu, member)

/* --- values that never change -------------------------------------------- */

static enum msr_result get_zero(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	*data = 0;
	return MSR_DONE;
}

static enum msr_result get_refused(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	return MSR_BAD;
}

static enum msr_result set_ignored(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	return MSR_DONE;
}

static enum msr_result set_refused(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	return MSR_BAD;
}

static enum msr_result set_zero(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	return data ? MSR_BAD : MSR_DONE;
}

/* Old guests compute with these: a bus clock, control words, a P-state. */
static enum msr_result get_constant(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	static const struct {
		u32 index;
		u64 value;
	} constants[] = {
		{ MSR_EBC_FREQUENCY_ID, 1 << 24 },
		{ MSR_FSB_FREQ, 3 },
		{ MSR_MTRRcap, BIT(10) | BIT(8) | X86_NR_VAR_MTRR },	/* WC, fixed */
		{ MSR_IA32_BBL_CR_CTL3, 0xbe702111 },
		{ MSR_IA32_PERF_STATUS, 1000 | 4ULL << 40 },
		{ MSR_K7_CLK_CTL, 0x20000000 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(constants); i++) {
		if (constants[i].index == index) {
			*data = constants[i].value;
			return MSR_DONE;
		}
	}
	return MSR_UNKNOWN;
}

/* --- the backend's ------------------------------------------------------- */

static enum msr_result from_vendor(int r)
{
	return r == -ENOENT ? MSR_UNKNOWN : r ? MSR_BAD : MSR_DONE;
}

static enum msr_result vendor_get(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	return from_vendor(x86_op(get_msr)(v, index, data, host));
}

static enum msr_result vendor_set(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	return from_vendor(x86_op(set_msr)(v, index, data, host));
}

/* Known to be touched by guests: zero, unless the backend has it. */
static enum msr_result vendor_or_zero_get(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	enum msr_result r = vendor_get(v, index, data, host);

	return r == MSR_UNKNOWN ? get_zero(v, index, data, host) : r;
}

static enum msr_result vendor_or_ignored_set(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	enum msr_result r = vendor_set(v, index, data, host);

	return r == MSR_UNKNOWN ? MSR_DONE : r;
}

static enum msr_result vendor_or_zero_set(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	enum msr_result r = vendor_set(v, index, data, host);

	return r == MSR_UNKNOWN ? set_zero(v, index, data, host) : r;
}

/* --- performance counters ------------------------------------------------ */

static enum msr_result get_pmu(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	return from_vendor(pmu_get_msr(v, index, data, host));
}

static enum msr_result set_pmu(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	return from_vendor(pmu_set_msr(v, index, data, host));
}

static enum msr_result set_perf_caps(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (data & ~pmu_capabilities())
		return MSR_BAD;
	v->msr.perf_capabilities = data;
	pmu_caps_changed(v);
	return MSR_DONE;
}

/* --- time and APIC ------------------------------------------------------- */

static enum msr_result get_tsc(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	*data = tsc_read_guest(v, rdtsc());
	return MSR_DONE;
}

static enum msr_result set_tsc(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	tsc_write(v, data, host);
	return MSR_DONE;
}

static enum msr_result set_tsc_adjust(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	tsc_adjust(v, data, host);
	return MSR_DONE;
}

static enum msr_result get_deadline(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	*data = v->apic ? lapic_get_tscdeadline(v) : 0;
	return MSR_DONE;
}

static enum msr_result set_deadline(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (v->apic)
		lapic_set_tscdeadline(v, data);
	return MSR_DONE;
}

static enum msr_result get_apic_base(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	*data = v->apic ? lapic_get_base(v) : v->msr.apic_base;
	return MSR_DONE;
}

static enum msr_result set_apic_base(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (v->apic) {
		if (lapic_set_base(v, data, host))
			return MSR_BAD;
	} else {
		if (data & v->cpuid.reserved_gpa_bits)
			return MSR_BAD;
		v->msr.apic_base = data;
	}
	cpuid_update_runtime(v);
	return MSR_DONE;
}

static enum msr_result get_x2apic(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	if (!v->apic)
		return MSR_UNKNOWN;
	return lapic_read_msr(v, index, data) ? MSR_BAD : MSR_DONE;
}

static enum msr_result set_x2apic(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (!v->apic)
		return MSR_UNKNOWN;
	return lapic_write_msr(v, index, data) ? MSR_BAD : MSR_DONE;
}

/* --- paravirtual --------------------------------------------------------- */

static bool pv_hidden(struct x86_vcpu *v, u32 index, bool host)
{
	static const u8 feature[] = {	/* from MSR_KVM_WALL_CLOCK_NEW on */
		KVM_FEATURE_CLOCKSOURCE2, KVM_FEATURE_CLOCKSOURCE2, KVM_FEATURE_ASYNC_PF,
		KVM_FEATURE_STEAL_TIME, KVM_FEATURE_PV_EOI, KVM_FEATURE_POLL_CONTROL,
		KVM_FEATURE_ASYNC_PF_INT, KVM_FEATURE_ASYNC_PF_INT,
	};
	u32 bit = KVM_FEATURE_CLOCKSOURCE;

	if (index - MSR_KVM_WALL_CLOCK_NEW < ARRAY_SIZE(feature))
		bit = feature[index - MSR_KVM_WALL_CLOCK_NEW];
	return !host && x86_pv_withheld(v, bit);
}

static enum msr_result get_pv(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	if (pv_hidden(v, index, host))
		return MSR_BAD;
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*data = READ_ONCE(to_x86_vm(v->vcpu.kvm)->clock.wall_clock_gpa);
		return MSR_DONE;
	case MSR_KVM_POLL_CONTROL:
		*data = v->msr.poll_control;
		return MSR_DONE;
	case MSR_KVM_STEAL_TIME:
		*data = v->steal.msr;
		return MSR_DONE;
	case MSR_KVM_PV_EOI_EN:
		*data = pv_eoi_get_msr(v);
		return MSR_DONE;
	case MSR_KVM_ASYNC_PF_EN:
	case MSR_KVM_ASYNC_PF_INT:
	case MSR_KVM_ASYNC_PF_ACK:
		*data = asyncpf_get_msr(v, index);
		return MSR_DONE;
	default:
		*data = v->pvclock.msr;
		return MSR_DONE;
	}
}

static enum msr_result set_pv(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	int r = 0;

	if (pv_hidden(v, index, host))
		return MSR_BAD;
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		r = kvmclock_set_wall(v->vcpu.kvm, data);
		break;
	case MSR_KVM_POLL_CONTROL:
		r = data > 1;
		if (!r)
			v->msr.poll_control = data;
		break;
	case MSR_KVM_STEAL_TIME:
		r = steal_set_msr(v, data);
		break;
	case MSR_KVM_PV_EOI_EN:
		r = pv_eoi_set_msr(v, data);
		break;
	case MSR_KVM_ASYNC_PF_EN:
	case MSR_KVM_ASYNC_PF_INT:
	case MSR_KVM_ASYNC_PF_ACK:
		r = asyncpf_set_msr(v, index, data);
		break;
	default:
		r = kvmclock_set_msr(v, data, index == MSR_KVM_SYSTEM_TIME, host);
	}
	return r ? MSR_BAD : MSR_DONE;
}

/* --- modes and caching --------------------------------------------------- */

static enum msr_result set_efer(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	return x86_set_efer(v, data, host) ? MSR_BAD : MSR_DONE;
}

static enum msr_result set_xss(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (data & ~x86_caps.supported_xss)
		return MSR_BAD;
	v->regs.xss = data;
	cpuid_update_runtime(v);
	return MSR_DONE;
}

/* Memory types: UC, WC, WT, WP, WB; PAT alone has UC- (SDM 3A 11.11.2.1, 11.12.2) */
#define MTRR_TYPES	(BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6))
#define PAT_TYPES	(MTRR_TYPES | BIT(7))

static bool types_legal(u64 eight, u32 legal)
{
	unsigned int i;

	for (i = 0; i < 8; i++, eight >>= 8) {
		u8 type = eight;

		if (type > 7 || !(legal & BIT(type)))
			return false;
	}
	return true;
}

static enum msr_result set_pat(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (!types_legal(data, PAT_TYPES))
		return MSR_BAD;
	v->msr.pat = data;
	/* The backend may keep it in hardware. */
	return vendor_or_ignored_set(v, index, data, host);
}

/* NULL for numbers between the fixed-range registers, which do not exist */
static u64 *fixed_mtrr(struct x86_vcpu *v, u32 index)
{
	unsigned int i;

	switch (index) {
	case MSR_MTRRfix64K_00000:
		i = 0;
		break;
	case MSR_MTRRfix16K_80000:
	case MSR_MTRRfix16K_A0000:
		i = 1 + index - MSR_MTRRfix16K_80000;
		break;
	case MSR_MTRRfix4K_C0000 ... MSR_MTRRfix4K_F8000:
		i = 3 + index - MSR_MTRRfix4K_C0000;
		break;
	default:
		return NULL;
	}
	return &v->msr.mtrr_fixed[array_index_nospec(i, X86_NR_FIXED_MTRR)];
}

static enum msr_result get_mtrr_fixed(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	u64 *reg = fixed_mtrr(v, index);

	if (!reg)
		return MSR_UNKNOWN;
	*data = *reg;
	return MSR_DONE;
}

static enum msr_result set_mtrr_fixed(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	u64 *reg = fixed_mtrr(v, index);

	if (!reg)
		return MSR_UNKNOWN;
	if (!types_legal(data, MTRR_TYPES))
		return MSR_BAD;
	*reg = data;
	return MSR_DONE;
}

static enum msr_result set_mtrr_def(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	/* type, FE (bit 10), E (bit 11): SDM 3A 11.11.2.1 */
	if ((data & ~0xcffULL) || (data & 0xff) > 7 || !(MTRR_TYPES & BIT(data & 7)))
		return MSR_BAD;
	v->msr.mtrr_def_type = data;
	return MSR_DONE;
}

#define VAR_MTRR_LAST	(MTRRphysMask_MSR(X86_NR_VAR_MTRR - 1))

static u64 *var_mtrr(struct x86_vcpu *v, u32 index)
{
	unsigned int i = index - MTRRphysBase_MSR(0);

	return &v->msr.mtrr_var[array_index_nospec(i, X86_NR_VAR_MTRR * 2)];
}

static enum msr_result get_mtrr_var(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	*data = *var_mtrr(v, index);
	return MSR_DONE;
}

/* Even: base and type; odd: mask and the valid bit (SDM 3A 11.11.2.3) */
static enum msr_result set_mtrr_var(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	u64 reserved = v->cpuid.reserved_gpa_bits;

	if (index & 1)
		reserved |= 0x7ff;
	else
		reserved |= 0xf00;
	if (data & reserved)
		return MSR_BAD;
	if (!(index & 1) && ((data & 0xff) > 7 || !(MTRR_TYPES & BIT(data & 7))))
		return MSR_BAD;
	*var_mtrr(v, index) = data;
	return MSR_DONE;
}

/* User space's only: guests relocate SMRAM in the state-save area (SDM 3C 32.11). */
static enum msr_result get_smbase(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	*data = v->smm.smbase;
	return host ? MSR_DONE : MSR_BAD;
}

static enum msr_result set_smbase(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (!host)
		return MSR_BAD;
	v->smm.smbase = data;
	return MSR_DONE;
}

/* --- identity of the CPU ------------------------------------------------- */

static enum msr_result set_misc_enable(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	const u64 unavail = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;

	/* Read-only to the guest, whatever it writes (SDM 4 table 2-2). */
	if (!host)
		data = (data & ~unavail) | (v->msr.misc_enable & unavail);
	v->msr.misc_enable = data;
	cpuid_update_runtime(v);
	return MSR_DONE;
}

/* Hidden by KVM_CAP_MSR_PLATFORM_INFO */
static enum msr_result get_platform_info(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	if (!host && READ_ONCE(to_x86_vm(v->vcpu.kvm)->platform_info_hidden))
		return MSR_BAD;
	*data = v->msr.platform_info;
	return MSR_DONE;
}

static enum msr_result set_platform_info(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	/* Faulting cannot be taken away from a guest that uses it. */
	if (!(data & MSR_PLATFORM_INFO_CPUID_FAULT) && cpuid_faulting(v))
		return MSR_BAD;
	v->msr.platform_info = data;
	return MSR_DONE;
}

static enum msr_result set_misc_features(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (data & ~MSR_MISC_FEATURES_ENABLES_CPUID_FAULT)
		return MSR_BAD;
	if (data && !(v->msr.platform_info & MSR_PLATFORM_INFO_CPUID_FAULT))
		return MSR_BAD;
	v->msr.misc_features = data;
	return MSR_DONE;
}

/* Guests write zero before they read their revision (SDM 3A 9.11.7.1). */
static enum msr_result set_ucode_rev(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (host)
		v->msr.ucode_rev = data;
	return MSR_DONE;
}

static bool host_is_amd(void)
{
	return boot_cpu_data.x86_vendor == X86_VENDOR_AMD ||
	       boot_cpu_data.x86_vendor == X86_VENDOR_HYGON;
}

static u64 feature_ucode_rev(void)
{
	u64 rev;

	return rdmsrl_safe(MSR_IA32_UCODE_REV, &rev) ? 0 : rev;
}

/* What holds for a guest if it holds for its host, and needs nothing from us */
#define ARCH_CAP_GUEST \
	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | \
	 ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | \
	 ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | \
	 ARCH_CAP_FB_CLEAR | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO | ARCH_CAP_RFDS_CLEAR | \
	 ARCH_CAP_ITS_NO | ARCH_CAP_RRSBA | ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO)

static u64 feature_arch_capabilities(void)
{
	/* What the host's processor does not suffer from, its guests do not either. */
	static const struct {
		u16 bug;
		u64 bit;
	} without[] = {
		{ X86_BUG_CPU_MELTDOWN, ARCH_CAP_RDCL_NO },
		{ X86_BUG_SPEC_STORE_BYPASS, ARCH_CAP_SSB_NO },
		{ X86_BUG_MDS, ARCH_CAP_MDS_NO },
		{ X86_BUG_GDS, ARCH_CAP_GDS_NO },
		{ X86_BUG_RFDS, ARCH_CAP_RFDS_NO },
		{ X86_BUG_ITS, ARCH_CAP_ITS_NO },
	};
	unsigned int i;
	u64 caps = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl_safe(MSR_IA32_ARCH_CAPABILITIES, &caps);
	caps &= ARCH_CAP_GUEST;
	for (i = 0; i < ARRAY_SIZE(without); i++)
		if (!boot_cpu_has_bug(without[i].bug))
			caps |= without[i].bit;
	/* Page sizes that change are dealt with by us, and so is the L1 at entry. */
	caps |= ARCH_CAP_PSCHANGE_MC_NO;
	if (l1tf_vmx_mitigation != VMENTER_L1D_FLUSH_NEVER)
		caps |= ARCH_CAP_SKIP_VMENTRY_L1DFLUSH;
	return caps;
}

/* AMD: LFENCE waits for all earlier instructions, and cannot be told not to */
#define DE_CFG_LFENCE	BIT_ULL(1)

static u64 feature_de_cfg(void)
{
	return boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? DE_CFG_LFENCE : 0;
}

static enum msr_result set_de_cfg(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	u64 legal = feature_de_cfg();

	if (data & ~legal)
		return MSR_BAD;
	if (!host && data != v->msr.de_cfg)
		return MSR_BAD;
	v->msr.de_cfg = data;
	return MSR_DONE;
}

/* APM 2 3.2.10: what guests set on real machines is ignored, but one bit is kept */
#define HWCR_MC_STATUS_WR_EN	BIT_ULL(18)
#define HWCR_IGNORED		(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))

static enum msr_result set_hwcr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	data &= ~HWCR_IGNORED;
	if (data & ~HWCR_MC_STATUS_WR_EN)
		return MSR_BAD;
	v->msr.hwcr = data;
	return MSR_DONE;
}

/* --- the rows ------------------------------------------------------------ */

#define VENDOR		.get = vendor_get, .set = vendor_set
#define PMU		.get = get_pmu, .set = set_pmu
#define HYPERV		.get = hyperv_get_msr, .set = hyperv_set_msr
#define BENIGN		.get = get_zero, .set = set_ignored
#define ZERO		.get = get_zero, .set = set_refused
#define WRITE_ONLY	.get = get_refused, .set = set_ignored
#define ONE(index)	.first = (index), .last = (index)

const struct msr_row msr_rows[] = {
	{ MSR_IA32_P5_MC_ADDR, MSR_IA32_P5_MC_TYPE, BENIGN },
	{ ONE(MSR_IA32_TSC), MSR_LISTED, .get = get_tsc, .set = set_tsc },
	{ MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME, MSR_LISTED, .get = get_pv, .set = set_pv },
	{ ONE(MSR_IA32_PLATFORM_ID), ZERO },
	{ ONE(MSR_IA32_APICBASE), .get = get_apic_base, .set = set_apic_base },
	{ ONE(MSR_IA32_EBL_CR_POWERON), ZERO },
	{ ONE(MSR_EBC_FREQUENCY_ID), .get = get_constant, .set = set_refused },
	{ ONE(MSR_SMI_COUNT), MSR_LISTED | MSR_GUEST_RO, 0, FIELD(msr.smi_count) },
	{ ONE(MSR_IA32_FEAT_CTL), MSR_LISTED, .get = mce_local_get, .set = mce_local_set },
	{ ONE(MSR_IA32_TSC_ADJUST), MSR_LISTED, X86_FEATURE_TSC_ADJUST,
	  FIELD(tsc.adjust), .set = set_tsc_adjust },
	{ ONE(MSR_IA32_SPEC_CTRL), MSR_LISTED, VENDOR },
	{ ONE(MSR_IA32_UCODE_WRITE), WRITE_ONLY },
	{ ONE(MSR_IA32_UCODE_REV), MSR_LISTED | MSR_FEATURE, 0, FIELD(msr.ucode_rev),
	  .set = set_ucode_rev, .feature_value = feature_ucode_rev },
	{ MSR_IA32_SGXLEPUBKEYHASH0, MSR_IA32_SGXLEPUBKEYHASH3,
	  .get = sgx_get_hash, .set = sgx_set_hash },
	{ ONE(MSR_IA32_SMBASE), MSR_LISTED, .get = get_smbase, .set = set_smbase },
	{ MSR_IA32_PERFCTR0, MSR_IA32_PERFCTR0 + 7, MSR_LISTED, PMU },
	{ ONE(MSR_FSB_FREQ), .get = get_constant, .set = set_refused },
	{ ONE(MSR_PLATFORM_INFO), MSR_LISTED | MSR_GUEST_RO,
	  .get = get_platform_info, .set = set_platform_info },
	{ ONE(MSR_MTRRcap), .get = get_constant, .set = set_refused },
	{ ONE(MSR_IA32_ARCH_CAPABILITIES), MSR_LISTED | MSR_FEATURE | MSR_GUEST_RO,
	  X86_FEATURE_ARCH_CAPABILITIES, FIELD(msr.arch_capabilities),
	  .feature_value = feature_arch_capabilities },
	{ ONE(MSR_IA32_BBL_CR_CTL3), .get = get_constant, .set = set_ignored },
	{ ONE(MSR_MISC_FEATURES_ENABLES), MSR_LISTED, 0, FIELD(msr.misc_features),
	  .set = set_misc_features },
	{ MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_EIP, MSR_LISTED, VENDOR },
	{ ONE(MSR_IA32_MCG_CAP), .get = mce_get, .set = mce_set },
	{ MSR_IA32_MCG_STATUS, MSR_IA32_MCG_CTL, MSR_LISTED, .get = mce_get, .set = mce_set },
	{ MSR_P6_EVNTSEL0, MSR_P6_EVNTSEL0 + 7, MSR_LISTED, PMU },
	{ ONE(MSR_IA32_PERF_STATUS), .get = get_constant, .set = set_refused },
	{ ONE(MSR_IA32_PERF_CTL), ZERO },
	{ ONE(MSR_IA32_MISC_ENABLE), MSR_LISTED, 0, FIELD(msr.misc_enable),
	  .set = set_misc_enable },
	{ ONE(MSR_IA32_DEBUGCTLMSR), .get = vendor_or_zero_get, .set = vendor_or_zero_set },
	{ MSR_IA32_LASTBRANCHFROMIP, MSR_IA32_LASTINTTOIP,
	  .get = vendor_or_zero_get, .set = vendor_or_zero_set },
	{ ONE(MSR_IA32_POWER_CTL), MSR_LISTED, 0, FIELD(msr.power_ctl) },
	{ MTRRphysBase_MSR(0), VAR_MTRR_LAST, .get = get_mtrr_var, .set = set_mtrr_var },
	{ MSR_MTRRfix64K_00000, MSR_MTRRfix4K_F8000,
	  .get = get_mtrr_fixed, .set = set_mtrr_fixed },
	{ ONE(MSR_IA32_CR_PAT), MSR_LISTED, 0, FIELD(msr.pat), .set = set_pat },
	{ MSR_IA32_MC0_CTL2, MSR_IA32_MCx_CTL2(X86_MAX_MCE_BANKS - 1),
	  .get = mce_ctl2_get, .set = mce_ctl2_set },
	{ ONE(MSR_MTRRdefType), 0, 0, FIELD(msr.mtrr_def_type), .set = set_mtrr_def },
	{ MSR_CORE_PERF_FIXED_CTR0, MSR_CORE_PERF_FIXED_CTR2, MSR_LISTED, PMU },
	{ ONE(MSR_IA32_PERF_CAPABILITIES), MSR_LISTED | MSR_FEATURE | MSR_GUEST_RO,
	  X86_FEATURE_PDCM, FIELD(msr.perf_capabilities), .set = set_perf_caps,
	  .feature_value = pmu_capabilities },
	{ MSR_CORE_PERF_FIXED_CTR_CTRL, MSR_CORE_PERF_GLOBAL_OVF_CTRL, MSR_LISTED, PMU },
	{ MSR_IA32_PEBS_ENABLE, MSR_PEBS_DATA_CFG, MSR_LISTED, PMU },
	{ MSR_IA32_MC0_CTL, MSR_IA32_MCx_MISC(X86_MAX_MCE_BANKS - 1),
	  .get = mce_get, .set = mce_set },
	{ MSR_IA32_VMX_BASIC, MSR_IA32_VMX_VMFUNC, MSR_FEATURE, VENDOR },
	{ MSR_IA32_PMC0, MSR_IA32_PMC0 + 7, 0, PMU },
	{ ONE(MSR_IA32_MCG_EXT_CTL), MSR_LISTED, .get = mce_local_get, .set = mce_local_set },
	{ ONE(MSR_IA32_DS_AREA), MSR_LISTED, PMU },
	{ ONE(MSR_RAPL_POWER_UNIT), ZERO },
	{ ONE(MSR_PKG_ENERGY_STATUS), ZERO },
	{ ONE(MSR_DRAM_ENERGY_STATUS), ZERO },
	{ ONE(MSR_PP0_ENERGY_STATUS), ZERO },
	{ ONE(MSR_PP1_ENERGY_STATUS), ZERO },
	{ ONE(MSR_IA32_TSC_DEADLINE), MSR_LISTED, .get = get_deadline, .set = set_deadline },
	{ 0x800, 0x8ff, .get = get_x2apic, .set = set_x2apic },
	{ ONE(MSR_IA32_XSS), MSR_LISTED, X86_FEATURE_XSAVES, FIELD(regs.xss), .set = set_xss },
	{ HV_X64_MSR_GUEST_OS_ID, HV_X64_MSR_RESET, MSR_LISTED, HYPERV },
	{ HV_X64_MSR_RESET + 1, HV_X64_MSR_VP_RUNTIME - 1, HYPERV },
	{ ONE(HV_X64_MSR_VP_RUNTIME), MSR_LISTED, HYPERV },
	{ HV_X64_MSR_VP_RUNTIME + 1, HV_X64_MSR_TIME_REF_COUNT - 1, HYPERV },
	{ HV_X64_MSR_TIME_REF_COUNT, HV_X64_MSR_APIC_FREQUENCY, MSR_LISTED, HYPERV },
	{ HV_X64_MSR_APIC_FREQUENCY + 1, HV_X64_MSR_TPR, HYPERV },
	{ ONE(HV_X64_MSR_VP_ASSIST_PAGE), MSR_LISTED, HYPERV },
	{ HV_X64_MSR_VP_ASSIST_PAGE + 1, HV_X64_MSR_SCONTROL - 1, HYPERV },
	{ ONE(HV_X64_MSR_SCONTROL), MSR_LISTED, HYPERV },
	{ HV_X64_MSR_SVERSION, HV_X64_MSR_STIMER0_CONFIG - 1, HYPERV },
	{ ONE(HV_X64_MSR_STIMER0_CONFIG), MSR_LISTED, HYPERV },
	{ HV_X64_MSR_STIMER0_COUNT, HV_MSR_SYNDBG_CONTROL - 1, HYPERV },
	{ HV_MSR_SYNDBG_CONTROL, HV_MSR_SYNDBG_PENDING, MSR_LISTED, HYPERV },
	{ HV_MSR_SYNDBG_PENDING + 1, HV_MSR_SYNDBG_OPTIONS - 1, HYPERV },
	{ ONE(HV_MSR_SYNDBG_OPTIONS), MSR_LISTED, HYPERV },
	{ HV_X64_MSR_CRASH_P0, HV_X64_MSR_TSC_EMULATION_STATUS, MSR_LISTED, HYPERV },
	{ MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_ASYNC_PF_ACK, MSR_LISTED,
	  .get = get_pv, .set = set_pv },
	{ ONE(MSR_EFER), 0, 0, FIELD(regs.efer), .set = set_efer },
	{ MSR_STAR, MSR_SYSCALL_MASK, MSR_LISTED, VENDOR },
	{ ONE(MSR_KERNEL_GS_BASE), MSR_LISTED, VENDOR },
	{ ONE(MSR_TSC_AUX), MSR_LISTED, VENDOR },
	{ MSR_K7_EVNTSEL0, MSR_K7_PERFCTR3, MSR_LISTED, PMU },
	{ ONE(MSR_AMD64_SYSCFG), ZERO },
	{ ONE(MSR_K7_HWCR), MSR_LISTED, 0, FIELD(msr.hwcr), .set = set_hwcr },
	{ ONE(MSR_K7_CLK_CTL), .get = get_constant, .set = set_ignored },
	{ ONE(MSR_AMD64_NB_CFG), BENIGN },
	{ ONE(MSR_AMD64_PATCH_LOADER), WRITE_ONLY },
	{ ONE(MSR_K8_INT_PENDING_MSG), ZERO },
	{ ONE(MSR_FAM10H_MMIO_CONF_BASE), .get = get_zero, .set = set_zero },
	{ MSR_K8_TSEG_ADDR, MSR_K8_TSEG_MASK, ZERO },
	{ ONE(MSR_VM_HSAVE_PA), .get = vendor_or_zero_get, .set = vendor_or_zero_set },
	{ ONE(MSR_AMD64_VIRT_SPEC_CTRL), MSR_LISTED, VENDOR },
	{ ONE(MSR_AMD64_OSVW_ID_LENGTH), MSR_GUEST_RO, X86_FEATURE_OSVW,
	  FIELD(msr.osvw_length) },
	{ ONE(MSR_AMD64_OSVW_STATUS), MSR_GUEST_RO, X86_FEATURE_OSVW, FIELD(msr.osvw_status) },
	{ MSR_F15H_PERF_CTL0, MSR_F15H_PERF_CTR5, MSR_LISTED, PMU },
	{ ONE(MSR_F15H_IC_CFG), ZERO },
	{ ONE(MSR_AMD64_DC_CFG), BENIGN },
	{ ONE(MSR_AMD64_TW_CFG), BENIGN },
	{ ONE(MSR_AMD64_DE_CFG), MSR_FEATURE, 0, FIELD(msr.de_cfg), .set = set_de_cfg,
	  .feature_value = feature_de_cfg },
	{ ONE(MSR_AMD64_BU_CFG2), BENIGN },
	{ ONE(MSR_F15H_EX_CFG), BENIGN },
};
const unsigned int msr_nr_rows = ARRAY_SIZE(msr_rows);

/* --- life ---------------------------------------------------------------- */

#define PAT_AT_RESET	0x0007040600070406ULL	/* SDM 3A 11.12.4 */

int msr_vcpu_create(struct x86_vcpu *v)
{
	struct x86_msrs *m = &v->msr;

	m->mce_banks = kcalloc(X86_MAX_MCE_BANKS, 4 * sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (!m->mce_banks)
		return -ENOMEM;
	m->mcg_cap = X86_MAX_MCE_BANKS;
	m->arch_capabilities = feature_arch_capabilities();
	m->perf_capabilities = pmu_capabilities();
	m->platform_info = MSR_PLATFORM_INFO_CPUID_FAULT;
	m->ucode_rev = host_is_amd() ? 0x01000065 : 0x100000000ULL;
	m->de_cfg = feature_de_cfg();
	return 0;
}

void msr_vcpu_destroy(struct x86_vcpu *v)
{
	kfree(v->msr.mce_banks);
	v->msr.mce_banks = NULL;
}

/* INIT keeps nearly all (SDM 3A table 9-1). */
void msr_vcpu_reset(struct x86_vcpu *v, bool init)
{
	struct x86_msrs *m = &v->msr;

	kvmclock_stop(v);
	steal_reset(v);
	asyncpf_reset(v);
	if (init)
		return;
	m->pat = PAT_AT_RESET;
	m->misc_enable = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;
	m->mtrr_def_type = 0;
	memset(m->mtrr_fixed, 0, sizeof(m->mtrr_fixed));
	memset(m->mtrr_var, 0, sizeof(m->mtrr_var));
	m->misc_features = 0;
	m->smi_count = 0;
	m->hwcr = 0;
	m->poll_control = 1;
	sgx_reset(v);
	pmu_vcpu_reset(v);
	v->regs.xss = 0;
	mce_reset(v);
}
