// SPDX-License-Identifier: GPL-2.0-only
/* Performance counters: registers, arithmetic, overflows, filters; perf is a fake. */
#include <stdlib.h>
#include <string.h>

#include "pmu_fake.h"
#include "tap.h"

#define PERFCTR		0x0c1
#define SELECT		0x186
#define FIXED		0x309
#define FIXED_CTRL	0x38d
#define STATUS		0x38e
#define GLOBAL		0x38f
#define RESET		0x390
#define WIDE		0x4c1
#define K7_SELECT	0xc0010000
#define K7_COUNT	0xc0010004
#define CORE_SELECT	0xc0010200
#define CORE_COUNT	0xc0010201

/* version 2, 4 counters of 48 bits, 7 events; 3 fixed ones of 48 bits */
#define EAX		(2 | 4 << 8 | 48 << 16 | 7 << 24)
#define EDX		(3 | 48 << 5)

#define ALL_RINGS	(PMU_SEL_USR | PMU_SEL_OS)
#define ON		(ALL_RINGS | PMU_SEL_EN)
#define ON_INT		(ON | PMU_SEL_INT)
#define CYCLES		0x3cull
#define INSNS		0xc0ull
#define BRANCHES	0xc4ull
#define M48		0xffffffffffffull

static struct pmu_vcpu room;
static struct pmu_vcpu *const p = &room;

static void intel(void)
{
	fake_intel(p, EAX, 0, EDX, true, false);
}

static void test_shape(void)
{
	intel();
	ok(p->shape.version == 2 && p->shape.nr_gp == 4 && p->shape.nr_fixed == 3 &&
	   p->shape.gp_width == 48, "leaf 0xa is what the guest has");
	ok(pmu_all(p) == 0x70000000full, "bits of GLOBAL_CTRL");
	ok(rd(p, GLOBAL) == 0xf, "GLOBAL_CTRL at reset");
	ok(!wr(p, SELECT + 3, ON) && wr(p, SELECT + 4, 0) == -ENOENT &&
	   rd(p, PERFCTR + 4) == ~0ull && rd(p, FIXED + 3) == ~0ull,
	   "no counters behind the last");
	fake_intel(p, 5 | 200 << 8 | 60 << 16 | 32u << 24, 0, 31 | 60 << 5, true, false);
	ok(p->shape.version == 2 && p->shape.nr_gp == 8 && p->shape.gp_width == 48 &&
	   p->shape.nr_fixed == 3 && p->shape.fixed_width == 48, "never more than the host has");
	fake_intel(p, 1 | 2 << 8 | 40 << 16 | 7 << 24, 0, EDX, true, false);
	ok(p->shape.nr_gp == 2 && !p->shape.nr_fixed && rd(p, GLOBAL) == ~0ull &&
	   rd(p, FIXED_CTRL) == ~0ull && rd(p, FIXED) == ~0ull, "version 1 has selectors alone");
	wr(p, SELECT, ON | CYCLES);
	guest_runs(p, 5);
	ok(rd(p, PERFCTR) == 5, "they count without GLOBAL_CTRL");
	fake_intel(p, 0 | 4 << 8 | 48 << 16, 0, EDX, true, false);
	ok(!pmu_all(p) && rd(p, SELECT) == ~0ull, "version 0: none");
	fake_intel(p, 2 | 4 << 8 | 8 << 16, 0, 3 | 8 << 5, true, false);
	ok(!pmu_all(p), "widths that no processor has: none");
}

static void test_reserved_bits(void)
{
	unsigned int bit, bad = 0;
	u64 legal = 0xffffffffull & ~PMU_SEL_ANY;

	intel();
	for (bit = 0; bit < 64; bit++)
		bad += wr(p, SELECT, BIT_ULL(bit)) != !(legal & BIT_ULL(bit));
	ok(!bad, "Intel: reserved bits of a selector are refused");
	ok(rd(p, SELECT) == BIT_ULL(31), "what was refused is not kept");
	for (bad = bit = 0; bit < 64; bit++)
		bad += wr(p, FIXED_CTRL, BIT_ULL(bit)) != !(0xbbbull & BIT_ULL(bit));
	ok(!bad, "FIXED_CTR_CTRL, AnyThread with it");
	for (bad = bit = 0; bit < 64; bit++)
		bad += wr(p, GLOBAL, BIT_ULL(bit)) != !(pmu_all(p) & BIT_ULL(bit));
	ok(!bad, "GLOBAL_CTRL");
	for (bad = bit = 0; bit < 64; bit++)
		bad += wr(p, RESET, BIT_ULL(bit)) !=
		       !((pmu_all(p) | 3ull << 62) & BIT_ULL(bit));
	ok(!bad && !rd(p, RESET), "GLOBAL_OVF_CTRL, which reads as 0");
	ok(wr(p, STATUS, 0) == 1, "GLOBAL_STATUS is read-only");
	ok(!pmu_reg_set(p, STATUS, ~0ull, true) && rd(p, STATUS) == pmu_all(p),
	   "but for the VMM, which can't make up bits");
	fake_intel(p, EAX, 0, EDX, true, true);
	ok(!wr(p, SELECT, 3ull << 32), "with transactions there are two bits more");
	fake_amd(p, true);
	ok(!wr(p, CORE_SELECT, ~0ull) && rd(p, CORE_SELECT) == 0xfffd7ffffull,
	   "AMD: reserved bits are dropped");
}

static void test_what_perf_gets(void)
{
	struct perf_event *e;

	intel();
	wr(p, SELECT, PMU_SEL_EN | PMU_SEL_OS | PMU_SEL_PIN | PMU_SEL_INV | PMU_SEL_EDGE |
	   0x12004f2e);
	guest_runs(p, 0);
	e = fake_event(p, 0);
	ok(e && e->attr.type == PERF_TYPE_RAW &&
	   e->attr.config == (0x12004f2e | PMU_SEL_INV | PMU_SEL_EDGE) &&
	   e->attr.exclude_user && !e->attr.exclude_kernel, "a raw event of the kernel");
	ok(e && e->attr.sample_period == M48 + 1, "until it wraps");
	wr(p, SELECT, PMU_SEL_EN | CYCLES);
	guest_runs(p, 0);
	ok(!fake_event(p, 0) || !fake_event(p, 0)->on, "no ring: nothing to count");
	wr(p, GLOBAL, pmu_all(p));
	wr(p, FIXED_CTRL, 0x231);
	guest_runs(p, 3);
	e = fake_event(p, PMU_FIXED);
	ok(e && e->attr.type == PERF_TYPE_HARDWARE &&
	   e->attr.config == PERF_COUNT_HW_INSTRUCTIONS && e->attr.exclude_user,
	   "the first fixed counter: instructions");
	e = fake_event(p, PMU_FIXED + 1);
	ok(e && e->attr.config == PERF_COUNT_HW_CPU_CYCLES && !e->attr.exclude_user &&
	   !e->attr.exclude_kernel, "the second: cycles");
	e = fake_event(p, PMU_FIXED + 2);
	ok(e && e->attr.config == PERF_COUNT_HW_REF_CPU_CYCLES && e->attr.exclude_kernel,
	   "the third: reference cycles");
	ok(rd(p, FIXED) == 3 && rd(p, FIXED + 2) == 3, "they count");
	wr(p, FIXED_CTRL, 0x031);
	guest_runs(p, 4);
	ok(rd(p, FIXED) == 7 && rd(p, FIXED + 2) == 3, "until they are stopped");

	fake_intel(p, EAX, 0, EDX, true, true);
	wr(p, SELECT + 2, ON | CYCLES | PMU_SEL_TX | PMU_SEL_TX_CP);
	wr(p, SELECT + 1, ON | CYCLES | PMU_SEL_TX);
	guest_runs(p, 9);
	e = fake_event(p, 2);
	ok(e && !e->attr.sample_period && e->attr.config == (CYCLES | 3ull << 32) &&
	   rd(p, PERFCTR + 2) == 9, "what is rolled back has no period");
	wr(p, PERFCTR + 2, 100);
	guest_runs(p, 9);
	ok(rd(p, PERFCTR + 2) == 109, "and can be written all the same");
	ok(fake_event(p, 1)->attr.sample_period, "other transactions have one");
}

static void test_missing_events(void)
{
	intel();
	p->shape.missing = BIT(5) | BIT(6);
	wr(p, SELECT, ON | BRANCHES);
	wr(p, SELECT + 1, ON | 0xc5);
	wr(p, SELECT + 2, ON | 0x1c5);
	guest_runs(p, 10);
	ok(!rd(p, PERFCTR) && !rd(p, PERFCTR + 1) && rd(p, PERFCTR + 2) == 10,
	   "events that CPUID says are missing do not count");
	fake_intel(p, 2 | 4 << 8 | 48 << 16 | 2 << 24, 1, EDX, true, false);
	wr(p, SELECT, ON | CYCLES);
	wr(p, SELECT + 1, ON | INSNS);
	wr(p, SELECT + 2, ON | BRANCHES);
	guest_runs(p, 10);
	ok(!rd(p, PERFCTR) && rd(p, PERFCTR + 1) == 10 && !rd(p, PERFCTR + 2),
	   "by their bit, or by the length of the list");
}

static void test_overflow(void)
{
	intel();
	wr(p, SELECT, ON_INT | CYCLES);
	wr(p, SELECT + 1, ON | CYCLES);
	wr(p, PERFCTR, -100ull);
	wr(p, WIDE + 1, M48 - 99);
	guest_runs(p, 99);
	ok(!rd(p, STATUS) && rd(p, PERFCTR) == M48, "before the wrap");
	guest_runs(p, 4);
	ok(rd(p, PERFCTR) == 3 && rd(p, PERFCTR + 1) == 3, "behind it: 48 bits");
	ok(rd(p, STATUS) == 3, "GLOBAL_STATUS tells both");
	ok(fake_interrupts == 1, "one interrupt, for the one that asked");
	guest_runs(p, 1000);
	ok(fake_interrupts == 1 && rd(p, PERFCTR) == 1003, "the next wrap is far away");
	wr(p, RESET, 1);
	ok(rd(p, STATUS) == 2, "GLOBAL_OVF_CTRL takes one back");
	wr(p, PERFCTR, -5ull);
	guest_runs(p, 5);
	ok(fake_interrupts == 2 && rd(p, STATUS) == 3 && !rd(p, PERFCTR), "and it comes again");
	ok(fake_perf.created == 2, "all that with two events");

	fake_intel(p, 2 | 4 << 8 | 40 << 16, ~0u, 3 | 40 << 5, false, false);
	wr(p, GLOBAL, pmu_all(p));
	wr(p, FIXED, ~0ull);
	ok(rd(p, FIXED) == 0xffffffffffull, "40 bits, what is above is dropped");
	wr(p, FIXED_CTRL, 0xb);
	guest_runs(p, 2);
	ok(rd(p, FIXED) == 1 && rd(p, STATUS) == BIT_ULL(32) && fake_interrupts == 1,
	   "a fixed counter wraps");
}

static void test_lost_interrupts(void)
{
	intel();
	fake_perf.holds_nmis = true;
	wr(p, SELECT, ON_INT | CYCLES);
	wr(p, PERFCTR, -10ull);
	guest_runs(p, 12);
	wr(p, GLOBAL, 0);	/* before perf's interrupt came, which is lost */
	guest_runs(p, 0);
	ok(rd(p, STATUS) == 1 && fake_interrupts == 1 && rd(p, PERFCTR) == 2,
	   "stopped too early for perf: the wrap shows");
	fake_perf.late = 0;
	wr(p, RESET, 1);
	wr(p, PERFCTR, -10ull);
	wr(p, GLOBAL, 1);
	guest_runs(p, 12);
	fake_nmis(p);
	guest_runs(p, 0);
	ok(fake_interrupts == 2, "one that comes counts");
	ok(rd(p, PERFCTR) == 2, "with its value");
	wr(p, GLOBAL, 0);
	guest_runs(p, 0);
	ok(fake_interrupts == 2 && !fake_wanted, "once");
	fake_perf.holds_nmis = false;
	wr(p, GLOBAL, 1);
	wr(p, PERFCTR, -1ull);
	guest_runs(p, 1);
	ok(fake_interrupts == 3, "and then the next");
	/* The guest looks before the update: perf's word must not be lost or doubled. */
	wr(p, PERFCTR, -1ull);
	wr(p, RESET, 1);
	guest_runs(p, 0);
	fake_event(p, 0)->count += 1;
	fake_event(p, 0)->handler(fake_event(p, 0), NULL, NULL);
	ok(!rd(p, PERFCTR) && rd(p, STATUS) == 1, "a look comes before the update");
	guest_runs(p, 0);
	ok(fake_interrupts == 4, "which still interrupts, once");
}

static void test_writes(void)
{
	intel();
	wr(p, PERFCTR, 0x80000000);
	ok(rd(p, PERFCTR) == 0xffff80000000ull, "WRMSR extends the sign of 32 bits");
	wr(p, PERFCTR, 0x1234567fffffffull);
	ok(rd(p, PERFCTR) == 0x7fffffff, "and drops what is above");
	ok(!wr(p, WIDE, 0x123456789abcull) && rd(p, PERFCTR) == 0x123456789abcull &&
	   rd(p, WIDE) == 0x123456789abcull, "full width by the other number");
	ok(wr(p, WIDE, BIT_ULL(48)) == 1, "and no more");
	ok(!pmu_reg_set(p, PERFCTR, 0x80000000, true) && rd(p, PERFCTR) == 0x80000000,
	   "the VMM writes what it has read");
	p->shape.wide = false;
	ok(wr(p, WIDE, 0) == -ENOENT && rd(p, WIDE) == ~0ull, "if PERF_CAPABILITIES says so");
	wr(p, SELECT, ON | CYCLES);
	guest_runs(p, 10);
	wr(p, PERFCTR, 1000);
	ok(rd(p, PERFCTR) == 1000, "a counter that runs is written");
	guest_runs(p, 10);
	ok(rd(p, PERFCTR) == 1010, "and goes on from there");
	fake_amd(p, true);
	ok(!wr(p, CORE_COUNT, ~0ull) && rd(p, CORE_COUNT) == M48, "AMD: 48 bits, no sign");
}

static void test_rdpmc(void)
{
	u64 v;
	u32 i;

	intel();
	for (i = 0; i < 4; i++)
		pmu_reg_set(p, PERFCTR + i, 0x100000000ull + i, true);
	for (i = 0; i < 3; i++)
		wr(p, FIXED + i, 100 + i);
	ok(!pmu_read_pmc(p, 3, &v) && v == 0x100000003ull, "RDPMC of a counter");
	ok(!pmu_read_pmc(p, 3 | BIT(31), &v) && v == 3, "its low half");
	ok(!pmu_read_pmc(p, 2 | BIT(30), &v) && v == 102, "a fixed one");
	ok(pmu_read_pmc(p, 4, &v) && pmu_read_pmc(p, 3 | BIT(30), &v) &&
	   pmu_read_pmc(p, BIT(29), &v) && pmu_read_pmc(p, ~0u, &v), "no others");
	fake_intel(p, 1 | 4 << 8 | 48 << 16, 0, EDX, true, false);
	ok(pmu_read_pmc(p, BIT(30), &v), "no fixed ones in version 1");
	fake_amd(p, false);
	ok(!pmu_read_pmc(p, 3, &v) && pmu_read_pmc(p, 4, &v), "AMD: four");
	fake_amd(p, true);
	ok(!pmu_read_pmc(p, 5, &v) && pmu_read_pmc(p, 6, &v), "or six");
}

static void test_amd(void)
{
	struct perf_event *e;

	fake_amd(p, false);
	ok(rd(p, CORE_SELECT) == ~0ull && !rd(p, K7_SELECT + 3), "the old MSRs alone");
	fake_amd(p, true);
	ok(!wr(p, CORE_SELECT + 10, 0) && wr(p, CORE_SELECT + 12, 0) == -ENOENT,
	   "six counters, two MSRs each");
	ok(rd(p, GLOBAL) == ~0ull, "none of Intel's");
	/* bits 32 and 33 are the event's, not transactions' */
	wr(p, K7_SELECT + 1, 0x300000000ull | ON_INT | 0x1c2);
	wr(p, CORE_COUNT + 2, -2ull);
	ok(rd(p, CORE_SELECT + 2) == (0x300000000ull | ON_INT | 0x1c2) &&
	   rd(p, K7_COUNT + 1) == M48 - 1, "two names of one counter");
	guest_runs(p, 3);
	e = fake_event(p, 1);
	ok(e && e->attr.config == 0x3000001c2ull && e->attr.sample_period,
	   "twelve bits of event");
	ok(fake_interrupts == 1 && rd(p, K7_COUNT + 1) == 1, "it interrupts");
	fake_amd(p, true);
	wr(p, K7_SELECT, ON | INSNS);
	wr(p, K7_SELECT + 1, ON | 0xc2);
	guest_runs(p, 0);
	pmu_insn(p, true, true);
	pmu_insn(p, false, true);
	ok(rd(p, K7_COUNT) == 2 && rd(p, K7_COUNT + 1) == 1, "what was emulated is counted");
}

static void test_filter(void)
{
	u64 events[] = { CYCLES, INSNS, 0x412e };
	struct pmu_filter f = { .allow = false, .fixed = 2, .nr = 3, .events = events };
	u64 high[] = { 0x3000001c2ull };

	intel();
	fake_filter = &f;
	wr(p, GLOBAL, pmu_all(p));
	wr(p, FIXED_CTRL, 0x333);
	wr(p, SELECT, ON | INSNS);
	wr(p, SELECT + 1, ON | BRANCHES);
	wr(p, SELECT + 2, ON | 0x1000000 | 0x412e);
	guest_runs(p, 10);
	ok(!rd(p, PERFCTR) && rd(p, PERFCTR + 1) == 10 && !rd(p, PERFCTR + 2),
	   "denied: event and unit mask are what is compared");
	ok(rd(p, FIXED) == 10 && !rd(p, FIXED + 1) && rd(p, FIXED + 2) == 10,
	   "fixed ones by their bit");
	f.allow = true;
	p->stale = pmu_all(p);
	fake_wanted = true;
	guest_runs(p, 5);
	ok(rd(p, PERFCTR) == 5 && rd(p, PERFCTR + 1) == 10 && rd(p, PERFCTR + 2) == 5 &&
	   rd(p, FIXED) == 10 && rd(p, FIXED + 1) == 5, "another filter, and they run on by that");
	f.nr = 0;
	f.fixed = 0;
	ok(!pmu_filter_passes(&f, INSNS, -1) && !pmu_filter_passes(&f, 0, 0), "allow nothing");
	f.allow = false;
	ok(pmu_filter_passes(&f, INSNS, -1) && pmu_filter_passes(&f, 0, 0), "deny nothing");
	fake_amd(p, true);
	f = (struct pmu_filter) { .nr = 1, .events = high };
	fake_filter = &f;
	wr(p, CORE_SELECT, 0x3000001c2ull | ON);
	wr(p, CORE_SELECT + 2, 0x1c2ull | ON);
	guest_runs(p, 10);
	ok(!rd(p, CORE_COUNT) && rd(p, CORE_COUNT + 2) == 10, "AMD: twelve bits");
	fake_filter = NULL;
}

static void test_emulated(void)
{
	intel();
	wr(p, GLOBAL, pmu_all(p));
	wr(p, FIXED_CTRL, 0x1);		/* the kernel's */
	wr(p, SELECT, PMU_SEL_USR | PMU_SEL_EN | INSNS);
	wr(p, SELECT + 1, ON | BRANCHES);
	wr(p, SELECT + 2, ON | INSNS | 0x2000000);	/* cycles in which two retire */
	wr(p, SELECT + 3, ON | CYCLES);
	guest_runs(p, 0);
	pmu_insn(p, false, true);
	pmu_insn(p, true, false);
	pmu_insn(p, true, false);
	ok(rd(p, PERFCTR) == 1 && rd(p, FIXED) == 2 && rd(p, PERFCTR + 1) == 2,
	   "instructions and branches, by privilege");
	ok(!rd(p, PERFCTR + 2) && !rd(p, PERFCTR + 3), "no other events");
	ok(!fake_wanted, "nothing to do before the entry");
	wr(p, PERFCTR, -2ull);
	guest_runs(p, 1);
	pmu_insn(p, false, true);
	ok(!rd(p, PERFCTR) && rd(p, STATUS) == 1, "a wrap by an emulated one");
	wr(p, RESET, 1);
	guest_runs(p, 5);
	ok(!rd(p, STATUS) && rd(p, PERFCTR) == 5, "of which perf does not tell again");
	wr(p, SELECT + 1, ON_INT | BRANCHES);
	wr(p, PERFCTR + 1, -3ull);
	guest_runs(p, 0);
	pmu_insn(p, true, true);
	guest_runs(p, 1);
	ok(!fake_interrupts, "two of three");
	guest_runs(p, 1);
	ok(fake_interrupts == 1 && rd(p, STATUS) == 2,
	   "its event ends its period that much earlier");
	wr(p, PERFCTR + 1, -1ull);
	guest_runs(p, 0);
	pmu_insn(p, true, true);
	guest_runs(p, 0);
	ok(fake_interrupts == 2 && !rd(p, PERFCTR + 1), "the emulated one makes it wrap");
	wr(p, GLOBAL, 0);
	guest_runs(p, 0);
	ok(!p->insns && !p->branches, "stopped: nobody has to be told");
	wr(p, GLOBAL, 1);
	guest_runs(p, 0);
	pmu_insn(p, false, true);
	wr(p, PERFCTR, 7);
	ok(rd(p, PERFCTR) == 7, "a write is not added to");
}

static void test_events_come_and_go(void)
{
	unsigned int i;

	intel();
	wr(p, SELECT, ON | CYCLES);
	wr(p, SELECT + 1, ON | INSNS);
	for (i = 0; i < 50; i++) {
		wr(p, GLOBAL, 3);
		guest_runs(p, 2);
		wr(p, GLOBAL, 0);
		guest_runs(p, 2);
		pmu_age(p);
	}
	ok(fake_perf.created == 2 && rd(p, PERFCTR) == 100, "stop and go: the same events");
	ok(fake_perf.live == 2, "they stay for a while");
	wr(p, GLOBAL, 1);
	guest_runs(p, 0);
	pmu_age(p);
	ok(fake_perf.live == 1 && fake_event(p, 0) && !fake_event(p, 1),
	   "unused for long: the event is given back");
	ok(rd(p, PERFCTR + 1) == 100, "not the value");
	wr(p, GLOBAL, 3);
	guest_runs(p, 1);
	ok(rd(p, PERFCTR + 1) == 101 && rd(p, PERFCTR) == 101, "there is another if need be");
	wr(p, SELECT, ON | BRANCHES);
	guest_runs(p, 1);
	ok(fake_perf.live == 2 && rd(p, PERFCTR) == 102, "another event, the value goes on");
	fake_perf.refuses = true;
	wr(p, SELECT, ON | 0x77);
	guest_runs(p, 1);
	ok(!fake_event(p, 0) && rd(p, PERFCTR) == 102, "what perf refuses stands still");
	fake_perf.refuses = false;
	wr(p, SELECT, ON | 0x78);
	guest_runs(p, 1);
	ok(rd(p, PERFCTR) == 103, "and is tried again");
	pmu_reset(p);
	ok(!fake_perf.live && !rd(p, PERFCTR) && !rd(p, SELECT) && rd(p, GLOBAL) == 0xf &&
	   !p->held && !p->stale, "reset");
}

/* Against a counter that is just a number: writes, stops, runs, in any order */
static void test_random(void)
{
	u64 want[2] = {}, wrapped = 0, n;
	unsigned int i, k, wrong = 0, late = 0, ints = 0;
	bool on[2] = {};

	intel();
	wr(p, GLOBAL, 3);
	srand(1);
	for (i = 0; i < 20000; i++) {
		k = rand() & 1;
		switch (rand() % 6) {
		case 0:
			on[k] = rand() & 1;
			wr(p, SELECT + k, CYCLES | ALL_RINGS | PMU_SEL_INT |
			   (on[k] ? PMU_SEL_EN : 0));
			break;
		case 1:
			want[k] = (M48 - rand() % 300) & M48;
			wr(p, WIDE + k, want[k]);
			break;
		case 2:
			wr(p, RESET, BIT_ULL(k));
			wrapped &= ~BIT_ULL(k);
			break;
		case 3:
			pmu_age(p);
			break;
		case 4:
			wrong += rd(p, PERFCTR + k) != want[k];
			late += rd(p, STATUS) != wrapped;
			break;
		default:
			n = rand() % 100;
			for (k = 0; k < 2; k++) {
				want[k] += on[k] ? n : 0;
				if (want[k] > M48) {
					wrapped |= BIT_ULL(k);
					ints++;
				}
				want[k] &= M48;
			}
			guest_runs(p, n);
		}
	}
	ok(!wrong, "random: values (%u wrong)", wrong);
	ok(!late, "random: GLOBAL_STATUS (%u wrong)", late);
	ok(ints > 500 && fake_interrupts <= ints && fake_interrupts > ints / 2,
	   "random: interrupts (%u, %u wraps)", fake_interrupts, ints);
}

int main(void)
{
	test_shape();
	test_reserved_bits();
	test_what_perf_gets();
	test_missing_events();
	test_overflow();
	test_lost_interrupts();
	test_writes();
	test_rdpmc();
	test_amd();
	test_filter();
	test_emulated();
	test_events_come_and_go();
	test_random();
	return tap_done();
}
