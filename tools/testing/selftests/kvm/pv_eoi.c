// SPDX-License-Identifier: GPL-2.0-only
/* MSR_KVM_PV_EOI_EN: an interrupt ended by a bit in memory, without an exit. */
#include <asm/kvm_para.h>
#include <string.h>

#include "vm.h"

#define LOW	0x41
#define HIGH	0x91
#define SELF	0x40000

static u32 word __attribute__((aligned(64)));
static volatile u32 by_bit, by_write;
static volatile bool ignore_bit;

/* As a guest must: test and clear by one instruction, or write the register. */
static void end_interrupt(void)
{
	bool was;

	if (ignore_bit) {
		by_write++;
		apic_write(APIC_EOI, 0);
		return;
	}
	asm volatile("btrl $0, %1; setc %0" : "=q"(was), "+m"(word) : : "cc", "memory");
	if (was) {
		by_bit++;
		return;
	}
	by_write++;
	apic_write(APIC_EOI, 0);
}

static void plain(struct trapframe *frame)
{
	(void)frame;
	end_interrupt();
}

static void setup(void)
{
	guest_warm();
	apic_enable();
	word = 0;
	guest_vector[LOW] = guest_vector[HIGH] = plain;
	guest_wrmsr(MSR_KVM_PV_EOI_EN, (u64)&word | 1);
	GEQ(guest_rdmsr(MSR_KVM_PV_EOI_EN), (u64)&word | 1);
}

static void send(u8 vector)
{
	apic_write(APIC_ICR, SELF | vector);
}

static void one_after_another(void)
{
	setup();
	guest_sti();
	for (u32 i = 1; i <= 100; i++) {
		send(i & 1 ? LOW : HIGH);
		guest_wait(guest_vector_count[LOW] + guest_vector_count[HIGH] == i);
	}
	/* nothing is in service, and nothing blocks the lowest */
	GEQ(apic_bit(APIC_ISR, LOW), 0);
	GEQ(apic_bit(APIC_ISR, HIGH), 0);
	GEQ(apic_read(APIC_PPR), 0);
	GEQ(word, 0);
	guest_sync4(by_bit, by_write, 0, 0);
	guest_done();
}

static void pv_eoi_vm(guest_fn fn, u32 *bits, u32 *writes)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, fn);
	struct ucall uc;

	MUST(run_to_ucall(vcpu, &uc));
	*bits = uc.arg[0];
	*writes = uc.arg[1];
	run_to_done(vcpu);
	vm_free(vm);
}

static void interrupts_end_without_a_write(void)
{
	u32 bits, writes;

	needs_prompt_interrupts();
	pv_eoi_vm(one_after_another, &bits, &writes);
	EQ(bits + writes, 100);
	note("%u by the bit, %u by the register", bits, writes);
	/* an exit to the host's user space takes the bit back; here are none */
	CHECK(bits >= 90, "%u", bits);
}

/* A lower one waits behind: its delivery needs the exit. */
static void low_waits(struct trapframe *frame)
{
	(void)frame;
	send(LOW);
	GEQ(apic_bit(APIC_IRR, LOW), 1);
	end_interrupt();
}

static void behind(void)
{
	setup();
	guest_vector[HIGH] = low_waits;
	guest_sti();
	for (u32 i = 1; i <= 50; i++) {
		send(HIGH);
		guest_wait(guest_vector_count[LOW] == i);
		GEQ(guest_vector_count[HIGH], i);
	}
	GEQ(apic_read(APIC_PPR), 0);
	guest_sync4(by_bit, by_write, 0, 0);
	guest_done();
}

static void one_that_waits_comes_at_once(void)
{
	u32 bits, writes;

	needs_prompt_interrupts();
	pv_eoi_vm(behind, &bits, &writes);
	EQ(bits + writes, 100);
	CHECK(writes >= 50, "%u", writes);
}

/* A higher one interrupts the handler, and both end. */
static void interrupted(struct trapframe *frame)
{
	(void)frame;
	send(HIGH);
	guest_wait(guest_vector_count[HIGH] == guest_vector_count[LOW]);
	GEQ(apic_bit(APIC_ISR, LOW), 1);
	GEQ(apic_bit(APIC_ISR, HIGH), 0);
	end_interrupt();
}

static void nested(void)
{
	setup();
	guest_vector[LOW] = interrupted;
	for (u32 i = 1; i <= 50; i++) {
		send(LOW);
		guest_wait(guest_vector_count[LOW] == i);
		GEQ(apic_read(APIC_PPR), 0);
	}
	guest_sync4(by_bit, by_write, 0, 0);
	guest_done();
}

static void interrupts_nest(void)
{
	u32 bits, writes;

	needs_prompt_interrupts();
	pv_eoi_vm(nested, &bits, &writes);
	EQ(bits + writes, 100);
}

/* A guest may write the register all the same; the bit is not left behind. */
static void ignored(void)
{
	setup();
	for (u32 i = 1; i <= 50; i++) {
		ignore_bit = i & 1;
		send(LOW);
		guest_wait(guest_vector_count[LOW] == i);
		GEQ(apic_bit(APIC_ISR, LOW), 0);
		GEQ(word, 0);
	}
	guest_sync4(by_bit, by_write, 0, 0);
	guest_done();
}

static void the_register_works_too(void)
{
	u32 bits, writes;

	needs_prompt_interrupts();
	pv_eoi_vm(ignored, &bits, &writes);
	EQ(bits + writes, 50);
	CHECK(writes >= 25, "%u", writes);
}

/* In the handler the VMM looks: in service, no bit. Then behind the end: neither. */
static void shows(struct trapframe *frame)
{
	(void)frame;
	guest_sync(1);
	GEQ(word, 0);
	end_interrupt();
	guest_sync(2);
}

static void shown(void)
{
	setup();
	guest_vector[LOW] = shows;
	send(LOW);
	guest_wait(guest_vector_count[LOW] == 1);
	guest_vector[LOW] = plain;
	send(LOW);
	guest_wait(guest_vector_count[LOW] == 2);
	guest_sync(3);
	guest_done();
}

static bool in_service(struct vcpu *vcpu, u8 vector)
{
	struct kvm_lapic_state s;

	MUST(!ioctl(vcpu->fd, KVM_GET_LAPIC, &s));
	return *(u32 *)(s.regs + APIC_ISR + vector / 32 * 16) >> (vector % 32) & 1;
}

static void user_space_sees_the_truth(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, shown);

	EQ(run_to_sync(vcpu), 1);
	EQ(in_service(vcpu, LOW), true);
	EQ(AT(vm, word), 0);
	EQ(run_to_sync(vcpu), 2);
	EQ(in_service(vcpu, LOW), false);
	EQ(run_to_sync(vcpu), 3);
	EQ(in_service(vcpu, LOW), false);
	EQ(AT(vm, word), 0);
	EQ(AT(vm, by_bit), 1);
	run_to_done(vcpu);
	vm_free(vm);
}

/* Addresses that are none are refused. */
static void anywhere(void)
{
	guest_warm();
	apic_enable();
	guest_vector[LOW] = plain;
	GEQ(guest_try_wrmsr(MSR_KVM_PV_EOI_EN, (u64)&word | 3), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_PV_EOI_EN, 2), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_PV_EOI_EN, HOLE_GPA | 1), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_PV_EOI_EN, 0xfffffffffffcull | 1), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_PV_EOI_EN, 1ull << 63 | 1), 13);
	GEQ(guest_rdmsr(MSR_KVM_PV_EOI_EN), 0);
	GEQ(guest_try_wrmsr(MSR_KVM_PV_EOI_EN, HOLE_GPA), NO_TRAP);
	GEQ(guest_rdmsr(MSR_KVM_PV_EOI_EN), HOLE_GPA);
	send(LOW);
	guest_wait(guest_vector_count[LOW] == 1);
	GEQ(apic_bit(APIC_ISR, LOW), 0);
	GEQ(by_write, 1);
	guest_sync4(by_bit, by_write, 0, 0);
	guest_done();
}

static void bad_addresses(void)
{
	u32 bits, writes;

	pv_eoi_vm(anywhere, &bits, &writes);
	EQ(bits, 0);
}

static const struct test tests[] = {
	TEST(interrupts_end_without_a_write),
	TEST(one_that_waits_comes_at_once),
	TEST(interrupts_nest),
	TEST(the_register_works_too),
	TEST(user_space_sees_the_truth),
	TEST(bad_addresses),
};

TEST_MAIN(tests)
