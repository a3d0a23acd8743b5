// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buses of in-kernel devices, and the coalesced-write zones on them.
 *
 * A bus is an immutable array sorted by address, replaced as a whole. Each
 * entry knows the furthest end of all entries up to it, so a search ends as
 * soon as nothing before can reach the access.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include "virt.h"

#define MAX_ZONES	1000

struct bus_entry {
	gpa_t addr;
	u64 last;		/* of its own range, inclusive */
	u64 furthest;		/* the largest last from the first entry to here */
	struct kvm_iodev *dev;
	bool any_len;		/* addr alone matters */
};

struct kvm_io_bus {
	struct kvm_stale stale;	/* first */
	unsigned int count;
	struct bus_entry entry[];
};

static struct kvm_io_bus *bus_of(struct kvm *kvm, enum kvm_bus bus)
{
	return rcu_dereference_protected(kvm->buses[bus], lockdep_is_held(&kvm->slots_lock));
}

static struct kvm_io_bus *alloc_bus(unsigned int count)
{
	struct kvm_io_bus *b;

	b = kvmalloc(struct_size(b, entry, count), GFP_KERNEL_ACCOUNT);
	if (b)
		b->count = 0;
	return b;
}

static u64 last_byte(gpa_t addr, int len)
{
	return addr + (len ? len - 1 : 0);
}

static void append(struct kvm_io_bus *b, struct bus_entry e)
{
	e.furthest = e.last;
	if (b->count)
		e.furthest = max(e.furthest, b->entry[b->count - 1].furthest);
	b->entry[b->count++] = e;
}

int kvm_io_bus_add(struct kvm *kvm, enum kvm_bus bus, gpa_t addr, int len, struct kvm_iodev *dev)
{
	struct bus_entry add = {
		.addr = addr, .last = last_byte(addr, len), .dev = dev, .any_len = !len,
	};
	struct kvm_io_bus *old, *new;
	unsigned int i = 0;

	lockdep_assert_held(&kvm->slots_lock);
	if (len < 0 || add.last < addr)
		return -EINVAL;
	old = bus_of(kvm, bus);
	new = alloc_bus((old ? old->count : 0) + 1);
	if (!new)
		return -ENOMEM;
	for (; old && i < old->count && old->entry[i].addr <= addr; i++)
		append(new, old->entry[i]);
	append(new, add);
	for (; old && i < old->count; i++)
		append(new, old->entry[i]);
	rcu_assign_pointer(kvm->buses[bus], new);
	if (old)
		kvm_stale_add(kvm, &old->stale);
	return 0;
}

/* @b without @dev, in place: nobody reads @b any more or yet. */
static void squeeze(struct kvm_io_bus *b, const struct kvm_iodev *dev)
{
	unsigned int i, n = b->count;

	b->count = 0;
	for (i = 0; i < n; i++)
		if (b->entry[i].dev != dev)
			append(b, b->entry[i]);
}

static bool on_bus(const struct kvm_io_bus *b, const struct kvm_iodev *dev)
{
	unsigned int i;

	for (i = 0; b && i < b->count; i++)
		if (b->entry[i].dev == dev)
			return true;
	return false;
}

/*
 * Without memory for the smaller array the whole bus goes out of service for
 * the moment: accesses then go to user space, which is better than a device
 * that can't be taken away.
 */
static void unlink_dev(struct kvm *kvm, enum kvm_bus bus, struct kvm_io_bus *old,
		       const struct kvm_iodev *dev)
{
	struct kvm_io_bus *new = NULL;

	if (old->count > 1) {
		new = alloc_bus(old->count);
		if (new) {
			memcpy(new->entry, old->entry, old->count * sizeof(old->entry[0]));
			new->count = old->count;
			squeeze(new, dev);
		}
	}
	rcu_assign_pointer(kvm->buses[bus], new);
	if (new || old->count == 1) {
		kvm_stale_add(kvm, &old->stale);
		kvm_slots_sync(kvm);
		return;
	}
	kvm_slots_sync(kvm);
	squeeze(old, dev);
	rcu_assign_pointer(kvm->buses[bus], old);
}

int kvm_io_bus_del(struct kvm *kvm, enum kvm_bus bus, struct kvm_iodev *dev)
{
	struct kvm_io_bus *old = bus_of(kvm, bus);

	lockdep_assert_held(&kvm->slots_lock);
	if (!on_bus(old, dev))
		return -ENOENT;
	unlink_dev(kvm, bus, old, dev);
	if (dev->ops->destroy)
		dev->ops->destroy(dev);
	return 0;
}

static void destroy_bus(struct kvm_io_bus *b)
{
	struct kvm_iodev *dev;

	while (b->count) {
		dev = b->entry[0].dev;
		squeeze(b, dev);	/* all of its ranges, it is destroyed once */
		if (dev->ops->destroy)
			dev->ops->destroy(dev);
	}
	kvfree(b);
}

/* The VM's end: no readers. Doorbells and zones have no destroy(), their lists own them. */
void kvm_io_bus_destroy(struct kvm *kvm)
{
	struct kvm_io_bus *b;
	unsigned int bus;

	for (bus = 0; bus < KVM_NR_BUSES; bus++) {
		b = rcu_dereference_protected(kvm->buses[bus], true);
		RCU_INIT_POINTER(kvm->buses[bus], NULL);
		if (b)
			destroy_bus(b);
	}
}

/* The number of entries that begin at or below @addr. */
static unsigned int upper_bound(const struct kvm_io_bus *b, gpa_t addr)
{
	unsigned int lo = 0, hi = b->count, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (b->entry[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The next device below entry *@i that the access belongs to. */
static struct kvm_iodev *next_dev(const struct kvm_io_bus *b, unsigned int *i, gpa_t addr,
				  u64 last)
{
	const struct bus_entry *e;

	while (*i) {
		e = &b->entry[--*i];
		if (e->furthest < addr)
			break;
		if (e->any_len ? e->addr == addr : e->last >= last)
			return e->dev;
	}
	*i = 0;
	return NULL;
}

/* All devices of @b, which may be NULL, that the access belongs to, in order */
#define for_each_dev(dev, b, i, addr, len)					\
	for ((i) = (b) ? upper_bound(b, addr) : 0;				\
	     ((dev) = next_dev(b, &(i), addr, last_byte(addr, len))); )

int kvm_io_bus_write(struct kvm_vcpu *vcpu, enum kvm_bus bus, gpa_t addr, int len, const void *val)
{
	struct kvm_io_bus *b = srcu_dereference(vcpu->kvm->buses[bus], &vcpu->kvm->srcu);
	struct kvm_iodev *dev;
	unsigned int i;

	for_each_dev(dev, b, i, addr, len)
		if (dev->ops->write && !dev->ops->write(vcpu, dev, addr, len, val))
			return 0;
	return -EOPNOTSUPP;
}

int kvm_io_bus_read(struct kvm_vcpu *vcpu, enum kvm_bus bus, gpa_t addr, int len, void *val)
{
	struct kvm_io_bus *b = srcu_dereference(vcpu->kvm->buses[bus], &vcpu->kvm->srcu);
	struct kvm_iodev *dev;
	unsigned int i;

	for_each_dev(dev, b, i, addr, len)
		if (dev->ops->read && !dev->ops->read(vcpu, dev, addr, len, val))
			return 0;
	return -EOPNOTSUPP;
}

/* IRQs are off: kvm_wait_irqs_off_readers() waits for us. */
static struct kvm_io_bus *bus_atomic(struct kvm_vcpu *vcpu, enum kvm_bus bus)
{
	return rcu_dereference_check(vcpu->kvm->buses[bus], irqs_disabled());
}

int kvm_io_bus_write_atomic(struct kvm_vcpu *vcpu, enum kvm_bus bus, gpa_t addr, int len,
			    const void *val)
{
	struct kvm_io_bus *b = bus_atomic(vcpu, bus);
	struct kvm_iodev *dev;
	unsigned int i;

	for_each_dev(dev, b, i, addr, len) {
		/* One that may sleep is asked in order, so the slow way has to do it all. */
		if (!dev->ops->atomic_write)
			return -EAGAIN;
		if (!dev->ops->write(vcpu, dev, addr, len, val))
			return 0;
	}
	return -EOPNOTSUPP;
}

int kvm_io_bus_read_atomic(struct kvm_vcpu *vcpu, enum kvm_bus bus, gpa_t addr, int len, void *val)
{
	struct kvm_io_bus *b = bus_atomic(vcpu, bus);
	struct kvm_iodev *dev;
	unsigned int i;

	for_each_dev(dev, b, i, addr, len) {
		if (!dev->ops->read)
			continue;
		if (!dev->ops->atomic_read)
			return -EAGAIN;
		if (!dev->ops->read(vcpu, dev, addr, len, val))
			return 0;
	}
	return -EOPNOTSUPP;
}

/*
 * Coalesced writes: a zone's writes go to a ring that the VMM empties when it
 * likes. The ring's page is mapped by user space, so its indexes are checked
 * each time and a ring that makes no sense counts as full.
 */
struct co_zone {
	struct kvm_iodev dev;
	struct list_head link;		/* kvm->coalesced_zones */
	struct kvm *kvm;
	struct kvm_coalesced_mmio_zone where;
};

static int zone_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
		      const void *val)
{
	struct co_zone *z = container_of(dev, struct co_zone, dev);
	struct kvm_coalesced_mmio_ring *ring = z->kvm->coalesced_ring;
	struct kvm_coalesced_mmio *slot;
	unsigned long flags;
	u32 last, next;
	int ret = -EOPNOTSUPP;

	if (len > (int)sizeof(slot->data))
		return -EOPNOTSUPP;
	spin_lock_irqsave(&z->kvm->coalesced_lock, flags);
	last = READ_ONCE(ring->last);
	next = (last + 1) % KVM_COALESCED_MMIO_MAX;
	if (last >= KVM_COALESCED_MMIO_MAX || next == READ_ONCE(ring->first))
		goto out;
	slot = &ring->coalesced_mmio[array_index_nospec(last, KVM_COALESCED_MMIO_MAX)];
	slot->phys_addr = addr;
	slot->len = len;
	slot->pio = z->where.pio;
	memcpy(slot->data, val, len);
	smp_store_release(&ring->last, next);	/* the entry before its index */
	ret = 0;
out:
	spin_unlock_irqrestore(&z->kvm->coalesced_lock, flags);
	return ret;
}

static const struct kvm_iodev_ops zone_ops = {
	.write		= zone_write,
	.atomic_write	= true,
};

struct page *kvm_coalesced_page(struct kvm *kvm)
{
	struct kvm_coalesced_mmio_ring *ring = READ_ONCE(kvm->coalesced_ring), *other;

	if (!ring) {
		ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		if (!ring)
			return NULL;
		other = cmpxchg(&kvm->coalesced_ring, NULL, ring);
		if (other) {
			free_page((unsigned long)ring);
			ring = other;
		}
	}
	return virt_to_page(ring);
}

static enum kvm_bus zone_bus(const struct kvm_coalesced_mmio_zone *where)
{
	return where->pio ? KVM_BUS_PIO : KVM_BUS_MMIO;
}

static int add_zone(struct kvm *kvm, struct co_zone *z)
{
	struct list_head *p;
	unsigned int n = 0;
	int ret;

	list_for_each(p, &kvm->coalesced_zones)
		n++;
	if (n >= MAX_ZONES)
		return -ENOSPC;
	ret = kvm_io_bus_add(kvm, zone_bus(&z->where), z->where.addr, z->where.size, &z->dev);
	if (!ret)
		list_add_tail(&z->link, &kvm->coalesced_zones);
	return ret;
}

long kvm_register_coalesced(struct kvm *kvm, const struct kvm_coalesced_mmio_zone *where)
{
	struct co_zone *z;
	int ret;

	if (where->pio > 1 || where->size > INT_MAX)
		return -EINVAL;
	if (!where->size)
		return 0;	/* no access lies within nothing */
	if (!kvm_coalesced_page(kvm))
		return -ENOMEM;
	z = kzalloc(sizeof(*z), GFP_KERNEL_ACCOUNT);
	if (!z)
		return -ENOMEM;
	z->dev.ops = &zone_ops;
	z->kvm = kvm;
	z->where = *where;
	mutex_lock(&kvm->slots_lock);
	ret = add_zone(kvm, z);
	mutex_unlock(&kvm->slots_lock);
	if (ret)
		kfree(z);
	return ret;
}

static bool has_part(const struct kvm_coalesced_mmio_zone *z,
		     const struct kvm_coalesced_mmio_zone *part)
{
	u64 off = part->addr - z->addr;

	return z->pio == part->pio && off <= z->size && part->size <= z->size - off;
}

/* All zones that @where is a part of go; none being there is no error. */
long kvm_unregister_coalesced(struct kvm *kvm, const struct kvm_coalesced_mmio_zone *where)
{
	struct co_zone *z, *tmp;

	if (where->pio > 1)
		return -EINVAL;
	mutex_lock(&kvm->slots_lock);
	list_for_each_entry_safe(z, tmp, &kvm->coalesced_zones, link) {
		if (!has_part(&z->where, where))
			continue;
		kvm_io_bus_del(kvm, zone_bus(&z->where), &z->dev);
		list_del(&z->link);
		kfree(z);
	}
	mutex_unlock(&kvm->slots_lock);
	return 0;
}

void kvm_coalesced_destroy(struct kvm *kvm)
{
	struct co_zone *z, *tmp;

	list_for_each_entry_safe(z, tmp, &kvm->coalesced_zones, link)
		kfree(z);
	free_page((unsigned long)kvm->coalesced_ring);
}
