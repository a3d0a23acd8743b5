// SPDX-License-Identifier: GPL-2.0-only
/* Segments, control and debug registers, to and from the VMCS. */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "block.h"

/*
 * What the guest may change without an exit; it reads the rest from the shadows.
 * CR0.PG is ours since EFER.LMA follows it.
 */
#define CR0_OWNED	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_WP |	\
			 X86_CR0_AM)
#define CR4_OWNED	(X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PGE |			\
			 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

/* What an unpaged guest may have set, but the tables it gets must not have */
#define CR4_PAGED	(X86_CR4_PAE | X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_SMAP |		\
			 X86_CR4_PKE | X86_CR4_LA57)

/* What would act on code at CPL 3, where the guest believes to be at 0 */
#define CR4_VM86	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_UMIP)

#define CR3_EXITING	(CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING)

void vmx_cache_regs(struct x86_vcpu *v, u32 which)
{
	struct vmx_vcpu *s = to_vmx(v);
	unsigned int i;

	if (which & BIT(X86_LAZY_RIP))
		v->regs.rip = vmx_read(GUEST_RIP);
	if (which & BIT(X86_LAZY_RSP))
		v->regs.gpr[X86_RSP] = vmx_read(GUEST_RSP);
	if (which & BIT(X86_LAZY_RFLAGS))
		v->regs.rflags = s->vm86.on ? vmx_vm86_flags(s, vmx_read(GUEST_RFLAGS)) :
					      vmx_read(GUEST_RFLAGS);
	/* What the guest does not own is in v->regs, whatever hardware has. */
	if (which & BIT(X86_LAZY_CR0))
		v->regs.cr0 = (v->regs.cr0 & ~s->cr0_owned) |
			      (vmx_read(GUEST_CR0) & s->cr0_owned);
	if (which & BIT(X86_LAZY_CR4))
		v->regs.cr4 = (v->regs.cr4 & ~s->cr4_owned) |
			      (vmx_read(GUEST_CR4) & s->cr4_owned);
	/* With shadow paging these are ours in hardware. */
	if (mmu_shadow())
		return;
	if ((which & BIT(X86_LAZY_CR3)) && !s->unpaged)
		v->regs.cr3 = vmx_read(GUEST_CR3);
	/* Saved by exits in any mode, but the guest's only with PAE paging (SDM 3C 28.3.4). */
	if (which & BIT(X86_LAZY_PDPTRS))
		for (i = 0; i < 4 && x86_pae_paging(v); i++)
			v->regs.pdptr[i] = vmx_read(GUEST_PDPTR0 + 2 * i);
}

/* Access rights have the descriptor's bits, and one for "unusable" (SDM 3C 25.4.1). */
void vmx_get_segment(struct x86_vcpu *v, enum x86_seg seg, struct kvm_segment *out)
{
	struct vmx_vcpu *s = to_vmx(v);
	u32 a = vmx_read(VMX_SEG(AR_BYTES, seg));
	u32 limit = vmx_read(VMX_SEG(LIMIT, seg));

	if (unlikely(s->vm86.on)) {
		if (seg == X86_TR) {
			*out = s->vm86.tr;
			return;
		}
		if (seg <= X86_GS) {
			limit = s->vm86.limit[seg];
			a = s->vm86.access[seg];
		}
	}
	*out = (struct kvm_segment) {
		.base = vmx_read(VMX_SEG(BASE, seg)),
		.limit = limit,
		.selector = vmx_read(VMX_SEG(SELECTOR, seg)),
		.type = a & VMX_AR_TYPE_MASK,
		.s = !!(a & VMX_AR_S_MASK),
		.dpl = VMX_AR_DPL(a),
		/* Unusable registers are not present, for those who only look there. */
		.present = !(a & VMX_AR_UNUSABLE_MASK),
		.avl = a >> 12 & 1,
		.l = !!(a & VMX_AR_L_MASK),
		.db = !!(a & VMX_AR_DB_MASK),
		.g = !!(a & VMX_AR_G_MASK),
		.unusable = !!(a & VMX_AR_UNUSABLE_MASK),
	};
}

void vmx_set_segment(struct x86_vcpu *v, enum x86_seg seg, const struct kvm_segment *in)
{
	struct vmx_vcpu *s = to_vmx(v);
	bool unusable = in->unusable || !in->present;
	u32 type = in->type & VMX_AR_TYPE_MASK, a;

	if (unlikely(s->vm86.on) && !vmx_vm86_keeps(seg, in))
		vmx_vm86_leave(s);

	/* Entry insists on what loading the register would have set (SDM 3C 27.3.1.2). */
	if (seg == X86_TR)
		type |= 2;		/* busy */
	else if (seg != X86_LDTR)
		type |= 1;		/* accessed */
	a = type | (in->s & 1) << 4 | (in->dpl & 3) << VMX_AR_DPL_SHIFT | (!unusable) << 7 |
	    (in->avl & 1) << 12 | (in->l & 1) << 13 | (in->db & 1) << 14 | (in->g & 1) << 15 |
	    (unusable ? VMX_AR_UNUSABLE_MASK : 0);
	vmx_write(VMX_SEG(BASE, seg), in->base);
	vmx_write(VMX_SEG(SELECTOR, seg), in->selector);
	if (unlikely(s->vm86.on)) {
		s->vm86.limit[seg] = in->limit;
		s->vm86.access[seg] = a;
		return;
	}
	vmx_write(VMX_SEG(LIMIT, seg), in->limit);
	vmx_write(VMX_SEG(AR_BYTES, seg), a);
	s->state_valid = false;
}

/* SS.DPL is the CPL, also of an unusable SS; in real mode it is 0 (SDM 3C 25.4.1). */
int vmx_get_cpl(struct x86_vcpu *v)
{
	return unlikely(to_vmx(v)->vm86.on) ? 0 : VMX_AR_DPL(vmx_read(GUEST_SS_AR_BYTES));
}

u64 vmx_seg_base(struct x86_vcpu *v, enum x86_seg seg)
{
	if (unlikely(to_vmx(v)->vm86.on) && seg == X86_TR)
		return to_vmx(v)->vm86.tr.base;
	return vmx_read(VMX_SEG(BASE, seg));
}

void vmx_get_dt(struct x86_vcpu *v, bool idt, struct kvm_dtable *dt)
{
	*dt = (struct kvm_dtable) {
		.base = vmx_read(idt ? GUEST_IDTR_BASE : GUEST_GDTR_BASE),
		.limit = vmx_read(idt ? GUEST_IDTR_LIMIT : GUEST_GDTR_LIMIT),
	};
}

void vmx_set_dt(struct x86_vcpu *v, bool idt, const struct kvm_dtable *dt)
{
	vmx_write(idt ? GUEST_IDTR_BASE : GUEST_GDTR_BASE, dt->base);
	vmx_write(idt ? GUEST_IDTR_LIMIT : GUEST_GDTR_LIMIT, dt->limit);
}

/*
 * A guest that is not unrestricted has paging on when it thinks it is off: then its
 * addresses go through the identity map, with what CR4 and EFER that wants. With
 * shadow paging the MMU has tables for it as for every guest, and CR3 is theirs.
 */
static void vmx_switch_paging(struct vmx_vcpu *s, bool unpaged)
{
	struct x86_vcpu *v = &s->x86;
	unsigned long cr3 = x86_cr3(v);

	if (s->unpaged == unpaged)
		return;
	s->unpaged = unpaged;
	if (mmu_shadow()) {
		vmx_set_cr4(v, x86_cr4(v));
		vmx_set_efer(v, v->regs.efer);
		return;
	}
	vmx_write(GUEST_CR3, unpaged ? to_x86_vm(v->vcpu.kvm)->identity_map_addr : cr3);
	/* Older CPUs have them on at all times. */
	vmx_primary(s, CR3_EXITING & ~vmx_hw.primary, unpaged);
	vmx_set_cr4(v, x86_cr4(v));
	vmx_set_efer(v, v->regs.efer);
}

/* PE and PG may be 0 in an unrestricted guest; NE has to be set (SDM 3C 24.8). */
void vmx_set_cr0(struct x86_vcpu *v, unsigned long cr0)
{
	struct vmx_vcpu *s = to_vmx(v);
	unsigned long fixed = vmx_hw.cr0_fixed0;
	/* Without caches the guest's memory would be uncached. */
	unsigned long off = X86_CR0_CD | X86_CR0_NW;

	if (unlikely(s->vm86.on) && (cr0 & X86_CR0_PE))
		vmx_vm86_leave(s);
	if (vmx_hw.unrestricted)
		fixed &= ~(X86_CR0_PE | X86_CR0_PG);
	else
		vmx_switch_paging(s, !(cr0 & X86_CR0_PG));
	s->state_valid = false;
	v->regs.cr0 = cr0;
	v->regs.avail |= BIT(X86_LAZY_CR0);
	/* The kernel's writes to read-only pages are the MMU's to allow. */
	if (mmu_shadow())
		fixed |= X86_CR0_WP;
	s->cr0_owned = CR0_OWNED & ~fixed;
	if (unlikely(s->vm86.on)) {
		/* Real mode checks no alignment. */
		off |= X86_CR0_AM;
		s->cr0_owned = 0;
	}
	vmx_write(CR0_GUEST_HOST_MASK, ~s->cr0_owned);
	vmx_write(CR0_READ_SHADOW, cr0);
	vmx_write(GUEST_CR0, (cr0 & ~off) | X86_CR0_ET | fixed);
}

/* MCE stays on, or a host's machine check is a shutdown. */
void vmx_set_cr4(struct x86_vcpu *v, unsigned long cr4)
{
	struct vmx_vcpu *s = to_vmx(v);
	unsigned long fixed = vmx_hw.cr4_fixed0 |
			      (boot_cpu_has(X86_FEATURE_MCE) ? X86_CR4_MCE : 0);

	v->regs.cr4 = cr4;
	v->regs.avail |= BIT(X86_LAZY_CR4);
	s->cr4_owned = CR4_OWNED & ~v->cpuid.cr4_reserved & ~fixed;
	if (unlikely(s->vm86.on))
		s->cr4_owned = 0;
	vmx_write(CR4_GUEST_HOST_MASK, ~s->cr4_owned);
	vmx_write(CR4_READ_SHADOW, cr4);
	/* SMSW alone makes no exit: without UMIP it tells user code of CR0 (SDM 3C 26.1.3). */
	if (vmx_hw.umip_exits) {
		vmx_secondary(s, SECONDARY_EXEC_DESC, cr4 & X86_CR4_UMIP);
		cr4 &= ~X86_CR4_UMIP;
	}
	if (unlikely(s->vm86.on))
		cr4 &= ~CR4_VM86;
	if (unlikely(s->unpaged))
		cr4 = (cr4 & ~CR4_PAGED) | X86_CR4_PSE;
	/* Shadow tables have entries of 64 bits, and no PCIDs. */
	if (mmu_shadow())
		cr4 = (cr4 & ~X86_CR4_PCIDE) | X86_CR4_PAE;
	vmx_write(GUEST_CR4, cr4 | fixed);
}

void vmx_set_efer(struct x86_vcpu *v, u64 efer)
{
	struct vmx_vcpu *s = to_vmx(v);

	v->regs.efer = efer;
	s->state_valid = false;
	vmx_control(&s->entry_ctl, VM_ENTRY_CONTROLS, VM_ENTRY_IA32E_MODE, efer & EFER_LMA);
	/* With paging on, LME has to be what LMA is (SDM 3C 27.3.1.1). */
	if (s->unpaged)
		efer &= ~EFER_LME;
	/* Shadow entries have NX where the guest may have none. */
	if (mmu_shadow())
		efer |= EFER_NX;
	if (unlikely(s->efer))
		s->efer[0].value = efer;
	else
		vmx_write(GUEST_IA32_EFER, efer);
}

bool vmx_cr4_valid(struct x86_vcpu *v, unsigned long cr4)
{
	return !(cr4 & X86_CR4_VMXE);
}

void vmx_set_dr7(struct x86_vcpu *v, unsigned long dr7)
{
	vmx_write(GUEST_DR7, (u32)dr7);
}

/* Accesses always exit: v->dbg is current. */
void vmx_sync_drs(struct x86_vcpu *v)
{
}

/* Usable or not, the limit goes with G (SDM 3C 27.3.1.2). */
static bool vmx_limit_valid(const struct kvm_segment *seg)
{
	return seg->g ? (seg->limit & 0xfff) == 0xfff : !(seg->limit >> 20);
}

static bool vmx_vm86_segment_valid(const struct kvm_segment *seg)
{
	return seg->base == (u64)seg->selector << 4 && seg->limit == 0xffff &&
	       seg->type == 3 && seg->s && seg->dpl == 3 && seg->present && !seg->avl &&
	       !seg->l && !seg->db && !seg->g;
}

static bool vmx_cs_valid(struct x86_vcpu *v, const struct kvm_segment *cs,
			 const struct kvm_segment *ss)
{
	bool conforming = cs->type & 4;
	bool code = (cs->type & 9) == 9 &&
		    (conforming ? cs->dpl <= ss->dpl : cs->dpl == ss->dpl);

	/* Real mode runs code from data segments. */
	if (vmx_hw.unrestricted && cs->type == 3)
		code = !cs->dpl && !ss->dpl;
	return !cs->unusable && cs->present && cs->s && code &&
	       !(x86_long_mode(v) && cs->l && cs->db) && !(cs->base >> 32) &&
	       vmx_limit_valid(cs);
}

/* The stack's DPL is its RPL, and that of the code, whether it is usable or not. */
static bool vmx_ss_valid(struct x86_vcpu *v, const struct kvm_segment *ss,
			 const struct kvm_segment *cs)
{
	if (vmx_hw.unrestricted) {
		if (ss->dpl && !(x86_cr0(v) & X86_CR0_PE))
			return false;
	} else if (ss->dpl != (ss->selector & 3) || (ss->selector & 3) != (cs->selector & 3)) {
		return false;
	}
	return ss->unusable || (ss->present && ss->s && (ss->type & ~4) == 3 &&
				!(ss->base >> 32) && vmx_limit_valid(ss));
}

static bool vmx_data_valid(enum x86_seg nr, const struct kvm_segment *seg)
{
	const bool code = seg->type & 8, conforming = seg->type & 4;

	if (seg->unusable)
		return true;
	if (!seg->present || !seg->s || !(seg->type & 1) || (code && !(seg->type & 2)) ||
	    !vmx_limit_valid(seg))
		return false;
	if (nr != X86_FS && nr != X86_GS && seg->base >> 32)
		return false;
	return (code && conforming) || vmx_hw.unrestricted || seg->dpl >= (seg->selector & 3);
}

static bool vmx_tr_valid(struct x86_vcpu *v)
{
	struct kvm_segment tr;

	vmx_get_segment(v, X86_TR, &tr);
	return !tr.unusable && tr.present && !tr.s && !(tr.selector & 4) && vmx_limit_valid(&tr) &&
	       (tr.type == 11 || (tr.type == 3 && !x86_long_mode(v)));
}

bool vmx_ldt_valid(struct x86_vcpu *v)
{
	struct kvm_segment ldt;

	vmx_get_segment(v, X86_LDTR, &ldt);
	return ldt.unusable || (ldt.present && !ldt.s && ldt.type == 2 && !(ldt.selector & 4) &&
				vmx_limit_valid(&ldt));
}

/* SDM 3C 27.3.1.2 */
static bool vmx_entry_takes_segments(struct x86_vcpu *v)
{
	bool vm86 = x86_rflags(v) & X86_EFLAGS_VM;
	struct kvm_segment seg[X86_GS + 1];
	enum x86_seg i;

	for (i = X86_ES; i <= X86_GS; i++) {
		vmx_get_segment(v, i, &seg[i]);
		if (vm86 && !vmx_vm86_segment_valid(&seg[i]))
			return false;
	}
	for (i = X86_ES; !vm86 && i <= X86_GS; i++)
		if (i != X86_CS && i != X86_SS && !vmx_data_valid(i, &seg[i]))
			return false;
	if (!vm86 && (!vmx_cs_valid(v, &seg[X86_CS], &seg[X86_SS]) ||
		      !vmx_ss_valid(v, &seg[X86_SS], &seg[X86_CS])))
		return false;
	return vmx_tr_valid(v) && vmx_ldt_valid(v);
}

static bool vmx_event_waits(void)
{
	return vmx_read(VM_ENTRY_INTR_INFO_FIELD) & INTR_INFO_VALID_MASK;
}

bool vmx_segments_valid(struct x86_vcpu *v)
{
	/* What entry does not take is for the emulator, if there is a use for that. */
	if (!vmx_hw.unrestricted && (vmx_emulate_invalid || !(x86_cr0(v) & X86_CR0_PE)))
		return true;
	return vmx_entry_takes_segments(v);
}

bool vmx_must_emulate(struct vmx_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;

	if (s->vm86.on)
		return vmx_event_waits();
	/* What the guest loaded itself the CPU has checked. */
	if (likely(s->state_valid) && !(v->regs.dirty & BIT(X86_LAZY_RFLAGS)))
		return false;
	if (!(x86_cr0(v) & X86_CR0_PE))
		return !vmx_vm86_enter(s) || vmx_event_waits();
	s->state_valid = vmx_entry_takes_segments(v);
	return !s->state_valid && vmx_emulate_invalid;
}
