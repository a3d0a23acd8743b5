// SPDX-License-Identifier: GPL-2.0-only
/* The guest's side: traps, and the local APIC. Runs in guests only. */
#include "guest.h"

trap_fn guest_vector[256];
volatile u64 guest_vector_count[256];

/* From the stubs. A fault that nobody expected goes to the host, for good. */
/*
 * QEMU's VMRUN forgets the interrupt shadow that the guest was left with, so an
 * interrupt may come between STI and its HLT, which would then never end. The
 * test interrupt_shadow, with its own handler, is the one that minds.
 */
static void leave_halt(struct trapframe *frame)
{
	const u8 *code = (const u8 *)frame->rip;

	if (frame->vector >= 32 && code[0] == 0xf4 && code[-1] == 0xfb)
		frame->rip++;
}

void guest_trap(struct trapframe *frame)
{
	struct guest_cpu *cpu = this_cpu();
	u64 cr2;

	guest_vector_count[frame->vector & 255]++;
	if (guest_vector[frame->vector & 255]) {
		guest_vector[frame->vector & 255](frame);
		leave_halt(frame);
		return;
	}
	asm volatile("mov %%cr2, %0" : "=r"(cr2));
	if (cpu->fixup) {
		cpu->trap = frame->vector;
		cpu->error = frame->error;
		cpu->cr2 = cr2;
		frame->rip = cpu->fixup;
		return;
	}
	for (;;)
		ucall(UCALL_TRAP, frame->vector, frame->error, frame->rip, cr2);
}

u64 guest_try_rdmsr(u32 index, u64 *value)
{
	u32 lo = 0, hi = 0;
	u64 trap;

	trap = GUEST_TRY("rdmsr", GUEST_OUT("+a"(lo), "+d"(hi)), "c"(index));
	*value = lo | (u64)hi << 32;
	return trap;
}

u64 guest_try_wrmsr(u32 index, u64 value)
{
	return GUEST_TRY("wrmsr", , "c"(index), "a"((u32)value), "d"((u32)(value >> 32)));
}

void pics_off(void)
{
	guest_outb(0x21, 0xff);
	guest_outb(0xa1, 0xff);
}

void apic_enable(void)
{
	apic_write(APIC_SPIV, 0x1ff);
}

void x2apic_enable(void)
{
	guest_wrmsr(0x1b, guest_rdmsr(0x1b) | 0xc00);
	x2apic_write(APIC_SPIV, 0x1ff);
}

u32 apic_id(void)
{
	return apic_read(APIC_ID) >> 24;
}

void apic_icr(u32 dest, u32 low)
{
	apic_write(APIC_ICR2, dest << 24);
	apic_write(APIC_ICR, low);
}

bool apic_bit(u32 bank, u8 vector)
{
	return apic_read(bank + vector / 32 * 16) >> (vector % 32) & 1;
}

void guest_eoi_handler(struct trapframe *frame)
{
	(void)frame;
	apic_write(APIC_EOI, 0);
}

void guest_x2apic_eoi_handler(struct trapframe *frame)
{
	(void)frame;
	x2apic_write(APIC_EOI, 0);
}

void guest_spin(u64 cycles)
{
	u64 end = guest_rdtsc() + cycles;

	while (guest_rdtsc() < end)
		guest_pause();
}

static void warm_handler(struct trapframe *frame)
{
	(void)frame;
}

/*
 * Touches all that the delivery of an interrupt needs, so that no nested page
 * fault hits one: some emulated hosts lose the guest's RIP then.
 */
void guest_warm(void)
{
	extern u8 __executable_start[], _end[];
	volatile u8 *p;

	for (p = __executable_start; p < _end; p += 4096)
		(void)*p;
	for (u64 page = 0x10000; page < 0x13000; page += 4096)
		(void)MMIO(u8, page);
	guest_vector_count[0] = guest_vector_count[0];
	guest_vector[0x1f] = warm_handler;
	asm volatile("int $0x1f" : : : "memory");
	guest_vector_count[0x1f] = 0;
}

/* All that comes to this processor is counted, and ended. */
void guest_take_irqs(void)
{
	for (int i = 32; i < 256; i++)
		guest_vector[i] = guest_eoi_handler;
	guest_warm();
	pics_off();
	apic_enable();
}

void (*volatile ap_entry)(void);

/* INIT, then SIPI to the page of the trampoline (SDM 3A 8.4.4.1). */
void start_ap(u32 id)
{
	apic_icr(id, 0x4500);
	guest_spin(100000);
	apic_icr(id, 0x4608);
}
