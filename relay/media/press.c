#include "relay/media/press.h"

#include "relay/media/hub.h"
#include "relay/media/room.h"
#include "relay/media/track.h"

#define TIGHT 4 /* with less than one part of so many free, less is kept */

/* A stream that is left out gives up at once what it kept for longer: the voices need it now. */
#define KEEP (500 * USEC_MS)

/* With less than one part of so many free, streams of the rank are given up. */
static const size_t parts[] = {[TRACK_LOWEST] = 8, [TRACK_MIDDLE] = 16, [TRACK_TOP] = 32};

/* `times` as much as below which it is given up. */
static bool has_room(const struct stream *s, size_t times)
{
    const enum track_rank rank = track_rank(s);
    const struct pkt_pool *const pool = s->track->room->hub->pool;
    if (rank == TRACK_VOICE || !pool)
        return true;
    return pkt_pool_left(pool) >= pkt_pool_size(pool) / parts[rank] * times;
}

static void begin(struct stream *s, usec now, const struct pkt *p)
{
    struct track *const t = s->track;
    s->press.on = true;
    s->press.from = p->rtp.ext_seq;
    hist_expire(&s->hist, now - KEEP, 0);
    t->wanted &= (uint8_t) ~(1u << s->layer); /* a key frame now is what there is no room for */
    if (!t->wanted)
        kfgate_served(&t->gate);
}

/* A key frame whose first packet comes late does not do: what came of it before was left out. */
static bool may_end(struct stream *s, const struct pkt *p)
{
    if (!p->rtp.start || !has_room(s, 2))
        return false;
    if (p->rtp.key && p->rtp.ext_seq == s->stat.highest)
        return true;
    track_want_key(s->track, s);
    return false;
}

bool press_takes(struct stream *s, usec now, const struct pkt *p)
{
    struct press *const x = &s->press;
    const uint32_t seq = p->rtp.ext_seq;
    if (!x->on && seq - x->from < x->until - x->from)
        return false; /* late, from among what was left out */
    if (!x->on && (!p->rtp.start || has_room(s, 1)))
        return true;
    if (!x->on)
        begin(s, now, p);
    else if ((int32_t)(seq - x->from) < 0)
        return true; /* late, of a frame before */
    else if (may_end(s, p)) {
        x->on = x->flows = false;
        x->until = seq;
        return true;
    }
    x->flows = true;
    x->at = now;
    return false;
}

bool press_is_tight(const struct stream *s)
{
    const struct room *const r = s->track->room;
    const struct pkt_pool *const pool =
        s->track->owner ? r->hub->pool : r->hub->link[r->home].aliases;
    return pool && pkt_pool_left(pool) < pkt_pool_size(pool) / TIGHT;
}

bool press_is_hard(const struct stream *s)
{
    return s->press.on && !has_room(s, 2);
}

void press_tick(struct stream *s, usec now)
{
    if (now - s->press.at > STREAM_SILENT)
        s->press.flows = false;
}
