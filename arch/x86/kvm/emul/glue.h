/* SPDX-License-Identifier: GPL-2.0-only */
/* The halves of the emulator's kernel side: memory (glue.c), state (state.c). */
#ifndef KVM_X86_EMUL_GLUE_H
#define KVM_X86_EMUL_GLUE_H

#include "emul.h"

struct x86_vcpu;

enum emul_mode emul_mode_of(struct x86_vcpu *v);

/* The instruction that was decoded last, as the tracepoint kvm_emulate_insn shows it */
struct x86_trace_insn {
	u64 rip;
	u32 csbase;
	u8 len;
	u8 bytes[15];
	u8 mode;
};
void x86_trace_insn(struct x86_vcpu *v, struct x86_trace_insn *i, bool failed);

/* INS, OUTS, MOVS, CMPS: the faulting address may be either operand's. */
static inline bool emul_has_two_memory_operands(u8 opcode)
{
	return (opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xa4 && opcode <= 0xa7) ||
	       (opcode >= 0xaa && opcode <= 0xaf);
}

enum emul_result state_get_seg(struct emul_ctx *c, enum emul_seg_id id, struct emul_seg *s);
enum emul_result state_set_seg(struct emul_ctx *c, enum emul_seg_id id, const struct emul_seg *s);
enum emul_result state_get_dt(struct emul_ctx *c, enum emul_dt_id id, struct emul_dt *dt);
enum emul_result state_set_dt(struct emul_ctx *c, enum emul_dt_id id, const struct emul_dt *dt);
enum emul_result state_get_cr(struct emul_ctx *c, unsigned int n, u64 *val);
enum emul_result state_set_cr(struct emul_ctx *c, unsigned int n, u64 val);
enum emul_result state_get_dr(struct emul_ctx *c, unsigned int n, u64 *val);
enum emul_result state_set_dr(struct emul_ctx *c, unsigned int n, u64 val);
enum emul_result state_get_msr(struct emul_ctx *c, u32 msr, u64 *val);
enum emul_result state_set_msr(struct emul_ctx *c, u32 msr, u64 val);
enum emul_result state_rdpmc(struct emul_ctx *c, u32 idx, u64 *val);
enum emul_result state_hypercall(struct emul_ctx *c);
enum emul_result state_smm_leave(struct emul_ctx *c);
enum emul_result state_rdmsr(struct emul_ctx *c, u32 msr, u64 *val);
enum emul_result state_wrmsr(struct emul_ctx *c, u32 msr, u64 val);
enum emul_result state_cpuid(struct emul_ctx *c, u32 regs[4]);
enum emul_result state_xgetbv(struct emul_ctx *c, u32 idx, u64 *val);
enum emul_result state_xsetbv(struct emul_ctx *c, u32 idx, u64 val);
enum emul_result state_hlt(struct emul_ctx *c);
enum emul_result state_wbinvd(struct emul_ctx *c);
enum emul_result state_invlpg(struct emul_ctx *c, u64 la);
enum emul_result state_get_xmm(struct emul_ctx *c, unsigned int reg, void *buf, unsigned int len);
enum emul_result state_put_xmm(struct emul_ctx *c, unsigned int reg, const void *buf,
			       unsigned int len);
enum emul_result state_x87(struct emul_ctx *c, enum emul_x87 what, u16 *v);
/* Until fpregs_unlock(): the guest's registers are in the CPU */
void state_fpu_hold(void);
enum emul_result state_x87_mem(struct emul_ctx *c, void *buf, unsigned int len, bool keep);
enum emul_result state_fxstate(struct emul_ctx *c, void *buf, bool restore);
enum emul_result state_get_mmx(struct emul_ctx *c, unsigned int reg, u64 *v);
enum emul_result state_put_mmx(struct emul_ctx *c, unsigned int reg, const u64 *v);
bool state_cpu_has(struct emul_ctx *c, enum emul_feature f);

#define EMUL_STATE_OPS				\
	.get_seg = state_get_seg,		\
	.set_seg = state_set_seg,		\
	.get_dt = state_get_dt,			\
	.set_dt = state_set_dt,			\
	.get_cr = state_get_cr,			\
	.set_cr = state_set_cr,			\
	.get_dr = state_get_dr,			\
	.set_dr = state_set_dr,			\
	.get_msr = state_get_msr,		\
	.set_msr = state_set_msr,		\
	.rdpmc = state_rdpmc,			\
	.hypercall = state_hypercall,		\
	.smm_leave = state_smm_leave,		\
	.rdmsr = state_rdmsr,			\
	.wrmsr = state_wrmsr,			\
	.cpuid = state_cpuid,			\
	.xgetbv = state_xgetbv,			\
	.xsetbv = state_xsetbv,			\
	.hlt = state_hlt,			\
	.wbinvd = state_wbinvd,			\
	.invlpg = state_invlpg,			\
	.get_xmm = state_get_xmm,		\
	.put_xmm = state_put_xmm,		\
	.x87 = state_x87,			\
	.x87_mem = state_x87_mem,		\
	.fxstate = state_fxstate,		\
	.get_mmx = state_get_mmx,		\
	.put_mmx = state_put_mmx,		\
	.cpu_has = state_cpu_has,

#endif
