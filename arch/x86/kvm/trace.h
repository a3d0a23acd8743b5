/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of x86. Names, fields and texts are those that perf, trace-cmd and
 * people's scripts know of the stock modules; what they cost when off is one nop.
 * Events of our own belong in a system of their own.
 */
#if !defined(KVM_X86_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_X86_TRACE_H

#include <linux/clocksource.h>
#include <linux/tracepoint.h>
#include <asm/pvclock-abi.h>
#include <asm/svm.h>
#include <asm/vmx.h>

#include "x86.h"

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

/* kvm_exit.isa */
#define TRACE_ISA_VMX	1
#define TRACE_ISA_SVM	2

#define TRACE_DELIVERY_MODES						\
	{ 0, "Fixed" }, { 1, "LowPrio" }, { 2, "SMI" }, { 3, "Res3" },	\
	{ 4, "NMI" }, { 5, "INIT" }, { 6, "SIPI" }, { 7, "ExtINT" }

#define TRACE_APIC_REG(nr, name)	{ nr, "APIC_" name }
#define TRACE_APIC_REGS							\
	TRACE_APIC_REG(0x20, "ID"), TRACE_APIC_REG(0x30, "LVR"),	\
	TRACE_APIC_REG(0x80, "TASKPRI"), TRACE_APIC_REG(0x90, "ARBPRI"),	\
	TRACE_APIC_REG(0xa0, "PROCPRI"), TRACE_APIC_REG(0xb0, "EOI"),	\
	TRACE_APIC_REG(0xc0, "RRR"), TRACE_APIC_REG(0xd0, "LDR"),	\
	TRACE_APIC_REG(0xe0, "DFR"), TRACE_APIC_REG(0xf0, "SPIV"),	\
	TRACE_APIC_REG(0x100, "ISR"), TRACE_APIC_REG(0x180, "TMR"),	\
	TRACE_APIC_REG(0x200, "IRR"), TRACE_APIC_REG(0x280, "ESR"),	\
	TRACE_APIC_REG(0x300, "ICR"), TRACE_APIC_REG(0x310, "ICR2"),	\
	TRACE_APIC_REG(0x320, "LVTT"), TRACE_APIC_REG(0x330, "LVTTHMR"),	\
	TRACE_APIC_REG(0x340, "LVTPC"), TRACE_APIC_REG(0x350, "LVT0"),	\
	TRACE_APIC_REG(0x360, "LVT1"), TRACE_APIC_REG(0x370, "LVTERR"),	\
	TRACE_APIC_REG(0x380, "TMICT"), TRACE_APIC_REG(0x390, "TMCCT"),	\
	TRACE_APIC_REG(0x3e0, "TDCR"), TRACE_APIC_REG(0x3f0, "SELF_IPI"),	\
	TRACE_APIC_REG(0x400, "EFEAT"), TRACE_APIC_REG(0x410, "ECTRL")

#define TRACE_EXCEPTIONS						\
	{ 0, "#DE" }, { 1, "#DB" }, { 3, "#BP" }, { 4, "#OF" }, { 5, "#BR" }, { 6, "#UD" },	\
	{ 7, "#NM" }, { 8, "#DF" }, { 10, "#TS" }, { 11, "#NP" }, { 12, "#SS" },	\
	{ 13, "#GP" }, { 14, "#PF" }, { 16, "#MF" }, { 17, "#AC" }, { 18, "#MC" }

#define TRACE_CLOCKS	\
	{ VDSO_CLOCKMODE_NONE, "none" }, { VDSO_CLOCKMODE_TSC, "tsc" }

TRACE_EVENT(kvm_entry,
	TP_PROTO(struct x86_vcpu *v),
	TP_ARGS(v),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned long, rip)
		__field(bool, immediate_exit)
	),
	TP_fast_assign(
		__entry->vcpu_id = v->vcpu.id;
		__entry->rip = x86_rip(v);
		__entry->immediate_exit = false;
	),
	TP_printk("vcpu %u, rip 0x%lx%s", __entry->vcpu_id, __entry->rip,
		  __entry->immediate_exit ? "[immediate exit]" : "")
);

/* Right after it, what hardware tells: the backend is asked only when somebody listens. */
TRACE_EVENT(kvm_exit,
	TP_PROTO(struct x86_vcpu *v),
	TP_ARGS(v),
	TP_STRUCT__entry(
		__field(unsigned int, exit_reason)
		__field(unsigned long, guest_rip)
		__field(u32, isa)
		__field(u64, info1)
		__field(u64, info2)
		__field(u32, intr_info)
		__field(u32, error_code)
		__field(unsigned int, vcpu_id)
	),
	TP_fast_assign(
		struct x86_exit_info info;

		x86_op(exit_info)(v, &info);
		__entry->exit_reason = v->exit.hw_code;
		__entry->guest_rip = x86_rip(v);
		__entry->isa = info.vmx ? TRACE_ISA_VMX : TRACE_ISA_SVM;
		__entry->info1 = info.info1;
		__entry->info2 = info.info2;
		__entry->intr_info = info.event;
		__entry->error_code = info.event_error;
		__entry->vcpu_id = v->vcpu.id;
	),
	TP_printk("vcpu %u reason %s%s%s rip 0x%lx info1 0x%016llx info2 0x%016llx "
		  "intr_info 0x%08x error_code 0x%08x",
		  __entry->vcpu_id,
		  __entry->isa == TRACE_ISA_VMX ?
		  __print_symbolic(__entry->exit_reason & 0xffff, VMX_EXIT_REASONS) :
		  __print_symbolic(__entry->exit_reason, SVM_EXIT_REASONS),
		  __entry->isa == TRACE_ISA_VMX && __entry->exit_reason & ~0xffff ? " " : "",
		  __entry->isa == TRACE_ISA_VMX ?
		  __print_flags(__entry->exit_reason & ~0xffff, " ", VMX_EXIT_REASON_FLAGS) : "",
		  __entry->guest_rip, __entry->info1, __entry->info2, __entry->intr_info,
		  __entry->error_code)
);

TRACE_EVENT(kvm_hypercall,
	TP_PROTO(unsigned long nr, unsigned long a0, unsigned long a1, unsigned long a2,
		 unsigned long a3),
	TP_ARGS(nr, a0, a1, a2, a3),
	TP_STRUCT__entry(
		__field(unsigned long, nr)
		__field(unsigned long, a0)
		__field(unsigned long, a1)
		__field(unsigned long, a2)
		__field(unsigned long, a3)
	),
	TP_fast_assign(
		__entry->nr = nr;
		__entry->a0 = a0;
		__entry->a1 = a1;
		__entry->a2 = a2;
		__entry->a3 = a3;
	),
	TP_printk("nr 0x%lx a0 0x%lx a1 0x%lx a2 0x%lx a3 0x%lx",
		  __entry->nr, __entry->a0, __entry->a1, __entry->a2, __entry->a3)
);

/* kvm_pio.rw */
#define TRACE_PIO_IN	0
#define TRACE_PIO_OUT	1

/* The first element stands for all. */
TRACE_EVENT(kvm_pio,
	TP_PROTO(unsigned int rw, unsigned int port, unsigned int size, unsigned int count,
		 const void *data),
	TP_ARGS(rw, port, size, count, data),
	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, port)
		__field(unsigned int, size)
		__field(unsigned int, count)
		__field(unsigned int, val)
	),
	TP_fast_assign(
		__entry->rw = rw;
		__entry->port = port;
		__entry->size = size;
		__entry->count = count;
		__entry->val = 0;
		memcpy(&__entry->val, data, min(size, 4u));
	),
	TP_printk("pio_%s at 0x%x size %d count %d val 0x%x %s",
		  __entry->rw ? "write" : "read", __entry->port, __entry->size,
		  __entry->count, __entry->val, __entry->count > 1 ? "(...)" : "")
);

TRACE_EVENT(kvm_fast_mmio,
	TP_PROTO(u64 gpa),
	TP_ARGS(gpa),
	TP_STRUCT__entry(
		__field(u64, gpa)
	),
	TP_fast_assign(
		__entry->gpa = gpa;
	),
	TP_printk("fast mmio at gpa 0x%llx", __entry->gpa)
);

/* kvm_mmio.type */
#define TRACE_MMIO_ASKED	0
#define TRACE_MMIO_READ		1
#define TRACE_MMIO_WRITE	2

TRACE_EVENT(kvm_mmio,
	TP_PROTO(u32 type, u32 len, u64 gpa, const void *data),
	TP_ARGS(type, len, gpa, data),
	TP_STRUCT__entry(
		__field(u32, type)
		__field(u32, len)
		__field(u64, gpa)
		__field(u64, val)
	),
	TP_fast_assign(
		__entry->type = type;
		__entry->len = len;
		__entry->gpa = gpa;
		__entry->val = 0;
		if (data)
			memcpy(&__entry->val, data, min(len, 8u));
	),
	TP_printk("mmio %s len %u gpa 0x%llx val 0x%llx",
		  __print_symbolic(__entry->type, { 0, "unsatisfied-read" }, { 1, "read" },
				   { 2, "write" }),
		  __entry->len, __entry->gpa, __entry->val)
);

TRACE_EVENT(vcpu_match_mmio,
	TP_PROTO(gva_t gva, gpa_t gpa, bool write, bool gpa_match),
	TP_ARGS(gva, gpa, write, gpa_match),
	TP_STRUCT__entry(
		__field(gva_t, gva)
		__field(gpa_t, gpa)
		__field(bool, write)
		__field(bool, gpa_match)
	),
	TP_fast_assign(
		__entry->gva = gva;
		__entry->gpa = gpa;
		__entry->write = write;
		__entry->gpa_match = gpa_match;
	),
	TP_printk("gva %#lx gpa %#llx %s %s", __entry->gva, __entry->gpa,
		  __entry->write ? "Write" : "Read", __entry->gpa_match ? "GPA" : "GVA")
);

TRACE_EVENT(kvm_cpuid,
	TP_PROTO(unsigned int function, unsigned int index, unsigned long rax,
		 unsigned long rbx, unsigned long rcx, unsigned long rdx, bool found,
		 bool used_max_basic),
	TP_ARGS(function, index, rax, rbx, rcx, rdx, found, used_max_basic),
	TP_STRUCT__entry(
		__field(unsigned int, function)
		__field(unsigned int, index)
		__field(unsigned long, rax)
		__field(unsigned long, rbx)
		__field(unsigned long, rcx)
		__field(unsigned long, rdx)
		__field(bool, found)
		__field(bool, used_max_basic)
	),
	TP_fast_assign(
		__entry->function = function;
		__entry->index = index;
		__entry->rax = rax;
		__entry->rbx = rbx;
		__entry->rcx = rcx;
		__entry->rdx = rdx;
		__entry->found = found;
		__entry->used_max_basic = used_max_basic;
	),
	TP_printk("func %x idx %x rax %lx rbx %lx rcx %lx rdx %lx, cpuid entry %s%s",
		  __entry->function, __entry->index, __entry->rax, __entry->rbx, __entry->rcx,
		  __entry->rdx, __entry->found ? "found" : "not found",
		  __entry->used_max_basic ? ", used max basic" : "")
);

TRACE_EVENT(kvm_msr,
	TP_PROTO(unsigned int write, u32 ecx, u64 data, bool exception),
	TP_ARGS(write, ecx, data, exception),
	TP_STRUCT__entry(
		__field(unsigned, write)
		__field(u32, ecx)
		__field(u64, data)
		__field(u8, exception)
	),
	TP_fast_assign(
		__entry->write = write;
		__entry->ecx = ecx;
		__entry->data = data;
		__entry->exception = exception;
	),
	TP_printk("msr_%s %x = 0x%llx%s", __entry->write ? "write" : "read", __entry->ecx,
		  __entry->data, __entry->exception ? " (#GP)" : "")
);

TRACE_EVENT(kvm_cr,
	TP_PROTO(unsigned int rw, unsigned int cr, unsigned long val),
	TP_ARGS(rw, cr, val),
	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, cr)
		__field(unsigned long, val)
	),
	TP_fast_assign(
		__entry->rw = rw;
		__entry->cr = cr;
		__entry->val = val;
	),
	TP_printk("cr_%s %x = 0x%lx", __entry->rw ? "write" : "read", __entry->cr,
		  __entry->val)
);

TRACE_EVENT(kvm_page_fault,
	TP_PROTO(struct x86_vcpu *v, u64 fault_address, u64 error_code),
	TP_ARGS(v, fault_address, error_code),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(unsigned long, guest_rip)
		__field(u64, fault_address)
		__field(u64, error_code)
	),
	TP_fast_assign(
		__entry->vcpu_id = v->vcpu.id;
		__entry->guest_rip = x86_rip(v);
		__entry->fault_address = fault_address;
		__entry->error_code = error_code;
	),
	TP_printk("vcpu %u rip 0x%lx address 0x%016llx error_code 0x%llx", __entry->vcpu_id,
		  __entry->guest_rip, __entry->fault_address, __entry->error_code)
);

TRACE_EVENT(kvm_inj_virq,
	TP_PROTO(unsigned int vector, bool soft, bool reinjected),
	TP_ARGS(vector, soft, reinjected),
	TP_STRUCT__entry(
		__field(unsigned int, vector)
		__field(bool, soft)
		__field(bool, reinjected)
	),
	TP_fast_assign(
		__entry->vector = vector;
		__entry->soft = soft;
		__entry->reinjected = reinjected;
	),
	TP_printk("%s 0x%x%s", __entry->soft ? "Soft/INTn" : "IRQ", __entry->vector,
		  __entry->reinjected ? " [reinjected]" : "")
);

TRACE_EVENT(kvm_inj_exception,
	TP_PROTO(u8 exception, bool has_error, u32 error_code, bool reinjected),
	TP_ARGS(exception, has_error, error_code, reinjected),
	TP_STRUCT__entry(
		__field(u8, exception)
		__field(u8, has_error)
		__field(u32, error_code)
		__field(bool, reinjected)
	),
	TP_fast_assign(
		__entry->exception = exception;
		__entry->has_error = has_error;
		__entry->error_code = error_code;
		__entry->reinjected = reinjected;
	),
	TP_printk("%s%s%s%s%s", __print_symbolic(__entry->exception, TRACE_EXCEPTIONS),
		  !__entry->has_error ? "" : " (",
		  !__entry->has_error ? "" : __print_symbolic(__entry->error_code, { }),
		  !__entry->has_error ? "" : ")", __entry->reinjected ? " [reinjected]" : "")
);

TRACE_EVENT(kvm_emulate_insn,
	TP_PROTO(struct x86_vcpu *v, u8 failed),
	TP_ARGS(v, failed),
	TP_STRUCT__entry(
		__field(__u64, rip)
		__field(__u32, csbase)
		__field(__u8, len)
		__array(__u8, insn, 15)
		__field(__u8, flags)
		__field(__u8, failed)
	),
	TP_fast_assign(
		struct x86_trace_insn i;

		x86_trace_insn(v, &i, failed);
		__entry->rip = i.rip;
		__entry->csbase = i.csbase;
		__entry->len = i.len;
		memcpy(__entry->insn, i.bytes, 15);
		__entry->flags = i.mode;
		__entry->failed = failed;
	),
	TP_printk("%x:%llx:%s (%s)%s", __entry->csbase, __entry->rip,
		  __print_hex(__entry->insn, __entry->len),
		  __print_symbolic(__entry->flags, { 0, "real" }, { 1 | 2, "vm16" },
				   { 1, "prot16" }, { 1 | 4, "prot32" }, { 1 | 8, "prot64" }),
		  __entry->failed ? " failed" : "")
);

TRACE_EVENT(kvm_smm_transition,
	TP_PROTO(unsigned int vcpu_id, u64 smbase, bool entering),
	TP_ARGS(vcpu_id, smbase, entering),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(u64, smbase)
		__field(bool, entering)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->smbase = smbase;
		__entry->entering = entering;
	),
	TP_printk("vcpu %u: %s SMM, smbase 0x%llx", __entry->vcpu_id,
		  __entry->entering ? "entering" : "leaving", __entry->smbase)
);

TRACE_EVENT(kvm_fpu,
	TP_PROTO(u32 load),
	TP_ARGS(load),
	TP_STRUCT__entry(
		__field(u32, load)
	),
	TP_fast_assign(
		__entry->load = load;
	),
	TP_printk("%s", __print_symbolic(__entry->load, { 0, "unload" }, { 1, "load" }))
);

/* --- interrupts ------------------------------------------------------------ */

TRACE_EVENT(kvm_apic,
	TP_PROTO(unsigned int rw, unsigned int reg, u64 val),
	TP_ARGS(rw, reg, val),
	TP_STRUCT__entry(
		__field(unsigned int, rw)
		__field(unsigned int, reg)
		__field(u64, val)
	),
	TP_fast_assign(
		__entry->rw = rw;
		__entry->reg = reg;
		__entry->val = val;
	),
	TP_printk("apic_%s %s = 0x%llx", __entry->rw ? "write" : "read",
		  __print_symbolic(__entry->reg, TRACE_APIC_REGS), __entry->val)
);

TRACE_EVENT(kvm_apic_ipi,
	TP_PROTO(__u32 icr_low, __u32 dest_id),
	TP_ARGS(icr_low, dest_id),
	TP_STRUCT__entry(
		__field(__u32, icr_low)
		__field(__u32, dest_id)
	),
	TP_fast_assign(
		__entry->icr_low = icr_low;
		__entry->dest_id = dest_id;
	),
	TP_printk("dst %x vec %u (%s|%s|%s|%s|%s)", __entry->dest_id, (u8)__entry->icr_low,
		  __print_symbolic(__entry->icr_low >> 8 & 7, TRACE_DELIVERY_MODES),
		  __entry->icr_low & (1 << 11) ? "logical" : "physical",
		  __entry->icr_low & (1 << 14) ? "assert" : "de-assert",
		  __entry->icr_low & (1 << 15) ? "level" : "edge",
		  __print_symbolic(__entry->icr_low >> 18 & 3, { 0, "dst" }, { 1, "self" },
				   { 2, "all" }, { 3, "all-but-self" }))
);

/* @dm: as in the ICR, bits 10:8 */
TRACE_EVENT(kvm_apic_accept_irq,
	TP_PROTO(__u32 apicid, __u16 dm, __u16 tm, __u8 vec),
	TP_ARGS(apicid, dm, tm, vec),
	TP_STRUCT__entry(
		__field(__u32, apicid)
		__field(__u16, dm)
		__field(__u16, tm)
		__field(__u8, vec)
	),
	TP_fast_assign(
		__entry->apicid = apicid;
		__entry->dm = dm;
		__entry->tm = tm;
		__entry->vec = vec;
	),
	TP_printk("apicid %x vec %u (%s|%s)", __entry->apicid, __entry->vec,
		  __print_symbolic(__entry->dm >> 8 & 7, TRACE_DELIVERY_MODES),
		  __entry->tm ? "level" : "edge")
);

DECLARE_EVENT_CLASS(kvm_apic_vector,
	TP_PROTO(__u32 apicid, int vector),
	TP_ARGS(apicid, vector),
	TP_STRUCT__entry(
		__field(__u32, apicid)
		__field(int, vector)
	),
	TP_fast_assign(
		__entry->apicid = apicid;
		__entry->vector = vector;
	),
	TP_printk("apicid %x vector %d", __entry->apicid, __entry->vector)
);

DEFINE_EVENT(kvm_apic_vector, kvm_eoi,
	TP_PROTO(__u32 apicid, int vector), TP_ARGS(apicid, vector));
DEFINE_EVENT(kvm_apic_vector, kvm_pv_eoi,
	TP_PROTO(__u32 apicid, int vector), TP_ARGS(apicid, vector));

TRACE_EVENT(kvm_ioapic_set_irq,
	TP_PROTO(__u64 e, int pin, bool coalesced),
	TP_ARGS(e, pin, coalesced),
	TP_STRUCT__entry(
		__field(__u64, e)
		__field(int, pin)
		__field(bool, coalesced)
	),
	TP_fast_assign(
		__entry->e = e;
		__entry->pin = pin;
		__entry->coalesced = coalesced;
	),
	TP_printk("pin %u dst %x vec %u (%s|%s|%s%s)%s", __entry->pin, (u8)(__entry->e >> 56),
		  (u8)__entry->e, __print_symbolic(__entry->e >> 8 & 7, TRACE_DELIVERY_MODES),
		  __entry->e & (1 << 11) ? "logical" : "physical",
		  __entry->e & (1 << 15) ? "level" : "edge",
		  __entry->e & (1 << 16) ? "|masked" : "",
		  __entry->coalesced ? " (coalesced)" : "")
);

TRACE_EVENT(kvm_msi_set_irq,
	TP_PROTO(__u64 address, __u64 data),
	TP_ARGS(address, data),
	TP_STRUCT__entry(
		__field(__u64, address)
		__field(__u64, data)
	),
	TP_fast_assign(
		__entry->address = address;
		__entry->data = data;
	),
	TP_printk("dst %llx vec %u (%s|%s|%s%s)",
		  (u8)(__entry->address >> 12) | (__entry->address >> 32 & 0xffffff00),
		  (u8)__entry->data, __print_symbolic(__entry->data >> 8 & 7,
						      TRACE_DELIVERY_MODES),
		  __entry->address & (1 << 2) ? "logical" : "physical",
		  __entry->data & (1 << 15) ? "level" : "edge",
		  __entry->address & (1 << 3) ? "|rh" : "")
);

TRACE_EVENT(kvm_pic_set_irq,
	TP_PROTO(__u8 chip, __u8 pin, __u8 elcr, __u8 imr, bool coalesced),
	TP_ARGS(chip, pin, elcr, imr, coalesced),
	TP_STRUCT__entry(
		__field(__u8, chip)
		__field(__u8, pin)
		__field(__u8, elcr)
		__field(__u8, imr)
		__field(bool, coalesced)
	),
	TP_fast_assign(
		__entry->chip = chip;
		__entry->pin = pin;
		__entry->elcr = elcr;
		__entry->imr = imr;
		__entry->coalesced = coalesced;
	),
	TP_printk("chip %u pin %u (%s%s)%s", __entry->chip, __entry->pin,
		  __entry->elcr & (1 << __entry->pin) ? "level" : "edge",
		  __entry->imr & (1 << __entry->pin) ? "|masked" : "",
		  __entry->coalesced ? " (coalesced)" : "")
);

/* --- time ------------------------------------------------------------------ */

TRACE_EVENT(kvm_write_tsc_offset,
	TP_PROTO(unsigned int vcpu_id, __u64 previous_tsc_offset, __u64 next_tsc_offset),
	TP_ARGS(vcpu_id, previous_tsc_offset, next_tsc_offset),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(__u64, previous_tsc_offset)
		__field(__u64, next_tsc_offset)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->previous_tsc_offset = previous_tsc_offset;
		__entry->next_tsc_offset = next_tsc_offset;
	),
	TP_printk("vcpu=%u prev=%llu next=%llu", __entry->vcpu_id,
		  __entry->previous_tsc_offset, __entry->next_tsc_offset)
);

TRACE_EVENT(kvm_update_master_clock,
	TP_PROTO(bool use_master_clock, unsigned int host_clock, bool offset_matched),
	TP_ARGS(use_master_clock, host_clock, offset_matched),
	TP_STRUCT__entry(
		__field(bool, use_master_clock)
		__field(unsigned int, host_clock)
		__field(bool, offset_matched)
	),
	TP_fast_assign(
		__entry->use_master_clock = use_master_clock;
		__entry->host_clock = host_clock;
		__entry->offset_matched = offset_matched;
	),
	TP_printk("masterclock %d hostclock %s offsetmatched %u", __entry->use_master_clock,
		  __print_symbolic(__entry->host_clock, TRACE_CLOCKS),
		  __entry->offset_matched)
);

TRACE_EVENT(kvm_pvclock_update,
	TP_PROTO(unsigned int vcpu_id, const struct pvclock_vcpu_time_info *pvclock),
	TP_ARGS(vcpu_id, pvclock),
	TP_STRUCT__entry(
		__field(unsigned int, vcpu_id)
		__field(__u32, version)
		__field(__u64, tsc_timestamp)
		__field(__u64, system_time)
		__field(__u32, tsc_to_system_mul)
		__field(__s8, tsc_shift)
		__field(__u8, flags)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
		__entry->version = pvclock->version;
		__entry->tsc_timestamp = pvclock->tsc_timestamp;
		__entry->system_time = pvclock->system_time;
		__entry->tsc_to_system_mul = pvclock->tsc_to_system_mul;
		__entry->tsc_shift = pvclock->tsc_shift;
		__entry->flags = pvclock->flags;
	),
	TP_printk("vcpu_id %u, pvclock { version %u, tsc_timestamp 0x%llx, "
		  "system_time 0x%llx, tsc_to_system_mul 0x%x, tsc_shift %d, flags 0x%x }",
		  __entry->vcpu_id, __entry->version, __entry->tsc_timestamp,
		  __entry->system_time, __entry->tsc_to_system_mul, __entry->tsc_shift,
		  __entry->flags)
);

/* --- asynchronous page faults ---------------------------------------------- */

DECLARE_EVENT_CLASS(kvm_async_token,
	TP_PROTO(__u64 token, __u64 gva),
	TP_ARGS(token, gva),
	TP_STRUCT__entry(
		__field(__u64, token)
		__field(__u64, gva)
	),
	TP_fast_assign(
		__entry->token = token;
		__entry->gva = gva;
	),
	TP_printk("token %#llx gva %#llx", __entry->token, __entry->gva)
);

DEFINE_EVENT(kvm_async_token, kvm_async_pf_not_present,
	TP_PROTO(__u64 token, __u64 gva), TP_ARGS(token, gva));
DEFINE_EVENT(kvm_async_token, kvm_async_pf_ready,
	TP_PROTO(__u64 token, __u64 gva), TP_ARGS(token, gva));

TRACE_EVENT(kvm_try_async_get_page,
	TP_PROTO(u64 gva, u64 gfn),
	TP_ARGS(gva, gfn),
	TP_STRUCT__entry(
		__field(__u64, gva)
		__field(u64, gfn)
	),
	TP_fast_assign(
		__entry->gva = gva;
		__entry->gfn = gfn;
	),
	TP_printk("gva = %#llx, gfn = %#llx", __entry->gva, __entry->gfn)
);

TRACE_EVENT(kvm_async_pf_completed,
	TP_PROTO(unsigned long address, u64 gva),
	TP_ARGS(address, gva),
	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(u64, gva)
	),
	TP_fast_assign(
		__entry->address = address;
		__entry->gva = gva;
	),
	TP_printk("gva %#llx address %#lx", __entry->gva, __entry->address)
);

/* --- Hyper-V --------------------------------------------------------------- */

TRACE_EVENT(kvm_hv_hypercall,
	TP_PROTO(__u16 code, bool fast, __u16 var_cnt, __u16 rep_cnt, __u16 rep_idx,
		 __u64 ingpa, __u64 outgpa),
	TP_ARGS(code, fast, var_cnt, rep_cnt, rep_idx, ingpa, outgpa),
	TP_STRUCT__entry(
		__field(__u16, rep_cnt)
		__field(__u16, rep_idx)
		__field(__u64, ingpa)
		__field(__u64, outgpa)
		__field(__u16, code)
		__field(__u16, var_cnt)
		__field(bool, fast)
	),
	TP_fast_assign(
		__entry->rep_cnt = rep_cnt;
		__entry->rep_idx = rep_idx;
		__entry->ingpa = ingpa;
		__entry->outgpa = outgpa;
		__entry->code = code;
		__entry->var_cnt = var_cnt;
		__entry->fast = fast;
	),
	TP_printk("code 0x%x %s var_cnt 0x%x rep_cnt 0x%x idx 0x%x in 0x%llx out 0x%llx",
		  __entry->code, __entry->fast ? "fast" : "slow", __entry->var_cnt,
		  __entry->rep_cnt, __entry->rep_idx, __entry->ingpa, __entry->outgpa)
);

TRACE_EVENT(kvm_hv_hypercall_done,
	TP_PROTO(__u64 result),
	TP_ARGS(result),
	TP_STRUCT__entry(
		__field(__u64, result)
	),
	TP_fast_assign(
		__entry->result = result;
	),
	TP_printk("result 0x%llx", __entry->result)
);

#endif

/* Found by -I, as each header of this folder. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
