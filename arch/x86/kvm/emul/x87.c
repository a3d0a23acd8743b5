// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87: memory forms are run by the guest's own FPU on a buffer; the rest is
 * control words. FXSAVE and FXRSTOR. (SDM 1 chapter 8, SDM 2)
 */
#include "bodies.h"

#define FSW_ES		0x80	/* an unmasked exception is pending */
#define FX_BYTES	512
#define FX_LEGACY	288	/* up to XMM7 */
#define FX_XMM8		288
#define FX_END		416
#define FX_MXCSR	24
#define FX_MXCSR_MASK	28
#define MXCSR_USUAL	0xffbfu

/*
 * Memory operands by opcode and ModRM.reg: bytes, ST: stored, NW: without a look
 * at pending exceptions. ENV: of a form that depends on mode and operand size.
 */
#define ST	0x80
#define NW	0x40
#define LEN	0x1f
#define ENV	0x1f	/* as a length */

static const u8 x87_operand[8][8] = {
	{ 4, 4, 4, 4, 4, 4, 4, 4 },
	{ 4, 0, 4 | ST, 4 | ST, ENV, 2, ENV | ST, 2 | ST | NW },
	{ 4, 4, 4, 4, 4, 4, 4, 4 },
	{ 4, 4 | ST, 4 | ST, 4 | ST, 0, 10, 0, 10 | ST },
	{ 8, 8, 8, 8, 8, 8, 8, 8 },
	{ 8, 8 | ST, 8 | ST, 8 | ST, ENV, 0, ENV | ST, 2 | ST | NW },
	{ 2, 2, 2, 2, 2, 2, 2, 2 },
	{ 2, 2 | ST, 2 | ST, 2 | ST, 10, 8, 10 | ST, 8 | ST },
};

/* An exception that an earlier instruction left comes with this one */
enum emul_result emul_x87_pending(struct emul_ctx *c)
{
	u16 fsw = 0;

	TRY(OPTIONAL(c, x87, EMUL_FNSTSW, &fsw));
	return fsw & FSW_ES ? emul_raise(c, EMUL_MF) : EMUL_OK;
}

/*
 * What is stored is computed first, and the FPU's state moves on when it is in
 * memory: that may fault, or take several passes.
 */
static enum emul_result x87_store(struct emul_ctx *c, u64 la, unsigned int len)
{
	u8 buf[16] = { 0 };

	TRY(OPTIONAL(c, x87_mem, buf, len, true));
	TRY(emul_write_la(c, la, buf, len, 0));
	return OPTIONAL(c, x87_mem, buf, len, false);
}

enum emul_result x_x87_mem(struct emul_ctx *c)
{
	u8 o = x87_operand[c->opcode & 7][c->modrm >> 3 & 7], buf[16] = { 0 };
	unsigned int len = o & LEN;
	u64 la;

	if (!len)
		return emul_raise(c, EMUL_UD);
	if (len == ENV)
		return EMUL_UNHANDLED;
	if (!(o & NW))
		TRY(emul_x87_pending(c));
	TRY(emul_linear(c, c->seg, c->ea, len, o & ST, &la));
	if (o & ST)
		return x87_store(c, la, len);
	TRY(emul_read_la(c, la, buf, len, 0));
	return OPTIONAL(c, x87_mem, buf, len, false);
}

static enum emul_result x87_word(struct emul_ctx *c, enum emul_x87 what)
{
	u16 v = 0;

	TRY(OPTIONAL(c, x87, what, &v));
	c->dst.val = v;
	return EMUL_OK;
}

enum emul_result x_fninit(struct emul_ctx *c)
{
	return x87_word(c, EMUL_FNINIT);
}

enum emul_result x_fnclex(struct emul_ctx *c)
{
	return x87_word(c, EMUL_FNCLEX);
}

enum emul_result x_fnstsw_ax(struct emul_ctx *c)
{
	TRY(x87_word(c, EMUL_FNSTSW));
	emul_set_reg(c, R_AX, 2, c->dst.val);
	return EMUL_OK;
}

enum emul_result x_fnop(struct emul_ctx *c)
{
	return emul_x87_pending(c);
}

/* Of CR0 only TS with MP concerns FWAIT (SDM 3A table 2-2) */
enum emul_result x_fwait(struct emul_ctx *c)
{
	u64 cr0;

	TRY(c->ops->get_cr(c, 0, &cr0));
	if ((cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))
		return emul_raise(c, EMUL_NM);
	return emul_x87_pending(c);
}

/* The image, in pieces of 16 bytes; outside 64-bit mode it has XMM0 to 7 only */
static enum emul_result fx_access(struct emul_ctx *c, u8 *buf, bool write)
{
	unsigned int end = is_long64(c) ? FX_END : FX_LEGACY, at;
	u64 la;

	TRY(emul_linear(c, c->seg, c->ea, FX_BYTES, write, &la));
	if (la & 15)
		return emul_gp0(c);
	if (write)	/* its pages, before the first byte changes */
		TRY(emul_write_la(c, la + FX_BYTES - 16, NULL, 16,
				  EMUL_ACC_PROBE));
	for (at = 0; at < end; at += 16)
		if (write)
			TRY(emul_write_la(c, la + at, buf + at, 16, 0));
		else
			TRY(emul_read_la(c, la + at, buf + at, 16, 0));
	return EMUL_OK;
}

enum emul_result x_fxsave(struct emul_ctx *c)
{
	u8 buf[FX_BYTES] = { 0 };

	TRY(OPTIONAL(c, fxstate, buf, false));
	return fx_access(c, buf, true);
}

static enum emul_result check_mxcsr(struct emul_ctx *c, const u8 *now, u32 v)
{
	u32 mask;

	memcpy(&mask, now + FX_MXCSR_MASK, 4);
	if (!mask)
		mask = MXCSR_USUAL;
	return v & ~mask ? emul_gp0(c) : EMUL_OK;
}

/* What the image does not have stays as it is */
enum emul_result x_fxrstor(struct emul_ctx *c)
{
	u8 now[FX_BYTES] = { 0 }, buf[FX_BYTES];
	u32 mxcsr;

	TRY(OPTIONAL(c, fxstate, now, false));
	memcpy(buf, now, sizeof(buf));
	TRY(fx_access(c, buf, false));
	memcpy(&mxcsr, buf + FX_MXCSR, 4);
	TRY(check_mxcsr(c, now, mxcsr));
	return OPTIONAL(c, fxstate, buf, true);
}

enum emul_result x_ldmxcsr(struct emul_ctx *c)
{
	u8 now[FX_BYTES] = { 0 };
	u32 v = c->src.val;

	TRY(OPTIONAL(c, fxstate, now, false));
	TRY(check_mxcsr(c, now, v));
	memcpy(now + FX_MXCSR, &v, 4);
	return OPTIONAL(c, fxstate, now, true);
}

enum emul_result x_stmxcsr(struct emul_ctx *c)
{
	u8 now[FX_BYTES] = { 0 };
	u32 v;

	TRY(OPTIONAL(c, fxstate, now, false));
	memcpy(&v, now + FX_MXCSR, 4);
	c->dst.val = v;
	return EMUL_OK;
}
