// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints themselves. Headers that have others' come first. */
#include "core.h"
#include "emul/glue.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
