// SPDX-License-Identifier: GPL-2.0-only
/* KVM_TRANSLATE in each paging mode (SDM volume 3A, chapter 4). Nothing of it runs. */
#include <string.h>

#include "vm.h"

#define TABLES	0x300000ul
#define P	1ull
#define W	2ull
#define U	4ull
#define PS	0x80ull
#define NX	(1ull << 63)

#define CR0_PE	1u
#define CR0_PG	0x80000000u
#define CR4_PSE	0x10u
#define CR4_PAE	0x20u

static struct vm *vm;
static struct vcpu *vcpu;

static void start(u64 cr0, u64 cr4, u64 efer)
{
	struct kvm_sregs sregs;

	vm = vm_new();
	vcpu = vcpu_new(vm, 0);
	set_supported_cpuid(vcpu);
	load_image(vm);
	memset(at_gpa(vm, TABLES, 0x10000), 0, 0x10000);
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	set_long_sregs(vcpu, &sregs);
	sregs.cs.l = !!efer;
	sregs.cs.db = !efer;
	sregs.cr0 = cr0 | 0x10;
	sregs.cr3 = TABLES;
	sregs.cr4 = cr4;
	sregs.efer = efer;
	MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
}

static void entry64(u64 gpa, unsigned int index, u64 value)
{
	*(u64 *)at_gpa(vm, gpa + 8 * index, 8) = value;
}

static void entry32(u64 gpa, unsigned int index, u32 value)
{
	*(u32 *)at_gpa(vm, gpa + 4 * index, 4) = value;
}

#define NOWHERE	(~0ull)

static void translates_at(int line, u64 la, u64 gpa)
{
	struct kvm_translation tr = { .linear_address = la, .valid = 0x55 };

	MUST(!ioctl(vcpu->fd, KVM_TRANSLATE, &tr));
	if (tr.valid != (gpa != NOWHERE) || tr.physical_address != gpa)
		test_fail(__FILE__, line, "%#llx: valid %u, %#llx, not %#llx",
			  (unsigned long long)la, tr.valid,
			  (unsigned long long)tr.physical_address, (unsigned long long)gpa);
	EQ(tr.linear_address, la);
	/* The same for every page: what the guest may do there is not told. */
	EQ(tr.writeable, 1);
	EQ(tr.usermode, 0);
}

#define TRANSLATES(la, gpa)	translates_at(__LINE__, la, gpa)

static void no_paging(void)
{
	struct kvm_translation tr = { .linear_address = 0x12345 };

	vm = vm_new();
	vcpu = vcpu_new(vm, 0);
	OK(ioctl(vcpu->fd, KVM_TRANSLATE, &tr));
	EQ(tr.valid, 1);
	EQ(tr.physical_address, 0x12345);
	vm_free(vm);

	start(CR0_PE, 0, 0);
	TRANSLATES(0, 0);
	TRANSLATES(0x12345678, 0x12345678);
	TRANSLATES(0xfffffff0, 0xfffffff0);
	vm_free(vm);
}

static void two_levels(void)
{
	start(CR0_PE | CR0_PG, CR4_PSE, 0);
	entry32(TABLES, 0, (TABLES + 0x1000) | P | W);
	entry32(TABLES, 1, 0x800000 | P | W | U | PS);
	entry32(TABLES, 3, 0x5000);
	entry32(TABLES, 1023, (TABLES + 0x1000) | P);
	entry32(TABLES + 0x1000, 0, 0x9000 | P);
	entry32(TABLES + 0x1000, 7, 0xa000 | W | U);
	entry32(TABLES + 0x1000, 1023, 0xb000 | P | U);

	TRANSLATES(0, 0x9000);
	TRANSLATES(0xfff, 0x9fff);
	TRANSLATES(0x1000, NOWHERE);
	TRANSLATES(0x7123, NOWHERE);
	TRANSLATES(0x3ff123, 0xb123);
	TRANSLATES(0x400000, 0x800000);
	TRANSLATES(0x7fffff, 0xbfffff);
	TRANSLATES(0x800000, NOWHERE);
	TRANSLATES(0xc00000, NOWHERE);
	TRANSLATES(0xfffff123, 0xb123);
	vm_free(vm);

	/* Without PSE the bit means nothing in a directory (SDM 3A 4.3). */
	start(CR0_PE | CR0_PG, 0, 0);
	entry32(TABLES, 1, (TABLES + 0x1000) | P | W | U | PS);
	entry32(TABLES + 0x1000, 2, 0xc000 | P);
	TRANSLATES(0x402010, 0xc010);
	vm_free(vm);
}

static void pae(void)
{
	struct kvm_sregs sregs;

	start(CR0_PE | CR0_PG, CR4_PAE, 0);
	entry64(TABLES, 0, (TABLES + 0x1000) | P);
	entry64(TABLES, 3, (TABLES + 0x2000) | P);
	entry64(TABLES + 0x1000, 0, (TABLES + 0x3000) | P | W);
	entry64(TABLES + 0x1000, 1, 0x200000000 | P | W | PS);
	entry64(TABLES + 0x2000, 511, (TABLES + 0x3000) | P | U);
	entry64(TABLES + 0x3000, 5, 0x9000 | P);
	entry64(TABLES + 0x3000, 511, 0x100000000 | P);
	/* The PDPTEs are read when CR3 is loaded (SDM 3A 4.4.1). */
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	TRANSLATES(0x5abc, 0x9abc);
	TRANSLATES(0x4000, NOWHERE);
	TRANSLATES(0x200000, 0x200000000);
	TRANSLATES(0x3fffff, 0x2001fffff);
	TRANSLATES(0x400000, NOWHERE);
	TRANSLATES(0x40000000, NOWHERE);
	TRANSLATES(0xffe05abc, 0x9abc);
	TRANSLATES(0xffffffff, 0x100000fff);
	vm_free(vm);
}

static void four_levels(void)
{
	start(CR0_PE | CR0_PG, CR4_PAE, 0xd01);
	entry64(TABLES, 0, (TABLES + 0x1000) | P | W);
	entry64(TABLES, 511, (TABLES + 0x1000) | P | W);
	entry64(TABLES, 5, 0x3ffffff000 | P | W | U);
	entry64(TABLES, 6, TABLES | W | U);
	entry64(TABLES + 0x1000, 0, (TABLES + 0x2000) | P);
	entry64(TABLES + 0x1000, 511, (TABLES + 0x2000) | P);
	entry64(TABLES + 0x2000, 0, (TABLES + 0x3000) | P | U);
	entry64(TABLES + 0x2000, 1, 0x600000 | P | W | U | PS | NX);
	entry64(TABLES + 0x2000, 511, (TABLES + 0x3000) | P);
	entry64(TABLES + 0x3000, 1, 0x3456789000 | P | NX);
	entry64(TABLES + 0x3000, 511, 0x9000 | P | W | U);

	TRANSLATES(0, NOWHERE);
	TRANSLATES(0x1008, 0x3456789008);
	TRANSLATES(0x1fffff, 0x9fff);
	TRANSLATES(0x200000, 0x600000);
	TRANSLATES(0x3fffff, 0x7fffff);
	TRANSLATES(0x400000, NOWHERE);
	TRANSLATES(0xffffffffffffffff, 0x9fff);
	TRANSLATES(0xffffff8000001008, 0x3456789008);
	TRANSLATES(5ull << 39, NOWHERE);		/* the table is in no memory */
	TRANSLATES(6ull << 39, NOWHERE);		/* not present */
	/* There is no such address; the distribution's modules leave out its upper bits. */
	if (!on_stock_kvm())
		TRANSLATES(1ull << 48 | 0x200000, NOWHERE);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(no_paging),
	TEST(two_levels),
	TEST(pae),
	TEST(four_levels),
};

TEST_MAIN(tests)
