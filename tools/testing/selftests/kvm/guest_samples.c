// SPDX-License-Identifier: GPL-2.0-only
/* The host's perf samples a thread that runs a guest: which are the guest's, and where. */
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

#define PAGES		16	/* of samples */
#define PERIOD_NS	1000000
#define ENOUGH		20

static volatile u64 spin_ticks;
extern const u8 spin_start[], spin_end[];

/* Everything between the two labels that takes time */
static __attribute__((noinline, noclone)) void spin(void)
{
	u64 end = guest_rdtsc() + spin_ticks;

	asm volatile("spin_start:\n\t"
		     "1: lfence; rdtsc; shl $32, %%rdx; or %%rdx, %%rax\n\t"
		     "cmp %0, %%rax; jb 1b\n"
		     "spin_end:" : : "r"(end) : "rax", "rdx", "cc");
}

static void spinning_guest(void)
{
	guest_sti();	/* as Bochs wants it */
	spin();
	guest_cli();
	guest_done();
}

static int sampler(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK, .sample_period = PERIOD_NS,
		.sample_type = PERF_SAMPLE_IP, .disabled = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		SKIP("no software events");
	return fd;
}

struct sample {
	struct perf_event_header head;
	u64 ip;
};

struct found {
	unsigned int host, kernel, user, elsewhere;
};

static void count(const struct sample *s, struct found *f)
{
	unsigned int mode = s->head.misc & PERF_RECORD_MISC_CPUMODE_MASK;

	if (s->head.type != PERF_RECORD_SAMPLE)
		return;
	if (mode != PERF_RECORD_MISC_GUEST_KERNEL && mode != PERF_RECORD_MISC_GUEST_USER) {
		f->host++;
		return;
	}
	f->kernel += mode == PERF_RECORD_MISC_GUEST_KERNEL;
	f->user += mode == PERF_RECORD_MISC_GUEST_USER;
	f->elsewhere += s->ip < (u64)spin_start || s->ip > (u64)spin_end;
}

/* The ring is larger than what comes. */
static struct found look(const struct perf_event_mmap_page *ring)
{
	const u8 *data = (const u8 *)ring + ring->data_offset;
	struct found f = {};
	u64 at = 0;

	MUST(ring->data_head <= ring->data_size);
	while (at < ring->data_head) {
		const struct sample *s = (const void *)(data + at);

		MUST(s->head.size);
		count(s, &f);
		at += s->head.size;
	}
	note("%u of the host, %u of its kernel, %u of its user, %u of them elsewhere",
	     f.host, f.kernel, f.user, f.elsewhere);
	return f;
}

static struct found sample(void (*run)(void *), void *arg)
{
	size_t size = (1 + PAGES) * 4096;
	int fd = sampler();
	struct found f;
	void *ring;

	ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(ring != MAP_FAILED);
	OK(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
	run(arg);
	OK(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0));
	f = look(ring);
	munmap(ring, size);
	close(fd);
	return f;
}

static void run_guest(void *arg)
{
	run_to_done(arg);
}

static void run_host(void *arg __attribute__((unused)))
{
	spin();
}

static struct vcpu *spinner(struct vm *vm)
{
	struct vcpu *vcpu = quick_long(vm, spinning_guest);

	/* A tenth of a second, on whatever this is */
	AT(vm, spin_ticks) = ioctl(vcpu->fd, KVM_GET_TSC_KHZ) * 100ull;
	return vcpu;
}

static void of_its_kernel(void)
{
	struct vm *vm = vm_new();
	struct found f = sample(run_guest, spinner(vm));

	CHECK(f.kernel >= ENOUGH, "%u", f.kernel);
	EQ(f.user, 0);
	/* On its way there and back */
	CHECK(f.elsewhere <= ENOUGH / 4, "%u", f.elsewhere);
	vm_free(vm);
}

static void of_its_user(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = spinner(vm);
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct found f;

	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cs.selector = SEL_UCODE64;
	sregs.ss.selector = SEL_UDATA;
	sregs.cs.dpl = 3;
	sregs.ss.dpl = 3;
	OK(ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	regs.rflags |= 0x3000;		/* IOPL 3: STI, and how it says that it is done */
	OK(ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	f = sample(run_guest, vcpu);
	CHECK(f.user >= ENOUGH, "%u", f.user);
	EQ(f.kernel, 0);
	/* On its way there and back */
	CHECK(f.elsewhere <= ENOUGH / 4, "%u", f.elsewhere);
	vm_free(vm);
}

/* The same code, and a guest that has just run */
static void of_the_host(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = spinner(vm);
	struct found f;

	run_to_done(vcpu);
	spin_ticks = ioctl(vcpu->fd, KVM_GET_TSC_KHZ) * 100ull;
	f = sample(run_host, NULL);
	CHECK(f.host >= ENOUGH, "%u", f.host);
	EQ(f.kernel + f.user, 0);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(of_its_kernel),
	TEST(of_its_user),
	TEST(of_the_host),
};

TEST_MAIN(tests)
