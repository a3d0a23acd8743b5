// SPDX-License-Identifier: GPL-2.0-only
/*
 * counted COMMAND...: runs it between two marks and prints how many exits all
 * guests made while it ran, and where kvm's modules are. The hypervisor forgets a VM's counters
 * with the VM, so they are read every few milliseconds; the last reading counts.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include "mark.h"

static unsigned long long exits(void)
{
	unsigned long long n = 0;
	FILE *f = fopen("/sys/kernel/debug/kvm/exits", "r");

	if (f) {
		if (fscanf(f, "%llu", &n) != 1)
			n = 0;
		fclose(f);
	}
	return n;
}

/* Which pages of the module space hold kvm: for the page counts of hostcount.c */
static void print_modules(void)
{
	unsigned long long base, size;
	FILE *f = fopen("/proc/modules", "r");
	char name[64];

	if (!f)
		return;
	while (fscanf(f, "%63s %llu %*s %*s %*s 0x%llx%*[^\n]", name, &size, &base) == 3)
		if (!strncmp(name, "kvm", 3))
			printf("module %s %llu %llu\n", name, (base - 0xffffffffc0000000) >> 12,
			       (size + 4095) >> 12);
	fclose(f);
}

int main(int argc, char **argv)
{
	unsigned long long n, most = 0;
	int status, ret;
	pid_t pid;

	if (argc < 2)
		errx(2, "usage: counted COMMAND...");
	MARK(MARK_START);
	pid = fork();
	if (pid < 0)
		err(2, "fork");
	if (!pid) {
		execvp(argv[1], argv + 1);
		err(127, "%s", argv[1]);
	}
	while (!(ret = waitpid(pid, &status, WNOHANG))) {
		n = exits();
		if (n > most)
			most = n;
		usleep(5000);
	}
	if (ret < 0)
		err(2, "waitpid");
	MARK(MARK_STOP);
	printf("\n");
	print_modules();
	printf("boot_exits %llu\n", most);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
