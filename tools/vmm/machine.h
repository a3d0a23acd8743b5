/* SPDX-License-Identifier: GPL-2.0-only */
/* Where things are in the machine: the one list of addresses. */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <stdint.h>

#define MACHINE_LOW_RAM_END	0xc0000000ull	/* RAM beyond goes above 4 GiB */
#define MACHINE_HIGH_RAM	0x100000000ull

#define MACHINE_PCI_ECAM	0xe0000000ull	/* one bus */
#define MACHINE_PCI_ECAM_SIZE	0x00100000ull
#define MACHINE_PCI_MMIO32	0xe1000000ull
#define MACHINE_PCI_MMIO32_END	0xfec00000ull
#define MACHINE_PCI_MMIO64	0x4000000000ull
#define MACHINE_PCI_MMIO64_SIZE	0x1000000000ull
#define MACHINE_PCI_IO		0x1000
#define MACHINE_PCI_IO_END	0x10000
#define MACHINE_PCI_SLOTS	32
#define MACHINE_PCI_INTX_GSI	16		/* INTx pin p of slot s: 16 + (s + p - 1) % 4 */

#define MACHINE_IOAPIC		0xfec00000ull
#define MACHINE_LAPIC		0xfee00000ull
#define MACHINE_IDENTITY_MAP	0xfffbc000ull	/* real mode on hosts without unrestricted guests */
#define MACHINE_TSS		0xfffbd000ull	/* three pages */

#define MACHINE_ACPI		0x000e0000ull	/* RSDP first, then the tables */
#define MACHINE_ACPI_END	0x00100000ull

#define MACHINE_SCI_GSI		9
#define MACHINE_MAX_CPUS	255

struct vmm;
struct vmm_config;

/* Options to device tree: vmm->fdt. -errno and a message. */
int machine_describe(struct vmm *vmm);
/* Memory, virtual machine, devices and tables out of vmm->fdt. */
int machine_build(struct vmm *vmm);
/* Runs until the guest or the user ends it; the process's exit code. */
int machine_run(struct vmm *vmm);
void machine_destroy(struct vmm *vmm);

#endif
