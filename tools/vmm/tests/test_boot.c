// SPDX-License-Identifier: GPL-2.0-only
/* The Linux loader: made-up kernels, most of them broken. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <asm/bootparam.h>

#include "boot/boot.h"
#include "box.h"
#include "gmem.h"
#include "vcpu.h"

#define SETUP_SECTS	4
#define BODY		8192u
#define FILE_SIZE	((SETUP_SECTS + 1) * 512 + BODY)

static char kernel_name[] = "/tmp/vmm-kernel-XXXXXX";
static char initrd_name[] = "/tmp/vmm-initrd-XXXXXX";
static uint8_t image[FILE_SIZE];

static struct setup_header *hdr(void)
{
	return (struct setup_header *)(image + 0x1f1);
}

/* A kernel that is fine, for others to break. */
static void make_kernel(void)
{
	struct setup_header *h = hdr();

	memset(image, 0, sizeof(image));
	for (size_t i = (SETUP_SECTS + 1) * 512; i < sizeof(image); i++)
		image[i] = (uint8_t)(i * 7);
	h->setup_sects = SETUP_SECTS;
	h->syssize = BODY / 16;
	h->boot_flag = 0xaa55;
	h->jump = 0x6aeb;		/* the header ends at 0x202 + 0x6a */
	memcpy(&h->header, "HdrS", 4);
	h->version = 0x20f;
	h->loadflags = LOADED_HIGH;
	h->xloadflags = XLF_KERNEL_64;
	h->initrd_addr_max = 0x7fffffff;
	h->kernel_alignment = 0x200000;
	h->relocatable_kernel = 1;
	h->cmdline_size = 2047;
	h->pref_address = 0x1000000;
	h->init_size = 0x100000;
}

static void save(const char *name, const void *data, size_t len)
{
	int fd = open(name, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		bail_out("cannot write a test file");
	close(fd);
}

static int load(struct vmm *vmm, const char *options, size_t len, struct vcpu_start *start)
{
	char line[256];

	save(kernel_name, image, len);
	snprintf(line, sizeof(line), "--no-rng --kernel %s %s", kernel_name, options);
	if (box_open(vmm, line))
		bail_out("no machine");
	return boot_linux(vmm, 0xe0000, start);
}

static void test_good(void)
{
	static uint8_t initrd[5000];
	struct boot_params *bp;
	struct vcpu_start s;
	char line[128];
	struct vmm vmm;
	uint64_t *pt;

	memset(initrd, 0x99, sizeof(initrd));
	save(initrd_name, initrd, sizeof(initrd));
	make_kernel();
	snprintf(line, sizeof(line), "--memory 64M --append console=ttyS0 --initrd %s",
		 initrd_name);
	ok(!load(&vmm, line, FILE_SIZE, &s), "a good kernel loads");
	bp = gmem_ptr(vmm.gmem, s.rsi, sizeof(*bp));
	ok(bp && s.rip == 0x1000200 &&
	   !memcmp(gmem_ptr(vmm.gmem, 0x1000000, BODY), image + FILE_SIZE - BODY, BODY),
	   "at its preferred address, entered at its 64-bit entry");
	ok(bp->hdr.type_of_loader == 0xff && bp->acpi_rsdp_addr == 0xe0000 && !bp->sentinel &&
	   !strcmp(gmem_ptr(vmm.gmem, bp->hdr.cmd_line_ptr, 64), "console=ttyS0"),
	   "boot_params: loader, ACPI, command line");
	ok(bp->hdr.ramdisk_size == sizeof(initrd) && !(bp->hdr.ramdisk_image & 0xfff) &&
	   !memcmp(gmem_ptr(vmm.gmem, bp->hdr.ramdisk_image, 5000), initrd, 5000),
	   "initrd in memory");
	ok(bp->e820_entries >= 4 && bp->e820_table[0].addr == 0 && bp->e820_table[0].type == 1 &&
	   bp->e820_table[1].type == 2 && bp->e820_table[2].addr == 0x100000 &&
	   bp->e820_table[2].size == (63 << 20), "E820: low memory, hole, the rest");
	pt = gmem_ptr(vmm.gmem, s.cr3, 4096);
	ok(pt && (pt[0] & 3) == 3 && gmem_ptr(vmm.gmem, pt[0] & ~0xfffull, 4096),
	   "page tables are in memory");
	ok(bp->hdr.setup_data && ((struct setup_data *)gmem_ptr(vmm.gmem, bp->hdr.setup_data,
	   16))->len, "setup_data is there");
	box_close(&vmm);
}

static void test_dtb(void)
{
	const struct setup_data *d = NULL;
	struct boot_params *bp;
	struct vcpu_start s;
	struct vmm vmm;
	uint64_t at;
	int found = 0, n = 0;

	make_kernel();
	if (load(&vmm, "--memory 64M", FILE_SIZE, &s))
		bail_out("the good kernel does not load");
	bp = gmem_ptr(vmm.gmem, s.rsi, sizeof(*bp));
	for (at = bp->hdr.setup_data; at && n < 10; at = d->next, n++) {
		d = gmem_ptr(vmm.gmem, at, sizeof(*d));
		if (!d)
			break;
		found += d->type == SETUP_DTB &&
			 !memcmp(gmem_ptr(vmm.gmem, at + sizeof(*d), d->len), vmm.fdt, d->len);
	}
	ok(found == 1 && !at, "the guest gets the device tree, once");
	box_close(&vmm);
}

static void test_places(void)
{
	struct vcpu_start s;
	struct vmm vmm;

	make_kernel();
	ok(!load(&vmm, "--memory 16M", FILE_SIZE, &s) && s.rip == 0x200200,
	   "a relocatable kernel goes lower when memory is short");
	box_close(&vmm);
	hdr()->relocatable_kernel = 0;
	ok(load(&vmm, "--memory 16M", FILE_SIZE, &s) == -ENOMEM, "one that is not is refused");
	box_close(&vmm);
	make_kernel();
	hdr()->init_size = 0xffffffff;
	ok(load(&vmm, "--memory 64M", FILE_SIZE, &s) == -ENOMEM, "one that needs 4 GiB is refused");
	box_close(&vmm);
	make_kernel();
	hdr()->pref_address = UINT64_MAX - 100;
	hdr()->kernel_alignment = 0x80000001;
	ok(load(&vmm, "--memory 64M", FILE_SIZE, &s) == -ENOMEM, "a mad address is refused");
	box_close(&vmm);
	make_kernel();
	hdr()->cmdline_size = 3;
	ok(load(&vmm, "--memory 64M --append 1234", FILE_SIZE, &s) == -E2BIG,
	   "a command line that is too long is refused");
	box_close(&vmm);
	save(initrd_name, "", 0);
	make_kernel();
	ok(load(&vmm, "--memory 64M --initrd /tmp", FILE_SIZE, &s) == -EINVAL,
	   "a folder is no initrd");
	box_close(&vmm);
	hdr()->initrd_addr_max = 0x1000;
	save(initrd_name, image, 100);
	snprintf((char *)image + 0x300, 100, "--memory 64M --initrd %s", initrd_name);
	ok(load(&vmm, (char *)image + 0x300, FILE_SIZE, &s) == -ENOMEM,
	   "an initrd with nowhere to go is refused");
	box_close(&vmm);
}

/* Each breaks the good kernel in one way. */
static void old(void) { hdr()->version = 0x20b; }
static void low(void) { hdr()->loadflags = 0; }
static void only32(void) { hdr()->xloadflags = 0; }
static void no_magic(void) { hdr()->header = 0; }
static void no_flag(void) { hdr()->boot_flag = 0; }
static void short_header(void) { hdr()->jump = 0x08eb; }
static void long_header(void) { hdr()->jump = 0xffeb; }
static void all_setup(void) { hdr()->setup_sects = 255; }
static void too_long(void) { hdr()->syssize = 0xffffffff; }
static void elf(void) { memcpy(image, "\177ELF", 4); }

static void test_bad(void)
{
	static const struct {
		const char *what;
		void (*spoil)(void);
		size_t len;
	} bad[] = {
		{ "an empty file", make_kernel, 0 },
		{ "half a boot sector", make_kernel, 300 },
		{ "cut in its header", make_kernel, 0x28f },
		{ "cut in its boot sectors", make_kernel, 2048 },
		{ "cut at its entry", make_kernel, (SETUP_SECTS + 1) * 512 + 0x200 },
		{ "cut in its body", make_kernel, FILE_SIZE - 100 },
		{ "old protocol", old, FILE_SIZE },
		{ "zImage", low, FILE_SIZE },
		{ "no 64-bit entry", only32, FILE_SIZE },
		{ "no magic", no_magic, FILE_SIZE },
		{ "no boot flag", no_flag, FILE_SIZE },
		{ "header too short", short_header, FILE_SIZE },
		{ "header too long", long_header, FILE_SIZE },
		{ "nothing but boot sectors", all_setup, FILE_SIZE },
		{ "larger than its file", too_long, FILE_SIZE },
		{ "an ELF file", elf, FILE_SIZE },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vcpu_start s;
		struct vmm vmm;

		make_kernel();
		bad[i].spoil();
		ok(load(&vmm, "--memory 64M", bad[i].len, &s) == -ENOEXEC, "refused: %s",
		   bad[i].what);
		box_close(&vmm);
	}
}

/* Any header at all: an error or a load, never a crash. */
static void test_random(void)
{
	unsigned int loaded = 0;

	srandom(1);
	for (int i = 0; i < 300; i++) {
		struct vcpu_start s;
		struct vmm vmm;

		make_kernel();
		for (int k = 0; k < 4; k++)
			image[0x1f1 + random() % 0x80] = (uint8_t)random();
		loaded += !load(&vmm, "--memory 32M", FILE_SIZE, &s);
		box_close(&vmm);
	}
	ok(loaded > 0 && loaded < 300, "300 random headers: %u load, the others do not", loaded);
}

int main(void)
{
	box_quiet();
	if (close(mkstemp(kernel_name)) || close(mkstemp(initrd_name)))
		bail_out("no temporary files");
	test_good();
	test_dtb();
	test_places();
	test_bad();
	test_random();
	unlink(kernel_name);
	unlink(initrd_name);
	return tap_end();
}
