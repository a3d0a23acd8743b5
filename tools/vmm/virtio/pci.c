// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio over PCI, modern interface only (virtio 1.2, 4.1): one memory BAR
 * with a page each for the common registers, interrupt status, the device's
 * configuration, doorbells, and the two areas of MSI-X.
 *
 * The driver's settings are frozen at DRIVER_OK: only the status register and
 * the selectors still take writes, until a reset.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>

#include "device.h"
#include "log.h"
#include "pci/msix.h"
#include "pci/pci.h"
#include "virtio.h"
#include "vmm.h"

enum page {
	PAGE_COMMON,
	PAGE_ISR,
	PAGE_DEVICE,
	PAGE_NOTIFY,
	PAGE_MSIX_TABLE,
	PAGE_MSIX_PBA,
	PAGES,
};

#define PAGE_SHIFT		12
#define PAGE_BYTES		(1u << PAGE_SHIFT)
#define BAR_INDEX		0
#define BAR_SIZE		0x8000
#define NOTIFY_STEP		4	/* one dword of doorbell per queue */
#define COMMON_LEN		56	/* without the optional last fields */

#define ISR_QUEUE		1
#define ISR_CONFIG		2

#define FEATURES_OF_RINGS	(1ull << VIRTIO_F_VERSION_1 | \
				 1ull << VIRTIO_RING_F_EVENT_IDX | \
				 1ull << VIRTIO_RING_F_INDIRECT_DESC)
/* Status bits the driver sets; it cannot clear one but by a reset. */
#define STATUS_OF_DRIVER	(VIRTIO_CONFIG_S_ACKNOWLEDGE | \
				 VIRTIO_CONFIG_S_DRIVER | \
				 VIRTIO_CONFIG_S_FEATURES_OK | \
				 VIRTIO_CONFIG_S_DRIVER_OK | \
				 VIRTIO_CONFIG_S_FAILED)

/* Registers of one queue, as the driver left them. (d) */
struct queue_regs {
	struct virtq_layout at;
	uint16_t vector;
	bool enabled;
};

/*
 * Letters: (c) constant once created; (d) the device's lock; (f) written with
 * the device's lock held and not while the device runs, so that the I/O
 * thread may read it; (s) isr_lock.
 */
struct virtio_pci {
	struct virtio_dev v;
	struct pci_func f;
	uint8_t cfg_cap;		/* (c) offset of the access capability */
	_Atomic uint8_t status;
	uint32_t device_select;		/* (d) */
	uint32_t driver_select;		/* (d) */
	uint64_t driver_features;	/* (d) */
	uint16_t queue_select;		/* (d) */
	uint16_t config_vector;		/* (f) */
	struct queue_regs queue[VIRTIO_MAX_QUEUES];	/* (f) */
	pthread_mutex_t isr_lock;
	uint8_t isr;			/* (s) */
};

static struct virtio_pci *to_vp(struct virtio_dev *v)
{
	return (struct virtio_pci *)((char *)v - offsetof(struct virtio_pci, v));
}

/* ---- interrupts ---- */

static void interrupt(struct virtio_pci *vp, uint16_t vector, uint8_t bit)
{
	if (msix_enabled(vp->f.msix)) {
		if (vector != VIRTIO_MSI_NO_VECTOR)
			msix_raise(vp->f.msix, vector);
		return;
	}
	pthread_mutex_lock(&vp->isr_lock);
	vp->isr |= bit;
	pci_intx(&vp->f, true);
	pthread_mutex_unlock(&vp->isr_lock);
}

static uint8_t isr_take(struct virtio_pci *vp)
{
	uint8_t isr;

	pthread_mutex_lock(&vp->isr_lock);
	isr = vp->isr;
	vp->isr = 0;
	pci_intx(&vp->f, false);
	pthread_mutex_unlock(&vp->isr_lock);
	return isr;
}

static void queue_irq(struct virtio_dev *v, unsigned int q)
{
	struct virtio_pci *vp = to_vp(v);

	interrupt(vp, vp->queue[q].vector, ISR_QUEUE);
}

static void needs_reset(struct virtio_dev *v)
{
	struct virtio_pci *vp = to_vp(v);
	uint8_t old = atomic_fetch_or(&vp->status, VIRTIO_CONFIG_S_NEEDS_RESET);

	/* virtio 1.2, 2.1.2: tell the driver, if it has got that far */
	if (old & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(vp, vp->config_vector, ISR_CONFIG);
}

static const struct virtio_transport transport = {
	.queue_irq = queue_irq,
	.needs_reset = needs_reset,
};

/* ---- device status ---- */

static void regs_default(struct virtio_pci *vp)
{
	atomic_store(&vp->status, 0);
	vp->device_select = 0;
	vp->driver_select = 0;
	vp->driver_features = 0;
	vp->queue_select = 0;
	vp->config_vector = VIRTIO_MSI_NO_VECTOR;
	for (unsigned int q = 0; q < VIRTIO_MAX_QUEUES; q++)
		vp->queue[q] = (struct queue_regs) {
			.at.size = vp->v.ops->queue_size,
			.vector = VIRTIO_MSI_NO_VECTOR,
		};
}

static void device_reset(struct virtio_pci *vp)
{
	virtio_core_stop(&vp->v);
	regs_default(vp);
	isr_take(vp);
}

static bool features_ok(const struct virtio_pci *vp)
{
	return !(vp->driver_features & ~vp->v.offered) &&
	       vp->driver_features >> VIRTIO_F_VERSION_1 & 1;
}

static int activate(struct virtio_pci *vp)
{
	struct virtq_layout at[VIRTIO_MAX_QUEUES] = { 0 };

	for (unsigned int q = 0; q < vp->v.ops->n_queues; q++)
		if (vp->queue[q].enabled)
			at[q] = vp->queue[q].at;
	return virtio_core_start(&vp->v, at, vp->driver_features);
}

static uint64_t status_get(struct virtio_pci *vp)
{
	return atomic_load(&vp->status);
}

static void status_set(struct virtio_pci *vp, uint64_t val)
{
	uint8_t old = atomic_load(&vp->status);
	uint8_t add = val & STATUS_OF_DRIVER & ~old;

	if (!val) {
		device_reset(vp);
		return;
	}
	if ((add & VIRTIO_CONFIG_S_FEATURES_OK) && !features_ok(vp))
		add &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	if (!((old | add) & VIRTIO_CONFIG_S_FEATURES_OK) ||
	    (old & VIRTIO_CONFIG_S_NEEDS_RESET))
		add &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	/* set first: from now on the I/O thread may find the device broken */
	atomic_fetch_or(&vp->status, add);
	if ((add & VIRTIO_CONFIG_S_DRIVER_OK) && activate(vp))
		needs_reset(&vp->v);
}

static bool frozen(const struct virtio_pci *vp)
{
	return atomic_load(&vp->status) & VIRTIO_CONFIG_S_DRIVER_OK;
}

/* ---- common configuration: features ---- */

static uint64_t half(uint64_t features, uint32_t select)
{
	return select < 2 ? (uint32_t)(features >> (32 * select)) : 0;
}

static uint64_t device_select_get(struct virtio_pci *vp)
{
	return vp->device_select;
}

static void device_select_set(struct virtio_pci *vp, uint64_t val)
{
	vp->device_select = val;
}

static uint64_t device_feature_get(struct virtio_pci *vp)
{
	return half(vp->v.offered, vp->device_select);
}

static uint64_t driver_select_get(struct virtio_pci *vp)
{
	return vp->driver_select;
}

static void driver_select_set(struct virtio_pci *vp, uint64_t val)
{
	vp->driver_select = val;
}

static uint64_t driver_feature_get(struct virtio_pci *vp)
{
	return half(vp->driver_features, vp->driver_select);
}

static void driver_feature_set(struct virtio_pci *vp, uint64_t val)
{
	unsigned int shift = 32 * vp->driver_select;

	if (vp->driver_select > 1 ||
	    atomic_load(&vp->status) & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	vp->driver_features &= ~(0xffffffffull << shift);
	vp->driver_features |= (uint64_t)(uint32_t)val << shift;
}

/* ---- common configuration: vectors and queues ---- */

/* A vector we do not have reads back as none (virtio 1.2, 4.1.5.1.2.1) */
static uint16_t vector_checked(const struct virtio_pci *vp, uint64_t val)
{
	return val <= vp->v.ops->n_queues ? val : VIRTIO_MSI_NO_VECTOR;
}

static uint64_t config_vector_get(struct virtio_pci *vp)
{
	return vp->config_vector;
}

static void config_vector_set(struct virtio_pci *vp, uint64_t val)
{
	if (!frozen(vp))
		vp->config_vector = vector_checked(vp, val);
}

static uint64_t num_queues_get(struct virtio_pci *vp)
{
	return vp->v.ops->n_queues;
}

/* No device changes its configuration, so there is one generation. */
static uint64_t generation_get(struct virtio_pci *vp)
{
	(void)vp;
	return 0;
}

static uint64_t queue_select_get(struct virtio_pci *vp)
{
	return vp->queue_select;
}

static void queue_select_set(struct virtio_pci *vp, uint64_t val)
{
	vp->queue_select = val;
}

/* The selected queue, or NULL: its registers read 0 and take no writes. */
static struct queue_regs *selected(struct virtio_pci *vp)
{
	return vp->queue_select < vp->v.ops->n_queues ?
	       &vp->queue[vp->queue_select] : NULL;
}

/* The same for a write: also not once enabled or frozen. */
static struct queue_regs *settable(struct virtio_pci *vp)
{
	struct queue_regs *q = selected(vp);

	return q && !q->enabled && !frozen(vp) ? q : NULL;
}

static void queue_size_set(struct virtio_pci *vp, uint64_t val)
{
	struct queue_regs *q = settable(vp);

	if (q && val && val <= vp->v.ops->queue_size && !(val & (val - 1)))
		q->at.size = val;
}

static void queue_vector_set(struct virtio_pci *vp, uint64_t val)
{
	struct queue_regs *q = settable(vp);

	if (q)
		q->vector = vector_checked(vp, val);
}

static uint64_t queue_enable_get(struct virtio_pci *vp)
{
	struct queue_regs *q = selected(vp);

	return q && q->enabled;
}

static void queue_enable_set(struct virtio_pci *vp, uint64_t val)
{
	struct queue_regs *q = settable(vp);
	struct gmem *mem = vp->v.dev->vmm->gmem;

	if (!q || val != 1 ||
	    !(atomic_load(&vp->status) & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	if (virtq_layout_check(mem, &q->at)) {
		vmm_info(vp->v.dev->vmm, "%s: queue %u is not placed in memory",
			 vp->v.dev->path, vp->queue_select);
		needs_reset(&vp->v);
		return;
	}
	q->enabled = true;
}

static uint64_t queue_notify_off_get(struct virtio_pci *vp)
{
	return selected(vp) ? vp->queue_select : 0;
}

/*
 * virtio 1.2, 4.1.4.3. What has no functions is a field of the selected queue;
 * @set NULL otherwise: read-only.
 */
static const struct common_reg {
	uint8_t off;
	uint8_t size;
	uint8_t field;		/* in struct queue_regs, without @get */
	uint64_t (*get)(struct virtio_pci *vp);
	void (*set)(struct virtio_pci *vp, uint64_t val);
} common_regs[] = {
	{  0, 4, 0, device_select_get, device_select_set },
	{  4, 4, 0, device_feature_get, NULL },
	{  8, 4, 0, driver_select_get, driver_select_set },
	{ 12, 4, 0, driver_feature_get, driver_feature_set },
	{ 16, 2, 0, config_vector_get, config_vector_set },
	{ 18, 2, 0, num_queues_get, NULL },
	{ 20, 1, 0, status_get, status_set },
	{ 21, 1, 0, generation_get, NULL },
	{ 22, 2, 0, queue_select_get, queue_select_set },
	{ 24, 2, offsetof(struct queue_regs, at.size), NULL, queue_size_set },
	{ 26, 2, offsetof(struct queue_regs, vector), NULL, queue_vector_set },
	{ 28, 2, 0, queue_enable_get, queue_enable_set },
	{ 30, 2, 0, queue_notify_off_get, NULL },
	{ 32, 8, offsetof(struct queue_regs, at.desc), NULL, NULL },
	{ 40, 8, offsetof(struct queue_regs, at.avail), NULL, NULL },
	{ 48, 8, offsetof(struct queue_regs, at.used), NULL, NULL },
};

static uint64_t reg_get(struct virtio_pci *vp, const struct common_reg *r)
{
	struct queue_regs *q = selected(vp);
	uint64_t val = 0;

	if (r->get)
		return r->get(vp);
	if (q)
		memcpy(&val, (char *)q + r->field, r->size);
	return val;
}

static void reg_set(struct virtio_pci *vp, const struct common_reg *r,
		    uint64_t val)
{
	struct queue_regs *q = settable(vp);

	if (r->set)
		r->set(vp, val);
	else if (!r->get && q)
		memcpy((char *)q + r->field, &val, r->size);
}

/* A field at its natural width, or half of a 64-bit one (4.1.3.1) */
static int common_access(struct virtio_pci *vp, uint64_t off, void *data,
			 unsigned int len, bool write)
{
	const struct common_reg *r = common_regs;
	const struct common_reg *end = r + sizeof(common_regs) / sizeof(*r);
	unsigned int shift;
	uint64_t val = 0, mask;

	while (r < end && off >= (uint64_t)r->off + r->size)
		r++;
	if (r == end || (len != r->size && !(r->size == 8 && len == 4)) ||
	    (off - r->off) % len)
		return -EINVAL;
	shift = 8 * (off - r->off);
	if (!write) {
		val = reg_get(vp, r) >> shift;
		memcpy(data, &val, len);
		return 0;
	}
	memcpy(&val, data, len);
	mask = len == 8 ? ~0ull : ((1ull << (8 * len)) - 1) << shift;
	val <<= shift;
	if (mask != ~0ull && r->size == 8)
		val |= reg_get(vp, r) & ~mask;
	reg_set(vp, r, val);
	return 0;
}

/* ---- the other pages ---- */

static int isr_access(struct virtio_pci *vp, uint64_t off, void *data,
		      unsigned int len, bool write)
{
	if (off || len != 1)
		return -EINVAL;
	if (!write)
		*(uint8_t *)data = isr_take(vp);
	return 0;
}

static int device_access(struct virtio_pci *vp, uint64_t off, void *data,
			 unsigned int len, bool write)
{
	if (off >= vp->v.config_len || len > vp->v.config_len - off)
		return -EINVAL;
	if (!write)
		memcpy(data, (const char *)vp->v.config + off, len);
	return 0;
}

/* Only when the kernel did not take it: then the doorbell is rung here. */
static int notify_access(struct virtio_pci *vp, uint64_t off, void *data,
			 unsigned int len, bool write)
{
	(void)data;
	(void)len;
	if (off % NOTIFY_STEP || off / NOTIFY_STEP >= vp->v.ops->n_queues)
		return -EINVAL;
	if (!write)
		return -EINVAL;
	virtio_core_kick(&vp->v, off / NOTIFY_STEP);
	return 0;
}

static int table_access(struct virtio_pci *vp, uint64_t off, void *data,
			unsigned int len, bool write)
{
	msix_table(vp->f.msix, off, data, len, write);
	return 0;
}

static int pba_access(struct virtio_pci *vp, uint64_t off, void *data,
		      unsigned int len, bool write)
{
	msix_pba(vp->f.msix, off, data, len, write);
	return 0;
}

static int (*const pages[PAGES])(struct virtio_pci *vp, uint64_t off,
				 void *data, unsigned int len, bool write) = {
	[PAGE_COMMON]		= common_access,
	[PAGE_ISR]		= isr_access,
	[PAGE_DEVICE]		= device_access,
	[PAGE_NOTIFY]		= notify_access,
	[PAGE_MSIX_TABLE]	= table_access,
	[PAGE_MSIX_PBA]		= pba_access,
};

static int bar_access(void *opaque, uint64_t off, void *data,
		      unsigned int len, bool write)
{
	uint64_t in_page = off & (PAGE_BYTES - 1);
	unsigned int page = off >> PAGE_SHIFT;

	if (page >= PAGES || in_page + len > PAGE_BYTES)
		return -EINVAL;
	return pages[page](opaque, in_page, data, len, write);
}

/* ---- PCI function ---- */

static void bar_mapped(struct pci_func *f, unsigned int bar, bool mapped)
{
	struct virtio_pci *vp = f->opaque;
	uint64_t bell = f->bar[bar].base + PAGE_NOTIFY * PAGE_BYTES;

	/* any length, any value: KVM can then answer without a decode */
	for (unsigned int q = 0; q < vp->v.ops->n_queues; q++)
		bus_doorbell(f->dev->vmm, BUS_MMIO, bell + q * NOTIFY_STEP, 0,
			     false, 0, vp->v.kick[q].fd, mapped);
}

static void bus_master(struct pci_func *f, bool on)
{
	struct virtio_pci *vp = f->opaque;

	virtio_core_suspend(&vp->v, !on);
}

/* The access capability: a window into the BAR (4.1.4.9) */
static bool cfg_window(struct pci_func *f, unsigned int off, unsigned int len,
		       bool write)
{
	struct virtio_pci *vp = f->opaque;
	unsigned int at = vp->cfg_cap + sizeof(struct virtio_pci_cap);
	struct virtio_pci_cap cap;

	if (!vp->cfg_cap || off >= at + 4 || at >= off + len)
		return false;
	memcpy(&cap, f->cfg + vp->cfg_cap, sizeof(cap));
	if (cap.bar != BAR_INDEX || cap.offset > BAR_SIZE - 4 ||
	    (cap.length != 1 && cap.length != 2 && cap.length != 4) ||
	    cap.offset % cap.length)
		return false;
	if (!write)
		memset(f->cfg + at, 0xff, 4);
	return !bar_access(vp, cap.offset, f->cfg + at, cap.length, write);
}

static void cap_read(struct pci_func *f, unsigned int off, unsigned int len)
{
	cfg_window(f, off, len, false);
}

static void cap_write(struct pci_func *f, unsigned int off, unsigned int len)
{
	cfg_window(f, off, len, true);
}

static const struct pci_func_ops func_ops = {
	.bar_mapped = bar_mapped,
	.bus_master = bus_master,
	.cap_read = cap_read,
	.cap_write = cap_write,
};

/* ---- creation ---- */

static int add_cap(struct virtio_pci *vp, uint8_t type, enum page page,
		   uint32_t len)
{
	struct virtio_pci_cfg_cap cap = {
		.cap.cfg_type = type,
		.cap.bar = BAR_INDEX,
		.cap.offset = page * PAGE_BYTES,
		.cap.length = len,
	}, wmask = { 0 };
	uint32_t step = NOTIFY_STEP;
	unsigned int size = sizeof(cap.cap);

	if (type == VIRTIO_PCI_CAP_NOTIFY_CFG) {
		memcpy(cap.pci_cfg_data, &step, 4);
		size = sizeof(cap);
	} else if (type == VIRTIO_PCI_CAP_PCI_CFG) {
		size = sizeof(cap);
		wmask.cap.bar = 0xff;
		wmask.cap.offset = ~0u;
		wmask.cap.length = ~0u;
		memset(wmask.pci_cfg_data, 0xff, 4);
	}
	cap.cap.cap_len = size;
	/* the header's two bytes are the list's business */
	return pci_func_add_cap(&vp->f, PCI_CAP_ID_VNDR, (char *)&cap + 2,
				size - 2, (char *)&wmask + 2);
}

static int add_caps(struct virtio_pci *vp)
{
	unsigned int n = vp->v.ops->n_queues;
	int ret;

	ret = add_cap(vp, VIRTIO_PCI_CAP_COMMON_CFG, PAGE_COMMON, COMMON_LEN);
	if (ret >= 0)
		ret = add_cap(vp, VIRTIO_PCI_CAP_ISR_CFG, PAGE_ISR, 1);
	/* 4.1.4.6: only for devices that have a configuration */
	if (ret >= 0 && vp->v.config_len)
		ret = add_cap(vp, VIRTIO_PCI_CAP_DEVICE_CFG, PAGE_DEVICE,
			      vp->v.config_len);
	if (ret >= 0)
		ret = add_cap(vp, VIRTIO_PCI_CAP_NOTIFY_CFG, PAGE_NOTIFY,
			      n * NOTIFY_STEP);
	if (ret >= 0)
		ret = add_cap(vp, VIRTIO_PCI_CAP_PCI_CFG, 0, 0);
	if (ret < 0)
		return ret;
	vp->cfg_cap = ret;
	return msix_add(&vp->f, n + 1, BAR_INDEX, PAGE_MSIX_TABLE * PAGE_BYTES,
			PAGE_MSIX_PBA * PAGE_BYTES);
}

static int func_setup(struct virtio_pci *vp, struct vmm_dev *dev)
{
	const struct pci_ids ids = {
		.vendor = 0x1af4,
		.device = 0x1040 + vp->v.ops->id,	/* 4.1.2.1 */
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = vp->v.ops->class_code,
		.revision = 1,
	};
	int ret = pci_func_init(&vp->f, dev, &ids, &func_ops, vp);

	if (!ret)
		ret = pci_func_add_bar(&vp->f, BAR_INDEX, PCI_BAR_MEM32,
				       BAR_SIZE, bar_access);
	if (!ret)
		ret = add_caps(vp);
	if (!ret)
		ret = pci_func_add_intx(&vp->f);
	if (!ret)
		ret = pci_func_register(&vp->f);
	return ret;
}

struct virtio_dev *virtio_new(struct vmm_dev *dev,
			      const struct virtio_params *p)
{
	struct virtio_pci *vp = calloc(1, sizeof(*vp));
	int ret;

	if (!vp) {
		vmm_err("%s: out of memory", dev->path);
		return NULL;
	}
	pthread_mutex_init(&vp->isr_lock, NULL);
	ret = virtio_core_init(&vp->v, dev, p, &transport);
	if (ret) {
		free(vp);
		return NULL;
	}
	vp->v.offered |= FEATURES_OF_RINGS;
	vp->v.suspended = true;		/* until bus mastering is on */
	regs_default(vp);
	ret = virtio_core_listen(&vp->v);
	if (!ret)
		ret = func_setup(vp, dev);
	if (!ret)
		return &vp->v;
	vmm_err("%s: cannot set up the PCI function: %s", dev->path,
		strerror(-ret));
	virtio_delete(&vp->v);
	return NULL;
}

void virtio_power_on(struct virtio_dev *v)
{
	struct virtio_pci *vp = to_vp(v);

	device_reset(vp);
	virtio_core_suspend(v, true);
	pci_func_reset(&vp->f);
}

void virtio_delete(struct virtio_dev *v)
{
	struct virtio_pci *vp;

	if (!v)
		return;
	vp = to_vp(v);
	/* the doorbells go before the eventfds they ring */
	pci_func_free(&vp->f);
	virtio_core_exit(v);
	pthread_mutex_destroy(&vp->isr_lock);
	free(vp);
}
