/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one I/O thread: file descriptors, timers and work handed over from
 * other threads. Callbacks run in that thread with no lock held; they take
 * their device's lock themselves.
 */
#ifndef VMM_LOOP_H
#define VMM_LOOP_H

#include <stdint.h>

struct loop;
struct loop_ev;
struct loop_timer;
struct vmm;

typedef void (*loop_fn)(void *opaque, uint32_t events);

int loop_init(struct vmm *vmm);
int loop_start(struct vmm *vmm);	/* the thread begins to run callbacks */
void loop_stop(struct vmm *vmm);	/* no callback runs after this returns */
void loop_free(struct vmm *vmm);

/* @events as for epoll (EPOLLIN, EPOLLOUT, ...). NULL with errno set on failure. */
struct loop_ev *loop_add(struct vmm *vmm, int fd, uint32_t events, loop_fn fn, void *opaque);
int loop_mod(struct loop_ev *ev, uint32_t events);

/*
 * After it returns the callback does not run (unless the caller is that
 * callback). Do not call it with a lock held that the callback takes. The fd
 * stays open. NULL is fine.
 */
void loop_del(struct loop_ev *ev);

/* Runs @fn once in the I/O thread, soon; work given by one thread stays in order. */
int loop_run_in(struct vmm *vmm, void (*fn)(void *opaque), void *opaque);

/* CLOCK_MONOTONIC. @when_ns absolute; 0 disarms. loop_timer_free() is like loop_del(). */
struct loop_timer *loop_timer(struct vmm *vmm, void (*fn)(void *opaque), void *opaque);
int loop_timer_set(struct loop_timer *timer, uint64_t when_ns);
void loop_timer_free(struct loop_timer *timer);
uint64_t loop_now_ns(void);

#endif
