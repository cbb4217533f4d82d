/* cost.h - what a process costs the machine, seen from outside, from /proc. */
#pragma once

#include "engine/base/base.h"

#define COST_THREADS 16384

/* CPU time of each thread as last seen: one that ended keeps what it used. */
struct cost {
    unsigned pid; /* 0: nothing is known of it */
    unsigned tid[COST_THREADS];
    uint64_t ns[COST_THREADS];
    size_t n;
    size_t hint; /* where the last one was: threads are listed in the same order each time */
};

/* Looks again; call it every few seconds. Returns all CPU time so far in microseconds, by the
 * scheduler's own account (/proc/PID/task/TID/schedstat). */
uint64_t cost_cpu_us(struct cost *c);

/* The same by /proc/PID/stat, which counts in ticks but misses no thread. */
uint64_t cost_stat_us(const struct cost *c);

/* Resident memory; 0: not known. */
uint64_t cost_rss_kib(const struct cost *c);
