/* backoff.h - how long to wait before the next try: at once, then longer and longer, never in step
 * with others. */
#pragma once

#include "engine/base/rng.h"

#define BACKOFF_FIRST (250 * USEC_MS)
#define BACKOFF_MOST                                                                               \
    (2 * USEC_SEC) /* a lesson must be picked up within 5 s of the relay's return */

#define BACKOFF_AFTER 4 /* of a wait a quarter is always kept, so that nobody gets in step */

struct backoff {
    unsigned tries; /* since the last success */
};

/* The wait before the next try: 0 for the first; then 250 ms, doubled each time up to 2 s, and
 * between one half and the whole of it by chance. */
usec backoff_next(struct backoff *b, struct rng *rng);
/* When the next try is due, after one that began at `began` and failed `now`. A try that hung has
 * waited already: its time counts, but for a quarter of the wait. */
usec backoff_due(struct backoff *b, struct rng *rng, usec began, usec now);
void backoff_reset(struct backoff *b);
