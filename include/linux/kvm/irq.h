/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupt routing: from a GSI or MSI to the controllers' pins and LAPICs. */
#ifndef LINUX_KVM_IRQ_H
#define LINUX_KVM_IRQ_H

#include <linux/kvm/vm.h>

#define KVM_MAX_ROUTES		4096	/* KVM_CAP_IRQ_ROUTING */
#define KVM_IRQCHIP_PINS_MAX	24
#define KVM_NR_IRQCHIPS_ARCH	3

/* Who holds a line up; a GSI's level is the OR over sources. */
#define KVM_IRQ_SRC_USER	0
#define KVM_IRQ_SRC_RESAMPLE	1
#define KVM_IRQ_SRC_PIT		2

struct kvm_msi_msg {
	u32 address_lo;
	u32 address_hi;
	u32 data;
	u32 devid;
};

/* Where a device's interrupt is posted to; NULL: it is the host's. kvm->bypass_lock */
struct kvm_posted {
	struct x86_vcpu *v;
	u8 vector;
};

struct kvm_irq_route {
	u32 gsi;
	u32 type;			/* KVM_IRQ_ROUTING_* */
	/* Any context. >0 delivered to that many, 0 coalesced, <0 ignored/masked. */
	int (*set)(const struct kvm_irq_route *r, struct kvm *kvm, int source, int level,
		   bool line_status);
	union {
		struct {
			u32 irqchip;
			u32 pin;
		} chip;
		struct kvm_msi_msg msi;
		struct {
			u32 vcpu;	/* by what the guest calls it */
			u32 sint;
		} hv_sint;
	};
	struct hlist_node link;		/* same gsi; RCU */
};

/* Immutable table, replaced as a whole under irq_lock; read under rcu_read_lock(). */
struct kvm_irq_routes {
	struct rcu_head rcu;
	u32 nr_gsi;
	u32 nr_entries;
	int chip_gsi[KVM_NR_IRQCHIPS_ARCH][KVM_IRQCHIP_PINS_MAX];	/* -1: none */
	struct kvm_irq_route *entries;
	struct hlist_head by_gsi[];	/* nr_gsi of them */
};

/* Raise or lower @gsi. Result as kvm_irq_route.set(), best of all routes. Any context. */
int kvm_set_irq(struct kvm *kvm, int source, u32 gsi, int level, bool line_status);
int kvm_set_routes(struct kvm *kvm, const struct kvm_irq_routing_entry *e, unsigned int n);
void kvm_free_routes(struct kvm *kvm);

/* The table in force, or NULL: no GSI has a route yet. rcu_read_lock() or irq_lock held. */
static inline const struct kvm_irq_routes *kvm_routes(struct kvm *kvm)
{
	return rcu_dereference_check(kvm->routes, lockdep_is_held(&kvm->irq_lock));
}

/*
 * Called on EOI of a pin, under RCU. Any context. The owner frees a notifier
 * a grace period after it is unregistered (kfree_rcu and the like).
 */
struct kvm_ack_notifier {
	struct hlist_node link;
	u32 gsi;
	void (*acked)(struct kvm_ack_notifier *n);
};
void kvm_notify_acked(struct kvm *kvm, unsigned int chip, unsigned int pin);
/* Likewise of GSIs that end at no pin: those whose route @mine says yes to. */
void kvm_notify_acked_routes(struct kvm *kvm,
			     bool (*mine)(const struct kvm_irq_route *r, const void *arg),
			     const void *arg);
bool kvm_has_ack_notifier(struct kvm *kvm, unsigned int chip, unsigned int pin);
void kvm_register_ack_notifier(struct kvm *kvm, struct kvm_ack_notifier *n);
void kvm_unregister_ack_notifier(struct kvm *kvm, struct kvm_ack_notifier *n);

/* bypass.c: routes changed, or where their messages go. Process context */
void kvm_bypass_review(struct kvm *kvm);

int kvm_irqfd(struct kvm *kvm, const struct kvm_irqfd *args);
void kvm_irqfd_release(struct kvm *kvm);
int kvm_irqfd_module_init(void);
void kvm_irqfd_module_exit(void);
int kvm_ioeventfd(struct kvm *kvm, const struct kvm_ioeventfd *args);
void kvm_ioeventfd_release(struct kvm *kvm);

#endif
