// SPDX-License-Identifier: GPL-2.0-only
/* Finding an ioctl's row and carrying its argument to the handler and back. */
#include <linux/build_bug.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "virt.h"

/* Larger arguments than this come from the heap. */
#define STACK_ARG_SIZE	256

/**
 * kvm_ioctl_table_init() - make @rows searchable by command number
 * @t: the table
 * @rows: its rows, constant
 * @count: how many, less than 255
 */
void kvm_ioctl_table_init(struct kvm_ioctl_table *t, const struct kvm_ioctl_row *rows,
			  unsigned int count)
{
	unsigned int i = min(count, 254U);

	t->rows = rows;
	t->count = i;
	while (i--)
		t->index[_IOC_NR(rows[i].cmd)] = i + 1;
}

/**
 * kvm_ioctl_find() - the row of a command
 * @t: the table
 * @cmd: as user space gave it; number, size and direction must all match
 *
 * Return: the row or NULL.
 */
const struct kvm_ioctl_row *kvm_ioctl_find(const struct kvm_ioctl_table *t, u32 cmd)
{
	unsigned int i = t->index[_IOC_NR(cmd)];

	/* The few rows that share a number may be anywhere after the first. */
	for (; i && i <= t->count; i++)
		if (t->rows[i - 1].cmd == cmd)
			return &t->rows[i - 1];
	return NULL;
}

static noinline long call_with_struct(const struct kvm_ioctl_row *row, void *obj,
				      void __user *uarg)
{
	bool both = row->flags & KVM_ARG_INOUT;
	bool in = both || (_IOC_DIR(row->cmd) & _IOC_WRITE);
	bool out = both || (_IOC_DIR(row->cmd) & _IOC_READ);
	unsigned int size = _IOC_SIZE(row->cmd);
	u64 small[STACK_ARG_SIZE / sizeof(u64)];
	void *buf = small;
	long ret = -EFAULT;

	if (size > sizeof(small)) {
		buf = kmalloc(size, GFP_KERNEL_ACCOUNT);
		if (!buf)
			return -ENOMEM;
	}
	if (!in)
		memset(buf, 0, size);	/* nothing of ours leaks out */
	else if (copy_from_user(buf, uarg, size))
		goto out;
	ret = row->fn(obj, buf);
	if (out && ret >= 0 && copy_to_user(uarg, buf, size))
		ret = -EFAULT;
out:
	if (buf != small)
		kfree(buf);
	return ret;
}

/**
 * kvm_ioctl_call() - call a row's handler with its argument
 * @row: the row; what it wants held is held
 * @obj: NULL, the VM or the vCPU
 * @arg: the ioctl's third argument
 *
 * Return: what the handler returns, -EFAULT or -ENOMEM.
 */
long kvm_ioctl_call(const struct kvm_ioctl_row *row, void *obj, unsigned long arg)
{
	if (row->flags & (KVM_ARG_VALUE | KVM_ARG_USER))
		return row->fn(obj, (void *)arg);
	return call_with_struct(row, obj, (void __user *)arg);
}

/* As kvm_ioctl_call(), for rows with KVM_HOLD_SRCU. */
long kvm_ioctl_call_srcu(const struct kvm_ioctl_row *row, void *obj, unsigned long arg,
			 struct srcu_struct *srcu)
{
	int idx = srcu_read_lock(srcu);
	long ret = kvm_ioctl_call(row, obj, arg);

	srcu_read_unlock(srcu, idx);
	return ret;
}
