// SPDX-License-Identifier: GPL-2.0-only
/* Segments, control and debug registers, to and from the VMCB. */
#include <linux/mem_encrypt.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "block.h"

/* Of CR4, for a guest without paging: its shadow tables are of PAE, for any CPL. */
#define CR4_PAGED	(X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE | X86_CR4_LA57)

void svm_cache_regs(struct x86_vcpu *v, u32 which)
{
	struct vmcb_save_area *save = &to_svm(v)->block->save;
	int idx;

	if (which & BIT(X86_LAZY_CR0))
		v->regs.cr0 = save->cr0;
	if (which & BIT(X86_LAZY_CR3))
		v->regs.cr3 = save->cr3;
	/* Hardware keeps no PDPTRs with nested paging: memory has them (APM 2 15.25.10). */
	if (which & BIT(X86_LAZY_PDPTRS)) {
		idx = srcu_read_lock(&v->vcpu.kvm->srcu);
		mmu_load_pdptrs(v, x86_cr3(v));
		srcu_read_unlock(&v->vcpu.kvm->srcu, idx);
	}
}

/* Descriptor attributes are packed into 12 bits (APM 2 15.5.1). */
void svm_get_segment(struct x86_vcpu *v, enum x86_seg seg, struct kvm_segment *out)
{
	struct svm_vcpu *s = to_svm(v);
	const struct vmcb_seg *hw = svm_seg(s, seg);
	u16 a = hw->attrib;

	*out = (struct kvm_segment) {
		.base = hw->base,
		.limit = hw->limit,
		.selector = hw->selector,
		.type = a & SVM_SELECTOR_TYPE_MASK,
		.s = a >> SVM_SELECTOR_S_SHIFT & 1,
		.dpl = a >> SVM_SELECTOR_DPL_SHIFT & 3,
		.present = a >> SVM_SELECTOR_P_SHIFT & 1,
		.avl = a >> SVM_SELECTOR_AVL_SHIFT & 1,
		.l = a >> SVM_SELECTOR_L_SHIFT & 1,
		.db = a >> SVM_SELECTOR_DB_SHIFT & 1,
		.g = a >> SVM_SELECTOR_G_SHIFT & 1,
	};
	out->unusable = !out->present;

	/* What the hardware does not keep, as a VMX host would want it. */
	switch (seg) {
	case X86_TR:
		out->type |= 2;		/* busy */
		break;
	case X86_SS:
		out->dpl = s->block->save.cpl;
		if (out->unusable)
			out->db = 0;
		break;
	case X86_CS:
	case X86_LDTR:
		break;
	default:
		if (!out->unusable)
			out->type |= 1;	/* accessed */
	}
}

void svm_set_segment(struct x86_vcpu *v, enum x86_seg seg, const struct kvm_segment *in)
{
	struct svm_vcpu *s = to_svm(v);
	struct vmcb_seg *hw = svm_seg(s, seg);
	bool present = in->present && !in->unusable;
	u16 old = hw->attrib;

	hw->base = in->base;
	hw->limit = in->limit;
	hw->selector = in->selector;
	hw->attrib = (in->type & SVM_SELECTOR_TYPE_MASK) |
		     (in->s & 1) << SVM_SELECTOR_S_SHIFT |
		     (in->dpl & 3) << SVM_SELECTOR_DPL_SHIFT |
		     present << SVM_SELECTOR_P_SHIFT |
		     (in->avl & 1) << SVM_SELECTOR_AVL_SHIFT |
		     (in->l & 1) << SVM_SELECTOR_L_SHIFT |
		     (in->db & 1) << SVM_SELECTOR_DB_SHIFT |
		     (in->g & 1) << SVM_SELECTOR_G_SHIFT;
	/*
	 * The busy bit that svm_get_segment() added does not come to stay: QEMU's TCG,
	 * whose LTR leaves it out, aborts at a stack switch that finds it.
	 */
	if (seg == X86_TR && hw->attrib == (old | 2))
		hw->attrib = old;
	/* SS.DPL is the CPL; hardware takes it from a field of its own. */
	if (seg == X86_SS)
		s->block->save.cpl = in->dpl & 3;
	svm_touch(s, SVM_CLEAN_SEG);
}

int svm_get_cpl(struct x86_vcpu *v)
{
	return to_svm(v)->block->save.cpl;
}

u64 svm_seg_base(struct x86_vcpu *v, enum x86_seg seg)
{
	return svm_seg(to_svm(v), seg)->base;
}

void svm_get_dt(struct x86_vcpu *v, bool idt, struct kvm_dtable *dt)
{
	struct vmcb_save_area *save = &to_svm(v)->block->save;
	const struct vmcb_seg *hw = idt ? &save->idtr : &save->gdtr;

	*dt = (struct kvm_dtable) { .base = hw->base, .limit = hw->limit };
}

void svm_set_dt(struct x86_vcpu *v, bool idt, const struct kvm_dtable *dt)
{
	struct svm_vcpu *s = to_svm(v);
	struct vmcb_save_area *save = &s->block->save;
	struct vmcb_seg *hw = idt ? &save->idtr : &save->gdtr;

	hw->base = dt->base;
	hw->limit = dt->limit;
	svm_touch(s, SVM_CLEAN_DT);
}

/*
 * The guest reads and writes CR0 on its own, PG and WP included: the nested
 * walk and EFER.LMA follow by themselves. Only CD and NW, which a guest has set
 * after reset, are kept from it, since they would make its memory uncached; as
 * long as it sees another CR0 than the hardware has, accesses exit.
 *
 * With shadow paging PG and WP are always set (APM 2 15.19 for real mode), and
 * all writes exit.
 */
void svm_set_cr0(struct x86_vcpu *v, unsigned long cr0)
{
	struct svm_vcpu *s = to_svm(v);
	unsigned long hw = (cr0 & ~(X86_CR0_CD | X86_CR0_NW)) | X86_CR0_ET;
	bool shadowed;

	if (mmu_shadow())
		hw |= X86_CR0_PG | X86_CR0_WP;
	shadowed = hw != cr0;
	v->regs.cr0 = cr0;
	v->regs.avail |= BIT(X86_LAZY_CR0);
	if (shadowed || mmu_shadow())
		s->lazy &= ~BIT(X86_LAZY_CR0);
	else
		s->lazy |= BIT(X86_LAZY_CR0);
	svm_intercept(s, INTERCEPT_CR0_READ, shadowed);
	svm_intercept(s, INTERCEPT_CR0_WRITE, shadowed || mmu_shadow());
	s->block->save.cr0 = hw;
	svm_touch(s, SVM_CLEAN_CR);
	if (mmu_shadow()) {
		svm_set_cr4(v, v->regs.cr4);
		svm_set_efer(v, v->regs.efer);
	}
}

/*
 * Writes of CR4 always exit. MCE stays on, or a host's machine check is a shutdown.
 * Shadow tables have entries of 64 bits, and no PCIDs.
 */
void svm_set_cr4(struct x86_vcpu *v, unsigned long cr4)
{
	struct svm_vcpu *s = to_svm(v);
	unsigned long hw = cr4 | (boot_cpu_has(X86_FEATURE_MCE) ? X86_CR4_MCE : 0);

	if (mmu_shadow()) {
		hw = (hw & ~X86_CR4_PCIDE) | X86_CR4_PAE;
		if (!(v->regs.cr0 & X86_CR0_PG))
			hw &= ~CR4_PAGED;
	}
	v->regs.cr4 = cr4;
	v->regs.avail |= BIT(X86_LAZY_CR4);
	svm_intercept(s, INTERCEPT_CR4_READ, hw != cr4);
	s->block->save.cr4 = hw;
	svm_touch(s, SVM_CLEAN_CR);
}

/* Shadow entries have NX where the guest may have none; and with PG set, LME is LMA. */
void svm_set_efer(struct x86_vcpu *v, u64 efer)
{
	struct svm_vcpu *s = to_svm(v);

	v->regs.efer = efer;
	if (mmu_shadow()) {
		efer |= EFER_NX;
		if (!(efer & EFER_LMA))
			efer &= ~EFER_LME;
	}
	/* VMRUN refuses a guest without SVME; EFER accesses are intercepted. */
	s->block->save.efer = efer | EFER_SVME;
	svm_touch(s, SVM_CLEAN_CR);
}

void svm_rebuild_paging(struct svm_vcpu *s)
{
	svm_set_cr0(&s->x86, s->x86.regs.cr0);
	s->block->save.cr3 = s->root;
}

bool svm_cr4_valid(struct x86_vcpu *v, unsigned long cr4)
{
	return !(cr4 & X86_CR4_VMXE);
}

void svm_set_dr7(struct x86_vcpu *v, unsigned long dr7)
{
	struct svm_vcpu *s = to_svm(v);

	/* The upper half must be zero for VMRUN. */
	s->block->save.dr7 = (u32)dr7;
	svm_touch(s, SVM_CLEAN_DR);
}

/* v->dbg is current after every exit. */
void svm_sync_drs(struct x86_vcpu *v)
{
}

/* VMRUN takes any (APM 2 15.5.1), with bases made canonical. */
bool svm_segments_valid(struct x86_vcpu *v)
{
	return true;
}

/*
 * A guest that touches debug registers will do it again soon: after the first
 * exit it has them for itself as long as it stays on the CPU, unless a debugger
 * in the VMM uses them: steps leave their mark in DR6.
 */
bool svm_needs_drs(struct svm_vcpu *s)
{
	return s->x86.dbg.guest_debug & (KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_SINGLESTEP);
}

void svm_give_drs(struct svm_vcpu *s)
{
	s->watch |= SVM_WATCH_DR;
	s->block->control.intercepts[INTERCEPT_DR] = 0;
	svm_touch(s, SVM_CLEAN_INTERCEPTS);
}

void svm_take_drs(struct svm_vcpu *s)
{
	if (likely(!(s->watch & SVM_WATCH_DR)))
		return;
	s->watch &= ~SVM_WATCH_DR;
	s->block->control.intercepts[INTERCEPT_DR] = SVM_ALL_DR;
	s->block->save.dr6 = X86_DR6_INIT;
	svm_touch(s, SVM_CLEAN_INTERCEPTS);
	svm_touch(s, SVM_CLEAN_DR);
}

/* IRQs off. VMRUN loads DR6 and DR7; the host's DR0-3 come back in x86_debug_unload(). */
void svm_load_drs(struct svm_vcpu *s)
{
	const struct x86_debug *dbg = &s->x86.dbg;

	set_debugreg(0, 7);
	set_debugreg(dbg->db[0], 0);
	set_debugreg(dbg->db[1], 1);
	set_debugreg(dbg->db[2], 2);
	set_debugreg(dbg->db[3], 3);
	s->block->save.dr6 = (u32)dbg->dr6;
	s->block->save.dr7 = (u32)dbg->dr7;
	svm_touch(s, SVM_CLEAN_DR);
}

void svm_store_drs(struct svm_vcpu *s)
{
	struct x86_debug *dbg = &s->x86.dbg;

	get_debugreg(dbg->db[0], 0);
	get_debugreg(dbg->db[1], 1);
	get_debugreg(dbg->db[2], 2);
	get_debugreg(dbg->db[3], 3);
	memcpy(dbg->eff_db, dbg->db, sizeof(dbg->eff_db));
	dbg->dr6 = s->block->save.dr6;
	dbg->dr7 = s->block->save.dr7;
	dbg->active = dbg->dr7 & (DR_LOCAL_ENABLE_MASK | DR_GLOBAL_ENABLE_MASK);
}
