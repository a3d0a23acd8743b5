// SPDX-License-Identifier: GPL-2.0-only
/* More than one processor: INIT and SIPI, IPIs by every kind of address. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define CPUS	4
#define VEC	0x61

static volatile u32 online, ipis[CPUS];

static void on_ipi(struct trapframe *frame)
{
	(void)frame;
	ipis[apic_id() % CPUS]++;
	apic_write(APIC_EOI, 0);
}

static void ap_main(void)
{
	u32 id = apic_id();

	guest_warm();
	apic_enable();
	apic_write(APIC_DFR, ~0u);
	apic_write(APIC_LDR, 1u << (24 + id));
	__atomic_fetch_or(&online, 1u << id, __ATOMIC_SEQ_CST);
	for (;;)
		guest_halt();
}

static void wait_online(u32 mask)
{
	guest_wait((online & mask) == mask);
}

static void bsp_begin(void)
{
	ap_entry = ap_main;
	guest_vector[VEC] = on_ipi;
	guest_warm();
	apic_enable();
	apic_write(APIC_DFR, ~0u);
	apic_write(APIC_LDR, 1u << 24);
	online = 1;
}

static void run_smp(guest_fn fn, int cpus)
{
	struct vm *vm = vm_new_irqchip();

	for (int i = 0; i < cpus; i++) {
		vcpu_new(vm, i);
		set_supported_cpuid(&vm->vcpu[i]);
	}
	start_long(&vm->vcpu[0], fn);
	for (int i = 1; i < cpus; i++)
		vcpu_start_until_stopped(&vm->vcpu[i]);
	run_to_done(&vm->vcpu[0]);
	for (int i = 1; i < cpus; i++)
		vcpu_stop(&vm->vcpu[i]);
	vm_free(vm);
}

static void start_guest(void)
{
	bsp_begin();
	for (u32 i = 1; i < 2; i++)
		start_ap(i);
	wait_online(3);
	guest_done();
}

static void two_processors(void)
{
	run_smp(start_guest, 2);
}

static void start_four_guest(void)
{
	bsp_begin();
	for (u32 i = 1; i < CPUS; i++) {
		start_ap(i);
		wait_online(1u << i);
	}
	GEQ(online, 15);
	guest_done();
}

static void four_processors_one_by_one(void)
{
	run_smp(start_four_guest, 4);
}

static void start_all_guest(void)
{
	bsp_begin();
	/* INIT and SIPI to all but self */
	apic_icr(0, 0xc4500);
	guest_spin(100000);
	apic_icr(0, 0xc4608);
	/* the second one finds them started: no effect */
	guest_spin(100000);
	apic_icr(0, 0xc4608);
	wait_online(15);
	guest_done();
}

static void four_processors_at_once(void)
{
	run_smp(start_all_guest, 4);
}

/* INIT again, in the middle of things: back to the wait for SIPI, and on. */
static void again_guest(void)
{
	bsp_begin();
	for (int i = 0; i < 5; i++) {
		online = 1;
		start_ap(1);
		wait_online(3);
	}
	/* a SIPI without INIT does nothing to one that runs */
	online = 1;
	apic_icr(1, 0x4608);
	guest_spin(1000000);
	GEQ(online, 1);
	guest_done();
}

static void started_again_and_again(void)
{
	run_smp(again_guest, 2);
}

static void expect_ipis(u32 a, u32 b, u32 c, u32 d)
{
	u32 want[CPUS] = { a, b, c, d };
	u64 end = guest_rdtsc() + 3000000000ull;

	/* our own needs the window */
	guest_sti();
	for (;;) {
		bool same = true;

		for (int i = 0; i < CPUS; i++)
			same &= ipis[i] >= want[i];
		if (same || guest_rdtsc() > end)
			break;
		guest_pause();
	}
	guest_spin(300000);
	guest_cli();
	for (int i = 0; i < CPUS; i++) {
		GEQ(ipis[i], want[i]);
		ipis[i] = 0;
	}
}

static void ipi_guest(void)
{
	bsp_begin();
	apic_icr(0, 0xc4500);
	guest_spin(100000);
	apic_icr(0, 0xc4608);
	wait_online(15);
	/* physical */
	apic_icr(2, VEC);
	expect_ipis(0, 0, 1, 0);
	apic_icr(0, VEC);
	expect_ipis(1, 0, 0, 0);
	apic_icr(0xff, VEC);
	expect_ipis(1, 1, 1, 1);
	/* logical, flat */
	apic_icr(0x0a, 0x800 | VEC);
	expect_ipis(0, 1, 0, 1);
	apic_icr(0xff, 0x800 | VEC);
	expect_ipis(1, 1, 1, 1);
	/* shorthands */
	apic_icr(3, 0x40000 | VEC);
	expect_ipis(1, 0, 0, 0);
	apic_icr(3, 0x80000 | VEC);
	expect_ipis(1, 1, 1, 1);
	apic_icr(3, 0xc0000 | VEC);
	expect_ipis(0, 1, 1, 1);
	/* lowest priority: exactly one of two */
	apic_icr(0x0c, 0x900 | VEC);
	guest_spin(3000000);
	GEQ(ipis[2] + ipis[3], 1);
	ipis[2] = 0;
	ipis[3] = 0;
	guest_done();
}

static void every_address_of_an_ipi(void)
{
	run_smp(ipi_guest, 4);
}

/* Addresses that nobody has, modes that are none: nothing arrives, nothing breaks. */
static void nobody_guest(void)
{
	bsp_begin();
	start_ap(1);
	wait_online(3);
	for (u32 dest = 2; dest < 255; dest++)
		apic_icr(dest, VEC);
	apic_icr(0, 0x800 | VEC);
	apic_icr(0xf0, 0x800 | VEC);
	/* reserved delivery modes 3 and 7, and vectors below 16 */
	apic_icr(1, 0x300 | VEC);
	apic_icr(1, 0x700 | VEC);
	/* INIT level de-assert: for the arbitration ids, long gone */
	apic_icr(1, 0x8500);
	for (u32 dest = 64; dest < 128; dest++) {
		apic_icr(dest, 0x4500);
		apic_icr(dest, 0x4600 | dest);
		apic_icr(dest, 0x4400);
		apic_icr(dest, 0x4200);
	}
	expect_ipis(0, 0, 0, 0);
	apic_icr(1, VEC);
	expect_ipis(0, 1, 0, 0);
	guest_done();
}

static void addresses_of_nobody(void)
{
	run_smp(nobody_guest, 2);
}

/* x2APIC on all of them */
static volatile u32 x2_online, x2_ipis[CPUS];

static void on_x2_ipi(struct trapframe *frame)
{
	(void)frame;
	x2_ipis[guest_rdmsr(0x802) % CPUS]++;
	x2apic_write(APIC_EOI, 0);
}

static void x2_ap_main(void)
{
	guest_warm();
	x2apic_enable();
	__atomic_fetch_or(&x2_online, 1u << guest_rdmsr(0x802), __ATOMIC_SEQ_CST);
	for (;;)
		guest_halt();
}

static void x2_expect(u32 a, u32 b, u32 c)
{
	u64 end = guest_rdtsc() + 3000000000ull;

	guest_sti();
	while ((x2_ipis[0] < a || x2_ipis[1] < b || x2_ipis[2] < c) && guest_rdtsc() < end)
		guest_pause();
	guest_spin(300000);
	guest_cli();
	GEQ(x2_ipis[0], a);
	GEQ(x2_ipis[1], b);
	GEQ(x2_ipis[2], c);
	x2_ipis[0] = x2_ipis[1] = x2_ipis[2] = 0;
}

static void x2_guest(void)
{
	ap_entry = x2_ap_main;
	guest_vector[VEC] = on_x2_ipi;
	guest_warm();
	x2apic_enable();
	for (u64 i = 1; i < 3; i++) {
		guest_wrmsr(0x830, i << 32 | 0x4500);
		guest_spin(100000);
		guest_wrmsr(0x830, i << 32 | 0x4608);
	}
	guest_wait(x2_online == 6);
	guest_wrmsr(0x830, 1ull << 32 | VEC);
	x2_expect(0, 1, 0);
	/* logical: cluster 0, processors 1 and 2 */
	guest_wrmsr(0x830, 6ull << 32 | 0x800 | VEC);
	x2_expect(0, 1, 1);
	guest_wrmsr(0x830, 0xc0000 | VEC);
	x2_expect(0, 1, 1);
	guest_wrmsr(0x830, 0xffffffffull << 32 | VEC);
	x2_expect(1, 1, 1);
	guest_wrmsr(0x830, 0x10006ull << 32 | 0x800 | VEC);
	guest_wrmsr(0x830, 0xfffffffeull << 32 | VEC);
	x2_expect(0, 0, 0);
	guest_done();
}

static void x2apic_addresses(void)
{
	run_smp(x2_guest, 3);
}

/* Shared counters: that they run at the same time, on one memory. */
static volatile u64 shared, go;

static void adding_ap(void)
{
	__atomic_fetch_or(&online, 1u << apic_id(), __ATOMIC_SEQ_CST);
	guest_wait(go);
	for (int i = 0; i < 20000; i++)
		__atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&online, ~(1u << apic_id()), __ATOMIC_SEQ_CST);
	for (;;)
		asm volatile("cli; hlt");
}

static void adding_guest(void)
{
	bsp_begin();
	ap_entry = adding_ap;
	for (u32 i = 1; i < CPUS; i++)
		start_ap(i);
	wait_online(15);
	go = 1;
	guest_wait(online == 1);
	GEQ(shared, 3 * 20000);
	guest_done();
}

static void atomic_operations_between_processors(void)
{
	run_smp(adding_guest, 4);
}

static const struct test tests[] = {
	TEST(two_processors),
	TEST(four_processors_one_by_one),
	TEST(four_processors_at_once),
	TEST(started_again_and_again),
	TEST(every_address_of_an_ipi),
	TEST(addresses_of_nobody),
	TEST(x2apic_addresses),
	TEST(atomic_operations_between_processors),
};

TEST_MAIN(tests)
