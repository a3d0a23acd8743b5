// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux/x86 boot protocol (Documentation/x86/boot.rst), entered at its 64-bit
 * entry point: no real-mode code runs, no decompressor stub of 32 bits.
 */
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asm/bootparam.h>

#include "boot.h"
#include "gmem.h"
#include "log.h"
#include "machine.h"
#include "tree.h"
#include "vcpu.h"
#include "vmm.h"

/* Where things go below 1 MiB. */
#define GDT_ADDR	0x500ull
#define PARAMS_ADDR	0x7000ull
#define PAGES_ADDR	0x9000ull	/* PML4, PDPT, four page directories */
#define CMDLINE_ADDR	0x20000ull
#define CMDLINE_END	0x30000ull
#define DATA_ADDR	0x30000ull	/* setup_data */
#define DATA_END	0x90000ull
#define STACK_TOP	0x9f000ull
#define LOW_END		0x9f000ull
#define HIGH_START	0x100000ull

#define MIN_VERSION	0x20c		/* has xloadflags */
#define ENTRY_64	0x200
#define SEED_TYPE	9		/* SETUP_RNG_SEED; older headers lack it */
#define SEED_BYTES	32

/* The kernel file, checked; nothing in it is believed before. */
struct image {
	const char *name;
	int fd;
	struct setup_header hdr;
	uint64_t offset, size;		/* of the protected-mode part */
	uint64_t load, footprint;	/* in guest memory */
};

static int bad(const struct image *im, const char *why)
{
	vmm_err("%s: not a kernel this program can boot: %s", im->name, why);
	return -ENOEXEC;
}

static int open_file(const char *name, const char *what, uint64_t *size)
{
	struct stat st;
	int fd = open(name, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err = errno;
		vmm_err("cannot open the %s %s: %s", what, name, strerror(err));
		if (fd >= 0)
			close(fd);
		return -err;
	}
	if (!S_ISREG(st.st_mode)) {
		vmm_err("the %s %s is not a regular file", what, name);
		close(fd);
		return -EINVAL;
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

static int read_exact(int fd, void *buf, uint64_t len, uint64_t at)
{
	uint8_t *p = buf;

	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		at += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* ---- the kernel's header ---- */

static int read_header(struct image *im, uint64_t file_size)
{
	uint8_t first[0x290];
	size_t end;

	if (file_size < sizeof(first) || read_exact(im->fd, first, sizeof(first), 0))
		return bad(im, "the file is too short");
	if (!memcmp(first, "\177ELF", 4))
		return bad(im, "it is an ELF file; give the bzImage, like /boot/vmlinuz-*");
	if (first[0x1fe] != 0x55 || first[0x1ff] != 0xaa || memcmp(first + 0x202, "HdrS", 4))
		return bad(im, "it has no boot header; is it a bzImage for x86?");
	/* The header's own length: the byte its leading jump skips from 0x202 on. */
	end = 0x202u + first[0x201];
	if (end < 0x1f1 + offsetof(struct setup_header, init_size) + 4 || end > sizeof(first))
		return bad(im, "its boot header has an impossible length");
	if (end > 0x1f1 + sizeof(im->hdr))
		end = 0x1f1 + sizeof(im->hdr);
	memset(&im->hdr, 0, sizeof(im->hdr));
	memcpy(&im->hdr, first + 0x1f1, end - 0x1f1);
	return 0;
}

static int check_header(struct image *im, uint64_t file_size)
{
	const struct setup_header *h = &im->hdr;
	uint64_t setup = h->setup_sects ? h->setup_sects : 4;

	if (h->version < MIN_VERSION)
		return bad(im, "its boot protocol is older than 2.12");
	if (!(h->loadflags & LOADED_HIGH))
		return bad(im, "it is a zImage; a bzImage is needed");
	if (!(h->xloadflags & XLF_KERNEL_64))
		return bad(im, "it has no 64-bit entry point");
	im->offset = (setup + 1) * 512;
	if (im->offset + ENTRY_64 >= file_size)
		return bad(im, "it ends within its boot sectors");
	im->size = file_size - im->offset;
	if ((uint64_t)h->syssize * 16 > im->size + 15)
		return bad(im, "it is truncated");
	im->footprint = h->init_size > im->size ? h->init_size : im->size;
	return 0;
}

/* At its preferred address, or as low as a relocatable one can go. */
static int choose_address(struct vmm *vmm, struct image *im, uint64_t low_end)
{
	const struct setup_header *h = &im->hdr;
	uint64_t align = h->kernel_alignment;

	im->load = h->pref_address;
	if (im->load >= HIGH_START && im->load < low_end &&
	    im->footprint <= low_end - im->load)
		return 0;
	if (h->relocatable_kernel && align && !(align & (align - 1)) && align < low_end) {
		im->load = (HIGH_START + align - 1) & ~(align - 1);
		if (im->load < low_end && im->footprint <= low_end - im->load)
			return 0;
	}
	vmm_err("%s needs %llu MiB at %llu MiB; the guest has %llu MiB: give more with --memory",
		im->name, (unsigned long long)(im->footprint >> 20) + 1,
		(unsigned long long)(h->pref_address >> 20),
		(unsigned long long)(vmm->cfg.memory >> 20));
	return -ENOMEM;
}

static int load_kernel(struct vmm *vmm, struct image *im, uint64_t low_end)
{
	uint64_t file_size = 0;
	void *to;
	int ret;

	im->fd = open_file(im->name, "kernel", &file_size);
	if (im->fd < 0)
		return im->fd;
	ret = read_header(im, file_size);
	if (!ret)
		ret = check_header(im, file_size);
	if (!ret)
		ret = choose_address(vmm, im, low_end);
	if (!ret) {
		to = gmem_ptr(vmm->gmem, im->load, im->size);
		ret = to ? read_exact(im->fd, to, im->size, im->offset) : -EFAULT;
		if (ret)
			vmm_err("cannot read the kernel %s: %s", im->name, strerror(-ret));
	}
	close(im->fd);
	return ret;
}

/* ---- initrd and command line ---- */

static int load_initrd(struct vmm *vmm, const struct image *im, uint64_t low_end,
		       struct setup_header *h)
{
	const char *name = vmm->cfg.initrd;
	uint64_t size, top = low_end, at;
	void *to;
	int fd, ret;

	if (!name)
		return 0;
	fd = open_file(name, "initrd", &size);
	if (fd < 0)
		return fd;
	if ((uint64_t)im->hdr.initrd_addr_max + 1 < top)
		top = (uint64_t)im->hdr.initrd_addr_max + 1;
	at = size < top ? (top - size) & ~0xfffull : 0;
	to = at >= im->load + im->footprint ? gmem_ptr(vmm->gmem, at, size) : NULL;
	if (!to) {
		vmm_err("the initrd %s of %llu KiB does not fit %s: give more with --memory", name,
			(unsigned long long)(size >> 10), size ? "beside the kernel" : "(empty)");
		ret = -ENOMEM;
	} else {
		ret = read_exact(fd, to, size, 0);
		if (ret)
			vmm_err("cannot read the initrd %s: %s", name, strerror(-ret));
	}
	close(fd);
	h->ramdisk_image = (uint32_t)at;
	h->ramdisk_size = (uint32_t)size;
	return ret;
}

static int put_cmdline(struct vmm *vmm, const struct image *im, struct setup_header *h)
{
	const char *text = vmm->cfg.append ? vmm->cfg.append : "";
	size_t len = strlen(text), max = im->hdr.cmdline_size;

	if (max > CMDLINE_END - CMDLINE_ADDR - 1)
		max = CMDLINE_END - CMDLINE_ADDR - 1;
	if (len > max) {
		vmm_err("the kernel's command line has %zu characters, and %s takes %zu", len,
			im->name, max);
		return -E2BIG;
	}
	h->cmd_line_ptr = CMDLINE_ADDR;
	return gmem_write(vmm->gmem, CMDLINE_ADDR, text, len + 1);
}

/* ---- memory map and setup_data ---- */

static void e820_add(struct boot_params *bp, uint64_t addr, uint64_t end, uint32_t type)
{
	if (end <= addr || bp->e820_entries == E820_MAX_ENTRIES_ZEROPAGE)
		return;
	bp->e820_table[bp->e820_entries++] = (struct boot_e820_entry){
		.addr = addr, .size = end - addr, .type = type,
	};
}

static void put_e820(struct vmm *vmm, struct boot_params *bp)
{
	enum { RAM = 1, RESERVED = 2 };
	uint32_t hi, lo, size;
	uint64_t base, len;
	int pci;

	/* The ACPI tables are in the reserved part. */
	e820_add(bp, 0, LOW_END, RAM);
	e820_add(bp, LOW_END, HIGH_START, RESERVED);
	for (unsigned int i = 0; !fdt_memory(vmm->fdt, i, &base, &len); i++)
		e820_add(bp, base ? base : HIGH_START, base + len, RAM);
	pci = fdt_node_offset_by_compatible(vmm->fdt, -1, "pci-host-ecam-generic");
	if (pci >= 0 && !fdt_cell(vmm->fdt, pci, "reg", 0, &hi) &&
	    !fdt_cell(vmm->fdt, pci, "reg", 1, &lo) && !fdt_cell(vmm->fdt, pci, "reg", 3, &size)) {
		base = (uint64_t)hi << 32 | lo;
		e820_add(bp, base, base + size, RESERVED);
	}
	e820_add(bp, MACHINE_IDENTITY_MAP, MACHINE_TSS + 0x3000, RESERVED);
}

/* Puts one more setup_data in front of the list. */
static int add_data(struct vmm *vmm, struct boot_params *bp, uint64_t *at, uint32_t type,
		    const void *data, uint32_t len)
{
	const struct setup_data head = { .next = bp->hdr.setup_data, .type = type, .len = len };
	uint64_t next = (*at + sizeof(head) + len + 7) & ~7ull;
	int ret;

	if (next > DATA_END)
		return -E2BIG;
	ret = gmem_write(vmm->gmem, *at, &head, sizeof(head));
	if (!ret)
		ret = gmem_write(vmm->gmem, *at + sizeof(head), data, len);
	if (!ret)
		bp->hdr.setup_data = *at;
	*at = next;
	return ret;
}

static int put_data(struct vmm *vmm, struct boot_params *bp)
{
	uint64_t at = DATA_ADDR;
	uint8_t seed[SEED_BYTES];
	int ret;

	ret = add_data(vmm, bp, &at, SETUP_DTB, vmm->fdt, fdt_totalsize(vmm->fdt));
	if (ret) {
		vmm_err("the device tree of %u bytes does not fit", fdt_totalsize(vmm->fdt));
		return ret;
	}
	/* A guest with a seed need not gather entropy from timer jitter. */
	if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
		ret = add_data(vmm, bp, &at, SEED_TYPE, seed, sizeof(seed));
	explicit_bzero(seed, sizeof(seed));
	return ret;
}

/* ---- the processor's view ---- */

static int put_tables(struct vmm *vmm)
{
	/* null, unused, flat 64-bit code (0x10), flat data (0x18) */
	const uint64_t gdt[] = { 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
	uint64_t *page = gmem_ptr(vmm->gmem, PAGES_ADDR, 6 * 4096);

	if (!page)
		return -EFAULT;
	/* The first 4 GiB, one to one, in 2 MiB pages. */
	page[0] = (PAGES_ADDR + 4096) | 3;
	for (unsigned int i = 0; i < 4; i++)
		page[512 + i] = (PAGES_ADDR + (2 + i) * 4096ull) | 3;
	for (unsigned int i = 0; i < 4 * 512; i++)
		page[1024 + i] = (uint64_t)i << 21 | 0x83;
	return gmem_write(vmm->gmem, GDT_ADDR, gdt, sizeof(gdt));
}

int boot_linux(struct vmm *vmm, uint64_t rsdp, struct vcpu_start *start)
{
	struct image im = { .name = vmm->cfg.kernel, .fd = -1 };
	uint64_t base, low_end = 0;
	struct boot_params *bp;
	int ret;

	if (fdt_memory(vmm->fdt, 0, &base, &low_end))
		return -EINVAL;
	bp = gmem_ptr(vmm->gmem, PARAMS_ADDR, sizeof(*bp));
	if (!bp || low_end <= HIGH_START)
		return -EFAULT;
	ret = load_kernel(vmm, &im, low_end);
	if (ret)
		return ret;
	memset(bp, 0, sizeof(*bp));
	bp->hdr = im.hdr;
	bp->hdr.type_of_loader = 0xff;
	bp->hdr.setup_data = 0;
	bp->hdr.code32_start = (uint32_t)im.load;
	bp->acpi_rsdp_addr = rsdp;
	ret = load_initrd(vmm, &im, low_end, &bp->hdr);
	if (!ret)
		ret = put_cmdline(vmm, &im, &bp->hdr);
	if (!ret)
		ret = put_data(vmm, bp);
	if (!ret)
		ret = put_tables(vmm);
	if (ret)
		return ret;
	put_e820(vmm, bp);
	*start = (struct vcpu_start){
		.rip = im.load + ENTRY_64, .rsi = PARAMS_ADDR, .rsp = STACK_TOP,
		.cr3 = PAGES_ADDR, .gdt = GDT_ADDR, .gdt_limit = 4 * 8 - 1,
	};
	return 0;
}
