// SPDX-License-Identifier: GPL-2.0-only
/* Real-mode guests, and what they tell. */
#include "real.h"

bool no_tss;

struct vm *real_vm(void)
{
	struct vm *vm = vm_new();

	if (!no_tss)
		MUST(!ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR));
	return vm;
}

struct vcpu *real_guest(const void *code, size_t size)
{
	struct vcpu *vcpu = vcpu_new(real_vm(), 0);

	set_supported_cpuid(vcpu);
	start_real(vcpu, code, size);
	return vcpu;
}

void tells(struct vcpu *vcpu, u32 value)
{
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(vcpu->run->io.port, PORT);
	EQ(vcpu->run->io.direction, KVM_EXIT_IO_OUT);
	EQ(*(u32 *)io_data(vcpu), value);
}

void needs_real_interrupts(void)
{
	if (on_bochs() && on_amd())
		SKIP("Bochs's SVM gets real-mode interrupts wrong, with the stock modules too");
}
