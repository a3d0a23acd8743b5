// SPDX-License-Identifier: GPL-2.0-only
/*
 * SSE, MMX and VEX moves, as far as they are used on MMIO.
 * A VEX load clears the rest of the 32-byte register; the owner clears what
 * lies above.
 */
#include "bodies.h"

static unsigned int vec_len(const struct emul_ctx *c)
{
	return c->vex_l ? 32 : 16;
}

static bool is_mem(const struct emul_ctx *c)
{
	return c->modrm < 0xc0;
}

static enum emul_result check_vvvv(struct emul_ctx *c)
{
	return c->vex && c->vex_v ? emul_raise(c, EMUL_UD) : EMUL_OK;
}

static enum emul_result mem_la(struct emul_ctx *c, unsigned int len, bool write,
			       bool aligned, u64 *la)
{
	if (aligned)
		return emul_linear_aligned(c, c->seg, c->ea, len, write, la);
	return emul_linear(c, c->seg, c->ea, len, write, la);
}

/* Write an XMM register; with VEX the upper half of YMM too */
static enum emul_result put_vec(struct emul_ctx *c, unsigned int reg,
				const u8 *buf)
{
	return OPTIONAL(c, put_xmm, reg, buf, c->vex ? 32 : 16);
}

static enum emul_result vec_load(struct emul_ctx *c, bool aligned)
{
	unsigned int len = vec_len(c);
	u8 buf[32] = { 0 };
	u64 la;

	TRY(check_vvvv(c));
	if (is_mem(c)) {
		TRY(mem_la(c, len, false, aligned, &la));
		TRY(emul_read_la(c, la, buf, len, 0));
	} else {
		TRY(OPTIONAL(c, get_xmm, c->modrm_rm, buf, len));
	}
	return put_vec(c, c->modrm_reg, buf);
}

static enum emul_result vec_store(struct emul_ctx *c, bool aligned)
{
	unsigned int len = vec_len(c);
	u8 buf[32] = { 0 };
	u64 la;

	TRY(check_vvvv(c));
	TRY(OPTIONAL(c, get_xmm, c->modrm_reg, buf, len));
	if (!is_mem(c))
		return put_vec(c, c->modrm_rm, buf);
	TRY(mem_la(c, len, true, aligned, &la));
	return emul_write_la(c, la, buf, len, 0);
}

enum emul_result x_xmm_load(struct emul_ctx *c)
{
	return vec_load(c, false);
}

enum emul_result x_xmm_loada(struct emul_ctx *c)
{
	return vec_load(c, true);
}

enum emul_result x_xmm_store(struct emul_ctx *c)
{
	return vec_store(c, false);
}

enum emul_result x_xmm_storea(struct emul_ctx *c)
{
	return vec_store(c, true);
}

/* n low bytes from memory or general register into XMM, the rest zero */
static enum emul_result low_load(struct emul_ctx *c)
{
	u8 buf[32] = { 0 };

	if (c->vex_l)
		return emul_raise(c, EMUL_UD);
	TRY(check_vvvv(c));
	memcpy(buf, &c->src.val, 8);
	return put_vec(c, c->modrm_reg, buf);
}

static enum emul_result low_get(struct emul_ctx *c, unsigned int reg, u64 *v)
{
	u8 buf[16] = { 0 };

	if (c->vex_l)
		return emul_raise(c, EMUL_UD);
	TRY(check_vvvv(c));
	TRY(OPTIONAL(c, get_xmm, reg, buf, 16));
	memcpy(v, buf, 8);
	return EMUL_OK;
}

/* MOVD, MOVQ between XMM and r/m of 4 or 8 bytes (REX.W) */
enum emul_result x_movd_load(struct emul_ctx *c)
{
	return low_load(c);
}

enum emul_result x_movd_store(struct emul_ctx *c)
{
	return low_get(c, c->modrm_reg, &c->dst.val);
}

/* MOVQ between XMM and XMM/m64 */
enum emul_result x_movq_load(struct emul_ctx *c)
{
	if (c->vex_l)
		return emul_raise(c, EMUL_UD);
	TRY(check_vvvv(c));
	if (is_mem(c))
		TRY(emul_read_mem(c, c->seg, c->ea, 8, 0, &c->src.val));
	else
		TRY(low_get(c, c->modrm_rm, &c->src.val));
	return low_load(c);
}

enum emul_result x_movq_store(struct emul_ctx *c)
{
	u8 buf[32] = { 0 };
	u64 v;

	TRY(low_get(c, c->modrm_reg, &v));
	if (is_mem(c))
		return emul_write_mem(c, c->seg, c->ea, 8, 0, v);
	memcpy(buf, &v, 8);
	return put_vec(c, c->modrm_rm, buf);
}

enum emul_result x_movd_mmx_load(struct emul_ctx *c)
{
	return OPTIONAL(c, put_mmx, c->modrm_reg & 7, &c->src.val);
}

enum emul_result x_movd_mmx_store(struct emul_ctx *c)
{
	return OPTIONAL(c, get_mmx, c->modrm_reg & 7, &c->dst.val);
}

enum emul_result x_movq_mmx_load(struct emul_ctx *c)
{
	u64 v;

	if (is_mem(c))
		TRY(emul_read_mem(c, c->seg, c->ea, 8, 0, &v));
	else
		TRY(OPTIONAL(c, get_mmx, c->modrm_rm & 7, &v));
	return OPTIONAL(c, put_mmx, c->modrm_reg & 7, &v);
}

enum emul_result x_movq_mmx_store(struct emul_ctx *c)
{
	u64 v;

	TRY(OPTIONAL(c, get_mmx, c->modrm_reg & 7, &v));
	if (is_mem(c))
		return emul_write_mem(c, c->seg, c->ea, 8, 0, v);
	return OPTIONAL(c, put_mmx, c->modrm_rm & 7, &v);
}

/*
 * The rest of a register that gets a part: its own, or with VEX that of vvvv
 * and zeros above; a load from memory to the low end clears it in any case.
 */
static enum emul_result merge_from(struct emul_ctx *c, unsigned int own,
				   u8 *buf)
{
	if (c->vex_l)
		return emul_raise(c, EMUL_UD);
	return OPTIONAL(c, get_xmm, c->vex ? c->vex_v : own, buf, 16);
}

/* MOVSS, MOVSD */
enum emul_result x_movs_load(struct emul_ctx *c)
{
	unsigned int len = c->rep == 0xf3 ? 4 : 8;
	u8 buf[32] = { 0 }, low[16];
	u64 v;

	if (is_mem(c)) {
		TRY(check_vvvv(c));
		TRY(emul_read_mem(c, c->seg, c->ea, len, 0, &v));
		memcpy(buf, &v, 8);
	} else {
		TRY(merge_from(c, c->modrm_reg, buf));
		TRY(OPTIONAL(c, get_xmm, c->modrm_rm, low, 16));
		memcpy(buf, low, len);
	}
	return put_vec(c, c->modrm_reg, buf);
}

enum emul_result x_movs_store(struct emul_ctx *c)
{
	unsigned int len = c->rep == 0xf3 ? 4 : 8;
	u8 buf[16], to[32] = { 0 };
	u64 v;

	TRY(OPTIONAL(c, get_xmm, c->modrm_reg, buf, 16));
	if (is_mem(c)) {
		TRY(check_vvvv(c));
		memcpy(&v, buf, 8);
		return emul_write_mem(c, c->seg, c->ea, len, 0, v);
	}
	TRY(merge_from(c, c->modrm_rm, to));
	memcpy(to, buf, len);
	return put_vec(c, c->modrm_rm, to);
}

/* MOVLPS/PD and MOVHPS/PD with memory: one half, the other stays */
static enum emul_result half_load(struct emul_ctx *c, unsigned int at)
{
	u8 buf[32] = { 0 };
	u64 v;

	TRY(emul_read_mem(c, c->seg, c->ea, 8, 0, &v));
	TRY(merge_from(c, c->modrm_reg, buf));
	memcpy(buf + at, &v, 8);
	return put_vec(c, c->modrm_reg, buf);
}

static enum emul_result half_store(struct emul_ctx *c, unsigned int at)
{
	u8 buf[16];
	u64 v;

	TRY(check_vvvv(c));
	if (c->vex_l)
		return emul_raise(c, EMUL_UD);
	TRY(OPTIONAL(c, get_xmm, c->modrm_reg, buf, 16));
	memcpy(&v, buf + at, 8);
	return emul_write_mem(c, c->seg, c->ea, 8, 0, v);
}

enum emul_result x_movl_load(struct emul_ctx *c)
{
	return half_load(c, 0);
}

enum emul_result x_movl_store(struct emul_ctx *c)
{
	return half_store(c, 0);
}

enum emul_result x_movh_load(struct emul_ctx *c)
{
	return half_load(c, 8);
}

enum emul_result x_movh_store(struct emul_ctx *c)
{
	return half_store(c, 8);
}

/* Elements of 4 or 8 bytes: PS and PD by opcode, D and Q by VEX.W */
static unsigned int mask_size(const struct emul_ctx *c)
{
	if (c->opcode < 0x80)
		return c->opcode & 1 ? 8 : 4;
	return c->vex_w ? 8 : 4;
}

/* What the mask leaves out is not accessed and does not fault */
static enum emul_result vmask(struct emul_ctx *c, u8 *buf, bool write)
{
	unsigned int size = mask_size(c), at;
	u8 mask[32] = { 0 };
	u64 la;

	if (!c->vex)
		return emul_raise(c, EMUL_UD);
	TRY(OPTIONAL(c, get_xmm, c->vex_v, mask, vec_len(c)));
	for (at = 0; at < vec_len(c); at += size) {
		if (!(mask[at + size - 1] & 0x80))
			continue;
		TRY(emul_linear(c, c->seg, emul_wrap_ea(c, c->ea + at), size,
				write, &la));
		if (write)
			TRY(emul_write_la(c, la, buf + at, size, 0));
		else
			TRY(emul_read_la(c, la, buf + at, size, 0));
	}
	return EMUL_OK;
}

enum emul_result x_vmask_load(struct emul_ctx *c)
{
	u8 buf[32] = { 0 };

	TRY(vmask(c, buf, false));
	return put_vec(c, c->modrm_reg, buf);
}

enum emul_result x_vmask_store(struct emul_ctx *c)
{
	u8 buf[32] = { 0 };

	TRY(OPTIONAL(c, get_xmm, c->modrm_reg, buf, vec_len(c)));
	return vmask(c, buf, true);
}

/* MASKMOVDQU, MASKMOVQ: bytes to DS:rDI, or another segment by prefix */
static enum emul_result put_bytes(struct emul_ctx *c, const u8 *buf,
				  const u8 *mask, unsigned int len)
{
	u64 di = emul_reg(c, R_DI, c->ad_bytes);
	unsigned int i;

	for (i = 0; i < len; i++)
		if (mask[i] & 0x80)
			TRY(emul_write_mem(c, c->seg, emul_wrap_ea(c, di + i),
					   1, 0, buf[i]));
	return EMUL_OK;
}

enum emul_result x_maskmov(struct emul_ctx *c)
{
	u8 buf[16], mask[16];

	TRY(check_vvvv(c));
	if (c->vex_l)
		return emul_raise(c, EMUL_UD);
	TRY(OPTIONAL(c, get_xmm, c->modrm_reg, buf, 16));
	TRY(OPTIONAL(c, get_xmm, c->modrm_rm, mask, 16));
	return put_bytes(c, buf, mask, 16);
}

enum emul_result x_maskmov_mmx(struct emul_ctx *c)
{
	u64 buf, mask;

	TRY(OPTIONAL(c, get_mmx, c->modrm_reg & 7, &buf));
	TRY(OPTIONAL(c, get_mmx, c->modrm_rm & 7, &mask));
	return put_bytes(c, (const u8 *)&buf, (const u8 *)&mask, 8);
}
