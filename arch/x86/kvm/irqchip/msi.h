/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to local APICs, and which of them hardware may post; knows no vCPU, for tests. */
#ifndef KVM_X86_MSI_H
#define KVM_X86_MSI_H

#include <asm/apicdef.h>
#include <linux/bits.h>
#include <linux/types.h>

struct lapic;

/* A message between APICs */
struct lapic_irq {
	u32 dest;
	u32 shorthand;		/* APIC_DEST_SELF, _ALLINC, _ALLBUT or 0 */
	u32 mode;		/* APIC_DM_* */
	u8 vector;
	bool logical;
	bool level;		/* asserted */
	bool trig_level;
	bool wide;		/* @dest is an x2APIC id */
	bool msi;		/* redirection hint: lowest priority */
};

/* SDM 3A 10.11: address and data of a message signalled interrupt. */
static inline struct lapic_irq msi_message(u32 lo, u32 hi, u32 data, bool wide_ids)
{
	struct lapic_irq irq = {
		.dest = (lo >> 12) & 0xff,
		.logical = lo & BIT(2),
		.msi = lo & BIT(3),
		.vector = data & 0xff,
		.mode = data & APIC_MODE_MASK,
		.trig_level = data & BIT(15),
		.level = true,
	};

	if (wide_ids) {
		irq.dest |= hi & 0xffffff00;
		irq.wide = hi & 0xffffff00;
	}
	return irq;
}

/* What is posted is a vector and an edge. Those below 16 are errors to an APIC. */
static inline bool msi_may_post(const struct lapic_irq *irq)
{
	return (irq->mode == APIC_DM_FIXED || irq->mode == APIC_DM_LOWEST) &&
	       !irq->trig_level && irq->vector >= 16;
}

/* The APICs that a message means */
struct msi_target {
	struct lapic *apic;
	unsigned int n;
};

/* @takes: what hardware posts to it */
static inline void msi_target_add(struct msi_target *t, struct lapic *apic, bool takes)
{
	t->apic = !t->n && takes ? apic : NULL;
	t->n++;
}

#endif
