// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's callbacks on x87 and MMX: the guest's registers are in the CPU,
 * so what is asked for is done there. An exception that the guest has unmasked
 * and left pending must not come in the host: callers look before, and each
 * instruction that could take one has an entry in the exception table.
 */
#include <asm/asm.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>

#include "../core.h"
#include "glue.h"

/* FNSTENV's 28 bytes, protected mode (SDM 1 figure 8-9) */
struct x87_env {
	u32 fcw, fsw, ftw;
	u32 fip;
	u16 fcs, fop;
	u32 fdp, fds;
} __packed;

/*
 * The last instruction's address is the host's now: not for the guest to see. It
 * gets its own, of which 32 bits are kept. FNSTENV masks, so FLDENV takes nothing.
 */
static void x87_set_pointers(struct emul_ctx *c)
{
	struct x87_env env;

	asm volatile("fnstenv %0" : "=m"(env));
	env.fip = c->rip;
	env.fcs = 0;
	env.fop = (c->opcode & 7) << 8 | c->modrm;
	env.fdp = c->ea;
	env.fds = 0;
	asm volatile("1: fldenv %0\n2:\n" _ASM_EXTABLE(1b, 2b) : : "m"(env));
}

/* Opcode and ModRM.reg, with the operand at (%rax) */
#define ESC(op, reg)								\
	case ((op) & 7) << 3 | (reg):						\
		asm volatile("1: .byte " #op ", " #reg " << 3\n2:\n"		\
			     _ASM_EXTABLE(1b, 2b) : : "a"(buf) : "memory");	\
		break;
#define ESC4(op, a, b, c, d)	ESC(op, a) ESC(op, b) ESC(op, c) ESC(op, d)
#define ESC8(op)		ESC4(op, 0, 1, 2, 3) ESC4(op, 4, 5, 6, 7)

/* No environments and no images: their length is none that the caller knows. */
static bool x87_run(u8 opcode, u8 reg, void *buf)
{
	switch ((opcode & 7) << 3 | reg) {
	ESC8(0xd8)
	ESC4(0xd9, 0, 2, 3, 5) ESC(0xd9, 7)
	ESC8(0xda)
	ESC4(0xdb, 0, 1, 2, 3) ESC(0xdb, 5) ESC(0xdb, 7)
	ESC8(0xdc)
	ESC4(0xdd, 0, 1, 2, 3) ESC(0xdd, 7)
	ESC8(0xde)
	ESC8(0xdf)
	default:
		return false;
	}
	return true;
}

/* FLDCW, FNSTCW, FNSTSW leave the pointers alone (SDM 1 8.1.8). */
static bool x87_is_control(u8 opcode, u8 reg)
{
	return (opcode == 0xd9 && reg >= 4) || (opcode == 0xdd && reg == 7);
}

enum emul_result state_x87_mem(struct emul_ctx *c, void *buf, unsigned int len, bool keep)
{
	struct fxregs_state fx __aligned(16);
	u8 reg = c->modrm >> 3 & 7;
	bool ok;

	state_fpu_hold();
	if (keep)
		asm volatile("fxsaveq %0" : "=m"(fx));
	ok = x87_run(c->opcode, reg, buf);
	if (ok && !x87_is_control(c->opcode, reg))
		x87_set_pointers(c);
	if (keep)
		asm volatile("1: fxrstorq %0\n2:\n" _ASM_EXTABLE(1b, 2b) : : "m"(fx));
	fpregs_unlock();
	return ok ? EMUL_OK : EMUL_UNHANDLED;
}

enum emul_result state_fxstate(struct emul_ctx *c, void *buf, bool restore)
{
	struct fxregs_state fx __aligned(16) = { 0 };
	bool wide = c->rex & 8;

	BUILD_BUG_ON(sizeof(fx) != 512);
	state_fpu_hold();
	if (!restore) {
		if (wide)
			asm volatile("fxsaveq %0" : "+m"(fx));
		else
			asm volatile("fxsave %0" : "+m"(fx));
		memcpy(buf, &fx, sizeof(fx));
	} else {
		memcpy(&fx, buf, sizeof(fx));
		if (wide)
			asm volatile("1: fxrstorq %0\n2:\n" _ASM_EXTABLE(1b, 2b) : : "m"(fx));
		else
			asm volatile("1: fxrstor %0\n2:\n" _ASM_EXTABLE(1b, 2b) : : "m"(fx));
	}
	fpregs_unlock();
	return EMUL_OK;
}

#define MMX_EACH(do)	do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)
#define MMX_GET(n)									\
	case n:										\
		asm volatile("1: movq %%mm" #n ", %0\n2:\n" _ASM_EXTABLE(1b, 2b) :	\
			     "+m"(*v));							\
		break;
#define MMX_PUT(n)									\
	case n:										\
		asm volatile("1: movq %0, %%mm" #n "\n2:\n" _ASM_EXTABLE(1b, 2b) : :	\
			     "m"(*v));							\
		break;

enum emul_result state_get_mmx(struct emul_ctx *c, unsigned int reg, u64 *v)
{
	*v = 0;
	state_fpu_hold();
	switch (reg & 7) { MMX_EACH(MMX_GET) }
	fpregs_unlock();
	return EMUL_OK;
}

enum emul_result state_put_mmx(struct emul_ctx *c, unsigned int reg, const u64 *v)
{
	state_fpu_hold();
	switch (reg & 7) { MMX_EACH(MMX_PUT) }
	fpregs_unlock();
	return EMUL_OK;
}

enum emul_result state_x87(struct emul_ctx *c, enum emul_x87 what, u16 *v)
{
	state_fpu_hold();
	switch (what) {
	case EMUL_FNINIT:
		asm volatile("fninit");
		break;
	case EMUL_FNSTSW:
		asm volatile("fnstsw %0" : "=m"(*v));
		break;
	case EMUL_FNSTCW:
		asm volatile("fnstcw %0" : "=m"(*v));
		break;
	case EMUL_FNCLEX:
		asm volatile("fnclex");
		break;
	}
	fpregs_unlock();
	return EMUL_OK;
}
