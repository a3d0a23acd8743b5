// SPDX-License-Identifier: GPL-2.0-only
/* x86's system and VM ioctls, and what KVM_CHECK_EXTENSION says. */
#include <linux/capability.h>
#include <linux/uaccess.h>
#include <uapi/linux/kvm_para.h>

#include "core.h"
#include "ioctls.h"

static long vm_set_tss_addr(void *obj, void *arg)
{
	unsigned long addr = (unsigned long)arg;
	int ret = 0;

	/* Three pages below 4 GiB */
	if (addr > 0xffffffffu - 3 * PAGE_SIZE)
		return -EINVAL;
	if (x86_caps.tss_pages)
		ret = mmu_map_tss(obj, addr);
	if (!ret)
		WRITE_ONCE(to_x86_vm(obj)->tss_addr, addr);
	return ret;
}

static long vm_set_identity_map(void *obj, void *arg)
{
	struct kvm *kvm = obj;
	u64 addr = *(u64 *)arg;

	if (kvm->created_vcpus)
		return -EINVAL;
	if (addr > 0xffffffffu - PAGE_SIZE)
		return -EINVAL;
	to_x86_vm(kvm)->identity_map_addr = addr ? addr : 0xfffbc000;
	return 0;
}

static long vm_set_boot_cpu(void *obj, void *arg)
{
	struct kvm *kvm = obj;

	if (kvm->created_vcpus)
		return -EBUSY;
	to_x86_vm(kvm)->bsp_vcpu_id = (unsigned long)arg;
	return 0;
}

static long vm_set_nr_mmu_pages(void *obj, void *arg)
{
	return mmu_set_nr_pages(obj, (unsigned long)arg);
}

static long vm_get_nr_mmu_pages(void *obj, void *arg)
{
	return mmu_get_nr_pages(obj);
}

static long vm_create_irqchip(void *obj, void *arg)
{
	return irqchip_create(obj);
}

static long vm_get_irqchip(void *obj, void *arg)
{
	return irqchip_get(obj, arg);
}

static long vm_set_irqchip(void *obj, void *arg)
{
	return irqchip_set(obj, arg);
}

static long vm_create_pit(void *obj, void *arg)
{
	return pit_create(obj, KVM_PIT_SPEAKER_DUMMY);
}

static long vm_create_pit2(void *obj, void *arg)
{
	return pit_create(obj, ((struct kvm_pit_config *)arg)->flags);
}

static long vm_get_pit(void *obj, void *arg)
{
	return pit_get(obj, arg);
}

static long vm_set_pit(void *obj, void *arg)
{
	return pit_set(obj, arg);
}

static long vm_get_pit2(void *obj, void *arg)
{
	return pit_get2(obj, arg);
}

static long vm_set_pit2(void *obj, void *arg)
{
	return pit_set2(obj, arg);
}

static long vm_reinject(void *obj, void *arg)
{
	struct kvm_reinject_control c;

	if (copy_from_user(&c, (void __user *)arg, sizeof(c)))
		return -EFAULT;
	return pit_set_reinject(obj, &c);
}

static long vm_get_clock(void *obj, void *arg)
{
	return kvmclock_get(obj, arg);
}

static long vm_set_clock(void *obj, void *arg)
{
	return kvmclock_set(obj, arg);
}

static long vm_set_tsc_khz(void *obj, void *arg)
{
	struct kvm *kvm = obj;
	u64 khz = (unsigned long)arg;

	return khz > U32_MAX ? -EINVAL : tsc_set_default_khz(kvm, khz);
}

static long vm_get_tsc_khz(void *obj, void *arg)
{
	return to_x86_vm(obj)->clock.default_khz;
}

static const struct kvm_ioctl_row x86_vm_rows[] = {
	KVM_IOCTL(KVM_SET_TSS_ADDR, KVM_ARG_VALUE | KVM_HOLD_LOCK, KVM_CAP_SET_TSS_ADDR,
		  vm_set_tss_addr),
	KVM_IOCTL(KVM_SET_IDENTITY_MAP_ADDR, KVM_HOLD_LOCK, KVM_CAP_SET_IDENTITY_MAP_ADDR,
		  vm_set_identity_map),
	KVM_IOCTL(KVM_SET_BOOT_CPU_ID, KVM_ARG_VALUE | KVM_HOLD_LOCK, KVM_CAP_SET_BOOT_CPU_ID,
		  vm_set_boot_cpu),
	KVM_IOCTL(KVM_SET_NR_MMU_PAGES, KVM_ARG_VALUE, KVM_CAP_MMU_SHADOW_CACHE_CONTROL,
		  vm_set_nr_mmu_pages),
	KVM_IOCTL(KVM_GET_NR_MMU_PAGES, KVM_ARG_VALUE, KVM_CAP_MMU_SHADOW_CACHE_CONTROL,
		  vm_get_nr_mmu_pages),
	KVM_IOCTL(KVM_CREATE_IRQCHIP, KVM_ARG_VALUE | KVM_HOLD_LOCK, KVM_CAP_IRQCHIP,
		  vm_create_irqchip),
	KVM_IOCTL(KVM_GET_IRQCHIP, KVM_HOLD_LOCK, KVM_CAP_IRQCHIP, vm_get_irqchip),
	/* These two have _IOR in their numbers by an old mistake. */
	KVM_IOCTL(KVM_SET_IRQCHIP, KVM_ARG_INOUT | KVM_HOLD_LOCK, KVM_CAP_IRQCHIP, vm_set_irqchip),
	KVM_IOCTL(KVM_CREATE_PIT, KVM_ARG_VALUE | KVM_HOLD_LOCK, KVM_CAP_PIT, vm_create_pit),
	KVM_IOCTL(KVM_CREATE_PIT2, KVM_HOLD_LOCK, KVM_CAP_PIT2, vm_create_pit2),
	KVM_IOCTL(KVM_GET_PIT, KVM_HOLD_LOCK, KVM_CAP_PIT, vm_get_pit),
	KVM_IOCTL(KVM_SET_PIT, KVM_ARG_INOUT | KVM_HOLD_LOCK, KVM_CAP_PIT, vm_set_pit),
	KVM_IOCTL(KVM_GET_PIT2, KVM_HOLD_LOCK, KVM_CAP_PIT_STATE2, vm_get_pit2),
	KVM_IOCTL(KVM_SET_PIT2, KVM_HOLD_LOCK, KVM_CAP_PIT_STATE2, vm_set_pit2),
	/* The number says _IO; the argument is a pointer all the same. */
	KVM_IOCTL(KVM_REINJECT_CONTROL, KVM_ARG_USER | KVM_HOLD_LOCK, KVM_CAP_REINJECT_CONTROL,
		  vm_reinject),
	KVM_IOCTL(KVM_GET_CLOCK, 0, KVM_CAP_ADJUST_CLOCK, vm_get_clock),
	KVM_IOCTL(KVM_SET_CLOCK, 0, KVM_CAP_ADJUST_CLOCK, vm_set_clock),
	KVM_IOCTL(KVM_SET_TSC_KHZ, KVM_ARG_VALUE | KVM_HOLD_LOCK, KVM_CAP_VM_TSC_CONTROL,
		  vm_set_tsc_khz),
	KVM_IOCTL(KVM_GET_TSC_KHZ, KVM_ARG_VALUE, KVM_CAP_VM_TSC_CONTROL, vm_get_tsc_khz),
	KVM_IOCTL(KVM_HYPERV_EVENTFD, 0, KVM_CAP_HYPERV_EVENTFD, hyperv_ioctl_eventfd),
	KVM_IOCTL(KVM_X86_SET_MSR_FILTER, 0, KVM_CAP_X86_MSR_FILTER, msr_ioctl_set_filter),
	KVM_IOCTL(KVM_SET_PMU_EVENT_FILTER, KVM_ARG_USER, KVM_CAP_PMU_EVENT_FILTER,
		  pmu_ioctl_set_filter),
};

static long sys_get_attr(void *obj, void *arg)
{
	const struct kvm_device_attr *a = arg;

	if (a->group || a->flags)
		return -ENXIO;
	if (a->attr != KVM_X86_XCOMP_GUEST_SUPP)
		return -ENXIO;
	return put_user(x86_caps.supported_xcr0, (u64 __user *)(unsigned long)a->addr);
}

static long sys_has_attr(void *obj, void *arg)
{
	const struct kvm_device_attr *a = arg;

	return a->group || a->flags || a->attr != KVM_X86_XCOMP_GUEST_SUPP ? -ENXIO : 0;
}

static const struct kvm_ioctl_row x86_system_rows[] = {
	KVM_IOCTL(KVM_GET_SUPPORTED_CPUID, KVM_ARG_USER, KVM_CAP_EXT_CPUID, cpuid_get_supported),
	KVM_IOCTL(KVM_GET_EMULATED_CPUID, KVM_ARG_USER, KVM_CAP_EXT_EMUL_CPUID,
		  cpuid_get_emulated),
	KVM_IOCTL(KVM_GET_SUPPORTED_HV_CPUID, KVM_ARG_USER, KVM_CAP_SYS_HYPERV_CPUID,
		  hyperv_ioctl_cpuid),
	KVM_IOCTL(KVM_GET_MSR_INDEX_LIST, KVM_ARG_USER, 0, msr_ioctl_index_list),
	KVM_IOCTL(KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_ARG_USER, KVM_CAP_GET_MSR_FEATURES,
		  msr_ioctl_feature_list),
	KVM_IOCTL(KVM_GET_MSRS, KVM_ARG_USER, KVM_CAP_GET_MSR_FEATURES, msr_ioctl_get_feature),
	KVM_IOCTL(KVM_X86_GET_MCE_CAP_SUPPORTED, 0, KVM_CAP_MCE, mce_ioctl_cap),
	KVM_IOCTL(KVM_GET_DEVICE_ATTR, 0, KVM_CAP_SYS_ATTRIBUTES, sys_get_attr),
	KVM_IOCTL(KVM_HAS_DEVICE_ATTR, 0, KVM_CAP_SYS_ATTRIBUTES, sys_has_attr),
};

struct kvm_ioctl_table kvm_arch_vm_ioctls;
struct kvm_ioctl_table kvm_arch_system_ioctls;

void x86_vm_ioctls_init(void)
{
	kvm_ioctl_table_init(&kvm_arch_vm_ioctls, x86_vm_rows, ARRAY_SIZE(x86_vm_rows));
	kvm_ioctl_table_init(&kvm_arch_system_ioctls, x86_system_rows,
			     ARRAY_SIZE(x86_system_rows));
}

#define X86_DISABLED_EXITS	(KVM_X86_DISABLE_EXITS_MWAIT | KVM_X86_DISABLE_EXITS_HLT | \
				 KVM_X86_DISABLE_EXITS_PAUSE | KVM_X86_DISABLE_EXITS_CSTATE)

/*
 * A guest may sleep as deep as it likes: the local APIC's timer has to go on meanwhile,
 * and MONITOR to see every write.
 */
static bool x86_guests_may_mwait(void)
{
	return boot_cpu_has(X86_FEATURE_MWAIT) && boot_cpu_has(X86_FEATURE_ARAT) &&
	       !boot_cpu_has_bug(X86_BUG_MONITOR);
}

static u32 x86_disabled_exits(void)
{
	return x86_guests_may_mwait() ? X86_DISABLED_EXITS :
					X86_DISABLED_EXITS & ~KVM_X86_DISABLE_EXITS_MWAIT;
}

#define X86_BUS_LOCK_MODES	(KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT)
#define X86_NOTIFY_FLAGS	(KVM_X86_NOTIFY_VMEXIT_ENABLED | KVM_X86_NOTIFY_VMEXIT_USER)

/* KVM_CAP_EXIT_HYPERCALL: these can be user space's */
#define X86_USER_HYPERCALLS	BIT(KVM_HC_MAP_GPA_RANGE)

/* Capabilities with a fixed answer; absent ones are 0. */
static const struct {
	u16 cap;
	u32 value;
} x86_fixed_caps[] = {
	{ KVM_CAP_IRQCHIP, 1 },
	{ KVM_CAP_VAPIC, 1 },
	{ KVM_CAP_HLT, 1 },
	{ KVM_CAP_ENABLE_CAP, 1 },
	{ KVM_CAP_IOAPIC_POLARITY_IGNORED, 1 },
	{ KVM_CAP_MMU_SHADOW_CACHE_CONTROL, 1 },
	{ KVM_CAP_SET_TSS_ADDR, 1 },
	{ KVM_CAP_EXT_CPUID, 1 },
	{ KVM_CAP_EXT_EMUL_CPUID, 1 },
	{ KVM_CAP_CLOCKSOURCE, 1 },
	{ KVM_CAP_PIT, 1 },
	{ KVM_CAP_NOP_IO_DELAY, 1 },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_SYNC_MMU, 1 },
	{ KVM_CAP_USER_NMI, 1 },
	{ KVM_CAP_REINJECT_CONTROL, 1 },
	{ KVM_CAP_IRQ_INJECT_STATUS, 1 },
	{ KVM_CAP_PIT2, 1 },
	{ KVM_CAP_PIT_STATE2, 1 },
	{ KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 },
	{ KVM_CAP_VCPU_EVENTS, 1 },
	{ KVM_CAP_MCE, X86_MAX_MCE_BANKS },
	{ KVM_CAP_DEBUGREGS, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG, 1 },
	{ KVM_CAP_XSAVE, 1 },
	{ KVM_CAP_GET_TSC_KHZ, 1 },
	{ KVM_CAP_SYNC_REGS, KVM_SYNC_X86_VALID_FIELDS },
	{ KVM_CAP_PCI_SEGMENT, 1 },
	{ KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },
	{ KVM_CAP_EXIT_HYPERCALL, X86_USER_HYPERCALLS },
	{ KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 1 },
	{ KVM_CAP_READONLY_MEM, 1 },
	{ KVM_CAP_KVMCLOCK_CTRL, 1 },
	{ KVM_CAP_SET_BOOT_CPU_ID, 1 },
	{ KVM_CAP_SPLIT_IRQCHIP, 1 },
	{ KVM_CAP_IMMEDIATE_EXIT, 1 },
	{ KVM_CAP_GET_MSR_FEATURES, 1 },
	{ KVM_CAP_MSR_PLATFORM_INFO, 1 },
	{ KVM_CAP_EXCEPTION_PAYLOAD, 1 },
	{ KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1 },
	{ KVM_CAP_X86_MSR_FILTER, 1 },
	{ KVM_CAP_PMU_EVENT_FILTER, 1 },
	{ KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1 },
	{ KVM_CAP_ASYNC_PF, 1 },
	{ KVM_CAP_ASYNC_PF_INT, 1 },
	{ KVM_CAP_SREGS2, 1 },
	{ KVM_CAP_SGX_ATTRIBUTE, IS_ENABLED(CONFIG_X86_SGX_KVM) },
	{ KVM_CAP_HYPERV, 1 },
	{ KVM_CAP_HYPERV_VAPIC, 1 },
	{ KVM_CAP_HYPERV_SPIN, 1 },
	{ KVM_CAP_HYPERV_TIME, 1 },
	{ KVM_CAP_HYPERV_SYNIC, 1 },
	{ KVM_CAP_HYPERV_SYNIC2, 1 },
	{ KVM_CAP_HYPERV_VP_INDEX, 1 },
	{ KVM_CAP_HYPERV_EVENTFD, 1 },
	{ KVM_CAP_HYPERV_TLBFLUSH, 1 },
	{ KVM_CAP_HYPERV_SEND_IPI, 1 },
	{ KVM_CAP_HYPERV_CPUID, 1 },
	{ KVM_CAP_SYS_HYPERV_CPUID, 1 },
	{ KVM_CAP_HYPERV_ENFORCE_CPUID, 1 },
	{ KVM_CAP_X86_SMM, 1 },
	{ KVM_CAP_SYS_ATTRIBUTES, 1 },
	{ KVM_CAP_VCPU_ATTRIBUTES, 1 },
	{ KVM_CAP_TSC_DEADLINE_TIMER, 1 },
	{ KVM_CAP_DISABLE_QUIRKS, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG2, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
	  KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB |
	  KVM_GUESTDBG_INJECT_BP | KVM_GUESTDBG_BLOCKIRQ },
	{ KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS |
	  KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	{ KVM_CAP_X86_USER_SPACE_MSR, 1 },
	{ KVM_CAP_ENABLE_CAP, 1 },
	{ KVM_CAP_LAST_CPU, 1 },
	{ KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1 },
	{ KVM_CAP_ADJUST_CLOCK, KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME |
	  KVM_CLOCK_HOST_TSC },
};

#define X86_QUIRKS	(KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED |	\
			 KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP |	\
			 KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | KVM_X86_QUIRK_FIX_HYPERCALL_INSN | \
			 KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS)

int kvm_arch_check_extension(struct kvm *kvm, long cap)
{
	unsigned int i;

	switch (cap) {
	case KVM_CAP_XCRS:
		return boot_cpu_has(X86_FEATURE_XSAVE);
	case KVM_CAP_TSC_CONTROL:
	case KVM_CAP_VM_TSC_CONTROL:
		return x86_caps.tsc_scaling;
	case KVM_CAP_STEAL_TIME:
		return steal_known();
	case KVM_CAP_PMU_CAPABILITY:
		return pmu_offered() ? KVM_PMU_CAP_DISABLE : 0;
	case KVM_CAP_XSAVE2:
		return x86_xsave_size(kvm);
	case KVM_CAP_DISABLE_QUIRKS2:
		return X86_QUIRKS;
	case KVM_CAP_X86_DISABLE_EXITS:
		return x86_disabled_exits();
	case KVM_CAP_SMALLER_MAXPHYADDR:
		return x86_caps.narrow_guests;
	case KVM_CAP_X86_BUS_LOCK_EXIT:
		return x86_caps.bus_lock_exit ? X86_BUS_LOCK_MODES : 0;
	case KVM_CAP_X86_NOTIFY_VMEXIT:
		return x86_caps.notify_exit ? X86_NOTIFY_FLAGS : 0;
	}
	for (i = 0; i < ARRAY_SIZE(x86_fixed_caps); i++)
		if (x86_fixed_caps[i].cap == cap)
			return x86_fixed_caps[i].value;
	return 0;
}

/* --- KVM_ENABLE_CAP: kvm->lock held, @arg has no bits outside the row's mask ------- */

static int enable_quirks_off(struct x86_vm *vm, u64 arg)
{
	vm->disabled_quirks = arg & X86_QUIRKS;
	return 0;
}

static int enable_split_irqchip(struct x86_vm *vm, u64 arg)
{
	return arg > KVM_MAX_ROUTES ? -EINVAL : irqchip_create_split(&vm->kvm, arg);
}

static int enable_x2apic_api(struct x86_vm *vm, u64 arg)
{
	vm->irqchip.x2apic_format |= !!(arg & KVM_X2APIC_API_USE_32BIT_IDS);
	vm->irqchip.x2apic_no_broadcast_quirk |=
		!!(arg & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	return 0;
}

/* MWAIT is a valid bit everywhere; where the CPU can't, it goes on to exit. */
static int enable_disable_exits(struct x86_vm *vm, u64 arg)
{
	if (vm->kvm.created_vcpus)
		return -EINVAL;
	vm->disabled_exits |= arg & x86_disabled_exits();
	return 0;
}

/* vCPUs take it over when they are made. */
static int enable_bus_lock_exit(struct x86_vm *vm, u64 arg)
{
	if (arg == X86_BUS_LOCK_MODES)
		return -EINVAL;
	if (arg & KVM_BUS_LOCK_DETECTION_EXIT)
		vm->bus_lock_exit = x86_caps.bus_lock_exit;
	return 0;
}

/* Bits 63:32 are the window, in ticks of the TSC. */
static int enable_notify_exit(struct x86_vm *vm, u64 arg)
{
	if (!x86_caps.notify_exit || !(arg & KVM_X86_NOTIFY_VMEXIT_ENABLED) ||
	    vm->kvm.created_vcpus)
		return -EINVAL;
	vm->notify_flags = arg;
	vm->notify_window = arg >> 32;
	return 0;
}

static int enable_exception_payload(struct x86_vm *vm, u64 arg)
{
	vm->exception_payload = arg;
	return 0;
}

static int enable_triple_fault_event(struct x86_vm *vm, u64 arg)
{
	vm->triple_fault_event = arg;
	return 0;
}

static int enable_emulation_failure(struct x86_vm *vm, u64 arg)
{
	vm->exit_on_emul_fail = arg;
	return 0;
}

static int enable_platform_info(struct x86_vm *vm, u64 arg)
{
	vm->platform_info_hidden = !arg;
	return 0;
}

static int enable_user_space_msr(struct x86_vm *vm, u64 arg)
{
	vm->user_msr_mask = arg;
	return 0;
}

static int enable_exit_hypercall(struct x86_vm *vm, u64 arg)
{
	WRITE_ONCE(vm->user_hypercalls, arg);
	return 0;
}

/* Once, and before the first vCPU */
static int enable_max_vcpu_id(struct x86_vm *vm, u64 arg)
{
	if (arg > KVM_MAX_VCPU_ID_ARCH)
		return -EINVAL;
	if (vm->kvm.max_vcpu_ids == arg)
		return 0;
	if (vm->kvm.max_vcpu_ids || vm->kvm.created_vcpus)
		return -EINVAL;
	vm->kvm.max_vcpu_ids = arg;
	return 0;
}

static int enable_pmu_capability(struct x86_vm *vm, u64 arg)
{
	if (!pmu_offered() || vm->kvm.created_vcpus)
		return -EINVAL;
	vm->pmu.off = arg & KVM_PMU_CAP_DISABLE;
	return 0;
}

static int enable_nx_huge_pages_off(struct x86_vm *vm, u64 arg)
{
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (vm->kvm.created_vcpus)
		return -EINVAL;
	vm->mmu.huge_exec = true;
	return 0;
}

#define X2APIC_API_FLAGS \
	(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
#define MSR_EXIT_REASONS \
	(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER)

static const struct vm_cap_row {
	u32 cap;
	u64 legal;
	int (*enable)(struct x86_vm *vm, u64 arg);
} vm_cap_rows[] = {
	{ KVM_CAP_DISABLE_QUIRKS, ~0ULL, enable_quirks_off },
	{ KVM_CAP_DISABLE_QUIRKS2, X86_QUIRKS, enable_quirks_off },
	{ KVM_CAP_SPLIT_IRQCHIP, ~0ULL, enable_split_irqchip },
	{ KVM_CAP_X2APIC_API, X2APIC_API_FLAGS, enable_x2apic_api },
	{ KVM_CAP_X86_DISABLE_EXITS, X86_DISABLED_EXITS, enable_disable_exits },
	{ KVM_CAP_X86_BUS_LOCK_EXIT, X86_BUS_LOCK_MODES, enable_bus_lock_exit },
	{ KVM_CAP_X86_NOTIFY_VMEXIT, GENMASK_ULL(63, 32) | X86_NOTIFY_FLAGS, enable_notify_exit },
	{ KVM_CAP_EXCEPTION_PAYLOAD, ~0ULL, enable_exception_payload },
	{ KVM_CAP_X86_TRIPLE_FAULT_EVENT, ~0ULL, enable_triple_fault_event },
	{ KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1, enable_emulation_failure },
	{ KVM_CAP_MSR_PLATFORM_INFO, ~0ULL, enable_platform_info },
	{ KVM_CAP_X86_USER_SPACE_MSR, MSR_EXIT_REASONS, enable_user_space_msr },
	{ KVM_CAP_EXIT_HYPERCALL, X86_USER_HYPERCALLS, enable_exit_hypercall },
	{ KVM_CAP_MAX_VCPU_ID, ~0ULL, enable_max_vcpu_id },
	{ KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0, enable_nx_huge_pages_off },
	{ KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE, enable_pmu_capability },
	{ KVM_CAP_SGX_ATTRIBUTE, ~0ULL, sgx_allow_attribute },
};

int kvm_arch_vm_enable_cap(struct kvm *kvm, const struct kvm_enable_cap *cap)
{
	const struct vm_cap_row *row = vm_cap_rows;
	const struct vm_cap_row *end = row + ARRAY_SIZE(vm_cap_rows);
	int ret;

	if (cap->flags)
		return -EINVAL;
	while (row < end && row->cap != cap->cap)
		row++;
	if (row == end || cap->args[0] & ~row->legal)
		return -EINVAL;
	mutex_lock(&kvm->lock);
	ret = row->enable(to_x86_vm(kvm), cap->args[0]);
	mutex_unlock(&kvm->lock);
	return ret;
}
