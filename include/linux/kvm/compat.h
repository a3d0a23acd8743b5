/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels we build for. The only place that looks at
 * LINUX_VERSION_CODE.
 */
#ifndef LINUX_KVM_COMPAT_H
#define LINUX_KVM_COMPAT_H

#include <linux/cpuhotplug.h>
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/sched/stat.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#include <asm/cpufeature.h>
#include <asm/nospec-branch.h>
#include <asm/sgx.h>
#include <asm/vmx.h>

/* As a macro it traces. */
#ifdef smp_send_reschedule
#include <trace/events/ipi.h>
#endif

/* Exported, but not in all headers. */
extern bool itlb_multihit_kvm_mitigation;

#ifndef SECONDARY_EXEC_ENABLE_XSAVES
#define SECONDARY_EXEC_ENABLE_XSAVES	SECONDARY_EXEC_XSAVES
#endif

/* How long the current thread was ready to run and did not, in ns */
static inline bool kvm_run_delay_known(void)
{
	return sched_info_on();
}

static inline u64 kvm_run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

/* Where a CPU turns virtualisation on and off: no user task runs there then. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define KVM_CPUHP_STATE		CPUHP_AP_KVM_STARTING
#else
#define KVM_CPUHP_STATE		CPUHP_AP_KVM_ONLINE
#endif

/* On a CPU that has it; @p is aligned to 16 bytes. */
static inline bool kvm_cmpxchg16(void *p, const u64 *old, const u64 *new)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	u64 *q = p;

	return cmpxchg_double(q, q + 1, old[0], old[1], new[0], new[1]);
#else
	u128 o = (u128)old[1] << 64 | old[0], n = (u128)new[1] << 64 | new[0];

	return cmpxchg128((u128 *)p, o, n) == o;
#endif
}

static inline void kvm_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx, 1);
#else
	eventfd_signal(ctx);
#endif
}

/* vfio.ko tells what may be a VM's: a group, and later a device's file too. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define kvm_vfio_file_ok	vfio_file_is_group
#else
#define kvm_vfio_file_ok	vfio_file_is_valid
#endif

/* Flexible return and event delivery replaces the IDT. */
static inline bool kvm_host_has_fred(void)
{
#ifdef X86_FEATURE_FRED
	return cpu_feature_enabled(X86_FEATURE_FRED);
#else
	return false;
#endif
}

/*
 * A guest's branch history must not steer its VMM (admin-guide/hw-vuln/vmscape.rst):
 * the kernel issues the barrier on the way to user mode if told so. IRQs off.
 */
static inline void kvm_barrier_before_user(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

/* Callbacks of suspend and resume: a 6.12 stable release gave them an argument. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 112)
#define KVM_SYSCORE_ARGS	void
#define KVM_SYSCORE(name, ...)	static struct syscore_ops name = { __VA_ARGS__ }
#define kvm_syscore_register	register_syscore_ops
#define kvm_syscore_unregister	unregister_syscore_ops
#else
#define KVM_SYSCORE_ARGS	void *unused
#define KVM_SYSCORE(name, ...)							\
	static const struct syscore_ops name##_ops = { __VA_ARGS__ };		\
	static struct syscore name = { .ops = &name##_ops }
#define kvm_syscore_register	register_syscore
#define kvm_syscore_unregister	unregister_syscore
#endif

/* ENCLS on a guest's behalf: 0 or EINIT's code, or less than 0 and a fault's vector in @vector */
static inline int kvm_sgx_ecreate(struct sgx_pageinfo *page, void __user *secs, int *vector)
{
#ifdef CONFIG_X86_SGX_KVM
	return sgx_virt_ecreate(page, secs, vector);
#else
	return -EOPNOTSUPP;
#endif
}

static inline int kvm_sgx_einit(void __user *sig, void __user *token, void __user *secs,
				u64 *hash, int *vector)
{
#ifdef CONFIG_X86_SGX_KVM
	return sgx_virt_einit(sig, token, secs, hash, vector);
#else
	return -EOPNOTSUPP;
#endif
}

static inline int kvm_sgx_set_attribute(unsigned long *allowed, unsigned int fd)
{
#ifdef CONFIG_X86_SGX_KVM
	return sgx_set_attribute(allowed, fd);
#else
	return -EINVAL;
#endif
}

/* The frame that a PFNMAP or IO area maps at @hva. Between lookup and done its PTE can't change. */
struct kvm_pfnmap {
	unsigned long hfn;
	bool writable;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	pte_t *pte;
	spinlock_t *ptl;
#else
	struct follow_pfnmap_args args;
#endif
};

/* mmap_lock held. 0, or -EINVAL when nothing is mapped there. */
static inline int kvm_pfnmap_lookup(struct vm_area_struct *vma, unsigned long hva,
				    struct kvm_pfnmap *m)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	pte_t pte;

	if (follow_pte(vma->vm_mm, hva, &m->pte, &m->ptl))
		return -EINVAL;
	__acquire(m->ptl);
	pte = *m->pte;
	m->hfn = pte_pfn(pte);
	m->writable = pte_write(pte);
#else
	m->args = (struct follow_pfnmap_args) { .vma = vma, .address = hva };
	if (follow_pfnmap_start(&m->args))
		return -EINVAL;
	m->hfn = m->args.pfn;
	m->writable = m->args.writable;
#endif
	return 0;
}

static inline void kvm_pfnmap_done(struct kvm_pfnmap *m)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	pte_unmap_unlock(m->pte, m->ptl);
#else
	follow_pfnmap_end(&m->args);
#endif
}

#endif
