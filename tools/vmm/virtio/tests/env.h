/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine without CPUs or KVM: memory, bus, PCI bridge and the virtio
 * devices, driven through bus accesses as a guest's would.
 */
#ifndef VIRTIO_TESTS_ENV_H
#define VIRTIO_TESTS_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "ring.h"
#include "vmm.h"

#define ENV_RAM		(16ull << 20)
#define SLOT_BRIDGE	0
#define SLOT_DISK	1
#define SLOT_CONSOLE	2
#define SLOT_RNG	3

struct env {
	struct vmm vmm;
};

/* Slots as above; the I/O thread runs when @threads. */
struct env *env_new(const char *disk, bool readonly, bool threads);
void env_free(struct env *e);
/* A file of @len zero bytes that is gone with its descriptor; its path. */
const char *env_tmpfile(uint64_t len);

uint64_t mmio_read(struct env *e, uint64_t addr, unsigned int len);
void mmio_write(struct env *e, uint64_t addr, unsigned int len, uint64_t val);
uint64_t cfg_read(struct env *e, unsigned int slot, unsigned int off,
		  unsigned int len);
void cfg_write(struct env *e, unsigned int slot, unsigned int off,
	       unsigned int len, uint64_t val);

/* ---- the driver's way to a working device ---- */

struct drv {
	struct env *e;
	unsigned int slot;
	uint64_t bar, common, isr, device, notify;	/* addresses */
	uint8_t cfg_cap, msix_cap;			/* offsets */
	uint64_t offered;
	struct ring ring[4];
};

/* Offsets in the common structure (virtio 1.2, 4.1.4.3). */
enum {
	C_DEVICE_SELECT = 0, C_DEVICE_FEATURE = 4, C_DRIVER_SELECT = 8,
	C_DRIVER_FEATURE = 12, C_CONFIG_VECTOR = 16, C_NUM_QUEUES = 18,
	C_STATUS = 20, C_GENERATION = 21, C_QUEUE_SELECT = 22,
	C_QUEUE_SIZE = 24, C_QUEUE_VECTOR = 26, C_QUEUE_ENABLE = 28,
	C_QUEUE_OFF = 30, C_QUEUE_DESC = 32, C_QUEUE_AVAIL = 40,
	C_QUEUE_USED = 48,
};

enum { S_ACK = 1, S_DRIVER = 2, S_OK = 4, S_FEATURES = 8, S_NEEDS = 64, S_FAILED = 128 };

/* Finds the capabilities, enables memory and bus mastering. False: none. */
bool drv_probe(struct drv *d, struct env *e, unsigned int slot);
void drv_reset(struct drv *d);
/* Up to FEATURES_OK with @features of its kind plus VERSION_1. */
bool drv_negotiate(struct drv *d, uint64_t features);
void drv_queue(struct drv *d, unsigned int q, uint16_t size);
void drv_go(struct drv *d);
/* All of the above for @n queues. */
bool drv_start(struct drv *d, uint64_t features, unsigned int n);
uint8_t drv_status(struct drv *d);
void drv_kick(struct drv *d, unsigned int q);
/* Offer one chain, kick, wait for it. The used length, or -1 in 5 seconds. */
int64_t drv_run(struct drv *d, unsigned int q, const struct ring_buf *buf,
		unsigned int n);
bool drv_wait(struct drv *d, unsigned int q);
/* Wait for a status bit; false after 5 seconds. */
bool drv_wait_status(struct drv *d, uint8_t bit);

/* Where drv_queue() puts rings, and where tests may put data. */
#define RING_AREA	0x100000
#define DATA_AREA	0x200000

/* The terminal's other end. */
size_t env_type(struct env *e, const char *text);
const char *env_output(void);
bool env_room_asked(void);

#endif
