// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory changes while the hypervisor reads it: data, page tables,
 * descriptors, and the bytes of the very instruction that is being emulated.
 * What the guest gets is its own affair; the host must stay whole, and KVM_RUN
 * must answer with one of the things it may answer with.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define RACE_MS		600
#define VICTIM		FREE_GPA	/* one page of code or data */
#define VICTIM_PT	(FREE_GPA + 0x100000)

static volatile bool racing;
static u64 exits[64], errors;

/* Any of these is an answer. */
static bool allowed(u32 reason)
{
	return reason == KVM_EXIT_MMIO || reason == KVM_EXIT_IO || reason == KVM_EXIT_SHUTDOWN ||
	       reason == KVM_EXIT_INTERNAL_ERROR || reason == KVM_EXIT_HLT ||
	       reason == KVM_EXIT_FAIL_ENTRY || reason == KVM_EXIT_INTR;
}

static struct kvm_sregs start_sregs;
static struct kvm_regs start_regs;

static void *race_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	while (!vcpu->stop) {
		int ret = run_once(vcpu);
		u32 reason = vcpu->run->exit_reason;

		if (ret == -EINTR)
			continue;
		if (ret) {
			errors++;
			CHECK(ret == -EFAULT, "KVM_RUN: %d", ret);
		} else {
			CHECK(allowed(reason), "exit %s", exit_name(reason));
			exits[reason % 64]++;
		}
		if (ret == 0 && (reason == KVM_EXIT_MMIO || reason == KVM_EXIT_IO))
			continue;
		/* it broke itself: from the start */
		MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &start_sregs));
		MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &start_regs));
	}
	return NULL;
}

static bool may_stay;		/* in the guest, all the time */

static void race(struct vm *vm, guest_fn fn, void (*change)(struct vm *vm))
{
	struct vcpu *vcpu = quick_long(vm, fn);
	u64 end = now_ns() + RACE_MS * 1000000ull, changes = 0, total = 0;

	irqs_on_for_bochs(vcpu);
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &start_sregs));
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &start_regs));
	vcpu_start(vcpu, race_thread);
	while (now_ns() < end) {
		for (int i = 0; i < 100; i++)
			change(vm);
		changes += 100;
	}
	vcpu_stop(vcpu);
	for (int i = 0; i < 64; i++)
		total += exits[i];
	note("%llu changes, %llu exits: %llu MMIO, %llu errors of emulation, %llu shutdowns",
	     (unsigned long long)changes, (unsigned long long)total,
	     (unsigned long long)exits[KVM_EXIT_MMIO],
	     (unsigned long long)exits[KVM_EXIT_INTERNAL_ERROR],
	     (unsigned long long)exits[KVM_EXIT_SHUTDOWN]);
	CHECK((total > 0 || may_stay) && changes >= 100);
	vm_free(vm);
}

/* The guest goes on, from its start, after whatever happens to it. */
static volatile u64 restart;

static void again(struct trapframe *frame)
{
	frame->rip = restart;
	frame->cs = SEL_CODE64;
	frame->ss = SEL_DATA;
	frame->rsp = STACK_GPA + STACK_SIZE - 0x108;
	frame->rflags = 2;
}

static void begin(guest_fn fn)
{
	restart = (u64)fn;
	for (int i = 0; i < 32; i++)
		guest_vector[i] = again;
	guest_sti();
}

static void racing_calls(void)
{
	begin(racing_calls);
	for (;;) {
		((void (*)(u64, u64, u64, u64))VICTIM)(HOLE_GPA, SCRATCH_GPA, 16, 3);
		guest_sti();	/* a CLI may have been among them */
	}
}

/* RDI is a device, RSI is RAM: forms of different length and meaning. */
static const u8 insns[][8] = {
	{ 0x89, 0x07, 0xc3 },				/* mov %eax,(%rdi) */
	{ 0x48, 0x8b, 0x07, 0xc3 },			/* mov (%rdi),%rax */
	{ 0x48, 0x89, 0x87, 0x10, 0, 0, 0, 0xc3 },	/* mov %rax,16(%rdi) */
	{ 0xf0, 0x48, 0x01, 0x07, 0xc3 },		/* lock add %rax,(%rdi) */
	{ 0xf3, 0xa4, 0xc3 },				/* rep movsb */
	{ 0x0f, 0xb6, 0x07, 0xc3 },			/* movzbl (%rdi),%eax */
	{ 0x0f, 0x11, 0x07, 0xc3 },			/* movups %xmm0,(%rdi) */
	{ 0x66, 0x0f, 0xc7, 0x0f, 0xc3 },		/* cmpxchg8b (%rdi) */
	{ 0xff, 0x37, 0x58, 0xc3 },			/* push (%rdi); pop %rax */
	{ 0x90, 0x90, 0x90, 0xc3 },
	{ 0x0f, 0x0b, 0xc3 },				/* ud2 */
	{ 0xe7, 0x80, 0xc3 },				/* out %eax,$0x80 */
	{ 0x0f, 0x01, 0x07, 0xc3 },			/* sgdt (%rdi) */
	{ 0xff, 0x2f, 0xc3 },				/* ljmp *(%rdi) */
	{ 0xdf, 0x37, 0xc3 },				/* fbstp (%rdi) */
	{ 0xc5, 0xfc, 0x11, 0x07, 0xc3 },		/* vmovups %ymm0,(%rdi) */
};

static void change_code(struct vm *vm)
{
	volatile u8 *p = vm->ram + VICTIM;
	const u8 *insn = insns[rnd() % ARRAY_SIZE(insns)];

	switch (rnd() % 4) {
	case 0:
		*(volatile u64 *)p = *(const u64 *)insn;
		break;
	case 1:
		/* byte by byte, so that a mixture is seen */
		for (int i = 0; i < 8; i++)
			p[i] = insn[i];
		break;
	case 2:
		p[rnd() % 8] = rnd();
		break;
	default:
		p[rnd() % 3] = insn[rnd() % 3];
		break;
	}
	p[8] = 0xc3;
}

static void instruction_bytes_change(void)
{
	struct vm *vm = vm_new();

	needs_shutdown_exits();
	memset(vm->ram + VICTIM, 0xc3, 4096);
	race(vm, racing_calls, change_code);
}

/* MMIO by way of an entry that turns into RAM, nothing, a hole, rubbish. */
static void paging_guest(void)
{
	begin(paging_guest);
	for (;;) {
		u64 addr = 0xc0000000ul;

		MMIO(u32, addr) = 1;
		(void)MMIO(u64, addr + 4092);
		asm volatile("lock incl (%0)" : : "r"(addr + 0x100) : "memory");
		asm volatile("invlpg (%0)" : : "r"(addr) : "memory");
	}
}

static void change_tables(struct vm *vm)
{
	/* the last directory of the usual tables maps 3 GiB up */
	volatile u64 *pde = (u64 *)(vm->ram + PT_GPA + 0x5000);
	volatile u64 *pt = (u64 *)(vm->ram + VICTIM_PT);
	static const u64 ptes[] = {
		HOLE_GPA | 7, SCRATCH_GPA | 7, SCRATCH_GPA | 5, 0, 0x000ffffffffff007,
		HOLE_GPA | 0x8000000000000007, RAM_SIZE | 7, (RAM_SIZE - 4096) | 7,
		0xfee00007, VICTIM_PT | 7,
	};

	pt[0] = ptes[rnd() % ARRAY_SIZE(ptes)];
	pt[1] = ptes[rnd() % ARRAY_SIZE(ptes)];
	switch (rnd() % 8) {
	case 0: pde[0] = 0; break;
	case 1: pde[0] = 0xc0000087; break;
	case 2: pde[0] = HOLE_GPA | 7; break;
	case 3: pde[0] = rnd(); break;
	default: pde[0] = VICTIM_PT | 7; break;
	}
}

static void page_tables_change(void)
{
	/* What user space writes to tables that are shadowed may never be seen. */
	may_stay = !nested_paging();
	race(vm_new(), paging_guest, change_tables);
}

/* Descriptor tables: far transfers that read them while they are rewritten. */
static void descriptor_guest(void)
{
	begin(descriptor_guest);
	for (;;) {
		asm volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
			     : : "r"(0x28ul & ~3ul) : "rax", "memory");
		asm volatile("mov %0, %%fs; mov %0, %%gs" : : "r"(0x30));
		MMIO(u32, HOLE_GPA) = 1;
	}
}

static void change_descriptors(struct vm *vm)
{
	volatile u64 *gdt = (u64 *)(vm->ram + GDT_GPA);
	static const u64 some[] = {
		0x00af9b000000ffffull, 0x00cf93000000ffffull, 0, 0x00cf9b000000ffffull,
		0x0000890000000067ull,
	};

	gdt[5] = rnd() % 4 ? some[rnd() % ARRAY_SIZE(some)] : rnd();
	gdt[6] = rnd() % 4 ? some[rnd() % ARRAY_SIZE(some)] : rnd();
}

static void descriptors_change(void)
{
	race(vm_new(), descriptor_guest, change_descriptors);
}

/* String I/O and MMIO strings whose memory changes hands under them */
static void strings_guest(void)
{
	begin(strings_guest);
	for (;;) {
		u64 n = 300, s = VICTIM, d = HOLE_GPA;

		asm volatile("rep movsb" : "+c"(n), "+S"(s), "+D"(d) : : "memory");
		n = 3000;
		s = VICTIM;
		asm volatile("rep outsb" : "+c"(n), "+S"(s) : "d"(0x80) : "memory");
		n = 3000;
		d = VICTIM;
		asm volatile("rep insb" : "+c"(n), "+D"(d) : "d"(0x80) : "memory");
	}
}

static void change_mapping(struct vm *vm)
{
	static int turn;

	sleep_ms(1);
	switch (turn++ % 3) {
	case 0:
		madvise(vm->ram + VICTIM, 0x10000, MADV_DONTNEED);
		break;
	case 1:
		memset(vm->ram + VICTIM, turn, 0x10000);
		break;
	default:
		MUST(!mprotect(vm->ram + VICTIM, 0x10000, PROT_READ));
		MUST(!mprotect(vm->ram + VICTIM, 0x10000, PROT_READ | PROT_WRITE));
		break;
	}
}

static void mappings_change_under_strings(void)
{
	race(vm_new(), strings_guest, change_mapping);
}

/* The shared run area too is memory that someone else may write. */
static void run_area_guest(void)
{
	for (;;) {
		u64 n = 20, d = SCRATCH_GPA;

		(void)MMIO(u64, HOLE_GPA + 4093);
		MMIO(u32, HOLE_GPA) = 5;
		asm volatile("rep insb" : "+c"(n), "+D"(d) : "d"(0x80) : "memory");
		(void)guest_inl(0x80);
	}
}

static void change_run_area(struct vm *vm)
{
	volatile u8 *run = (u8 *)vm->vcpu[0].run;
	u64 at = rnd() % vm->run_size;

	/* not what stops a run, nor the registers: those have rules of their own */
	if (at < 32 || (at >= offsetof(struct kvm_run, kvm_valid_regs) &&
		       at < offsetof(struct kvm_run, kvm_valid_regs) + 16))
		return;
	if (at >= offsetof(struct kvm_run, exit_reason) &&
	    at < offsetof(struct kvm_run, exit_reason) + 4)
		return;
	run[at] = rnd();
	((volatile struct kvm_run *)run)->mmio.len = rnd();
	((volatile struct kvm_run *)run)->io.count = rnd();
	((volatile struct kvm_run *)run)->io.size = rnd();
}

static void the_run_area_changes(void)
{
	race(vm_new(), run_area_guest, change_run_area);
}

/* Coalesced writes: the ring's indexes are anybody's. */
static void coalesced_guest(void)
{
	for (;;)
		MMIO(u32, HOLE_GPA) = 5;
}

static void change_ring(struct vm *vm)
{
	long page = has_cap(vm->fd, KVM_CAP_COALESCED_MMIO);
	volatile struct kvm_coalesced_mmio_ring *ring =
		(void *)((u8 *)vm->vcpu[0].run + page * 4096);

	ring->first = rnd() % 8 ? rnd() % 200 : rnd();
	ring->last = rnd() % 8 ? rnd() % 200 : rnd();
}

static void the_ring_changes(void)
{
	struct vm *vm = vm_new();
	struct kvm_coalesced_mmio_zone zone = { .addr = HOLE_GPA, .size = 4096 };

	if (has_cap(vm->fd, KVM_CAP_COALESCED_MMIO) <= 0)
		SKIP("KVM_CAP_COALESCED_MMIO is not offered");
	MUST(!ioctl(vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone));
	race(vm, coalesced_guest, change_ring);
}

static const struct test tests[] = {
	TEST(instruction_bytes_change),
	TEST(page_tables_change),
	TEST(descriptors_change),
	TEST(mappings_change_under_strings),
	TEST(the_run_area_changes),
	TEST(the_ring_changes),
};

TEST_MAIN(tests)
