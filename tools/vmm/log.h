/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages for the person at the terminal: one line each, on stderr. */
#ifndef VMM_LOG_H
#define VMM_LOG_H

struct vmm;

/* An error: what failed, why, and what to do about it. No newline at the end. */
__attribute__((format(printf, 1, 2))) void vmm_err(const char *fmt, ...);
/* Something odd that does not stop the machine. */
__attribute__((format(printf, 1, 2))) void vmm_warn(const char *fmt, ...);
/* Shown with --verbose only; guests may cause these without limit of ours. */
__attribute__((format(printf, 2, 3))) void vmm_info(const struct vmm *vmm, const char *fmt, ...);

#endif
