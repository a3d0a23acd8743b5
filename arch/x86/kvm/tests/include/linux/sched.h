/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_LINUX_SCHED_H
#define TESTS_LINUX_SCHED_H

struct task_struct;
#define current		((struct task_struct *)1)

#endif
