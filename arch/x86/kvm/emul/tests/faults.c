// SPDX-License-Identifier: GPL-2.0-only
/* Faults of addressing and privilege, LOCKed accesses, intercept points. */
#include <stdio.h>

#include "fake.h"

#define NONE	0xff

struct fault_case {
	const char *what;
	u8 mode, cpl;
	u64 rbx, rbp;
	const char *bytes;
	u8 n;
	u8 vector;	/* NONE: EMUL_OK */
	u32 error;
};

#define B(s)	s, sizeof(s) - 1

static const struct fault_case cases[] = {
	{ "non-canonical", EMUL_LONG64, 3, 1ull << 47, 0, B("\x8b\x03"),
	  EMUL_GP, 0 },
	{ "non-canonical by stack register", EMUL_LONG64, 3, 0, 1ull << 47,
	  B("\x8b\x45\x00"), EMUL_SS_VEC, 0 },
	{ "last byte non-canonical", EMUL_LONG64, 3, 0x7ffffffffffdull, 0,
	  B("\x8b\x03"), EMUL_GP, 0 },
	{ "not present, user write", EMUL_LONG64, 3, 0x200000, 0,
	  B("\x89\x03"), EMUL_PF, 6 },
	{ "not present, supervisor read", EMUL_LONG64, 0, 0x200000, 0,
	  B("\x8b\x03"), EMUL_PF, 0 },
	{ "read-modify-write asks for writing", EMUL_LONG64, 3, 0x200000, 0,
	  B("\x01\x03"), EMUL_PF, 6 },
	{ "real: word at ffff", EMUL_REAL, 0, 0xffff, 0, B("\x8b\x07"),
	  EMUL_GP, 0 },
	{ "real: byte at ffff", EMUL_REAL, 0, 0xffff, 0, B("\x8a\x07"),
	  NONE, 0 },
	{ "real: stack word at ffff", EMUL_REAL, 0, 0, 0xffff,
	  B("\x8b\x46\x00"), EMUL_SS_VEC, 0 },
	{ "write to code", EMUL_PROT32, 0, 0x8000, 0, B("\x2e\x89\x03"),
	  EMUL_GP, 0 },
	{ "read of readable code", EMUL_PROT32, 0, 0x8000, 0,
	  B("\x2e\x8b\x03"), NONE, 0 },
	{ "64-bit mode ignores cs override", EMUL_LONG64, 0, 0x8000, 0,
	  B("\x2e\x89\x03"), NONE, 0 },
	{ "hlt at CPL 3", EMUL_LONG64, 3, 0, 0, B("\xf4"), EMUL_GP, 0 },
	{ "hlt at CPL 0", EMUL_LONG64, 0, 0, 0, B("\xf4"), NONE, 0 },
	{ "rdmsr at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x32"), EMUL_GP, 0 },
	{ "wrmsr at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x30"), EMUL_GP, 0 },
	{ "mov cr3 at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x22\xd8"),
	  EMUL_GP, 0 },
	{ "mov cr1 at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x22\xc8"),
	  EMUL_UD, 0 },
	{ "mov dr0 at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x23\xc0"),
	  EMUL_GP, 0 },
	{ "clts at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x06"), EMUL_GP, 0 },
	{ "lgdt at CPL 3", EMUL_LONG64, 3, 0x8000, 0, B("\x0f\x01\x13"),
	  EMUL_GP, 0 },
	{ "invlpg at CPL 3", EMUL_LONG64, 3, 0x8000, 0, B("\x0f\x01\x3b"),
	  EMUL_GP, 0 },
	{ "wbinvd at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x09"), EMUL_GP, 0 },
	{ "xsetbv at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x01\xd1"),
	  EMUL_GP, 0 },
	{ "cli at CPL 3", EMUL_LONG64, 3, 0, 0, B("\xfa"), EMUL_GP, 0 },
	{ "in at CPL 3", EMUL_LONG64, 3, 0, 0, B("\xe4\x60"), EMUL_GP, 0 },
	{ "sysret at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x07"), EMUL_GP, 0 },
	{ "swapgs at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x01\xf8"),
	  EMUL_GP, 0 },
	{ "stac at CPL 3", EMUL_LONG64, 3, 0, 0, B("\x0f\x01\xcb"),
	  EMUL_UD, 0 },
	{ "lldt in real mode", EMUL_REAL, 0, 0, 0, B("\x0f\x00\xd0"),
	  EMUL_UD, 0 },
	{ "cmpxchg16b unaligned", EMUL_LONG64, 0, 0x8008, 0,
	  B("\x48\x0f\xc7\x0b"), EMUL_GP, 0 },
	{ "jump to non-canonical", EMUL_LONG64, 0, 1ull << 50, 0,
	  B("\xff\xe3"), EMUL_GP, 0 },
	{ "call beyond the limit", EMUL_REAL, 0, 0, 0,
	  B("\x66\xe8\0\0\1\0"), EMUL_GP, 0 },
	{ "push with rsp non-canonical", EMUL_LONG64, 0, 0, 0,
	  B("\x48\x89\xe0"), NONE, 0 },
	{ "divide by zero", EMUL_LONG64, 0, 0, 0, B("\xf7\xf3"), EMUL_DE, 0 },
	{ "ud2", EMUL_LONG64, 0, 0, 0, B("\x0f\x0b"), EMUL_UD, 0 },
};

static struct fake f;
static struct emul_ctx * const c = &f.c;

static void run_case(const struct fault_case *t)
{
	enum emul_result r;
	bool ok;

	fake_mode(&f, t->mode, t->cpl);
	memset(c->gpr, 0, sizeof(c->gpr));
	c->gpr[3] = t->rbx;
	c->gpr[4] = 0x8000;
	c->gpr[5] = t->rbp;
	c->rip = 0x100;
	r = fake_run(&f, t->bytes, t->n);
	if (t->vector == NONE)
		ok = r == EMUL_OK;
	else
		ok = r == EMUL_FAULT && c->fault.vector == t->vector &&
		     c->fault.error == t->error &&
		     (c->fault.vector == EMUL_UD || c->fault.vector == EMUL_DE
		      || c->fault.has_error == (t->mode != EMUL_REAL));
	if (!ok)
		printf("# result %d vector %u error %x\n", r, c->fault.vector,
		       c->fault.error);
	tap(ok, "fault: %s", t->what);
}

static void test_limits(void)
{
	fake_mode(&f, EMUL_PROT32, 0);
	memset(c->gpr, 0, sizeof(c->gpr));
	f.seg[EMUL_DS].limit = 0x8003;
	c->gpr[3] = 0x8000;
	tap(fake_run(&f, "\x8b\x03", 2) == EMUL_OK, "limit: last dword");
	c->gpr[3] = 0x8001;
	tap(fake_run(&f, "\x8b\x03", 2) == EMUL_FAULT, "limit: one beyond");
	c->gpr[3] = 0xffffffff;
	tap(fake_run(&f, "\x8b\x03", 2) == EMUL_FAULT, "limit: wrapping");
	f.seg[EMUL_DS].attr = 0x497;	/* expand-down, 32 bits */
	f.seg[EMUL_DS].limit = 0x7fff;
	c->gpr[3] = 0x8000;
	tap(fake_run(&f, "\x8b\x03", 2) == EMUL_OK, "expand-down: above");
	c->gpr[3] = 0x7fff;
	tap(fake_run(&f, "\x8b\x03", 2) == EMUL_FAULT, "expand-down: at limit");
	f.seg[EMUL_DS].attr = 0x97;
	c->gpr[3] = 0xffff;
	tap(fake_run(&f, "\x8b\x03", 2) == EMUL_FAULT,
	    "expand-down: beyond 64K of a 16-bit one");
	f.seg[EMUL_DS].attr = 0x491;
	f.seg[EMUL_DS].limit = ~0u;
	c->gpr[3] = 0x8000;
	tap(fake_run(&f, "\x89\x03", 2) == EMUL_FAULT, "read-only data");
	f.seg[EMUL_DS].attr = 0x499;
	tap(fake_run(&f, "\x8b\x03", 2) == EMUL_FAULT, "execute-only code");

	/* an access across 4 GiB wraps to 0 when limits allow it */
	fake_mode(&f, EMUL_PROT32, 0);
	f.seg[EMUL_DS].base = 0xfffffffe;
	c->gpr[3] = 0;
	c->gpr[0] = 0x44332211;
	tap(fake_run(&f, "\x89\x03", 2) == EMUL_OK &&
	    fake_get(&f, 0xfffffffe, 2) == 0x2211 &&
	    fake_get(&f, 0, 2) == 0x4433, "wrap at 4 GiB");
}

static void test_alignment(void)
{
	fake_mode(&f, EMUL_LONG64, 3);
	c->gpr[3] = 0x8001;
	c->rflags |= 0x40000;
	tap(fake_run(&f, "\x8b\x03", 2) == EMUL_OK, "AC without CR0.AM");
	f.cr[0] |= 0x40000;
	tap(fake_run(&f, "\x8b\x03", 2) == EMUL_FAULT &&
	    c->fault.vector == EMUL_AC, "AC with CR0.AM");
	c->cpl = 0;
	tap(fake_run(&f, "\x8b\x03", 2) == EMUL_OK, "no #AC at CPL 0");
}

static void test_locked(void)
{
	u64 v = 5;

	fake_mode(&f, EMUL_LONG64, 0);
	c->gpr[3] = 0x8000;
	c->gpr[0] = 3;
	fake_put(&f, 0x8000, &v, 8);
	f.writes = 0;
	f.cmpxchgs = 0;
	tap(fake_run(&f, "\xf0\x01\x03", 3) == EMUL_OK && f.cmpxchgs == 1 &&
	    !f.writes && fake_get(&f, 0x8000, 4) == 8,
	    "lock add is one cmpxchg");
	tap(fake_run(&f, "\x87\x03", 2) == EMUL_OK && f.cmpxchgs == 2 &&
	    !f.writes && c->gpr[0] == 8, "xchg is one, too");
	tap(fake_run(&f, "\x01\x03", 2) == EMUL_OK && f.cmpxchgs == 2 &&
	    f.writes == 1, "add without lock is not");
	f.cmpxchg_fails = true;
	v = c->rip;
	tap(fake_run(&f, "\xf0\x0f\xc1\x03", 4) == EMUL_RETRY && c->rip == v &&
	    c->gpr[0] == 8, "memory changed: again, nothing moved");
	f.cmpxchg_fails = false;
}

static enum emul_intercept asked;

static enum emul_result on_intercept(struct emul_ctx *ctx,
				     enum emul_intercept id)
{
	asked = id;
	return ctx->owner ? EMUL_RETRY : EMUL_OK;
}

static void test_intercept(void)
{
	static const struct {
		const char *bytes;
		u8 n;
		u8 id;
	} t[] = {
		{ B("\x0f\xa2"), EMUL_ICPT_CPUID }, { B("\xf4"), EMUL_ICPT_HLT },
		{ B("\x0f\x32"), EMUL_ICPT_RDMSR },
		{ B("\x0f\x30"), EMUL_ICPT_WRMSR },
		{ B("\x0f\x20\xc0"), EMUL_ICPT_CR_READ },
		{ B("\x0f\x22\xd8"), EMUL_ICPT_CR_WRITE },
		{ B("\x0f\x21\xc0"), EMUL_ICPT_DR_READ },
		{ B("\x0f\x31"), EMUL_ICPT_RDTSC },
		{ B("\xe4\x60"), EMUL_ICPT_IO_IN },
		{ B("\x6e"), EMUL_ICPT_IO_OUTS },
		{ B("\xf3\x90"), EMUL_ICPT_PAUSE },
		{ B("\x0f\x01\xd9"), EMUL_ICPT_HYPERCALL },
		{ B("\xcd\x20"), EMUL_ICPT_INTN },
	};
	unsigned int i;
	bool ok = true;

	f.ops.intercept = on_intercept;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		fake_mode(&f, EMUL_LONG64, 0);
		c->rip = 0x100;
		asked = EMUL_ICPT_NONE;
		ok &= fake_run(&f, t[i].bytes, t[i].n) == EMUL_RETRY &&
		      asked == t[i].id && c->rip == 0x100;
	}
	tap(ok, "intercept points stop the instruction");
	fake_mode(&f, EMUL_LONG64, 3);
	asked = EMUL_ICPT_NONE;
	tap(fake_run(&f, "\xf4", 1) == EMUL_FAULT && !asked,
	    "privilege comes before the intercept");
	f.ops.intercept = NULL;
	f.ops.cpuid = NULL;
	fake_mode(&f, EMUL_LONG64, 0);
	tap(fake_run(&f, "\x0f\xa2", 2) == EMUL_UNHANDLED,
	    "a missing callback is unhandled");
}

static void test_debug_regs(void)
{
	fake_mode(&f, EMUL_LONG64, 0);
	f.dr[7] = 1 << 13;
	tap(fake_run(&f, "\x0f\x21\xc0", 3) == EMUL_FAULT &&
	    c->fault.vector == EMUL_DB && c->fault.addr == 1 << 13,
	    "DR7.GD is #DB with BD");
	f.dr[7] = 0;
	c->gpr[0] = 1ull << 32;
	tap(fake_run(&f, "\x0f\x23\xf8", 3) == EMUL_FAULT &&
	    c->fault.vector == EMUL_GP, "DR7 upper half");
	f.cr[4] |= 8;
	tap(fake_run(&f, "\x0f\x21\xe0", 3) == EMUL_FAULT &&
	    c->fault.vector == EMUL_UD, "DR4 with CR4.DE");
	f.cr[4] &= ~8ull;
	f.dr[6] = 0x1234;
	tap(fake_run(&f, "\x0f\x21\xe0", 3) == EMUL_OK && c->gpr[0] == 0x1234,
	    "DR4 is DR6");
}

int main(void)
{
	unsigned int i;

	fake_init(&f);
	fake_put(&f, 0x3000 + 102, "\xff\xff", 2);	/* no I/O bitmap */
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(&cases[i]);
	test_limits();
	test_alignment();
	test_locked();
	test_intercept();
	test_debug_regs();
	fake_free(&f);
	return tap_done();
}
