/* backoff.c - jittered exponential waiting. */
#include "client/backoff.h"

usec backoff_next(struct backoff *b, struct rng *rng)
{
    const unsigned tries = b->tries;
    if (tries < 16)
        b->tries++;
    if (tries == 0)
        return 0;
    const usec whole = usec_min(BACKOFF_FIRST << (tries - 1), BACKOFF_MOST);
    return whole / 2 + (usec)rng_below(rng, (uint32_t)(whole / 2));
}

usec backoff_due(struct backoff *b, struct rng *rng, usec began, usec now)
{
    const usec wait = backoff_next(b, rng);
    return usec_max(began + wait, now + wait / BACKOFF_AFTER);
}

void backoff_reset(struct backoff *b)
{
    b->tries = 0;
}
