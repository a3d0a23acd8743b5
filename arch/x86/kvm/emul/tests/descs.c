// SPDX-License-Identifier: GPL-2.0-only
/* Descriptor tables, gates and stacks of every width, and what they refuse. */
#include <stdio.h>

#include "fake.h"

#define RUN(f, bytes) fake_run(f, bytes, sizeof(bytes) - 1)

enum { AX, CX, DX, BX, SP };

static struct fake f;
static struct emul_ctx * const c = &f.c;

static void put64(u64 la, u64 v)
{
	fake_put(&f, la, &v, 8);
}

static void start(enum emul_mode mode, unsigned int cpl)
{
	fake_mode(&f, mode, cpl);
	memset(c->gpr, 0, sizeof(c->gpr));
	c->rip = 0x8000;
	c->gpr[SP] = 0x9000;
	put64(0x1008, fake_desc(0, 0xfffff, 0xc9b));
	put64(0x1010, fake_desc(0, 0xfffff, 0xc93));
	put64(0x1018, fake_desc(0, 0xfffff, 0xcfb));
	put64(0x1020, fake_desc(0, 0xfffff, 0xcf3));
	put64(0x1028, fake_desc(0, 0xfffff, 0xc1b));	/* absent code */
	put64(0x1030, fake_desc(0, 0xfffff, 0xa9b));
	put64(0x1038, fake_desc(0, 0xfffff, 0xe9b));	/* L and D */
	put64(0x1040, fake_desc(0x4000, 0x67, 0x82));	/* LDT */
	put64(0x1048, 0);
	put64(0x1050, fake_desc(0x5000, 0x67, 0x89));	/* TSS */
	put64(0x1058, 0x80);				/* upper half: base */
	put64(0x1060, fake_desc(8, 0, 0x8c));		/* call gate */
	put64(0x4008, fake_desc(0x70000, 0xff, 0x93));	/* in the LDT */
}

static bool faults(enum emul_result r, u8 vector, u32 error)
{
	if (r == EMUL_FAULT && c->fault.vector == vector &&
	    c->fault.error == error)
		return true;
	printf("# result %d vector %u error %x\n", r, c->fault.vector,
	       c->fault.error);
	return false;
}

static void test_ldt(void)
{
	start(EMUL_PROT32, 0);
	c->gpr[AX] = 0xc;
	tap(faults(RUN(&f, "\x8e\xd8"), EMUL_GP, 0xc), "LDT selector, no LDT");
	c->gpr[BX] = 0x40;
	tap(RUN(&f, "\x0f\x00\xd3") == EMUL_OK &&
	    f.seg[EMUL_LDTR].base == 0x4000 && f.seg[EMUL_LDTR].limit == 0x67,
	    "lldt");
	tap(RUN(&f, "\x8e\xd8") == EMUL_OK && f.seg[EMUL_DS].base == 0x70000 &&
	    f.seg[EMUL_DS].limit == 0xff, "segment from the LDT");
	tap(RUN(&f, "\x0f\x00\xc1") == EMUL_OK && c->gpr[CX] == 0x40, "sldt");
	c->gpr[BX] = 0x44;
	tap(faults(RUN(&f, "\x0f\x00\xd3"), EMUL_GP, 0x44), "lldt of an LDT's");
	c->gpr[BX] = 0x10;
	tap(faults(RUN(&f, "\x0f\x00\xd3"), EMUL_GP, 0x10), "lldt of data");
	c->gpr[BX] = 0;
	tap(RUN(&f, "\x0f\x00\xd3") == EMUL_OK &&
	    f.seg[EMUL_LDTR].attr & EMUL_SEG_UNUSABLE, "lldt of null");

	start(EMUL_LONG64, 0);
	c->gpr[BX] = 0x50;
	tap(RUN(&f, "\x0f\x00\xdb") == EMUL_OK &&
	    f.seg[EMUL_TR].base == 0x8000005000ull &&
	    f.seg[EMUL_TR].attr == 0x8b, "long: ltr takes 16 bytes");
	start(EMUL_LONG64, 0);
	put64(0x1058, 0x8000000000ull);
	c->gpr[BX] = 0x50;
	put64(0x1058, 0x80000000);
	tap(faults(RUN(&f, "\x0f\x00\xdb"), EMUL_GP, 0),
	    "long: ltr with a non-canonical base");
	put64(0x1058, 0x1f0000000080ull);
	tap(faults(RUN(&f, "\x0f\x00\xdb"), EMUL_GP, 0x50),
	    "long: ltr with a type in the upper half");
	c->gpr[BX] = 0;
	tap(faults(RUN(&f, "\x0f\x00\xdb"), EMUL_GP, 0), "ltr of null");
	c->gpr[BX] = 0x78;
	put64(0x1078, fake_desc(0, 0x67, 0x89));
	tap(faults(RUN(&f, "\x0f\x00\xdb"), EMUL_GP, 0x78),
	    "long: ltr half beyond the table");
}

static void test_far(void)
{
	static const u32 outer[] = { 0x6000, 0x1b, 0x55, 0x66, 0xa000, 0x23 };

	start(EMUL_PROT32, 0);
	fake_put(&f, 0x9000, outer, sizeof(outer));
	tap(RUN(&f, "\xca\x08\x00") == EMUL_OK && c->cpl == 3 &&
	    c->rip == 0x6000 && c->gpr[SP] == 0xa008 &&
	    f.seg[EMUL_SS].sel == 0x23 &&
	    f.seg[EMUL_ES].attr & EMUL_SEG_UNUSABLE,
	    "retf to an outer level drops arguments on both stacks");
	start(EMUL_PROT32, 0);
	tap(faults(RUN(&f, "\xea\0\x70\0\0\x28\0"), EMUL_NP, 0x28),
	    "jump to absent code");
	tap(faults(RUN(&f, "\xea\0\x70\0\0\x10\0"), EMUL_GP, 0x10),
	    "jump to data");
	tap(faults(RUN(&f, "\xea\0\x70\0\0\x02\0"), EMUL_GP, 0),
	    "jump to null");
	tap(RUN(&f, "\xea\0\x70\0\0\x60\0") == EMUL_OK && !c->rip,
	    "jump through a call gate: its offset");
	tap(faults(RUN(&f, "\xea\0\x70\0\0\x40\0"), EMUL_GP, 0x40),
	    "jump to an LDT");
	put64(0x1008, fake_desc(0, 0x6fff, 0x49b));
	tap(faults(RUN(&f, "\xea\0\x70\0\0\x08\0"), EMUL_GP, 0),
	    "jump beyond the new limit");
	start(EMUL_LONG64, 0);
	put64(0xa000, 0x3800007000ull);
	c->gpr[BX] = 0xa000;
	tap(faults(RUN(&f, "\xff\x2b"), EMUL_GP, 0x38),
	    "long: code with L and D");
	put64(0xa000, 0x0800007000ull);
	tap(RUN(&f, "\xff\x2b") == EMUL_OK && c->mode == EMUL_PROT32 &&
	    c->rip == 0x7000, "long: jump to compatibility mode");
	tap(RUN(&f, "\xea\0\x71\0\0\x30\0") == EMUL_OK &&
	    c->mode == EMUL_LONG64 && c->rip == 0x7100, "and back");
}

static void gate(unsigned int vector, u16 sel, u32 off, unsigned int attr,
		 unsigned int ist)
{
	unsigned int len = c->lma ? 16 : 8;

	put64(0x2000 + vector * len, (off & 0xffff) | (u64)sel << 16 |
	      (u64)ist << 32 | (u64)attr << 40 | (u64)(off >> 16) << 48);
	if (c->lma)
		put64(0x2000 + vector * len + 8, 0);
}

static void test_gates(void)
{
	start(EMUL_PROT32, 0);
	gate(0x30, 8, 0x17000, 0x86, 0);
	tap(RUN(&f, "\xcd\x30") == EMUL_OK && c->rip == 0x7000 &&
	    c->gpr[SP] == 0x8ffa && fake_get(&f, 0x8ffa, 6) == 0x020200088002,
	    "16-bit gate");
	gate(0x31, 8, 0x7000, 0x0e, 0);
	tap(faults(RUN(&f, "\xcd\x31"), EMUL_NP, 0x31 * 8 + 2), "absent gate");
	gate(0x32, 0x28, 0x7000, 0x8e, 0);
	tap(faults(RUN(&f, "\xcd\x32"), EMUL_NP, 0x28), "gate to absent code");
	gate(0x33, 0x10, 0x7000, 0x8e, 0);
	tap(faults(RUN(&f, "\xcd\x33"), EMUL_GP, 0x10), "gate to data");
	gate(0x34, 0, 0x7000, 0x8e, 0);
	tap(faults(RUN(&f, "\xcd\x34"), EMUL_GP, 0), "gate to null");
	gate(0x35, 8, 0x7000, 0x8c, 0);
	tap(faults(RUN(&f, "\xcd\x35"), EMUL_GP, 0x35 * 8 + 2), "no gate");
	f.dt[EMUL_IDTR].limit = 0xff;
	tap(faults(RUN(&f, "\xcd\x30"), EMUL_GP, 0x30 * 8 + 2),
	    "beyond the IDT");
	tap(faults(emul_interrupt(c, 0x30, EMUL_INT_HW), EMUL_GP,
		   0x30 * 8 + 3), "the same from outside has EXT");

	start(EMUL_PROT32, 0);
	put64(0x1008, fake_desc(0, 0x6fff, 0x49b));
	gate(0x36, 8, 0x7000, 0x8e, 0);
	put64(0x8ff8, 0x5555);
	tap(faults(emul_interrupt(c, 0x36, EMUL_INT_HW), EMUL_GP, 1) &&
	    fake_get(&f, 0x8ff8, 8) == 0x5555,
	    "handler beyond its segment: EXT, and nothing is pushed");
	c->rip = 0x6000;
	/* CPUs push before they look (tests/diff.c). */
	tap(faults(RUN(&f, "\x9a\0\x70\0\0\x08\0"), EMUL_GP, 0) &&
	    c->rip == 0x6000, "call beyond the new limit");
	start(EMUL_PROT32, 0);
	gate(0x36, 8, 0x7000, 0x8e, 0);
	f.seg[EMUL_SS].limit = 0x8ff7;
	tap(faults(emul_interrupt(c, 0x36, EMUL_INT_HW), EMUL_SS_VEC, 1),
	    "no room on the same stack: EXT");
	start(EMUL_PROT32, 3);
	put64(0x1010, fake_desc(0, 0xafff, 0x493));
	put64(0x3004, 0x100000b004ull);
	tap(faults(emul_interrupt(c, 0x36, EMUL_INT_HW), EMUL_SS_VEC, 0x11) &&
	    c->cpl == 3, "no room on the inner one: its selector and EXT");

	/* inner stack from a 16-bit TSS, and one too short */
	start(EMUL_PROT32, 3);
	gate(0x30, 8, 0x7000, 0xee, 0);
	put64(0x3002, 0x10b000);
	f.seg[EMUL_TR].attr = EMUL_SEG_P | 3;
	tap(RUN(&f, "\xcd\x30") == EMUL_OK && c->gpr[SP] == 0xafec &&
	    f.seg[EMUL_SS].sel == 0x10, "stack from a 16-bit TSS");
	start(EMUL_PROT32, 3);
	f.seg[EMUL_TR].limit = 6;
	tap(faults(RUN(&f, "\xcd\x30"), EMUL_TS, 0x28) && c->cpl == 3,
	    "TSS too short");
	start(EMUL_PROT32, 3);
	put64(0x3004, 0x180000b000ull);
	tap(faults(RUN(&f, "\xcd\x30"), EMUL_TS, 0x18), "code as inner stack");

	start(EMUL_LONG64, 0);
	gate(0x30, 0x30, 0x7000, 0x8e, 3);
	put64(0x3000 + 28 + 24, 0xb007);
	tap(RUN(&f, "\xcd\x30") == EMUL_OK && c->gpr[SP] == 0xb000 - 40 &&
	    fake_get(&f, 0xb000 - 16, 8) == 0x9000, "long: IST");
	put64(0x3000 + 28 + 24, 1ull << 60);
	tap(faults(RUN(&f, "\xcd\x30"), EMUL_SS_VEC, 0),
	    "long: IST non-canonical");
	gate(0x31, 0x30, 0x7000, 0x86, 0);
	tap(faults(RUN(&f, "\xcd\x31"), EMUL_GP, 0x31 * 8 + 2),
	    "long: no 16-bit gates");
	c->rflags |= 0x4000;
	tap(faults(RUN(&f, "\x48\xcf"), EMUL_GP, 0), "long: iret with NT");
}

static void test_rest(void)
{
	unsigned int i;

	start(EMUL_LONG64, 0);
	tap(RUN(&f, "\x0f\x01\xd0") == EMUL_OK && c->gpr[AX] == 7, "xgetbv");
	c->gpr[CX] = 1;
	tap(faults(RUN(&f, "\x0f\x01\xd0"), EMUL_GP, 0), "xgetbv of 1");
	tap(RUN(&f, "\x0f\x01\xcb") == EMUL_OK && c->rflags & 0x40000, "stac");
	tap(RUN(&f, "\x0f\x01\xca") == EMUL_OK && !(c->rflags & 0x40000),
	    "clac");
	c->gpr[AX] = ~0ull;
	tap(RUN(&f, "\xdf\xe0") == EMUL_OK && c->gpr[AX] == ~0xffffull,
	    "fnstsw ax");
	c->gpr[BX] = 0x2000000000000ull;
	tap(RUN(&f, "\x0f\x01\x3b") == EMUL_OK && f.last_msr != c->gpr[BX],
	    "invlpg of a non-canonical address does nothing");
	c->gpr[AX] = 0x123000;
	tap(RUN(&f, "\xf3\x48\x0f\xae\xd0") == EMUL_OK &&
	    f.seg[EMUL_FS].base == 0x123000, "wrfsbase");
	for (i = 0; i < 32; i++)
		f.xmm[1][i] = i;
	memset(f.xmm[2], 0xff, 32);
	tap(RUN(&f, "\x66\x0f\xd6\xca") == EMUL_OK && f.xmm[2][7] == 7 &&
	    !f.xmm[2][8] && f.xmm[2][16] == 0xff, "movq xmm2,xmm1");
	c->gpr[BX] = 0xa000;
	put64(0xa008, 0x1122334455667788ull);
	tap(RUN(&f, "\x66\x0f\x38\x2a\x1b") == EMUL_OK && f.xmm[3][8] == 0x88,
	    "movntdqa");
	tap(faults(RUN(&f, "\xc5\xfd\x6e\xc8"), EMUL_UD, 0),
	    "vmovd with 256 bits");
	start(EMUL_PROT32, 0);
	f.seg[EMUL_DS].base = 0xfffffffe;
	fake_put(&f, 0, "\x33\x44", 2);
	fake_put(&f, 0xfffffffe, "\x11\x22", 2);
	tap(RUN(&f, "\x8b\x03") == EMUL_OK && c->gpr[AX] == 0x44332211,
	    "read across 4 GiB wraps");
	tap(RUN(&f, "\xf0\x01\x03") == EMUL_UNHANDLED, "but no LOCK there");
}

int main(void)
{
	fake_init(&f);
	test_ldt();
	test_far();
	test_gates();
	test_rest();
	fake_free(&f);
	return tap_done();
}
