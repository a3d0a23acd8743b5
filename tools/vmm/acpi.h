/* SPDX-License-Identifier: GPL-2.0-only */
/* ACPI tables out of the machine's device tree. */
#ifndef VMM_ACPI_H
#define VMM_ACPI_H

#include <stdint.h>

struct vmm;

/*
 * Writes RSDP, XSDT, FADT, FACS, DSDT, MADT and MCFG from MACHINE_ACPI on
 * into guest memory; *@rsdp is where a loader finds them. -errno.
 */
int acpi_build(struct vmm *vmm, uint64_t *rsdp);

#endif
