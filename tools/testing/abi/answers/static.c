// SPDX-License-Identifier: GPL-2.0-only
/* Capabilities, CPUID, lists of MSRs and their legal bits, attributes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "answers.h"

#define LAST_CAP	260
#define MAX_MSRS	4096

void ask_caps(void)
{
	struct machine m[CHIPS];

	for (int c = 0; c < CHIPS; c++)
		machine_new(&m[c], c, true);
	for (int cap = 0; cap <= LAST_CAP; cap++) {
		printf("cap.%d.system %d\n", cap, ioctl(kvm, KVM_CHECK_EXTENSION, cap));
		for (int c = 0; c < CHIPS; c++)
			printf("cap.%d.%s %d\n", cap, chip_name[c],
			       ioctl(m[c].vm, KVM_CHECK_EXTENSION, cap));
	}
	printf("mmap-size %d\n", ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
}

static void one_cpuid(const char *name, unsigned long request, int fd)
{
	struct kvm_cpuid2 *set = (void *)arg;
	int ret;

	memset(arg, 0, ARG_SIZE);
	set->nent = 256;
	ret = ioctl(fd, request, set);
	printf("cpuid.%s %s\n", name, error_name(ret));
	printf("cpuid.%s.nent %u\n", name, set->nent);
	for (u32 i = 0; !ret && i < set->nent; i++) {
		struct kvm_cpuid_entry2 *e = &set->entries[i];
		u32 reg[] = { e->eax, e->ebx, e->ecx, e->edx };

		if (i && !e->function)
			break;
		printf("cpuid.%s.%x.%x.flags %x\n", name, e->function, e->index, e->flags);
		for (int k = 0; k < 4; k++)
			printf("cpuid.%s.%x.%x.e%cx %08x\n", name, e->function, e->index,
			       "abcd"[k], reg[k]);
	}
}

void ask_cpuid(void)
{
	struct machine m;

	one_cpuid("supported", KVM_GET_SUPPORTED_CPUID, kvm);
	one_cpuid("emulated", KVM_GET_EMULATED_CPUID, kvm);
	machine_new(&m, FULL, false);
	one_cpuid("fresh", KVM_GET_CPUID2, m.vcpu);
	machine_free(&m);
	machine_new(&m, FULL, true);
	one_cpuid("set", KVM_GET_CPUID2, m.vcpu);
	machine_free(&m);
}

static struct kvm_msr_list *msr_list(unsigned long request)
{
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + MAX_MSRS * sizeof(u32));

	if (!list)
		return NULL;
	list->nmsrs = MAX_MSRS;
	if (!ioctl(kvm, request, list))
		return list;
	free(list);
	return NULL;
}

void ask_msrs(void)
{
	struct kvm_msr_list *list = msr_list(KVM_GET_MSR_INDEX_LIST);

	for (u32 i = 0; list && i < list->nmsrs; i++)
		printf("msr.list.%x there\n", list->indices[i]);
	free(list);
	list = msr_list(KVM_GET_MSR_FEATURE_INDEX_LIST);
	for (u32 i = 0; list && i < list->nmsrs; i++) {
		u64 value = 0;
		int ret = msr_access(kvm, KVM_GET_MSRS, list->indices[i], &value);

		printf("msr.feature.%x %d %#llx\n", list->indices[i], ret,
		       (unsigned long long)value);
	}
	free(list);
}

/* All bits, none, and each alone; and what is read after it */
static void bits_of(u32 index)
{
	struct machine m;

	machine_new(&m, FULL, true);
	for (int bit = -2; bit < 64; bit++) {
		u64 value = bit >= 0 ? 1ull << bit : bit == -1 ? ~0ull : 0;
		u64 got = 0, zero = 0;
		int set = msr_access(m.vcpu, KVM_SET_MSRS, index, &value);
		int get = msr_access(m.vcpu, KVM_GET_MSRS, index, &got);

		printf("msr.set.%x.%d %d %d", index, bit, set, get);
		if (set == 1 && !msr_ticks(index))
			printf(" %#llx", (unsigned long long)got);
		printf("\n");
		msr_access(m.vcpu, KVM_SET_MSRS, index, &zero);
	}
	machine_free(&m);
}

void ask_msr_bits(void)
{
	/* not listed, yet written */
	static const u32 more[] = {
		0x0, 0x1, 0x17, 0x1b, 0x2a, 0x2c, 0x34, 0x3a, 0x48, 0x49, 0x79, 0x8b, 0xc1, 0xcd,
		0xfe, 0x10b, 0x10f, 0x119, 0x179, 0x17b, 0x186, 0x198, 0x199, 0x1c4, 0x1c5,
		0x1d9, 0x200, 0x201, 0x250, 0x277, 0x280, 0x2ff, 0x345, 0x38d, 0x3f1, 0x400,
		0x401, 0x402, 0x403, 0x480, 0x48b, 0x600, 0x606, 0x611, 0x619, 0x639, 0x641,
		0x802, 0x808, 0x80b, 0x80f, 0x830, 0x832, 0x83f, 0x8000,
		0xc0000103, 0xc0000104, 0xc0010004, 0xc0010010, 0xc0010015, 0xc001001b,
		0xc001001f, 0xc0010020, 0xc0010055, 0xc0010058, 0xc0010112, 0xc0010113,
		0xc0010114, 0xc0010117, 0xc001011f, 0xc0010140, 0xc0010141, 0xc0010200,
		0xc0011020, 0xc0011021, 0xc0011022, 0xc0011023, 0xc0011029, 0xc001102a,
		0xc001102c,
	};
	struct kvm_msr_list *list = msr_list(KVM_GET_MSR_INDEX_LIST);

	for (u32 i = 0; list && i < list->nmsrs; i++)
		bits_of(list->indices[i]);
	free(list);
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		bits_of(more[i]);
}

static void one_attribute(const char *prefix, int fd, u32 group, u64 attr)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (u64)arg };
	static const struct {
		unsigned long request;
		const char *name;
	} requests[] = {
		{ KVM_HAS_DEVICE_ATTR, "has" }, { KVM_GET_DEVICE_ATTR, "get" },
		{ KVM_SET_DEVICE_ATTR, "set" },
	};

	memset(arg, 0, 64);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		printf("attr.%s.%u.%llu.%s %s\n", prefix, group, (unsigned long long)attr,
		       requests[i].name, error_name(ioctl(fd, requests[i].request, &a)));
}

void ask_attributes(void)
{
	char prefix[40];

	for (int c = 0; c < CHIPS; c++) {
		static const char *const fd_name[] = { "system", "vm", "vcpu" };
		struct machine m;

		machine_new(&m, c, true);
		for (u32 i = 0; i < 3 * 4 * 8; i++) {
			int fds[] = { kvm, m.vm, m.vcpu };

			snprintf(prefix, sizeof(prefix), "%s.%s", fd_name[i % 3], chip_name[c]);
			one_attribute(prefix, fds[i % 3], i / 3 % 4, i / 12);
		}
		machine_free(&m);
	}
}
