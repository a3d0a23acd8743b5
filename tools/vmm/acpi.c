// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI tables (ACPI 6.4, chapter 5), every fact read from the device tree.
 * Flags tell the guest what is not there, so that it does not probe for it.
 */
#include <errno.h>
#include <libfdt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acpi.h"
#include "aml.h"
#include "gmem.h"
#include "log.h"
#include "machine.h"
#include "tree.h"
#include "vmm.h"

#define OEM_ID		"VMM   "
#define OEM_TABLE	"VMMPC   "
#define CREATOR		"VMM "

struct acpi_header {
	char sig[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem_id[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

/* Generic Address Structure, 5.2.3.2 */
struct gas {
	uint8_t space, width, offset, access;
	uint64_t addr;
} __attribute__((packed));

struct rsdp {
	char sig[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t ext_checksum, reserved[3];
} __attribute__((packed));

struct facs {
	char sig[4];
	uint32_t length, hw_signature, waking, global_lock, flags;
	uint64_t x_waking;
	uint8_t version, reserved[31];
} __attribute__((packed));

struct fadt {
	struct acpi_header h;
	uint32_t facs, dsdt;
	uint8_t reserved0, profile;
	uint16_t sci;
	uint32_t smi_cmd;
	uint8_t acpi_enable, acpi_disable, s4bios, pstate_cnt;
	uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr, gpe0, gpe1;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len, gpe0_len, gpe1_len;
	uint8_t gpe1_base, cst_cnt;
	uint16_t p_lvl2_lat, p_lvl3_lat, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct gas reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor;
	uint64_t x_facs, x_dsdt;
	struct gas x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt, x_pm_tmr;
	struct gas x_gpe0, x_gpe1, sleep_control, sleep_status;
	uint64_t hypervisor;
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_header) == 36, "header, 5.2.6");
_Static_assert(sizeof(struct rsdp) == 36, "RSDP, 5.2.5.3");
_Static_assert(sizeof(struct facs) == 64, "FACS, 5.2.10");
_Static_assert(sizeof(struct fadt) == 276, "FADT revision 6, 5.2.9");

/* FADT flags and boot architecture flags, tables 5.10 and 5.11 */
#define FADT_WBINVD		(1u << 0)
#define FADT_PROC_C1		(1u << 2)
#define FADT_SLP_BUTTON		(1u << 5)	/* no fixed sleep button */
#define FADT_FIX_RTC		(1u << 6)	/* no RTC wake in the fixed registers */
#define FADT_TMR_VAL_EXT	(1u << 8)
#define FADT_RESET_REG		(1u << 10)
#define BOOT_LEGACY_DEVICES	(1u << 0)
#define BOOT_NO_VGA		(1u << 2)
#define BOOT_NO_ASPM		(1u << 4)
#define BOOT_NO_CMOS_RTC	(1u << 5)

/* Tables are laid out in a buffer that is an image of the area. */
struct tables {
	struct vmm *vmm;
	uint8_t *area;
	size_t at, size;
	uint64_t table[8];	/* addresses for the XSDT */
	unsigned int n;
	uint64_t facs, dsdt;
};

static uint8_t checksum(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint8_t sum = 0;

	while (len--)
		sum += *b++;
	return (uint8_t)-sum;
}

static void fill_header(struct acpi_header *h, const char *sig, uint8_t revision)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->sig, sig, 4);
	h->revision = revision;
	memcpy(h->oem_id, OEM_ID, 6);
	memcpy(h->oem_table, OEM_TABLE, 8);
	h->oem_revision = 1;
	memcpy(h->creator, CREATOR, 4);
	h->creator_revision = 1;
}

/* Copies a finished table in; its address, or 0 when there is no room. */
static uint64_t place(struct tables *t, const void *p, size_t len, size_t align)
{
	size_t at = (t->at + align - 1) & ~(align - 1);

	if (at > t->size || len > t->size - at) {
		vmm_err("ACPI tables do not fit into %zu KiB", t->size >> 10);
		return 0;
	}
	memcpy(t->area + at, p, len);
	t->at = at + len;
	return MACHINE_ACPI + at;
}

static int place_table(struct tables *t, void *p, size_t len, uint64_t *addr)
{
	struct acpi_header *h = p;

	h->length = (uint32_t)len;
	h->checksum = 0;
	h->checksum = checksum(p, len);
	*addr = place(t, p, len, 16);
	return *addr ? 0 : -ENOSPC;
}

static int add_table(struct tables *t, void *p, size_t len)
{
	return place_table(t, p, len, &t->table[t->n++]);
}

static int find(struct tables *t, const char *compatible)
{
	return fdt_node_offset_by_compatible(t->vmm->fdt, -1, compatible);
}

/* ---- DSDT ---- */

static void dsdt_isa(struct aml *a, const void *fdt, int node, const char *seg, const char *hid)
{
	size_t dev = aml_device(a, seg), crs;
	uint16_t port, len;
	uint32_t gsi;

	aml_name(a, "_HID");
	if (!strncmp(hid, "PNP", 3))
		aml_eisa(a, hid);
	else
		aml_str(a, hid);
	aml_name(a, "_UID");
	aml_int(a, 0);
	aml_name(a, "_STA");
	aml_int(a, 0xf);
	aml_name(a, "_CRS");
	crs = aml_resources(a);
	if (!fdt_isa_port(fdt, node, &port, &len))
		aml_io(a, port, (uint8_t)len);
	if (!fdt_cell(fdt, node, "interrupts", 0, &gsi))
		aml_irq(a, (uint8_t)gsi);
	aml_resources_end(a, crs);
	aml_end(a, dev);
}

/* Which ISA devices the guest is told about, and as what. */
static const struct {
	const char *compatible, *seg, *hid;
} isa_ids[] = {
	{ "ns16550a", "COM1", "PNP0501" },
	{ "motorola,mc146818", "RTC_", "PNP0B00" },
	{ "vmm,pvpanic", "PEVT", "QEMU0001" },
};

/* Rows only for slots that hold something: slot, pin, 0, GSI (6.2.13). */
static void dsdt_prt(struct aml *a, const void *fdt, int pci)
{
	unsigned int slots = 0;
	size_t prt;
	int node;

	fdt_for_each_subnode(node, fdt, pci)
		slots++;
	aml_name(a, "_PRT");
	prt = aml_package(a, (uint8_t)(4 * slots));
	fdt_for_each_subnode(node, fdt, pci) {
		uint32_t hi = 0;

		fdt_cell(fdt, node, "reg", 0, &hi);
		for (uint32_t pin = 0; pin < 4; pin++) {
			size_t row = aml_package(a, 4);
			uint32_t slot = hi >> 11 & 31;

			aml_int(a, slot << 16 | 0xffff);
			aml_int(a, pin);
			aml_int(a, 0);
			aml_int(a, MACHINE_PCI_INTX_GSI + (slot + pin) % 4);
			aml_end(a, row);
		}
	}
	aml_end(a, prt);
}

static void dsdt_windows(struct aml *a, const void *fdt, int pci)
{
	uint32_t c[7];

	for (unsigned int i = 0;; i++) {
		for (unsigned int k = 0; k < 7; k++)
			if (fdt_cell(fdt, pci, "ranges", 7 * i + k, &c[k]))
				return;
		switch (c[0] >> 24 & 3) {
		case 1:
			aml_io_range(a, (uint16_t)c[4], c[6]);
			break;
		case 2:
			aml_mem_range32(a, c[4], c[6]);
			break;
		case 3:
			aml_mem_range64(a, (uint64_t)c[3] << 32 | c[4],
					(uint64_t)c[5] << 32 | c[6]);
			break;
		}
	}
}

static void dsdt_pci(struct aml *a, const void *fdt, int pci)
{
	size_t dev = aml_device(a, "PCI0"), crs;
	uint32_t first = 0, last = 0;

	fdt_cell(fdt, pci, "bus-range", 0, &first);
	fdt_cell(fdt, pci, "bus-range", 1, &last);
	aml_name(a, "_HID");
	aml_eisa(a, "PNP0A08");
	aml_name(a, "_CID");
	aml_eisa(a, "PNP0A03");
	aml_name(a, "_UID");
	aml_int(a, 0);
	aml_name(a, "_SEG");
	aml_int(a, 0);
	aml_name(a, "_BBN");
	aml_int(a, first);
	aml_name(a, "_CRS");
	crs = aml_resources(a);
	aml_bus_range(a, (uint16_t)first, (uint16_t)last);
	aml_io(a, 0xcf8, 8);
	dsdt_windows(a, fdt, pci);
	aml_resources_end(a, crs);
	dsdt_prt(a, fdt, pci);
	aml_end(a, dev);
}

/* The ECAM area belongs to the board, not to the bridge's windows. */
static void dsdt_board(struct aml *a, const void *fdt, int pci)
{
	size_t dev = aml_device(a, "MBRD"), crs;
	uint32_t base = 0, size = 0;

	fdt_cell(fdt, pci, "reg", 1, &base);
	fdt_cell(fdt, pci, "reg", 3, &size);
	aml_name(a, "_HID");
	aml_eisa(a, "PNP0C02");
	aml_name(a, "_UID");
	aml_int(a, 0);
	aml_name(a, "_CRS");
	crs = aml_resources(a);
	aml_mem32(a, base, size);
	aml_resources_end(a, crs);
	aml_end(a, dev);
}

static int add_dsdt(struct tables *t)
{
	const void *fdt = t->vmm->fdt;
	struct aml a = { .room = 16 << 10 };
	size_t scope, pkg;
	int node, ret;

	a.buf = calloc(1, a.room);
	if (!a.buf)
		return -ENOMEM;
	fill_header((void *)a.buf, "DSDT", 2);
	a.len = sizeof(struct acpi_header);
	/* Soft off: the PM device takes sleep type 5. */
	aml_name(&a, "_S5_");
	pkg = aml_package(&a, 4);
	aml_int(&a, 5);
	aml_int(&a, 5);
	aml_int(&a, 0);
	aml_int(&a, 0);
	aml_end(&a, pkg);

	scope = aml_scope(&a, "\\_SB_");
	for (size_t i = 0; i < sizeof(isa_ids) / sizeof(isa_ids[0]); i++) {
		node = find(t, isa_ids[i].compatible);
		if (node >= 0)
			dsdt_isa(&a, fdt, node, isa_ids[i].seg, isa_ids[i].hid);
	}
	node = find(t, "pci-host-ecam-generic");
	if (node >= 0) {
		dsdt_pci(&a, fdt, node);
		dsdt_board(&a, fdt, node);
	}
	aml_end(&a, scope);
	ret = a.full ? -ENOSPC : place_table(t, a.buf, a.len, &t->dsdt);
	free(a.buf);
	return ret;
}

/* ---- FACS, FADT, MADT, MCFG ---- */

static int add_facs(struct tables *t)
{
	struct facs f = { .sig = "FACS", .length = sizeof(f), .version = 2 };

	t->facs = place(t, &f, sizeof(f), 64);
	return t->facs ? 0 : -ENOSPC;
}

static struct gas port_gas(uint16_t port, uint8_t bytes)
{
	return (struct gas){ .space = 1, .width = (uint8_t)(8 * bytes),
			     .access = bytes == 1 ? 1 : bytes == 2 ? 2 : 3, .addr = port };
}

static int add_fadt(struct tables *t)
{
	const void *fdt = t->vmm->fdt;
	struct fadt f = { .facs = (uint32_t)t->facs, .dsdt = (uint32_t)t->dsdt };
	uint16_t pm, len, reset;
	uint32_t gsi;
	int node = find(t, "vmm,acpi-pm");

	if (node < 0 || fdt_isa_port(fdt, node, &pm, &len) ||
	    fdt_cell(fdt, node, "interrupts", 0, &gsi))
		return -ENOENT;
	fill_header(&f.h, "FACP", 6);
	f.x_dsdt = t->dsdt;
	f.sci = (uint16_t)gsi;
	f.pm1a_evt = pm;
	f.pm1a_cnt = pm + 4u;
	f.pm_tmr = pm + 8u;
	f.pm1_evt_len = 4;
	f.pm1_cnt_len = 2;
	f.pm_tmr_len = 4;
	f.x_pm1a_evt = port_gas(pm, 4);
	f.x_pm1a_evt.access = 2;
	f.x_pm1a_cnt = port_gas((uint16_t)(pm + 4), 2);
	f.x_pm_tmr = port_gas((uint16_t)(pm + 8), 4);
	f.p_lvl2_lat = 0xffff;		/* no C2, no C3 */
	f.p_lvl3_lat = 0xffff;
	f.flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_FIX_RTC | FADT_TMR_VAL_EXT;
	f.boot_arch = BOOT_NO_VGA | BOOT_NO_ASPM;
	node = find(t, "vmm,reset");
	if (node >= 0 && !fdt_isa_port(fdt, node, &reset, &len)) {
		f.flags |= FADT_RESET_REG;
		f.reset_reg = port_gas(reset, 1);
		f.reset_value = 6;
	}
	if (find(t, "ns16550a") >= 0)
		f.boot_arch |= BOOT_LEGACY_DEVICES;
	if (find(t, "motorola,mc146818") >= 0)
		f.century = 0x32;
	else
		f.boot_arch |= BOOT_NO_CMOS_RTC;
	memcpy(&f.hypervisor, "vmm\0\0\0\0", 8);
	return add_table(t, &f, sizeof(f));
}

static void madt_override(struct aml *a, uint8_t irq, uint32_t gsi, uint16_t flags)
{
	const struct {
		uint8_t type, len, bus, irq;
		uint32_t gsi;
		uint16_t flags;
	} __attribute__((packed)) e = { 2, 10, 0, irq, gsi, flags };

	aml_bytes(a, &e, sizeof(e));
}

static void madt_entries(struct aml *a, unsigned int cpus)
{
	const struct {
		uint8_t type, len, id, reserved;
		uint32_t addr, gsi_base;
	} __attribute__((packed)) ioapic = { 1, 12, 0, 0, (uint32_t)MACHINE_IOAPIC, 0 };
	const uint8_t lint1_nmi[] = { 4, 6, 0xff, 0, 0, 1 };

	for (unsigned int i = 0; i < cpus; i++) {
		const struct {
			uint8_t type, len, uid, apic_id;
			uint32_t flags;
		} __attribute__((packed)) lapic = { 0, 8, (uint8_t)i, (uint8_t)i, 1 };

		aml_bytes(a, &lapic, sizeof(lapic));
	}
	aml_bytes(a, &ioapic, sizeof(ioapic));
	madt_override(a, 0, 2, 0);				/* the PIT */
	madt_override(a, MACHINE_SCI_GSI, MACHINE_SCI_GSI, 0xd);	/* level, high */
	aml_bytes(a, lint1_nmi, sizeof(lint1_nmi));
}

static int add_madt(struct tables *t)
{
	const struct {
		uint32_t lapic, flags;
	} fixed = { (uint32_t)MACHINE_LAPIC, 1 };		/* 8259s are there too */
	struct aml a = { .room = 4096 };
	int ret;

	a.buf = calloc(1, a.room);
	if (!a.buf)
		return -ENOMEM;
	fill_header((void *)a.buf, "APIC", 5);
	a.len = sizeof(struct acpi_header);
	aml_bytes(&a, &fixed, sizeof(fixed));
	madt_entries(&a, fdt_cpus(t->vmm->fdt));
	ret = a.full ? -ENOSPC : add_table(t, a.buf, a.len);
	free(a.buf);
	return ret;
}

static int add_mcfg(struct tables *t)
{
	const void *fdt = t->vmm->fdt;
	struct {
		struct acpi_header h;
		uint64_t reserved, base;
		uint16_t segment;
		uint8_t first, last;
		uint32_t reserved1;
	} __attribute__((packed)) m = { 0 };
	uint32_t hi, lo, first = 0, last = 0;
	int node = find(t, "pci-host-ecam-generic");

	if (node < 0 || fdt_cell(fdt, node, "reg", 0, &hi) || fdt_cell(fdt, node, "reg", 1, &lo))
		return 0;
	fdt_cell(fdt, node, "bus-range", 0, &first);
	fdt_cell(fdt, node, "bus-range", 1, &last);
	fill_header(&m.h, "MCFG", 1);
	m.base = (uint64_t)hi << 32 | lo;
	m.first = (uint8_t)first;
	m.last = (uint8_t)last;
	return add_table(t, &m, sizeof(m));
}

static int add_xsdt(struct tables *t)
{
	struct {
		struct acpi_header h;
		uint64_t table[8];
	} __attribute__((packed)) x;
	struct rsdp r = { .sig = "RSD PTR ", .oem_id = OEM_ID, .revision = 2,
			  .length = sizeof(r) };
	size_t bytes = t->n * sizeof(t->table[0]);
	uint64_t xsdt;
	int ret;

	fill_header(&x.h, "XSDT", 1);
	memcpy(x.table, t->table, bytes);
	ret = place_table(t, &x, sizeof(x.h) + bytes, &xsdt);
	if (ret)
		return ret;
	r.xsdt = xsdt;
	r.checksum = checksum(&r, 20);
	r.ext_checksum = checksum(&r, sizeof(r));
	memcpy(t->area, &r, sizeof(r));
	return 0;
}

int acpi_build(struct vmm *vmm, uint64_t *rsdp)
{
	static int (*const step[])(struct tables *t) = {
		add_facs, add_dsdt, add_fadt, add_madt, add_mcfg, add_xsdt,
	};
	struct tables t = { .vmm = vmm, .at = sizeof(struct rsdp),
			    .size = MACHINE_ACPI_END - MACHINE_ACPI };
	int ret = 0;

	t.area = gmem_ptr(vmm->gmem, MACHINE_ACPI, t.size);
	if (!t.area)
		return -EFAULT;
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]) && !ret; i++)
		ret = step[i](&t);
	if (ret)
		vmm_err("cannot build the ACPI tables: %s", strerror(-ret));
	*rsdp = MACHINE_ACPI;
	return ret;
}
