// SPDX-License-Identifier: GPL-2.0-only
/* User-mode instruction prevention (SDM 3A 2.5), by the CPU or by exits. */
#include <stdlib.h>

#include "vm.h"

#define CR4_UMIP	(1ul << 11)
#define GP_VECTOR	13
#define IDT_LIMIT	(256 * 16 - 1)

struct table {
	u16 limit;
	u64 base;
} __attribute__((packed));

/* What each of them says, and whether it may */
static void look(u64 trap, u64 tables)
{
	struct table gdt = { 0 }, idt = { 0 };
	u16 ldt = 0xffff, tr = 0xffff;

	GEQ(GUEST_TRY("sgdt %[to]", GUEST_OUT([to] "+m"(gdt)), "i"(0)), trap);
	GEQ(GUEST_TRY("sidt %[to]", GUEST_OUT([to] "+m"(idt)), "i"(0)), trap);
	GEQ(GUEST_TRY("sldt %[to]", GUEST_OUT([to] "+m"(ldt)), "i"(0)), trap);
	GEQ(GUEST_TRY("str %[to]", GUEST_OUT([to] "+m"(tr)), "i"(0)), trap);
	GEQ(gdt.base, tables ? GDT_GPA : 0);
	GEQ(gdt.limit, tables ? 0x7f : 0);
	GEQ(idt.base, tables ? IDT_GPA : 0);
	GEQ(idt.limit, tables ? IDT_LIMIT : 0);
	GEQ(ldt, tables ? 0 : 0xffff);
	GEQ(tr, tables ? SEL_TSS : 0xffff);
}

/* The kernel loads and stores its tables as ever. */
static void kernel(void)
{
	struct table gdt = { 0x7f, GDT_GPA }, idt = { IDT_LIMIT, IDT_GPA };
	u64 *tss = (u64 *)(GDT_GPA + SEL_TSS);
	u64 cr4;

	tss[0] = 0x67 | (TSS_GPA & 0xffffff) << 16 | 0x89ull << 40 | (TSS_GPA >> 24 & 0xff) << 56;
	tss[1] = 0;
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	asm volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_UMIP));
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	GCHECK(cr4 & CR4_UMIP);
	asm volatile("lgdt %0; lidt %1; lldt %w2; ltr %w3"
		     : : "m"(gdt), "m"(idt), "r"(0), "r"(SEL_TSS) : "memory");
	GEQ(tss[0] >> 40 & 0xff, 0x8b);
	look(NO_TRAP, 1);
	guest_sync(1);
}

static void user_prevented(void)
{
	look(GP_VECTOR, 0);
	GEQ(this_cpu()->error, 0);
	guest_sync(2);
}

static void user_free(void)
{
	look(NO_TRAP, 1);
	guest_done();
}

static void to_user(struct vcpu *vcpu, guest_fn fn, u64 cr4)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rip = (u64)fn, .rsp = long_stack(vcpu), .rflags = 0x3002 };

	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cs.selector = SEL_UCODE64;
	sregs.ss.selector = SEL_UDATA;
	sregs.cs.dpl = sregs.ss.dpl = 3;
	sregs.cr4 = (sregs.cr4 & ~CR4_UMIP) | cr4;
	MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &regs));
}

static void tables_are_not_told_to_users(void)
{
	struct vm *vm = vm_new();
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	struct kvm_cpuid_entry2 *seven = cpuid_find(cpuid, 7, 0);
	struct vcpu *vcpu;

	if (!seven || !(seven->ecx & 4))
		SKIP("no UMIP");
	vcpu = quick_long(vm, kernel);
	EQ(run_to_sync(vcpu), 1);
	to_user(vcpu, user_prevented, CR4_UMIP);
	EQ(run_to_sync(vcpu), 2);
	to_user(vcpu, user_free, 0);
	run_to_done(vcpu);
	free(cpuid);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(tables_are_not_told_to_users),
};

TEST_MAIN(tests)
