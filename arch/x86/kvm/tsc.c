// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's TSC: the host's, scaled where the hardware can, plus an offset.
 *
 * A VMM sets the TSC of one vCPU after the other and means the same moment, so
 * writes close to what the last write has become by now take over its offset.
 * vCPUs with one offset and rate form a generation; the paravirtual clock needs
 * all of them in it to be one clock.
 */
#include <asm/tsc.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/pvclock_gtod.h>
#include <linux/timekeeper_internal.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "x86.h"
#include "trace.h"

static unsigned int tsc_tolerance_ppm = 250;
module_param(tsc_tolerance_ppm, uint, 0644);
MODULE_PARM_DESC(tsc_tolerance_ppm, "Deviation of the guest's TSC rate taken without scaling");

/* --- the host's side ----------------------------------------------------- */

/* Written by the timekeeper's notifier, any context */
static bool host_clock_is_tsc;

static void tell_vms(struct work_struct *work)
{
	struct kvm *kvm;

	mutex_lock(&kvm_vms_lock);
	list_for_each_entry(kvm, &kvm_vms, vm_list)
		kvm_request_all(kvm, X86_REQ_MASTERCLOCK);
	mutex_unlock(&kvm_vms_lock);
}
static DECLARE_WORK(tell_vms_work, tell_vms);

static int timekeeper_changed(struct notifier_block *nb, unsigned long was_set, void *data)
{
	const struct timekeeper *tk = data;
	bool is_tsc = tk->tkr_mono.clock->vdso_clock_mode == VDSO_CLOCKMODE_TSC;

	if (is_tsc == READ_ONCE(host_clock_is_tsc))
		return 0;
	WRITE_ONCE(host_clock_is_tsc, is_tsc);
	/* Called with the timekeeper locked: no waiting here. */
	schedule_work(&tell_vms_work);
	return 0;
}

static struct notifier_block timekeeper_nb = { .notifier_call = timekeeper_changed };

int tsc_module_init(void)
{
	return pvclock_gtod_register_notifier(&timekeeper_nb);
}

void tsc_module_exit(void)
{
	pvclock_gtod_unregister_notifier(&timekeeper_nb);
	cancel_work_sync(&tell_vms_work);
}

bool tsc_host_stable(void)
{
	return READ_ONCE(host_clock_is_tsc) && !check_tsc_unstable();
}

/* --- arithmetic ---------------------------------------------------------- */

static u64 unit_ratio(void)
{
	return x86_caps.tsc_scaling ? 1ULL << x86_caps.tsc_frac_bits : 0;
}

static u64 scale(struct x86_vcpu *v, u64 host_tsc)
{
	u64 ratio = v->tsc.ratio;

	if (ratio == unit_ratio() || !ratio)
		return host_tsc;
	return mul_u64_u64_shr(host_tsc, ratio, x86_caps.tsc_frac_bits);
}

u64 tsc_read_guest(struct x86_vcpu *v, u64 host_tsc)
{
	return scale(v, host_tsc) + v->tsc.offset;
}

u64 tsc_guest_to_host_delta(struct x86_vcpu *v, u64 delta)
{
	u32 khz = v->tsc.khz;

	if (v->tsc.ratio == unit_ratio() || !khz)
		return delta;
	/* delta * tsc_khz / khz would not fit */
	if (tsc_khz > khz && delta > div_u64(U64_MAX, tsc_khz) * khz)
		return U64_MAX;
	return mul_u64_u32_div(delta, tsc_khz, khz);
}

static u64 ticks_in(u64 ns, u32 khz)
{
	return mul_u64_u32_div(ns, khz, USEC_PER_SEC);
}

/* --- offsets and generations --------------------------------------------- */

/*
 * Gives @v an offset. It belongs to the VM's generation if that is the one in
 * force; with @found, it starts the next generation otherwise.
 */
static void set_offset(struct x86_vcpu *v, u64 offset, u64 guest_tsc, bool found)
{
	struct x86_clock_vm *c = &to_x86_vm(v->vcpu.kvm)->clock;
	bool same = c->generation && offset == c->last_write_offset &&
		    v->tsc.khz == c->last_write_khz;

	lockdep_assert_held(&c->tsc_lock);
	trace_kvm_write_tsc_offset(v->vcpu.id, v->tsc.offset, offset);
	v->tsc.offset = offset;
	if (found) {
		if (!same)
			c->generation++;
		c->last_write_tsc = guest_tsc;
		c->last_write_ns = ktime_get_boottime_ns();
		c->last_write_offset = offset;
		c->last_write_khz = v->tsc.khz;
		same = true;
	}
	WRITE_ONCE(v->tsc.generation, same ? c->generation : 0);
	kvm_request(&v->vcpu, X86_REQ_TSC);
	kvm_request(&v->vcpu, X86_REQ_MASTERCLOCK);
}

/* Is @guest_tsc what the last write has become by now, give or take a second? */
static bool continues_last_write(struct x86_vcpu *v, u64 guest_tsc)
{
	struct x86_clock_vm *c = &to_x86_vm(v->vcpu.kvm)->clock;
	u64 elapsed = ktime_get_boottime_ns() - c->last_write_ns;
	u64 expected = c->last_write_tsc + ticks_in(elapsed, v->tsc.khz);
	u64 second = (u64)v->tsc.khz * MSEC_PER_SEC;

	return guest_tsc - expected + second <= 2 * second;
}

/* From the VMM: 0 means "like the others", any value may mean it. */
static void write_matched(struct x86_vcpu *v, u64 guest_tsc)
{
	struct x86_clock_vm *c = &to_x86_vm(v->vcpu.kvm)->clock;
	u64 offset;

	offset = guest_tsc - scale(v, rdtsc());
	/* Sampled host counters that differ by CPU cannot share an offset. */
	if (c->generation && v->tsc.khz == c->last_write_khz && !check_tsc_unstable() &&
	    (!guest_tsc || continues_last_write(v, guest_tsc)))
		offset = c->last_write_offset;
	set_offset(v, offset, guest_tsc, true);
}

void tsc_write(struct x86_vcpu *v, u64 guest_tsc, bool host)
{
	struct x86_clock_vm *c = &to_x86_vm(v->vcpu.kvm)->clock;
	unsigned long flags;
	u64 offset;

	raw_spin_lock_irqsave(&c->tsc_lock, flags);
	if (host) {
		write_matched(v, guest_tsc);
	} else {
		/* The guest's write moves TSC_ADJUST along (SDM 3B 18.17.3). */
		offset = guest_tsc - scale(v, rdtsc());
		v->tsc.adjust += offset - v->tsc.offset;
		set_offset(v, offset, guest_tsc, false);
	}
	raw_spin_unlock_irqrestore(&c->tsc_lock, flags);
	if (v->apic)
		lapic_restart_timer(v);
}

void tsc_adjust(struct x86_vcpu *v, u64 value, bool host)
{
	struct x86_clock_vm *c = &to_x86_vm(v->vcpu.kvm)->clock;
	u64 delta = value - v->tsc.adjust;
	unsigned long flags;

	v->tsc.adjust = value;
	if (host || !delta)
		return;
	raw_spin_lock_irqsave(&c->tsc_lock, flags);
	set_offset(v, v->tsc.offset + delta, 0, false);
	raw_spin_unlock_irqrestore(&c->tsc_lock, flags);
	if (v->apic)
		lapic_restart_timer(v);
}

/* --- rates --------------------------------------------------------------- */

static bool near_host_rate(u32 khz)
{
	u64 slack = div_u64((u64)tsc_khz * tsc_tolerance_ppm, 1000000);

	return khz >= tsc_khz - slack && khz <= tsc_khz + slack;
}

/* Fixed-point ratio for @khz; 0: the hardware cannot, or 1:1 without scaling */
static int rate_ratio(u32 khz, u64 *ratio)
{
	*ratio = unit_ratio();
	if (near_host_rate(khz))
		return 0;
	if (!x86_caps.tsc_scaling)
		return -EINVAL;
	*ratio = mul_u64_u32_div(unit_ratio(), khz, tsc_khz);
	return *ratio && *ratio < x86_caps.tsc_max_ratio ? 0 : -EINVAL;
}

int tsc_set_khz(struct x86_vcpu *v, u32 khz)
{
	struct x86_clock_vm *c = &to_x86_vm(v->vcpu.kvm)->clock;
	unsigned long flags;
	u64 ratio;

	if (!khz)
		khz = tsc_khz;
	if (rate_ratio(khz, &ratio))
		return -EINVAL;
	raw_spin_lock_irqsave(&c->tsc_lock, flags);
	v->tsc.khz = khz;
	v->tsc.ratio = ratio;
	/* The offset stays: the VMM writes the TSC next. */
	set_offset(v, v->tsc.offset, 0, false);
	raw_spin_unlock_irqrestore(&c->tsc_lock, flags);
	kvm_request(&v->vcpu, X86_REQ_CLOCK);
	if (v->apic)
		lapic_restart_timer(v);
	return 0;
}

int tsc_set_default_khz(struct kvm *kvm, u32 khz)
{
	u64 ratio;

	if (!khz)
		khz = tsc_khz;
	if (rate_ratio(khz, &ratio))
		return -EINVAL;
	WRITE_ONCE(to_x86_vm(kvm)->clock.default_khz, khz);
	return 0;
}

/* --- life ---------------------------------------------------------------- */

/* Ticks by which the host's counter restarted too low, over all suspends */
static atomic64_t host_lost;
/* The counter when a CPU last went down: before a suspend, the one that resumes. IRQs off */
static u64 last_before_suspend;

void tsc_vm_init(struct kvm *kvm)
{
	struct x86_clock_vm *c = &to_x86_vm(kvm)->clock;

	raw_spin_lock_init(&c->tsc_lock);
	seqcount_raw_spinlock_init(&c->seq, &c->tsc_lock);
	c->default_khz = tsc_khz;
	kvmclock_vm_init(kvm);
}

void tsc_vcpu_create(struct x86_vcpu *v)
{
	u32 khz = READ_ONCE(to_x86_vm(v->vcpu.kvm)->clock.default_khz);

	v->tsc.khz = khz;
	v->tsc.lost_seen = atomic64_read(&host_lost);
	if (rate_ratio(khz, &v->tsc.ratio)) {
		v->tsc.khz = tsc_khz;
		v->tsc.ratio = unit_ratio();
	}
	tsc_write(v, 0, true);
}

void tsc_host_cpu_down(void)
{
	WRITE_ONCE(last_before_suspend, rdtsc());
}

void tsc_host_resumed(void)
{
	u64 now = rdtsc();

	if (now < last_before_suspend)
		atomic64_add(last_before_suspend - now, &host_lost);
}

/* The same sum for every vCPU, so that those of one generation stay in one. */
static void make_up(struct x86_vcpu *v, u64 lost)
{
	struct x86_clock_vm *c = &to_x86_vm(v->vcpu.kvm)->clock;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->tsc_lock, flags);
	kvmclock_drop_master(v->vcpu.kvm);
	set_offset(v, v->tsc.offset + scale(v, lost), tsc_read_guest(v, rdtsc() + lost),
		   v->tsc.generation == c->generation);
	raw_spin_unlock_irqrestore(&c->tsc_lock, flags);
	kvm_request(&v->vcpu, X86_REQ_CLOCK);
	if (v->apic)
		lapic_restart_timer(v);
}

/*
 * Where the host's counters differ by CPU, or restarted when the machine slept,
 * the guest's must not go back: what is missing goes to the offset.
 */
void tsc_vcpu_load(struct x86_vcpu *v, int cpu)
{
	u64 total = atomic64_read(&host_lost), lost, now = rdtsc();

	lost = total - v->tsc.lost_seen;
	if (unlikely(lost)) {
		v->tsc.lost_seen = total;
		make_up(v, lost);
	} else if (unlikely(check_tsc_unstable())) {
		if (now < v->tsc.last_host)
			make_up(v, v->tsc.last_host - now);
		else if (v->apic)
			lapic_restart_timer(v);	/* from hardware, which counts here alone */
		kvm_request(&v->vcpu, X86_REQ_CLOCK);
	} else if (unlikely(!READ_ONCE(to_x86_vm(v->vcpu.kvm)->clock.master)) &&
		   v->pvclock.enabled) {
		/* Without one clock for all, each page is good for a while. */
		kvm_request(&v->vcpu, X86_REQ_CLOCK);
	}
	v->tsc.last_host = now;
}

void tsc_vcpu_put(struct x86_vcpu *v)
{
	v->tsc.last_host = rdtsc();
}

/* --- KVM_VCPU_TSC_CTRL --------------------------------------------------- */

static void set_offset_attr(struct x86_vcpu *v, u64 offset)
{
	struct x86_clock_vm *c = &to_x86_vm(v->vcpu.kvm)->clock;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->tsc_lock, flags);
	set_offset(v, offset, scale(v, rdtsc()) + offset, true);
	raw_spin_unlock_irqrestore(&c->tsc_lock, flags);
	if (v->apic)
		lapic_restart_timer(v);
}

int tsc_attr(struct x86_vcpu *v, unsigned int cmd, const struct kvm_device_attr *attr)
{
	u64 __user *user = u64_to_user_ptr(attr->addr);
	u64 offset;

	if (attr->group != KVM_VCPU_TSC_CTRL || attr->attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	switch (cmd) {
	case KVM_HAS_DEVICE_ATTR:
		return 0;
	case KVM_GET_DEVICE_ATTR:
		return put_user(v->tsc.offset, user);
	case KVM_SET_DEVICE_ATTR:
		if (get_user(offset, user))
			return -EFAULT;
		set_offset_attr(v, offset);
		return 0;
	default:
		return -EINVAL;
	}
}
