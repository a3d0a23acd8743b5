// SPDX-License-Identifier: GPL-2.0-only
/* x86's vCPU ioctls. */
#include <linux/uaccess.h>

#include "core.h"
#include "ioctls.h"

static long vcpu_get_lapic(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);

	return v->apic ? lapic_get_state(v, arg) : -EINVAL;
}

static long vcpu_set_lapic(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	int ret = v->apic ? lapic_set_state(v, arg) : -EINVAL;

	kvm_request(&v->vcpu, X86_REQ_EVENT);
	return ret;
}

static long vcpu_set_tsc_khz(void *obj, void *arg)
{
	u64 khz = (unsigned long)arg;

	return khz > U32_MAX ? -EINVAL : tsc_set_khz(to_x86(obj), khz);
}

static long vcpu_get_tsc_khz(void *obj, void *arg)
{
	return to_x86(obj)->tsc.khz;
}

static long vcpu_kvmclock_ctrl(void *obj, void *arg)
{
	return kvmclock_guest_stopped(to_x86(obj));
}

static long vcpu_set_attr(void *obj, void *arg)
{
	return tsc_attr(to_x86(obj), KVM_SET_DEVICE_ATTR, arg);
}

static long vcpu_get_attr(void *obj, void *arg)
{
	return tsc_attr(to_x86(obj), KVM_GET_DEVICE_ATTR, arg);
}

static long vcpu_has_attr(void *obj, void *arg)
{
	return tsc_attr(to_x86(obj), KVM_HAS_DEVICE_ATTR, arg);
}

long x86_vcpu_enable_cap(void *obj, void *arg)
{
	struct x86_vcpu *v = to_x86(obj);
	const struct kvm_enable_cap *cap = arg;

	if (cap->flags)
		return -EINVAL;
	switch (cap->cap) {
	case KVM_CAP_ENFORCE_PV_FEATURE_CPUID:
		v->enforce_pv = cap->args[0];
		return 0;
	case KVM_CAP_HYPERV_ENFORCE_CPUID:
		v->hyperv.enforce = cap->args[0];
		return 0;
	case KVM_CAP_HYPERV_SYNIC:
		return hyperv_enable_synic(v, false);
	case KVM_CAP_HYPERV_SYNIC2:
		return cap->args[0] ? -EINVAL : hyperv_enable_synic(v, true);
	default:
		return -EINVAL;
	}
}

#define LOADED	KVM_HOLD_LOADED
#define SRCU	KVM_HOLD_SRCU

static const struct kvm_ioctl_row x86_vcpu_rows[] = {
	KVM_IOCTL(KVM_GET_REGS, LOADED, 0, x86_get_regs),
	KVM_IOCTL(KVM_SET_REGS, LOADED, 0, x86_set_regs),
	KVM_IOCTL(KVM_GET_SREGS, LOADED, 0, x86_get_sregs),
	KVM_IOCTL(KVM_SET_SREGS, LOADED | SRCU, 0, x86_set_sregs),
	KVM_IOCTL(KVM_GET_SREGS2, LOADED | SRCU, KVM_CAP_SREGS2, x86_get_sregs2),
	KVM_IOCTL(KVM_SET_SREGS2, LOADED | SRCU, KVM_CAP_SREGS2, x86_set_sregs2),
	KVM_IOCTL(KVM_TRANSLATE, LOADED | SRCU, 0, x86_translate),
	KVM_IOCTL(KVM_INTERRUPT, LOADED, 0, x86_ioctl_interrupt),
	KVM_IOCTL(KVM_NMI, KVM_ARG_VALUE | LOADED, KVM_CAP_USER_NMI, x86_ioctl_nmi),
	KVM_IOCTL(KVM_SMI, KVM_ARG_VALUE | LOADED, KVM_CAP_X86_SMM, smm_ioctl_smi),
	KVM_IOCTL(KVM_GET_FPU, LOADED, 0, x86_get_fpu),
	KVM_IOCTL(KVM_SET_FPU, LOADED, 0, x86_set_fpu),
	KVM_IOCTL(KVM_GET_XSAVE, LOADED, KVM_CAP_XSAVE, x86_get_xsave),
	KVM_IOCTL(KVM_GET_XSAVE2, KVM_ARG_USER | LOADED, KVM_CAP_XSAVE2, x86_get_xsave2),
	KVM_IOCTL(KVM_SET_XSAVE, KVM_ARG_USER | LOADED, KVM_CAP_XSAVE, x86_set_xsave),
	KVM_IOCTL(KVM_GET_XCRS, LOADED, KVM_CAP_XCRS, x86_get_xcrs),
	KVM_IOCTL(KVM_SET_XCRS, LOADED, KVM_CAP_XCRS, x86_set_xcrs),
	KVM_IOCTL(KVM_GET_VCPU_EVENTS, LOADED, KVM_CAP_VCPU_EVENTS, x86_get_events),
	KVM_IOCTL(KVM_SET_VCPU_EVENTS, LOADED, KVM_CAP_VCPU_EVENTS, x86_set_events),
	KVM_IOCTL(KVM_GET_DEBUGREGS, LOADED, KVM_CAP_DEBUGREGS, x86_get_debugregs),
	KVM_IOCTL(KVM_SET_DEBUGREGS, LOADED, KVM_CAP_DEBUGREGS, x86_set_debugregs),
	KVM_IOCTL(KVM_SET_GUEST_DEBUG, LOADED, KVM_CAP_SET_GUEST_DEBUG, x86_set_guest_debug),
	KVM_IOCTL(KVM_GET_MP_STATE, LOADED, KVM_CAP_MP_STATE, x86_get_mpstate),
	KVM_IOCTL(KVM_SET_MP_STATE, LOADED, KVM_CAP_MP_STATE, x86_set_mpstate),
	KVM_IOCTL(KVM_GET_LAPIC, LOADED, KVM_CAP_IRQCHIP, vcpu_get_lapic),
	KVM_IOCTL(KVM_SET_LAPIC, LOADED, KVM_CAP_IRQCHIP, vcpu_set_lapic),
	KVM_IOCTL(KVM_SET_VAPIC_ADDR, LOADED | SRCU, KVM_CAP_VAPIC, vapic_ioctl_addr),
	KVM_IOCTL(KVM_TPR_ACCESS_REPORTING, LOADED, KVM_CAP_VAPIC, vapic_ioctl_report),
	KVM_IOCTL(KVM_SET_CPUID, KVM_ARG_USER | LOADED, 0, cpuid_set_legacy),
	KVM_IOCTL(KVM_SET_CPUID2, KVM_ARG_USER | LOADED, KVM_CAP_EXT_CPUID, cpuid_set),
	KVM_IOCTL(KVM_GET_CPUID2, KVM_ARG_USER | LOADED, KVM_CAP_EXT_CPUID, cpuid_get),
	KVM_IOCTL(KVM_GET_SUPPORTED_HV_CPUID, KVM_ARG_USER, KVM_CAP_HYPERV_CPUID,
		  hyperv_vcpu_ioctl_cpuid),
	KVM_IOCTL(KVM_GET_MSRS, KVM_ARG_USER | LOADED | SRCU, 0, msr_ioctl_get),
	KVM_IOCTL(KVM_SET_MSRS, KVM_ARG_USER | LOADED | SRCU, 0, msr_ioctl_set),
	KVM_IOCTL(KVM_X86_SETUP_MCE, LOADED, KVM_CAP_MCE, mce_ioctl_setup),
	KVM_IOCTL(KVM_X86_SET_MCE, LOADED, KVM_CAP_MCE, mce_ioctl_set),
	KVM_IOCTL(KVM_SET_TSC_KHZ, KVM_ARG_VALUE | LOADED, KVM_CAP_TSC_CONTROL,
		  vcpu_set_tsc_khz),
	KVM_IOCTL(KVM_GET_TSC_KHZ, KVM_ARG_VALUE | LOADED, KVM_CAP_GET_TSC_KHZ,
		  vcpu_get_tsc_khz),
	KVM_IOCTL(KVM_KVMCLOCK_CTRL, KVM_ARG_VALUE | LOADED, KVM_CAP_KVMCLOCK_CTRL,
		  vcpu_kvmclock_ctrl),
	KVM_IOCTL(KVM_ENABLE_CAP, LOADED, KVM_CAP_ENABLE_CAP, x86_vcpu_enable_cap),
	KVM_IOCTL(KVM_SET_DEVICE_ATTR, LOADED, KVM_CAP_VCPU_ATTRIBUTES, vcpu_set_attr),
	KVM_IOCTL(KVM_GET_DEVICE_ATTR, LOADED, KVM_CAP_VCPU_ATTRIBUTES, vcpu_get_attr),
	KVM_IOCTL(KVM_HAS_DEVICE_ATTR, LOADED, KVM_CAP_VCPU_ATTRIBUTES, vcpu_has_attr),
};

struct kvm_ioctl_table kvm_arch_vcpu_ioctls;

void x86_vcpu_ioctls_init(void)
{
	kvm_ioctl_table_init(&kvm_arch_vcpu_ioctls, x86_vcpu_rows, ARRAY_SIZE(x86_vcpu_rows));
}
