/* uplink.h - what a room sends of its sources over the way that it has: the ladder, upwards. */
#pragma once

#include "client/capture.h"
#include "engine/media/share.h"

#define UPLINK_LAYERS 3
#define UPLINK_MOST 8 /* sources of a room */

/* One source as it is to be coded. */
struct uplink_line {
    enum capture_what what;
    size_t layers;               /* that the other side takes */
    uint8_t level;               /* as share_line's; 0 at first */
    uint32_t bps[UPLINK_LAYERS]; /* of each layer's encoder, or the voice's; 0 = off */
    unsigned voice_ms;           /* length of a packet */
};

/* From this rung on there is room for a voice that repeats itself (RFC 2198). */
#define UPLINK_RIDERS_FROM 3

/* Divides what the way carries; returns the rung. */
unsigned uplink_divide(uint64_t way, struct uplink_line *line, size_t n);

/* Bits per second that all sources would take with everything. */
uint64_t uplink_wanted(const struct uplink_line *line, size_t n);
