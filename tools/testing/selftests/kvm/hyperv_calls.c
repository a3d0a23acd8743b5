// SPDX-License-Identifier: GPL-2.0-only
/* Hyper-V's hypercalls that reach user space: messages, events, the debugger. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hyperv.h"

#define INPUT	((volatile u64 *)INPUT_PAGE)
#define FLAG	(1ull << 32)

static int event(struct vm *vm, u32 connection, int fd, u32 flags)
{
	struct kvm_hyperv_eventfd e = { .conn_id = connection, .fd = fd, .flags = flags };

	return ioctl(vm->fd, KVM_HYPERV_EVENTFD, &e);
}

static u64 rung(int fd)
{
	eventfd_t n = 0;

	return eventfd_read(fd, &n) ? 0 : n;
}

static void events_come_and_go(void)
{
	struct vm *vm = vm_new_irqchip();
	int fd = eventfd(0, 0);

	FAILS(event(vm, 1 << 24, fd, 0), EINVAL);
	FAILS(event(vm, 1 << 24, fd, KVM_HYPERV_EVENTFD_DEASSIGN), EINVAL);
	FAILS(event(vm, 1, fd, 2), EINVAL);
	FAILS(event(vm, 1, -1, 0), EBADF);
	FAILS(event(vm, 1, vm->fd, 0), EINVAL);
	FAILS(event(vm, 1, fd, KVM_HYPERV_EVENTFD_DEASSIGN), ENOENT);
	OK(event(vm, 1, fd, 0));
	FAILS(event(vm, 1, fd, 0), EEXIST);
	OK(event(vm, 0xffffff, fd, 0));
	OK(event(vm, 0, fd, 0));
	OK(event(vm, 1, -1, KVM_HYPERV_EVENTFD_DEASSIGN));
	FAILS(event(vm, 1, -1, KVM_HYPERV_EVENTFD_DEASSIGN), ENOENT);
	OK(event(vm, 1, fd, 0));
	/* closed here alone, and the others are the VM's to close */
	close(fd);
	OK(event(vm, 1, -1, KVM_HYPERV_EVENTFD_DEASSIGN));
	vm_free(vm);
}

static void signal_events(void)
{
	hv_enlighten();
	GEQ(hv_call(SIGNAL_EVENT | FAST, 1, 0), 0);
	INPUT[0] = 0x123456;
	INPUT[1] = 1;
	GEQ(hv_call(SIGNAL_EVENT, INPUT_PAGE, 0), 0);
	GEQ(hv_call(SIGNAL_EVENT, INPUT_PAGE + 8, 0), 0);
	GEQ(hv_call(SIGNAL_EVENT, INPUT_PAGE + 4, 0), BAD_ALIGNMENT);
	GEQ(hv_call(SIGNAL_EVENT, HOLE_GPA, 0), BAD_ALIGNMENT);
	GEQ(hv_call(SIGNAL_EVENT, ~7ull, 0), BAD_ALIGNMENT);
	GEQ(hv_call(SIGNAL_EVENT | FAST, 1 << 24, 0), BAD_INPUT);
	GEQ(hv_call(SIGNAL_EVENT | FAST, 1 | 1ull << 48, 0), BAD_INPUT);
	GEQ(hv_call(SIGNAL_EVENT | FAST | REPS(1), 1, 0), BAD_INPUT);
	guest_sync(0);
	/* user space's: with a flag, and of connections that nobody has */
	GEQ(hv_call(SIGNAL_EVENT | FAST, 1 | FLAG, 0), 0x12);
	GEQ(hv_call(SIGNAL_EVENT | FAST, 2, 0), 0);
	GEQ(hv_call(SIGNAL_EVENT | FAST, 1, 0), 0x77);
	guest_done();
}

static void asked(struct vcpu *vcpu, u64 input, u64 a, u64 b, u64 result)
{
	struct kvm_hyperv_exit *e = &vcpu->run->hyperv;

	MUST_EXIT(vcpu, KVM_EXIT_HYPERV);
	EQ(e->type, KVM_EXIT_HYPERV_HCALL);
	EQ(e->u.hcall.input, input);
	EQ(e->u.hcall.params[0], a);
	EQ(e->u.hcall.params[1], b);
	e->u.hcall.result = result;
}

static void events_ring(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = hv_vcpu(vm, 0, signal_events);
	int one = eventfd(0, EFD_NONBLOCK), far = eventfd(0, EFD_NONBLOCK);

	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_SYNIC2, 0));
	OK(event(vm, 1, one, 0));
	OK(event(vm, 0x123456, far, 0));
	run_to_sync(vcpu);
	EQ(rung(one), 2);
	EQ(rung(far), 1);
	asked(vcpu, SIGNAL_EVENT | FAST, 1 | FLAG, 0, 0x12);
	asked(vcpu, SIGNAL_EVENT | FAST, 2, 0, 0);
	OK(event(vm, 1, -1, KVM_HYPERV_EVENTFD_DEASSIGN));
	asked(vcpu, SIGNAL_EVENT | FAST, 1, 0, 0x77);
	run_to_done(vcpu);
	EQ(rung(one), 0);
	close(one);
	close(far);
	vm_free(vm);
}

static void post_messages(void)
{
	hv_enlighten();
	GEQ(hv_call(POST_MESSAGE, INPUT_PAGE, 0x1122334455667788), 0x123456789a);
	GEQ(hv_call(POST_MESSAGE, HOLE_GPA, 5), 0);
	GEQ(hv_call(POST_MESSAGE | REPS(1), INPUT_PAGE, 0), BAD_INPUT);
	GEQ(hv_call(POST_MESSAGE | HEAD(1), INPUT_PAGE, 0), BAD_INPUT);
	INPUT[0] = 7;
	GEQ(hv_call(SIGNAL_EVENT, INPUT_PAGE + 4, 0), BAD_ALIGNMENT);
	guest_done();
}

static void messages_are_user_spaces(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = hv_vcpu(vm, 0, post_messages);

	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_SYNIC, 0));
	asked(vcpu, POST_MESSAGE, INPUT_PAGE, 0x1122334455667788, 0x123456789a);
	asked(vcpu, POST_MESSAGE, HOLE_GPA, 5, 0);
	run_to_done(vcpu);
	vm_free(vm);
}

static void nobody_listens(void)
{
	hv_enlighten();
	GEQ(hv_call(POST_MESSAGE, INPUT_PAGE, 0), BAD_INPUT);
	GEQ(hv_call(SIGNAL_EVENT | FAST, 2, 0), BAD_INPUT);
	GEQ(hv_call(SIGNAL_EVENT | FAST, 1, 0), 0);
	guest_done();
}

/* Without the interrupt controller there are no messages, but doorbells. */
static void not_without_synic(void)
{
	struct vm *vm = vm_new_irqchip();
	int fd = eventfd(0, EFD_NONBLOCK);

	OK(event(vm, 1, fd, 0));
	run_to_done(hv_vcpu(vm, 0, nobody_listens));
	EQ(rung(fd), 1);
	close(fd);
	vm_free(vm);
}

static void denied(void)
{
	u64 value;

	hv_enlighten();
	GEQ(hv_call(POST_MESSAGE, INPUT_PAGE, 0), DENIED);
	GEQ(hv_call(SIGNAL_EVENT | FAST, 1, 0), DENIED);
	GEQ(hv_call(RESET_DEBUG, 0, 0), DENIED);
	GEQ(hv_call(POST_DEBUG, 0, 0), DENIED);
	GEQ(guest_try_rdmsr(SYNDBG_CONTROL, &value), GP);
	GEQ(guest_try_wrmsr(SYNDBG_OPTIONS, 4), GP);
	guest_done();
}

static void by_their_bits(void)
{
	const struct hv_features f = { .a = A_HYPERCALL, .debugger = DEBUGGER };
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_ENFORCE_CPUID, 1));
	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_SYNIC2, 0));
	hv_give(vcpu, &f);
	start_long(vcpu, denied);
	run_to_done(vcpu);
	vm_free(vm);
}

/* --- the debugger -------------------------------------------------------- */

static void debugged(void)
{
	hv_enlighten();
	GEQ(guest_rdmsr(SYNDBG_STATUS), 0);
	guest_wrmsr(SYNDBG_SEND, 0x5000);
	guest_wrmsr(SYNDBG_RECEIVE, 0x6000);
	guest_wrmsr(SYNDBG_PENDING, 0x7000);
	guest_wrmsr(SYNDBG_CONTROL, 0x12340001);
	GEQ(guest_rdmsr(SYNDBG_STATUS), 0xabcd);
	GEQ(guest_rdmsr(SYNDBG_CONTROL), 0x12340001);
	/* by registers, then by hypercalls */
	GEQ(hv_call(POST_DEBUG, INPUT_PAGE, INPUT_PAGE), NOT_NOW);
	GEQ(hv_call(RESET_DEBUG, 0, 0), NOT_NOW);
	guest_wrmsr(SYNDBG_OPTIONS, 4);
	GEQ(hv_call(POST_DEBUG | FAST, 1, 2), BAD_PARAMETER);
	GEQ(hv_call(RETRIEVE_DEBUG | FAST, 1, 2), BAD_PARAMETER);
	GEQ(hv_call(POST_DEBUG, INPUT_PAGE, 2), 0x30);
	GEQ(hv_call(RETRIEVE_DEBUG, INPUT_PAGE, 3), 0);
	GEQ(hv_call(RESET_DEBUG, 0, 0), 0);
	guest_done();
}

static void debugger_asked(struct vcpu *vcpu, u32 msr, u64 control)
{
	struct kvm_hyperv_exit *e = &vcpu->run->hyperv;

	MUST_EXIT(vcpu, KVM_EXIT_HYPERV);
	EQ(e->type, KVM_EXIT_HYPERV_SYNDBG);
	EQ(e->u.syndbg.msr, msr);
	EQ(e->u.syndbg.control, control);
	EQ(e->u.syndbg.send_page, 0x5000);
	EQ(e->u.syndbg.recv_page, 0x6000);
	EQ(e->u.syndbg.pending_page, 0x7000);
	e->u.syndbg.status = 0xabcd;
}

static void debugger(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = hv_vcpu(vm, 0, debugged);

	debugger_asked(vcpu, SYNDBG_PENDING, 0);
	vcpu->run->hyperv.u.syndbg.status = 0;
	debugger_asked(vcpu, SYNDBG_CONTROL, 0x12340001);
	asked(vcpu, POST_DEBUG, INPUT_PAGE, 2, 0x30);
	EQ(msr_must_get(vcpu, SYNDBG_STATUS), 0xabcd);
	asked(vcpu, RETRIEVE_DEBUG, INPUT_PAGE, 3, 0);
	asked(vcpu, RESET_DEBUG, 0, 0, 0);
	run_to_done(vcpu);
	EQ(msr_must_get(vcpu, SYNDBG_OPTIONS), 4);
	EQ(msr_set(vcpu, SYNDBG_CONTROL, 9), 1);
	EQ(msr_must_get(vcpu, SYNDBG_CONTROL), 9);
	vm_free(vm);
}

static void not_debugged(void)
{
	u64 value;

	hv_enlighten();
	for (u32 i = SYNDBG_CONTROL; i <= SYNDBG_PENDING; i++) {
		GEQ(guest_try_rdmsr(i, &value), GP);
		GEQ(guest_try_wrmsr(i, 0), GP);
	}
	GEQ(guest_try_wrmsr(SYNDBG_OPTIONS, 4), GP);
	GEQ(hv_call(RESET_DEBUG, 0, 0), BAD_CODE);
	GEQ(hv_call(POST_DEBUG, INPUT_PAGE, 0), BAD_CODE);
	guest_done();
}

static void no_debugger(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct hv_features f = hv_full;

	f.debugger = 0;
	hv_give(vcpu, &f);
	start_long(vcpu, not_debugged);
	EQ(msr_set(vcpu, SYNDBG_OPTIONS, 4), 1);
	run_to_done(vcpu);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(events_come_and_go),
	TEST(events_ring),
	TEST(messages_are_user_spaces),
	TEST(not_without_synic),
	TEST(by_their_bits),
	TEST(debugger),
	TEST(no_debugger),
};

TEST_MAIN(tests)
