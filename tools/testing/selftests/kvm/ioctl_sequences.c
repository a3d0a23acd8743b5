// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random ioctls in random order with random arguments, repeatable: the seed is
 * printed, SEED= sets it, ROUNDS= the number of VMs. Any answer will do; the
 * kernel's log and the count of VMs are the judges.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "vm.h"

#define ARENA_SIZE	(8ul << 20)
#define PROGRAMS	100	/* for each VM */
#define STEPS		8	/* of each program */

static u64 pick(u64 n)
{
	return rnd() % n;
}

/* Numbers that have a meaning somewhere */
static u64 number(void)
{
	static const u64 some[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 23, 24, 31, 32, 63, 64, 255, 256, 4095, 4096, 0x8000,
		0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, ~0ull,
		0x8000000000000000, 0xfee00000, 0xfec00000, 0xfffbd000, 0x7ffffffff000,
		0xffff800000000000, 0xc0000080, 0xc0000100, 0x4b564d00, 0x4b564d01, 0x1b, 0x10,
	};

	switch (pick(4)) {
	case 0: return rnd();
	case 1: return pick(64);
	default: return some[pick(ARRAY_SIZE(some))];
	}
}

enum who { SYSTEM, VM, VCPU };

struct row {
	unsigned long request;
	unsigned long get;	/* where a right value to change comes from */
	enum who who;
	u8 fd;			/* the answer is a file descriptor */
	u8 value;		/* the argument is a number */
};

static const struct row rows[] = {
	{ KVM_CHECK_EXTENSION, 0, SYSTEM, .value = 1 },
	{ KVM_GET_SUPPORTED_CPUID, 0, SYSTEM }, { KVM_GET_EMULATED_CPUID, 0, SYSTEM },
	{ KVM_GET_MSR_INDEX_LIST, 0, SYSTEM }, { KVM_GET_MSRS, 0, SYSTEM },
	{ KVM_X86_GET_MCE_CAP_SUPPORTED, 0, SYSTEM },
	{ KVM_CREATE_IRQCHIP, 0, VM, .value = 1 }, { KVM_CREATE_PIT2, 0, VM },
	{ KVM_CREATE_VCPU, 0, VM, .fd = 1, .value = 1 }, { KVM_ENABLE_CAP, 0, VM },
	{ KVM_SET_TSS_ADDR, 0, VM, .value = 1 }, { KVM_SET_IDENTITY_MAP_ADDR, 0, VM },
	{ KVM_SET_USER_MEMORY_REGION, 0, VM }, { KVM_GET_DIRTY_LOG, 0, VM },
	{ KVM_CLEAR_DIRTY_LOG, 0, VM }, { KVM_SET_BOOT_CPU_ID, 0, VM, .value = 1 },
	{ KVM_IRQ_LINE, 0, VM }, { KVM_IRQ_LINE_STATUS, 0, VM }, { KVM_SIGNAL_MSI, 0, VM },
	{ KVM_SET_GSI_ROUTING, 0, VM }, { KVM_IRQFD, 0, VM }, { KVM_IOEVENTFD, 0, VM },
	{ KVM_GET_IRQCHIP, 0, VM }, { KVM_SET_IRQCHIP, KVM_GET_IRQCHIP, VM },
	{ KVM_GET_PIT2, 0, VM }, { KVM_SET_PIT2, KVM_GET_PIT2, VM }, { KVM_SET_PIT, 0, VM },
	{ KVM_REINJECT_CONTROL, 0, VM }, { KVM_GET_CLOCK, 0, VM },
	{ KVM_SET_CLOCK, KVM_GET_CLOCK, VM }, { KVM_X86_SET_MSR_FILTER, 0, VM },
	{ KVM_REGISTER_COALESCED_MMIO, 0, VM }, { KVM_UNREGISTER_COALESCED_MMIO, 0, VM },
	{ KVM_SET_NR_MMU_PAGES, 0, VM, .value = 1 }, { KVM_CREATE_DEVICE, 0, VM },
	{ KVM_GET_STATS_FD, 0, VM, .fd = 1 }, { KVM_SET_PMU_EVENT_FILTER, 0, VM },
	{ KVM_SET_TSC_KHZ, 0, VM, .value = 1 }, { KVM_HYPERV_EVENTFD, 0, VM },
	{ KVM_XEN_HVM_CONFIG, 0, VM }, { KVM_XEN_HVM_SET_ATTR, 0, VM },
	{ KVM_MEMORY_ENCRYPT_OP, 0, VM }, { KVM_RESET_DIRTY_RINGS, 0, VM, .value = 1 },
	{ KVM_GET_REGS, 0, VCPU }, { KVM_SET_REGS, KVM_GET_REGS, VCPU },
	{ KVM_GET_SREGS, 0, VCPU }, { KVM_SET_SREGS, KVM_GET_SREGS, VCPU },
	{ KVM_GET_SREGS2, 0, VCPU }, { KVM_SET_SREGS2, KVM_GET_SREGS2, VCPU },
	{ KVM_SET_FPU, KVM_GET_FPU, VCPU }, { KVM_SET_XSAVE, KVM_GET_XSAVE, VCPU },
	{ KVM_SET_XCRS, KVM_GET_XCRS, VCPU }, { KVM_SET_DEBUGREGS, KVM_GET_DEBUGREGS, VCPU },
	{ KVM_SET_VCPU_EVENTS, KVM_GET_VCPU_EVENTS, VCPU }, { KVM_GET_LAPIC, 0, VCPU },
	{ KVM_SET_LAPIC, KVM_GET_LAPIC, VCPU }, { KVM_SET_MP_STATE, KVM_GET_MP_STATE, VCPU },
	{ KVM_GET_MSRS, 0, VCPU }, { KVM_SET_MSRS, 0, VCPU }, { KVM_SET_CPUID2, 0, VCPU },
	{ KVM_SET_CPUID, 0, VCPU }, { KVM_GET_CPUID2, 0, VCPU }, { KVM_INTERRUPT, 0, VCPU },
	{ KVM_NMI, 0, VCPU, .value = 1 }, { KVM_SMI, 0, VCPU, .value = 1 },
	{ KVM_TRANSLATE, 0, VCPU }, { KVM_SET_GUEST_DEBUG, 0, VCPU },
	{ KVM_X86_SETUP_MCE, 0, VCPU }, { KVM_X86_SET_MCE, 0, VCPU },
	{ KVM_TPR_ACCESS_REPORTING, 0, VCPU }, { KVM_SET_VAPIC_ADDR, 0, VCPU },
	{ KVM_SET_TSC_KHZ, 0, VCPU, .value = 1 }, { KVM_KVMCLOCK_CTRL, 0, VCPU, .value = 1 },
	{ KVM_GET_NESTED_STATE, 0, VCPU }, { KVM_SET_NESTED_STATE, 0, VCPU },
	{ KVM_ENABLE_CAP, 0, VCPU }, { KVM_GET_STATS_FD, 0, VCPU, .fd = 1 },
	{ KVM_SET_DEVICE_ATTR, 0, VCPU }, { KVM_GET_DEVICE_ATTR, 0, VCPU },
	{ KVM_XEN_VCPU_SET_ATTR, 0, VCPU }, { KVM_GET_SUPPORTED_HV_CPUID, 0, VCPU },
	{ KVM_RUN, 0, VCPU, .value = 1 }, { KVM_RUN, 0, VCPU, .value = 1 },
};

static u8 arg[65536] __attribute__((aligned(4096)));
static u8 *arena;

static void fill(size_t size)
{
	switch (pick(5)) {
	case 0:
		memset(arg, 0, size);
		break;
	case 1:
		memset(arg, 0xff, size);
		break;
	default:
		memset(arg, 0, size);
		for (size_t i = 0; i + 4 <= size && i < 512; i += pick(2) ? 4 : 8) {
			u64 value = number();

			memcpy(arg + i, &value, size - i >= 8 ? 8 : 4);
		}
		break;
	}
}

/* A right value with a few wrong places */
static void change(size_t size)
{
	for (u64 n = pick(6); n; n--) {
		size_t at = pick(size);
		u64 value = number();

		memcpy(arg + at, &value, size - at < 8 ? size - at : 8);
	}
}

/* Guest memory only where it may be written: never this program's own. */
static void tame(const struct row *row)
{
	struct kvm_userspace_memory_region *region = (void *)arg;
	struct kvm_dirty_log *log = (void *)arg;
	struct kvm_clear_dirty_log *clear = (void *)arg;
	struct kvm_enable_cap *cap = (void *)arg;

	switch (row->request) {
	case KVM_SET_SREGS:
	case KVM_SET_SREGS2:
		/* an event then: QEMU's AMD-V never comes back from it */
		if (on_tcg() && !(((struct kvm_sregs *)arg)->cr0 >> 31 & 1))
			((struct kvm_sregs *)arg)->efer &= ~0x100ull;
		break;
	case KVM_SET_USER_MEMORY_REGION:
		if (pick(4)) {
			region->slot = pick(5) | (pick(8) == 0) << 16;
			region->flags = pick(4);
			region->guest_phys_addr = pick(64) << (pick(2) ? 12 : 21);
			region->memory_size = pick(5) * (pick(2) ? 4096 : 0x100000);
		}
		region->userspace_addr = (u64)arena + pick(ARENA_SIZE / 2 / 4096) * 4096 +
					 !pick(16);
		if (region->memory_size > ARENA_SIZE / 2)
			region->userspace_addr = 0xffff800000000000 + pick(4096) * 4096;
		break;
	case KVM_GET_DIRTY_LOG:
		log->slot = pick(6);
		log->dirty_bitmap = pick(8) ? arena : (void *)number();
		if (log->dirty_bitmap != (void *)arena)
			log->dirty_bitmap = (void *)8;
		break;
	case KVM_CLEAR_DIRTY_LOG:
		clear->dirty_bitmap = arena;
		clear->slot = pick(6);
		break;
	case KVM_ENABLE_CAP:
		cap->cap = pick(230);
		cap->flags = pick(8) == 0;
		break;
	}
}

static void do_row(struct vm *vm, struct vcpu *vcpu, const struct row *row)
{
	int fd = row->who == SYSTEM ? vm->kvm : row->who == VM ? vm->fd : vcpu->fd;
	size_t size = _IOC_SIZE(row->request);
	int ret;

	if (row->value) {
		vcpu->run->immediate_exit = pick(4) == 0;
		if (row->request == KVM_RUN)
			irqs_on_for_bochs(vcpu);
		ret = ioctl(fd, row->request, row->request == KVM_RUN ? 0 : number());
	} else {
		size_t room = size < 256 ? 8192 : size + 4096;

		memset(arg, 0, room);
		if (row->get && pick(4) && ioctl(fd, row->get, arg) == 0)
			change(size);
		else
			fill(size + pick(2) * 512);
		tame(row);
		ret = ioctl(fd, row->request, arg);
	}
	if (row->fd && ret > 2)
		close(ret);
}

static void fuzzed_guest(void)
{
	for (u64 i = 0;; i++) {
		u32 r[4];

		guest_cpuid(i, 0, r);
		MMIO(u32, HOLE_GPA) = i;
		guest_outb(0x80, i);
		MMIO(u64, SCRATCH_GPA + i % 0x100000) = i;
		if (i % 64 == 0)
			guest_halt();
	}
}

static void on_tick(int sig)
{
	(void)sig;
}

/* Guests may run for ever: a signal every 3 ms ends that. */
static void ticks(bool on)
{
	struct sigaction action = { .sa_handler = on_tick };
	struct itimerval timer = { { 0, on * 3000 }, { 0, on * 3000 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void one_vm(unsigned int programs)
{
	struct vm *vm = pick(2) ? vm_new_irqchip() : vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	if (pick(2))
		start_long(vcpu, fuzzed_guest);
	ticks(true);
	for (unsigned int i = 0; i < programs; i++) {
		for (int k = 0; k < STEPS; k++)
			do_row(vm, vcpu, &rows[pick(ARRAY_SIZE(rows))]);
	}
	ticks(false);
	vm_free(vm);
	/* whatever else they gave us */
	closefrom(3);
}

static void sequences(void)
{
	const char *text = getenv("SEED");
	unsigned int rounds = getenv("ROUNDS") ? atoi(getenv("ROUNDS")) : 30;
	int before = vms_in_host();

	needs_shutdown_exits();
	rnd_seed = text ? strtoull(text, NULL, 0) : 0x5eed0123456789abull;
	note("SEED=%#llx ROUNDS=%u: %u programs of %u ioctls", (unsigned long long)rnd_seed, rounds,
	     rounds * PROGRAMS, STEPS);
	MUST(rnd_seed);
	arena = ram_alloc(ARENA_SIZE);
	for (unsigned int i = 0; i < rounds; i++)
		one_vm(PROGRAMS);
	if (before >= 0)
		CHECK(vms_settle(before));
}

/* The same from two threads on one VM: order is the scheduler's then. */
static struct vm *shared_vm;

static void *racing_ioctls(void *unused)
{
	struct vcpu *vcpu = &shared_vm->vcpu[0];
	u8 buf[4096];

	(void)unused;
	for (int i = 0; i < 400; i++) {
		static const unsigned long safe[] = {
			KVM_GET_REGS, KVM_GET_SREGS, KVM_GET_VCPU_EVENTS, KVM_GET_LAPIC,
			KVM_GET_MP_STATE, KVM_GET_FPU, KVM_GET_XCRS, KVM_GET_DEBUGREGS,
		};

		ioctl(vcpu->fd, safe[i % ARRAY_SIZE(safe)], buf);
		ioctl(shared_vm->fd, KVM_CREATE_IRQCHIP, 0);
		close(ioctl(shared_vm->fd, KVM_CREATE_VCPU, i % 40));
		ioctl(shared_vm->fd, KVM_NMI, 0);
		ioctl(vcpu->fd, KVM_NMI, 0);
	}
	return NULL;
}

static void two_threads_on_one_vm(void)
{
	pthread_t thread;

	rnd_seed = 12345;
	for (int i = 0; i < 5; i++) {
		shared_vm = i & 1 ? vm_new_irqchip() : vm_new();
		vcpu_new(shared_vm, 0);
		start_long(&shared_vm->vcpu[0], fuzzed_guest);
		MUST(!pthread_create(&thread, NULL, racing_ioctls, NULL));
		for (int k = 0; k < 100; k++) {
			slot_set(shared_vm, 1 + k % 3, k % 2, 0x20000000 + k * 4096, 4096 * (k % 3),
				 shared_vm->ram);
			shared_vm->vcpu[0].run->immediate_exit = 1;
			run_once(&shared_vm->vcpu[0]);
		}
		MUST(!pthread_join(thread, NULL));
		vm_free(shared_vm);
	}
}

static const struct test tests[] = {
	SLOW_TEST(sequences, 50),
	TEST(two_threads_on_one_vm),
};

TEST_MAIN(tests)
