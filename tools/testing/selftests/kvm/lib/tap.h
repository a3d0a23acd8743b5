/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVMTEST_TAP_H
#define KVMTEST_TAP_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A program is a table of tests. Each runs in a process of its own, with a
 * time limit, and is one TAP line. When all have run, the number of VMs in the
 * host must be what it was: that is a line too.
 *
 * A check that fails says where and goes on (CHECK, EQ, FAILS) or ends the test
 * (MUST). A test that could not look must SKIP, with the reason.
 */

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct test {
	const char *name;
	void (*fn)(void);
	unsigned int limit;	/* seconds; 0 is the usual limit */
};

#define TEST(fn)		{ #fn, fn, 0 }
#define SLOW_TEST(fn, limit)	{ #fn, fn, limit }

int test_main(const struct test *tests, size_t count, int argc, char **argv);
#define TEST_MAIN(tests)						\
	int main(int argc, char **argv)					\
	{								\
		return test_main(tests, ARRAY_SIZE(tests), argc, argv);	\
	}

void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void test_stop(void) __attribute__((noreturn));
void test_skip(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
unsigned int test_failures(void);
/* How many times slower than usual the host is, at least 1 */
unsigned int test_patience(void);

#define SKIP(...)	test_skip(__VA_ARGS__)

#define CHECK(cond, ...)						\
	((cond) ? true : (test_fail(__FILE__, __LINE__, #cond ": " __VA_ARGS__), false))

#define MUST(cond)							\
	do {								\
		if (!(cond)) {						\
			int __errno = errno;				\
			test_fail(__FILE__, __LINE__, "%s (errno %d)", #cond, __errno); \
			test_stop();					\
		}							\
	} while (0)

#define EQ(a, b)							\
	({								\
		u64 __a = (u64)(a), __b = (u64)(b);			\
		if (__a != __b)						\
			test_fail(__FILE__, __LINE__, "%s is %#llx, not %s = %#llx", #a, \
				  (unsigned long long)__a, #b, (unsigned long long)__b); \
		__a == __b;						\
	})

/* The system call fails with this errno and no other. */
#define FAILS(call, err)						\
	({								\
		long __ret;						\
		int __errno;						\
		errno = 0;						\
		__ret = (call);						\
		__errno = errno;					\
		if (__ret != -1 || __errno != (err))			\
			test_fail(__FILE__, __LINE__, "%s: returned %ld, errno %d, not " #err, \
				  #call, __ret, __errno);		\
		__ret == -1 && __errno == (err);			\
	})

/* The system call answers 0 (or, OKS, something that is not an error). */
#define OK(call)							\
	({								\
		long __ret;						\
		errno = 0;						\
		__ret = (call);						\
		if (__ret)						\
			test_fail(__FILE__, __LINE__, "%s: returned %ld, errno %d", #call, \
				  __ret, errno);			\
		__ret == 0;						\
	})

#define OKS(call)							\
	({								\
		long __ret;						\
		errno = 0;						\
		__ret = (call);						\
		if (__ret < 0)						\
			test_fail(__FILE__, __LINE__, "%s: returned %ld, errno %d", #call, \
				  __ret, errno);			\
		__ret;							\
	})

/* Number of VMs in the host, or -1 when debugfs does not tell. */
int vms_in_host(void);
bool vms_settle(int count);
bool on_stock_kvm(void);
bool on_tcg(void);
bool on_bochs(void);
bool on_amd(void);
bool module_has(const char *parameter);
bool nested_paging(void);
bool hardware_delivers(void);
void needs_shutdown_exits(void);
void needs_prompt_interrupts(void);
void needs_cr2(void);

u64 now_ns(void);
void sleep_ms(unsigned int ms);

#endif
