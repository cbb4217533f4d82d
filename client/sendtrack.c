/* sendtrack.c - RTP out of frames, kept for repairs in the form in which they left. */
#include "client/sendtrack.h"

#include "codecs/vp8_payload.h"
#include "codecs/vp9_payload.h"
#include "engine/wire/rtp.h"

#include <string.h>

#define REPORT_EVERY (500 * USEC_MS)
#define SEALED_MAX 1500 /* bytes of one datagram */
#define REPAIR_AGAIN (5 * USEC_MS)
#define REPAIR_WAIT (300 * USEC_MS) /* more repairs do not wait */
#define RAISED 0.01   /* what a report says beyond its own losses by rounding, at most */
#define PROBE_BACK 24 /* packets of a layer that a probe repeats */

static enum err layer_init(struct sendlayer *y, const struct nego_media *m, size_t i,
                           struct rng *rng)
{
    *y = (struct sendlayer){
        .ssrc = m->ssrc[i],
        .rtx_ssrc = m->rtx_ssrc[i],
        .rid = m->layers ? m->rid[i] : NULL,
        .next_seq = 0x10000 + (rng_u32(rng) & 0x7fff),
        .rtx_seq = (uint16_t)(rng_u32(rng) & 0x7fff),
    };
    return hist_init(&y->hist, SENDTRACK_HIST);
}

enum err sendtrack_init(struct sendtrack *t, const struct nego_media *m, uint8_t line,
                        struct rng *rng)
{
    *t = (struct sendtrack){
        .media = m,
        .line = line,
        .rate = m->audio ? 48000 : 90000,
        .ts_base = rng_u32(rng),
        .layers = m->layers ? m->layers : 1,
        .report_at = USEC_NEVER,
    };
    enum err e = OK;
    for (size_t i = 0; i < t->layers && e == OK; i++)
        e = layer_init(&t->layer[i], m, i, rng);
    if (e != OK)
        sendtrack_fini(t);
    return e;
}

void sendtrack_fini(struct sendtrack *t)
{
    for (size_t i = 0; i < t->layers; i++)
        hist_fini(&t->layer[i].hist);
}

struct sendlayer *sendtrack_layer(struct sendtrack *t, uint32_t ssrc)
{
    for (size_t i = 0; i < t->layers; i++) {
        if (t->layer[i].ssrc == ssrc)
            return &t->layer[i];
    }
    return NULL;
}

static bool set_twcc(const struct sendtrack *t, struct sendlink *l, const struct pkt *p,
                     uint8_t *head)
{
    const uint8_t id = t->media->ext.id[RTP_EXT_TWCC];
    size_t len;
    const uint8_t *const at = id ? rtp_ext_find(p, id, &len) : NULL;
    if (!at || len != 2)
        return false;
    put_be16(head + (at - p->data), l->twcc++);
    return true;
}

/* RFC 8852: a repair names its layer in another extension than the original does. */
static void rename_rid(const struct sendtrack *t, const struct pkt *p, uint8_t *head)
{
    const uint8_t from = t->media->ext.id[RTP_EXT_RID];
    const uint8_t to = t->media->ext.id[RTP_EXT_RRID];
    size_t len;
    const uint8_t *const at = from && to ? rtp_ext_find(p, from, &len) : NULL;
    if (!at)
        return;
    const size_t off = (size_t)(at - p->data);
    if (be16(p->data + p->rtp.ext_off) == 0xbede)
        head[off - 1] = (uint8_t)(to << 4 | (head[off - 1] & 15));
    else
        head[off - 2] = to;
}

/* RFC 4588: other SSRC, number and payload type; the original number goes before the payload. */
static size_t make_rtx(const struct sendtrack *t, struct sendlayer *y, const struct pkt *p,
                       uint8_t *out)
{
    out[1] = (uint8_t)((out[1] & 0x80) | t->media->rtx_pt);
    put_be16(out + 2, y->rtx_seq++);
    put_be32(out + 8, y->rtx_ssrc);
    rename_rid(t, p, out);
    put_be16(out + p->rtp.payload_off, p->rtp.seq);
    return 2;
}

void sendtrack_transmit(struct sendtrack *t, struct sendlink *l, usec now, const struct send_rec *r)
{
    static const struct addr anywhere; /* the ICE agent knows where to */
    const struct pkt *const p = r->pkt;
    const bool again = r->rtx;
    struct sendlayer *const y = sendtrack_layer(t, p->rtp.ssrc);
    struct red red = {.n = 1};
    uint8_t *const out = y ? outq_reserve(l->out, &anywhere, SEALED_MAX) : NULL;
    if (!out) {
        l->dropped++;
        return;
    }
    const size_t head = p->rtp.payload_off;
    struct seal_parts parts = {
        .head = head, .rest = p->data + head, .rest_len = (size_t)p->len - head};
    memcpy(out, p->data, head);
    const bool numbered = set_twcc(t, l, p, out);
    if (again && t->media->rtx_pt)
        parts.patched = make_rtx(t, y, p, out);
    else if (!again && t->media->red_pt)
        red_load(&red, &y->hist, p, t->media->pt, 0, size_min(l->red.riders, l->red_most));
    if (red.n > 1) {
        const size_t alone = seal_rtp_len(l->seal, &parts);
        seal_red(&parts, out, SEALED_MAX, t->media->red_pt, &red);
        pacer_spend(&l->pacer, seal_rtp_len(l->seal, &parts) - alone);
    }
    const size_t len = seal_rtp(l->seal, out, SEALED_MAX, &parts);
    outq_commit(l->out, len);
    l->bytes += len;
    if (!numbered)
        return;
    bwe_sent(&l->bwe, now, (uint16_t)(l->twcc - 1), len, l->probe ? l->cluster : 0);
    l->probe -= size_min(len, l->probe);
}

static enum pacer_class class_of(const struct sendtrack *t, bool again)
{
    if (t->media->audio)
        return PACER_VOICE;
    if (again)
        return PACER_RTX;
    return t->still ? PACER_SLIDES : PACER_VIDEO;
}

/* It waits for its turn; without room it is lost, and repaired if it is asked for in time. */
static void queue(const struct sendtrack *t, struct sendlink *l, struct pkt *p, bool again)
{
    const struct send_rec r = {.pkt = pkt_ref(p),
                               .sub = t->line,
                               .cls = class_of(t, again),
                               .rtx = again,
                               .audio = t->media->audio};
    if (!pacer_push(&l->pacer, &r))
        l->dropped++;
}

static struct rtp_ext_values values(const struct sendtrack *t, const struct sendlayer *y,
                                    uint8_t ntp[8], const struct capture_time *when)
{
    put_be64(ntp, ntp_of_unix_us(when->wall_us));
    return (struct rtp_ext_values){
        .mid = t->media->mid,
        .rid = y->rid,
        .abs_capture = ntp,
        .abs_capture_len = 8,
        .has_twcc = true,
    };
}

/* A packet with its head written; its payload is to follow. NULL: the pool is empty. */
static struct pkt *begin(struct sendtrack *t, struct sendlink *l, const struct rtp_head *h,
                         const struct rtp_ext_values *v)
{
    struct pkt *p = l->seal ? pkt_get(l->pool) : NULL;
    if (!p) {
        l->dropped++;
        return NULL;
    }
    p->len = (uint16_t)rtp_write(p->data, PKT_CAP, h, &t->media->ext, v);
    if (p->len == 0)
        pkt_unref(&p);
    return p;
}

static void finish(struct sendtrack *t, struct sendlink *l, struct sendlayer *y, usec now,
                   struct pkt *p)
{
    p->at = now;
    if (rtp_describe(p)) {
        p->rtp.ext_seq = y->next_seq++;
        y->packets++;
        y->octets += p->rtp.payload_len;
        hist_put(&y->hist, p);
        queue(t, l, p, false);
        if (l->keep && l->n_kept < SENDTRACK_KEPT)
            l->kept[l->n_kept++] = pkt_ref(p);
    }
    pkt_unref(&p);
}

static void note_sent(struct sendtrack *t, struct sendlayer *y, uint32_t ts,
                      const struct capture_time *when)
{
    if (!y->any)
        t->report_at = 0;
    y->any = true;
    y->last_ts = ts;
    y->last = *when;
}

static uint32_t media_ts(const struct sendtrack *t, usec at)
{
    return t->ts_base + (uint32_t)(at * (int64_t)(t->rate / 1000) / 1000);
}

/* A frame of either codec on its way into packets. */
struct cut {
    bool vp9;
    struct vp8cut of_vp8;
    struct vp9cut of_vp9;
};

static bool cut_init(struct cut *c, const struct sendtrack_frame *f, size_t limit)
{
    c->vp9 = f->vp9 != NULL;
    return c->vp9 ? vp9cut_init(&c->of_vp9, f->data, f->len, f->vp9, f->last, limit)
                  : vp8cut_init(&c->of_vp8, f->data, f->len, &f->desc, limit);
}

static size_t cut_left(const struct cut *c)
{
    return c->vp9 ? c->of_vp9.left : c->of_vp8.left;
}

static size_t cut_next(struct cut *c, uint8_t *out, bool *marker)
{
    return c->vp9 ? vp9cut_next(&c->of_vp9, out, marker) : vp8cut_next(&c->of_vp8, out, marker);
}

void sendtrack_picture(struct sendtrack *t, struct sendlink *l, usec now, size_t layer,
                       const struct sendtrack_frame *f)
{
    if (layer >= t->layers)
        return;
    struct sendlayer *const y = &t->layer[layer];
    const uint32_t ts = media_ts(t, f->when.at);
    uint8_t ntp[8];
    const struct rtp_ext_values v = values(t, y, ntp, &f->when);
    struct rtp_head h = {.ssrc = y->ssrc, .ts = ts, .pt = t->media->pt};
    uint8_t probe[SENDTRACK_PACKET];
    const size_t head = rtp_write(probe, sizeof(probe), &h, &t->media->ext, &v);
    struct cut cut;
    if (head == 0 || !cut_init(&cut, f, SENDTRACK_PACKET - head))
        return;
    while (cut_left(&cut)) {
        h.seq = (uint16_t)y->next_seq;
        struct pkt *const p = begin(t, l, &h, &v);
        if (!p)
            return;
        bool marker;
        p->len = (uint16_t)(p->len + cut_next(&cut, p->data + p->len, &marker));
        p->data[1] = (uint8_t)(p->data[1] | (marker ? 0x80 : 0));
        finish(t, l, y, now, p);
    }
    note_sent(t, y, ts, &f->when);
}

void sendtrack_voice(struct sendtrack *t, struct sendlink *l, usec now,
                     const struct sendtrack_sound *s)
{
    struct sendlayer *const y = &t->layer[0];
    uint8_t ntp[8];
    struct rtp_ext_values v = values(t, y, ntp, &s->when);
    v.has_level = true;
    v.level = s->level;
    const struct rtp_head h = {.ssrc = y->ssrc,
                               .ts = t->ts_base + s->ts,
                               .seq = (uint16_t)y->next_seq,
                               .pt = t->media->pt,
                               .marker = s->marker};
    struct pkt *const p = s->len <= SENDTRACK_PACKET ? begin(t, l, &h, &v) : NULL;
    if (!p)
        return;
    memcpy(p->data + p->len, s->data, s->len);
    p->len = (uint16_t)(p->len + s->len);
    finish(t, l, y, now, p);
    note_sent(t, y, h.ts, &s->when);
}

/* What is on its way already, or too much at once, is not sent again: who asks will ask again. */
static bool may_repair(const struct sendlink *l, const struct pkt *p, usec now, usec rtt)
{
    const uint64_t bits = (uint64_t)pacer_waiting(&l->pacer, PACER_RTX) * 8;
    const bool room = bits * (uint64_t)USEC_SEC < bwe_bps(&l->bwe) * (uint64_t)REPAIR_WAIT;
    return room && now - p->at >= usec_max(rtt / 2, REPAIR_AGAIN);
}

void sendtrack_repair(struct sendtrack *t, struct sendlink *l, struct sendlayer *y, usec now,
                      usec rtt, const uint16_t *seqs, size_t n)
{
    for (size_t i = 0; i < n && l->seal; i++) {
        const uint16_t back = (uint16_t)((uint16_t)y->next_seq - seqs[i]);
        struct pkt *const p = hist_get(&y->hist, y->next_seq - back);
        if (!p || !may_repair(l, p, now, rtt))
            continue;
        y->repaired++;
        p->at = now;
        queue(t, l, p, true);
    }
}

size_t sendtrack_probe(struct sendtrack *t, struct sendlink *l, size_t bytes)
{
    size_t sent = 0;
    for (size_t k = 0; k < t->layers; k++) {
        struct sendlayer *const y = &t->layer[k];
        for (uint32_t i = 1; y->any && i <= PROBE_BACK && sent < bytes; i++) {
            struct pkt *const p = hist_get(&y->hist, y->next_seq - i);
            if (!p)
                break;
            queue(t, l, p, true);
            sent += p->len;
        }
    }
    return sent;
}

/* The relay raises the share to what its viewers lack of a voice; the sum is what was lost on the
 * way to it, most of which a repair brings back. */
uint32_t sendtrack_report(const struct sendtrack *t, struct sendlayer *y,
                          const struct rtcp_report *r, uint32_t *lost)
{
    const uint32_t sent = y->reported ? r->ext_highest - y->reported : 0;
    const uint32_t sum = r->lost > 0 ? (uint32_t)r->lost : 0;
    const uint32_t more = sum > y->lost ? sum - y->lost : 0;
    *lost = more < sent ? more : sent;
    const double own = sent ? (double)*lost / sent : 0;
    const double told = r->fraction_lost / 256.0;
    const double left = t->media->nack || t->media->red_pt ? own * own : own;
    y->lack = told > own + RAISED ? told : left;
    y->lost = sum;
    y->reported = r->ext_highest;
    return sent;
}

void sendtrack_reports(struct sendtrack *t, usec now, int64_t wall_us, struct writer *w)
{
    if (now < t->report_at)
        return;
    t->report_at = now + REPORT_EVERY;
    for (size_t i = 0; i < t->layers; i++) {
        const struct sendlayer *const y = &t->layer[i];
        if (!y->any)
            continue;
        const int64_t since = (now - y->last.at) * (int64_t)(t->rate / 1000) / 1000;
        rtcp_write_sr(w, y->ssrc, ntp_of_unix_us(wall_us), y->last_ts + (uint32_t)since, y->packets,
                      y->octets);
    }
}

usec sendtrack_next(const struct sendtrack *t)
{
    return t->report_at;
}
