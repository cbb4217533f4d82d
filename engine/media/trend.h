/* trend.h - does the way's delay grow? The trendline filter and overuse detector of Google
 * Congestion Control (draft-ietf-rmcat-gcc-02, 5; Carlucci et al. 2016). */
#pragma once

#include "engine/base/base.h"

#define TREND_WINDOW 20 /* groups of packets */

enum trend_state { TREND_NORMAL, TREND_OVER, TREND_UNDER };

struct trend {
    float at[TREND_WINDOW];    /* ms of arrival since the first group */
    float delay[TREND_WINDOW]; /* ms, smoothed, against the first group */
    uint8_t n, next;
    float sum;       /* of all differences: how much later than the first group */
    float smooth;    /* the same, smoothed */
    float arrived;   /* ms since the first group */
    float threshold; /* that the trend must pass; follows it, slowly upwards */
    float before;    /* the last trend */
    float over_ms;   /* for how long it has been passed */
    unsigned groups; /* since the reset, up to 60 */
    uint8_t state;   /* enum trend_state */
};

void trend_reset(struct trend *t);

/* The next group of packets left `sent` after the one before it and arrived `arrived` after it. */
enum trend_state trend_add(struct trend *t, usec sent, usec arrived);
