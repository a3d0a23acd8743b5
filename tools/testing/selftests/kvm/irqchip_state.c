// SPDX-License-Identifier: GPL-2.0-only
/* State of the interrupt controllers and the PIT, in and out, hostile too. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

/* Touches all the devices, takes what comes, and is done. */
static void ignore(struct trapframe *frame)
{
	(void)frame;
	apic_write(APIC_EOI, 0);
	guest_outb(0x20, 0x20);
	guest_outb(0xa0, 0x20);
}

/* An 8259 that nobody set up gives vectors from 0 on. */
static void take_everything(void)
{
	for (int i = 0; i < 16; i++)
		guest_vector[i] = ignore;
	guest_vector[GP_VECTOR] = NULL;
	guest_vector[PF_VECTOR] = NULL;
	for (int i = 32; i < 256; i++)
		guest_vector[i] = ignore;
}

static void busy_guest(void)
{
	take_everything();
	guest_warm();
	apic_enable();
	guest_sync(0);
	for (int i = 0; i < 50; i++) {
		guest_window();
		(void)apic_read(APIC_TMCCT);
		(void)guest_inb(0x40);
		(void)guest_inb(0x20);
		(void)guest_inb(0x61);
		MMIO(u32, 0xfec00000) = 0x10 + i;
		(void)MMIO(u32, 0xfec00010);
		guest_spin(2000);
	}
	guest_done();
}

static struct vcpu *with_devices(void)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct vm *vm = vm_new_irqchip();

	MUST(!ioctl(vm->fd, KVM_CREATE_PIT2, &config));
	return quick_long(vm, busy_guest);
}

/* Runs on after the state was changed; what it does is its affair, within time. */
static void run_on(struct vcpu *vcpu)
{
	u64 start = now_ns();

	irq_line(vcpu->vm, 4, 1);
	for (int i = 0; i < 20; i++) {
		int ret = run_bounded(vcpu, 30);
		struct ucall uc;

		if (ret == -EINTR)
			break;
		CHECK(ret == 0, "KVM_RUN: %d", ret);
		if (ret || (is_ucall(vcpu, &uc) && uc.cmd != UCALL_SYNC))
			break;
		if (vcpu->run->exit_reason != KVM_EXIT_IO &&
		    vcpu->run->exit_reason != KVM_EXIT_MMIO)
			break;
	}
	irq_line(vcpu->vm, 4, 0);
	CHECK(now_ns() - start < 5000000000ull);
}

static void chips_round_trip(void)
{
	struct vcpu *vcpu = with_devices();
	struct kvm_irqchip chip, back;

	run_to_sync(vcpu);
	for (u32 id = 0; id < 3; id++) {
		memset(&chip, 0, sizeof(chip));
		chip.chip_id = id;
		OK(ioctl(vcpu->vm->fd, KVM_GET_IRQCHIP, &chip));
		if (id < 2) {
			chip.chip.pic.imr = 0xa0 + id;
			chip.chip.pic.irq_base = 0x40 + 8 * id;
		} else {
			chip.chip.ioapic.ioregsel = 7;
			chip.chip.ioapic.redirtbl[5].bits = 0x0100000000010055;
			chip.chip.ioapic.redirtbl[23].bits = 0x0200000000018066;
		}
		OK(ioctl(vcpu->vm->fd, KVM_SET_IRQCHIP, &chip));
		memset(&back, 0, sizeof(back));
		back.chip_id = id;
		OK(ioctl(vcpu->vm->fd, KVM_GET_IRQCHIP, &back));
		EQ(memcmp(&chip, &back, sizeof(chip)), 0);
	}
	EQ(chip.chip.ioapic.base_address, 0xfec00000);
	for (u32 id = 3; id < 200; id++) {
		chip.chip_id = id;
		FAILS(ioctl(vcpu->vm->fd, KVM_GET_IRQCHIP, &chip), EINVAL);
		FAILS(ioctl(vcpu->vm->fd, KVM_SET_IRQCHIP, &chip), EINVAL);
	}
	chip.chip_id = ~0u;
	FAILS(ioctl(vcpu->vm->fd, KVM_SET_IRQCHIP, &chip), EINVAL);
	run_to_done(vcpu);
}

static void nothing_without_an_irqchip(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_irqchip chip = { .chip_id = 0 };
	struct kvm_lapic_state lapic;
	struct kvm_pit_state2 pit;
	struct kvm_irq_level line = { .irq = 1, .level = 1 };
	struct kvm_reinject_control control = { 0 };

	FAILS(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	FAILS(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	FAILS(ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic), EINVAL);
	FAILS(ioctl(vcpu->fd, KVM_SET_LAPIC, &lapic), EINVAL);
	FAILS(ioctl(vm->fd, KVM_GET_PIT2, &pit), ENXIO);
	FAILS(ioctl(vm->fd, KVM_SET_PIT2, &pit), ENXIO);
	FAILS(ioctl(vm->fd, KVM_IRQ_LINE, &line), ENXIO);
	FAILS(ioctl(vm->fd, KVM_REINJECT_CONTROL, &control), ENXIO);
	vm_free(vm);
}

static void lapic_round_trip(void)
{
	struct vcpu *vcpu = with_devices();
	struct kvm_lapic_state a, b;

	OK(ioctl(vcpu->fd, KVM_GET_LAPIC, &a));
	EQ(*(u32 *)(a.regs + APIC_ID), 0);
	EQ(*(u32 *)(a.regs + APIC_VERSION) & 0xff, 0x14);
	EQ(*(u32 *)(a.regs + APIC_SPIV), 0xff);
	EQ(*(u32 *)(a.regs + APIC_DFR), 0xffffffff);
	EQ(*(u32 *)(a.regs + APIC_LVTT), 0x10000);
	run_to_sync(vcpu);
	OK(ioctl(vcpu->fd, KVM_GET_LAPIC, &a));
	EQ(*(u32 *)(a.regs + APIC_SPIV), 0x1ff);
	*(u32 *)(a.regs + APIC_TPR) = 0x30;
	*(u32 *)(a.regs + APIC_LVTERR) = 0x100fe;
	OK(ioctl(vcpu->fd, KVM_SET_LAPIC, &a));
	OK(ioctl(vcpu->fd, KVM_GET_LAPIC, &b));
	EQ(*(u32 *)(b.regs + APIC_TPR), 0x30);
	EQ(*(u32 *)(b.regs + APIC_LVTERR), 0x100fe);
	run_to_done(vcpu);
}

static void hostile_lapic(void)
{
	static const u32 timers[] = { 0x20030, 0x40030, 0x60030, 0x30, 0x20000, 0x2000f };
	struct vcpu *vcpu = with_devices();
	struct kvm_lapic_state good, bad;

	run_to_sync(vcpu);
	OK(ioctl(vcpu->fd, KVM_GET_LAPIC, &good));
	for (int i = 0; i < 256; i += 17) {
		memset(&bad, i, sizeof(bad));
		if (ioctl(vcpu->fd, KVM_SET_LAPIC, &bad))
			EQ(errno, EINVAL);
		else
			run_on(vcpu);
		OK(ioctl(vcpu->fd, KVM_SET_LAPIC, &good));
		start_long(vcpu, busy_guest);
	}
	/* the fastest timers there can be, and ones divided by nothing */
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		bad = good;
		*(u32 *)(bad.regs + APIC_LVTT) = timers[i];
		*(u32 *)(bad.regs + APIC_TDCR) = i % 2 ? 0xb : ~0u;
		*(u32 *)(bad.regs + APIC_TMICT) = i % 3;
		*(u32 *)(bad.regs + APIC_TMCCT) = i % 4 ? ~0u : 0;
		if (ioctl(vcpu->fd, KVM_SET_LAPIC, &bad) == 0)
			run_on(vcpu);
		OK(ioctl(vcpu->fd, KVM_SET_LAPIC, &good));
		start_long(vcpu, busy_guest);
	}
	/* all interrupts at once, requested and in service */
	memset(good.regs + APIC_ISR, 0xff, 0x180);
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, &good) == 0)
		run_on(vcpu);
}

static void hostile_pic(void)
{
	struct vcpu *vcpu = with_devices();
	struct kvm_irqchip chip;

	run_to_sync(vcpu);
	for (int i = 0; i < 256; i += 5) {
		memset(&chip, 0, sizeof(chip));
		memset(&chip.chip, i, sizeof(chip.chip));
		chip.chip_id = i & 1;
		ioctl(vcpu->vm->fd, KVM_SET_IRQCHIP, &chip);
		run_on(vcpu);
		start_long(vcpu, busy_guest);
	}
}

static void hostile_ioapic(void)
{
	struct vcpu *vcpu = with_devices();
	struct kvm_irqchip chip;

	run_to_sync(vcpu);
	for (int i = 0; i < 256; i += 5) {
		memset(&chip, 0, sizeof(chip));
		memset(&chip.chip, i, sizeof(chip.chip));
		chip.chip_id = 2;
		if (i & 1)
			chip.chip.ioapic.base_address = 0xfec00000;
		ioctl(vcpu->vm->fd, KVM_SET_IRQCHIP, &chip);
		run_on(vcpu);
		start_long(vcpu, busy_guest);
	}
}

static void pit_creation(void)
{
	struct kvm_pit_config config = { 0 };
	struct vm *vm = vm_bare();

	OK(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0));
	OK(ioctl(vm->fd, KVM_CREATE_PIT2, &config));
	FAILS(ioctl(vm->fd, KVM_CREATE_PIT2, &config), EEXIST);
	FAILS(ioctl(vm->fd, KVM_CREATE_PIT, 0), EEXIST);
	vm_free(vm);
}

static void pit_round_trip(void)
{
	struct vcpu *vcpu = with_devices();
	struct kvm_pit_state2 a, b;

	OK(ioctl(vcpu->vm->fd, KVM_GET_PIT2, &a));
	a.channels[0].count = 0x1234;
	a.channels[0].mode = 2;
	a.channels[2].count = 0x4321;
	a.channels[2].mode = 3;
	a.channels[2].gate = 1;
	OK(ioctl(vcpu->vm->fd, KVM_SET_PIT2, &a));
	OK(ioctl(vcpu->vm->fd, KVM_GET_PIT2, &b));
	EQ(b.channels[0].count, 0x1234);
	EQ(b.channels[0].mode, 2);
	EQ(b.channels[2].count, 0x4321);
	EQ(b.channels[2].gate, 1);
	run_to_sync(vcpu);
	run_to_done(vcpu);
}

/* Counts of 0, modes that there are not, latches that make no sense. */
static void hostile_pit(void)
{
	struct vcpu *vcpu = with_devices();
	struct kvm_pit_state2 pit;

	run_to_sync(vcpu);
	for (int i = 0; i < 256; i += 3) {
		memset(&pit, i, sizeof(pit));
		if (i % 2)
			pit.flags = 0;
		if (i % 4 == 0) {
			memset(&pit.channels, 0, sizeof(pit.channels));
			pit.channels[0].mode = i / 4 % 8;
			pit.channels[0].count = i / 32 % 2;
		}
		if (ioctl(vcpu->vm->fd, KVM_SET_PIT2, &pit))
			EQ(errno, EINVAL);
		run_on(vcpu);
		start_long(vcpu, busy_guest);
	}
}

static void pit_modes_guest(void)
{
	take_everything();
	guest_warm();
	for (int control = 0; control < 256; control++) {
		guest_outb(0x43, control);
		for (int port = 0x40; port < 0x43; port++) {
			guest_outb(port, 0);
			guest_outb(port, control & 1);
			(void)guest_inb(port);
			(void)guest_inb(port);
		}
		guest_window();
	}
	guest_done();
}

static void every_pit_mode_from_the_guest(void)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct vm *vm = vm_new_irqchip();

	MUST(!ioctl(vm->fd, KVM_CREATE_PIT2, &config));
	run_to_done(quick_long(vm, pit_modes_guest));
	vm_free(vm);
}

/* Every index and size of the register windows, by the guest. */
static void registers_guest(void)
{
	guest_warm();
	for (u32 i = 0; i < 256; i++) {
		MMIO(u32, 0xfec00000) = i;
		(void)MMIO(u32, 0xfec00010);
		MMIO(u32, 0xfec00010) = i < 0x40 ? 0x10000 : ~0u;
		MMIO(u8, 0xfec00000) = i;
		(void)MMIO(u8, 0xfec00010);
		MMIO(u64, 0xfec00010) = 0x10000;
		(void)MMIO(u64, 0xfec00010);
	}
	for (u32 i = 0; i < 0x1000; i += 4) {
		(void)MMIO(u8, APIC_BASE + i);
		(void)MMIO(u32, APIC_BASE + i + (i & 3));
		(void)MMIO(u64, APIC_BASE + (i & ~7));
		if (i != APIC_ICR && i != APIC_ICR2)
			MMIO(u32, APIC_BASE + i) = i & 16 ? ~0u : 0x10000;
		MMIO(u8, APIC_BASE + i) = 0;
	}
	/* past the 8259s' words */
	for (int i = 0; i < 256; i++) {
		guest_outb(0x20, i);
		guest_outb(0x21, i);
		guest_outb(0xa0, i);
		guest_outb(0xa1, i);
		guest_outb(0x4d0, i);
		guest_outb(0x4d1, i);
		guest_outl(0x20, i);
		guest_outw(0xa0, i);
		(void)guest_inb(0x20);
		(void)guest_inw(0x21);
		(void)guest_inl(0xa0);
		(void)guest_inb(0x4d0);
	}
	guest_done();
}

static void every_register_from_the_guest(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, registers_guest);
	struct ucall uc;

	/* accesses nobody claims come here: any answer will do */
	for (;;) {
		u32 exit = run_exit(vcpu);

		if (is_ucall(vcpu, &uc))
			break;
		if (exit == KVM_EXIT_MMIO)
			memset(vcpu->run->mmio.data, 0, 8);
		else if (!CHECK(exit == KVM_EXIT_IO, "%s", exit_name(exit)))
			break;
	}
	EQ(uc.cmd, UCALL_DONE);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(chips_round_trip),
	TEST(nothing_without_an_irqchip),
	TEST(lapic_round_trip),
	TEST(hostile_lapic),
	TEST(hostile_pic),
	TEST(hostile_ioapic),
	TEST(pit_creation),
	TEST(pit_round_trip),
	TEST(hostile_pit),
	TEST(every_pit_mode_from_the_guest),
	TEST(every_register_from_the_guest),
};

TEST_MAIN(tests)
