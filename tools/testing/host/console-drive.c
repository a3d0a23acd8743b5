// SPDX-License-Identifier: GPL-2.0-only
/*
 * console-drive SCRIPT COMMAND...: plays the person at a serial console.
 *
 * Runs the command on a terminal of its own, copies what it prints to
 * stdout and follows the script, one step a line:
 *
 *	expect REGEX	wait until the output has a match (extended regex)
 *	send TEXT	type the text and the enter key
 *	timeout N	seconds that each of the following steps may take (120)
 *	exit N		the exit code that the command must end with (0)
 *	# words		nothing
 *
 * Ends with 0 only if every step came true and the command ended as wanted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define WINDOW 65536 /* how much output a match may look back on */

static char window[WINDOW + 1];
static size_t have;
static pid_t child;
static int console;
static int step_seconds = 120;
static int want_exit;

static int fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "\nconsole-drive: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -1;
}

static int start(char **argv)
{
	struct termios raw;
	int slave;

	console = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console < 0 || grantpt(console) || unlockpt(console))
		return fail("pseudo terminal: %s", strerror(errno));
	slave = open(ptsname(console), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &raw))
		return fail("%s: %s", ptsname(console), strerror(errno));
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	child = fork();
	if (child < 0)
		return fail("fork: %s", strerror(errno));
	if (!child) {
		dup2(slave, 0);
		dup2(slave, 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(slave);
	return 0;
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Output until the deadline: 1 when there was some, 0 at its end, -1 if late. */
static int more_output(time_t deadline)
{
	struct pollfd pfd = { .fd = console, .events = POLLIN };
	time_t left = deadline - now();
	ssize_t len;

	if (left <= 0 || poll(&pfd, 1, left * 1000) <= 0)
		return -1;
	if (have > WINDOW / 2) {
		memmove(window, window + have - WINDOW / 4, WINDOW / 4);
		have = WINDOW / 4;
	}
	len = read(console, window + have, WINDOW - have);
	if (len <= 0)
		return 0;
	fwrite(window + have, 1, len, stdout);
	fflush(stdout);
	/* NUL bytes would end the text that the matcher sees. */
	for (ssize_t i = 0; i < len; i++)
		if (!window[have + i])
			window[have + i] = ' ';
	have += len;
	window[have] = 0;
	return 1;
}

static int expect(const char *pattern)
{
	time_t deadline = now() + step_seconds;
	regmatch_t match;
	regex_t re;
	int ret;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE))
		return fail("bad pattern: %s", pattern);
	while (regexec(&re, window, 1, &match, 0)) {
		ret = more_output(deadline);
		if (ret <= 0) {
			regfree(&re);
			return fail(ret ? "waited %d s in vain for: %s" :
					  "the console closed, %d s allowed, before: %s",
				    step_seconds, pattern);
		}
	}
	regfree(&re);
	have -= match.rm_eo;
	memmove(window, window + match.rm_eo, have + 1);
	return 0;
}

/* Not faster than a person with a 16-byte FIFO at the other end. */
static int type(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i <= len; i++) {
		if (write(console, i < len ? text + i : "\r", 1) != 1)
			return fail("cannot type: %s", strerror(errno));
		usleep(2000);
	}
	return 0;
}

static int follow(FILE *script)
{
	char line[1024];
	int ret = 0;

	while (!ret && fgets(line, sizeof(line), script)) {
		line[strcspn(line, "\n")] = 0;
		if (!line[0] || line[0] == '#')
			continue;
		if (!strncmp(line, "expect ", 7))
			ret = expect(line + 7);
		else if (!strncmp(line, "send ", 5))
			ret = type(line + 5);
		else if (!strncmp(line, "timeout ", 8))
			step_seconds = atoi(line + 8);
		else if (!strncmp(line, "exit ", 5))
			want_exit = atoi(line + 5);
		else
			ret = fail("no such step: %s", line);
	}
	return ret;
}

/* The script is done: let the command end, and judge how. */
static int finish(void)
{
	time_t deadline = now() + step_seconds;
	int status, ret;

	do {
		ret = more_output(deadline);
	} while (ret > 0);
	if (ret < 0)
		return fail("the command did not end within %d s", step_seconds);
	if (waitpid(child, &status, 0) != child)
		return fail("waitpid: %s", strerror(errno));
	child = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != want_exit)
		return fail("the command ended with status %d, not %d",
			    WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), want_exit);
	return 0;
}

int main(int argc, char **argv)
{
	FILE *script;
	int ret;

	if (argc < 3) {
		fprintf(stderr, "usage: console-drive SCRIPT COMMAND...\n");
		return 2;
	}
	script = fopen(argv[1], "r");
	if (!script) {
		fail("%s: %s", argv[1], strerror(errno));
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (start(argv + 2))
		return 2;
	ret = follow(script);
	if (!ret)
		ret = finish();
	if (child) {
		kill(child, SIGTERM);
		waitpid(child, NULL, 0);
	}
	return ret ? 1 : 0;
}
