// SPDX-License-Identifier: GPL-2.0-only
/*
 * One pass over a decoded instruction: checks, operands, effect, commit.
 */
#include "internal.h"

#define DR6_BS	(1ull << 14)

/* Condition codes, as in Jcc, SETcc, CMOVcc (SDM 1 appendix B) */
bool emul_cond(const struct emul_ctx *c, unsigned int cc)
{
	u64 f = c->rflags;
	bool less = !(f & FL_SF) != !(f & FL_OF);
	bool r;

	switch (cc >> 1 & 7) {
	case 0:
		r = f & FL_OF;
		break;
	case 1:
		r = f & FL_CF;
		break;
	case 2:
		r = f & FL_ZF;
		break;
	case 3:
		r = f & (FL_CF | FL_ZF);
		break;
	case 4:
		r = f & FL_SF;
		break;
	case 5:
		r = f & FL_PF;
		break;
	case 6:
		r = less;
		break;
	default:
		r = less || f & FL_ZF;
		break;
	}
	return r != (cc & 1);
}

enum emul_result emul_icpt(struct emul_ctx *c, enum emul_intercept id)
{
	return c->ops->intercept ? c->ops->intercept(c, id) : EMUL_OK;
}

/* What was done so far stays, and its accesses are final */
void emul_commit(struct emul_ctx *c)
{
	c->undo_mask = 0;
	c->committed = true;
	c->epoch++;
}

static void undo(struct emul_ctx *c)
{
	unsigned int n;

	for (n = 0; n < 16; n++)
		if (c->undo_mask & (1u << n))
			c->gpr[n] = c->undo[n];
	c->undo_mask = 0;
	c->rflags = c->old_rflags;
	c->mode = c->old_mode;
	c->cpl = c->old_cpl;
}

/* VEX needs the OS to have enabled AVX state (SDM 1 14.3) */
static enum emul_result check_avx(struct emul_ctx *c)
{
	u64 cr4, xcr0;

	TRY(c->ops->get_cr(c, 4, &cr4));
	if (is_paragraph(c) || !(cr4 & CR4_OSXSAVE))
		return emul_raise(c, EMUL_UD);
	TRY(OPTIONAL(c, xgetbv, 0, &xcr0));
	return (xcr0 & 6) == 6 ? EMUL_OK : emul_raise(c, EMUL_UD);
}

/* Units that CR0 and CR4 can turn off (SDM 3A 2.5, table 12-1 ff.) */
static enum emul_result check_units(struct emul_ctx *c, u32 flags)
{
	u64 cr0, cr4;

	TRY(c->ops->get_cr(c, 0, &cr0));
	if (flags & F_X87)
		return cr0 & (CR0_EM | CR0_TS) ? emul_raise(c, EMUL_NM) :
						 EMUL_OK;
	/* MOVD's operand is not looked at when VEX has what it may not have */
	if (c->vex && (c->op->src || c->op->dst) && (c->vex_l || c->vex_v))
		return emul_raise(c, EMUL_UD);
	if (c->vex)
		TRY(check_avx(c));
	else if (cr0 & CR0_EM)
		return emul_raise(c, EMUL_UD);
	if (flags & F_SSE && !c->vex) {
		TRY(c->ops->get_cr(c, 4, &cr4));
		if (!(cr4 & CR4_OSFXSR))
			return emul_raise(c, EMUL_UD);
	}
	if (cr0 & CR0_TS)
		return emul_raise(c, EMUL_NM);
	return flags & F_MMX ? emul_x87_pending(c) : EMUL_OK;
}

static enum emul_result check_rare(struct emul_ctx *c, u32 flags)
{
	u64 cr4;

	if (flags & F_UDCPL && c->cpl)
		return emul_raise(c, EMUL_UD);
	if (flags & F_PRIV && c->cpl)
		return emul_gp0(c);
	if (flags & F_UMIP && c->cpl && emul_has(c, EMUL_F_UMIP)) {
		TRY(c->ops->get_cr(c, 4, &cr4));
		if (cr4 & CR4_UMIP)
			return emul_gp0(c);
	}
	if (flags & (F_SSE | F_MMX | F_X87))
		return check_units(c, flags);
	return EMUL_OK;
}

static inline enum emul_result run(struct emul_ctx *c,
				   const struct emul_op *op)
{
	u32 flags = op->flags;

	if (unlikely(flags & F_CHECK))
		TRY(check_rare(c, flags));
	if (unlikely(op->icpt))
		TRY(emul_icpt(c, op->icpt));
	if (c->src.kind)
		TRY(emul_load(c, &c->src, 0));
	if (c->dst.kind && !(flags & F_MOV))
		TRY(emul_load(c, &c->dst, flags & F_NOWR ? 0 : EMUL_ACC_RMW));
	TRY(op->exec(c));
	if (unlikely(flags & F_WRSRC))
		TRY(emul_store(c, &c->src));
	if (c->dst.kind && !(flags & F_NOWR))
		TRY(emul_store(c, &c->dst));
	return EMUL_OK;
}

void emul_enter_pass(struct emul_ctx *c)
{
	c->undo_mask = 0;
	c->seg_valid = 0;
	c->old_rflags = c->rflags;
	c->old_mode = c->mode;
	c->old_cpl = c->cpl;
	c->new_rip = c->next_rip;
	c->int_shadow = 0;
	c->rep_more = false;
	c->replaced = false;
	c->iret = false;
	c->trap_dr6 = 0;
	c->step = c->rflags & FL_TF;
}

/* A step over MOV SS ends behind the next instruction (SDM 3B 17.3.1.4) */
static inline void single_step(struct emul_ctx *c)
{
	if (unlikely(c->step) && c->int_shadow != EMUL_SHADOW_MOVSS)
		c->trap_dr6 |= DR6_BS;
}

enum emul_result emul_finish(struct emul_ctx *c, enum emul_result r)
{
	if (unlikely(r != EMUL_OK)) {
		undo(c);
		return r;
	}
	c->undo_mask = 0;
	if (unlikely(c->replaced))
		return r;
	single_step(c);
	/* its breakpoint was passed already (SDM 3B 17.3.1.1) */
	if (c->rep_more)
		c->rflags |= FL_RF;
	c->rip = c->new_rip;
	return r;
}

enum emul_result emul_exec(struct emul_ctx *c)
{
	emul_enter_pass(c);
	c->rflags &= ~FL_RF;
	return emul_finish(c, run(c, c->op));
}
