// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real mode on CPUs that enter no guest without paging: the guest runs in virtual-8086
 * mode, which computes addresses as real mode does, behind the identity map (regs.c).
 *
 * While vmx_vm86.on the VMCS has what entry insists on (SDM 3C 27.3.1.2) and struct
 * vmx_vm86 what the guest has instead; regs.c puts the two together for whoever asks.
 * Selectors and bases are the guest's in both, as it loads them without exits. It
 * keeps limits and access rights that way, so segments of more than 64 KiB can stay:
 * what lies beyond faults, and the emulator, which knows the limit, does the access.
 *
 * IOPL is 0 and CR4.VME off, so that PUSHF, POPF, CLI, STI, INT n and IRET fault and
 * are emulated, as are the instructions that need CPL 0: with IOPL 3 the flags that
 * PUSHF and INT n push would show it, and so they would with VME (SDM 2B, PUSHF; 3B
 * 20.3.3.4). All exceptions exit. They and interrupts are delivered by the emulator,
 * since injection goes through the IDT of protected mode and needs handlers there;
 * only "software interrupts" would go through the IVT, given VME (SDM 3C 27.6.1.1).
 * Port I/O looks at the TSS before it exits (SDM 3C 26.1.1), so there is one that
 * allows all ports. Whatever a guest makes of it: what faults is emulated.
 */
#include <asm/processor-flags.h>

#include "block.h"

#define VEC_BP	3
#define VEC_OF	4
#define VEC_SS	12
#define VEC_GP	13

#define VM86_LIMIT	0xffffu
#define VM86_ACCESS	0xf3u		/* present, DPL 3, writable data, accessed */
#define TSS_ACCESS	0x8bu		/* present, busy, of 32 bits */

/*
 * Real mode looks at limits, but neither at types nor at presence. 32-bit code or
 * stack and limits below 64 KiB, which would have to fault, are for the emulator.
 */
static bool vm86_fits(enum x86_seg nr, const struct kvm_segment *seg)
{
	const bool wide = (nr == X86_CS || nr == X86_SS) && seg->db;
	const bool down = (seg->type & 12) == 4;

	return seg->base == (u64)seg->selector << 4 && seg->limit >= VM86_LIMIT && !wide && !down;
}

bool vmx_vm86_keeps(enum x86_seg nr, const struct kvm_segment *seg)
{
	return nr <= X86_GS && vm86_fits(nr, seg);
}

static bool vm86_possible(struct x86_vcpu *v)
{
	struct kvm_segment seg;
	enum x86_seg i;

	if (!READ_ONCE(to_x86_vm(v->vcpu.kvm)->tss_addr) || !vmx_ldt_valid(v))
		return false;
	for (i = X86_ES; i <= X86_GS; i++) {
		vmx_get_segment(v, i, &seg);
		if (!vm86_fits(i, &seg))
			return false;
	}
	return true;
}

/* What hardware has of these depends on vmx_vm86.on. */
static void vm86_write_controls(struct vmx_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;

	vmx_set_cr0(v, v->regs.cr0);
	vmx_set_cr4(v, v->regs.cr4);
	x86_set_rflags(v, v->regs.rflags);
}

bool vmx_vm86_enter(struct vmx_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;
	struct vmx_vm86 *m = &s->vm86;
	enum x86_seg i;

	if (!vm86_possible(v))
		return false;
	x86_need(v, BIT(X86_LAZY_RFLAGS) | BIT(X86_LAZY_CR0) | BIT(X86_LAZY_CR4));
	for (i = X86_ES; i <= X86_GS; i++) {
		m->limit[i] = vmx_read(VMX_SEG(LIMIT, i));
		m->access[i] = vmx_read(VMX_SEG(AR_BYTES, i));
		vmx_write(VMX_SEG(LIMIT, i), VM86_LIMIT);
		vmx_write(VMX_SEG(AR_BYTES, i), VM86_ACCESS);
	}
	vmx_get_segment(v, X86_TR, &m->tr);
	vmx_write(GUEST_TR_SELECTOR, 0);
	vmx_write(GUEST_TR_BASE, to_x86_vm(v->vcpu.kvm)->tss_addr);
	vmx_write(GUEST_TR_LIMIT, MMU_TSS_SIZE - 1);
	vmx_write(GUEST_TR_AR_BYTES, TSS_ACCESS);
	/* SYSENTER is allowed in virtual-8086 mode, but not in real mode: it is to fault. */
	m->sysenter_cs = vmx_read(GUEST_SYSENTER_CS);
	vmx_write(GUEST_SYSENTER_CS, 0);
	m->exceptions = s->exceptions;
	vmx_control(&s->exceptions, EXCEPTION_BITMAP, ~0u, true);
	m->on = true;
	vm86_write_controls(s);
	return true;
}

void vmx_vm86_leave(struct vmx_vcpu *s)
{
	struct x86_vcpu *v = &s->x86;
	struct vmx_vm86 *m = &s->vm86;
	enum x86_seg i;

	if (!m->on)
		return;
	x86_need(v, BIT(X86_LAZY_RFLAGS) | BIT(X86_LAZY_CR0) | BIT(X86_LAZY_CR4));
	m->on = false;
	for (i = X86_ES; i <= X86_GS; i++) {
		vmx_write(VMX_SEG(LIMIT, i), m->limit[i]);
		vmx_write(VMX_SEG(AR_BYTES, i), m->access[i]);
	}
	vmx_set_segment(v, X86_TR, &m->tr);
	vmx_write(GUEST_SYSENTER_CS, m->sysenter_cs);
	vmx_control(&s->exceptions, EXCEPTION_BITMAP, ~m->exceptions, false);
	vmx_update_intercepts(v);
	vm86_write_controls(s);
}

unsigned long vmx_vm86_flags_to_block(struct vmx_vcpu *s, unsigned long rflags)
{
	s->vm86.iopl = rflags & X86_EFLAGS_IOPL;
	return (rflags & ~X86_EFLAGS_IOPL) | X86_EFLAGS_VM;
}

unsigned long vmx_vm86_flags(struct vmx_vcpu *s, unsigned long rflags)
{
	return (rflags & ~(X86_EFLAGS_IOPL | X86_EFLAGS_VM)) | s->vm86.iopl;
}

/* INT3 and INTO exit by their own vectors. A debugger's INT3 is not the guest's. */
bool vmx_vm86_emulates(struct vmx_vcpu *s, u8 vector)
{
	if (vector == VEC_BP)
		return !(s->x86.dbg.guest_debug & KVM_GUESTDBG_USE_SW_BP);
	return vector == VEC_OF || vector == VEC_SS || vector == VEC_GP;
}
