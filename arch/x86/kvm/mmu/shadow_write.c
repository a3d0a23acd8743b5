// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to the guest's tables. The CPU can't make them, the emulator does (and
 * who else writes on the guest's behalf): then the shadow of what was written goes.
 * The memory is written first. Who reads an entry again under mmu_lock
 * (shadow_map.c) sees the new one, or is done before we get the lock.
 */
#include "shadow.h"

/* So many writes without the table being walked in between, and it is none any more. */
#define MAX_WRITES	8
/* So many times an instruction gets its way, if it comes again at once: within these exits. */
#define MAX_RETRIES	16
#define RETRY_EXITS	8

/* The shadow of entries @first to @last of the guest's table. */
static void clear_entries(struct kvm *kvm, struct shadow_page *sp, unsigned int first,
			  unsigned int last)
{
	unsigned int i, from, span = sp->role.level == 2 ? 2 : 1;

	for (i = first; i <= last; i++) {
		if (sp->role.levels != 2) {
			shadow_clear(kvm, sp, i);
			continue;
		}
		/* 1,024 entries, of 4 MiB each in a directory: two of ours */
		from = i * span - sp->role.quadrant * TDP_ENTRIES;
		if (from >= TDP_ENTRIES)
			continue;
		shadow_clear(kvm, sp, from);
		if (span == 2)
			shadow_clear(kvm, sp, from + 1);
	}
}

/* @from to @to: offsets of the first and the last byte that were written */
static void page_written(struct kvm *kvm, struct shadow_page *sp, unsigned int from,
			 unsigned int to)
{
	unsigned int size = sp->role.levels == 2 ? sizeof(u32) : sizeof(u64);

	if (to / size - from / size > 1 || ++sp->writes > MAX_WRITES)
		shadow_zap_page(kvm, sp);
	else
		clear_entries(kvm, sp, from / size, to / size);
}

static void table_written(struct kvm *kvm, gpa_t gpa, unsigned int len)
{
	struct mmu_shadow_vm *s = &to_x86_vm(kvm)->mmu.shadow;
	gfn_t gfn = gpa_to_gfn(gpa);
	struct hlist_node *next;
	struct shadow_page *sp;

	hlist_for_each_entry_safe(sp, next, shadow_bucket(s, gfn), hash)
		if (sp->gfn == gfn && !sp->role.direct)
			page_written(kvm, sp, offset_in_page(gpa), offset_in_page(gpa) + len - 1);
}

/* No flush: an entry of a table may be in a TLB until the guest flushes that itself. */
void kvm_arch_guest_written(struct kvm *kvm, gpa_t gpa, unsigned long len)
{
	unsigned int n;

	write_lock(&kvm->mmu_lock);
	for (; len; len -= n, gpa += n) {
		n = min_t(unsigned long, len, PAGE_SIZE - offset_in_page(gpa));
		table_written(kvm, gpa, n);
	}
	write_unlock(&kvm->mmu_lock);
}

/* An instruction that writes to the table by which it is itself found would come for ever. */
static bool may_retry(struct x86_vcpu *v)
{
	struct mmu_shadow_vcpu *c = &v->mmu.shadow;
	unsigned long rip = x86_rip(v);
	u64 exits = v->vcpu.stat.exits;

	if (c->retry_table != c->table || c->retry_rip != rip ||
	    exits - c->retry_exits > RETRY_EXITS)
		c->retries = 0;
	c->retry_table = c->table;
	c->retry_rip = rip;
	c->retry_exits = exits;
	return c->retries++ < MAX_RETRIES;
}

bool mmu_retry_write(struct x86_vcpu *v)
{
	struct kvm *kvm = v->vcpu.kvm;
	gfn_t gfn = v->mmu.shadow.table;
	bool any;

	if (!mmu_shadow() || gfn == GFN_NONE || !may_retry(v))
		return false;
	v->mmu.shadow.table = GFN_NONE;
	write_lock(&kvm->mmu_lock);
	any = shadow_zap_table(kvm, gfn);
	write_unlock(&kvm->mmu_lock);
	return any;
}

void mmu_user_changed(struct x86_vcpu *v)
{
	if (mmu_shadow())
		shadow_zap_all(v->vcpu.kvm);
}
