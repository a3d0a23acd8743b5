// SPDX-License-Identifier: GPL-2.0-only
/* The I/O thread: epoll, timers, work from other threads. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "vmm.h"

#define BATCH		16
#define STACK_SIZE	(128 << 10)

struct loop_ev {
	struct loop *loop;
	int fd;
	loop_fn fn;
	void *opaque;
	atomic_bool dead;
	struct loop_ev *next;		/* in the graveyard */
};

struct work {
	void (*fn)(void *opaque);
	void *opaque;
	struct work *next;
};

/* (l) lock; (c) constant while the thread runs */
struct loop {
	int epfd, wakefd;		/* (c) */
	pthread_t thread;		/* (c) */
	bool started;			/* (c) */
	pthread_mutex_t lock;
	pthread_cond_t batch_done;
	unsigned long batches;		/* (l) */
	bool quit;			/* (l) */
	struct work *work, **work_tail;	/* (l) */
	struct loop_ev *dead;		/* (l) freed when the batch ends */
};

struct loop_timer {
	struct loop_ev *ev;
	int fd;
	void (*fn)(void *opaque);
	void *opaque;
};

int loop_init(struct vmm *vmm)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct loop *loop = calloc(1, sizeof(*loop));
	int ret;

	if (!loop)
		return -ENOMEM;
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->batch_done, NULL);
	loop->work_tail = &loop->work;
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	loop->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vmm->loop = loop;
	if (loop->epfd < 0 || loop->wakefd < 0 ||
	    epoll_ctl(loop->epfd, EPOLL_CTL_ADD, loop->wakefd, &e) < 0) {
		ret = -errno;
		vmm_err("cannot set up the I/O thread: error %d", errno);
		loop_free(vmm);
		return ret;
	}
	return 0;
}

static void wake(struct loop *loop)
{
	uint64_t one = 1;

	if (write(loop->wakefd, &one, sizeof(one)) < 0)
		return;		/* the counter is full: it is awake */
}

static void run_work(struct loop *loop)
{
	struct work *w;

	pthread_mutex_lock(&loop->lock);
	while ((w = loop->work)) {
		loop->work = w->next;
		if (!loop->work)
			loop->work_tail = &loop->work;
		pthread_mutex_unlock(&loop->lock);
		w->fn(w->opaque);
		free(w);
		pthread_mutex_lock(&loop->lock);
	}
	pthread_mutex_unlock(&loop->lock);
}

static void bury_dead(struct loop *loop)
{
	struct loop_ev *ev;

	while ((ev = loop->dead)) {
		loop->dead = ev->next;
		free(ev);
	}
}

static bool end_batch(struct loop *loop)
{
	bool quit;

	pthread_mutex_lock(&loop->lock);
	bury_dead(loop);
	loop->batches++;
	pthread_cond_broadcast(&loop->batch_done);
	quit = loop->quit;
	pthread_mutex_unlock(&loop->lock);
	return quit;
}

static void *loop_thread(void *arg)
{
	struct epoll_event got[BATCH];
	struct loop *loop = arg;
	uint64_t junk;
	int n;

	do {
		n = epoll_wait(loop->epfd, got, BATCH, -1);
		for (int i = 0; i < n; i++) {
			struct loop_ev *ev = got[i].data.ptr;

			if (ev) {
				if (!atomic_load(&ev->dead))
					ev->fn(ev->opaque, got[i].events);
			} else if (read(loop->wakefd, &junk, sizeof(junk)) > 0) {
				run_work(loop);
			}
		}
	} while (!end_batch(loop));
	return NULL;
}

int loop_start(struct vmm *vmm)
{
	struct loop *loop = vmm->loop;
	pthread_attr_t attr;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	ret = pthread_create(&loop->thread, &attr, loop_thread, loop);
	pthread_attr_destroy(&attr);
	if (ret) {
		vmm_err("cannot start the I/O thread: error %d", ret);
		return -ret;
	}
	loop->started = true;
	pthread_setname_np(loop->thread, "vmm-io");
	return 0;
}

void loop_stop(struct vmm *vmm)
{
	struct loop *loop = vmm->loop;

	if (!loop || !loop->started)
		return;
	pthread_mutex_lock(&loop->lock);
	loop->quit = true;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
	pthread_join(loop->thread, NULL);
	loop->started = false;
}

void loop_free(struct vmm *vmm)
{
	struct loop *loop = vmm->loop;
	struct work *w;

	if (!loop)
		return;
	loop_stop(vmm);
	bury_dead(loop);
	while ((w = loop->work)) {
		loop->work = w->next;
		free(w);
	}
	if (loop->epfd >= 0)
		close(loop->epfd);
	if (loop->wakefd >= 0)
		close(loop->wakefd);
	pthread_mutex_destroy(&loop->lock);
	pthread_cond_destroy(&loop->batch_done);
	free(loop);
	vmm->loop = NULL;
}

struct loop_ev *loop_add(struct vmm *vmm, int fd, uint32_t events, loop_fn fn, void *opaque)
{
	struct loop_ev *ev = calloc(1, sizeof(*ev));
	struct epoll_event e = { .events = events, .data.ptr = ev };

	if (!ev)
		return NULL;
	ev->loop = vmm->loop;
	ev->fd = fd;
	ev->fn = fn;
	ev->opaque = opaque;
	if (epoll_ctl(ev->loop->epfd, EPOLL_CTL_ADD, fd, &e) < 0) {
		free(ev);
		return NULL;
	}
	return ev;
}

int loop_mod(struct loop_ev *ev, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = ev };

	return epoll_ctl(ev->loop->epfd, EPOLL_CTL_MOD, ev->fd, &e) < 0 ? -errno : 0;
}

void loop_del(struct loop_ev *ev)
{
	struct loop *loop;
	unsigned long seen;

	if (!ev)
		return;
	loop = ev->loop;
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, ev->fd, NULL);
	pthread_mutex_lock(&loop->lock);
	atomic_store(&ev->dead, true);
	ev->next = loop->dead;
	loop->dead = ev;
	seen = loop->batches;
	if (loop->started && !pthread_equal(pthread_self(), loop->thread)) {
		wake(loop);
		while (loop->batches == seen)
			pthread_cond_wait(&loop->batch_done, &loop->lock);
	}
	pthread_mutex_unlock(&loop->lock);
}

int loop_run_in(struct vmm *vmm, void (*fn)(void *opaque), void *opaque)
{
	struct loop *loop = vmm->loop;
	struct work *w = malloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	*w = (struct work){ .fn = fn, .opaque = opaque };
	pthread_mutex_lock(&loop->lock);
	*loop->work_tail = w;
	loop->work_tail = &w->next;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
	return 0;
}

static void timer_fired(void *opaque, uint32_t events)
{
	struct loop_timer *t = opaque;
	uint64_t n;

	(void)events;
	if (read(t->fd, &n, sizeof(n)) == sizeof(n))
		t->fn(t->opaque);
}

struct loop_timer *loop_timer(struct vmm *vmm, void (*fn)(void *opaque), void *opaque)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fn = fn;
	t->opaque = opaque;
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (t->fd >= 0)
		t->ev = loop_add(vmm, t->fd, EPOLLIN, timer_fired, t);
	if (!t->ev) {
		if (t->fd >= 0)
			close(t->fd);
		free(t);
		return NULL;
	}
	return t;
}

int loop_timer_set(struct loop_timer *t, uint64_t when_ns)
{
	struct itimerspec its = {
		.it_value = { .tv_sec = (time_t)(when_ns / 1000000000u),
			      .tv_nsec = (long)(when_ns % 1000000000u) },
	};

	return timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &its, NULL) < 0 ? -errno : 0;
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	loop_del(t->ev);
	close(t->fd);
	free(t);
}

uint64_t loop_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
