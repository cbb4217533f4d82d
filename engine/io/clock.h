/* clock.h - the only place that reads clocks and the system's randomness. */
#pragma once

#include "engine/base/base.h"

usec clock_now(void);                           /* monotonic */
void clock_rest(usec until);                    /* of clock_now; a signal ends it early */
int64_t clock_wall_us(void);                    /* since 1970, UTC */
MUST_USE enum err clock_seed(uint8_t seed[32]); /* from the kernel, for rng_init */
