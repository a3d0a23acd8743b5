// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two layouts of the state-save area.
 *
 * 32 bits: SDM 3C table 32-1, with descriptor caches and CR4 where the P6 has them
 * among the reserved bytes. 64 bits: APM 2 table 10-1. Both revisions tell of SMBASE
 * relocation and of no I/O restart.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "smm_map.h"

#define AREA_START	(SMM_AREA_OFFSET - 0x8000)

/* Numbers of general and segment registers, as instructions encode them */
enum { AX, CX, DX, BX, SP, BP, SI, DI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum { ES, CS, SS, DS, FS, GS, LDTR, TR };

#define ROW(where, bytes, which)	{ .at = (where), .size = (bytes), .reg = (which) }
#define GPR(where, bytes, nr)		ROW(where, bytes, SMM_GPR + (nr))
#define PART(where, bytes, nr, part)	ROW(where, bytes, SMM_SEG + (nr) * SMM_SEG_PARTS + (part))

/* Attributes are the second word of a descriptor. */
#define SEG32(sel, rest, nr)						\
	PART(sel, 4, nr, SMM_SEL),					\
	{ .at = (rest), .size = 4, .shift = 8,				\
	  .reg = SMM_SEG + (nr) * SMM_SEG_PARTS + SMM_ATTR },		\
	PART((rest) + 4, 4, nr, SMM_LIMIT),				\
	PART((rest) + 8, 4, nr, SMM_SEG_BASE)

static const struct smm_row rows_32[] = {
	ROW(0x7ef8, 4, SMM_SMBASE),
	ROW(0x7efc, 4, SMM_REVISION),
	ROW(0x7f02, 2, SMM_HALT),
	ROW(0x7f14, 4, SMM_CR4),
	ROW(0x7f18, 1, SMM_SHADOW),
	SEG32(0x7fb4, 0x7f2c, DS),
	SEG32(0x7fb8, 0x7f38, FS),
	SEG32(0x7fbc, 0x7f44, GS),
	ROW(0x7f54, 4, SMM_IDT_LIMIT),
	ROW(0x7f58, 4, SMM_IDT_BASE),
	SEG32(0x7fc4, 0x7f5c, TR),
	ROW(0x7f70, 4, SMM_GDT_LIMIT),
	ROW(0x7f74, 4, SMM_GDT_BASE),
	SEG32(0x7fc0, 0x7f78, LDTR),
	SEG32(0x7fa8, 0x7f84, ES),
	SEG32(0x7fac, 0x7f90, CS),
	SEG32(0x7fb0, 0x7f9c, SS),
	ROW(0x7fc8, 4, SMM_DR7),
	ROW(0x7fcc, 4, SMM_DR6),
	GPR(0x7fd0, 4, AX),
	GPR(0x7fd4, 4, CX),
	GPR(0x7fd8, 4, DX),
	GPR(0x7fdc, 4, BX),
	GPR(0x7fe0, 4, SP),
	GPR(0x7fe4, 4, BP),
	GPR(0x7fe8, 4, SI),
	GPR(0x7fec, 4, DI),
	ROW(0x7ff0, 4, SMM_RIP),
	ROW(0x7ff4, 4, SMM_RFLAGS),
	ROW(0x7ff8, 4, SMM_CR3),
	ROW(0x7ffc, 4, SMM_CR0),
};

#define SEG64(where, nr)						\
	PART(where, 2, nr, SMM_SEL),					\
	PART((where) + 2, 2, nr, SMM_ATTR),				\
	PART((where) + 4, 4, nr, SMM_LIMIT),				\
	PART((where) + 8, 8, nr, SMM_SEG_BASE)

static const struct smm_row rows_64[] = {
	SEG64(0x7e00, ES),
	SEG64(0x7e10, CS),
	SEG64(0x7e20, SS),
	SEG64(0x7e30, DS),
	SEG64(0x7e40, FS),
	SEG64(0x7e50, GS),
	ROW(0x7e64, 4, SMM_GDT_LIMIT),
	ROW(0x7e68, 8, SMM_GDT_BASE),
	SEG64(0x7e70, LDTR),
	ROW(0x7e84, 4, SMM_IDT_LIMIT),
	ROW(0x7e88, 8, SMM_IDT_BASE),
	SEG64(0x7e90, TR),
	ROW(0x7ec9, 1, SMM_HALT),
	ROW(0x7ecb, 1, SMM_SHADOW),
	ROW(0x7ed0, 8, SMM_EFER),
	ROW(0x7efc, 4, SMM_REVISION),
	ROW(0x7f00, 4, SMM_SMBASE),
	ROW(0x7f48, 8, SMM_CR4),
	ROW(0x7f50, 8, SMM_CR3),
	ROW(0x7f58, 8, SMM_CR0),
	ROW(0x7f60, 8, SMM_DR7),
	ROW(0x7f68, 8, SMM_DR6),
	ROW(0x7f70, 8, SMM_RFLAGS),
	ROW(0x7f78, 8, SMM_RIP),
	GPR(0x7f80, 8, R15),
	GPR(0x7f88, 8, R14),
	GPR(0x7f90, 8, R13),
	GPR(0x7f98, 8, R12),
	GPR(0x7fa0, 8, R11),
	GPR(0x7fa8, 8, R10),
	GPR(0x7fb0, 8, R9),
	GPR(0x7fb8, 8, R8),
	GPR(0x7fc0, 8, DI),
	GPR(0x7fc8, 8, SI),
	GPR(0x7fd0, 8, BP),
	GPR(0x7fd8, 8, SP),
	GPR(0x7fe0, 8, BX),
	GPR(0x7fe8, 8, DX),
	GPR(0x7ff0, 8, CX),
	GPR(0x7ff8, 8, AX),
};

const struct smm_map smm_map_32 = {
	.revision = 0x00020000, .nr_rows = ARRAY_SIZE(rows_32), .rows = rows_32,
};

const struct smm_map smm_map_64 = {
	.revision = 0x00020064, .nr_rows = ARRAY_SIZE(rows_64), .rows = rows_64,
};

void smm_map_save(const struct smm_map *map, const u64 *reg, u8 *area)
{
	const struct smm_row *row;
	u64 val;

	memset(area, 0, SMM_AREA_SIZE);
	for (row = map->rows; row < map->rows + map->nr_rows; row++) {
		val = reg[row->reg] << row->shift;
		memcpy(area + row->at - AREA_START, &val, row->size);
	}
}

void smm_map_load(const struct smm_map *map, u64 *reg, const u8 *area)
{
	const struct smm_row *row;
	u64 val;

	for (row = map->rows; row < map->rows + map->nr_rows; row++) {
		val = 0;
		memcpy(&val, area + row->at - AREA_START, row->size);
		reg[row->reg] = val >> row->shift;
	}
}
