// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints themselves. Headers that have others' come first. */
#include "virt.h"

#define CREATE_TRACE_POINTS
#include "virt_trace.h"
