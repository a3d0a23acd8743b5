// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing: random bytes as code, in every mode. What must hold: no access
 * outside the context (ASAN, UBSAN), bounded length, no change of state by a
 * pass that does not end in EMUL_OK, and the same decoding whether the bytes
 * are given or fetched. Entry point for libFuzzer; alone, with FUZZ_MAIN, a
 * deterministic driver: fuzz [inputs [seconds [files to replay]]], or
 * fuzz seeds DIR.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fake.h"

#define HEAD	12	/* mode, switches, memory tilt, spare, seed */

static struct fake fake;
static bool ready;
static unsigned long results[5];

/* Descriptors of every kind, some of them good */
static void fill_tables(struct fake *f)
{
	static const u16 attr[] = {
		0xc9b, 0xc93, 0xa9b, 0x89, 0x82, 0x8c, 0x85, 0xcfb, 0xcf3,
		0xafb, 0x8e, 0xee, 0xc9f, 0xc97, 0x13,
	};
	unsigned int i;
	u64 d;

	for (i = 1; i < 16; i++) {
		d = fake_desc(0, 0xfffff, attr[i - 1]);
		fake_put(f, 0x1000 + 8 * i, &d, 8);
	}
	for (i = 0; i < 512; i++) {
		d = (rnd() & 0xffff) | (rnd() & 0x78) << 16 |
		    (u64)(0x8e00 | (rnd() & 0x7f00)) << 32;
		fake_put(f, 0x2000 + 8 * i, &d, 8);
	}
}

static u64 interesting_value(void)
{
	switch (rnd() & 7) {
	case 0:
		return rnd();
	case 1:
		return rnd_value();
	case 2:
		return 0xfffffff0 + (rnd() & 31);
	case 3:
		return 0x7ffffffffff0ull + (rnd() & 31);
	case 4:
		return rnd() & 0x7f;
	default:
		return rnd() & (FAKE_MEM - 1);
	}
}

static void setup(struct fake *f, const u8 *head)
{
	unsigned int i;
	u64 seed;

	memcpy(&seed, head + 4, 8);
	rnd_seed(seed);
	fake_mode(f, head[0] % 5, head[1] & 3);
	f->ask = head[1] & 4;
	f->decline_chunks = head[1] & 8;
	f->cmpxchg_fails = (head[1] & 0x70) == 0x10;
	f->features = head[1] & 0x80 ? ~0ull : ~(1ull << EMUL_F_AMD);
	if (head[2] & 1)
		f->features &= rnd();
	if (head[2] & 2)
		f->c.rflags ^= rnd() & 0x3f7fd7 & ~0x20000;
	if (head[2] & 4)
		f->cr[0] ^= rnd() & 0x5000e;
	if (head[2] & 8)
		f->cr[4] ^= rnd() & 0x3fffff;
	if (head[2] & 16)
		f->c.lma = f->c.mode >= EMUL_PROT16;
	if (head[2] & 32)
		f->c.va_bits = 57;
	if ((head[2] & 0xc0) == 0x40)
		for (i = 0; i < 6; i++) {
			f->seg[i].limit = rnd() & 0xfffff;
			f->seg[i].attr ^= rnd() & 0x1fff;
			f->seg[i].base = (u32)rnd();
		}
	for (i = 0; i < 16; i++)
		f->c.gpr[i] = interesting_value();
	f->c.rip = rnd() % (FAKE_MEM - 16);
	if (f->c.mode <= EMUL_VM86)
		f->c.rip &= 0xffff;
	f->ro_page = rnd() & 1 ? ~0ull : rnd() & 255;
	if (!(rnd() & 63))
		fill_tables(f);
}

static void fail(const char *what)
{
	printf("# fuzz: %s\n", what);
	abort();
}

/* Passes until the instruction is over, a few at most */
static enum emul_result passes(struct fake *f)
{
	struct emul_ctx *c = &f->c, before;
	enum emul_result r = EMUL_USER;
	unsigned int i;

	f->served = 0;
	f->epoch = c->epoch;
	for (i = 0; i < 12 && r == EMUL_USER; i++) {
		f->at = 0;
		before = *c;
		r = emul_exec(c);
		if (r == EMUL_OK || before.epoch != c->epoch)
			continue;
		if (memcmp(before.gpr, c->gpr, sizeof(c->gpr)) ||
		    before.rip != c->rip || before.rflags != c->rflags ||
		    before.mode != c->mode || before.cpl != c->cpl)
			fail("state changed by a pass that did not succeed");
		if (before.insn_len != c->insn_len || before.ea != c->ea)
			fail("decoded state changed");
	}
	return r;
}

static void check_decode(struct fake *f, enum emul_result given,
			 enum emul_result fetched, unsigned int len,
			 unsigned int vector)
{
	if (given != fetched)
		fail("decoding differs when fetched");
	if (given == EMUL_OK && len != f->c.insn_len)
		fail("length differs when fetched");
	if (given == EMUL_FAULT && vector != f->c.fault.vector)
		fail("fault differs when fetched");
}

static void one(struct fake *f, const u8 *code, unsigned int n)
{
	struct emul_ctx *c = &f->c;
	enum emul_result given, r;
	unsigned int len, vector, part;
	const struct emul_seg *cs = &f->seg[EMUL_CS];
	u64 la = c->rip + (c->mode == EMUL_LONG64 ? 0 : cs->base);
	u8 insn[15];

	memset(insn, 0x90, sizeof(insn));
	memcpy(insn, code, n < 15 ? n : 15);
	given = emul_decode(c, insn, 15);
	len = c->insn_len;
	vector = c->fault.vector;
	if (len > 15 || c->fetched > 15)
		fail("length beyond 15");

	/* once more, fetching all or a part of it */
	if (la + 16 <= f->size && (c->mode == EMUL_LONG64 ||
				   c->rip + 16 <= cs->limit)) {
		fake_put(f, la, insn, 15);
		part = rnd() % 16;
		r = emul_decode(c, insn, part);
		check_decode(f, given, r, len, vector);
	}
	r = given == EMUL_OK ? passes(f) : given;
	if (r > EMUL_UNHANDLED)
		fail("no such result");
	results[r]++;
	if (given == EMUL_OK && !(rnd() & 15)) {
		f->ask = false;
		r = emul_interrupt(c, rnd(), rnd() % 3);
		if (r > EMUL_UNHANDLED)
			fail("no such result of an interrupt");
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (!ready) {
		fake_init(&fake);
		fill_tables(&fake);
		ready = true;
	}
	if (size <= HEAD)
		return 0;
	setup(&fake, data);
	one(&fake, data + HEAD, size - HEAD);
	return 0;
}

#ifdef FUZZ_MAIN
/* Bytes that are more often meaningful than noise would be */
static void make_input(u8 *buf, u64 i)
{
	static const u8 prefix[] = {
		0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x64, 0x48, 0x41, 0x4f,
		0xc4, 0xc5,
	};
	unsigned int at = HEAD, k;

	rnd_seed(i);
	for (k = 0; k < HEAD + 15; k++)
		buf[k] = rnd();
	while (!(rnd() & 1) && at < HEAD + 13)
		buf[at++] = prefix[rnd() % sizeof(prefix)];
	if (!(rnd() % 3))
		buf[at++] = 0x0f;
}

/* Prefixes, maps, opcodes and ModRM bytes, one of each */
static unsigned int sweep_input(u8 *buf, unsigned int i)
{
	static const u8 prefix[] = { 0x90, 0x66, 0xf2, 0xf3, 0x48, 0xf0, 0x67 };
	static const u8 modrm[] = {
		0x00, 0x0c, 0x15, 0x1e, 0x63, 0xac, 0x35, 0x3d, 0xc1, 0xca,
		0xd3, 0xdc, 0xe5, 0xee, 0xf7, 0xf8,
	};
	static const u8 escapes[4][2] = {
		{ 0, 0 }, { 0x0f, 0 }, { 0x0f, 0x38 }, { 0x0f, 0x3a },
	};
	unsigned int at = HEAD, map, k;

	rnd_seed(i);
	for (k = 0; k < HEAD + 15; k++)
		buf[k] = rnd();
	buf[0] = i % 5;
	i /= 5;
	buf[at] = prefix[i % sizeof(prefix)];
	at += buf[at] != 0x90;
	i /= sizeof(prefix);
	map = i & 3;
	for (k = 0; k < 2 && escapes[map][k]; k++)
		buf[at++] = escapes[map][k];
	i >>= 2;
	buf[at++] = i;
	buf[at++] = modrm[i >> 8 & 15];
	return HEAD + 15;
}

#define SWEEP	(5 * 7 * 4 * 256 * 16)

/* An input from a file, as libFuzzer leaves them; true when it could be read */
static bool replay(const char *name)
{
	static u8 buf[4096];
	FILE *f = fopen(name, "rb");
	size_t n;

	if (!f)
		return false;
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	LLVMFuzzerTestOneInput(buf, n);
	return true;
}

/* One input for every opcode, for libFuzzer to begin with */
static int write_seeds(const char *dir)
{
	char name[256];
	u8 buf[HEAD + 15];
	unsigned int i, n;
	FILE *f;

	for (i = 0; i < SWEEP / 16; i += 7) {
		n = sweep_input(buf, i);
		snprintf(name, sizeof(name), "%s/seed-%u", dir, i);
		f = fopen(name, "wb");
		if (!f || fwrite(buf, 1, n, f) != n || fclose(f))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	u64 inputs = argc > 1 ? strtoull(argv[1], NULL, 0) : 2000000, i;
	time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 20);
	unsigned int n;
	u8 buf[HEAD + 15];
	int arg;

	if (argc > 2 && !strcmp(argv[1], "seeds"))
		return write_seeds(argv[2]);
	for (arg = 3; arg < argc; arg++)
		if (!replay(argv[arg]))
			tap(false, "fuzz: cannot read %s", argv[arg]);
	for (i = 0; i < SWEEP; i++) {
		n = sweep_input(buf, i);
		LLVMFuzzerTestOneInput(buf, n);
	}
	tap(true, "fuzz: every opcode, %u inputs, %d files", SWEEP,
	    argc > 3 ? argc - 3 : 0);
	memset(results, 0, sizeof(results));
	for (i = 0; i < inputs; i++) {
		make_input(buf, i);
		LLVMFuzzerTestOneInput(buf, sizeof(buf));
		if (!(i & 1023) && time(NULL) >= end)
			break;
	}
	printf("# results: ok %lu fault %lu user %lu retry %lu unhandled %lu\n",
	       results[0], results[1], results[2], results[3], results[4]);
	tap(results[EMUL_OK] > i / 10 && results[EMUL_FAULT] > i / 50,
	    "fuzz: %llu inputs", (unsigned long long)i);
	fake_free(&fake);
	return tap_done();
}
#endif
