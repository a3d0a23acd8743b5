// SPDX-License-Identifier: GPL-2.0-only
/*
 * Permission maps (APM 2 15.10, 15.11). All ports and all MSRs exit, but for the
 * MSRs listed here. vCPUs share one map until one of them wants another; where
 * there is no memory for its own, it gets the map in which everything exits.
 */
#include <linux/mm.h>
#include <linux/mem_encrypt.h>

#include "block.h"
#include "msr.h"

#define IOPM_ORDER	2		/* 12 KiB are used */
#define MSRPM_ORDER	1
#define MSRPM_SIZE	(PAGE_SIZE << MSRPM_ORDER)

u64 svm_iopm_pa;
static struct page *svm_iopm;
static struct page *svm_msrpm_shared;	/* what svm_passed[] passes by default */
static struct page *svm_msrpm_x2apic;	/* and what hardware does of an x2APIC */
static struct page *svm_msrpm_closed;

#define PASS_R	BIT(0)
#define PASS_W	BIT(1)

/* May be passed at all; @always: to every guest. Constant. */
static const struct {
	u32 index;
	u8 always;
} svm_passed[] = {
	{ MSR_STAR,			PASS_R | PASS_W },
	{ MSR_LSTAR,			PASS_R | PASS_W },
	{ MSR_CSTAR,			PASS_R | PASS_W },
	{ MSR_SYSCALL_MASK,		PASS_R | PASS_W },
	{ MSR_FS_BASE,			PASS_R | PASS_W },
	{ MSR_GS_BASE,			PASS_R | PASS_W },
	{ MSR_KERNEL_GS_BASE,		PASS_R | PASS_W },
	{ MSR_IA32_SYSENTER_CS,		PASS_R | PASS_W },
	{ MSR_IA32_SYSENTER_ESP,	PASS_R | PASS_W },
	{ MSR_IA32_SYSENTER_EIP,	PASS_R | PASS_W },
	{ MSR_IA32_SPEC_CTRL,		0 },
	{ MSR_IA32_PRED_CMD,		0 },
};

static_assert(ARRAY_SIZE(svm_passed) <= 32);

/* First bit of @index in the map, 2 bits each: read, write. -1: always exits */
static int msrpm_bit(u32 index)
{
	static const u32 first[] = { 0, 0xc0000000, 0xc0010000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(first); i++)
		if (index - first[i] < 0x2000)
			return (i * 0x2000 + (index - first[i])) * 2;
	return -1;
}

static void msrpm_open(struct page *map, u32 index, bool read, bool write)
{
	unsigned long *bits = page_address(map);
	int bit = msrpm_bit(index);

	if (WARN_ON_ONCE(bit < 0))
		return;
	if (read)
		__clear_bit(bit, bits);
	if (write)
		__clear_bit(bit + 1, bits);
}

/* MSR filters have no say about the x2APIC's (api.rst, KVM_X86_SET_MSR_FILTER). */
static void msrpm_open_x2apic(struct page *map)
{
	unsigned int i;

	for (i = 0; i < 0x100; i++)
		if (lapic_x2apic_plain(i))
			msrpm_open(map, APIC_BASE_MSR + i, true, false);
	msrpm_open(map, APIC_BASE_MSR + (APIC_TASKPRI >> 4), false, true);
	msrpm_open(map, APIC_BASE_MSR + (APIC_EOI >> 4), false, true);
	msrpm_open(map, APIC_BASE_MSR + (APIC_ICR >> 4), false, true);
	msrpm_open(map, APIC_BASE_MSR + (APIC_SELF_IPI >> 4), false, true);
}

static struct page *map_alloc(unsigned int order, gfp_t gfp)
{
	struct page *map = alloc_pages(gfp, order);

	if (map)
		memset(page_address(map), 0xff, PAGE_SIZE << order);
	return map;
}

static u64 map_pa(struct page *map)
{
	return __sme_pa(page_address(map));
}

void svm_bitmaps_exit(void)
{
	if (svm_iopm)
		__free_pages(svm_iopm, IOPM_ORDER);
	if (svm_msrpm_shared)
		__free_pages(svm_msrpm_shared, MSRPM_ORDER);
	if (svm_msrpm_x2apic)
		__free_pages(svm_msrpm_x2apic, MSRPM_ORDER);
	if (svm_msrpm_closed)
		__free_pages(svm_msrpm_closed, MSRPM_ORDER);
}

int svm_bitmaps_init(void)
{
	unsigned int i;

	svm_iopm = map_alloc(IOPM_ORDER, GFP_KERNEL);
	svm_msrpm_shared = map_alloc(MSRPM_ORDER, GFP_KERNEL);
	svm_msrpm_x2apic = map_alloc(MSRPM_ORDER, GFP_KERNEL);
	svm_msrpm_closed = map_alloc(MSRPM_ORDER, GFP_KERNEL);
	if (!svm_iopm || !svm_msrpm_shared || !svm_msrpm_x2apic || !svm_msrpm_closed) {
		svm_bitmaps_exit();
		return -ENOMEM;
	}
	for (i = 0; i < ARRAY_SIZE(svm_passed); i++)
		msrpm_open(svm_msrpm_shared, svm_passed[i].index,
			   svm_passed[i].always & PASS_R, svm_passed[i].always & PASS_W);
	memcpy(page_address(svm_msrpm_x2apic), page_address(svm_msrpm_shared), MSRPM_SIZE);
	msrpm_open_x2apic(svm_msrpm_x2apic);
	svm_iopm_pa = map_pa(svm_iopm);
	return 0;
}

static void svm_use_map(struct svm_vcpu *s, struct page *map)
{
	s->msrpm_pa = map_pa(map);
	s->block->control.msrpm_base_pa = s->msrpm_pa;
	svm_touch(s, SVM_CLEAN_MAPS);
}

/* What svm_passed[] and CPUID allow this guest, as bits of svm_passed[] */
static void svm_default_pass(struct svm_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;
	bool ibpb = boot_cpu_has(X86_FEATURE_IBPB) && (x86_has(v, X86_FEATURE_SPEC_CTRL) ||
						       x86_has(v, X86_FEATURE_AMD_IBPB));
	bool spec = svm_hw.v_spec_ctrl && (x86_has(v, X86_FEATURE_SPEC_CTRL) ||
					   x86_has(v, X86_FEATURE_AMD_IBRS));
	unsigned int i;

	s->pass_read = s->pass_write = 0;
	for (i = 0; i < ARRAY_SIZE(svm_passed); i++) {
		bool w = svm_passed[i].always & PASS_W, r = svm_passed[i].always & PASS_R;

		if (svm_passed[i].index == MSR_IA32_SPEC_CTRL)
			r = w = spec;
		else if (svm_passed[i].index == MSR_IA32_PRED_CMD)
			w = ibpb;
		s->pass_read |= r ? BIT(i) : 0;
		s->pass_write |= w ? BIT(i) : 0;
	}
}

/* The vCPU's own map; user space's filter has the last word. */
static void svm_fill_map(struct svm_vcpu *s)
{
	struct kvm *kvm = s->x86.vcpu.kvm;
	unsigned int i;
	int idx;

	idx = srcu_read_lock(&kvm->srcu);
	memset(page_address(s->msrpm), 0xff, MSRPM_SIZE);
	for (i = 0; i < ARRAY_SIZE(svm_passed); i++) {
		u32 index = svm_passed[i].index;
		bool read = s->pass_read & BIT(i) && msr_filter_allows(kvm, index, false);
		bool write = s->pass_write & BIT(i) && msr_filter_allows(kvm, index, true);

		msrpm_open(s->msrpm, index, read, write);
	}
	srcu_read_unlock(&kvm->srcu, idx);
	if (s->pass_x2apic)
		msrpm_open_x2apic(s->msrpm);
}

static bool svm_wants_shared(struct svm_vcpu *s)
{
	unsigned int i;

	if (rcu_access_pointer(to_x86_vm(s->x86.vcpu.kvm)->msr_filter))
		return false;
	for (i = 0; i < ARRAY_SIZE(svm_passed); i++) {
		u8 pass = (s->pass_read & BIT(i) ? PASS_R : 0) |
			  (s->pass_write & BIT(i) ? PASS_W : 0);

		if (pass != svm_passed[i].always)
			return false;
	}
	return true;
}

static void svm_apply_pass(struct svm_vcpu *s, gfp_t gfp)
{
	if (svm_wants_shared(s)) {
		svm_use_map(s, s->pass_x2apic ? svm_msrpm_x2apic : svm_msrpm_shared);
		return;
	}
	if (!s->msrpm)
		s->msrpm = map_alloc(MSRPM_ORDER, gfp);
	if (!s->msrpm) {
		svm_use_map(s, svm_msrpm_closed);
		return;
	}
	svm_fill_map(s);
	svm_use_map(s, s->msrpm);
}

/* User space's filter is applied before the first entry. */
void svm_bitmap_create(struct svm_vcpu *s)
{
	svm_default_pass(s);
	svm_use_map(s, svm_msrpm_closed);
	kvm_request(&s->x86.vcpu, X86_REQ_MSR_FILTER);
}

void svm_bitmap_update(struct svm_vcpu *s)
{
	svm_default_pass(s);
	svm_apply_pass(s, GFP_KERNEL_ACCOUNT);
}

void svm_bitmap_destroy(struct svm_vcpu *s)
{
	if (s->msrpm)
		__free_pages(s->msrpm, MSRPM_ORDER);
	s->msrpm = NULL;
}

void svm_bitmap_x2apic(struct svm_vcpu *s, bool on)
{
	if (on == s->pass_x2apic)
		return;
	s->pass_x2apic = on;
	svm_apply_pass(s, GFP_KERNEL_ACCOUNT);
}

/* Any context; an MSR that is not in svm_passed[] always exits. */
void svm_set_msr_intercept(struct x86_vcpu *v, u32 index, bool read, bool write)
{
	struct svm_vcpu *s = to_svm(v);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(svm_passed); i++) {
		if (svm_passed[i].index != index)
			continue;
		s->pass_read = read ? s->pass_read & ~BIT(i) : s->pass_read | BIT(i);
		s->pass_write = write ? s->pass_write & ~BIT(i) : s->pass_write | BIT(i);
		svm_apply_pass(s, GFP_ATOMIC | __GFP_ACCOUNT);
		return;
	}
}

void svm_msr_filter_changed(struct x86_vcpu *v)
{
	svm_apply_pass(to_svm(v), GFP_KERNEL_ACCOUNT);
}
