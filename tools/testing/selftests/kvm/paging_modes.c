// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every kind of page table, and what it allows: all accesses by kernel and user to
 * pages of all permissions, under all of CR0.WP, NX, SMEP, SMAP and EFLAGS.AC, end
 * as SDM 3A 4.6 says, with the error codes of 4.7.
 *
 * The tables are written from here, before the guest first runs. It does one access
 * at a time: IRET to the instruction; behind it an INT3, or the fault's handler,
 * makes an OUT.
 */
#include <stdlib.h>
#include <string.h>

#include "vm.h"

/* Guest-physical; for the kernel mapped to themselves */
#define CODE		0x30000ul
#define STACK		0x31000ul
#define GDT		0x32000ul
#define IDT		0x33000ul
#define TSS		0x34000ul
#define TABLES		0x40000ul
#define TARGETS		SCRATCH_GPA	/* one for each page */
#define LARGE		FREE_GPA	/* 4 MiB */

#define USER_CODE	0x36000ul	/* the same code, for users */
#define PROBED		0x40000000ul
#define REGION		0x400000ul	/* what an entry of the 32-bit directory covers */

#define PTE_P		0x01ul
#define PTE_W		0x02ul
#define PTE_U		0x04ul
#define PTE_A		0x20ul
#define PTE_D		0x40ul
#define PTE_PS		0x80ul
#define PTE_NX		(1ul << 63)

#define CR0_WP		(1ul << 16)
#define CR4_PSE		(1ul << 4)
#define CR4_PAE		(1ul << 5)
#define CR4_LA57	(1ul << 12)
#define CR4_SMEP	(1ul << 20)
#define CR4_SMAP	(1ul << 21)
#define EFER_LONG	0x501ul
#define EFER_NXE	(1ul << 11)
#define FLAGS_AC	(1ul << 18)

#define ERR_P		1
#define ERR_W		2
#define ERR_U		4
#define ERR_RSVD	8
#define ERR_I		16

#define PORT_FAULT	0x50
#define PORT_DONE	0x51

enum op { READ, WRITE, EXEC, NR_OPS };

/* 16 bytes each: 8b 06 is a load by RSI or ESI, whatever the mode; CC is INT3 */
enum { AT_IRET = NR_OPS, AT_FAULT, AT_DONE, AT_LTR };
static const u8 code[][16] = {
	[READ]		= { 0x8b, 0x06, 0xcc },
	[WRITE]		= { 0x89, 0x06, 0xcc },
	[EXEC]		= { 0xff, 0xe6 },
	[AT_IRET]	= { 0x48, 0xcf },	/* from its second byte on for 32 bits */
	[AT_FAULT]	= { 0xe6, PORT_FAULT },
	[AT_DONE]	= { 0xe6, PORT_DONE },
	[AT_LTR]	= { 0x0f, 0x00, 0xd8, 0xcc },	/* from AX */
};

struct mode {
	const char *name;
	int levels;
};

/* Kinds of pages: bits 0 to 2 are W, U, NX */
#define KIND_W		1
#define KIND_U		2
#define KIND_NX		4
#define KIND_ABSENT	8
#define KIND_RESERVED	9
#define NR_KINDS	10

/* A page, by what the entries above and for it say */
struct page {
	u64 va;
	u64 gpa;
	int above, kind;	/* KIND_* */
	bool large;
	void *entry;		/* in RAM */
};

struct config {
	bool wp, nxe, smep, smap, ac;
};

static struct {
	struct vm *vm;
	struct vcpu *vcpu;
	int levels;
	u64 root, next_table, reserved;
	struct page page[NR_KINDS * 8 + NR_KINDS];
	int count;
	u64 features;		/* of CR4 */
	bool has_nx;
} t;

static bool wide(void)
{
	return t.levels > 2;
}

static bool long_mode(void)
{
	return t.levels > 3;
}

static void set_entry(void *entry, u64 value)
{
	if (wide())
		*(u64 *)entry = value;
	else
		*(u32 *)entry = value;
}

static u64 get_entry(const void *entry)
{
	return wide() ? *(const volatile u64 *)entry : *(const volatile u32 *)entry;
}

static u64 new_table(void)
{
	u64 gpa = t.next_table;

	t.next_table += 0x1000;
	MUST(t.next_table <= STACK_GPA);
	memset(at_gpa(t.vm, gpa, 0x1000), 0, 0x1000);
	return gpa;
}

/* The entry of @level for @va; the tables above it allow everything. */
static void *entry_at(u64 va, int level)
{
	int bits = wide() ? 9 : 10, at = t.levels;
	u64 table = t.root, index;
	void *entry;

	for (;; at--) {
		index = va >> (12 + bits * (at - 1)) & ((1 << bits) - 1);
		entry = at_gpa(t.vm, table + index * (wide() ? 8 : 4), 8);
		if (at == level)
			return entry;
		/* PAE's pointers have no such bits. */
		if (!(get_entry(entry) & PTE_P))
			set_entry(entry, new_table() | PTE_P |
				  (t.levels == 3 && at == 3 ? 0 : PTE_W | PTE_U));
		table = get_entry(entry) & 0xffffffffff000ul;
	}
}

static u64 kind_bits(int kind, bool large)
{
	u64 bits = PTE_P;

	if (kind == KIND_ABSENT)
		return PTE_W | PTE_U;
	if (kind == KIND_RESERVED)
		return PTE_P | PTE_W | PTE_U | (wide() ? t.reserved : large ? 1ul << 21 : 0);
	if (kind & KIND_W)
		bits |= PTE_W;
	if (kind & KIND_U)
		bits |= PTE_U;
	if (kind & KIND_NX)
		bits |= PTE_NX;
	return bits;
}

/* What the mode has no bits for is left out. */
static bool kind_exists(int kind, bool large)
{
	if (kind == KIND_RESERVED)
		return wide() ? t.reserved : large;
	return kind == KIND_ABSENT || wide() || !(kind & KIND_NX);
}

static void add_page(int above, int kind, bool large)
{
	struct page *p = &t.page[t.count];
	int region = large ? 8 + kind : above;

	if (!kind_exists(kind, large) || !kind_exists(above, false))
		return;
	*p = (struct page) {
		.va = PROBED + region * REGION + (large ? 0x5000 : kind * 0x1000),
		.gpa = large ? LARGE + 0x5000 : TARGETS + t.count * 0x1000,
		.above = above, .kind = kind, .large = large,
	};
	if (large) {
		p->entry = entry_at(p->va, 2);
		set_entry(p->entry, LARGE | kind_bits(kind, true) | PTE_PS);
	} else {
		p->entry = entry_at(p->va, 1);
		set_entry(p->entry, p->gpa | kind_bits(kind, false));
		set_entry(entry_at(p->va, 2),
			  (get_entry(entry_at(p->va, 2)) & ~(PTE_W | PTE_U | PTE_NX)) |
			  kind_bits(above, false));
	}
	/* INT3, and which page it is */
	*(u32 *)at_gpa(t.vm, p->gpa, 4) = 0xcc | p->gpa >> 12 << 8;
	t.count++;
}

static void map_system(u64 va, u64 gpa, u64 bits)
{
	set_entry(entry_at(va, 1), gpa | bits | PTE_P);
}

static void write_gate(int vector, u64 to, int dpl)
{
	u64 gate = (to & 0xffff) | 0x8e0000000000ul | (u64)dpl << 45 | (to >> 16 & 0xffff) << 48 |
		   (u64)(long_mode() ? SEL_CODE64 : SEL_CODE32) << 16;
	u8 *idt = at_gpa(t.vm, IDT, 0x1000);

	memcpy(idt + vector * (long_mode() ? 16 : 8), &gate, sizeof(gate));
}

static void write_system(void)
{
	u8 *tss = at_gpa(t.vm, TSS, 0x1000);
	u64 stack = STACK + 0x800;

	memcpy(at_gpa(t.vm, CODE, sizeof(code)), code, sizeof(code));
	memcpy(at_gpa(t.vm, GDT, sizeof(flat_gdt)), flat_gdt, sizeof(flat_gdt));
	memset(at_gpa(t.vm, IDT, 0x1000), 0, 0x1000);
	write_gate(3, CODE + AT_DONE * 16, 3);
	write_gate(14, CODE + AT_FAULT * 16, 0);
	memset(tss, 0, 0x1000);
	memcpy(tss + 4, &stack, long_mode() ? 8 : 4);
	if (!long_mode())
		*(u16 *)(tss + 8) = SEL_DATA;
	*(u16 *)(tss + 102) = 0x80;
	for (u64 page = CODE; page <= TSS; page += 0x1000)
		map_system(page, page, PTE_W);
	map_system(USER_CODE, CODE, PTE_U);
}

static void build(int levels)
{
	struct kvm_cpuid2 *cpuid;
	struct kvm_cpuid_entry2 *e;
	u32 width = 36;

	memset(&t, 0, sizeof(t));
	t.vm = vm_new();
	t.vcpu = vcpu_new(t.vm, 0);
	set_supported_cpuid(t.vcpu);
	cpuid = cpuid_supported(t.vm->kvm);
	e = cpuid_find(cpuid, 7, 0);
	if (e && e->ebx & 1 << 7)
		t.features |= CR4_SMEP;
	if (e && e->ebx & 1 << 20)
		t.features |= CR4_SMAP;
	if (e && e->ecx & 1 << 16)
		t.features |= CR4_LA57;
	e = cpuid_find(cpuid, 0x80000001, 0);
	t.has_nx = e && e->edx & 1 << 20;
	e = cpuid_find(cpuid, 0x80000008, 0);
	if (e)
		width = e->eax & 0xff;
	free(cpuid);
	if (levels == 5 && !(t.features & CR4_LA57))
		SKIP("no tables of five levels here");

	t.levels = levels;
	t.reserved = width < 52 ? 1ul << 51 : 0;
	t.next_table = TABLES;
	t.root = new_table();
	for (int above = 0; above < 8; above++)
		for (int kind = 0; kind < NR_KINDS; kind++)
			add_page(above, kind, false);
	for (int kind = 0; kind < NR_KINDS; kind++)
		add_page(0, kind, true);
	write_system();
}

static struct kvm_segment seg(u16 selector, u8 type)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = selector, .type = type, .present = 1,
		.dpl = selector & 3, .s = 1, .g = 1, .db = 1,
	};
}

/* QEMU's TCG knows a TSS of 32 bits only if the guest has loaded it itself. */
static void load_tr(void)
{
	struct kvm_regs regs = {
		.rip = CODE + AT_LTR * 16, .rsp = STACK + 0xf00, .rflags = 2, .rax = SEL_TSS,
	};
	u64 tss = 0x67 | TSS << 16 | 0x890000000000ul;

	memcpy(at_gpa(t.vm, GDT + SEL_TSS, sizeof(tss)), &tss, sizeof(tss));
	MUST(!ioctl(t.vcpu->fd, KVM_SET_REGS, &regs));
	MUST_EXIT(t.vcpu, KVM_EXIT_IO);
	MUST(t.vcpu->run->io.port == PORT_DONE);
}

static void start(const struct config *c)
{
	struct kvm_sregs sregs;

	MUST(!ioctl(t.vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cs = seg(long_mode() ? SEL_CODE64 : SEL_CODE32, 11);
	sregs.cs.l = long_mode();
	sregs.cs.db = !long_mode();
	sregs.ss = seg(SEL_DATA, 3);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = seg(SEL_UDATA, 3);
	sregs.tr = (struct kvm_segment) {
		.base = TSS, .limit = 0x67, .selector = SEL_TSS, .type = 11, .present = 1,
	};
	sregs.gdt.base = GDT;
	sregs.gdt.limit = 0x47;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	sregs.cr3 = t.root;
	sregs.cr0 = 0x80000033 | (c->wp ? CR0_WP : 0);
	sregs.cr4 = CR4_PSE | (wide() ? CR4_PAE : 0) | (t.levels == 5 ? CR4_LA57 : 0) |
		    (c->smep ? CR4_SMEP : 0) | (c->smap ? CR4_SMAP : 0);
	sregs.efer = (long_mode() ? EFER_LONG : 0) | (c->nxe ? EFER_NXE : 0);
	MUST(!ioctl(t.vcpu->fd, KVM_SET_SREGS, &sregs));
	if (!long_mode())
		load_tr();
}

/* The frame for the IRET, and the registers */
static void do_access(const struct page *p, enum op op, bool user, u64 flags)
{
	u16 ucode = long_mode() ? SEL_UCODE64 : SEL_UCODE32;
	u16 kcode = long_mode() ? SEL_CODE64 : SEL_CODE32;
	u64 frame[5] = {
		(user ? USER_CODE : CODE) + op * 16, user ? ucode : kcode, flags | 2,
		STACK + 0xc00, user ? SEL_UDATA : SEL_DATA,
	};
	struct kvm_regs regs = {
		.rip = CODE + AT_IRET * 16 + !long_mode(), .rsp = STACK + 0xf00, .rflags = 2,
		.rsi = p->va, .rax = *(u32 *)at_gpa(t.vm, p->gpa, 4),
	};
	u32 *small = at_gpa(t.vm, STACK + 0xf00, sizeof(frame));

	if (op == READ)
		regs.rax = 0;
	if (long_mode())
		memcpy(small, frame, sizeof(frame));
	for (int i = 0; !long_mode() && i < 5; i++)
		small[i] = frame[i];
	MUST(!ioctl(t.vcpu->fd, KVM_SET_REGS, &regs));
}

/* -1: none, else the error code. */
static int expected_fault(const struct page *p, enum op op, bool user, const struct config *c)
{
	int above = p->large ? KIND_W | KIND_U : p->above, both = above & p->kind;
	int err = (op == WRITE ? ERR_W : 0) | (user ? ERR_U : 0) |
		  (op == EXEC && (c->smep || (c->nxe && wide())) ? ERR_I : 0);
	bool nx = (above | p->kind) & KIND_NX;

	/* From the top, entry by entry */
	if (!p->large && (above & KIND_NX) && !c->nxe)
		return err | ERR_P | ERR_RSVD;
	if (p->kind == KIND_ABSENT)
		return err;
	if (p->kind == KIND_RESERVED || ((p->kind & KIND_NX) && !c->nxe))
		return err | ERR_P | ERR_RSVD;
	err |= ERR_P;
	if (op == EXEC && nx)
		return err;
	if (user) {
		if (!(both & KIND_U) || (op == WRITE && !(both & KIND_W)))
			return err;
		return -1;
	}
	if (op == WRITE && !(both & KIND_W) && c->wp)
		return err;
	if (!(both & KIND_U))
		return -1;
	if (op == EXEC)
		return c->smep ? err : -1;
	return c->smap && !c->ac ? err : -1;
}

static void describe(const struct page *p, enum op op, bool user, const struct config *c)
{
	static const char *const ops[] = { "read", "write", "fetch" };

	note("%s by %s, entry %#llx above %d kind %d%s, wp %d nxe %d smep %d smap %d ac %d",
	     ops[op], user ? "user" : "kernel", (unsigned long long)get_entry(p->entry), p->above,
	     p->kind, p->large ? " large" : "", c->wp, c->nxe, c->smep, c->smap, c->ac);
}

/* What the guest did, by the OUT it made */
static bool outcome(const struct page *p, enum op op, int fault)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	u32 error;
	u8 port;

	MUST_EXIT(t.vcpu, KVM_EXIT_IO);
	port = t.vcpu->run->io.port;
	if (!CHECK(port == (fault < 0 ? PORT_DONE : PORT_FAULT), "port %#x, not fault %d", port,
		   fault))
		return false;
	MUST(!ioctl(t.vcpu->fd, KVM_GET_REGS, &regs));
	if (fault < 0) {
		if (op == READ && !EQ((u32)regs.rax, *(u32 *)at_gpa(t.vm, p->gpa, 4)))
			return false;
		return CHECK(get_entry(p->entry) & PTE_A) &&
		       (op != WRITE || CHECK(get_entry(p->entry) & PTE_D));
	}
	MUST(!ioctl(t.vcpu->fd, KVM_GET_SREGS, &sregs));
	error = *(u32 *)at_gpa(t.vm, regs.rsp, 4);
	/* QEMU's TCG forgets one bit with the other. */
	if (on_tcg() && error & ERR_RSVD)
		error |= ERR_P;
	return EQ(sregs.cr2, p->va) && EQ(error, fault);
}

static void probe(const struct page *p, enum op op, bool user, const struct config *c)
{
	int fault = expected_fault(p, op, user, c);
	bool dirty = get_entry(p->entry) & PTE_D;

	/* User code doesn't set AC. */
	do_access(p, op, user, c->ac && !user ? FLAGS_AC : 0);
	if (!outcome(p, op, fault) ||
	    (!dirty && (fault >= 0 || op != WRITE) && !CHECK(!(get_entry(p->entry) & PTE_D))))
		describe(p, op, user, c);
	if (test_failures() > 20)
		test_stop();
}

/* Bochs is slow: some of them there, others in the next configuration. */
static unsigned int step(void)
{
	return on_bochs() ? 7 : 1;
}

static void probe_all(const struct config *c)
{
	static unsigned int turn;

	if ((c->smep && !(t.features & CR4_SMEP)) || (c->smap && !(t.features & CR4_SMAP)) ||
	    (c->nxe && (!t.has_nx || !wide())))
		return;
	start(c);
	for (int i = 0; i < t.count; i++)
		for (int user = 0; user < 2; user++)
			for (enum op op = 0; op < NR_OPS; op++)
				if (turn++ % step() == 0)
					probe(&t.page[i], op, user, c);
}

static void all_configs(int levels)
{
	static const struct config small[] = {
		{ }, { .smep = true }, { .smap = true }, { .smap = true, .ac = true },
		{ .smep = true, .smap = true },
	};
	struct config c;

	build(levels);
	for (size_t i = 0; i < ARRAY_SIZE(small); i++) {
		for (int wp = 0; wp < 2; wp++) {
			for (int nxe = 0; nxe < 2; nxe++) {
				c = small[i];
				c.wp = wp;
				c.nxe = nxe;
				probe_all(&c);
			}
		}
	}
	vm_free(t.vm);
}

static void two_levels(void)
{
	all_configs(2);
}

static void pae(void)
{
	all_configs(3);
}

static void four_levels(void)
{
	all_configs(4);
}

static void five_levels(void)
{
	all_configs(5);
}

static const struct test tests[] = {
	SLOW_TEST(two_levels, 60),
	SLOW_TEST(pae, 60),
	SLOW_TEST(four_levels, 60),
	SLOW_TEST(five_levels, 60),
};

TEST_MAIN(tests)
