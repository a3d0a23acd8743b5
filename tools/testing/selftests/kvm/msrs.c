// SPDX-License-Identifier: GPL-2.0-only
/* MSRs: lists, counts, every number from both sides, hostile values. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define MSR_TSC		0x10
#define MSR_APICBASE	0x1b
#define MSR_SYSENTER_CS	0x174
#define MSR_EFER	0xc0000080
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_CSTAR	0xc0000083
#define MSR_FS_BASE	0xc0000100
#define MSR_GS_BASE	0xc0000101
#define MSR_KERNEL_GS	0xc0000102
#define MSR_TSC_AUX	0xc0000103

static void done_guest(void)
{
	guest_done();
}

static struct kvm_msrs *msr_room(u32 n)
{
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + (n + 1) * sizeof(msrs->entries[0]));

	MUST(msrs);
	msrs->nmsrs = n;
	return msrs;
}

/* Everything in the list can be read and written back, all at once too. */
static void every_listed_msr_round_trips(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, done_guest);
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + 1024 * 4);
	struct kvm_msrs *all;

	list->nmsrs = 1024;
	MUST(!ioctl(vm->kvm, KVM_GET_MSR_INDEX_LIST, list));
	all = msr_room(list->nmsrs);
	for (u32 i = 0; i < list->nmsrs; i++) {
		u64 value;

		all->entries[i].index = list->indices[i];
		CHECK(msr_get(vcpu, list->indices[i], &value) == 1, "read of %#x",
		      list->indices[i]);
		CHECK(msr_set(vcpu, list->indices[i], value) == 1, "write of %#llx to %#x",
		      (unsigned long long)value, list->indices[i]);
		for (u32 k = 0; k < i; k++)
			CHECK(list->indices[k] != list->indices[i], "%#x twice",
			      list->indices[i]);
	}
	if (list->nmsrs <= 256) {
		EQ(ioctl(vcpu->fd, KVM_GET_MSRS, all), list->nmsrs);
		EQ(ioctl(vcpu->fd, KVM_SET_MSRS, all), list->nmsrs);
	}
	vm_free(vm);
}

static void listed_ones_that_every_client_needs(void)
{
	static const u32 wanted[] = {
		MSR_TSC, MSR_SYSENTER_CS, 0x175, 0x176, 0x277, MSR_STAR, MSR_LSTAR, MSR_CSTAR,
		0xc0000084, MSR_KERNEL_GS, 0x4b564d00, 0x4b564d01, 0x11, 0x12,
	};
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + 1024 * 4);

	list->nmsrs = 1024;
	MUST(!ioctl(kvm_open(), KVM_GET_MSR_INDEX_LIST, list));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		bool found = false;

		for (u32 k = 0; k < list->nmsrs; k++)
			found |= list->indices[k] == wanted[i];
		CHECK(found, "%#x", wanted[i]);
	}
}

/* The count returned is the number done before the first that failed. */
static void counts(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, done_guest);
	struct kvm_msrs *msrs = msr_room(4), *many = msr_room(300);

	for (u32 i = 0; i < 4; i++)
		msrs->entries[i].index = MSR_LSTAR;
	EQ(ioctl(vcpu->fd, KVM_GET_MSRS, msrs), 4);
	EQ(ioctl(vcpu->fd, KVM_SET_MSRS, msrs), 4);
	msrs->entries[2].index = 0xdead0000;
	EQ(ioctl(vcpu->fd, KVM_GET_MSRS, msrs), 2);
	msrs->entries[2].data = 1;
	EQ(ioctl(vcpu->fd, KVM_SET_MSRS, msrs), 2);
	msrs->entries[0].index = 0xdead0000;
	EQ(ioctl(vcpu->fd, KVM_GET_MSRS, msrs), 0);
	msrs->nmsrs = 0;
	EQ(ioctl(vcpu->fd, KVM_GET_MSRS, msrs), 0);
	FAILS(ioctl(vcpu->fd, KVM_GET_MSRS, many), E2BIG);
	FAILS(ioctl(vcpu->fd, KVM_SET_MSRS, many), E2BIG);
	many->nmsrs = 256;
	FAILS(ioctl(vcpu->fd, KVM_GET_MSRS, many), E2BIG);
	many->nmsrs = 255;
	OKS(ioctl(vcpu->fd, KVM_GET_MSRS, many));
	many->nmsrs = ~0u;
	FAILS(ioctl(vcpu->fd, KVM_GET_MSRS, many), E2BIG);
	FAILS(ioctl(vcpu->fd, KVM_SET_MSRS, many), E2BIG);
	vm_free(vm);
}

/* Addresses in MSRs must be canonical: the host's CPU would fault on them. */
static void non_canonical_addresses(void)
{
	static const u32 msr[] = { MSR_LSTAR, MSR_CSTAR, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, done_guest);

	for (size_t i = 0; i < ARRAY_SIZE(msr); i++) {
		EQ(msr_set(vcpu, msr[i], 0xffff800000001000), 1);
		EQ(msr_must_get(vcpu, msr[i]), 0xffff800000001000);
		EQ(msr_set(vcpu, msr[i], 0x00007fffffffffff), 1);
		EQ(msr_set(vcpu, msr[i], 0x8000000000000000), 0);
		EQ(msr_set(vcpu, msr[i], 0x0100000000000000), 0);
		EQ(msr_must_get(vcpu, msr[i]), 0x00007fffffffffff);
	}
	/* these two take the address that is nearest, or refuse */
	for (u32 i = 0x175; i <= 0x176; i++) {
		u64 value;

		msr_set(vcpu, i, 0x8000000000000000);
		value = msr_must_get(vcpu, i);
		CHECK((s64)(value << 7) >> 7 == (s64)value, "%#x: %#llx", i,
		      (unsigned long long)value);
	}
	run_to_done(vcpu);
	vm_free(vm);
}

static void hostile_values(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, done_guest);

	EQ(msr_set(vcpu, MSR_EFER, ~0ull), 0);
	EQ(msr_set(vcpu, MSR_APICBASE, ~0ull), 0);
	EQ(msr_set(vcpu, 0x277, 0x0202020202020202), 0);
	EQ(msr_set(vcpu, 0x277, 0x0707070707070707), 1);
	EQ(msr_set(vcpu, 0x277, 0x0007040600070406), 1);
	/* variable MTRRs: bad types, reserved bits */
	EQ(msr_set(vcpu, 0x2ff, 2), 0);
	EQ(msr_set(vcpu, 0x250, 0x0202020202020202), 0);
	EQ(msr_set(vcpu, 0x2ff, 0xc06), 1);
	EQ(msr_must_get(vcpu, 0x2ff), 0xc06);
	/* just behind the fixed ones: there is nothing there */
	EQ(msr_set(vcpu, 0x2f8, 1), 0);
	run_to_done(vcpu);
	vm_free(vm);
}

/* Number sweeps. What a guest or its VMM may name is any 32-bit number. */
static const struct {
	u32 first, last;
} ranges[] = {
	{ 0, 0x2000 }, { 0x40000000, 0x40000100 }, { 0x4b564cf0, 0x4b564d10 },
	{ 0xc0000000, 0xc0002100 }, { 0xc0010000, 0xc0011300 }, { 0xfffffff0, 0xfffffffe },
};

static void every_number_from_the_host(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, done_guest);
	unsigned int readable = 0, writable = 0;

	for (size_t r = 0; r < ARRAY_SIZE(ranges); r++) {
		for (u32 i = ranges[r].first; i <= ranges[r].last; i++) {
			u64 value;

			if (msr_get(vcpu, i, &value) == 1) {
				readable++;
				/* read here, written back here: always */
				if (msr_set(vcpu, i, value) == 1)
					writable++;
			}
			msr_set(vcpu, i, ~0ull);
			msr_set(vcpu, i, 0x8000000000000000);
			msr_set(vcpu, i, 1);
			msr_set(vcpu, i, 0);
		}
	}
	note("%u can be read, %u of them written back", readable, writable);
	CHECK(readable > 40 && readable < 3000);
	/* of all these, what the guest's mode cannot do without */
	EQ(msr_set(vcpu, MSR_EFER, 0x500), 1);
	run_bounded(vcpu, 100);
	vm_free(vm);
}

static volatile u64 sweep_faults, sweep_reads;

static bool keep_away(u32 index)
{
	return index == MSR_APICBASE || index == MSR_EFER || index == MSR_GS_BASE ||
	       index == MSR_FS_BASE || (index >= 0x800 && index < 0x900);
}

static void sweeping_guest(void)
{
	for (size_t r = 0; r < ARRAY_SIZE(ranges); r++) {
		for (u32 i = ranges[r].first; i <= ranges[r].last; i++) {
			u64 value, trap = guest_try_rdmsr(i, &value);

			GCHECK(trap == NO_TRAP || trap == GP_VECTOR);
			if (trap == NO_TRAP)
				sweep_reads++;
			else
				sweep_faults++;
			if (keep_away(i))
				continue;
			if (trap == NO_TRAP) {
				trap = guest_try_wrmsr(i, ~0ull);
				GCHECK(trap == NO_TRAP || trap == GP_VECTOR);
				trap = guest_try_wrmsr(i, 0x8000000000000000);
				GCHECK(trap == NO_TRAP || trap == GP_VECTOR);
				trap = guest_try_wrmsr(i, value);
				GCHECK(trap == NO_TRAP || trap == GP_VECTOR);
			} else {
				trap = guest_try_wrmsr(i, 0);
				GCHECK(trap == NO_TRAP || trap == GP_VECTOR);
			}
		}
	}
	guest_done();
}

static void every_number_from_the_guest(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, sweeping_guest);

	run_to_done(vcpu);
	note("%llu can be read, %llu fault", (unsigned long long)AT(vm, sweep_reads),
	     (unsigned long long)AT(vm, sweep_faults));
	CHECK(AT(vm, sweep_reads) > 30 && AT(vm, sweep_faults) > 10000);
	vm_free(vm);
}

/* What the guest writes the host reads, and the other way round. */
static void round_trip_guest(void)
{
	GEQ(guest_rdmsr(MSR_LSTAR), 0x111000);
	GEQ(guest_rdmsr(MSR_STAR), 0x0023001000000000);
	GEQ(guest_rdmsr(MSR_KERNEL_GS), 0x222000);
	GEQ(guest_rdmsr(MSR_SYSENTER_CS), 8);
	guest_wrmsr(MSR_LSTAR, 0x333000);
	guest_wrmsr(MSR_KERNEL_GS, 0x444000);
	guest_wrmsr(MSR_FS_BASE, 0x555000);
	guest_wrmsr(0x176, 0x666000);
	guest_wrmsr(0xc0000103, 0x77);
	guest_done();
}

static void host_and_guest_see_the_same(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, round_trip_guest);
	struct kvm_sregs sregs;

	EQ(msr_set(vcpu, MSR_LSTAR, 0x111000), 1);
	EQ(msr_set(vcpu, MSR_STAR, 0x0023001000000000), 1);
	EQ(msr_set(vcpu, MSR_KERNEL_GS, 0x222000), 1);
	EQ(msr_set(vcpu, MSR_SYSENTER_CS, 8), 1);
	run_to_done(vcpu);
	EQ(msr_must_get(vcpu, MSR_LSTAR), 0x333000);
	EQ(msr_must_get(vcpu, MSR_KERNEL_GS), 0x444000);
	EQ(msr_must_get(vcpu, MSR_FS_BASE), 0x555000);
	EQ(msr_must_get(vcpu, 0x176), 0x666000);
	EQ(msr_must_get(vcpu, 0xc0000103), 0x77);
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.fs.base, 0x555000);
	vm_free(vm);
}

/* RDTSCP's number has 32 bits: Intel's CPUs refuse more, AMD's forget it. */
static void wide_aux_guest(void)
{
	u64 trap, value;
	u32 reg[4];

	guest_cpuid(0, 0, reg);
	guest_wrmsr(MSR_TSC_AUX, 0x77);
	trap = guest_try_wrmsr(MSR_TSC_AUX, 0x100000055);
	value = guest_rdmsr(MSR_TSC_AUX);
	if (reg[1] == 0x756e6547) {	/* Genu */
		GEQ(trap, GP_VECTOR);
		GEQ(value, 0x77);
	} else {
		GEQ(trap, NO_TRAP);
		GEQ(value, 0x55);
	}
	guest_done();
}

static void the_upper_half_of_tsc_aux(void)
{
	struct vm *vm = vm_new();

	run_to_done(quick_long(vm, wide_aux_guest));
	vm_free(vm);
}

/* SYSCALL works with what was written, so that the MSRs are the real ones. */
static u8 syscall_seen;

void syscall_target(void);
asm(".pushsection .text\n"
    "syscall_target:\n"
    "movb $1, syscall_seen\n"
    "jmp *%rcx\n"
    ".popsection");

static void syscall_guest(void)
{
	u64 rcx;

	guest_wrmsr(MSR_STAR, (u64)SEL_CODE64 << 32);
	guest_wrmsr(MSR_LSTAR, (u64)syscall_target);
	guest_wrmsr(0xc0000084, 0);
	asm volatile("syscall" : : : "rcx", "r11", "memory");
	GEQ(*(volatile u8 *)&syscall_seen, 1);
	/* EFER.SCE off: no such instruction */
	guest_wrmsr(MSR_EFER, guest_rdmsr(MSR_EFER) & ~1ull);
	GEQ(GUEST_TRY("syscall", GUEST_OUT("=c"(rcx)), "a"(0)), UD_VECTOR);
	guest_done();
}

static void syscall_msrs_work(void)
{
	struct vm *vm = vm_new();

	run_to_done(quick_long(vm, syscall_guest));
	vm_free(vm);
}

/* Registers that are there for what guests do to them, and no further. */
static void half_there(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	/* Microcode loaders; LS_CFG, which would tell of a switch for speculation */
	static const u32 unreadable[] = { 0x79, 0xc0010020, 0xc0011020 };
	static const struct {
		u32 index;
		u64 value;
		int set;
	} fixed[] = {
		{ 0x2a, 0, 0 }, { 0x199, 0, 0 }, { 0x606, 0, 0 }, { 0x611, 0, 0 },
		{ 0xc001001b, 0x20000000, 1 }, { 0xc0010055, 0, 0 }, { 0xc0010112, 0, 0 },
	};
	u64 value;

	set_supported_cpuid(vcpu);
	for (size_t i = 0; i < ARRAY_SIZE(unreadable); i++)
		CHECK(msr_get(vcpu, unreadable[i], &value) != 1, "%#x", unreadable[i]);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		CHECK(msr_set(vcpu, fixed[i].index, 4) == fixed[i].set, "%#x", fixed[i].index);
		EQ(msr_must_get(vcpu, fixed[i].index), fixed[i].value);
	}
	if (on_amd()) {
		EQ(msr_set(vcpu, 0xc0011023, 1), 1);
		/* No address for AMD's WRMSR */
		EQ(msr_set(vcpu, 0x175, 1ull << 63), 1);
	} else {
		EQ(msr_set(vcpu, 0x175, 0x1000), 1);
	}
	/* Nothing reports machine checks until KVM_X86_SETUP_MCE. */
	EQ(msr_must_get(vcpu, 0x400), 0);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(every_listed_msr_round_trips),
	TEST(listed_ones_that_every_client_needs),
	TEST(counts),
	TEST(non_canonical_addresses),
	TEST(hostile_values),
	TEST(every_number_from_the_host),
	TEST(every_number_from_the_guest),
	TEST(host_and_guest_see_the_same),
	TEST(the_upper_half_of_tsc_aux),
	TEST(syscall_msrs_work),
	TEST(half_there),
};

TEST_MAIN(tests)
