// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

static unsigned int count, failed;

bool ok(bool pass, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", pass ? "" : "not ", ++count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	failed += !pass;
	return pass;
}

void bail_out(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(2);
}

int tap_end(void)
{
	printf("1..%u\n", count);
	return failed ? 1 : 0;
}
