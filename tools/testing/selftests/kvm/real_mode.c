// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real mode, and the ways into protected mode and back: segments that are left
 * over, unpaged code, interrupts through the IVT. What the guest finds goes to
 * port 0x10, which is compared with what it should be.
 */
#include <string.h>

#include "real.h"

BLOB(soft_ints, ".code16",
     "xor %ax, %ax; mov %ax, %ds; mov %ax, %es; mov %ax, %ss; mov $0x7000, %sp;"
     "movw $" OFF(soft_ints, 1f) ", 0x42*4; movw %cs, 0x42*4+2;"
     "movw $" OFF(soft_ints, 2f) ", 0; movw %cs, 2;"
     "stc; sti; int $0x42; pushf; pop %bx; and $0x201, %bx; movzwl %bx, %eax; out %eax, $0x10;"
     "cli; xor %ax, %ax; div %al;" TELL("0x33")
     "mov %sp, %ax; movzwl %ax, %eax; out %eax, $0x10; hlt;"
     "1: mov %sp, %bp; movzwl 4(%bp), %eax; and $0x201, %ax; out %eax, $0x10;"
     "pushf; pop %ax; and $0x200, %ax; movzwl %ax, %eax; out %eax, $0x10; iret;"
     "2: mov %sp, %bp; addw $2, (%bp);" TELL("0x22") "iret");

static void interrupts_by_the_ivt(void)
{
	struct vcpu *vcpu;

	needs_real_interrupts();
	vcpu = real_guest(BLOB_OF(soft_ints));
	tells(vcpu, 0x201);	/* the pushed flags: IF and CF */
	tells(vcpu, 0);		/* in the handler IF is clear */
	tells(vcpu, 0x201);
	tells(vcpu, 0x22);	/* a division by zero, stepped over by its handler */
	tells(vcpu, 0x33);
	tells(vcpu, 0x7000);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

BLOB(hlt_for_irq, ".code16",
     "xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x7000, %sp;"
     "movw $" OFF(hlt_for_irq, 2f) ", 0x21*4; movw %cs, 0x21*4+2;"
     "1: sti; hlt; cli;" TELL("0x77") "jmp 1b;"
     "2: push %eax;" TELL("0x21") "pop %eax; iret");

static void an_interrupt_ends_a_halt(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(hlt_for_irq));
	struct kvm_interrupt irq = { 0x21 };

	for (int i = 0; i < 5; i++) {
		MUST_EXIT(vcpu, KVM_EXIT_HLT);
		EQ(vcpu->run->if_flag, 1);
		OK(ioctl(vcpu->fd, KVM_INTERRUPT, &irq));
		tells(vcpu, 0x21);
		tells(vcpu, 0x77);
	}
	vm_free(vcpu->vm);
}

BLOB(strings, ".code16",
     "mov $0x900, %ax; mov %ax, %ds; mov $0xa00, %ax; mov %ax, %es; cld;"
     "xor %di, %di; mov $0x5a, %al; mov $600, %cx; rep stosb;"
     "push %es; pop %ds; xor %si, %si; mov $0xb00, %ax; mov %ax, %es; xor %di, %di;"
     "mov $300, %cx; rep movsw; mov %si, %ax; movzwl %ax, %eax; out %eax, $0x10;"
     "xor %si, %si; xor %di, %di; mov $600, %cx; repe cmpsb; movzwl %cx, %eax;"
     "out %eax, $0x10; mov $0x20, %dx; xor %si, %si; mov $3, %cx; rep outsb;"
     "xor %di, %di; mov $2, %cx; rep insw; mov %es:2, %ax; movzwl %ax, %eax; out %eax, $0x10;"
     "lcall $0x800, $" OFF(strings, 1f) ";" TELL("4") "hlt; 1:" TELL("3") "lret");

static void string_instructions(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(strings));
	unsigned int n = 0;

	tells(vcpu, 600);
	tells(vcpu, 0);
	for (n = 0; n < 3; n += vcpu->run->io.count) {
		MUST_EXIT(vcpu, KVM_EXIT_IO);
		EQ(vcpu->run->io.port, 0x20);
		EQ(*(u8 *)io_data(vcpu), 0x5a);
	}
	for (n = 0; n < 2; n += vcpu->run->io.count) {
		MUST_EXIT(vcpu, KVM_EXIT_IO);
		EQ(vcpu->run->io.direction, KVM_EXIT_IO_IN);
		EQ(vcpu->run->io.size, 2);
		memset(io_data(vcpu), 0x66, 2 * vcpu->run->io.count);
	}
	tells(vcpu, 0x6666);
	tells(vcpu, 3);
	tells(vcpu, 4);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(vcpu->vm->ram[0xb000 + 599], 0x5a);
	vm_free(vcpu->vm);
}

/* DS keeps what real mode gave it, a selector that protected mode would not load. */
BLOB(leftovers, ".code16",
     "cli; mov $0x903, %ax; mov %ax, %ds; movl $0x1234567, 0; lgdtl %cs:" OFF(leftovers, 8f) ";"
     SET_PE "mov 0, %eax; out %eax, $0x10; mov %ds, %ax; movzwl %ax, %eax; out %eax, $0x10;"
     "ljmpl $8, $" LIN(leftovers, 1f) ";"
     ".code32\n1: mov 0, %eax; out %eax, $0x10; mov $0x10, %eax; mov %eax, %ss; mov %eax, %es;"
     "mov $0x7000, %esp; mov %es:0x9030, %eax; out %eax, $0x10;"
     "mov %eax, %es:0x300000; mov %eax, %ds; "
     "hlt;" FLAT_GDT LIN(leftovers, 9b) ";.code16");

static void stale_segments_in_protected_mode(void)
{
	struct vcpu *vcpu;

	needs_shutdown_exits();
	vcpu = real_guest(BLOB_OF(leftovers));
	tells(vcpu, 0x1234567);
	tells(vcpu, 0x903);
	tells(vcpu, 0x1234567);
	tells(vcpu, 0x1234567);
	/* DS = 0x4567 is beyond the GDT, and there is no IDT for the fault. */
	MUST_EXIT(vcpu, KVM_EXIT_SHUTDOWN);
	EQ(*(u32 *)(vcpu->vm->ram + 0x300000), 0x1234567);
	vm_free(vcpu->vm);
}

/* Real mode with segments of 4 GiB */
BLOB(unreal, ".code16",
     "cli; xor %ax, %ax; mov %ax, %ss; mov $0x7000, %sp; lgdtl %cs:" OFF(unreal, 8f) ";"
     SET_PE "mov $0x10, %bx; mov %bx, %ds; and $0xfe, %al; mov %eax, %cr0;"
     "ljmp $0x800, $" OFF(unreal, 1f) "; 1: mov $0x300000, %ebx; movl $0xabcdef, (%ebx);"
     "addl $1, (%ebx); mov (%ebx), %eax; out %eax, $0x10; mov $0x100, %ax; mov %ax, %ds;"
     "mov 0x2ff000(%ecx), %eax; out %eax, $0x10; hlt;" FLAT_GDT LIN(unreal, 9b));

static void big_real_mode(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(unreal));

	tells(vcpu, 0xabcdf0);
	tells(vcpu, 0xabcdf0);	/* a base as in real mode, the limit stays */
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* The guest's control registers are its own, paging or not. */
BLOB(paging, ".code16",
     "cli; xor %ax, %ax; mov %ax, %ds; lgdtl %cs:" OFF(paging, 8f) ";" SET_PE
     "ljmpl $8, $" LIN(paging, 1f) ";"
     ".code32\n1: mov $0x10, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss;"
     "mov $0x7000, %esp; mov $0x30000, %eax; mov %eax, %cr3; mov %cr3, %eax; out %eax, $0x10;"
     "mov %cr4, %eax; out %eax, $0x10; mov %cr0, %eax; and $0x80000001, %eax; out %eax, $0x10;"
     /* 4 MiB pages: itself, and the 2nd 4 MiB is the 1st again */
     "movl $0x83, 0x30000; movl $0x83, 0x30004; movl $0x55, 0x9000;"
     "mov $0x10, %eax; mov %eax, %cr4; mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0;"
     "mov 0x409000, %eax; out %eax, $0x10; mov %cr3, %eax; out %eax, $0x10;"
     "mov %cr0, %eax; and $0x7fffffff, %eax; mov %eax, %cr0;"
     "movl $0x66, 0x409000; mov 0x9000, %eax; out %eax, $0x10; mov %cr4, %eax; out %eax, $0x10;"
     /* by a 16-bit segment back to real mode */
     "mov $0x20, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss;"
     "ljmp $0x18, $" OFF(paging, 2f) ";"
     ".code16\n2: mov %cr0, %eax; and $0xfe, %al; mov %eax, %cr0;"
     "ljmp $0x800, $" OFF(paging, 3f) "; 3: xor %ax, %ax; mov %ax, %ds; mov %ax, %ss;"
     "mov $0x7000, %sp; mov %cr3, %eax; out %eax, $0x10; mov 0x9000, %eax; out %eax, $0x10; hlt;"
     FLAT_GDT LIN(paging, 9b));

static void to_paging_and_back(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(paging));
	struct kvm_sregs sregs;

	tells(vcpu, 0x30000);
	tells(vcpu, 0);
	tells(vcpu, 1);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.cr3, 0x30000);
	EQ(sregs.cr4, 0);
	EQ(sregs.cr0 & 0x80000001, 1);
	tells(vcpu, 0x55);
	tells(vcpu, 0x30000);
	tells(vcpu, 0x55);
	tells(vcpu, 0x10);
	tells(vcpu, 0x30000);
	tells(vcpu, 0x55);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(*(u32 *)(vcpu->vm->ram + 0x409000), 0x66);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.cr3, 0x30000);
	EQ(sregs.cr4, 0x10);
	EQ(sregs.cr0 & 0x80000001, 0);
	vm_free(vcpu->vm);
}

/* Protected-mode events without paging */
BLOB(unpaged, ".code32",
     "lidt 0x8000 + 8f - unpaged; int $3;" TELL("1") "ud2;" TELL("2") "hlt;"
     "3:" TELL("3") "iret; 6: addl $2, (%esp);" TELL("6") "iret;"
     ".balign 8; 9: .fill 3, 8, 0; .word 0x8000 + 3b - unpaged, 0x18, 0x8e00, 0; .fill 2, 8, 0;"
     ".word 0x8000 + 6b - unpaged, 0x18, 0x8e00, 0; 8: .word 55; .long 0x8000 + 9b - unpaged");

static void events_without_paging(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	start_prot32(vcpu, BLOB_OF(unpaged));
	tells(vcpu, 3);
	tells(vcpu, 1);
	tells(vcpu, 6);
	tells(vcpu, 2);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

/* EFER.LME set before paging is on */
BLOB(lme, ".code32",
     "mov $0xc0000080, %ecx; rdmsr; or $0x100, %eax; wrmsr; rdmsr; and $0x500, %eax;"
     "out %eax, $0x10; xor %eax, %eax; mov %eax, %cr3; mov $0x1234, %eax; mov %eax, 0x9000;"
     "rdmsr; and $0x500, %eax; out %eax, $0x10; hlt");

static void long_mode_enabled_not_active(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = vcpu_new(vm, 0);

	if (on_tcg())
		SKIP("TCG does not come out of such a guest");
	start_prot32(vcpu, BLOB_OF(lme));
	tells(vcpu, 0x100);
	tells(vcpu, 0x100);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(*(u32 *)(vm->ram + 0x9000), 0x1234);
	vm_free(vm);
}

/* What code looks at that wants to know if there is an FPU, and other tools of the trade */
BLOB(probing, ".code16",
     "xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x7000, %sp; mov %cr0, %eax; and $0xf1, %al;"
     "mov %eax, %cr0; xor %eax, %eax; fninit; fnstsw 0x9000; fnstcw 0x9002; mov 0x9000, %eax;"
     "out %eax, $0x10; pushfl; pop %eax; mov %eax, %ecx; xor $0x200000, %eax; push %eax; popfl;"
     "pushfl; pop %eax; xor %ecx, %eax; out %eax, $0x10; smsw %ax; and $1, %eax; out %eax, $0x10;"
     "sgdt 0x9010; movzwl 0x9010, %eax; out %eax, $0x10; mov $0x10, %ecx; rdmsr; mov %eax, %ebx;"
     "rdtsc; cmp %ebx, %eax; setae %al; movzbl %al, %eax; out %eax, $0x10;"
     "lss 0x9020, %sp; mov %ss, %eax; shl $16, %eax; mov %sp, %ax; out %eax, $0x10;"
     "enter $4, $0; leave; pusha; popa; mov %esp, %eax; movzwl %ax, %eax; out %eax, $0x10; hlt");

static void what_boot_code_looks_at(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(probing));

	*(u32 *)(vcpu->vm->ram + 0x9020) = 0x01006ff0;
	tells(vcpu, 0x037f0000);
	tells(vcpu, 0x200000);	/* EFLAGS.ID: there is CPUID */
	tells(vcpu, 0);
	tells(vcpu, 0xffff);
	tells(vcpu, 1);
	tells(vcpu, 0x01006ff0);
	tells(vcpu, 0x6ff0);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* Real mode's selectors are addresses: all their bits are, those that are an RPL elsewhere too. */
BLOB(odd_cs, ".code16",
     "xor %ax, %ax; mov %ax, %ss; mov $0x7000, %sp; mov $0x803, %ax; mov %ax, %ds;"
     "ljmp $0x7fd, $" OFF(odd_cs, 1f) "+0x30; 1: mov %cs, %eax; movzwl %ax, %eax; out %eax, $0x10;"
     "mov $0x902, %ax; mov %ax, %ss; mov %ss, %eax; movzwl %ax, %eax; out %eax, $0x10;"
     "lcall $0x7fe, $" OFF(odd_cs, 2f) "+0x20; hlt; 2: mov %cs, %eax; movzwl %ax, %eax;"
     "out %eax, $0x10; lret");

static void selectors_of_all_bits(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(odd_cs));

	tells(vcpu, 0x7fd);
	tells(vcpu, 0x902);
	tells(vcpu, 0x7fe);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

BLOB(no_ivt, ".code16", "lidtl %cs:" OFF(no_ivt, 8f) "; int $0x10; hlt; 8: .word 0; .long 0");

static void without_an_ivt_it_shuts_down(void)
{
	struct vcpu *vcpu;

	needs_shutdown_exits();
	vcpu = real_guest(BLOB_OF(no_ivt));
	MUST_EXIT(vcpu, KVM_EXIT_SHUTDOWN);
	vm_free(vcpu->vm);
}

TEST_TWICE(interrupts_by_the_ivt)
TEST_TWICE(an_interrupt_ends_a_halt)
TEST_TWICE(string_instructions)
TEST_TWICE(stale_segments_in_protected_mode)
TEST_TWICE(big_real_mode)
TEST_TWICE(to_paging_and_back)
TEST_TWICE(selectors_of_all_bits)
TEST_TWICE(what_boot_code_looks_at)
TEST_TWICE(without_an_ivt_it_shuts_down)

static const struct test tests[] = {
	TESTS(interrupts_by_the_ivt),
	TESTS(an_interrupt_ends_a_halt),
	TESTS(string_instructions),
	TESTS(stale_segments_in_protected_mode),
	TESTS(big_real_mode),
	TESTS(to_paging_and_back),
	TESTS(selectors_of_all_bits),
	TESTS(what_boot_code_looks_at),
	TESTS(without_an_ivt_it_shuts_down),
	TEST(events_without_paging),
	TEST(long_mode_enabled_not_active),
};

TEST_MAIN(tests)
