#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The debug kernel reports what it is there to report: faults that are made on
# purpose fail their run, and the log names each check that saw one.

set -u
. "$(dirname "$0")/tap.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export KVM=none
leak=$(find "$BUILD/debug-kernel/root" -name kmemleak-test.ko)

debug_run()
{
	"$HOSTDIR/host-run" --debug-kernel --cpus 2 --mem 1G --timeout 200 \
		--log "$work/klog" "$@" > "$work/log" 2>&1
}

debug_run -- sh -c 'grep -q "debug_locks: *1" /proc/lockdep_stats &&
	[ -w /sys/kernel/debug/kmemleak ] && [ -d /sys/kernel/debug/failslab ]'
tap "a run with no fault is clean, and lockdep, kmemleak and failslab are on" $? "$work/log"

# The last one ends the shell that makes it.
debug_run --add "$leak:/leak.ko" -- sh -c 'insmod /leak.ko; rmmod kmemleak_test
	cd /sys/kernel/debug/provoke-crash
	for fault in READ_AFTER_FREE ARRAY_BOUNDS CORRUPT_LIST_ADD; do
		echo $fault > DIRECT
	done'
status=$?
tap "faults fail their run" "$([ $status = 120 ]; echo $?)" "$work/log"
for words in "KASAN: (slab-)?use-after-free" "UBSAN: array-index-out-of-bounds" \
	"list_add corruption" "unreferenced object"; do
	grep -qE "$words" "$work/klog"
	tap "reported: $words" $? "$work/log"
done
tap_plan
