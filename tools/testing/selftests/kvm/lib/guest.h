/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVMTEST_GUEST_H
#define KVMTEST_GUEST_H

#include "tap.h"

/*
 * What 64-bit guest code may use: no C library. It talks to its host by a
 * 4-byte OUT that names a struct ucall in guest memory.
 */
#define UCALL_PORT	0x5c0

enum ucall_cmd {
	UCALL_DONE = 1,
	UCALL_SYNC,		/* arg: whatever the test likes */
	UCALL_FAIL,		/* text, line, and two values */
	UCALL_TRAP,		/* vector, error code, rip, cr2 */
};

struct ucall {
	u64 cmd;
	u64 arg[4];
};

static inline void ucall(u64 cmd, u64 a, u64 b, u64 c, u64 d)
{
	struct ucall uc = { cmd, { a, b, c, d } };

	asm volatile("outl %0, %w1" : : "a"((u32)(u64)&uc), "d"(UCALL_PORT), "m"(uc) : "memory");
}

#define guest_done()		ucall(UCALL_DONE, 0, 0, 0, 0)
#define guest_sync(a)		ucall(UCALL_SYNC, (u64)(a), 0, 0, 0)
#define guest_sync4(a, b, c, d)	ucall(UCALL_SYNC, (u64)(a), (u64)(b), (u64)(c), (u64)(d))

#define GEQ(a, b)							\
	do {								\
		u64 __a = (u64)(a), __b = (u64)(b);			\
		if (__a != __b)						\
			ucall(UCALL_FAIL, (u64)(#a " == " #b), __LINE__, __a, __b); \
	} while (0)
#define GCHECK(cond)							\
	do {								\
		if (!(cond))						\
			ucall(UCALL_FAIL, (u64)#cond, __LINE__, 0, 0);	\
	} while (0)

/* What the entry stubs push; rsp etc. as the CPU left them. */
struct trapframe {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

#define STACK_SIZE	0x10000ul

/* At the low end of each vCPU's stack. */
struct guest_cpu {
	u64 fixup;		/* where an expected fault resumes */
	u64 trap;		/* its vector, or NO_TRAP */
	u64 error;
	u64 cr2;
};

#define NO_TRAP		0x100

static inline struct guest_cpu *this_cpu(void)
{
	u64 sp;

	asm volatile("mov %%rsp, %0" : "=r"(sp));
	return (struct guest_cpu *)(sp & ~(STACK_SIZE - 1));
}

/* Handlers, in the guest's copy of this program; they may change the frame. */
typedef void (*trap_fn)(struct trapframe *frame);
extern trap_fn guest_vector[256];
extern volatile u64 guest_vector_count[256];
void guest_trap(struct trapframe *frame);
extern u8 guest_stubs[];	/* 256, of 16 bytes each */

/*
 * One instruction that may fault: the vector, or NO_TRAP. The operands are
 * the asm's own; %= makes the label unique.
 */
#define GUEST_TRY(insn, outputs, ...)					\
	({								\
		struct guest_cpu *__cpu = this_cpu();			\
		__cpu->trap = NO_TRAP;					\
		asm volatile("leaq 1f(%%rip), %%r11\n\t"		\
			     "movq %%r11, %[fix]\n\t"			\
			     insn "\n1:\tmovq $0, %[fix]"		\
			     : [fix] "=m"(__cpu->fixup) outputs		\
			     : __VA_ARGS__ : "r11", "memory", "cc");	\
		*(volatile u64 *)&__cpu->trap;				\
	})
#define GUEST_OUT(...)	, __VA_ARGS__

static inline u64 guest_rdmsr(u32 index)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(index));
	return lo | (u64)hi << 32;
}

static inline void guest_wrmsr(u32 index, u64 value)
{
	asm volatile("wrmsr" : : "c"(index), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

u64 guest_try_rdmsr(u32 index, u64 *value);
u64 guest_try_wrmsr(u32 index, u64 value);

static inline void guest_cpuid(u32 fn, u32 index, u32 *reg)
{
	asm volatile("cpuid" : "=a"(reg[0]), "=b"(reg[1]), "=c"(reg[2]), "=d"(reg[3])
		     : "a"(fn), "c"(index));
}

#define GUEST_PORT(suffix, type)					\
	static inline type guest_in##suffix(u16 port)			\
	{								\
		type value;						\
		asm volatile("in %w1, %0" : "=a"(value) : "d"(port) : "memory"); \
		return value;						\
	}								\
	static inline void guest_out##suffix(u16 port, type value)	\
	{								\
		asm volatile("out %0, %w1" : : "a"(value), "d"(port) : "memory"); \
	}
GUEST_PORT(b, u8)
GUEST_PORT(w, u16)
GUEST_PORT(l, u32)

#define MMIO(type, addr)	(*(volatile type *)(u64)(addr))

static inline u64 guest_rdtsc(void)
{
	u32 lo, hi;

	asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (u64)hi << 32;
}

static inline u64 guest_flags(void)
{
	u64 flags;

	asm volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
	return flags;
}

#define guest_sti()		asm volatile("sti" : : : "memory")
#define guest_cli()		asm volatile("cli" : : : "memory")
#define guest_halt()		asm volatile("sti; hlt; cli" : : : "memory")
#define guest_pause()		asm volatile("pause" : : : "memory")
/* Busy until then, and with IF set: see irqs_on_for_bochs(). */
#define guest_wait(cond)		\
	do {				\
		guest_sti();		\
		while (!(cond))		\
			guest_pause();	\
		guest_cli();		\
	} while (0)
/* A window in which a pending interrupt is taken. */
#define guest_window()		asm volatile("sti; nop; nop; cli" : : : "memory")

/* Local APIC, by either interface */
#define APIC_BASE	0xfee00000ul
#define APIC_ID		0x20
#define APIC_VERSION	0x30
#define APIC_TPR	0x80
#define APIC_PPR	0xa0
#define APIC_EOI	0xb0
#define APIC_LDR	0xd0
#define APIC_DFR	0xe0
#define APIC_SPIV	0xf0
#define APIC_ISR	0x100
#define APIC_TMR	0x180
#define APIC_IRR	0x200
#define APIC_ESR	0x280
#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define APIC_LVTT	0x320
#define APIC_LVT_LINT0	0x350
#define APIC_LVT_LINT1	0x360
#define APIC_LVTERR	0x370
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0
#define APIC_SELF_IPI	0x3f0

static inline u32 apic_read(u32 reg)
{
	return MMIO(u32, APIC_BASE + reg);
}

static inline void apic_write(u32 reg, u32 value)
{
	MMIO(u32, APIC_BASE + reg) = value;
}

#define IOAPIC_BASE	0xfec00000ul
#define IOAPIC_LEVEL	0x8000u
#define IOAPIC_MASKED	0x10000u
#define REMOTE_IRR	0x4000u

static inline u32 ioapic_read(u32 reg)
{
	MMIO(u32, IOAPIC_BASE) = reg;
	return MMIO(u32, IOAPIC_BASE + 0x10);
}

static inline void ioapic_write(u32 reg, u32 value)
{
	MMIO(u32, IOAPIC_BASE) = reg;
	MMIO(u32, IOAPIC_BASE + 0x10) = value;
}

/* To processor 0 */
static inline void ioapic_pin(u32 pin, u32 low)
{
	ioapic_write(0x11 + 2 * pin, 0);
	ioapic_write(0x10 + 2 * pin, low);
}

#define x2apic_read(reg)	guest_rdmsr(0x800 + (reg) / 16)
#define x2apic_write(reg, v)	guest_wrmsr(0x800 + (reg) / 16, v)

void pics_off(void);
void apic_enable(void);
void x2apic_enable(void);
u32 apic_id(void);
void apic_icr(u32 dest, u32 low);
bool apic_bit(u32 bank, u8 vector);
void guest_eoi_handler(struct trapframe *frame);
void guest_x2apic_eoi_handler(struct trapframe *frame);
void guest_spin(u64 cycles);
void guest_warm(void);
void guest_take_irqs(void);

/* SMP: where processors land that were sent to the trampoline. */
extern void (*volatile ap_entry)(void);
void start_ap(u32 id);

#endif
