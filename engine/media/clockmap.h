/* clockmap.h - RTP timestamps of one stream on the sender's NTP clock, and that clock on ours. */
#pragma once

#include "engine/base/base.h"

/* One per received stream; fed by sender reports (RFC 3550 6.4.1), drift is followed. */
struct clockmap {
    uint32_t rate;
    bool known;
    uint64_t ntp; /* of the last sender report */
    uint32_t ts;
};

void clockmap_init(struct clockmap *c, uint32_t rate);
/* Absurd jumps (the sender's clock was set) simply start anew. */
void clockmap_sr(struct clockmap *c, uint64_t ntp, uint32_t ts);

/* The sender's NTP time of a timestamp. False before the first report. */
MUST_USE bool clockmap_ntp(const struct clockmap *c, uint32_t ts, uint64_t *ntp);
/* And the timestamp of an NTP time. */
MUST_USE bool clockmap_ts(const struct clockmap *c, uint64_t ntp, uint32_t *ts);
