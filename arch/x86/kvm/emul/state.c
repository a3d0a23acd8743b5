// SPDX-License-Identifier: GPL-2.0-only
/* The emulator's callbacks on CPU state. */
#include <linux/kvm_para.h>
#include <asm/fpu/api.h>

#include "../core.h"
#include "../io.h"
#include "../ioctls.h"
#include "glue.h"

static struct x86_vcpu *emul_vcpu(struct emul_ctx *c)
{
	return c->owner;
}

enum emul_mode emul_mode_of(struct x86_vcpu *v)
{
	struct kvm_segment cs;

	if (!(x86_cr0(v) & X86_CR0_PE))
		return EMUL_REAL;
	if (x86_rflags(v) & X86_EFLAGS_VM)
		return EMUL_VM86;
	x86_op(get_segment)(v, X86_CS, &cs);
	if (x86_long_mode(v) && cs.l)
		return EMUL_LONG64;
	return cs.db ? EMUL_PROT32 : EMUL_PROT16;
}

enum emul_result state_get_seg(struct emul_ctx *c, enum emul_seg_id id, struct emul_seg *s)
{
	struct kvm_segment seg;

	BUILD_BUG_ON((int)EMUL_TR != (int)X86_TR || (int)EMUL_FS != (int)X86_FS);
	x86_op(get_segment)(emul_vcpu(c), (enum x86_seg)id, &seg);
	s->base = seg.base;
	s->limit = seg.limit;
	s->sel = seg.selector;
	s->attr = seg.type | (seg.s << 4) | (seg.dpl << 5) | (seg.present << 7) | (seg.avl << 8) |
		  (seg.l << 9) | (seg.db << 10) | (seg.g << 11);
	if (seg.unusable)
		s->attr |= EMUL_SEG_UNUSABLE;
	return EMUL_OK;
}

enum emul_result state_set_seg(struct emul_ctx *c, enum emul_seg_id id, const struct emul_seg *s)
{
	struct kvm_segment seg = {
		.base = s->base,
		.limit = s->limit,
		.selector = s->sel,
		.type = s->attr & 15,
		.s = (s->attr >> 4) & 1,
		.dpl = (s->attr >> 5) & 3,
		.present = (s->attr >> 7) & 1,
		.avl = (s->attr >> 8) & 1,
		.l = (s->attr >> 9) & 1,
		.db = (s->attr >> 10) & 1,
		.g = (s->attr >> 11) & 1,
		.unusable = !!(s->attr & EMUL_SEG_UNUSABLE),
	};

	x86_op(set_segment)(emul_vcpu(c), (enum x86_seg)id, &seg);
	return EMUL_OK;
}

enum emul_result state_get_dt(struct emul_ctx *c, enum emul_dt_id id, struct emul_dt *dt)
{
	struct kvm_dtable d;

	x86_op(get_dt)(emul_vcpu(c), id == EMUL_IDTR, &d);
	dt->base = d.base;
	dt->limit = d.limit;
	return EMUL_OK;
}

enum emul_result state_set_dt(struct emul_ctx *c, enum emul_dt_id id, const struct emul_dt *dt)
{
	struct kvm_dtable d = { .base = dt->base, .limit = dt->limit };

	x86_op(set_dt)(emul_vcpu(c), id == EMUL_IDTR, &d);
	return EMUL_OK;
}

enum emul_result state_get_cr(struct emul_ctx *c, unsigned int n, u64 *val)
{
	struct x86_vcpu *v = emul_vcpu(c);

	switch (n) {
	case 0:
		*val = x86_cr0(v);
		return EMUL_OK;
	case 2:
		*val = v->regs.cr2;
		return EMUL_OK;
	case 3:
		*val = x86_cr3(v);
		return EMUL_OK;
	case 4:
		*val = x86_cr4(v);
		return EMUL_OK;
	case 8:
		*val = x86_get_cr8(v);
		return EMUL_OK;
	default:
		return EMUL_UNHANDLED;
	}
}

enum emul_result state_set_cr(struct emul_ctx *c, unsigned int n, u64 val)
{
	struct x86_vcpu *v = emul_vcpu(c);
	int gp = 0;

	switch (n) {
	case 0:
		gp = x86_set_cr0(v, val);
		break;
	case 2:
		v->regs.cr2 = val;
		break;
	case 3:
		gp = x86_set_cr3(v, val);
		break;
	case 4:
		gp = x86_set_cr4(v, val);
		break;
	case 8:
		gp = x86_set_cr8(v, val);
		break;
	default:
		return EMUL_UNHANDLED;
	}
	return gp ? emul_raise_err(c, EMUL_GP, 0) : EMUL_OK;
}

enum emul_result state_get_dr(struct emul_ctx *c, unsigned int n, u64 *val)
{
	unsigned long dr;

	x86_get_dr(emul_vcpu(c), n & 7, &dr);
	*val = dr;
	return EMUL_OK;
}

enum emul_result state_set_dr(struct emul_ctx *c, unsigned int n, u64 val)
{
	return x86_set_dr(emul_vcpu(c), n & 7, val) ? emul_raise_err(c, EMUL_GP, 0) : EMUL_OK;
}

enum emul_result state_get_msr(struct emul_ctx *c, u32 msr, u64 *val)
{
	return msr_get(emul_vcpu(c), msr, val, false) ? EMUL_UNHANDLED : EMUL_OK;
}

enum emul_result state_set_msr(struct emul_ctx *c, u32 msr, u64 val)
{
	return msr_set(emul_vcpu(c), msr, val, false) ? EMUL_UNHANDLED : EMUL_OK;
}

enum emul_result state_rdpmc(struct emul_ctx *c, u32 idx, u64 *val)
{
	return pmu_rdpmc(emul_vcpu(c), idx, val) ? emul_raise_err(c, EMUL_GP, 0) : EMUL_OK;
}

/* Arguments in the vCPU's registers: the emulator has not changed any yet. */
enum emul_result state_hypercall(struct emul_ctx *c)
{
	struct x86_vcpu *v = emul_vcpu(c);

	v->vcpu.stat.hypercalls++;
	if (unlikely(hyperv_takes_calls(v))) {
		if (!hyperv_answer(v))
			return emul_raise(c, EMUL_UD);
		emul_set_gpr(c, X86_RAX, x86_gpr(v, X86_RAX));
		emul_set_gpr(c, X86_RDX, x86_gpr(v, X86_RDX));
		return EMUL_OK;
	}
	if (c->cpl) {
		emul_set_gpr(c, X86_RAX, -KVM_EPERM);
		return EMUL_OK;
	}
	pv_hypercall(v, false);
	emul_set_gpr(c, X86_RAX, x86_gpr(v, X86_RAX));
	return EMUL_OK;
}

/* RSM: all registers are new, or the guest has shut down. */
enum emul_result state_smm_leave(struct emul_ctx *c)
{
	struct x86_vcpu *v = emul_vcpu(c);

	if (!v->smm.active)
		return emul_raise(c, EMUL_UD);
	v->io->halt = smm_leave(v);
	x86_need(v, BIT(X86_LAZY_RSP));
	memcpy(c->gpr, v->regs.gpr, sizeof(c->gpr));
	c->rip = x86_rip(v);
	c->rflags = x86_guest_rflags(v);
	return EMUL_OK;
}

enum emul_result state_rdmsr(struct emul_ctx *c, u32 msr, u64 *val)
{
	struct x86_vcpu *v = emul_vcpu(c);

	if (!msr_filter_allows(v->vcpu.kvm, msr, false) || msr_get(v, msr, val, false))
		return emul_raise_err(c, EMUL_GP, 0);
	return EMUL_OK;
}

enum emul_result state_wrmsr(struct emul_ctx *c, u32 msr, u64 val)
{
	struct x86_vcpu *v = emul_vcpu(c);

	if (!msr_filter_allows(v->vcpu.kvm, msr, true) || msr_set(v, msr, val, false))
		return emul_raise_err(c, EMUL_GP, 0);
	return EMUL_OK;
}

enum emul_result state_cpuid(struct emul_ctx *c, u32 regs[4])
{
	cpuid_emulate(emul_vcpu(c), &regs[0], &regs[1], &regs[2], &regs[3]);
	return EMUL_OK;
}

enum emul_result state_xgetbv(struct emul_ctx *c, u32 idx, u64 *val)
{
	if (idx)
		return emul_raise_err(c, EMUL_GP, 0);
	*val = emul_vcpu(c)->regs.xcr0;
	return EMUL_OK;
}

enum emul_result state_xsetbv(struct emul_ctx *c, u32 idx, u64 val)
{
	return x86_set_xcr0(emul_vcpu(c), idx, val) ? emul_raise_err(c, EMUL_GP, 0) : EMUL_OK;
}

enum emul_result state_hlt(struct emul_ctx *c)
{
	emul_vcpu(c)->io->halt = true;
	return EMUL_OK;
}

/* Guest memory is cached and coherent here: nothing to write back. */
enum emul_result state_wbinvd(struct emul_ctx *c)
{
	x86_flush_caches(emul_vcpu(c));
	return EMUL_OK;
}

enum emul_result state_invlpg(struct emul_ctx *c, u64 la)
{
	x86_op(flush_tlb_gva)(emul_vcpu(c), la);
	return EMUL_OK;
}

/*
 * The guest's vector registers are in the CPU while its thread runs, unless
 * it was switched out since.
 */
void state_fpu_hold(void)
{
	fpregs_lock();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

#define XMM_EACH(do)	do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)			\
			do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15)

struct vec16 { u8 b[16]; };
struct vec32 { u8 b[32]; };

#define XMM_GET(n)									\
	case n:										\
		asm volatile("movdqu %%xmm" #n ", %0" : "=m"(*(struct vec16 *)buf));	\
		break;
#define XMM_PUT(n)									\
	case n:										\
		asm volatile("movdqu %0, %%xmm" #n : : "m"(*(const struct vec16 *)buf));\
		break;
#define YMM_GET(n)									\
	case n:										\
		asm volatile("vmovdqu %%ymm" #n ", %0" : "=m"(*(struct vec32 *)buf));	\
		break;
#define YMM_PUT(n)									\
	case n:										\
		asm volatile("vmovdqu %0, %%ymm" #n : : "m"(*(const struct vec32 *)buf));\
		break;

enum emul_result state_get_xmm(struct emul_ctx *c, unsigned int reg, void *buf, unsigned int len)
{
	if ((len != 16 && len != 32) || (len == 32 && !boot_cpu_has(X86_FEATURE_AVX)))
		return EMUL_UNHANDLED;
	state_fpu_hold();
	if (len == 32)
		switch (reg & 15) { XMM_EACH(YMM_GET) }
	else
		switch (reg & 15) { XMM_EACH(XMM_GET) }
	fpregs_unlock();
	return EMUL_OK;
}

enum emul_result state_put_xmm(struct emul_ctx *c, unsigned int reg, const void *buf,
			       unsigned int len)
{
	if ((len != 16 && len != 32) || (len == 32 && !boot_cpu_has(X86_FEATURE_AVX)))
		return EMUL_UNHANDLED;
	state_fpu_hold();
	if (len == 32)
		switch (reg & 15) { XMM_EACH(YMM_PUT) }
	else
		switch (reg & 15) { XMM_EACH(XMM_PUT) }
	fpregs_unlock();
	return EMUL_OK;
}

static const unsigned short emul_features[EMUL_NR_FEATURES] = {
	[EMUL_F_CX8] = X86_FEATURE_CX8,
	[EMUL_F_CX16] = X86_FEATURE_CX16,
	[EMUL_F_CMOV] = X86_FEATURE_CMOV,
	[EMUL_F_MOVBE] = X86_FEATURE_MOVBE,
	[EMUL_F_POPCNT] = X86_FEATURE_POPCNT,
	[EMUL_F_LZCNT] = X86_FEATURE_ABM,
	[EMUL_F_BMI1] = X86_FEATURE_BMI1,
	[EMUL_F_SEP] = X86_FEATURE_SEP,
	[EMUL_F_SYSCALL] = X86_FEATURE_SYSCALL,
	[EMUL_F_RDTSCP] = X86_FEATURE_RDTSCP,
	[EMUL_F_XSAVE] = X86_FEATURE_XSAVE,
	[EMUL_F_CLFLUSH] = X86_FEATURE_CLFLUSH,
	[EMUL_F_CLFLUSHOPT] = X86_FEATURE_CLFLUSHOPT,
	[EMUL_F_CLWB] = X86_FEATURE_CLWB,
	[EMUL_F_SMAP] = X86_FEATURE_SMAP,
	[EMUL_F_FSGSBASE] = X86_FEATURE_FSGSBASE,
	[EMUL_F_RDPID] = X86_FEATURE_RDPID,
	[EMUL_F_MMX] = X86_FEATURE_MMX,
	[EMUL_F_SSE] = X86_FEATURE_XMM,
	[EMUL_F_SSE2] = X86_FEATURE_XMM2,
	[EMUL_F_SSE3] = X86_FEATURE_XMM3,
	[EMUL_F_SSE41] = X86_FEATURE_XMM4_1,
	[EMUL_F_AVX] = X86_FEATURE_AVX,
	[EMUL_F_LAHF64] = X86_FEATURE_LAHF_LM,
	[EMUL_F_UMIP] = X86_FEATURE_UMIP,
	[EMUL_F_INVPCID] = X86_FEATURE_INVPCID,
	[EMUL_F_MONITOR] = X86_FEATURE_MWAIT,
	[EMUL_F_SSE42] = X86_FEATURE_XMM4_2,
	[EMUL_F_BMI2] = X86_FEATURE_BMI2,
	[EMUL_F_ADX] = X86_FEATURE_ADX,
	[EMUL_F_AVX2] = X86_FEATURE_AVX2,
	[EMUL_F_FXSR] = X86_FEATURE_FXSR,
};

bool state_cpu_has(struct emul_ctx *c, enum emul_feature f)
{
	struct x86_vcpu *v = emul_vcpu(c);

	if (f == EMUL_F_AMD)
		return v->cpuid.amd_compatible;
	return x86_has(v, emul_features[f]);
}
