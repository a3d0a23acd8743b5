// SPDX-License-Identifier: GPL-2.0-only
/* Requests with arguments that are odd, and right ones with one wrong byte. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "answers.h"

#define R(name)	{ #name, name }
static const struct {
	const char *name;
	unsigned long request;
} requests[] = {
	R(KVM_ASSIGN_DEV_IRQ), R(KVM_ASSIGN_PCI_DEVICE), R(KVM_CHECK_EXTENSION),
	R(KVM_CLEAR_DIRTY_LOG), R(KVM_CREATE_DEVICE), R(KVM_CREATE_IRQCHIP), R(KVM_CREATE_PIT),
	R(KVM_CREATE_PIT2), R(KVM_CREATE_VCPU), R(KVM_CREATE_VM), R(KVM_ENABLE_CAP),
	R(KVM_GET_API_VERSION), R(KVM_GET_CLOCK), R(KVM_GET_CPUID2), R(KVM_GET_DEBUGREGS),
	R(KVM_GET_DEVICE_ATTR), R(KVM_GET_DIRTY_LOG), R(KVM_GET_EMULATED_CPUID),
	R(KVM_GET_FPU), R(KVM_GET_IRQCHIP), R(KVM_GET_LAPIC), R(KVM_GET_MP_STATE),
	R(KVM_GET_MSRS), R(KVM_GET_MSR_FEATURE_INDEX_LIST), R(KVM_GET_MSR_INDEX_LIST),
	R(KVM_GET_NESTED_STATE), R(KVM_GET_NR_MMU_PAGES), R(KVM_GET_ONE_REG), R(KVM_GET_PIT),
	R(KVM_GET_PIT2), R(KVM_GET_REGS), R(KVM_GET_REG_LIST), R(KVM_GET_SREGS),
	R(KVM_GET_SREGS2), R(KVM_GET_STATS_FD), R(KVM_GET_SUPPORTED_CPUID),
	R(KVM_GET_SUPPORTED_HV_CPUID), R(KVM_GET_TSC_KHZ), R(KVM_GET_VCPU_EVENTS),
	R(KVM_GET_VCPU_MMAP_SIZE), R(KVM_GET_XCRS), R(KVM_GET_XSAVE), R(KVM_GET_XSAVE2),
	R(KVM_HAS_DEVICE_ATTR), R(KVM_HYPERV_EVENTFD), R(KVM_INTERRUPT), R(KVM_IOEVENTFD),
	R(KVM_IRQFD), R(KVM_IRQ_LINE), R(KVM_IRQ_LINE_STATUS), R(KVM_KVMCLOCK_CTRL),
	R(KVM_MEMORY_ENCRYPT_OP), R(KVM_MEMORY_ENCRYPT_REG_REGION),
	R(KVM_MEMORY_ENCRYPT_UNREG_REGION), R(KVM_NMI), R(KVM_REGISTER_COALESCED_MMIO),
	R(KVM_REINJECT_CONTROL), R(KVM_RESET_DIRTY_RINGS), R(KVM_SET_BOOT_CPU_ID),
	R(KVM_SET_CLOCK), R(KVM_SET_CPUID), R(KVM_SET_CPUID2), R(KVM_SET_DEBUGREGS),
	R(KVM_SET_DEVICE_ATTR), R(KVM_SET_FPU), R(KVM_SET_GSI_ROUTING), R(KVM_SET_GUEST_DEBUG),
	R(KVM_SET_IDENTITY_MAP_ADDR), R(KVM_SET_IRQCHIP), R(KVM_SET_LAPIC),
	R(KVM_SET_MEMORY_ALIAS), R(KVM_SET_MEMORY_REGION), R(KVM_SET_MP_STATE),
	R(KVM_SET_MSRS), R(KVM_SET_NESTED_STATE), R(KVM_SET_NR_MMU_PAGES), R(KVM_SET_ONE_REG),
	R(KVM_SET_PIT), R(KVM_SET_PIT2), R(KVM_SET_PMU_EVENT_FILTER), R(KVM_SET_REGS),
	R(KVM_SET_SREGS), R(KVM_SET_SREGS2), R(KVM_SET_TSC_KHZ), R(KVM_SET_TSS_ADDR),
	R(KVM_SET_USER_MEMORY_REGION), R(KVM_SET_VAPIC_ADDR), R(KVM_SET_VCPU_EVENTS),
	R(KVM_SET_XCRS), R(KVM_SET_XSAVE), R(KVM_SIGNAL_MSI), R(KVM_SMI),
	R(KVM_TPR_ACCESS_REPORTING), R(KVM_TRANSLATE), R(KVM_UNREGISTER_COALESCED_MMIO),
	R(KVM_X86_GET_MCE_CAP_SUPPORTED), R(KVM_X86_SETUP_MCE), R(KVM_X86_SET_MCE),
	R(KVM_X86_SET_MSR_FILTER), R(KVM_XEN_HVM_CONFIG), R(KVM_XEN_HVM_EVTCHN_SEND),
	R(KVM_XEN_HVM_GET_ATTR), R(KVM_XEN_HVM_SET_ATTR), R(KVM_XEN_VCPU_GET_ATTR),
	R(KVM_XEN_VCPU_SET_ATTR),
	R(KVM_RUN),
};
#undef R

static const char *const fd_name[] = { "system", "vm", "vcpu" };

static const struct {
	const char *name;
	u64 value;
	int fill;		/* of the structure, -1: there is none */
} kinds[] = {
	{ "0", 0, -1 }, { "1", 1, -1 }, { "-1", ~0ull, -1 }, { "zeros", 0, 0 }, { "ones", 0, 0xff },
};

/* True if it may have changed the machine */
static bool one_error(struct machine *m, int chip, size_t request, int fd, size_t kind)
{
	int fds[] = { kvm, m->vm, m->vcpu };
	u64 value = kinds[kind].value;
	int ret;

	if (requests[request].request == KVM_RUN && !kind)
		return false;
	if (kinds[kind].fill >= 0) {
		memset(arg, kinds[kind].fill, ARG_SIZE);
		value = (u64)arg;
	}
	ret = ioctl(fds[fd], requests[request].request, value);
	printf("error.%s.%s.%s.%s %s\n", requests[request].name, fd_name[fd], chip_name[chip],
	       kinds[kind].name, error_name(ret));
	/* Many answer a number, few a file descriptor: that of the next file */
	if (ret > 2 && ret < 1024)
		close(ret);
	return ret >= 0;
}

void ask_errors(void)
{
	size_t per_request = 3 * ARRAY_SIZE(kinds);

	for (int c = 0; c < CHIPS; c++) {
		struct machine m;

		machine_new(&m, c, true);
		for (size_t i = 0; i < ARRAY_SIZE(requests) * per_request; i++) {
			if (!one_error(&m, c, i / per_request, i % per_request / ARRAY_SIZE(kinds),
				       i % ARRAY_SIZE(kinds)))
				continue;
			machine_free(&m);
			machine_new(&m, c, true);
		}
		machine_free(&m);
	}
}

static u8 right[4096];

static void one_byte(int fd, const struct getter *g, const char *chip, size_t at, u8 flip)
{
	int ret;

	memcpy(arg, right, g->size);
	arg[at] ^= flip;
	ret = ioctl(fd, g->set, arg);
	printf("byte.%s.%s.%03zx.%02x %s\n", chip, g->name, at, flip, error_name(ret));
	if (ret)
		return;
	memset(arg, 0, ARG_SIZE);
	ioctl(fd, g->get, arg);
	hide_times(g);
	for (size_t k = 0; k < g->size; k++)
		if (arg[k] != right[k] && !g->vm)
			printf("byte.%s.%s.%03zx.%02x.reads.%03zx %02x\n", chip, g->name, at, flip,
			       k, arg[k]);
	ioctl(fd, g->set, right);
}

/* Only the legacy area and header of XSAVE: the rest is plain. */
static size_t bytes_worth_trying(const struct getter *g)
{
	return g->get == KVM_GET_XSAVE ? 640 : g->size;
}

void ask_bytes(void)
{
	static const u8 flips[] = { 0x01, 0x10, 0x80, 0xff };

	for (size_t i = 0; i < nr_getters; i++) {
		const struct getter *g = &getters[i];
		struct machine m;
		int fd;

		if (!g->set)
			continue;
		machine_new(&m, FULL, true);
		fd = g->vm ? m.vm : m.vcpu;
		memset(right, 0, sizeof(right));
		if (!ioctl(fd, g->get, right))
			for (size_t k = 0; k < bytes_worth_trying(g) * ARRAY_SIZE(flips); k++)
				one_byte(fd, g, chip_name[FULL], k / ARRAY_SIZE(flips),
					 flips[k % ARRAY_SIZE(flips)]);
		machine_free(&m);
	}
}

void ask_enable(void)
{
	static const u64 values[] = { 0, 1, 24, ~0ull };

	for (u32 i = 0; i <= 260 * ARRAY_SIZE(values); i++) {
		u32 cap = i / ARRAY_SIZE(values);
		u64 value = values[i % ARRAY_SIZE(values)];
		struct machine m;

		machine_new(&m, FULL, true);
		printf("enable.%u.vm.%llx %s\n", cap, (unsigned long long)value,
		       error_name(enable(m.vm, cap, value)));
		printf("enable.%u.vcpu.%llx %s\n", cap, (unsigned long long)value,
		       error_name(enable(m.vcpu, cap, value)));
		machine_free(&m);
	}
}
