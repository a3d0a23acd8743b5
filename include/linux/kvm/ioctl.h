/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One row per ioctl. Rows say how the argument travels and what the handler
 * needs held; dispatch, copying and locking happen in virt/kvm/ioctl.c alone.
 */
#ifndef LINUX_KVM_IOCTL_H
#define LINUX_KVM_IOCTL_H

#include <linux/types.h>
#include <linux/ioctl.h>

/* How the argument reaches the handler */
#define KVM_ARG_STRUCT	0x00	/* kernel copy of _IOC_SIZE bytes; in/out by the _IOC bits */
#define KVM_ARG_VALUE	0x01	/* the unsigned long itself, cast to void * */
#define KVM_ARG_USER	0x02	/* the user pointer: variable length, handler copies */
#define KVM_ARG_INOUT	0x04	/* KVM_ARG_STRUCT copied both ways whatever the number says */
#define KVM_ARG_MASK	0x07
/* What is held around the handler */
#define KVM_HOLD_LOCK	0x10	/* VM ioctls: kvm->lock */
#define KVM_HOLD_LOADED	0x20	/* vCPU ioctls: kvm_vcpu_load() (vcpu->mutex is always held) */
#define KVM_HOLD_SRCU	0x40	/* kvm->srcu read side */
#define KVM_ASYNC	0x80	/* vCPU ioctls: without vcpu->mutex */

struct kvm_ioctl_row {
	u32 cmd;
	u16 flags;
	u16 cap;		/* KVM_CAP_* that advertises it, 0: basic */
	const char *name;
	/* @obj: NULL, struct kvm * or struct kvm_vcpu *; >= 0 is returned to user space */
	long (*fn)(void *obj, void *arg);
};

#define KVM_IOCTL(c, f, k, h) { .cmd = (c), .flags = (f), .cap = (k), .name = #c, .fn = (h) }

struct kvm_ioctl_table {
	const struct kvm_ioctl_row *rows;
	unsigned int count;
	u8 index[256];		/* by _IOC_NR: 1 + first row; filled at module load */
};

void kvm_ioctl_table_init(struct kvm_ioctl_table *t, const struct kvm_ioctl_row *rows,
			  unsigned int count);
/* NULL when @cmd has no row */
const struct kvm_ioctl_row *kvm_ioctl_find(const struct kvm_ioctl_table *t, u32 cmd);
/* Copies in, calls fn, copies out. */
long kvm_ioctl_call(const struct kvm_ioctl_row *row, void *obj, unsigned long arg);

#endif
