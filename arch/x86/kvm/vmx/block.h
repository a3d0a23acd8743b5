/* SPDX-License-Identifier: GPL-2.0-only */
/* Access to the VMCS that is current on this CPU: fields by their encoding (SDM 3C 25.11.2). */
#ifndef KVM_VMX_BLOCK_H
#define KVM_VMX_BLOCK_H

#include <asm/asm.h>
#include "vmx.h"

/* Fields of one kind are 2 apart, in the order of enum x86_seg. */
#define VMX_SEG(kind, seg)	(GUEST_ES_##kind + 2 * (seg))

void vmx_field_error(const char *insn, unsigned long field);

/*
 * Both fail only where no VMCS is current: after virtualisation was switched
 * off for a reboot (#UD, hence the fixups), or by a mistake of ours.
 */
static __always_inline unsigned long vmx_read(unsigned long field)
{
	unsigned long val;
	bool bad;

	asm volatile("1: vmread %[field], %[val]\n"
		     "   setna %[bad]\n"
		     "   jmp 3f\n"
		     "2: movb $1, %[bad]\n"
		     "   xor %k[val], %k[val]\n"
		     "3:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [val] "=&r" (val), [bad] "=&q" (bad) : [field] "r" (field) : "cc");
	if (unlikely(bad)) {
		vmx_field_error("VMREAD", field);
		return 0;
	}
	return val;
}

static __always_inline void vmx_write(unsigned long field, unsigned long val)
{
	bool bad;

	asm volatile("1: vmwrite %[val], %[field]\n"
		     "   setna %[bad]\n"
		     "   jmp 3f\n"
		     "2: movb $1, %[bad]\n"
		     "3:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [bad] "=&q" (bad) : [val] "r" (val), [field] "r" (field) : "cc");
	if (unlikely(bad))
		vmx_field_error("VMWRITE", field);
}

/* A bit of the controls that are kept in struct vmx_vcpu as well */
static inline void vmx_control(u32 *copy, unsigned long field, u32 bits, bool on)
{
	u32 new = on ? *copy | bits : *copy & ~bits;

	if (new == *copy)
		return;
	*copy = new;
	vmx_write(field, new);
}

static inline void vmx_primary(struct vmx_vcpu *s, u32 bits, bool on)
{
	vmx_control(&s->primary, CPU_BASED_VM_EXEC_CONTROL, bits, on);
}

/* Bits the CPU does not have stay off. */
static inline void vmx_secondary(struct vmx_vcpu *s, u32 bits, bool on)
{
	vmx_control(&s->secondary, SECONDARY_VM_EXEC_CONTROL, bits & vmx_hw.optional, on);
}

struct page *vmx_block_alloc(void);
void vmx_block_free(struct page *block);
/* IRQs off. Make the VMCS current here; it is cached nowhere else. */
void vmx_block_load(struct vmx_vcpu *s);
/* IRQs off, on the CPU that may have it cached: write it back to memory. */
void vmx_block_clear(struct vmx_vcpu *s);
/* Any CPU, IRQs on: write it back, wherever it is. */
void vmx_block_evict(struct vmx_vcpu *s);

#endif
