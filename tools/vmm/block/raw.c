// SPDX-License-Identifier: GPL-2.0-only
/* Raw images: the disk's bytes are the file's. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "block.h"
#include "log.h"

struct raw {
	struct block b;
	int fd;
};

static struct raw *to_raw(struct block *b)
{
	return (struct raw *)((char *)b - offsetof(struct raw, b));
}

/* The kernel may do part of a transfer: go on behind it. */
static void iov_skip(struct iovec **iov, unsigned int *cnt, size_t n)
{
	while (*cnt && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*cnt)--;
	}
	if (n && *cnt) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

static int raw_transfer(struct block *b, struct iovec *iov, unsigned int cnt,
			uint64_t off, uint64_t len, bool write)
{
	int fd = to_raw(b)->fd;

	while (len) {
		ssize_t n = write ? pwritev(fd, iov, cnt, off) :
				    preadv(fd, iov, cnt, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* the file was cut short behind our back */
		if (!n)
			return -EIO;
		off += n;
		len -= n;
		iov_skip(&iov, &cnt, n);
	}
	return 0;
}

static int raw_preadv(struct block *b, struct iovec *iov, unsigned int cnt,
		      uint64_t off, uint64_t len)
{
	return raw_transfer(b, iov, cnt, off, len, false);
}

static int raw_pwritev(struct block *b, struct iovec *iov, unsigned int cnt,
		       uint64_t off, uint64_t len)
{
	return raw_transfer(b, iov, cnt, off, len, true);
}

static int raw_flush(struct block *b)
{
	return fdatasync(to_raw(b)->fd) ? -errno : 0;
}

static int raw_fallocate(struct block *b, int mode, uint64_t off, uint64_t len)
{
	int ret;

	do {
		ret = fallocate(to_raw(b)->fd, mode | FALLOC_FL_KEEP_SIZE, off,
				len);
	} while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

static int raw_discard(struct block *b, uint64_t off, uint64_t len)
{
	return len ? raw_fallocate(b, FALLOC_FL_PUNCH_HOLE, off, len) : 0;
}

static int raw_fill(struct block *b, uint64_t off, uint64_t len)
{
	static const char zeroes[65536];

	while (len) {
		size_t n = len < sizeof(zeroes) ? len : sizeof(zeroes);
		ssize_t done = pwrite(to_raw(b)->fd, zeroes, n, off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -EIO;
		off += done;
		len -= done;
	}
	return 0;
}

static int raw_write_zeroes(struct block *b, uint64_t off, uint64_t len,
			    bool unmap)
{
	int ret;

	if (!len)
		return 0;
	ret = raw_fallocate(b, unmap ? FALLOC_FL_PUNCH_HOLE :
				       FALLOC_FL_ZERO_RANGE, off, len);
	return ret == -EOPNOTSUPP ? raw_fill(b, off, len) : ret;
}

static void raw_close(struct block *b)
{
	struct raw *r = to_raw(b);

	close(r->fd);
	free(r);
}

static const struct block_ops raw_ops = {
	.preadv = raw_preadv,
	.pwritev = raw_pwritev,
	.flush = raw_flush,
	.discard = raw_discard,
	.write_zeroes = raw_write_zeroes,
	.close = raw_close,
};

static int raw_size(int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISREG(st.st_mode))
		*size = st.st_size;
	else if (!S_ISBLK(st.st_mode))
		return -ENOTBLK;
	else if (ioctl(fd, BLKGETSIZE64, size))
		return -errno;
	return 0;
}

/* Open file description locks: given back even when we are killed. */
static int raw_lock(int fd, bool readonly)
{
	struct flock lock = {
		.l_type = readonly ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	return fcntl(fd, F_OFD_SETLK, &lock) ? -errno : 0;
}

static int raw_setup(struct raw *r, const char *path, bool readonly)
{
	int ret = raw_size(r->fd, &r->b.size);

	if (ret) {
		vmm_err("disk %s: neither a file nor a block device", path);
		return ret;
	}
	if (r->b.size < 512) {
		vmm_err("disk %s: smaller than one sector", path);
		return -EINVAL;
	}
	ret = raw_lock(r->fd, readonly);
	if (ret == -EAGAIN || ret == -EACCES) {
		vmm_err("disk %s: in use by another virtual machine", path);
		return -EBUSY;
	}
	/* some file systems have no locks: then nobody can hold one */
	if (ret)
		vmm_warn("disk %s: cannot be locked: %s", path, strerror(-ret));
	if (r->b.size % 512)
		vmm_warn("disk %s: the last %u bytes are no full sector and are left out",
			 path, (unsigned int)(r->b.size % 512));
	r->b.size &= ~511ull;
	r->b.readonly = readonly;
	r->b.ops = &raw_ops;
	return 0;
}

int block_open_raw(const char *path, bool readonly, struct block **out)
{
	struct raw *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return -ENOMEM;
	/* non-blocking, so that a FIFO cannot hold us up */
	r->fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC |
			   O_NONBLOCK);
	if (r->fd < 0) {
		ret = -errno;
		vmm_err("disk %s: cannot open: %s%s", path, strerror(-ret),
			ret == -EACCES && !readonly ?
			" (readonly would need read access only)" : "");
		free(r);
		return ret;
	}
	ret = raw_setup(r, path, readonly);
	if (ret) {
		raw_close(&r->b);
		return ret;
	}
	*out = &r->b;
	return 0;
}
