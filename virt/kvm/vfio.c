// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO device: which of the host's devices belong to the VM
 * (devices/vfio.rst). It tells them the VM, and the architecture whether any of
 * them reads and writes memory behind the caches' back.
 *
 * vfio.ko need not be loaded: its functions are fetched when they are called. A
 * file of its own keeps it loaded, so they are there for every member. In turn vfio.ko
 * fetches kvm_get_kvm_safe() and kvm_put_kvm(), to keep the VM of an open device,
 * which may be a member itself: so members leave when the fd is closed, not first when
 * the VM ends.
 */
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include "virt.h"

struct member {
	struct list_head link;
	struct file *file;		/* c, held */
};

struct vfio_device_state {
	struct kvm_device dev;		/* first */
	struct mutex lock;		/* o, nests inside kvm->lock */
	struct list_head members;	/* lock */
	bool noncoherent;		/* lock; the architecture knows */
};

static struct vfio_device_state *to_state(struct kvm_device *dev)
{
	return container_of(dev, struct vfio_device_state, dev);
}

static bool is_member_file(struct file *file)
{
	bool (*fn)(struct file *file) = symbol_get(kvm_vfio_file_ok);
	bool ret;

	if (!fn)
		return false;
	ret = fn(file);
	symbol_put(kvm_vfio_file_ok);
	return ret;
}

static bool is_coherent(struct file *file)
{
	bool (*fn)(struct file *file) = symbol_get(vfio_file_enforced_coherent);
	bool ret;

	if (!fn)
		return false;
	ret = fn(file);
	symbol_put(vfio_file_enforced_coherent);
	return ret;
}

static void tell_member(struct file *file, struct kvm *kvm)
{
	void (*fn)(struct file *file, struct kvm *kvm) = symbol_get(vfio_file_set_kvm);

	if (!fn)
		return;
	fn(file, kvm);
	symbol_put(vfio_file_set_kvm);
}

/* lock held. */
static void update_coherency(struct vfio_device_state *s)
{
	bool noncoherent = false;
	struct member *m;

	list_for_each_entry(m, &s->members, link)
		noncoherent |= !is_coherent(m->file);
	if (noncoherent == s->noncoherent)
		return;
	s->noncoherent = noncoherent;
	kvm_arch_set_noncoherent_dma(s->dev.kvm, noncoherent);
}

/* lock held. */
static struct member *find_member(struct vfio_device_state *s, struct file *file)
{
	struct member *m;

	list_for_each_entry(m, &s->members, link)
		if (m->file == file)
			return m;
	return NULL;
}

/* lock held. */
static long add_member(struct vfio_device_state *s, struct file *file)
{
	struct member *m;

	if (!is_member_file(file))
		return -EINVAL;
	if (find_member(s, file))
		return -EEXIST;
	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOMEM;
	m->file = get_file(file);
	list_add_tail(&m->link, &s->members);
	tell_member(file, s->dev.kvm);
	update_coherency(s);
	return 0;
}

static void remove_member(struct member *m)
{
	list_del(&m->link);
	tell_member(m->file, NULL);
	fput(m->file);
	kfree(m);
}

/* lock held. */
static long del_member(struct vfio_device_state *s, struct file *file)
{
	struct member *m = find_member(s, file);

	if (!m)
		return -ENOENT;
	remove_member(m);
	update_coherency(s);
	return 0;
}

static long vfio_has_attr(struct kvm_device *dev, const struct kvm_device_attr *attr)
{
	if (attr->group != KVM_DEV_VFIO_GROUP)
		return -ENXIO;
	return attr->attr == KVM_DEV_VFIO_GROUP_ADD || attr->attr == KVM_DEV_VFIO_GROUP_DEL ?
	       0 : -ENXIO;
}

static long vfio_set_attr(struct kvm_device *dev, const struct kvm_device_attr *attr)
{
	struct vfio_device_state *s = to_state(dev);
	long ret = vfio_has_attr(dev, attr);
	struct file *file;
	s32 fd;

	if (ret)
		return ret;
	if (get_user(fd, (s32 __user *)(unsigned long)attr->addr))
		return -EFAULT;
	file = fget(fd);
	if (!file)
		return -EBADF;
	mutex_lock(&s->lock);
	if (attr->attr == KVM_DEV_VFIO_GROUP_ADD)
		ret = add_member(s, file);
	else
		ret = del_member(s, file);
	mutex_unlock(&s->lock);
	fput(file);
	return ret;
}

static void vfio_init(struct kvm_device *dev)
{
	struct vfio_device_state *s = to_state(dev);

	mutex_init(&s->lock);
	INIT_LIST_HEAD(&s->members);
}

static void vfio_release(struct kvm_device *dev)
{
	struct vfio_device_state *s = to_state(dev);
	struct member *m, *tmp;

	mutex_lock(&s->lock);
	list_for_each_entry_safe(m, tmp, &s->members, link)
		remove_member(m);
	update_coherency(s);
	mutex_unlock(&s->lock);
}

const struct kvm_device_kind kvm_vfio_kind = {
	.name		= "kvm-vfio",
	.size		= sizeof(struct vfio_device_state),
	.init		= vfio_init,
	.release	= vfio_release,
	.set_attr	= vfio_set_attr,
	.has_attr	= vfio_has_attr,
};

/**
 * kvm_get_kvm_safe() - keep a VM that may be ending
 * @kvm: the VM, whose memory is kept by other means
 *
 * Return: false if it is ending.
 */
bool kvm_get_kvm_safe(struct kvm *kvm)
{
	return refcount_inc_not_zero(&kvm->users);
}
EXPORT_SYMBOL_GPL(kvm_get_kvm_safe);

/**
 * kvm_put_kvm() - kvm_put(), for vfio.ko
 * @kvm: the VM
 */
void kvm_put_kvm(struct kvm *kvm)
{
	kvm_put(kvm);
}
EXPORT_SYMBOL_GPL(kvm_put_kvm);
