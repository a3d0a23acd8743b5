// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual-8086 mode extensions (SDM 3B 20.3.3, 20.4): software interrupts that
 * the task handles itself, and VIF in the place of IF below IOPL 3.
 */
#include "bodies.h"

#define TSS_IOMAP	102

/*
 * PUSHF, POPF, IRET in VM86 mode below IOPL 3: #GP, unless CR4.VME is there, and
 * then only with 16-bit operands.
 */
enum emul_result emul_virtual_if(struct emul_ctx *c, bool *virtual)
{
	u64 cr4;

	*virtual = c->mode == EMUL_VM86 && emul_iopl(c) != 3;
	if (!*virtual)
		return EMUL_OK;
	TRY(c->ops->get_cr(c, 4, &cr4));
	return cr4 & CR4_VME && c->op_bytes == 2 ? EMUL_OK : emul_gp0(c);
}

/* FLAGS as the task is to see them */
u64 emul_vme_image(const struct emul_ctx *c)
{
	u64 v = c->rflags & 0xffff;

	if (emul_iopl(c) == 3)
		return v;
	v = (v | FL_IOPL) & ~FL_IF;
	return c->rflags & FL_VIF ? v | FL_IF : v;
}

/* An image from the stack; what only the monitor may do faults */
enum emul_result emul_vme_flags(struct emul_ctx *c, u64 v)
{
	u64 may = FL_ARITH | FL_DF | FL_NT | FL_TF;

	if (v & FL_TF || (v & FL_IF && c->rflags & FL_VIP))
		return emul_gp0(c);
	c->rflags = (c->rflags & ~(may | FL_VIF | FL_RF)) | (v & may);
	if (v & FL_IF)
		c->rflags |= FL_VIF;
	return EMUL_OK;
}

/* With CR4.VME, by the bit map of 32 bytes below that of the ports */
enum emul_result emul_vme_redirects(struct emul_ctx *c, u8 vector, bool *own)
{
	struct emul_seg tr;
	u16 map = 0;
	u64 cr4;
	u32 at;
	u8 bits;

	*own = false;
	TRY(c->ops->get_cr(c, 4, &cr4));
	if (!(cr4 & CR4_VME))
		return EMUL_OK;
	TRY(c->ops->get_seg(c, EMUL_TR, &tr));
	if (tr.attr & EMUL_SEG_UNUSABLE || tr.limit < TSS_IOMAP + 1)
		return emul_gp0(c);
	TRY(emul_read_la(c, (u32)tr.base + TSS_IOMAP, &map, 2,
			 EMUL_ACC_SYSTEM));
	at = map - 32u + vector / 8;
	if (at > tr.limit)
		return emul_gp0(c);
	TRY(emul_read_la(c, (u32)(tr.base + at), &bits, 1, EMUL_ACC_SYSTEM));
	*own = !(bits >> (vector & 7) & 1);
	return EMUL_OK;
}

/* Through the table at 0, as in real mode (SDM 3B 20.3.3.4) */
enum emul_result emul_vme_interrupt(struct emul_ctx *c, u8 vector)
{
	const struct emul_seg *old;
	struct emul_seg cs;
	u16 ivt[2];

	TRY(emul_read_la(c, vector * 4u, ivt, 4, 0));
	TRY(emul_seg(c, EMUL_CS, &old));
	TRY(emul_push(c, emul_vme_image(c), 2));
	TRY(emul_push(c, old->sel, 2));
	TRY(emul_push(c, c->next_rip, 2));
	TRY(emul_paragraph_seg(c, EMUL_CS, ivt[1], &cs));
	TRY(emul_to_code(c, &cs, ivt[0]));
	c->rflags &= ~(FL_TF | (emul_iopl(c) == 3 ? FL_IF : FL_VIF));
	c->step = false;
	return EMUL_OK;
}
