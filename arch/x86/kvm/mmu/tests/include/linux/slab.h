/* SPDX-License-Identifier: GPL-2.0-only */
/* See fake.h. */
