#include "engine/io/clock.h"

#include <sys/random.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0)
        return 0; /* cannot fail for these two clocks */
    return (int64_t)t.tv_sec * USEC_SEC + t.tv_nsec / 1000;
}

usec clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void clock_rest(usec until)
{
    const struct timespec t = {.tv_sec = until / USEC_SEC, .tv_nsec = until % USEC_SEC * 1000};
    if (until > 0)
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

int64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

enum err clock_seed(uint8_t seed[32])
{
    return getrandom(seed, 32, 0) == 32 ? OK : E_IO;
}
