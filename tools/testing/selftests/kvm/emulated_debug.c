// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own debugging (steps and breakpoints) of instructions that reach a
 * device, so that hardware does not run them: SDM volume 3B, 17.2 and 17.3.
 */
#include <string.h>

#include "vm.h"

#define DEV	HOLE_GPA
#define DR6_BS	0x4000
#define RF	0x10000
#define TF	0x100

static struct {
	u64 rip;
	u64 dr6;
} volatile hit[16];
static volatile unsigned int hits;
static volatile bool bochs;

static void debug_handler(struct trapframe *frame)
{
	u64 dr6;

	asm volatile("mov %%db6, %0; mov %1, %%db6" : "=r"(dr6) : "r"(0xffff0ff0ul));
	hit[hits % 16].rip = frame->rip;
	hit[hits % 16].dr6 = dr6 & 0xe00f;
	hits++;
	frame->rflags |= RF;
}

static void play(guest_fn fn, unsigned int accesses)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, fn);
	unsigned int n = 0;

	AT(vm, bochs) = on_bochs() && nested_paging();
	for (run_exit(vcpu); vcpu->run->exit_reason == KVM_EXIT_MMIO; run_exit(vcpu)) {
		memset(vcpu->run->mmio.data, 0x11, 8);
		n++;
	}
	expect_done(vcpu);
	EQ(n, accesses);
	vm_free(vm);
}

/*
 * Each iteration is a step; the last has moved on. Bochs has one more before them:
 * at the exit it takes the step that is to come for one that is pending.
 */
static void steps_guest(void)
{
	extern u8 step_rep[], step_behind[];
	unsigned int at = bochs;

	guest_vector[1] = debug_handler;
	asm volatile("pushfq; pushfq; orl $0x100, (%%rsp); popfq;"
		     ".globl step_rep; step_rep: rep stosb;"
		     ".globl step_behind; step_behind: popfq"
		     : : "D"(DEV), "a"(0x5a), "c"(3) : "memory", "cc");
	GEQ(hits, at + 4);
	GEQ(hit[at].rip, step_rep);
	GEQ(hit[at].dr6, DR6_BS);
	GEQ(hit[at + 1].rip, step_rep);
	GEQ(hit[at + 1].dr6, DR6_BS);
	GEQ(hit[at + 2].rip, step_behind);
	GEQ(hit[at + 2].dr6, DR6_BS);
	guest_done();
}

static void steps_through_rep(void)
{
	if (on_bochs() && on_amd())
		SKIP("Bochs ends in its own triple fault here, with the stock modules too");
	play(steps_guest, 3);
}

#define SET_BREAKPOINT(addr, dr7)					\
	asm volatile("mov %0, %%db0; mov %1, %%db7"			\
		     : : "r"((u64)(addr)), "r"((u64)(dr7)) : "memory")

/* On a read or write of four bytes: behind the instruction */
static void data_guest(void)
{
	extern u8 data_behind[], data_after[];

	guest_vector[1] = debug_handler;
	SET_BREAKPOINT(DEV + 0x10, 0xd0401);
	asm volatile("addl $1, (%0); .globl data_behind; data_behind: addl $1, 4(%0);"
		     "movb $1, 3(%0); .globl data_after; data_after:"
		     : : "r"(DEV + 0x10) : "memory", "cc");
	SET_BREAKPOINT(0, 0x400);
	GEQ(hits, 2);
	GEQ(hit[0].rip, data_behind);
	GEQ(hit[0].dr6, 1);
	GEQ(hit[1].rip, data_after);
	guest_done();
}

static void a_breakpoint_on_a_device(void)
{
	play(data_guest, 5);
}

/*
 * Once before the instruction, and not again when RF is set: it runs once. Bochs
 * loses RF at the fault of a nested page, and stops once more.
 */
static void code_guest(void)
{
	extern u8 code_at[];

	guest_vector[1] = debug_handler;
	SET_BREAKPOINT(code_at, 0x401);
	asm volatile(".globl code_at; code_at: addl $1, (%0)" : : "r"(DEV) : "memory", "cc");
	SET_BREAKPOINT(0, 0x400);
	GEQ(hits, 1 + bochs);
	GEQ(hit[0].rip, code_at);
	GEQ(hit[0].dr6, 1);
	guest_done();
}

static void a_breakpoint_on_the_code(void)
{
	if (on_bochs() && on_amd())
		SKIP("Bochs loses DR6, with the stock modules too");
	play(code_guest, 2);
}

/* RF is for the one instruction that the handler returns to. */
static void next_guest(void)
{
	extern u8 next_first[], next_second[];
	u32 a = 0, b, c = 0, d;

	guest_vector[1] = debug_handler;
	asm volatile("mov %0, %%db1" : : "r"(next_second));
	SET_BREAKPOINT(next_first, 0x405);
	asm volatile(".globl next_first; next_first: cpuid; .globl next_second; next_second: nop"
		     : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	SET_BREAKPOINT(0, 0x400);
	GEQ(hits, 2);
	GEQ(hit[0].rip, next_first);
	GEQ(hit[0].dr6, 1);
	GEQ(hit[1].rip, next_second);
	GEQ(hit[1].dr6, 2);
	guest_done();
}

static void a_breakpoint_behind_an_exit(void)
{
	if (on_bochs() && on_amd())
		SKIP("Bochs loses DR6, with the stock modules too");
	play(next_guest, 0);
}

static const struct test tests[] = {
	TEST(steps_through_rep),
	TEST(a_breakpoint_on_a_device),
	TEST(a_breakpoint_on_the_code),
	TEST(a_breakpoint_behind_an_exit),
};

TEST_MAIN(tests)
