// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM 2B; APM 3). They load flat segments
 * without looking at descriptors.
 */
#include "bodies.h"

#define MSR_SYSENTER_CS		0x00000174
#define MSR_SYSENTER_ESP	0x00000175
#define MSR_SYSENTER_EIP	0x00000176
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_SFMASK		0xc0000084
#define EFER_SCE		0x1

/* Load flat CS and SS of a level, and go to rip */
static enum emul_result enter_flat(struct emul_ctx *c, u16 cs_sel, u16 ss_sel,
				   unsigned int cpl, bool long_cs, u64 rip)
{
	u16 attr = EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_G |
		   cpl << EMUL_SEG_DPL_SHIFT;
	struct emul_seg cs = {
		.limit = 0xffffffff,
		.sel = (cs_sel & ~3u) | cpl,
		.attr = attr | 0xb | (long_cs ? EMUL_SEG_L : EMUL_SEG_DB),
	};
	struct emul_seg ss = {
		.limit = 0xffffffff,
		.sel = (ss_sel & ~3u) | cpl,
		.attr = attr | 3 | EMUL_SEG_DB,
	};

	c->cpl = cpl;
	c->mode = long_cs ? EMUL_LONG64 : EMUL_PROT32;
	TRY(emul_put_seg(c, EMUL_SS, &ss));
	TRY(emul_put_seg(c, EMUL_CS, &cs));
	c->new_rip = rip;
	return EMUL_OK;
}

/* Enabled, and in a mode where this vendor has it */
static enum emul_result check_syscall(struct emul_ctx *c, u64 *star)
{
	u64 efer;

	TRY(OPTIONAL(c, get_msr, MSR_EFER, &efer));
	if (!(efer & EFER_SCE) || is_paragraph(c) ||
	    (!is_long64(c) && !emul_has(c, EMUL_F_AMD)))
		return emul_raise(c, EMUL_UD);
	return OPTIONAL(c, get_msr, MSR_STAR, star);
}

enum emul_result x_syscall(struct emul_ctx *c)
{
	u64 star, rip, mask = FL_VM | FL_IF, flags = c->rflags & ~FL_RF;
	u16 sel;

	TRY(check_syscall(c, &star));
	rip = (u32)star;
	sel = star >> 32;
	if (c->lma) {
		TRY(OPTIONAL(c, get_msr, is_long64(c) ? MSR_LSTAR : MSR_CSTAR,
			     &rip));
		TRY(OPTIONAL(c, get_msr, MSR_SFMASK, &mask));
		emul_set_gpr(c, 11, flags);
	}
	emul_set_gpr(c, R_CX, c->next_rip);
	c->rflags = (flags & ~(u64)(u32)mask) | 2;
	return enter_flat(c, sel & ~3u, (sel & ~3u) + 8, 0, c->lma, rip);
}

#define SYSRET_FLAGS	0x3c7fd7ull

enum emul_result x_sysret(struct emul_ctx *c)
{
	bool to64 = c->op_bytes == 8;
	u64 star, rip = c->gpr[R_CX];
	u16 sel;

	TRY(check_syscall(c, &star));
	if (c->cpl)
		return emul_gp0(c);
	sel = star >> 48;
	if (!to64)
		rip = (u32)rip;
	else if (!is_canonical(c, rip) && !emul_has(c, EMUL_F_AMD))
		return emul_gp0(c);	/* AMD: at CPL 3, when it fetches there */
	if (is_long64(c))
		c->rflags = (c->gpr[11] & SYSRET_FLAGS) | 2;
	else
		c->rflags |= FL_IF;
	return enter_flat(c, to64 ? sel + 16 : sel, sel + 8, 3, to64, rip);
}

static enum emul_result check_sysenter(struct emul_ctx *c, u64 *cs)
{
	if (c->lma && emul_has(c, EMUL_F_AMD))
		return emul_raise(c, EMUL_UD);
	if (c->mode == EMUL_REAL)
		return emul_gp0(c);
	TRY(OPTIONAL(c, get_msr, MSR_SYSENTER_CS, cs));
	return *cs & 0xfffc ? EMUL_OK : emul_gp0(c);
}

enum emul_result x_sysenter(struct emul_ctx *c)
{
	u64 cs, rip, sp;

	TRY(check_sysenter(c, &cs));
	TRY(OPTIONAL(c, get_msr, MSR_SYSENTER_EIP, &rip));
	TRY(OPTIONAL(c, get_msr, MSR_SYSENTER_ESP, &sp));
	emul_set_reg(c, R_SP, c->lma ? 8 : 4, sp);
	c->rflags &= ~(FL_VM | FL_IF | FL_RF);
	return enter_flat(c, cs, (cs & ~3u) + 8, 0, c->lma,
			  c->lma ? rip : (u32)rip);
}

enum emul_result x_sysexit(struct emul_ctx *c)
{
	bool to64 = c->op_bytes == 8;
	u64 cs, rip = c->gpr[R_DX], sp = c->gpr[R_CX];

	TRY(check_sysenter(c, &cs));
	if (c->cpl)
		return emul_gp0(c);
	cs &= ~3u;
	if (to64 && (!is_canonical(c, rip) || !is_canonical(c, sp)))
		return emul_gp0(c);
	emul_set_reg(c, R_SP, to64 ? 8 : 4, sp);
	return enter_flat(c, cs + (to64 ? 32 : 16), cs + (to64 ? 40 : 24), 3,
			  to64, to64 ? rip : (u32)rip);
}
