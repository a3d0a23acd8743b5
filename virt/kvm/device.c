// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CREATE_DEVICE: no kind of device with its own fd exists yet. */
#include "virt.h"

long kvm_create_device(struct kvm *kvm, struct kvm_create_device *cd)
{
	/* KVM_CREATE_DEVICE_TEST asks exactly this, and gets the same answer. */
	return -ENODEV;
}
