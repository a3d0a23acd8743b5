/* SPDX-License-Identifier: GPL-2.0-only */
/* Instruction bodies that the opcode tables name, by file. */
#ifndef KVM_X86_EMUL_BODIES_H
#define KVM_X86_EMUL_BODIES_H

#include "internal.h"

#define EMUL_FN(name) enum emul_result x_##name(struct emul_ctx *c)

/* alu.c */
EMUL_FN(mov); EMUL_FN(movsx); EMUL_FN(cmov); EMUL_FN(setcc); EMUL_FN(nop);
EMUL_FN(nop90); EMUL_FN(unhandled);
EMUL_FN(add); EMUL_FN(or); EMUL_FN(adc); EMUL_FN(sbb); EMUL_FN(and);
EMUL_FN(sub); EMUL_FN(xor); EMUL_FN(cmp); EMUL_FN(test); EMUL_FN(inc);
EMUL_FN(dec); EMUL_FN(not); EMUL_FN(neg); EMUL_FN(xchg); EMUL_FN(xadd);
EMUL_FN(cmpxchg); EMUL_FN(cmpxchg8b); EMUL_FN(mul); EMUL_FN(imul);
EMUL_FN(imul2); EMUL_FN(div); EMUL_FN(idiv); EMUL_FN(cbw); EMUL_FN(cwd);
EMUL_FN(cmc); EMUL_FN(clc); EMUL_FN(stc); EMUL_FN(cld); EMUL_FN(std);
EMUL_FN(sahf); EMUL_FN(lahf); EMUL_FN(xlat); EMUL_FN(salc);

/* bits.c */
EMUL_FN(rol); EMUL_FN(ror); EMUL_FN(rcl); EMUL_FN(rcr); EMUL_FN(shl);
EMUL_FN(shr); EMUL_FN(sar); EMUL_FN(shld); EMUL_FN(shrd); EMUL_FN(bt);
EMUL_FN(bts); EMUL_FN(btr); EMUL_FN(btc); EMUL_FN(bt_reg); EMUL_FN(bsf);
EMUL_FN(bsr); EMUL_FN(tzcnt); EMUL_FN(lzcnt); EMUL_FN(popcnt);
EMUL_FN(bswap); EMUL_FN(movbe); EMUL_FN(aaa); EMUL_FN(aas); EMUL_FN(daa);
EMUL_FN(das); EMUL_FN(aam); EMUL_FN(aad); EMUL_FN(crc32);

/* flow.c */
EMUL_FN(push); EMUL_FN(push_sreg); EMUL_FN(pop); EMUL_FN(pop_mem);
EMUL_FN(pop_sreg); EMUL_FN(pusha); EMUL_FN(popa); EMUL_FN(pushf);
EMUL_FN(popf); EMUL_FN(enter); EMUL_FN(leave); EMUL_FN(jcc); EMUL_FN(jmp);
EMUL_FN(jmp_ind); EMUL_FN(call); EMUL_FN(call_ind); EMUL_FN(ret);
EMUL_FN(loop); EMUL_FN(jcxz); EMUL_FN(cli); EMUL_FN(sti); EMUL_FN(bound);

/* string.c */
EMUL_FN(movs); EMUL_FN(stos); EMUL_FN(lods); EMUL_FN(cmps); EMUL_FN(scas);
EMUL_FN(ins); EMUL_FN(outs); EMUL_FN(in); EMUL_FN(out); EMUL_FN(in_dx);
EMUL_FN(out_dx);

/* far.c, intr.c */
EMUL_FN(mov_sreg); EMUL_FN(mov_from_sreg); EMUL_FN(lfp); EMUL_FN(jmp_far);
EMUL_FN(jmp_far_mem); EMUL_FN(call_far); EMUL_FN(call_far_mem);
EMUL_FN(ret_far); EMUL_FN(iret); EMUL_FN(intn); EMUL_FN(int3); EMUL_FN(into);
EMUL_FN(int1);

/* sys.c */
EMUL_FN(mov_from_cr); EMUL_FN(mov_to_cr); EMUL_FN(mov_from_dr);
EMUL_FN(mov_to_dr); EMUL_FN(clts); EMUL_FN(lmsw); EMUL_FN(smsw);
EMUL_FN(sgdt); EMUL_FN(sidt); EMUL_FN(lgdt); EMUL_FN(lidt); EMUL_FN(sldt);
EMUL_FN(str); EMUL_FN(lldt); EMUL_FN(ltr); EMUL_FN(lar); EMUL_FN(lsl);
EMUL_FN(verr); EMUL_FN(verw); EMUL_FN(invlpg); EMUL_FN(wbinvd); EMUL_FN(hlt);
EMUL_FN(cpuid); EMUL_FN(rdtsc); EMUL_FN(rdtscp); EMUL_FN(rdpmc);
EMUL_FN(rdmsr); EMUL_FN(wrmsr); EMUL_FN(xgetbv); EMUL_FN(xsetbv);
EMUL_FN(hypercall); EMUL_FN(rsm); EMUL_FN(swapgs); EMUL_FN(clflush);
EMUL_FN(clac); EMUL_FN(stac); EMUL_FN(fsgsbase); EMUL_FN(pause);
EMUL_FN(arpl); EMUL_FN(rdpid);

/* syscall.c */
EMUL_FN(syscall); EMUL_FN(sysret); EMUL_FN(sysenter); EMUL_FN(sysexit);

/* bmi.c */
EMUL_FN(andn); EMUL_FN(bls); EMUL_FN(bextr); EMUL_FN(bzhi); EMUL_FN(pdep);
EMUL_FN(pext); EMUL_FN(mulx); EMUL_FN(rorx); EMUL_FN(shiftx); EMUL_FN(adx);

/* x87.c */
EMUL_FN(x87_mem); EMUL_FN(fninit); EMUL_FN(fnclex); EMUL_FN(fnstsw_ax);
EMUL_FN(fnop); EMUL_FN(fwait); EMUL_FN(fxsave); EMUL_FN(fxrstor);
EMUL_FN(ldmxcsr); EMUL_FN(stmxcsr);

/* simd.c */
EMUL_FN(vmask_load); EMUL_FN(vmask_store); EMUL_FN(maskmov);
EMUL_FN(maskmov_mmx);
EMUL_FN(xmm_load); EMUL_FN(xmm_store); EMUL_FN(xmm_loada); EMUL_FN(xmm_storea);
EMUL_FN(movd_load); EMUL_FN(movd_store); EMUL_FN(movq_load);
EMUL_FN(movq_store); EMUL_FN(movd_mmx_load); EMUL_FN(movd_mmx_store);
EMUL_FN(movq_mmx_load); EMUL_FN(movq_mmx_store); EMUL_FN(movs_load);
EMUL_FN(movs_store); EMUL_FN(movh_load); EMUL_FN(movh_store);
EMUL_FN(movl_load); EMUL_FN(movl_store);

#undef EMUL_FN

#endif
