// SPDX-License-Identifier: GPL-2.0-only
/*
 * Differential test: each instruction is assembled with random operands, run
 * on this CPU in user mode and by the emulator, and registers, memory and
 * defined flags are compared.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "fake.h"

struct native {
	u64 gpr[16];
	u64 rflags;
	u64 host_rsp;
	u64 code;
};

extern struct native native;
extern void run_native(void);
extern const char native_return[];

#define PAGE		4096u
#define DATA		(2 * PAGE)	/* after one page of code */
#define CF 0x1u
#define PF 0x4u
#define AF 0x10u
#define ZF 0x40u
#define SF 0x80u
#define OF 0x800u
#define DF 0x400u
#define ALL (CF | PF | AF | ZF | SF | OF)

enum {
	BYTE = 1,	/* 8-bit operands */
	MEM = 2,	/* memory only */
	REGS = 4,	/* register only */
	LOCKS = 8,	/* may have LOCK */
	SHIFT = 16,	/* flags depend on the count */
	DOUBLE = 32,	/* SHLD, SHRD */
	BITNO = 64,	/* bit number in the register operand */
	DIVIDE = 128,
	OPREG = 256,	/* register in the opcode */
	BARE = 512,	/* no operands to choose */
	STRING = 1024,
	STACK = 2048,
	NO16 = 4096,
	W64 = 8192,	/* no 32-bit operand size in 64-bit mode */
	EQUAL = 16384,	/* memory often equals the accumulator */
};

struct row {
	const char *name;
	unsigned char op[4];
	unsigned char n;
	signed char ext;	/* ModRM.reg, or -1 */
	unsigned char imm;	/* bytes; 4: by operand size, 8: by REX.W */
	unsigned int flags;
	unsigned int undef;	/* flags */
	unsigned char pfx;	/* mandatory */
};

#define ALU(nm, o, x) \
	{ nm " r/m8,r8", { o }, 1, -1, 0, BYTE | LOCKS, 0, 0 }, \
	{ nm " r/m,r", { (o) + 1 }, 1, -1, 0, LOCKS, 0, 0 }, \
	{ nm " r8,r/m8", { (o) + 2 }, 1, -1, 0, BYTE, 0, 0 }, \
	{ nm " r,r/m", { (o) + 3 }, 1, -1, 0, 0, 0, 0 }, \
	{ nm " al,imm8", { (o) + 4 }, 1, -1, 1, BARE | BYTE, 0, 0 }, \
	{ nm " eax,imm", { (o) + 5 }, 1, -1, 4, BARE, 0, 0 }, \
	{ nm " r/m8,imm8", { 0x80 }, 1, x, 1, BYTE | LOCKS, 0, 0 }, \
	{ nm " r/m,imm", { 0x81 }, 1, x, 4, LOCKS, 0, 0 }, \
	{ nm " r/m,simm8", { 0x83 }, 1, x, 1, LOCKS, 0, 0 }

#define SH(nm, x) \
	{ nm " r/m8,imm8", { 0xc0 }, 1, x, 1, BYTE | SHIFT, 0, 0 }, \
	{ nm " r/m,imm8", { 0xc1 }, 1, x, 1, SHIFT, 0, 0 }, \
	{ nm " r/m8,1", { 0xd0 }, 1, x, 0, BYTE | SHIFT, 0, 0 }, \
	{ nm " r/m,1", { 0xd1 }, 1, x, 0, SHIFT, 0, 0 }, \
	{ nm " r/m8,cl", { 0xd2 }, 1, x, 0, BYTE | SHIFT, 0, 0 }, \
	{ nm " r/m,cl", { 0xd3 }, 1, x, 0, SHIFT, 0, 0 }

#define BTS(nm, o, x, lk) \
	{ nm " r/m,r", { 0x0f, o }, 2, -1, 0, BITNO | (lk), ALL & ~(CF | ZF), 0 }, \
	{ nm " r/m,imm8", { 0x0f, 0xba }, 2, x, 1, lk, ALL & ~(CF | ZF), 0 }

#define CC(nm, i) \
	{ "set" nm, { 0x0f, 0x90 + (i) }, 2, 0, 0, BYTE, 0, 0 }, \
	{ "cmov" nm, { 0x0f, 0x40 + (i) }, 2, -1, 0, 0, 0, 0 }

static const struct row rows[] = {
	ALU("add", 0x00, 0), ALU("or", 0x08, 1), ALU("adc", 0x10, 2),
	ALU("sbb", 0x18, 3), ALU("and", 0x20, 4), ALU("sub", 0x28, 5),
	ALU("xor", 0x30, 6),
	{ "cmp r/m8,r8", { 0x38 }, 1, -1, 0, BYTE, 0, 0 },
	{ "cmp r/m,r", { 0x39 }, 1, -1, 0, 0, 0, 0 },
	{ "cmp r,r/m", { 0x3b }, 1, -1, 0, 0, 0, 0 },
	{ "cmp eax,imm", { 0x3d }, 1, -1, 4, BARE, 0, 0 },
	{ "cmp r/m,imm", { 0x81 }, 1, 7, 4, 0, 0, 0 },
	{ "cmp r/m,simm8", { 0x83 }, 1, 7, 1, 0, 0, 0 },
	{ "test r/m8,r8", { 0x84 }, 1, -1, 0, BYTE, AF, 0 },
	{ "test r/m,r", { 0x85 }, 1, -1, 0, 0, AF, 0 },
	{ "test al,imm8", { 0xa8 }, 1, -1, 1, BARE | BYTE, AF, 0 },
	{ "test eax,imm", { 0xa9 }, 1, -1, 4, BARE, AF, 0 },
	{ "test r/m8,imm8", { 0xf6 }, 1, 0, 1, BYTE, AF, 0 },
	{ "test r/m,imm", { 0xf7 }, 1, 0, 4, 0, AF, 0 },
	{ "not r/m8", { 0xf6 }, 1, 2, 0, BYTE | LOCKS, 0, 0 },
	{ "not r/m", { 0xf7 }, 1, 2, 0, LOCKS, 0, 0 },
	{ "neg r/m8", { 0xf6 }, 1, 3, 0, BYTE | LOCKS, 0, 0 },
	{ "neg r/m", { 0xf7 }, 1, 3, 0, LOCKS, 0, 0 },
	{ "inc r/m8", { 0xfe }, 1, 0, 0, BYTE | LOCKS, 0, 0 },
	{ "inc r/m", { 0xff }, 1, 0, 0, LOCKS, 0, 0 },
	{ "dec r/m8", { 0xfe }, 1, 1, 0, BYTE | LOCKS, 0, 0 },
	{ "dec r/m", { 0xff }, 1, 1, 0, LOCKS, 0, 0 },
	{ "mul r/m8", { 0xf6 }, 1, 4, 0, BYTE, SF | ZF | AF | PF, 0 },
	{ "mul r/m", { 0xf7 }, 1, 4, 0, 0, SF | ZF | AF | PF, 0 },
	{ "imul r/m8", { 0xf6 }, 1, 5, 0, BYTE, SF | ZF | AF | PF, 0 },
	{ "imul r/m", { 0xf7 }, 1, 5, 0, 0, SF | ZF | AF | PF, 0 },
	{ "imul r,r/m", { 0x0f, 0xaf }, 2, -1, 0, 0, SF | ZF | AF | PF, 0 },
	{ "imul r,r/m,imm", { 0x69 }, 1, -1, 4, 0, SF | ZF | AF | PF, 0 },
	{ "imul r,r/m,simm8", { 0x6b }, 1, -1, 1, 0, SF | ZF | AF | PF, 0 },
	{ "div r/m8", { 0xf6 }, 1, 6, 0, BYTE | DIVIDE, ALL, 0 },
	{ "div r/m", { 0xf7 }, 1, 6, 0, DIVIDE, ALL, 0 },
	{ "idiv r/m8", { 0xf6 }, 1, 7, 0, BYTE | DIVIDE, ALL, 0 },
	{ "idiv r/m", { 0xf7 }, 1, 7, 0, DIVIDE, ALL, 0 },
	SH("rol", 0), SH("ror", 1), SH("rcl", 2), SH("rcr", 3), SH("shl", 4),
	SH("shr", 5), SH("sal", 6), SH("sar", 7),
	{ "shld imm8", { 0x0f, 0xa4 }, 2, -1, 1, DOUBLE, AF, 0 },
	{ "shld cl", { 0x0f, 0xa5 }, 2, -1, 0, DOUBLE, AF, 0 },
	{ "shrd imm8", { 0x0f, 0xac }, 2, -1, 1, DOUBLE, AF, 0 },
	{ "shrd cl", { 0x0f, 0xad }, 2, -1, 0, DOUBLE, AF, 0 },
	BTS("bt", 0xa3, 4, 0), BTS("bts", 0xab, 5, LOCKS),
	BTS("btr", 0xb3, 6, LOCKS), BTS("btc", 0xbb, 7, LOCKS),
	{ "bsf", { 0x0f, 0xbc }, 2, -1, 0, 0, ALL & ~ZF, 0 },
	{ "bsr", { 0x0f, 0xbd }, 2, -1, 0, 0, ALL & ~ZF, 0 },
	{ "tzcnt", { 0x0f, 0xbc }, 2, -1, 0, 0, ALL & ~(CF | ZF), 0xf3 },
	{ "lzcnt", { 0x0f, 0xbd }, 2, -1, 0, 0, ALL & ~(CF | ZF), 0xf3 },
	{ "popcnt", { 0x0f, 0xb8 }, 2, -1, 0, 0, 0, 0xf3 },
	{ "crc32 r/m8", { 0x0f, 0x38, 0xf0 }, 3, -1, 0, REGS, 0, 0xf2 },
	{ "crc32 r/m", { 0x0f, 0x38, 0xf1 }, 3, -1, 0, 0, 0, 0xf2 },
	{ "movbe load", { 0x0f, 0x38, 0xf0 }, 3, -1, 0, MEM, 0, 0 },
	{ "movbe store", { 0x0f, 0x38, 0xf1 }, 3, -1, 0, MEM, 0, 0 },
	{ "bswap", { 0x0f, 0xc8 }, 2, -1, 0, OPREG | NO16, 0, 0 },
	{ "xchg r/m8,r8", { 0x86 }, 1, -1, 0, BYTE | LOCKS, 0, 0 },
	{ "xchg r/m,r", { 0x87 }, 1, -1, 0, LOCKS, 0, 0 },
	{ "xchg rax,r", { 0x90 }, 1, -1, 0, OPREG, 0, 0 },
	{ "xadd r/m8,r8", { 0x0f, 0xc0 }, 2, -1, 0, BYTE | LOCKS, 0, 0 },
	{ "xadd r/m,r", { 0x0f, 0xc1 }, 2, -1, 0, LOCKS, 0, 0 },
	{ "cmpxchg r/m8,r8", { 0x0f, 0xb0 }, 2, -1, 0,
	  BYTE | LOCKS | EQUAL, 0, 0 },
	{ "cmpxchg r/m,r", { 0x0f, 0xb1 }, 2, -1, 0, LOCKS | EQUAL, 0, 0 },
	{ "cmpxchg8b/16b", { 0x0f, 0xc7 }, 2, 1, 0, MEM | LOCKS | EQUAL, 0, 0 },
	{ "mov r/m8,r8", { 0x88 }, 1, -1, 0, BYTE, 0, 0 },
	{ "mov r/m,r", { 0x89 }, 1, -1, 0, 0, 0, 0 },
	{ "mov r8,r/m8", { 0x8a }, 1, -1, 0, BYTE, 0, 0 },
	{ "mov r,r/m", { 0x8b }, 1, -1, 0, 0, 0, 0 },
	{ "mov r/m8,imm8", { 0xc6 }, 1, 0, 1, BYTE, 0, 0 },
	{ "mov r/m,imm", { 0xc7 }, 1, 0, 4, 0, 0, 0 },
	{ "mov r8,imm8", { 0xb0 }, 1, -1, 1, BYTE | OPREG, 0, 0 },
	{ "mov r,imm", { 0xb8 }, 1, -1, 8, OPREG, 0, 0 },
	{ "movnti", { 0x0f, 0xc3 }, 2, -1, 0, MEM | NO16, 0, 0 },
	{ "movzx r,r/m8", { 0x0f, 0xb6 }, 2, -1, 0, 0, 0, 0 },
	{ "movzx r,r/m16", { 0x0f, 0xb7 }, 2, -1, 0, 0, 0, 0 },
	{ "movsx r,r/m8", { 0x0f, 0xbe }, 2, -1, 0, 0, 0, 0 },
	{ "movsx r,r/m16", { 0x0f, 0xbf }, 2, -1, 0, 0, 0, 0 },
	{ "movsxd", { 0x63 }, 1, -1, 0, 0, 0, 0 },
	{ "lea", { 0x8d }, 1, -1, 0, MEM, 0, 0 },
	CC("o", 0), CC("no", 1), CC("b", 2), CC("ae", 3), CC("e", 4),
	CC("ne", 5), CC("be", 6), CC("a", 7), CC("s", 8), CC("ns", 9),
	CC("p", 10), CC("np", 11), CC("l", 12), CC("ge", 13), CC("le", 14),
	CC("g", 15),
	{ "cbw", { 0x98 }, 1, -1, 0, BARE, 0, 0 },
	{ "cwd", { 0x99 }, 1, -1, 0, BARE, 0, 0 },
	{ "cmc", { 0xf5 }, 1, -1, 0, BARE, 0, 0 },
	{ "clc", { 0xf8 }, 1, -1, 0, BARE, 0, 0 },
	{ "stc", { 0xf9 }, 1, -1, 0, BARE, 0, 0 },
	{ "cld", { 0xfc }, 1, -1, 0, BARE, 0, 0 },
	{ "std", { 0xfd }, 1, -1, 0, BARE, 0, 0 },
	{ "sahf", { 0x9e }, 1, -1, 0, BARE, 0, 0 },
	{ "lahf", { 0x9f }, 1, -1, 0, BARE, 0, 0 },
	{ "nop", { 0x90 }, 1, -1, 0, BARE, 0, 0 },
	{ "nop r/m", { 0x0f, 0x1f }, 2, 0, 0, 0, 0, 0 },
	{ "movsb", { 0xa4 }, 1, -1, 0, STRING | BYTE, 0, 0 },
	{ "movs", { 0xa5 }, 1, -1, 0, STRING, 0, 0 },
	{ "stosb", { 0xaa }, 1, -1, 0, STRING | BYTE, 0, 0 },
	{ "stos", { 0xab }, 1, -1, 0, STRING, 0, 0 },
	{ "lodsb", { 0xac }, 1, -1, 0, STRING | BYTE, 0, 0 },
	{ "lods", { 0xad }, 1, -1, 0, STRING, 0, 0 },
	{ "cmpsb", { 0xa6 }, 1, -1, 0, STRING | BYTE, 0, 0 },
	{ "cmps", { 0xa7 }, 1, -1, 0, STRING, 0, 0 },
	{ "scasb", { 0xae }, 1, -1, 0, STRING | BYTE, 0, 0 },
	{ "scas", { 0xaf }, 1, -1, 0, STRING, 0, 0 },
	{ "push r", { 0x50 }, 1, -1, 0, OPREG | STACK | W64, 0, 0 },
	{ "pop r", { 0x58 }, 1, -1, 0, OPREG | STACK | W64, 0, 0 },
	{ "push imm", { 0x68 }, 1, -1, 4, BARE | STACK | W64, 0, 0 },
	{ "push imm8", { 0x6a }, 1, -1, 1, BARE | STACK | W64, 0, 0 },
	{ "push r/m", { 0xff }, 1, 6, 0, STACK | W64, 0, 0 },
	{ "pop r/m", { 0x8f }, 1, 0, 0, STACK | W64, 0, 0 },
	{ "leave", { 0xc9 }, 1, -1, 0, BARE | STACK | W64, 0, 0 },
	{ "enter", { 0xc8, 0x20, 0x00 }, 3, -1, 1, BARE | STACK | W64, 0, 0 },
	{ "pushf", { 0x9c }, 1, -1, 0, BARE | STACK | W64, 0, 0 },
};

static u8 *region;		/* code page, then data */
static volatile sig_atomic_t faulted;

/* One case, as generated */
struct try {
	u8 code[24];
	unsigned int len;
	unsigned int size;	/* operand bytes */
	u64 gpr[16];
	u64 rflags;
	u64 imm;
	bool mem, rep;
};

static void put(struct try *t, u64 v, unsigned int n)
{
	memcpy(t->code + t->len, &v, n);
	t->len += n;
}

static unsigned int any_reg(bool high_bytes, bool rex)
{
	unsigned int r;

	do {
		r = rnd() & (rex ? 15 : 7);
	} while (r == 4 && !high_bytes);
	return r;
}

static u64 target_address(void)
{
	return (u64)(uintptr_t)(region + PAGE + 3072 + (rnd() & 255));
}

/* ModRM with a memory operand whose address hits the data pages */
static void gen_mem(const struct row *r, struct try *t, unsigned int reg,
		    u8 *rex, bool use_rex, bool ad32)
{
	u64 target = target_address(), disp = 0, index_part = 0;
	unsigned int mod = rnd() % 3, base, index = 4, scale = 0;
	bool sib = rnd() & 1;

	if (r->flags & BITNO && r->ext < 0)
		t->gpr[reg] = (u64)(s64)((s64)(rnd() & 8191) - 4096);
	if (r->flags & EQUAL)
		target &= ~15ull;
	if (rnd() % 8 == 0) {		/* RIP-relative: fixed up later */
		put(t, 0x05 | (reg & 7) << 3, 1);
		put(t, target, 4);
		t->rep = true;		/* borrowed: tells the fix-up */
		return;
	}
	do {
		base = any_reg(false, use_rex);
	} while ((base & 7) == 4 || (base & 7) == 5 || base == reg ||
		 (r->flags & BITNO && base == reg));
	if (sib) {
		do {
			index = any_reg(false, use_rex);
		} while (index == base || index == reg);
		scale = rnd() & 3;
		t->gpr[index] = rnd() & 63;
		if (ad32)
			t->gpr[index] |= rnd() << 32;
		index_part = t->gpr[index] << scale;
	}
	if (mod == 1)
		disp = (u64)(s64)(s8)rnd();
	else if (mod == 2)
		disp = (u64)(s64)(s32)rnd();
	t->gpr[base] = target - disp - index_part;
	if (ad32)
		t->gpr[base] = (u32)t->gpr[base] | rnd() << 32;
	put(t, mod << 6 | (reg & 7) << 3 | (sib ? 4 : base & 7), 1);
	if (sib)
		put(t, scale << 6 | (index & 7) << 3 | (base & 7), 1);
	put(t, disp, mod == 2 ? 4 : mod);
	*rex |= base >> 3 | (sib ? index >> 3 << 1 : 0);
}

static void gen_modrm(const struct row *r, struct try *t, u8 *rex, bool use_rex,
		      bool ad32)
{
	bool high = r->flags & BYTE && !use_rex;
	unsigned int reg = r->ext >= 0 ? (unsigned int)r->ext :
					 any_reg(high, use_rex), rm;

	t->rep = false;
	if (r->ext < 0)
		*rex |= reg >> 3 << 2;
	t->mem = r->flags & MEM || (!(r->flags & REGS) && rnd() & 1);
	if (t->mem) {
		gen_mem(r, t, reg, rex, use_rex, ad32);
		return;
	}
	rm = any_reg(high && strncmp(r->name, "mov", 3), use_rex);
	put(t, 0xc0 | (reg & 7) << 3 | (rm & 7), 1);
	*rex |= rm >> 3;
}

/* Registers that the instruction uses by implication */
static void gen_implied(const struct row *r, struct try *t)
{
	u64 mid = (u64)(uintptr_t)(region + PAGE + 4096);

	t->gpr[4] = mid + 1024 + (rnd() & 7);
	if (r->flags & DIVIDE && rnd() & 3) {
		t->gpr[2] = rnd() & 1 ? 0 : ~0ull;
		t->gpr[0] = (s64)t->gpr[0] >> (rnd() & 63);
	}
	if (r->flags & STRING) {
		t->gpr[1] = rnd() % 40;
		t->gpr[6] = mid - 800 + (rnd() & 255);
		t->gpr[7] = mid - 800 + (rnd() & 255);
	}
	if (!strcmp(r->name, "leave") || !strcmp(r->name, "enter"))
		t->gpr[5] = mid + 512 + (rnd() & 255);
}

static void gen(const struct row *r, struct try *t)
{
	bool use_rex = rnd() & 1, ad32 = false, o16, lock, rip_rel, rep = false;
	u8 rex = 0x40, body[24];
	unsigned int i, n;
	struct try b;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < 16; i++)
		t->gpr[i] = rnd_value();
	t->rflags = 0x202 | (rnd() & ALL);
	gen_implied(r, t);
	if (use_rex && rnd() & 1)
		rex |= 8;
	o16 = rnd() % 3 == 0 && !(r->flags & (BYTE | NO16));
	if (o16 && r->flags & W64)
		rex &= ~8;
	if (!(r->flags & (BARE | STRING | OPREG | STACK)))
		ad32 = rnd() % 4 == 0;
	t->size = r->flags & BYTE ? 1 : rex & 8 ? 8 : o16 ? 2 :
		  r->flags & W64 ? 8 : 4;

	/* the part after the prefixes first, as it decides REX */
	b = *t;
	b.len = 0;
	if (r->flags & OPREG) {
		n = any_reg(r->flags & BYTE && !use_rex, use_rex);
		put(&b, 0, 0);
		memcpy(b.code, r->op, r->n);
		b.len = r->n;
		b.code[b.len - 1] |= n & 7;
		rex |= n >> 3;
	} else {
		memcpy(b.code, r->op, r->n);
		b.len = r->n;
		if (!(r->flags & (BARE | STRING)))
			gen_modrm(r, &b, &rex, use_rex, ad32);
	}
	rip_rel = b.rep;
	n = r->imm == 8 ? t->size : r->imm == 4 ? (t->size == 2 ? 2 : 4) :
	    r->imm;
	b.imm = rnd_value();
	if (!strcmp(r->name, "enter"))
		b.imm &= 3;
	put(&b, b.imm, n);
	memcpy(body, b.code, b.len);

	/* now all of it */
	memcpy(t->gpr, b.gpr, sizeof(t->gpr));
	t->imm = b.imm;
	t->mem = b.mem;
	lock = t->mem && r->flags & LOCKS && rnd() & 1;
	if (lock)
		put(t, 0xf0, 1);
	if (o16)
		put(t, 0x66, 1);
	if (ad32)
		put(t, 0x67, 1);
	if (r->flags & STRING && rnd() & 3) {
		rep = true;
		put(t, 0xf2 | (rnd() & 1), 1);
	}
	if (r->flags & STRING && rnd() & 1)
		t->rflags |= DF;
	if (r->pfx)
		put(t, r->pfx, 1);
	if (use_rex)
		put(t, rex, 1);
	memcpy(t->code + t->len, body, b.len);
	i = t->len;
	t->len += b.len;
	if (rip_rel) {
		u32 d;

		memcpy(&d, t->code + i + r->n + 1, 4);
		d -= (u32)(uintptr_t)region + t->len;
		memcpy(t->code + i + r->n + 1, &d, 4);
	}
	t->rep = rep;
}

/* Flags that this count, or this size, leaves undefined */
static unsigned int undefined(const struct row *r, const struct try *t)
{
	unsigned int bits = 8 * t->size, count, u = r->undef;
	bool rotate = r->ext < 4;

	if (!(r->flags & (SHIFT | DOUBLE)))
		return u;
	count = r->imm ? t->imm : r->op[0] == 0xd0 || r->op[0] == 0xd1 ? 1 :
		t->gpr[1];
	count &= t->size == 8 ? 63 : 31;
	if (!count)
		return 0;
	if (count > 1)
		u |= OF;
	if (r->flags & DOUBLE)
		return count > bits ? ~0u : u;
	if (rotate)
		return u;
	u |= AF;
	/* SAR shifts in the sign as often as one likes */
	return count >= bits && r->ext != 7 ? u | CF : u;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	faulted = sig;
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)native_return;
}

static void execute_native(const struct try *t)
{
	static const u8 tail[] = { 0xff, 0x25, 0, 0, 0, 0 };
	u64 back = (u64)(uintptr_t)native_return;
	u8 *p = region;

	memcpy(p, t->code, t->len);
	p += t->len;
	memcpy(p, tail, sizeof(tail));
	memcpy(p + sizeof(tail), &back, 8);
	memcpy(native.gpr, t->gpr, sizeof(native.gpr));
	native.rflags = t->rflags;
	native.code = (u64)(uintptr_t)region;
	faulted = 0;
	run_native();
}

static void report(const struct row *r, const struct try *t, const char *what)
{
	unsigned int i;

	printf("# %s: %s:", r->name, what);
	for (i = 0; i < t->len; i++)
		printf(" %02x", t->code[i]);
	printf("  flags %llx\n", (unsigned long long)t->rflags);
	for (i = 0; i < 16; i++)
		printf("# gpr %2u %016llx native %016llx\n", i,
		       (unsigned long long)t->gpr[i],
		       (unsigned long long)native.gpr[i]);
}

static bool compare(const struct row *r, const struct try *t,
		    const struct fake *f, enum emul_result res)
{
	unsigned int undef = undefined(r, t), i;
	char what[80];

	if (faulted) {
		if (res == EMUL_FAULT && f->c.fault.vector ==
		    (faulted == SIGFPE ? EMUL_DE : EMUL_UD))
			return true;
		report(r, t, "native fault only");
		return false;
	}
	if (res != EMUL_OK) {
		snprintf(what, sizeof(what), "result %d vector %u", res,
			 f->c.fault.vector);
		report(r, t, what);
		return false;
	}
	if (undef == ~0u)	/* the result, too */
		return true;
	for (i = 0; i < 16; i++) {
		if (f->c.gpr[i] == native.gpr[i])
			continue;
		snprintf(what, sizeof(what), "gpr %u is %llx", i,
			 (unsigned long long)f->c.gpr[i]);
		report(r, t, what);
		return false;
	}
	if ((f->c.rflags ^ native.rflags) & (ALL | DF) & ~undef) {
		snprintf(what, sizeof(what), "flags are %llx, not %llx",
			 (unsigned long long)f->c.rflags,
			 (unsigned long long)native.rflags);
		report(r, t, what);
		return false;
	}
	if (f->c.rip != (u64)(uintptr_t)region + t->len) {
		report(r, t, "length");
		return false;
	}
	if (memcmp(f->mem, region + PAGE, DATA)) {
		report(r, t, "memory");
		return false;
	}
	return true;
}

static void fill_memory(struct fake *f, const struct row *r,
			const struct try *t)
{
	unsigned int k, n = t->size;
	u64 v;

	for (k = 0; k < DATA; k += 8) {
		v = k & 64 ? 0x4141414141414141ull : rnd_value();
		memcpy(f->mem + k, &v, 8);
	}
	if (!(r->flags & EQUAL) || rnd() & 1)
		return;
	for (k = 0; k + 2 * n <= DATA; k += 2 * n) {
		memcpy(f->mem + k, &t->gpr[0], n);
		memcpy(f->mem + k + n, &t->gpr[r->flags & MEM ? 2 : 0], n);
	}
}

static bool run_row(struct fake *f, const struct row *r, unsigned int rounds)
{
	struct try t;
	enum emul_result res;
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		gen(r, &t);
		fill_memory(f, r, &t);
		memcpy(region + PAGE, f->mem, DATA);
		memcpy(f->c.gpr, t.gpr, sizeof(t.gpr));
		f->c.rip = (u64)(uintptr_t)region;
		f->c.rflags = t.rflags;
		f->ask = !(rnd() & 7);
		f->decline_chunks = rnd() & 1;
		execute_native(&t);
		res = fake_run(f, t.code, t.len);
		if (!compare(r, &t, f, res))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? atoi(argv[1]) : 4000, i;
	struct sigaction sa = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
	struct fake f;

	region = mmap(NULL, PAGE + DATA, PROT_READ | PROT_WRITE | PROT_EXEC,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (region == MAP_FAILED) {
		printf("Bail out! no executable memory\n");
		return 1;
	}
	sigaltstack(&ss, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);

	fake_init(&f);
	fake_mode(&f, EMUL_LONG64, 3);
	f.base = (u64)(uintptr_t)region + PAGE;
	f.size = DATA;
	if (!__builtin_cpu_supports("bmi"))
		f.features &= ~(1ull << EMUL_F_BMI1);
	if (!__builtin_cpu_supports("lzcnt"))
		f.features &= ~(1ull << EMUL_F_LZCNT);
	if (!__builtin_cpu_supports("popcnt"))
		f.features &= ~(1ull << EMUL_F_POPCNT);
	if (!__builtin_cpu_supports("movbe"))
		f.features &= ~(1ull << EMUL_F_MOVBE);
	if (!__builtin_cpu_supports("sse4.2"))
		f.features &= ~(1ull << EMUL_F_SSE42);

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rnd_seed(i + 1);
		tap(run_row(&f, &rows[i], rounds), "as this CPU: %s",
		    rows[i].name);
	}
	fake_free(&f);
	free(ss.ss_sp);
	return tap_done();
}
