#include "relay/media/forward.h"

#include "relay/media/budget.h"
#include "relay/media/hub.h"
#include "relay/media/member.h"
#include "relay/media/room.h"

#include <stdlib.h>

#define AGAIN_LEAST (5 * USEC_MS)
/* After a round trip and this, who got a key frame has shown it, or it is broken. */
#define KEY_SHOWN (300 * USEC_MS)
#define KEY_WAITS_MOST (15 * USEC_SEC)
#define PROBE_BACK 32               /* packets, of which a probe is made */
#define PROBE_ROUNDS 4              /* so often each */
#define VIDEO_BACK TRACK_VIDEO_HIST /* what is not kept cannot be asked for again */
#define VOICE_BACK TRACK_VOICE_HIST

enum err sub_new(struct sub **sp, struct member *m, uint8_t line, const struct slot *slot)
{
    struct sub *const s = calloc(1, sizeof *s);
    if (!s)
        return E_NOMEM;
    const struct line *const n = &m->line[line];
    s->member = m;
    s->line = line;
    s->slot = *slot;
    s->layers = NEGO_LAYERS;
    s->tids = UINT8_MAX;
    s->rtx_seq = (uint16_t)rng_u32(&m->hub->rng);
    s->fec_seq = (uint16_t)(rng_u32(&m->hub->rng) & 0x7fff);
    const uint16_t first_seq = (uint16_t)(rng_u32(&m->hub->rng) & 0x7fff);
    const enum err e = remap_init(&s->map, n->audio ? VOICE_BACK : VIDEO_BACK,
                                  n->audio ? 48000 : 90000, first_seq, rng_u32(&m->hub->rng));
    if (e) {
        free(s);
        return e;
    }
    s->left = s->map.last;
    *sp = s;
    return OK;
}

bool sub_watches(const struct sub *s)
{
    return s->member->site == SITE_NONE;
}

static struct sub **list_of(const struct sub *s, struct track *t)
{
    return sub_watches(s) ? &t->watchers : &t->subs;
}

static void detach(struct sub *s, usec now)
{
    struct track *const t = s->track;
    if (!t)
        return;
    if (sub_watches(s)) {
        burst_finish(t, now);
        t->watching--;
    }
    if (s->prev)
        s->prev->next = s->next;
    else
        *list_of(s, t) = s->next;
    if (s->next)
        s->next->prev = s->prev;
    if (t->first == s)
        t->first = s->next;
    s->next = s->prev = NULL;
    s->track = NULL;
    s->bundle.n = 0;
    s->current = s->target = NULL; /* what is queued has its numbers already and still leaves */
}

static void attach(struct sub *s, struct track *t, usec now)
{
    struct sub **const list = list_of(s, t);
    if (sub_watches(s)) {
        burst_finish(t, now);
        t->watching++;
    }
    s->track = t;
    s->next = *list;
    if (s->next)
        s->next->prev = s;
    *list = s;
}

void sub_free(struct sub **sp, usec now)
{
    if (!*sp)
        return;
    detach(*sp, now);
    protect_free(&(*sp)->protect);
    remap_fini(&(*sp)->map);
    free(*sp);
    *sp = NULL;
}

void sub_attach(struct sub *s, struct track *t, usec now)
{
    if (s->track == t)
        return;
    detach(s, now);
    if (!t)
        return;
    attach(s, t, now);
    if (track_still(t) && t->layer[0] && !track_choose(t, 1)) /* who comes does not wait for more */
        track_want_key(t, t->layer[0]);
    if (s->member->budget) {
        s->level = 0;
        s->off = s->fresh = !t->audio; /* until the budget has been asked, at once */
        budget_again(s->member, now);
    }
    sub_choose(s, now);
}

bool forward_desc(const struct stream *from, const struct pkt *p, struct video_desc *d)
{
    const uint8_t *const payload = p->data + p->rtp.payload_off;
    if (from->track->codec == NEGO_VP8)
        return video_desc_vp8(payload, p->rtp.payload_len, d);
    if (from->track->codec == NEGO_VP9) {
        const bool usable = video_desc_vp9(payload, p->rtp.payload_len, d);
        if (usable && p->rtp.deps)
            video_recall(&p->rtp, d);
        return usable;
    }
    *d = (struct video_desc){0};
    return true;
}

static void feed(struct sub *s, struct stream *from, uint32_t ext_seq, usec now)
{
    struct pkt *const p = hist_get(&from->hist, ext_seq);
    struct video_desc d;
    if (p && forward_desc(from, p, &d))
        forward_packet(s, from, p, &d, now);
}

/* Feeds what others were given of the stream from ext_seq on. */
static void replay(struct sub *s, struct stream *from, uint32_t ext_seq, usec now)
{
    for (uint32_t e = ext_seq; (int32_t)(burst_sent(from, sub_watches(s)) - e) >= 0; e++)
        feed(s, from, e, now);
}

static uint8_t spatial(const struct sub *s)
{
    return s->slot.small ? 1 : s->layers;
}

/* It may have a spatial layer that comes, and that only a key picture leads to. */
static bool lacks_layers(const struct sub *s)
{
    const uint8_t has = s->pick.sids;
    return s->pick.begun && has < spatial(s) && stream_has(s->current, has);
}

void sub_choose(struct sub *s, usec now)
{
    if (s->off) {
        s->current = s->target = NULL;
        return;
    }
    struct stream *const best = track_choose(s->track, s->slot.small ? 1 : s->layers);
    if (best && best == s->current && lacks_layers(s))
        track_want_key(s->track, best);
    if (!best || best == s->target)
        return;
    s->target = best;
    if (best == s->current || s->track->audio)
        return;
    /* A viewer without a picture may start in the past; one that sees a picture goes on with it
     * until the wanted layer's next key frame. */
    if (!s->current && stream_fresh_key(best, now))
        feed(s, best, best->key_seq, now); /* the rest follows by the switch */
    else
        track_want_key(s->track, best);
}

bool sub_gets_key(const struct sub *s, usec now)
{
    const bool waits = s->packets == 0 || seq_newer(s->key_seq, s->left.seq);
    const usec most = waits ? KEY_WAITS_MOST : s->member->rtt + KEY_SHOWN;
    return s->key_on_way && now - s->key_at < most;
}

/* What is written is read while the teacher speaks of it; a face may wait. */
enum pacer_class sub_class(const struct sub *s)
{
    if (s->member->line[s->line].audio)
        return PACER_VOICE;
    return s->track && track_still(s->track) ? PACER_SLIDES : PACER_VIDEO;
}

/* How it goes: as a repair, or with so many packets of a voice before it. */
struct how {
    bool rtx;
    bool marker;
    unsigned joined;
};

/* The queue was full: a hole that no repair fills. */
static void start_afresh(struct sub *s)
{
    s->key_on_way = false;
    s->choked = s->member->budget != NULL; /* which empties the queue first */
    if (!s->choked)
        track_want_key(s->track, s->target ? s->target : s->current);
}

static void push(struct sub *s, struct pkt *p, const struct remap_out *map, struct how how,
                 usec now)
{
    const bool rtx = how.rtx;
    struct member *const m = s->member;
    const struct line *const line = &m->line[s->line];
    const enum pacer_class c = rtx && !line->audio ? PACER_RTX : sub_class(s);
    const struct send_rec rec = {
        .pkt = pkt_ref(p),
        .map = *map,
        .sub = s->line,
        .cls = c & 3,
        .joined = how.joined & 3,
        .rtx = rtx && line->rtx_pt,
        .marker = how.marker,
        .rtx_seq = rtx && line->rtx_pt ? s->rtx_seq++ : 0,
        .audio = line->audio,
    };
    if (p->rtp.key && !rtx) {
        s->key_on_way = true;
        s->key_seq = map->seq;
        s->key_at = now;
    }
    if (!pacer_push(&m->pacer, &rec)) {
        m->hub->stat.pacer_full++;
        if (c >= PACER_SLIDES)
            start_afresh(s);
    }
    hub_dirty(m->hub, m);
}

/* Goes on with another stream; false: not with this packet. */
static bool switch_to(struct sub *s, struct stream *from, const struct pkt *p)
{
    if (from != s->target || (!s->track->audio && !(p->rtp.key && p->rtp.start)))
        return false;
    s->current = from;
    pick_begin(&s->pick);
    s->sr_due = true;
    return true;
}

/* The first packet after a switch has left. */
static void has_switched(struct sub *s, struct stream *from, const struct pkt *p, usec now)
{
    if (s->paused) {
        s->paused = false;
        s->since = s->map.out_highest;
    }
    if (p->rtp.key)
        member_saw_key(s->member, now);
    /* The first packet of a key frame that came late, by a repair: the rest is here already. */
    if (!s->track->audio && (int32_t)(burst_sent(from, sub_watches(s)) - p->rtp.ext_seq) > 0)
        replay(s, from, p->rtp.ext_seq + 1, now);
}

/* It waits for others of its voice, or has left with them. */
static bool is_bundled(struct sub *s, struct stream *from, struct pkt *p, usec now)
{
    return s->track->audio && (s->bundle.most > 1 || s->bundle.n > 0) &&
           bundle_input(s, from, p, now);
}

/* A new slide: what still waits of those before it would only keep it back. True: it has been taken
 * instead. */
static bool supersedes(struct sub *s, const struct stream *from, const struct pkt *p, usec now)
{
    if (!p->rtp.key || !p->rtp.start || from != s->current || !s->member->budget ||
        sub_class(s) != PACER_SLIDES || pacer_waiting(&s->member->pacer, PACER_SLIDES) == 0)
        return false;
    sub_pause(s, now);
    return s->current == from;
}

void forward_packet(struct sub *s, struct stream *from, struct pkt *p,
                    const struct video_desc *desc, usec now)
{
    const struct video_desc *const d = desc->len ? desc : NULL;
    const uint16_t number = (uint16_t)from->id;
    struct remap_out out;
    if (s->off || s->choked || supersedes(s, from, p, now))
        return;
    const bool switches = from != s->current;
    if (switches && !switch_to(s, from, p))
        return;
    if (p->rtp.payload_len == 0 || (d && !pick_takes(&s->pick, &p->rtp, d, spatial(s), s->tids))) {
        remap_skip(&s->map, &p->rtp, number, d);
        return;
    }
    if (is_bundled(s, from, p, now) || !remap_next(&s->map, now, &p->rtp, number, d, &out))
        return;
    push(s, p, &out, (struct how){.marker = d ? pick_ends(&s->pick, &p->rtp, d) : p->rtp.marker},
         now);
    if (switches)
        has_switched(s, from, p, now);
}

void forward_joined(struct sub *s, struct stream *from, struct pkt *last, unsigned n, usec now)
{
    const uint16_t number = (uint16_t)from->id;
    const struct pkt *first = last;
    struct remap_out out;
    for (uint32_t e = last->rtp.ext_seq - (n - 1); e != last->rtp.ext_seq; e++) {
        const struct pkt *const p = hist_get(&from->hist, e);
        if (!p)
            continue;
        first = first == last ? p : first;
        remap_skip(&s->map, &p->rtp, number, NULL);
    }
    if (!remap_next(&s->map, now, &last->rtp, number, NULL, &out))
        return;
    out.ts -= last->rtp.ts - first->rtp.ts;
    push(s, last, &out, (struct how){.joined = n - 1, .marker = last->rtp.marker}, now);
}

/* A repair has the marker that its packet had, or would have had: whatever was chosen since, the
 * next number tells where the picture ended. */
static bool ended(const struct sub *s, const struct stream *from, const struct pkt *p,
                  const struct video_desc *d, uint16_t out_seq)
{
    struct remap_place next;
    if (p->rtp.marker || !d->end)
        return p->rtp.marker;
    if (!remap_find(&s->map, (uint16_t)(out_seq + 1), &next) || !next.sent)
        return pick_ends(&s->pick, &p->rtp, d);
    const struct pkt *const q =
        next.source == (uint16_t)from->id ? hist_get(&from->hist, next.ext_seq) : NULL;
    return !q || q->rtp.ts != p->rtp.ts;
}

/* It went out under this number, or it was missing here too and may have come since, perhaps after
 * the source changed. */
static enum forward_repair repair(struct sub *s, uint16_t out_seq, usec now)
{
    struct remap_place at;
    struct video_desc d;
    struct remap_out out;
    if (!remap_find(&s->map, out_seq, &at))
        return FORWARD_NOT_YET;
    if ((int32_t)(at.out - s->since) < 0)
        return FORWARD_REFUSED;
    struct stream *const from = room_stream_numbered(s->member->room, at.source);
    struct pkt *const p = from ? hist_get(&from->hist, at.ext_seq) : NULL;
    if (!p || !forward_desc(from, p, &d))
        return at.sent ? FORWARD_LOST : FORWARD_NOT_YET;
    remap_again(&s->map, now, &at, &p->rtp, d.len ? &d : NULL, &out);
    push(s, p, &out, (struct how){.rtx = true, .marker = ended(s, from, p, &d, out_seq)}, now);
    return FORWARD_AGAIN;
}

enum forward_repair forward_again(struct sub *s, uint16_t out_seq, usec now)
{
    struct member *const m = s->member;
    const usec wait = usec_max(m->rtt / 2, AGAIN_LEAST);
    if (m->repairs == 0 || remap_repaired(&s->map, now, out_seq, wait))
        return FORWARD_REFUSED;
    const enum forward_repair r = repair(s, out_seq, now);
    if (r == FORWARD_AGAIN)
        m->repairs--;
    return r;
}

void sub_pause(struct sub *s, usec now)
{
    struct remap_out last = s->left;
    pacer_cut(&s->member->pacer, s->line, &last);
    remap_rewind(&s->map, &last);
    s->key_on_way = s->choked = false;
    s->paused = true;
    s->current = s->target = NULL;
    if (s->track)
        sub_choose(s, now);
}

/* Repeats one packet; returns its bytes, 0: it never went out, or is not kept. */
static size_t repeat(struct sub *s, uint16_t out_seq, usec now)
{
    struct remap_place at;
    struct video_desc d;
    struct remap_out out;
    if (!remap_find(&s->map, out_seq, &at) || !at.sent)
        return 0;
    struct stream *const from = room_stream_numbered(s->member->room, at.source);
    struct pkt *const p = from ? hist_get(&from->hist, at.ext_seq) : NULL;
    if (!p || !forward_desc(from, p, &d))
        return 0;
    remap_again(&s->map, now, &at, &p->rtp, d.len ? &d : NULL, &out);
    push(s, p, &out, (struct how){.rtx = true, .marker = ended(s, from, p, &d, out_seq)}, now);
    return p->len;
}

/* Repairs of nothing, nothing but padding (RFC 4588 has no word on them; receivers pass over them).
 */
static size_t pad(struct sub *s, size_t bytes, usec now)
{
    struct pkt_pool *const pool = s->member->hub->pool;
    struct pkt *p = pool ? pkt_get(pool) : NULL;
    size_t sent = 0;
    if (!p)
        return 0;
    p->rtp = (struct pkt_rtp){0};
    p->len = FORWARD_PAD; /* what it will be, for the pace */
    const struct remap_out out = {.ts = s->map.last.ts};
    for (; sent < bytes; sent += FORWARD_PAD) {
        push(s, p, &out, (struct how){.rtx = true}, now);
        s->member->hub->stat.padding_out++;
    }
    pkt_unref(&p);
    return sent;
}

size_t forward_probe(struct sub *s, size_t bytes, usec now)
{
    const unsigned rounds = s->packets > 0 ? PROBE_ROUNDS : 0;
    size_t sent = 0;
    for (unsigned round = 0; round < rounds && sent < bytes; round++)
        for (uint16_t i = 0; i < PROBE_BACK && sent < bytes; i++)
            sent += repeat(s, (uint16_t)(s->left.seq - i), now);
    return sent < bytes ? sent + pad(s, bytes - sent, now) : sent;
}
