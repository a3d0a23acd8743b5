// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_HYPERV_EVENTFD: connections whose events ring an eventfd instead of going to user
 * space (Documentation/virt/kvm/api.rst, 4.113).
 */
#include <asm/hyperv-tlfs.h>
#include <linux/eventfd.h>
#include <linux/kvm/compat.h>
#include <linux/xarray.h>

#include "../x86.h"

/* SIGNAL_EVENT's parameter: a connection, and which of its flags; the rest is zero. */
#define PARAM_CONNECTION	GENMASK_ULL(31, 0)
#define PARAM_FLAG		GENMASK_ULL(47, 32)

u16 hyperv_ring(struct kvm *kvm, u64 param)
{
	struct hyperv_vm *h = &to_x86_vm(kvm)->hyperv;
	struct eventfd_ctx *ctx;

	/* An eventfd tells no flag: user space may know what to do. */
	if (param & PARAM_FLAG)
		return HV_STATUS_INVALID_PORT_ID;
	if (param & ~(u64)KVM_HYPERV_CONN_ID_MASK)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	rcu_read_lock();
	ctx = xa_load(&h->doorbells, param & PARAM_CONNECTION);
	if (ctx)
		kvm_eventfd_signal(ctx);
	rcu_read_unlock();
	return ctx ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PORT_ID;
}

static long assign(struct hyperv_vm *h, u32 connection, int fd)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(fd);
	int ret;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	ret = xa_insert(&h->doorbells, connection, ctx, GFP_KERNEL);
	if (ret)
		eventfd_ctx_put(ctx);
	return ret == -EBUSY ? -EEXIST : ret;
}

static long deassign(struct hyperv_vm *h, u32 connection)
{
	struct eventfd_ctx *ctx = xa_erase(&h->doorbells, connection);

	if (!ctx)
		return -ENOENT;
	synchronize_rcu();	/* who found it has rung it */
	eventfd_ctx_put(ctx);
	return 0;
}

long hyperv_ioctl_eventfd(void *obj, void *arg)
{
	struct hyperv_vm *h = &to_x86_vm(obj)->hyperv;
	const struct kvm_hyperv_eventfd *args = arg;

	if (args->flags & ~KVM_HYPERV_EVENTFD_DEASSIGN ||
	    args->conn_id & ~KVM_HYPERV_CONN_ID_MASK)
		return -EINVAL;
	if (args->flags & KVM_HYPERV_EVENTFD_DEASSIGN)
		return deassign(h, args->conn_id);
	return assign(h, args->conn_id, args->fd);
}

/* Nobody rings any more. */
void hyperv_vm_destroy(struct kvm *kvm)
{
	struct hyperv_vm *h = &to_x86_vm(kvm)->hyperv;
	struct eventfd_ctx *ctx;
	unsigned long connection;

	xa_for_each(&h->doorbells, connection, ctx)
		eventfd_ctx_put(ctx);
	xa_destroy(&h->doorbells);
}
