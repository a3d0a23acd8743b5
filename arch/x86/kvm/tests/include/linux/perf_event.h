/* SPDX-License-Identifier: GPL-2.0-only */
/* perf as pmu_fake.c plays it: events count when the test says so. */
#ifndef TESTS_LINUX_PERF_EVENT_H
#define TESTS_LINUX_PERF_EVENT_H

#include <linux/types.h>

#define PERF_TYPE_HARDWARE	0
#define PERF_TYPE_RAW		4
#define PERF_COUNT_HW_CPU_CYCLES	0
#define PERF_COUNT_HW_INSTRUCTIONS	1
#define PERF_COUNT_HW_REF_CPU_CYCLES	9

struct perf_event_attr {
	u32 type, size;
	u64 config, sample_period;
	bool pinned, exclude_user, exclude_kernel, exclude_host;
};

struct perf_sample_data;
struct pt_regs;
struct task_struct;
struct perf_event;
typedef void (*perf_overflow_handler_t)(struct perf_event *event, struct perf_sample_data *data,
					struct pt_regs *regs);

struct perf_event {
	struct perf_event_attr attr;
	perf_overflow_handler_t handler;
	void *overflow_handler_context;
	u64 count, left;
	bool on;
	struct perf_event *next;
};

struct perf_event *perf_event_create_kernel_counter(struct perf_event_attr *attr, int cpu,
						    struct task_struct *task,
						    perf_overflow_handler_t handler,
						    void *context);
int perf_event_release_kernel(struct perf_event *event);
u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running);
u64 perf_event_pause(struct perf_event *event, bool reset);
void perf_event_enable(struct perf_event *event);
int perf_event_period(struct perf_event *event, u64 value);

#endif
