// SPDX-License-Identifier: GPL-2.0-only
/* Ends of all kinds while guests run: closed fds, SIGKILL, memory gone, fork. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"

BLOB(spin, ".code16", "1: incl %eax; jmp 1b");

/*
 * Writes all over some memory, takes timer interrupts, rings a port: busy. On
 * QEMU's emulated AMD-V without the interrupts (memory that goes while one is
 * delivered makes it lose the guest's RIP), and with Linux 6.1's modules there
 * on one vCPU only: with two, the emulated host itself stands still.
 */
static volatile bool with_timer;

static void busy_guest(void)
{
	u32 id = apic_id();

	guest_vector[0x50] = guest_eoi_handler;
	guest_warm();
	apic_enable();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, 0x20050);
	if (with_timer)
		apic_write(APIC_TMICT, 200000);
	guest_sti();
	for (u64 i = 0;; i++) {
		MMIO(u64, FREE_GPA + (i * 8 + id * 0x100000) % 0x700000) = i;
		if (i % 4096 == 0)
			guest_sync(i);
	}
}

static void *until_error(void *arg)
{
	struct vcpu *vcpu = arg;
	int ret;

	do {
		ret = run_once(vcpu);
	} while (!vcpu->stop && (ret == 0 || ret == -EINTR));
	return NULL;
}

static int two_or_one(void)
{
	return on_tcg() && on_stock_kvm() ? 1 : 2;
}

static struct vm *busy_vm(int cpus)
{
	struct vm *vm = vm_new_irqchip();
	struct kvm_mp_state state = { KVM_MP_STATE_RUNNABLE };

	AT(vm, with_timer) = !on_tcg();
	for (int i = 0; i < cpus; i++) {
		vcpu_new(vm, i);
		start_long(&vm->vcpu[i], busy_guest);
		MUST(!ioctl(vm->vcpu[i].fd, KVM_SET_MP_STATE, &state));
		vcpu_start(&vm->vcpu[i], until_error);
	}
	return vm;
}

/* In a process of its own, so that it can be killed. */
static void killed_after(unsigned int ms, int cpus)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		busy_vm(cpus);
		for (;;)
			pause();
	}
	sleep_ms(ms);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status));
}

static void sigkill_at_any_time(void)
{
	int before = vms_in_host();

	for (unsigned int i = 0; i < 12; i++)
		killed_after(i * 6, i % 2 ? two_or_one() : 1);
	if (before >= 0)
		CHECK(vms_settle(before));
}

static void the_process_exits_while_vcpus_run(void)
{
	int before = vms_in_host(), status;

	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (!pid) {
			busy_vm(two_or_one());
			sleep_ms(i * 4);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		EQ(status, 0);
	}
	if (before >= 0)
		CHECK(vms_settle(before));
}

static void fds_closed_while_a_vcpu_runs(void)
{
	int before = vms_in_host(), cpus = two_or_one();

	for (int i = 0; i < 8; i++) {
		struct vm *vm = busy_vm(cpus);
		struct vcpu *vcpu = &vm->vcpu[i % cpus];

		sleep_ms(5);
		if (i & 2)
			close(vm->fd);
		close(vcpu->fd);
		if (i & 4)
			close(vm->kvm);
		sleep_ms(5);
		for (int k = 0; k < cpus; k++) {
			vm->vcpu[k].stop = true;
			vcpu_kick(&vm->vcpu[k]);
		}
		for (int k = 0; k < cpus; k++)
			vcpu_join(&vm->vcpu[k]);
		if (!(i & 2))
			close(vm->fd);
		if (!(i & 4))
			close(vm->kvm);
		if (cpus == 2)
			close(vm->vcpu[!(i & 1)].fd);
		for (int k = 0; k < cpus; k++)
			munmap(vm->vcpu[k].run, vm->run_size);
		munmap(vm->ram, RAM_SIZE);
		free(vm);
	}
	if (before >= 0)
		CHECK(vms_settle(before));
}

/* Guest memory unmapped under the guest: an error for the VMM, nothing worse. */
static void scribbling_guest(void)
{
	guest_sti();
	for (u64 i = 0;; i++)
		MMIO(u64, 0x10000000 + i * 64 % 0x100000) = i;
}

static void memory_unmapped_while_running(void)
{
	for (int i = 0; i < 8; i++) {
		struct vm *vm = vm_new();
		struct vcpu *vcpu = quick_long(vm, scribbling_guest);
		u8 *p = ram_alloc(0x100000);

		slot_must(vm, 1, 0, 0x10000000, 0x100000, p);
		vcpu_start(vcpu, until_error);
		sleep_ms(i);
		munmap(p, 0x100000);
		vcpu_join(vcpu);
		FAILS(ioctl(vcpu->fd, KVM_RUN, 0), EFAULT);
		vm_free(vm);
	}
}

/* ... and mapped anew at once: the guest goes on on the new pages. */
static volatile u64 remap_stop;

static void counting_guest(void)
{
	guest_sti();
	while (!remap_stop)
		MMIO(u64, 0x10000000)++;
	guest_done();
}

static void memory_exchanged_while_running(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, counting_guest);
	volatile u64 *p = ram_alloc(4096);
	u64 seen = 0;

	slot_must(vm, 1, 0, 0x10000000, 4096, (void *)p);
	vcpu_start_to_done(vcpu);
	for (int i = 0; i < 100; i++) {
		MUST(mmap((void *)p, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
		sleep_ms(1);
		seen += *p > 0;
	}
	AT(vm, remap_stop) = 1;
	vcpu_join(vcpu);
	CHECK(seen > 10, "%llu", (unsigned long long)seen);
	vm_free(vm);
}

/* A fork shares the memory copy on write: guest and child must not meet. */
static volatile u64 fork_stop;

static void fork_guest(void)
{
	guest_sti();
	while (!fork_stop) {
		for (u64 i = 0; i < 64; i++)
			MMIO(u64, 0x10000000 + i * 4096)++;
	}
	guest_done();
}

static void fork_while_running(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, fork_guest);
	volatile u64 *p = ram_alloc(64 * 4096);
	int status;

	slot_must(vm, 1, 0, 0x10000000, 64 * 4096, (void *)p);
	vcpu_start_to_done(vcpu);
	for (int i = 0; i < 8; i++) {
		u64 before, after;
		pid_t pid;

		sleep_ms(3);
		pid = fork();
		if (!pid) {
			u64 copy[64];

			for (int k = 0; k < 64; k++)
				copy[k] = p[k * 512];
			sleep_ms(10);
			for (int k = 0; k < 64; k++) {
				if (p[k * 512] != copy[k])
					_exit(1);
			}
			_exit(0);
		}
		before = p[0];
		for (int k = 0; k < 400; k++) {
			sleep_ms(5);
			after = p[0];
			if (after != before)
				break;
		}
		CHECK(after > before, "the parent does not see its guest's writes");
		waitpid(pid, &status, 0);
		CHECK(status == 0, "the child sees the guest's writes");
	}
	AT(vm, fork_stop) = 1;
	vcpu_join(vcpu);
	vm_free(vm);
}

/* The VM outlives its memory's mm: held by fds in another process. */
static void fds_held_by_another_process(void)
{
	int before = vms_in_host(), status;
	pid_t pid, holder;
	int pipes[2];
	char c;

	MUST(!pipe(pipes));
	pid = fork();
	if (!pid) {
		struct vm *vm = busy_vm(1);

		sleep_ms(5);
		holder = fork();
		if (!holder) {
			close(pipes[0]);
			sleep_ms(150);
			FAILS(ioctl(vm->vcpu[0].fd, KVM_RUN, 0), EIO);
			FAILS(slot_set(vm, 0, 0, 0, 0, NULL), EIO);
			_exit(0);
		}
		raise(SIGKILL);
	}
	close(pipes[1]);
	waitpid(pid, &status, 0);
	EQ(read(pipes[0], &c, 1), 0);
	if (before >= 0)
		CHECK(vms_settle(before));
}

static void many_vms_killed_together(void)
{
	int before = vms_in_host(), status;
	pid_t pid = fork();

	if (!pid) {
		for (int i = 0; i < 12; i++) {
			struct vm *vm = vm_new();

			irqs_on_for_bochs(quick_real(vm, BLOB_OF(spin)));
			vcpu_start(&vm->vcpu[0], until_error);
		}
		for (;;)
			pause();
	}
	sleep_ms(1000);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (before >= 0)
		CHECK(vms_settle(before));
}

static const struct test tests[] = {
	TEST(sigkill_at_any_time),
	TEST(the_process_exits_while_vcpus_run),
	TEST(fds_closed_while_a_vcpu_runs),
	TEST(memory_unmapped_while_running),
	TEST(memory_exchanged_while_running),
	TEST(fork_while_running),
	TEST(fds_held_by_another_process),
	TEST(many_vms_killed_together),
};

TEST_MAIN(tests)
