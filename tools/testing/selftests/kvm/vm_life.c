// SPDX-License-Identifier: GPL-2.0-only
/* Life of VMs and vCPUs: who keeps whom alive, limits, other processes. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"

BLOB(out_and_halt, ".code16", "mov $0x5a, %al; out %al, $0x10; hlt; jmp .");

static void plays(struct vcpu *vcpu)
{
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(vcpu->run->io.port, 0x10);
	EQ(*(u8 *)io_data(vcpu), 0x5a);
	EXPECT_EXIT(vcpu, KVM_EXIT_HLT);
}

static void three_instructions(void)
{
	struct vm *vm = vm_new();

	plays(quick_real(vm, BLOB_OF(out_and_halt)));
	vm_free(vm);
}

/* Six orders of closing the system, VM and vCPU fds. */
static void fds_closed_in_any_order(void)
{
	static const u8 orders[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	int before = vms_in_host();

	for (int i = 0; i < 6; i++) {
		struct vm *vm = vm_new();
		struct vcpu *vcpu = quick_real(vm, BLOB_OF(out_and_halt));
		int fds[3] = { vm->kvm, vm->fd, vcpu->fd };

		munmap(vcpu->run, vm->run_size);
		for (int k = 0; k < 3; k++)
			EQ(close(fds[orders[i][k]]), 0);
		munmap(vm->ram, RAM_SIZE);
		free(vm);
		if (before >= 0)
			CHECK(vms_settle(before), "order %d leaks a VM", i);
	}
}

static void vcpu_fd_keeps_the_vm(void)
{
	int before = vms_in_host();
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(out_and_halt));

	close(vm->fd);
	close(vm->kvm);
	if (before >= 0)
		EQ(vms_in_host(), before + 1);
	plays(vcpu);
	vcpu_close(vcpu);
	if (before >= 0)
		CHECK(vms_settle(before));
}

static void run_area_outlives_the_fds(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(out_and_halt));
	struct kvm_run *run = vcpu->run;

	plays(vcpu);
	close(vcpu->fd);
	close(vm->fd);
	close(vm->kvm);
	/* the mapping is a reference of its own */
	EQ(run->exit_reason, KVM_EXIT_HLT);
	run->immediate_exit = 1;
	munmap(run, vm->run_size);
}

static void run_area_mapping_limits(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	volatile u8 *p;
	pid_t pid;
	int status;

	p = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	CHECK(p != MAP_FAILED);
	/* far behind: a mapping may be had, but touching it is a SIGBUS */
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 1ul << 40);
	if (p == MAP_FAILED)
		return;
	pid = fork();
	if (!pid) {
		*p = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS, "status %#x", status);
}

static void sixty_four_vms_at_once(void)
{
	int before = vms_in_host();
	struct vm *vms[64];

	for (int i = 0; i < 64; i++) {
		vms[i] = vm_bare();
		vms[i]->ram = ram_alloc(RAM_SIZE);
		slot_must(vms[i], 0, 0, 0, RAM_SIZE, vms[i]->ram);
		quick_real(vms[i], BLOB_OF(out_and_halt));
	}
	if (before >= 0)
		EQ(vms_in_host(), before + 64);
	for (int i = 0; i < 64; i++)
		plays(&vms[i]->vcpu[0]);
	for (int i = 0; i < 64; i += 2)
		vm_free(vms[i]);
	for (int i = 1; i < 64; i += 2) {
		start_real(&vms[i]->vcpu[0], BLOB_OF(out_and_halt));
		plays(&vms[i]->vcpu[0]);
	}
	for (int i = 1; i < 64; i += 2)
		vm_free(vms[i]);
	if (before >= 0)
		CHECK(vms_settle(before));
}

static void vcpu_ids(void)
{
	struct vm *vm = vm_bare();
	int max = has_cap(vm->fd, KVM_CAP_MAX_VCPU_ID), a, b;

	MUST(max > 0);
	FAILS(ioctl(vm->fd, KVM_CREATE_VCPU, max), EINVAL);
	FAILS(ioctl(vm->fd, KVM_CREATE_VCPU, -1), EINVAL);
	FAILS(ioctl(vm->fd, KVM_CREATE_VCPU, 0x80000000), EINVAL);
	FAILS(ioctl(vm->fd, KVM_CREATE_VCPU, 0x7fffffff), EINVAL);
	a = OKS(ioctl(vm->fd, KVM_CREATE_VCPU, 0));
	b = OKS(ioctl(vm->fd, KVM_CREATE_VCPU, max - 1));
	FAILS(ioctl(vm->fd, KVM_CREATE_VCPU, 0), EEXIST);
	FAILS(ioctl(vm->fd, KVM_CREATE_VCPU, max - 1), EEXIST);
	close(a);
	/* closing the fd does not free the id */
	FAILS(ioctl(vm->fd, KVM_CREATE_VCPU, 0), EEXIST);
	close(b);
	vm_free(vm);
}

static void many_vcpus(void)
{
	struct rlimit room = { 4096, 4096 };
	struct vm *vm = vm_bare();
	int n;

	setrlimit(RLIMIT_NOFILE, &room);
	for (n = 0; n < 200; n++) {
		if (ioctl(vm->fd, KVM_CREATE_VCPU, n) < 0)
			break;
	}
	EQ(n, 200);
	vm_free(vm);
}

static void too_many_fds(void)
{
	struct rlimit none = { 3, 4096 };
	struct vm *vm = vm_bare();
	int before = vms_in_host(), vcpu;

	setrlimit(RLIMIT_NOFILE, &none);
	FAILS(ioctl(vm->kvm, KVM_CREATE_VM, 0), EMFILE);
	FAILS(ioctl(vm->fd, KVM_CREATE_VCPU, 0), EMFILE);
	none.rlim_cur = 4096;
	setrlimit(RLIMIT_NOFILE, &none);
	if (before >= 0)
		CHECK(vms_settle(before));
	/* the failed one left no vCPU 0 behind */
	vcpu = OKS(ioctl(vm->fd, KVM_CREATE_VCPU, 0));
	close(vcpu);
	vm_free(vm);
}

static void another_process_gets_eio(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(out_and_halt));
	struct kvm_regs regs;
	pid_t pid = fork();
	int status;

	if (!pid) {
		FAILS(ioctl(vm->fd, KVM_CREATE_VCPU, 1), EIO);
		FAILS(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY), EIO);
		FAILS(slot_set(vm, 1, 0, 1ul << 32, 4096, vm->ram), EIO);
		FAILS(ioctl(vcpu->fd, KVM_RUN, 0), EIO);
		FAILS(ioctl(vcpu->fd, KVM_GET_REGS, &regs), EIO);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	EQ(status, 0);
	plays(vcpu);
	vm_free(vm);
}

/* The fds in a child keep the VM, but its memory went with the parent. */
static void creator_dies_first(void)
{
	int before = vms_in_host(), status, pipes[2];
	pid_t creator, heir;
	char c;

	MUST(!pipe(pipes));
	creator = fork();
	if (!creator) {
		struct vm *vm = vm_new();
		struct vcpu *vcpu = quick_real(vm, BLOB_OF(out_and_halt));

		plays(vcpu);
		heir = fork();
		if (!heir) {
			while (getppid() == creator)
				sleep_ms(1);
			sleep_ms(50);
			FAILS(ioctl(vcpu->fd, KVM_RUN, 0), EIO);
			MUST(write(pipes[1], "x", 1) == 1);
			_exit(0);
		}
		_exit(0);
	}
	creator = waitpid(creator, &status, 0);
	close(pipes[1]);
	EQ(read(pipes[0], &c, 1), 1);
	EQ(read(pipes[0], &c, 1), 0);
	if (before >= 0)
		CHECK(vms_settle(before));
}

static void created_and_destroyed_often(void)
{
	int before = vms_in_host();

	for (int i = 0; i < 20; i++) {
		struct vm *vm = vm_bare();

		vcpu_new(vm, i % MAX_TEST_VCPUS);
		if (i & 1)
			close(vm->fd);
		vm_free(vm);
	}
	if (before >= 0)
		CHECK(vms_settle(before));
}

static void fds_are_close_on_exec(void)
{
	struct vm *vm = vm_bare();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	EQ(fcntl(vm->fd, F_GETFD), FD_CLOEXEC);
	EQ(fcntl(vcpu->fd, F_GETFD), FD_CLOEXEC);
	vm_free(vm);
}

static void mp_state(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *bsp = vcpu_new(vm, 0), *ap = vcpu_new(vm, 1);
	struct kvm_mp_state state;

	MUST(!ioctl(bsp->fd, KVM_GET_MP_STATE, &state));
	EQ(state.mp_state, KVM_MP_STATE_RUNNABLE);
	MUST(!ioctl(ap->fd, KVM_GET_MP_STATE, &state));
	EQ(state.mp_state, KVM_MP_STATE_UNINITIALIZED);
	state.mp_state = KVM_MP_STATE_HALTED;
	OK(ioctl(ap->fd, KVM_SET_MP_STATE, &state));
	MUST(!ioctl(ap->fd, KVM_GET_MP_STATE, &state));
	EQ(state.mp_state, KVM_MP_STATE_HALTED);
	state.mp_state = 1000;
	ioctl(ap->fd, KVM_SET_MP_STATE, &state);
	state.mp_state = KVM_MP_STATE_STOPPED;
	ioctl(ap->fd, KVM_SET_MP_STATE, &state);
	vm_free(vm);

	/* without interrupt controllers only RUNNABLE makes sense */
	vm = vm_new();
	bsp = vcpu_new(vm, 0);
	state.mp_state = KVM_MP_STATE_RUNNABLE;
	OK(ioctl(bsp->fd, KVM_SET_MP_STATE, &state));
	state.mp_state = KVM_MP_STATE_HALTED;
	FAILS(ioctl(bsp->fd, KVM_SET_MP_STATE, &state), EINVAL);
	vm_free(vm);
}

static void irqchip_comes_first(void)
{
	struct vm *vm = vm_bare();

	OK(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0));
	FAILS(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
	vm_free(vm);
	vm = vm_bare();
	vcpu_new(vm, 0);
	FAILS(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EINVAL);
	vm_free(vm);
}

static void boot_cpu_is_chosen_early(void)
{
	struct vm *vm = vm_new_irqchip();
	struct kvm_mp_state state;

	OK(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 1));
	vcpu_new(vm, 0);
	vcpu_new(vm, 1);
	MUST(!ioctl(vm->vcpu[1].fd, KVM_GET_MP_STATE, &state));
	EQ(state.mp_state, KVM_MP_STATE_RUNNABLE);
	MUST(!ioctl(vm->vcpu[0].fd, KVM_GET_MP_STATE, &state));
	EQ(state.mp_state, KVM_MP_STATE_UNINITIALIZED);
	FAILS(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 0), EBUSY);
	vm_free(vm);
}

static void ids_can_be_fewer(void)
{
	struct vm *vm = vm_bare();
	int ids = has_cap(vm->kvm, KVM_CAP_MAX_VCPU_ID), fd;

	FAILS(enable_cap(vm->fd, KVM_CAP_MAX_VCPU_ID, ids + 1), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_MAX_VCPU_ID, ~0ull), EINVAL);
	OK(enable_cap(vm->fd, KVM_CAP_MAX_VCPU_ID, 4));
	FAILS(enable_cap(vm->fd, KVM_CAP_MAX_VCPU_ID, 5), EINVAL);
	OK(enable_cap(vm->fd, KVM_CAP_MAX_VCPU_ID, 4));
	FAILS(ioctl(vm->fd, KVM_CREATE_VCPU, 4), EINVAL);
	fd = OKS(ioctl(vm->fd, KVM_CREATE_VCPU, 3));
	FAILS(enable_cap(vm->fd, KVM_CAP_MAX_VCPU_ID, 8), EINVAL);
	close(fd);
	vm_free(vm);
}

/* Only where no vCPU could have used the other way already */
static void code_in_huge_pages(void)
{
	struct vm *vm = vm_bare();

	EQ(has_cap(vm->fd, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES), 1);
	FAILS(enable_cap(vm->fd, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 1), EINVAL);
	OK(enable_cap(vm->fd, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0));
	vcpu_new(vm, 0);
	FAILS(enable_cap(vm->fd, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0), EINVAL);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(ids_can_be_fewer),
	TEST(code_in_huge_pages),
	TEST(three_instructions),
	TEST(fds_closed_in_any_order),
	TEST(vcpu_fd_keeps_the_vm),
	TEST(run_area_outlives_the_fds),
	TEST(run_area_mapping_limits),
	TEST(sixty_four_vms_at_once),
	TEST(vcpu_ids),
	TEST(many_vcpus),
	TEST(too_many_fds),
	TEST(another_process_gets_eio),
	TEST(creator_dies_first),
	TEST(created_and_destroyed_often),
	TEST(fds_are_close_on_exec),
	TEST(mp_state),
	TEST(irqchip_comes_first),
	TEST(boot_cpu_is_chosen_early),
};

TEST_MAIN(tests)
