// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "ring.h"
#include "tap.h"

static void *at(struct ring *r, uint64_t gpa, uint64_t len)
{
	void *p = gmem_ptr(r->mem, gpa, len);

	if (!p)
		bail_out("test ring outside of RAM");
	return p;
}

static struct vring_avail *avail(struct ring *r)
{
	return at(r, r->at.avail, 6 + 2 * r->at.size);
}

static struct vring_used *used(struct ring *r)
{
	return at(r, r->at.used, 6 + 8 * r->at.size);
}

void ring_init(struct ring *r, struct gmem *mem, const struct virtq_layout *l)
{
	*r = (struct ring) { .mem = mem, .at = *l };
	memset(at(r, l->desc, 16 * l->size), 0, 16 * l->size);
	memset(avail(r), 0, 6 + 2 * l->size);
	memset(used(r), 0, 6 + 8 * l->size);
}

struct vring_desc *ring_desc(struct ring *r, uint16_t i)
{
	struct vring_desc *d = at(r, r->at.desc, 16 * r->at.size);

	return &d[i % r->at.size];
}

void ring_set(struct ring *r, uint16_t i, uint64_t addr, uint32_t len,
	      uint16_t flags, uint16_t next)
{
	*ring_desc(r, i) = (struct vring_desc) { addr, len, flags, next };
}

uint16_t ring_chain(struct ring *r, const struct ring_buf *buf, unsigned int n)
{
	uint16_t head = r->next_desc % r->at.size;

	for (unsigned int i = 0; i < n; i++) {
		uint16_t d = r->next_desc++ % r->at.size;

		ring_set(r, d, buf[i].addr, buf[i].len,
			 (buf[i].in ? VRING_DESC_F_WRITE : 0) |
			 (i + 1 < n ? VRING_DESC_F_NEXT : 0),
			 r->next_desc % r->at.size);
	}
	return head;
}

void ring_offer(struct ring *r, uint16_t head)
{
	avail(r)->ring[r->avail_idx % r->at.size] = head;
	r->avail_idx++;
	__atomic_store_n(&avail(r)->idx, r->avail_idx, __ATOMIC_SEQ_CST);
}

uint16_t *ring_avail_idx(struct ring *r)
{
	return &avail(r)->idx;
}

uint16_t *ring_avail_flags(struct ring *r)
{
	return &avail(r)->flags;
}

uint16_t *ring_used_event(struct ring *r)
{
	return &avail(r)->ring[r->at.size];
}

uint16_t *ring_avail_event(struct ring *r)
{
	return (uint16_t *)&used(r)->ring[r->at.size];
}

uint16_t *ring_used_flags(struct ring *r)
{
	return &used(r)->flags;
}

unsigned int ring_returned(struct ring *r)
{
	uint16_t idx = __atomic_load_n(&used(r)->idx, __ATOMIC_ACQUIRE);

	return (uint16_t)(idx - r->used_idx);
}

struct vring_used_elem ring_take(struct ring *r)
{
	if (!ring_returned(r))
		bail_out("nothing returned by the device");
	return used(r)->ring[r->used_idx++ % r->at.size];
}
