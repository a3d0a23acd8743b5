// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest's use of its local APIC costs in exits, and that hardware which
 * takes them off us leaves the APIC as software would.
 */
#include <stdio.h>

#include "vm.h"

#define ROUNDS		200
#define LOW		0x51
#define HIGH		0x71
#define SELF_FIXED	0x44000

/* --- exits of a vCPU, from its statistics -------------------------------- */

static u64 exits_of(struct vcpu *vcpu)
{
	return vcpu_stat(vcpu, "exits");
}

/* --- loops ----------------------------------------------------------------- */

static void loop_xapic(void)
{
	guest_vector[LOW] = guest_eoi_handler;
	guest_warm();
	apic_enable();
	guest_sti();
	apic_read(APIC_TPR);
	guest_sync(1);
	for (u64 i = 0; i < ROUNDS; i++) {
		apic_write(APIC_TPR, i & 0xf0);
		apic_read(APIC_TPR);
		apic_read(APIC_ISR);
	}
	apic_write(APIC_TPR, 0);
	guest_sync(2);
	for (u64 i = 0; i < ROUNDS; i++) {
		apic_write(APIC_ICR, SELF_FIXED | LOW);
		GEQ(guest_vector_count[LOW], i + 1);
	}
	guest_sync(3);
	guest_done();
}

static void loop_x2apic(void)
{
	guest_vector[LOW] = guest_x2apic_eoi_handler;
	guest_warm();
	x2apic_enable();
	guest_sti();
	guest_sync(1);
	for (u64 i = 0; i < ROUNDS; i++) {
		x2apic_write(APIC_TPR, i & 0xf0);
		x2apic_read(APIC_PPR);
		x2apic_read(APIC_ISR);
	}
	x2apic_write(APIC_TPR, 0);
	guest_sync(2);
	for (u64 i = 0; i < ROUNDS; i++) {
		x2apic_write(APIC_SELF_IPI, LOW);
		GEQ(guest_vector_count[LOW], i + 1);
	}
	guest_sync(3);
	guest_done();
}

static void loop_cr8(void)
{
	guest_warm();
	apic_enable();
	guest_sync(1);
	for (u64 i = 0; i < ROUNDS; i++) {
		u64 value;

		asm volatile("mov %1, %%cr8; mov %%cr8, %0" : "=r"(value) : "r"(i & 15));
		GEQ(value, i & 15);
	}
	guest_sync(2);
	guest_sync(3);
	guest_done();
}

/* Host interrupts make exits too, so only "few" can be told from one per round. */
static void count(guest_fn fn, const char *first, const char *second, bool free)
{
	struct vcpu *vcpu = quick_long(vm_new_irqchip(), fn);
	u64 at[4];

	for (u64 i = 1; i <= 3; i++) {
		EQ(run_to_sync(vcpu), i);
		at[i] = exits_of(vcpu);
	}
	run_to_done(vcpu);
	note("%s: %lu exits for %d rounds", first, (at[2] - at[1]), ROUNDS);
	if (second)
		note("%s: %lu exits for %d rounds", second, (at[3] - at[2]), ROUNDS);
	if (free) {
		OK(at[2] - at[1] < ROUNDS / 4 ? 0 : -1);
		OK(at[3] - at[2] < ROUNDS / 4 ? 0 : -1);
	}
	vm_free(vcpu->vm);
}

static void xapic(void)
{
	count(loop_xapic, "TPR and ISR", "self-IPI and EOI", hardware_delivers());
}

static void x2apic(void)
{
	count(loop_x2apic, "TPR, PPR and ISR", "self-IPI and EOI", hardware_delivers());
}

static void cr8(void)
{
	count(loop_cr8, "CR8", NULL, !on_stock_kvm());
}

static void loop_reads(void)
{
	guest_warm();
	apic_enable();
	apic_read(APIC_ISR);
	for (u64 stage = 1; stage <= 4; stage++) {
		guest_sync(stage);
		for (u64 i = 0; i < ROUNDS; i++)
			apic_read(APIC_ISR);
	}
	guest_done();
}

/* What needs an exit for each access takes hardware's way to the page, for a time. */
static void reports_end(void)
{
	struct vcpu *vcpu = quick_long(vm_new_irqchip(), loop_reads);
	struct kvm_tpr_access_ctl ctl = {};
	u64 at[5];

	for (u64 i = 1; i <= 4; i++) {
		EQ(run_to_sync(vcpu), i);
		at[i] = exits_of(vcpu);
		ctl.enabled = i == 2;
		if (i < 4)
			OK(ioctl(vcpu->fd, KVM_TPR_ACCESS_REPORTING, &ctl));
	}
	run_to_done(vcpu);
	note("before, meanwhile, after: %lu %lu %lu exits for %d rounds", (at[2] - at[1]),
	     (at[3] - at[2]), (at[4] - at[3]), ROUNDS);
	OK(at[3] - at[2] >= ROUNDS ? 0 : -1);
	if (hardware_delivers()) {
		OK(at[2] - at[1] < ROUNDS / 4 ? 0 : -1);
		OK(at[4] - at[3] < ROUNDS / 4 ? 0 : -1);
	}
	vm_free(vcpu->vm);
}

/* --- state under way -------------------------------------------------------- */

static volatile u64 order[4], taken;

static void high_handler(struct trapframe *frame)
{
	(void)frame;
	order[taken++ & 3] = HIGH;
	guest_sync(2);
	apic_write(APIC_EOI, 0);
}

static void low_handler(struct trapframe *frame)
{
	(void)frame;
	order[taken++ & 3] = LOW;
	apic_write(APIC_EOI, 0);
}

static void state_guest(void)
{
	guest_vector[HIGH] = high_handler;
	guest_vector[LOW] = low_handler;
	guest_warm();
	apic_enable();
	guest_sync(1);
	apic_write(APIC_ICR, SELF_FIXED | HIGH);
	apic_write(APIC_ICR, SELF_FIXED | LOW);
	guest_window();
	GEQ(taken, 2);
	GEQ(order[0], HIGH);
	GEQ(order[1], LOW);
	GEQ(apic_read(APIC_ISR + (HIGH / 32) * 16), 0);
	GEQ(apic_read(APIC_IRR + (LOW / 32) * 16), 0);
	guest_done();
}

/* One vector is in service and one waits: the APIC goes out and in again. */
static void saved_in_service(void)
{
	struct vcpu *vcpu = quick_long(vm_new_irqchip(), state_guest);
	struct kvm_lapic_state state, none = {};

	EQ(run_to_sync(vcpu), 1);
	MUST(!ioctl(vcpu->fd, KVM_GET_LAPIC, &none));
	EQ(run_to_sync(vcpu), 2);
	MUST(!ioctl(vcpu->fd, KVM_GET_LAPIC, &state));
	EQ(*(u32 *)(state.regs + APIC_ISR + (HIGH / 32) * 16), 1u << HIGH % 32);
	EQ(*(u32 *)(state.regs + APIC_IRR + (LOW / 32) * 16), 1u << LOW % 32);
	EQ(*(u32 *)(state.regs + APIC_PPR), HIGH & 0xf0);
	/* Another state in between must leave nothing behind. */
	OK(ioctl(vcpu->fd, KVM_SET_LAPIC, &none));
	OK(ioctl(vcpu->fd, KVM_SET_LAPIC, &state));
	run_to_done(vcpu);
	vm_free(vcpu->vm);
}

/* Where the IOAPIC is user space's, EOIs need not be told (SDM 3A 10.8.5). */
static void directed_eoi(void)
{
	for (int split = 0; split < 2; split++) {
		struct vm *vm = split ? vm_new() : vm_new_irqchip();
		struct kvm_lapic_state lapic;
		struct vcpu *vcpu;

		if (split)
			OK(enable_cap(vm->fd, KVM_CAP_SPLIT_IRQCHIP, 24));
		vcpu = vcpu_new(vm, 0);
		FAILS(enable_cap(vm->fd, KVM_CAP_SPLIT_IRQCHIP, 24), EEXIST);
		set_supported_cpuid(vcpu);
		OK(ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic));
		OK(ioctl(vcpu->fd, KVM_SET_LAPIC, &lapic));
		OK(ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic));
		EQ(lapic.regs[0x33] & 1, split);
		vm_free(vm);
	}
}

static const struct test tests[] = {
	TEST(cr8),
	TEST(xapic),
	TEST(x2apic),
	TEST(reports_end),
	TEST(saved_in_service),
	TEST(directed_eoi),
};

TEST_MAIN(tests)
