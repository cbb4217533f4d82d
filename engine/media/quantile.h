/* quantile.h - how late things have been lately: histograms that forget, in steps of 5 ms, and the
 * delay that is worth its while. */
#pragma once

#include "engine/base/base.h"

#define QUANTILE_STEP (5 * USEC_MS)
#define QUANTILE_STEPS 256 /* what is later than 1.28 s counts as that */

/* No allocation; all zero is empty. */
struct quantile {
    float weight[QUANTILE_STEPS];
    float total;
    usec at; /* of the last value */
};

/* One more value, of now; values of `memory` ago count e times less. */
void quantile_add(struct quantile *q, usec now, usec value, usec memory);
/* All values were later than was thought, by so much. */
void quantile_shift(struct quantile *q, usec by);
/* What lateness is worth. */
struct quantile_price {
    usec percent; /* so much delay for one in a hundred that is late */
    usec slack;   /* later by no more than this does no harm, */
    double most;  /* unless it is more than this part, 0 to 1 */
};
/* The delay, in whole steps, that costs least together with what comes late in spite of it. The
 * shares of both that are late are added up. 0 when both are empty. */
usec quantile_cheapest(const struct quantile *a, const struct quantile *b,
                       const struct quantile_price *price);
