#include "engine/media/clockmap.h"

void clockmap_init(struct clockmap *c, uint32_t rate)
{
    assert(rate > 0);
    *c = (struct clockmap){.rate = rate};
}

void clockmap_sr(struct clockmap *c, uint64_t ntp, uint32_t ts)
{
    c->known = true;
    c->ntp = ntp;
    c->ts = ts;
}

bool clockmap_ntp(const struct clockmap *c, uint32_t ts, uint64_t *ntp)
{
    if (!c->known)
        return false;
    const int64_t ticks = (int32_t)(ts - c->ts);
    *ntp = c->ntp + (uint64_t)(ticks * (INT64_C(1) << 32) / (int64_t)c->rate);
    return true;
}

bool clockmap_ts(const struct clockmap *c, uint64_t ntp, uint32_t *ts)
{
    if (!c->known)
        return false;
    /* Whole seconds and the rest apart: a product of all 64 bits would not fit. The half rounds,
     * so that a timestamp which was made into a time comes back as it was. */
    const uint64_t gone = ntp - c->ntp;
    const uint64_t whole = (gone >> 32) * c->rate;
    const uint64_t rest = ((gone & UINT32_MAX) * c->rate + (UINT64_C(1) << 31)) >> 32;
    *ts = c->ts + (uint32_t)(whole + rest);
    return true;
}
