// SPDX-License-Identifier: GPL-2.0-only
/*
 * BMI1, BMI2 and ADX: integer instructions of opcode map 0F 38 and 0F 3A, most
 * of them with a VEX prefix and a third operand (SDM 2; SDM 1 5.1.17 ff.).
 */
#include "bodies.h"

static enum emul_result set_flags(struct emul_ctx *c, u64 clear, u64 set)
{
	c->rflags = (c->rflags & ~clear) | set;
	return EMUL_OK;
}

static u64 zero_sign(const struct emul_ctx *c, u64 v)
{
	return (v ? 0 : FL_ZF) |
	       (v & size_sign(c->src.size) ? FL_SF : 0);
}

/* The result, and the flags that all but the shifts set; carry as told */
static enum emul_result logic(struct emul_ctx *c, u64 v, bool carry)
{
	c->dst.val = v & size_mask(c->src.size);
	return set_flags(c, FL_ARITH, zero_sign(c, c->dst.val) |
			 (carry ? FL_CF : 0));
}

/* VEX.vvvv's register; only with VEX, and that of 128 bits */
static enum emul_result third(struct emul_ctx *c, u64 *v)
{
	if (!c->vex || c->vex_l)
		return emul_raise(c, EMUL_UD);
	*v = emul_reg(c, c->vex_v, c->src.size);
	return EMUL_OK;
}

static void put_third(struct emul_ctx *c, u64 v)
{
	emul_set_reg(c, c->vex_v, c->src.size, v);
}

enum emul_result x_andn(struct emul_ctx *c)
{
	u64 a;

	TRY(third(c, &a));
	return logic(c, ~a & c->src.val, false);
}

/* BLSR, BLSMSK, BLSI: ModRM.reg 1, 2, 3; the destination is vvvv */
enum emul_result x_bls(struct emul_ctx *c)
{
	unsigned int which = c->modrm >> 3 & 3;
	u64 v = c->src.val, r;
	bool carry = !v;

	TRY(third(c, &r));
	if (which == 1) {
		r = v & (v - 1);
	} else if (which == 2) {
		r = v ^ (v - 1);
	} else {
		r = v & (0 - v);
		carry = v;
	}
	logic(c, r, carry);
	put_third(c, c->dst.val);
	return EMUL_OK;
}

enum emul_result x_bextr(struct emul_ctx *c)
{
	unsigned int start, len;
	u64 ctl, v;

	TRY(third(c, &ctl));
	start = ctl & 0xff;
	len = ctl >> 8 & 0xff;
	v = start < 64 ? c->src.val >> start : 0;
	if (len < 64)
		v &= (1ull << len) - 1;
	c->dst.val = v;
	return set_flags(c, FL_ARITH, v ? 0 : FL_ZF);
}

enum emul_result x_bzhi(struct emul_ctx *c)
{
	unsigned int n, bits = 8 * c->src.size;
	u64 v;

	TRY(third(c, &v));
	n = v & 0xff;
	v = c->src.val;
	if (n < bits)
		v &= (1ull << n) - 1;
	return logic(c, v, n >= bits);
}

/* Low bits of vvvv go where the mask has ones */
enum emul_result x_pdep(struct emul_ctx *c)
{
	u64 v, m, r = 0;

	TRY(third(c, &v));
	for (m = c->src.val; m; m &= m - 1, v >>= 1)
		if (v & 1)
			r |= m & (0 - m);
	c->dst.val = r;
	return EMUL_OK;
}

/* And back */
enum emul_result x_pext(struct emul_ctx *c)
{
	u64 v, m, r = 0, to = 1;

	TRY(third(c, &v));
	for (m = c->src.val; m; m &= m - 1, to <<= 1)
		if (v & m & (0 - m))
			r |= to;
	c->dst.val = r;
	return EMUL_OK;
}

/* The upper half wins when both have one register */
enum emul_result x_mulx(struct emul_ctx *c)
{
	unsigned int size = c->src.size;
	unsigned __int128 r;
	u64 unused;

	TRY(third(c, &unused));
	r = (unsigned __int128)emul_reg(c, R_DX, size) * c->src.val;
	put_third(c, (u64)r);
	c->dst.val = (u64)(r >> (8 * size));
	return EMUL_OK;
}

enum emul_result x_rorx(struct emul_ctx *c)
{
	unsigned int bits = 8 * c->src.size, n = c->imm & (bits - 1);

	if (!c->vex || c->vex_l || c->vex_v)
		return emul_raise(c, EMUL_UD);
	c->dst.val = c->src.val >> n;
	if (n)
		c->dst.val |= c->src.val << (bits - n);
	return EMUL_OK;
}

/* SHLX, SARX, SHRX by their prefix: 66, F3, F2 */
enum emul_result x_shiftx(struct emul_ctx *c)
{
	unsigned int size = c->src.size;
	u64 n;

	TRY(third(c, &n));
	n &= 8 * size - 1;
	if (c->rep == 0xf3)
		c->dst.val = sign_extend(c->src.val, size) >> n;
	else if (c->rep == 0xf2)
		c->dst.val = c->src.val >> n;
	else
		c->dst.val = c->src.val << n;
	return EMUL_OK;
}

/* ADCX (66) carries by CF, ADOX (F3) by OF, and they leave all other flags */
enum emul_result x_adx(struct emul_ctx *c)
{
	u64 flag = c->rep == 0xf3 ? FL_OF : FL_CF;
	unsigned __int128 r;

	r = (unsigned __int128)c->dst.val + c->src.val + !!(c->rflags & flag);
	c->dst.val = (u64)r;
	return set_flags(c, flag, (u64)(r >> (8 * c->src.size)) ? flag : 0);
}
