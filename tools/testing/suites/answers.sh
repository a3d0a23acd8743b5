#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Asks our modules and the stock ones the same questions (tools/testing/abi/answers)
# on the same host. Where they differ, the file "differences" there has to know it.
# QUESTIONS names the sections to ask, all by default; KEEP=DIR keeps both answers.

set -u
. "$(dirname "$0")/tap.sh"
: "${HOST:=amd}"
dir=$ROOT/tools/testing/abi/answers
work=${KEEP:-$(mktemp -d)}
[ -n "${KEEP:-}" ] || trap 'rm -rf "$work"' EXIT
make -s -C "$dir" OUT="$BUILD/abi" || { echo "Bail out! cannot build the questions"; exit 1; }

for kvm in stock ours; do
	mkdir -p "$work/$kvm"
	args=
	# Nested guests add a hundred MSRs there.
	[ "$kvm.$HOST" != stock.intel ] || args=kvm_intel.nested=0
	KVM=$kvm "$HOSTDIR/host-run" --cpus 1 --timeout "${LIMIT:-250}" --out "$work/$kvm" \
		--module-args "$args" --add "$BUILD/abi/answers:/answers" \
		-- sh -c "dmesg -n 1; /answers ${QUESTIONS:-} > /out/answers; r=\$?; dmesg -n 7; exit \$r" \
		> "$work/$kvm/log" 2>&1
	tap "the questions reach the end with KVM=$kvm" $? "$work/$kvm/log"
done

cat "$dir/differences" $(ls "$dir/differences-$HOST" 2>/dev/null) > "$work/known"
awk -f "$dir/compare.awk" "$work/known" "$work/stock/answers" "$work/ours/answers" \
	> "$work/result"
status=$?
sed -n 's/^note /# /p' "$work/result"
grep -v '^note ' "$work/result" > "$work/new"
tap "no difference that is not known" $status "$work/new"
tap_plan
