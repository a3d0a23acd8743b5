// SPDX-License-Identifier: GPL-2.0-only
/* Hypercalls: those that user space answers, and the other vendor's instruction. */
#include <cpuid.h>
#include <linux/kvm_para.h>
#include <string.h>

#include "vm.h"

#define INTEL_INSN	".byte 0x0f, 0x01, 0xc1"
#define AMD_INSN	".byte 0x0f, 0x01, 0xd9"
#define ENOSYS_RET	(u64)-KVM_ENOSYS

static bool amd;

static u64 hypercall(u64 nr, u64 a, u64 b, u64 c)
{
	u64 ret;

	if (amd)
		asm volatile(AMD_INSN : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	else
		asm volatile(INTEL_INSN : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

static void map_ranges(void)
{
	GEQ(hypercall(KVM_HC_MAP_GPA_RANGE, 0x1000, 1, 0), ENOSYS_RET);
	guest_sync(0);
	GEQ(hypercall(KVM_HC_MAP_GPA_RANGE, 0x1001, 1, 0), (u64)-KVM_EINVAL);
	GEQ(hypercall(KVM_HC_MAP_GPA_RANGE, 0x1000, 0, 0), (u64)-KVM_EINVAL);
	GEQ(hypercall(KVM_HC_MAP_GPA_RANGE, 0x1000, ~0ull, 0), (u64)-KVM_EINVAL);
	GEQ(hypercall(KVM_HC_MAP_GPA_RANGE, 0x10000, -16ull, 0), (u64)-KVM_EINVAL);
	GEQ(hypercall(KVM_HC_MAP_GPA_RANGE, 0x7000, 3, 0x10), 0x1234567887654321ull);
	GEQ(hypercall(KVM_HC_MAP_GPA_RANGE, 0x8000, 4, 0), 0);
	guest_sync(1);
	GEQ(hypercall(KVM_HC_MAP_GPA_RANGE, 0x1000, 1, 0), ENOSYS_RET);
	guest_done();
}

static struct vcpu *caller(struct vm **vm, guest_fn fn)
{
	struct vcpu *vcpu;

	*vm = vm_new();
	vcpu = quick_long(*vm, fn);
	AT(*vm, amd) = on_amd();
	return vcpu;
}

static void user_space_maps(void)
{
	struct vm *vm;
	struct vcpu *vcpu = caller(&vm, map_ranges);
	struct kvm_run *run = vcpu->run;
	struct kvm_regs regs, after;

	EQ(has_cap(vm->fd, KVM_CAP_EXIT_HYPERCALL), 1 << KVM_HC_MAP_GPA_RANGE);
	EQ(run_to_sync(vcpu), 0);
	FAILS(enable_cap(vm->fd, KVM_CAP_EXIT_HYPERCALL, 1), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_EXIT_HYPERCALL, ~0ull), EINVAL);
	OK(enable_cap(vm->fd, KVM_CAP_EXIT_HYPERCALL, 1 << KVM_HC_MAP_GPA_RANGE));
	MUST_EXIT(vcpu, KVM_EXIT_HYPERCALL);
	EQ(run->hypercall.nr, KVM_HC_MAP_GPA_RANGE);
	EQ(run->hypercall.args[0], 0x7000);
	EQ(run->hypercall.args[1], 3);
	EQ(run->hypercall.args[2], 0x10);
	EQ(run->hypercall.args[3], 0);
	EQ(run->hypercall.longmode, 1);
	EQ(run->hypercall.ret, 0);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	run->hypercall.ret = 0x1234567887654321ull;
	/* an immediate exit ends it: RIP is behind */
	run->immediate_exit = 1;
	EQ(run_once(vcpu), -EINTR);
	run->immediate_exit = 0;
	EQ(run->exit_reason, KVM_EXIT_HYPERCALL);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &after));
	EQ(after.rip, regs.rip + 3);
	EQ(after.rax, 0x1234567887654321ull);
	MUST_EXIT(vcpu, KVM_EXIT_HYPERCALL);
	EQ(run->hypercall.args[0], 0x8000);
	EQ(run_to_sync(vcpu), 1);
	OK(enable_cap(vm->fd, KVM_CAP_EXIT_HYPERCALL, 0));
	run_to_done(vcpu);
	vm_free(vm);
}

static void call_others(void)
{
	GEQ(hypercall(KVM_HC_SCHED_YIELD, 0, 0, 0), 0);
	GEQ(hypercall(KVM_HC_SCHED_YIELD, 5, 0, 0), 0);
	GEQ(hypercall(KVM_HC_SCHED_YIELD, ~0ull, 0, 0), 0);
	GEQ(hypercall(KVM_HC_VAPIC_POLL_IRQ, 0, 0, 0), 0);
	for (u64 nr = 0; nr < 200; nr++)
		if (nr != KVM_HC_VAPIC_POLL_IRQ && nr != KVM_HC_KICK_CPU &&
		    nr != KVM_HC_CLOCK_PAIRING && nr != KVM_HC_SEND_IPI &&
		    nr != KVM_HC_SCHED_YIELD)
			GEQ(hypercall(nr, 0, 0, 0), ENOSYS_RET);
	GEQ(hypercall(~0ull, 0, 0, 0), ENOSYS_RET);
	GEQ(hypercall(1ull << 32 | KVM_HC_SCHED_YIELD, 0, 0, 0), ENOSYS_RET);
	guest_done();
}

static void numbers(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, call_others);

	AT(vm, amd) = on_amd();
	run_to_done(vcpu);
	vm_free(vm);
}

/* Both vendors' instructions: one of them is the other's. */
extern u8 intels[], amds[];

static __attribute__((noinline, noclone)) u64 call_foreign(void)
{
	u64 ret, trap;

	if (amd)
		trap = GUEST_TRY("intels: .byte 0x0f, 0x01, 0xc1", GUEST_OUT("=a"(ret)),
				 "a"(KVM_HC_VAPIC_POLL_IRQ), "b"(0));
	else
		trap = GUEST_TRY("amds: .byte 0x0f, 0x01, 0xd9", GUEST_OUT("=a"(ret)),
				 "a"(KVM_HC_VAPIC_POLL_IRQ), "b"(0));
	return trap == NO_TRAP ? ret : trap + 1000;
}

static void run_foreign(void)
{
	u64 ret = call_foreign();

	guest_sync4(ret, (amd ? intels : amds)[2], 0, 0);
}

/* One VM each: QEMU's translator misses that the code changed a second time. */
static void foreign_with(u64 quirks, u64 result, u8 byte)
{
	struct vm *vm;
	struct vcpu *vcpu = caller(&vm, run_foreign);
	struct ucall uc;

	/* what is disabled is what was said last */
	OK(enable_cap(vm->fd, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_LAPIC_MMIO_HOLE));
	OK(enable_cap(vm->fd, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN));
	OK(enable_cap(vm->fd, KVM_CAP_DISABLE_QUIRKS2, quirks));
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], result);
	EQ(uc.arg[1], byte);
	vm_free(vm);
}

static void the_other_vendors_instruction(void)
{
	foreign_with(0, 0, on_amd() ? 0xd9 : 0xc1);
}

static void the_other_vendors_instruction_is_undefined(void)
{
	foreign_with(KVM_X86_QUIRK_FIX_HYPERCALL_INSN, 1000 + 6, on_amd() ? 0xc1 : 0xd9);
}

static void wait_insns(void)
{
	for (;;) {
		u64 monitor, mwait;

		monitor = GUEST_TRY("monitor", , "a"(&amd), "c"(0), "d"(0));
		mwait = GUEST_TRY("mwait", , "a"(0), "c"(0));
		guest_sync4(monitor, mwait, 0, 0);
	}
}

static void monitor_and_mwait(void)
{
	struct vm *vm;
	struct vcpu *vcpu;
	struct ucall uc;
	u32 a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 3))
		SKIP("a CPU without MONITOR has #UD come before the exit");
	vcpu = caller(&vm, wait_insns);
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], NO_TRAP);
	EQ(uc.arg[1], NO_TRAP);
	OK(enable_cap(vm->fd, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS));
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], 6);
	EQ(uc.arg[1], 6);
	OK(enable_cap(vm->fd, KVM_CAP_DISABLE_QUIRKS2, 0));
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], NO_TRAP);
	vm_free(vm);
}

/* Each in turn, where there are no page tables to look at. */
BLOB(real_calls, ".code16",
     "mov $99, %eax; " INTEL_INSN "; out %eax, $0x10;"
     "mov $99, %eax; " AMD_INSN "; out %eax, $0x10");

static void in_real_mode(void)
{
	struct vm *vm = vm_new();
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct vcpu *vcpu;

	OK(ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000ul));
	vcpu = quick_real(vm, BLOB_OF(real_calls));
	/* The stock modules mend the instruction at RIP, and forget the segment's base. */
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	regs.rip += sregs.cs.base;
	sregs.cs.base = sregs.cs.selector = 0;
	OK(ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	OK(ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	for (int i = 0; i < 2; i++) {
		MUST_EXIT(vcpu, KVM_EXIT_IO);
		EQ(*(u32 *)io_data(vcpu), (u32)ENOSYS_RET);
	}
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(user_space_maps),
	TEST(numbers),
	TEST(the_other_vendors_instruction),
	TEST(the_other_vendors_instruction_is_undefined),
	TEST(in_real_mode),
	TEST(monitor_and_mwait),
};

TEST_MAIN(tests)
