// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSR_KVM_ASYNC_PF_EN: pages that userfaultfd holds back. The guest is told and does
 * something else; with most tests the thread that runs it brings the page afterwards,
 * so a fault that waits by itself waits forever.
 */
#include <asm/kvm_para.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm.h"

#define READY		0x51
#define TICK		0x61
#define EVERYONE	0xffffffffu
#define ON		(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT)
#define ALWAYS		(ON | KVM_ASYNC_PF_SEND_ALWAYS)
#define LATE_GPA	HOLE_GPA
#define LATE_PAGES	128
#define PER_VCPU	64	/* that may wait at a time */
#define WORD(page)	(0x1122334400000000ull | (page))

/* --- the guest's side ------------------------------------------------------ */

static struct kvm_vcpu_pv_apf_data apf __attribute__((aligned(64)));
static volatile u32 ready[256], nr_ready;
static volatile bool no_ack;

static void on_ready(struct trapframe *frame)
{
	(void)frame;
	ready[nr_ready++ & 255] = *(volatile u32 *)&apf.token;
	if (!no_ack) {
		*(volatile u32 *)&apf.token = 0;
		guest_wrmsr(MSR_KVM_ASYNC_PF_ACK, 1);
	}
	apic_write(APIC_EOI, 0);
}

/* Another host's tokens may be waited for: enabling wakes everyone. */
static void enable(u64 flags)
{
	u32 before = nr_ready;

	guest_wrmsr(MSR_KVM_ASYNC_PF_INT, READY);
	guest_wrmsr(MSR_KVM_ASYNC_PF_EN, (u64)&apf | flags);
	GEQ(guest_rdmsr(MSR_KVM_ASYNC_PF_INT), READY);
	GEQ(guest_rdmsr(MSR_KVM_ASYNC_PF_EN), (u64)&apf | flags);
	guest_wait(nr_ready == before + 1);
	GEQ(ready[before & 255], EVERYONE);
}

static void setup(u64 flags)
{
	guest_warm();
	apic_enable();
	guest_vector[READY] = on_ready;
	guest_vector[TICK] = guest_eoi_handler;
	enable(flags);
	nr_ready = 0;
}

/* NO_TRAP and the word, or 14: cr2 and flags tell more. */
static u64 touch(u32 page, u64 *word)
{
	u64 value = 0, trap;

	trap = GUEST_TRY("movq (%[p]), %[value]", GUEST_OUT([value] "+r"(value)),
			 [p] "r"(LATE_GPA + page * 4096ul));
	*word = value;
	return trap;
}

static void there(u32 page)
{
	u64 word;

	GEQ(touch(page, &word), NO_TRAP);
	GEQ(word, WORD(page));
}

/* The page is not; the token. */
static u32 not_there(u32 page)
{
	u64 word;

	guest_sti();
	GEQ(touch(page, &word), 14);
	GEQ(this_cpu()->error, 0);
	GEQ(*(volatile u32 *)&apf.flags, KVM_PV_REASON_PAGE_NOT_PRESENT);
	GCHECK(this_cpu()->cr2 && this_cpu()->cr2 < EVERYONE);
	*(volatile u32 *)&apf.flags = 0;
	return this_cpu()->cr2;
}

/* --- the host's ------------------------------------------------------------ */

struct late {
	struct vm *vm;
	struct vcpu *vcpu;
	int uffd;
	u8 *memory;
	pthread_t thread;
	unsigned int ms;	/* the thread: after so long without another page */
};

static void needs_late_pages(struct late *late)
{
	struct uffdio_api api = { .api = UFFD_API };

	late->uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (late->uffd < 0)
		SKIP("no userfaultfd");
	MUST(!ioctl(late->uffd, UFFDIO_API, &api));
}

static void late_memory(struct late *late)
{
	struct uffdio_register reg = {
		.range.len = LATE_PAGES * 4096, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	late->memory = ram_alloc(LATE_PAGES * 4096);
	reg.range.start = (u64)late->memory;
	MUST(!ioctl(late->uffd, UFFDIO_REGISTER, &reg));
	slot_must(late->vm, 1, 0, LATE_GPA, LATE_PAGES * 4096, late->memory);
}

/* The userfaultfd is the first file: with the process it is closed last. */
static struct late *late_vm(guest_fn fn)
{
	static struct late late;

	needs_late_pages(&late);
	late.vm = vm_new_irqchip();
	EQ(has_cap(late.vm->kvm, KVM_CAP_ASYNC_PF), 1);
	EQ(has_cap(late.vm->kvm, KVM_CAP_ASYNC_PF_INT), 1);
	late_memory(&late);
	late.vcpu = quick_long(late.vm, fn);
	return &late;
}

static void late_free(struct late *late)
{
	vm_free(late->vm);
	close(late->uffd);
}

/* The page that somebody waits for in the kernel; -1: none for so long. */
static int waited_for(struct late *late, int ms)
{
	struct pollfd p = { .fd = late->uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&p, 1, ms) != 1)
		return -1;
	MUST(read(late->uffd, &msg, sizeof(msg)) == sizeof(msg));
	EQ(msg.event, UFFD_EVENT_PAGEFAULT);
	return (msg.arg.pagefault.address - (u64)late->memory) / 4096;
}

static int waited_for_soon(struct late *late)
{
	int page = waited_for(late, 5000 * test_patience());

	CHECK(page >= 0, "nobody waits");
	return page;
}

static void bring(struct late *late, u32 page)
{
	u64 words[512] = { WORD(page) };
	struct uffdio_copy copy = {
		.dst = (u64)late->memory + page * 4096, .src = (u64)words, .len = 4096,
	};

	if (ioctl(late->uffd, UFFDIO_COPY, &copy))
		CHECK(errno == EEXIST, "errno %d", errno);
}

/* Brings what is waited for, but only when nobody has come for a while. */
static void *brings(void *arg)
{
	struct late *late = arg;
	u32 pages[LATE_PAGES], n = 0;
	int page;

	while ((page = waited_for(late, n ? (int)late->ms : 5000)) >= 0 && n < LATE_PAGES)
		pages[n++] = page;
	while (n)
		bring(late, pages[--n]);
	return NULL;
}

static void start_bringing(struct late *late, unsigned int ms)
{
	late->ms = ms;
	MUST(!pthread_create(&late->thread, NULL, brings, late));
}

/* --- tests ----------------------------------------------------------------- */

static void late_once(void)
{
	u32 token;

	setup(ALWAYS);
	token = not_there(3);
	GEQ(nr_ready, 0);
	guest_sync(token);
	guest_wait(nr_ready == 1);
	GEQ(ready[0], token);
	there(3);
	/* and one while the processor sleeps */
	token = not_there(4);
	guest_sync(token);
	while (nr_ready < 2)
		guest_halt();
	GEQ(ready[1], token);
	there(4);
	guest_done();
}

static void a_page_that_comes_late(void)
{
	struct late *late = late_vm(late_once);
	u64 token;

	needs_cr2();
	token = run_to_sync(late->vcpu);
	EQ(waited_for_soon(late), 3);
	EQ(waited_for(late, 20), -1);
	bring(late, 3);
	CHECK(run_to_sync(late->vcpu) != token);
	start_bringing(late, 100);
	run_to_done(late->vcpu);
	pthread_join(late->thread, NULL);
	late_free(late);
}

static void three_tokens(void)
{
	u32 token[3], seen = 0;

	setup(ALWAYS);
	for (u32 i = 0; i < 3; i++)
		token[i] = not_there(10 + i);
	no_ack = true;
	guest_sync(0);
	for (u32 n = 1; n <= 3; n++) {
		guest_wait(nr_ready == n);
		/* no other while this one is not taken, acknowledged or not */
		guest_wrmsr(MSR_KVM_ASYNC_PF_ACK, 1);
		guest_sti();
		guest_spin(1000000);
		guest_sync(n);
		GEQ(nr_ready, n);
		GEQ(*(volatile u32 *)&apf.token, ready[n - 1]);
		for (u32 i = 0; i < 3; i++)
			seen |= (ready[n - 1] == token[i]) << i;
		*(volatile u32 *)&apf.token = 0;
		guest_wrmsr(MSR_KVM_ASYNC_PF_ACK, 0);
		GEQ(nr_ready, n);
		guest_wrmsr(MSR_KVM_ASYNC_PF_ACK, 1);
	}
	GEQ(seen, 7);
	for (u32 i = 0; i < 3; i++)
		there(10 + i);
	guest_done();
}

static void ready_ones_come_one_at_a_time(void)
{
	struct late *late = late_vm(three_tokens);
	u32 pages = 0;

	needs_cr2();
	EQ(run_to_sync(late->vcpu), 0);
	for (int i = 0; i < 3; i++)
		pages |= 1 << waited_for_soon(late);
	EQ(pages, 7 << 10);
	for (int i = 0; i < 3; i++)
		bring(late, 10 + i);
	sleep_ms(50);
	for (u32 n = 1; n <= 3; n++)
		EQ(run_to_sync(late->vcpu), n);
	run_to_done(late->vcpu);
	late_free(late);
}

/* Where it may not be told, it waits, and nobody tells it of the end. */
static void kernel_mode(void)
{
	setup(ON);
	/* interrupts come through meanwhile */
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVTT, TICK | 1 << 17);
	apic_write(APIC_TMICT, 5000000);
	guest_sti();
	guest_wait(guest_vector_count[TICK]);
	guest_sti();
	guest_sync(guest_vector_count[TICK]);
	there(1);
	guest_sync(guest_vector_count[TICK]);
	guest_spin(1000000);
	GEQ(nr_ready, 0);
	guest_done();
}

static void not_in_the_kernel(void)
{
	struct late *late = late_vm(kernel_mode);
	u64 before, ticks;

	before = run_to_sync(late->vcpu);
	start_bringing(late, 300);
	ticks = run_to_sync(late->vcpu) - before;
	note("%llu interrupts while the page was waited for", (unsigned long long)ticks);
	CHECK(ticks >= 5);
	run_to_done(late->vcpu);
	pthread_join(late->thread, NULL);
	late_free(late);
}

static void interrupts_off(void)
{
	setup(ALWAYS);
	guest_cli();
	guest_sync(1);
	there(2);
	/* the last event's word is not clear */
	*(volatile u32 *)&apf.flags = 1;
	guest_sync(2);
	guest_sti();
	there(5);
	guest_spin(1000000);
	GEQ(nr_ready, 0);
	guest_done();
}

static void not_when_it_may_not(void)
{
	struct late *late = late_vm(interrupts_off);

	if (on_stock_kvm())
		SKIP("tells the guest all the same");
	EQ(run_to_sync(late->vcpu), 1);
	start_bringing(late, 100);
	EQ(run_to_sync(late->vcpu), 2);
	pthread_join(late->thread, NULL);
	start_bringing(late, 100);
	run_to_done(late->vcpu);
	pthread_join(late->thread, NULL);
	late_free(late);
}

/* CPL 3, with the I/O privilege to talk to the host */
static void user_mode(void)
{
	u32 token = not_there(7);

	guest_sync(token);
	while (!nr_ready)
		guest_pause();
	GEQ(ready[0], token);
	there(7);
	guest_done();
}

static void goes_to_user_mode(void)
{
	setup(ON);
	guest_sync(0);
}

static void told_in_user_mode(void)
{
	struct late *late = late_vm(goes_to_user_mode);
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	needs_cr2();
	run_to_sync(late->vcpu);
	MUST(!ioctl(late->vcpu->fd, KVM_GET_SREGS, &sregs));
	MUST(!ioctl(late->vcpu->fd, KVM_GET_REGS, &regs));
	sregs.cs.selector = SEL_UCODE64;
	sregs.ss.selector = SEL_UDATA;
	sregs.cs.dpl = sregs.ss.dpl = 3;
	regs.rip = (u64)user_mode;
	regs.rsp = long_stack(late->vcpu);
	regs.rflags = 0x3202;
	MUST(!ioctl(late->vcpu->fd, KVM_SET_SREGS, &sregs));
	MUST(!ioctl(late->vcpu->fd, KVM_SET_REGS, &regs));
	CHECK(run_to_sync(late->vcpu));
	EQ(waited_for_soon(late), 7);
	bring(late, 7);
	run_to_done(late->vcpu);
	late_free(late);
}

static void turned_off(void)
{
	setup(ALWAYS);
	not_there(20);
	guest_wrmsr(MSR_KVM_ASYNC_PF_EN, 0);
	guest_sync(1);
	guest_sti();
	guest_spin(1000000);
	GEQ(nr_ready, 0);
	there(20);
	/* who was not told is woken with everyone */
	enable(ALWAYS);
	nr_ready = 0;
	not_there(21);
	guest_sync(2);
	guest_wait(nr_ready == 1);
	GEQ(ready[0], EVERYONE);
	guest_sync(3);
	guest_done();
}

static void turned_off_while_waiting(void)
{
	struct late *late = late_vm(turned_off);
	u64 value;

	needs_cr2();
	if (on_stock_kvm())
		SKIP("waits for the pages, which come later");
	EQ(run_to_sync(late->vcpu), 1);
	EQ(waited_for_soon(late), 20);
	bring(late, 20);
	sleep_ms(50);
	EQ(run_to_sync(late->vcpu), 2);
	EQ(waited_for_soon(late), 21);
	/* what a migration does */
	value = msr_must_get(late->vcpu, MSR_KVM_ASYNC_PF_EN);
	EQ(msr_set(late->vcpu, MSR_KVM_ASYNC_PF_EN, value), 1);
	EQ(run_to_sync(late->vcpu), 3);
	bring(late, 21);
	run_to_done(late->vcpu);
	late_free(late);
}

static volatile u32 stage;

static void waits_for_init(void)
{
	setup(ALWAYS);
	not_there(30);
	stage = 1;
	guest_sti();
	for (;;)
		guest_pause();
}

static void after_init(void)
{
	GEQ(guest_rdmsr(MSR_KVM_ASYNC_PF_EN), 0);
	GEQ(guest_rdmsr(MSR_KVM_ASYNC_PF_INT), 0);
	apic_enable();
	stage = 2;
	guest_wait(stage == 3);
	GEQ(nr_ready, 0);
	there(30);
	stage = 4;
	guest_sti();
	for (;;)
		guest_pause();
}

static void sends_init(void)
{
	guest_warm();
	apic_enable();
	ap_entry = waits_for_init;
	start_ap(1);
	guest_wait(stage == 1);
	ap_entry = after_init;
	start_ap(1);
	guest_wait(stage == 2);
	guest_sync(0);
	stage = 3;
	guest_wait(stage == 4);
	guest_done();
}

static void init_while_waiting(void)
{
	struct late *late = late_vm(sends_init);
	struct vcpu *other = vcpu_new(late->vm, 1);

	if (on_stock_kvm())
		SKIP("waits for the pages, which come later");
	set_supported_cpuid(other);
	vcpu_start_until_stopped(other);
	run_to_sync(late->vcpu);
	EQ(waited_for_soon(late), 30);
	bring(late, 30);
	sleep_ms(50);
	run_to_done(late->vcpu);
	vcpu_stop(other);
	late_free(late);
}

static void leaves_some(void)
{
	setup(ALWAYS);
	for (u32 i = 0; i < 8; i++)
		not_there(i);
	guest_sync(0);
}

static void closed_while_waiting(void)
{
	struct late *late = late_vm(leaves_some);

	needs_cr2();
	if (on_stock_kvm())
		SKIP("waits for the pages, which come later");
	run_to_sync(late->vcpu);
	for (int i = 0; i < 8; i++)
		waited_for_soon(late);
	vm_free(late->vm);
	for (int i = 0; i < 8; i++)
		bring(late, i);
	EQ(waited_for(late, 20), -1);
	close(late->uffd);
}

static void killed_while_waiting(void)
{
	struct late *late = late_vm(leaves_some);

	needs_cr2();
	if (on_stock_kvm())
		SKIP("waits for the pages, which never come");
	run_to_sync(late->vcpu);
	waited_for_soon(late);
	/* the end of the process is the test */
}

static void many(void)
{
	u32 told = 0;
	u64 word;

	setup(ALWAYS);
	guest_sync(0);
	for (u32 i = 0; i < LATE_PAGES; i++) {
		guest_sti();
		if (touch(i, &word) == NO_TRAP) {
			GEQ(word, WORD(i));
			continue;
		}
		*(volatile u32 *)&apf.flags = 0;
		told++;
	}
	guest_wait(nr_ready == told);
	for (u32 i = 0; i < told; i++)
		for (u32 k = 0; k < i; k++)
			GCHECK(ready[k] != ready[i]);
	for (u32 i = 0; i < LATE_PAGES; i++)
		there(i);
	guest_sync(told);
	guest_done();
}

static void *brings_all(void *arg)
{
	struct late *late = arg;
	u32 n = 0, left = LATE_PAGES;
	int page, pages[LATE_PAGES];
	bool first = true;

	while (left) {
		page = waited_for(late, first ? 300 * (int)test_patience() : 0);
		if (page >= 0) {
			pages[n++] = page;
			left--;
			continue;
		}
		if (n)
			first = false;
		while (n)
			bring(late, pages[--n]);
		if (!first)
			sleep_ms(1);
	}
	while (n)
		bring(late, pages[--n]);
	return NULL;
}

static void more_than_may_wait(void)
{
	struct late *late = late_vm(many);
	u64 told;

	run_to_sync(late->vcpu);
	MUST(!pthread_create(&late->thread, NULL, brings_all, late));
	told = run_to_sync(late->vcpu);
	note("told of %llu of %d pages", (unsigned long long)told, LATE_PAGES);
	CHECK(told >= PER_VCPU && told <= LATE_PAGES);
	run_to_done(late->vcpu);
	pthread_join(late->thread, NULL);
	late_free(late);
}

static void values(void)
{
	u64 value;

	guest_warm();
	apic_enable();
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, (u64)&apf | ON | 0x10), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, (u64)&apf | ON | 0x20), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, 0x10), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, (HOLE_GPA + 0x1000000) | ON), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, 1ull << 63 | ON), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, ~0x3full | ON), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_INT, 0x100), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_INT, 1ull << 63), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_INT, 0xff), NO_TRAP);
	GEQ(guest_rdmsr(MSR_KVM_ASYNC_PF_INT), 0xff);
	/* to nobody: there is no guest of the guest's */
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, (u64)&apf | ALWAYS | 4), NO_TRAP);
	/* off: an address that means nothing */
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, (HOLE_GPA + 0x1000000) | 1), NO_TRAP);
	GEQ(guest_rdmsr(MSR_KVM_ASYNC_PF_EN), (HOLE_GPA + 0x1000000) | 1);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, 0), NO_TRAP);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_ACK, 1), NO_TRAP);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_ACK, ~0ull), NO_TRAP);
	GEQ(guest_try_rdmsr(MSR_KVM_ASYNC_PF_ACK, &value), NO_TRAP);
	GEQ(value, 0);
	guest_done();
}

static void values_that_are_none(void)
{
	struct late *late = late_vm(values);

	run_to_done(late->vcpu);
	late_free(late);
}

static void withheld(void)
{
	u64 value;

	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, (u64)&apf | ON), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, (u64)&apf | 5), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, (u64)&apf | 1), NO_TRAP);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_INT, READY), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_ACK, 1), 13);
	GEQ(guest_try_rdmsr(MSR_KVM_ASYNC_PF_ACK, &value), 13);
	GEQ(guest_try_rdmsr(MSR_KVM_ASYNC_PF_INT, &value), 13);
	guest_done();
}

/* Page-ready interrupts are a feature of their own. */
static void not_without_its_feature(void)
{
	struct vm *vm = vm_new_irqchip();
	struct vcpu *vcpu = vcpu_new(vm, 0);
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm);
	struct kvm_cpuid_entry2 *e = cpuid_find(cpuid, 0x40000001, 0);

	MUST(e);
	EQ(e->eax & (1 << KVM_FEATURE_ASYNC_PF_INT | 1 << KVM_FEATURE_ASYNC_PF),
	   1 << KVM_FEATURE_ASYNC_PF_INT | 1 << KVM_FEATURE_ASYNC_PF);
	e->eax = 1 << KVM_FEATURE_ASYNC_PF;
	MUST(!ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
	OK(enable_cap(vcpu->fd, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1));
	start_long_only(vcpu, withheld);
	run_to_done(vcpu);
	vm_free(vm);
}

static void no_apic(void)
{
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, (u64)&apf | ON), 13);
	GEQ(guest_try_wrmsr(MSR_KVM_ASYNC_PF_EN, 0), NO_TRAP);
	guest_done();
}

static void not_without_an_apic(void)
{
	struct vm *vm = vm_new();

	run_to_done(quick_long(vm, no_apic));
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(a_page_that_comes_late),
	TEST(ready_ones_come_one_at_a_time),
	TEST(not_in_the_kernel),
	TEST(not_when_it_may_not),
	TEST(told_in_user_mode),
	TEST(turned_off_while_waiting),
	TEST(init_while_waiting),
	TEST(closed_while_waiting),
	TEST(killed_while_waiting),
	TEST(more_than_may_wait),
	TEST(values_that_are_none),
	TEST(not_without_its_feature),
	TEST(not_without_an_apic),
};

TEST_MAIN(tests)
