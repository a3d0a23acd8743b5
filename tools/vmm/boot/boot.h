/* SPDX-License-Identifier: GPL-2.0-only */
/* Loaders: from a file to guest memory and the first processor's state. */
#ifndef VMM_BOOT_H
#define VMM_BOOT_H

#include <stdint.h>

struct vcpu_start;
struct vmm;

/*
 * A Linux bzImage by its 64-bit boot protocol: kernel, initrd, command line,
 * E820 map, device tree and the address of the ACPI tables.
 */
int boot_linux(struct vmm *vmm, uint64_t rsdp, struct vcpu_start *start);

#endif
