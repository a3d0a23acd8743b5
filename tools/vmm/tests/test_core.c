// SPDX-License-Identifier: GPL-2.0-only
/* I/O thread, interrupt handles, CPUID. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "box.h"
#include "cpuid.h"
#include "irq.h"
#include "kvm_abi.h"
#include "loop.h"

/* ---- I/O thread ---- */

static atomic_int hits, busy;

static void hit(void *opaque)
{
	(void)opaque;
	atomic_fetch_add(&hits, 1);
}

static void slow_event(void *opaque, uint32_t events)
{
	uint64_t v;

	(void)events;
	if (read(*(int *)opaque, &v, sizeof(v)) < 0)
		return;
	atomic_store(&busy, 1);
	usleep(50000);
	atomic_fetch_add(&hits, 1);
	atomic_store(&busy, 0);
}

static bool wait_hits(int n)
{
	for (int i = 0; i < 2000 && atomic_load(&hits) < n; i++)
		usleep(1000);
	return atomic_load(&hits) == n;
}

static struct loop_ev *self_ev;

static void delete_self(void *opaque, uint32_t events)
{
	(void)opaque;
	(void)events;
	loop_del(self_ev);
	atomic_fetch_add(&hits, 1);
}

static void test_loop(struct vmm *vmm)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	struct loop_timer *t = loop_timer(vmm, hit, NULL);
	struct loop_ev *ev = loop_add(vmm, fd, EPOLLIN, slow_event, &fd);
	uint64_t one = 1;

	for (int i = 0; i < 100; i++)
		loop_run_in(vmm, hit, NULL);
	ok(wait_hits(100), "work handed over runs, each once");
	atomic_store(&hits, 0);
	loop_timer_set(t, loop_now_ns() + 10000000);
	ok(wait_hits(1), "a timer fires");
	loop_timer_set(t, loop_now_ns() + 50000000);
	loop_timer_set(t, 0);
	usleep(80000);
	ok(atomic_load(&hits) == 1, "a disarmed one does not");
	loop_timer_free(t);

	ok(write(fd, &one, 8) == 8, "an event");
	while (!atomic_load(&busy))
		usleep(100);
	loop_del(ev);
	ok(!atomic_load(&busy) && atomic_load(&hits) == 2, "deleting waits for the callback");
	ok(write(fd, &one, 8) == 8, "one more event");
	usleep(20000);
	ok(atomic_load(&hits) == 2, "and it does not run again");
	if (read(fd, &one, 8) != 8)
		bail_out("no event");
	self_ev = loop_add(vmm, fd, EPOLLIN, delete_self, NULL);
	ok(write(fd, &one, 8) == 8, "an event that nobody takes");
	ok(wait_hits(3), "a callback can delete itself");
	usleep(20000);
	ok(atomic_load(&hits) == 3, "then it is gone");
	close(fd);
}

/* ---- interrupts ---- */

static void test_irq(struct vmm *vmm)
{
	struct irq *a = irq_line(vmm, 16), *b = irq_line(vmm, 16), *m = irq_msi(vmm);
	uint64_t one = 1;
	int fd;

	ok(!irq_line(vmm, 24) && !irq_line(vmm, 2) && !irq_line(vmm, UINT32_MAX),
	   "no line beyond the IOAPIC, none at the cascade");
	irq_set(a, 1);
	irq_set(a, 1);
	irq_set(b, 1);
	irq_set(a, 0);
	ok(irq_line_up(vmm, 16), "a shared line is up while one holds it");
	irq_free(b);
	ok(!irq_line_up(vmm, 16), "a handle that goes lets it down");
	irq_free(a);

	ok(irq_set(m, 1) == -EINVAL && !irq_msi_pending(m), "a message has no level");
	irq_pulse(m);
	ok(irq_msi_pending(m), "masked: it waits");
	ok(!irq_msi_route(m, 0xfee00000, 0x41, 0) && irq_msi_pending(m) &&
	   !irq_msi_mask(m, false) && !irq_msi_pending(m), "unmasked with an address: it is sent");
	fd = irq_eventfd(m);
	ok(fd >= 0 && irq_eventfd(m) == fd, "its eventfd, always the same");
	irq_msi_mask(m, true);
	ok(write(fd, &one, 8) == 8 && irq_msi_pending(m), "masked: the eventfd keeps it");
	irq_free(m);
}

/* ---- CPUID ---- */

static const struct kvm_cpuid_entry2 *leaf(const struct kvm_cpuid2 *t, uint32_t fn, uint32_t idx)
{
	for (unsigned int i = 0; i < t->nent; i++)
		if (t->entries[i].function == fn && t->entries[i].index == idx)
			return &t->entries[i];
	return NULL;
}

static void test_cpuid(unsigned int n, unsigned int bits)
{
	static const struct kvm_cpuid_entry2 host[] = {
		{ .function = 0, .eax = 0x1f, .ebx = 0x68747541 },
		{ .function = 1, .ebx = 0x55667788, .ecx = 1 << 24, .edx = 1 << 28 },
		{ .function = 4, .index = 0, .eax = 0xffffc021 },
		{ .function = 4, .index = 1, .eax = 0xffffc063 },
		{ .function = 0xb, .index = 0, .eax = 7, .ebx = 9 },
		{ .function = 0x1f, .index = 0, .eax = 7, .ebx = 9 },
		{ .function = 0x80000001 },
		{ .function = 0x80000008, .eax = 0x3028, .ecx = 0x7fff },
		{ .function = 0x8000001e, .eax = 99, .ebx = 99, .ecx = 99 },
	};
	struct kvm_cpuid2 *t = calloc(1, sizeof(*t) + 20 * sizeof(t->entries[0]));
	const struct kvm_cpuid_entry2 *e;

	for (unsigned int id = 0; id < n; id += n > 8 ? n / 3 : 1) {
		bool good;

		memcpy(t->entries, host, sizeof(host));
		t->nent = sizeof(host) / sizeof(host[0]);
		/* Twice: one table serves all CPUs in turn. */
		cpuid_for_cpu(t, 0, n, 1);
		cpuid_for_cpu(t, id, n, 0);
		e = leaf(t, 1, 0);
		good = e->ebx >> 24 == id && (e->ebx >> 16 & 0xff) == n &&
		       (e->ebx & 0xffff) == 0x7788 && e->ecx == 1u << 31 &&
		       !!(e->edx & 1 << 28) == (n > 1);
		e = leaf(t, 0xb, 1);
		good = good && e && e->eax == bits && e->ebx == n && e->edx == id;
		e = leaf(t, 0xb, 0);
		good = good && e->eax == 0 && e->ebx == 1 && e->edx == id && !leaf(t, 0x1f, 0);
		e = leaf(t, 0x80000008, 0);
		good = good && (e->ecx & 0xff) == n - 1 && e->ecx >> 12 == bits;
		e = leaf(t, 0x8000001e, 0);
		good = good && e->eax == id && e->ebx == id && !e->ecx;
		e = leaf(t, 4, 0);
		good = good && e->eax >> 26 == (bits > 6 ? 63 : (1u << bits) - 1) &&
		       !(e->eax >> 14 & 0xfff) && (e->eax & 0x3fff) == 0x21;
		e = leaf(t, 4, 1);
		good = good && (e->eax >> 14 & 0xfff) == n - 1 && (e->eax & 0x3fff) == 0x63;
		ok(good && t->nent <= 11, "CPUID of CPU %u of %u", id, n);
	}
	free(t);
}

int main(void)
{
	struct vmm vmm;

	box_quiet();
	if (box_open(&vmm, "--memory 16M --no-rng") || loop_start(&vmm))
		bail_out("no machine");
	test_loop(&vmm);
	test_irq(&vmm);
	box_close(&vmm);
	test_cpuid(1, 0);
	test_cpuid(2, 1);
	test_cpuid(3, 2);
	test_cpuid(255, 8);
	return tap_end();
}
