// SPDX-License-Identifier: GPL-2.0-only
/* The host's CPUs go and come back while guests run on them, or ran there last. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define MAX_CPUS	(MAX_TEST_VCPUS / 2)
#define ROUNDS		6
#define PATIENCE_NS	10000000000ull

static int cpus[MAX_CPUS], nr_cpus;	/* those online at the start; the last one goes */

static int open_switch(int cpu, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return open(path, flags);
}

/* CPU 0 often has no switch. */
static bool is_online(int cpu)
{
	int fd = open_switch(cpu, O_RDONLY);
	char c = '1';

	if (fd >= 0 && read(fd, &c, 1) != 1)
		c = '0';
	close(fd);
	return c == '1';
}

static int last_cpu(void)
{
	return cpus[nr_cpus - 1];
}

static void set_online(bool on)
{
	int fd = open_switch(last_cpu(), O_WRONLY);

	MUST(fd >= 0);
	MUST(write(fd, on ? "1" : "0", 1) == 1);
	close(fd);
	EQ(is_online(last_cpu()), on);
}

/* The last of a few CPUs, if this process may switch it. */
static void find_cpus(void)
{
	long present = sysconf(_SC_NPROCESSORS_CONF);
	int fd;

	nr_cpus = 0;
	for (int cpu = 0; cpu < present && nr_cpus < MAX_CPUS; cpu++) {
		if (is_online(cpu))
			cpus[nr_cpus++] = cpu;
	}
	if (nr_cpus < 2)
		SKIP("the host has one CPU");
	fd = open_switch(last_cpu(), O_WRONLY);
	if (fd < 0)
		SKIP("CPU %d cannot be switched off, errno %d", last_cpu(), errno);
	close(fd);
}

/* Refused while the CPU is away. */
static int pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return pthread_setaffinity_np(thread, sizeof(set), &set);
}

static void pin_me(int cpu)
{
	EQ(pin(pthread_self(), cpu), 0);
	EQ(sched_getcpu(), cpu);
}

/* Two for each CPU: one that never leaves by itself, one that does nothing else. */
static volatile u64 counts[MAX_TEST_VCPUS];

static void looping_guest(u64 id)
{
	guest_sti();
	for (;;)
		counts[id]++;
}

static void leaving_guest(u64 id)
{
	u32 r[4];

	for (;;) {
		counts[id]++;
		guest_cpuid(0, 0, r);
		guest_sync(id);
	}
}

static struct vcpu *counting_vcpu(struct vm *vm, u64 id)
{
	struct vcpu *vcpu = vcpu_new(vm, id);
	struct kvm_regs regs;

	start_long(vcpu, id % 2 ? (guest_fn)leaving_guest : (guest_fn)looping_guest);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	regs.rdi = id;
	MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	return vcpu;
}

static void all_count_on(struct vm *vm, int nr, const char *when)
{
	u64 before[MAX_TEST_VCPUS], end = now_ns() + PATIENCE_NS;

	for (int i = 0; i < nr; i++)
		before[i] = AT(vm, counts[i]);
	for (int i = 0; i < nr; i++) {
		while (AT(vm, counts[i]) < before[i] + 5 && now_ns() < end)
			sleep_ms(1);
		CHECK(AT(vm, counts[i]) >= before[i] + 5, "vCPU %d stands still %s", i, when);
	}
}

static void guests_count_on(void)
{
	struct vm *vm;
	int nr;

	find_cpus();
	nr = 2 * nr_cpus;
	vm = vm_new();
	for (int i = 0; i < nr; i++)
		vcpu_start_until_stopped(counting_vcpu(vm, i));
	for (int round = 0; round < ROUNDS && !test_failures(); round++) {
		for (int i = 0; i < nr; i++)
			EQ(pin(vm->vcpu[i].thread, cpus[i / 2]), 0);
		all_count_on(vm, nr, "with all CPUs");
		/* its threads are moved by force, out of the middle of anything */
		set_online(false);
		all_count_on(vm, nr, "with a CPU off");
		set_online(true);
		all_count_on(vm, nr, "with the CPU on again");
	}
	for (int i = 0; i < nr; i++)
		vcpu_stop(&vm->vcpu[i]);
	vm_free(vm);
}

/* Virtualisation is on there when it comes, for VMs that were made meanwhile. */
static void a_cpu_comes_back_to_work(void)
{
	struct vcpu *vcpu;
	struct vm *vm;

	find_cpus();
	for (int round = 0; round < 3; round++) {
		set_online(false);
		vm = vm_new();
		vcpu = counting_vcpu(vm, 1);
		EQ(run_to_sync(vcpu), 1);
		set_online(true);
		pin_me(last_cpu());
		for (int i = 0; i < 10; i++)
			EQ(run_to_sync(vcpu), 1);
		EQ(AT(vm, counts[1]), 11);
		pin_me(cpus[0]);
		EQ(run_to_sync(vcpu), 1);
		vm_free(vm);
	}
}

/* Off and on without any VM, and with the first one made behind it. */
static void a_cpu_comes_back_to_nothing(void)
{
	struct vm *vm;

	find_cpus();
	vm = vm_new();
	EQ(run_to_sync(counting_vcpu(vm, 1)), 1);
	set_online(false);
	vm_free(vm);
	set_online(true);
	pin_me(last_cpu());
	vm = vm_new();
	EQ(run_to_sync(counting_vcpu(vm, 1)), 1);
	pin_me(cpus[0]);
	vm_free(vm);
}

/* A vCPU that rests: its state may be in the CPU that goes. */
static void a_vcpu_whose_cpu_went(void)
{
	struct vcpu *vcpu, *other;
	struct kvm_regs regs;
	struct vm *vm;

	find_cpus();
	vm = vm_new();
	vcpu = counting_vcpu(vm, 1);
	other = counting_vcpu(vm, 3);
	for (u64 round = 1; round <= 3; round++) {
		pin_me(last_cpu());
		EQ(run_to_sync(vcpu), 1);
		EQ(run_to_sync(other), 3);
		set_online(false);
		/* it is looked at first one time, and run first the other */
		MUST(round & 1 || !ioctl(vcpu->fd, KVM_GET_REGS, &regs));
		EQ(run_to_sync(vcpu), 1);
		EQ(AT(vm, counts[1]), 2 * round);
		set_online(true);
	}
	/* freed while the CPU it ran on last is away */
	pin_me(last_cpu());
	EQ(run_to_sync(other), 3);
	set_online(false);
	vm_free(vm);
	set_online(true);
	pin_me(cpus[0]);
}

static volatile bool cpus_still;

static void *vms_come_and_go(void *arg)
{
	u64 *made = arg;

	while (!cpus_still) {
		struct vm *vm = vm_new();

		EQ(run_to_sync(counting_vcpu(vm, 1)), 1);
		vm_free(vm);
		++*made;
	}
	return NULL;
}

static void vms_made_meanwhile(void)
{
	pthread_t threads[2];
	u64 made[2] = { 0 };

	find_cpus();
	for (int i = 0; i < 2; i++)
		MUST(!pthread_create(&threads[i], NULL, vms_come_and_go, &made[i]));
	for (int round = 0; round < ROUNDS; round++) {
		set_online(false);
		sleep_ms(10);
		set_online(true);
		sleep_ms(10);
	}
	cpus_still = true;
	for (int i = 0; i < 2; i++)
		MUST(!pthread_join(threads[i], NULL));
	note("%llu and %llu VMs", (unsigned long long)made[0], (unsigned long long)made[1]);
	CHECK(made[0] && made[1]);
}

static const struct test tests[] = {
	SLOW_TEST(guests_count_on, 60),
	TEST(a_cpu_comes_back_to_work),
	TEST(a_cpu_comes_back_to_nothing),
	TEST(a_vcpu_whose_cpu_went),
	SLOW_TEST(vms_made_meanwhile, 60),
};

TEST_MAIN(tests)
