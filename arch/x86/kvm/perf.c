// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples of the host's perf that are of a guest: the interrupt or the NMI that takes
 * one ended a guest's run, and its handler sees no more of that than the host's
 * registers.
 */
#include <linux/perf_event.h>
#include <linux/preempt.h>

#include "core.h"

/*
 * The vCPU that runs where an event's handler asks, or NULL. An NMI on top of the
 * interrupt is the host's, and so are interrupts on top of what that left to do.
 */
static struct x86_vcpu *interrupted(unsigned long *ip)
{
	struct kvm_vcpu *vcpu = kvm_running_vcpu();
	struct x86_vcpu *v;

	if (!vcpu)
		return NULL;
	v = to_x86(vcpu);
	if (in_nmi())
		return x86_op(host_nmi)(v, ip) ? v : NULL;
	if (!READ_ONCE(v->host_irq) || !in_hardirq() || in_serving_softirq())
		return NULL;
	*ip = x86_rip(v);
	return v;
}

static unsigned int guest_state(void)
{
	unsigned long ip;
	struct x86_vcpu *v = interrupted(&ip);

	if (!v)
		return 0;
	return PERF_GUEST_ACTIVE | (x86_op(get_cpl)(v) ? PERF_GUEST_USER : 0);
}

static unsigned long guest_ip(void)
{
	unsigned long ip;

	return interrupted(&ip) ? ip : 0;
}

static struct perf_guest_info_callbacks callbacks = {
	.state = guest_state,
	.get_ip = guest_ip,
};

void x86_perf_start(void)
{
	perf_register_guest_info_callbacks(&callbacks);
}

void x86_perf_stop(void)
{
	perf_unregister_guest_info_callbacks(&callbacks);
}
