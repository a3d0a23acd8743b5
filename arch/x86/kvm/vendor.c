// SPDX-License-Identifier: GPL-2.0-only
/* Registration of a backend: its table becomes static calls, /dev/kvm opens. */
#include <linux/cpu.h>
#include <linux/kvm/compat.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/user-return-notifier.h>
#include <asm/fpu/xcr.h>

#include "core.h"
#include "ioctls.h"

struct x86_vendor_ops x86_vendor;
struct x86_caps x86_caps;
struct x86_host x86_host;

#define X86_OP_DEFINE(ret, name, args)	\
	DEFINE_STATIC_CALL_NULL(x86_op_##name, *((struct x86_vendor_ops *)NULL)->name);
X86_VENDOR_OPS(X86_OP_DEFINE)

static DEFINE_MUTEX(vendor_lock);	/* registration */

/* XSAVE components a guest may be given: what the host uses, less what needs extra work (AMX). */
#define X86_GUEST_XCR0	(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM |	\
			 XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 |		\
			 XFEATURE_MASK_Hi16_ZMM | XFEATURE_MASK_PKRU)

static void x86_read_host(void)
{
	rdmsrl(MSR_EFER, x86_host.efer);
	x86_host.maxphyaddr = boot_cpu_data.x86_phys_bits;
	if (boot_cpu_has(X86_FEATURE_OSXSAVE)) {
		x86_host.xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
		x86_caps.supported_xcr0 = x86_host.xcr0 & X86_GUEST_XCR0;
	}
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, x86_host.xss);
}

static char *nx_huge_pages = "auto";
module_param(nx_huge_pages, charp, 0444);
MODULE_PARM_DESC(nx_huge_pages, "Code from small pages alone: off, force, auto (by CPU bugs)");

/*
 * Instruction fetches through a page that changes its size can stop the machine
 * (admin-guide/hw-vuln/multihit.rst). The kernel reports what we do about it.
 */
static void x86_choose_nx_huge(void)
{
	const bool automatic = sysfs_streq(nx_huge_pages, "auto");

	x86_caps.nx_huge = x86_caps.tdp_ept &&
			   (sysfs_streq(nx_huge_pages, "force") ||
			    (automatic && boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) &&
			     !cpu_mitigations_off()));
	itlb_multihit_kvm_mitigation = x86_caps.nx_huge;
}

int x86_vendor_register(const struct x86_vendor_ops *ops, const struct x86_caps *caps)
{
	int ret;

	mutex_lock(&vendor_lock);
	if (x86_vendor.name) {
		pr_err("kvm: %s is loaded already, unload it before %s\n", x86_vendor.name,
		       ops->name);
		ret = -EBUSY;
		goto out;
	}
#define X86_OP_MISSING(ret, op, args)	|| WARN_ON(!ops->op)
	if (0 X86_VENDOR_OPS(X86_OP_MISSING)) {
		ret = -EINVAL;
		goto out;
	}
	x86_caps = *caps;
	x86_choose_nx_huge();
	mmu_set_format();
	x86_read_host();
	x86_vendor = *ops;
#define X86_OP_UPDATE(ret, name, args)	static_call_update(x86_op_##name, ops->name);
	X86_VENDOR_OPS(X86_OP_UPDATE)

	if (caps->apicv)
		static_branch_enable(&lapic_posts);
	pmu_module_init();
	ret = cpuid_module_init();
	if (!ret)
		ret = msr_module_init();
	if (!ret)
		ret = kvm_core_register(ops->owner);
	if (ret) {
		memset(&x86_vendor, 0, sizeof(x86_vendor));
		itlb_multihit_kvm_mitigation = false;
		goto out;
	}
	x86_perf_start();
out:
	mutex_unlock(&vendor_lock);
	return ret;
}
KVM_EXPORT(x86_vendor_register);

void x86_vendor_unregister(void)
{
	mutex_lock(&vendor_lock);
	x86_perf_stop();
	kvm_core_unregister();
	memset(&x86_vendor, 0, sizeof(x86_vendor));
	itlb_multihit_kvm_mitigation = false;
	mutex_unlock(&vendor_lock);
}
KVM_EXPORT(x86_vendor_unregister);

/*
 * MSRs the kernel needs only in user mode keep the guest's value until this
 * CPU returns to user mode.
 */
#define X86_MAX_USER_RETURN	8

struct user_return_msrs {
	struct user_return_notifier urn;
	bool registered;		/* p: this CPU, IRQs off */
	struct {
		u64 host;
		u64 current_value;
	} msr[X86_MAX_USER_RETURN];
};

static DEFINE_PER_CPU(struct user_return_msrs, user_return_msrs);
static u32 user_return_index[X86_MAX_USER_RETURN];
static unsigned int nr_user_return;

static void x86_on_user_return(struct user_return_notifier *urn)
{
	struct user_return_msrs *m = container_of(urn, struct user_return_msrs, urn);
	unsigned long flags;
	unsigned int i;

	local_irq_save(flags);
	if (m->registered) {
		m->registered = false;
		user_return_notifier_unregister(urn);
	}
	for (i = 0; i < nr_user_return; i++) {
		if (m->msr[i].current_value == m->msr[i].host)
			continue;
		wrmsrl(user_return_index[i], m->msr[i].host);
		m->msr[i].current_value = m->msr[i].host;
	}
	local_irq_restore(flags);
}

/* This CPU leaves service: nothing of a guest may stay behind. */
void x86_user_return_cpu_down(void)
{
	struct user_return_msrs *m = this_cpu_ptr(&user_return_msrs);

	if (m->registered)
		x86_on_user_return(&m->urn);
}

void x86_user_return_cpu_up(void)
{
	struct user_return_msrs *m = this_cpu_ptr(&user_return_msrs);
	unsigned int i;

	for (i = 0; i < nr_user_return; i++) {
		rdmsrl_safe(user_return_index[i], &m->msr[i].host);
		m->msr[i].current_value = m->msr[i].host;
	}
}

/* Module init of the backend, before any VM exists. */
int x86_user_return_msr_add(u32 msr)
{
	u64 val;
	unsigned int i;

	for (i = 0; i < nr_user_return; i++)
		if (user_return_index[i] == msr)
			return i;
	if (nr_user_return == X86_MAX_USER_RETURN || rdmsrl_safe(msr, &val))
		return -1;
	user_return_index[nr_user_return] = msr;
	return nr_user_return++;
}
KVM_EXPORT(x86_user_return_msr_add);

/* Preemption off. */
void x86_user_return_msr_set(unsigned int slot, u64 value, u64 mask)
{
	struct user_return_msrs *m = this_cpu_ptr(&user_return_msrs);

	if (WARN_ON_ONCE(slot >= nr_user_return))
		return;
	value = (value & mask) | (m->msr[slot].host & ~mask);
	if (value == m->msr[slot].current_value)
		return;
	wrmsrl(user_return_index[slot], value);
	m->msr[slot].current_value = value;
	if (!m->registered) {
		m->urn.on_user_return = x86_on_user_return;
		user_return_notifier_register(&m->urn);
		m->registered = true;
	}
}
KVM_EXPORT(x86_user_return_msr_set);
