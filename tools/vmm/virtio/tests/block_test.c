// SPDX-License-Identifier: GPL-2.0-only
/* The raw image backend on a real file. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/block.h"
#include "tap.h"

#define LEN	(1u << 20)

static char dir[] = "/tmp/vmm-block-XXXXXX";
static char path[64];

/* ---- a kernel that does transfers in part ---- */

static size_t most = SIZE_MAX;

ssize_t __real_preadv(int fd, const struct iovec *iov, int cnt, off_t off);
ssize_t __real_pwritev(int fd, const struct iovec *iov, int cnt, off_t off);
ssize_t __wrap_preadv(int fd, const struct iovec *iov, int cnt, off_t off);
ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int cnt, off_t off);

ssize_t __wrap_preadv(int fd, const struct iovec *iov, int cnt, off_t off)
{
	struct iovec v = *iov;

	if (most == SIZE_MAX)
		return __real_preadv(fd, iov, cnt, off);
	v.iov_len = v.iov_len < most ? v.iov_len : most;
	return __real_preadv(fd, &v, 1, off);
}

ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int cnt, off_t off)
{
	struct iovec v[2] = { iov[0], iov[cnt > 1] };

	if (most == SIZE_MAX)
		return __real_pwritev(fd, iov, cnt, off);
	/* one whole buffer and a piece of the next */
	v[1].iov_len = v[1].iov_len < most ? v[1].iov_len : most;
	return __real_pwritev(fd, v, cnt > 1 ? 2 : 1, off);
}

static const char *file(const char *name, off_t len)
{
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, len))
		bail_out("cannot make a test file");
	close(fd);
	return path;
}

static void transfers(size_t limit)
{
	char in[3][4096], out[3][4096];
	struct iovec w[3], r[3];
	struct block *b;

	if (!ok(!block_open_raw(file("disk", LEN + 100), false, &b),
		"a file opens"))
		return;
	ok(b->size == LEN && !b->readonly, "its size is rounded to sectors");
	for (int i = 0; i < 3; i++) {
		memset(out[i], 'a' + i, sizeof(out[i]));
		w[i] = (struct iovec) { out[i], sizeof(out[i]) };
		r[i] = (struct iovec) { in[i], sizeof(in[i]) };
	}
	most = limit;
	ok(!b->ops->pwritev(b, w, 3, 512, sizeof(out)) &&
	   !b->ops->preadv(b, r, 3, 512, sizeof(in)) &&
	   !memcmp(in, out, sizeof(in)), "what is written is read again%s",
	   limit == SIZE_MAX ? "" : ", in pieces");
	most = SIZE_MAX;
	ok(!b->ops->flush(b), "flush");
	ok(block_within(b, LEN - 512, 512) && !block_within(b, LEN - 512, 513) &&
	   !block_within(b, LEN + 1, 0) && !block_within(b, ~0ull, 512) &&
	   !block_within(b, 512, ~0ull), "ranges are checked without sums");
	r[0] = (struct iovec) { in[0], 512 };
	memset(in[0], 0xff, 512);
	if (truncate(path, 4096))
		bail_out("cannot truncate");
	ok(b->ops->preadv(b, r, 1, 8192, 512) == -EIO,
	   "reading behind a shortened file is an error, not a loop");
	b->ops->close(b);
}

static void holes(void)
{
	static char buf[LEN];
	struct iovec v = { buf, LEN };
	struct stat before, after;
	struct block *b;
	unsigned int left = 0;
	int ret;

	if (block_open_raw(file("holes", LEN), false, &b))
		bail_out("cannot open");
	memset(buf, 0xaa, LEN);
	b->ops->pwritev(b, &v, 1, 0, LEN);
	b->ops->flush(b);
	stat(path, &before);
	ret = b->ops->discard(b, 65536, 131072);
	stat(path, &after);
	ok(ret == -EOPNOTSUPP || (!ret && after.st_blocks < before.st_blocks),
	   "discard gives space back (%ld to %ld blocks, %d)",
	   (long)before.st_blocks, (long)after.st_blocks, ret);
	ok(after.st_size == LEN, "and keeps the size");
	ok(!b->ops->write_zeroes(b, 512, 1024, false) &&
	   !b->ops->write_zeroes(b, LEN - 200 * 512, 200 * 512, true),
	   "zeroes are written");
	v = (struct iovec) { buf, LEN };
	b->ops->preadv(b, &v, 1, 0, LEN);
	for (unsigned int i = 512; i < 1536; i++)
		left += buf[i];
	for (unsigned int i = LEN - 200 * 512; i < LEN; i++)
		left += buf[i];
	ok(!left && buf[511] == (char)0xaa && buf[1536] == (char)0xaa &&
	   buf[LEN - 200 * 512 - 1] == (char)0xaa, "exactly where asked");
	b->ops->close(b);
}

static void refusals(void)
{
	struct block *b, *c;
	char buf[512] = "";
	struct iovec v = { buf, 512 };

	snprintf(path, sizeof(path), "%s/none", dir);
	ok(block_open_raw(path, false, &b) == -ENOENT, "no such file");
	ok(block_open_raw(dir, true, &b) == -ENOTBLK, "a directory");
	ok(block_open_raw("/dev/null", true, &b) == -ENOTBLK, "a character device");
	snprintf(path, sizeof(path), "%s/fifo", dir);
	mkfifo(path, 0600);
	ok(block_open_raw(path, true, &b) == -ENOTBLK, "a FIFO, without waiting");
	ok(block_open_raw(file("tiny", 511), false, &b) == -EINVAL, "half a sector");

	file("shared", LEN);
	ok(!block_open_raw(path, false, &b) &&
	   block_open_raw(path, false, &c) == -EBUSY &&
	   block_open_raw(path, true, &c) == -EBUSY, "one writer shuts out all");
	b->ops->close(b);
	ok(!block_open_raw(path, true, &b) && !block_open_raw(path, true, &c),
	   "two readers are fine");
	ok(b->readonly && b->ops->pwritev(b, &v, 1, 0, 512) == -EBADF,
	   "and cannot write");
	b->ops->close(b);
	c->ops->close(c);
	ok(!block_open_raw(path, false, &b), "a closed image is free again");
	b->ops->close(b);
}

int main(void)
{
	if (!mkdtemp(dir))
		bail_out("no temporary directory");
	alarm(60);	/* a FIFO might hold us */
	transfers(SIZE_MAX);
	transfers(1000);
	holes();
	refusals();
	for (int i = 0; i < 5; i++) {
		static const char *const names[] = {
			"disk", "holes", "fifo", "tiny", "shared"
		};

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
	return tap_end();
}
