// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's life, its fd, KVM_RUN, and being loaded on a host CPU. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "virt.h"
#include "virt_trace.h"

/* The vCPU loaded on this CPU; changed with preemption off. */
static DEFINE_PER_CPU(struct kvm_vcpu *, loaded_vcpu);

static struct kvm_ioctl_table vcpu_ioctls;
static struct preempt_ops vcpu_preempt_ops;

struct kvm_vcpu *kvm_running_vcpu(void)
{
	return raw_cpu_read(loaded_vcpu);
}

/* Preemption off. */
static void load_here(struct kvm_vcpu *vcpu, int cpu)
{
	__this_cpu_write(loaded_vcpu, vcpu);
	WRITE_ONCE(vcpu->cpu, cpu);
	if (unlikely(!__this_cpu_read(kvm_hw_on)))
		kvm_request(vcpu, KVM_REQ_VM_DEAD);
	kvm_arch_vcpu_load(vcpu, cpu);
}

static void put_here(struct kvm_vcpu *vcpu)
{
	kvm_arch_vcpu_put(vcpu);
	WRITE_ONCE(vcpu->cpu, -1);
	__this_cpu_write(loaded_vcpu, NULL);
}

/**
 * kvm_vcpu_load() - bring the vCPU's state to this host CPU and keep it with the thread
 * @vcpu: its mutex is held
 *
 * The thread may sleep and move afterwards: the preempt notifier follows it.
 */
void kvm_vcpu_load(struct kvm_vcpu *vcpu)
{
	int cpu = get_cpu();

	preempt_notifier_register(&vcpu->pn);
	load_here(vcpu, cpu);
	put_cpu();
}

void kvm_vcpu_put(struct kvm_vcpu *vcpu)
{
	preempt_disable();
	put_here(vcpu);
	preempt_notifier_unregister(&vcpu->pn);
	preempt_enable();
}

static void vcpu_sched_in(struct preempt_notifier *pn, int cpu)
{
	struct kvm_vcpu *vcpu = container_of(pn, struct kvm_vcpu, pn);

	WRITE_ONCE(vcpu->preempted, false);
	load_here(vcpu, cpu);
}

static void vcpu_sched_out(struct preempt_notifier *pn, struct task_struct *next)
{
	struct kvm_vcpu *vcpu = container_of(pn, struct kvm_vcpu, pn);

	if (current->on_rq)
		WRITE_ONCE(vcpu->preempted, true);
	put_here(vcpu);
}

struct old_pid {
	struct rcu_head rcu;
	struct pid *pid;
};

static void put_old_pid(struct rcu_head *rcu)
{
	struct old_pid *old = container_of(rcu, struct old_pid, rcu);

	put_pid(old->pid);
	kfree(old);
}

/* Another thread than last time runs the vCPU; the yield code looks at pid under RCU. */
static noinline void note_thread(struct kvm_vcpu *vcpu)
{
	struct pid *old = rcu_dereference_protected(vcpu->pid, lockdep_is_held(&vcpu->mutex));
	struct old_pid *later = NULL;

	if (old)
		later = kmalloc(sizeof(*later), GFP_KERNEL);
	rcu_assign_pointer(vcpu->pid, get_task_pid(current, PIDTYPE_PID));
	if (!old)
		return;
	if (later) {
		later->pid = old;
		call_rcu(&later->rcu, put_old_pid);
	} else {
		synchronize_rcu();
		put_pid(old);
	}
}

static noinline int run_with_sigmask(struct kvm_vcpu *vcpu)
{
	int ret;

	/* real_blocked: what stays blocked outside KVM_RUN is not delivered by it. */
	sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
	kvm_vcpu_load(vcpu);
	ret = kvm_arch_vcpu_run(vcpu);
	kvm_vcpu_put(vcpu);
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
	return ret;
}

static long vcpu_run(struct kvm_vcpu *vcpu, unsigned long arg)
{
	long ret;

	if (arg)
		return -EINVAL;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (unlikely(rcu_access_pointer(vcpu->pid) != task_pid(current)))
		note_thread(vcpu);
	if (unlikely(vcpu->sigset_active)) {
		ret = run_with_sigmask(vcpu);
	} else {
		kvm_vcpu_load(vcpu);
		ret = kvm_arch_vcpu_run(vcpu);
		kvm_vcpu_put(vcpu);
	}
	trace_kvm_userspace_exit(vcpu->run->exit_reason, ret);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

static long vcpu_set_signal_mask(void *obj, void *arg)
{
	struct kvm_vcpu *vcpu = obj;
	struct kvm_signal_mask __user *uarg = (void __user *)arg;
	struct kvm_signal_mask head;
	sigset_t set;

	if (!uarg) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (copy_from_user(&head, uarg, sizeof(head)))
		return -EFAULT;
	if (head.len != sizeof(set))
		return -EINVAL;
	/* A 32-bit caller's set has the same size, and on little-endian machines the same bits. */
	if (copy_from_user(&set, uarg->sigset, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = set;
	vcpu->sigset_active = true;
	return 0;
}

static long vcpu_get_stats_fd(void *obj, void *arg)
{
	return kvm_vcpu_stats_fd(obj);
}

static const struct kvm_ioctl_row vcpu_rows[] = {
	KVM_IOCTL(KVM_SET_SIGNAL_MASK, KVM_ARG_USER, 0, vcpu_set_signal_mask),
	KVM_IOCTL(KVM_GET_STATS_FD, KVM_ARG_VALUE | KVM_ASYNC, KVM_CAP_BINARY_STATS_FD,
		  vcpu_get_stats_fd),
};

static long call_holding(const struct kvm_ioctl_row *row, struct kvm_vcpu *vcpu,
			 unsigned long arg)
{
	long ret;

	if (row->flags & KVM_ASYNC)
		return kvm_ioctl_call(row, vcpu, arg);
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if (row->flags & KVM_HOLD_LOADED)
		kvm_vcpu_load(vcpu);
	if (row->flags & KVM_HOLD_SRCU)
		ret = kvm_ioctl_call_srcu(row, vcpu, arg, &vcpu->kvm->srcu);
	else
		ret = kvm_ioctl_call(row, vcpu, arg);
	if (row->flags & KVM_HOLD_LOADED)
		kvm_vcpu_put(vcpu);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

static long kvm_vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvm_vcpu *vcpu = file->private_data;
	const struct kvm_ioctl_row *row;
	int ret = kvm_check_caller(vcpu->kvm);

	if (unlikely(ret))
		return ret;
	/* KVM_RUN is the one that counts, so it is not looked up. */
	if (likely(cmd == KVM_RUN))
		return vcpu_run(vcpu, arg);
	row = kvm_ioctl_find(&vcpu_ioctls, cmd);
	if (!row)
		row = kvm_ioctl_find(&kvm_arch_vcpu_ioctls, cmd);
	return row ? call_holding(row, vcpu, arg) : -EINVAL;
}

static vm_fault_t vcpu_mmap_fault(struct vm_fault *vmf)
{
	struct kvm_vcpu *vcpu = vmf->vma->vm_file->private_data;
	struct page *page;

	if (vmf->pgoff == 0)
		page = virt_to_page(vcpu->run);
	else if (vmf->pgoff == KVM_COALESCED_MMIO_PAGE_OFFSET)
		page = kvm_coalesced_page(vcpu->kvm);
	else if (kvm_dirty_ring_has(vcpu, vmf->pgoff, 1))
		page = kvm_dirty_ring_page(vcpu, vmf->pgoff);
	else
		page = kvm_arch_vcpu_page(vcpu, vmf->pgoff);
	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault	= vcpu_mmap_fault,
};

static int kvm_vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	/* A private copy of the ring would be no ring. */
	if (kvm_dirty_ring_has(file->private_data, vma->vm_pgoff, vma_pages(vma)) &&
	    (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC))
		return -EINVAL;
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int kvm_vcpu_release(struct inode *inode, struct file *file)
{
	struct kvm_vcpu *vcpu = file->private_data;

	if (vcpu)		/* else creation failed half-way */
		kvm_put(vcpu->kvm);
	return 0;
}

static const struct file_operations kvm_vcpu_fops = {
	.owner		= THIS_MODULE,
	.release	= kvm_vcpu_release,
	.unlocked_ioctl	= kvm_vcpu_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= kvm_vcpu_mmap,
	.llseek		= noop_llseek,
};

static void free_vcpu(struct kvm_vcpu *vcpu)
{
	put_pid(rcu_dereference_protected(vcpu->pid, true));
	free_page((unsigned long)vcpu->run);
	kvm_dirty_ring_destroy(vcpu);
	kvm_arch_vcpu_free(vcpu);
}

void kvm_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	kvm_arch_vcpu_destroy(vcpu);
	free_vcpu(vcpu);
}

static struct kvm_vcpu *alloc_vcpu(struct kvm *kvm, unsigned int id)
{
	struct kvm_vcpu *vcpu = kvm_arch_vcpu_alloc(kvm);
	int ret;

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->kvm = kvm;
	vcpu->id = id;
	vcpu->cpu = -1;
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	preempt_notifier_init(&vcpu->pn, &vcpu_preempt_ops);
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	ret = kvm_dirty_ring_create(vcpu);
	if (!ret)
		ret = vcpu->run ? kvm_arch_vcpu_init(vcpu) : -ENOMEM;
	if (ret) {
		free_vcpu(vcpu);
		return ERR_PTR(ret);
	}
	return vcpu;
}

/* Claim one of the VM's places. */
static int reserve_vcpu(struct kvm *kvm, unsigned int id)
{
	int ret = -EINVAL;

	mutex_lock(&kvm->lock);
	if (kvm->created_vcpus >= KVM_MAX_VCPUS_ARCH ||
	    (kvm->max_vcpu_ids && id >= kvm->max_vcpu_ids))
		goto out;
	ret = -EEXIST;
	if (kvm_vcpu_by_id(kvm, id))
		goto out;
	ret = kvm_arch_vcpu_precreate(kvm, id);
	if (!ret)
		WRITE_ONCE(kvm->created_vcpus, kvm->created_vcpus + 1);
out:
	mutex_unlock(&kvm->lock);
	return ret;
}

static void unreserve_vcpu(struct kvm *kvm)
{
	mutex_lock(&kvm->lock);
	WRITE_ONCE(kvm->created_vcpus, kvm->created_vcpus - 1);
	mutex_unlock(&kvm->lock);
}

/* Make it visible, with a reference on the VM for its fd. */
static int publish_vcpu(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	int ret = -EEXIST;

	mutex_lock(&kvm->lock);
	if (kvm_vcpu_by_id(kvm, vcpu->id))
		goto out;
	vcpu->idx = atomic_read(&kvm->online_vcpus);
	ret = xa_insert(&kvm->vcpus, vcpu->idx, vcpu, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto out;
	kvm_get(kvm);
	smp_wmb();	/* the vCPU before its count, for kvm_vcpu_by_index() */
	atomic_inc(&kvm->online_vcpus);
out:
	mutex_unlock(&kvm->lock);
	return ret;
}

/*
 * The file is made before the vCPU can be found, so that nothing can fail
 * afterwards; its private data arrives before the fd does.
 */
long kvm_create_vcpu(struct kvm *kvm, unsigned long id)
{
	struct kvm_vcpu *vcpu;
	struct file *file;
	char name[32];
	int fd, ret;

	if (id >= KVM_MAX_VCPU_ID_ARCH)
		return -EINVAL;
	ret = reserve_vcpu(kvm, id);
	if (ret)
		return ret;
	ret = fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto err_place;
	vcpu = alloc_vcpu(kvm, id);
	ret = PTR_ERR_OR_ZERO(vcpu);
	if (ret)
		goto err_fd;
	snprintf(name, sizeof(name), "kvm-vcpu:%lu", id);
	file = anon_inode_getfile(name, &kvm_vcpu_fops, NULL, O_RDWR);
	ret = PTR_ERR_OR_ZERO(file);
	if (ret)
		goto err_vcpu;
	ret = publish_vcpu(kvm, vcpu);
	if (ret)
		goto err_file;
	kvm_arch_vcpu_postcreate(vcpu);
	file->private_data = vcpu;
	fd_install(fd, file);
	return fd;

err_file:
	fput(file);
err_vcpu:
	kvm_vcpu_destroy(vcpu);
err_fd:
	put_unused_fd(fd);
err_place:
	unreserve_vcpu(kvm);
	return ret;
}

static struct preempt_ops vcpu_preempt_ops = {
	.sched_in	= vcpu_sched_in,
	.sched_out	= vcpu_sched_out,
};

void __init kvm_vcpu_module_init(void)
{
	kvm_ioctl_table_init(&vcpu_ioctls, vcpu_rows, ARRAY_SIZE(vcpu_rows));
}
