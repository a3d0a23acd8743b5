// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instructions of user code, and the ways to address memory. Flags that
 * the manual leaves undefined are named by its section (SDM 1, appendix A, and
 * the instruction's page in SDM 2).
 */
#include "forms.h"

#define R(nm, o, e, im, fl, un)	{ nm, { o }, 1, e, im, 0, fl, un }
#define F(nm, o, e, im, fl, un)	{ nm, { 0x0f, o }, 2, e, im, 0, fl, un }
#define FP(nm, p, o, e, im, fl, un) { nm, { 0x0f, o }, 2, e, im, p, fl, un }
#define F38(nm, p, o, e, fl, un) { nm, { 0x0f, 0x38, o }, 3, e, I0, p, fl, un }
#define F3A(nm, p, o, e, fl, un) { nm, { 0x0f, 0x3a, o }, 3, e, I1, p, fl, un }

#define ALU(nm, o, x, lk) \
	R(nm " r/m8,r8", o, -1, I0, BYTE | (lk), 0), \
	R(nm " r/m,r", (o) + 1, -1, I0, lk, 0), \
	R(nm " r8,r/m8", (o) + 2, -1, I0, BYTE, 0), \
	R(nm " r,r/m", (o) + 3, -1, I0, 0, 0), \
	R(nm " al,imm8", (o) + 4, -1, I1, BARE | BYTE, 0), \
	R(nm " eax,imm", (o) + 5, -1, IZ, BARE, 0), \
	R(nm " r/m8,imm8", 0x80, x, I1, BYTE | (lk), 0), \
	R(nm " r/m,imm", 0x81, x, IZ, lk, 0), \
	R(nm " r/m8,imm8 by 82", 0x82, x, I1, BYTE | (lk) | NO64, 0), \
	R(nm " r/m,simm8", 0x83, x, I1, lk, 0)

#define SH(nm, x) \
	R(nm " r/m8,imm8", 0xc0, x, I1C, BYTE | SHIFT, 0), \
	R(nm " r/m,imm8", 0xc1, x, I1C, SHIFT, 0), \
	R(nm " r/m8,1", 0xd0, x, I0, BYTE | SHIFT, 0), \
	R(nm " r/m,1", 0xd1, x, I0, SHIFT, 0), \
	R(nm " r/m8,cl", 0xd2, x, I0, BYTE | SHIFT, 0), \
	R(nm " r/m,cl", 0xd3, x, I0, SHIFT, 0)

/* BT: OF, SF, AF, PF undefined, ZF kept (SDM 2A, BT) */
#define BTS(nm, o, x, lk) \
	F(nm " r/m,r", o, -1, I0, BITNO | (lk), OF | SF | AF | PF), \
	F(nm " r/m,imm8", 0xba, x, I1, lk, OF | SF | AF | PF)

#define CC(nm, i) \
	R("j" nm " rel8", 0x70 + (i), -1, I1, BARE | NEAR, 0), \
	F("j" nm " rel", 0x80 + (i), -1, IZ, BARE | NEAR, 0), \
	F("set" nm, 0x90 + (i), 0, I0, BYTE, 0), \
	F("cmov" nm, 0x40 + (i), -1, I0, 0, 0)

#define STR(nm, o) \
	R(nm "b", o, -1, I0, STRING | BYTE, 0), \
	R(nm, (o) + 1, -1, I0, STRING, 0)

/* SDM 2B: all but CF and OF, for MUL and IMUL */
#define MULS	(SF | ZF | AF | PF)
/* Moves of vector registers, with the VEX forms of the same name */
#define V(nm, p, o, fl)	FP(nm, p, o, -1, I0, SIMD | VEXTOO | ONESIZE | (fl), 0)
#define X(nm, p, o, fl)	FP(nm, p, o, -1, I0, SIMD | ONESIZE | (fl), 0)

const struct insn insns[] = {
	ALU("add", 0x00, 0, LOCKS), ALU("or", 0x08, 1, LOCKS),
	ALU("adc", 0x10, 2, LOCKS), ALU("sbb", 0x18, 3, LOCKS),
	ALU("and", 0x20, 4, LOCKS), ALU("sub", 0x28, 5, LOCKS),
	ALU("xor", 0x30, 6, LOCKS), ALU("cmp", 0x38, 7, 0),
	R("push es", 0x06, -1, I0, BARE | STACK | NO64 | SREGPUSH, 0),
	R("pop es", 0x07, -1, I0, BARE | STACK | NO64 | SELPOP, 0),
	R("push cs", 0x0e, -1, I0, BARE | STACK | NO64 | SREGPUSH, 0),
	R("push ss", 0x16, -1, I0, BARE | STACK | NO64 | SREGPUSH, 0),
	R("pop ss", 0x17, -1, I0, BARE | STACK | NO64 | SELPOP | SHADOW, 0),
	R("push ds", 0x1e, -1, I0, BARE | STACK | NO64 | SREGPUSH, 0),
	R("pop ds", 0x1f, -1, I0, BARE | STACK | NO64 | SELPOP, 0),
	/* SDM 2A: DAA, DAS: OF; AAA, AAS: OF SF ZF PF; AAM, AAD: OF AF CF */
	R("daa", 0x27, -1, I0, BARE | NO64 | BYTE, OF),
	R("das", 0x2f, -1, I0, BARE | NO64 | BYTE, OF),
	R("aaa", 0x37, -1, I0, BARE | NO64 | BYTE, OF | SF | ZF | PF),
	R("aas", 0x3f, -1, I0, BARE | NO64 | BYTE, OF | SF | ZF | PF),
	R("aam", 0xd4, -1, I1, BARE | NO64 | BYTE, OF | AF | CF),
	R("aad", 0xd5, -1, I1, BARE | NO64 | BYTE, OF | AF | CF),
	R("salc", 0xd6, -1, I0, BARE | NO64 | BYTE, 0),
	R("xlat", 0xd7, -1, I0, BARE | BYTE, 0),
	R("inc r", 0x40, -1, I0, OPREG | NO64, 0),
	R("dec r", 0x48, -1, I0, OPREG | NO64, 0),
	R("push r", 0x50, -1, I0, OPREG | STACK, 0),
	R("pop r", 0x58, -1, I0, OPREG | STACK, 0),
	R("pusha", 0x60, -1, I0, BARE | STACK | NO64, 0),
	R("popa", 0x61, -1, I0, BARE | STACK | NO64, 0),
	R("bound", 0x62, -1, I0, MEM | NO64, 0),
	R("arpl", 0x63, -1, I0, SELECTOR | NO64 | ONESIZE, 0),
	R("movsxd", 0x63, -1, I0, ONLY64, 0),
	R("push imm", 0x68, -1, IZ, BARE | STACK, 0),
	R("push imm8", 0x6a, -1, I1, BARE | STACK, 0),
	R("imul r,r/m,imm", 0x69, -1, IZ, 0, MULS),
	R("imul r,r/m,simm8", 0x6b, -1, I1, 0, MULS),
	F("imul r,r/m", 0xaf, -1, I0, 0, MULS),
	R("mul r/m8", 0xf6, 4, I0, BYTE, MULS),
	R("mul r/m", 0xf7, 4, I0, 0, MULS),
	R("imul r/m8", 0xf6, 5, I0, BYTE, MULS),
	R("imul r/m", 0xf7, 5, I0, 0, MULS),
	R("div r/m8", 0xf6, 6, I0, BYTE | DIVIDE, ARITH),
	R("div r/m", 0xf7, 6, I0, DIVIDE, ARITH),
	R("idiv r/m8", 0xf6, 7, I0, BYTE | DIVIDE, ARITH),
	R("idiv r/m", 0xf7, 7, I0, DIVIDE, ARITH),
	/* TEST: AF (SDM 2B) */
	R("test r/m8,r8", 0x84, -1, I0, BYTE, AF),
	R("test r/m,r", 0x85, -1, I0, 0, AF),
	R("test al,imm8", 0xa8, -1, I1, BARE | BYTE, AF),
	R("test eax,imm", 0xa9, -1, IZ, BARE, AF),
	R("test r/m8,imm8", 0xf6, 0, I1, BYTE, AF),
	R("test r/m,imm", 0xf7, 0, IZ, 0, AF),
	R("test r/m8,imm8 by /1", 0xf6, 1, I1, BYTE, AF),
	R("not r/m8", 0xf6, 2, I0, BYTE | LOCKS, 0),
	R("not r/m", 0xf7, 2, I0, LOCKS, 0),
	R("neg r/m8", 0xf6, 3, I0, BYTE | LOCKS, 0),
	R("neg r/m", 0xf7, 3, I0, LOCKS, 0),
	R("inc r/m8", 0xfe, 0, I0, BYTE | LOCKS, 0),
	R("inc r/m", 0xff, 0, I0, LOCKS, 0),
	R("dec r/m8", 0xfe, 1, I0, BYTE | LOCKS, 0),
	R("dec r/m", 0xff, 1, I0, LOCKS, 0),
	SH("rol", 0), SH("ror", 1), SH("rcl", 2), SH("rcr", 3), SH("shl", 4),
	SH("shr", 5), SH("shl by /6", 6), SH("sar", 7),
	F("shld imm8", 0xa4, -1, I1C, DOUBLE, AF),
	F("shld cl", 0xa5, -1, I0, DOUBLE, AF),
	F("shrd imm8", 0xac, -1, I1C, DOUBLE, AF),
	F("shrd cl", 0xad, -1, I0, DOUBLE, AF),
	BTS("bt", 0xa3, 4, 0), BTS("bts", 0xab, 5, LOCKS),
	BTS("btr", 0xb3, 6, LOCKS), BTS("btc", 0xbb, 7, LOCKS),
	/* BSF, BSR: all but ZF; TZCNT, LZCNT: OF SF PF AF (SDM 2) */
	F("bsf", 0xbc, -1, I0, ZEROSRC, ARITH & ~ZF),
	F("bsr", 0xbd, -1, I0, ZEROSRC, ARITH & ~ZF),
	FP("tzcnt", 0xf3, 0xbc, -1, I0, 0, OF | SF | PF | AF),
	FP("lzcnt", 0xf3, 0xbd, -1, I0, 0, OF | SF | PF | AF),
	FP("popcnt", 0xf3, 0xb8, -1, I0, 0, 0),
	F38("crc32 r/m8", 0xf2, 0xf0, -1, ONESIZE, 0),
	F38("crc32 r/m", 0xf2, 0xf1, -1, 0, 0),
	F38("movbe load", 0, 0xf0, -1, MEM, 0),
	F38("movbe store", 0, 0xf1, -1, MEM, 0),
	F("bswap", 0xc8, -1, I0, OPREG | UNDEF16, 0),
	R("xchg r/m8,r8", 0x86, -1, I0, BYTE | LOCKS, 0),
	R("xchg r/m,r", 0x87, -1, I0, LOCKS, 0),
	R("xchg eax,r", 0x90, -1, I0, OPREG, 0),
	F("xadd r/m8,r8", 0xc0, -1, I0, BYTE | LOCKS, 0),
	F("xadd r/m,r", 0xc1, -1, I0, LOCKS, 0),
	F("cmpxchg r/m8,r8", 0xb0, -1, I0, BYTE | LOCKS | EQUAL, 0),
	F("cmpxchg r/m,r", 0xb1, -1, I0, LOCKS | EQUAL, 0),
	F("cmpxchg8b/16b", 0xc7, 1, I0, MEM | LOCKS | EQUAL | NO16, 0),
	R("mov r/m8,r8", 0x88, -1, I0, BYTE, 0),
	R("mov r/m,r", 0x89, -1, I0, 0, 0),
	R("mov r8,r/m8", 0x8a, -1, I0, BYTE, 0),
	R("mov r,r/m", 0x8b, -1, I0, 0, 0),
	R("mov r/m8,imm8", 0xc6, 0, I1, BYTE, 0),
	R("mov r/m,imm", 0xc7, 0, IZ, 0, 0),
	R("mov r8,imm8", 0xb0, -1, I1, BYTE | OPREG, 0),
	R("mov r,imm", 0xb8, -1, IV, OPREG, 0),
	R("mov al,moffs", 0xa0, -1, I0, BYTE | MOFFS, 0),
	R("mov eax,moffs", 0xa1, -1, I0, MOFFS, 0),
	R("mov moffs,al", 0xa2, -1, I0, BYTE | MOFFS, 0),
	R("mov moffs,eax", 0xa3, -1, I0, MOFFS, 0),
	F("movnti", 0xc3, -1, I0, MEM | NO16, 0),
	F("movzx r,r/m8", 0xb6, -1, I0, 0, 0),
	F("movzx r,r/m16", 0xb7, -1, I0, 0, 0),
	F("movsx r,r/m8", 0xbe, -1, I0, 0, 0),
	F("movsx r,r/m16", 0xbf, -1, I0, 0, 0),
	R("lea", 0x8d, -1, I0, MEM, 0),
	CC("o", 0), CC("no", 1), CC("b", 2), CC("ae", 3), CC("e", 4),
	CC("ne", 5), CC("be", 6), CC("a", 7), CC("s", 8), CC("ns", 9),
	CC("p", 10), CC("np", 11), CC("l", 12), CC("ge", 13), CC("le", 14),
	CC("g", 15),
	R("cbw", 0x98, -1, I0, BARE, 0), R("cwd", 0x99, -1, I0, BARE, 0),
	R("cmc", 0xf5, -1, I0, BARE, 0), R("clc", 0xf8, -1, I0, BARE, 0),
	R("stc", 0xf9, -1, I0, BARE, 0), R("cld", 0xfc, -1, I0, BARE, 0),
	R("std", 0xfd, -1, I0, BARE, 0), R("sahf", 0x9e, -1, I0, BARE, 0),
	R("lahf", 0x9f, -1, I0, BARE, 0), R("nop", 0x90, -1, I0, BARE, 0),
	{ "pause", { 0x90 }, 1, -1, I0, 0xf3, BARE, 0 },
	F("nop r/m", 0x1f, 0, I0, 0, 0), F("prefetch", 0x18, 1, I0, MEM, 0),
	F("prefetchw", 0x0d, 1, I0, MEM, 0),
	{ "lfence", { 0x0f, 0xae, 0xe8 }, 3, -1, I0, 0, BARE | ONESIZE, 0 },
	{ "mfence", { 0x0f, 0xae, 0xf0 }, 3, -1, I0, 0, BARE | ONESIZE, 0 },
	{ "sfence", { 0x0f, 0xae, 0xf8 }, 3, -1, I0, 0, BARE | ONESIZE, 0 },
	F("clflush", 0xae, 7, I0, MEM | ONESIZE, 0),
	STR("movs", 0xa4), STR("stos", 0xaa), STR("lods", 0xac),
	STR("cmps", 0xa6), STR("scas", 0xae),
	R("push r/m", 0xff, 6, I0, STACK, 0),
	R("pop r/m", 0x8f, 0, I0, STACK, 0),
	R("leave", 0xc9, -1, I0, BARE | STACK, 0),
	R("enter", 0xc8, -1, IENTER, BARE | STACK, 0),
	R("pushf", 0x9c, -1, I0, BARE | STACK, 0),
	R("popf", 0x9d, -1, I0, BARE | STACK, 0),
	F("push fs", 0xa0, -1, I0, BARE | STACK | SREGPUSH, 0),
	F("pop fs", 0xa1, -1, I0, BARE | STACK | SELPOP, 0),
	F("push gs", 0xa8, -1, I0, BARE | STACK | SREGPUSH, 0),
	F("pop gs", 0xa9, -1, I0, BARE | STACK | SELPOP, 0),
	R("call rel", 0xe8, -1, IZ, BARE | NEAR | STACK, 0),
	R("jmp rel", 0xe9, -1, IZ, BARE | NEAR, 0),
	R("jmp rel8", 0xeb, -1, I1, BARE | NEAR, 0),
	R("loopne", 0xe0, -1, I1, BARE | NEAR, 0),
	R("loope", 0xe1, -1, I1, BARE | NEAR, 0),
	R("loop", 0xe2, -1, I1, BARE | NEAR, 0),
	R("jcxz", 0xe3, -1, I1, BARE | NEAR, 0),
	R("call r/m", 0xff, 2, I0, NEAR | STACK, 0),
	R("jmp r/m", 0xff, 4, I0, NEAR, 0),
	R("ret", 0xc3, -1, I0, BARE | NEAR | STACK | FRAME, 0),
	R("ret imm", 0xc2, -1, I2, BARE | NEAR | STACK | FRAME, 0),
	R("call ptr", 0x9a, -1, IFAR, BARE | STACK | NO64, 0),
	R("jmp ptr", 0xea, -1, IFAR, BARE | NO64, 0),
	R("call m:", 0xff, 3, I0, MEM | FARPTR | STACK, 0),
	R("jmp m:", 0xff, 5, I0, MEM | FARPTR, 0),
	R("retf", 0xcb, -1, I0, BARE | STACK | FRAME, 0),
	R("retf imm", 0xca, -1, I2, BARE | STACK | FRAME, 0),
	R("iret", 0xcf, -1, I0, BARE | STACK | FRAME, 0),
	R("mov es,", 0x8e, 0, I0, SELECTOR, 0),
	R("mov cs,", 0x8e, 1, I0, SELECTOR, 0),
	R("mov ss,", 0x8e, 2, I0, SELECTOR | SHADOW, 0),
	R("mov ds,", 0x8e, 3, I0, SELECTOR, 0),
	R("mov fs,", 0x8e, 4, I0, SELECTOR, 0),
	R("mov gs,", 0x8e, 5, I0, SELECTOR, 0),
	R("mov seg6,", 0x8e, 6, I0, SELECTOR, 0),
	R("mov ,es", 0x8c, 0, I0, 0, 0), R("mov ,cs", 0x8c, 1, I0, 0, 0),
	R("mov ,ss", 0x8c, 2, I0, 0, 0), R("mov ,ds", 0x8c, 3, I0, 0, 0),
	R("mov ,fs", 0x8c, 4, I0, 0, 0), R("mov ,gs", 0x8c, 5, I0, 0, 0),
	R("mov ,seg7", 0x8c, 7, I0, 0, 0),
	R("les", 0xc4, -1, I0, MEM | FARPTR | NO64, 0),
	R("lds", 0xc5, -1, I0, MEM | FARPTR | NO64, 0),
	F("lss", 0xb2, -1, I0, MEM | FARPTR, 0),
	F("lfs", 0xb4, -1, I0, MEM | FARPTR, 0),
	F("lgs", 0xb5, -1, I0, MEM | FARPTR, 0),
	F("lar", 0x02, -1, I0, SELECTOR, 0), F("lsl", 0x03, -1, I0, SELECTOR, 0),
	F("verr", 0x00, 4, I0, SELECTOR | ONESIZE, 0),
	F("verw", 0x00, 5, I0, SELECTOR | ONESIZE, 0),
	FP("rdfsbase", 0xf3, 0xae, 0, I0, REGS | NO16, 0),
	FP("rdgsbase", 0xf3, 0xae, 1, I0, REGS | NO16, 0),
	FP("wrfsbase", 0xf3, 0xae, 2, I0, REGS | NO16, 0),
	FP("wrgsbase", 0xf3, 0xae, 3, I0, REGS | NO16, 0),

	/* What user code may not do, or nobody */
	R("int n", 0xcd, -1, I1, BARE | ONESIZE, 0),
	R("into", 0xce, -1, I0, BARE | NO64 | ONESIZE, 0),
	R("insb", 0x6c, -1, I0, STRING | BYTE, 0),
	R("ins", 0x6d, -1, I0, STRING, 0), R("outsb", 0x6e, -1, I0, STRING, 0),
	R("outs", 0x6f, -1, I0, STRING, 0), R("in al,imm", 0xe4, -1, I1, BARE, 0),
	R("in eax,imm", 0xe5, -1, I1, BARE, 0),
	R("out imm,al", 0xe6, -1, I1, BARE, 0),
	R("out imm,eax", 0xe7, -1, I1, BARE, 0),
	R("in al,dx", 0xec, -1, I0, BARE, 0), R("in eax,dx", 0xed, -1, I0, BARE, 0),
	R("out dx,al", 0xee, -1, I0, BARE, 0), R("out dx,eax", 0xef, -1, I0, BARE, 0),
	R("hlt", 0xf4, -1, I0, BARE, 0), R("cli", 0xfa, -1, I0, BARE, 0),
	R("sti", 0xfb, -1, I0, BARE, 0),
	F("lldt", 0x00, 2, I0, SELECTOR, 0), F("ltr", 0x00, 3, I0, SELECTOR, 0),
	F("lgdt", 0x01, 2, I0, MEM, 0), F("lidt", 0x01, 3, I0, MEM, 0),
	F("lmsw", 0x01, 6, I0, 0, 0), F("invlpg", 0x01, 7, I0, MEM, 0),
	{ "swapgs", { 0x0f, 0x01, 0xf8 }, 3, -1, I0, 0, BARE | ONESIZE, 0 },
	{ "clac", { 0x0f, 0x01, 0xca }, 3, -1, I0, 0, BARE | ONESIZE, 0 },
	{ "stac", { 0x0f, 0x01, 0xcb }, 3, -1, I0, 0, BARE | ONESIZE, 0 },
	{ "xsetbv", { 0x0f, 0x01, 0xd1 }, 3, -1, I0, 0, BARE | ONESIZE, 0 },
	{ "monitor", { 0x0f, 0x01, 0xc8 }, 3, -1, I0, 0, BARE | ONESIZE, 0 },
	F("clts", 0x06, -1, I0, BARE, 0), F("invd", 0x08, -1, I0, BARE, 0),
	F("wbinvd", 0x09, -1, I0, BARE, 0), F("wrmsr", 0x30, -1, I0, BARE, 0),
	F("rdmsr", 0x32, -1, I0, BARE, 0), F("sysexit", 0x35, -1, I0, BARE, 0),
	F("sysret", 0x07, -1, I0, BARE, 0), F("rsm", 0xaa, -1, I0, BARE, 0),
	F("mov r,cr0", 0x20, 0, I0, REGS, 0), F("mov cr4,r", 0x22, 4, I0, REGS, 0),
	F("mov cr5,r", 0x22, 5, I0, REGS, 0),
	F("mov r,dr7", 0x21, 7, I0, REGS, 0), F("mov dr0,r", 0x23, 0, I0, REGS, 0),
	F("ud2", 0x0b, -1, I0, BARE, 0), F("ud1", 0xb9, -1, I0, 0, 0),
	F("ud0", 0xff, -1, I0, 0, 0),
	R("inc-group /7", 0xff, 7, I0, 0, 0), R("fe /2", 0xfe, 2, I0, BYTE, 0),
	R("c6 /1", 0xc6, 1, I1, BYTE, 0), F("ba /0", 0xba, 0, I1, 0, 0),
	F("c7 /0", 0xc7, 0, I0, 0, 0),

	/* Vector, MMX and x87 moves */
	V("movups load", 0, 0x10, 0), V("movupd load", 0x66, 0x10, 0),
	V("movups store", 0, 0x11, 0), V("movupd store", 0x66, 0x11, 0),
	V("movss load", 0xf3, 0x10, MEM), V("movsd load", 0xf2, 0x10, MEM),
	V("movss store", 0xf3, 0x11, MEM), V("movsd store", 0xf2, 0x11, MEM),
	X("movss r,r", 0xf3, 0x10, REGS), X("movsd r,r", 0xf2, 0x11, REGS),
	X("movlps load", 0, 0x12, MEM), X("movlpd load", 0x66, 0x12, MEM),
	X("movlps store", 0, 0x13, MEM), X("movlpd store", 0x66, 0x13, MEM),
	X("movhps load", 0, 0x16, MEM), X("movhpd load", 0x66, 0x16, MEM),
	X("movhps store", 0, 0x17, MEM), X("movhpd store", 0x66, 0x17, MEM),
	X("movhlps", 0, 0x12, REGS | LATER), X("movlhps", 0, 0x16, REGS | LATER),
	V("movaps load", 0, 0x28, 0), V("movapd load", 0x66, 0x28, 0),
	V("movaps store", 0, 0x29, 0), V("movapd store", 0x66, 0x29, 0),
	V("movntps", 0, 0x2b, MEM), V("movntpd", 0x66, 0x2b, MEM),
	FP("movd mm,r/m", 0, 0x6e, -1, I0, SIMD | NO16, 0),
	FP("movd xmm,r/m", 0x66, 0x6e, -1, I0, SIMD | NO16 | VEXTOO, 0),
	FP("movd r/m,mm", 0, 0x7e, -1, I0, SIMD | NO16, 0),
	FP("movd r/m,xmm", 0x66, 0x7e, -1, I0, SIMD | NO16 | VEXTOO, 0),
	V("movq xmm,xmm/m", 0xf3, 0x7e, 0), V("movq xmm/m,xmm", 0x66, 0xd6, 0),
	X("movq mm,mm/m", 0, 0x6f, 0), X("movq mm/m,mm", 0, 0x7f, 0),
	V("movdqa load", 0x66, 0x6f, 0), V("movdqa store", 0x66, 0x7f, 0),
	V("movdqu load", 0xf3, 0x6f, 0), V("movdqu store", 0xf3, 0x7f, 0),
	X("movntq", 0, 0xe7, MEM), V("movntdq", 0x66, 0xe7, MEM),
	V("lddqu", 0xf2, 0xf0, MEM),
	F38("movntdqa", 0x66, 0x2a, -1, SIMD | VEXTOO | MEM | ONESIZE, 0),
	R("fnstcw", 0xd9, 7, I0, MEM | ONESIZE, 0),
	R("fnstsw", 0xdd, 7, I0, MEM | ONESIZE, 0),
	{ "fnstsw ax", { 0xdf, 0xe0 }, 2, -1, I0, 0, BARE, 0 },
	{ "fninit", { 0xdb, 0xe3 }, 2, -1, I0, 0, BARE, 0 },

	/* On general registers, by VEX and not */
	F38("adcx", 0x66, 0xf6, -1, ONESIZE, 0),
	F38("adox", 0xf3, 0xf6, -1, ONESIZE, 0),
	F38("andn", 0, 0xf2, -1, VEXONLY | NO16, AF | PF),
	F38("bls", 0, 0xf3, 1, VEXONLY | NO16, AF | PF),
	F38("bzhi", 0, 0xf5, -1, VEXONLY | NO16, AF | PF),
	F38("bextr", 0, 0xf7, -1, VEXONLY | NO16, AF | SF | PF),
	F38("pdep", 0xf2, 0xf5, -1, VEXONLY | NO16, 0),
	F38("pext", 0xf3, 0xf5, -1, VEXONLY | NO16, 0),
	F38("mulx", 0xf2, 0xf6, -1, VEXONLY | NO16, 0),
	F38("shlx", 0x66, 0xf7, -1, VEXONLY | NO16, 0),
	F38("shrx", 0xf2, 0xf7, -1, VEXONLY | NO16, 0),
	F38("sarx", 0xf3, 0xf7, -1, VEXONLY | NO16, 0),
	F3A("rorx", 0xf2, 0xf0, -1, VEXONLY | NO16, 0),
	/* Skipped as long as the emulator has none */
	{ "wait", { 0x9b }, 1, -1, I0, 0, BARE | LATER, 0 },
};

const unsigned int nr_insns = sizeof(insns) / sizeof(insns[0]);

#define SIBS(m)	{ A_SIB, 0, m, 0, -1 }, { A_SIB, 0, m, 1, -1 }, \
		{ A_SIB, 0, m, 2, -1 }, { A_SIB, 0, m, 3, -1 }
#define EA16(r)	{ A_16, 2, 0, r, -1 }, { A_16, 2, 1, r, -1 }, \
		{ A_16, 2, 2, r, -1 }

const struct addr addrs[] = {
	{ A_NONE, 0, 0, 0, -1 }, { A_REG, 0, 0, 0, -1 }, { A_SAME, 0, 0, 0, -1 },
	{ A_BASE, 0, 0, 0, -1 }, { A_BASE, 0, 1, 0, -1 }, { A_BASE, 0, 2, 0, -1 },
	{ A_SP, 0, 0, 0, -1 }, { A_SP, 0, 1, 0, -1 }, { A_BP, 0, 1, 0, -1 },
	SIBS(0), SIBS(1), SIBS(2),
	{ A_NOBASE, 0, 0, 0, -1 }, { A_NOBASE, 0, 0, 1, -1 },
	{ A_NOBASE, 0, 0, 2, -1 }, { A_NOBASE, 0, 0, 3, -1 },
	{ A_ABS, 0, 0, 0, -1 }, { A_SIBABS, 0, 0, 0, -1 },
	{ A_BASE, 0, 1, 0, EMUL_ES }, { A_BASE, 0, 1, 0, EMUL_CS },
	{ A_BASE, 0, 1, 0, EMUL_SS }, { A_BASE, 0, 1, 0, EMUL_DS },
	{ A_BASE, 0, 1, 0, EMUL_FS }, { A_BASE, 0, 1, 0, EMUL_GS },
	{ A_NONE, 1, 0, 0, -1 },
	{ A_BASE, 1, 0, 0, -1 }, { A_BASE, 1, 2, 0, -1 }, { A_SIB, 1, 1, 3, -1 },
	{ A_ABS, 1, 0, 0, -1 }, { A_BASE, 1, 1, 0, EMUL_FS },
	EA16(0), EA16(1), EA16(2), EA16(3), EA16(4), EA16(5), EA16(6), EA16(7),
	{ A_16, 2, 2, 7, EMUL_ES }, { A_16, 2, 2, 7, EMUL_CS },
	{ A_16, 2, 2, 7, EMUL_SS }, { A_16, 2, 2, 2, EMUL_DS },
	{ A_16, 2, 2, 7, EMUL_FS }, { A_16, 2, 2, 7, EMUL_GS },
};

const unsigned int nr_addrs = sizeof(addrs) / sizeof(addrs[0]);
