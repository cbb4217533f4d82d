#include "tests/bench/load/source.h"

#include "engine/wire/rtcp.h"
#include "engine/wire/rtp.h"
#include "tests/bench/load/payload.h"

#define HISTORY 1024
#define FRAME (40 * USEC_MS)
#define VOICE (20 * USEC_MS)
#define KEY_PACKETS 40u
#define KEY_GAP (300 * USEC_MS) /* an encoder makes no key frames closer than this on request */
#define LATE (200 * USEC_MS)    /* we were asleep so long: frames are left out, not sent at once */

enum err source_init(struct source *s, unsigned lesson, bool voice, bool video, usec key_every)
{
    s->key_every = key_every;
    s->voice = (struct source_line){.on = voice, .tag = lesson << 1 | 1};
    s->video = (struct source_line){.on = video, .tag = lesson << 1};
    s->pool = pkt_pool_new(2 * HISTORY + 128);
    enum err e = s->pool ? OK : E_NOMEM;
    if (!e)
        e = hist_init(&s->voice.hist, HISTORY);
    if (!e)
        e = hist_init(&s->video.hist, HISTORY);
    return e;
}

void source_fini(struct source *s)
{
    peer_free(&s->peer);
    hist_fini(&s->voice.hist);
    hist_fini(&s->video.hist);
    pkt_pool_free(&s->pool);
}

void source_wants(struct nego *n)
{
    *n = (struct nego){.n = 2,
                       .media = {{.audio = true, .send = true}, {.audio = false, .send = true}}};
}

enum err source_start(struct source *s, const struct nego *n, const struct dtls_cert *cert,
                      struct rng *rng, usec now)
{
    s->nego = *n;
    struct peer_conf c = {.ice = n->ice, .cert = cert, .dtls_server = n->dtls_server};
    c.ice.controlling = true;
    memcpy(c.fingerprint, n->fingerprint, sizeof c.fingerprint);
    struct source_line *const lines[] = {&s->voice, &s->video};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        lines[i]->seq = (uint16_t)(rng_u32(rng) & 0x3fff);
        lines[i]->rtx_seq = (uint16_t)(rng_u32(rng) & 0x3fff);
        lines[i]->ts = rng_u32(rng);
        lines[i]->on = lines[i]->on && n->media[i].send;
    }
    s->key_wanted = true;
    s->report_at = now + USEC_SEC;
    s->second_at = now;
    return peer_new(&s->peer, &c, rng, now);
}

bool source_open(const struct source *s, usec now)
{
    return s->peer && peer_state(s->peer, now) == PEER_OPEN;
}

static const struct nego_media *media_of(const struct source *s, const struct source_line *l)
{
    return &s->nego.media[l == &s->voice ? 0 : 1];
}

/* Header and ciphertext of one packet. */
static void emit(struct source *s, struct source_line *l, const struct pkt *p, bool rtx,
                 struct outq *out)
{
    const struct nego_media *const m = media_of(s, l);
    uint8_t *const to = outq_reserve(out, peer_addr(s->peer), 1500);
    struct seal *const seal = peer_seal(s->peer);
    if (!to || !seal)
        return;
    const struct rtp_head h = {.ssrc = rtx ? m->rtx_ssrc[0] : m->ssrc[0],
                               .ts = p->rtp.ts,
                               .seq = rtx ? l->rtx_seq++ : p->rtp.seq,
                               .pt = rtx ? m->rtx_pt : m->pt,
                               .marker = p->rtp.marker};
    const struct rtp_ext_values v = {.mid = m->mid, .has_level = m->audio, .level = 30};
    const size_t head = rtp_write(to, 200, &h, &m->ext, &v);
    if (rtx)
        put_be16(to + head, p->rtp.seq);
    outq_commit(
        out,
        seal_rtp(seal, to, 1500,
                 &(struct seal_parts){
                     .head = head, .patched = rtx ? 2 : 0, .rest = p->data, .rest_len = p->len}));
    l->packets++;
    l->octets += p->len;
}

static void send_one(struct source *s, struct source_line *l, struct payload *what, size_t len,
                     bool marker, struct outq *out)
{
    struct pkt *p = pkt_get(s->pool);
    if (!p)
        return;
    what->tag = l->tag;
    what->count = ++l->count;
    payload_write(what, p->data, len);
    p->len = (uint16_t)len;
    p->at = what->sent_at;
    p->rtp = (struct pkt_rtp){
        .seq = l->seq++, .ext_seq = 0x10000u + l->count, .ts = l->ts, .marker = marker};
    emit(s, l, p, false, out);
    hist_put(&l->hist, p);
    pkt_unref(&p);
}

/* 7, 7 and 8 packets of equal length, about 1070 bytes with header and tag: 183 a second. */
static void send_frame(struct source *s, usec now, struct outq *out)
{
    struct source_line *const l = &s->video;
    const bool key =
        (s->key_wanted && now - s->key_at >= KEY_GAP) || now - s->key_at >= s->key_every;
    const unsigned n = key ? KEY_PACKETS : l->picture_id % 3 == 2 ? 8 : 7;
    const size_t len = 1020 + l->picture_id * 37u % 41u;
    if (key) {
        s->key_wanted = false;
        s->key_at = now;
    }
    struct payload what = {.sent_at = now, .key = key, .picture_id = l->picture_id, .tl0 = l->tl0};
    for (unsigned i = 0; i < n; i++) {
        what.first = i == 0;
        send_one(s, l, &what, len, i + 1 == n, out);
    }
    l->ts += 90000 / 25;
    l->picture_id = (l->picture_id + 1) & 0x7fff;
    l->tl0++;
}

static void send_voice(struct source *s, usec now, struct outq *out)
{
    struct source_line *const l = &s->voice;
    struct payload what = {.sent_at = now, .audio = true, .first = true};
    const size_t len = 70 + l->count * 13u % 41u;
    send_one(s, l, &what, len, false, out);
    l->ts += 48000 / 50;
}

static bool due(struct source_line *l, usec now, usec every)
{
    if (!l->on)
        return false;
    if (!l->next || now - l->next > LATE)
        l->next = now;
    if (now < l->next)
        return false;
    l->next += every;
    return true;
}

/* Our number for a sequence number that was sent lately. */
static uint32_t ext_of(const struct source_line *l, uint16_t seq)
{
    return 0x10000u + l->count - (uint16_t)(l->seq - 1 - seq);
}

static void answer_nack(struct source *s, const struct rtcp_item *it, struct outq *out)
{
    struct source_line *const l = it->media == s->nego.media[0].ssrc[0] ? &s->voice : &s->video;
    const struct nego_media *const m = media_of(s, l);
    uint16_t seq[256];
    const size_t n =
        it->media == m->ssrc[0] && m->rtx_pt ? rtcp_nack_list(it, seq, ARRAY_LEN(seq)) : 0;
    for (size_t i = 0; i < n; i++) {
        const struct pkt *const p = hist_get(&l->hist, ext_of(l, seq[i]));
        if (!p || p->rtp.seq != seq[i])
            continue;
        emit(s, l, p, true, out);
        s->rtx_sent++;
    }
}

static void note_pli(struct source *s, usec now)
{
    s->key_wanted = true;
    s->plis++;
    if (now - s->second_at >= USEC_SEC) {
        s->second_at = now;
        s->plis_second = 0;
    }
    if (++s->plis_second > s->plis_second_max)
        s->plis_second_max = s->plis_second;
}

void source_input(struct source *s, const struct port_in *in, struct pkt_pool *pool,
                  struct outq *out)
{
    struct pkt *p = s->peer && in->len <= PKT_CAP && in->kept == in->len ? pkt_get(pool) : NULL;
    if (!p)
        return;
    memcpy(p->data, in->data, in->len);
    p->len = (uint16_t)in->len;
    p->from = in->from;
    p->at = in->at;
    if (peer_input(s->peer, in->at, p, out) == PEER_IN_RTCP) {
        struct reader r = reader_of(p->data, p->len);
        struct rtcp_item it;
        while (rtcp_next(&r, &it)) {
            if (it.kind == RTCP_NACK)
                answer_nack(s, &it, out);
            if (it.kind == RTCP_PLI || it.kind == RTCP_FIR)
                note_pli(s, in->at);
        }
    }
    pkt_unref(&p);
}

static void report(struct source *s, int64_t wall, struct outq *out)
{
    uint8_t buf[400];
    struct writer w = writer_of(buf, sizeof buf);
    const struct source_line *const lines[] = {&s->voice, &s->video};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (lines[i]->packets)
            rtcp_write_sr(&w, s->nego.media[i].ssrc[0], ntp_of_unix_us(wall), lines[i]->ts,
                          lines[i]->packets, lines[i]->octets);
    rtcp_write_sdes(&w, s->nego.media[0].ssrc[0], s->nego.cname);
    if (!w.bad)
        (void)!peer_send_rtcp(s->peer, buf, w.len, out);
}

void source_tick(struct source *s, usec now, int64_t wall, struct outq *out)
{
    if (!s->peer)
        return;
    if (peer_next(s->peer) <= now)
        peer_tick(s->peer, now, out);
    if (!source_open(s, now))
        return;
    while (due(&s->voice, now, VOICE))
        send_voice(s, now, out);
    while (due(&s->video, now, FRAME))
        send_frame(s, now, out);
    if (now >= s->report_at) {
        report(s, wall, out);
        s->report_at = now + USEC_SEC;
    }
}

usec source_next(const struct source *s)
{
    if (!s->peer)
        return USEC_NEVER;
    usec at = peer_next(s->peer);
    if (!peer_seal(s->peer))
        return at;
    at = usec_min(at, s->report_at);
    if (s->video.on)
        at = usec_min(at, s->video.next);
    if (s->voice.on)
        at = usec_min(at, s->voice.next);
    return at;
}
