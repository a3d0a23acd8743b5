// SPDX-License-Identifier: GPL-2.0-only
/*
 * System management mode: SMIs by every way, the state-save area in both layouts,
 * RSM to every mode, what is held off meanwhile, and areas that nobody could have
 * saved. SMRAM is 64 KiB of address space 1 alone; all other memory is in both.
 */
#include <stdlib.h>
#include <string.h>

#include "vm.h"

#define PORT		0x10
#define SMBASE		0x30000ul
#define SMRAM_SIZE	0x10000ul
#define MSR_SMI_COUNT	0x34
#define MSR_SMBASE	0x9e
#define SPACE(n)	((n) << 16)

#define CR0_PE		1ul
#define CR0_PG		(1ul << 31)
#define CR4_PAE		0x20ul

struct smm {
	struct vm *vm;
	struct vcpu *vcpu;
	u8 *smram;
};

/* The area, by the offsets of the manuals (from SMBASE + 8000h) */
#define SAVED(s, type, at)	(*(type *)((s)->smram + 0x8000 + (at)))

/* Two stops, so that things can come between. */
BLOB(handler, ".code16",
     "mov $0x51, %eax; out %eax, $0x10; mov $0x52, %eax; out %eax, $0x10; rsm");
#define BEGINS	0x51
#define ENDS	0x52

/* Where @smram is at SMBASE in space 1 */
static void map_spaces(struct vm *vm, void *smram)
{
	const u64 above = SMBASE + SMRAM_SIZE;

	slot_must(vm, SPACE(1), 0, 0, SMBASE, vm->ram);
	slot_must(vm, SPACE(1) | 1, 0, SMBASE, SMRAM_SIZE, smram);
	slot_must(vm, SPACE(1) | 2, 0, above, RAM_SIZE - above, vm->ram + above);
}

static struct smm *smm_in(struct vm *vm)
{
	struct smm *s = calloc(1, sizeof(*s));

	MUST(s && has_cap(vm->fd, KVM_CAP_X86_SMM) == 1);
	s->vm = vm;
	s->smram = ram_alloc(SMRAM_SIZE);
	memcpy(s->smram + 0x8000, BLOB_OF(handler));
	map_spaces(vm, s->smram);
	s->vcpu = vcpu_new(vm, 0);
	return s;
}

static void smm_end(struct smm *s)
{
	vm_free(s->vm);
	free(s);
}

static void tells(struct smm *s, u32 value, bool in_smm)
{
	MUST_EXIT(s->vcpu, KVM_EXIT_IO);
	EQ(s->vcpu->run->io.port, PORT);
	EQ(*(u32 *)io_data(s->vcpu), value);
	EQ(s->vcpu->run->flags & KVM_RUN_X86_SMM, in_smm);
}

/* The access that made the last exit is done: registers are those behind it. */
static void finish_io(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	EQ(run_once(vcpu), -EINTR);
	vcpu->run->immediate_exit = 0;
}

static void smi(struct smm *s)
{
	OK(ioctl(s->vcpu->fd, KVM_SMI, 0));
}

static struct kvm_vcpu_events events_of(struct vcpu *vcpu)
{
	struct kvm_vcpu_events ev;

	OK(ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &ev));
	CHECK(ev.flags & KVM_VCPUEVENT_VALID_SMM);
	return ev;
}

static struct kvm_regs regs_of(struct vcpu *vcpu)
{
	struct kvm_regs regs;

	OK(ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	return regs;
}

static struct kvm_sregs sregs_of(struct vcpu *vcpu)
{
	struct kvm_sregs sregs;

	OK(ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	return sregs;
}

/* SYNCs with what was passed in RBX the last time, and its own R15. */
static void echo_guest(void)
{
	u64 n = 1, r15 = 0xf15;

	for (;;) {
		guest_sync4(n, r15, 0, 0);
		asm volatile("mov %%r15, %1" : "+b"(n), "=r"(r15) : : "r15");
	}
}

/* Stock KVM finds a single vCPU's APIC after the first change there. */
static void apic_guest(void)
{
	apic_enable();
	echo_guest();
}

static struct smm *echo(struct vm *vm)
{
	struct smm *s = smm_in(vm);
	struct kvm_lapic_state lapic;

	start_long(s->vcpu, ioctl(s->vcpu->fd, KVM_GET_LAPIC, &lapic) ? echo_guest : apic_guest);
	EQ(run_to_sync(s->vcpu), 1);
	finish_io(s->vcpu);
	return s;
}

static void capabilities(void)
{
	struct vm *vm = vm_new();

	EQ(has_cap(vm->fd, KVM_CAP_X86_SMM), 1);
	EQ(has_cap(vm->fd, KVM_CAP_MULTI_ADDRESS_SPACE), 2);
	vm_free(vm);
}

static void check_saved_gprs(struct smm *s, const struct kvm_regs *r)
{
	const u64 gpr[] = {
		r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
		r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15,
	};

	for (u32 i = 0; i < ARRAY_SIZE(gpr); i++)
		EQ(SAVED(s, u64, 0x7ff8 - 8 * i), gpr[i]);
	EQ(SAVED(s, u64, 0x7f78), r->rip);
	EQ(SAVED(s, u64, 0x7f70), r->rflags);
}

static void check_saved_sregs(struct smm *s, const struct kvm_sregs *r)
{
	EQ(SAVED(s, u64, 0x7f58), r->cr0);
	EQ(SAVED(s, u64, 0x7f50), r->cr3);
	EQ(SAVED(s, u64, 0x7f48), r->cr4);
	EQ(SAVED(s, u64, 0x7ed0), r->efer);
	EQ(SAVED(s, u32, 0x7f00), SMBASE);
	EQ(SAVED(s, u32, 0x7efc), 0x20064);
	EQ(SAVED(s, u16, 0x7e10), r->cs.selector);
	EQ(SAVED(s, u32, 0x7e14), r->cs.limit);
	EQ(SAVED(s, u64, 0x7e18), r->cs.base);
	EQ(SAVED(s, u16, 0x7e12) >> 13 & 1, r->cs.l);
	EQ(SAVED(s, u16, 0x7e20), r->ss.selector);
	EQ(SAVED(s, u16, 0x7e90), r->tr.selector);
	EQ(SAVED(s, u64, 0x7e98), r->tr.base);
	EQ(SAVED(s, u64, 0x7e68), r->gdt.base);
	EQ(SAVED(s, u16, 0x7e64), r->gdt.limit);
	EQ(SAVED(s, u64, 0x7e88), r->idt.base);
	EQ(SAVED(s, u16, 0x7e84), r->idt.limit);
}

static void check_entry_state(struct smm *s, const struct kvm_regs *before,
			      const struct kvm_sregs *sbefore)
{
	struct kvm_sregs sr = sregs_of(s->vcpu);
	struct kvm_regs r = regs_of(s->vcpu);
	struct kvm_debugregs dr;

	EQ(r.rbx, before->rbx);
	EQ(r.rsp, before->rsp);
	EQ(r.r15, before->r15);
	EQ(r.rflags, 2);
	CHECK(r.rip > 0x8000 && r.rip < 0x8010);
	EQ(sr.cr0, sbefore->cr0 & ~0x8000000dul);
	EQ(sr.cr3, sbefore->cr3);
	EQ(sr.cr4, 0);
	EQ(sr.efer, 0);
	EQ(sr.cs.base, SMBASE);
	EQ(sr.cs.selector, SMBASE >> 4);
	EQ(sr.cs.limit, 0xffffffff);
	EQ(sr.ds.base, 0);
	EQ(sr.ds.selector, 0);
	EQ(sr.gs.limit, 0xffffffff);
	EQ(sr.idt.limit, 0);
	EQ(sr.gdt.base, sbefore->gdt.base);
	OK(ioctl(s->vcpu->fd, KVM_GET_DEBUGREGS, &dr));
	EQ(dr.dr7, 0x400);
	EQ(events_of(s->vcpu).smi.smm, 1);
	EQ(events_of(s->vcpu).nmi.masked, 1);
}

/* All that is saved, what the handler starts with, and what RSM brings back. */
static void to_64_bits_and_back(void)
{
	struct smm *s = echo(vm_new());
	struct kvm_sregs sregs = sregs_of(s->vcpu), after;
	struct kvm_regs regs = regs_of(s->vcpu);
	struct ucall uc;
	u64 count;

	MUST(msr_get(s->vcpu, MSR_SMI_COUNT, &count) == 1);
	smi(s);
	EQ(events_of(s->vcpu).smi.pending, 1);
	EQ(events_of(s->vcpu).smi.smm, 0);
	tells(s, BEGINS, true);
	check_saved_gprs(s, &regs);
	check_saved_sregs(s, &sregs);
	check_entry_state(s, &regs, &sregs);
	SAVED(s, u64, 0x7fe0) = 0x1234567890;	/* RBX */
	SAVED(s, u64, 0x7f80) = ~0ull;		/* R15 */
	tells(s, ENDS, true);
	MUST(run_to_ucall(s->vcpu, &uc));
	EQ(s->vcpu->run->flags & KVM_RUN_X86_SMM, 0);
	EQ(uc.arg[0], 0x1234567890);
	EQ(uc.arg[1], ~0ull);
	after = sregs_of(s->vcpu);
	EQ(after.cr0, sregs.cr0);
	EQ(after.cr4, sregs.cr4);
	EQ(after.efer, sregs.efer);
	EQ(after.idt.limit, sregs.idt.limit);
	EQ(after.cs.l, 1);
	EQ(after.tr.base, sregs.tr.base);
	EQ(msr_must_get(s->vcpu, MSR_SMI_COUNT), count + 1);
	EQ(events_of(s->vcpu).smi.smm, 0);
	/* Bochs's VT-x keeps NMIs blocked until an IRET, whatever the VMCS says. */
	if (!on_bochs() || on_amd())
		EQ(events_of(s->vcpu).nmi.masked, 0);
	smm_end(s);
}

BLOB(real_loop, ".code16",
     "mov $0x1000, %ax; mov %ax, %ds; mov $7, %eax; 1: out %eax, $0x10; inc %eax; jmp 1b");

static void to_real_mode_and_back(void)
{
	struct smm *s = smm_in(vm_new());
	struct kvm_sregs sregs;

	set_supported_cpuid(s->vcpu);
	start_real(s->vcpu, BLOB_OF(real_loop));
	tells(s, 7, false);
	finish_io(s->vcpu);
	sregs = sregs_of(s->vcpu);
	smi(s);
	tells(s, BEGINS, true);
	EQ(SAVED(s, u32, 0x7f58) & CR0_PE, 0);
	EQ(SAVED(s, u64, 0x7e18), REAL_GPA);
	EQ(SAVED(s, u16, 0x7e30), 0x1000);
	SAVED(s, u32, 0x7ff8) = 0x100;		/* EAX, to be incremented */
	tells(s, ENDS, true);
	tells(s, 0x101, false);
	EQ(sregs_of(s->vcpu).cs.base, sregs.cs.base);
	EQ(sregs_of(s->vcpu).ds.base, 0x10000);
	EQ(sregs_of(s->vcpu).cs.limit, sregs.cs.limit);
	smm_end(s);
}

BLOB(prot_loop, ".code32",
     "1: mov 0x200100, %eax; out %eax, $0x10; mov %ebx, %eax; out %eax, $0x10; jmp 1b");

/* PAE paging, the tables' lower half being those of long mode; and with @lm a 64-bit CPU. */
static struct smm *pae_guest(bool lm)
{
	struct smm *s = smm_in(vm_new());
	struct kvm_cpuid2 *cpuid = cpuid_supported(s->vm->kvm);
	u64 *pdpt = at_gpa(s->vm, FREE_GPA, 4096);
	struct kvm_sregs sregs;

	for (u64 i = 0; i < 4; i++)
		pdpt[i] = (PT_GPA + 0x2000 + i * 0x1000) | 1;
	*(u32 *)at_gpa(s->vm, SCRATCH_GPA + 0x100, 4) = 0xabc;
	start_prot32(s->vcpu, BLOB_OF(prot_loop));
	if (!lm)
		cpuid_find(cpuid, 0x80000001, 0)->edx &= ~(1u << 29);
	OK(ioctl(s->vcpu->fd, KVM_SET_CPUID2, cpuid));
	free(cpuid);
	sregs = sregs_of(s->vcpu);
	sregs.cr3 = FREE_GPA;
	sregs.cr4 |= CR4_PAE;
	sregs.cr0 |= CR0_PG;
	OK(ioctl(s->vcpu->fd, KVM_SET_SREGS, &sregs));
	tells(s, 0xabc, false);
	tells(s, 0, false);
	finish_io(s->vcpu);
	return s;
}

/* QEMU sets the accessed bit of entries that have none: RSM would not load them again. */
static void clean_pdpt(struct smm *s)
{
	u64 *pdpt = at_gpa(s->vm, FREE_GPA, 4096);

	for (u64 i = 0; i < 4; i++)
		pdpt[i] &= ~0x20ul;
}

static void to_pae_paging_and_back(void)
{
	struct smm *s = pae_guest(true);

	smi(s);
	tells(s, BEGINS, true);
	clean_pdpt(s);
	EQ(SAVED(s, u32, 0x7f58) & CR0_PG, CR0_PG);
	EQ(SAVED(s, u64, 0x7f50), FREE_GPA);
	SAVED(s, u32, 0x7fe0) = 0x77;
	tells(s, ENDS, true);
	tells(s, 0xabc, false);
	tells(s, 0x77, false);
	smm_end(s);
}

/* A CPU without long mode has the other layout. */
static void the_32_bit_layout(void)
{
	struct smm *s = pae_guest(false);
	struct kvm_sregs sregs = sregs_of(s->vcpu);
	struct kvm_regs regs = regs_of(s->vcpu);

	smi(s);
	tells(s, BEGINS, true);
	clean_pdpt(s);
	EQ(SAVED(s, u32, 0x7ffc), sregs.cr0);
	EQ(SAVED(s, u32, 0x7ff8), FREE_GPA);
	EQ(SAVED(s, u32, 0x7ff4), regs.rflags);
	EQ(SAVED(s, u32, 0x7ff0), regs.rip);
	EQ(SAVED(s, u32, 0x7fe0), regs.rsp);
	EQ(SAVED(s, u32, 0x7fd0), 0);
	EQ(SAVED(s, u32, 0x7fac), SEL_CODE32);
	EQ(SAVED(s, u32, 0x7fb0), SEL_DATA);
	EQ(SAVED(s, u32, 0x7efc), 0x20000);
	EQ(SAVED(s, u32, 0x7ef8), SMBASE);
	EQ(SAVED(s, u32, 0x7f14), sregs.cr4);
	SAVED(s, u32, 0x7fdc) = 0x99;		/* EBX */
	tells(s, ENDS, true);
	tells(s, 0xabc, false);
	tells(s, 0x99, false);
	EQ(sregs_of(s->vcpu).cr4, sregs.cr4);
	EQ(sregs_of(s->vcpu).cs.db, 1);
	EQ(sregs_of(s->vcpu).cs.limit, 0xffffffff);
	smm_end(s);
}

#define ELSEWHERE	0x50000ul

static void base_guest(void)
{
	u64 value;

	guest_sync(guest_try_rdmsr(MSR_SMBASE, &value));
	guest_sync(guest_try_wrmsr(MSR_SMBASE, SMBASE));
	guest_sync(0);
	guest_sync(0);
}

/* By the area alone; the MSR is the VMM's. */
static void relocation(void)
{
	struct smm *s = smm_in(vm_new());

	start_long(s->vcpu, base_guest);
	EQ(run_to_sync(s->vcpu), 13);
	EQ(run_to_sync(s->vcpu), 13);
	EQ(msr_must_get(s->vcpu, MSR_SMBASE), SMBASE);
	smi(s);
	tells(s, BEGINS, true);
	SAVED(s, u32, 0x7f00) = ELSEWHERE;
	tells(s, ENDS, true);
	EQ(run_to_sync(s->vcpu), 0);
	EQ(msr_must_get(s->vcpu, MSR_SMBASE), ELSEWHERE);
	memcpy(at_gpa(s->vm, ELSEWHERE + 0x8000, 64), BLOB_OF(handler));
	smi(s);
	tells(s, BEGINS, true);
	EQ(sregs_of(s->vcpu).cs.base, ELSEWHERE);
	EQ(*(u32 *)at_gpa(s->vm, ELSEWHERE + 0xff00, 4), ELSEWHERE);
	tells(s, ENDS, true);
	EQ(run_to_sync(s->vcpu), 0);
	smm_end(s);
}

BLOB(writer, ".code16",
     "mov $0x30010, %esi; mov (%esi), %eax; out %eax, $0x10; movl $0x5ec2e7, (%esi);"
     "mov $0x200100, %esi; mov (%esi), %eax; out %eax, $0x10; movl $0x600d, (%esi); rsm");

static void looking_guest(void)
{
	for (;;) {
		guest_sync4(MMIO(u32, SMBASE + 0x10), MMIO(u32, SCRATCH_GPA + 0x100), 0, 0);
		MMIO(u32, SMBASE + 0x10) += 1;
		MMIO(u32, SCRATCH_GPA + 0x100) += 1;
	}
}

/* Neither sees the other's, and what they share both see at once. */
static void two_address_spaces(void)
{
	struct smm *s = smm_in(vm_new());
	struct ucall uc;

	memcpy(s->smram + 0x8000, BLOB_OF(writer));
	*(u32 *)(s->smram + 0x10) = 0x111;
	*(u32 *)at_gpa(s->vm, SMBASE + 0x10, 4) = 0x222;
	start_long(s->vcpu, looking_guest);
	for (u32 i = 0; i < 4; i++) {
		MUST(run_to_ucall(s->vcpu, &uc));
		EQ(uc.arg[0], 0x222 + i);
		EQ(uc.arg[1], i ? 0x600e : 0);
		finish_io(s->vcpu);
		smi(s);
		tells(s, i ? 0x5ec2e7 : 0x111, true);
		/* the SMI came before the guest's additions */
		tells(s, i ? 0x600e : 0, true);
	}
	EQ(*(u32 *)(s->smram + 0x10), 0x5ec2e7);
	EQ(*(u32 *)at_gpa(s->vm, SMBASE + 0x10, 4), 0x225);
	smm_end(s);
}

/* The log of one space knows nothing of the other. */
static void dirty_logs(void)
{
	struct smm *s = echo(vm_new());
	struct kvm_dirty_log log = { .slot = SPACE(1) | 1 };
	u64 bits = 0;

	log.dirty_bitmap = &bits;
	slot_must(s->vm, SPACE(1) | 1, KVM_MEM_LOG_DIRTY_PAGES, SMBASE, SMRAM_SIZE, s->smram);
	OK(ioctl(s->vm->fd, KVM_GET_DIRTY_LOG, &log));
	memcpy(s->smram + 0x8000, BLOB_OF(writer));
	smi(s);
	tells(s, 0, true);
	tells(s, 0, true);
	run_to_sync(s->vcpu);
	OK(ioctl(s->vm->fd, KVM_GET_DIRTY_LOG, &log));
	/* what the handler wrote, and the area; stock KVM counts its code as written */
	EQ(bits & ~(on_stock_kvm() ? 1ul << 8 : 0), 1 | 1 << 15);
	log.slot = 0;
	FAILS(ioctl(s->vm->fd, KVM_GET_DIRTY_LOG, &log), ENOENT);
	smm_end(s);
}

static void ipi_guest(void)
{
	apic_enable();
	guest_sync(1);
	apic_icr(apic_id(), 0x4200);
	guest_sync(2);
	guest_sync(3);
	guest_done();
}

static void msi(struct smm *s, u32 data)
{
	struct kvm_msi m = { .address_lo = APIC_BASE, .data = data };

	EQ(ioctl(s->vm->fd, KVM_SIGNAL_MSI, &m), 1);
}

static void through_the_local_apic(void)
{
	struct smm *s = smm_in(vm_new_irqchip());

	start_long(s->vcpu, ipi_guest);
	EQ(run_to_sync(s->vcpu), 1);
	tells(s, BEGINS, true);		/* from itself */
	tells(s, ENDS, true);
	EQ(run_to_sync(s->vcpu), 2);
	msi(s, 0x200);
	tells(s, BEGINS, true);
	tells(s, ENDS, true);
	EQ(run_to_sync(s->vcpu), 3);
	run_to_done(s->vcpu);
	smm_end(s);
}

static void halting_guest(void)
{
	guest_sync(1);
	asm volatile("sti; hlt; cli" : : : "memory");
	guest_sync(2);
	guest_done();
}

static void must_halt(struct smm *s)
{
	struct kvm_mp_state mp;

	EQ(run_bounded(s->vcpu, 50 * test_patience()), -EINTR);
	OK(ioctl(s->vcpu->fd, KVM_GET_MP_STATE, &mp));
	EQ(mp.mp_state, KVM_MP_STATE_HALTED);
}

static struct smm *halted(bool exits)
{
	struct vm *vm = vm_new_irqchip();
	struct smm *s;

	if (!exits)
		OK(enable_cap(vm->fd, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT));
	s = smm_in(vm);
	start_long(s->vcpu, halting_guest);
	EQ(run_to_sync(s->vcpu), 1);
	if (exits)
		must_halt(s);
	else
		EQ(run_bounded(s->vcpu, 50 * test_patience()), -EINTR);
	smi(s);
	tells(s, BEGINS, true);
	return s;
}

/* The HLT goes on, unless the handler says otherwise: stock KVM always ends it. */
static void an_smi_comes_into_a_halt(void)
{
	struct smm *s = halted(true);
	bool again = SAVED(s, u8, 0x7ec9) & 1;
	struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };

	CHECK(again || on_stock_kvm(), "the area does not tell of the HLT");
	tells(s, ENDS, true);
	if (again) {
		must_halt(s);
		OK(ioctl(s->vcpu->fd, KVM_SET_MP_STATE, &mp));
	}
	EQ(run_to_sync(s->vcpu), 2);
	smm_end(s);
}

static void a_handler_ends_a_halt(void)
{
	struct smm *s = halted(true);

	SAVED(s, u8, 0x7ec9) = 0;
	tells(s, ENDS, true);
	EQ(run_to_sync(s->vcpu), 2);
	smm_end(s);
}

/* The CPU itself is in the HLT, and not in the handler. */
static void an_smi_comes_into_a_halt_without_exits(void)
{
	struct smm *s;

	if (on_bochs() || on_amd())
		SKIP("Bochs's VT-x, and all AMD-V, end such a HLT with the host's next interrupt");
	s = halted(false);
	SAVED(s, u8, 0x7ec9) = 0;
	tells(s, ENDS, true);
	EQ(run_to_sync(s->vcpu), 2);
	smm_end(s);
}

BLOB(halting_handler, ".code16",
     "mov $0x51, %eax; out %eax, $0x10; hlt; mov $0x52, %eax; out %eax, $0x10; rsm");

/* A second SMI waits for RSM and ends no HLT; a third is lost. */
static void one_smi_waits(void)
{
	struct smm *s = echo(vm_new_irqchip());
	struct kvm_regs regs = regs_of(s->vcpu);
	struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };

	memcpy(s->smram + 0x8000, BLOB_OF(halting_handler));
	smi(s);
	tells(s, BEGINS, true);
	smi(s);
	smi(s);
	EQ(events_of(s->vcpu).smi.pending, 1);
	must_halt(s);
	OK(ioctl(s->vcpu->fd, KVM_SET_MP_STATE, &mp));
	tells(s, ENDS, true);
	tells(s, BEGINS, true);
	EQ(SAVED(s, u64, 0x7f78), regs.rip);
	EQ(events_of(s->vcpu).smi.pending, 0);
	must_halt(s);
	OK(ioctl(s->vcpu->fd, KVM_SET_MP_STATE, &mp));
	tells(s, ENDS, true);
	run_to_sync(s->vcpu);
	smm_end(s);
}

static volatile u32 nmis;

static void on_nmi(struct trapframe *frame)
{
	(void)frame;
	nmis++;
	guest_sync(0x2222);
}

static void nmi_guest(void)
{
	guest_warm();
	guest_vector[2] = on_nmi;
	guest_sync(1);
	for (;;)
		guest_sync(0x100 + nmis);
}

/* In SMM an NMI waits, and of both the SMI comes first. */
static void an_nmi_waits(void)
{
	struct smm *s = smm_in(vm_new_irqchip());

	start_long(s->vcpu, nmi_guest);
	EQ(run_to_sync(s->vcpu), 1);
	OK(ioctl(s->vcpu->fd, KVM_NMI, 0));
	smi(s);
	tells(s, BEGINS, true);
	EQ(AT(s->vm, nmis), 0);
	tells(s, ENDS, true);
	EQ(run_to_sync(s->vcpu), 0x2222);
	EQ(run_to_sync(s->vcpu), 0x101);
	smi(s);
	tells(s, BEGINS, true);
	OK(ioctl(s->vcpu->fd, KVM_NMI, 0));
	tells(s, ENDS, true);
	EQ(run_to_sync(s->vcpu), 0x2222);
	EQ(run_to_sync(s->vcpu), 0x102);
	smm_end(s);
}

/* An SMI in the NMI's handler leaves NMIs masked behind RSM. */
static void an_smi_comes_into_an_nmi(void)
{
	struct smm *s;

	if (on_bochs() && on_amd())
		SKIP("Bochs's SVM gets the step over an IRET wrong, which ends the NMI");
	s = smm_in(vm_new_irqchip());
	start_long(s->vcpu, nmi_guest);
	EQ(run_to_sync(s->vcpu), 1);
	OK(ioctl(s->vcpu->fd, KVM_NMI, 0));
	EQ(run_to_sync(s->vcpu), 0x2222);
	smi(s);
	tells(s, BEGINS, true);
	EQ(events_of(s->vcpu).smi.smm_inside_nmi, 1);
	OK(ioctl(s->vcpu->fd, KVM_NMI, 0));
	tells(s, ENDS, true);
	/* the first handler ends, and then only comes the second NMI */
	EQ(run_to_sync(s->vcpu), 0x2222);
	EQ(AT(s->vm, nmis), 2);
	EQ(run_to_sync(s->vcpu), 0x102);
	smm_end(s);
}

BLOB(reset_code, ".code16", "mov $0x4e57, %eax; out %eax, $0x10; hlt");

/* INIT waits for RSM, and then resets the vCPU. */
static void init_is_latched(void)
{
	struct smm *s = echo(vm_new_irqchip());
	u8 *rom = ram_alloc(4096);

	memcpy(rom + 0xff0, BLOB_OF(reset_code));
	slot_must(s->vm, 1, 0, 0xfffff000, 4096, rom);
	smi(s);
	tells(s, BEGINS, true);
	EQ(events_of(s->vcpu).smi.latched_init, 0);
	msi(s, 0x500);
	EQ(events_of(s->vcpu).smi.latched_init, 1);
	tells(s, ENDS, true);
	EQ(events_of(s->vcpu).smi.latched_init, 1);
	tells(s, 0x4e57, false);
	EQ(events_of(s->vcpu).smi.latched_init, 0);
	EQ(sregs_of(s->vcpu).cs.selector, 0xf000);
	EQ(msr_must_get(s->vcpu, MSR_SMBASE), SMBASE);
	smm_end(s);
}

static void wait_for_sipi(void)
{
	struct smm *s = echo(vm_new_irqchip());
	struct kvm_mp_state mp = { KVM_MP_STATE_INIT_RECEIVED };
	struct kvm_vcpu_events ev = events_of(s->vcpu);

	/* neither with the other */
	ev.smi.pending = 1;
	OK(ioctl(s->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
	FAILS(ioctl(s->vcpu->fd, KVM_SET_MP_STATE, &mp), EINVAL);
	ev.smi.pending = 0;
	ev.smi.smm = 1;
	OK(ioctl(s->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
	mp.mp_state = KVM_MP_STATE_SIPI_RECEIVED;
	FAILS(ioctl(s->vcpu->fd, KVM_SET_MP_STATE, &mp), EINVAL);
	ev.smi.smm = 0;
	OK(ioctl(s->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
	mp.mp_state = KVM_MP_STATE_INIT_RECEIVED;
	OK(ioctl(s->vcpu->fd, KVM_SET_MP_STATE, &mp));
	ev.smi.smm = 1;
	FAILS(ioctl(s->vcpu->fd, KVM_SET_VCPU_EVENTS, &ev), EINVAL);
	smm_end(s);
}

/* To another VM with the same memory, in the middle of the handler. */
static void a_handler_moves(void)
{
	struct smm *s = echo(vm_new());
	struct smm to = { .vm = vm_bare(), .smram = s->smram };
	struct kvm_vcpu_events ev;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct ucall uc;

	MUST(msr_set(s->vcpu, MSR_SMBASE, SMBASE + 0x20000) == 1);
	memcpy(at_gpa(s->vm, SMBASE + 0x28000, 64), BLOB_OF(handler));
	smi(s);
	tells(s, BEGINS, true);
	finish_io(s->vcpu);
	smi(s);
	ev = events_of(s->vcpu);
	sregs = sregs_of(s->vcpu);
	regs = regs_of(s->vcpu);
	EQ(ev.smi.smm, 1);
	EQ(ev.smi.pending, 1);

	to.vm->ram = s->vm->ram;
	slot_must(to.vm, 0, 0, 0, RAM_SIZE, to.vm->ram);
	map_spaces(to.vm, s->smram);
	to.vcpu = vcpu_new(to.vm, 0);
	set_supported_cpuid(to.vcpu);
	MUST(msr_set(to.vcpu, MSR_SMBASE, SMBASE + 0x20000) == 1);
	OK(ioctl(to.vcpu->fd, KVM_SET_SREGS, &sregs));
	OK(ioctl(to.vcpu->fd, KVM_SET_REGS, &regs));
	OK(ioctl(to.vcpu->fd, KVM_SET_VCPU_EVENTS, &ev));
	EQ(events_of(to.vcpu).smi.smm, 1);
	EQ(events_of(to.vcpu).nmi.masked, 1);
	tells(&to, ENDS, true);
	tells(&to, BEGINS, true);
	tells(&to, ENDS, true);
	MUST(run_to_ucall(to.vcpu, &uc));
	EQ(uc.cmd, UCALL_SYNC);
	EQ(uc.arg[0], 1);
	s->vm->ram = NULL;
	vm_free(s->vm);
	vm_free(to.vm);
}

/* --- what no SMI saved ------------------------------------------------------ */

static struct kvm_sregs first_sregs;

static struct smm *victim(void)
{
	struct vm *vm = vm_new();
	struct smm *s;

	OK(enable_cap(vm->fd, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1));
	s = smm_in(vm);
	set_supported_cpuid(s->vcpu);
	first_sregs = sregs_of(s->vcpu);
	return s;
}

/* A fresh start in the guest and into the handler, whatever went before. */
static void into_handler(struct smm *s)
{
	struct kvm_vcpu_events none = { .flags = KVM_VCPUEVENT_VALID_SMM |
						 KVM_VCPUEVENT_VALID_SHADOW |
						 KVM_VCPUEVENT_VALID_TRIPLE_FAULT };
	struct kvm_debugregs dr = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };

	/* an access to a device may be in pieces */
	s->vcpu->run->immediate_exit = 1;
	for (u32 i = 0; i < 64 && !run_once(s->vcpu); i++)
		;
	s->vcpu->run->immediate_exit = 0;
	OK(ioctl(s->vcpu->fd, KVM_SET_VCPU_EVENTS, &none));
	OK(ioctl(s->vcpu->fd, KVM_SET_DEBUGREGS, &dr));
	OK(ioctl(s->vcpu->fd, KVM_SET_SREGS, &first_sregs));
	MUST(msr_set(s->vcpu, MSR_SMBASE, SMBASE) == 1);
	start_long(s->vcpu, echo_guest);
	smi(s);
	tells(s, BEGINS, true);
}

static const struct {
	u16 at;
	u64 value;
	bool stock;		/* refuses it too */
} illegal[] = {
	{ 0x7f48, 1ull << 31, true },		/* CR4: a reserved bit */
	{ 0x7f48, 0, true },			/* CR4 without PAE, in long mode */
	{ 0x7f48, 0x2620, false },		/* CR4.VMXE */
	{ 0x7f58, 0x80000010, true },		/* CR0: PG without PE */
	{ 0x7f58, 0xa0050033, true },		/* CR0: NW without CD */
	{ 0x7ed0, 1ull << 63 | 0x501, true },	/* EFER: a reserved bit */
	{ 0x7ed0, 0x1501, false },		/* EFER.SVME */
	{ 0x7f50, ~0ull << 52 | PT_GPA, false },	/* CR3 beyond the address width */
	{ 0x7f78, 1ull << 63, false },		/* RIP */
	{ 0x7e48, 1ull << 62, false },		/* FS base */
	{ 0x7e68, 1ull << 62, false },		/* GDT base */
	{ 0x7e98, 1ull << 62, false },		/* TR base */
	{ 0x7f60, 1ull << 40, false },		/* DR7 */
	{ 0x7f70, 0x20002, false },		/* RFLAGS.VM in long mode */
	{ 0x7e10, 0xffffffff00000000 | 0xe09b << 16 | 8, false },	/* CS: L and D */
};

/* Shutdown, and the vCPU is where RSM is. */
static void what_is_illegal(void)
{
	struct smm *s = victim();
	struct kvm_regs regs;
	u32 reason;

	for (u32 i = 0; i < ARRAY_SIZE(illegal); i++) {
		if (on_stock_kvm() && !illegal[i].stock)
			continue;
		into_handler(s);
		tells(s, ENDS, true);
		finish_io(s->vcpu);
		regs = regs_of(s->vcpu);
		SAVED(s, u64, illegal[i].at) = illegal[i].value;
		reason = run_exit(s->vcpu);
		if (reason != KVM_EXIT_SHUTDOWN)
			note("row %u: %#x", i, illegal[i].at);
		EQ(reason, KVM_EXIT_SHUTDOWN);
		if (on_stock_kvm())
			continue;
		EQ(regs_of(s->vcpu).rip, regs.rip);
		EQ(sregs_of(s->vcpu).cs.base, SMBASE);
		EQ(events_of(s->vcpu).smi.smm, 1);
	}
	smm_end(s);
}

/* Some fields of an area that was saved, or all of it */
static void spoil(struct smm *s, u32 *seed)
{
	u8 *area = s->smram + 0xfe00;
	u32 n = rand_r(seed) % 8 ? 1 + rand_r(seed) % 6 : 0x200;

	for (u32 i = 0; i < n; i++) {
		u32 at = n == 0x200 ? i : (u32)rand_r(seed) % 0x200;

		area[at] = rand_r(seed) % 4 ? rand_r(seed) : rand_r(seed) % 2 ? 0xff : 0;
	}
}

/* Shutdown, or the guest goes on somewhere; never an entry that fails. */
static void garbage(void)
{
	u32 seed = 1, rounds = on_bochs() ? 60 : 1500, shutdowns = 0, others = 0;
	struct smm *s;
	int ret;

	needs_shutdown_exits();
	s = victim();
	for (u32 i = 0; i < rounds; i++) {
		memcpy(s->smram + 0x8000, BLOB_OF(handler));
		load_image(s->vm);
		into_handler(s);
		tells(s, ENDS, true);
		spoil(s, &seed);
		ret = run_bounded(s->vcpu, 20 * test_patience());
		if (!ret && s->vcpu->run->exit_reason == KVM_EXIT_FAIL_ENTRY && !on_stock_kvm()) {
			test_fail(__FILE__, __LINE__, "round %u fails to enter", i);
			describe_exit(s->vcpu);
		}
		if (!ret && s->vcpu->run->exit_reason == KVM_EXIT_SHUTDOWN)
			shutdowns++;
		else
			others++;
	}
	note("%u shutdowns, %u went on", shutdowns, others);
	smm_end(s);
}

static void nowhere_to_save(void)
{
	struct smm *s = echo(vm_new());

	MUST(msr_set(s->vcpu, MSR_SMBASE, HOLE_GPA) == 1);
	smi(s);
	/* no handler there either: whatever is fetched is no instruction */
	run_exit(s->vcpu);
	CHECK(s->vcpu->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
	      s->vcpu->run->exit_reason == KVM_EXIT_SHUTDOWN, "%s",
	      exit_name(s->vcpu->run->exit_reason));
	EQ(events_of(s->vcpu).smi.smm, 1);
	smm_end(s);
}

static void rsm_guest(void)
{
	guest_sync(GUEST_TRY(".byte 0x0f, 0xaa", , ""(0)));
	guest_done();
}

static void rsm_elsewhere(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, rsm_guest);

	EQ(run_to_sync(vcpu), 6);
	run_to_done(vcpu);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(capabilities),
	TEST(to_64_bits_and_back),
	TEST(to_real_mode_and_back),
	TEST(to_pae_paging_and_back),
	TEST(the_32_bit_layout),
	TEST(relocation),
	TEST(two_address_spaces),
	TEST(dirty_logs),
	TEST(through_the_local_apic),
	TEST(an_smi_comes_into_a_halt),
	TEST(a_handler_ends_a_halt),
	TEST(an_smi_comes_into_a_halt_without_exits),
	TEST(one_smi_waits),
	TEST(an_nmi_waits),
	TEST(an_smi_comes_into_an_nmi),
	TEST(init_is_latched),
	TEST(wait_for_sipi),
	TEST(a_handler_moves),
	TEST(what_is_illegal),
	TEST(garbage),
	TEST(nowhere_to_save),
	TEST(rsm_elsewhere),
};

TEST_MAIN(tests)
