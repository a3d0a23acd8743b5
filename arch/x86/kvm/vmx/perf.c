// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that the host's perf counts in guests alone, or in all but them: entry and
 * exit switch IA32_PERF_GLOBAL_CTRL. Other MSRs that perf names (counters that
 * write memory by themselves where the CPU goes on with that in guests) are the
 * guest's from here until the host's code goes on with IRQs on.
 */
#include <linux/perf_event.h>
#include <asm/perf_event.h>

#include "block.h"

static void vmx_perf_global(struct vmx_vcpu *s, u64 host, u64 guest)
{
	bool on = host != guest;

	vmx_control(&s->entry_ctl, VM_ENTRY_CONTROLS, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL, on);
	vmx_control(&s->exit_ctl, VM_EXIT_CONTROLS, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL, on);
	if (!on)
		return;
	if (s->perf_guest != guest) {
		s->perf_guest = guest;
		vmx_write(GUEST_IA32_PERF_GLOBAL_CTRL, guest);
	}
	if (s->perf_host != host) {
		s->perf_host = host;
		vmx_write(HOST_IA32_PERF_GLOBAL_CTRL, host);
	}
}

void vmx_perf_enter(struct vmx_vcpu *s)
{
	const struct perf_guest_switch_msr *msr;
	int i, nr = 0;

	msr = perf_guest_get_msrs(&nr, NULL);
	if (!msr)
		return;
	for (i = 0; i < nr; i++, msr++) {
		if (msr->msr == MSR_CORE_PERF_GLOBAL_CTRL && vmx_hw.perf_global) {
			vmx_perf_global(s, msr->host, msr->guest);
			continue;
		}
		if (msr->host == msr->guest || s->nr_perf == VMX_NR_PERF)
			continue;
		s->perf[s->nr_perf].index = msr->msr;
		s->perf[s->nr_perf++].value = msr->host;
		wrmsrl(msr->msr, msr->guest);
	}
}

void vmx_perf_leave(struct vmx_vcpu *s)
{
	for (; s->nr_perf; s->nr_perf--)
		wrmsrl(s->perf[s->nr_perf - 1].index, s->perf[s->nr_perf - 1].value);
}

/* On some a VM exit may clear bits 34:32 (specification updates: AAK155, AAP115, BC86, ...) */
static bool vmx_perf_global_works(void)
{
	static const u8 bad[] = { 0x1a, 0x1e, 0x1f, 0x25, 0x2c, 0x2e, 0x2f };

	return boot_cpu_data.x86 != 6 || !memchr(bad, boot_cpu_data.x86_model, sizeof(bad));
}

/* @entry, @exit: controls that the CPU has */
void vmx_perf_probe(u32 entry, u32 exit)
{
	struct x86_pmu_capability cap = {};

	if (!boot_cpu_has(X86_FEATURE_HYBRID_CPU))
		perf_get_x86_pmu_capability(&cap);
	/* Both kinds of cores of a hybrid processor have this, too. */
	vmx_hw.perf = cap.version || boot_cpu_has(X86_FEATURE_HYBRID_CPU);
	vmx_hw.perf_global = (entry & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL) &&
			     (exit & VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL) &&
			     vmx_perf_global_works();
}
