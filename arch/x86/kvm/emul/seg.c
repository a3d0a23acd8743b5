// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segment registers and descriptor tables (SDM 3A chapter 3 and 5).
 */
#include "bodies.h"

static enum emul_result read_system(struct emul_ctx *c, u64 la, void *buf,
				    unsigned int len)
{
	if (c->lma && !is_canonical(c, la))
		return emul_gp0(c);
	return emul_read_la(c, la, buf, len, EMUL_ACC_SYSTEM);
}

/* Linear address of a descriptor of len bytes; outside its table: a fault */
static enum emul_result desc_la(struct emul_ctx *c, u16 sel, unsigned int len,
				u8 vector, u32 ext, u64 *la)
{
	struct emul_seg ldt;
	struct emul_dt dt;
	u64 base;
	u32 limit;

	if (sel & 4) {
		TRY(c->ops->get_seg(c, EMUL_LDTR, &ldt));
		if (ldt.attr & EMUL_SEG_UNUSABLE || !(ldt.attr & EMUL_SEG_P))
			return emul_raise_err(c, vector, (sel & ~3u) | ext);
		base = ldt.base;
		limit = ldt.limit;
	} else {
		TRY(OPTIONAL(c, get_dt, EMUL_GDTR, &dt));
		base = dt.base;
		limit = dt.limit;
	}
	if ((sel & ~7u) + len - 1 > limit)
		return emul_raise_err(c, vector, (sel & ~3u) | ext);
	*la = base + (sel & ~7u);
	if (!c->lma)
		*la = (u32)*la;
	return EMUL_OK;
}

enum emul_result emul_read_desc(struct emul_ctx *c, u16 sel,
				struct emul_desc *d, u8 vector, u32 ext)
{
	u32 buf[2];

	d->sel = sel;
	d->base_hi = 0;
	TRY(desc_la(c, sel, 8, vector, ext, &d->la));
	TRY(read_system(c, d->la, buf, 8));
	d->lo = buf[0];
	d->hi = buf[1];
	return EMUL_OK;
}

/* The second half of a 64-bit system descriptor (SDM 3A 3.5.2) */
enum emul_result emul_read_desc_hi(struct emul_ctx *c, struct emul_desc *d)
{
	u32 buf[2];
	u64 la;

	TRY(desc_la(c, d->sel, 16, EMUL_GP, 0, &la));
	TRY(read_system(c, la + 8, buf, 8));
	if (buf[1] & 0x1f00)
		return emul_raise_err(c, EMUL_GP, d->sel & ~3u);
	d->base_hi = buf[0];
	return EMUL_OK;
}

/* Set the accessed or busy bit, unless it is set */
enum emul_result emul_mark_desc(struct emul_ctx *c, const struct emul_desc *d,
				u32 bits)
{
	u32 hi = d->hi | bits;

	if (hi == d->hi)
		return EMUL_OK;
	return c->ops->swap(c, d->la + 4, &d->hi, &hi, 4, EMUL_ACC_SYSTEM);
}

void emul_desc_to_seg(const struct emul_desc *d, struct emul_seg *seg)
{
	seg->sel = d->sel;
	seg->attr = (d->hi >> 8 & 0xff) | (d->hi >> 12 & 0xf00);
	seg->base = d->lo >> 16 | (d->hi & 0xff) << 16 | (d->hi & 0xff000000);
	seg->base |= (u64)d->base_hi << 32;
	seg->limit = (d->lo & 0xffff) | (d->hi & 0xf0000);
	if (seg->attr & EMUL_SEG_G)
		seg->limit = seg->limit << 12 | 0xfff;
}

/*
 * Real mode loads base and selector, and keeps limit and attributes; but a
 * far transfer gives CS plain ones (SDM 3A 9.9.2, step 6).
 */
enum emul_result emul_paragraph_seg(struct emul_ctx *c, unsigned int id,
				    u16 sel, struct emul_seg *seg)
{
	const struct emul_seg *old;

	if (c->mode == EMUL_VM86) {
		seg->limit = 0xffff;
		seg->attr = EMUL_SEG_P | EMUL_SEG_DPL | EMUL_SEG_S | 3;
	} else {
		TRY(emul_seg(c, id, &old));
		*seg = *old;
		seg->attr &= ~EMUL_SEG_UNUSABLE;
		if (id == EMUL_CS)
			seg->attr = EMUL_SEG_P | EMUL_SEG_S | 0xb;
	}
	seg->sel = sel;
	seg->base = (u64)sel << 4;
	return EMUL_OK;
}

/* A null selector: SS only in 64-bit mode below CPL 3 (SDM 3A 5.4.1) */
static enum emul_result check_null(struct emul_ctx *c, unsigned int id,
				   u16 sel, unsigned int cpl, u8 vector,
				   u32 ext, struct emul_seg *seg)
{
	const struct emul_seg *old;

	memset(seg, 0, sizeof(*seg));
	if (id == EMUL_SS) {
		if (!is_long64(c) || cpl == 3 || (sel & 3) != cpl)
			return emul_raise_err(c, vector, ext);
		seg->attr = cpl << EMUL_SEG_DPL_SHIFT;
	} else if (emul_has(c, EMUL_F_AMD)) {
		/* base and limit stay on AMD */
		TRY(emul_seg(c, id, &old));
		*seg = *old;
	}
	seg->attr |= EMUL_SEG_UNUSABLE;
	seg->sel = sel;
	return EMUL_OK;
}

enum emul_result emul_check_seg(struct emul_ctx *c, unsigned int id, u16 sel,
				unsigned int cpl, u8 vector, u32 ext,
				struct emul_seg *seg)
{
	unsigned int rpl = sel & 3, type, dpl;
	u32 error = (sel & ~3u) | ext;
	struct emul_desc d;
	bool ok;

	if (!(sel & ~3u))
		return check_null(c, id, sel, cpl, vector, ext, seg);

	TRY(emul_read_desc(c, sel, &d, vector, ext));
	type = DESC_TYPE(&d);
	dpl = DESC_DPL(&d);
	if (id == EMUL_SS)	/* writable data of exactly this level */
		ok = (type & 0xa) == 2 && rpl == cpl && dpl == cpl;
	else if ((type & 0xc) == 0xc)	/* conforming code, readable */
		ok = type & 2;
	else			/* data, or code that can be read */
		ok = (type & 0xa) != 8 && dpl >= cpl && dpl >= rpl;
	if (!DESC_S(&d) || !ok)
		return emul_raise_err(c, vector, error);
	if (!DESC_P(&d))
		return emul_raise_err(c, id == EMUL_SS ? EMUL_SS_VEC : EMUL_NP,
				      error);
	TRY(emul_mark_desc(c, &d, DESC_ACCESSED));
	d.hi |= DESC_ACCESSED;
	emul_desc_to_seg(&d, seg);
	return EMUL_OK;
}

enum emul_result emul_load_seg(struct emul_ctx *c, unsigned int id, u16 sel)
{
	struct emul_seg seg;

	if (is_paragraph(c))
		TRY(emul_paragraph_seg(c, id, sel, &seg));
	else
		TRY(emul_check_seg(c, id, sel, c->cpl, EMUL_GP, 0, &seg));
	return emul_put_seg(c, id, &seg);
}

/* Use seg for the accesses to come; it is not loaded yet */
void emul_cache_seg(struct emul_ctx *c, unsigned int id,
		    const struct emul_seg *seg)
{
	c->segs[id] = *seg;
	c->seg_valid |= 1u << id;
}

/* The permission bitmap in the TSS (SDM 1 19.5.2) */
enum emul_result emul_io_allowed(struct emul_ctx *c, u16 port,
				 unsigned int size)
{
	struct emul_seg tr;
	u16 map = 0, bits = 0;
	u32 at;

	if (c->mode == EMUL_REAL ||
	    (c->mode != EMUL_VM86 && c->cpl <= emul_iopl(c)))
		return EMUL_OK;

	TRY(c->ops->get_seg(c, EMUL_TR, &tr));
	if (tr.attr & EMUL_SEG_UNUSABLE || !(tr.attr & EMUL_SEG_P) ||
	    (tr.attr & 0xd) != SYS_TSS || tr.limit < 103)
		return emul_gp0(c);
	TRY(read_system(c, tr.base + 102, &map, 2));
	at = map + port / 8;
	/* two bytes are always read, so the map ends with a byte of ones */
	if (at + 1 > tr.limit)
		return emul_gp0(c);
	TRY(read_system(c, tr.base + at, &bits, 2));
	if (bits >> (port & 7) & ((1u << size) - 1))
		return emul_gp0(c);
	return EMUL_OK;
}

enum emul_result x_mov_sreg(struct emul_ctx *c)
{
	unsigned int id = c->modrm >> 3 & 7;

	TRY(emul_load_seg(c, id, c->src.val));
	if (id == EMUL_SS)
		c->int_shadow = EMUL_SHADOW_MOVSS;
	return EMUL_OK;
}

enum emul_result x_mov_from_sreg(struct emul_ctx *c)
{
	const struct emul_seg *s;

	TRY(emul_seg(c, c->modrm >> 3 & 7, &s));
	c->dst.val = s->sel;
	return EMUL_OK;
}

/* LES, LDS, LSS, LFS, LGS */
enum emul_result x_lfp(struct emul_ctx *c)
{
	unsigned int size = c->op_bytes, id = c->opcode & 7;
	u64 sel;

	/* m16:64 exists on Intel only */
	if (size == 8 && emul_has(c, EMUL_F_AMD))
		return EMUL_UNHANDLED;
	/* c4 c5 0fb2 0fb4 0fb5 */
	if (c->map == 1)
		id = c->opcode == 0xc4 ? EMUL_ES : EMUL_DS;
	TRY(emul_read_mem(c, c->seg, c->ea, size, 0, &c->dst.val));
	TRY(emul_read_mem(c, c->seg, emul_wrap_ea(c, c->ea + size), 2, 0,
			  &sel));
	return emul_load_seg(c, id, sel);
}
