// SPDX-License-Identifier: GPL-2.0-only
/* The machine's device tree, and the tables made from it. */
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acpi.h"
#include "box.h"
#include "gmem.h"
#include "machine.h"
#include "tree.h"

static void test_memory(void)
{
	uint64_t base, size;
	struct vmm vmm;

	ok(!box_open(&vmm, "--memory 256M"), "256 MiB");
	ok(!fdt_memory(vmm.fdt, 0, &base, &size) && base == 0 && size == 256 << 20 &&
	   fdt_memory(vmm.fdt, 1, &base, &size), "one range");
	box_close(&vmm);
	ok(!box_open(&vmm, "--memory 5G --no-rng"), "5 GiB");
	ok(!fdt_memory(vmm.fdt, 0, &base, &size) && base == 0 && size == MACHINE_LOW_RAM_END &&
	   !fdt_memory(vmm.fdt, 1, &base, &size) && base == MACHINE_HIGH_RAM &&
	   size == (5ull << 30) - MACHINE_LOW_RAM_END, "low and high memory leave the hole free");
	ok(!gmem_ptr(vmm.gmem, MACHINE_LOW_RAM_END, 1) && gmem_ptr(vmm.gmem, MACHINE_HIGH_RAM, 1),
	   "memory is where the tree says");
	box_close(&vmm);
}

static void test_nodes(void)
{
	struct vmm vmm;
	int node, len;

	ok(!box_open(&vmm, "--cpus 255 --disk /dev/null,readonly --disk /dev/zero --no-rng") ||
	   vmm.fdt, "255 CPUs, two disks");
	ok(!fdt_check_full(vmm.fdt, fdt_totalsize(vmm.fdt)), "libfdt accepts the whole tree");
	ok(fdt_cpus(vmm.fdt) == 255, "all CPUs are in it");
	node = fdt_path_offset(vmm.fdt, "/pci@e0000000/virtio-blk@1,0");
	ok(node >= 0 && !strcmp(fdt_getprop(vmm.fdt, node, "vmm,file", &len), "/dev/null") &&
	   fdt_getprop(vmm.fdt, node, "vmm,readonly", NULL), "the first disk, read-only");
	node = fdt_path_offset(vmm.fdt, "/pci@e0000000/virtio-blk@2,0");
	ok(node >= 0 && !fdt_getprop(vmm.fdt, node, "vmm,readonly", NULL), "the second, not");
	ok(fdt_node_offset_by_compatible(vmm.fdt, -1, "virtio-rng") < 0, "no virtio-rng");
	box_close(&vmm);
}

static void test_dump(void)
{
	char name[] = "/tmp/vmm-test-XXXXXX", line[80];
	struct vmm vmm;
	void *copy;
	FILE *f;
	size_t n;

	close(mkstemp(name));
	snprintf(line, sizeof(line), "--no-rng --dumpdtb %s", name);
	ok(!box_open(&vmm, line), "--dumpdtb");
	copy = malloc(1 << 20);
	f = fopen(name, "r");
	n = f ? fread(copy, 1, 1 << 20, f) : 0;
	ok(n == fdt_totalsize(vmm.fdt) && !memcmp(copy, vmm.fdt, n), "the file is the tree");
	if (f)
		fclose(f);
	free(copy);
	unlink(name);
	box_close(&vmm);
	ok(box_open(&vmm, "--dumpdtb /nonexistent/x") < 0, "an unwritable file is an error");
	box_close(&vmm);
}

/* ---- ACPI ---- */

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s += *p++;
	return s;
}

static uint64_t le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

/* The table at @gpa: its length is sane and its bytes add up to 0. */
static const uint8_t *table(struct vmm *vmm, uint64_t gpa, const char *sig)
{
	const uint8_t *p = gmem_ptr(vmm->gmem, gpa, 36);
	uint64_t len = p ? le(p + 4, 4) : 0;
	bool good = p && gpa >= MACHINE_ACPI && len >= 36 && gpa + len <= MACHINE_ACPI_END &&
		    !memcmp(p, sig, 4) && !sum(p, len);

	ok(good, "%s at %#llx: signature, length, checksum", sig, (unsigned long long)gpa);
	return good ? p : NULL;
}

/* For a look with iasl: DSDT=file in the environment. */
static void keep_dsdt(const uint8_t *dsdt)
{
	const char *name = getenv("DSDT");
	FILE *f = name ? fopen(name, "w") : NULL;

	if (f) {
		fwrite(dsdt, 1, le(dsdt + 4, 4), f);
		fclose(f);
	}
}

static const uint8_t *test_xsdt(struct vmm *vmm, uint64_t rsdp, const char *sig)
{
	const uint8_t *r = gmem_ptr(vmm->gmem, rsdp, 36), *x;

	x = gmem_ptr(vmm->gmem, le(r + 24, 8), 36);
	for (uint64_t i = 36; x && i < le(x + 4, 4); i += 8) {
		const uint8_t *t = gmem_ptr(vmm->gmem, le(x + i, 8), 36);

		if (t && !memcmp(t, sig, 4))
			return table(vmm, le(x + i, 8), sig);
	}
	ok(false, "%s is in the XSDT", sig);
	return NULL;
}

static void test_madt(const uint8_t *madt, unsigned int cpus)
{
	unsigned int lapics = 0, ioapics = 0, overrides = 0;
	uint64_t i, len = le(madt + 4, 4);

	for (i = 44; i + 2 <= len && madt[i + 1]; i += madt[i + 1]) {
		lapics += madt[i] == 0 && madt[i + 3] == lapics && madt[i + 4] == 1;
		ioapics += madt[i] == 1 && le(madt + i + 4, 4) == MACHINE_IOAPIC;
		overrides += madt[i] == 2;
	}
	ok(i == len && lapics == cpus && ioapics == 1 && overrides == 2,
	   "MADT: %u CPUs in order, one IOAPIC, two overrides", cpus);
}

static void test_acpi(const char *options, unsigned int cpus)
{
	const uint8_t *r, *t;
	struct vmm vmm;
	uint64_t rsdp = 0;

	ok(!box_open(&vmm, options) && !acpi_build(&vmm, &rsdp), "tables for: %s", options);
	r = gmem_ptr(vmm.gmem, rsdp, 36);
	ok(r && rsdp == MACHINE_ACPI && !memcmp(r, "RSD PTR ", 8) && !sum(r, 20) && !sum(r, 36) &&
	   r[15] == 2, "RSDP: both checksums");
	if (!table(&vmm, le(r + 24, 8), "XSDT"))
		return;
	t = test_xsdt(&vmm, rsdp, "FACP");
	if (t) {
		const uint8_t *dsdt = table(&vmm, le(t + 140, 8), "DSDT");

		ok(le(t + 46, 2) == MACHINE_SCI_GSI && le(t + 56, 4) == 0x600 &&
		   le(t + 64, 4) == 0x604 && le(t + 76, 4) == 0x608 && le(t + 120, 4) == 0xcf9 &&
		   t[128] == 6 && !(le(t + 36, 4) & 63), "FADT: ports, reset register, FACS");
		ok(le(t + 109, 2) == (strstr(options, "virtio") ? 0x14 : 0x15),
		   "FADT: no VGA, no keyboard controller; serial port as it is");
		if (dsdt)
			keep_dsdt(dsdt);
	}
	t = test_xsdt(&vmm, rsdp, "APIC");
	if (t)
		test_madt(t, cpus);
	t = test_xsdt(&vmm, rsdp, "MCFG");
	ok(t && le(t + 44, 8) == MACHINE_PCI_ECAM && !t[54] && !t[55], "MCFG: one bus");
	box_close(&vmm);
}

int main(void)
{
	box_quiet();
	test_memory();
	test_nodes();
	test_dump();
	test_acpi("--memory 64M", 1);
	test_acpi("--memory 64M --cpus 255 --console virtio", 255);
	return tap_end();
}
