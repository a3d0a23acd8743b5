// SPDX-License-Identifier: GPL-2.0-only
/* ticks COMMAND...: runs it and prints how many TSC ticks it took. */
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

int main(int argc, char **argv)
{
	uint64_t t0 = rdtsc();
	int status;
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
	if (waitpid(pid, &status, 0) < 0)
		err(2, "waitpid");
	printf("\nboot_ticks %llu\n", (unsigned long long)(rdtsc() - t0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
