// SPDX-License-Identifier: GPL-2.0-only
/* Messages on stderr, one write each so that threads do not mix lines. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"
#include "vmm.h"

static void put(const char *kind, const char *fmt, va_list ap)
{
	char line[600];
	int n, m;

	n = snprintf(line, sizeof(line), "vmm: %s", kind);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 2, fmt, ap);
	if (m < 0)
		return;
	n += m;
	if (n > (int)sizeof(line) - 3)
		n = sizeof(line) - 3;
	/* The terminal may be raw: a bare newline would leave a staircase. */
	if (isatty(STDERR_FILENO))
		line[n++] = '\r';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

void vmm_err(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put("", fmt, ap);
	va_end(ap);
}

void vmm_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put("warning: ", fmt, ap);
	va_end(ap);
}

void vmm_info(const struct vmm *vmm, const char *fmt, ...)
{
	va_list ap;

	if (!vmm->cfg.verbose)
		return;
	va_start(ap, fmt);
	put("", fmt, ap);
	va_end(ap);
}
