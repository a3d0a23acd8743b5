/* SPDX-License-Identifier: GPL-2.0-only */
/* The ABI of /dev/kvm: this tree's header when it is on the include path, else the system's. */
#ifndef VMM_KVM_ABI_H
#define VMM_KVM_ABI_H

#include <linux/kvm.h>

#endif
