// SPDX-License-Identifier: GPL-2.0-only
/* vmm: a small virtual machine monitor for KVM. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "log.h"
#include "vmm.h"

static int help(int argc, char **argv)
{
	const struct vmm_cmd *const *c;

	(void)argc;
	(void)argv;
	printf("usage: vmm COMMAND [option]...\n\ncommands:\n");
	for (c = __start_vmm_cmds; c < __stop_vmm_cmds; c++)
		printf("  %-10s %s\n", (*c)->name, (*c)->help);
	return 0;
}

VMM_CMD(help, .name = "help", .help = "this list", .run = help);

static int version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("vmm %s\n", VMM_VERSION);
	return 0;
}

VMM_CMD(version, .name = "version", .help = "the program's version", .run = version);

int main(int argc, char **argv)
{
	const struct vmm_cmd *const *c;
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		help(argc, argv);
		return VMM_EXIT_STARTUP;
	}
	name += 2 * !strncmp(name, "--", 2);
	for (c = __start_vmm_cmds; c < __stop_vmm_cmds; c++)
		if (!strcmp(name, (*c)->name))
			return (*c)->run(argc - 1, argv + 1);
	vmm_err("unknown command \"%s\"; see vmm help", argv[1]);
	return VMM_EXIT_STARTUP;
}
