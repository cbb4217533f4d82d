/* sendtrack.c - RTP out of frames, kept for repairs in the form in which they left. */
#include "client/sendtrack.h"

#include "codecs/vp8_payload.h"
#include "engine/wire/rtp.h"

#include <string.h>

#define REPORT_EVERY (500 * USEC_MS)
#define SEALED_MAX 1500 /* bytes of one datagram */

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

enum err sendtrack_init(struct sendtrack *t, const struct nego_media *m, struct rng *rng)
{
    *t = (struct sendtrack){
        .media = m,
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

static void set_twcc(const struct sendtrack *t, struct sendlink *l, const struct pkt *p,
                     uint8_t *head)
{
    const uint8_t id = t->media->ext.id[RTP_EXT_TWCC];
    size_t len;
    const uint8_t *const at = id ? rtp_ext_find(p, id, &len) : NULL;
    if (at && len == 2)
        put_be16(head + (at - p->data), l->twcc++);
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

static void transmit(const struct sendtrack *t, struct sendlink *l, struct sendlayer *y,
                     const struct pkt *p, bool again)
{
    static const struct addr anywhere; /* the ICE agent knows where to */
    struct red red = {.n = 1};
    uint8_t *const out = outq_reserve(l->out, &anywhere, SEALED_MAX);
    if (!out) {
        l->dropped++;
        return;
    }
    const size_t head = p->rtp.payload_off;
    struct seal_parts parts = {
        .head = head, .rest = p->data + head, .rest_len = (size_t)p->len - head};
    memcpy(out, p->data, head);
    set_twcc(t, l, p, out);
    if (again && t->media->rtx_pt)
        parts.patched = make_rtx(t, y, p, out);
    else if (!again && t->media->red_pt)
        red_load(&red, &y->hist, p, t->media->pt, 0, l->red.riders);
    if (red.n > 1)
        seal_red(&parts, out, SEALED_MAX, t->media->red_pt, &red);
    const size_t len = seal_rtp(l->seal, out, SEALED_MAX, &parts);
    outq_commit(l->out, len);
    l->bytes += len;
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
        transmit(t, l, y, p, false);
        hist_put(&y->hist, p);
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
    struct vp8cut cut;
    if (head == 0 || !vp8cut_init(&cut, f->data, f->len, &f->desc, SENDTRACK_PACKET - head))
        return;
    while (cut.left) {
        h.seq = (uint16_t)y->next_seq;
        struct pkt *const p = begin(t, l, &h, &v);
        if (!p)
            return;
        bool marker;
        p->len = (uint16_t)(p->len + vp8cut_next(&cut, p->data + p->len, &marker));
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

void sendtrack_repair(struct sendtrack *t, struct sendlink *l, struct sendlayer *y,
                      const uint16_t *seqs, size_t n)
{
    for (size_t i = 0; i < n && l->seal; i++) {
        const uint16_t back = (uint16_t)((uint16_t)y->next_seq - seqs[i]);
        const struct pkt *const p = hist_get(&y->hist, y->next_seq - back);
        if (!p)
            continue;
        y->repaired++;
        transmit(t, l, y, p, true);
    }
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
