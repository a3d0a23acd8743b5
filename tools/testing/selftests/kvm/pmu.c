// SPDX-License-Identifier: GPL-2.0-only
/*
 * Performance counters: what is offered, what user space may forbid, guests without
 * any; and, where the host has counters, that they count, wrap and interrupt.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define APIC_LVTPC	0x340

#define PERFCTR0	0xc1
#define EVNTSEL0	0x186
#define FIXED_CTR0	0x309
#define CAPABILITIES	0x345
#define FIXED_CTRL	0x38d
#define GLOBAL_STATUS	0x38e
#define GLOBAL_CTRL	0x38f
#define GLOBAL_RESET	0x390
#define PMC0		0x4c1
#define K7_SELECT	0xc0010000
#define K7_COUNT	0xc0010004
#define CORE_SELECT	0xc0010200
#define CORE_COUNT	0xc0010201

#define SEL_ON		0x430000ull	/* enabled, in all rings */
#define SEL_INT		0x100000ull
#define INSNS		0xc0

static bool offered(void)
{
	FILE *f = fopen("/sys/module/kvm/parameters/enable_pmu", "r");
	int c;

	MUST(f);
	c = fgetc(f);
	fclose(f);
	MUST(c == 'Y' || c == 'N');
	return c == 'Y';
}

/* --- requests and capabilities ------------------------------------------- */

struct filter {
	struct kvm_pmu_event_filter head;
	u64 events[301];
};

static int set_filter(struct vm *vm, u32 action, u32 n, u32 flags)
{
	static struct filter f;

	f.head.action = action;
	f.head.nevents = n;
	f.head.flags = flags;
	f.head.fixed_counter_bitmap = ~0u;
	memset(f.head.pad, 0xff, sizeof(f.head.pad));
	for (u32 i = 0; i < ARRAY_SIZE(f.events); i++)
		f.events[i] = rnd();
	return ioctl(vm->fd, KVM_SET_PMU_EVENT_FILTER, &f);
}

static void filters_are_checked(void)
{
	struct vm *vm = vm_new();
	long page = sysconf(_SC_PAGESIZE);
	u8 *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_pmu_event_filter *last;

	MUST(pages != MAP_FAILED);
	EQ(has_cap(vm->fd, KVM_CAP_PMU_EVENT_FILTER), 1);
	OK(set_filter(vm, KVM_PMU_EVENT_ALLOW, 0, 0));
	OK(set_filter(vm, KVM_PMU_EVENT_DENY, 0, 0));
	OK(set_filter(vm, KVM_PMU_EVENT_ALLOW, 300, 0));
	FAILS(set_filter(vm, KVM_PMU_EVENT_ALLOW, 301, 0), E2BIG);
	FAILS(set_filter(vm, KVM_PMU_EVENT_ALLOW, ~0u, 0), E2BIG);
	FAILS(set_filter(vm, 2, 0, 0), EINVAL);
	FAILS(set_filter(vm, ~0u, 301, 0), EINVAL);
	FAILS(set_filter(vm, KVM_PMU_EVENT_ALLOW, 301, 1), EINVAL);
	FAILS(set_filter(vm, KVM_PMU_EVENT_DENY, 0, 0x80000000), EINVAL);
	FAILS(ioctl(vm->fd, KVM_SET_PMU_EVENT_FILTER, NULL), EFAULT);
	/* the header ends with the last page that can be read */
	MUST(!munmap(pages + page, page));
	last = (void *)(pages + page - sizeof(*last));
	last->nevents = 1;
	FAILS(ioctl(vm->fd, KVM_SET_PMU_EVENT_FILTER, last), EFAULT);
	last->nevents = 0;
	OK(ioctl(vm->fd, KVM_SET_PMU_EVENT_FILTER, last));
	last = (void *)(pages + page - 8);
	FAILS(ioctl(vm->fd, KVM_SET_PMU_EVENT_FILTER, last), EFAULT);
	vm_free(vm);
}

static volatile u64 spin_stop;

static void spinning_guest(void)
{
	u64 value;

	guest_sti();
	while (!spin_stop)
		guest_try_rdmsr(K7_COUNT, &value);
	guest_done();
}

static void filters_change_while_the_guest_runs(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, spinning_guest);

	vcpu_start_to_done(vcpu);
	for (int i = 0; i < 50; i++) {
		OK(set_filter(vm, i & 1, i * 6, 0));
		sleep_ms(1);
	}
	AT(vm, spin_stop) = 1;
	vcpu_join(vcpu);
	vm_free(vm);
}

static void the_capability(void)
{
	struct vm *vm = vm_bare();
	bool have = offered();

	EQ(has_cap(vm->kvm, KVM_CAP_PMU_CAPABILITY), have ? KVM_PMU_CAP_DISABLE : 0);
	EQ(has_cap(vm->fd, KVM_CAP_PMU_CAPABILITY), have ? KVM_PMU_CAP_DISABLE : 0);
	FAILS(enable_cap(vm->fd, KVM_CAP_PMU_CAPABILITY, 2), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_PMU_CAPABILITY, 1ull << 32), EINVAL);
	if (have) {
		OK(enable_cap(vm->fd, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE));
		OK(enable_cap(vm->fd, KVM_CAP_PMU_CAPABILITY, 0));
	} else {
		FAILS(enable_cap(vm->fd, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE), EINVAL);
		FAILS(enable_cap(vm->fd, KVM_CAP_PMU_CAPABILITY, 0), EINVAL);
	}
	/* too late */
	vcpu_new(vm, 0);
	FAILS(enable_cap(vm->fd, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_PMU_CAPABILITY, 0), EINVAL);
	vm_free(vm);
}

/* --- what is told --------------------------------------------------------- */

static struct kvm_msr_list *msr_list(unsigned long request)
{
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + 1024 * 4);
	int kvm = kvm_open();

	MUST(list);
	list->nmsrs = 1024;
	MUST(!ioctl(kvm, request, list));
	close(kvm);
	return list;
}

/* How many of @n numbers from @first on are in the list; they are the first ones. */
static u32 listed(const struct kvm_msr_list *list, u32 first, u32 n)
{
	u32 found = 0, end = 0;

	for (u32 i = 0; i < list->nmsrs; i++) {
		u32 offset = list->indices[i] - first;

		if (list->indices[i] < first || offset >= n)
			continue;
		found++;
		end = offset >= end ? offset + 1 : end;
	}
	EQ(end, found);
	return found;
}

static void lists_and_leaves(void)
{
	struct kvm_msr_list *all = msr_list(KVM_GET_MSR_INDEX_LIST);
	struct kvm_msr_list *features = msr_list(KVM_GET_MSR_FEATURE_INDEX_LIST);
	struct kvm_cpuid2 *cpuid = cpuid_supported(kvm_open());
	struct kvm_cpuid_entry2 *leaf = cpuid_find(cpuid, 0xa, 0);
	u32 n = listed(all, PERFCTR0, 8);

	EQ(listed(all, EVNTSEL0, 8), n);
	EQ(listed(all, FIXED_CTR0, 3), 3);
	EQ(listed(all, FIXED_CTRL, 4), 4);
	EQ(listed(all, K7_SELECT, 8), 8);
	EQ(listed(all, CORE_SELECT, 12), 12);
	EQ(listed(all, CAPABILITIES, 1), 1);
	EQ(listed(features, CAPABILITIES, 1), 1);
	EQ(listed(all, PMC0, 8), 0);
	CHECK(offered() ? n >= 1 : n == 0, "%u counters", n);
	MUST(leaf);
	EQ(leaf->ecx, 0);
	if (on_amd() || !offered()) {
		EQ(leaf->eax | leaf->ebx | leaf->edx, 0);
		EQ(cpuid_find(cpuid, 1, 0)->ecx >> 15 & 1, 0);
	} else {
		CHECK((leaf->eax & 0xff) == 1 || (leaf->eax & 0xff) == 2);
		EQ(leaf->eax >> 8 & 0xff, n);
		CHECK((leaf->edx & 0x1f) <= 3);
	}
	if (!offered())
		EQ(cpuid_find(cpuid, 0x80000001, 0)->ecx >> 23 & 1, 0);
}

static void capabilities_msr(void)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e; } f = { };
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	u64 wide = offered() && !on_amd() ? 1ull << 13 : 0;

	f.head.nmsrs = 1;
	f.e.index = CAPABILITIES;
	EQ(ioctl(vm->kvm, KVM_GET_MSRS, &f), 1);
	EQ(f.e.data & (1ull << 13), wide);
	EQ(msr_set(vcpu, CAPABILITIES, 0), 1);
	EQ(msr_set(vcpu, CAPABILITIES, 1ull << 63), 0);
	EQ(msr_set(vcpu, CAPABILITIES, 1ull << 13), !!wide);
	vm_free(vm);
}

/* --- a guest without counters --------------------------------------------- */

/* What is there all the same, by old custom: reads as 0, writes vanish */
static const struct {
	u32 first, last;
	bool harmless;
} numbers[] = {
	{ PERFCTR0, PERFCTR0 + 1, true }, { PERFCTR0 + 2, PERFCTR0 + 7, false },
	{ EVNTSEL0, EVNTSEL0 + 1, true }, { EVNTSEL0 + 2, EVNTSEL0 + 7, false },
	{ FIXED_CTR0, FIXED_CTR0 + 3, false }, { CAPABILITIES, CAPABILITIES, false },
	{ FIXED_CTRL, GLOBAL_RESET, false }, { 0x3f1, 0x3f2, false }, { PMC0, PMC0 + 7, false },
	{ 0x600, 0x600, false }, { K7_SELECT, K7_COUNT + 3, true },
	{ CORE_SELECT, CORE_SELECT + 13, false }, { 0xc0000300, 0xc0000302, false },
};

static u64 guest_rdpmc(u32 index, u64 *value)
{
	u64 lo = 1, hi = 1, trap;

	trap = GUEST_TRY("rdpmc", GUEST_OUT("+a"(lo), "+d"(hi)), "c"(index));
	*value = lo | hi << 32;
	return trap;
}

static volatile u32 rdpmc_legal;

static void bare_guest(void)
{
	u64 value, trap;

	for (unsigned int k = 0; k < ARRAY_SIZE(numbers); k++) {
		u64 want = numbers[k].harmless ? NO_TRAP : GP_VECTOR;

		for (u32 i = numbers[k].first; i <= numbers[k].last; i++) {
			value = 1;
			GEQ((u64)i << 32 | guest_try_wrmsr(i, 0), (u64)i << 32 | want);
			GEQ((u64)i << 32 | guest_try_wrmsr(i, 1), (u64)i << 32 | want);
			GEQ((u64)i << 32 | guest_try_rdmsr(i, &value), (u64)i << 32 | want);
			if (want == NO_TRAP)
				GEQ(value, 0);
		}
	}
	for (u32 i = 0; i < 9; i++) {
		trap = guest_rdpmc(i, &value);
		GEQ((u64)i << 32 | trap, (u64)i << 32 | (i < rdpmc_legal ? NO_TRAP : GP_VECTOR));
		if (trap == NO_TRAP)
			GEQ(value, 0);
	}
	GEQ(guest_rdpmc(0x20000000, &value), GP_VECTOR);
	guest_done();
}

/* A VMM that brings back what it read is not refused. */
static void zeros_come_back(struct vcpu *vcpu)
{
	struct kvm_msr_list *list = msr_list(KVM_GET_MSR_INDEX_LIST);
	u64 value;

	for (unsigned int k = 0; k < ARRAY_SIZE(numbers); k++) {
		for (u32 i = numbers[k].first; i <= numbers[k].last; i++) {
			bool known = numbers[k].harmless || listed(list, i, 1);

			value = 0;
			EQ(msr_get(vcpu, i, &value), known);
			EQ(value, 0);
			EQ(msr_set(vcpu, i, 0), known);
			EQ(msr_set(vcpu, i, 1), numbers[k].harmless);
		}
	}
	free(list);
}

static void a_guest_without(void)
{
	struct vm *vm = vm_new();
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	struct kvm_cpuid_entry2 *leaf = cpuid_find(cpuid, 0xa, 0);
	struct vcpu *vcpu;

	if (offered())
		OK(enable_cap(vm->fd, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE));
	vcpu = vcpu_new(vm, 0);
	/* Not its feature bit: the list as a VMM has it that switches them off. */
	leaf->eax = leaf->ebx = leaf->edx = 0;
	cpuid_find(cpuid, 1, 0)->ecx &= ~(1u << 15);
	cpuid_find(cpuid, 0x80000001, 0)->ecx &= ~(1u << 23);
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	vcpu->has_cpuid = true;
	EQ(msr_set(vcpu, CAPABILITIES, 0), 1);
	zeros_come_back(vcpu);
	load_image(vm);
	start_long_only(vcpu, bare_guest);
	irqs_on_for_bochs(vcpu);
	/* AMD's first four need no bit of CPUID. */
	AT(vm, rdpmc_legal) = on_amd() ? 4 : 0;
	run_to_done(vcpu);
	vm_free(vm);
}

/* --- a guest with counters ------------------------------------------------ */

static volatile u64 pmis;
static volatile bool amd;

static void pmi_handler(struct trapframe *frame)
{
	(void)frame;
	pmis++;
	apic_write(APIC_EOI, 0);
}

/* @n turns of two instructions */
static void loop(u64 n)
{
	asm volatile("1: dec %0; jnz 1b" : "+r"(n) : : "cc");
}

static void counting_guest(void)
{
	u32 select = amd ? K7_SELECT : EVNTSEL0, count = amd ? K7_COUNT : PERFCTR0;
	u64 value, before;

	if (!amd)
		guest_wrmsr(GLOBAL_CTRL, 1);
	guest_wrmsr(count, 0);
	guest_wrmsr(select, SEL_ON | INSNS);
	loop(100000);
	guest_wrmsr(select, 0);
	value = guest_rdmsr(count);
	GCHECK(value >= 200000 && value < 1000000);
	GEQ(guest_rdpmc(0, &before), NO_TRAP);
	GEQ(before, value);
	loop(100000);
	GEQ(guest_rdmsr(count), value);
	/* what is stepped over for the guest counts as well */
	guest_wrmsr(select, SEL_ON | INSNS);
	before = guest_rdmsr(count);
	for (u32 i = 0; i < 1000; i++)
		asm volatile("cpuid" : : "a"(0), "c"(0) : "rbx", "rdx", "memory");
	value = guest_rdmsr(count) - before;
	GCHECK(value >= 3000 && value < 100000);
	/* an overflow interrupts */
	apic_enable();
	guest_vector[0x55] = pmi_handler;
	apic_write(APIC_LVTPC, 0x55);
	guest_wrmsr(select, 0);
	guest_wrmsr(count, -50000ull);
	guest_wrmsr(select, SEL_ON | SEL_INT | INSNS);
	guest_sti();
	loop(1000000);
	guest_cli();
	guest_wrmsr(select, 0);
	GEQ(pmis, 1);
	if (!amd) {
		GEQ(guest_rdmsr(GLOBAL_STATUS) & 1, 1);
		GEQ(apic_read(APIC_LVTPC), 0x10055);
		guest_wrmsr(GLOBAL_RESET, 1);
		GEQ(guest_rdmsr(GLOBAL_STATUS), 0);
	}
	guest_done();
}

static void a_guest_with(void)
{
	struct vm *vm;
	struct vcpu *vcpu;

	if (!offered())
		SKIP("the host has no counters");
	vm = vm_new_irqchip();
	vcpu = quick_long(vm, counting_guest);
	AT(vm, amd) = on_amd();
	run_to_done(vcpu);
	vm_free(vm);
}

static void denied_guest(void)
{
	u32 select = amd ? K7_SELECT : EVNTSEL0, count = amd ? K7_COUNT : PERFCTR0;

	if (!amd)
		guest_wrmsr(GLOBAL_CTRL, 1);
	guest_wrmsr(select, SEL_ON | INSNS);
	for (;;) {
		guest_wrmsr(count, 0);
		loop(100000);
		guest_sync(guest_rdmsr(count));
	}
}

static void a_filter_takes_effect(void)
{
	struct filter f = { .head = { .action = KVM_PMU_EVENT_DENY, .nevents = 1 } };
	struct vm *vm;
	struct vcpu *vcpu;

	if (!offered())
		SKIP("the host has no counters");
	vm = vm_new();
	vcpu = quick_long(vm, denied_guest);
	AT(vm, amd) = on_amd();
	CHECK(run_to_sync(vcpu) >= 200000);
	f.events[0] = INSNS;
	OK(ioctl(vm->fd, KVM_SET_PMU_EVENT_FILTER, &f));
	run_to_sync(vcpu);
	EQ(run_to_sync(vcpu), 0);
	f.head.action = KVM_PMU_EVENT_ALLOW;
	OK(ioctl(vm->fd, KVM_SET_PMU_EVENT_FILTER, &f));
	run_to_sync(vcpu);
	CHECK(run_to_sync(vcpu) >= 200000);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(filters_are_checked),
	TEST(filters_change_while_the_guest_runs),
	TEST(the_capability),
	TEST(lists_and_leaves),
	TEST(capabilities_msr),
	TEST(a_guest_without),
	TEST(a_guest_with),
	TEST(a_filter_takes_effect),
};

TEST_MAIN(tests)
