// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paravirtual clock: a page per vCPU that says what time it was at some TSC
 * value, and how to scale the ticks since (Documentation/virt/kvm/x86/msr.rst).
 *
 * When the host keeps time by its TSC and all vCPUs share one TSC offset, all
 * pages are made from one pair (boottime, host TSC), the master clock: then the
 * guest may compare readings of different vCPUs and is told so. The pair is
 * taken once and kept, so that the clock does not step. Otherwise each vCPU's
 * page is made afresh whenever it moves to a host CPU, and the guest itself
 * keeps its readings from going back.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <asm/pvclock.h>
#include <asm/tsc.h>

#include "x86.h"
#include "trace.h"

bool kvmclock_host_moment(u64 *tsc, u64 *boot_ns, u64 *real_ns)
{
	unsigned long flags;

	local_irq_save(flags);
	*tsc = rdtsc_ordered();
	*boot_ns = ktime_get_boottime_ns();
	if (real_ns)
		*real_ns = ktime_get_real_ns();
	local_irq_restore(flags);
	return tsc_host_stable();
}

/*
 * Factors for ns = (ticks << shift) * mul >> 32 at @khz, mul with its top bit
 * set for the most precision.
 */
static void time_scale(u32 khz, s8 *shift, u32 *mul)
{
	u64 hz = max(khz, 1u) * 1000ULL;
	s8 s = 0;

	while (hz > 2 * NSEC_PER_SEC) {
		hz >>= 1;
		s--;
	}
	while (hz <= NSEC_PER_SEC) {
		hz <<= 1;
		s++;
	}
	*shift = s;
	*mul = div64_u64((u64)NSEC_PER_SEC << 32, hz);
}

/* What the clock of a VM is made of, read consistently */
struct clock_base {
	bool master;
	u64 ns, tsc;
	s64 offset;
};

static struct clock_base read_base(struct x86_clock_vm *c)
{
	struct clock_base b;
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&c->seq);
		b.master = c->master;
		b.ns = c->master_ns;
		b.tsc = c->master_tsc;
		b.offset = c->clock_offset;
	} while (read_seqcount_retry(&c->seq, seq));
	return b;
}

/* The master clock, offset included, when the host's TSC is @tsc */
static u64 master_at(const struct clock_base *b, u64 tsc)
{
	u32 mul;
	s8 shift;

	time_scale(tsc_khz, &shift, &mul);
	return b->ns + b->offset + pvclock_scale_delta(tsc - b->tsc, mul, shift);
}

u64 kvmclock_now(struct kvm *kvm)
{
	struct clock_base b = read_base(&to_x86_vm(kvm)->clock);

	if (b.master)
		return master_at(&b, rdtsc_ordered());
	return ktime_get_boottime_ns() + b.offset;
}

void kvmclock_vm_init(struct kvm *kvm)
{
	to_x86_vm(kvm)->clock.clock_offset = -ktime_get_boottime_ns();
}

/* --- the master clock ---------------------------------------------------- */

void kvmclock_drop_master(struct kvm *kvm)
{
	struct x86_clock_vm *c = &to_x86_vm(kvm)->clock;

	lockdep_assert_held(&c->tsc_lock);
	write_seqcount_begin(&c->seq);
	c->master = false;
	write_seqcount_end(&c->seq);
}

static bool all_in_generation(struct kvm *kvm, u64 generation)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		if (READ_ONCE(to_x86(vcpu)->tsc.generation) != generation)
			return false;
	return true;
}

/* Switches between one clock for all and one for each. True: it did. */
static bool switch_master(struct kvm *kvm)
{
	struct x86_clock_vm *c = &to_x86_vm(kvm)->clock;
	bool matched = all_in_generation(kvm, c->generation);
	bool want = tsc_host_stable() && matched;
	struct clock_base b = { true, c->master_ns, c->master_tsc, c->clock_offset };
	u64 tsc, ns;
	s64 ahead;

	lockdep_assert_held(&c->tsc_lock);
	trace_kvm_update_master_clock(want, tsc_host_stable() ? VDSO_CLOCKMODE_TSC :
				      VDSO_CLOCKMODE_NONE, matched);
	if (want == c->master)
		return false;
	kvmclock_host_moment(&tsc, &ns, NULL);
	write_seqcount_begin(&c->seq);
	c->master = want;
	if (want) {
		c->master_ns = ns;
		c->master_tsc = tsc;
	} else {
		/* The TSC may have run ahead of the host's clock: no step back. */
		ahead = master_at(&b, tsc) - (ns + b.offset);
		c->clock_offset += clamp_t(s64, ahead, 0, NSEC_PER_SEC);
	}
	write_seqcount_end(&c->seq);
	return true;
}

void kvmclock_update_master(struct kvm *kvm)
{
	struct x86_clock_vm *c = &to_x86_vm(kvm)->clock;
	unsigned long flags;
	bool switched;

	raw_spin_lock_irqsave(&c->tsc_lock, flags);
	switched = switch_master(kvm);
	raw_spin_unlock_irqrestore(&c->tsc_lock, flags);
	if (switched)
		kvm_request_all(kvm, X86_REQ_CLOCK);
}

/* --- the vCPU's page ----------------------------------------------------- */

#define PAGE_OFF(field)	offsetof(struct pvclock_vcpu_time_info, field)

/*
 * The version is odd while the rest changes. The guest alone clears the stopped
 * flag, so what it left of it is carried over.
 */
static void publish(struct x86_vcpu *v, struct pvclock_vcpu_time_info *info)
{
	struct x86_pvclock *p = &v->pvclock;
	struct kvm *kvm = v->vcpu.kvm;
	struct pvclock_vcpu_time_info old;

	if (kvm_gmap_read(kvm, &p->map, 0, &old, sizeof(old)))
		return;
	info->version = (old.version | 1) + 1;
	info->version |= 1;
	info->flags |= old.flags & PVCLOCK_GUEST_STOPPED;
	if (p->guest_stopped)
		info->flags |= PVCLOCK_GUEST_STOPPED;

	if (kvm_gmap_write(kvm, &p->map, PAGE_OFF(version), &info->version,
			   sizeof(info->version)))
		return;
	smp_wmb();	/* odd version before the data */
	if (kvm_gmap_write(kvm, &p->map, PAGE_OFF(pad0), &info->pad0,
			   sizeof(*info) - PAGE_OFF(pad0)))
		return;
	smp_wmb();	/* data before the even version */
	info->version++;
	if (kvm_gmap_write(kvm, &p->map, PAGE_OFF(version), &info->version,
			   sizeof(info->version)))
		return;
	p->guest_stopped = false;
	p->info = *info;
	trace_kvm_pvclock_update(v->vcpu.id, info);
}

/* The clock as @v's TSC tells it. True: all vCPUs' TSCs tell the same. */
bool kvmclock_line(struct x86_vcpu *v, struct kvmclock_line *line)
{
	struct clock_base b = read_base(&to_x86_vm(v->vcpu.kvm)->clock);
	u32 khz = v->tsc.khz;

	if (!b.master)
		kvmclock_host_moment(&b.tsc, &b.ns, NULL);
	/* Not scaled: the guest's ticks are the host's, whatever it was told. */
	if (!x86_caps.tsc_scaling || v->tsc.ratio == 1ULL << x86_caps.tsc_frac_bits)
		khz = tsc_khz;
	line->tsc = tsc_read_guest(v, b.tsc);
	line->ns = b.ns + b.offset;
	time_scale(khz, &line->shift, &line->mul);
	return b.master;
}

int kvmclock_update(struct x86_vcpu *v)
{
	struct pvclock_vcpu_time_info info = {};
	struct kvmclock_line line;

	if (unlikely(v->hyperv.on)) {
		hyperv_update_clock(v);
		hyperv_recheck_timers(v);
	}
	if (!v->pvclock.enabled)
		return 0;
	info.flags = kvmclock_line(v, &line) ? PVCLOCK_TSC_STABLE_BIT : 0;
	info.tsc_timestamp = line.tsc;
	info.system_time = line.ns;
	info.tsc_shift = line.shift;
	info.tsc_to_system_mul = line.mul;
	publish(v, &info);
	return 0;
}

/* The guest names its page (KVM_MSR_ENABLED in bit 0), or takes it back. */
int kvmclock_set_msr(struct x86_vcpu *v, u64 value, bool old_msr, bool host)
{
	struct x86_pvclock *p = &v->pvclock;
	gpa_t gpa = value & ~1ULL;

	/* 4-byte aligned, and an address the guest can have */
	if ((value & 1) && ((gpa & 3) || gpa & v->cpuid.reserved_gpa_bits))
		return 1;
	p->msr = value;
	p->enabled = value & 1;
	if (!p->enabled)
		return 0;
	/* Where there is no memory now there may be later: the map is checked at each use. */
	if (kvm_gmap_init(v->vcpu.kvm, &p->map, gpa, sizeof(p->info)))
		p->enabled = host;
	kvm_request(&v->vcpu, X86_REQ_MASTERCLOCK);
	kvm_request(&v->vcpu, X86_REQ_CLOCK);
	return 0;
}

void kvmclock_stop(struct x86_vcpu *v)
{
	v->pvclock.enabled = false;
	v->pvclock.guest_stopped = false;
	v->pvclock.msr = 0;
}

int kvmclock_guest_stopped(struct x86_vcpu *v)
{
	if (!v->pvclock.enabled)
		return -EINVAL;
	v->pvclock.guest_stopped = true;
	kvm_request(&v->vcpu, X86_REQ_CLOCK);
	return 0;
}

/*
 * Publishes the wall-clock time at which the paravirtual clock was zero. Memory
 * that cannot be written is the guest's loss.
 */
int kvmclock_set_wall(struct kvm *kvm, u64 gpa)
{
	struct pvclock_wall_clock wc;
	u32 version;
	u64 wall, rest;

	WRITE_ONCE(to_x86_vm(kvm)->clock.wall_clock_gpa, gpa);
	if (!gpa || kvm_read_guest(kvm, 0, gpa, &version, sizeof(version)))
		return 0;
	wall = ktime_get_real_ns() - kvmclock_now(kvm);
	wc.version = version | 1;
	if (kvm_write_guest(kvm, 0, gpa, &wc.version, sizeof(wc.version)))
		return 0;
	smp_wmb();	/* odd version before the data */
	wc.sec = div64_u64_rem(wall, NSEC_PER_SEC, &rest);
	wc.nsec = rest;
	if (kvm_write_guest(kvm, 0, gpa, &wc, sizeof(wc)))
		return 0;
	smp_wmb();	/* data before the even version */
	wc.version++;
	kvm_write_guest(kvm, 0, gpa, &wc.version, sizeof(wc.version));
	return 0;
}

/* --- KVM_GET_CLOCK, KVM_SET_CLOCK ---------------------------------------- */

#define CLOCK_FLAGS	(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

int kvmclock_get(struct kvm *kvm, struct kvm_clock_data *d)
{
	struct clock_base b = read_base(&to_x86_vm(kvm)->clock);
	u64 tsc, ns, real;
	bool exact = kvmclock_host_moment(&tsc, &ns, &real);

	memset(d, 0, sizeof(*d));
	if (!b.master || !exact) {
		d->clock = ns + b.offset;
		return 0;
	}
	d->clock = master_at(&b, tsc);
	d->flags = CLOCK_FLAGS;
	d->realtime = real;
	d->host_tsc = tsc;
	return 0;
}

int kvmclock_set(struct kvm *kvm, const struct kvm_clock_data *d)
{
	struct x86_clock_vm *c = &to_x86_vm(kvm)->clock;
	u64 clock = d->clock, tsc, ns, real;
	unsigned long flags;

	if (d->flags & ~CLOCK_FLAGS)
		return -EINVAL;
	raw_spin_lock_irqsave(&c->tsc_lock, flags);
	switch_master(kvm);	/* so that what KVM_GET_CLOCK says next is exact if it can be */
	kvmclock_host_moment(&tsc, &ns, &real);
	/* The time between saving and now, never less than none */
	if ((d->flags & KVM_CLOCK_REALTIME) && real > d->realtime)
		clock += real - d->realtime;
	write_seqcount_begin(&c->seq);
	c->clock_offset = clock - ns;
	c->master_ns = ns;
	c->master_tsc = tsc;
	write_seqcount_end(&c->seq);
	raw_spin_unlock_irqrestore(&c->tsc_lock, flags);
	kvm_request_all(kvm, X86_REQ_CLOCK);
	return 0;
}
