/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's side of the instruction emulator (emul/glue.c). */
#ifndef KVM_X86_INSN_H
#define KVM_X86_INSN_H

#include "x86.h"

/* Length of the instruction at RIP. Sleeps. *@len 0: a fault was queued instead. */
enum x86_next x86_insn_length(struct x86_vcpu *v, unsigned int *len);
/* What hardware does not run: deliver the event under way, or else emulate one instruction. */
enum x86_next x86_emulate_state(struct x86_vcpu *v);
void x86_emul_destroy(struct x86_vcpu *v);

/* KVM_EXIT_INTERNAL_ERROR / EMULATION with the bytes we could not make sense of */
enum x86_next x86_emulation_failed(struct x86_vcpu *v, const u8 *bytes, unsigned int n);

#endif
