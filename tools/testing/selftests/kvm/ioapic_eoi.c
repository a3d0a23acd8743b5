// SPDX-License-Identifier: GPL-2.0-only
/* Level-triggered lines whose EOI comes at an inconvenient time. */
#include "vm.h"

#define PIN		5
#define VECTOR		0x55

/* As a kernel does whose handler runs in a thread: mask, EOI, and unmask later. */
static void mask_and_eoi(struct trapframe *frame)
{
	(void)frame;
	ioapic_write(0x10 + 2 * PIN, VECTOR | IOAPIC_LEVEL | IOAPIC_MASKED);
	apic_write(APIC_EOI, 0);
}

static void begin(trap_fn handler)
{
	guest_vector[VECTOR] = handler;
	guest_warm();
	pics_off();
	apic_enable();
	ioapic_pin(PIN, VECTOR | IOAPIC_LEVEL);
}

static void masked_guest(void)
{
	begin(mask_and_eoi);
	for (u64 i = 1; i <= 5; i++) {
		guest_sync(i);
		guest_window();
		GEQ(guest_vector_count[VECTOR], i);
		GEQ(ioapic_read(0x10 + 2 * PIN) & REMOTE_IRR, 0);
		guest_sync(100 + i);
		ioapic_write(0x10 + 2 * PIN, VECTOR | IOAPIC_LEVEL);
		guest_window();
		GEQ(guest_vector_count[VECTOR], i);
	}
	guest_done();
}

static void eoi_of_a_masked_pin(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, masked_guest);

	for (u64 i = 1; i <= 5; i++) {
		EQ(run_to_sync(vcpu), i);
		OK(irq_line(vm, PIN, 1));
		EQ(run_to_sync(vcpu), 100 + i);
		OK(irq_line(vm, PIN, 0));
	}
	run_to_done(vcpu);
	vm_free(vm);
}

/* Another processor changes other entries all the time. */
static volatile u64 others_stop;
static volatile u64 others_run;

static void others(void)
{
	others_run = 1;
	guest_sti();
	while (!others_stop)
		for (u32 pin = 8; pin < 24; pin++)
			ioapic_write(0x10 + 2 * pin, (0x60 + pin) | IOAPIC_MASKED);
	others_run = 2;
	for (;;)
		asm volatile("hlt");
}

static void lower_and_eoi(struct trapframe *frame)
{
	(void)frame;
	guest_sync(0);
	apic_write(APIC_EOI, 0);
}

static void busy_guest(void)
{
	begin(lower_and_eoi);
	ap_entry = others;
	start_ap(1);
	guest_wait(others_run);
	for (u64 i = 0; i < 300; i++) {
		u64 before = guest_vector_count[VECTOR];

		guest_sync(1);
		guest_window();
		GEQ(guest_vector_count[VECTOR], before + 1);
	}
	others_stop = 1;
	guest_done();
}

/* The window register is shared, so this processor touches it no more once it runs. */
static void eoi_while_entries_change(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *bsp = quick_long(vm, busy_guest);
	struct vcpu *ap = vcpu_new(vm, 1);
	struct ucall uc;

	needs_prompt_interrupts();
	set_supported_cpuid(ap);
	vcpu_start_until_stopped(ap);
	while (run_to_ucall(bsp, &uc) && uc.cmd == UCALL_SYNC)
		OK(irq_line(vm, PIN, uc.arg[0]));
	EQ(uc.cmd, UCALL_DONE);
	vcpu_stop(ap);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(eoi_of_a_masked_pin),
	TEST(eoi_while_entries_change),
};

TEST_MAIN(tests)
