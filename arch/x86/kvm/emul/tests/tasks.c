// SPDX-License-Identifier: GPL-2.0-only
/*
 * Call gates and task switches: what is saved and loaded, busy bits, links,
 * and whose fault it is (SDM 3A 5.8, 7.3, table 7-1).
 */
#include <stdio.h>

#include "fake.h"

#define RUN(f, bytes) fake_run(f, bytes, sizeof(bytes) - 1)

enum { AX, CX, DX, BX, SP, BP, SI, DI };

#define TSS_A	0x3000	/* of the task that runs */
#define TSS_B	0x5000
#define TSS_C	0x5200	/* 16-bit */

#define SEL_A	0x28
#define SEL_B	0x48
#define SEL_C	0x50
#define SEL_GATE 0x58
#define SEL_LDT	0x60

static struct fake f;
static struct emul_ctx * const c = &f.c;

static void put64(u64 la, u64 v)
{
	fake_put(&f, la, &v, 8);
}

static void put32(u64 la, u32 v)
{
	fake_put(&f, la, &v, 4);
}

static void put16(u64 la, u16 v)
{
	fake_put(&f, la, &v, 2);
}

static void put_gate(u64 la, u16 sel, u32 off, unsigned int params,
		     unsigned int attr)
{
	put64(la, (off & 0xffff) | (u64)sel << 16 | (u64)params << 32 |
	      (u64)attr << 40 | (u64)(off >> 16) << 48);
}

static unsigned int desc_type(u16 sel)
{
	return fake_get(&f, 0x1000 + sel + 5, 1) & 15;
}

/* Task B: CPL 0, flat, everything recognisable */
static void put_task_b(void)
{
	static const u16 segs[] = { 0x10, 0x08, 0x10, 0x10, 0x23, 0 };
	unsigned int i;

	for (i = 0; i < 104; i += 4)
		put32(TSS_B + i, 0);
	put32(TSS_B + 28, 0x77000);
	put32(TSS_B + 32, 0x6000);
	put32(TSS_B + 36, 0x202);
	for (i = 0; i < 8; i++)
		put32(TSS_B + 40 + 4 * i, i == SP ? 0xa000 : 0xb0b0b000 + i);
	for (i = 0; i < 6; i++)
		put32(TSS_B + 72 + 4 * i, segs[i]);
	put32(TSS_B + 96, SEL_LDT);
}

static void put_task_c(void)
{
	unsigned int i;

	for (i = 0; i < 44; i += 2)
		put16(TSS_C + i, 0x10);
	put16(TSS_C + 14, 0x6100);
	put16(TSS_C + 16, 0x46);
	for (i = 0; i < 8; i++)
		put16(TSS_C + 18 + 2 * i, i == SP ? 0xa000 : 0xc0c0 + i);
	put16(TSS_C + 36, 0x08);
	put16(TSS_C + 42, 0);
}

static void start(unsigned int cpl)
{
	unsigned int i;

	fake_mode(&f, EMUL_PROT32, cpl);
	for (i = 0; i < 8; i++)
		c->gpr[i] = 0xa0a0a000 + i;
	c->rip = 0x8000;
	c->gpr[SP] = 0x9000;
	f.cr[0] |= 0x80000000;
	f.cr[3] = 0x66000;
	f.dr[7] = 0x5ff;
	f.ro_page = ~0ull;
	put64(0x1008, fake_desc(0, 0xfffff, 0xc9b));
	put64(0x1010, fake_desc(0, 0xfffff, 0xc93));
	put64(0x1018, fake_desc(0, 0xfffff, 0xcfb));
	put64(0x1020, fake_desc(0, 0xfffff, 0xcf3));
	put64(0x1000 + SEL_A, fake_desc(TSS_A, 0x67, 0x8b));
	put64(0x1030, fake_desc(0, 0xfffff, 0xc1b));	/* absent code */
	put64(0x1038, fake_desc(0, 0xfffff, 0xc9f));	/* conforming code */
	put64(0x1040, fake_desc(0, 0xfffff, 0xc13));	/* absent data */
	put64(0x1000 + SEL_B, fake_desc(TSS_B, 0x67, 0xe9));
	put64(0x1000 + SEL_C, fake_desc(TSS_C, 0x2b, 0x81));
	put_gate(0x1000 + SEL_GATE, SEL_B, 0, 0, 0xe5);
	put64(0x1000 + SEL_LDT, fake_desc(0x4000, 0x67, 0x82));
	for (i = 0; i < 104; i += 4)
		put32(TSS_A + i, 0);
	put_task_b();
	put_task_c();
}

static bool faults(enum emul_result r, u8 vector, u32 error)
{
	if (r == EMUL_FAULT && c->fault.vector == vector &&
	    c->fault.error == error && c->fault.has_error)
		return true;
	printf("# result %d vector %u error %x\n", r, c->fault.vector,
	       c->fault.error);
	return false;
}

/* Task B runs, and knows or does not know who called it */
static bool in_b(bool called)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; i < 8; i++)
		ok &= c->gpr[i] == (i == SP ? 0xa000 : 0xb0b0b000 + i);
	ok &= c->rip == 0x6000 && c->cpl == 0 && c->mode == EMUL_PROT32;
	ok &= c->rflags == (called ? 0x4202 : 0x202);
	ok &= f.seg[EMUL_TR].sel == SEL_B && f.seg[EMUL_TR].base == TSS_B &&
	      (f.seg[EMUL_TR].attr & 15) == 11 && desc_type(SEL_B) == 11;
	ok &= f.seg[EMUL_CS].sel == 8 && f.seg[EMUL_SS].sel == 0x10 &&
	      f.seg[EMUL_FS].sel == 0x23 &&
	      f.seg[EMUL_GS].attr & EMUL_SEG_UNUSABLE;
	ok &= f.seg[EMUL_LDTR].sel == SEL_LDT &&
	      f.seg[EMUL_LDTR].base == 0x4000;
	ok &= f.cr[3] == 0x77000 && f.cr[0] & 8 && f.dr[7] == 0x4aa;
	ok &= desc_type(SEL_A) == (called ? 11 : 9);
	if (called)
		ok &= fake_get(&f, TSS_B, 2) == SEL_A;
	return ok;
}

static bool a_is_saved(u32 rip, u32 flags)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; i < 8; i++)
		ok &= fake_get(&f, TSS_A + 40 + 4 * i, 4) ==
		      (i == SP ? 0x9000 : 0xa0a0a000 + i);
	ok &= fake_get(&f, TSS_A + 32, 4) == rip &&
	      fake_get(&f, TSS_A + 36, 4) == flags;
	ok &= fake_get(&f, TSS_A + 28, 4) == 0 &&
	      fake_get(&f, TSS_A + 96, 4) == 0;
	return ok && fake_get(&f, TSS_A + 76, 4) == 8 &&
	       fake_get(&f, TSS_A + 72, 4) == 0x10;
}

static void test_ways(void)
{
	start(0);
	tap(RUN(&f, "\x9a\0\0\0\0\x48\0") == EMUL_OK && in_b(true) &&
	    a_is_saved(0x8007, 0x202), "call of a TSS");
	c->gpr[DI] = 0x1234;
	c->rflags |= 0x1;
	tap(RUN(&f, "\xcf") == EMUL_OK && c->rip == 0x8007 && c->iret &&
	    c->gpr[AX] == 0xa0a0a000 && c->gpr[SP] == 0x9000 &&
	    c->rflags == 0x202 && f.seg[EMUL_TR].sel == SEL_A &&
	    desc_type(SEL_A) == 11 && desc_type(SEL_B) == 9 &&
	    f.seg[EMUL_LDTR].attr & EMUL_SEG_UNUSABLE, "iret goes back");
	tap(fake_get(&f, TSS_B + 32, 4) == 0x6001 &&
	    fake_get(&f, TSS_B + 68, 4) == 0x1234 &&
	    fake_get(&f, TSS_B + 36, 4) == 0x203,
	    "what was left by iret is saved without NT");

	start(0);
	tap(RUN(&f, "\xea\0\0\0\0\x48\0") == EMUL_OK && in_b(false) &&
	    a_is_saved(0x8007, 0x202) && !fake_get(&f, TSS_B, 2),
	    "jump to a TSS");
	start(0);
	put32(TSS_B + 36, 0x4202);
	tap(RUN(&f, "\xea\0\0\0\0\x48\0") == EMUL_OK && c->rflags == 0x4202,
	    "a jump takes NT from the TSS");
	start(3);
	tap(RUN(&f, "\x9a\0\0\0\0\x5b\0") == EMUL_OK && in_b(true),
	    "call of a task gate, from CPL 3");
	start(0);
	tap(RUN(&f, "\xea\0\0\0\0\x58\0") == EMUL_OK && in_b(false),
	    "jump to a task gate");
	start(0);
	put_gate(0x2000 + 8 * 0x40, SEL_B, 0, 0, 0x85);
	tap(RUN(&f, "\xcd\x40") == EMUL_OK && in_b(true) &&
	    a_is_saved(0x8002, 0x202), "int n through a task gate");
	start(0);
	tap(emul_interrupt(c, 0x40, EMUL_INT_HW) == EMUL_OK && in_b(true) &&
	    a_is_saved(0x8000, 0x202), "an interrupt through a task gate");
	start(3);
	tap(faults(RUN(&f, "\xcd\x40"), EMUL_GP, 0x40 * 8 + 2),
	    "int n from CPL 3: the gate's DPL");
	start(0);
	c->fault.has_error = true;
	c->fault.error = 0x12340;
	tap(emul_interrupt(c, 0x40, EMUL_INT_EXC) == EMUL_OK &&
	    c->gpr[SP] == 0x9ffc && fake_get(&f, 0x9ffc, 4) == 0x12340,
	    "the error code is on the new stack");
	c->fault.has_error = false;
	start(0);
	put16(TSS_B + 100, 1);
	tap(RUN(&f, "\xea\0\0\0\0\x48\0") == EMUL_OK && c->trap_dr6 == 0x8000,
	    "TSS.T is a debug trap");
	start(0);
	put32(TSS_B + 36, 0x302);
	c->rflags |= 0x100;
	tap(RUN(&f, "\xea\0\0\0\0\x48\0") == EMUL_OK && !c->trap_dr6 &&
	    fake_get(&f, TSS_A + 36, 4) == 0x302, "a switch is no step");
}

static void test_forms(void)
{
	start(0);
	tap(RUN(&f, "\x9a\0\0\0\0\x50\0") == EMUL_OK && c->rip == 0x6100 &&
	    c->gpr[AX] == 0xc0c0 && c->rflags == 0x4046 &&
	    f.cr[3] == 0x66000 && desc_type(SEL_C) == 3 &&
	    fake_get(&f, TSS_C, 2) == SEL_A && f.seg[EMUL_ES].sel == 0x10 &&
	    f.seg[EMUL_FS].attr & EMUL_SEG_UNUSABLE && a_is_saved(0x8007, 0x202),
	    "call of a 16-bit TSS");
	c->gpr[BX] = 0x12345678;
	tap(RUN(&f, "\xcf") == EMUL_OK && c->rip == 0x8007 &&
	    fake_get(&f, TSS_C + 24, 2) == 0x5678 &&
	    fake_get(&f, TSS_C + 14, 2) == 0x6101 &&
	    fake_get(&f, TSS_C + 42, 2) == 0, "and back");

	start(0);
	put32(TSS_B + 36, 0x20202);
	put32(TSS_B + 32, 0x1234);
	put32(TSS_B + 76, 0x2000);
	tap(RUN(&f, "\x9a\0\0\0\0\x48\0") == EMUL_OK && c->mode == EMUL_VM86 &&
	    c->cpl == 3 && c->rip == 0x1234 &&
	    f.seg[EMUL_CS].base == 0x20000 && f.seg[EMUL_DS].attr == 0xf3 &&
	    f.seg[EMUL_LDTR].sel == SEL_LDT, "to a virtual-8086 task");
	start(0);
	put32(TSS_B + 76, 0x1b);
	put32(TSS_B + 80, 0x23);
	put32(TSS_B + 72, 0x23);
	put32(TSS_B + 84, 0x23);
	put32(TSS_B + 88, 0);
	tap(RUN(&f, "\x9a\0\0\0\0\x48\0") == EMUL_OK && c->cpl == 3 &&
	    f.seg[EMUL_SS].sel == 0x23, "to a task at CPL 3");
	start(0);
	f.cr[0] &= ~0x80000000ull;
	tap(RUN(&f, "\x9a\0\0\0\0\x48\0") == EMUL_OK && f.cr[3] == 0x66000,
	    "without paging CR3 stays");
}

/* Found in the old task: nothing has changed */
static bool old_fault(enum emul_result r, u8 vector, u32 error)
{
	return faults(r, vector, error) && f.seg[EMUL_TR].sel == SEL_A &&
	       c->rip == 0x8000 && !fake_get(&f, TSS_A + 32, 4) &&
	       f.cr[3] == 0x66000;
}

static void test_old_faults(void)
{
	start(0);
	put64(0x1000 + SEL_B, fake_desc(TSS_B, 0x67, 0x8b));
	tap(old_fault(RUN(&f, "\x9a\0\0\0\0\x48\0"), EMUL_GP, SEL_B),
	    "call of a busy task");
	tap(old_fault(emul_interrupt(c, 0x40, EMUL_INT_HW), EMUL_GP,
		      SEL_B + 1), "interrupt to a busy task, EXT set");
	start(0);
	put64(0x1000 + SEL_B, fake_desc(TSS_B, 0x67, 0x09));
	tap(old_fault(RUN(&f, "\xea\0\0\0\0\x48\0"), EMUL_NP, SEL_B),
	    "absent TSS");
	start(0);
	put64(0x1000 + SEL_B, fake_desc(TSS_B, 0x66, 0x89));
	tap(old_fault(RUN(&f, "\xea\0\0\0\0\x48\0"), EMUL_TS, SEL_B),
	    "new TSS too short");
	start(0);
	f.seg[EMUL_TR].limit = 0x66;
	tap(old_fault(RUN(&f, "\xea\0\0\0\0\x48\0"), EMUL_TS, SEL_A),
	    "old TSS too short");
	start(3);
	put64(0x1000 + SEL_B, fake_desc(TSS_B, 0x67, 0x89));
	tap(old_fault(RUN(&f, "\x9a\0\0\0\0\x4b\0"), EMUL_GP, SEL_B),
	    "TSS of an inner level");
	tap(old_fault(RUN(&f, "\x9a\0\0\0\0\x28\0"), EMUL_GP, SEL_A),
	    "the task itself");
	start(0);
	put_gate(0x1000 + SEL_GATE, SEL_B, 0, 0, 0x65);
	tap(old_fault(RUN(&f, "\x9a\0\0\0\0\x58\0"), EMUL_NP, SEL_GATE),
	    "absent task gate");
	put_gate(0x1000 + SEL_GATE, 4, 0, 0, 0xe5);
	tap(old_fault(RUN(&f, "\x9a\0\0\0\0\x58\0"), EMUL_GP, 4),
	    "task gate to the LDT");
	put_gate(0x1000 + SEL_GATE, 8, 0, 0, 0xe5);
	tap(old_fault(RUN(&f, "\x9a\0\0\0\0\x58\0"), EMUL_GP, 8),
	    "task gate to code");
	start(0);
	c->rflags |= 0x4000;
	put16(TSS_A, SEL_B);
	tap(old_fault(RUN(&f, "\xcf"), EMUL_TS, SEL_B),
	    "iret to a task that is not busy");
	put16(TSS_A, 4);
	tap(old_fault(RUN(&f, "\xcf"), EMUL_TS, 4), "iret to the LDT");
	start(0);
	f.ro_page = TSS_A >> 12;
	tap(RUN(&f, "\xea\0\0\0\0\x48\0") == EMUL_FAULT &&
	    c->fault.vector == EMUL_PF && desc_type(SEL_B) == 9 &&
	    c->rip == 0x8000, "old TSS not writable");
	start(0);
	f.cmpxchg_fails = true;
	tap(RUN(&f, "\xea\0\0\0\0\x48\0") == EMUL_RETRY && c->rip == 0x8000 &&
	    !fake_get(&f, TSS_A + 32, 4), "descriptor changed: again");
	f.cmpxchg_fails = false;
	start(0);
	c->lma = true;
	f.seg[EMUL_CS].attr &= ~EMUL_SEG_L;
	tap(faults(RUN(&f, "\xea\0\0\0\0\x48\0"), EMUL_GP, SEL_B),
	    "long mode has no tasks");
}

/* Found in the new one: it is there, and its first instruction does not run */
static bool new_fault(u8 vector, u32 error)
{
	return faults(RUN(&f, "\x9a\0\0\0\0\x48\0"), vector, error) &&
	       c->committed && c->rip == 0x6000 && c->gpr[AX] == 0xb0b0b000 &&
	       f.seg[EMUL_TR].sel == SEL_B && f.cr[3] == 0x77000 &&
	       c->rflags == 0x4202 && a_is_saved(0x8007, 0x202);
}

static void test_new_faults(void)
{
	static const struct {
		const char *what;
		u16 at, sel;
		u8 vector;
		u16 error;
	} t[] = {
		{ "LDT of data", 96, 0x10, EMUL_TS, 0x10 },
		{ "LDT in the LDT", 96, 0x14, EMUL_TS, 0x14 },
		{ "null SS", 80, 0, EMUL_TS, 0 },
		{ "SS of another level", 80, 0x23, EMUL_TS, 0x20 },
		{ "SS beyond the table", 80, 0x88, EMUL_TS, 0x88 },
		{ "absent SS", 80, 0x40, EMUL_SS_VEC, 0x40 },
		{ "null CS", 76, 0, EMUL_TS, 0 },
		{ "CS of data", 76, 0x10, EMUL_TS, 0x10 },
		{ "absent CS", 76, 0x30, EMUL_NP, 0x30 },
		{ "CS with a foreign RPL", 76, 0x1a, EMUL_TS, 0 },
		{ "DS beyond the table", 84, 0x88, EMUL_TS, 0x88 },
		{ "absent DS", 84, 0x40, EMUL_NP, 0x40 },
		{ "a TSS as ES", 72, SEL_B, EMUL_TS, SEL_B },
		{ "LDT's, without one", 92, 0x74, EMUL_TS, 0x74 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		start(0);
		put32(TSS_B + t[i].at, t[i].sel);
		if (!t[i].error && t[i].at == 76 && t[i].sel)
			continue;	/* SS is wrong first */
		tap(new_fault(t[i].vector, t[i].error), "new task: %s",
		    t[i].what);
	}
	start(0);
	put32(TSS_B + 84, 0x88);
	tap(faults(emul_interrupt(c, 0x40, EMUL_INT_HW), EMUL_TS, 0x89) &&
	    c->committed && c->rip == 0x6000, "by an interrupt: EXT set");
	start(0);
	put32(TSS_B + 40 + 4 * SP, 0x200000);
	c->fault.has_error = true;
	tap(emul_interrupt(c, 0x40, EMUL_INT_EXC) == EMUL_FAULT &&
	    c->fault.vector == EMUL_PF && c->committed &&
	    f.seg[EMUL_SS].sel == 0x10, "no room for the error code");
	c->fault.has_error = false;
}

#define GATE	0x70	/* selector of the call gate */

static void call_gate(unsigned int cpl, u16 sel, u32 off, unsigned int params,
		      unsigned int attr)
{
	start(cpl);
	put_gate(0x1000 + GATE, sel, off, params, attr);
	put32(TSS_A + 4, 0xb000);
	put32(TSS_A + 8, 0x10);
	put32(0x9000, 0x111);
	put32(0x9004, 0x222);
}

static void test_call_gates(void)
{
	call_gate(0, 8, 0x17000, 0, 0x8c);
	tap(RUN(&f, "\x9a\1\2\3\4\x70\0") == EMUL_OK && c->rip == 0x17000 &&
	    c->gpr[SP] == 0x8ff8 && fake_get(&f, 0x8ff8, 4) == 0x8007,
	    "call gate, same level");
	call_gate(0, 8, 0x17000, 0, 0x8c);
	tap(RUN(&f, "\xea\1\2\3\4\x70\0") == EMUL_OK && c->rip == 0x17000 &&
	    c->gpr[SP] == 0x9000, "jump through a call gate");
	call_gate(3, 8, 0x17000, 2, 0xec);
	tap(RUN(&f, "\x9a\1\2\3\4\x73\0") == EMUL_OK && c->rip == 0x17000 &&
	    c->cpl == 0 && f.seg[EMUL_CS].sel == 8 &&
	    f.seg[EMUL_SS].sel == 0x10 && c->gpr[SP] == 0xb000 - 24 &&
	    fake_get(&f, 0xb000 - 24, 8) == 0x0b00008007ull &&
	    fake_get(&f, 0xb000 - 16, 8) == 0x22200000111ull &&
	    fake_get(&f, 0xb000 - 8, 8) == 0x1300009000ull,
	    "call gate to an inner level copies parameters");
	f.seg[EMUL_CS].sel = 8;
	put32(0xb000 - 20, 0x1b);
	put32(0xb000 - 4, 0x23);
	tap(RUN(&f, "\xca\x08\0") == EMUL_OK && c->cpl == 3 &&
	    c->rip == 0x8007 && c->gpr[SP] == 0x9008, "and ret far back");
	call_gate(3, 8, 0x17000, 1, 0xe4);
	tap(RUN(&f, "\x9a\1\2\3\4\x73\0") == EMUL_OK && c->rip == 0x7000 &&
	    c->gpr[SP] == 0xb000 - 10 &&
	    fake_get(&f, 0xb000 - 10, 8) == 0x90000111000b8007ull,
	    "16-bit call gate");
	call_gate(3, 0x38, 0x17000, 0, 0xec);
	tap(RUN(&f, "\x9a\1\2\3\4\x73\0") == EMUL_OK && c->cpl == 3 &&
	    c->gpr[SP] == 0x8ff8, "gate to conforming code: no switch");
	call_gate(3, 8, 0x17000, 0, 0xec);
	tap(faults(RUN(&f, "\xea\1\2\3\4\x73\0"), EMUL_GP, 8),
	    "jump to an inner level");
	call_gate(3, 8, 0x17000, 0, 0x8c);
	tap(faults(RUN(&f, "\x9a\1\2\3\4\x73\0"), EMUL_GP, GATE),
	    "gate of an inner level");
	call_gate(0, 8, 0x17000, 0, 0x8c);
	tap(faults(RUN(&f, "\x9a\1\2\3\4\x73\0"), EMUL_GP, GATE),
	    "gate with a larger RPL");
	call_gate(0, 8, 0x17000, 0, 0x0c);
	tap(faults(RUN(&f, "\x9a\1\2\3\4\x70\0"), EMUL_NP, GATE),
	    "absent gate");
	call_gate(0, 0x30, 0x17000, 0, 0x8c);
	tap(faults(RUN(&f, "\x9a\1\2\3\4\x70\0"), EMUL_NP, 0x30),
	    "gate to absent code");
	call_gate(0, 0, 0x17000, 0, 0x8c);
	tap(faults(RUN(&f, "\x9a\1\2\3\4\x70\0"), EMUL_GP, 0), "gate to null");
	call_gate(0, 0x1b, 0x17000, 0, 0x8c);
	tap(faults(RUN(&f, "\x9a\1\2\3\4\x70\0"), EMUL_GP, 0x18),
	    "gate to an outer level");
	call_gate(3, 8, 0x17000, 0, 0xec);
	put32(TSS_A + 8, 0x18);
	tap(faults(RUN(&f, "\x9a\1\2\3\4\x73\0"), EMUL_TS, 0x18),
	    "wrong inner stack");
	call_gate(3, 8, 0x17000, 0, 0xec);
	put64(0x1010, fake_desc(0, 0xafff, 0x493));
	put32(TSS_A + 4, 0xb004);
	tap(faults(RUN(&f, "\x9a\1\2\3\4\x73\0"), EMUL_SS_VEC, 0x10) &&
	    c->cpl == 3, "no room on the inner stack: its selector");
}

static void test_long_gates(void)
{
	fake_mode(&f, EMUL_LONG64, 3);
	memset(c->gpr, 0, sizeof(c->gpr));
	c->rip = 0x8000;
	c->gpr[SP] = 0x9000;
	put64(0x1030, fake_desc(0, 0xfffff, 0xa9b));
	put_gate(0x1070, 0x30, 0x7000, 5, 0xec);
	put64(0x1078, 0x12);
	put64(TSS_A + 4, 0xb008);
	put64(0xa000, 0x7300000000);
	c->gpr[BX] = 0xa000;
	f.seg[EMUL_SS].sel = 0x23;
	tap(RUN(&f, "\xff\x1b") == EMUL_OK && c->rip == 0x1200007000ull &&
	    c->cpl == 0 && c->gpr[SP] == 0xb008 - 32 &&
	    fake_get(&f, 0xb000, 8) == 0x23 &&
	    fake_get(&f, 0xb008 - 16, 8) == 0x9000 &&
	    fake_get(&f, 0xb008 - 32, 8) == 0x8002 &&
	    f.seg[EMUL_SS].attr & EMUL_SEG_UNUSABLE && !f.seg[EMUL_SS].sel,
	    "64-bit call gate: 16 bytes, no parameters, null SS");
	fake_mode(&f, EMUL_LONG64, 0);
	put64(0x1078, 0x1f0000000012);
	c->rip = 0x8000;
	put64(0xa000, 0x7000000000);
	tap(faults(RUN(&f, "\xff\x1b"), EMUL_GP, 0x70),
	    "a type in its upper half");
	put64(0x1078, 0);
	put_gate(0x1070, 8, 0x7000, 0, 0xec);
	tap(faults(RUN(&f, "\xff\x1b"), EMUL_GP, 8), "64-bit gate to 32-bit code");
	put_gate(0x1070, 0x30, 0x7000, 0, 0xe4);
	tap(faults(RUN(&f, "\xff\x1b"), EMUL_GP, 0x70), "no 16-bit gates there");
	fake_mode(&f, EMUL_PROT32, 0);
	c->lma = true;
	c->rip = 0x8000;
	c->gpr[SP] = 0x9000;
	put_gate(0x1070, 0x30, 0x7000, 0, 0xec);
	tap(RUN(&f, "\x9a\0\0\0\0\x70\0") == EMUL_OK &&
	    c->mode == EMUL_LONG64 && c->gpr[SP] == 0x8ff0 &&
	    fake_get(&f, 0x8ff0, 8) == 0x8007, "compatibility mode calls 64-bit");
}

int main(void)
{
	fake_init(&f);
	test_ways();
	test_forms();
	test_old_faults();
	test_new_faults();
	test_call_gates();
	test_long_gates();
	fake_free(&f);
	return tap_done();
}
