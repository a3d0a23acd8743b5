// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: immutable tables under RCU, so that an interrupt can be raised
 * from any context. One in flight while the table changes may still go the
 * old way, as on a real bus; it touches nothing that the VM doesn't own.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "virt.h"
#include "virt_trace.h"

int kvm_set_irq(struct kvm *kvm, int source, u32 gsi, int level, bool line_status)
{
	const struct kvm_irq_routes *t;
	const struct kvm_irq_route *r;
	int one, ret = -1;

	trace_kvm_set_irq(gsi, level, source);
	rcu_read_lock();
	t = kvm_routes(kvm);
	if (!t || gsi >= t->nr_gsi)
		goto out;
	gsi = array_index_nospec(gsi, t->nr_gsi);
	hlist_for_each_entry_rcu(r, &t->by_gsi[gsi], link) {
		one = r->set(r, kvm, source, level, line_status);
		if (one >= 0)
			ret = one + max(ret, 0);
	}
out:
	rcu_read_unlock();
	return ret;
}

static void free_table(struct kvm_irq_routes *t)
{
	if (!t)
		return;
	kvfree(t->entries);
	kvfree(t);
}

static void free_table_rcu(struct rcu_head *rcu)
{
	free_table(container_of(rcu, struct kvm_irq_routes, rcu));
}

static struct kvm_irq_routes *alloc_table(const struct kvm_irq_routing_entry *e, unsigned int n)
{
	struct kvm_irq_routes *t;
	unsigned int i, nr_gsi = 0;

	for (i = 0; i < n; i++) {
		if (e[i].gsi >= KVM_MAX_ROUTES)
			return ERR_PTR(-EINVAL);
		nr_gsi = max(nr_gsi, e[i].gsi + 1);
	}
	t = kvzalloc(struct_size(t, by_gsi, nr_gsi), GFP_KERNEL_ACCOUNT);
	if (!t)
		return ERR_PTR(-ENOMEM);
	t->nr_gsi = nr_gsi;
	memset(t->chip_gsi, 0xff, sizeof(t->chip_gsi));
	if (!n)
		return t;
	t->entries = kvcalloc(n, sizeof(t->entries[0]), GFP_KERNEL_ACCOUNT);
	if (!t->entries) {
		free_table(t);
		return ERR_PTR(-ENOMEM);
	}
	return t;
}

/* A GSI goes to one MSI, or to one pin on each of several chips. */
static bool goes_together(const struct kvm_irq_routes *t, const struct kvm_irq_routing_entry *e)
{
	const struct kvm_irq_route *r;

	hlist_for_each_entry(r, &t->by_gsi[e->gsi], link)
		if (r->type != KVM_IRQ_ROUTING_IRQCHIP || e->type != KVM_IRQ_ROUTING_IRQCHIP ||
		    r->chip.irqchip == e->u.irqchip.irqchip)
			return false;
	return true;
}

/* irq_lock held. */
static int add_route(struct kvm *kvm, struct kvm_irq_routes *t,
		     const struct kvm_irq_routing_entry *e)
{
	u32 ok_flags = e->type == KVM_IRQ_ROUTING_MSI ? KVM_MSI_VALID_DEVID : 0;
	struct kvm_irq_route *r = &t->entries[t->nr_entries];
	int ret;

	if (e->flags & ~ok_flags || !goes_together(t, e))
		return -EINVAL;
	if (e->type == KVM_IRQ_ROUTING_IRQCHIP &&
	    (e->u.irqchip.irqchip >= KVM_NR_IRQCHIPS_ARCH ||
	     e->u.irqchip.pin >= KVM_IRQCHIP_PINS_MAX))
		return -EINVAL;
	r->gsi = e->gsi;
	r->type = e->type;
	ret = kvm_arch_set_route(kvm, r, e);
	if (ret)
		return ret;
	if (e->type == KVM_IRQ_ROUTING_IRQCHIP)
		t->chip_gsi[e->u.irqchip.irqchip][e->u.irqchip.pin] = e->gsi;
	hlist_add_head(&r->link, &t->by_gsi[e->gsi]);
	t->nr_entries++;
	return 0;
}

int kvm_set_routes(struct kvm *kvm, const struct kvm_irq_routing_entry *e, unsigned int n)
{
	struct kvm_irq_routes *new, *old;
	unsigned int i;
	int ret = 0;

	if (n > KVM_MAX_ROUTES)
		return -EINVAL;
	new = alloc_table(e, n);
	if (IS_ERR(new))
		return PTR_ERR(new);
	mutex_lock(&kvm->irq_lock);
	for (i = 0; i < n && !ret; i++)
		ret = add_route(kvm, new, &e[i]);
	if (ret) {
		old = new;
	} else {
		old = rcu_replace_pointer(kvm->routes, new, lockdep_is_held(&kvm->irq_lock));
		kvm_arch_routes_changed(kvm);
		kvm_bypass_review(kvm);
	}
	mutex_unlock(&kvm->irq_lock);
	if (old)
		call_rcu(&old->rcu, free_table_rcu);
	return ret;
}

/* The VM's end. */
void kvm_free_routes(struct kvm *kvm)
{
	free_table(rcu_dereference_protected(kvm->routes, true));
	RCU_INIT_POINTER(kvm->routes, NULL);
}

static int gsi_of_pin(const struct kvm_irq_routes *t, unsigned int chip, unsigned int pin)
{
	if (!t || chip >= KVM_NR_IRQCHIPS_ARCH || pin >= KVM_IRQCHIP_PINS_MAX)
		return -1;
	chip = array_index_nospec(chip, KVM_NR_IRQCHIPS_ARCH);
	return t->chip_gsi[chip][array_index_nospec(pin, KVM_IRQCHIP_PINS_MAX)];
}

void kvm_notify_acked(struct kvm *kvm, unsigned int chip, unsigned int pin)
{
	struct kvm_ack_notifier *n;
	int gsi;

	trace_kvm_ack_irq(chip, pin);
	rcu_read_lock();
	gsi = gsi_of_pin(kvm_routes(kvm), chip, pin);
	if (gsi >= 0)
		hlist_for_each_entry_rcu(n, &kvm->ack_notifiers, link)
			if (n->gsi == gsi)
				n->acked(n);
	rcu_read_unlock();
}

/* Such a GSI has one route. */
static const struct kvm_irq_route *only_route(const struct kvm_irq_routes *t, u32 gsi)
{
	if (!t || gsi >= t->nr_gsi)
		return NULL;
	gsi = array_index_nospec(gsi, t->nr_gsi);
	return hlist_entry_safe(t->by_gsi[gsi].first, struct kvm_irq_route, link);
}

void kvm_notify_acked_routes(struct kvm *kvm,
			     bool (*mine)(const struct kvm_irq_route *r, const void *arg),
			     const void *arg)
{
	const struct kvm_irq_route *r;
	struct kvm_ack_notifier *n;

	rcu_read_lock();
	hlist_for_each_entry_rcu(n, &kvm->ack_notifiers, link) {
		r = only_route(kvm_routes(kvm), n->gsi);
		if (r && mine(r, arg))
			n->acked(n);
	}
	rcu_read_unlock();
}

bool kvm_has_ack_notifier(struct kvm *kvm, unsigned int chip, unsigned int pin)
{
	struct kvm_ack_notifier *n;
	bool found = false;
	int gsi;

	rcu_read_lock();
	gsi = gsi_of_pin(kvm_routes(kvm), chip, pin);
	if (gsi >= 0)
		hlist_for_each_entry_rcu(n, &kvm->ack_notifiers, link)
			found |= n->gsi == gsi;
	rcu_read_unlock();
	return found;
}

void kvm_register_ack_notifier(struct kvm *kvm, struct kvm_ack_notifier *n)
{
	mutex_lock(&kvm->irq_lock);
	hlist_add_head_rcu(&n->link, &kvm->ack_notifiers);
	kvm_arch_routes_changed(kvm);
	mutex_unlock(&kvm->irq_lock);
}

void kvm_unregister_ack_notifier(struct kvm *kvm, struct kvm_ack_notifier *n)
{
	mutex_lock(&kvm->irq_lock);
	hlist_del_init_rcu(&n->link);
	kvm_arch_routes_changed(kvm);
	mutex_unlock(&kvm->irq_lock);
}

long kvm_irq_line(struct kvm *kvm, struct kvm_irq_level *line, bool status)
{
	int ret;

	if (!kvm_arch_has_irqchip(kvm))
		return -ENXIO;
	ret = kvm_set_irq(kvm, KVM_IRQ_SRC_USER, line->irq, !!line->level, status);
	if (status)
		line->status = ret;
	return 0;
}

long kvm_signal_msi(struct kvm *kvm, const struct kvm_msi *msi)
{
	struct kvm_irq_routing_entry e = {
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = {
			.address_lo = msi->address_lo,
			.address_hi = msi->address_hi,
			.data = msi->data,
			.devid = msi->devid,
		},
	};
	struct kvm_irq_route r = { .type = KVM_IRQ_ROUTING_MSI };
	int ret;

	if (!kvm_arch_has_irqchip(kvm) || msi->flags)
		return -EINVAL;
	mutex_lock(&kvm->irq_lock);
	ret = kvm_arch_set_route(kvm, &r, &e);
	mutex_unlock(&kvm->irq_lock);
	return ret ? ret : r.set(&r, kvm, KVM_IRQ_SRC_USER, 1, false);
}

long kvm_set_gsi_routing(struct kvm *kvm, const void __user *arg)
{
	const struct kvm_irq_routing __user *u = arg;
	struct kvm_irq_routing_entry *e = NULL;
	struct kvm_irq_routing head;
	int ret;

	if (copy_from_user(&head, u, sizeof(head)))
		return -EFAULT;
	if (!kvm_arch_has_irqchip(kvm) || head.nr > KVM_MAX_ROUTES || head.flags)
		return -EINVAL;
	if (head.nr) {
		e = vmemdup_user(u->entries, array_size(head.nr, sizeof(*e)));
		if (IS_ERR(e))
			return PTR_ERR(e);
	}
	ret = kvm_set_routes(kvm, e, head.nr);
	kvfree(e);
	return ret;
}
