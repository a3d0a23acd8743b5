/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interrupt as a device sees it: one handle, whether it is a line of the
 * interrupt controllers or a message (MSI). Safe from any thread; none of
 * these takes a device lock.
 */
#ifndef VMM_IRQ_H
#define VMM_IRQ_H

#include <stdbool.h>
#include <stdint.h>

struct irq;
struct irqs;
struct vmm;

int irqs_init(struct vmm *vmm);
void irqs_free(struct vmm *vmm);
/* Gives the kernel the first routes; the interrupt controllers exist. */
int irqs_route(struct vmm *vmm);

/*
 * A line: GSI @gsi of the PIC and IOAPIC. NULL when out of range or memory.
 * Several handles may share a level-triggered line: it is the OR of them.
 */
struct irq *irq_line(struct vmm *vmm, unsigned int gsi);

/*
 * A message: takes a free GSI; says nothing until irq_msi_route() gave it an
 * address and it is not masked. NULL when all are taken.
 */
struct irq *irq_msi(struct vmm *vmm);
int irq_msi_route(struct irq *irq, uint64_t addr, uint32_t data, uint32_t devid);

/*
 * While masked a message is not delivered; one raised by irq_pulse() or
 * through the eventfd meanwhile is kept, shown by irq_msi_pending() and sent
 * at unmask. New handles are masked.
 */
int irq_msi_mask(struct irq *irq, bool mask);
bool irq_msi_pending(struct irq *irq);

int irq_set(struct irq *irq, int level);	/* lines only */
int irq_pulse(struct irq *irq);			/* an edge, or one message */

/*
 * An eventfd that raises the interrupt when written, bound on first use
 * (KVM_IRQFD); -errno when that fails. Owned by the handle: do not close.
 */
int irq_eventfd(struct irq *irq);

/* Whether any handle holds the line up; for tests and dumps. */
bool irq_line_up(struct vmm *vmm, unsigned int gsi);

void irq_free(struct irq *irq);

#endif
