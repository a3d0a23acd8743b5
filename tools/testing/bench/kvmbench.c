// SPDX-License-Identifier: GPL-2.0-only
/*
 * What exits cost, measured by the TSC around KVM_RUN. Under instruction
 * counting (one tick an instruction) the results repeat to a few counts.
 *
 * Prints "name value" lines; which hypervisor it runs on is its caller's
 * business. Every number is the difference of two run lengths, so that what
 * happens once per KVM_RUN falls out.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kvm.h>

#define MIB		(1ul << 20)
#define RAM		(96 * MIB)
#define CODE		0x10000ul
#define PML4		0x20000ul
#define PDPT		0x21000ul
#define PDS		0x22000ul	/* 4 page directories: 4 GiB */
#define TEST_AREA	(32 * MIB)	/* touched by the fault tests */
#define MMIO_KERNEL	0xe0000000ul
#define MMIO_APART	0x4000ul	/* doorbells of different devices */
#define MMIO_USER	0xe0001000ul
#define PORT_EVENTFD	0x500
#define PORT_USER	0x510
#define PORT_DONE	0xf0
#define CPUID_MAX	256

/*
 * Guest code: RBX says how often, RSI is the operation's address or stride.
 * Each ends by writing PORT_DONE.
 */
#define GUEST(name, op)						\
	extern char guest_##name[], guest_##name##_end[];	\
	asm(".pushsection .rodata\nguest_" #name ":\n"		\
	    "1:\n" op "\n dec %rbx\n jnz 1b\n"			\
	    " out %al, $0xf0\n"					\
	    "guest_" #name "_end:\n.popsection\n")

GUEST(nop, "nop");
GUEST(cpuid, "xor %eax, %eax\n xor %ecx, %ecx\n mov %rbx, %r8\n cpuid\n mov %r8, %rbx");
GUEST(rdmsr, "mov $0x277, %ecx\n rdmsr");
GUEST(pio_in_kernel, "mov $0x21, %edx\n in %dx, %al");
GUEST(pio_eventfd, "mov $0x500, %edx\n out %al, %dx");
GUEST(pio_user, "mov $0x510, %edx\n out %al, %dx");
GUEST(mmio, "movl %eax, (%rsi)");
GUEST(mmio_many, "mov %ebx, %ecx\n and $15, %ecx\n shl $14, %ecx\n movl %eax, (%rsi,%rcx)");
GUEST(touch4k, "movb $1, (%rsi)\n add $0x1000, %rsi");
GUEST(touch2m, "movb $1, (%rsi)\n add $0x200000, %rsi");

struct vm {
	int kvm, fd, vcpu;
	struct kvm_run *run;
	size_t run_size;
	unsigned char *ram;
	size_t ram_size;
};

static uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (uint64_t)hi << 32;
}

static int xioctl(int fd, unsigned long req, void *arg, const char *name)
{
	int ret = ioctl(fd, req, arg);

	if (ret < 0)
		err(1, "%s", name);
	return ret;
}
#define IOCTL(fd, req, arg)	xioctl(fd, req, (void *)(arg), #req)

static void put64(struct vm *vm, uint64_t gpa, uint64_t val)
{
	memcpy(vm->ram + gpa, &val, sizeof(val));
}

static void set_slot(struct vm *vm, uint32_t flags)
{
	struct kvm_userspace_memory_region r = {
		.memory_size = vm->ram_size,
		.userspace_addr = (uintptr_t)vm->ram,
		.flags = flags,
	};

	IOCTL(vm->fd, KVM_SET_USER_MEMORY_REGION, &r);
}

/* 2 MiB aligned and wholly present, so that faults cost what KVM costs. */
static void alloc_ram(struct vm *vm, size_t size, int advice)
{
	unsigned char *p = mmap(NULL, size + 2 * MIB, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	p = (unsigned char *)(((uintptr_t)p + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(p, size, advice);
	memset(p, 0, size);
	vm->ram = p;
	vm->ram_size = size;
}

static void set_cpuid(struct vm *vm)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + CPUID_MAX * sizeof(c->entries[0]));

	if (!c)
		err(1, "calloc");
	c->nent = CPUID_MAX;
	IOCTL(vm->kvm, KVM_GET_SUPPORTED_CPUID, c);
	IOCTL(vm->vcpu, KVM_SET_CPUID2, c);
	free(c);
}

static void set_long_mode(struct vm *vm)
{
	struct kvm_segment cs = {
		.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1,
		.s = 1, .l = 1, .g = 1,
	};
	struct kvm_segment ds = cs;
	struct kvm_sregs s;
	int i;

	put64(vm, PML4, PDPT | 7);
	for (i = 0; i < 4; i++)
		put64(vm, PDPT + i * 8, (PDS + i * 0x1000) | 7);
	for (i = 0; i < 2048; i++)
		put64(vm, PDS + i * 8, (uint64_t)i * 2 * MIB | 0x87);
	ds.type = 3;
	ds.selector = 16;
	ds.l = 0;
	ds.db = 1;
	IOCTL(vm->vcpu, KVM_GET_SREGS, &s);
	s.cs = cs;
	s.ds = s.es = s.fs = s.gs = s.ss = ds;
	s.cr0 = 0x80000031;
	s.cr3 = PML4;
	s.cr4 = 0x20;
	s.efer = 0x500;
	IOCTL(vm->vcpu, KVM_SET_SREGS, &s);
}

static void vm_open(struct vm *vm)
{
	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		err(1, "/dev/kvm");
	vm->fd = IOCTL(vm->kvm, KVM_CREATE_VM, 0);
}

static void vm_vcpu(struct vm *vm)
{
	vm->vcpu = IOCTL(vm->fd, KVM_CREATE_VCPU, 0);
	vm->run_size = IOCTL(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (vm->run == MAP_FAILED)
		err(1, "mmap of kvm_run");
}

static void vm_new(struct vm *vm, size_t ram, int advice)
{
	memset(vm, 0, sizeof(*vm));
	alloc_ram(vm, ram, advice);
	vm_open(vm);
	set_slot(vm, 0);
	IOCTL(vm->fd, KVM_CREATE_IRQCHIP, 0);
	vm_vcpu(vm);
	set_cpuid(vm);
	set_long_mode(vm);
}

static void vm_close(struct vm *vm)
{
	if (vm->run)
		munmap(vm->run, vm->run_size);
	close(vm->vcpu);
	close(vm->fd);
	close(vm->kvm);
	if (vm->ram)
		munmap(vm->ram, vm->ram_size);
}

static void load(struct vm *vm, const char *code, const char *end)
{
	memcpy(vm->ram + CODE, code, end - code);
}

/* Ticks from the first KVM_RUN to the end of @n operations. */
static uint64_t run(struct vm *vm, uint64_t n, uint64_t rsi)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rbx = n, .rsi = rsi, .rsp = 0x8000 };
	uint64_t t0;

	IOCTL(vm->vcpu, KVM_SET_REGS, &regs);
	t0 = rdtsc();
	for (;;) {
		if (ioctl(vm->vcpu, KVM_RUN, 0) < 0) {
			if (errno == EINTR)
				continue;
			err(1, "KVM_RUN");
		}
		if (vm->run->exit_reason == KVM_EXIT_MMIO)
			continue;
		if (vm->run->exit_reason != KVM_EXIT_IO)
			errx(1, "exit reason %u", vm->run->exit_reason);
		if (vm->run->io.port == PORT_DONE)
			return rdtsc() - t0;
	}
}

static double per_op(struct vm *vm, uint64_t n, uint64_t rsi)
{
	uint64_t few, many;

	run(vm, n / 4, rsi);	/* warm */
	few = run(vm, n / 4, rsi);
	many = run(vm, n + n / 4, rsi);
	return (double)(many - few) / n;
}

static void report(const char *name, double val)
{
	printf("%s %.1f\n", name, val);
	fflush(stdout);
}

static void exits(void)
{
	struct kvm_ioeventfd ev = {
		.addr = PORT_EVENTFD, .len = 1, .flags = KVM_IOEVENTFD_FLAG_PIO,
	};
	struct vm vm;
	double base;
	int i;

	vm_new(&vm, RAM, MADV_HUGEPAGE);
	ev.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	IOCTL(vm.fd, KVM_IOEVENTFD, &ev);
	ev.flags = 0;
	ev.len = 0;
	for (i = 0; i < 16; i++) {
		ev.addr = MMIO_KERNEL + i * MMIO_APART;
		IOCTL(vm.fd, KVM_IOEVENTFD, &ev);
	}

#define RUN(name) (load(&vm, guest_##name, guest_##name##_end))
	RUN(nop);
	base = per_op(&vm, 4000, 0);
	report("loop_overhead", base);
	RUN(cpuid);
	report("cpuid", per_op(&vm, 4000, 0) - base);
	RUN(rdmsr);
	report("rdmsr", per_op(&vm, 4000, 0) - base);
	RUN(pio_in_kernel);
	report("pio_kernel", per_op(&vm, 4000, 0) - base);
	RUN(pio_eventfd);
	report("pio_eventfd", per_op(&vm, 4000, 0) - base);
	RUN(pio_user);
	report("pio_user", per_op(&vm, 2000, 0) - base);
	RUN(mmio);
	report("mmio_eventfd", per_op(&vm, 4000, MMIO_KERNEL) - base);
	RUN(mmio_many);
	report("mmio_eventfds", per_op(&vm, 4000, MMIO_KERNEL) - base);
	RUN(mmio);
	report("mmio_user", per_op(&vm, 2000, MMIO_USER) - base);
	vm_close(&vm);
	close(ev.fd);
}

/* First touches: the slot is set anew, so that nothing is mapped. */
static void faults(void)
{
	const uint64_t n = 4096;
	struct vm vm;
	double base;

	vm_new(&vm, RAM, MADV_NOHUGEPAGE);
	RUN(touch4k);
	run(&vm, n / 4, TEST_AREA + n * 4096);		/* upper tables, code page */
	report("fault_4k", (double)run(&vm, n, TEST_AREA) / n);
	base = (double)run(&vm, n, TEST_AREA) / n;
	report("touch_mapped", base);

	/* Dirty logging over pages that are mapped */
	{
		static uint64_t bitmap[RAM / 4096 / 64];
		struct kvm_dirty_log log = { .dirty_bitmap = bitmap };
		uint64_t t0 = rdtsc();
		unsigned int i, dirty = 0;

		set_slot(&vm, KVM_MEM_LOG_DIRTY_PAGES);
		report("log_enable_page", (double)(rdtsc() - t0) / (n + n / 4));
		IOCTL(vm.fd, KVM_GET_DIRTY_LOG, &log);
		t0 = rdtsc();
		IOCTL(vm.fd, KVM_GET_DIRTY_LOG, &log);
		report("log_get_clean", (double)(rdtsc() - t0));
		report("fault_dirty", (double)run(&vm, n, TEST_AREA) / n - base);
		t0 = rdtsc();
		IOCTL(vm.fd, KVM_GET_DIRTY_LOG, &log);
		report("log_get_page", (double)(rdtsc() - t0) / n);
		for (i = 0; i < RAM / 4096; i++)
			dirty += (bitmap[i / 64] >> (i % 64)) & 1;
		if (dirty < n || dirty > n + 16)
			errx(1, "dirty log has %u pages, not %lu", dirty, (unsigned long)n);
	}
	vm_close(&vm);

	vm_new(&vm, RAM, MADV_HUGEPAGE);
	RUN(touch2m);
	run(&vm, 1, TEST_AREA);
	report("fault_2m", (double)run(&vm, 24, TEST_AREA + 2 * MIB) / 24);
	vm_close(&vm);
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Under counting a tick is a nanosecond of the counted CPU: CPU time is instructions. */
static void lives(void)
{
	struct vm vm = { 0 };
	uint64_t cpu = 0, t0 = 0;
	const int n = 20;
	int i;

	alloc_ram(&vm, 64 * MIB, MADV_NOHUGEPAGE);
	for (i = -2; i < n; i++) {
		if (!i) {
			cpu = cpu_ns();
			t0 = rdtsc();
		}
		vm_open(&vm);
		set_slot(&vm, 0);
		IOCTL(vm.fd, KVM_CREATE_IRQCHIP, 0);
		vm.vcpu = IOCTL(vm.fd, KVM_CREATE_VCPU, 0);
		close(vm.vcpu);
		close(vm.fd);
		close(vm.kvm);
	}
	report("life_cpu", (double)(cpu_ns() - cpu) / n);
	report("life_elapsed", (double)(rdtsc() - t0) / n);
}

/* Over and over, for looking at from outside: see the README of this folder. */
static void forever(const char *what)
{
	struct vm vm;

	vm_new(&vm, RAM, MADV_HUGEPAGE);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		if (!strcmp(what, "pio_user")) {
			RUN(pio_user);
			run(&vm, 1000, 0);
		} else if (!strcmp(what, "mmio_user")) {
			RUN(mmio);
			run(&vm, 1000, MMIO_USER);
		} else if (!strcmp(what, "pio_kernel")) {
			RUN(pio_in_kernel);
			run(&vm, 1000, 0);
		} else {
			errx(1, "unknown operation %s", what);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		forever(argv[1]);
	exits();
	faults();
	lives();
	return 0;
}
