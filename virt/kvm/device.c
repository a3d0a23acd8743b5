// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CREATE_DEVICE: devices with an fd of their own. A kind of them is a row
 * here and a struct kvm_device_kind in its own file.
 *
 * The fd holds the VM; with it the device goes.
 */
#include <linux/anon_inodes.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "virt.h"

static const struct kvm_device_kind *const kinds[KVM_DEV_TYPE_MAX] = {
	[KVM_DEV_TYPE_VFIO] = &kvm_vfio_kind,
};

static long call_attr(struct kvm_device *dev, unsigned long arg,
		      long (*fn)(struct kvm_device *dev, const struct kvm_device_attr *attr))
{
	struct kvm_device_attr attr;

	if (!fn)
		return -EPERM;
	if (copy_from_user(&attr, (void __user *)arg, sizeof(attr)))
		return -EFAULT;
	return fn(dev, &attr);
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm_device *dev = file->private_data;
	int ret = kvm_check_caller(dev->kvm);

	if (ret)
		return ret;
	switch (cmd) {
	case KVM_SET_DEVICE_ATTR:
		return call_attr(dev, arg, dev->kind->set_attr);
	case KVM_GET_DEVICE_ATTR:
		return call_attr(dev, arg, dev->kind->get_attr);
	case KVM_HAS_DEVICE_ATTR:
		return call_attr(dev, arg, dev->kind->has_attr);
	}
	return -ENOTTY;
}

static void leave(struct kvm_device *dev)
{
	struct kvm *kvm = dev->kvm;

	mutex_lock(&kvm->lock);
	list_del(&dev->link);
	dev->kind->release(dev);
	mutex_unlock(&kvm->lock);
	kfree(dev);
	kvm_put(kvm);
}

static int device_release(struct inode *inode, struct file *file)
{
	leave(file->private_data);
	return 0;
}

static const struct file_operations device_fops = {
	.owner		= THIS_MODULE,
	.release	= device_release,
	.unlocked_ioctl	= device_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

/* One of a kind for each VM. */
static struct kvm_device *enter(struct kvm *kvm, const struct kvm_device_kind *kind)
{
	struct kvm_device *dev = kzalloc(kind->size, GFP_KERNEL_ACCOUNT), *other;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->kvm = kvm;
	dev->kind = kind;
	kind->init(dev);
	mutex_lock(&kvm->lock);
	list_for_each_entry(other, &kvm->devices, link) {
		if (other->kind != kind)
			continue;
		mutex_unlock(&kvm->lock);
		kfree(dev);
		return ERR_PTR(-EBUSY);
	}
	list_add(&dev->link, &kvm->devices);
	mutex_unlock(&kvm->lock);
	return dev;
}

/**
 * kvm_create_device() - KVM_CREATE_DEVICE
 * @kvm: the VM
 * @cd: the kind and flags; gets the fd
 *
 * Return: 0, -ENODEV for a kind that is not there, -EBUSY for a second one, or
 * what went wrong with memory and fds. With KVM_CREATE_DEVICE_TEST 0 tells only that
 * the kind is there.
 */
long kvm_create_device(struct kvm *kvm, struct kvm_create_device *cd)
{
	const struct kvm_device_kind *kind;
	struct kvm_device *dev;
	int fd;

	if (cd->type >= ARRAY_SIZE(kinds))
		return -ENODEV;
	kind = kinds[array_index_nospec(cd->type, ARRAY_SIZE(kinds))];
	if (!kind)
		return -ENODEV;
	if (cd->flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	dev = enter(kvm, kind);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	kvm_get(kvm);
	fd = anon_inode_getfd(kind->name, &device_fops, dev, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		leave(dev);
		return fd;
	}
	cd->fd = fd;
	return 0;
}
