#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# boot.sh [smoke|small|full]: guests boot and end as they should, with the hypervisor
# and VMM that KVM= and VMM= say. "smoke" is one small guest; "small" leaves the Debian disk out, "full" adds
# the second processor on it, a write-heavy run and the check of the file system
# after it. HOST_OPTS= more options for host-run, LIMIT= and DISK_LIMIT= the seconds
# of a small guest and of one with the disk.

set -u
. "$(dirname "$0")/tap.sh"
drives=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "$BUILD/check/boot.XXXXXX")
trap 'rm -rf "$work"' EXIT

# small CPUS [VMM OPTION...]: the busybox guest says how many processors it has
# and powers off.
small()
{
	local cpus=$1 status
	shift
	local name="small guest, $cpus processors, KVM=$KVM VMM=$VMM${*:+ $*}"

	"$HOSTDIR/guest-run" --small --cpus "$cpus" --append "loglevel=5" \
		--timeout "${LIMIT:-120}" --host "${HOST_OPTS:-}" -- "$@" > "$work/log" 2>&1
	status=$?
	grep -q "guest: up with $cpus processors" "$work/log" || status=1
	grep -q "guest: bye" "$work/log" || status=1
	tap "$name" "$status" "$work/log"
}

# disk NAME CPUS DRIVE OPTION...: the Debian guest, its console driven.
disk()
{
	local name="$1, $2 processors, KVM=$KVM VMM=$VMM" cpus=$2 drive=$3
	shift 3

	"$HOSTDIR/guest-run" --cpus "$cpus" --drive "$drive" --append "loglevel=6" \
		--timeout "${DISK_LIMIT:-400}" "$@" > "$work/log" 2>&1
	tap "$name" $? "$work/log"
}

if [ "${1:-}" = smoke ]; then
	# shellcheck disable=SC2046
	small 1 $([ "$VMM" = qemu ] && echo -M microvm -cpu max)
	tap_plan
	exit
fi
small 1
small 2
if [ "$VMM" = qemu ]; then
	small 2 -M pc -cpu EPYC-Rome
	small 2 -M q35,kernel-irqchip=split
	small 4 -M microvm -cpu max
fi
if [ "${1:-}" = small ]; then
	tap_plan
	exit
fi
disk "Debian boots to its login and powers off" 1 "$HOSTDIR/login.drive" --snapshot
if [ "${1:-}" = full ]; then
	cp --sparse=always "$BUILD/guest/disk.img" "$work/disk.img"
	disk "Debian writes, syncs and powers off" 2 "$drives/writes.drive" \
		--image "$work/disk.img" --root /dev/vda
	e2fsck -fn "$work/disk.img" > "$work/log" 2>&1
	tap "fsck finds the written file system clean" $? "$work/log"
	# The files written last must have reached the disk whole.
	sums=$(debugfs -R "cat /root/sums" "$work/disk.img" 2> /dev/null)
	bad=$([ -n "$sums" ] || echo no sums)
	while read -r sum file; do
		[ "$(debugfs -R "cat $file" "$work/disk.img" 2> /dev/null | md5sum |
			cut -d' ' -f1)" = "$sum" ] || bad+=" $file"
	done <<< "$sums"
	printf 'bad: %s\n' "$bad" > "$work/log"
	tap "the written files read back as written" "$([ -z "$bad" ]; echo $?)" "$work/log"
fi
tap_plan
