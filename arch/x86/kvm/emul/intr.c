// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts and exceptions through the IVT or the IDT (SDM 3A 6.12, 6.14,
 * 20.1.4, 20.3).
 */
#include "bodies.h"

#define ERR_EXT	1u
#define ERR_IDT	2u

static enum emul_result real_interrupt(struct emul_ctx *c, u8 vector, u64 rip)
{
	const struct emul_seg *old;
	struct emul_seg cs;
	struct emul_dt idt;
	u16 ivt[2];

	TRY(OPTIONAL(c, get_dt, EMUL_IDTR, &idt));
	if (vector * 4u + 3 > idt.limit)
		return emul_gp0(c);
	TRY(emul_read_la(c, idt.base + vector * 4u, ivt, 4, EMUL_ACC_SYSTEM));
	TRY(emul_seg(c, EMUL_CS, &old));
	TRY(emul_push(c, c->rflags, 2));
	TRY(emul_push(c, old->sel, 2));
	TRY(emul_push(c, rip, 2));
	TRY(emul_paragraph_seg(c, EMUL_CS, ivt[1], &cs));
	TRY(emul_to_code(c, &cs, ivt[0]));
	c->rflags &= ~(FL_IF | FL_TF | FL_AC | FL_RF);
	c->step = false;
	return EMUL_OK;
}

struct gate {
	u64 rip;
	u16 sel;
	u8 type;
	u8 ist;
	u8 bytes;	/* width of what is pushed */
};

/* Fetch and check the gate; what is wrong with it is told by vector */
static enum emul_result read_gate(struct emul_ctx *c, u8 vector, bool soft,
				  u32 ext, struct gate *g)
{
	unsigned int len = c->lma ? 16 : 8;
	u32 err = vector * 8u + ERR_IDT + ext, buf[4] = { 0 };
	struct emul_dt idt;
	u64 la;

	TRY(OPTIONAL(c, get_dt, EMUL_IDTR, &idt));
	if (vector * len + len - 1 > idt.limit)
		return emul_raise_err(c, EMUL_GP, err);
	la = idt.base + vector * len;
	if (!c->lma)
		la = (u32)la;
	TRY(emul_read_la(c, la, buf, len, EMUL_ACC_SYSTEM));

	g->type = buf[1] >> 8 & 0x1f;
	g->sel = buf[0] >> 16;
	g->rip = (buf[0] & 0xffff) | (buf[1] & 0xffff0000);
	g->ist = 0;
	g->bytes = g->type & 8 ? 4 : 2;
	if (c->lma) {
		g->rip |= (u64)buf[2] << 32;
		g->ist = buf[1] & 7;
		g->bytes = 8;
	}
	switch (g->type) {
	case SYS_INT:
	case SYS_TRAP:
		break;
	case SYS_INT16:
	case SYS_TRAP16:
		if (!c->lma) {
			g->rip &= 0xffff;
			break;
		}
		return emul_raise_err(c, EMUL_GP, err);
	case SYS_TASK:
		if (!c->lma)
			break;
		fallthrough;
	default:
		return emul_raise_err(c, EMUL_GP, err);
	}
	if (soft && (buf[1] >> 13 & 3) < c->cpl)
		return emul_raise_err(c, EMUL_GP, err);
	if (!(buf[1] & 0x8000))
		return emul_raise_err(c, EMUL_NP, err);
	return EMUL_OK;
}

/* The handler's code segment and the level it runs at */
static enum emul_result gate_code(struct emul_ctx *c, const struct gate *g,
				  u32 ext, struct emul_seg *cs,
				  unsigned int *cpl)
{
	u32 err = (g->sel & ~3u) | ext;
	struct emul_desc d;

	if (!(g->sel & ~3u))
		return emul_raise_err(c, EMUL_GP, ext);
	TRY(emul_read_desc(c, g->sel, &d, EMUL_GP, ext));
	if (!DESC_CODE(&d) || DESC_DPL(&d) > c->cpl)
		return emul_raise_err(c, EMUL_GP, err);
	if (c->lma && (!DESC_L(&d) || DESC_DB(&d)))
		return emul_raise_err(c, EMUL_GP, err);
	if (!DESC_P(&d))
		return emul_raise_err(c, EMUL_NP, err);
	*cpl = DESC_CONFORMING(&d) ? c->cpl : DESC_DPL(&d);
	if (c->mode == EMUL_VM86 && *cpl)
		return emul_raise_err(c, EMUL_GP, err);
	TRY(emul_mark_desc(c, &d, DESC_ACCESSED));
	d.hi |= DESC_ACCESSED;
	emul_desc_to_seg(&d, cs);
	cs->sel = (g->sel & ~3u) | *cpl;
	return EMUL_OK;
}

/* A field of the TSS; beyond its limit is #TS */
static enum emul_result read_tss(struct emul_ctx *c, unsigned int at,
				 unsigned int len, u32 ext, u64 *v)
{
	struct emul_seg tr;

	TRY(c->ops->get_seg(c, EMUL_TR, &tr));
	if (at + len - 1 > tr.limit)
		return emul_raise_err(c, EMUL_TS, (tr.sel & ~3u) | ext);
	*v = 0;
	return emul_read_la(c, tr.base + at, v, len, EMUL_ACC_SYSTEM);
}

/* RSPn or ISTn; a null SS when the level changes (SDM 3A 6.14.5) */
static enum emul_result stack64(struct emul_ctx *c, unsigned int at,
				unsigned int cpl, u32 ext,
				struct emul_seg *ss, u64 *sp)
{
	const struct emul_seg *old;

	TRY(emul_seg(c, EMUL_SS, &old));
	*ss = *old;
	*sp = c->gpr[R_SP];
	if (at)
		TRY(read_tss(c, at, 8, ext, sp));
	if (!is_canonical(c, *sp))
		return emul_raise_err(c, EMUL_SS_VEC, ext);
	if (cpl < c->cpl) {
		memset(ss, 0, sizeof(*ss));
		ss->sel = cpl;
		ss->attr = EMUL_SEG_UNUSABLE | cpl << EMUL_SEG_DPL_SHIFT;
	}
	return EMUL_OK;
}

/* Stack of an inner level from the TSS (SDM 3A 7.2.1, 7.7) */
enum emul_result emul_inner_stack(struct emul_ctx *c, unsigned int cpl,
				  u32 ext, struct emul_seg *ss, u64 *sp)
{
	struct emul_seg tr;
	u64 sel;

	if (c->lma)
		return stack64(c, 4 + 8 * cpl, cpl, ext, ss, sp);
	TRY(c->ops->get_seg(c, EMUL_TR, &tr));
	if (tr.attr & 8) {
		TRY(read_tss(c, 4 + 8 * cpl, 4, ext, sp));
		TRY(read_tss(c, 8 + 8 * cpl, 2, ext, &sel));
	} else {
		TRY(read_tss(c, 2 + 4 * cpl, 2, ext, sp));
		TRY(read_tss(c, 4 + 4 * cpl, 2, ext, &sel));
	}
	return emul_check_seg(c, EMUL_SS, sel, cpl, EMUL_TS, ext, ss);
}

/* The handler's frame, on the stack that is already current */
static enum emul_result push_frame(struct emul_ctx *c, unsigned int bytes,
				   const u16 *sels, u64 old_sp, u64 flags,
				   u64 rip, bool switched)
{
	const struct emul_seg *s;

	if (c->old_mode == EMUL_VM86) {
		TRY(emul_seg(c, EMUL_GS, &s));
		TRY(emul_push(c, s->sel, bytes));
		TRY(emul_seg(c, EMUL_FS, &s));
		TRY(emul_push(c, s->sel, bytes));
		TRY(emul_seg(c, EMUL_DS, &s));
		TRY(emul_push(c, s->sel, bytes));
		TRY(emul_seg(c, EMUL_ES, &s));
		TRY(emul_push(c, s->sel, bytes));
	}
	if (switched) {
		TRY(emul_push(c, sels[0], bytes));
		TRY(emul_push(c, old_sp, bytes));
	}
	TRY(emul_push(c, flags, bytes));
	TRY(emul_push(c, sels[1], bytes));
	return emul_push(c, rip, bytes);
}

static enum emul_result clear_data_segs(struct emul_ctx *c)
{
	static const u8 ids[] = { EMUL_GS, EMUL_FS, EMUL_DS, EMUL_ES };
	const struct emul_seg null = { .attr = EMUL_SEG_UNUSABLE };
	unsigned int i;

	for (i = 0; i < sizeof(ids); i++)
		TRY(emul_put_seg(c, ids[i], &null));
	return EMUL_OK;
}

/* Make a level and its stack current, for the pushes to come */
void emul_enter_level(struct emul_ctx *c, const struct emul_seg *cs,
		      unsigned int cpl, const struct emul_seg *ss, u64 sp)
{
	emul_set_mode(c, cs);
	c->cpl = cpl;
	emul_cache_seg(c, EMUL_SS, ss);
	emul_set_gpr(c, R_SP, sp);
}

enum emul_result emul_with_error(struct emul_ctx *c, enum emul_result r,
				 u8 vector, u32 error)
{
	if (r == EMUL_FAULT && c->fault.vector == vector)
		c->fault.error = error;
	return r;
}

/* The stack that the handler gets */
static enum emul_result gate_stack(struct emul_ctx *c, const struct gate *g,
				   unsigned int cpl, u32 ext,
				   struct emul_seg *ss, u64 *sp)
{
	const struct emul_seg *old;
	unsigned int at = 0;

	if (c->lma) {
		if (g->ist)
			at = 28 + 8 * g->ist;
		else if (cpl < c->cpl)
			at = 4 + 8 * cpl;
		TRY(stack64(c, at, cpl, ext, ss, sp));
		*sp &= ~15ull;
		return EMUL_OK;
	}
	if (cpl < c->cpl) {
		/* protected mode rules, also when coming from VM86 mode */
		c->mode = EMUL_PROT32;
		return emul_inner_stack(c, cpl, ext, ss, sp);
	}
	TRY(emul_seg(c, EMUL_SS, &old));
	*ss = *old;
	*sp = c->gpr[R_SP];
	return EMUL_OK;
}

/* The frame, with the error code behind it */
static enum emul_result push_event(struct emul_ctx *c, const struct gate *g,
				   const u16 *sels, u64 old_sp, u64 rip,
				   bool switched, const struct emul_event *ev)
{
	TRY(push_frame(c, g->bytes, sels, old_sp, c->rflags, rip, switched));
	return ev->has_error ? emul_push(c, ev->error, g->bytes) : EMUL_OK;
}

/* Through an interrupt or trap gate */
static enum emul_result gate_interrupt(struct emul_ctx *c, const struct gate *g,
				       u64 rip, const struct emul_event *ev)
{
	bool vm86 = c->mode == EMUL_VM86, switched;
	u64 old_sp = c->gpr[R_SP], sp;
	const struct emul_seg *s;
	struct emul_seg cs, ss;
	unsigned int cpl;
	u32 err;
	u16 sels[2];

	TRY(emul_seg(c, EMUL_SS, &s));
	sels[0] = s->sel;
	TRY(emul_seg(c, EMUL_CS, &s));
	sels[1] = s->sel;
	TRY(gate_code(c, g, ev->ext, &cs, &cpl));
	switched = cpl < c->cpl || c->lma;
	err = (cpl < c->cpl && !c->lma) ? ~0u : ev->ext;
	TRY(gate_stack(c, g, cpl, ev->ext, &ss, &sp));
	if (err == ~0u)
		err = (ss.sel & ~3u) | ev->ext;
	emul_enter_level(c, &cs, cpl, &ss, sp);
	TRY(emul_with_error(c, emul_check_rip(c, &cs, g->rip), EMUL_GP,
			    ev->ext));
	TRY(emul_with_error(c, push_event(c, g, sels, old_sp, rip, switched,
					  ev), EMUL_SS_VEC, err));

	/* flags first: CS of a VM86 task has no mode of its own */
	c->rflags &= ~(FL_TF | FL_NT | FL_RF | FL_VM);
	if (!(g->type & 1))
		c->rflags &= ~FL_IF;
	c->step = false;
	TRY(emul_to_code(c, &cs, g->rip));
	if (vm86)
		TRY(clear_data_segs(c));
	return emul_put_seg(c, EMUL_SS, &ss);
}

static enum emul_result prot_interrupt(struct emul_ctx *c, u8 vector,
				       enum emul_int_kind kind, u64 rip)
{
	struct emul_event ev = { .ext = kind == EMUL_INT_SOFT ? 0 : ERR_EXT };
	struct gate g;

	if (kind == EMUL_INT_EXC && c->fault.has_error) {
		ev.has_error = true;
		ev.error = c->fault.error;
	}
	TRY(read_gate(c, vector, kind == EMUL_INT_SOFT, ev.ext, &g));
	if (g.type == SYS_TASK)
		return emul_task_switch(c, g.sel, EMUL_TASK_GATE, rip, &ev);
	return gate_interrupt(c, &g, rip, &ev);
}

static enum emul_result deliver(struct emul_ctx *c, u8 vector,
				enum emul_int_kind kind, u64 rip)
{
	if (c->mode == EMUL_REAL)
		return real_interrupt(c, vector, rip);
	return prot_interrupt(c, vector, kind, rip);
}

enum emul_result emul_interrupt(struct emul_ctx *c, u8 vector,
				enum emul_int_kind kind)
{
	c->next_rip = c->rip;
	c->committed = false;
	emul_enter_pass(c);
	c->step = false;
	return emul_finish(c, deliver(c, vector, kind, c->rip));
}

/* In VM86 mode INT n may be the task's own business; else it needs IOPL 3 */
enum emul_result x_intn(struct emul_ctx *c)
{
	bool own;

	if (c->mode == EMUL_VM86) {
		TRY(emul_vme_redirects(c, c->imm, &own));
		if (own)
			return emul_vme_interrupt(c, c->imm);
		if (emul_iopl(c) != 3)
			return emul_gp0(c);
	}
	return deliver(c, c->imm, EMUL_INT_SOFT, c->next_rip);
}

enum emul_result x_int3(struct emul_ctx *c)
{
	return deliver(c, EMUL_BP, EMUL_INT_SOFT, c->next_rip);
}

enum emul_result x_into(struct emul_ctx *c)
{
	if (!(c->rflags & FL_OF))
		return EMUL_OK;
	return deliver(c, EMUL_OF, EMUL_INT_SOFT, c->next_rip);
}

/* INT1 is delivered like a hardware event: no DPL check */
enum emul_result x_int1(struct emul_ctx *c)
{
	return deliver(c, EMUL_DB, EMUL_INT_HW, c->next_rip);
}
