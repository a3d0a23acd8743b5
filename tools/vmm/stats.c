// SPDX-License-Identifier: GPL-2.0-only
/* The hypervisor's own counters; their descriptions come with them. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "kvm_abi.h"
#include "log.h"
#include "stats.h"
#include "vcpu.h"
#include "vmm.h"

#define STATS_MAX	256	/* more descriptions than any KVM has */
#define STATS_NAME_MAX	64

struct counters {
	unsigned int n;
	char name[STATS_MAX][STATS_NAME_MAX];
	uint64_t value[STATS_MAX];
};

static void counters_add(struct counters *c, const char *name, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (!strcmp(c->name[i], name))
			break;
	if (i == STATS_MAX)
		return;
	if (i == c->n) {
		c->n++;
		snprintf(c->name[i], sizeof(c->name[i]), "%s", name);
	}
	c->value[i] += value;
}

/* Each description is followed by its name, all padded to one size. */
static int read_descs(int fd, const struct kvm_stats_header *h, struct counters *c)
{
	size_t len = sizeof(struct kvm_stats_desc) + h->name_size;
	struct kvm_stats_desc *d = malloc(len + 1);
	uint64_t value;
	uint32_t i;

	if (!d)
		return -1;
	for (i = 0; i < h->num_desc; i++) {
		memset(d, 0, len + 1);
		if (pread(fd, d, len, h->desc_offset + i * len) != (ssize_t)len)
			break;
		/* Histograms are not for one line. */
		if (d->size != 1 ||
		    pread(fd, &value, 8, (off_t)h->data_offset + d->offset) != 8)
			continue;
		counters_add(c, d->name, value);
	}
	free(d);
	return 0;
}

static void add_file(int owner, struct counters *c)
{
	struct kvm_stats_header h;
	int fd = ioctl(owner, KVM_GET_STATS_FD, 0);

	if (fd < 0)
		return;
	if (pread(fd, &h, sizeof(h), 0) == sizeof(h) && h.name_size < 256)
		read_descs(fd, &h, c);
	close(fd);
}

void stats_print(struct vmm *vmm)
{
	struct counters *c = calloc(1, sizeof(*c));
	unsigned int i;

	if (!c)
		return;
	add_file(vmm->vm_fd, c);
	for (i = 0; i < vmm->n_vcpus; i++)
		add_file(vcpu_fd(vmm, i), c);
	for (i = 0; i < c->n; i++)
		if (c->value[i])
			printf("stat %s %llu\n", c->name[i], (unsigned long long)c->value[i]);
	if (!c->n)
		vmm_warn("the hypervisor keeps no counters (KVM_CAP_BINARY_STATS_FD)");
	fflush(stdout);
	free(c);
}
