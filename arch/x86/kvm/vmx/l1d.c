// SPDX-License-Identifier: GPL-2.0-only
/*
 * L1 terminal fault: with a page table of its own making a guest can read any line
 * that is in the CPU's L1 data cache, so no other's lines may be there when it
 * runs (admin-guide/hw-vuln/l1tf.rst). The host's policy is l1tf=, this module's
 * own the parameter vmentry_l1d_flush: never, cond (when code ran that may have
 * touched secrets: anything outside of the inner loop), always.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/hardirq.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/vmx.h>

#include "vmx.h"

#define L1D_ORDER	4		/* 64 KiB: no L1 data cache is larger than 48 */
#define LINE		64

/* Indexed by the kernel's own enum, which the kernel reports in sysfs. */
static const char *const l1d_names[] = {
	[VMENTER_L1D_FLUSH_AUTO] = "auto",
	[VMENTER_L1D_FLUSH_NEVER] = "never",
	[VMENTER_L1D_FLUSH_COND] = "cond",
	[VMENTER_L1D_FLUSH_ALWAYS] = "always",
	[VMENTER_L1D_FLUSH_NOT_REQUIRED] = "not required",
};

static enum vmx_l1d_flush_state l1d_wanted = VMENTER_L1D_FLUSH_AUTO;
static u8 *l1d_pages;

static int l1d_set(const char *val, const struct kernel_param *kp)
{
	int i;

	for (i = VMENTER_L1D_FLUSH_AUTO; i <= VMENTER_L1D_FLUSH_ALWAYS; i++)
		if (sysfs_streq(val, l1d_names[i])) {
			l1d_wanted = i;
			return 0;
		}
	return -EINVAL;
}

static int l1d_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", l1d_names[boot_cpu_has_bug(X86_BUG_L1TF) ?
						 l1tf_vmx_mitigation :
						 VMENTER_L1D_FLUSH_NOT_REQUIRED]);
}

static const struct kernel_param_ops l1d_ops = { .set = l1d_set, .get = l1d_get };
module_param_cb(vmentry_l1d_flush, &l1d_ops, NULL, 0444);
MODULE_PARM_DESC(vmentry_l1d_flush, "When to flush the L1 data cache: never, cond, always (auto)");

static enum vmx_l1d_flush_state l1d_choose(void)
{
	u64 cap = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, cap);
	if (!boot_cpu_has_bug(X86_BUG_L1TF) || (cap & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH))
		return VMENTER_L1D_FLUSH_NOT_REQUIRED;
	if (l1tf_mitigation == L1TF_MITIGATION_FULL_FORCE)
		return VMENTER_L1D_FLUSH_ALWAYS;
	if (l1d_wanted != VMENTER_L1D_FLUSH_AUTO)
		return l1d_wanted;
	switch (l1tf_mitigation) {
	case L1TF_MITIGATION_OFF:
		return VMENTER_L1D_FLUSH_NEVER;
	case L1TF_MITIGATION_FULL:
		return VMENTER_L1D_FLUSH_ALWAYS;
	default:
		return VMENTER_L1D_FLUSH_COND;
	}
}

/**
 * vmx_l1d_init() - choose when to flush, and how
 *
 * Context: process, may sleep. Return: 0 or -ENOMEM.
 */
int vmx_l1d_init(void)
{
	enum vmx_l1d_flush_state state = l1d_choose();
	struct page *page;

	vmx_hw.flush_l1d = state == VMENTER_L1D_FLUSH_COND;
	vmx_hw.flush_l1d_always = state == VMENTER_L1D_FLUSH_ALWAYS;
	if ((vmx_hw.flush_l1d || vmx_hw.flush_l1d_always) && !boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		/* Zeroed, for a shared zero page would be one line. */
		page = alloc_pages(GFP_KERNEL | __GFP_ZERO, L1D_ORDER);
		if (!page)
			return -ENOMEM;
		l1d_pages = page_address(page);
	}
	l1tf_vmx_mitigation = state;
	return 0;
}

void vmx_l1d_exit(void)
{
	l1tf_vmx_mitigation = VMENTER_L1D_FLUSH_AUTO;
	free_pages((unsigned long)l1d_pages, L1D_ORDER);
	l1d_pages = NULL;
}

/* IRQs off. Without the MSR: other lines in place of all that are there. */
noinline void vmx_l1d_flush(void)
{
	unsigned int i;

	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
		return;
	}
	/* Translations first, so that page walks do not come between. */
	for (i = 0; i < PAGE_SIZE << L1D_ORDER; i += PAGE_SIZE)
		READ_ONCE(l1d_pages[i]);
	mb();
	for (i = 0; i < PAGE_SIZE << L1D_ORDER; i += LINE)
		READ_ONCE(l1d_pages[i]);
	mb();
}
