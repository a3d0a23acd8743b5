// SPDX-License-Identifier: GPL-2.0-only
/* Registers, instruction bytes and reasons, in words. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dump.h"
#include "gmem.h"
#include "kvm_abi.h"
#include "log.h"
#include "vmm.h"

#define MAX_INSN	15

typedef unsigned long long u64_;

static void dump_bytes(unsigned int id, const char *what, const uint8_t *p, size_t n)
{
	char hex[3 * MAX_INSN + 1] = "";

	for (size_t i = 0; i < n && i < MAX_INSN; i++)
		snprintf(hex + 3 * i, 4, " %02x", p[i]);
	vmm_err("CPU %u: %s:%s", id, what, hex);
}

static void dump_code(struct vmm *vmm, unsigned int id, int fd, uint64_t addr)
{
	struct kvm_translation t = { .linear_address = addr };
	uint64_t room = 0x1000 - (addr & 0xfff);
	uint8_t code[MAX_INSN];
	size_t n = room < MAX_INSN ? room : MAX_INSN;

	if (ioctl(fd, KVM_TRANSLATE, &t) < 0 || !t.valid ||
	    gmem_read(vmm->gmem, t.physical_address, code, n))
		vmm_err("CPU %u: the code at %#llx cannot be read", id, (u64_)addr);
	else
		dump_bytes(id, "code", code, n);
}

void dump_vcpu(struct vmm *vmm, unsigned int id, int fd)
{
	struct kvm_sregs s;
	struct kvm_regs r;

	if (ioctl(fd, KVM_GET_REGS, &r) < 0 || ioctl(fd, KVM_GET_SREGS, &s) < 0) {
		vmm_err("CPU %u: its registers cannot be read", id);
		return;
	}
	/* After a triple fault an AMD processor has forgotten them. */
	if (r.rip == 0xfff0 && s.cs.base == 0xffff0000) {
		vmm_err("CPU %u: its registers have their reset values", id);
		return;
	}
	vmm_err("CPU %u: rip %016llx rsp %016llx rflags %08llx", id, r.rip, r.rsp, r.rflags);
	vmm_err("CPU %u: rax %016llx rbx %016llx rcx %016llx rdx %016llx", id,
		r.rax, r.rbx, r.rcx, r.rdx);
	vmm_err("CPU %u: rsi %016llx rdi %016llx rbp %016llx r8  %016llx", id,
		r.rsi, r.rdi, r.rbp, r.r8);
	vmm_err("CPU %u: r9  %016llx r10 %016llx r11 %016llx r12 %016llx", id,
		r.r9, r.r10, r.r11, r.r12);
	vmm_err("CPU %u: r13 %016llx r14 %016llx r15 %016llx", id, r.r13, r.r14, r.r15);
	vmm_err("CPU %u: cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx efer %04llx", id,
		s.cr0, s.cr2, s.cr3, s.cr4, s.efer);
	vmm_err("CPU %u: cs %04x base %016llx limit %08x ss %04x gdt %016llx idt %016llx", id,
		s.cs.selector, s.cs.base, s.cs.limit, s.ss.selector, s.gdt.base, s.idt.base);
	dump_code(vmm, id, fd, s.cs.base + r.rip);
}

static const char *const suberrors[] = {
	[KVM_INTERNAL_ERROR_EMULATION] = "an instruction that the hypervisor cannot emulate",
	[KVM_INTERNAL_ERROR_SIMUL_EX] = "two exceptions at once",
	[KVM_INTERNAL_ERROR_DELIVERY_EV] = "an event could not be delivered",
	[KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "an exit reason the hypervisor does not know",
};

void dump_internal_error(unsigned int id, const struct kvm_run *run)
{
	uint32_t sub = run->internal.suberror, n = run->internal.ndata;
	const char *why = NULL;

	if (sub < sizeof(suberrors) / sizeof(suberrors[0]))
		why = suberrors[sub];
	vmm_err("CPU %u: the hypervisor cannot go on: %s (suberror %u)", id,
		why ? why : "unknown reason", sub);
	for (uint32_t i = 0; i < n && i < sizeof(run->internal.data) / 8; i++)
		vmm_err("CPU %u: data %u: %016llx", id, i, run->internal.data[i]);
	/* Flags word, then size and bytes: three words of data. */
	if (sub == KVM_INTERNAL_ERROR_EMULATION && n >= 3 &&
	    run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)
		dump_bytes(id, "instruction", run->emulation_failure.insn_bytes,
			   run->emulation_failure.insn_size);
}
