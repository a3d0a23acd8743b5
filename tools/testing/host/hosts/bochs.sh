# SPDX-License-Identifier: GPL-2.0-only
#
# What the hosts under Bochs share. Bochs interprets every instruction, so the
# way to the host's first process is made short: kernel and initramfs are put
# into memory uncompressed, and bochs-rom.S starts the kernel there.

L1_DISK_MODULES="ata_piix sd_mod"
L1_SHARE_MODULES=$L1_DISK_MODULES
L1_SHARE=disk
L1_STRIP=1				# checking a signature takes seconds
HOST_CPUS=1
HOST_MEM=1G

BOCHS_SHARE=/usr/share/bochs
BOCHS_ROM=0xd0000 BOCHS_ROM_MAX=65536
BOCHS_KERNEL=0x1000000			# CONFIG_PHYSICAL_START
BOCHS_INITRD=0x8000000
BOCHS_PADS=32 BOCHS_MARK=$((0x4b52414d))
BOCHS_BLOCK=131072
BOCHS_OUT_SIZE=256M

host_check()
{
	local file disks

	for file in $BOCHS_SHARE/BIOS-bochs-latest $BOCHS_SHARE/VGABIOS-lgpl-latest \
		/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so; do
		[ -e "$file" ] || die "HOST=$HOST: no $file: run tools/testing/host/deps bochs"
	done
	for file in bochs script cc objcopy; do
		command -v $file > /dev/null ||
			die "HOST=$HOST: $file not found: run tools/testing/host/deps bochs"
	done
	[ -z "$OPT_ICOUNT" ] || die "HOST=$HOST: --icount needs HOST=amd"
	[ -z "$OPT_IOMMU" ] || die "HOST=$HOST: --iommu needs HOST=amd"
	[ -z "$OPT_PLUGIN" ] || die "HOST=$HOST: --plugin needs HOST=amd"
	[ -z "$OPT_INTERACTIVE" ] || [ -t 0 ] ||
		die "HOST=$HOST: --interactive needs a terminal as standard input"
	case $OPT_CPUS in 1|2|3|4) ;; *) die "HOST=$HOST: --cpus: 1 to 4" ;; esac
	disks=$((${#OPT_DISKS[@]} + 0${OPT_OUT:+ + 1}))
	[ "$disks" -le 4 ] || die "HOST=$HOST: four disks at most, --out is one of them"
}

# bochs_megs: --mem in MiB.
bochs_megs()
{
	case $OPT_MEM in
	*G|*g)	echo $((${OPT_MEM%?} * 1024)) ;;
	*M|*m)	echo "${OPT_MEM%?}" ;;
	*)	echo "$OPT_MEM" ;;
	esac
}

# header FILE OFFSET: a 32-bit field of a kernel's header.
header()
{
	od -A n -t u4 -j "$2" -N 4 "$1" | tr -d ' '
}

# unpack_kernel FILE: what a bzImage has inside, an ELF file (boot.rst:
# payload_offset, payload_length; the last four bytes are the unpacked size).
unpack_kernel()
{
	local sects start length magic

	sects=$(od -A n -t u1 -j 497 -N 1 "$1" | tr -d ' ')
	start=$(($(header "$1" 584) + (sects + 1) * 512))
	length=$(header "$1" 588)
	magic=$(od -A n -t x1 -j $start -N 4 "$1" | tr -d ' ')
	tail -c +$((start + 1)) "$1" | head -c $((length - 4)) |
	case $magic in
	fd377a58) xz -dc --single-stream ;;
	28b52ffd) zstd -dcq ;;
	1f8b*)	gzip -dc ;;
	02214c18) lz4 -dcq ;;
	*)	say "$1: unknown compression $magic"; return 1 ;;
	esac
}

# bochs_kernel: the bare kernel, made once.
bochs_kernel()
{
	local key

	key=$(sha256sum < "$L1_KERNEL" | cut -c 1-12)
	BOCHS_KERNEL_FILE=$BUILD/host/kernel-$KVER-$key.bin
	[ -e "$BOCHS_KERNEL_FILE" ] && [ -e "$BOCHS_KERNEL_FILE.entry" ] && return
	say "unpacking the kernel $KVER"
	unpack_kernel "$L1_KERNEL" > "$RUN/vmlinux" &&
		objcopy -O binary "$RUN/vmlinux" "$RUN/vmlinux.bin" ||
		die "cannot unpack $L1_KERNEL"
	rm -f "$BUILD/host/kernel-$KVER"-*.bin*
	header "$RUN/vmlinux" 24 > "$BOCHS_KERNEL_FILE.entry"	# e_entry
	rm -f "$RUN/vmlinux"
	mv "$RUN/vmlinux.bin" "$BOCHS_KERNEL_FILE"
}

blocks()
{
	echo $((($(stat -c %s "$1") + BOCHS_BLOCK - 1) / BOCHS_BLOCK))
}

# bochs_image: the image whose blocks bochs-rom.S takes one after the other.
bochs_image()
{
	local kernel initrd at i

	kernel=$(blocks "$BOCHS_KERNEL_FILE")
	initrd=$(blocks "$L1_INITRD")
	BOCHS_ROM_DEFS=(-DENTRY="$(cat "$BOCHS_KERNEL_FILE.entry")"
		-DKERNEL_BLOCKS="$kernel" -DINITRD_BLOCKS="$initrd"
		-DINITRD_SIZE="$(stat -c %s "$L1_INITRD")")
	at=$((BOCHS_INITRD + (initrd + 64) * BOCHS_BLOCK))
	[ "$at" -lt $(($(bochs_megs) << 20)) ] || die "HOST=$HOST: --mem is too small"
	[ $((BOCHS_KERNEL + kernel * BOCHS_BLOCK)) -le $((BOCHS_INITRD)) ] ||
		die "HOST=$HOST: the kernel is too large"
	{
		for ((i = 0; i < BOCHS_PADS; i++)); do
			mark $i
			truncate -s $(((i + 1) * BOCHS_BLOCK)) "$RUN/image"
		done
		cat "$BOCHS_KERNEL_FILE"
		truncate -s $(((BOCHS_PADS + kernel) * BOCHS_BLOCK)) "$RUN/image"
		cat "$L1_INITRD"
		truncate -s $(((BOCHS_PADS + kernel + initrd) * BOCHS_BLOCK)) "$RUN/image"
		mark $BOCHS_PADS
	} >> "$RUN/image"
	truncate -s $(((BOCHS_PADS + kernel + initrd + 1) * BOCHS_BLOCK)) "$RUN/image"
}

# mark N: eight bytes, the mark and the number.
mark()
{
	local hex

	hex=$(printf '%08x%08x' "$1" "$BOCHS_MARK")
	printf '%b' "$(fold -w 2 <<< "$hex" | tac | sed 's/^/\\x/' | tr -d '\n')"
}

# bochs_rom: the option ROM for this run: the kernel's command line is in it.
bochs_rom()
{
	local size sectors pass sum

	printf '%s' "$1" > "$RUN/cmdline"
	sectors=1
	for pass in 1 2; do
		cc -c -Wa,-I,"$RUN" -o "$RUN/rom.o" \
			-DROM=$BOCHS_ROM -DSECTORS="$sectors" -DKERNEL=$BOCHS_KERNEL \
			-DINITRD=$BOCHS_INITRD -DPADS=$BOCHS_PADS -DMARK=$BOCHS_MARK \
			"${BOCHS_ROM_DEFS[@]}" "$HOSTDIR/hosts/bochs-rom.S" &&
			ld -m elf_x86_64 -Ttext 0 --oformat binary -o "$RUN/rom" "$RUN/rom.o" ||
			die "cannot build the boot ROM"
		size=$(stat -c %s "$RUN/rom")
		sectors=$(((size + 512) / 512))
	done
	size=$((sectors * 512))
	[ "$size" -le "$BOCHS_ROM_MAX" ] || die "the kernel's command line is too long"
	truncate -s $size "$RUN/rom"
	# The bytes of an option ROM add up to zero.
	sum=$(od -A n -v -t u1 "$RUN/rom" | awk '{ for (i = 1; i <= NF; i++) s += $i }
		END { print (256 - s % 256) % 256 }')
	printf '%b' "\\x$(printf %02x "$sum")" |
		dd of="$RUN/rom" bs=1 seek=$((size - 1)) conv=notrunc status=none
}

# bochs_disk FILE: the next of the four disks, as lines of Bochs's settings.
bochs_disk()
{
	local places=(ata0-master ata0-slave ata1-master ata1-slave)

	printf '%s: type=disk, mode=flat, path="%s"\n' "${places[BOCHS_DISKS]}" "$1"
	BOCHS_DISKS=$((BOCHS_DISKS + 1))
}

bochs_disks()
{
	local disk file

	BOCHS_DISKS=0
	printf 'ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14\n'
	printf 'ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15\n'
	for disk in "${OPT_DISKS[@]}"; do
		file=${disk%%,*}
		case $disk in
		*,snapshot|*,ro)
			cp --sparse=always "$file" "$RUN/disk$BOCHS_DISKS" ||
				die "--disk: cannot copy $file"
			file=$RUN/disk$BOCHS_DISKS ;;
		esac
		bochs_disk "$(realpath "$file")"
	done
	if [ -n "$OPT_OUT" ]; then
		truncate -s $BOCHS_OUT_SIZE "$RUN/out.tar"
		bochs_disk "$RUN/out.tar"
	fi
}

bochs_settings()
{
	cat <<-END
	megs: $(bochs_megs)
	romimage: file=$BOCHS_SHARE/BIOS-bochs-latest, options=fastboot
	vgaromimage: file=$BOCHS_SHARE/VGABIOS-lgpl-latest
	optromimage1: file="$RUN/rom", address=$BOCHS_ROM
	optramimage1: file="$RUN/image", address=0xfe0000
	cpu: model=${OPT_CPU_MODEL:-$BOCHS_MODEL}, count=$OPT_CPUS, ips=${BOCHS_IPS:-50000000}, reset_on_triple_fault=0
	display_library: term
	com1: enabled=1, mode=file, dev="$L1_LOG"
	com2: enabled=1, $1
	log: "$RUN/bochs.log"
	clock: sync=none, time0=local
	sound: driver=dummy
	speaker: enabled=0
	mouse: enabled=0
	panic: action=fatal
	error: action=ignore
	info: action=ignore
	debug: action=ignore
	END
	bochs_disks
}

# bochs_results: what is in --out, and why Bochs ended, unless that was the
# host's clean power-off, which it calls a panic too.
bochs_results()
{
	if [ -n "$OPT_OUT" ] && grep -q 'host-run: exit' "$L1_LOG"; then
		tar -xmf "$RUN/out.tar" -C "$OPT_OUT" --no-same-owner || say "--out: no archive"
	fi
	if [ ! -s "$RUN/bochs.log" ]; then
		tail -n 12 "$RUN/screen" >&2
	else
		grep '>>PANIC<<' "$RUN/bochs.log" | grep -v 'soft power off' | head -n 5 >&2
	fi
}

# Bochs wants a terminal for its screen, and its debugger a word to go.
bochs_run()
{
	timeout -k 5 "$OPT_TIMEOUT" script -qec \
		"exec env TERM=xterm bochs -q -f '$RUN/bochsrc' -rc '$RUN/debugger'" /dev/null \
		< /dev/null > "$RUN/screen" 2>&1
}

host_boot()
{
	local append="console=ttyS0,115200 loglevel=7 mitigations=off panic=-1 printk.devkmsg=on"
	local reader status terminal

	# A triple fault ends Bochs, so a host that wants to start anew ends too.
	append+=" reboot=t cryptomgr.notests tsc=reliable nowatchdog rcupdate.rcu_cpu_stall_timeout=120"
	# The TSC counts instructions, whatever CPUID says of its rate.
	append+=" tsc_early_khz=$((${BOCHS_IPS:-50000000} / 1000))"
	# CPUID leaf 0xd has one size for both formats of XSAVE, and the kernel warns:
	# without XSAVES and XSAVEC (321) it does not look.
	[ "$OPT_CPU_MODEL" != corei7_skylake_x ] || append+=" noxsaves clearcpuid=321"
	# One-shot timers come seconds late when there is more than one processor.
	[ "$OPT_CPUS" = 1 ] || append+=" nohz=off highres=off"
	bochs_kernel
	bochs_image
	bochs_rom "$append $OPT_APPEND"
	echo c > "$RUN/debugger"
	if [ -n "$OPT_INTERACTIVE" ]; then
		terminal=$(stty -g)
		bochs_settings "mode=term, dev=$(tty)" > "$RUN/bochsrc"
		bochs_run
		status=$?
		stty "$terminal" 2> /dev/null
		bochs_results
		return "$status"
	fi
	mkfifo "$RUN/job.out"
	bochs_settings "mode=file, dev=\"$RUN/job.out\"" > "$RUN/bochsrc"
	cat "$RUN/job.out" &
	reader=$!
	bochs_run
	status=$?
	# Bochs may have ended before it opened the pipe: the reader shall end too.
	exec 8<> "$RUN/job.out"
	exec 8>&-
	wait "$reader"
	bochs_results
	return "$status"
}
