// SPDX-License-Identifier: GPL-2.0-only
/* Registers in and out: what is set is read back and seen by the guest. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

static void nothing_guest(void)
{
	guest_done();
}

static struct vcpu *a_vcpu(void)
{
	struct vm *vm = vm_new();

	return quick_long(vm, nothing_guest);
}

/* Why an entry failed, in the CPU's words */
static bool refused_by_the_cpu(u32 reason)
{
	if (on_amd())
		return reason == ~0u;		/* VMEXIT_INVALID (APM 2 15.5) */
	/* guest state (SDM 3C 27.8), or an event that cannot be: error 7 (31.4) */
	return reason == 0x80000021 || reason == 7;
}

/* A field that cannot be taken is EINVAL; one that is taken must not break the run. */
static void run_whatever(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int ret;

	ret = run_bounded(vcpu, 100);
	if (ret) {
		CHECK(ret == -EINVAL || ret == -EINTR || ret == -EFAULT, "%d", ret);
	} else if (run->exit_reason == KVM_EXIT_FAIL_ENTRY) {
		CHECK(refused_by_the_cpu(run->fail_entry.hardware_entry_failure_reason),
		      "%#llx",
		      (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
	} else {
		CHECK(run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO ||
		      run->exit_reason == KVM_EXIT_SHUTDOWN ||
		      run->exit_reason == KVM_EXIT_INTERNAL_ERROR,
		      "exit %s", exit_name(run->exit_reason));
	}
}

static void general_registers(void)
{
	struct vcpu *vcpu = a_vcpu();
	struct kvm_regs regs, back;
	u64 *p = (u64 *)&regs;

	for (size_t i = 0; i < sizeof(regs) / 8; i++)
		p[i] = 0x1111111111111111ull * (i % 15 + 1);
	regs.rip = 0x400000;
	regs.rflags = 0x246;
	OK(ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	memset(&back, 0xff, sizeof(back));
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &back));
	EQ(memcmp(&regs, &back, sizeof(regs)), 0);
	/* bit 1 of RFLAGS is always 1 */
	regs.rflags = 0x200;
	OK(ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &back));
	EQ(back.rflags, 0x202);
}

BLOB(swap_regs, ".code64",
     "xchg %rax, %rbx; xchg %rcx, %rdx; xchg %rsi, %rdi; xchg %r8, %r15;"
     "xchg %r9, %r14; xchg %r10, %r13; xchg %r11, %r12; inc %rbp; hlt");

static void the_guest_sees_and_changes_them(void)
{
	struct vcpu *vcpu = a_vcpu();
	struct kvm_regs r, s;

	memcpy(at_gpa(vcpu->vm, SCRATCH_GPA, 256), swap_regs, swap_regs_end - swap_regs);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &r));
	for (int i = 0; i < 16; i++)
		((u64 *)&r)[i] = 0xabcdef0100000000ull + i;
	r.rip = SCRATCH_GPA;
	MUST(!ioctl(vcpu->fd, KVM_SET_REGS, &r));
	MUST_EXIT(vcpu, KVM_EXIT_HLT);
	MUST(!ioctl(vcpu->fd, KVM_GET_REGS, &s));
	CHECK(s.rax == r.rbx && s.rbx == r.rax && s.rcx == r.rdx && s.rdx == r.rcx);
	CHECK(s.rsi == r.rdi && s.rdi == r.rsi && s.r8 == r.r15 && s.r15 == r.r8);
	CHECK(s.r9 == r.r14 && s.r14 == r.r9 && s.r10 == r.r13 && s.r13 == r.r10);
	CHECK(s.r11 == r.r12 && s.r12 == r.r11);
	EQ(s.rbp, r.rbp + 1);
	EQ(s.rsp, r.rsp);
	EQ(s.rip, SCRATCH_GPA + (swap_regs_end - swap_regs));
}

static void reset_state(void)
{
	struct vm *vm = vm_bare();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	EQ(regs.rip, 0xfff0);
	EQ(regs.rflags, 2);
	EQ(regs.rax, 0);
	EQ(regs.rsp, 0);
	EQ(sregs.cs.base, 0xffff0000);
	EQ(sregs.cs.selector, 0xf000);
	EQ(sregs.cs.limit, 0xffff);
	EQ(sregs.ds.base, 0);
	EQ(sregs.ds.limit, 0xffff);
	EQ(sregs.gdt.limit, 0xffff);
	EQ(sregs.idt.limit, 0xffff);
	EQ(sregs.cr0, 0x60000010);
	EQ(sregs.cr3, 0);
	EQ(sregs.cr4, 0);
	EQ(sregs.efer, 0);
	EQ(sregs.apic_base & ~0x100ull, 0xfee00800);
}

static bool same_segment(const struct kvm_segment *a, const struct kvm_segment *b)
{
	return a->base == b->base && a->limit == b->limit && a->selector == b->selector &&
	       a->type == b->type && a->present == b->present && a->dpl == b->dpl &&
	       a->db == b->db && a->s == b->s && a->l == b->l && a->g == b->g;
}

static void compare_sregs(const struct kvm_sregs *a, const struct kvm_sregs *b)
{
	const struct kvm_segment *x = &a->cs, *y = &b->cs;
	static const char *const name[] = { "cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt" };

	for (int i = 0; i < 8; i++) {
		if (x[i].present || y[i].present)
			CHECK(same_segment(&x[i], &y[i]), "%s", name[i]);
	}
	EQ(a->gdt.base, b->gdt.base);
	EQ(a->gdt.limit, b->gdt.limit);
	EQ(a->idt.base, b->idt.base);
	EQ(a->idt.limit, b->idt.limit);
	EQ(a->cr0, b->cr0);
	EQ(a->cr3, b->cr3);
	EQ(a->cr4, b->cr4);
	EQ(a->cr8, b->cr8);
	EQ(a->efer, b->efer);
	EQ(a->apic_base, b->apic_base);
}

static void system_registers(void)
{
	struct vcpu *vcpu = a_vcpu();
	struct kvm_sregs sregs, back;

	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.fs.base = 0x7f1234567000;
	sregs.gs.base = 0xffff888000001000;
	sregs.ds.base = 0x1000;
	sregs.ldt.base = 0x5000;
	sregs.ldt.limit = 0xff;
	sregs.ldt.selector = 0x50;
	sregs.ldt.type = 2;
	sregs.ldt.present = 1;
	sregs.ldt.s = 0;
	/* without an APIC in the kernel, this is where CR8 comes from */
	sregs.cr8 = vcpu->run->cr8 = 9;
	OK(ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &back));
	compare_sregs(&sregs, &back);
	run_to_done(vcpu);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &back));
	compare_sregs(&sregs, &back);
}

static void page_fault_address_guest(void)
{
	u64 cr2;

	asm volatile("mov %%cr2, %0" : "=r"(cr2));
	GEQ(cr2, 0xdeadbeef000);
	asm volatile("mov %0, %%cr2" : : "r"(0x1234000ul));
	guest_done();
}

static void page_fault_address(void)
{
	struct vcpu *vcpu = quick_long(vm_new(), page_fault_address_guest);
	struct kvm_sregs sregs;

	needs_cr2();
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr2 = 0xdeadbeef000;
	OK(ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.cr2, 0xdeadbeef000);
	run_to_done(vcpu);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.cr2, 0x1234000);
}

static void system_registers_2(void)
{
	struct vcpu *vcpu = a_vcpu();
	struct kvm_sregs2 a, b;
	struct kvm_sregs old;

	if (has_cap(vcpu->vm->fd, KVM_CAP_SREGS2) != 1)
		SKIP("KVM_CAP_SREGS2 is not offered");
	OK(ioctl(vcpu->fd, KVM_GET_SREGS2, &a));
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &old));
	EQ(a.cr3, old.cr3);
	EQ(a.efer, old.efer);
	EQ(a.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID, 0);
	OK(ioctl(vcpu->fd, KVM_SET_SREGS2, &a));
	OK(ioctl(vcpu->fd, KVM_GET_SREGS2, &b));
	EQ(memcmp(&a, &b, sizeof(a)), 0);
	a.flags = ~0ull;
	FAILS(ioctl(vcpu->fd, KVM_SET_SREGS2, &a), EINVAL);
	/* page-directory pointers belong to PAE paging alone */
	a.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	FAILS(ioctl(vcpu->fd, KVM_SET_SREGS2, &a), EINVAL);
	run_to_done(vcpu);
}

/* Each of these cannot be in a CPU; EINVAL, and the old state stays. */
static void hostile_system_registers(void)
{
	struct vcpu *vcpu = a_vcpu();
	struct kvm_sregs good, bad, back;

	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &good));
#define REFUSED(change)							\
	do {								\
		bad = good;						\
		change;							\
		CHECK(ioctl(vcpu->fd, KVM_SET_SREGS, &bad) == -1 && errno == EINVAL, \
		      "taken, or errno %d", errno);			\
	} while (0)
	REFUSED(bad.cr4 |= 1ull << 63);
	REFUSED(bad.cr4 |= 1ull << 15);
	REFUSED(bad.cr0 |= 1ull << 32);
	REFUSED(bad.cr0 &= ~1ull);
	REFUSED(bad.cr4 &= ~0x20ull);
	REFUSED(bad.cr0 |= 0x20000000);
	REFUSED(bad.cr3 = ~0ull);
	REFUSED(bad.efer &= ~0x400ull);
	REFUSED(bad.apic_base |= 0x2ff);
	REFUSED(bad.apic_base |= 1ull << 60);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &back));
	compare_sregs(&good, &back);
	run_to_done(vcpu);
}

/* Taken or not, running it must leave the host and the VM whole. */
static void odd_segments_and_tables(void)
{
	struct vcpu *vcpu = a_vcpu();
	struct kvm_sregs good, bad;
	struct kvm_regs regs;

	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &good));
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	for (int i = 0; i < 40; i++) {
		bad = good;
		switch (i % 10) {
		case 0: bad.fs.base = 0x8000000000000000ull >> (i / 10); break;
		case 1: bad.gdt.base = 0xdead000000000000ull; break;
		case 2: bad.idt.base = ~0ull - i; break;
		case 3: memset(&bad.tr, 0xff, sizeof(bad.tr)); break;
		case 4: memset(&bad.cs, i, sizeof(bad.cs)); break;
		case 5: bad.cs.db = bad.cs.l = 1; break;
		case 6: bad.cr8 = ~0ull; break;
		case 7: memset(bad.interrupt_bitmap, 0xff, 32); break;
		case 8: bad.cr3 = 0xffffffffff000ull; break;
		default: memset(&bad.ss, 0xff, sizeof(bad.ss)); break;
		}
		if (ioctl(vcpu->fd, KVM_SET_SREGS, &bad)) {
			EQ(errno, EINVAL);
		} else {
			vcpu->run->immediate_exit = 0;
			run_whatever(vcpu);
		}
		memset(good.interrupt_bitmap, 0, 32);
		OK(ioctl(vcpu->fd, KVM_SET_SREGS, &good));
		OK(ioctl(vcpu->fd, KVM_SET_REGS, &regs));
		start_long(vcpu, nothing_guest);
	}
	run_to_done(vcpu);
}

/* An interrupt in the bitmap is delivered as one that was being injected. */
static void bitmap_handler(struct trapframe *frame)
{
	(void)frame;
}

static void bitmap_guest(void)
{
	guest_vector[0x60] = bitmap_handler;
	guest_sync(0);
	guest_sync(guest_vector_count[0x60]);
	guest_done();
}

static void interrupt_bitmap(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, bitmap_guest);
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	EQ(run_to_sync(vcpu), 0);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	regs.rflags |= 0x200;
	OK(ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	sregs.interrupt_bitmap[1] |= 1ull << (0x60 - 64);
	OK(ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.interrupt_bitmap[1], 1ull << (0x60 - 64));
	EQ(run_to_sync(vcpu), 1);
	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	EQ(sregs.interrupt_bitmap[1], 0);
}

/* FPU and XSAVE */
static void fpu_guest(void)
{
	static u8 fx[512] __attribute__((aligned(16)));

	/* in use, so that nothing is in its initial state */
	asm volatile("fninit; fld1; fstp %%st; movq %0, %%xmm5; movq %0, %%xmm8" : : "r"(-1l));
	guest_sync(0);
	asm volatile("fxsave %0" : "=m"(fx));
	GEQ(*(u16 *)fx, 0x27f);
	for (int i = 0; i < 16; i++)
		GEQ(fx[160 + 16 * 5 + i], 5 * 16 + i);
	asm volatile("pxor %%xmm7, %%xmm7; fninit; fld1" : : : "memory");
	guest_done();
}

/* MXCSR does not travel this way, as clients know; KVM_SET_XSAVE has it. */
static void fpu_state(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, fpu_guest);
	struct kvm_fpu fpu, back;

	EQ(run_to_sync(vcpu), 0);
	OK(ioctl(vcpu->fd, KVM_GET_FPU, &fpu));
	EQ(*(u64 *)fpu.xmm[5], ~0ull);
	EQ(fpu.fcw, 0x37f);
	fpu.fcw = 0x27f;
	for (int i = 0; i < 256; i++)
		((u8 *)fpu.xmm)[i] = i;
	OK(ioctl(vcpu->fd, KVM_SET_FPU, &fpu));
	OK(ioctl(vcpu->fd, KVM_GET_FPU, &back));
	EQ(back.fcw, 0x27f);
	EQ(memcmp(fpu.xmm, back.xmm, sizeof(fpu.xmm)), 0);
	run_to_done(vcpu);
	OK(ioctl(vcpu->fd, KVM_GET_FPU, &back));
	for (int i = 0; i < 16; i++) {
		EQ(back.xmm[7][i], 0);
		EQ(back.xmm[8][i], 8 * 16 + i);
	}
	/* 1.0 on top of the stack */
	EQ(*(u64 *)back.fpr[0], 0x8000000000000000ull);
	EQ(*(u16 *)(back.fpr[0] + 8), 0x3fff);
	EQ(back.ftwx, 0x80);
}

static void reserved_mxcsr_bits(void)
{
	struct vcpu *vcpu = a_vcpu();
	struct kvm_fpu fpu;
	struct kvm_xsave *xsave = calloc(1, 16384);

	OK(ioctl(vcpu->fd, KVM_GET_FPU, &fpu));
	fpu.mxcsr = 0xffffffff;
	ioctl(vcpu->fd, KVM_SET_FPU, &fpu);
	run_to_done(vcpu);
	start_long(vcpu, nothing_guest);
	OK(ioctl(vcpu->fd, KVM_GET_XSAVE, xsave));
	xsave->region[6] = 0xffffffff;
	/* looked at if XSTATE_BV says that SSE's state is there */
	xsave->region[128] |= 3;
	FAILS(ioctl(vcpu->fd, KVM_SET_XSAVE, xsave), EINVAL);
	run_to_done(vcpu);
}

static void xsave_state(void)
{
	struct vcpu *vcpu = a_vcpu();
	int size = has_cap(vcpu->vm->fd, KVM_CAP_XSAVE2);
	u8 *a = calloc(1, 65536), *b = calloc(1, 65536);

	if (size < 4096)
		size = 4096;
	memset(a + size, 0xcc, 64);
	OK(ioctl(vcpu->fd, size > 4096 ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, a));
	for (int i = 0; i < 64; i++)
		EQ(a[size + i], 0xcc);
	for (int i = 0; i < 256; i++)
		a[160 + i] = i ^ 0x5a;
	*(u32 *)(a + 24) = 0x1fa0;
	/* XSTATE_BV: x87 and SSE are there */
	*(u64 *)(a + 512) |= 3;
	OK(ioctl(vcpu->fd, KVM_SET_XSAVE, a));
	OK(ioctl(vcpu->fd, size > 4096 ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, b));
	EQ(memcmp(a + 160, b + 160, 256), 0);
	EQ(*(u32 *)(b + 24), 0x1fa0);
	run_to_done(vcpu);
	/* features that there are not, and a header that is no header */
	*(u64 *)(a + 512) = 1ull << 62;
	FAILS(ioctl(vcpu->fd, KVM_SET_XSAVE, a), EINVAL);
	*(u64 *)(a + 512) = 3;
	*(u64 *)(a + 520) = 1ull << 63;
	ioctl(vcpu->fd, KVM_SET_XSAVE, a);
	memset(a + 528, 0xff, 48);
	ioctl(vcpu->fd, KVM_SET_XSAVE, a);
	memset(a, 0xff, 4096);
	FAILS(ioctl(vcpu->fd, KVM_SET_XSAVE, a), EINVAL);
	start_long(vcpu, nothing_guest);
	run_to_done(vcpu);
}

static int set_xcr(struct vcpu *vcpu, u32 xcr, u64 value)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .xcr = xcr, .value = value } } };

	return ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs);
}

static void extended_control_registers(void)
{
	struct vcpu *vcpu = a_vcpu();
	struct kvm_xcrs xcrs;

	if (has_cap(vcpu->vm->fd, KVM_CAP_XCRS) != 1)
		SKIP("KVM_CAP_XCRS is not offered");
	memset(&xcrs, 0, sizeof(xcrs));
	OK(ioctl(vcpu->fd, KVM_GET_XCRS, &xcrs));
	EQ(xcrs.nr_xcrs, 1);
	EQ(xcrs.xcrs[0].xcr, 0);
	EQ(xcrs.xcrs[0].value, 1);
	OK(set_xcr(vcpu, 0, 3));
	OK(ioctl(vcpu->fd, KVM_GET_XCRS, &xcrs));
	EQ(xcrs.xcrs[0].value, 3);
	FAILS(set_xcr(vcpu, 0, 0), EINVAL);
	FAILS(set_xcr(vcpu, 0, 2), EINVAL);
	FAILS(set_xcr(vcpu, 0, 5), EINVAL);
	FAILS(set_xcr(vcpu, 0, 1ull << 63 | 1), EINVAL);
	xcrs.nr_xcrs = KVM_MAX_XCRS + 1;
	FAILS(ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs), EINVAL);
	xcrs.nr_xcrs = ~0u;
	FAILS(ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs), EINVAL);
	xcrs.nr_xcrs = 1;
	xcrs.flags = 1;
	FAILS(ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs), EINVAL);
	run_to_done(vcpu);
}

/* A VMM gives back what it was told, to a guest without XSAVE as well. */
static void xcr0_without_xsave(void)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);
	struct kvm_xcrs xcrs;

	if (has_cap(vcpu->vm->fd, KVM_CAP_XCRS) != 1)
		SKIP("KVM_CAP_XCRS is not offered");
	OK(ioctl(vcpu->fd, KVM_GET_XCRS, &xcrs));
	EQ(xcrs.xcrs[0].value, 1);
	OK(ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs));
	FAILS(set_xcr(vcpu, 0, 3), EINVAL);
}

static void debug_guest(void)
{
	u64 value;

	asm volatile("mov %%db0, %0" : "=r"(value));
	GEQ(value, 0x1234);
	asm volatile("mov %%db3, %0" : "=r"(value));
	GEQ(value, 0xffff800000004444);
	asm volatile("mov %%db7, %0" : "=r"(value));
	GEQ(value, 0x400);
	asm volatile("mov %0, %%db1" : : "r"(0x9999ul));
	guest_done();
}

static void debug_registers(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, debug_guest);
	struct kvm_debugregs regs, back;

	memset(&regs, 0xff, sizeof(regs));
	OK(ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &regs));
	EQ(regs.dr6, 0xffff0ff0);
	EQ(regs.dr7, 0x400);
	EQ(regs.flags, 0);
	for (int i = 0; i < 9; i++)
		EQ(regs.reserved[i], 0);
	regs.db[0] = 0x1234;
	regs.db[3] = 0xffff800000004444;
	OK(ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &regs));
	OK(ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &back));
	EQ(memcmp(&regs, &back, sizeof(regs)), 0);
	run_to_done(vcpu);
	OK(ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &back));
	EQ(back.db[1], 0x9999);
	regs.flags = 1;
	FAILS(ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &regs), EINVAL);
	regs.flags = 0;
	regs.dr7 = 1ull << 40;
	FAILS(ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &regs), EINVAL);
	regs.dr7 = 0x400;
	regs.dr6 = 1ull << 40;
	FAILS(ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &regs), EINVAL);
}

/* Events: an exception, an NMI, a mask, put in from outside */
static void ud_handler(struct trapframe *frame)
{
	(void)frame;
}

static void events_guest(void)
{
	guest_vector[GP_VECTOR] = ud_handler;
	guest_vector[2] = ud_handler;
	guest_sync(0);
	guest_sync4(guest_vector_count[GP_VECTOR], guest_vector_count[2], 0, 0);
	guest_sync4(guest_vector_count[GP_VECTOR], guest_vector_count[2], 0, 0);
	guest_done();
}

static void events(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, events_guest);
	struct kvm_vcpu_events ev, back;
	struct ucall uc;

	EQ(run_to_sync(vcpu), 0);
	memset(&ev, 0xff, sizeof(ev));
	OK(ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	EQ(ev.exception.injected, 0);
	EQ(ev.nmi.pending, 0);
	EQ(ev.nmi.masked, 0);
	for (size_t i = 0; i < sizeof(ev.reserved); i++)
		EQ(ev.reserved[i], 0);
	OK(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
	/* a #GP that was on its way */
	ev.exception.injected = 1;
	ev.exception.nr = GP_VECTOR;
	ev.exception.has_error_code = 1;
	OK(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
	OK(ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &back));
	EQ(back.exception.injected, 1);
	EQ(back.exception.nr, GP_VECTOR);
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[0], 1);
	EQ(uc.arg[1], 0);
	/* an NMI */
	OK(ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	EQ(ev.exception.injected, 0);
	ev.nmi.pending = 1;
	ev.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	OK(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
	OK(ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &back));
	EQ(back.nmi.pending, 1);
	MUST(run_to_ucall(vcpu, &uc));
	EQ(uc.arg[1], 1);
}

static void hostile_events(void)
{
	struct vcpu *vcpu = a_vcpu();
	struct kvm_vcpu_events good, bad;

	OK(ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &good));
	bad = good;
	bad.flags = 1u << 31;
	FAILS(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &bad), EINVAL);
	bad = good;
	bad.exception.injected = 1;
	bad.exception.nr = 32;
	FAILS(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &bad), EINVAL);
	bad.exception.nr = 2;
	FAILS(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &bad), EINVAL);
	bad.exception.nr = 255;
	FAILS(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &bad), EINVAL);
	/* the payload's capability is off */
	bad = good;
	bad.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	FAILS(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &bad), EINVAL);
	/* anything else is taken or refused, and then run */
	for (int i = 0; i < 256; i += 5) {
		memset(&bad, i, sizeof(bad));
		bad.flags &= 0x1f;
		if (ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &bad) == 0)
			run_whatever(vcpu);
		good.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
			     KVM_VCPUEVENT_VALID_SMM;
		OK(ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &good));
		start_long(vcpu, nothing_guest);
	}
}

static void translate(void)
{
	struct vcpu *vcpu = a_vcpu();
	struct kvm_translation tr = { .linear_address = SCRATCH_GPA + 0x123 };
	u64 *pml4 = at_gpa(vcpu->vm, PT_GPA, 4096);

	OK(ioctl(vcpu->fd, KVM_TRANSLATE, &tr));
	EQ(tr.valid, 1);
	EQ(tr.physical_address, SCRATCH_GPA + 0x123);
	tr.linear_address = 1ull << 40;
	OK(ioctl(vcpu->fd, KVM_TRANSLATE, &tr));
	EQ(tr.valid, 0);
	tr.linear_address = 0xdeadull << 48;
	ioctl(vcpu->fd, KVM_TRANSLATE, &tr);
	/* tables that lie outside memory */
	pml4[1] = 0x7ffffffff000 | 7;
	tr.linear_address = 1ull << 39;
	OK(ioctl(vcpu->fd, KVM_TRANSLATE, &tr));
	EQ(tr.valid, 0);
	run_to_done(vcpu);
}

static const struct test tests[] = {
	TEST(general_registers),
	TEST(the_guest_sees_and_changes_them),
	TEST(reset_state),
	TEST(system_registers),
	TEST(page_fault_address),
	TEST(system_registers_2),
	TEST(hostile_system_registers),
	TEST(odd_segments_and_tables),
	TEST(interrupt_bitmap),
	TEST(fpu_state),
	TEST(reserved_mxcsr_bits),
	TEST(xsave_state),
	TEST(extended_control_registers),
	TEST(xcr0_without_xsave),
	TEST(debug_registers),
	TEST(events),
	TEST(hostile_events),
	TEST(translate),
};

TEST_MAIN(tests)
