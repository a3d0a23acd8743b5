// SPDX-License-Identifier: GPL-2.0-only
/* The machine's life: described, built, run, taken down. */
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "acpi.h"
#include "boot/boot.h"
#include "bus.h"
#include "device.h"
#include "gmem.h"
#include "irq.h"
#include "log.h"
#include "loop.h"
#include "machine.h"
#include "term.h"
#include "tree.h"
#include "vcpu.h"
#include "vm.h"
#include "vmm.h"

void vmm_stop(struct vmm *vmm, enum vmm_exit code)
{
	pthread_mutex_lock(&vmm->stop_lock);
	if (!atomic_load(&vmm->stopping)) {
		vmm->exit_code = code;
		atomic_store(&vmm->stopping, true);
		pthread_cond_signal(&vmm->stop_cond);
	}
	pthread_mutex_unlock(&vmm->stop_lock);
}

static int write_file(const char *name, const void *data, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), err = 0;
	ssize_t n = -1;

	if (fd >= 0)
		n = write(fd, data, len);
	if (n != (ssize_t)len)
		err = n < 0 ? errno : ENOSPC;
	if (fd >= 0 && close(fd) < 0 && !err)
		err = errno;
	if (err)
		vmm_err("cannot write %s: %s", name, strerror(err));
	return -err;
}

int machine_describe(struct vmm *vmm)
{
	int ret = fdt_describe(vmm);

	if (!ret && vmm->cfg.dumpdtb)
		ret = write_file(vmm->cfg.dumpdtb, vmm->fdt, fdt_totalsize(vmm->fdt));
	return ret;
}

static int add_ram(struct vmm *vmm)
{
	uint64_t host = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t base, size;
	int ret = 0;

	vmm->gmem = gmem_new();
	if (!vmm->gmem)
		return -ENOMEM;
	if (vmm->cfg.memory > host)
		vmm_warn("the guest is promised %llu MiB of memory, and this host has %llu MiB",
			 (unsigned long long)(vmm->cfg.memory >> 20),
			 (unsigned long long)(host >> 20));
	for (unsigned int i = 0; !ret && !fdt_memory(vmm->fdt, i, &base, &size); i++)
		ret = gmem_add_ram(vmm->gmem, base, size);
	if (ret)
		vmm_err("cannot get %llu MiB of memory for the guest: %s: give less with --memory",
			(unsigned long long)(vmm->cfg.memory >> 20), strerror(-ret));
	return ret;
}

static int start_guest(struct vmm *vmm)
{
	struct vcpu_start start;
	uint64_t rsdp;
	int ret;

	ret = acpi_build(vmm, &rsdp);
	if (!ret)
		ret = boot_linux(vmm, rsdp, &start);
	return ret ? ret : vcpus_create(vmm, &start);
}

int machine_build(struct vmm *vmm)
{
	static int (*const step[])(struct vmm *vmm) = {
		add_ram, irqs_init, vm_create, loop_init, term_init, bus_init, devices_create,
		start_guest,
	};
	int ret = 0;

	vmm->n_vcpus = fdt_cpus(vmm->fdt);
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]) && !ret; i++)
		ret = step[i](vmm);
	return ret;
}

/* ---- running ---- */

struct signals {
	struct vmm *vmm;
	int fd;
	struct loop_ev *ev;
};

static void on_signal(void *opaque, uint32_t events)
{
	struct signals *s = opaque;
	struct signalfd_siginfo si;

	(void)events;
	if (read(s->fd, &si, sizeof(si)) != sizeof(si))
		return;
	vmm_err("ended by signal %u (%s)", si.ssi_signo, strsignal((int)si.ssi_signo));
	vmm_stop(s->vmm, VMM_EXIT_USER);
}

/* Before any thread starts: all inherit the mask. */
static int watch_signals(struct signals *s)
{
	static const int quit[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(quit) / sizeof(quit[0]); i++)
		sigaddset(&set, quit[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd >= 0)
		s->ev = loop_add(s->vmm, s->fd, EPOLLIN, on_signal, s);
	if (!s->ev) {
		vmm_err("cannot watch for signals: %s", strerror(errno));
		return -EIO;
	}
	return 0;
}

static void wait_for_end(struct vmm *vmm)
{
	pthread_mutex_lock(&vmm->stop_lock);
	while (!atomic_load(&vmm->stopping))
		pthread_cond_wait(&vmm->stop_cond, &vmm->stop_lock);
	pthread_mutex_unlock(&vmm->stop_lock);
}

/*
 * Start-up code and tables are not needed any more: unmapped, they come back
 * from the page cache if they are. It halves what the process keeps mapped.
 */
static int drop_image(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	(void)data;
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = info->dlpi_addr + p->p_vaddr;
		uintptr_t to = (from + p->p_memsz) & ~(uintptr_t)0xfff;

		/* Only what the file still holds: never written to. */
		from = (from + 0xfff) & ~(uintptr_t)0xfff;
		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W) && to > from)
			madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 1;	/* this program, not its libraries */
}

int machine_run(struct vmm *vmm)
{
	struct signals sig = { .vmm = vmm, .fd = -1 };
	int ret;

	ret = watch_signals(&sig);
	if (!ret)
		ret = term_start(vmm);
	if (!ret)
		ret = loop_start(vmm);
	if (!ret)
		ret = vcpus_start(vmm);
	if (ret)
		vmm_stop(vmm, VMM_EXIT_STARTUP);
	dl_iterate_phdr(drop_image, NULL);
	wait_for_end(vmm);
	vcpus_stop(vmm);
	loop_stop(vmm);
	loop_del(sig.ev);
	if (sig.fd >= 0)
		close(sig.fd);
	return vmm->exit_code;
}

void machine_destroy(struct vmm *vmm)
{
	vcpus_stop(vmm);
	loop_stop(vmm);
	/* The terminal first: what follows may have something to say. */
	if (vmm->term)
		term_restore(vmm);
	vcpus_destroy(vmm);
	bus_show(vmm);
	devices_destroy(vmm);
	bus_free(vmm);
	term_free(vmm);
	loop_free(vmm);
	irqs_free(vmm);
	vm_destroy(vmm);
	gmem_free(vmm->gmem);
	free(vmm->fdt);
	vmm->gmem = NULL;
	vmm->fdt = NULL;
}
