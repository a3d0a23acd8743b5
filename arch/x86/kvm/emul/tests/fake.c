// SPDX-License-Identifier: GPL-2.0-only
/* The machine, its callbacks, and TAP output. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake.h"

static struct fake *fake_of(struct emul_ctx *c)
{
	return c->owner;
}

static u8 *fake_ptr(struct fake *f, u64 la, unsigned int len)
{
	if (la >= f->base && la - f->base < f->size &&
	    f->size - (la - f->base) >= len)
		return f->mem + (la - f->base);
	if (la >= 0xfffff000 && la < 1ull << 32 && la + len <= 1ull << 32)
		return f->top + (la - 0xfffff000);
	return NULL;
}

static enum emul_result fake_fault(struct emul_ctx *c, u64 la, unsigned int acc,
				   bool write)
{
	bool user = c->cpl == 3 && !(acc & EMUL_ACC_SYSTEM);

	return emul_raise_pf(c, la, (write ? 2 : 0) | (user ? 4 : 0));
}

/*
 * Log position of this access. With ask, an access seen first is served and
 * ends in EMUL_USER; seen again, it comes from the log.
 */
static bool fake_replay(struct fake *f, struct emul_ctx *c, void *buf,
			unsigned int len)
{
	if (f->epoch != c->epoch) {
		f->epoch = c->epoch;
		f->served = 0;
		f->at = 0;
	}
	if (f->at >= f->served)
		return false;
	if (f->log[f->at].len != len) {
		printf("# replay out of order: %u bytes, not %u\n", len,
		       f->log[f->at].len);
		abort();
	}
	if (buf)
		memcpy(buf, f->log[f->at].data, len);
	f->at++;
	return true;
}

static enum emul_result fake_serve(struct fake *f, const void *buf,
				   unsigned int len)
{
	if (!f->ask || f->served == FAKE_LOG || len > 512)
		return EMUL_OK;
	f->log[f->served].len = len;
	if (buf)
		memcpy(f->log[f->served].data, buf, len);
	f->served++;
	return EMUL_USER;
}

static enum emul_result fake_fetch(struct emul_ctx *c, u64 la, void *buf,
				   unsigned int len)
{
	u8 *p = fake_ptr(fake_of(c), la, len);

	if (!p)
		return emul_raise_pf(c, la, 0x10);
	memcpy(buf, p, len);
	return EMUL_OK;
}

static bool fake_writable(struct fake *f, u64 la, unsigned int len)
{
	return la >> 12 != f->ro_page && (la + len - 1) >> 12 != f->ro_page;
}

static enum emul_result fake_read(struct emul_ctx *c, u64 la, void *buf,
				  unsigned int len, unsigned int acc)
{
	struct fake *f = fake_of(c);
	u8 *p = fake_ptr(f, la, len);

	if (acc & EMUL_ACC_CHUNK && (f->decline_chunks || f->ask || !p))
		return EMUL_UNHANDLED;
	if (!p || (acc & EMUL_ACC_RMW && !fake_writable(f, la, len)))
		return fake_fault(c, la, acc, acc & EMUL_ACC_RMW);
	if (acc & EMUL_ACC_PROBE)
		return EMUL_OK;
	f->reads++;
	if (f->ask && fake_replay(f, c, buf, len))
		return EMUL_OK;
	memcpy(buf, p, len);
	return fake_serve(f, buf, len);
}

static enum emul_result fake_write(struct emul_ctx *c, u64 la, const void *buf,
				   unsigned int len, unsigned int acc)
{
	struct fake *f = fake_of(c);
	u8 *p = fake_ptr(f, la, len);

	if (acc & EMUL_ACC_CHUNK && (f->decline_chunks || f->ask || !p))
		return EMUL_UNHANDLED;
	if (!p || !fake_writable(f, la, len))
		return fake_fault(c, la, acc, true);
	if (acc & EMUL_ACC_PROBE)
		return EMUL_OK;
	f->writes++;
	if (f->ask && fake_replay(f, c, NULL, len))
		return EMUL_OK;
	memcpy(p, buf, len);
	return fake_serve(f, NULL, len);
}

static enum emul_result fake_swap(struct emul_ctx *c, u64 la,
				  const void *old, const void *new,
				  unsigned int len, unsigned int acc)
{
	struct fake *f = fake_of(c);
	u8 *p = fake_ptr(f, la, len);

	if (!p || !fake_writable(f, la, len))
		return fake_fault(c, la, acc, true);
	f->cmpxchgs++;
	if (f->ask && fake_replay(f, c, NULL, len))
		return EMUL_OK;
	if (f->cmpxchg_fails || memcmp(p, old, len))
		return EMUL_RETRY;
	memcpy(p, new, len);
	return fake_serve(f, NULL, len);
}

static enum emul_result fake_pio_in(struct emul_ctx *c, u16 port,
				    unsigned int size, void *buf,
				    unsigned int count, unsigned int *done)
{
	struct fake *f = fake_of(c);
	unsigned int i;

	*done = count;
	if (f->ask && fake_replay(f, c, buf, size * count))
		return EMUL_OK;
	for (i = 0; i < count; i++) {
		f->pio_value = f->pio_value * 1664525 + 1013904223 + port;
		memcpy((u8 *)buf + i * size, &f->pio_value, size);
	}
	f->pio_count += count;
	return fake_serve(f, buf, size * count);
}

static enum emul_result fake_pio_out(struct emul_ctx *c, u16 port,
				     unsigned int size, const void *buf,
				     unsigned int count, unsigned int *done)
{
	struct fake *f = fake_of(c);
	unsigned int i;
	u32 v;

	*done = count;
	if (f->ask && fake_replay(f, c, NULL, size * count))
		return EMUL_OK;
	for (i = 0; i < count; i++) {
		v = 0;
		memcpy(&v, (const u8 *)buf + i * size, size);
		f->pio_sum = f->pio_sum * 31 + v + port;
	}
	f->pio_count += count;
	return fake_serve(f, NULL, size * count);
}

static enum emul_result fake_get_seg(struct emul_ctx *c, enum emul_seg_id id,
				     struct emul_seg *s)
{
	*s = fake_of(c)->seg[id];
	return EMUL_OK;
}

static enum emul_result fake_set_seg(struct emul_ctx *c, enum emul_seg_id id,
				     const struct emul_seg *s)
{
	fake_of(c)->seg[id] = *s;
	return EMUL_OK;
}

static enum emul_result fake_get_dt(struct emul_ctx *c, enum emul_dt_id id,
				    struct emul_dt *dt)
{
	*dt = fake_of(c)->dt[id];
	return EMUL_OK;
}

static enum emul_result fake_set_dt(struct emul_ctx *c, enum emul_dt_id id,
				    const struct emul_dt *dt)
{
	fake_of(c)->dt[id] = *dt;
	return EMUL_OK;
}

static enum emul_result fake_get_cr(struct emul_ctx *c, unsigned int n, u64 *v)
{
	*v = fake_of(c)->cr[n];
	return EMUL_OK;
}

static enum emul_result fake_set_cr(struct emul_ctx *c, unsigned int n, u64 v)
{
	if (v >> 63)
		return emul_raise_err(c, EMUL_GP, 0);
	fake_of(c)->cr[n] = v;
	return EMUL_OK;
}

static enum emul_result fake_get_dr(struct emul_ctx *c, unsigned int n, u64 *v)
{
	*v = fake_of(c)->dr[n];
	return EMUL_OK;
}

static enum emul_result fake_set_dr(struct emul_ctx *c, unsigned int n, u64 v)
{
	fake_of(c)->dr[n] = v;
	return EMUL_OK;
}

static u64 *fake_msr(struct fake *f, u32 msr)
{
	switch (msr) {
	case 0x174: return &f->msr_se_cs;
	case 0x175: return &f->msr_se_sp;
	case 0x176: return &f->msr_se_ip;
	case 0xc0000080: return &f->msr_efer;
	case 0xc0000081: return &f->msr_star;
	case 0xc0000082: return &f->msr_lstar;
	case 0xc0000084: return &f->msr_sfmask;
	case 0xc0000102: return &f->msr_kgs;
	default: return &f->last_msr;
	}
}

static enum emul_result fake_rdmsr(struct emul_ctx *c, u32 msr, u64 *v)
{
	*v = *fake_msr(fake_of(c), msr);
	return EMUL_OK;
}

static enum emul_result fake_wrmsr(struct emul_ctx *c, u32 msr, u64 v)
{
	*fake_msr(fake_of(c), msr) = v;
	return EMUL_OK;
}

static enum emul_result fake_rdpmc(struct emul_ctx *c, u32 idx, u64 *v)
{
	if (idx > 3)
		return emul_raise_err(c, EMUL_GP, 0);
	*v = 0x1122334455667788ull;
	return EMUL_OK;
}

static enum emul_result fake_cpuid(struct emul_ctx *c, u32 regs[4])
{
	(void)c;
	regs[0] += 1;
	regs[1] = 0x756e6547;
	regs[2] += 2;
	regs[3] = 0x49656e69;
	return EMUL_OK;
}

static enum emul_result fake_xgetbv(struct emul_ctx *c, u32 idx, u64 *v)
{
	*v = 7;
	return idx ? emul_raise_err(c, EMUL_GP, 0) : EMUL_OK;
}

static enum emul_result fake_xsetbv(struct emul_ctx *c, u32 idx, u64 v)
{
	(void)v;
	return idx ? emul_raise_err(c, EMUL_GP, 0) : EMUL_OK;
}

static enum emul_result fake_hlt(struct emul_ctx *c)
{
	fake_of(c)->halts++;
	return EMUL_OK;
}

static enum emul_result fake_wbinvd(struct emul_ctx *c)
{
	(void)c;
	return EMUL_OK;
}

static enum emul_result fake_invlpg(struct emul_ctx *c, u64 la)
{
	fake_of(c)->last_msr = la;
	return EMUL_OK;
}

static enum emul_result fake_hypercall(struct emul_ctx *c)
{
	emul_set_gpr(c, 0, ~0ull);
	return EMUL_OK;
}

static enum emul_result fake_smm_leave(struct emul_ctx *c)
{
	return emul_raise(c, EMUL_UD);
}

static enum emul_result fake_get_xmm(struct emul_ctx *c, unsigned int reg,
				     void *buf, unsigned int len)
{
	memcpy(buf, fake_of(c)->xmm[reg], len);
	return EMUL_OK;
}

static enum emul_result fake_put_xmm(struct emul_ctx *c, unsigned int reg,
				     const void *buf, unsigned int len)
{
	memcpy(fake_of(c)->xmm[reg], buf, len);
	return EMUL_OK;
}

static enum emul_result fake_get_mmx(struct emul_ctx *c, unsigned int reg,
				     u64 *v)
{
	*v = fake_of(c)->mmx[reg];
	return EMUL_OK;
}

static enum emul_result fake_put_mmx(struct emul_ctx *c, unsigned int reg,
				     const u64 *v)
{
	fake_of(c)->mmx[reg] = *v;
	return EMUL_OK;
}

static enum emul_result fake_x87(struct emul_ctx *c, enum emul_x87 what, u16 *v)
{
	struct fake *f = fake_of(c);

	if (what == EMUL_FNINIT || what == EMUL_FNCLEX)
		f->fsw = 0;
	*v = what == EMUL_FNSTSW ? f->fsw : 0;
	return EMUL_OK;
}

/* Stores give x87_data, loads change it */
static enum emul_result fake_x87_mem(struct emul_ctx *c, void *buf,
				     unsigned int len, bool keep)
{
	struct fake *f = fake_of(c);
	unsigned int op = (c->opcode & 7) << 3 | (c->modrm >> 3 & 7);
	bool store = 0xce00ce008e00dc00ull >> op & 1;

	if (len > sizeof(f->x87_data))
		return EMUL_UNHANDLED;
	if (store)
		memcpy(buf, f->x87_data, len);
	else
		memcpy(f->x87_data, buf, len);
	if (keep)
		f->x87_peeks++;
	else
		f->x87_runs++;
	return EMUL_OK;
}

static enum emul_result fake_fxstate(struct emul_ctx *c, void *buf,
				     bool restore)
{
	struct fake *f = fake_of(c);

	if (restore)
		memcpy(f->fx, buf, 512);
	else
		memcpy(buf, f->fx, 512);
	memcpy(f->fx + 28, "\xff\xff\0\0", 4);
	return EMUL_OK;
}

static bool fake_cpu_has(struct emul_ctx *c, enum emul_feature feature)
{
	return fake_of(c)->features >> feature & 1;
}

static const struct emul_ops fake_ops = {
	.fetch = fake_fetch, .read = fake_read, .write = fake_write,
	.swap = fake_swap, .pio_in = fake_pio_in,
	.pio_out = fake_pio_out, .get_seg = fake_get_seg,
	.set_seg = fake_set_seg, .get_dt = fake_get_dt, .set_dt = fake_set_dt,
	.get_cr = fake_get_cr, .set_cr = fake_set_cr, .get_dr = fake_get_dr,
	.set_dr = fake_set_dr, .get_msr = fake_rdmsr, .set_msr = fake_wrmsr,
	.rdmsr = fake_rdmsr, .wrmsr = fake_wrmsr, .rdpmc = fake_rdpmc,
	.cpuid = fake_cpuid, .xgetbv = fake_xgetbv, .xsetbv = fake_xsetbv,
	.hlt = fake_hlt, .wbinvd = fake_wbinvd, .invlpg = fake_invlpg,
	.hypercall = fake_hypercall, .smm_leave = fake_smm_leave,
	.get_xmm = fake_get_xmm, .put_xmm = fake_put_xmm,
	.get_mmx = fake_get_mmx, .put_mmx = fake_put_mmx, .x87 = fake_x87,
	.x87_mem = fake_x87_mem, .fxstate = fake_fxstate,
	.cpu_has = fake_cpu_has,
};

void fake_init(struct fake *f)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	memset(f, 0, sizeof(*f));
	f->ops = fake_ops;
	f->c.ops = &f->ops;
	f->c.owner = f;
	f->size = FAKE_MEM;
	f->mem = calloc(1, FAKE_MEM);
	f->log = calloc(FAKE_LOG, sizeof(*f->log));
	if (!f->mem || !f->log)
		abort();
	f->ro_page = ~0ull;
	/* an Intel CPU with everything */
	f->features = ~(1ull << EMUL_F_AMD);
	f->msr_efer = 1;
	fake_mode(f, EMUL_LONG64, 0);
}

void fake_free(struct fake *f)
{
	free(f->mem);
	free(f->log);
}

void fake_flat_seg(struct fake *f, unsigned int id, u16 sel, bool code)
{
	f->seg[id] = (struct emul_seg){
		.limit = 0xffffffff, .sel = sel,
		.attr = EMUL_SEG_P | EMUL_SEG_S | EMUL_SEG_G | EMUL_SEG_DB |
			(sel & 3) << EMUL_SEG_DPL_SHIFT | (code ? 11 : 3),
	};
}

/* Segments and control registers as that mode wants them */
void fake_mode(struct fake *f, enum emul_mode mode, unsigned int cpl)
{
	unsigned int i;

	f->c.mode = mode;
	f->c.cpl = mode == EMUL_VM86 ? 3 : mode == EMUL_REAL ? 0 : cpl;
	f->c.lma = mode == EMUL_LONG64;
	f->c.va_bits = 48;
	f->c.rflags = mode == EMUL_VM86 ? 0x20202 : 0x202;
	f->cr[0] = mode == EMUL_REAL ? 0x10 : 0x11;
	f->cr[4] = 0x10668 & ~8u;
	f->cr[4] |= 0x40000;
	f->msr_efer = f->c.lma ? 0x501 : 1;
	for (i = EMUL_ES; i <= EMUL_GS; i++) {
		bool code = i == EMUL_CS;

		fake_flat_seg(f, i, (code ? 8 : 16) | cpl, code);
		if (mode == EMUL_PROT16)
			f->seg[i].attr &= ~EMUL_SEG_DB;
		if (mode == EMUL_LONG64 && code)
			f->seg[i].attr ^= EMUL_SEG_DB | EMUL_SEG_L;
		if (mode > EMUL_VM86)
			continue;
		f->seg[i].limit = 0xffff;
		f->seg[i].attr = mode == EMUL_REAL ? 0x93 : 0xf3;
		f->seg[i].sel = 0x1000;
		f->seg[i].base = 0x10000;
	}
	f->seg[EMUL_LDTR] = (struct emul_seg){ .attr = EMUL_SEG_UNUSABLE };
	f->seg[EMUL_TR] = (struct emul_seg){
		.base = 0x3000, .limit = 0x3ff, .sel = 0x28,
		.attr = EMUL_SEG_P | 11,
	};
	f->dt[EMUL_GDTR] = (struct emul_dt){ .base = 0x1000, .limit = 0x7f };
	f->dt[EMUL_IDTR] = (struct emul_dt){
		.base = mode == EMUL_REAL ? 0 : 0x2000, .limit = 0xfff,
	};
}

/* attr in the form of struct emul_seg; limit in units of G */
u64 fake_desc(u32 base, u32 limit, unsigned int attr)
{
	u32 lo = base << 16 | (limit & 0xffff);
	u32 hi = (base & 0xff000000) | (base >> 16 & 0xff) | (limit & 0xf0000) |
		 (attr & 0xff) << 8 | (attr & 0xf00) << 12;

	return lo | (u64)hi << 32;
}

void fake_put(struct fake *f, u64 la, const void *data, unsigned int len)
{
	u8 *p = fake_ptr(f, la, len);

	if (!p)
		abort();
	memcpy(p, data, len);
}

u64 fake_get(struct fake *f, u64 la, unsigned int len)
{
	u8 *p = fake_ptr(f, la, len);
	u64 v = 0;

	if (!p)
		abort();
	memcpy(&v, p, len);
	return v;
}

enum emul_result fake_run(struct fake *f, const void *code, unsigned int len)
{
	struct emul_ctx *c = &f->c;
	enum emul_result r = emul_decode(c, code, len);
	unsigned int i;
	u64 gpr[16], rip, rflags;
	u32 epoch;

	f->served = 0;
	f->epoch = c->epoch;
	for (i = 0; r == EMUL_OK && i < FAKE_LOG; i++) {
		f->at = 0;
		memcpy(gpr, c->gpr, sizeof(gpr));
		rip = c->rip;
		rflags = c->rflags;
		epoch = c->epoch;
		r = emul_exec(c);
		if (r == EMUL_OK && !c->rep_more)
			return r;
		if (r != EMUL_OK && epoch == c->epoch &&
		    (memcmp(gpr, c->gpr, sizeof(gpr)) || rip != c->rip ||
		     rflags != c->rflags)) {
			printf("# state changed by a pass that ended in %d\n",
			       r);
			abort();
		}
		if (r == EMUL_USER)
			r = EMUL_OK;
	}
	return r;
}

bool fake_same(const struct fake *a, const struct fake *b, const char *what)
{
	unsigned int i;
	u64 at;

	for (i = 0; i < 16; i++) {
		if (a->c.gpr[i] == b->c.gpr[i])
			continue;
		printf("# %s: gpr %u: %llx, not %llx\n", what, i,
		       (unsigned long long)a->c.gpr[i],
		       (unsigned long long)b->c.gpr[i]);
		return false;
	}
	if (a->c.rip != b->c.rip || a->c.rflags != b->c.rflags) {
		printf("# %s: rip %llx rflags %llx, not %llx %llx\n", what,
		       (unsigned long long)a->c.rip,
		       (unsigned long long)a->c.rflags,
		       (unsigned long long)b->c.rip,
		       (unsigned long long)b->c.rflags);
		return false;
	}
	for (at = 0; memcmp(a->mem, b->mem, a->size) && at < a->size; at++) {
		if (a->mem[at] == b->mem[at])
			continue;
		printf("# %s: memory at %llx: %02x, not %02x\n", what,
		       (unsigned long long)at, a->mem[at], b->mem[at]);
		return false;
	}
	return !memcmp(a->xmm, b->xmm, sizeof(a->xmm)) &&
	       !memcmp(a->seg, b->seg, sizeof(a->seg)) &&
	       a->pio_sum == b->pio_sum;
}

unsigned int tap_count, tap_failed;

void tap(bool ok, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - ", ok ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!ok)
		tap_failed++;
	fflush(stdout);
}

int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed ? 1 : 0;
}

static u64 rnd_state = 88172645463325252ull;

void rnd_seed(u64 seed)
{
	rnd_state = seed * 0x9e3779b97f4a7c15ull + 1;
}

u64 rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state * 0x2545f4914f6cdd1dull;
}

/* Values at which carries, signs and counts turn */
u64 rnd_value(void)
{
	static const u64 edge[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, ~0ull >> 1, 1ull << 63, ~0ull,
	};

	switch (rnd() & 3) {
	case 0:
		return edge[rnd() % (sizeof(edge) / sizeof(edge[0]))];
	case 1:
		return rnd() & 0xff;
	default:
		return rnd();
	}
}
