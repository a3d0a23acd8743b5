/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How opcode rows are written. ROW: body, destination, source, immediate,
 * flags; then ROWI with an intercept point, ROWF with a CPU feature. BARE ones
 * have no operands of the generic kind.
 */
#ifndef KVM_X86_EMUL_ROWS_H
#define KVM_X86_EMUL_ROWS_H

#include "internal.h"

#define ROW(fn, d, s, i, fl) \
	{ .exec = x_##fn, .dst = (d), .src = (s), .imm = (i), .flags = (fl) }
#define ROWI(fn, d, s, i, fl, ic) \
	{ .exec = x_##fn, .dst = (d), .src = (s), .imm = (i), .flags = (fl), \
	  .icpt = EMUL_ICPT_##ic }
#define ROWF(fn, d, s, i, fl, fe) \
	{ .exec = x_##fn, .dst = (d), .src = (s), .imm = (i), .flags = (fl), \
	  .feature = EMUL_F_##fe + 1 }
#define BARE(fn, fl)	ROW(fn, 0, 0, 0, fl)
#define BAREI(fn, fl, ic) ROWI(fn, 0, 0, 0, fl, ic)
#define BAREF(fn, fl, fe) ROWF(fn, 0, 0, 0, fl, fe)
#define SUB(table, fl)	{ .sub = (table), .flags = (fl) }
#define GROUP(table)	SUB(table, F_MODRM | F_GROUP)
#define UNDEF		{ .exec = x_unhandled, .flags = F_UD }
#define LATER(fl)	BARE(unhandled, fl)
#define PREFIX(kind, v)	{ .flags = F_PREFIX, .imm = (kind), .dst = (v) }

#define NW	(F_MODRM | F_NOWR)
#define MV	(F_MODRM | F_MOV)
#define LK	(F_MODRM | F_LOCK)

#endif
