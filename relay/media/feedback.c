#include "relay/media/feedback.h"

#include "engine/wire/twcc.h"
#include "relay/media/budget.h"
#include "relay/media/forward.h"
#include "relay/media/hub.h"
#include "relay/media/link.h"
#include "relay/media/room.h"

#define RTCP_MAX 1200
#define NACK_BATCH 64
#define TAIL_AFTER (200 * USEC_MS)
#define SR_GAP (100 * USEC_MS)        /* senders report every second or so, never so often */
#define NACKS_MAX 4000                /* numbers that one member may ask for in a second */
#define LACK_SMOOTH 4                 /* reports */
#define LACK_MOST 0.25                /* that a publisher is told of: nobody makes a voice worse */
#define KEY_ASKS 8                    /* key frames that a viewer's losses may cost at once, */
#define KEY_ASKS_EVERY (4 * USEC_SEC) /* and in the long run: every one costs all the others */

static struct sub *sub_of(const struct member *m, uint32_t ssrc)
{
    for (size_t i = 0; i < m->lines; i++)
        if (m->sub[i] && m->line[i].ssrc[0] == ssrc)
            return m->sub[i];
    return NULL;
}

static struct stream *stream_of(const struct member *m, uint32_t ssrc)
{
    for (size_t i = 0; i < m->lines; i++)
        for (size_t k = 0; m->track[i] && k < NEGO_LAYERS; k++)
            if (m->track[i]->layer[k] && m->track[i]->layer[k]->ssrc == ssrc)
                return m->track[i]->layer[k];
    return NULL;
}

static void input_sr(struct member *m, usec now, const struct rtcp_item *it)
{
    struct stream *const s = stream_of(m, it->sender);
    if (!s || (s->clock.known && now - s->stat.sr_at < SR_GAP))
        return;
    const bool first = !s->clock.known;
    recvstat_sr(&s->stat, now, it->ntp);
    clockmap_sr(&s->clock, it->ntp, it->rtp_ts);
    if (m->room->state.record)
        hub_lend(m->hub, &(struct tap_msg){.kind = TAP_SR,
                                           .room = m->room->id,
                                           .track = s->id,
                                           .at = now,
                                           .sr = {.ntp = it->ntp, .ts = it->rtp_ts}});
    link_sr(m->room, s);
    for (struct sub *sub = NULL; first && (sub = track_viewer(s->track, sub)) != NULL;)
        sub->sr_due = true;
}

/* The last packet before a pause shows no gap when it is lost: the next report does. */
static void repair_tail(struct sub *s, usec now, uint16_t highest)
{
    const uint16_t last = s->left.seq;
    if (s->packets && now - s->sent_at >= TAIL_AFTER && seq_newer(last, highest))
        s->member->hub->stat.repair[forward_again(s, last, now)]++;
}

/* What it never could get, because it was lost on the way to us, is not the fault of its own. */
static double lost_on_its_way(const struct sub *s, const struct rtcp_report *r, uint32_t expected)
{
    if (!r->fraction_lost || !expected)
        return 0;
    const double lost = r->fraction_lost / 256.0;
    const double holes = (double)remap_holes(&s->map, (uint16_t)r->ext_highest, &expected);
    const double missed = expected ? holes / expected : 0;
    return lost > missed ? (lost - missed) / (1 - missed) : 0;
}

/* Lost, and all that repairs it too: a repair if it asks for them, and what rides along. */
static void note_lack(struct sub *s, usec now, double lost)
{
    const struct member *const m = s->member;
    const struct line *const l = &m->line[s->line];
    const size_t riders = l->red_pt ? size_min(m->red.riders, m->red_most) : 0;
    double lack = lost;
    for (size_t i = 0; i < riders + l->nack; i++)
        lack *= lost;
    s->lack += ((float)lack - s->lack) / LACK_SMOOTH;
    s->lack_at = now;
    if (s->track && !s->track->owner && !sub_watches(s))
        link_lack(s->track, now);
}

/* RFC 3550 6.4.1: the round trip from the echo of our sender report. */
static void input_report(struct member *m, usec now, const struct rtcp_report *r)
{
    struct sub *const s = sub_of(m, r->ssrc);
    if (!s)
        return;
    const uint16_t loss = (uint16_t)(r->fraction_lost * 1000u / 256u);
    if (loss > m->stats.out_loss_ppt)
        m->stats.out_loss_ppt = loss;
    const uint32_t sent = s->reported ? r->ext_highest - s->reported : 0;
    s->reported = r->ext_highest;
    const double lost = lost_on_its_way(s, r, sent);
    if (!m->budget) /* else it tells of every packet, and sooner */
        red_rule_report(&m->red, now, sent, sent * lost);
    if (m->line[s->line].audio)
        note_lack(s, now, lost);
    budget_report(m, now, loss);
    repair_tail(s, now, (uint16_t)r->ext_highest);
    if (!r->lsr || r->lsr != (uint32_t)(s->sr_ntp >> 16))
        return;
    const usec held = (usec)(((uint64_t)r->dlsr * (uint64_t)USEC_SEC) >> 16);
    const usec rtt = now - s->sr_at - held;
    if (rtt >= 0 && rtt < 10 * USEC_SEC) /* a report that lies is not believed */
        m->rtt = m->rtt ? (7 * m->rtt + rtt) / 8 : rtt;
}

static void input_nack(struct member *m, usec now, const struct rtcp_item *it)
{
    struct sub *const s = sub_of(m, it->media);
    uint16_t seq[NACK_BATCH];
    if (m->stats.nacks_in >= NACKS_MAX)
        return;
    const size_t n = s ? rtcp_nack_list(it, seq, NACK_BATCH) : 0;
    m->stats.nacks_in += (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        m->hub->stat.repair[forward_again(s, seq[i], now)]++;
}

static bool may_ask_key(struct member *m, usec now)
{
    const usec full = now - KEY_ASKS * KEY_ASKS_EVERY;
    m->key_asks_at = usec_max(m->key_asks_at, full);
    if (now - m->key_asks_at < KEY_ASKS_EVERY)
        return false;
    m->key_asks_at += KEY_ASKS_EVERY;
    return true;
}

static void input_pli(struct member *m, usec now, uint32_t ssrc)
{
    struct sub *const s = sub_of(m, ssrc);
    m->stats.plis_in++;
    if (!s || !s->track || (!s->current && !s->target) || sub_gets_key(s, now))
        return;
    const struct stream *const from = s->target ? s->target : s->current;
    if (!(s->track->wanted & 1u << from->layer) && may_ask_key(m, now))
        track_want_key(s->track, from);
}

/* FIR (RFC 5104 4.3.1.1): the streams stand in the body, 8 bytes each. */
static void input_fir(struct member *m, usec now, const struct rtcp_item *it)
{
    struct reader r = reader_of(it->body, it->body_len);
    while (r.left >= 8) {
        input_pli(m, now, read_u32(&r));
        (void)read_u32(&r);
    }
}

static void input_twcc(struct member *m, usec now, const struct rtcp_item *it)
{
    struct twcc_feedback f;
    if (!m->budget || !twcc_read(&f, it))
        return;
    red_rule_feedback(&m->red, now, &f);
    budget_twcc(m, now, &f);
}

static void input_item(struct member *m, usec now, const struct rtcp_item *it)
{
    for (size_t i = 0; i < it->reports; i++)
        input_report(m, now, &it->report[i]);
    switch (it->kind) {
    case RTCP_SR:
        input_sr(m, now, it);
        break;
    case RTCP_NACK:
        input_nack(m, now, it);
        break;
    case RTCP_PLI:
        input_pli(m, now, it->media);
        break;
    case RTCP_FIR:
        input_fir(m, now, it);
        break;
    case RTCP_RR:
    case RTCP_SDES:
    case RTCP_BYE: /* the connection's end says it better */
    case RTCP_OTHER:
        break;
    case RTCP_REMB:
        budget_remb(m, now, it->bps);
        break;
    case RTCP_TWCC:
        input_twcc(m, now, it);
        break;
    }
}

void feedback_input(struct member *m, usec now, const uint8_t *rtcp, size_t len)
{
    struct reader r = reader_of(rtcp, len);
    struct rtcp_item it;
    while (rtcp_next(&r, &it))
        input_item(m, now, &it);
}

static void send(struct member *m, struct writer *w, struct outq *out)
{
    if (w->len && !w->bad)
        (void)peer_send_rtcp(m->peer, w->p, w->len, out); /* a full send buffer: next time */
}

static void ask_again(struct member *m, struct stream *s, usec now, struct writer *w)
{
    uint16_t seq[NACK_BATCH];
    if (m->rtt)
        nack_rtt(&s->nack, m->rtt);
    const size_t n = nack_poll(&s->nack, now, seq, NACK_BATCH);
    if (n) {
        rtcp_write_nack(w, m->ssrc, s->ssrc, seq, n);
        m->stats.nacks_out += (uint32_t)n;
    }
    if (s->nack.overflow) {
        s->nack.overflow = false;
        track_want_key(s->track, s);
    }
}

static void ask_key(struct member *m, struct track *t, usec now, struct writer *w)
{
    if (t->audio || !kfgate_poll(&t->gate, now))
        return;
    for (size_t i = 0; i < NEGO_LAYERS; i++) {
        if (!t->layer[i] || !(t->wanted & 1u << i))
            continue;
        rtcp_write_pli(w, m->ssrc, t->layer[i]->ssrc);
        m->hub->stat.pli_out++;
        m->stats.plis_out++;
    }
}

static bool wants_key(const struct track *t)
{
    for (size_t i = 0; i < NEGO_LAYERS; i++)
        if ((stream_flows(t->layer[i]) || (t->layer[i] && track_still(t))) && t->wanted & 1u << i)
            return true;
    return false;
}

void feedback_tick(struct member *m, usec now, struct outq *out)
{
    if (!m->publishes || !peer_seal(m->peer))
        return;
    uint8_t buf[RTCP_MAX];
    struct writer w = writer_of(buf, RTCP_MAX - SEAL_GROWTH);
    for (size_t i = 0; i < m->lines; i++) {
        struct track *const t = m->track[i];
        for (size_t k = 0; t && k < NEGO_LAYERS; k++)
            if (t->layer[k] && m->line[i].nack)
                ask_again(m, t->layer[k], now, &w);
        if (t && wants_key(t))
            ask_key(m, t, now, &w);
    }
    if (m->arrival && !arrival_poll(m->arrival, now, &w, m->ssrc, m->media_ssrc) && !w.len)
        return;
    send(m, &w, out);
}

usec feedback_next(const struct member *m)
{
    usec at = m->arrival ? arrival_next(m->arrival) : USEC_NEVER;
    for (size_t i = 0; i < m->lines; i++) {
        const struct track *const t = m->track[i];
        if (t && wants_key(t))
            at = usec_min(at, kfgate_next(&t->gate));
        for (size_t k = 0; t && k < NEGO_LAYERS; k++)
            if (t->layer[k] && m->line[i].nack)
                at = usec_min(at, nack_next(&t->layer[k]->nack));
    }
    return at;
}

/* Who sends a voice protects it by what he hears of losses (Opus, in-band FEC): he is told what the
 * viewers lack, if that is more than what is lost on the way to us. Only the share of the last
 * second says so: the sum that estimates of the way are made of stays that of the way. */
static void raise_loss(const struct track *t, usec now, struct rtcp_report *r)
{
    const double lack = t->audio ? track_lack(t, now) : 0;
    const double most = lack < LACK_MOST ? lack : LACK_MOST;
    if (most * 256 > r->fraction_lost)
        r->fraction_lost = (uint8_t)(most * 256);
}

static void receiver_reports(struct member *m, usec now, struct writer *w)
{
    struct rtcp_report r[RTCP_REPORTS];
    size_t n = 0;
    for (size_t i = 0; i < m->lines; i++) {
        const struct track *const t = m->track[i];
        for (size_t k = 0; t && k < NEGO_LAYERS && n < RTCP_REPORTS; k++) {
            if (!t->layer[k])
                continue;
            recvstat_report(&t->layer[k]->stat, now, &r[n]);
            const uint16_t loss = (uint16_t)(r[n].fraction_lost * 1000u / 256u);
            if (loss > m->stats.in_loss_ppt)
                m->stats.in_loss_ppt = loss;
            raise_loss(t, now, &r[n++]);
        }
    }
    if (n)
        rtcp_write_rr(w, m->ssrc, r, n);
}

/* The source's own clock, brought up to now: sound and picture of one person keep one time line on
 * every viewer's side (RFC 3550 6.4.1). */
static void sender_report(struct sub *s, usec now, struct writer *w)
{
    const struct stream *const from = s->current;
    if (!from || !from->clock.known || !s->packets)
        return;
    const usec since = now - from->stat.sr_at;
    const uint64_t ntp = from->clock.ntp + ((uint64_t)since << 32) / (uint64_t)USEC_SEC;
    uint32_t ts = 0;
    if (!clockmap_ts(&from->clock, ntp, &ts))
        return;
    rtcp_write_sr(w, s->member->line[s->line].ssrc[0], ntp, ts - s->map.cut.ts_off, s->packets,
                  s->octets);
    s->sr_ntp = ntp;
    s->sr_at = now;
    s->sr_due = false;
}

static void end_second(struct member *m)
{
    const struct peer_stat *const is = peer_stat(m->peer);
    m->stats.in_kbps = (uint32_t)((is->bytes_in - m->before.bytes_in) * 8 / 1000);
    m->stats.out_kbps = (uint32_t)(m->sent_bytes * 8 / 1000);
    m->stats.rtt_us = (uint32_t)m->rtt;
    m->before = *is;
    m->sent_bytes = 0;
    m->taken = 0;
    if (m->budget) {
        m->stats.rung = m->budget->rung;
        m->stats.way_kbps = (uint32_t)(bwe_bps(&m->budget->bwe) / 1000);
        m->budget->reports = 0;
    }
    hub_say(m->hub,
            &(struct note){
                .kind = NOTE_STATS, .room = m->room->id, .member = m->id, .stats = m->stats});
    m->stats = (struct member_stats){0};
}

void feedback_report(struct member *m, usec now, struct outq *out)
{
    if (!peer_seal(m->peer))
        return;
    uint8_t buf[RTCP_MAX];
    struct writer w = writer_of(buf, RTCP_MAX - SEAL_GROWTH);
    receiver_reports(m, now, &w);
    for (size_t i = 0; i < m->lines; i++)
        if (m->sub[i])
            sender_report(m->sub[i], now, &w);
    rtcp_write_sdes(&w, m->ssrc, m->cname);
    send(m, &w, out);
    end_second(m);
}

void feedback_new_source(struct member *m, usec now, struct outq *out)
{
    uint8_t buf[RTCP_MAX];
    struct writer w = writer_of(buf, RTCP_MAX - SEAL_GROWTH);
    for (size_t i = 0; i < m->lines; i++)
        if (m->sub[i] && m->sub[i]->sr_due)
            sender_report(m->sub[i], now, &w);
    send(m, &w, out);
}
