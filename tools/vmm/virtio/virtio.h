/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio device as its author sees it: a table of operations, a block of
 * configuration, and chains to answer.  Transport and addresses are not
 * visible from here.
 *
 * All operations run with io_lock held.  Lock order: the VMM device's lock,
 * then io_lock.  Requests are served in the I/O thread, which takes io_lock
 * only, so that a slow request does not hold up register accesses.
 */
#ifndef VMM_VIRTIO_VIRTIO_H
#define VMM_VIRTIO_VIRTIO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "queue.h"

struct loop_ev;
struct vmm_dev;
struct virtio_dev;

#define VIRTIO_MAX_QUEUES	4
/* Requests answered before other queues and devices get their turn. */
#define VIRTIO_BUDGET		64

struct virtio_ops {
	const char *name;
	uint16_t id;			/* virtio 1.2, chapter 5 */
	uint32_t class_code;		/* of PCI */
	unsigned int n_queues;
	uint16_t queue_size;

	/* Optional: DRIVER_OK with v->features agreed; reset. */
	int (*start)(struct virtio_dev *v);
	void (*stop)(struct virtio_dev *v);
	/*
	 * Answer one chain: bytes written from its front, or negative when it
	 * is so malformed that it cannot even be failed.
	 */
	int64_t (*request)(struct virtio_dev *v, unsigned int q,
			   struct virtq_chain *c);
	/*
	 * Optional, one bit per queue: the driver's buffers wait there for
	 * what the device brings; kicked() tells of new ones.
	 */
	uint32_t input_queues;
	void (*kicked)(struct virtio_dev *v, unsigned int q);
};

/* What the transport does for the core; from any thread, io_lock held. */
struct virtio_transport {
	void (*queue_irq)(struct virtio_dev *v, unsigned int q);
	void (*needs_reset)(struct virtio_dev *v);
};

struct virtio_kick {
	struct virtio_dev *v;
	unsigned int q;
	int fd;				/* -1: none */
	struct loop_ev *ev;
};

/* Letters: (c) constant once created; (i) io_lock. */
struct virtio_dev {
	struct vmm_dev *dev;			/* (c) */
	const struct virtio_ops *ops;		/* (c) */
	const struct virtio_transport *port;	/* (c) */
	void *priv;				/* (c) the device's own */
	uint64_t offered;			/* (c) feature bits */
	const void *config;			/* (c) little endian */
	unsigned int config_len;		/* (c) */
	struct virtio_kick kick[VIRTIO_MAX_QUEUES];	/* (c) */
	pthread_mutex_t io_lock;
	bool running;				/* (i) DRIVER_OK and not broken */
	bool suspended;				/* (i) no access to memory now */
	uint64_t features;			/* (i) agreed */
	bool queue_on[VIRTIO_MAX_QUEUES];	/* (i) */
	struct virtq vq[VIRTIO_MAX_QUEUES];	/* (i) */
	struct virtq_chain chain;		/* (i) scratch of the service loop */
};

/* ---- for devices ---- */

struct virtio_params {
	const struct virtio_ops *ops;
	uint64_t features;		/* of the device's own kind */
	const void *config;		/* lives as long as the device */
	unsigned int config_len;
	void *priv;
};

/* Behind the transport its parent stands for. NULL after a message. */
struct virtio_dev *virtio_new(struct vmm_dev *dev,
			      const struct virtio_params *p);
void virtio_delete(struct virtio_dev *v);
/* Power-on state; vCPUs are stopped. */
void virtio_power_on(struct virtio_dev *v);

static inline bool virtio_has(const struct virtio_dev *v, unsigned int bit)
{
	return v->features >> bit & 1;
}

/* The next buffer of an input queue; false when there is none now. */
bool virtio_input_get(struct virtio_dev *v, unsigned int q,
		      struct virtq_chain *c);
/* @c was filled; then virtio_input_done() once for a batch. */
void virtio_input_put(struct virtio_dev *v, unsigned int q,
		      const struct virtq_chain *c, uint32_t len);
void virtio_input_done(struct virtio_dev *v, unsigned int q);

/* ---- for transports ---- */

int virtio_core_init(struct virtio_dev *v, struct vmm_dev *dev,
		     const struct virtio_params *p,
		     const struct virtio_transport *port);
/* The event fds of the queues, served by the I/O thread. */
int virtio_core_listen(struct virtio_dev *v);
void virtio_core_exit(struct virtio_dev *v);
/* Start on @at[]; a queue of size 0 is off. */
int virtio_core_start(struct virtio_dev *v, const struct virtq_layout *at,
		      uint64_t features);
void virtio_core_stop(struct virtio_dev *v);
void virtio_core_suspend(struct virtio_dev *v, bool suspend);
void virtio_core_kick(struct virtio_dev *v, unsigned int q);
/* What the I/O thread does for a kick: a bounded turn on one queue. */
void virtio_core_turn(struct virtio_dev *v, unsigned int q);

#endif
