// SPDX-License-Identifier: GPL-2.0-only
/*
 * What hardware does of the local APIC (SDM 3C 30). Its virtual-APIC page is the
 * register page of the in-kernel APIC, so there is nothing to copy.
 */
#include <linux/io.h>

#include "block.h"

/* Controls that go with an in-kernel APIC; before they are written to the VMCS. */
void vmx_apic_fill(struct vmx_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;

	if (!vmx_hw.tpr_shadow || !v->apic)
		return;
	s->primary &= ~(CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING);
	s->primary |= CPU_BASED_TPR_SHADOW;
	vmx_write(VIRTUAL_APIC_PAGE_ADDR, virt_to_phys(lapic_page(v)));
	vmx_write(TPR_THRESHOLD, 0);
}

/* Entry insists on a threshold that the TPR is not below already (SDM 3C 27.2.1.1). */
void vmx_update_tpr_threshold(struct x86_vcpu *v, int tpr, int irr)
{
	struct vmx_vcpu *s = to_vmx(v);
	u8 threshold = irr >= 0 && (tpr >> 4) >= (irr >> 4) ? irr >> 4 : 0;

	if (!(s->primary & CPU_BASED_TPR_SHADOW) || threshold == s->tpr_threshold)
		return;
	s->tpr_threshold = threshold;
	vmx_write(TPR_THRESHOLD, threshold);
}
