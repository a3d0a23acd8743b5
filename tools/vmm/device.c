// SPDX-License-Identifier: GPL-2.0-only
/* From nodes of the device tree to device instances, and their properties. */
#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "log.h"
#include "vmm.h"

extern const struct vmm_device *const __start_vmm_devices[];
extern const struct vmm_device *const __stop_vmm_devices[];

static const struct vmm_device *class_of(const void *fdt, int node)
{
	const struct vmm_device *const *row;

	for (row = __start_vmm_devices; row < __stop_vmm_devices; row++)
		if (!fdt_node_check_compatible(fdt, node, (*row)->compatible))
			return *row;
	return NULL;
}

static struct vmm_dev *by_path(struct vmm *vmm, const char *path)
{
	for (struct vmm_dev *d = vmm->devices; d; d = d->next)
		if (!strcmp(d->path, path))
			return d;
	return NULL;
}

static struct vmm_dev *find_parent(struct vmm *vmm, const char *path)
{
	char up[sizeof(((struct vmm_dev *)0)->path)];
	char *slash;

	snprintf(up, sizeof(up), "%s", path);
	while ((slash = strrchr(up, '/')) && slash != up) {
		struct vmm_dev *d;

		*slash = '\0';
		d = by_path(vmm, up);
		if (d)
			return d;
	}
	return NULL;
}

static void device_free(struct vmm_dev *dev)
{
	if (dev->cls->destroy)
		dev->cls->destroy(dev);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

static int create_one(struct vmm *vmm, const struct vmm_device *cls, int node)
{
	struct vmm_dev *dev = calloc(1, sizeof(*dev));
	int ret;

	if (!dev)
		return -ENOMEM;
	dev->cls = cls;
	dev->vmm = vmm;
	pthread_mutex_init(&dev->lock, NULL);
	ret = fdt_get_path(vmm->fdt, node, dev->path, sizeof(dev->path));
	if (ret < 0) {
		ret = -EINVAL;
	} else {
		dev->parent = find_parent(vmm, dev->path);
		ret = cls->create(dev);
	}
	if (ret) {
		vmm_err("cannot create device %s: %s", dev->path, strerror(-ret));
		device_free(dev);
		return ret;
	}
	*vmm->devices_tail = dev;
	vmm->devices_tail = &dev->next;
	return 0;
}

int devices_create(struct vmm *vmm)
{
	int ret;

	vmm->devices_tail = &vmm->devices;
	for (int phase = 0; phase < DEV_PHASES; phase++) {
		int node = -1;

		while ((node = fdt_next_node(vmm->fdt, node, NULL)) >= 0) {
			const struct vmm_device *cls = class_of(vmm->fdt, node);

			if (!cls || (int)cls->phase != phase)
				continue;
			ret = create_one(vmm, cls, node);
			if (ret)
				return ret;
		}
	}
	for (struct vmm_dev *d = vmm->devices; d; d = d->next) {
		ret = d->cls->ready ? d->cls->ready(d) : 0;
		if (ret) {
			vmm_err("cannot start device %s: %s", d->path, strerror(-ret));
			return ret;
		}
	}
	return 0;
}

void devices_reset(struct vmm *vmm)
{
	for (struct vmm_dev *d = vmm->devices; d; d = d->next)
		if (d->cls->reset)
			d->cls->reset(d);
}

/* Youngest first, so that children go before their bus. */
void devices_destroy(struct vmm *vmm)
{
	while (vmm->devices) {
		struct vmm_dev **last = &vmm->devices;
		struct vmm_dev *dev;

		while ((*last)->next)
			last = &(*last)->next;
		dev = *last;
		*last = NULL;
		device_free(dev);
	}
	vmm->devices_tail = &vmm->devices;
}

static int node_of(const struct vmm_dev *dev)
{
	return fdt_path_offset(dev->vmm->fdt, dev->path);
}

const void *dev_prop(const struct vmm_dev *dev, const char *name, int *len)
{
	int node = node_of(dev);

	return node < 0 ? NULL : fdt_getprop(dev->vmm->fdt, node, name, len);
}

/* Reads @n cells from cell @first on; only the low 64 bits are kept. */
static int get_cells(const struct vmm_dev *dev, const char *name, unsigned int first,
		     unsigned int n, uint64_t *val)
{
	const fdt32_t *p;
	uint64_t v = 0;
	int len;

	p = dev_prop(dev, name, &len);
	if (!p)
		return -ENOENT;
	if ((uint64_t)first + n > (unsigned int)len / sizeof(*p))
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++)
		v = v << 32 | fdt32_ld(p + first + i);
	*val = v;
	return 0;
}

int dev_prop_u32(const struct vmm_dev *dev, const char *name, unsigned int cell, uint32_t *val)
{
	uint64_t v;
	int ret = get_cells(dev, name, cell, 1, &v);

	if (!ret)
		*val = (uint32_t)v;
	return ret;
}

const char *dev_prop_str(const struct vmm_dev *dev, const char *name)
{
	int len;
	const char *s = dev_prop(dev, name, &len);

	return s && len > 0 && s[len - 1] == '\0' ? s : NULL;
}

bool dev_prop_bool(const struct vmm_dev *dev, const char *name)
{
	return dev_prop(dev, name, NULL) != NULL;
}

int dev_prop_reg(const struct vmm_dev *dev, unsigned int idx, uint64_t *base, uint64_t *size)
{
	const void *fdt = dev->vmm->fdt;
	uint64_t b, s = 0;
	int parent, na, ns, ret;

	parent = fdt_parent_offset(fdt, node_of(dev));
	if (parent < 0)
		return -EINVAL;
	na = fdt_address_cells(fdt, parent);
	ns = fdt_size_cells(fdt, parent);
	if (na < 1 || na > 3 || ns < 0 || ns > 2)
		return -EINVAL;
	ret = get_cells(dev, "reg", idx * (unsigned int)(na + ns), (unsigned int)na, &b);
	if (!ret && ns)
		ret = get_cells(dev, "reg", idx * (unsigned int)(na + ns) + (unsigned int)na,
				(unsigned int)ns, &s);
	if (ret)
		return ret;
	*base = b;
	*size = s;
	return 0;
}

/* Two cells an entry: GSI and trigger type. */
int dev_prop_irq(const struct vmm_dev *dev, unsigned int idx, uint32_t *gsi)
{
	return dev_prop_u32(dev, "interrupts", 2 * idx, gsi);
}
