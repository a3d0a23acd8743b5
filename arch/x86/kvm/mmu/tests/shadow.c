// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow tables against a model: guests that edit random tables in all paging
 * modes, with TLBs; a host that moves memory, ages it, and reads a dirty log.
 *
 * What must hold: the CPU is never allowed what the guest's tables forbid, nor led to
 * another frame; no TLB has a frame that the host has taken back, or lets a
 * table be written; each access comes to an end; all pages are freed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <mmu/gmem.h>

#include "../shadow.h"
#include "tap.h"

#define NR_VCPUS	2
#define NR_FRAMES	96
#define NR_TABLES	12		/* the first frames */
#define TLB_ENTRIES	16
#define STEPS		600000

#define P	SHADOW_P
#define W	SHADOW_W
#define U	SHADOW_U
#define PS	BIT_ULL(7)

struct x86_caps x86_caps;
struct x86_host x86_host = { .maxphyaddr = 40 };
unsigned long long sme_me_mask;
bool fake_busy, kvm_tells_writes;
struct fake_task fake_task;

static const struct gwalk_config configs[] = {
	{ },
	{ .paging = true, .pse = true, .wp = true },
	{ .paging = true },
	{ .paging = true, .pae = true, .nxe = true, .wp = true, .smep = true },
	{ .paging = true, .pae = true },
	{ .paging = true, .pae = true, .long_mode = true, .nxe = true, .wp = true, .smap = true },
	{ .paging = true, .pae = true, .long_mode = true, .gbpages = true, .smep = true },
	{ .paging = true, .pae = true, .long_mode = true, .nxe = true, .wp = true, .smep = true },
	{ .paging = true, .pae = true, .long_mode = true, .nxe = true },
	{ .paging = true, .pae = true, .long_mode = true, .la57 = true, .nxe = true, .wp = true },
};

struct tlb {
	u64 page;			/* of the address, ~0: empty */
	gfn_t gfn;
	u64 spte;
};

static struct x86_vm vm;
static struct x86_vcpu vcpu[NR_VCPUS];
static struct gwalk_config config[NR_VCPUS];
static struct gwalk_mode mode[NR_VCPUS];
static struct tlb tlb[NR_VCPUS][TLB_ENTRIES];
static struct kvm_memslot slot = { .npages = NR_FRAMES, .hva = 0x1000000 };
static struct kvm_memslots other_space = { .generation = 2 };
static struct kvm_memslots set = { .generation = 1, .count = 1, .slot = { &slot } };
static u8 mem[NR_FRAMES + 1][PAGE_SIZE] __attribute__((aligned(4096)));
static hfn_t host_frame[NR_FRAMES], next_frame = 0x100000;
static unsigned long pages_live, bits_set, bad;
static unsigned long walked, cached, faults, emulated;
static unsigned int seed = 1;

static unsigned int rnd(unsigned int n)
{
	return rand_r(&seed) % n;
}

static void wrong(const char *what, u64 a, u64 b)
{
	if (bad++ < 10)
		printf("# %s: %#llx %#llx\n", what, (unsigned long long)a, (unsigned long long)b);
}

/* --- The kernel ----------------------------------------------------------- */

void fake_pause(void)
{
}

struct page *alloc_pages(int flags, unsigned int order)
{
	size_t size = PAGE_SIZE << order;
	char *block = aligned_alloc(size, 2 * size);

	memset(block, 0, 2 * size);
	pages_live++;
	return (struct page *)(block + size - PAGE_SIZE);
}

void __free_pages(struct page *page, unsigned int order)
{
	pages_live--;
	free((char *)page + PAGE_SIZE - (PAGE_SIZE << order));
}

void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	abort();	/* nested tables alone */
}

struct kvm_memslot *kvm_find_slot(struct kvm_memslots *slots, gfn_t gfn)
{
	return slots == &set && gfn < NR_FRAMES ? &slot : NULL;
}

void kvm_mark_dirty(struct kvm *kvm, const struct kvm_memslot *s, gfn_t gfn)
{
}

void kvm_flush_remote_tlbs(struct kvm *kvm)
{
	memset(tlb, 0xff, sizeof(tlb));
}

void kvm_leave_guests(struct kvm *kvm)
{
}

void kvm_request(struct kvm_vcpu *v, unsigned int req)
{
}

struct kvm_vcpu *kvm_vcpu_by_index(struct kvm *kvm, unsigned int i)
{
	return i < NR_VCPUS ? &vcpu[i].vcpu : NULL;
}

static void edit_something(void);

/* A time in which other processors run. */
int kvm_page_get(struct kvm *kvm, struct kvm_page *p)
{
	while (!rnd(3))
		edit_something();
	p->hva = kvm_slot_hva(p->slot, p->gfn);
	p->hfn = host_frame[p->gfn];
	p->writable = p->write || rnd(4);
	return 0;
}

void kvm_page_release(struct kvm_page *p, bool dirty)
{
}

u8 kvm_page_host_level(struct kvm *kvm, const struct kvm_page *p)
{
	return 1;
}

void fake_load_root(struct x86_vcpu *v, hpa_t root, int level)
{
	memset(tlb[v - vcpu], 0xff, sizeof(tlb[0]));
}

/* --- The guest's memory and walk ------------------------------------------ */

int gwalk_read(struct gwalk_env *env, unsigned int level, u64 gpa, u64 *entry, bool wide)
{
	if (gpa_to_gfn(gpa) >= NR_FRAMES)
		return -EFAULT;
	*entry = 0;
	memcpy(entry, mem[0] + gpa, wide ? 8 : 4);
	return 0;
}

int gwalk_cmpxchg(struct gwalk_env *env, u64 gpa, u64 old, u64 new, bool wide)
{
	if (memcmp(mem[0] + gpa, &old, wide ? 8 : 4))
		return -EAGAIN;
	memcpy(mem[0] + gpa, &new, wide ? 8 : 4);
	bits_set++;
	return 0;
}

int gwalk_pkru(struct gwalk_env *env, u32 *pkru)
{
	*pkru = 0;
	return 0;
}

bool gwalk_ac(struct gwalk_env *env)
{
	return false;
}

const struct gwalk_mode *mmu_guest_mode(struct x86_vcpu *v)
{
	return &mode[v - vcpu];
}

enum gwalk_result mmu_walk(struct x86_vcpu *v, const struct gwalk_mode *m, struct gwalk *w)
{
	w->cr3 = v->regs.cr3;
	w->pdptrs = v->regs.pdptr;
	return gwalk(m, w, NULL);
}

/* Now and then another processor was faster. */
u64 mmu_walk_again(struct x86_vcpu *v, const struct gwalk_mode *m, const struct gwalk *w,
		   unsigned int step)
{
	u64 entry;

	if (!rnd(50) || gwalk_read(NULL, 0, w->step[step].gpa, &entry, m->index_bits == 9))
		return ~0ull;
	return entry;
}

/* --- The CPU --------------------------------------------------------------- */

static bool allows(const struct gwalk_mode *m, u64 spte, u32 access)
{
	if ((access & GWALK_WRITE) && !(spte & W))
		return false;
	if ((access & GWALK_FETCH) && (spte & SHADOW_NX))
		return false;
	if (access & GWALK_USER)
		return spte & U;
	if (!(spte & U) || !m->levels)
		return true;
	return access & GWALK_FETCH ? !m->smep : !m->smap;
}

/* The leaf that the tables have for @va, 0: none. */
static u64 hardware_walk(struct x86_vcpu *v, u64 va)
{
	const struct gwalk_mode *m = mmu_guest_mode(v);
	u64 entry = v->mmu.root;
	int level = m->levels;

	if (level <= 3) {
		entry = ((u64 *)entry)[va >> 30 & 3];
		level = 2;
		if (!(entry & P))
			return 0;
	}
	for (; level; level--) {
		entry = ((u64 *)(entry & spte_format.frame))[level_index(va >> PAGE_SHIFT, level)];
		if (!(entry & P))
			return 0;
		if (level > 1 && (entry & (W | U | SHADOW_NX)) != (W | U))
			wrong("a table does not allow all", va, entry);
	}
	return entry;
}

/* May it? Where to? For nothing but comparison: bits that it would set are wrong. */
static void compare(struct x86_vcpu *v, u64 va, u32 access, u64 spte, gfn_t *gfn)
{
	struct gwalk w = { .gva = va, .access = access };
	unsigned long before = bits_set;

	*gfn = va >> PAGE_SHIFT;
	if (mmu_guest_mode(v)->levels) {
		if (mmu_walk(v, mmu_guest_mode(v), &w) != GWALK_OK) {
			wrong("allowed what is not", va, spte);
			*gfn = 0;
			return;
		}
		*gfn = gpa_to_gfn(w.gpa);
	}
	if (bits_set != before)
		wrong("used before the bits were set", va, access);
	if (*gfn >= NR_FRAMES || spte_hpa(spte) >> PAGE_SHIFT != host_frame[*gfn])
		wrong("another frame", va, spte);
}

static void touch(gfn_t gfn, u32 access)
{
	if (!(access & GWALK_WRITE) || gfn >= NR_FRAMES)
		return;
	if (shadow_is_table(&vm.kvm, gfn))
		wrong("a table was written to", gfn, 0);
}

static bool by_tlb(struct x86_vcpu *v, u64 va, u32 access)
{
	struct tlb *t = &tlb[v - vcpu][(va >> PAGE_SHIFT) % TLB_ENTRIES];

	if (t->page != va >> PAGE_SHIFT || !allows(mmu_guest_mode(v), t->spte, access))
		return false;
	touch(t->gfn, access);
	cached++;
	return true;
}

static bool by_tables(struct x86_vcpu *v, u64 va, u32 access)
{
	struct tlb *t = &tlb[v - vcpu][(va >> PAGE_SHIFT) % TLB_ENTRIES];
	u64 spte = hardware_walk(v, va);
	gfn_t gfn;

	if (!spte || !allows(mmu_guest_mode(v), spte, access))
		return false;
	compare(v, va, access, spte, &gfn);
	touch(gfn, access);
	*t = (struct tlb) { .page = va >> PAGE_SHIFT, .gfn = gfn, .spte = spte };
	walked++;
	return true;
}

static void access_memory(struct x86_vcpu *v, u64 va, u32 access)
{
	struct gwalk w = { .gva = va, .access = access };
	struct mmu_gfault fault = {};
	enum mmu_fault_result r;
	unsigned int tries;
	gpa_t gpa = 0;

	for (tries = 0; tries < 100; tries++) {
		v->vcpu.stat.exits++;
		if (v->mmu.root == HPA_INVALID && shadow_load(v))
			wrong("no root", 0, 0);
		if (by_tlb(v, va, access) || by_tables(v, va, access))
			return;
		/* A fault ends what a TLB has for the address (SDM 3A 4.10.4.1). */
		tlb[v - vcpu][(va >> PAGE_SHIFT) % TLB_ENTRIES].page = ~0ull;
		r = mmu_guest_fault(v, va, access | P, &gpa, &fault);
		switch (r) {
		case MMU_FIXED:
		case MMU_RETRY:
			continue;
		case MMU_GUEST_FAULT:
			if (mmu_walk(v, mmu_guest_mode(v), &w) != GWALK_FAULT ||
			    w.error != fault.error)
				wrong("a fault that is none", va, fault.error);
			faults++;
			return;
		case MMU_MMIO:
			if (gpa_to_gfn(gpa) < NR_FRAMES)
				wrong("memory, not a device", va, gpa);
			return;
		case MMU_EMULATE:
			if (!(access & GWALK_WRITE))
				wrong("emulation of no write", va, gpa);
			emulated++;
			if (!rnd(4) && mmu_retry_write(v))
				continue;
			kvm_arch_guest_written(&vm.kvm, gpa & ~7ull, 8);
			return;
		default:
			wrong("result", va, r);
			return;
		}
	}
	wrong("no end", va, access);
}

/* --- What happens ----------------------------------------------------------- */

/* Few addresses, and those at the seams of tables */
static u64 some_va(const struct gwalk_mode *m)
{
	static const u16 index32[] = { 0, 1, 2, 255, 256, 511, 512, 513, 1023 };
	static u64 again;
	u64 va = 0;
	int level;

	if (rnd(2) && (m->levels > 3 || !(again >> 32)))
		return again;
	if (!m->levels)
		return again = rnd(NR_FRAMES + 8) << PAGE_SHIFT;
	if (m->levels == 2)
		return again = (u64)index32[rnd(9)] << 22 | (u64)index32[rnd(9)] << 12;
	for (level = 1; level <= min_t(int, m->levels, 4); level++)
		va |= (u64)rnd(level == 3 ? 4 : 3) << (12 + 9 * (level - 1));
	return again = va;
}

static u64 some_entry(bool wide)
{
	u64 gfn = rnd(3) ? rnd(NR_TABLES) : rnd(NR_FRAMES + 1), entry;

	entry = gfn << PAGE_SHIFT | (rnd(12) ? P : 0) | (rnd(6) ? W : 0) | (rnd(4) ? U : 0);
	if (rnd(2))
		entry |= SHADOW_A | SHADOW_D;
	if (!rnd(8))
		entry = (entry & 0xfff) | PS;
	if (wide && !rnd(20))
		entry |= SHADOW_NX;
	return entry;
}

/* By an instruction: native where the frame is none of a table's. */
static void edit(gfn_t gfn, unsigned int at, const void *value, unsigned int len)
{
	bool table = shadow_is_table(&vm.kvm, gfn);

	memcpy(mem[gfn] + at, value, len);
	if (table)
		kvm_arch_guest_written(&vm.kvm, (gfn << PAGE_SHIFT) + at, len);
}

static void edit_something(void)
{
	static const u16 slots32[] = { 0, 1, 2, 255, 256, 511, 512, 513, 1023 };
	u64 value[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		value[i] = some_entry(true);
	if (rnd(2)) {
		edit(rnd(NR_TABLES), 8 * rnd(4), value, rnd(8) ? 8 : 8 * (1 + rnd(3)));
	} else {
		value[0] = (u32)some_entry(false) | (u64)(u32)some_entry(false) << 32;
		edit(rnd(NR_TABLES), 4 * slots32[rnd(9)], value, 4);
	}
	if (!rnd(8))
		edit(rnd(NR_TABLES), rnd(31), value, 1 + rnd(7));
}

static void new_root(struct x86_vcpu *v)
{
	unsigned int i;

	v->regs.cr3 = (u64)rnd(NR_TABLES) << PAGE_SHIFT;
	for (i = 0; i < 4; i++)
		v->regs.pdptr[i] = (u64)rnd(NR_TABLES) << PAGE_SHIFT | (rnd(4) ? P : 0);
	v->mmu.root = HPA_INVALID;
}

static void new_mode(struct x86_vcpu *v)
{
	struct gwalk_config *c = &config[v - vcpu];

	*c = configs[rnd(sizeof(configs) / sizeof(configs[0]))];
	c->maxphyaddr = 40;
	c->pse36 = true;
	gwalk_set_mode(&mode[v - vcpu], c);
	new_root(v);
}

static void access_something(struct x86_vcpu *v)
{
	access_memory(v, some_va(mmu_guest_mode(v)),
		      (rnd(2) ? GWALK_WRITE : rnd(4) ? 0 : GWALK_FETCH) |
		      (rnd(2) ? GWALK_USER : 0));
}

/* The same tables, which mean something else now. */
static void switch_mode(struct x86_vcpu *v)
{
	struct gwalk_config *c = &config[v - vcpu];
	unsigned int i;

	c->wp = rnd(2);
	c->nxe = c->pae && rnd(4);
	c->smep = rnd(2);
	c->smap = !rnd(4);
	gwalk_set_mode(&mode[v - vcpu], c);
	v->mmu.root = HPA_INVALID;
	for (i = 0; i < 4; i++)
		access_something(v);
}

static void host_moves(gfn_t from, gfn_t to)
{
	struct kvm_gfn_range r = { .slot = &slot, .start = from, .end = to };
	gfn_t gfn;

	write_lock(&vm.kvm.mmu_lock);
	for (gfn = from; gfn < to; gfn++)
		host_frame[gfn] = next_frame++;
	if (kvm_arch_mmu_zap(&vm.kvm, &r))
		kvm_flush_remote_tlbs(&vm.kvm);
	vm.kvm.invalidate_seq++;
	write_unlock(&vm.kvm.mmu_lock);
}

static void read_log(void)
{
	struct x86_vcpu *v;
	unsigned int i, n;

	write_lock(&vm.kvm.mmu_lock);
	kvm_arch_mmu_write_protect(&vm.kvm, &slot, 0, ~0ul);
	write_unlock(&vm.kvm.mmu_lock);
	kvm_flush_remote_tlbs(&vm.kvm);
	for (i = 0; i < NR_VCPUS; i++) {
		v = &vcpu[i];
		for (n = 0; n < 20 && v->mmu.root != HPA_INVALID; n++) {
			u64 spte = hardware_walk(v, some_va(&mode[i]));

			for (gfn_t gfn = 0; gfn < 64; gfn++)
				if ((spte & W) && spte_hpa(spte) >> PAGE_SHIFT == host_frame[gfn])
					wrong("writable behind the log's back", gfn, spte);
		}
	}
}

static void age(void)
{
	struct kvm_gfn_range r = { .slot = &slot, .start = 0, .end = NR_FRAMES };

	write_lock(&vm.kvm.mmu_lock);
	kvm_arch_mmu_age(&vm.kvm, &r, false);
	if (kvm_arch_mmu_age(&vm.kvm, &r, true))
		wrong("young after all", 0, 0);
	write_unlock(&vm.kvm.mmu_lock);
}

static void happen(void)
{
	struct x86_vcpu *v = &vcpu[rnd(NR_VCPUS)];
	gfn_t gfn = rnd(NR_FRAMES), last;

	switch (rnd(40)) {
	case 0:
		new_mode(v);
		break;
	case 19 ... 20:
		switch_mode(v);
		break;
	case 1:
		new_root(v);
		break;
	case 2:
		last = gfn + 1 + rnd(8);
		host_moves(gfn, min(last, (gfn_t)NR_FRAMES));
		break;
	case 3:
		if (!rnd(4))
			read_log();
		break;
	case 4:
		age();
		break;
	case 5:
		vm.mmu.shadow.limit = 12 + rnd(40);
		break;
	case 6:
		if (!rnd(20))
			kvm_arch_slot_flush(&vm.kvm, &slot);
		break;
	case 7:
		memset(tlb[v - vcpu], 0xff, sizeof(tlb[0]));	/* INVLPG */
		break;
	case 8 ... 18:
		edit_something();
		break;
	default:
		access_something(v);
	}
}

/* --- What must be true at any time ------------------------------------------ */

static void check_frame(u64 spte, gfn_t gfn, const char *where)
{
	if (gfn >= NR_FRAMES || spte_hpa(spte) >> PAGE_SHIFT != host_frame[gfn])
		wrong(where, spte, gfn);
	else if ((spte & W) && shadow_is_table(&vm.kvm, gfn))
		wrong("a table is writable", spte, gfn);
}

static void check_tlbs(void)
{
	unsigned int i, j;

	for (i = 0; i < NR_VCPUS; i++)
		for (j = 0; j < TLB_ENTRIES; j++)
			if (tlb[i][j].page != ~0ull)
				check_frame(tlb[i][j].spte, tlb[i][j].gfn, "stale in a TLB");
}

/* Every leaf is in its frame's list, and in no other. */
static void check_lists(void)
{
	unsigned long leaves = 0, linked = 0, pages = 0;
	struct mmu_shadow_vm *s = &vm.mmu.shadow;
	struct shadow_page *sp, *next;
	struct hlist_node *link;
	unsigned int i;
	gfn_t gfn;

	list_for_each_entry_safe(sp, next, &s->pages, lru) {
		pages++;
		for (i = 0; i < TDP_ENTRIES && sp->role.level == 1; i++)
			leaves += !!*shadow_entry(sp, i);
	}
	for (gfn = 0; gfn < NR_FRAMES; gfn++) {
		hlist_for_each(link, shadow_rmap(&slot, gfn)) {
			check_frame(*shadow_linked(link, &sp), gfn, "in the wrong list");
			linked++;
		}
	}
	if (leaves != linked || leaves != vm.kvm.stat.pages_4k)
		wrong("leaves", leaves, linked);
	if (pages != s->nr_pages)
		wrong("pages", pages, s->nr_pages);
}

int main(void)
{
	unsigned int i, step;

	vm.kvm.slots[0] = &set;
	vm.kvm.slots[1] = &other_space;
	pthread_rwlock_init(&vm.kvm.mmu_lock, NULL);
	mmu_set_format();
	ok(mmu_shadow(), "without nested paging there are shadow tables");
	ok(!mmu_vm_init(&vm.kvm) && !kvm_arch_slot_prepare(&vm.kvm, NULL, &slot), "a VM");
	kvm_arch_slot_commit(&vm.kvm, NULL, &slot);
	ok(vm.mmu.shadow.limit == 64, "its limit");
	memset(tlb, 0xff, sizeof(tlb));
	for (i = 0; i < NR_FRAMES; i++)
		host_frame[i] = next_frame++;
	for (i = 0; i < NR_VCPUS; i++) {
		vcpu[i].vcpu.kvm = &vm.kvm;
		if (mmu_vcpu_create(&vcpu[i]))
			wrong("no vCPU", i, 0);
		new_mode(&vcpu[i]);
	}
	for (i = 0; i < 4000; i++)
		edit_something();
	for (step = 0; step < STEPS && bad < 10; step++) {
		happen();
		check_tlbs();
		if (step % 64 == 0)
			check_lists();
	}
	ok(!bad, "%u steps", step);
	printf("# accesses: %lu by tables, %lu by TLBs, %lu faults, %lu emulated\n", walked, cached,
	       faults, emulated);
	ok(walked > STEPS / 20 && cached > STEPS / 100 && emulated > STEPS / 500,
	   "of all kinds enough");
	for (i = 0; i < NR_VCPUS; i++)
		mmu_vcpu_destroy(&vcpu[i]);
	mmu_vm_destroy(&vm.kvm);
	kvm_arch_slot_free(&slot);
	ok(!pages_live, "all pages are freed");
	return tap_done();
}
