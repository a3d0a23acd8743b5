// SPDX-License-Identifier: GPL-2.0-only
/* What KVM_INTERRUPT queued is part of the saved state until the guest has it. */
#include <string.h>

#include "vm.h"

#define VECTOR	0x55

static void take(struct trapframe *frame)
{
	(void)frame;
}

static void guest(void)
{
	guest_vector[VECTOR] = take;
	guest_warm();
	guest_sti();
	for (;;)
		guest_sync(guest_vector_count[VECTOR]);
}

static struct vcpu *begin(void)
{
	struct vcpu *vcpu = quick_long(vm_new(), guest);
	struct kvm_interrupt irq = { .irq = VECTOR };

	EQ(run_to_sync(vcpu), 0);
	/* finish the OUT, so that the state is complete */
	vcpu->run->immediate_exit = 1;
	EQ(run_once(vcpu), -EINTR);
	vcpu->run->immediate_exit = 0;
	CHECK(vcpu->run->ready_for_interrupt_injection);
	MUST(!ioctl(vcpu->fd, KVM_INTERRUPT, &irq));
	return vcpu;
}

static void it_is_in_the_events(void)
{
	struct vcpu *vcpu = begin();
	struct kvm_vcpu_events events;

	MUST(!ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EQ(events.interrupt.injected, 1);
	EQ(events.interrupt.nr, VECTOR);
	events.interrupt.injected = 0;
	MUST(!ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	EQ(run_to_sync(vcpu), 0);
	events.interrupt.injected = 1;
	events.interrupt.nr = VECTOR;
	MUST(!ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	EQ(run_to_sync(vcpu), 1);
	EQ(run_to_sync(vcpu), 1);
	vm_free(vcpu->vm);
}

static void it_is_in_the_bitmap(void)
{
	struct vcpu *vcpu = begin();
	struct kvm_sregs sregs;

	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.interrupt_bitmap[VECTOR / 64], 1ull << VECTOR % 64);
	/* put back what was got: still one interrupt */
	MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	EQ(run_to_sync(vcpu), 1);
	EQ(run_to_sync(vcpu), 1);
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.interrupt_bitmap[VECTOR / 64], 0);
	vm_free(vcpu->vm);
}

static const struct test tests[] = {
	TEST(it_is_in_the_events),
	TEST(it_is_in_the_bitmap),
};

TEST_MAIN(tests)
