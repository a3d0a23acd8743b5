#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# This tree as the KVM of a kernel: laid over Debian's linux-source-6.1, with
# Debian's configuration, the kernel's own Kbuild compiles the modules and what
# else asks for linux/kvm_host.h, and its kselftests build ours.

set -u
. "$(dirname "$0")/tap.sh"
source=/usr/src/linux-source-6.1.tar.xz
work=$BUILD/overlay
linux=$work/linux-source-6.1
log=$work/log
jobs=-j$(nproc)
unset MAKEFLAGS MFLAGS MAKELEVEL OUT OUTPUT KVER
mkdir -p "$work"

# step NAME COMMAND...: nothing that follows a failure can pass.
step()
{
	local name=$1 status
	shift

	"$@" > "$log" 2>&1 < /dev/null
	status=$?
	tap "$name" $status "$log"
	[ $status = 0 ] || { tap_plan; exit 1; }
}

unpack()
{
	[ ! -e "$work/unpacked" ] || [ "$source" -nt "$work/unpacked" ] || return 0
	rm -rf "$linux" "$work/unpacked"
	tar -xf "$source" -C "$work" && touch -r "$source" "$work/unpacked"
}

config()
{
	local from

	. "$HOSTDIR/lib.sh"
	from=/boot/config-$(pick_kver 6.1 amd64)
	cmp -s "$from" "$work/config" || cp "$from" "$linux/.config" || return 1
	cp "$from" "$work/config"
	make -C "$linux" olddefconfig || return 1
	grep -x CONFIG_KVM=m "$linux/.config" && grep -x CONFIG_KVM_AMD=m "$linux/.config" &&
		grep -x CONFIG_KVM_INTEL=m "$linux/.config" && grep -x CONFIG_PREEMPT_NOTIFIERS=y "$linux/.config"
}

# Each of our sources has its object, and they are in the three modules.
compiled()
{
	local file bad=0 kvm=$linux/arch/x86/kvm

	make -C "$linux" "$jobs" arch/x86/kvm/ || return 1
	for file in "$kvm"/*.c "$kvm"/{mmu,irqchip,hyperv,pmu,emul,svm,vmx}/*.[cS] "$linux"/virt/kvm/*.c; do
		[ "${file%.*}.o" -nt "$file" ] || { echo "$file was not compiled"; bad=1; }
	done
	nm "$kvm/kvm.o" "$kvm/kvm-amd.o" "$kvm/kvm-intel.o" > "$work/symbols" || bad=1
	return $bad
}

# Nothing on x86 may want what was removed.
unwanted()
{
	cd "$linux" || return 1
	! grep -rnE --include='*.[chS]' \
		'(linux/kvm_(irqfd|types|dirty_ring)|asm/kvm_(host|types|page_track)|kvm/iodev)\.h' \
		arch/x86 kernel mm lib fs init net block security virt include/linux drivers/vfio
}

step "the kernel's sources unpack" unpack
step "the overlay is laid" "$ROOT/tools/overlay" "$linux"
step "nothing misses what it removed" unwanted
step "Debian's configuration has our options" config
step "modules_prepare" make -C "$linux" "$jobs" modules_prepare
step "the kernel's Kbuild compiles every source of ours" compiled
step "what includes linux/kvm_host.h compiles" \
	make -C "$linux" "$jobs" arch/x86/events/intel/core.o kernel/entry/
step "the headers for user space install" make -C "$linux" "$jobs" headers
step "the kernel's kselftests build ours" \
	make -C "$linux/tools/testing/selftests" "$jobs" TARGETS=kvm
tap_plan
