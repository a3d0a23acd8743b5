// SPDX-License-Identifier: GPL-2.0-only
/* VMX's IPI virtualisation: whom hardware finds by the table (SDM 3C 30.1.6). */
#include <stdlib.h>
#include <string.h>

#include "../vmx/ipiv_map.h"
#include "tap.h"

#define SIZE	300
#define NR	6
#define EXITS	0

static u64 desc_of(unsigned int i)
{
	return (u64)(i + 1) << 6;
}

/* The descriptor that hardware posts to, or an exit */
static u64 hw_finds(const u64 *table, u32 id)
{
	return id < SIZE && (table[id] & 1) ? table[id] & ~63ull : EXITS;
}

static void test_random(void)
{
	unsigned int n, i, bad = 0, found = 0;
	u32 id[NR], dest;

	for (n = 0; n < 100000; n++) {
		u64 table[SIZE] = {}, want = EXITS;
		unsigned int hits = 0;
		bool takes[NR];

		for (i = 0; i < NR; i++) {
			id[i] = rand() % 4 ? i : (u32)rand() % 16 ? 250u + (u32)rand() % 60 :
				(u32)rand() << 1;
			takes[i] = rand() % 4;
			ipiv_map_add(table, SIZE, id[i], takes[i] ? desc_of(i) : 0);
		}
		dest = rand() % 2 ? id[rand() % NR] : (u32)rand() % 320;
		for (i = 0; i < NR; i++) {
			if (id[i] != dest)
				continue;
			hits++;
			want = takes[i] ? desc_of(i) : EXITS;
		}
		if (hits != 1 || dest >= SIZE || dest == 255)
			want = EXITS;
		bad += hw_finds(table, dest) != want;
		found += want != EXITS;
	}
	ok(!bad && found > n / 4, "one APIC by an id of its own, or none (%u)", bad);
}

static void test_cases(void)
{
	u64 table[SIZE] = {};
	unsigned int i;

	ipiv_map_add(table, SIZE, 7, desc_of(0));
	ok(hw_finds(table, 7) == desc_of(0) && table[7] == (desc_of(0) | 1), "an entry");
	for (i = 0; i < 3; i++)
		ipiv_map_add(table, SIZE, 7, desc_of(i));
	ok(hw_finds(table, 7) == EXITS, "an id that several have is nobody's");
	ipiv_map_add(table, SIZE, 8, 0);
	ipiv_map_add(table, SIZE, 8, desc_of(1));
	ok(hw_finds(table, 8) == EXITS, "also if hardware may not post to the first");
	ipiv_map_add(table, SIZE, 255, desc_of(1));
	ok(hw_finds(table, 255) == EXITS, "a broadcast is not for one");
}

int main(void)
{
	test_random();
	test_cases();
	return tap_done();
}
