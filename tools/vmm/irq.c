// SPDX-License-Identifier: GPL-2.0-only
/* Lines, messages and eventfds behind one handle; the table of GSI routes. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "irq.h"
#include "kvm_abi.h"
#include "log.h"
#include "vmm.h"

#define PIC_LINES	16
#define IOAPIC_LINES	24
#define MSI_GSI_FIRST	IOAPIC_LINES
#define MSI_GSI_MAX	1024	/* far below KVM's 4096 routes */

/* (c) constant, (l) irqs.lock */
struct irq {
	struct vmm *vmm;		/* (c) */
	bool msi;			/* (c) */
	int gsi;			/* (c) for lines, (l) for messages: -1 until routed */
	int level;			/* (l) lines: what this device asks for */
	int efd;			/* (l) -1 until asked for */
	bool bound;			/* (l) efd is a KVM irqfd now */
	bool masked, pending;		/* (l) messages only */
	bool routed, stale;		/* (l) has an address; the kernel has an older one */
	uint64_t addr;			/* (l) */
	uint32_t data, devid;		/* (l) */
};

struct irqs {
	pthread_mutex_t lock;
	unsigned int asserted[IOAPIC_LINES];	/* (l) handles that hold this line up */
	bool complained;			/* (l) guests can make routing fail */
	struct irq **msi;			/* (l) by GSI - MSI_GSI_FIRST */
	unsigned int n_msi;			/* (l) */
};

int irqs_init(struct vmm *vmm)
{
	vmm->irqs = calloc(1, sizeof(*vmm->irqs));
	if (!vmm->irqs)
		return -ENOMEM;
	pthread_mutex_init(&vmm->irqs->lock, NULL);
	return 0;
}

void irqs_free(struct vmm *vmm)
{
	if (!vmm->irqs)
		return;
	pthread_mutex_destroy(&vmm->irqs->lock);
	free(vmm->irqs->msi);
	free(vmm->irqs);
	vmm->irqs = NULL;
}

static void add_chip_route(struct kvm_irq_routing *t, unsigned int gsi, unsigned int chip,
			   unsigned int pin)
{
	struct kvm_irq_routing_entry *e = &t->entries[t->nr++];

	e->gsi = gsi;
	e->type = KVM_IRQ_ROUTING_IRQCHIP;
	e->u.irqchip.irqchip = chip;
	e->u.irqchip.pin = pin;
}

/*
 * Writes the whole table: there is no smaller update. GSI 0, the PIT, is
 * wired to IOAPIC pin 2 as the MADT says; pin 2 of the PICs is the cascade.
 */
static int set_routes(struct vmm *vmm)
{
	struct irqs *irqs = vmm->irqs;
	size_t rows = PIC_LINES + IOAPIC_LINES + irqs->n_msi;
	struct kvm_irq_routing *t;
	int ret = 0;

	t = calloc(1, sizeof(*t) + rows * sizeof(t->entries[0]));
	if (!t)
		return -ENOMEM;
	for (unsigned int i = 0; i < PIC_LINES; i++)
		if (i != 2)
			add_chip_route(t, i, i < 8 ? KVM_IRQCHIP_PIC_MASTER :
				       KVM_IRQCHIP_PIC_SLAVE, i & 7);
	for (unsigned int i = 0; i < IOAPIC_LINES; i++)
		if (i != 2)
			add_chip_route(t, i, KVM_IRQCHIP_IOAPIC, i ? i : 2);
	for (unsigned int i = 0; i < irqs->n_msi; i++) {
		struct irq *irq = irqs->msi[i];
		struct kvm_irq_routing_entry *e;

		if (!irq || !irq->routed)
			continue;
		e = &t->entries[t->nr++];
		e->gsi = MSI_GSI_FIRST + i;
		e->type = KVM_IRQ_ROUTING_MSI;
		e->u.msi.address_lo = (uint32_t)irq->addr;
		e->u.msi.address_hi = (uint32_t)(irq->addr >> 32);
		e->u.msi.data = irq->data;
	}
	if (vmm->vm_fd >= 0 && ioctl(vmm->vm_fd, KVM_SET_GSI_ROUTING, t) < 0)
		ret = -errno;
	free(t);
	if (ret && !irqs->complained) {
		vmm_err("cannot set interrupt routes: %s", strerror(-ret));
		irqs->complained = true;
	}
	return ret;
}

int irqs_route(struct vmm *vmm)
{
	int ret;

	pthread_mutex_lock(&vmm->irqs->lock);
	ret = set_routes(vmm);
	pthread_mutex_unlock(&vmm->irqs->lock);
	return ret;
}

static struct irq *irq_new(struct vmm *vmm, bool msi, int gsi)
{
	struct irq *irq = calloc(1, sizeof(*irq));

	if (!irq)
		return NULL;
	irq->vmm = vmm;
	irq->msi = msi;
	irq->gsi = gsi;
	irq->efd = -1;
	irq->masked = msi;
	return irq;
}

struct irq *irq_line(struct vmm *vmm, unsigned int gsi)
{
	if (gsi >= IOAPIC_LINES || gsi == 2)
		return NULL;
	return irq_new(vmm, false, (int)gsi);
}

struct irq *irq_msi(struct vmm *vmm)
{
	return irq_new(vmm, true, -1);
}

/* A message needs a GSI only when an eventfd raises it. */
static int take_gsi(struct irq *irq)
{
	struct irqs *irqs = irq->vmm->irqs;
	unsigned int i;

	if (irq->gsi >= 0)
		return 0;
	for (i = 0; i < irqs->n_msi && irqs->msi[i]; i++)
		;
	if (i == irqs->n_msi) {
		struct irq **msi;

		if (i == MSI_GSI_MAX - MSI_GSI_FIRST)
			return -ENOSPC;
		msi = realloc(irqs->msi, (i + 8) * sizeof(*msi));
		if (!msi)
			return -ENOMEM;
		for (unsigned int j = i; j < i + 8; j++)
			msi[j] = NULL;
		irqs->msi = msi;
		irqs->n_msi = i + 8;
	}
	irqs->msi[i] = irq;
	irq->gsi = MSI_GSI_FIRST + (int)i;
	irq->stale = true;
	return 0;
}

static int bind_eventfd(struct irq *irq, bool bind)
{
	struct kvm_irqfd req = {
		.fd = (uint32_t)irq->efd, .gsi = (uint32_t)irq->gsi,
		.flags = bind ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (irq->bound == bind)
		return 0;
	if (irq->vmm->vm_fd >= 0 && ioctl(irq->vmm->vm_fd, KVM_IRQFD, &req) < 0)
		return -errno;
	irq->bound = bind;
	return 0;
}

/*
 * Makes the kernel's view fit: a masked message's eventfd is unbound, so what
 * is written to it stays in its counter, and binding delivers that.
 */
static int sync_msi(struct irq *irq)
{
	int ret;

	if (irq->efd < 0)
		return 0;
	if (irq->masked || !irq->routed)
		return bind_eventfd(irq, false);
	ret = take_gsi(irq);
	if (!ret && irq->stale)
		ret = set_routes(irq->vmm);
	if (ret)
		return ret;
	irq->stale = false;
	return bind_eventfd(irq, true);
}

static int send_msi(struct irq *irq)
{
	struct kvm_msi msi = {
		.address_lo = (uint32_t)irq->addr, .address_hi = (uint32_t)(irq->addr >> 32),
		.data = irq->data,
	};

	irq->pending = false;
	if (irq->vmm->vm_fd >= 0 && ioctl(irq->vmm->vm_fd, KVM_SIGNAL_MSI, &msi) < 0)
		return -errno;
	return 0;
}

int irq_msi_route(struct irq *irq, uint64_t addr, uint32_t data, uint32_t devid)
{
	struct irqs *irqs = irq->vmm->irqs;
	int ret = 0;

	if (!irq->msi)
		return -EINVAL;
	pthread_mutex_lock(&irqs->lock);
	if (!irq->routed || irq->addr != addr || irq->data != data) {
		irq->addr = addr;
		irq->data = data;
		irq->devid = devid;
		irq->routed = true;
		irq->stale = true;
		ret = sync_msi(irq);
	}
	pthread_mutex_unlock(&irqs->lock);
	return ret;
}

int irq_msi_mask(struct irq *irq, bool mask)
{
	struct irqs *irqs = irq->vmm->irqs;
	int ret = 0;

	if (!irq->msi)
		return -EINVAL;
	pthread_mutex_lock(&irqs->lock);
	if (irq->masked != mask) {
		irq->masked = mask;
		ret = sync_msi(irq);
		if (!mask && irq->pending && irq->routed)
			send_msi(irq);
	}
	pthread_mutex_unlock(&irqs->lock);
	return ret;
}

bool irq_msi_pending(struct irq *irq)
{
	struct irqs *irqs = irq->vmm->irqs;
	bool pending;

	pthread_mutex_lock(&irqs->lock);
	pending = irq->pending;
	if (!pending && irq->masked && irq->efd >= 0) {
		struct pollfd p = { .fd = irq->efd, .events = POLLIN };

		pending = poll(&p, 1, 0) == 1;
	}
	pthread_mutex_unlock(&irqs->lock);
	return pending;
}

static int drive_line(struct irq *irq, int level)
{
	struct kvm_irq_level req = { .irq = (uint32_t)irq->gsi, .level = (uint32_t)level };

	if (irq->vmm->vm_fd >= 0 && ioctl(irq->vmm->vm_fd, KVM_IRQ_LINE, &req) < 0)
		return -errno;
	return 0;
}

int irq_set(struct irq *irq, int level)
{
	struct irqs *irqs = irq->vmm->irqs;
	int ret = 0;

	if (irq->msi)
		return -EINVAL;
	level = !!level;
	pthread_mutex_lock(&irqs->lock);
	if (level != irq->level) {
		unsigned int *n = &irqs->asserted[irq->gsi];

		irq->level = level;
		*n += level ? 1u : -1u;
		if (*n == (unsigned int)level)
			ret = drive_line(irq, level);
	}
	pthread_mutex_unlock(&irqs->lock);
	return ret;
}

int irq_pulse(struct irq *irq)
{
	struct irqs *irqs = irq->vmm->irqs;
	int ret = 0;

	pthread_mutex_lock(&irqs->lock);
	if (!irq->msi) {
		ret = drive_line(irq, 1);
		if (!ret)
			ret = drive_line(irq, 0);
	} else if (irq->masked || !irq->routed) {
		irq->pending = true;
	} else {
		ret = send_msi(irq);
	}
	pthread_mutex_unlock(&irqs->lock);
	return ret;
}

int irq_eventfd(struct irq *irq)
{
	struct irqs *irqs = irq->vmm->irqs;
	int ret = 0;

	pthread_mutex_lock(&irqs->lock);
	if (irq->efd < 0) {
		irq->efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (irq->efd < 0)
			ret = -errno;
		else
			ret = irq->msi ? sync_msi(irq) : bind_eventfd(irq, true);
		if (ret && irq->efd >= 0) {
			close(irq->efd);
			irq->efd = -1;
		}
	}
	if (!ret)
		ret = irq->efd;
	pthread_mutex_unlock(&irqs->lock);
	return ret;
}

bool irq_line_up(struct vmm *vmm, unsigned int gsi)
{
	struct irqs *irqs = vmm->irqs;
	bool up;

	pthread_mutex_lock(&irqs->lock);
	up = gsi < IOAPIC_LINES && irqs->asserted[gsi];
	pthread_mutex_unlock(&irqs->lock);
	return up;
}

void irq_free(struct irq *irq)
{
	struct irqs *irqs;

	if (!irq)
		return;
	irqs = irq->vmm->irqs;
	if (!irq->msi)
		irq_set(irq, 0);
	pthread_mutex_lock(&irqs->lock);
	if (irq->efd >= 0) {
		bind_eventfd(irq, false);
		close(irq->efd);
	}
	/* The stale route harms nobody; the next update drops it. */
	if (irq->msi && irq->gsi >= 0)
		irqs->msi[irq->gsi - MSI_GSI_FIRST] = NULL;
	pthread_mutex_unlock(&irqs->lock);
	free(irq);
}
