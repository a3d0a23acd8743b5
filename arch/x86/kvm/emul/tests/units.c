// SPDX-License-Identifier: GPL-2.0-only
/*
 * What belongs to the other units: x87, MMX and SSE state, masked moves, and the
 * VEX-coded integer instructions that this CPU may not have.
 */
#include <stdio.h>

#include "fake.h"

#define RUN(f, bytes) fake_run(f, bytes, sizeof(bytes) - 1)

enum { AX, CX, DX, BX, SP, BP, SI, DI };

static struct fake f;
static struct emul_ctx * const c = &f.c;

static void start(enum emul_mode mode)
{
	unsigned int i;

	fake_mode(&f, mode, 0);
	memset(c->gpr, 0, sizeof(c->gpr));
	c->rip = 0x8000;
	c->gpr[SP] = 0x9000;
	c->gpr[BX] = 0xa000;
	f.features = ~(1ull << EMUL_F_AMD);
	f.fsw = 0;
	f.ask = false;
	f.x87_runs = f.x87_peeks = 0;
	for (i = 0; i < 16; i++)
		f.x87_data[i] = 0x10 + i;
	for (i = 0; i < 16 * 32; i++)
		f.xmm[i / 32][i % 32] = i;
	for (i = 0; i < 64; i++)
		fake_put(&f, 0xa000 + i, "\xee", 1);
}

static bool raised(enum emul_result r, u8 vector)
{
	if (r == EMUL_FAULT && c->fault.vector == vector)
		return true;
	printf("# result %d vector %u\n", r, c->fault.vector);
	return false;
}

/* Every memory form of the eight opcodes: what it moves, and where to */
static void test_x87_forms(void)
{
	static const char *forms[8] = {
		"4444 4444", "4-44 E2E2", "4444 4444", "4444 -t-t",
		"8888 8888", "8888 E-E2", "2222 2222", "2222 t8t8",
	};
	unsigned int op, reg, len, bad = 0;
	u8 code[2];

	for (op = 0; op < 8; op++) {
		for (reg = 0; reg < 8; reg++) {
			char form = forms[op][reg + (reg > 3)];
			bool st = (op == 1 && reg != 0 && reg != 5) ||
				  (op & 1 && op > 1 && reg > 0 && reg < 4) ||
				  (op == 3 && reg == 7) ||
				  (op == 5 && reg == 7) ||
				  (op == 7 && (reg == 6 || reg == 7));
			enum emul_result r;

			start(EMUL_LONG64);
			code[0] = 0xd8 + op;
			code[1] = 3 | reg << 3;
			r = fake_run(&f, code, 2);
			len = form == 't' ? 10 : form - '0';
			if (form == '-')
				bad += !raised(r, EMUL_UD);
			else if (form == 'E')
				bad += r != EMUL_UNHANDLED;
			else if (r != EMUL_OK || f.x87_runs != 1)
				bad++;
			else if (st)
				bad += fake_get(&f, 0xa000, 2) != 0x1110 ||
				       fake_get(&f, 0xa000 + len - 1, 2) !=
				       (0xee00u | (0x10 + len - 1)) ||
				       f.x87_peeks != 1;
			else
				bad += f.x87_data[0] != 0xee ||
				       f.x87_data[len - 1] != 0xee ||
				       f.x87_data[len] != 0x10 + len;
		}
	}
	tap(!bad, "x87: the forms of d8 to df with memory, %u wrong", bad);
}

static void test_x87(void)
{
	start(EMUL_PROT32);
	f.fsw = 0x80;
	tap(raised(RUN(&f, "\xd9\x03"), EMUL_MF) && !f.x87_runs,
	    "a pending exception comes with the next load");
	tap(raised(RUN(&f, "\x9b"), EMUL_MF), "and with fwait");
	tap(raised(RUN(&f, "\x0f\x6f\x03"), EMUL_MF), "and with MMX");
	tap(RUN(&f, "\xdd\x3b") == EMUL_OK && RUN(&f, "\xdf\xe0") == EMUL_OK &&
	    c->gpr[AX] == 0x80, "not with fnstsw");
	tap(RUN(&f, "\xdb\xe2") == EMUL_OK && RUN(&f, "\x9b") == EMUL_OK,
	    "fnclex");
	f.cr[0] |= 4;
	tap(raised(RUN(&f, "\xd9\x03"), EMUL_NM) && RUN(&f, "\x9b") == EMUL_OK,
	    "EM: #NM, but not for fwait");
	f.cr[0] ^= 0xc;
	tap(raised(RUN(&f, "\xdb\xe3"), EMUL_NM) && RUN(&f, "\x9b") == EMUL_OK,
	    "TS: #NM");
	f.cr[0] |= 2;
	tap(raised(RUN(&f, "\x9b"), EMUL_NM), "TS and MP: fwait too");

	start(EMUL_PROT32);
	f.ro_page = 0xa;
	tap(raised(RUN(&f, "\xdd\x1b"), EMUL_PF) && !f.x87_runs,
	    "fstp that faults has not popped");
	f.ro_page = ~0ull;
	f.ask = true;
	tap(RUN(&f, "\xdb\x3b") == EMUL_OK && f.x87_runs == 1 &&
	    fake_get(&f, 0xa008, 2) == 0x1918, "fstp that asks pops once");
	f.ask = false;
}

static void test_fx(void)
{
	unsigned int i;

	start(EMUL_LONG64);
	for (i = 0; i < 512; i++)
		f.fx[i] = i ^ 0x5a;
	memcpy(f.fx + 24, "\x80\x1f\0\0\xff\xff\0\0", 8);
	tap(RUN(&f, "\x0f\xae\x03") == EMUL_OK &&
	    fake_get(&f, 0xa000 + 415, 1) == ((415 ^ 0x5a) & 0xff) &&
	    fake_get(&f, 0xa000 + 416, 1) != ((416 ^ 0x5a) & 0xff),
	    "fxsave: up to XMM15");
	memset(f.fx, 0, 24);
	tap(RUN(&f, "\x0f\xae\x0b") == EMUL_OK && f.fx[1] == 0x5b,
	    "fxrstor");
	c->gpr[BX]++;
	tap(raised(RUN(&f, "\x0f\xae\x03"), EMUL_GP), "fxsave misaligned");
	c->gpr[BX]--;
	fake_put(&f, 0xa018, "\x80\x1f\x01\0", 4);
	tap(raised(RUN(&f, "\x0f\xae\x0b"), EMUL_GP), "fxrstor of a bad MXCSR");
	tap(raised(RUN(&f, "\x0f\xae\x53\x18"), EMUL_GP), "so ldmxcsr");
	fake_put(&f, 0xa018, "\xa0\x1f\0\0", 4);
	tap(RUN(&f, "\x0f\xae\x53\x18") == EMUL_OK && f.fx[24] == 0xa0 &&
	    RUN(&f, "\x0f\xae\x1b") == EMUL_OK &&
	    fake_get(&f, 0xa000, 4) == 0x1fa0, "ldmxcsr, stmxcsr");
	start(EMUL_PROT32);
	fake_put(&f, 0xa000 + 288, "\x77", 1);
	tap(RUN(&f, "\x0f\xae\x03") == EMUL_OK &&
	    fake_get(&f, 0xa000 + 288, 1) == 0x77, "32-bit fxsave: 8 of them");
	fake_put(&f, 0xa018, "\x80\x1f\0\0", 4);
	f.fx[300] = 0x99;
	tap(RUN(&f, "\x0f\xae\x0b") == EMUL_OK && f.fx[300] == 0x99,
	    "32-bit fxrstor leaves the others");
	f.cr[0] |= 8;
	tap(raised(RUN(&f, "\x0f\xae\x03"), EMUL_NM), "fxsave with TS");
}

static void test_moves(void)
{
	start(EMUL_LONG64);
	tap(RUN(&f, "\xc5\xfa\x10\x0b") == EMUL_OK && f.xmm[1][3] == 0xee &&
	    !f.xmm[1][4] && !f.xmm[1][31], "vmovss clears the rest");
	start(EMUL_LONG64);
	tap(RUN(&f, "\xc5\xe3\x10\xca") == EMUL_OK && f.xmm[1][0] == 0x40 &&
	    f.xmm[1][8] == 0x68 && !f.xmm[1][16],
	    "vmovsd xmm1,xmm3,xmm2 takes three");
	tap(raised(RUN(&f, "\xc5\xe2\x10\x0b"), EMUL_UD),
	    "vmovss from memory has no third");
	start(EMUL_LONG64);
	tap(RUN(&f, "\xc5\xe0\x16\x0b") == EMUL_OK && f.xmm[1][0] == 0x60 &&
	    f.xmm[1][8] == 0xee && !f.xmm[1][16], "vmovhps");

	start(EMUL_LONG64);
	memset(f.xmm[3], 0, 32);
	f.xmm[3][3] = f.xmm[3][15] = 0x80;
	tap(RUN(&f, "\xc4\xe2\x61\x2e\x13") == EMUL_OK &&
	    fake_get(&f, 0xa000, 4) == 0x43424140 &&
	    fake_get(&f, 0xa004, 4) == 0xeeeeeeee &&
	    fake_get(&f, 0xa00c, 4) == 0x4f4e4d4c, "vmaskmovps store");
	c->gpr[BX] = FAKE_MEM - 4;
	tap(raised(RUN(&f, "\xc4\xe2\x61\x2c\x13"), EMUL_PF),
	    "vmaskmovps load, the last one beyond memory");
	f.xmm[3][15] = 0;
	tap(RUN(&f, "\xc4\xe2\x61\x2c\x13") == EMUL_OK && !f.xmm[2][4],
	    "masked out: no fault");
	start(EMUL_LONG64);
	memset(f.xmm[3], 0, 32);
	f.xmm[3][31] = 0x80;
	c->gpr[BX] = 0xa000;
	tap(RUN(&f, "\xc4\xe2\xe5\x8c\x13") == EMUL_OK && !f.xmm[2][23] &&
	    f.xmm[2][24] == 0xee, "vpmaskmovq, 256 bits");
	f.features &= ~(1ull << EMUL_F_AVX2);
	tap(raised(RUN(&f, "\xc4\xe2\xe5\x8c\x13"), EMUL_UD), "not without AVX2");

	start(EMUL_PROT32);
	memset(f.xmm[3], 0, 32);
	f.xmm[3][15] = 0x80;
	tap(RUN(&f, "\xc4\xe2\xe1\x8c\x13") == EMUL_OK && !f.xmm[2][7] &&
	    f.xmm[2][8] == 0xee && f.xmm[2][15] == 0xee,
	    "vpmaskmovq outside 64-bit mode");
	tap(RUN(&f, "\xc4\xe1\x20\x16\x0b") == EMUL_OK && !f.xmm[1][0] &&
	    f.xmm[1][8] == 0xee, "and the top bit of vvvv is ignored there");

	start(EMUL_LONG64);
	memset(f.xmm[3], 0, 32);
	f.xmm[3][1] = f.xmm[3][9] = 0xff;
	c->gpr[DI] = 0xa000;
	tap(RUN(&f, "\x66\x0f\xf7\xd3") == EMUL_OK &&
	    fake_get(&f, 0xa000, 2) == 0x41ee &&
	    fake_get(&f, 0xa009, 2) == 0xee49, "maskmovdqu");
	c->gpr[BX] = 0xa008;
	tap(raised(RUN(&f, "\x0f\x28\x0b"), EMUL_GP) &&
	    raised(RUN(&f, "\x66\x0f\xe7\x0b"), EMUL_GP) &&
	    RUN(&f, "\x0f\x10\x0b") == EMUL_OK, "movaps, movntdq want alignment");
	f.cr[4] &= ~0x200ull;
	tap(raised(RUN(&f, "\x0f\x10\x0b"), EMUL_UD), "no CR4.OSFXSR: #UD");
	f.cr[4] |= 0x200;
	f.cr[4] &= ~0x40000ull;
	tap(raised(RUN(&f, "\xc5\xf8\x10\x0b"), EMUL_UD), "no OSXSAVE: no VEX");
	tap(RUN(&f, "\xc4\xe2\x78\xf3\xcb") == EMUL_OK,
	    "but for integer instructions");
}

/* bytes, then what RAX and CF are after it; RBX = b, RCX = a, RDX = d */
static const struct bmi_case {
	const char *what, *bytes;
	u64 b, a, d, rax;
	bool cf;
} bmi[] = {
	{ "andn eax,ecx,ebx", "\xc4\xe2\x70\xf2\xc3", 0xff0f, 0xf0, 0, 0xff0f,
	  false },
	{ "andn 64", "\xc4\xe2\xf0\xf2\xc3", ~0ull, 0xff, 0, ~0xffull, false },
	{ "blsr eax,ebx", "\xc4\xe2\x78\xf3\xcb", 0x58, 0, 0, 0x50, false },
	{ "blsr of 0", "\xc4\xe2\x78\xf3\xcb", 0, 0, 0, 0, true },
	{ "blsmsk", "\xc4\xe2\x78\xf3\xd3", 0x58, 0, 0, 0xf, false },
	{ "blsi", "\xc4\xe2\x78\xf3\xdb", 0x58, 0, 0, 8, true },
	{ "bextr eax,ebx,ecx", "\xc4\xe2\x70\xf7\xc3", 0x12345678, 0x0c08, 0,
	  0x456, false },
	{ "bextr of much", "\xc4\xe2\xf0\xf7\xc3", ~0ull, 0xff04, 0,
	  ~0ull >> 4, false },
	{ "bzhi", "\xc4\xe2\x70\xf5\xc3", 0xffff, 5, 0, 0x1f, false },
	{ "bzhi, too far", "\xc4\xe2\x70\xf5\xc3", 0xffff, 32, 0, 0xffff, true },
	{ "pdep eax,ecx,ebx", "\xc4\xe2\x73\xf5\xc3", 0xf0f0, 0x2d, 0, 0x20d0,
	  false },
	{ "pext eax,ecx,ebx", "\xc4\xe2\x72\xf5\xc3", 0xf0f0, 0x20d0, 0, 0x2d,
	  false },
	{ "mulx eax,ecx,ebx", "\xc4\xe2\x73\xf6\xc3", 0x80000000, 0, 6, 3,
	  false },
	{ "rorx eax,ebx,8", "\xc4\xe3\x7b\xf0\xc3\x08", 0x12345678, 0, 0,
	  0x78123456, false },
	{ "sarx eax,ebx,ecx", "\xc4\xe2\x72\xf7\xc3", 0x80000000, 0x24, 0,
	  0xf8000000, false },
	{ "shlx", "\xc4\xe2\x71\xf7\xc3", 0x81, 4, 0, 0x810, false },
	{ "shrx 64", "\xc4\xe2\xf3\xf7\xc3", 1ull << 63, 63, 0, 1, false },
};

static void test_bmi(void)
{
	unsigned int i, len;

	for (i = 0; i < sizeof(bmi) / sizeof(bmi[0]); i++) {
		start(EMUL_LONG64);
		c->gpr[BX] = bmi[i].b;
		c->gpr[CX] = bmi[i].a;
		c->gpr[DX] = bmi[i].d;
		len = (bmi[i].bytes[1] & 0x1f) == 3 ? 6 : 5;
		tap(fake_run(&f, bmi[i].bytes, len) == EMUL_OK &&
		    c->gpr[AX] == bmi[i].rax &&
		    (c->rflags & 1) == bmi[i].cf && c->insn_len == len,
		    "bmi: %s: %llx", bmi[i].what,
		    (unsigned long long)c->gpr[AX]);
	}
	start(EMUL_LONG64);
	tap(raised(RUN(&f, "\xc4\xe2\x74\xf2\xc3"), EMUL_UD), "VEX.L: #UD");
	f.features &= ~(1ull << EMUL_F_BMI1);
	tap(raised(RUN(&f, "\xc4\xe2\x70\xf2\xc3"), EMUL_UD), "no BMI1: #UD");
	start(EMUL_LONG64);
	c->gpr[BX] = ~0ull;
	c->rflags |= 0x801;
	tap(RUN(&f, "\x66\x0f\x38\xf6\xc3") == EMUL_OK && !(u32)c->gpr[AX] &&
	    (c->rflags & 0x8d5) == 0x801, "adcx");
	c->rflags &= ~0x800ull;
	c->gpr[AX] = 5;
	tap(RUN(&f, "\xf3\x48\x0f\x38\xf6\xc3") == EMUL_OK &&
	    c->gpr[AX] == 4 && (c->rflags & 0x8d5) == 0x801, "adox");
}

int main(void)
{
	fake_init(&f);
	test_x87_forms();
	test_x87();
	test_fx();
	test_moves();
	test_bmi();
	fake_free(&f);
	return tap_done();
}
