#include "tests/bench/bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double us_of(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

double bench_cpu_us(void)
{
    return us_of(CLOCK_THREAD_CPUTIME_ID);
}

double bench_wall_us(void)
{
    return us_of(CLOCK_MONOTONIC);
}

void bench_cpus(unsigned *first, unsigned *last)
{
    cpu_set_t set;
    *first = *last = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return;
    while (*first < CPU_SETSIZE - 1 && !CPU_ISSET(*first, &set))
        (*first)++;
    for (unsigned i = *first; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &set))
            *last = i;
}

bool bench_pin(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

void bench_keep(struct bench_figure *f, double value)
{
    if (f->n < BENCH_ROUNDS)
        f->at[f->n++] = value;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(struct bench_figure *f)
{
    if (f->n == 0)
        return 0;
    qsort(f->at, f->n, sizeof f->at[0], by_size);
    return f->n % 2 ? f->at[f->n / 2] : (f->at[f->n / 2 - 1] + f->at[f->n / 2]) / 2;
}

double bench_least(struct bench_figure *f)
{
    if (f->n == 0)
        return 0;
    qsort(f->at, f->n, sizeof f->at[0], by_size);
    return f->at[0];
}

void bench_die(const char *program, const char *what)
{
    if (errno)
        (void)fprintf(stderr, "%s: %s: %s\n", program, what, strerror(errno));
    else
        (void)fprintf(stderr, "%s: %s\n", program, what);
    exit(EXIT_FAILURE);
}

unsigned bench_number(const char *program, const char *flag, const char *text, unsigned least,
                      unsigned most)
{
    char *end = NULL;
    const unsigned long n = text ? strtoul(text, &end, 10) : 0;
    if (text && *text && !*end && n >= least && n <= most)
        return (unsigned)n;
    (void)fprintf(stderr, "%s: %s takes a number from %u to %u\n", program, flag, least, most);
    exit(2);
}
