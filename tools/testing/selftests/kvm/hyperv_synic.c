// SPDX-License-Identifier: GPL-2.0-only
/* Hyper-V's synthetic interrupt controller and timers, on our side and the guest's. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hyperv.h"

#define MESSAGES	(SCRATCH_GPA + 0x10000)
#define EVENTS		(SCRATCH_GPA + 0x11000)

#define MASKED		0x10000u
#define AUTO		0x20000u
#define VEC_A		0x51
#define VEC_B		0x61
#define VEC_LOW		0x31

#define T_ENABLE	(1u << 0)
#define T_PERIODIC	(1u << 1)
#define T_AUTO		(1u << 3)
#define T_DIRECT(v)	((u64)(v) << 4 | 1u << 12)
#define T_SINT(n)	((u64)(n) << 16)

#define MS		10000ull	/* in units of reference time */
#define TIMER_EXPIRED	0x80000010u
#define PENDING		1

struct message {
	u32 type;
	u8 size, flags, reserved[2];
	u64 sender;
	u32 timer, zero;
	u64 expired, delivered;
	u8 rest[256 - 40];
};

#define SLOT(n)	((volatile struct message *)MESSAGES + (n))

static struct vcpu *synic_vcpu(struct vm *vm, int id, guest_fn fn)
{
	struct vcpu *vcpu = hv_vcpu(vm, id, fn);

	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_SYNIC2, 0));
	return vcpu;
}

/* With a message page, as if its guest had set it */
static struct vcpu *timer_vcpu(struct vm *vm, guest_fn fn)
{
	struct vcpu *vcpu = synic_vcpu(vm, 0, fn);

	EQ(msr_set(vcpu, SCONTROL, 1), 1);
	EQ(msr_set(vcpu, SIMP, MESSAGES | 1), 1);
	return vcpu;
}

static void one_vcpu(guest_fn fn)
{
	struct vm *vm = vm_new_irqchip();

	run_to_done(timer_vcpu(vm, fn));
	vm_free(vm);
}

/* --- registers ----------------------------------------------------------- */

static void refused(void)
{
	u64 value;

	for (u32 i = SCONTROL; i <= EOM; i++) {
		GEQ(guest_try_rdmsr(i, &value), GP);
		GEQ(guest_try_wrmsr(i, 0), GP);
	}
	GEQ(guest_try_rdmsr(SINT(3), &value), GP);
	GEQ(guest_try_wrmsr(SINT(3), MASKED), GP);
	GEQ(guest_try_wrmsr(STIMER_CONFIG(1), T_SINT(1) | T_ENABLE), GP);
	guest_done();
}

static void is_asked_for(void)
{
	struct vm *vm = vm_new_irqchip(), *without = vm_new();
	struct vcpu *vcpu = hv_vcpu(vm, 0, refused), *bare = vcpu_new(without, 0);

	FAILS(vcpu_cap(bare, KVM_CAP_HYPERV_SYNIC, 0), EINVAL);
	FAILS(vcpu_cap(bare, KVM_CAP_HYPERV_SYNIC2, 0), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_HYPERV_SYNIC, 0), EINVAL);
	/* what there is none of can be saved, and that restored */
	EQ(msr_must_get(vcpu, SCONTROL), 0);
	EQ(msr_must_get(vcpu, SVERSION), 1);
	EQ(msr_must_get(vcpu, SINT(15)), MASKED);
	EQ(msr_must_get(vcpu, STIMER_COUNT(3)), 0);
	EQ(msr_set(vcpu, SIMP, 0), 1);
	EQ(msr_set(vcpu, SIMP, MESSAGES | 1), 0);
	EQ(msr_set(vcpu, SINT(0), 0x20), 0);
	EQ(msr_set(vcpu, STIMER_CONFIG(0), 0), 1);
	EQ(msr_set(vcpu, STIMER_CONFIG(0), T_ENABLE), 0);
	EQ(msr_set(vcpu, STIMER_COUNT(0), 1), 0);
	run_to_done(vcpu);

	FAILS(vcpu_cap(vcpu, KVM_CAP_HYPERV_SYNIC2, 1), EINVAL);
	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_SYNIC, 1));
	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_SYNIC2, 0));
	EQ(msr_must_get(vcpu, SCONTROL), 1);
	EQ(msr_must_get(vcpu, SINT(15)), MASKED);
	vm_free(vm);
	vm_free(without);
}

static void turn_round(void)
{
	guest_wait(false);
}

static void as_the_host_likes(void)
{
	static const u32 all[] = {
		SCONTROL, SVERSION, SIEFP, SIMP, SINT(0), SINT(15), STIMER_CONFIG(0),
		STIMER_COUNT(0), STIMER_CONFIG(3), STIMER_COUNT(3),
	};
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = synic_vcpu(vm, 0, turn_round);

	for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
		EQ(msr_set(vcpu, all[i], ~0ull - i), 1);
		EQ(msr_must_get(vcpu, all[i]), ~0ull - i);
	}
	EQ(msr_set(vcpu, EOM, 5), 1);
	EQ(msr_must_get(vcpu, EOM), 0);
	/* timers that are on, a source without a vector, pages beyond all memory */
	run_bounded(vcpu, 100);
	vm_free(vm);
}

static void write_registers(void)
{
	u64 value;

	GEQ(guest_rdmsr(SVERSION), 1);
	GEQ(guest_rdmsr(SCONTROL), 1);
	GEQ(guest_rdmsr(EOM), 0);
	GEQ(guest_try_wrmsr(SVERSION, 1), GP);
	GEQ(guest_rdmsr(SINT(4)), MASKED);
	GEQ(guest_try_wrmsr(SINT(4), 15), GP);
	GEQ(guest_try_wrmsr(SINT(4), MASKED | 15), NO_TRAP);
	GEQ(guest_try_wrmsr(SINT(4), AUTO | 16), NO_TRAP);
	GEQ(guest_rdmsr(SINT(4)), AUTO | 16);
	GEQ(guest_try_rdmsr(0x40000085, &value), GP);
	GEQ(guest_try_rdmsr(0x400000a0, &value), GP);
	GEQ(guest_try_rdmsr(0x400000b8, &value), GP);
	guest_wrmsr(SCONTROL, 0);
	guest_wrmsr(SCONTROL, 1);
	guest_wrmsr(SIEFP, EVENTS | 1);
	guest_wrmsr(SIMP, MESSAGES | 1);
	guest_sync(guest_try_wrmsr(SIMP, HOLE_GPA | 1));
	guest_sync(guest_try_wrmsr(SIMP, HOLE_GPA));
	guest_done();
}

static void told(struct vcpu *vcpu, u32 msr, u64 control, u64 events, u64 messages)
{
	struct kvm_hyperv_exit *e = &vcpu->run->hyperv;

	MUST_EXIT(vcpu, KVM_EXIT_HYPERV);
	EQ(e->type, KVM_EXIT_HYPERV_SYNIC);
	EQ(e->u.synic.msr, msr);
	EQ(e->u.synic.control, control);
	EQ(e->u.synic.evt_page, events);
	EQ(e->u.synic.msg_page, messages);
}

static void writes_exit(bool clears)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = hv_vcpu(vm, 0, write_registers);
	u8 *pages = at_gpa(vm, MESSAGES, 0x2000);

	OK(vcpu_cap(vcpu, clears ? KVM_CAP_HYPERV_SYNIC : KVM_CAP_HYPERV_SYNIC2, 0));
	memset(pages, 0xa5, 0x2000);
	told(vcpu, SCONTROL, 0, 0, 0);
	told(vcpu, SCONTROL, 1, 0, 0);
	told(vcpu, SIEFP, 1, EVENTS | 1, 0);
	told(vcpu, SIMP, 1, EVENTS | 1, MESSAGES | 1);
	EQ(pages[0], clears ? 0 : 0xa5);
	EQ(pages[0x1fff], clears ? 0 : 0xa5);
	/* there is nothing to clear, or nobody who looks */
	if (!clears)
		told(vcpu, SIMP, 1, EVENTS | 1, HOLE_GPA | 1);
	EQ(run_to_sync(vcpu), clears ? GP : NO_TRAP);
	told(vcpu, SIMP, 1, EVENTS | 1, HOLE_GPA);
	EQ(run_to_sync(vcpu), NO_TRAP);
	run_to_done(vcpu);
	vm_free(vm);
}

static void writes_exit_and_pages_stay(void)
{
	writes_exit(false);
}

static void writes_exit_and_pages_are_cleared(void)
{
	writes_exit(true);
}

/* --- routes -------------------------------------------------------------- */

static int route(struct vm *vm, u32 gsi, u32 vcpu, u32 sint, u32 flags)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e;
	} r = {
		.head.nr = 1,
		.e = { .gsi = gsi, .type = KVM_IRQ_ROUTING_HV_SINT, .flags = flags,
		       .u.hv_sint = { vcpu, sint } },
	};

	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r);
}

static int line(struct vm *vm, u32 gsi, u32 level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	OK(ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &l));
	return l.status;
}

/* An irqfd, and the eventfd that tells of its end */
static int irqfd(struct vm *vm, u32 gsi, int *resample)
{
	struct kvm_irqfd i = { .gsi = gsi, .fd = eventfd(0, EFD_NONBLOCK) };

	if (resample) {
		*resample = i.resamplefd = eventfd(0, EFD_NONBLOCK);
		i.flags = KVM_IRQFD_FLAG_RESAMPLE;
	}
	OK(ioctl(vm->fd, KVM_IRQFD, &i));
	return i.fd;
}

static void ring(int fd)
{
	EQ(eventfd_write(fd, 1), 0);
}

static u64 rung(int fd)
{
	eventfd_t n = 0;

	return eventfd_read(fd, &n) ? 0 : n;
}

static volatile bool no_eoi;
static volatile u32 isr_seen, low_in_between;

static void note_service(struct trapframe *frame)
{
	isr_seen = apic_bit(APIC_ISR, frame->vector);
	if (!no_eoi)
		apic_write(APIC_EOI, 0);
}

static void synic_irqs(void)
{
	guest_warm();
	apic_enable();
	guest_vector[VEC_A] = guest_vector[VEC_B] = note_service;
	guest_vector[VEC_LOW] = guest_eoi_handler;
}

static void take_sints(void)
{
	synic_irqs();
	guest_wrmsr(SINT(2), VEC_A);
	guest_wrmsr(SINT(3), MASKED | VEC_B);
	guest_sync(0);
	for (u32 i = 1; i <= 3; i++) {
		guest_wait(guest_vector_count[VEC_A] == i);
		GEQ(isr_seen, 1);
		GEQ(apic_bit(APIC_ISR, VEC_A), 0);
		guest_sync(i);
	}
	guest_wrmsr(SINT(3), VEC_B);
	guest_sync(0);
	guest_window();
	GEQ(guest_vector_count[VEC_B], 1);
	GEQ(guest_vector_count[VEC_A], 3);
	guest_done();
}

static void routes_and_irqfds(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = synic_vcpu(vm, 0, take_sints);
	int fd;

	FAILS(route(vm, 5, 0, 2, 1), EINVAL);
	FAILS(route(vm, 4096, 0, 2, 0), EINVAL);
	OK(route(vm, 5, 0, 2, 0));
	CHECK(line(vm, 5, 1) <= 0, "a source that is masked");
	EQ(run_to_sync(vcpu), 0);
	EQ(line(vm, 5, 1), 1);
	EQ(line(vm, 5, 0), -1);
	EQ(run_to_sync(vcpu), 1);
	EQ(line(vm, 5, 1), 1);
	EQ(run_to_sync(vcpu), 2);
	fd = irqfd(vm, 5, NULL);
	ring(fd);
	EQ(run_to_sync(vcpu), 3);
	OK(route(vm, 5, 0, 3, 0));
	EQ(line(vm, 5, 1), -1);
	EQ(run_to_sync(vcpu), 0);
	/* nobody's: no such source, no such processor */
	OK(route(vm, 5, 0, 16, 0));
	EQ(line(vm, 5, 1), -1);
	OK(route(vm, 5, 0, ~0u, 0));
	EQ(line(vm, 5, 1), -1);
	OK(route(vm, 5, 9, 3, 0));
	EQ(line(vm, 5, 1), -1);
	/* it is 9 that the guest calls itself */
	EQ(msr_set(vcpu, VP_INDEX, 9), 1);
	EQ(line(vm, 5, 1), 1);
	run_to_done(vcpu);
	close(fd);
	vm_free(vm);
}

static void two_of_a_gsi(void)
{
	struct vm *vm = vm_new_irqchip();
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[2];
	} r = {
		.head.nr = 2,
		.e = { { .gsi = 3, .type = KVM_IRQ_ROUTING_HV_SINT },
		       { .gsi = 3, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip.pin = 3 } },
	};

	FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.e[1] = r.e[0];
	r.e[1].u.hv_sint.sint = 1;
	FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r), EINVAL);
	r.e[1].gsi = 4;
	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &r));
	vm_free(vm);
}

static void sleeper(void)
{
	synic_irqs();
	guest_wrmsr(SINT(1), VEC_A);
	guest_sync(0);
	guest_halt();
	GEQ(guest_vector_count[VEC_A], 1);
	guest_done();
}

/* The other processor's, which sleeps */
static void wakes_the_one_it_names(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *other, *vcpu;
	int fd;

	other = synic_vcpu(vm, 0, sleeper);
	vcpu = synic_vcpu(vm, 1, sleeper);
	run_to_sync(vcpu);
	run_to_sync(other);
	OK(route(vm, 7, 1, 1, 0));
	fd = irqfd(vm, 7, NULL);
	vcpu_start_to_done(vcpu);
	usleep(20000);
	ring(fd);
	vcpu_join(vcpu);
	close(fd);
	vm_free(vm);
}

static void end_them(void)
{
	synic_irqs();
	no_eoi = true;
	guest_wrmsr(SINT(2), VEC_A);
	guest_sync(0);
	guest_wait(guest_vector_count[VEC_A] == 1);
	guest_sync(1);
	apic_write(APIC_EOI, 0);
	guest_sync(2);
	/* and by a word in memory, which is not enough here */
	guest_wrmsr(VP_ASSIST, ASSIST_PAGE | 1);
	guest_wait(guest_vector_count[VEC_A] == 2);
	GEQ(*(volatile u32 *)ASSIST_PAGE, 0);
	guest_sync(3);
	guest_wrmsr(HV_EOI, 0);
	guest_sync(4);
	guest_wrmsr(EOM, 0);
	guest_done();
}

static void ends_are_told(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = synic_vcpu(vm, 0, end_them);
	int fd, resample;

	OK(route(vm, 5, 0, 2, 0));
	fd = irqfd(vm, 5, &resample);
	run_to_sync(vcpu);
	ring(fd);
	EQ(run_to_sync(vcpu), 1);
	EQ(rung(resample), 0);
	EQ(run_to_sync(vcpu), 2);
	EQ(rung(resample), 1);
	ring(fd);
	EQ(run_to_sync(vcpu), 3);
	EQ(rung(resample), 0);
	EQ(run_to_sync(vcpu), 4);
	EQ(rung(resample), 1);
	/* a message was taken: that is told, too */
	run_to_done(vcpu);
	EQ(rung(resample), 1);
	close(fd);
	close(resample);
	vm_free(vm);
}

static void low_comes(struct trapframe *frame)
{
	(void)frame;
	isr_seen = apic_bit(APIC_ISR, VEC_B);
	/* what is lower is not held off */
	apic_write(APIC_ICR, 0x40000 | VEC_LOW);
	guest_window();
	low_in_between = guest_vector_count[VEC_LOW];
}

/* Also told of its end, which the stock modules keep for themselves */
static void auto_eoi_guest(void)
{
	synic_irqs();
	guest_vector[VEC_B] = low_comes;
	guest_wrmsr(SINT(6), VEC_B | AUTO);
	guest_sync(0);
	for (u32 i = 1; i <= 3; i++) {
		guest_wait(guest_vector_count[VEC_B] == i);
		GEQ(isr_seen, 0);
		GEQ(low_in_between, i);
		GEQ(apic_read(APIC_PPR), 0);
		guest_sync(i);
	}
	/* the same vector, with an end again */
	guest_wrmsr(SINT(6), VEC_B);
	guest_vector[VEC_B] = note_service;
	guest_sync(4);
	guest_wait(guest_vector_count[VEC_B] == 4);
	GEQ(isr_seen, 1);
	guest_done();
}

static void auto_eoi(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = synic_vcpu(vm, 0, auto_eoi_guest);
	int fd, resample;

	OK(route(vm, 5, 0, 6, 0));
	fd = irqfd(vm, 5, &resample);
	for (u32 i = 0; i <= 4; i++) {
		EQ(run_to_sync(vcpu), i);
		EQ(rung(resample), i && i < 4);
		ring(fd);
		usleep(5000);
	}
	run_to_done(vcpu);
	EQ(rung(resample), 1);
	close(fd);
	close(resample);
	vm_free(vm);
}

/* --- timers -------------------------------------------------------------- */

static u64 now(void)
{
	return guest_rdmsr(TIME_REF_COUNT);
}

static void timer(u32 n, u64 config, u64 count)
{
	guest_wrmsr(STIMER_CONFIG(n), 0);
	guest_wrmsr(STIMER_COUNT(n), count);
	guest_wrmsr(STIMER_CONFIG(n), config);
}

static void timer_guest(void)
{
	synic_irqs();
	guest_wrmsr(SINT(2), VEC_A);
	guest_wrmsr(SINT(3), VEC_B);
}

static void free_slot(u32 n)
{
	SLOT(n)->type = 0;
	if (SLOT(n)->flags & PENDING)
		guest_wrmsr(EOM, 0);
}

static void check_message(u32 sint, u32 nr, u64 from)
{
	GEQ(SLOT(sint)->type, TIMER_EXPIRED);
	GEQ(SLOT(sint)->size, 24);
	GEQ(SLOT(sint)->sender, 0);
	GEQ(SLOT(sint)->timer, nr);
	GCHECK(SLOT(sint)->expired >= from);
	GCHECK(SLOT(sint)->delivered >= SLOT(sint)->expired);
	GCHECK(SLOT(sint)->delivered <= now());
}

static void once(void)
{
	u64 when;

	timer_guest();
	when = now() + 5 * MS;
	timer(1, T_SINT(2) | T_ENABLE, when);
	GEQ(guest_rdmsr(STIMER_COUNT(1)), when);
	GEQ(guest_vector_count[VEC_A], 0);
	guest_wait(guest_vector_count[VEC_A] == 1);
	GCHECK(now() >= when);
	check_message(2, 1, when);
	GEQ(SLOT(2)->flags, 0);
	GEQ(SLOT(2)->expired, when);
	GEQ(guest_rdmsr(STIMER_CONFIG(1)), T_SINT(2));
	free_slot(2);
	/* by sleeping, too; and one that is past at once */
	timer(3, T_SINT(3) | T_ENABLE, now() + 20 * MS);
	guest_halt();
	GEQ(guest_vector_count[VEC_B], 1);
	check_message(3, 3, 1);
	free_slot(3);
	timer(0, T_SINT(2) | T_ENABLE, 1);
	guest_wait(guest_vector_count[VEC_A] == 2);
	check_message(2, 0, 1);
	free_slot(2);
	/* nothing more of any */
	guest_spin(20000000);
	guest_window();
	GEQ(guest_vector_count[VEC_A], 2);
	GEQ(guest_vector_count[VEC_B], 1);
	guest_done();
}

static void one_shot(void)
{
	one_vcpu(once);
}

static void again_and_again(void)
{
	u64 start, last = 0;

	timer_guest();
	start = now();
	timer(2, T_SINT(3) | T_PERIODIC | T_ENABLE, 2 * MS);
	for (u32 i = 1; i <= 10; i++) {
		guest_wait(guest_vector_count[VEC_B] == i);
		check_message(3, 2, start + 2 * MS);
		GCHECK(SLOT(3)->expired >= last + 2 * MS);
		GEQ((SLOT(3)->expired - last) % (2 * MS), last ? 0 : SLOT(3)->expired % (2 * MS));
		last = SLOT(3)->expired;
		free_slot(3);
	}
	GCHECK(now() >= start + 20 * MS);
	GEQ(guest_rdmsr(STIMER_CONFIG(2)), T_SINT(3) | T_PERIODIC | T_ENABLE);
	/* nobody takes the message: others are lost, or one waits; it goes on after that */
	guest_wait(guest_vector_count[VEC_B] == 11);
	guest_spin(20000000);
	guest_window();
	GEQ(guest_vector_count[VEC_B], 11);
	free_slot(3);
	guest_wait(guest_vector_count[VEC_B] == 12);
	free_slot(3);
	guest_wait(guest_vector_count[VEC_B] == 13);
	/* over: a count of zero */
	guest_wrmsr(STIMER_COUNT(2), 0);
	GEQ(guest_rdmsr(STIMER_CONFIG(2)), T_SINT(3) | T_PERIODIC);
	free_slot(3);
	guest_spin(20000000);
	guest_window();
	GCHECK(guest_vector_count[VEC_B] <= 14);
	guest_done();
}

static void periodic(void)
{
	one_vcpu(again_and_again);
}

static void enabled_by_count(void)
{
	timer_guest();
	guest_wrmsr(STIMER_CONFIG(0), T_SINT(2) | T_AUTO);
	guest_wrmsr(STIMER_COUNT(0), now() + MS);
	guest_wait(guest_vector_count[VEC_A] == 1);
	GEQ(guest_rdmsr(STIMER_CONFIG(0)), T_SINT(2) | T_AUTO);
	free_slot(2);
	guest_wrmsr(STIMER_COUNT(0), now() + MS);
	GEQ(guest_rdmsr(STIMER_CONFIG(0)) & ~T_ENABLE, T_SINT(2) | T_AUTO);
	guest_wait(guest_vector_count[VEC_A] == 2);
	free_slot(2);
	/* not without the bit */
	guest_wrmsr(STIMER_CONFIG(0), T_SINT(2));
	guest_wrmsr(STIMER_COUNT(0), 1);
	guest_spin(5000000);
	guest_window();
	GEQ(guest_vector_count[VEC_A], 2);
	guest_done();
}

static void auto_enable(void)
{
	one_vcpu(enabled_by_count);
}

static void vectors_of_their_own(void)
{
	timer_guest();
	timer(0, T_DIRECT(VEC_LOW) | T_ENABLE, now() + MS);
	guest_wait(guest_vector_count[VEC_LOW] == 1);
	GEQ(guest_rdmsr(STIMER_CONFIG(0)), T_DIRECT(VEC_LOW));
	timer(0, T_DIRECT(VEC_LOW) | T_PERIODIC | T_ENABLE, MS);
	while (guest_vector_count[VEC_LOW] < 6)
		guest_halt();
	guest_wrmsr(STIMER_CONFIG(0), 0);
	/* such a vector is none, but may be asked for */
	timer(1, T_DIRECT(3) | T_ENABLE, 1);
	guest_spin(1000000);
	guest_window();
	GEQ(SLOT(0)->type, 0);
	GEQ(guest_rdmsr(STIMER_CONFIG(1)), T_DIRECT(3));
	guest_done();
}

static void direct(void)
{
	one_vcpu(vectors_of_their_own);
}

static void no_direct_guest(void)
{
	GEQ(guest_try_wrmsr(STIMER_CONFIG(0), T_DIRECT(VEC_LOW)), GP);
	GEQ(guest_try_wrmsr(STIMER_CONFIG(0), T_SINT(1)), NO_TRAP);
	guest_done();
}

static void direct_by_its_bit(void)
{
	const struct hv_features f = { .a = A_SYNIC | A_STIMER };
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_ENFORCE_CPUID, 1));
	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_SYNIC2, 0));
	hv_give(vcpu, &f);
	start_long(vcpu, no_direct_guest);
	run_to_done(vcpu);
	vm_free(vm);
}

static void no_room(void)
{
	timer_guest();
	SLOT(2)->type = 1;
	timer(0, T_SINT(2) | T_ENABLE, 1);
	guest_spin(5000000);
	guest_window();
	GEQ(guest_vector_count[VEC_A], 0);
	GEQ(SLOT(2)->type, 1);
	GEQ(SLOT(2)->flags, PENDING);
	GEQ(guest_rdmsr(STIMER_CONFIG(0)), T_SINT(2) | T_ENABLE);
	SLOT(2)->type = 0;
	guest_spin(5000000);
	guest_window();
	GEQ(guest_vector_count[VEC_A], 0);
	guest_wrmsr(EOM, 0);
	guest_wait(guest_vector_count[VEC_A] == 1);
	check_message(2, 0, 1);
	GEQ(guest_rdmsr(STIMER_CONFIG(0)), T_SINT(2));
	/* a second one for the same slot, the end of the interrupt makes it come */
	no_eoi = true;
	SLOT(2)->type = 0;
	timer(0, T_SINT(2) | T_ENABLE, 1);
	guest_wait(guest_vector_count[VEC_A] == 2);
	timer(1, T_SINT(2) | T_ENABLE, 1);
	guest_spin(1000000);
	GEQ(SLOT(2)->flags, PENDING);
	SLOT(2)->type = 0;
	no_eoi = false;
	apic_write(APIC_EOI, 0);
	guest_wait(guest_vector_count[VEC_A] == 3);
	check_message(2, 1, 1);
	guest_done();
}

static void a_slot_in_use(void)
{
	one_vcpu(no_room);
}

/* A message waits for its page: on the stock modules only for the guest's EOM. */
static void no_page(void)
{
	timer_guest();
	guest_sync(0);
	timer(0, T_SINT(2) | T_ENABLE, 1);
	for (u32 i = 0; i < 3; i++) {
		guest_spin(2000000);
		guest_window();
		GEQ(guest_vector_count[VEC_A], 0);
		GEQ(guest_rdmsr(STIMER_CONFIG(0)), T_SINT(2) | T_ENABLE);
		guest_wrmsr(EOM, 0);
		guest_sync(1 + i);
	}
	guest_wait(guest_vector_count[VEC_A] == 1);
	check_message(2, 0, 1);
	guest_done();
}

static void pages_that_are_none(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = timer_vcpu(vm, no_page);

	run_to_sync(vcpu);
	EQ(msr_set(vcpu, SIMP, MESSAGES), 1);		/* not enabled */
	EQ(run_to_sync(vcpu), 1);
	EQ(msr_set(vcpu, SIMP, HOLE_GPA | 1), 1);
	EQ(run_to_sync(vcpu), 2);
	EQ(msr_set(vcpu, SIMP, 0xffffffffff000 | 1), 1);
	EQ(run_to_sync(vcpu), 3);
	EQ(msr_set(vcpu, SIMP, MESSAGES | 1), 1);
	run_to_done(vcpu);
	vm_free(vm);
}

/* TLFS: a timer for source 0 is disabled at once. The stock modules have it. */
static void not_source_0(void)
{
	timer_guest();
	guest_wrmsr(SINT(0), VEC_LOW);
	timer(0, T_ENABLE, 1);
	guest_spin(2000000);
	guest_window();
	GEQ(guest_rdmsr(STIMER_CONFIG(0)), 0);
	GEQ(SLOT(0)->type, 0);
	GEQ(guest_vector_count[VEC_LOW], 0);
	/* a masked source's message comes without an interrupt */
	guest_wrmsr(SINT(5), MASKED | VEC_A);
	timer(0, T_SINT(5) | T_ENABLE, 1);
	guest_wait(SLOT(5)->type == TIMER_EXPIRED);
	GEQ(guest_vector_count[VEC_A], 0);
	guest_done();
}

static void sources_of_timers(void)
{
	one_vcpu(not_source_0);
}

/* Each tick has a pass through the vCPU's thread: the guest still gets on. */
static void as_short_as_can_be(void)
{
	timer_guest();
	timer(0, T_DIRECT(VEC_LOW) | T_PERIODIC | T_ENABLE, 1);
	guest_wait(guest_vector_count[VEC_LOW] > 20);
	guest_wrmsr(STIMER_CONFIG(0), 0);
	for (u32 i = 0; i < 4; i++)
		timer(i, T_DIRECT(VEC_LOW) | T_ENABLE, 1);
	guest_wait(guest_vector_count[VEC_LOW] > 21);
	timer(0, T_DIRECT(VEC_LOW) | T_PERIODIC | T_ENABLE, ~0ull);
	timer(1, T_DIRECT(VEC_LOW) | T_ENABLE, ~0ull);
	guest_spin(1000000);
	guest_done();
}

static void extremes(void)
{
	one_vcpu(as_short_as_can_be);
}

/* --- saved and restored -------------------------------------------------- */

static void moving(void)
{
	timer_guest();
	timer(0, T_SINT(2) | T_ENABLE, now() + 50 * MS);
	timer(1, T_DIRECT(VEC_LOW) | T_PERIODIC | T_ENABLE, 3600 * 1000 * MS);
	guest_wrmsr(STIMER_CONFIG(2), T_SINT(3) | T_AUTO);
	timer(3, T_SINT(3) | T_ENABLE, 1);
	guest_wait(guest_vector_count[VEC_B] == 1);
	guest_sync(0);
	guest_warm();		/* there */
	guest_wait(guest_vector_count[VEC_A] == 1);
	GEQ(guest_vector_count[VEC_B], 1);
	GEQ(guest_vector_count[VEC_LOW], 0);
	GEQ(guest_rdmsr(STIMER_CONFIG(0)), T_SINT(2));
	guest_done();
}

static void timers_move(void)
{
	struct vm *vm = vm_new_irqchip(), *other = vm_new_irqchip();
	struct vcpu *from = timer_vcpu(vm, moving), *to = timer_vcpu(other, moving);
	struct kvm_lapic_state lapic;
	struct kvm_clock_data clock;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	u64 value;

	run_to_sync(from);
	from->run->immediate_exit = 1;	/* finish what it was about, and no more */
	EQ(run_once(from), -EINTR);
	EQ(msr_must_get(from, STIMER_CONFIG(0)), T_SINT(2) | T_ENABLE);
	EQ(msr_must_get(from, STIMER_CONFIG(3)), T_SINT(3));
	MUST(!ioctl(vm->fd, KVM_GET_CLOCK, &clock));
	clock.flags = 0;
	MUST(!ioctl(other->fd, KVM_SET_CLOCK, &clock));
	/* the count last, and a count that would enable the timer */
	EQ(msr_set(from, STIMER_COUNT(2), 5), 1);
	for (u32 i = SCONTROL; i <= STIMER_COUNT(3); i++)
		if (msr_get(from, i, &value) == 1)
			EQ(msr_set(to, i, value), 1);
	EQ(msr_must_get(to, STIMER_CONFIG(2)), T_SINT(3) | T_AUTO);
	memcpy(other->ram, vm->ram, RAM_SIZE);
	MUST(!ioctl(from->fd, KVM_GET_REGS, &regs) && !ioctl(to->fd, KVM_SET_REGS, &regs));
	MUST(!ioctl(from->fd, KVM_GET_SREGS, &sregs) && !ioctl(to->fd, KVM_SET_SREGS, &sregs));
	MUST(!ioctl(from->fd, KVM_GET_LAPIC, &lapic) && !ioctl(to->fd, KVM_SET_LAPIC, &lapic));
	vm_free(vm);
	run_to_done(to);
	vm_free(other);
}

static void set_all_timers(void)
{
	timer_guest();
	for (u32 i = 0; i < 4; i++)
		timer(i, T_DIRECT(VEC_LOW) | T_PERIODIC | T_ENABLE, 50 * MS);
	guest_sync(0);
	turn_round();
}

static void send_init(void)
{
	apic_enable();
	apic_icr(1, 0x4500);
	guest_done();
}

/* Ours alone: on the stock modules an INIT lets timers run on. */
static void init_stops_them(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *a = hv_vcpu(vm, 0, send_init), *b = synic_vcpu(vm, 1, set_all_timers);
	struct kvm_mp_state state;

	run_to_sync(b);
	run_to_done(a);
	OK(ioctl(b->fd, KVM_GET_MP_STATE, &state));
	EQ(state.mp_state, KVM_MP_STATE_INIT_RECEIVED);
	for (u32 i = 0; i < 4; i++) {
		EQ(msr_must_get(b, STIMER_CONFIG(i)), 0);
		EQ(msr_must_get(b, STIMER_COUNT(i)), 0);
	}
	vm_free(vm);
}

/* A VM that goes while its timers tick */
static void freed_while_they_run(void)
{
	for (u32 i = 0; i < 20; i++) {
		struct vm *vm = vm_new_irqchip();

		run_to_sync(timer_vcpu(vm, set_all_timers));
		vm_free(vm);
	}
}

static const struct test tests[] = {
	TEST(is_asked_for),
	TEST(as_the_host_likes),
	TEST(writes_exit_and_pages_stay),
	TEST(writes_exit_and_pages_are_cleared),
	TEST(routes_and_irqfds),
	TEST(two_of_a_gsi),
	TEST(wakes_the_one_it_names),
	TEST(ends_are_told),
	TEST(auto_eoi),
	TEST(one_shot),
	TEST(periodic),
	TEST(auto_enable),
	TEST(direct),
	TEST(direct_by_its_bit),
	TEST(a_slot_in_use),
	TEST(pages_that_are_none),
	TEST(sources_of_timers),
	TEST(extremes),
	TEST(timers_move),
	TEST(init_stops_them),
	TEST(freed_while_they_run),
};

TEST_MAIN(tests)
