// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_SET_GUEST_DEBUG: what a debugger in the VMM sees and may do, and that the guest
 * keeps its own debug registers meanwhile. SDM volume 3B, chapter 17.
 */
#include <string.h>

#include "vm.h"

#define DEV		HOLE_GPA
#define VEC_DB		1
#define VEC_NMI		2
#define VEC_BP		3
#define DR6_INIT	0xffff0ff0ull
#define DR6_BS		0x4000ull
#define DR7_INIT	0x400ull
#define DR7_GD		0x2000ull
#define RF		0x10000ull

static int set_debug(struct vcpu *vcpu, u32 control)
{
	struct kvm_guest_debug debug = { .control = control };

	return ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug);
}

static void debug(struct vcpu *vcpu, u32 control)
{
	MUST(!set_debug(vcpu, control ? control | KVM_GUESTDBG_ENABLE : 0));
}

static u64 rip(struct vcpu *vcpu)
{
	struct kvm_regs regs;

	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	return regs.rip;
}

/* Where a handler was called from first; 0: it was not */
static volatile u64 called_at, called_dr6;

static void handler(struct trapframe *frame)
{
	u64 dr6;

	asm volatile("mov %%db6, %0; mov %1, %%db6" : "=r"(dr6) : "r"(DR6_INIT));
	if (called_at)
		return;
	called_at = frame->rip;
	called_dr6 = dr6;
}

static u64 take_call(void)
{
	u64 at = called_at;

	called_at = 0;
	return at;
}

/* --- INT3 ---------------------------------------------------------------------- */

extern const u8 int3_at[], int3_behind[];

static void __attribute__((noinline)) int3(void)
{
	asm volatile(".globl int3_at, int3_behind\nint3_at: int3\nint3_behind:" : : : "memory");
}

static void int3_guest(void)
{
	guest_vector[VEC_BP] = handler;
	for (;;) {
		int3();
		guest_sync(take_call());
	}
}

static void expect_int3(struct vcpu *vcpu)
{
	MUST_EXIT(vcpu, KVM_EXIT_DEBUG);
	EQ(vcpu->run->debug.arch.exception, VEC_BP);
	EQ(vcpu->run->debug.arch.pc, int3_at);
	EQ(rip(vcpu), int3_at);
}

static void software_breakpoints(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, int3_guest);
	struct kvm_regs regs;

	EQ(run_to_sync(vcpu), int3_behind);
	if (on_tcg())
		SKIP("TCG takes no exit for INT3, with the stock modules too");
	debug(vcpu, KVM_GUESTDBG_USE_SW_BP);
	expect_int3(vcpu);
	EQ(AT(vm, guest_vector_count[VEC_BP]), 1);
	/* not executed: it is there again */
	expect_int3(vcpu);
	/* the guest's own: back to it */
	debug(vcpu, KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_INJECT_BP);
	EQ(run_to_sync(vcpu), int3_behind);
	expect_int3(vcpu);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	regs.rip++;
	MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	EQ(run_to_sync(vcpu), 0);
	/* Without the flag for it, or without KVM_GUESTDBG_ENABLE, INT3 is the guest's. */
	debug(vcpu, KVM_GUESTDBG_USE_HW_BP);
	EQ(run_to_sync(vcpu), int3_behind);
	MUST(!set_debug(vcpu, KVM_GUESTDBG_USE_SW_BP));
	EQ(run_to_sync(vcpu), int3_behind);
	vm_free(vm);
}

/* --- single steps --------------------------------------------------------------- */

/* Notes that a step ends at @label; I(): behind the instruction. */
#define STOP(label)	".pushsection .rodata.steps\n\t.quad " label "\n\t.popsection\n\t"
#define I(insn)		STOP("66f") insn "\n66:\n\t"

extern const u64 steps[], steps_end[];
extern const u8 steps_from[], rep_at[];
static volatile u64 stepped_dr6, stepped_dr7, later_dr6, port_value;
static volatile u32 dev_value;
static volatile u8 stepped_bytes[4];

static void steps_guest(void)
{
	u64 dr6, dr7, dr6_later, dr, port;
	u32 dev;

	guest_vector[VEC_DB] = handler;
	guest_warm();
	guest_sync(0);
	asm volatile(".pushsection .rodata.steps\n.globl steps\nsteps:\n.popsection\n\t"
		     ".globl steps_from\nsteps_from:\n\t"
		     I("nop")
		     I("xor %%eax, %%eax")
		     I("cpuid")
		     I("mov %%cr0, %%rax") I("mov %%rax, %%cr0")
		     I("mov %%cr3, %%rax") I("mov %%rax, %%cr3")
		     I("mov %%cr4, %%rax") I("mov %%rax, %%cr4")
		     I("mov $0x1b, %%ecx") I("rdmsr") I("wrmsr")
		     I("in $0x21, %%al") I("out %%al, $0x21")
		     I("in $0x10, %%al") I("movzbl %%al, %%eax") I("mov %%rax, %[port]")
		     I("movl (%[devp]), %%eax") I("mov %%eax, %[dev]")
		     I("movl %%eax, (%[devp])") I("addl $1, (%[devp])")
		     I("movl $0x10, (%[tpr])") I("movl (%[tpr]), %%eax")
		     I("mov $1, %%eax") I("mov %%rax, %%cr8") I("mov %%cr8, %%rax")
		     I("push %%rax") I("pop %%rax")
		     STOP("1f") STOP("3f") STOP("2f")
		     "call 1f\n3:\tjmp 2f\n1:\tret\n2:\t"
		     I("mov %[bytes], %%rdi") I("mov $3, %%ecx")
		     ".globl rep_at\nrep_at:\n\t"
		     STOP("rep_at") STOP("rep_at") I("rep stosb")
		     I("mov %%db6, %[dr6]") I("mov %%db7, %[dr7]")
		     I("nop") I("mov %%db6, %[later]")
		     I("rdtsc") I("nop")
		     ".pushsection .rodata.steps\n.globl steps_end\nsteps_end:\n.popsection"
		     : [dr6] "=&r"(dr6), [dr7] "=&r"(dr7), [later] "=&r"(dr6_later),
		       [port] "=&r"(port), [dev] "=&r"(dev)
		     : [devp] "r"(DEV), [tpr] "r"(APIC_BASE + APIC_TPR),
		       [bytes] "r"(stepped_bytes)
		     : "rax", "rbx", "rcx", "rdx", "rdi", "memory", "cc");
	stepped_dr6 = dr6;
	stepped_dr7 = dr7;
	later_dr6 = dr6_later;
	port_value = port;
	dev_value = dev;
	/* in the breakpoint's place, and the register as the debugger left it */
	asm volatile("mov %%db6, %0" : "=r"(dr));
	guest_sync(dr);
}

static u64 one_step(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	/* what devices there are answers on the way */
	for (run_exit(vcpu);; run_exit(vcpu)) {
		if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write)
			memset(run->mmio.data, 0x22, 8);
		else if (run->exit_reason == KVM_EXIT_IO && run->io.port == 0x10)
			memset(io_data(vcpu), 0x33, run->io.size);
		else if (run->exit_reason != KVM_EXIT_MMIO)
			break;
	}
	if (run->exit_reason != KVM_EXIT_DEBUG) {
		test_fail("steps", 0, "another exit");
		describe_exit(vcpu);
		test_stop();
	}
	return run->debug.arch.pc;
}

/*
 * Bochs makes two steps of one where the instruction exits, with the stock modules too:
 * it leaves the one that is to come for pending.
 */
static void expect_step(struct vcpu *vcpu, u64 pc)
{
	struct kvm_run *run = vcpu->run;
	u64 from = rip(vcpu);

	if (one_step(vcpu) == from && from != pc && on_bochs())
		one_step(vcpu);
	EQ(run->debug.arch.exception, VEC_DB);
	EQ(run->debug.arch.dr6 & 0xf00f, DR6_BS);
	EQ(run->debug.arch.pc, pc);
	EQ(rip(vcpu), pc);
}

static void steps_over_instructions(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, steps_guest);
	unsigned int n = 0;

	EQ(run_to_sync(vcpu), 0);
	if (on_stock_kvm())
		SKIP("the stock modules lose steps over what they emulate");
	if (on_bochs() && on_amd())
		SKIP("Bochs ends in its own triple fault here, with the stock modules too");
	debug(vcpu, KVM_GUESTDBG_SINGLESTEP);
	do {
		MUST_EXIT(vcpu, KVM_EXIT_DEBUG);
		MUST(n++ < 100);
	} while (rip(vcpu) != (u64)steps_from);
	for (const u64 *step = steps; step < steps_end; step++)
		expect_step(vcpu, *step);
	debug(vcpu, 0);
	EQ(run_to_sync(vcpu), DR6_INIT);
	/* None of it was the guest's. */
	EQ(AT(vm, guest_vector_count[VEC_DB]), 0);
	EQ(AT(vm, stepped_dr6), DR6_INIT);
	EQ(AT(vm, later_dr6), DR6_INIT);
	EQ(AT(vm, stepped_dr7), DR7_INIT);
	EQ(AT(vm, port_value), 0x33);
	EQ(AT(vm, dev_value), 0x22222222);
	vm_free(vm);
}

/* The guest steps itself, and meanwhile the debugger does. */
static void own_step_guest(void)
{
	extern const u8 own_step[];

	guest_vector[VEC_DB] = handler;
	guest_warm();
	guest_sync(0);
	asm volatile("pushfq; pushfq; orl $0x100, (%%rsp); popfq\n\t"
		     "nop\n\t.globl own_step\nown_step: popfq" : : : "memory", "cc");
	GEQ(called_at, own_step);
	GEQ(called_dr6, DR6_INIT | DR6_BS);
	guest_done();
}

static void the_guests_own_steps(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, own_step_guest);

	if (on_bochs() && on_amd())
		SKIP("Bochs ends in its own triple fault here, with the stock modules too");
	EQ(run_to_sync(vcpu), 0);
	debug(vcpu, KVM_GUESTDBG_SINGLESTEP);
	MUST_EXIT(vcpu, KVM_EXIT_DEBUG);
	MUST_EXIT(vcpu, KVM_EXIT_DEBUG);
	debug(vcpu, KVM_GUESTDBG_USE_SW_BP);
	run_to_done(vcpu);
	vm_free(vm);
}

/* A debugger that steps does not want to meet NMIs on the way. */
static void nmi_guest(void)
{
	guest_vector[VEC_NMI] = handler;
	guest_warm();
	guest_sync(0);
	for (int i = 0; i < 100; i++)
		asm volatile("nop");
	for (;;)
		guest_sync(take_call());
}

static void an_nmi_waits(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, nmi_guest);

	EQ(run_to_sync(vcpu), 0);
	debug(vcpu, KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ);
	MUST(!ioctl(vcpu->fd, KVM_NMI, 0));
	for (int i = 0; i < 10; i++)
		MUST_EXIT(vcpu, KVM_EXIT_DEBUG);
	EQ(AT(vm, guest_vector_count[VEC_NMI]), 0);
	debug(vcpu, 0);
	CHECK(run_to_sync(vcpu) != 0);
	EQ(AT(vm, guest_vector_count[VEC_NMI]), 1);
	vm_free(vm);
}

/* --- injection ------------------------------------------------------------------ */

static void calls_guest(void)
{
	guest_vector[VEC_DB] = handler;
	guest_vector[VEC_BP] = handler;
	for (;;)
		guest_sync4(take_call(), called_dr6, guest_vector_count[VEC_DB],
			    guest_vector_count[VEC_BP]);
}

static void injected_exceptions(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, calls_guest);
	struct ucall uc;

	EQ(run_to_sync(vcpu), 0);
	debug(vcpu, KVM_GUESTDBG_INJECT_DB);
	/* one at a time */
	FAILS(set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP), EBUSY);
	MUST(run_to_ucall(vcpu, &uc));
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[1], DR6_INIT);
	EQ(uc.arg[2], 1);
	EQ(uc.arg[3], 0);
	/* once only, and without being enabled as well */
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[2], 1);
	MUST(!set_debug(vcpu, KVM_GUESTDBG_INJECT_DB));
	MUST(run_to_ucall(vcpu, &uc));
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[2], 2);
	vm_free(vm);
}

/* --- arguments ------------------------------------------------------------------ */

static void flags(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	u32 known = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP |
		    KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP |
		    KVM_GUESTDBG_BLOCKIRQ;

	EQ(has_cap(vm->fd, KVM_CAP_SET_GUEST_DEBUG), 1);
	EQ(has_cap(vm->fd, KVM_CAP_SET_GUEST_DEBUG2), known);
	OK(set_debug(vcpu, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
		     KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_BLOCKIRQ));
	OK(set_debug(vcpu, 0));
	/* The distribution's modules take any. */
	for (u32 bit = 1; bit && !on_stock_kvm(); bit <<= 1)
		if (!(known & bit))
			FAILS(set_debug(vcpu, KVM_GUESTDBG_ENABLE | bit), EINVAL);
	vm_free(vm);
}

/* --- debug registers ------------------------------------------------------------ */

static u8 watched[16] __attribute__((aligned(16)));

static void set_drs(u64 dr0, u64 dr7)
{
	asm volatile("mov %0, %%db0; mov %1, %%db7" : : "r"(dr0), "r"(dr7));
}

static u64 dr7(void)
{
	u64 value;

	asm volatile("mov %%db7, %0" : "=r"(value));
	return value;
}

static u64 dr0(void)
{
	u64 value;

	asm volatile("mov %%db0, %0" : "=r"(value));
	return value;
}

/* The guest's registers are its own, whatever the debugger has in the CPU's. */
static void registers_guest(void)
{
	guest_vector[VEC_DB] = handler;
	set_drs(0x1234, DR7_INIT);
	guest_sync(0);
	GEQ(dr0(), 0x1234);
	GEQ(dr7(), DR7_INIT);
	set_drs((u64)watched, DR7_INIT | 0x10000 | 1);	/* 1 byte, writes */
	GEQ(dr0(), watched);
	GEQ(dr7(), DR7_INIT | 0x10000 | 1);
	*(volatile u8 *)watched = 1;
	GEQ(called_at, 0);
	guest_sync(1);
	GEQ(dr0(), watched);
	GEQ(dr7(), DR7_INIT | 0x10000 | 1);
	guest_sync(2);
	*(volatile u8 *)watched = 1;
	GCHECK(called_at);
	guest_sync(called_dr6);
	guest_done();
}

/* Bochs's AMD model loses what is new in DR6 at the exit, with the stock modules too. */
static void expect_hits(u64 dr6, u64 hits)
{
	if (!on_bochs() || !on_amd())
		EQ(dr6 & 0xf00f, hits);
}

static void the_guests_registers(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, registers_guest);
	struct kvm_guest_debug dbg = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
		.arch.debugreg = { 0x5678, [7] = DR7_INIT },
	};
	struct kvm_debugregs drs;

	EQ(run_to_sync(vcpu), 0);
	MUST(!ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &dbg));
	EQ(run_to_sync(vcpu), 1);
	MUST(!ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &drs));
	EQ(drs.db[0], watched);
	EQ(drs.dr6, DR6_INIT);
	EQ(drs.dr7, DR7_INIT | 0x10000 | 1);
	debug(vcpu, 0);
	EQ(run_to_sync(vcpu), 2);
	if (on_tcg())
		SKIP("TCG hangs where a guest hits a breakpoint, with the stock modules too");
	expect_hits(run_to_sync(vcpu), 1);
	run_to_done(vcpu);
	vm_free(vm);
}

/* --- hardware breakpoints -------------------------------------------------------- */

/* at[n]: access n */
extern const u64 at[7];

static void accesses_guest(void)
{
	guest_vector[VEC_DB] = handler;
	guest_warm();
	guest_sync(0);
	for (;;) {
#define A(n, insn)	#n "1:\t" insn "\n\t"
		asm volatile(A(1, "movb $1, (%0)")
			     A(2, "movb $1, 1(%0)")
			     A(3, "movw $1, 2(%0)")
			     A(4, "movl $1, 4(%0)")
			     A(5, "movq $1, 8(%0)")
			     A(6, "movb (%0), %%al")
			     "71:\n\t"
			     ".pushsection .rodata\n.globl at\n.balign 8\n"
			     "at: .quad 11b, 21b, 31b, 41b, 51b, 61b, 71b\n.popsection"
			     : : "r"(watched) : "rax", "memory");
		GEQ(called_at, 0);
		GEQ(dr7(), DR7_INIT);
		guest_sync(1);
	}
}

enum { FETCH, WRITE, PORT, ACCESS };

static const struct breakpoint {
	u8 kind, len, offset;
	u8 hits;		/* bit n: access n */
} breakpoints[] = {
	{ WRITE, 1, 0, 0x01 },
	{ WRITE, 1, 1, 0x02 },
	{ WRITE, 2, 2, 0x04 },
	{ WRITE, 1, 3, 0x04 },		/* the second byte of a word */
	{ WRITE, 4, 0, 0x07 },
	{ WRITE, 8, 0, 0x0f },
	{ WRITE, 8, 8, 0x10 },
	{ ACCESS, 1, 0, 0x21 },
	{ ACCESS, 4, 4, 0x08 },
	{ FETCH, 1, 3, 0x08 },		/* offset: of at[] */
	{ FETCH, 1, 5, 0x20 },
};

static const u8 len_bits[] = { [1] = 0, [2] = 1, [8] = 2, [4] = 3 };

static void set_breakpoint(struct vcpu *vcpu, const struct breakpoint *bp, unsigned int nr,
			   u32 enable)
{
	struct kvm_guest_debug dbg = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
	};

	dbg.arch.debugreg[nr] = bp->kind == FETCH ? at[bp->offset] : (u64)watched + bp->offset;
	dbg.arch.debugreg[7] = DR7_INIT | (u64)enable << (2 * nr) |
			       (u64)(bp->kind | len_bits[bp->len] << 2) << (16 + 4 * nr);
	MUST(!ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &dbg));
}

/* To the next sync, with all breaks on the way as bits of hits */
static u8 breaks(struct vcpu *vcpu, const struct breakpoint *bp, unsigned int nr)
{
	struct kvm_debug_exit_arch *arch = &vcpu->run->debug.arch;
	struct kvm_regs regs;
	struct ucall uc;
	u8 hits = 0;

	for (;;) {
		run_exit(vcpu);
		if (vcpu->run->exit_reason != KVM_EXIT_DEBUG)
			break;
		EQ(arch->exception, VEC_DB);
		expect_hits(arch->dr6, 1ul << nr);
		for (unsigned int i = 0; i < 7; i++)
			if (arch->pc == at[i])
				hits |= bp->kind == FETCH ? 1 << i : 1 << i >> 1;
		if (bp->kind != FETCH)
			continue;
		/* Once more at the same place, unless RF says no. */
		MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
		EQ(regs.rip, arch->pc);
		regs.rflags |= RF;
		MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	}
	MUST(is_ucall(vcpu, &uc) && uc.cmd == UCALL_SYNC);
	return hits;
}

static void needs_hw_breakpoints(void)
{
	if (on_tcg())
		SKIP("TCG hangs where a guest hits a breakpoint, with the stock modules too");
}

static void hardware_breakpoints(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, accesses_guest);

	needs_hw_breakpoints();
	EQ(run_to_sync(vcpu), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(breakpoints); i++) {
		const struct breakpoint *bp = &breakpoints[i];
		unsigned int nr = i % 4;
		u8 hits;

		set_breakpoint(vcpu, bp, nr, 1 + i % 2);	/* L or G */
		hits = breaks(vcpu, bp, nr);
		CHECK(hits == bp->hits, "breakpoint %u: %#x, not %#x", i, hits, bp->hits);
		set_breakpoint(vcpu, bp, nr, 0);
		hits = breaks(vcpu, bp, nr);
		CHECK(!hits, "breakpoint %u: %#x, though it is off", i, hits);
	}
	debug(vcpu, 0);
	EQ(run_to_sync(vcpu), 1);
	EQ(AT(vm, guest_vector_count[VEC_DB]), 0);
	vm_free(vm);
}

/* A #DB of the guest's clears its GD, and nothing of the debugger's. */
static void breakpoints_outlive_an_exception(void)
{
	static const struct breakpoint bp = { WRITE, 4, 4, 0x08 };
	struct kvm_guest_debug dbg = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP |
			   KVM_GUESTDBG_INJECT_DB,
		.arch.debugreg = { (u64)watched + 4, [7] = DR7_INIT | 0xd0001 },
	};
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, accesses_guest);
	struct kvm_debugregs drs;

	needs_hw_breakpoints();
	EQ(run_to_sync(vcpu), 0);
	MUST(!ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &drs));
	drs.dr7 |= DR7_GD;
	MUST(!ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &drs));
	MUST(!ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &dbg));
	MUST_EXIT(vcpu, KVM_EXIT_DEBUG);
	EQ(vcpu->run->debug.arch.pc, at[4]);
	EQ(AT(vm, guest_vector_count[VEC_DB]), 1);
	MUST(!ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &drs));
	EQ(drs.dr7, DR7_INIT);
	AT(vm, called_at) = 0;
	EQ(breaks(vcpu, &bp, 0), 0);
	vm_free(vm);
}

/* On a device's register: the emulator looks, hardware does not. */
static void device_guest(void)
{
	extern const u8 dev_behind[];

	guest_sync(dev_behind);
	asm volatile("movl $1, (%0)\n\t.globl dev_behind\ndev_behind: movl $1, 4(%0)"
		     : : "r"(DEV) : "memory");
	guest_done();
}

static void a_breakpoint_on_a_device(void)
{
	struct kvm_guest_debug dbg = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
		.arch.debugreg = { [2] = DEV, [7] = DR7_INIT | 0xd000010 },
	};
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, device_guest);
	u64 behind = run_to_sync(vcpu);

	if (on_stock_kvm())
		SKIP("the stock modules do not look");
	MUST(!ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &dbg));
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	MUST_EXIT(vcpu, KVM_EXIT_DEBUG);
	EQ(vcpu->run->debug.arch.pc, behind);
	EQ(vcpu->run->debug.arch.dr6 & 0xf00f, 4);
	EQ(vcpu->run->debug.arch.dr7, dbg.arch.debugreg[7]);
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	run_to_done(vcpu);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(flags),
	TEST(software_breakpoints),
	TEST(steps_over_instructions),
	TEST(the_guests_own_steps),
	TEST(an_nmi_waits),
	TEST(injected_exceptions),
	TEST(the_guests_registers),
	TEST(hardware_breakpoints),
	TEST(breakpoints_outlive_an_exception),
	TEST(a_breakpoint_on_a_device),
};

TEST_MAIN(tests)
