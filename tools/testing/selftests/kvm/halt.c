// SPDX-License-Identifier: GPL-2.0-only
/* What ends a HLT and what does not, and how often a guest can make the host tick. */
#include "vm.h"

#define TIMER_VECTOR	0x40
#define PERIODIC	0x20000u
#define MASKED		0x10000u

static void begin(void)
{
	guest_vector[TIMER_VECTOR] = guest_eoi_handler;
	guest_warm();
	pics_off();
	apic_enable();
	apic_write(APIC_TDCR, 0xb);	/* by 1 */
}

static void masked_guest(void)
{
	begin();
	apic_write(APIC_LVTT, TIMER_VECTOR | MASKED);
	apic_write(APIC_TMICT, 1000000);
	guest_sync(1);
	asm volatile("sti; hlt; cli" : : : "memory");
	guest_sync(2);
	guest_done();
}

static void closed_guest(void)
{
	begin();
	apic_write(APIC_LVTT, TIMER_VECTOR);
	apic_write(APIC_TMICT, 1000000);
	guest_sync(1);
	asm volatile("cli; hlt" : : : "memory");
	guest_sync(2);
	guest_done();
}

static void open_guest(void)
{
	begin();
	for (int i = 0; i < 50; i++) {
		apic_write(APIC_LVTT, TIMER_VECTOR);
		apic_write(APIC_TMICT, 500000 + i * 20000);
		guest_halt();
		GEQ(guest_vector_count[TIMER_VECTOR], i + 1);
	}
	guest_done();
}

static void stays_halted(guest_fn fn)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, fn);
	struct kvm_mp_state mp;

	EQ(run_to_sync(vcpu), 1);
	for (u64 end = now_ns() + 200000000; now_ns() < end;)
		if (!EQ(run_bounded(vcpu, 50), -EINTR))
			break;
	OK(ioctl(vcpu->fd, KVM_GET_MP_STATE, &mp));
	EQ(mp.mp_state, KVM_MP_STATE_HALTED);
	vm_free(vm);
}

static void a_masked_timer_wakes_nobody(void)
{
	stays_halted(masked_guest);
}

static void nor_one_with_interrupts_off(void)
{
	stays_halted(closed_guest);
}

static void each_timer_ends_one_halt(void)
{
	struct vm *vm = vm_new_irqchip();

	run_to_done(quick_long(vm, open_guest));
	vm_free(vm);
}

/*
 * A short count set in one-shot mode, and the mode changed before it ran out:
 * the host need not follow at that rate. It takes some tries to be so quick.
 */
static void short_period_guest(void)
{
	u64 before = 0;

	begin();
	for (int i = 0; i < 100 && guest_vector_count[TIMER_VECTOR] < before + 2; i++) {
		before = guest_vector_count[TIMER_VECTOR];
		apic_write(APIC_LVTT, TIMER_VECTOR);
		apic_write(APIC_TMICT, 100000);
		apic_write(APIC_LVTT, TIMER_VECTOR | PERIODIC);
		guest_sti();
		guest_spin(5000000);
	}
	before = guest_vector_count[TIMER_VECTOR];
	guest_sync(1);
	while (!*(volatile u8 *)SCRATCH_GPA)
		guest_pause();
	guest_cli();
	apic_write(APIC_LVTT, TIMER_VECTOR | MASKED);
	guest_sync(guest_vector_count[TIMER_VECTOR] - before);
	guest_done();
}

static void *end_soon(void *arg)
{
	struct vm *vm = arg;

	sleep_ms(200);
	*(volatile u8 *)at_gpa(vm, SCRATCH_GPA, 1) = 1;
	return NULL;
}

static void no_periods_below_the_shortest(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, short_period_guest);
	u64 start, ticks, took;
	pthread_t thread;

	EQ(run_to_sync(vcpu), 1);
	start = now_ns();
	MUST(!pthread_create(&thread, NULL, end_soon, vm));
	ticks = run_to_sync(vcpu);
	took = now_ns() - start;
	pthread_join(thread, NULL);
	note("%llu ticks in %llu us", (unsigned long long)ticks, (unsigned long long)took / 1000);
	CHECK(ticks > 0);
	CHECK(ticks <= took / 200000 + 2);
	run_to_done(vcpu);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(a_masked_timer_wakes_nobody),
	TEST(nor_one_with_interrupts_off),
	TEST(each_timer_ends_one_halt),
	TEST(no_periods_below_the_shortest),
};

TEST_MAIN(tests)
