// SPDX-License-Identifier: GPL-2.0-only
/* Two 8259A interrupt controllers, the second behind pin 2 of the first. */
#include <linux/slab.h>
#include <linux/kvm/iobus.h>

#include "lapic.h"
#include "../trace.h"

#define ICW1_INIT	0x10
#define ICW1_ICW4	0x01
#define ICW4_AUTO_EOI	0x02
#define ICW4_SFNM	0x10
#define OCW3		0x08
#define CASCADE		2
#define SPURIOUS	7

/* l: pic->lock */
struct pic_chip {
	u8 last_irr;		/* l; levels seen, for edges */
	u8 irr, imr, isr;	/* l */
	u8 prio_add;		/* l; highest priority pin */
	u8 irq_base;		/* l; vector of pin 0 */
	u8 read_isr;		/* l; what a status read shows */
	u8 poll;		/* l */
	u8 special_mask;	/* l */
	u8 init_state;		/* l; next ICW, 0: done */
	u8 auto_eoi;		/* l */
	u8 rotate_on_aeoi;	/* l */
	u8 sfnm;		/* l; special fully nested mode */
	u8 init4;		/* l; ICW4 will come */
	u8 elcr;		/* l; level triggered pins */
	u8 elcr_mask;		/* c */
	u8 isr_ack;		/* l; pins acked since */
};

struct pic {
	struct kvm_iodev master_dev, slave_dev, elcr_dev;
	struct kvm *kvm;			/* c */
	raw_spinlock_t lock;			/* IRQs off, any context */
	struct pic_chip chip[2];		/* l */
	unsigned long sources[16];		/* l */
	bool output;				/* l to change, read racily */
};

/* Latch the line; 1 new, 0 was latched, -1 masked. lock held */
static int chip_set(struct pic_chip *c, unsigned int pin, bool level)
{
	u8 bit = BIT(pin);
	int ret = 1;

	if (c->elcr & bit) {
		if (level) {
			ret = !(c->irr & bit);
			c->irr |= bit;
			c->last_irr |= bit;
		} else {
			c->irr &= ~bit;
			c->last_irr &= ~bit;
		}
	} else if (level) {
		if (!(c->last_irr & bit)) {
			ret = !(c->irr & bit);
			c->irr |= bit;
		}
		c->last_irr |= bit;
	} else {
		c->last_irr &= ~bit;
	}
	return c->imr & bit ? -1 : ret;
}

/* Rank of the most urgent pin in @mask, 8: none */
static unsigned int chip_rank(const struct pic_chip *c, u8 mask)
{
	unsigned int rank = 0;

	if (!mask)
		return 8;
	while (!(mask & BIT((rank + c->prio_add) & 7)))
		rank++;
	return rank;
}

/* The pin that wants service, or -1 */
static int chip_pending(const struct pic_chip *c, bool master)
{
	unsigned int rank = chip_rank(c, c->irr & ~c->imr), in_service;
	u8 isr = c->isr;

	if (rank == 8)
		return -1;
	if (c->special_mask)
		isr &= ~c->imr;
	/* Special fully nested: the slave may interrupt itself (datasheet, SFNM). */
	if (c->sfnm && master)
		isr &= ~BIT(CASCADE);
	in_service = chip_rank(c, isr);
	return rank < in_service ? (int)((rank + c->prio_add) & 7) : -1;
}

static void pic_update(struct pic *p)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;
	bool output;

	if (chip_pending(&p->chip[1], false) >= 0) {
		/* An edge into the master's cascade pin */
		chip_set(&p->chip[0], CASCADE, true);
		chip_set(&p->chip[0], CASCADE, false);
	}
	output = chip_pending(&p->chip[0], true) >= 0;
	if (output == p->output)
		return;
	WRITE_ONCE(p->output, output);
	if (!output)
		return;
	kvm_for_each_vcpu(i, vcpu, p->kvm) {
		if (!lapic_takes_extint(to_x86(vcpu)))
			continue;
		kvm_request(vcpu, X86_REQ_EVENT);
		kvm_vcpu_kick(vcpu);
	}
}

bool pic_output(struct pic *p)
{
	return READ_ONCE(p->output);
}

int pic_set_irq(struct pic *p, unsigned int irq, int source, int level)
{
	unsigned long flags;
	int ret;

	if (irq >= 16)
		return -1;
	raw_spin_lock_irqsave(&p->lock, flags);
	if (level)
		__set_bit(source, &p->sources[irq]);
	else
		__clear_bit(source, &p->sources[irq]);
	ret = chip_set(&p->chip[irq >> 3], irq & 7, p->sources[irq]);
	pic_update(p);
	trace_kvm_pic_set_irq(irq >> 3, irq & 7, p->chip[irq >> 3].elcr, p->chip[irq >> 3].imr,
			      ret == 0);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	return ret;
}

static void chip_intack(struct pic_chip *c, unsigned int pin)
{
	c->isr |= BIT(pin);
	if (!(c->elcr & BIT(pin)))
		c->irr &= ~BIT(pin);
	if (!c->auto_eoi)
		return;
	if (c->rotate_on_aeoi)
		c->prio_add = (pin + 1) & 7;
	c->isr &= ~BIT(pin);
	c->isr_ack |= BIT(pin);
}

/* Tell those who wait for acknowledgement; called without the lock. */
static void pic_notify(struct pic *p)
{
	unsigned long acked[2], flags;
	unsigned int n, pin;

	raw_spin_lock_irqsave(&p->lock, flags);
	for (n = 0; n < 2; n++) {
		acked[n] = p->chip[n].isr_ack;
		p->chip[n].isr_ack = 0;
	}
	raw_spin_unlock_irqrestore(&p->lock, flags);
	for (n = 0; n < 2; n++)
		for_each_set_bit(pin, &acked[n], 8)
			kvm_notify_acked(p->kvm, n ? KVM_IRQCHIP_PIC_SLAVE : KVM_IRQCHIP_PIC_MASTER,
					 pin);
}

/* The INTA cycle: a vector, or the spurious one; -1 when nothing was asserted. */
int pic_inta(struct pic *p)
{
	struct pic_chip *m = &p->chip[0], *s = &p->chip[1];
	unsigned long flags;
	int pin, vector;

	raw_spin_lock_irqsave(&p->lock, flags);
	if (!p->output) {
		raw_spin_unlock_irqrestore(&p->lock, flags);
		return -1;
	}
	pin = chip_pending(m, true);
	if (pin < 0) {
		vector = m->irq_base + SPURIOUS;
	} else {
		chip_intack(m, pin);
		vector = m->irq_base + pin;
	}
	if (pin == CASCADE) {
		pin = chip_pending(s, false);
		if (pin >= 0)
			chip_intack(s, pin);
		vector = s->irq_base + (pin < 0 ? SPURIOUS : pin);
	}
	pic_update(p);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	pic_notify(p);
	return vector & 0xff;
}

static void chip_icw1(struct pic_chip *c, u8 val)
{
	u8 edge_irr = c->irr & ~c->elcr;

	c->init4 = val & ICW1_ICW4;
	c->last_irr = 0;
	c->irr &= c->elcr;
	c->imr = 0;
	c->isr_ack |= c->isr | edge_irr;
	c->isr = 0;
	c->prio_add = 0;
	c->special_mask = 0;
	c->read_isr = 0;
	c->poll = 0;
	c->auto_eoi = 0;
	c->rotate_on_aeoi = 0;
	c->sfnm = 0;
	c->init_state = 1;
}

static void chip_eoi(struct pic_chip *c, unsigned int pin)
{
	c->isr &= ~BIT(pin);
	c->isr_ack |= BIT(pin);
}

/* OCW2: rotate, specific, EOI in bits 7 to 5 */
static void chip_ocw2(struct pic_chip *c, u8 val)
{
	unsigned int cmd = val >> 5, rank, pin;

	switch (cmd) {
	case 0:
	case 4:
		c->rotate_on_aeoi = cmd >> 2;
		break;
	case 1:		/* end of interrupt, non-specific */
	case 5:
		rank = chip_rank(c, c->isr);
		if (rank == 8)
			break;
		pin = (rank + c->prio_add) & 7;
		chip_eoi(c, pin);
		if (cmd == 5)
			c->prio_add = (pin + 1) & 7;
		break;
	case 3:		/* specific */
	case 7:
		chip_eoi(c, val & 7);
		if (cmd == 7)
			c->prio_add = (val + 1) & 7;
		break;
	case 6:
		c->prio_add = (val + 1) & 7;
		break;
	}
}

static void chip_command(struct pic_chip *c, u8 val)
{
	if (val & ICW1_INIT) {
		chip_icw1(c, val);
	} else if (val & OCW3) {
		if (val & 0x04)
			c->poll = 1;
		if (val & 0x02)
			c->read_isr = val & 1;
		if (val & 0x40)
			c->special_mask = (val >> 5) & 1;
	} else {
		chip_ocw2(c, val);
	}
}

static void chip_data(struct pic_chip *c, u8 val)
{
	switch (c->init_state) {
	case 0:
		c->imr = val;
		break;
	case 1:
		c->irq_base = val & 0xf8;
		c->init_state = 2;
		break;
	case 2:
		c->init_state = c->init4 ? 3 : 0;
		break;
	case 3:
		c->sfnm = !!(val & ICW4_SFNM);
		c->auto_eoi = !!(val & ICW4_AUTO_EOI);
		c->init_state = 0;
		break;
	}
}

/* Poll mode acknowledges by reading. */
static u8 chip_poll(struct pic *p, struct pic_chip *c)
{
	int pin = chip_pending(c, c == &p->chip[0]);

	c->poll = 0;
	if (pin < 0)
		return 0;
	chip_intack(c, pin);
	if (c == &p->chip[1])
		p->chip[0].isr &= ~BIT(CASCADE);
	pic_update(p);
	return pin | 0x80;
}

static int pic_read(struct pic *p, unsigned int n, bool data, int len, void *val)
{
	struct pic_chip *c = &p->chip[n];
	unsigned long flags;

	if (len != 1) {
		memset(val, 0, len);
		return 0;
	}
	raw_spin_lock_irqsave(&p->lock, flags);
	if (c->poll)
		*(u8 *)val = chip_poll(p, c);
	else if (data)
		*(u8 *)val = c->imr;
	else
		*(u8 *)val = c->read_isr ? c->isr : c->irr;
	raw_spin_unlock_irqrestore(&p->lock, flags);
	pic_notify(p);
	return 0;
}

static int pic_write(struct pic *p, unsigned int n, bool data, int len, const void *val)
{
	unsigned long flags;

	if (len != 1)
		return 0;
	raw_spin_lock_irqsave(&p->lock, flags);
	if (data)
		chip_data(&p->chip[n], *(const u8 *)val);
	else
		chip_command(&p->chip[n], *(const u8 *)val);
	pic_update(p);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	pic_notify(p);
	return 0;
}

static int master_read(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len, void *val)
{
	return pic_read(container_of(dev, struct pic, master_dev), 0, addr & 1, len, val);
}

static int master_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			const void *val)
{
	return pic_write(container_of(dev, struct pic, master_dev), 0, addr & 1, len, val);
}

static int slave_read(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len, void *val)
{
	return pic_read(container_of(dev, struct pic, slave_dev), 1, addr & 1, len, val);
}

static int slave_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
		       const void *val)
{
	return pic_write(container_of(dev, struct pic, slave_dev), 1, addr & 1, len, val);
}

static int elcr_read(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len, void *val)
{
	struct pic *p = container_of(dev, struct pic, elcr_dev);

	memset(val, 0, len);
	if (len == 1)
		*(u8 *)val = READ_ONCE(p->chip[addr & 1].elcr);
	return 0;
}

static int elcr_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
		      const void *val)
{
	struct pic *p = container_of(dev, struct pic, elcr_dev);
	struct pic_chip *c = &p->chip[addr & 1];
	unsigned long flags;

	if (len != 1)
		return 0;
	raw_spin_lock_irqsave(&p->lock, flags);
	c->elcr = *(const u8 *)val & c->elcr_mask;
	raw_spin_unlock_irqrestore(&p->lock, flags);
	return 0;
}

static void pic_dev_destroy(struct kvm_iodev *dev)
{
	/* pic_destroy() frees all three with the VM. */
}

static const struct kvm_iodev_ops master_ops = {
	.read = master_read, .write = master_write, .destroy = pic_dev_destroy,
	.atomic_write = true, .atomic_read = true,
};
static const struct kvm_iodev_ops slave_ops = {
	.read = slave_read, .write = slave_write, .destroy = pic_dev_destroy,
	.atomic_write = true, .atomic_read = true,
};
static const struct kvm_iodev_ops elcr_ops = {
	.read = elcr_read, .write = elcr_write, .destroy = pic_dev_destroy,
	.atomic_write = true, .atomic_read = true,
};

int pic_get(struct pic *p, unsigned int chip, struct kvm_pic_state *s)
{
	const struct pic_chip *c = &p->chip[chip];
	unsigned long flags;

	memset(s, 0, sizeof(*s));
	raw_spin_lock_irqsave(&p->lock, flags);
	s->last_irr = c->last_irr;
	s->irr = c->irr;
	s->imr = c->imr;
	s->isr = c->isr;
	s->priority_add = c->prio_add;
	s->irq_base = c->irq_base;
	s->read_reg_select = c->read_isr;
	s->poll = c->poll;
	s->special_mask = c->special_mask;
	s->init_state = c->init_state;
	s->auto_eoi = c->auto_eoi;
	s->rotate_on_auto_eoi = c->rotate_on_aeoi;
	s->special_fully_nested_mode = c->sfnm;
	s->init4 = c->init4;
	s->elcr = c->elcr;
	s->elcr_mask = c->elcr_mask;
	raw_spin_unlock_irqrestore(&p->lock, flags);
	return 0;
}

/* Restored state is hostile: every index is cut to its range. */
int pic_set(struct pic *p, unsigned int chip, const struct kvm_pic_state *s)
{
	struct pic_chip *c = &p->chip[chip];
	unsigned long flags;

	raw_spin_lock_irqsave(&p->lock, flags);
	c->last_irr = s->last_irr;
	c->irr = s->irr;
	c->imr = s->imr;
	c->isr = s->isr;
	c->prio_add = s->priority_add & 7;
	c->irq_base = s->irq_base;
	c->read_isr = !!s->read_reg_select;
	c->poll = !!s->poll;
	c->special_mask = !!s->special_mask;
	c->init_state = s->init_state & 3;
	c->auto_eoi = !!s->auto_eoi;
	c->rotate_on_aeoi = !!s->rotate_on_auto_eoi;
	c->sfnm = !!s->special_fully_nested_mode;
	c->init4 = !!s->init4;
	c->elcr = s->elcr & c->elcr_mask;
	pic_update(p);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	return 0;
}

int pic_create(struct kvm *kvm)
{
	struct pic *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!p)
		return -ENOMEM;
	raw_spin_lock_init(&p->lock);
	p->kvm = kvm;
	p->chip[0].elcr_mask = 0xf8;	/* timer, keyboard and cascade are edges */
	p->chip[1].elcr_mask = 0xde;	/* so are the clock and the FPU */
	p->master_dev.ops = &master_ops;
	p->slave_dev.ops = &slave_ops;
	p->elcr_dev.ops = &elcr_ops;
	mutex_lock(&kvm->slots_lock);
	ret = kvm_io_bus_add(kvm, KVM_BUS_PIO, 0x20, 2, &p->master_dev);
	if (ret)
		goto out;
	ret = kvm_io_bus_add(kvm, KVM_BUS_PIO, 0xa0, 2, &p->slave_dev);
	if (ret)
		goto del_master;
	ret = kvm_io_bus_add(kvm, KVM_BUS_PIO, 0x4d0, 2, &p->elcr_dev);
	if (!ret)
		goto out;
	kvm_io_bus_del(kvm, KVM_BUS_PIO, &p->slave_dev);
del_master:
	kvm_io_bus_del(kvm, KVM_BUS_PIO, &p->master_dev);
out:
	mutex_unlock(&kvm->slots_lock);
	if (ret)
		kfree(p);
	else
		to_x86_vm(kvm)->irqchip.pic = p;
	return ret;
}

void pic_unplug(struct kvm *kvm)
{
	struct pic *p = to_x86_vm(kvm)->irqchip.pic;

	if (!p)
		return;
	kvm_io_bus_del(kvm, KVM_BUS_PIO, &p->master_dev);
	kvm_io_bus_del(kvm, KVM_BUS_PIO, &p->slave_dev);
	kvm_io_bus_del(kvm, KVM_BUS_PIO, &p->elcr_dev);
}

void pic_destroy(struct kvm *kvm)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;

	kfree(ic->pic);
	ic->pic = NULL;
}
