// SPDX-License-Identifier: GPL-2.0-only
/* vmm run: one machine, from options to exit code. */
#include <malloc.h>
#include <string.h>

#include "cmd.h"
#include "machine.h"
#include "stats.h"
#include "vmm.h"

static int run(int argc, char **argv)
{
	struct vmm vmm = {
		.kvm_fd = -1, .vm_fd = -1,
		.stop_lock = PTHREAD_MUTEX_INITIALIZER,
		.stop_cond = PTHREAD_COND_INITIALIZER,
	};
	int ret, code = VMM_EXIT_STARTUP;

	ret = run_parse(argc, argv, &vmm.cfg);
	if (ret > 0) {
		run_usage();
		return 0;
	}
	if (ret)
		return VMM_EXIT_STARTUP;
	/* A heap per thread would cost more than the little they allocate. */
	mallopt(M_ARENA_MAX, 1);
	ret = machine_describe(&vmm);
	if (!ret && vmm.cfg.dry_run) {
		code = 0;
	} else if (!ret) {
		ret = machine_build(&vmm);
		if (!ret)
			code = machine_run(&vmm);
		if (!ret && vmm.cfg.stats)
			stats_print(&vmm);
	}
	machine_destroy(&vmm);
	return code;
}

VMM_CMD(run, .name = "run", .help = "boot a virtual machine (vmm run --help)", .run = run);
