// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hyper-V's reference time, which counts 100 ns since the VM began: a register, and a
 * page from which the guest computes it without an exit (TLFS, "Partition reference
 * time"): time = ((TSC * scale) >> 64) + offset.
 *
 * It is the paravirtual clock's, by the same factors: both pages and the register tell
 * one time. As long as that clock has no one TSC for all vCPUs, the page says that the
 * register has to be asked.
 */
#include <asm/hyperv-tlfs.h>
#include <linux/math64.h>

#include "../x86.h"

#define NS_PER_TICK	100

#define PAGE_OFF(field)	offsetof(struct ms_hyperv_tsc_page, field)

static u64 page_time(const struct hyperv_vm *h, u64 tsc)
{
	return mul_u64_u64_shr(tsc, h->tsc_scale, 64) + h->tsc_offset;
}

u64 hyperv_time(struct x86_vcpu *v)
{
	struct kvm *kvm = v->vcpu.kvm;
	struct hyperv_vm *h = &to_x86_vm(kvm)->hyperv;
	u64 time;

	mutex_lock(&h->lock);
	if (h->tsc_page_valid)
		time = page_time(h, tsc_read_guest(v, rdtsc_ordered()));
	else
		time = div_u64(kvmclock_now(kvm), NS_PER_TICK);
	mutex_unlock(&h->lock);
	return time;
}

/*
 * ns = (ticks << shift) * mul >> 32. False: the TSC is so slow that the factor is one or
 * more.
 */
static bool make_scale(u32 mul, s8 shift, u64 *scale)
{
	int bits = 32 + shift;

	if (bits < 0 || bits > 63 || mul_u64_u64_shr(mul, 1ULL << bits, 64) >= NS_PER_TICK)
		return false;
	*scale = mul_u64_u64_div_u64(mul, 1ULL << bits, NS_PER_TICK);
	return true;
}

/* What the page has to say. False: the TSC does not tell the time of all vCPUs. */
static bool make_params(struct x86_vcpu *v, u64 *scale, s64 *offset)
{
	struct kvmclock_line line;

	if (!kvmclock_line(v, &line) || !make_scale(line.mul, line.shift, scale))
		return false;
	*offset = div_u64(line.ns, NS_PER_TICK) - mul_u64_u64_shr(line.tsc, *scale, 64);
	return true;
}

/*
 * Zero in between, when a guest asks the register. The numbers go on from what a guest
 * brought along; all ones was once a sign that the page is of no use. H held
 */
static int write_page(struct kvm *kvm, struct hyperv_vm *h, bool valid)
{
	struct ms_hyperv_tsc_page page = {
		.tsc_scale = h->tsc_scale,
		.tsc_offset = h->tsc_offset,
	};
	gpa_t gpa = h->tsc_page & HV_HYP_PAGE_MASK;
	u32 sequence, none = 0;

	if (kvm_read_guest(kvm, 0, gpa, &sequence, sizeof(sequence)) ||
	    kvm_write_guest(kvm, 0, gpa, &none, sizeof(none)))
		return -EFAULT;
	if (!valid)
		return 0;
	smp_wmb();	/* not valid, before the parameters */
	if (kvm_write_guest(kvm, 0, gpa + PAGE_OFF(reserved1), &page.reserved1,
			    sizeof(page) - PAGE_OFF(reserved1)))
		return -EFAULT;
	smp_wmb();	/* the parameters, before valid */
	h->tsc_sequence = max(h->tsc_sequence, sequence) + 1;
	if (!h->tsc_sequence || h->tsc_sequence == U32_MAX)
		h->tsc_sequence = 1;
	return kvm_write_guest(kvm, 0, gpa, &h->tsc_sequence, sizeof(h->tsc_sequence));
}

/*
 * A guest that has its TSC emulated after a migration goes on by the page it brought
 * along, until it turns that off: it has to stop all its clocks before they may change.
 * One that it asks for meanwhile is a new one. H held
 */
static bool stands_still(const struct hyperv_vm *h)
{
	return h->tsc_emulation_ctl && !h->tsc_page_asked;
}

/* So the page tells the time, as it did where it was written. False: it does not. H held */
static bool read_page(struct kvm *kvm, const struct hyperv_vm *h, u64 *scale, s64 *offset)
{
	struct ms_hyperv_tsc_page page;

	if (kvm_read_guest(kvm, 0, h->tsc_page & HV_HYP_PAGE_MASK, &page, sizeof(page)) ||
	    !page.tsc_sequence)
		return false;
	*scale = page.tsc_scale;
	*offset = page.tsc_offset;
	return true;
}

void hyperv_update_clock(struct x86_vcpu *v)
{
	struct kvm *kvm = v->vcpu.kvm;
	struct hyperv_vm *h = &to_x86_vm(kvm)->hyperv;
	u64 scale = 0;
	s64 offset = 0;
	bool valid;

	mutex_lock(&h->lock);
	if (!(h->tsc_page & HV_X64_MSR_TSC_REFERENCE_ENABLE))
		goto out;
	if (stands_still(h)) {
		if (!h->tsc_page_valid)
			h->tsc_page_valid = read_page(kvm, h, &h->tsc_scale, &h->tsc_offset);
		goto out;
	}
	h->tsc_page_asked = false;
	valid = make_params(v, &scale, &offset);
	if (h->tsc_page_valid && valid && scale == h->tsc_scale && offset == h->tsc_offset)
		goto out;
	h->tsc_scale = scale;
	h->tsc_offset = offset;
	h->tsc_page_valid = !write_page(kvm, h, valid) && valid;
out:
	mutex_unlock(&h->lock);
}
