/* SPDX-License-Identifier: GPL-2.0-only */
/* Subcommands: one per file, each adds itself to the table. */
#ifndef VMM_CMD_H
#define VMM_CMD_H

struct vmm_config;

struct vmm_cmd {
	const char *name, *help;
	int (*run)(int argc, char **argv);	/* argv[0] is the command; the exit code */
};

#define VMM_CMD(ident, ...)							\
	static const struct vmm_cmd ident##_cmd = { __VA_ARGS__ };		\
	static const struct vmm_cmd *const ident##_cmd_row			\
	__attribute__((used, section("vmm_cmds"))) = &ident##_cmd

extern const struct vmm_cmd *const __start_vmm_cmds[];
extern const struct vmm_cmd *const __stop_vmm_cmds[];

/*
 * The options of `vmm run`. 0; -EINVAL after a message; 1 when --help was
 * asked for (and nothing printed yet).
 */
int run_parse(int argc, char **argv, struct vmm_config *cfg);
void run_usage(void);

#endif
