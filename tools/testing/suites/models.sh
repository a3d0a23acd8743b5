#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kvm-intel on other Intel processors, one boot of each: one with more than the usual
# model has, one with less (no extended page tables), and the usual one with
# parameters that take away from it.

set -u
. "$(dirname "$0")/tap.sh"
. "$HOSTDIR/lib.sh"
export HOST=intel
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
modules=$BUILD/modules-$(host_kver) || exit 1

# newer MODEL PROGRAM...: these selftests pass there.
newer()
{
	local model=$1 line
	shift

	KVM=ours TESTS="$*" TOTAL=150 LIMIT=60 HOST_OPTS="--cpus 1 --mem 1G --cpu-model $model" \
		"$here/kselftest.sh" > "$work/newer"
	while read -r line; do
		case $line in
		"ok "*|"not ok "*)
			TAP_N=$((TAP_N + 1))
			printf '%s %d - %s: %s\n' "${line%% [0-9]*}" "$TAP_N" "$model" "${line#* - }" ;;
		"#"*)	printf '%s\n' "$line" ;;
		esac
	done < "$work/newer"
}

# loads MODEL ARGUMENTS=ANSWER...: how the module loads with each of these sets of
# arguments (":" between two of them); the answer is "good", or part of the line that
# says why not.
loads()
{
	local model=$1 try n=0 test
	shift

	mkdir -p "$work/kvm" "$work/t"
	cp "$modules/kvm.ko" "$modules/kvm-intel.ko" "$work/kvm/" &&
		strip --strip-debug "$work/kvm/"*.ko || return
	for test in run_exits memslots real_mode vm86 lapic irq_delivery shadow_paging \
		cpuid narrow_addresses; do
		cp "$BUILD/selftests/kvm/$test" "$work/t/" || return
	done
	KVM=none "$HOSTDIR/host-run" --cpus 1 --timeout 450 --cpu-model "$model" \
		--add "$work/kvm:/kvm" --add "$work/t:/t" --add "$here/l1-loads:/l1-loads" \
		-- /l1-loads "$@" > "$work/loads" 2>&1
	tap "$model: the host's kernel log is clean" $? "$work/loads"
	for try; do
		n=$((n + 1))
		grep -q "^loads: $n good" "$work/loads"
		tap "$model, arguments (${try%%=>*}): ${try#*=>}" $? "$work/loads"
	done
}

newer corei7_skylake_x run_exits memslots dirty_log vm_life lapic cpu_state msrs cpuid
loads core2_penryn_t9600 "=>good"
loads broadwell_ult "ept=0 vpid=0=>good" \
	"unrestricted_guest=0=>good" "unrestricted_guest=0 vpid=0 eptad=0=>good" \
	"ple_gap=0 preemption_timer=0=>good" "enable_apicv=1 flexpriority=0=>good" \
	"allow_smaller_maxphyaddr=1=>good"
tap_plan
