// SPDX-License-Identifier: GPL-2.0-only
/* Disk, console and entropy source, as their drivers use and abuse them. */
#include <string.h>
#include <unistd.h>
#include <linux/virtio_blk.h>

#include "env.h"
#include "gmem.h"
#include "tap.h"

#define DISK_LEN	(1ull << 20)
#define SECTORS		(DISK_LEN / 512)
#define HDR		(DATA_AREA)
#define STATUS		(DATA_AREA + 0x100)
#define BUF		(DATA_AREA + 0x1000)
#define EVENT_IDX	(1ull << 29)
#define FLUSH		(1ull << VIRTIO_BLK_F_FLUSH)

static struct env *env;

static void *at(uint64_t gpa)
{
	void *p = gmem_ptr(env->vmm.gmem, gpa, 1);

	if (!p)
		bail_out("test data outside of RAM");
	return p;
}

/* A disk request on @len bytes of BUF; the status, or -1. */
static int disk(struct drv *d, uint32_t type, uint64_t sector, uint32_t len,
		bool in, int64_t *used)
{
	struct virtio_blk_outhdr h = { .type = type, .sector = sector };
	struct ring_buf b[3] = { { HDR, 16, false } };
	unsigned int n = 1;
	uint8_t *status = at(STATUS);
	int64_t ret;

	memcpy(at(HDR), &h, sizeof(h));
	*status = 0xee;
	if (len)
		b[n++] = (struct ring_buf) { BUF, len, in };
	b[n++] = (struct ring_buf) { STATUS, 1, true };
	ret = drv_run(d, 0, b, n);
	if (used)
		*used = ret;
	return ret < 0 ? -1 : *status;
}

static int range_cmd(struct drv *d, uint32_t type, uint64_t sector,
		     uint32_t sectors, uint32_t flags, unsigned int n)
{
	struct virtio_blk_discard_write_zeroes r = { sector, sectors, flags };

	for (unsigned int i = 0; i < n; i++)
		memcpy((char *)at(BUF) + i * sizeof(r), &r, sizeof(r));
	return disk(d, type, 0, n * sizeof(r), false, NULL);
}

static void disk_config(struct drv *d)
{
	ok(mmio_read(env, d->device, 4) == SECTORS &&
	   mmio_read(env, d->device + 4, 4) == 0, "capacity");
	ok(mmio_read(env, d->device + 12, 4) == VIRTQ_MAX_SEGS - 2 &&
	   mmio_read(env, d->device + 20, 4) == 512, "seg_max, blk_size");
	ok(mmio_read(env, d->device + sizeof(struct virtio_blk_config) - 4, 4) !=
	   ~0u &&
	   mmio_read(env, d->device + sizeof(struct virtio_blk_config) - 4, 8) ==
	   ~0ull &&
	   mmio_read(env, d->device + sizeof(struct virtio_blk_config), 1) == 0xff,
	   "nothing behind the configuration, nor across its end");
	mmio_write(env, d->device, 4, 0);
	ok(mmio_read(env, d->device, 4) == SECTORS, "which is read-only");
}

static void disk_data(struct drv *d)
{
	int64_t used;
	bool same;

	memset(at(BUF), 0x5c, 4096);
	ok(disk(d, VIRTIO_BLK_T_OUT, 8, 4096, false, &used) == 0 && used == 1,
	   "write 4 KiB");
	memset(at(BUF), 0, 8192);
	ok(disk(d, VIRTIO_BLK_T_IN, 7, 8192, true, &used) == 0 && used == 8193,
	   "read 8 KiB around it");
	same = true;
	for (int i = 0; i < 8192; i++)
		same &= ((uint8_t *)at(BUF))[i] ==
			(i >= 512 && i < 4608 ? 0x5c : 0);
	ok(same, "the right bytes");
	ok(disk(d, VIRTIO_BLK_T_FLUSH, 0, 0, false, NULL) == 0, "flush");
	ok(disk(d, VIRTIO_BLK_T_GET_ID, 0, 20, true, &used) == 0 &&
	   used == 21 && !strcmp(at(BUF), "vmm-disk"), "identity");
	ok(disk(d, VIRTIO_BLK_T_GET_ID, 0, 5, true, &used) == 0 && used == 6,
	   "identity into a short buffer");
}

static void disk_ranges(struct drv *d)
{
	ok(range_cmd(d, VIRTIO_BLK_T_DISCARD, 8, 8, 0, 1) == 0, "discard");
	disk(d, VIRTIO_BLK_T_IN, 8, 4096, true, NULL);
	ok(*(uint8_t *)at(BUF) == 0, "a discarded sector reads as 0 here");
	memset(at(BUF), 0x77, 4096);
	disk(d, VIRTIO_BLK_T_OUT, 16, 4096, false, NULL);
	ok(range_cmd(d, VIRTIO_BLK_T_WRITE_ZEROES, 17, 2, 1, 1) == 0,
	   "write zeroes");
	disk(d, VIRTIO_BLK_T_IN, 16, 4096, true, NULL);
	ok(((uint8_t *)at(BUF))[511] == 0x77 && !((uint8_t *)at(BUF))[512] &&
	   !((uint8_t *)at(BUF))[1535] && ((uint8_t *)at(BUF))[1536] == 0x77,
	   "exactly there");
	ok(range_cmd(d, VIRTIO_BLK_T_DISCARD, 8, 8, 0, 32) == 0, "32 ranges");
	ok(range_cmd(d, VIRTIO_BLK_T_DISCARD, 8, 8, 0, 33) == 1, "33 do not");
	ok(range_cmd(d, VIRTIO_BLK_T_WRITE_ZEROES, 8, 8, 0, 2) == 1,
	   "two ranges of zeroes do not");
	ok(range_cmd(d, VIRTIO_BLK_T_DISCARD, 8, 8, 1, 1) == 2,
	   "discard with the unmap flag is not supported");
	ok(range_cmd(d, VIRTIO_BLK_T_WRITE_ZEROES, 8, 8, 2, 1) == 2,
	   "nor is an unknown flag");
	ok(range_cmd(d, VIRTIO_BLK_T_DISCARD, SECTORS - 1, 2, 0, 1) == 1 &&
	   range_cmd(d, VIRTIO_BLK_T_DISCARD, ~0ull, 2, 0, 1) == 1 &&
	   range_cmd(d, VIRTIO_BLK_T_DISCARD, 0, ~0u, 0, 1) == 1 &&
	   range_cmd(d, VIRTIO_BLK_T_WRITE_ZEROES, ~0ull >> 9, 1, 0, 1) == 1,
	   "ranges off the disk");
	ok(disk(d, VIRTIO_BLK_T_DISCARD, 0, 24, false, NULL) == 1 &&
	   disk(d, VIRTIO_BLK_T_DISCARD, 0, 0, false, NULL) == 1,
	   "half a range, and none");
}

static void disk_abuse(struct drv *d)
{
	static const uint64_t off_disk[] = {
		SECTORS, SECTORS + 1, ~0ull, ~0ull >> 9, (~0ull >> 9) + 1,
		1ull << 55,
	};
	unsigned int wrong = 0;
	int64_t used;

	for (unsigned int i = 0; i < 6; i++) {
		wrong += disk(d, VIRTIO_BLK_T_IN, off_disk[i], 512, true, &used) != 1 ||
			 used != 0;
		wrong += disk(d, VIRTIO_BLK_T_OUT, off_disk[i], 512, false, NULL) != 1;
	}
	ok(!wrong, "sectors off the disk are I/O errors");
	ok(disk(d, VIRTIO_BLK_T_IN, SECTORS - 1, 512, true, NULL) == 0 &&
	   disk(d, VIRTIO_BLK_T_IN, SECTORS - 1, 1024, true, NULL) == 1,
	   "the last sector is the last");
	ok(disk(d, VIRTIO_BLK_T_IN, 0, 100, true, NULL) == 1 &&
	   disk(d, VIRTIO_BLK_T_OUT, 0, 511, false, NULL) == 1,
	   "parts of sectors too");
	ok(disk(d, VIRTIO_BLK_T_OUT, 0, 512, true, NULL) == 0,
	   "a write with nothing to write writes nothing");
	wrong = 0;
	for (uint32_t t = 0; t < 40; t++)
		if (t != 0 && t != 1 && t != 4 && t != 8 && t != 11 && t != 13)
			wrong += disk(d, t, 0, 512, true, NULL) != 2;
	wrong += disk(d, 0x80000000, 0, 512, true, NULL) != 2;
	ok(!wrong, "unknown requests are not supported");
}

/* Header and status cut into pieces, as the specification allows. */
static void disk_framing(struct drv *d)
{
	const struct ring_buf b[] = {
		{ HDR, 1, false }, { HDR + 1, 10, false }, { HDR + 11, 5, false },
		{ BUF, 100, true }, { BUF + 100, 412, true },
		{ BUF + 512, 513, true },
	};
	const struct ring_buf one_in[] = { { HDR, 16, false }, { BUF, 513, true } };
	const struct ring_buf one_out[] = { { HDR, 528, false }, { STATUS, 1, true } };
	const struct ring_buf half[] = { { HDR, 15, false }, { STATUS, 1, true } };
	struct virtio_blk_outhdr h = { .type = VIRTIO_BLK_T_IN, .sector = 16 };

	memcpy(at(HDR), &h, sizeof(h));
	memset(at(BUF), 0xee, 2048);
	ok(drv_run(d, 0, b, 6) == 1025 && ((uint8_t *)at(BUF))[1024] == 0 &&
	   ((uint8_t *)at(BUF))[0] == 0x77, "six odd pieces make a request");
	ok(drv_run(d, 0, one_in, 2) == 513 && !((uint8_t *)at(BUF))[512],
	   "data and status in one buffer");
	h.type = VIRTIO_BLK_T_OUT;
	memcpy(at(HDR), &h, sizeof(h));
	ok(drv_run(d, 0, one_out, 2) == 1 && !*(uint8_t *)at(STATUS),
	   "header and data in one buffer");
	ok(drv_run(d, 0, half, 2) == 1 && *(uint8_t *)at(STATUS) == 1,
	   "half a header is an I/O error");
}

static void disk_breakage(struct drv *d)
{
	const struct ring_buf none = { HDR, 16, false };

	ring_offer(&d->ring[0], ring_chain(&d->ring[0], &none, 1));
	drv_kick(d, 0);
	ok(drv_wait_status(d, S_NEEDS), "no room for a status: needs reset");
	ok(drv_start(d, FLUSH, 1) &&
	   disk(d, VIRTIO_BLK_T_IN, 0, 512, true, NULL) == 0, "and recovers");
}

static void disk_batch(struct drv *d)
{
	struct virtio_blk_outhdr h = { .type = VIRTIO_BLK_T_IN };
	const struct ring_buf b[] = { { HDR, 16, false }, { BUF, 513, true } };
	unsigned int done = 0;

	if (!drv_start(d, FLUSH | EVENT_IDX, 1))
		bail_out("event indices refused");
	memcpy(at(HDR), &h, sizeof(h));
	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < 8; i++)
			ring_offer(&d->ring[0], ring_chain(&d->ring[0], b, 2));
		/* as a driver does: only when the device asked for it */
		if ((uint16_t)(d->ring[0].avail_idx -
			       *ring_avail_event(&d->ring[0]) - 1) < 8)
			drv_kick(d, 0);
		for (int i = 0; i < 8 && drv_wait(d, 0); i++)
			done += ring_take(&d->ring[0]).len == 513;
	}
	ok(done == 16000, "2000 batches of 8, by event index: %u answered", done);
}

static void disk_readonly(void)
{
	struct drv d;

	env = env_new(env_tmpfile(DISK_LEN), true, true);
	drv_probe(&d, env, SLOT_DISK);
	ok(drv_start(&d, 1 << VIRTIO_BLK_F_RO, 1), "read-only disk");
	ok(d.offered >> VIRTIO_BLK_F_RO & 1 &&
	   !(d.offered >> VIRTIO_BLK_F_DISCARD & 1), "offers RO and no discard");
	ok(disk(&d, VIRTIO_BLK_T_IN, 0, 512, true, NULL) == 0, "reads");
	ok(disk(&d, VIRTIO_BLK_T_OUT, 0, 512, false, NULL) == 1 &&
	   range_cmd(&d, VIRTIO_BLK_T_DISCARD, 0, 8, 0, 1) == 1 &&
	   range_cmd(&d, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0, 1) == 1,
	   "and refuses whatever writes");
	ok(disk(&d, VIRTIO_BLK_T_FLUSH, 0, 0, false, NULL) == 0, "flush is fine");
	env_free(env);
}

static void console(void)
{
	const struct ring_buf out[] = { { BUF, 6, false }, { BUF + 6, 6, false } };
	const struct ring_buf in[] = { { BUF, 4, true }, { BUF + 4, 4, true } };
	const struct ring_buf wrong = { BUF, 4, false };
	struct drv d;

	drv_probe(&d, env, SLOT_CONSOLE);
	ok(env_type(env, "early") == 0, "no driver takes no input");
	ok(drv_start(&d, 1, 2), "console with its size");
	ok(mmio_read(env, d.device, 2) == 80 && mmio_read(env, d.device + 2, 2) == 25,
	   "80 by 25");
	memcpy(at(BUF), "hello, world", 12);
	ok(drv_run(&d, 1, out, 2) == 0 && !strcmp(env_output(), "hello, world"),
	   "output arrives");
	ok(env_type(env, "abc") == 0, "no buffers, no input");
	env_room_asked();
	memset(at(BUF), 0, 16);
	ring_offer(&d.ring[0], ring_chain(&d.ring[0], in, 2));
	ring_offer(&d.ring[0], ring_chain(&d.ring[0], in, 2));
	drv_kick(&d, 0);
	for (int i = 0; i < 1000 && !env_room_asked(); i++)
		usleep(1000);
	ok(env_type(env, "0123456") == 7 && !strcmp(at(BUF), "0123456") &&
	   ring_take(&d.ring[0]).len == 7, "input arrives");
	ok(env_type(env, "0123456789") == 8 && ring_take(&d.ring[0]).len == 8,
	   "as much as there is room for");
	ring_offer(&d.ring[0], ring_chain(&d.ring[0], &wrong, 1));
	ok(env_type(env, "x") == 0 && (drv_status(&d) & S_NEEDS),
	   "a buffer that cannot be written: needs reset");
	ok(env_type(env, "x") == 0, "and takes nothing more");
}

static void entropy(void)
{
	const struct ring_buf b = { BUF, 256, true };
	const struct ring_buf big = { BUF, 1 << 20, true };
	unsigned int zero = 0;
	struct drv d;

	drv_probe(&d, env, SLOT_RNG);
	ok(drv_start(&d, 0, 1), "entropy source");
	memset(at(BUF), 0, 8192);
	ok(drv_run(&d, 0, &b, 1) == 256, "fills a buffer");
	for (int i = 0; i < 256; i++)
		zero += !((uint8_t *)at(BUF))[i];
	ok(zero < 32 && !((uint8_t *)at(BUF))[256], "with something, and not past it");
	ok(drv_run(&d, 0, &big, 1) == 4096, "a large one in part");
}

int main(void)
{
	struct drv d;

	env = env_new(env_tmpfile(DISK_LEN), false, true);
	drv_probe(&d, env, SLOT_DISK);
	ok(drv_start(&d, FLUSH, 1), "disk");
	disk_config(&d);
	disk_data(&d);
	disk_ranges(&d);
	disk_abuse(&d);
	disk_framing(&d);
	disk_breakage(&d);
	disk_batch(&d);
	ok(drv_start(&d, 0, 1) &&
	   disk(&d, VIRTIO_BLK_T_OUT, 0, 512, false, NULL) == 0,
	   "write-through without FLUSH");
	console();
	entropy();
	env_free(env);
	disk_readonly();
	return tap_end();
}
