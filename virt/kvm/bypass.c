// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of the host's devices that go to the guest without the host: an irqfd
 * meets the device's interrupt by the eventfd that both have, in irqbypass.ko, and the
 * architecture has the IOMMU post it, as long as its GSI's route allows.
 *
 * irqbypass.ko need not be loaded, and is asked for on hosts alone that can post.
 *
 * Lock order: irq_lock > irqbypass.ko's > bypass_lock, and the architecture's lock
 * of where interrupts go > bypass_lock.
 */
#include <linux/module.h>
#include <linux/nospec.h>
#include "virt.h"

static struct kvm_bypass *to_bypass(struct irq_bypass_consumer *consumer)
{
	return container_of(consumer, struct kvm_bypass, consumer);
}

/* bypass_lock held. A table that comes later is followed by another review. */
static void review(struct kvm_bypass *b)
{
	const struct kvm_irq_route *r = NULL;
	const struct kvm_irq_routes *t;
	struct kvm_msi_msg msg;
	bool is_msi;

	rcu_read_lock();
	t = kvm_routes(b->kvm);
	if (t && b->gsi < t->nr_gsi)
		r = hlist_entry_safe(t->by_gsi[array_index_nospec(b->gsi, t->nr_gsi)].first,
				     struct kvm_irq_route, link);
	/* An MSI is its GSI's only route. */
	is_msi = r && r->type == KVM_IRQ_ROUTING_MSI;
	if (is_msi)
		msg = r->msi;
	rcu_read_unlock();
	kvm_arch_post_irq(b->kvm, b->host_irq, is_msi ? &msg : NULL, &b->posted);
}

/* What can't be posted now may later: never an error. */
static int add_producer(struct irq_bypass_consumer *consumer, struct irq_bypass_producer *producer)
{
	struct kvm_bypass *b = to_bypass(consumer);

	mutex_lock(&b->kvm->bypass_lock);
	b->host_irq = producer->irq;
	list_add(&b->link, &b->kvm->bypasses);
	review(b);
	mutex_unlock(&b->kvm->bypass_lock);
	return 0;
}

static void del_producer(struct irq_bypass_consumer *consumer, struct irq_bypass_producer *producer)
{
	struct kvm_bypass *b = to_bypass(consumer);

	mutex_lock(&b->kvm->bypass_lock);
	list_del(&b->link);
	kvm_arch_post_irq(b->kvm, b->host_irq, NULL, &b->posted);
	mutex_unlock(&b->kvm->bypass_lock);
}

void kvm_bypass_join(struct kvm_bypass *b, struct kvm *kvm, u32 gsi, void *token)
{
	int (*join)(struct irq_bypass_consumer *consumer);

	if (!kvm_arch_may_post())
		return;
	join = symbol_get(irq_bypass_register_consumer);
	if (!join)
		return;
	b->kvm = kvm;
	b->gsi = gsi;
	b->consumer.token = token;
	b->consumer.add_producer = add_producer;
	b->consumer.del_producer = del_producer;
	/* Another VM may have that eventfd, too: it was first. */
	b->joined = !join(&b->consumer);
	if (!b->joined)
		symbol_put(irq_bypass_register_consumer);
}

void kvm_bypass_leave(struct kvm_bypass *b)
{
	void (*leave)(struct irq_bypass_consumer *consumer);

	if (!b->joined)
		return;
	leave = symbol_get(irq_bypass_unregister_consumer);
	if (WARN_ON(!leave))	/* what joined keeps it loaded */
		return;
	leave(&b->consumer);
	symbol_put(irq_bypass_unregister_consumer);
	symbol_put(irq_bypass_register_consumer);
}

void kvm_bypass_review(struct kvm *kvm)
{
	struct kvm_bypass *b;

	if (!kvm_arch_may_post())
		return;
	mutex_lock(&kvm->bypass_lock);
	list_for_each_entry(b, &kvm->bypasses, link)
		review(b);
	mutex_unlock(&kvm->bypass_lock);
}
