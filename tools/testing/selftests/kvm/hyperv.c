// SPDX-License-Identifier: GPL-2.0-only
/* What a guest finds that was told of Hyper-V: leaves, registers, time, hypercalls. */
#include <asm/kvm_para.h>
#include <stdlib.h>
#include <string.h>

#include "hyperv.h"

/* --- host's side --------------------------------------------------------- */

struct hv_leaves {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 e[16];
};

static void give_leaves(struct vcpu *vcpu, u32 a, u32 d, u32 advice, u32 spins)
{
	hv_give(vcpu, &(struct hv_features){ .a = a, .d = d, .advice = advice, .spins = spins });
}

static void one_vcpu(guest_fn fn)
{
	struct vm *vm = vm_new_irqchip();

	run_to_done(hv_vcpu(vm, 0, fn));
	vm_free(vm);
}

/* --- the guest's side ---------------------------------------------------- */

#define INPUT	((volatile u64 *)INPUT_PAGE)

/* --- leaves -------------------------------------------------------------- */

static void check_leaves(int kvm, int fd, bool apic)
{
	static const u32 functions[] = {
		0x40000000, 0x40000001, 0x40000002, 0x40000003, 0x40000004,
		0x40000005, 0x40000080, 0x40000081, 0x40000082, 0x4000000a,
	};
	struct hv_leaves l = { .head.nent = ARRAY_SIZE(functions) - 1 };

	FAILS(ioctl(fd, KVM_GET_SUPPORTED_HV_CPUID, &l), E2BIG);
	l.head.nent = 0;
	FAILS(ioctl(fd, KVM_GET_SUPPORTED_HV_CPUID, &l), E2BIG);
	l.head.nent = 16;
	OK(ioctl(fd, KVM_GET_SUPPORTED_HV_CPUID, &l));
	EQ(l.head.nent, ARRAY_SIZE(functions));
	for (u32 i = 0; i < ARRAY_SIZE(functions); i++) {
		EQ(l.e[i].function, functions[i]);
		EQ(l.e[i].index, 0);
		EQ(l.e[i].flags, 0);
	}
	EQ(l.e[0].eax, 0x40000082);
	EQ(l.e[1].eax, HV1);
	EQ(l.e[2].eax, 0x3839);
	EQ(l.e[2].ebx, 0xa0000);
	EQ(l.e[3].eax, A_ALL);
	EQ(l.e[3].ebx, hv_full.b);
	EQ(l.e[3].edx, (hv_full.d | 1 << 8) & ~(apic ? 0 : D_DIRECT));
	EQ(l.e[4].eax & hv_full.advice, hv_full.advice & ~(apic ? 0 : ADVICE_IPI));
	EQ(l.e[4].ebx, 0xfff);
	EQ(l.e[5].eax, has_cap(kvm, KVM_CAP_MAX_VCPUS));
	EQ(l.e[5].ebx, 64);
	EQ(l.e[8].eax, DEBUGGER);
	EQ(l.e[9].eax, 1 << 19);
}

static void supported_leaves(void)
{
	struct vm *vm = vm_new_irqchip(), *without = vm_new();

	check_leaves(vm->kvm, vm->kvm, true);
	check_leaves(vm->kvm, vcpu_new(vm, 0)->fd, true);
	check_leaves(vm->kvm, vcpu_new(without, 0)->fd, false);
	FAILS(ioctl(vm->kvm, KVM_GET_SUPPORTED_HV_CPUID, (void *)16), EFAULT);
	vm_free(without);
	vm_free(vm);
}

/* --- registers ----------------------------------------------------------- */

static void use_registers(void)
{
	u64 value;

	/* not before the guest has said what it is */
	GEQ(guest_rdmsr(OS_ID), 0);
	guest_wrmsr(HYPERCALL, CODE_PAGE | 1);
	GEQ(guest_rdmsr(HYPERCALL), 0);
	hv_enlighten();
	GEQ(guest_rdmsr(OS_ID), LINUX_ID);
	GEQ(guest_rdmsr(HYPERCALL), CODE_PAGE | 1);
	GEQ(guest_try_wrmsr(HYPERCALL, HOLE_GPA | 1), GP);
	GEQ(guest_rdmsr(VP_INDEX), 0);
	GEQ(guest_try_wrmsr(VP_INDEX, 0), GP);
	GCHECK(guest_rdmsr(VP_RUNTIME) <= guest_rdmsr(VP_RUNTIME));
	GEQ(guest_try_wrmsr(VP_RUNTIME, 0), GP);
	GEQ(guest_try_wrmsr(TIME_REF_COUNT, 0), GP);
	GEQ(guest_try_wrmsr(TSC_FREQUENCY, 1000000000), GP);
	GEQ(guest_rdmsr(APIC_FREQUENCY), 1000000000);
	GEQ(guest_try_wrmsr(APIC_FREQUENCY, 1), GP);
	guest_wrmsr(REFERENCE_TSC, TSC_PAGE | 1);
	guest_wrmsr(VP_ASSIST, ASSIST_PAGE | 1);
	GEQ(guest_try_wrmsr(VP_ASSIST, HOLE_GPA | 1), GP);
	for (u32 i = 0; i < 5; i++)
		guest_wrmsr(CRASH_P0 + i, 0x1111111111111111 * i);
	guest_wrmsr(REENLIGHTEN, 0x1000e0);
	guest_wrmsr(TSC_EMULATION, 1);
	GEQ(guest_try_wrmsr(0x40000108, 1), GP);
	GEQ(guest_rdmsr(RESET), 0);
	/* there is none of these */
	GEQ(guest_try_rdmsr(0x40000011, &value), GP);
	GEQ(guest_try_rdmsr(0x400000f0, &value), GP);
	GEQ(guest_try_wrmsr(0x400000f0, 0), GP);
	GEQ(guest_try_rdmsr(HV_EOI, &value), GP);
	guest_sync(guest_rdmsr(TSC_FREQUENCY));
	GEQ(guest_rdmsr(VP_INDEX), 7);
	guest_wrmsr(OS_ID, 0);
	GEQ(guest_rdmsr(HYPERCALL), CODE_PAGE);
	guest_done();
}

static const u32 saved[] = {
	OS_ID, HYPERCALL, REFERENCE_TSC, VP_ASSIST, VP_INDEX, CRASH_P0, CRASH_P0 + 1,
	CRASH_P0 + 2, CRASH_P0 + 3, CRASH_P0 + 4, CRASH_CTL, REENLIGHTEN, TSC_EMULATION,
	0x40000108, RESET,
};

/* All that is in the list goes from one VM to another. */
static void registers_and_migration(void)
{
	struct vm *vm = vm_new_irqchip(), *other = vm_new_irqchip();
	struct vcpu *vcpu = hv_vcpu(vm, 0, use_registers), *to;
	u8 code[] = { 0x0f, 0x01, on_amd() ? 0xd9 : 0xc1, 0xc3 };
	u64 value, khz;

	khz = run_to_sync(vcpu) / 1000;
	EQ(khz, (u64)ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0));
	CHECK(!memcmp(at_gpa(vm, CODE_PAGE, 4), code, 4), "no hypercall code");
	EQ(msr_must_get(vcpu, CRASH_P0 + 3), 0x3333333333333333);
	EQ(msr_must_get(vcpu, REENLIGHTEN), 0x1000e0);
	EQ(msr_must_get(vcpu, VP_ASSIST), ASSIST_PAGE | 1);

	EQ(msr_set(vcpu, VP_INDEX, 1024), 0);
	EQ(msr_set(vcpu, VP_INDEX, 7), 1);
	EQ(msr_set(vcpu, CRASH_CTL, ~0ull), 1);
	EQ(msr_must_get(vcpu, CRASH_CTL), CRASH_NOTIFY);
	EQ(msr_set(vcpu, VP_RUNTIME, 1ull << 40), 1);
	CHECK(msr_must_get(vcpu, VP_RUNTIME) >> 38 == 4, "runtime");
	/* saved and restored, though there is nothing to restore */
	EQ(msr_set(vcpu, TSC_FREQUENCY, 5), 1);
	EQ(msr_set(vcpu, TIME_REF_COUNT, 5), 1);

	to = vcpu_new(other, 0);
	for (u32 i = 0; i < ARRAY_SIZE(saved); i++) {
		value = msr_must_get(vcpu, saved[i]);
		EQ(msr_set(to, saved[i], value), 1);
		EQ(msr_must_get(to, saved[i]), value);
	}
	CHECK(!memcmp(at_gpa(other, CODE_PAGE, 4), code, 4), "no hypercall code there");
	run_to_done(vcpu);
	vm_free(vm);
	vm_free(other);
}

static void all_refused(void)
{
	u64 value;

	for (u32 i = OS_ID; i < 0x40000120; i++) {
		GEQ(guest_try_rdmsr(i, &value), GP);
		GEQ(guest_try_wrmsr(i, 0), GP);
	}
	guest_done();
}

/* Nothing for a guest that was not told of it, or told of nothing. */
static void refused_without_the_leaf(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	start_long(vcpu, all_refused);
	run_to_done(vcpu);
	vm_free(vm);
}

static void refused_without_the_feature(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_ENFORCE_CPUID, 1));
	give_leaves(vcpu, 0, 0, 0, 0);
	start_long(vcpu, all_refused);
	run_to_done(vcpu);
	vm_free(vm);
}

static u32 has_a, has_d;

static void only_one(void)
{
	static const struct {
		u32 msr, a, d;
	} needs[] = {
		{ OS_ID, A_HYPERCALL, 0 }, { HYPERCALL, A_HYPERCALL, 0 },
		{ VP_INDEX, A_INDEX, 0 }, { RESET, A_RESET, 0 },
		{ VP_RUNTIME, A_RUNTIME, 0 }, { TIME_REF_COUNT, A_TIME, 0 },
		{ REFERENCE_TSC, A_TSC_PAGE, 0 }, { TSC_FREQUENCY, A_FREQUENCY, 0 },
		{ APIC_FREQUENCY, A_FREQUENCY, 0 }, { HV_TPR, A_APIC, 0 },
		{ VP_ASSIST, A_APIC, 0 }, { REENLIGHTEN, A_REENLIGHTEN, 0 },
		{ SCONTROL, A_SYNIC, 0 }, { EOM, A_SYNIC, 0 }, { SINT(15), A_SYNIC, 0 },
		{ STIMER_CONFIG(0), A_STIMER, 0 }, { STIMER_COUNT(3), A_STIMER, 0 },
		{ CRASH_P0, 0, D_CRASH }, { CRASH_CTL, 0, D_CRASH },
	};
	u64 value;

	for (u32 i = 0; i < ARRAY_SIZE(needs); i++) {
		bool may = (needs[i].a & has_a) || (needs[i].d & has_d);

		GEQ(guest_try_rdmsr(needs[i].msr, &value), may ? NO_TRAP : GP);
	}
	guest_done();
}

static void each_feature_by_its_bit(void)
{
	for (u32 bit = 0; bit <= 14; bit++) {
		struct vm *vm = vm_new_irqchip();
		struct vcpu *vcpu = vcpu_new(vm, 0);
		u32 a = 1u << bit & A_ALL, d = a ? 0 : D_CRASH;

		OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_ENFORCE_CPUID, 1));
		OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_SYNIC2, 0));
		give_leaves(vcpu, a, d, 0, 0);
		start_long(vcpu, only_one);
		AT(vm, has_a) = a;
		AT(vm, has_d) = d;
		run_to_done(vcpu);
		vm_free(vm);
	}
}

/* --- the APIC, and ends -------------------------------------------------- */

#define VECTOR	0x61

static volatile u32 by_bit, by_msr;

static void end_by_assist(struct trapframe *frame)
{
	bool was;

	(void)frame;
	asm volatile("btrl $0, %1; setc %0" : "=q"(was), "+m"(*(u32 *)ASSIST_PAGE) : :
		     "cc", "memory");
	if (was) {
		by_bit++;
		return;
	}
	by_msr++;
	guest_wrmsr(HV_EOI, 0);
}

static void use_apic(void)
{
	guest_warm();
	apic_enable();
	guest_vector[VECTOR] = end_by_assist;
	for (u32 i = 1; i <= 50; i++) {
		if (i == 10)
			guest_wrmsr(VP_ASSIST, ASSIST_PAGE | 1);
		guest_wrmsr(HV_ICR, 0x40000 | VECTOR);
		guest_wait(guest_vector_count[VECTOR] == i);
		GEQ(apic_bit(APIC_ISR, VECTOR), 0);
	}
	GEQ(guest_rdmsr(HV_ICR) & 0xff, VECTOR);
	guest_wrmsr(HV_TPR, 0x70);
	GEQ(guest_rdmsr(HV_TPR), 0x70);
	GEQ(apic_read(APIC_TPR), 0x70);
	/* held off by the priority */
	guest_wrmsr(HV_ICR, 0x40000 | VECTOR);
	guest_window();
	GEQ(guest_vector_count[VECTOR], 50);
	guest_wrmsr(HV_TPR, 0);
	guest_wait(guest_vector_count[VECTOR] == 51);
	guest_sync4(by_bit, by_msr, 0, 0);
	guest_done();
}

static void apic_by_registers(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = hv_vcpu(vm, 0, use_apic);
	struct ucall uc;

	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0] + uc.arg[1], 51);
	note("%llu by the bit", (unsigned long long)uc.arg[0]);
	CHECK(uc.arg[0] >= 10, "%llu", (unsigned long long)uc.arg[0]);
	CHECK(uc.arg[1] >= 9, "%llu", (unsigned long long)uc.arg[1]);
	run_to_done(vcpu);
	vm_free(vm);
}

static void ends(void)
{
	guest_wrmsr(CRASH_P0, 0xdead);
	guest_wrmsr(CRASH_CTL, CRASH_NOTIFY);
	guest_wrmsr(CRASH_CTL, 0);
	guest_wrmsr(RESET, 0);
	guest_wrmsr(RESET, 1);
	guest_done();
}

static void crash_and_reset_exits(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = hv_vcpu(vm, 0, ends);

	EQ(msr_set(vcpu, CRASH_CTL, CRASH_NOTIFY), 1);
	MUST_EXIT(vcpu, KVM_EXIT_SYSTEM_EVENT);
	EQ(vcpu->run->system_event.type, KVM_SYSTEM_EVENT_CRASH);
	EQ(msr_must_get(vcpu, CRASH_P0), 0xdead);
	MUST_EXIT(vcpu, KVM_EXIT_SYSTEM_EVENT);
	EQ(vcpu->run->system_event.type, KVM_SYSTEM_EVENT_RESET);
	run_to_done(vcpu);
	vm_free(vm);
}

/* --- time ---------------------------------------------------------------- */

struct tsc_page {
	u32 sequence, reserved;
	u64 scale;
	s64 offset;
};

#define PAGE	((volatile struct tsc_page *)TSC_PAGE)

static u64 time_by_page(void)
{
	return (u64)((unsigned __int128)guest_rdtsc() * PAGE->scale >> 64) + PAGE->offset;
}

static void turn_round(void)
{
	for (;;)
		guest_sync(0);
}

static void tell_time(void)
{
	u64 before, now, after, hz = guest_rdmsr(TSC_FREQUENCY), t0, c0;

	t0 = guest_rdtsc();
	c0 = guest_rdmsr(TIME_REF_COUNT);
	guest_wrmsr(REFERENCE_TSC, TSC_PAGE | 1);
	for (u32 i = 0; i < 1000; i++) {
		before = guest_rdmsr(TIME_REF_COUNT);
		now = PAGE->sequence ? time_by_page() : before;
		after = guest_rdmsr(TIME_REF_COUNT);
		GCHECK(before >= c0);
		GCHECK(before <= now);
		GCHECK(now <= after);
	}
	/* one second is 10^7: as long by the TSC, give or take the two readings */
	guest_spin(hz / 20);
	now = guest_rdmsr(TIME_REF_COUNT) - c0;
	t0 = guest_rdtsc() - t0;
	after = t0 / (hz / 10000) * 1000;
	GCHECK(now <= after + 200000);
	GCHECK(now + 200000 >= after);
	guest_sync4(PAGE->sequence, before, 0, 0);
	/* the clock was set: both follow */
	before = guest_rdmsr(TIME_REF_COUNT);
	GCHECK(before >= 36000000000);
	GCHECK(before <= 46000000000);
	if (PAGE->sequence) {
		now = time_by_page();
		GCHECK(before <= now);
		GCHECK(now <= guest_rdmsr(TIME_REF_COUNT));
	}
	guest_sync4(PAGE->sequence, 0, 0, 0);
	/* the other's TSC is another one: the page is void */
	GEQ(PAGE->sequence, 0);
	GCHECK(guest_rdmsr(TIME_REF_COUNT) >= before);
	guest_done();
}

static void reference_time(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = hv_vcpu(vm, 0, tell_time), *other = hv_vcpu(vm, 1, turn_round);
	struct kvm_clock_data clock;
	struct ucall uc;
	u32 sequence;

	MUST(run_to_ucall(vcpu, &uc));
	sequence = uc.arg[0];
	MUST(!ioctl(vm->fd, KVM_GET_CLOCK, &clock));
	if (clock.flags & KVM_CLOCK_TSC_STABLE)
		CHECK(sequence, "the page is of no use");
	else
		note("no master clock here: by the register alone");
	CHECK(clock.clock / 100 >= uc.arg[1], "the paravirtual clock is behind");
	memset(&clock, 0, sizeof(clock));
	clock.clock = 3600000000000;
	MUST(!ioctl(vm->fd, KVM_SET_CLOCK, &clock));
	MUST(run_to_ucall(vcpu, &uc));
	CHECK(!sequence || uc.arg[0] != sequence, "the same parameters");
	msr_set(other, 0x10, 1ull << 50);
	run_to_sync(other);
	run_to_done(vcpu);
	vm_free(vm);
}

/*
 * After a migration: the guest's TSC is emulated for it, and the page is the one that it
 * brought along, whatever the clock does, until it says that it is done. The stock
 * modules then wait for the clock to be set once more.
 */
static void keep_page(void)
{
	u64 before, after;

	guest_sync(0);
	if (!PAGE->sequence) {
		guest_done();
		return;
	}
	GEQ(PAGE->sequence, 77);
	GEQ(PAGE->scale, 1ull << 60);
	GEQ(PAGE->offset, 123456789);
	before = time_by_page();
	after = guest_rdmsr(TIME_REF_COUNT);
	GCHECK(before <= after);
	GCHECK(after <= time_by_page());
	guest_sync(1);
	/* the clock was set */
	GEQ(PAGE->sequence, 77);
	GEQ(PAGE->offset, 123456789);
	guest_wrmsr(TSC_EMULATION, 0);
	GCHECK(PAGE->sequence != 77);
	GCHECK(PAGE->offset != 123456789);
	/* a page that the guest asks for is made all the same, and then stands still */
	guest_wrmsr(TSC_EMULATION, 1);
	guest_wrmsr(REFERENCE_TSC, INPUT_PAGE | 1);
	GCHECK(INPUT[0]);
	GCHECK(INPUT[2]);
	before = INPUT[2];
	guest_sync(2);
	GEQ(INPUT[2], before);
	guest_wrmsr(TSC_EMULATION, 0);
	GCHECK(INPUT[2] != before);
	guest_done();
}

static void page_stands_still(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = hv_vcpu(vm, 0, keep_page);
	struct kvm_clock_data clock = { .clock = 3600000000000 };
	struct kvm_clock_data now;
	struct tsc_page *page = at_gpa(vm, TSC_PAGE, sizeof(*page));

	run_to_sync(vcpu);
	MUST(!ioctl(vm->fd, KVM_GET_CLOCK, &now));
	if (!(now.flags & KVM_CLOCK_TSC_STABLE)) {
		SKIP("no master clock here, so that there is no page");
		vm_free(vm);
		return;
	}
	page->sequence = 77;
	page->scale = 1ull << 60;
	page->offset = 123456789;
	EQ(msr_set(vcpu, TSC_EMULATION, 1), 1);
	EQ(msr_set(vcpu, REFERENCE_TSC, TSC_PAGE | 1), 1);
	EQ(run_to_sync(vcpu), 1);
	MUST(!ioctl(vm->fd, KVM_SET_CLOCK, &clock));
	EQ(run_to_sync(vcpu), 2);
	MUST(!ioctl(vm->fd, KVM_SET_CLOCK, &clock));
	run_to_done(vcpu);
	vm_free(vm);
}

/* --- hypercalls ---------------------------------------------------------- */

static void make_calls(void)
{
	u64 ret = 0, code_page = CODE_PAGE;

	/* the page's code is Hyper-V's only when the guest has said what it is */
	hv_enlighten();
	guest_wrmsr(OS_ID, 0);
	asm volatile("call *%[page]" : "+a"(ret) : [page] "m"(code_page), "b"(0) : "memory");
	GEQ(ret, (u64)-1000);
	hv_enlighten();

	GEQ(hv_call(SPIN_WAIT | FAST, 0xfff, 0), 0);
	GEQ(hv_call(SPIN_WAIT, INPUT_PAGE, 0), 0);
	GEQ(hv_call(SPIN_WAIT | FAST | REPS(1), 0, 0), BAD_INPUT);
	GEQ(hv_call(SPIN_WAIT | FAST | START(1), 0, 0), BAD_INPUT);
	GEQ(hv_call(SPIN_WAIT | FAST | HEAD(1), 0, 0), BAD_INPUT);
	GEQ(hv_call(SPIN_WAIT | FAST | 1ull << 27, 0, 0), BAD_INPUT);
	GEQ(hv_call(SPIN_WAIT | FAST | 1ull << 44, 0, 0), BAD_INPUT);
	GEQ(hv_call(SPIN_WAIT | FAST | 1ull << 63, 0, 0), BAD_INPUT);
	GEQ(hv_call(0x7fff, 0, 0), BAD_CODE);
	GEQ(hv_call(0x0000, 0, 0), BAD_CODE);

	INPUT[0] = 0;
	INPUT[1] = ALL_PROCESSORS;
	INPUT[2] = 0;
	GEQ(hv_call(FLUSH_SPACE, INPUT_PAGE, 0), 0);
	GEQ(hv_call(FLUSH_SPACE, HOLE_GPA, 0), BAD_INPUT);
	GEQ(hv_call(FLUSH_SPACE, HOLE_GPA - 8, 0), BAD_INPUT);
	GEQ(hv_call(FLUSH_SPACE, ~7ull, 0), BAD_INPUT);
	GEQ(hv_call(FLUSH_SPACE | REPS(1), INPUT_PAGE, 0), BAD_INPUT);
	GEQ(hv_call(FLUSH_SPACE | HEAD(1), INPUT_PAGE, 0), BAD_INPUT);
	GEQ(hv_call(FLUSH_LIST, INPUT_PAGE, 0), BAD_INPUT);
	GEQ(hv_call(FLUSH_LIST | REPS(3), INPUT_PAGE, 0), REPS(3));
	GEQ(hv_call(FLUSH_LIST | REPS(3) | START(3), INPUT_PAGE, 0), BAD_INPUT);
	GEQ(hv_call(SEND_IPI | FAST, 15, 1), BAD_INPUT);
	GEQ(hv_call(SEND_IPI | FAST, 256, 1), BAD_INPUT);

	/* to nobody, which may be by any vector; to some it may not */
	INPUT[0] = 0;
	INPUT[1] = 0;
	INPUT[2] = 0;
	GEQ(hv_call(SEND_IPI_EX, INPUT_PAGE, 0), 0);
	INPUT[1] = 1;
	GEQ(hv_call(SEND_IPI_EX, INPUT_PAGE, 0), BAD_INPUT);

	/* sets: address space, flags, format, banks there are, banks */
	INPUT[1] = 0;
	INPUT[2] = 0;
	INPUT[3] = 0;
	GEQ(hv_call(FLUSH_SPACE_EX, INPUT_PAGE, 0), 0);
	INPUT[2] = 1;
	GEQ(hv_call(FLUSH_SPACE_EX, INPUT_PAGE, 0), 0);
	INPUT[2] = 0;
	INPUT[3] = 3;
	GEQ(hv_call(FLUSH_SPACE_EX | HEAD(1), INPUT_PAGE, 0), BAD_INPUT);
	GEQ(hv_call(FLUSH_SPACE_EX | HEAD(2), INPUT_PAGE, 0), 0);
	GEQ(hv_call(FLUSH_LIST_EX | HEAD(2) | REPS(5), INPUT_PAGE, 0), REPS(5));
	INPUT[3] = ~0ull;
	for (u32 i = 0; i < 64; i++)
		INPUT[4 + i] = ~0ull;
	GEQ(hv_call(FLUSH_SPACE_EX | HEAD(64), INPUT_PAGE, 0), 0);
	/* longer than the registers */
	GEQ(hv_call(FLUSH_SPACE_EX | HEAD(64) | FAST, 0, 0), BAD_INPUT);
	GEQ(hv_call(FLUSH_SPACE_EX | HEAD(1023), INPUT_PAGE, 0), BAD_INPUT);
	guest_done();
}

static void hypercalls(void)
{
	one_vcpu(make_calls);
}

static void denied(void)
{
	u64 trap;

	hv_enlighten();
	GEQ(hv_call(SPIN_WAIT | FAST, 0, 0), DENIED);
	GEQ(hv_call(FLUSH_SPACE_EX, INPUT_PAGE, 0), DENIED);
	GEQ(hv_call(SEND_IPI | FAST, VECTOR, 1), DENIED);
	GEQ(hv_call(SEND_IPI_EX, INPUT_PAGE, 0), DENIED);
	GEQ(hv_call(FLUSH_SPACE, INPUT_PAGE, 0), 0);
	/* no SSE registers as input */
	if (*(u8 *)(CODE_PAGE + 2) == 0xd9)
		trap = GUEST_TRY("vmmcall", , "c"(FLUSH_SPACE | FAST), "d"(0), "a"(0));
	else
		trap = GUEST_TRY("vmcall", , "c"(FLUSH_SPACE | FAST), "d"(0), "a"(0));
	GEQ(trap, UD);
	guest_done();
}

static void calls_by_their_bits(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_ENFORCE_CPUID, 1));
	give_leaves(vcpu, A_HYPERCALL, 0, ADVICE_FLUSH, ~0u);
	start_long(vcpu, denied);
	run_to_done(vcpu);
	vm_free(vm);
}

/* Two vCPUs that run in turn: whom a flush reaches is counted. */
static void flush_others(void)
{
	struct { u64 mask, bank; } x = { 1, 2 };

	hv_enlighten();
	guest_sync(0);
	INPUT[0] = 0;
	INPUT[1] = 0;
	INPUT[2] = 1 << 1;
	GEQ(hv_call(FLUSH_SPACE, INPUT_PAGE, 0), 0);
	guest_sync(1);
	INPUT[2] = 1 << 0;
	GEQ(hv_call(FLUSH_SPACE, INPUT_PAGE, 0), 0);
	guest_sync(0);
	INPUT[2] = 0;		/* a set with one bank */
	INPUT[3] = 1;
	INPUT[4] = 1 << 1;
	GEQ(hv_call(FLUSH_SPACE_EX | HEAD(1), INPUT_PAGE, 0), 0);
	guest_sync(1);
	INPUT[3] = 2;		/* which is not the first */
	GEQ(hv_call(FLUSH_SPACE_EX | HEAD(1), INPUT_PAGE, 0), 0);
	guest_sync(0);
	/* in registers: XMM0 has format and banks, XMM1 the bank */
	asm volatile("pxor %%xmm0, %%xmm0; movq %0, %%xmm0; pslldq $8, %%xmm0\n\t"
		     "movq %1, %%xmm1" : : "m"(x.mask), "m"(x.bank));
	GEQ(hv_call(FLUSH_SPACE_EX | HEAD(1) | FAST, 0, 0), 0);
	guest_sync(1);
	guest_done();
}

static void flushes_reach_whom_they_name(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *a = hv_vcpu(vm, 0, flush_others), *b = hv_vcpu(vm, 1, turn_round);
	struct ucall uc;
	u64 was, wanted;

	run_to_sync(b);
	for (u32 i = 0; i < 6; i++) {
		was = vcpu_stat(b, "tlb_flush");
		MUST(run_to_ucall(a, &uc));
		wanted = uc.arg[0];
		EQ(run_to_sync(b), 0);
		EQ(vcpu_stat(b, "tlb_flush") - was, wanted);
	}
	run_to_done(a);
	vm_free(vm);
}

/* At once: a reader of a page, and the one that moves it */
static volatile u64 round_nr, seen;

static void reader(void)
{
	volatile u64 *where = (u64 *)0xc0200000;

	while (round_nr < 100)
		seen = *where;
	guest_done();
}

#define DIR_GPA		(PT_GPA + 0x5000)	/* of 3..4 GiB, in 2 MiB pages */

static void mover(void)
{
	volatile u64 *entry = (u64 *)DIR_GPA + 1;

	hv_enlighten();
	for (u32 i = 0; i < 100; i++) {
		u64 to = FREE_GPA + (i & 1) * 0x200000;

		*entry = to | 0x83;
		GEQ(hv_call(FLUSH_SPACE | FAST, 0, ALL_PROCESSORS), 0);
		guest_wait(seen == (i & 1) + 1);
		round_nr++;
	}
	guest_done();
}

static void flushed_while_it_runs(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *a = hv_vcpu(vm, 0, mover), *b = hv_vcpu(vm, 1, reader);

	*(u64 *)at_gpa(vm, FREE_GPA, 8) = 1;
	*(u64 *)at_gpa(vm, FREE_GPA + 0x200000, 8) = 2;
	*(u64 *)at_gpa(vm, DIR_GPA + 8, 8) = FREE_GPA | 0x83;
	irqs_on_for_bochs(b);
	vcpu_start_to_done(b);
	run_to_done(a);
	vcpu_join(b);
	vm_free(vm);
}

static void takes_ipis(void)
{
	apic_enable();
	guest_vector[VECTOR] = guest_eoi_handler;
	round_nr = 1;
	guest_wait(guest_vector_count[VECTOR] == 3);
	guest_done();
}

static void send_and_wait(u64 control, u64 in, u64 out, u32 n)
{
	GEQ(hv_call(control, in, out), 0);
	guest_wait(guest_vector_count[VECTOR] == n);
}

static void sends_ipis(void)
{
	guest_warm();
	apic_enable();
	hv_enlighten();
	guest_wait(round_nr);
	/* nobody's */
	GEQ(hv_call(SEND_IPI | FAST, VECTOR, 1ull << 2 | 1ull << 63), 0);
	send_and_wait(SEND_IPI | FAST, VECTOR, 1 << 1, 1);
	INPUT[0] = VECTOR;
	INPUT[1] = 1 << 1;
	send_and_wait(SEND_IPI, INPUT_PAGE, 0, 2);
	INPUT[1] = 0;		/* format, banks there are, bank */
	INPUT[2] = 1;
	INPUT[3] = 1 << 1;
	send_and_wait(SEND_IPI_EX | HEAD(1), INPUT_PAGE, 0, 3);
	guest_done();
}

static void ipis_by_hypercall(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *a = hv_vcpu(vm, 0, sends_ipis), *b = hv_vcpu(vm, 1, takes_ipis);

	vcpu_start_to_done(b);
	run_to_done(a);
	vcpu_join(b);
	EQ(AT(vm, guest_vector_count[VECTOR]), 3);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(supported_leaves),
	TEST(registers_and_migration),
	TEST(refused_without_the_leaf),
	TEST(refused_without_the_feature),
	TEST(each_feature_by_its_bit),
	TEST(apic_by_registers),
	TEST(crash_and_reset_exits),
	TEST(reference_time),
	TEST(page_stands_still),
	TEST(hypercalls),
	TEST(calls_by_their_bits),
	TEST(flushes_reach_whom_they_name),
	TEST(flushed_while_it_runs),
	TEST(ipis_by_hypercall),
};

TEST_MAIN(tests)
