// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty ring: instead of a bitmap per slot a list per vCPU of the pages it
 * made dirty, in memory that user space maps. User space marks what it has taken,
 * and KVM_RESET_DIRTY_RINGS lets the next write to those pages be seen again.
 *
 * The entries are user space's to write: what a reset reads there only names pages
 * to be write-protected, and is checked like any ioctl's argument. Where the ring
 * begins and ends is known here alone.
 */
#include <linux/vmalloc.h>
#include "virt.h"
#include "virt_trace.h"

/* For what one pass of KVM_RUN may still log once user space should be told */
#define RESERVE		64

static unsigned int reserve(void)
{
	return RESERVE + kvm_arch_dirty_burst();
}

/* KVM_CAP_DIRTY_LOG_RING: once, before any vCPU. */
int kvm_enable_dirty_ring(struct kvm *kvm, u64 bytes)
{
	int ret = -EINVAL;

	if (!is_power_of_2(bytes) || bytes < PAGE_SIZE ||
	    bytes < reserve() * sizeof(struct kvm_dirty_gfn))
		return -EINVAL;
	if (bytes > KVM_DIRTY_RING_MAX * sizeof(struct kvm_dirty_gfn))
		return -E2BIG;
	mutex_lock(&kvm->lock);
	mutex_lock(&kvm->slots_lock);
	if (!kvm->dirty_ring_size && !kvm->created_vcpus) {
		WRITE_ONCE(kvm->dirty_ring_size, bytes / sizeof(struct kvm_dirty_gfn));
		/* There is no bitmap that could say so. */
		kvm->dirty_initially_set = false;
		ret = 0;
	}
	mutex_unlock(&kvm->slots_lock);
	mutex_unlock(&kvm->lock);
	return ret;
}

int kvm_dirty_ring_create(struct kvm_vcpu *vcpu)
{
	struct kvm_dirty_ring *r = &vcpu->dirty_ring;

	raw_spin_lock_init(&r->lock);
	r->size = vcpu->kvm->dirty_ring_size;
	if (!r->size)
		return 0;
	r->gfns = __vmalloc(array_size(r->size, sizeof(*r->gfns)), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return r->gfns ? 0 : -ENOMEM;
}

void kvm_dirty_ring_destroy(struct kvm_vcpu *vcpu)
{
	vfree(vcpu->dirty_ring.gfns);
}

/* The page at @pgoff of the vCPU's mapping, or NULL */
struct page *kvm_dirty_ring_page(struct kvm_vcpu *vcpu, unsigned long pgoff)
{
	if (!kvm_dirty_ring_has(vcpu, pgoff, 1))
		return NULL;
	return vmalloc_to_page((void *)vcpu->dirty_ring.gfns +
			       (pgoff - KVM_DIRTY_LOG_PAGE_OFFSET) * PAGE_SIZE);
}

/* Do any of these pages of the vCPU's mapping belong to the ring? */
bool kvm_dirty_ring_has(struct kvm_vcpu *vcpu, unsigned long pgoff, unsigned long n)
{
	unsigned long pages = vcpu->dirty_ring.size * sizeof(struct kvm_dirty_gfn) / PAGE_SIZE;

	return pgoff < KVM_DIRTY_LOG_PAGE_OFFSET + pages &&
	       pgoff + n > KVM_DIRTY_LOG_PAGE_OFFSET;
}

static u32 ring_used(struct kvm_dirty_ring *r)
{
	return READ_ONCE(r->next) - READ_ONCE(r->first);
}

static bool wants_exit(struct kvm_vcpu *vcpu)
{
	struct kvm_dirty_ring *r = &vcpu->dirty_ring;

	return ring_used(r) >= r->size - reserve();
}

bool kvm_dirty_ring_exits(struct kvm_vcpu *vcpu)
{
	bool exits = wants_exit(vcpu);

	if (exits)
		trace_kvm_dirty_ring_exit(vcpu->id);
	return exits;
}

/* Instructions write a page again and again; user space has not seen the last entry yet. */
static bool is_last(struct kvm_dirty_ring *r, u32 slot, u64 offset)
{
	if (!ring_used(r) || slot != r->last_slot || offset != r->last_offset)
		return false;
	smp_mb();	/* the write that we are told of before the look */
	return READ_ONCE(r->gfns[(r->next - 1) & (r->size - 1)].flags) == KVM_DIRTY_GFN_F_DIRTY;
}

/* r->lock held */
static void push(struct kvm_vcpu *vcpu, u32 slot, u64 offset)
{
	struct kvm_dirty_ring *r = &vcpu->dirty_ring;
	struct kvm_dirty_gfn *e = &r->gfns[r->next & (r->size - 1)];

	if (is_last(r, slot, offset))
		return;
	if (unlikely(ring_used(r) >= r->size)) {
		/* The reserve is larger than any pass; without it a page is lost, and the VM. */
		WRITE_ONCE(vcpu->kvm->vm_bugged, true);
		kvm_request(vcpu, KVM_REQ_VM_DEAD);
		return;
	}
	WRITE_ONCE(e->slot, slot);
	WRITE_ONCE(e->offset, offset);
	smp_store_release(&e->flags, KVM_DIRTY_GFN_F_DIRTY);
	r->last_slot = slot;
	r->last_offset = offset;
	WRITE_ONCE(r->next, r->next + 1);
	trace_kvm_dirty_ring_push(vcpu->id, r->next, r->first, slot, offset);
	if (wants_exit(vcpu))
		kvm_request(vcpu, KVM_REQ_DIRTY_RING);
}

/*
 * Any context. A vCPU's own thread logs to its ring; whoever writes to guest memory
 * without one, to the first vCPU's.
 */
void kvm_dirty_ring_push(struct kvm *kvm, const struct kvm_memslot *slot, unsigned long offset)
{
	struct kvm_vcpu *vcpu;
	unsigned long flags;

	local_irq_save(flags);
	vcpu = kvm_running_vcpu();
	if (!vcpu || vcpu->kvm != kvm)
		vcpu = kvm_vcpu_by_index(kvm, 0);
	if (vcpu) {		/* else nothing can have run yet */
		raw_spin_lock(&vcpu->dirty_ring.lock);
		push(vcpu, slot->as_id << 16 | slot->id, offset);
		raw_spin_unlock(&vcpu->dirty_ring.lock);
	}
	local_irq_restore(flags);
}

/* Pages of one word of a slot, as user space named them; slots_lock held. */
static bool protect(struct kvm *kvm, u32 id, u64 first, unsigned long mask)
{
	struct kvm_memslot *slot = mask ? kvm_slot_by_id(kvm, id) : NULL;

	if (!slot || !kvm_slot_logs_dirty(slot) || first >= slot->npages)
		return false;
	if (slot->npages - first < BITS_PER_LONG)
		mask &= BIT(slot->npages - first) - 1;
	if (!mask)
		return false;
	write_lock(&kvm->mmu_lock);
	kvm_arch_mmu_write_protect(kvm, slot, first, mask);
	write_unlock(&kvm->mmu_lock);
	return true;
}

static unsigned int reset_ring(struct kvm *kvm, struct kvm_dirty_ring *r, bool *flush)
{
	u64 first = 0, offset;
	unsigned long mask = 0;
	struct kvm_dirty_gfn *e;
	unsigned int n = 0;
	u32 id = 0, slot;

	while (r->first != READ_ONCE(r->next)) {
		e = &r->gfns[r->first & (r->size - 1)];
		/* Pairs with user space's release; it has read the entry by then. */
		if (!(smp_load_acquire(&e->flags) & KVM_DIRTY_GFN_F_RESET))
			break;
		slot = READ_ONCE(e->slot);
		offset = READ_ONCE(e->offset);
		WRITE_ONCE(e->flags, 0);
		/* The entry is done with before it can be used again. */
		smp_store_release(&r->first, r->first + 1);
		n++;
		if (slot != id || round_down(offset, BITS_PER_LONG) != first) {
			*flush |= protect(kvm, id, first, mask);
			id = slot;
			first = round_down(offset, BITS_PER_LONG);
			mask = 0;
		}
		mask |= BIT(offset % BITS_PER_LONG);
		cond_resched();
	}
	*flush |= protect(kvm, id, first, mask);
	return n;
}

/* KVM_RESET_DIRTY_RINGS: how many entries were taken back */
long kvm_reset_dirty_rings(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	bool flush = false;
	long n = 0;
	unsigned int i;

	if (!READ_ONCE(kvm->dirty_ring_size))
		return -EINVAL;
	mutex_lock(&kvm->slots_lock);
	kvm_for_each_vcpu(i, vcpu, kvm) {
		n += reset_ring(kvm, &vcpu->dirty_ring, &flush);
		trace_kvm_dirty_ring_reset(vcpu->id, READ_ONCE(vcpu->dirty_ring.next),
					   vcpu->dirty_ring.first);
	}
	if (flush)
		kvm_flush_remote_tlbs(kvm);
	mutex_unlock(&kvm->slots_lock);
	return n;
}
