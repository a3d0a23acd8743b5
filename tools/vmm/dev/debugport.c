// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports that take a byte for somebody outside: 0x80, the POST code (and an
 * old way to wait a microsecond), and the panic port, by which a guest says
 * that it crashed.
 */
#include "isa.h"
#include "log.h"
#include "vmm.h"

#define PANICKED	0x01
#define CRASH_LOADED	0x02	/* its own crash kernel takes over: let it */

static int post_access(void *opaque, uint64_t offset, void *data, unsigned int len, bool write)
{
	(void)opaque;
	(void)offset;
	(void)data;
	(void)len;
	(void)write;
	return 0;
}

static int post_create(struct vmm_dev *dev)
{
	return isa_claim(dev, "post", post_access, dev);
}

VMM_DEVICE(post,
	.compatible = "vmm,debugport",
	.phase = DEV_PLATFORM,
	.create = post_create,
	.destroy = isa_release);

static int panic_access(void *opaque, uint64_t offset, void *data, unsigned int len, bool write)
{
	struct vmm_dev *dev = opaque;
	uint8_t *p = data;

	(void)offset;
	if (len != 1)
		return -EINVAL;
	if (!write) {
		*p = PANICKED | CRASH_LOADED;
	} else if (*p & PANICKED) {
		vmm_err("the guest's kernel panicked");
		vmm_stop(dev->vmm, VMM_EXIT_PANIC);
	} else if (*p & CRASH_LOADED) {
		/* Once: the guest may say it as often as it likes. */
		if (!dev->priv)
			vmm_warn("the guest's kernel panicked and starts its crash kernel");
		dev->priv = dev;
	}
	return 0;
}

static int panic_create(struct vmm_dev *dev)
{
	return isa_claim(dev, "panic", panic_access, dev);
}

VMM_DEVICE(panic_port,
	.compatible = "vmm,pvpanic",
	.phase = DEV_PLATFORM,
	.create = panic_create,
	.destroy = isa_release);
