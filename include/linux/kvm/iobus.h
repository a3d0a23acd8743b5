/* SPDX-License-Identifier: GPL-2.0-only */
/* In-kernel device buses: port I/O, MMIO and address-only ("fast") MMIO. */
#ifndef LINUX_KVM_IOBUS_H
#define LINUX_KVM_IOBUS_H

#include <linux/kvm/vm.h>

struct kvm_iodev;

struct kvm_iodev_ops {
	/* 0: handled; -EOPNOTSUPP: not mine, ask the next. @vcpu may be NULL. */
	int (*read)(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len, void *val);
	int (*write)(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
		     const void *val);
	void (*destroy)(struct kvm_iodev *dev);	/* may be NULL */
	bool atomic_write;	/* write() may run with IRQs off */
	bool atomic_read;
};

struct kvm_iodev {
	const struct kvm_iodev_ops *ops;
};

/*
 * slots_lock held. An access goes to the devices whose range covers all of it,
 * the one with the highest start first. @len 0: the address alone matters.
 * -EEXIST on overlap of exclusive devices is the caller's rule, not the bus's.
 * Devices still there when the VM goes are destroyed before kvm_arch_vm_destroy().
 */
int kvm_io_bus_add(struct kvm *kvm, enum kvm_bus bus, gpa_t addr, int len, struct kvm_iodev *dev);
/*
 * slots_lock held. On return no reader is inside; dev->ops->destroy was called
 * even if memory was short.
 */
int kvm_io_bus_del(struct kvm *kvm, enum kvm_bus bus, struct kvm_iodev *dev);

/* srcu held. 0 or -EOPNOTSUPP. */
int kvm_io_bus_write(struct kvm_vcpu *vcpu, enum kvm_bus bus, gpa_t addr, int len, const void *val);
int kvm_io_bus_read(struct kvm_vcpu *vcpu, enum kvm_bus bus, gpa_t addr, int len, void *val);
/*
 * As above, for the thread that runs @vcpu, between an exit and the next entry
 * and with IRQs off since the exit; srcu is not needed. -EOPNOTSUPP: no device
 * claims the access. -EAGAIN: one does that may sleep, take the other call.
 */
int kvm_io_bus_write_atomic(struct kvm_vcpu *vcpu, enum kvm_bus bus, gpa_t addr, int len,
			    const void *val);
int kvm_io_bus_read_atomic(struct kvm_vcpu *vcpu, enum kvm_bus bus, gpa_t addr, int len, void *val);

#endif
