// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLB tags and flushes, and the log of pages that the CPU makes dirty. Each vCPU has
 * a VPID of its own as long as there are some, and shares the second-level tables'
 * tag with the VM's other vCPUs. What is to be flushed is flushed right before the
 * next entry, on the CPU it is made.
 */
#include <linux/bitmap.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

#include "block.h"

static DEFINE_SPINLOCK(vpid_lock);
static unsigned long *vpid_used;	/* vpid_lock */

int vmx_vpids_init(void)
{
	if (!vmx_hw.vpid)
		return 0;
	vpid_used = bitmap_zalloc(VMX_NR_VPIDS, GFP_KERNEL);
	if (!vpid_used)
		return -ENOMEM;
	__set_bit(0, vpid_used);	/* the host's */
	return 0;
}

void vmx_vpids_exit(void)
{
	bitmap_free(vpid_used);
	vpid_used = NULL;
}

/* 0: none left; such a vCPU's entries are flushed at each entry and exit. */
u16 vmx_vpid_get(void)
{
	unsigned long vpid;

	if (!vpid_used)
		return 0;
	spin_lock(&vpid_lock);
	vpid = find_next_zero_bit(vpid_used, VMX_NR_VPIDS, 1);
	if (vpid < VMX_NR_VPIDS)
		__set_bit(vpid, vpid_used);
	else
		vpid = 0;
	spin_unlock(&vpid_lock);
	return vpid;
}

void vmx_vpid_put(u16 vpid)
{
	if (!vpid)
		return;
	spin_lock(&vpid_lock);
	__clear_bit(vpid, vpid_used);
	spin_unlock(&vpid_lock);
}

/* Faults only with VMX off: then there is nothing to flush. */
static void invept(unsigned long extent, u64 eptp)
{
	struct {
		u64 eptp, zero;
	} what = { eptp, 0 };

	asm volatile("1: invept %0, %1\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "m" (what), "r" (extent) : "cc", "memory");
}

static void invvpid(unsigned long extent, u16 vpid)
{
	struct {
		u64 vpid, address;
	} what = { vpid, 0 };

	asm volatile("1: invvpid %0, %1\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "m" (what), "r" (extent) : "cc", "memory");
}

void vmx_flush_cpu(void)
{
	if (vmx_hw.ept)
		invept(VMX_EPT_EXTENT_GLOBAL, 0);
	if (vmx_hw.vpid)
		invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
}

/* Both kinds: callers do not say whether the guest's tables changed or ours. */
void vmx_flush_now(struct vmx_vcpu *s)
{
	unsigned long extent = VMX_EPT_EXTENT_GLOBAL;

	s->flush = false;
	if (vmx_hw.ept_vpid_cap & VMX_EPT_EXTENT_CONTEXT_BIT)
		extent = VMX_EPT_EXTENT_CONTEXT;
	if (vmx_hw.ept)
		invept(extent, s->eptp);
	if (s->vpid)
		invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, s->vpid);
}

void vmx_flush_tlb(struct x86_vcpu *v)
{
	to_vmx(v)->flush = true;
}

/*
 * With extended page tables only the emulator gets here, rarely; with shadow paging
 * each INVLPG of the guest, after its tables' shadow was changed.
 */
void vmx_flush_tlb_gva(struct x86_vcpu *v, gva_t gva)
{
	vmx_flush_tlb(v);
}

void vmx_load_root(struct x86_vcpu *v, hpa_t root, int level)
{
	struct vmx_vcpu *s = to_vmx(v);

	vmx_flush_tlb(v);
	if (mmu_shadow()) {
		vmx_write(GUEST_CR3, root);
		return;
	}
	s->eptp = root | VMX_EPTP_MT_WB | (level == 5 ? VMX_EPTP_PWL_5 : VMX_EPTP_PWL_4) |
		  (vmx_hw.ept_ad ? VMX_EPTP_AD_ENABLE_BIT : 0);
	vmx_write(EPT_POINTER, s->eptp);
}

/*
 * Page-modification logging (SDM 3C 29.3.6): the CPU that sets the dirty bit of an
 * entry writes the page's address to a list. Only pages in slots with a dirty
 * log are mapped without that bit, so it can stay on. The list is empty whenever
 * the vCPU is not in the guest: vmx_take_host_irq().
 */
#define PML_LAST	(PAGE_SIZE / sizeof(u64) - 1)	/* filled from here down */

int vmx_pml_alloc(struct vmx_vcpu *s)
{
	if (!vmx_hw.pml)
		return 0;
	s->written = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return s->written ? 0 : -ENOMEM;
}

void vmx_pml_free(struct vmx_vcpu *s)
{
	if (s->written)
		__free_page(s->written);
}

void vmx_pml_start(struct vmx_vcpu *s)
{
	if (!vmx_hw.pml)
		return;
	vmx_write(PML_ADDRESS, page_to_phys(s->written));
	vmx_write(GUEST_PML_INDEX, PML_LAST);
}

void vmx_pml_drain(struct vmx_vcpu *s)
{
	const u64 *list = page_address(s->written);
	u16 next = vmx_read(GUEST_PML_INDEX), first;

	if (likely(next == PML_LAST))
		return;
	/* All used up, it has gone below 0. */
	first = next > PML_LAST ? 0 : next + 1;
	mmu_log_written(&s->x86, list + first, PML_LAST + 1 - first);
	vmx_write(GUEST_PML_INDEX, PML_LAST);
}
