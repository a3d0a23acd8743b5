// SPDX-License-Identifier: GPL-2.0-only
/* The register ioctls, and lazily cached registers. */
#include <linux/string.h>

#include "core.h"
#include "ioctls.h"

void x86_cache_regs(struct x86_vcpu *v, u32 which)
{
	which &= ~v->regs.avail;
	if (!which)
		return;
	x86_op(cache_regs)(v, which);
	v->regs.avail |= which;
}
KVM_EXPORT(x86_cache_regs);

bool x86_is_64bit(struct x86_vcpu *v)
{
	struct kvm_segment cs;

	if (!x86_long_mode(v))
		return false;
	x86_op(get_segment)(v, X86_CS, &cs);
	return cs.l;
}

unsigned long x86_code_address(struct x86_vcpu *v)
{
	if (x86_is_64bit(v))
		return x86_rip(v);
	return (u32)(x86_rip(v) + x86_op(seg_base)(v, X86_CS));
}

long x86_get_regs(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	struct kvm_regs *r = arg;
	unsigned long *g = v->regs.gpr;

	x86_need(v, BIT(X86_LAZY_RSP));
	*r = (struct kvm_regs) {
		.rax = g[X86_RAX], .rbx = g[X86_RBX], .rcx = g[X86_RCX], .rdx = g[X86_RDX],
		.rsi = g[X86_RSI], .rdi = g[X86_RDI], .rsp = g[X86_RSP], .rbp = g[X86_RBP],
		.r8 = g[X86_R8], .r9 = g[X86_R9], .r10 = g[X86_R10], .r11 = g[X86_R11],
		.r12 = g[X86_R12], .r13 = g[X86_R13], .r14 = g[X86_R14], .r15 = g[X86_R15],
		.rip = x86_rip(v), .rflags = x86_guest_rflags(v),
	};
	return 0;
}

long x86_set_regs(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_regs *r = arg;
	unsigned long *g = v->regs.gpr;

	g[X86_RAX] = r->rax;
	g[X86_RBX] = r->rbx;
	g[X86_RCX] = r->rcx;
	g[X86_RDX] = r->rdx;
	g[X86_RSI] = r->rsi;
	g[X86_RDI] = r->rdi;
	g[X86_RBP] = r->rbp;
	g[X86_R8] = r->r8;
	g[X86_R9] = r->r9;
	g[X86_R10] = r->r10;
	g[X86_R11] = r->r11;
	g[X86_R12] = r->r12;
	g[X86_R13] = r->r13;
	g[X86_R14] = r->r14;
	g[X86_R15] = r->r15;
	x86_set_gpr(v, X86_RSP, r->rsp);
	x86_set_rip(v, r->rip);
	x86_debug_set_rflags(v, r->rflags);
	/* New registers are a new start: an exception of the old ones is void. */
	v->ev.exc.pending = false;
	v->ev.exc.has_payload = false;
	kvm_request(&v->vcpu, X86_REQ_EVENT);
	return 0;
}

/* Segments in the order of struct kvm_sregs, from cs on */
static const enum x86_seg sregs_order[] = {
	X86_CS, X86_DS, X86_ES, X86_FS, X86_GS, X86_SS, X86_TR, X86_LDTR
};

void x86_fill_sregs(struct x86_vcpu *v, struct kvm_sregs2 *s)
{
	struct kvm_segment *seg = &s->cs;
	unsigned int i;

	BUILD_BUG_ON(offsetof(struct kvm_sregs2, ldt) !=
		     offsetof(struct kvm_sregs2, cs) + 7 * sizeof(*seg));
	for (i = 0; i < ARRAY_SIZE(sregs_order); i++)
		x86_op(get_segment)(v, sregs_order[i], seg + i);
	x86_op(get_dt)(v, true, &s->idt);
	x86_op(get_dt)(v, false, &s->gdt);
	s->cr0 = x86_cr0(v);
	s->cr2 = v->regs.cr2;
	s->cr3 = x86_cr3(v);
	s->cr4 = x86_cr4(v);
	s->cr8 = x86_get_cr8(v);
	s->efer = v->regs.efer;
	s->apic_base = lapic_get_base(v);
}

/* KVM_GET_SREGS: the legacy layout shares its head with kvm_sregs2. */
long x86_get_sregs(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	struct kvm_sregs2 s2 = {};
	struct kvm_sregs *s = arg;
	int irq;

	BUILD_BUG_ON(offsetof(struct kvm_sregs2, flags) !=
		     offsetof(struct kvm_sregs, interrupt_bitmap));
	x86_fill_sregs(v, &s2);
	memset(s, 0, sizeof(*s));
	memcpy(s, &s2, offsetof(struct kvm_sregs, interrupt_bitmap));
	irq = x86_saved_irq(v);
	if (irq >= 0)
		__set_bit(irq, (unsigned long *)s->interrupt_bitmap);
	return 0;
}

long x86_get_sregs2(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	struct kvm_sregs2 *s = arg;

	memset(s, 0, sizeof(*s));
	x86_fill_sregs(v, s);
	if (x86_pae_paging(v)) {
		x86_need(v, BIT(X86_LAZY_PDPTRS));
		memcpy(s->pdptrs, v->regs.pdptr, sizeof(s->pdptrs));
		s->flags |= KVM_SREGS2_FLAGS_PDPTRS_VALID;
	}
	return 0;
}

/* Would hardware accept this combination (SDM 3A 2.5, APM 2 15.5.1)? */
bool x86_sregs_legal(struct x86_vcpu *v, const struct kvm_sregs2 *s)
{
	bool pg = s->cr0 & X86_CR0_PG;
	bool lme = s->efer & EFER_LME;

	if ((s->cr0 >> 32) || (pg && !(s->cr0 & X86_CR0_PE)))
		return false;
	if ((s->cr0 & X86_CR0_NW) && !(s->cr0 & X86_CR0_CD))
		return false;
	if (lme && pg) {
		/* Long mode: PAE and LMA are not a choice. */
		if (!(s->cr4 & X86_CR4_PAE) || !(s->efer & EFER_LMA))
			return false;
		if (s->cr3 & v->cpuid.reserved_gpa_bits)
			return false;
	} else {
		/* A 64-bit CS or LMA without long mode is not a state. */
		if ((s->efer & EFER_LMA) || s->cs.l)
			return false;
	}
	return x86_cr4_legal(v, s->cr4);
}

bool x86_load_sregs(struct x86_vcpu *v, const struct kvm_sregs2 *s)
{
	bool flush = v->regs.efer != s->efer || x86_cr0(v) != s->cr0 || x86_cr3(v) != s->cr3 ||
		     x86_cr4(v) != s->cr4;
	unsigned int i;

	x86_op(set_dt)(v, true, &s->idt);
	x86_op(set_dt)(v, false, &s->gdt);
	v->regs.cr3 = s->cr3;
	v->regs.avail |= BIT(X86_LAZY_CR3);
	v->regs.dirty |= BIT(X86_LAZY_CR3);
	x86_op(set_efer)(v, s->efer);
	x86_op(set_cr0)(v, s->cr0);
	x86_op(set_cr4)(v, s->cr4);
	cpuid_update_runtime(v);
	for (i = 0; i < ARRAY_SIZE(sregs_order); i++)
		x86_op(set_segment)(v, sregs_order[i], &s->cs + i);
	return flush;
}

static int x86_apply_sregs(struct x86_vcpu *v, const struct kvm_sregs2 *s, bool *flush)
{
	if (!x86_sregs_legal(v, s) || !x86_efer_legal(v, s->efer))
		return -EINVAL;
	if (lapic_set_base(v, s->apic_base, true))
		return -EINVAL;
	v->regs.cr2 = s->cr2;
	x86_set_cr8(v, s->cr8);
	*flush = x86_load_sregs(v, s);
	/* A BSP whose VMM jumps it to the reset vector by hand is runnable. */
	if (v->vcpu.id == to_x86_vm(v->vcpu.kvm)->bsp_vcpu_id && x86_rip(v) == 0xfff0 &&
	    s->cs.selector == 0xf000 && s->cs.base == 0xffff0000 && !(s->cr0 & X86_CR0_PE))
		v->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

static void x86_sregs_done(struct x86_vcpu *v, bool flush)
{
	if (flush) {
		mmu_role_changed(v);
		kvm_request(&v->vcpu, KVM_REQ_TLB_FLUSH);
	}
	mmu_user_changed(v);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}

long x86_set_sregs(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_sregs *s = arg;
	struct kvm_sregs2 s2 = {};
	unsigned long vec;
	bool flush;
	int ret;

	memcpy(&s2, s, offsetof(struct kvm_sregs, interrupt_bitmap));
	ret = x86_apply_sregs(v, &s2, &flush);
	if (ret)
		return ret;
	if (x86_pae_paging(v)) {
		mmu_load_pdptrs(v, s->cr3);
		flush = true;
	}
	vec = find_first_bit((const unsigned long *)s->interrupt_bitmap, KVM_NR_INTERRUPTS);
	if (vec < KVM_NR_INTERRUPTS)
		x86_restore_irq(v, vec);
	x86_sregs_done(v, flush);
	return 0;
}

long x86_set_sregs2(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_sregs2 *s = arg;
	bool valid = s->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;
	bool flush;
	unsigned int i;
	int ret;

	if (s->flags & ~KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if (valid && ((s->efer & EFER_LMA) || !(s->cr0 & X86_CR0_PG) || !(s->cr4 & X86_CR4_PAE)))
		return -EINVAL;
	ret = x86_apply_sregs(v, s, &flush);
	if (ret)
		return ret;
	if (valid) {
		for (i = 0; i < 4; i++)
			v->regs.pdptr[i] = s->pdptrs[i];
		v->regs.avail |= BIT(X86_LAZY_PDPTRS);
		v->regs.dirty |= BIT(X86_LAZY_PDPTRS);
		flush = true;
	} else if (x86_pae_paging(v)) {
		mmu_load_pdptrs(v, s->cr3);
		flush = true;
	}
	x86_sregs_done(v, flush);
	return 0;
}

/* KVM_TRANSLATE: the guest's walk as a supervisor read. */
long x86_translate(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	struct kvm_translation *t = arg;
	struct mmu_gfault fault;
	gpa_t gpa;

	t->valid = (!x86_long_mode(v) || x86_canonical(v, t->linear_address)) &&
		   !mmu_gva_to_gpa(v, t->linear_address, 0, &gpa, &fault, false);
	t->physical_address = t->valid ? gpa : GPA_INVALID;
	t->writeable = 1;
	t->usermode = 0;
	return 0;
}
