/* SPDX-License-Identifier: GPL-2.0-only */
/* What all devices with fixed ports share: claiming them. */
#ifndef VMM_ISA_H
#define VMM_ISA_H

#include <errno.h>
#include <stdint.h>

#include "bus.h"
#include "device.h"

/* The second cell of "reg" is the port, the third how many. */
static inline int isa_claim(struct vmm_dev *dev, const char *name, bus_fn fn, void *opaque)
{
	uint32_t port, len;

	if (dev_prop_u32(dev, "reg", 1, &port) || dev_prop_u32(dev, "reg", 2, &len))
		return -EINVAL;
	return bus_add(dev->vmm, dev, BUS_PIO, port, len, name, fn, opaque);
}

static inline void isa_release(struct vmm_dev *dev)
{
	uint32_t port, len;

	if (!dev_prop_u32(dev, "reg", 1, &port) && !dev_prop_u32(dev, "reg", 2, &len))
		bus_del(dev->vmm, dev, BUS_PIO, port, len);
}

#endif
