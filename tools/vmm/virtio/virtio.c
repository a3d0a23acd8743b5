// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a virtio device between transport and device: start and stop,
 * and the service loop that turns a doorbell into answered chains.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device.h"
#include "log.h"
#include "loop.h"
#include "virtio.h"
#include "vmm.h"

int virtio_core_init(struct virtio_dev *v, struct vmm_dev *dev,
		     const struct virtio_params *p,
		     const struct virtio_transport *port)
{
	if (!p->ops->n_queues || p->ops->n_queues > VIRTIO_MAX_QUEUES ||
	    p->ops->queue_size > VIRTQ_MAX_SIZE)
		return -EINVAL;
	*v = (struct virtio_dev) {
		.dev = dev,
		.ops = p->ops,
		.port = port,
		.priv = p->priv,
		.offered = p->features,
		.config = p->config,
		.config_len = p->config_len,
	};
	for (unsigned int q = 0; q < VIRTIO_MAX_QUEUES; q++)
		v->kick[q] = (struct virtio_kick) { .v = v, .q = q, .fd = -1 };
	pthread_mutex_init(&v->io_lock, NULL);
	return 0;
}

/* ---- broken drivers ---- */

/* The driver broke the rules: it gets no further service until it resets us. */
static void fail(struct virtio_dev *v, unsigned int q, const char *why)
{
	if (!v->running)
		return;
	v->running = false;
	vmm_info(v->dev->vmm, "%s: queue %u needs a reset: %s", v->dev->path,
		 q, why);
	v->port->needs_reset(v);
}

static bool serving(const struct virtio_dev *v, unsigned int q)
{
	return v->running && !v->suspended && v->queue_on[q];
}

/* ---- service ---- */

static void publish(struct virtio_dev *v, unsigned int q)
{
	if (virtq_publish(&v->vq[q]))
		v->port->queue_irq(v, q);
}

static enum virtq_result serve_one(struct virtio_dev *v, unsigned int q)
{
	struct virtq *vq = &v->vq[q];
	enum virtq_result r = virtq_pop(vq, &v->chain);
	int64_t len;

	if (r != VIRTQ_CHAIN)
		return r;
	len = v->ops->request(v, q, &v->chain);
	if (len < 0) {
		vq->broken = "request without room for an answer";
		return VIRTQ_BROKEN;
	}
	virtq_push(vq, &v->chain, len);
	return VIRTQ_CHAIN;
}

static void serve(struct virtio_dev *v, unsigned int q)
{
	struct virtq *vq = &v->vq[q];
	enum virtq_result r;
	unsigned int n = 0;

	do {
		virtq_notify_disable(vq);
		do {
			r = serve_one(v, q);
		} while (r == VIRTQ_CHAIN && ++n < VIRTIO_BUDGET);
		publish(v, q);
		if (r == VIRTQ_BROKEN) {
			fail(v, q, vq->broken);
			return;
		}
		if (n >= VIRTIO_BUDGET) {
			/* more may wait: come again after the others */
			virtio_core_kick(v, q);
			return;
		}
	} while (virtq_notify_enable(vq));
}

void virtio_core_turn(struct virtio_dev *v, unsigned int q)
{
	pthread_mutex_lock(&v->io_lock);
	if (!serving(v, q)) {
		pthread_mutex_unlock(&v->io_lock);
		return;
	}
	if (v->ops->input_queues >> q & 1) {
		/* until the device runs dry no doorbell is needed */
		virtq_notify_disable(&v->vq[q]);
		if (v->ops->kicked)
			v->ops->kicked(v, q);
	} else {
		serve(v, q);
	}
	pthread_mutex_unlock(&v->io_lock);
}

static void kick_event(void *opaque, uint32_t events)
{
	struct virtio_kick *k = opaque;
	eventfd_t n;

	(void)events;
	if (!eventfd_read(k->fd, &n))
		virtio_core_turn(k->v, k->q);
}

void virtio_core_kick(struct virtio_dev *v, unsigned int q)
{
	if (q < v->ops->n_queues && v->kick[q].fd >= 0)
		eventfd_write(v->kick[q].fd, 1);
}

bool virtio_input_get(struct virtio_dev *v, unsigned int q,
		      struct virtq_chain *c)
{
	struct virtq *vq = &v->vq[q];
	enum virtq_result r;

	if (!serving(v, q))
		return false;
	r = virtq_pop(vq, c);
	/* ask for a doorbell only once the driver has nothing for us */
	if (r == VIRTQ_EMPTY && virtq_notify_enable(vq))
		r = virtq_pop(vq, c);
	/* or such buffers, added without end, would keep us here */
	if (r == VIRTQ_CHAIN && !c->in_len) {
		vq->broken = "input buffer that cannot be written";
		r = VIRTQ_BROKEN;
	}
	if (r == VIRTQ_BROKEN)
		fail(v, q, vq->broken);
	return r == VIRTQ_CHAIN;
}

void virtio_input_put(struct virtio_dev *v, unsigned int q,
		      const struct virtq_chain *c, uint32_t len)
{
	virtq_push(&v->vq[q], c, len);
}

void virtio_input_done(struct virtio_dev *v, unsigned int q)
{
	if (serving(v, q))
		publish(v, q);
}

/* ---- start and stop ---- */

int virtio_core_start(struct virtio_dev *v, const struct virtq_layout *at,
		      uint64_t features)
{
	int ret = 0;

	pthread_mutex_lock(&v->io_lock);
	v->features = features;
	for (unsigned int q = 0; q < v->ops->n_queues && !ret; q++) {
		if (!at[q].size)
			continue;
		ret = virtq_start(&v->vq[q], v->dev->vmm->gmem, &at[q],
				  features);
		v->queue_on[q] = !ret;
	}
	if (!ret && v->ops->start)
		ret = v->ops->start(v);
	v->running = !ret;
	for (unsigned int q = 0; q < v->ops->n_queues && !ret; q++)
		virtio_core_kick(v, q);
	pthread_mutex_unlock(&v->io_lock);
	return ret;
}

void virtio_core_stop(struct virtio_dev *v)
{
	/* the lock waits for a request in progress: then all is done */
	pthread_mutex_lock(&v->io_lock);
	if (v->ops->stop)
		v->ops->stop(v);
	v->running = false;
	v->features = 0;
	for (unsigned int q = 0; q < v->ops->n_queues; q++) {
		v->queue_on[q] = false;
		virtq_stop(&v->vq[q]);
	}
	pthread_mutex_unlock(&v->io_lock);
}

void virtio_core_suspend(struct virtio_dev *v, bool suspend)
{
	pthread_mutex_lock(&v->io_lock);
	v->suspended = suspend;
	pthread_mutex_unlock(&v->io_lock);
	for (unsigned int q = 0; q < v->ops->n_queues && !suspend; q++)
		virtio_core_kick(v, q);
}

int virtio_core_listen(struct virtio_dev *v)
{
	for (unsigned int q = 0; q < v->ops->n_queues; q++) {
		struct virtio_kick *k = &v->kick[q];

		k->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (k->fd < 0) {
			int err = errno;

			vmm_err("%s: cannot make an eventfd: %s", v->dev->path,
				strerror(err));
			return -err;
		}
		k->ev = loop_add(v->dev->vmm, k->fd, EPOLLIN, kick_event, k);
		if (!k->ev) {
			vmm_err("%s: cannot watch a doorbell: %s", v->dev->path,
				strerror(errno));
			return -ENOMEM;
		}
	}
	return 0;
}

void virtio_core_exit(struct virtio_dev *v)
{
	for (unsigned int q = 0; q < VIRTIO_MAX_QUEUES; q++)
		loop_del(v->kick[q].ev);
	virtio_core_stop(v);
	for (unsigned int q = 0; q < VIRTIO_MAX_QUEUES; q++)
		if (v->kick[q].fd >= 0)
			close(v->kick[q].fd);
	pthread_mutex_destroy(&v->io_lock);
}
