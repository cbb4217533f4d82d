#include "relay/media/member.h"

#include "relay/media/budget.h"
#include "relay/media/egress.h"
#include "relay/media/feedback.h"
#include "relay/media/forward.h"
#include "relay/media/hub.h"
#include "relay/media/link.h"
#include "relay/media/room.h"

#include <stdlib.h>
#include <string.h>

#define REPORT_EVERY USEC_SEC
#define EXPIRE_EVERY (500 * USEC_MS)
#define GRID                                                                                       \
    (20 * USEC_MS) /* many members are due together: the thread is woken for all at once           \
                    */
#define RECORD_KEY (6 * USEC_SEC)
#define PACKET_COST 100 /* bytes of work that a packet is, however small */
#define PACER_SIZE 256  /* more than a fresh group of pictures of 1.5 Mbit/s */

static enum err keep_line(struct line *l, const struct nego_media *n)
{
    *l = (struct line){.audio = n->audio,
                       .nack = n->nack,
                       .pt = n->pt,
                       .rtx_pt = n->rtx_pt,
                       .red_pt = n->red_pt,
                       .vp9_pt = n->vp9_pt,
                       .vp9_rtx_pt = n->vp9_rtx_pt,
                       .fec_pt = n->fec_pt,
                       .fec_ssrc = n->fec_ssrc,
                       .layers = (uint8_t)n->layers,
                       .ext = n->ext,
                       .codec = n->codec};
    memcpy(l->ssrc, n->ssrc, sizeof l->ssrc);
    memcpy(l->rtx_ssrc, n->rtx_ssrc, sizeof l->rtx_ssrc);
    if (!n->recv)
        return OK;
    l->names = calloc(1, sizeof *l->names);
    if (!l->names)
        return E_NOMEM;
    memcpy(l->names->mid, n->mid, sizeof l->names->mid);
    memcpy(l->names->rid, n->rid, sizeof l->names->rid);
    return OK;
}

static enum err add_line(struct member *m, const struct cmd_join *join, uint8_t i, uint8_t *voices)
{
    const struct nego_media *const line = &join->nego.media[i];
    enum err e = keep_line(&m->line[i], line);
    if (!e && line->recv) {
        e = track_new(&m->track[i], m, i, join->source[i]);
        m->publishes = true;
        if (line->twcc && !m->twcc_id) /* one number space, one id, for the whole bundle */
            m->twcc_id = line->ext.id[RTP_EXT_TWCC];
    }
    if (!e && line->send) {
        e = sub_new(&m->sub[i], m, i, &join->slot[i]);
        if (!e && line->audio)
            m->sub[i]->voice = (*voices)++;
    }
    return e;
}

static enum err add_lines(struct member *m, const struct cmd_join *join)
{
    uint8_t voices = 0;
    m->line = calloc(join->nego.n ? join->nego.n : 1, sizeof *m->line);
    if (!m->line)
        return E_NOMEM;
    m->lines = join->nego.n;
    for (size_t i = 0; i < m->lines; i++) {
        const enum err e =
            join->nego.media[i].refused ? OK : add_line(m, join, (uint8_t)i, &voices);
        if (e)
            return e;
    }
    if (!m->twcc_id)
        return OK;
    m->arrival = calloc(1, sizeof *m->arrival);
    if (!m->arrival)
        return E_NOMEM;
    arrival_init(m->arrival);
    return OK;
}

/* It says how what we send arrives. */
static bool measures(const struct nego *n)
{
    for (size_t i = 0; i < n->n; i++) {
        const struct nego_media *const l = &n->media[i];
        if (!l->refused && l->send && (l->twcc || l->remb))
            return true;
    }
    return false;
}

static usec on_grid(usec t)
{
    return t + GRID - t % GRID;
}

static enum err start(struct member *m, const struct cmd_join *join, usec now)
{
    struct hub *const h = m->hub;
    const struct nego *const n = &join->nego;
    enum err e = add_lines(m, join);
    if (!e)
        e = pacer_init(&m->pacer, PACER_SIZE, h->conf.pace_bps, h->conf.pace_burst);
    if (!e && measures(n))
        e = budget_new(&m->budget, m, now);
    if (e)
        return e;
    struct peer_conf c = {.ice = n->ice,
                          .cert = h->conf.cert,
                          .dtls_server = n->dtls_server,
                          .no_rtp_in = !m->publishes};
    memcpy(c.fingerprint, n->fingerprint, sizeof c.fingerprint);
    return peer_new(&m->peer, &c, &h->rng, now);
}

void member_ufrag(struct member *m, const struct ice_conf *ice)
{
    const size_t len = strlen(ice->local_ufrag);
    memset(m->ufrag, 0, sizeof m->ufrag);
    if (len < sizeof m->ufrag)
        memcpy(m->ufrag, ice->local_ufrag, len);
}

enum err member_new(struct member **mp, struct room *room, member_id id, struct cmd_join *join,
                    usec now)
{
    struct member *m = calloc(1, sizeof *m);
    if (!m) {
        free(join);
        return E_NOMEM;
    }
    m->id = id;
    m->hub = room->hub;
    m->room = room;
    m->site = join->site;
    member_ufrag(m, &join->nego.ice);
    memcpy(m->cname, join->nego.cname, sizeof m->cname);
    m->since = now;
    m->ssrc = rng_u32(&m->hub->rng);
    m->repairs = MEMBER_REPAIRS;
    m->red_most = RED_RIDERS;
    m->key_asks_at = -USEC_SEC * 3600;
    m->report_at = on_grid(now + REPORT_EVERY);
    const enum err e = start(m, join, now);
    m->expire_at = m->publishes ? on_grid(now + EXPIRE_EVERY) : USEC_NEVER;
    free(join);
    m->next = room->members;
    if (m->next)
        m->next->prev = m;
    room->members = m;
    room->count++;
    if (e) {
        member_free(&m, now);
        return e;
    }
    *mp = m;
    return OK;
}

static void end_track(struct member *m, size_t line, usec now)
{
    struct track *const t = m->track[line];
    if (!t)
        return;
    for (size_t i = 0; i < NEGO_LAYERS; i++)
        if (t->layer[i] && m->room->state.record)
            hub_lend(m->hub, &(struct tap_msg){.kind = TAP_END,
                                               .room = m->room->id,
                                               .track = t->layer[i]->id,
                                               .at = now});
    if (t->up)
        hub_say(m->hub, &(struct note){.kind = NOTE_TRACK,
                                       .room = m->room->id,
                                       .member = m->id,
                                       .track = {.source = t->source, .up = false}});
    room_withdraw(m->room, t, now);
    link_end(m->room, t);
}

void member_free(struct member **mp, usec now)
{
    struct member *const m = *mp;
    if (!m)
        return;
    struct room *const r = m->room;
    if (m->prev)
        m->prev->next = m->next;
    else
        r->members = m->next;
    if (m->next)
        m->next->prev = m->prev;
    r->count--;
    for (size_t i = 0; i < NEGO_MEDIA; i++) {
        sub_free(&m->sub[i], now);
        end_track(m, i, now);
    }
    room_route(r, now);
    for (size_t i = 0; i < NEGO_MEDIA; i++)
        track_free(&m->track[i]);
    pacer_fini(&m->pacer);
    budget_free(&m->budget);
    peer_free(&m->peer);
    free(m->arrival);
    for (size_t i = 0; i < m->lines; i++)
        free(m->line[i].names);
    free(m->line);
    free(m);
    *mp = NULL;
}

void member_tap_open(struct member *m, struct stream *s, usec now)
{
    const struct track *const t = s->track;
    const struct line *const line = &m->line[t->line];
    const struct tap_msg msg = {
        .kind = TAP_TRACK,
        .room = m->room->id,
        .track = s->id,
        .at = now,
        .open = {.site = t->site,
                 .source = t->source,
                 .layer = s->layer,
                 .codec = (uint8_t)t->codec,
                 .pt = line->pt,
                 .abs_capture_id = line->ext.id[RTP_EXT_ABS_CAPTURE],
                 .level_id = line->ext.id[RTP_EXT_AUDIO_LEVEL],
                 .clock_rate = t->clock_rate,
                 .ssrc = s->ssrc},
    };
    s->tapped = hub_lend(m->hub, &msg);
}

/* Which line and layer an SSRC belongs to: as signalled, by MID and RID (RFC 8843 9.2, RFC 8852),
 * or by a payload type that only one line has. */
struct where {
    uint8_t line;
    uint8_t layer;
    bool rtx;
};

static bool has_text(const struct pkt *p, uint8_t id, const char *text)
{
    size_t len = 0;
    const uint8_t *const v = id ? rtp_ext_find(p, id, &len) : NULL;
    return v && strlen(text) == len && memcmp(v, text, len) == 0;
}

static bool says_mid(const struct pkt *p, const struct line *line)
{
    size_t len = 0;
    const uint8_t id = line->ext.id[RTP_EXT_MID];
    return id && rtp_ext_find(p, id, &len) != NULL;
}

static bool layer_of(const struct pkt *p, const struct line *line, bool rtx, uint8_t *layer)
{
    const uint8_t id = line->ext.id[rtx ? RTP_EXT_RRID : RTP_EXT_RID];
    for (uint8_t i = 0; i < line->layers; i++) {
        if (!has_text(p, id, line->names->rid[i]))
            continue;
        *layer = i;
        return true;
    }
    *layer = 0;
    return line->layers <= 1;
}

static bool ssrc_signalled(const struct line *line, uint32_t ssrc, struct where *w)
{
    for (uint8_t i = 0; i < NEGO_LAYERS; i++) {
        if (line->ssrc[i] != ssrc && line->rtx_ssrc[i] != ssrc)
            continue;
        w->layer = i;
        w->rtx = line->ssrc[i] != ssrc;
        return true;
    }
    return false;
}

enum match { MATCH_NONE, MATCH_PT, MATCH_MID, MATCH_SSRC };

static enum match match_line(const struct pkt *p, const struct line *line, struct where *w)
{
    if (p->rtp.ssrc && ssrc_signalled(line, p->rtp.ssrc, w))
        return MATCH_SSRC;
    w->rtx = line->rtx_pt && p->rtp.pt == line->rtx_pt;
    if (!w->rtx && p->rtp.pt != line->pt && (!line->red_pt || p->rtp.pt != line->red_pt))
        return MATCH_NONE;
    if (has_text(p, line->ext.id[RTP_EXT_MID], line->names->mid))
        return MATCH_MID;
    return says_mid(p, line) ? MATCH_NONE : MATCH_PT; /* it names another line */
}

static bool find_place(const struct member *m, const struct pkt *p, struct where *w)
{
    struct where by_pt = {0};
    unsigned with_pt = 0;
    for (size_t i = 0; i < m->lines; i++) {
        *w = (struct where){.line = (uint8_t)i};
        const enum match how = m->track[i] ? match_line(p, &m->line[i], w) : MATCH_NONE;
        if (how == MATCH_SSRC)
            return true;
        if (how == MATCH_MID)
            return layer_of(p, &m->line[i], w->rtx, &w->layer);
        if (how == MATCH_PT) {
            by_pt = *w;
            with_pt++;
        }
    }
    *w = by_pt;
    return with_pt == 1 && layer_of(p, &m->line[w->line], w->rtx, &w->layer);
}

static struct stream *known_stream(const struct member *m, uint32_t ssrc, bool *rtx)
{
    for (size_t i = 0; i < m->lines; i++) {
        const struct track *const t = m->track[i];
        for (size_t k = 0; t && k < NEGO_LAYERS; k++) {
            struct stream *const s = t->layer[k];
            if (!s || (s->ssrc != ssrc && s->rtx_ssrc != ssrc))
                continue;
            *rtx = s->ssrc != ssrc;
            return s;
        }
    }
    return NULL;
}

static struct stream *new_stream(struct member *m, const struct pkt *p, usec now, bool *rtx)
{
    struct where w = {0};
    if (!find_place(m, p, &w))
        return NULL;
    struct track *const t = m->track[w.line];
    struct stream *s = t->layer[w.layer];
    *rtx = w.rtx;
    if (s) { /* its RTX companion, or a sender that chose a new SSRC: only the first is believed */
        if (!w.rtx || s->rtx_ssrc)
            return NULL;
        s->rtx_ssrc = p->rtp.ssrc;
        return s;
    }
    if (w.rtx || track_add_layer(t, w.layer, p->rtp.ssrc, ++m->hub->stream_ids) != OK)
        return NULL;
    s = t->layer[w.layer];
    s->rtx_ssrc = m->line[w.line].rtx_ssrc[w.layer];
    if (m->room->state.record)
        member_tap_open(m, s, now);
    return s;
}

/* A stream that was silent flows: it is offered to viewers. */
static void goes_live(struct member *m, struct stream *s, usec now)
{
    struct track *const t = s->track;
    uint8_t layers = 0;
    room_offer(m->room, s, now);
    link_offer(m->room, s);
    for (size_t i = 0; i < NEGO_LAYERS; i++)
        if (t->layer[i] && t->layer[i]->live)
            layers++;
    t->up = true;
    hub_say(m->hub, &(struct note){.kind = NOTE_TRACK,
                                   .room = m->room->id,
                                   .member = m->id,
                                   .track = {.source = t->source, .up = true, .layers = layers}});
}

/* A lesson's share of the hub is not one member's to use up: packets are kept for seconds, and the
 * recorder's queue is everybody's. */
static bool sends_too_much(struct member *m, const struct pkt *p)
{
    m->taken += p->len + PACKET_COST;
    if (m->taken <= m->hub->conf.take_bps / 8)
        return false;
    m->hub->stat.too_much += p->len;
    return true;
}

/* A packet as it was before RTX or RED. False: it had come, or is not usable. */
static bool take(struct member *m, struct stream *s, usec now, struct pkt *p)
{
    struct hub *const h = m->hub;
    if (!stream_input(s, now, p)) {
        h->stat.duplicates++;
        return false;
    }
    if (!press_takes(s, now, p)) {
        h->stat.pressed++;
        return false;
    }
    stream_keep(s, now, p);
    if (!s->live)
        goes_live(m, s, now);
    room_rtp(m->room, s, p, now);
    if (s->track->audio)
        room_listen(m->room, now);
    return true;
}

/* What was lost and comes again in this packet goes before it: viewers see no hole, and nobody asks
 * for it. */
static bool undo_red(struct member *m, struct stream *s, usec now, struct pkt *p)
{
    struct red r;
    if (!red_undo(p, m->line[s->track->line].pt, &r)) {
        m->hub->stat.red_bad++;
        return false;
    }
    for (size_t i = 0; i + 1 < r.n; i++) {
        const uint32_t ts = p->rtp.ts - r.block[i].back;
        struct pkt *q = stream_lacks(s, red_seq(p, &r, i), ts) ? red_recover(p, &r, i) : NULL;
        if (q && !sends_too_much(m, q) && take(m, s, now, q))
            m->hub->stat.red_filled++;
        pkt_unref(&q);
    }
    return true;
}

static void rtp_input(struct member *m, usec now, struct pkt *p)
{
    struct hub *const h = m->hub;
    bool rtx = false;
    h->stat.rtp_in++;
    m->media_ssrc = p->rtp.ssrc;
    if (m->arrival) { /* every packet counts, also those that are dropped below */
        size_t len = 0;
        const uint8_t *const v = rtp_ext_find(p, m->twcc_id, &len);
        if (v && len >= 2)
            arrival_input(m->arrival, now, be16(v));
    }
    if (sends_too_much(m, p))
        return;
    struct stream *s = known_stream(m, p->rtp.ssrc, &rtx);
    if (!s)
        s = new_stream(m, p, now, &rtx);
    if (!s) {
        h->stat.no_stream++;
        return;
    }
    const struct line *const line = &m->line[s->track->line];
    if (rtx && !rtp_undo_rtx(p, s->ssrc, line->pt))
        return; /* padding that probes the way */
    if (line->red_pt && p->rtp.pt == line->red_pt && !undo_red(m, s, now, p))
        return;
    (void)take(m, s, now, p);
}

static void tell(struct member *m, enum member_state state)
{
    if (m->told == state)
        return;
    m->told = (uint8_t)state;
    hub_say(m->hub, &(struct note){.kind = NOTE_MEMBER,
                                   .room = m->room->id,
                                   .member = m->id,
                                   .state = (uint8_t)state});
}

void member_input(struct member *m, usec now, struct pkt *p, struct outq *out)
{
    switch (peer_input(m->peer, now, p, out)) {
    case PEER_IN_NOTHING:
        break;
    case PEER_IN_RTP:
        rtp_input(m, now, p);
        break;
    case PEER_IN_RTCP:
        feedback_input(m, now, p->data, p->len);
        break;
    }
    if (m->told == MEMBER_CONNECTING && peer_state(m->peer, now) == PEER_OPEN) {
        tell(m, MEMBER_OPEN);
        room_route_member(m->room, m, now);
    }
}

void member_saw_key(struct member *m, usec now)
{
    if (m->saw_key)
        return;
    m->saw_key = true;
    hub_say(m->hub, &(struct note){.kind = NOTE_FIRST,
                                   .room = m->room->id,
                                   .member = m->id,
                                   .took_us = (uint32_t)(now - m->since)});
}

/* True if a layer fell silent. */
static bool silence_layers(struct track *t, usec now)
{
    bool changed = false;
    for (size_t k = 0; k < NEGO_LAYERS; k++) {
        struct stream *const s = t->layer[k];
        if (!s)
            continue;
        stream_expire(s, now);
        press_tick(s, now);
        if (s->live && !t->audio && now - s->last_at > STREAM_SILENT) {
            s->live = false;
            changed = true;
        }
        link_live(t->room, s);
    }
    return changed;
}

/* A recording can be sought only to key frames, and a sender may go without one for an hour. */
static void ask_for_recording(struct track *t, usec now)
{
    for (size_t k = 0; !t->audio && k < NEGO_LAYERS; k++) {
        const struct stream *const s = t->layer[k];
        if (s && s->live && s->has_key && now - s->key_at >= RECORD_KEY)
            track_want_key(t, s);
    }
}

static void watch_layers(struct member *m, usec now)
{
    for (size_t i = 0; i < m->lines; i++) {
        struct track *const t = m->track[i];
        if (t && m->room->state.record)
            ask_for_recording(t, now);
        if (t && silence_layers(t, now))
            room_layers(t, now);
    }
}

static bool watch_presence(struct member *m, usec now)
{
    const enum peer_state state = peer_state(m->peer, now);
    const usec heard = usec_max(peer_heard(m->peer), m->since);
    /* Checks that are answered keep a handshake that never ends from nothing else. */
    const bool hangs = m->told == MEMBER_CONNECTING && now - m->since >= GONE_AFTER;
    if (state == PEER_CLOSED || state == PEER_FAILED || now - heard >= GONE_AFTER || hangs) {
        tell(m, MEMBER_GONE);
        return false;
    }
    /* A mere viewer may have nothing to say for seconds. */
    if (state == PEER_OPEN && m->publishes)
        tell(m, now - heard >= AWAY_AFTER ? MEMBER_AWAY : MEMBER_OPEN);
    return true;
}

bool member_tick(struct member *m, usec now, struct outq *out)
{
    if (peer_next(m->peer) <= now)
        peer_tick(m->peer, now, out);
    if (!watch_presence(m, now))
        return false;
    if (now >= m->expire_at) {
        m->expire_at = on_grid(now + EXPIRE_EVERY);
        watch_layers(m, now);
    }
    for (size_t i = 0; m->budget && i < m->lines; i++)
        if (m->sub[i])
            bundle_tick(m->sub[i], now);
    feedback_tick(m, now, out);
    budget_tick(m, now);
    if (now >= m->report_at) {
        m->report_at = on_grid(now + REPORT_EVERY);
        feedback_report(m, now, out);
    }
    return true;
}

static usec presence_next(const struct member *m)
{
    const usec heard = usec_max(peer_heard(m->peer), m->since);
    const usec away = heard + AWAY_AFTER;
    if (m->told == MEMBER_CONNECTING)
        return m->since + GONE_AFTER;
    return m->publishes && m->told == MEMBER_OPEN ? away : heard + GONE_AFTER;
}

usec member_next(const struct member *m, usec now)
{
    usec at = usec_min(peer_next(m->peer), usec_min(m->report_at, m->expire_at));
    at = usec_min(at, presence_next(m));
    at = usec_min(at, usec_min(feedback_next(m), budget_next(m)));
    for (size_t i = 0; m->budget && i < m->lines; i++)
        if (m->sub[i])
            at = usec_min(at, bundle_next(m->sub[i]));
    if (!m->dirty)
        at = usec_min(at, pacer_next(&m->pacer, now));
    return at;
}

void member_slots(struct member *m, const struct slot slots[NEGO_MEDIA], usec now)
{
    for (size_t i = 0; i < NEGO_MEDIA; i++) {
        struct sub *const s = m->sub[i];
        if (!s || m->line[i].audio)
            continue;
        s->slot = slots[i];
        if (s->track)
            sub_choose(s, now);
    }
    room_route_member(m->room, m, now);
}
