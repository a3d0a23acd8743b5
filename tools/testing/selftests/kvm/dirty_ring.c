// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CAP_DIRTY_LOG_RING: written pages told in a ring that user space empties. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vm.h"

#define ENTRIES		1024u		/* room for the reserve of hosts with PML */
#define RING_BYTES	(ENTRIES * sizeof(struct kvm_dirty_gfn))
#define RING_OFFSET	(KVM_DIRTY_LOG_PAGE_OFFSET * 4096l)
#define SLOT		3
#define LOG_GPA		0x40000000ul
#define LOG_PAGES	4096u

static volatile u32 first_page, nr_pages;

/* Writes the pages it is told to, on and on. */
static void writer(void)
{
	for (;;) {
		for (u32 i = 0; i < nr_pages; i++)
			(*(volatile u32 *)(LOG_GPA + (u64)(first_page + i) % LOG_PAGES * 4096))++;
		guest_sync(nr_pages);
	}
}

struct ring {
	struct vm *vm;
	struct vcpu *vcpu;
	struct kvm_dirty_gfn *gfns;
	u32 next;
	u8 *ram;
};

static struct ring ring_vm(u64 bytes, u64 entries)
{
	struct ring r = { .vm = vm_new() };

	MUST(!enable_cap(r.vm->fd, KVM_CAP_DIRTY_LOG_RING, bytes));
	r.vcpu = quick_long(r.vm, writer);
	r.ram = ram_alloc(LOG_PAGES * 4096ul);
	slot_must(r.vm, SLOT, KVM_MEM_LOG_DIRTY_PAGES, LOG_GPA, LOG_PAGES * 4096ul, r.ram);
	r.gfns = mmap(NULL, entries * sizeof(*r.gfns), PROT_READ | PROT_WRITE, MAP_SHARED,
		      r.vcpu->fd, RING_OFFSET);
	MUST(r.gfns != MAP_FAILED);
	return r;
}

static u32 to_sync(struct ring *r, u32 first, u32 n)
{
	AT(r->vm, first_page) = first;
	AT(r->vm, nr_pages) = n;
	return run_exit(r->vcpu);
}

/* Takes what there is; @seen counts each page. */
static u32 harvest(struct ring *r, u8 *seen)
{
	u32 n = 0;

	for (;; n++) {
		struct kvm_dirty_gfn *e = &r->gfns[r->next % ENTRIES];

		if (__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) != KVM_DIRTY_GFN_F_DIRTY)
			return n;
		EQ(e->slot, SLOT);
		if (CHECK(e->offset < LOG_PAGES))
			seen[e->offset]++;
		__atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
		r->next++;
	}
}

static void written_pages_are_listed(void)
{
	struct ring r = ring_vm(RING_BYTES, ENTRIES);
	u8 seen[LOG_PAGES];
	struct ucall uc;

	for (u32 round = 0; round < 30; round++) {
		u32 first = round * 97, n = 50;

		memset(seen, 0, sizeof(seen));
		if (!EQ(to_sync(&r, first, n), KVM_EXIT_IO) || !is_ucall(r.vcpu, &uc)) {
			describe_exit(r.vcpu);
			test_stop();
		}
		EQ(harvest(&r, seen), n);
		for (u32 i = 0; i < LOG_PAGES; i++)
			if (seen[i] != (i - first % LOG_PAGES < n || i + LOG_PAGES - first < n))
				test_fail(__FILE__, __LINE__, "round %u page %u: %u", round, i,
					  seen[i]);
		/* until the reset no write is told again */
		if (round & 1) {
			EQ(to_sync(&r, first, n), KVM_EXIT_IO);
			EQ(harvest(&r, seen), 0);
		}
		EQ(ioctl(r.vm->fd, KVM_RESET_DIRTY_RINGS, 0), n);
		EQ(ioctl(r.vm->fd, KVM_RESET_DIRTY_RINGS, 0), 0);
		if (test_failures())
			break;
	}
	vm_free(r.vm);
}

/* More pages than entries: the guest has to stop, and no page is forgotten. */
static void a_full_ring_stops_the_guest(void)
{
	struct ring r = ring_vm(RING_BYTES, ENTRIES);
	u8 seen[LOG_PAGES] = {};
	u32 full = 0, reason;

	reason = to_sync(&r, 0, LOG_PAGES);
	while (reason == KVM_EXIT_DIRTY_RING_FULL && full++ < 1000) {
		u32 n;

		/* it does not go on before there is room */
		EQ(run_exit(r.vcpu), KVM_EXIT_DIRTY_RING_FULL);
		n = harvest(&r, seen);
		CHECK(n > ENTRIES / 4 && n <= ENTRIES, "%u", n);
		EQ(run_exit(r.vcpu), KVM_EXIT_DIRTY_RING_FULL);
		EQ(ioctl(r.vm->fd, KVM_RESET_DIRTY_RINGS, 0), n);
		reason = run_exit(r.vcpu);
	}
	EQ(reason, KVM_EXIT_IO);
	CHECK(full >= LOG_PAGES / ENTRIES - 1, "%u", full);
	harvest(&r, seen);
	/* twice: logged for a write that the full ring put off */
	for (u32 i = 0; i < LOG_PAGES; i++)
		if (seen[i] != 1 && seen[i] != 2)
			test_fail(__FILE__, __LINE__, "page %u: %u", i, seen[i]);
	note("stopped %u times", full);
	vm_free(r.vm);
}

static void what_is_refused(void)
{
	struct vm *vm = vm_bare();
	u64 max = has_cap(vm->fd, KVM_CAP_DIRTY_LOG_RING), bitmap;
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = &bitmap };
	struct kvm_clear_dirty_log clear = { .slot = 0, .dirty_bitmap = &bitmap, .num_pages = 64 };
	struct vcpu *vcpu;
	void *page = ram_alloc(0x1000);

	EQ(max, 65536 * sizeof(struct kvm_dirty_gfn));
	EQ(has_cap(vm->fd, KVM_CAP_DIRTY_LOG_RING_ACQ_REL), max);
	FAILS(ioctl(vm->fd, KVM_RESET_DIRTY_RINGS, 0), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_DIRTY_LOG_RING, 0), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_DIRTY_LOG_RING, 2048), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_DIRTY_LOG_RING, RING_BYTES + 16), EINVAL);
	FAILS(enable_cap(vm->fd, KVM_CAP_DIRTY_LOG_RING, max * 2), E2BIG);
	OK(enable_cap(vm->fd, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, RING_BYTES));
	FAILS(enable_cap(vm->fd, KVM_CAP_DIRTY_LOG_RING, RING_BYTES), EINVAL);
	slot_must(vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, 0x1000, page);
	FAILS(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), ENXIO);
	FAILS(ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &clear), ENXIO);
	vcpu = vcpu_new(vm, 0);
	CHECK(mmap(NULL, RING_BYTES, PROT_READ, MAP_PRIVATE, vcpu->fd, RING_OFFSET) ==
	      MAP_FAILED);
	CHECK(mmap(NULL, RING_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, vcpu->fd, RING_OFFSET) ==
	      MAP_FAILED);
	vm_free(vm);

	vm = vm_bare();
	vcpu_new(vm, 0);
	FAILS(enable_cap(vm->fd, KVM_CAP_DIRTY_LOG_RING, RING_BYTES), EINVAL);
	vm_free(vm);
}

/* Entries are ours to write: whatever is in them, the host is not harmed. */
static void entries_full_of_lies(void)
{
	struct ring r = ring_vm(RING_BYTES, ENTRIES);
	unsigned int seed = 7;

	for (u32 round = 0; round < 40; round++) {
		u32 reason = to_sync(&r, round * 31, 300);

		if (reason != KVM_EXIT_IO && reason != KVM_EXIT_DIRTY_RING_FULL) {
			test_fail(__FILE__, __LINE__, "exit %u", reason);
			describe_exit(r.vcpu);
			break;
		}
		for (u32 i = 0; i < ENTRIES; i++) {
			r.gfns[i].slot = rand_r(&seed) & 1 ? SLOT : (u32)rand_r(&seed) << 1;
			r.gfns[i].offset = rand_r(&seed) & 1 ? (u32)rand_r(&seed) % 8192 :
					   (u64)rand_r(&seed) << 33 | (u32)rand_r(&seed);
			r.gfns[i].flags = rand_r(&seed);
		}
		CHECK(ioctl(r.vm->fd, KVM_RESET_DIRTY_RINGS, 0) <= (int)ENTRIES);
		if (round % 8 == 7)
			slot_must(r.vm, SLOT, round & 8 ? KVM_MEM_LOG_DIRTY_PAGES : 0, LOG_GPA,
				  LOG_PAGES * 4096ul, r.ram);
	}
	for (u32 i = 0; i < ENTRIES; i++)
		r.gfns[i].flags = KVM_DIRTY_GFN_F_RESET;
	CHECK(ioctl(r.vm->fd, KVM_RESET_DIRTY_RINGS, 0) <= (int)ENTRIES);
	EQ(ioctl(r.vm->fd, KVM_RESET_DIRTY_RINGS, 0), 0);
	vm_free(r.vm);
}

static const struct test tests[] = {
	TEST(written_pages_are_listed),
	TEST(a_full_ring_stops_the_guest),
	TEST(what_is_refused),
	TEST(entries_full_of_lies),
};

TEST_MAIN(tests)
