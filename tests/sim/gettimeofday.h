/* gettimeofday.h - the wall clock as OpenSSL sees it in this process: a virtual one. */
#pragma once

#include "engine/base/base.h"

/* A program that links gettimeofday.c has no real gettimeofday: OpenSSL's DTLS timer, which reads
 * it, runs on what is set here. Starts at 0. */
void sim_clock_set(usec now);

/* How often it was read: a test that counts on the take-over asserts that this grows. */
size_t sim_clock_reads(void);
