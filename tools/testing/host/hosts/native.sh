# SPDX-License-Identifier: GPL-2.0-only
#
# This machine itself is the host. It supplies host_exec instead of host_boot:
# the command runs here, in a root of its own (an overlay that is thrown away,
# so that --add leaves no trace), on our modules or the distribution's.
# Modules that were loaded before are back afterwards.

VENDOR_MODULE=kvm-amd
NATIVE_BEFORE=

# ask TEXT: yes from the person at the terminal or from YES=1.
ask()
{
	local answer

	[ "${YES:-}" = 1 ] && return
	[ -t 0 ] || die "$1: say YES=1 if that is what you want"
	read -r -p "$1 [y/N] " answer
	[ "$answer" = y ] || [ "$answer" = yes ]
}

is_loaded()
{
	[ -d "/sys/module/$1" ] && grep -q "^$1 " /proc/modules
}

host_check()
{
	local users

	[ "$(id -u)" = 0 ] || die "HOST=native needs root: it loads modules and mounts"
	[ -z "$OPT_IOMMU" ] || die "HOST=native: this machine has an IOMMU, or it has none"
	[ -z "$OPT_ICOUNT$OPT_CPU_MODEL$OPT_APPEND$OPT_DEBUG" ] ||
		die "HOST=native: --icount, --cpu-model, --append and --debug-kernel need an emulated host"
	KVER=$(uname -r)
	[ "$KVM" != none ] || return 0
	if grep -qw svm /proc/cpuinfo; then
		VENDOR_MODULE=kvm-amd
	elif grep -qw vmx /proc/cpuinfo; then
		VENDOR_MODULE=kvm-intel
	else
		die "this processor shows neither AMD-V nor VT-x (is it off in the firmware?): use HOST=amd"
	fi
	[ "$KVM" = ours ] || return 0
	is_loaded kvm || return 0
	users=$(cat /sys/module/"${VENDOR_MODULE/-/_}"/refcnt 2> /dev/null || echo 0)
	[ "$users" = 0 ] || die "the loaded kvm modules have $users users (running guests?): stop them first"
	ask "replace the loaded kvm modules by ours while this runs?" || die "left alone"
	NATIVE_BEFORE=${VENDOR_MODULE/-/_}
}

unload_kvm()
{
	local name

	for name in kvm_amd kvm_intel kvm; do
		! is_loaded $name || rmmod $name || return 1
	done
}

load_ours()
{
	local dir=$1/lib/kvm file name arg args

	unload_kvm || die "cannot unload the loaded kvm modules"
	modprobe irqbypass 2> /dev/null
	modprobe ccp 2> /dev/null
	while read -r file; do
		name=${file%.ko}
		name=${name//-/_}
		is_loaded "$name" && continue
		args=()
		for arg in $OPT_MODARGS; do
			[ "${arg%%.*}" = "$name" ] && args+=("${arg#*.}")
		done
		insmod "$dir/$file" "${args[@]}" || { unload_kvm; restore_kvm; die "insmod $file failed"; }
	done < "$dir/kvm.list"
}

restore_kvm()
{
	[ -z "$NATIVE_BEFORE" ] || modprobe "$NATIVE_BEFORE"
}

# native_disks DEVDIR: each --disk as a loop device under the name it has on an
# emulated host.
native_disks()
{
	local disk file loop letters=abcdefgh n=0

	for disk in "${OPT_DISKS[@]}"; do
		file=${disk%%,*}
		if [[ $disk = *,snapshot ]]; then
			cp --sparse=always "$file" "$RUN/disk$n" || return 1
			file=$RUN/disk$n
		fi
		if [[ $disk = *,ro ]]; then
			loop=$(losetup -r -f --show "$file") || return 1
		else
			loop=$(losetup -f --show "$file") || return 1
		fi
		NATIVE_LOOPS+=" $loop"
		cp -a "$loop" "$1/vd${letters:n:1}" || return 1
		n=$((n + 1))
	done
}

# native_root STAGE: runs in a mount namespace of its own.
native_root()
{
	local root=$RUN/root node

	mkdir -p "$root" "$RUN/over" && mount -t tmpfs tmpfs "$RUN/over" &&
		mkdir "$RUN/over/up" "$RUN/over/work" && cp -a "$1/." "$RUN/over/up/" &&
		mount -t overlay overlay -o \
			"lowerdir=/,upperdir=$RUN/over/up,workdir=$RUN/over/work" "$root" &&
		mount -t proc proc "$root/proc" && mount --rbind /sys "$root/sys" &&
		mount -t tmpfs tmpfs "$root/tmp" && mount -t tmpfs tmpfs "$root/dev" || return 1
	mountpoint -q "$root/sys/kernel/debug" || mount -t debugfs debugfs "$root/sys/kernel/debug"
	for node in kvm null zero full random urandom tty ptmx vhost-net vhost-vsock kmsg; do
		[ ! -e "/dev/$node" ] || cp -a "/dev/$node" "$root/dev/"
	done
	mkdir "$root/dev/pts" "$root/dev/shm" && mount -t tmpfs tmpfs "$root/dev/shm" &&
		mount --bind /dev/pts "$root/dev/pts"
	ln -s /proc/self/fd "$root/dev/fd"
	native_disks "$root/dev" || return 1
	if [ -n "$OPT_OUT" ]; then
		mkdir -p "$root/out" && mount --bind "$OPT_OUT" "$root/out" || return 1
	fi
}

# native_session STAGE: the body of the namespace; its exit code is the command's.
native_session()
{
	local status loop

	NATIVE_LOOPS=
	native_root "$1" || { say "cannot set up the command's root"; return 125; }
	if [ -n "$OPT_INTERACTIVE" ]; then
		timeout --foreground -k 5 "$OPT_TIMEOUT" chroot "$RUN/root" /job/run
	else
		timeout -k 5 "$OPT_TIMEOUT" chroot "$RUN/root" /job/run < /dev/null
	fi
	status=$?
	for loop in $NATIVE_LOOPS; do
		sync "$loop"
		losetup -d "$loop"
	done
	return $status
}

host_exec()
{
	local stage=$1 status mark

	mark="host-run: start $$ $(date +%s)"
	[ "$KVM" = ours ] && load_ours "$stage"
	[ "$KVM" = stock ] && modprobe "$VENDOR_MODULE"
	echo "<6>$mark" > /dev/kmsg
	export HOSTDIR HOST KVM KVER RUN OPT_OUT OPT_INTERACTIVE OPT_TIMEOUT
	unshare -m --propagation private bash -c '
		. "$HOSTDIR/lib.sh"; . "$HOSTDIR/hosts/native.sh"
		stage=$1; shift; OPT_DISKS=("$@"); native_session "$stage"
	' host-run "$stage" "${OPT_DISKS[@]}"
	status=$?
	[ "$status" = 124 ] || echo "<6>host-run: exit $status" > /dev/kmsg
	if [ "$KVM" = ours ] && [ -z "$OPT_KEEP" ]; then
		unload_kvm || echo "<4>host-run: LEAK: kvm is still in use after the command" > /dev/kmsg
		restore_kvm
	fi
	dmesg | sed -n "/$mark\$/,\$p" > "$L1_LOG"
	return "$status"
}
