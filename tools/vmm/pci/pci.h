/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI: functions with their configuration space, base address registers,
 * message vectors and interrupt pin, and the host bridge they sit behind.
 *
 * Locks: a configuration access holds the bridge's device lock, then the
 * function's.  A function never asks for the bridge's lock.
 */
#ifndef VMM_PCI_PCI_H
#define VMM_PCI_PCI_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"

struct irq;
struct msix;
struct pci_func;
struct pci_root;
struct vmm;
struct vmm_dev;

#define PCI_CFG_SIZE	256
#define PCI_BARS	6

enum pci_bar_kind {
	PCI_BAR_NONE,
	PCI_BAR_IO,
	PCI_BAR_MEM32,
	PCI_BAR_MEM64,		/* takes the next slot too */
};

/*
 * Letters: (c) constant once the function is registered; (d) its device's
 * lock; (i) intx_lock.
 */
struct pci_bar {
	enum pci_bar_kind kind;	/* (c) */
	uint64_t size;		/* (c) a power of two, 16 (4 for I/O) at least */
	bus_fn fn;		/* (c) */
	uint64_t base;		/* (d) where it is mapped now */
	bool mapped;		/* (d) */
};

/* All optional; called with the function's device lock held. */
struct pci_func_ops {
	/* The BAR has just been mapped at, or is about to leave, its base. */
	void (*bar_mapped)(struct pci_func *f, unsigned int bar, bool mapped);
	/* Bus mastering was switched. */
	void (*bus_master)(struct pci_func *f, bool on);
	/* Before bytes of a capability are read, and after they were written. */
	void (*cap_read)(struct pci_func *f, unsigned int off, unsigned int len);
	void (*cap_write)(struct pci_func *f, unsigned int off, unsigned int len);
};

struct pci_func {
	struct vmm_dev *dev;		/* (c) */
	struct pci_root *root;		/* (c) */
	const struct pci_func_ops *ops;	/* (c) */
	void *opaque;			/* (c) given to BAR handlers */
	uint8_t devfn;			/* (c) */
	uint8_t cap_last;		/* (c) offset of the last capability */
	uint8_t cap_free;		/* (c) where the next one goes */
	uint8_t msix_cap;		/* (c) 0: none */
	struct msix *msix;		/* (c) */
	struct pci_bar bar[PCI_BARS];
	uint8_t cfg[PCI_CFG_SIZE];	/* (d) */
	uint8_t wmask[PCI_CFG_SIZE];	/* (c) writable bits */
	uint8_t initial[PCI_CFG_SIZE];	/* (c) cfg after a reset */
	pthread_mutex_t intx_lock;
	struct irq *intx;		/* (c) NULL: no pin */
	bool intx_wanted;		/* (i) */
	bool intx_disabled;		/* (i) by the command register */
};

struct pci_ids {
	uint16_t vendor, device, sub_vendor, sub_device;
	uint32_t class_code;		/* base class, sub-class, interface */
	uint8_t revision;
};

/*
 * A function behind the bridge that is @dev's parent, at the slot its "reg"
 * names.  First init, then BARs, capabilities and vectors, then register.
 */
int pci_func_init(struct pci_func *f, struct vmm_dev *dev,
		  const struct pci_ids *ids, const struct pci_func_ops *ops,
		  void *opaque);
int pci_func_add_bar(struct pci_func *f, unsigned int bar,
		     enum pci_bar_kind kind, uint64_t size, bus_fn fn);
/* @body follows the two header bytes; @wmask may be NULL. Offset or -ENOSPC. */
int pci_func_add_cap(struct pci_func *f, uint8_t id, const void *body,
		     unsigned int len, const void *wmask);
int pci_func_add_intx(struct pci_func *f);
int pci_func_register(struct pci_func *f);
void pci_func_reset(struct pci_func *f);
/* Undo everything above; fine on a zeroed function. */
void pci_func_free(struct pci_func *f);

/* One configuration access; the device's lock is held. @len 1, 2, 4 or 8. */
void pci_config_read(struct pci_func *f, unsigned int off, void *data,
		     unsigned int len);
void pci_config_write(struct pci_func *f, unsigned int off, const void *data,
		      unsigned int len);

/* The level of the interrupt pin; from any thread. */
void pci_intx(struct pci_func *f, bool level);

/* The bridge's side. */
int pci_root_attach(struct pci_root *root, struct pci_func *f);
void pci_root_detach(struct pci_root *root, struct pci_func *f);
/* Whether a BAR may answer at [@base, @base + @size). */
bool pci_root_window(const struct pci_root *root, enum pci_bar_kind kind,
		     uint64_t base, uint64_t size);

#endif
