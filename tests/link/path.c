#include "tests/link/path.h"

#include <stdlib.h>
#include <string.h>

void path_init(struct path *l, const struct path_conf *c, struct rng *rng)
{
    *l = (struct path){.conf = *c, .rng = rng};
}

void path_tick(struct path *l, usec now)
{
    for (; l->plan && l->step < l->plan->n; l->step++) {
        const struct path_step *const s = &l->plan->steps[l->step];
        if (now < l->began + s->at)
            return;
        l->conf = s->conf;
        l->down = s->down;
    }
}

void path_follow(struct path *l, const struct path_plan *plan, usec now)
{
    l->plan = plan;
    l->step = 0;
    l->began = now;
    path_tick(l, now);
}

usec path_queue(const struct path *l, usec now)
{
    return l->free_at > now ? l->free_at - now : 0;
}

static bool chance(struct path *l, double p)
{
    return p > 0 && rng_u32(l->rng) < p * 4294967296.0;
}

static bool loses(struct path *l)
{
    if (chance(l, l->bad ? l->conf.to_good : l->conf.to_bad))
        l->bad = !l->bad;
    return chance(l, l->bad ? l->conf.loss_bad : l->conf.loss_good);
}

unsigned path_pass(struct path *l, usec now, size_t len, usec *at)
{
    path_tick(l, now);
    l->sent++;
    usec leaves = usec_max(now, l->free_at);
    if (l->conf.bps)
        leaves += (usec)(len * 8 * 1000000 / l->conf.bps);
    const bool full = l->conf.bps && leaves - now > l->conf.queue;
    if (l->down || full || loses(l)) {
        l->lost++;
        l->full += full && !l->down;
        return 0;
    }
    l->free_at = l->conf.bps ? leaves : now;
    usec t = leaves + l->conf.delay;
    if (l->conf.jitter)
        t += rng_below(l->rng, (uint32_t)l->conf.jitter);
    t = usec_max(t, l->last_at);
    l->last_at = t;
    *at = chance(l, l->conf.reorder) ? t + l->conf.reorder_by : t;
    return chance(l, l->conf.duplicate) ? 2 : 1;
}

/* A binary heap of slots; free slots are kept for the next datagram. */
struct wire {
    struct datagram **heap;
    size_t n, cap;
    struct datagram *out;
    struct datagram **spare;
    size_t spares;
    uint64_t order;
};

struct wire *wire_new(void)
{
    return calloc(1, sizeof(struct wire));
}

void wire_free(struct wire **wp)
{
    struct wire *const w = *wp;
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++)
        free(w->heap[i]);
    for (size_t i = 0; i < w->spares; i++)
        free(w->spare[i]);
    free(w->out);
    free(w->heap);
    free(w->spare);
    free(w);
    *wp = NULL;
}

static bool before(const struct datagram *a, const struct datagram *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void grow(struct wire *w)
{
    w->cap = w->cap ? 2 * w->cap : 256;
    w->heap = realloc(w->heap, w->cap * sizeof *w->heap);
    w->spare = realloc(w->spare, (w->cap + 1) * sizeof *w->spare);
    assert(w->heap && w->spare);
}

void wire_put(struct wire *w, usec at, const struct addr *from, const struct addr *to,
              const uint8_t *data, size_t len)
{
    if (w->n == w->cap)
        grow(w);
    struct datagram *const d = w->spares ? w->spare[--w->spares] : malloc(sizeof *d);
    assert(d && len <= sizeof d->data);
    d->at = at;
    d->order = w->order++;
    d->from = *from;
    d->to = *to;
    d->len = (uint16_t)len;
    memcpy(d->data, data, len);

    size_t i = w->n++;
    while (i > 0 && before(d, w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = d;
}

usec wire_next(const struct wire *w)
{
    return w->n ? w->heap[0]->at : USEC_NEVER;
}

const struct datagram *wire_get(struct wire *w, usec now)
{
    if (wire_next(w) > now)
        return NULL;
    if (w->out)
        w->spare[w->spares++] = w->out;
    w->out = w->heap[0];
    struct datagram *const last = w->heap[--w->n];
    size_t i = 0;
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= w->n)
            break;
        if (c + 1 < w->n && before(w->heap[c + 1], w->heap[c]))
            c++;
        if (!before(w->heap[c], last))
            break;
        w->heap[i] = w->heap[c];
        i = c;
    }
    if (w->n)
        w->heap[i] = last;
    return w->out;
}
