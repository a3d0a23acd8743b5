// SPDX-License-Identifier: GPL-2.0-only
/* Who a message between APICs is for: the destination map, IPIs, MSIs. */
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "lapic.h"
#include "../core.h"
#include "../trace.h"

/*
 * APIC id to vCPU, replaced as a whole under irqchip.map_lock, read under RCU.
 * Logical destinations of x2APIC follow from the id; those of xAPIC are few
 * vCPUs and are looked for.
 */
struct lapic_map {
	struct rcu_head rcu;
	bool ambiguous;		/* two vCPUs answer to one id: ask each */
	u32 max_id;
	struct lapic *by_id[];
};

static u32 map_max_id(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;
	u32 max = 255;

	kvm_for_each_vcpu(i, vcpu, kvm)
		max = max(max, vcpu->id);
	return max;
}

static void map_fill(struct kvm *kvm, struct lapic_map *map)
{
	struct kvm_vcpu *vcpu;
	struct lapic *a;
	unsigned int i;
	u32 id;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		a = to_x86(vcpu)->apic;
		if (!a || !a->enabled)
			continue;
		id = lapic_id(a);
		if (id > map->max_id)
			continue;
		if (map->by_id[id])
			map->ambiguous = true;
		map->by_id[id] = a;
	}
}

/* Context: process or atomic; out of memory leaves the slow way. */
void lapic_map_changed(struct kvm *kvm)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;
	struct lapic_map *old, *map;
	u32 max;

	/* Senders rebuild it when they need it: changes come in bursts at boot. */
	atomic_set(&ic->map_dirty, 1);
	if (in_atomic() || irqs_disabled())
		return;
	mutex_lock(&ic->map_lock);
	if (atomic_xchg(&ic->map_dirty, 0)) {
		max = map_max_id(kvm);
		map = kvzalloc(struct_size(map, by_id, max + 1), GFP_KERNEL_ACCOUNT);
		if (map) {
			map->max_id = max;
			map_fill(kvm, map);
		} else {
			atomic_set(&ic->map_dirty, 1);
		}
		old = rcu_replace_pointer(ic->map, map, lockdep_is_held(&ic->map_lock));
		if (old)
			kvfree_rcu(old, rcu);
		lapic_tell_ids(kvm);
	}
	mutex_unlock(&ic->map_lock);
}

void lapic_map_free(struct kvm *kvm)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;

	kvfree(rcu_dereference_protected(ic->map, true));
	RCU_INIT_POINTER(ic->map, NULL);
}

static bool is_broadcast(const struct lapic *a, const struct lapic_irq *irq)
{
	if (irq->wide)
		return irq->dest == 0xffffffff;
	/* An 8-bit broadcast reaches x2APICs too, unless user space knows better. */
	return irq->dest == 0xff && !(a->x2apic && to_x86_vm(a->v->vcpu.kvm)->
				      irqchip.x2apic_no_broadcast_quirk);
}

/* SDM 3A 10.6.2.2 and 10.12.10.2 */
static bool match_logical(const struct lapic *a, u32 dest)
{
	u32 ldr = lapic_reg(a, APIC_LDR);

	if (a->x2apic)
		return (ldr >> 16) == (dest >> 16) && (ldr & dest & 0xffff);
	ldr = GET_APIC_LOGICAL_ID(ldr);
	if (lapic_reg(a, APIC_DFR) == 0xffffffff)
		return ldr & dest;
	return (ldr >> 4) == (dest >> 4) && (ldr & dest & 0xf);
}

static bool lapic_matches(const struct lapic *a, const struct lapic *src,
			  const struct lapic_irq *irq)
{
	switch (irq->shorthand) {
	case APIC_DEST_SELF:
		return a == src;
	case APIC_DEST_ALLINC:
		return true;
	case APIC_DEST_ALLBUT:
		return a != src;
	}
	if (is_broadcast(a, irq))
		return true;
	if (irq->logical)
		return match_logical(a, irq->dest);
	return lapic_id(a) == irq->dest;
}

static int lapic_deliver_one(struct lapic *a, const struct lapic_irq *irq, int so_far)
{
	int ret = lapic_accept(a, irq);

	if (ret < 0)
		return so_far;
	return so_far < 0 ? ret : so_far + ret;
}

/* The common case: one vCPU by its id. False: look at each. */
static bool lapic_deliver_fast(struct kvm *kvm, struct lapic *src, const struct lapic_irq *irq,
			       int *ret)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;
	struct lapic_map *map;
	struct lapic *a = NULL;

	if (irq->shorthand == APIC_DEST_SELF && src) {
		*ret = lapic_deliver_one(src, irq, -1);
		return true;
	}
	if (irq->shorthand || irq->logical || atomic_read(&ic->map_dirty) ||
	    irq->dest == (irq->wide ? 0xffffffff : 0xff))
		return false;
	map = rcu_dereference(ic->map);
	if (!map || map->ambiguous)
		return false;
	if (irq->dest <= map->max_id)
		a = map->by_id[array_index_nospec(irq->dest, map->max_id + 1)];
	*ret = a ? lapic_deliver_one(a, irq, -1) : -1;
	return true;
}

/* One of those that match, spread by vector (SDM 3A 10.6.2.4). */
static int lapic_deliver_lowest(struct kvm *kvm, struct lapic *src, const struct lapic_irq *irq)
{
	struct kvm_vcpu *vcpu;
	struct lapic *a;
	unsigned int i, n = 0, pick;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		a = to_x86(vcpu)->apic;
		n += a && a->enabled && a->sw_enabled && lapic_matches(a, src, irq);
	}
	if (!n)
		return -1;
	pick = irq->vector % n;
	kvm_for_each_vcpu(i, vcpu, kvm) {
		a = to_x86(vcpu)->apic;
		if (a && a->enabled && a->sw_enabled && lapic_matches(a, src, irq) && !pick--)
			return lapic_deliver_one(a, irq, -1);
	}
	return -1;
}

/**
 * lapic_deliver() - send a message to the LAPICs it is addressed to
 * @kvm: the VM
 * @src: the sender, or NULL
 * @irq: the message
 *
 * Context: any.
 * Return: number of LAPICs that took it, -1 for none.
 */
int lapic_deliver(struct kvm *kvm, struct lapic *src, const struct lapic_irq *irq)
{
	struct kvm_vcpu *vcpu;
	struct lapic *a;
	unsigned int i;
	int ret = -1;

	rcu_read_lock();
	if (lapic_deliver_fast(kvm, src, irq, &ret))
		goto out;
	if (irq->mode == APIC_DM_LOWEST || (irq->msi && irq->logical)) {
		ret = lapic_deliver_lowest(kvm, src, irq);
		goto out;
	}
	kvm_for_each_vcpu(i, vcpu, kvm) {
		a = to_x86(vcpu)->apic;
		if (a && a->enabled && lapic_matches(a, src, irq))
			ret = lapic_deliver_one(a, irq, ret);
	}
out:
	rcu_read_unlock();
	return ret;
}

static struct lapic_irq icr_message(struct lapic *a, u32 lo, u32 hi)
{
	struct lapic_irq irq = {
		.vector = lo & APIC_VECTOR_MASK,
		.mode = lo & APIC_MODE_MASK,
		.logical = lo & APIC_DEST_LOGICAL,
		.level = lo & APIC_INT_ASSERT,
		.trig_level = lo & APIC_INT_LEVELTRIG,
		.shorthand = lo & 0xc0000,
		.wide = a->x2apic,
		.dest = a->x2apic ? hi : GET_XAPIC_DEST_FIELD(hi),
	};

	/* Only INIT de-assert knows levels between APICs. */
	if (irq.mode != APIC_DM_INIT)
		irq.trig_level = false;
	return irq;
}

void lapic_send_ipi(struct lapic *a, u32 lo, u32 hi)
{
	struct lapic_irq irq = icr_message(a, lo, hi);

	trace_kvm_apic_ipi(lo, irq.dest);
	lapic_deliver(a->v->vcpu.kvm, a, &irq);
}

void lapic_ipi_posted(struct x86_vcpu *v, u32 lo, u32 hi)
{
	struct lapic_irq irq = icr_message(v->apic, lo, hi);
	struct kvm_vcpu *vcpu;
	struct lapic *a;
	unsigned int i;

	rcu_read_lock();
	kvm_for_each_vcpu(i, vcpu, v->vcpu.kvm) {
		a = to_x86(vcpu)->apic;
		if (a && a->enabled && lapic_matches(a, v->apic, &irq))
			lapic_take_posted(a, irq.vector);
	}
	rcu_read_unlock();
}
KVM_EXPORT(lapic_ipi_posted);

static struct lapic_irq message_of(struct kvm *kvm, const struct kvm_msi_msg *msg)
{
	return msi_message(msg->address_lo, msg->address_hi, msg->data,
			   to_x86_vm(kvm)->irqchip.x2apic_format);
}

int lapic_deliver_msi(struct kvm *kvm, const struct kvm_msi_msg *msg)
{
	struct lapic_irq irq = message_of(kvm, msg);

	return lapic_deliver(kvm, NULL, &irq);
}

struct lapic *lapic_post_target(struct kvm *kvm, const struct kvm_msi_msg *msg, u8 *vector)
{
	struct lapic_irq irq = message_of(kvm, msg);
	struct msi_target target = {};
	struct kvm_vcpu *vcpu;
	struct lapic *a;
	unsigned int i;

	if (!msi_may_post(&irq))
		return NULL;
	kvm_for_each_vcpu(i, vcpu, kvm) {
		a = to_x86(vcpu)->apic;
		if (a && a->enabled && lapic_matches(a, NULL, &irq))
			msi_target_add(&target, a, READ_ONCE(a->hw_delivers) && a->sw_enabled);
	}
	*vector = irq.vector;
	return target.apic;
}

int lapic_pv_send_ipi(struct kvm *kvm, unsigned long lo, unsigned long hi, u32 min, u32 icr,
		      bool mode64)
{
	unsigned long map[2] = { lo, hi };
	unsigned int i, word, bits = mode64 ? 64 : 32;
	struct lapic_irq irq = {
		.vector = icr & APIC_VECTOR_MASK,
		.mode = icr & APIC_MODE_MASK,
		.level = icr & APIC_INT_ASSERT,
		.wide = true,
	};
	int n = 0, ret;

	if (icr & APIC_DEST_LOGICAL || (icr & 0xc0000))
		return -KVM_EINVAL;
	for (word = 0; word < 2; word++)
		for_each_set_bit(i, &map[word], bits) {
			if (check_add_overflow(min, i + word * bits, &irq.dest))
				continue;
			ret = lapic_deliver(kvm, NULL, &irq);
			n += ret > 0 ? ret : 0;
		}
	return n;
}

struct kvm_vcpu *lapic_vcpu_by_id(struct kvm *kvm, u32 apic_id)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		struct x86_vcpu *v = to_x86(vcpu);

		if (v->apic && lapic_id(v->apic) == apic_id)
			return vcpu;
	}
	return NULL;
}

void lapic_pv_kick(struct kvm *kvm, u32 apic_id)
{
	struct kvm_vcpu *vcpu = lapic_vcpu_by_id(kvm, apic_id);

	if (!vcpu)
		return;
	WRITE_ONCE(to_x86(vcpu)->pv_unhalted, true);
	kvm_request(vcpu, KVM_REQ_UNBLOCK);
	kvm_vcpu_kick(vcpu);
}
