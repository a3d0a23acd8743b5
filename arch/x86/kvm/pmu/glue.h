/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters as the rest of x86 knows them. */
#ifndef KVM_X86_PMU_GLUE_H
#define KVM_X86_PMU_GLUE_H

#include <linux/jump_label.h>
#include <linux/kvm/types.h>

struct kvm;
struct kvm_cpuid_entry2;
struct pmu_room;		/* pmu.c; a vCPU's counters */
struct pmu_filter;
struct x86_vcpu;

/* L: kvm->lock to write */
struct pmu_vm {
	bool off;			/* L, before vCPUs; KVM_PMU_CAP_DISABLE */
	struct pmu_filter __rcu *filter; /* L */
	unsigned int filter_changes;	/* L; release, after the pointer */
};

/* A backend registers: x86_caps is set. */
void pmu_module_init(void);
/* Do guests get any? */
bool pmu_offered(void);
/* IA32_PERF_CAPABILITIES, and the registers of CPUID leaf 0xa */
u64 pmu_capabilities(void);
void pmu_leaf(struct kvm_cpuid_entry2 *e);
/* Is @index, of a row of ours, in KVM_GET_MSR_INDEX_LIST? */
bool pmu_listed(u32 index);

/*
 * A list for CPUID comes, of which @leaf is 0xa: 0, or -ENOMEM and all is as it was.
 * Then it is there; or v->msr.perf_capabilities has changed. vCPU loaded
 */
int pmu_prepare(struct x86_vcpu *v, const struct kvm_cpuid_entry2 *leaf);
void pmu_cpuid_changed(struct x86_vcpu *v);
void pmu_caps_changed(struct x86_vcpu *v);
void pmu_vcpu_reset(struct x86_vcpu *v);
void pmu_destroy(struct x86_vcpu *v);
/* 0: done, 1: #GP, -ENOENT: there is no such MSR */
int pmu_get_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host);
int pmu_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host);
/* RDPMC with its checks: 0, or 1: #GP */
int pmu_rdpmc(struct x86_vcpu *v, u32 index, u64 *data);
/* X86_REQ_PMU */
void pmu_serve(struct x86_vcpu *v);
/* Preemption off: the thread comes back to a CPU. v->pmu is not NULL. */
void pmu_load(struct x86_vcpu *v);

/* Some guest counts what it retires, and so has to be told of what was done for it. */
DECLARE_STATIC_KEY_FALSE(pmu_counts);
void pmu_insn_done(struct x86_vcpu *v, bool branch);

/* filter.c; @arg is user space's pointer */
long pmu_ioctl_set_filter(void *obj, void *arg);
void pmu_vm_destroy(struct kvm *kvm);
bool pmu_filter_allows(struct kvm *kvm, u64 event, int fixed);

#endif
