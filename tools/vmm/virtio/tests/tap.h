/* SPDX-License-Identifier: GPL-2.0-only */
/* Test Anything Protocol, for one test program. */
#ifndef VIRTIO_TESTS_TAP_H
#define VIRTIO_TESTS_TAP_H

#include <stdbool.h>

/* One line of the plan; returns @pass. */
__attribute__((format(printf, 2, 3))) bool ok(bool pass, const char *fmt, ...);
/* The test cannot go on. */
__attribute__((noreturn)) void bail_out(const char *why);
/* Prints the plan; the process's exit code. */
int tap_end(void);

#endif
