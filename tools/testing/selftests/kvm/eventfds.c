// SPDX-License-Identifier: GPL-2.0-only
/* Doorbells and interrupts by eventfd: no trip through user space. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vm.h"

#define BELL		(HOLE_GPA + 0x1000)
#define PORT		0x700
#define F_MATCH		KVM_IOEVENTFD_FLAG_DATAMATCH
#define F_PIO		KVM_IOEVENTFD_FLAG_PIO
#define F_OFF		KVM_IOEVENTFD_FLAG_DEASSIGN

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	MUST(fd >= 0);
	return fd;
}

/* How often it was rung since the last look. */
static u64 rung(int fd)
{
	u64 count = 0;

	if (read(fd, &count, 8) != 8)
		return 0;
	return count;
}

static int bell(struct vm *vm, int fd, u64 addr, u32 len, u32 flags, u64 match)
{
	struct kvm_ioeventfd io = {
		.addr = addr, .len = len, .fd = fd, .flags = flags, .datamatch = match,
	};

	return ioctl(vm->fd, KVM_IOEVENTFD, &io);
}

static int irqfd(struct vm *vm, int fd, u32 gsi, u32 flags, int resample)
{
	struct kvm_irqfd irq = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resample };

	return ioctl(vm->fd, KVM_IRQFD, &irq);
}

/* One write as the host says */
static volatile u64 w_addr, w_value, w_size;

static void writing_guest(void)
{
	for (;;) {
		switch (w_size) {
		case 1: MMIO(u8, w_addr) = w_value; break;
		case 2: MMIO(u16, w_addr) = w_value; break;
		case 4: MMIO(u32, w_addr) = w_value; break;
		case 8: MMIO(u64, w_addr) = w_value; break;
		case 11: guest_outb(w_addr, w_value); break;
		case 12: guest_outw(w_addr, w_value); break;
		case 14: guest_outl(w_addr, w_value); break;
		case 24: w_value = MMIO(u32, w_addr); break;
		}
		guest_sync(0);
	}
}

/* True: the write came to user space. */
static bool write_exits(struct vcpu *vcpu, u64 addr, u64 size, u64 value)
{
	struct ucall uc;
	bool exited = false;

	AT(vcpu->vm, w_addr) = addr;
	AT(vcpu->vm, w_size) = size;
	AT(vcpu->vm, w_value) = value;
	for (;;) {
		run_exit(vcpu);
		if (is_ucall(vcpu, &uc))
			break;
		MUST(vcpu->run->exit_reason == KVM_EXIT_MMIO ||
		     vcpu->run->exit_reason == KVM_EXIT_IO);
		exited = true;
	}
	EQ(uc.cmd, UCALL_SYNC);
	return exited;
}

static void memory_doorbells(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, writing_guest);
	int a = new_eventfd(), b = new_eventfd();

	OK(bell(vm, a, BELL, 4, 0, 0));
	OK(bell(vm, b, BELL + 8, 2, 0, 0));
	EQ(write_exits(vcpu, BELL, 4, 1), false);
	EQ(write_exits(vcpu, BELL, 4, 77), false);
	EQ(rung(a), 2);
	EQ(rung(b), 0);
	/* of another size, at another address, or a read: not it */
	EQ(write_exits(vcpu, BELL, 2, 1), true);
	EQ(write_exits(vcpu, BELL, 8, 1), true);
	EQ(write_exits(vcpu, BELL + 1, 4, 1), true);
	EQ(write_exits(vcpu, BELL, 24, 1), true);
	EQ(rung(a), 0);
	EQ(write_exits(vcpu, BELL + 8, 2, 1), false);
	EQ(rung(b), 1);
	/* taken away */
	OK(bell(vm, a, BELL, 4, F_OFF, 0));
	EQ(write_exits(vcpu, BELL, 4, 1), true);
	EQ(rung(a), 0);
	vm_free(vm);
}

static void port_doorbells(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, writing_guest);
	int a = new_eventfd();

	OK(bell(vm, a, PORT, 2, F_PIO, 0));
	EQ(write_exits(vcpu, PORT, 12, 1), false);
	EQ(rung(a), 1);
	EQ(write_exits(vcpu, PORT, 11, 1), true);
	EQ(write_exits(vcpu, PORT, 14, 1), true);
	/* the same number as an address in memory is another thing */
	EQ(write_exits(vcpu, HOLE_GPA + PORT, 2, 1), true);
	EQ(rung(a), 0);
	vm_free(vm);
}

static void matching_data(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, writing_guest);
	int fds[4];

	for (int i = 0; i < 4; i++) {
		fds[i] = new_eventfd();
		OK(bell(vm, fds[i], BELL, 4, F_MATCH, i));
	}
	for (int i = 0; i < 4; i++) {
		EQ(write_exits(vcpu, BELL, 4, i), false);
		for (int k = 0; k < 4; k++)
			EQ(rung(fds[k]), i == k);
	}
	EQ(write_exits(vcpu, BELL, 4, 4), true);
	EQ(write_exits(vcpu, BELL, 4, 0x100000001), false);
	EQ(rung(fds[1]), 1);
	/* the one with this datum goes, the others stay */
	OK(bell(vm, fds[2], BELL, 4, F_MATCH | F_OFF, 2));
	EQ(write_exits(vcpu, BELL, 4, 2), true);
	EQ(write_exits(vcpu, BELL, 4, 3), false);
	vm_free(vm);
}

static void any_length(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, writing_guest);
	int a = new_eventfd();

	OK(bell(vm, a, BELL, 0, 0, 0));
	for (u64 size = 1; size <= 8; size *= 2)
		EQ(write_exits(vcpu, BELL, size, 1), false);
	EQ(rung(a), 4);
	EQ(write_exits(vcpu, BELL + 1, 1, 1), true);
	OK(bell(vm, a, BELL, 0, F_OFF, 0));
	EQ(write_exits(vcpu, BELL, 4, 1), true);
	OK(bell(vm, a, PORT, 0, F_PIO, 0));
	EQ(write_exits(vcpu, PORT, 11, 1), false);
	EQ(write_exits(vcpu, PORT, 14, 1), false);
	EQ(rung(a), 2);
	vm_free(vm);
}

static void doorbell_arguments(void)
{
	struct vm *vm = vm_new();
	int a = new_eventfd(), b = new_eventfd();

	FAILS(bell(vm, a, BELL, 3, 0, 0), EINVAL);
	FAILS(bell(vm, a, BELL, 16, 0, 0), EINVAL);
	FAILS(bell(vm, a, BELL, ~0u, 0, 0), EINVAL);
	FAILS(bell(vm, a, BELL, 4, 1u << 31, 0), EINVAL);
	FAILS(bell(vm, a, ~1ull, 4, 0, 0), EINVAL);
	FAILS(bell(vm, a, BELL, 0, F_MATCH, 0), EINVAL);
	FAILS(bell(vm, -1, BELL, 4, 0, 0), EBADF);
	FAILS(bell(vm, vm->fd, BELL, 4, 0, 0), EINVAL);
	OK(bell(vm, a, BELL, 4, 0, 0));
	FAILS(bell(vm, a, BELL, 4, 0, 0), EEXIST);
	FAILS(bell(vm, b, BELL, 4, 0, 0), EEXIST);
	/* all data and one datum collide as well */
	FAILS(bell(vm, b, BELL, 4, F_MATCH, 3), EEXIST);
	FAILS(bell(vm, b, BELL, 4, F_OFF, 0), ENOENT);
	FAILS(bell(vm, a, BELL + 4, 4, F_OFF, 0), ENOENT);
	FAILS(bell(vm, a, BELL, 2, F_OFF, 0), ENOENT);
	FAILS(bell(vm, a, BELL, 4, F_OFF | F_PIO, 0), ENOENT);
	FAILS(bell(vm, a, BELL, 3, F_OFF, 0), ENOENT);
	FAILS(bell(vm, -1, BELL, 3, F_OFF, 0), EBADF);
	OK(bell(vm, a, BELL, 4, F_OFF, 0));
	FAILS(bell(vm, a, BELL, 4, F_OFF, 0), ENOENT);
	vm_free(vm);
}

static void many_doorbells(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, writing_guest);
	int a = new_eventfd();

	for (u64 i = 0; i < 50; i++)
		OK(bell(vm, a, BELL + 8 * (i * 7 % 50), 4, 0, 0));
	for (u64 i = 0; i < 50; i += 7)
		EQ(write_exits(vcpu, BELL + 8 * i, 4, i), false);
	EQ(rung(a), 8);
	for (u64 i = 0; i < 50; i += 2)
		OK(bell(vm, a, BELL + 8 * i, 4, F_OFF, 0));
	EQ(write_exits(vcpu, BELL + 8, 4, 0), false);
	EQ(write_exits(vcpu, BELL + 16, 4, 0), true);
	vm_free(vm);
}

/* The last close of an eventfd in use takes nothing with it. */
static void closed_while_in_use(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, writing_guest);
	int a = new_eventfd();

	OK(bell(vm, a, BELL, 4, 0, 0));
	close(a);
	EQ(write_exits(vcpu, BELL, 4, 1), false);
	vm_free(vm);
}

/* Rings without end while the doorbell comes and goes */
static volatile u64 ringing_stop, ringing_count;

static void ringing_guest(void)
{
	guest_sti();
	while (!ringing_stop) {
		MMIO(u32, BELL) = 1;
		ringing_count++;
	}
	guest_done();
}

static void *exits_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	while (run_exit(vcpu) == KVM_EXIT_MMIO)
		;
	return NULL;
}

static void changed_while_ringing(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, ringing_guest);
	u64 total = 0;
	int a;

	vcpu_start(vcpu, exits_thread);
	for (int i = 0; i < 40; i++) {
		a = new_eventfd();
		OK(bell(vm, a, BELL, 4, 0, 0));
		if (i & 1)
			OK(bell(vm, a, BELL + 4, 4, 0, 0));
		sleep_ms(2);
		total += rung(a);
		OK(bell(vm, a, BELL, 4, F_OFF, 0));
		if (i & 1)
			OK(bell(vm, a, BELL + 4, 4, F_OFF, 0));
		close(a);
	}
	/* It outlives the descriptor, and is not that of another one there. */
	a = new_eventfd();
	OK(bell(vm, a, BELL, 4, 0, 0));
	close(a);
	a = new_eventfd();
	FAILS(bell(vm, a, BELL, 4, F_OFF, 0), ENOENT);
	close(a);
	AT(vm, ringing_stop) = 1;
	vcpu_join(vcpu);
	CHECK(total > 0);
	vm_free(vm);
}

/* irqfd */
static void counting_guest(void)
{
	guest_take_irqs();
	ioapic_pin(5, 0x65);
	guest_sync(0);
	for (;;) {
		guest_sti();
		guest_spin(300000);
		guest_cli();
		guest_sync(guest_vector_count[0x65]);
	}
}

static void ring(int fd)
{
	u64 one = 1;

	MUST(write(fd, &one, 8) == 8);
	/* it may travel by a worker thread of the host */
	sleep_ms(30);
}

static void interrupts_by_eventfd(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, counting_guest);
	int a = new_eventfd();

	EQ(run_to_sync(vcpu), 0);
	OK(irqfd(vm, a, 5, 0, 0));
	ring(a);
	EQ(run_to_sync(vcpu), 1);
	ring(a);
	EQ(run_to_sync(vcpu), 2);
	EQ(rung(a), 0);
	OK(irqfd(vm, a, 5, KVM_IRQFD_FLAG_DEASSIGN, 0));
	ring(a);
	EQ(run_to_sync(vcpu), 2);
	EQ(rung(a), 1);
	/* rung before it was assigned: at once */
	ring(a);
	OK(irqfd(vm, a, 5, 0, 0));
	sleep_ms(30);
	EQ(run_to_sync(vcpu), 3);
	vm_free(vm);
}

static void irqfd_arguments(void)
{
	struct vm *vm = vm_new_irqchip();
	int a = new_eventfd(), b = new_eventfd();

	FAILS(irqfd(vm, -1, 5, 0, 0), EBADF);
	FAILS(irqfd(vm, vm->kvm, 5, 0, 0), EINVAL);
	FAILS(irqfd(vm, a, 5, 4, 0), EINVAL);
	FAILS(irqfd(vm, a, 5, ~0u, 0), EINVAL);
	OK(irqfd(vm, a, 5, 0, 0));
	FAILS(irqfd(vm, a, 6, 0, 0), EBUSY);
	OK(irqfd(vm, b, 5, 0, 0));
	/* numbers beyond any table: refused, or they ring nothing */
	for (u32 gsi = 4095; gsi; gsi = gsi << 1 | 1) {
		int far = new_eventfd();

		if (!irqfd(vm, far, gsi, 0, 0))
			ring(far);
		else
			EQ(errno, EINVAL);
		if (gsi == ~0u)
			break;
	}
	OK(irqfd(vm, a, 5, KVM_IRQFD_FLAG_DEASSIGN, 0));
	/* a second time is no error */
	ioctl(vm->fd, KVM_IRQFD, &(struct kvm_irqfd){ .fd = a, .gsi = 5,
						      .flags = KVM_IRQFD_FLAG_DEASSIGN });
	FAILS(irqfd(vm, a, 5, KVM_IRQFD_FLAG_RESAMPLE, -1), EBADF);
	FAILS(irqfd(vm, a, 5, KVM_IRQFD_FLAG_RESAMPLE, vm->fd), EINVAL);
	vm_free(vm);
	vm = vm_new();
	CHECK(irqfd(vm, new_eventfd(), 5, 0, 0) == -1, "an irqfd without an irqchip");
	vm_free(vm);
}

/* A level by eventfd: up by the one, down at EOI, which the other tells. */
static void resample_guest(void)
{
	guest_take_irqs();
	ioapic_pin(5, 0x8065);
	guest_sync(0);
	for (;;) {
		guest_sti();
		guest_spin(300000);
		guest_cli();
		guest_sync(guest_vector_count[0x65]);
	}
}

static void resampled_levels(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, resample_guest);
	int a = new_eventfd(), again = new_eventfd();

	if (has_cap(vm->fd, KVM_CAP_IRQFD_RESAMPLE) != 1)
		SKIP("KVM_CAP_IRQFD_RESAMPLE is not offered");
	EQ(run_to_sync(vcpu), 0);
	OK(irqfd(vm, a, 5, KVM_IRQFD_FLAG_RESAMPLE, again));
	ring(a);
	EQ(run_to_sync(vcpu), 1);
	EQ(rung(again), 1);
	EQ(run_to_sync(vcpu), 1);
	ring(a);
	EQ(run_to_sync(vcpu), 2);
	EQ(rung(again), 1);
	OK(irqfd(vm, a, 5, KVM_IRQFD_FLAG_DEASSIGN, 0));
	ring(a);
	EQ(run_to_sync(vcpu), 2);
	vm_free(vm);
}

/* A halted vCPU wakes; many writers at once; the fd closed while it is used. */
static volatile u64 storm_stop;

static void storm_guest(void)
{
	guest_take_irqs();
	ioapic_pin(5, 0x65);
	guest_sync(0);
	while (!storm_stop)
		guest_halt();
	guest_done();
}

static void *ringing_thread(void *arg)
{
	int fd = *(int *)arg;
	u64 one = 1;

	for (int i = 0; i < 300; i++)
		MUST(write(fd, &one, 8) == 8);
	return NULL;
}

static void rung_from_two_threads_and_closed(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, storm_guest);
	int a = new_eventfd(), last = new_eventfd();
	pthread_t threads[2];

	EQ(run_to_sync(vcpu), 0);
	vcpu_start_to_done(vcpu);
	OK(irqfd(vm, last, 5, 0, 0));
	for (int round = 0; round < 5; round++) {
		OK(irqfd(vm, a, 5, 0, 0));
		for (int i = 0; i < 2; i++)
			MUST(!pthread_create(&threads[i], NULL, ringing_thread, &a));
		if (round & 1)
			OK(irqfd(vm, a, 5, KVM_IRQFD_FLAG_DEASSIGN, 0));
		for (int i = 0; i < 2; i++)
			MUST(!pthread_join(threads[i], NULL));
		close(a);
		a = new_eventfd();
	}
	AT(vm, storm_stop) = 1;
	ring(last);
	vcpu_join(vcpu);
	CHECK(AT(vm, guest_vector_count)[0x65] > 0);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(memory_doorbells),
	TEST(port_doorbells),
	TEST(matching_data),
	TEST(any_length),
	TEST(doorbell_arguments),
	TEST(many_doorbells),
	TEST(closed_while_in_use),
	TEST(changed_while_ringing),
	TEST(interrupts_by_eventfd),
	TEST(irqfd_arguments),
	TEST(resampled_levels),
	TEST(rung_from_two_threads_and_closed),
};

TEST_MAIN(tests)
