/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port and memory ranges and who answers them. Ranges may nest or overlap
 * (guests move BARs about): an access goes to the smallest range that holds
 * all of it, the older one on a tie. Accesses nobody claims read as all ones,
 * and are counted and shown with --verbose.
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct vmm;
struct vmm_dev;

enum bus_kind { BUS_PIO, BUS_MMIO, BUS_KINDS };

/*
 * @offset is from the range's base, @len is 1, 2, 4 or 8, and @offset + @len
 * never passes the range's end. @data is little endian. On read the buffer is
 * preset to all ones. Negative: unclaimed after all. Called in vCPU threads
 * with the owner's lock held, and with no bus lock: it may add and remove
 * ranges. A call may still arrive just after bus_del() of its range.
 */
typedef int (*bus_fn)(void *opaque, uint64_t offset, void *data, unsigned int len, bool write);

int bus_init(struct vmm *vmm);
void bus_free(struct vmm *vmm);
/* With --verbose: who was accessed how often, and what nobody claimed. */
void bus_show(struct vmm *vmm);

/*
 * @owner: its lock is taken around each call; NULL for none. @name is kept by
 * reference. -EINVAL when the range is empty or wraps (or is beyond port
 * 0xffff), -EEXIST when the same owner has this very range already.
 */
int bus_add(struct vmm *vmm, struct vmm_dev *owner, enum bus_kind kind, uint64_t base,
	    uint64_t len, const char *name, bus_fn fn, void *opaque);
int bus_del(struct vmm *vmm, struct vmm_dev *owner, enum bus_kind kind, uint64_t base,
	    uint64_t len);

/* One access by the guest; never fails (see above for unclaimed ones). */
void bus_access(struct vmm *vmm, enum bus_kind kind, uint64_t addr, void *data,
		unsigned int len, bool write);

/* How many went unclaimed so far. */
uint64_t bus_unclaimed(struct vmm *vmm);

/*
 * A doorbell: a guest write to @addr signals @eventfd inside the kernel and
 * the vCPU goes on (KVM_IOEVENTFD). @len 0 means any length (MMIO only); with
 * @match only writes of the value @data count. To remove one give the same
 * arguments with @add false.
 */
int bus_doorbell(struct vmm *vmm, enum bus_kind kind, uint64_t addr, unsigned int len,
		 bool match, uint64_t data, int eventfd, bool add);

#endif
