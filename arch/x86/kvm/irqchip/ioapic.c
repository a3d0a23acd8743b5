// SPDX-License-Identifier: GPL-2.0-only
/* The I/O APIC (82093AA): 24 pins, each with a redirection entry. */
#include <linux/slab.h>
#include <linux/kvm/iobus.h>

#include "lapic.h"
#include "../trace.h"

#define IOAPIC_SIZE	0x100
#define IOAPIC_IOREGSEL	0x00
#define IOAPIC_IOWIN	0x10
#define IOAPIC_EOI	0x40
#define IOAPIC_VERSION	(0x11u | ((KVM_IOAPIC_NUM_PINS - 1) << 16))

/* Redirection entry, low half */
#define REDIR_MODE	0x700u
#define REDIR_LOGICAL	BIT(11)
#define REDIR_PENDING	BIT(12)
#define REDIR_RIRR	BIT(14)
#define REDIR_LEVEL	BIT(15)
#define REDIR_MASKED	BIT(16)
#define REDIR_RO	(REDIR_PENDING | REDIR_RIRR)

#define RTC_PIN		8

/* l: lock, taken with IRQs off in any context; LAPICs are called under it */
struct ioapic {
	struct kvm_iodev dev;
	struct kvm *kvm;			/* c */
	raw_spinlock_t lock;
	u64 base;				/* l */
	u32 select;				/* l */
	u32 id;					/* l */
	u32 irr;				/* l; line level, or latched edge */
	u64 redir[KVM_IOAPIC_NUM_PINS];		/* l */
	unsigned long sources[KVM_IOAPIC_NUM_PINS];	/* l; who holds the line up */
	bool rtc_sent;				/* l; to be ended by an EOI */
	DECLARE_BITMAP(vectors, 256);		/* l to change, r: vectors in use */
};

/*
 * Masked entries count: a guest that masks a level pin while it handles it
 * still sends the EOI that ends its remote IRR. LAPICs read this without the
 * lock, so no vector in use may be absent in between.
 */
static void ioapic_update_vectors(struct ioapic *io)
{
	DECLARE_BITMAP(now, 256) = {};
	unsigned int i;

	for (i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		__set_bit(io->redir[i] & 0xff, now);
	if (bitmap_equal(now, io->vectors, 256))
		return;
	for (i = 0; i < ARRAY_SIZE(now); i++)
		WRITE_ONCE(io->vectors[i], now[i]);
	lapic_eoi_exits_changed(io->kvm);
}

void ioapic_add_vectors(struct ioapic *io, unsigned long *vectors)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(io->vectors); i++)
		vectors[i] |= READ_ONCE(io->vectors[i]);
}

bool ioapic_handles(struct ioapic *io, u8 vector)
{
	return test_bit(vector, io->vectors);
}

/*
 * lock held: send what pin @pin has latched, if it may. That nobody took it is 0 for
 * user space, which knows -1 as masked; the PIT would wait for an EOI then.
 */
static int ioapic_service(struct ioapic *io, unsigned int pin, bool status)
{
	u64 e = io->redir[pin];
	struct lapic_irq irq = {
		.dest = e >> 56,
		.vector = e & 0xff,
		.mode = e & REDIR_MODE,
		.logical = e & REDIR_LOGICAL,
		.trig_level = e & REDIR_LEVEL,
		.level = true,
	};
	int ret;

	if (!(io->irr & BIT(pin)) || (e & REDIR_MASKED))
		return -1;
	if ((e & REDIR_LEVEL) && (e & REDIR_RIRR))
		return -1;
	ret = lapic_deliver(io->kvm, NULL, &irq);
	if (e & REDIR_LEVEL) {
		if (ret > 0)
			io->redir[pin] |= REDIR_RIRR;
	} else {
		io->irr &= ~BIT(pin);
	}
	if (pin == RTC_PIN)
		io->rtc_sent = ret > 0;
	return status ? max(ret, 0) : ret;
}

/*
 * lock held. Guests count time by the clock's interrupts, so VMMs make up for those
 * that were lost: each is one, and lost if the guest has not ended the one before.
 */
static bool ioapic_rtc_waits(struct ioapic *io)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	if (!io->rtc_sent)
		return false;
	kvm_for_each_vcpu(i, vcpu, io->kvm)
		if (to_x86(vcpu)->apic && lapic_vector_waits(to_x86(vcpu)->apic,
							      io->redir[RTC_PIN] & 0xff))
			return true;
	io->rtc_sent = false;
	return false;
}

int ioapic_set_irq(struct ioapic *io, unsigned int pin, int source, int level, bool status)
{
	unsigned long flags;
	bool was, now;
	int ret = 1;

	if (pin >= KVM_IOAPIC_NUM_PINS)
		return -1;
	raw_spin_lock_irqsave(&io->lock, flags);
	was = io->sources[pin];
	if (level)
		__set_bit(source, &io->sources[pin]);
	else
		__clear_bit(source, &io->sources[pin]);
	now = io->sources[pin];
	if (!now) {
		if (io->redir[pin] & REDIR_LEVEL)
			io->irr &= ~BIT(pin);
	} else if (pin == RTC_PIN && status && ioapic_rtc_waits(io)) {
		ret = 0;
	} else if (io->redir[pin] & REDIR_LEVEL) {
		io->irr |= BIT(pin);
		ret = ioapic_service(io, pin, status);
	} else if (!was) {
		if (io->irr & BIT(pin) && !(io->redir[pin] & REDIR_MASKED)) {
			ret = 0;
		} else {
			io->irr |= BIT(pin);
			ret = ioapic_service(io, pin, status);
		}
	} else {
		ret = 0;
	}
	if (now)
		trace_kvm_ioapic_set_irq(io->redir[pin], pin, ret == 0);
	raw_spin_unlock_irqrestore(&io->lock, flags);
	return ret;
}

void ioapic_eoi(struct kvm *kvm, u8 vector, bool level)
{
	struct ioapic *io = to_x86_vm(kvm)->irqchip.ioapic;
	unsigned long acked = 0, flags;
	unsigned int pin;

	raw_spin_lock_irqsave(&io->lock, flags);
	for (pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++)
		if ((io->redir[pin] & 0xff) == vector)
			__set_bit(pin, &acked);
	raw_spin_unlock_irqrestore(&io->lock, flags);

	/* Without the lock: a notifier may lower the line, or raise it again. */
	for_each_set_bit(pin, &acked, KVM_IOAPIC_NUM_PINS)
		kvm_notify_acked(kvm, KVM_IRQCHIP_IOAPIC, pin);

	raw_spin_lock_irqsave(&io->lock, flags);
	for_each_set_bit(pin, &acked, KVM_IOAPIC_NUM_PINS) {
		if (!level || !(io->redir[pin] & REDIR_LEVEL))
			continue;
		io->redir[pin] &= ~(u64)REDIR_RIRR;
		ioapic_service(io, pin, false);
	}
	raw_spin_unlock_irqrestore(&io->lock, flags);
}

static u32 ioapic_read_reg(struct ioapic *io)
{
	unsigned int pin;

	switch (io->select) {
	case 0:
	case 2:
		return io->id;
	case 1:
		return IOAPIC_VERSION;
	}
	pin = (io->select - 0x10) >> 1;
	if (io->select < 0x10 || pin >= KVM_IOAPIC_NUM_PINS)
		return 0xffffffff;
	return io->select & 1 ? io->redir[pin] >> 32 : io->redir[pin];
}

static void ioapic_write_reg(struct ioapic *io, u32 val)
{
	unsigned int pin;
	u64 *e;

	if (io->select == 0) {
		io->id = val & 0x0f000000;
		return;
	}
	pin = (io->select - 0x10) >> 1;
	if (io->select < 0x10 || pin >= KVM_IOAPIC_NUM_PINS)
		return;
	e = &io->redir[pin];
	if (io->select & 1) {
		*e = (*e & 0xffffffff) | (u64)val << 32;
	} else {
		*e = (*e & ~(u64)0xffffffff) | (val & 0x1ffff & ~REDIR_RO) | (*e & REDIR_RO);
		/* Edge pins have no remote IRR; switching to edge clears it. */
		if (!(*e & REDIR_LEVEL))
			*e &= ~(u64)REDIR_RIRR;
	}
	ioapic_update_vectors(io);
	/* A level that is still up comes at once; a latched edge only if it is new. */
	if ((*e & REDIR_LEVEL) && io->sources[pin])
		io->irr |= BIT(pin);
	ioapic_service(io, pin, false);
}

static struct ioapic *to_ioapic(struct kvm_iodev *dev)
{
	return container_of(dev, struct ioapic, dev);
}

static bool ioapic_owns(struct ioapic *io, gpa_t addr)
{
	return addr >= io->base && addr < io->base + IOAPIC_SIZE;
}

static int ioapic_mmio_read(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			    void *val)
{
	struct ioapic *io = to_ioapic(dev);
	unsigned long flags;
	u32 data = 0;

	if (!ioapic_owns(io, addr))
		return -EOPNOTSUPP;
	memset(val, 0, len);
	raw_spin_lock_irqsave(&io->lock, flags);
	if ((addr & 0xff) == IOAPIC_IOREGSEL)
		data = io->select;
	else if ((addr & 0xff) == IOAPIC_IOWIN)
		data = ioapic_read_reg(io);
	raw_spin_unlock_irqrestore(&io->lock, flags);
	memcpy(val, &data, min(len, 4));
	return 0;
}

static int ioapic_mmio_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			     const void *val)
{
	struct ioapic *io = to_ioapic(dev);
	unsigned long flags;
	u32 data = 0;

	if (!ioapic_owns(io, addr))
		return -EOPNOTSUPP;
	memcpy(&data, val, min(len, 4));
	raw_spin_lock_irqsave(&io->lock, flags);
	if ((addr & 0xff) == IOAPIC_IOREGSEL)
		io->select = data & 0xff;
	else if ((addr & 0xff) == IOAPIC_IOWIN)
		ioapic_write_reg(io, data);
	raw_spin_unlock_irqrestore(&io->lock, flags);
	return 0;
}

static void ioapic_dev_destroy(struct kvm_iodev *dev)
{
	/* ioapic_destroy() frees it with the VM. */
}

static const struct kvm_iodev_ops ioapic_ops = {
	.read = ioapic_mmio_read,
	.write = ioapic_mmio_write,
	.destroy = ioapic_dev_destroy,
	.atomic_write = true,
	.atomic_read = true,
};

int ioapic_get(struct ioapic *io, struct kvm_ioapic_state *s)
{
	unsigned long flags;
	unsigned int i;

	memset(s, 0, sizeof(*s));
	raw_spin_lock_irqsave(&io->lock, flags);
	s->base_address = io->base;
	s->ioregsel = io->select;
	s->id = io->id >> 24;
	s->irr = io->irr;
	for (i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		s->redirtbl[i].bits = io->redir[i];
	raw_spin_unlock_irqrestore(&io->lock, flags);
	return 0;
}

int ioapic_set(struct ioapic *io, const struct kvm_ioapic_state *s)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&io->lock, flags);
	/* The window's place is fixed: user space may say so, not change it. */
	io->select = s->ioregsel & 0xff;
	io->id = (s->id & 0xf) << 24;
	io->irr = 0;
	for (i = 0; i < KVM_IOAPIC_NUM_PINS; i++) {
		io->redir[i] = s->redirtbl[i].bits & (0xff00000000000000ull | 0x1ffff);
		io->sources[i] = 0;
	}
	io->rtc_sent = true;	/* if it waits; ioapic_rtc_waits() looks */
	ioapic_update_vectors(io);
	for (i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		if (s->irr & BIT(i)) {
			io->irr |= BIT(i);
			ioapic_service(io, i, false);
		}
	raw_spin_unlock_irqrestore(&io->lock, flags);
	return 0;
}

int ioapic_create(struct kvm *kvm)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;
	struct ioapic *io = kzalloc(sizeof(*io), GFP_KERNEL_ACCOUNT);
	unsigned int i;
	int ret;

	if (!io)
		return -ENOMEM;
	raw_spin_lock_init(&io->lock);
	io->dev.ops = &ioapic_ops;
	io->kvm = kvm;
	io->base = IO_APIC_DEFAULT_PHYS_BASE;
	for (i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		io->redir[i] = REDIR_MASKED;
	ioapic_update_vectors(io);
	mutex_lock(&kvm->slots_lock);
	ret = kvm_io_bus_add(kvm, KVM_BUS_MMIO, io->base, IOAPIC_SIZE, &io->dev);
	mutex_unlock(&kvm->slots_lock);
	if (ret) {
		kfree(io);
		return ret;
	}
	ic->ioapic = io;
	return 0;
}

void ioapic_unplug(struct kvm *kvm)
{
	struct ioapic *io = to_x86_vm(kvm)->irqchip.ioapic;

	if (io)
		kvm_io_bus_del(kvm, KVM_BUS_MMIO, &io->dev);
}

void ioapic_destroy(struct kvm *kvm)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;

	kfree(ic->ioapic);
	ic->ioapic = NULL;
}
