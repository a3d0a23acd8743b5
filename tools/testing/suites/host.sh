#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The harness itself: what must fail fails, and tells why by its exit code.

set -u
. "$(dirname "$0")/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export KVM=none

# expect NAME STATUS COMMAND...: the command must end with this exit code.
expect()
{
	local name=$1 want=$2 got
	shift 2

	"$@" > "$work/out" 2> "$work/log" < /dev/null
	got=$?
	printf 'exit code %d, wanted %d\n' "$got" "$want" >> "$work/log"
	tap "$name" "$([ "$got" = "$want" ]; echo $?)" "$work/log"
}

run="$HOSTDIR/host-run --cpus 1 --mem 512M"
expect "the command's exit code comes back" 7 $run -- sh -c 'echo "a  b"; exit 7'
tap "its output comes back unchanged" "$(printf 'a  b\n' | cmp -s - "$work/out"; echo $?)"
expect "a warning in the kernel's log fails the run" 120 \
	$run -- sh -c 'echo "<4>WARNING: CPU: 0 PID: 1 at x.c:1" > /dev/kmsg'
expect "a panic fails the run" 120 $run -- sh -c 'echo c > /proc/sysrq-trigger; sleep 9'
expect "the time limit ends it" 124 $run --timeout 10 -- sleep 100
expect "an end without an exit code is no success" 125 \
	$run -- sh -c 'echo o > /proc/sysrq-trigger; sleep 9'
mkdir "$work/dir"
echo there > "$work/dir/file"
expect "folders go in and results come out" 0 $run --add "$work/dir:/in/dir" \
	--out "$work/results" -- cp /in/dir/file /out/
tap "the result is whole" "$(cmp -s "$work/dir/file" "$work/results/file"; echo $?)"

# driver SCRIPT-LINES COMMAND...: console-drive with a script made on the spot.
driver()
{
	printf '%b' "$1" > "$work/script"
	shift
	"$BUILD/host/console-drive" "$work/script" "$@"
}
"$HOSTDIR/build-driver"
expect "a console that answers" 0 driver 'expect who\\?\nsend me\nexpect hi me\n' \
	sh -c 'echo "who?"; echo "hi $(head -c 3 | tr -d "\r")"'
expect "a console that answers wrong" 1 driver 'timeout 2\nexpect nothing\n' sh -c 'echo hi; sleep 5'
expect "a console whose command fails" 1 driver 'expect hi\n' sh -c 'echo hi; exit 3'

# merged STATUS TAP: how many failures tap-merge.awk sees.
merged()
{
	printf '%b' "$2" | awk -v dir=t -v status="$1" -f "$here/tap-merge.awk" | grep -c '^not ok'
}
judge()
{
	tap "$1" "$([ "$(merged "$3" "$4")" = "$2" ]; echo $?)"
}
judge "all passed" 0 0 '1..2\nok 1 a\nok 2 b\n'
judge "a failure counts" 1 1 '1..2\nok 1 a\nnot ok 2 b\n'
judge "a missing result counts" 1 0 '1..2\nok 1 a\n'
judge "a missing plan counts" 1 0 'ok 1 a\n'
judge "a crash after the last result counts" 1 139 '1..1\nok 1 a\n'
judge "a hang counts" 1 137 '1..2\nok 1 a\n'
judge "silence counts" 1 0 ''
judge "a skip of all is none" 0 4 '1..0 # SKIP no device\n'
tap_plan
