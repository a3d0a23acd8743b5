// SPDX-License-Identifier: GPL-2.0-only
/* Capabilities and requests that no other program here is about. */
#include <asm/kvm_para.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

BLOB(halts, ".code16", "1: hlt; jmp 1b");

static void halting_guest(void)
{
	for (;;)
		asm volatile("hlt");
}

/* A guest that keeps its HLT does not come out for it. Not real mode: that may be emulated. */
static void halt_stays_inside(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu;
	int exits = has_cap(vm->fd, KVM_CAP_X86_DISABLE_EXITS);

	EQ(exits & KVM_X86_DISABLE_EXITS_HLT, KVM_X86_DISABLE_EXITS_HLT);
	FAILS(enable_cap(vm->fd, KVM_CAP_X86_DISABLE_EXITS, 0x10), EINVAL);
	OK(enable_cap(vm->fd, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT));
	vcpu = quick_long(vm, halting_guest);
	irqs_on_for_bochs(vcpu);
	for (int i = 0; i < 3; i++)
		EQ(run_bounded(vcpu, 20), -EINTR);
	/* too late; Linux says so since 6.3 */
	if (!on_stock_kvm())
		FAILS(enable_cap(vm->fd, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_PAUSE),
		      EINVAL);
	vm_free(vm);
}

static void waiting_guest(void)
{
	u64 monitor, mwait;
	static u64 line;

	for (;;) {
		monitor = GUEST_TRY("monitor", , "a"(&line), "c"(0), "d"(0));
		mwait = GUEST_TRY("mwait", , "a"(0), "c"(0));
		guest_sync4(monitor, mwait, 0, 0);
	}
}

/* Those that exit are undefined for a guest whose CPUID has none; the CPU does not ask. */
static u64 mwait_traps(u64 disabled)
{
	struct vm *vm = vm_new();
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	struct vcpu *vcpu;
	struct ucall uc;

	OK(enable_cap(vm->fd, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS));
	OK(enable_cap(vm->fd, KVM_CAP_X86_DISABLE_EXITS, disabled));
	vcpu = vcpu_new(vm, 0);
	cpuid_find(cpuid, 1, 0)->ecx &= ~8u;
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	load_image(vm);
	start_long_only(vcpu, waiting_guest);
	irqs_on_for_bochs(vcpu);
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], uc.arg[1]);
	vm_free(vm);
	free(cpuid);
	return uc.arg[1];
}

static void mwait_stays_inside(void)
{
	struct vm *vm = vm_bare();
	u64 exits = has_cap(vm->fd, KVM_CAP_X86_DISABLE_EXITS);

	vm_free(vm);
	EQ(mwait_traps(0), 6);
	EQ(mwait_traps(KVM_X86_DISABLE_EXITS_HLT), 6);
	/* It may be asked for everywhere. */
	if (!(exits & KVM_X86_DISABLE_EXITS_MWAIT)) {
		EQ(mwait_traps(KVM_X86_DISABLE_EXITS_MWAIT), 6);
		SKIP("this CPU is not one whose guests may sleep by MWAIT");
	}
	EQ(mwait_traps(KVM_X86_DISABLE_EXITS_MWAIT), NO_TRAP);
	EQ(mwait_traps(exits), NO_TRAP);
}

/* Where there are such counters, the CPU answers; where not, there is #GP. No exit */
static void residency_guest(void)
{
	static const u32 counters[] = { 0x660, 0x3fc, 0x3fd, 0x3fe };
	u64 value;

	for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
		guest_try_rdmsr(counters[i], &value);
	guest_sync(1);
}

static u32 exit_of_residency(u64 disabled)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu;
	u32 reason;

	OK(enable_cap(vm->fd, KVM_CAP_X86_DISABLE_EXITS, disabled));
	OK(enable_cap(vm->fd, KVM_CAP_X86_USER_SPACE_MSR,
		      KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL));
	vcpu = quick_long(vm, residency_guest);
	reason = run_exit(vcpu);
	vm_free(vm);
	return reason;
}

static void c_state_counters(void)
{
	struct vm *vm = vm_bare();

	CHECK(has_cap(vm->fd, KVM_CAP_X86_DISABLE_EXITS) & KVM_X86_DISABLE_EXITS_CSTATE);
	vm_free(vm);
	EQ(exit_of_residency(0), KVM_EXIT_X86_RDMSR);
	/* AMD's processors have other counters, which no guest sees. */
	EQ(exit_of_residency(KVM_X86_DISABLE_EXITS_CSTATE),
	   on_amd() ? KVM_EXIT_X86_RDMSR : KVM_EXIT_IO);
}

/* Two lines of the cache under one lock: the bus is locked. */
static u8 two_lines[128] __attribute__((aligned(64)));

static void bus_lock_guest(void)
{
	guest_sync(0);
	asm volatile("lock; incl (%0)" : : "r"(two_lines + 62) : "memory");
	guest_sync(1);
}

static void bus_locks(void)
{
	struct vm *vm = vm_new();
	u64 modes = has_cap(vm->fd, KVM_CAP_X86_BUS_LOCK_EXIT);
	u64 both = KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT;
	struct vcpu *vcpu;

	CHECK(!modes || modes == both, "%#llx", (unsigned long long)modes);
	FAILS(enable_cap(vm->fd, KVM_CAP_X86_BUS_LOCK_EXIT, both), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_X86_BUS_LOCK_EXIT, 4), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_X86_BUS_LOCK_EXIT, 1ull << 32), EINVAL);
	OK(enable_cap(vm->fd, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_OFF));
	/* Legal, and without effect where the CPU can't tell. */
	OK(enable_cap(vm->fd, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_EXIT));
	vcpu = quick_long(vm, bus_lock_guest);
	EQ(run_to_sync(vcpu), 0);
	EQ(vcpu->run->flags & KVM_RUN_X86_BUS_LOCK, 0);
	if (modes) {
		MUST_EXIT(vcpu, KVM_EXIT_X86_BUS_LOCK);
		EQ(vcpu->run->flags & KVM_RUN_X86_BUS_LOCK, KVM_RUN_X86_BUS_LOCK);
	}
	EQ(run_to_sync(vcpu), 1);
	EQ(vcpu->run->flags & KVM_RUN_X86_BUS_LOCK, 0);
	vm_free(vm);
}

static void events_kept_out(void)
{
	struct vm *vm = vm_new();
	u64 flags = KVM_X86_NOTIFY_VMEXIT_ENABLED | KVM_X86_NOTIFY_VMEXIT_USER;
	u64 can = has_cap(vm->fd, KVM_CAP_X86_NOTIFY_VMEXIT);
	u64 window = 0x20000ull << 32;

	CHECK(!can || can == flags, "%#llx", (unsigned long long)can);
	FAILS(enable_cap(vm->fd, KVM_CAP_X86_NOTIFY_VMEXIT, window), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_X86_NOTIFY_VMEXIT, window | flags | 4), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_X86_NOTIFY_VMEXIT,
			 window | KVM_X86_NOTIFY_VMEXIT_USER), EINVAL);
	if (!can) {
		FAILS(enable_cap(vm->fd, KVM_CAP_X86_NOTIFY_VMEXIT, window | flags), EINVAL);
		vm_free(vm);
		return;
	}
	OK(enable_cap(vm->fd, KVM_CAP_X86_NOTIFY_VMEXIT, window | flags));
	vcpu_new(vm, 0);
	FAILS(enable_cap(vm->fd, KVM_CAP_X86_NOTIFY_VMEXIT, window | flags), EINVAL);
	vm_free(vm);
}

/* A triple fault can be seen, taken away and given. */
static void triple_fault_is_state(void)
{
	struct vm *vm = vm_new();
	struct kvm_vcpu_events events;
	struct vcpu *vcpu;

	EQ(has_cap(vm->fd, KVM_CAP_X86_TRIPLE_FAULT_EVENT), 1);
	vcpu = quick_real(vm, BLOB_OF(halts));
	MUST(!ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EQ(events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT, 0);
	events.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	FAILS(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events), EINVAL);

	OK(enable_cap(vm->fd, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1));
	MUST(!ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EQ(events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT, KVM_VCPUEVENT_VALID_TRIPLE_FAULT);
	EQ(events.triple_fault.pending, 0);
	events.triple_fault.pending = 1;
	OK(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	MUST(!ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EQ(events.triple_fault.pending, 1);
	MUST_EXIT(vcpu, KVM_EXIT_SHUTDOWN);
	MUST(!ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EQ(events.triple_fault.pending, 0);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

static void system_attributes(void)
{
	struct kvm_cpuid2 *cpuid;
	struct kvm_cpuid_entry2 *e;
	u64 xcr0 = 0;
	struct kvm_device_attr attr = {
		.attr = KVM_X86_XCOMP_GUEST_SUPP, .addr = (u64)&xcr0,
	};
	int kvm = kvm_open();

	OK(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &attr));
	OK(ioctl(kvm, KVM_GET_DEVICE_ATTR, &attr));
	cpuid = cpuid_supported(kvm);
	e = cpuid_find(cpuid, 0xd, 0);
	if (e)
		EQ(xcr0, e->eax | (u64)e->edx << 32);
	attr.addr = 0;
	FAILS(ioctl(kvm, KVM_GET_DEVICE_ATTR, &attr), EFAULT);
	attr.attr = 1;
	FAILS(ioctl(kvm, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	attr.attr = KVM_X86_XCOMP_GUEST_SUPP;
	attr.group = 1;
	FAILS(ioctl(kvm, KVM_GET_DEVICE_ATTR, &attr), ENXIO);
	free(cpuid);
}

static int tsc_offset(struct vcpu *vcpu, unsigned long request, u64 *offset)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (u64)offset,
	};

	return ioctl(vcpu->fd, request, &attr);
}

static void tsc_offset_of_a_vcpu(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halts));
	struct kvm_device_attr attr = { .group = 99 };
	u64 offset, was, before, after;

	OK(tsc_offset(vcpu, KVM_HAS_DEVICE_ATTR, NULL));
	OK(tsc_offset(vcpu, KVM_GET_DEVICE_ATTR, &was));
	before = msr_must_get(vcpu, 0x10);
	offset = was + (1ull << 50);
	OK(tsc_offset(vcpu, KVM_SET_DEVICE_ATTR, &offset));
	offset = 0;
	OK(tsc_offset(vcpu, KVM_GET_DEVICE_ATTR, &offset));
	EQ(offset, was + (1ull << 50));
	after = msr_must_get(vcpu, 0x10);
	CHECK(after - before >= 1ull << 50 && after - before < 1ull << 51);
	FAILS(tsc_offset(vcpu, KVM_SET_DEVICE_ATTR, NULL), EFAULT);
	FAILS(ioctl(vcpu->fd, KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	vm_free(vm);
}

/* The guest's time page (x86/msr.rst) */
#define PVCLOCK_GUEST_STOPPED	2u

static struct {
	u32 version, pad;
	u64 tsc_timestamp, system_time;
	u32 mul;
	u8 shift, flags, end[2];
} time_page __attribute__((aligned(64)));

static void clock_guest(void)
{
	guest_sync(0);
	guest_wrmsr(MSR_KVM_SYSTEM_TIME_NEW, (u64)&time_page | 1);
	for (;;)
		guest_sync(*(volatile u8 *)&time_page.flags);
}

static void a_pause_is_told(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, clock_guest);

	run_to_sync(vcpu);
	FAILS(ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0), EINVAL);
	EQ(run_to_sync(vcpu) & PVCLOCK_GUEST_STOPPED, 0);
	OK(ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0));
	EQ(run_to_sync(vcpu) & PVCLOCK_GUEST_STOPPED, PVCLOCK_GUEST_STOPPED);
	/* the guest clears it */
	EQ(run_to_sync(vcpu) & PVCLOCK_GUEST_STOPPED, PVCLOCK_GUEST_STOPPED);
	vm_free(vm);
}

static void pv_features_are_enforced_guest(void)
{
	u64 value;

	guest_sync(guest_try_rdmsr(MSR_KVM_STEAL_TIME, &value));
	guest_sync(guest_try_rdmsr(MSR_KVM_STEAL_TIME, &value));
	GEQ(guest_try_wrmsr(MSR_KVM_PV_EOI_EN, 0), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_SYSTEM_TIME_NEW, 0), 13);
	GEQ(guest_try_rdmsr(MSR_KVM_POLL_CONTROL, &value), 13);
	guest_done();
}

static void pv_features_are_enforced(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);

	cpuid_find(cpuid, 0x40000001, 0)->eax = 0;
	MUST(!ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	load_image(vm);
	start_long_only(vcpu, pv_features_are_enforced_guest);
	EQ(run_to_sync(vcpu), NO_TRAP);
	OK(enable_cap(vcpu->fd, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1));
	EQ(run_to_sync(vcpu), 13);
	run_to_done(vcpu);
	free(cpuid);
	vm_free(vm);
}

static u32 lapic_id_as_told(struct vcpu *vcpu)
{
	struct kvm_lapic_state s;

	MUST(!ioctl(vcpu->fd, KVM_GET_LAPIC, &s));
	return *(u32 *)(s.regs + APIC_ID);
}

/* With x2APIC on, the ID register has 32 bits if user space can take them. */
static void wide_apic_ids(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 3);

	set_supported_cpuid(vcpu);
	EQ(lapic_id_as_told(vcpu), 3 << 24);
	EQ(msr_set(vcpu, 0x1b, 0xfee00c00), 1);
	EQ(lapic_id_as_told(vcpu), 3 << 24);
	FAILS(enable_cap(vm->fd, KVM_CAP_X2APIC_API, 4), EINVAL);
	OK(enable_cap(vm->fd, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS));
	EQ(lapic_id_as_told(vcpu), 3);
	vm_free(vm);
}

static void machine_checks(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halts));
	struct kvm_x86_mce mce = {
		.status = 1ull << 63 | 1ull << 60 | 0x123, .addr = 0x4560, .bank = 2,
	};
	u64 can = 0, cap;

	OK(ioctl(vm->kvm, KVM_X86_GET_MCE_CAP_SUPPORTED, &can));
	CHECK(can & 1ull << 8 && can & 1ull << 24, "%#llx", (unsigned long long)can);
	cap = 33;
	FAILS(ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = 0;
	FAILS(ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = (~can & 0xffffff00) | 10;
	FAILS(ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = 10 | 1ull << 8;
	OK(ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &cap));
	EQ(msr_must_get(vcpu, 0x179), cap);
	OK(ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce));
	EQ(msr_must_get(vcpu, 0x401 + 4 * 2), mce.status);
	EQ(msr_must_get(vcpu, 0x402 + 4 * 2), mce.addr);
	mce.bank = 10;
	FAILS(ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce), EINVAL);
	mce.bank = 255;
	FAILS(ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce), EINVAL);
	mce.bank = 1;
	mce.status = 0;
	FAILS(ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce), EINVAL);
	vm_free(vm);
}

#define CAP_CMCI	(1ull << 10)
#define CAP_LMCE	(1ull << 27)
#define CTL2_EN		(1ull << 30)

static bool requested(struct vcpu *vcpu, unsigned int vector)
{
	struct kvm_lapic_state s;

	MUST(!ioctl(vcpu->fd, KVM_GET_LAPIC, &s));
	return *(u32 *)(s.regs + 0x200 + vector / 32 * 0x10) & 1u << vector % 32;
}

/* The local vector table has its entry, and is told to be longer. */
static void set_cmci_vector(struct vcpu *vcpu, unsigned int vector)
{
	struct kvm_lapic_state s;

	MUST(!ioctl(vcpu->fd, KVM_GET_LAPIC, &s));
	EQ(*(u32 *)(s.regs + 0x30) >> 16 & 0xff, 6);
	EQ(*(u32 *)(s.regs + 0x2f0), 1u << 16);
	*(u32 *)(s.regs + 0xf0) = 0x1ff;
	*(u32 *)(s.regs + 0x2f0) = vector;
	MUST(!ioctl(vcpu->fd, KVM_SET_LAPIC, &s));
}

/* An error that asks for no action (SDM 3B 15.6.3) raises what the bank's CTL2 lets it. */
static void corrected_errors(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halts));
	struct kvm_x86_mce mce = { .status = 1ull << 63 | 1ull << 61 | 0x9f, .bank = 3 };
	u64 can = 0, cap = 10 | 1ull << 8 | CAP_CMCI;

	MUST(!ioctl(vm->kvm, KVM_X86_GET_MCE_CAP_SUPPORTED, &can));
	if (!(can & CAP_CMCI)) {
		FAILS(ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
		EQ(msr_set(vcpu, 0x283, CTL2_EN), 0);
		vm_free(vm);
		return;
	}
	MUST(!ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &cap));
	set_cmci_vector(vcpu, 0x51);
	OK(ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce));
	CHECK(!requested(vcpu, 0x51));
	EQ(msr_set(vcpu, 0x283, CTL2_EN | 0x7fff), 1);
	EQ(msr_must_get(vcpu, 0x283), CTL2_EN | 0x7fff);
	EQ(msr_set(vcpu, 0x283, 1ull << 29), 0);
	EQ(msr_set(vcpu, 0x28a, CTL2_EN), 0);
	mce.bank = 2;
	OK(ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce));
	CHECK(!requested(vcpu, 0x51));
	EQ(msr_must_get(vcpu, 0x401 + 4 * 2), mce.status);
	mce.bank = 3;
	mce.addr = 0x7000;
	OK(ioctl(vcpu->fd, KVM_X86_SET_MCE, &mce));
	CHECK(requested(vcpu, 0x51));
	EQ(msr_must_get(vcpu, 0x402 + 4 * 3), 0x7000);
	vm_free(vm);
}

/* IA32_MCG_EXT_CTL, and the register by which firmware lets guests have it */
static void local_machine_checks(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halts));
	u64 can = 0, cap = 10 | CAP_LMCE;

	MUST(!ioctl(vm->kvm, KVM_X86_GET_MCE_CAP_SUPPORTED, &can));
	if (!(can & CAP_LMCE)) {
		FAILS(ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
		vm_free(vm);
		return;
	}
	EQ(msr_set(vcpu, 0x3a, 1 | 1 << 20), 0);
	MUST(!ioctl(vcpu->fd, KVM_X86_SETUP_MCE, &cap));
	EQ(msr_set(vcpu, 0x3a, 1 | 1 << 20), 1);
	EQ(msr_must_get(vcpu, 0x3a), 1 | 1 << 20);
	EQ(msr_set(vcpu, 0x4d0, 1), 1);
	EQ(msr_must_get(vcpu, 0x4d0), 1);
	EQ(msr_set(vcpu, 0x4d0, 2), 0);
	/* the VMM unlocks it again */
	EQ(msr_set(vcpu, 0x3a, 0), 1);
	vm_free(vm);
}

static void poll_time(void)
{
	struct vm *vm = vm_bare();

	OK(enable_cap(vm->fd, KVM_CAP_HALT_POLL, 100000));
	OK(enable_cap(vm->fd, KVM_CAP_HALT_POLL, 0));
	FAILS(enable_cap(vm->fd, KVM_CAP_HALT_POLL, 1ull << 32), EINVAL);
	vm_free(vm);
}

static void mmu_pages(void)
{
	struct vm *vm = vm_bare();

	FAILS(ioctl(vm->fd, KVM_SET_NR_MMU_PAGES, 1), EINVAL);
	OK(ioctl(vm->fd, KVM_SET_NR_MMU_PAGES, 1000));
	EQ(ioctl(vm->fd, KVM_GET_NR_MMU_PAGES, 0), 1000);
	vm_free(vm);
}

/* The calls of old, beside those that took their place */
static void first_pit_calls(void)
{
	struct vm *vm = vm_new_irqchip();
	struct kvm_pit_state pit = {}, back = {};

	FAILS(ioctl(vm->fd, KVM_GET_PIT, &pit), ENXIO);
	FAILS(ioctl(vm->fd, KVM_SET_PIT, &pit), ENXIO);
	OK(ioctl(vm->fd, KVM_CREATE_PIT, 0));
	FAILS(ioctl(vm->fd, KVM_CREATE_PIT, 0), EEXIST);
	OK(ioctl(vm->fd, KVM_GET_PIT, &pit));
	pit.channels[2].count = 0x1234;
	pit.channels[2].mode = 3;
	OK(ioctl(vm->fd, KVM_SET_PIT, &pit));
	OK(ioctl(vm->fd, KVM_GET_PIT, &back));
	EQ(back.channels[2].count, 0x1234);
	EQ(back.channels[2].mode, 3);
	vm_free(vm);
}

/* The right to an enclave attribute is a file of the kernel's, on hosts without enclaves, too. */
static void enclave_attribute_is_a_file(void)
{
	struct vm *vm = vm_new();
	int fd = open("/dev/sgx_provision", O_RDONLY);

	EQ(has_cap(vm->fd, KVM_CAP_SGX_ATTRIBUTE), 1);
	FAILS(enable_cap(vm->fd, KVM_CAP_SGX_ATTRIBUTE, -1), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_SGX_ATTRIBUTE, 1000), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_SGX_ATTRIBUTE, vm->fd), EINVAL);
	if (fd >= 0) {
		OK(enable_cap(vm->fd, KVM_CAP_SGX_ATTRIBUTE, fd));
		close(fd);
	}
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(halt_stays_inside),
	TEST(mwait_stays_inside),
	TEST(c_state_counters),
	TEST(bus_locks),
	TEST(events_kept_out),
	TEST(triple_fault_is_state),
	TEST(system_attributes),
	TEST(tsc_offset_of_a_vcpu),
	TEST(a_pause_is_told),
	TEST(pv_features_are_enforced),
	TEST(wide_apic_ids),
	TEST(machine_checks),
	TEST(corrected_errors),
	TEST(local_machine_checks),
	TEST(poll_time),
	TEST(mmu_pages),
	TEST(first_pit_calls),
	TEST(enclave_attribute_is_a_file),
};

TEST_MAIN(tests)
