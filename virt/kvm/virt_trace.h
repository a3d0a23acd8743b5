/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints that know no architecture: see arch/x86/kvm/trace.h. */
#if !defined(KVM_VIRT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_VIRT_TRACE_H

#include <linux/tracepoint.h>
#include "virt.h"

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#define TRACE_USER_EXIT(nr, name)	{ nr, "KVM_EXIT_" name }
#define TRACE_USER_EXITS						\
	TRACE_USER_EXIT(0, "UNKNOWN"), TRACE_USER_EXIT(1, "EXCEPTION"),	\
	TRACE_USER_EXIT(2, "IO"), TRACE_USER_EXIT(3, "HYPERCALL"),	\
	TRACE_USER_EXIT(4, "DEBUG"), TRACE_USER_EXIT(5, "HLT"),		\
	TRACE_USER_EXIT(6, "MMIO"), TRACE_USER_EXIT(7, "IRQ_WINDOW_OPEN"),	\
	TRACE_USER_EXIT(8, "SHUTDOWN"), TRACE_USER_EXIT(9, "FAIL_ENTRY"),	\
	TRACE_USER_EXIT(10, "INTR"), TRACE_USER_EXIT(11, "SET_TPR"),	\
	TRACE_USER_EXIT(12, "TPR_ACCESS"), TRACE_USER_EXIT(16, "NMI"),	\
	TRACE_USER_EXIT(17, "INTERNAL_ERROR"), TRACE_USER_EXIT(24, "SYSTEM_EVENT"),	\
	TRACE_USER_EXIT(26, "IOAPIC_EOI"), TRACE_USER_EXIT(27, "HYPERV"),	\
	TRACE_USER_EXIT(29, "X86_RDMSR"), TRACE_USER_EXIT(30, "X86_WRMSR"),	\
	TRACE_USER_EXIT(31, "DIRTY_RING_FULL"), TRACE_USER_EXIT(33, "X86_BUS_LOCK"),	\
	TRACE_USER_EXIT(37, "NOTIFY")

TRACE_EVENT(kvm_userspace_exit,
	TP_PROTO(__u32 reason, int errno),
	TP_ARGS(reason, errno),
	TP_STRUCT__entry(
		__field(__u32, reason)
		__field(int, errno)
	),
	TP_fast_assign(
		__entry->reason = reason;
		__entry->errno = errno;
	),
	TP_printk("reason %s (%d)",
		  __entry->errno < 0 ? (__entry->errno == -EINTR ? "restart" : "error") :
		  __print_symbolic(__entry->reason, TRACE_USER_EXITS),
		  __entry->errno < 0 ? -__entry->errno : __entry->reason)
);

TRACE_EVENT(kvm_vcpu_wakeup,
	TP_PROTO(__u64 ns, bool waited, bool valid),
	TP_ARGS(ns, waited, valid),
	TP_STRUCT__entry(
		__field(__u64, ns)
		__field(bool, waited)
		__field(bool, valid)
	),
	TP_fast_assign(
		__entry->ns = ns;
		__entry->waited = waited;
		__entry->valid = valid;
	),
	TP_printk("%s time %lld ns, polling %s", __entry->waited ? "wait" : "poll",
		  __entry->ns, __entry->valid ? "valid" : "invalid")
);

TRACE_EVENT(kvm_halt_poll_ns,
	TP_PROTO(bool grow, unsigned int vcpu_id, unsigned int new, unsigned int old),
	TP_ARGS(grow, vcpu_id, new, old),
	TP_STRUCT__entry(
		__field(bool, grow)
		__field(unsigned int, vcpu_id)
		__field(unsigned int, new)
		__field(unsigned int, old)
	),
	TP_fast_assign(
		__entry->grow = grow;
		__entry->vcpu_id = vcpu_id;
		__entry->new = new;
		__entry->old = old;
	),
	TP_printk("vcpu %u: halt_poll_ns %u (%s %u)", __entry->vcpu_id, __entry->new,
		  __entry->grow ? "grow" : "shrink", __entry->old)
);

TRACE_EVENT(kvm_set_irq,
	TP_PROTO(unsigned int gsi, int level, int irq_source_id),
	TP_ARGS(gsi, level, irq_source_id),
	TP_STRUCT__entry(
		__field(unsigned int, gsi)
		__field(int, level)
		__field(int, irq_source_id)
	),
	TP_fast_assign(
		__entry->gsi = gsi;
		__entry->level = level;
		__entry->irq_source_id = irq_source_id;
	),
	TP_printk("gsi %u level %d source %d", __entry->gsi, __entry->level,
		  __entry->irq_source_id)
);

TRACE_EVENT(kvm_ack_irq,
	TP_PROTO(unsigned int irqchip, unsigned int pin),
	TP_ARGS(irqchip, pin),
	TP_STRUCT__entry(
		__field(unsigned int, irqchip)
		__field(unsigned int, pin)
	),
	TP_fast_assign(
		__entry->irqchip = irqchip;
		__entry->pin = pin;
	),
	TP_printk("irqchip %s pin %u",
		  __print_symbolic(__entry->irqchip, { 0, "PIC master" }, { 1, "PIC slave" },
				   { 2, "IOAPIC" }), __entry->pin)
);

TRACE_EVENT(kvm_unmap_hva_range,
	TP_PROTO(unsigned long start, unsigned long end),
	TP_ARGS(start, end),
	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
	),
	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("mmu notifier unmap range: %#016lx -- %#016lx", __entry->start,
		  __entry->end)
);

TRACE_EVENT(kvm_age_hva,
	TP_PROTO(unsigned long start, unsigned long end),
	TP_ARGS(start, end),
	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
	),
	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("mmu notifier age hva: %#016lx -- %#016lx", __entry->start, __entry->end)
);

TRACE_EVENT(kvm_test_age_hva,
	TP_PROTO(unsigned long hva),
	TP_ARGS(hva),
	TP_STRUCT__entry(
		__field(unsigned long, hva)
	),
	TP_fast_assign(
		__entry->hva = hva;
	),
	TP_printk("mmu notifier test age hva: %#016lx", __entry->hva)
);

TRACE_EVENT(kvm_dirty_ring_push,
	TP_PROTO(int index, u32 dirty_index, u32 reset_index, u32 slot, u64 offset),
	TP_ARGS(index, dirty_index, reset_index, slot, offset),
	TP_STRUCT__entry(
		__field(int, index)
		__field(u32, dirty_index)
		__field(u32, reset_index)
		__field(u32, slot)
		__field(u64, offset)
	),
	TP_fast_assign(
		__entry->index = index;
		__entry->dirty_index = dirty_index;
		__entry->reset_index = reset_index;
		__entry->slot = slot;
		__entry->offset = offset;
	),
	TP_printk("ring %d: dirty 0x%x reset 0x%x slot %u offset 0x%llx (used %u)",
		  __entry->index, __entry->dirty_index, __entry->reset_index, __entry->slot,
		  __entry->offset, __entry->dirty_index - __entry->reset_index)
);

TRACE_EVENT(kvm_dirty_ring_reset,
	TP_PROTO(int index, u32 dirty_index, u32 reset_index),
	TP_ARGS(index, dirty_index, reset_index),
	TP_STRUCT__entry(
		__field(int, index)
		__field(u32, dirty_index)
		__field(u32, reset_index)
	),
	TP_fast_assign(
		__entry->index = index;
		__entry->dirty_index = dirty_index;
		__entry->reset_index = reset_index;
	),
	TP_printk("ring %d: dirty 0x%x reset 0x%x (used %u)", __entry->index,
		  __entry->dirty_index, __entry->reset_index,
		  __entry->dirty_index - __entry->reset_index)
);

TRACE_EVENT(kvm_dirty_ring_exit,
	TP_PROTO(int vcpu_id),
	TP_ARGS(vcpu_id),
	TP_STRUCT__entry(
		__field(int, vcpu_id)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
	),
	TP_printk("vcpu %d", __entry->vcpu_id)
);

#endif

/* Found by -I, as each header of this folder. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE virt_trace
#include <trace/define_trace.h>
