// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: what KVM supports on this host, with one package of @n cores of one
 * thread each written over the host's own topology.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpuid.h"
#include "kvm_abi.h"
#include "log.h"
#include "vmm.h"

#define SPARE		4	/* rows cpuid_for_cpu() may add */
#define MAX_ROWS	4096

#define ECX_TSC_DEADLINE	(1u << 24)
#define ECX_HYPERVISOR		(1u << 31)
#define EDX_HTT			(1u << 28)
#define EXT_ECX_CMP_LEGACY	(1u << 1)

int cpuid_supported(struct vmm *vmm, struct kvm_cpuid2 **table)
{
	unsigned int rows = 64;
	struct kvm_cpuid2 *t;
	int err;

	for (;; rows *= 2) {
		t = calloc(1, sizeof(*t) + (rows + SPARE) * sizeof(t->entries[0]));
		if (!t)
			return -ENOMEM;
		t->nent = rows;
		if (ioctl(vmm->kvm_fd, KVM_GET_SUPPORTED_CPUID, t) >= 0)
			break;
		err = errno;
		free(t);
		if (err != E2BIG || rows >= MAX_ROWS) {
			vmm_err("cannot read the supported CPUID leaves: %s", strerror(err));
			return -err;
		}
	}
	*table = t;
	return 0;
}

/* How the CPU is seen in one leaf; the row's own register values are changed. */
struct view {
	unsigned int id, n, bits;	/* @bits: of the APIC id, for the core number */
	int tsc_deadline;
	int amd;
};

static void leaf_1(struct kvm_cpuid_entry2 *e, const struct view *v)
{
	e->ebx = (e->ebx & 0xffff) | v->id << 24 | (v->n > 1 ? v->n : 1) << 16;
	e->ecx |= ECX_HYPERVISOR;
	e->ecx &= ~ECX_TSC_DEADLINE;
	if (v->tsc_deadline)
		e->ecx |= ECX_TSC_DEADLINE;
	e->edx &= ~EDX_HTT;
	if (v->n > 1)
		e->edx |= EDX_HTT;
}

/* Caches: the third level is shared by all cores, the others by none. */
static void share_cache(struct kvm_cpuid_entry2 *e, const struct view *v)
{
	unsigned int sharing = (e->eax >> 5 & 7) >= 3 ? v->n - 1 : 0;

	e->eax = (e->eax & 0x3fff) | (sharing & 0xfff) << 14;
}

static void leaf_4(struct kvm_cpuid_entry2 *e, const struct view *v)
{
	unsigned int cores = (1u << v->bits) - 1;

	if (!(e->eax & 0x1f))
		return;
	share_cache(e, v);
	e->eax |= (cores > 63 ? 63 : cores) << 26;
}

static void leaf_80000001(struct kvm_cpuid_entry2 *e, const struct view *v)
{
	if (!v->amd)
		return;
	e->ecx &= ~EXT_ECX_CMP_LEGACY;
	if (v->n > 1)
		e->ecx |= EXT_ECX_CMP_LEGACY;
}

static void leaf_80000008(struct kvm_cpuid_entry2 *e, const struct view *v)
{
	if (v->amd)
		e->ecx = (e->ecx & ~0xf0ffu) | v->bits << 12 | (v->n - 1);
}

static void leaf_8000001d(struct kvm_cpuid_entry2 *e, const struct view *v)
{
	if (e->eax & 0x1f)
		share_cache(e, v);
}

static void leaf_8000001e(struct kvm_cpuid_entry2 *e, const struct view *v)
{
	e->eax = v->id;
	e->ebx = v->id & 0xff;		/* core number; one thread each */
	e->ecx = 0;			/* node 0 of one */
	e->edx = 0;
}

static const struct {
	uint32_t leaf;
	void (*fix)(struct kvm_cpuid_entry2 *e, const struct view *v);
} fixes[] = {
	{ 0x1, leaf_1 },
	{ 0x4, leaf_4 },
	{ 0x80000001, leaf_80000001 },
	{ 0x80000008, leaf_80000008 },
	{ 0x8000001d, leaf_8000001d },
	{ 0x8000001e, leaf_8000001e },
};

/* SDM 2A CPUID leaf 0BH: threads, then cores, then an invalid level. */
static void add_topology(struct kvm_cpuid2 *t, const struct view *v)
{
	const struct { uint32_t eax, ebx, ecx; } level[] = {
		{ 0, 1, 1 << 8 }, { v->bits, v->n, 2 << 8 | 1 }, { 0, 0, 2 },
	};

	for (unsigned int i = 0; i < 3; i++) {
		struct kvm_cpuid_entry2 *e = &t->entries[t->nent++];

		*e = (struct kvm_cpuid_entry2){
			.function = 0xb, .index = i,
			.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.eax = level[i].eax, .ebx = level[i].ebx, .ecx = level[i].ecx,
			.edx = v->id,
		};
	}
}

void cpuid_for_cpu(struct kvm_cpuid2 *t, unsigned int id, unsigned int n, int tsc_deadline)
{
	struct view v = { .id = id, .n = n, .tsc_deadline = tsc_deadline };
	uint32_t max = 0;
	unsigned int to = 0;

	while (1u << v.bits < n)
		v.bits++;
	for (unsigned int i = 0; i < t->nent; i++) {
		struct kvm_cpuid_entry2 *e = &t->entries[i];

		if (e->function == 0) {
			max = e->eax;
			v.amd = e->ebx == 0x68747541 || e->ebx == 0x6f677948;	/* Auth, Hygo */
		}
	}
	for (unsigned int i = 0; i < t->nent; i++) {
		struct kvm_cpuid_entry2 e = t->entries[i];

		if (e.function == 0xb || e.function == 0x1f)
			continue;
		for (size_t k = 0; k < sizeof(fixes) / sizeof(fixes[0]); k++)
			if (fixes[k].leaf == e.function)
				fixes[k].fix(&e, &v);
		t->entries[to++] = e;
	}
	t->nent = to;
	if (max >= 0xb)
		add_topology(t, &v);
}
