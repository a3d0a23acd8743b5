// SPDX-License-Identifier: GPL-2.0-only
/* The options of `vmm run`: one row each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "log.h"
#include "machine.h"
#include "vmm.h"

#define MIN_MEMORY	(16ull << 20)
#define MAX_MEMORY	(MACHINE_PCI_MMIO64 - MACHINE_HIGH_RAM)
#define RAM_STEP	4096u

static int set_kernel(struct vmm_config *cfg, char *arg)
{
	cfg->kernel = arg;
	return 0;
}

static int set_initrd(struct vmm_config *cfg, char *arg)
{
	cfg->initrd = arg;
	return 0;
}

static int set_append(struct vmm_config *cfg, char *arg)
{
	cfg->append = arg;
	return 0;
}

static int set_dumpdtb(struct vmm_config *cfg, char *arg)
{
	cfg->dumpdtb = arg;
	return 0;
}

static int set_kvm(struct vmm_config *cfg, char *arg)
{
	cfg->kvm_path = arg;
	return 0;
}

/* FILE[,readonly]; a comma that belongs to the name: end with ",readonly" or ",". */
static int set_disk(struct vmm_config *cfg, char *arg)
{
	struct vmm_disk *d = &cfg->disks[cfg->n_disks];
	char *comma = strrchr(arg, ',');

	if (cfg->n_disks == VMM_MAX_DISKS) {
		vmm_err("more than %d disks", VMM_MAX_DISKS);
		return -EINVAL;
	}
	if (comma) {
		if (!strcmp(comma, ",readonly") || !strcmp(comma, ",ro")) {
			d->readonly = true;
		} else if (comma[1]) {
			vmm_err("--disk %s: unknown option \"%s\" (known: readonly)", arg,
				comma + 1);
			return -EINVAL;
		}
		*comma = '\0';
	}
	if (!*arg) {
		vmm_err("--disk: the file's name is missing");
		return -EINVAL;
	}
	d->file = arg;
	cfg->n_disks++;
	return 0;
}

static int parse_number(const char *arg, const char **rest, uint64_t *val)
{
	char *end;

	if (*arg < '0' || *arg > '9')
		return -EINVAL;
	errno = 0;
	*val = strtoull(arg, &end, 0);
	*rest = end;
	return errno ? -ERANGE : 0;
}

static int set_cpus(struct vmm_config *cfg, char *arg)
{
	const char *rest;
	uint64_t n;

	if (parse_number(arg, &rest, &n) || *rest || n < 1 || n > MACHINE_MAX_CPUS) {
		vmm_err("--cpus %s: give a number from 1 to %d", arg, MACHINE_MAX_CPUS);
		return -EINVAL;
	}
	cfg->cpus = (unsigned int)n;
	return 0;
}

/* Bytes, or with K, M, G; a bare number below 1 MiB is taken for MiB. */
static int set_memory(struct vmm_config *cfg, char *arg)
{
	static const char units[] = "KMG";
	const char *rest, *unit = NULL;
	unsigned int shift = 20;
	uint64_t n;

	if (parse_number(arg, &rest, &n))
		goto bad;
	if (*rest) {
		unit = strchr(units, *rest & ~0x20);
		if (!unit || !*unit || rest[1])
			goto bad;
		shift = 10u * (unsigned int)(unit - units + 1);
	} else if (n >= 1u << 20) {
		shift = 0;
	}
	if (n > MAX_MEMORY >> shift || n << shift < MIN_MEMORY || (n << shift) % RAM_STEP)
		goto bad;
	cfg->memory = n << shift;
	return 0;
bad:
	vmm_err("--memory %s: give a size like 256M or 2G, from %lluM to %lluG, in pages", arg,
		MIN_MEMORY >> 20, MAX_MEMORY >> 30);
	return -EINVAL;
}

static int set_console(struct vmm_config *cfg, char *arg)
{
	if (strcmp(arg, "virtio") && strcmp(arg, "serial")) {
		vmm_err("--console %s: choose serial or virtio", arg);
		return -EINVAL;
	}
	cfg->virtio_console = *arg == 'v';
	return 0;
}

static int set_no_rng(struct vmm_config *cfg, char *arg)
{
	(void)arg;
	cfg->rng = false;
	return 0;
}

static int set_dry_run(struct vmm_config *cfg, char *arg)
{
	(void)arg;
	cfg->dry_run = true;
	return 0;
}

static int set_stats(struct vmm_config *cfg, char *arg)
{
	(void)arg;
	cfg->stats = true;
	return 0;
}

static int set_verbose(struct vmm_config *cfg, char *arg)
{
	(void)arg;
	cfg->verbose = true;
	return 0;
}

static int set_help(struct vmm_config *cfg, char *arg)
{
	(void)cfg;
	(void)arg;
	return 1;
}

static const struct option_row {
	const char *name;
	const char *arg;	/* what to call the argument; NULL: takes none */
	const char *help;
	int (*set)(struct vmm_config *cfg, char *arg);
} options[] = {
	{ "kernel", "FILE", "Linux kernel to boot (bzImage, /boot/vmlinuz-*)", set_kernel },
	{ "initrd", "FILE", "initial RAM disk", set_initrd },
	{ "append", "TEXT", "the kernel's command line", set_append },
	{ "disk", "FILE[,readonly]", "raw disk image: /dev/vda; repeat for vdb, ...", set_disk },
	{ "cpus", "N", "processors (1)", set_cpus },
	{ "memory", "SIZE", "guest memory, like 256M or 2G (256M)", set_memory },
	{ "console", "KIND", "this terminal is: serial (ttyS0) or virtio (hvc0)", set_console },
	{ "no-rng", NULL, "no virtio-rng device", set_no_rng },
	{ "dumpdtb", "FILE", "write the machine's device tree to FILE", set_dumpdtb },
	{ "dry-run", NULL, "describe the machine (see --dumpdtb) and stop", set_dry_run },
	{ "kvm", "PATH", "the KVM device (/dev/kvm)", set_kvm },
	{ "stats", NULL, "print the hypervisor's counters at the end", set_stats },
	{ "verbose", NULL, "count exits, and accesses that nobody claims", set_verbose },
	{ "help", NULL, "this text", set_help },
};

void run_usage(void)
{
	printf("usage: vmm run --kernel FILE [option]...\n\noptions:\n");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct option_row *o = &options[i];
		char left[40];

		snprintf(left, sizeof(left), "--%s %s", o->name, o->arg ? o->arg : "");
		printf("  %-24s %s\n", left, o->help);
	}
	printf("\nWhile it runs: Ctrl-A x quits, Ctrl-A p presses the power button,\n"
	       "Ctrl-A h helps.\n"
	       "\nexit codes:\n"
	       "  %d  the guest powered itself off\n"
	       "  %d  wrong usage, or the machine could not be started\n"
	       "  %d  the guest reset itself\n"
	       "  %d  the guest's kernel panicked (panic port)\n"
	       "  %d  triple fault\n"
	       "  %d  the hypervisor could not go on\n"
	       "  %d  ended from outside: escape key or signal\n",
	       VMM_EXIT_POWEROFF, VMM_EXIT_STARTUP, VMM_EXIT_RESET, VMM_EXIT_PANIC,
	       VMM_EXIT_SHUTDOWN, VMM_EXIT_INTERNAL, VMM_EXIT_USER);
}

static const struct option_row *find_option(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strlen(options[i].name) == len && !memcmp(options[i].name, name, len))
			return &options[i];
	return NULL;
}

static int parse_one(char **argv, int *i, struct vmm_config *cfg)
{
	char *text = argv[*i], *equals;
	const struct option_row *o = NULL;
	char *arg = NULL;

	if (!strcmp(text, "-h"))
		return 1;
	equals = strchr(text, '=');
	if (!strncmp(text, "--", 2))
		o = find_option(text + 2, equals ? (size_t)(equals - text - 2) : strlen(text + 2));
	if (!o) {
		vmm_err("unknown argument \"%s\"; see vmm run --help", text);
		return -EINVAL;
	}
	if (o->arg) {
		arg = equals ? equals + 1 : argv[*i + 1];
		if (!arg) {
			vmm_err("--%s needs %s", o->name, o->arg);
			return -EINVAL;
		}
		*i += equals ? 0 : 1;
	} else if (equals) {
		vmm_err("--%s takes no argument", o->name);
		return -EINVAL;
	}
	return o->set(cfg, arg);
}

int run_parse(int argc, char **argv, struct vmm_config *cfg)
{
	int ret;

	*cfg = (struct vmm_config){
		.cpus = 1, .memory = 256ull << 20, .rng = true, .kvm_path = "/dev/kvm",
	};
	for (int i = 1; i < argc; i++) {
		ret = parse_one(argv, &i, cfg);
		if (ret)
			return ret;
	}
	if (!cfg->kernel && !cfg->dry_run) {
		vmm_err("nothing to boot: give --kernel FILE; see vmm run --help");
		return -EINVAL;
	}
	return 0;
}
