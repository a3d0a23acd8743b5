// SPDX-License-Identifier: GPL-2.0-only
/* Doorbells: a guest's write to a port or address signals an eventfd. */
#include <linux/eventfd.h>
#include <linux/slab.h>
#include "virt.h"

struct doorbell {
	struct kvm_iodev dev;
	struct list_head link;		/* kvm->ioeventfds */
	struct eventfd_ctx *ctx;
	gpa_t addr;
	u64 datamatch;
	u32 len;
	enum kvm_bus bus;
	bool any_data;
};

static bool data_matches(const struct doorbell *d, int len, const void *val)
{
	if (d->any_data)
		return true;
	switch (len) {
	case 1:
		return *(u8 *)val == d->datamatch;
	case 2:
		return *(u16 *)val == d->datamatch;
	case 4:
		return *(u32 *)val == d->datamatch;
	case 8:
		return *(u64 *)val == d->datamatch;
	}
	return false;
}

/* Any context: also with IRQs off, between an exit and the next entry. */
static int doorbell_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			  const void *val)
{
	struct doorbell *d = container_of(dev, struct doorbell, dev);

	if (addr != d->addr)
		return -EOPNOTSUPP;
	if (d->len && (len != (int)d->len || !data_matches(d, len, val)))
		return -EOPNOTSUPP;
	kvm_eventfd_signal(d->ctx);
	return 0;
}

static const struct kvm_iodev_ops doorbell_ops = {
	.write		= doorbell_write,
	.atomic_write	= true,
};

/* Could one write ring both? */
static bool same_place(const struct doorbell *a, const struct doorbell *b)
{
	return a->bus == b->bus && a->addr == b->addr &&
	       (!a->len || !b->len ||
		(a->len == b->len && (a->any_data || b->any_data ||
				      a->datamatch == b->datamatch)));
}

/* slots_lock held. */
static int add_to_buses(struct kvm *kvm, struct doorbell *d)
{
	int ret = kvm_io_bus_add(kvm, d->bus, d->addr, d->len, &d->dev);

	if (ret)
		return ret;
	/* Found by address alone, before the instruction is even looked at. */
	if (d->bus == KVM_BUS_MMIO && !d->len) {
		ret = kvm_io_bus_add(kvm, KVM_BUS_FAST_MMIO, d->addr, 0, &d->dev);
		if (ret)
			kvm_io_bus_del(kvm, d->bus, &d->dev);
	}
	return ret;
}

static int assign(struct kvm *kvm, struct doorbell *d)
{
	struct doorbell *other;
	int ret = -EEXIST;

	mutex_lock(&kvm->slots_lock);
	list_for_each_entry(other, &kvm->ioeventfds, link)
		if (same_place(other, d))
			goto out;
	ret = add_to_buses(kvm, d);
	if (!ret)
		list_add_tail(&d->link, &kvm->ioeventfds);
out:
	mutex_unlock(&kvm->slots_lock);
	return ret;
}

static void free_doorbell(struct doorbell *d)
{
	eventfd_ctx_put(d->ctx);
	kfree(d);
}

static int deassign(struct kvm *kvm, const struct doorbell *what)
{
	struct doorbell *d;
	int ret = -ENOENT;

	mutex_lock(&kvm->slots_lock);
	list_for_each_entry(d, &kvm->ioeventfds, link) {
		if (d->ctx != what->ctx || d->bus != what->bus || d->addr != what->addr ||
		    d->len != what->len || d->any_data != what->any_data ||
		    (!d->any_data && d->datamatch != what->datamatch))
			continue;
		kvm_io_bus_del(kvm, d->bus, &d->dev);
		if (d->bus == KVM_BUS_MMIO && !d->len)
			kvm_io_bus_del(kvm, KVM_BUS_FAST_MMIO, &d->dev);
		list_del(&d->link);
		free_doorbell(d);
		ret = 0;
		break;
	}
	mutex_unlock(&kvm->slots_lock);
	return ret;
}

/* Of a new one; the others are just not found. */
static int check_args(const struct kvm_ioeventfd *args)
{
	/* The channel subsystem's notifications are not for this architecture. */
	if (args->flags & ~KVM_IOEVENTFD_VALID_FLAG_MASK ||
	    args->flags & KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY)
		return -EINVAL;
	if (args->len > 8 || (args->len && !is_power_of_2(args->len)))
		return -EINVAL;
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	if (!args->len && args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH)
		return -EINVAL;
	return 0;
}

/**
 * kvm_ioeventfd() - KVM_IOEVENTFD
 * @kvm: the VM
 * @args: as user space gave it
 *
 * Return: 0, -EINVAL, -EBADF, -EEXIST if a write could ring two, -ENOENT, -ENOMEM.
 */
int kvm_ioeventfd(struct kvm *kvm, const struct kvm_ioeventfd *args)
{
	const bool off = args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;
	int ret = off ? 0 : check_args(args);
	struct doorbell *d;

	if (ret)
		return ret;
	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return -ENOMEM;
	d->ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(d->ctx)) {
		ret = PTR_ERR(d->ctx);
		kfree(d);
		return ret;
	}
	d->dev.ops = &doorbell_ops;
	d->bus = args->flags & KVM_IOEVENTFD_FLAG_PIO ? KVM_BUS_PIO : KVM_BUS_MMIO;
	d->addr = args->addr;
	d->len = args->len;
	d->any_data = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
	d->datamatch = args->datamatch;

	ret = off ? deassign(kvm, d) : assign(kvm, d);
	if (off || ret)
		free_doorbell(d);
	return ret;
}

/* The VM's end, after its buses: nobody rings any more. */
void kvm_ioeventfd_release(struct kvm *kvm)
{
	struct doorbell *d, *tmp;

	list_for_each_entry_safe(d, tmp, &kvm->ioeventfds, link)
		free_doorbell(d);
}
