/* gettimeofday.c - takes the place of the C library's, for OpenSSL's DTLS timer. */
#include "tests/sim/gettimeofday.h"

#include <sys/time.h>

/* Not 1970: OpenSSL takes a deadline of zero seconds for "no timer". */
#define EPOCH 1000000000

static usec virtual_now;
static size_t reads;

void sim_clock_set(usec now)
{
    virtual_now = now;
}

size_t sim_clock_reads(void)
{
    return reads;
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
                                                        void *restrict tz)
{
    (void)tz;
    reads++;
    tv->tv_sec = EPOCH + virtual_now / USEC_SEC;
    tv->tv_usec = virtual_now % USEC_SEC;
    return 0;
}
