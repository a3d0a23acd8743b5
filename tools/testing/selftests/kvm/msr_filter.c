// SPDX-License-Identifier: GPL-2.0-only
/* MSRs that a filter denies, and MSRs that user space answers. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define MSR_SYSENTER_CS	0x174
#define MSR_SYSENTER_SP	0x175
#define MSR_NOWHERE	0xdead0001

static int set_filter(struct vm *vm, u32 flags, u32 range_flags, u32 base, u32 n, void *bits)
{
	struct kvm_msr_filter filter = {
		.flags = flags,
		.ranges = { { .flags = range_flags, .base = base, .nmsrs = n, .bitmap = bits } },
	};

	return ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &filter);
}

static void filter_arguments(void)
{
	struct vm *vm = vm_new();
	u8 bits[KVM_MSR_FILTER_MAX_BITMAP_SIZE + 8] = { 0 };

	FAILS(set_filter(vm, 2, 1, 0, 8, bits), EINVAL);
	FAILS(set_filter(vm, ~0u, 1, 0, 8, bits), EINVAL);
	FAILS(set_filter(vm, 0, 4, 0, 8, bits), EINVAL);
	FAILS(set_filter(vm, 0, 1, 0, KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8 + 1, bits), EINVAL);
	FAILS(set_filter(vm, 0, 1, 0, ~0u, bits), EINVAL);
	FAILS(set_filter(vm, 0, 1, 0, 8, (void *)8), EFAULT);
	/* deny all, by a filter with no range at all: a mistake */
	FAILS(set_filter(vm, KVM_MSR_FILTER_DEFAULT_DENY, 0, 0, 0, NULL), EINVAL);
	OK(set_filter(vm, KVM_MSR_FILTER_DEFAULT_ALLOW, 0, 0, 0, NULL));
	OK(set_filter(vm, 0, 3, 0, KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8, bits));
	OK(set_filter(vm, 0, 3, 0xfffffff8, 8, bits));
	vm_free(vm);
}

/* Read and write each MSR: the vectors, packed in one answer. */
static volatile u32 touch_msr;

static void touching_guest(void)
{
	for (;;) {
		u64 value, r = guest_try_rdmsr(touch_msr, &value);
		u64 w = guest_try_wrmsr(touch_msr, 0x10);

		guest_sync4(r, w, value, 0);
	}
}

static void touch(struct vcpu *vcpu, u32 msr, u64 read_trap, u64 write_trap)
{
	struct ucall uc;

	AT(vcpu->vm, touch_msr) = msr;
	MUST(run_to_ucall(vcpu, &uc));
	CHECK(uc.arg[0] == read_trap && uc.arg[1] == write_trap,
	      "MSR %#x: read %#llx, write %#llx; expected %#llx, %#llx", msr,
	      (unsigned long long)uc.arg[0], (unsigned long long)uc.arg[1],
	      (unsigned long long)read_trap, (unsigned long long)write_trap);
}

static void denied_is_a_fault(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, touching_guest);
	u8 bits[8] = { 0 };
	u64 value;

	touch(vcpu, MSR_SYSENTER_CS, NO_TRAP, NO_TRAP);
	OK(set_filter(vm, 0, KVM_MSR_FILTER_READ, MSR_SYSENTER_CS, 2, bits));
	touch(vcpu, MSR_SYSENTER_CS, GP_VECTOR, NO_TRAP);
	touch(vcpu, MSR_SYSENTER_SP, GP_VECTOR, NO_TRAP);
	touch(vcpu, MSR_SYSENTER_SP + 1, NO_TRAP, NO_TRAP);
	OK(set_filter(vm, 0, KVM_MSR_FILTER_WRITE, MSR_SYSENTER_CS, 2, bits));
	touch(vcpu, MSR_SYSENTER_CS, NO_TRAP, GP_VECTOR);
	/* a set bit allows */
	bits[0] = 1;
	OK(set_filter(vm, 0, 3, MSR_SYSENTER_CS, 2, bits));
	touch(vcpu, MSR_SYSENTER_CS, NO_TRAP, NO_TRAP);
	touch(vcpu, MSR_SYSENTER_SP, GP_VECTOR, GP_VECTOR);
	/* all others denied; MSRs that run without exits (LSTAR) as well */
	OK(set_filter(vm, KVM_MSR_FILTER_DEFAULT_DENY, 3, MSR_SYSENTER_CS, 2, bits));
	touch(vcpu, MSR_SYSENTER_CS, NO_TRAP, NO_TRAP);
	touch(vcpu, 0xc0000082, GP_VECTOR, GP_VECTOR);
	touch(vcpu, 0xc0000102, GP_VECTOR, GP_VECTOR);
	/* the host's own access is not the filter's affair */
	EQ(msr_get(vcpu, 0xc0000082, &value), 1);
	EQ(msr_set(vcpu, MSR_SYSENTER_SP, 0x1000), 1);
	OK(set_filter(vm, 0, 0, 0, 0, NULL));
	touch(vcpu, 0xc0000082, NO_TRAP, NO_TRAP);
	vm_free(vm);
}

static void expect_msr_exit(struct vcpu *vcpu, u32 exit, u32 reason, u32 index)
{
	MUST_EXIT(vcpu, exit);
	EQ(vcpu->run->msr.reason, reason);
	EQ(vcpu->run->msr.index, index);
	EQ(vcpu->run->msr.error, 0);
}

static void denied_is_an_exit(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu;
	u8 bits[8] = { 0 };
	struct ucall uc;

	OK(enable_cap(vm->fd, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER));
	OK(set_filter(vm, 0, 3, MSR_SYSENTER_CS, 1, bits));
	vcpu = quick_long(vm, touching_guest);
	AT(vm, touch_msr) = MSR_SYSENTER_CS;
	expect_msr_exit(vcpu, KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_FILTER, MSR_SYSENTER_CS);
	vcpu->run->msr.data = 0x1122334455667788;
	expect_msr_exit(vcpu, KVM_EXIT_X86_WRMSR, KVM_MSR_EXIT_REASON_FILTER, MSR_SYSENTER_CS);
	EQ(vcpu->run->msr.data, 0x10);
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], NO_TRAP);
	EQ(uc.arg[1], NO_TRAP);
	EQ(uc.arg[2], 0x1122334455667788);
	/* answered with an error: #GP */
	expect_msr_exit(vcpu, KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_FILTER, MSR_SYSENTER_CS);
	vcpu->run->msr.error = 1;
	expect_msr_exit(vcpu, KVM_EXIT_X86_WRMSR, KVM_MSR_EXIT_REASON_FILTER, MSR_SYSENTER_CS);
	vcpu->run->msr.error = 1;
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], GP_VECTOR);
	EQ(uc.arg[1], GP_VECTOR);
	vm_free(vm);
}

static void unknown_msrs_as_exits(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu;
	struct ucall uc;

	OK(enable_cap(vm->fd, KVM_CAP_X86_USER_SPACE_MSR,
		      KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL));
	vcpu = quick_long(vm, touching_guest);
	AT(vm, touch_msr) = MSR_NOWHERE;
	MUST_EXIT(vcpu, KVM_EXIT_X86_RDMSR);
	EQ(vcpu->run->msr.index, MSR_NOWHERE);
	EQ(vcpu->run->msr.reason, KVM_MSR_EXIT_REASON_UNKNOWN);
	vcpu->run->msr.data = 77;
	MUST_EXIT(vcpu, KVM_EXIT_X86_WRMSR);
	EQ(vcpu->run->msr.reason, KVM_MSR_EXIT_REASON_UNKNOWN);
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], NO_TRAP);
	EQ(uc.arg[1], NO_TRAP);
	EQ(uc.arg[2], 77);
	/* known, but 0x10 is no page attribute table: not valid */
	AT(vm, touch_msr) = 0x277;
	for (;;) {
		run_exit(vcpu);
		if (is_ucall(vcpu, &uc))
			break;
		EQ(vcpu->run->exit_reason, KVM_EXIT_X86_WRMSR);
		EQ(vcpu->run->msr.reason, KVM_MSR_EXIT_REASON_INVAL);
		vcpu->run->msr.error = 1;
	}
	/* switched off again: a fault in the guest, no exit */
	OK(enable_cap(vm->fd, KVM_CAP_X86_USER_SPACE_MSR, 0));
	touch(vcpu, MSR_NOWHERE, GP_VECTOR, GP_VECTOR);
	vm_free(vm);
}

/* Filters change while the guest runs through them. */
static volatile u64 flip_stop, flip_ok, flip_gp;

static void flipping_guest(void)
{
	u64 value, trap;

	guest_sti();
	while (!flip_stop) {
		trap = guest_try_rdmsr(MSR_SYSENTER_CS, &value);
		GCHECK(trap == NO_TRAP || trap == GP_VECTOR);
		if (trap == NO_TRAP)
			flip_ok++;
		else
			flip_gp++;
	}
	guest_done();
}

static void filters_change_while_the_guest_runs(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, flipping_guest);
	u8 bits[8] = { 0 };

	vcpu_start_to_done(vcpu);
	for (int i = 0; i < 60; i++) {
		OK(set_filter(vm, 0, 3, MSR_SYSENTER_CS, 1 + i, bits));
		sleep_ms(2);
		OK(set_filter(vm, 0, 0, 0, 0, NULL));
		sleep_ms(1);
	}
	AT(vm, flip_stop) = 1;
	vcpu_join(vcpu);
	CHECK(AT(vm, flip_ok) > 0);
	CHECK(AT(vm, flip_gp) > 0);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(filter_arguments),
	TEST(denied_is_a_fault),
	TEST(denied_is_an_exit),
	TEST(unknown_msrs_as_exits),
	TEST(filters_change_while_the_guest_runs),
};

TEST_MAIN(tests)
