// SPDX-License-Identifier: GPL-2.0-only
/*
 * Task switches (SDM 3A 7.2, 7.3). What can go wrong in the old task's context
 * is found before anything is changed; then the new task's registers are
 * committed, and what is wrong with its segments is its own fault.
 */
#include "bodies.h"

#define TSS_LINK	0
#define TSS_CR3		28
#define TSS_TRAP	100
#define TSS_BYTES	104	/* the longer form */

#define DR6_BT		(1ull << 15)
#define DR7_LOCAL	0x155ull	/* L0 to L3, LE */
#define FL_TASK		0x3f7fd7ull	/* flags that a TSS brings */

#define TRIES		16	/* for descriptors that another CPU writes too */

/*
 * Both forms hold the same, in slots of their own width: IP, FLAGS, eight
 * registers, segments from ES on, and the LDT (SDM 3A figures 7-2 and 7-10).
 */
struct tss_form {
	u8 slot;	/* bytes */
	u8 start;	/* of the first one */
	u8 segs;
	u8 bytes;	/* that there have to be */
};

static const struct tss_form tss_forms[2] = {
	{ .slot = 2, .start = 14, .segs = 4, .bytes = 44 },
	{ .slot = 4, .start = 32, .segs = 6, .bytes = TSS_BYTES },
};

struct task {
	struct emul_desc d;
	struct emul_seg seg;
	const struct tss_form *form;
	u8 tss[TSS_BYTES];	/* as read */
};

static u32 get_slot(const struct task *t, unsigned int n)
{
	u32 v = 0;

	memcpy(&v, t->tss + t->form->start + n * t->form->slot, t->form->slot);
	return v;
}

static void put_slot(struct task *t, unsigned int n, u32 v)
{
	memcpy(t->tss + t->form->start + n * t->form->slot, &v, t->form->slot);
}

enum { SLOT_IP, SLOT_FLAGS, SLOT_GPR, SLOT_SEG = SLOT_GPR + 8 };

static unsigned int tss_pieces(unsigned int left)
{
	return left < 16 ? left : 16;
}

static enum emul_result read_tss(struct emul_ctx *c, struct task *t)
{
	unsigned int at, n;

	for (at = 0; at < t->form->bytes; at += n) {
		n = tss_pieces(t->form->bytes - at);
		TRY(emul_read_la(c, (u32)(t->seg.base + at), t->tss + at, n,
				 EMUL_ACC_SYSTEM));
	}
	return EMUL_OK;
}

/* The slots that a switch away saves; what does not change is not written */
static enum emul_result write_tss(struct emul_ctx *c, const struct task *t,
				  unsigned int acc)
{
	const struct tss_form *f = t->form;
	unsigned int at = f->start, n, end;

	end = f->start + f->slot * (SLOT_SEG + f->segs);
	for (; at < end; at += n) {
		n = tss_pieces(end - at);
		TRY(emul_write_la(c, (u32)(t->seg.base + at),
				  acc & EMUL_ACC_PROBE ? NULL : t->tss + at, n,
				  EMUL_ACC_SYSTEM | acc));
	}
	return EMUL_OK;
}

/* The task to go to: its descriptor (SDM 3A table 7-1, from the top) */
static enum emul_result find_new(struct emul_ctx *c, u16 sel, bool back,
				 u32 ext, struct task *t)
{
	u8 vector = back ? EMUL_TS : EMUL_GP;
	u32 types = back ? 1 << SYS_TSS16_BUSY | 1 << SYS_TSS_BUSY :
			   1 << SYS_TSS16 | 1 << SYS_TSS;
	u32 err = (sel & ~3u) | ext;

	if (sel & 4 || !(sel & ~3u))
		return emul_raise_err(c, vector, err);
	TRY(emul_read_desc(c, sel, &t->d, vector, ext));
	if (DESC_S(&t->d) || !(types >> DESC_TYPE(&t->d) & 1))
		return emul_raise_err(c, vector, err);
	if (!DESC_P(&t->d))
		return emul_raise_err(c, EMUL_NP, err);
	emul_desc_to_seg(&t->d, &t->seg);
	t->form = &tss_forms[DESC_TYPE(&t->d) >> 3];
	if (t->seg.limit < t->form->bytes - 1u)
		return emul_raise_err(c, EMUL_TS, err);
	return EMUL_OK;
}

static enum emul_result find_old(struct emul_ctx *c, u32 ext, struct task *t)
{
	u32 err;

	TRY(c->ops->get_seg(c, EMUL_TR, &t->seg));
	err = (t->seg.sel & ~3u) | ext;
	t->form = &tss_forms[t->seg.attr >> 3 & 1];
	if (t->seg.attr & EMUL_SEG_UNUSABLE || t->seg.sel & 4 ||
	    t->seg.limit < t->form->bytes - 1u)
		return emul_raise_err(c, EMUL_TS, err);
	return emul_read_desc(c, t->seg.sel, &t->d, EMUL_TS, ext);
}

/* The old task is no longer busy. Nothing may stop the switch any more. */
static enum emul_result clear_busy(struct emul_ctx *c, struct task *t)
{
	enum emul_result r = EMUL_RETRY;
	unsigned int i;
	u32 hi;

	for (i = 0; i < TRIES && r == EMUL_RETRY; i++) {
		TRY(emul_read_la(c, t->d.la + 4, &t->d.hi, 4,
				 EMUL_ACC_SYSTEM));
		hi = t->d.hi & ~DESC_BUSY;
		r = c->ops->swap(c, t->d.la + 4, &t->d.hi, &hi, 4,
				 EMUL_ACC_SYSTEM);
	}
	return r;
}

/* Fill the slots with the registers of now */
static enum emul_result save_old(struct emul_ctx *c, struct task *t, u64 rip,
				 u64 flags)
{
	const struct emul_seg *s;
	unsigned int i;

	put_slot(t, SLOT_IP, rip);
	put_slot(t, SLOT_FLAGS, flags);
	for (i = 0; i < 8; i++)
		put_slot(t, SLOT_GPR + i, c->gpr[i]);
	for (i = 0; i < t->form->segs; i++) {
		TRY(emul_seg(c, i, &s));
		put_slot(t, SLOT_SEG + i, s->sel);
	}
	return EMUL_OK;
}

/* Selectors are loaded first, each on its own is checked later (SDM 3A 7.3) */
static enum emul_result put_selectors(struct emul_ctx *c, const struct task *t)
{
	struct emul_seg seg = { 0 };
	unsigned int i;

	for (i = EMUL_ES; i <= EMUL_GS; i++) {
		u16 sel = i < t->form->segs ? get_slot(t, SLOT_SEG + i) : 0;

		if (c->mode == EMUL_VM86) {
			TRY(emul_paragraph_seg(c, i, sel, &seg));
		} else if (i == EMUL_CS || i == EMUL_SS) {
			/* something that hardware accepts for the fault's way */
			seg.limit = 0xffffffff;
			seg.attr = EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_G |
				   EMUL_SEG_DB | (i == EMUL_CS ? 0xb : 3) |
				   c->cpl << EMUL_SEG_DPL_SHIFT;
		} else {
			seg.limit = 0;
			seg.attr = EMUL_SEG_UNUSABLE;
		}
		seg.sel = sel;
		TRY(emul_put_seg(c, i, &seg));
	}
	memset(&seg, 0, sizeof(seg));
	seg.attr = EMUL_SEG_UNUSABLE;
	seg.sel = get_slot(t, SLOT_SEG + t->form->segs);
	return emul_put_seg(c, EMUL_LDTR, &seg);
}

/* Registers without conditions. This is the point of no return. */
static enum emul_result put_registers(struct emul_ctx *c, const struct task *t,
				      u64 flags)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		emul_set_gpr(c, i, get_slot(t, SLOT_GPR + i));
	c->rflags = (flags & FL_TASK) | 2;
	c->new_rip = get_slot(t, SLOT_IP);
	c->cpl = get_slot(t, SLOT_SEG + EMUL_CS) & 3;
	c->mode = EMUL_PROT32;
	if (c->rflags & FL_VM) {
		c->mode = EMUL_VM86;
		c->cpl = 3;
	}
	c->rip = c->new_rip;
	c->old_rflags = c->rflags;
	c->old_mode = c->mode;
	c->old_cpl = c->cpl;
	c->step = false;
	emul_commit(c);
	return put_selectors(c, t);
}

/* CR3 where there is paging, CR0.TS, DR7's local bits (SDM 3A 7.3, 3B 17.2.4) */
static enum emul_result put_control(struct emul_ctx *c, const struct task *t)
{
	u64 cr0, dr7;
	u32 cr3;

	TRY(OPTIONAL(c, get_dr, 7, &dr7));
	if (dr7 & DR7_LOCAL)
		TRY(OPTIONAL(c, set_dr, 7, dr7 & ~DR7_LOCAL));
	TRY(c->ops->get_cr(c, 0, &cr0));
	TRY(OPTIONAL(c, set_cr, 0, cr0 | CR0_TS));
	if (!(cr0 & CR0_PG) || t->form->slot == 2)
		return EMUL_OK;
	memcpy(&cr3, t->tss + TSS_CR3, 4);
	return OPTIONAL(c, set_cr, 3, cr3);
}

static enum emul_result load_ldt(struct emul_ctx *c, u16 sel, u32 ext)
{
	u32 err = (sel & ~3u) | ext;
	struct emul_desc d;
	struct emul_seg seg;

	if (!(sel & ~3u))
		return EMUL_OK;
	if (sel & 4)
		return emul_raise_err(c, EMUL_TS, err);
	TRY(emul_read_desc(c, sel, &d, EMUL_TS, ext));
	if (DESC_S(&d) || DESC_TYPE(&d) != SYS_LDT || !DESC_P(&d))
		return emul_raise_err(c, EMUL_TS, err);
	emul_desc_to_seg(&d, &seg);
	return emul_put_seg(c, EMUL_LDTR, &seg);
}

static enum emul_result load_code(struct emul_ctx *c, u16 sel, u32 ext)
{
	u32 err = (sel & ~3u) | ext, rpl = sel & 3;
	struct emul_desc d;
	struct emul_seg seg;

	if (!(sel & ~3u))
		return emul_raise_err(c, EMUL_TS, ext);
	TRY(emul_read_desc(c, sel, &d, EMUL_TS, ext));
	if (!DESC_CODE(&d) || (DESC_CONFORMING(&d) ? DESC_DPL(&d) > rpl :
						     DESC_DPL(&d) != rpl))
		return emul_raise_err(c, EMUL_TS, err);
	if (!DESC_P(&d))
		return emul_raise_err(c, EMUL_NP, err);
	TRY(emul_mark_desc(c, &d, DESC_ACCESSED));
	d.hi |= DESC_ACCESSED;
	emul_desc_to_seg(&d, &seg);
	emul_set_mode(c, &seg);
	c->old_mode = c->mode;
	return emul_put_seg(c, EMUL_CS, &seg);
}

static enum emul_result load_one(struct emul_ctx *c, unsigned int id, u16 sel,
				 u32 ext)
{
	struct emul_seg seg;

	if (id == EMUL_LDTR)
		return load_ldt(c, sel, ext);
	if (id == EMUL_CS)
		return load_code(c, sel, ext);
	TRY(emul_check_seg(c, id, sel, c->cpl, EMUL_TS, ext, &seg));
	return emul_put_seg(c, id, &seg);
}

/* In the new task's context: its segments, and the error code on its stack */
static enum emul_result load_segments(struct emul_ctx *c, const struct task *t,
				      const struct emul_event *ev)
{
	static const u8 order[] = {
		EMUL_LDTR, EMUL_SS, EMUL_CS, EMUL_DS, EMUL_ES, EMUL_FS, EMUL_GS,
	};
	enum emul_result r;
	unsigned int i, n, id;
	u16 sel;

	for (i = 0; i < sizeof(order); i++) {
		id = order[i];
		if (id == EMUL_LDTR)
			sel = get_slot(t, SLOT_SEG + t->form->segs);
		else
			sel = id < t->form->segs ? get_slot(t, SLOT_SEG + id) :
						   0;
		if (c->mode == EMUL_VM86 && id != EMUL_LDTR)
			break;
		r = EMUL_RETRY;
		for (n = 0; n < TRIES && r == EMUL_RETRY; n++)
			r = load_one(c, id, sel, ev->ext);
		TRY(r);
	}
	if (!ev->has_error)
		return EMUL_OK;
	return emul_with_error(c, emul_push(c, ev->error, t->form->slot),
			       EMUL_SS_VEC, ev->ext);
}

/* All that can fault in the old task */
static enum emul_result prepare(struct emul_ctx *c, enum emul_task_why why,
				struct task *old, struct task *new)
{
	TRY(read_tss(c, new));
	TRY(write_tss(c, old, EMUL_ACC_PROBE));
	if (why == EMUL_TASK_CALL || why == EMUL_TASK_GATE)
		TRY(emul_write_la(c, (u32)new->seg.base, NULL, 2,
				  EMUL_ACC_SYSTEM | EMUL_ACC_PROBE));
	else
		TRY(emul_write_la(c, old->d.la + 4, NULL, 4,
				  EMUL_ACC_SYSTEM | EMUL_ACC_PROBE));
	TRY(emul_icpt(c, EMUL_ICPT_TASK_SWITCH));
	/* the last that may fault or be retried, the first that is done */
	return why == EMUL_TASK_IRET ? EMUL_OK :
				       emul_mark_desc(c, &new->d, DESC_BUSY);
}

static enum emul_result leave_old(struct emul_ctx *c, enum emul_task_why why,
				  struct task *old, struct task *new, u64 rip)
{
	u64 flags = c->rflags;

	if (why == EMUL_TASK_IRET)
		flags &= ~FL_NT;
	TRY(save_old(c, old, rip, flags));
	TRY(write_tss(c, old, 0));
	if (why == EMUL_TASK_JMP || why == EMUL_TASK_IRET)
		return clear_busy(c, old);
	return emul_write_la(c, (u32)new->seg.base + TSS_LINK, &old->seg.sel, 2,
			     EMUL_ACC_SYSTEM);
}

enum emul_result emul_task_switch(struct emul_ctx *c, u16 sel,
				  enum emul_task_why why, u64 rip,
				  const struct emul_event *ev)
{
	struct task old = { 0 }, new = { 0 };
	enum emul_result r;
	u64 flags;

	TRY(find_new(c, sel, why == EMUL_TASK_IRET, ev->ext, &new));
	TRY(find_old(c, ev->ext, &old));
	TRY(prepare(c, why, &old, &new));
	TRY(leave_old(c, why, &old, &new, rip));

	flags = get_slot(&new, SLOT_FLAGS);
	if (why == EMUL_TASK_CALL || why == EMUL_TASK_GATE)
		flags |= FL_NT;
	new.seg.attr |= 2;	/* busy */
	TRY(emul_put_seg(c, EMUL_TR, &new.seg));
	TRY(put_registers(c, &new, flags));
	r = put_control(c, &new);
	if (r == EMUL_OK)
		r = load_segments(c, &new, ev);
	if (r == EMUL_OK && new.form->slot == 4 && new.tss[TSS_TRAP] & 1)
		c->trap_dr6 |= DR6_BT;
	/* there is no way back to ask user space or to try again */
	return r == EMUL_OK || r == EMUL_FAULT ? r : EMUL_UNHANDLED;
}

/* IRET with NT set: to the task that called this one */
enum emul_result emul_task_return(struct emul_ctx *c)
{
	const struct emul_event none = { 0 };
	struct emul_seg tr;
	u16 link;

	TRY(c->ops->get_seg(c, EMUL_TR, &tr));
	if (tr.attr & EMUL_SEG_UNUSABLE || tr.limit < 1)
		return emul_raise_err(c, EMUL_TS, tr.sel & ~3u);
	TRY(emul_read_la(c, (u32)tr.base, &link, 2, EMUL_ACC_SYSTEM));
	return emul_task_switch(c, link, EMUL_TASK_IRET, c->next_rip, &none);
}
