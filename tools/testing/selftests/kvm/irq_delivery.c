// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts from outside: lines, the 8259s, the IOAPIC, MSIs, routes, the PIT. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define MODE_EXTINT	0x700u

static int line_status(struct vm *vm, u32 gsi, u32 level)
{
	struct kvm_irq_level irq = { .irq = gsi, .level = level };

	MUST(!ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &irq));
	return irq.status;
}

static void pulse(struct vm *vm, u32 gsi)
{
	OK(irq_line(vm, gsi, 1));
	OK(irq_line(vm, gsi, 0));
}

/* 8259s */
static void pic_take(struct trapframe *frame)
{
	if (frame->vector >= 0x38)
		guest_outb(0xa0, 0x20);
	guest_outb(0x20, 0x20);
}

static void pic_setup(void)
{
	for (int i = 0x30; i < 0x40; i++)
		guest_vector[i] = pic_take;
	guest_warm();
	guest_outb(0x20, 0x11);
	guest_outb(0x21, 0x30);
	guest_outb(0x21, 4);
	guest_outb(0x21, 1);
	guest_outb(0xa0, 0x11);
	guest_outb(0xa1, 0x38);
	guest_outb(0xa1, 2);
	guest_outb(0xa1, 1);
	guest_outb(0x21, 0);
	guest_outb(0xa1, 0);
}

static void pic_guest(void)
{
	pic_setup();
	GEQ(guest_inb(0x21), 0);
	guest_sync(1);
	guest_sti();
	guest_spin(200000);
	guest_cli();
	GEQ(guest_vector_count[0x34], 1);
	GEQ(guest_vector_count[0x3c], 1);
	/* masked: kept until it is open */
	guest_outb(0x21, 0x10);
	guest_sync(2);
	guest_outb(0x20, 0x0a);
	GEQ(guest_inb(0x20) & 0x10, 0x10);
	guest_window();
	GEQ(guest_vector_count[0x34], 1);
	guest_outb(0x21, 0);
	guest_sti();
	guest_spin(200000);
	guest_cli();
	GEQ(guest_vector_count[0x34], 2);
	/* several: the lowest number first */
	guest_sync(3);
	guest_outb(0x20, 0x0a);
	GEQ(guest_inb(0x20) & 0xea, 0xea);
	guest_sti();
	guest_spin(400000);
	guest_cli();
	GEQ(guest_vector_count[0x31], 1);
	GEQ(guest_vector_count[0x33], 1);
	GEQ(guest_vector_count[0x37], 1);
	/* a poll of an idle 8259 */
	guest_outb(0x20, 0x0c);
	GEQ(guest_inb(0x20) & 0x80, 0);
	guest_done();
}

static void lines_of_the_8259s(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, pic_guest);

	EQ(run_to_sync(vcpu), 1);
	pulse(vm, 12);
	OK(irq_line(vm, 4, 1));
	EQ(run_to_sync(vcpu), 2);
	OK(irq_line(vm, 4, 0));
	OK(irq_line(vm, 4, 1));
	EQ(run_to_sync(vcpu), 3);
	OK(irq_line(vm, 4, 0));
	OK(irq_line(vm, 1, 1));
	OK(irq_line(vm, 3, 1));
	OK(irq_line(vm, 5, 1));
	OK(irq_line(vm, 6, 1));
	OK(irq_line(vm, 7, 1));
	run_to_done(vcpu);
	vm_free(vm);
}

/* IOAPIC, edges */
static void edge_guest(void)
{
	guest_take_irqs();
	/* 24 pins, all masked after reset */
	GEQ(ioapic_read(1) >> 16 & 0xff, 23);
	for (u32 pin = 0; pin < 24; pin++)
		GEQ(ioapic_read(0x10 + 2 * pin) & IOAPIC_MASKED, IOAPIC_MASKED);
	ioapic_pin(4, 0x64);
	ioapic_pin(23, 0x7b);
	guest_sync(1);
	guest_sti();
	guest_spin(100000);
	GEQ(guest_vector_count[0x64], 1);
	GEQ(guest_vector_count[0x7b], 1);
	ioapic_pin(4, 0x64 | IOAPIC_MASKED);
	guest_sync(2);
	guest_spin(100000);
	GEQ(guest_vector_count[0x64], 1);
	/* halted, and woken by the line */
	guest_cli();
	ioapic_pin(4, 0x65);
	guest_sync(3);
	while (!guest_vector_count[0x65])
		guest_halt();
	guest_done();
}

static void edges_of_the_ioapic(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, edge_guest);

	EQ(run_to_sync(vcpu), 1);
	pulse(vm, 4);
	pulse(vm, 23);
	EQ(run_to_sync(vcpu), 2);
	pulse(vm, 4);
	EQ(run_to_sync(vcpu), 3);
	vcpu_start_to_done(vcpu);
	sleep_ms(50);
	pulse(vm, 4);
	vcpu_join(vcpu);
	vm_free(vm);
}

/* IOAPIC, levels: again and again until the line is down */
static void level_take(struct trapframe *frame)
{
	GEQ(ioapic_read(0x10 + 2 * 10) & REMOTE_IRR, REMOTE_IRR);
	guest_sync(100 + guest_vector_count[frame->vector]);
	apic_write(APIC_EOI, 0);
}

static void level_guest(void)
{
	guest_take_irqs();
	guest_vector[0x6a] = level_take;
	ioapic_pin(10, 0x6a | IOAPIC_LEVEL);
	guest_sync(1);
	guest_sti();
	guest_spin(300000);
	guest_cli();
	GEQ(guest_vector_count[0x6a], 3);
	GEQ(ioapic_read(0x10 + 2 * 10) & REMOTE_IRR, 0);
	/* raised while masked: there when it opens */
	ioapic_pin(10, 0x6a | IOAPIC_LEVEL | IOAPIC_MASKED);
	guest_sync(2);
	guest_window();
	GEQ(guest_vector_count[0x6a], 3);
	ioapic_pin(10, 0x6a | IOAPIC_LEVEL);
	guest_sti();
	guest_spin(300000);
	guest_cli();
	GEQ(guest_vector_count[0x6a], 4);
	guest_done();
}

static void levels_of_the_ioapic(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, level_guest);

	EQ(run_to_sync(vcpu), 1);
	OK(irq_line(vm, 10, 1));
	EQ(run_to_sync(vcpu), 101);
	EQ(run_to_sync(vcpu), 102);
	EQ(run_to_sync(vcpu), 103);
	OK(irq_line(vm, 10, 0));
	EQ(run_to_sync(vcpu), 2);
	OK(irq_line(vm, 10, 1));
	EQ(run_to_sync(vcpu), 104);
	OK(irq_line(vm, 10, 0));
	run_to_done(vcpu);
	vm_free(vm);
}

static void status_guest(void)
{
	guest_take_irqs();
	ioapic_pin(4, 0x64);
	ioapic_pin(5, 0x65 | IOAPIC_MASKED);
	ioapic_pin(6, 0x66 | IOAPIC_LEVEL);
	ioapic_pin(8, 0x68);
	ioapic_pin(9, 0x69 | MODE_EXTINT);
	ioapic_pin(11, 0x6b);
	ioapic_write(0x11 + 2 * 11, 77 << 24);
	guest_sync(1);
	guest_sti();
	guest_spin(100000);
	guest_cli();
	GEQ(guest_vector_count[0x64], 1);
	GEQ(guest_vector_count[0x66], 1);
	GEQ(guest_vector_count[0x68], 1);
	guest_sync(2);
	guest_sti();
	guest_spin(100000);
	guest_cli();
	GEQ(guest_vector_count[0x68], 2);
	guest_done();
}

/* Above 0: delivered to so many; 0: nothing came of it; below: masked, or not ended yet */
static void line_status_tells_what_became_of_it(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, status_guest);

	EQ(run_to_sync(vcpu), 1);
	EQ(line_status(vm, 4, 1), 1);
	/* still up: no edge */
	EQ(line_status(vm, 4, 1), 0);
	EQ(line_status(vm, 4, 0), 1);
	/* An edge again, and the vector waits still. */
	EQ(line_status(vm, 4, 1), 1);
	EQ(line_status(vm, 4, 0), 1);
	EQ(line_status(vm, 5, 1), -1);
	EQ(line_status(vm, 5, 1), 0);
	EQ(line_status(vm, 6, 1), 1);
	EQ(line_status(vm, 6, 1), -1);
	EQ(line_status(vm, 6, 0), 1);
	EQ(line_status(vm, 9, 1), 0);
	EQ(line_status(vm, 11, 1), 0);
	EQ(line_status(vm, 4095, 1), -1);
	/* The clock's are counted by their EOIs. */
	EQ(line_status(vm, 8, 1), 1);
	EQ(line_status(vm, 8, 0), 1);
	EQ(line_status(vm, 8, 1), 0);
	EQ(line_status(vm, 8, 0), 1);
	EQ(run_to_sync(vcpu), 2);
	EQ(line_status(vm, 8, 1), 1);
	EQ(line_status(vm, 8, 0), 1);
	run_to_done(vcpu);
	vm_free(vm);
}

/* MSI */
static void msi_guest(void)
{
	guest_take_irqs();
	guest_sync(1);
	guest_sti();
	guest_spin(100000);
	guest_cli();
	GEQ(guest_vector_count[0x71], 1);
	GEQ(guest_vector_count[0x72], 1);
	guest_done();
}

static int msi(struct vm *vm, u32 dest, u32 data, u32 flags)
{
	struct kvm_msi msi = {
		.address_lo = 0xfee00000 | dest << 12, .data = data, .flags = flags,
	};

	return ioctl(vm->fd, KVM_SIGNAL_MSI, &msi);
}

static void messages(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, msi_guest);

	/* an APIC that is not enabled yet, and none */
	EQ(msi(vm, 0, 0x71, 0), 0);
	EQ(msi(vm, 77, 0x71, 0), 0);
	EQ(run_to_sync(vcpu), 1);
	EQ(msi(vm, 0, 0x71, 0), 1);
	/* to all of them */
	EQ(msi(vm, 0xff, 0x72, 0), 1);
	/* there already */
	EQ(msi(vm, 0, 0x71, 0), 1);
	/* illegal: the APIC has it, and makes nothing of it */
	EQ(msi(vm, 0, 5, 0), 1);
	FAILS(msi(vm, 0, 0x73, 2), EINVAL);
	FAILS(msi(vm, 0, 0x73, ~0u), EINVAL);
	/* to nobody */
	for (u32 mode = 0; mode < 8; mode++)
		EQ(msi(vm, 77, mode << 8 | 0x73, 0), 0);
	run_to_done(vcpu);
	vm_free(vm);
}

/* The guest blocks all of them: its APIC is off. */
static void messages_that_are_none(void)
{
	struct vm *vm = vm_new();

	FAILS(msi(vm, 0, 0x71, 0), EINVAL);
	OK(enable_cap(vm->fd, KVM_CAP_SPLIT_IRQCHIP, 24));
	FAILS(msi(vm, 0, 0x71, 0), EPERM);
	vcpu_new(vm, 0);
	EQ(msi(vm, 0, 0x71, 0), 0);
	EQ(msi(vm, 0xff, 0x71, 0), 0);
	EQ(msi(vm, 1, 0x71, 0), 0);
	vm_free(vm);
}

/* Routes */
static struct kvm_irq_routing *routes(u32 n)
{
	struct kvm_irq_routing *r = calloc(1, sizeof(*r) + (n + 1) * sizeof(r->entries[0]));

	MUST(r);
	r->nr = n;
	return r;
}

static void route_arguments(void)
{
	struct vm *vm = vm_new_irqchip();
	struct kvm_irq_routing *r = routes(4200);
	struct kvm_irq_routing_entry *e = &r->entries[0];

	FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	r->nr = ~0u;
	FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	r->nr = 1;
	e->type = KVM_IRQ_ROUTING_MSI;
	e->gsi = 4095;
	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r));
	e->gsi = 4096;
	FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	e->gsi = ~0u;
	FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	e->gsi = 5;
	r->flags = 1;
	FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	r->flags = 0;
	e->flags = 2;
	FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	e->flags = 0;
	e->type = 99;
	FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	e->type = KVM_IRQ_ROUTING_IRQCHIP;
	for (u32 chip = 0; chip < 5; chip++) {
		static const u32 pins[] = { 8, 8, 24, 0, 0 };

		e->u.irqchip.irqchip = chip;
		e->u.irqchip.pin = pins[chip];
		FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
		e->u.irqchip.pin = ~0u;
		FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	}
	e->u.irqchip.irqchip = ~0u;
	FAILS(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r), EINVAL);
	/* none at all is a table; lines then lead nowhere */
	r->nr = 0;
	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r));
	irq_line(vm, 4, 1);
	irq_line(vm, ~0u, 1);
	irq_line(vm, 4095, 1);
	irq_line(vm, 4096, 1);
	vm_free(vm);
}

static void route_guest(void)
{
	guest_take_irqs();
	ioapic_pin(9, 0x69);
	guest_sync(1);
	guest_sti();
	guest_spin(100000);
	guest_cli();
	GEQ(guest_vector_count[0x81], 1);
	GEQ(guest_vector_count[0x69], 1);
	GEQ(guest_vector_count[0x82], 1);
	guest_done();
}

static void routes_lead_where_they_say(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, route_guest);
	struct kvm_irq_routing *r = routes(4);

	EQ(run_to_sync(vcpu), 1);
	r->entries[0] = (struct kvm_irq_routing_entry){
		.gsi = 30, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = 0x81 },
	};
	r->entries[1] = (struct kvm_irq_routing_entry){
		.gsi = 31, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = 9 },
	};
	r->entries[2] = (struct kvm_irq_routing_entry){
		.gsi = 4000, .type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = 0x82 },
	};
	r->nr = 3;
	OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r));
	pulse(vm, 30);
	pulse(vm, 31);
	pulse(vm, 4000);
	/* its route is gone */
	pulse(vm, 4);
	run_to_done(vcpu);
	vm_free(vm);
}

static volatile u64 hammer_stop;

static void hammer_guest(void)
{
	guest_take_irqs();
	guest_sync(1);
	guest_sti();
	while (!hammer_stop)
		guest_pause();
	guest_cli();
	guest_done();
}

/* The table is exchanged while interrupts go through it. */
static void routes_change_under_traffic(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, hammer_guest);
	struct kvm_irq_routing *r = routes(2);

	EQ(run_to_sync(vcpu), 1);
	vcpu_start_to_done(vcpu);
	for (u32 i = 0; i < 40; i++) {
		for (u32 k = 0; k < 2; k++)
			r->entries[k] = (struct kvm_irq_routing_entry){
				.gsi = 20 + (i & 1) + k, .type = KVM_IRQ_ROUTING_MSI,
				.u.msi = { .address_lo = 0xfee00000, .data = 0x90 + i % 16 },
			};
		OK(ioctl(vm->fd, KVM_SET_GSI_ROUTING, r));
		for (u32 k = 0; k < 20; k++)
			pulse(vm, 20 + k % 3);
	}
	AT(vm, hammer_stop) = 1;
	vcpu_join(vcpu);
	CHECK(AT(vm, guest_vector_count)[0x9f] > 0);
	vm_free(vm);
}

/* PIT: rate generator at 100 Hz, by the 8259 */
static void pit_guest(void)
{
	pic_setup();
	guest_outb(0x21, 0xfe);
	guest_outb(0x43, 0x34);
	guest_outb(0x40, 11932 & 0xff);
	guest_outb(0x40, 11932 >> 8);
	guest_sync(1);
	while (guest_vector_count[0x30] < 10)
		guest_halt();
	guest_sync(2);
	/* counting down, and latched: both bytes of one moment */
	for (int i = 0; i < 50; i++) {
		u32 count;

		guest_outb(0x43, 0);
		count = guest_inb(0x40);
		count |= guest_inb(0x40) << 8;
		GCHECK(count <= 11932);
	}
	guest_done();
}

static void pit_ticks(void)
{
	struct kvm_pit_config config = { 0 };
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu;
	u64 start, ns;

	MUST(!ioctl(vm->fd, KVM_CREATE_PIT2, &config));
	vcpu = quick_long(vm, pit_guest);
	EQ(run_to_sync(vcpu), 1);
	start = now_ns();
	EQ(run_to_sync(vcpu), 2);
	ns = now_ns() - start;
	/* ten ticks of 10 ms; a busy host may be late */
	CHECK(ns > 60000000 && ns < 2000000000, "%llu ns", (unsigned long long)ns);
	run_to_done(vcpu);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(lines_of_the_8259s),
	TEST(edges_of_the_ioapic),
	TEST(levels_of_the_ioapic),
	TEST(line_status_tells_what_became_of_it),
	TEST(messages),
	TEST(messages_that_are_none),
	TEST(route_arguments),
	TEST(routes_lead_where_they_say),
	TEST(routes_change_under_traffic),
	TEST(pit_ticks),
};

TEST_MAIN(tests)
