// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC: timers, priorities, EOI, both interfaces, NMI. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define VEC		0x50
#define MASKED		0x10000
#define PERIODIC	0x20000
#define DEADLINE	0x40000
#define SELF		0x40000
#define MSR_DEADLINE	0x6e0

static void begin(void)
{
	for (int i = 32; i < 256; i++)
		guest_vector[i] = guest_eoi_handler;
	guest_vector[0x5f] = NULL;
	guest_warm();
	apic_enable();
}

static void run_guest(guest_fn fn)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, fn);
	struct ucall uc;

	while (run_to_ucall(vcpu, &uc) && uc.cmd == UCALL_SYNC)
		note("guest says %#llx %#llx", (unsigned long long)uc.arg[0],
		     (unsigned long long)uc.arg[1]);
	vm_free(vm);
}

/* Timers */
static void one_shot_guest(void)
{
	u32 before;

	begin();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, VEC);
	apic_write(APIC_TMICT, 3000000);
	before = apic_read(APIC_TMCCT);
	GCHECK(before > 0 && before <= 3000000);
	guest_spin(1000);
	GCHECK(apic_read(APIC_TMCCT) < before);
	while (!guest_vector_count[VEC])
		guest_halt();
	GEQ(apic_read(APIC_TMCCT), 0);
	guest_sti();
	guest_spin(10000000);
	guest_cli();
	GEQ(guest_vector_count[VEC], 1);
	/* stopped by 0 (in time, even on a slow host), and by the mask */
	apic_write(APIC_TMICT, 20000000);
	apic_write(APIC_TMICT, 0);
	GEQ(apic_read(APIC_TMCCT), 0);
	apic_write(APIC_LVTT, VEC | MASKED);
	apic_write(APIC_TMICT, 1000);
	guest_sti();
	guest_spin(10000000);
	guest_cli();
	GEQ(guest_vector_count[VEC], 1);
	guest_done();
}

static void timer_one_shot(void)
{
	run_guest(one_shot_guest);
}

/* Far too long a count; the VMM takes it away. */
static void kept_waiting_guest(void)
{
	begin();
	apic_write(APIC_TDCR, 3);
	apic_write(APIC_LVTT, VEC);
	apic_write(APIC_TMICT, ~0u);
	guest_sync(apic_read(APIC_TMCCT) > 0);
	while (!guest_vector_count[VEC])
		guest_halt();
	GEQ(apic_read(APIC_TMCCT), 0);
	guest_done();
}

/* QEMU saves no current count: the guest must not wait for ever behind a migration. */
static void one_shot_given_back_without_its_count(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, kept_waiting_guest);
	struct kvm_lapic_state state;
	struct ucall uc;

	MUST(run_to_ucall(vcpu, &uc) && uc.cmd == UCALL_SYNC);
	EQ(uc.arg[0], 1);
	MUST(!ioctl(vcpu->fd, KVM_GET_LAPIC, &state));
	CHECK(*(u32 *)(state.regs + APIC_TMCCT) > 0);
	*(u32 *)(state.regs + APIC_TMCCT) = 0;
	MUST(!ioctl(vcpu->fd, KVM_SET_LAPIC, &state));
	CHECK(!run_to_ucall(vcpu, &uc) || uc.cmd == UCALL_DONE);
	vm_free(vm);
}

static void periodic_guest(void)
{
	u64 seen;

	begin();
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, VEC | PERIODIC);
	apic_write(APIC_TMICT, 2000000);
	while (guest_vector_count[VEC] < 10) {
		GCHECK(apic_read(APIC_TMCCT) <= 2000000);
		guest_halt();
	}
	apic_write(APIC_LVTT, VEC | MASKED | PERIODIC);
	guest_window();
	seen = guest_vector_count[VEC];
	guest_sti();
	guest_spin(20000000);
	guest_cli();
	GEQ(guest_vector_count[VEC], seen);
	guest_done();
}

static void timer_periodic(void)
{
	run_guest(periodic_guest);
}

static void deadline_guest(void)
{
	u32 r[4];
	u64 deadline;

	begin();
	guest_cpuid(1, 0, r);
	GEQ(r[2] >> 24 & 1, 1);
	apic_write(APIC_LVTT, VEC | DEADLINE);
	for (u64 i = 1; i <= 10; i++) {
		deadline = guest_rdtsc() + i * 300000;
		guest_wrmsr(MSR_DEADLINE, deadline);
		while (guest_vector_count[VEC] < i)
			guest_halt();
		GCHECK(guest_rdtsc() >= deadline);
		GEQ(guest_rdmsr(MSR_DEADLINE), 0);
	}
	/* in the past: now */
	guest_wrmsr(MSR_DEADLINE, 1);
	guest_sti();
	guest_spin(1000000);
	guest_cli();
	GEQ(guest_vector_count[VEC], 11);
	/* taken back */
	guest_wrmsr(MSR_DEADLINE, guest_rdtsc() + 50000000);
	guest_wrmsr(MSR_DEADLINE, 0);
	/* the other mode's register does nothing in this one */
	apic_write(APIC_TMICT, 1000);
	GEQ(apic_read(APIC_TMCCT), 0);
	guest_sti();
	guest_spin(80000000);
	guest_cli();
	GEQ(guest_vector_count[VEC], 11);
	/* and far away, for ever */
	guest_wrmsr(MSR_DEADLINE, ~0ull);
	guest_done();
}

static void timer_tsc_deadline(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);

	if (!has_cap(vm->kvm, KVM_CAP_TSC_DEADLINE_TIMER))
		SKIP("KVM_CAP_TSC_DEADLINE_TIMER is not offered");
	cpuid_find(cpuid, 1, 0)->ecx |= 1u << 24;
	OK(ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	start_long_only(vcpu, deadline_guest);
	run_to_done(vcpu);
	vm_free(vm);
}

static void extremes_guest(void)
{
	begin();
	/* every divisor, the smallest counts, as fast as can be */
	for (u32 divide = 0; divide < 32; divide++) {
		apic_write(APIC_TDCR, divide);
		for (u32 count = 0; count < 3; count++) {
			apic_write(APIC_LVTT, VEC | (count ? PERIODIC : 0));
			apic_write(APIC_TMICT, count);
			(void)apic_read(APIC_TMCCT);
			guest_window();
		}
		apic_write(APIC_TMICT, ~0u);
		guest_spin(100);
		(void)apic_read(APIC_TMCCT);
	}
	apic_write(APIC_TDCR, ~0u);
	apic_write(APIC_LVTT, VEC | PERIODIC | DEADLINE);
	apic_write(APIC_TMICT, 1);
	guest_spin(1000);
	(void)apic_read(APIC_TMCCT);
	apic_write(APIC_LVTT, MASKED);
	guest_done();
}

static void timer_extremes(void)
{
	run_guest(extremes_guest);
}

/* Priorities */
static volatile u8 order[16];
static volatile u32 taken;

static void record(struct trapframe *frame)
{
	order[taken++ & 15] = frame->vector;
	GEQ(apic_bit(APIC_ISR, frame->vector), 1);
	GEQ(apic_bit(APIC_IRR, frame->vector), 0);
	GEQ(apic_read(APIC_PPR) & 0xf0, frame->vector & 0xf0);
	apic_write(APIC_EOI, 0);
	GEQ(apic_bit(APIC_ISR, frame->vector), 0);
}

static void order_guest(void)
{
	static const u8 vectors[] = { 0x41, 0x91, 0x61, 0x62, 0xf0, 0x21 };
	static const u8 sorted[] = { 0xf0, 0x91, 0x62, 0x61, 0x41, 0x21 };

	begin();
	for (int i = 32; i < 256; i++)
		guest_vector[i] = record;
	for (size_t i = 0; i < sizeof(vectors); i++) {
		apic_icr(0, SELF | vectors[i]);
		GEQ(apic_bit(APIC_IRR, vectors[i]), 1);
	}
	GEQ(taken, 0);
	guest_sti();
	guest_spin(100000);
	guest_cli();
	GEQ(taken, 6);
	for (size_t i = 0; i < sizeof(sorted); i++)
		GEQ(order[i], sorted[i]);
	/* twice is once */
	apic_icr(0, SELF | 0x41);
	apic_icr(0, SELF | 0x41);
	guest_sti();
	guest_spin(100000);
	guest_cli();
	GEQ(taken, 7);
	guest_done();
}

static void higher_vectors_first(void)
{
	needs_prompt_interrupts();
	run_guest(order_guest);
}

static u64 read_cr8(void)
{
	u64 value;

	asm volatile("mov %%cr8, %0" : "=r"(value));
	return value;
}

static void write_cr8(u64 value)
{
	asm volatile("mov %0, %%cr8" : : "r"(value) : "memory");
}

static void tpr_guest(void)
{
	begin();
	apic_write(APIC_TPR, 0x50);
	GEQ(read_cr8(), 5);
	GEQ(apic_read(APIC_PPR), 0x50);
	apic_icr(0, SELF | 0x4f);
	apic_icr(0, SELF | 0x5e);
	apic_icr(0, SELF | 0x60);
	guest_sti();
	guest_spin(100000);
	GEQ(guest_vector_count[0x60], 1);
	GEQ(guest_vector_count[0x5e], 0);
	GEQ(guest_vector_count[0x4f], 0);
	write_cr8(4);
	guest_spin(100000);
	GEQ(apic_read(APIC_TPR), 0x40);
	GEQ(guest_vector_count[0x5e], 1);
	GEQ(guest_vector_count[0x4f], 0);
	apic_write(APIC_TPR, 0x3f);
	guest_spin(100000);
	guest_cli();
	GEQ(guest_vector_count[0x4f], 1);
	GEQ(read_cr8(), 3);
	write_cr8(15);
	apic_icr(0, SELF | 0xff);
	guest_window();
	GEQ(guest_vector_count[0xff], 0);
	write_cr8(0);
	guest_sti();
	guest_spin(100000);
	guest_cli();
	GEQ(guest_vector_count[0xff], 1);
	guest_done();
}

static void task_priority_by_both_ways(void)
{
	run_guest(tpr_guest);
}

/* A handler that opens interrupts is interrupted by higher ones alone. */
static volatile u32 depth, high_inside, low_inside;

static void outer(struct trapframe *frame)
{
	(void)frame;
	depth++;
	apic_icr(0, SELF | 0x45);
	apic_icr(0, SELF | 0xa0);
	guest_sti();
	guest_spin(100000);
	guest_cli();
	high_inside = guest_vector_count[0xa0];
	low_inside = guest_vector_count[0x45];
	apic_write(APIC_EOI, 0);
	depth--;
}

static void nesting_guest(void)
{
	begin();
	guest_vector[0x70] = outer;
	apic_icr(0, SELF | 0x70);
	guest_sti();
	guest_spin(200000);
	guest_cli();
	GEQ(high_inside, 1);
	GEQ(low_inside, 0);
	GEQ(guest_vector_count[0x45], 1);
	GEQ(depth, 0);
	/* an EOI too many does no harm */
	apic_write(APIC_EOI, 0);
	apic_write(APIC_EOI, 0);
	guest_done();
}

static void nested_handlers(void)
{
	run_guest(nesting_guest);
}

static void software_disabled_guest(void)
{
	begin();
	apic_write(APIC_LVTERR, 0xfe);
	apic_write(APIC_SPIV, 0xff);
	/* off: every LVT entry is masked */
	GEQ(apic_read(APIC_LVTERR) & MASKED, MASKED);
	apic_write(APIC_LVTERR, 0xfe);
	GEQ(apic_read(APIC_LVTERR) & MASKED, MASKED);
	apic_enable();
	apic_write(APIC_LVTERR, 0xfe);
	GEQ(apic_read(APIC_LVTERR) & MASKED, 0);
	guest_done();
}

static void disabled_by_software(void)
{
	run_guest(software_disabled_guest);
}

/* x2APIC */
static void x2apic_guest(void)
{
	u64 value;

	begin();
	for (int i = 32; i < 256; i++)
		guest_vector[i] = guest_x2apic_eoi_handler;
	/* not by MSR while it is an xAPIC */
	GEQ(guest_try_rdmsr(0x802, &value), GP_VECTOR);
	x2apic_enable();
	GEQ(x2apic_read(APIC_ID), 0);
	GEQ(x2apic_read(APIC_LDR), 1);
	GEQ(x2apic_read(APIC_VERSION) & 0xff, 0x14);
	x2apic_write(APIC_SELF_IPI, 0x77);
	GEQ(x2apic_read(APIC_IRR + 0x30) >> 23 & 1, 1);
	guest_sti();
	guest_spin(100000);
	GEQ(guest_vector_count[0x77], 1);
	guest_wrmsr(0x830, SELF | 0x78);
	guest_spin(100000);
	GEQ(guest_vector_count[0x78], 1);
	/* to itself by number */
	guest_wrmsr(0x830, 0x79);
	guest_spin(100000);
	guest_cli();
	GEQ(guest_vector_count[0x79], 1);
	/* what is read-only, write-only, or not there */
	GEQ(guest_try_wrmsr(0x802, 0), GP_VECTOR);
	GEQ(guest_try_wrmsr(0x803, 0), GP_VECTOR);
	GEQ(guest_try_rdmsr(0x80b, &value), GP_VECTOR);
	GEQ(guest_try_rdmsr(0x80e, &value), GP_VECTOR);
	GEQ(guest_try_wrmsr(0x80e, 0), GP_VECTOR);
	GEQ(guest_try_rdmsr(0x831, &value), GP_VECTOR);
	GEQ(guest_try_rdmsr(0x83f, &value), GP_VECTOR);
	GEQ(guest_try_wrmsr(0x80f, 1ull << 32), GP_VECTOR);
	/* back to xAPIC only by way of off */
	value = guest_rdmsr(0x1b);
	GEQ(guest_try_wrmsr(0x1b, value & ~0x400ull), GP_VECTOR);
	GEQ(guest_try_wrmsr(0x1b, (value & ~0xc00ull) | 0x400), GP_VECTOR);
	guest_wrmsr(0x1b, value & ~0xc00ull);
	GEQ(guest_try_rdmsr(0x802, &value), GP_VECTOR);
	guest_wrmsr(0x1b, 0xfee00900);
	GEQ(apic_read(APIC_ID), 0);
	guest_done();
}

static void x2apic(void)
{
	run_guest(x2apic_guest);
}

static void x2apic_timer_guest(void)
{
	begin();
	guest_vector[VEC] = guest_x2apic_eoi_handler;
	x2apic_enable();
	x2apic_write(APIC_TDCR, 0xb);
	x2apic_write(APIC_LVTT, VEC | PERIODIC);
	x2apic_write(APIC_TMICT, 1000000);
	while (guest_vector_count[VEC] < 5)
		guest_halt();
	x2apic_write(APIC_TMICT, 0);
	guest_done();
}

static void timer_by_x2apic(void)
{
	run_guest(x2apic_timer_guest);
}

/* Random register numbers by MSR: 0x800-0x8ff, values of all sorts */
static void x2apic_sweep_guest(void)
{
	u64 value;

	begin();
	for (int i = 32; i < 256; i++)
		guest_vector[i] = guest_x2apic_eoi_handler;
	x2apic_enable();
	for (u32 i = 0x800; i < 0x900; i++) {
		guest_try_rdmsr(i, &value);
		if (i == 0x830 || i == 0x83f)
			continue;
		guest_try_wrmsr(i, ~0ull);
		guest_try_wrmsr(i, 0xffffffff);
		guest_try_wrmsr(i, 0x10000);
		guest_try_wrmsr(i, 0);
	}
	/* destinations that nobody has */
	for (int i = 0; i < 64; i++) {
		guest_try_wrmsr(0x830, (0xffffffffull >> (i / 2)) << 32 | 0x800 * (i & 1) | 0x99);
		guest_try_wrmsr(0x830, (u64)(i * 0x01010101u + 1) << 32 | 0x99);
	}
	guest_window();
	guest_done();
}

static void x2apic_sweep(void)
{
	run_guest(x2apic_sweep_guest);
}

/* NMI: not blocked by IF, blocked by itself */
static volatile u32 nmis, nmi_depth, nmi_nested;

static void nmi(struct trapframe *frame)
{
	(void)frame;
	nmis++;
	nmi_nested |= nmi_depth++ > 0;
	if (nmis == 1)
		guest_sync(100);
	guest_spin(1000);
	nmi_depth--;
}

static void nmi_guest(void)
{
	guest_vector[2] = nmi;
	guest_warm();
	guest_sync(1);
	guest_spin(200000);
	guest_sync(nmis);
	GEQ(nmi_nested, 0);
	guest_done();
}

static void nmi_blocks_itself(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, nmi_guest);

	if (on_bochs() && on_amd())
		SKIP("Bochs's SVM gets the step over an IRET wrong, which ends the NMI");
	EQ(run_to_sync(vcpu), 1);
	OK(ioctl(vcpu->fd, KVM_NMI, 0));
	EQ(run_to_sync(vcpu), 100);
	/* inside the handler: however many, one is kept */
	for (int i = 0; i < 5; i++)
		OK(ioctl(vcpu->fd, KVM_NMI, 0));
	EQ(run_to_sync(vcpu), 2);
	run_to_done(vcpu);
	vm_free(vm);
}

static void wakes_guest(void)
{
	begin();
	guest_vector[2] = nmi;
	nmis = 1;
	guest_sync(1);
	asm volatile("cli; hlt" : : : "memory");
	GEQ(nmis, 2);
	guest_done();
}

static void nmi_ends_a_halt(void)
{
	/* delivery mode 4 */
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x400 };
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, wakes_guest);

	EQ(run_to_sync(vcpu), 1);
	vcpu_start_to_done(vcpu);
	sleep_ms(50);
	EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	vcpu_join(vcpu);
	vm_free(vm);
}

/* Without EOI nothing of the same class comes; the kernel keeps what is behind. */
static void no_eoi(struct trapframe *frame)
{
	(void)frame;
}

static void missing_eoi_guest(void)
{
	begin();
	guest_vector[0x80] = no_eoi;
	apic_icr(0, SELF | 0x80);
	guest_sti();
	guest_spin(50000);
	apic_icr(0, SELF | 0x80);
	apic_icr(0, SELF | 0x81);
	apic_icr(0, SELF | 0x90);
	guest_spin(50000);
	GEQ(guest_vector_count[0x80], 1);
	GEQ(guest_vector_count[0x81], 0);
	GEQ(guest_vector_count[0x90], 1);
	GEQ(apic_bit(APIC_IRR, 0x80), 1);
	apic_write(APIC_EOI, 0);
	guest_spin(50000);
	guest_cli();
	GEQ(guest_vector_count[0x81], 1);
	GEQ(guest_vector_count[0x80], 2);
	guest_done();
}

static void missing_eoi_holds_back(void)
{
	run_guest(missing_eoi_guest);
}

static const struct test tests[] = {
	TEST(timer_one_shot),
	TEST(one_shot_given_back_without_its_count),
	TEST(timer_periodic),
	TEST(timer_tsc_deadline),
	TEST(timer_extremes),
	TEST(higher_vectors_first),
	TEST(task_priority_by_both_ways),
	TEST(nested_handlers),
	TEST(missing_eoi_holds_back),
	TEST(disabled_by_software),
	TEST(x2apic),
	TEST(timer_by_x2apic),
	TEST(x2apic_sweep),
	TEST(nmi_blocks_itself),
	TEST(nmi_ends_a_halt),
};

TEST_MAIN(tests)
