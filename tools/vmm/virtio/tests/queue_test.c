// SPDX-License-Identifier: GPL-2.0-only
/* Rings: the rules of virtio 1.2, 2.7, and drivers that break them. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <linux/virtio_config.h>

#include "ring.h"
#include "tap.h"

#define LOW_LEN		(1ull << 20)
#define HIGH		(4ull << 30)
#define HIGH_LEN	(64ull << 20)
#define DATA		0x10000		/* buffers live here */
#define TABLE		0x20000		/* indirect tables here */
#define F_INDIRECT	(1ull << VIRTIO_RING_F_INDIRECT_DESC)
#define F_EVENT		(1ull << VIRTIO_RING_F_EVENT_IDX)

static const struct virtq_layout place = { 16, 0x1000, 0x2000, 0x3000 };
static struct gmem *mem;
static struct virtq vq;
static struct virtq_chain chain;
static struct ring ring;

static void fresh(uint64_t features)
{
	ring_init(&ring, mem, &place);
	if (virtq_start(&vq, mem, &place, features))
		bail_out("cannot start a valid queue");
}

static void layouts(void)
{
	static const struct {
		struct virtq_layout at;
		int ret;
		const char *what;
	} row[] = {
		{ { 16, 0x1000, 0x2000, 0x3000 }, 0, "plain" },
		{ { 256, 0x1000, 0x2000, 0x3000 }, 0, "largest size" },
		{ { 1, 0x1000, 0x2000, 0x3000 }, 0, "size 1" },
		{ { 0, 0x1000, 0x2000, 0x3000 }, -EINVAL, "size 0" },
		{ { 3, 0x1000, 0x2000, 0x3000 }, -EINVAL, "size 3" },
		{ { 512, 0x1000, 0x2000, 0x3000 }, -EINVAL, "size 512" },
		{ { 16, 0x1008, 0x2000, 0x3000 }, -EINVAL, "descriptors unaligned" },
		{ { 16, 0x1000, 0x2001, 0x3000 }, -EINVAL, "avail unaligned" },
		{ { 16, 0x1000, 0x2000, 0x3002 }, -EINVAL, "used unaligned" },
		{ { 16, LOW_LEN - 256, 0x2000, 0x3000 }, 0, "descriptors end with RAM" },
		{ { 16, LOW_LEN - 240, 0x2000, 0x3000 }, -EFAULT, "descriptors pass RAM's end" },
		{ { 16, 0x1000, LOW_LEN - 36, 0x3000 }, -EFAULT, "avail's event index outside" },
		{ { 16, 0x1000, 0x2000, LOW_LEN - 132 }, -EFAULT, "used's event index outside" },
		{ { 16, 0x80000000, 0x2000, 0x3000 }, -EFAULT, "in the hole" },
		{ { 16, ~0xfull, 0x2000, 0x3000 }, -EFAULT, "wrapping" },
	};

	for (unsigned int i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct virtq q;
		int ret = virtq_start(&q, mem, &row[i].at, 0);

		ok(ret == row[i].ret, "layout: %s gives %d (is %d)",
		   row[i].what, row[i].ret, ret);
	}
}

static void plain_chain(void)
{
	const struct ring_buf bufs[] = {
		{ DATA, 16, false }, { HIGH, 32, false },
		{ DATA + 0x100, 64, true }, { DATA + 0x200, 1, true },
	};
	char text[64] = "", *p = gmem_ptr(mem, DATA, 16);
	struct vring_used_elem e;
	uint8_t *tail;

	fresh(0);
	ok(virtq_pop(&vq, &chain) == VIRTQ_EMPTY, "a new ring is empty");
	memcpy(p, "0123456789abcdef", 16);
	memcpy(gmem_ptr(mem, HIGH, 4), "tail", 4);
	ring_offer(&ring, ring_chain(&ring, bufs, 4));
	ok(virtq_pop(&vq, &chain) == VIRTQ_CHAIN, "a chain is found");
	ok(chain.out_cnt == 2 && chain.in_cnt == 2 && chain.out_len == 48 &&
	   chain.in_len == 65 && chain.out[0].iov_base == p,
	   "with two buffers each way");
	ok(virtq_chain_pull(&chain, text, 20) == 20 &&
	   !memcmp(text, "0123456789abcdeftail", 20) && chain.out_cnt == 1 &&
	   chain.out_len == 28, "pull gathers across buffers");
	ok(virtq_chain_pull(&chain, text, 64) == 28 && !chain.out_cnt &&
	   !chain.out_len, "pull ends with the chain");
	tail = virtq_chain_cut_tail(&chain);
	ok(tail == gmem_ptr(mem, DATA + 0x200, 1) && chain.in_cnt == 1,
	   "the tail is the last writable byte");
	ok(virtq_chain_put(&chain, text, 64) == 64 && !chain.in_cnt &&
	   !memcmp(gmem_ptr(mem, DATA + 0x100, 64), text, 64),
	   "put fills what is left");
	ok(!virtq_chain_cut_tail(&chain), "then there is no tail");
	virtq_push(&vq, &chain, 7);
	ok(!ring_returned(&ring), "push alone shows nothing");
	ok(virtq_publish(&vq), "publish asks for an interrupt");
	e = ring_take(&ring);
	ok(e.id == chain.head && e.len == 7, "the used entry is right");
	ok(!virtq_publish(&vq), "nothing new, no interrupt");
}

static void one_round(void)
{
	const struct ring_buf buf = { DATA, 8, true };

	ring_offer(&ring, ring_chain(&ring, &buf, 1));
	if (virtq_pop(&vq, &chain) != VIRTQ_CHAIN)
		bail_out("lost a chain");
	virtq_push(&vq, &chain, 8);
}

static void suppression(void)
{
	bool wrong = false;

	fresh(0);
	*ring_avail_flags(&ring) = VRING_AVAIL_F_NO_INTERRUPT;
	one_round();
	ok(!virtq_publish(&vq), "NO_INTERRUPT is honoured");
	virtq_notify_disable(&vq);
	ok(*ring_used_flags(&ring) == VRING_USED_F_NO_NOTIFY, "NO_NOTIFY is set");
	ok(!virtq_notify_enable(&vq) && !*ring_used_flags(&ring),
	   "and cleared, with nothing waiting");
	ring_offer(&ring, 0);
	ok(virtq_notify_enable(&vq), "enable sees what came meanwhile");

	fresh(F_EVENT);
	*ring_used_event(&ring) = 0;
	one_round();
	ok(virtq_publish(&vq), "event index 0: interrupt at the first entry");
	one_round();
	ok(!virtq_publish(&vq), "and not at the second");
	*ring_used_event(&ring) = 4;
	for (int i = 0; i < 2; i++)
		one_round();
	ok(!virtq_publish(&vq), "not before the named entry");
	for (int i = 0; i < 3; i++)
		one_round();
	ok(virtq_publish(&vq), "a batch that passes it interrupts once");
	*ring_avail_flags(&ring) = VRING_AVAIL_F_NO_INTERRUPT;
	*ring_used_event(&ring) = vq.next_used;
	one_round();
	ok(virtq_publish(&vq), "the flag means nothing with event indices");
	virtq_notify_disable(&vq);
	ok(!*ring_used_flags(&ring), "nor is NO_NOTIFY used");
	virtq_notify_enable(&vq);
	ok(*ring_avail_event(&ring) == ring.avail_idx, "the avail event follows");

	/* every publish over the wrap of the 16-bit indices */
	fresh(F_EVENT);
	for (unsigned int i = 0; i < 70000; i++) {
		bool want = i % 3 == 0;

		*ring_used_event(&ring) = want ? i : i + 1;
		one_round();
		wrong |= virtq_publish(&vq) != want;
		ring_take(&ring);
	}
	ok(!wrong && !vq.broken, "70000 rounds across the index wrap");
}

static void indirect(void)
{
	struct vring_desc *t = gmem_ptr(mem, TABLE, 4096);

	for (int direct = 0; direct < 2; direct++) {
		fresh(F_INDIRECT);
		for (int i = 0; i < 3; i++)
			t[i] = (struct vring_desc) {
				DATA + 0x100 * i, 32,
				(i < 2 ? VRING_DESC_F_NEXT : 0) |
				(i ? VRING_DESC_F_WRITE : 0), i + 1,
			};
		ring_set(&ring, 0, DATA, 8, VRING_DESC_F_NEXT, 1);
		ring_set(&ring, 1, TABLE, 48, VRING_DESC_F_INDIRECT, 0);
		ring_offer(&ring, direct ? 0 : 1);
		ok(virtq_pop(&vq, &chain) == VIRTQ_CHAIN &&
		   chain.out_cnt == 1u + direct && chain.in_cnt == 2 &&
		   chain.in_len == 64, "indirect table%s",
		   direct ? " behind a direct buffer" : "");
	}
	/* the longest chain there may be, and one more */
	for (unsigned int n = VIRTQ_MAX_SEGS; n < VIRTQ_MAX_SEGS + 2; n++) {
		fresh(F_INDIRECT);
		t = gmem_ptr(mem, TABLE, 16 * n);
		for (unsigned int i = 0; i < n; i++)
			t[i] = (struct vring_desc) {
				DATA, 1, i + 1 < n ? VRING_DESC_F_NEXT : 0, i + 1,
			};
		ring_set(&ring, 0, TABLE, 16 * n, VRING_DESC_F_INDIRECT, 0);
		ring_offer(&ring, 0);
		ok(virtq_pop(&vq, &chain) == (n == VIRTQ_MAX_SEGS ?
					      VIRTQ_CHAIN : VIRTQ_BROKEN),
		   "indirect chain of %u buffers", n);
	}
}

/* ---- hostile rings ---- */

static void loop_self(void)
{
	ring_set(&ring, 0, DATA, 8, VRING_DESC_F_NEXT, 0);
	ring_offer(&ring, 0);
}

static void loop_pair(void)
{
	ring_set(&ring, 0, DATA, 8, VRING_DESC_F_NEXT, 1);
	ring_set(&ring, 1, DATA, 8, VRING_DESC_F_NEXT, 0);
	ring_offer(&ring, 0);
}

static void head_outside(void)
{
	ring_offer(&ring, 16);
}

static void head_far_outside(void)
{
	ring_offer(&ring, 0xffff);
}

static void next_outside(void)
{
	ring_set(&ring, 0, DATA, 8, VRING_DESC_F_NEXT, 16);
	ring_offer(&ring, 0);
}

static void empty_buffer(void)
{
	ring_set(&ring, 0, DATA, 0, 0, 0);
	ring_offer(&ring, 0);
}

static void empty_loop(void)
{
	ring_set(&ring, 0, DATA, 0, VRING_DESC_F_NEXT, 0);
	ring_offer(&ring, 0);
}

static void buffer_in_hole(void)
{
	ring_set(&ring, 0, 0x80000000, 8, 0, 0);
	ring_offer(&ring, 0);
}

static void buffer_past_end(void)
{
	ring_set(&ring, 0, LOW_LEN - 4, 8, 0, 0);
	ring_offer(&ring, 0);
}

static void buffer_wraps(void)
{
	ring_set(&ring, 0, ~0ull - 7, 64, 0, 0);
	ring_offer(&ring, 0);
}

static void buffer_longest(void)
{
	ring_set(&ring, 0, 0, ~0u, 0, 0);
	ring_offer(&ring, 0);
}

static void wrong_order(void)
{
	ring_set(&ring, 0, DATA, 8, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	ring_set(&ring, 1, DATA, 8, 0, 0);
	ring_offer(&ring, 0);
}

static void total_overflow(void)
{
	struct vring_desc *t = gmem_ptr(mem, TABLE, 16 * 200);

	for (int i = 0; i < 200; i++)
		t[i] = (struct vring_desc) {
			HIGH, HIGH_LEN, i < 199 ? VRING_DESC_F_NEXT : 0, i + 1,
		};
	ring_set(&ring, 0, TABLE, 16 * 200, VRING_DESC_F_INDIRECT, 0);
	ring_offer(&ring, 0);
}

static void table_to(uint64_t addr, uint32_t len, uint16_t flags)
{
	ring_set(&ring, 0, addr, len, VRING_DESC_F_INDIRECT | flags, 1);
	ring_set(&ring, 1, DATA, 8, 0, 0);
	ring_offer(&ring, 0);
}

static void table_nested(void)
{
	struct vring_desc *t = gmem_ptr(mem, TABLE, 16);

	*t = (struct vring_desc) { TABLE, 16, VRING_DESC_F_INDIRECT, 0 };
	table_to(TABLE, 16, 0);
}

static void table_with_next(void)
{
	table_to(TABLE, 16, VRING_DESC_F_NEXT);
}

static void table_empty(void)
{
	table_to(TABLE, 0, 0);
}

static void table_odd(void)
{
	table_to(TABLE, 24, 0);
}

static void table_outside(void)
{
	table_to(LOW_LEN - 16, 32, 0);
}

static void table_huge(void)
{
	table_to(TABLE, 0xfffffff0, 0);
}

static void table_next_outside(void)
{
	struct vring_desc *t = gmem_ptr(mem, TABLE, 16);

	*t = (struct vring_desc) { DATA, 8, VRING_DESC_F_NEXT, 1 };
	table_to(TABLE, 16, 0);
}

static void table_loop(void)
{
	struct vring_desc *t = gmem_ptr(mem, TABLE, 16);

	*t = (struct vring_desc) { DATA, 8, VRING_DESC_F_NEXT, 0 };
	table_to(TABLE, 16, 0);
}

static void table_unasked(void)
{
	struct vring_desc *t = gmem_ptr(mem, TABLE, 16);

	*t = (struct vring_desc) { DATA, 8, 0, 0 };
	table_to(TABLE, 16, 0);
}

static void index_jump(void)
{
	*ring_avail_idx(&ring) = 17;
}

static void index_back(void)
{
	*ring_avail_idx(&ring) = 0xffff;
}

static const struct {
	void (*set)(void);
	uint64_t features;
	const char *why;	/* part of the reason */
} hostile[] = {
	{ loop_self, 0, "loop" },
	{ loop_pair, 0, "loop" },
	{ head_outside, 0, "index" },
	{ head_far_outside, 0, "index" },
	{ next_outside, 0, "index" },
	{ empty_buffer, 0, "length 0" },
	{ empty_loop, 0, "length 0" },
	{ buffer_in_hole, 0, "outside" },
	{ buffer_past_end, 0, "outside" },
	{ buffer_wraps, 0, "outside" },
	{ buffer_longest, 0, "outside" },
	{ wrong_order, 0, "after a writable" },
	{ total_overflow, F_INDIRECT, "4 GiB" },
	{ table_unasked, 0, "without the feature" },
	{ table_nested, F_INDIRECT, "inside" },
	{ table_with_next, F_INDIRECT, "next" },
	{ table_empty, F_INDIRECT, "bad length" },
	{ table_odd, F_INDIRECT, "bad length" },
	{ table_outside, F_INDIRECT, "outside" },
	{ table_huge, F_INDIRECT, "outside" },
	{ table_next_outside, F_INDIRECT, "index" },
	{ table_loop, F_INDIRECT, "loop" },
	{ index_jump, 0, "jumped" },
	{ index_back, 0, "jumped" },
};

static void hostile_rings(void)
{
	for (unsigned int i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		bool dead;

		fresh(hostile[i].features);
		hostile[i].set();
		dead = virtq_pop(&vq, &chain) == VIRTQ_BROKEN && vq.broken &&
		       strstr(vq.broken, hostile[i].why);
		/* and it stays dead, with all calls harmless */
		ring_init(&ring, mem, &place);
		dead &= virtq_pop(&vq, &chain) == VIRTQ_BROKEN;
		virtq_push(&vq, &chain, 1);
		dead &= !virtq_publish(&vq) && !virtq_notify_enable(&vq) &&
			!ring_returned(&ring);
		ok(dead, "broken for good: %s", vq.broken ? vq.broken : "(no)");
	}
}

static void too_many(void)
{
	const struct ring_buf buf = { DATA, 8, true };

	fresh(0);
	ring_chain(&ring, &buf, 1);
	for (int i = 0; i < 16; i++) {
		ring_offer(&ring, 0);
		if (virtq_pop(&vq, &chain) != VIRTQ_CHAIN)
			bail_out("ring full too early");
	}
	ring_offer(&ring, 0);
	ok(virtq_pop(&vq, &chain) == VIRTQ_BROKEN,
	   "more in flight than the ring holds is refused");
}

/* ---- a second CPU that rewrites the ring ---- */

static volatile bool racing;

static void *scribble(void *arg)
{
	struct vring_desc *d = ring_desc(&ring, 0);
	uint32_t x = 12345;

	(void)arg;
	while (racing) {
		x = x * 1664525 + 1013904223;
		__atomic_store_n(&d[1].addr, x >> 20 & 1 ? DATA : 0x80000000ull,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&d[1].len, x >> 21 & 1 ? 8 : ~0u,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&d[1].next, x >> 22 & 1 ? 2 : 0x7fff,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

static bool inside(const struct iovec *v)
{
	uint8_t *low = gmem_ptr(mem, 0, LOW_LEN);
	uint8_t *p = v->iov_base;

	return p >= low && v->iov_len <= LOW_LEN &&
	       p + v->iov_len <= low + LOW_LEN;
}

static void race(void)
{
	unsigned int good = 0, bad = 0, wild = 0;
	pthread_t t;

	fresh(0);
	ring_set(&ring, 0, DATA, 8, VRING_DESC_F_NEXT, 1);
	ring_set(&ring, 1, DATA, 8, VRING_DESC_F_NEXT, 2);
	ring_set(&ring, 2, DATA, 8, VRING_DESC_F_WRITE, 0);
	racing = true;
	pthread_create(&t, NULL, scribble, NULL);
	/* on a busy machine the other thread may come late */
	for (int i = 0; i < 300000 || ((!good || !bad) && i < 1 << 28); i++) {
		vq.broken = NULL;
		vq.last_avail = ring.avail_idx;
		vq.in_flight = 0;
		ring_offer(&ring, 0);
		if (virtq_pop(&vq, &chain) != VIRTQ_CHAIN) {
			bad++;
			continue;
		}
		good++;
		for (unsigned int k = 0; k < 3; k++)
			wild += !inside(&chain.iov[k]);
	}
	racing = false;
	pthread_join(t, NULL);
	ok(good && bad && !wild,
	   "raced descriptors: %u whole, %u refused, %u outside of RAM", good,
	   bad, wild);
}

int main(void)
{
	alarm(20);	/* a walk without end must not be the test's */
	mem = gmem_new();
	if (!mem || gmem_add_ram(mem, 0, LOW_LEN) ||
	    gmem_add_ram(mem, HIGH, HIGH_LEN))
		bail_out("no memory");
	layouts();
	plain_chain();
	suppression();
	indirect();
	hostile_rings();
	too_many();
	race();
	gmem_free(mem);
	return tap_end();
}
