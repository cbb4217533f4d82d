#include "tests/bench/load/viewer.h"

#include "engine/media/red.h"
#include "engine/wire/classify.h"
#include "tests/bench/load/payload.h"

#include <stdlib.h>

#define REPORT_EVERY USEC_SEC
/* To open a report costs as much as a dozen packets; one of some seconds ago serves ours as well:
 * they say how old it is. */
#define RTCP_GAP (5 * USEC_SEC)
#define NACK_DEADLINE (2 * USEC_SEC)
#define DELTA_PACKETS 8u /* a frame of more packets is a key frame, see source.c */
/* A stream that is behind what was published by more than a twentieth and this many was cut. */
#define BEHIND 200u

static void take_line(struct viewer *v, const struct nego_media *m, bool nack)
{
    struct viewer_line *const l = &v->line[m->audio ? VIEWER_VOICE : VIEWER_VIDEO];
    if (m->refused || !m->recv || l->pt)
        return;
    l->pt = m->pt;
    l->rtx_pt = m->rtx_pt;
    l->red_pt = m->red_pt;
    if (!nack || !m->nack)
        return;
    l->nack = calloc(1, sizeof *l->nack);
    if (l->nack)
        nack_init(l->nack, NACK_DEADLINE);
}

enum err viewer_start(struct viewer *v, const struct nego *n, const struct dtls_cert *cert,
                      struct rng *rng, bool nack, usec now)
{
    struct peer_conf c = {.ice = n->ice, .cert = cert, .dtls_server = n->dtls_server};
    c.ice.controlling = true;
    memcpy(c.fingerprint, n->fingerprint, sizeof c.fingerprint);
    for (size_t i = 0; i < n->n; i++)
        take_line(v, &n->media[i], nack);
    v->ssrc = rng_u32(rng) | 1;
    v->report_at = now + rng_below(rng, REPORT_EVERY);
    v->state = VIEWER_CONNECTING;
    return peer_new(&v->peer, &c, rng, now);
}

void viewer_free(struct viewer *v)
{
    peer_free(&v->peer);
    for (size_t i = 0; i < VIEWER_KINDS; i++)
        free(v->line[i].nack);
    free(v->sample);
    v->sample = NULL;
}

static void look_for_key(struct viewer *v, usec at, uint32_t ts)
{
    if (v->key_at)
        return;
    if (!v->frame_packets || ts != v->frame_ts) {
        v->frame_ts = ts;
        v->frame_packets = 0;
        v->frame_at = at;
    }
    if (++v->frame_packets > DELTA_PACKETS)
        v->key_at = v->frame_at;
}

/* By its header alone. False: seen already, or no packet of ours. */
static bool count(struct viewer *v, struct viewer_line *l, const struct pkt_rtp *h, usec at,
                  size_t len, bool *late)
{
    if (l->stat.ssrc != h->ssrc && !h->repaired)
        recvstat_init(&l->stat, h->ssrc, l == &v->line[VIEWER_VOICE] ? 48000 : 90000);
    const uint32_t before = l->stat.highest;
    uint32_t ext;
    if (!l->stat.clock_rate || !recvstat_input(&l->stat, at, h, len, &ext))
        return false;
    *late = ext < before;
    if (l->nack)
        nack_input(l->nack, at, ext, h->repaired);
    if (l == &v->line[VIEWER_VIDEO])
        look_for_key(v, at, h->ts);
    return true;
}

/* Opened: every byte must be what the source wrote, and later than what came before. */
static void check(struct viewer *v, enum viewer_kind kind, const struct pkt *p, usec at, bool late)
{
    struct viewer_found *const f = v->sample->found;
    struct payload got;
    const bool good =
        payload_read(&got, kind == VIEWER_VOICE, p->data + p->rtp.payload_off, p->rtp.payload_len);
    const bool back = good && v->sample->count[kind] && got.count <= v->sample->count[kind];
    if (good && !back)
        v->sample->count[kind] = got.count;
    if (!f->on)
        return;
    f->checked++;
    f->bad_payload += !good || got.tag != (v->lesson << 1 | (kind == VIEWER_VOICE));
    f->out_of_order += late || back;
    if (good)
        spread_add(&f->latency, at - got.sent_at);
}

static struct pkt *copy(const struct port_in *in, struct pkt_pool *pool)
{
    struct pkt *const p = in->kept == in->len && in->len <= PKT_CAP ? pkt_get(pool) : NULL;
    if (!p)
        return NULL;
    memcpy(p->data, in->data, in->len);
    p->len = (uint16_t)in->len;
    p->from = in->from;
    p->at = in->at;
    return p;
}

/* A repair is known by what is inside (RFC 4588). */
static void input_rtx(struct viewer *v, struct viewer_line *l, const struct port_in *in,
                      struct pkt_pool *pool, struct outq *out)
{
    l->rtx++;
    struct pkt *p = l->nack ? copy(in, pool) : NULL;
    bool late;
    if (p && peer_input(v->peer, in->at, p, out) == PEER_IN_RTP &&
        rtp_undo_rtx(p, l->stat.ssrc, l->pt)) {
        p->rtp.repaired = true;
        (void)count(v, l, &p->rtp, in->at, in->len, &late);
    }
    pkt_unref(&p);
}

static void input_rtp(struct viewer *v, const struct port_in *in, struct pkt_pool *pool,
                      struct outq *out)
{
    const uint8_t pt = in->data[1] & 0x7f;
    struct viewer_line *const video = &v->line[VIEWER_VIDEO];
    struct viewer_line *const voice = &v->line[VIEWER_VOICE];
    if (pt && (pt == video->rtx_pt || pt == voice->rtx_pt)) {
        input_rtx(v, pt == video->rtx_pt ? video : voice, in, pool, out);
        return;
    }
    const bool red = pt && pt == voice->red_pt;
    if (pt != video->pt && pt != voice->pt && !red)
        return;
    const enum viewer_kind kind = pt == video->pt ? VIEWER_VIDEO : VIEWER_VOICE;
    const struct pkt_rtp h = {
        .ssrc = be32(in->data + 8), .ts = be32(in->data + 4), .seq = be16(in->data + 2)};
    bool late = false;
    if (!count(v, &v->line[kind], &h, in->at, in->len, &late) || !v->sample)
        return;
    struct pkt *p = copy(in, pool);
    struct red blocks;
    if (p && peer_input(v->peer, in->at, p, out) == PEER_IN_RTP &&
        (!red || red_undo(p, voice->pt, &blocks))) {
        const size_t plain = (size_t)p->len;
        v->sample->found->tag_bytes = (unsigned)(in->len - plain);
        check(v, kind, p, in->at, late);
    }
    pkt_unref(&p);
}

static void input_rtcp(struct viewer *v, usec now, const struct pkt *p)
{
    struct reader r = reader_of(p->data, p->len);
    struct rtcp_item it;
    while (rtcp_next(&r, &it))
        for (size_t i = 0; it.kind == RTCP_SR && i < VIEWER_KINDS; i++)
            if (v->line[i].stat.ssrc == it.sender)
                recvstat_sr(&v->line[i].stat, now, it.ntp);
}

static void look_at_peer(struct viewer *v, usec now)
{
    const enum peer_state s = peer_state(v->peer, now);
    if (v->state == VIEWER_CONNECTING && s == PEER_OPEN) {
        v->state = VIEWER_OPEN;
        v->opened_at = now;
    }
    if (s == PEER_FAILED || s == PEER_CLOSED)
        v->state = VIEWER_FAILED;
}

void viewer_input(struct viewer *v, const struct port_in *in, struct pkt_pool *pool,
                  struct outq *out)
{
    if (!v->peer)
        return;
    const enum wire_kind kind = wire_classify(in->data, in->kept);
    if (kind == WIRE_RTP) {
        input_rtp(v, in, pool, out);
        return;
    }
    if (kind == WIRE_RTCP && in->at < v->rtcp_at && !v->sample)
        return;
    struct pkt *p = copy(in, pool);
    if (p && peer_input(v->peer, in->at, p, out) == PEER_IN_RTCP) {
        input_rtcp(v, in->at, p);
        v->rtcp_at = in->at + RTCP_GAP;
    }
    pkt_unref(&p);
    look_at_peer(v, in->at);
}

static void report(struct viewer *v, usec now, struct writer *w)
{
    struct rtcp_report r[VIEWER_KINDS];
    size_t n = 0;
    for (size_t i = 0; i < VIEWER_KINDS; i++)
        if (v->line[i].stat.started)
            recvstat_report(&v->line[i].stat, now, &r[n++]);
    rtcp_write_rr(w, v->ssrc, r, n);
    v->report_at += REPORT_EVERY;
    if (v->report_at < now)
        v->report_at = now + REPORT_EVERY;
}

void viewer_put_report(const struct viewer *v, enum viewer_kind kind, struct writer *w)
{
    const struct recvstat *const s = &v->line[kind].stat;
    const struct rtcp_report r = {.ssrc = s->ssrc, .ext_highest = s->highest - 65536u};
    rtcp_write_rr(w, v->ssrc, &r, 1);
}

static void ask(struct viewer *v, usec now, struct writer *w)
{
    for (unsigned i = 0; i < VIEWER_KINDS; i++) {
        uint16_t seq[64];
        struct viewer_line *const l = &v->line[i];
        const size_t n = l->nack ? nack_poll(l->nack, now, seq, ARRAY_LEN(seq)) : 0;
        if (n && !w->len)
            viewer_put_report(v, (enum viewer_kind)i, w);
        if (n)
            rtcp_write_nack(w, v->ssrc, l->stat.ssrc, seq, n);
    }
}

void viewer_tick(struct viewer *v, usec now, struct outq *out)
{
    if (!v->peer)
        return;
    if (peer_next(v->peer) <= now)
        peer_tick(v->peer, now, out);
    look_at_peer(v, now);
    if (v->state != VIEWER_OPEN)
        return;
    uint8_t buf[1000];
    struct writer w = writer_of(buf, sizeof buf);
    if (now >= v->report_at)
        report(v, now, &w);
    ask(v, now, &w);
    if (w.len && !w.bad)
        (void)!peer_send_rtcp(v->peer, buf, w.len, out);
}

usec viewer_next(const struct viewer *v)
{
    if (!v->peer)
        return USEC_NEVER;
    usec at = peer_next(v->peer);
    if (v->state != VIEWER_OPEN)
        return at;
    for (size_t i = 0; i < VIEWER_KINDS; i++)
        if (v->line[i].nack)
            at = usec_min(at, nack_next(v->line[i].nack));
    return usec_min(at, v->report_at);
}

static struct viewer_mark mark_of(const struct recvstat *s)
{
    return (struct viewer_mark){.highest = s->highest,
                                .received = s->received + s->repaired,
                                .bytes = s->bytes,
                                .duplicates = s->duplicates};
}

void viewer_mark(struct viewer *v)
{
    for (size_t i = 0; i < VIEWER_KINDS; i++) {
        v->line[i].mark = mark_of(&v->line[i].stat);
        v->line[i].rtx = 0;
    }
}

void viewer_add(const struct viewer *v, const uint64_t published[VIEWER_KINDS],
                struct viewer_sum *s)
{
    for (size_t i = 0; i < VIEWER_KINDS; i++) {
        const struct viewer_line *const l = &v->line[i];
        const struct viewer_mark now = mark_of(&l->stat);
        const uint64_t seen = l->mark.highest ? now.highest - l->mark.highest : 0;
        const uint64_t packets = now.received - l->mark.received;
        const bool cut = seen + seen / 20 + BEHIND < published[i];
        s->packets[i] += packets;
        s->bytes += now.bytes - l->mark.bytes;
        s->duplicates += now.duplicates - l->mark.duplicates;
        s->expected += cut ? published[i] : seen > packets ? seen : packets;
        s->rtx += l->rtx;
    }
}
