#include "tests/sim/bot.h"

#include "engine/wire/rtcp.h"

#include <stdlib.h>
#include <string.h>

#define HIST 128 /* packets that repair packets may be about */
#define REPORT_EVERY USEC_SEC
#define DEADLINE (3 * USEC_SEC)
#define OPUS_20_MS 0x78 /* one frame of 20 ms, full band (RFC 6716 3.1) */
#define OPUS_MANY 3

/* The bytes after BOT_BODY: a place in this block that follows from source and number. */
static uint8_t block[65536];

static void fill_block(void)
{
    if (block[0] || block[1])
        return;
    uint32_t x = 2463534242u; /* Marsaglia 2003 */
    for (size_t i = 0; i < sizeof block; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        block[i] = (uint8_t)x;
    }
}

static const uint8_t *pattern(uint32_t tag, uint32_t count)
{
    return block + (tag * 2654435761u + count * 40503u) % (sizeof block - 2000);
}

struct bot *bot_new(const char *name, const struct nego *n, const struct nego_self *self,
                    struct rng *rng, char *offer)
{
    struct bot *const b = calloc(1, sizeof *b);
    assert(b);
    fill_block();
    b->name = name;
    b->nego = *n;
    b->rng = rng;
    b->ssrc = rng_u32(rng);
    b->pool = pkt_pool_new(4096);
    assert(b->pool);
    arrival_init(&b->arrival);
    const bool ok = nego_offer(&b->nego, self, rng, offer);
    assert(ok);
    return b;
}

void bot_free(struct bot **bp)
{
    struct bot *const b = *bp;
    if (!b)
        return;
    for (size_t i = 0; i < b->sends; i++)
        hist_fini(&b->send[i].hist);
    for (size_t i = 0; i < NEGO_MEDIA; i++) {
        fecdec_drop(&b->recv[i].fec);
        hist_fini(&b->recv[i].hist);
    }
    peer_free(&b->peer);
    pkt_pool_free(&b->pool);
    free(b);
    *bp = NULL;
}

void bot_start(struct bot *b, const char *answer, size_t len, const struct dtls_cert *cert,
               const struct addr *addr, usec now)
{
    struct nego_error e;
    bool ok = nego_accept(&b->nego, answer, len, &e);
    assert(ok);
    struct peer_conf c = {.ice = b->nego.ice, .cert = cert, .dtls_server = b->nego.dtls_server};
    c.ice.controlling = true;
    memcpy(c.fingerprint, b->nego.fingerprint, sizeof c.fingerprint);
    ok = peer_new(&b->peer, &c, b->rng, now) == OK;
    assert(ok);
    b->addr = *addr;
    b->joined_at = now;
    b->report_at = now + REPORT_EVERY;
    for (uint8_t i = 0; i < b->nego.n; i++) {
        const struct nego_media *const m = &b->nego.media[i];
        if (m->recv && !m->refused && m->twcc)
            b->twcc_id = m->ext.id[RTP_EXT_TWCC];
        b->recv[i].line = i;
        recvstat_init(&b->recv[i].stat, b->nego.media[i].ssrc[0],
                      b->nego.media[i].audio ? 48000 : 90000);
        nack_init(&b->recv[i].nack, DEADLINE);
    }
}

void bot_sends(struct bot *b, uint8_t line, uint8_t layer, uint32_t tag, usec every,
               unsigned packets, size_t bytes)
{
    assert(b->sends < ARRAY_LEN(b->send) && bytes > BOT_BODY && bytes < 1160);
    struct bot_stream *const s = &b->send[b->sends++];
    *s = (struct bot_stream){.line = line,
                             .layer = layer,
                             .tag = tag,
                             .every = every,
                             .packets = packets,
                             .key_times = 3,
                             .bytes = bytes,
                             .key_wanted = true,
                             .seq = (uint16_t)rng_u32(b->rng),
                             .rtx_seq = (uint16_t)rng_u32(b->rng),
                             .ts = rng_u32(b->rng)};
    const enum err e = hist_init(&s->hist, 256);
    assert(e == OK);
}

bool bot_open(const struct bot *b, usec now)
{
    return b->peer && peer_state(b->peer, now) == PEER_OPEN;
}

static size_t write_ext_head(const struct bot *b, const struct bot_stream *s,
                             const struct rtp_head *h, bool rtx, uint8_t *out)
{
    const struct nego_media *const m = &b->nego.media[s->line];
    const struct rtp_ext_values v = {
        .mid = m->mid,
        .rid = m->layers > 1 ? m->rid[s->layer] : NULL,
        .repair = rtx,
        .has_level = m->audio,
        .level = 30,
    };
    return rtp_write(out, 200, h, &m->ext, &v);
}

/* Builds the packet in its own pool (for repairs), with a plain header of which only rtp.* counts.
 */
static struct pkt *make(struct bot *b, struct bot_stream *s, bool key, bool first, bool last)
{
    struct pkt *const p = pkt_get(b->pool);
    assert(p);
    uint8_t *w = p->data;
    const bool audio = b->nego.media[s->line].audio;
    if (!audio) {
        struct vp8_desc d = {.start = first,
                             .picture_id = s->picture_id,
                             .has_pid = true,
                             .pid_long = true,
                             .has_tl0 = true,
                             .tl0picidx = s->tl0,
                             .has_tid = true};
        w += vp8_desc_write(&d, w, VP8_DESC_MAX);
        /* Head of a key or delta frame (RFC 6386 9.1), so that the relay sees what it is. */
        static const uint8_t head[10] = {0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02};
        memcpy(w, head, sizeof head);
        if (!key)
            w[0] |= 1;
        w += sizeof head;
    } else {
        *w++ = OPUS_20_MS;
    }
    put_be32(w, s->tag);
    put_be32(w + 4, s->count);
    put_be32(w + 8, (uint32_t)key << 1 | first);
    const size_t bytes = s->bytes - s->count * 7 % (s->uneven + 1);
    memcpy(w + 12, pattern(s->tag, s->count), bytes);
    p->len = (uint16_t)(w + 12 + bytes - p->data);
    p->rtp = (struct pkt_rtp){.seq = s->seq,
                              .ext_seq = 0x10000u + s->count,
                              .ts = s->ts,
                              .marker = audio || last,
                              .payload_len = p->len};
    s->count++;
    s->seq++;
    return p;
}

static void emit(struct bot *b, struct bot_stream *s, const struct pkt *p, bool rtx,
                 struct outq *out)
{
    const struct nego_media *const m = &b->nego.media[s->line];
    struct seal *const seal = peer_seal(b->peer);
    uint8_t *const to = outq_reserve(out, peer_addr(b->peer), 1500);
    if (!to || !seal)
        return;
    struct red red;
    red_load(&red, &s->hist, p, m->pt, 0, rtx || !m->red_pt ? 0 : s->riders);
    const struct rtp_head h = {.ssrc = rtx ? m->rtx_ssrc[s->layer] : m->ssrc[s->layer],
                               .ts = p->rtp.ts,
                               .seq = rtx ? s->rtx_seq++ : p->rtp.seq,
                               .pt = rtx         ? m->rtx_pt
                                     : red.n > 1 ? m->red_pt
                                                 : m->pt,
                               .marker = p->rtp.marker};
    struct seal_parts parts = {
        .head = write_ext_head(b, s, &h, rtx, to), .rest = p->data, .rest_len = p->len};
    if (rtx) {
        put_be16(to + parts.head, p->rtp.seq);
        parts.patched = 2;
    } else if (red.n > 1) {
        seal_red(&parts, to, 1500, m->red_pt, &red);
    }
    outq_commit(out, seal_rtp(seal, to, 1500, &parts));
    s->sent++;
    s->octets += p->len;
}

static void send_frame(struct bot *b, struct bot_stream *s, struct outq *out)
{
    const bool audio = b->nego.media[s->line].audio;
    const bool key = !audio && s->key_wanted;
    const unsigned n = key ? s->key_times * s->packets : s->packets;
    s->key_wanted = false;
    for (unsigned i = 0; i < n; i++) {
        struct pkt *p = make(b, s, key, i == 0, i + 1 == n);
        emit(b, s, p, false, out);
        hist_put(&s->hist, p);
        pkt_unref(&p);
    }
    s->ts += (uint32_t)(s->every * (audio ? 48000 : 90000) / USEC_SEC);
    s->picture_id = (s->picture_id + 1) & 0x7fff;
    s->tl0++;
}

static struct bot_stream *stream_of(struct bot *b, uint32_t ssrc)
{
    for (size_t i = 0; i < b->sends; i++)
        if (b->nego.media[b->send[i].line].ssrc[b->send[i].layer] == ssrc)
            return &b->send[i];
    return NULL;
}

static void answer_nack(struct bot *b, const struct rtcp_item *it, struct outq *out)
{
    struct bot_stream *const s = stream_of(b, it->media);
    uint16_t seq[256];
    const size_t n = s ? rtcp_nack_list(it, seq, ARRAY_LEN(seq)) : 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t back = (uint16_t)(s->seq - seq[i]);
        struct pkt *const p = hist_get(&s->hist, 0x10000u + s->count - back);
        if (p) {
            emit(b, s, p, true, out);
            b->rtx_sent++;
        } else {
            b->nacks_unknown++;
        }
    }
}

static void note_report(struct bot *b, const struct rtcp_report *r)
{
    struct bot_stream *const s = stream_of(b, r->ssrc);
    if (s)
        s->report = *r;
}

static void input_rtcp(struct bot *b, usec now, const struct pkt *p, struct outq *out)
{
    struct reader r = reader_of(p->data, p->len);
    struct rtcp_item it;
    while (rtcp_next(&r, &it)) {
        struct bot_stream *const s = stream_of(b, it.media);
        for (size_t i = 0; i < it.reports; i++)
            note_report(b, &it.report[i]);
        if (it.kind == RTCP_NACK)
            answer_nack(b, &it, out);
        if (it.kind == RTCP_PLI && s) {
            s->plis++;
            b->plis++;
            for (size_t i = 0; i < b->sends; i++) /* aligned key frames */
                if (b->send[i].line == s->line)
                    b->send[i].key_wanted = true;
            if (s->every > USEC_SEC) /* a still picture that waited for its next change */
                s->next = now;
        }
        for (size_t i = 0; it.kind == RTCP_SR && i < b->nego.n; i++)
            if (b->nego.media[i].ssrc[0] == it.sender)
                recvstat_sr(&b->recv[i].stat, now, it.ntp);
    }
}

/* What a source made must come as it was, byte for byte. */
static bool check_part(struct bot *b, struct bot_recv *r, usec now, const uint8_t *w, size_t len)
{
    const uint32_t tag = len > 12 ? be32(w) : 0;
    if (!tag || tag >= 64 || memcmp(w + 12, pattern(tag, be32(w + 4)), len - 12) != 0) {
        b->wrong++;
        return false;
    }
    r->tag = tag;
    r->by_tag[tag]++;
    r->last_at = now;
    return true;
}

/* One frame, or several that a relay has put together (RFC 6716 3.2.5; ours are short). */
static void check_voice(struct bot *b, struct bot_recv *r, usec now, struct reader in)
{
    uint8_t len[8] = {0};
    const uint8_t toc = read_u8(&in);
    const unsigned n = toc & OPUS_MANY ? read_u8(&in) & 0x3f : 1;
    if (n == 0 || n > ARRAY_LEN(len) || (toc & ~OPUS_MANY) != OPUS_20_MS) {
        b->wrong++;
        return;
    }
    for (unsigned i = 0; i + 1 < n; i++)
        len[i] = read_u8(&in);
    for (unsigned i = 0; i < n; i++) {
        const size_t size = i + 1 < n ? len[i] : in.left;
        const uint8_t *const at = read_bytes(&in, size);
        if (!at || !check_part(b, r, now, at, size))
            return;
    }
}

static void check_body(struct bot *b, struct bot_recv *r, usec now, const struct pkt *p)
{
    const uint8_t *w = p->data + p->rtp.payload_off;
    const size_t len = p->rtp.payload_len;
    struct vp8_desc d = {0};
    if (b->nego.media[r->line].audio) {
        check_voice(b, r, now, reader_of(w, len));
        return;
    }
    if (!vp8_desc_parse(w, len, &d) || len < d.len + 10u) {
        b->wrong++;
        return;
    }
    w += d.len + 10;
    if (!check_part(b, r, now, w, len - d.len - 10u) || !d.start || be32(w + 8) != 3)
        return;
    r->keys++;
    if (!r->first_key_at)
        r->first_key_at = now;
}

static bool begins_key(const struct pkt *p)
{
    const uint8_t *const w = p->data + p->rtp.payload_off;
    struct vp8_desc d = {0};
    return vp8_desc_parse(w, p->rtp.payload_len, &d) && vp8_starts_key(w, p->rtp.payload_len, &d);
}

/* What a browser would do with a hole: wait, or go on with the key frame behind it. */
static void look_for_hole(struct bot *b, struct bot_recv *r, const struct pkt *p, uint32_t ext)
{
    if (b->nego.media[r->line].audio || (r->ext_seq && ext <= r->ext_seq))
        return;
    const bool hole = r->ext_seq && ext != r->ext_seq + 1;
    r->holes += hole;
    r->torn += hole && !(r->ended && begins_key(p));
    r->ext_seq = ext;
    r->ended = p->rtp.marker;
}

static struct bot_recv *recv_of(struct bot *b, const struct pkt *p, bool *rtx)
{
    for (size_t i = 0; i < b->nego.n; i++) {
        const struct nego_media *const m = &b->nego.media[i];
        if (!m->recv || m->refused)
            continue;
        *rtx = m->rtx_ssrc[0] && p->rtp.ssrc == m->rtx_ssrc[0];
        if (*rtx || p->rtp.ssrc == m->ssrc[0])
            return &b->recv[i];
    }
    return NULL;
}

/* Had it been sent at once it would have come when its timestamp says. */
static void look_at_time(struct bot_recv *r, usec now, const struct pkt *p)
{
    if (r->packets == 1) {
        r->begun_at = now;
        r->begun_ts = p->rtp.ts;
    }
    const usec on_time = r->begun_at + (usec)ts_diff(p->rtp.ts, r->begun_ts) * 1000 / 48;
    r->slow += now - on_time >= BOT_SLOW;
}

/* A packet as it was before RTX or RED. False: it had come. */
static bool take(struct bot *b, struct bot_recv *r, usec now, struct pkt *p)
{
    const struct nego_media *const m = &b->nego.media[r->line];
    uint32_t ext = 0;
    if (!recvstat_input(&r->stat, now, &p->rtp, p->len, &ext))
        return false;
    if (m->nack)
        nack_input(&r->nack, now, ext, p->rtp.repaired);
    if (r->hist.ring) {
        p->rtp.ext_seq = ext;
        hist_put(&r->hist, p);
    }
    r->packets++;
    b->wrong += p->rtp.pt != m->pt;
    if (m->audio)
        look_at_time(r, now, p);
    look_for_hole(b, r, p, ext);
    check_body(b, r, now, p);
    return true;
}

static bool take_riders(struct bot *b, struct bot_recv *r, usec now, struct pkt *p)
{
    struct red red;
    if (!red_undo(p, b->nego.media[r->line].pt, &red))
        return false;
    for (size_t i = 0; i + 1 < red.n; i++) {
        uint32_t ext = 0;
        struct pkt *q =
            recvstat_misses(&r->stat, red_seq(p, &red, i), &ext) ? red_recover(p, &red, i) : NULL;
        r->ridden += q && take(b, r, now, q);
        pkt_unref(&q);
    }
    return true;
}

static void recover(struct bot *b, struct bot_recv *r, usec now)
{
    const struct nego_media *const m = &b->nego.media[r->line];
    const struct fec_stream s = {
        .hist = &r->hist, .ssrc = m->ssrc[0], .pt = m->pt, .twcc_id = b->twcc_id};
    r->nack.hold = fecdec_helps(&r->fec, now) ? 60 * USEC_MS : 0;
    for (struct pkt *q; (q = fecdec_next(&r->fec, now, &s)) != NULL; pkt_unref(&q))
        if (!take(b, r, now, q))
            hist_put(&r->hist, q);
}

/* A packet of a line's repair stream. */
static bool take_fec(struct bot *b, usec now, struct pkt *p)
{
    for (size_t i = 0; i < b->nego.n; i++) {
        const struct nego_media *const m = &b->nego.media[i];
        if (!m->recv || !m->fec_pt || p->rtp.pt != m->fec_pt || p->rtp.ssrc != m->fec_ssrc)
            continue;
        struct bot_recv *const r = &b->recv[i];
        fecdec_input(&r->fec, now, p, m->ssrc[0]);
        if (r->hist.ring)
            recover(b, r, now);
        else if (hist_init(&r->hist, HIST) != OK)
            abort();
        return true;
    }
    return false;
}

static void input_rtp(struct bot *b, usec now, struct pkt *p)
{
    bool rtx = false;
    struct bot_recv *const r = recv_of(b, p, &rtx);
    size_t len = 0;
    const uint8_t *const number = b->twcc_id ? rtp_ext_find(p, b->twcc_id, &len) : NULL;
    if (number && len >= 2)
        arrival_input(&b->arrival, now, be16(number));
    if (!r && take_fec(b, now, p))
        return;
    if (!r) {
        b->wrong++;
        return;
    }
    const struct nego_media *const m = &b->nego.media[r->line];
    if (rtx && !rtp_undo_rtx(p, m->ssrc[0], m->pt))
        return;
    if (m->red_pt && p->rtp.pt == m->red_pt && !take_riders(b, r, now, p)) {
        b->wrong++;
        return;
    }
    r->repaired += take(b, r, now, p) && rtx;
    if (r->fec.n)
        recover(b, r, now);
}

void bot_input(struct bot *b, usec now, struct pkt *p, struct outq *out)
{
    if (!b->silent) {
        switch (peer_input(b->peer, now, p, out)) {
        case PEER_IN_NOTHING:
            break;
        case PEER_IN_RTP:
            input_rtp(b, now, p);
            break;
        case PEER_IN_RTCP:
            input_rtcp(b, now, p, out);
            break;
        }
    }
    pkt_unref(&p);
}

static void report(struct bot *b, usec now, struct writer *w)
{
    struct rtcp_report rep[NEGO_MEDIA];
    size_t n = 0;
    for (size_t i = 0; i < b->sends; i++) {
        const struct bot_stream *const s = &b->send[i];
        rtcp_write_sr(w, b->nego.media[s->line].ssrc[s->layer], ntp_of_unix_us(now + b->ntp_offset),
                      s->ts, s->sent, s->octets);
    }
    for (size_t i = 0; i < b->nego.n; i++) {
        struct bot_recv *const r = &b->recv[i];
        if (!b->nego.media[i].recv || !r->packets)
            continue;
        recvstat_report(&r->stat, now, &rep[n++]);
        /* Its first packets were lost, and no gap shows it; or some that nothing brings back. */
        const bool broken = !r->keys || r->nack.given_up != r->given_up;
        if (!b->nego.media[i].audio && broken)
            rtcp_write_pli(w, b->ssrc, b->nego.media[i].ssrc[0]);
        r->given_up = r->nack.given_up;
    }
    if (n)
        rtcp_write_rr(w, b->ssrc, rep, n);
}

static void ask(struct bot *b, usec now, struct writer *w)
{
    for (size_t i = 0; i < b->nego.n; i++) {
        uint16_t seq[64];
        struct bot_recv *const r = &b->recv[i];
        const size_t n = b->nego.media[i].recv ? nack_poll(&r->nack, now, seq, 64) : 0;
        if (n)
            rtcp_write_nack(w, b->ssrc, b->nego.media[i].ssrc[0], seq, n);
    }
}

void bot_tick(struct bot *b, usec now, struct outq *out)
{
    if (b->silent)
        return;
    if (peer_next(b->peer) <= now)
        peer_tick(b->peer, now, out);
    if (!bot_open(b, now))
        return;
    uint8_t buf[1200];
    struct writer w = writer_of(buf, sizeof buf - SEAL_GROWTH);
    for (size_t i = 0; i < b->sends; i++) {
        struct bot_stream *const s = &b->send[i];
        if (!s->next)
            s->next = now;
        for (; s->next <= now; s->next += s->every)
            send_frame(b, s, out);
    }
    if (now >= b->report_at) {
        report(b, now, &w);
        b->report_at = now + REPORT_EVERY;
    }
    ask(b, now, &w);
    (void)!arrival_poll(&b->arrival, now, &w, b->ssrc, 0);
    if (w.len)
        (void)!peer_send_rtcp(b->peer, buf, w.len, out);
}

usec bot_next(const struct bot *b)
{
    if (b->silent)
        return USEC_NEVER;
    usec at = peer_next(b->peer);
    if (!peer_seal(b->peer))
        return at;
    at = usec_min(at, usec_min(b->report_at, arrival_next(&b->arrival)));
    for (size_t i = 0; i < b->sends; i++)
        at = usec_min(at, b->send[i].next);
    for (size_t i = 0; i < b->nego.n; i++)
        if (b->nego.media[i].recv)
            at = usec_min(at, nack_next(&b->recv[i].nack));
    return at;
}
