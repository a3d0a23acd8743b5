/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the emulator needs of the world around it: fixed-size types, memcpy,
 * and the likely/unlikely hints. The one place that tells kernel from user
 * space.
 */
#ifndef KVM_X86_EMUL_ENV_H
#define KVM_X86_EMUL_ENV_H

#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define fallthrough	__attribute__((__fallthrough__))
#endif

#endif
