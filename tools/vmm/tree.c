// SPDX-License-Identifier: GPL-2.0-only
/* The machine's description: from options to a flattened device tree. */
#include <errno.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "machine.h"
#include "tree.h"
#include "vmm.h"

#define PHANDLE_IOAPIC	1
#define ISA_IO		1	/* first address cell of an ISA port */

/* Trigger types of the IOAPIC's second interrupt cell. */
#define EDGE_RISING	0
#define LEVEL_LOW	1
#define LEVEL_HIGH	2

#define HI(x)	((uint32_t)((uint64_t)(x) >> 32))
#define LO(x)	((uint32_t)(x))

/* ---- writing ---- */

static void note(struct fdtw *w, int err)
{
	if (!w->err)
		w->err = err;
}

void fdtw_begin(struct fdtw *w, size_t room)
{
	w->buf = malloc(room);
	w->err = 0;
	if (!w->buf) {
		w->err = -FDT_ERR_NOSPACE;
		return;
	}
	note(w, fdt_create(w->buf, (int)room));
	note(w, fdt_finish_reservemap(w->buf));
}

int fdtw_end(struct fdtw *w, void **fdt)
{
	void *small;

	if (!w->err)
		note(w, fdt_finish(w->buf));
	if (w->err) {
		free(w->buf);
		return w->err == -FDT_ERR_NOSPACE ? -ENOSPC : -EINVAL;
	}
	small = realloc(w->buf, fdt_totalsize(w->buf));
	*fdt = small ? small : w->buf;
	return 0;
}

void fdtw_node(struct fdtw *w, const char *fmt, ...)
{
	char name[48];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	if (!w->err)
		note(w, fdt_begin_node(w->buf, name));
}

void fdtw_node_end(struct fdtw *w)
{
	if (!w->err)
		note(w, fdt_end_node(w->buf));
}

void fdtw_u32(struct fdtw *w, const char *name, uint32_t val)
{
	if (!w->err)
		note(w, fdt_property_u32(w->buf, name, val));
}

void fdtw_u64(struct fdtw *w, const char *name, uint64_t val)
{
	if (!w->err)
		note(w, fdt_property_u64(w->buf, name, val));
}

void fdtw_str(struct fdtw *w, const char *name, const char *val)
{
	if (!w->err)
		note(w, fdt_property_string(w->buf, name, val));
}

void fdtw_flag(struct fdtw *w, const char *name)
{
	if (!w->err)
		note(w, fdt_property(w->buf, name, NULL, 0));
}

void fdtw_cells(struct fdtw *w, const char *name, const uint32_t *cell, unsigned int n)
{
	fdt32_t *p;
	void *at;

	if (!w->err)
		note(w, fdt_property_placeholder(w->buf, name, (int)(n * 4), &at));
	if (w->err)
		return;
	p = at;
	for (unsigned int i = 0; i < n; i++)
		fdt32_st(p + i, cell[i]);
}

/* ---- the machine ---- */

static void put_cpus(struct fdtw *w, const struct vmm_config *cfg)
{
	fdtw_node(w, "cpus");
	fdtw_u32(w, "#address-cells", 1);
	fdtw_u32(w, "#size-cells", 0);
	for (unsigned int i = 0; i < cfg->cpus; i++) {
		fdtw_node(w, "cpu@%x", i);
		fdtw_str(w, "device_type", "cpu");
		fdtw_str(w, "compatible", "vmm,x86-64");
		fdtw_u32(w, "reg", i);
		fdtw_node_end(w);
	}
	fdtw_node_end(w);
}

static void put_memory(struct fdtw *w, const struct vmm_config *cfg)
{
	uint64_t low = cfg->memory, high = 0;

	if (low > MACHINE_LOW_RAM_END) {
		high = low - MACHINE_LOW_RAM_END;
		low = MACHINE_LOW_RAM_END;
	}
	fdtw_node(w, "memory@0");
	fdtw_str(w, "device_type", "memory");
	if (high)
		FDTW_CELLS(w, "reg", 0, 0, HI(low), LO(low),
			   HI(MACHINE_HIGH_RAM), LO(MACHINE_HIGH_RAM), HI(high), LO(high));
	else
		FDTW_CELLS(w, "reg", 0, 0, HI(low), LO(low));
	fdtw_node_end(w);
}

static void put_irqchip(struct fdtw *w)
{
	fdtw_node(w, "interrupt-controller@%llx", MACHINE_IOAPIC);
	fdtw_str(w, "compatible", "intel,ce4100-ioapic");
	FDTW_CELLS(w, "reg", HI(MACHINE_IOAPIC), LO(MACHINE_IOAPIC), 0, 0x1000);
	fdtw_flag(w, "interrupt-controller");
	fdtw_u32(w, "#interrupt-cells", 2);
	fdtw_u32(w, "#address-cells", 0);
	fdtw_u32(w, "phandle", PHANDLE_IOAPIC);
	fdtw_node_end(w);
	fdtw_node(w, "interrupt-controller@%llx", MACHINE_LAPIC);
	fdtw_str(w, "compatible", "intel,ce4100-lapic");
	FDTW_CELLS(w, "reg", HI(MACHINE_LAPIC), LO(MACHINE_LAPIC), 0, 0x1000);
	fdtw_node_end(w);
}

/* One row per device with fixed ports. */
static const struct isa_row {
	const char *name, *compatible;
	uint16_t port, len;
	int gsi;
	uint32_t trigger;
} isa_rows[] = {
	{ "serial", "ns16550a", 0x3f8, 8, 4, EDGE_RISING },
	{ "i8042", "vmm,i8042", 0x60, 5, -1, 0 },
	{ "rtc", "motorola,mc146818", 0x70, 2, 8, EDGE_RISING },
	{ "debug", "vmm,debugport", 0x80, 1, -1, 0 },
	{ "panic", "vmm,pvpanic", 0x505, 1, -1, 0 },
	{ "pm", "vmm,acpi-pm", 0x600, 12, MACHINE_SCI_GSI, LEVEL_HIGH },
	{ "reset", "vmm,reset", 0xcf9, 1, -1, 0 },
};

static void put_isa(struct fdtw *w, const struct vmm_config *cfg)
{
	fdtw_node(w, "isa");
	fdtw_str(w, "compatible", "isa");
	fdtw_str(w, "device_type", "isa");
	fdtw_u32(w, "#address-cells", 2);
	fdtw_u32(w, "#size-cells", 1);
	FDTW_CELLS(w, "ranges", ISA_IO, 0, 0, 0, 0x10000);
	fdtw_u32(w, "interrupt-parent", PHANDLE_IOAPIC);
	for (size_t i = 0; i < sizeof(isa_rows) / sizeof(isa_rows[0]); i++) {
		const struct isa_row *r = &isa_rows[i];
		bool serial = r->port == 0x3f8;

		if (serial && cfg->virtio_console)
			continue;
		fdtw_node(w, "%s@i%x", r->name, r->port);
		fdtw_str(w, "compatible", r->compatible);
		FDTW_CELLS(w, "reg", ISA_IO, r->port, r->len);
		if (r->gsi >= 0)
			FDTW_CELLS(w, "interrupts", (uint32_t)r->gsi, r->trigger);
		if (serial) {
			fdtw_u32(w, "clock-frequency", 1843200);
			fdtw_flag(w, "vmm,stdio");
		}
		fdtw_node_end(w);
	}
	fdtw_node_end(w);
}

/* A child in slot @slot: phys.hi of its configuration space (IEEE 1275 PCI). */
static void put_pci_child(struct fdtw *w, unsigned int slot, const char *compatible)
{
	fdtw_node(w, "%s@%x,0", compatible, slot);
	fdtw_str(w, "compatible", compatible);
	FDTW_CELLS(w, "reg", slot << 11, 0, 0, 0, 0);
}

static void put_pci_children(struct fdtw *w, const struct vmm_config *cfg)
{
	unsigned int slot = 1;

	for (unsigned int i = 0; i < cfg->n_disks; i++) {
		put_pci_child(w, slot++, "virtio-blk");
		fdtw_str(w, "vmm,file", cfg->disks[i].file);
		if (cfg->disks[i].readonly)
			fdtw_flag(w, "vmm,readonly");
		fdtw_node_end(w);
	}
	if (cfg->virtio_console) {
		put_pci_child(w, slot++, "virtio-console");
		fdtw_flag(w, "vmm,stdio");
		fdtw_node_end(w);
	}
	if (cfg->rng) {
		put_pci_child(w, slot++, "virtio-rng");
		fdtw_node_end(w);
	}
}

/* INTx by slot and pin: rows of the swizzle, four slots repeat (mask 0x1800, 7). */
static void put_interrupt_map(struct fdtw *w)
{
	uint32_t map[4 * 4 * 7], *p = map;

	for (uint32_t slot = 0; slot < 4; slot++)
		for (uint32_t pin = 1; pin <= 4; pin++) {
			*p++ = slot << 11;
			*p++ = 0;
			*p++ = 0;
			*p++ = pin;
			*p++ = PHANDLE_IOAPIC;
			*p++ = MACHINE_PCI_INTX_GSI + (slot + pin - 1) % 4;
			*p++ = LEVEL_LOW;
		}
	fdtw_cells(w, "interrupt-map", map, sizeof(map) / sizeof(map[0]));
	FDTW_CELLS(w, "interrupt-map-mask", 0x1800, 0, 0, 7);
}

static void put_pci(struct fdtw *w, const struct vmm_config *cfg)
{
	const uint64_t mem32 = MACHINE_PCI_MMIO32, size32 = MACHINE_PCI_MMIO32_END - mem32;
	const uint64_t mem64 = MACHINE_PCI_MMIO64, size64 = MACHINE_PCI_MMIO64_SIZE;

	fdtw_node(w, "pci@%llx", MACHINE_PCI_ECAM);
	fdtw_str(w, "compatible", "pci-host-ecam-generic");
	fdtw_str(w, "device_type", "pci");
	fdtw_u32(w, "#address-cells", 3);
	fdtw_u32(w, "#size-cells", 2);
	fdtw_u32(w, "#interrupt-cells", 1);
	FDTW_CELLS(w, "reg", HI(MACHINE_PCI_ECAM), LO(MACHINE_PCI_ECAM),
		   0, LO(MACHINE_PCI_ECAM_SIZE));
	FDTW_CELLS(w, "bus-range", 0, 0);
	FDTW_CELLS(w, "ranges",
		   0x01000000, 0, MACHINE_PCI_IO, 0, MACHINE_PCI_IO,
		   0, MACHINE_PCI_IO_END - MACHINE_PCI_IO,
		   0x02000000, 0, LO(mem32), 0, LO(mem32), 0, LO(size32),
		   0x03000000, HI(mem64), LO(mem64), HI(mem64), LO(mem64),
		   HI(size64), LO(size64));
	put_interrupt_map(w);
	put_pci_children(w, cfg);
	fdtw_node_end(w);
}

static void put_machine(struct fdtw *w, const struct vmm_config *cfg)
{
	fdtw_node(w, "%s", "");
	fdtw_str(w, "model", "vmm");
	fdtw_str(w, "compatible", "vmm,pc");
	fdtw_u32(w, "#address-cells", 2);
	fdtw_u32(w, "#size-cells", 2);
	fdtw_node(w, "chosen");
	fdtw_str(w, "bootargs", cfg->append ? cfg->append : "");
	fdtw_node_end(w);
	put_cpus(w, cfg);
	put_memory(w, cfg);
	put_irqchip(w);
	put_isa(w, cfg);
	put_pci(w, cfg);
	fdtw_node_end(w);
}

int fdt_describe(struct vmm *vmm)
{
	const struct vmm_config *cfg = &vmm->cfg;
	size_t room = 4096 + 128 * cfg->cpus;
	struct fdtw w;
	int ret;

	/* The sequential writer cannot grow: try again with more room. */
	do {
		room *= 2;
		fdtw_begin(&w, room);
		put_machine(&w, cfg);
		ret = fdtw_end(&w, &vmm->fdt);
	} while (ret == -ENOSPC && room < (1u << 20));
	if (ret)
		vmm_err("cannot describe the machine: device tree error %d", w.err);
	return ret;
}

/* ---- reading ---- */

int fdt_cell(const void *fdt, int node, const char *name, unsigned int i, uint32_t *val)
{
	int len;
	const fdt32_t *p = fdt_getprop(fdt, node, name, &len);

	if (!p || (uint64_t)i * 4 + 4 > (unsigned int)len)
		return -ENOENT;
	*val = fdt32_ld(p + i);
	return 0;
}

unsigned int fdt_cpus(const void *fdt)
{
	int cpus = fdt_path_offset(fdt, "/cpus"), node;
	unsigned int n = 0;

	if (cpus < 0)
		return 0;
	fdt_for_each_subnode(node, fdt, cpus)
		n++;
	return n;
}

int fdt_memory(const void *fdt, unsigned int i, uint64_t *base, uint64_t *size)
{
	int node = fdt_path_offset(fdt, "/memory@0");
	uint32_t c[4];

	for (unsigned int k = 0; k < 4; k++)
		if (node < 0 || fdt_cell(fdt, node, "reg", 4 * i + k, &c[k]))
			return -ENOENT;
	*base = (uint64_t)c[0] << 32 | c[1];
	*size = (uint64_t)c[2] << 32 | c[3];
	return 0;
}

int fdt_isa_port(const void *fdt, int node, uint16_t *port, uint16_t *len)
{
	uint32_t kind, base, size;

	if (fdt_cell(fdt, node, "reg", 0, &kind) || kind != ISA_IO ||
	    fdt_cell(fdt, node, "reg", 1, &base) || fdt_cell(fdt, node, "reg", 2, &size) ||
	    base > 0xffff || size > 0x10000 - base)
		return -ENOENT;
	*port = (uint16_t)base;
	*len = (uint16_t)size;
	return 0;
}
