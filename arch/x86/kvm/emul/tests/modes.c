// SPDX-License-Identifier: GPL-2.0-only
/*
 * What cannot be compared with this CPU in user mode: other modes, far
 * transfers, system instructions, port I/O, SSE moves.
 */
#include <stdio.h>

#include "fake.h"

#define RUN(f, bytes) fake_run(f, bytes, sizeof(bytes) - 1)

enum { AX, CX, DX, BX, SP, BP, SI, DI };

static struct fake f;
static struct emul_ctx * const c = &f.c;

static void start(enum emul_mode mode, unsigned int cpl)
{
	unsigned int i;

	fake_mode(&f, mode, cpl);
	for (i = 0; i < 16; i++)
		c->gpr[i] = 0;
	c->rip = mode <= EMUL_VM86 ? 0x100 : 0x8000;
	c->gpr[SP] = mode <= EMUL_VM86 ? 0xfff0 : 0x9000;
	f.ask = false;
	f.decline_chunks = false;
	f.ro_page = ~0ull;
	f.features = ~(1ull << EMUL_F_AMD);
}

static void put_gdt(unsigned int sel, u64 d)
{
	fake_put(&f, 0x1000 + (sel & ~7u), &d, 8);
}

static void standard_gdt(void)
{
	put_gdt(0x08, fake_desc(0, 0xfffff, 0xc9b));
	put_gdt(0x10, fake_desc(0, 0xfffff, 0xc92));
	put_gdt(0x18, fake_desc(0, 0xfffff, 0xcfa));
	put_gdt(0x20, fake_desc(0, 0xfffff, 0xcf2));
	put_gdt(0x30, fake_desc(0, 0xfffff, 0xa9a));	/* 64-bit code */
	put_gdt(0x38, fake_desc(0, 0xfffff, 0xafa));
	put_gdt(0x40, fake_desc(0x12345, 0xfff, 0x13));	/* not present */
	put_gdt(0x48, fake_desc(0x4000, 0x67, 0x89));	/* TSS */
	put_gdt(0x50, 0);
}

static void put_gate(unsigned int vector, u16 sel, u32 off, unsigned int attr)
{
	u64 d = (off & 0xffff) | (u64)sel << 16 | (u64)attr << 40 |
		(u64)(off & 0xffff0000) << 32;
	unsigned int len = c->lma ? 16 : 8;
	u64 zero = 0;

	fake_put(&f, 0x2000 + vector * len, &d, 8);
	if (c->lma)
		fake_put(&f, 0x2000 + vector * len + 8, &zero, 8);
}

static void test_real(void)
{
	start(EMUL_REAL, 0);
	c->gpr[AX] = 0x2345;
	tap(RUN(&f, "\x8e\xd8") == EMUL_OK && f.seg[EMUL_DS].base == 0x23450 &&
	    f.seg[EMUL_DS].sel == 0x2345 && f.seg[EMUL_DS].limit == 0xffff,
	    "real: mov ds,ax");
	tap(RUN(&f, "\x16") == EMUL_OK && fake_get(&f, 0x1ffee, 2) == 0x1000,
	    "real: push ss");
	tap(RUN(&f, "\x1f") == EMUL_OK && f.seg[EMUL_DS].base == 0x10000 &&
	    c->gpr[SP] == 0xfff0, "real: pop ds");
	tap(RUN(&f, "\x17") == EMUL_OK && c->int_shadow == EMUL_SHADOW_MOVSS,
	    "real: pop ss holds interrupts off");

	start(EMUL_REAL, 0);
	tap(RUN(&f, "\xea\x34\x12\x00\xf0") == EMUL_OK && c->rip == 0x1234 &&
	    f.seg[EMUL_CS].base == 0xf0000, "real: far jump");
	start(EMUL_REAL, 0);
	tap(RUN(&f, "\x9a\x34\x12\x00\x20") == EMUL_OK && c->rip == 0x1234 &&
	    fake_get(&f, 0x1ffec, 4) == 0x10000105, "real: far call");
	tap(RUN(&f, "\xcb") == EMUL_OK && c->rip == 0x105 &&
	    f.seg[EMUL_CS].base == 0x10000 && c->gpr[SP] == 0xfff0,
	    "real: far return");

	start(EMUL_REAL, 0);
	fake_put(&f, 0x10 * 4, "\x00\x50\x00\xc0", 4);
	c->rflags = 0x346;	/* TF, ZF, PF too */
	tap(RUN(&f, "\xcd\x10") == EMUL_OK && c->rip == 0x5000 &&
	    f.seg[EMUL_CS].base == 0xc0000 && c->rflags == 0x46 &&
	    fake_get(&f, 0x1ffea, 6) == 0x034610000102,
	    "real: int 10h pushes FLAGS, CS, IP");
	tap(RUN(&f, "\xcf") == EMUL_OK && c->rip == 0x102 && c->iret &&
	    c->rflags == 0x346, "real: iret");

	start(EMUL_REAL, 0);
	fake_put(&f, 0x10200, "\x78\x56\x34\x12", 4);
	tap(RUN(&f, "\xc4\x1e\x00\x02") == EMUL_OK && c->gpr[BX] == 0x5678 &&
	    f.seg[EMUL_ES].base == 0x12340, "real: les");

	start(EMUL_REAL, 0);
	f.dt[EMUL_IDTR].limit = 0x3f;
	tap(RUN(&f, "\xcd\x10") == EMUL_FAULT && c->fault.vector == EMUL_GP &&
	    !c->fault.has_error, "real: vector beyond the IVT");

	start(EMUL_REAL, 0);
	c->gpr[DI] = 0xfffe;
	c->gpr[CX] = 3;
	c->gpr[AX] = 0xbeef;
	tap(RUN(&f, "\xf3\xab") == EMUL_OK && c->gpr[DI] == 4 && !c->gpr[CX] &&
	    fake_get(&f, 0x1fffe, 2) == 0xbeef &&
	    fake_get(&f, 0x10000, 4) == 0xbeefbeef, "real: stos wraps at 64K");

	start(EMUL_REAL, 0);
	f.seg[EMUL_DS].limit = 0xffffffff;
	c->gpr[BX] = 0x80000;
	tap(RUN(&f, "\x67\x8b\x03") == EMUL_OK, "unreal: beyond 64K");
	f.seg[EMUL_CS].attr |= EMUL_SEG_DB;
	tap(emul_decode(c, (const u8 *)"\xb8\1\2\3\4", 5) == EMUL_OK &&
	    c->insn_len == 5, "real mode with CS.D = 1 reads 32-bit code");
}

static void test_real_more(void)
{
	unsigned int i;
	bool ok = true;

	start(EMUL_REAL, 0);
	for (i = 0; i < 8; i++)
		c->gpr[i] = i == SP ? 0xfff0 : 0x1111 * (i + 1);
	tap(RUN(&f, "\x60") == EMUL_OK && c->gpr[SP] == 0xffe0 &&
	    fake_get(&f, 0x1ffe6, 2) == 0xfff0, "real: pusha");
	for (i = 0; i < 8; i++)
		c->gpr[i] = i == SP ? 0xffe0 : 0;
	tap(RUN(&f, "\x61") == EMUL_OK && c->gpr[SP] == 0xfff0 &&
	    c->gpr[DI] == 0x8888 && c->gpr[AX] == 0x1111, "real: popa");

	start(EMUL_REAL, 0);
	c->gpr[CX] = 0x10002;
	tap(RUN(&f, "\xe2\xf0") == EMUL_OK && c->rip == 0xf2 &&
	    c->gpr[CX] == 0x10001, "real: loop counts CX");
	c->rip = 0x100;
	tap(RUN(&f, "\xe2\xf0") == EMUL_OK && c->rip == 0x102,
	    "real: loop ends");
	tap(RUN(&f, "\xe3\x10") == EMUL_OK && c->rip == 0x114, "real: jcxz");

	/* the manual's own examples and edges of decimal adjustment */
	start(EMUL_REAL, 0);
	c->gpr[AX] = 0xae;
	ok &= RUN(&f, "\x27") == EMUL_OK && c->gpr[AX] == 0x14 &&
	      (c->rflags & 0x11) == 0x11;
	c->gpr[AX] = 0xee;
	c->rflags = 0x202;
	ok &= RUN(&f, "\x2f") == EMUL_OK && c->gpr[AX] == 0x88 &&
	      (c->rflags & 0x11) == 0x11;
	c->gpr[AX] = 0x010f;
	c->rflags = 0x202;
	ok &= RUN(&f, "\x37") == EMUL_OK && c->gpr[AX] == 0x205;
	c->gpr[AX] = 0x0205;
	c->rflags = 0x212;
	ok &= RUN(&f, "\x3f") == EMUL_OK && c->gpr[AX] == 0xf;
	c->gpr[AX] = 0x4d;
	ok &= RUN(&f, "\xd4\x0a") == EMUL_OK && c->gpr[AX] == 0x707;
	ok &= RUN(&f, "\xd5\x0a") == EMUL_OK && c->gpr[AX] == 0x4d;
	ok &= RUN(&f, "\xd4\x00") == EMUL_FAULT && c->fault.vector == EMUL_DE;
	tap(ok, "real: daa das aaa aas aam aad");

	start(EMUL_REAL, 0);
	c->gpr[BX] = 0x300;
	c->gpr[AX] = 5;
	fake_put(&f, 0x10305, "\x77", 1);
	tap(RUN(&f, "\xd7") == EMUL_OK && c->gpr[AX] == 0x77, "real: xlat");

	start(EMUL_REAL, 0);
	fake_put(&f, 0x10400, "\xff\x07\x00\x10\x20\x99", 6);
	tap(RUN(&f, "\x0f\x01\x16\x00\x04") == EMUL_OK &&
	    f.dt[EMUL_GDTR].limit == 0x7ff &&
	    f.dt[EMUL_GDTR].base == 0x201000, "real: lgdt takes 24 bits");
	tap(RUN(&f, "\x66\x0f\x01\x1e\x00\x04") == EMUL_OK &&
	    f.dt[EMUL_IDTR].base == 0x99201000, "real: 32-bit lidt");
	c->gpr[AX] = 1;
	tap(RUN(&f, "\x0f\x01\xf0") == EMUL_OK && f.cr[0] & 1, "real: lmsw");
	c->gpr[AX] = 0;
	tap(RUN(&f, "\x0f\x01\xf0") == EMUL_OK && f.cr[0] & 1,
	    "lmsw cannot clear PE");
	tap(RUN(&f, "\x0f\x20\xc0") == EMUL_OK && c->gpr[AX] == f.cr[0],
	    "mov eax,cr0");
	tap(RUN(&f, "\xfb") == EMUL_OK && !c->int_shadow,
	    "sti with IF set: no shadow");
	c->rflags &= ~0x200ull;
	tap(RUN(&f, "\xfb") == EMUL_OK && c->int_shadow == EMUL_SHADOW_STI,
	    "sti begins a shadow");
}

static void test_segments(void)
{
	standard_gdt();
	start(EMUL_PROT32, 0);
	c->gpr[AX] = 0x10;
	tap(RUN(&f, "\x8e\xd8") == EMUL_OK && f.seg[EMUL_DS].limit == ~0u &&
	    fake_get(&f, 0x1010 + 5, 1) == 0x93,
	    "prot: mov ds marks the descriptor accessed");
	c->gpr[AX] = 0;
	tap(RUN(&f, "\x8e\xd8") == EMUL_OK &&
	    f.seg[EMUL_DS].attr & EMUL_SEG_UNUSABLE, "prot: null in ds");
	tap(RUN(&f, "\x8b\x03") == EMUL_FAULT && c->fault.vector == EMUL_GP &&
	    c->fault.has_error && !c->fault.error, "prot: use of a null ds");
	tap(RUN(&f, "\x8e\xd0") == EMUL_FAULT && c->fault.vector == EMUL_GP,
	    "prot: null in ss");
	c->gpr[AX] = 0x40;
	tap(RUN(&f, "\x8e\xd8") == EMUL_FAULT && c->fault.vector == EMUL_NP &&
	    c->fault.error == 0x40, "prot: absent segment is #NP");
	tap(RUN(&f, "\x8e\xd0") == EMUL_FAULT &&
	    c->fault.vector == EMUL_SS_VEC && c->fault.error == 0x40,
	    "prot: absent stack is #SS");
	c->gpr[AX] = 0x88;
	tap(RUN(&f, "\x8e\xd8") == EMUL_FAULT && c->fault.error == 0x88 &&
	    c->fault.vector == EMUL_GP, "prot: selector beyond the table");
	c->gpr[AX] = 0x18;
	tap(RUN(&f, "\x8e\xd0") == EMUL_FAULT && c->fault.error == 0x18,
	    "prot: code in ss");
	start(EMUL_PROT32, 3);
	c->gpr[AX] = 0x10;
	tap(RUN(&f, "\x8e\xd8") == EMUL_FAULT && c->fault.error == 0x10,
	    "prot: data of an inner level");

	standard_gdt();
	start(EMUL_PROT32, 0);
	c->gpr[AX] = 0x10;
	f.cmpxchg_fails = true;
	tap(RUN(&f, "\x8e\xd8") == EMUL_RETRY, "descriptor changed: again");
	f.cmpxchg_fails = false;

	c->gpr[AX] = 0x48;
	tap(RUN(&f, "\x0f\x00\xd8") == EMUL_OK && f.seg[EMUL_TR].base == 0x4000
	    && fake_get(&f, 0x1048 + 5, 1) == 0x8b, "ltr marks the TSS busy");
	tap(RUN(&f, "\x0f\x00\xd8") == EMUL_FAULT && c->fault.error == 0x48,
	    "ltr of a busy TSS");
	start(EMUL_PROT32, 0);
	c->gpr[CX] = 0x40;
	tap(RUN(&f, "\x0f\x03\xc1") == EMUL_OK && c->gpr[AX] == 0xfff &&
	    c->rflags & 0x40, "lsl");
	c->gpr[CX] = 0x88;
	c->gpr[AX] = 7;
	tap(RUN(&f, "\x0f\x03\xc1") == EMUL_OK && c->gpr[AX] == 7 &&
	    !(c->rflags & 0x40), "lsl of no descriptor");
	c->gpr[CX] = 0x18;
	tap(RUN(&f, "\x0f\x02\xc1") == EMUL_OK && c->gpr[AX] == 0xcffa00,
	    "lar");
}

static void test_far_prot(void)
{
	standard_gdt();
	start(EMUL_PROT32, 0);
	tap(RUN(&f, "\xea\x00\x70\x00\x00\x08\x00") == EMUL_OK &&
	    c->rip == 0x7000 && f.seg[EMUL_CS].sel == 8, "prot: far jump");
	tap(RUN(&f, "\xea\x00\x70\x00\x00\x1b\x00") == EMUL_FAULT &&
	    c->fault.error == 0x18, "prot: far jump outward is #GP");
	tap(RUN(&f, "\x9a\x00\x70\x00\x00\x08\x00") == EMUL_OK &&
	    c->gpr[SP] == 0x8ff8 && fake_get(&f, 0x8ff8, 4) == 0x7007,
	    "prot: far call");
	tap(RUN(&f, "\xcb") == EMUL_OK && c->rip == 0x7007, "prot: far return");

	/* to CPL 3 and back by an interrupt */
	start(EMUL_PROT32, 0);
	fake_put(&f, 0x9000, "\0\x60\0\0\x1b\0\0\0\x02\x32\0\0\0\xa0\0\0\x23",
		 17);
	fake_put(&f, 0x9011, "\0\0\0", 3);
	tap(RUN(&f, "\xcf") == EMUL_OK && c->rip == 0x6000 && c->cpl == 3 &&
	    f.seg[EMUL_SS].sel == 0x23 && c->gpr[SP] == 0xa000 &&
	    c->rflags == 0x3202 && f.seg[EMUL_DS].attr & EMUL_SEG_UNUSABLE,
	    "prot: iret to CPL 3");
	fake_put(&f, 0x3004, "\0\xb0\0\0\x10\0", 6);
	put_gate(0x80, 8, 0x7777, 0xee);
	tap(RUN(&f, "\xcd\x80") == EMUL_OK && c->cpl == 0 && c->rip == 0x7777 &&
	    c->gpr[SP] == 0xafec && fake_get(&f, 0xafec, 8) == 0x1b00006002 &&
	    fake_get(&f, 0xaff8, 8) == 0x230000a000 && !(c->rflags & 0x200) &&
	    f.seg[EMUL_SS].sel == 0x10, "prot: int 80h from CPL 3");
	tap(RUN(&f, "\xcf") == EMUL_OK && c->cpl == 3 && c->rip == 0x6002 &&
	    c->gpr[SP] == 0xa000, "prot: and back");
	put_gate(0x81, 8, 0x7777, 0x8e);
	tap(RUN(&f, "\xcd\x81") == EMUL_FAULT && c->fault.vector == EMUL_GP &&
	    c->fault.error == 0x81 * 8 + 2 && c->cpl == 3 &&
	    c->mode == EMUL_PROT32, "prot: gate of an inner level");
	c->gpr[CX] = 0x1234;
	tap(emul_interrupt(c, 0x81, EMUL_INT_HW) == EMUL_OK && c->cpl == 0 &&
	    fake_get(&f, 0xafec, 4) == 0x6002, "prot: the same by hardware");
	c->fault.has_error = true;
	c->fault.error = 0x55;
	tap(emul_interrupt(c, 0x81, EMUL_INT_EXC) == EMUL_OK &&
	    fake_get(&f, c->gpr[SP], 4) == 0x55, "prot: error code pushed");

	start(EMUL_PROT32, 0);
	put_gate(0x82, 8, 0x7777, 0x85);
	tap(RUN(&f, "\xcd\x82") == EMUL_FAULT && c->fault.error == 8,
	    "task gate to code");
	c->rflags |= 0x4000;
	fake_put(&f, 0x3000, "\x30", 2);
	tap(RUN(&f, "\xcf") == EMUL_FAULT && c->fault.vector == EMUL_TS &&
	    c->fault.error == 0x30, "task return to code");
}

static void test_vm86(void)
{
	static const u32 frame[] = {
		0x1234, 0x2000, 0x23202, 0xfff0, 0x3000, 0x4000, 0x5000,
		0x6000, 0x7000,
	};

	standard_gdt();
	start(EMUL_PROT32, 0);
	fake_put(&f, 0x9000, frame, sizeof(frame));
	tap(RUN(&f, "\xcf") == EMUL_OK && c->mode == EMUL_VM86 && c->cpl == 3 &&
	    c->rip == 0x1234 && f.seg[EMUL_CS].base == 0x20000 &&
	    f.seg[EMUL_SS].base == 0x30000 && f.seg[EMUL_GS].base == 0x70000 &&
	    f.seg[EMUL_DS].attr == 0xf3 && c->gpr[SP] == 0xfff0,
	    "iret to VM86 mode");
	fake_put(&f, 0x3004, "\0\xb0\0\0\x10\0", 6);
	put_gate(0x21, 8, 0x7777, 0xee);
	tap(RUN(&f, "\xcd\x21") == EMUL_OK && c->mode == EMUL_PROT32 &&
	    c->cpl == 0 && !(c->rflags & 0x20000) && c->gpr[SP] == 0xafdc &&
	    fake_get(&f, 0xaffc, 4) == 0x7000 &&
	    fake_get(&f, 0xafe4, 4) == 0x23202 &&
	    f.seg[EMUL_FS].attr & EMUL_SEG_UNUSABLE, "int from VM86 mode");
	start(EMUL_VM86, 3);
	tap(RUN(&f, "\xcd\x21") == EMUL_FAULT && c->fault.vector == EMUL_GP &&
	    c->fault.has_error, "VM86: int with IOPL 0");
	tap(RUN(&f, "\x9c") == EMUL_FAULT && c->fault.vector == EMUL_GP,
	    "VM86: pushf with IOPL 0");
	tap(RUN(&f, "\xfa") == EMUL_FAULT, "VM86: cli with IOPL 0");
	c->rflags |= 0x3000;
	tap(RUN(&f, "\xfa") == EMUL_OK && !(c->rflags & 0x200),
	    "VM86: cli with IOPL 3");
	tap(RUN(&f, "\x0f\x20\xc0") == EMUL_FAULT, "VM86: mov eax,cr0");
}

static void test_long(void)
{
	static const u64 frame[] = { 0x6000, 0x3b, 0x3202, 0xa000, 0x23 };
	u64 v;

	standard_gdt();
	start(EMUL_LONG64, 0);
	fake_put(&f, 0x9000, frame, sizeof(frame));
	tap(RUN(&f, "\x48\xcf") == EMUL_OK && c->rip == 0x6000 && c->cpl == 3 &&
	    c->mode == EMUL_LONG64 && c->gpr[SP] == 0xa000 &&
	    f.seg[EMUL_SS].sel == 0x23, "long: iretq to CPL 3");
	v = 0xb008;
	fake_put(&f, 0x3004, &v, 8);
	put_gate(0x80, 0x30, 0x7777, 0xee);
	tap(RUN(&f, "\xcd\x80") == EMUL_OK && c->cpl == 0 && c->rip == 0x7777 &&
	    c->gpr[SP] == 0xb000 - 40 && fake_get(&f, 0xb000 - 8, 8) == 0x23 &&
	    fake_get(&f, 0xb000 - 16, 8) == 0xa000 &&
	    f.seg[EMUL_SS].attr == EMUL_SEG_UNUSABLE,
	    "long: int aligns the stack and pushes SS");
	tap(RUN(&f, "\x48\xcf") == EMUL_OK && c->rip == 0x6002 && c->cpl == 3,
	    "long: and back");
	put_gate(0x83, 8, 0x7777, 0xee);
	tap(RUN(&f, "\xcd\x83") == EMUL_FAULT && c->fault.error == 8,
	    "long: gate to 32-bit code");

	start(EMUL_LONG64, 3);
	f.msr_star = 0x0013000800000000ull;
	f.msr_lstar = 0xffffffff81000000ull;
	f.msr_sfmask = 0x200;
	c->gpr[SP] = 0x1234;
	tap(RUN(&f, "\x0f\x05") == EMUL_OK && c->rip == f.msr_lstar &&
	    c->gpr[CX] == 0x8002 && c->gpr[11] == 0x202 && c->rflags == 2 &&
	    f.seg[EMUL_CS].sel == 8 && f.seg[EMUL_SS].sel == 0x10 && !c->cpl,
	    "long: syscall");
	tap(RUN(&f, "\x48\x0f\x07") == EMUL_OK && c->rip == 0x8002 &&
	    f.seg[EMUL_CS].sel == 0x23 && f.seg[EMUL_SS].sel == 0x1b &&
	    c->cpl == 3 && c->rflags == 0x202, "long: sysret");
	start(EMUL_LONG64, 0);
	c->gpr[CX] = 1ull << 47;
	tap(RUN(&f, "\x48\x0f\x07") == EMUL_FAULT && c->fault.vector == EMUL_GP,
	    "long: sysret to a non-canonical address");
	f.features = ~0ull;
	tap(RUN(&f, "\x48\x0f\x07") == EMUL_OK && c->cpl == 3 &&
	    c->rip == 1ull << 47, "which AMD leaves to the fetch");
	tap(RUN(&f, "\x0f\x34") == EMUL_FAULT && c->fault.vector == EMUL_UD,
	    "long: no sysenter on AMD");
	start(EMUL_LONG64, 3);
	f.msr_se_cs = 8;
	f.msr_se_ip = 0x7100;
	f.msr_se_sp = 0xb000;
	tap(RUN(&f, "\x0f\x34") == EMUL_OK && c->rip == 0x7100 && !c->cpl &&
	    c->gpr[SP] == 0xb000 && !(c->rflags & 0x200), "long: sysenter");
	f.msr_kgs = 0x123000;
	f.seg[EMUL_GS].base = 0x456000;
	tap(RUN(&f, "\x0f\x01\xf8") == EMUL_OK && f.msr_kgs == 0x456000 &&
	    f.seg[EMUL_GS].base == 0x123000, "long: swapgs");
	tap(RUN(&f, "\xf3\x48\x0f\xae\xc8") == EMUL_OK &&
	    c->gpr[AX] == 0x123000, "long: rdgsbase");
	c->gpr[AX] = 1ull << 50;
	tap(RUN(&f, "\xf3\x48\x0f\xae\xd0") == EMUL_FAULT, "wrfsbase checks");
	c->gpr[AX] = 0x1f;
	tap(RUN(&f, "\x44\x0f\x22\xc0") == EMUL_FAULT, "mov cr8 checks");
	c->gpr[AX] = 9;
	tap(RUN(&f, "\x44\x0f\x22\xc0") == EMUL_OK && f.cr[8] == 9, "mov cr8");
	f.features = ~0ull;
	tap(RUN(&f, "\xf0\x0f\x20\xc3") == EMUL_OK && c->gpr[BX] == 9,
	    "AMD: lock mov cr0 is cr8");
}

static void test_io(void)
{
	u32 v;

	start(EMUL_LONG64, 0);
	c->gpr[DX] = 0x3f8;
	c->gpr[AX] = ~0ull;
	tap(RUN(&f, "\xec") == EMUL_OK && c->gpr[AX] >> 8 == ~0ull >> 8,
	    "in al,dx keeps the rest");
	tap(RUN(&f, "\xed") == EMUL_OK && !(c->gpr[AX] >> 32) &&
	    c->gpr[AX] == f.pio_value, "in eax,dx clears the upper half");
	f.pio_count = 0;
	c->gpr[DI] = 0xa000;
	c->gpr[CX] = 2000;
	v = c->epoch;
	tap(RUN(&f, "\xf3\x66\x6d") == EMUL_OK && !c->gpr[CX] &&
	    c->gpr[DI] == 0xa000 + 4000 && f.pio_count == 2000 &&
	    c->epoch - v < 20, "rep insw goes in batches");
	f.ro_page = 0xb;
	f.pio_count = 0;
	c->gpr[DI] = 0xaffe;
	c->gpr[CX] = 4;
	tap(RUN(&f, "\xf3\x6c") == EMUL_FAULT && f.pio_count == 2 &&
	    c->gpr[CX] == 2 && c->gpr[DI] == 0xb000 && c->rip == 0x8000 + 1 + 1
	    + 3, "rep insb loses nothing at a fault");
	f.ro_page = ~0ull;
	f.pio_sum = 0;
	c->gpr[SI] = 0xa000;
	c->gpr[CX] = 3;
	fake_put(&f, 0xa000, "\1\2\3", 3);
	tap(RUN(&f, "\xf3\x6e") == EMUL_OK && c->gpr[SI] == 0xa003, "rep outsb");

	/* permission bitmap: 3f8 allowed, 3f9 not */
	start(EMUL_PROT32, 3);
	c->gpr[DX] = 0x3f8;
	v = 0x68;
	fake_put(&f, 0x3000 + 102, &v, 2);
	v = 0xfe;
	fake_put(&f, 0x3000 + 0x68 + 0x7f, &v, 2);
	tap(RUN(&f, "\xec") == EMUL_OK, "port allowed by the TSS");
	tap(RUN(&f, "\x66\xed") == EMUL_FAULT && c->fault.vector == EMUL_GP,
	    "the second port is not");
	f.seg[EMUL_TR].limit = 0x68 + 0x7f;
	tap(RUN(&f, "\xec") == EMUL_FAULT, "bitmap too short");
	c->rflags |= 0x3000;
	tap(RUN(&f, "\xec") == EMUL_OK, "IOPL 3 needs no bitmap");
}

static void test_rep(void)
{
	enum emul_result r;

	start(EMUL_LONG64, 0);
	f.decline_chunks = true;
	c->gpr[CX] = 3000;
	c->gpr[SI] = 0x10000;
	c->gpr[DI] = 0x20000;
	emul_decode(c, (const u8 *)"\xf3\xa4", 2);
	r = emul_exec(c);
	tap(r == EMUL_OK && c->rep_more && c->gpr[CX] == 3000 - 1024 &&
	    c->rip == 0x8000, "rep stops for interrupts");
	c->rflags |= 0x100;
	r = emul_exec(c);
	tap(r == EMUL_OK && c->rep_more && c->gpr[CX] == 3000 - 1025,
	    "rep with TF does one");
	f.decline_chunks = false;
	r = emul_exec(c);
	tap(r == EMUL_OK && c->gpr[CX] == 3000 - 1026,
	    "and so with chunks allowed");
	c->rflags &= ~0x100ull;
	r = emul_exec(c);
	tap(r == EMUL_OK && !c->rep_more && !c->gpr[CX] && c->rip == 0x8002,
	    "chunks take the rest in one pass");
	start(EMUL_LONG64, 0);
	c->gpr[SI] = 0x10000;
	c->gpr[DI] = 0x10001;
	c->gpr[CX] = 100;
	fake_put(&f, 0x10000, "\x5a", 1);
	tap(RUN(&f, "\xf3\xa4") == EMUL_OK &&
	    fake_get(&f, 0x10060, 4) == 0x5a5a5a5a, "rep movsb propagates");
	f.ro_page = 0x30;
	c->gpr[DI] = 0x2fff8;
	c->gpr[CX] = 100;
	c->gpr[AX] = 0x11;
	tap(RUN(&f, "\xf3\xaa") == EMUL_FAULT && c->gpr[DI] == 0x30000 &&
	    c->gpr[CX] == 92 && c->fault.addr == 0x30000,
	    "rep stosb stops at the faulting byte");
}

static void test_simd(void)
{
	u8 pattern[32];
	unsigned int i;

	for (i = 0; i < 32; i++)
		pattern[i] = i + 1;
	start(EMUL_LONG64, 0);
	f.cr[4] |= 0x200;
	fake_put(&f, 0xa000, pattern, 32);
	c->gpr[SI] = 0xa000;
	c->gpr[DI] = 0xa101;
	memset(f.xmm, 0xee, sizeof(f.xmm));
	tap(RUN(&f, "\x0f\x28\x0e") == EMUL_OK && f.xmm[1][15] == 16 &&
	    f.xmm[1][16] == 0xee, "movaps load");
	tap(RUN(&f, "\x66\x0f\x7f\x0f") == EMUL_FAULT &&
	    c->fault.vector == EMUL_GP, "movdqa unaligned");
	tap(RUN(&f, "\xf3\x0f\x7f\x0f") == EMUL_OK &&
	    fake_get(&f, 0xa101, 8) == 0x0807060504030201ull, "movdqu store");
	tap(RUN(&f, "\xc5\xfe\x6f\x16") == EMUL_OK && f.xmm[2][31] == 32,
	    "vmovdqu ymm");
	tap(RUN(&f, "\xc5\xfa\x6f\x16") == EMUL_OK && f.xmm[2][16] == 0 &&
	    f.xmm[2][15] == 16, "vmovdqu xmm clears the upper half");
	tap(RUN(&f, "\xc5\xf2\x6f\x16") == EMUL_FAULT &&
	    c->fault.vector == EMUL_UD, "vmovdqu with vvvv");
	tap(RUN(&f, "\x66\x48\x0f\x7e\xc8") == EMUL_OK &&
	    c->gpr[AX] == 0x0807060504030201ull, "movq rax,xmm1");
	tap(RUN(&f, "\xf3\x0f\x7e\x1e") == EMUL_OK && f.xmm[3][7] == 8 &&
	    f.xmm[3][8] == 0, "movq xmm3,mem");
	tap(RUN(&f, "\x0f\x6f\x2e") == EMUL_OK &&
	    f.mmx[5] == 0x0807060504030201ull, "movq mm5,mem");
	f.cr[0] |= 8;
	tap(RUN(&f, "\x0f\x28\x0e") == EMUL_FAULT && c->fault.vector == EMUL_NM,
	    "CR0.TS is #NM");
	f.cr[0] ^= 8 | 4;
	tap(RUN(&f, "\x0f\x28\x0e") == EMUL_FAULT && c->fault.vector == EMUL_UD,
	    "CR0.EM is #UD");
	tap(RUN(&f, "\xdf\xe0") == EMUL_FAULT && c->fault.vector == EMUL_NM,
	    "x87 with CR0.EM is #NM");
}

int main(void)
{
	fake_init(&f);
	test_real();
	test_real_more();
	test_segments();
	test_far_prot();
	test_vm86();
	test_long();
	test_io();
	test_rep();
	test_simd();
	fake_free(&f);
	return tap_done();
}
