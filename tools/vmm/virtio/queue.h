/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Split virtqueues (virtio 1.2, 2.7): the only parser of guest rings.
 *
 * A queue is started on addresses the driver chose and hands out chains whose
 * buffers are host pointers already checked against guest RAM.  Whatever the
 * ring holds, a call returns after a bounded number of steps; a ring that
 * breaks the rules makes the queue broken, and it stays so until the next
 * start.
 *
 * Locking: none inside; the caller serialises all calls on one queue.
 */
#ifndef VMM_VIRTIO_QUEUE_H
#define VMM_VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <linux/virtio_ring.h>

struct gmem;

/* Largest queue, and the most buffers one chain may have. */
#define VIRTQ_MAX_SIZE	256
#define VIRTQ_MAX_SEGS	256

/* What the driver told the transport about one queue. */
struct virtq_layout {
	uint16_t size;
	uint64_t desc;
	uint64_t avail;
	uint64_t used;
};

struct virtq {
	struct gmem *mem;
	struct virtq_layout at;
	const struct vring_desc *desc;
	const struct vring_avail *avail;
	struct vring_used *used;
	const uint16_t *used_event;	/* event index the driver writes */
	uint16_t *avail_event;		/* event index we write */
	bool event_idx;
	bool indirect;
	bool notify_off;
	uint16_t last_avail;		/* next entry of avail to take */
	uint16_t next_used;		/* next entry of used to fill */
	uint16_t published;		/* used->idx as the driver sees it */
	uint16_t in_flight;		/* popped and not yet pushed */
	const char *broken;		/* NULL, or the rule that was broken */
};

/*
 * One request: @out readable buffers, then @in writable ones.  The pull and
 * put helpers consume from the front, so both counts shrink in use.
 */
struct virtq_chain {
	uint16_t head;
	unsigned int out_cnt;
	unsigned int in_cnt;
	struct iovec *out;
	struct iovec *in;
	size_t out_len;
	size_t in_len;
	struct iovec iov[VIRTQ_MAX_SEGS];
};

enum virtq_result {
	VIRTQ_EMPTY,
	VIRTQ_CHAIN,
	VIRTQ_BROKEN,
};

/* 0, or -EINVAL/-EFAULT when size, alignment or place is not acceptable. */
int virtq_layout_check(struct gmem *mem, const struct virtq_layout *at);
int virtq_start(struct virtq *q, struct gmem *mem,
		const struct virtq_layout *at, uint64_t features);
void virtq_stop(struct virtq *q);

enum virtq_result virtq_pop(struct virtq *q, struct virtq_chain *c);
void virtq_push(struct virtq *q, const struct virtq_chain *c, uint32_t len);
/* Show pushed chains to the driver; true when it wants an interrupt. */
bool virtq_publish(struct virtq *q);

/* Ask the driver not to notify / to notify; the latter says "more waits". */
void virtq_notify_disable(struct virtq *q);
bool virtq_notify_enable(struct virtq *q);

/* Gather from the readable part; returns the bytes taken. */
size_t virtq_chain_pull(struct virtq_chain *c, void *buf, size_t len);
/* Scatter into the writable part; returns the bytes placed. */
size_t virtq_chain_put(struct virtq_chain *c, const void *buf, size_t len);
/* Cut the last writable byte off and return it; NULL when there is none. */
uint8_t *virtq_chain_cut_tail(struct virtq_chain *c);

#endif
