// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CREATE_DEVICE of KVM_DEV_TYPE_VFIO. Where the host has an IOMMU, a device of the
 * host's comes and goes as well: its address is in the environment, VFIO_BDF=, and
 * vfio-pci has it.
 */
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vm.h"

static int create(struct vm *vm, u32 type, u32 flags, int *fd)
{
	struct kvm_create_device cd = { .type = type, .fd = -7, .flags = flags };
	int ret = ioctl(vm->fd, KVM_CREATE_DEVICE, &cd);

	if (fd)
		*fd = cd.fd;
	return ret;
}

static int new_device(struct vm *vm)
{
	int fd;

	MUST(!create(vm, KVM_DEV_TYPE_VFIO, 0, &fd));
	MUST(fd >= 0);
	return fd;
}

static int attr(int dev, unsigned long cmd, u32 group, u64 nr, const void *addr)
{
	struct kvm_device_attr a = { .group = group, .attr = nr, .addr = (u64)addr };

	return ioctl(dev, cmd, &a);
}

static int member(int dev, u64 nr, int fd)
{
	int32_t arg = fd;

	return attr(dev, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, nr, &arg);
}

#define ADD(dev, fd)	member(dev, KVM_DEV_VFIO_GROUP_ADD, fd)
#define DEL(dev, fd)	member(dev, KVM_DEV_VFIO_GROUP_DEL, fd)

static void kinds(void)
{
	struct vm *vm = vm_bare();
	char path[64], name[64] = "";
	int fd;

	OK(create(vm, KVM_DEV_TYPE_VFIO, KVM_CREATE_DEVICE_TEST, &fd));
	EQ(fd, -7);
	/* a test creates nothing */
	OK(create(vm, KVM_DEV_TYPE_VFIO, KVM_CREATE_DEVICE_TEST, NULL));
	for (u32 type = 0; type < 40; type++)
		if (type != KVM_DEV_TYPE_VFIO) {
			FAILS(create(vm, type, 0, NULL), ENODEV);
			FAILS(create(vm, type, KVM_CREATE_DEVICE_TEST, NULL), ENODEV);
		}
	FAILS(create(vm, ~0u, 0, NULL), ENODEV);
	fd = new_device(vm);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	MUST(readlink(path, name, sizeof(name) - 1) > 0);
	CHECK(!strcmp(name, "anon_inode:kvm-vfio"), "%s", name);
	FAILS(create(vm, KVM_DEV_TYPE_VFIO, 0, NULL), EBUSY);
	OK(create(vm, KVM_DEV_TYPE_VFIO, KVM_CREATE_DEVICE_TEST, NULL));
	FAILS(create(vm, KVM_DEV_TYPE_VFIO, 0, NULL), EBUSY);
	close(fd);
	vm_free(vm);
}

static void attributes(void)
{
	struct vm *vm = vm_bare();
	int dev = new_device(vm), event = eventfd(0, 0);
	int32_t arg = event;

	OK(attr(dev, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, NULL));
	OK(attr(dev, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_DEL, NULL));
	FAILS(attr(dev, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, 0, NULL), ENXIO);
	FAILS(attr(dev, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP,
		   KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, NULL), ENXIO);
	FAILS(attr(dev, KVM_HAS_DEVICE_ATTR, 0, KVM_DEV_VFIO_GROUP_ADD, NULL), ENXIO);
	FAILS(attr(dev, KVM_HAS_DEVICE_ATTR, 2, KVM_DEV_VFIO_GROUP_ADD, NULL), ENXIO);
	FAILS(attr(dev, KVM_SET_DEVICE_ATTR, 2, KVM_DEV_VFIO_GROUP_ADD, &arg), ENXIO);
	FAILS(attr(dev, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, 77, &arg), ENXIO);
	FAILS(attr(dev, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP,
		   KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, &arg), ENXIO);
	FAILS(attr(dev, KVM_GET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, &arg),
	      EPERM);
	FAILS(attr(dev, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, NULL),
	      EFAULT);
	FAILS(attr(dev, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_DEL, NULL),
	      EFAULT);
	FAILS(ioctl(dev, KVM_SET_DEVICE_ATTR, NULL), EFAULT);
	FAILS(ioctl(dev, KVM_HAS_DEVICE_ATTR, NULL), EFAULT);
	/* even what is not read */
	FAILS(ioctl(dev, KVM_GET_DEVICE_ATTR, NULL), EPERM);
	FAILS(ioctl(dev, KVM_CREATE_VCPU, 0), ENOTTY);
	FAILS(ioctl(dev, KVM_GET_API_VERSION, 0), ENOTTY);
	close(event);
	close(dev);
	vm_free(vm);
}

static void no_members(void)
{
	struct vm *vm = vm_bare();
	int dev = new_device(vm), event = eventfd(0, 0);

	FAILS(ADD(dev, -1), EBADF);
	FAILS(DEL(dev, -1), EBADF);
	FAILS(ADD(dev, 987), EBADF);
	FAILS(ADD(dev, event), EINVAL);
	FAILS(ADD(dev, vm->fd), EINVAL);
	FAILS(ADD(dev, dev), EINVAL);
	FAILS(DEL(dev, event), ENOENT);
	FAILS(DEL(dev, dev), ENOENT);
	close(event);
	close(dev);
	vm_free(vm);
}

/* It leaves with its fd, and another may come. */
static void fd_closed(void)
{
	struct vm *vm = vm_bare();

	for (int i = 0; i < 3; i++)
		close(new_device(vm));
	vm_free(vm);
}

/* The fd alone keeps the VM. */
static void outlives_vm_fd(void)
{
	struct vm *vm = vm_bare();
	int dev = new_device(vm), count = vms_in_host();

	close(vm->fd);
	if (count >= 0)
		EQ(vms_in_host(), count);
	FAILS(ADD(dev, vm->kvm), EINVAL);
	close(dev);
	CHECK(count < 0 || vms_settle(count - 1));
}

static void flush_caches(void)
{
	for (int i = 0; i < 3; i++)
		asm volatile("wbinvd" ::: "memory");
	guest_sync(1);
	for (int i = 0; i < 3; i++)
		asm volatile("wbinvd" ::: "memory");
	guest_done();
}

/* The group that vfio-pci made of the device. */
static int open_group(void)
{
	const char *bdf = getenv("VFIO_BDF");
	char path[128], link[128] = "", *name;
	int fd;

	if (!bdf)
		SKIP("no VFIO_BDF= tells which of the host's devices may be taken");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	MUST(readlink(path, link, sizeof(link) - 1) > 0);
	name = strrchr(link, '/');
	MUST(name);
	snprintf(path, sizeof(path), "/dev/vfio/%s", name + 1);
	fd = open(path, O_RDWR | O_CLOEXEC);
	MUST(fd >= 0);
	return fd;
}

/* A device of an open group; its fd. */
static int open_device(int group, int *container)
{
	int fd;

	*container = open("/dev/vfio/vfio", O_RDWR);
	MUST(*container >= 0);
	MUST(!ioctl(group, VFIO_GROUP_SET_CONTAINER, container));
	MUST(!ioctl(*container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, getenv("VFIO_BDF"));
	MUST(fd >= 0);
	return fd;
}

static void group_comes_and_goes(void)
{
	int group = open_group();
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, flush_caches);
	int dev = new_device(vm);

	OK(ADD(dev, group));
	FAILS(ADD(dev, group), EEXIST);
	/* An IOMMU that does not enforce coherence: the guest's WBINVD is done */
	EQ(run_to_sync(vcpu), 1);
	OK(DEL(dev, group));
	FAILS(DEL(dev, group), ENOENT);
	run_to_done(vcpu);
	OK(ADD(dev, group));
	close(group);
	vm_free(vm);
	close(dev);
	/* nobody has it any more */
	group = open_group();
	close(group);
}

/* Of two steps each is the first in its turn: an fd closed, the VM ended. */
static void ends_in_all_orders(void)
{
	for (unsigned int order = 0; order < 24; order++) {
		int group = open_group(), container, fds[4];
		struct vm *vm = vm_bare();
		int dev = new_device(vm), count = vms_in_host();
		unsigned int left = 4, o = order, pick;

		MUST(!ADD(dev, group));
		fds[0] = open_device(group, &container);
		fds[1] = dev;
		fds[2] = group;
		fds[3] = vm->fd;
		while (left) {
			pick = o % left;
			o /= left;
			close(fds[pick]);
			fds[pick] = fds[--left];
		}
		close(container);
		CHECK(count < 0 || vms_settle(count - 1), "order %u", order);
	}
}

/* vfio's interrupt and ours meet by their eventfd. */
static void eventfd_is_shared(void)
{
	int group = open_group(), container, device, event = eventfd(0, 0);
	struct vm *vm = vm_new_irqchip();
	int dev = new_device(vm);
	struct kvm_irqfd irqfd = { .fd = event, .gsi = 5 };
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} irq = { { .argsz = sizeof(irq), .flags = VFIO_IRQ_SET_DATA_EVENTFD |
		    VFIO_IRQ_SET_ACTION_TRIGGER, .index = VFIO_PCI_MSI_IRQ_INDEX, .count = 1 },
		  event };

	MUST(!ADD(dev, group));
	device = open_device(group, &container);
	for (int i = 0; i < 4; i++) {
		irq.set.index = i & 1 ? VFIO_PCI_MSIX_IRQ_INDEX : VFIO_PCI_MSI_IRQ_INDEX;
		irq.set.count = 1;
		irq.set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
		if (ioctl(device, VFIO_DEVICE_SET_IRQS, &irq))
			continue;
		note("interrupt of index %u", irq.set.index);
		irqfd.flags = 0;
		OK(ioctl(vm->fd, KVM_IRQFD, &irqfd));
		if (i & 2) {
			irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
			OK(ioctl(vm->fd, KVM_IRQFD, &irqfd));
		}
		irq.set.count = 0;
		irq.set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
		OK(ioctl(device, VFIO_DEVICE_SET_IRQS, &irq));
		if (!(i & 2)) {
			irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
			OK(ioctl(vm->fd, KVM_IRQFD, &irqfd));
		}
	}
	close(device);
	close(container);
	close(group);
	close(dev);
	close(event);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(kinds),
	TEST(attributes),
	TEST(no_members),
	TEST(fd_closed),
	TEST(outlives_vm_fd),
	TEST(group_comes_and_goes),
	TEST(ends_in_all_orders),
	TEST(eventfd_is_shared),
};

TEST_MAIN(tests)
