/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSI-X (PCI 3.0, 6.8.2): the vector table and the pending bits of one
 * function.  All calls are safe from any thread.
 */
#ifndef VMM_PCI_MSIX_H
#define VMM_PCI_MSIX_H

#include <stdbool.h>
#include <stdint.h>

struct msix;
struct pci_func;
struct vmm;

#define MSIX_MAX		64
#define MSIX_ENTRY_SIZE		16

/*
 * @count vectors, table and pending bits in @bar at the two offsets; adds the
 * capability to @f, which owns the result.
 */
int msix_add(struct pci_func *f, unsigned int count, unsigned int bar,
	     uint32_t table_off, uint32_t pba_off);
void msix_free(struct msix *m);
void msix_reset(struct msix *m);

/* The message control word was written. */
void msix_control(struct msix *m, uint16_t control);
bool msix_enabled(struct msix *m);

/* Accesses to the two areas; anything but aligned 4 or 8 bytes is ignored. */
void msix_table(struct msix *m, uint64_t off, void *data, unsigned int len,
		bool write);
void msix_pba(struct msix *m, uint64_t off, void *data, unsigned int len,
	      bool write);

/* Send vector @vec, or keep it pending while masked. */
void msix_raise(struct msix *m, unsigned int vec);

#endif
