// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APICs whose interrupts hardware delivers (x86_caps.apicv): it then moves
 * vectors from IRR to ISR and does the EOI, in the register page, while the guest
 * runs. So others post beside the IRR, and the vCPU's thread collects.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>

#include "lapic.h"
#include "../core.h"

DEFINE_STATIC_KEY_FALSE(lapic_posts);

void __lapic_collect_posted(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;
	unsigned long word, *posted = a ? a->posted.vectors : NULL;
	unsigned int i;
	u32 half, reg;

	if (!a)
		return;
	if (test_bit(LAPIC_NOTIFIED, &a->posted.flags)) {
		clear_bit(LAPIC_NOTIFIED, &a->posted.flags);
		smp_mb__after_atomic();	/* who finds it set has posted before we look */
	}
	for (i = 0; i < 8; i++) {
		if (!(i & 1))
			word = READ_ONCE(posted[i / 2]) ? xchg(&posted[i / 2], 0) : 0;
		half = i & 1 ? word >> 32 : word;
		reg = APIC_IRR + i * 0x10;
		if (half)
			lapic_set_reg(a, reg, lapic_reg(a, reg) | half);
	}
}

/*
 * The request is there already, for a vCPU that leaves the guest by itself before
 * the notification reaches it: it collects before it enters again.
 */
bool lapic_notify(struct lapic *a)
{
	struct kvm_vcpu *vcpu = &a->v->vcpu;
	bool done = false;
	int cpu;

	smp_mb__after_atomic();	/* the request before the mode, as for a kick */
	if (!READ_ONCE(a->hw_delivers) || READ_ONCE(vcpu->mode) != KVM_IN_GUEST)
		return false;
	/* Its EOI has to exit, and does not yet. */
	if (test_bit(X86_REQ_SCAN_IOAPIC, &vcpu->requests))
		return false;
	cpu = READ_ONCE(vcpu->cpu);
	if (cpu != get_cpu() && cpu >= 0 && cpu_online(cpu))
		done = x86_op(notify_guest)(a->v, cpu);
	put_cpu();
	return done;
}

struct lapic_posted *lapic_posted(struct x86_vcpu *v)
{
	return &v->apic->posted;
}
KVM_EXPORT(lapic_posted);

void lapic_unblock(struct x86_vcpu *v)
{
	kvm_request(&v->vcpu, KVM_REQ_UNBLOCK);
	kvm_vcpu_wake_up(&v->vcpu);
}
KVM_EXPORT(lapic_unblock);

/* Collected last, so that the next who posts finds nobody notified, and does it. */
void lapic_sleep(struct x86_vcpu *v, bool sleeps)
{
	if (!static_branch_unlikely(&lapic_posts))
		return;
	x86_op(set_sleep)(v, sleeps);
	if (sleeps)
		lapic_collect_posted(v);
}

void lapic_sync_irqs(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;
	int irr = -1;

	/* What was posted by now is not in the IRR: it comes with a request. */
	if (a->enabled && a->sw_enabled)
		irr = a->hw_delivers ? lapic_highest(a, APIC_IRR) : lapic_highest_irr(v);
	x86_op(sync_irqs)(v, lapic_get_cr8(v) << 4, irr, lapic_highest_isr(a));
}

void lapic_show_page(struct kvm *kvm)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;

	if (!x86_caps.apic_page)
		return;
	ic->apic_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	mmu_set_own_page(kvm, gpa_to_gfn(APIC_DEFAULT_PHYS_BASE), ic->apic_page);
}

/*
 * The page is for all vCPUs, while each may move or disable its APIC. If one that
 * hardware does not redirect could touch it, it goes for good: accesses exit.
 * vCPUs in x2APIC mode are let alone: no APIC is where they could look for one.
 */
static bool lapic_needs_exits(struct lapic *a, enum lapic_hw_mode mode)
{
	if (mode == LAPIC_HW_X2APIC)
		return false;
	return mode == LAPIC_HW_OFF || a->v->vapic.report ||
	       (a->base_msr & PAGE_MASK) != APIC_DEFAULT_PHYS_BASE;
}

static enum lapic_hw_mode lapic_mode(const struct lapic *a)
{
	if (!x86_caps.apicv || !a->enabled || a->v->vapic.on || hyperv_has_auto_eoi(a->v) ||
	    (a->v->dbg.guest_debug & KVM_GUESTDBG_BLOCKIRQ))
		return LAPIC_HW_OFF;
	return a->x2apic ? LAPIC_HW_X2APIC : LAPIC_HW_XAPIC;
}

void lapic_choose_mode(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;
	enum lapic_hw_mode mode;

	if (!a)
		return;
	/* The bit is about a vector that software has in service. */
	if (static_branch_unlikely(&lapic_pv_eoi))
		pv_eoi_take_back(v);
	mode = lapic_mode(a);
	if (x86_caps.apic_page && lapic_needs_exits(a, mode))
		mmu_set_own_page(v->vcpu.kvm, 0, NULL);
	WRITE_ONCE(a->hw_delivers, mode != LAPIC_HW_OFF);
	a->highest_isr = lapic_highest(a, APIC_ISR);
	WRITE_ONCE(a->irr_pending, true);
	x86_op(set_apic_mode)(v, mode);
	kvm_request(&v->vcpu, X86_REQ_SCAN_IOAPIC);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}

/* Which EOIs somebody waits for changed. Any context */
void lapic_eoi_exits_changed(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	if (!static_branch_unlikely(&lapic_posts))
		return;
	kvm_for_each_vcpu(i, vcpu, kvm) {
		kvm_request(vcpu, X86_REQ_SCAN_IOAPIC);
		kvm_vcpu_kick(vcpu);
	}
}

/* User space's IOAPIC hears of level-triggered vectors alone. */
void irqchip_scan(struct x86_vcpu *v)
{
	struct irqchip_vm *ic = &to_x86_vm(v->vcpu.kvm)->irqchip;
	DECLARE_BITMAP(vectors, 256) = {};
	unsigned int i;

	if (!v->apic || !v->apic->hw_delivers)
		return;
	if (ic->ioapic)
		ioapic_add_vectors(ic->ioapic, vectors);
	hyperv_add_vectors(v, vectors);
	for (i = 0; i < 8 && ic->mode == IRQCHIP_SPLIT; i++)
		vectors[i / 2] |= (unsigned long)lapic_reg(v->apic, APIC_TMR + i * 0x10) <<
				  (i & 1) * 32;
	x86_op(set_eoi_exits)(v, vectors);
}
