// SPDX-License-Identifier: GPL-2.0-only
/*
 * The descriptor of posted interrupts as hardware that posts sees it (SDM 3C 30.6;
 * VT-d specification 9.11): which CPU it notifies, and with which vector.
 *
 * While the guest may run, the vector is the one that has the guest take what was
 * posted. A vCPU that is about to sleep asks for another, whose handler wakes those
 * on its CPU's list. The notified CPU stays the same meanwhile, also if the thread
 * moves before it sleeps: its list is where the vCPU is found.
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/spinlock.h>
#include <asm/apic.h>
#include <asm/irq.h>
#include <asm/irq_remapping.h>
#include <asm/irq_vectors.h>

#include "vmx.h"

#define POSTED_NV	GENMASK_ULL(23, 16)
#define POSTED_NDST	GENMASK_ULL(63, 32)

/* vCPUs that sleep and are notified here. @lock: IRQs off, never under a run queue's lock */
struct vmx_sleepers {
	raw_spinlock_t lock;
	struct list_head list;
};

static DEFINE_PER_CPU(struct vmx_sleepers, vmx_sleepers);

/* An xAPIC's id is in bits 15:8 of the destination. */
static u32 posted_dest(int cpu)
{
	u32 id = per_cpu(x86_cpu_to_apicid, cpu);

	return x2apic_mode ? id : id << 8;
}

/* Posters set ON in the same word at any time. */
static void posted_change(struct vmx_vcpu *s, u64 mask, u64 bits)
{
	unsigned long *word = &lapic_posted(&s->x86)->flags;
	unsigned long old = READ_ONCE(*word);

	while (!try_cmpxchg(word, &old, (old & ~mask) | bits))
		;
}

static void posted_run_on(struct vmx_vcpu *s, int cpu)
{
	posted_change(s, POSTED_NV | POSTED_NDST, FIELD_PREP(POSTED_NV, POSTED_INTR_VECTOR) |
		      FIELD_PREP(POSTED_NDST, posted_dest(cpu)));
}

/* Preemption off */
void vmx_posted_load(struct vmx_vcpu *s, int cpu)
{
	if (vmx_hw.posted && s->x86.apic && s->sleeps_on < 0)
		posted_run_on(s, cpu);
}

/*
 * IRQs off, right before entry. What was posted while no request told of it is the
 * guest's to take: the notification comes again when it can be received.
 */
void vmx_posted_enter(struct vmx_vcpu *s)
{
	if ((s->pin & PIN_BASED_POSTED_INTR) &&
	    test_bit(LAPIC_NOTIFIED, &lapic_posted(&s->x86)->flags))
		apic->send_IPI_self(POSTED_INTR_VECTOR);
}

static void posted_sleep(struct vmx_vcpu *s)
{
	struct vmx_sleepers *here;
	unsigned long flags;

	local_irq_save(flags);
	here = this_cpu_ptr(&vmx_sleepers);
	s->sleeps_on = smp_processor_id();
	raw_spin_lock(&here->lock);
	list_add(&s->sleeper, &here->list);
	raw_spin_unlock(&here->lock);
	posted_change(s, POSTED_NV | POSTED_NDST,
		      FIELD_PREP(POSTED_NV, POSTED_INTR_WAKEUP_VECTOR) |
		      FIELD_PREP(POSTED_NDST, posted_dest(s->sleeps_on)));
	local_irq_restore(flags);
}

static void posted_awake(struct vmx_vcpu *s)
{
	struct vmx_sleepers *there = per_cpu_ptr(&vmx_sleepers, s->sleeps_on);
	unsigned long flags;

	raw_spin_lock_irqsave(&there->lock, flags);
	list_del(&s->sleeper);
	raw_spin_unlock_irqrestore(&there->lock, flags);
	preempt_disable();
	s->sleeps_on = -1;
	posted_run_on(s, smp_processor_id());
	preempt_enable();
}

void vmx_set_sleep(struct x86_vcpu *v, bool sleeps)
{
	struct vmx_vcpu *s = to_vmx(v);

	if (!sleeps) {
		if (s->sleeps_on >= 0)
			posted_awake(s);
		return;
	}
	/* Who posts in software wakes, too. */
	if (vmx_hw.posted && v->apic &&
	    (vmx_hw.ipiv || READ_ONCE(to_vmx_vm(v->vcpu.kvm)->devices_post)))
		posted_sleep(s);
}

/* Who sleeps already does so where no device would wake it: once more, then. */
static void posted_by_devices(struct kvm *kvm)
{
	struct vmx_vm *vm = to_vmx_vm(kvm);
	struct kvm_vcpu *vcpu;
	unsigned int i;

	if (vm->devices_post)
		return;
	WRITE_ONCE(vm->devices_post, true);
	smp_mb();	/* before the requests: who misses them sees it */
	kvm_for_each_vcpu(i, vcpu, kvm)
		lapic_unblock(to_x86(vcpu));
}

int vmx_post_irq(struct x86_vcpu *v, unsigned int irq, u8 vector)
{
	struct vcpu_data target;

	if (!v)
		return irq_set_vcpu_affinity(irq, NULL);
	target.pi_desc_addr = virt_to_phys(lapic_posted(v));
	target.vector = vector;
	posted_by_devices(v->vcpu.kvm);
	return irq_set_vcpu_affinity(irq, &target);
}

static void posted_wake(bool all)
{
	struct vmx_sleepers *here = this_cpu_ptr(&vmx_sleepers);
	struct vmx_vcpu *s;
	unsigned long flags;

	raw_spin_lock_irqsave(&here->lock, flags);
	list_for_each_entry(s, &here->list, sleeper)
		if (all || test_bit(LAPIC_NOTIFIED, &lapic_posted(&s->x86)->flags))
			lapic_unblock(&s->x86);
	raw_spin_unlock_irqrestore(&here->lock, flags);
}

/* The vector's handler */
static void posted_wake_notified(void)
{
	posted_wake(false);
}

/* IRQs off; this CPU goes away: they go to sleep again elsewhere. */
void vmx_posted_leave_cpu(void)
{
	if (vmx_hw.posted)
		posted_wake(true);
}

void vmx_posted_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		raw_spin_lock_init(&per_cpu(vmx_sleepers, cpu).lock);
		INIT_LIST_HEAD(&per_cpu(vmx_sleepers, cpu).list);
	}
	if (vmx_hw.posted)
		kvm_set_posted_intr_wakeup_handler(posted_wake_notified);
}

/* No VM is left. NULL waits until no CPU runs the handler. */
void vmx_posted_exit(void)
{
	if (vmx_hw.posted)
		kvm_set_posted_intr_wakeup_handler(NULL);
}
