// SPDX-License-Identifier: GPL-2.0-only
/* Machine checks: the banks' registers and errors handed in by user space (SDM 3B 15). */
#include <asm/mce.h>
#include <linux/nospec.h>

#include "x86.h"

#define MCE_CAPS	(MCG_CTL_P | MCG_SER_P)
#define HWCR_MC_STATUS_WR_EN	BIT_ULL(18)	/* APM 2 9.3.2.2 */

#define CTL2_EN		BIT(15)		/* as it is kept: MCI_CTL2_CMCI_EN */
#define NO_UCNA		(MCI_STATUS_PCC | MCI_STATUS_S | MCI_STATUS_AR)

enum { BANK_CTL, BANK_STATUS, BANK_ADDR, BANK_MISC, BANK_REGS };

static unsigned int nr_banks(struct x86_vcpu *v)
{
	return min_t(unsigned int, v->msr.mcg_cap & MCG_BANKCNT_MASK, X86_MAX_MCE_BANKS);
}

/* NULL for a bank the vCPU does not have */
static u64 *bank_reg(struct x86_vcpu *v, u32 index)
{
	unsigned int i = index - MSR_IA32_MC0_CTL;
	unsigned int n = nr_banks(v) * BANK_REGS;

	return i < n ? &v->msr.mce_banks[array_index_nospec(i, n)] : NULL;
}

/* IA32_MCi_CTL2: when corrected errors are told (SDM 3B 15.5.1) */
static u16 *bank_ctl2(struct x86_vcpu *v, u32 index)
{
	unsigned int i = index - MSR_IA32_MC0_CTL2, n = nr_banks(v);

	return i < n ? &v->msr.mce_ctl2[array_index_nospec(i, n)] : NULL;
}

enum msr_result mce_ctl2_get(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	u16 *ctl2 = bank_ctl2(v, index);

	if (!ctl2 || (!(v->msr.mcg_cap & MCG_CMCI_P) && !host))
		return MSR_BAD;
	*data = (*ctl2 & MCI_CTL2_CMCI_THRESHOLD_MASK) | (*ctl2 & CTL2_EN ? MCI_CTL2_CMCI_EN : 0);
	return MSR_DONE;
}

enum msr_result mce_ctl2_set(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	u16 *ctl2 = bank_ctl2(v, index);

	if (!ctl2 || (!(v->msr.mcg_cap & MCG_CMCI_P) && (data || !host)) ||
	    (data & ~(MCI_CTL2_CMCI_EN | MCI_CTL2_CMCI_THRESHOLD_MASK)))
		return MSR_BAD;
	*ctl2 = (data & MCI_CTL2_CMCI_THRESHOLD_MASK) | (data & MCI_CTL2_CMCI_EN ? CTL2_EN : 0);
	return MSR_DONE;
}

/*
 * Machine checks that one processor alone sees (SDM 3B 15.3.1.5), as all of user space's
 * do: firmware lets IA32_MCG_EXT_CTL switch them on, and nothing follows from that.
 */
enum msr_result mce_local_get(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	if (!x86_caps.feat_ctl)
		return MSR_UNKNOWN;
	if (index == MSR_IA32_FEAT_CTL) {
		*data = v->msr.feat_ctl;
		return MSR_DONE;
	}
	if (!host && !(v->msr.feat_ctl & FEAT_CTL_LMCE_ENABLED))
		return MSR_BAD;
	*data = v->msr.mcg_ext_ctl;
	return MSR_DONE;
}

/* Also what the guest may do with enclaves; that is taken up like its CPUID. */
static enum msr_result set_feat_ctl(struct x86_vcpu *v, u64 data, bool host)
{
	u64 lmce = v->msr.mcg_cap & MCG_LMCE_P ? FEAT_CTL_LMCE_ENABLED : 0;
	u64 sgx = sgx_feat_ctl_bits(v);

	if ((data & ~(FEAT_CTL_LOCKED | lmce | sgx)) ||
	    (!host && (v->msr.feat_ctl & FEAT_CTL_LOCKED)))
		return MSR_BAD;
	v->msr.feat_ctl = data;
	if (sgx)
		x86_op(cpuid_changed)(v);
	return MSR_DONE;
}

enum msr_result mce_local_set(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (!x86_caps.feat_ctl)
		return MSR_UNKNOWN;
	if (index == MSR_IA32_FEAT_CTL)
		return set_feat_ctl(v, data, host);
	if ((data & ~MCG_EXT_CTL_LMCE_EN) ||
	    (!host && !(v->msr.feat_ctl & FEAT_CTL_LMCE_ENABLED)))
		return MSR_BAD;
	v->msr.mcg_ext_ctl = data;
	return MSR_DONE;
}

enum msr_result mce_get(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	u64 *reg;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		*data = v->msr.mcg_cap;
		return MSR_DONE;
	case MSR_IA32_MCG_STATUS:
		*data = v->msr.mcg_status;
		return MSR_DONE;
	case MSR_IA32_MCG_CTL:
		if (!(v->msr.mcg_cap & MCG_CTL_P) && !host)
			return MSR_BAD;
		*data = v->msr.mcg_ctl;
		return MSR_DONE;
	default:
		reg = bank_reg(v, index);
		if (!reg)
			return MSR_UNKNOWN;
		*data = *reg;
		return MSR_DONE;
	}
}

static enum msr_result set_bank(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	u64 *reg = bank_reg(v, index);

	if (!reg)
		return MSR_UNKNOWN;
	switch ((index - MSR_IA32_MC0_CTL) % BANK_REGS) {
	case BANK_CTL:
		/*
		 * All ones or none (SDM 3B 15.3.2.1); guests leave out bit 10 of
		 * an old AMD erratum, and bit 0.
		 */
		if (data && (data | BIT_ULL(10) | BIT_ULL(0)) != ~0ULL)
			return MSR_BAD;
		break;
	case BANK_STATUS:
		/* Guests may only clear it (SDM 3B 15.3.2.2), or AMD's HWCR says more. */
		if (data && !host && !(v->msr.hwcr & HWCR_MC_STATUS_WR_EN))
			return MSR_BAD;
		break;
	}
	*reg = data;
	return MSR_DONE;
}

enum msr_result mce_set(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	switch (index) {
	case MSR_IA32_MCG_CAP:
		return MSR_BAD;
	case MSR_IA32_MCG_STATUS:
		v->msr.mcg_status = data;
		return MSR_DONE;
	case MSR_IA32_MCG_CTL:
		if (!(v->msr.mcg_cap & MCG_CTL_P) && (data || !host))
			return MSR_BAD;
		if (data && data != ~0ULL)
			return MSR_BAD;
		v->msr.mcg_ctl = data;
		return MSR_DONE;
	default:
		return set_bank(v, index, data, host);
	}
}

/* Reports nothing: KVM_X86_SETUP_MCE switches the banks on. */
void mce_reset(struct x86_vcpu *v)
{
	v->msr.mcg_status = 0;
	memset(v->msr.mce_ctl2, 0, sizeof(v->msr.mce_ctl2));
	v->msr.mcg_ctl = 0;
	memset(v->msr.mce_banks, 0, X86_MAX_MCE_BANKS * BANK_REGS * sizeof(u64));
}

long mce_ioctl_cap(void *obj, void *arg)
{
	*(u64 *)arg = MCE_CAPS | x86_caps.mce;
	return 0;
}

long mce_ioctl_setup(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	u64 cap = *(u64 *)arg;
	unsigned int i, banks = cap & MCG_BANKCNT_MASK;

	if (!banks || banks > X86_MAX_MCE_BANKS ||
	    (cap & ~(MCE_CAPS | x86_caps.mce | MCG_BANKCNT_MASK | MCG_EXT_CNT_MASK)))
		return -EINVAL;
	v->msr.mcg_cap = cap;
	mce_reset(v);
	lapic_set_cmci(v, cap & MCG_CMCI_P);
	v->msr.mcg_ctl = cap & MCG_CTL_P ? ~0ULL : 0;
	for (i = 0; i < banks; i++)
		v->msr.mce_banks[i * BANK_REGS + BANK_CTL] = ~0ULL;
	return 0;
}

static void store_error(u64 *bank, const struct kvm_x86_mce *mce)
{
	u64 status = mce->status;

	if (bank[BANK_STATUS] & MCI_STATUS_VAL)
		status |= MCI_STATUS_OVER;
	bank[BANK_ADDR] = mce->addr;
	bank[BANK_MISC] = mce->misc;
	bank[BANK_STATUS] = status;
}

/* One that nobody has to act on yet: no #MC, but what corrected errors raise (SDM 3B 15.6.3) */
static bool needs_no_action(struct x86_vcpu *v, const struct kvm_x86_mce *mce)
{
	return (v->msr.mcg_cap & MCG_CMCI_P) && !mce->mcg_status && !(mce->status & NO_UCNA);
}

static void raise_cmci(struct x86_vcpu *v, unsigned int bank)
{
	if (v->msr.mce_ctl2[bank] & CTL2_EN)
		lapic_deliver_cmci(v);
}

/* An uncorrected error is #MC, or the end if the guest is not ready for it. */
static void raise_error(struct x86_vcpu *v, u64 *bank, const struct kvm_x86_mce *mce)
{
	/* Reporting is switched off: nothing is seen. */
	if ((v->msr.mcg_cap & MCG_CTL_P) && v->msr.mcg_ctl != ~0ULL)
		return;
	if (bank[BANK_CTL] != ~0ULL)
		return;
	if ((v->msr.mcg_status & MCG_STATUS_MCIP) || !(x86_cr4(v) & X86_CR4_MCE)) {
		kvm_request(&v->vcpu, X86_REQ_TRIPLE_FAULT);
		return;
	}
	store_error(bank, mce);
	v->msr.mcg_status = mce->mcg_status;
	x86_queue_exception(v, MC_VECTOR);
}

long mce_ioctl_set(void *obj, void *arg)
{
	const struct kvm_x86_mce *mce = arg;
	struct x86_vcpu *v = to_x86(obj);
	unsigned int nr;
	u64 *bank;

	if (mce->bank >= nr_banks(v) || !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	nr = array_index_nospec(mce->bank, nr_banks(v));
	bank = &v->msr.mce_banks[nr * BANK_REGS];
	if ((mce->status & MCI_STATUS_UC) && needs_no_action(v, mce)) {
		store_error(bank, mce);
		raise_cmci(v, nr);
	} else if (mce->status & MCI_STATUS_UC) {
		raise_error(v, bank, mce);
	} else if ((bank[BANK_STATUS] & (MCI_STATUS_VAL | MCI_STATUS_UC)) ==
		   (MCI_STATUS_VAL | MCI_STATUS_UC)) {
		bank[BANK_STATUS] |= MCI_STATUS_OVER;	/* the worse error stays */
	} else {
		store_error(bank, mce);
	}
	return 0;
}
