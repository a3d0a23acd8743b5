// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics: each counter is one row here, and from the rows come the totals
 * in debugfs (kvm/<counter>, kvm/vms, kvm/vcpus) and the binary files that
 * describe themselves (KVM_GET_STATS_FD). There are no debugfs folders per VM:
 * making them costs more than the rest of a VM.
 */
#include <linux/anon_inodes.h>
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/uaccess.h>
#include "virt.h"

#define NAME_SIZE	48	/* of every name in the binary files, with its NUL */

struct stat_row {
	const char *name;
	u16 offset;		/* of the u64, in the stat struct */
	u16 flags;		/* KVM_STATS_* */
	s16 exponent;
};

#define VCPU(field)	VCPU_AS(field, #field)
#define VCPU_AS(field, as)	\
	{ .name = as, .offset = offsetof(struct kvm_vcpu_stat, field),	\
	  .flags = KVM_STATS_TYPE_CUMULATIVE }
#define VCPU_NS(field)		\
	{ .name = #field, .offset = offsetof(struct kvm_vcpu_stat, field),	\
	  .flags = KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_SECONDS, .exponent = -9 }
#define VM(field, as, type)	\
	{ .name = as, .offset = offsetof(struct kvm_vm_stat, field),	\
	  .flags = KVM_STATS_TYPE_##type }

static const struct stat_row vcpu_stats[] = {
	VCPU(exits),
	VCPU(halt_exits),
	VCPU(halt_successful_poll),
	VCPU(halt_attempted_poll),
	VCPU_NS(halt_poll_success_ns),
	VCPU_NS(halt_poll_fail_ns),
	VCPU(halt_wakeup),
	VCPU(signal_exits),
	VCPU(io_exits),
	VCPU(mmio_exits),
	VCPU(irq_exits),
	VCPU(irq_window_exits),
	VCPU(nmi_window_exits),
	VCPU(notify_window_exits),
	VCPU(request_irq_exits),
	VCPU(irq_injections),
	VCPU(nmi_injections),
	VCPU(pf_taken),
	VCPU(pf_fast),
	VCPU(pf_mmio),
	VCPU(pf_spurious),
	VCPU(insn_emulation),
	VCPU(insn_emulation_fail),
	VCPU(hypercalls),
	VCPU(fast_exits),
	VCPU(tlb_flush),
	VCPU(host_state_reload),
	VCPU(preemption_reported),
};

static const struct stat_row vm_stats[] = {
	VM(mmu_flushes, "remote_tlb_flush", CUMULATIVE),
	/* None is spared. */
	VM(mmu_flushes, "remote_tlb_flush_requests", CUMULATIVE),
	VM(mmu_unmaps, "mmu_unmaps", CUMULATIVE),
	VM(pages_4k, "pages_4k", INSTANT),
	VM(pages_2m, "pages_2m", INSTANT),
	VM(pages_1g, "pages_1g", INSTANT),
};

static u64 value_of(const struct stat_row *row, const void *stat)
{
	return READ_ONCE(*(u64 *)(stat + row->offset));
}

/* Totals over all VMs. */
static int vm_total(void *data, u64 *val)
{
	struct kvm *kvm;

	*val = 0;
	mutex_lock(&kvm_vms_lock);
	list_for_each_entry(kvm, &kvm_vms, vm_list)
		*val += value_of(data, &kvm->stat);
	mutex_unlock(&kvm_vms_lock);
	return 0;
}

static int vcpu_total(void *data, u64 *val)
{
	struct kvm_vcpu *vcpu;
	struct kvm *kvm;
	unsigned int i;

	*val = 0;
	mutex_lock(&kvm_vms_lock);
	list_for_each_entry(kvm, &kvm_vms, vm_list)
		kvm_for_each_vcpu(i, vcpu, kvm)
			*val += value_of(data, &vcpu->stat);
	mutex_unlock(&kvm_vms_lock);
	return 0;
}

static int count_vms(void *data, u64 *val)
{
	struct list_head *p;

	*val = 0;
	mutex_lock(&kvm_vms_lock);
	list_for_each(p, &kvm_vms)
		++*val;
	mutex_unlock(&kvm_vms_lock);
	return 0;
}

static int count_vcpus(void *data, u64 *val)
{
	struct kvm *kvm;

	*val = 0;
	mutex_lock(&kvm_vms_lock);
	list_for_each_entry(kvm, &kvm_vms, vm_list)
		*val += atomic_read(&kvm->online_vcpus);
	mutex_unlock(&kvm_vms_lock);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(vm_total_fops, vm_total, NULL, "%llu\n");
DEFINE_DEBUGFS_ATTRIBUTE(vcpu_total_fops, vcpu_total, NULL, "%llu\n");
DEFINE_DEBUGFS_ATTRIBUTE(vms_fops, count_vms, NULL, "%llu\n");
DEFINE_DEBUGFS_ATTRIBUTE(vcpus_fops, count_vcpus, NULL, "%llu\n");

static struct dentry *debugfs_dir;

static void __init add_files(const struct stat_row *rows, unsigned int n,
			     const struct file_operations *fops)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		debugfs_create_file_unsafe(rows[i].name, 0444, debugfs_dir, (void *)&rows[i],
					   fops);
}

void __init kvm_stats_module_init(void)
{
	debugfs_dir = debugfs_create_dir("kvm", NULL);
	debugfs_create_file_unsafe("vms", 0444, debugfs_dir, NULL, &vms_fops);
	debugfs_create_file_unsafe("vcpus", 0444, debugfs_dir, NULL, &vcpus_fops);
	add_files(vm_stats, ARRAY_SIZE(vm_stats), &vm_total_fops);
	add_files(vcpu_stats, ARRAY_SIZE(vcpu_stats), &vcpu_total_fops);
}

void kvm_stats_module_exit(void)
{
	debugfs_remove(debugfs_dir);
}

/* The binary file is made up piece by piece; what the reader asked for is copied. */
struct reader {
	char __user *buf;
	size_t room;
	loff_t pos;		/* wanted next */
	loff_t at;		/* where the next piece begins */
	int err;
};

static void piece(struct reader *r, const void *data, size_t len)
{
	loff_t skip = r->pos - r->at;
	size_t n;

	r->at += len;
	if (skip < 0 || skip >= len || !r->room || r->err)
		return;
	n = min_t(size_t, len - skip, r->room);
	if (copy_to_user(r->buf, data + skip, n)) {
		r->err = -EFAULT;
		return;
	}
	r->buf += n;
	r->room -= n;
	r->pos += n;
}

static void describe(struct reader *r, const struct stat_row *rows, unsigned int n)
{
	struct kvm_stats_desc desc;
	char name[NAME_SIZE];
	unsigned int i;

	for (i = 0; i < n; i++) {
		memset(&desc, 0, sizeof(desc));
		desc.flags = rows[i].flags;
		desc.exponent = rows[i].exponent;
		desc.size = 1;
		desc.offset = i * sizeof(u64);
		memset(name, 0, sizeof(name));
		strscpy(name, rows[i].name, sizeof(name));
		piece(r, &desc, sizeof(desc));
		piece(r, name, sizeof(name));
	}
}

static ssize_t read_stats(char __user *buf, size_t size, loff_t *pos, const char *id,
			  const struct stat_row *rows, unsigned int n, const void *stat)
{
	struct reader r = { .buf = buf, .room = size, .pos = *pos };
	struct kvm_stats_header head = {
		.name_size = NAME_SIZE,
		.num_desc = n,
		.id_offset = sizeof(head),
		.desc_offset = sizeof(head) + NAME_SIZE,
		.data_offset = sizeof(head) + NAME_SIZE +
			       n * (sizeof(struct kvm_stats_desc) + NAME_SIZE),
	};
	unsigned int i;
	u64 val;

	BUILD_BUG_ON(sizeof(head) % 8 || NAME_SIZE % 8 || sizeof(struct kvm_stats_desc) % 8);
	if (*pos < 0)
		return -EINVAL;
	piece(&r, &head, sizeof(head));
	piece(&r, id, NAME_SIZE);
	describe(&r, rows, n);
	for (i = 0; i < n; i++) {
		val = value_of(&rows[i], stat);
		piece(&r, &val, sizeof(val));
	}
	if (r.err)
		return r.err;
	*pos = r.pos;
	return size - r.room;
}

static ssize_t vm_stats_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct kvm *kvm = file->private_data;
	char id[NAME_SIZE] = "";

	snprintf(id, sizeof(id), "kvm-%d", kvm->creator);
	return read_stats(buf, size, pos, id, vm_stats, ARRAY_SIZE(vm_stats), &kvm->stat);
}

static int vm_stats_release(struct inode *inode, struct file *file)
{
	kvm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_stats_fops = {
	.owner		= THIS_MODULE,
	.read		= vm_stats_read,
	.release	= vm_stats_release,
	.llseek		= no_seek_end_llseek,
};

static ssize_t vcpu_stats_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct kvm_vcpu *vcpu = file->private_data;
	char id[NAME_SIZE] = "";

	snprintf(id, sizeof(id), "kvm-%d/vcpu-%u", vcpu->kvm->creator, vcpu->id);
	return read_stats(buf, size, pos, id, vcpu_stats, ARRAY_SIZE(vcpu_stats), &vcpu->stat);
}

static int vcpu_stats_release(struct inode *inode, struct file *file)
{
	struct kvm_vcpu *vcpu = file->private_data;

	kvm_put(vcpu->kvm);
	return 0;
}

static const struct file_operations vcpu_stats_fops = {
	.owner		= THIS_MODULE,
	.read		= vcpu_stats_read,
	.release	= vcpu_stats_release,
	.llseek		= no_seek_end_llseek,
};

static long stats_fd(struct kvm *kvm, const char *name, const struct file_operations *fops,
		     void *data)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, fops, data, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	file->f_mode |= FMODE_PREAD | FMODE_LSEEK;
	kvm_get(kvm);
	fd_install(fd, file);
	return fd;
}

long kvm_vm_stats_fd(struct kvm *kvm)
{
	return stats_fd(kvm, "kvm-vm-stats", &vm_stats_fops, kvm);
}

long kvm_vcpu_stats_fd(struct kvm_vcpu *vcpu)
{
	return stats_fd(vcpu->kvm, "kvm-vcpu-stats", &vcpu_stats_fops, vcpu);
}
