# SPDX-License-Identifier: GPL-2.0-only
#
# Shared by the scripts of the emulated host: messages, the choice of a
# kernel, staging of files with the libraries they need, cpio archives.

HOSTDIR=${HOSTDIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}
ROOT=${ROOT:-$(cd "$HOSTDIR/../../.." && pwd)}
BUILD=${BUILD:-$ROOT/build}

say()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# Everything that goes wrong in the harness itself ends with this code, so
# that it cannot be taken for the verdict of the command.
die()
{
	say "$*"
	exit 125
}

# The newest installed Debian kernel of a series: "pick_kver 6.1 amd64". Its
# release is a version and a flavour, with the ABI's number between or not.
pick_kver()
{
	local f

	for f in /lib/modules/"$1".*-"$2"; do
		[[ $f =~ /[0-9.]+[^-/]*(-[0-9][^-/]*)?-$2$ && -r /boot/vmlinuz-${f##*/} ]] &&
			printf '%s\n' "${f##*/}"
	done | sort -V | tail -n 1
}

# The kernel's release that KVER=$1 means: a release, a series of which the
# newest one installed is taken, or nothing: 6.1. Prints nothing if there is none.
resolve_kver()
{
	if [[ ${1:-6.1} =~ ^[0-9]+\.[0-9]+$ ]]; then
		pick_kver "${1:-6.1}" amd64
	else
		printf '%s\n' "$1"
	fi
}

# The host kernel's release, as KVER from the environment says.
host_kver()
{
	local kver

	kver=$(resolve_kver "${KVER:-}")
	[ -n "$kver" ] || die "no kernel ${KVER:-6.1} found in /boot:" \
		"install linux-image-${KVER:+$KVER-}amd64"
	[ -r "/boot/vmlinuz-$kver" ] || die "no /boot/vmlinuz-$kver: install linux-image-$kver"
	printf '%s\n' "$kver"
}

# Put one module file into a folder, uncompressed, as insmod wants it.
copy_module()
{
	local name=${1##*/}

	case $name in
	*.ko)	 cp "$1" "$2/$name" ;;
	*.ko.xz) xz -dc "$1" > "$2/${name%.xz}" ;;
	*.ko.zst) zstd -qdc "$1" > "$2/${name%.zst}" ;;
	*)	 die "$1: not a module" ;;
	esac
}

# stage_modules DIR KVER NAME...: each module with its dependencies below
# DIR, and a file DIR/NAME.list that names them in the order to load them. What
# the kernel has built in needs no file. MODROOT is where its lib/modules is.
stage_modules()
{
	local dir=$1 kver=$2 name how path file
	shift 2

	mkdir -p "$dir"
	for name; do
		: > "$dir/$name.list"
		while read -r how path _; do
			[ "$how" != missing ] || die "kernel $kver has no module $name"
			[ "$how" = insmod ] || continue
			file=${path##*/}
			file=${file%.xz}
			file=${file%.zst}
			[ -e "$dir/$file" ] || copy_module "$path" "$dir"
			printf '%s\n' "$file" >> "$dir/$name.list"
		done < <(modprobe ${MODROOT:+-d "$MODROOT"} -S "$kver" --show-depends "$name" ||
			 echo missing)
	done
}

is_elf()
{
	[ -f "$1" ] && [ "$(head -c 4 "$1" | tr -d '\0')" = $'\x7fELF' ]
}

# stage_libs STAGE FILE: the shared libraries and the loader of a program.
stage_libs()
{
	local lib

	is_elf "$2" || return 0
	while read -r lib; do
		[ -e "$1$lib" ] && continue
		mkdir -p "$1${lib%/*}"
		cp -L "$lib" "$1$lib"
	done < <(ldd "$2" 2>/dev/null | sed -nE 's,^(.*=> )?[[:space:]]*(/[^ ]+) \(0x.*,\2,p')
}

# stage_add STAGE SRC DST: a program with its libraries, or a whole folder.
stage_add()
{
	local stage=$1 src=$2 dst=$3 file

	[ -e "$src" ] || die "--add: $src does not exist"
	[[ $dst = /* ]] || die "--add: $dst: the place in the host must be absolute"
	if [ -d "$src" ]; then
		mkdir -p "$stage$dst"
		cp -a "$src/." "$stage$dst/"
		while read -r file; do
			stage_libs "$stage" "$file"
		done < <(find "$src" -type f -perm /111)
	else
		mkdir -p "$stage${dst%/*}"
		cp -L "$src" "$stage$dst"
		stage_libs "$stage" "$src"
	fi
}

# pack_cpio DIR FILE: an uncompressed archive owned by root; it loads faster
# than one that the emulated processor would have to decompress.
pack_cpio()
{
	(cd "$1" && find . -mindepth 1 -print0 | sort -z |
		cpio -0 -o -H newc -R 0:0 --quiet) > "$2"
}

# The busybox tree that every initramfs here starts from.
stage_busybox()
{
	local stage=$1 busybox applet

	busybox=$(command -v busybox) || die "busybox not found: install busybox-static"
	ldd "$busybox" > /dev/null 2>&1 && die "$busybox is not static: install busybox-static"
	mkdir -p "$stage"/{bin,sbin,etc,dev,proc,sys,tmp,run,root,mnt,lib,lib64,usr/bin,usr/sbin,usr/lib}
	cp "$busybox" "$stage/bin/busybox"
	while read -r applet; do
		[ "$applet" = busybox ] || ln -s /bin/busybox "$stage/bin/$applet"
	done < <("$busybox" --list)
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' \
		> "$stage/etc/passwd"
	printf 'root:x:0:\nkvm:x:107:\nnogroup:x:65534:\n' > "$stage/etc/group"
}

# qemu_tree: QEMU with its libraries and firmware, collected once; QEMU_TREE is
# the folder.
qemu_tree()
{
	local tree part key

	mkdir -p "$BUILD/host"
	key=$(cat "$(command -v qemu-system-x86_64)" "$HOSTDIR/lib.sh" | sha256sum | cut -c 1-16)
	tree=$BUILD/host/qemu-guest-$key
	if [ ! -e "$tree/done" ]; then
		part=$(mktemp -d "$BUILD/host/qemu.XXXXXX")
		stage_add "$part" "$(command -v qemu-system-x86_64)" /usr/bin/qemu-system-x86_64
		mkdir -p "$part/usr/share/qemu"
		cp -L /usr/share/seabios/{bios-256k,vgabios-stdvga,vgabios-virtio}.bin \
			/usr/share/qemu/{linuxboot,linuxboot_dma,multiboot,multiboot_dma,pvh}.bin \
			/usr/share/qemu/{kvmvapic,bios-microvm}.bin "$part/usr/share/qemu/" ||
			die "QEMU's firmware is not complete: install qemu-system-x86"
		touch "$part/done"
		mv -T "$part" "$tree" 2> /dev/null || rm -rf "$part"
	fi
	QEMU_TREE=$tree
}
