// SPDX-License-Identifier: GPL-2.0-only
/* What a guest finds that was told of Hyper-V: leaves, registers, time, hypercalls. */
#include <asm/kvm_para.h>
#include <stdlib.h>
#include <string.h>

#include "vm.h"

#define GP	13
#define UD	6

#define HV1	0x31237648u	/* "Hv#1" */

#define OS_ID		0x40000000
#define HYPERCALL	0x40000001
#define VP_INDEX	0x40000002
#define RESET		0x40000003
#define VP_RUNTIME	0x40000010
#define TIME_REF_COUNT	0x40000020
#define REFERENCE_TSC	0x40000021
#define TSC_FREQUENCY	0x40000022
#define APIC_FREQUENCY	0x40000023
#define HV_EOI		0x40000070
#define HV_ICR		0x40000071
#define HV_TPR		0x40000072
#define VP_ASSIST	0x40000073
#define CRASH_P0	0x40000100
#define CRASH_CTL	0x40000105
#define REENLIGHTEN	0x40000106
#define TSC_EMULATION	0x40000107

#define LINUX_ID	0x8100000000000001ull
#define CRASH_NOTIFY	(1ull << 63)

#define CODE_PAGE	SCRATCH_GPA
#define TSC_PAGE	(SCRATCH_GPA + 0x1000)
#define ASSIST_PAGE	(SCRATCH_GPA + 0x2000)	/* one per vCPU */
#define INPUT_PAGE	(SCRATCH_GPA + 0x8000)

/* Bits of leaves 0x40000003 (EAX, EDX) and 0x40000004 (EAX) */
#define A_RUNTIME	(1u << 0)
#define A_TIME		(1u << 1)
#define A_APIC		(1u << 4)
#define A_HYPERCALL	(1u << 5)
#define A_INDEX		(1u << 6)
#define A_RESET		(1u << 7)
#define A_TSC_PAGE	(1u << 9)
#define A_FREQUENCY	(1u << 11)
#define A_REENLIGHTEN	(1u << 13)
#define A_ALL		(A_RUNTIME | A_TIME | A_APIC | A_HYPERCALL | A_INDEX | A_RESET | \
			 A_TSC_PAGE | A_FREQUENCY | A_REENLIGHTEN)
#define D_XMM		(1u << 4)
#define D_CRASH		(1u << 10)
#define ADVICE_FLUSH	(1u << 2)
#define ADVICE_IPI	(1u << 10)
#define ADVICE_EX	(1u << 11)

/* Hypercalls, the parts of their control word, and results */
#define FLUSH_SPACE	0x02
#define FLUSH_LIST	0x03
#define SPIN_WAIT	0x08
#define SEND_IPI	0x0b
#define POST_MESSAGE	0x5c
#define FLUSH_SPACE_EX	0x13
#define FLUSH_LIST_EX	0x14
#define SEND_IPI_EX	0x15
#define FAST		(1ull << 16)
#define HEAD(n)		((u64)(n) << 17)
#define REPS(n)		((u64)(n) << 32)
#define START(n)	((u64)(n) << 48)
#define ALL_PROCESSORS	1
#define BAD_CODE	2
#define BAD_INPUT	3
#define DENIED		6

/* --- host's side --------------------------------------------------------- */

struct hv_leaves {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 e[16];
};

static const struct {
	u32 function;
	u32 a, b, d, advice;
} full = { 0, A_ALL, 0, D_XMM | D_CRASH, ADVICE_FLUSH | ADVICE_IPI | ADVICE_EX };

static void add_leaf(struct kvm_cpuid2 *c, u32 function, u32 eax, u32 ebx, u32 edx)
{
	struct kvm_cpuid_entry2 *e = cpuid_find(c, function, 0);

	if (!e)
		e = &c->entries[c->nent++];
	memset(e, 0, sizeof(*e));
	e->function = function;
	e->eax = eax;
	e->ebx = ebx;
	e->edx = edx;
}

static void give_leaves(struct vcpu *vcpu, u32 a, u32 d, u32 advice, u32 spins)
{
	struct kvm_cpuid2 *c = cpuid_supported(vcpu->vm->kvm);
	struct kvm_cpuid_entry2 *one = cpuid_find(c, 1, 0);

	one->ebx = (one->ebx & 0xffffff) | vcpu->id << 24;
	add_leaf(c, 0x40000000, 0x40000005, 0, 0);
	add_leaf(c, 0x40000001, HV1, 0, 0);
	add_leaf(c, 0x40000003, a, 0, d);
	add_leaf(c, 0x40000004, advice, spins, 0);
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, c));
	vcpu->has_cpuid = true;
	free(c);
}

static int vcpu_cap(struct vcpu *vcpu, u32 cap, u64 arg)
{
	struct kvm_enable_cap e = { .cap = cap, .args[0] = arg };

	return ioctl(vcpu->fd, KVM_ENABLE_CAP, &e);
}

static struct vcpu *hv_vcpu(struct vm *vm, int id, guest_fn fn)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct vcpu *vcpu = vcpu_new(vm, id);

	give_leaves(vcpu, full.a, full.d, full.advice, 0xfff);
	MUST(!ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable));
	start_long(vcpu, fn);
	return vcpu;
}

static void one_vcpu(guest_fn fn)
{
	struct vm *vm = vm_new_irqchip();

	run_to_done(hv_vcpu(vm, 0, fn));
	vm_free(vm);
}

/* --- the guest's side ---------------------------------------------------- */

static u64 code_page = CODE_PAGE;

/* RCX, RDX and R8, as the page's caller finds them; the page ends in RET. */
static u64 call_page(u64 control, u64 in, u64 out)
{
	register u64 r8 asm("r8") = out;
	u64 ret;

	asm volatile("call *%[page]"
		     : "=a"(ret), "+c"(control), "+d"(in), "+r"(r8)
		     : [page] "m"(code_page) : "memory", "cc", "r9", "r10", "r11");
	return ret;
}

static void enlighten(void)
{
	guest_wrmsr(OS_ID, LINUX_ID);
	guest_wrmsr(HYPERCALL, CODE_PAGE | 1);
}

#define INPUT	((volatile u64 *)INPUT_PAGE)

/* --- leaves -------------------------------------------------------------- */

static void check_leaves(int fd)
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
	EQ(l.e[3].eax & A_ALL, A_ALL);
	EQ(l.e[3].edx & (D_XMM | D_CRASH), D_XMM | D_CRASH);
	EQ(l.e[4].eax & full.advice, full.advice);
	EQ(l.e[4].ebx, 0xfff);
	EQ(l.e[5].eax, has_cap(fd, KVM_CAP_MAX_VCPUS));
	EQ(l.e[5].ebx, 64);
	EQ(l.e[9].eax, 1 << 19);
}

static void supported_leaves(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct hv_leaves l = { .head.nent = 16 };

	check_leaves(vm->kvm);
	OK(ioctl(vcpu->fd, KVM_GET_SUPPORTED_HV_CPUID, &l));
	EQ(l.head.nent, 10);
	FAILS(ioctl(vm->kvm, KVM_GET_SUPPORTED_HV_CPUID, (void *)16), EFAULT);
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
	enlighten();
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

/* --- hypercalls ---------------------------------------------------------- */

static void make_calls(void)
{
	u64 ret = 0;

	/* the page's code is Hyper-V's only when the guest has said what it is */
	enlighten();
	guest_wrmsr(OS_ID, 0);
	asm volatile("call *%[page]" : "+a"(ret) : [page] "m"(code_page), "b"(0) : "memory");
	GEQ(ret, (u64)-1000);
	enlighten();

	GEQ(call_page(SPIN_WAIT | FAST, 0xfff, 0), 0);
	GEQ(call_page(SPIN_WAIT, INPUT_PAGE, 0), 0);
	GEQ(call_page(SPIN_WAIT | FAST | REPS(1), 0, 0), BAD_INPUT);
	GEQ(call_page(SPIN_WAIT | FAST | START(1), 0, 0), BAD_INPUT);
	GEQ(call_page(SPIN_WAIT | FAST | HEAD(1), 0, 0), BAD_INPUT);
	GEQ(call_page(SPIN_WAIT | FAST | 1ull << 27, 0, 0), BAD_INPUT);
	GEQ(call_page(SPIN_WAIT | FAST | 1ull << 44, 0, 0), BAD_INPUT);
	GEQ(call_page(SPIN_WAIT | FAST | 1ull << 63, 0, 0), BAD_INPUT);
	GEQ(call_page(0x7fff, 0, 0), BAD_CODE);
	GEQ(call_page(0x0000, 0, 0), BAD_CODE);

	INPUT[0] = 0;
	INPUT[1] = ALL_PROCESSORS;
	INPUT[2] = 0;
	GEQ(call_page(FLUSH_SPACE, INPUT_PAGE, 0), 0);
	GEQ(call_page(FLUSH_SPACE, HOLE_GPA, 0), BAD_INPUT);
	GEQ(call_page(FLUSH_SPACE, HOLE_GPA - 8, 0), BAD_INPUT);
	GEQ(call_page(FLUSH_SPACE, ~7ull, 0), BAD_INPUT);
	GEQ(call_page(FLUSH_SPACE | REPS(1), INPUT_PAGE, 0), BAD_INPUT);
	GEQ(call_page(FLUSH_SPACE | HEAD(1), INPUT_PAGE, 0), BAD_INPUT);
	GEQ(call_page(FLUSH_LIST, INPUT_PAGE, 0), BAD_INPUT);
	GEQ(call_page(FLUSH_LIST | REPS(3), INPUT_PAGE, 0), REPS(3));
	GEQ(call_page(FLUSH_LIST | REPS(3) | START(3), INPUT_PAGE, 0), BAD_INPUT);
	GEQ(call_page(SEND_IPI | FAST, 15, 1), BAD_INPUT);
	GEQ(call_page(SEND_IPI | FAST, 256, 1), BAD_INPUT);

	/* sets: address space, flags, format, banks there are, banks */
	INPUT[1] = 0;
	INPUT[2] = 0;
	INPUT[3] = 0;
	GEQ(call_page(FLUSH_SPACE_EX, INPUT_PAGE, 0), 0);
	INPUT[2] = 1;
	GEQ(call_page(FLUSH_SPACE_EX, INPUT_PAGE, 0), 0);
	INPUT[2] = 0;
	INPUT[3] = 3;
	GEQ(call_page(FLUSH_SPACE_EX | HEAD(1), INPUT_PAGE, 0), BAD_INPUT);
	GEQ(call_page(FLUSH_SPACE_EX | HEAD(2), INPUT_PAGE, 0), 0);
	GEQ(call_page(FLUSH_LIST_EX | HEAD(2) | REPS(5), INPUT_PAGE, 0), REPS(5));
	INPUT[3] = ~0ull;
	for (u32 i = 0; i < 64; i++)
		INPUT[4 + i] = ~0ull;
	GEQ(call_page(FLUSH_SPACE_EX | HEAD(64), INPUT_PAGE, 0), 0);
	/* longer than the registers */
	GEQ(call_page(FLUSH_SPACE_EX | HEAD(64) | FAST, 0, 0), BAD_INPUT);
	GEQ(call_page(FLUSH_SPACE_EX | HEAD(1023), INPUT_PAGE, 0), BAD_INPUT);
	guest_done();
}

static void hypercalls(void)
{
	one_vcpu(make_calls);
}

static void denied(void)
{
	u64 trap;

	enlighten();
	GEQ(call_page(SPIN_WAIT | FAST, 0, 0), DENIED);
	GEQ(call_page(FLUSH_SPACE_EX, INPUT_PAGE, 0), DENIED);
	GEQ(call_page(SEND_IPI | FAST, VECTOR, 1), DENIED);
	GEQ(call_page(SEND_IPI_EX, INPUT_PAGE, 0), DENIED);
	GEQ(call_page(FLUSH_SPACE, INPUT_PAGE, 0), 0);
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

	enlighten();
	guest_sync(0);
	INPUT[0] = 0;
	INPUT[1] = 0;
	INPUT[2] = 1 << 1;
	GEQ(call_page(FLUSH_SPACE, INPUT_PAGE, 0), 0);
	guest_sync(1);
	INPUT[2] = 1 << 0;
	GEQ(call_page(FLUSH_SPACE, INPUT_PAGE, 0), 0);
	guest_sync(0);
	INPUT[2] = 0;		/* a set with one bank */
	INPUT[3] = 1;
	INPUT[4] = 1 << 1;
	GEQ(call_page(FLUSH_SPACE_EX | HEAD(1), INPUT_PAGE, 0), 0);
	guest_sync(1);
	INPUT[3] = 2;		/* which is not the first */
	GEQ(call_page(FLUSH_SPACE_EX | HEAD(1), INPUT_PAGE, 0), 0);
	guest_sync(0);
	/* in registers: XMM0 has format and banks, XMM1 the bank */
	asm volatile("pxor %%xmm0, %%xmm0; movq %0, %%xmm0; pslldq $8, %%xmm0\n\t"
		     "movq %1, %%xmm1" : : "m"(x.mask), "m"(x.bank));
	GEQ(call_page(FLUSH_SPACE_EX | HEAD(1) | FAST, 0, 0), 0);
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

	enlighten();
	for (u32 i = 0; i < 100; i++) {
		u64 to = FREE_GPA + (i & 1) * 0x200000;

		*entry = to | 0x83;
		GEQ(call_page(FLUSH_SPACE | FAST, 0, ALL_PROCESSORS), 0);
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
	GEQ(call_page(control, in, out), 0);
	guest_wait(guest_vector_count[VECTOR] == n);
}

static void sends_ipis(void)
{
	guest_warm();
	apic_enable();
	enlighten();
	guest_wait(round_nr);
	/* nobody's */
	GEQ(call_page(SEND_IPI | FAST, VECTOR, 1ull << 2 | 1ull << 63), 0);
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
	TEST(hypercalls),
	TEST(calls_by_their_bits),
	TEST(flushes_reach_whom_they_name),
	TEST(flushed_while_it_runs),
	TEST(ipis_by_hypercall),
};

TEST_MAIN(tests)
