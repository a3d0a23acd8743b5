// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI fixed hardware (ACPI 6.4, 4.8): PM1a event and control blocks, the PM
 * timer, the power button; and the reset register at its own port.
 * Not done: the timer's carry as an interrupt (TMR_EN), which no guest uses
 * since the counter has 32 bits.
 */
#include <stdlib.h>
#include <string.h>

#include "irq.h"
#include "isa.h"
#include "log.h"
#include "loop.h"
#include "vmm.h"

#define PM1_STS		0
#define PM1_EN		2
#define PM1_CNT		4
#define PM_TMR		8

#define STS_TMR		0x0001
#define STS_GBL		0x0020
#define STS_PWRBTN	0x0100
#define STS_WAK		0x8000
#define EN_MASK		0x0521
#define CNT_SCI_EN	0x0001
#define CNT_SLP_TYP(v)	((v) >> 10 & 7)
#define CNT_SLP_EN	0x2000
#define SLP_TYP_S5	5	/* as _S5 says */

#define PM_TMR_HZ	3579545u
#define RESET_NOW	0x04

/* All under the device's lock. */
struct pm {
	struct vmm_dev *dev;
	struct irq *sci;
	uint16_t status, enable, control;
	uint64_t start_ns;
};

static void update(struct pm *pm)
{
	irq_set(pm->sci, (pm->status & pm->enable) != 0);
}

static uint32_t timer(const struct pm *pm)
{
	uint64_t ns = loop_now_ns() - pm->start_ns;

	/* In two parts, as the product of all would overflow after an hour. */
	return (uint32_t)(ns / 1000000000u * PM_TMR_HZ +
			  ns % 1000000000u * PM_TMR_HZ / 1000000000u);
}

static void write_control(struct pm *pm, uint16_t v)
{
	if (!(v & CNT_SLP_EN)) {
		pm->control = v;
		return;
	}
	if (CNT_SLP_TYP(v) == SLP_TYP_S5)
		vmm_stop(pm->dev->vmm, VMM_EXIT_POWEROFF);
	else
		vmm_info(pm->dev->vmm, "the guest asks for sleep type %u, which there is not",
			 CNT_SLP_TYP(v));
}

/* The registers as they are in port space. */
static void image(const struct pm *pm, uint8_t regs[16])
{
	const uint16_t control = pm->control | CNT_SCI_EN;
	const uint32_t tmr = timer(pm);

	memset(regs, 0, 16);
	memcpy(regs + PM1_STS, &pm->status, 2);
	memcpy(regs + PM1_EN, &pm->enable, 2);
	memcpy(regs + PM1_CNT, &control, 2);
	memcpy(regs + PM_TMR, &tmr, 4);
}

/* One byte at a time with carry of the rest: any width at any place works. */
static void pm_write(struct pm *pm, uint64_t offset, const uint8_t *p, unsigned int len)
{
	uint8_t regs[16], clear[2] = { 0, 0 };
	uint16_t v;

	image(pm, regs);
	for (unsigned int i = 0; i < len; i++) {
		if (offset + i < PM1_EN)
			clear[offset + i] = p[i];
		else
			regs[offset + i] = p[i];
	}
	memcpy(&v, clear, 2);
	pm->status &= (uint16_t)~v;		/* written ones clear */
	memcpy(&v, regs + PM1_EN, 2);
	pm->enable = v & EN_MASK;
	if (offset < PM1_CNT + 2 && offset + len > PM1_CNT) {
		memcpy(&v, regs + PM1_CNT, 2);
		write_control(pm, v & 0x3fff);
	}
	update(pm);
}

static int pm_access(void *opaque, uint64_t offset, void *data, unsigned int len, bool write)
{
	struct pm *pm = opaque;
	uint8_t regs[16];

	if (len > 4)
		return -EINVAL;
	if (write) {
		pm_write(pm, offset, data, len);
	} else {
		image(pm, regs);
		memcpy(data, regs + offset, len);
	}
	return 0;
}

static void press_button(struct vmm_dev *dev)
{
	struct pm *pm = dev->priv;

	pthread_mutex_lock(&dev->lock);
	pm->status |= STS_PWRBTN;
	update(pm);
	pthread_mutex_unlock(&dev->lock);
}

static void pm_reset(struct vmm_dev *dev)
{
	struct pm *pm = dev->priv;

	pthread_mutex_lock(&dev->lock);
	pm->status = pm->enable = pm->control = 0;
	update(pm);
	pthread_mutex_unlock(&dev->lock);
}

static int pm_create(struct vmm_dev *dev)
{
	struct pm *pm = calloc(1, sizeof(*pm));
	uint32_t gsi;
	int ret;

	if (!pm)
		return -ENOMEM;
	dev->priv = pm;
	pm->dev = dev;
	pm->start_ns = loop_now_ns();
	ret = dev_prop_irq(dev, 0, &gsi);
	if (ret)
		return ret;
	pm->sci = irq_line(dev->vmm, gsi);
	if (!pm->sci)
		return -EINVAL;
	ret = isa_claim(dev, "acpi-pm", pm_access, pm);
	if (ret)
		return ret;
	dev->vmm->power_button = press_button;
	dev->vmm->power_button_dev = dev;
	return 0;
}

static void pm_destroy(struct vmm_dev *dev)
{
	struct pm *pm = dev->priv;

	if (!pm)
		return;
	dev->vmm->power_button = NULL;
	isa_release(dev);
	irq_free(pm->sci);
	free(pm);
}

VMM_DEVICE(pm,
	.compatible = "vmm,acpi-pm",
	.phase = DEV_PLATFORM,
	.create = pm_create,
	.reset = pm_reset,
	.destroy = pm_destroy);

/* ---- the reset register: bit 2 resets, bit 1 says how hard ---- */

static int reset_access(void *opaque, uint64_t offset, void *data, unsigned int len, bool write)
{
	struct vmm_dev *dev = opaque;
	uint8_t *p = data;

	(void)offset;
	if (len != 1)
		return -EINVAL;
	if (!write)
		*p = 0;
	else if (*p & RESET_NOW)
		vmm_stop(dev->vmm, VMM_EXIT_RESET);
	return 0;
}

static int reset_create(struct vmm_dev *dev)
{
	return isa_claim(dev, "reset", reset_access, dev);
}

VMM_DEVICE(reset_register,
	.compatible = "vmm,reset",
	.phase = DEV_PLATFORM,
	.create = reset_create,
	.destroy = isa_release);
