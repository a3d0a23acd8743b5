// SPDX-License-Identifier: GPL-2.0-only
/*
 * Far jumps, calls and returns (SDM 3A 5.8; SDM 2, the instructions' pages).
 * Everything that can fault is done before the first segment register is
 * loaded.
 */
#include "bodies.h"

/* The mode that a code segment brings, outside real and VM86 mode */
void emul_set_mode(struct emul_ctx *c, const struct emul_seg *cs)
{
	if (c->lma && cs->attr & EMUL_SEG_L)
		c->mode = EMUL_LONG64;
	else
		c->mode = cs->attr & EMUL_SEG_DB ? EMUL_PROT32 : EMUL_PROT16;
}

static bool is_code64(const struct emul_ctx *c, const struct emul_seg *cs)
{
	return !is_paragraph(c) && c->lma && cs->attr & EMUL_SEG_L;
}

/*
 * Is rip inside the segment? Before anything is pushed, too. A 64-bit offset is cut
 * for other code.
 */
enum emul_result emul_check_rip(struct emul_ctx *c, const struct emul_seg *cs,
				u64 rip)
{
	if (is_code64(c, cs))
		return is_canonical(c, rip) ? EMUL_OK : emul_gp0(c);
	return (u32)rip > cs->limit ? emul_gp0(c) : EMUL_OK;
}

/* The last step of a far transfer: load CS and go there */
enum emul_result emul_to_code(struct emul_ctx *c, const struct emul_seg *cs,
			      u64 rip)
{
	TRY(emul_check_rip(c, cs, rip));
	TRY(emul_put_seg(c, EMUL_CS, cs));
	c->new_rip = is_code64(c, cs) ? rip : (u32)rip;
	if (!is_paragraph(c)) {
		c->cpl = cs->sel & 3;
		emul_set_mode(c, cs);
	}
	return EMUL_OK;
}

static enum emul_result code_fault(struct emul_ctx *c, u16 sel)
{
	return emul_raise_err(c, EMUL_GP, sel & ~3u);
}

/* Presence and L with D, after the privilege check */
static enum emul_result finish_code(struct emul_ctx *c, struct emul_desc *d,
				    unsigned int cpl, struct emul_seg *cs)
{
	if (c->lma && DESC_L(d) && DESC_DB(d))
		return code_fault(c, d->sel);
	if (!DESC_P(d))
		return emul_raise_err(c, EMUL_NP, d->sel & ~3u);
	TRY(emul_mark_desc(c, d, DESC_ACCESSED));
	d->hi |= DESC_ACCESSED;
	emul_desc_to_seg(d, cs);
	cs->sel = (d->sel & ~3u) | cpl;
	return EMUL_OK;
}

/* Code that a far JMP or CALL names itself */
static enum emul_result direct_target(struct emul_ctx *c, struct emul_desc *d,
				      struct emul_seg *cs)
{
	if (!DESC_CODE(d))
		return code_fault(c, d->sel);
	if (DESC_CONFORMING(d) ? DESC_DPL(d) > c->cpl :
				 (d->sel & 3u) > c->cpl || DESC_DPL(d) != c->cpl)
		return code_fault(c, d->sel);
	return finish_code(c, d, c->cpl, cs);
}

/* A gate or a TSS is for those only that its DPL lets (SDM 3A 5.8.4, 7.3) */
static enum emul_result check_gate(struct emul_ctx *c,
				   const struct emul_desc *d)
{
	if (DESC_DPL(d) < c->cpl || DESC_DPL(d) < (d->sel & 3u))
		return code_fault(c, d->sel);
	return EMUL_OK;
}

static enum emul_result gate_present(struct emul_ctx *c,
				     const struct emul_desc *d)
{
	return DESC_P(d) ? EMUL_OK :
			   emul_raise_err(c, EMUL_NP, d->sel & ~3u);
}

struct call_gate {
	u64 rip;
	u16 sel;
	u8 bytes;	/* width of what is pushed */
	u8 params;	/* copied from stack to stack */
};

/* SDM 3A 5.8.3; in IA-32e mode a gate has 16 bytes and no parameters */
static enum emul_result read_call_gate(struct emul_ctx *c, struct emul_desc *d,
				       struct call_gate *g)
{
	TRY(check_gate(c, d));
	TRY(gate_present(c, d));
	g->sel = d->lo >> 16;
	g->rip = (d->lo & 0xffff) | (d->hi & 0xffff0000);
	g->params = d->hi & 31;
	g->bytes = DESC_TYPE(d) & 8 ? 4 : 2;
	if (g->bytes == 2)
		g->rip &= 0xffff;
	if (c->lma) {
		TRY(emul_read_desc_hi(c, d));
		g->rip |= (u64)d->base_hi << 32;
		g->params = 0;
		g->bytes = 8;
	}
	return EMUL_OK;
}

/* The code behind the gate; only a CALL gets to an inner level */
static enum emul_result gate_target(struct emul_ctx *c,
				    const struct call_gate *g, bool call,
				    struct emul_seg *cs)
{
	unsigned int cpl = c->cpl;
	struct emul_desc d;

	if (!(g->sel & ~3u))
		return emul_gp0(c);
	TRY(emul_read_desc(c, g->sel, &d, EMUL_GP, 0));
	if (!DESC_CODE(&d) || DESC_DPL(&d) > cpl)
		return code_fault(c, g->sel);
	if (c->lma && (!DESC_L(&d) || DESC_DB(&d)))
		return code_fault(c, g->sel);
	if (!DESC_CONFORMING(&d)) {
		if (!call && DESC_DPL(&d) != cpl)
			return code_fault(c, g->sel);
		cpl = DESC_DPL(&d);
	}
	return finish_code(c, &d, cpl, cs);
}

/* What the caller had pushed for the inner level */
static enum emul_result read_params(struct emul_ctx *c,
				    const struct call_gate *g, u64 *params)
{
	unsigned int bytes, i;

	TRY(emul_stack_bytes(c, &bytes));
	for (i = 0; i < g->params; i++)
		TRY(emul_read_mem(c, EMUL_SS, (c->gpr[R_SP] + i * g->bytes) &
				  size_mask(bytes), g->bytes, EMUL_ACC_STACK,
				  &params[i]));
	return EMUL_OK;
}

static enum emul_result push_pair(struct emul_ctx *c, u16 sel, u64 off,
				  unsigned int bytes)
{
	TRY(emul_push(c, sel, bytes));
	return emul_push(c, off, bytes);
}

/* Old stack, parameters and return address, on the new stack */
static enum emul_result push_call(struct emul_ctx *c, const struct call_gate *g,
				  const u16 *sels, u64 old_sp,
				  const u64 *params)
{
	unsigned int i;

	TRY(push_pair(c, sels[0], old_sp, g->bytes));
	for (i = g->params; i--;)
		TRY(emul_push(c, params[i], g->bytes));
	return push_pair(c, sels[1], c->next_rip, g->bytes);
}

static enum emul_result call_inner(struct emul_ctx *c,
				   const struct call_gate *g,
				   const struct emul_seg *cs, u16 cs_sel)
{
	u64 params[32], sp, old_sp = c->gpr[R_SP];
	unsigned int cpl = cs->sel & 3;
	const struct emul_seg *old;
	struct emul_seg ss;
	u16 sels[2];

	TRY(emul_seg(c, EMUL_SS, &old));
	sels[0] = old->sel;
	sels[1] = cs_sel;
	TRY(emul_inner_stack(c, cpl, 0, &ss, &sp));
	TRY(read_params(c, g, params));
	emul_enter_level(c, cs, cpl, &ss, sp);
	TRY(emul_with_error(c, push_call(c, g, sels, old_sp, params),
			    EMUL_SS_VEC, ss.sel & ~3u));
	TRY(emul_to_code(c, cs, g->rip));
	return emul_put_seg(c, EMUL_SS, &ss);
}

static enum emul_result through_gate(struct emul_ctx *c, struct emul_desc *d,
				     bool call)
{
	const struct emul_seg *old;
	struct call_gate g;
	struct emul_seg cs;

	TRY(read_call_gate(c, d, &g));
	TRY(gate_target(c, &g, call, &cs));
	if (!call)
		return emul_to_code(c, &cs, g.rip);
	TRY(emul_check_rip(c, &cs, g.rip));
	TRY(emul_seg(c, EMUL_CS, &old));
	if ((cs.sel & 3) < c->cpl)
		return call_inner(c, &g, &cs, old->sel);
	emul_set_mode(c, &cs);	/* whose stack it is that gets the address */
	TRY(push_pair(c, old->sel, c->next_rip, g.bytes));
	return emul_to_code(c, &cs, g.rip);
}

static enum emul_result to_task(struct emul_ctx *c, const struct emul_desc *d,
				bool call)
{
	const struct emul_event none = { 0 };
	u16 sel = d->sel;

	TRY(check_gate(c, d));
	if (DESC_TYPE(d) == SYS_TASK) {
		TRY(gate_present(c, d));
		sel = d->lo >> 16;
	}
	return emul_task_switch(c, sel, call ? EMUL_TASK_CALL : EMUL_TASK_JMP,
				c->next_rip, &none);
}

static enum emul_result far_code(struct emul_ctx *c, const struct emul_seg *cs,
				 u64 rip, bool call)
{
	const struct emul_seg *old;

	if (call) {
		TRY(emul_seg(c, EMUL_CS, &old));
		/* The stack is used as the code called will use it */
		if (!is_paragraph(c))
			emul_set_mode(c, cs);
		TRY(push_pair(c, old->sel, c->next_rip, c->op_bytes));
	}
	return emul_to_code(c, cs, rip);
}

static enum emul_result far_transfer(struct emul_ctx *c, u16 sel, u64 rip,
				     bool call)
{
	struct emul_seg cs;
	struct emul_desc d;

	if (is_paragraph(c)) {
		TRY(emul_paragraph_seg(c, EMUL_CS, sel, &cs));
		return far_code(c, &cs, rip, call);
	}
	if (!(sel & ~3u))
		return emul_gp0(c);
	TRY(emul_read_desc(c, sel, &d, EMUL_GP, 0));
	if (DESC_S(&d)) {
		TRY(direct_target(c, &d, &cs));
		return far_code(c, &cs, rip, call);
	}
	switch (DESC_TYPE(&d)) {
	case SYS_CALL:
		return through_gate(c, &d, call);
	case SYS_CALL16:
		return c->lma ? code_fault(c, sel) : through_gate(c, &d, call);
	case SYS_TASK:
	case SYS_TSS16:
	case SYS_TSS:
		return c->lma ? code_fault(c, sel) : to_task(c, &d, call);
	default:
		return code_fault(c, sel);
	}
}

static enum emul_result read_far_pointer(struct emul_ctx *c, u16 *sel, u64 *rip)
{
	unsigned int size = c->op_bytes;
	u64 v;

	/* m16:64 exists on Intel only */
	if (size == 8 && emul_has(c, EMUL_F_AMD))
		return EMUL_UNHANDLED;
	TRY(emul_read_mem(c, c->seg, c->ea, size, 0, rip));
	TRY(emul_read_mem(c, c->seg, emul_wrap_ea(c, c->ea + size), 2, 0, &v));
	*sel = v;
	return EMUL_OK;
}

enum emul_result x_jmp_far(struct emul_ctx *c)
{
	return far_transfer(c, c->imm2, c->imm, false);
}

enum emul_result x_call_far(struct emul_ctx *c)
{
	return far_transfer(c, c->imm2, c->imm, true);
}

enum emul_result x_jmp_far_mem(struct emul_ctx *c)
{
	u64 rip;
	u16 sel;

	TRY(read_far_pointer(c, &sel, &rip));
	return far_transfer(c, sel, rip, false);
}

enum emul_result x_call_far_mem(struct emul_ctx *c)
{
	u64 rip;
	u16 sel;

	TRY(read_far_pointer(c, &sel, &rip));
	return far_transfer(c, sel, rip, true);
}

/* Code segment that RET or IRET goes back to, at CPL = RPL */
static enum emul_result check_return(struct emul_ctx *c, u16 sel,
				     struct emul_seg *cs)
{
	unsigned int rpl = sel & 3;
	struct emul_desc d;

	if (!(sel & ~3u))
		return emul_gp0(c);
	TRY(emul_read_desc(c, sel, &d, EMUL_GP, 0));
	if (!DESC_CODE(&d) || rpl < c->cpl)
		return code_fault(c, sel);
	if (DESC_CONFORMING(&d) ? DESC_DPL(&d) > rpl : DESC_DPL(&d) != rpl)
		return code_fault(c, sel);
	return finish_code(c, &d, rpl, cs);
}

/* Data segments that the outer level may not have are made null */
static enum emul_result drop_inner_segs(struct emul_ctx *c)
{
	static const u8 ids[] = { EMUL_ES, EMUL_DS, EMUL_FS, EMUL_GS };
	const struct emul_seg *s;
	struct emul_seg null;
	unsigned int i, dpl;

	for (i = 0; i < sizeof(ids); i++) {
		TRY(emul_seg(c, ids[i], &s));
		dpl = (s->attr & EMUL_SEG_DPL) >> EMUL_SEG_DPL_SHIFT;
		if (s->attr & EMUL_SEG_UNUSABLE || (s->attr & 0xc) == 0xc ||
		    dpl >= c->cpl)
			continue;
		memset(&null, 0, sizeof(null));
		null.attr = EMUL_SEG_UNUSABLE;
		TRY(emul_put_seg(c, ids[i], &null));
	}
	return EMUL_OK;
}

/*
 * Leave for cs:rip at an outer level: the stack holds SP and SS, after extra
 * bytes that the caller had pushed as arguments.
 */
static enum emul_result return_outer(struct emul_ctx *c,
				     const struct emul_seg *cs, u64 rip,
				     unsigned int extra)
{
	unsigned int cpl = cs->sel & 3, bytes;
	struct emul_seg ss;
	u8 mode = c->mode;
	u64 sp, sel;

	TRY(emul_add_sp(c, extra));
	TRY(emul_pop(c, &sp, c->op_bytes));
	TRY(emul_pop_sel(c, &sel, c->op_bytes));
	/* SS may be null only where the code returned to is 64-bit */
	emul_set_mode(c, cs);
	TRY(emul_check_seg(c, EMUL_SS, sel, cpl, EMUL_GP, 0, &ss));
	c->mode = mode;
	TRY(emul_check_rip(c, cs, rip));

	TRY(emul_put_seg(c, EMUL_SS, &ss));
	TRY(emul_to_code(c, cs, rip));
	if (c->cpl > c->old_cpl)
		TRY(drop_inner_segs(c));
	bytes = is_long64(c) ? 8 : ss.attr & EMUL_SEG_DB ? 4 : 2;
	emul_set_reg(c, R_SP, bytes, sp + extra);
	return EMUL_OK;
}

/* RETF, with the bytes to drop in imm */
enum emul_result x_ret_far(struct emul_ctx *c)
{
	struct emul_seg cs;
	u64 rip, sel;

	TRY(emul_pop(c, &rip, c->op_bytes));
	TRY(emul_pop_sel(c, &sel, c->op_bytes));
	if (is_paragraph(c)) {
		TRY(emul_paragraph_seg(c, EMUL_CS, sel, &cs));
	} else {
		TRY(check_return(c, sel, &cs));
		if ((sel & 3) > c->cpl)
			return return_outer(c, &cs, rip, c->imm);
	}
	TRY(emul_add_sp(c, c->imm));
	return emul_to_code(c, &cs, rip);
}

/* Flags that IRET may change at this CPL (SDM 2A, IRET) */
static void set_iret_flags(struct emul_ctx *c, u64 v, unsigned int cpl,
			   unsigned int size)
{
	u64 may = FL_ARITH | FL_TF | FL_DF | FL_NT;

	if (size > 2)
		may |= FL_RF | FL_AC | FL_ID;
	if (cpl <= emul_iopl(c))
		may |= FL_IF;
	if (cpl == 0)
		may |= FL_IOPL;
	if (cpl == 0 && size > 2 && c->old_mode != EMUL_REAL)
		may |= FL_VIF | FL_VIP;
	c->rflags = (c->rflags & ~may) | (v & may);
}

/* To VM86 mode, from CPL 0: six more words are on the stack (SDM 3A 20.2.2) */
static enum emul_result iret_to_vm86(struct emul_ctx *c, u64 rip, u16 cs_sel,
				     u64 flags)
{
	/* in the order in which they are popped, after SP */
	static const u8 ids[] = { EMUL_SS, EMUL_ES, EMUL_DS, EMUL_FS, EMUL_GS };
	struct emul_seg seg[5], cs;
	u64 sp, sel[5];
	unsigned int i;

	TRY(emul_pop(c, &sp, 4));
	for (i = 0; i < 5; i++)
		TRY(emul_pop(c, &sel[i], 4));

	c->mode = EMUL_VM86;
	for (i = 0; i < 5; i++)
		TRY(emul_paragraph_seg(c, ids[i], sel[i], &seg[i]));
	TRY(emul_paragraph_seg(c, EMUL_CS, cs_sel, &cs));
	TRY(emul_check_rip(c, &cs, rip & 0xffff));

	for (i = 0; i < 5; i++)
		TRY(emul_put_seg(c, ids[i], &seg[i]));
	TRY(emul_to_code(c, &cs, rip & 0xffff));
	emul_set_reg(c, R_SP, 4, sp);
	c->cpl = 3;
	set_iret_flags(c, flags, 0, 4);
	c->rflags |= FL_VM;
	return EMUL_OK;
}

static enum emul_result iret_paragraph(struct emul_ctx *c, u64 rip, u16 sel,
				       u64 flags)
{
	struct emul_seg cs;

	TRY(emul_paragraph_seg(c, EMUL_CS, sel, &cs));
	TRY(emul_to_code(c, &cs, rip));
	set_iret_flags(c, flags, c->cpl, c->op_bytes);
	return EMUL_OK;
}

/* Within VM86 mode, with VIF in the place of IF */
static enum emul_result iret_virtual(struct emul_ctx *c)
{
	u64 rip, sel, flags;
	struct emul_seg cs;

	TRY(emul_pop(c, &rip, 2));
	TRY(emul_pop(c, &sel, 2));
	TRY(emul_pop(c, &flags, 2));
	TRY(emul_vme_flags(c, flags));
	TRY(emul_paragraph_seg(c, EMUL_CS, sel, &cs));
	return emul_to_code(c, &cs, rip);
}

enum emul_result x_iret(struct emul_ctx *c)
{
	unsigned int cpl = c->cpl, size = c->op_bytes;
	u64 rip, sel, flags;
	struct emul_seg cs;
	bool virtual;

	TRY(emul_virtual_if(c, &virtual));
	if (virtual)
		return iret_virtual(c);
	c->iret = true;
	if (!is_paragraph(c) && c->rflags & FL_NT)
		return c->lma ? emul_gp0(c) : emul_task_return(c);

	TRY(emul_pop(c, &rip, size));
	TRY(emul_pop_sel(c, &sel, size));
	TRY(emul_pop(c, &flags, size));
	if (is_paragraph(c))
		return iret_paragraph(c, rip, sel, flags);
	if (size == 4 && flags & FL_VM && !cpl && !c->lma)
		return iret_to_vm86(c, rip, sel, flags);

	TRY(check_return(c, sel, &cs));
	if (is_long64(c) || (sel & 3) > cpl)
		TRY(return_outer(c, &cs, rip, 0));
	else
		TRY(emul_to_code(c, &cs, rip));
	set_iret_flags(c, flags, cpl, size);
	return EMUL_OK;
}
