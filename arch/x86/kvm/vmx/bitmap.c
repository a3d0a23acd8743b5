// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSR bitmaps (SDM 3C 25.6.9). All ports exit without a bitmap, and all MSRs but
 * those listed here. vCPUs share one map until one of them wants another; where
 * there is no memory for its own, it gets the map in which everything exits.
 */
#include <linux/io.h>
#include <linux/mm.h>

#include "block.h"
#include "msr.h"

static struct page *vmx_map_shared;	/* what vmx_passed[] passes by default */
static struct page *vmx_map_x2apic;	/* and what hardware does of an x2APIC */
static struct page *vmx_map_closed;

#define PASS_R	BIT(0)
#define PASS_W	BIT(1)

/* May be passed at all; @always: to every guest. Constant. */
static const struct {
	u32 index;
	u8 always;
} vmx_passed[] = {
	{ MSR_FS_BASE,			PASS_R | PASS_W },
	{ MSR_GS_BASE,			PASS_R | PASS_W },
	{ MSR_KERNEL_GS_BASE,		PASS_R | PASS_W },
	{ MSR_IA32_SYSENTER_CS,		PASS_R | PASS_W },
	{ MSR_IA32_SYSENTER_ESP,	PASS_R | PASS_W },
	{ MSR_IA32_SYSENTER_EIP,	PASS_R | PASS_W },
	{ MSR_IA32_PRED_CMD,		0 },
	{ MSR_CORE_C1_RES,		0 },
	{ MSR_CORE_C3_RESIDENCY,	0 },
	{ MSR_CORE_C6_RESIDENCY,	0 },
	{ MSR_CORE_C7_RESIDENCY,	0 },
};

static_assert(ARRAY_SIZE(vmx_passed) <= 32);

#define MAP_WRITE	(0x800 * 8)	/* from a read bit to the write bit */

/* The read bit of @index in the map. -1: always exits */
static int map_bit(u32 index)
{
	if (index < 0x2000)
		return index;
	if (index - 0xc0000000 < 0x2000)
		return 0x400 * 8 + (index - 0xc0000000);
	return -1;
}

static void map_open(struct page *map, u32 index, bool read, bool write)
{
	unsigned long *bits = page_address(map);
	int bit = map_bit(index);

	if (WARN_ON_ONCE(bit < 0))
		return;
	if (read)
		__clear_bit(bit, bits);
	if (write)
		__clear_bit(bit + MAP_WRITE, bits);
}

/* MSR filters have no say about the x2APIC's (api.rst, KVM_X86_SET_MSR_FILTER). */
static void map_open_x2apic(struct page *map)
{
	unsigned int i;

	for (i = 0; i < 0x100; i++)
		if (lapic_x2apic_plain(i))
			map_open(map, APIC_BASE_MSR + i, true, false);
	map_open(map, APIC_BASE_MSR + (APIC_TASKPRI >> 4), false, true);
	map_open(map, APIC_BASE_MSR + (APIC_EOI >> 4), false, true);
	map_open(map, APIC_BASE_MSR + (APIC_ICR >> 4), false, vmx_hw.ipiv);
	map_open(map, APIC_BASE_MSR + (APIC_SELF_IPI >> 4), false, true);
}

static struct page *map_alloc(gfp_t gfp)
{
	struct page *map = alloc_page(gfp);

	if (map)
		memset(page_address(map), 0xff, PAGE_SIZE);
	return map;
}

void vmx_bitmaps_exit(void)
{
	if (vmx_map_shared)
		__free_page(vmx_map_shared);
	if (vmx_map_x2apic)
		__free_page(vmx_map_x2apic);
	if (vmx_map_closed)
		__free_page(vmx_map_closed);
}

int vmx_bitmaps_init(void)
{
	unsigned int i;

	vmx_map_shared = map_alloc(GFP_KERNEL);
	vmx_map_x2apic = map_alloc(GFP_KERNEL);
	vmx_map_closed = map_alloc(GFP_KERNEL);
	if (!vmx_map_shared || !vmx_map_x2apic || !vmx_map_closed) {
		vmx_bitmaps_exit();
		return -ENOMEM;
	}
	for (i = 0; i < ARRAY_SIZE(vmx_passed); i++)
		map_open(vmx_map_shared, vmx_passed[i].index,
			 vmx_passed[i].always & PASS_R, vmx_passed[i].always & PASS_W);
	copy_page(page_address(vmx_map_x2apic), page_address(vmx_map_shared));
	map_open_x2apic(vmx_map_x2apic);
	return 0;
}

static void vmx_use_map(struct page *map)
{
	vmx_write(MSR_BITMAP, page_to_phys(map));
}

static bool is_residency(u32 index)
{
	return index == MSR_CORE_C1_RES ||
	       (index >= MSR_CORE_C3_RESIDENCY && index <= MSR_CORE_C7_RESIDENCY);
}

/* What vmx_passed[] and CPUID allow this guest, as bits of vmx_passed[] */
static void vmx_default_pass(struct vmx_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;
	bool ibpb = boot_cpu_has(X86_FEATURE_IBPB) && (x86_has(v, X86_FEATURE_SPEC_CTRL) ||
						       x86_has(v, X86_FEATURE_AMD_IBPB));
	bool cstate = to_x86_vm(v->vcpu.kvm)->disabled_exits & KVM_X86_DISABLE_EXITS_CSTATE;
	unsigned int i;

	s->pass_read = s->pass_write = 0;
	for (i = 0; i < ARRAY_SIZE(vmx_passed); i++) {
		bool w = vmx_passed[i].always & PASS_W, r = vmx_passed[i].always & PASS_R;

		if (vmx_passed[i].index == MSR_IA32_PRED_CMD)
			w = ibpb;
		else if (is_residency(vmx_passed[i].index))
			r = cstate;
		s->pass_read |= r ? BIT(i) : 0;
		s->pass_write |= w ? BIT(i) : 0;
	}
}

/* The vCPU's own map; user space's filter has the last word. */
static void vmx_fill_map(struct vmx_vcpu *s)
{
	struct kvm *kvm = s->x86.vcpu.kvm;
	unsigned int i;
	int idx;

	idx = srcu_read_lock(&kvm->srcu);
	memset(page_address(s->map), 0xff, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(vmx_passed); i++) {
		u32 index = vmx_passed[i].index;
		bool read = s->pass_read & BIT(i) && msr_filter_allows(kvm, index, false);
		bool write = s->pass_write & BIT(i) && msr_filter_allows(kvm, index, true);

		map_open(s->map, index, read, write);
	}
	srcu_read_unlock(&kvm->srcu, idx);
	if (s->pass_x2apic)
		map_open_x2apic(s->map);
}

static bool vmx_wants_shared(struct vmx_vcpu *s)
{
	unsigned int i;

	if (rcu_access_pointer(to_x86_vm(s->x86.vcpu.kvm)->msr_filter))
		return false;
	for (i = 0; i < ARRAY_SIZE(vmx_passed); i++) {
		u8 pass = (s->pass_read & BIT(i) ? PASS_R : 0) |
			  (s->pass_write & BIT(i) ? PASS_W : 0);

		if (pass != vmx_passed[i].always)
			return false;
	}
	return true;
}

static void vmx_apply_pass(struct vmx_vcpu *s, gfp_t gfp)
{
	if (vmx_wants_shared(s)) {
		vmx_use_map(s->pass_x2apic ? vmx_map_x2apic : vmx_map_shared);
		return;
	}
	if (!s->map)
		s->map = map_alloc(gfp);
	if (!s->map) {
		vmx_use_map(vmx_map_closed);
		return;
	}
	vmx_fill_map(s);
	vmx_use_map(s->map);
}

void vmx_bitmap_create(struct vmx_vcpu *s)
{
	vmx_default_pass(s);
	vmx_use_map(vmx_map_closed);
	kvm_request(&s->x86.vcpu, X86_REQ_MSR_FILTER);
}

void vmx_bitmap_update(struct vmx_vcpu *s)
{
	vmx_default_pass(s);
	vmx_apply_pass(s, GFP_KERNEL_ACCOUNT);
}

void vmx_bitmap_destroy(struct vmx_vcpu *s)
{
	if (s->map)
		__free_page(s->map);
	s->map = NULL;
}

void vmx_bitmap_x2apic(struct vmx_vcpu *s, bool on)
{
	if (on == s->pass_x2apic)
		return;
	s->pass_x2apic = on;
	vmx_apply_pass(s, GFP_KERNEL_ACCOUNT);
}

/* Any context; an MSR that is not in vmx_passed[] always exits. */
void vmx_set_msr_intercept(struct x86_vcpu *v, u32 index, bool read, bool write)
{
	struct vmx_vcpu *s = to_vmx(v);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmx_passed); i++) {
		if (vmx_passed[i].index != index)
			continue;
		s->pass_read = read ? s->pass_read & ~BIT(i) : s->pass_read | BIT(i);
		s->pass_write = write ? s->pass_write & ~BIT(i) : s->pass_write | BIT(i);
		vmx_apply_pass(s, GFP_ATOMIC | __GFP_ACCOUNT);
		return;
	}
}

void vmx_msr_filter_changed(struct x86_vcpu *v)
{
	vmx_apply_pass(to_vmx(v), GFP_KERNEL_ACCOUNT);
}
