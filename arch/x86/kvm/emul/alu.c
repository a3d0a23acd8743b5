// SPDX-License-Identifier: GPL-2.0-only
/*
 * Integer moves and arithmetic. Flags are computed from the operands: bit i of
 * a carry vector is the carry out of bit i.
 */
#include "bodies.h"

/* SF, ZF, PF of a result that fits its size */
static inline u64 szp(u64 r, unsigned int size)
{
	u64 f = r & size_sign(size) ? FL_SF : 0;

	if (!r)
		f |= FL_ZF;
	/* bit n of the constant: does n have an even number of ones? */
	if (0x9669 >> ((r ^ r >> 4) & 15) & 1)
		f |= FL_PF;
	return f;
}

static inline void set_arith(struct emul_ctx *c, u64 f)
{
	c->rflags = (c->rflags & ~FL_ARITH) | f;
}

static inline u64 do_add(struct emul_ctx *c, u64 a, u64 b, bool carry)
{
	unsigned int size = c->dst.size;
	u64 sign = size_sign(size);
	u64 r = (a + b + carry) & size_mask(size);
	u64 out = (a & b) | ((a | b) & ~r);
	u64 f = szp(r, size);

	if (out & sign)
		f |= FL_CF;
	if (out & 8)
		f |= FL_AF;
	if ((a ^ r) & (b ^ r) & sign)
		f |= FL_OF;
	set_arith(c, f);
	return r;
}

static inline u64 do_sub(struct emul_ctx *c, unsigned int size, u64 a, u64 b,
			 bool borrow)
{
	u64 sign = size_sign(size);
	u64 r = (a - b - borrow) & size_mask(size);
	u64 out = (~a & b) | (~(a ^ b) & r);
	u64 f = szp(r, size);

	if (out & sign)
		f |= FL_CF;
	if (out & 8)
		f |= FL_AF;
	if ((a ^ b) & (a ^ r) & sign)
		f |= FL_OF;
	set_arith(c, f);
	return r;
}

enum emul_result x_nop(struct emul_ctx *c)
{
	return EMUL_OK;
}

/* A form that decodes, so that it can be stepped over, but is not done */
enum emul_result x_unhandled(struct emul_ctx *c)
{
	return EMUL_UNHANDLED;
}

/* 90 is XCHG of RAX with itself: nothing, not even the zero-extension */
enum emul_result x_nop90(struct emul_ctx *c)
{
	u64 v = c->dst.val;

	if (!(c->rex & 1))
		return EMUL_OK;
	c->dst.val = c->src.val;
	c->src.val = v;
	TRY(emul_store(c, &c->src));
	return emul_store(c, &c->dst);
}

enum emul_result x_mov(struct emul_ctx *c)
{
	c->dst.val = c->src.val;
	return EMUL_OK;
}

enum emul_result x_movsx(struct emul_ctx *c)
{
	c->dst.val = sign_extend(c->src.val, c->src.size);
	return EMUL_OK;
}

enum emul_result x_cmov(struct emul_ctx *c)
{
	if (emul_cond(c, c->opcode))
		c->dst.val = c->src.val;
	return EMUL_OK;
}

enum emul_result x_setcc(struct emul_ctx *c)
{
	c->dst.val = emul_cond(c, c->opcode);
	return EMUL_OK;
}

enum emul_result x_add(struct emul_ctx *c)
{
	c->dst.val = do_add(c, c->dst.val, c->src.val, false);
	return EMUL_OK;
}

enum emul_result x_adc(struct emul_ctx *c)
{
	c->dst.val = do_add(c, c->dst.val, c->src.val, c->rflags & FL_CF);
	return EMUL_OK;
}

enum emul_result x_sub(struct emul_ctx *c)
{
	c->dst.val = do_sub(c, c->dst.size, c->dst.val, c->src.val, false);
	return EMUL_OK;
}

enum emul_result x_sbb(struct emul_ctx *c)
{
	c->dst.val = do_sub(c, c->dst.size, c->dst.val, c->src.val,
			    c->rflags & FL_CF);
	return EMUL_OK;
}

enum emul_result x_cmp(struct emul_ctx *c)
{
	do_sub(c, c->dst.size, c->dst.val, c->src.val, false);
	return EMUL_OK;
}

/* AF is undefined after the logical ones; it is cleared, as CPUs do */
enum emul_result x_and(struct emul_ctx *c)
{
	c->dst.val &= c->src.val;
	set_arith(c, szp(c->dst.val, c->dst.size));
	return EMUL_OK;
}

enum emul_result x_or(struct emul_ctx *c)
{
	c->dst.val |= c->src.val;
	set_arith(c, szp(c->dst.val, c->dst.size));
	return EMUL_OK;
}

enum emul_result x_xor(struct emul_ctx *c)
{
	c->dst.val ^= c->src.val;
	set_arith(c, szp(c->dst.val, c->dst.size));
	return EMUL_OK;
}

enum emul_result x_test(struct emul_ctx *c)
{
	set_arith(c, szp(c->dst.val & c->src.val, c->dst.size));
	return EMUL_OK;
}

enum emul_result x_inc(struct emul_ctx *c)
{
	u64 cf = c->rflags & FL_CF;

	c->dst.val = do_add(c, c->dst.val, 1, false);
	c->rflags = (c->rflags & ~FL_CF) | cf;
	return EMUL_OK;
}

enum emul_result x_dec(struct emul_ctx *c)
{
	u64 cf = c->rflags & FL_CF;

	c->dst.val = do_sub(c, c->dst.size, c->dst.val, 1, false);
	c->rflags = (c->rflags & ~FL_CF) | cf;
	return EMUL_OK;
}

enum emul_result x_not(struct emul_ctx *c)
{
	c->dst.val = ~c->dst.val & size_mask(c->dst.size);
	return EMUL_OK;
}

enum emul_result x_neg(struct emul_ctx *c)
{
	c->dst.val = do_sub(c, c->dst.size, 0, c->dst.val, false);
	return EMUL_OK;
}

/* XCHG with memory is LOCKed with or without the prefix */
enum emul_result x_xchg(struct emul_ctx *c)
{
	u64 v = c->dst.val;

	c->lock = true;
	c->dst.val = c->src.val;
	c->src.val = v;
	return EMUL_OK;
}

enum emul_result x_xadd(struct emul_ctx *c)
{
	u64 v = c->dst.val;

	c->dst.val = do_add(c, v, c->src.val, false);
	c->src.val = v;
	return EMUL_OK;
}

/*
 * When the comparison fails, memory is written with what it held (SDM 2A,
 * CMPXCHG), but a register is not touched, not even zero-extended.
 */
enum emul_result x_cmpxchg(struct emul_ctx *c)
{
	unsigned int size = c->dst.size;

	TRY(emul_load(c, &c->dst, EMUL_ACC_RMW));
	do_sub(c, size, emul_reg(c, R_AX, size), c->dst.val, false);
	if (c->rflags & FL_ZF) {
		c->dst.val = c->src.val;
		return emul_store(c, &c->dst);
	}
	emul_set_reg(c, R_AX, size, c->dst.val);
	return c->dst.kind == OPND_MEM ? emul_store(c, &c->dst) : EMUL_OK;
}

/* CMPXCHG8B, and with REX.W CMPXCHG16B */
enum emul_result x_cmpxchg8b(struct emul_ctx *c)
{
	unsigned int half = c->rex & 8 ? 8 : 4;
	u8 old[16] = { 0 }, new[16];
	u64 lo = 0, hi = 0, la;

	if (!emul_has(c, half == 8 ? EMUL_F_CX16 : EMUL_F_CX8))
		return emul_raise(c, EMUL_UD);
	if (half == 8)
		TRY(emul_linear_aligned(c, c->seg, c->ea, 16, true, &la));
	else
		TRY(emul_linear(c, c->seg, c->ea, 8, true, &la));
	TRY(emul_read_la(c, la, old, 2 * half, EMUL_ACC_RMW));
	memcpy(&lo, old, half);
	memcpy(&hi, old + half, half);
	memcpy(new, old, sizeof(new));

	if (lo == emul_reg(c, R_AX, half) && hi == emul_reg(c, R_DX, half)) {
		memcpy(new, &c->gpr[R_BX], half);
		memcpy(new + half, &c->gpr[R_CX], half);
		c->rflags |= FL_ZF;
	} else {
		emul_set_reg(c, R_AX, half, lo);
		emul_set_reg(c, R_DX, half, hi);
		c->rflags &= ~FL_ZF;
	}
	if (!c->lock)
		return emul_write_la(c, la, new, 2 * half, 0);
	if (!is_long64(c) && (u32)la + 2ull * half > 1ull << 32)
		return EMUL_UNHANDLED;
	return c->ops->swap(c, la, old, new, 2 * half, 0);
}

static void set_mul_flags(struct emul_ctx *c, bool over)
{
	c->rflags &= ~(FL_CF | FL_OF);
	if (over)
		c->rflags |= FL_CF | FL_OF;
}

/* The double-width pair of MUL and DIV: AX, or (E/R)DX:(E/R)AX */
static void set_pair(struct emul_ctx *c, unsigned int size, u64 lo, u64 hi)
{
	if (size == 1) {
		emul_set_reg(c, R_AX, 2, (lo & 0xff) | (hi & 0xff) << 8);
		return;
	}
	emul_set_reg(c, R_AX, size, lo);
	emul_set_reg(c, R_DX, size, hi);
}

enum emul_result x_mul(struct emul_ctx *c)
{
	unsigned int size = c->src.size;
	unsigned __int128 r;
	u64 hi;

	r = (unsigned __int128)emul_reg(c, R_AX, size) * c->src.val;
	hi = (u64)(r >> (8 * size)) & size_mask(size);
	set_pair(c, size, (u64)r, hi);
	set_mul_flags(c, hi);
	return EMUL_OK;
}

static u64 do_imul(struct emul_ctx *c, u64 a, u64 b, unsigned int size,
		   u64 *hi)
{
	__int128 r = (__int128)sign_extend(a, size) * sign_extend(b, size);

	*hi = (u64)(r >> (8 * size));
	set_mul_flags(c, r != sign_extend((u64)r, size));
	return (u64)r;
}

enum emul_result x_imul(struct emul_ctx *c)
{
	unsigned int size = c->src.size;
	u64 lo, hi;

	lo = do_imul(c, emul_reg(c, R_AX, size), c->src.val, size, &hi);
	set_pair(c, size, lo, hi);
	return EMUL_OK;
}

/* Two and three operands; the latter's row has an immediate */
enum emul_result x_imul2(struct emul_ctx *c)
{
	unsigned int size = c->dst.size;
	u64 b = c->op->imm ? c->imm : c->dst.val;
	u64 hi;

	c->dst.val = do_imul(c, c->src.val, b, size, &hi);
	return EMUL_OK;
}

/* hi:lo / d where hi < d, so that the quotient fits */
static u64 div128(u64 hi, u64 lo, u64 d, u64 *rem)
{
	u64 q;

	asm("divq %4" : "=a" (q), "=d" (*rem) : "0" (lo), "1" (hi), "r" (d) :
	    "cc");
	return q;
}

/* The dividend, zero-extended to 128 bits */
static void get_pair(const struct emul_ctx *c, unsigned int size, u64 *lo,
		     u64 *hi)
{
	unsigned int bits = 8 * size;

	*hi = 0;
	if (size == 1) {
		*lo = emul_reg(c, R_AX, 2);
	} else if (size == 8) {
		*lo = c->gpr[R_AX];
		*hi = c->gpr[R_DX];
	} else {
		*lo = emul_reg(c, R_AX, size);
		*lo |= emul_reg(c, R_DX, size) << bits;
	}
}

enum emul_result x_div(struct emul_ctx *c)
{
	unsigned int size = c->src.size;
	u64 lo, hi, q, rem, d = c->src.val;

	get_pair(c, size, &lo, &hi);
	if (hi >= d)
		return emul_raise(c, EMUL_DE);
	q = div128(hi, lo, d, &rem);
	if (q & ~size_mask(size))
		return emul_raise(c, EMUL_DE);
	set_pair(c, size, q, rem);
	return EMUL_OK;
}

enum emul_result x_idiv(struct emul_ctx *c)
{
	unsigned int size = c->src.size;
	s64 d = sign_extend(c->src.val, size);
	u64 lo, hi, q, rem, mag = d < 0 ? 0 - (u64)d : (u64)d;
	bool neg;

	get_pair(c, size, &lo, &hi);
	if (size < 8) {
		lo = sign_extend(lo, 2 * size);
		hi = (s64)lo >> 63;
	}
	neg = hi >> 63;
	if (neg) {
		lo = 0 - lo;
		hi = ~hi + !lo;
	}
	if (hi >= mag)
		return emul_raise(c, EMUL_DE);
	q = div128(hi, lo, mag, &rem);
	/* the quotient of the magnitudes may reach the sign bit only as -2^n */
	if (q > size_sign(size) - (neg == (d < 0)))
		return emul_raise(c, EMUL_DE);
	set_pair(c, size, neg == (d < 0) ? q : 0 - q, neg ? 0 - rem : rem);
	return EMUL_OK;
}

/* CBW, CWDE, CDQE */
enum emul_result x_cbw(struct emul_ctx *c)
{
	unsigned int size = c->op_bytes;

	emul_set_reg(c, R_AX, size,
		     sign_extend(emul_reg(c, R_AX, size / 2), size / 2));
	return EMUL_OK;
}

/* CWD, CDQ, CQO */
enum emul_result x_cwd(struct emul_ctx *c)
{
	unsigned int size = c->op_bytes;
	bool neg = emul_reg(c, R_AX, size) & size_sign(size);

	emul_set_reg(c, R_DX, size, neg ? ~0ull : 0);
	return EMUL_OK;
}

enum emul_result x_cmc(struct emul_ctx *c)
{
	c->rflags ^= FL_CF;
	return EMUL_OK;
}

enum emul_result x_clc(struct emul_ctx *c)
{
	c->rflags &= ~FL_CF;
	return EMUL_OK;
}

enum emul_result x_stc(struct emul_ctx *c)
{
	c->rflags |= FL_CF;
	return EMUL_OK;
}

enum emul_result x_cld(struct emul_ctx *c)
{
	c->rflags &= ~FL_DF;
	return EMUL_OK;
}

enum emul_result x_std(struct emul_ctx *c)
{
	c->rflags |= FL_DF;
	return EMUL_OK;
}

#define FL_AH	(FL_SF | FL_ZF | FL_AF | FL_PF | FL_CF)

enum emul_result x_sahf(struct emul_ctx *c)
{
	if (is_long64(c) && !emul_has(c, EMUL_F_LAHF64))
		return emul_raise(c, EMUL_UD);
	c->rflags = (c->rflags & ~FL_AH) | (c->gpr[R_AX] >> 8 & FL_AH);
	return EMUL_OK;
}

enum emul_result x_lahf(struct emul_ctx *c)
{
	u64 ah = (c->rflags & FL_AH) | 2;

	if (is_long64(c) && !emul_has(c, EMUL_F_LAHF64))
		return emul_raise(c, EMUL_UD);
	emul_set_gpr(c, R_AX, (c->gpr[R_AX] & ~0xff00ull) | ah << 8);
	return EMUL_OK;
}

enum emul_result x_xlat(struct emul_ctx *c)
{
	u64 ea = emul_wrap_ea(c, c->gpr[R_BX] + (c->gpr[R_AX] & 0xff));
	u64 v;

	TRY(emul_read_mem(c, c->seg, ea, 1, 0, &v));
	emul_set_reg(c, R_AX, 1, v);
	return EMUL_OK;
}

/* D6, undocumented for long: AL = CF ? ff : 0 */
enum emul_result x_salc(struct emul_ctx *c)
{
	emul_set_reg(c, R_AX, 1, c->rflags & FL_CF ? 0xff : 0);
	return EMUL_OK;
}
