// SPDX-License-Identifier: GPL-2.0-only
/* VMs, vCPUs and slots. What fails here ends the test. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define CPUID_ROOM	256

int kvm_open(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	MUST(fd >= 0);
	return fd;
}

/* Anonymous memory that does not count as host memory until it is touched. */
void *ram_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	MUST(p != MAP_FAILED);
	return p;
}

int slot_set(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (u64)hva,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

void slot_must(struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, void *hva)
{
	MUST(!slot_set(vm, slot, flags, gpa, size, hva));
}

/* A VM with nothing in it. */
struct vm *vm_bare(void)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int size;

	MUST(vm);
	vm->kvm = kvm_open();
	size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	MUST(size > 0);
	vm->run_size = size;
	do	/* a signal may end the wait for the locks of all mappings */
		vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	while (vm->fd < 0 && errno == EINTR);
	MUST(vm->fd >= 0);
	for (int i = 0; i < MAX_TEST_VCPUS; i++)
		vm->vcpu[i].fd = -1;
	return vm;
}

static void add_ram(struct vm *vm)
{
	vm->ram = ram_alloc(RAM_SIZE);
	load_image(vm);
	slot_must(vm, 0, 0, 0, RAM_SIZE, vm->ram);
}

/* RAM and image, no interrupt controllers: HLT comes to us. */
struct vm *vm_new(void)
{
	struct vm *vm = vm_bare();

	add_ram(vm);
	return vm;
}

struct vm *vm_new_irqchip(void)
{
	struct vm *vm = vm_bare();

	MUST(!ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000));
	MUST(!ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0));
	add_ram(vm);
	return vm;
}

struct vcpu *vcpu_new(struct vm *vm, int id)
{
	struct vcpu *vcpu;

	MUST(id >= 0 && id < MAX_TEST_VCPUS);
	vcpu = &vm->vcpu[id];
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->stop = false;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	MUST(vcpu->fd >= 0);
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	MUST(vcpu->run != MAP_FAILED);
	return vcpu;
}

void vcpu_close(struct vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->vm->run_size);
	close(vcpu->fd);
	vcpu->fd = -1;
}

void vm_free(struct vm *vm)
{
	for (int i = 0; i < MAX_TEST_VCPUS; i++) {
		if (vm->vcpu[i].fd >= 0)
			vcpu_close(&vm->vcpu[i]);
	}
	close(vm->fd);
	close(vm->kvm);
	if (vm->ram)
		munmap(vm->ram, RAM_SIZE);
	free(vm);
}

/* A copy that the caller may change; never freed. */
struct kvm_cpuid2 *cpuid_supported(int kvm)
{
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + CPUID_ROOM * sizeof(cpuid->entries[0]));
	MUST(cpuid);
	cpuid->nent = CPUID_ROOM;
	MUST(!ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid));
	return cpuid;
}

struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *cpuid, u32 function, u32 index)
{
	for (u32 i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		if (entry->function == function &&
		    (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || entry->index == index))
			return entry;
	}
	return NULL;
}

int has_cap(int fd, int cap)
{
	return ioctl(fd, KVM_CHECK_EXTENSION, cap);
}

int enable_cap(int fd, u32 cap, u64 arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	return ioctl(fd, KVM_ENABLE_CAP, &enable);
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

/* The number of MSRs set: 1, or 0 when refused. */
/* As good as random, and repeatable: never 0 */
u64 rnd_seed = 88172645463325252ull;

u64 rnd(void)
{
	rnd_seed ^= rnd_seed << 13;
	rnd_seed ^= rnd_seed >> 7;
	rnd_seed ^= rnd_seed << 17;
	return rnd_seed * 0x2545f4914f6cdd1dull;
}

int irq_line(struct vm *vm, u32 gsi, u32 level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	return ioctl(vm->fd, KVM_IRQ_LINE, &line);
}

int msr_set(struct vcpu *vcpu, u32 index, u64 value)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry = { .index = index, .data = value } };

	return ioctl(vcpu->fd, KVM_SET_MSRS, &msr);
}

int msr_get(struct vcpu *vcpu, u32 index, u64 *value)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry = { .index = index } };
	int ret = ioctl(vcpu->fd, KVM_GET_MSRS, &msr);

	*value = msr.entry.data;
	return ret;
}

u64 msr_must_get(struct vcpu *vcpu, u32 index)
{
	u64 value;

	MUST(msr_get(vcpu, index, &value) == 1);
	return value;
}

/* A counter from the vCPU's binary statistics */
u64 vcpu_stat(struct vcpu *vcpu, const char *name)
{
	struct kvm_stats_header head;
	struct kvm_stats_desc *desc;
	char buf[512];
	u64 value = ~0ull;
	size_t size;
	int fd;

	MUST((fd = ioctl(vcpu->fd, KVM_GET_STATS_FD, 0)) >= 0);
	MUST(pread(fd, &head, sizeof(head), 0) == sizeof(head));
	size = sizeof(*desc) + head.name_size;
	MUST(size <= sizeof(buf));
	desc = (void *)buf;
	for (u32 i = 0; i < head.num_desc; i++) {
		MUST(pread(fd, buf, size, head.desc_offset + i * size) == (ssize_t)size);
		if (strcmp((char *)buf + sizeof(*desc), name))
			continue;
		MUST(pread(fd, &value, 8, head.data_offset + desc->offset) == 8);
	}
	close(fd);
	MUST(value != ~0ull);
	return value;
}
