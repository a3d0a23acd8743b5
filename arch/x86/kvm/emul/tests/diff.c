// SPDX-License-Identifier: GPL-2.0-only
/*
 * Differential test: every form of every instruction of user code, on random
 * state, by this CPU and by the emulator; registers, memory, defined flags,
 * faults with their error codes are compared.
 *
 * diff [tries per form [name]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "forms.h"

static struct machine machine;
static bool world_ok[NR_WORLDS];
static unsigned long forms, compared, faults, skipped, hung, noted;
static bool strict;
static unsigned int shown;

static void report(const struct try *t, const struct outcome *n,
		   const struct outcome *e, const char *what)
{
	unsigned int i;

	if (shown++ >= 3)
		return;
	printf("# %s\n#   %s\n", form_text(t), what);
	printf("#   rip %llx flags %llx, CPU: %s %u err %x cr2 %llx rip %llx flags %llx\n",
	       (unsigned long long)t->s.rip, (unsigned long long)t->s.rflags,
	       n->fault ? "fault" : "ok", n->vector, n->error,
	       (unsigned long long)n->cr2, (unsigned long long)n->s.rip,
	       (unsigned long long)n->s.rflags);
	printf("#   emulator: %s %u err %x cr2 %llx rip %llx flags %llx\n",
	       e->fault ? "fault" : "ok", e->vector, e->error,
	       (unsigned long long)e->cr2, (unsigned long long)e->s.rip,
	       (unsigned long long)e->s.rflags);
	for (i = 0; i < 16; i++)
		printf("#   gpr %2u %016llx CPU %016llx emulator %016llx%s\n",
		       i, (unsigned long long)t->s.gpr[i],
		       (unsigned long long)n->s.gpr[i],
		       (unsigned long long)e->s.gpr[i],
		       n->s.gpr[i] == e->s.gpr[i] ? "" : " *");
	for (i = 0; i < 6; i++)
		printf("#   seg %u: %04x CPU %04x emulator %04x\n", i,
		       t->s.sel[i], n->s.sel[i], e->s.sel[i]);
}

/* The kernel says "present" of its own half (it does not tell the truth) */
static u32 told_error(const struct outcome *o)
{
	return o->vector == EMUL_PF && o->cr2 >= 0x7ffffffff000ull ?
	       o->error | 1 : o->error;
}

/* CMPS and IRET read several operands, in an order that is the CPU's */
static bool is_cmps(const struct insn *i)
{
	return i->n == 1 && (i->op[0] & 0xfe) == 0xa6;
}

static bool is_access(const struct outcome *o)
{
	return o->vector == EMUL_PF || o->vector == EMUL_SS_VEC;
}

static const char *compare_end(const struct try *t, const struct outcome *n,
			       const struct outcome *e)
{
	if (n->fault != e->fault)
		return n->fault ? "only the CPU faults" :
				  "only the emulator faults";
	if (!n->fault)
		return NULL;
	faults++;
	if (is_cmps(t->f.i) ||
	    (t->f.i->flags & FRAME && is_access(n) && is_access(e)))
		return NULL;
	if (n->vector != e->vector)
		return "another vector";
	if (told_error(n) != told_error(e))
		return "another error code";
	if (n->vector == EMUL_PF && n->cr2 != e->cr2)
		return "another CR2";
	return NULL;
}

/* Bits of a register that count */
static u64 reg_mask(const struct try *t, const struct outcome *n,
		    unsigned int i)
{
	u32 fl = t->f.i->flags;
	bool ends = n->fault || !(u32)t->s.gpr[1];

	if (i == t->reg && ((fl & ZEROSRC && n->s.rflags & ZF) ||
			    (fl & UNDEF16 && t->f.size == 2)))
		return 0;
	/* RETF from a 16-bit stack to 64-bit code: what SP carries into ESP */
	if (i == 4 && fl & FRAME && n->s.sel[EMUL_CS] == 0x33 &&
	    (t->f.w == W_16 || t->f.w == W_32S16))
		return 0xffff;
	/* POPA that faults half way: which were loaded is the CPU's choice */
	if (n->fault && t->f.i->op[0] == 0x61)
		return 0;
	/* REP of no element, with 32-bit addresses: which are cut as well */
	if (fl & STRING && t->f.a->size == 1 && ends &&
	    (i == 1 || i == 6 || i == 7))
		return 0xffffffff;
	return ~0ull;
}

/*
 * Selectors alike? A null one in a data segment register loses its RPL when
 * the kernel returns to user code (SDM 2A, IRET).
 */
static bool same_selectors(const struct outcome *n, const struct outcome *e)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		if (n->s.sel[i] != e->s.sel[i] &&
		    ((n->s.sel[i] | e->s.sel[i]) & ~3))
			return false;
	return true;
}

static const char *compare_regs(const struct try *t, const struct outcome *n,
				const struct outcome *e)
{
	unsigned int i, regs = t->f.w == W_64 ? 16 : 8;
	u64 mask = t->f.w == W_64 ? ~0ull : 0xffffffff, m;
	bool to_compat = n->s.sel[EMUL_CS] != t->s.sel[EMUL_CS];
	u32 undef = n->fault ? 0 : undefined_flags(t);

	if (undef == ~0u)	/* the result, too */
		return NULL;
	for (i = 0; i < regs; i++) {
		m = to_compat ? mask & 0xffffffff : mask;
		m &= reg_mask(t, n, i);
		if ((n->s.gpr[i] ^ e->s.gpr[i]) & m)
			return "registers differ";
	}
	if ((n->s.rflags ^ e->s.rflags) & ~(u64)(undef | RF))
		return "flags differ";
	if (n->s.rip != e->s.rip)
		return "another RIP";
	if (!same_selectors(n, e))
		return "selectors differ";
	if (t->f.w == W_64 && !n->s.sel[EMUL_FS] && native.fsgsbase &&
	    (n->s.fsbase != e->s.fsbase || n->s.gsbase != e->s.gsbase))
		return "FS or GS base differs";
	if (!(t->f.i->flags & SIMD))
		return NULL;
	if (memcmp(n->s.ymm, e->s.ymm, t->f.w == W_64 ? 512 : 256))
		return "vector registers differ";
	if (memcmp(n->s.mmx, e->s.mmx, sizeof(n->s.mmx)))
		return "MMX registers differ";
	return NULL;
}

/*
 * PUSH of a segment register with 32 or 64 bits: whether the upper bytes of
 * the slot are written is the CPU's choice (SDM 2B, PUSH).
 */
static void adopt_push(const struct try *t, const struct outcome *n)
{
	u64 at = n->s.gpr[4];

	if (t->f.w != W_64)
		at = (t->f.w == W_16 || t->f.w == W_32S16 ? (u16)at : (u32)at) +
		     machine_seg(&machine, t->s.sel[EMUL_SS])->base;
	at -= machine.base;
	if (t->f.size > 2 && machine_mapped(at, true) &&
	    machine_mapped(at + t->f.size - 1, true))
		memcpy(machine.mem + at + 2, machine.arena + at + 2,
		       t->f.size - 2);
}

/* A far CALL that faults may have pushed what it would return to */
static bool memory_counts(const struct try *t, const struct outcome *n)
{
	u32 fl = t->f.i->flags;
	bool call = fl & STACK && (fl & FARPTR || t->f.i->imm == IFAR);

	return undefined_flags(t) != ~0u && !(n->fault && call);
}

static void place(const struct try *t)
{
	u64 base = machine_seg(&machine, t->s.sel[EMUL_CS])->base, at, i;

	at = (t->f.w == W_64 ? 0 : base) + t->s.rip - machine.base;
	for (i = 0; i < sizeof(t->code); i++) {
		u8 b = i < t->len ? t->code[i] : 0xcc;

		if (at + i >= AT_CODE + PAGE)
			break;
		machine.arena[at + i] = machine.mem[at + i] = b;
	}
}

/* False when they differ */
static bool one_try(const struct form *f)
{
	static struct try t;
	static struct outcome n, e;
	enum emul_result r;
	const char *what;
	u64 where = 0;

	gen_try(&machine, f, &t);
	place(&t);
	machine.f.ask = !(rnd() & 7);
	machine.f.decline_chunks = rnd() & 1;
	run_native(&machine, &t.s, t.step, f->i->flags & SIMD, &n);
	/* IRETQ to a 16-bit stack leaves ESP's upper half as it was */
	if (!(machine_seg(&machine, t.s.sel[EMUL_SS])->attr & EMUL_SEG_DB) &&
	    t.f.w != W_64)
		t.s.gpr[4] = (native.iret_rsp & 0xffff0000) |
			     (u16)t.s.gpr[4];
	if (n.hung) {
		hung++;
		machine.dirty = ~0u;
		machine_settle(&machine, &where);
		return true;
	}
	r = run_emulated(&machine, &t.s, NULL, 0, &e);
	compared++;
	if (r == EMUL_UNHANDLED && f->i->flags & LATER) {
		skipped++;
		machine.dirty = ~0u;
		machine_settle(&machine, &where);
		return true;
	}
	if (r != EMUL_OK && r != EMUL_FAULT) {
		what = "the emulator does not do it";
	} else {
		what = compare_end(&t, &n, &e);
		if (!what)
			what = compare_regs(&t, &n, &e);
		if (f->i->flags & SREGPUSH && !n.fault)
			adopt_push(&t, &n);
	}
	if (!machine_settle(&machine, &where) && !what && memory_counts(&t, &n))
		what = "memory differs";
	if (!what)
		return true;
	/* Which fault comes first is known of Intel's CPUs only */
	if (!strict && (n.fault || r != EMUL_OK)) {
		noted++;
		return true;
	}
	report(&t, &n, &e, what);
	if (where && shown < 3)
		printf("#   memory at %llx\n", (unsigned long long)where);
	return false;
}

static bool run_forms(const struct insn *i, unsigned int tries)
{
	struct form f = { .i = i };
	static const u8 sizes[] = { 1, 2, 4, 8 };
	unsigned int w, a, s, v, k, failed = 0;

	for (w = 0; w < NR_WORLDS; w++)
		for (a = 0; a < nr_addrs && world_ok[w]; a++)
			for (s = 0; s < 4; s++)
				for (v = 0; v < 4; v++) {
					f.w = w;
					f.a = &addrs[a];
					f.size = sizes[s];
					f.lock = v & 1;
					f.vex = v & 2;
					if (!form_valid(&f))
						continue;
					forms++;
					for (k = 0; k < tries; k++)
						failed += !one_try(&f);
				}
	return !failed;
}

int main(int argc, char **argv)
{
	unsigned int tries = argc > 1 ? atoi(argv[1]) : 8, i;
	unsigned long before;
	bool ok;

	if (!machine_init(&machine)) {
		printf("1..0 # SKIP the CPU can't be asked here\n");
		return 0;
	}
	strict = !(machine.f.features >> EMUL_F_AMD & 1);
	for (i = 0; i < NR_WORLDS; i++)
		world_ok[i] = machine_has(&machine, i);
	tap(true, "32-bit code%s", world_ok[W_32] ? "" :
	    " # SKIP no modify_ldt() or no 32-bit code segment here");
	tap(true, "16-bit code and segments%s", world_ok[W_16] ? "" :
	    " # SKIP no modify_ldt() here");
	if (!machine.have_avx)
		printf("# no AVX in this CPU: VEX forms are undefined\n");
	for (i = 0; i < nr_insns; i++) {
		if (argc > 2 && !strstr(insns[i].name, argv[2]))
			continue;
		rnd_seed(i + 1);
		machine_fill(&machine);
		shown = 0;
		skipped = 0;
		before = compared;
		ok = run_forms(&insns[i], tries);
		if (before == compared)
			tap(true, "as this CPU: %s # SKIP nothing to run it as",
			    insns[i].name);
		else if (skipped)
			tap(ok, "as this CPU: %s # SKIP not in the emulator",
			    insns[i].name);
		else
			tap(ok, "as this CPU: %s", insns[i].name);
	}
	printf("# %lu forms, %lu comparisons, %lu of them faults\n", forms,
	       compared, faults);
	if (noted)
		printf("# %lu faults differ; not held against this CPU\n",
		       noted);
	if (hung)
		printf("# %lu of them the host's kernel never ended\n", hung);
	machine_free(&machine);
	return tap_done();
}
