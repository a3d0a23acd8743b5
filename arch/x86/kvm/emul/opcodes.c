// SPDX-License-Identifier: GPL-2.0-only
/*
 * The opcode maps (SDM 2D appendix A; APM 3 appendix A). An all-zero row is an
 * opcode not implemented; an undefined one says so by F_UD.
 */
#include "bodies.h"
#include "rows.h"

const struct emul_op emul_op_unknown;

static const struct emul_op group1_b[8] = {
	ROW(add, Eb, Ib, I_B, LK), ROW(or, Eb, Ib, I_B, LK),
	ROW(adc, Eb, Ib, I_B, LK), ROW(sbb, Eb, Ib, I_B, LK),
	ROW(and, Eb, Ib, I_B, LK), ROW(sub, Eb, Ib, I_B, LK),
	ROW(xor, Eb, Ib, I_B, LK), ROW(cmp, Eb, Ib, I_B, NW),
};

/* 82: the same, outside 64-bit mode */
#define NO64LK	(LK | F_NO64)
static const struct emul_op group1_82[8] = {
	ROW(add, Eb, Ib, I_B, NO64LK), ROW(or, Eb, Ib, I_B, NO64LK),
	ROW(adc, Eb, Ib, I_B, NO64LK), ROW(sbb, Eb, Ib, I_B, NO64LK),
	ROW(and, Eb, Ib, I_B, NO64LK), ROW(sub, Eb, Ib, I_B, NO64LK),
	ROW(xor, Eb, Ib, I_B, NO64LK), ROW(cmp, Eb, Ib, I_B, NW | F_NO64),
};

static const struct emul_op group1_z[8] = {
	ROW(add, Ev, Iv, I_Z, LK), ROW(or, Ev, Iv, I_Z, LK),
	ROW(adc, Ev, Iv, I_Z, LK), ROW(sbb, Ev, Iv, I_Z, LK),
	ROW(and, Ev, Iv, I_Z, LK), ROW(sub, Ev, Iv, I_Z, LK),
	ROW(xor, Ev, Iv, I_Z, LK), ROW(cmp, Ev, Iv, I_Z, NW),
};

static const struct emul_op group1_s[8] = {
	ROW(add, Ev, Iv, I_B, LK), ROW(or, Ev, Iv, I_B, LK),
	ROW(adc, Ev, Iv, I_B, LK), ROW(sbb, Ev, Iv, I_B, LK),
	ROW(and, Ev, Iv, I_B, LK), ROW(sub, Ev, Iv, I_B, LK),
	ROW(xor, Ev, Iv, I_B, LK), ROW(cmp, Ev, Iv, I_B, NW),
};

/* XOP on AMD has ModRM.reg other than 0 */
static const struct emul_op group1a[8] = {
	ROW(pop_mem, Ev, 0, 0, MV | F_NOWR | F_D64),
	LATER(F_MODRM), LATER(F_MODRM), LATER(F_MODRM), LATER(F_MODRM),
	LATER(F_MODRM), LATER(F_MODRM), LATER(F_MODRM),
};

#define SHIFTS(d, s, i) { \
	ROW(rol, d, s, i, F_MODRM), ROW(ror, d, s, i, F_MODRM), \
	ROW(rcl, d, s, i, F_MODRM), ROW(rcr, d, s, i, F_MODRM), \
	ROW(shl, d, s, i, F_MODRM), ROW(shr, d, s, i, F_MODRM), \
	ROW(shl, d, s, i, F_MODRM), ROW(sar, d, s, i, F_MODRM), \
}

static const struct emul_op group2_c0[8] = SHIFTS(Eb, Ib, I_UB);
static const struct emul_op group2_c1[8] = SHIFTS(Ev, Ib, I_UB);
static const struct emul_op group2_d0[8] = SHIFTS(Eb, One, 0);
static const struct emul_op group2_d1[8] = SHIFTS(Ev, One, 0);
static const struct emul_op group2_d2[8] = SHIFTS(Eb, CL, 0);
static const struct emul_op group2_d3[8] = SHIFTS(Ev, CL, 0);

static const struct emul_op group3_b[8] = {
	ROW(test, Eb, Ib, I_B, NW), ROW(test, Eb, Ib, I_B, NW),
	ROW(not, Eb, 0, 0, LK), ROW(neg, Eb, 0, 0, LK),
	ROW(mul, 0, Eb, 0, F_MODRM), ROW(imul, 0, Eb, 0, F_MODRM),
	ROW(div, 0, Eb, 0, F_MODRM), ROW(idiv, 0, Eb, 0, F_MODRM),
};

static const struct emul_op group3_v[8] = {
	ROW(test, Ev, Iv, I_Z, NW), ROW(test, Ev, Iv, I_Z, NW),
	ROW(not, Ev, 0, 0, LK), ROW(neg, Ev, 0, 0, LK),
	ROW(mul, 0, Ev, 0, F_MODRM), ROW(imul, 0, Ev, 0, F_MODRM),
	ROW(div, 0, Ev, 0, F_MODRM), ROW(idiv, 0, Ev, 0, F_MODRM),
};

static const struct emul_op group4[8] = {
	ROW(inc, Eb, 0, 0, LK), ROW(dec, Eb, 0, 0, LK),
	UNDEF, UNDEF, UNDEF, UNDEF, UNDEF, UNDEF,
};

static const struct emul_op group5[8] = {
	ROW(inc, Ev, 0, 0, LK), ROW(dec, Ev, 0, 0, LK),
	ROW(call_ind, 0, Ev, 0, F_MODRM | F_F64),
	BARE(call_far_mem, F_MODRM | F_MEM),
	ROW(jmp_ind, 0, Ev, 0, F_MODRM | F_F64),
	BARE(jmp_far_mem, F_MODRM | F_MEM),
	ROW(push, 0, Ev, 0, F_MODRM | F_D64), UNDEF,
};

/* C6 F8 and C7 F8 are XABORT and XBEGIN */
#define UNDEFI(i) { .exec = x_unhandled, .flags = F_UD, .imm = i }
static const struct emul_op group11_b[8] = {
	ROW(mov, Eb, Ib, I_B, MV), UNDEFI(I_B), UNDEFI(I_B), UNDEFI(I_B),
	UNDEFI(I_B), UNDEFI(I_B), UNDEFI(I_B), LATER(F_MODRM),
};

static const struct emul_op group11_v[8] = {
	ROW(mov, Ev, Iv, I_Z, MV), UNDEFI(I_Z), UNDEFI(I_Z), UNDEFI(I_Z),
	UNDEFI(I_Z), UNDEFI(I_Z), UNDEFI(I_Z), LATER(F_MODRM),
};

#define TO_SREG ROW(mov_sreg, 0, Ew, 0, F_MODRM)
static const struct emul_op to_sreg[8] = {
	TO_SREG, UNDEF, TO_SREG, TO_SREG, TO_SREG, TO_SREG, UNDEF, UNDEF,
};

#define FROM_SREG ROW(mov_from_sreg, Ewv, 0, 0, MV)
static const struct emul_op from_sreg[8] = {
	FROM_SREG, FROM_SREG, FROM_SREG, FROM_SREG, FROM_SREG, FROM_SREG,
	UNDEF, UNDEF,
};

static const struct emul_op bound_mod[2] = {
	ROW(bound, Gv, 0, 0, NW), LATER(F_MODRM),
};
static const struct emul_op op_62[2] = {	/* EVEX in 64-bit mode */
	SUB(bound_mod, F_MODRM | F_MODSEL), LATER(F_MODRM),
};

static const struct emul_op op_63[2] = {
	ROW(arpl, Ew, Gw, 0, NW | F_PROT), ROW(movsx, Gv, Ez, 0, MV),
};

#define NOP90 ROW(nop90, Zv, rAX, 0, F_NOWR)
static const struct emul_op op_90[4] = {
	NOP90, NOP90, BAREI(pause, 0, PAUSE), NOP90,
};

/* C4 and C5 where they are no VEX prefix */
static const struct emul_op op_c4 = ROW(lfp, Gv, 0, 0, MV | F_MEM);
static const struct emul_op op_c5 = ROW(lfp, Gv, 0, 0, MV | F_MEM);

/* x87: the memory forms, and what resets or reads control words */
#define X87	(F_MODRM | F_X87)
#define X87_MEM	BARE(x87_mem, X87)

static const struct emul_op x87_any[2] = { X87_MEM, LATER(X87) };
static const struct emul_op x87_d9_d0[8] = {
	BARE(fnop, X87), LATER(X87), LATER(X87), LATER(X87),
	LATER(X87), LATER(X87), LATER(X87), LATER(X87),
};
static const struct emul_op x87_d9_reg[8] = {
	LATER(X87), LATER(X87), SUB(x87_d9_d0, F_RMSEL), LATER(X87),
	LATER(X87), LATER(X87), LATER(X87), LATER(X87),
};
static const struct emul_op x87_d9[2] = { X87_MEM, SUB(x87_d9_reg, F_GROUP) };
/* FENI, FDISI and FSETPM were for coprocessors of old */
static const struct emul_op x87_db_e0[8] = {
	BARE(nop, X87), BARE(nop, X87), BARE(fnclex, X87), BARE(fninit, X87),
	BARE(nop, X87), LATER(X87), LATER(X87), LATER(X87),
};
static const struct emul_op x87_db_reg[8] = {
	LATER(X87), LATER(X87), LATER(X87), LATER(X87),
	SUB(x87_db_e0, F_RMSEL), LATER(X87), LATER(X87), LATER(X87),
};
static const struct emul_op x87_db[2] = { X87_MEM, SUB(x87_db_reg, F_GROUP) };
static const struct emul_op x87_df_e0[8] = {
	BARE(fnstsw_ax, X87), LATER(X87), LATER(X87), LATER(X87),
	LATER(X87), LATER(X87), LATER(X87), LATER(X87),
};
static const struct emul_op x87_df_reg[8] = {
	LATER(X87), LATER(X87), LATER(X87), LATER(X87),
	SUB(x87_df_e0, F_RMSEL), LATER(X87), LATER(X87), LATER(X87),
};
static const struct emul_op x87_df[2] = { X87_MEM, SUB(x87_df_reg, F_GROUP) };

/* The six forms of a two-operand ALU instruction */
#define ALU6(o, fn) \
	[(o)] = ROW(fn, Eb, Gb, 0, LK), [(o) + 1] = ROW(fn, Ev, Gv, 0, LK), \
	[(o) + 2] = ROW(fn, Gb, Eb, 0, F_MODRM), \
	[(o) + 3] = ROW(fn, Gv, Ev, 0, F_MODRM), \
	[(o) + 4] = ROW(fn, AL, Ib, I_B, 0), \
	[(o) + 5] = ROW(fn, rAX, Iv, I_Z, 0)

#define JCC	(F_F64)

const struct emul_op emul_map1[256] = {
	ALU6(0x00, add),
	[0x06] = BARE(push_sreg, F_NO64), [0x07] = BARE(pop_sreg, F_NO64),
	ALU6(0x08, or),
	[0x0e] = BARE(push_sreg, F_NO64), [0x0f] = PREFIX(P_0F, 0),
	ALU6(0x10, adc),
	[0x16] = BARE(push_sreg, F_NO64), [0x17] = BARE(pop_sreg, F_NO64),
	ALU6(0x18, sbb),
	[0x1e] = BARE(push_sreg, F_NO64), [0x1f] = BARE(pop_sreg, F_NO64),
	ALU6(0x20, and),
	[0x26] = PREFIX(P_SEG, EMUL_ES), [0x27] = BARE(daa, F_NO64),
	ALU6(0x28, sub),
	[0x2e] = PREFIX(P_SEG, EMUL_CS), [0x2f] = BARE(das, F_NO64),
	ALU6(0x30, xor),
	[0x36] = PREFIX(P_SEG, EMUL_SS), [0x37] = BARE(aaa, F_NO64),
	[0x38] = ROW(cmp, Eb, Gb, 0, NW), [0x39] = ROW(cmp, Ev, Gv, 0, NW),
	[0x3a] = ROW(cmp, Gb, Eb, 0, NW), [0x3b] = ROW(cmp, Gv, Ev, 0, NW),
	[0x3c] = ROW(cmp, AL, Ib, I_B, F_NOWR),
	[0x3d] = ROW(cmp, rAX, Iv, I_Z, F_NOWR),
	[0x3e] = PREFIX(P_SEG, EMUL_DS), [0x3f] = BARE(aas, F_NO64),
	/* REX in 64-bit mode, taken before this table is asked */
	[0x40 ... 0x47] = ROW(inc, Zv, 0, 0, F_NO64),
	[0x48 ... 0x4f] = ROW(dec, Zv, 0, 0, F_NO64),
	[0x50 ... 0x57] = ROW(push, 0, Zv, 0, F_D64),
	[0x58 ... 0x5f] = ROW(pop, Zv, 0, 0, F_D64 | F_MOV),
	[0x60] = BARE(pusha, F_NO64), [0x61] = BARE(popa, F_NO64),
	[0x62] = SUB(op_62, F_MODRM | F_LONGSEL),
	[0x63] = SUB(op_63, F_MODRM | F_LONGSEL),
	[0x64] = PREFIX(P_SEG, EMUL_FS), [0x65] = PREFIX(P_SEG, EMUL_GS),
	[0x66] = PREFIX(P_66, 0), [0x67] = PREFIX(P_67, 0),
	[0x68] = ROW(push, 0, Iv, I_Z, F_D64),
	[0x69] = ROW(imul2, Gv, Ev, I_Z, MV),
	[0x6a] = ROW(push, 0, Iv, I_B, F_D64),
	[0x6b] = ROW(imul2, Gv, Ev, I_B, MV),
	[0x6c] = BARE(ins, 0), [0x6d] = BARE(ins, 0),
	[0x6e] = BARE(outs, 0), [0x6f] = BARE(outs, 0),
	[0x70 ... 0x7f] = ROW(jcc, 0, 0, I_B, JCC),
	[0x80] = GROUP(group1_b), [0x81] = GROUP(group1_z),
	[0x82] = GROUP(group1_82), [0x83] = GROUP(group1_s),
	[0x84] = ROW(test, Eb, Gb, 0, NW), [0x85] = ROW(test, Ev, Gv, 0, NW),
	[0x86] = ROW(xchg, Eb, Gb, 0, LK | F_WRSRC),
	[0x87] = ROW(xchg, Ev, Gv, 0, LK | F_WRSRC),
	[0x88] = ROW(mov, Eb, Gb, 0, MV), [0x89] = ROW(mov, Ev, Gv, 0, MV),
	[0x8a] = ROW(mov, Gb, Eb, 0, MV), [0x8b] = ROW(mov, Gv, Ev, 0, MV),
	[0x8c] = GROUP(from_sreg),
	[0x8d] = ROW(mov, Gv, Mea, 0, MV | F_MEM),
	[0x8e] = GROUP(to_sreg), [0x8f] = GROUP(group1a),
	[0x90] = SUB(op_90, F_PFXSEL),
	[0x91 ... 0x97] = ROW(xchg, Zv, rAX, 0, F_WRSRC),
	[0x98] = BARE(cbw, 0), [0x99] = BARE(cwd, 0),
	[0x9a] = ROW(call_far, 0, 0, I_FAR, F_NO64), [0x9b] = BARE(fwait, 0),
	[0x9c] = BAREI(pushf, F_D64, PUSHF), [0x9d] = BAREI(popf, F_D64, POPF),
	[0x9e] = BARE(sahf, 0), [0x9f] = BARE(lahf, 0),
	[0xa0] = ROW(mov, AL, Ob, I_MOFFS, F_MOV),
	[0xa1] = ROW(mov, rAX, Ov, I_MOFFS, F_MOV),
	[0xa2] = ROW(mov, Ob, AL, I_MOFFS, F_MOV),
	[0xa3] = ROW(mov, Ov, rAX, I_MOFFS, F_MOV),
	[0xa4] = BARE(movs, 0), [0xa5] = BARE(movs, 0),
	[0xa6] = BARE(cmps, 0), [0xa7] = BARE(cmps, 0),
	[0xa8] = ROW(test, AL, Ib, I_B, F_NOWR),
	[0xa9] = ROW(test, rAX, Iv, I_Z, F_NOWR),
	[0xaa] = BARE(stos, 0), [0xab] = BARE(stos, 0),
	[0xac] = BARE(lods, 0), [0xad] = BARE(lods, 0),
	[0xae] = BARE(scas, 0), [0xaf] = BARE(scas, 0),
	[0xb0 ... 0xb7] = ROW(mov, Zb, Ib, I_B, F_MOV),
	[0xb8 ... 0xbf] = ROW(mov, Zv, Iv, I_V, F_MOV),
	[0xc0] = GROUP(group2_c0), [0xc1] = GROUP(group2_c1),
	[0xc2] = ROW(ret, 0, 0, I_W, F_F64), [0xc3] = BARE(ret, F_F64),
	[0xc4] = { .sub = &op_c4, .flags = F_PREFIX, .imm = P_VEX3 },
	[0xc5] = { .sub = &op_c5, .flags = F_PREFIX, .imm = P_VEX2 },
	[0xc6] = GROUP(group11_b), [0xc7] = GROUP(group11_v),
	[0xc8] = ROW(enter, 0, 0, I_ENTER, F_D64), [0xc9] = BARE(leave, F_D64),
	[0xca] = ROW(ret_far, 0, 0, I_W, 0), [0xcb] = BARE(ret_far, 0),
	[0xcc] = BARE(int3, 0), [0xcd] = ROWI(intn, 0, 0, I_UB, 0, INTN),
	[0xce] = BARE(into, F_NO64), [0xcf] = BAREI(iret, 0, IRET),
	[0xd0] = GROUP(group2_d0), [0xd1] = GROUP(group2_d1),
	[0xd2] = GROUP(group2_d2), [0xd3] = GROUP(group2_d3),
	[0xd4] = ROW(aam, 0, 0, I_UB, F_NO64),
	[0xd5] = ROW(aad, 0, 0, I_UB, F_NO64),
	[0xd6] = BARE(salc, F_NO64), [0xd7] = BARE(xlat, 0),
	[0xd8] = SUB(x87_any, F_MODRM | F_MODSEL),
	[0xd9] = SUB(x87_d9, F_MODRM | F_MODSEL),
	[0xda] = SUB(x87_any, F_MODRM | F_MODSEL),
	[0xdb] = SUB(x87_db, F_MODRM | F_MODSEL),
	[0xdc ... 0xde] = SUB(x87_any, F_MODRM | F_MODSEL),
	[0xdf] = SUB(x87_df, F_MODRM | F_MODSEL),
	[0xe0 ... 0xe2] = ROW(loop, 0, 0, I_B, JCC),
	[0xe3] = ROW(jcxz, 0, 0, I_B, JCC),
	[0xe4] = ROW(in, 0, 0, I_UB, 0), [0xe5] = ROW(in, 0, 0, I_UB, 0),
	[0xe6] = ROW(out, 0, 0, I_UB, 0), [0xe7] = ROW(out, 0, 0, I_UB, 0),
	[0xe8] = ROW(call, 0, 0, I_Z, F_F64), [0xe9] = ROW(jmp, 0, 0, I_Z, JCC),
	[0xea] = ROW(jmp_far, 0, 0, I_FAR, F_NO64),
	[0xeb] = ROW(jmp, 0, 0, I_B, JCC),
	[0xec] = BARE(in_dx, 0), [0xed] = BARE(in_dx, 0),
	[0xee] = BARE(out_dx, 0), [0xef] = BARE(out_dx, 0),
	[0xf0] = PREFIX(P_LOCK, 0), [0xf1] = BARE(int1, 0),
	[0xf2] = PREFIX(P_REP, 0), [0xf3] = PREFIX(P_REP, 0),
	[0xf4] = BAREI(hlt, F_PRIV, HLT), [0xf5] = BARE(cmc, 0),
	[0xf6] = GROUP(group3_b), [0xf7] = GROUP(group3_v),
	[0xf8] = BARE(clc, 0), [0xf9] = BARE(stc, 0),
	[0xfa] = BARE(cli, 0), [0xfb] = BARE(sti, 0),
	[0xfc] = BARE(cld, 0), [0xfd] = BARE(std, 0),
	[0xfe] = GROUP(group4), [0xff] = GROUP(group5),
};
