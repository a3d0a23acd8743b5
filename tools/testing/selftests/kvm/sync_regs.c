// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CAP_SYNC_REGS: registers that come and go in kvm_run. */
#include <stdlib.h>
#include <string.h>

#include "vm.h"

BLOB(count, ".code16", "1: incl %eax; hlt; jmp 1b");

#define ALL_SETS	KVM_SYNC_X86_VALID_FIELDS
#define POISON		0xa5

static struct vcpu *counting(struct vm **vm)
{
	struct vcpu *vcpu;

	*vm = vm_new();
	EQ(has_cap((*vm)->kvm, KVM_CAP_SYNC_REGS), ALL_SETS);
	EQ(has_cap((*vm)->fd, KVM_CAP_SYNC_REGS), ALL_SETS);
	vcpu = quick_real(*vm, BLOB_OF(count));
	memset(&vcpu->run->s.regs, POISON, sizeof(vcpu->run->s.regs));
	return vcpu;
}

static bool poisoned(const void *p, size_t size)
{
	const u8 *byte = p;

	while (size--)
		if (*byte++ != POISON)
			return false;
	return true;
}

static u64 rax_of(struct vcpu *vcpu)
{
	struct kvm_regs regs;

	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	return regs.rax;
}

/* What is stored, but for padding that may be left alone, and what must not be. */
static void prepare(struct vcpu *vcpu, u64 sets)
{
	struct kvm_sync_regs *s = &vcpu->run->s.regs;

	memset(s, POISON, sizeof(*s));
	if (sets & KVM_SYNC_X86_SREGS)
		memset(&s->sregs, 0, sizeof(s->sregs));
	if (sets & KVM_SYNC_X86_EVENTS)
		memset(&s->events, 0, sizeof(s->events));
	vcpu->run->kvm_valid_regs = sets;
}

/* What is in kvm_run is what the ioctls say. */
static void same_as_the_ioctls(struct vcpu *vcpu, u64 sets)
{
	struct kvm_sync_regs *s = &vcpu->run->s.regs;
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	MUST(!ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	if (sets & KVM_SYNC_X86_REGS)
		CHECK(!memcmp(&regs, &s->regs, sizeof(regs)));
	else
		CHECK(poisoned(&s->regs, sizeof(regs)));
	if (sets & KVM_SYNC_X86_SREGS)
		CHECK(!memcmp(&sregs, &s->sregs, sizeof(sregs)));
	else
		CHECK(poisoned(&s->sregs, sizeof(sregs)));
	if (sets & KVM_SYNC_X86_EVENTS)
		CHECK(!memcmp(&events, &s->events, sizeof(events)));
	else
		CHECK(poisoned(&s->events, sizeof(events)));
}

static void each_set_is_stored_when_asked(void)
{
	struct vm *vm;
	struct vcpu *vcpu = counting(&vm);

	for (u64 sets = 0; sets <= ALL_SETS; sets++) {
		prepare(vcpu, sets);
		MUST_EXIT(vcpu, KVM_EXIT_HLT);
		EQ(vcpu->run->kvm_valid_regs, sets);
		same_as_the_ioctls(vcpu, sets);
	}
	vm_free(vm);
}

static void a_run_that_fails_stores_too(void)
{
	struct vm *vm;
	struct vcpu *vcpu = counting(&vm);

	prepare(vcpu, ALL_SETS);
	vcpu->run->immediate_exit = 1;
	EQ(run_once(vcpu), -EINTR);
	same_as_the_ioctls(vcpu, ALL_SETS);
	vm_free(vm);
}

static void dirty_sets_are_loaded_once(void)
{
	struct vm *vm;
	struct vcpu *vcpu = counting(&vm);
	struct kvm_sync_regs *s = &vcpu->run->s.regs;
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;

	needs_cr2();
	vcpu->run->kvm_valid_regs = ALL_SETS;
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(s->regs.rax, 1);

	/* without its bit a change means nothing */
	s->regs.rax = 1000;
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(s->regs.rax, 2);

	s->regs.rax = 1000;
	s->sregs.cr2 = 0x1234567;
	s->sregs.gs.base = 0x5670;
	s->sregs.gs.selector = 0x567;
	s->events.nmi.masked = 1;
	vcpu->run->kvm_dirty_regs = ALL_SETS;
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(vcpu->run->kvm_dirty_regs, 0);
	EQ(s->regs.rax, 1001);
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.cr2, 0x1234567);
	EQ(sregs.gs.base, 0x5670);
	MUST(!ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EQ(events.nmi.masked, 1);

	/* loading does not need storing */
	vcpu->run->kvm_valid_regs = 0;
	s->regs.rax = 7;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(s->regs.rax, 7);
	EQ(rax_of(vcpu), 8);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(rax_of(vcpu), 9);
	vm_free(vm);
}

static void unknown_bits(void)
{
	struct vm *vm;
	struct vcpu *vcpu = counting(&vm);

	for (unsigned int bit = 0; bit < 64; bit++) {
		if (ALL_SETS & (1ull << bit))
			continue;
		vcpu->run->kvm_valid_regs = 1ull << bit;
		EQ(run_once(vcpu), -EINVAL);
		vcpu->run->kvm_valid_regs = 0;
		vcpu->run->kvm_dirty_regs = 1ull << bit;
		EQ(run_once(vcpu), -EINVAL);
		vcpu->run->kvm_dirty_regs = 0;
	}
	EQ(rax_of(vcpu), 0);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(rax_of(vcpu), 1);
	vm_free(vm);
}

/* What KVM_SET_SREGS and KVM_SET_VCPU_EVENTS refuse, KVM_RUN refuses. */
static void bad_values(void)
{
	struct vm *vm;
	struct vcpu *vcpu = counting(&vm);
	struct kvm_sync_regs *s = &vcpu->run->s.regs;
	struct kvm_sync_regs good;

	vcpu->run->kvm_valid_regs = ALL_SETS;
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	good = *s;
	vcpu->run->kvm_valid_regs = 0;

	s->sregs.cr4 = ~0ull;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	EQ(run_once(vcpu), -EINVAL);
	*s = good;
	s->sregs.cr0 = 1ull << 32;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	EQ(run_once(vcpu), -EINVAL);
	*s = good;
	s->events.exception.injected = 1;
	s->events.exception.nr = 200;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	EQ(run_once(vcpu), -EINVAL);
	*s = good;
	s->events.flags = ~0u;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	EQ(run_once(vcpu), -EINVAL);

	*s = good;
	vcpu->run->kvm_dirty_regs = ALL_SETS;
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(rax_of(vcpu), 2);
	vm_free(vm);
}

/* An IN's value and a dirty RAX: the registers are loaded first, then the value. */
BLOB(read_port, ".code16", "1: inb $0x40, %al; hlt; jmp 1b");

static void loaded_before_port_input_ends(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_real(vm, BLOB_OF(read_port));

	vcpu->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	*(u8 *)io_data(vcpu) = 0x77;
	vcpu->run->s.regs.regs.rax = 0x1200;
	vcpu->run->s.regs.regs.rbx = 0x3400;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(vcpu->run->s.regs.regs.rax, 0x1277);
	EQ(vcpu->run->s.regs.regs.rbx, 0x3400);
	vm_free(vm);
}

static void *scribble(void *arg)
{
	struct vcpu *vcpu = arg;
	struct kvm_sync_regs *s = &vcpu->run->s.regs;
	unsigned int seed = 1;

	while (!vcpu->stop) {
		volatile u32 *word = (u32 *)s + rand_r(&seed) % (sizeof(*s) / sizeof(u32));

		*word = rand_r(&seed) & 1 ? ~0u : (u32)rand_r(&seed);
		*(volatile u64 *)&vcpu->run->kvm_dirty_regs = rand_r(&seed) & ALL_SETS;
		*(volatile u64 *)&vcpu->run->kvm_valid_regs = rand_r(&seed) & ALL_SETS;
		*(volatile u8 *)&s->events.exception.nr = rand_r(&seed);
		*(volatile u8 *)&s->events.exception.injected ^= 1;
	}
	return NULL;
}

/* Somebody writes the page while it is read: the guest's loss, not the host's. */
static void a_page_that_changes(void)
{
	u64 end = now_ns() + 1500000000ull;
	struct vcpu *vcpu;
	unsigned int runs = 0;
	struct vm *vm;

	if (on_bochs() && on_amd())
		SKIP("Bochs's SVM ends the emulator when RFLAGS.VM is set in long mode");
	vcpu = counting(&vm);
	vcpu->stop = false;
	MUST(!pthread_create(&vcpu->thread, NULL, scribble, vcpu));
	while (now_ns() < end) {
		int ret = run_bounded(vcpu, 20);

		runs++;
		CHECK(ret == 0 || ret == -EINVAL || ret == -EINTR || ret == -EFAULT, "%d", ret);
		if (test_failures())
			break;
	}
	vcpu->stop = true;
	pthread_join(vcpu->thread, NULL);
	note("%u runs", runs);
	CHECK(runs > 10);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(each_set_is_stored_when_asked),
	TEST(a_run_that_fails_stores_too),
	TEST(dirty_sets_are_loaded_once),
	TEST(unknown_bits),
	TEST(bad_values),
	TEST(loaded_before_port_input_ends),
	TEST(a_page_that_changes),
};

TEST_MAIN(tests)
