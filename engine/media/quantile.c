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

static float share(const struct quantile *q, size_t step)
{
    return step < QUANTILE_STEPS && q->total > 0 ? q->weight[step] / q->total : 0;
}

usec quantile_cheapest(const struct quantile *a, const struct quantile *b,
                       const struct quantile_price *price)
{
    const size_t slack = (size_t)(price->slack / QUANTILE_STEP);
    double late = 0; /* at all */
    double harm = 0; /* by more than the slack */
    double least = INFINITY;
    usec best = 0;
    if (a->total <= 0 && b->total <= 0)
        return 0;
    for (size_t i = QUANTILE_STEPS; i-- > 0 && late <= price->most;) {
        const usec delay = (usec)(i + 1) * QUANTILE_STEP; /* all in step i come in time */
        const double cost = (double)delay + 100 * harm * (double)price->percent;
        if (cost <= least) {
            least = cost;
            best = delay;
        }
        late += (double)share(a, i) + (double)share(b, i);
        harm += (double)share(a, i + slack) + (double)share(b, i + slack);
    }
    return best;
}
