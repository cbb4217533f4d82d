#include "engine/media/pacer.h"

#include "engine/wire/rtp.h"

#include <stdlib.h>

#define RING_MIN 16u
#define BITS_US 8000000          /* bits in a byte times microseconds in a second */
#define GONE_MAX (60 * USEC_SEC) /* fills any burst, and the product below fits */
#define VIDEO_BURST 3000         /* bytes of their part that pictures save up, or owe */

static enum err ring_init(struct pacer_ring *q, uint32_t size)
{
    *q = (struct pacer_ring){.rec = calloc(size, sizeof(struct send_rec)), .size = size};
    return q->rec ? OK : E_NOMEM;
}

enum err pacer_init(struct pacer *p, uint32_t size, uint64_t bps, uint32_t burst)
{
    assert(size > 0 && (size & (size - 1)) == 0);
    *p = (struct pacer){.bps = bps, .burst = burst, .credit = burst};
    static const uint8_t part[PACER_CLASSES] = {8, 4, 2, 1};
    for (int c = 0; c < PACER_CLASSES; c++) {
        const uint32_t n = size / part[c];
        if (ring_init(&p->ring[c], n > RING_MIN ? n : RING_MIN)) {
            pacer_fini(p);
            return E_NOMEM;
        }
    }
    return OK;
}

static struct send_rec *at(const struct pacer_ring *q, uint32_t i)
{
    return &q->rec[(q->head + i) & (q->size - 1)];
}

void pacer_fini(struct pacer *p)
{
    for (int c = 0; c < PACER_CLASSES; c++) {
        struct pacer_ring *const q = &p->ring[c];
        for (uint32_t i = 0; i < q->n; i++)
            pkt_unref(&at(q, i)->pkt);
        free(q->rec);
    }
    *p = (struct pacer){0};
}

void pacer_rate(struct pacer *p, uint64_t bps, uint32_t burst)
{
    p->bps = bps;
    p->burst = burst;
    if (p->credit > burst)
        p->credit = burst;
}

void pacer_video(struct pacer *p, uint64_t bps)
{
    p->video_bps = bps;
}

static size_t wire_bytes(const struct send_rec *r)
{
    return r->pkt->len + (size_t)PACER_EXTRA;
}

bool pacer_push(struct pacer *p, const struct send_rec *r)
{
    struct pacer_ring *const q = &p->ring[r->cls];
    if (q->n == q->size) {
        struct pkt *unwanted = r->pkt;
        pkt_unref(&unwanted);
        p->dropped++;
        return false;
    }
    *at(q, q->n) = *r;
    q->n++;
    q->bytes += wire_bytes(r);
    return true;
}

static int64_t clamp_video(int64_t credit)
{
    const int64_t most = (int64_t)VIDEO_BURST * BITS_US;
    return credit > most ? most : credit < -most ? -most : credit;
}

static void fill(struct pacer *p, usec now)
{
    const usec gone = usec_min(usec_max(now - p->filled_at, 0), GONE_MAX);
    const uint64_t sum = (uint64_t)gone * p->bps + p->rest; /* in bits times us/s */
    p->video_credit = clamp_video(p->video_credit + gone * (int64_t)p->video_bps);
    p->credit += (int64_t)(sum / BITS_US);
    p->rest = sum % BITS_US;
    p->filled_at = usec_max(p->filled_at, now);
    if (p->credit >= p->burst) {
        p->credit = p->burst;
        p->rest = 0;
    }
}

void pacer_spend(struct pacer *p, size_t bytes)
{
    p->credit -= (int64_t)bytes;
    /* Voice never waits and may owe more than a burst; pictures are not to pay for that later. */
    if (p->credit < -(int64_t)p->burst - PKT_CAP)
        p->credit = -(int64_t)p->burst - PKT_CAP;
}

static void take(struct pacer *p, struct pacer_ring *q, struct send_rec *r)
{
    *r = *at(q, 0);
    q->head = (q->head + 1) & (q->size - 1);
    q->n--;
    q->bytes -= wire_bytes(r);
    pacer_spend(p, wire_bytes(r));
    if (r->cls == PACER_VIDEO)
        p->video_credit = clamp_video(p->video_credit - (int64_t)wire_bytes(r) * BITS_US);
}

/* Which goes next: pictures that have some of their part left are before slides. */
static struct pacer_ring *foremost(struct pacer *p)
{
    for (int c = 0; c < PACER_CLASSES; c++) {
        if (c == PACER_SLIDES && p->ring[PACER_VIDEO].n > 0 && p->video_credit > 0)
            return &p->ring[PACER_VIDEO];
        if (p->ring[c].n > 0)
            return &p->ring[c];
    }
    return NULL;
}

bool pacer_pop(struct pacer *p, usec now, struct send_rec *r)
{
    fill(p, now);
    struct pacer_ring *const q = foremost(p);
    if (!q || (q != &p->ring[PACER_VOICE] && p->credit <= 0))
        return false;
    take(p, q, r);
    return true;
}

/* A frame that has begun to leave goes on: half of one is no use to anybody. */
static void cut(struct pacer_ring *q, uint8_t sub, struct remap_out *last)
{
    uint32_t kept = 0;
    bool any = false;
    bool begun = false;
    uint32_t ts = 0;
    for (uint32_t i = 0; i < q->n; i++) {
        struct send_rec *const r = at(q, i);
        if (r->sub == sub && !any) {
            any = true;
            begun = !r->rtx && !r->pkt->rtp.start;
            ts = r->map.ts;
        }
        const bool rest = r->sub == sub && begun && r->map.ts == ts;
        if (rest && !r->rtx && seq_newer(r->map.seq, last->seq))
            *last = r->map;
        if (r->sub != sub || rest) {
            *at(q, kept++) = *r;
            continue;
        }
        q->bytes -= wire_bytes(r);
        pkt_unref(&r->pkt);
    }
    q->n = kept;
}

void pacer_cut(struct pacer *p, uint8_t sub, struct remap_out *last)
{
    for (int c = PACER_RTX; c < PACER_CLASSES; c++)
        cut(&p->ring[c], sub, last);
}

size_t pacer_waiting(const struct pacer *p, enum pacer_class c)
{
    return p->ring[c].bytes;
}

const struct send_rec *pacer_peek(const struct pacer *p, enum pacer_class c, uint32_t i)
{
    const struct pacer_ring *const q = &p->ring[c];
    return i < q->n ? at(q, i) : NULL;
}

usec pacer_next(const struct pacer *p, usec now)
{
    if (p->ring[PACER_VOICE].n > 0)
        return now;
    if (p->ring[PACER_RTX].n + p->ring[PACER_SLIDES].n + p->ring[PACER_VIDEO].n == 0)
        return USEC_NEVER;
    if (p->credit > 0)
        return now;
    if (p->bps == 0)
        return USEC_NEVER;
    const uint64_t need = (uint64_t)(1 - p->credit) * BITS_US - p->rest;
    return usec_max(now, p->filled_at + (usec)((need + p->bps - 1) / p->bps));
}
