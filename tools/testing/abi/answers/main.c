// SPDX-License-Identifier: GPL-2.0-only
/* Machines to ask, and the list of sections. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answers.h"

int kvm;
u8 *arg, *ram;
const char *const chip_name[] = { "none", "irqchip", "split" };

int enable(int fd, u32 cap, u64 value)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { value } };

	return ioctl(fd, KVM_ENABLE_CAP, &enable);
}

const char *error_name(long ret)
{
#define E(name)	{ name, #name }
	static const struct {
		int number;
		const char *name;
	} names[] = {
		E(EINVAL), E(EFAULT), E(ENOTTY), E(ENXIO), E(EEXIST), E(E2BIG), E(ENOENT),
		E(EPERM), E(EBUSY), E(ENODEV), E(ENOMEM), E(ENOSYS), E(EIO), E(EOPNOTSUPP),
		E(EBADF), E(EINTR), E(EAGAIN), E(ENOSPC),
	};
#undef E

	if (ret >= 0)
		return "ok";
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == errno)
			return names[i].name;
	return strerror(errno);
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("machine %s %s\n", what, error_name(-1));
	fflush(stdout);
	_exit(1);
}

static void set_cpuid(int vcpu)
{
	struct kvm_cpuid2 *set = calloc(1, sizeof(*set) + 256 * sizeof(set->entries[0]));

	must(set, "memory");
	set->nent = 256;
	must(!ioctl(kvm, KVM_GET_SUPPORTED_CPUID, set), "supported-cpuid");
	must(!ioctl(vcpu, KVM_SET_CPUID2, set), "set-cpuid");
	free(set);
}

void machine_new(struct machine *m, enum chip chip, bool cpuid)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = RAM_SIZE, .userspace_addr = (u64)ram,
	};

	m->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	must(m->vm >= 0, "vm");
	must(!ioctl(m->vm, KVM_SET_TSS_ADDR, 0xfffbd000), "tss-addr");
	must(!ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region), "memory-region");
	if (chip == FULL) {
		struct kvm_pit_config pit = { 0 };

		must(!ioctl(m->vm, KVM_CREATE_IRQCHIP, 0), "irqchip");
		must(!ioctl(m->vm, KVM_CREATE_PIT2, &pit), "pit");
	}
	if (chip == SPLIT)
		must(!enable(m->vm, KVM_CAP_SPLIT_IRQCHIP, 24), "split");
	m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
	must(m->vcpu >= 0, "vcpu");
	m->run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
		      MAP_SHARED, m->vcpu, 0);
	must(m->run != MAP_FAILED, "run");
	if (cpuid)
		set_cpuid(m->vcpu);
}

void machine_free(struct machine *m)
{
	munmap(m->run, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	close(m->vcpu);
	close(m->vm);
}

int msr_access(int fd, unsigned long request, u32 index, u64 *value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} a = { { .nmsrs = 1 }, { .index = index, .data = *value } };
	int ret = ioctl(fd, request, &a);

	*value = a.entry.data;
	return ret;
}

/* Time stamps and counters differ from one moment to the next. */
bool msr_ticks(u32 index)
{
	static const u32 ticking[] = {
		0x10, 0x3b, 0xe7, 0xe8, 0x6e0, 0x40000002, 0x40000010, 0x40000020, 0x40000022,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ticking); i++)
		if (ticking[i] == index)
			return true;
	return false;
}

/* A section that dies takes no other along. */
static void section(const char *name, void (*ask)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		ask();
		fflush(stdout);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	printf("section.%s %s\n", name, status ? "died" : "done");
}

static void *memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED, "memory");
	return p;
}

/* Without arguments: everything */
static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*ask)(void);
	} sections[] = {
		{ "caps", ask_caps }, { "cpuid", ask_cpuid }, { "msrs", ask_msrs },
		{ "attributes", ask_attributes }, { "exits", ask_exits },
		{ "fresh", ask_fresh }, { "sipi", ask_sipi }, { "errors", ask_errors },
		{ "bytes", ask_bytes }, { "msr-bits", ask_msr_bits }, { "enable", ask_enable },
	};

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	must(kvm >= 0, "/dev/kvm");
	arg = memory(ARG_SIZE);
	ram = memory(RAM_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (wanted(sections[i].name, argc, argv))
			section(sections[i].name, sections[i].ask);
	return 0;
}
