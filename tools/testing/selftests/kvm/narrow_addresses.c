// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest whose CPUID tells fewer bits of physical addresses than the CPU has
 * (KVM_CAP_SMALLER_MAXPHYADDR): in its page tables the others are reserved (SDM volume
 * 3A, 4.7).
 */
#include <stdlib.h>
#include <string.h>

#include "vm.h"

#define BITS		36
#define BAD		(1ull << BITS)
#define TABLES		0x300000ul
#define PDPT		TABLES
#define DIRECTORY	(TABLES + 0x1000)
#define TABLE		(TABLES + 0x2000)
#define BASE		(1ull << 39)
#define PAGE		0x1000ull
#define LARGE		0x200000ull

#define P		1ull
#define W		2ull
#define RSVD		8ull
#define I		16ull
#define PS		0x80ull
#define EFER_NXE	0x800ull

static u64 load(u64 addr)
{
	u64 value;

	return GUEST_TRY("mov (%[a]), %[v]", GUEST_OUT([v] "=&r"(value)), [a] "r"(addr));
}

static u64 load_wide(u64 addr)
{
	return GUEST_TRY("movups (%[a]), %%xmm0", , [a] "r"(addr));
}

static u64 store(u64 addr)
{
	return GUEST_TRY("movb $1, (%[a])", , [a] "r"(addr));
}

static u64 fetch(u64 addr)
{
	return GUEST_TRY("jmp *%[a]", , [a] "r"(addr));
}

static void faults(u64 (*access)(u64 addr), u64 addr, u64 error)
{
	GEQ(access(addr), 14);
	GEQ(this_cpu()->error, error);
	GEQ(this_cpu()->cr2, addr);
}

static void guest(void)
{
	guest_wrmsr(0xc0000080, guest_rdmsr(0xc0000080) | EFER_NXE);
	/* pages */
	GEQ(load(BASE), NO_TRAP);
	GEQ(store(BASE), NO_TRAP);
	faults(load, BASE + PAGE, P | RSVD);
	faults(load_wide, BASE + PAGE + 0x10, P | RSVD);
	faults(store, BASE + PAGE + 8, P | W | RSVD);
	faults(fetch, BASE + PAGE, P | I | RSVD);
	/* also where they are read-only, or (and then it does not matter) not there */
	faults(store, BASE + 2 * PAGE, P | W | RSVD);
	faults(load, BASE + 2 * PAGE, P | RSVD);
	faults(load, BASE + 3 * PAGE, 0);
	faults(store, BASE + 3 * PAGE, W);
	/* the guest's own */
	GEQ(load(BASE + 4 * PAGE), NO_TRAP);
	faults(store, BASE + 4 * PAGE, P | W);
	/* tables, large pages */
	faults(load, BASE + LARGE, P | RSVD);
	faults(store, BASE + LARGE, P | W | RSVD);
	faults(fetch, BASE + LARGE, P | I | RSVD);
	faults(load, BASE + 2 * LARGE + 0x1234, P | RSVD);
	GEQ(load(BASE + 3 * LARGE), NO_TRAP);
	faults(load, BASE + (1ull << 30), P | RSVD);
	guest_done();
}

static void entry(struct vm *vm, u64 table, unsigned int index, u64 value)
{
	*(u64 *)at_gpa(vm, table + 8 * index, 8) = value;
}

static void tables(struct vm *vm)
{
	memset(at_gpa(vm, TABLES, 0x3000), 0, 0x3000);
	entry(vm, PT_GPA, 1, PDPT | P | W);
	entry(vm, PDPT, 0, DIRECTORY | P | W);
	entry(vm, PDPT, 1, DIRECTORY | P | W | BAD);
	entry(vm, DIRECTORY, 0, TABLE | P | W);
	entry(vm, DIRECTORY, 1, TABLE | P | W | BAD);
	entry(vm, DIRECTORY, 2, FREE_GPA | P | W | PS | BAD);
	entry(vm, DIRECTORY, 3, FREE_GPA | P | W | PS);
	entry(vm, TABLE, 0, FREE_GPA | P | W);
	entry(vm, TABLE, 1, FREE_GPA | P | W | BAD);
	entry(vm, TABLE, 2, FREE_GPA | P | BAD);
	entry(vm, TABLE, 3, FREE_GPA | W | BAD);
	entry(vm, TABLE, 4, FREE_GPA | P);
}

static void reserved_bits(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid, 0x80000008, 0);

	if (!has_cap(vm->kvm, KVM_CAP_SMALLER_MAXPHYADDR))
		SKIP("no KVM_CAP_SMALLER_MAXPHYADDR");
	MUST(e);
	if ((e->eax & 0xff) <= BITS)
		SKIP("the CPU has no more than %u bits of addresses", BITS);
	e->eax = (e->eax & ~0xffu) | BITS;
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	load_image(vm);
	tables(vm);
	start_long_only(vcpu, guest);
	run_to_done(vcpu);
	free(cpuid);
	vm_free(vm);
}

/* It goes with shadow paging, and with a parameter. */
static void offered_where_it_works(void)
{
	int kvm = kvm_open(), offered = has_cap(kvm, KVM_CAP_SMALLER_MAXPHYADDR);

	CHECK(offered == 0 || offered == 1);
	if (!nested_paging())
		EQ(offered, 1);
	else if (on_amd())
		EQ(offered, 0);
}

static const struct test tests[] = {
	TEST(offered_where_it_works),
	TEST(reserved_bits),
};

TEST_MAIN(tests)
