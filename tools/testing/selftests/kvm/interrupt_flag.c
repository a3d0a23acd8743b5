// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of all sources, thousands of them, in a guest that opens and closes
 * IF in every way there is: none comes while IF is clear, none is lost, and none
 * comes in a second time while it or a higher class is in service.
 */
#include <string.h>

#include "vm.h"

#define CPUS		2
#define VEC_GATE	0x31	/* an INT n */
#define VEC_PING	0x61
#define VEC_SELF	0x71
#define VEC_TIMER	0x91
#define TSC_DEADLINE	0x40000
#define MSR_DEADLINE	0x6e0
#define IF		0x200ul

/* By processor; only its own code writes. */
static volatile struct {
	u64 seed;
	u64 armed;		/* the timer, 0: it came */
	u64 timers, own, pings;
	u64 own_sent, pings_sent;
	u64 service;		/* highest class in service */
	u64 bad, bad_rip, bad_flags, bad_vector;
	u64 done;
} on[CPUS];

static volatile u64 x2, cpus, rounds, started, lenient;

static u32 reg_read(u32 reg)
{
	return x2 ? x2apic_read(reg) : apic_read(reg);
}

static void reg_write(u32 reg, u32 value)
{
	if (x2)
		x2apic_write(reg, value);
	else
		apic_write(reg, value);
}

static u32 self(void)
{
	return ((u64)this_cpu() - STACK_GPA) / STACK_SIZE % CPUS;
}

static u32 draw(u32 below)
{
	u32 me = self();

	on[me].seed = on[me].seed * 6364136223846793005ull + 1442695040888963407ull;
	return (on[me].seed >> 33) % below;
}

static void work(u32 n)
{
	for (volatile u32 i = 0; i < n; i++)
		;
}

/* Each handler begins so. */
static u64 enter(struct trapframe *frame)
{
	u32 me = self();
	u64 before = on[me].service;

	/* Any row of mistakes begins with the flag. */
	if (!lenient && (!(frame->rflags & IF) || before >= (frame->vector & 0xf0))) {
		on[me].bad++;
		on[me].bad_rip = frame->rip;
		on[me].bad_flags = frame->rflags;
		on[me].bad_vector = frame->vector | before << 8;
	}
	on[me].service = frame->vector & 0xf0;
	return before;
}

/* Ends the service at once or late, and lets others in or not. */
static void leave(u64 before)
{
	u32 me = self(), how = draw(4);

	if (how & 1)
		guest_sti();
	work(draw(40));
	guest_cli();
	on[me].service = before;
	reg_write(APIC_EOI, 0);
	work(draw(40));
}

static void on_timer(struct trapframe *frame)
{
	u64 before = enter(frame);

	on[self()].armed = 0;
	on[self()].timers++;
	leave(before);
}

static void on_self(struct trapframe *frame)
{
	u64 before = enter(frame);

	on[self()].own++;
	leave(before);
}

static void on_ping(struct trapframe *frame)
{
	u64 before = enter(frame);

	on[self()].pings++;
	leave(before);
}

static void on_gate(struct trapframe *frame)
{
	(void)frame;
	work(draw(300));
}

static void arm(void)
{
	u32 me = self();

	if (on[me].armed)
		return;
	on[me].armed = 1;
	guest_wrmsr(MSR_DEADLINE, guest_rdtsc() + 500 + draw(60000));
}

static void send(u32 dest, u32 low)
{
	if (x2) {
		guest_wrmsr(0x830, (u64)dest << 32 | low);
		return;
	}
	apic_icr(dest, low);
}

static void send_self(void)
{
	u32 me = self();

	/* One at a time, so that none may merge with another. */
	if (on[me].own != on[me].own_sent)
		return;
	on[me].own_sent++;
	send(0, 0x40000 | VEC_SELF);
}

static void send_ping(void)
{
	u32 me = self(), other = 1 - me;

	if (cpus < 2 || on[other].pings != on[me].pings_sent)
		return;
	on[me].pings_sent++;
	send(other, VEC_PING);
}

static void closed(void)
{
	switch (draw(8)) {
	case 0:
		send_self();
		break;
	case 1:
		send_ping();
		break;
	case 2:
		reg_write(APIC_TPR, 0x80);
		work(draw(50));
		reg_write(APIC_TPR, 0);
		break;
	case 3:
		(void)reg_read(APIC_ISR);
		break;
	case 4:
		guest_inb(0x21);
		break;
	}
	work(draw(400));
}

static void one_round(void)
{
	u64 flags;

	switch (draw(6)) {
	case 0:
		guest_cli();
		closed();
		guest_sti();
		break;
	case 1:
		asm volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
		closed();
		asm volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
		break;
	case 2:
		asm volatile("int %0" : : "i"(VEC_GATE) : "memory");
		break;
	case 3:
		guest_cli();
		closed();
		asm volatile("sti; cli" : : : "memory");	/* opens nothing */
		work(draw(100));
		guest_sti();
		break;
	case 4:
		guest_cli();
		arm();
		closed();
		guest_halt();
		guest_sti();
		break;
	case 5:
		work(draw(1000));
		break;
	}
	arm();
}

static void storm(void)
{
	u32 me = self();

	reg_write(APIC_LVTT, TSC_DEADLINE | VEC_TIMER);
	on[me].seed += me + 1;
	guest_sti();
	for (u64 i = 0; i < rounds && !on[0].bad && !on[1].bad; i++)
		one_round();
	while (on[me].armed || on[me].own != on[me].own_sent)
		guest_pause();
	on[me].done = 1;
}

static void enable(void)
{
	guest_warm();
	if (x2)
		x2apic_enable();
	else
		apic_enable();
}

static void ap_main(void)
{
	enable();
	started = 1;
	storm();
	for (;;)
		guest_halt();
}

static void guest(void)
{
	guest_vector[VEC_TIMER] = on_timer;
	guest_vector[VEC_SELF] = on_self;
	guest_vector[VEC_PING] = on_ping;
	guest_vector[VEC_GATE] = on_gate;
	pics_off();
	enable();
	ap_entry = ap_main;
	if (cpus > 1) {
		send(1, 0x4500);
		guest_spin(100000);
		send(1, 0x4608);
		guest_wait(started);
	}
	storm();
	while (cpus > 1 && !on[1].done)
		guest_pause();
	guest_cli();
	guest_done();
}

/*
 * Bochs's virtual-interrupt delivery forgets IF where another interrupt waits behind
 * one in service, and after STI, CLI (emulated-hosts.rst).
 */
static bool forgets_the_flag(void)
{
	return on_bochs() && hardware_delivers();
}

static void run(u64 with_x2, u64 nr_cpus)
{
	struct vm *vm = vm_new_irqchip();

	for (u64 i = 0; i < nr_cpus; i++) {
		vcpu_new(vm, i);
		set_supported_cpuid(&vm->vcpu[i]);
	}
	start_long(&vm->vcpu[0], guest);
	AT(vm, x2) = with_x2;
	AT(vm, cpus) = nr_cpus;
	AT(vm, lenient) = forgets_the_flag();
	AT(vm, rounds) = 5000;
	if (nr_cpus > 1)
		vcpu_start_until_stopped(&vm->vcpu[1]);
	run_to_done(&vm->vcpu[0]);
	if (nr_cpus > 1)
		vcpu_stop(&vm->vcpu[1]);
	for (u64 i = 0; i < nr_cpus; i++) {
		volatile typeof(on[0]) *o = &((volatile typeof(on[0]) *)&AT(vm, on))[i];

		note("vCPU %u: %u timers, %u self-IPIs, %u pings", (unsigned int)i,
		     (unsigned int)o->timers, (unsigned int)o->own, (unsigned int)o->pings);
		if (!EQ(o->bad, 0))
			note("  vector %#x at rip %#lx, flags %#lx", (unsigned int)o->bad_vector,
			     (unsigned long)o->bad_rip, (unsigned long)o->bad_flags);
		CHECK(o->timers > 100);
		EQ(o->own, o->own_sent);
	}
	vm_free(vm);
}

static void xapic(void)
{
	run(0, 1);
}

static void xapic_of_two(void)
{
	run(0, 2);
}

static void x2apic(void)
{
	run(1, 1);
}

static void x2apic_of_two(void)
{
	run(1, 2);
}

/*
 * One interrupt in service, ended, IF still clear, and another that waits: it
 * has to, also while the host takes interrupts of its own.
 */
static volatile u64 low_in_between;

static void on_high(struct trapframe *frame)
{
	u64 before;

	(void)frame;
	reg_write(APIC_EOI, 0);
	before = guest_vector_count[VEC_PING];
	guest_spin(20000000);
	low_in_between += guest_vector_count[VEC_PING] - before;
}

static void waiting_guest(void)
{
	guest_vector[VEC_SELF] = on_high;
	guest_vector[VEC_PING] = x2 ? guest_x2apic_eoi_handler : guest_eoi_handler;
	enable();
	for (u64 i = 1; i <= 5; i++) {
		send(0, 0x40000 | VEC_PING);
		send(0, 0x40000 | VEC_SELF);
		guest_window();
		GEQ(guest_vector_count[VEC_SELF], i);
		GEQ(guest_vector_count[VEC_PING], i);
	}
	GEQ(low_in_between, 0);
	guest_done();
}

static void wait_for_the_flag(u64 with_x2)
{
	struct vm *vm;
	struct vcpu *vcpu;

	if (forgets_the_flag())
		SKIP("Bochs's virtual-interrupt delivery forgets IF");
	vm = vm_new_irqchip();
	vcpu = quick_long(vm, waiting_guest);
	AT(vm, x2) = with_x2;
	run_to_done(vcpu);
	vm_free(vm);
}

static void the_next_waits_for_the_flag(void)
{
	needs_prompt_interrupts();
	wait_for_the_flag(0);
}

static void the_next_waits_in_x2apic_mode(void)
{
	needs_prompt_interrupts();
	wait_for_the_flag(1);
}

static const struct test tests[] = {
	TEST(the_next_waits_for_the_flag),
	TEST(the_next_waits_in_x2apic_mode),
	TEST(xapic),
	TEST(x2apic),
	TEST(xapic_of_two),
	TEST(x2apic_of_two),
};

TEST_MAIN(tests)
