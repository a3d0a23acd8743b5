// SPDX-License-Identifier: GPL-2.0-only
/* Lengths, and what is undefined, mode by mode. */
#include <stdio.h>

#include "fake.h"

struct len_case {
	const char *bytes;
	u8 n;		/* of bytes given */
	u8 len[5];	/* by mode; 0: #UD, 99: unhandled */
};

#define L(s, ...) { s, sizeof(s) - 1, { __VA_ARGS__ } }
#define ALLM(n) n, n, n, n, n

static const struct len_case lens[] = {
	/* real, vm86, prot16, prot32, long64 */
	L("\x90", ALLM(1)), L("\xc3", ALLM(1)),
	L("\x89\x07", ALLM(2)), L("\x89\x47\x10", ALLM(3)),
	L("\x89\x87\x00\x10\x00\x00", 4, 4, 4, 6, 6),
	L("\x89\x06\x00\x10", 4, 4, 4, 2, 2),
	L("\x89\x05\x00\x10\x00\x00", 2, 2, 2, 6, 6),
	L("\x89\x04\x24", 2, 2, 2, 3, 3),
	L("\x89\x04\x25\0\0\0\0", 2, 2, 2, 7, 7),
	L("\x89\x44\x8b\x7f", 3, 3, 3, 4, 4),
	L("\x67\x89\x44\x8b\x7f", 5, 5, 5, 4, 5),
	L("\xb8\1\2\3\4", 3, 3, 3, 5, 5),
	L("\x66\xb8\1\2\3\4", 6, 6, 6, 4, 4),
	L("\x48\xb8\1\2\3\4\5\6\7\x08", 1, 1, 1, 1, 10),
	L("\xb0\1", ALLM(2)), L("\x05\1\2\3\4", 3, 3, 3, 5, 5),
	L("\x81\xc0\1\2\3\4", 4, 4, 4, 6, 6),
	L("\x83\xc0\1", ALLM(3)), L("\x82\xc0\1", 3, 3, 3, 3, 0),
	L("\x69\xc0\1\2\3\4", 4, 4, 4, 6, 6), L("\x6b\xc0\1", ALLM(3)),
	L("\xf7\xc0\1\2\3\4", 4, 4, 4, 6, 6), L("\xf7\xd0", ALLM(2)),
	L("\xf6\xc0\1", ALLM(3)), L("\xf6\xd0", ALLM(2)),
	L("\xa0\1\2\3\4\5\6\7\x08", 3, 3, 3, 5, 9),
	L("\x67\xa0\1\2\3\4", 6, 6, 6, 4, 6),
	L("\xe8\1\2\3\4", 3, 3, 3, 5, 5), L("\xeb\1", ALLM(2)),
	L("\x66\xe8\1\2\3\4", 6, 6, 6, 4, 6),
	L("\xea\1\2\3\4\5\6", 5, 5, 5, 7, 0),
	L("\x9a\1\2\3\4\5\6", 5, 5, 5, 7, 0),
	L("\xc8\1\2\3", ALLM(4)), L("\xc2\1\2", ALLM(3)),
	L("\xcd\x10", ALLM(2)), L("\xce", 1, 1, 1, 1, 0),
	L("\x06", 1, 1, 1, 1, 0), L("\x27", 1, 1, 1, 1, 0),
	L("\xd4\x0a", 2, 2, 2, 2, 0), L("\x60", 1, 1, 1, 1, 0),
	L("\x62\x07", 2, 2, 2, 2, 99), L("\x63\xc1", 0, 0, 2, 2, 2),
	L("\xc4\x07", 2, 2, 2, 2, 0), L("\xc5\x07", 2, 2, 2, 2, 99),
	L("\xc5\xfa\x6f\x07", 0, 0, 4, 4, 4),
	L("\xc4\xe1\x7a\x6f\x07", 0, 0, 5, 5, 5),
	L("\x0f\x84\1\2\3\4", 4, 4, 4, 6, 6), L("\x70\1", ALLM(2)),
	L("\x0f\xa2", ALLM(2)), L("\x0f\x0b", ALLM(0)), L("\x0f\xff\xc0", ALLM(0)),
	L("\x0f\xb9\xc0", ALLM(0)), L("\x0f\xba\xe0\1", ALLM(4)),
	L("\x0f\xba\xc0\1", ALLM(0)), L("\x0f\xa4\xc1\5", ALLM(4)),
	L("\x0f\x1f\x44\0\0", 4, 4, 4, 5, 5), L("\xf3\x0f\x1e\xfa", ALLM(4)),
	L("\x0f\x20\xc0", ALLM(3)), L("\x0f\x20\x00", ALLM(3)),
	L("\x0f\x20\xc8", ALLM(0)), L("\x0f\x22\xd8", ALLM(3)),
	L("\x0f\x01\x17", ALLM(3)), L("\x0f\x01\xd0", ALLM(3)),
	L("\x0f\x01\xf8", 0, 0, 0, 0, 3), L("\x0f\x00\xd8", 0, 0, 3, 3, 3),
	L("\x0f\x02\xc1", 0, 0, 3, 3, 3), L("\x0f\xc7\x0f", ALLM(3)),
	L("\x0f\xc7\xc8", ALLM(0)), L("\x8d\xc0", ALLM(0)),
	L("\x8d\x07", ALLM(2)), L("\x8e\xc8", ALLM(0)), L("\x8e\xd8", ALLM(2)),
	L("\x8e\xf0", ALLM(0)), L("\x8c\xf0", ALLM(0)), L("\x8c\xc8", ALLM(2)),
	L("\xff\xf8", ALLM(0)), L("\xff\x3f", ALLM(0)), L("\xff\x37", ALLM(2)),
	L("\xff\xd8", ALLM(0)), L("\xff\x1f", ALLM(2)), L("\xfe\xd0", ALLM(0)),
	L("\xc6\x07\1", ALLM(3)), L("\xc7\x07\1\2\3\4", 4, 4, 4, 6, 6),
	L("\xc6\x0f\1", ALLM(0)),
	L("\x0f\xc3\x07", ALLM(3)), L("\x0f\xc3\xc0", ALLM(0)),
	L("\x0f\x38\xf0\x07", ALLM(4)), L("\x0f\x38\xf0\xc0", ALLM(0)),
	L("\xf2\x0f\x38\xf0\xc0", ALLM(5)), L("\x0f\x6f\x07", ALLM(3)),
	L("\x66\x0f\x7f\x07", ALLM(4)), L("\x66\x0f\xe7\xc0", ALLM(0)),
	L("\x0f\x58\xc1", ALLM(3)), L("\x0f\xc6\xc1\1", ALLM(4)),
	L("\xd9\xc0", ALLM(2)), L("\xdb\xe3", ALLM(2)), L("\xdf\xe0", ALLM(2)),
	L("\x0f\xae\x3f", ALLM(3)), L("\x0f\xae\xf8", ALLM(3)),
	L("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90",
	  ALLM(15)),
	/* LOCK: only with a memory destination that is read and written */
	L("\xf0\x01\x07", ALLM(3)), L("\xf0\x01\xc7", ALLM(0)),
	L("\xf0\x03\x07", ALLM(0)), L("\xf0\x89\x07", ALLM(0)),
	L("\xf0\x39\x07", ALLM(0)), L("\xf0\x87\x07", ALLM(3)),
	L("\xf0\x91", ALLM(0)), L("\xf0\xff\x07", ALLM(3)),
	L("\xf0\xff\x37", ALLM(0)), L("\xf0\xf7\x17", ALLM(3)),
	L("\xf0\xf7\x27", ALLM(0)), L("\xf0\xf7\x07\1\2\3\4", ALLM(0)),
	L("\xf0\x0f\xab\x07", ALLM(4)), L("\xf0\x0f\xa3\x07", ALLM(0)),
	L("\xf0\x0f\xba\x2f\1", ALLM(5)), L("\xf0\x0f\xba\x27\1", ALLM(0)),
	L("\xf0\x0f\xb1\x07", ALLM(4)), L("\xf0\x0f\xb1\xc0", ALLM(0)),
	L("\xf0\x0f\xc7\x0f", ALLM(4)), L("\xf0\x0f\xc1\x07", ALLM(4)),
	L("\xf0\xa4", ALLM(0)), L("\xf0\xd1\x07", ALLM(0)), L("\xf0\x90", ALLM(0)),
	L("\xf0\x83\x3f\1", ALLM(0)), L("\xf0\x83\x07\1", ALLM(4)),
	L("\xf0\x0f\x20\xc0", ALLM(0)), L("\xf0\x0f\x01\x17", ALLM(0)),
};

static const char * const mode_name[] = {
	"real", "vm86", "prot16", "prot32", "long64",
};

static bool check_len(struct fake *f, const struct len_case *l, unsigned int m)
{
	u8 buf[15], want = l->len[m];
	enum emul_result r;
	unsigned int i;
	bool ok;

	memset(buf, 0, sizeof(buf));
	memcpy(buf, l->bytes, l->n);
	fake_mode(f, m, 0);
	r = emul_decode(&f->c, buf, sizeof(buf));
	if (want == 0)
		ok = r == EMUL_FAULT && f->c.fault.vector == EMUL_UD;
	else if (want == 99)
		ok = r == EMUL_UNHANDLED ||
		     (r == EMUL_OK && emul_exec(&f->c) == EMUL_UNHANDLED);
	else
		ok = r == EMUL_OK && f->c.insn_len == want;
	if (ok)
		return true;
	printf("# %s: want %u, result %d length %u:", mode_name[m], want, r,
	       f->c.insn_len);
	for (i = 0; i < l->n; i++)
		printf(" %02x", buf[i]);
	printf("\n");
	return false;
}

static void test_too_long(struct fake *f)
{
	u8 buf[16];

	memset(buf, 0x66, sizeof(buf));
	fake_mode(f, EMUL_LONG64, 0);
	tap(emul_decode(&f->c, buf, 15) == EMUL_FAULT &&
	    f->c.fault.vector == EMUL_GP && f->c.fault.has_error,
	    "16 bytes of instruction are #GP");
}

static void test_fetch(struct fake *f)
{
	static const u8 mov[] = { 0x89, 0x07 }, lng[] = { 0x48, 0xb8 };
	struct emul_ctx *c = &f->c;

	fake_mode(f, EMUL_LONG64, 0);
	c->rip = FAKE_MEM - 2;
	fake_put(f, c->rip, mov, 2);
	tap(emul_decode(c, NULL, 0) == EMUL_OK && c->fetched == 2,
	    "no fetch from the next page without need");
	fake_put(f, c->rip, lng, 2);
	tap(emul_decode(c, NULL, 0) == EMUL_FAULT &&
	    c->fault.vector == EMUL_PF && c->fault.addr == FAKE_MEM,
	    "fetch across the page faults at its start");

	fake_mode(f, EMUL_REAL, 0);
	c->rip = 0xfffe;
	fake_put(f, 0x1fffe, "\xb8", 1);
	tap(emul_decode(c, NULL, 0) == EMUL_FAULT && c->fault.vector == EMUL_GP
	    && !c->fault.has_error, "code beyond the limit of CS is #GP");
	c->rip = 0x7ffffffffffeull;
	fake_mode(f, EMUL_LONG64, 0);
	tap(emul_decode(c, lng, 2) == EMUL_FAULT && c->fault.vector == EMUL_GP,
	    "code at a non-canonical address is #GP");
}

int main(void)
{
	unsigned int i, m;
	struct fake f;
	bool ok;

	fake_init(&f);
	for (m = 0; m < 5; m++) {
		ok = true;
		for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			ok &= check_len(&f, &lens[i], m);
		tap(ok, "lengths and undefined forms: %s", mode_name[m]);
	}
	test_too_long(&f);
	test_fetch(&f);
	tap(sizeof(struct emul_ctx) <= 700, "context is %zu bytes",
	    sizeof(struct emul_ctx));
	fake_free(&f);
	return tap_done();
}
