/* SPDX-License-Identifier: GPL-2.0-only */
/* Enclaves of guests: sgx.c */
#ifndef KVM_X86_SGX_H
#define KVM_X86_SGX_H

#include "sgx_rules.h"

struct x86_vcpu;
struct x86_vm;

/* Leaf 12H as guests may get it */
void sgx_leaf_offered(struct sgx_leaf *leaf);
/* Functions of ENCLS that exit. Another value after CPUID or IA32_FEAT_CTL changed */
u64 sgx_encls_exits(struct x86_vcpu *v);
/* X86_EXIT_ENCLS: in protected mode at CPL 0; returns enum x86_next */
int sgx_exit(struct x86_vcpu *v);
/* Of IA32_FEAT_CTL, what goes with the guest's CPUID */
u64 sgx_feat_ctl_bits(struct x86_vcpu *v);
/* KVM_CAP_SGX_ATTRIBUTE; kvm->lock held */
int sgx_allow_attribute(struct x86_vm *vm, u64 fd);

enum msr_result sgx_get_hash(struct x86_vcpu *v, u32 index, u64 *data, bool host);
enum msr_result sgx_set_hash(struct x86_vcpu *v, u32 index, u64 data, bool host);
void sgx_reset(struct x86_vcpu *v);

#endif
