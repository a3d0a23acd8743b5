/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Block backends: where a disk's bytes are.  Calls block until done and are
 * made by one thread at a time.  Ranges lie within size (see block_within);
 * all of a range is done, or the result is -errno.
 */
#ifndef VMM_BLOCK_BLOCK_H
#define VMM_BLOCK_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct block;

struct block_ops {
	/* Both may consume @iov; @len is its total. */
	int (*preadv)(struct block *b, struct iovec *iov, unsigned int cnt,
		      uint64_t off, uint64_t len);
	int (*pwritev)(struct block *b, struct iovec *iov, unsigned int cnt,
		       uint64_t off, uint64_t len);
	/* Everything written so far is on stable storage. */
	int (*flush)(struct block *b);
	/* Contents are of no use any more; -EOPNOTSUPP where that can't be said. */
	int (*discard)(struct block *b, uint64_t off, uint64_t len);
	/* Reads as zeroes afterwards; @unmap: storage may be given back. */
	int (*write_zeroes)(struct block *b, uint64_t off, uint64_t len,
			    bool unmap);
	void (*close)(struct block *b);
};

struct block {
	const struct block_ops *ops;
	uint64_t size;		/* in bytes, a multiple of 512 */
	bool readonly;
};

static inline bool block_within(const struct block *b, uint64_t off,
				uint64_t len)
{
	return off <= b->size && len <= b->size - off;
}

/*
 * A raw image: file or block device @path. 0, or -errno after a message.
 * Held locked while open, for reading or for writing, against other VMMs.
 */
int block_open_raw(const char *path, bool readonly, struct block **out);

#endif
