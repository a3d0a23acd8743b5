# SPDX-License-Identifier: GPL-2.0-only
#
# An AMD host: QEMU's TCG emulates a processor with SVM and nested paging.
#
# A host kind supplies host_check, which fails with a message when the host
# cannot be had here, and host_boot, which boots kernel $L1_KERNEL with
# initramfs $L1_INITRD, connects the job's terminal to stdin and stdout, writes
# the kernel's log to $L1_LOG and returns when the host is off. Both read the
# OPT_ variables of host-run. It says what modules disks and /out need there,
# and what l1-init shall do for /out: 9p, or the disk to leave an archive on.

VENDOR_MODULE=kvm-amd
L1_DISK_MODULES="virtio_pci virtio_blk"
L1_SHARE_MODULES="virtio_pci 9p 9pnet_virtio"
L1_SHARE=9p

host_check()
{
	command -v qemu-system-x86_64 > /dev/null ||
		die "qemu-system-x86_64 not found: install qemu-system-x86 and seabios"
}

# TCG's VMRUN can lose an interrupt that arrives just then. Its local APIC still has
# it, and delivers it with the next one: a byte for the job's serial port that nobody
# reads (XON: nobody echoes it either). Else a host that waits for the lost one sleeps
# for good.
beats()
{
	while [ -z "$OPT_ICOUNT" ] && sleep 0.2; do
		printf '\021'
	done 2> /dev/null
}

host_boot()
{
	local args=(-M q35 -cpu "${OPT_CPU_MODEL:-max}" -m "$OPT_MEM" -nic none
		-nodefaults -display none -vga none -no-reboot
		-kernel "$L1_KERNEL" -initrd "$L1_INITRD"
		-serial "file:$L1_LOG")
	local accel=tcg,thread=multi,tb-size=512 cpus=$OPT_CPUS disk file mode n=0
	local append="console=ttyS0 loglevel=7 mitigations=off panic=-1 printk.devkmsg=on"

	if [ -n "$OPT_ICOUNT" ]; then
		accel=tcg,thread=single,tb-size=512
		cpus=1
		args+=(-icount shift=0,sleep=off)
	fi
	[ -z "$OPT_PLUGIN" ] || args+=(-plugin "$OPT_PLUGIN")
	# It enforces no coherence with caches, and needs Intel's processors no more than AMD's.
	if [ -n "$OPT_IOMMU" ]; then
		args+=(-device intel-iommu,intremap=on)
		append+=" intel_iommu=on"
	fi
	# Emulated processors stall when the machine below is busy.
	append+=" tsc=reliable nowatchdog rcupdate.rcu_cpu_stall_timeout=120"
	args+=(-accel "$accel" -smp "$cpus" -append "$append $OPT_APPEND")

	for disk in "${OPT_DISKS[@]}"; do
		file=${disk%%,*}
		mode=
		case $disk in
		*,snapshot) mode=,snapshot=on ;;
		*,ro) mode=,readonly=on ;;
		esac
		args+=(-drive "if=none,id=d$n,format=raw,cache=writeback,discard=unmap,file=$file$mode"
			-device "virtio-blk-pci,drive=d$n")
		n=$((n + 1))
	done
	if [ -n "$OPT_OUT" ]; then
		args+=(-virtfs "local,path=$OPT_OUT,mount_tag=out,security_model=mapped-file")
	fi

	if [ -n "$OPT_INTERACTIVE" ]; then
		args+=(-chardev stdio,id=job,signal=off -serial chardev:job -monitor none)
		timeout --foreground -k 5 "$OPT_TIMEOUT" qemu-system-x86_64 "${args[@]}"
		return
	fi
	# QEMU makes its stdout non-blocking; the pipe keeps that from our caller.
	args+=(-chardev stdio,id=job,signal=on -serial chardev:job -monitor none)
	timeout -k 5 "$OPT_TIMEOUT" qemu-system-x86_64 "${args[@]}" < <(beats) | cat
	return "${PIPESTATUS[0]}"
}
