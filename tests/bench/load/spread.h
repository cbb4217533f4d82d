/* spread.h - many numbers by their size: percentiles within two parts of a hundred. */
#pragma once

#include "engine/base/base.h"

#define SPREAD_FINE 64u /* steps of one doubling */
#define SPREAD_CELLS (40u * SPREAD_FINE)

struct spread {
    uint64_t n;
    int64_t max;
    uint32_t cell[SPREAD_CELLS];
};

/* Negative numbers count as 0. */
void spread_add(struct spread *s, int64_t value);

/* What `share` (0 to 1) of all numbers do not exceed; 0 if there are none. */
int64_t spread_at(const struct spread *s, double share);
