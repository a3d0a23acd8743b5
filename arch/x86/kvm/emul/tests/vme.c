// SPDX-License-Identifier: GPL-2.0-only
/* Virtual-8086 mode extensions, and steps through code (SDM 3B 20.3, 17.3). */
#include <stdio.h>

#include "fake.h"

#define RUN(f, bytes) fake_run(f, bytes, sizeof(bytes) - 1)
#define BS	(1ull << 14)

enum { AX, CX, DX, BX, SP, BP, SI, DI };

static struct fake f;
static struct emul_ctx * const c = &f.c;

static void start(u64 flags)
{
	fake_mode(&f, EMUL_VM86, 3);
	memset(c->gpr, 0, sizeof(c->gpr));
	c->rip = 0x100;
	c->gpr[SP] = 0xfff0;
	c->rflags = 0x20002 | flags;
	f.cr[4] |= 1;
	/* the map of ports at 0x88, that of interrupts at 0x68: 21h is the task's */
	fake_put(&f, 0x3000 + 102, "\x88\0", 2);
	fake_put(&f, 0x3068, "\xff\xff\xff\xff\xfd\xff\xff\xff", 8);
	fake_put(&f, 0x21 * 4, "\x00\x50\x00\xc0", 4);
}

static bool gp0(enum emul_result r)
{
	return r == EMUL_FAULT && c->fault.vector == EMUL_GP &&
	       c->fault.has_error && !c->fault.error;
}

static void test_int(void)
{
	start(0x80000);
	tap(RUN(&f, "\xcd\x21") == EMUL_OK && c->mode == EMUL_VM86 &&
	    c->rip == 0x5000 && f.seg[EMUL_CS].base == 0xc0000 &&
	    fake_get(&f, 0x1ffea, 6) == 0x320210000102 &&
	    !(c->rflags & 0x80000), "int is redirected, IF is VIF");
	start(0x3200);
	tap(RUN(&f, "\xcd\x21") == EMUL_OK && c->rip == 0x5000 &&
	    fake_get(&f, 0x1ffee, 2) == 0x3202 && !(c->rflags & 0x200),
	    "with IOPL 3 IF is IF");
	start(0);
	tap(gp0(RUN(&f, "\xcd\x22")), "an interrupt that is the monitor's");
	start(0);
	f.seg[EMUL_TR].limit = 0x6b;
	tap(gp0(RUN(&f, "\xcd\x21")), "a map beyond the TSS");
	start(0);
	f.cr[4] &= ~1ull;
	tap(gp0(RUN(&f, "\xcd\x21")), "no VME, no redirection");
}

static void test_flags(void)
{
	start(0x80000);
	tap(RUN(&f, "\x9c") == EMUL_OK && fake_get(&f, 0x1ffee, 2) == 0x3202,
	    "pushf shows VIF as IF, and IOPL 3");
	c->rflags &= ~0x80000ull;
	tap(RUN(&f, "\x9d") == EMUL_OK && c->rflags == 0xa0002,
	    "popf loads VIF, not IOPL");
	start(0x100000);
	c->gpr[SP] = 0xffee;
	fake_put(&f, 0x1ffee, "\x02\x02", 2);
	tap(gp0(RUN(&f, "\x9d")), "popf of IF with VIP");
	fake_put(&f, 0x1ffee, "\x02\x00", 2);
	tap(RUN(&f, "\x9d") == EMUL_OK, "not without IF");
	c->gpr[SP] = 0xffee;
	fake_put(&f, 0x1ffee, "\x02\x01", 2);
	tap(gp0(RUN(&f, "\x9d")), "popf of TF");
	tap(gp0(RUN(&f, "\x66\x9d")) && gp0(RUN(&f, "\x66\x9c")) &&
	    gp0(RUN(&f, "\x66\xcf")), "32-bit forms fault");
	start(0);
	c->gpr[SP] = 0xffea;
	fake_put(&f, 0x1ffea, "\x34\x12\x00\x20\xd7\x32", 6);
	tap(RUN(&f, "\xcf") == EMUL_OK && c->rip == 0x1234 &&
	    f.seg[EMUL_CS].base == 0x20000 && c->rflags == 0xa00d7,
	    "iret loads VIF, not IOPL");
	start(0);
	f.cr[4] &= ~1ull;
	tap(gp0(RUN(&f, "\x9c")) && gp0(RUN(&f, "\x9d")) &&
	    gp0(RUN(&f, "\xcf")), "without VME all of them fault");
}

static void flat(u64 flags)
{
	fake_mode(&f, EMUL_PROT32, 0);
	memset(c->gpr, 0, sizeof(c->gpr));
	c->rip = 0x8000;
	c->gpr[SP] = 0x9000;
	c->gpr[DI] = 0xa000;
	c->rflags = 2 | flags;
}

static void test_steps(void)
{
	u64 d = fake_desc(0, 0xfffff, 0xc93);

	fake_put(&f, 0x1010, &d, 8);
	flat(0x100);
	tap(RUN(&f, "\x90") == EMUL_OK && c->trap_dr6 == BS, "a step traps");
	flat(0);
	tap(RUN(&f, "\x90") == EMUL_OK && !c->trap_dr6, "none without TF");
	fake_put(&f, 0x9000, "\x02\x01\0\0", 4);
	tap(RUN(&f, "\x9d") == EMUL_OK && c->rflags & 0x100 && !c->trap_dr6,
	    "popf that sets TF: the next one traps");
	flat(0x100);
	fake_put(&f, 0x9000, "\x02\0\0\0", 4);
	tap(RUN(&f, "\x9d") == EMUL_OK && c->trap_dr6 == BS,
	    "popf that clears TF traps");
	flat(0x100);
	c->gpr[AX] = 0x10;
	tap(RUN(&f, "\x8e\xd0") == EMUL_OK && !c->trap_dr6 &&
	    c->int_shadow == EMUL_SHADOW_MOVSS, "mov ss holds a step off");
	flat(0x100);
	c->gpr[CX] = 3;
	tap(emul_decode(c, (const u8 *)"\xf3\xaa", 2) == EMUL_OK &&
	    emul_exec(c) == EMUL_OK && c->rep_more && c->trap_dr6 == BS &&
	    c->rip == 0x8000 && c->gpr[CX] == 2 && c->rflags & 0x10000,
	    "rep: each iteration traps, with RF");
	tap(emul_exec(c) == EMUL_OK && emul_exec(c) == EMUL_OK &&
	    !c->rep_more && c->trap_dr6 == BS && c->rip == 0x8002 &&
	    !(c->rflags & 0x10000), "the last one has moved on");
	flat(0x100);
	fake_put(&f, 0x2000 + 8 * 0x40, "\x00\x70\x08\x00\x00\x8e\0\0", 8);
	d = fake_desc(0, 0xfffff, 0xc9b);
	fake_put(&f, 0x1008, &d, 8);
	tap(RUN(&f, "\xcd\x40") == EMUL_OK && !c->trap_dr6 &&
	    fake_get(&f, 0x8ffc, 4) == 0x102, "int n loses the step");
	flat(0x10000);
	tap(RUN(&f, "\x90") == EMUL_OK && !(c->rflags & 0x10000),
	    "RF lasts one instruction");
}

int main(void)
{
	fake_init(&f);
	test_int();
	test_flags();
	test_steps();
	fake_free(&f);
	return tap_done();
}
