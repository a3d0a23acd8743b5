// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds that raise interrupts.
 *
 * An irqfd belongs to whoever set @taken (under irqfds_lock, off kvm->irqfds),
 * and that one alone shuts it down: KVM_IRQFD's deassign, the end of the VM, or,
 * when the eventfd is closed by all others, a work item that then holds a
 * reference on the VM. Nobody waits for anybody else's.
 *
 * Lock order: irq_lock > the eventfd's wait queue lock > irqfds_lock.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "virt.h"

static struct workqueue_struct *irqfd_wq;

/* All resampling irqfds of a GSI; they share its line and are told together. */
struct resampler {
	struct kvm *kvm;
	struct kvm_ack_notifier notifier;
	struct list_head irqfds;	/* irq_lock to change, RCU to read */
	struct list_head link;		/* kvm->resamplers, irq_lock */
	struct rcu_head rcu;
};

struct irqfd {
	struct kvm *kvm;
	struct eventfd_ctx *ctx;
	u32 gsi;
	struct list_head link;		/* kvm->irqfds, then the list of who took it */
	bool taken;			/* irqfds_lock */
	wait_queue_entry_t wait;
	poll_table pt;
	struct work_struct inject;
	struct work_struct shutdown;
	struct resampler *resampler;		/* NULL: edges */
	struct eventfd_ctx *resample_ctx;
	struct list_head resample_link;		/* resampler->irqfds */
	struct kvm_bypass bypass;		/* edges alone */
	struct rcu_head rcu;
};

/* The guest acknowledged the line: drop it, and let the devices raise it again. Under RCU. */
static void resampler_acked(struct kvm_ack_notifier *n)
{
	struct resampler *rs = container_of(n, struct resampler, notifier);
	struct irqfd *fd;

	kvm_set_irq(rs->kvm, KVM_IRQ_SRC_RESAMPLE, n->gsi, 0, false);
	list_for_each_entry_rcu(fd, &rs->irqfds, resample_link)
		kvm_eventfd_signal(fd->resample_ctx);
}

/* irq_lock held. */
static int resampler_join(struct irqfd *fd)
{
	struct kvm *kvm = fd->kvm;
	struct resampler *rs;

	list_for_each_entry(rs, &kvm->resamplers, link)
		if (rs->notifier.gsi == fd->gsi)
			goto found;
	rs = kzalloc(sizeof(*rs), GFP_KERNEL_ACCOUNT);
	if (!rs)
		return -ENOMEM;
	rs->kvm = kvm;
	rs->notifier.gsi = fd->gsi;
	rs->notifier.acked = resampler_acked;
	INIT_LIST_HEAD(&rs->irqfds);
	list_add(&rs->link, &kvm->resamplers);
	hlist_add_head_rcu(&rs->notifier.link, &kvm->ack_notifiers);
	kvm_arch_routes_changed(kvm);
found:
	list_add_rcu(&fd->resample_link, &rs->irqfds);
	fd->resampler = rs;
	return 0;
}

/* irq_lock held. */
static void resampler_leave(struct irqfd *fd)
{
	struct resampler *rs = fd->resampler;

	list_del_rcu(&fd->resample_link);
	if (!list_empty(&rs->irqfds))
		return;
	list_del(&rs->link);
	hlist_del_rcu(&rs->notifier.link);
	kvm_arch_routes_changed(fd->kvm);
	kvm_set_irq(fd->kvm, KVM_IRQ_SRC_RESAMPLE, rs->notifier.gsi, 0, false);
	kfree_rcu(rs, rcu);
}

static void free_irqfd(struct irqfd *fd)
{
	eventfd_ctx_put(fd->ctx);
	if (fd->resample_ctx)
		eventfd_ctx_put(fd->resample_ctx);
	kfree(fd);
}

static void free_irqfd_rcu(struct rcu_head *rcu)
{
	free_irqfd(container_of(rcu, struct irqfd, rcu));
}

/* By its owner, see the top. */
static void shutdown_irqfd(struct irqfd *fd)
{
	u64 count;

	kvm_bypass_leave(&fd->bypass);
	/* No wakeup afterwards, hence no new work. */
	eventfd_ctx_remove_wait_queue(fd->ctx, &fd->wait, &count);
	cancel_work_sync(&fd->inject);
	if (!fd->resampler) {
		free_irqfd(fd);
		return;
	}
	mutex_lock(&fd->kvm->irq_lock);
	resampler_leave(fd);
	mutex_unlock(&fd->kvm->irq_lock);
	call_rcu(&fd->rcu, free_irqfd_rcu);
}

static void shutdown_work(struct work_struct *work)
{
	struct irqfd *fd = container_of(work, struct irqfd, shutdown);
	struct kvm *kvm = fd->kvm;

	shutdown_irqfd(fd);
	kvm_put(kvm);
}

static void inject_work(struct work_struct *work)
{
	struct irqfd *fd = container_of(work, struct irqfd, inject);

	if (fd->resampler) {
		kvm_set_irq(fd->kvm, KVM_IRQ_SRC_RESAMPLE, fd->gsi, 1, false);
		return;
	}
	/* One pulse after the other, or a GSI's second eventfd finds the line up: no edge. */
	mutex_lock(&fd->kvm->irq_lock);
	kvm_set_irq(fd->kvm, KVM_IRQ_SRC_USER, fd->gsi, 1, false);
	kvm_set_irq(fd->kvm, KVM_IRQ_SRC_USER, fd->gsi, 0, false);
	mutex_unlock(&fd->kvm->irq_lock);
}

/* What has one target can go out right here; that with several or a level goes by work. */
static bool inject_now(struct irqfd *fd)
{
	const struct kvm_irq_routes *t;
	const struct kvm_irq_route *r;
	bool done = true;

	if (fd->resampler)
		return false;
	rcu_read_lock();
	t = kvm_routes(fd->kvm);
	if (t && fd->gsi < t->nr_gsi && !hlist_empty(&t->by_gsi[fd->gsi])) {
		r = hlist_entry(t->by_gsi[fd->gsi].first, struct kvm_irq_route, link);
		done = r->type != KVM_IRQ_ROUTING_IRQCHIP &&
		       kvm_arch_set_irq_atomic(r, fd->kvm, KVM_IRQ_SRC_USER, 1) != -EWOULDBLOCK;
	}
	rcu_read_unlock();
	return done;
}

/* irqfds_lock held. */
static void take(struct irqfd *fd, struct list_head *to)
{
	fd->taken = true;
	list_del_init(&fd->link);
	if (to)
		list_add(&fd->link, to);
}

static void hung_up(struct irqfd *fd)
{
	struct kvm *kvm = fd->kvm;
	unsigned long flags;

	spin_lock_irqsave(&kvm->irqfds_lock, flags);
	/* Without a reference to get, the VM is going and shuts it down itself. */
	if (!fd->taken && refcount_inc_not_zero(&kvm->users)) {
		take(fd, NULL);
		queue_work(irqfd_wq, &fd->shutdown);
	}
	spin_unlock_irqrestore(&kvm->irqfds_lock, flags);
}

/* With the eventfd's wait queue lock held and IRQs off. */
static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *fd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	int consumed = 0;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(fd->ctx, &count);
		if (!inject_now(fd))
			queue_work(irqfd_wq, &fd->inject);
		consumed = 1;
	}
	if (events & EPOLLHUP)
		hung_up(fd);
	return consumed;
}

/* First in the queue, so that nobody else is woken for what we consume. */
static void irqfd_queue_proc(struct file *file, wait_queue_head_t *head, poll_table *pt)
{
	struct irqfd *fd = container_of(pt, struct irqfd, pt);

	add_wait_queue_priority(head, &fd->wait);
}

/* Puts it on the list, unless the eventfd is in use already. */
static int enlist(struct kvm *kvm, struct irqfd *fd)
{
	struct irqfd *other;
	int ret = 0;

	spin_lock_irq(&kvm->irqfds_lock);
	list_for_each_entry(other, &kvm->irqfds, link)
		if (other->ctx == fd->ctx)
			ret = -EBUSY;
	if (!ret)
		list_add_tail(&fd->link, &kvm->irqfds);
	spin_unlock_irq(&kvm->irqfds_lock);
	return ret;
}

/*
 * irq_lock held, which keeps deassign away until we are done; @file is held,
 * which keeps the hang-up away. Afterwards @fd may be gone any time.
 */
static int go_live(struct kvm *kvm, struct irqfd *fd, struct file *file)
{
	int ret = 0;

	if (fd->resample_ctx)
		ret = resampler_join(fd);
	if (ret)
		return ret;
	ret = enlist(kvm, fd);
	if (ret) {
		if (fd->resampler)
			resampler_leave(fd);
		return ret;
	}
	if (!fd->resampler)
		kvm_bypass_join(&fd->bypass, kvm, fd->gsi, fd->ctx);
	/* Signalled before we came? */
	if (vfs_poll(file, &fd->pt) & EPOLLIN)
		queue_work(irqfd_wq, &fd->inject);
	return 0;
}

static struct irqfd *alloc_irqfd(struct kvm *kvm, const struct kvm_irqfd *args,
				 struct file *file)
{
	struct irqfd *fd = kzalloc(sizeof(*fd), GFP_KERNEL_ACCOUNT);
	struct eventfd_ctx *resample = NULL;

	if (!fd)
		return ERR_PTR(-ENOMEM);
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		resample = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(resample)) {
			kfree(fd);
			return ERR_CAST(resample);
		}
	}
	fd->kvm = kvm;
	fd->gsi = args->gsi;
	fd->ctx = eventfd_ctx_fileget(file);	/* an eventfd, as eventfd_fget() gave it */
	fd->resample_ctx = resample;
	INIT_LIST_HEAD(&fd->link);
	INIT_WORK(&fd->inject, inject_work);
	INIT_WORK(&fd->shutdown, shutdown_work);
	init_waitqueue_func_entry(&fd->wait, irqfd_wakeup);
	init_poll_funcptr(&fd->pt, irqfd_queue_proc);
	return fd;
}

static int assign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct irqfd *fd;
	struct file *file;
	int ret;

	if (!kvm_arch_has_irqchip(kvm))
		return -EINVAL;
	file = eventfd_fget(args->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	fd = alloc_irqfd(kvm, args, file);
	ret = PTR_ERR_OR_ZERO(fd);
	if (ret)
		goto out;
	mutex_lock(&kvm->irq_lock);
	ret = go_live(kvm, fd, file);
	mutex_unlock(&kvm->irq_lock);
	/* It may have been seen by resampler_acked() meanwhile. */
	if (ret)
		call_rcu(&fd->rcu, free_irqfd_rcu);
out:
	fput(file);
	return ret;
}

static void shutdown_all(struct list_head *list)
{
	struct irqfd *fd, *tmp;

	list_for_each_entry_safe(fd, tmp, list, link)
		shutdown_irqfd(fd);
}

static int deassign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct irqfd *fd, *tmp;
	LIST_HEAD(mine);

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	mutex_lock(&kvm->irq_lock);
	spin_lock_irq(&kvm->irqfds_lock);
	list_for_each_entry_safe(fd, tmp, &kvm->irqfds, link)
		if (fd->ctx == ctx && fd->gsi == args->gsi)
			take(fd, &mine);
	spin_unlock_irq(&kvm->irqfds_lock);
	mutex_unlock(&kvm->irq_lock);
	shutdown_all(&mine);
	eventfd_ctx_put(ctx);
	return 0;
}

/**
 * kvm_irqfd() - KVM_IRQFD
 * @kvm: the VM
 * @args: as user space gave it
 *
 * Return: 0, -EINVAL, -EBADF, -EBUSY for an eventfd in use, -ENOMEM.
 */
int kvm_irqfd(struct kvm *kvm, const struct kvm_irqfd *args)
{
	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return deassign(kvm, args);
	return assign(kvm, args);
}

/* The VM's end: what hung up before kept the VM until it was shut down. */
void kvm_irqfd_release(struct kvm *kvm)
{
	struct irqfd *fd, *tmp;
	LIST_HEAD(mine);

	spin_lock_irq(&kvm->irqfds_lock);
	list_for_each_entry_safe(fd, tmp, &kvm->irqfds, link)
		take(fd, &mine);
	spin_unlock_irq(&kvm->irqfds_lock);
	shutdown_all(&mine);
}

int kvm_irqfd_module_init(void)
{
	irqfd_wq = alloc_workqueue("kvm-irqfd", 0, 0);
	return irqfd_wq ? 0 : -ENOMEM;
}

void kvm_irqfd_module_exit(void)
{
	destroy_workqueue(irqfd_wq);
}
