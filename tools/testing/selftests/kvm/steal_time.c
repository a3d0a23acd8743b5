// SPDX-License-Identifier: GPL-2.0-only
/* MSR_KVM_STEAL_TIME: the time others had, and "not running" with its TLB bit. */
#include <asm/kvm_para.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

static struct kvm_steal_time steal __attribute__((aligned(64)));

static void reader(void)
{
	guest_wrmsr(MSR_KVM_STEAL_TIME, (u64)&steal | 1);
	GEQ(guest_rdmsr(MSR_KVM_STEAL_TIME), (u64)&steal | 1);
	for (;;) {
		GEQ(*(volatile u8 *)&steal.preempted, 0);
		GEQ(*(volatile u32 *)&steal.version & 1, 0);
		guest_sync(*(volatile u64 *)&steal.steal);
	}
}

static void on_this_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	MUST(!sched_setaffinity(0, sizeof(set), &set));
}

static void *burn(void *arg)
{
	volatile bool *stop = arg;

	while (!*stop)
		;
	return NULL;
}

static u64 host_delay(void)
{
	unsigned long long run, delay;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", gettid());
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%llu %llu", &run, &delay) != 2)
		delay = 0;
	fclose(f);
	return delay;
}

/* The kernel counts what threads wait for only if it was built to. */
static void needs_schedstats(struct vm *vm)
{
	if (access("/proc/schedstat", R_OK) && !has_cap(vm->kvm, KVM_CAP_STEAL_TIME))
		SKIP("the kernel has no scheduler statistics");
	EQ(has_cap(vm->kvm, KVM_CAP_STEAL_TIME), 1);
}

/* Another thread on the same CPU: what it takes, the guest is told. */
static void time_is_told(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, reader);
	volatile bool stop = false;
	u64 before, first, end;
	pthread_t other;

	needs_schedstats(vm);
	on_this_cpu();
	first = run_to_sync(vcpu);
	before = host_delay();
	MUST(!pthread_create(&other, NULL, burn, (void *)&stop));
	end = now_ns() + 600000000ull;
	while (now_ns() < end)
		run_to_sync(vcpu);
	stop = true;
	pthread_join(other, NULL);
	end = run_to_sync(vcpu) - first;
	note("%llu ms stolen", (unsigned long long)end / 1000000);
	CHECK(end > 50000000ull, "%llu ns", (unsigned long long)end);
	if (before)
		CHECK(end <= host_delay() - before + 20000000ull);
	vm_free(vm);
}

/* While a vCPU waits for its CPU its byte is set; it never sees that itself. */
static void spin_and_watch(void)
{
	guest_wrmsr(MSR_KVM_STEAL_TIME, (u64)&steal | 1);
	guest_sync(0);
	for (;;)
		GEQ(*(volatile u8 *)&steal.preempted, 0);
}

static void waiting_is_told(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, spin_and_watch);
	u64 end = now_ns() + 2000000000ull;
	unsigned int seen = 0;

	needs_schedstats(vm);
	on_this_cpu();
	irqs_on_for_bochs(vcpu);
	run_to_sync(vcpu);
	vcpu_start_until_stopped(vcpu);
	/* when we run, on the one CPU, the vCPU does not */
	while (now_ns() < end && seen < 10) {
		if (AT(vm, steal).preempted & KVM_VCPU_PREEMPTED)
			seen++;
		sleep_ms(1);
	}
	CHECK(seen >= 10, "%u", seen);
	/* another vCPU's wish: it is heard and the byte is clear again */
	for (int i = 0; i < 50; i++) {
		u8 *byte = (u8 *)&AT(vm, steal).preempted, old = KVM_VCPU_PREEMPTED;

		__atomic_compare_exchange_n(byte, &old, KVM_VCPU_PREEMPTED | KVM_VCPU_FLUSH_TLB,
					    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		sleep_ms(2);
	}
	vcpu_stop(vcpu);
	vm_free(vm);
}

static void addresses(void)
{
	GEQ(guest_try_wrmsr(MSR_KVM_STEAL_TIME, (u64)&steal | 2), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_STEAL_TIME, (u64)&steal | 0x21), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_STEAL_TIME, HOLE_GPA | 1), NO_TRAP);
	guest_sync(1);
	GEQ(guest_try_wrmsr(MSR_KVM_STEAL_TIME, ~0x3full | 1), NO_TRAP);
	guest_sync(2);
	GEQ(guest_try_wrmsr(MSR_KVM_STEAL_TIME, (1ull << 46) | 1), NO_TRAP);
	guest_sync(3);
	guest_wrmsr(MSR_KVM_STEAL_TIME, 0);
	GEQ(guest_rdmsr(MSR_KVM_STEAL_TIME), 0);
	guest_done();
}

static void bad_addresses(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, addresses);

	needs_schedstats(vm);
	EQ(run_to_sync(vcpu), 1);
	EQ(run_to_sync(vcpu), 2);
	EQ(run_to_sync(vcpu), 3);
	run_to_done(vcpu);
	vm_free(vm);
}

/* The memory goes away and comes back while it is told there. */
static void a_slot_that_goes(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, reader);
	void *page = ram_alloc(0x1000);

	needs_schedstats(vm);
	slot_must(vm, 1, 0, HOLE_GPA, 0x1000, page);
	run_to_sync(vcpu);
	EQ(msr_set(vcpu, MSR_KVM_STEAL_TIME, HOLE_GPA | 1), 1);
	for (int i = 0; i < 50; i++) {
		run_to_sync(vcpu);
		slot_must(vm, 1, 0, HOLE_GPA, 0, page);
		run_to_sync(vcpu);
		slot_must(vm, 1, i & 1 ? KVM_MEM_READONLY : 0, HOLE_GPA, 0x1000, page);
	}
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(time_is_told),
	TEST(waiting_is_told),
	TEST(bad_addresses),
	TEST(a_slot_that_goes),
};

TEST_MAIN(tests)
