#include "relay/media/burst.h"

#include "relay/media/forward.h"
#include "relay/media/hub.h"
#include "relay/media/room.h"

/* Of watchers in one step: about as many packets as fill the send buffer once, so that what a
 * viewer needs is in the cache for both. */
#define STEP_PACKETS 128
#define STEP_LEAST 8

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

/* And those whose watchers wait: a voice goes before all pictures. */
static void enlist_late(struct hub *h, struct stream *s)
{
    struct stream *const before = s->track->audio ? NULL : h->last_late;
    struct stream *const after = s->track->audio ? h->first_late : NULL;
    s->burst.prev_late = before;
    s->burst.next_late = after;
    *(before ? &before->burst.next_late : &h->first_late) = s;
    *(after ? &after->burst.prev_late : &h->last_late) = s;
}

static void delist_late(struct hub *h, struct stream *s)
{
    struct burst *const b = &s->burst;
    *(b->prev_late ? &b->prev_late->burst.next_late : &h->first_late) = b->next_late;
    *(b->next_late ? &b->next_late->burst.prev_late : &h->last_late) = b->prev_late;
    b->next_late = b->prev_late = NULL;
}

static void let_go(struct pkt **p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pkt_unref(&p[i]);
}

struct run {
    struct pkt *const *pkt;
    struct video_desc desc[BURST_LATE];
    size_t n;
};

static void run_of(struct run *r, const struct stream *s, struct pkt *const *pkt, size_t n)
{
    r->pkt = pkt;
    r->n = n;
    for (size_t i = 0; i < n; i++)
        (void)forward_desc(s, pkt[i], &r->desc[i]);
}

static void give(struct sub *sub, struct stream *s, const struct run *r, usec now)
{
    for (size_t i = 0; i < r->n; i++)
        forward_packet(sub, s, r->pkt[i], &r->desc[i], now);
}

static void end_round(struct stream *s)
{
    struct burst *const b = &s->burst;
    delist_late(s->track->room->hub, s);
    let_go(b->late, b->late_n);
    b->late_n = 0;
}

/* Each round begins with another watcher: five eighths of the way is far from where this one began,
 * and all come in turn. */
static void begin_round(struct stream *s)
{
    const struct track *const t = s->track;
    struct burst *const b = &s->burst;
    b->first = b->at = t->first ? t->first : t->watchers;
    b->done = 0;
}

static struct sub *next_of_round(struct stream *s)
{
    struct track *const t = s->track;
    struct burst *const b = &s->burst;
    struct sub *const now = b->at;
    if (++b->done == t->watching * 5 / 8 + 1)
        t->first = now->next;
    b->at = now->next ? now->next : t->watchers;
    if (b->at == b->first)
        b->at = NULL;
    return now;
}

static void step(struct stream *s, size_t watchers, usec now)
{
    struct burst *const b = &s->burst;
    struct run r;
    run_of(&r, s, b->late, b->late_n);
    if (!b->at)
        begin_round(s);
    while (watchers-- > 0 && b->at)
        give(next_of_round(s), s, &r, now);
    if (!b->at)
        end_round(s);
}

static void finish(struct stream *s, usec now)
{
    if (s->burst.late_n > 0)
        step(s, SIZE_MAX, now);
}

/* A round that has begun is for the packets that it began with. */
static void leave_to_watchers(struct stream *s, struct pkt *const *p, size_t n, usec now)
{
    struct burst *const b = &s->burst;
    if (!s->track->watchers)
        return;
    if (b->at || b->late_n + n > BURST_LATE)
        finish(s, now);
    if (b->late_n == 0)
        enlist_late(s->track->room->hub, s);
    for (size_t i = 0; i < n; i++)
        b->late[b->late_n++] = pkt_ref(p[i]);
}

static void give_sites(struct stream *s, struct pkt *const *p, size_t n, usec now)
{
    struct run r;
    if (!s->track->subs)
        return;
    run_of(&r, s, p, n);
    for (struct sub *sub = s->track->subs; sub; sub = sub->next)
        give(sub, s, &r, now);
}

static void flush(struct stream *s, usec now)
{
    struct burst *const b = &s->burst;
    struct pkt *p[BURST_MAX];
    const size_t n = b->n;
    for (size_t i = 0; i < n; i++)
        p[i] = b->pkt[i];
    delist(s->track->room->hub, s);
    give_sites(s, p, n, now);
    b->n = 0; /* not before: who switches on a key frame is given the rest of it once */
    leave_to_watchers(s, p, n, now);
    let_go(p, n);
}

/* What comes out of order finds all that was before it given to everybody. */
static void give_at_once(struct stream *s, struct pkt *p, usec now)
{
    struct run r;
    finish(s, now);
    give_sites(s, &p, 1, now);
    run_of(&r, s, &p, 1);
    for (struct sub *sub = s->track->watchers; sub; sub = sub->next)
        give(sub, s, &r, now);
}

void burst_input(struct stream *s, struct pkt *p, usec now)
{
    struct burst *const b = &s->burst;
    if (p->rtp.ext_seq != s->hist.highest) {
        give_at_once(s, p, now);
        return;
    }
    if (s->track->audio) {
        give_sites(s, &p, 1, now);
        leave_to_watchers(s, &p, 1, now);
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

void burst_step(struct hub *h, usec now)
{
    struct stream *const s = h->first_late;
    if (!s)
        return;
    const size_t watchers = STEP_PACKETS / s->burst.late_n;
    step(s, watchers > STEP_LEAST ? watchers : STEP_LEAST, now);
}

void burst_finish(struct track *t, usec now)
{
    for (size_t i = 0; i < NEGO_LAYERS; i++)
        if (t->layer[i])
            finish(t->layer[i], now);
}

void burst_drop(struct stream *s)
{
    struct burst *const b = &s->burst;
    if (b->n > 0) {
        delist(s->track->room->hub, s);
        let_go(b->pkt, b->n);
        b->n = 0;
    }
    if (b->late_n > 0)
        end_round(s);
}

uint32_t burst_sent(const struct stream *s, bool watcher)
{
    const struct burst *const b = &s->burst;
    if (watcher && b->late_n > 0)
        return b->late[0]->rtp.ext_seq - 1;
    return b->n > 0 ? b->pkt[0]->rtp.ext_seq - 1 : s->hist.highest;
}
