// SPDX-License-Identifier: GPL-2.0-only
/*
 * The opcode maps behind 0F 38 and 0F 3A: the few rows that are known. Those of
 * one opcode are by mandatory prefix: none, 66, F3, F2.
 */
#include "bodies.h"
#include "rows.h"

#define SSX	(F_MODRM | F_SSE | F_VEX | F_MEM)
#define BMI	(F_MODRM | F_VEX | F_MOV)
#define LM	LATER(F_MODRM | F_VEX)

static const struct emul_op op_2a[4] = {
	UNDEF, BAREF(xmm_loada, SSX, SSE41), UNDEF, UNDEF,
};

/* VMASKMOVPS and PD, VPMASKMOVD and Q: loads, then stores */
#define MASK(fn, fe) { UNDEF, BAREF(fn, SSX, fe), UNDEF, UNDEF }
static const struct emul_op op_2c[4] = MASK(vmask_load, AVX);
static const struct emul_op op_2e[4] = MASK(vmask_store, AVX);
static const struct emul_op op_8c[4] = MASK(vmask_load, AVX2);
static const struct emul_op op_8e[4] = MASK(vmask_store, AVX2);

static const struct emul_op op_f0[4] = {
	ROWF(movbe, Gv, Ev, 0, MV | F_MEM, MOVBE),
	ROWF(movbe, Gv, Ev, 0, MV | F_MEM, MOVBE), LM,
	ROWF(crc32, Gy, Eb, 0, F_MODRM, SSE42),
};
static const struct emul_op op_f1[4] = {
	ROWF(movbe, Ev, Gv, 0, MV | F_MEM, MOVBE),
	ROWF(movbe, Ev, Gv, 0, MV | F_MEM, MOVBE), LM,
	ROWF(crc32, Gy, Ev, 0, F_MODRM, SSE42),
};
static const struct emul_op op_f2[4] = {
	ROWF(andn, Gy, Ey, 0, BMI, BMI1), UNDEF, UNDEF, UNDEF,
};
#define BLS	ROWF(bls, 0, Ey, 0, BMI, BMI1)
static const struct emul_op group17[8] = {
	UNDEF, BLS, BLS, BLS, UNDEF, UNDEF, UNDEF, UNDEF,
};
static const struct emul_op op_f3[4] = {
	SUB(group17, F_GROUP), UNDEF, UNDEF, UNDEF,
};
static const struct emul_op op_f5[4] = {
	ROWF(bzhi, Gy, Ey, 0, BMI, BMI2), LM,
	ROWF(pext, Gy, Ey, 0, BMI, BMI2), ROWF(pdep, Gy, Ey, 0, BMI, BMI2),
};
static const struct emul_op op_f6[4] = {
	LM, ROWF(adx, Gy, Ey, 0, F_MODRM, ADX),
	ROWF(adx, Gy, Ey, 0, F_MODRM, ADX), ROWF(mulx, Gy, Ey, 0, BMI, BMI2),
};
static const struct emul_op op_f7[4] = {
	ROWF(bextr, Gy, Ey, 0, BMI, BMI1), ROWF(shiftx, Gy, Ey, 0, BMI, BMI2),
	ROWF(shiftx, Gy, Ey, 0, BMI, BMI2), ROWF(shiftx, Gy, Ey, 0, BMI, BMI2),
};
static const struct emul_op op_3af0[4] = {
	UNDEF, UNDEF, UNDEF, ROWF(rorx, Gy, Ey, I_UB, BMI, BMI2),
};

#define BYPFX(o, table)	[o] = SUB(table, F_MODRM | F_PFXSEL)

const struct emul_op emul_map3[256] = {
	BYPFX(0x2a, op_2a),
	BYPFX(0x2c, op_2c), BYPFX(0x2d, op_2c),
	BYPFX(0x2e, op_2e), BYPFX(0x2f, op_2e),
	/* INVEPT, INVVPID, INVPCID: to step over */
	[0x80 ... 0x82] = LATER(F_MODRM | F_MEM),
	BYPFX(0x8c, op_8c), BYPFX(0x8e, op_8e),
	BYPFX(0xf0, op_f0), BYPFX(0xf1, op_f1), BYPFX(0xf2, op_f2),
	BYPFX(0xf3, op_f3), BYPFX(0xf5, op_f5), BYPFX(0xf6, op_f6),
	BYPFX(0xf7, op_f7),
};

/* All of this map has an immediate */
const struct emul_op emul_map4_f0 = SUB(op_3af0, F_MODRM | F_PFXSEL);
