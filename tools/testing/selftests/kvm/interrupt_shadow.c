// SPDX-License-Identifier: GPL-2.0-only
/* The one instruction behind STI runs before any interrupt, exits or not (APM 2 15.21.5). */
#include "vm.h"

#define VECTOR	0x44

static u64 came_from;

static void remember(struct trapframe *frame)
{
	came_from = frame->rip;
	apic_write(APIC_EOI, 0);
}

/* Where the pending interrupt came after STI and one instruction, less that instruction's end. */
#define STI_AND(insn, ...)						\
	({								\
		u64 __end;						\
		guest_cli();						\
		apic_write(APIC_ICR, 0x40000 | VECTOR);			\
		asm volatile("leaq 1f(%%rip), %0\n\t"			\
			     "sti\n\t" insn "\n1:\tnop; nop; nop; nop; nop\n\tcli"		\
			     : "=&r"(__end) : __VA_ARGS__		\
			     : "rax", "rbx", "rcx", "rdx", "memory");	\
		came_from - __end;					\
	})

static void guest(void)
{
	guest_vector[VECTOR] = remember;
	guest_warm();
	apic_enable();
	GEQ(STI_AND("nop", "m"(came_from)), 0);
	GEQ(STI_AND("hlt", "m"(came_from)), 0);
	GEQ(STI_AND("cpuid", "m"(came_from)), 0);
	GEQ(STI_AND("movl (%1), %%eax", "r"(APIC_BASE + APIC_ID)), 0);
	guest_done();
}

/* The first touch of a page leaves the guest, and comes back to the same instruction. */
static void touching_guest(void)
{
	guest_vector[VECTOR] = remember;
	guest_warm();
	apic_enable();
	for (u64 gpa = FREE_GPA; gpa < FREE_GPA + 0x10000; gpa += 0x1000)
		GEQ(STI_AND("movb (%1), %%al", "r"(gpa)), 0);
	guest_done();
}

static void run(guest_fn fn)
{
	struct vm *vm = vm_new_irqchip();

	needs_prompt_interrupts();
	run_to_done(quick_long(vm, fn));
	vm_free(vm);
}

static void it_covers_what_is_emulated(void)
{
	run(guest);
}

static void it_outlives_an_exit(void)
{
	if (on_tcg())
		SKIP("QEMU's VMRUN forgets the shadow");
	if (on_bochs() && !nested_paging())
		SKIP("Bochs forgets the shadow when a page fault exits");
	run(touching_guest);
}

static const struct test tests[] = {
	TEST(it_covers_what_is_emulated),
	TEST(it_outlives_an_exit),
};

TEST_MAIN(tests)
