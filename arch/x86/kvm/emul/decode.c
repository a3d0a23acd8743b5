// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction decoding: prefixes, opcode maps, ModRM, displacement, immediate.
 * (SDM 2 chapter 2; APM 3 chapter 1)
 */
#include "internal.h"

/* Bytes [fetched, need) of the instruction, page by page (SDM 3A 5.3) */
static enum emul_result refill(struct emul_ctx *c, unsigned int need)
{
	const struct emul_seg *cs = NULL;

	if (need > sizeof(c->insn))
		return emul_gp0(c);
	if (!is_long64(c))
		TRY(emul_seg(c, EMUL_CS, &cs));

	while (c->fetched < need) {
		unsigned int len = sizeof(c->insn) - c->fetched;
		unsigned int room;
		u64 la = c->rip + c->fetched;

		if (cs) {
			u32 off = la;

			if (off > cs->limit || off < c->fetched)
				return emul_gp0(c);
			if (cs->limit - off < len)
				len = cs->limit - off + 1;
			la = (u32)(cs->base + off);
		} else if (!is_canonical(c, la)) {
			return emul_gp0(c);
		}
		room = 4096 - (la & 4095);
		if (len > room)
			len = room;
		TRY(c->ops->fetch(c, la, c->insn + c->fetched, len));
		c->fetched += len;
	}
	return EMUL_OK;
}

/* Claim the next n bytes; *p points at them */
static inline enum emul_result take(struct emul_ctx *c, unsigned int n,
				    const u8 **p)
{
	unsigned int end = c->insn_len + n;

	if (unlikely(end > c->fetched))
		TRY(refill(c, end));
	*p = c->insn + c->insn_len;
	c->insn_len = end;
	return EMUL_OK;
}

static inline enum emul_result take_u8(struct emul_ctx *c, u8 *v)
{
	const u8 *p;

	TRY(take(c, 1, &p));
	*v = *p;
	return EMUL_OK;
}

/* n bytes, sign-extended */
static enum emul_result take_signed(struct emul_ctx *c, unsigned int n, u64 *v)
{
	const u8 *p;
	u32 d;
	u16 w;

	TRY(take(c, n, &p));
	switch (n) {
	case 1:
		*v = (u64)(s64)(s8)*p;
		break;
	case 2:
		memcpy(&w, p, 2);
		*v = (u64)(s64)(s16)w;
		break;
	case 4:
		memcpy(&d, p, 4);
		*v = (u64)(s64)(s32)d;
		break;
	default:
		memcpy(v, p, 8);
		break;
	}
	return EMUL_OK;
}

/* Base and index of 16-bit addressing, by r/m; 16: none */
static const u8 ea16_base[8] = {
	R_BX, R_BX, R_BP, R_BP, R_SI, R_DI, R_BP, R_BX,
};
static const u8 ea16_index[8] = {
	R_SI, R_DI, R_SI, R_DI, 16, 16, 16, 16,
};

static enum emul_result decode_ea16(struct emul_ctx *c)
{
	unsigned int mod = c->modrm >> 6, rm = c->modrm & 7;
	u64 ea = 0, disp = 0;

	if (mod == 0 && rm == 6) {
		TRY(take_signed(c, 2, &disp));
	} else {
		ea = c->gpr[ea16_base[rm]];
		if (ea16_index[rm] < 16)
			ea += c->gpr[ea16_index[rm]];
		if (c->seg == EMUL_NR_SEGS && ea16_base[rm] == R_BP)
			c->seg = EMUL_SS;
		if (mod)
			TRY(take_signed(c, mod, &disp));
	}
	c->ea = (u16)(ea + disp);
	return EMUL_OK;
}

/* Base (and index) part of 32- and 64-bit addressing */
static enum emul_result decode_sib(struct emul_ctx *c, unsigned int mod,
				   u64 *ea, unsigned int *disp_bytes)
{
	unsigned int base, index;
	u8 sib;

	TRY(take_u8(c, &sib));
	base = (sib & 7) | (c->rex << 3 & 8);
	index = (sib >> 3 & 7) | (c->rex << 2 & 8);
	if ((base & 7) == R_BP && mod == 0) {
		*disp_bytes = 4;
		*ea = 0;
	} else {
		*ea = c->gpr[base];
		if (base == R_SP || base == R_BP) {
			c->ea_rsp = base == R_SP;
			if (c->seg == EMUL_NR_SEGS)
				c->seg = EMUL_SS;
		}
	}
	if (index != R_SP)
		*ea += c->gpr[index] << (sib >> 6);
	return EMUL_OK;
}

static enum emul_result decode_ea(struct emul_ctx *c)
{
	unsigned int mod = c->modrm >> 6, rm = c->modrm & 7;
	unsigned int disp_bytes = mod == 2 ? 4 : mod;
	u64 ea = 0, disp;

	if (rm == 4) {
		TRY(decode_sib(c, mod, &ea, &disp_bytes));
	} else if (rm == 5 && mod == 0) {
		disp_bytes = 4;
		c->rip_rel = is_long64(c);
	} else {
		ea = c->gpr[c->modrm_rm];
		if (c->modrm_rm == R_BP && c->seg == EMUL_NR_SEGS)
			c->seg = EMUL_SS;
	}
	if (disp_bytes) {
		TRY(take_signed(c, disp_bytes, &disp));
		ea += disp;
	}
	c->ea = c->ad_bytes == 8 ? ea : (u32)ea;
	return EMUL_OK;
}

static inline enum emul_result decode_modrm(struct emul_ctx *c, u32 flags)
{
	TRY(take_u8(c, &c->modrm));
	c->has_modrm = true;
	c->modrm_reg = (c->modrm >> 3 & 7) | (c->rex << 1 & 8);
	c->modrm_rm = (c->modrm & 7) | (c->rex << 3 & 8);
	if (c->modrm >= 0xc0 || flags & F_CRDR)
		return EMUL_OK;
	return c->ad_bytes == 2 ? decode_ea16(c) : decode_ea(c);
}

/* C4 and C5 (SDM 2 2.3.5): the last byte before the opcode is in *b */
static enum emul_result decode_vex(struct emul_ctx *c, unsigned int kind)
{
	static const u8 pfx[4] = { 0, 0, 0xf3, 0xf2 };
	u8 b, map = 1;

	if (c->opsize_pfx || c->rep || c->lock || c->rex)
		return emul_raise(c, EMUL_UD);
	TRY(take_u8(c, &b));
	c->rex = 0x40 | (~b >> 5 & 4);
	if (kind == P_VEX3) {
		map = b & 0x1f;
		c->rex |= (~b >> 5 & 3);
		TRY(take_u8(c, &b));
		c->rex |= b >> 4 & 8;
	}
	c->vex = true;
	c->vex_w = c->rex & 8;
	c->vex_v = ~b >> 3 & 15;
	c->vex_l = b >> 2 & 1;
	/* eight registers; vvvv's top bit is ignored (SDM 2 2.3.5.6) */
	if (!is_long64(c)) {
		c->rex = 0;
		c->vex_v &= 7;
	}
	c->opsize_pfx = (b & 3) == 1;
	c->rep = pfx[b & 3];
	if (map < 1 || map > 3)
		return emul_raise(c, EMUL_UD);
	c->map = map + 1;
	return EMUL_OK;
}

/* LES and LDS outside 64-bit mode, unless ModRM would name a register */
static enum emul_result is_vex(struct emul_ctx *c, bool *vex)
{
	*vex = true;
	if (is_long64(c))
		return EMUL_OK;
	if (c->fetched == c->insn_len)
		TRY(refill(c, c->insn_len + 1));
	*vex = !is_paragraph(c) && c->insn[c->insn_len] >= 0xc0;
	return EMUL_OK;
}

/* The row of maps 2 to 4, after the escape bytes */
static enum emul_result decode_escape(struct emul_ctx *c,
				      const struct emul_op **op)
{
	TRY(take_u8(c, &c->opcode));
	if (!c->vex) {
		c->map = 2;
		if (c->opcode == 0x38 || c->opcode == 0x3a) {
			c->map = c->opcode == 0x38 ? 3 : 4;
			TRY(take_u8(c, &c->opcode));
		}
	}
	if (c->map == 2)
		*op = &emul_map2[c->opcode];
	else if (c->map == 3)
		*op = &emul_map3[c->opcode];
	else if (c->opcode == 0xf0)
		*op = &emul_map4_f0;
	else
		*op = &emul_op_unknown;
	return EMUL_OK;
}

/*
 * One prefix or escape byte; op_bytes is still the mode's default here. *op
 * becomes the opcode's row when it was an escape, else NULL.
 */
static enum emul_result decode_prefix(struct emul_ctx *c,
				      const struct emul_op *row, u8 byte,
				      const struct emul_op **op)
{
	bool vex;

	*op = NULL;
	switch (row->imm) {
	case P_0F:
		return decode_escape(c, op);
	case P_SEG:
		/* ES, CS, SS, DS are ignored in 64-bit mode, but not undone */
		if (row->dst >= EMUL_FS || !is_long64(c))
			c->seg = row->dst;
		break;
	case P_66:
		c->opsize_pfx = true;
		break;
	case P_67:
		c->ad_bytes = is_long64(c) || c->op_bytes == 2 ? 4 : 2;
		break;
	case P_LOCK:
		c->lock = true;
		break;
	case P_REP:
		c->rep = byte;
		break;
	default:
		TRY(is_vex(c, &vex));
		if (!vex) {
			*op = row->sub;
			return EMUL_OK;
		}
		TRY(decode_vex(c, row->imm));
		return decode_escape(c, op);
	}
	c->rex = 0;
	return EMUL_OK;
}

/* From a row that stands for several instructions to the one meant */
static const struct emul_op *decode_sub(struct emul_ctx *c,
					const struct emul_op *op)
{
	unsigned int i;

	do {
		if (op->flags & F_GROUP)
			i = c->modrm >> 3 & 7;
		else if (op->flags & F_MODSEL)
			i = c->modrm >= 0xc0;
		else if (op->flags & F_RMSEL)
			i = c->modrm & 7;
		else if (op->flags & F_LONGSEL)
			i = is_long64(c);
		else if (c->rep)
			i = c->rep == 0xf3 ? 2 : 3;
		else
			i = c->opsize_pfx;
		op = &op->sub[i];
	} while (op->flags & F_SUB);
	return op;
}

static inline void decode_op_bytes(struct emul_ctx *c, u32 flags)
{
	if (!is_long64(c)) {
		if (c->opsize_pfx)
			c->op_bytes ^= 6;
	} else if (c->rex & 8) {
		c->op_bytes = 8;
	} else if (flags & F_F64) {
		/* Intel ignores 66 on near branches, AMD does not */
		c->op_bytes = 8;
		if (c->opsize_pfx && emul_has(c, EMUL_F_AMD))
			c->op_bytes = 2;
	} else if (c->opsize_pfx) {
		c->op_bytes = 2;
	} else {
		c->op_bytes = flags & F_D64 ? 8 : 4;
	}
}

static enum emul_result decode_imm(struct emul_ctx *c, unsigned int kind)
{
	unsigned int z = c->op_bytes == 2 ? 2 : 4;

	switch (kind) {
	case I_B:
		return take_signed(c, 1, &c->imm);
	case I_UB:
		TRY(take_signed(c, 1, &c->imm));
		c->imm &= 0xff;
		return EMUL_OK;
	case I_W:
		TRY(take_signed(c, 2, &c->imm));
		c->imm &= 0xffff;
		return EMUL_OK;
	case I_Z:
		return take_signed(c, z, &c->imm);
	case I_V:
		return take_signed(c, c->op_bytes, &c->imm);
	case I_FAR:
		TRY(take_signed(c, z, &c->imm));
		c->imm &= size_mask(z);
		TRY(take_signed(c, 2, &c->imm2));
		c->imm2 &= 0xffff;
		return EMUL_OK;
	case I_ENTER:
		TRY(take_signed(c, 2, &c->imm));
		c->imm &= 0xffff;
		TRY(take_signed(c, 1, &c->imm2));
		c->imm2 &= 0xff;
		return EMUL_OK;
	default:	/* I_MOFFS */
		TRY(take_signed(c, c->ad_bytes, &c->ea));
		c->ea &= size_mask(c->ad_bytes);
		return EMUL_OK;
	}
}

static inline unsigned int opnd_bytes(const struct emul_ctx *c,
				      unsigned int size)
{
	switch (size) {
	case SZ_V:
		return c->op_bytes;
	case SZ_B:
	case SZ_W:
	case SZ_D:
	case SZ_Q:
		return 1u << size;
	case SZ_Y:
		return c->rex & 8 ? 8 : 4;
	case SZ_Z:
		return c->op_bytes == 8 ? 4 : c->op_bytes;
	default:	/* SZ_M */
		return is_long64(c) ? 8 : 4;
	}
}

static inline void decode_reg(const struct emul_ctx *c, struct emul_opnd *o,
			      unsigned int n)
{
	o->kind = OPND_REG;
	o->reg = n;
	if (o->size == 1 && n - 4 < 4 && !c->rex) {
		o->kind = OPND_HI;
		o->reg = n - 4;
	}
}

static void decode_opnd_rare(struct emul_ctx *c, struct emul_opnd *o,
			     unsigned int kind)
{
	o->kind = OPND_VAL;
	switch (kind) {
	case K_MOFFS:
	case K_MEMOP:
		o->kind = OPND_MEM;
		break;
	case K_ONE:
		o->val = 1;
		break;
	case K_EA:
		o->val = c->ea;
		break;
	case K_RMX:
		o->kind = OPND_REG;
		o->reg = c->modrm_rm;
		if (c->modrm < 0xc0) {
			o->kind = OPND_MEM;
			o->size = 2;
		}
		break;
	default:	/* K_CRDR */
		o->kind = OPND_REG;
		o->reg = c->modrm_rm;
		break;
	}
}

static inline void decode_opnd(struct emul_ctx *c, struct emul_opnd *o,
			       unsigned int spec)
{
	unsigned int kind = spec >> 3;

	o->kind = OPND_NONE;
	if (kind == K_NONE)
		return;
	o->size = opnd_bytes(c, spec & 7);
	switch (kind) {
	case K_RM:
		if (c->modrm >= 0xc0)
			decode_reg(c, o, c->modrm_rm);
		else
			o->kind = OPND_MEM;
		break;
	case K_REG:
		decode_reg(c, o, c->modrm_reg);
		break;
	case K_OPR:
		decode_reg(c, o, (c->opcode & 7) | (c->rex << 3 & 8));
		break;
	case K_ACC:
		decode_reg(c, o, R_AX);
		break;
	case K_CL:
		decode_reg(c, o, R_CX);
		break;
	case K_IMM:
		o->kind = OPND_VAL;
		o->val = c->imm & size_mask(o->size);
		break;
	default:
		decode_opnd_rare(c, o, kind);
		break;
	}
}

/* Is this form defined at all, here and now? */
static enum emul_result decode_legal(struct emul_ctx *c,
				     const struct emul_op *op)
{
	u32 flags = op->flags;
	bool mem = c->has_modrm && c->modrm < 0xc0;

	if (c->vex && !(flags & F_VEX))
		return EMUL_UNHANDLED;
	if (unlikely(flags & F_LEGAL)) {
		if (flags & F_UD ||
		    (flags & F_NO64 && is_long64(c)) ||
		    (flags & F_ONLY64 && !is_long64(c)) ||
		    (flags & F_PROT && is_paragraph(c)) ||
		    (flags & F_MEM && !mem) || (flags & F_REG && mem))
			return emul_raise(c, EMUL_UD);
	}
	if (c->lock && (!(flags & F_LOCK) || c->dst.kind != OPND_MEM)) {
		/* AMD's LOCK MOV CR0 is MOV CR8 (APM 3, MOV CRn) */
		if (!(flags & F_CRDR) || !emul_has(c, EMUL_F_AMD))
			return emul_raise(c, EMUL_UD);
	}
	if (op->feature && !emul_has(c, op->feature - 1))
		return emul_raise(c, EMUL_UD);
	if (c->vex && flags & F_SSE && !emul_has(c, EMUL_F_AVX))
		return emul_raise(c, EMUL_UD);
	/* On general registers: no L; RORX has no third operand */
	if (c->vex && !(flags & F_SSE) && (c->vex_l || (c->map == 4 && c->vex_v)))
		return emul_raise(c, EMUL_UD);
	return EMUL_OK;
}

static enum emul_result decode_start(struct emul_ctx *c, const u8 *bytes,
				     unsigned int nbytes)
{
	static const u8 op_bytes[] = { 2, 2, 2, 4, 4 };
	static const u8 ad_bytes[] = { 2, 2, 2, 4, 8 };
	const struct emul_seg *cs;

	c->op_bytes = op_bytes[c->mode];
	c->ad_bytes = ad_bytes[c->mode];
	c->insn_len = 0;
	c->rex = 0;
	c->rep = 0;
	c->seg = EMUL_NR_SEGS;
	c->opsize_pfx = false;
	c->lock = false;
	c->has_modrm = false;
	c->rip_rel = false;
	c->ea_rsp = false;
	c->modrm = 0;
	c->modrm_reg = 0;
	c->modrm_rm = 0;
	c->map = 1;
	c->vex = false;
	c->vex_l = 0;
	c->vex_v = 0;
	c->vex_w = false;
	c->imm = 0;
	c->imm2 = 0;
	c->ea = 0;
	c->seg_valid = 0;
	c->undo_mask = 0;
	c->committed = false;
	c->op = &emul_op_unknown;

	if (nbytes >= sizeof(c->insn)) {
		nbytes = sizeof(c->insn);
		memcpy(c->insn, bytes, sizeof(c->insn));
	} else if (nbytes) {
		memcpy(c->insn, bytes, nbytes);
	}
	c->fetched = nbytes;

	/* CS.D outlives a switch to real mode until CS is loaded */
	if (c->mode == EMUL_REAL) {
		TRY(emul_seg(c, EMUL_CS, &cs));
		if (cs->attr & EMUL_SEG_DB)
			c->op_bytes = c->ad_bytes = 4;
	}
	return EMUL_OK;
}

/* Prefixes and opcode bytes, to the row of the opcode map */
static inline enum emul_result decode_opcode(struct emul_ctx *c,
					     const struct emul_op **row)
{
	const struct emul_op *op;
	u8 b;

	for (;;) {
		TRY(take_u8(c, &b));
		op = &emul_map1[b];
		if (unlikely(op->flags & F_PREFIX)) {
			TRY(decode_prefix(c, op, b, &op));
			if (!op)
				continue;
			if (c->map == 1)
				c->opcode = b;
			break;
		}
		if (is_long64(c) && (b & 0xf0) == 0x40) {
			c->rex = b;
			continue;
		}
		c->opcode = b;
		break;
	}
	*row = op;
	return EMUL_OK;
}

enum emul_result emul_decode(struct emul_ctx *c, const u8 *bytes,
			     unsigned int nbytes)
{
	const struct emul_op *op = &emul_op_unknown;

	if (c->mode > EMUL_LONG64)
		return EMUL_UNHANDLED;
	TRY(decode_start(c, bytes, nbytes));
	TRY(decode_opcode(c, &op));
	if (op->flags & F_MODRM)
		TRY(decode_modrm(c, op->flags));
	if (unlikely(op->flags & F_SUB))
		op = decode_sub(c, op);
	c->op = op;

	decode_op_bytes(c, op->flags);
	if (op->imm)
		TRY(decode_imm(c, op->imm));
	if (c->seg == EMUL_NR_SEGS)
		c->seg = EMUL_DS;
	c->next_rip = c->rip + c->insn_len;
	if (!is_long64(c))
		c->next_rip = (u32)c->next_rip;
	if (c->rip_rel) {
		c->ea += c->next_rip;
		if (c->ad_bytes == 4)
			c->ea = (u32)c->ea;
	}

	decode_opnd(c, &c->dst, op->dst);
	decode_opnd(c, &c->src, op->src);
	TRY(decode_legal(c, op));
	return op->exec ? EMUL_OK : EMUL_UNHANDLED;
}
