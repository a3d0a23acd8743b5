// SPDX-License-Identifier: GPL-2.0-only
/* From a form to one case: bytes, registers, segments, memory. */
#include <stdio.h>

#include "forms.h"

static bool has_modrm(const struct insn *i)
{
	return !(i->flags & (BARE | STRING | OPREG | MOFFS));
}

static unsigned int natural_asz(enum world w)
{
	return w == W_64 ? 8 : w == W_16 || w == W_16S32 ? 2 : 4;
}

static unsigned int natural_osz(enum world w)
{
	return w == W_16 || w == W_16S32 ? 2 : 4;
}

/* Bytes of an address in this form */
static unsigned int asz_of(const struct form *f)
{
	unsigned int n = natural_asz(f->w);

	switch (f->a->kind) {
	case A_NONE:
		return !f->a->size ? n : n == 4 ? 2 : 4;
	case A_REG:
	case A_SAME:
		return n;
	case A_16:
		return 2;
	default:
		return f->w == W_64 && !f->a->size ? 8 : 4;
	}
}

static bool in_memory(const struct form *f)
{
	return f->a->kind > A_SAME;
}

/* Bytes that the instruction has in 64-bit mode when it has no prefix */
static bool far_kind(const struct insn *i)
{
	return (i->flags & (FRAME | FARPTR)) && !(i->flags & NEAR);
}

static bool size_valid(const struct form *f)
{
	u32 fl = f->i->flags;

	if (fl & BYTE)
		return f->size == 1;
	if (f->size == 1 || (f->size == 8 && f->w != W_64))
		return false;
	if (fl & ONESIZE)
		return f->size == 4;
	if (fl & NO16 && f->size == 2)
		return false;
	if (f->w == W_64 && fl & (STACK | NEAR) && !far_kind(f->i))
		return f->size != 4;
	return true;
}

static bool addr_valid(const struct form *f)
{
	const struct addr *a = f->a;
	u32 fl = f->i->flags;

	if (!has_modrm(f->i))
		return a->kind == A_NONE;
	if (a->kind == A_NONE || (fl & MEM && !in_memory(f)) ||
	    (fl & REGS && in_memory(f)))
		return false;
	if (f->w == W_64)
		return a->kind != A_16;
	if (a->size == 1)
		return false;
	/* 64 KiB from 0 are nobody's */
	return f->w != W_32 || a->kind != A_16 || a->seg == EMUL_FS;
}

bool form_valid(const struct form *f)
{
	u32 fl = f->i->flags;

	if (f->w == W_64 ? fl & NO64 : fl & ONLY64)
		return false;
	if (f->w > W_16 && !(fl & STACK))
		return false;
	if (!size_valid(f) || !addr_valid(f))
		return false;
	if (f->lock && !(fl & LOCKS && in_memory(f)))
		return false;
	if (f->vex ? !(fl & (VEXTOO | VEXONLY)) || f->w > W_32 : fl & VEXONLY)
		return false;
	return true;
}

/* ---- addresses ---- */

/* Where memory operands lie, as offsets in the arena */
static u64 pick_offset(void)
{
	unsigned int p = rnd() % 100;

	if (p < 62)
		return AT_DATA + 256 + (rnd() % (3 * PAGE - 512)) /
		       (rnd() & 1 ? 1 : 16) * (rnd() & 1 ? 1 : 16) %
		       (3 * PAGE - 512);
	if (p < 70)
		return AT_DATA + PAGE - (rnd() & 15);
	if (p < 76)
		return AT_DATA_END - (rnd() & 15);
	if (p < 80)
		return AT_RO + 64 + (rnd() & 1023);
	if (p < 84)
		return AT_RO + PAGE - (rnd() & 15);
	if (p < 87)
		return AT_RO - (rnd() & 7);
	if (p < 90)
		return AT_DATA_END + (rnd() & 2047);
	if (p < 94)
		return 0x10000 - (rnd() % 20);
	if (p < 97)
		return 0x4ff8 + (rnd() & 15);
	return AT_DATA - (rnd() & 15);
}

static u64 pick_target(struct machine *m, const struct form *f)
{
	u64 off = pick_offset();

	/* never a LOCK across a cache line: the kernel may punish it */
	if (f->lock || f->i->flags & LOCKS)
		off &= ~15ull;
	if (f->w == W_64 && !(rnd() & 31) && asz_of(f) == 8)
		return rnd() & 1 ? 0x7fffffffffffull - (rnd() & 15) :
				   1ull << 63 | rnd();
	return m->base + off;
}

static u64 seg_base(struct machine *m, const struct try *t, unsigned int seg)
{
	if (t->f.w == W_64)
		return seg == EMUL_FS ? t->s.fsbase :
		       seg == EMUL_GS ? t->s.gsbase : 0;
	return machine_seg(m, t->s.sel[seg])->base;
}

static void put(struct try *t, u64 v, unsigned int n)
{
	memcpy(t->code + t->len, &v, n);
	t->len += n;
}

/* Register n, low bytes; the rest is garbage where that may be */
static void set_low(struct try *t, unsigned int n, unsigned int bytes, u64 v)
{
	u64 mask = ~0ull >> (64 - 8 * bytes);

	t->s.gpr[n] = (t->s.gpr[n] & ~mask) | (v & mask);
}

static unsigned int any_reg(const struct try *t)
{
	return rnd() & (t->f.w == W_64 ? 15 : 7);
}

struct ea {
	u8 rex;			/* X and B */
	u8 bytes[6];		/* ModRM without reg, SIB, displacement */
	u8 n;
	u8 rip_at;		/* position of a RIP-relative displacement */
	u8 seg;			/* default segment */
};

static void ea_put(struct ea *e, u64 v, unsigned int n)
{
	memcpy(e->bytes + e->n, &v, n);
	e->n += n;
}

static u64 any_disp(unsigned int mod)
{
	if (mod == 1)
		return (u64)(s64)(s8)rnd();
	return mod ? (u64)(s64)(s32)rnd() & ~0x60000000ull : 0;
}

static void ea16(struct machine *m, struct try *t, struct ea *e)
{
	static const u8 base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 };
	static const u8 index[8] = { 6, 7, 6, 7, 16, 16, 16, 16 };
	unsigned int mod = t->f.a->mod, rm = t->f.a->scale;
	u64 disp = any_disp(mod);
	u16 off;

	e->seg = base[rm] == 5 && !(mod == 0 && rm == 6) ? EMUL_SS : EMUL_DS;
	if (t->f.a->seg >= 0)
		e->seg = t->f.a->seg;
	off = t->target - seg_base(m, t, e->seg);
	ea_put(e, mod << 6 | rm, 1);
	if (mod == 0 && rm == 6) {
		ea_put(e, off, 2);
		return;
	}
	off -= disp;
	if (index[rm] < 16)
		off -= t->s.gpr[index[rm]];
	set_low(t, base[rm], 2, off);
	ea_put(e, disp, mod);
}

static unsigned int pick_base(const struct try *t)
{
	unsigned int r;

	switch (t->f.a->kind) {
	case A_SP:
		return 4;
	case A_BP:
		return 5;
	default:
		do
			r = any_reg(t);
		while (r == 4 || r == 5 || ((r & 7) == 5 && !t->f.a->mod));
		return r;
	}
}

static void ea_with_base(struct machine *m, struct try *t, struct ea *e,
			 unsigned int asz)
{
	const struct addr *a = t->f.a;
	unsigned int base = pick_base(t), index = 4;
	u64 disp = any_disp(a->mod), off;
	bool sib = a->kind == A_SIB || (base & 7) == 4;

	e->seg = base == 4 || base == 5 ? EMUL_SS : EMUL_DS;
	if (a->seg >= 0)
		e->seg = a->seg;
	off = t->target - seg_base(m, t, e->seg) - disp;
	if (a->kind == A_SIB) {
		do
			index = any_reg(t);
		while (index == 4 || index == base);
		off -= t->s.gpr[index] << a->scale;
	}
	set_low(t, base, asz, off);
	ea_put(e, a->mod << 6 | (sib ? 4 : base & 7), 1);
	if (sib)
		ea_put(e, a->scale << 6 | (index & 7) << 3 | (base & 7), 1);
	e->rex = base >> 3 | index >> 3 << 1;
	ea_put(e, disp, a->mod == 2 ? 4 : a->mod);
}

static void ea_wide(struct machine *m, struct try *t, struct ea *e)
{
	const struct addr *a = t->f.a;
	unsigned int asz = asz_of(&t->f), index = 4;
	u64 off;

	if (a->kind <= A_SIB) {
		ea_with_base(m, t, e, asz);
		return;
	}
	e->seg = a->seg >= 0 ? (unsigned int)a->seg : EMUL_DS;
	off = t->target - seg_base(m, t, e->seg);
	if (a->kind == A_NOBASE) {
		u64 disp = any_disp(2);

		do
			index = any_reg(t);
		while (index == 4);
		set_low(t, index, asz, (off - disp) >> a->scale);
		e->rex = index >> 3 << 1;
		off = disp;
	}
	ea_put(e, a->kind == A_ABS ? 5 : 4, 1);
	if (a->kind != A_ABS)
		ea_put(e, a->scale << 6 | (index & 7) << 3 | 5, 1);
	if (a->kind == A_ABS && t->f.w == W_64)
		e->rip_at = e->n;
	ea_put(e, off, 4);
}

static void gen_ea(struct machine *m, struct try *t, struct ea *e)
{
	unsigned int r;

	memset(e, 0, sizeof(*e));
	e->seg = EMUL_DS;
	if (t->f.a->kind == A_16) {
		ea16(m, t, e);
	} else if (in_memory(&t->f)) {
		ea_wide(m, t, e);
	} else {
		r = t->f.a->kind == A_SAME ? t->reg : any_reg(t);
		if (t->f.i->ext >= 0 && t->f.a->kind == A_SAME)
			r = 4;
		e->rex = r >> 3;
		ea_put(e, 0xc0 | (r & 7), 1);
		e->seg = EMUL_NR_SEGS;
		t->target = r;
	}
}

/* ---- what the instruction finds ---- */

static const u8 sel_choices[] = {
	S_NULL, S_CODE64, S_CODE32, S_DATA, S_CODE32SEG, S_CODE16, S_DATA32SEG,
	S_DATA16SEG, S_RO, S_XO, S_DOWN32, S_DOWN16, S_SMALL, S_CONFORMING,
	S_NP, S_NP_CODE, S_SMALL_CODE, S_FLAT16,
};

static u16 any_selector(bool code)
{
	static const u16 odd[] = {
		1, 3, 0x10, 0x13, 0x18, 0x1b, 0x80, 0xfff8, 0xffff, 0x7c, 0xf4,
		0x30, 0x31, 0x32, 0x20, 0x28, 0x29, 4, 7,
	};
	static const u8 codes[] = {
		S_CODE64, S_CODE32, S_CODE32SEG, S_CODE16, S_CONFORMING,
		S_SMALL_CODE, S_NP_CODE,
	};
	unsigned int p = rnd() & 15;

	if (!p)
		return odd[rnd() % (sizeof(odd) / sizeof(odd[0]))];
	if (code && p < 12)
		return machine_sel(codes[rnd() % sizeof(codes)]);
	p = machine_sel(sel_choices[rnd() % sizeof(sel_choices)]);
	return rnd() & 7 ? p : p ^ (rnd() & 3);
}

/* An offset that a code segment may have */
static u64 any_ip(struct machine *m)
{
	switch (rnd() & 7) {
	case 0:
		return rnd_value();
	case 1:
		return 0x17f8 + (rnd() & 15);
	case 2:
		return 0x7fffffffff00ull + rnd() % 512;
	case 3:
		return m->base + AT_CODE + (rnd() & 1023);
	default:
		return AT_CODE + (rnd() & 1023);
	}
}

static u64 stack_offset(void)
{
	unsigned int p = rnd() & 31;

	if (p == 0)
		return AT_STACK_END - (rnd() & 31);
	if (p == 1)
		return AT_DATA + (rnd() & 31);
	if (p == 2)
		return AT_RO + 64 + (rnd() & 127);
	/* not too near 0: CALL to 64-bit code from there never ends on Linux */
	if (p == 3)
		return 0x7f8 + (rnd() & 15);
	if (p == 4)
		return 0x10000 - (rnd() & 31);
	if (p == 5)
		return AT_STACK + PAGE + (rnd() & 31) - 16;
	if (p < 10)
		return AT_STACK + 512 + (rnd() & 511);
	return AT_STACK + 512 + (rnd() & 0x1f0) + (rnd() & 8);
}

static unsigned int stack_bytes(enum world w)
{
	return w == W_64 ? 8 : w == W_16 || w == W_32S16 ? 2 : 4;
}

static u64 stack_la(struct machine *m, const struct try *t)
{
	u64 sp = t->s.gpr[4], n = stack_bytes(t->f.w);

	return seg_base(m, t, EMUL_SS) + (sp & ~0ull >> (64 - 8 * n));
}

/* Return addresses and their company */
static void gen_frame(struct machine *m, struct try *t)
{
	unsigned int n = t->f.size, op = t->f.i->op[0];
	u64 v[5], la = stack_la(m, t), i;

	v[0] = any_ip(m);
	v[1] = any_selector(true) | rnd() << 32 >> 16;
	v[2] = 0x202 | (rnd() & 0x244fd5);
	/*
	 * CPUs look at the AC that they pop, and Linux takes the #AC for a
	 * split lock and tries again for ever
	 */
	v[2] &= ~(u64)AC;
	t->s.rflags &= ~(u64)AC;
	v[3] = m->base + stack_offset();
	v[4] = any_selector(false);
	if (rnd() & 3)
		v[4] = machine_sel(rnd() & 1 ? S_DATA : S_DATA32SEG);
	for (i = 0; i < (op == 0xcf ? 5 : op >= 0xca ? 2 : 1); i++)
		machine_poke(m, la + i * n, &v[i], n);
	if (op == 0xcf && !(rnd() & 7))
		t->s.rflags |= NT;
}

/* The memory or register operand, where its value is not just any */
static void gen_operand(struct machine *m, struct try *t)
{
	const struct insn *i = t->f.i;
	u64 ptr[2] = { any_ip(m), any_selector(i->op[0] == 0xff) };
	bool mem = in_memory(&t->f);
	u64 v;

	if (i->flags & FARPTR) {
		machine_poke(m, t->target, &ptr[0], t->f.size);
		machine_poke(m, t->target + t->f.size, &ptr[1], 2);
	} else if (i->flags & SELECTOR && mem) {
		machine_poke(m, t->target, &ptr[1], 2);
	} else if (i->flags & SELECTOR) {
		set_low(t, t->target, 2, ptr[1]);
	} else if (i->flags & NEAR && mem) {
		machine_poke(m, t->target, &ptr[0], t->f.size);
	} else if (i->flags & NEAR && !(i->flags & BARE)) {
		t->s.gpr[t->target] = t->f.w == W_64 ? ptr[0] : (u32)ptr[0];
	} else if (i->flags & EQUAL && mem && rnd() & 1) {
		v = t->f.size;
		t->s.gpr[0] = machine_peek(m, t->target, v);
		if (i->flags & MEM)
			t->s.gpr[2] = machine_peek(m, t->target + v, v);
	} else if (i->op[0] == 0x62 && rnd() & 3) {
		v = t->s.gpr[t->reg] - (rnd() & 3);
		machine_poke(m, t->target, &v, t->f.size);
		v = t->s.gpr[t->reg] + (rnd() & 3) - 1;
		machine_poke(m, t->target + t->f.size, &v, t->f.size);
	}
	if (i->flags & SELPOP)
		machine_poke(m, stack_la(m, t), &ptr[1], 2);
}

/* Registers that the instruction uses by implication */
static void gen_implied(struct machine *m, struct try *t)
{
	const struct insn *i = t->f.i;
	unsigned int asz = asz_of(&t->f), sb = stack_bytes(t->f.w);
	u64 off;

	if (i->flags & DIVIDE && rnd() & 3) {
		t->s.gpr[2] = rnd() & 1 ? 0 : ~0ull;
		t->s.gpr[0] = (s64)t->s.gpr[0] >> (rnd() & 63);
	}
	if (i->flags & STRING) {
		set_low(t, 1, asz, rnd() % (rnd() & 7 ? 12 : 300));
		off = pick_offset();
		set_low(t, 6, asz, m->base + off - seg_base(m, t, EMUL_DS));
		off = rnd() & 7 ? pick_offset() : off + (rnd() & 15);
		set_low(t, 7, asz, m->base + off - seg_base(m, t, EMUL_ES));
	}
	if (i->op[0] == 0xd7) {
		off = pick_offset() - (t->s.gpr[0] & 0xff);
		set_low(t, 3, asz, m->base + off - seg_base(m, t, EMUL_DS));
	}
	if (!(i->flags & STACK))
		return;
	off = stack_offset();
	set_low(t, 4, sb, m->base + off - seg_base(m, t, EMUL_SS));
	off = stack_offset();
	if (i->op[0] == 0xc9 || (i->op[0] & 0xfe) == 0xc8)
		set_low(t, 5, sb, m->base + off - seg_base(m, t, EMUL_SS));
}

/* ---- the start ---- */

static void gen_segments(struct machine *m, struct try *t)
{
	static const u8 sels[NR_WORLDS][6] = {	/* ES CS SS DS FS GS */
		[W_64] = { S_NULL, S_CODE64, S_DATA, S_NULL, S_NULL, S_NULL },
		[W_32] = { S_DATA, S_CODE32, S_DATA, S_DATA, S_DATA32SEG,
			   S_SMALL },
		[W_32SEG] = { S_DATA32SEG, S_CODE32SEG, S_DATA32SEG,
			      S_DATA32SEG, S_DATA, S_DOWN32 },
		[W_16] = { S_DATA16SEG, S_CODE16, S_DATA16SEG, S_DATA16SEG,
			   S_SMALL, S_DOWN16 },
		[W_32S16] = { S_DATA, S_CODE32, S_DATA16SEG, S_DATA, S_NULL,
			      S_RO },
		[W_16S32] = { S_DATA16SEG, S_CODE16, S_DATA, S_DATA16SEG,
			      S_NULL, S_FLAT16 },
	};
	static const u8 odd[] = {
		S_NULL, S_RO, S_DOWN32, S_DOWN16, S_SMALL,
	};
	static const u8 data[] = { EMUL_ES, EMUL_DS, EMUL_FS, EMUL_GS };
	unsigned int i;

	for (i = 0; i < 6; i++)
		t->s.sel[i] = machine_sel(sels[t->f.w][i]);
	t->s.fsbase = m->base + (rnd() & 0xfff);
	t->s.gsbase = m->base - (rnd() & 0xff);
	if (t->f.w != W_64 && !(rnd() & 15))
		t->s.sel[data[rnd() & 3]] =
			machine_sel(odd[rnd() % sizeof(odd)]);
}

static void gen_state(struct machine *m, struct try *t)
{
	unsigned int i;

	memset(&t->s, 0, sizeof(t->s));
	for (i = 0; i < 16; i++)
		t->s.gpr[i] = t->f.w == W_64 ? rnd_value() :
			      i < 8 ? (u32)rnd_value() : 0;
	/* ID is left alone: some hosts single-step CPUID by it */
	t->s.rflags = 0x202 | (rnd() & ARITH);
	if (!(rnd() & (t->f.i->flags & STRING ? 1 : 7)))
		t->s.rflags |= DF;
	/* AMD tells apart by MXCSR.MM what vector accesses are checked */
	if (!(rnd() & 15) && !(t->f.i->flags & SIMD &&
			       m->f.features >> EMUL_F_AMD & 1))
		t->s.rflags |= AC;
	if (t->f.i->op[0] == 0xce)
		t->s.rflags &= ~OF;
	if (t->f.i->flags & SIMD) {
		for (i = 0; i < sizeof(t->s.ymm); i += 8) {
			u64 v = rnd();

			memcpy((u8 *)t->s.ymm + i, &v, 8);
		}
		for (i = 0; i < 8; i++)
			t->s.mmx[i] = rnd();
		if (!m->have_avx)
			for (i = 0; i < 16; i++)
				memset(t->s.ymm[i] + 16, 0, 16);
	}
	gen_segments(m, t);
}

/* ---- bytes ---- */

static u64 any_imm(const struct insn *i)
{
	u64 v = rnd_value();

	if (i->imm == I1C && rnd() & 1)
		v &= 31;
	/* INT3, INTO and the system call are the kernel's business */
	if (i->op[0] == 0xcd && ((u8)v == 3 || (u8)v == 4 || (u8)v == 0x80))
		v += 8;
	return v;
}

static void put_imm(struct machine *m, struct try *t)
{
	const struct insn *i = t->f.i;
	unsigned int z = t->f.size == 2 ? 2 : 4;

	t->imm = any_imm(i);
	if (t->f.w == W_64 && i->flags & NEAR &&
	    !(m->f.features >> EMUL_F_AMD & 1))
		z = 4;
	switch (i->imm) {
	case I1:
	case I1C:
		put(t, t->imm, 1);
		break;
	case I2:
		put(t, t->imm, 2);
		break;
	case IZ:
		put(t, t->imm, z);
		break;
	case IV:
		put(t, t->imm, t->f.size);
		break;
	case IFAR:
		put(t, any_ip(m), z);
		put(t, any_selector(true), 2);
		break;
	case IENTER:
		put(t, rnd() & 7 ? rnd() & 0x7f : rnd(), 2);
		put(t, rnd() & 7 ? rnd() & 3 : rnd(), 1);
		break;
	default:
		break;
	}
}

static void put_legacy_prefixes(struct try *t, bool rep)
{
	const struct form *f = &t->f;
	static const u8 segs[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	unsigned int osz = f->size;
	bool o16;

	if (osz == 1 || f->i->flags & ONESIZE)
		o16 = false;
	else if (f->w == W_64)
		o16 = osz == 2;
	else
		o16 = osz != natural_osz(f->w);
	if (f->lock || (!(rnd() & 127) && !f->vex))
		put(t, 0xf0, 1);
	if (f->a->seg >= 0)
		put(t, segs[f->a->seg], 1);
	if (asz_of(f) != natural_asz(f->w))
		put(t, 0x67, 1);
	if (o16)
		put(t, 0x66, 1);
	if (rep)
		put(t, 0xf2 | (rnd() & 1), 1);
}

static void put_vex(struct try *t, u8 rex)
{
	const struct insn *i = t->f.i;
	u8 pp = i->pfx == 0x66 ? 1 : i->pfx == 0xf3 ? 2 : i->pfx == 0xf2 ? 3 : 0;
	u8 vvvv = i->flags & VEXONLY || !(rnd() & 15) ? rnd() & 15 : 15;
	u8 map = i->op[1] == 0x38 ? 2 : i->op[1] == 0x3a ? 3 : 1;
	bool l = i->flags & (VEXONLY | NO16) ? !(rnd() & 15) : rnd() & 1;
	bool w = t->f.size == 8;

	if (t->f.w != W_64) {
		rex = 0x40;
		vvvv |= 8;
	}
	if (map == 1 && !(rex & 3) && !w && rnd() & 1) {
		put(t, 0xc5, 1);
		put(t, (rex & 4 ? 0 : 0x80) | vvvv << 3 | l << 2 | pp, 1);
		return;
	}
	put(t, 0xc4, 1);
	put(t, ((rex & 7) << 5 ^ 0xe0) | map, 1);
	put(t, w << 7 | vvvv << 3 | l << 2 | pp, 1);
}

/* Prefixes and opcode; rex has R, X and B */
static void put_opcode(struct try *t, u8 rex, bool rep)
{
	const struct insn *i = t->f.i;
	u8 op[3];

	put_legacy_prefixes(t, rep);
	if (t->f.vex) {
		put_vex(t, rex);
		put(t, i->op[i->n - 1], 1);
		return;
	}
	if (i->pfx)
		put(t, i->pfx, 1);
	if (t->f.w == W_64 && t->f.size == 8 &&
	    (!(i->flags & (STACK | NEAR)) || far_kind(i)))
		rex |= 8;
	if (t->f.w == W_64 && (rex || !(rnd() & 3)))
		put(t, 0x40 | rex, 1);
	memcpy(op, i->op, 3);
	if (i->flags & OPREG)
		op[i->n - 1] |= t->reg & 7;
	memcpy(t->code + t->len, op, i->n);
	t->len += i->n;
}

static void gen_code(struct machine *m, struct try *t)
{
	const struct insn *i = t->f.i;
	bool rep = i->flags & STRING && rnd() & 3;
	struct ea e = { .seg = EMUL_NR_SEGS };
	unsigned int at;
	u8 rex = 0;

	t->len = 0;
	t->reg = i->ext >= 0 ? (u8)i->ext : any_reg(t);
	t->target = pick_target(m, &t->f);
	if (i->flags & BITNO)
		t->s.gpr[t->reg] = t->f.w == W_64 ?
			(u64)((s64)(rnd() & 8191) - 4096) :
			(u32)((rnd() & 8191) - 4096);
	if (i->flags & OPREG) {
		rex = t->reg >> 3;
	} else if (has_modrm(i)) {
		gen_ea(m, t, &e);
		e.bytes[0] |= (t->reg & 7) << 3;
		rex = e.rex | t->reg >> 3 << 2;
	}
	put_opcode(t, rex, rep);
	at = t->len;
	memcpy(t->code + at, e.bytes, e.n);
	t->len += e.n;
	if (i->flags & MOFFS)
		put(t, t->target - seg_base(m, t, EMUL_DS), asz_of(&t->f));
	put_imm(m, t);
	if (e.rip_at) {
		u32 d = t->target - seg_base(m, t, t->f.a->seg >= 0 ?
			(unsigned int)t->f.a->seg : EMUL_DS) - t->len;

		/* the place of the code is added by gen_place() */
		memcpy(t->code + at + e.rip_at, &d, 4);
		e.rip_at += at;
	}
	t->step = !rep && !(i->flags & SHADOW);
	/* Where it lies: at times at the end of what is mapped */
	t->s.rip = m->base + AT_CODE + 16 + (rnd() & 63);
	if (!(rnd() & 15))
		t->s.rip = m->base + AT_CODE + PAGE - (rnd() % 20);
	if (!t->step && t->s.rip + t->len >= m->base + AT_CODE + PAGE)
		t->s.rip = m->base + AT_CODE + 16;
	if (e.rip_at) {
		u32 d;

		memcpy(&d, t->code + e.rip_at, 4);
		d -= (u32)t->s.rip;
		memcpy(t->code + e.rip_at, &d, 4);
	}
	t->s.rip -= seg_base(m, t, EMUL_CS);
}

void gen_try(struct machine *m, const struct form *f, struct try *t)
{
	t->f = *f;
	gen_state(m, t);
	gen_implied(m, t);
	gen_code(m, t);
	if (f->i->flags & FRAME)
		gen_frame(m, t);
	gen_operand(m, t);
	if (t->step)
		t->s.rflags |= TF;
}

/* Flags that this count, or this size, leaves undefined (SDM 2, SAL, RCL) */
unsigned int undefined_flags(const struct try *t)
{
	const struct insn *i = t->f.i;
	unsigned int bits = 8 * t->f.size, count, u = i->undef;
	bool rotate = i->ext < 4;

	if (!(i->flags & (SHIFT | DOUBLE)))
		return u;
	count = i->imm ? t->imm : i->op[0] == 0xd0 || i->op[0] == 0xd1 ? 1 :
		t->s.gpr[1];
	count &= t->f.size == 8 ? 63 : 31;
	if (!count)
		return 0;
	if (count > 1)
		u |= OF;
	if (i->flags & DOUBLE)
		return count > bits ? ~0u : u;
	if (rotate)
		return u;
	u |= AF;
	/* SAR shifts in the sign as often as one likes */
	return count >= bits && i->ext != 7 ? u | CF : u;
}

const char *form_text(const struct try *t)
{
	static const char *const worlds[] = {
		"64", "32", "32seg", "16", "32s16", "16s32",
	};
	static char text[160];
	unsigned int n, i;

	n = snprintf(text, sizeof(text), "%s, %u bytes, addr %u.%u.%u.%d, %s:",
		     t->f.i->name, t->f.size, t->f.a->kind, t->f.a->mod,
		     t->f.a->scale, t->f.a->seg, worlds[t->f.w]);
	for (i = 0; i < t->len && n < sizeof(text); i++)
		n += snprintf(text + n, sizeof(text) - n, " %02x", t->code[i]);
	return text;
}
