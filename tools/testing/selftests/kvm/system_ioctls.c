// SPDX-License-Identifier: GPL-2.0-only
/* /dev/kvm itself: version, capabilities, sizes, and what it refuses. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "caps.h"
#include "vm.h"

static void version_is_12(void)
{
	int kvm = kvm_open();

	EQ(ioctl(kvm, KVM_GET_API_VERSION, 0), 12);
	FAILS(ioctl(kvm, KVM_GET_API_VERSION, 1), EINVAL);
}

static void vcpu_mmap_size_is_whole_pages(void)
{
	int kvm = kvm_open();
	long size = OKS(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));

	EQ(size % 4096, 0);
	/* kvm_run, the data of port I/O, the ring of coalesced writes */
	CHECK(size >= 3 * 4096, "%ld", size);
	CHECK((size_t)size >= sizeof(struct kvm_run), "%ld", size);
	FAILS(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 1), EINVAL);
}

/* What any client needs on x86. */
static const struct {
	int cap;
	const char *name;
} wanted[] = {
#define CAP(name)	{ KVM_CAP_##name, #name }
	CAP(IRQCHIP), CAP(HLT), CAP(USER_MEMORY), CAP(SET_TSS_ADDR), CAP(EXT_CPUID),
	CAP(CLOCKSOURCE), CAP(NR_VCPUS), CAP(MAX_VCPUS), CAP(MAX_VCPU_ID), CAP(NR_MEMSLOTS),
	CAP(MP_STATE), CAP(COALESCED_MMIO), CAP(SYNC_MMU), CAP(DESTROY_MEMORY_REGION_WORKS),
	CAP(USER_NMI), CAP(SET_GUEST_DEBUG), CAP(IRQ_ROUTING), CAP(IRQ_INJECT_STATUS),
	CAP(JOIN_MEMORY_REGIONS_WORKS), CAP(MCE), CAP(IRQFD), CAP(PIT2), CAP(SET_BOOT_CPU_ID),
	CAP(PIT_STATE2), CAP(IOEVENTFD), CAP(SET_IDENTITY_MAP_ADDR), CAP(ADJUST_CLOCK),
	CAP(INTERNAL_ERROR_DATA), CAP(VCPU_EVENTS), CAP(DEBUGREGS), CAP(ENABLE_CAP), CAP(XSAVE),
	CAP(XCRS), CAP(GET_TSC_KHZ), CAP(TSC_DEADLINE_TIMER), CAP(KVMCLOCK_CTRL),
	CAP(SIGNAL_MSI), CAP(READONLY_MEM), CAP(IRQFD_RESAMPLE), CAP(ENABLE_CAP_VM),
	CAP(IOEVENTFD_NO_LENGTH), CAP(CHECK_EXTENSION_VM), CAP(SPLIT_IRQCHIP),
	CAP(IOEVENTFD_ANY_LENGTH), CAP(IMMEDIATE_EXIT),
	CAP(GET_MSR_FEATURES), CAP(X2APIC_API), CAP(X86_DISABLE_EXITS),
	CAP(MANUAL_DIRTY_LOG_PROTECT2), CAP(EXCEPTION_PAYLOAD), CAP(X86_USER_SPACE_MSR),
	CAP(X86_MSR_FILTER), CAP(COALESCED_PIO),
};

static void capabilities_of_every_client(void)
{
	int kvm = kvm_open();

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		CHECK(has_cap(kvm, wanted[i].cap) > 0, "%s", wanted[i].name);
}

/* The table of the documentation tells the truth. */
static void capabilities_of_the_table(void)
{
#define CAP_ROW(name, answer)	{ name, answer, #name },
	static const struct {
		int cap, answer;
		const char *name;
	} rows[] = { CAP_ROWS(CAP_ROW) };
#undef CAP_ROW
	struct vm *vm;

	if (on_stock_kvm())
		SKIP("the table is about ours");
	vm = vm_bare();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int is = has_cap(vm->fd, rows[i].cap);

		if (rows[i].answer >= 0)
			CHECK((is > 0) == rows[i].answer, "%s: %d", rows[i].name, is);
		CHECK(is >= 0, "%s: %d", rows[i].name, is);
	}
	vm_free(vm);
}

static void capability_values(void)
{
	int kvm = kvm_open(), vm = ioctl(kvm, KVM_CREATE_VM, 0);
	long ids, vcpus;

	MUST(vm >= 0);
	vcpus = has_cap(kvm, KVM_CAP_MAX_VCPUS);
	ids = has_cap(kvm, KVM_CAP_MAX_VCPU_ID);
	EQ(vcpus, 1024);
	EQ(ids, 4096);
	CHECK(has_cap(kvm, KVM_CAP_NR_VCPUS) <= vcpus);
	EQ(has_cap(kvm, KVM_CAP_NR_MEMSLOTS), 32764);
	CHECK(has_cap(kvm, KVM_CAP_MULTI_ADDRESS_SPACE) <= 2);
	EQ(has_cap(kvm, KVM_CAP_COALESCED_MMIO), 2);
	EQ(has_cap(kvm, KVM_CAP_MCE), 32);
	CHECK(has_cap(kvm, KVM_CAP_IRQ_ROUTING) >= 1024);
	CHECK((has_cap(kvm, KVM_CAP_SYNC_REGS) & ~KVM_SYNC_X86_VALID_FIELDS) == 0);
	EQ(has_cap(kvm, KVM_CAP_X2APIC_API), 3);
	CHECK(has_cap(kvm, KVM_CAP_ADJUST_CLOCK) & KVM_CLOCK_TSC_STABLE);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		EQ(has_cap(vm, wanted[i].cap), has_cap(kvm, wanted[i].cap));
	CHECK(has_cap(vm, KVM_CAP_XSAVE2) >= 4096 || has_cap(vm, KVM_CAP_XSAVE2) == 0);
}

static void unknown_capabilities_are_0(void)
{
	static const int other[] = {
		KVM_CAP_PCI_2_3, KVM_CAP_S390_IRQCHIP, KVM_CAP_ARM_USER_IRQ, KVM_CAP_DEVICE_CTRL,
		KVM_CAP_ONE_REG, 10000, 0x7fffffff, -1,
	};
	int kvm = kvm_open();

	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		EQ(has_cap(kvm, other[i]), 0);
}

/* The x86 answer is EINVAL on the system and vCPU fds, ENOTTY on a VM's. */
static void refuses(int fd, unsigned long request, int err)
{
	long ret;

	errno = 0;
	ret = ioctl(fd, request, 0);
	CHECK(ret == -1 && errno == err, "request %#lx: %ld, errno %d, not %d", request, ret,
	      errno, err);
}

static void unknown_requests(void)
{
	struct vm *vm = vm_bare();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	static const unsigned long unknown[] = {
		0, 1, _IO(KVMIO, 0xff), _IO(KVMIO, 0x3f), _IO('T', 1), ~0ul,
	};

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		refuses(vm->kvm, unknown[i], EINVAL);
		refuses(vm->fd, unknown[i], ENOTTY);
		refuses(vcpu->fd, unknown[i], EINVAL);
	}
	/* each fd's requests on another's */
	refuses(vm->kvm, KVM_RUN, EINVAL);
	refuses(vm->kvm, KVM_CREATE_VCPU, EINVAL);
	refuses(vm->fd, KVM_RUN, ENOTTY);
	refuses(vm->fd, KVM_CREATE_VM, ENOTTY);
	refuses(vcpu->fd, KVM_CREATE_VM, EINVAL);
	refuses(vcpu->fd, KVM_CREATE_IRQCHIP, EINVAL);
	vm_free(vm);
}

static void unknown_machine_types(void)
{
	int kvm = kvm_open();

	FAILS(ioctl(kvm, KVM_CREATE_VM, 1), EINVAL);
	FAILS(ioctl(kvm, KVM_CREATE_VM, 0x80000000), EINVAL);
	FAILS(ioctl(kvm, KVM_CREATE_VM, ~0ul), EINVAL);
}

static void pointers_to_nowhere(void)
{
	static const unsigned long requests[] = {
		KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_GET_SUPPORTED_CPUID,
		KVM_GET_EMULATED_CPUID, KVM_GET_MSRS, KVM_X86_GET_MCE_CAP_SUPPORTED,
	};
	int kvm = kvm_open();

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		FAILS(ioctl(kvm, requests[i], 0), EFAULT);
		FAILS(ioctl(kvm, requests[i], 0xffff800000000000ul), EFAULT);
		FAILS(ioctl(kvm, requests[i], ~0ul), EFAULT);
	}
}

static void pointers_to_nowhere_on_vm_and_vcpu(void)
{
	static const unsigned long vm_requests[] = {
		KVM_SET_USER_MEMORY_REGION, KVM_GET_DIRTY_LOG, KVM_ENABLE_CAP, KVM_IRQFD,
		KVM_IOEVENTFD, KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_CLOCK, KVM_GET_CLOCK,
		KVM_X86_SET_MSR_FILTER, KVM_REGISTER_COALESCED_MMIO,
	};
	static const unsigned long vcpu_requests[] = {
		KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS, KVM_GET_FPU,
		KVM_SET_FPU, KVM_GET_XSAVE, KVM_SET_XSAVE, KVM_GET_XCRS, KVM_SET_XCRS,
		KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, KVM_GET_MSRS, KVM_SET_MSRS,
		KVM_SET_CPUID2, KVM_GET_CPUID2, KVM_GET_MP_STATE, KVM_SET_MP_STATE,
		KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, KVM_TRANSLATE, KVM_SET_GUEST_DEBUG,
		KVM_GET_SREGS2, KVM_SET_SREGS2, KVM_ENABLE_CAP,
	};
	struct vm *vm = vm_bare();
	struct vcpu *vcpu;

	for (size_t i = 0; i < ARRAY_SIZE(vm_requests); i++)
		CHECK(ioctl(vm->fd, vm_requests[i], 8) == -1 && errno == EFAULT,
		      "VM request %#lx: errno %d", vm_requests[i], errno);
	vcpu = vcpu_new(vm, 0);
	for (size_t i = 0; i < ARRAY_SIZE(vcpu_requests); i++)
		CHECK(ioctl(vcpu->fd, vcpu_requests[i], 8) == -1 && errno == EFAULT,
		      "vCPU request %#lx: errno %d", vcpu_requests[i], errno);
	vm_free(vm);
}

/* A list that is too short says how long it must be. */
static void msr_lists_tell_their_length(void)
{
	static const unsigned long lists[] = {
		KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST,
	};
	int kvm = kvm_open();

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct kvm_msr_list probe = { .nmsrs = 0 }, *list;
		u32 count;

		FAILS(ioctl(kvm, lists[i], &probe), E2BIG);
		count = probe.nmsrs;
		if (!CHECK(count > 0 && count < 10000, "%u", count))
			continue;
		list = calloc(1, sizeof(*list) + (count + 1) * 4);
		list->indices[count] = 0xabcd1234;
		list->nmsrs = count - 1;
		FAILS(ioctl(kvm, lists[i], list), E2BIG);
		EQ(list->nmsrs, count);
		list->nmsrs = count;
		OK(ioctl(kvm, lists[i], list));
		EQ(list->nmsrs, count);
		EQ(list->indices[count], 0xabcd1234);
		free(list);
	}
}

static void feature_msrs_of_the_system(void)
{
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + 256 * 4);
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr;
	int kvm = kvm_open();

	list->nmsrs = 256;
	MUST(!ioctl(kvm, KVM_GET_MSR_FEATURE_INDEX_LIST, list));
	for (u32 i = 0; i < list->nmsrs; i++) {
		memset(&msr, 0, sizeof(msr));
		msr.head.nmsrs = 1;
		msr.entry.index = list->indices[i];
		CHECK(ioctl(kvm, KVM_GET_MSRS, &msr) == 1, "feature MSR %#x", list->indices[i]);
	}
	/* no feature */
	memset(&msr, 0, sizeof(msr));
	msr.head.nmsrs = 1;
	msr.entry.index = 0x10;
	CHECK(ioctl(kvm, KVM_GET_MSRS, &msr) <= 0);
}

static void stray_access_to_the_device(void)
{
	int kvm = kvm_open();
	char buf[8];

	FAILS(read(kvm, buf, sizeof(buf)), EINVAL);
	FAILS(write(kvm, buf, sizeof(buf)), EINVAL);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, kvm, 0) == MAP_FAILED);
}

static void enable_cap_arguments(void)
{
	struct vm *vm = vm_bare();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_enable_cap cap = { .cap = 0xfffffff };

	FAILS(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	FAILS(ioctl(vcpu->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.cap = KVM_CAP_X86_DISABLE_EXITS;
	cap.args[0] = ~0ull;
	FAILS(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.cap = KVM_CAP_EXCEPTION_PAYLOAD;
	cap.args[0] = 1;
	cap.flags = 1;
	FAILS(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.flags = 0;
	OK(ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	cap.cap = KVM_CAP_X2APIC_API;
	cap.args[0] = 4;
	FAILS(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.cap = KVM_CAP_X86_USER_SPACE_MSR;
	cap.args[0] = 8;
	FAILS(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	vm_free(vm);
}

static void device_fds(void)
{
	struct vm *vm = vm_bare();
	struct kvm_create_device device = { .type = 9999 };

	FAILS(ioctl(vm->fd, KVM_CREATE_DEVICE, &device), ENODEV);
	device.type = ~0u;
	FAILS(ioctl(vm->fd, KVM_CREATE_DEVICE, &device), ENODEV);
	FAILS(ioctl(vm->fd, KVM_CREATE_DEVICE, 0), EFAULT);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(version_is_12),
	TEST(vcpu_mmap_size_is_whole_pages),
	TEST(capabilities_of_every_client),
	TEST(capabilities_of_the_table),
	TEST(capability_values),
	TEST(unknown_capabilities_are_0),
	TEST(unknown_requests),
	TEST(unknown_machine_types),
	TEST(pointers_to_nowhere),
	TEST(pointers_to_nowhere_on_vm_and_vcpu),
	TEST(msr_lists_tell_their_length),
	TEST(feature_msrs_of_the_system),
	TEST(stray_access_to_the_device),
	TEST(enable_cap_arguments),
	TEST(device_fds),
};

TEST_MAIN(tests)
