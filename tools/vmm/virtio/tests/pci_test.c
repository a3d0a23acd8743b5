// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space, vectors and the transport's registers: what a driver
 * may see and set, in every state a device can be in.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus.h"
#include "device.h"
#include "env.h"
#include "irq.h"
#include "machine.h"
#include "tap.h"

static struct env *env;

/* ---- what reaches the interrupt controllers ---- */

static int lines_up;

int __real_irq_set(struct irq *irq, int level);
int __wrap_irq_set(struct irq *irq, int level);

/* every handle here is another device's, and only one device is driven */
int __wrap_irq_set(struct irq *irq, int level)
{
	__atomic_store_n(&lines_up, level, __ATOMIC_SEQ_CST);
	return __real_irq_set(irq, level);
}

static bool line_up(void)
{
	return __atomic_load_n(&lines_up, __ATOMIC_SEQ_CST);
}

/* The I/O thread interrupts after it has returned a buffer: give it time. */
static bool soon(bool (*what)(struct drv *d), struct drv *d)
{
	for (int i = 0; i < 50000 && !what(d); i++)
		usleep(100);
	return what(d);
}

static bool pin_high(struct drv *d)
{
	return cfg_read(env, d->slot, 6, 2) & 8;
}

static bool vector_pending(struct drv *d)
{
	uint32_t pba = cfg_read(env, d->slot, d->msix_cap + 8, 4) & ~7u;

	return mmio_read(env, d->bar + pba, 8) == 2;
}

/* ---- the bus ---- */

static void presence(void)
{
	static const struct {
		unsigned int slot;
		uint32_t id, class_code;
	} row[] = {
		{ SLOT_BRIDGE, 0x00081b36, 0x060000 },
		{ SLOT_DISK, 0x10421af4, 0x018000 },
		{ SLOT_CONSOLE, 0x10431af4, 0x078000 },
		{ SLOT_RNG, 0x10441af4, 0x00ff00 },
	};
	unsigned int others = 0;

	for (unsigned int i = 0; i < 4; i++)
		ok(cfg_read(env, row[i].slot, 0, 4) == row[i].id &&
		   cfg_read(env, row[i].slot, 8, 4) >> 8 == row[i].class_code,
		   "slot %u is %04x:%04x", row[i].slot, row[i].id & 0xffff,
		   row[i].id >> 16);
	for (unsigned int devfn = 0; devfn < 256; devfn++)
		others += mmio_read(env, MACHINE_PCI_ECAM + (devfn << 12), 4) !=
			  0xffffffff;
	ok(others == 4, "and nothing else answers (%u)", others);
	ok(cfg_read(env, SLOT_DISK, 0x100, 4) == 0 &&
	   cfg_read(env, SLOT_DISK, 0xffc, 4) == 0,
	   "no extended capabilities");
}

static uint32_t port(uint16_t addr, unsigned int len, bool write, uint32_t val)
{
	bus_access(&env->vmm, BUS_PIO, addr, &val, len, write);
	return len < 4 ? val & ((1u << (8 * len)) - 1) : val;
}

static void ports(void)
{
	bool same = true;

	for (unsigned int off = 0; off < 256; off += 4) {
		port(0xcf8, 4, true, 0x80000000 | SLOT_DISK << 11 | off);
		same &= port(0xcfc, 4, false, 0) == cfg_read(env, SLOT_DISK, off, 4);
		same &= port(0xcfe, 2, false, 0) == cfg_read(env, SLOT_DISK, off + 2, 2);
		same &= port(0xcff, 1, false, 0) == cfg_read(env, SLOT_DISK, off + 3, 1);
	}
	ok(same, "ports 0xcf8/0xcfc show the same bytes");
	port(0xcf8, 4, true, SLOT_DISK << 11);
	ok(port(0xcfc, 4, false, 0) == 0xffffffff, "nothing while disabled");
	port(0xcf8, 4, true, 0x80010000 | SLOT_DISK << 11);
	ok(port(0xcfc, 4, false, 0) == 0xffffffff, "nothing on bus 1");
	port(0xcf8, 2, true, 0);
	port(0xcfb, 1, true, 0);
	ok(port(0xcf8, 4, false, 0) == (0x80010000 | SLOT_DISK << 11),
	   "the address register takes 32 bits only");
}

/* ---- base address registers ---- */

static void bars(void)
{
	uint32_t bar = cfg_read(env, SLOT_DISK, 0x10, 4);
	uint32_t size, moved = MACHINE_PCI_MMIO32_END - 0x8000;
	struct drv d;

	ok(bar >= MACHINE_PCI_MMIO32 && bar < MACHINE_PCI_MMIO32_END,
	   "BAR 0 is assigned: %#x", bar);
	cfg_write(env, SLOT_DISK, 4, 2, 0);
	ok(mmio_read(env, bar + 18, 2) == 0xffff, "silent with memory disabled");
	drv_probe(&d, env, SLOT_DISK);
	ok(mmio_read(env, bar + 18, 2) == 1, "answers once enabled");
	cfg_write(env, SLOT_DISK, 0x10, 4, 0xffffffff);
	size = ~(cfg_read(env, SLOT_DISK, 0x10, 4) & ~0xfu) + 1;
	ok(size == 0x8000, "its size reads as %#x", size);
	ok(mmio_read(env, bar + 18, 2) == 0xffff, "gone from the old place");
	cfg_write(env, SLOT_DISK, 0x10, 4, moved);
	ok(mmio_read(env, moved + 18, 2) == 1, "moved to the window's end");
	cfg_write(env, SLOT_DISK, 0x10, 4, 0x100000);
	ok(mmio_read(env, 0x100000 + 18, 2) == 0xffff, "not over RAM");
	cfg_write(env, SLOT_DISK, 0x10, 4, 0xfee00000);
	ok(mmio_read(env, 0xfee00000 + 18, 2) == 0xffff, "not over the APIC");
	cfg_write(env, SLOT_DISK, 0x10, 4, MACHINE_PCI_ECAM);
	ok(cfg_read(env, SLOT_BRIDGE, 0, 4) == 0x00081b36, "not over ECAM");
	cfg_write(env, SLOT_DISK, 0x11, 1, 0x12);
	cfg_write(env, SLOT_DISK, 0x10, 4, cfg_read(env, SLOT_CONSOLE, 0x10, 4));
	cfg_write(env, SLOT_CONSOLE, 4, 2, 2);
	cfg_write(env, SLOT_CONSOLE, 4, 2, 0);
	cfg_write(env, SLOT_DISK, 0x10, 4, bar);
	ok(mmio_read(env, bar + 18, 2) == 1, "and back, after two on one place");
	for (unsigned int i = 1; i < 6; i++) {
		cfg_write(env, SLOT_DISK, 0x10 + 4 * i, 4, 0xffffffff);
		if (cfg_read(env, SLOT_DISK, 0x10 + 4 * i, 4))
			break;
		if (i == 5)
			ok(true, "there are no other BARs");
	}
}

static void capabilities(unsigned int slot, unsigned int want)
{
	unsigned int cap = cfg_read(env, slot, 0x34, 1), n = 0, types = 0;
	bool sane = cfg_read(env, slot, 6, 2) & 0x10;
	uint8_t seen[256] = { 0 };

	while (cap) {
		unsigned int id = cfg_read(env, slot, cap, 1);
		unsigned int len = id == 0x11 ? 12 : cfg_read(env, slot, cap + 2, 1);

		sane &= cap >= 0x40 && cap % 4 == 0 && cap + len <= 256;
		for (unsigned int i = 0; sane && i < len; i++)
			sane &= !seen[cap + i]++;
		if (id == 9) {
			unsigned int type = cfg_read(env, slot, cap + 3, 1);
			uint64_t end = cfg_read(env, slot, cap + 8, 4) +
				       cfg_read(env, slot, cap + 12, 4);

			types |= 1u << type;
			sane &= type == 5 || end <= 0x8000;
		}
		n++;
		if (!sane)
			break;
		cap = cfg_read(env, slot, cap + 1, 1);
	}
	ok(sane && types == want, "slot %u: %u sane capabilities (types %#x)",
	   slot, n, types);
}

/* ---- a sweep over configuration space ---- */

/* Bits that may change by a write of ones, per byte; the rest must not. */
static bool writable_byte(unsigned int off, unsigned int cfg_cap,
			  unsigned int msix_cap)
{
	return off == 4 || off == 5 || off == 0x0c || off == 0x0d ||
	       (off >= 0x10 && off < 0x14) || off == 0x3c ||
	       off == msix_cap + 3u ||
	       off == cfg_cap + 4u ||
	       (off >= cfg_cap + 8u && off < cfg_cap + 20u);
}

static void sweep_config(const struct drv *d, const char *state)
{
	static const uint64_t pattern[] = { ~0ull, 0, 0xa5a5a5a5a5a5a5a5 };
	unsigned int slot = d->slot, wrong = 0, cut = 0;
	uint8_t before[256];

	for (unsigned int i = 0; i < 256; i++)
		before[i] = cfg_read(env, slot, i, 1);
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (unsigned int off = 0; off < 4096; off++) {
			for (unsigned int p = 0; p < 3; p++) {
				cfg_write(env, slot, off, len, pattern[p]);
				cfg_read(env, slot, off, len);
			}
			/* an access that runs out of the function is nobody's */
			if (off + len > 4096)
				cut += cfg_read(env, slot, off, len) !=
				       (len == 8 ? ~0ull : (1ull << 8 * len) - 1);
			/* no new fires: put back what was there */
			for (unsigned int i = off; i < off + len && i < 256; i++)
				cfg_write(env, slot, i, 1, before[i]);
		}
	}
	cfg_write(env, slot, 4, 2, 6);
	for (unsigned int i = 0; i < 256; i++)
		if (!writable_byte(i, d->cfg_cap, d->msix_cap))
			wrong += cfg_read(env, slot, i, 1) != before[i];
	ok(!wrong && !cut, "configuration sweep, %s: fixed bytes stay", state);
	ok(cfg_read(env, slot, 0x10, 4) == d->bar, "and the BAR is back");
}

static void fixed_bits(void)
{
	unsigned int changed = 0;
	struct drv d;

	drv_probe(&d, env, SLOT_DISK);
	for (unsigned int off = 0; off < 256; off++) {
		uint8_t old = cfg_read(env, SLOT_DISK, off, 1);

		cfg_write(env, SLOT_DISK, off, 1, ~old);
		if (!writable_byte(off, d.cfg_cap, d.msix_cap))
			changed += cfg_read(env, SLOT_DISK, off, 1) != old;
		cfg_write(env, SLOT_DISK, off, 1, old);
	}
	ok(!changed, "no read-only byte of configuration space can be changed");
}

/* ---- states of a virtio device ---- */

enum state { RESET, ACK, DRIVER, FEATURES, ENABLED, RUNNING, BROKEN, STATES };

static const char *const state_name[STATES] = {
	"reset", "acknowledged", "driver", "features ok", "queue enabled",
	"running", "needs reset",
};

static void enter(struct drv *d, enum state s)
{
	cfg_write(env, d->slot, 4, 2, 6);
	drv_reset(d);
	if (s == ACK)
		mmio_write(env, d->common + C_STATUS, 1, S_ACK);
	else if (s == DRIVER)
		mmio_write(env, d->common + C_STATUS, 1, S_ACK | S_DRIVER);
	if (s < FEATURES)
		return;
	if (!drv_negotiate(d, 0))
		bail_out("VERSION_1 alone is refused");
	if (s >= ENABLED)
		drv_queue(d, 0, 16);
	if (s >= RUNNING)
		drv_go(d);
	if (s == BROKEN) {
		ring_offer(&d->ring[0], 0xffff);
		drv_kick(d, 0);
		if (!drv_wait_status(d, S_NEEDS))
			bail_out("a broken ring goes unnoticed");
	}
}

/* What common configuration shows of queue 0 and the vectors. */
struct shown {
	uint64_t desc, avail, used;
	uint32_t feature[2];
	uint16_t size, vector, enable, config_vector, num, off;
};

static struct shown show(struct drv *d)
{
	struct shown s;

	memset(&s, 0, sizeof(s));
	mmio_write(env, d->common + C_QUEUE_SELECT, 2, 0);
	s.desc = mmio_read(env, d->common + C_QUEUE_DESC, 8);
	s.avail = mmio_read(env, d->common + C_QUEUE_AVAIL, 8);
	s.used = mmio_read(env, d->common + C_QUEUE_USED, 8);
	s.size = mmio_read(env, d->common + C_QUEUE_SIZE, 2);
	s.vector = mmio_read(env, d->common + C_QUEUE_VECTOR, 2);
	s.enable = mmio_read(env, d->common + C_QUEUE_ENABLE, 2);
	s.off = mmio_read(env, d->common + C_QUEUE_OFF, 2);
	s.config_vector = mmio_read(env, d->common + C_CONFIG_VECTOR, 2);
	s.num = mmio_read(env, d->common + C_NUM_QUEUES, 2);
	for (int i = 0; i < 2; i++) {
		mmio_write(env, d->common + C_DRIVER_SELECT, 4, i);
		s.feature[i] = mmio_read(env, d->common + C_DRIVER_FEATURE, 4);
	}
	return s;
}

static void scribble_at(struct drv *d, unsigned int sel, unsigned int off,
			unsigned int len)
{
	static const uint64_t pattern[] = {
		0, 1, 2, 0x10, 0x7fff, ~0ull, 0x5a5a5a5a5a5a5a5a, 0x8000000000000000,
	};
	unsigned int n = off > 64 ? 2 : 8;

	if (off <= C_STATUS && off + len > C_STATUS)
		return;
	for (unsigned int p = 0; p < n; p++) {
		mmio_write(env, d->common + C_QUEUE_SELECT, 2, sel);
		mmio_write(env, d->common + off, len, pattern[p]);
		mmio_read(env, d->common + off, len);
	}
}

/* Every register at every size and alignment, but for the status. */
static void scribble_common(struct drv *d)
{
	static const uint16_t select[] = { 0, 1, 2, 0xffff };

	for (unsigned int s = 0; s < 4; s++)
		for (unsigned int len = 1; len <= 8; len *= 2)
			for (unsigned int off = 0; off < 4096 - 7; off++)
				scribble_at(d, select[s], off, len);
}

static void sweep_common(struct drv *d, enum state s)
{
	struct shown before, after;
	uint8_t status;

	enter(d, s);
	before = show(d);
	status = drv_status(d);
	scribble_common(d);
	after = show(d);
	if (s >= RUNNING)
		ok(!memcmp(&before, &after, sizeof(before)) &&
		   drv_status(d) == status,
		   "register sweep, %s: nothing changes", state_name[s]);
	else if (s == ENABLED)
		ok(before.desc == after.desc && before.avail == after.avail &&
		   before.used == after.used && before.size == after.size &&
		   before.vector == after.vector && after.enable == 1 &&
		   !memcmp(before.feature, after.feature, 8),
		   "register sweep, %s: queue and features stay", state_name[s]);
	else if (s == FEATURES)
		ok(!memcmp(before.feature, after.feature, 8) &&
		   after.size && after.size <= 256 &&
		   !(after.size & (after.size - 1)),
		   "register sweep, %s: features stay, size is legal",
		   state_name[s]);
	else
		ok(after.enable == 0 && after.num == before.num,
		   "register sweep, %s: no queue comes to life", state_name[s]);
	/* and the same through the window in configuration space */
	drv_reset(d);
	ok(drv_start(d, 0, 1), "works again after a reset");
}

/* Every status value written in every state ends in a legal status. */
static void sweep_status(struct drv *d)
{
	unsigned int illegal = 0, cleared = 0;

	for (enum state s = 0; s < STATES; s++)
		for (unsigned int val = 0; val < 256; val++) {
			uint8_t old, new;

			enter(d, s);
			old = drv_status(d);
			mmio_write(env, d->common + C_STATUS, 1, val);
			new = drv_status(d);
			if (!val)
				illegal += new != 0;
			else
				cleared += (old & ~new) != 0;
			if ((new & S_OK) && !(new & S_FEATURES))
				illegal++;
			if ((new & ~old & S_FEATURES) && s < FEATURES)
				illegal++;	/* no VERSION_1 was accepted */
			if ((new & ~old & S_OK) && (old & S_NEEDS))
				illegal++;
		}
	ok(!illegal, "no write of the status gives an illegal one (%u)", illegal);
	ok(!cleared, "and none but 0 clears a bit (%u)", cleared);
}

static void features(struct drv *d)
{
	drv_reset(d);
	ok(drv_negotiate(d, 0), "VERSION_1 alone is enough");
	ok(d->offered >> 32 & 1 && d->offered >> 29 & 1 && d->offered >> 28 & 1,
	   "offered: VERSION_1, EVENT_IDX, INDIRECT_DESC");
	drv_reset(d);
	ok(drv_negotiate(d, d->offered), "all that is offered can be taken");
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (d->offered >> bit & 1)
			continue;
		drv_reset(d);
		if (drv_negotiate(d, 1ull << bit)) {
			ok(false, "feature %u taken though not offered", bit);
			return;
		}
	}
	ok(true, "nothing else can");
	drv_reset(d);
	mmio_write(env, d->common + C_STATUS, 1, S_ACK | S_DRIVER | S_FEATURES);
	ok(!(drv_status(d) & S_FEATURES), "nor nothing at all");
	mmio_write(env, d->common + C_DEVICE_SELECT, 4, 2);
	ok(!mmio_read(env, d->common + C_DEVICE_FEATURE, 4), "no third word");
}

static void bad_queues(struct drv *d)
{
	static const uint64_t bad[] = {
		0x80000000, ENV_RAM - 8, ~0xfull, 0x1008,
	};

	for (unsigned int i = 0; i < 4; i++) {
		enter(d, FEATURES);
		mmio_write(env, d->common + C_QUEUE_SELECT, 2, 0);
		mmio_write(env, d->common + C_QUEUE_DESC, 8, bad[i]);
		mmio_write(env, d->common + C_QUEUE_AVAIL, 8, 0x1000);
		mmio_write(env, d->common + C_QUEUE_USED, 8, 0x2000);
		mmio_write(env, d->common + C_QUEUE_ENABLE, 2, 1);
		ok((drv_status(d) & S_NEEDS) &&
		   !mmio_read(env, d->common + C_QUEUE_ENABLE, 2),
		   "a queue at %#llx asks for a reset",
		   (unsigned long long)bad[i]);
		drv_go(d);
		ok(!(drv_status(d) & S_OK), "and cannot be driven");
	}
	enter(d, FEATURES);
	drv_go(d);
	drv_kick(d, 0);
	ok(!(drv_status(d) & S_NEEDS), "a doorbell of a queue that is off is nothing");
}

/* ---- interrupts ---- */

static void break_it(struct drv *d)
{
	ring_offer(&d->ring[0], 0xffff);
	drv_kick(d, 0);
	if (!drv_wait_status(d, S_NEEDS))
		bail_out("a broken ring goes unnoticed");
}

static void pin(struct drv *d)
{
	const struct ring_buf buf = { DATA_AREA, 16, true };

	enter(d, RUNNING);
	ok(!pin_high(d) && !line_up(), "pin: low at first");
	drv_run(d, 0, &buf, 1);
	ok(soon(pin_high, d) && line_up(), "pin: high after a request");
	cfg_write(env, d->slot, 4, 2, 0x406);
	ok(pin_high(d) && !line_up(), "the command register can disable it");
	cfg_write(env, d->slot, 4, 2, 6);
	ok(line_up(), "and enable it");
	ok(mmio_read(env, d->isr, 1) == 1, "ISR says queue");
	ok(!pin_high(d) && !line_up() && !mmio_read(env, d->isr, 1),
	   "reading it lowers the pin");
	break_it(d);
	ok(soon(pin_high, d) && mmio_read(env, d->isr, 1) == 2,
	   "ISR says configuration when broken");
	enter(d, RUNNING);
	drv_run(d, 0, &buf, 1);
	soon(pin_high, d);
	drv_reset(d);
	ok(!pin_high(d) && !line_up(), "a reset lowers the pin");
}

static void vectors(struct drv *d)
{
	const struct ring_buf buf = { DATA_AREA, 16, true };
	uint64_t table = d->bar + (cfg_read(env, d->slot, d->msix_cap + 4, 4) & ~7u);
	uint64_t pba = d->bar + (cfg_read(env, d->slot, d->msix_cap + 8, 4) & ~7u);
	unsigned int ctrl = d->msix_cap + 2;
	unsigned int n = (cfg_read(env, d->slot, ctrl, 2) & 0x7ff) + 1;

	enter(d, RUNNING);
	ok(n == 2, "one vector for the queue, one for the configuration");
	ok(mmio_read(env, table + 12, 4) == 1 && mmio_read(env, table + 28, 4) == 1,
	   "all masked at first");
	mmio_write(env, table + 16, 8, 0xfee00000);
	mmio_write(env, table + 24, 4, 0x41);
	ok(mmio_read(env, table + 16, 8) == 0xfee00000 &&
	   mmio_read(env, table + 24, 4) == 0x41, "entries keep what is written");
	mmio_write(env, table + 18, 2, 0xffff);
	mmio_write(env, table + 17, 1, 0xff);
	ok(mmio_read(env, table + 16, 4) == 0xfee00000, "but by dwords only");
	mmio_write(env, table + 28, 4, ~0u);
	ok(mmio_read(env, table + 28, 4) == 1, "reserved control bits stay 0");
	mmio_write(env, table + 32, 4, 0x1234);
	ok(mmio_read(env, table + 32, 4) != 0x1234, "there is no third entry");

	cfg_write(env, d->slot, ctrl, 2, 0x8000);
	drv_run(d, 0, &buf, 1);
	ok(soon(vector_pending, d), "masked: the pending bit is set");
	ok(mmio_read(env, pba, 2) == 0xffff && mmio_read(env, pba + 2, 4) == ~0u,
	   "shown to aligned reads of dwords only");
	ok(!mmio_read(env, d->isr, 1), "and the pin is out of use");
	mmio_write(env, pba, 8, 0);
	ok(mmio_read(env, pba, 4) == 2 && !mmio_read(env, pba + 4, 4),
	   "pending bits cannot be written");
	mmio_write(env, table + 28, 4, 0);
	ok(mmio_read(env, pba, 8) == 0, "unmasked: it has been sent");
	cfg_write(env, d->slot, ctrl, 2, 0xc000);
	drv_run(d, 0, &buf, 1);
	ok(soon(vector_pending, d), "function mask: pending again");
	cfg_write(env, d->slot, ctrl, 2, 0);
	ok(mmio_read(env, pba, 8) == 0, "disabled: nothing pending");

	enter(d, FEATURES);
	mmio_write(env, d->common + C_CONFIG_VECTOR, 2, n);
	ok(mmio_read(env, d->common + C_CONFIG_VECTOR, 2) == 0xffff,
	   "a vector that is not there reads back as none");
	mmio_write(env, d->common + C_CONFIG_VECTOR, 2, n - 1);
	ok(mmio_read(env, d->common + C_CONFIG_VECTOR, 2) == n - 1,
	   "the last one is taken");
}

/* ---- the window in configuration space ---- */

static void window_set(struct drv *d, uint8_t bar, uint32_t off, uint32_t len)
{
	cfg_write(env, d->slot, d->cfg_cap + 4, 1, bar);
	cfg_write(env, d->slot, d->cfg_cap + 8, 4, off);
	cfg_write(env, d->slot, d->cfg_cap + 12, 4, len);
}

static void window(struct drv *d)
{
	unsigned int data = d->cfg_cap + 16;
	unsigned int reached = 0;

	enter(d, DRIVER);
	window_set(d, 0, C_STATUS, 1);
	ok(cfg_read(env, d->slot, data, 1) == (S_ACK | S_DRIVER),
	   "window: the status can be read");
	cfg_write(env, d->slot, data, 1, 0);
	ok(!drv_status(d), "window: and written");
	window_set(d, 0, C_NUM_QUEUES, 2);
	ok(cfg_read(env, d->slot, data, 2) == 1, "window: two bytes");
	for (unsigned int len = 0; len < 10; len++)
		for (unsigned int i = 0; i < 12; i++) {
			uint32_t off = (uint32_t[]) { 0, 1, 2, 3, 0xfff, 0x1000,
				0x7ffd, 0x7fff, 0x8000, 0x80000000, ~0u, ~3u }[i];

			for (unsigned int bar = 0; bar < 8; bar++) {
				window_set(d, bar, off, len == 9 ? ~0u : len);
				cfg_write(env, d->slot, data, 4, 0x5a5a5a5a);
				if (bar || off > 0x7ffc || !len || len > 4 ||
				    len == 3 || off % len)
					reached += cfg_read(env, d->slot, data, 4) !=
						   0x5a5a5a5a;
				cfg_read(env, d->slot, data, 4);
			}
		}
	ok(!reached, "window: no bad bar, offset or length reaches anything");
	enter(d, RUNNING);
	ok(drv_status(d) & S_OK, "the device still works");
}

/* All of the BAR at all sizes, in every state; the device must come back. */
static void sweep_bar(struct drv *d)
{
	const struct ring_buf buf = { DATA_AREA, 16, true };

	for (enum state s = 0; s < STATES; s++) {
		enter(d, s);
		for (unsigned int len = 1; len <= 8; len *= 2)
			for (unsigned int off = 0; off + len <= 0x8000; off++) {
				if (off <= C_STATUS && off + len > C_STATUS)
					continue;
				mmio_read(env, d->bar + off, len);
				mmio_write(env, d->bar + off, len, off & 1 ? 0 : ~0ull);
			}
		drv_reset(d);
		ok(drv_start(d, 0, 1) && drv_run(d, 0, &buf, 1) > 0,
		   "BAR sweep, %s: alive after a reset", state_name[s]);
	}
}

static void bus_mastering(struct drv *d)
{
	const struct ring_buf buf = { DATA_AREA, 16, true };

	enter(d, RUNNING);
	cfg_write(env, d->slot, 4, 2, 2);
	ring_offer(&d->ring[0], ring_chain(&d->ring[0], &buf, 1));
	drv_kick(d, 0);
	usleep(20000);
	ok(!ring_returned(&d->ring[0]), "no bus mastering, no memory access");
	cfg_write(env, d->slot, 4, 2, 6);
	ok(drv_wait(d, 0), "served once it is on");
}

static void machine_reset(struct drv *d)
{
	const struct ring_buf buf = { DATA_AREA, 16, true };
	uint64_t bar = d->bar;

	enter(d, RUNNING);
	devices_reset(&env->vmm);
	ok(cfg_read(env, d->slot, 4, 2) == 0 &&
	   (cfg_read(env, d->slot, 0x10, 4) & ~0xfu) == bar,
	   "machine reset: disabled, BAR still assigned");
	ok(drv_probe(d, env, d->slot) && !drv_status(d), "status 0");
	ok(drv_start(d, 0, 1) && drv_run(d, 0, &buf, 1) > 0, "and works again");
}

int main(void)
{
	struct drv d;

	env = env_new(env_tmpfile(1 << 20), false, true);
	presence();
	ports();
	bars();
	capabilities(SLOT_DISK, 0x3e);
	capabilities(SLOT_CONSOLE, 0x3e);
	capabilities(SLOT_RNG, 0x2e);
	fixed_bits();

	/* the entropy device: any buffer it is given does for a request */
	if (!ok(drv_probe(&d, env, SLOT_RNG), "a driver finds all it needs"))
		return tap_end();
	features(&d);
	sweep_status(&d);
	bad_queues(&d);
	pin(&d);
	vectors(&d);
	window(&d);
	bus_mastering(&d);
	for (enum state s = 0; s < STATES; s++) {
		enter(&d, s);
		sweep_config(&d, state_name[s]);
		sweep_common(&d, s);
	}
	sweep_bar(&d);
	machine_reset(&d);
	env_free(env);
	return tap_end();
}
