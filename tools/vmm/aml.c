// SPDX-License-Identifier: GPL-2.0-only
/* ACPI Machine Language, the small part that describes fixed hardware. */
#include <stdlib.h>
#include <string.h>

#include "aml.h"

/* Opcodes, ACPI 6.4 table 20.2 */
#define OP_ZERO		0x00
#define OP_ONE		0x01
#define OP_NAME		0x08
#define OP_BYTE		0x0a
#define OP_WORD		0x0b
#define OP_DWORD	0x0c
#define OP_STRING	0x0d
#define OP_QWORD	0x0e
#define OP_SCOPE	0x10
#define OP_BUFFER	0x11
#define OP_PACKAGE	0x12
#define OP_EXT		0x5b
#define OP_EXT_DEVICE	0x82

void aml_bytes(struct aml *a, const void *p, size_t n)
{
	if (a->full || n > a->room - a->len) {
		a->full = true;
		return;
	}
	memcpy(a->buf + a->len, p, n);
	a->len += n;
}

void aml_u8(struct aml *a, uint8_t v)
{
	aml_bytes(a, &v, 1);
}

static void put(struct aml *a, uint64_t v, size_t bytes)
{
	for (; bytes; bytes--, v >>= 8)
		aml_u8(a, (uint8_t)v);
}

/* PkgLength is always written in its three-byte form: up to 1 MiB. */
static size_t begin(struct aml *a)
{
	size_t mark = a->len;

	put(a, 0, 3);
	return mark;
}

void aml_end(struct aml *a, size_t mark)
{
	size_t len = a->len - mark;

	if (a->full)
		return;
	a->buf[mark] = (uint8_t)(0x80 | (len & 0xf));
	a->buf[mark + 1] = (uint8_t)(len >> 4);
	a->buf[mark + 2] = (uint8_t)(len >> 12);
}

size_t aml_scope(struct aml *a, const char *path)
{
	size_t mark;

	aml_u8(a, OP_SCOPE);
	mark = begin(a);
	aml_bytes(a, path, strlen(path));
	return mark;
}

size_t aml_device(struct aml *a, const char *seg)
{
	size_t mark;

	aml_u8(a, OP_EXT);
	aml_u8(a, OP_EXT_DEVICE);
	mark = begin(a);
	aml_bytes(a, seg, 4);
	return mark;
}

size_t aml_package(struct aml *a, uint8_t n)
{
	size_t mark;

	aml_u8(a, OP_PACKAGE);
	mark = begin(a);
	aml_u8(a, n);
	return mark;
}

void aml_name(struct aml *a, const char *seg)
{
	aml_u8(a, OP_NAME);
	aml_bytes(a, seg, 4);
}

void aml_int(struct aml *a, uint64_t v)
{
	static const struct { uint64_t max; uint8_t op, bytes; } form[] = {
		{ 0, OP_ZERO, 0 }, { 1, OP_ONE, 0 }, { 0xff, OP_BYTE, 1 },
		{ 0xffff, OP_WORD, 2 }, { 0xffffffff, OP_DWORD, 4 },
		{ UINT64_MAX, OP_QWORD, 8 },
	};
	unsigned int i = 0;

	while (v > form[i].max)
		i++;
	aml_u8(a, form[i].op);
	put(a, v, form[i].bytes);
}

void aml_str(struct aml *a, const char *s)
{
	aml_u8(a, OP_STRING);
	aml_bytes(a, s, strlen(s) + 1);
}

/* Three letters of five bits, then four hex digits; most significant byte first (19.3.4). */
void aml_eisa(struct aml *a, const char *id)
{
	uint32_t v = (uint32_t)strtoul(id + 3, NULL, 16);

	for (unsigned int i = 0; i < 3; i++)
		v |= (uint32_t)(id[i] - '@') << (26 - 5 * i);
	aml_u8(a, OP_DWORD);
	put(a, __builtin_bswap32(v), 4);
}

/* ---- resource templates: a buffer whose size is known at the end ---- */

size_t aml_resources(struct aml *a)
{
	size_t mark;

	aml_u8(a, OP_BUFFER);
	mark = begin(a);
	aml_u8(a, OP_WORD);
	put(a, 0, 2);
	return mark;
}

void aml_resources_end(struct aml *a, size_t mark)
{
	size_t bytes;

	aml_u8(a, 0x79);	/* end tag; checksum 0: taken as good */
	aml_u8(a, 0);
	bytes = a->len - mark - 6;
	if (!a->full) {
		a->buf[mark + 4] = (uint8_t)bytes;
		a->buf[mark + 5] = (uint8_t)(bytes >> 8);
	}
	aml_end(a, mark);
}

void aml_io(struct aml *a, uint16_t base, uint8_t len)
{
	aml_u8(a, 0x47);
	aml_u8(a, 1);		/* decodes 16 bits */
	put(a, base, 2);
	put(a, base, 2);
	aml_u8(a, 1);
	aml_u8(a, len);
}

void aml_irq(struct aml *a, uint8_t irq)
{
	aml_u8(a, 0x22);
	put(a, 1u << irq, 2);
}

void aml_mem32(struct aml *a, uint32_t base, uint32_t len)
{
	aml_u8(a, 0x86);
	put(a, 9, 2);
	aml_u8(a, 1);		/* read and write */
	put(a, base, 4);
	put(a, len, 4);
}

/* Address space descriptors of 2, 4 and 8 byte fields (6.4.3.5). */
static void space(struct aml *a, unsigned int bytes, uint8_t type, uint8_t specific,
		  uint64_t min, uint64_t len)
{
	static const uint8_t tag[] = { [2] = 0x88, [4] = 0x87, [8] = 0x8a };

	aml_u8(a, tag[bytes]);
	put(a, 3 + 5 * bytes, 2);
	aml_u8(a, type);
	aml_u8(a, 0x0c);	/* producer, positive decode, fixed minimum and maximum */
	aml_u8(a, specific);
	put(a, 0, bytes);	/* granularity */
	put(a, min, bytes);
	put(a, min + len - 1, bytes);
	put(a, 0, bytes);	/* translation */
	put(a, len, bytes);
}

void aml_bus_range(struct aml *a, uint16_t first, uint16_t last)
{
	space(a, 2, 2, 0, first, last - first + 1u);
}

void aml_io_range(struct aml *a, uint16_t base, uint32_t len)
{
	space(a, 2, 1, 3, base, len);
}

void aml_mem_range32(struct aml *a, uint32_t base, uint32_t len)
{
	space(a, 4, 0, 1, base, len);
}

void aml_mem_range64(struct aml *a, uint64_t base, uint64_t len)
{
	space(a, 8, 0, 1, base, len);
}
