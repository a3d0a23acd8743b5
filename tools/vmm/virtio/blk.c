// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-blk (virtio 1.2, 5.2): a disk.  Data moves between the backend and
 * guest memory with no copy in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>

#include "block/block.h"
#include "device.h"
#include "log.h"
#include "virtio.h"

#define SECTOR			512
#define RANGES_MAX		32		/* of one discard */
#define DISCARD_SECTORS		(1u << 22)	/* 2 GiB */
#define ZEROES_SECTORS		(1u << 16)	/* 32 MiB: may have to be written */

struct blk {
	struct virtio_dev *v;
	struct block *disk;
	struct virtio_blk_config config;
	char serial[VIRTIO_BLK_ID_BYTES];	/* not always terminated */
};

static uint8_t status_of(int ret)
{
	if (!ret)
		return VIRTIO_BLK_S_OK;
	return ret == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

/* Byte range of a request, or false when it is not all on the disk. */
static bool range_ok(const struct blk *b, uint64_t sector, uint64_t len,
		     uint64_t *off)
{
	if (sector > b->disk->size / SECTOR || len % SECTOR)
		return false;
	*off = sector * SECTOR;
	return block_within(b->disk, *off, len);
}

/* ---- requests: each returns 0 or -errno; *done: bytes put in the buffers ---- */

static int do_read(struct blk *b, uint64_t sector, struct virtq_chain *c,
		   size_t *done)
{
	uint64_t off;
	int ret;

	if (!range_ok(b, sector, c->in_len, &off))
		return -EIO;
	ret = b->disk->ops->preadv(b->disk, c->in, c->in_cnt, off, c->in_len);
	if (!ret)
		*done = c->in_len;
	return ret;
}

/* Without FLUSH the driver takes a finished write for a safe one (5.2.6.2) */
static int settle(struct blk *b)
{
	if (virtio_has(b->v, VIRTIO_BLK_F_FLUSH))
		return 0;
	return b->disk->ops->flush(b->disk);
}

static int do_write(struct blk *b, uint64_t sector, struct virtq_chain *c,
		    size_t *done)
{
	uint64_t off;
	int ret;

	(void)done;
	if (b->disk->readonly || !range_ok(b, sector, c->out_len, &off))
		return -EIO;
	ret = b->disk->ops->pwritev(b->disk, c->out, c->out_cnt, off,
				    c->out_len);
	return ret ? ret : settle(b);
}

static int do_flush(struct blk *b, uint64_t sector, struct virtq_chain *c,
		    size_t *done)
{
	(void)sector;
	(void)c;
	(void)done;
	return b->disk->readonly ? 0 : b->disk->ops->flush(b->disk);
}

static int do_get_id(struct blk *b, uint64_t sector, struct virtq_chain *c,
		     size_t *done)
{
	(void)sector;
	*done = virtq_chain_put(c, b->serial, sizeof(b->serial));
	return 0;
}

/* One snapshot of all ranges: the guest may change them meanwhile. */
static int ranges_take(struct virtq_chain *c,
		       struct virtio_blk_discard_write_zeroes *r)
{
	size_t len = c->out_len;

	if (!len || len % sizeof(*r) || len / sizeof(*r) > RANGES_MAX)
		return -EIO;
	virtq_chain_pull(c, r, len);
	return len / sizeof(*r);
}

static int do_discard(struct blk *b, uint64_t sector, struct virtq_chain *c,
		      size_t *done)
{
	struct virtio_blk_discard_write_zeroes r[RANGES_MAX];
	int n = ranges_take(c, r), ret = 0;

	(void)sector;
	(void)done;
	if (n < 0 || b->disk->readonly)
		return -EIO;
	for (int i = 0; i < n && !ret; i++) {
		uint64_t off, len = (uint64_t)r[i].num_sectors * SECTOR;

		/* 5.2.6.2: no flag has a meaning here */
		if (r[i].flags)
			return -EOPNOTSUPP;
		if (r[i].num_sectors > DISCARD_SECTORS ||
		    !range_ok(b, r[i].sector, len, &off))
			return -EIO;
		ret = b->disk->ops->discard(b->disk, off, len);
	}
	return ret ? ret : settle(b);
}

static int do_zeroes(struct blk *b, uint64_t sector, struct virtq_chain *c,
		     size_t *done)
{
	struct virtio_blk_discard_write_zeroes r[RANGES_MAX];
	int n = ranges_take(c, r), ret = 0;

	(void)sector;
	(void)done;
	/* one range only, as the configuration says: these may take long */
	if (n != 1 || b->disk->readonly)
		return -EIO;
	for (int i = 0; i < n && !ret; i++) {
		uint64_t off, len = (uint64_t)r[i].num_sectors * SECTOR;
		bool unmap = r[i].flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;

		if (r[i].flags & ~VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP)
			return -EOPNOTSUPP;
		if (r[i].num_sectors > ZEROES_SECTORS ||
		    !range_ok(b, r[i].sector, len, &off))
			return -EIO;
		ret = b->disk->ops->write_zeroes(b->disk, off, len, unmap);
	}
	return ret ? ret : settle(b);
}

static const struct {
	uint32_t type;
	int (*fn)(struct blk *b, uint64_t sector, struct virtq_chain *c,
		  size_t *done);
} requests[] = {
	{ VIRTIO_BLK_T_IN,		do_read },
	{ VIRTIO_BLK_T_OUT,		do_write },
	{ VIRTIO_BLK_T_FLUSH,		do_flush },
	{ VIRTIO_BLK_T_GET_ID,		do_get_id },
	{ VIRTIO_BLK_T_DISCARD,		do_discard },
	{ VIRTIO_BLK_T_WRITE_ZEROES,	do_zeroes },
};

static int run_request(struct blk *b, struct virtq_chain *c, size_t *done)
{
	struct virtio_blk_outhdr h;

	if (virtq_chain_pull(c, &h, sizeof(h)) != sizeof(h))
		return -EIO;
	for (unsigned int i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		if (requests[i].type == h.type)
			return requests[i].fn(b, h.sector, c, done);
	return -EOPNOTSUPP;
}

static int64_t blk_request(struct virtio_dev *v, unsigned int q,
			   struct virtq_chain *c)
{
	uint8_t *status = virtq_chain_cut_tail(c);
	size_t room = c->in_len, done = 0;

	(void)q;
	if (!status)
		return -EINVAL;
	*status = status_of(run_request(v->priv, c, &done));
	/* only bytes written in one piece from the front may be counted */
	return done == room ? done + 1 : done;
}

static const struct virtio_ops blk_ops = {
	.name = "virtio-blk",
	.id = VIRTIO_ID_BLOCK,
	.class_code = 0x018000,
	.n_queues = 1,
	.queue_size = VIRTQ_MAX_SIZE,
	.request = blk_request,
};

/* ---- the device ---- */

static uint64_t blk_features(const struct blk *b)
{
	uint64_t f = 1ull << VIRTIO_BLK_F_SIZE_MAX |
		     1ull << VIRTIO_BLK_F_SEG_MAX |
		     1ull << VIRTIO_BLK_F_BLK_SIZE |
		     1ull << VIRTIO_BLK_F_TOPOLOGY |
		     1ull << VIRTIO_BLK_F_FLUSH;

	if (b->disk->readonly)
		return f | 1ull << VIRTIO_BLK_F_RO;
	return f | 1ull << VIRTIO_BLK_F_DISCARD |
	       1ull << VIRTIO_BLK_F_WRITE_ZEROES;
}

static void blk_configure(struct blk *b)
{
	b->config = (struct virtio_blk_config) {
		.capacity = b->disk->size / SECTOR,
		.size_max = 1 << 20,
		/* room for header and status in the longest chain */
		.seg_max = VIRTQ_MAX_SEGS - 2,
		.blk_size = SECTOR,
		.physical_block_exp = 3,	/* 4 KiB */
		.min_io_size = 8,
		.wce = 1,
		.num_queues = 1,
		.max_discard_sectors = DISCARD_SECTORS,
		.max_discard_seg = RANGES_MAX,
		.discard_sector_alignment = 8,
		.max_write_zeroes_sectors = ZEROES_SECTORS,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = 1,
	};
}

static int blk_create(struct vmm_dev *dev)
{
	struct blk *b = calloc(1, sizeof(*b));
	const char *file, *serial;
	int ret;

	if (!b)
		return -ENOMEM;
	dev->priv = b;
	file = dev_prop_str(dev, "vmm,file");
	if (!file) {
		vmm_err("%s: no \"vmm,file\"", dev->path);
		return -EINVAL;
	}
	ret = block_open_raw(file, dev_prop_bool(dev, "vmm,readonly"),
			     &b->disk);
	if (ret)
		return ret;
	serial = dev_prop_str(dev, "vmm,serial");
	strncpy(b->serial, serial ? serial : "vmm-disk", sizeof(b->serial));
	blk_configure(b);
	b->v = virtio_new(dev, &(struct virtio_params) {
		.ops = &blk_ops,
		.features = blk_features(b),
		.config = &b->config,
		.config_len = sizeof(b->config),
		.priv = b,
	});
	return b->v ? 0 : -ENODEV;
}

static void blk_reset(struct vmm_dev *dev)
{
	struct blk *b = dev->priv;

	virtio_power_on(b->v);
}

static void blk_destroy(struct vmm_dev *dev)
{
	struct blk *b = dev->priv;

	if (!b)
		return;
	virtio_delete(b->v);
	if (b->disk) {
		/* what the guest wrote and did not flush is still worth keeping */
		if (!b->disk->readonly)
			b->disk->ops->flush(b->disk);
		b->disk->ops->close(b->disk);
	}
	free(b);
	dev->priv = NULL;
}

VMM_DEVICE(virtio_blk,
	.compatible = "virtio-blk",
	.phase = DEV_CHILD,
	.create = blk_create,
	.reset = blk_reset,
	.destroy = blk_destroy,
);
