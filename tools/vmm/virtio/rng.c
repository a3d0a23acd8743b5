// SPDX-License-Identifier: GPL-2.0-only
/* virtio-rng (virtio 1.2, 5.4): random bytes from the host's pool. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <linux/virtio_ids.h>

#include "device.h"
#include "virtio.h"

/* A request may be answered in part: no more than this in one go. */
#define BYTES_MAX	4096

static int64_t rng_request(struct virtio_dev *v, unsigned int q,
			   struct virtq_chain *c)
{
	size_t want = c->in_len < BYTES_MAX ? c->in_len : BYTES_MAX;
	uint8_t buf[BYTES_MAX];
	size_t got = 0;

	(void)v;
	(void)q;
	while (got < want) {
		ssize_t n = getrandom(buf + got, want - got, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += n;
	}
	return virtq_chain_put(c, buf, got);
}

static const struct virtio_ops rng_ops = {
	.name = "virtio-rng",
	.id = VIRTIO_ID_RNG,
	.class_code = 0x00ff00,
	.n_queues = 1,
	.queue_size = 64,
	.request = rng_request,
};

static int rng_create(struct vmm_dev *dev)
{
	dev->priv = virtio_new(dev, &(struct virtio_params) {
		.ops = &rng_ops,
	});
	return dev->priv ? 0 : -ENODEV;
}

static void rng_reset(struct vmm_dev *dev)
{
	virtio_power_on(dev->priv);
}

static void rng_destroy(struct vmm_dev *dev)
{
	virtio_delete(dev->priv);
	dev->priv = NULL;
}

VMM_DEVICE(virtio_rng,
	.compatible = "virtio-rng",
	.phase = DEV_CHILD,
	.create = rng_create,
	.reset = rng_reset,
	.destroy = rng_destroy,
);
