// SPDX-License-Identifier: GPL-2.0-only
/*
 * What hardware does of the local APIC: V_TPR, which CR8 reads and writes (APM 2
 * 15.21.2), and with AVIC the rest (avic.c).
 */
#include "block.h"

void svm_set_apic_mode(struct x86_vcpu *v, enum lapic_hw_mode mode)
{
	if (svm_hw.avic)
		svm_avic_set_mode(to_svm(v), mode);
}

bool svm_notify_guest(struct x86_vcpu *v, int cpu)
{
	if (!svm_hw.avic)
		return false;
	svm_avic_ring(cpu);
	return true;
}

void svm_set_sleep(struct x86_vcpu *v, bool sleeps)
{
	if (svm_hw.avic && v->apic)
		svm_avic_set_sleep(to_svm(v), sleeps);
}

/* Needs the IOMMU's log of whom to wake, which is not read yet: posts_irqs is off. */
int svm_post_irq(struct x86_vcpu *v, unsigned int irq, u8 vector)
{
	return -EOPNOTSUPP;
}

/* AVIC has no say in it: level-triggered ones exit. See lapic_avic_can(). */
void svm_set_eoi_exits(struct x86_vcpu *v, const unsigned long *vectors)
{
}

u32 svm_set_apic_ids(struct kvm *kvm)
{
	return svm_hw.avic ? svm_avic_set_ids(kvm) : ~0u;
}

/*
 * CR8 writes only matter while they may let a waiting interrupt in. A LAPIC in
 * user space wants to know about each of them. With a window open they exit too:
 * QEMU's TCG aborts when the guest writes CR8 while V_IRQ waits. AVIC looks itself.
 */
void svm_sync_irqs(struct x86_vcpu *v, int tpr, int irr, int isr)
{
	struct svm_vcpu *s = to_svm(v);

	svm_intercept(s, INTERCEPT_CR8_WRITE, !s->avic.mode &&
		      ((irr >= 0 && (tpr >> 4) >= (irr >> 4)) ||
		       (s->block->control.int_ctl & V_IRQ_MASK)));
}

void svm_sync_tpr(struct svm_vcpu *s)
{
	struct vmcb_control_area *c = &s->block->control;
	u8 tpr = x86_get_cr8(&s->x86) & V_TPR_MASK;

	if (tpr == s->tpr)
		return;
	s->tpr = tpr;
	c->int_ctl = (c->int_ctl & ~V_TPR_MASK) | tpr;
	svm_touch(s, SVM_CLEAN_TPR);
}
