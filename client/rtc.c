/* rtc.c - which line a packet belongs to, what RTCP says, and when something is due. */
#include "client/rtc.h"

#include "engine/media/arrival.h"
#include "engine/wire/rtp.h"
#include "engine/wire/twcc.h"

#include <stdlib.h>
#include <string.h>

#define NACKS_MAX 256
#define RTCP_CAP 1200
#define START_BPS 300000
#define LEAST_BPS 24000
#define MOST_BPS 20000000
#define PACER_SIZE 512 /* packets: a slide of half a megabyte */
#define BURST_LEAST 1500
#define BURST_TIME (10 * USEC_MS)
#define BURST_ROOM 20000 /* bytes: a frame leaves at once where there is room */

struct rtc {
    struct nego nego;
    struct peer *peer;
    struct sendlink link;
    struct sendtrack send[NEGO_MEDIA];
    struct recvtrack recv[NEGO_MEDIA];
    uint32_t self; /* the SSRC that our feedback comes from */
    usec rtt;
    struct arrival arrival; /* of what has transport-wide numbers */
    uint64_t wanted;        /* bits per second that all sources would send */
    uint64_t bytes_in;
};

static bool sends(const struct rtc *c, size_t i)
{
    return i < c->nego.n && c->nego.media[i].send && !c->nego.media[i].refused;
}

static bool receives(const struct rtc *c, size_t i)
{
    return i < c->nego.n && c->nego.media[i].recv && !c->nego.media[i].refused;
}

static enum err tracks_init(struct rtc *c, struct rng *rng)
{
    enum err e = OK;
    for (size_t i = 0; i < c->nego.n && e == OK; i++) {
        if (sends(c, i))
            e = sendtrack_init(&c->send[i], &c->nego.media[i], (uint8_t)i, rng);
        else if (receives(c, i))
            e = recvtrack_init(&c->recv[i], &c->nego.media[i]);
    }
    return e;
}

enum err rtc_new(struct rtc **out, const struct rtc_conf *conf, struct rng *rng, usec now)
{
    struct rtc *c = calloc(1, sizeof(*c));
    *out = NULL;
    if (!c)
        return E_NOMEM;
    c->nego = *conf->nego;
    c->link.pool = conf->pool;
    c->link.red_most = RED_RIDERS;
    c->self = rng_u32(rng);
    for (size_t i = 0; i < c->nego.n; i++) {
        if (sends(c, i))
            c->self = c->nego.media[i].ssrc[0];
    }
    struct peer_conf p = {
        .ice = c->nego.ice, .no_ice = true, .cert = conf->cert, .dtls_server = c->nego.dtls_server};
    memcpy(p.fingerprint, c->nego.fingerprint, sizeof(p.fingerprint));
    const struct bwe_conf way = {LEAST_BPS, START_BPS, MOST_BPS};
    enum err e = tracks_init(c, rng);
    if (e == OK)
        e = bwe_init(&c->link.bwe, &way, now);
    if (e == OK)
        e = pacer_init(&c->link.pacer, PACER_SIZE, MOST_BPS, BURST_ROOM);
    arrival_init(&c->arrival);
    if (e == OK)
        e = peer_new(&c->peer, &p, rng, now);
    if (e != OK)
        rtc_free(&c);
    *out = c;
    return e;
}

void rtc_free(struct rtc **pc)
{
    struct rtc *const c = *pc;
    if (!c)
        return;
    for (size_t i = 0; i < c->nego.n; i++) {
        if (c->send[i].media)
            sendtrack_fini(&c->send[i]);
        if (c->recv[i].media)
            recvtrack_fini(&c->recv[i]);
    }
    for (struct pkt *p; (p = rtc_sent(c)) != NULL;)
        pkt_unref(&p);
    pacer_fini(&c->link.pacer);
    bwe_fini(&c->link.bwe);
    peer_free(&c->peer);
    free(c);
    *pc = NULL;
}

/* The line of a packet: by SSRC as signalled or learnt, else by the mid that it carries. */
static struct recvtrack *line_by_ssrc(struct rtc *c, uint32_t ssrc, bool *rtx)
{
    for (size_t i = 0; i < c->nego.n && ssrc; i++) {
        struct recvtrack *const t = &c->recv[i];
        const struct nego_media *const m = &c->nego.media[i];
        if (!receives(c, i))
            continue;
        *rtx = ssrc == t->rtx_ssrc || ssrc == m->rtx_ssrc[0];
        if (*rtx || ssrc == t->ssrc || ssrc == m->ssrc[0])
            return t;
    }
    return NULL;
}

static bool has_mid(const struct nego_media *m, const struct pkt *p)
{
    size_t len;
    const uint8_t id = m->ext.id[RTP_EXT_MID];
    const uint8_t *const mid = id ? rtp_ext_find(p, id, &len) : NULL;
    return mid && len == strlen(m->mid) && memcmp(mid, m->mid, len) == 0;
}

static struct recvtrack *line_by_mid(struct rtc *c, const struct pkt *p, bool *rtx)
{
    for (size_t i = 0; i < c->nego.n; i++) {
        const struct nego_media *const m = &c->nego.media[i];
        if (!receives(c, i) || !has_mid(m, p))
            continue;
        *rtx =
            (m->rtx_pt && p->rtp.pt == m->rtx_pt) || (m->vp9_rtx_pt && p->rtp.pt == m->vp9_rtx_pt);
        if (*rtx)
            c->recv[i].rtx_ssrc = p->rtp.ssrc;
        return &c->recv[i];
    }
    return NULL;
}

static void note_arrival(struct rtc *c, usec now, const struct nego_media *m, const struct pkt *p)
{
    size_t len = 0;
    const uint8_t id = m->twcc ? m->ext.id[RTP_EXT_TWCC] : 0;
    const uint8_t *const number = id ? rtp_ext_find(p, id, &len) : NULL;
    if (number && len >= 2)
        arrival_input(&c->arrival, now, be16(number));
}

/* The line of a repair packet. */
static struct recvtrack *line_of_fec(struct rtc *c, const struct pkt *p)
{
    for (size_t i = 0; i < c->nego.n; i++) {
        const struct nego_media *const m = &c->nego.media[i];
        if (receives(c, i) && m->fec_pt && p->rtp.pt == m->fec_pt && p->rtp.ssrc == m->fec_ssrc)
            return &c->recv[i];
    }
    return NULL;
}

static void take_rtp(struct rtc *c, usec now, struct pkt *p)
{
    struct recvtrack *const fec = line_of_fec(c, p);
    if (fec) {
        note_arrival(c, now, fec->media, p);
        recvtrack_fec(fec, now, p);
        return;
    }
    bool rtx = false;
    struct recvtrack *t = line_by_ssrc(c, p->rtp.ssrc, &rtx);
    if (!t)
        t = line_by_mid(c, p, &rtx);
    if (!t)
        return;
    const struct nego_media *const m = t->media;
    note_arrival(c, now, m, p);
    const bool red = m->red_pt && p->rtp.pt == m->red_pt;
    const uint8_t vp9_pt = rtx ? m->vp9_rtx_pt : m->vp9_pt;
    p->rtp.vp9 = m->codec == NEGO_VP9 || (vp9_pt && p->rtp.pt == vp9_pt);
    if (red || p->rtp.vp9 || p->rtp.pt == (rtx ? m->rtx_pt : m->pt))
        recvtrack_input(t, now, p, rtx);
}

static struct sendlayer *layer_of(struct rtc *c, uint32_t ssrc, struct sendtrack **track)
{
    for (size_t i = 0; i < c->nego.n; i++) {
        struct sendlayer *const y = sends(c, i) ? sendtrack_layer(&c->send[i], ssrc) : NULL;
        if (y) {
            *track = &c->send[i];
            return y;
        }
    }
    return NULL;
}

static void set_rtt(struct rtc *c, usec rtt)
{
    c->rtt = c->rtt ? c->rtt + (rtt - c->rtt) / 4 : rtt;
}

/* RFC 3550 6.4.1: the round trip is what passed since our report, less what the other side kept. */
static void note_rtt(struct rtc *c, int64_t wall_us, const struct rtcp_report *r)
{
    const uint32_t mid = (uint32_t)(ntp_of_unix_us(wall_us) >> 16);
    const int32_t passed = (int32_t)(mid - r->lsr - r->dlsr);
    if (r->lsr && passed >= 0 && passed < 10 * 65536)
        set_rtt(c, usec_max((usec)passed * USEC_SEC / 65536, 1));
}

static void take_reports(struct rtc *c, usec now, int64_t wall_us, const struct rtcp_item *it)
{
    for (size_t i = 0; i < it->reports; i++) {
        const struct rtcp_report *const r = &it->report[i];
        struct sendtrack *track;
        struct sendlayer *const y = layer_of(c, r->ssrc, &track);
        if (!y)
            continue;
        uint32_t lost;
        const uint32_t sent = sendtrack_report(track, y, r, &lost);
        if (!track->media->twcc)
            red_rule_report(&c->link.red, now, sent, lost);
        if (sent)
            bwe_report(&c->link.bwe, now, (unsigned)((uint64_t)lost * 1000 / sent));
        note_rtt(c, wall_us, r);
    }
}

static void take_nack(struct rtc *c, usec now, const struct rtcp_item *it)
{
    struct sendtrack *t;
    struct sendlayer *const y = layer_of(c, it->media, &t);
    if (!y)
        return;
    uint16_t seqs[NACKS_MAX];
    sendtrack_repair(t, &c->link, y, now, c->rtt, seqs, rtcp_nack_list(it, seqs, NACKS_MAX));
}

static void take_key_request(struct rtc *c, uint32_t ssrc)
{
    struct sendtrack *t;
    if (layer_of(c, ssrc, &t))
        t->want_key = true;
}

/* FIR names its streams in its body (RFC 5104 4.3.1), eight bytes each. */
static void take_fir(struct rtc *c, const struct rtcp_item *it)
{
    for (size_t at = 0; at + 8 <= it->body_len; at += 8)
        take_key_request(c, be32(it->body + at));
}

static void take_sr(struct rtc *c, usec now, const struct rtcp_item *it)
{
    bool rtx;
    struct recvtrack *const t = line_by_ssrc(c, it->sender, &rtx);
    if (t && !rtx && t->stat.started)
        recvtrack_sr(t, now, it->ntp, it->rtp_ts);
}

static void take_twcc(struct rtc *c, usec now, const struct rtcp_item *it)
{
    struct twcc_feedback f;
    if (!twcc_read(&f, it))
        return;
    red_rule_feedback(&c->link.red, now, &f);
    bwe_feedback(&c->link.bwe, now, &f);
}

static void take_rtcp(struct rtc *c, usec now, int64_t wall_us, const struct pkt *p)
{
    struct reader r = reader_of(p->data, p->len);
    struct rtcp_item it;
    while (rtcp_next(&r, &it)) {
        switch (it.kind) {
        case RTCP_SR:
            take_sr(c, now, &it);
            take_reports(c, now, wall_us, &it);
            break;
        case RTCP_RR:
            take_reports(c, now, wall_us, &it);
            break;
        case RTCP_NACK:
            take_nack(c, now, &it);
            break;
        case RTCP_PLI:
            take_key_request(c, it.media);
            break;
        case RTCP_FIR:
            take_fir(c, &it);
            break;
        case RTCP_REMB:
            bwe_remb(&c->link.bwe, now, it.bps);
            break;
        case RTCP_TWCC:
            take_twcc(c, now, &it);
            break;
        case RTCP_SDES:
        case RTCP_BYE:
        case RTCP_OTHER:
        default:
            break;
        }
    }
}

static void lend(struct rtc *c, struct outq *out)
{
    c->link.out = out;
    c->link.seal = peer_seal(c->peer);
}

/* Whole frames where the way has room for all sources; else what waits here, not in the way. */
static void pace(struct rtc *c)
{
    const uint64_t way = bwe_bps(&c->link.bwe);
    if (way >= c->wanted + c->wanted / 4) {
        pacer_rate(&c->link.pacer, 2 * way, BURST_ROOM);
        return;
    }
    const uint64_t bps = way * 21 / 20;
    const uint64_t burst = bps / 8 * (uint64_t)BURST_TIME / (uint64_t)USEC_SEC;
    pacer_rate(&c->link.pacer, bps, burst > BURST_LEAST ? (uint32_t)burst : BURST_LEAST);
}

static void probe(struct rtc *c, usec now)
{
    struct sendlink *const l = &c->link;
    struct bwe_probe p;
    if (l->probe || !bwe_probe(&l->bwe, now, &p))
        return;
    l->cluster = p.cluster;
    for (size_t i = 0; i < c->nego.n && l->probe < p.bytes; i++)
        if (sends(c, i) && !c->nego.media[i].audio && c->nego.media[i].rtx_pt)
            l->probe += sendtrack_probe(&c->send[i], l, p.bytes - l->probe);
    if (l->probe)
        pacer_rate(&l->pacer, p.bps, BURST_LEAST);
}

/* What has its turn leaves. */
static void flush(struct rtc *c, usec now)
{
    struct send_rec r;
    if (!c->link.seal)
        return;
    if (!c->link.probe)
        pace(c);
    while (pacer_pop(&c->link.pacer, now, &r)) {
        sendtrack_transmit(&c->send[r.sub], &c->link, now, &r);
        pkt_unref(&r.pkt);
    }
}

void rtc_input(struct rtc *c, usec now, int64_t wall_us, struct pkt *p, struct outq *out)
{
    c->bytes_in += p->len;
    const enum peer_in kind = peer_input(c->peer, now, p, out);
    lend(c, out);
    if (kind == PEER_IN_RTP)
        take_rtp(c, now, p);
    else if (kind == PEER_IN_RTCP)
        take_rtcp(c, now, wall_us, p);
}

static void say(struct rtc *c, struct writer *w, struct outq *out)
{
    if (w->len && !w->bad)
        peer_send_rtcp(c->peer, w->p, w->len, out);
}

/* Each line speaks in a packet of its own: reduced-size RTCP, which all WebRTC peers agree on. */
static void feedback(struct rtc *c, usec now, int64_t wall_us, size_t i, struct outq *out)
{
    uint8_t buf[RTCP_CAP];
    struct writer w = writer_of(buf, sizeof(buf));
    if (sends(c, i)) {
        sendtrack_reports(&c->send[i], now, wall_us, &w);
        if (w.len)
            rtcp_write_sdes(&w, c->send[i].layer[0].ssrc, c->nego.cname);
    } else if (receives(c, i)) {
        recvtrack_feedback(&c->recv[i], now, c->self, &w);
    }
    say(c, &w, out);
}

static void say_arrivals(struct rtc *c, usec now, struct outq *out)
{
    uint8_t buf[RTCP_CAP];
    struct writer w = writer_of(buf, sizeof(buf));
    if (arrival_poll(&c->arrival, now, &w, c->self, 0))
        say(c, &w, out);
}

void rtc_tick(struct rtc *c, usec now, int64_t wall_us, struct outq *out)
{
    peer_tick(c->peer, now, out);
    if (peer_state(c->peer, now) != PEER_OPEN)
        return;
    lend(c, out);
    for (size_t i = 0; i < c->nego.n; i++)
        feedback(c, now, wall_us, i, out);
    say_arrivals(c, now, out);
    bwe_tick(&c->link.bwe, now);
    probe(c, now);
    flush(c, now);
}

static usec way_next(const struct rtc *c)
{
    const usec out = usec_min(pacer_next(&c->link.pacer, 0), bwe_next(&c->link.bwe));
    return c->link.seal ? usec_min(arrival_next(&c->arrival), out) : USEC_NEVER;
}

usec rtc_next(const struct rtc *c)
{
    usec next = usec_min(peer_next(c->peer), way_next(c));
    for (size_t i = 0; i < c->nego.n; i++) {
        if (sends(c, i))
            next = usec_min(next, sendtrack_next(&c->send[i]));
        else if (receives(c, i))
            next = usec_min(next, recvtrack_next(&c->recv[i]));
    }
    return next;
}

enum peer_state rtc_state(const struct rtc *c, usec now)
{
    return peer_state(c->peer, now);
}

const char *rtc_why(const struct rtc *c)
{
    return peer_why(c->peer);
}

usec rtc_heard(const struct rtc *c)
{
    return peer_heard(c->peer);
}

void rtc_close(struct rtc *c, usec now, struct outq *out)
{
    uint8_t buf[RTCP_CAP];
    struct writer w = writer_of(buf, sizeof(buf));
    for (size_t i = 0; i < c->nego.n; i++) {
        for (size_t k = 0; sends(c, i) && k < c->send[i].layers; k++)
            rtcp_write_bye(&w, c->send[i].layer[k].ssrc);
    }
    say(c, &w, out);
    peer_close(c->peer, now, out);
}

void rtc_picture(struct rtc *c, usec now, size_t line, size_t layer,
                 const struct sendtrack_frame *f, struct outq *out)
{
    lend(c, out);
    if (sends(c, line) && c->link.seal)
        sendtrack_picture(&c->send[line], &c->link, now, layer, f);
    flush(c, now);
}

void rtc_voice(struct rtc *c, usec now, size_t line, const struct sendtrack_sound *s,
               struct outq *out)
{
    lend(c, out);
    if (sends(c, line) && c->link.seal)
        sendtrack_voice(&c->send[line], &c->link, now, s);
    flush(c, now);
}

void rtc_riders(struct rtc *c, uint8_t most)
{
    c->link.red_most = most;
}

void rtc_wants(struct rtc *c, uint64_t bps)
{
    c->wanted = bps;
    bwe_wanted(&c->link.bwe, bps * 2);
}

void rtc_other_way(struct rtc *c, usec now)
{
    bwe_restart(&c->link.bwe, now);
}

uint64_t rtc_way(const struct rtc *c)
{
    return bwe_bps(&c->link.bwe);
}

double rtc_lack(const struct rtc *c, size_t line)
{
    return sends(c, line) ? c->send[line].layer[0].lack : 0;
}

size_t rtc_waiting(const struct rtc *c, bool still)
{
    return pacer_waiting(&c->link.pacer, still ? PACER_SLIDES : PACER_VIDEO);
}

void rtc_still(struct rtc *c, size_t line)
{
    if (sends(c, line))
        c->send[line].still = true;
    if (receives(c, line))
        recvtrack_still(&c->recv[line]);
}

void rtc_keep(struct rtc *c)
{
    c->link.keep = true;
}

struct pkt *rtc_sent(struct rtc *c)
{
    return c->link.n_kept ? c->link.kept[--c->link.n_kept] : NULL;
}

const struct nego_media *rtc_media(const struct rtc *c, size_t line)
{
    return line < c->nego.n ? &c->nego.media[line] : NULL;
}

size_t rtc_layers(const struct rtc *c, size_t line)
{
    return sends(c, line) ? c->send[line].layers : 0;
}

bool rtc_key_asked(struct rtc *c, size_t line)
{
    if (!sends(c, line) || !c->send[line].want_key)
        return false;
    c->send[line].want_key = false;
    return true;
}

void rtc_want_key(struct rtc *c, size_t line, bool want)
{
    if (receives(c, line))
        c->recv[line].want_key = want;
}

struct recvtrack *rtc_recv(struct rtc *c, size_t line)
{
    return receives(c, line) && c->recv[line].stat.started ? &c->recv[line] : NULL;
}

bool rtc_pull(struct rtc *c, usec now, size_t *line, struct recvtrack_item *it)
{
    for (size_t i = 0; i < c->nego.n; i++) {
        if (!c->nego.media[i].audio && rtc_recv(c, i) && recvtrack_pull(&c->recv[i], now, it)) {
            *line = i;
            return true;
        }
    }
    return false;
}

void rtc_floor(struct rtc *c, size_t line, usec at_least)
{
    if (receives(c, line))
        jitter_floor(&c->recv[line].jitter, at_least);
}

void rtc_set_rtt(struct rtc *c, usec rtt)
{
    for (size_t i = 0; i < c->nego.n && rtt; i++) {
        if (!receives(c, i))
            continue;
        c->recv[i].rtt = rtt;
        nack_rtt(&c->recv[i].nack, rtt);
    }
}

static void add_sent(const struct sendtrack *t, struct rtc_stat *s, double *lost, double *sent)
{
    for (size_t k = 0; k < t->layers; k++) {
        const struct sendlayer *const y = &t->layer[k];
        s->repairs_sent += y->repaired;
        *lost += y->lost;
        *sent += y->packets;
    }
}

void rtc_stat(const struct rtc *c, struct rtc_stat *s)
{
    double lost = 0;
    double expected = 0;
    double lost_out = 0;
    double sent = 0;
    *s = (struct rtc_stat){.bytes_in = c->bytes_in,
                           .bytes_out = c->link.bytes,
                           .rtt = c->rtt,
                           .way_bps = bwe_bps(&c->link.bwe)};
    for (size_t i = 0; i < c->nego.n; i++) {
        if (sends(c, i))
            add_sent(&c->send[i], s, &lost_out, &sent);
        if (!receives(c, i) || !c->recv[i].stat.started)
            continue;
        const double n = (double)c->recv[i].stat.highest - c->recv[i].stat.base + 1;
        expected += n;
        lost += n * recvtrack_loss(&c->recv[i]);
        s->keys_asked += c->recv[i].keys_asked;
        s->ridden += c->recv[i].ridden;
        s->fec_in += c->recv[i].fec.in;
        s->fec_recovered += c->recv[i].fec.recovered;
        s->fec_vain += c->recv[i].fec.vain;
        s->fec_bad += c->recv[i].fec.bad;
        s->asked += c->recv[i].nack.asked;
    }
    s->loss_in = expected > 0 ? lost / expected : 0;
    s->loss_out = sent > 0 ? lost_out / sent : 0;
}
