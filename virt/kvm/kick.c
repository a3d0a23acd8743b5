// SPDX-License-Identifier: GPL-2.0-only
/*
 * Getting a vCPU's attention, and vCPUs that wait.
 *
 * Kicks and entries meet like this (each side writes, then reads the other's):
 *
 *	run loop, IRQs off		kick
 *	mode = KVM_IN_GUEST		set a request bit
 *	smp_mb()			smp_mb()
 *	requests pending? don't enter	mode != KVM_OUTSIDE_GUEST? send an IPI
 *
 * so either the loop sees the request or the kicker sees the mode. The IPI
 * can't come too early: IRQs stay off from the mode change to the entry.
 */
#include <linux/cpumask.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/smp.h>
#include "virt.h"
#include "virt_trace.h"

static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "longest time to poll before a halted vCPU sleeps");

static unsigned int halt_poll_ns_grow = 2;
module_param(halt_poll_ns_grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow, "factor by which the poll time grows, 0: not at all");

static unsigned int halt_poll_ns_grow_start = 10000;
module_param(halt_poll_ns_grow_start, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "poll time to begin with");

static unsigned int halt_poll_ns_shrink;
module_param(halt_poll_ns_shrink, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_shrink, "divisor by which the poll time shrinks, 0: to nothing");

/* Scratch for interrupt_vcpus(): used with preemption off. */
static DEFINE_PER_CPU(cpumask_var_t, ipi_mask);

bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu)
{
	/* rcuwait_wake_up() begins with smp_mb(): orders the request before it. */
	if (!rcuwait_wake_up(&vcpu->wait))
		return false;
	vcpu->stat.halt_wakeup++;
	return true;
}

void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
	int me, cpu;

	if (kvm_vcpu_wake_up(vcpu))
		return;
	me = get_cpu();
	/* One IPI is enough for all who kick before the vCPU is out. */
	if (cmpxchg(&vcpu->mode, KVM_IN_GUEST, KVM_EXITING_GUEST) == KVM_IN_GUEST) {
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu != me && cpu >= 0 && cpu_online(cpu))
			smp_send_reschedule(cpu);
	}
	put_cpu();
}

static void nothing(void *unused)
{
}

/*
 * Interrupt the host CPUs whose vCPU @wanted picks, and wait for it. Having
 * run a function there means that the CPU had left the guest and enabled IRQs.
 * Also KVM_EXITING_GUEST: whoever sent that IPI did not wait for its arrival.
 */
static void interrupt_vcpus(struct kvm *kvm, bool (*wanted)(struct kvm_vcpu *vcpu))
{
	struct cpumask *mask;
	struct kvm_vcpu *vcpu;
	unsigned int i;
	bool any = false;
	int cpu;

	preempt_disable();
	mask = this_cpu_cpumask_var_ptr(ipi_mask);
	cpumask_clear(mask);
	kvm_for_each_vcpu(i, vcpu, kvm) {
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu < 0 || cpu == smp_processor_id() || !wanted(vcpu))
			continue;
		__cpumask_set_cpu(cpu, mask);
		any = true;
	}
	if (any)
		smp_call_function_many(mask, nothing, NULL, true);
	preempt_enable();
}

static bool maybe_in_guest(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->mode) != KVM_OUTSIDE_GUEST;
}

static bool is_loaded(struct kvm_vcpu *vcpu)
{
	return true;
}

void kvm_request_all(struct kvm *kvm, unsigned int req)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		kvm_request(vcpu, req);
	smp_mb();	/* requests before modes, see the top */
	interrupt_vcpus(kvm, maybe_in_guest);
}

static bool maybe_unaware(struct kvm_vcpu *vcpu)
{
	return kvm_requests_pending(vcpu) && maybe_in_guest(vcpu);
}

void kvm_await_requests(struct kvm *kvm)
{
	smp_mb();	/* requests before modes, see the top */
	interrupt_vcpus(kvm, maybe_unaware);
}

void kvm_flush_remote_tlbs(struct kvm *kvm)
{
	kvm->stat.mmu_flushes++;
	kvm_request_all(kvm, KVM_REQ_TLB_FLUSH);
}

void kvm_wait_irqs_off_readers(struct kvm *kvm)
{
	/*
	 * A vCPU not loaded now sees what the caller wrote before: between
	 * being loaded and its first exit lies the run loop's smp_mb().
	 */
	smp_mb();
	interrupt_vcpus(kvm, is_loaded);
}

void kvm_leave_guests(struct kvm *kvm)
{
	smp_mb();
	interrupt_vcpus(kvm, maybe_in_guest);
	smp_mb();
}

/* Something to do, so don't sleep (or poll) any longer. */
static bool wait_is_over(struct kvm_vcpu *vcpu)
{
	if (kvm_take_request(vcpu, KVM_REQ_UNBLOCK))
		return true;
	return kvm_arch_vcpu_runnable(vcpu) || signal_pending(current) ||
	       test_bit(KVM_REQ_VM_DEAD, &vcpu->requests);
}

/* Returns true if it slept. */
static bool sleep_until_woken(struct kvm_vcpu *vcpu)
{
	bool slept = false;

	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (wait_is_over(vcpu))
			break;
		slept = true;
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
	return slept;
}

void kvm_vcpu_block(struct kvm_vcpu *vcpu)
{
	sleep_until_woken(vcpu);
}

static unsigned int poll_limit(struct kvm *kvm)
{
	if (smp_load_acquire(&kvm->override_halt_poll))
		return READ_ONCE(kvm->halt_poll_ns);
	return READ_ONCE(halt_poll_ns);
}

static void grow_poll(struct kvm_vcpu *vcpu, unsigned int limit)
{
	unsigned int old = vcpu->halt_poll_ns;
	unsigned int factor = READ_ONCE(halt_poll_ns_grow);
	u64 ns = max((u64)vcpu->halt_poll_ns * factor,
		     (u64)READ_ONCE(halt_poll_ns_grow_start));

	if (factor)
		vcpu->halt_poll_ns = min_t(u64, ns, limit);
	trace_kvm_halt_poll_ns(true, vcpu->id, vcpu->halt_poll_ns, old);
}

static void shrink_poll(struct kvm_vcpu *vcpu)
{
	unsigned int divisor = READ_ONCE(halt_poll_ns_shrink);
	unsigned int old = vcpu->halt_poll_ns;

	vcpu->halt_poll_ns = divisor ? vcpu->halt_poll_ns / divisor : 0;
	if (vcpu->halt_poll_ns < READ_ONCE(halt_poll_ns_grow_start))
		vcpu->halt_poll_ns = 0;
	trace_kvm_halt_poll_ns(false, vcpu->id, vcpu->halt_poll_ns, old);
}

/* True if something came while polling. */
static bool poll_for_work(struct kvm_vcpu *vcpu, ktime_t start)
{
	ktime_t stop = ktime_add_ns(start, vcpu->halt_poll_ns);
	ktime_t now;

	vcpu->stat.halt_attempted_poll++;
	do {
		now = ktime_get();
		if (wait_is_over(vcpu)) {
			vcpu->stat.halt_successful_poll++;
			vcpu->stat.halt_poll_success_ns += ktime_to_ns(ktime_sub(now, start));
			return true;
		}
		cpu_relax();
	} while (!need_resched() && single_task_running() && ktime_before(now, stop));
	vcpu->stat.halt_poll_fail_ns += ktime_to_ns(ktime_sub(now, start));
	return false;
}

static void trace_wakeup(ktime_t start, bool waited)
{
	if (trace_kvm_vcpu_wakeup_enabled())
		trace_kvm_vcpu_wakeup(ktime_to_ns(ktime_sub(ktime_get(), start)), waited, true);
}

void kvm_vcpu_halt(struct kvm_vcpu *vcpu)
{
	unsigned int limit = poll_limit(vcpu->kvm);
	ktime_t start;
	bool slept;
	u64 waited;

	if (vcpu->halt_poll_ns > limit)
		vcpu->halt_poll_ns = limit;
	if (!limit && !trace_kvm_vcpu_wakeup_enabled()) {
		sleep_until_woken(vcpu);
		return;
	}
	start = ktime_get();
	if (vcpu->halt_poll_ns && poll_for_work(vcpu, start)) {
		trace_wakeup(start, false);
		return;
	}
	slept = sleep_until_woken(vcpu);
	trace_wakeup(start, slept);
	if (!limit)
		return;

	/* Documentation/virt/kvm/halt-polling.rst: would a longer poll have helped? */
	waited = ktime_to_ns(ktime_sub(ktime_get(), start));
	if (!slept || waited <= vcpu->halt_poll_ns)
		return;
	if (waited >= limit)
		shrink_poll(vcpu);
	else if (vcpu->halt_poll_ns < limit)
		grow_poll(vcpu, limit);
}

int kvm_vcpu_yield_to(struct kvm_vcpu *target)
{
	struct task_struct *task = NULL;
	struct pid *pid;
	int ret;

	rcu_read_lock();
	pid = rcu_dereference(target->pid);
	if (pid)
		task = get_pid_task(pid, PIDTYPE_PID);
	rcu_read_unlock();
	if (!task)
		return 0;
	ret = yield_to(task, 1);
	put_task_struct(task);
	return ret;
}

static bool worth_a_boost(struct kvm_vcpu *vcpu, bool in_kernel_mode)
{
	if (!READ_ONCE(vcpu->preempted) || READ_ONCE(vcpu->in_spin_loop))
		return false;
	if (rcuwait_active(&vcpu->wait) && !kvm_arch_vcpu_runnable(vcpu))
		return false;
	/* Only code in the guest's kernel holds the locks others spin for. */
	return !in_kernel_mode || kvm_arch_vcpu_in_kernel(vcpu);
}

void kvm_vcpu_on_spin(struct kvm_vcpu *me, bool in_kernel_mode)
{
	struct kvm *kvm = me->kvm;
	unsigned int n = atomic_read(&kvm->online_vcpus);
	unsigned int from = READ_ONCE(kvm->last_boosted);
	unsigned int i, idx, tries = 3;
	struct kvm_vcpu *vcpu;
	int ret;

	WRITE_ONCE(me->in_spin_loop, true);
	for (i = 1; i <= n && tries; i++) {
		idx = (from + i) % n;
		vcpu = kvm_vcpu_by_index(kvm, idx);
		if (!vcpu || vcpu == me || !worth_a_boost(vcpu, in_kernel_mode))
			continue;
		ret = kvm_vcpu_yield_to(vcpu);
		if (ret > 0) {
			WRITE_ONCE(kvm->last_boosted, idx);
			break;
		}
		if (ret < 0)
			tries--;
	}
	WRITE_ONCE(me->in_spin_loop, false);
}

void kvm_kick_module_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		free_cpumask_var(per_cpu(ipi_mask, cpu));
}

int __init kvm_kick_module_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (!alloc_cpumask_var_node(&per_cpu(ipi_mask, cpu), GFP_KERNEL,
					    cpu_to_node(cpu))) {
			kvm_kick_module_exit();
			return -ENOMEM;
		}
	}
	return 0;
}
