// SPDX-License-Identifier: GPL-2.0-only
/*
 * What hardware does of the local APIC (SDM 3C 30). Its virtual-APIC page is the
 * register page of the in-kernel APIC, so there is nothing to copy.
 */
#include <linux/io.h>
#include <asm/apic.h>
#include <asm/irq_vectors.h>

#include "block.h"

/* Controls that go with an in-kernel APIC; before they are written to the VMCS. */
void vmx_apic_fill(struct vmx_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;
	struct irqchip_vm *ic = &to_x86_vm(v->vcpu.kvm)->irqchip;

	if (!vmx_hw.tpr_shadow || !v->apic)
		return;
	s->primary &= ~(CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING);
	s->primary |= CPU_BASED_TPR_SHADOW;
	vmx_write(VIRTUAL_APIC_PAGE_ADDR, virt_to_phys(lapic_page(v)));
	vmx_write(TPR_THRESHOLD, 0);
	if (vmx_hw.posted) {
		vmx_write(POSTED_INTR_NV, POSTED_INTR_VECTOR);
		vmx_write(POSTED_INTR_DESC_ADDR, virt_to_phys(lapic_posted(v)));
	}
	vmx_ipiv_fill(s);
	if (!ic->apic_page)
		return;
	s->apic_page = true;
	vmx_write(APIC_ACCESS_ADDR, page_to_phys(ic->apic_page));
}

static void vmx_set_tpr_threshold(struct vmx_vcpu *s, u8 threshold)
{
	if (!(s->primary & CPU_BASED_TPR_SHADOW) || threshold == s->tpr_threshold)
		return;
	s->tpr_threshold = threshold;
	vmx_write(TPR_THRESHOLD, threshold);
}

void vmx_set_apic_mode(struct x86_vcpu *v, enum lapic_hw_mode mode)
{
	struct vmx_vcpu *s = to_vmx(v);
	bool x2apic = mode == LAPIC_HW_X2APIC;
	bool page = mode == LAPIC_HW_XAPIC && s->apic_page;
	u32 old = s->secondary;

	if (!vmx_hw.apicv)
		return;
	if (vmx_hw.posted)
		vmx_control(&s->pin, PIN_BASED_VM_EXEC_CONTROL, PIN_BASED_POSTED_INTR,
			    mode != LAPIC_HW_OFF);
	vmx_ipiv_set_mode(mode != LAPIC_HW_OFF);
	vmx_secondary(s, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY, mode != LAPIC_HW_OFF);
	vmx_secondary(s, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, x2apic);
	vmx_secondary(s, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES, page);
	vmx_secondary(s, SECONDARY_EXEC_APIC_REGISTER_VIRT, x2apic || page);
	/* Translations may be cached with or without the redirection (SDM 3C 29.4.3.4). */
	if (s->secondary != old)
		vmx_flush_tlb(v);
	vmx_bitmap_x2apic(s, x2apic);
	/* Hardware that delivers looks at all it may let in on its own. */
	vmx_set_tpr_threshold(s, 0);
}

/* Once per batch: the CPU clears the flag, then looks at the vectors (SDM 3C 30.6). */
bool vmx_notify_guest(struct x86_vcpu *v, int cpu)
{
	if (!vmx_hw.posted)
		return false;
	if (!test_and_set_bit(LAPIC_NOTIFIED, &lapic_posted(v)->flags))
		apic->send_IPI(cpu, POSTED_INTR_VECTOR);
	return true;
}

/* SDM 3C 30.1.4 */
void vmx_set_eoi_exits(struct x86_vcpu *v, const unsigned long *vectors)
{
	unsigned int i;

	if (!vmx_hw.apicv)
		return;
	for (i = 0; i < 4; i++)
		vmx_write(EOI_EXIT_BITMAP0 + 2 * i, vectors[i]);
}

/*
 * Virtual-interrupt delivery keeps both vectors while the guest runs (SDM 3C
 * 25.4.2). Without it, entry insists on a threshold that the TPR is not below
 * already (SDM 3C 27.2.1.1).
 */
void vmx_sync_irqs(struct x86_vcpu *v, int tpr, int irr, int isr)
{
	struct vmx_vcpu *s = to_vmx(v);

	if (s->secondary & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)
		vmx_write(GUEST_INTR_STATUS, max(isr, 0) << 8 | max(irr, 0));
	else
		vmx_set_tpr_threshold(s, irr >= 0 && (tpr >> 4) >= (irr >> 4) ? irr >> 4 : 0);
}
