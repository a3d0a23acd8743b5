// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shifts, rotates, bit tests and scans, byte order, decimal adjustment.
 */
#include "bodies.h"

static void set_flag(struct emul_ctx *c, u64 flag, bool on)
{
	c->rflags = on ? c->rflags | flag : c->rflags & ~flag;
}

static void set_szp(struct emul_ctx *c, u64 r, unsigned int size)
{
	set_flag(c, FL_SF, r & size_sign(size));
	set_flag(c, FL_ZF, !r);
	set_flag(c, FL_PF, 0x9669 >> ((r ^ r >> 4) & 15) & 1);
}

/* Counts are taken modulo 32, or 64 for 64-bit operands */
static unsigned int shift_count(const struct emul_ctx *c, u64 count)
{
	return count & (c->dst.size == 8 ? 63 : 31);
}

enum emul_result x_shl(struct emul_ctx *c)
{
	unsigned int size = c->dst.size, n = shift_count(c, c->src.val);
	unsigned __int128 r = c->dst.val;
	bool cf;

	if (!n)
		return EMUL_OK;
	r <<= n;
	cf = (u64)(r >> (8 * size)) & 1;
	c->dst.val = (u64)r & size_mask(size);
	set_szp(c, c->dst.val, size);
	set_flag(c, FL_CF, cf);
	set_flag(c, FL_OF, !(c->dst.val & size_sign(size)) != !cf);
	return EMUL_OK;
}

enum emul_result x_shr(struct emul_ctx *c)
{
	unsigned int size = c->dst.size, n = shift_count(c, c->src.val);

	if (!n)
		return EMUL_OK;
	set_flag(c, FL_OF, c->dst.val & size_sign(size));
	set_flag(c, FL_CF, c->dst.val >> (n - 1) & 1);
	c->dst.val >>= n;
	set_szp(c, c->dst.val, size);
	return EMUL_OK;
}

enum emul_result x_sar(struct emul_ctx *c)
{
	unsigned int size = c->dst.size, n = shift_count(c, c->src.val);
	s64 v = sign_extend(c->dst.val, size);

	if (!n)
		return EMUL_OK;
	set_flag(c, FL_OF, false);
	set_flag(c, FL_CF, v >> (n - 1) & 1);
	c->dst.val = (v >> n) & size_mask(size);
	set_szp(c, c->dst.val, size);
	return EMUL_OK;
}

enum emul_result x_rol(struct emul_ctx *c)
{
	unsigned int size = c->dst.size, n = shift_count(c, c->src.val);
	unsigned int bits = 8 * size;
	u64 v = c->dst.val;
	bool cf;

	if (!n)
		return EMUL_OK;
	n &= bits - 1;
	if (n)
		v = (v << n | v >> (bits - n)) & size_mask(size);
	cf = v & 1;
	c->dst.val = v;
	set_flag(c, FL_CF, cf);
	set_flag(c, FL_OF, !(v & size_sign(size)) != !cf);
	return EMUL_OK;
}

enum emul_result x_ror(struct emul_ctx *c)
{
	unsigned int size = c->dst.size, n = shift_count(c, c->src.val);
	unsigned int bits = 8 * size;
	u64 v = c->dst.val, sign = size_sign(size);

	if (!n)
		return EMUL_OK;
	n &= bits - 1;
	if (n)
		v = (v >> n | v << (bits - n)) & size_mask(size);
	c->dst.val = v;
	set_flag(c, FL_CF, v & sign);
	set_flag(c, FL_OF, !(v & sign) != !(v & sign >> 1));
	return EMUL_OK;
}

/* Through carry: one bit at a time, at most 63 */
enum emul_result x_rcl(struct emul_ctx *c)
{
	unsigned int size = c->dst.size, n = shift_count(c, c->src.val);
	u64 v = c->dst.val, sign = size_sign(size);
	bool cf = c->rflags & FL_CF, out;

	if (!n)
		return EMUL_OK;
	for (n %= 8 * size + 1; n; n--) {
		out = v & sign;
		v = (v << 1 | cf) & size_mask(size);
		cf = out;
	}
	c->dst.val = v;
	set_flag(c, FL_CF, cf);
	set_flag(c, FL_OF, !(v & sign) != !cf);
	return EMUL_OK;
}

enum emul_result x_rcr(struct emul_ctx *c)
{
	unsigned int size = c->dst.size, n = shift_count(c, c->src.val);
	u64 v = c->dst.val, sign = size_sign(size);
	bool cf = c->rflags & FL_CF, out;

	if (!n)
		return EMUL_OK;
	for (n %= 8 * size + 1; n; n--) {
		out = v & 1;
		v = v >> 1 | (cf ? sign : 0);
		cf = out;
	}
	c->dst.val = v;
	set_flag(c, FL_CF, cf);
	set_flag(c, FL_OF, !(v & sign) != !(v & sign >> 1));
	return EMUL_OK;
}

/* SHLD and SHRD count by imm8 or, in the rows without one, by CL */
static unsigned int double_count(const struct emul_ctx *c)
{
	return shift_count(c, c->op->imm ? c->imm : c->gpr[R_CX]);
}

static void set_double(struct emul_ctx *c, u64 v, bool cf)
{
	u64 sign = size_sign(c->dst.size);

	set_flag(c, FL_OF, (c->dst.val ^ v) & sign);
	set_flag(c, FL_CF, cf);
	set_szp(c, v, c->dst.size);
	c->dst.val = v;
}

enum emul_result x_shld(struct emul_ctx *c)
{
	unsigned int n = double_count(c), bits = 8 * c->dst.size;
	u64 hi = c->dst.val, lo = c->src.val, v;

	if (!n)
		return EMUL_OK;
	if (n > bits) {
		/* 16 bits only; undefined: go on as if dst followed src */
		n -= bits;
		hi = c->src.val;
		lo = c->dst.val;
	}
	v = n == bits ? lo : (hi << n | lo >> (bits - n));
	set_double(c, v & size_mask(c->dst.size), hi >> (bits - n) & 1);
	return EMUL_OK;
}

enum emul_result x_shrd(struct emul_ctx *c)
{
	unsigned int n = double_count(c), bits = 8 * c->dst.size;
	u64 lo = c->dst.val, hi = c->src.val, v;

	if (!n)
		return EMUL_OK;
	if (n > bits) {
		n -= bits;
		lo = c->src.val;
		hi = c->dst.val;
	}
	v = n == bits ? hi : (lo >> n | hi << (bits - n));
	set_double(c, v & size_mask(c->dst.size), lo >> (n - 1) & 1);
	return EMUL_OK;
}

static u64 bit_of(struct emul_ctx *c)
{
	u64 bit = 1ull << (c->src.val & (8 * c->dst.size - 1));

	set_flag(c, FL_CF, c->dst.val & bit);
	return bit;
}

enum emul_result x_bt(struct emul_ctx *c)
{
	bit_of(c);
	return EMUL_OK;
}

enum emul_result x_bts(struct emul_ctx *c)
{
	c->dst.val |= bit_of(c);
	return EMUL_OK;
}

enum emul_result x_btr(struct emul_ctx *c)
{
	c->dst.val &= ~bit_of(c);
	return EMUL_OK;
}

enum emul_result x_btc(struct emul_ctx *c)
{
	c->dst.val ^= bit_of(c);
	return EMUL_OK;
}

/*
 * The forms with the bit number in a register: it is signed and reaches
 * beyond the operand in memory (SDM 2A, BT). Opcode bits 3-4 tell which.
 */
static enum emul_result bit_reg(struct emul_ctx *c)
{
	static const emul_fn op[4] = { x_bt, x_bts, x_btr, x_btc };
	unsigned int which = c->opcode >> 3 & 3;

	TRY(emul_load(c, &c->dst, which ? EMUL_ACC_RMW : 0));
	TRY(op[which](c));
	return which ? emul_store(c, &c->dst) : EMUL_OK;
}

enum emul_result x_bt_reg(struct emul_ctx *c)
{
	unsigned int size = c->dst.size;
	u64 ea = c->ea;
	enum emul_result r;
	s64 unit;

	unit = sign_extend(c->src.val, size) >> (size == 8 ? 6 :
						 size == 4 ? 5 : 4);
	c->ea = emul_wrap_ea(c, ea + (u64)unit * size);
	r = bit_reg(c);
	c->ea = ea;
	return r;
}

/* The destination stays as it is when the source is 0, as CPUs do */
enum emul_result x_bsf(struct emul_ctx *c)
{
	set_flag(c, FL_ZF, !c->src.val);
	if (!c->src.val)
		return EMUL_OK;
	c->dst.val = __builtin_ctzll(c->src.val);
	return emul_store(c, &c->dst);
}

enum emul_result x_bsr(struct emul_ctx *c)
{
	set_flag(c, FL_ZF, !c->src.val);
	if (!c->src.val)
		return EMUL_OK;
	c->dst.val = 63 - __builtin_clzll(c->src.val);
	return emul_store(c, &c->dst);
}

/* Without BMI1, F3 0F BC is BSF; without LZCNT, F3 0F BD is BSR */
enum emul_result x_tzcnt(struct emul_ctx *c)
{
	u64 v = c->src.val;

	if (!emul_has(c, EMUL_F_BMI1))
		return x_bsf(c);
	c->dst.val = v ? (u64)__builtin_ctzll(v) : 8 * c->dst.size;
	set_flag(c, FL_CF, !v);
	set_flag(c, FL_ZF, !c->dst.val);
	return emul_store(c, &c->dst);
}

enum emul_result x_lzcnt(struct emul_ctx *c)
{
	unsigned int bits = 8 * c->dst.size;
	u64 v = c->src.val;

	if (!emul_has(c, EMUL_F_LZCNT))
		return x_bsr(c);
	c->dst.val = v ? (u64)__builtin_clzll(v) - (64 - bits) : bits;
	set_flag(c, FL_CF, !v);
	set_flag(c, FL_ZF, !c->dst.val);
	return emul_store(c, &c->dst);
}

enum emul_result x_popcnt(struct emul_ctx *c)
{
	u64 v = c->src.val;
	unsigned int n;

	c->rflags &= ~FL_ARITH;
	set_flag(c, FL_ZF, !v);
	for (n = 0; v; n++)
		v &= v - 1;
	c->dst.val = n;
	return EMUL_OK;
}

static u64 swap_bytes(u64 v, unsigned int size)
{
	return __builtin_bswap64(v) >> (64 - 8 * size);
}

/* BSWAP of 16 bits is undefined; CPUs give 0 */
enum emul_result x_bswap(struct emul_ctx *c)
{
	c->dst.val = c->dst.size == 2 ? 0 : swap_bytes(c->dst.val, c->dst.size);
	return EMUL_OK;
}

enum emul_result x_movbe(struct emul_ctx *c)
{
	c->dst.val = swap_bytes(c->src.val, c->src.size);
	return EMUL_OK;
}

/* CRC-32C, reflected, one bit at a time */
enum emul_result x_crc32(struct emul_ctx *c)
{
	u64 v = c->src.val;
	u32 crc = c->dst.val;
	unsigned int i;

	for (i = 0; i < 8u * c->src.size; i++, v >>= 1)
		crc = crc >> 1 ^ ((crc ^ v) & 1 ? 0x82f63b78 : 0);
	c->dst.val = crc;
	return EMUL_OK;
}

/* Decimal adjustment (SDM 2A, the instructions' pages) */
static void adjust_ascii(struct emul_ctx *c, unsigned int delta)
{
	u16 ax = c->gpr[R_AX];
	bool adjust = (ax & 15) > 9 || c->rflags & FL_AF;

	if (adjust)
		ax += delta;
	emul_set_reg(c, R_AX, 2, ax & 0xff0f);
	set_flag(c, FL_AF | FL_CF, adjust);
}

enum emul_result x_aaa(struct emul_ctx *c)
{
	adjust_ascii(c, 0x106);
	return EMUL_OK;
}

enum emul_result x_aas(struct emul_ctx *c)
{
	adjust_ascii(c, 0u - 0x106);
	return EMUL_OK;
}

static void adjust_decimal(struct emul_ctx *c, bool sub)
{
	u8 al = c->gpr[R_AX], old = al;
	bool cf = c->rflags & FL_CF, low = (al & 15) > 9 || c->rflags & FL_AF;
	bool high = al > 0x99 || cf;

	if (low)
		al = sub ? al - 6 : al + 6;
	if (high)
		al = sub ? al - 0x60 : al + 0x60;
	/* DAS may also borrow in its first step */
	set_flag(c, FL_CF, high || (sub && low && old < 6));
	set_flag(c, FL_AF, low);
	set_szp(c, al, 1);
	emul_set_reg(c, R_AX, 1, al);
}

enum emul_result x_daa(struct emul_ctx *c)
{
	adjust_decimal(c, false);
	return EMUL_OK;
}

enum emul_result x_das(struct emul_ctx *c)
{
	adjust_decimal(c, true);
	return EMUL_OK;
}

enum emul_result x_aam(struct emul_ctx *c)
{
	u8 al = c->gpr[R_AX], base = c->imm;

	if (!base)
		return emul_raise(c, EMUL_DE);
	emul_set_reg(c, R_AX, 2, (al / base) << 8 | al % base);
	set_szp(c, al % base, 1);
	return EMUL_OK;
}

enum emul_result x_aad(struct emul_ctx *c)
{
	u8 al = c->gpr[R_AX] + (c->gpr[R_AX] >> 8 & 0xff) * (c->imm & 0xff);

	emul_set_reg(c, R_AX, 2, al);
	set_szp(c, al, 1);
	return EMUL_OK;
}
