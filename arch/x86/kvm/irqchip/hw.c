// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APICs whose interrupts hardware delivers (x86_caps.apicv): it then moves
 * vectors from IRR to ISR and does the EOI, in the register page, while the guest
 * runs. Others post beside the IRR, and the vCPU's thread collects; or in the IRR
 * where hardware shares it (AVIC).
 */
#include <linux/bitmap.h>
#include <linux/mm.h>

#include "lapic.h"
#include "../core.h"
#include "../ioctls.h"

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
 * The page is for all vCPUs, while each may move or disable its APIC. As long as one
 * that hardware does not redirect could touch it, it is not there: accesses exit.
 * vCPUs in x2APIC mode are let alone: no APIC is where they could look for one.
 */
static bool lapic_needs_exits(struct lapic *a, enum lapic_hw_mode mode)
{
	if (mode == LAPIC_HW_X2APIC)
		return false;
	return mode == LAPIC_HW_OFF || a->v->vapic.report ||
	       (a->base_msr & PAGE_MASK) != APIC_DEFAULT_PHYS_BASE;
}

/* Before the vCPU enters in its new mode, and while no other does in an old one */
static void lapic_review_page(struct lapic *a, bool needs)
{
	struct kvm *kvm = a->v->vcpu.kvm;
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;
	struct kvm_vcpu *vcpu;
	unsigned int i;

	if (!x86_caps.apic_page || needs == a->needs_exits)
		return;
	mutex_lock(&ic->map_lock);
	a->needs_exits = needs;
	ic->need_exits += needs ? 1 : -1;
	if (ic->need_exits == needs)
		mmu_show_own_page(kvm, needs ? NULL : ic->apic_page);
	/* The others know the page as a device's. */
	if (!ic->need_exits)
		kvm_for_each_vcpu(i, vcpu, kvm)
			kvm_request(vcpu, X86_REQ_APIC_MODE);
	mutex_unlock(&ic->map_lock);
}

/*
 * AVIC takes what waits out of the IRR whenever the guest runs. It knows no window
 * for an interrupt from elsewhere, does not tell of an edge's EOI, looks at no SVR,
 * and redirects one address.
 */
static bool lapic_avic_can(const struct lapic *a)
{
	DECLARE_BITMAP(awaited, 256) = {};
	struct x86_vcpu *v = a->v;

	hyperv_add_vectors(v, awaited);
	return a->sw_enabled && !lapic_takes_extint(v) && v->ext_vector < 0 &&
	       bitmap_empty(awaited, 256) &&
	       !v->vapic.report && !x86_wants_user_irq_exit(v) &&
	       !pit_wants_eoi(v->vcpu.kvm) &&
	       (a->base_msr & PAGE_MASK) == APIC_DEFAULT_PHYS_BASE;
}

static enum lapic_hw_mode lapic_mode(const struct lapic *a)
{
	enum lapic_hw_mode mode = a->x2apic ? LAPIC_HW_X2APIC : LAPIC_HW_XAPIC;

	if (!x86_caps.apicv || !a->enabled || a->v->vapic.on || hyperv_has_auto_eoi(a->v) ||
	    (a->v->dbg.guest_debug & KVM_GUESTDBG_BLOCKIRQ))
		return LAPIC_HW_OFF;
	if (x86_caps.avic && !lapic_avic_can(a))
		return LAPIC_HW_OFF;
	return READ_ONCE(to_x86_vm(a->v->vcpu.kvm)->irqchip.hw_modes) & BIT(mode) ?
	       mode : LAPIC_HW_OFF;
}

void lapic_review_mode(struct x86_vcpu *v)
{
	if (x86_caps.avic)
		kvm_request(&v->vcpu, X86_REQ_APIC_MODE);
}
KVM_EXPORT(lapic_review_mode);

bool lapic_get_ids(struct x86_vcpu *v, struct lapic_ids *ids)
{
	const struct lapic *a = v->apic;

	if (!a || !a->enabled)
		return false;
	*ids = (struct lapic_ids) {
		.id = lapic_id(a), .ldr = lapic_reg(a, APIC_LDR), .dfr = lapic_reg(a, APIC_DFR),
		.x2apic = a->x2apic, .takes = READ_ONCE(a->hw_delivers) && a->sw_enabled,
	};
	return true;
}
KVM_EXPORT(lapic_get_ids);

void lapic_tell_ids(struct kvm *kvm)
{
	struct irqchip_vm *ic = &to_x86_vm(kvm)->irqchip;
	u32 modes;

	if (!static_branch_unlikely(&lapic_posts))
		return;
	kvm_bypass_review(kvm);
	modes = x86_op(set_apic_ids)(kvm);
	if (modes == ic->hw_modes)
		return;
	WRITE_ONCE(ic->hw_modes, modes);
	lapic_eoi_exits_changed(kvm);
}

void lapic_choose_mode(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;
	struct irqchip_vm *ic = &to_x86_vm(v->vcpu.kvm)->irqchip;
	enum lapic_hw_mode mode;
	bool was;

	if (!a)
		return;
	/* The bit is about a vector that software has in service. */
	if (static_branch_unlikely(&lapic_pv_eoi))
		pv_eoi_take_back(v);
	mode = lapic_mode(a);
	lapic_review_page(a, lapic_needs_exits(a, mode));
	mmu_forget_mmio(v, gpa_to_gfn(APIC_DEFAULT_PHYS_BASE));
	was = a->hw_delivers;
	WRITE_ONCE(a->hw_delivers, mode != LAPIC_HW_OFF);
	a->highest_isr = lapic_highest(a, APIC_ISR);
	WRITE_ONCE(a->irr_pending, true);
	x86_op(set_apic_mode)(v, mode);
	if (was != a->hw_delivers) {
		mutex_lock(&ic->map_lock);
		lapic_tell_ids(v->vcpu.kvm);
		mutex_unlock(&ic->map_lock);
	}
	kvm_request(&v->vcpu, X86_REQ_SCAN_IOAPIC);
	kvm_request(&v->vcpu, X86_REQ_EVENT);
}

/* Which EOIs somebody waits for changed, or hw_modes. Any context */
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

	if (!v->apic)
		return;
	if ((lapic_mode(v->apic) != LAPIC_HW_OFF) != v->apic->hw_delivers)
		lapic_choose_mode(v);
	if (!v->apic->hw_delivers || x86_caps.avic)
		return;
	if (ic->ioapic)
		ioapic_add_vectors(ic->ioapic, vectors);
	hyperv_add_vectors(v, vectors);
	for (i = 0; i < 8 && ic->mode == IRQCHIP_SPLIT; i++)
		vectors[i / 2] |= (unsigned long)lapic_reg(v->apic, APIC_TMR + i * 0x10) <<
				  (i & 1) * 32;
	x86_op(set_eoi_exits)(v, vectors);
}
