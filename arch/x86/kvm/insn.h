/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's side of the instruction emulator (emul/glue.c). */
#ifndef KVM_X86_INSN_H
#define KVM_X86_INSN_H

#include "x86.h"

/* Length of the instruction at RIP; srcu held. *@len 0: a fault was queued instead. */
enum x86_next x86_insn_length(struct x86_vcpu *v, unsigned int *len);
/* Read code at RIP without sleeping, IRQs off: bytes read, up to the page's end; 0: can't. */
unsigned int x86_fetch_atomic(struct x86_vcpu *v, void *buf, unsigned int len);
/* A store to MMIO by a plain MOV: value and length, without sleeping. */
struct x86_store {
	u64 val;
	u8 size;
	u8 insn_len;
};
bool x86_decode_store(struct x86_vcpu *v, struct x86_store *st);
void x86_emul_destroy(struct x86_vcpu *v);

/* KVM_EXIT_INTERNAL_ERROR / EMULATION with the bytes we could not make sense of */
enum x86_next x86_emulation_failed(struct x86_vcpu *v, const u8 *bytes, unsigned int n);

#endif
