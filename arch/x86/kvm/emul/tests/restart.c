// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restart: random instructions, once undisturbed, once with user space asked
 * at each access in turn. Both must end alike, and in between nothing moves
 * (which fake_run() watches).
 */
#include <stdio.h>
#include <stdlib.h>

#include "fake.h"

#define SMALL	0x8000u

static void setup(struct fake *f, u64 seed)
{
	struct emul_ctx *c = &f->c;
	unsigned int i;

	rnd_seed(seed);
	f->size = SMALL;
	for (i = 0; i < SMALL; i += 8) {
		u64 v = i < 0x1000 || i >= 0x4000 ? rnd() : 0;

		memcpy(f->mem + i, &v, 8);
	}
	for (i = 1; i < 16; i++) {
		static const u16 attr[] = { 0xc9b, 0xc93, 0xcfb, 0xcf3 };
		u64 d = fake_desc(0, 0xfffff, attr[rnd() & 3]);

		fake_put(f, 0x1000 + 8 * i, &d, 8);
	}
	fake_mode(f, rnd() % 5, rnd() & 1 ? 3 : 0);
	for (i = 0; i < 6; i++)
		f->seg[i].base = 0;
	c->rflags |= rnd() & 0x3cd5;
	for (i = 0; i < 16; i++)
		c->gpr[i] = 0x4000 + (rnd() & 0x3fff);
	c->gpr[1] = rnd() & 15;
	if (!(rnd() & 3))
		c->gpr[0] = rnd_value();
	c->rip = 0x4000;
	memset(f->xmm, 0, sizeof(f->xmm));
	memset(f->mmx, 0, sizeof(f->mmx));
	memset(f->dr, 0, sizeof(f->dr));
	f->last_msr = 0;
	f->pio_value = 0;
	f->pio_sum = 0;
	f->msr_star = 0x0018000800004000ull;
	f->msr_lstar = 0x4000;
	f->msr_kgs = 0x5000;
	f->msr_se_cs = 8;
	f->msr_sfmask = 0;
	f->decline_chunks = true;
	f->served = 0;
	c->epoch = 0;
	f->epoch = 0;
	memset(f->top, 0, sizeof(f->top));
}

static void make_code(u8 *code)
{
	static const u8 prefix[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x48, 0x64 };
	unsigned int at = 0, i;

	for (i = 0; i < 15; i++)
		code[i] = rnd();
	while (!(rnd() % 3) && at < 4)
		code[at++] = prefix[rnd() % sizeof(prefix)];
	if (!(rnd() & 3))
		code[at++] = 0x0f;
}

int main(int argc, char **argv)
{
	unsigned int inputs = argc > 1 ? atoi(argv[1]) : 100000, i;
	unsigned int asked = 0, done = 0;
	enum emul_result ra, rb;
	struct fake a, b;
	u8 code[15];
	bool ok = true;

	fake_init(&a);
	fake_init(&b);
	b.ask = true;
	for (i = 0; i < inputs && ok; i++) {
		setup(&a, i);
		setup(&b, i);
		make_code(code);
		ra = fake_run(&a, code, sizeof(code));
		rb = fake_run(&b, code, sizeof(code));
		asked += b.served > 0;
		done += ra == EMUL_OK;
		ok = ra == rb && fake_same(&b, &a, "restarted");
		if (ra != rb)
			printf("# results %d and %d\n", ra, rb);
	}
	if (!ok)
		printf("# input %u: %02x %02x %02x %02x %02x\n", i - 1, code[0],
		       code[1], code[2], code[3], code[4]);
	tap(ok, "%u instructions, %u done, %u restarted: the same end", i,
	    done, asked);
	tap(asked > inputs / 20, "enough of them were restarted");
	fake_free(&a);
	fake_free(&b);
	return tap_done();
}
