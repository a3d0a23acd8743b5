// SPDX-License-Identifier: GPL-2.0-only
/* Which messages of devices hardware may post, and to whom. */
#include "../irqchip/msi.h"
#include "tap.h"

struct lapic {
	unsigned int nr;
};

#define ADDRESS	0xfee00000u

static bool may(u32 lo, u32 data)
{
	struct lapic_irq irq = msi_message(lo, 0, data, false);

	return msi_may_post(&irq);
}

static void test_modes(void)
{
	unsigned int data, posted = 0, bad = 0;
	bool want, is;

	for (data = 0; data < 0x10000; data++) {
		/* fixed, lowest priority; edges; no vector of an exception */
		want = (data >> 8 & 7) < 2 && data < 0x8000 && (data & 0xff) >= 0x10;
		is = may(ADDRESS | (data << 3 & 0xff00c), data);
		bad += is != want;
		posted += is;
	}
	ok(!bad && posted, "edges with a vector are posted, nothing else (%u)", bad);
	ok(!may(ADDRESS, 0x430) && !may(ADDRESS, 0x230) && !may(ADDRESS, 0x530) &&
	   !may(ADDRESS, 0x630) && !may(ADDRESS, 0x730), "no NMI, SMI, INIT, SIPI, ExtINT");
}

static void test_message(void)
{
	struct lapic_irq irq = msi_message(ADDRESS | 0xab00c, 0x12345600, 0x8141, true);

	ok(irq.dest == 0x123456ab && irq.wide && irq.logical && irq.msi && irq.trig_level &&
	   irq.vector == 0x41 && irq.mode == APIC_DM_LOWEST && irq.level, "a wide message");
	irq = msi_message(ADDRESS | 0xab000, 0x12345600, 0x41, false);
	ok(irq.dest == 0xab && !irq.wide && !irq.logical && !irq.msi && !irq.trig_level,
	   "a narrow one");
}

static void test_target(void)
{
	struct lapic a[3] = {};
	unsigned int takes, n, i, bad = 0;

	for (n = 0; n <= 3; n++)
		for (takes = 0; takes < 8; takes++) {
			struct msi_target t = {};

			for (i = 0; i < n; i++)
				msi_target_add(&t, &a[i], takes >> i & 1);
			bad += t.apic != (n == 1 && (takes & 1) ? &a[0] : NULL);
		}
	ok(!bad, "one APIC, and it takes them (%u)", bad);
}

int main(void)
{
	test_modes();
	test_message();
	test_target();
	return tap_done();
}
