/* base.h - the few words every other file uses: time, errors, sizes. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Monotonic microseconds. Only engine/io/clock.c reads a clock; everybody else is told. */
typedef int64_t usec;

#define USEC_NEVER INT64_MAX
#define USEC_MS ((usec)1000)
#define USEC_SEC ((usec)1000000)

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* What can go wrong with a resource or a call (wrong bytes from the network are a bool). */
enum err {
    OK = 0,
    E_NOMEM,  /* no memory, or a pool is empty */
    E_FORMAT, /* the input is not what it claims to be */
    E_AUTH,   /* not allowed, or a check value does not match */
    E_STATE,  /* not possible in this state */
    E_LIMIT,  /* more than a configured or stated limit */
    E_IO,     /* the operating system said no; errno says why */
};

/* A short English name such as "no memory", for logs. Never NULL. */
const char *err_name(enum err e);

static inline usec usec_min(usec a, usec b)
{
    return a < b ? a : b;
}

static inline usec usec_max(usec a, usec b)
{
    return a > b ? a : b;
}

static inline size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}
