// SPDX-License-Identifier: GPL-2.0-only
/* virtio-console (virtio 1.2, 5.3): one port, on the terminal. */
#include <errno.h>
#include <stdlib.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#include "device.h"
#include "term.h"
#include "virtio.h"

enum { QUEUE_INPUT, QUEUE_OUTPUT, QUEUES };

struct console {
	struct vmm *vmm;
	struct virtio_dev *v;
	struct virtio_console_config config;
	bool stdio;			/* the terminal is ours */
	bool attached;
	struct virtq_chain chain;	/* of input, io_lock */
};

static int64_t console_request(struct virtio_dev *v, unsigned int q,
			       struct virtq_chain *c)
{
	struct console *con = v->priv;

	(void)q;
	for (unsigned int i = 0; con->stdio && i < c->out_cnt; i++)
		term_write(con->vmm, c->out[i].iov_base, c->out[i].iov_len);
	return 0;
}

/* I/O thread; what is not taken is offered again after term_room(). */
static size_t console_input(void *opaque, const uint8_t *buf, size_t len)
{
	struct console *con = opaque;
	struct virtio_dev *v = con->v;
	size_t taken = 0;

	pthread_mutex_lock(&v->io_lock);
	while (taken < len && virtio_input_get(v, QUEUE_INPUT, &con->chain)) {
		size_t n = virtq_chain_put(&con->chain, buf + taken,
					   len - taken);

		virtio_input_put(v, QUEUE_INPUT, &con->chain, n);
		taken += n;
	}
	virtio_input_done(v, QUEUE_INPUT);
	pthread_mutex_unlock(&v->io_lock);
	return taken;
}

static void console_kicked(struct virtio_dev *v, unsigned int q)
{
	struct console *con = v->priv;

	(void)q;
	if (con->attached)
		term_room(con->vmm);
}

static const struct virtio_ops console_ops = {
	.name = "virtio-console",
	.id = VIRTIO_ID_CONSOLE,
	.class_code = 0x078000,
	.n_queues = QUEUES,
	.queue_size = 64,
	.request = console_request,
	.input_queues = 1u << QUEUE_INPUT,
	.kicked = console_kicked,
};

static int console_create(struct vmm_dev *dev)
{
	struct console *con = calloc(1, sizeof(*con));
	uint64_t features = 0;
	uint16_t cols, rows;
	int ret;

	if (!con)
		return -ENOMEM;
	dev->priv = con;
	con->vmm = dev->vmm;
	con->stdio = dev_prop_bool(dev, "vmm,stdio");
	con->config.max_nr_ports = 1;
	if (con->stdio && !term_size(dev->vmm, &cols, &rows)) {
		con->config.cols = cols;
		con->config.rows = rows;
		features |= 1ull << VIRTIO_CONSOLE_F_SIZE;
	}
	con->v = virtio_new(dev, &(struct virtio_params) {
		.ops = &console_ops,
		.features = features,
		.config = &con->config,
		.config_len = sizeof(con->config),
		.priv = con,
	});
	if (!con->v)
		return -ENODEV;
	if (!con->stdio)
		return 0;
	ret = term_attach(dev->vmm, console_input, con);
	con->attached = !ret;
	return ret;
}

static void console_reset(struct vmm_dev *dev)
{
	struct console *con = dev->priv;

	virtio_power_on(con->v);
}

static void console_destroy(struct vmm_dev *dev)
{
	struct console *con = dev->priv;

	if (!con)
		return;
	if (con->attached)
		term_detach(con->vmm, con);
	virtio_delete(con->v);
	free(con);
	dev->priv = NULL;
}

VMM_DEVICE(virtio_console,
	.compatible = "virtio-console",
	.phase = DEV_CHILD,
	.create = console_create,
	.reset = console_reset,
	.destroy = console_destroy,
);
