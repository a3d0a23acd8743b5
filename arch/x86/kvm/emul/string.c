// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions, REP, and port I/O.
 *
 * A REP instruction is a chain of steps. A step moves one element, or a chunk
 * of them inside one page on either side, and is committed before the next
 * begins; so whatever ends the chain, the registers tell how far it came.
 */
#include "bodies.h"

#define MAX_STEPS	1024	/* before interrupts get a chance */
#define CHUNK_BYTES	512

/* Moves up to max elements, tells how many */
typedef enum emul_result (*step_fn)(struct emul_ctx *c, unsigned int size,
				    unsigned int max, unsigned int *n);

static void advance(struct emul_ctx *c, unsigned int reg, unsigned int size,
		    unsigned int n)
{
	u64 delta = (u64)size * n;

	if (c->rflags & FL_DF)
		delta = 0 - delta;
	emul_set_reg(c, reg, c->ad_bytes, c->gpr[reg] + delta);
}

static u64 index_ea(const struct emul_ctx *c, unsigned int reg)
{
	return emul_reg(c, reg, c->ad_bytes);
}

/*
 * Run steps while RCX lasts. until: REPE and REPNE apply (CMPS, SCAS).
 * With single-stepping one element is one instruction.
 */
static enum emul_result repeat(struct emul_ctx *c, step_fn step,
			       unsigned int size, bool until)
{
	unsigned int left = MAX_STEPS, max = CHUNK_BYTES, n;
	u64 count;

	if (!c->rep)
		return step(c, size, 1, &n);
	if (c->rflags & FL_TF)
		left = max = 1;

	for (count = index_ea(c, R_CX); count; left--) {
		if (!left) {
			c->rep_more = true;
			c->new_rip = c->rip;
			return EMUL_OK;
		}
		n = 1;
		TRY(step(c, size, count < max ? count : max, &n));
		if (n > count)
			return EMUL_UNHANDLED;
		count -= n;
		emul_set_reg(c, R_CX, c->ad_bytes, count);
		emul_commit(c);
		if (until && !(c->rflags & FL_ZF) != (c->rep == 0xf2))
			break;
	}
	return EMUL_OK;
}

static unsigned int elem_size(const struct emul_ctx *c)
{
	return c->opcode & 1 ? c->op_bytes : 1;
}

/*
 * How many elements from ea lie in one page and one chunk, going up, and
 * inside the segment; at least 1, which is then checked the ordinary way.
 */
static unsigned int chunk(struct emul_ctx *c, unsigned int seg, u64 ea,
			  unsigned int size, bool write, unsigned int max,
			  u64 *la)
{
	unsigned int n = CHUNK_BYTES / size, room;
	u64 start = ea & size_mask(c->ad_bytes);

	if (max == 1 || c->rflags & (FL_DF | FL_AC))
		return 1;
	if (emul_linear(c, seg, start, size, write, la) != EMUL_OK)
		return 1;
	room = (4096 - (*la & 4095)) / size;
	if (n > room)
		n = room;
	if (n > max)
		n = max;
	if (n < 2 || start + (u64)n * size - 1 > size_mask(c->ad_bytes) ||
	    start + (u64)n * size < start)
		return 1;
	if (emul_linear(c, seg, start, n * size, write, la) != EMUL_OK)
		return 1;
	return n;
}

static enum emul_result movs_chunk(struct emul_ctx *c, unsigned int size,
				   unsigned int max, unsigned int *n)
{
	u64 from, to, si = index_ea(c, R_SI), di = index_ea(c, R_DI);
	u8 buf[CHUNK_BYTES];
	unsigned int len;

	*n = chunk(c, c->seg, si, size, false, max, &from);
	if (*n > 1)
		*n = chunk(c, EMUL_ES, di, size, true, *n, &to);
	len = *n * size;
	/* A destination inside the source sees what was just written */
	if (*n < 2 || to - from < len)
		return EMUL_UNHANDLED;
	TRY(c->ops->write(c, to, NULL, len, EMUL_ACC_PROBE | EMUL_ACC_CHUNK));
	TRY(c->ops->read(c, from, buf, len, EMUL_ACC_CHUNK));
	return c->ops->write(c, to, buf, len, EMUL_ACC_CHUNK);
}

static enum emul_result step_movs(struct emul_ctx *c, unsigned int size,
				  unsigned int max, unsigned int *n)
{
	enum emul_result r = EMUL_UNHANDLED;
	u64 v;

	if (max > 1)
		r = movs_chunk(c, size, max, n);
	if (r == EMUL_UNHANDLED || r == EMUL_FAULT) {
		*n = 1;
		TRY(emul_read_mem(c, c->seg, index_ea(c, R_SI), size, 0, &v));
		r = emul_write_mem(c, EMUL_ES, index_ea(c, R_DI), size, 0, v);
	}
	TRY(r);
	advance(c, R_SI, size, *n);
	advance(c, R_DI, size, *n);
	return EMUL_OK;
}

static enum emul_result stos_chunk(struct emul_ctx *c, unsigned int size,
				   unsigned int max, unsigned int *n)
{
	u8 buf[CHUNK_BYTES];
	unsigned int i;
	u64 la;

	*n = chunk(c, EMUL_ES, index_ea(c, R_DI), size, true, max, &la);
	if (*n < 2)
		return EMUL_UNHANDLED;
	for (i = 0; i < *n; i++)
		memcpy(buf + i * size, &c->gpr[R_AX], size);
	return c->ops->write(c, la, buf, *n * size, EMUL_ACC_CHUNK);
}

static enum emul_result step_stos(struct emul_ctx *c, unsigned int size,
				  unsigned int max, unsigned int *n)
{
	enum emul_result r = EMUL_UNHANDLED;

	if (max > 1)
		r = stos_chunk(c, size, max, n);
	if (r == EMUL_UNHANDLED || r == EMUL_FAULT) {
		*n = 1;
		r = emul_write_mem(c, EMUL_ES, index_ea(c, R_DI), size, 0,
				   emul_reg(c, R_AX, size));
	}
	TRY(r);
	advance(c, R_DI, size, *n);
	return EMUL_OK;
}

static enum emul_result step_lods(struct emul_ctx *c, unsigned int size,
				  unsigned int max, unsigned int *n)
{
	u64 v;

	TRY(emul_read_mem(c, c->seg, index_ea(c, R_SI), size, 0, &v));
	emul_set_reg(c, R_AX, size, v);
	advance(c, R_SI, size, 1);
	return EMUL_OK;
}

/* CMPS and SCAS subtract as CMP does */
static void compare(struct emul_ctx *c, unsigned int size, u64 a, u64 b)
{
	c->dst.size = size;
	c->dst.val = a;
	c->src.val = b;
	x_cmp(c);
}

static enum emul_result step_cmps(struct emul_ctx *c, unsigned int size,
				  unsigned int max, unsigned int *n)
{
	u64 a, b;

	TRY(emul_read_mem(c, c->seg, index_ea(c, R_SI), size, 0, &a));
	TRY(emul_read_mem(c, EMUL_ES, index_ea(c, R_DI), size, 0, &b));
	compare(c, size, a, b);
	advance(c, R_SI, size, 1);
	advance(c, R_DI, size, 1);
	return EMUL_OK;
}

static enum emul_result step_scas(struct emul_ctx *c, unsigned int size,
				  unsigned int max, unsigned int *n)
{
	u64 v;

	TRY(emul_read_mem(c, EMUL_ES, index_ea(c, R_DI), size, 0, &v));
	compare(c, size, emul_reg(c, R_AX, size), v);
	advance(c, R_DI, size, 1);
	return EMUL_OK;
}

enum emul_result x_movs(struct emul_ctx *c)
{
	return repeat(c, step_movs, elem_size(c), false);
}

enum emul_result x_stos(struct emul_ctx *c)
{
	return repeat(c, step_stos, elem_size(c), false);
}

enum emul_result x_lods(struct emul_ctx *c)
{
	return repeat(c, step_lods, elem_size(c), false);
}

enum emul_result x_cmps(struct emul_ctx *c)
{
	return repeat(c, step_cmps, elem_size(c), true);
}

enum emul_result x_scas(struct emul_ctx *c)
{
	return repeat(c, step_scas, elem_size(c), true);
}

/*
 * Permission, then the nested guest's owner, before any effect; not again once
 * REP has made progress, as the log of accesses begins after that.
 */
static enum emul_result io_begin(struct emul_ctx *c, u16 port,
				 unsigned int size, enum emul_intercept id)
{
	c->io.port = port;
	c->io.size = size;
	c->io.rep = c->rep && id >= EMUL_ICPT_IO_INS;
	if (c->committed)
		return EMUL_OK;
	TRY(emul_io_allowed(c, port, size));
	return emul_icpt(c, id);
}

/* Port I/O is 4 bytes at most, REX.W or not */
static unsigned int io_size(const struct emul_ctx *c)
{
	unsigned int size = elem_size(c);

	return size > 4 ? 4 : size;
}

static enum emul_result do_in(struct emul_ctx *c, u16 port)
{
	unsigned int size = io_size(c), done = 0;
	u32 v = 0;

	TRY(io_begin(c, port, size, EMUL_ICPT_IO_IN));
	TRY(OPTIONAL(c, pio_in, port, size, &v, 1, &done));
	emul_set_reg(c, R_AX, size, v);
	return EMUL_OK;
}

static enum emul_result do_out(struct emul_ctx *c, u16 port)
{
	unsigned int size = io_size(c), done = 0;
	u32 v = emul_reg(c, R_AX, size);

	TRY(io_begin(c, port, size, EMUL_ICPT_IO_OUT));
	return OPTIONAL(c, pio_out, port, size, &v, 1, &done);
}

enum emul_result x_in(struct emul_ctx *c)
{
	return do_in(c, c->imm);
}

enum emul_result x_out(struct emul_ctx *c)
{
	return do_out(c, c->imm);
}

enum emul_result x_in_dx(struct emul_ctx *c)
{
	return do_in(c, c->gpr[R_DX]);
}

enum emul_result x_out_dx(struct emul_ctx *c)
{
	return do_out(c, c->gpr[R_DX]);
}

/*
 * Where the next elements of INS go, checked for writing before the port is
 * read: a fault must not lose what the port gave.
 */
static enum emul_result ins_probe(struct emul_ctx *c, unsigned int size,
				  unsigned int max, unsigned int *n, u64 *la)
{
	u64 di = index_ea(c, R_DI);
	enum emul_result r;

	*n = chunk(c, EMUL_ES, di, size, true, max, la);
	if (*n > 1) {
		r = c->ops->write(c, *la, NULL, *n * size,
				  EMUL_ACC_PROBE | EMUL_ACC_CHUNK);
		if (r != EMUL_UNHANDLED && r != EMUL_FAULT)
			return r;
	}
	*n = 1;
	TRY(emul_linear(c, EMUL_ES, di, size, true, la));
	return emul_write_la(c, *la, NULL, size, EMUL_ACC_PROBE);
}

static enum emul_result ins_write(struct emul_ctx *c, u64 la, const u8 *buf,
				  unsigned int size, unsigned int n)
{
	enum emul_result r = EMUL_UNHANDLED;
	unsigned int i;

	if (n > 1)
		r = c->ops->write(c, la, buf, n * size, EMUL_ACC_CHUNK);
	if (r != EMUL_UNHANDLED)
		return r;
	for (i = 0; i < n; i++)
		TRY(emul_write_la(c, la + i * size, buf + i * size, size, 0));
	return EMUL_OK;
}

static enum emul_result step_ins(struct emul_ctx *c, unsigned int size,
				 unsigned int max, unsigned int *n)
{
	unsigned int done = 0;
	u8 buf[CHUNK_BYTES];
	u64 la;

	TRY(ins_probe(c, size, max, n, &la));
	TRY(OPTIONAL(c, pio_in, c->io.port, size, buf, *n, &done));
	if (!done || done > *n)
		return EMUL_UNHANDLED;
	*n = done;
	TRY(ins_write(c, la, buf, size, done));
	advance(c, R_DI, size, done);
	return EMUL_OK;
}

/* Elements of OUTS into buf: a chunk of plain memory, or one */
static enum emul_result outs_read(struct emul_ctx *c, unsigned int size,
				  unsigned int max, unsigned int *n, u8 *buf)
{
	u64 la, v, si = index_ea(c, R_SI);
	enum emul_result r;

	*n = chunk(c, c->seg, si, size, false, max, &la);
	if (*n > 1) {
		r = c->ops->read(c, la, buf, *n * size, EMUL_ACC_CHUNK);
		if (r != EMUL_UNHANDLED && r != EMUL_FAULT)
			return r;
	}
	*n = 1;
	TRY(emul_read_mem(c, c->seg, si, size, 0, &v));
	memcpy(buf, &v, size);
	return EMUL_OK;
}

static enum emul_result step_outs(struct emul_ctx *c, unsigned int size,
				  unsigned int max, unsigned int *n)
{
	unsigned int done = 0;
	u8 buf[CHUNK_BYTES];

	TRY(outs_read(c, size, max, n, buf));
	TRY(OPTIONAL(c, pio_out, c->io.port, size, buf, *n, &done));
	if (!done || done > *n)
		return EMUL_UNHANDLED;
	*n = done;
	advance(c, R_SI, size, done);
	return EMUL_OK;
}

enum emul_result x_ins(struct emul_ctx *c)
{
	unsigned int size = io_size(c);

	TRY(io_begin(c, c->gpr[R_DX], size, EMUL_ICPT_IO_INS));
	return repeat(c, step_ins, size, false);
}

enum emul_result x_outs(struct emul_ctx *c)
{
	unsigned int size = io_size(c);

	TRY(io_begin(c, c->gpr[R_DX], size, EMUL_ICPT_IO_OUTS));
	return repeat(c, step_outs, size, false);
}
