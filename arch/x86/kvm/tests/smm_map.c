// SPDX-License-Identifier: GPL-2.0-only
/*
 * SMM's save area: nothing overlaps, nothing is lost, and what firmware looks for is
 * where the manuals say.
 */
#include <stdlib.h>
#include <string.h>

#include "../smm_map.h"
#include "tap.h"

#define AREA	0x7e00

static const char *const names[] = {
	[SMM_RIP] = "RIP", [SMM_RFLAGS] = "RFLAGS", [SMM_CR0] = "CR0", [SMM_CR3] = "CR3",
	[SMM_CR4] = "CR4", [SMM_EFER] = "EFER", [SMM_DR6] = "DR6", [SMM_DR7] = "DR7",
	[SMM_GDT_BASE] = "GDTR", [SMM_IDT_BASE] = "IDTR", [SMM_SMBASE] = "SMBASE",
	[SMM_REVISION] = "revision", [SMM_HALT] = "auto-HALT", [SMM_NR_REGS] = NULL,
};

static const char *name(unsigned int reg)
{
	static char buf[32];

	if (names[reg])
		return names[reg];
	snprintf(buf, sizeof(buf), "register %u", reg);
	return buf;
}

static void fill(u64 *reg)
{
	unsigned int i;

	for (i = 0; i < SMM_NR_REGS; i++)
		reg[i] = (u64)rand() << 62 ^ (u64)rand() << 31 ^ (u64)rand();
}

/* Each byte belongs to one row at most, and each register has one row at most. */
static void test_rows(const struct smm_map *map, const char *which)
{
	bool apart = true, inside = true, once = true, fits = true;
	u8 used[SMM_AREA_SIZE] = {}, seen[SMM_NR_REGS] = {};
	unsigned int i, b;

	for (i = 0; i < map->nr_rows; i++) {
		const struct smm_row *r = &map->rows[i];

		if (r->at < AREA || r->at + r->size > AREA + SMM_AREA_SIZE ||
		    r->reg >= SMM_NR_REGS) {
			inside = false;
			continue;
		}
		fits &= r->size == 1 || r->size == 2 || r->size == 4 || r->size == 8;
		once &= !seen[r->reg]++;
		for (b = 0; b < r->size; b++)
			apart &= !used[r->at - AREA + b]++;
	}
	ok(inside && fits, "%s: all rows are in the area", which);
	ok(apart, "%s: no two of them meet", which);
	ok(once, "%s: nothing is there twice", which);
	for (i = 0; i < SMM_NR_REGS; i++)
		if (!seen[i] && !(map == &smm_map_32 && (i == SMM_EFER || (i >= 8 && i < 16))))
			ok(false, "%s: %s is missing", which, name(i));
}

static void test_round_trip(const struct smm_map *map, const char *which)
{
	u64 in[SMM_NR_REGS], out[SMM_NR_REGS], before[SMM_NR_REGS], mask;
	u8 area[SMM_AREA_SIZE], has[SMM_NR_REGS] = {};
	bool same = true, kept = true;
	unsigned int i;

	fill(in);
	fill(before);
	memcpy(out, before, sizeof(out));
	memset(area, 0xaa, sizeof(area));
	smm_map_save(map, in, area);
	smm_map_load(map, out, area);
	for (i = 0; i < map->nr_rows; i++) {
		const struct smm_row *r = &map->rows[i];

		mask = (r->size < 8 ? (1ull << 8 * r->size) - 1 : ~0ull) >> r->shift;
		same &= out[r->reg] == (in[r->reg] & mask);
		has[r->reg] = 1;
	}
	for (i = 0; i < SMM_NR_REGS; i++)
		kept &= has[i] || out[i] == before[i];
	ok(same, "%s: what was saved is loaded", which);
	ok(kept, "%s: what is not there stays as it was", which);
	memset(in, 0, sizeof(in));
	memset(area, 0xaa, sizeof(area));
	smm_map_save(map, in, area);
	for (i = 0, same = true; i < SMM_AREA_SIZE; i++)
		same &= !area[i];
	ok(same, "%s: the rest is zeroed", which);
}

#define SEG(nr, part)	(SMM_SEG + (nr) * SMM_SEG_PARTS + SMM_##part)

/* By the manuals' tables, as firmware knows them */
static const struct {
	u16 at;
	u8 size;
	u8 reg;
} known_32[] = {
	{ 0x7ffc, 4, SMM_CR0 }, { 0x7ff8, 4, SMM_CR3 }, { 0x7ff4, 4, SMM_RFLAGS },
	{ 0x7ff0, 4, SMM_RIP }, { 0x7fec, 4, 7 }, { 0x7fe0, 4, 4 }, { 0x7fdc, 4, 3 },
	{ 0x7fd8, 4, 2 }, { 0x7fd4, 4, 1 }, { 0x7fd0, 4, 0 }, { 0x7fcc, 4, SMM_DR6 },
	{ 0x7fc8, 4, SMM_DR7 }, { 0x7fc4, 4, SEG(7, SEL) }, { 0x7fbc, 4, SEG(5, SEL) },
	{ 0x7fb0, 4, SEG(2, SEL) }, { 0x7fac, 4, SEG(1, SEL) }, { 0x7fa8, 4, SEG(0, SEL) },
	{ 0x7f02, 2, SMM_HALT }, { 0x7efc, 4, SMM_REVISION }, { 0x7ef8, 4, SMM_SMBASE },
}, known_64[] = {
	{ 0x7ff8, 8, 0 }, { 0x7ff0, 8, 1 }, { 0x7fe8, 8, 2 }, { 0x7fe0, 8, 3 },
	{ 0x7fd8, 8, 4 }, { 0x7fc0, 8, 7 }, { 0x7fb8, 8, 8 }, { 0x7f80, 8, 15 },
	{ 0x7f78, 8, SMM_RIP }, { 0x7f70, 8, SMM_RFLAGS }, { 0x7f68, 8, SMM_DR6 },
	{ 0x7f60, 8, SMM_DR7 }, { 0x7f58, 8, SMM_CR0 }, { 0x7f50, 8, SMM_CR3 },
	{ 0x7f48, 8, SMM_CR4 }, { 0x7f00, 4, SMM_SMBASE }, { 0x7efc, 4, SMM_REVISION },
	{ 0x7ed0, 8, SMM_EFER }, { 0x7ec9, 1, SMM_HALT }, { 0x7e00, 2, SEG(0, SEL) },
	{ 0x7e12, 2, SEG(1, ATTR) }, { 0x7e24, 4, SEG(2, LIMIT) },
	{ 0x7e38, 8, SEG(3, SEG_BASE) }, { 0x7e68, 8, SMM_GDT_BASE },
	{ 0x7e88, 8, SMM_IDT_BASE }, { 0x7e90, 2, SEG(7, SEL) },
};

static void test_place(const struct smm_map *map, u16 at, u8 size, u8 which)
{
	u64 reg[SMM_NR_REGS], val = 0;
	u8 area[SMM_AREA_SIZE];

	fill(reg);
	smm_map_save(map, reg, area);
	memcpy(&val, area + at - AREA, size);
	ok(val == (size < 8 ? reg[which] & ((1ull << 8 * size) - 1) : reg[which]),
	   "%s at %#x", name(which), at);
}

int main(void)
{
	unsigned int i;

	srand(1);
	test_rows(&smm_map_32, "32 bits");
	test_rows(&smm_map_64, "64 bits");
	test_round_trip(&smm_map_32, "32 bits");
	test_round_trip(&smm_map_64, "64 bits");
	ok(smm_map_32.revision == 0x20000 && smm_map_64.revision == 0x20064, "revisions");
	for (i = 0; i < sizeof(known_32) / sizeof(known_32[0]); i++)
		test_place(&smm_map_32, known_32[i].at, known_32[i].size, known_32[i].reg);
	for (i = 0; i < sizeof(known_64) / sizeof(known_64[0]); i++)
		test_place(&smm_map_64, known_64[i].at, known_64[i].size, known_64[i].reg);
	return tap_done();
}
