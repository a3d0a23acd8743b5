// SPDX-License-Identifier: GPL-2.0-only
/* Undefined instructions, and the look at them that hypercalls need. */
#include <string.h>

#include "vm.h"

#define PAGE	4096ul
#define LAST	(HOLE_GPA - PAGE)	/* mapped, in a slot of its own below the hole */
#define UD_VECTOR 6

static volatile u64 ud_rip;

static void ud_handler(struct trapframe *frame)
{
	ud_rip = frame->rip;
	frame->rip = *(u64 *)frame->rsp;	/* return to the caller */
	frame->rsp += 8;
}

static void end_of_page_guest(void)
{
	guest_vector[UD_VECTOR] = ud_handler;
	guest_warm();
	((void (*)(void))(LAST + PAGE - 2))();
	GEQ(ud_rip, LAST + PAGE - 2);
	GEQ(guest_vector_count[UD_VECTOR], 1);
	guest_done();
}

/* UD2 in the last bytes before an address that has no memory. */
static void at_the_end_of_memory(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, end_of_page_guest);
	u8 *page = ram_alloc(PAGE);

	memset(page, 0x90, PAGE);
	page[PAGE - 2] = 0x0f;
	page[PAGE - 1] = 0x0b;
	slot_must(vm, 1, 0, LAST, PAGE, page);
	run_to_done(vcpu);
	vm_free(vm);
}

#define END	(FREE_GPA + (2ul << 20))

/* The page behind is mapped not present: still #UD, and no #PF. */
static void not_present_guest(void)
{
	guest_vector[UD_VECTOR] = ud_handler;
	guest_warm();
	((void (*)(void))(END - 2))();
	GEQ(guest_vector_count[UD_VECTOR], 1);
	GEQ(guest_vector_count[14], 0);
	guest_done();
}

static void before_a_page_not_present(void)
{
	struct vm *vm = vm_new();
	struct vcpu *vcpu = quick_long(vm, not_present_guest);
	u64 *dir = at_gpa(vm, PT_GPA + 2 * PAGE, PAGE);
	u8 *code = at_gpa(vm, END - 2, 2);

	code[0] = 0x0f;
	code[1] = 0x0b;
	dir[END >> 21] = 0;
	run_to_done(vcpu);
	vm_free(vm);
}

static const struct test tests[] = {
	TEST(at_the_end_of_memory),
	TEST(before_a_page_not_present),
};

TEST_MAIN(tests)
