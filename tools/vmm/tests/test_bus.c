// SPDX-License-Identifier: GPL-2.0-only
/* Which range gets an access, and what happens to those nobody claims. */
#include <errno.h>
#include <string.h>

#include "box.h"
#include "bus.h"
#include "gmem.h"

struct seen {
	struct vmm *vmm;
	unsigned int calls;
	uint64_t offset;
	unsigned int len;
	bool write;
	int answer;
};

static int note(void *opaque, uint64_t offset, void *data, unsigned int len, bool write)
{
	struct seen *s = opaque;

	s->calls++;
	s->offset = offset;
	s->len = len;
	s->write = write;
	if (!write)
		memset(data, 0x5a, len);
	return s->answer;
}

static int nest(void *opaque, uint64_t offset, void *data, unsigned int len, bool write)
{
	struct seen *s = opaque;

	(void)offset; (void)data; (void)len; (void)write;
	s->calls++;
	/* A BAR that moves does this from inside its own access. */
	s->answer = bus_del(s->vmm, NULL, BUS_MMIO, 0x9000, 0x1000);
	return bus_add(s->vmm, NULL, BUS_MMIO, 0xa000, 0x1000, "nest", nest, s);
}

static uint64_t rd(struct vmm *vmm, uint64_t addr, unsigned int len)
{
	uint64_t v = 0;

	bus_access(vmm, BUS_MMIO, addr, &v, len, false);
	return v;
}

static void test_choice(struct vmm *vmm)
{
	struct seen big = { .vmm = vmm }, small = { .vmm = vmm }, late = { .vmm = vmm };

	ok(!bus_add(vmm, NULL, BUS_MMIO, 0x1000, 0x1000, "big", note, &big) &&
	   !bus_add(vmm, NULL, BUS_MMIO, 0x1800, 0x10, "small", note, &small) &&
	   bus_add(vmm, NULL, BUS_MMIO, 0x1800, 0x10, "same", note, &late) == -EEXIST,
	   "nested ranges; the same one twice is refused");
	rd(vmm, 0x1804, 4);
	ok(small.calls == 1 && !big.calls && small.offset == 4 && small.len == 4,
	   "the smallest range gets it, with its own offset");
	rd(vmm, 0x180c, 8);
	ok(small.calls == 1 && big.calls == 1 && big.offset == 0x80c,
	   "one that leaves the small range goes to the big one");
	rd(vmm, 0x17fc, 8);
	ok(big.calls == 2, "one that enters it too");
	ok(rd(vmm, 0x1ff8, 8) == 0x5a5a5a5a5a5a5a5aull && rd(vmm, 0x1ffc, 8) == UINT64_MAX &&
	   big.calls == 3, "one across the end is nobody's");
	ok(!bus_del(vmm, NULL, BUS_MMIO, 0x1800, 0x10) &&
	   bus_del(vmm, NULL, BUS_MMIO, 0x1800, 0x10) == -ENOENT, "removed once");
	rd(vmm, 0x1804, 4);
	ok(small.calls == 1 && big.calls == 4, "then the big one has it");
	bus_del(vmm, NULL, BUS_MMIO, 0x1000, 0x1000);
}

static void test_unclaimed(struct vmm *vmm)
{
	struct seen s = { .vmm = vmm, .answer = -ENXIO };
	uint64_t before = bus_unclaimed(vmm);

	ok(rd(vmm, 0x5000, 1) == 0xff && rd(vmm, 0x5000, 2) == 0xffff &&
	   rd(vmm, UINT64_MAX, 4) == 0xffffffff && bus_unclaimed(vmm) == before + 3,
	   "nobody's: all ones, of the right width, counted");
	ok(!bus_add(vmm, NULL, BUS_MMIO, 0x6000, 0x10, "no", note, &s) &&
	   rd(vmm, 0x6000, 4) == 0xffffffff && s.calls == 1 && bus_unclaimed(vmm) == before + 4,
	   "a handler that declines: the same");
	bus_del(vmm, NULL, BUS_MMIO, 0x6000, 0x10);
}

static void test_bounds(struct vmm *vmm)
{
	struct seen s = { .vmm = vmm };

	ok(bus_add(vmm, NULL, BUS_MMIO, 0, 0, "x", note, &s) == -EINVAL, "an empty range");
	ok(bus_add(vmm, NULL, BUS_MMIO, UINT64_MAX - 1, 4, "x", note, &s) == -EINVAL,
	   "one that wraps");
	ok(bus_add(vmm, NULL, BUS_PIO, 0xffff, 2, "x", note, &s) == -EINVAL,
	   "beyond the last port");
	ok(!bus_add(vmm, NULL, BUS_MMIO, UINT64_MAX - 3, 4, "x", note, &s), "up to the last byte");
	rd(vmm, UINT64_MAX - 3, 4);
	ok(s.calls == 1 && s.offset == 0, "and reached there");
	bus_del(vmm, NULL, BUS_MMIO, UINT64_MAX - 3, 4);
}

static void test_nesting(struct vmm *vmm)
{
	struct seen s = { .vmm = vmm, .answer = 1 };

	bus_add(vmm, NULL, BUS_MMIO, 0x9000, 0x1000, "nest", nest, &s);
	rd(vmm, 0x9000, 4);
	ok(s.calls == 1 && s.answer == 0, "a handler can move its own range");
	s.calls = 0;
	rd(vmm, 0x9000, 4);
	ok(!s.calls, "it has left its old place");
	bus_del(vmm, NULL, BUS_MMIO, 0xa000, 0x1000);
}

static void test_gmem(void)
{
	struct gmem *m = gmem_new();
	uint64_t gpa, len;
	char buf[16] = "0123456789";
	uint8_t *p;

	ok(gmem_add_ram(m, 0, 0) == -EINVAL && gmem_add_ram(m, 1, 4096) == -EINVAL &&
	   gmem_add_ram(m, 0, 100) == -EINVAL && gmem_add_ram(m, -4096ull, 8192) == -EINVAL,
	   "empty, odd and wrapping regions are refused");
	ok(!gmem_add_ram(m, 0x100000000ull, 4 << 20) && !gmem_add_ram(m, 0, 4 << 20) &&
	   gmem_add_ram(m, 0x1000, 0x1000) == -EEXIST, "two regions, no overlap");
	ok(!gmem_region(m, 0, &gpa, &len, NULL) && gpa == 0 &&
	   !gmem_region(m, 1, &gpa, &len, NULL) && gpa == 0x100000000ull &&
	   gmem_region(m, 2, &gpa, &len, NULL) == -ENOENT, "listed in order");
	p = gmem_ptr(m, 0, 4 << 20);
	ok(p && !((uintptr_t)p & ((2 << 20) - 1)), "2 MiB of guest are 2 MiB of host");
	ok(gmem_ptr(m, (4 << 20) - 1, 1) && !gmem_ptr(m, (4 << 20) - 1, 2) &&
	   !gmem_ptr(m, 4 << 20, 1) && !gmem_ptr(m, 0, 0) && !gmem_ptr(m, 0, UINT64_MAX) &&
	   !gmem_ptr(m, 1, UINT64_MAX) && !gmem_ptr(m, UINT64_MAX, 1) &&
	   !gmem_ptr(m, 0xffffffff, 2), "nothing outside, across or wrapping");
	ok(!gmem_write(m, 100, buf, 10) && !memcmp(p + 100, buf, 10) &&
	   gmem_read(m, (4 << 20) - 4, buf, 5) == -EFAULT && buf[0] == '0' &&
	   gmem_write(m, (4 << 20) - 4, buf, 5) == -EFAULT && !p[(4 << 20) - 4],
	   "copies are whole or not at all");
	gmem_free(m);

	m = gmem_new();
	ok(!gmem_add_ram(m, 0x123000, 4 << 20) &&
	   ((uintptr_t)gmem_ptr(m, 0x123000, 1) & ((2 << 20) - 1)) == 0x123000,
	   "host and guest addresses agree within 2 MiB");
	gmem_free(m);
}

int main(void)
{
	struct vmm vmm;

	box_quiet();
	if (box_open(&vmm, "--memory 16M --no-rng"))
		bail_out("no machine");
	test_choice(&vmm);
	test_unclaimed(&vmm);
	test_bounds(&vmm);
	test_nesting(&vmm);
	box_close(&vmm);
	test_gmem();
	return tap_end();
}
