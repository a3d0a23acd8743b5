/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices: one class row per kind, in the device's own file; one instance per
 * node of the machine's device tree whose "compatible" matches a row.
 */
#ifndef VMM_DEVICE_H
#define VMM_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_writer;
struct state_reader;
struct vmm;
struct vmm_dev;

/* Order of creation; destroyed in reverse. Within a phase: order in the tree. */
enum dev_phase {
	DEV_PLATFORM,		/* fixed devices */
	DEV_BUS,		/* host bridges */
	DEV_CHILD,		/* what sits behind them */
	DEV_PHASES,
};

struct vmm_device {
	const char *compatible;
	enum dev_phase phase;
	/* Reads the node's properties, claims ranges and interrupts. -errno and vmm_err(). */
	int (*create)(struct vmm_dev *dev);
	/* Optional: all devices exist, no vCPU runs yet (a bridge assigns BARs here). */
	int (*ready)(struct vmm_dev *dev);
	/* Optional: back to the power-on state; vCPUs are stopped. */
	void (*reset)(struct vmm_dev *dev);
	/* Called also after create() failed half-way: undo what priv says was done. */
	void (*destroy)(struct vmm_dev *dev);
	/* Snapshots: not used yet. */
	int (*save)(struct vmm_dev *dev, struct state_writer *w);
	int (*restore)(struct vmm_dev *dev, struct state_reader *r);
};

/*
 * Locks: (c) set before create(), constant after; (o) owned by the device.
 * The device's lock is held by bus dispatch; a parent's lock is taken before
 * a child's.
 */
struct vmm_dev {
	const struct vmm_device *cls;	/* (c) */
	struct vmm *vmm;		/* (c) */
	struct vmm_dev *parent;		/* (c) nearest ancestor that is a device, or NULL */
	struct vmm_dev *next;		/* (c) in order of creation */
	char path[64];			/* (c) of its node in the device tree */
	pthread_mutex_t lock;
	void *priv;			/* (o) */
};

/* One row: VMM_DEVICE(rtc, .compatible = "motorola,mc146818", .create = ...); */
#define VMM_DEVICE(ident, ...)							\
	static const struct vmm_device ident##_class = { __VA_ARGS__ };		\
	static const struct vmm_device *const ident##_row			\
	__attribute__((used, section("vmm_devices"))) = &ident##_class

int devices_create(struct vmm *vmm);
void devices_reset(struct vmm *vmm);
void devices_destroy(struct vmm *vmm);

/*
 * Properties of the device's node. Cells are numbered from 0. -ENOENT when
 * absent, -EINVAL when too short; the value is untouched then.
 */
int dev_prop_u32(const struct vmm_dev *dev, const char *name, unsigned int cell, uint32_t *val);
const char *dev_prop_str(const struct vmm_dev *dev, const char *name);	/* NULL: absent */
bool dev_prop_bool(const struct vmm_dev *dev, const char *name);
const void *dev_prop(const struct vmm_dev *dev, const char *name, int *len);
/* Entry @idx of "reg", by the parent's #address-cells (1 to 3; the low 64 bits) and #size-cells. */
int dev_prop_reg(const struct vmm_dev *dev, unsigned int idx, uint64_t *base, uint64_t *size);
/* Entry @idx of "interrupts": a GSI. Not for PCI children (their INTx is the bridge's business). */
int dev_prop_irq(const struct vmm_dev *dev, unsigned int idx, uint32_t *gsi);

#endif
