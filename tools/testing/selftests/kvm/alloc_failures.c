// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation behind an ioctl is made to fail, one at a time: the ioctl says
 * so, the same again succeeds, nothing leaks. Needs a kernel with fault injection
 * (fault-injection.rst: fail-nth).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define MOST	400	/* allocations behind one ioctl */

static int nth_fd;

static void tune(const char *where, const char *what, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", where, what);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		SKIP("no %s: the kernel has no fault injection", path);
	MUST(write(fd, value, strlen(value)) > 0);
	close(fd);
}

static void fault_injection(void)
{
	tune("failslab", "ignore-gfp-wait", "N");
	tune("failslab", "verbose", "0");
	tune("fail_page_alloc", "ignore-gfp-wait", "N");
	tune("fail_page_alloc", "min-order", "0");
	tune("fail_page_alloc", "verbose", "0");
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	MUST(nth_fd >= 0);
}

static void arm(int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", nth);
	MUST(pwrite(nth_fd, text, strlen(text), 0) > 0);
}

/* Did one fail? Its count has then come down to 0. */
static bool disarm(void)
{
	char text[16] = "";

	MUST(pread(nth_fd, text, sizeof(text) - 1, 0) > 0);
	arm(0);
	return atoi(text) == 0;
}

struct call {
	const char *name;
	void (*before)(struct vm *vm);
	int (*call)(struct vm *vm);
};

static int vm_create(struct vm *vm)
{
	int fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);

	return fd < 0 ? fd : close(fd);
}

static int irqchip_create(struct vm *vm)
{
	return ioctl(vm->fd, KVM_CREATE_IRQCHIP);
}

static void irqchip(struct vm *vm)
{
	MUST(!irqchip_create(vm));
}

static int pit_create(struct vm *vm)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

	return ioctl(vm->fd, KVM_CREATE_PIT2, &config);
}

static int vcpu_create(struct vm *vm)
{
	int fd = ioctl(vm->fd, KVM_CREATE_VCPU, 1);

	return fd < 0 ? fd : close(fd);
}

static int slot_create(struct vm *vm)
{
	return slot_set(vm, 5, KVM_MEM_LOG_DIRTY_PAGES, 1ull << 32, RAM_SIZE, vm->ram);
}

static int slot_log(struct vm *vm)
{
	return slot_set(vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, RAM_SIZE, vm->ram);
}

static int slot_delete(struct vm *vm)
{
	return slot_set(vm, 0, 0, 0, 0, vm->ram);
}

static int routing(struct vm *vm)
{
	struct kvm_irq_routing_entry msi = { .gsi = 40, .type = KVM_IRQ_ROUTING_MSI };
	u8 buf[sizeof(struct kvm_irq_routing) + sizeof(msi)] = { 0 };
	struct kvm_irq_routing *table = (void *)buf;

	table->nr = 1;
	memcpy(table->entries, &msi, sizeof(msi));
	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, table);
}

static int event = -1;

static void irqchip_and_event(struct vm *vm)
{
	irqchip(vm);
	event = eventfd(0, 0);
	MUST(event >= 0);
}

static int irqfd(struct vm *vm)
{
	struct kvm_irqfd req = { .fd = event, .gsi = 5 };

	return ioctl(vm->fd, KVM_IRQFD, &req);
}

static int ioeventfd(struct vm *vm)
{
	struct kvm_ioeventfd req = { .fd = event, .addr = 0x700, .len = 2,
				     .flags = KVM_IOEVENTFD_FLAG_PIO };

	return ioctl(vm->fd, KVM_IOEVENTFD, &req);
}

static int coalesced(struct vm *vm)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = HOLE_GPA, .size = 0x1000 };

	return ioctl(vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone);
}

static void first_vcpu(struct vm *vm)
{
	vcpu_new(vm, 0);
}

static int cpuid_set(struct vm *vm)
{
	static struct kvm_cpuid2 *cpuid;

	cpuid = cpuid ?: cpuid_supported(vm->kvm);
	return ioctl(vm->vcpu[0].fd, KVM_SET_CPUID2, cpuid);
}

static int msrs_get(struct vm *vm)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[1];
	} msrs = { { .nmsrs = 1 }, { { .index = 0x174 } } };

	return ioctl(vm->vcpu[0].fd, KVM_GET_MSRS, &msrs) == 1 ? 0 : -1;
}

static int msr_filter(struct vm *vm)
{
	static u8 bits[8];
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges[0] = { .flags = KVM_MSR_FILTER_READ, .nmsrs = 64, .base = 0x174,
			       .bitmap = bits },
	};

	return ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &filter);
}

static const struct call calls[] = {
	{ "KVM_CREATE_VM", NULL, vm_create },
	{ "KVM_CREATE_IRQCHIP", NULL, irqchip_create },
	{ "KVM_CREATE_PIT2", irqchip, pit_create },
	{ "KVM_CREATE_VCPU", NULL, vcpu_create },
	{ "KVM_CREATE_VCPU with irqchip", irqchip, vcpu_create },
	{ "KVM_SET_USER_MEMORY_REGION creates", NULL, slot_create },
	{ "KVM_SET_USER_MEMORY_REGION logs", NULL, slot_log },
	{ "KVM_SET_USER_MEMORY_REGION deletes", NULL, slot_delete },
	{ "KVM_SET_GSI_ROUTING", irqchip, routing },
	{ "KVM_IRQFD", irqchip_and_event, irqfd },
	{ "KVM_IOEVENTFD", irqchip_and_event, ioeventfd },
	{ "KVM_REGISTER_COALESCED_MMIO", NULL, coalesced },
	{ "KVM_SET_CPUID2", first_vcpu, cpuid_set },
	{ "KVM_GET_MSRS", first_vcpu, msrs_get },
	{ "KVM_X86_SET_MSR_FILTER", first_vcpu, msr_filter },
};

/* One allocation of @c fails; false when it made fewer than @nth. */
static bool fails_once(const struct call *c, int nth)
{
	struct vm *vm = vm_new();
	bool failed;
	int ret, err;

	if (c->before)
		c->before(vm);
	arm(nth);
	ret = c->call(vm);
	err = errno;
	failed = disarm();
	if (ret) {
		CHECK(failed, "%s fails by itself, errno %d", c->name, err);
		CHECK(err == ENOMEM, "%s, allocation %d: errno %d", c->name, nth, err);
		CHECK(!c->call(vm), "%s again, after allocation %d: errno %d", c->name, nth, errno);
	}
	vm_free(vm);
	if (event >= 0)
		close(event);
	event = -1;
	return failed;
}

static void an_ioctl_says_so(void)
{
	fault_injection();
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int nth = 1;

		while (nth < MOST && fails_once(&calls[i], nth))
			nth++;
		CHECK(nth < MOST, "%s never stops to allocate", calls[i].name);
		note("%s: %d allocations", calls[i].name, nth - 1);
	}
}

static void touching_guest(void)
{
	for (u64 gpa = FREE_GPA; gpa < FREE_GPA + 0x10000; gpa += 0x1000)
		*(volatile u64 *)gpa = gpa;
	guest_done();
}

static bool run_fails_once(int nth)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = quick_long(vm, touching_guest);
	bool failed;
	int ret;

	arm(nth);
	ret = ioctl(vcpu->fd, KVM_RUN, 0);
	if (ret)
		ret = errno;
	failed = disarm();
	if (ret)
		CHECK(failed && (ret == ENOMEM || ret == EFAULT), "allocation %d: errno %d", nth,
		      ret);
	if (ret || vcpu->run->exit_reason != KVM_EXIT_IO)
		run_to_done(vcpu);
	vm_free(vm);
	return failed;
}

static void a_guest_goes_on(void)
{
	int nth = 1;

	fault_injection();
	while (nth < MOST && run_fails_once(nth))
		nth++;
	CHECK(nth < MOST);
	note("%d allocations", nth - 1);
}

static const struct test tests[] = {
	SLOW_TEST(an_ioctl_says_so, 300),
	SLOW_TEST(a_guest_goes_on, 300),
};

TEST_MAIN(tests)
