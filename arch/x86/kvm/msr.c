// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access to MSRs: finding the row, the guest's RDMSR and WRMSR with their exits
 * to user space, and the ioctls. The rows are in msr_table.c.
 */
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "x86.h"
#include "trace.h"

#define MAX_MSRS_PER_CALL	256

static bool ignore_msrs;
module_param(ignore_msrs, bool, 0644);
MODULE_PARM_DESC(ignore_msrs, "Unknown MSRs read as zero instead of raising #GP");

static bool report_ignored_msrs = true;
module_param(report_ignored_msrs, bool, 0644);
MODULE_PARM_DESC(report_ignored_msrs, "Log accesses that ignore_msrs let through");

/* --- one access ---------------------------------------------------------- */

static const struct msr_row *find_row(u32 index)
{
	unsigned int low = 0, high = msr_nr_rows;

	while (low < high) {
		unsigned int mid = (low + high) / 2;
		const struct msr_row *row = &msr_rows[mid];

		if (index < row->first)
			high = mid;
		else if (index > row->last)
			low = mid + 1;
		else
			return row;
	}
	return NULL;
}

static u64 *row_field(struct x86_vcpu *v, const struct msr_row *row)
{
	return (u64 *)((char *)v + row->field);
}

static bool row_visible(struct x86_vcpu *v, const struct msr_row *row, bool host)
{
	return host || !row->feature || x86_has(v, row->feature);
}

static enum msr_result read_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	const struct msr_row *row = find_row(index);
	int r;

	*data = 0;
	if (!row) {
		r = x86_op(get_msr)(v, index, data, host);
		return r == -ENOENT ? MSR_UNKNOWN : r ? MSR_BAD : MSR_DONE;
	}
	if (!row_visible(v, row, host))
		return MSR_BAD;
	if (row->get)
		return row->get(v, index, data, host);
	*data = *row_field(v, row);
	return MSR_DONE;
}

/* WRMSR faults on addresses that are not canonical (SDM 2B WRMSR). */
static bool canonical_needed(u32 index)
{
	switch (index) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
		return true;
	default:
		return false;
	}
}

/* An older host kept these from its hardware uncut: take their canonical form. */
static u64 make_canonical(u64 va, bool la57)
{
	unsigned int unused = la57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(va << unused) >> unused);
}

static enum msr_result write_msr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	const struct msr_row *row;
	int r;

	if (canonical_needed(index)) {
		bool la57 = host ? x86_has(v, X86_FEATURE_LA57) : x86_cr4(v) & X86_CR4_LA57;
		bool sysenter = index == MSR_IA32_SYSENTER_ESP || index == MSR_IA32_SYSENTER_EIP;

		if (make_canonical(data, la57) != data) {
			/* AMD drops the upper half there instead of faulting. */
			if (!sysenter || !v->cpuid.amd_compatible)
				return MSR_BAD;
			data = make_canonical(data, la57);
		}
	}
	row = find_row(index);
	if (!row) {
		r = x86_op(set_msr)(v, index, data, host);
		return r == -ENOENT ? MSR_UNKNOWN : r ? MSR_BAD : MSR_DONE;
	}
	if (!row_visible(v, row, host) || (!host && (row->flags & MSR_GUEST_RO)))
		return MSR_BAD;
	if (row->set)
		return row->set(v, index, data, host);
	*row_field(v, row) = data;
	return MSR_DONE;
}

/* Does ignore_msrs turn @r into success? */
static bool ignored(struct x86_vcpu *v, enum msr_result r, u32 index, u64 data, const char *what)
{
	if (r != MSR_UNKNOWN || !READ_ONCE(ignore_msrs))
		return false;
	if (READ_ONCE(report_ignored_msrs))
		pr_info_ratelimited("kvm: vcpu%u: ignored %s of MSR 0x%x data 0x%llx\n",
				    v->vcpu.id, what, index, data);
	return true;
}

static enum msr_result get(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	enum msr_result r = read_msr(v, index, data, host);

	return ignored(v, r, index, 0, "read") ? MSR_DONE : r;
}

static enum msr_result set(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	enum msr_result r = write_msr(v, index, data, host);

	return ignored(v, r, index, data, "write") ? MSR_DONE : r;
}

int msr_get(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	return get(v, index, data, host) != MSR_DONE;
}

int msr_set(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	return set(v, index, data, host) != MSR_DONE;
}

/* --- the guest's RDMSR and WRMSR ----------------------------------------- */

static void put_edx_eax(struct x86_vcpu *v, u64 data)
{
	x86_set_gpr(v, X86_RAX, (u32)data);
	x86_set_gpr(v, X86_RDX, data >> 32);
}

static u64 get_edx_eax(struct x86_vcpu *v)
{
	return (u32)x86_gpr(v, X86_RAX) | (u64)x86_gpr(v, X86_RDX) << 32;
}

/* User space answered; kvm_run is shared with it, so each field is read once. */
static enum x86_next complete_read(struct x86_vcpu *v)
{
	struct kvm_run *run = v->vcpu.run;

	if (READ_ONCE(run->msr.error)) {
		x86_inject_gp(v);
		return X86_RESUME;
	}
	put_edx_eax(v, READ_ONCE(run->msr.data));
	return x86_skip(v);
}

static enum x86_next complete_write(struct x86_vcpu *v)
{
	if (READ_ONCE(v->vcpu.run->msr.error)) {
		x86_inject_gp(v);
		return X86_RESUME;
	}
	return x86_skip(v);
}

/* The access failed for @reason: #GP, or user space decides if it asked to. */
static enum x86_next refuse(struct x86_vcpu *v, u32 reason, bool write, u32 index, u64 data)
{
	struct kvm_run *run = v->vcpu.run;

	if (!(READ_ONCE(to_x86_vm(v->vcpu.kvm)->user_msr_mask) & reason)) {
		trace_kvm_msr(write, index, data, true);
		x86_inject_gp(v);
		return X86_RESUME;
	}
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = reason;
	run->msr.index = index;
	run->msr.data = data;
	v->complete = write ? complete_write : complete_read;
	return X86_TO_USER;
}

static u32 exit_reason(enum msr_result r)
{
	return r == MSR_UNKNOWN ? KVM_MSR_EXIT_REASON_UNKNOWN : KVM_MSR_EXIT_REASON_INVAL;
}

/* All that is told is in the registers: nothing is kept for it where nobody listens. */
static noinline void trace_done(struct x86_vcpu *v, bool write)
{
	trace_kvm_msr(write, x86_gpr(v, X86_RCX), get_edx_eax(v), false);
}

int msr_exit_read(struct x86_vcpu *v)
{
	u32 index = x86_gpr(v, X86_RCX);
	enum msr_result r;
	u64 data;

	if (!msr_filter_allows(v->vcpu.kvm, index, false))
		return refuse(v, KVM_MSR_EXIT_REASON_FILTER, false, index, 0);
	r = get(v, index, &data, false);
	if (r != MSR_DONE)
		return refuse(v, exit_reason(r), false, index, 0);
	put_edx_eax(v, data);
	if (trace_kvm_msr_enabled())
		trace_done(v, false);
	return x86_skip(v);
}

int msr_exit_write(struct x86_vcpu *v)
{
	u32 index = x86_gpr(v, X86_RCX);
	u64 data = get_edx_eax(v);
	enum msr_result r;

	if (!msr_filter_allows(v->vcpu.kvm, index, true))
		return refuse(v, KVM_MSR_EXIT_REASON_FILTER, true, index, data);
	r = set(v, index, data, false);
	if (r != MSR_DONE)
		return refuse(v, exit_reason(r), true, index, data);
	if (trace_kvm_msr_enabled())
		trace_done(v, true);
	return x86_skip(v);
}

/* x2APIC registers that a busy guest touches; SDM 3A table 11-6 */
#define X2APIC_TPR	0x808
#define X2APIC_EOI	0x80b
#define X2APIC_ICR	0x830
#define X2APIC_SELF_IPI	0x83f

/* x2APIC registers are never filtered, the others by the ordinary row alone. */
static bool fast_allowed(struct x86_vcpu *v)
{
	return v->apic && v->exit.insn_len;
}

static bool unfiltered(struct x86_vcpu *v)
{
	return !rcu_access_pointer(to_x86_vm(v->vcpu.kvm)->msr_filter);
}

int msr_fast_read(struct x86_vcpu *v)
{
	u32 index = x86_gpr(v, X86_RCX);
	u64 data;

	if (!fast_allowed(v))
		return X86_SLOW;
	switch (index) {
	case X2APIC_TPR:
		if (lapic_read_msr(v, index, &data))
			return X86_SLOW;
		break;
	case MSR_IA32_TSC:
		if (!unfiltered(v))
			return X86_SLOW;
		data = tsc_read_guest(v, rdtsc());
		break;
	default:
		return X86_SLOW;
	}
	put_edx_eax(v, data);
	if (trace_kvm_msr_enabled())
		trace_done(v, false);
	return x86_skip(v);
}

int msr_fast_write(struct x86_vcpu *v)
{
	u32 index = x86_gpr(v, X86_RCX);

	if (!fast_allowed(v))
		return X86_SLOW;
	switch (index) {
	case X2APIC_TPR:
	case X2APIC_EOI:
	case X2APIC_ICR:
	case X2APIC_SELF_IPI:
		/* A refused write changes nothing: the ordinary row may repeat it. */
		if (lapic_write_msr(v, index, get_edx_eax(v)))
			return X86_SLOW;
		break;
	case MSR_IA32_TSC_DEADLINE:
		if (!unfiltered(v))
			return X86_SLOW;
		lapic_set_tscdeadline(v, get_edx_eax(v));
		break;
	default:
		return X86_SLOW;
	}
	if (trace_kvm_msr_enabled())
		trace_done(v, true);
	return x86_skip(v);
}

/* --- feature MSRs -------------------------------------------------------- */

static int feature_value(u32 index, u64 *data)
{
	const struct msr_row *row = find_row(index);

	*data = 0;
	if (row && row->feature_value) {
		*data = row->feature_value();
		return 0;
	}
	return x86_op(get_feature_msr)(index, data);
}

/* --- lists --------------------------------------------------------------- */

/* MSRs the host must have before they are listed: those the backend passes through */
static const struct {
	u32 index;
	u16 feature;
} list_needs[] = {
	{ MSR_IA32_SPEC_CTRL, X86_FEATURE_SPEC_CTRL },
	{ MSR_IA32_XSS, X86_FEATURE_XSAVES },
	{ MSR_TSC_AUX, X86_FEATURE_RDTSCP },
	{ MSR_AMD64_VIRT_SPEC_CTRL, X86_FEATURE_VIRT_SSBD },
};

static bool listed(u32 index)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(list_needs); i++)
		if (list_needs[i].index == index)
			return cpuid_supported(list_needs[i].feature);
	if (index == MSR_IA32_FEAT_CTL || index == MSR_IA32_MCG_EXT_CTL)
		return x86_caps.feat_ctl;
	return pmu_listed(index);
}

static bool in_list(const struct msr_row *row, u32 index, u16 kind)
{
	u64 data;

	if (!(row->flags & kind))
		return false;
	return kind == MSR_LISTED ? listed(index) : !feature_value(index, &data);
}

/* Fills @out, if there is one; returns how many there are */
static u32 make_list(u16 kind, u32 *out)
{
	unsigned int i;
	u32 n = 0, index;

	for (i = 0; i < msr_nr_rows; i++) {
		const struct msr_row *row = &msr_rows[i];

		for (index = row->first; index <= row->last; index++) {
			if (!in_list(row, index, kind))
				continue;
			if (out)
				out[n] = index;
			n++;
		}
	}
	return n;
}

static long copy_list(struct kvm_msr_list __user *user, u16 kind)
{
	u32 have, n = make_list(kind, NULL);
	u32 *list;
	long r = 0;

	if (get_user(have, &user->nmsrs))
		return -EFAULT;
	if (put_user(n, &user->nmsrs))
		return -EFAULT;
	if (have < n)
		return -E2BIG;
	list = kcalloc(n, sizeof(*list), GFP_KERNEL_ACCOUNT);
	if (!list)
		return -ENOMEM;
	make_list(kind, list);
	if (copy_to_user(user->indices, list, n * sizeof(*list)))
		r = -EFAULT;
	kfree(list);
	return r;
}

long msr_ioctl_index_list(void *obj, void *arg)
{
	return copy_list((struct kvm_msr_list __user *)arg, MSR_LISTED);
}

long msr_ioctl_feature_list(void *obj, void *arg)
{
	return copy_list((struct kvm_msr_list __user *)arg, MSR_FEATURE);
}

/* --- KVM_GET_MSRS, KVM_SET_MSRS ------------------------------------------ */

/* One entry; nonzero stops the walk there */
typedef int (*msr_entry_fn)(struct x86_vcpu *v, struct kvm_msr_entry *e);

static int entry_get(struct x86_vcpu *v, struct kvm_msr_entry *e)
{
	u64 data;

	if (msr_get(v, e->index, &data, true))
		return 1;
	e->data = data;
	return 0;
}

static int entry_set(struct x86_vcpu *v, struct kvm_msr_entry *e)
{
	return msr_set(v, e->index, e->data, true);
}

static int entry_feature(struct x86_vcpu *v, struct kvm_msr_entry *e)
{
	u64 data;

	if (feature_value(e->index, &data))
		return 1;
	e->data = data;
	return 0;
}

static long walk(struct x86_vcpu *v, struct kvm_msrs __user *user, msr_entry_fn fn, bool back)
{
	struct kvm_msr_entry *entries;
	u32 n, done = 0;
	long r;

	if (get_user(n, &user->nmsrs))
		return -EFAULT;
	if (n >= MAX_MSRS_PER_CALL)
		return -E2BIG;
	if (!n)
		return 0;
	entries = memdup_user(user->entries, array_size(n, sizeof(*entries)));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	while (done < n && !fn(v, &entries[done]))
		done++;
	r = done;
	if (back && copy_to_user(user->entries, entries, done * sizeof(*entries)))
		r = -EFAULT;
	kfree(entries);
	return r;
}

static long walk_vcpu(struct x86_vcpu *v, void *arg, msr_entry_fn fn, bool back)
{
	struct kvm *kvm = v->vcpu.kvm;
	int idx = srcu_read_lock(&kvm->srcu);
	long r = walk(v, (struct kvm_msrs __user *)arg, fn, back);

	srcu_read_unlock(&kvm->srcu, idx);
	return r;
}

long msr_ioctl_get(void *obj, void *arg)
{
	return walk_vcpu(to_x86(obj), arg, entry_get, true);
}

long msr_ioctl_set(void *obj, void *arg)
{
	return walk_vcpu(to_x86(obj), arg, entry_set, false);
}

long msr_ioctl_get_feature(void *obj, void *arg)
{
	return walk(NULL, (struct kvm_msrs __user *)arg, entry_feature, true);
}

/* The rows must be in order for find_row(); told at load, not in the field. */
int msr_module_init(void)
{
	unsigned int i;

	for (i = 0; i < msr_nr_rows; i++) {
		const struct msr_row *row = &msr_rows[i];

		if (row->first > row->last || (i && msr_rows[i - 1].last >= row->first)) {
			pr_err("kvm: MSR row 0x%x is out of order\n", row->first);
			return -EINVAL;
		}
		if ((!row->get || !row->set) && !row->field) {
			pr_err("kvm: MSR row 0x%x has no value\n", row->first);
			return -EINVAL;
		}
	}
	return 0;
}
