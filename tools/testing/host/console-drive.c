// SPDX-License-Identifier: GPL-2.0-only
/*
 * console-drive SCRIPT [COMMAND...]: plays the person at a machine's consoles.
 *
 * Runs the command on a terminal of its own, copies what it prints to
 * stdout and follows the script, one step a line:
 *
 *	expect REGEX	wait until the output has a match (extended regex;
 *			terminal escapes are left out)
 *	never REGEX	the output so far must have no match
 *	send TEXT	type the text and the enter key
 *	key TEXT	type the text alone
 *	timeout N	seconds that each of the following steps may take (120)
 *	exit N		the exit code that the command must end with (0)
 *	ended		wait for the command to end, in the midst of the script
 *	run COMMAND	a shell command that must succeed
 *	pause N		wait for N tenths of a second
 *	# words		nothing
 *
 * More machines, each with a terminal of its own; steps speak to the last one named:
 *
 *	start COMMAND	a shell command line is the next machine, $N is its number
 *	machine N	the machine that the following steps speak to (0 is the first)
 *
 * QEMU's monitor, if it listens on the unix socket "monN" of the work folder:
 *
 *	monitor WORDS	one command
 *	answer REGEX	its answer has a match
 *	await REGEX	repeat it until its answer has a match
 *	screen REGEX	wait until the VGA text screen has a match
 *	picture		wait until the graphic screen is not what it was
 *	keys TEXT	type at the machine's keyboard, and the enter key
 *	press KEYS	press keys, by the monitor's names
 *
 * Ends with 0 only if every step came true and the command ended as wanted.
 * Machines that "start" began are ended at the end of the script.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define WINDOW	    65536 /* how much output a match may look back on */
#define MACHINES    4
#define SCREEN_COLS 80
#define SCREEN_ROWS 25

/* Text of a terminal, without its escape sequences. */
struct text {
	char data[WINDOW + 1];
	size_t have;
	enum { PLAIN, ESCAPED, SEQUENCE, ONE_MORE } state;
};

static struct machine {
	pid_t child;
	int console, monitor;
	int want_exit;
	bool ours; /* begun by "start": ended at the end */
	struct text out, answer;
	char command[256];
	unsigned long picture;
} machines[MACHINES], *m;

static int nr_machines;
static int step_seconds = 120;

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

/* A new terminal with a command on it becomes the machine spoken to. */
static int start(char **argv)
{
	struct termios raw;
	char number[12];
	int slave;

	if (nr_machines == MACHINES)
		return fail("more than %d machines", MACHINES);
	m = &machines[nr_machines];
	m->monitor = -1;
	m->console = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (m->console < 0 || grantpt(m->console) || unlockpt(m->console))
		return fail("pseudo terminal: %s", strerror(errno));
	slave = open(ptsname(m->console), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &raw))
		return fail("%s: %s", ptsname(m->console), strerror(errno));
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	snprintf(number, sizeof(number), "%d", nr_machines);
	setenv("N", number, 1);
	fflush(stdout);
	m->child = fork();
	if (m->child < 0)
		return fail("fork: %s", strerror(errno));
	if (!m->child) {
		dup2(slave, 0);
		dup2(slave, 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(slave);
	nr_machines++;
	return 0;
}

static int start_shell(const char *command)
{
	char line[4096];
	char *argv[] = { "/bin/sh", "-c", line, NULL };
	int ret;

	snprintf(line, sizeof(line), "exec %s", command);
	ret = start(argv);
	m->ours = true;
	return ret;
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/*
 * One character more; an escape sequence leaves nothing, or an end of line if it
 * places the cursor: what follows stands elsewhere on the screen.
 */
static void text_add(struct text *t, unsigned char c)
{
	switch (t->state) {
	case PLAIN:
		if (c == 0x1b)
			t->state = ESCAPED;
		else
			t->data[t->have++] = c ? c : ' ';
		break;
	case ESCAPED:
		t->state = c == '[' ? SEQUENCE : c == '(' || c == ')' ? ONE_MORE : PLAIN;
		break;
	case SEQUENCE:
		if (c < 0x40)
			break;
		if (c == 'H' || c == 'f')
			t->data[t->have++] = '\n';
		t->state = PLAIN;
		break;
	case ONE_MORE:
		t->state = PLAIN;
		break;
	}
}

static void text_forget(struct text *t, size_t len)
{
	t->have -= len;
	memmove(t->data, t->data + len, t->have + 1);
}

/* What comes until the deadline: 1 if there was some, 0 at its end, -1 if late. */
static int text_read(struct text *t, int fd, time_t deadline, bool show)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	time_t left = deadline - now();
	char buf[4096];
	ssize_t len;

	if (left <= 0 || poll(&pfd, 1, left * 1000) <= 0)
		return -1;
	if (t->have > WINDOW - sizeof(buf))
		text_forget(t, t->have - WINDOW / 4);
	len = read(fd, buf, sizeof(buf));
	if (len <= 0)
		return 0;
	if (show) {
		fwrite(buf, 1, len, stdout);
		fflush(stdout);
	}
	for (ssize_t i = 0; i < len; i++)
		text_add(t, buf[i]);
	t->data[t->have] = 0;
	return 1;
}

/* Does the text match? 1, 0, or -1 for a bad pattern; *end is the match's end. */
static int matches(const char *text, const char *pattern, size_t *end)
{
	regmatch_t match;
	regex_t re;
	int ret;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE))
		return fail("bad pattern: %s", pattern);
	ret = !regexec(&re, text, 1, &match, 0);
	regfree(&re);
	if (ret && end)
		*end = match.rm_eo;
	return ret;
}

static int expect(const char *pattern)
{
	time_t deadline = now() + step_seconds;
	size_t end;
	int ret;

	while (!(ret = matches(m->out.data, pattern, &end))) {
		ret = text_read(&m->out, m->console, deadline, true);
		if (ret <= 0)
			return fail(ret ? "waited %d s in vain for: %s" :
					  "the console closed, %d s allowed, before: %s",
				    step_seconds, pattern);
	}
	if (ret < 0)
		return ret;
	text_forget(&m->out, end);
	return 0;
}

static int never(const char *pattern)
{
	int ret = matches(m->out.data, pattern, NULL);

	return ret > 0 ? fail("there must be no: %s", pattern) : ret;
}

/* Not faster than a person with a 16-byte FIFO at the other end. */
static int type(const char *text, bool enter)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len + enter; i++) {
		if (write(m->console, i < len ? text + i : "\r", 1) != 1)
			return fail("cannot type: %s", strerror(errno));
		usleep(2000);
	}
	return 0;
}

static int monitor_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "mon%d", (int)(m - machines));
	for (int tries = 0; connect(fd, (struct sockaddr *)&addr, sizeof(addr)); tries++) {
		if (tries == 300) {
			close(fd);
			return fail("%s: %s", addr.sun_path, strerror(errno));
		}
		usleep(100000);
	}
	m->monitor = fd;
	return 0;
}

static int monitor_prompt(void)
{
	time_t deadline = now() + step_seconds;
	size_t end;
	int ret;

	while (!(ret = matches(m->answer.data, "^\\(qemu\\) $", &end))) {
		ret = text_read(&m->answer, m->monitor, deadline, false);
		if (ret <= 0)
			return fail("the monitor %s", ret ? "does not answer" : "is gone");
	}
	return ret < 0 ? ret : 0;
}

static int monitor_send(const char *command)
{
	if (m->monitor < 0 && (monitor_connect() || monitor_prompt()))
		return -1;
	m->answer.have = 0;
	m->answer.data[0] = 0;
	if (dprintf(m->monitor, "%s\n", command) < 0)
		return fail("the monitor is gone");
	return monitor_prompt();
}

static int monitor(const char *command)
{
	snprintf(m->command, sizeof(m->command), "%s", command);
	if (monitor_send(command))
		return -1;
	printf("%s\n", m->answer.data);
	return 0;
}

static int answer(const char *pattern)
{
	int ret = matches(m->answer.data, pattern, NULL);

	if (ret)
		return ret < 0 ? ret : 0;
	return fail("the monitor's answer has no: %s", pattern);
}

static int await(const char *pattern)
{
	time_t deadline = now() + step_seconds;
	int ret;

	while (!(ret = matches(m->answer.data, pattern, NULL))) {
		if (now() >= deadline)
			return fail("the answer to %s never had: %s: %s", m->command, pattern,
				    m->answer.data);
		usleep(200000);
		if (monitor_send(m->command))
			return -1;
	}
	printf("%s\n", m->answer.data);
	return ret < 0 ? ret : 0;
}

/* The characters on the VGA's text screen, lines without the spaces at their ends. */
static int screen_text(char *text)
{
	unsigned char cells[SCREEN_ROWS * SCREEN_COLS * 2] = {};
	char command[64], file[16];
	int fd;

	snprintf(file, sizeof(file), "screen%d", (int)(m - machines));
	unlink(file);
	snprintf(command, sizeof(command), "pmemsave 0xb8000 %zu %s", sizeof(cells), file);
	if (monitor_send(command))
		return -1;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, cells, sizeof(cells)) != sizeof(cells))
		return fail("the monitor saved no screen");
	close(fd);
	for (int row = 0; row < SCREEN_ROWS; row++) {
		char *start = text;

		for (int col = 0; col < SCREEN_COLS; col++) {
			unsigned char c = cells[(row * SCREEN_COLS + col) * 2];

			*text++ = isprint(c) ? c : ' ';
		}
		while (text > start && text[-1] == ' ')
			text--;
		*text++ = '\n';
	}
	*text = 0;
	return 0;
}

static int screen(const char *pattern)
{
	time_t deadline = now() + step_seconds;
	char text[SCREEN_ROWS * (SCREEN_COLS + 1) + 1];
	int ret;

	do {
		if (screen_text(text))
			return -1;
		ret = matches(text, pattern, NULL);
		if (ret)
			break;
		/* The console's terminal must not fill meanwhile. */
		if (text_read(&m->out, m->console, now() + 1, true) == 0)
			usleep(500000);
	} while (now() < deadline);
	printf("\n--- screen\n%s---\n", text);
	if (!ret)
		return fail("waited %d s in vain for the screen to show: %s", step_seconds,
			    pattern);
	return ret < 0 ? ret : 0;
}

/* A sum over the graphic screen's pixels. */
static int picture_sum(unsigned long *sum)
{
	char command[64], file[16];
	FILE *ppm;
	int c;

	snprintf(file, sizeof(file), "picture%d", (int)(m - machines));
	unlink(file);
	snprintf(command, sizeof(command), "screendump %s", file);
	if (monitor_send(command))
		return -1;
	ppm = fopen(file, "r");
	if (!ppm)
		return fail("the monitor saved no picture");
	*sum = 5381;
	while ((c = getc(ppm)) != EOF)
		*sum = *sum * 33 + c;
	fclose(ppm);
	return 0;
}

static int picture(void)
{
	time_t deadline = now() + step_seconds;
	unsigned long sum = 0;

	for (;;) {
		if (picture_sum(&sum))
			return -1;
		if (sum != m->picture)
			break;
		if (now() >= deadline)
			return fail("waited %d s in vain for another picture", step_seconds);
		usleep(500000);
	}
	printf("--- picture %lx\n", sum);
	m->picture = sum;
	return 0;
}

static int press(const char *key)
{
	char command[64];

	snprintf(command, sizeof(command), "sendkey %s 20", key);
	usleep(100000);
	return monitor_send(command);
}

static int keys(const char *text)
{
	static const char *const names[256] = {
		[' '] = "spc",	     ['-'] = "minus",		['='] = "equal",
		['.'] = "dot",	     [','] = "comma",		['/'] = "slash",
		[';'] = "semicolon", [':'] = "shift-semicolon", ['_'] = "shift-minus",
		['('] = "shift-9",   [')'] = "shift-0",
	};
	for (const char *p = text; p <= text + strlen(text); p++) {
		unsigned char c = *p;
		char name[] = { c, 0 };
		int ret;

		if (!c)
			ret = press("ret");
		else if (names[c])
			ret = press(names[c]);
		else
			ret = press(name);
		if (ret)
			return ret;
	}
	return 0;
}

static int step_press(const char *arg)
{
	char list[128], *state, *key;
	int ret = 0;

	snprintf(list, sizeof(list), "%s", arg);
	for (key = strtok_r(list, " ", &state); key && !ret; key = strtok_r(NULL, " ", &state))
		ret = press(key);
	return ret;
}

/* Lets the command end, and judges how. */
static int ended(void)
{
	time_t deadline = now() + step_seconds;
	int status, ret;

	do {
		ret = text_read(&m->out, m->console, deadline, true);
	} while (ret > 0);
	if (ret < 0)
		return fail("the command did not end within %d s", step_seconds);
	if (waitpid(m->child, &status, 0) != m->child)
		return fail("waitpid: %s", strerror(errno));
	m->child = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != m->want_exit)
		return fail("the command ended with status %d, not %d",
			    WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
			    m->want_exit);
	return 0;
}

static int run(const char *command)
{
	int status;

	fflush(stdout);
	status = system(command);
	return status ? fail("status %d of: %s", status, command) : 0;
}

static int choose(const char *number)
{
	int n = atoi(number);

	if (n < 0 || n >= nr_machines)
		return fail("there is no machine %s", number);
	m = &machines[n];
	return 0;
}

static int step_timeout(const char *arg)
{
	step_seconds = atoi(arg);
	return 0;
}

static int step_pause(const char *arg)
{
	usleep(atoi(arg) * 100000);
	return 0;
}

static int step_exit(const char *arg)
{
	m->want_exit = atoi(arg);
	return 0;
}

static int step_send(const char *arg)
{
	return type(arg, true);
}

static int step_key(const char *arg)
{
	return type(arg, false);
}

static int step_ended(const char *arg)
{
	return ended();
}

static int step_picture(const char *arg)
{
	return picture();
}

static const struct {
	const char *name;
	int (*follow)(const char *arg);
	bool alone; /* needs no machine */
} steps[] = {
	{ "expect", expect },
	{ "never", never },
	{ "send", step_send },
	{ "key", step_key },
	{ "timeout", step_timeout, true },
	{ "exit", step_exit },
	{ "ended", step_ended },
	{ "run", run, true },
	{ "pause", step_pause, true },
	{ "start", start_shell, true },
	{ "machine", choose, true },
	{ "monitor", monitor },
	{ "answer", answer },
	{ "await", await },
	{ "screen", screen },
	{ "picture", step_picture },
	{ "keys", keys },
	{ "press", step_press },
};

static int follow_line(char *line)
{
	size_t len = strcspn(line, " \t");
	char *arg = line + len + (line[len] != 0);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strlen(steps[i].name) != len || strncmp(steps[i].name, line, len))
			continue;
		if (!m && !steps[i].alone)
			return fail("no machine was started before: %s", line);
		return steps[i].follow(arg);
	}
	return fail("no such step: %s", line);
}

static int follow(FILE *script)
{
	char line[4096];
	int ret = 0;

	while (!ret && fgets(line, sizeof(line), script)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] && line[0] != '#')
			ret = follow_line(line);
	}
	return ret;
}

/* At the end no machine is left, whatever it makes of a polite request. */
static void end_machine(struct machine *mc)
{
	if (!mc->child)
		return;
	kill(mc->child, SIGTERM);
	for (int tries = 0; tries < 100; tries++) {
		if (waitpid(mc->child, NULL, WNOHANG) == mc->child)
			return;
		/* Its last words need a place to go. */
		text_read(&mc->out, mc->console, now() + 1, true);
		usleep(50000);
	}
	kill(mc->child, SIGKILL);
	waitpid(mc->child, NULL, 0);
}

int main(int argc, char **argv)
{
	FILE *script;
	int ret;

	if (argc < 2) {
		fprintf(stderr, "usage: console-drive SCRIPT [COMMAND...]\n");
		return 2;
	}
	script = fopen(argv[1], "re");
	if (!script) {
		fail("%s: %s", argv[1], strerror(errno));
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (argc > 2 && start(argv + 2))
		return 2;
	ret = follow(script);
	m = &machines[0];
	if (!ret && m->child && !m->ours)
		ret = ended();
	for (int i = 0; i < nr_machines; i++)
		end_machine(&machines[i]);
	return ret ? 1 : 0;
}
