// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against the CPU where user code can't go: real mode and ring 0
 * of 16-, 32- and 64-bit code. Each snippet runs twice from the same state,
 * behind UD2 and "kvm" by the CPU and from that prefix on by the emulator
 * (kvm.force_emulation_prefix); then all registers and all memory are compared.
 *
 * The code page and the handlers of all exceptions are full of HLT, so that
 * wherever a snippet leads to, it ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define PARAM		"/sys/module/kvm/parameters/force_emulation_prefix"
#define LOW		0x10000u	/* what is set up and compared */
#define CODE		0x8000u
#define PREFIX		5u
#define DATA		0x9000u
#define TABLES		0xa000u		/* GDT, TSS, LDT */
#define TSS		0xa200u
#define LDT		0xa800u
#define IDT		0xb000u
#define HANDLERS	0xc000u		/* 4 bytes each */
#define STACK		0x7000u
#define HLT		0xf4

enum mode { REAL, PROT16, PROT32, LONG64 };

#define M_REAL	1
#define M_16	2
#define M_32	4
#define M_64	8
#define M_PROT	(M_16 | M_32 | M_64)
#define M_OLD	(M_REAL | M_16 | M_32)
#define M_ALL	15

/* What of a snippet's state is not just any */
#define MEMORY	1	/* operand at [RBX]: 67 in 16-bit code */
#define SELS	2	/* AX and memory: selectors */
#define POINTER	4	/* at [RBX] and the stack: offset and selector */
#define TABLE	8	/* at [RBX]: limit and base */
#define NO_TCG	16	/* QEMU's TCG is no model of that */
#define NULL_TCG 32	/* nor of a null selector there */

struct snippet {
	const char *name;
	u8 modes, flags, len;
	u8 code[8];
	u32 eax;
};

#define S(nm, m, fl, ...) \
	{ nm, m, fl, sizeof((u8[]){ __VA_ARGS__ }), { __VA_ARGS__ }, 0 }
#define SA(nm, m, fl, a, ...) \
	{ nm, m, fl, sizeof((u8[]){ __VA_ARGS__ }), { __VA_ARGS__ }, a }

static const struct snippet snippets[] = {
	S("mov eax,cr0", M_ALL, 0, 0x0f, 0x20, 0xc0),
	S("mov ecx,cr2", M_ALL, 0, 0x0f, 0x20, 0xd1),
	S("mov ecx,cr3", M_ALL, 0, 0x0f, 0x20, 0xd9),
	S("mov ecx,cr4", M_ALL, 0, 0x0f, 0x20, 0xe1),
	S("mov rcx,cr8", M_64, 0, 0x44, 0x0f, 0x20, 0xc1),
	S("mov eax,cr1", M_ALL, 0, 0x0f, 0x20, 0xc8),
	S("mov cr2,ecx", M_ALL, 0, 0x0f, 0x22, 0xd1),
	SA("mov cr0: task switched", M_64, 0, 0x8005003b, 0x0f, 0x22, 0xc0),
	SA("mov cr0: NW without CD", M_ALL, NO_TCG, 0x20000011, 0x0f, 0x22, 0xc0),
	SA("mov cr0: PG without PE", M_REAL, 0, 0x80000010, 0x0f, 0x22, 0xc0),
	SA("mov cr0: protected mode", M_REAL, 0, 0x11, 0x0f, 0x22, 0xc0),
	SA("mov cr4: DE and TSD", M_OLD, 0, 0x0c, 0x0f, 0x22, 0xe0),
	SA("mov cr4: no PAE in long mode", M_64, 0, 0x600, 0x0f, 0x22, 0xe0),
	SA("mov cr4: reserved bit", M_ALL, 0, 0x80000620, 0x0f, 0x22, 0xe0),
	SA("mov cr8,5", M_64, 0, 5, 0x44, 0x0f, 0x22, 0xc0),
	SA("mov cr8,16", M_64, NO_TCG, 16, 0x44, 0x0f, 0x22, 0xc0),
	S("mov eax,dr0", M_ALL, 0, 0x0f, 0x21, 0xc0),
	S("mov eax,dr6", M_ALL, 0, 0x0f, 0x21, 0xf0),
	S("mov eax,dr7", M_ALL, 0, 0x0f, 0x21, 0xf8),
	SA("mov dr1,eax", M_ALL, 0, 0x1234, 0x0f, 0x23, 0xc8),
	S("clts", M_ALL, 0, 0x0f, 0x06),
	SA("lmsw ax", M_ALL, 0, 0x1a, 0x0f, 0x01, 0xf0),
	S("smsw eax", M_ALL, 0, 0x0f, 0x01, 0xe0),
	S("smsw m", M_ALL, MEMORY, 0x0f, 0x01, 0x23),
	S("sgdt", M_ALL, MEMORY, 0x0f, 0x01, 0x03),
	S("sidt", M_ALL, MEMORY, 0x0f, 0x01, 0x0b),
	S("lgdt", M_ALL, MEMORY | TABLE, 0x0f, 0x01, 0x13),
	S("lidt", M_ALL, MEMORY | TABLE, 0x0f, 0x01, 0x1b),
	S("sldt", M_ALL, 0, 0x0f, 0x00, 0xc0),
	S("str", M_ALL, 0, 0x0f, 0x00, 0xc8),
	S("lldt", M_ALL, SELS, 0x0f, 0x00, 0xd0),
	S("ltr", M_ALL, SELS | NULL_TCG, 0x0f, 0x00, 0xd8),
	S("verr", M_ALL, SELS, 0x0f, 0x00, 0xe0),
	S("verw", M_ALL, SELS, 0x0f, 0x00, 0xe8),
	S("lar", M_ALL, SELS | NO_TCG, 0x0f, 0x02, 0xc8),
	S("lsl", M_ALL, SELS, 0x0f, 0x03, 0xc8),
	S("mov es,ax", M_ALL, SELS, 0x8e, 0xc0),
	S("mov cs,ax", M_ALL, SELS, 0x8e, 0xc8),
	S("mov ss,ax", M_ALL, SELS | NULL_TCG, 0x8e, 0xd0),
	S("mov ds,ax", M_ALL, SELS, 0x8e, 0xd8),
	S("mov fs,ax", M_ALL, SELS, 0x8e, 0xe0),
	S("mov gs,m", M_ALL, SELS | MEMORY, 0x8e, 0x2b),
	S("mov eax,ds", M_ALL, 0, 0x8c, 0xd8),
	S("push es", M_OLD, 0, 0x06), S("push cs", M_OLD, 0, 0x0e),
	S("push fs", M_ALL, 0, 0x0f, 0xa0),
	S("pop es", M_OLD, POINTER, 0x07), S("pop ds", M_OLD, POINTER, 0x1f),
	S("pop gs", M_ALL, POINTER, 0x0f, 0xa9),
	S("lss", M_ALL, MEMORY | POINTER | NULL_TCG, 0x0f, 0xb2, 0x0b),
	S("lfs", M_ALL, MEMORY | POINTER, 0x0f, 0xb4, 0x0b),
	S("lds", M_OLD, MEMORY | POINTER, 0xc5, 0x0b),
	S("jmp m:", M_ALL, MEMORY | POINTER, 0xff, 0x2b),
	S("call m:", M_ALL, MEMORY | POINTER, 0xff, 0x1b),
	S("jmp 18:8100", M_32, 0, 0xea, 0, 0x81, 0, 0, 0x18, 0),
	S("jmp 900:100", M_REAL, 0, 0xea, 0x00, 0xf1, 0x00, 0x09),
	S("call 0:8100", M_REAL, 0, 0x9a, 0x00, 0x81, 0, 0),
	S("retf", M_ALL, POINTER, 0xcb),
	S("retf 4", M_ALL, POINTER, 0xca, 4, 0),
	S("iret", M_ALL, POINTER, 0xcf),
	S("iretq", M_64, POINTER, 0x48, 0xcf),
	S("int 42", M_ALL, 0, 0xcd, 0x42), S("int 3", M_ALL, 0, 0xcd, 3),
	S("int3", M_ALL, 0, 0xcc), S("into", M_ALL, 0, 0xce),
	S("pushf", M_ALL, 0, 0x9c), S("popf", M_ALL, POINTER, 0x9d),
	S("cli", M_ALL, 0, 0xfa), S("in al,10", M_ALL, 0, 0xe4, 0x10),
	S("in eax,10", M_ALL, 0, 0xe5, 0x10), S("out 10,al", M_ALL, 0, 0xe6, 0x10),
	SA("rdmsr of none", M_ALL, 0, 1, 0x0f, 0x32),
	SA("cpuid", M_ALL, 0, 0x80000000, 0x0f, 0xa2),
	S("wbinvd", M_ALL, 0, 0x0f, 0x09),
	S("invlpg", M_ALL, MEMORY, 0x0f, 0x01, 0x3b),
	S("swapgs", M_ALL, 0, 0x0f, 0x01, 0xf8),
	S("rsm", M_ALL, 0, 0x0f, 0xaa), S("ud1", M_ALL, 0, 0x0f, 0xb9, 0xc0),
	S("div by 0", M_ALL, MEMORY, 0xf7, 0x73, 0x40),
	S("bound", M_OLD, MEMORY, 0x62, 0x03), S("aam 0", M_OLD, 0, 0xd4, 0),
	S("enter", M_ALL, 0, 0xc8, 8, 0, 0), S("enter 2", M_ALL, 0, 0xc8, 8, 0, 2),
	S("leave", M_ALL, 0, 0xc9), S("pusha", M_OLD, 0, 0x60),
	S("popa", M_OLD, 0, 0x61), S("push m", M_ALL, MEMORY, 0xff, 0x33),
	S("pop m", M_ALL, MEMORY, 0x8f, 0x03), S("call +4", M_32, 0, 0xe8, 4, 0, 0, 0),
	S("jmp m", M_ALL, MEMORY | POINTER, 0xff, 0x23),
	S("rep movsb", M_ALL, 0, 0xf3, 0xa4), S("rep stosd", M_ALL, 0, 0xf3, 0xab),
	S("repne scasb", M_ALL, 0, 0xf2, 0xae), S("movsb fs", M_ALL, NO_TCG, 0x64, 0xa4),
	S("lock add m", M_ALL, MEMORY, 0xf0, 0x01, 0x0b),
	S("cmpxchg8b", M_ALL, MEMORY, 0x0f, 0xc7, 0x0b),
	S("arpl", M_16 | M_32 | M_REAL, SELS, 0x63, 0xc8),
	S("loop", M_ALL, 0, 0xe2, 0x10), S("adc m", M_ALL, MEMORY, 0x11, 0x03),
	S("xchg m", M_ALL, MEMORY, 0x87, 0x0b),
	S("limit of a segment", M_OLD, MEMORY | NO_TCG, 0x65, 0x8b, 0x83, 0xf0,
	  0xff, 0x00, 0x00),
	S("null segment", M_16 | M_32, MEMORY | NO_TCG, 0x64, 0x8b, 0x03),
};

static const u64 gdt[] = {
	/* code is marked as accessed: TCG does not do that */
	[1] = 0x00af9b000000ffff,
	[2] = 0x00cf93000000ffff, [3] = 0x00cf9b000000ffff,
	[4] = 0x00cff3000000ffff, [5] = 0x00affb000000ffff,
	[6] = 0x008f9b000000ffff,	/* 30: 16-bit code */
	[7] = 0x000092000000ffff,	/* 38: 16-bit data of 64 KiB */
	[8] = 0x00008900a2000067,	/* 40: a TSS, 16 bytes in long mode */
	[10] = 0x00cf12000000ffff,	/* 50: not present */
	[11] = 0x00cf90000000ffff,	/* 58: read-only */
	[12] = 0x00cf9f000000ffff,	/* 60: conforming code */
	[13] = 0x00cf99000000ffff,	/* 68: execute-only code */
	[14] = 0x00008200a8000017,	/* 70: an LDT */
	[16] = 0x00cf960000000fff,	/* 80: expand-down */
};

static const u16 selectors[] = {
	0x10, 0x18, 0, 0x08, 0x30, 0x38, 0x40, 0x50, 0x58, 0x60, 0x68, 0x70,
	0x80, 0x23, 0x2b, 3, 0x11, 0x13, 0xf8, 0x14, 0xffff,
};

struct result {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_debugregs debug;
	u32 reason, io;
	u8 mem[LOW];
};

static struct result cpu, emulator;
static unsigned int cases, bad;

static void set_param(const char *value)
{
	int fd = open(PARAM, O_WRONLY);

	if (fd < 0 || write(fd, value, 1) != 1)
		SKIP("%s cannot be set", PARAM);
	close(fd);
}

static struct kvm_segment seg(u16 sel, u8 type, u8 db)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = sel, .type = type, .s = 1,
		.present = 1, .g = 1, .db = db,
	};
}

static void set_segments(struct kvm_sregs *s, enum mode mode)
{
	struct kvm_segment data = seg(0x10, 3, 1), small = seg(0x38, 3, 0);

	s->cs = mode == PROT16 ? seg(0x30, 11, 0) :
		mode == PROT32 ? seg(0x18, 11, 1) : seg(0x08, 11, 0);
	s->cs.l = mode == LONG64;
	small.limit = 0xffff;
	small.g = 0;
	s->ss = mode == PROT16 ? small : data;
	s->ds = s->es = s->gs = data;
	s->gs = small;
	s->fs = (struct kvm_segment){ .unusable = 1 };
	s->tr = (struct kvm_segment){
		.base = TSS, .limit = 0x67, .selector = 0x40, .type = 11,
		.present = 1,
	};
	s->ldt = (struct kvm_segment){ .unusable = 1 };
	s->gdt.base = TABLES;
	s->gdt.limit = sizeof(gdt) - 1;
	s->idt.base = IDT;
	s->idt.limit = 0xfff;
	s->cr0 = mode == LONG64 ? 0x80050033 : 0x31;
	if (mode != LONG64)
		return;
	s->cr3 = PT_GPA;
	s->cr4 = 0x620;
	s->efer = 0x501;
}

static void set_handlers(u8 *mem, enum mode mode)
{
	for (unsigned int i = 0; i < 256; i++) {
		u64 at = HANDLERS + 4 * i;
		u64 gate = at | (mode == LONG64 ? 0x08 : 0x18) << 16 |
			   0x8e00ull << 32;

		if (mode == REAL)
			memcpy(mem + 4 * i, &at, 4);
		else
			memcpy(mem + IDT + (mode == LONG64 ? 16 : 8) * i, &gate, 8);
	}
	memset(mem + HANDLERS, HLT, 1024);
}

static u64 pointer_to(enum mode mode, unsigned int n)
{
	/* All lead into the code page. Bochs refuses an entry with others than RPL 0. */
	static const u16 paragraphs[] = { 0, 4, 8, 16 };

	return mode == REAL ? paragraphs[n & 3] : selectors[n % ARRAY_SIZE(selectors)];
}

/* Memory and registers for try number n; the code begins behind the prefix. */
static void prepare(const struct snippet *s, enum mode mode, unsigned int n,
		    u8 *mem, struct kvm_regs *r)
{
	static const u8 prefix[PREFIX] = { 0x0f, 0x0b, 'k', 'v', 'm' };
	unsigned int size = mode == LONG64 || mode == PROT32 ? 4 : 2, at = CODE + PREFIX;
	u64 v, sel = pointer_to(mode, n), slot = size == 4 && mode == LONG64 ? 8 : size;

	memset(mem, 0, LOW);
	for (unsigned int i = 0; i < 0x1000; i += 8) {
		v = rnd();
		memcpy(mem + DATA + i, &v, 8);
		memcpy(mem + STACK - 0x800 + i / 2, &v, 4);
	}
	memset(mem + DATA + 0x40, 0, 8);
	memset(mem + CODE, HLT, 0x1000);
	memcpy(mem + CODE, prefix, PREFIX);
	if (s->flags & MEMORY && mode <= PROT16)
		mem[at++] = 0x67;
	memcpy(mem + at, s->code, s->len);
	memcpy(mem + TABLES, gdt, sizeof(gdt));
	memset(mem + TSS, 0, 0x68);
	set_handlers(mem, mode);

	memset(r, 0, sizeof(*r));
	for (__u64 *reg = &r->rax; reg <= &r->r15; reg++)
		*reg = mode == LONG64 ? rnd() : (u32)rnd();
	r->rflags = 2 | (rnd() & 0x8d5);
	r->rcx = rnd() & 15;
	r->rbx = DATA;
	r->rsi = DATA + 0x100 + (rnd() & 255);
	r->rdi = DATA + 0x400 + (rnd() & 255);
	r->rsp = STACK - 0x100;
	r->rbp = STACK - 0x80;
	r->rip = (mode == REAL ? 0 : CODE) + PREFIX;
	if (s->eax)
		r->rax = s->eax;
	if (s->flags & SELS) {
		r->rax = (r->rax & ~0xffffull) | sel;
		memcpy(mem + DATA, &sel, 2);
	}
	if (s->flags & TABLE) {
		v = 0x7f | (u64)TABLES << 16;
		memcpy(mem + DATA, &v, 8);
		memset(mem + DATA + 8, 0, 8);
	}
	if (!(s->flags & POINTER))
		return;
	v = CODE + 0x100 + (n & 7);
	memcpy(mem + DATA, &v, size);
	if (s->code[1] == 0x23)		/* near */
		memcpy(mem + DATA, &v, 8);
	else
		memcpy(mem + DATA + size, &sel, 2);
	/* a frame for RETF and IRET; 64-bit code has SP and SS as well */
	slot = s->len > 1 && s->code[0] == 0x48 ? 8 : size;
	if (s->code[0] == 0x07 || s->code[0] == 0x1f || s->code[0] == 0x0f)
		v = sel;
	if (s->code[0] == 0x9d)		/* no TF: it would outlive the HLT */
		v = 2 | (rnd() & 0x8d5);
	memcpy(mem + r->rsp, &v, slot);
	if (s->code[0] == 0x9d)
		return;
	memcpy(mem + r->rsp + slot, &sel, slot);
	v = 2 | (rnd() & 0x8d5);
	memcpy(mem + r->rsp + 2 * slot, &v, slot);
	v = STACK - 0x200;
	memcpy(mem + r->rsp + 3 * slot, &v, slot);
	v = n & 1 || sel != 0x08 ? 0x10 : 0;
	memcpy(mem + r->rsp + 4 * slot, &v, slot);
}

static void run_to_halt(struct vcpu *vcpu, struct result *r)
{
	struct kvm_run *run = vcpu->run;

	r->io = 0;
	for (unsigned int i = 0; i < 8; i++) {
		r->reason = run_exit(vcpu);
		if (r->reason != KVM_EXIT_IO)
			break;
		r->io = r->io * 31 + run->io.port * 8 + run->io.size * 2 + run->io.direction;
		if (run->io.direction == KVM_EXIT_IO_IN)
			memset(io_data(vcpu), 0x5a, run->io.size * run->io.count);
		else
			r->io = r->io * 31 + *(u8 *)io_data(vcpu);
	}
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &r->regs));
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &r->sregs));
	OK(ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &r->debug));
	memcpy(r->mem, vcpu->vm->ram, LOW);
}

static void start(struct vcpu *vcpu, const struct kvm_sregs *sregs,
		  const struct kvm_regs *regs, const u8 *mem)
{
	struct kvm_vcpu_events events;
	struct kvm_debugregs debug = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };

	memcpy(vcpu->vm->ram, mem, LOW);
	MUST(!ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	memset(&events.exception, 0, sizeof(events.exception));
	memset(&events.interrupt, 0, sizeof(events.interrupt));
	events.flags = KVM_VCPUEVENT_VALID_SHADOW;
	MUST(!ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	MUST(!ioctl(vcpu->fd, KVM_SET_SREGS, sregs));
	MUST(!ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &debug));
	MUST(!ioctl(vcpu->fd, KVM_SET_REGS, regs));
}

static bool same_segment(const struct kvm_segment *a, const struct kvm_segment *b)
{
	if (a->selector != b->selector || a->unusable != b->unusable)
		return false;
	return a->unusable || (a->base == b->base && a->limit == b->limit && a->type == b->type &&
			       a->s == b->s && a->dpl == b->dpl && a->db == b->db &&
			       a->l == b->l && a->present == b->present);
}

/* TCG pushes flags without RF when an instruction faults */
static bool same_memory(void)
{
	for (unsigned int i = 0; i < LOW; i++) {
		bool stack = i >= STACK - 0x800 && i < STACK;

		if (cpu.mem[i] != emulator.mem[i] &&
		    !(on_tcg() && stack && (cpu.mem[i] ^ emulator.mem[i]) == 1))
			return false;
	}
	return true;
}

static const char *difference(void)
{
	static const char *const names[] = { "CS", "DS", "ES", "FS", "GS", "SS", "TR", "LDTR" };
	const struct kvm_sregs *a = &cpu.sregs, *b = &emulator.sregs;
	const struct kvm_segment *sa = &a->cs, *sb = &b->cs;

	if (cpu.reason != emulator.reason)
		return "exit";
	if (cpu.regs.rip != emulator.regs.rip)
		return "RIP";
	if (memcmp(&cpu.regs, &emulator.regs, offsetof(struct kvm_regs, rip)))
		return "registers";
	if (cpu.regs.rflags != emulator.regs.rflags)
		return "flags";
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (!same_segment(sa + i, sb + i))
			return names[i];
	if (a->gdt.base != b->gdt.base || a->gdt.limit != b->gdt.limit)
		return "GDTR";
	if (a->idt.base != b->idt.base || a->idt.limit != b->idt.limit)
		return "IDTR";
	if (a->cr0 != b->cr0 || a->cr2 != b->cr2 || a->cr3 != b->cr3 || a->cr4 != b->cr4 ||
	    a->cr8 != b->cr8 || a->efer != b->efer)
		return "control registers";
	if (memcmp(&cpu.debug, &emulator.debug, sizeof(cpu.debug)))
		return "debug registers";
	if (cpu.io != emulator.io)
		return "ports";
	return memcmp(cpu.mem, emulator.mem, LOW) && !same_memory() ? "memory" : NULL;
}

static void tell(const struct snippet *s, unsigned int n, const char *what)
{
	unsigned int at = 0;

	while (at < LOW - 1 && cpu.mem[at] == emulator.mem[at])
		at++;
	note("%s, try %u: %s differ(s)", s->name, n, what);
	note("  CPU: exit %u rip %llx flags %llx rax %llx rsp %llx cs %x cr0 %llx cr2 %llx "
	     "[%x] %02x",
	     cpu.reason, cpu.regs.rip, cpu.regs.rflags, cpu.regs.rax, cpu.regs.rsp,
	     cpu.sregs.cs.selector, cpu.sregs.cr0, cpu.sregs.cr2, at, cpu.mem[at]);
	note("  emulator: exit %u rip %llx flags %llx rax %llx rsp %llx cs %x cr0 %llx cr2 %llx "
	     "%02x",
	     emulator.reason, emulator.regs.rip, emulator.regs.rflags, emulator.regs.rax,
	     emulator.regs.rsp, emulator.sregs.cs.selector, emulator.sregs.cr0,
	     emulator.sregs.cr2, emulator.mem[at]);
}

/* True when both end alike */
static bool one_case(struct vcpu *vcpu, const struct kvm_sregs *sregs, enum mode mode,
		     const struct snippet *s, unsigned int n, bool told)
{
	static u8 mem[LOW];
	struct kvm_regs regs;
	const char *what;

	prepare(s, mode, n, mem, &regs);
	start(vcpu, sregs, &regs, mem);
	run_to_halt(vcpu, &cpu);
	regs.rip -= PREFIX;
	start(vcpu, sregs, &regs, mem);
	run_to_halt(vcpu, &emulator);
	cases++;
	what = difference();
	if (what && !told)
		tell(s, n, what);
	return !what;
}

static bool left_out(const struct snippet *s, enum mode mode, u64 sel)
{
	if (mode == REAL)
		return false;
	if (s->flags & NULL_TCG && on_tcg() && sel < 4)
		return true;
	/* Bochs leaves SP and SS on the stack there, as no CPU does */
	if (on_bochs() && mode == LONG64 && s->code[0] == 0xcf)
		return true;
	/* a switch to a task of zeros; tasks are the test task_switch's */
	return s->flags & POINTER && s->code[0] == 0xff && (sel & ~7ul) == 0x40;
}

static void run_mode(enum mode mode)
{
	struct vm *vm = vm_new();
	struct kvm_sregs sregs;
	struct vcpu *vcpu;

	if (on_bochs() && on_amd())
		SKIP("Bochs's SVM does not switch CR2, and PUSH of a segment writes more there");
	/* Else the emulator runs real mode where the CPU can't, and sees the prefix itself. */
	MUST(!ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000ul));
	vcpu = vcpu_new(vm, 0);
	set_param("1");
	set_supported_cpuid(vcpu);
	MUST(!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	if (mode == REAL) {
		sregs.cs.base = CODE;
		sregs.cs.selector = CODE >> 4;
	} else {
		set_segments(&sregs, mode);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(snippets); i++) {
		const struct snippet *s = &snippets[i];
		unsigned int wrong = 0, tries = 3;

		if (!(s->modes >> mode & 1) || (s->flags & NO_TCG && on_tcg()))
			continue;
		if (s->flags & (SELS | POINTER))
			tries = ARRAY_SIZE(selectors);
		rnd_seed = 88172645463325252ull + i;
		for (unsigned int n = 0; n < tries; n++) {
			if (left_out(s, mode, pointer_to(mode, n)))
				continue;
			wrong += !one_case(vcpu, &sregs, mode, s, n, wrong);
		}
		if (wrong)
			note("%s: %u of %u tries", s->name, wrong, tries);
		bad += wrong;
	}
	set_param("0");
	note("%u cases", cases);
	EQ(bad, 0);
	CHECK(cases > 100);
	vm_free(vm);
}

static void real_mode(void)
{
	run_mode(REAL);
}

static void protected_16_bit(void)
{
	run_mode(PROT16);
}

static void protected_32_bit(void)
{
	run_mode(PROT32);
}

static void long_64_bit(void)
{
	run_mode(LONG64);
}

BLOB(forced, ".code16", "ud2; .ascii \"kvm\"; mov $0x1234, %ax; hlt");

/* With the parameter at 0 the prefix is nothing but UD2. */
static void off_by_default(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	set_param("0");
	set_supported_cpuid(vcpu);
	start_real(vcpu, BLOB_OF(forced));
	vm->ram[6 * 4 + 1] = HANDLERS >> 8;
	vm->ram[HANDLERS] = HLT;
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	{
		struct kvm_regs regs;

		OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
		EQ(regs.rip, HANDLERS + 1);
	}
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(off_by_default),
	SLOW_TEST(real_mode, 60),
	SLOW_TEST(protected_16_bit, 60),
	SLOW_TEST(protected_32_bit, 60),
	SLOW_TEST(long_64_bit, 60),
};

TEST_MAIN(tests)
