// SPDX-License-Identifier: GPL-2.0-only
/* A machine without /dev/kvm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box.h"
#include "bus.h"
#include "cmd/cmd.h"
#include "device.h"
#include "gmem.h"
#include "irq.h"
#include "loop.h"
#include "machine.h"
#include "term.h"
#include "tree.h"

static char words[1024];

static int parse(struct vmm *vmm, const char *options)
{
	char *argv[32] = { (char *)"run", (char *)"--dry-run" }, *save;
	int argc = 2;

	snprintf(words, sizeof(words), "%s", options);
	for (char *w = strtok_r(words, " ", &save); w && argc < 31; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return run_parse(argc, argv, &vmm->cfg);
}

int box_open(struct vmm *vmm, const char *options)
{
	static int (*const step[])(struct vmm *vmm) = {
		irqs_init, loop_init, term_init, bus_init, devices_create,
	};
	uint64_t base, size;
	int ret;

	*vmm = (struct vmm){
		.kvm_fd = -1, .vm_fd = -1,
		.stop_lock = PTHREAD_MUTEX_INITIALIZER,
		.stop_cond = PTHREAD_COND_INITIALIZER,
	};
	ret = parse(vmm, options);
	if (!ret)
		ret = machine_describe(vmm);
	if (ret)
		return ret;
	vmm->n_vcpus = fdt_cpus(vmm->fdt);
	vmm->gmem = gmem_new();
	for (unsigned int i = 0; !ret && !fdt_memory(vmm->fdt, i, &base, &size); i++)
		ret = gmem_add_ram(vmm->gmem, base, size);
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]) && !ret; i++)
		ret = step[i](vmm);
	return ret;
}

void box_close(struct vmm *vmm)
{
	machine_destroy(vmm);
}

uint32_t box_in(struct vmm *vmm, uint16_t port, unsigned int len)
{
	uint32_t v = 0;

	bus_access(vmm, BUS_PIO, port, &v, len, false);
	return v;
}

void box_out(struct vmm *vmm, uint16_t port, uint32_t val, unsigned int len)
{
	bus_access(vmm, BUS_PIO, port, &val, len, true);
}

int box_stopped(struct vmm *vmm)
{
	return atomic_load(&vmm->stopping) ? (int)vmm->exit_code : -1;
}

void box_quiet(void)
{
	if (!getenv("V") && !freopen("/dev/null", "w", stderr))
		bail_out("no /dev/null");
}
