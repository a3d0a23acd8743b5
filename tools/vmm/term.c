// SPDX-License-Identifier: GPL-2.0-only
/*
 * stdin and stdout as the guest's console: raw mode, escape key, and output
 * gathered into few writes (consoles come a byte at a time).
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "term.h"
#include "vmm.h"

#define ESCAPE		1		/* Ctrl-A */
#define FLUSH_NS	4000000u	/* output without a newline waits this long */
#define STALL_MS	1000		/* then it is lost */

/* (c) constant after term_init(), (l) lock, (i) I/O thread only */
struct term {
	struct vmm *vmm;		/* (c) */
	bool tty;			/* (c) stdin is a terminal */
	pthread_mutex_t lock;
	term_input_fn fn;		/* (l) */
	void *opaque;			/* (l) */
	struct loop_ev *ev;		/* (i) NULL: ended, or cannot be polled */
	bool eof;			/* (i) */
	bool escaped;			/* (i) the last key was the escape key */
	atomic_bool full;		/* the device took less than offered */
	uint8_t in[64];			/* (i) */
	size_t in_len;			/* (i) */
	struct loop_timer *timer;	/* (c) */
	bool armed;			/* (l) */
	uint8_t out[256];		/* (l) */
	size_t out_len;			/* (l) */
};

/*
 * The one thing that cannot hang off struct vmm: a signal handler must be
 * able to give the terminal back when the process dies of a bug.
 */
static struct {
	volatile sig_atomic_t raw;
	struct termios saved;
} console_state;

static void restore(void)
{
	if (!console_state.raw)
		return;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &console_state.saved);
	console_state.raw = 0;
}

static void on_fatal(int sig)
{
	restore();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void guard_terminal(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGXCPU };
	struct sigaction sa = { .sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND };

	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &sa, NULL);
	atexit(restore);
}

static void flush(struct term *t)
{
	size_t done = 0;

	while (done < t->out_len) {
		struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
		ssize_t n = -1;

		if (poll(&p, 1, STALL_MS) == 1)
			n = write(STDOUT_FILENO, t->out + done, t->out_len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	t->out_len = 0;
}

static void flush_late(void *opaque)
{
	struct term *t = opaque;

	pthread_mutex_lock(&t->lock);
	t->armed = false;
	flush(t);
	pthread_mutex_unlock(&t->lock);
}

void term_write(struct vmm *vmm, const void *buf, size_t len)
{
	struct term *t = vmm->term;
	const uint8_t *p = buf;

	pthread_mutex_lock(&t->lock);
	for (; len; p++, len--) {
		t->out[t->out_len++] = *p;
		if (*p == '\n' || t->out_len == sizeof(t->out))
			flush(t);
	}
	if (t->out_len && !t->armed) {
		t->armed = true;
		if (loop_timer_set(t->timer, loop_now_ns() + FLUSH_NS)) {
			t->armed = false;
			flush(t);
		}
	}
	pthread_mutex_unlock(&t->lock);
}

static void say(struct term *t, const char *text)
{
	term_write(t->vmm, text, strlen(text));
}

static const struct escape {
	char key;
	const char *help;
	void (*fn)(struct term *t);
} escapes[];

static void escape_help(struct term *t)
{
	say(t, "\r\nCtrl-A then:\r\n");
	for (const struct escape *e = escapes; e->key; e++) {
		const char line[] = { ' ', ' ', e->key, ' ', ' ', 0 };

		say(t, line);
		say(t, e->help);
		say(t, "\r\n");
	}
	say(t, "  Ctrl-A  send Ctrl-A to the guest\r\n");
}

static void escape_quit(struct term *t)
{
	say(t, "\r\n");
	vmm_err("ended by the escape key");
	vmm_stop(t->vmm, VMM_EXIT_USER);
}

static void escape_button(struct term *t)
{
	if (t->vmm->power_button)
		t->vmm->power_button(t->vmm->power_button_dev);
}

static const struct escape escapes[] = {
	{ 'x', "quit: the machine stops at once", escape_quit },
	{ 'p', "press the power button: the guest shuts down", escape_button },
	{ 'h', "this help", escape_help },
	{ 0 },
};

/* Takes the escape sequences out of t->in[from...]. */
static void filter(struct term *t, size_t from)
{
	size_t to = from;

	for (size_t i = from; i < t->in_len; i++) {
		uint8_t c = t->in[i];

		if (!t->escaped) {
			t->escaped = c == ESCAPE;
			if (!t->escaped)
				t->in[to++] = c;
			continue;
		}
		t->escaped = false;
		if (c == ESCAPE) {
			t->in[to++] = c;
			continue;
		}
		for (const struct escape *e = escapes; e->key; e++)
			if (c == (uint8_t)e->key)
				e->fn(t);
	}
	t->in_len = to;
}

static void deliver(struct term *t)
{
	term_input_fn fn;
	void *opaque;
	size_t n;

	pthread_mutex_lock(&t->lock);
	fn = t->fn;
	opaque = t->opaque;
	pthread_mutex_unlock(&t->lock);
	if (!t->in_len || !fn)
		return;
	/* Set first: room made while the device takes bytes must not be missed. */
	atomic_store(&t->full, true);
	n = fn(opaque, t->in, t->in_len);
	if (n > t->in_len)
		n = t->in_len;
	t->in_len -= n;
	memmove(t->in, t->in + n, t->in_len);
	if (!t->in_len)
		atomic_store(&t->full, false);
}

static void fill(struct term *t)
{
	ssize_t n;

	if (t->eof || t->in_len)
		return;
	n = read(STDIN_FILENO, t->in, sizeof(t->in));
	if (n > 0) {
		t->in_len = (size_t)n;
		if (t->tty)
			filter(t, 0);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		t->eof = true;
		loop_del(t->ev);
		t->ev = NULL;
	}
}

/* Regular files are always ready, and epoll does not take them. */
static void pump_file(void *opaque)
{
	struct term *t = opaque;

	while (!t->eof && t->fn) {
		fill(t);
		deliver(t);
		if (t->in_len)
			return;
	}
}

static void on_input(void *opaque, uint32_t events)
{
	struct term *t = opaque;

	(void)events;
	fill(t);
	deliver(t);
	if (t->ev && !t->in_len)
		loop_mod(t->ev, EPOLLIN | EPOLLONESHOT);
}

static void on_room(void *opaque)
{
	struct term *t = opaque;

	deliver(t);
	if (t->in_len)
		return;
	if (t->ev)
		loop_mod(t->ev, EPOLLIN | EPOLLONESHOT);
	else
		pump_file(t);
}

void term_room(struct vmm *vmm)
{
	struct term *t = vmm->term;

	if (atomic_exchange(&t->full, false))
		loop_run_in(vmm, on_room, t);
}

int term_attach(struct vmm *vmm, term_input_fn fn, void *opaque)
{
	struct term *t = vmm->term;
	int ret = -EBUSY;

	pthread_mutex_lock(&t->lock);
	if (!t->fn) {
		t->fn = fn;
		t->opaque = opaque;
		ret = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return ret;
}

void term_detach(struct vmm *vmm, void *opaque)
{
	struct term *t = vmm->term;

	pthread_mutex_lock(&t->lock);
	if (t->opaque == opaque) {
		t->fn = NULL;
		t->opaque = NULL;
	}
	pthread_mutex_unlock(&t->lock);
}

int term_size(struct vmm *vmm, uint16_t *cols, uint16_t *rows)
{
	struct winsize ws;

	(void)vmm;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0)
		return -ENOTTY;
	*cols = ws.ws_col;
	*rows = ws.ws_row;
	return 0;
}

int term_init(struct vmm *vmm)
{
	struct term *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->vmm = vmm;
	pthread_mutex_init(&t->lock, NULL);
	vmm->term = t;
	t->timer = loop_timer(vmm, flush_late, t);
	if (!t->timer) {
		term_free(vmm);
		return -ENOMEM;
	}
	return 0;
}

int term_start(struct vmm *vmm)
{
	struct term *t = vmm->term;

	t->tty = isatty(STDIN_FILENO);
	/* In the background a terminal is not ours to set or read. */
	if (t->tty && tcgetpgrp(STDIN_FILENO) == getpgrp() &&
	    tcgetattr(STDIN_FILENO, &console_state.saved) == 0) {
		struct termios raw = console_state.saved;

		cfmakeraw(&raw);
		guard_terminal();
		console_state.raw = 1;
		if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
			console_state.raw = 0;
	}
	if (!t->fn)
		return 0;
	t->ev = loop_add(vmm, STDIN_FILENO, EPOLLIN | EPOLLONESHOT, on_input, t);
	if (!t->ev && errno == EPERM)
		return loop_run_in(vmm, pump_file, t);
	return 0;
}

void term_restore(struct vmm *vmm)
{
	struct term *t = vmm->term;

	pthread_mutex_lock(&t->lock);
	flush(t);
	pthread_mutex_unlock(&t->lock);
	restore();
}

void term_free(struct vmm *vmm)
{
	struct term *t = vmm->term;

	if (!t)
		return;
	loop_del(t->ev);
	loop_timer_free(t->timer);
	term_restore(vmm);
	pthread_mutex_destroy(&t->lock);
	free(t);
	vmm->term = NULL;
}
