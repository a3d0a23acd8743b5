// SPDX-License-Identifier: GPL-2.0-only
/* KVM_RUN itself: how it is stopped, and how a guest's end is told. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

BLOB(halt_loop, ".code16", "1: incl %eax; hlt; jmp 1b");
BLOB(spin, ".code16", "1: jmp 1b");

static struct vcpu *spinning(struct vm *vm)
{
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(spin));

	irqs_on_for_bochs(vcpu);
	return vcpu;
}

static void halt_exits_without_irqchip(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halt_loop));
	struct kvm_regs regs;

	for (u32 i = 1; i <= 20; i++) {
		EXPECT_EXIT(vcpu, KVM_EXIT_HLT);
		MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
		EQ(regs.rax, i);
	}
	vm_free(vm);
}

static void run_takes_no_argument(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halt_loop));

	FAILS(ioctl(vcpu->fd, KVM_RUN, 1), EINVAL);
	EXPECT_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

static void immediate_exit(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halt_loop));
	struct kvm_regs regs;

	vcpu->run->immediate_exit = 1;
	for (int i = 0; i < 10; i++)
		EQ(run_once(vcpu), -EINTR);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	EQ(regs.rip, 0);
	EQ(regs.rax, 0);
	vcpu->run->immediate_exit = 0;
	EXPECT_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

BLOB(in_loop, ".code16", "1: inb $0x40, %al; jmp 1b");

/* It ends what user space was asked, and says nothing else. */
static void immediate_exit_keeps_the_reason(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(in_loop));
	struct kvm_regs regs;

	for (int i = 0; i < 3; i++) {
		MUST_EXIT(vcpu, KVM_EXIT_IO);
		*(u8 *)io_data(vcpu) = 0x10 + i;
		vcpu->run->immediate_exit = 1;
		EQ(run_once(vcpu), -EINTR);
		vcpu->run->immediate_exit = 0;
		EQ(vcpu->run->exit_reason, KVM_EXIT_IO);
		EQ(vcpu->run->io.port, 0x40);
		MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
		EQ(regs.rax, 0x10 + i);
		EQ(regs.rip, 2);
	}
	vm_free(vm);
}

static volatile int signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void periodic_signal(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct itimerspec spec = { { 0, 5000000 }, { 0, 5000000 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	timer_t timer;

	sigaction(SIGUSR2, &action, NULL);
	MUST(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	MUST(!timer_settime(timer, 0, &spec, NULL));
}

static void a_signal_stops_a_spinning_guest(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = spinning(vm);

	periodic_signal();
	for (int i = 0; i < 10; i++) {
		int before = signals;

		EQ(run_once(vcpu), -EINTR);
		EQ(vcpu->run->exit_reason, KVM_EXIT_INTR);
		CHECK(signals > before);
	}
	vm_free(vm);
}

static int set_mask(struct vcpu *vcpu, u32 len, u64 mask)
{
	struct {
		struct kvm_signal_mask head;
		u64 mask;
	} __attribute__((packed)) arg = { .head.len = len, .mask = mask };

	return ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &arg);
}

/* Blocked for the thread, open while the guest runs: stops it, is not handled. */
static void signal_mask_opens_a_signal(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = spinning(vm);
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	OK(set_mask(vcpu, 8, 0));
	periodic_signal();
	EQ(run_once(vcpu), -EINTR);
	EQ(signals, 0);
	sigpending(&pending);
	EQ(sigismember(&pending, SIGUSR2), 1);
	/* it is still pending: the next run ends at once too */
	EQ(run_once(vcpu), -EINTR);
	EQ(signals, 0);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK(signals > 0);
	vm_free(vm);
}

static void signal_mask_closes_a_signal(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halt_loop));
	sigset_t none;

	periodic_signal();
	sleep_ms(20);
	CHECK(signals > 0);
	OK(set_mask(vcpu, 8, 1ull << (SIGUSR2 - 1)));
	/* not disturbed, however often it comes */
	for (int i = 0; i < 2000; i++) {
		if (!EQ(run_once(vcpu), 0) || !EQ(vcpu->run->exit_reason, KVM_EXIT_HLT))
			break;
	}
	/* no mask again */
	OK(ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, 0));
	sigprocmask(SIG_SETMASK, NULL, &none);
	EQ(sigismember(&none, SIGUSR2), 0);
	FAILS(set_mask(vcpu, 4, 0), EINVAL);
	FAILS(set_mask(vcpu, 0, 0), EINVAL);
	FAILS(set_mask(vcpu, 128, 0), EINVAL);
	vm_free(vm);
}

static void *run_spin(void *arg)
{
	struct vcpu *vcpu = arg;

	EQ(run_once(vcpu), -EINTR);
	return NULL;
}

static void another_thread_kicks(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = spinning(vm);

	for (int i = 0; i < 20; i++) {
		vcpu->run->immediate_exit = 0;
		vcpu_start(vcpu, run_spin);
		if (i % 2)
			sleep_ms(2);
		vcpu_kick(vcpu);
		vcpu_join(vcpu);
	}
	vm_free(vm);
}

static void vcpu_moves_between_threads(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halt_loop));
	struct kvm_regs regs;

	for (int i = 0; i < 30; i++) {
		vcpu_start(vcpu, (void *(*)(void *))(void *)run_exit);
		vcpu_join(vcpu);
	}
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	EQ(regs.rax, 30);
	vm_free(vm);
}

/* State ioctls wait for a running vCPU to come back, and then work. */
static void *get_regs_thread(void *arg)
{
	struct kvm_regs regs;

	OK(ioctl(((struct vcpu *)arg)->fd, KVM_GET_REGS, &regs));
	return NULL;
}

static void state_ioctls_wait_for_the_run(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = spinning(vm);
	pthread_t other;

	vcpu_start(vcpu, run_spin);
	sleep_ms(10);
	MUST(!pthread_create(&other, NULL, get_regs_thread, vcpu));
	sleep_ms(10);
	vcpu_kick(vcpu);
	vcpu_join(vcpu);
	MUST(!pthread_join(other, NULL));
	vm_free(vm);
}

/* No IDT to find a handler in: the machine shuts down. */
BLOB(real_triple, ".code16", "lidtl %cs:(2f - real_triple); int $3; hlt; 2: .word 0; .long 0");

static void triple_fault_in_real_mode(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(real_triple));

	needs_shutdown_exits();
	EXPECT_EXIT(vcpu, KVM_EXIT_SHUTDOWN);
	vm_free(vm);
}

static void long_triple_guest(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) none = { 0, 0 };

	asm volatile("lidt %0; ud2" : : "m"(none));
}

static void triple_fault_in_long_mode(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, long_triple_guest);

	needs_shutdown_exits();
	EXPECT_EXIT(vcpu, KVM_EXIT_SHUTDOWN);
	/* the VMM may set it up again and go on */
	start_real(vcpu, BLOB_OF(halt_loop));
	vm_free(vm);
}

static void restart(guest_fn fn)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_sregs sregs;

	needs_shutdown_exits();
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	for (int i = 0; i < 5; i++) {
		MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
		if (fn)
			start_long(vcpu, fn);
		else
			start_real(vcpu, BLOB_OF(real_triple));
		EXPECT_EXIT(vcpu, KVM_EXIT_SHUTDOWN);
		MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
		start_real(vcpu, BLOB_OF(halt_loop));
		EXPECT_EXIT(vcpu, KVM_EXIT_HLT);
	}
	vm_free(vm);
}

static void restart_after_shutdown_in_long_mode(void)
{
	restart(long_triple_guest);
}

static void restart_after_shutdown_in_real_mode(void)
{
	if (on_stock_kvm())
		SKIP("Linux 6.1's kvm-amd faults for ever on a nested CR3 of 0 then");
	restart(NULL);
}

static void fine_guest(void)
{
	guest_done();
}

/* Code where there is no memory cannot be fetched: told, not guessed. */
static void hole_guest(void)
{
	((void (*)(void))HOLE_GPA)();
}

static void code_outside_memory(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu;
	struct kvm_regs regs;

	if (has_cap(vm->fd, KVM_CAP_EXIT_ON_EMULATION_FAILURE) != 1)
		SKIP("KVM_CAP_EXIT_ON_EMULATION_FAILURE is not offered");
	OK(enable_cap(vm->fd, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1));
	vcpu = quick_long(vm, hole_guest);
	/* for ever the same */
	for (int i = 0; i < 3; i++) {
		MUST_EXIT(vcpu, KVM_EXIT_INTERNAL_ERROR);
		EQ(vcpu->run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
		MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
		EQ(regs.rip, HOLE_GPA);
	}
	/* and the VM is still good for something */
	start_long(vcpu, fine_guest);
	run_to_done(vcpu);
	vm_free(vm);
}

/* Without that capability the guest may get #UD instead, and no more. */
static void code_outside_memory_as_ud(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, hole_guest);
	struct ucall uc;

	run_exit(vcpu);
	if (is_ucall(vcpu, &uc)) {
		EQ(uc.cmd, UCALL_TRAP);
		EQ(uc.arg[0], UD_VECTOR);
		EQ(uc.arg[2], HOLE_GPA);
	} else {
		EQ(vcpu->run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	}
	vm_free(vm);
}

/* An instruction on a device that no emulator is likely to do. */
static void odd_insn_guest(void)
{
	asm volatile("paddd (%0), %%xmm0" : : "r"(HOLE_GPA) : "memory");
	guest_done();
}

static void emulation_failure_names_the_bytes(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu;
	struct kvm_regs regs;
	const u8 *bytes;

	if (has_cap(vm->fd, KVM_CAP_EXIT_ON_EMULATION_FAILURE) != 1)
		SKIP("KVM_CAP_EXIT_ON_EMULATION_FAILURE is not offered");
	FAILS(enable_cap(vm->fd, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 2), EINVAL);
	OK(enable_cap(vm->fd, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1));
	vcpu = quick_long(vm, odd_insn_guest);
	MUST_EXIT(vcpu, KVM_EXIT_INTERNAL_ERROR);
	EQ(vcpu->run->emulation_failure.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK(vcpu->run->emulation_failure.flags &
	      KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	CHECK(vcpu->run->emulation_failure.ndata >= 3);
	CHECK(vcpu->run->emulation_failure.insn_size >= 2 &&
	      vcpu->run->emulation_failure.insn_size <= 15);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	/* PADDD: 66 0F FE, by RAX (or another register) */
	bytes = vcpu->run->emulation_failure.insn_bytes;
	EQ(bytes[0], *(u8 *)at_gpa(vm, regs.rip, 2));
	EQ(bytes[1], *(u8 *)at_gpa(vm, regs.rip + 1, 1));
	vm_free(vm);
}

/* State no CPU can be entered with: refused, or told at the entry. */
static void impossible_states(void)
{
	static const struct {
		u64 cr0, cr4, efer;
		const char *name;
	} states[] = {
		{ 0x80000000, 0x20, 0x500, "PG without PE" },
		{ 0x80000011, 0, 0x500, "long mode without PAE" },
		{ 0x20000010, 0, 0, "NW without CD" },
		{ 0x1ffffffff, 0x20, 0x500, "CR0 above 32 bits" },
		{ 0x80000011, 1ull << 63 | 0x20, 0x500, "CR4 reserved bits" },
		{ 0x80000011, 0x20, 0xfffffffffffff500, "EFER reserved bits" },
		{ 0x10, 0x20000, 0, "PCIDE outside long mode" },
	};
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_sregs sregs, bad;

	start_long(vcpu, hole_guest);
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		int ret;

		bad = sregs;
		bad.cr0 = states[i].cr0;
		bad.cr4 = states[i].cr4;
		bad.efer = states[i].efer;
		if (ioctl(vcpu->fd, KVM_SET_SREGS, &bad)) {
			EQ(errno, EINVAL);
			continue;
		}
		note("%s: taken; running it", states[i].name);
		ret = run_once(vcpu);
		CHECK(ret || vcpu->run->exit_reason == KVM_EXIT_FAIL_ENTRY ||
		      vcpu->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
		      vcpu->run->exit_reason == KVM_EXIT_SHUTDOWN, "%s", states[i].name);
	}
	/* still usable */
	MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	start_long(vcpu, fine_guest);
	run_to_done(vcpu);
	vm_free(vm);
}

/* kvm_run is shared: rubbish in it must not confuse the kernel. */
static void rubbish_in_the_run_area(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halt_loop));
	struct kvm_regs regs;

	for (int i = 0; i < 256; i++) {
		memset(vcpu->run, i, vm->run_size);
		vcpu->run->immediate_exit = 0;
		vcpu->run->request_interrupt_window = 0;
		vcpu->run->cr8 = 0;
		vcpu->run->kvm_valid_regs = 0;
		vcpu->run->kvm_dirty_regs = 0;
		EQ(run_once(vcpu), 0);
		EQ(vcpu->run->exit_reason, KVM_EXIT_HLT);
	}
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	EQ(regs.rax, 256);
	vcpu->run->kvm_valid_regs = ~0ull;
	EQ(run_once(vcpu), -EINVAL);
	vcpu->run->kvm_valid_regs = 0;
	vcpu->run->kvm_dirty_regs = ~0ull;
	EQ(run_once(vcpu), -EINVAL);
	vm_free(vm);
}

static void registers_through_the_run_area(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(halt_loop));
	struct kvm_sync_regs *sync = &vcpu->run->s.regs;

	if (has_cap(vm->fd, KVM_CAP_SYNC_REGS) != KVM_SYNC_X86_VALID_FIELDS)
		SKIP("KVM_CAP_SYNC_REGS is not offered");
	vcpu->run->kvm_valid_regs = KVM_SYNC_X86_VALID_FIELDS;
	EXPECT_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(sync->regs.rax, 1);
	EQ(sync->sregs.cs.base, REAL_GPA);
	sync->regs.rax = 0x1000;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	EXPECT_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(sync->regs.rax, 0x1001);
	/* not marked as changed: not taken */
	sync->regs.rax = 0x2000;
	vcpu->run->kvm_dirty_regs = 0;
	EXPECT_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(sync->regs.rax, 0x1002);
	/* hostile ones are checked like those of an ioctl */
	sync->sregs.cr0 = 0x80000000;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	EQ(run_once(vcpu), -EINVAL);
	vm_free(vm);
}

/* An interrupt from user space, without an interrupt controller */
static void irq_handler(struct trapframe *frame)
{
	(void)frame;
}

static void window_guest(void)
{
	guest_vector[0x55] = irq_handler;
	guest_sync(1);
	guest_sti();
	guest_sync(2);
	guest_sync(guest_vector_count[0x55]);
	guest_done();
}

static void interrupt_window_and_injection(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, window_guest);
	struct kvm_interrupt irq = { 0x55 };
	struct ucall uc;

	EQ(run_to_sync(vcpu), 1);
	EQ(vcpu->run->if_flag, 0);
	EQ(vcpu->run->ready_for_interrupt_injection, 0);
	vcpu->run->request_interrupt_window = 1;
	MUST_EXIT(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	EQ(vcpu->run->ready_for_interrupt_injection, 1);
	vcpu->run->request_interrupt_window = 0;
	irq.irq = 256;
	FAILS(ioctl(vcpu->fd, KVM_INTERRUPT, &irq), EINVAL);
	irq.irq = 0x55;
	OK(ioctl(vcpu->fd, KVM_INTERRUPT, &irq));
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], 2);
	EQ(run_to_sync(vcpu), 1);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(halt_exits_without_irqchip),
	TEST(run_takes_no_argument),
	TEST(immediate_exit),
	TEST(immediate_exit_keeps_the_reason),
	TEST(a_signal_stops_a_spinning_guest),
	TEST(signal_mask_opens_a_signal),
	TEST(signal_mask_closes_a_signal),
	TEST(another_thread_kicks),
	TEST(vcpu_moves_between_threads),
	TEST(state_ioctls_wait_for_the_run),
	TEST(triple_fault_in_real_mode),
	TEST(triple_fault_in_long_mode),
	TEST(restart_after_shutdown_in_long_mode),
	TEST(restart_after_shutdown_in_real_mode),
	TEST(code_outside_memory),
	TEST(code_outside_memory_as_ud),
	TEST(emulation_failure_names_the_bytes),
	TEST(impossible_states),
	TEST(rubbish_in_the_run_area),
	TEST(registers_through_the_run_area),
	TEST(interrupt_window_and_injection),
};

TEST_MAIN(tests)
