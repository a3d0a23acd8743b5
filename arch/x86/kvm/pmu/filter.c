// SPDX-License-Identifier: GPL-2.0-only
/* Which events user space lets a VM's guest count (KVM_SET_PMU_EVENT_FILTER). */
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include "../x86.h"
#include "pmu.h"

#define MAX_EVENTS	300

struct filter_room {
	struct pmu_filter filter;	/* first */
	struct rcu_head rcu;
	u64 events[];
};

static struct filter_room *room_of(struct pmu_filter *f)
{
	return container_of(f, struct filter_room, filter);
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static struct filter_room *filter_make(struct kvm_pmu_event_filter __user *user)
{
	struct kvm_pmu_event_filter head;
	struct filter_room *room;

	if (copy_from_user(&head, user, sizeof(head)))
		return ERR_PTR(-EFAULT);
	if (head.action > KVM_PMU_EVENT_DENY || head.flags)
		return ERR_PTR(-EINVAL);
	if (head.nevents > MAX_EVENTS)
		return ERR_PTR(-E2BIG);
	room = kmalloc(struct_size(room, events, head.nevents), GFP_KERNEL_ACCOUNT);
	if (!room)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(room->events, user->events, head.nevents * sizeof(u64))) {
		kfree(room);
		return ERR_PTR(-EFAULT);
	}
	sort(room->events, head.nevents, sizeof(u64), compare, NULL);
	room->filter.allow = head.action == KVM_PMU_EVENT_ALLOW;
	room->filter.fixed = head.fixed_counter_bitmap;
	room->filter.nr = head.nevents;
	room->filter.events = room->events;
	return room;
}

/* Counters that run are looked at again before their vCPUs' next entry. */
long pmu_ioctl_set_filter(void *obj, void *arg)
{
	struct kvm *kvm = obj;
	struct pmu_vm *pmu = &to_x86_vm(kvm)->pmu;
	struct filter_room *room = filter_make((struct kvm_pmu_event_filter __user *)arg);
	struct pmu_filter *old;

	if (IS_ERR(room))
		return PTR_ERR(room);
	mutex_lock(&kvm->lock);
	old = rcu_replace_pointer(pmu->filter, &room->filter, lockdep_is_held(&kvm->lock));
	smp_store_release(&pmu->filter_changes, pmu->filter_changes + 1);
	mutex_unlock(&kvm->lock);
	if (old)
		kfree_rcu(room_of(old), rcu);
	if (pmu_offered())
		kvm_request_all(kvm, X86_REQ_PMU);
	return 0;
}

/* The last user is gone. */
void pmu_vm_destroy(struct kvm *kvm)
{
	struct pmu_filter *f = rcu_dereference_protected(to_x86_vm(kvm)->pmu.filter, true);

	if (f)
		kfree(room_of(f));
}

bool pmu_filter_allows(struct kvm *kvm, u64 event, int fixed)
{
	const struct pmu_filter *f;
	bool allowed;

	rcu_read_lock();
	f = rcu_dereference(to_x86_vm(kvm)->pmu.filter);
	allowed = !f || pmu_filter_passes(f, event, fixed);
	rcu_read_unlock();
	return allowed;
}
