// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints themselves: one file for each header of them, as they have one system. */
#define CREATE_TRACE_POINTS
#include "hv_trace.h"
