#include "engine/media/trend.h"

#include <math.h>

#define SMOOTHING 0.9f
#define GAIN 4.0f
#define GROUPS_MAX 60u
#define THRESHOLD 12.5f /* ms, at first */
#define THRESHOLD_LEAST 6.0f
#define THRESHOLD_MOST 600.0f
#define THRESHOLD_UP 0.0087f
#define THRESHOLD_DOWN 0.039f
#define THRESHOLD_JUMP 15.0f /* ms; a spike above it by more is not learned from */
#define STEP_MOST 100.0f     /* ms; a longer pause teaches no more than this */
#define REBASE 1e6f          /* ms */
#define OVER_TIME 10.0f      /* ms that it must be passed */

void trend_reset(struct trend *t)
{
    *t = (struct trend){.threshold = t->threshold > 0 ? t->threshold : THRESHOLD};
}

/* Least squares: ms of delay that come with each ms of time. */
static float slope(const struct trend *t)
{
    float mean_x = 0;
    float mean_y = 0;
    float up = 0;
    float down = 0;
    for (unsigned i = 0; i < t->n; i++) {
        mean_x += t->at[i] / (float)t->n;
        mean_y += t->delay[i] / (float)t->n;
    }
    for (unsigned i = 0; i < t->n; i++) {
        const float x = t->at[i] - mean_x;
        up += x * (t->delay[i] - mean_y);
        down += x * x;
    }
    return down > 0 ? up / down : 0;
}

static void adapt(struct trend *t, float trend, float ms)
{
    const float size = fabsf(trend);
    if (size > t->threshold + THRESHOLD_JUMP)
        return;
    const float k = size < t->threshold ? THRESHOLD_DOWN : THRESHOLD_UP;
    t->threshold += k * (size - t->threshold) * fminf(ms, STEP_MOST);
    t->threshold = fminf(fmaxf(t->threshold, THRESHOLD_LEAST), THRESHOLD_MOST);
}

static enum trend_state detect(struct trend *t, float trend, float ms)
{
    if (trend > t->threshold) {
        t->over_ms += ms;
        if (t->over_ms > OVER_TIME && trend >= t->before) {
            t->over_ms = 0;
            return TREND_OVER;
        }
        return (enum trend_state)t->state;
    }
    t->over_ms = 0;
    return trend < -t->threshold ? TREND_UNDER : TREND_NORMAL;
}

/* So that hours do not cost the milliseconds their precision. */
static void rebase(struct trend *t)
{
    for (unsigned i = 0; i < t->n; i++)
        t->at[i] -= t->arrived;
    t->arrived = 0;
}

enum trend_state trend_add(struct trend *t, usec sent, usec arrived)
{
    const float ms = (float)arrived / (float)USEC_MS;
    t->sum += (float)(arrived - sent) / (float)USEC_MS;
    t->smooth = SMOOTHING * t->smooth + (1 - SMOOTHING) * t->sum;
    if (t->arrived > REBASE)
        rebase(t);
    t->arrived += ms;
    t->at[t->next] = t->arrived;
    t->delay[t->next] = t->smooth;
    t->next = (uint8_t)((t->next + 1) % TREND_WINDOW);
    if (t->n < TREND_WINDOW)
        t->n++;
    if (t->groups < GROUPS_MAX)
        t->groups++;
    if (t->n < TREND_WINDOW / 2)
        return TREND_NORMAL;
    const float trend = (float)t->groups * slope(t) * GAIN;
    t->state = (uint8_t)detect(t, trend, ms);
    adapt(t, trend, ms);
    t->before = trend;
    return (enum trend_state)t->state;
}
