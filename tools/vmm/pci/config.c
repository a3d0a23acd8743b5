// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space of one function (PCI 3.0, chapter 6): bytes with a mask
 * of writable bits, and the effects of a few of them.
 */
#include <errno.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "device.h"
#include "irq.h"
#include "log.h"
#include "machine.h"
#include "msix.h"
#include "pci.h"

#define CMD_WRITABLE	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | \
			 PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE)

static void put16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, 2);
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

int pci_func_init(struct pci_func *f, struct vmm_dev *dev,
		  const struct pci_ids *ids, const struct pci_func_ops *ops,
		  void *opaque)
{
	uint32_t reg = 0;

	/* phys.hi of a PCI "reg": bus 23:16, device 15:11, function 10:8 */
	if (dev_prop_u32(dev, "reg", 0, &reg) || reg >> 16 & 0xff) {
		vmm_err("%s: no usable PCI address in \"reg\"", dev->path);
		return -EINVAL;
	}
	*f = (struct pci_func) {
		.dev = dev,
		.devfn = reg >> 8,
		.ops = ops,
		.opaque = opaque,
		.cap_free = PCI_STD_HEADER_SIZEOF,
	};
	pthread_mutex_init(&f->intx_lock, NULL);
	put16(f->cfg + PCI_VENDOR_ID, ids->vendor);
	put16(f->cfg + PCI_DEVICE_ID, ids->device);
	put32(f->cfg + PCI_CLASS_REVISION, ids->class_code << 8 | ids->revision);
	put16(f->cfg + PCI_SUBSYSTEM_VENDOR_ID, ids->sub_vendor);
	put16(f->cfg + PCI_SUBSYSTEM_ID, ids->sub_device);
	put16(f->wmask + PCI_COMMAND, CMD_WRITABLE);
	f->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
	f->wmask[PCI_LATENCY_TIMER] = 0xff;
	f->wmask[PCI_INTERRUPT_LINE] = 0xff;
	return 0;
}

int pci_func_add_bar(struct pci_func *f, unsigned int bar,
		     enum pci_bar_kind kind, uint64_t size, bus_fn fn)
{
	static const uint32_t flags[] = {
		[PCI_BAR_IO]	= PCI_BASE_ADDRESS_SPACE_IO,
		[PCI_BAR_MEM32]	= PCI_BASE_ADDRESS_MEM_TYPE_32,
		[PCI_BAR_MEM64]	= PCI_BASE_ADDRESS_MEM_TYPE_64,
	};
	unsigned int slots = kind == PCI_BAR_MEM64 ? 2 : 1;
	unsigned int off = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint64_t mask = ~(size - 1);

	if (kind == PCI_BAR_NONE || bar + slots > PCI_BARS ||
	    (size & (size - 1)) || size < (kind == PCI_BAR_IO ? 4 : 16))
		return -EINVAL;
	f->bar[bar] = (struct pci_bar) { .kind = kind, .size = size, .fn = fn };
	put32(f->cfg + off, flags[kind]);
	put32(f->wmask + off, mask);
	if (slots == 2)
		put32(f->wmask + off + 4, mask >> 32);
	return 0;
}

int pci_func_add_cap(struct pci_func *f, uint8_t id, const void *body,
		     unsigned int len, const void *wmask)
{
	unsigned int off = f->cap_free;
	unsigned int end = (off + 2 + len + 3) & ~3u;

	if (end > PCI_CFG_SIZE - 1)
		return -ENOSPC;
	f->cfg[off] = id;
	memcpy(f->cfg + off + 2, body, len);
	if (wmask)
		memcpy(f->wmask + off + 2, wmask, len);
	if (f->cap_last)
		f->cfg[f->cap_last + 1] = off;
	else
		f->cfg[PCI_CAPABILITY_LIST] = off;
	f->cfg[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	f->cap_last = off;
	f->cap_free = end;
	return off;
}

int pci_func_add_intx(struct pci_func *f)
{
	unsigned int gsi = MACHINE_PCI_INTX_GSI + (f->devfn >> 3) % 4;

	f->intx = irq_line(f->dev->vmm, gsi);
	if (!f->intx) {
		vmm_err("%s: interrupt line %u is not available", f->dev->path,
			gsi);
		return -ENOSPC;
	}
	f->cfg[PCI_INTERRUPT_PIN] = 1;
	f->cfg[PCI_INTERRUPT_LINE] = gsi;
	return 0;
}

int pci_func_register(struct pci_func *f)
{
	struct vmm_dev *parent = f->dev->parent;
	struct pci_root *root = parent ? parent->priv : NULL;
	int ret;

	if (!root) {
		vmm_err("%s: not behind a PCI bridge", f->dev->path);
		return -EINVAL;
	}
	memcpy(f->initial, f->cfg, sizeof(f->cfg));
	ret = pci_root_attach(root, f);
	if (!ret)
		f->root = root;
	return ret;
}

/* ---- base address registers ---- */

static uint64_t bar_address(const struct pci_func *f, unsigned int i)
{
	const uint8_t *p = f->cfg + PCI_BASE_ADDRESS_0 + 4 * i;
	uint64_t addr = get32(p);

	if (f->bar[i].kind == PCI_BAR_IO)
		return addr & PCI_BASE_ADDRESS_IO_MASK & 0xffffffff;
	addr &= ~0xfull;
	if (f->bar[i].kind == PCI_BAR_MEM64)
		addr |= (uint64_t)get32(p + 4) << 32;
	return addr;
}

static enum bus_kind bar_bus(const struct pci_bar *b)
{
	return b->kind == PCI_BAR_IO ? BUS_PIO : BUS_MMIO;
}

static void bar_unmap(struct pci_func *f, unsigned int i)
{
	struct pci_bar *b = &f->bar[i];

	if (!b->mapped)
		return;
	if (f->ops && f->ops->bar_mapped)
		f->ops->bar_mapped(f, i, false);
	bus_del(f->dev->vmm, f->dev, bar_bus(b), b->base, b->size);
	b->mapped = false;
}

static void bar_update(struct pci_func *f, unsigned int i)
{
	struct pci_bar *b = &f->bar[i];
	uint16_t need = b->kind == PCI_BAR_IO ? PCI_COMMAND_IO :
						PCI_COMMAND_MEMORY;
	uint64_t base = bar_address(f, i);
	bool on;
	int ret;

	if (b->kind == PCI_BAR_NONE)
		return;
	on = (get16(f->cfg + PCI_COMMAND) & need) &&
	     f->root && pci_root_window(f->root, b->kind, base, b->size);
	if (b->mapped && on && base == b->base)
		return;
	bar_unmap(f, i);
	if (!on)
		return;
	ret = bus_add(f->dev->vmm, f->dev, bar_bus(b), base, b->size,
		      f->dev->path, b->fn, f->opaque);
	if (ret) {
		vmm_info(f->dev->vmm, "%s: BAR %u not mapped at %#llx: %s",
			 f->dev->path, i, (unsigned long long)base,
			 strerror(-ret));
		return;
	}
	b->base = base;
	b->mapped = true;
	if (f->ops && f->ops->bar_mapped)
		f->ops->bar_mapped(f, i, true);
}

/* ---- interrupt pin ---- */

static void intx_update(struct pci_func *f)
{
	bool msix = f->msix && msix_enabled(f->msix);

	if (f->intx)
		irq_set(f->intx, f->intx_wanted && !f->intx_disabled && !msix);
}

void pci_intx(struct pci_func *f, bool level)
{
	pthread_mutex_lock(&f->intx_lock);
	f->intx_wanted = level;
	intx_update(f);
	pthread_mutex_unlock(&f->intx_lock);
}

static bool intx_wanted(struct pci_func *f)
{
	bool level;

	pthread_mutex_lock(&f->intx_lock);
	level = f->intx_wanted;
	pthread_mutex_unlock(&f->intx_lock);
	return level;
}

/* ---- accesses ---- */

static void command_written(struct pci_func *f, uint16_t old)
{
	uint16_t cmd = get16(f->cfg + PCI_COMMAND);

	pthread_mutex_lock(&f->intx_lock);
	f->intx_disabled = cmd & PCI_COMMAND_INTX_DISABLE;
	intx_update(f);
	pthread_mutex_unlock(&f->intx_lock);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		bar_update(f, i);
	if (((old ^ cmd) & PCI_COMMAND_MASTER) && f->ops && f->ops->bus_master)
		f->ops->bus_master(f, cmd & PCI_COMMAND_MASTER);
}

static void msix_written(struct pci_func *f)
{
	msix_control(f->msix, get16(f->cfg + f->msix_cap + PCI_MSIX_FLAGS));
	/* the pin is silent while messages are on (PCI 3.0, 6.8.3.3) */
	pthread_mutex_lock(&f->intx_lock);
	intx_update(f);
	pthread_mutex_unlock(&f->intx_lock);
}

/* Does [off, off + len) meet [from, from + size)? */
static bool meets(unsigned int off, unsigned int len, unsigned int from,
		  unsigned int size)
{
	return off < from + size && from < off + len;
}

void pci_config_read(struct pci_func *f, unsigned int off, void *data,
		     unsigned int len)
{
	uint8_t *out = data;

	/* no extended capabilities: the rest reads as an empty list */
	memset(out, 0, len);
	if (off >= PCI_CFG_SIZE)
		return;
	if (len > PCI_CFG_SIZE - off)
		len = PCI_CFG_SIZE - off;
	if (f->ops && f->ops->cap_read)
		f->ops->cap_read(f, off, len);
	memcpy(out, f->cfg + off, len);
	if (meets(off, len, PCI_STATUS, 1) && intx_wanted(f))
		out[PCI_STATUS - off] |= PCI_STATUS_INTERRUPT;
}

void pci_config_write(struct pci_func *f, unsigned int off, const void *data,
		      unsigned int len)
{
	const uint8_t *in = data;
	uint16_t old_cmd = get16(f->cfg + PCI_COMMAND);

	if (off >= PCI_CFG_SIZE)
		return;
	if (len > PCI_CFG_SIZE - off)
		len = PCI_CFG_SIZE - off;
	for (unsigned int i = 0; i < len; i++) {
		uint8_t mask = f->wmask[off + i];

		f->cfg[off + i] = (f->cfg[off + i] & ~mask) | (in[i] & mask);
	}
	if (meets(off, len, PCI_COMMAND, 2))
		command_written(f, old_cmd);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (meets(off, len, PCI_BASE_ADDRESS_0 + 4 * i,
			  f->bar[i].kind == PCI_BAR_MEM64 ? 8 : 4))
			bar_update(f, i);
	if (f->msix && meets(off, len, f->msix_cap + PCI_MSIX_FLAGS, 2))
		msix_written(f);
	if (f->ops && f->ops->cap_write)
		f->ops->cap_write(f, off, len);
}

void pci_func_reset(struct pci_func *f)
{
	for (unsigned int i = 0; i < PCI_BARS; i++)
		bar_unmap(f, i);
	memcpy(f->cfg, f->initial, sizeof(f->cfg));
	if (f->msix)
		msix_reset(f->msix);
	pthread_mutex_lock(&f->intx_lock);
	f->intx_wanted = false;
	f->intx_disabled = false;
	intx_update(f);
	pthread_mutex_unlock(&f->intx_lock);
}

void pci_func_free(struct pci_func *f)
{
	if (!f->dev)
		return;
	pci_func_reset(f);
	if (f->root)
		pci_root_detach(f->root, f);
	msix_free(f->msix);
	if (f->intx)
		irq_free(f->intx);
	pthread_mutex_destroy(&f->intx_lock);
	f->dev = NULL;
}
