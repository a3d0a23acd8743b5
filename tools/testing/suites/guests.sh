#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guests.sh check|long|hand|all|list [NAME...]: guests of others under an unmodified QEMU
# on the host: the runs of guests.table that "on" lines mark with the word, of the
# guests named. All of them share one boot of the host. KVM=stock shows what is the
# emulator's fault. HOST_OPTS= more options for host-run; LOGS=dir keeps the consoles.

set -u
here=$(cd "$(dirname "$0")" && pwd)
ROOT=${ROOT:-$(cd "$here/../../.." && pwd)}
KVM=${KVM:-ours}
. "$here/tap.sh"
. "$HOSTDIR/lib.sh"
BUILD=${BUILD:-$ROOT/build}
mkdir -p "$BUILD/check"
work=$(mktemp -d "$BUILD/check/guests.XXXXXX")
trap 'rm -rf "$work"' EXIT

which=${1:-check}
case $which in check|long|hand|all|list) ;; *) die "check, long, hand, all or list, not $which" ;; esac
shift $(($# ? 1 : 0))
mkdir -p "$work/g/drives" "$work/g/files"
awk -v WHICH="$which" -v NAMES="$*" -v DIR="$work" -f "$here/guests.awk" "$here/guests.table" ||
	die "guests.table: see above"
if [ "$which" = list ]; then
	cat "$work/list"
	exit
fi
[ -s "$work/g/runs" ] || die "no guest to run: $*"

# provide WHERE PATH NAME: a file of a Debian package, of the build folder
# ("build"), one that the Makefile of guests/ makes ("made"), or the host's own kernel
# ("host vmlinuz"). A NAME without .gz of a path with it is unpacked.
provide()
{
	local path

	case $1 in
	build)	path=$BUILD/$2 ;;
	host)	path=/boot/$2-$(host_kver) ;;
	made)	path=$BUILD/guests/$2
		make -s -C "$here/guests" OUT="$BUILD/guests" "$path" >&2 || return ;;
	*)	path=$BUILD/packages/$1/$2
		"$HOSTDIR/fetch" "$1" "$2" || return ;;
	esac
	if [[ $path = *.gz && $3 != *.gz ]]; then
		gzip -dc "$path" > "$work/g/files/$3"
	else
		cp -L "$path" "$work/g/files/$3"
	fi
}

while read -r package path name; do
	provide "$package" "$path" "$name" || die "no $path of $package"
done < <(sort -u "$work/files")
disks=()
while read -r disk; do
	disks+=(--disk "$BUILD/$disk,snapshot")
done < <(sort -u "$work/disks")

"$HOSTDIR/build-driver" || die "cannot build console-drive"
qemu_tree
outs=()
[ -z "${LOGS:-}" ] || { mkdir -p "$LOGS/logs"; outs=(--out "$LOGS"); }
limit=$(awk '{ sum += $3 } END { print sum + 60 }' "$work/g/runs")
# shellcheck disable=SC2086
"$HOSTDIR/host-run" --cpus 1 --mem 3G --timeout "$limit" "${disks[@]}" "${outs[@]}" \
	--add "$work/g:/g" --add "$QEMU_TREE:/" --add "$here/l1-guests:/l1-guests" \
	--add "$BUILD/host/console-drive:/usr/bin/console-drive" ${HOST_OPTS:-} \
	-- /l1-guests > "$work/out" 2> "$work/err"
status=$?

while read -r name machine _ cpus; do
	sed -n "/^@@ begin $name\r*\$/,/^@@ end $name /{/^@@/!p}" "$work/out" > "$work/one"
	read -r rc seconds < <(tr -d '\r' < "$work/out" | sed -nE "s/^@@ end $name //p")
	tap "${name%%@*} on $machine, $cpus CPUs, KVM=$KVM, ${seconds:-no end in} s" "${rc:-1}" "$work/one"
	rc= seconds=
done < "$work/g/runs"
[ -z "${LOGS:-}" ] || cp "$work/err" "$LOGS/host-run.err"
tap "the host's kernel log is clean and the modules unload" "$status" "$work/err"
tap_plan
