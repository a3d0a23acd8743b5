// SPDX-License-Identifier: GPL-2.0-only
/*
 * System instructions: control and debug registers, MSRs, descriptor tables,
 * fast system calls.
 */
#include "bodies.h"

#define MSR_TSC			0x00000010
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MSR_TSC_AUX		0xc0000103

#define DR6_BD	(1ull << 13)
#define DR7_GD	(1ull << 13)

/* The row admits CR0, 2, 3, 4; REX.R or AMD's LOCK makes CR0 CR8 */
static enum emul_result cr_number(struct emul_ctx *c, unsigned int *n)
{
	*n = c->modrm_reg;
	if (c->lock)
		*n |= 8;
	return *n > 8 ? emul_raise(c, EMUL_UD) : EMUL_OK;
}

enum emul_result x_mov_from_cr(struct emul_ctx *c)
{
	unsigned int n;

	TRY(cr_number(c, &n));
	return c->ops->get_cr(c, n, &c->dst.val);
}

enum emul_result x_mov_to_cr(struct emul_ctx *c)
{
	unsigned int n;

	TRY(cr_number(c, &n));
	if (n == 8 && c->src.val >> 4)
		return emul_gp0(c);
	return OPTIONAL(c, set_cr, n, c->src.val);
}

/* DR4 and DR5 are DR6 and DR7, or nothing (SDM 3B 17.2); GD guards all */
static enum emul_result dr_number(struct emul_ctx *c, unsigned int *n)
{
	u64 v;

	*n = c->modrm_reg;
	if (*n > 7)
		return emul_raise(c, EMUL_UD);
	if (*n == 4 || *n == 5) {
		TRY(c->ops->get_cr(c, 4, &v));
		if (v & CR4_DE)
			return emul_raise(c, EMUL_UD);
		*n += 2;
	}
	TRY(OPTIONAL(c, get_dr, 7, &v));
	if (v & DR7_GD) {
		emul_raise(c, EMUL_DB);
		c->fault.addr = DR6_BD;
		return EMUL_FAULT;
	}
	return EMUL_OK;
}

enum emul_result x_mov_from_dr(struct emul_ctx *c)
{
	unsigned int n;

	TRY(dr_number(c, &n));
	TRY(emul_icpt(c, EMUL_ICPT_DR_READ));
	return OPTIONAL(c, get_dr, n, &c->dst.val);
}

enum emul_result x_mov_to_dr(struct emul_ctx *c)
{
	unsigned int n;

	TRY(dr_number(c, &n));
	TRY(emul_icpt(c, EMUL_ICPT_DR_WRITE));
	if (n >= 6 && c->src.val >> 32)
		return emul_gp0(c);
	return OPTIONAL(c, set_dr, n, c->src.val);
}

enum emul_result x_clts(struct emul_ctx *c)
{
	u64 cr0;

	TRY(c->ops->get_cr(c, 0, &cr0));
	return OPTIONAL(c, set_cr, 0, cr0 & ~CR0_TS);
}

/* PE can be set this way, not cleared */
enum emul_result x_lmsw(struct emul_ctx *c)
{
	u64 cr0;

	TRY(c->ops->get_cr(c, 0, &cr0));
	cr0 = (cr0 & ~0xeull) | (c->src.val & 0xf);
	return OPTIONAL(c, set_cr, 0, cr0);
}

enum emul_result x_smsw(struct emul_ctx *c)
{
	return c->ops->get_cr(c, 0, &c->dst.val);
}

static enum emul_result store_dt(struct emul_ctx *c, enum emul_dt_id id)
{
	unsigned int len = is_long64(c) ? 10 : 6;
	struct emul_dt dt;
	u8 buf[10];
	u64 la;

	TRY(OPTIONAL(c, get_dt, id, &dt));
	memcpy(buf, &dt.limit, 2);
	memcpy(buf + 2, &dt.base, 8);
	TRY(emul_linear(c, c->seg, c->ea, len, true, &la));
	return emul_write_la(c, la, buf, len, 0);
}

static enum emul_result load_dt(struct emul_ctx *c, enum emul_dt_id id)
{
	unsigned int len = is_long64(c) ? 10 : 6;
	struct emul_dt dt = { 0 };
	u8 buf[10];
	u64 la;

	TRY(emul_linear(c, c->seg, c->ea, len, false, &la));
	TRY(emul_read_la(c, la, buf, len, 0));
	memcpy(&dt.limit, buf, 2);
	memcpy(&dt.base, buf + 2, len - 2);
	if (!is_long64(c) && c->op_bytes == 2)
		dt.base &= 0xffffff;
	if (!is_canonical(c, dt.base))
		return emul_gp0(c);
	return OPTIONAL(c, set_dt, id, &dt);
}

enum emul_result x_sgdt(struct emul_ctx *c)
{
	return store_dt(c, EMUL_GDTR);
}

enum emul_result x_sidt(struct emul_ctx *c)
{
	return store_dt(c, EMUL_IDTR);
}

enum emul_result x_lgdt(struct emul_ctx *c)
{
	return load_dt(c, EMUL_GDTR);
}

enum emul_result x_lidt(struct emul_ctx *c)
{
	return load_dt(c, EMUL_IDTR);
}

static enum emul_result store_system_seg(struct emul_ctx *c,
					 enum emul_seg_id id)
{
	struct emul_seg seg;

	TRY(c->ops->get_seg(c, id, &seg));
	c->dst.val = seg.sel;
	return EMUL_OK;
}

enum emul_result x_sldt(struct emul_ctx *c)
{
	return store_system_seg(c, EMUL_LDTR);
}

enum emul_result x_str(struct emul_ctx *c)
{
	return store_system_seg(c, EMUL_TR);
}

/* Descriptor for LLDT and LTR: in the GDT, of one of the types, present */
static enum emul_result read_system_desc(struct emul_ctx *c, u16 sel,
					 u32 types, struct emul_desc *d)
{
	struct emul_seg seg;

	if (sel & 4)
		return emul_raise_err(c, EMUL_GP, sel & ~3u);
	TRY(emul_read_desc(c, sel, d, EMUL_GP, 0));
	if (DESC_S(d) || !(types >> DESC_TYPE(d) & 1))
		return emul_raise_err(c, EMUL_GP, sel & ~3u);
	if (!DESC_P(d))
		return emul_raise_err(c, EMUL_NP, sel & ~3u);
	if (!c->lma)
		return EMUL_OK;
	TRY(emul_read_desc_hi(c, d));
	emul_desc_to_seg(d, &seg);
	return is_canonical(c, seg.base) ? EMUL_OK : emul_gp0(c);
}

enum emul_result x_lldt(struct emul_ctx *c)
{
	struct emul_seg seg = { .attr = EMUL_SEG_UNUSABLE };
	u16 sel = c->src.val;
	struct emul_desc d;

	seg.sel = sel;
	if (sel & ~3u) {
		TRY(read_system_desc(c, sel, 1 << SYS_LDT, &d));
		emul_desc_to_seg(&d, &seg);
	}
	return emul_put_seg(c, EMUL_LDTR, &seg);
}

enum emul_result x_ltr(struct emul_ctx *c)
{
	u32 types = 1 << SYS_TSS;
	u16 sel = c->src.val;
	struct emul_seg seg;
	struct emul_desc d;

	if (!(sel & ~3u))
		return emul_gp0(c);
	if (!c->lma)
		types |= 1 << SYS_TSS16;
	TRY(read_system_desc(c, sel, types, &d));
	TRY(emul_mark_desc(c, &d, DESC_BUSY));
	d.hi |= DESC_BUSY;
	emul_desc_to_seg(&d, &seg);
	return emul_put_seg(c, EMUL_TR, &seg);
}

#define NOT_A_DESC	0xff	/* vector that no exception has */

/*
 * LAR, LSL, VERR, VERW look without faulting: *ok tells whether the selector
 * names a descriptor this code may see, with sys_types among system ones.
 */
static enum emul_result look(struct emul_ctx *c, u16 sel, u32 sys_types,
			     struct emul_desc *d, bool *ok)
{
	enum emul_result r;

	*ok = false;
	if (!(sel & ~3u))
		return EMUL_OK;
	r = emul_read_desc(c, sel, d, NOT_A_DESC, 0);
	if (r == EMUL_FAULT && c->fault.vector == NOT_A_DESC)
		return EMUL_OK;
	TRY(r);
	if (!DESC_S(d) && !(sys_types >> DESC_TYPE(d) & 1))
		return EMUL_OK;
	if (DESC_CODE(d) && DESC_CONFORMING(d))
		*ok = true;
	else
		*ok = DESC_DPL(d) >= c->cpl && DESC_DPL(d) >= (sel & 3u);
	return EMUL_OK;
}

static enum emul_result set_zf(struct emul_ctx *c, bool on)
{
	c->rflags = on ? c->rflags | FL_ZF : c->rflags & ~FL_ZF;
	return EMUL_OK;
}

enum emul_result x_lar(struct emul_ctx *c)
{
	struct emul_desc d;
	bool ok;

	TRY(look(c, c->src.val, c->lma ? 0x1a04 : 0x1a3e, &d, &ok));
	if (ok) {
		c->dst.val = d.hi & 0x00ffff00;
		TRY(emul_store(c, &c->dst));
	}
	return set_zf(c, ok);
}

enum emul_result x_lsl(struct emul_ctx *c)
{
	struct emul_desc d;
	struct emul_seg seg;
	bool ok;

	TRY(look(c, c->src.val, c->lma ? 0x0a04 : 0x0a0e, &d, &ok));
	if (ok) {
		emul_desc_to_seg(&d, &seg);
		c->dst.val = seg.limit;
		TRY(emul_store(c, &c->dst));
	}
	return set_zf(c, ok);
}

enum emul_result x_verr(struct emul_ctx *c)
{
	struct emul_desc d;
	bool ok;

	TRY(look(c, c->src.val, 0, &d, &ok));
	return set_zf(c, ok && (!DESC_CODE(&d) || DESC_TYPE(&d) & 2));
}

enum emul_result x_verw(struct emul_ctx *c)
{
	struct emul_desc d;
	bool ok;

	TRY(look(c, c->src.val, 0, &d, &ok));
	return set_zf(c, ok && !DESC_CODE(&d) && DESC_TYPE(&d) & 2);
}

/* What is high enough is not written, and may be read-only */
enum emul_result x_arpl(struct emul_ctx *c)
{
	bool raise = (c->dst.val & 3) < (c->src.val & 3);

	if (raise) {
		c->dst.val = (c->dst.val & ~3ull) | (c->src.val & 3);
		TRY(emul_store(c, &c->dst));
	}
	return set_zf(c, raise);
}

/* No limit check, and a non-canonical address does nothing (SDM 2A, INVLPG) */
enum emul_result x_invlpg(struct emul_ctx *c)
{
	const struct emul_seg *s;
	u64 la = c->ea;

	if (!is_long64(c) || c->seg >= EMUL_FS) {
		TRY(emul_seg(c, c->seg, &s));
		la += s->base;
	}
	if (!is_long64(c))
		la = (u32)la;
	else if (!is_canonical(c, la))
		return EMUL_OK;
	return OPTIONAL(c, invlpg, la);
}

/* Flushing has no effect here, but checks as a load does (SDM 2A, CLFLUSH) */
enum emul_result x_clflush(struct emul_ctx *c)
{
	u64 la;

	TRY(emul_linear(c, c->seg, c->ea, 1, false, &la));
	return emul_read_la(c, la, NULL, 1, EMUL_ACC_PROBE);
}

enum emul_result x_wbinvd(struct emul_ctx *c)
{
	return OPTIONAL(c, wbinvd);
}

enum emul_result x_hlt(struct emul_ctx *c)
{
	return OPTIONAL(c, hlt);
}

enum emul_result x_pause(struct emul_ctx *c)
{
	return EMUL_OK;
}

enum emul_result x_cpuid(struct emul_ctx *c)
{
	u32 regs[4];
	static const u8 order[4] = { R_AX, R_BX, R_CX, R_DX };
	unsigned int i;

	for (i = 0; i < 4; i++)
		regs[i] = c->gpr[order[i]];
	TRY(OPTIONAL(c, cpuid, regs));
	for (i = 0; i < 4; i++)
		emul_set_gpr(c, order[i], regs[i]);
	return EMUL_OK;
}

static void set_edx_eax(struct emul_ctx *c, u64 v)
{
	emul_set_gpr(c, R_AX, (u32)v);
	emul_set_gpr(c, R_DX, v >> 32);
}

static u64 edx_eax(const struct emul_ctx *c)
{
	return (u32)c->gpr[R_AX] | c->gpr[R_DX] << 32;
}

static enum emul_result check_cr4_user(struct emul_ctx *c, u64 bit, bool want)
{
	u64 cr4;

	if (!c->cpl)
		return EMUL_OK;
	TRY(c->ops->get_cr(c, 4, &cr4));
	return !(cr4 & bit) == !want ? EMUL_OK : emul_gp0(c);
}

enum emul_result x_rdtsc(struct emul_ctx *c)
{
	u64 v;

	TRY(check_cr4_user(c, CR4_TSD, false));
	TRY(emul_icpt(c, EMUL_ICPT_RDTSC));
	TRY(OPTIONAL(c, get_msr, MSR_TSC, &v));
	set_edx_eax(c, v);
	return EMUL_OK;
}

enum emul_result x_rdtscp(struct emul_ctx *c)
{
	u64 v, aux;

	TRY(check_cr4_user(c, CR4_TSD, false));
	TRY(emul_icpt(c, EMUL_ICPT_RDTSCP));
	TRY(OPTIONAL(c, get_msr, MSR_TSC, &v));
	TRY(OPTIONAL(c, get_msr, MSR_TSC_AUX, &aux));
	set_edx_eax(c, v);
	emul_set_gpr(c, R_CX, (u32)aux);
	return EMUL_OK;
}

enum emul_result x_rdpid(struct emul_ctx *c)
{
	return OPTIONAL(c, get_msr, MSR_TSC_AUX, &c->dst.val);
}

enum emul_result x_rdpmc(struct emul_ctx *c)
{
	u64 v;

	TRY(check_cr4_user(c, CR4_PCE, true));
	TRY(emul_icpt(c, EMUL_ICPT_RDPMC));
	TRY(OPTIONAL(c, rdpmc, c->gpr[R_CX], &v));
	set_edx_eax(c, v);
	return EMUL_OK;
}

enum emul_result x_rdmsr(struct emul_ctx *c)
{
	u64 v;

	TRY(OPTIONAL(c, rdmsr, c->gpr[R_CX], &v));
	set_edx_eax(c, v);
	return EMUL_OK;
}

enum emul_result x_wrmsr(struct emul_ctx *c)
{
	return OPTIONAL(c, wrmsr, c->gpr[R_CX], edx_eax(c));
}

static enum emul_result check_osxsave(struct emul_ctx *c)
{
	u64 cr4;

	TRY(c->ops->get_cr(c, 4, &cr4));
	return cr4 & CR4_OSXSAVE ? EMUL_OK : emul_raise(c, EMUL_UD);
}

enum emul_result x_xgetbv(struct emul_ctx *c)
{
	u64 v;

	TRY(check_osxsave(c));
	TRY(OPTIONAL(c, xgetbv, c->gpr[R_CX], &v));
	set_edx_eax(c, v);
	return EMUL_OK;
}

enum emul_result x_xsetbv(struct emul_ctx *c)
{
	TRY(check_osxsave(c));
	if (c->cpl)
		return emul_gp0(c);
	TRY(emul_icpt(c, EMUL_ICPT_XSETBV));
	return OPTIONAL(c, xsetbv, c->gpr[R_CX], edx_eax(c));
}

enum emul_result x_hypercall(struct emul_ctx *c)
{
	return OPTIONAL(c, hypercall);
}

enum emul_result x_rsm(struct emul_ctx *c)
{
	TRY(OPTIONAL(c, smm_leave));
	c->replaced = true;
	return EMUL_OK;
}

enum emul_result x_swapgs(struct emul_ctx *c)
{
	const struct emul_seg *old;
	struct emul_seg gs;
	u64 base;

	TRY(emul_seg(c, EMUL_GS, &old));
	gs = *old;
	TRY(OPTIONAL(c, get_msr, MSR_KERNEL_GS_BASE, &base));
	TRY(OPTIONAL(c, set_msr, MSR_KERNEL_GS_BASE, gs.base));
	gs.base = base;
	return emul_put_seg(c, EMUL_GS, &gs);
}

enum emul_result x_clac(struct emul_ctx *c)
{
	c->rflags &= ~FL_AC;
	return EMUL_OK;
}

enum emul_result x_stac(struct emul_ctx *c)
{
	c->rflags |= FL_AC;
	return EMUL_OK;
}

/* RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE: ModRM.reg 0 to 3 */
enum emul_result x_fsgsbase(struct emul_ctx *c)
{
	unsigned int which = c->modrm >> 3 & 3, id = EMUL_FS + (which & 1);
	const struct emul_seg *old;
	struct emul_seg seg;
	u64 cr4;

	TRY(c->ops->get_cr(c, 4, &cr4));
	if (!(cr4 & CR4_FSGSBASE))
		return emul_raise(c, EMUL_UD);
	TRY(emul_seg(c, id, &old));
	if (which < 2) {
		c->dst.val = old->base;
		return EMUL_OK;
	}
	seg = *old;
	seg.base = c->dst.val;
	if (!is_canonical(c, seg.base))
		return emul_gp0(c);
	return emul_put_seg(c, id, &seg);
}
