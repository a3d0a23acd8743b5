// SPDX-License-Identifier: GPL-2.0-only
/*
 * System management mode (SDM 3C 32, APM 2 10).
 *
 * An SMI saves the registers at the end of SMRAM, which is memory of address space 1
 * alone, and starts the handler in something like real mode; RSM loads them again.
 * What it loads the handler may have written: a state that no instruction could
 * have made is a shutdown, with the vCPU still in SMM and its registers untouched.
 */
#include <asm/processor-flags.h>

#include "core.h"
#include "ioctls.h"
#include "smm_map.h"
#include "trace.h"

#define SMBASE_AT_RESET	0x30000
#define SMM_ENTRY	0x8000		/* from SMBASE on */

/* What is not always 0 (SDM 1 figure 3-8) */
#define RFLAGS_DEFINED	(X86_EFLAGS_CF | X86_EFLAGS_FIXED | X86_EFLAGS_PF | X86_EFLAGS_AF |	\
			 X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_IF |	\
			 X86_EFLAGS_DF | X86_EFLAGS_OF | X86_EFLAGS_IOPL | X86_EFLAGS_NT |	\
			 X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_VIF |	\
			 X86_EFLAGS_VIP | X86_EFLAGS_ID)

static const struct smm_map *map_of(struct x86_vcpu *v)
{
	return x86_has(v, X86_FEATURE_LM) ? &smm_map_64 : &smm_map_32;
}

/* In the low 4 GiB, whatever user space made of it. */
static u32 smbase(struct x86_vcpu *v)
{
	return v->smm.smbase;
}

static void set_active(struct x86_vcpu *v, bool active)
{
	trace_kvm_smm_transition(v->vcpu.id, v->smm.smbase, active);
	v->smm.active = active;
	mmu_set_space(v, active ? SMM_SPACE : 0);
	mmu_role_changed(v);
	kvm_request(&v->vcpu, KVM_REQ_TLB_FLUSH);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}

/* --- registers, one by one ------------------------------------------------ */

/* Attributes are bits 8 to 23 of a descriptor's second word. */
static void gather_segment(struct x86_vcpu *v, enum x86_seg nr, u64 *part)
{
	struct kvm_segment s;

	x86_op(get_segment)(v, nr, &s);
	part[SMM_SEL] = s.selector;
	part[SMM_LIMIT] = s.limit;
	part[SMM_SEG_BASE] = s.base;
	part[SMM_ATTR] = s.type | s.s << 4 | s.dpl << 5 | (s.present && !s.unusable) << 7 |
			 s.avl << 12 | s.l << 13 | s.db << 14 | s.g << 15;
}

static void spread_segment(struct kvm_segment *s, const u64 *part)
{
	u16 a = part[SMM_ATTR];

	*s = (struct kvm_segment) {
		.base = part[SMM_SEG_BASE],
		.limit = part[SMM_LIMIT],
		.selector = part[SMM_SEL],
		.type = a & 15,
		.s = a >> 4 & 1,
		.dpl = a >> 5 & 3,
		.present = a >> 7 & 1,
		.unusable = !(a >> 7 & 1),
		.avl = a >> 12 & 1,
		.l = a >> 13 & 1,
		.db = a >> 14 & 1,
		.g = a >> 15,
	};
}

static void gather(struct x86_vcpu *v, u64 *reg)
{
	struct kvm_dtable gdt, idt;
	unsigned int i;

	for (i = 0; i < X86_NR_GPR; i++)
		reg[SMM_GPR + i] = x86_gpr(v, i);
	for (i = 0; i < X86_NR_SEG; i++)
		gather_segment(v, i, reg + SMM_SEG + i * SMM_SEG_PARTS);
	x86_op(get_dt)(v, false, &gdt);
	x86_op(get_dt)(v, true, &idt);
	reg[SMM_GDT_BASE] = gdt.base;
	reg[SMM_GDT_LIMIT] = gdt.limit;
	reg[SMM_IDT_BASE] = idt.base;
	reg[SMM_IDT_LIMIT] = idt.limit;
	reg[SMM_RIP] = x86_rip(v);
	reg[SMM_RFLAGS] = x86_guest_rflags(v);
	reg[SMM_CR0] = x86_cr0(v);
	reg[SMM_CR3] = x86_cr3(v);
	reg[SMM_CR4] = x86_cr4(v);
	reg[SMM_EFER] = v->regs.efer;
	reg[SMM_DR6] = v->dbg.dr6;
	reg[SMM_DR7] = v->dbg.dr7;
	reg[SMM_SMBASE] = smbase(v);
	reg[SMM_REVISION] = map_of(v)->revision;
	reg[SMM_HALT] = v->smm.from_halt;
	reg[SMM_SHADOW] = x86_op(get_int_shadow)(v);
}

static void spread_segments(const u64 *reg, struct kvm_sregs2 *s)
{
	struct kvm_segment *const seg[X86_NR_SEG] = {
		[X86_ES] = &s->es, [X86_CS] = &s->cs, [X86_SS] = &s->ss, [X86_DS] = &s->ds,
		[X86_FS] = &s->fs, [X86_GS] = &s->gs, [X86_LDTR] = &s->ldt, [X86_TR] = &s->tr,
	};
	unsigned int i;

	for (i = 0; i < X86_NR_SEG; i++) {
		spread_segment(seg[i], reg + SMM_SEG + i * SMM_SEG_PARTS);
		if (i > X86_GS || !(reg[SMM_RFLAGS] & X86_EFLAGS_VM))
			continue;
		/* Virtual-8086 mode leaves no choice (SDM 3B 20.1.1). */
		*seg[i] = (struct kvm_segment) {
			.base = (u64)seg[i]->selector << 4, .limit = 0xffff,
			.selector = seg[i]->selector, .type = 3, .s = 1, .dpl = 3, .present = 1,
		};
	}
	if (!(s->cr0 & X86_CR0_PE))
		s->ss.dpl = 0;		/* the CPL of real mode */
}

/* Registers that @s has and @reg has not (CR2, CR8, APIC base) stay. */
static void spread(u64 *reg, struct kvm_sregs2 *s)
{
	s->cr0 = (reg[SMM_CR0] & X86_CR0_DEFINED) | X86_CR0_ET;
	s->cr3 = reg[SMM_CR3];
	s->cr4 = reg[SMM_CR4];
	s->efer = reg[SMM_EFER] & ~EFER_LMA;
	if ((s->efer & EFER_LME) && (s->cr0 & X86_CR0_PG))
		s->efer |= EFER_LMA;
	s->gdt.base = reg[SMM_GDT_BASE];
	s->gdt.limit = reg[SMM_GDT_LIMIT];
	s->idt.base = reg[SMM_IDT_BASE];
	s->idt.limit = reg[SMM_IDT_LIMIT];
	reg[SMM_RFLAGS] = (reg[SMM_RFLAGS] & RFLAGS_DEFINED) | X86_EFLAGS_FIXED;
	spread_segments(reg, s);
	if (!s->cs.l)
		reg[SMM_RIP] = (u32)reg[SMM_RIP];
}

/* --- the way in ------------------------------------------------------------ */

void smm_post(struct x86_vcpu *v)
{
	kvm_request(&v->vcpu, X86_REQ_SMI);
	kvm_vcpu_kick(&v->vcpu);
}

void smm_collect(struct x86_vcpu *v)
{
	if (!kvm_take_request(&v->vcpu, X86_REQ_SMI))
		return;
	v->smm.pending = true;
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}

bool smm_waits(struct x86_vcpu *v)
{
	return (READ_ONCE(v->smm.pending) || test_bit(X86_REQ_SMI, &v->vcpu.requests)) &&
	       !READ_ONCE(v->smm.active);
}

/* SDM 3C table 32-4; the IDT's limit of 0 is in no manual. */
static void enter_handler(struct x86_vcpu *v)
{
	static const struct kvm_segment data = {
		.limit = 0xffffffff, .type = 3, .s = 1, .present = 1, .g = 1,
	};
	static const struct kvm_dtable no_idt;
	unsigned long cr0 = x86_cr0(v);
	struct kvm_segment cs = data;
	enum x86_seg seg;

	cs.selector = smbase(v) >> 4;
	cs.base = smbase(v);
	/* The 32-bit map has no EFER: a processor without long mode keeps it. */
	x86_op(set_efer)(v, map_of(v) == &smm_map_64 ? 0 :
			 v->regs.efer & ~(EFER_LME | EFER_LMA));
	x86_op(set_cr4)(v, 0);
	x86_op(set_cr0)(v, cr0 & ~(X86_CR0_PE | X86_CR0_EM | X86_CR0_TS | X86_CR0_PG));
	for (seg = X86_ES; seg <= X86_GS; seg++)
		x86_op(set_segment)(v, seg, seg == X86_CS ? &cs : &data);
	x86_op(set_dt)(v, true, &no_idt);
	x86_set_dr(v, 7, X86_DR7_INIT);
	x86_debug_set_rflags(v, X86_EFLAGS_FIXED);
	x86_set_rip(v, SMM_ENTRY);
	x86_op(set_int_shadow)(v, 0);
	cpuid_update_runtime(v);
}

static void smm_enter(struct x86_vcpu *v)
{
	struct kvm *kvm = v->vcpu.kvm;
	u64 reg[SMM_NR_REGS];
	u8 area[SMM_AREA_SIZE];
	int idx;

	if (x86_op(end_halt)(v))
		v->smm.from_halt = true;
	gather(v, reg);
	smm_map_save(map_of(v), reg, area);
	v->smm.pending = false;
	v->msr.smi_count++;
	v->smm.inside_nmi = x86_op(get_nmi_mask)(v);
	x86_op(set_nmi_mask)(v, true);
	set_active(v, true);
	/* Where no memory is, what is written is lost, as on hardware: RSM will find out. */
	idx = srcu_read_lock(&kvm->srcu);
	kvm_write_guest(kvm, SMM_SPACE, (u64)smbase(v) + SMM_AREA_OFFSET, area, sizeof(area));
	srcu_read_unlock(&kvm->srcu, idx);
	enter_handler(v);
}

void smm_deliver(struct x86_vcpu *v, bool slot_used)
{
	if (!v->smm.active && !slot_used)
		smm_enter(v);
	v->smm.from_halt = false;
}

/* --- the way back ----------------------------------------------------------- */

/*
 * What instructions can't load and VMRUN or VMLAUNCH would refuse (APM 2 15.5.1, SDM 3C
 * 27.3.1); the segments' attributes are the backend's to judge.
 */
static bool legal(struct x86_vcpu *v, const u64 *reg, const struct kvm_sregs2 *s)
{
	const u64 bases[] = {
		s->fs.base, s->gs.base, s->tr.base, s->ldt.base, s->gdt.base, s->idt.base,
		s->cs.l ? reg[SMM_RIP] : 0,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bases); i++)
		if (!x86_canonical_in(s->cr4, bases[i]))
			return false;
	if ((reg[SMM_DR6] | reg[SMM_DR7]) >> 32 || s->cr3 & v->cpuid.reserved_gpa_bits)
		return false;
	if (!(s->efer & EFER_LMA) && s->cr4 & X86_CR4_PCIDE)
		return false;
	if (s->cs.l && s->cs.db)
		return false;
	if ((reg[SMM_RFLAGS] & X86_EFLAGS_VM) &&
	    (!(s->cr0 & X86_CR0_PE) || (s->efer & EFER_LMA)))
		return false;
	return x86_sregs_legal(v, s) && x86_efer_legal(v, s->efer);
}

/* The system registers, outside of SMM. False: put things as they were. */
static bool load(struct x86_vcpu *v, u64 rflags, const struct kvm_sregs2 *s)
{
	set_active(v, false);
	x86_debug_set_rflags(v, rflags);
	x86_load_sregs(v, s);
	/* Last, as nobody takes PDPTRs back. */
	return x86_op(segments_valid)(v) &&
	       (!x86_pae_paging(v) || mmu_load_pdptrs(v, s->cr3));
}

static bool try_load(struct x86_vcpu *v, u64 *reg)
{
	struct kvm_sregs2 old = {}, new;
	u64 rflags = x86_guest_rflags(v);

	x86_fill_sregs(v, &old);
	new = old;
	spread(reg, &new);
	if (!legal(v, reg, &new))
		return false;
	if (load(v, reg[SMM_RFLAGS], &new))
		return true;
	x86_load_sregs(v, &old);
	x86_debug_set_rflags(v, rflags);
	set_active(v, true);
	return false;
}

/* Entry refuses a shadow that STI or MOV SS could not have made (SDM 3C 27.3.1.5). */
static void restore_shadow(struct x86_vcpu *v, u32 shadow, u64 rflags)
{
	shadow &= KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS;
	if (!(rflags & X86_EFLAGS_IF))
		shadow &= ~KVM_X86_SHADOW_INT_STI;
	if (x86_rflags(v) & X86_EFLAGS_TF)
		shadow = 0;
	x86_op(set_int_shadow)(v, shadow);
}

static bool read_area(struct x86_vcpu *v, u64 *reg)
{
	u8 area[SMM_AREA_SIZE];

	if (kvm_read_guest(v->vcpu.kvm, SMM_SPACE, (u64)smbase(v) + SMM_AREA_OFFSET, area,
			   sizeof(area)))
		return false;
	smm_map_load(map_of(v), reg, area);
	return true;
}

bool smm_leave(struct x86_vcpu *v)
{
	u64 reg[SMM_NR_REGS];
	unsigned int i;

	gather(v, reg);
	if (!read_area(v, reg) || !try_load(v, reg)) {
		kvm_request(&v->vcpu, X86_REQ_TRIPLE_FAULT);
		return false;
	}
	for (i = 0; i < X86_NR_GPR; i++)
		x86_set_gpr(v, i, reg[SMM_GPR + i]);
	x86_set_rip(v, reg[SMM_RIP]);
	x86_set_dr(v, 6, reg[SMM_DR6]);
	x86_set_dr(v, 7, reg[SMM_DR7]);
	v->smm.smbase = reg[SMM_SMBASE];
	x86_op(set_nmi_mask)(v, v->smm.inside_nmi);
	v->smm.inside_nmi = false;
	restore_shadow(v, reg[SMM_SHADOW], reg[SMM_RFLAGS]);
	/* An INIT waited; SIPIs do not. */
	if (v->apic)
		lapic_drop_sipi(v);
	return reg[SMM_HALT] & 1;
}

void smm_reset(struct x86_vcpu *v, bool init)
{
	if (v->smm.active)
		set_active(v, false);
	v->smm.pending = false;
	v->smm.inside_nmi = false;
	v->smm.from_halt = false;
	if (!init)
		v->smm.smbase = SMBASE_AT_RESET;
}

/* --- user space ------------------------------------------------------------- */

long smm_ioctl_smi(void *obj, void *arg)
{
	smm_post(to_x86(obj));
	return 0;
}

void smm_get_events(struct x86_vcpu *v, struct kvm_vcpu_events *e)
{
	smm_collect(v);
	e->smi.smm = v->smm.active;
	e->smi.pending = v->smm.pending;
	e->smi.smm_inside_nmi = v->smm.inside_nmi;
	e->smi.latched_init = v->apic && lapic_init_pending(v);
	e->flags |= KVM_VCPUEVENT_VALID_SMM;
}

/* Who waits for a SIPI can't be in SMM, nor get there. */
int smm_check_events(struct x86_vcpu *v, const struct kvm_vcpu_events *e)
{
	if ((e->flags & KVM_VCPUEVENT_VALID_SMM) && (e->smi.smm || e->smi.pending) &&
	    v->mp_state == KVM_MP_STATE_INIT_RECEIVED)
		return -EINVAL;
	return 0;
}

void smm_set_events(struct x86_vcpu *v, const struct kvm_vcpu_events *e)
{
	if (!(e->flags & KVM_VCPUEVENT_VALID_SMM))
		return;
	smm_collect(v);
	if (v->smm.active != !!e->smi.smm)
		set_active(v, e->smi.smm);
	v->smm.pending = e->smi.pending;
	v->smm.inside_nmi = e->smi.smm && e->smi.smm_inside_nmi;
	v->smm.from_halt = false;
	if (v->apic)
		lapic_set_init_pending(v, e->smi.latched_init);
}
