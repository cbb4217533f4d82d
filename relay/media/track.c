#include "relay/media/track.h"

#include "engine/wire/video.h"
#include "relay/media/forward.h"
#include "relay/media/hub.h"
#include "relay/media/link.h"
#include "relay/media/member.h"
#include "relay/media/room.h"

#include <stdlib.h>

#define PLI_GAP USEC_SEC
#define LACK_OLD (10 * USEC_SEC) /* browsers report on a voice each 5 s */
#define REPAIR_DEADLINE (1500 * USEC_MS)
#define HIST_KEEP (6 * USEC_SEC)
#define WIRE_EXTRA 44 /* IP, UDP and SRTP around a packet of RTP */
#define HIST_PROBES 8 /* packets that a still picture keeps: viewers' ways are tried with them */
#define HIST_KEEP_TIGHT (1500 * USEC_MS) /* what is asked for is rarely older */
#define KEY_FRESH                                                                                  \
    (1200 * USEC_MS) /* longer than PLI_GAP: a late comer never waits for the gate                 \
                      */

static enum err make(struct track **tp, struct room *room, enum nego_codec codec)
{
    struct track *const t = calloc(1, sizeof *t);
    if (!t)
        return E_NOMEM;
    t->room = room;
    t->codec = codec;
    t->audio = codec == NEGO_OPUS;
    t->clock_rate = t->audio ? 48000 : 90000;
    kfgate_init(&t->gate, PLI_GAP);
    speaker_init(&t->speaker);
    *tp = t;
    return OK;
}

enum err track_new(struct track **tp, struct member *owner, uint8_t line, uint8_t source)
{
    const struct line *const m = &owner->line[line];
    struct track *t = NULL;
    const enum err e = make(&t, owner->room, m->codec);
    if (e)
        return e;
    t->owner = owner;
    t->id = ++owner->hub->stream_ids;
    t->site = owner->site;
    t->source = source;
    t->line = line;
    t->capture_id = m->ext.id[RTP_EXT_ABS_CAPTURE];
    t->level_id = m->ext.id[RTP_EXT_AUDIO_LEVEL];
    t->deps_id = m->ext.id[RTP_EXT_DEPDESC];
    *tp = t;
    return OK;
}

enum err track_mirror(struct track **tp, struct room *room, const struct link_track *like)
{
    struct track *t = NULL;
    const enum err e = make(&t, room, (enum nego_codec)like->codec);
    if (e)
        return e;
    t->id = like->id;
    t->site = like->site;
    t->source = like->source;
    t->capture_id = like->capture_id;
    *tp = t;
    return OK;
}

void track_free(struct track **tp)
{
    struct track *const t = *tp;
    if (!t)
        return;
    assert(!t->subs && !t->watchers);
    for (size_t i = 0; i < NEGO_LAYERS; i++) {
        if (!t->layer[i])
            continue;
        burst_drop(t->layer[i]);
        hist_fini(&t->layer[i]->hist);
        free(t->layer[i]->deps);
        free(t->layer[i]);
    }
    free(t);
    *tp = NULL;
}

/* Who speaks after a pause needs the room at once; a picture's rate is its average, and slides are
 * still most of the time. */
static void init_meters(struct stream *s)
{
    const struct track *const t = s->track;
    const bool still = t->source == SRC_SLIDES || t->source == SRC_BOARD;
    const usec window = still ? 8 * USEC_SEC : 500 * USEC_MS;
    for (size_t i = 0; i < TRACK_SIDS; i++)
        for (size_t k = 0; k < TRACK_TIDS; k++)
            meter_init(&s->rate[i][k], window, t->audio ? 0 : 1, t->audio ? 5 : 2);
}

enum err track_add_layer(struct track *t, uint8_t layer, uint32_t ssrc, uint32_t id)
{
    assert(layer < NEGO_LAYERS && !t->layer[layer]);
    struct stream *const s = calloc(1, sizeof *s);
    if (!s)
        return E_NOMEM;
    s->track = t;
    s->id = id;
    s->ssrc = ssrc;
    s->layer = layer;
    init_meters(s);
    recvstat_init(&s->stat, ssrc, t->clock_rate);
    nack_init(&s->nack, REPAIR_DEADLINE);
    clockmap_init(&s->clock, t->clock_rate);
    s->deps = t->deps_id ? calloc(1, sizeof *s->deps) : NULL;
    enum err e = hist_init(&s->hist, t->audio ? TRACK_VOICE_HIST : TRACK_VIDEO_HIST);
    if (!e && t->deps_id && !s->deps)
        e = E_NOMEM;
    if (e) {
        hist_fini(&s->hist);
        free(s->deps);
        free(s);
        return e;
    }
    t->layer[layer] = s;
    return OK;
}

/* What the dependency descriptor says counts. Of a packet without one that can be read, because its
 * structure was lost or it is nonsense, the payload's descriptor stands. */
static void read_deps(struct stream *s, struct pkt *p, struct video_desc *d)
{
    struct hub_stat *const stat = &s->track->room->hub->stat;
    size_t len = 0;
    const uint8_t *const ext = rtp_ext_find(p, s->track->deps_id, &len);
    p->rtp.deps = ext && video_desc_deps(s->deps, ext, len, p->rtp.ext_seq, d);
    stat->deps += p->rtp.deps;
    stat->deps_bad += ext && !p->rtp.deps;
}

/* Frame start, key frame, layers: read once, for all viewers. */
static bool describe_video(struct stream *s, struct pkt *p)
{
    struct video_desc d;
    p->rtp.deps = false;
    if (!forward_desc(s, p, &d))
        return false;
    if (s->deps)
        read_deps(s, p, &d);
    video_note(&p->rtp, &d);
    p->rtp.vp9 = s->track->codec == NEGO_VP9;
    return true;
}

static void take_key(struct stream *s, usec now, const struct pkt *p)
{
    if (s->has_key && (int32_t)(p->rtp.ext_seq - s->key_seq) <= 0)
        return;
    s->has_key = true;
    s->key_seq = p->rtp.ext_seq;
    s->key_ts = p->rtp.ts;
    s->key_at = now;
    s->key_bytes = 0;
    s->track->wanted &= (uint8_t) ~(1u << s->layer);
    if (!s->track->wanted)
        kfgate_served(&s->track->gate);
}

static void note_key(struct stream *s, usec now, struct pkt *p)
{
    if (p->rtp.key)
        take_key(s, now, p);
    else
        p->rtp.key = s->has_key && p->rtp.ts == s->key_ts; /* the rest of a key frame */
}

/* By the time of arrival: what a link has held back comes all at once. */
static void measure(struct stream *s, const struct pkt *p)
{
    const size_t bytes = p->len + (size_t)WIRE_EXTRA;
    const size_t sid = size_min(p->rtp.sid, TRACK_SIDS - 1);
    meter_add(&s->rate[sid][size_min(p->rtp.tid, TRACK_TIDS - 1)], p->at, bytes);
    s->sid_at[sid] = p->at;
    if (s->track->audio)
        meter_add(&s->rate[0][1], p->at, 1);
    if (p->rtp.key)
        s->key_bytes += (uint32_t)bytes;
}

static void note_level(struct track *t, usec now, struct pkt *p)
{
    size_t len = 0;
    const uint8_t *const v = t->level_id ? rtp_ext_find(p, t->level_id, &len) : NULL;
    if (!v || len < 1)
        return;
    p->rtp.level_db = v[0] & 0x7f;
    speaker_input(&t->speaker, now, p->rtp.level_db);
}

bool stream_input(struct stream *s, usec now, struct pkt *p)
{
    if (!recvstat_input(&s->stat, now, &p->rtp, p->len, &p->rtp.ext_seq))
        return false;
    nack_input(&s->nack, now, p->rtp.ext_seq, p->rtp.repaired);
    if (p->rtp.payload_len == 0)
        return true;
    if (!s->track->audio)
        return describe_video(s, p);
    note_level(s->track, now, p);
    return true;
}

bool stream_lacks(const struct stream *s, uint16_t seq, uint32_t ts)
{
    uint32_t ext_seq = 0;
    if (!recvstat_misses(&s->stat, seq, &ext_seq))
        return false;
    const struct pkt *const before = hist_get(&s->hist, ext_seq - 1);
    const struct pkt *const after = hist_get(&s->hist, ext_seq + 1);
    return (!before || ts_diff(ts, before->rtp.ts) > 0) &&
           (!after || ts_diff(after->rtp.ts, ts) > 0);
}

void stream_keep(struct stream *s, usec now, struct pkt *p)
{
    s->last_at = now;
    s->last_ts = p->rtp.ts;
    if (!s->track->audio && p->rtp.payload_len > 0)
        note_key(s, now, p);
    measure(s, p);
    hist_put(&s->hist, p);
}

void stream_mirror(struct stream *s, usec now, struct pkt *p)
{
    s->last_at = now;
    s->last_ts = p->rtp.ts;
    if (s->track->audio && p->rtp.level_db <= 127)
        speaker_input(&s->track->speaker, now, p->rtp.level_db);
    if (p->rtp.key && p->rtp.start)
        take_key(s, p->at, p);
    measure(s, p);
    hist_put(&s->hist, p);
}

bool stream_fresh_key(const struct stream *s, usec now)
{
    return s->has_key && now - s->key_at <= KEY_FRESH && hist_get(&s->hist, s->key_seq) != NULL;
}

void stream_expire(struct stream *s, usec now)
{
    const bool tight = press_is_tight(s);
    hist_expire(&s->hist, now - (tight ? HIST_KEEP_TIGHT : HIST_KEEP),
                tight || s->track->audio ? 0 : HIST_PROBES);
}

struct stream *track_choose(const struct track *t, uint8_t layers)
{
    struct stream *best = NULL;
    for (size_t i = 0; i < NEGO_LAYERS; i++) {
        struct stream *const s = t->layer[i];
        if (s && s->live && (!best || i < layers))
            best = s;
    }
    return best;
}

uint32_t stream_bps(const struct stream *s, uint8_t sid, uint8_t tid)
{
    uint32_t sum = 0;
    for (size_t i = 0; i <= sid && i < TRACK_SIDS; i++)
        for (size_t k = 0; k <= tid && k < TRACK_TIDS; k++)
            sum += meter_bps(&s->rate[i][k]);
    return sum;
}

bool stream_has(const struct stream *s, uint8_t sid)
{
    if (s->deps && s->deps->sids && sid >= s->deps->sids)
        return false; /* its sender has stopped it, and said so */
    return sid == 0 ||
           (sid < TRACK_SIDS && s->sid_at[sid] > 0 && s->last_at - s->sid_at[sid] <= STREAM_SILENT);
}

bool stream_flows(const struct stream *s)
{
    return s && (s->live || s->press.flows);
}

bool track_still(const struct track *t)
{
    return t->source == SRC_SLIDES || t->source == SRC_BOARD;
}

enum track_rank track_rank(const struct stream *s)
{
    const struct track *const t = s->track;
    bool below = false;
    bool above = false;
    for (size_t i = 0; i < NEGO_LAYERS; i++) {
        below |= i < s->layer && stream_flows(t->layer[i]);
        above |= i > s->layer && stream_flows(t->layer[i]);
    }
    if (t->audio)
        return TRACK_VOICE;
    if (!above)
        return TRACK_TOP;
    return below ? TRACK_MIDDLE : TRACK_LOWEST;
}

struct sub *track_viewer(const struct track *t, const struct sub *s)
{
    if (!s)
        return t->subs ? t->subs : t->watchers;
    if (s->next || sub_watches(s))
        return s->next;
    return t->watchers;
}

double track_lack(const struct track *t, usec now)
{
    const bool told = t->owner && now - t->lack_at < LACK_OLD;
    double worst = told ? t->lack_away : 0;
    for (const struct sub *s = t->subs; s; s = s->next)
        if (now - s->lack_at < LACK_OLD && (double)s->lack > worst)
            worst = (double)s->lack;
    return worst;
}

void track_want_key(struct track *t, const struct stream *s)
{
    if (t->audio || press_is_hard(s))
        return;
    if (!t->owner) {
        link_want_key(t, s);
        return;
    }
    t->wanted |= (uint8_t)(1u << s->layer);
    kfgate_want(&t->gate);
    hub_due(t->room->hub, t->owner, t->room->hub->now);
}
