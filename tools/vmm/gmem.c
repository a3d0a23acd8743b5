// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory regions and the checked way into them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "gmem.h"

#define HUGE_SIZE	(2ull << 20)
#define PAGE_MASK	0xfffull

struct gmem_slot {
	uint64_t gpa, len;
	uint8_t *host;
	void *map;		/* what munmap() gets back */
	size_t map_len;
};

struct gmem {
	unsigned int n;
	struct gmem_slot slot[GMEM_MAX_REGIONS];
};

struct gmem *gmem_new(void)
{
	return calloc(1, sizeof(struct gmem));
}

void gmem_free(struct gmem *m)
{
	if (!m)
		return;
	for (unsigned int i = 0; i < m->n; i++)
		munmap(m->slot[i].map, m->slot[i].map_len);
	free(m);
}

/*
 * Host and guest addresses agree modulo 2 MiB, so that the kernel can give
 * the guest huge pages: map 2 MiB more than needed and cut off the rest.
 */
static int map_ram(struct gmem_slot *s)
{
	size_t slack = s->len >= HUGE_SIZE ? HUGE_SIZE : 0;
	uint8_t *p = mmap(NULL, s->len + slack, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t head = 0;

	if (p == MAP_FAILED)
		return -errno;
	if (slack) {
		head = (s->gpa - (uintptr_t)p) & (HUGE_SIZE - 1);
		if (head)
			munmap(p, head);
		if (slack - head)
			munmap(p + head + s->len, slack - head);
	}
	s->host = p + head;
	s->map = s->host;
	s->map_len = s->len;
	/* Advice only: without huge pages the guest is slower, not broken. */
	if (slack)
		madvise(s->host, s->len, MADV_HUGEPAGE);
	madvise(s->host, s->len, MADV_DONTDUMP);
	return 0;
}

int gmem_add_ram(struct gmem *m, uint64_t gpa, uint64_t len)
{
	struct gmem_slot s = { .gpa = gpa, .len = len };
	unsigned int i;
	int ret;

	if (!len || ((gpa | len) & PAGE_MASK) || gpa + len < gpa)
		return -EINVAL;
	if (m->n == GMEM_MAX_REGIONS)
		return -ENOSPC;
	for (i = 0; i < m->n; i++)
		if (gpa < m->slot[i].gpa + m->slot[i].len && m->slot[i].gpa < gpa + len)
			return -EEXIST;
	ret = map_ram(&s);
	if (ret)
		return ret;
	for (i = m->n; i && m->slot[i - 1].gpa > gpa; i--)
		m->slot[i] = m->slot[i - 1];
	m->slot[i] = s;
	m->n++;
	return 0;
}

int gmem_region(const struct gmem *m, unsigned int i, uint64_t *gpa, uint64_t *len, void **host)
{
	if (i >= m->n)
		return -ENOENT;
	*gpa = m->slot[i].gpa;
	*len = m->slot[i].len;
	if (host)
		*host = m->slot[i].host;
	return 0;
}

void *gmem_ptr(struct gmem *m, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < m->n; i++) {
		struct gmem_slot *s = &m->slot[i];

		/* No sums: gpa + len may wrap. */
		if (gpa < s->gpa || gpa - s->gpa >= s->len)
			continue;
		if (!len || len > s->len - (gpa - s->gpa))
			return NULL;
		return s->host + (gpa - s->gpa);
	}
	return NULL;
}

int gmem_read(struct gmem *m, uint64_t gpa, void *buf, size_t len)
{
	const void *p = gmem_ptr(m, gpa, len);

	if (!p)
		return -EFAULT;
	memcpy(buf, p, len);
	return 0;
}

int gmem_write(struct gmem *m, uint64_t gpa, const void *buf, size_t len)
{
	void *p = gmem_ptr(m, gpa, len);

	if (!p)
		return -EFAULT;
	memcpy(p, buf, len);
	return 0;
}
