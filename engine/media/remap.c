#include "engine/media/remap.h"

#include <stdlib.h>

#define PID_MASK 0x7fff
#define TS_STEP_MAX 0x3fffffff /* half the circle would be backwards */
#define MARK_BITS 64u
#define OUT_BASE 0x10000u /* numbers before the first have a place too */

enum err remap_init(struct remap *m, uint32_t size, uint32_t clock_rate, uint16_t first_seq,
                    uint32_t first_ts)
{
    assert(size >= MARK_BITS && (size & (size - 1)) == 0 && size <= OUT_BASE / 2);
    const size_t marks = size / MARK_BITS * sizeof(struct remap_mark);
    const size_t cuts = size / REMAP_CUT_EVERY * sizeof(struct remap_cut);
    uint8_t *const block = calloc(1, marks + cuts + size * sizeof(uint16_t));
    *m = (struct remap){.size = size,
                        .clock_rate = clock_rate,
                        .out_highest = OUT_BASE + first_seq - 1,
                        .last = {.seq = (uint16_t)(first_seq - 1), .ts = first_ts}};
    if (!block)
        return E_NOMEM;
    m->mark = (void *)block;
    m->old = (void *)(block + marks);
    m->again_ms = (void *)(block + marks + cuts);
    return OK;
}

void remap_fini(struct remap *m)
{
    free(m->mark);
    *m = (struct remap){0};
}

static uint32_t olds_kept(const struct remap *m)
{
    const uint32_t room = m->size / REMAP_CUT_EVERY;
    return m->olds < room ? m->olds : room;
}

/* The i-th cut back from the newest, which is 0; i is not above olds_kept. */
static const struct remap_cut *cut_back(const struct remap *m, uint32_t i)
{
    return i == 0 ? &m->cut : &m->old[(m->olds - i) & (m->size / REMAP_CUT_EVERY - 1)];
}

static void set_cut(struct remap *m, const struct remap_cut *c)
{
    m->old[m->olds++ & (m->size / REMAP_CUT_EVERY - 1)] = m->cut;
    m->cut = *c;
}

/* How far the timestamps go on at a switch: at least 1, because a timestamp is one picture. */
static uint32_t ts_step(const struct remap *m, usec now)
{
    const usec gone = usec_max(now - m->last_at, 0);
    const uint64_t whole = (uint64_t)(gone / USEC_SEC) * m->clock_rate;
    const uint64_t rest = (uint64_t)(gone % USEC_SEC) * m->clock_rate / (uint64_t)USEC_SEC;
    if (whole + rest > TS_STEP_MAX)
        return TS_STEP_MAX;
    return whole + rest > 0 ? (uint32_t)(whole + rest) : 1;
}

/* The offsets are chosen such that this packet becomes the one after the last. */
static void start_at(struct remap *m, usec now, const struct pkt_rtp *in, uint16_t source,
                     const struct video_desc *video, uint16_t pictures)
{
    const bool goes_on = m->started;
    struct remap_cut c = {.from = in->ext_seq,
                          .seq_off = in->ext_seq - (m->out_highest + 1),
                          .ts_off = in->ts - (m->last.ts + (goes_on ? ts_step(m, now) : 0)),
                          .source = source,
                          .start = true};
    /* The first source of all keeps its picture ids. */
    if (goes_on && video && video->has_pid)
        c.pic_off = (uint16_t)(video->picture_id - (m->last.picture_id + pictures));
    if (goes_on && video && video->has_tl0)
        c.tl0_off = (uint8_t)(video->tl0picidx - (m->last.tl0picidx + pictures));
    if (goes_on)
        set_cut(m, &c);
    else
        m->cut = c;
    m->has_closed_pic = false;
    m->in_highest = in->ext_seq - 1;
    m->started = true;
    m->anew = false;
}

/* Follows the source of this packet. False: it is an old one of the source before. */
static bool follow(struct remap *m, usec now, const struct pkt_rtp *in, uint16_t source,
                   const struct video_desc *video)
{
    if (m->started && !m->anew && source == m->cut.source) {
        /* No key frame: the hole in the pictures stays to be seen. */
        if (in->ext_seq > m->in_highest && in->ext_seq - m->in_highest > REMAP_JUMP)
            start_at(m, now, in, source, video, in->key ? 1 : 2);
        return true;
    }
    if (m->former_in && source == m->former && in->ext_seq <= m->former_in)
        return false;
    m->former = m->cut.source;
    m->former_in = m->started ? m->in_highest : 0;
    start_at(m, now, in, source, video, 1);
    return true;
}

/* The cut that a number falls under; NULL: it was closed, or is too old to know. */
static const struct remap_cut *cut_of(const struct remap *m, uint32_t ext_seq)
{
    const struct remap_cut *later = NULL;
    const uint32_t kept = olds_kept(m);
    for (uint32_t i = 0; i <= kept; i++) {
        const struct remap_cut *const c = cut_back(m, i);
        if (ext_seq >= c->from) /* as many before the later cut are closed as it is further off */
            return later && ext_seq >= later->from - (later->seq_off - c->seq_off) ? NULL : c;
        if (c->start)
            return NULL;
        later = c;
    }
    return NULL;
}

static struct remap_mark *mark_of(const struct remap *m, uint32_t out, uint64_t *bit)
{
    const uint32_t place = out & (m->size - 1);
    *bit = UINT64_C(1) << place % MARK_BITS;
    return &m->mark[place / MARK_BITS];
}

/* Whatever stood in this place is older. */
static void set_mark(struct remap *m, uint32_t out, bool sent)
{
    uint64_t bit = 0;
    struct remap_mark *const k = mark_of(m, out, &bit);
    k->sent = sent ? k->sent | bit : k->sent & ~bit;
    k->again &= ~bit;
}

/* Numbers that are stepped over have not been sent. */
static void advance(struct remap *m, usec now, uint32_t to, const struct remap_out *out)
{
    const uint32_t first = to - m->out_highest > m->size ? to - m->size : m->out_highest + 1;
    for (uint32_t i = first; i < to; i++)
        set_mark(m, i, false);
    if (out->ts != m->last.ts)
        m->last_at = now;
    m->out_highest = to;
    m->last = *out;
}

static void apply(const struct remap_cut *c, const struct pkt_rtp *in,
                  const struct video_desc *video, struct remap_out *out)
{
    out->seq = (uint16_t)(in->ext_seq - c->seq_off);
    out->ts = in->ts - c->ts_off;
    if (video && video->has_pid)
        out->picture_id = (uint16_t)((video->picture_id - c->pic_off) & PID_MASK);
    if (video && video->has_tl0)
        out->tl0picidx = (uint8_t)(video->tl0picidx - c->tl0_off);
}

bool remap_next(struct remap *m, usec now, const struct pkt_rtp *in, uint16_t source,
                const struct video_desc *video, struct remap_out *out)
{
    const bool first = !m->started;
    if (!follow(m, now, in, source, video))
        return false;
    const struct remap_cut *const c = cut_of(m, in->ext_seq);
    if (!c)
        return false;
    const uint32_t to = in->ext_seq - c->seq_off;
    const int32_t ahead = (int32_t)(to - m->out_highest);
    if (ahead <= -(int32_t)m->size)
        return false; /* its place is taken */

    *out = m->last;
    apply(c, in, video, out);
    if (first)
        m->last_at = now;
    if (in->ext_seq > m->in_highest)
        m->in_highest = in->ext_seq;
    /* Not the same question: what follows a late packet may all have been left out. */
    if (ahead > 0)
        advance(m, now, to, out);
    set_mark(m, to, true);
    return true;
}

/* True if the picture of a packet that is left out has not been counted as such yet. */
static bool closes_picture(const struct remap *m, const struct video_desc *video)
{
    if (!video || !video->has_pid || !video->gapless)
        return false;
    if (m->has_closed_pic && m->closed_pic == video->picture_id)
        return false;
    /* The viewer has its beginning already. */
    return ((video->picture_id - m->cut.pic_off - m->last.picture_id) & video_pid_mask(video)) != 0;
}

void remap_skip(struct remap *m, const struct pkt_rtp *in, uint16_t source,
                const struct video_desc *video)
{
    if (!m->started || source != m->cut.source || in->ext_seq <= m->in_highest)
        return;
    m->in_highest = in->ext_seq;

    struct remap_cut c = m->cut;
    c.from = in->ext_seq + 1;
    c.seq_off++;
    c.start = false;
    if (closes_picture(m, video)) {
        c.pic_off++;
        m->closed_pic = video->picture_id;
        m->has_closed_pic = true;
    }
    /* The number after the last closed one: the run grows, nothing came under the cut in between.
     */
    if (m->cut.from == in->ext_seq)
        m->cut = c;
    else
        set_cut(m, &c);
}

void remap_rewind(struct remap *m, const struct remap_out *last)
{
    const uint16_t back = (uint16_t)(m->last.seq - last->seq);
    m->anew = true;
    if (!m->started || back >= m->size)
        return;
    for (uint32_t i = 0; i < back; i++)
        set_mark(m, m->out_highest - i, false);
    m->out_highest -= back;
    m->last_at -= (usec)(m->last.ts - last->ts) * USEC_SEC / m->clock_rate;
    m->last = *last;
}

/* How far a number lies behind the newest; false: out of reach. */
static bool reach(const struct remap *m, uint16_t out_seq, uint32_t *out)
{
    const uint16_t back = (uint16_t)(m->last.seq - out_seq);
    *out = m->out_highest - back;
    return m->started && back < m->size;
}

uint32_t remap_holes(const struct remap *m, uint16_t out_seq, uint32_t *n)
{
    uint32_t to = 0;
    uint32_t holes = 0;
    const uint32_t known = reach(m, out_seq, &to) ? m->size - (m->out_highest - to) : 0;
    *n = *n < known ? *n : known;
    for (uint32_t i = 0; i < *n; i++) {
        uint64_t bit = 0;
        holes += !(mark_of(m, to - i, &bit)->sent & bit);
    }
    return holes;
}

bool remap_find(const struct remap *m, uint16_t out_seq, struct remap_place *at)
{
    uint32_t out = 0;
    if (!reach(m, out_seq, &out))
        return false;
    const uint32_t kept = olds_kept(m);
    for (uint32_t i = 0; i <= kept; i++) {
        const struct remap_cut *const c = cut_back(m, i);
        if ((int32_t)(out - (c->from - c->seq_off)) < 0)
            continue;
        uint64_t bit = 0;
        const bool sent = mark_of(m, out, &bit)->sent & bit;
        *at = (struct remap_place){
            .out = out, .source = c->source, .ext_seq = out + c->seq_off, .sent = sent, .cut = c};
        return true;
    }
    return false;
}

void remap_again(struct remap *m, usec now, const struct remap_place *at, const struct pkt_rtp *in,
                 const struct video_desc *video, struct remap_out *out)
{
    assert(in->ext_seq == at->ext_seq);
    *out = m->last;
    apply(at->cut, in, video, out);
    uint64_t bit = 0;
    struct remap_mark *const k = mark_of(m, at->out, &bit);
    k->sent |= bit;
    k->again |= bit;
    m->again_ms[at->out & (m->size - 1)] = (uint16_t)(now / USEC_MS);
}

bool remap_repaired(const struct remap *m, usec now, uint16_t out_seq, usec wait)
{
    uint32_t out = 0;
    uint64_t bit = 0;
    if (!reach(m, out_seq, &out) || !(mark_of(m, out, &bit)->again & bit))
        return false;
    const uint16_t gone = (uint16_t)((uint16_t)(now / USEC_MS) - m->again_ms[out & (m->size - 1)]);
    return gone < wait / USEC_MS;
}
