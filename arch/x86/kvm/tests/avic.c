// SPDX-License-Identifier: GPL-2.0-only
/*
 * AVIC's tables against what hardware does with them (APM 2 15.29): of any VM, an IPI
 * either reaches exactly those whom the APICs' own rules mean, or exits.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/kernel.h>

#include "../svm/avic_map.h"
#include "tap.h"

#define NR	8
#define EXITS	(~0u)

struct apic {
	u32 id, ldr, dfr;
	bool x2apic;
};

/* A VM as avic.c keeps it: an entry's page tells whose it is. */
struct vm {
	struct apic apic[NR];
	struct avic_map map;
	u64 physical[AVIC_MAX_X2APIC + 1];
	bool fits;
};

static void build(struct vm *vm)
{
	unsigned int i;

	memset(&vm->map, 0, sizeof(vm->map));
	memset(vm->physical, 0, sizeof(vm->physical));
	vm->fits = true;
	for (i = 0; i < NR; i++)
		vm->fits &= avic_map_add(&vm->map, vm->apic[i].id, vm->apic[i].ldr,
					 vm->apic[i].dfr, vm->apic[i].x2apic);
	avic_map_finish(&vm->map);
	for (i = 0; vm->fits && i < NR; i++)
		vm->physical[vm->apic[i].id] = avic_entry((u64)(i + 1) << 12, -1);
}

/* SDM 3A 10.6.2.2, 10.12.10.2: a mask of those who take it */
static u32 meant(const struct vm *vm, bool wide, bool logical, u32 dest)
{
	u32 all = 0, ldr;
	unsigned int i;

	for (i = 0; i < NR; i++) {
		const struct apic *a = &vm->apic[i];
		bool hit;

		ldr = a->ldr;
		if (!logical)
			hit = a->id == dest;
		else if (a->x2apic)
			hit = ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
		else if (a->dfr == 0xffffffff)
			hit = !wide && (ldr >> 24 & dest);
		else
			hit = !wide && ldr >> 28 == dest >> 4 && (ldr >> 24 & dest & 15);
		all |= hit ? 1u << i : 0;
	}
	return all;
}

static u32 hw_physical(const struct vm *vm, u32 id, u32 last)
{
	u64 e = id <= last ? vm->physical[id] : 0;

	return e & AVIC_ENTRY_VALID ? 1u << (((e & AVIC_ENTRY_PAGE) >> 12) - 1) : EXITS;
}

/* What hardware does of the ICR; @dfr: the sender's. Any target that it misses exits. */
static u32 hw_sends(const struct vm *vm, bool wide, u32 dfr, bool logical, u32 dest)
{
	u32 last = wide ? AVIC_MAX_X2APIC : AVIC_MAX_XAPIC, all = 0, one, bit, index;

	if (!logical)
		return hw_physical(vm, dest, last);
	for (bit = 0; bit < (wide ? 16u : dfr == 0xffffffff ? 8u : 4u); bit++) {
		if (!(dest >> bit & 1))
			continue;
		if (wide) {
			one = hw_physical(vm, dest >> 16 << 4 | bit, last);
		} else {
			index = dfr == 0xffffffff ? bit : (dest >> 4) * 4 + bit;
			one = vm->map.logical[index] & AVIC_LOGICAL_VALID ?
			      hw_physical(vm, vm->map.logical[index] & 0xff, last) : EXITS;
		}
		if (one == EXITS)
			return EXITS;
		all |= one;
	}
	return all;
}

/* @mixed: formats meet, ids meet */
static void fill(struct vm *vm, unsigned int kind, bool mixed)
{
	unsigned int i, k;

	for (i = 0; i < NR; i++) {
		struct apic *a = &vm->apic[i];

		k = mixed && rand() % 4 == 0 ? (unsigned int)rand() % 3 : kind;
		a->id = mixed && rand() % 8 == 0 ? (u32)rand() % 300 : i;
		a->x2apic = k == 2;
		a->dfr = k == 1 ? 0x0fffffff : 0xffffffff;
		a->ldr = k == 2 ? (a->id >> 4) << 16 | 1u << (a->id & 15) :
			 k == 1 ? (i / 4 << 4 | 1u << i % 4) << 24 : 1u << i << 24;
		if (mixed && k != 2 && rand() % 4 == 0)
			a->ldr = (u32)rand() % 256 << 24;
	}
	build(vm);
}

static bool agrees(const struct vm *vm, const struct apic *from, bool logical, u32 dest,
		   u32 *sent)
{
	*sent = hw_sends(vm, from->x2apic, from->dfr, logical, dest);
	return *sent == EXITS || *sent == meant(vm, from->x2apic, logical, dest);
}

static void test_senders(bool mixed, const char *what)
{
	unsigned int n, bad = 0, missed = 0, kind, i;
	struct vm vm;
	u32 dest, sent;

	for (n = 0; n < 20000; n++) {
		kind = n % 3;
		fill(&vm, kind, mixed);
		if (!vm.fits)
			continue;	/* software sends everything: set_ids() says so */
		for (i = 0; i < NR; i++) {
			const struct apic *from = &vm.apic[rand() % NR];
			bool logical = rand() % 2;

			dest = logical && from->x2apic ? 0x20100 : 255;
			dest = (u32)rand() % (rand() % 4 ? dest : NR);
			/* What reaches xAPICs from an x2APIC is not defined. */
			if (from->x2apic ? vm.map.flat || vm.map.cluster :
					   !avic_map_has_xapic(&vm.map))
				continue;
			/* To nobody in the sender's format. */
			if (logical && !(dest & 15) && from->dfr != 0xffffffff)
				continue;
			bad += !agrees(&vm, from, logical, dest, &sent);
			missed += sent == EXITS && !mixed && !logical && dest < NR;
			if (!mixed && logical && meant(&vm, from->x2apic, true, 1u << i % 4))
				missed += hw_sends(&vm, from->x2apic, from->dfr, true,
						   1u << i % 4) == EXITS;
		}
	}
	ok(!bad, "%s: none is missed, none is disturbed (%u)", what, bad);
	ok(!missed, "%s: no exit where there need be none (%u)", what, missed);
}

static void test_limits(void)
{
	struct avic_map m = {};
	unsigned int i, n = 0;

	ok(avic_map_add(&m, 3, 1u << 24, ~0u, false) && !avic_map_add(&m, 3, 0, ~0u, false),
	   "an id that two have fits no table");
	ok(!avic_map_add(&m, 512, 0, ~0u, true) && !avic_map_add(&m, ~0u, 0, ~0u, true) &&
	   avic_map_add(&m, 511, 0, ~0u, true) && m.max_id == 511, "nor one beyond it");
	memset(&m, 0, sizeof(m));
	avic_map_add(&m, 0, 0xffu << 24, 0x0fffffff, false);
	avic_map_add(&m, 1, 0xefu << 24, 0x0fffffff, false);
	for (i = 0; i < AVIC_NR_LOGICAL; i++)
		n += m.logical[i] ? i : 0;
	ok(n == 56 + 57 + 58 + 59, "the 15th cluster is the last, and a broadcast no cluster");
	memset(&m, 0, sizeof(m));
	avic_map_add(&m, 1, 1u << 24, ~0u, false);
	avic_map_add(&m, 2, 3u << 24, ~0u, false);
	avic_map_finish(&m);
	ok(!m.logical[0] && m.logical[1] == (AVIC_LOGICAL_VALID | 2),
	   "a logical id that two have is nobody's");
}

static void test_entry(void)
{
	const u64 runs = AVIC_ENTRY_VALID | AVIC_ENTRY_RUNS;

	ok(avic_entry(0x123456789000, -1) == (AVIC_ENTRY_VALID | 0x123456789000),
	   "an APIC that waits");
	ok(avic_entry(0x1000, 0) == (runs | 0x1000), "one that runs");
	ok(avic_entry(0x1000, 4095) == (runs | 0x1fff) &&
	   avic_entry(0x1000, 4096) == avic_entry(0x1000, -1),
	   "none on a CPU whose id has no room");
	ok(!(avic_entry(~0ull, 1) & GENMASK_ULL(61, 52)), "reserved bits stay clear");
}

static void test_exits(void)
{
	/* APM 2 table 15-22: writes that are traps; ICR2 and the TPR are hardware's */
	static const u16 traps[] = {
		0x020, 0x0b0, 0x0d0, 0x0e0, 0x0f0, 0x280, 0x300, 0x320, 0x330, 0x340, 0x350,
		0x360, 0x370, 0x380, 0x3e0,
	};
	unsigned int reg, i;
	bool good = true;

	for (reg = 0; reg <= 0xff0; reg += 0x10) {
		bool want = false;

		for (i = 0; i < ARRAY_SIZE(traps); i++)
			want |= traps[i] == reg;
		good &= want == avic_write_traps(reg);
	}
	ok(good && !avic_write_traps(~0u), "which writes are done when they exit");
	ok(avic_ipi_sent(1ull << 32 | 7) && !avic_ipi_sent(7) && !avic_ipi_sent(2ull << 32 | 1) &&
	   !avic_ipi_sent(3ull << 32) && !avic_ipi_sent(4ull << 32) && !avic_ipi_sent(9ull << 32),
	   "only of targets that do not run is an IPI sent already");
}

int main(void)
{
	test_senders(false, "ordinary VMs");
	test_senders(true, "odd VMs");
	test_limits();
	test_entry();
	test_exits();
	return tap_done();
}
