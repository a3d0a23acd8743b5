// SPDX-License-Identifier: GPL-2.0-only
/*
 * The task priority kept in guest memory: KVM_SET_VAPIC_ADDR, and the exits that
 * find the instructions to patch, KVM_TPR_ACCESS_REPORTING.
 */
#include <string.h>

#include "vm.h"

#define WORD	SCRATCH_GPA
#define VECTOR	0x61

static int set_word(struct vcpu *vcpu, u64 gpa)
{
	struct kvm_vapic_addr addr = { gpa };

	return ioctl(vcpu->fd, KVM_SET_VAPIC_ADDR, &addr);
}

static int set_reporting(struct vcpu *vcpu, u32 enabled)
{
	struct kvm_tpr_access_ctl ctl = { .enabled = enabled };

	return ioctl(vcpu->fd, KVM_TPR_ACCESS_REPORTING, &ctl);
}

static u32 lapic_reg(struct vcpu *vcpu, u32 reg)
{
	struct kvm_lapic_state state;
	u32 value;

	MUST(!ioctl(vcpu->fd, KVM_GET_LAPIC, &state));
	memcpy(&value, state.regs + reg, 4);
	return value;
}

static u32 word(struct vm *vm)
{
	return *(volatile u32 *)at_gpa(vm, WORD, 4);
}

static void arguments(void)
{
	struct kvm_tpr_access_ctl ctl = { .enabled = 1, .flags = 1 };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	EQ(has_cap(vm->kvm, KVM_CAP_VAPIC), 1);
	FAILS(set_word(vcpu, 0), EINVAL);
	FAILS(set_word(vcpu, WORD), EINVAL);
	vm_free(vm);

	vm = vm_new_irqchip();
	vcpu = vcpu_new(vm, 0);
	OK(set_word(vcpu, 0));
	OK(set_word(vcpu, WORD));
	FAILS(set_word(vcpu, HOLE_GPA), EINVAL);
	FAILS(set_word(vcpu, ~0ul), EINVAL);
	FAILS(ioctl(vcpu->fd, KVM_TPR_ACCESS_REPORTING, &ctl), EINVAL);
	ctl.flags = 0;
	OK(ioctl(vcpu->fd, KVM_TPR_ACCESS_REPORTING, &ctl));
	OK(set_reporting(vcpu, 0));
	vm_free(vm);
}

/* The instructions at which an access is to be reported. */
extern const u8 tpr_store[], tpr_load[];

static void accessor(void)
{
	u64 tpr = APIC_BASE + APIC_TPR;
	u32 value;

	asm volatile(".globl tpr_store, tpr_load\n"
		     "tpr_store: movl %1, (%2)\n"
		     "tpr_load: movl (%2), %0\n"
		     : "=&r"(value) : "r"(0x50), "r"(tpr) : "memory");
	GEQ(value, 0x50);
	apic_write(APIC_TPR, 0);
	apic_read(APIC_PPR);
	guest_done();
}

static void expect_report(struct vcpu *vcpu, u64 rip, u32 is_write)
{
	MUST_EXIT(vcpu, KVM_EXIT_TPR_ACCESS);
	if (rip)
		EQ(vcpu->run->tpr_access.rip, rip);
	EQ(vcpu->run->tpr_access.is_write, is_write);
}

static void accesses_are_reported(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, accessor);

	MUST(!set_reporting(vcpu, 1));
	expect_report(vcpu, (u64)tpr_store, 1);
	EQ(lapic_reg(vcpu, APIC_TPR), 0x50);
	expect_report(vcpu, (u64)tpr_load, 0);
	expect_report(vcpu, 0, 1);
	MUST(!set_reporting(vcpu, 0));
	run_to_done(vcpu);
	vm_free(vm);
}

static void word_guest(void)
{
	volatile u8 *shared = (volatile u8 *)WORD;
	volatile u32 *all = (volatile u32 *)WORD;

	apic_enable();
	guest_vector[VECTOR] = guest_eoi_handler;
	guest_sync(0);

	/* Written by the guest: the APIC has it at the next exit. */
	shared[0] = 0x50;
	guest_sync(1);
	GEQ(apic_read(APIC_TPR), 0x50);

	/* Written to the APIC: the word has it at the next entry. */
	apic_write(APIC_TPR, 0x40);
	guest_sync(2);

	/* Waits below the priority, and may come when the word says so. */
	shared[0] = 0x70;
	apic_icr(apic_id(), VECTOR | 0x4000);
	guest_sync(3);
	GEQ(shared[3], VECTOR);
	guest_window();
	GEQ(guest_vector_count[VECTOR], 0);
	shared[0] = 0x10;
	guest_sync(4);
	guest_halt();
	GEQ(guest_vector_count[VECTOR], 1);
	GEQ(shared[3], 0);
	GEQ(*all, 0x10);
	guest_done();
}

static void word_goes_both_ways(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, word_guest);

	EQ(run_to_sync(vcpu), 0);
	MUST(!set_word(vcpu, WORD));
	EQ(run_to_sync(vcpu), 1);
	EQ(lapic_reg(vcpu, APIC_TPR), 0x50);
	EQ(run_to_sync(vcpu), 2);
	/* The distribution's loses this write; who uses the word does not make it. */
	if (!on_stock_kvm())
		EQ(word(vm) & 0xff, 0x40);
	EQ(run_to_sync(vcpu), 3);
	EQ(word(vm) & 0xff, 0x70);
	EQ(run_to_sync(vcpu), 4);
	EQ(lapic_reg(vcpu, APIC_TPR), 0x10);
	run_to_done(vcpu);
	vm_free(vm);
}

static volatile u64 in_service;

static void in_service_handler(struct trapframe *frame)
{
	(void)frame;
	guest_sync(1);
	in_service = *(volatile u8 *)(WORD + 1);
	apic_write(APIC_EOI, 0);
}

static void service_guest(void)
{
	apic_enable();
	guest_vector[VECTOR] = in_service_handler;
	apic_icr(apic_id(), VECTOR | 0x4000);
	guest_halt();
	GEQ(in_service, VECTOR & 0xf0);
	guest_sync(2);
	GEQ(*(volatile u8 *)(WORD + 1), 0);
	guest_done();
}

static void class_in_service(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, service_guest);

	MUST(!set_word(vcpu, WORD));
	EQ(run_to_sync(vcpu), 1);
	EQ(run_to_sync(vcpu), 2);
	run_to_done(vcpu);
	vm_free(vm);
}

static void plain_guest(void)
{
	*(volatile u8 *)WORD = 0x90;
	guest_sync(1);
	*(volatile u8 *)WORD = 0x20;
	guest_sync(2);
	guest_done();
}

/* Switched off, neither side looks at the other's. */
static void off_is_off(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, plain_guest);

	MUST(!set_word(vcpu, WORD));
	EQ(run_to_sync(vcpu), 1);
	EQ(lapic_reg(vcpu, APIC_TPR), 0x90);
	MUST(!set_word(vcpu, 0));
	EQ(run_to_sync(vcpu), 2);
	EQ(lapic_reg(vcpu, APIC_TPR), 0x90);
	run_to_done(vcpu);
	EQ(word(vm) & 0xff, 0x20);
	vm_free(vm);
}

/* The memory behind the word may go away at any time. */
static void memory_gone(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, plain_guest);
	void *page = ram_alloc(0x1000);

	slot_must(vm, 5, 0, HOLE_GPA, 0x1000, page);
	MUST(!set_word(vcpu, HOLE_GPA));
	EQ(run_to_sync(vcpu), 1);
	slot_must(vm, 5, 0, HOLE_GPA, 0, page);
	EQ(run_to_sync(vcpu), 2);
	run_to_done(vcpu);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(arguments),
	TEST(accesses_are_reported),
	TEST(word_goes_both_ways),
	TEST(class_in_service),
	TEST(off_is_off),
	TEST(memory_gone),
};
TEST_MAIN(tests)
