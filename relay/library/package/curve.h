/* curve.h - one clock on another: noisy pairs of times in, a smooth line with slow drift out. */
#pragma once

#include "engine/base/base.h"

struct curve_point {
    int64_t x; /* time on the first clock, µs */
    double y;  /* second clock minus first, µs */
};

/* Points in rising x once it is built. */
struct curve {
    struct curve_point *point;
    size_t n;
    size_t cap;
    double head_slope; /* before the first point and behind the last: drift, µs per µs */
    double tail_slope;
};

void curve_fini(struct curve *c);
MUST_USE enum err curve_add(struct curve *c, int64_t x, double y);

/* Keeps of each span of x the point with the least y: of arrivals, those that waited least. */
void curve_least(struct curve *c, int64_t span);

/* Sorts, and puts each point on the straight line that fits best those within ±reach of it and on
 * its side of any jump larger than `jump`. Drift beyond 1000 ppm is taken for noise. */
MUST_USE enum err curve_smooth(struct curve *c, int64_t reach, double jump);

/* The second clock's time of x. The curve has points. */
int64_t curve_at(const struct curve *c, int64_t x);
