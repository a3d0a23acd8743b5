// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GUESTDBG_BLOCKIRQ: a debugger's single steps are not led astray by interrupts. */
#include "vm.h"

#define VECTOR	0x55
#define STEPS	20

static void guest(void)
{
	guest_vector[VECTOR] = guest_eoi_handler;
	guest_warm();
	pics_off();
	apic_enable();
	guest_sti();
	guest_sync(0);
	for (int i = 0; i < 4 * STEPS; i++)
		asm volatile("nop");
	for (;;)
		guest_sync(guest_vector_count[VECTOR]);
}

static void steps_are_not_interrupted(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, guest);
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = VECTOR };
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ,
	};

	if (!(has_cap(vm->fd, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ))
		SKIP("no KVM_GUESTDBG_BLOCKIRQ");
	EQ(run_to_sync(vcpu), 0);
	MUST(!ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	for (int i = 0; i < STEPS; i++)
		MUST_EXIT(vcpu, KVM_EXIT_DEBUG);
	EQ(AT(vm, guest_vector_count[VECTOR]), 0);
	debug.control = 0;
	MUST(!ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	EQ(run_to_sync(vcpu), 1);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(steps_are_not_interrupted),
};

TEST_MAIN(tests)
