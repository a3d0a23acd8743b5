// SPDX-License-Identifier: GPL-2.0-only
/*
 * The task priority in guest memory, for guests that write it all the time.
 *
 * User space patches the guest's accesses to the TPR into accesses to a word of
 * the guest's own memory: byte 0 the TPR, for the guest to change; byte 1 the
 * class in service, byte 3 the highest vector that waits, for the guest to see
 * whether what it lowered lets something in. Then it makes a hypercall.
 * To find the instructions, accesses to the real register are reported.
 */
#include "lapic.h"
#include "../ioctls.h"

#define VAPIC_LEN	4

/* Before entry: the guest sees what the APIC has. srcu held. */
static void vapic_store(struct x86_vcpu *v)
{
	struct lapic *a = v->apic;
	int irr = lapic_highest_irr(v), isr = lapic_highest_isr(a);
	u32 word = lapic_reg(a, APIC_TASKPRI) & 0xff;

	if (isr >= 0)
		word |= (isr & 0xf0) << 8;
	if (irr >= 0)
		word |= (u32)irr << 24;
	v->vapic.stored = word;
	/* A guest without that memory any more is no worse off. */
	kvm_gmap_write(v->vcpu.kvm, &v->vapic.word, 0, &word, sizeof(word));
}

void vapic_to_guest(struct x86_vcpu *v)
{
	struct kvm *kvm = v->vcpu.kvm;
	int idx = srcu_read_lock(&kvm->srcu);

	vapic_store(v);
	srcu_read_unlock(&kvm->srcu, idx);
}

void vapic_from_guest(struct x86_vcpu *v)
{
	struct kvm *kvm = v->vcpu.kvm;
	int idx = srcu_read_lock(&kvm->srcu);
	u8 tpr;

	/* Only what the guest changed: CR8 is another way to the same register. */
	if (!kvm_gmap_read(kvm, &v->vapic.word, 0, &tpr, 1) && tpr != (u8)v->vapic.stored) {
		lapic_set_reg(v->apic, APIC_TASKPRI, tpr);
		kvm_request(&v->vcpu, X86_REQ_EVENT);
	}
	srcu_read_unlock(&kvm->srcu, idx);
}

/* The guest touched the TPR where it always was. */
void vapic_report(struct x86_vcpu *v, bool write)
{
	v->vapic.rip = x86_rip(v);
	v->vapic.write = write;
	kvm_request(&v->vcpu, X86_REQ_TPR_REPORT);
}

/* Hardware that delivers would not tell, so it may not meanwhile. */
static void vapic_switch(struct x86_vcpu *v, bool on)
{
	v->vapic.on = on;
	kvm_request(&v->vcpu, X86_REQ_APIC_MODE);
}

void vapic_reset(struct x86_vcpu *v)
{
	vapic_switch(v, false);
}

/* KVM_SET_VAPIC_ADDR; 0 switches it off. */
long vapic_ioctl_addr(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_vapic_addr *va = arg;

	if (!v->apic)
		return -EINVAL;
	if (va->vapic_addr &&
	    kvm_gmap_init(v->vcpu.kvm, &v->vapic.word, va->vapic_addr, VAPIC_LEN))
		return -EINVAL;
	vapic_switch(v, va->vapic_addr);
	return 0;
}

long vapic_ioctl_report(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_tpr_access_ctl *ctl = arg;

	if (ctl->flags)
		return -EINVAL;
	v->vapic.report = ctl->enabled;
	kvm_request(&v->vcpu, X86_REQ_APIC_MODE);
	return 0;
}
