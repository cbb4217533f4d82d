#include "engine/media/quantile.h"

#include <math.h>

static size_t step_of(usec value)
{
    return value <= 0 ? 0 : size_min((size_t)(value / QUANTILE_STEP), QUANTILE_STEPS - 1);
}

void quantile_add(struct quantile *q, usec now, usec value, usec memory)
{
    const usec gone = usec_max(now - q->at, 0);
    const float left = expf(-(float)gone / (float)memory);
    for (size_t i = 0; i < QUANTILE_STEPS; i++)
        q->weight[i] *= left;
    q->total = q->total * left + 1;
    q->weight[step_of(value)] += 1;
    q->at = usec_max(now, q->at);
}

void quantile_shift(struct quantile *q, usec by)
{
    const size_t steps = step_of(by);
    const size_t last = QUANTILE_STEPS - 1;
    for (size_t i = last; steps && i-- > 0;) {
        const float w = q->weight[i];
        q->weight[i] = 0;
        q->weight[size_min(i + steps, last)] += w;
    }
}

usec quantile_all_but(const struct quantile *q, double rest)
{
    float above = 0;
    for (size_t i = QUANTILE_STEPS; i-- > 0;) {
        above += q->weight[i];
        if (above > (float)rest * q->total && above > 0)
            return (usec)(i + 1) * QUANTILE_STEP;
    }
    return 0;
}
