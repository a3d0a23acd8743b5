// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest walk: every format, permissions, reserved bits, accessed and dirty
 * bits, and guests that change their tables meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mmu/gmem.h>

#include "../gwalk.h"
#include "tap.h"

#define P	BIT_ULL(0)
#define W	BIT_ULL(1)
#define U	BIT_ULL(2)
#define A	BIT_ULL(5)
#define D	BIT_ULL(6)
#define PS	BIT_ULL(7)
#define G	BIT_ULL(8)
#define NX	BIT_ULL(63)
#define ALL	(P | W | U | A | D)

#define RD	0
#define WR	GWALK_WRITE
#define US	GWALK_USER
#define FE	GWALK_FETCH

static u8 *gmem_at(struct gwalk_env *env, u64 gpa)
{
	int i;

	for (i = 0; i < GMEM_PAGES; i++)
		if (env->page[i].present && env->page[i].gpa == (gpa & ~4095ull))
			return env->page[i].data + (gpa & 4095);
	return NULL;
}

int gwalk_read(struct gwalk_env *env, unsigned int level, u64 gpa, u64 *entry, bool wide)
{
	u8 *p = gmem_at(env, gpa);

	env->reads++;
	if (env->fail_reads)
		return env->fail_reads;
	if (!p)
		return -EFAULT;
	*entry = 0;
	memcpy(entry, p, wide ? 8 : 4);
	return 0;
}

int gwalk_cmpxchg(struct gwalk_env *env, u64 gpa, u64 old, u64 new, bool wide)
{
	u8 *p = gmem_at(env, gpa);

	env->cmpxchgs++;
	env->last_cmpxchg = gpa;
	if (env->cmpxchg_failures) {
		env->cmpxchg_failures--;
		return env->fail_cmpxchg;
	}
	if (!p || memcmp(p, &old, wide ? 8 : 4))
		return -EAGAIN;
	memcpy(p, &new, wide ? 8 : 4);
	return 0;
}

int gwalk_pkru(struct gwalk_env *env, u32 *pkru)
{
	*pkru = env->pkru;
	return env->pkru_unknown ? -EAGAIN : 0;
}

bool gwalk_ac(struct gwalk_env *env)
{
	return env->ac;
}

/* A guest in some mode with one page mapped. */
struct guest {
	struct gwalk_config c;
	struct gwalk_mode m;
	struct gwalk_env env;
	u64 pdptrs[4];
	u64 gva;
	unsigned int leaf;		/* level of the leaf */
	u64 target;			/* what it maps */
	u64 slot[GWALK_MAX_LEVELS];	/* gpa of the entry at level - 1 */
};

enum mode { PLAIN32, PSE32, PAE, LONG4, LONG5 };
static const char *const mode_names[] = { "32-bit", "32-bit PSE", "PAE", "4-level", "5-level" };

static const struct gwalk_config base_config[] = {
	[PLAIN32] = { .paging = true, .maxphyaddr = 40, .pse36 = true },
	[PSE32] = { .paging = true, .pse = true, .pse36 = true, .maxphyaddr = 40 },
	[PAE] = { .paging = true, .pae = true, .nxe = true, .maxphyaddr = 40 },
	[LONG4] = { .paging = true, .pae = true, .long_mode = true, .nxe = true, .gbpages = true,
		    .maxphyaddr = 40 },
	[LONG5] = { .paging = true, .pae = true, .long_mode = true, .la57 = true, .nxe = true,
		    .gbpages = true, .maxphyaddr = 40 },
};

static void put_entry(struct guest *g, unsigned int level, u64 val)
{
	u8 *p = gmem_at(&g->env, g->slot[level - 1]);

	if (p)
		memcpy(p, &val, g->m.index_bits == 9 ? 8 : 4);
}

static u64 get_entry(struct guest *g, unsigned int level)
{
	u64 val = 0;

	memcpy(&val, gmem_at(&g->env, g->slot[level - 1]), g->m.index_bits == 9 ? 8 : 4);
	return val;
}

static u64 table_gpa(unsigned int level)
{
	return 0x10000 + level * 0x3000;
}

/* Maps @gva at @leaf's size with ALL allowed, to @target. */
static void build(struct guest *g, const struct gwalk_config *c, u64 gva, unsigned int leaf,
		  u64 target)
{
	unsigned int level, top;

	memset(g, 0, sizeof(*g));
	g->c = *c;
	g->gva = gva;
	g->leaf = leaf;
	g->target = target;
	gwalk_set_mode(&g->m, c);
	top = g->m.levels == 3 ? 2 : g->m.levels;
	for (level = 1; level <= top; level++) {
		g->env.page[level].gpa = table_gpa(level);
		g->env.page[level].present = true;
		g->slot[level - 1] = table_gpa(level) +
			(gva >> (12 + g->m.index_bits * (level - 1)) & (BIT(g->m.index_bits) - 1)) *
			(g->m.index_bits == 9 ? 8 : 4);
	}
	g->pdptrs[gva >> 30 & 3] = table_gpa(2) | P;
	for (level = top; level > leaf; level--)
		put_entry(g, level, table_gpa(level - 1) | ALL);
	put_entry(g, leaf, target | ALL | (leaf > 1 ? PS : 0));
}

static void build_mode(struct guest *g, enum mode mode, unsigned int leaf)
{
	static const u64 gva[] = { 0xc1234567, 0xc1234567, 0xc1234567, 0xffff8123456789abull,
				   0xff12345678912abcull };
	static const u64 target[] = { 0x12345000, 0x12345000, 0x8012345000ull, 0x8012345000ull,
				      0x8012345000ull };
	unsigned int bits = mode <= PSE32 ? 10 : 9;

	build(g, &base_config[mode], gva[mode], leaf,
	      target[mode] & ~((1ull << (12 + bits * (leaf - 1))) - 1));
}

static enum gwalk_result walk(struct guest *g, u32 access, struct gwalk *w)
{
	gwalk_set_mode(&g->m, &g->c);
	memset(w, 0, sizeof(*w));
	w->gva = g->gva;
	w->cr3 = table_gpa(g->m.levels) | 0x18;	/* PCD and PWT don't count */
	w->pdptrs = g->pdptrs;
	w->access = access;
	return gwalk(&g->m, w, &g->env);
}

static bool faults(struct guest *g, u32 access, u32 error)
{
	struct gwalk w;
	enum gwalk_result r = walk(g, access, &w);

	if (r == GWALK_FAULT && w.error == error)
		return true;
	printf("# result %d error %#x, wanted fault %#x\n", r, w.error, error);
	return false;
}

static bool works(struct guest *g, u32 access)
{
	u64 within = (1ull << (12 + g->m.index_bits * (g->leaf - 1))) - 1;
	struct gwalk w;
	enum gwalk_result r = walk(g, access, &w);

	if (r == GWALK_OK && w.gpa == (g->target | (g->gva & within)))
		return true;
	printf("# result %d error %#x gpa %#llx\n", r, w.error, (unsigned long long)w.gpa);
	return false;
}

static const struct {
	enum mode mode;
	unsigned int leaf;
} sizes[] = {
	{ PLAIN32, 1 }, { PSE32, 1 }, { PSE32, 2 }, { PAE, 1 }, { PAE, 2 },
	{ LONG4, 1 }, { LONG4, 2 }, { LONG4, 3 }, { LONG5, 1 }, { LONG5, 2 }, { LONG5, 3 },
};
#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void test_formats(void)
{
	unsigned int i, level, top, reads;
	struct guest g;
	struct gwalk w;

	for (i = 0; i < NR_SIZES; i++) {
		const char *name = mode_names[sizes[i].mode];

		build_mode(&g, sizes[i].mode, sizes[i].leaf);
		ok(works(&g, RD), "%s, leaf at level %u", name, g.leaf);
		top = g.m.levels == 3 ? 2 : g.m.levels;
		reads = top - g.leaf + 1;
		ok(g.env.reads == reads && !g.env.cmpxchgs, "%s, level %u: each entry read once",
		   name, g.leaf);
		for (level = g.leaf; level <= top; level++) {
			build_mode(&g, sizes[i].mode, sizes[i].leaf);
			put_entry(&g, level, get_entry(&g, level) & ~P);
			ok(faults(&g, WR | US, WR | US), "%s, leaf %u: level %u not present", name,
			   g.leaf, level);
		}
	}
	build_mode(&g, PAE, 1);
	g.pdptrs[3] &= ~P;
	ok(faults(&g, US, US), "PAE: PDPTE not present");
	build_mode(&g, PLAIN32, 1);
	put_entry(&g, 2, get_entry(&g, 2) | PS);
	ok(works(&g, RD), "32-bit: PS means nothing without CR4.PSE");
	build_mode(&g, PSE32, 2);
	put_entry(&g, 2, get_entry(&g, 2) | 0x7full << 13);
	ok(walk(&g, RD, &w) == GWALK_OK && w.gpa == (0x7full << 32 | 0x12000000 | 0x234567),
	   "PSE-36: address bits 32 to 38");
	memset(&g.c, 0, sizeof(g.c));
	gwalk_set_mode(&g.m, &g.c);
	ok(g.m.levels == 0, "no paging: no levels");
}

/* Bits that must be zero: @level's entry of a walk to a leaf at @leaf. */
static const struct {
	enum mode mode;
	unsigned int leaf, level;
	u64 bit;
	bool fault;
	const char *what;
} rsvd_cases[] = {
	{ PSE32, 2, 2, BIT(21), true, "4 MiB page, bit 21" },
	{ PSE32, 2, 2, BIT(20), false, "4 MiB page, bit 20 is an address with 40 bits" },
	{ PSE32, 1, 2, BIT(8), false, "table, ignored bit" },
	{ PSE32, 1, 1, BIT(7), false, "4 KiB page, PAT" },
	{ PAE, 1, 1, BIT_ULL(40), true, "beyond the address width" },
	{ PAE, 1, 1, BIT_ULL(62), true, "bit 62" },
	{ PAE, 1, 2, BIT_ULL(52), true, "table, bit 52" },
	{ PAE, 2, 2, BIT_ULL(13), true, "2 MiB page, bit 13" },
	{ PAE, 2, 2, BIT_ULL(12), false, "2 MiB page, PAT" },
	{ LONG4, 1, 1, BIT_ULL(40), true, "page, beyond the address width" },
	{ LONG4, 1, 1, BIT_ULL(51), true, "page, bit 51" },
	{ LONG4, 1, 1, BIT_ULL(52), false, "page, bit 52 is ignored" },
	{ LONG4, 1, 4, BIT_ULL(45), true, "PML4E, beyond the address width" },
	{ LONG4, 1, 4, PS, true, "PML4E, PS" },
	{ LONG4, 1, 4, G, false, "PML4E, bit 8 off AMD" },
	{ LONG4, 2, 2, BIT_ULL(20), true, "2 MiB page, bit 20" },
	{ LONG4, 3, 3, BIT_ULL(29), true, "1 GiB page, bit 29" },
	{ LONG4, 3, 3, BIT_ULL(13), true, "1 GiB page, bit 13" },
	{ LONG4, 3, 3, BIT_ULL(12), false, "1 GiB page, PAT" },
	{ LONG5, 1, 5, PS, true, "PML5E, PS" },
	{ LONG5, 1, 4, PS, true, "PML4E, PS" },
	{ LONG5, 1, 5, BIT_ULL(41), true, "PML5E, beyond the address width" },
};

static void test_reserved(void)
{
	unsigned int i;
	struct guest g;
	struct gwalk w;
	bool good;

	for (i = 0; i < sizeof(rsvd_cases) / sizeof(rsvd_cases[0]); i++) {
		build_mode(&g, rsvd_cases[i].mode, rsvd_cases[i].leaf);
		put_entry(&g, rsvd_cases[i].level,
			  get_entry(&g, rsvd_cases[i].level) | rsvd_cases[i].bit);
		if (rsvd_cases[i].fault)
			good = faults(&g, WR, GWALK_PRESENT | GWALK_RSVD | WR);
		else
			good = walk(&g, WR, &w) == GWALK_OK;
		ok(good, "%s: %s: %s", mode_names[rsvd_cases[i].mode], rsvd_cases[i].what,
		   rsvd_cases[i].fault ? "fault" : "fine");
	}

	build_mode(&g, LONG4, 1);
	put_entry(&g, 1, get_entry(&g, 1) | NX);
	g.c.nxe = false;
	ok(faults(&g, FE, GWALK_PRESENT | GWALK_RSVD), "NX is reserved without EFER.NXE");
	build_mode(&g, LONG4, 3);
	g.c.gbpages = false;
	ok(faults(&g, RD, GWALK_PRESENT | GWALK_RSVD), "1 GiB page without the feature");
	build_mode(&g, LONG4, 1);
	put_entry(&g, 4, get_entry(&g, 4) | G);
	g.c.amd = true;
	ok(faults(&g, RD, GWALK_PRESENT | GWALK_RSVD), "PML4E, bit 8 on AMD");
	build_mode(&g, PSE32, 2);
	put_entry(&g, 2, get_entry(&g, 2) | BIT(13));
	g.c.pse36 = false;
	ok(faults(&g, RD, GWALK_PRESENT | GWALK_RSVD), "4 MiB page, bit 13 without PSE-36");
	build_mode(&g, LONG4, 1);
	put_entry(&g, 1, get_entry(&g, 1) | BIT_ULL(51));
	g.c.maxphyaddr = 52;
	ok(walk(&g, RD, &w) == GWALK_OK, "bit 51 with 52 address bits");
	build_mode(&g, LONG4, 1);
	g.env.page[2].present = false;
	ok(faults(&g, WR, GWALK_PRESENT | GWALK_RSVD | WR), "a table where there is no memory");
}

/* By level: bits taken away, bits added; of a 4-level walk to 4 KiB. */
struct perm_case {
	const char *what;
	unsigned int level;
	u64 clear, set;
	bool wp, smep, smap, ac;
	u32 access;
	int error;		/* -1: works */
};

static const struct perm_case perm_cases[] = {
	{ "user reads a supervisor page", 1, U, 0, .access = US, .error = P | US },
	{ "user reads below a supervisor table", 3, U, 0, .access = US, .error = P | US },
	{ "user writes a read-only page", 1, W, 0, .access = WR | US, .error = P | WR | US },
	{ "user writes below a read-only table", 4, W, 0, .access = WR | US,
	  .error = P | WR | US },
	{ "user reads a read-only page", 1, W, 0, .access = US, .error = -1 },
	{ "supervisor writes read-only, WP clear", 1, W, 0, .access = WR, .error = -1 },
	{ "supervisor writes read-only, WP set", 1, W, 0, .wp = true, .access = WR,
	  .error = P | WR },
	{ "fetch from an NX page", 1, 0, NX, .access = FE, .error = P | FE },
	{ "user fetch below an NX table", 4, 0, NX, .access = FE | US, .error = P | FE | US },
	{ "read of an NX page", 1, 0, NX, .access = RD, .error = -1 },
	{ "supervisor fetch from a user page, SMEP", 1, 0, 0, .smep = true, .access = FE,
	  .error = P | FE },
	{ "supervisor fetch from a supervisor page, SMEP", 1, U, 0, .smep = true, .access = FE,
	  .error = -1 },
	{ "user fetch, SMEP", 1, 0, 0, .smep = true, .access = FE | US, .error = -1 },
	{ "supervisor read of a user page, SMAP", 1, 0, 0, .smap = true, .access = RD,
	  .error = P },
	{ "supervisor write of a user page, SMAP", 1, 0, 0, .smap = true, .access = WR,
	  .error = P | WR },
	{ "supervisor read of a user page, SMAP and AC", 1, 0, 0, .smap = true, .ac = true,
	  .access = RD, .error = -1 },
	{ "supervisor fetch of a user page, SMAP alone", 1, 0, 0, .smap = true, .access = FE,
	  .error = -1 },
	{ "supervisor read below a supervisor table, SMAP", 2, U, 0, .smap = true, .access = RD,
	  .error = -1 },
	{ "user read, SMAP", 1, 0, 0, .smap = true, .access = US, .error = -1 },
};

static void test_permissions(void)
{
	const struct perm_case *t;
	struct guest g;
	unsigned int i;

	for (i = 0; i < sizeof(perm_cases) / sizeof(perm_cases[0]); i++) {
		t = &perm_cases[i];
		build_mode(&g, LONG4, 1);
		g.c.wp = t->wp;
		g.c.smep = t->smep;
		g.c.smap = t->smap;
		g.env.ac = t->ac;
		put_entry(&g, t->level, (get_entry(&g, t->level) & ~t->clear) | t->set);
		ok(t->error < 0 ? works(&g, t->access) : faults(&g, t->access, t->error),
		   "%s: %s", t->what, t->error < 0 ? "fine" : "fault");
	}
	build_mode(&g, PSE32, 1);
	put_entry(&g, 1, 0);
	ok(faults(&g, FE | US, US), "32-bit: no I/D without NX or SMEP");
	g.c.smep = true;
	ok(faults(&g, FE | US, FE | US), "32-bit: I/D with SMEP");
	build_mode(&g, PSE32, 1);
	put_entry(&g, 2, get_entry(&g, 2) & ~W);
	ok(faults(&g, WR | US, P | WR | US), "32-bit: write below a read-only table");
}

static void test_pkeys(void)
{
	struct guest g;
	struct gwalk w;

	build_mode(&g, LONG4, 1);
	g.c.pke = true;
	put_entry(&g, 1, get_entry(&g, 1) | 5ull << 59);
	ok(works(&g, WR | US), "key 5 open");
	g.env.pkru = 1u << 10;
	ok(faults(&g, US, P | US | GWALK_PK), "key 5, access disabled: read");
	ok(works(&g, FE | US), "key 5, access disabled: fetch");
	g.env.pkru = 2u << 10;
	ok(works(&g, US), "key 5, write disabled: read");
	ok(faults(&g, WR | US, P | WR | US | GWALK_PK), "key 5, write disabled: user write");
	ok(works(&g, WR), "key 5, write disabled: supervisor write, WP clear");
	g.c.wp = true;
	ok(faults(&g, WR, P | WR | GWALK_PK), "key 5, write disabled: supervisor write, WP set");
	g.env.pkru = ~(3u << 10);
	ok(works(&g, WR | US), "other keys closed");
	g.env.pkru_unknown = true;
	ok(walk(&g, US, &w) == GWALK_AGAIN, "PKRU not at hand");
	g.env.pkru = ~0u;
	g.env.pkru_unknown = false;
	put_entry(&g, 1, get_entry(&g, 1) & ~U);
	ok(works(&g, RD), "keys are for user pages");
	put_entry(&g, 1, get_entry(&g, 1) | U);
	g.c.pke = false;
	ok(works(&g, WR | US), "CR4.PKE clear");
}

static bool has_bits(struct guest *g, unsigned int level, u64 want)
{
	return (get_entry(g, level) & (A | D)) == want;
}

static void clear_ad(struct guest *g)
{
	unsigned int level, top = g->m.levels == 3 ? 2 : g->m.levels;

	for (level = g->leaf; level <= top; level++)
		put_entry(g, level, get_entry(g, level) & ~(A | D));
}

static void test_accessed_dirty(void)
{
	unsigned int i, above;
	struct guest g;
	struct gwalk w;

	for (i = 0; i < NR_SIZES; i++) {
		build_mode(&g, sizes[i].mode, sizes[i].leaf);
		clear_ad(&g);
		above = g.leaf < (g.m.levels == 3 ? 2 : g.m.levels) ? g.leaf + 1 : 0;
		ok(works(&g, RD) && has_bits(&g, g.leaf, A) && (!above || has_bits(&g, above, A)),
		   "%s, leaf %u: a read sets accessed", mode_names[sizes[i].mode], g.leaf);
		ok(works(&g, WR) && has_bits(&g, g.leaf, A | D) &&
		   (!above || has_bits(&g, above, A)),
		   "%s, leaf %u: a write sets dirty in the leaf alone", mode_names[sizes[i].mode],
		   g.leaf);
	}
	build_mode(&g, LONG4, 1);
	clear_ad(&g);
	put_entry(&g, 1, get_entry(&g, 1) & ~U);
	ok(faults(&g, US, P | US) && has_bits(&g, 1, 0) && !g.env.cmpxchgs,
	   "a forbidden access sets nothing");

	build_mode(&g, LONG4, 1);
	clear_ad(&g);
	g.env.fail_cmpxchg = -EAGAIN;
	g.env.cmpxchg_failures = 1;
	ok(works(&g, WR) && g.env.reads == 8 && has_bits(&g, 1, A | D),
	   "an entry changed: walked again");
	build_mode(&g, LONG4, 1);
	clear_ad(&g);
	g.env.fail_cmpxchg = -EAGAIN;
	g.env.cmpxchg_failures = ~0u;
	ok(works(&g, WR) && g.env.reads <= 64, "entries always change: it ends");
	build_mode(&g, LONG4, 1);
	clear_ad(&g);
	g.env.fail_cmpxchg = -EBUSY;
	g.env.cmpxchg_failures = 1;
	ok(walk(&g, RD, &w) == GWALK_AGAIN, "bits can't be set here");
	build_mode(&g, LONG4, 1);
	g.env.fail_reads = -EAGAIN;
	ok(walk(&g, RD, &w) == GWALK_AGAIN, "entries can't be read here");
}

/* Whatever is in the tables, the walk ends, and never leaves the address width. */
static void test_noise(void)
{
	struct guest g;
	struct gwalk w;
	unsigned int i, j, bad = 0, found = 0;

	srand(1);
	for (i = 0; i < 200000; i++) {
		enum mode mode = rand() % 5;

		build_mode(&g, mode, 1);
		for (j = 1; j <= GWALK_MAX_LEVELS; j++)
			if (rand() % 3 == 0 && g.slot[j - 1])
				put_entry(&g, j, get_entry(&g, j) ^ (1ull << rand() % 64) ^
						 (1ull << rand() % 64));
		g.c.maxphyaddr = 36 + rand() % 17;
		if (walk(&g, rand() & (WR | US | FE), &w) == GWALK_OK) {
			found++;
			if (mode > PSE32 && w.gpa >> g.c.maxphyaddr)
				bad++;
		}
		if (g.env.reads > 64)
			bad++;
	}
	ok(!bad && found > 1000, "200000 damaged tables: %u found, %u bad", found, bad);
}

int main(void)
{
	test_formats();
	test_reserved();
	test_permissions();
	test_pkeys();
	test_accessed_dirty();
	test_noise();
	return tap_done();
}
