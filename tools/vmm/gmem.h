/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: the only place where a guest physical address becomes a
 * pointer. Regions are fixed once the machine is built, so lookups take no
 * lock. Guest memory changes under our feet: read a field once, then check
 * the copy.
 */
#ifndef VMM_GMEM_H
#define VMM_GMEM_H

#include <stddef.h>
#include <stdint.h>

#define GMEM_MAX_REGIONS	4

struct gmem;

struct gmem *gmem_new(void);
void gmem_free(struct gmem *m);

/* Adds @len bytes of zeroed RAM at @gpa; both are multiples of 4 KiB. */
int gmem_add_ram(struct gmem *m, uint64_t gpa, uint64_t len);

/* Region @i, for walking them: -ENOENT past the last. Ascending by address. */
int gmem_region(const struct gmem *m, unsigned int i, uint64_t *gpa, uint64_t *len, void **host);

/* NULL unless [gpa, gpa + len) lies wholly inside one RAM region; len 0 gives NULL. */
void *gmem_ptr(struct gmem *m, uint64_t gpa, uint64_t len);

/* 0, or -EFAULT (nothing copied) when the range is not wholly RAM. */
int gmem_read(struct gmem *m, uint64_t gpa, void *buf, size_t len);
int gmem_write(struct gmem *m, uint64_t gpa, const void *buf, size_t len);

#endif
