// SPDX-License-Identifier: GPL-2.0-only
/*
 * Split virtqueues.  Rings live in memory that the guest can change at any
 * time: each index and each descriptor is fetched once into a local copy and
 * only the copy is looked at.
 */
#include <errno.h>
#include <string.h>
#include <linux/virtio_config.h>

#include "gmem.h"
#include "queue.h"

#define FEATURE(f, bit)	(((f) >> (bit)) & 1)

static size_t desc_bytes(unsigned int n)
{
	return sizeof(struct vring_desc) * n;
}

/* flags, idx, ring and the event index behind it (virtio 1.2, 2.7) */
static size_t avail_bytes(unsigned int n)
{
	return 6 + 2 * n;
}

static size_t used_bytes(unsigned int n)
{
	return 6 + sizeof(struct vring_used_elem) * n;
}

int virtq_layout_check(struct gmem *mem, const struct virtq_layout *at)
{
	unsigned int n = at->size;

	if (!n || n > VIRTQ_MAX_SIZE || (n & (n - 1)))
		return -EINVAL;
	if ((at->desc & 15) || (at->avail & 1) || (at->used & 3))
		return -EINVAL;
	if (!gmem_ptr(mem, at->desc, desc_bytes(n)) ||
	    !gmem_ptr(mem, at->avail, avail_bytes(n)) ||
	    !gmem_ptr(mem, at->used, used_bytes(n)))
		return -EFAULT;
	return 0;
}

int virtq_start(struct virtq *q, struct gmem *mem,
		const struct virtq_layout *at, uint64_t features)
{
	struct virtq_layout copy = *at;
	int ret = virtq_layout_check(mem, &copy);

	if (ret)
		return ret;
	*q = (struct virtq) {
		.mem = mem,
		.at = copy,
		.desc = gmem_ptr(mem, copy.desc, desc_bytes(copy.size)),
		.avail = gmem_ptr(mem, copy.avail, avail_bytes(copy.size)),
		.used = gmem_ptr(mem, copy.used, used_bytes(copy.size)),
		.event_idx = FEATURE(features, VIRTIO_RING_F_EVENT_IDX),
		.indirect = FEATURE(features, VIRTIO_RING_F_INDIRECT_DESC),
	};
	q->used_event = &q->avail->ring[copy.size];
	q->avail_event = (uint16_t *)&q->used->ring[copy.size];
	return 0;
}

void virtq_stop(struct virtq *q)
{
	*q = (struct virtq) { .broken = "stopped" };
}

static enum virtq_result broken(struct virtq *q, const char *why)
{
	if (!q->broken)
		q->broken = why;
	return VIRTQ_BROKEN;
}

/* The table a walk is in: the ring's own, or one indirect table. */
struct desc_table {
	const struct vring_desc *base;
	uint32_t num;
	bool indirect;
};

static void desc_fetch(const struct desc_table *t, uint32_t i,
		       struct vring_desc *d)
{
	memcpy(d, (const char *)t->base + desc_bytes(i), sizeof(*d));
	/* pins the copy: no later use may be turned into a second fetch */
	__asm__ __volatile__("" : "+m" (*d) : : "memory");
}

static const char *table_enter(struct virtq *q, struct desc_table *t,
			       const struct vring_desc *d)
{
	if (!q->indirect)
		return "indirect descriptor without the feature";
	if (t->indirect)
		return "indirect descriptor inside an indirect table";
	/* virtio 1.2, 2.7.5.3.1: never together with NEXT */
	if (d->flags & VRING_DESC_F_NEXT)
		return "indirect descriptor with a next";
	if (!d->len || d->len % sizeof(*d))
		return "bad length of an indirect table";

	t->base = gmem_ptr(q->mem, d->addr, d->len);
	if (!t->base)
		return "indirect table outside of RAM";
	t->num = d->len / sizeof(*d);
	t->indirect = true;
	return NULL;
}

static const char *chain_add(struct virtq *q, struct virtq_chain *c,
			     const struct vring_desc *d)
{
	unsigned int n = c->out_cnt + c->in_cnt;
	bool in = d->flags & VRING_DESC_F_WRITE;
	void *p;

	if (n >= VIRTQ_MAX_SEGS)
		return "chain too long or looping";
	if (!d->len)
		return "buffer of length 0";
	if (!in && c->in_cnt)
		return "readable buffer after a writable one";
	/* virtio 1.2, 2.7.5: no more than 2^32 bytes in one chain */
	if (c->out_len + c->in_len + d->len > UINT32_MAX)
		return "chain of more than 4 GiB";
	p = gmem_ptr(q->mem, d->addr, d->len);
	if (!p)
		return "buffer outside of RAM";

	c->iov[n] = (struct iovec) { .iov_base = p, .iov_len = d->len };
	if (in) {
		c->in_cnt++;
		c->in_len += d->len;
	} else {
		c->out_cnt++;
		c->out_len += d->len;
	}
	return NULL;
}

static const char *chain_walk(struct virtq *q, struct virtq_chain *c)
{
	struct desc_table t = { .base = q->desc, .num = q->at.size };
	uint32_t i = c->head;
	const char *why;

	/* ends: each round leaves, adds one of 256 buffers or enters once */
	for (;;) {
		struct vring_desc d;

		if (i >= t.num)
			return "descriptor index out of range";
		desc_fetch(&t, i, &d);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			why = table_enter(q, &t, &d);
			i = 0;
			if (why)
				return why;
			continue;
		}
		why = chain_add(q, c, &d);
		if (why || !(d.flags & VRING_DESC_F_NEXT))
			return why;
		i = d.next;
	}
}

enum virtq_result virtq_pop(struct virtq *q, struct virtq_chain *c)
{
	uint16_t idx, waiting;
	const char *why;

	if (q->broken)
		return VIRTQ_BROKEN;
	/* pairs with the driver's barrier between ring entry and index */
	idx = __atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE);
	waiting = idx - q->last_avail;
	if (!waiting)
		return VIRTQ_EMPTY;
	if (waiting > q->at.size)
		return broken(q, "avail index jumped");
	if (q->in_flight >= q->at.size)
		return broken(q, "more chains available than the ring holds");

	c->out_cnt = 0;
	c->in_cnt = 0;
	c->out_len = 0;
	c->in_len = 0;
	c->head = __atomic_load_n(&q->avail->ring[q->last_avail &
						  (q->at.size - 1)],
				  __ATOMIC_RELAXED);
	why = chain_walk(q, c);
	if (why)
		return broken(q, why);
	c->out = c->iov;
	c->in = c->iov + c->out_cnt;
	q->last_avail++;
	q->in_flight++;
	return VIRTQ_CHAIN;
}

void virtq_push(struct virtq *q, const struct virtq_chain *c, uint32_t len)
{
	struct vring_used_elem *e;

	if (q->broken || !q->in_flight)
		return;
	e = &q->used->ring[q->next_used & (q->at.size - 1)];
	e->id = c->head;
	e->len = len;
	q->next_used++;
	q->in_flight--;
}

bool virtq_publish(struct virtq *q)
{
	uint16_t old = q->published, new = q->next_used, event;

	if (q->broken || old == new)
		return false;
	__atomic_store_n(&q->used->idx, new, __ATOMIC_RELEASE);
	q->published = new;
	/* the index must be visible before we look whether anyone waits */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!q->event_idx)
		return !(__atomic_load_n(&q->avail->flags, __ATOMIC_RELAXED) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	/* did this step move past the index the driver named? */
	event = __atomic_load_n(q->used_event, __ATOMIC_RELAXED);
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

void virtq_notify_disable(struct virtq *q)
{
	if (q->broken || q->notify_off)
		return;
	q->notify_off = true;
	/* with event indices an index left behind is silence enough */
	if (!q->event_idx)
		__atomic_store_n(&q->used->flags, VRING_USED_F_NO_NOTIFY,
				 __ATOMIC_RELAXED);
}

bool virtq_notify_enable(struct virtq *q)
{
	if (q->broken)
		return false;
	q->notify_off = false;
	if (q->event_idx)
		__atomic_store_n(q->avail_event, q->last_avail,
				 __ATOMIC_RELAXED);
	else
		__atomic_store_n(&q->used->flags, 0, __ATOMIC_RELAXED);
	/* the wish must be visible before the last look at the ring */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE) !=
	       q->last_avail;
}

/* Copy up to @len bytes between @buf and the iovec's front, and drop them. */
static size_t iov_take(struct iovec **iov, unsigned int *cnt, size_t *total,
		       void *to, const void *from, size_t len)
{
	size_t done = 0;

	while (done < len && *cnt) {
		struct iovec *v = *iov;
		size_t n = len - done;

		if (n > v->iov_len)
			n = v->iov_len;
		if (to)
			memcpy((char *)to + done, v->iov_base, n);
		else
			memcpy(v->iov_base, (const char *)from + done, n);
		done += n;
		v->iov_base = (char *)v->iov_base + n;
		v->iov_len -= n;
		if (!v->iov_len) {
			(*iov)++;
			(*cnt)--;
		}
	}
	*total -= done;
	return done;
}

size_t virtq_chain_pull(struct virtq_chain *c, void *buf, size_t len)
{
	return iov_take(&c->out, &c->out_cnt, &c->out_len, buf, NULL, len);
}

size_t virtq_chain_put(struct virtq_chain *c, const void *buf, size_t len)
{
	return iov_take(&c->in, &c->in_cnt, &c->in_len, NULL, buf, len);
}

uint8_t *virtq_chain_cut_tail(struct virtq_chain *c)
{
	struct iovec *v;

	if (!c->in_cnt)
		return NULL;
	v = &c->in[c->in_cnt - 1];
	c->in_len--;
	if (--v->iov_len == 0)
		c->in_cnt--;
	return (uint8_t *)v->iov_base + v->iov_len;
}
