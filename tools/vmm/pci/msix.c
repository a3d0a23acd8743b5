// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI-X.  A vector takes its interrupt handle (a GSI with an irqfd) when it
 * is first unmasked and gives it back when the function disables MSI-X.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <linux/pci_regs.h>

#include "device.h"
#include "irq.h"
#include "log.h"
#include "msix.h"
#include "pci.h"

/* Words of a table entry (PCI 3.0, 6.8.2.6 to 6.8.2.9) */
enum { WORD_ADDR_LO, WORD_ADDR_HI, WORD_DATA, WORD_CTRL, WORDS };

static const uint32_t word_mask[WORDS] = {
	[WORD_ADDR_LO]	= ~3u,
	[WORD_ADDR_HI]	= ~0u,
	[WORD_DATA]	= ~0u,
	[WORD_CTRL]	= PCI_MSIX_ENTRY_CTRL_MASKBIT,
};

struct vector {
	uint32_t word[WORDS];
	struct irq *irq;
	int fd;			/* the irqfd; with irq */
	bool routed;		/* route_addr and route_data are in force */
	bool pending;		/* raised while there was no handle */
	uint64_t route_addr;
	uint32_t route_data;
};

/* Everything by lock, but for what msix_add() set. */
struct msix {
	struct vmm *vmm;
	uint32_t devid;
	unsigned int count;
	pthread_mutex_t lock;
	bool enabled;
	bool masked;		/* the whole function */
	struct vector vec[MSIX_MAX];
};

int msix_add(struct pci_func *f, unsigned int count, unsigned int bar,
	     uint32_t table_off, uint32_t pba_off)
{
	static const uint8_t writable[10] = {
		[1] = (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8,
	};
	uint16_t ctrl = count - 1;
	uint32_t where[2] = { table_off | bar, pba_off | bar };
	uint8_t body[10];
	struct msix *m;
	int cap;

	if (!count || count > MSIX_MAX)
		return -EINVAL;
	memcpy(body, &ctrl, 2);
	memcpy(body + 2, where, 8);
	cap = pci_func_add_cap(f, PCI_CAP_ID_MSIX, body, sizeof(body),
			       writable);
	if (cap < 0)
		return cap;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->vmm = f->dev->vmm;
	m->devid = f->devfn;
	m->count = count;
	pthread_mutex_init(&m->lock, NULL);
	f->msix = m;
	f->msix_cap = cap;
	msix_reset(m);
	return 0;
}

static void vector_release(struct vector *v)
{
	if (v->irq)
		irq_free(v->irq);
	v->irq = NULL;
	v->fd = -1;
	v->routed = false;
	v->pending = false;
}

void msix_reset(struct msix *m)
{
	pthread_mutex_lock(&m->lock);
	m->enabled = false;
	m->masked = false;
	for (unsigned int i = 0; i < m->count; i++) {
		struct vector *v = &m->vec[i];

		vector_release(v);
		memset(v->word, 0, sizeof(v->word));
		v->word[WORD_CTRL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
	pthread_mutex_unlock(&m->lock);
}

void msix_free(struct msix *m)
{
	if (!m)
		return;
	msix_reset(m);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static int vector_bind(struct msix *m, struct vector *v)
{
	if (v->irq)
		return 0;
	v->irq = irq_msi(m->vmm);
	if (!v->irq)
		return -ENOSPC;
	v->fd = irq_eventfd(v->irq);
	if (v->fd >= 0)
		return 0;
	irq_free(v->irq);
	v->irq = NULL;
	return -EIO;
}

static int vector_route(struct msix *m, struct vector *v)
{
	uint64_t addr = v->word[WORD_ADDR_LO] |
			(uint64_t)v->word[WORD_ADDR_HI] << 32;
	uint32_t data = v->word[WORD_DATA];
	int ret;

	if (v->routed && v->route_addr == addr && v->route_data == data)
		return 0;
	ret = irq_msi_route(v->irq, addr, data, m->devid);
	v->routed = !ret;
	v->route_addr = addr;
	v->route_data = data;
	return ret;
}

/* Bring the handle in line with the masks, address and data. */
static void vector_update(struct msix *m, struct vector *v)
{
	bool open = m->enabled && !m->masked &&
		    !(v->word[WORD_CTRL] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
	int ret;

	if (!open) {
		if (v->irq)
			irq_msi_mask(v->irq, true);
		return;
	}
	ret = vector_bind(m, v);
	if (!ret)
		ret = vector_route(m, v);
	if (ret) {
		vmm_info(m->vmm, "pci: vector %td of function %#x has no route: %s",
			 v - m->vec, m->devid, strerror(-ret));
		return;
	}
	irq_msi_mask(v->irq, false);
	if (v->pending) {
		v->pending = false;
		irq_pulse(v->irq);
	}
}

void msix_control(struct msix *m, uint16_t control)
{
	pthread_mutex_lock(&m->lock);
	m->enabled = control & PCI_MSIX_FLAGS_ENABLE;
	m->masked = control & PCI_MSIX_FLAGS_MASKALL;
	for (unsigned int i = 0; i < m->count; i++) {
		if (!m->enabled)
			vector_release(&m->vec[i]);
		else
			vector_update(m, &m->vec[i]);
	}
	pthread_mutex_unlock(&m->lock);
}

bool msix_enabled(struct msix *m)
{
	bool on;

	pthread_mutex_lock(&m->lock);
	on = m->enabled;
	pthread_mutex_unlock(&m->lock);
	return on;
}

/* Dwords and aligned quadwords only (PCI 3.0, 6.8.2) */
static bool access_ok(uint64_t off, unsigned int len, uint64_t size)
{
	return (len == 4 || len == 8) && !(off % len) && off + len <= size;
}

void msix_table(struct msix *m, uint64_t off, void *data, unsigned int len,
		bool write)
{
	if (!access_ok(off, len, m->count * MSIX_ENTRY_SIZE))
		return;
	pthread_mutex_lock(&m->lock);
	for (unsigned int i = 0; i < len / 4; i++) {
		unsigned int n = off / 4 + i;
		uint32_t *w = &m->vec[n / WORDS].word[n % WORDS];
		uint32_t val;

		if (write) {
			memcpy(&val, (char *)data + i * 4, 4);
			*w = val & word_mask[n % WORDS];
		} else {
			memcpy((char *)data + i * 4, w, 4);
		}
	}
	if (write)
		vector_update(m, &m->vec[off / MSIX_ENTRY_SIZE]);
	pthread_mutex_unlock(&m->lock);
}

void msix_pba(struct msix *m, uint64_t off, void *data, unsigned int len,
	      bool write)
{
	uint64_t bits = 0;

	/* 64 vectors at most: one quadword holds them all */
	if (write || !access_ok(off, len, 8))
		return;
	pthread_mutex_lock(&m->lock);
	for (unsigned int i = 0; i < m->count; i++) {
		struct vector *v = &m->vec[i];

		if (v->pending || (v->irq && irq_msi_pending(v->irq)))
			bits |= 1ull << i;
	}
	pthread_mutex_unlock(&m->lock);
	bits >>= off * 8;
	memcpy(data, &bits, len);
}

void msix_raise(struct msix *m, unsigned int vec)
{
	struct vector *v;

	if (vec >= m->count)
		return;
	pthread_mutex_lock(&m->lock);
	v = &m->vec[vec];
	if (!m->enabled)
		v->pending = false;
	else if (v->irq && v->routed)
		eventfd_write(v->fd, 1);
	else
		v->pending = true;
	pthread_mutex_unlock(&m->lock);
}
