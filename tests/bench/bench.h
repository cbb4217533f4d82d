/* bench.h - what the measuring programs share: CPU time, pinning, the middle of many rounds. */
#pragma once

#include "engine/base/base.h"

/* CPU time of the calling thread, user and system, in microseconds. */
double bench_cpu_us(void);

/* Wall clock in microseconds, for deadlines only. */
double bench_wall_us(void);

/* The CPUs this process may use, as it was started: the first and the last one. Equal on a machine
 * with a single one. */
void bench_cpus(unsigned *first, unsigned *last);

/* Keeps the calling thread on one CPU. False: not allowed, errno says why. */
MUST_USE bool bench_pin(unsigned cpu);

/* One figure, measured again and again: `median` and `least` sort what was kept. */
#define BENCH_ROUNDS 99
struct bench_figure {
    double at[BENCH_ROUNDS];
    size_t n;
};
void bench_keep(struct bench_figure *f, double value); /* beyond BENCH_ROUNDS it is forgotten */
double bench_median(struct bench_figure *f);
double bench_least(struct bench_figure *f);

/* Ends the program with a sentence: what failed, and errno if it is set. */
_Noreturn void bench_die(const char *program, const char *what);

/* The value of a flag "--name N" as a number within bounds; ends the program otherwise. */
unsigned bench_number(const char *program, const char *flag, const char *text, unsigned least,
                      unsigned most);
