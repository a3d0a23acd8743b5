// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 interval timer: three counters, of which the first interrupts, and
 * port 0x61 with the third one's gate and output.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/kvm/iobus.h>

#include "lapic.h"

#define PIT_HZ		1193182ull
#define PIT_BASE	0x40
#define SPEAKER_PORT	0x61

enum pit_latch { RW_LSB = 1, RW_MSB, RW_WORD0, RW_WORD1 };

/* l: pit->lock */
struct pit_channel {
	u32 count;		/* l; 1..0x10000 */
	u16 latched_count;	/* l */
	u8 count_latched;	/* l; enum pit_latch or 0 */
	u8 status_latched;	/* l */
	u8 status;		/* l */
	u8 read_state, write_state;	/* l; enum pit_latch */
	u8 write_latch;		/* l */
	u8 rw_mode;		/* l; enum pit_latch */
	u8 mode;		/* l; 0..5 */
	u8 bcd;			/* l */
	u8 gate;		/* l */
	ktime_t loaded;		/* l; when the count began */
};

struct pit {
	struct kvm_iodev dev, speaker_dev;
	struct kvm *kvm;			/* c */
	raw_spinlock_t lock;			/* IRQs off, any context */
	struct pit_channel ch[3];		/* l */
	u8 speaker_on;				/* l */
	u32 flags;				/* l; KVM_PIT_FLAGS_* */
	bool speaker;				/* c; port 0x61 is ours */
	struct hrtimer timer;
	u64 period_ns;				/* l; 0: one-shot or off */
	bool reinject;				/* l to change, read racily */
	bool acked;				/* l; the last tick was taken */
	u32 pending;				/* l; ticks owed */
	struct kvm_ack_notifier ack;
};

static u64 pit_elapsed(const struct pit_channel *c)
{
	s64 ns = ktime_to_ns(ktime_sub(ktime_get(), c->loaded));

	return ns <= 0 ? 0 : mul_u64_u32_div(ns, PIT_HZ, NSEC_PER_SEC);
}

/* The counter's value now */
static u32 pit_count(const struct pit_channel *c)
{
	u64 d = pit_elapsed(c), rem;

	switch (c->mode) {
	case 0:
	case 1:
	case 4:
	case 5:
		return (c->count - d) & 0xffff;
	case 3:		/* square wave: counts by two */
		div64_u64_rem(2 * d, c->count, &rem);
		return c->count - rem;
	default:
		div64_u64_rem(d, c->count, &rem);
		return c->count - rem;
	}
}

static bool pit_out(const struct pit_channel *c)
{
	u64 d = pit_elapsed(c), rem;

	switch (c->mode) {
	case 1:
		return d < c->count ? false : true;
	case 2:
		div64_u64_rem(d, c->count, &rem);
		return !(rem == 0 && d != 0);
	case 3:
		div64_u64_rem(d, c->count, &rem);
		return rem < (c->count + 1) / 2;
	case 4:
	case 5:
		return d != c->count;
	default:
		return d >= c->count;
	}
}

static void pit_pulse(struct pit *p)
{
	int ret = kvm_set_irq(p->kvm, KVM_IRQ_SRC_PIT, 0, 1, false);

	kvm_set_irq(p->kvm, KVM_IRQ_SRC_PIT, 0, 0, false);
	/* Nobody took it, so nobody will acknowledge it: the next one may go. */
	if (ret < 0)
		WRITE_ONCE(p->acked, true);
}

/* Hard interrupt context */
static enum hrtimer_restart pit_fire(struct hrtimer *h)
{
	struct pit *p = container_of(h, struct pit, timer);
	bool pulse = true;
	u64 period;

	raw_spin_lock(&p->lock);
	period = p->period_ns;
	if (p->reinject) {
		/* Owe ticks to a guest that is slow to take them. */
		pulse = p->acked;
		p->acked = false;
		if (!pulse && p->pending < 100000)
			p->pending++;
	}
	raw_spin_unlock(&p->lock);
	if (pulse)
		pit_pulse(p);
	if (!period)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(h, ns_to_ktime(period));
	return HRTIMER_RESTART;
}

/* The guest took a tick: the next one owed follows. Any context. */
static void pit_acked(struct kvm_ack_notifier *n)
{
	struct pit *p = container_of(n, struct pit, ack);
	unsigned long flags;
	bool pulse = false;

	raw_spin_lock_irqsave(&p->lock, flags);
	p->acked = true;
	if (p->reinject && p->pending) {
		p->pending--;
		p->acked = false;
		pulse = true;
	}
	raw_spin_unlock_irqrestore(&p->lock, flags);
	if (pulse)
		pit_pulse(p);
}

/* Channel 0 got a count: run the host's timer. Process context, lock not held. */
static void pit_start(struct pit *p)
{
	unsigned long flags;
	struct pit_channel *c = &p->ch[0];
	u64 ns;
	bool run;

	hrtimer_cancel(&p->timer);
	raw_spin_lock_irqsave(&p->lock, flags);
	ns = mul_u64_u32_div(c->count, NSEC_PER_SEC, PIT_HZ);
	p->pending = 0;
	p->acked = true;
	p->period_ns = c->mode == 2 || c->mode == 3 ? max(ns, timer_min_period_ns()) : 0;
	/* A count of mode 5 waits for the gate; HPET's legacy mode takes IRQ 0. */
	run = c->mode != 5 && !(p->flags & KVM_PIT_FLAGS_HPET_LEGACY);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	if (run)
		hrtimer_start(&p->timer, ktime_add_ns(ktime_get(), max_t(u64, ns, 1000)),
			      HRTIMER_MODE_ABS_HARD);
}

static void channel_load(struct pit_channel *c, u32 val)
{
	c->count = val ? val : 0x10000;
	c->loaded = ktime_get();
}

static void channel_latch_count(struct pit_channel *c)
{
	if (c->count_latched)
		return;
	c->latched_count = pit_count(c);
	c->count_latched = c->rw_mode;
}

static void channel_latch_status(struct pit_channel *c)
{
	if (c->status_latched)
		return;
	c->status = (pit_out(c) << 7) | (c->rw_mode << 4) | (c->mode << 1) | c->bcd;
	c->status_latched = 1;
}

static void pit_control(struct pit *p, u8 val)
{
	unsigned int n = val >> 6, access = (val >> 4) & 3;
	struct pit_channel *c;

	if (n == 3) {	/* read-back: bits 3 to 1 choose channels, low bits mean yes */
		for (n = 0; n < 3; n++) {
			if (!(val & (2 << n)))
				continue;
			if (!(val & 0x20))
				channel_latch_count(&p->ch[n]);
			if (!(val & 0x10))
				channel_latch_status(&p->ch[n]);
		}
		return;
	}
	c = &p->ch[n];
	if (!access) {
		channel_latch_count(c);
		return;
	}
	c->rw_mode = access;
	c->read_state = access;
	c->write_state = access;
	c->mode = (val >> 1) & 7;
	if (c->mode > 5)
		c->mode -= 4;	/* 6 and 7 are 2 and 3 */
	c->bcd = val & 1;
}

/* True: channel 0 has a new count */
static bool channel_write(struct pit *p, unsigned int n, u8 val)
{
	struct pit_channel *c = &p->ch[n];

	switch (c->write_state) {
	case RW_LSB:
		channel_load(c, val);
		return !n;
	case RW_MSB:
		channel_load(c, val << 8);
		return !n;
	case RW_WORD0:
		c->write_latch = val;
		c->write_state = RW_WORD1;
		return false;
	case RW_WORD1:
		channel_load(c, c->write_latch | val << 8);
		c->write_state = RW_WORD0;
		return !n;
	default:
		return false;
	}
}

static u8 channel_read(struct pit_channel *c)
{
	u32 count;

	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	if (c->count_latched) {
		count = c->latched_count;
		if (c->count_latched == RW_WORD0) {
			c->count_latched = RW_MSB;
			return count;
		}
		if (c->count_latched == RW_LSB) {
			c->count_latched = 0;
			return count;
		}
		c->count_latched = 0;
		return count >> 8;
	}
	count = pit_count(c);
	switch (c->read_state) {
	case RW_MSB:
		return count >> 8;
	case RW_WORD0:
		c->read_state = RW_WORD1;
		return count;
	case RW_WORD1:
		c->read_state = RW_WORD0;
		return count >> 8;
	default:
		return count;
	}
}

static int pit_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
		     const void *val)
{
	struct pit *p = container_of(dev, struct pit, dev);
	unsigned int n = addr & 3;
	unsigned long flags;
	bool start = false;

	raw_spin_lock_irqsave(&p->lock, flags);
	if (n == 3)
		pit_control(p, *(const u8 *)val);
	else
		start = channel_write(p, n, *(const u8 *)val);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	if (start)
		pit_start(p);
	return 0;
}

static int pit_read(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len, void *val)
{
	struct pit *p = container_of(dev, struct pit, dev);
	unsigned long flags;

	memset(val, 0, len);
	if ((addr & 3) == 3)
		return 0;
	raw_spin_lock_irqsave(&p->lock, flags);
	*(u8 *)val = channel_read(&p->ch[addr & 3]);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	return 0;
}

static int speaker_write(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			 const void *val)
{
	struct pit *p = container_of(dev, struct pit, speaker_dev);
	u8 data = *(const u8 *)val;
	unsigned long flags;

	raw_spin_lock_irqsave(&p->lock, flags);
	p->speaker_on = (data >> 1) & 1;
	/* A rising gate restarts the count in the modes that look at it. */
	if ((data & 1) && !p->ch[2].gate && p->ch[2].mode != 0 && p->ch[2].mode != 4)
		p->ch[2].loaded = ktime_get();
	p->ch[2].gate = data & 1;
	raw_spin_unlock_irqrestore(&p->lock, flags);
	return 0;
}

static int speaker_read(struct kvm_vcpu *vcpu, struct kvm_iodev *dev, gpa_t addr, int len,
			void *val)
{
	struct pit *p = container_of(dev, struct pit, speaker_dev);
	unsigned int refresh = (unsigned int)(ktime_to_ns(ktime_get()) >> 14) & 1;
	unsigned long flags;

	memset(val, 0, len);
	raw_spin_lock_irqsave(&p->lock, flags);
	*(u8 *)val = p->ch[2].gate | (p->speaker_on << 1) | (refresh << 4) |
		     (pit_out(&p->ch[2]) << 5);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	return 0;
}

static void pit_dev_destroy(struct kvm_iodev *dev)
{
	/* pit_destroy() frees it with the VM. */
}

static const struct kvm_iodev_ops pit_ops = {
	.read = pit_read, .write = pit_write, .destroy = pit_dev_destroy,
	.atomic_read = true,	/* a write may have to cancel the timer */
};
static const struct kvm_iodev_ops speaker_ops = {
	.read = speaker_read, .write = speaker_write, .destroy = pit_dev_destroy,
	.atomic_write = true, .atomic_read = true,
};

static void pit_save(struct pit *p, struct kvm_pit_channel_state *out)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		const struct pit_channel *c = &p->ch[i];

		out[i] = (struct kvm_pit_channel_state) {
			.count = c->count,
			.latched_count = c->latched_count,
			.count_latched = c->count_latched,
			.status_latched = c->status_latched,
			.status = c->status,
			.read_state = c->read_state,
			.write_state = c->write_state,
			.write_latch = c->write_latch,
			.rw_mode = c->rw_mode,
			.mode = c->mode,
			.bcd = c->bcd,
			.gate = c->gate,
			.count_load_time = ktime_to_ns(c->loaded),
		};
	}
}

/* Restored state is hostile: counts are never 0, modes and states in range. */
static void pit_load(struct pit *p, const struct kvm_pit_channel_state *in)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct pit_channel *c = &p->ch[i];

		c->count = in[i].count && in[i].count <= 0x10000 ? in[i].count : 0x10000;
		c->latched_count = in[i].latched_count;
		c->count_latched = in[i].count_latched & 3;
		c->status_latched = !!in[i].status_latched;
		c->status = in[i].status;
		c->read_state = min_t(u8, in[i].read_state, RW_WORD1);
		c->write_state = min_t(u8, in[i].write_state, RW_WORD1);
		c->write_latch = in[i].write_latch;
		c->rw_mode = in[i].rw_mode & 3;
		c->mode = in[i].mode <= 5 ? in[i].mode : in[i].mode & 3;
		c->bcd = !!in[i].bcd;
		c->gate = !!in[i].gate;
		c->loaded = ktime_get();
	}
}

static struct pit *vm_pit(struct kvm *kvm)
{
	return to_x86_vm(kvm)->irqchip.pit;
}

int pit_get(struct kvm *kvm, struct kvm_pit_state *s)
{
	struct pit *p = vm_pit(kvm);
	unsigned long flags;

	if (!p)
		return -ENXIO;
	memset(s, 0, sizeof(*s));
	raw_spin_lock_irqsave(&p->lock, flags);
	pit_save(p, s->channels);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	return 0;
}

int pit_get2(struct kvm *kvm, struct kvm_pit_state2 *s)
{
	struct pit *p = vm_pit(kvm);
	unsigned long flags;

	if (!p)
		return -ENXIO;
	memset(s, 0, sizeof(*s));
	raw_spin_lock_irqsave(&p->lock, flags);
	pit_save(p, s->channels);
	s->flags = p->flags | (p->speaker_on ? KVM_PIT_FLAGS_SPEAKER_DATA_ON : 0);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	return 0;
}

static int pit_set_channels(struct pit *p, const struct kvm_pit_channel_state *in, u32 flags)
{
	unsigned long irqflags;
	bool start;

	raw_spin_lock_irqsave(&p->lock, irqflags);
	/* Handing IRQ 0 back from the HPET restarts the count. */
	start = !(flags & KVM_PIT_FLAGS_HPET_LEGACY);
	p->flags = flags & KVM_PIT_FLAGS_HPET_LEGACY;
	p->speaker_on = !!(flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	pit_load(p, in);
	raw_spin_unlock_irqrestore(&p->lock, irqflags);
	if (start)
		pit_start(p);
	else
		hrtimer_cancel(&p->timer);
	return 0;
}

int pit_set(struct kvm *kvm, const struct kvm_pit_state *s)
{
	struct pit *p = vm_pit(kvm);

	return p ? pit_set_channels(p, s->channels, 0) : -ENXIO;
}

int pit_set2(struct kvm *kvm, const struct kvm_pit_state2 *s)
{
	struct pit *p = vm_pit(kvm);

	return p ? pit_set_channels(p, s->channels, s->flags) : -ENXIO;
}

int pit_set_reinject(struct kvm *kvm, const struct kvm_reinject_control *c)
{
	struct pit *p = vm_pit(kvm);
	unsigned long flags;

	if (!p)
		return -ENXIO;
	raw_spin_lock_irqsave(&p->lock, flags);
	WRITE_ONCE(p->reinject, c->pit_reinject);
	p->pending = 0;
	p->acked = true;
	raw_spin_unlock_irqrestore(&p->lock, flags);
	lapic_eoi_exits_changed(kvm);
	return 0;
}

static int pit_add_to_bus(struct kvm *kvm, struct pit *p)
{
	int ret;

	mutex_lock(&kvm->slots_lock);
	ret = kvm_io_bus_add(kvm, KVM_BUS_PIO, PIT_BASE, 4, &p->dev);
	if (!ret && p->speaker) {
		ret = kvm_io_bus_add(kvm, KVM_BUS_PIO, SPEAKER_PORT, 1, &p->speaker_dev);
		if (ret)
			kvm_io_bus_del(kvm, KVM_BUS_PIO, &p->dev);
	}
	mutex_unlock(&kvm->slots_lock);
	return ret;
}

int pit_create(struct kvm *kvm, u32 flags)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;
	struct pit *p;
	unsigned int i;
	int ret;

	if (ic->pit)
		return -EEXIST;
	if (ic->mode != IRQCHIP_KERNEL)
		return -ENOENT;
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		return -ENOMEM;
	raw_spin_lock_init(&p->lock);
	p->kvm = kvm;
	p->dev.ops = &pit_ops;
	p->speaker_dev.ops = &speaker_ops;
	p->speaker = flags & KVM_PIT_SPEAKER_DUMMY;
	p->reinject = true;
	p->acked = true;
	hrtimer_init(&p->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	p->timer.function = pit_fire;
	for (i = 0; i < 3; i++) {
		p->ch[i].mode = 5;	/* idle until programmed */
		p->ch[i].gate = i != 2;
		channel_load(&p->ch[i], 0);
	}
	ret = pit_add_to_bus(kvm, p);
	if (ret) {
		kfree(p);
		return ret;
	}
	p->ack.gsi = 0;
	p->ack.acked = pit_acked;
	kvm_register_ack_notifier(kvm, &p->ack);
	smp_store_release(&ic->pit, p);
	lapic_eoi_exits_changed(kvm);
	return 0;
}

bool pit_wants_eoi(struct kvm *kvm)
{
	struct pit *p = smp_load_acquire(&to_x86_vm(kvm)->irqchip.pit);

	return p && READ_ONCE(p->reinject);
}

/* No tick reaches a vCPU after this. */
void pit_quiesce(struct kvm *kvm)
{
	struct pit *p = vm_pit(kvm);

	if (!p)
		return;
	p->period_ns = 0;
	hrtimer_cancel(&p->timer);
}

void pit_destroy(struct kvm *kvm)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;

	kfree(ic->pit);
	ic->pit = NULL;
}
