// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random rings against the queue and the disk behind it. The same seed gives
 * the same run: fuzz_test [ROUNDS [SEED]]. The disk checks what it is handed;
 * sanitizers and a watchdog do the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* the disk's own functions, on a disk and a transport made here */
#include "../blk.c"

#include "gmem.h"
#include "ring.h"
#include "tap.h"
#include "vmm.h"

#define RAM_LEN		(256u << 10)
#define HIGH		(4ull << 30)
#define HIGH_LEN	(64u << 10)
#define DISK_LEN	(1u << 20)

static struct vmm vmm;
static struct vmm_dev dev = { .vmm = &vmm, .path = "/fuzz" };
static struct virtio_dev vdev;
static struct blk blk;
static struct gmem *mem;
static uint64_t seed;
static unsigned long bad_calls, resets, irqs, requests_seen;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % n;
}

/* ---- a disk that trusts nobody ---- */

static bool in_ram(const void *p, size_t len)
{
	const uint8_t *low = gmem_ptr(mem, 0, RAM_LEN);
	const uint8_t *high = gmem_ptr(mem, HIGH, HIGH_LEN);
	const uint8_t *b = p;

	return (b >= low && len <= RAM_LEN && b + len <= low + RAM_LEN) ||
	       (b >= high && len <= HIGH_LEN && b + len <= high + HIGH_LEN);
}

static int check_io(struct block *b, struct iovec *iov, unsigned int cnt,
		    uint64_t off, uint64_t len)
{
	uint64_t sum = 0;

	requests_seen++;
	bad_calls += !block_within(b, off, len) || cnt > VIRTQ_MAX_SEGS;
	for (unsigned int i = 0; i < cnt; i++) {
		bad_calls += !in_ram(iov[i].iov_base, iov[i].iov_len);
		sum += iov[i].iov_len;
	}
	bad_calls += sum != len;
	return rnd(16) ? 0 : -EIO;
}

static int fake_read(struct block *b, struct iovec *iov, unsigned int cnt,
		     uint64_t off, uint64_t len)
{
	int ret = check_io(b, iov, cnt, off, len);

	/* scribbles over rings as well: that is where the driver put them */
	for (unsigned int i = 0; i < cnt && !rnd(8); i++)
		memset(iov[i].iov_base, rnd(256), iov[i].iov_len);
	return ret;
}

static int fake_write(struct block *b, struct iovec *iov, unsigned int cnt,
		      uint64_t off, uint64_t len)
{
	bad_calls += b->readonly;
	return check_io(b, iov, cnt, off, len);
}

static int fake_flush(struct block *b)
{
	bad_calls += b->readonly;
	return 0;
}

static int fake_discard(struct block *b, uint64_t off, uint64_t len)
{
	bad_calls += b->readonly || !block_within(b, off, len);
	return rnd(4) ? 0 : -EOPNOTSUPP;
}

static int fake_zeroes(struct block *b, uint64_t off, uint64_t len, bool unmap)
{
	(void)unmap;
	return fake_discard(b, off, len);
}

static const struct block_ops fake_ops = {
	.preadv = fake_read,
	.pwritev = fake_write,
	.flush = fake_flush,
	.discard = fake_discard,
	.write_zeroes = fake_zeroes,
};

static struct block fake_disk = { .ops = &fake_ops, .size = DISK_LEN };

/* ---- a transport ---- */

static void count_irq(struct virtio_dev *v, unsigned int q)
{
	(void)v;
	(void)q;
	irqs++;
}

static void count_reset(struct virtio_dev *v)
{
	(void)v;
	resets++;
}

static const struct virtio_transport port = {
	.queue_irq = count_irq,
	.needs_reset = count_reset,
};

struct virtio_dev *virtio_new(struct vmm_dev *d, const struct virtio_params *p)
{
	(void)d;
	(void)p;
	return NULL;
}

void virtio_delete(struct virtio_dev *v)
{
	(void)v;
}

void virtio_power_on(struct virtio_dev *v)
{
	(void)v;
}

/* ---- random drivers ---- */

static uint64_t random_gpa(void)
{
	switch (rnd(16)) {
	case 0: return HIGH + rnd(HIGH_LEN);
	case 1: return RAM_LEN - rnd(64);
	case 2: return HIGH - rnd(64);
	case 3: return ~0ull - rnd(4096);
	case 4: return (uint64_t)rnd(~0u) << rnd(33);
	default: return rnd(RAM_LEN);
	}
}

static uint32_t random_len(void)
{
	switch (rnd(16)) {
	case 0: return 0;
	case 1: return ~0u - rnd(64);
	case 2: return rnd(~0u);
	case 3: case 4: return 1;
	case 5: case 6: case 7: return 512 * (1 + rnd(16));
	case 8: return 16 * (1 + rnd(300));
	default: return 16;
	}
}

static struct vring_desc random_desc(uint16_t self, uint16_t num)
{
	struct vring_desc d = { .addr = random_gpa(), .len = random_len() };

	if (rnd(4))
		d.flags |= VRING_DESC_F_NEXT;
	if (rnd(2))
		d.flags |= VRING_DESC_F_WRITE;
	if (!rnd(6))
		d.flags = VRING_DESC_F_INDIRECT;
	if (!rnd(64))
		d.flags = rnd(0x10000);
	d.next = rnd(8) ? (self + 1u) % num : rnd(rnd(8) ? num : 0x10000);
	return d;
}

/* A request that is right but for one thing at times. */
static void likely_request(struct ring *r, uint16_t first, unsigned int polite)
{
	static const uint32_t types[] = { 0, 1, 4, 8, 11, 13, 2 };
	uint64_t hdr = 0x8000 + 64 * rnd(64), data = 0x10000 + 512 * rnd(32);
	struct virtio_blk_outhdr h = { .type = types[rnd(7)],
				       .sector = rnd(DISK_LEN / 512 + 4) };
	struct virtio_blk_discard_write_zeroes range = {
		rnd(DISK_LEN / 512 + 2), rnd(64), rnd(3),
	};
	bool out = h.type & 1;
	uint16_t n = r->at.size;

	memcpy(gmem_ptr(mem, hdr, 16), &h, 16);
	memcpy(gmem_ptr(mem, data, 16), &range, 16);
	ring_set(r, first, hdr, 16, VRING_DESC_F_NEXT, (first + 1) % n);
	ring_set(r, first + 1, data, h.type > 8 ? 16 : 512 * (1 + rnd(8)),
		 VRING_DESC_F_NEXT | (out ? 0 : VRING_DESC_F_WRITE),
		 (first + 2) % n);
	ring_set(r, first + 2, 0xf000, 1 + rnd(2), VRING_DESC_F_WRITE, 0);
	if (!rnd(polite))
		*ring_desc(r, first + rnd(3)) = random_desc(first, n);
}

static void one_driver(void)
{
	struct virtq_layout at = { 1u << rnd(9), 0x1000, 0x3000, 0x4000 };
	unsigned int polite = rnd(4) ? 64 : 2;	/* one mistake in so many */
	uint64_t features = 0;
	struct ring r;

	if (rnd(2))
		features |= 1ull << VIRTIO_RING_F_EVENT_IDX;
	if (rnd(4))
		features |= 1ull << VIRTIO_RING_F_INDIRECT_DESC;
	if (rnd(2))
		features |= 1ull << VIRTIO_BLK_F_FLUSH;
	fake_disk.readonly = !rnd(8);
	ring_init(&r, mem, &at);
	/* what an indirect table might find */
	for (unsigned int i = 0; i < 64; i++) {
		struct vring_desc d = random_desc(i, 64);

		memcpy(gmem_ptr(mem, 16 * rnd(RAM_LEN / 16), 16), &d, 16);
	}
	for (unsigned int i = 0; i < at.size; i++)
		*ring_desc(&r, i) = random_desc(i, at.size);
	virtio_core_start(&vdev, &at, features);
	for (unsigned int turn = 0; turn < 4; turn++) {
		for (unsigned int i = rnd(12); i; i--) {
			uint16_t head = i * 4 % at.size;

			if (at.size >= 4 && rnd(polite))
				likely_request(&r, head, polite);
			ring_offer(&r, rnd(2 * polite) ? head : rnd(0x10000));
		}
		if (!rnd(4 * polite))
			*ring_avail_idx(&r) = rnd(0x10000);
		*ring_avail_flags(&r) = rnd(2);
		*ring_used_event(&r) = r.avail_idx + rnd(4) - 2;
		virtio_core_turn(&vdev, 0);
	}
	virtio_core_stop(&vdev);
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 200000;
	uint64_t first = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	const struct virtio_params params = { .ops = &blk_ops, .priv = &blk };

	mem = gmem_new();
	if (!mem || gmem_add_ram(mem, 0, RAM_LEN) ||
	    gmem_add_ram(mem, HIGH, HIGH_LEN))
		bail_out("no memory");
	vmm = (struct vmm) { .gmem = mem, .vm_fd = -1 };
	blk.v = &vdev;
	blk.disk = &fake_disk;
	if (virtio_core_init(&vdev, &dev, &params, &port))
		bail_out("no device");
	for (unsigned long i = 0; i < rounds; i++) {
		seed = (first + i) * 0x9e3779b97f4a7c15;
		alarm(10);	/* no driver may keep us for so long */
		one_driver();
	}
	alarm(0);
	printf("# %lu drivers: %lu transfers, %lu interrupts, %lu resets needed\n",
	       rounds, requests_seen, irqs, resets);
	ok(!bad_calls, "the disk was never asked for what it must not do");
	ok(rounds < 1000 || (requests_seen && irqs && resets),
	   "good requests and broken rings were both met");
	virtio_core_exit(&vdev);
	gmem_free(mem);
	return tap_end();
}
