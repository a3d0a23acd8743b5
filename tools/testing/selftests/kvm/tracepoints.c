// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints that perf, trace-cmd and scripts know: their fields, and that
 * a small guest's doings are told rightly.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "hyperv.h"

#define TRACING	"/sys/kernel/tracing/"
#define LEAF	0x40000077u
#define MSR_NONE	0x77777777u
#define TEXT_SIZE	(4 << 20)

static void need_tracefs(void)
{
	if (access(TRACING "trace", R_OK | W_OK))
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	if (access(TRACING "events", R_OK))
		SKIP("no tracefs");
	if (access(TRACING "events/kvm/kvm_entry", R_OK))
		MUST(!"events/kvm is there");
}

static void put(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC);
	MUST(fd >= 0);
	MUST(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static char *slurp(const char *file)
{
	static char *text;	/* not in the program, which is loaded as guest code */
	size_t size = 0;
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_RDONLY);
	MUST(fd >= 0);
	if (!text)
		text = malloc(TEXT_SIZE);
	MUST(text);
	while ((n = read(fd, text + size, TEXT_SIZE - 1 - size)) > 0)
		size += n;
	close(fd);
	text[size] = 0;
	return text;
}

static void begin(const char *const *events)
{
	char file[96];

	put("tracing_on", "0");
	put("events/enable", "0");
	put("trace", "\n");
	for (; *events; events++) {
		snprintf(file, sizeof(file), "events/kvm/%s/enable", *events);
		put(file, "1");
	}
	put("tracing_on", "1");
}

static char *end(void)
{
	put("tracing_on", "0");
	put("events/enable", "0");
	return slurp("trace");
}

/* The first line of it, behind @from, that has all of the words */
static char *find(char *from, const char *event, const char *words)
{
	char *at = from, *stop, *found = NULL;

	while (!found && (at = strstr(at, event))) {
		stop = strchr(at, '\n');
		if (!stop)
			break;
		*stop = 0;
		if (strstr(at, words))
			found = at;
		*stop = '\n';
		at = stop;
	}
	return found;
}

static char *expect(char *from, const char *event, const char *words)
{
	char *at = find(from, event, words);

	if (!CHECK(at, "%s %s", event, words)) {
		note("%.2000s", from);
		return from;
	}
	return at;
}

/* What programs read by name. The compiler that made the kernel chose the offsets. */
static const struct {
	const char *event, *fields[9];
} formats[] = {
	{ "kvm_entry", { "unsigned int vcpu_id", "unsigned long rip" } },
	{ "kvm_exit", { "unsigned int exit_reason", "unsigned long guest_rip", "u32 isa",
			"u64 info1", "u64 info2", "u32 intr_info", "u32 error_code",
			"unsigned int vcpu_id" } },
	{ "kvm_pio", { "unsigned int rw", "unsigned int port", "unsigned int size",
		       "unsigned int count", "unsigned int val" } },
	{ "kvm_mmio", { "u32 type", "u32 len", "u64 gpa", "u64 val" } },
	{ "kvm_cpuid", { "unsigned int function", "unsigned int index", "unsigned long rax",
			 "bool found", "bool used_max_basic" } },
	{ "kvm_msr", { "write", "u32 ecx", "u64 data", "u8 exception" } },
	{ "kvm_cr", { "unsigned int rw", "unsigned int cr", "unsigned long val" } },
	{ "kvm_hypercall", { "unsigned long nr", "unsigned long a0", "unsigned long a3" } },
	{ "kvm_page_fault", { "unsigned int vcpu_id", "unsigned long guest_rip",
			      "u64 fault_address", "u64 error_code" } },
	{ "kvm_inj_virq", { "unsigned int vector", "bool soft", "bool reinjected" } },
	{ "kvm_inj_exception", { "u8 exception", "u8 has_error", "u32 error_code" } },
	{ "kvm_apic", { "unsigned int rw", "unsigned int reg", "u64 val" } },
	{ "kvm_apic_ipi", { "__u32 icr_low", "__u32 dest_id" } },
	{ "kvm_apic_accept_irq", { "__u32 apicid", "__u16 dm", "__u16 tm", "__u8 vec" } },
	{ "kvm_eoi", { "__u32 apicid", "int vector" } },
	{ "kvm_pv_eoi", { "__u32 apicid", "int vector" } },
	{ "kvm_pic_set_irq", { "__u8 chip", "__u8 pin", "__u8 elcr", "__u8 imr",
			       "bool coalesced" } },
	{ "kvm_ioapic_set_irq", { "__u64 e", "int pin", "bool coalesced" } },
	{ "kvm_msi_set_irq", { "__u64 address", "__u64 data" } },
	{ "kvm_set_irq", { "unsigned int gsi", "int level", "int irq_source_id" } },
	{ "kvm_ack_irq", { "unsigned int irqchip", "unsigned int pin" } },
	{ "kvm_userspace_exit", { "__u32 reason", "int errno" } },
	{ "kvm_vcpu_wakeup", { "__u64 ns", "bool waited", "bool valid" } },
	{ "kvm_halt_poll_ns", { "bool grow", "unsigned int vcpu_id", "unsigned int new",
				"unsigned int old" } },
	{ "kvm_emulate_insn", { "__u64 rip", "__u32 csbase", "__u8 len", "__u8 insn[15]",
				"__u8 flags", "__u8 failed" } },
	{ "kvm_write_tsc_offset", { "unsigned int vcpu_id", "__u64 previous_tsc_offset",
				    "__u64 next_tsc_offset" } },
	{ "kvm_update_master_clock", { "bool use_master_clock", "unsigned int host_clock" } },
	{ "kvm_pvclock_update", { "unsigned int vcpu_id", "__u32 version",
				  "__u64 tsc_timestamp", "__u64 system_time" } },
	{ "kvm_smm_transition", { "unsigned int vcpu_id", "u64 smbase", "bool entering" } },
	{ "kvm_unmap_hva_range", { "unsigned long start", "unsigned long end" } },
	{ "kvm_age_hva", { "unsigned long start", "unsigned long end" } },
	{ "kvm_dirty_ring_push", { "int index", "u32 dirty_index", "u32 slot", "u64 offset" } },
	{ "kvm_async_pf_not_present", { "__u64 token", "__u64 gva" } },
	{ "kvm_try_async_get_page", { "__u64 gva", "u64 gfn" } },
	{ "kvm_hv_hypercall", { "__u16 code", "__u16 rep_cnt", "__u64 ingpa", "bool fast" } },
	{ "kvm_fast_mmio", { "u64 gpa" } },
	{ "kvm_hv_send_ipi", { "u32 vector", "u64 processor_mask" } },
	{ "kvm_hv_send_ipi_ex", { "u32 vector", "u64 format", "u64 valid_bank_mask" } },
	{ "kvm_hv_flush_tlb", { "u64 processor_mask", "u64 address_space", "u64 flags" } },
	{ "kvm_hv_flush_tlb_ex", { "u64 valid_bank_mask", "u64 format", "u64 address_space",
				   "u64 flags" } },
	{ "kvm_hv_notify_acked_sint", { "int vcpu_id", "u32 sint" } },
	{ "kvm_hv_synic_set_msr", { "int vcpu_id", "u32 msr", "u64 data", "bool host" } },
	{ "kvm_hv_synic_set_irq", { "int vcpu_id", "u32 sint", "int vector", "int ret" } },
	{ "kvm_hv_synic_send_eoi", { "int vcpu_id", "u32 sint", "int vector", "int ret" } },
	{ "kvm_hv_stimer_callback", { "int vcpu_id", "int timer_index" } },
	{ "kvm_hv_stimer_cleanup", { "int vcpu_id", "int timer_index" } },
	{ "kvm_hv_stimer_expiration", { "int vcpu_id", "int timer_index", "int direct",
					"int msg_send_result" } },
	{ "kvm_hv_stimer_set_config", { "int vcpu_id", "int timer_index", "u64 config",
					"bool host" } },
	{ "kvm_hv_stimer_set_count", { "int vcpu_id", "int timer_index", "u64 count",
				       "bool host" } },
	{ "kvm_hv_stimer_start_one_shot", { "int vcpu_id", "int timer_index", "u64 time_now",
					    "u64 count" } },
	{ "kvm_hv_stimer_start_periodic", { "int vcpu_id", "int timer_index", "u64 time_now",
					    "u64 exp_time" } },
	{ "kvm_hv_syndbg_get_msr", { "int vcpu_id", "u32 vp_index", "u32 msr", "u64 data" } },
	{ "kvm_hv_syndbg_set_msr", { "int vcpu_id", "u32 vp_index", "u32 msr", "u64 data" } },
	{ "kvm_fpu", { "u32 load" } },
	{ "vcpu_match_mmio", { "gva_t gva", "gpa_t gpa", "bool write", "bool gpa_match" } },
};

static void fields(void)
{
	char file[96], field[96], *text;

	need_tracefs();
	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++) {
		snprintf(file, sizeof(file), "events/kvm/%s/format", formats[i].event);
		text = slurp(file);
		for (const char *const *f = formats[i].fields; *f; f++) {
			snprintf(field, sizeof(field), "%s;\toffset:", *f);
			CHECK(strstr(text, field), "%s: %s", formats[i].event, *f);
		}
	}
}

static bool amd;

static void busy(void)
{
	u32 a, b, c, d;

	asm volatile("outb %b0, %w1" :: "a"(0x5a), "d"(0x123));
	asm volatile("inw %w1, %w0" : "=a"(a) : "d"(0x124));
	__cpuid_count(LEAF, 3, a, b, c, d);
	*(volatile u32 *)(HOLE_GPA + 0x10) = 0x11223344;
	a = *(volatile u16 *)(HOLE_GPA + 0x20);
	GEQ(a, 0xbeef);
	asm volatile("wrmsr" :: "c"(0x174), "a"(0x1234), "d"(0));
	asm volatile("rdmsr" : "=a"(a), "=d"(d) : "c"(0x1b));
	if (amd)
		asm volatile(".byte 0x0f, 0x01, 0xd9" :
			     "=a"(a) : "a"(77), "b"(1), "c"(2), "d"(3), "S"(4) : "memory");
	else
		asm volatile(".byte 0x0f, 0x01, 0xc1" :
			     "=a"(a) : "a"(77), "b"(1), "c"(2), "d"(3), "S"(4) : "memory");
	guest_done();
}

/* Answers the guest's accesses; to its end */
static void serve(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct ucall uc;

	for (;;) {
		MUST(!run_once(vcpu));
		if (is_ucall(vcpu, &uc)) {
			MUST(uc.cmd == UCALL_DONE);
			return;
		}
		if (run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_IN)
			*(u16 *)io_data(vcpu) = 0x7788;
		else if (run->exit_reason == KVM_EXIT_MMIO && !run->mmio.is_write)
			*(u16 *)run->mmio.data = 0xbeef;
		else if (run->exit_reason != KVM_EXIT_IO && run->exit_reason != KVM_EXIT_MMIO)
			MUST(!"another exit");
	}
}

static void guest_is_told(void)
{
	static const char *const events[] = { "kvm_entry", "kvm_exit", "kvm_pio", "kvm_mmio",
		"kvm_cpuid", "kvm_msr", "kvm_hypercall", "kvm_userspace_exit", NULL };
	char *text, *at, word[64];
	struct vcpu *vcpu;
	struct vm *vm;

	need_tracefs();
	vm = vm_new_irqchip();
	vcpu = quick_long(vm, busy);
	AT(vm, amd) = on_amd();
	begin(events);
	serve(vcpu);
	text = end();

	at = expect(text, "kvm_entry:", "vcpu 0, rip 0x");
	/* 0x7b and 30: the vendors' codes of port exits */
	at = expect(at, "kvm_exit:", on_amd() ? "vcpu 0 reason io" :
		    "vcpu 0 reason IO_INSTRUCTION");
	at = expect(at, "kvm_pio:", "pio_write at 0x123 size 1 count 1 val 0x5a");
	at = expect(at, "kvm_userspace_exit:", "reason KVM_EXIT_IO (2)");
	at = expect(at, "kvm_pio:", "pio_read at 0x124 size 2 count 1 val 0x7788");
	at = expect(at, "kvm_exit:", on_amd() ? "reason cpuid" : "reason CPUID");
	snprintf(word, sizeof(word), "func %x idx 3 rax", LEAF);
	at = expect(at, "kvm_cpuid:", word);
	at = expect(at, "kvm_mmio:", "mmio write len 4 gpa 0xd0000010 val 0x11223344");
	at = expect(at, "kvm_userspace_exit:", "reason KVM_EXIT_MMIO (6)");
	at = expect(at, "kvm_mmio:",
		    "mmio unsatisfied-read len 2 gpa 0xd0000020 val 0x0");
	at = expect(at, "kvm_mmio:", "mmio read len 2 gpa 0xd0000020 val 0xbeef");
	at = expect(at, "kvm_msr:", "msr_read 1b = 0xfee00900");
	at = expect(at, "kvm_hypercall:", "nr 0x4d a0 0x1 a1 0x2 a2 0x3 a3 0x4");
	vm_free(vm);
}

#define VECTOR	0x51

static void interrupted(void)
{
	guest_vector[VECTOR] = guest_eoi_handler;
	guest_warm();
	pics_off();
	apic_enable();
	apic_write(APIC_ICR2, 0);
	apic_write(APIC_ICR, 0x4000 | VECTOR);
	guest_wait(guest_vector_count[VECTOR]);
	guest_done();
}

static void interrupts_are_told(void)
{
	static const char *const events[] = { "kvm_apic", "kvm_apic_ipi", "kvm_apic_accept_irq",
		"kvm_inj_virq", "kvm_eoi", "kvm_set_irq", "kvm_ioapic_set_irq",
		"kvm_pic_set_irq", NULL };
	struct vcpu *vcpu;
	struct vm *vm;
	char *text, *at;

	need_tracefs();
	if (hardware_delivers())
		SKIP("hardware delivers what is to be told");
	vm = vm_new_irqchip();
	vcpu = quick_long(vm, interrupted);
	begin(events);
	OK(irq_line(vm, 5, 1));
	OK(irq_line(vm, 5, 0));
	run_to_done(vcpu);
	text = end();

	at = expect(text, "kvm_set_irq:", "gsi 5 level 1 source 0");
	expect(at, "kvm_pic_set_irq:", "chip 0 pin 5 (edge");
	expect(at, "kvm_ioapic_set_irq:", "pin 5 dst 0 vec 0");
	at = expect(at, "kvm_set_irq:", "gsi 5 level 0 source 0");
	at = expect(at, "kvm_apic:", "apic_write APIC_ICR = 0x4051");
	at = expect(at, "kvm_apic_ipi:",
		    "dst 0 vec 81 (Fixed|physical|assert|edge|dst)");
	at = expect(at, "kvm_apic_accept_irq:", "apicid 0 vec 81 (Fixed|edge)");
	at = expect(at, "kvm_inj_virq:", "IRQ 0x51");
	expect(at, "kvm_eoi:", "apicid 0 vector 81");
	vm_free(vm);
}

static void no_such_msr(void)
{
	u64 value;

	GEQ(guest_try_rdmsr(MSR_NONE, &value) != 0, 1);
	guest_done();
}

static void exceptions_are_told(void)
{
	static const char *const events[] = { "kvm_inj_exception", "kvm_msr", NULL };
	struct vcpu *vcpu;
	struct vm *vm;
	char *text;

	need_tracefs();
	vm = vm_new();
	vcpu = quick_long(vm, no_such_msr);
	begin(events);
	run_to_done(vcpu);
	text = end();
	expect(text, "kvm_msr:", "msr_read 77777777 = 0x0 (#GP)");
	expect(text, "kvm_inj_exception:", "#GP (");
	vm_free(vm);
}

/* The first tells what is there: it is emulated. */
static void store(void)
{
	*(volatile u32 *)(HOLE_GPA + 0x40) = 7;
	*(volatile u32 *)(HOLE_GPA + 0x40) = 8;
	guest_done();
}

/* On AMD the stock modules know none. */
static void fast_mmio_is_told(void)
{
	static const char *const events[] = { "kvm_fast_mmio", "kvm_userspace_exit", NULL };
	struct kvm_ioeventfd io = { .addr = HOLE_GPA + 0x40 };
	struct vcpu *vcpu;
	struct vm *vm;
	u64 count = 0;
	char *text;

	need_tracefs();
	vm = vm_new_irqchip();
	vcpu = quick_long(vm, store);
	io.fd = eventfd(0, EFD_NONBLOCK);
	OK(ioctl(vm->fd, KVM_IOEVENTFD, &io));
	begin(events);
	run_to_done(vcpu);
	text = end();
	EQ(read(io.fd, &count, 8), 8);
	EQ(count, 2);
	CHECK(!find(text, "kvm_userspace_exit:", "MMIO"));
	/* A write that shadow paging meets is emulated. */
	if (nested_paging())
		expect(text, "kvm_fast_mmio:", "fast mmio at gpa 0xd0000040");
	vm_free(vm);
	close(io.fd);
}

static void odd(void)
{
	asm volatile("paddd (%0), %%xmm0" : : "r"(HOLE_GPA) : "memory");
	guest_done();
}

static void failure_is_told(void)
{
	static const char *const events[] = { "kvm_emulate_insn", NULL };
	struct vcpu *vcpu;
	struct vm *vm;
	char *text;

	need_tracefs();
	vm = vm_new_irqchip();
	vcpu = quick_long(vm, odd);
	begin(events);
	MUST(!run_once(vcpu));
	text = end();
	EQ(vcpu->run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	/* PADDD with the register that the compiler took */
	expect(text, "kvm_emulate_insn:", "66 0f fe");
	expect(text, "kvm_emulate_insn:", "(prot64) failed");
	vm_free(vm);
}

#define TIMER_VECTOR	0x61

static void await_timer(void)
{
	guest_vector[TIMER_VECTOR] = guest_eoi_handler;
	guest_warm();
	pics_off();
	apic_enable();
	guest_wrmsr(STIMER_COUNT(1), 1);
	guest_wait(guest_vector_count[TIMER_VECTOR]);
	guest_done();
}

/* A timer of the guest's, and its source, which user space has set */
static void hyperv_is_told(void)
{
	static const char *const events[] = { "kvm_hv_synic_set_msr", "kvm_hv_synic_set_irq",
		"kvm_hv_synic_send_eoi", "kvm_hv_notify_acked_sint", "kvm_hv_stimer_set_config",
		"kvm_hv_stimer_set_count", "kvm_hv_stimer_expiration", NULL };
	struct vcpu *vcpu;
	struct vm *vm;
	char *text, *at;

	need_tracefs();
	vm = vm_new_irqchip();
	vcpu = hv_vcpu(vm, 0, await_timer);
	OK(vcpu_cap(vcpu, KVM_CAP_HYPERV_SYNIC2, 0));
	begin(events);
	EQ(msr_set(vcpu, SCONTROL, 1), 1);
	EQ(msr_set(vcpu, SIMP, (SCRATCH_GPA + 0x10000) | 1), 1);
	EQ(msr_set(vcpu, SINT(2), TIMER_VECTOR), 1);
	EQ(msr_set(vcpu, STIMER_CONFIG(1), 2 << 16 | 1), 1);
	run_to_done(vcpu);
	text = end();
	at = expect(text, "kvm_hv_synic_set_msr:",
		    "vcpu_id 0 msr 0x40000092 data 0x61 host 1");
	at = expect(at, "kvm_hv_stimer_set_config:",
		    "vcpu_id 0 timer 1 config 0x20001 host 1");
	at = expect(at, "kvm_hv_stimer_set_count:", "vcpu_id 0 timer 1 count 1 host 0");
	at = expect(at, "kvm_hv_synic_set_irq:", "vcpu_id 0 sint 2 vector 97 ret 1");
	expect(at, "kvm_hv_stimer_expiration:",
	       "vcpu_id 0 timer 1 direct 0 send result 0");
	at = expect(at, "kvm_hv_synic_send_eoi:", "vcpu_id 0 vector 97");
	expect(at, "kvm_hv_notify_acked_sint:", "vcpu_id 0 sint 2");
	vm_free(vm);
}

/* Switched off, nothing is told and nothing is left. */
static void off_again(void)
{
	static const char *const all[] = { "kvm_entry", "kvm_exit", NULL };
	struct vcpu *vcpu;
	struct vm *vm;
	char *text;

	need_tracefs();
	vm = vm_new_irqchip();
	vcpu = quick_long(vm, busy);
	AT(vm, amd) = on_amd();
	begin(all);
	put("events/enable", "0");
	serve(vcpu);
	text = end();
	CHECK(!find(text, "kvm_", ""));
	vm_free(vm);
}

/* Each event of the system is on at once while guests come and go. */
static void all_on(void)
{
	struct vm *vm;
	char *text;

	need_tracefs();
	put("tracing_on", "0");
	put("trace", "\n");
	put("events/kvm/enable", "1");
	put("tracing_on", "1");
	for (int i = 0; i < 3; i++) {
		struct vcpu *vcpu;

		vm = vm_new_irqchip();
		vcpu = quick_long(vm, i ? busy : interrupted);
		AT(vm, amd) = on_amd();
		serve(vcpu);
		vm_free(vm);
	}
	put("events/kvm/enable", "0");
	text = end();
	expect(text, "kvm_write_tsc_offset:", "vcpu=0 prev=0 next=");
	expect(text, "kvm_fpu:", "load");
	expect(text, "kvm_page_fault:", "vcpu 0 rip 0x");
	expect(text, "kvm_unmap_hva_range:", "mmu notifier unmap range: 0x");
}

static const struct test tests[] = {
	TEST(fields),
	TEST(guest_is_told),
	TEST(interrupts_are_told),
	TEST(exceptions_are_told),
	TEST(fast_mmio_is_told),
	TEST(failure_is_told),
	TEST(hyperv_is_told),
	TEST(off_again),
	TEST(all_on),
};

TEST_MAIN(tests)
