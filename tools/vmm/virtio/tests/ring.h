/* SPDX-License-Identifier: GPL-2.0-only */
/* The driver's side of a split ring, well behaved or not. */
#ifndef VIRTIO_TESTS_RING_H
#define VIRTIO_TESTS_RING_H

#include <stdint.h>
#include <linux/virtio_ring.h>

#include "gmem.h"
#include "queue.h"

struct ring {
	struct gmem *mem;
	struct virtq_layout at;
	uint16_t avail_idx;	/* next to write */
	uint16_t used_idx;	/* next to look at */
	uint16_t next_desc;
};

/* Clears the three areas at @at. */
void ring_init(struct ring *r, struct gmem *mem, const struct virtq_layout *at);
struct vring_desc *ring_desc(struct ring *r, uint16_t i);
void ring_set(struct ring *r, uint16_t i, uint64_t addr, uint32_t len,
	      uint16_t flags, uint16_t next);
/* Appends descriptors from next_desc on; the last ends the chain. Head. */
struct ring_buf {
	uint64_t addr;
	uint32_t len;
	bool in;
};
uint16_t ring_chain(struct ring *r, const struct ring_buf *buf, unsigned int n);
void ring_offer(struct ring *r, uint16_t head);
uint16_t *ring_avail_idx(struct ring *r);
uint16_t *ring_avail_flags(struct ring *r);
uint16_t *ring_used_event(struct ring *r);
uint16_t *ring_avail_event(struct ring *r);
uint16_t *ring_used_flags(struct ring *r);
/* Entries the device has returned and we have not yet taken. */
unsigned int ring_returned(struct ring *r);
struct vring_used_elem ring_take(struct ring *r);

#endif
