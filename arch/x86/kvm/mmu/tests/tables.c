// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second-level tables against a model: vCPUs that access memory through a
 * TLB, a host that moves it and ages it, a dirty log that is switched and
 * read, in two address spaces. First one step after the other with all of the tables checked, then
 * with a thread for each party.
 *
 * What must hold: no access reaches a frame that the host has taken back, no
 * write goes to what is read-only, no write is missed by the log, the counts
 * are right, and every table page is freed.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "../tables.h"
#include "tap.h"

#define NR_VCPUS	3
#define NR_SLOTS	7
#define TLB_ENTRIES	64
#define MAX_PAGES	(1ul << 19)

struct x86_caps x86_caps = { .tdp = true, .tdp_levels = 4, .tdp_max_page_level = 3 };
struct x86_host x86_host = { .maxphyaddr = 40 };
unsigned long long sme_me_mask;
bool fake_busy;

/* --- The host ------------------------------------------------------------- */

/* 2 MiB of the VMM's memory; all of it has the same properties. */
struct region {
	u32 uid;		/* changes when the frames do */
	u8 level;		/* 3: so has the whole GiB */
	bool writable, anon;
};

struct slot {
	struct kvm_memslot kvm;
	struct region *region;		/* by hva, from the one with slot.hva on */
	unsigned long nr_regions;
	u64 *written[NR_VCPUS];		/* by page: clock of the last write */
	u64 *covered[NR_VCPUS];		/* by page: writes up to then need no more reports */
};

static struct slot slots[NR_SLOTS];
static struct x86_vm vm;
static struct kvm_memslots sets[KVM_ADDRESS_SPACES];
static pthread_mutex_t host_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t srcu = PTHREAD_RWLOCK_INITIALIZER;
static u32 next_uid = 1;
static u64 clock_now;
static unsigned int bad;
static unsigned long pages_live;
static bool alloc_fails;
static __thread unsigned int seed;

static unsigned int rnd(unsigned int n)
{
	return rand_r(&seed) % n;
}

static bool racing;
static bool fetches;		/* some reads are instruction fetches */

void fake_pause(void)
{
	if (racing && !rnd(100))
		sched_yield();
}

static void wrong(const char *what, gfn_t gfn, u64 a, u64 b)
{
	if (__atomic_fetch_add(&bad, 1, __ATOMIC_SEQ_CST) < 10)
		printf("# gfn %#llx: %s: %#llx %#llx\n", (unsigned long long)gfn, what,
		       (unsigned long long)a, (unsigned long long)b);
}

static struct slot *to_slot(const struct kvm_memslot *s)
{
	return container_of(s, struct slot, kvm);
}

static struct region *region_of(const struct kvm_memslot *s, hva_t hva)
{
	return &to_slot(s)->region[(hva >> 21) - (s->hva >> 21)];
}

static hfn_t frame_of(const struct region *r, hva_t hva)
{
	return (u64)r->uid << 18 | (hva >> PAGE_SHIFT & 0x3ffff);
}

static struct page page_small, page_large = { .compound = true };

int kvm_page_get(struct kvm *kvm, struct kvm_page *p)
{
	struct region *r;
	int ret = 0;

	p->hva = kvm_slot_hva(p->slot, p->gfn);
	pthread_mutex_lock(&host_lock);
	r = region_of(p->slot, p->hva);
	p->writable = r->writable;
	p->hfn = frame_of(r, p->hva);
	p->page = !r->anon ? NULL : r->level > 1 ? &page_large : &page_small;
	if (p->write && !p->writable)
		ret = -EFAULT;
	pthread_mutex_unlock(&host_lock);
	if (!rnd(4))
		sched_yield();
	return ret;
}

void kvm_page_release(struct kvm_page *p, bool dirty)
{
}

u8 kvm_page_host_level(struct kvm *kvm, const struct kvm_page *p)
{
	u8 level;

	pthread_mutex_lock(&host_lock);
	level = region_of(p->slot, p->hva)->level;
	pthread_mutex_unlock(&host_lock);
	return level;
}

/* --- Pages and grace periods ---------------------------------------------- */

static struct rcu_head *rcu_waiting;

struct fake_task fake_task;
bool kvm_tells_writes;

struct page *alloc_pages(int flags, unsigned int order)
{
	char *mem;

	if (alloc_fails && !rnd(3))
		return NULL;
	mem = aligned_alloc(PAGE_SIZE, 2 * PAGE_SIZE);
	memset(mem, 0, 2 * PAGE_SIZE);
	__atomic_fetch_add(&pages_live, 1, __ATOMIC_SEQ_CST);
	return (struct page *)mem;
}

void __free_pages(struct page *page, unsigned int order)
{
	__atomic_fetch_sub(&pages_live, 1, __ATOMIC_SEQ_CST);
	free(page);
}

void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	head->fn = fn;
	head->next = __atomic_load_n(&rcu_waiting, __ATOMIC_SEQ_CST);
	while (!__atomic_compare_exchange_n(&rcu_waiting, &head->next, head, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

/* There are no shadow tables here, so nobody walks the guest's. */
const struct gwalk_mode *mmu_guest_mode(struct x86_vcpu *v)
{
	return NULL;
}

/* srcu is held around accesses here, so this is a grace period for them. */
static void grace_period(void)
{
	struct rcu_head *head, *next;

	head = __atomic_exchange_n(&rcu_waiting, NULL, __ATOMIC_SEQ_CST);
	pthread_rwlock_wrlock(&srcu);
	pthread_rwlock_unlock(&srcu);
	for (; head; head = next) {
		next = head->next;
		head->fn(head);
	}
}

/* --- vCPUs ---------------------------------------------------------------- */

struct tlb {
	gfn_t gfn;
	hfn_t hfn;
	bool valid, writable, exec;
};

#define LIST_LEN	8

struct vcpu {
	struct x86_vcpu x86;
	pthread_mutex_t lock;		/* "in the guest"; a flush takes it */
	struct tlb tlb[TLB_ENTRIES];
	u64 flushed;			/* clock of the last flush */
	u64 list[LIST_LEN];		/* pages made dirty, where hardware logs */
	unsigned int listed;
	bool load_root;
};

static struct vcpu vcpus[NR_VCPUS];

struct kvm_vcpu *kvm_vcpu_by_index(struct kvm *kvm, unsigned int i)
{
	return i < NR_VCPUS ? &vcpus[i].x86.vcpu : NULL;
}

void kvm_flush_remote_tlbs(struct kvm *kvm)
{
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++) {
		pthread_mutex_lock(&vcpus[i].lock);
		memset(vcpus[i].tlb, 0, sizeof(vcpus[i].tlb));
		vcpus[i].flushed = __atomic_add_fetch(&clock_now, 1, __ATOMIC_SEQ_CST);
		pthread_mutex_unlock(&vcpus[i].lock);
	}
}

static void drain(struct vcpu *v)
{
	mmu_log_written(&v->x86, v->list, v->listed);
	v->listed = 0;
}

void kvm_leave_guests(struct kvm *kvm)
{
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++) {
		pthread_mutex_lock(&vcpus[i].lock);
		drain(&vcpus[i]);
		pthread_mutex_unlock(&vcpus[i].lock);
	}
}

void kvm_request(struct kvm_vcpu *vcpu, unsigned int req)
{
	struct vcpu *v = container_of(to_x86(vcpu), struct vcpu, x86);

	__atomic_store_n(&v->load_root, true, __ATOMIC_SEQ_CST);
}

void fake_load_root(struct x86_vcpu *v, hpa_t root, int level)
{
}

struct kvm_memslot *kvm_find_slot(struct kvm_memslots *s, gfn_t gfn)
{
	unsigned int i;

	for (i = 0; i < s->count; i++)
		if (gfn >= s->slot[i]->base_gfn && gfn - s->slot[i]->base_gfn < s->slot[i]->npages)
			return s->slot[i];
	return NULL;
}

void kvm_mark_dirty(struct kvm *kvm, const struct kvm_memslot *slot, gfn_t gfn)
{
	unsigned long bit = gfn - slot->base_gfn;

	__atomic_fetch_or(&slot->dirty[bit / 64], 1ul << bit % 64, __ATOMIC_SEQ_CST);
}

/* Translate as hardware does. True: @t is filled. vCPU's lock held. */
static bool translate(struct vcpu *v, gfn_t gfn, bool write, bool fetch, struct tlb *t,
		      u32 *flags)
{
	u64 *sptep, spte, set_bits, clean;
	int level;

	*t = v->tlb[gfn % TLB_ENTRIES];
	if (t->valid && t->gfn == gfn && (!write || t->writable) && (!fetch || t->exec))
		return true;
	do {
		sptep = tdp_lookup(v->x86.mmu.root, gfn, &spte, &level);
		*flags = (spte && spte_usable(spte) ? X86_FAULT_PRESENT : 0) |
			 (write ? X86_FAULT_WRITE : 0) | (fetch ? X86_FAULT_FETCH : 0);
		if (!spte || !spte_allows(spte, write, fetch))
			return false;
		set_bits = spte_format.accessed | (write ? spte_format.dirty : 0);
		clean = x86_caps.pml ? ~spte & spte_format.dirty : 0;
	} while (!try_cmpxchg(sptep, &spte, spte | set_bits));
	if (clean && write) {
		v->list[v->listed++] = gfn << PAGE_SHIFT;
		if (v->listed == LIST_LEN)
			drain(v);
	}
	t->gfn = gfn;
	t->hfn = (spte_hpa(spte) >> PAGE_SHIFT) + (gfn & (level_pages(level) - 1));
	t->writable = spte_allows(spte, true, false) && (write || !clean);
	t->exec = spte_allows(spte, false, true);
	if (t->exec && level > 1 && x86_caps.nx_huge)
		wrong("code in a large page", gfn, spte, level);
	t->valid = true;
	v->tlb[gfn % TLB_ENTRIES] = *t;
	return true;
}

/* The access itself: may it be what the translation says? vCPU's lock held. */
static void touch(struct vcpu *v, const struct kvm_memslot *s, gfn_t gfn, bool write,
		  const struct tlb *t)
{
	hva_t hva = kvm_slot_hva(s, gfn);
	struct region r;

	pthread_mutex_lock(&host_lock);
	r = *region_of(s, hva);
	pthread_mutex_unlock(&host_lock);
	if (t->hfn != frame_of(&r, hva))
		wrong("frame", gfn, t->hfn, frame_of(&r, hva));
	if (!write)
		return;
	if (!r.writable || (s->flags & KVM_MEM_READONLY))
		wrong("written though read-only", gfn, r.writable, s->flags);
	to_slot(s)->written[v - vcpus][gfn - s->base_gfn] =
		__atomic_add_fetch(&clock_now, 1, __ATOMIC_SEQ_CST);
}

static enum mmu_fault_result fault(struct vcpu *v, gfn_t gfn, u32 flags)
{
	if (mmu_fault_fast(&v->x86, gfn << PAGE_SHIFT, flags))
		return MMU_FIXED;
	return mmu_fault(&v->x86, gfn << PAGE_SHIFT, flags);
}

/* One access of the guest, faults and all. False: it can't be made. */
static bool guest_access(struct vcpu *v, gfn_t gfn, bool write)
{
	struct kvm_memslot *s = kvm_find_slot(vm.kvm.slots[v->x86.vcpu.as_id], gfn);
	enum mmu_fault_result r = MMU_RETRY;
	unsigned int tries;
	const bool fetch = fetches && !write && !rnd(3);
	struct tlb t;
	bool done;
	u32 flags;

	for (tries = 0; tries < 10000; tries++) {
		if (__atomic_exchange_n(&v->load_root, false, __ATOMIC_SEQ_CST))
			v->x86.mmu.root = HPA_INVALID;
		if (v->x86.mmu.root == HPA_INVALID && mmu_load(&v->x86))
			return false;
		pthread_mutex_lock(&v->lock);
		done = !__atomic_load_n(&v->load_root, __ATOMIC_SEQ_CST) &&
		       translate(v, gfn, write, fetch, &t, &flags);
		if (done) {
			if (s)
				touch(v, s, gfn, write, &t);
			else
				wrong("no slot, yet mapped", gfn, t.hfn, 0);
		}
		pthread_mutex_unlock(&v->lock);
		if (done)
			return true;
		r = fault(v, gfn, flags);
		if (r != MMU_FIXED && r != MMU_RETRY)
			break;
		if (tries > 10)
			usleep(100);	/* the host is at it, if it gets a processor */
	}
	if (r == MMU_FIXED || r == MMU_RETRY)
		wrong("access never succeeds", gfn, write, r);
	if (r == MMU_MMIO ? s != NULL : r == MMU_READONLY ? !(s->flags & KVM_MEM_READONLY) :
	    r == MMU_NOMEM ? !alloc_fails : r != MMU_EFAULT)
		wrong("fault result", gfn, r, write);
	return false;
}

/* --- What the other parties do -------------------------------------------- */

static void invalidate(struct slot *s, hva_t start, hva_t end, bool change)
{
	struct kvm *kvm = &vm.kvm;
	hva_t slot_end = s->kvm.hva + (s->kvm.npages << PAGE_SHIFT), hva;
	struct kvm_gfn_range r = { .slot = &s->kvm, .may_block = rnd(2) };
	struct region new = { .level = 1 + rnd(2), .writable = rnd(4), .anon = rnd(8) };

	write_lock(&kvm->mmu_lock);
	kvm->invalidate_in_progress++;
	kvm->invalidate_start = start;
	kvm->invalidate_end = end;
	r.start = s->kvm.base_gfn;
	if (start > s->kvm.hva)
		r.start += (start - s->kvm.hva) >> PAGE_SHIFT;
	r.end = s->kvm.base_gfn + ((min(end, slot_end) - s->kvm.hva) >> PAGE_SHIFT);
	if (kvm_arch_mmu_zap(kvm, &r))
		kvm_flush_remote_tlbs(kvm);
	write_unlock(&kvm->mmu_lock);

	pthread_mutex_lock(&host_lock);
	if (end - start == 1ul << 30)
		new.level = 3;
	for (hva = start; change && hva < min(end, slot_end); hva += 1ul << 21) {
		if (hva == start || new.level < 3)
			new.uid = ++next_uid;
		*region_of(&s->kvm, hva) = new;
	}
	pthread_mutex_unlock(&host_lock);

	write_lock(&kvm->mmu_lock);
	kvm->invalidate_seq++;
	kvm->invalidate_in_progress--;
	write_unlock(&kvm->mmu_lock);
}

static void host_step(void)
{
	struct slot *s = &slots[rnd(NR_SLOTS)];
	unsigned long page = rnd(s->kvm.npages);
	hva_t hva = s->kvm.hva + (page << PAGE_SHIFT), start = hva & ~((1ul << 21) - 1);
	struct kvm_gfn_range r = { .slot = &s->kvm, .start = s->kvm.base_gfn + page };
	bool gib;

	pthread_mutex_lock(&host_lock);
	gib = region_of(&s->kvm, hva)->level == 3 || (s == &slots[4] && !rnd(8));
	pthread_mutex_unlock(&host_lock);
	switch (rnd(4)) {
	case 0:		/* for nothing, and not aligned to anything */
		invalidate(s, hva, hva + ((1 + rnd(700)) << PAGE_SHIFT), false);
		break;
	case 1:
		r.end = min(r.start + 1 + rnd(600), s->kvm.base_gfn + s->kvm.npages);
		write_lock(&vm.kvm.mmu_lock);
		if (kvm_arch_mmu_age(&vm.kvm, &r, false)) {
			kvm_flush_remote_tlbs(&vm.kvm);
		}
		write_unlock(&vm.kvm.mmu_lock);
		break;
	default:
		if (gib)
			invalidate(s, hva & ~((1ul << 30) - 1), (hva | ((1ul << 30) - 1)) + 1,
				   true);
		else
			invalidate(s, start, start + (1ul << 21), true);
	}
}

/* As KVM_GET_DIRTY_LOG does it. */
static void read_log(struct slot *s)
{
	unsigned long words = (s->kvm.npages + 63) / 64, w, page;
	unsigned long *taken = calloc(words, sizeof(long));
	unsigned int i;

	kvm_arch_dirty_log_sync(&vm.kvm);
	write_lock(&vm.kvm.mmu_lock);
	for (w = 0; w < words; w++) {
		taken[w] = __atomic_exchange_n(&s->kvm.dirty[w], 0, __ATOMIC_SEQ_CST);
		if (taken[w])
			kvm_arch_mmu_write_protect(&vm.kvm, &s->kvm, w * 64, taken[w]);
	}
	write_unlock(&vm.kvm.mmu_lock);
	kvm_flush_remote_tlbs(&vm.kvm);
	for (page = 0; page < s->kvm.npages; page++)
		for (i = 0; taken[page / 64] >> page % 64 & 1 && i < NR_VCPUS; i++)
			s->covered[i][page] = vcpus[i].flushed;
	free(taken);
}

/* All writes must have been reported now. The vCPUs stand still. */
static void check_log(struct slot *s)
{
	unsigned long page;
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++)
		for (page = 0; page < s->kvm.npages; page++)
			if (s->written[i][page] > s->covered[i][page])
				wrong("write not logged", s->kvm.base_gfn + page,
				      s->written[i][page], s->covered[i][page]);
}

static void set_logging(struct slot *s, bool on)
{
	struct kvm_memslot old = s->kvm;
	unsigned long page;
	unsigned int i;
	u64 begun;

	pthread_rwlock_wrlock(&srcu);		/* the new flags are everybody's after it */
	s->kvm.flags &= ~KVM_MEM_LOG_DIRTY_PAGES;
	s->kvm.flags |= on ? KVM_MEM_LOG_DIRTY_PAGES : 0;
	memset(s->kvm.dirty, 0, (s->kvm.npages + 63) / 64 * 8);
	pthread_rwlock_unlock(&srcu);
	begun = __atomic_add_fetch(&clock_now, 1, __ATOMIC_SEQ_CST);
	kvm_arch_slot_commit(&vm.kvm, &old, &s->kvm);
	for (i = 0; on && i < NR_VCPUS; i++)
		for (page = 0; page < s->kvm.npages; page++)
			s->covered[i][page] = max_t(u64, begun, vcpus[i].flushed);
}

static void log_step(void)
{
	struct slot *s = &slots[rnd(NR_SLOTS)];

	if (!(s->kvm.flags & KVM_MEM_LOG_DIRTY_PAGES))
		set_logging(s, true);
	else if (rnd(6))
		read_log(s);
	else
		set_logging(s, false);
	grace_period();
}

/* Into another address space: the root that is loaded then flushes. */
static void enter_space(struct vcpu *v, unsigned int as_id)
{
	if (v->x86.vcpu.as_id == as_id)
		return;
	pthread_mutex_lock(&v->lock);
	drain(v);
	mmu_set_space(&v->x86, as_id);
	memset(v->tlb, 0, sizeof(v->tlb));
	pthread_mutex_unlock(&v->lock);
}

static void vcpu_step(struct vcpu *v)
{
	struct slot *s = &slots[rnd(NR_SLOTS)];
	gfn_t gfn = s->kvm.base_gfn + rnd(s->kvm.npages);

	if (s == &slots[4] && rnd(4))
		gfn &= ~0x1ff00ull;		/* stay close together */
	if (!rnd(50))
		gfn = 0x3000 + rnd(0x1000);	/* no slot */
	pthread_rwlock_rdlock(&srcu);
	enter_space(v, s->kvm.as_id);
	guest_access(v, gfn, rnd(2));
	pthread_rwlock_unlock(&srcu);
}

/* --- Checks at rest ------------------------------------------------------- */

static unsigned long tables_seen, leaves_seen[4];
static unsigned int space_seen;

#define EPT_ANY		7
#define EPT_W_ALONE	2

static void check_leaf(u64 spte, int level, gfn_t gfn)
{
	u64 n = level_pages(level), i;
	struct kvm_memslot *s = kvm_find_slot(vm.kvm.slots[space_seen], gfn);
	bool w = spte & spte_format.writable;
	struct region *r;

	leaves_seen[level]++;
	if (!s || gfn + n > s->base_gfn + s->npages) {
		wrong("mapped outside its slot", gfn, spte, level);
		return;
	}
	for (i = 0; i < n; i += i + 511 < n ? 511 : 1) {
		r = region_of(s, kvm_slot_hva(s, gfn + i));
		if (frame_of(r, kvm_slot_hva(s, gfn + i)) != (spte_hpa(spte) >> PAGE_SHIFT) + i)
			wrong("entry's frame", gfn + i, spte, r->uid);
		if (level > r->level)
			wrong("larger than the host's page", gfn, level, r->level);
		if ((spte & SPTE_MAY_WRITE) && (!r->writable || (s->flags & KVM_MEM_READONLY)))
			wrong("may become writable", gfn, spte, s->flags);
	}
	if (w && !(spte & SPTE_MAY_WRITE))
		wrong("writable against the rule", gfn, spte, level);
	if ((spte & EPT_ANY) == EPT_W_ALONE && x86_caps.tdp_ept)
		wrong("misconfigured", gfn, spte, level);
	if (w && level == 1 && spte_logs_dirty() && !(spte & spte_format.dirty))
		return;
	if (w && (s->flags & KVM_MEM_LOG_DIRTY_PAGES) &&
	    (level > 1 || !(s->dirty[(gfn - s->base_gfn) / 64] >> (gfn - s->base_gfn) % 64 & 1)))
		wrong("writable, not dirty", gfn, spte, level);
}

static void check_table(u64 *table, int level, gfn_t gfn)
{
	unsigned int i;

	tables_seen++;
	for (i = 0; i < TDP_ENTRIES; i++, gfn += level_pages(level)) {
		if (!table[i])
			continue;
		if (spte_is_leaf(table[i], level))
			check_leaf(table[i], level, gfn);
		else
			check_table(spte_table(table[i]), level - 1, gfn);
	}
}

static void check_all(void)
{
	unsigned int i, cached = 0;

	grace_period();
	kvm_leave_guests(&vm.kvm);
	tables_seen = 0;
	memset(leaves_seen, 0, sizeof(leaves_seen));
	for (i = 0; i < KVM_ADDRESS_SPACES; i++) {
		space_seen = i;
		if (vm.mmu.root[i] != HPA_INVALID)
			check_table(__va(vm.mmu.root[i]), x86_caps.tdp_levels, 0);
	}
	for (i = 0; i < NR_VCPUS; i++)
		cached += vcpus[i].x86.mmu.nr_cached;
	if (tables_seen + cached != pages_live)
		wrong("table pages lost", 0, tables_seen + cached, pages_live);
	if (vm.kvm.stat.pages_4k != leaves_seen[1] || vm.kvm.stat.pages_2m != leaves_seen[2] ||
	    vm.kvm.stat.pages_1g != leaves_seen[3])
		wrong("counts", 0, vm.kvm.stat.pages_4k, leaves_seen[1]);
}

/* --- The tests ------------------------------------------------------------ */

static const struct {
	gfn_t base;
	unsigned long npages;
	hva_t hva;
	u32 flags;
	u8 as_id;
} layout[NR_SLOTS] = {
	{ 0, 0x600, 0x7f0000000000, 0, 0 },
	{ 0x1000, 0x600, 0x7f1000001000, 0, 0 },			/* not congruent */
	{ 0x2000, 0x400, 0x7f2000000000, KVM_MEM_READONLY, 0 },
	{ 0x10001, 0x5fe, 0x7f3000001000, 0, 0 },			/* odd ends */
	{ 0x40000, MAX_PAGES, 0x7f4000000000, 0, 0 },
	{ 0, 0x500, 0x7f5000000000, 0, 1 },			/* in the way of the first */
	{ 0x1200, 0x400, 0x7f6000000000, 0, 1 },
};

static void start(int levels)
{
	unsigned int i, j;
	struct slot *s;

	x86_caps.tdp_levels = levels;
	memset(&vm, 0, sizeof(vm));
	pthread_rwlock_init(&vm.kvm.mmu_lock, NULL);
	for (i = 0; i < KVM_ADDRESS_SPACES; i++) {
		sets[i] = (struct kvm_memslots) { .generation = 1 + i };
		vm.kvm.slots[i] = &sets[i];
	}
	ok(!mmu_vm_init(&vm.kvm), "a VM with %d levels", levels);
	for (i = 0; i < NR_SLOTS; i++) {
		s = &slots[i];
		s->kvm = (struct kvm_memslot) { .base_gfn = layout[i].base,
			.npages = layout[i].npages, .hva = layout[i].hva,
			.flags = layout[i].flags, .as_id = layout[i].as_id };
		s->kvm.dirty = calloc((s->kvm.npages + 63) / 64, 8);
		s->nr_regions = (s->kvm.npages >> 9) + 2;
		s->region = calloc(s->nr_regions, sizeof(struct region));
		for (j = 0; j < s->nr_regions; j++)
			s->region[j] = (struct region) { .uid = ++next_uid, .level = 1 + rnd(2),
							 .writable = true, .anon = true };
		for (j = 0; j < NR_VCPUS; j++) {
			s->written[j] = calloc(s->kvm.npages, 8);
			s->covered[j] = calloc(s->kvm.npages, 8);
		}
		sets[s->kvm.as_id].slot[sets[s->kvm.as_id].count++] = &s->kvm;
	}
	for (i = 0; i < NR_VCPUS; i++) {
		memset(&vcpus[i], 0, sizeof(vcpus[i]));
		pthread_mutex_init(&vcpus[i].lock, NULL);
		vcpus[i].x86.vcpu.kvm = &vm.kvm;
		mmu_vcpu_create(&vcpus[i].x86);
	}
}

static void finish(const char *what)
{
	unsigned int i, j;

	check_all();
	for (i = 0; i < NR_SLOTS; i++)
		if (slots[i].kvm.flags & KVM_MEM_LOG_DIRTY_PAGES) {
			read_log(&slots[i]);
			check_log(&slots[i]);
		}
	kvm_arch_slot_flush(&vm.kvm, &slots[0].kvm);
	slots[0].kvm.base_gfn = 1ull << 35;	/* gone: check_all() would find leftovers */
	check_all();
	for (i = 0; i < NR_VCPUS; i++)
		mmu_vcpu_destroy(&vcpus[i].x86);
	mmu_vm_destroy(&vm.kvm);
	grace_period();
	if (pages_live)
		wrong("pages leaked", 0, pages_live, 0);
	ok(!bad, "%s: %u violations", what, bad);
	bad = 0;
	for (i = 0; i < NR_SLOTS; i++) {
		free(slots[i].kvm.dirty);
		free(slots[i].region);
		for (j = 0; j < NR_VCPUS; j++) {
			free(slots[i].written[j]);
			free(slots[i].covered[j]);
		}
	}
}

static void test_steps(int levels, unsigned int steps)
{
	unsigned int i;

	start(levels);
	for (i = 0; i < steps && !bad; i++) {
		fake_busy = !rnd(3);
		alloc_fails = !rnd(50);
		switch (rnd(100)) {
		case 0 ... 3:
			host_step();
			break;
		case 4:
			log_step();
			break;
		default:
			vcpu_step(&vcpus[rnd(NR_VCPUS)]);
		}
		alloc_fails = false;
		if (i % 5000 == 0)
			kvm_arch_mmu_zap_all(&vm.kvm);
		if (i % 100 == 0)
			check_all();
	}
	printf("# %lu tables, %lu + %lu + %lu pages\n", tables_seen, leaves_seen[1],
	       leaves_seen[2], leaves_seen[3]);
	finish("one step after the other");
}

/* Sizes come and go with the log. */
static void test_log_sizes(void)
{
	struct slot *s = &slots[0];
	struct vcpu *v = &vcpus[0];

	start(4);
	s->region[0].level = s->region[1].level = 2;
	guest_access(v, 5, false);
	guest_access(v, 0x205, true);
	ok(vm.kvm.stat.pages_2m == 2 && !vm.kvm.stat.pages_4k, "2 MiB pages");
	set_logging(s, true);
	ok(vm.kvm.stat.pages_2m == 2 && pages_live == 3, "stay when logging starts");
	guest_access(v, 6, true);
	kvm_arch_dirty_log_sync(&vm.kvm);
	ok(vm.kvm.stat.pages_2m == 1 && vm.kvm.stat.pages_4k == 512, "are split by a write");
	ok(s->kvm.dirty[0] == 1ul << 6, "which alone is logged");
	read_log(s);
	ok(!s->kvm.dirty[0], "the log is read");
	kvm_arch_dirty_log_sync(&vm.kvm);
	ok(!s->kvm.dirty[0], "which leaves nothing behind");
	ok(guest_access(v, 6, true) && guest_access(v, 7, true), "further writes");
	kvm_arch_dirty_log_sync(&vm.kvm);
	ok(s->kvm.dirty[0] == 3ul << 6, "are logged");
	set_logging(s, false);
	ok(vm.kvm.stat.pages_2m == 1 && !vm.kvm.stat.pages_4k, "small pages go after logging");
	guest_access(v, 8, true);
	ok(vm.kvm.stat.pages_2m == 2, "and come back large");
	set_logging(s, true);
	kvm_arch_mmu_zap_all(&vm.kvm);
	guest_access(v, 5, true);
	guest_access(v, 6, false);
	ok(vm.kvm.stat.pages_4k == 2, "what was written stays when its neighbour is read");
	guest_access(v, 0x205, false);
	ok(vm.kvm.stat.pages_4k == 2 && vm.kvm.stat.pages_2m == 1, "what is only read is large");
	finish("sizes");
}

static bool age(struct slot *s, unsigned long page, bool test_only)
{
	struct kvm_gfn_range r = { .slot = &s->kvm, .start = s->kvm.base_gfn + page,
				   .end = s->kvm.base_gfn + page + 1 };
	bool young;

	write_lock(&vm.kvm.mmu_lock);
	young = kvm_arch_mmu_age(&vm.kvm, &r, test_only);
	write_unlock(&vm.kvm.mmu_lock);
	if (young)
		kvm_flush_remote_tlbs(&vm.kvm);
	return young;
}

/* Whatever tells of accesses: each makes the page young again, mapped as before. */
static void test_age(void)
{
	struct slot *s = &slots[0];
	struct vcpu *v = &vcpus[0];

	start(4);
	s->region[0].level = 1;
	s->region[1].level = 2;
	guest_access(v, 5, true);
	guest_access(v, 0x205, true);
	ok(age(s, 5, true) && age(s, 5, false) && !age(s, 5, true) && !age(s, 5, false),
	   "a page is young once");
	ok(age(s, 0x205, false) && !age(s, 0x206, false), "a large one too");
	ok(guest_access(v, 5, false) && age(s, 5, true), "reading makes it young");
	ok(guest_access(v, 0x209, true) && age(s, 0x207, true), "writing does");
	ok(age(s, 5, false) && guest_access(v, 5, true) && age(s, 5, false), "also a small one");
	ok(vm.kvm.stat.pages_4k == 1 && vm.kvm.stat.pages_2m == 1, "and it is what it was");
	set_logging(s, true);
	guest_access(v, 5, false);
	guest_access(v, 0x205, false);
	ok(!s->kvm.dirty[0] && !s->kvm.dirty[8], "reading an old page is not logged");
	guest_access(v, 5, true);
	guest_access(v, 0x205, true);
	kvm_arch_dirty_log_sync(&vm.kvm);
	ok(s->kvm.dirty[0] == 1ul << 5 && s->kvm.dirty[8] == 1ul << 5, "writing is");
	finish("age");
}

/* SDM 3C 29.3.7.2: with bit 6 the guest's PAT does not count. */
static bool forces_type(struct vcpu *v, struct slot *s, unsigned long page)
{
	u64 spte;
	int level;

	tdp_lookup(v->x86.mmu.root, s->kvm.base_gfn + page, &spte, &level);
	return spte & spte_format.forced;
}

static void test_memory_type(void)
{
	struct slot *s = &slots[0];
	struct vcpu *v = &vcpus[0];
	bool ept = x86_caps.tdp_ept;

	start(4);
	guest_access(v, 5, true);
	ok(forces_type(v, s, 5) == ept, "memory is write-back for all, if entries say so");
	kvm_arch_set_noncoherent_dma(&vm.kvm, true);
	guest_access(v, 5, true);
	guest_access(v, 0x205, false);
	ok(!forces_type(v, s, 5) && !forces_type(v, s, 0x205), "not with devices behind caches");
	kvm_arch_set_noncoherent_dma(&vm.kvm, false);
	guest_access(v, 5, false);
	ok(forces_type(v, s, 5) == ept, "which may leave again");
	finish("memory type");
}

static void test_own_page(void)
{
	struct kvm_memslot s = { .base_gfn = 0x2fff, .npages = 2 };
	struct page *page = mmu_table_alloc();
	struct vcpu *v = &vcpus[0];
	u64 spte;
	int level;

	start(4);
	mmu_set_own_page(&vm.kvm, 0x3000, page);
	ok(!mmu_load(&v->x86) && mmu_fault(&v->x86, 0x3000000, 0) == MMU_FIXED,
	   "a page of ours is mapped");
	tdp_lookup(v->x86.mmu.root, 0x3000, &spte, &level);
	ok(level == 1 && spte_allows(spte, true, false) && spte_hpa(spte) == page_to_phys(page),
	   "at its place");
	ok(mmu_fault(&v->x86, 0x3001000, 0) == MMU_MMIO, "and nowhere else");
	enter_space(v, 1);
	ok(!mmu_load(&v->x86) && mmu_fault(&v->x86, 0x3000000, 0) == MMU_FIXED,
	   "in the other space too");
	mmu_show_own_page(&vm.kvm, NULL);
	ok(mmu_fault(&v->x86, 0x3000000, 0) == MMU_MMIO, "it goes for a time");
	mmu_note_mmio(&v->x86, 0x3000);
	ok(mmu_known_mmio(&v->x86, 0x3000), "which is noted");
	mmu_forget_mmio(&v->x86, 0x3000);
	ok(!mmu_known_mmio(&v->x86, 0x3000), "and forgotten");
	mmu_show_own_page(&vm.kvm, page);
	ok(mmu_fault(&v->x86, 0x3000000, 0) == MMU_FIXED, "and comes back");
	ok(!kvm_arch_slot_prepare(&vm.kvm, NULL, &s) &&
	   mmu_fault(&v->x86, 0x3000000, 0) == MMU_MMIO, "a slot takes it away");
	mmu_show_own_page(&vm.kvm, page);
	ok(mmu_fault(&v->x86, 0x3000000, 0) == MMU_MMIO, "for good");
	__free_page(page);
	finish("page of ours");
}

static void test_bounds(void)
{
	struct kvm_memslot s = { .base_gfn = (1ull << 28) - 1, .npages = 1 };
	struct vcpu *v = &vcpus[0];

	start(4);
	ok(!kvm_arch_slot_prepare(&vm.kvm, NULL, &s), "a slot up to the address width");
	s.npages = 2;
	ok(kvm_arch_slot_prepare(&vm.kvm, NULL, &s) == -EINVAL, "a slot beyond it");
	ok(mmu_fault(&v->x86, 0x3000000, 0) == MMU_MMIO, "no slot");
	ok(mmu_fault(&v->x86, 0x2000000, X86_FAULT_WRITE) == MMU_READONLY, "read-only slot");
	enter_space(v, 1);
	ok(mmu_fault(&v->x86, 0x2000000, X86_FAULT_WRITE) == MMU_MMIO,
	   "no slot in the other space");
	mmu_note_mmio(&v->x86, 0x2000);
	enter_space(v, 0);
	ok(!mmu_known_mmio(&v->x86, 0x2000), "which is not known in the first");
	mmu_note_mmio(&v->x86, 0x3000);
	mmu_note_mmio(&v->x86, 0x2001);
	ok(mmu_known_mmio(&v->x86, 0x3000) && !mmu_known_mmio(&v->x86, 0x2001) &&
	   !mmu_known_mmio(&v->x86, 0x3008), "notes of addresses without a slot");
	sets[0].generation += 2;
	ok(!mmu_known_mmio(&v->x86, 0x3000), "which end with the slots' generation");
	ok(mmu_set_nr_pages(&vm.kvm, 63) == -EINVAL && !mmu_set_nr_pages(&vm.kvm, 64) &&
	   mmu_get_nr_pages(&vm.kvm) == 64, "number of table pages");
	finish("bounds");
}

static bool stop;
static unsigned int race_steps;

static void *vcpu_thread(void *arg)
{
	unsigned int i;

	seed = (unsigned int)(size_t)arg;
	for (i = 0; i < race_steps; i++)
		vcpu_step(arg);
	return NULL;
}

static void *other_thread(void *arg)
{
	void (*step)(void) = arg;

	seed = (unsigned int)(size_t)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		step();
		usleep(rnd(300));	/* or nobody ever gets a page mapped */
	}
	return NULL;
}

static void test_race(unsigned int steps)
{
	pthread_t vt[NR_VCPUS], host, log;
	unsigned int i;

	start(5);
	stop = false;
	racing = fake_busy = true;
	race_steps = steps;
	pthread_create(&host, NULL, other_thread, host_step);
	pthread_create(&log, NULL, other_thread, log_step);
	for (i = 0; i < NR_VCPUS; i++)
		pthread_create(&vt[i], NULL, vcpu_thread, &vcpus[i]);
	for (i = 0; i < NR_VCPUS; i++)
		pthread_join(vt[i], NULL);
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	pthread_join(host, NULL);
	pthread_join(log, NULL);
	racing = false;
	printf("# %llu notifications, %llu writes and flushes\n",
	       (unsigned long long)vm.kvm.invalidate_seq, (unsigned long long)clock_now);
	finish("side by side");
}

static const struct {
	const char *name;
	bool ept, ad, pml, nx_huge;
} kinds[] = {
	{ "NPT",					false, true, false, false },
	{ "EPT",					true, true, false, false },
	{ "EPT without accessed and dirty bits",	true, false, false, false },
	{ "EPT, dirty pages logged by the CPU",		true, true, true, false },
	{ "EPT, code in small pages",			true, true, false, true },
	{ "EPT, the same without accessed bits",	true, false, false, true },
};

int main(int argc, char **argv)
{
	unsigned int steps = argc > 1 ? atoi(argv[1]) : 60000;

	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		printf("# %s\n", kinds[i].name);
		x86_caps.tdp_ept = kinds[i].ept;
		x86_caps.tdp_ad = kinds[i].ad;
		x86_caps.pml = kinds[i].pml;
		x86_caps.nx_huge = kinds[i].nx_huge;
		mmu_set_format();
		seed = 1;
		test_bounds();
		test_own_page();
		test_log_sizes();
		test_age();
		test_memory_type();
		fetches = true;
		test_steps(4, steps);
		test_steps(5, steps / 2);
		test_race(steps);
		fetches = false;
	}
	return tap_done();
}
