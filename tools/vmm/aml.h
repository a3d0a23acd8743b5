/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing ACPI Machine Language (ACPI 6.4, chapters 19 and 20; resources: 6.4). */
#ifndef VMM_AML_H
#define VMM_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes into a fixed buffer; what does not fit sets @full and is dropped. */
struct aml {
	uint8_t *buf;
	size_t len, room;
	bool full;
};

void aml_bytes(struct aml *a, const void *p, size_t n);
void aml_u8(struct aml *a, uint8_t v);

/* Objects with a length: give what aml_*() returned to aml_end(). */
size_t aml_scope(struct aml *a, const char *path);	/* "\\_SB_" */
size_t aml_device(struct aml *a, const char *seg);	/* four characters */
size_t aml_package(struct aml *a, uint8_t n);
size_t aml_resources(struct aml *a);			/* a ResourceTemplate */
void aml_end(struct aml *a, size_t mark);
void aml_resources_end(struct aml *a, size_t mark);

void aml_name(struct aml *a, const char *seg);		/* the value follows */
void aml_int(struct aml *a, uint64_t v);
void aml_str(struct aml *a, const char *s);
void aml_eisa(struct aml *a, const char *id);		/* "PNP0501" */

/* Resource descriptors. */
void aml_io(struct aml *a, uint16_t base, uint8_t len);
void aml_irq(struct aml *a, uint8_t irq);		/* edge, active high */
void aml_mem32(struct aml *a, uint32_t base, uint32_t len);
void aml_bus_range(struct aml *a, uint16_t first, uint16_t last);
void aml_io_range(struct aml *a, uint16_t base, uint32_t len);
void aml_mem_range32(struct aml *a, uint32_t base, uint32_t len);
void aml_mem_range64(struct aml *a, uint64_t base, uint64_t len);

#endif
