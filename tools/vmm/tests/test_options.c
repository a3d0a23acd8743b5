// SPDX-License-Identifier: GPL-2.0-only
/* The command line of `vmm run`: what it accepts and what it refuses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "box.h"
#include "cmd/cmd.h"

static char words[512];

static int parse(struct vmm_config *cfg, const char *line)
{
	char *argv[40] = { (char *)"run" }, *save;
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return run_parse(argc, argv, cfg);
}

static void refused(const char *line)
{
	struct vmm_config cfg;

	ok(parse(&cfg, line) == -EINVAL, "refused: %s", line);
}

static void test_accepts(void)
{
	struct vmm_config cfg;

	ok(!parse(&cfg, "--kernel k"), "a kernel is enough");
	ok(cfg.cpus == 1 && cfg.memory == 256 << 20 && !cfg.n_disks && cfg.rng &&
	   !cfg.virtio_console && !strcmp(cfg.kvm_path, "/dev/kvm"), "the defaults");
	ok(!parse(&cfg, "--kernel=k --initrd=i --cpus=4 --memory=2G --append=a=b") &&
	   cfg.cpus == 4 && cfg.memory == 2ull << 30 && !strcmp(cfg.append, "a=b") &&
	   !strcmp(cfg.initrd, "i"), "values after an equals sign");
	ok(!parse(&cfg, "--kernel k --disk a.img --disk b.img,readonly --disk c,d,") &&
	   cfg.n_disks == 3 && !cfg.disks[0].readonly && cfg.disks[1].readonly &&
	   !strcmp(cfg.disks[1].file, "b.img") && !strcmp(cfg.disks[2].file, "c,d") &&
	   !cfg.disks[2].readonly, "disks, read-only ones, a comma in a name");
	ok(!parse(&cfg, "--kernel k --memory 512") && cfg.memory == 512 << 20, "bare number: MiB");
	ok(!parse(&cfg, "--kernel k --memory 536870912") && cfg.memory == 512 << 20,
	   "large bare number: bytes");
	ok(!parse(&cfg, "--kernel k --memory 131072k") && cfg.memory == 128 << 20, "KiB");
	ok(!parse(&cfg, "--kernel k --console virtio --no-rng --verbose") &&
	   cfg.virtio_console && !cfg.rng && cfg.verbose, "flags");
	ok(parse(&cfg, "--cpus 2 --help") == 1, "--help");
	ok(!parse(&cfg, "--dry-run"), "no kernel for a dry run");
}

static void test_refuses(void)
{
	static const char *const lines[] = {
		"", "--cpus 2", "--kernel", "--kernel k --cpus 0",
		"--kernel k --cpus 256", "--kernel k --cpus -1", "--kernel k --cpus 2x",
		"--kernel k --cpus 99999999999999999999", "--kernel k --memory 0",
		"--kernel k --memory 1M", "--kernel k --memory 2T",
		"--kernel k --memory 256MB", "--kernel k --memory -2G",
		"--kernel k --memory 20000000G", "--kernel k --memory 99999999999G",
		"--kernel k --memory 17000001", "--kernel k --disk a,rw",
		"--kernel k --disk ,readonly", "--kernel k --console vga",
		"--kernel k --frobnicate", "--kernel k stray", "--kernel k -x",
		"--kernel k --verbose=1", "--kernel k --disk",
	};
	char many[512] = "--kernel k";

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		refused(lines[i]);
	for (int i = 0; i <= VMM_MAX_DISKS; i++)
		strcat(many, " --disk x");
	refused(many);
}

static void test_no_machine(void)
{
	char *argv[] = { "run", "--stats", "--kernel", "k", "--kvm", "/nowhere", NULL };
	const struct vmm_cmd *const *c = __start_vmm_cmds;

	while (strcmp((*c)->name, "run"))
		c++;
	ok((*c)->run(6, argv) == VMM_EXIT_STARTUP, "no /dev/kvm, and no counters to print");
}

int main(void)
{
	box_quiet();
	test_accepts();
	test_refuses();
	test_no_machine();
	return tap_end();
}
