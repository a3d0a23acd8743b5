// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLB tags and flushes. Each vCPU has a VPID of its own as long as there are
 * some, and shares the second-level tables' tag with the VM's other vCPUs. What
 * is to be flushed is flushed right before the next entry, on the CPU it is made.
 */
#include <linux/bitmap.h>
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
	invept(VMX_EPT_EXTENT_GLOBAL, 0);
	if (vmx_hw.vpid)
		invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
}

/* Both kinds: callers do not say whether the guest's tables changed or ours. */
void vmx_flush_now(struct vmx_vcpu *s)
{
	s->flush = false;
	if (vmx_hw.ept_vpid_cap & VMX_EPT_EXTENT_CONTEXT_BIT)
		invept(VMX_EPT_EXTENT_CONTEXT, s->eptp);
	else
		invept(VMX_EPT_EXTENT_GLOBAL, 0);
	if (s->vpid)
		invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, s->vpid);
}

void vmx_flush_tlb(struct x86_vcpu *v)
{
	to_vmx(v)->flush = true;
}

/* With extended page tables only the emulator gets here, rarely. */
void vmx_flush_tlb_gva(struct x86_vcpu *v, gva_t gva)
{
	vmx_flush_tlb(v);
}

void vmx_load_root(struct x86_vcpu *v, hpa_t root, int level)
{
	struct vmx_vcpu *s = to_vmx(v);

	s->eptp = root | VMX_EPTP_MT_WB | (level == 5 ? VMX_EPTP_PWL_5 : VMX_EPTP_PWL_4) |
		  (vmx_hw.ept_ad ? VMX_EPTP_AD_ENABLE_BIT : 0);
	vmx_write(EPT_POINTER, s->eptp);
	vmx_flush_tlb(v);
}
