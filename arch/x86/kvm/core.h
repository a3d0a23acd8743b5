/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that kvm.ko exports to backends: what is declared in x86.h, event.h,
 * vendor_ops.h and here, mmu_load_pdptrs() and msr_filter_allows(), in the
 * symbol namespace KVM_BACKEND.
 */
#ifndef KVM_X86_CORE_H
#define KVM_X86_CORE_H

#include <linux/context_tracking.h>
#include <linux/ftrace.h>
#include <linux/instrumentation.h>
#include <linux/irqflags.h>

#include "x86.h"

#define KVM_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, KVM_BACKEND)

/* Host CPU features and MSR values at load, read once. */
struct x86_host {
	u64 efer;
	u64 xcr0;
	u64 xss;
	u8 maxphyaddr;
};
extern struct x86_host x86_host;

/* perf.c: from now on perf knows its samples of guests. */
void x86_perf_start(void);
void x86_perf_stop(void);

/* The guest's XCR0/XSS/PKRU around entry; IRQs off. */
void x86_load_guest_xsave(struct x86_vcpu *v);
void x86_load_host_xsave(struct x86_vcpu *v);

/* To the rest of the kernel a guest is what user mode is: see core-api/entry.rst. */
static __always_inline void x86_leave_host(void)
{
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();
	context_tracking_guest_enter();
	lockdep_hardirqs_on(CALLER_ADDR0);
}

static __always_inline void x86_back_in_host(void)
{
	lockdep_hardirqs_off(CALLER_ADDR0);
	context_tracking_guest_exit();
	instrumentation_begin();
	trace_hardirqs_off_finish();
	instrumentation_end();
}

/* Host values of MSRs that only matter in user mode: written back by a user-return notifier. */
int x86_user_return_msr_add(u32 msr);		/* slot, or -1 if the MSR is absent */
void x86_user_return_msr_set(unsigned int slot, u64 value, u64 mask);

#endif
