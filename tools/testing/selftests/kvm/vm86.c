// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real mode where a hypervisor may run it as something else, as in virtual-8086 mode:
 * flags, segments, faults and registers have to be real mode's, and code that does
 * nothing special has to run by itself. And tasks that are the guest's own.
 */
#include <stdio.h>
#include <string.h>

#include "real.h"

#define START	"xor %ax, %ax; mov %ax, %ds; mov %ax, %es; mov %ax, %ss; mov $0x7000, %sp;"

/* --- flags ---------------------------------------------------------------- */

#define FLAGS_TO_AX	"pushf; pop %ax;"
#define FLAGS_AFTER(v)	"pushw $" #v "; popf; " FLAGS_TO_AX TELL_AX

BLOB(flags, ".code16",
     START VECTOR(flags, 0x42, 1f) FLAGS_TO_AX TELL_AX
     FLAGS_AFTER(0x7202) FLAGS_AFTER(0x3002) FLAGS_AFTER(0x4002) FLAGS_AFTER(0x0202)
     FLAGS_AFTER(0x1003)
     "pushl $0x3f0002; popfl; pushfl; pop %eax; out %eax, $0x10;"
     /* alignment is nobody's affair in real mode */
     "mov %cr0, %eax; or $0x40000, %eax; mov %eax, %cr0; mov 0x9001, %eax; mov %cr0, %eax;"
     "out %eax, $0x10; pushw $0x3203; popf; int $0x42; " FLAGS_TO_AX TELL_AX
     "pushw $0x2046; pushw %cs; pushw $" OFF(flags, 2f) "; iret; hlt; 2: " FLAGS_TO_AX TELL_AX
     "pushl $0x241093; push $0; push %cs; pushl $" OFF(flags, 3f) "; iretl; hlt;"
     "3: pushfl; pop %eax; out %eax, $0x10; cli; sti; " FLAGS_TO_AX TELL_AX "hlt;"
     "1: push %bp; mov %sp, %bp; mov 6(%bp), %ax; pop %bp; " TELL_AX FLAGS_TO_AX TELL_AX "iret");

static void flags_are_real_modes(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(flags));
	struct kvm_regs regs;

	tells(vcpu, 0x46);		/* XOR's */
	tells(vcpu, 0x7202);
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	EQ(regs.rflags, 0x7202);
	tells(vcpu, 0x3002);
	tells(vcpu, 0x4002);
	tells(vcpu, 0x0202);
	tells(vcpu, 0x1003);
	tells(vcpu, 0x240002);		/* ID and AC, but neither VM, VIF, VIP nor RF */
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(*(u32 *)io_data(vcpu) & 0x80040001, 0x40000);
	tells(vcpu, 0x3203);		/* as INT n pushes them */
	tells(vcpu, 0x3003);		/* and leaves them */
	tells(vcpu, 0x3203);
	tells(vcpu, 0x2046);
	tells(vcpu, 0x241093);
	tells(vcpu, 0x1293);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	EQ(regs.rflags, 0x241293);
	vm_free(vcpu->vm);
}

/* --- faults --------------------------------------------------------------- */

/* Vectors 0 to 13 tell their number and the offset that they came from, and go to DI. */
#define FAULTS(b)							\
	"4: push $0; jmp 3f; push $1; jmp 3f; push $2; jmp 3f; push $3; jmp 3f; push $4; jmp 3f;" \
	"push $5; jmp 3f; push $6; jmp 3f; push $7; jmp 3f; push $8; jmp 3f; push $9; jmp 3f;"	\
	"push $10; jmp 3f; push $11; jmp 3f; push $12; jmp 3f; push $13; jmp 3f;"		\
	"3: mov %sp, %bp; pop %ax; shl $16, %eax; mov 2(%bp), %ax; sub %si, %ax;"		\
	"out %eax, $0x10; mov %di, 2(%bp); iret;"
#define FAULT_VECTORS(b)						\
	"mov $14, %cx; xor %di, %di; mov $" OFF(b, 4f) ", %ax; 1: mov %ax, (%di);"		\
	"mov %cs, 2(%di); add $4, %di; add $4, %ax; loop 1b;"
/* SI: where @insn begins; DI: behind it */
#define TRY_INSN(b, insn)						\
	"mov $" OFF(b, 5f) ", %si; mov $" OFF(b, 6f) ", %di; 5: " insn "; 6: "

BLOB(faults, ".code16",
     START FAULT_VECTORS(faults)
     TRY_INSN(faults, "ud2")
     TRY_INSN(faults, "xor %cx, %cx; div %cx")
     TRY_INSN(faults, "int3")
     TRY_INSN(faults, ".byte 0x66, 0xcc")
     TRY_INSN(faults, "mov $0x7f, %al; add $1, %al; into")
     TRY_INSN(faults, ".byte 0xf1")
     "movw $1, 0x9100; movw $5, 0x9102; mov $9, %ax;"
     TRY_INSN(faults, "bound %ax, 0x9100")
     TRY_INSN(faults, "mov 0xffff, %ax")
     TRY_INSN(faults, "movl %eax, 0xfffd")
     TRY_INSN(faults, "mov %ss:0xffff, %ax")
     TRY_INSN(faults, "str %ax")
     TRY_INSN(faults, "sldt %ax")
     TRY_INSN(faults, "lar %ax, %bx")
     TRY_INSN(faults, "arpl %ax, %bx")
     TRY_INSN(faults, "mov $0x10000, %ebx; mov (%ebx), %al")
     TRY_INSN(faults, "mov %cr0, %eax; or $8, %al; mov %eax, %cr0; fnstsw 0x9200")
     "clts; fnstsw 0x9200; smsw %ax; and $8, %ax;" TELL_AX
     "mov $0x174, %ecx; mov $0x1234, %eax; xor %edx, %edx; wrmsr;"
     TRY_INSN(faults, "sysenter")
     "mov $0x174, %ecx; rdmsr; out %eax, $0x10; mov %sp, %ax;" TELL_AX "hlt;"
     FAULTS(faults));

static void faults_go_through_the_ivt(void)
{
	struct vcpu *vcpu;

	if (on_tcg())
		SKIP("TCG knows neither limits nor INT1 in real mode");
	vcpu = real_guest(BLOB_OF(faults));
	tells(vcpu, 6 << 16);
	tells(vcpu, 2);		/* behind XOR */
	tells(vcpu, 3 << 16 | 1);
	tells(vcpu, 3 << 16 | 2);
	tells(vcpu, 4 << 16 | 5);
	tells(vcpu, 1 << 16 | 1);
	tells(vcpu, 5 << 16);
	tells(vcpu, 13 << 16);
	tells(vcpu, 13 << 16);
	tells(vcpu, 12 << 16);
	tells(vcpu, 6 << 16);
	tells(vcpu, 6 << 16);
	tells(vcpu, 6 << 16);
	tells(vcpu, 6 << 16);
	tells(vcpu, 13 << 16 | 6);
	tells(vcpu, 7 << 16 | 8);
	tells(vcpu, 0);
	tells(vcpu, 13 << 16);
	tells(vcpu, 0x1234);
	tells(vcpu, 0x7000);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(msr_must_get(vcpu, 0x174), 0x1234);
	vm_free(vcpu->vm);
}

/* Of CR4, bits that mean something to code without privilege */
BLOB(control, ".code16",
     START "mov %cr4, %eax; or $7, %eax; mov %eax, %cr4; mov %cr4, %eax; out %eax, $0x10;"
     "rdtsc; sgdtl 0x9000; mov 0x9002, %eax; out %eax, $0x10; lgdtl %cs:" OFF(control, 8f) ";"
     "sgdtl 0x9000; mov 0x9002, %eax; out %eax, $0x10; smsw %eax; and $0x80000001, %eax;"
     "out %eax, $0x10; mov %cr0, %eax; and $0x80000001, %eax; out %eax, $0x10;"
     "mov $0x1234, %eax; mov %eax, %dr1; mov %dr1, %eax; out %eax, $0x10; wbinvd; cpuid;"
     "mov $0xc0000080, %ecx; rdmsr; out %eax, $0x10;"
     "hlt; .balign 8; 8: .word 0x17; .long 0x123456");

static void control_registers_are_the_guests(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(control));
	struct kvm_sregs sregs;

	tells(vcpu, 7);
	tells(vcpu, 0);
	tells(vcpu, 0x123456);
	tells(vcpu, 0);
	tells(vcpu, 0);
	tells(vcpu, 0x1234);
	tells(vcpu, 0);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.cr4, 7);
	EQ(sregs.cr0 & 0x80000001, 0);
	EQ(sregs.efer, 0);
	EQ(sregs.cr3, 0);
	EQ(sregs.gdt.base, 0x123456);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* --- segments ------------------------------------------------------------- */

BLOB(segments, ".code16",
     START "mov $0x1234, %ax; mov %ax, %ds; mov $0x4321, %bx; mov %bx, %fs; push $0x900; pop %gs;"
     "lcall $0x7f0, $0x100 + " OFF(segments, 1f) ";" TELL("2")
     "push %cs; push $" OFF(segments, 2f) "; lret; hlt; 2:" TELL("3")
     "push %cs; pop %es; lcall *%cs:" OFF(segments, 8f) ";" TELL("5") "hlt;"
     "1: mov %cs, %ax;" TELL_AX "lret; 3:" TELL("4") "lret;"
     "8: .word 0x100 + " OFF(segments, 3b) ", 0x7f0");

static void is_segment(const struct kvm_segment *seg, u16 selector, u8 type)
{
	EQ(seg->selector, selector);
	EQ(seg->base, selector << 4);
	EQ(seg->limit, 0xffff);
	EQ(seg->type | 1, type);	/* accessed or not */
	EQ(seg->dpl, 0);
	EQ(seg->s, 1);
	EQ(seg->present, 1);
	EQ(seg->db, 0);
	EQ(seg->g, 0);
	EQ(seg->unusable, 0);
}

static void segments_are_real_modes(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(segments));
	struct kvm_sregs first, sregs;

	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &first));
	tells(vcpu, 0x7f0);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	is_segment(&sregs.cs, 0x7f0, sregs.cs.type & 8 ? 11 : 3);
	is_segment(&sregs.ds, 0x1234, 3);
	is_segment(&sregs.es, 0, 3);
	is_segment(&sregs.fs, 0x4321, 3);
	is_segment(&sregs.gs, 0x900, 3);
	is_segment(&sregs.ss, 0, 3);
	EQ(memcmp(&sregs.tr, &first.tr, sizeof(first.tr)), 0);
	EQ(memcmp(&sregs.ldt, &first.ldt, sizeof(first.ldt)), 0);
	for (u32 i = 2; i < 6; i++)
		tells(vcpu, i);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* DS of 4 GiB: what lies below 64 KiB and what lies beyond, many times over */
BLOB(unreal, ".code16",
     "cli; xor %ax, %ax; mov %ax, %ss; mov $0x7000, %sp; lgdtl %cs:" OFF(unreal, 8f) ";"
     SET_PE "mov $0x10, %bx; mov %bx, %ds; mov %bx, %es; and $0xfe, %al; mov %eax, %cr0;"
     "ljmp $0x800, $" OFF(unreal, 1f) "; 1: xor %bx, %bx; mov %bx, %ds; mov %bx, %es;" TELL("1")
     "mov $5000, %cx; 2: addw $3, 0x9000; lodsb; stosb; push %ds; pop %ds; loop 2b;" TELL("2")
     /* across 64 KiB by 16-bit and by 32-bit addresses, and far behind */
     "movl $0x11223344, 0xfffe; mov $0xfffe, %ebx; mov (%ebx), %eax; out %eax, $0x10;"
     "mov $0x400000, %edi; mov $0xfffe, %esi; cld; mov $4, %ecx; rep addr32 movsb;"
     "mov $0x400000, %ebx; mov (%ebx), %eax; out %eax, $0x10; lock incl (%ebx);"
     "mov %es:(%ebx), %eax; out %eax, $0x10; mov %edi, %eax; out %eax, $0x10;"
     "movzwl 0x9000, %eax; out %eax, $0x10; mov %ss:0x9000, %ax; " TELL_AX "hlt;"
     FLAT_GDT LIN(unreal, 9b));

static void long_segments_in_real_mode(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(unreal));
	struct kvm_sregs sregs;
	u64 before, after;

	tells(vcpu, 1);
	before = vcpu_stat(vcpu, "insn_emulation");
	tells(vcpu, 2);
	after = vcpu_stat(vcpu, "insn_emulation");
	if (!no_tss)
		CHECK(after - before < 50, "%u emulated", (u32)(after - before));
	tells(vcpu, 0x11223344);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.ds.limit, 0xffffffff);
	EQ(sregs.ds.selector, 0);
	tells(vcpu, 0x11223344);
	tells(vcpu, 0x11223345);
	tells(vcpu, 0x400004);
	tells(vcpu, 15000);
	tells(vcpu, 15000);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* Segments that a VMM sets and real mode cannot: a small one, and one with another base */
BLOB(odd, ".code16",
     START VECTOR(odd, 13, 3f) "mov $3000, %cx; 1: incw %fs:0x10; loop 1b;" TELL("1")
     "mov %gs:0x20, %eax; out %eax, $0x10; mov $0x902, %ax; mov %ax, %gs; mov %gs:0, %eax;"
     "out %eax, $0x10; mov %fs:0xfff, %ax; 2:" TELL("3") "hlt;"
     "3: pop %ax; pop %ax; pop %ax;" TELL("13") "jmp 2b");

static void segments_set_by_the_vmm(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(odd));
	struct kvm_sregs sregs;

	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.fs.base = 0x9000;
	sregs.fs.selector = 0x900;
	sregs.fs.limit = 0xfff;
	sregs.gs.base = 0x9100;
	sregs.gs.selector = 0x77;
	OK(ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	*(u32 *)(vcpu->vm->ram + 0x9120) = 0x87654321;
	*(u32 *)(vcpu->vm->ram + 0x9020) = 0x99;
	tells(vcpu, 1);
	EQ(*(u16 *)(vcpu->vm->ram + 0x9010), 3000);
	tells(vcpu, 0x87654321);
	tells(vcpu, 0x99);
	if (on_tcg())
		SKIP("TCG knows no limits in real mode");
	tells(vcpu, 13);	/* the limit of FS */
	tells(vcpu, 3);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* --- interrupts ----------------------------------------------------------- */

/* User space may pass an interrupt only when the guest can take it. */
static void interrupt(struct vcpu *vcpu)
{
	struct kvm_interrupt irq = { 0x21 };

	if (!vcpu->run->ready_for_interrupt_injection) {
		EQ(vcpu->run->if_flag, 0);
		vcpu->run->request_interrupt_window = 1;
		MUST_EXIT(vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
		vcpu->run->request_interrupt_window = 0;
	}
	EQ(vcpu->run->if_flag, 1);
	OK(ioctl(vcpu->fd, KVM_INTERRUPT, &irq));
}

/* The handler tells the flags that were pushed. */
BLOB(interrupts, ".code16",
     START VECTOR(interrupts, 0x21, 2f) VECTOR(interrupts, 2, 3f) "movw $0, 0x9000; sti;"
     "pushw $0x3203; popf;" TELL("1")
     "1: nop; cmpw $3, 0x9000; jb 1b; mov %sp, %ax;" TELL_AX "cli;" TELL("4") "nop; sti; nop;"
     TELL("5") "6:" TELL("6") "nop; nop;" TELL("9") "hlt;"
     "2: push %eax; push %bp; mov %sp, %bp; mov 10(%bp), %ax;" TELL_AX "incw 0x9000;"
     "pop %bp; pop %eax; iret;"
     "3: push %eax;" TELL("7") "nop;" TELL("8") "pop %eax; iret");

static void interrupts_with_handlers(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(interrupts));
	struct kvm_vcpu_events events;
	struct kvm_regs regs;

	tells(vcpu, 1);
	for (int i = 0; i < 3; i++) {
		interrupt(vcpu);
		MUST_EXIT(vcpu, KVM_EXIT_IO);
		EQ(*(u32 *)io_data(vcpu) & 0x7300, 0x3200);
		EQ(vcpu->run->if_flag, 0);
	}
	tells(vcpu, 0x7000);
	tells(vcpu, 4);
	/* IF is clear: not now, but behind the instruction after STI */
	interrupt(vcpu);
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(*(u32 *)io_data(vcpu) & 0x7300, 0x3200);
	tells(vcpu, 5);
	tells(vcpu, 6);
	if (on_bochs() && on_amd())
		SKIP("Bochs's SVM gets the step over an IRET wrong, which ends the NMI");
	OK(ioctl(vcpu->fd, KVM_NMI, 0));
	tells(vcpu, 7);
	OK(ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EQ(events.nmi.masked, 1);
	/* The next one waits for IRET. */
	OK(ioctl(vcpu->fd, KVM_NMI, 0));
	tells(vcpu, 8);
	tells(vcpu, 7);
	tells(vcpu, 8);
	tells(vcpu, 9);
	OK(ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	EQ(events.nmi.masked, 0);
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	EQ(regs.rsp, 0x7000);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* Another IVT than the one at 0 */
BLOB(other_ivt, ".code16",
     START VECTOR(other_ivt, 0x42, 1f) "mov $10, %cx; 2: int $0x42; loop 2b; mov %bx, %ax;" TELL_AX
     "xor %bx, %bx; lidtl %cs:" OFF(other_ivt, 8f) "; movw $" OFF(other_ivt, 3f) ", 0x9108;"
     "movw %cs, 0x910a; movw $" OFF(other_ivt, 3f) ", 0x9008; movw %cs, 0x900a;"
     "int $0x42; mov %bx, %ax;" TELL_AX "hlt; 1: inc %bx; iret; 3: mov $0x77, %bx; iret;"
     "8: .word 0x3ff; .long 0x9000");

static void software_interrupts(void)
{
	struct vcpu *vcpu;

	needs_real_interrupts();
	vcpu = real_guest(BLOB_OF(other_ivt));
	tells(vcpu, 10);
	tells(vcpu, 0x77);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* TF: the handler counts what was stepped over, in CX. */
BLOB(steps, ".code16",
     START VECTOR(steps, 1, 1f) VECTOR(steps, 0x42, 2f) "xor %cx, %cx; mov $0x9000, %bp;"
     "pushw $0x102; popf; nop; inc %ax; mov %ax, %ds; cli; pushf; pop %ax; movzwl %ax, %eax;"
     "push $2; popf; out %eax, $0x10; mov %cx, %ax;" TELL_AX
     "xor %cx, %cx; pushw $0x102; popf; int $0x42; nop; push $2; popf; mov %cx, %ax;" TELL_AX
     "hlt; 1: inc %cx; iret; 2: inc %bx; inc %bx; iret");

static void single_steps(void)
{
	struct vcpu *vcpu;

	needs_real_interrupts();
	vcpu = real_guest(BLOB_OF(steps));
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(*(u32 *)io_data(vcpu) & 0x7300, 0x100);
	tells(vcpu, 9);
	/* INT n clears TF; its IRET sets it, for what comes behind the next one. */
	tells(vcpu, 3);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/*
 * The VMM's debugger. First the code and the stack are used: where an instruction
 * exits by a page that is not there yet, Bochs ends its step as well.
 */
BLOB(debugged, ".code16", TELL("1") "pushf; pop %ax;" TELL("2")
     "nop; cli; pushf; pop %ax; int3; inc %bx; inc %bx; hlt");

static void a_debugger_in_the_vmm(void)
{
	struct kvm_guest_debug debug = { KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct vcpu *vcpu = real_guest(BLOB_OF(debugged));
	struct kvm_regs regs;
	u64 start;

	if (on_tcg())
		SKIP("TCG's INT3 in real mode is not intercepted");
	tells(vcpu, 1);
	tells(vcpu, 2);
	vcpu->run->immediate_exit = 1;
	EQ(run_once(vcpu), -EINTR);
	vcpu->run->immediate_exit = 0;
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	start = REAL_GPA + regs.rip;
	OK(ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	for (int i = 1; i < 5; i++) {
		MUST_EXIT(vcpu, KVM_EXIT_DEBUG);
		EQ(vcpu->run->debug.arch.pc, start + i);
	}
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	EQ(regs.rax & 0x7200, 0);
	debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
	OK(ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug));
	MUST_EXIT(vcpu, KVM_EXIT_DEBUG);
	EQ(vcpu->run->debug.arch.pc, start + 4);
	EQ(vcpu->run->debug.arch.exception, 3);
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	regs.rip++;
	OK(ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* --- moving to another VM -------------------------------------------------- */

BLOB(moved, ".code16",
     START "mov $0x3246, %ax; push %ax; popf; mov $0x905, %ax; mov %ax, %gs; mov $0, %bx;"
     "1: inc %bx; movzwl %bx, %eax; out %eax, $0x10; mov %bx, %gs:2; pushf; pop %ax;"
     "and $0x7200, %ax;" TELL_AX "jmp 1b");

static struct vcpu *move_vcpu(struct vcpu *from)
{
	struct vcpu *to = vcpu_new(real_vm(), 0);
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	set_supported_cpuid(to);
	/* The instruction that is out in user space has to be completed. */
	from->run->immediate_exit = 1;
	EQ(run_once(from), -EINTR);
	memcpy(to->vm->ram, from->vm->ram, 0x10000);
	OK(ioctl(from->fd, KVM_GET_REGS, &regs));
	OK(ioctl(from->fd, KVM_GET_SREGS, &sregs));
	OK(ioctl(from->fd, KVM_GET_VCPU_EVENTS, &events));
	vm_free(from->vm);
	OK(ioctl(to->fd, KVM_SET_REGS, &regs));
	OK(ioctl(to->fd, KVM_SET_SREGS, &sregs));
	OK(ioctl(to->fd, KVM_SET_VCPU_EVENTS, &events));
	return to;
}

static void moves_between_vms(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(moved));
	struct kvm_sregs sregs;

	for (u32 i = 1; i < 6; i++) {
		tells(vcpu, i);
		if (i & 1)
			vcpu = move_vcpu(vcpu);
		OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
		OK(ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
		tells(vcpu, 0x3200);
		EQ(*(u16 *)(vcpu->vm->ram + 0x9052), i);
	}
	vm_free(vcpu->vm);
}

/* --- ports, devices and the pages of ours ---------------------------------- */

BLOB(ports, ".code16",
     START "mov $0xffff, %dx; mov $0x55, %al; out %al, %dx; mov $0x6655, %ax; out %ax, %dx;"
     "dec %dx; in %dx, %ax; movzwl %ax, %eax; out %eax, $0x10; mov $0x10, %dx; mov $0x9000, %si;"
     "mov $3, %cx; rep outsl; mov $0xa000, %ax; mov %ax, %es; movl $0x12345678, %es:0x10;"
     "mov %es:0x20, %ax;" TELL_AX "hlt");

static void ports_and_devices(void)
{
	struct vm *vm = vm_bare();
	struct kvm_run *run;
	struct vcpu *vcpu;
	u32 n;

	if (!no_tss)
		MUST(!ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR));
	vm->ram = ram_alloc(RAM_SIZE);
	slot_must(vm, 0, 0, 0, 0xa0000, vm->ram);
	vcpu = vcpu_new(vm, 0);
	run = vcpu->run;
	start_real(vcpu, BLOB_OF(ports));
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(run->io.port, 0xffff);
	EQ(run->io.size, 1);
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(run->io.port, 0xffff);
	EQ(run->io.size, 2);
	EQ(*(u16 *)io_data(vcpu), 0x6655);
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(run->io.port, 0xfffe);
	EQ(run->io.direction, KVM_EXIT_IO_IN);
	*(u16 *)io_data(vcpu) = 0x4321;
	tells(vcpu, 0x4321);
	for (n = 0; n < 3; n += run->io.count) {
		MUST_EXIT(vcpu, KVM_EXIT_IO);
		EQ(run->io.size, 4);
	}
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(run->mmio.phys_addr, 0xa0010);
	EQ(run->mmio.is_write, 1);
	EQ(*(u32 *)run->mmio.data, 0x12345678);
	MUST_EXIT(vcpu, KVM_EXIT_MMIO);
	EQ(run->mmio.phys_addr, 0xa0020);
	*(u16 *)run->mmio.data = 0xabcd;
	tells(vcpu, 0xabcd);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

static bool tss_is_memory(void)
{
	FILE *f = fopen("/sys/module/kvm_intel/parameters/unrestricted_guest", "r");
	int c = f ? fgetc(f) : 0;

	if (f)
		fclose(f);
	return c == 'N';
}

/* Whatever a guest writes into its TSS: it can use its ports. */
BLOB(scribble, ".code16",
     "cli; xor %ax, %ax; mov %ax, %ss; mov $0x7000, %sp; lgdtl %cs:" OFF(scribble, 8f) ";"
     SET_PE "mov $0x10, %bx; mov %bx, %es; and $0xfe, %al; mov %eax, %cr0;"
     "ljmp $0x800, $" OFF(scribble, 1f) "; 1: xor %bx, %bx; mov %bx, %es;" TELL("1")
     "mov $0xfffbd000, %edi; mov $0x3000, %ecx; cld; mov $0xff, %al; rep addr32 stosb;" TELL("2")
     "in $0x20, %ax; mov %ax, %bx; mov $0xfffbd066, %edi; movw $0xffff, %es:(%edi); mov %bx, %ax;"
     TELL_AX "movw $0x2fff, %es:(%edi);" TELL("3") "hlt;"
     FLAT_GDT LIN(scribble, 9b));

static void a_guest_writes_into_the_tss(void)
{
	struct vcpu *vcpu;

	if (!tss_is_memory())
		SKIP("nothing uses the TSS here");
	vcpu = real_guest(BLOB_OF(scribble));
	tells(vcpu, 1);
	tells(vcpu, 2);
	MUST_EXIT(vcpu, KVM_EXIT_IO);
	EQ(vcpu->run->io.direction, KVM_EXIT_IO_IN);
	*(u16 *)io_data(vcpu) = 0x1357;
	tells(vcpu, 0x1357);
	tells(vcpu, 3);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* --- what it costs ---------------------------------------------------------- */

/* Memory, stack, segment loads, near and far calls, strings: nothing special */
BLOB(ordinary, ".code16",
     START "mov $0x900, %ax; mov %ax, %es;" TELL("1") "mov $700, %cx;"
     "1: push %cx; call 2f; lcall $0x800, $" OFF(ordinary, 3f) "; mov %es, %dx; mov %dx, %fs;"
     "mov $8, %cx; xor %si, %si; xor %di, %di; rep movsw; pop %cx; add %cx, %fs:0x100; loop 1b;"
     "mov %es:0x100, %ax;" TELL_AX "hlt; 2: push %bp; mov %sp, %bp; leave; ret;"
     "3: lds %cs:" OFF(ordinary, 8f) ", %si; lret; 8: .long 0");

static void ordinary_code_is_not_emulated(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(ordinary));
	u64 emulated, exits;

	tells(vcpu, 1);
	emulated = vcpu_stat(vcpu, "insn_emulation");
	exits = vcpu_stat(vcpu, "exits");
	tells(vcpu, 700 * 701 / 2 & 0xffff);
	emulated = vcpu_stat(vcpu, "insn_emulation") - emulated;
	exits = vcpu_stat(vcpu, "exits") - exits;
	note("%u instructions emulated, %u exits", (u32)emulated, (u32)exits);
	CHECK(emulated < 50);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vcpu->vm);
}

/* To protected mode and back, again and again */
BLOB(switches, ".code16",
     "cli; xor %ax, %ax; mov %ax, %ss; mov $0x7000, %sp; mov $20, %cx;"
     "1: lgdtl %cs:" OFF(switches, 8f) ";" SET_PE "ljmpl $8, $" LIN(switches, 2f) ";"
     ".code32; 2: mov $0x10, %eax; mov %eax, %ds; incl 0x300000;"
     "ljmp $0x18, $" OFF(switches, 3f) ";"
     ".code16; 3: mov $0x20, %ax; mov %ax, %ds; mov %cr0, %eax; and $0xfe, %al; mov %eax, %cr0;"
     "ljmp $0x800, $" OFF(switches, 4f) "; 4: xor %ax, %ax; mov %ax, %ds; incw 0x9000;"
     "movzwl %cx, %eax; out %eax, $0x10; loop 1b; hlt;" FLAT_GDT LIN(switches, 9b));

static void to_protected_mode_and_back(void)
{
	struct vcpu *vcpu = real_guest(BLOB_OF(switches));
	struct kvm_sregs sregs;

	for (u32 i = 20; i; i--) {
		tells(vcpu, i);
		OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
		is_segment(&sregs.ds, 0, 3);
	}
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	EQ(*(u32 *)(vcpu->vm->ram + 0x300000), 20);
	EQ(*(u16 *)(vcpu->vm->ram + 0x9000), 20);
	vm_free(vcpu->vm);
}

/* --- a virtual-8086 task of the guest's ------------------------------------- */

#define V86_GPA		0xb000u
#define V86_TSS		0xc000u
#define V86_DIR		0xd000u

BLOB(monitor, ".code32",
     "mov $0x10, %eax; mov %eax, %cr4; mov $0xd000, %eax; mov %eax, %cr3; mov %cr0, %eax;"
     "or $0x80000000, %eax; mov %eax, %cr0; lidt 0x8000 + 8f - monitor; mov $0x40, %ax; ltr %ax;"
     /* GS FS DS ES SS SP EFLAGS CS IP */
     "push $0x40; push $0x30; push $0xb00; push $0xa00; push $0x700; push $0xf00; pushl $0x20002;"
     "push $0xb00; push $0; iret;"
     "1: mov 12(%esp), %eax; shr $17, %eax; and $1, %eax; shl $16, %eax; mov 4(%esp), %ax;"
     "out %eax, $0x10; movzwl 24(%esp), %eax; out %eax, $0x10; mov %ds, %eax; movzwl %ax, %eax;"
     "out %eax, $0x10; mov %ss:0xb100, %eax; out %eax, $0x10; hlt;"
     ".balign 8; 9: .fill 13, 8, 0; .word 0x8000 + 1b - monitor, 0x18, 0x8e00, 0;"
     "8: .word 111; .long 0x8000 + 9b - monitor");
BLOB(task, ".code16",
     "movw $0x1111, 0x100; mov $200, %cx; 1: push %cx; pop %dx; incw 0x102; loop 1b;"
     "lcall $0xb00, $2f - task; mov $0x123, %ax; mov %ax, %es; hlt; 2: lret");

static void virtual_8086_tasks(void)
{
	struct kvm_sregs sregs;
	struct vcpu *vcpu;
	u64 emulated;
	struct vm *vm;
	u32 *tss;

	if (on_bochs() && on_amd())
		SKIP("Bochs's SVM panics, with the stock modules too");
	vm = real_vm();
	vcpu = vcpu_new(vm, 0);
	tss = (u32 *)(vm->ram + V86_TSS);
	start_prot32(vcpu, BLOB_OF(monitor));
	memcpy(vm->ram + V86_GPA, task, task_end - task);
	*(u32 *)(vm->ram + V86_DIR) = 0xe7;	/* 4 MiB, user */
	tss[1] = 0x6f00;
	tss[2] = SEL_DATA;
	*(u64 *)(vm->ram + GDT_GPA + 0x40) = 0x0000890000000067 | V86_TSS << 16;
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.gdt.limit = 0x7f;
	OK(ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	emulated = vcpu_stat(vcpu, "insn_emulation");
	/* #GP from HLT, with VM in the flags that were pushed */
	tells(vcpu, 1 << 16 | (task_end - task - 2));
	CHECK(vcpu_stat(vcpu, "insn_emulation") - emulated < 20);
	tells(vcpu, 0x123);
	tells(vcpu, 0);
	tells(vcpu, 200 << 16 | 0x1111);
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	vm_free(vm);
}

TEST_TWICE(flags_are_real_modes)
TEST_TWICE(faults_go_through_the_ivt)
TEST_TWICE(control_registers_are_the_guests)
TEST_TWICE(segments_are_real_modes)
TEST_TWICE(long_segments_in_real_mode)
TEST_TWICE(segments_set_by_the_vmm)
TEST_TWICE(interrupts_with_handlers)
TEST_TWICE(software_interrupts)
TEST_TWICE(single_steps)
TEST_TWICE(a_debugger_in_the_vmm)
TEST_TWICE(moves_between_vms)
TEST_TWICE(ports_and_devices)
TEST_TWICE(to_protected_mode_and_back)
TEST_TWICE(virtual_8086_tasks)

static const struct test tests[] = {
	TESTS(flags_are_real_modes),
	TESTS(faults_go_through_the_ivt),
	TESTS(control_registers_are_the_guests),
	TESTS(segments_are_real_modes),
	TESTS(long_segments_in_real_mode),
	TESTS(segments_set_by_the_vmm),
	TESTS(interrupts_with_handlers),
	TESTS(software_interrupts),
	TESTS(single_steps),
	TESTS(a_debugger_in_the_vmm),
	TESTS(moves_between_vms),
	TESTS(ports_and_devices),
	TEST(a_guest_writes_into_the_tss),
	TEST(ordinary_code_is_not_emulated),
	TESTS(to_protected_mode_and_back),
	TESTS(virtual_8086_tasks),
};

TEST_MAIN(tests)
