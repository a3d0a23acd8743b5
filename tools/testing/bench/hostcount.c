// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU's TCG: of the instructions executed between two marks of
 * counted.c, those of the host, those of its guests, and those in each page where
 * the host has modules. Between VMRUN and the instruction after it, all
 * instructions are the guest's.
 *
 * QEMU's package has no header for plugins; this is what is used of the
 * interface, version 1. One emulated processor, so no locks.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "mark.h"

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
					   void (*cb)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int, void *), int flags, void *p);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op,
						void *counter, uint64_t add);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*cb)(plugin_id, void *), void *p);

#define PLUGIN	__attribute__((visibility("default")))
#define MAX_VMRUNS	8

/* Where Linux puts modules, in pages. */
#define MODULES		0xffffffffc0000000
#define MODULE_PAGES	0x3f000

PLUGIN int qemu_plugin_version = 1;

static uint64_t total, since, count[2];
static int in_guest, counting;
static uint64_t after_vmrun[MAX_VMRUNS];
static unsigned int vmruns;
static uint64_t module_page[MODULE_PAGES];
static char out[4096];

/* What was executed since the last change belongs to who executed it. */
static void switch_to(int guest)
{
	if (counting)
		count[in_guest] += total - since;
	since = total;
	in_guest = guest;
}

static void enter(unsigned int cpu, void *p)
{
	switch_to(1);
}

static void leave(unsigned int cpu, void *p)
{
	switch_to(0);
}

static void mark(unsigned int cpu, void *start)
{
	switch_to(0);
	counting = !!start;
}

/*
 * TCG executes each turn of a repeated string instruction by itself. Processors
 * count it once, and so do we: clearing a page is not 4096 instructions.
 */
static void repeated(unsigned int cpu, void *insn)
{
	static void *last;
	static uint64_t when;

	if (insn == last && total == when + 1)
		total--;
	last = insn;
	when = total;
}

static int is_repeated(const struct qemu_plugin_insn *insn)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	size_t n = qemu_plugin_insn_size(insn);
	uint8_t op = code[n - 1];

	return n >= 2 && n <= 4 && (code[0] == 0xf2 || code[0] == 0xf3) &&
	       ((op >= 0x6c && op <= 0x6f) || (op >= 0xa4 && op <= 0xa7) ||
		(op >= 0xaa && op <= 0xaf));
}

static void in_module(unsigned int cpu, void *page)
{
	if (counting && !in_guest)
		++*(uint64_t *)page;
}

static int is_mark(const struct qemu_plugin_insn *insn, uint32_t what)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);

	return qemu_plugin_insn_size(insn) == 7 && !memcmp(code, "\x0f\x1f\x80", 3) &&
	       !memcmp(code + 3, &what, 4);
}

static void look_at(struct qemu_plugin_insn *insn)
{
	uint64_t addr = qemu_plugin_insn_vaddr(insn);
	unsigned int i;

	for (i = 0; i < vmruns; i++)
		if (after_vmrun[i] == addr)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, leave, 0, NULL);
	qemu_plugin_register_vcpu_insn_exec_inline(insn, 0, &total, 1);
	if (addr >= MODULES && (addr - MODULES) >> 12 < MODULE_PAGES)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, in_module, 0,
						       module_page + ((addr - MODULES) >> 12));
	if (is_repeated(insn))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, repeated, 0, (void *)addr);
	if (qemu_plugin_insn_size(insn) == 3 &&
	    !memcmp(qemu_plugin_insn_data(insn), "\x0f\x01\xd8", 3)) {
		for (i = 0; i < vmruns && after_vmrun[i] != addr + 3; i++)
			;
		if (i == vmruns && i < MAX_VMRUNS)
			after_vmrun[vmruns++] = addr + 3;
		qemu_plugin_register_vcpu_insn_exec_cb(insn, enter, 0, NULL);
	}
	if (is_mark(insn, MARK_START))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, 0, out);
	if (is_mark(insn, MARK_STOP))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, 0, NULL);
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	for (i = 0; i < n; i++)
		look_at(qemu_plugin_tb_get_insn(tb, i));
}

static void at_exit(plugin_id id, void *p)
{
	FILE *f = fopen(out, "w");
	size_t i;

	if (!f)
		return;
	fprintf(f, "host_insns %" PRIu64 "\nguest_insns %" PRIu64 "\n", count[0], count[1]);
	for (i = 0; i < MODULE_PAGES; i++)
		if (module_page[i])
			fprintf(f, "page %zu %" PRIu64 "\n", i, module_page[i]);
	fclose(f);
}

PLUGIN int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4) || strlen(argv[0] + 4) >= sizeof(out))
		return -1;
	strcpy(out, argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
