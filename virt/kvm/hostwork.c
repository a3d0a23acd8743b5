// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel wants done before a thread runs a guest.
 *
 * The kernel's hook for this, xfer_to_guest_mode_handle_work(), reschedules and
 * does task work, rseq and cgroup throttling, none of which modules can reach
 * otherwise. Built into the kernel, it knows the struct kvm_vcpu of the KVM that
 * was built with it, and when a signal is pending it tells that vCPU: it stores
 * through its run pointer and counts in its stat. Ours is laid out otherwise. So
 * it gets a stand-in, larger than any struct kvm_vcpu, in which every word is a
 * pointer to a page for nothing; whatever it counts or stores stays in there.
 */
#include <linux/entry-kvm.h>
#include <linux/init.h>
#include <linux/kvm/vcpu.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#define STAND_IN_WORDS	(SZ_64K / sizeof(unsigned long))

static unsigned long stand_in[STAND_IN_WORDS];
static u8 nowhere[PAGE_SIZE] __aligned(PAGE_SIZE);

void kvm_hostwork_module_init(void)
{
	unsigned int i;

	for (i = 0; i < STAND_IN_WORDS; i++)
		stand_in[i] = (unsigned long)nowhere;
}

/**
 * kvm_host_work() - do what is pending before the guest runs again
 *
 * Context: process, IRQs on, no locks. Sleeps.
 * Return: 0, or -EINTR when a signal is pending.
 */
int kvm_host_work(void)
{
	if (signal_pending(current))
		return -EINTR;
	return xfer_to_guest_mode_handle_work((struct kvm_vcpu *)stand_in) ? -EINTR : 0;
}
