/* SPDX-License-Identifier: GPL-2.0-only */
/* One virtual machine. Everything hangs off struct vmm; there are no globals. */
#ifndef VMM_VMM_H
#define VMM_VMM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMM_VERSION	"0.1"
#define VMM_MAX_DISKS	16

/* Exit codes of `vmm run`. */
enum vmm_exit {
	VMM_EXIT_POWEROFF	= 0,
	VMM_EXIT_STARTUP	= 1,	/* bad usage, or the machine could not be started */
	VMM_EXIT_RESET		= 2,
	VMM_EXIT_PANIC		= 3,	/* the guest said so */
	VMM_EXIT_SHUTDOWN	= 4,	/* triple fault */
	VMM_EXIT_INTERNAL	= 5,	/* the hypervisor could not go on */
	VMM_EXIT_USER		= 6,	/* escape key or a signal */
};

struct vmm_disk {
	const char *file;
	bool readonly;
};

/* What the command line asked for; constant once parsed. */
struct vmm_config {
	const char *kernel, *initrd, *append;
	const char *dumpdtb;
	struct vmm_disk disks[VMM_MAX_DISKS];
	unsigned int n_disks;
	unsigned int cpus;
	uint64_t memory;
	bool virtio_console;	/* stdio is virtio-console; else the serial port */
	bool rng;
	bool verbose;
	bool stats;
	bool dry_run;		/* describe and dump only */
	const char *kvm_path;
};

struct bus;
struct gmem;
struct irqs;
struct loop;
struct term;
struct vcpu;
struct vmm_dev;
struct vm_caps;

struct vmm {
	struct vmm_config cfg;
	int kvm_fd, vm_fd;	/* -1 when closed; tests run without them */
	struct gmem *gmem;
	struct bus *bus;
	struct irqs *irqs;
	struct loop *loop;
	struct term *term;
	struct vm_caps *caps;
	void *fdt;		/* the machine's description; constant once built */
	struct vmm_dev *devices, **devices_tail;
	/* What Ctrl-A p does; set by the power management device. */
	void (*power_button)(struct vmm_dev *dev);
	struct vmm_dev *power_button_dev;

	struct vcpu *vcpus;
	unsigned int n_vcpus;

	/* How it ends: set once by vmm_stop(), waited for by machine_run(). */
	pthread_mutex_t stop_lock;
	pthread_cond_t stop_cond;
	atomic_bool stopping;
	enum vmm_exit exit_code; /* stop_lock */
};

/* Ends the machine; from any thread, with any lock. The first reason given wins. */
void vmm_stop(struct vmm *vmm, enum vmm_exit code);

#endif
