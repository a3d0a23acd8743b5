# SPDX-License-Identifier: GPL-2.0-only
#
# Takes guests.table apart: DIR/g/runs has the runs that WHICH and NAMES choose,
# DIR/g/drives their scripts, DIR/files and DIR/disks what they need, DIR/list
# what there is.

function bad(text)
{
	print FILENAME ":" FNR ": " text > "/dev/stderr"
	failed = 1
	exit 1
}

# All runs of one guest: the same steps on each machine.
function flush_guest(	i, run, n)
{
	for (i = 1; i <= runs; i++) {
		printf "%-24s %-6s %-32s %d %5d s\n", guest, when[i], machine[i], cpus[i],
			limit[i] > (DIR "/list")
		if (!wanted(guest) || (WHICH != "all" && WHICH != when[i]))
			continue
		run = guest "@" ++serial
		print run, machine[i], limit[i], cpus[i] > (DIR "/g/runs")
		printf "%s", steps > (DIR "/g/drives/" run)
		close(DIR "/g/drives/" run)
		for (n = 1; n <= files; n++)
			print file[n] > (DIR "/files")
		for (n = 1; n <= disks; n++)
			print disk[n] > (DIR "/disks")
	}
	runs = files = disks = 0
	steps = ""
}

function wanted(name,	n, i, list)
{
	n = split(NAMES, list, " ")
	for (i = 1; i <= n; i++)
		if (list[i] == name)
			return 1
	return n == 0
}

BEGIN {
	printf "" > (DIR "/files")
	printf "" > (DIR "/disks")
	printf "" > (DIR "/g/runs")
}

/^[ \t]*(#|$)/ {
	next
}

$1 == "guest" {
	flush_guest()
	guest = $2
	next
}

$1 == "on" {
	if ((NF != 4 && NF != 5) || $2 !~ /^(check|long|hand)$/)
		bad("on check|long|hand MACHINE SECONDS [PROCESSORS]")
	when[++runs] = $2
	machine[runs] = $3
	limit[runs] = $4
	cpus[runs] = NF == 5 ? $5 : 1
	next
}

$1 == "file" {
	name = $4
	if (name == "") {
		name = $3
		sub(/.*\//, "", name)
	}
	file[++files] = $2 " " $3 " " name
	next
}

$1 == "disk" {
	disk[++disks] = $2
	next
}

$1 == "qemu" {
	sub(/^[ \t]*qemu[ \t]+/, "")
	steps = steps "start $Q -monitor unix:mon$N,server=on,wait=off $M " $0 "\n"
	next
}

{
	sub(/^[ \t]+/, "")
	steps = steps $0 "\n"
}

END {
	if (!failed)
		flush_guest()
	exit failed
}
