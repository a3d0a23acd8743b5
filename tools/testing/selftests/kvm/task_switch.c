// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks of a 32-bit guest: neither vendor's hardware switches them in a guest.
 * What the guest finds goes to port 0x10, and is compared with what it should be.
 * QEMU's TCG takes no exit, and what it does by itself is wrong in parts.
 */
#include <string.h>

#include "vm.h"

#define PORT	0x10
#define TELL(value)	"mov $" value ", %eax; out %eax, $0x10;"

/* Selectors: flat segments, then one TSS each */
#define CODE	0x08
#define DATA	0x10
#define MAIN	0x28
#define CALLED	0x30
#define JUMPED	0x38		/* 16 bits */
#define GATE	0x40
#define OTHER	0x48

#define TSS(sel)	(0x12000ul + (sel) * 0x40)
#define STACK(sel)	(0x20000ul + (sel) * 0x100)
#define MAIN_DIR	0x30000
#define OTHER_DIR	0x31000
#define CALLED_AT	0x9000
#define JUMPED_AT	0x9100
#define OTHER_AT	0x9200
#define HANDLER_AT	0x9300

static void tells_at(struct vcpu *vcpu, u32 value, int line)
{
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	if (vcpu->run->io.port != PORT || *(u32 *)io_data(vcpu) != value)
		test_fail(__FILE__, line, "told %#x, not %#x", *(u32 *)io_data(vcpu), value);
}

#define tells(vcpu, value)	tells_at(vcpu, value, __LINE__)

static void put(struct vm *vm, u64 gpa, const void *data, size_t size)
{
	memcpy(at_gpa(vm, gpa, size), data, size);
}

static void put_desc(struct vm *vm, u64 at, u32 base, u32 limit, u32 attr)
{
	u64 d = (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(attr & 0xff) << 40 |
		(u64)(limit >> 16 & 15) << 48 | (u64)(attr >> 8 & 15) << 52 |
		(u64)(base >> 24) << 56;

	put(vm, at, &d, 8);
}

static void put_gate(struct vm *vm, u64 at, u16 sel, u32 off, u8 type)
{
	u64 d = (off & 0xffff) | (u64)sel << 16 | (u64)type << 40 | (u64)(off >> 16) << 48;

	put(vm, at, &d, 8);
}

static u8 type_of(struct vm *vm, u16 sel)
{
	return *(u8 *)at_gpa(vm, GDT_GPA + sel + 5, 1) & 15;
}

static u32 tss_field(struct vm *vm, u16 sel, unsigned int at)
{
	return *(u32 *)at_gpa(vm, TSS(sel) + at, 4);
}

/* A task that begins at @eip, with @id in EAX; its map allows all ports */
static void put_task(struct vm *vm, u16 sel, u32 eip, u32 id)
{
	u32 tss[26] = { 0 };

	tss[1] = STACK(sel);
	tss[2] = DATA;
	tss[7] = MAIN_DIR;
	tss[8] = eip;
	tss[9] = 2;
	tss[10] = id;
	tss[14] = STACK(sel);
	for (int i = 18; i < 24; i++)
		tss[i] = DATA;
	tss[19] = CODE;
	tss[25] = 104 << 16;
	put(vm, TSS(sel), tss, sizeof(tss));
	put_desc(vm, GDT_GPA + sel, TSS(sel), 104 + 0x20, 0x89);
}

static void put_task16(struct vm *vm, u16 sel, u16 ip, u16 id)
{
	u16 tss[22] = { 0 };

	tss[7] = ip;
	tss[8] = 2;
	tss[9] = id;
	tss[13] = STACK(sel);
	for (int i = 17; i < 21; i++)
		tss[i] = DATA;
	tss[18] = CODE;
	put(vm, TSS(sel), tss, sizeof(tss));
	put_desc(vm, GDT_GPA + sel, TSS(sel), 43, 0x81);
}

BLOB(called, ".code32", "1: out %eax, $0x10; inc %eax; iret; jmp 1b");
BLOB(jumped, ".code32", "1: out %ax, $0x10; ljmp $0x28, $0; jmp 1b");

static struct vcpu *main_task(const void *code, size_t size)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_sregs sregs;

	if (on_tcg())
		SKIP("TCG switches the guest's tasks without an exit");
	start_prot32(vcpu, code, size);
	put_desc(vm, GDT_GPA + CODE, 0, 0xfffff, 0xc9b);
	put_desc(vm, GDT_GPA + DATA, 0, 0xfffff, 0xc93);
	put_task(vm, MAIN, 0, 0);
	put_task(vm, CALLED, CALLED_AT, 0xb0b0b0);
	put_task16(vm, JUMPED, JUMPED_AT, 0xc0c0);
	put_task(vm, OTHER, OTHER_AT, 0xd0d0d0);
	memset(at_gpa(vm, IDT_GPA, 0x800), 0, 0x800);
	put_gate(vm, GDT_GPA + GATE, CALLED, 0, 0xe5);
	put_gate(vm, IDT_GPA + 0x30 * 8, CALLED, 0, 0x85);
	put(vm, CALLED_AT, BLOB_OF(called));
	put(vm, JUMPED_AT, BLOB_OF(jumped));
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cs.selector = CODE;
	sregs.gdt.limit = 0x4f;
	sregs.idt.base = IDT_GPA;
	sregs.idt.limit = 0x7ff;
	OK(ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	return vcpu;
}

#define LTR	"mov $0x28, %eax; ltr %ax; mov $0x66, %ebx; mov $0x77, %ebp; clts;"

BLOB(ways, ".code32",
     LTR "stc; lcall $0x30, $0; setc %al; movzbl %al, %eax; out %eax, $0x10;"
     "mov %cr0, %eax; and $8, %eax; out %eax, $0x10; stc; lcall $0x40, $0; int $0x30;"
     "ljmp $0x38, $0; ljmp $0x38, $0; mov %ebx, %eax; out %eax, $0x10; mov %ebp, %eax;"
     "out %eax, $0x10; str %eax; out %eax, $0x10; sldt %eax; out %eax, $0x10; pushf; pop %eax;"
     "and $0x4001, %eax; out %eax, $0x10; hlt");

static void call_jump_gate_and_return(void)
{
	struct vcpu *vcpu;
	struct vm *vm;

	if (on_bochs() && on_amd())
		SKIP("Bochs ends in its own triple fault here, with the stock modules too");
	vcpu = main_task(BLOB_OF(ways));
	vm = vcpu->vm;
	tells(vcpu, 0xb0b0b0);
	EQ(type_of(vm, MAIN), 11);
	EQ(type_of(vm, CALLED), 11);
	EQ(tss_field(vm, CALLED, 0), MAIN);
	tells(vcpu, 1);			/* CF came back */
	EQ(type_of(vm, CALLED), 9);
	tells(vcpu, 8);			/* CR0.TS */
	tells(vcpu, 0xb0b0b1);		/* by the gate in the GDT */
	tells(vcpu, 0xb0b0b2);		/* and by the one in the IDT */
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(*(u16 *)io_data(vcpu), 0xc0c0);
	EQ(type_of(vm, MAIN), 9);
	EQ(type_of(vm, JUMPED), 3);
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(*(u16 *)io_data(vcpu), 0xc0c0);
	tells(vcpu, 0x66);
	tells(vcpu, 0x77);
	tells(vcpu, MAIN);
	tells(vcpu, 0);
	tells(vcpu, 1);			/* CF, and no NT */
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(type_of(vm, MAIN), 11);
	EQ(type_of(vm, JUMPED), 1);
	vm_free(vm);
}

BLOB(interrupted, ".code32",
     LTR "1: sti; hlt; cli; mov %ebx, %eax; out %eax, $0x10; inc %ebx; jmp 1b");

static void an_interrupt_through_a_task_gate(void)
{
	struct vcpu *vcpu = main_task(BLOB_OF(interrupted));
	struct kvm_interrupt irq = { 0x30 };

	for (u32 i = 0; i < 4; i++) {
		MUST_EXIT(vcpu, KVM_EXIT_HLT);
		EQ(vcpu->run->if_flag, 1);
		OK(ioctl(vcpu->fd, KVM_INTERRUPT, &irq));
		tells(vcpu, 0xb0b0b0 + i);
		EQ(vcpu->run->if_flag, 0);
		tells(vcpu, 0x66 + i);
	}
	vm_free(vcpu->vm);
}

/* The error code, the task that failed, and where it goes on */
BLOB(doubled, ".code32", LTR "ud2; 1: hlt;" TELL("0x99") "hlt");
BLOB(df_task, ".code32",
     "1: pop %eax; out %eax, $0x10; mov 0x13200, %eax; out %eax, $0x10;"
     "mov 0x12a20, %eax; out %eax, $0x10; addl $3, 0x12a20; iret; jmp 1b");

static void a_double_fault_has_its_own_task(void)
{
	struct vcpu *vcpu = main_task(BLOB_OF(doubled));
	struct vm *vm = vcpu->vm;

	put_gate(vm, IDT_GPA + 8 * 8, OTHER, 0, 0x85);
	put(vm, OTHER_AT, BLOB_OF(df_task));
	tells(vcpu, 0);
	tells(vcpu, MAIN);
	tells(vcpu, REAL_GPA + 20);
	tells(vcpu, 0x99);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

BLOB(pages, ".code32",
     "mov $0x30000, %eax; mov %eax, %cr3; mov $0x10, %eax; mov %eax, %cr4; mov %cr0, %eax;"
     "or $0x80000000, %eax; mov %eax, %cr0;" LTR "mov 0x409ff0, %eax; out %eax, $0x10;"
     "lcall $0x48, $0; mov 0x409ff0, %eax; out %eax, $0x10; mov %cr3, %eax; out %eax, $0x10; hlt");
BLOB(elsewhere, ".code32",
     "mov 0x409ff0, %eax; out %eax, $0x10; mov %cr3, %eax; out %eax, $0x10; iret");

static void a_task_has_its_own_page_tables(void)
{
	struct vcpu *vcpu = main_task(BLOB_OF(pages));
	struct vm *vm = vcpu->vm;
	u32 dir[2] = { 0x83, 0x83 }, dir_other = OTHER_DIR;

	put(vm, MAIN_DIR, dir, sizeof(dir));
	dir[1] = 0x400083;
	put(vm, OTHER_DIR, dir, sizeof(dir));
	put(vm, TSS(OTHER) + 28, &dir_other, 4);
	put(vm, TSS(MAIN) + 28, &(u32){ MAIN_DIR }, 4);
	put(vm, OTHER_AT, BLOB_OF(elsewhere));
	put(vm, 0x9ff0, &(u32){ 0x1111 }, 4);
	put(vm, 0x409ff0, &(u32){ 0x2222 }, 4);
	tells(vcpu, 0x1111);
	tells(vcpu, 0x2222);
	tells(vcpu, OTHER_DIR);
	tells(vcpu, 0x1111);
	tells(vcpu, MAIN_DIR);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

/* The fault of a new task is handled in it, with the registers that it brought. */
BLOB(calls_other, ".code32", LTR "lcall $0x48, $0;" TELL("0x55") "hlt");
BLOB(told_fault, ".code32",
     "out %eax, $0x10; pop %eax; out %eax, $0x10; pop %eax; out %eax, $0x10; str %eax;"
     "out %eax, $0x10; ljmp $0x28, $0");

static void a_new_task_with_a_bad_segment(void)
{
	struct vcpu *vcpu = main_task(BLOB_OF(calls_other));
	struct vm *vm = vcpu->vm;

	put(vm, HANDLER_AT, BLOB_OF(told_fault));
	put_gate(vm, IDT_GPA + 10 * 8, CODE, HANDLER_AT, 0x8e);
	put(vm, TSS(OTHER) + 84, &(u32){ 0x50 }, 4);	/* DS beyond the GDT */
	/* MAIN was left by a call: it is busy until someone says otherwise */
	tells(vcpu, 0xd0d0d0);
	tells(vcpu, 0x50);
	tells(vcpu, OTHER_AT);
	tells(vcpu, OTHER);
	put_desc(vm, GDT_GPA + MAIN, TSS(MAIN), 104 + 0x20, 0x89);
	tells(vcpu, 0x55);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

BLOB(trapped, ".code32", "out %eax, $0x10; iret");
BLOB(told_trap, ".code32",
     "push %eax; mov 4(%esp), %eax; out %eax, $0x10; mov %db6, %eax; and $0xe00f, %eax;"
     "out %eax, $0x10; pop %eax; iret");

static void a_task_may_want_a_debug_trap(void)
{
	struct vcpu *vcpu = main_task(BLOB_OF(calls_other));
	struct vm *vm = vcpu->vm;

	put(vm, OTHER_AT, BLOB_OF(trapped));
	put(vm, HANDLER_AT, BLOB_OF(told_trap));
	put_gate(vm, IDT_GPA + 1 * 8, CODE, HANDLER_AT, 0x8e);
	put(vm, TSS(OTHER) + 100, &(u16){ 1 }, 2);
	tells(vcpu, OTHER_AT);
	tells(vcpu, 0x8000);
	tells(vcpu, 0xd0d0d0);
	tells(vcpu, 0x55);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

/* A DOS box: virtual-8086 code, and a handler of its INT at CPL 0 */
BLOB(v86, ".code16", "movzwl %sp, %eax; out %eax, $0x10; mov %cs, %ax; out %eax, $0x10;"
     "int $0x32; out %eax, $0x10; int $0x33");
BLOB(told_v86, ".code32", "mov 8(%esp), %eax; shr $17, %eax; and $1, %eax; iret");
BLOB(back, ".code32", "ljmp $0x28, $0");

static void a_virtual_8086_task(void)
{
	struct vcpu *vcpu;
	struct vm *vm;

	if (on_bochs() && on_amd())
		SKIP("Bochs refuses to run virtual-8086 mode, with the stock modules too");
	vcpu = main_task(BLOB_OF(calls_other));
	vm = vcpu->vm;
	put(vm, OTHER_AT, BLOB_OF(v86));
	put(vm, HANDLER_AT, BLOB_OF(told_v86));
	put_gate(vm, IDT_GPA + 0x32 * 8, CODE, HANDLER_AT, 0xee);
	put(vm, HANDLER_AT + 0x80, BLOB_OF(back));
	put_gate(vm, IDT_GPA + 0x33 * 8, CODE, HANDLER_AT + 0x80, 0xee);
	put(vm, TSS(OTHER) + 32, &(u32){ OTHER_AT - 0x8000 }, 4);
	put(vm, TSS(OTHER) + 36, &(u32){ 0x23002 }, 4);
	put(vm, TSS(OTHER) + 56, &(u32){ 0x1230 }, 4);
	put(vm, TSS(OTHER) + 76, &(u32){ 0x800 }, 4);
	tells(vcpu, 0x1230);
	tells(vcpu, 0x800);
	tells(vcpu, 1);
	put_desc(vm, GDT_GPA + MAIN, TSS(MAIN), 104 + 0x20, 0x89);
	tells(vcpu, 0x55);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(call_jump_gate_and_return),
	TEST(an_interrupt_through_a_task_gate),
	TEST(a_double_fault_has_its_own_task),
	TEST(a_task_has_its_own_page_tables),
	TEST(a_new_task_with_a_bad_segment),
	TEST(a_task_may_want_a_debug_trap),
	TEST(a_virtual_8086_task),
};

TEST_MAIN(tests)
