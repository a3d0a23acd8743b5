/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instruction forms: what to assemble (forms.c), and how one of them becomes
 * bytes, registers and memory (gen.c).
 */
#ifndef EMUL_TESTS_FORMS_H
#define EMUL_TESTS_FORMS_H

#include "machine.h"

#define CF 0x1u
#define PF 0x4u
#define AF 0x10u
#define ZF 0x40u
#define SF 0x80u
#define TF 0x100u
#define IF 0x200u
#define DF 0x400u
#define OF 0x800u
#define NT 0x4000u
#define RF 0x10000u
#define AC 0x40000u
#define ARITH (CF | PF | AF | ZF | SF | OF)

#define BYTE	0x00000001u	/* 8-bit operands */
#define MEM	0x00000002u	/* memory only */
#define REGS	0x00000004u	/* register only */
#define LOCKS	0x00000008u	/* may have LOCK */
#define SHIFT	0x00000010u	/* flags depend on the count */
#define DOUBLE	0x00000020u	/* SHLD, SHRD */
#define BITNO	0x00000040u	/* bit number in the register operand */
#define DIVIDE	0x00000080u
#define OPREG	0x00000100u	/* register in the opcode */
#define BARE	0x00000200u	/* no operands to choose */
#define STRING	0x00000400u
#define STACK	0x00000800u	/* uses the stack: 64 bits in 64-bit mode */
#define NO16	0x00001000u
#define EQUAL	0x00002000u	/* memory often equals the accumulator */
#define NO64	0x00004000u	/* not in 64-bit mode */
#define ONLY64	0x00008000u
#define NEAR	0x00010000u	/* near branch: 64 bits in 64-bit mode */
#define FARPTR	0x00020000u	/* a far pointer in memory */
#define SELECTOR 0x00040000u	/* the r/m operand is a selector */
#define FRAME	0x00080000u	/* IP and CS on the stack, flags for IRET */
#define SIMD	0x00100000u	/* vector or MMX registers */
#define VEXTOO	0x00200000u	/* has a VEX form as well */
#define SHADOW	0x00400000u	/* no trap behind it: MOV SS, POP SS */
#define ZEROSRC	0x00800000u	/* destination undefined when ZF results */
#define ONESIZE	0x01000000u	/* prefix 66 changes nothing of interest */
#define LATER	0x02000000u	/* skipped while the emulator has it not */
#define SREGPUSH 0x04000000u	/* upper half of the slot may be left alone */
#define VEXONLY	0x08000000u
#define MOFFS	0x10000000u	/* an address in place of ModRM */
#define SELPOP	0x20000000u	/* a selector on the stack */
#define UNDEF16	0x40000000u	/* result undefined with 16-bit operands */

enum imm { I0, I1, I2, IZ, IV, IFAR, IENTER, I1C };

struct insn {
	const char *name;
	u8 op[3];
	u8 n;			/* bytes of op, escapes included */
	signed char ext;	/* ModRM.reg, or -1 */
	u8 imm;			/* enum imm */
	u8 pfx;			/* mandatory */
	u32 flags;
	u32 undef;		/* flags the manual leaves undefined */
};

extern const struct insn insns[];
extern const unsigned int nr_insns;

/* Addressing forms */
enum addr_kind {
	A_NONE, A_REG, A_SAME, A_BASE, A_SP, A_BP, A_SIB, A_NOBASE, A_ABS,
	A_SIBABS, A_16,
};

struct addr {
	u8 kind;
	u8 size;		/* 0: 32 or 64 bits, 1: with 67, 2: 16 bits */
	u8 mod, scale;		/* A_16: scale is r/m */
	signed char seg;	/* override, -1 none */
};

extern const struct addr addrs[];
extern const unsigned int nr_addrs;

struct form {
	const struct insn *i;
	const struct addr *a;
	enum world w;
	u8 size;		/* of operands: 1, 2, 4, 8 */
	bool lock, vex;
};

/* One case of a form */
struct try {
	struct form f;
	struct state s;
	u8 code[20];
	u8 len;
	u8 reg;			/* of ModRM.reg or the opcode */
	u64 imm;
	bool step;		/* by trap flag, else a breakpoint behind */
	u64 target;		/* linear address of the memory operand */
};

bool form_valid(const struct form *f);
void gen_try(struct machine *m, const struct form *f, struct try *t);
unsigned int undefined_flags(const struct try *t);
const char *form_text(const struct try *t);

#endif
