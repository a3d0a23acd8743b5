// SPDX-License-Identifier: GPL-2.0-only
/* Who answers an access: ranges, smallest first. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "bus.h"
#include "device.h"
#include "kvm_abi.h"
#include "log.h"
#include "vmm.h"

#define STRAY_ROWS	16	/* distinct unclaimed addresses remembered */

struct range {
	uint64_t base, len;
	struct vmm_dev *owner;
	bus_fn fn;
	void *opaque;
	const char *name;
	uint64_t hits;		/* counted with --verbose */
};

/* A set of ranges of one kind, sorted by length, then by age. */
struct ranges {
	struct range *row;
	unsigned int n, room;
};

struct stray {
	uint64_t addr, count;
	enum bus_kind kind;
	unsigned int len;
	bool write;
};

/* (r) rwlock, (s) stray_lock */
struct bus {
	pthread_rwlock_t rwlock;
	struct ranges kind[BUS_KINDS];		/* (r) */
	pthread_mutex_t stray_lock;
	struct stray stray[STRAY_ROWS];		/* (s) */
	unsigned int n_stray;			/* (s) */
	uint64_t n_unclaimed;			/* (s) */
};

static const char *const kind_name[BUS_KINDS] = { "port", "memory" };

int bus_init(struct vmm *vmm)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return -ENOMEM;
	pthread_rwlock_init(&bus->rwlock, NULL);
	pthread_mutex_init(&bus->stray_lock, NULL);
	vmm->bus = bus;
	return 0;
}

static void show_hits(struct vmm *vmm, struct bus *bus)
{
	for (unsigned int k = 0; k < BUS_KINDS; k++)
		for (unsigned int i = 0; i < bus->kind[k].n; i++) {
			const struct range *r = &bus->kind[k].row[i];

			if (r->hits)
				vmm_info(vmm, "%s %#llx (%s): %llu accesses", kind_name[k],
					 (unsigned long long)r->base, r->name,
					 (unsigned long long)r->hits);
		}
}

static void show_strays(struct vmm *vmm, struct bus *bus)
{
	if (!bus->n_unclaimed)
		return;
	vmm_info(vmm, "%llu accesses to addresses nobody claims",
		 (unsigned long long)bus->n_unclaimed);
	for (unsigned int i = 0; i < bus->n_stray; i++) {
		struct stray *s = &bus->stray[i];

		vmm_info(vmm, "  %s %#llx, %u byte %s: %llu times", kind_name[s->kind],
			 (unsigned long long)s->addr, s->len, s->write ? "write" : "read",
			 (unsigned long long)s->count);
	}
}

void bus_show(struct vmm *vmm)
{
	if (!vmm->bus)
		return;
	show_hits(vmm, vmm->bus);
	show_strays(vmm, vmm->bus);
}

void bus_free(struct vmm *vmm)
{
	struct bus *bus = vmm->bus;

	if (!bus)
		return;
	for (unsigned int i = 0; i < BUS_KINDS; i++)
		free(bus->kind[i].row);
	pthread_rwlock_destroy(&bus->rwlock);
	pthread_mutex_destroy(&bus->stray_lock);
	free(bus);
	vmm->bus = NULL;
}

static struct range *find_exact(struct ranges *rs, struct vmm_dev *owner, uint64_t base,
				uint64_t len)
{
	for (unsigned int i = 0; i < rs->n; i++) {
		struct range *r = &rs->row[i];

		if (r->base == base && r->len == len && r->owner == owner)
			return r;
	}
	return NULL;
}

static int insert(struct ranges *rs, const struct range *new)
{
	unsigned int i;

	if (rs->n == rs->room) {
		unsigned int room = rs->room ? 2 * rs->room : 16;
		struct range *row = realloc(rs->row, room * sizeof(*row));

		if (!row)
			return -ENOMEM;
		rs->row = row;
		rs->room = room;
	}
	for (i = rs->n; i && rs->row[i - 1].len > new->len; i--)
		rs->row[i] = rs->row[i - 1];
	rs->row[i] = *new;
	rs->n++;
	return 0;
}

int bus_add(struct vmm *vmm, struct vmm_dev *owner, enum bus_kind kind, uint64_t base,
	    uint64_t len, const char *name, bus_fn fn, void *opaque)
{
	const struct range new = {
		.base = base, .len = len, .owner = owner, .fn = fn, .opaque = opaque, .name = name,
	};
	struct bus *bus = vmm->bus;
	struct ranges *rs = &bus->kind[kind];
	int ret = -EEXIST;

	if (!len || base + len - 1 < base || (kind == BUS_PIO && base + len > 0x10000))
		return -EINVAL;
	pthread_rwlock_wrlock(&bus->rwlock);
	if (!find_exact(rs, owner, base, len))
		ret = insert(rs, &new);
	pthread_rwlock_unlock(&bus->rwlock);
	return ret;
}

int bus_del(struct vmm *vmm, struct vmm_dev *owner, enum bus_kind kind, uint64_t base,
	    uint64_t len)
{
	struct bus *bus = vmm->bus;
	struct ranges *rs = &bus->kind[kind];
	struct range *r;

	pthread_rwlock_wrlock(&bus->rwlock);
	r = find_exact(rs, owner, base, len);
	if (r) {
		rs->n--;
		memmove(r, r + 1, (size_t)(&rs->row[rs->n] - r) * sizeof(*r));
	}
	pthread_rwlock_unlock(&bus->rwlock);
	return r ? 0 : -ENOENT;
}

static void count_stray(struct bus *bus, const struct stray *seen)
{
	unsigned int i;

	pthread_mutex_lock(&bus->stray_lock);
	bus->n_unclaimed++;
	for (i = 0; i < bus->n_stray; i++) {
		struct stray *s = &bus->stray[i];

		if (s->addr == seen->addr && s->kind == seen->kind && s->len == seen->len &&
		    s->write == seen->write)
			break;
	}
	if (i < STRAY_ROWS) {
		if (i == bus->n_stray)
			bus->stray[bus->n_stray++] = *seen;
		bus->stray[i].count++;
	}
	pthread_mutex_unlock(&bus->stray_lock);
}

void bus_access(struct vmm *vmm, enum bus_kind kind, uint64_t addr, void *data,
		unsigned int len, bool write)
{
	struct bus *bus = vmm->bus;
	struct ranges *rs = &bus->kind[kind];
	struct range hit = { 0 };
	int ret = -ENOENT;

	pthread_rwlock_rdlock(&bus->rwlock);
	for (unsigned int i = 0; i < rs->n; i++) {
		struct range *r = &rs->row[i];

		if (addr < r->base || addr - r->base >= r->len ||
		    len > r->len - (addr - r->base))
			continue;
		if (vmm->cfg.verbose)
			__atomic_fetch_add(&r->hits, 1, __ATOMIC_RELAXED);
		hit = *r;
		break;
	}
	pthread_rwlock_unlock(&bus->rwlock);

	if (!write)
		memset(data, 0xff, len);
	if (hit.fn) {
		if (hit.owner)
			pthread_mutex_lock(&hit.owner->lock);
		ret = hit.fn(hit.opaque, addr - hit.base, data, len, write);
		if (hit.owner)
			pthread_mutex_unlock(&hit.owner->lock);
	}
	if (ret < 0) {
		struct stray s = { .addr = addr, .kind = kind, .len = len, .write = write };

		count_stray(bus, &s);
		if (!write)
			memset(data, 0xff, len);
	}
}

uint64_t bus_unclaimed(struct vmm *vmm)
{
	struct bus *bus = vmm->bus;
	uint64_t n;

	pthread_mutex_lock(&bus->stray_lock);
	n = bus->n_unclaimed;
	pthread_mutex_unlock(&bus->stray_lock);
	return n;
}

int bus_doorbell(struct vmm *vmm, enum bus_kind kind, uint64_t addr, unsigned int len,
		 bool match, uint64_t data, int eventfd, bool add)
{
	struct kvm_ioeventfd io = {
		.addr = addr, .len = len, .fd = eventfd, .datamatch = match ? data : 0,
		.flags = (match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0) |
			 (kind == BUS_PIO ? KVM_IOEVENTFD_FLAG_PIO : 0) |
			 (add ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};

	if (ioctl(vmm->vm_fd, KVM_IOEVENTFD, &io) < 0)
		return -errno;
	return 0;
}
