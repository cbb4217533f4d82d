/* quantile.h - how late things have been lately: a histogram that forgets, in steps of 5 ms. */
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
/* What all but `rest` (0 to 1) of them do not exceed, rounded up to whole steps; 0 when empty. */
usec quantile_all_but(const struct quantile *q, double rest);
