// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: immutable sorted sets, replaced as a whole under slots_lock.
 *
 * Adding a slot waits for nobody: what it replaces is kept on a short list of
 * stale things until somebody has to wait anyway, or the VM goes. Taking one
 * away waits for srcu readers, unless no vCPU exists that could be one and
 * could have mapped something. Until its mappings are gone a slot that left
 * its set stays in kvm->leaving_slot, where the notifier looks too: else the
 * host could free a page which the guest still reaches.
 */
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "virt.h"

#define MAX_STALE	64
#define ALL_FLAGS	(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)

/* What every VM starts with; never freed. */
static struct kvm_memslots no_slots = { .generation = 1 };

static struct kvm_memslots *current_set(struct kvm *kvm, unsigned int as_id)
{
	return rcu_dereference_protected(kvm->slots[as_id], lockdep_is_held(&kvm->slots_lock));
}

/* Index of the first slot that begins at or after @gfn. */
static unsigned int lower_bound(const struct kvm_memslots *set, gfn_t gfn)
{
	unsigned int lo = 0, hi = set->count, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (set->slot[mid]->base_gfn < gfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct kvm_memslot *kvm_find_slot(struct kvm_memslots *slots, gfn_t gfn)
{
	unsigned int lo = 0, hi = slots->count, mid;
	struct kvm_memslot *slot;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		slot = slots->slot[mid];
		if (gfn < slot->base_gfn)
			hi = mid;
		else if (gfn - slot->base_gfn < slot->npages)
			return slot;
		else
			lo = mid + 1;
	}
	return NULL;
}

struct kvm_memslot *kvm_slot_by_id(struct kvm *kvm, u32 slot)
{
	u16 id = slot, as_id = slot >> 16;

	lockdep_assert_held(&kvm->slots_lock);
	return as_id < KVM_ADDRESS_SPACES ? xa_load(&kvm->slots_by_id[as_id], id) : NULL;
}

static void free_stale(struct kvm *kvm)
{
	struct kvm_stale *s, *next;

	for (s = kvm->stale; s; s = next) {
		next = s->next;
		kvfree(s);
	}
	kvm->stale = NULL;
	kvm->nr_stale = 0;
}

static void wait_for_readers(struct kvm *kvm)
{
	synchronize_srcu_expedited(&kvm->srcu);
	kvm_wait_irqs_off_readers(kvm);
	free_stale(kvm);
}

void kvm_stale_add(struct kvm *kvm, struct kvm_stale *s)
{
	lockdep_assert_held(&kvm->slots_lock);
	s->next = kvm->stale;
	kvm->stale = s;
	if (++kvm->nr_stale > MAX_STALE)
		wait_for_readers(kvm);
}

/*
 * Either we see the vCPU that is being created, or it sees what was published
 * before: srcu_read_lock() and kvm_create_vcpu()'s mutex are full barriers.
 */
static bool can_have_readers(struct kvm *kvm)
{
	smp_mb();
	return READ_ONCE(kvm->created_vcpus);
}

bool kvm_slots_sync(struct kvm *kvm)
{
	lockdep_assert_held(&kvm->slots_lock);
	if (!can_have_readers(kvm))
		return false;
	wait_for_readers(kvm);
	return true;
}

static void free_slot(struct kvm_memslot *slot)
{
	kvm_arch_slot_free(slot);
	kvfree(slot->dirty);
	kfree(slot);
}

/* Nobody can find the slot any more, but some reader may still use it. */
static void retire_slot(struct kvm *kvm, struct kvm_memslot *slot)
{
	if (!slot->dirty && !slot->arch) {
		kvm_stale_add(kvm, &slot->stale);
		return;
	}
	wait_for_readers(kvm);
	free_slot(slot);
}

static struct kvm_memslots *alloc_set(unsigned int count)
{
	struct kvm_memslots *set;

	set = kvmalloc(struct_size(set, slot, count), GFP_KERNEL_ACCOUNT);
	if (set)
		set->count = count;
	return set;
}

static unsigned int copy_slots(struct kvm_memslots *to, unsigned int at,
			       const struct kvm_memslots *from, unsigned int begin,
			       unsigned int end)
{
	memcpy(&to->slot[at], &from->slot[begin], (end - begin) * sizeof(to->slot[0]));
	return at + end - begin;
}

/* A copy of @old without @gone and with @add; each may be NULL. */
static struct kvm_memslots *make_set(const struct kvm_memslots *old,
				     const struct kvm_memslot *gone, struct kvm_memslot *add)
{
	struct kvm_memslots *set = alloc_set(old->count - !!gone + !!add);
	unsigned int n = 0, from = 0, pos;

	if (!set)
		return NULL;
	/* Cut at whichever comes first, then at the other. */
	if (gone && !(add && add->base_gfn <= gone->base_gfn)) {
		pos = lower_bound(old, gone->base_gfn);
		n = copy_slots(set, n, old, from, pos);
		from = pos + 1;
		gone = NULL;
	}
	if (add) {
		pos = max(lower_bound(old, add->base_gfn), from);
		n = copy_slots(set, n, old, from, pos);
		set->slot[n++] = add;
		from = pos;
	}
	if (gone) {
		pos = lower_bound(old, gone->base_gfn);
		n = copy_slots(set, n, old, from, pos);
		from = pos + 1;
	}
	copy_slots(set, n, old, from, old->count);
	return set;
}

static void publish(struct kvm *kvm, unsigned int as_id, struct kvm_memslots *set)
{
	struct kvm_memslots *old = current_set(kvm, as_id);

	set->generation = ++kvm->slots_generation;
	rcu_assign_pointer(kvm->slots[as_id], set);
	if (old != &no_slots)
		kvm_stale_add(kvm, &old->stale);
}

static bool overlaps(const struct kvm_memslots *set, const struct kvm_memslot *new, u16 but_id)
{
	unsigned int i = lower_bound(set, new->base_gfn);
	const struct kvm_memslot *s;

	/* From the neighbour below on; the slot that moves away doesn't count. */
	while (i && set->slot[i - 1]->base_gfn + set->slot[i - 1]->npages > new->base_gfn) {
		i--;
		if (set->slot[i]->id != but_id)
			return true;
	}
	for (; i < set->count; i++) {
		s = set->slot[i];
		if (s->base_gfn >= new->base_gfn + new->npages)
			break;
		if (s->id != but_id)
			return true;
	}
	return false;
}

static int alloc_dirty(struct kvm *kvm, struct kvm_memslot *slot)
{
	if (kvm->dirty_ring_size)
		return 0;
	slot->dirty = kvcalloc(kvm_dirty_words(slot), sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!slot->dirty)
		return -ENOMEM;
	if (kvm->dirty_initially_set)
		bitmap_set(slot->dirty, 0, slot->npages);
	return 0;
}

static int create_slot(struct kvm *kvm, struct kvm_memslot *new)
{
	struct kvm_memslots *set, *old_set = current_set(kvm, new->as_id);
	struct xarray *ids = &kvm->slots_by_id[new->as_id];
	int ret;

	if (overlaps(old_set, new, ~0))
		return -EEXIST;
	if (kvm_slot_logs_dirty(new) && alloc_dirty(kvm, new))
		return -ENOMEM;
	ret = -ENOMEM;
	set = make_set(old_set, NULL, new);
	if (!set)
		goto err_dirty;
	ret = xa_insert(ids, new->id, new, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_set;
	ret = kvm_arch_slot_prepare(kvm, NULL, new);
	if (ret)
		goto err_id;
	publish(kvm, new->as_id, set);
	kvm_arch_slot_commit(kvm, NULL, new);
	return 0;

err_id:
	xa_erase(ids, new->id);
err_set:
	kvfree(set);
err_dirty:
	kvfree(new->dirty);
	return ret;
}

/* @set is without @old: let go of what is mapped. */
static void take_out(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslots *set)
{
	rcu_assign_pointer(kvm->leaving_slot, old);
	publish(kvm, old->as_id, set);	/* releases: the notifier misses neither */
	kvm_slots_sync(kvm);
	kvm_arch_slot_flush(kvm, old);
	kvm_arch_slot_commit(kvm, old, NULL);
}

static int delete_slot(struct kvm *kvm, struct kvm_memslot *old)
{
	struct kvm_memslots *set = make_set(current_set(kvm, old->as_id), old, NULL);

	if (!set)
		return -ENOMEM;
	take_out(kvm, old, set);
	RCU_INIT_POINTER(kvm->leaving_slot, NULL);
	xa_erase(&kvm->slots_by_id[old->as_id], old->id);
	retire_slot(kvm, old);
	return 0;
}

static int move_slot(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new)
{
	struct kvm_memslots *old_set = current_set(kvm, new->as_id);
	struct kvm_memslots *without, *with;
	int ret = -ENOMEM;

	if (overlaps(old_set, new, old->id))
		return -EEXIST;
	if (kvm_slot_logs_dirty(new) && alloc_dirty(kvm, new))
		return -ENOMEM;
	without = make_set(old_set, old, NULL);
	with = make_set(old_set, old, new);
	if (!without || !with)
		goto err;
	ret = kvm_arch_slot_prepare(kvm, old, new);
	if (ret)
		goto err;
	take_out(kvm, old, without);
	publish(kvm, new->as_id, with);
	RCU_INIT_POINTER(kvm->leaving_slot, NULL);
	xa_store(&kvm->slots_by_id[new->as_id], new->id, new, GFP_KERNEL_ACCOUNT);
	kvm_arch_slot_commit(kvm, NULL, new);
	retire_slot(kvm, old);
	return 0;
err:
	kvfree(without);
	kvfree(with);
	kvfree(new->dirty);
	return ret;
}

/* Same place, same memory: only logging is switched. */
static int change_flags(struct kvm *kvm, struct kvm_memslot *old, struct kvm_memslot *new)
{
	struct kvm_memslots *set;
	int ret = -ENOMEM;
	bool unread;

	if (kvm_slot_logs_dirty(new) && alloc_dirty(kvm, new))
		return -ENOMEM;
	set = make_set(current_set(kvm, new->as_id), old, new);
	if (!set)
		goto err;
	new->arch = old->arch;
	ret = kvm_arch_slot_prepare(kvm, old, new);
	if (ret)
		goto err_set;
	publish(kvm, new->as_id, set);
	xa_store(&kvm->slots_by_id[new->as_id], new->id, new, GFP_KERNEL_ACCOUNT);
	/* Nobody who maps or writes goes by the old flags once commit acts on the new. */
	unread = kvm_slots_sync(kvm);
	kvm_arch_slot_commit(kvm, old, new);
	old->arch = NULL;
	if (unread)
		free_slot(old);
	else
		retire_slot(kvm, old);
	return 0;
err_set:
	kvfree(set);
err:
	kvfree(new->dirty);
	return ret;
}

static int check_region(const struct kvm_userspace_memory_region *r)
{
	if (r->flags & ~ALL_FLAGS)
		return -EINVAL;
	if (!PAGE_ALIGNED(r->memory_size) || !PAGE_ALIGNED(r->guest_phys_addr) ||
	    !PAGE_ALIGNED(r->userspace_addr))
		return -EINVAL;
	if (r->userspace_addr != untagged_addr(r->userspace_addr) ||
	    !access_ok((void __user *)(unsigned long)r->userspace_addr, r->memory_size))
		return -EINVAL;
	if ((r->slot >> 16) >= KVM_ADDRESS_SPACES)
		return -EINVAL;
	if (r->guest_phys_addr + r->memory_size < r->guest_phys_addr ||
	    r->memory_size >> PAGE_SHIFT > KVM_SLOT_MAX_PAGES)
		return -EINVAL;
	return 0;
}

static int add_or_change(struct kvm *kvm, struct kvm_memslot *old,
			 const struct kvm_userspace_memory_region *r)
{
	struct kvm_memslot *new;
	int ret;

	if (old && (old->npages != r->memory_size >> PAGE_SHIFT || old->hva != r->userspace_addr ||
		    (old->flags ^ r->flags) & KVM_MEM_READONLY))
		return -EINVAL;
	if (old && old->base_gfn == gpa_to_gfn(r->guest_phys_addr) && old->flags == r->flags)
		return 0;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->base_gfn = gpa_to_gfn(r->guest_phys_addr);
	new->npages = r->memory_size >> PAGE_SHIFT;
	new->hva = r->userspace_addr;
	new->flags = r->flags;
	new->id = r->slot;
	new->as_id = r->slot >> 16;

	if (!old)
		ret = create_slot(kvm, new);
	else if (old->base_gfn != new->base_gfn)
		ret = move_slot(kvm, old, new);
	else
		ret = change_flags(kvm, old, new);
	if (ret)
		kfree(new);
	return ret;
}

static int set_region(struct kvm *kvm, const struct kvm_userspace_memory_region *r)
{
	struct kvm_memslot *old;
	int ret = check_region(r);

	if (ret)
		return ret;
	old = kvm_slot_by_id(kvm, r->slot);
	if (r->memory_size)
		return add_or_change(kvm, old, r);
	return old ? delete_slot(kvm, old) : -EINVAL;
}

/**
 * kvm_set_memory_region() - KVM_SET_USER_MEMORY_REGION
 * @kvm: the VM
 * @region: as user space gave it
 *
 * Return: 0, -EINVAL, -EEXIST for an overlap, -ENOMEM.
 */
int kvm_set_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region *region)
{
	int ret;

	if ((u16)region->slot >= KVM_USER_MEM_SLOTS)
		return -EINVAL;
	mutex_lock(&kvm->slots_lock);
	ret = set_region(kvm, region);
	mutex_unlock(&kvm->slots_lock);
	return ret;
}

/* The same memory at the same place in all spaces, or in none. */
static int set_in_all_spaces(struct kvm *kvm, struct kvm_userspace_memory_region *r)
{
	const u16 id = r->slot;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < KVM_ADDRESS_SPACES && !ret; i++) {
		r->slot = i << 16 | id;
		ret = set_region(kvm, r);
	}
	if (!ret || !r->memory_size)
		return ret;
	r->memory_size = 0;
	for (i--; i; i--) {
		r->slot = (i - 1) << 16 | id;
		if (set_region(kvm, r))
			kvm_vm_bug(kvm, "half a private slot");
	}
	return ret;
}

int kvm_set_private_region(struct kvm *kvm, unsigned int id, gpa_t gpa, u64 size)
{
	struct kvm_userspace_memory_region r = {
		.slot = id, .guest_phys_addr = gpa, .memory_size = size,
	};
	struct kvm_memslot *old;
	unsigned long hva = 0;
	u64 old_size = 0;
	int ret = -EEXIST;

	if (id < KVM_USER_MEM_SLOTS || id >= KVM_USER_MEM_SLOTS + KVM_PRIVATE_SLOTS)
		return -EINVAL;
	if (size) {
		hva = vm_mmap(NULL, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0);
		if (IS_ERR_VALUE(hva))
			return (int)hva;
		r.userspace_addr = hva;
	}
	mutex_lock(&kvm->slots_lock);
	old = kvm_slot_by_id(kvm, id);
	if (old && !size) {
		hva = old->hva;
		old_size = (u64)old->npages << PAGE_SHIFT;
	}
	if (!old || !size)
		ret = set_in_all_spaces(kvm, &r);
	mutex_unlock(&kvm->slots_lock);
	/* What was mapped for nothing, or is mapped no longer. */
	if (size && ret)
		vm_munmap(hva, size);
	else if (old_size && !ret)
		vm_munmap(hva, old_size);
	return ret;
}

void kvm_slots_init(struct kvm *kvm)
{
	unsigned int i;

	kvm->slots_generation = no_slots.generation;
	for (i = 0; i < KVM_ADDRESS_SPACES; i++) {
		xa_init(&kvm->slots_by_id[i]);
		RCU_INIT_POINTER(kvm->slots[i], &no_slots);
	}
}

/* The VM's end: no readers. */
static void destroy_set(struct kvm *kvm, unsigned int as_id)
{
	struct kvm_memslots *set = rcu_dereference_protected(kvm->slots[as_id], true);
	struct kvm_memslot *slot;
	unsigned int i;

	for (i = 0; i < set->count; i++) {
		slot = set->slot[i];
		if (slot->id >= KVM_USER_MEM_SLOTS && !as_id && current->mm == kvm->mm)
			vm_munmap(slot->hva, slot->npages << PAGE_SHIFT);
		free_slot(slot);
	}
	if (set != &no_slots)
		kvfree(set);
	xa_destroy(&kvm->slots_by_id[as_id]);
}

void kvm_slots_destroy(struct kvm *kvm)
{
	unsigned int i;

	free_stale(kvm);
	for (i = 0; i < KVM_ADDRESS_SPACES; i++)
		destroy_set(kvm, i);
}
