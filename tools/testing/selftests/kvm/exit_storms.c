// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that do nothing but leave: the host's clock must go on, and a signal
 * must stop them. The first byte of such an endless loop took hosts down once
 * (#AC and #DB in delivery, floods of a passed-through port).
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

#define STORM_MS	300

/*
 * While the guest storms in a thread, this one counts 5 ms ticks: it would
 * starve if the storm held its CPU. Then the storm is stopped by a signal.
 */
static u64 storm_exits;

static void *storm_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	while (!vcpu->stop) {
		if (run_once(vcpu) == 0)
			storm_exits++;
		if (vcpu->run->exit_reason == KVM_EXIT_SHUTDOWN ||
		    vcpu->run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
			sleep_ms(1);
	}
	return NULL;
}

struct measure {
	unsigned int ticks;
	u64 worst, stop;
};

static struct measure measure(struct vcpu *vcpu)
{
	struct measure m = { 0 };
	u64 start, last;

	storm_exits = 0;
	vcpu_start(vcpu, storm_thread);
	start = last = now_ns();
	while (now_ns() - start < STORM_MS * 1000000ull) {
		u64 now;

		sleep_ms(5);
		now = now_ns();
		if (now - last > m.worst)
			m.worst = now - last;
		last = now;
		m.ticks++;
	}
	m.stop = now_ns();
	vcpu_stop(vcpu);
	m.stop = now_ns() - m.stop;
	note("%u ticks of 5 ms in %u ms, the worst took %llu us; stopped in %llu us, %llu exits",
	     m.ticks, STORM_MS, (unsigned long long)m.worst / 1000,
	     (unsigned long long)m.stop / 1000, (unsigned long long)storm_exits);
	return m;
}

/*
 * Generous, and with a second and third chance: emulated hosts on busy machines
 * run this too. A storm that holds the CPU fails all three.
 */
static void storm(struct vcpu *vcpu)
{
	struct measure m;

	irqs_on_for_bochs(vcpu);
	for (int i = 0; i < 3; i++) {
		m = measure(vcpu);
		if (m.ticks >= STORM_MS / 5 / 10 && m.worst < 500000000 && m.stop < 1000000000)
			break;
	}
	CHECK(m.ticks >= STORM_MS / 5 / 10, "%u ticks", m.ticks);
	CHECK(m.worst < 500000000);
	CHECK(m.stop < 1000000000);
	vm_free(vcpu->vm);
}

static void storm_long(guest_fn fn)
{
	storm(quick_long(vm_new(), fn));
}

BLOB(port80, ".code16", "1: out %al, $0x80; jmp 1b");
BLOB(hlt_loop, ".code16", "1: hlt; jmp 1b");
BLOB(triple, ".code16", "1: lidtl %cs:(2f - triple); int $3; jmp 1b; 2: .word 0; .long 0");

static void flood_of_port_80(void)
{
	storm(quick_real(vm_new(), BLOB_OF(port80)));
}

static void halts_without_end(void)
{
	storm(quick_real(vm_new(), BLOB_OF(hlt_loop)));
}

static void triple_faults_without_end(void)
{
	needs_shutdown_exits();
	storm(quick_real(vm_new(), BLOB_OF(triple)));
}

static void cpuid_guest(void)
{
	u32 r[4];

	for (;;)
		guest_cpuid(0, 0, r);
}

static void flood_of_cpuid(void)
{
	storm_long(cpuid_guest);
}

static void invlpg_guest(void)
{
	for (u64 i = 0;; i += 4096)
		asm volatile("invlpg (%0)" : : "r"(i & 0xffffffff) : "memory");
}

static void flood_of_invlpg(void)
{
	storm_long(invlpg_guest);
}

static void cr3_guest(void)
{
	for (;;)
		asm volatile("mov %0, %%cr3" : : "r"(PT_GPA) : "memory");
}

static void flood_of_page_table_switches(void)
{
	storm_long(cr3_guest);
}

static void wrmsr_guest(void)
{
	for (u64 i = 0;; i++)
		guest_wrmsr(0xc0000102, i & 0xffff);
}

static void flood_of_wrmsr(void)
{
	storm_long(wrmsr_guest);
}

static void vmmcall_guest(void)
{
	for (;;)
		GUEST_TRY("vmmcall", , "a"(1000), "b"(0), "c"(0), "d"(0), "S"(0));
}

static void flood_of_hypercalls(void)
{
	storm_long(vmmcall_guest);
}

static void ud_return(struct trapframe *frame)
{
	(void)frame;
}

static void ud_guest(void)
{
	guest_vector[UD_VECTOR] = ud_return;
	asm volatile("ud2");
}

static void exceptions_without_end(void)
{
	storm_long(ud_guest);
}

/*
 * #AC whose delivery faults with #AC: user code with the check on, a handler
 * at CPL 3, and its stack not aligned. The CPU never finishes delivering.
 */
static void alignment_guest(void)
{
	u64 *idt = (u64 *)IDT_GPA;
	u64 rsp = SCRATCH_GPA + 0x8001;

	/* the #AC gate leads to user code, so there is no switch of stacks */
	idt[2 * AC_VECTOR] = (idt[2 * AC_VECTOR] & ~0xffff0000ull) | (u64)SEL_UCODE64 << 16 |
			     0x600000000000ull;
	asm volatile("pushq %0; pushq %1; pushq %2; pushq %3; leaq 1f(%%rip), %%rax;"
		     "pushq %%rax; mov %%cr0, %%rax; or $0x40000, %%rax; mov %%rax, %%cr0;"
		     "iretq; 1: mov 1(%%rsp), %%rax; mov 2(%%rsp), %%rax; jmp 1b"
		     : : "r"((u64)SEL_UDATA), "r"(rsp), "r"(0x40002ul), "r"((u64)SEL_UCODE64)
		     : "rax", "memory");
}

static void alignment_checks_in_delivery(void)
{
	storm_long(alignment_guest);
}

/* #DB whose delivery meets a breakpoint on the stack it pushes to. */
static void debug_guest(void)
{
	u64 sp;

	guest_vector[DB_VECTOR] = ud_return;
	asm volatile("mov %%rsp, %0" : "=r"(sp));
	for (int i = 0; i < 4; i++) {
		u64 addr = (sp & ~63ul) - 8 * i;

		switch (i) {
		case 0: asm volatile("mov %0, %%db0" : : "r"(addr)); break;
		case 1: asm volatile("mov %0, %%db1" : : "r"(addr)); break;
		case 2: asm volatile("mov %0, %%db2" : : "r"(addr)); break;
		default: asm volatile("mov %0, %%db3" : : "r"(addr)); break;
		}
	}
	/* writes of 8 bytes, all four on */
	asm volatile("mov %0, %%db7" : : "r"(0x999906aaul));
	for (;;)
		asm volatile("int3; nop" : : : "memory");
}

static void breakpoint_return_guest(void)
{
	guest_vector[BP_VECTOR] = ud_return;
	debug_guest();
}

static void breakpoints_in_delivery(void)
{
	if (on_tcg())
		SKIP("QEMU's emulation of a CPU aborts on a breakpoint there");
	storm_long(breakpoint_return_guest);
}

/* A trap flag that is set for ever */
static void step_guest(void)
{
	guest_vector[DB_VECTOR] = ud_return;
	asm volatile("pushfq; orq $0x100, (%%rsp); popfq; 1: jmp 1b" : : : "memory", "cc");
}

static void single_steps_without_end(void)
{
	storm_long(step_guest);
}

static void mmio_guest(void)
{
	for (;;)
		MMIO(u32, HOLE_GPA) = 1;
}

static void flood_of_mmio(void)
{
	storm_long(mmio_guest);
}

/* Interrupts to itself, as fast as they can be sent */
static void ipi_return(struct trapframe *frame)
{
	(void)frame;
	apic_write(APIC_EOI, 0);
	apic_icr(0, 0x40000 | 0x61);
}

static void ipi_guest(void)
{
	guest_vector[0x61] = ipi_return;
	guest_warm();
	apic_enable();
	apic_icr(0, 0x40000 | 0x61);
	guest_sti();
	for (;;)
		guest_pause();
}

static void interrupts_to_itself(void)
{
	storm(quick_long(vm_new_irqchip(), ipi_guest));
}

/* The fastest timer there is */
static void timer_guest(void)
{
	guest_vector[0x61] = guest_eoi_handler;
	guest_warm();
	apic_enable();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x20061);
	apic_write(APIC_TMICT, 1);
	for (;;)
		guest_halt();
}

static void fastest_timer(void)
{
	storm(quick_long(vm_new_irqchip(), timer_guest));
}

/* An IDT entry that faults in its own delivery: page fault upon page fault. */
static void no_idt_guest(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) hole = { 0xfff, HOLE_GPA };

	asm volatile("lidt %0; ud2" : : "m"(hole));
}

static void handlers_in_a_hole(void)
{
	needs_shutdown_exits();
	storm_long(no_idt_guest);
}

static const struct test tests[] = {
	TEST(flood_of_port_80),
	TEST(halts_without_end),
	TEST(triple_faults_without_end),
	TEST(flood_of_cpuid),
	TEST(flood_of_invlpg),
	TEST(flood_of_page_table_switches),
	TEST(flood_of_wrmsr),
	TEST(flood_of_hypercalls),
	TEST(flood_of_mmio),
	TEST(exceptions_without_end),
	TEST(alignment_checks_in_delivery),
	TEST(breakpoints_in_delivery),
	TEST(single_steps_without_end),
	TEST(interrupts_to_itself),
	TEST(fastest_timer),
	TEST(handlers_in_a_hole),
};

TEST_MAIN(tests)
