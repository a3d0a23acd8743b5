// SPDX-License-Identifier: GPL-2.0-only
/*
 * ticks COMMAND...: runs it and prints how many TSC ticks it took, and how many
 * exits all guests made while it ran. The hypervisor forgets a VM's counters
 * with the VM, so they are read every few milliseconds; the last reading counts.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/wait.h>

static uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (uint64_t)hi << 32;
}

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

int main(int argc, char **argv)
{
	unsigned long long n, most = 0;
	uint64_t t0 = rdtsc();
	int status, ret;
	pid_t pid;

	if (argc < 2)
		errx(2, "usage: ticks COMMAND...");
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
	printf("\nboot_exits %llu\nboot_ticks %llu\n", most,
	       (unsigned long long)(rdtsc() - t0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
