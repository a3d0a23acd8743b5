// SPDX-License-Identifier: GPL-2.0-only
/* /dev/kvm: capabilities, the VM, its memory slots and interrupt controllers. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gmem.h"
#include "irq.h"
#include "kvm_abi.h"
#include "log.h"
#include "machine.h"
#include "vm.h"
#include "vmm.h"

#define API_VERSION	12

#define NEED(cap, min, what)	{ KVM_CAP_##cap, #cap, min, what }

/* What this VMM cannot do without; @min is the least value the host may answer. */
static const struct {
	int cap;
	const char *name;
	int min;
	const char *what;
} needed[] = {
	NEED(USER_MEMORY, 1, "guest memory"),
	NEED(NR_MEMSLOTS, GMEM_MAX_REGIONS, "guest memory"),
	NEED(SET_TSS_ADDR, 1, "real mode on Intel hosts"),
	NEED(SET_IDENTITY_MAP_ADDR, 1, "real mode on Intel hosts"),
	NEED(IRQCHIP, 1, "interrupt controllers in the kernel"),
	NEED(PIT2, 1, "the timer chip in the kernel"),
	NEED(IRQ_ROUTING, 64, "interrupt routes"),
	NEED(IRQFD, 1, "interrupts from eventfds"),
	NEED(IOEVENTFD, 1, "doorbells in the kernel"),
	NEED(SIGNAL_MSI, 1, "message signalled interrupts"),
	NEED(EXT_CPUID, 1, "the CPUID table"),
	NEED(MP_STATE, 1, "starting processors"),
	NEED(IMMEDIATE_EXIT, 1, "stopping processors without a race"),
	NEED(IOAPIC_POLARITY_IGNORED, 1, "level-triggered interrupts"),
};

static int has(int fd, int cap)
{
	int ret = ioctl(fd, KVM_CHECK_EXTENSION, cap);

	return ret < 0 ? 0 : ret;
}

static const char *open_hint(int err)
{
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return "load kvm-amd or kvm-intel (modprobe kvm-amd); is it on in the firmware?";
	case EACCES:
	case EPERM:
		return "check its permissions (usually: join the group kvm and log in again)";
	default:
		return "load kvm-amd or kvm-intel (modprobe kvm-amd), or check permissions";
	}
}

static int open_kvm(struct vmm *vmm)
{
	const char *path = vmm->cfg.kvm_path;
	int version, err;

	vmm->kvm_fd = open(path, O_RDWR | O_CLOEXEC);
	if (vmm->kvm_fd < 0) {
		err = errno;
		vmm_err("cannot open %s: %s: %s", path, strerror(err), open_hint(err));
		return -err;
	}
	version = ioctl(vmm->kvm_fd, KVM_GET_API_VERSION, 0);
	if (version != API_VERSION) {
		vmm_err("%s answers interface version %d, and this program needs %d: is it KVM?",
			path, version, API_VERSION);
		return -ENOTSUP;
	}
	return 0;
}

static int check_caps(struct vmm *vmm)
{
	struct vm_caps *caps = vmm->caps;
	int ret = 0;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (has(vmm->kvm_fd, needed[i].cap) >= needed[i].min)
			continue;
		vmm_err("the host's KVM lacks %s (KVM_CAP_%s): load a newer kvm module",
			needed[i].what, needed[i].name);
		ret = -ENOTSUP;
	}
	caps->any_length = has(vmm->kvm_fd, KVM_CAP_IOEVENTFD_ANY_LENGTH);
	caps->tsc_deadline = has(vmm->kvm_fd, KVM_CAP_TSC_DEADLINE_TIMER);
	caps->insn_bytes = has(vmm->kvm_fd, KVM_CAP_EXIT_ON_EMULATION_FAILURE);
	caps->max_cpus = has(vmm->kvm_fd, KVM_CAP_MAX_VCPUS);
	caps->run_size = ioctl(vmm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (caps->run_size < (int)sizeof(struct kvm_run)) {
		vmm_err("the host's KVM shares only %d bytes with a vCPU", caps->run_size);
		ret = -ENOTSUP;
	}
	if (!ret && caps->max_cpus && vmm->n_vcpus > (unsigned int)caps->max_cpus) {
		vmm_err("%u CPUs asked for, and this host's KVM allows %d: use --cpus %d",
			vmm->n_vcpus, caps->max_cpus, caps->max_cpus);
		ret = -EINVAL;
	}
	return ret;
}

static int vm_do(struct vmm *vmm, unsigned long request, void *arg, const char *what)
{
	int err;

	if (ioctl(vmm->vm_fd, request, arg) >= 0)
		return 0;
	err = errno;
	vmm_err("cannot %s: %s", what, strerror(err));
	return -err;
}

static int add_memory(struct vmm *vmm)
{
	uint64_t gpa, len;
	void *host;
	int ret = 0;

	for (unsigned int i = 0; !ret && !gmem_region(vmm->gmem, i, &gpa, &len, &host); i++) {
		struct kvm_userspace_memory_region slot = {
			.slot = i, .guest_phys_addr = gpa, .memory_size = len,
			.userspace_addr = (uintptr_t)host,
		};

		ret = vm_do(vmm, KVM_SET_USER_MEMORY_REGION, &slot, "give the guest its memory");
	}
	return ret;
}

static int add_irqchip(struct vmm *vmm)
{
	/* The speaker port too: calibration loops poll it. */
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	int ret;

	ret = vm_do(vmm, KVM_CREATE_IRQCHIP, NULL, "create the interrupt controllers");
	if (!ret)
		ret = vm_do(vmm, KVM_CREATE_PIT2, &pit, "create the timer chip");
	return ret ? ret : irqs_route(vmm);
}

static int set_up(struct vmm *vmm)
{
	uint64_t identity = MACHINE_IDENTITY_MAP;
	int ret;

	ret = vm_do(vmm, KVM_SET_IDENTITY_MAP_ADDR, &identity, "place the identity map");
	if (!ret)
		ret = vm_do(vmm, KVM_SET_TSS_ADDR, (void *)(uintptr_t)MACHINE_TSS,
			    "place the task state segment");
	if (!ret)
		ret = add_memory(vmm);
	if (!ret)
		ret = add_irqchip(vmm);
	if (!ret && vmm->caps->insn_bytes) {
		struct kvm_enable_cap on = {
			.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = { 1 },
		};

		/* Better messages only. */
		if (ioctl(vmm->vm_fd, KVM_ENABLE_CAP, &on) < 0)
			vmm->caps->insn_bytes = false;
	}
	return ret;
}

int vm_create(struct vmm *vmm)
{
	int ret, err;

	vmm->caps = calloc(1, sizeof(*vmm->caps));
	if (!vmm->caps)
		return -ENOMEM;
	ret = open_kvm(vmm);
	if (!ret)
		ret = check_caps(vmm);
	if (ret)
		return ret;
	do {
		vmm->vm_fd = ioctl(vmm->kvm_fd, KVM_CREATE_VM, 0);
	} while (vmm->vm_fd < 0 && errno == EINTR);
	if (vmm->vm_fd < 0) {
		err = errno;
		vmm_err("cannot create a virtual machine: %s%s", strerror(err),
			err == EBUSY ? ": is another hypervisor using the processor?" : "");
		return -err;
	}
	return set_up(vmm);
}

void vm_destroy(struct vmm *vmm)
{
	if (vmm->vm_fd >= 0)
		close(vmm->vm_fd);
	if (vmm->kvm_fd >= 0)
		close(vmm->kvm_fd);
	vmm->vm_fd = -1;
	vmm->kvm_fd = -1;
	free(vmm->caps);
	vmm->caps = NULL;
}
