// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers, EFER and XCR0: what a guest may write, and what follows
 * from it. Returns 1 where the guest gets #GP.
 */
#include <linux/types.h>
#include <asm/fpu/xcr.h>

#include "core.h"
#include "ioctls.h"

/* Changes that alter how addresses translate */
#define CR0_MMU		(X86_CR0_PG | X86_CR0_WP)
#define CR4_MMU		(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_SMEP | X86_CR4_SMAP | \
			 X86_CR4_PKE | X86_CR4_LA57)
#define CR4_PDPTR	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_SMEP)

/* Turning paging on or off moves EFER.LMA along (SDM 3A 9.8.5). 1: #GP */
static int x86_switch_paging(struct x86_vcpu *v, unsigned long cr0)
{
	struct kvm_segment cs;

	if (!(v->regs.efer & EFER_LME)) {
		if ((cr0 & X86_CR0_PG) && (x86_cr4(v) & X86_CR4_PAE) &&
		    !mmu_load_pdptrs(v, x86_cr3(v)))
			return 1;
		return 0;
	}
	if (cr0 & X86_CR0_PG) {
		x86_op(get_segment)(v, X86_CS, &cs);
		if (!(x86_cr4(v) & X86_CR4_PAE) || cs.l)
			return 1;
		x86_op(set_efer)(v, v->regs.efer | EFER_LMA);
	} else {
		if (x86_is_64bit(v))
			return 1;
		x86_op(set_efer)(v, v->regs.efer & ~EFER_LMA);
	}
	return 0;
}

int x86_set_cr0(struct x86_vcpu *v, unsigned long val)
{
	unsigned long old = x86_cr0(v), changed;

	if (val >> 32)
		return 1;
	val = (val & X86_CR0_DEFINED) | X86_CR0_ET;
	if (((val & X86_CR0_PG) && !(val & X86_CR0_PE)) ||
	    ((val & X86_CR0_NW) && !(val & X86_CR0_CD)))
		return 1;
	if (!(val & X86_CR0_PG) && (x86_cr4(v) & X86_CR4_PCIDE))
		return 1;
	changed = val ^ old;
	if ((changed & X86_CR0_PG) && x86_switch_paging(v, val))
		return 1;
	x86_op(set_cr0)(v, val);
	if (changed & CR0_MMU)
		mmu_role_changed(v);
	if (changed & X86_CR0_PG)
		kvm_request(&v->vcpu, KVM_REQ_TLB_FLUSH);
	return 0;
}

#define CR3_NOFLUSH	BIT_ULL(63)	/* with CR4.PCIDE (SDM 3A 4.10.4.1) */

int x86_set_cr3(struct x86_vcpu *v, unsigned long val)
{
	bool noflush = false;

	if (x86_cr4(v) & X86_CR4_PCIDE) {
		noflush = val & CR3_NOFLUSH;
		val &= ~CR3_NOFLUSH;
	}
	if (x86_long_mode(v)) {
		if (val & v->cpuid.reserved_gpa_bits)
			return 1;
	} else if (x86_paging(v) && (x86_cr4(v) & X86_CR4_PAE) && !mmu_load_pdptrs(v, val)) {
		return 1;
	}
	if (val != x86_cr3(v))
		mmu_new_cr3(v);
	v->regs.cr3 = val;
	v->regs.avail |= BIT(X86_LAZY_CR3);
	v->regs.dirty |= BIT(X86_LAZY_CR3);
	if (!noflush)
		kvm_request(&v->vcpu, KVM_REQ_TLB_FLUSH);
	return 0;
}

bool x86_cr4_legal(struct x86_vcpu *v, unsigned long cr4)
{
	return !(cr4 & v->cpuid.cr4_reserved) && x86_op(cr4_valid)(v, cr4);
}

int x86_set_cr4(struct x86_vcpu *v, unsigned long val)
{
	unsigned long old = x86_cr4(v), changed = val ^ old;

	if (!x86_cr4_legal(v, val))
		return 1;
	if (x86_long_mode(v)) {
		if (!(val & X86_CR4_PAE) || (changed & X86_CR4_LA57))
			return 1;
	} else if (x86_paging(v) && (val & X86_CR4_PAE) && (changed & CR4_PDPTR) &&
		   !mmu_load_pdptrs(v, x86_cr3(v))) {
		return 1;
	}
	/* PCIDE needs long mode and PCID 0 when it is set (SDM 3A 4.10.1). */
	if ((changed & val & X86_CR4_PCIDE) && (!x86_long_mode(v) || (x86_cr3(v) & 0xfff)))
		return 1;
	x86_op(set_cr4)(v, val);
	if (changed & CR4_MMU)
		mmu_role_changed(v);
	if (changed & (CR4_MMU | X86_CR4_PCIDE))
		kvm_request(&v->vcpu, KVM_REQ_TLB_FLUSH);
	if (changed & (X86_CR4_OSXSAVE | X86_CR4_PKE))
		cpuid_update_runtime(v);
	return 0;
}

int x86_set_cr8(struct x86_vcpu *v, unsigned long val)
{
	if (val > 15)
		return 1;
	v->regs.cr8 = val;
	if (v->apic)
		lapic_set_cr8(v, val);
	return 0;
}
KVM_EXPORT(x86_set_cr8);

unsigned long x86_get_cr8(struct x86_vcpu *v)
{
	return v->apic ? lapic_get_cr8(v) : v->regs.cr8;
}
KVM_EXPORT(x86_get_cr8);

bool x86_efer_legal(struct x86_vcpu *v, u64 efer)
{
	u64 legal = EFER_LME | EFER_LMA | EFER_SCE;

	if (x86_has(v, X86_FEATURE_NX))
		legal |= EFER_NX;
	if (x86_has(v, X86_FEATURE_FXSR_OPT))
		legal |= EFER_FFXSR;
	if (x86_has(v, X86_FEATURE_AUTOIBRS))
		legal |= EFER_AUTOIBRS;
	return !(efer & ~legal);
}

int x86_set_efer(struct x86_vcpu *v, u64 val, bool host)
{
	u64 old = v->regs.efer;

	if (host) {
		/* User space may restore EFER before CPUID: only what hardware lacks is refused. */
		if (val & ~(EFER_LME | EFER_LMA | EFER_SCE | EFER_NX | EFER_FFXSR | EFER_AUTOIBRS))
			return 1;
	} else {
		if (!x86_efer_legal(v, val))
			return 1;
		if (x86_paging(v) && ((val ^ old) & EFER_LME))
			return 1;
	}
	/* LMA is not writable: it follows CR0.PG (APM 2 3.1.7). */
	val = (val & ~EFER_LMA) | (old & EFER_LMA);
	x86_op(set_efer)(v, val);
	if ((val ^ old) & (EFER_NX | EFER_LME))
		mmu_role_changed(v);
	return 0;
}

/*
 * SDM 1 13.3: which components need which. The x87's bit is there without XSAVE,
 * too: a VMM gives back what it was told.
 */
int x86_set_xcr0(struct x86_vcpu *v, u32 index, u64 val)
{
	const u64 avx512 = XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 |
			   XFEATURE_MASK_Hi16_ZMM;

	if (index != XCR_XFEATURE_ENABLED_MASK || !(val & XFEATURE_MASK_FP) ||
	    (val & ~(v->cpuid.xcr0_supported | XFEATURE_MASK_FP)))
		return 1;
	if ((val & XFEATURE_MASK_YMM) && !(val & XFEATURE_MASK_SSE))
		return 1;
	if ((val & avx512) && ((val & avx512) != avx512 || !(val & XFEATURE_MASK_YMM)))
		return 1;
	v->regs.xcr0 = val;
	cpuid_update_runtime(v);
	return 0;
}
