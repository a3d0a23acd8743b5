/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing the machine's device tree, and walking it. */
#ifndef VMM_TREE_H
#define VMM_TREE_H

#include <stddef.h>
#include <stdint.h>

struct vmm;

/* A tree being written; the first error sticks and is returned by fdtw_end(). */
struct fdtw {
	void *buf;
	int err;
};

void fdtw_begin(struct fdtw *w, size_t room);
/* The finished tree in @fdt, malloc()ed; -errno. */
int fdtw_end(struct fdtw *w, void **fdt);

__attribute__((format(printf, 2, 3))) void fdtw_node(struct fdtw *w, const char *fmt, ...);
void fdtw_node_end(struct fdtw *w);
void fdtw_u32(struct fdtw *w, const char *name, uint32_t val);
void fdtw_u64(struct fdtw *w, const char *name, uint64_t val);
void fdtw_str(struct fdtw *w, const char *name, const char *val);
void fdtw_flag(struct fdtw *w, const char *name);
void fdtw_cells(struct fdtw *w, const char *name, const uint32_t *cell, unsigned int n);
#define FDTW_CELLS(w, name, ...)						\
	fdtw_cells(w, name, (const uint32_t[]){ __VA_ARGS__ },			\
		   sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* The machine as a tree, out of the options. */
int fdt_describe(struct vmm *vmm);

/* Cell @i of a property; -ENOENT when there is none. */
int fdt_cell(const void *fdt, int node, const char *name, unsigned int i, uint32_t *val);
/* The number of CPUs. */
unsigned int fdt_cpus(const void *fdt);
/* Entry @i of /memory's "reg"; -ENOENT past the last. */
int fdt_memory(const void *fdt, unsigned int i, uint64_t *base, uint64_t *size);
/* The first port of an ISA device, or -ENOENT. */
int fdt_isa_port(const void *fdt, int node, uint16_t *port, uint16_t *len);

#endif
