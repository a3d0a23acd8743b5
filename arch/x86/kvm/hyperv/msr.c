// SPDX-License-Identifier: GPL-2.0-only
/* Hyper-V's registers: MSRs 0x40000000 and up, one row each. */
#include <asm/apicdef.h>
#include <asm/hyperv-tlfs.h>
#include <linux/nospec.h>
#include <linux/sched/cputime.h>
#include <uapi/asm/kvm_para.h>

#include "synic.h"
#include "syndbg.h"

#define APIC_BUS_HZ	NSEC_PER_SEC	/* as irqchip/timer.c counts */
#define NS_PER_TICK	100

/* Get and set: 0, or 1: #GP. srcu held, may sleep */
struct hyperv_msr {
	u32 first, last;
	u32 feature;		/* a bit of EAX of leaf 0x40000003 */
	u32 feature_d;		/* where that is 0: of EDX */
	bool vm;		/* @lock is held */
	bool (*there)(const struct x86_vcpu *v);	/* for guests; NULL: always */
	int (*get)(struct x86_vcpu *v, u32 index, u64 *data);
	int (*set)(struct x86_vcpu *v, u32 index, u64 data, bool host);
};

static struct hyperv_vm *hv_vm(struct x86_vcpu *v)
{
	return &to_x86_vm(v->vcpu.kvm)->hyperv;
}

/* --- what the guest is, and its hypercalls ------------------------------- */

static int get_os_id(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = hv_vm(v)->guest_os_id;
	return 0;
}

/* Who says no more what it is has no hypercalls any more (TLFS 3.13). */
static int set_os_id(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	struct hyperv_vm *h = hv_vm(v);

	WRITE_ONCE(h->guest_os_id, data);
	if (!data)
		h->hypercall &= ~(u64)HV_X64_MSR_HYPERCALL_ENABLE;
	return 0;
}

static int get_hypercall(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = hv_vm(v)->hypercall;
	return 0;
}

/* The code that a guest calls goes to the page it names. */
static int set_hypercall(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	const u8 code[] = { 0x0f, 0x01, x86_caps.vmcall, 0xc3 };	/* and RET */
	struct hyperv_vm *h = hv_vm(v);

	/* Not before it is known what the guest is. */
	if (!h->guest_os_id && !host)
		return 0;
	if (data & HV_X64_MSR_HYPERCALL_ENABLE && h->guest_os_id &&
	    kvm_write_guest(v->vcpu.kvm, 0, data & HV_HYP_PAGE_MASK, code, sizeof(code)))
		return 1;
	h->hypercall = data;
	return 0;
}

/* --- the vCPU ------------------------------------------------------------ */

static int get_vp_index(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = v->hyperv.index;
	return 0;
}

static int set_vp_index(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (!host || data >= KVM_MAX_VCPUS_ARCH)
		return 1;
	WRITE_ONCE(v->hyperv.index, data);
	return 0;
}

/* What the vCPU's thread has used so far */
static u64 thread_time(void)
{
	u64 user, system;

	task_cputime_adjusted(current, &user, &system);
	return div_u64(user + system, NS_PER_TICK);
}

static int get_runtime(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = thread_time() + v->hyperv.runtime_base;
	return 0;
}

static int set_runtime(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (!host)
		return 1;
	v->hyperv.runtime_base = data - thread_time();
	return 0;
}

static int get_apic(struct x86_vcpu *v, u32 index, u64 *data)
{
	return lapic_hyperv_read(v, index == HV_X64_MSR_ICR ? APIC_ICR :
				 index == HV_X64_MSR_TPR ? APIC_TASKPRI : APIC_EOI, data);
}

static int set_apic(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	return lapic_hyperv_write(v, index == HV_X64_MSR_ICR ? APIC_ICR :
				  index == HV_X64_MSR_TPR ? APIC_TASKPRI : APIC_EOI, data);
}

static int get_assist(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = v->hyperv.assist;
	return 0;
}

/*
 * Of the page one word is in use, the first: its bit 0 says that the interrupt in service
 * may be ended by clearing it. The rest is the guest's, also when it comes from elsewhere.
 */
static int set_assist(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	gpa_t gpa = data & HV_HYP_PAGE_MASK;
	u32 word = 0;

	if (!(data & HV_X64_MSR_VP_ASSIST_PAGE_ENABLE)) {
		if (v->apic && pv_eoi_set_msr(v, 0))
			return 1;
		v->hyperv.assist = data;
		return 0;
	}
	if (kvm_write_guest(v->vcpu.kvm, 0, gpa, &word, sizeof(word)))
		return 1;
	if (v->apic && pv_eoi_set_msr(v, gpa | KVM_MSR_ENABLED))
		return 1;
	v->hyperv.assist = data;
	return 0;
}

/* --- time ---------------------------------------------------------------- */

static int get_time(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = hyperv_time(v);
	return 0;
}

static int get_tsc_page(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = hv_vm(v)->tsc_page;
	return 0;
}

/* The page is written on the way to the guest: other clocks may be set before. */
static int set_tsc_page(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	struct hyperv_vm *h = hv_vm(v);

	h->tsc_page = data;
	h->tsc_page_valid = false;
	h->tsc_page_asked = !host;
	kvm_request(&v->vcpu, X86_REQ_MASTERCLOCK);
	kvm_request(&v->vcpu, X86_REQ_CLOCK);
	return 0;
}

static int get_frequency(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = index == HV_X64_MSR_APIC_FREQUENCY ? APIC_BUS_HZ : v->tsc.khz * 1000ULL;
	return 0;
}

/* A VMM restores all that it saved, also what cannot be written. */
static int set_read_only(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	return !host;
}

/*
 * Kept for the guest: the TSC's rate never changes under it by us alone. But while it
 * has emulation on, it does not want its reference page to change: see clock.c.
 */
static u64 *emulation_field(struct x86_vcpu *v, u32 index)
{
	struct hyperv_vm *h = hv_vm(v);

	switch (index) {
	case HV_X64_MSR_REENLIGHTENMENT_CONTROL:
		return &h->reenlightenment;
	case HV_X64_MSR_TSC_EMULATION_CONTROL:
		return &h->tsc_emulation_ctl;
	default:
		return &h->tsc_emulation_status;
	}
}

static int get_emulation(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = *emulation_field(v, index);
	return 0;
}

static int set_emulation(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	/* There is no emulation that could be under way. */
	if (index == HV_X64_MSR_TSC_EMULATION_STATUS && data && !host)
		return 1;
	*emulation_field(v, index) = data;
	if (index == HV_X64_MSR_TSC_EMULATION_CONTROL && !data)
		kvm_request(&v->vcpu, X86_REQ_CLOCK);	/* the page may change again */
	return 0;
}

/* --- ends ---------------------------------------------------------------- */

void hyperv_tell(struct x86_vcpu *v, unsigned int event)
{
	__set_bit(event, &v->hyperv.events);
	kvm_request(&v->vcpu, X86_REQ_HYPERV);
}

static int get_reset(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = 0;
	return 0;
}

static int set_reset(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (data == 1 && !host)
		hyperv_tell(v, HYPERV_EVENT_RESET);
	return 0;
}

static u64 *crash_field(struct x86_vcpu *v, u32 index)
{
	struct hyperv_vm *h = hv_vm(v);

	if (index == HV_X64_MSR_CRASH_CTL)
		return &h->crash_ctl;
	return &h->crash[array_index_nospec(index - HV_X64_MSR_CRASH_P0,
					    HYPERV_NR_CRASH_PARAMS)];
}

static int get_crash(struct x86_vcpu *v, u32 index, u64 *data)
{
	*data = *crash_field(v, index);
	return 0;
}

/* Of the control, the VMM says what there is, and the guest that it is over. */
static int set_crash(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	if (index != HV_X64_MSR_CRASH_CTL)
		*crash_field(v, index) = data;
	else if (host)
		*crash_field(v, index) = data & HV_CRASH_CTL_CRASH_NOTIFY;
	else if (data & HV_CRASH_CTL_CRASH_NOTIFY)
		hyperv_tell(v, HYPERV_EVENT_CRASH);
	return 0;
}

static void fill_system_event(struct x86_vcpu *v, u32 type)
{
	struct kvm_run *run = v->vcpu.run;

	run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
	run->system_event.type = type;
	run->system_event.ndata = 0;
}

static void fill_reset(struct x86_vcpu *v)
{
	fill_system_event(v, KVM_SYSTEM_EVENT_RESET);
}

static void fill_crash(struct x86_vcpu *v)
{
	fill_system_event(v, KVM_SYSTEM_EVENT_CRASH);
}

/* The later ones first: what a guest that crashes had told before comes before its end. */
static void (*const fill_run[HYPERV_NR_EVENTS])(struct x86_vcpu *v) = {
	[HYPERV_EVENT_RESET]	= fill_reset,
	[HYPERV_EVENT_CRASH]	= fill_crash,
	[HYPERV_EVENT_SYNIC]	= synic_fill_run,
	[HYPERV_EVENT_SYNDBG]	= syndbg_tell_command,
	[HYPERV_EVENT_SYNDBG_PAGE] = syndbg_tell_page,
};

bool hyperv_tell_user(struct x86_vcpu *v)
{
	struct hyperv_vcpu *h = &v->hyperv;
	unsigned int event;

	if (!h->events)
		return false;
	event = __fls(h->events);
	__clear_bit(event, &h->events);
	fill_run[event](v);
	if (h->events)
		kvm_request(&v->vcpu, X86_REQ_HYPERV);
	return true;
}

static bool has_synic(const struct x86_vcpu *v)
{
	return v->hyperv.synic;
}

/* --- the rows ------------------------------------------------------------ */

#define ONE(index)	.first = (index), .last = (index)
#define VM		.vm = true
#define SYNIC		.there = has_synic
#define SYNDBG		.there = syndbg_on

static const struct hyperv_msr rows[] = {
	{ ONE(HV_X64_MSR_GUEST_OS_ID), HV_MSR_HYPERCALL_AVAILABLE, VM,
	  .get = get_os_id, .set = set_os_id },
	{ ONE(HV_X64_MSR_HYPERCALL), HV_MSR_HYPERCALL_AVAILABLE, VM,
	  .get = get_hypercall, .set = set_hypercall },
	{ ONE(HV_X64_MSR_VP_INDEX), HV_MSR_VP_INDEX_AVAILABLE,
	  .get = get_vp_index, .set = set_vp_index },
	{ ONE(HV_X64_MSR_RESET), HV_MSR_RESET_AVAILABLE, .get = get_reset, .set = set_reset },
	{ ONE(HV_X64_MSR_VP_RUNTIME), HV_MSR_VP_RUNTIME_AVAILABLE,
	  .get = get_runtime, .set = set_runtime },
	{ ONE(HV_X64_MSR_TIME_REF_COUNT), HV_MSR_TIME_REF_COUNT_AVAILABLE,
	  .get = get_time, .set = set_read_only },
	{ ONE(HV_X64_MSR_REFERENCE_TSC), HV_MSR_REFERENCE_TSC_AVAILABLE, VM,
	  .get = get_tsc_page, .set = set_tsc_page },
	{ HV_X64_MSR_TSC_FREQUENCY, HV_X64_MSR_APIC_FREQUENCY, HV_ACCESS_FREQUENCY_MSRS,
	  .get = get_frequency, .set = set_read_only },
	{ HV_X64_MSR_EOI, HV_X64_MSR_TPR, HV_MSR_APIC_ACCESS_AVAILABLE,
	  .get = get_apic, .set = set_apic },
	{ ONE(HV_X64_MSR_VP_ASSIST_PAGE), HV_MSR_APIC_ACCESS_AVAILABLE,
	  .get = get_assist, .set = set_assist },
	{ HV_X64_MSR_SCONTROL, HV_X64_MSR_EOM, HV_MSR_SYNIC_AVAILABLE, SYNIC,
	  .get = synic_get_msr, .set = synic_set_msr },
	{ HV_X64_MSR_SINT0, HV_X64_MSR_SINT15, HV_MSR_SYNIC_AVAILABLE, SYNIC,
	  .get = synic_get_msr, .set = synic_set_msr },
	{ HV_X64_MSR_STIMER0_CONFIG, HV_X64_MSR_STIMER3_COUNT, HV_MSR_SYNTIMER_AVAILABLE, SYNIC,
	  .get = stimer_get_msr, .set = stimer_set_msr },
	{ HV_MSR_SYNDBG_CONTROL, HV_MSR_SYNDBG_PENDING, 0, HV_FEATURE_DEBUG_MSRS_AVAILABLE,
	  VM, SYNDBG, .get = syndbg_get_msr, .set = syndbg_set_msr },
	{ ONE(HV_MSR_SYNDBG_OPTIONS), 0, HV_FEATURE_DEBUG_MSRS_AVAILABLE,
	  VM, SYNDBG, .get = syndbg_get_msr, .set = syndbg_set_msr },
	{ HV_X64_MSR_CRASH_P0, HV_X64_MSR_CRASH_CTL, 0, HV_FEATURE_GUEST_CRASH_MSR_AVAILABLE,
	  VM, .get = get_crash, .set = set_crash },
	{ HV_X64_MSR_REENLIGHTENMENT_CONTROL, HV_X64_MSR_TSC_EMULATION_STATUS,
	  HV_ACCESS_REENLIGHTENMENT, VM, .get = get_emulation, .set = set_emulation },
};

/* NULL: not there, or not for this guest */
static const struct hyperv_msr *find(struct x86_vcpu *v, u32 index, bool host)
{
	const struct hyperv_vcpu *h = &v->hyperv;
	const struct hyperv_msr *row = rows, *end = rows + ARRAY_SIZE(rows);

	while (row < end && (index < row->first || index > row->last))
		row++;
	if (row == end)
		return NULL;
	if (host)
		return row;
	if (!h->on || (row->there && !row->there(v)))
		return NULL;
	if (row->feature ? !hyperv_may(h, h->features_a, row->feature) :
			   !hyperv_may(h, h->features_d, row->feature_d))
		return NULL;
	return row;
}

enum msr_result hyperv_get_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host)
{
	const struct hyperv_msr *row = find(v, index, host);
	struct hyperv_vm *h = hv_vm(v);
	int ret;

	if (!row)
		return MSR_BAD;
	if (row->vm)
		mutex_lock(&h->lock);
	ret = row->get(v, index, data);
	if (row->vm)
		mutex_unlock(&h->lock);
	return ret ? MSR_BAD : MSR_DONE;
}

enum msr_result hyperv_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host)
{
	const struct hyperv_msr *row = find(v, index, host);
	struct hyperv_vm *h = hv_vm(v);
	int ret;

	if (!row)
		return MSR_BAD;
	if (row->vm)
		mutex_lock(&h->lock);
	ret = row->set(v, index, data, host);
	if (row->vm)
		mutex_unlock(&h->lock);
	return ret ? MSR_BAD : MSR_DONE;
}

void hyperv_vm_init(struct kvm *kvm)
{
	struct hyperv_vm *h = &to_x86_vm(kvm)->hyperv;

	mutex_init(&h->lock);
	xa_init_flags(&h->doorbells, XA_FLAGS_ACCOUNT);
}

void hyperv_vcpu_create(struct x86_vcpu *v)
{
	v->hyperv.index = v->vcpu.idx;
}
