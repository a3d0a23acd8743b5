// SPDX-License-Identifier: GPL-2.0-only
/* kvmclock and the TSC: forward on every vCPU, set and read by the host. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

#define MSR_TSC		0x10
#define MSR_WALL	0x4b564d00
#define MSR_SYSTEM	0x4b564d01
#define MSR_WALL_OLD	0x11
#define MSR_SYSTEM_OLD	0x12

/* What the paravirtual clock's documentation lays down. */
struct pv_time {
	u32 version;
	u32 pad0;
	u64 tsc;
	u64 system;
	u32 mul;
	signed char shift;
	u8 flags;
	u8 pad[2];
};

struct pv_wall {
	u32 version, sec, nsec;
};

static struct pv_time pv[4] __attribute__((aligned(64)));

static u64 pv_read(volatile struct pv_time *t)
{
	u64 delta, ns;
	u32 version;

	do {
		version = t->version;
		asm volatile("" : : : "memory");
		delta = guest_rdtsc() - t->tsc;
		if (t->shift >= 0)
			delta <<= t->shift;
		else
			delta >>= -t->shift;
		ns = t->system + (u64)(((unsigned __int128)delta * t->mul) >> 32);
		asm volatile("" : : : "memory");
	} while ((version & 1) || version != t->version);
	return ns;
}

/* It runs forward, and as fast as it says. */
static void one_guest(void)
{
	u64 last, now;

	guest_wrmsr(MSR_SYSTEM, (u64)&pv[0] | 1);
	GEQ(guest_rdmsr(MSR_SYSTEM), (u64)&pv[0] | 1);
	GCHECK(pv[0].mul != 0);
	GEQ(pv[0].version & 1, 0);
	last = pv_read(&pv[0]);
	for (int i = 0; i < 20000; i++) {
		now = pv_read(&pv[0]);
		GCHECK(now >= last);
		last = now;
	}
	for (;;)
		guest_sync(pv_read(&pv[0]));
}

static void kvmclock_runs_with_the_hosts(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, one_guest);
	u64 g0 = run_to_sync(vcpu), h0 = now_ns(), g1, h1;
	s64 most = 20000000 * test_patience();

	sleep_ms(300);
	g1 = run_to_sync(vcpu);
	h1 = now_ns();
	CHECK(g1 > g0);
	/* within 5%, and the time it takes to look */
	CHECK((s64)((g1 - g0) - (h1 - h0)) < most && (s64)((h1 - h0) - (g1 - g0)) < most,
	      "guest %llu, host %llu ns", (unsigned long long)(g1 - g0),
	      (unsigned long long)(h1 - h0));
	vm_free(vm);
}

static void set_and_get(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, one_guest);
	struct kvm_clock_data data;
	u64 g;

	memset(&data, 0xff, sizeof(data));
	OK(ioctl(vm->fd, KVM_GET_CLOCK, &data));
	EQ(data.pad0, 0);
	for (int i = 0; i < 4; i++)
		EQ(data.pad[i], 0);
	run_to_sync(vcpu);
	OK(ioctl(vm->fd, KVM_GET_CLOCK, &data));
	g = run_to_sync(vcpu);
	CHECK(g >= data.clock && g - data.clock < 1000000000, "guest %llu, ioctl %llu",
	      (unsigned long long)g, (unsigned long long)data.clock);
	/* an hour on */
	memset(&data, 0, sizeof(data));
	data.clock = g + 3600000000000ull;
	OK(ioctl(vm->fd, KVM_SET_CLOCK, &data));
	g = run_to_sync(vcpu);
	CHECK(g >= data.clock && g - data.clock < 1000000000, "guest %llu, set %llu",
	      (unsigned long long)g, (unsigned long long)data.clock);
	/* back to nearly nothing */
	data.clock = 1000;
	OK(ioctl(vm->fd, KVM_SET_CLOCK, &data));
	g = run_to_sync(vcpu);
	CHECK(g < 1000000000, "%llu", (unsigned long long)g);
	data.flags = 1u << 31;
	FAILS(ioctl(vm->fd, KVM_SET_CLOCK, &data), EINVAL);
	vm_free(vm);
}

static void wall_guest(void)
{
	volatile struct pv_wall *wall = (void *)SCRATCH_GPA;

	guest_wrmsr(MSR_SYSTEM, (u64)&pv[0] | 1);
	guest_wrmsr(MSR_WALL, SCRATCH_GPA);
	GEQ(wall->version & 1, 0);
	GCHECK(wall->nsec < 1000000000);
	guest_sync(wall->sec * 1000000000ull + wall->nsec + pv_read(&pv[0]));
	/* by the old numbers too */
	guest_wrmsr(MSR_WALL_OLD, SCRATCH_GPA + 0x100);
	guest_wrmsr(MSR_SYSTEM_OLD, (u64)&pv[1] | 1);
	guest_sync(((volatile struct pv_wall *)(SCRATCH_GPA + 0x100))->sec * 1000000000ull +
		   ((volatile struct pv_wall *)(SCRATCH_GPA + 0x100))->nsec + pv_read(&pv[1]));
	guest_done();
}

static void wall_clock(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, wall_guest);
	struct timespec ts;

	for (int i = 0; i < 2; i++) {
		u64 g = run_to_sync(vcpu), h;

		clock_gettime(CLOCK_REALTIME, &ts);
		h = ts.tv_sec * 1000000000ull + ts.tv_nsec;
		CHECK(h + 100000000 >= g && h - g < 2000000000ull, "guest %llu, host %llu",
		      (unsigned long long)g, (unsigned long long)h);
	}
	run_to_done(vcpu);
	vm_free(vm);
}

/* The host could be made to write outside the page or slot: it must not. */
static void address_guest(void)
{
	/* bit 0 is "on"; bit 1 is part of the address */
	for (u64 offset = 0; offset < 64; offset++) {
		u64 gpa = SCRATCH_GPA + 4096 - 48 + offset;

		guest_try_wrmsr(MSR_SYSTEM, gpa | 1);
		guest_sync(gpa | 1);
		guest_try_wrmsr(MSR_WALL, gpa);
	}
	/* no memory there; beyond all addresses; the last bytes of RAM */
	guest_try_wrmsr(MSR_SYSTEM, HOLE_GPA | 1);
	guest_sync(0);
	guest_try_wrmsr(MSR_SYSTEM, 0xfffffffffffff000 | 1);
	guest_sync(0);
	guest_try_wrmsr(MSR_SYSTEM, (1ull << 52) | 1);
	guest_sync(0);
	guest_try_wrmsr(MSR_SYSTEM, (RAM_SIZE - 4) | 1);
	guest_sync(0);
	guest_try_wrmsr(MSR_WALL, RAM_SIZE - 4);
	guest_try_wrmsr(MSR_WALL, ~0ull);
	guest_try_wrmsr(MSR_WALL, HOLE_GPA);
	guest_sync(0);
	guest_try_wrmsr(MSR_SYSTEM, 0);
	guest_done();
}

static void odd_addresses(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, address_guest);
	u8 *after = vm->ram + SCRATCH_GPA + 4096 + 64;
	struct ucall uc;

	memset(vm->ram + SCRATCH_GPA, 0xdd, 8192);
	while (run_to_ucall(vcpu, &uc) && uc.cmd == UCALL_SYNC)
		;
	for (int i = 0; i < 1024; i++)
		CHECK(after[i] == 0xdd, "byte %d behind", i);
	for (int i = 0; i < 1024; i++)
		CHECK(vm->ram[SCRATCH_GPA + i] == 0xdd, "byte %d before", i);
	vm_free(vm);
}

/* The slot of the clock's page goes while the clock is on. */
static void slot_guest(void)
{
	guest_wrmsr(MSR_SYSTEM, 0x10000000 | 1);
	for (;;)
		guest_sync(0);
}

static void the_slot_of_the_clock_goes(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu;
	u8 *p = ram_alloc(4096), *q = ram_alloc(4096);
	struct kvm_clock_data data = { .clock = 5 };

	slot_must(vm, 1, 0, 0x10000000, 4096, p);
	vcpu = quick_long(vm, slot_guest);
	run_to_sync(vcpu);
	CHECK(((struct pv_time *)p)->mul != 0);
	slot_must(vm, 1, 0, 0, 0, NULL);
	memset(p, 0x5a, 4096);
	for (int i = 0; i < 5; i++) {
		OK(ioctl(vm->fd, KVM_SET_CLOCK, &data));
		run_to_sync(vcpu);
	}
	for (int i = 0; i < 4096; i++)
		CHECK(p[i] == 0x5a, "the old page is written at %d", i);
	/* other memory in its place: the clock goes on there, or nowhere */
	slot_must(vm, 1, 0, 0x10000000, 4096, q);
	OK(ioctl(vm->fd, KVM_SET_CLOCK, &data));
	run_to_sync(vcpu);
	for (int i = 0; i < 4096; i++)
		CHECK(p[i] == 0x5a, "the old page is written at %d", i);
	vm_free(vm);
}

/* Between vCPUs: what one has read, no other may read as later. */
static volatile u64 shared_ns, clock_stop, backwards, rounds;

static void clock_cpu(u32 id)
{
	guest_wrmsr(MSR_SYSTEM, (u64)&pv[id] | 1);
	guest_sti();
	while (!clock_stop) {
		u64 before = shared_ns, now = pv_read(&pv[id]);

		if (now < before)
			backwards++;
		else
			__atomic_compare_exchange_n(&shared_ns, &before, now, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		rounds++;
	}
	guest_done();
}

static void clock_cpu_0(void)
{
	clock_cpu(0);
}

static void clock_cpu_1(void)
{
	clock_cpu(1);
}

static void forward_between_vcpus(void)
{
	struct vm *vm = vm_new();
	struct vcpu *a, *b;
	struct kvm_clock_data data = { 0 };
	bool stable;

	OK(ioctl(vm->fd, KVM_GET_CLOCK, &data));
	a = vcpu_new(vm, 0);
	b = vcpu_new(vm, 1);
	start_long(a, clock_cpu_0);
	start_long(b, clock_cpu_1);
	vcpu_start_to_done(a);
	vcpu_start_to_done(b);
	sleep_ms(700);
	OK(ioctl(vm->fd, KVM_GET_CLOCK, &data));
	stable = data.flags & KVM_CLOCK_TSC_STABLE;
	AT(vm, clock_stop) = 1;
	vcpu_join(a);
	vcpu_join(b);
	CHECK(AT(vm, rounds) > 1000);
	note("%llu rounds, %sstable, %llu backwards", (unsigned long long)AT(vm, rounds),
	     stable ? "" : "not ", (unsigned long long)AT(vm, backwards));
	/* without a stable TSC the guest must order reads itself (flags bit 0) */
	if (stable)
		EQ(AT(vm, backwards), 0);
	else
		EQ(AT(vm, pv)[0].flags & 1, 0);
	vm_free(vm);
}

/* TSC */
static void tsc_guest(void)
{
	u64 last = guest_rdtsc(), now;

	for (int i = 0; i < 1000; i++) {
		now = guest_rdtsc();
		GCHECK(now >= last);
		last = now;
	}
	for (;;)
		guest_sync(guest_rdtsc());
}

static void tsc_by_the_host(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, tsc_guest);
	u64 a, b, khz;

	a = run_to_sync(vcpu);
	b = msr_must_get(vcpu, MSR_TSC);
	CHECK(b >= a);
	a = run_to_sync(vcpu);
	CHECK(a >= b);
	khz = OKS(ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0));
	CHECK(khz > 1000, "%llu", (unsigned long long)khz);
	/* far ahead */
	EQ(msr_set(vcpu, MSR_TSC, 1ull << 50), 1);
	a = run_to_sync(vcpu);
	CHECK(a >= 1ull << 50 && a - (1ull << 50) < 100 * khz * 1000, "%#llx",
	      (unsigned long long)a);
	vm_free(vm);
}

static void tsc_rate_is_the_told_one(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, tsc_guest);
	u64 t0, t1, n0, n1, khz, expect;

	run_to_sync(vcpu);
	khz = OKS(ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0));
	t0 = run_to_sync(vcpu);
	n0 = now_ns();
	sleep_ms(300);
	t1 = run_to_sync(vcpu);
	n1 = now_ns();
	expect = (n1 - n0) * khz / 1000000;
	CHECK(t1 - t0 > expect / 100 * 90 && t1 - t0 < expect / 100 * 110,
	      "%llu cycles, expected %llu", (unsigned long long)(t1 - t0),
	      (unsigned long long)expect);
	vm_free(vm);
}

static void tsc_khz_arguments(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, tsc_guest);
	long khz = OKS(ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0));

	OK(ioctl(vcpu->fd, KVM_SET_TSC_KHZ, khz));
	EQ(ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0), khz);
	ioctl(vcpu->fd, KVM_SET_TSC_KHZ, ~0ul);
	ioctl(vcpu->fd, KVM_SET_TSC_KHZ, 1);
	run_bounded(vcpu, 100);
	vm_free(vm);
	/* What a vCPU takes may be the VM's default, of vCPUs that are made later. */
	vm = vm_new();
	FAILS(ioctl(vm->fd, KVM_SET_TSC_KHZ, ~0ul), EINVAL);
	OK(ioctl(vm->fd, KVM_SET_TSC_KHZ, 0));
	OK(ioctl(vm->fd, KVM_SET_TSC_KHZ, khz + 1));
	vcpu = vcpu_new(vm, 0);
	EQ(ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0), khz + 1);
	OK(ioctl(vm->fd, KVM_SET_TSC_KHZ, khz));
	EQ(ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0), khz + 1);
	EQ(ioctl(vcpu_new(vm, 1)->fd, KVM_GET_TSC_KHZ, 0), khz);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(kvmclock_runs_with_the_hosts),
	TEST(set_and_get),
	TEST(wall_clock),
	TEST(odd_addresses),
	TEST(the_slot_of_the_clock_goes),
	TEST(forward_between_vcpus),
	TEST(tsc_by_the_host),
	TEST(tsc_rate_is_the_told_one),
	TEST(tsc_khz_arguments),
};

TEST_MAIN(tests)
