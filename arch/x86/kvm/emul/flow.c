// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stack, near branches, and the interrupt flag.
 */
#include "bodies.h"

/* Go to an offset in the current code segment */
static enum emul_result branch(struct emul_ctx *c, u64 target)
{
	const struct emul_seg *cs;

	target &= size_mask(c->op_bytes);
	if (is_long64(c)) {
		if (!is_canonical(c, target))
			return emul_gp0(c);
	} else {
		TRY(emul_seg(c, EMUL_CS, &cs));
		if (target > cs->limit)
			return emul_gp0(c);
	}
	c->new_rip = target;
	return EMUL_OK;
}

enum emul_result x_jmp(struct emul_ctx *c)
{
	return branch(c, c->next_rip + c->imm);
}

enum emul_result x_jcc(struct emul_ctx *c)
{
	return emul_cond(c, c->opcode) ? x_jmp(c) : EMUL_OK;
}

enum emul_result x_jmp_ind(struct emul_ctx *c)
{
	return branch(c, c->src.val);
}

/* A fault of the stack comes before one of the target, which leaves the push */
enum emul_result x_call(struct emul_ctx *c)
{
	TRY(emul_push(c, c->next_rip, c->op_bytes));
	return branch(c, c->next_rip + c->imm);
}

enum emul_result x_call_ind(struct emul_ctx *c)
{
	TRY(emul_push(c, c->next_rip, c->op_bytes));
	return branch(c, c->src.val);
}

enum emul_result x_ret(struct emul_ctx *c)
{
	u64 rip;

	TRY(emul_pop(c, &rip, c->op_bytes));
	TRY(emul_add_sp(c, c->imm));
	return branch(c, rip);
}

/* LOOPNE, LOOPE, LOOP: e0, e1, e2 */
enum emul_result x_loop(struct emul_ctx *c)
{
	u64 count = emul_wrap_ea(c, c->gpr[R_CX] - 1);
	bool zf = c->rflags & FL_ZF;

	emul_set_reg(c, R_CX, c->ad_bytes, count);
	if (!count || (c->opcode != 0xe2 && zf != (c->opcode & 1)))
		return EMUL_OK;
	return x_jmp(c);
}

enum emul_result x_jcxz(struct emul_ctx *c)
{
	return emul_reg(c, R_CX, c->ad_bytes) ? EMUL_OK : x_jmp(c);
}

enum emul_result x_push(struct emul_ctx *c)
{
	return emul_push(c, c->src.val, c->op_bytes);
}

/* Intel writes two bytes of the four, and leaves the rest (SDM 2B, PUSH) */
static enum emul_result push_selector(struct emul_ctx *c, u16 sel)
{
	unsigned int bytes;
	u64 sp;

	TRY(emul_stack_bytes(c, &bytes));
	sp = (c->gpr[R_SP] - 4) & size_mask(bytes);
	TRY(emul_write_mem(c, EMUL_SS, sp, 2, EMUL_ACC_STACK, sel));
	emul_set_reg(c, R_SP, bytes, sp);
	return EMUL_OK;
}

enum emul_result x_push_sreg(struct emul_ctx *c)
{
	const struct emul_seg *s;
	unsigned int id = c->opcode >> 3 & 7;	/* FS 0fa0, GS 0fa8 */

	TRY(emul_seg(c, c->map == 2 ? (id & 1) + EMUL_FS : id & 3, &s));
	if (c->op_bytes == 4 && !emul_has(c, EMUL_F_AMD))
		return push_selector(c, s->sel);
	return emul_push(c, s->sel, c->op_bytes);
}

enum emul_result x_pop(struct emul_ctx *c)
{
	return emul_pop(c, &c->dst.val, c->op_bytes);
}

/* An address based on RSP is computed after the pop (SDM 2B, POP) */
enum emul_result x_pop_mem(struct emul_ctx *c)
{
	enum emul_result r;
	u64 ea = c->ea;

	TRY(emul_pop(c, &c->dst.val, c->op_bytes));
	if (c->ea_rsp)
		c->ea = emul_wrap_ea(c, ea + c->op_bytes);
	r = emul_store(c, &c->dst);
	c->ea = ea;
	return r;
}

enum emul_result x_pop_sreg(struct emul_ctx *c)
{
	unsigned int id = c->opcode >> 3 & 7;
	u64 sel;

	id = c->map == 2 ? (id & 1) + EMUL_FS : id & 3;
	TRY(emul_pop_sel(c, &sel, c->op_bytes));
	TRY(emul_load_seg(c, id, sel));
	if (id == EMUL_SS)
		c->int_shadow = EMUL_SHADOW_MOVSS;
	return EMUL_OK;
}

enum emul_result x_pusha(struct emul_ctx *c)
{
	unsigned int n;
	u64 sp = c->gpr[R_SP];

	for (n = 0; n < 8; n++)
		TRY(emul_push(c, n == R_SP ? sp : c->gpr[n], c->op_bytes));
	return EMUL_OK;
}

enum emul_result x_popa(struct emul_ctx *c)
{
	int n;
	u64 v;

	for (n = 7; n >= 0; n--) {
		TRY(emul_pop(c, &v, c->op_bytes));
		if (n != R_SP)
			emul_set_reg(c, n, c->op_bytes, v);
	}
	return EMUL_OK;
}

enum emul_result x_pushf(struct emul_ctx *c)
{
	bool virtual;

	TRY(emul_virtual_if(c, &virtual));
	if (virtual)
		return emul_push(c, emul_vme_image(c), 2);
	return emul_push(c, c->rflags & ~(FL_RF | FL_VM), c->op_bytes);
}

enum emul_result x_popf(struct emul_ctx *c)
{
	u64 v, may = FL_ARITH | FL_TF | FL_DF | FL_NT;
	bool virtual;

	TRY(emul_virtual_if(c, &virtual));
	if (virtual) {
		TRY(emul_pop(c, &v, 2));
		return emul_vme_flags(c, v);
	}
	if (c->op_bytes > 2)
		may |= FL_AC | FL_ID;
	if (c->mode == EMUL_REAL || (c->cpl == 0 && c->mode != EMUL_VM86))
		may |= FL_IOPL | FL_IF;
	else if (c->cpl <= emul_iopl(c))
		may |= FL_IF;
	TRY(emul_pop(c, &v, c->op_bytes));
	c->rflags = (c->rflags & ~(may | FL_RF)) | (v & may);
	return EMUL_OK;
}

/* SDM 1 6.6; SDM 2A, ENTER: the last step checks the new stack top */
enum emul_result x_enter(struct emul_ctx *c)
{
	unsigned int level = c->imm2 & 31, size = c->op_bytes, bytes, i;
	u64 frame, bp = c->gpr[R_BP], v, la;

	TRY(emul_stack_bytes(c, &bytes));
	TRY(emul_push(c, bp, size));
	frame = c->gpr[R_SP];
	for (i = 1; i < level; i++) {
		bp = (bp - size) & size_mask(bytes);
		TRY(emul_read_mem(c, EMUL_SS, bp, size, EMUL_ACC_STACK, &v));
		TRY(emul_push(c, v, size));
	}
	if (level)
		TRY(emul_push(c, frame, size));
	emul_set_reg(c, R_BP, size, frame);
	TRY(emul_add_sp(c, -(s64)c->imm));
	TRY(emul_linear(c, EMUL_SS, emul_reg(c, R_SP, bytes), size, true, &la));
	return emul_write_la(c, la, NULL, size,
			     EMUL_ACC_STACK | EMUL_ACC_PROBE);
}

enum emul_result x_leave(struct emul_ctx *c)
{
	unsigned int bytes;
	u64 v;

	TRY(emul_stack_bytes(c, &bytes));
	emul_set_reg(c, R_SP, bytes, c->gpr[R_BP]);
	TRY(emul_pop(c, &v, c->op_bytes));
	emul_set_reg(c, R_BP, c->op_bytes, v);
	return EMUL_OK;
}

/* Which flag CLI and STI move: IF, or VIF by VME or PVI (SDM 3A 20.3-20.4) */
static enum emul_result interrupt_flag(struct emul_ctx *c, u64 *flag)
{
	u64 cr4, need;

	*flag = FL_IF;
	if (c->mode == EMUL_REAL || c->cpl <= emul_iopl(c))
		return EMUL_OK;
	need = c->mode == EMUL_VM86 ? CR4_VME : CR4_PVI;
	TRY(c->ops->get_cr(c, 4, &cr4));
	if (c->cpl != 3 || !(cr4 & need))
		return emul_gp0(c);
	*flag = FL_VIF;
	return EMUL_OK;
}

enum emul_result x_cli(struct emul_ctx *c)
{
	u64 flag;

	TRY(interrupt_flag(c, &flag));
	c->rflags &= ~flag;
	return EMUL_OK;
}

enum emul_result x_sti(struct emul_ctx *c)
{
	u64 flag;

	TRY(interrupt_flag(c, &flag));
	if (flag == FL_VIF && c->rflags & FL_VIP)
		return emul_gp0(c);
	if (flag == FL_IF && !(c->rflags & FL_IF))
		c->int_shadow = EMUL_SHADOW_STI;
	c->rflags |= flag;
	return EMUL_OK;
}

enum emul_result x_bound(struct emul_ctx *c)
{
	unsigned int size = c->op_bytes;
	s64 i = sign_extend(c->dst.val, size);
	u64 lo, hi;

	/* An index below the range never gets to the upper bound's address */
	TRY(emul_read_mem(c, c->seg, c->ea, size, 0, &lo));
	if (i < sign_extend(lo, size))
		return emul_raise(c, EMUL_BR);
	TRY(emul_read_mem(c, c->seg, emul_wrap_ea(c, c->ea + size), size, 0,
			  &hi));
	if (i > sign_extend(hi, size))
		return emul_raise(c, EMUL_BR);
	return EMUL_OK;
}
