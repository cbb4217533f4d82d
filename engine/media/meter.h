/* meter.h - the bit rate of a stream, smoothed as its kind needs it. */
#pragma once

#include "engine/base/base.h"

struct meter {
    usec since; /* when the window under way began; 0 = nothing came yet */
    uint32_t bytes;
    uint32_t bps;
    usec window;
    uint8_t up, down; /* a new window counts for 1 / 2^up when it is more, 1 / 2^down when less */
};

void meter_init(struct meter *m, usec window, uint8_t up, uint8_t down);
void meter_add(struct meter *m, usec now, size_t bytes);

/* Of the windows that are over; 0 until the first is. */
static inline uint32_t meter_bps(const struct meter *m)
{
    return m->bps;
}
