// SPDX-License-Identifier: GPL-2.0-only
/*
 * The opcode maps behind the 0F escape.
 */
#include "bodies.h"
#include "rows.h"

#define SYS	(F_MODRM | F_PROT)

static const struct emul_op group6[8] = {
	ROWI(sldt, Ewv, 0, 0, SYS | F_MOV | F_UMIP, SLDT),
	ROWI(str, Ewv, 0, 0, SYS | F_MOV | F_UMIP, STR),
	ROWI(lldt, 0, Ew, 0, SYS | F_PRIV, LLDT),
	ROWI(ltr, 0, Ew, 0, SYS | F_PRIV, LTR),
	ROW(verr, 0, Ew, 0, SYS), ROW(verw, 0, Ew, 0, SYS), UNDEF, UNDEF,
};

#define SMSW	ROWI(smsw, Ewv, 0, 0, MV | F_UMIP, SMSW)
#define LMSW	ROWI(lmsw, 0, Ew, 0, F_MODRM | F_PRIV, LMSW)

static const struct emul_op group7_mem[8] = {
	ROWI(sgdt, Mx, 0, 0, MV | F_NOWR | F_UMIP | F_D64, SGDT),
	ROWI(sidt, Mx, 0, 0, MV | F_NOWR | F_UMIP | F_D64, SIDT),
	ROWI(lgdt, Mx, 0, 0, MV | F_NOWR | F_PRIV | F_D64, LGDT),
	ROWI(lidt, Mx, 0, 0, MV | F_NOWR | F_PRIV | F_D64, LIDT),
	SMSW, LATER(F_MODRM), LMSW,
	BAREI(invlpg, F_MODRM | F_PRIV, INVLPG),
};

#define LM	LATER(F_MODRM)

static const struct emul_op op_0f01_c0[8] = {
	LM, BAREI(hypercall, F_MODRM, HYPERCALL), LM, LM, LM, LM, LM, LM,
};

/* MONITOR and MWAIT do nothing: MWAIT may wake at any time */
static const struct emul_op op_0f01_c8[8] = {
	{ .exec = x_nop, .flags = F_MODRM | F_UDCPL,
	  .icpt = EMUL_ICPT_MONITOR, .feature = EMUL_F_MONITOR + 1 },
	{ .exec = x_nop, .flags = F_MODRM | F_UDCPL,
	  .icpt = EMUL_ICPT_MWAIT, .feature = EMUL_F_MONITOR + 1 },
	BAREF(clac, F_MODRM | F_UDCPL, SMAP),
	BAREF(stac, F_MODRM | F_UDCPL, SMAP), LM, LM, LM, LM,
};

static const struct emul_op op_0f01_d0[8] = {
	BAREF(xgetbv, F_MODRM, XSAVE), BAREF(xsetbv, F_MODRM, XSAVE),
	LM, LM, LM, LM, LM, LM,
};

static const struct emul_op op_0f01_d8[8] = {
	LM, BAREI(hypercall, F_MODRM, HYPERCALL), LM, LM, LM, LM, LM, LM,
};

static const struct emul_op op_0f01_f8[8] = {
	BARE(swapgs, F_MODRM | F_ONLY64 | F_PRIV),
	BAREF(rdtscp, F_MODRM, RDTSCP), LM, LM, LM, LM, LM, LM,
};

static const struct emul_op group7_reg[8] = {
	SUB(op_0f01_c0, F_RMSEL), SUB(op_0f01_c8, F_RMSEL),
	SUB(op_0f01_d0, F_RMSEL), SUB(op_0f01_d8, F_RMSEL),
	SMSW, LM, LMSW, SUB(op_0f01_f8, F_RMSEL),
};

static const struct emul_op group7[2] = {
	SUB(group7_mem, F_GROUP), SUB(group7_reg, F_GROUP),
};

/* BT and its kin with an immediate */
#define UNDEFI	{ .exec = x_unhandled, .flags = F_UD, .imm = I_UB }
static const struct emul_op group8[8] = {
	UNDEFI, UNDEFI, UNDEFI, UNDEFI,
	ROW(bt, Ev, Ib, I_UB, NW), ROW(bts, Ev, Ib, I_UB, LK),
	ROW(btr, Ev, Ib, I_UB, LK), ROW(btc, Ev, Ib, I_UB, LK),
};

static const struct emul_op group9_mem[8] = {
	UNDEF, ROW(cmpxchg8b, Mx, 0, 0, LK | F_MOV | F_NOWR), UNDEF,
	LM, LM, LM, LM, LM,
};
static const struct emul_op op_0fc7_7[4] = {
	LM, LM, ROWF(rdpid, OPND(K_RM, SZ_M), 0, 0, MV, RDPID), LM,
};
static const struct emul_op group9_reg[8] = {
	UNDEF, UNDEF, UNDEF, UNDEF, UNDEF, UNDEF, LM,
	SUB(op_0fc7_7, F_PFXSEL),
};
static const struct emul_op group9[2] = {
	SUB(group9_mem, F_GROUP), SUB(group9_reg, F_GROUP),
};

#define SS1	(F_MODRM | F_SSE)

static const struct emul_op op_0fae_6[4] = {
	LM, BAREF(clflush, F_MODRM, CLWB), LM, LM,
};
static const struct emul_op op_0fae_7[4] = {
	BAREF(clflush, F_MODRM, CLFLUSH), BAREF(clflush, F_MODRM, CLFLUSHOPT),
	LM, LM,
};
static const struct emul_op group15_mem[8] = {
	BAREF(fxsave, F_MODRM | F_X87, FXSR),
	BAREF(fxrstor, F_MODRM | F_X87, FXSR),
	ROWF(ldmxcsr, 0, Ed, 0, SS1, SSE),
	ROWF(stmxcsr, Ed, 0, 0, SS1 | F_MOV, SSE), LM, LM,
	SUB(op_0fae_6, F_PFXSEL), SUB(op_0fae_7, F_PFXSEL),
};
#define FENCE	BAREF(nop, F_MODRM, SSE2)
static const struct emul_op group15_fence[8] = {
	UNDEF, UNDEF, UNDEF, UNDEF, UNDEF, FENCE, FENCE,
	BAREF(nop, F_MODRM, SSE),
};
static const struct emul_op group15_f3[8] = {
	ROWF(fsgsbase, Ey, 0, 0, MV | F_ONLY64, FSGSBASE),
	ROWF(fsgsbase, Ey, 0, 0, MV | F_ONLY64, FSGSBASE),
	ROWF(fsgsbase, Ey, 0, 0, NW | F_ONLY64, FSGSBASE),
	ROWF(fsgsbase, Ey, 0, 0, NW | F_ONLY64, FSGSBASE), LM, LM, LM, LM,
};
static const struct emul_op group15_reg[4] = {
	SUB(group15_fence, F_GROUP), LM, SUB(group15_f3, F_GROUP), LM,
};
static const struct emul_op group15[2] = {
	SUB(group15_mem, F_GROUP), SUB(group15_reg, F_PFXSEL),
};

/* MOV CRn: CR1, CR5, CR6, CR7 are none */
#define CRF	(F_MODRM | F_CRDR | F_PRIV)
#define RD_CR	ROWI(mov_from_cr, Rm, 0, 0, CRF | F_MOV, CR_READ)
#define WR_CR	ROWI(mov_to_cr, 0, Rm, 0, CRF, CR_WRITE)
static const struct emul_op from_cr[8] = {
	RD_CR, UNDEF, RD_CR, RD_CR, RD_CR, UNDEF, UNDEF, UNDEF,
};
static const struct emul_op to_cr[8] = {
	WR_CR, UNDEF, WR_CR, WR_CR, WR_CR, UNDEF, UNDEF, UNDEF,
};

/* SSE and MMX moves, by mandatory prefix: none, 66, F3, F2 */
#define SSM	(SS1 | F_VEX | F_MEM)
#define SSV	(SS1 | F_VEX)
#define LS	LATER(F_MODRM | F_VEX)

static const struct emul_op sse_10[4] = {
	BAREF(xmm_load, SSV, SSE), BAREF(xmm_load, SSV, SSE2),
	BAREF(movs_load, SSV, SSE), BAREF(movs_load, SSV, SSE2),
};
static const struct emul_op sse_11[4] = {
	BAREF(xmm_store, SSV, SSE), BAREF(xmm_store, SSV, SSE2),
	BAREF(movs_store, SSV, SSE), BAREF(movs_store, SSV, SSE2),
};
static const struct emul_op sse_12_mem[4] = {
	BAREF(movl_load, SSM, SSE), BAREF(movl_load, SSM, SSE2), LM, LM,
};
static const struct emul_op sse_12[2] = { SUB(sse_12_mem, F_PFXSEL), LM };
static const struct emul_op sse_13[4] = {
	BAREF(movl_store, SSM, SSE), BAREF(movl_store, SSM, SSE2),
	UNDEF, UNDEF,
};
static const struct emul_op sse_16_mem[4] = {
	BAREF(movh_load, SSM, SSE), BAREF(movh_load, SSM, SSE2), LM, LM,
};
static const struct emul_op sse_16[2] = { SUB(sse_16_mem, F_PFXSEL), LM };
static const struct emul_op sse_17[4] = {
	BAREF(movh_store, SSM, SSE), BAREF(movh_store, SSM, SSE2),
	UNDEF, UNDEF,
};
static const struct emul_op sse_28[4] = {
	BAREF(xmm_loada, SSV, SSE), BAREF(xmm_loada, SSV, SSE2), UNDEF, UNDEF,
};
static const struct emul_op sse_29[4] = {
	BAREF(xmm_storea, SSV, SSE), BAREF(xmm_storea, SSV, SSE2),
	UNDEF, UNDEF,
};
static const struct emul_op sse_2b[4] = {
	BAREF(xmm_storea, SSV | F_MEM, SSE),
	BAREF(xmm_storea, SSV | F_MEM, SSE2), LM, LM,
};
static const struct emul_op sse_6e[4] = {
	ROWF(movd_mmx_load, 0, Ey, 0, F_MODRM | F_MMX, MMX),
	ROWF(movd_load, 0, Ey, 0, SSV, SSE2), UNDEF, UNDEF,
};
static const struct emul_op sse_7e[4] = {
	ROWF(movd_mmx_store, Ey, 0, 0, MV | F_MMX, MMX),
	ROWF(movd_store, Ey, 0, 0, SSV | F_MOV, SSE2),
	BAREF(movq_load, SSV, SSE2), UNDEF,
};
static const struct emul_op sse_6f[4] = {
	BAREF(movq_mmx_load, F_MODRM | F_MMX, MMX),
	BAREF(xmm_loada, SSV, SSE2), BAREF(xmm_load, SSV, SSE2), UNDEF,
};
static const struct emul_op sse_7f[4] = {
	BAREF(movq_mmx_store, F_MODRM | F_MMX, MMX),
	BAREF(xmm_storea, SSV, SSE2), BAREF(xmm_store, SSV, SSE2), UNDEF,
};
static const struct emul_op sse_d6[4] = {
	UNDEF, BAREF(movq_store, SSV, SSE2), LM, LM,
};
static const struct emul_op sse_e7[4] = {
	BAREF(movq_mmx_store, F_MODRM | F_MMX | F_MEM, SSE),
	BAREF(xmm_storea, SSV | F_MEM, SSE2), UNDEF, UNDEF,
};
static const struct emul_op sse_f7[4] = {
	BAREF(maskmov_mmx, F_MODRM | F_MMX | F_REG, SSE),
	BAREF(maskmov, SSV | F_REG, SSE2), UNDEF, UNDEF,
};
static const struct emul_op sse_f0[4] = {
	UNDEF, UNDEF, UNDEF, BAREF(xmm_load, SSV | F_MEM, SSE3),
};
static const struct emul_op op_0fc3[4] = {
	ROWF(mov, OPND(K_RM, SZ_Y), Gy, 0, MV | F_MEM, SSE2),
	UNDEF, UNDEF, UNDEF,
};

#define JMPE	UNDEF
static const struct emul_op op_0fb8[4] = {
	JMPE, JMPE, ROWF(popcnt, Gv, Ev, 0, MV, POPCNT), UNDEF,
};
static const struct emul_op op_0fbc[4] = {
	ROW(bsf, Gv, Ev, 0, NW | F_MOV), ROW(bsf, Gv, Ev, 0, NW | F_MOV),
	ROW(tzcnt, Gv, Ev, 0, NW | F_MOV), ROW(bsf, Gv, Ev, 0, NW | F_MOV),
};
static const struct emul_op op_0fbd[4] = {
	ROW(bsr, Gv, Ev, 0, NW | F_MOV), ROW(bsr, Gv, Ev, 0, NW | F_MOV),
	ROW(lzcnt, Gv, Ev, 0, NW | F_MOV), ROW(bsr, Gv, Ev, 0, NW | F_MOV),
};

#define BTREG(o)	[o] = ROW(bt_reg, Ev, Gv, 0, LK | F_MOV | F_NOWR)
#define FARP(o)	[o] = ROW(lfp, Gv, 0, 0, MV | F_MEM)

const struct emul_op emul_map2[256] = {
	[0x00] = GROUP(group6), [0x01] = SUB(group7, F_MODRM | F_MODSEL),
	[0x02] = ROW(lar, Gv, Ew, 0, SYS | F_MOV | F_NOWR),
	[0x03] = ROW(lsl, Gv, Ew, 0, SYS | F_MOV | F_NOWR),
	[0x04] = UNDEF,
	[0x05] = BAREF(syscall, 0, SYSCALL),
	[0x06] = BAREI(clts, F_PRIV, CLTS),
	[0x07] = BAREF(sysret, 0, SYSCALL),
	[0x08] = BAREI(wbinvd, F_PRIV, INVD),
	[0x09] = BAREI(wbinvd, F_PRIV, WBINVD),
	[0x0a] = UNDEF, [0x0b] = UNDEF, [0x0c] = UNDEF,
	[0x0d] = BARE(nop, F_MODRM), [0x0e] = LATER(0),
	[0x0f] = ROW(unhandled, 0, 0, I_UB, F_MODRM),
	[0x10] = SUB(sse_10, F_MODRM | F_PFXSEL),
	[0x11] = SUB(sse_11, F_MODRM | F_PFXSEL),
	[0x12] = SUB(sse_12, F_MODRM | F_MODSEL),
	[0x13] = SUB(sse_13, F_MODRM | F_PFXSEL),
	[0x14] = LS, [0x15] = LS,
	[0x16] = SUB(sse_16, F_MODRM | F_MODSEL),
	[0x17] = SUB(sse_17, F_MODRM | F_PFXSEL),
	/* prefetches, hint NOPs, ENDBR */
	[0x18 ... 0x1f] = BARE(nop, F_MODRM),
	[0x20] = SUB(from_cr, F_MODRM | F_CRDR | F_GROUP),
	[0x21] = ROW(mov_from_dr, Rm, 0, 0, CRF | F_MOV),
	[0x22] = SUB(to_cr, F_MODRM | F_CRDR | F_GROUP),
	[0x23] = ROW(mov_to_dr, 0, Rm, 0, CRF),
	[0x24 ... 0x27] = UNDEF,
	[0x28] = SUB(sse_28, F_MODRM | F_PFXSEL),
	[0x29] = SUB(sse_29, F_MODRM | F_PFXSEL), [0x2a] = LS,
	[0x2b] = SUB(sse_2b, F_MODRM | F_PFXSEL),
	[0x2c ... 0x2f] = LS,
	[0x30] = BAREI(wrmsr, F_PRIV, WRMSR), [0x31] = BARE(rdtsc, 0),
	[0x32] = BAREI(rdmsr, F_PRIV, RDMSR), [0x33] = BARE(rdpmc, 0),
	[0x34] = BAREF(sysenter, 0, SEP), [0x35] = BAREF(sysexit, 0, SEP),
	[0x36] = UNDEF, [0x37] = LATER(0),
	[0x39] = UNDEF, [0x3b ... 0x3f] = UNDEF,
	[0x40 ... 0x4f] = ROWF(cmov, Gv, Ev, 0, F_MODRM, CMOV),
	[0x50 ... 0x6d] = LS,
	[0x6e] = SUB(sse_6e, F_MODRM | F_PFXSEL),
	[0x6f] = SUB(sse_6f, F_MODRM | F_PFXSEL),
	[0x70 ... 0x73] = ROW(unhandled, 0, 0, I_UB, F_MODRM | F_VEX),
	[0x74 ... 0x76] = LS, [0x77] = LATER(F_VEX), [0x78 ... 0x7d] = LS,
	[0x7e] = SUB(sse_7e, F_MODRM | F_PFXSEL),
	[0x7f] = SUB(sse_7f, F_MODRM | F_PFXSEL),
	[0x80 ... 0x8f] = ROW(jcc, 0, 0, I_Z, F_F64),
	[0x90 ... 0x9f] = ROW(setcc, Eb, 0, 0, MV),
	[0xa0] = BARE(push_sreg, F_D64), [0xa1] = BARE(pop_sreg, F_D64),
	[0xa2] = BAREI(cpuid, 0, CPUID), [0xa3] = ROW(bt_reg, Ev, Gv, 0,
						      NW | F_MOV),
	[0xa4] = ROW(shld, Ev, Gv, I_UB, F_MODRM),
	[0xa5] = ROW(shld, Ev, Gv, 0, F_MODRM), [0xa6 ... 0xa7] = LATER(0),
	[0xa8] = BARE(push_sreg, F_D64), [0xa9] = BARE(pop_sreg, F_D64),
	[0xaa] = BAREI(rsm, 0, RSM), BTREG(0xab),
	[0xac] = ROW(shrd, Ev, Gv, I_UB, F_MODRM),
	[0xad] = ROW(shrd, Ev, Gv, 0, F_MODRM),
	[0xae] = SUB(group15, F_MODRM | F_MODSEL),
	[0xaf] = ROW(imul2, Gv, Ev, 0, F_MODRM),
	[0xb0] = ROW(cmpxchg, Eb, Gb, 0, LK | F_MOV | F_NOWR),
	[0xb1] = ROW(cmpxchg, Ev, Gv, 0, LK | F_MOV | F_NOWR),
	FARP(0xb2), BTREG(0xb3),
	FARP(0xb4), FARP(0xb5),
	[0xb6] = ROW(mov, Gv, Eb, 0, MV), [0xb7] = ROW(mov, Gv, Ew, 0, MV),
	[0xb8] = SUB(op_0fb8, F_MODRM | F_PFXSEL),
	[0xb9] = { .exec = x_unhandled, .flags = F_MODRM | F_UD },
	[0xba] = GROUP(group8), BTREG(0xbb),
	[0xbc] = SUB(op_0fbc, F_MODRM | F_PFXSEL),
	[0xbd] = SUB(op_0fbd, F_MODRM | F_PFXSEL),
	[0xbe] = ROW(movsx, Gv, Eb, 0, MV), [0xbf] = ROW(movsx, Gv, Ew, 0, MV),
	[0xc0] = ROW(xadd, Eb, Gb, 0, LK | F_WRSRC),
	[0xc1] = ROW(xadd, Ev, Gv, 0, LK | F_WRSRC),
	[0xc2] = ROW(unhandled, 0, 0, I_UB, F_MODRM | F_VEX),
	[0xc3] = SUB(op_0fc3, F_MODRM | F_PFXSEL),
	[0xc4 ... 0xc6] = ROW(unhandled, 0, 0, I_UB, F_MODRM | F_VEX),
	[0xc7] = SUB(group9, F_MODRM | F_MODSEL),
	[0xc8 ... 0xcf] = ROW(bswap, Zv, 0, 0, 0),
	[0xd0 ... 0xd5] = LS, [0xd6] = SUB(sse_d6, F_MODRM | F_PFXSEL),
	[0xd7 ... 0xe6] = LS, [0xe7] = SUB(sse_e7, F_MODRM | F_PFXSEL),
	[0xe8 ... 0xef] = LS, [0xf0] = SUB(sse_f0, F_MODRM | F_PFXSEL),
	[0xf1 ... 0xf6] = LS,
	[0xf7] = SUB(sse_f7, F_MODRM | F_PFXSEL), [0xf8 ... 0xfe] = LS,
	[0xff] = { .exec = x_unhandled, .flags = F_MODRM | F_UD },
};
