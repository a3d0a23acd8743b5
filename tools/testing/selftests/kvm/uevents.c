// SPDX-License-Identifier: GPL-2.0-only
/* The kernel tells of VMs that come and go, for udev's rules. */
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vm.h"

struct event {
	char text[4096];
	ssize_t size;
};

static int listen_for_events(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	MUST(fd >= 0);
	MUST(!bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

static const char *get(const struct event *e, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = e->text; at < e->text + e->size; at += strlen(at) + 1)
		if (!strncmp(at, name, len) && at[len] == '=')
			return at + len + 1;
	return NULL;
}

static bool is(const struct event *e, const char *name, const char *value)
{
	const char *has = get(e, name);

	return CHECK(has && !strcmp(has, value), "%s is %s, not %s", name, has ? has : "absent",
		     value);
}

/* The next of kvm's own */
static void next_event(int fd, struct event *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	do {
		MUST(poll(&p, 1, 5000) == 1);
		e->size = recv(fd, e->text, sizeof(e->text) - 1, 0);
		MUST(e->size > 0);
		e->text[e->size] = 0;
	} while (strcmp(e->text, "change@/devices/virtual/misc/kvm"));
}

static void vms_come_and_go(void)
{
	int fd = listen_for_events();
	unsigned long long created, count;
	struct event e;
	struct vm *vm;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	vm = vm_bare();
	next_event(fd, &e);
	is(&e, "ACTION", "change");
	is(&e, "DEVPATH", "/devices/virtual/misc/kvm");
	is(&e, "SUBSYSTEM", "misc");
	is(&e, "DEVNAME", "kvm");
	is(&e, "EVENT", "create");
	is(&e, "PID", pid);
	MUST(get(&e, "CREATED") && get(&e, "COUNT"));
	created = atoll(get(&e, "CREATED"));
	count = atoll(get(&e, "COUNT"));
	CHECK(created && count && count <= created);
	vm_free(vm);
	next_event(fd, &e);
	is(&e, "EVENT", "destroy");
	is(&e, "PID", pid);
	EQ(atoll(get(&e, "CREATED")), created);
	EQ(atoll(get(&e, "COUNT")), count - 1);
	vm = vm_bare();
	next_event(fd, &e);
	is(&e, "EVENT", "create");
	EQ(atoll(get(&e, "CREATED")), created + 1);
	EQ(atoll(get(&e, "COUNT")), count);
	vm_free(vm);
	close(fd);
}

/* What is closed by the end of its process tells the creator's number too. */
static void creator_is_told(void)
{
	int fd = listen_for_events(), vm, other;
	struct event e;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	vm = ioctl(kvm_open(), KVM_CREATE_VM, 0);
	MUST(vm >= 0);
	next_event(fd, &e);
	is(&e, "PID", pid);
	other = dup(vm);
	close(vm);
	sleep_ms(20);
	close(other);
	next_event(fd, &e);
	is(&e, "EVENT", "destroy");
	is(&e, "PID", pid);
	close(fd);
}

static const struct test tests[] = {
	TEST(vms_come_and_go),
	TEST(creator_is_told),
};

TEST_MAIN(tests)
