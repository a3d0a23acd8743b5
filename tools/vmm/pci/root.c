// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI host bridge: one bus, reached by ECAM and by ports 0xcf8/0xcfc.
 * Before boot it gives every BAR an address; the guest may change them.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "device.h"
#include "log.h"
#include "pci.h"
#include "vmm.h"

#define PCI_HEADER_MULTI	0x80	/* not in every kernel's pci_regs.h */
#define CONFIG_ADDR_PORT	0xcf8
#define CONFIG_DATA_PORT	0xcfc
#define ECAM_FUNC_SHIFT		12

struct window {
	uint64_t base;
	uint64_t size;
	uint64_t next;		/* first address not given out yet */
};

/* Letters: (c) constant once created, (d) the bridge's device lock. */
struct pci_root {
	struct vmm_dev *dev;		/* (c) */
	uint64_t ecam, ecam_size;	/* (c) */
	struct window io, mem32, mem64;	/* (c) */
	uint32_t config_addr;		/* (d) */
	bool ports, area;		/* (c) what was claimed */
	struct pci_func *func[256];	/* (c) once the machine is built */
	struct pci_func bridge;		/* function 0:0.0, the bridge itself */
};

/* ---- configuration accesses ---- */

static void config_access(struct pci_root *root, unsigned int devfn,
			  unsigned int off, void *data, unsigned int len,
			  bool write)
{
	struct pci_func *f = root->func[devfn & 0xff];
	bool own = f == &root->bridge;

	if (!f) {
		if (!write)
			memset(data, 0xff, len);
		return;
	}
	if (!own)
		pthread_mutex_lock(&f->dev->lock);
	if (write)
		pci_config_write(f, off, data, len);
	else
		pci_config_read(f, off, data, len);
	if (!own)
		pthread_mutex_unlock(&f->dev->lock);
}

static int ecam_access(void *opaque, uint64_t off, void *data,
		       unsigned int len, bool write)
{
	struct pci_root *root = opaque;
	unsigned int reg = off & ((1u << ECAM_FUNC_SHIFT) - 1);

	/* an access may not run from one function into the next */
	if (reg + len > 1u << ECAM_FUNC_SHIFT || off >> ECAM_FUNC_SHIFT > 0xff)
		return -EINVAL;
	config_access(root, off >> ECAM_FUNC_SHIFT, reg, data, len, write);
	return 0;
}

/* Enable in bit 31, bus 23:16, function 15:8, register 7:2 (PCI 3.0, 3.2.2.3.2) */
static int port_access(void *opaque, uint64_t off, void *data,
		       unsigned int len, bool write)
{
	struct pci_root *root = opaque;
	uint32_t addr = root->config_addr;

	if (off < 4) {
		if (off || len != 4)
			return -EINVAL;
		if (write)
			memcpy(&root->config_addr, data, 4);
		else
			memcpy(data, &root->config_addr, 4);
		return 0;
	}
	if (!(addr >> 31) || addr >> 16 & 0xff) {
		if (!write)
			memset(data, 0xff, len);
		return 0;
	}
	config_access(root, addr >> 8 & 0xff, (addr & 0xfc) + (off - 4), data,
		      len, write);
	return 0;
}

/* ---- functions and windows ---- */

/* Function 0 of a slot tells a scan whether to look for more. */
static void mark_multifunction(struct pci_func **slot)
{
	for (unsigned int i = 1; slot[0] && i < 8; i++) {
		if (!slot[i])
			continue;
		slot[0]->cfg[PCI_HEADER_TYPE] |= PCI_HEADER_MULTI;
		slot[0]->initial[PCI_HEADER_TYPE] |= PCI_HEADER_MULTI;
	}
}

int pci_root_attach(struct pci_root *root, struct pci_func *f)
{
	if (root->func[f->devfn]) {
		vmm_err("%s: PCI slot %u.%u is taken", f->dev->path,
			f->devfn >> 3, f->devfn & 7);
		return -EEXIST;
	}
	root->func[f->devfn] = f;
	mark_multifunction(root->func + (f->devfn & ~7));
	return 0;
}

void pci_root_detach(struct pci_root *root, struct pci_func *f)
{
	if (root->func[f->devfn] == f)
		root->func[f->devfn] = NULL;
}

static const struct window *window_of(const struct pci_root *root,
				      enum pci_bar_kind kind, uint64_t base)
{
	if (kind == PCI_BAR_IO)
		return &root->io;
	if (kind == PCI_BAR_MEM64 && base >> 32)
		return &root->mem64;
	return &root->mem32;
}

bool pci_root_window(const struct pci_root *root, enum pci_bar_kind kind,
		     uint64_t base, uint64_t size)
{
	const struct window *w = window_of(root, kind, base);

	return w->size >= size && base >= w->base &&
	       base - w->base <= w->size - size;
}

static uint64_t window_take(struct window *w, uint64_t size)
{
	uint64_t at = (w->next + size - 1) & ~(size - 1);

	if (at < w->base || w->size < size || at - w->base > w->size - size)
		return 0;
	w->next = at + size;
	return at;
}

static int bar_assign(struct pci_root *root, struct pci_func *f, unsigned int i)
{
	struct pci_bar *b = &f->bar[i];
	unsigned int off = PCI_BASE_ADDRESS_0 + 4 * i;
	struct window *w = &root->mem32;
	uint64_t at;

	if (b->kind == PCI_BAR_NONE)
		return 0;
	if (b->kind == PCI_BAR_IO)
		w = &root->io;
	else if (b->kind == PCI_BAR_MEM64 && root->mem64.size)
		w = &root->mem64;
	at = window_take(w, b->size);
	if (!at) {
		vmm_err("%s: no room for its %#llx bytes of BAR %u in the PCI window",
			f->dev->path, (unsigned long long)b->size, i);
		return -ENOSPC;
	}
	at |= f->initial[off] & 0xf;
	/* a reset keeps them: nobody would assign them again */
	memcpy(f->initial + off, &at, b->kind == PCI_BAR_MEM64 ? 8 : 4);
	memcpy(f->cfg + off, &at, b->kind == PCI_BAR_MEM64 ? 8 : 4);
	return 0;
}

/* ---- the device ---- */

/* One entry of "ranges": PCI address in 3 cells, CPU address and size in 2. */
static void range_parse(struct pci_root *root, const uint32_t *cell)
{
	uint64_t base = (uint64_t)be32toh(cell[3]) << 32 | be32toh(cell[4]);
	uint64_t size = (uint64_t)be32toh(cell[5]) << 32 | be32toh(cell[6]);
	struct window w = { .base = base, .size = size, .next = base };

	/* phys.hi bits 25:24: 1 ports, 2 32-bit, 3 64-bit memory */
	switch (be32toh(cell[0]) >> 24 & 3) {
	case 1:
		root->io = w;
		break;
	case 2:
		root->mem32 = w;
		break;
	case 3:
		root->mem64 = w;
		break;
	}
}

static int bridge_init(struct pci_root *root)
{
	static const struct pci_ids ids = {
		.vendor = 0x1b36,
		.device = 0x0008,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = 0x060000,
	};
	struct pci_func *f = &root->bridge;

	*f = (struct pci_func) { .dev = root->dev };
	pthread_mutex_init(&f->intx_lock, NULL);
	memcpy(f->cfg + PCI_VENDOR_ID, &ids.vendor, 2);
	memcpy(f->cfg + PCI_DEVICE_ID, &ids.device, 2);
	memcpy(f->cfg + PCI_SUBSYSTEM_VENDOR_ID, &ids.sub_vendor, 2);
	memcpy(f->cfg + PCI_SUBSYSTEM_ID, &ids.sub_device, 2);
	f->cfg[PCI_CLASS_DEVICE + 1] = ids.class_code >> 16;
	memcpy(f->initial, f->cfg, sizeof(f->cfg));
	return pci_root_attach(root, f);
}

static int root_create(struct vmm_dev *dev)
{
	struct pci_root *root = calloc(1, sizeof(*root));
	const uint32_t *ranges;
	int ret, len = 0;

	if (!root)
		return -ENOMEM;
	dev->priv = root;
	root->dev = dev;
	ret = dev_prop_reg(dev, 0, &root->ecam, &root->ecam_size);
	if (ret) {
		vmm_err("%s: no \"reg\"", dev->path);
		return ret;
	}
	ranges = dev_prop(dev, "ranges", &len);
	for (int i = 0; ranges && i + 28 <= len; i += 28)
		range_parse(root, ranges + i / 4);
	ret = bridge_init(root);
	if (ret)
		return ret;
	ret = bus_add(dev->vmm, dev, BUS_MMIO, root->ecam, root->ecam_size,
		      "pci-ecam", ecam_access, root);
	if (ret)
		return ret;
	root->area = true;
	ret = bus_add(dev->vmm, dev, BUS_PIO, CONFIG_ADDR_PORT, 8, "pci-ports",
		      port_access, root);
	root->ports = !ret;
	return ret;
}

static int root_ready(struct vmm_dev *dev)
{
	struct pci_root *root = dev->priv;
	int ret = 0;

	for (unsigned int n = 0; n < 256 && !ret; n++)
		for (unsigned int i = 0; root->func[n] && i < PCI_BARS && !ret; i++)
			ret = bar_assign(root, root->func[n], i);
	return ret;
}

static void root_reset(struct vmm_dev *dev)
{
	struct pci_root *root = dev->priv;

	root->config_addr = 0;
	pci_func_reset(&root->bridge);
}

static void root_destroy(struct vmm_dev *dev)
{
	struct pci_root *root = dev->priv;

	if (!root)
		return;
	if (root->ports)
		bus_del(dev->vmm, dev, BUS_PIO, CONFIG_ADDR_PORT, 8);
	if (root->area)
		bus_del(dev->vmm, dev, BUS_MMIO, root->ecam, root->ecam_size);
	pci_func_free(&root->bridge);
	free(root);
	dev->priv = NULL;
}

VMM_DEVICE(pci_root,
	.compatible = "pci-host-ecam-generic",
	.phase = DEV_BUS,
	.create = root_create,
	.ready = root_ready,
	.reset = root_reset,
	.destroy = root_destroy,
);
