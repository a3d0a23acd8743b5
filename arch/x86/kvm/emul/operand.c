// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operands: registers, memory through segments, the stack.
 */
#include "internal.h"

u64 emul_reg(const struct emul_ctx *c, unsigned int n, unsigned int size)
{
	return c->gpr[n & 15] & size_mask(size);
}

/* 32-bit writes clear the upper half, narrower ones leave it */
void emul_set_reg(struct emul_ctx *c, unsigned int n, unsigned int size, u64 v)
{
	u64 mask = size_mask(size);

	if (size >= 4)
		v &= mask;
	else
		v = (c->gpr[n & 15] & ~mask) | (v & mask);
	emul_set_gpr(c, n, v);
}

enum emul_result emul_seg(struct emul_ctx *c, unsigned int id,
			  const struct emul_seg **seg)
{
	if (unlikely(id >= sizeof(c->segs) / sizeof(c->segs[0])))
		return EMUL_UNHANDLED;
	if (!(c->seg_valid & (1u << id))) {
		TRY(c->ops->get_seg(c, id, &c->segs[id]));
		c->seg_valid |= 1u << id;
	}
	*seg = &c->segs[id];
	return EMUL_OK;
}

enum emul_result emul_put_seg(struct emul_ctx *c, unsigned int id,
			      const struct emul_seg *seg)
{
	c->seg_valid &= ~(1u << id);
	return OPTIONAL(c, set_seg, id, seg);
}

static enum emul_result seg_fault(struct emul_ctx *c, unsigned int seg)
{
	return emul_raise_err(c, seg == EMUL_SS ? EMUL_SS_VEC : EMUL_GP, 0);
}

/*
 * Type and limit of a segment outside 64-bit mode (SDM 3A 5.3, 5.5). One of 4
 * GiB has no end: offsets wrap.
 */
static enum emul_result seg_access(struct emul_ctx *c, unsigned int id,
				   u64 ea, unsigned int size, bool write,
				   u64 *la)
{
	const struct emul_seg *s;
	u32 off = ea;
	u64 last = (u64)off + size - 1;

	TRY(emul_seg(c, id, &s));
	if (!is_paragraph(c)) {
		bool code = s->attr & 8;

		if (s->attr & EMUL_SEG_UNUSABLE || !(s->attr & EMUL_SEG_P))
			return seg_fault(c, id);
		if (write && (code || !(s->attr & 2)))
			return seg_fault(c, id);
		if (!write && code && !(s->attr & 2))
			return seg_fault(c, id);
	}
	if ((s->attr & 0xc) == 4) {	/* expand-down data */
		u64 top = s->attr & EMUL_SEG_DB ? 0xffffffff : 0xffff;

		if (off <= s->limit || last > top)
			return seg_fault(c, id);
	} else if (last > s->limit && s->limit != 0xffffffff) {
		return seg_fault(c, id);
	}
	*la = (u32)(s->base + off);
	return EMUL_OK;
}

/*
 * #AC: CPL 3, EFLAGS.AC and CR0.AM (SDM 3A 6.15). Vector accesses that need not
 * be aligned are not checked on Intel.
 */
static enum emul_result check_alignment(struct emul_ctx *c, u64 la,
					unsigned int size)
{
	u64 cr0;

	if (c->cpl != 3 || !(la & (size - 1)) || size & (size - 1))
		return EMUL_OK;
	if (size > 8 && !emul_has(c, EMUL_F_AMD))
		return EMUL_OK;
	TRY(c->ops->get_cr(c, 0, &cr0));
	return cr0 & CR0_AM ? emul_raise_err(c, EMUL_AC, 0) : EMUL_OK;
}

static inline bool la_canonical(const struct emul_ctx *c, u64 la)
{
	return (u64)((s64)la >> (c->va_bits - 1)) + 1 <= 1;
}

/* First and last byte; a wrap from the very top to 0 is none of its business */
static enum emul_result check_canonical(struct emul_ctx *c, unsigned int seg,
					u64 la, unsigned int size)
{
	bool first = la_canonical(c, la);

	if (likely(first && la_canonical(c, la + size - 1)))
		return EMUL_OK;
	/* CPUs look for #AC before they find that an access leaves the range */
	if (first && c->rflags & FL_AC)
		TRY(check_alignment(c, la, size));
	return seg_fault(c, seg);
}

enum emul_result emul_linear(struct emul_ctx *c, unsigned int seg, u64 ea,
			     unsigned int size, bool write, u64 *la)
{
	const struct emul_seg *s;

	if (likely(is_long64(c))) {
		if (seg >= EMUL_FS) {
			TRY(emul_seg(c, seg, &s));
			ea += s->base;
		}
		TRY(check_canonical(c, seg, ea, size));
		*la = ea;
	} else {
		TRY(seg_access(c, seg, ea, size, write, la));
	}
	if (unlikely(c->rflags & FL_AC))
		return check_alignment(c, *la, size);
	return EMUL_OK;
}

/* Operands that must be aligned: seen before limits and canonical addresses */
enum emul_result emul_linear_aligned(struct emul_ctx *c, unsigned int seg,
				     u64 ea, unsigned int size, bool write,
				     u64 *la)
{
	const struct emul_seg *s;

	*la = ea;
	if (!is_long64(c) || seg >= EMUL_FS) {
		TRY(emul_seg(c, seg, &s));
		*la += s->base;
	}
	if (*la & (size - 1))
		return emul_gp0(c);
	return emul_linear(c, seg, ea, size, write, la);
}

/* Bytes from la to where linear addresses wrap to 0, when fewer than len */
static inline unsigned int wraps(const struct emul_ctx *c, u64 la,
				 unsigned int len)
{
	u64 left;

	if (likely(!((la ^ (la + len - 1)) >> 32)))
		return 0;
	left = is_long64(c) ? 0 - la : (1ull << 32) - la;
	return left && left < len ? left : 0;
}

enum emul_result emul_read_la(struct emul_ctx *c, u64 la, void *buf,
			      unsigned int len, unsigned int acc)
{
	unsigned int head = wraps(c, la, len);

	if (unlikely(head)) {
		TRY(c->ops->read(c, la, buf, head, acc));
		return c->ops->read(c, 0, (u8 *)buf + head, len - head, acc);
	}
	return c->ops->read(c, la, buf, len, acc);
}

enum emul_result emul_write_la(struct emul_ctx *c, u64 la, const void *buf,
			       unsigned int len, unsigned int acc)
{
	unsigned int head = wraps(c, la, len);

	if (unlikely(head)) {
		TRY(c->ops->write(c, la, buf, head, acc));
		if (buf)
			buf = (const u8 *)buf + head;
		return c->ops->write(c, 0, buf, len - head, acc);
	}
	return c->ops->write(c, la, buf, len, acc);
}

enum emul_result emul_read_mem(struct emul_ctx *c, unsigned int seg, u64 ea,
			       unsigned int size, unsigned int acc, u64 *v)
{
	u64 la;

	TRY(emul_linear(c, seg, ea, size, acc & EMUL_ACC_RMW, &la));
	*v = 0;
	return emul_read_la(c, la, v, size, acc);
}

enum emul_result emul_write_mem(struct emul_ctx *c, unsigned int seg, u64 ea,
				unsigned int size, unsigned int acc, u64 v)
{
	u64 la;

	TRY(emul_linear(c, seg, ea, size, true, &la));
	return emul_write_la(c, la, &v, size, acc);
}

/* An offset computed from registers, cut to the address size */
u64 emul_wrap_ea(const struct emul_ctx *c, u64 ea)
{
	return ea & size_mask(c->ad_bytes);
}

enum emul_result emul_load(struct emul_ctx *c, struct emul_opnd *o,
			   unsigned int acc)
{
	switch (o->kind) {
	case OPND_REG:
		o->val = emul_reg(c, o->reg, o->size);
		break;
	case OPND_MEM:
		TRY(emul_read_mem(c, c->seg, c->ea, o->size, acc, &o->val));
		o->old = o->val;
		break;
	case OPND_HI:
		o->val = c->gpr[o->reg & 3] >> 8 & 0xff;
		break;
	default:
		break;
	}
	return EMUL_OK;
}

/* A LOCKed store replaces exactly the value that was read */
static enum emul_result store_locked(struct emul_ctx *c, struct emul_opnd *o)
{
	u64 la;

	TRY(emul_linear(c, c->seg, c->ea, o->size, true, &la));
	if (unlikely(wraps(c, la, o->size)))
		return EMUL_UNHANDLED;
	return c->ops->swap(c, la, &o->old, &o->val, o->size, 0);
}

enum emul_result emul_store(struct emul_ctx *c, struct emul_opnd *o)
{
	u64 v;

	switch (o->kind) {
	case OPND_REG:
		emul_set_reg(c, o->reg, o->size, o->val);
		return EMUL_OK;
	case OPND_MEM:
		if (unlikely(c->lock))
			return store_locked(c, o);
		return emul_write_mem(c, c->seg, c->ea, o->size, 0, o->val);
	case OPND_HI:
		v = c->gpr[o->reg & 3] & ~0xff00ull;
		emul_set_gpr(c, o->reg, v | (o->val & 0xff) << 8);
		return EMUL_OK;
	default:
		return EMUL_OK;
	}
}

/* Width of the stack pointer (SDM 1 6.2.3) */
enum emul_result emul_stack_bytes(struct emul_ctx *c, unsigned int *bytes)
{
	const struct emul_seg *ss;

	*bytes = 8;
	if (is_long64(c))
		return EMUL_OK;
	TRY(emul_seg(c, EMUL_SS, &ss));
	*bytes = ss->attr & EMUL_SEG_DB ? 4 : 2;
	return EMUL_OK;
}

enum emul_result emul_add_sp(struct emul_ctx *c, s64 delta)
{
	unsigned int bytes;

	TRY(emul_stack_bytes(c, &bytes));
	emul_set_reg(c, R_SP, bytes, c->gpr[R_SP] + delta);
	return EMUL_OK;
}

enum emul_result emul_push(struct emul_ctx *c, u64 v, unsigned int size)
{
	unsigned int bytes;
	u64 sp;

	TRY(emul_stack_bytes(c, &bytes));
	sp = (c->gpr[R_SP] - size) & size_mask(bytes);
	TRY(emul_write_mem(c, EMUL_SS, sp, size, EMUL_ACC_STACK, v));
	emul_set_reg(c, R_SP, bytes, sp);
	return EMUL_OK;
}

enum emul_result emul_pop(struct emul_ctx *c, u64 *v, unsigned int size)
{
	unsigned int bytes;
	u64 sp;

	TRY(emul_stack_bytes(c, &bytes));
	sp = emul_reg(c, R_SP, bytes);
	TRY(emul_read_mem(c, EMUL_SS, sp, size, EMUL_ACC_STACK, v));
	emul_set_reg(c, R_SP, bytes, sp + size);
	return EMUL_OK;
}

/* A selector: Intel reads no more than its two bytes */
enum emul_result emul_pop_sel(struct emul_ctx *c, u64 *v, unsigned int size)
{
	if (emul_has(c, EMUL_F_AMD))
		return emul_pop(c, v, size);
	TRY(emul_pop(c, v, 2));
	return emul_add_sp(c, size - 2);
}
