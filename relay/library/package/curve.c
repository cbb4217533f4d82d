/* curve.c - local straight lines through pairs of clock readings. */
#include "relay/library/package/curve.h"

#include <math.h>
#include <stdlib.h>

#define DRIFT_MAX 1e-3          /* µs per µs; quartz is within 2e-4 */
#define FIT_SPAN (5 * USEC_SEC) /* shorter stretches say nothing of drift */

void curve_fini(struct curve *c)
{
    free(c->point);
    *c = (struct curve){0};
}

enum err curve_add(struct curve *c, int64_t x, double y)
{
    if (c->n == c->cap) {
        const size_t cap = c->cap ? c->cap * 2 : 64;
        struct curve_point *const p = realloc(c->point, cap * sizeof *p);
        if (!p)
            return E_NOMEM;
        c->point = p;
        c->cap = cap;
    }
    c->point[c->n++] = (struct curve_point){x, y};
    return OK;
}

static int by_x(const void *a, const void *b)
{
    const struct curve_point *const p = a;
    const struct curve_point *const q = b;
    return (p->x > q->x) - (p->x < q->x);
}

static void sort(struct curve *c)
{
    if (c->n > 1)
        qsort(c->point, c->n, sizeof *c->point, by_x);
}

void curve_least(struct curve *c, int64_t span)
{
    sort(c);
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct curve_point p = c->point[i];
        const bool same = kept > 0 && p.x / span == c->point[kept - 1].x / span;
        if (!same)
            c->point[kept++] = p;
        else if (p.y < c->point[kept - 1].y)
            c->point[kept - 1] = p;
    }
    c->n = kept;
}

struct line {
    double mean_x, mean_y, slope;
};

/* Least squares over point[from … to). */
static struct line fit(const struct curve_point *p, size_t from, size_t to)
{
    const double n = (double)(to - from);
    const int64_t base = p[from].x;
    struct line l = {0};
    for (size_t i = from; i < to; i++) {
        l.mean_x += (double)(p[i].x - base) / n;
        l.mean_y += p[i].y / n;
    }
    double xx = 0;
    double xy = 0;
    for (size_t i = from; i < to; i++) {
        const double dx = (double)(p[i].x - base) - l.mean_x;
        xx += dx * dx;
        xy += dx * (p[i].y - l.mean_y);
    }
    l.mean_x += (double)base;
    if (p[to - 1].x - base >= FIT_SPAN && fabs(xy) <= DRIFT_MAX * xx)
        l.slope = xy / xx;
    return l;
}

/* The neighbours of point i: within reach, and no jump in between. */
static void neighbours(const struct curve *c, size_t i, int64_t reach, double jump, size_t *from,
                       size_t *to)
{
    const struct curve_point *const p = c->point;
    size_t a = i;
    size_t b = i + 1;
    while (a > 0 && p[i].x - p[a - 1].x <= reach && fabs(p[a].y - p[a - 1].y) <= jump)
        a--;
    while (b < c->n && p[b].x - p[i].x <= reach && fabs(p[b].y - p[b - 1].y) <= jump)
        b++;
    *from = a;
    *to = b;
}

enum err curve_smooth(struct curve *c, int64_t reach, double jump)
{
    sort(c);
    if (c->n == 0)
        return OK;
    double *const y = malloc(c->n * sizeof *y);
    if (!y)
        return E_NOMEM;
    for (size_t i = 0; i < c->n; i++) {
        size_t from = 0;
        size_t to = 0;
        neighbours(c, i, reach, jump, &from, &to);
        const struct line l = fit(c->point, from, to);
        y[i] = l.mean_y + l.slope * ((double)c->point[i].x - l.mean_x);
        if (i == 0)
            c->head_slope = l.slope;
        c->tail_slope = l.slope;
    }
    for (size_t i = 0; i < c->n; i++)
        c->point[i].y = y[i];
    free(y);
    return OK;
}

/* Index of the last point at or before x; the caller has made sure that there is one. */
static size_t floor_point(const struct curve *c, int64_t x)
{
    size_t lo = 0;
    size_t hi = c->n;
    while (hi - lo > 1) {
        const size_t mid = lo + (hi - lo) / 2;
        if (c->point[mid].x <= x)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

int64_t curve_at(const struct curve *c, int64_t x)
{
    assert(c->n > 0);
    const struct curve_point *const first = &c->point[0];
    const struct curve_point *const last = &c->point[c->n - 1];
    double y;
    if (x <= first->x) {
        y = first->y + c->head_slope * (double)(x - first->x);
    } else if (x >= last->x) {
        y = last->y + c->tail_slope * (double)(x - last->x);
    } else {
        const struct curve_point *const p = &c->point[floor_point(c, x)];
        const double part = (double)(x - p->x) / (double)(p[1].x - p->x);
        y = p->y + (p[1].y - p->y) * part;
    }
    return x + (int64_t)llround(y);
}
