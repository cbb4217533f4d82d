#include "engine/media/remap.h"

#include <string.h>

#define PID_MASK 0x7fff
#define TS_STEP_MAX 0x3fffffff /* half the circle would be backwards */

void remap_init(struct remap *m, uint32_t clock_rate, uint16_t first_seq, uint32_t first_ts)
{
    memset(m, 0, sizeof *m);
    m->clock_rate = clock_rate;
    m->last.seq = (uint16_t)(first_seq - 1);
    m->last.ts = first_ts;
}

static struct remap_cut *cut_at(struct remap *m, uint32_t i)
{
    return &m->cut[i & (REMAP_CUTS - 1)];
}

static struct remap_cut *newest(struct remap *m)
{
    return cut_at(m, m->cuts - 1);
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
static void start_at(struct remap *m, usec now, const struct pkt_rtp *in,
                     const struct vp8_desc *vp8, uint16_t pictures)
{
    const bool goes_on = m->started;
    m->ts_off = in->ts - (m->last.ts + (goes_on ? ts_step(m, now) : 0));
    m->cuts = 1;
    m->has_closed_pic = false;
    m->in_highest = in->ext_seq - 1;
    *newest(m) = (struct remap_cut){.from = in->ext_seq,
                                    .seq_off = in->ext_seq - (uint32_t)(m->last.seq + 1)};
    /* The first source of all keeps its picture ids. */
    if (goes_on && vp8 && vp8->has_pid)
        newest(m)->pic_off = (uint16_t)(vp8->picture_id - (m->last.picture_id + pictures));
    m->tl0_off = 0;
    if (goes_on && vp8 && vp8->has_tl0)
        m->tl0_off = (uint8_t)(vp8->tl0picidx - (m->last.tl0picidx + pictures));
    m->started = true;
}

/* Follows the source of this packet. False: it is an old one of the source before. */
static bool follow(struct remap *m, usec now, const struct pkt_rtp *in, uint16_t source,
                   const struct vp8_desc *vp8)
{
    if (m->started && source == m->source) {
        /* No key frame: the hole in the pictures stays to be seen. */
        if (in->ext_seq > m->in_highest && in->ext_seq - m->in_highest > REMAP_JUMP)
            start_at(m, now, in, vp8, in->key ? 1 : 2);
        return true;
    }
    if (m->former_in && source == m->former && in->ext_seq <= m->former_in)
        return false;
    m->former = m->source;
    m->former_in = m->started ? m->in_highest : 0;
    if (m->started)
        m->former_cut = *newest(m);
    m->former_ts_off = m->ts_off;
    m->former_tl0_off = m->tl0_off;
    start_at(m, now, in, vp8, 1);
    m->source = source;
    return true;
}

/* The cut that a number falls under; NULL: it was closed, or is too old to know. */
static const struct remap_cut *cut_of(struct remap *m, uint32_t ext_seq)
{
    const uint32_t kept = m->cuts < REMAP_CUTS ? m->cuts : REMAP_CUTS;
    uint32_t open_from = UINT32_MAX; /* numbers from here on up to the later cut are closed */
    for (uint32_t i = 1; i <= kept; i++) {
        const struct remap_cut *const c = cut_at(m, m->cuts - i);
        if (ext_seq >= c->from)
            return ext_seq < open_from ? c : NULL;
        open_from = c->from - c->closed;
    }
    return NULL;
}

static struct remap_sent *sent_at(struct remap *m, uint16_t out_seq)
{
    return &m->sent[out_seq & (REMAP_SENT - 1)];
}

/* Numbers that are stepped over have not been sent: what stands in their places is older. */
static void advance(struct remap *m, usec now, const struct remap_out *out)
{
    uint16_t gap = (uint16_t)(out->seq - m->last.seq - 1);
    if (gap > REMAP_SENT)
        gap = REMAP_SENT;
    for (uint16_t i = 1; i <= gap; i++)
        sent_at(m, (uint16_t)(out->seq - i))->used = false;
    if (out->ts != m->last.ts)
        m->last_at = now;
    m->last = *out;
}

bool remap_next(struct remap *m, usec now, const struct pkt_rtp *in, uint16_t source,
                const struct vp8_desc *vp8, struct remap_out *out)
{
    const bool first = !m->started;
    if (!follow(m, now, in, source, vp8))
        return false;
    const struct remap_cut *const c = cut_of(m, in->ext_seq);
    if (!c)
        return false;
    const uint16_t seq = (uint16_t)(in->ext_seq - c->seq_off);
    const int ahead = (int16_t)(uint16_t)(seq - m->last.seq);
    if (ahead <= -REMAP_SENT)
        return false; /* its place in sent[] is taken */

    *out = m->last;
    out->seq = seq;
    out->ts = in->ts - m->ts_off;
    if (vp8 && vp8->has_pid)
        out->picture_id = (uint16_t)((vp8->picture_id - c->pic_off) & PID_MASK);
    if (vp8 && vp8->has_tl0)
        out->tl0picidx = (uint8_t)(vp8->tl0picidx - m->tl0_off);

    if (first)
        m->last_at = now;
    if (in->ext_seq > m->in_highest)
        m->in_highest = in->ext_seq;
    /* Not the same question: what follows a late packet may all have been left out. */
    if (ahead > 0)
        advance(m, now, out);
    *sent_at(m, out->seq) =
        (struct remap_sent){.ext_seq = in->ext_seq, .source = source, .used = true, .out = *out};
    return true;
}

/* True if the picture of a packet that is left out has not been counted as such yet. */
static bool closes_picture(const struct remap *m, const struct remap_cut *c,
                           const struct vp8_desc *vp8)
{
    if (!vp8 || !vp8->has_pid || (vp8->tid == 0 && (vp8->has_tl0 || !vp8->non_ref)))
        return false;
    if (m->has_closed_pic && m->closed_pic == vp8->picture_id)
        return false;
    /* The viewer has its beginning already. */
    return ((vp8->picture_id - c->pic_off - m->last.picture_id) & vp8_pid_mask(vp8)) != 0;
}

void remap_skip(struct remap *m, const struct pkt_rtp *in, uint16_t source,
                const struct vp8_desc *vp8)
{
    if (!m->started || source != m->source || in->ext_seq <= m->in_highest)
        return;
    m->in_highest = in->ext_seq;

    const struct remap_cut before = *newest(m);
    /* The number after the last closed one: the run grows. */
    const bool grows = before.closed > 0 && before.from == in->ext_seq;
    if (!grows)
        m->cuts++;
    struct remap_cut *const c = newest(m);
    *c = (struct remap_cut){.from = in->ext_seq + 1,
                            .closed = grows ? before.closed + 1 : 1,
                            .seq_off = before.seq_off + 1,
                            .pic_off = before.pic_off};
    if (closes_picture(m, &before, vp8)) {
        c->pic_off++;
        m->closed_pic = vp8->picture_id;
        m->has_closed_pic = true;
    }
}

const struct remap_sent *remap_find(const struct remap *m, uint16_t out_seq)
{
    const struct remap_sent *const s = &m->sent[out_seq & (REMAP_SENT - 1)];
    return s->used && s->out.seq == out_seq ? s : NULL;
}

/* The packet behind an outgoing number near the end of what a source sent, by its offsets. */
static bool hole_of(const struct remap_cut *c, uint32_t in_last, uint16_t out_seq,
                    uint32_t *ext_seq)
{
    const uint16_t back = (uint16_t)((uint16_t)(in_last - c->seq_off) - out_seq);
    if (back >= REMAP_SENT / 2 || in_last - back < c->from)
        return false;
    *ext_seq = in_last - back;
    return true;
}

bool remap_hole(const struct remap *m, uint16_t out_seq, uint16_t *source, uint32_t *ext_seq)
{
    if (!m->started)
        return false;
    *source = m->source;
    if (hole_of(&m->cut[(m->cuts - 1) & (REMAP_CUTS - 1)], m->in_highest, out_seq, ext_seq))
        return true;
    *source = m->former;
    return m->former_in && hole_of(&m->former_cut, m->former_in, out_seq, ext_seq);
}

void remap_fill(struct remap *m, uint16_t out_seq, const struct pkt_rtp *in, uint16_t source,
                const struct vp8_desc *vp8, struct remap_out *out)
{
    const bool former = source != m->source;
    const uint16_t pic_off = former ? m->former_cut.pic_off : newest(m)->pic_off;
    const uint8_t tl0_off = former ? m->former_tl0_off : m->tl0_off;
    *out =
        (struct remap_out){.seq = out_seq, .ts = in->ts - (former ? m->former_ts_off : m->ts_off)};
    if (vp8 && vp8->has_pid)
        out->picture_id = (uint16_t)((vp8->picture_id - pic_off) & PID_MASK);
    if (vp8 && vp8->has_tl0)
        out->tl0picidx = (uint8_t)(vp8->tl0picidx - tl0_off);
    *sent_at(m, out_seq) =
        (struct remap_sent){.ext_seq = in->ext_seq, .source = source, .used = true, .out = *out};
}
