#include "tests/bench/load/spread.h"

/* Below SPREAD_FINE each number has its cell, above it each doubling has SPREAD_FINE cells. */
static size_t cell_of(uint64_t v)
{
    if (v < SPREAD_FINE)
        return (size_t)v;
    unsigned shift = 0;
    while (v >> shift >= 2 * SPREAD_FINE)
        shift++;
    const size_t cell = (size_t)(shift * SPREAD_FINE + (v >> shift));
    return size_min(cell, SPREAD_CELLS - 1);
}

static int64_t value_of(size_t cell)
{
    if (cell < 2 * SPREAD_FINE)
        return (int64_t)cell;
    const size_t shift = cell / SPREAD_FINE - 1;
    return (int64_t)((cell - shift * SPREAD_FINE) << shift);
}

void spread_add(struct spread *s, int64_t value)
{
    const int64_t v = value < 0 ? 0 : value;
    s->cell[cell_of((uint64_t)v)]++;
    s->n++;
    s->max = v > s->max ? v : s->max;
}

int64_t spread_at(const struct spread *s, double share)
{
    const double wanted = share * (double)s->n;
    double seen = 0;
    for (size_t i = 0; i < SPREAD_CELLS && s->n; i++) {
        seen += s->cell[i];
        if (seen >= wanted && seen > 0)
            return value_of(i) < s->max ? value_of(i) : s->max;
    }
    return s->max;
}
