#include "relay/media/burst.h"

#include "relay/media/forward.h"
#include "relay/media/hub.h"
#include "relay/media/room.h"

/* The hub's streams that wait. All wait equally long, so that the first began first. */
static void enlist(struct hub *h, struct stream *s)
{
    s->burst.next = NULL;
    s->burst.prev = h->last_burst;
    *(h->last_burst ? &h->last_burst->burst.next : &h->first_burst) = s;
    h->last_burst = s;
}

static void delist(struct hub *h, struct stream *s)
{
    struct burst *const b = &s->burst;
    *(b->prev ? &b->prev->burst.next : &h->first_burst) = b->next;
    *(b->next ? &b->next->burst.prev : &h->last_burst) = b->prev;
    b->next = b->prev = NULL;
}

/* Each round begins with another viewer: nobody is always the last. */
struct round {
    struct track *track;
    struct sub *at, *end;
    size_t done;
};

static struct round round_begin(struct track *t)
{
    struct sub *const first = t->first ? t->first : t->subs;
    return (struct round){.track = t, .at = first, .end = first};
}

static struct sub *round_next(struct round *r)
{
    struct sub *const s = r->at;
    if (!s)
        return NULL;
    /* five eighths of the way is where the next one begins: far from this, and all come in turn */
    if (++r->done == r->track->viewers * 5 / 8 + 1)
        r->track->first = s->next;
    r->at = s->next ? s->next : r->track->subs;
    if (r->at == r->end)
        r->at = NULL;
    return s;
}

static void forward_all(struct stream *s, struct pkt *const *p, const struct vp8_desc *vp8,
                        size_t n, usec now)
{
    struct round r = round_begin(s->track);
    for (struct sub *sub; (sub = round_next(&r)) != NULL;)
        for (size_t i = 0; i < n; i++)
            forward_packet(sub, s, p[i], &vp8[i], now);
}

static void flush(struct stream *s, usec now)
{
    struct burst *const b = &s->burst;
    struct vp8_desc vp8[BURST_MAX];
    struct pkt *p[BURST_MAX];
    const size_t n = b->n;
    for (size_t i = 0; i < n; i++) {
        p[i] = b->pkt[i];
        (void)forward_desc(s, p[i], &vp8[i]);
    }
    forward_all(s, p, vp8, n, now);
    b->n = 0;
    delist(s->track->room->hub, s);
    for (size_t i = 0; i < n; i++)
        pkt_unref(&p[i]);
}

void burst_input(struct stream *s, struct pkt *p, const struct vp8_desc *vp8, usec now)
{
    struct burst *const b = &s->burst;
    if (s->track->audio || p->rtp.ext_seq != s->hist.highest) {
        forward_all(s, &p, vp8, 1, now);
        return;
    }
    if (b->n == 0) {
        b->until = now + BURST_WAIT;
        enlist(s->track->room->hub, s);
    }
    b->pkt[b->n++] = pkt_ref(p);
    if (p->rtp.marker || b->n == BURST_MAX)
        flush(s, now);
}

void burst_tick(struct hub *h, usec now)
{
    while (h->first_burst && h->first_burst->burst.until <= now)
        flush(h->first_burst, now);
}

usec burst_next(const struct hub *h)
{
    return h->first_burst ? h->first_burst->burst.until : USEC_NEVER;
}

void burst_drop(struct stream *s)
{
    struct burst *const b = &s->burst;
    if (b->n == 0)
        return;
    delist(s->track->room->hub, s);
    while (b->n > 0)
        pkt_unref(&b->pkt[--b->n]);
}

uint32_t burst_sent(const struct stream *s)
{
    return s->burst.n > 0 ? s->burst.pkt[0]->rtp.ext_seq - 1 : s->hist.highest;
}
