// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus.h"
#include "device.h"
#include "env.h"
#include "gmem.h"
#include "irq.h"
#include "loop.h"
#include "machine.h"
#include "tap.h"
#include "term.h"
#include "tree.h"

/* ---- the machine ---- */

struct env *env_new(const char *disk, bool readonly, bool threads)
{
	struct env *e = calloc(1, sizeof(*e));
	struct vmm *vmm = &e->vmm;

	alarm(60);	/* nothing here may hang for ever */
	vmm->kvm_fd = -1;
	vmm->vm_fd = -1;
	vmm->cfg.cpus = 1;
	vmm->cfg.memory = ENV_RAM;
	vmm->cfg.n_disks = 1;
	vmm->cfg.disks[0].file = disk;
	vmm->cfg.disks[0].readonly = readonly;
	vmm->cfg.virtio_console = true;
	vmm->cfg.rng = true;
	vmm->cfg.verbose = getenv("VERBOSE") != NULL;
	vmm->gmem = gmem_new();
	if (fdt_describe(vmm) || gmem_add_ram(vmm->gmem, 0, ENV_RAM) ||
	    bus_init(vmm) || irqs_init(vmm) || loop_init(vmm) ||
	    devices_create(vmm) || (threads && loop_start(vmm)))
		bail_out("cannot build the test machine");
	return e;
}

void env_free(struct env *e)
{
	struct vmm *vmm = &e->vmm;

	loop_stop(vmm);
	devices_destroy(vmm);
	loop_free(vmm);
	irqs_free(vmm);
	bus_free(vmm);
	gmem_free(vmm->gmem);
	free(vmm->fdt);
	free(e);
}

const char *env_tmpfile(uint64_t len)
{
	static char path[64];
	int fd = memfd_create("disk", 0);

	if (fd < 0 || ftruncate(fd, len))
		bail_out("no temporary file");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

uint64_t mmio_read(struct env *e, uint64_t addr, unsigned int len)
{
	uint64_t val = 0;

	bus_access(&e->vmm, BUS_MMIO, addr, &val, len, false);
	return val;
}

void mmio_write(struct env *e, uint64_t addr, unsigned int len, uint64_t val)
{
	bus_access(&e->vmm, BUS_MMIO, addr, &val, len, true);
}

static uint64_t ecam(unsigned int slot, unsigned int off)
{
	return MACHINE_PCI_ECAM + (slot << 15) + off;
}

uint64_t cfg_read(struct env *e, unsigned int slot, unsigned int off,
		  unsigned int len)
{
	return mmio_read(e, ecam(slot, off), len);
}

void cfg_write(struct env *e, unsigned int slot, unsigned int off,
	       unsigned int len, uint64_t val)
{
	mmio_write(e, ecam(slot, off), len, val);
}

/* ---- the driver ---- */

bool drv_probe(struct drv *d, struct env *e, unsigned int slot)
{
	unsigned int cap = cfg_read(e, slot, 0x34, 1);
	uint64_t *where[6] = { NULL, &d->common, &d->notify, &d->isr,
			       &d->device, NULL };

	*d = (struct drv) { .e = e, .slot = slot };
	d->bar = cfg_read(e, slot, 0x10, 4) & ~0xfull;
	for (int i = 0; cap && i < 48; i++) {
		unsigned int type = cfg_read(e, slot, cap + 3, 1);

		if (cfg_read(e, slot, cap, 1) == 0x11)
			d->msix_cap = cap;
		else if (type == 5)
			d->cfg_cap = cap;
		else if (type && type < 5)
			*where[type] = d->bar + cfg_read(e, slot, cap + 8, 4);
		cap = cfg_read(e, slot, cap + 1, 1);
	}
	cfg_write(e, slot, 4, 2, 6);
	return d->common && d->notify && d->isr && d->msix_cap && d->cfg_cap;
}

uint8_t drv_status(struct drv *d)
{
	return mmio_read(d->e, d->common + C_STATUS, 1);
}

void drv_reset(struct drv *d)
{
	mmio_write(d->e, d->common + C_STATUS, 1, 0);
	if (drv_status(d))
		bail_out("reset did not reset");
}

bool drv_negotiate(struct drv *d, uint64_t features)
{
	features |= 1ull << 32;
	mmio_write(d->e, d->common + C_STATUS, 1, S_ACK);
	mmio_write(d->e, d->common + C_STATUS, 1, S_ACK | S_DRIVER);
	d->offered = 0;
	for (int i = 1; i >= 0; i--) {
		mmio_write(d->e, d->common + C_DEVICE_SELECT, 4, i);
		d->offered <<= 32;
		d->offered |= mmio_read(d->e, d->common + C_DEVICE_FEATURE, 4);
		mmio_write(d->e, d->common + C_DRIVER_SELECT, 4, i);
		mmio_write(d->e, d->common + C_DRIVER_FEATURE, 4,
			   (uint32_t)(features >> (32 * i)));
	}
	mmio_write(d->e, d->common + C_STATUS, 1,
		   S_ACK | S_DRIVER | S_FEATURES);
	return drv_status(d) & S_FEATURES;
}

void drv_queue(struct drv *d, unsigned int q, uint16_t size)
{
	uint64_t base = RING_AREA + d->slot * 0x10000 + q * 0x4000;
	struct virtq_layout at = { size, base, base + 0x1000, base + 0x2000 };

	ring_init(&d->ring[q], d->e->vmm.gmem, &at);
	mmio_write(d->e, d->common + C_QUEUE_SELECT, 2, q);
	mmio_write(d->e, d->common + C_QUEUE_SIZE, 2, size);
	mmio_write(d->e, d->common + C_QUEUE_VECTOR, 2, q + 1);
	mmio_write(d->e, d->common + C_QUEUE_DESC, 8, at.desc);
	/* in halves, as most drivers do */
	mmio_write(d->e, d->common + C_QUEUE_AVAIL, 4, (uint32_t)at.avail);
	mmio_write(d->e, d->common + C_QUEUE_AVAIL + 4, 4, at.avail >> 32);
	mmio_write(d->e, d->common + C_QUEUE_USED, 4, (uint32_t)at.used);
	mmio_write(d->e, d->common + C_QUEUE_USED + 4, 4, at.used >> 32);
	mmio_write(d->e, d->common + C_QUEUE_ENABLE, 2, 1);
}

void drv_go(struct drv *d)
{
	mmio_write(d->e, d->common + C_STATUS, 1,
		   S_ACK | S_DRIVER | S_FEATURES | S_OK);
}

bool drv_start(struct drv *d, uint64_t features, unsigned int n)
{
	drv_reset(d);
	if (!drv_negotiate(d, features))
		return false;
	for (unsigned int q = 0; q < n; q++)
		drv_queue(d, q, 16);
	drv_go(d);
	return drv_status(d) == (S_ACK | S_DRIVER | S_FEATURES | S_OK);
}

void drv_kick(struct drv *d, unsigned int q)
{
	mmio_write(d->e, d->notify + 4 * q, 2, q);
}

bool drv_wait(struct drv *d, unsigned int q)
{
	for (int i = 0; i < 50000; i++) {
		if (ring_returned(&d->ring[q]))
			return true;
		usleep(100);
	}
	return false;
}

bool drv_wait_status(struct drv *d, uint8_t bit)
{
	for (int i = 0; i < 50000; i++) {
		if (drv_status(d) & bit)
			return true;
		usleep(100);
	}
	return false;
}

int64_t drv_run(struct drv *d, unsigned int q, const struct ring_buf *buf,
		unsigned int n)
{
	struct ring *r = &d->ring[q];
	uint16_t head = ring_chain(r, buf, n);
	struct vring_used_elem u;

	ring_offer(r, head);
	drv_kick(d, q);
	if (!drv_wait(d, q))
		return -1;
	u = ring_take(r);
	return u.id == head ? (int64_t)u.len : -1;
}

/* ---- the terminal, in place of term.c ---- */

static struct {
	term_input_fn fn;
	void *opaque;
	char out[4096];
	size_t len;
	bool room;
} terminal;

int term_attach(struct vmm *vmm, term_input_fn fn, void *opaque)
{
	(void)vmm;
	terminal.fn = fn;
	terminal.opaque = opaque;
	terminal.len = 0;
	return 0;
}

void term_detach(struct vmm *vmm, void *opaque)
{
	(void)vmm;
	(void)opaque;
	terminal.fn = NULL;
}

void term_room(struct vmm *vmm)
{
	(void)vmm;
	__atomic_store_n(&terminal.room, true, __ATOMIC_SEQ_CST);
}

void term_write(struct vmm *vmm, const void *buf, size_t len)
{
	(void)vmm;
	if (len > sizeof(terminal.out) - 1 - terminal.len)
		len = sizeof(terminal.out) - 1 - terminal.len;
	memcpy(terminal.out + terminal.len, buf, len);
	terminal.len += len;
}

int term_size(struct vmm *vmm, uint16_t *cols, uint16_t *rows)
{
	(void)vmm;
	*cols = 80;
	*rows = 25;
	return 0;
}

size_t env_type(struct env *e, const char *text)
{
	(void)e;
	return terminal.fn(terminal.opaque, (const uint8_t *)text,
			   strlen(text));
}

const char *env_output(void)
{
	return terminal.out;
}

bool env_room_asked(void)
{
	return __atomic_exchange_n(&terminal.room, false, __ATOMIC_SEQ_CST);
}
