// SPDX-License-Identifier: GPL-2.0-only
/* The controllers' creation and state, and how GSIs reach their pins. */
#include <linux/slab.h>

#include "lapic.h"
#include "../trace.h"

int irqchip_module_init(void)
{
	return 0;
}

void irqchip_module_exit(void)
{
}

int irqchip_vm_init(struct kvm *kvm)
{
	mutex_init(&to_x86_vm(kvm)->irqchip.map_lock);
	to_x86_vm(kvm)->irqchip.hw_modes = ~0;
	return 0;
}

void irqchip_vm_quiesce(struct kvm *kvm)
{
	pit_quiesce(kvm);
}

void irqchip_vm_destroy(struct kvm *kvm)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;

	pit_destroy(kvm);
	ioapic_destroy(kvm);
	pic_destroy(kvm);
	lapic_map_free(kvm);
	if (ic->apic_page)
		__free_page(ic->apic_page);
}

void irqchip_vcpu_online(struct x86_vcpu *v)
{
	if (v->apic)
		lapic_map_changed(v->vcpu.kvm);
}

/* ISA lines go to a PIC and to the IOAPIC, the rest to the IOAPIC alone. */
static int irqchip_default_routes(struct kvm *kvm)
{
	struct kvm_irq_routing_entry *e;
	unsigned int gsi, n = 0;
	int ret;

	e = kcalloc(16 + KVM_IOAPIC_NUM_PINS, sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	for (gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++) {
		if (gsi < 16) {
			e[n].gsi = gsi;
			e[n].type = KVM_IRQ_ROUTING_IRQCHIP;
			e[n].u.irqchip.irqchip = gsi < 8 ? KVM_IRQCHIP_PIC_MASTER :
							   KVM_IRQCHIP_PIC_SLAVE;
			e[n++].u.irqchip.pin = gsi & 7;
		}
		e[n].gsi = gsi;
		e[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		e[n].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		e[n++].u.irqchip.pin = gsi;
	}
	ret = kvm_set_routes(kvm, e, n);
	kfree(e);
	return ret;
}

static void irqchip_undo(struct kvm *kvm)
{
	/* Devices leave the bus before their memory goes. */
	mutex_lock(&kvm->slots_lock);
	ioapic_unplug(kvm);
	pic_unplug(kvm);
	mutex_unlock(&kvm->slots_lock);
	ioapic_destroy(kvm);
	pic_destroy(kvm);
}

/* KVM_CREATE_IRQCHIP: PICs, IOAPIC, and a LAPIC for each vCPU to come. */
int irqchip_create(struct kvm *kvm)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;
	int ret;

	if (ic->mode != IRQCHIP_NONE)
		return -EEXIST;
	if (kvm->created_vcpus)
		return -EINVAL;
	ret = pic_create(kvm);
	if (ret)
		return ret;
	ret = ioapic_create(kvm);
	if (ret)
		goto undo;
	ret = irqchip_default_routes(kvm);
	if (ret)
		goto undo;
	/*
	 * Readers look at the mode first: chips before it. Routes too, so that user
	 * space can't have made any of its own when the chips have to go again.
	 */
	smp_store_release((int *)&ic->mode, IRQCHIP_KERNEL);
	lapic_show_page(kvm);
	return 0;
undo:
	irqchip_undo(kvm);
	return ret;
}

/* KVM_CAP_SPLIT_IRQCHIP: LAPICs here, PICs and IOAPIC in user space. */
int irqchip_create_split(struct kvm *kvm, unsigned int pins)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;

	if (ic->mode != IRQCHIP_NONE || kvm->created_vcpus)
		return -EEXIST;
	ic->split_pins = min(pins, 255u);
	smp_store_release((int *)&ic->mode, IRQCHIP_SPLIT);
	lapic_show_page(kvm);
	return 0;
}

int irqchip_get(struct kvm *kvm, struct kvm_irqchip *chip)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;

	if (ic->mode != IRQCHIP_KERNEL)
		return -ENXIO;
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		return pic_get(ic->pic, chip->chip_id, &chip->chip.pic);
	case KVM_IRQCHIP_IOAPIC:
		return ioapic_get(ic->ioapic, &chip->chip.ioapic);
	default:
		return -EINVAL;
	}
}

int irqchip_set(struct kvm *kvm, const struct kvm_irqchip *chip)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;

	if (ic->mode != IRQCHIP_KERNEL)
		return -ENXIO;
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		return pic_set(ic->pic, chip->chip_id, &chip->chip.pic);
	case KVM_IRQCHIP_IOAPIC:
		return ioapic_set(ic->ioapic, &chip->chip.ioapic);
	default:
		return -EINVAL;
	}
}

static int route_pic(const struct kvm_irq_route *r, struct kvm *kvm, int source, int level,
		     bool line_status)
{
	unsigned int irq = r->chip.pin + (r->chip.irqchip == KVM_IRQCHIP_PIC_SLAVE ? 8 : 0);

	return pic_set_irq(to_x86_vm(kvm)->irqchip.pic, irq, source, level);
}

static int route_ioapic(const struct kvm_irq_route *r, struct kvm *kvm, int source, int level,
			bool line_status)
{
	return ioapic_set_irq(to_x86_vm(kvm)->irqchip.ioapic, r->chip.pin, source, level,
			      line_status);
}

static int route_msi(const struct kvm_irq_route *r, struct kvm *kvm, int source, int level,
		     bool line_status)
{
	int ret;

	if (!level)
		return -1;
	trace_kvm_msi_set_irq(r->msi.address_lo | (to_x86_vm(kvm)->irqchip.x2apic_format ?
						   (u64)r->msi.address_hi << 32 : 0), r->msi.data);
	ret = lapic_deliver_msi(kvm, &r->msi);
	/* 0 if the guest blocked it: there is nobody of that name, or is switched off. */
	return ret < 0 && kvm->created_vcpus ? 0 : ret;
}

static int set_chip_route(struct irqchip_vm *ic, struct kvm_irq_route *r,
			  const struct kvm_irq_routing_irqchip *u)
{
	unsigned int pins = 8;

	/* Split: the pins are user space's. */
	if (!ic->pic || !ic->ioapic)
		return -EINVAL;
	switch (u->irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		r->set = route_pic;
		break;
	case KVM_IRQCHIP_IOAPIC:
		pins = KVM_IOAPIC_NUM_PINS;
		r->set = route_ioapic;
		break;
	default:
		return -EINVAL;
	}
	if (u->pin >= pins)
		return -EINVAL;
	r->chip.irqchip = u->irqchip;
	r->chip.pin = u->pin;
	return 0;
}

int kvm_arch_set_route(struct kvm *kvm, struct kvm_irq_route *r,
		       const struct kvm_irq_routing_entry *ue)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;

	switch (ue->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		return set_chip_route(ic, r, &ue->u.irqchip);
	case KVM_IRQ_ROUTING_MSI:
		if (!irqchip_in_kernel(ic))
			return -EINVAL;
		/* With wide ids the high address holds bits 31 to 8 of the id alone. */
		if (ic->x2apic_format && (ue->u.msi.address_hi & 0xff))
			return -EINVAL;
		r->set = route_msi;
		r->msi.address_lo = ue->u.msi.address_lo;
		r->msi.address_hi = ue->u.msi.address_hi;
		r->msi.data = ue->u.msi.data;
		return 0;
	case KVM_IRQ_ROUTING_HV_SINT:
		hyperv_set_route(r, ue);
		return 0;
	default:
		return -EINVAL;
	}
}

void kvm_arch_routes_changed(struct kvm *kvm)
{
}

/* All of our controllers take locks with IRQs off: nothing needs a worker. */
int kvm_arch_set_irq_atomic(const struct kvm_irq_route *r, struct kvm *kvm, int source, int level)
{
	return r->set(r, kvm, source, level, false);
}

bool kvm_arch_may_post(void)
{
	return x86_caps.posts_irqs;
}

void kvm_arch_post_irq(struct kvm *kvm, unsigned int irq, const struct kvm_msi_msg *msg,
		       struct kvm_posted *now)
{
	u8 vector = 0;
	struct lapic *a = msg ? lapic_post_target(kvm, msg, &vector) : NULL;
	struct x86_vcpu *v = a ? a->v : NULL;

	if (now->v == v && (!v || now->vector == vector))
		return;
	/* Its old target must not get it any more. */
	if (x86_op(post_irq)(v, irq, vector) && v) {
		if (now->v)
			x86_op(post_irq)(NULL, irq, 0);
		v = NULL;
	}
	now->v = v;
	now->vector = vector;
}
