#include "relay/media/room.h"

#include "relay/media/forward.h"
#include "relay/media/hub.h"
#include "relay/media/link.h"
#include "relay/media/member.h"

#include <stdlib.h>

#define LISTEN_EVERY (200 * USEC_MS)

static bool room_is_home(const struct room *r)
{
    return r->home == r->hub->conf.self;
}

enum err room_new(struct room **rp, struct hub *hub, room_id id, uint8_t home)
{
    struct room *const r = calloc(1, sizeof *r);
    if (!r)
        return E_NOMEM;
    r->id = id;
    r->hub = hub;
    r->home = home;
    r->state.floor_site = SITE_NONE;
    r->loudest = SITE_NONE;
    r->speaking = SITE_NONE;
    *rp = r;
    return OK;
}

void room_free(struct room **r, usec now)
{
    if (!*r)
        return;
    assert(!(*r)->members);
    if (!room_is_home(*r))
        link_leave(*r, now);
    free(*r);
    *r = NULL;
}

/* The main picture of a site. */
static struct track *picture_of(const struct room *r, uint8_t site)
{
    if (site >= SITES_MAX)
        return NULL;
    return r->track[site][site == SITE_LEAD ? SRC_CAMERA : SRC_CLASS];
}

/* Who is on the floor's line: the holder; without one, in interactive mode, who speaks. */
static uint8_t floor_of(const struct room *r)
{
    if (r->state.floor_site != SITE_NONE)
        return r->state.floor_site;
    return r->state.mode == MODE_INTERACT ? r->loudest : SITE_NONE;
}

static struct track *picture_for(const struct room *r, const struct member *m,
                                 const struct slot *slot)
{
    uint8_t site = SITE_NONE;
    switch ((enum slot_kind)slot->kind) {
    case SLOT_OFF:
        return NULL;
    case SLOT_SOURCE:
        return m->site == SITE_LEAD || slot->source >= SRC_COUNT
                   ? NULL
                   : r->track[SITE_LEAD][slot->source];
    case SLOT_SITE:
        site = slot->site;
        break;
    case SLOT_FLOOR:
        site = floor_of(r);
        break;
    }
    /* Nobody's own picture comes back over a thin link. */
    return site == m->site ? NULL : picture_of(r, site);
}

/* May this listener hear that point? The lead hears every point; the others who has the floor,
 * and in interactive mode everybody (domain: lecture mode mutes the receivers). */
static bool may_hear(const struct room *r, const struct member *m, uint8_t site)
{
    if (site == m->site || !r->track[site][SRC_VOICE])
        return false;
    return m->site == SITE_LEAD || site == r->state.floor_site || r->state.mode == MODE_INTERACT;
}

struct voices {
    uint8_t site[NEGO_MEDIA]; /* who is heard, most important first */
    size_t n;
};

static void add_voice(const struct room *r, const struct member *m, uint8_t site, size_t cap,
                      struct voices *v)
{
    if (site >= SITES_MAX || v->n == cap || !may_hear(r, m, site))
        return;
    for (size_t i = 0; i < v->n; i++)
        if (v->site[i] == site)
            return;
    v->site[v->n++] = site;
}

/* The floor, then who speaks, then the others in their order, as many as there are lines. */
static struct voices voices_for(const struct room *r, const struct member *m, size_t lines)
{
    struct voices v = {0};
    add_voice(r, m, r->state.floor_site, lines, &v);
    add_voice(r, m, r->loudest, lines, &v);
    for (uint8_t site = SITE_LEAD + 1; site < SITES_MAX && v.n < lines; site++)
        add_voice(r, m, site, lines, &v);
    return v;
}

static bool take_voice(struct voices *v, uint8_t site)
{
    for (size_t i = 0; i < v->n; i++) {
        if (v->site[i] != site)
            continue;
        v->site[i] = SITE_NONE;
        return true;
    }
    return false;
}

struct lines {
    struct sub *sub[NEGO_MEDIA]; /* audio lines but the first */
    size_t n;
};

/* The first line is the lead's voice at once; the others are collected. */
static struct lines voice_lines(const struct room *r, struct member *m, usec now)
{
    struct lines l = {0};
    for (size_t i = 0; i < NEGO_MEDIA; i++) {
        struct sub *const s = m->sub[i];
        if (!s || !m->line[i].audio)
            continue;
        if (s->voice == 0)
            sub_attach(s, m->site == SITE_LEAD ? NULL : r->track[SITE_LEAD][SRC_VOICE], now);
        else
            l.sub[l.n++] = s;
    }
    return l;
}

static struct track *next_voice(const struct room *r, struct voices *v)
{
    for (size_t i = 0; i < v->n; i++) {
        const uint8_t site = v->site[i];
        if (site == SITE_NONE)
            continue;
        v->site[i] = SITE_NONE;
        return r->track[site][SRC_VOICE];
    }
    return NULL;
}

/* A voice that is on a line already stays there; the free lines take the others. */
static void route_voices(struct room *r, struct member *m, usec now)
{
    const struct lines l = voice_lines(r, m, now);
    struct voices v = voices_for(r, m, l.n);
    for (size_t i = 0; i < l.n; i++) {
        const struct track *const t = l.sub[i]->track;
        if (!t || r->track[t->site][SRC_VOICE] != t || !take_voice(&v, t->site))
            sub_attach(l.sub[i], NULL, now);
    }
    for (size_t i = 0; i < l.n; i++)
        if (!l.sub[i]->track)
            sub_attach(l.sub[i], next_voice(r, &v), now);
}

/* Packets of a codec that the line does not speak would be noise. */
static struct track *fit(const struct member *m, size_t line, struct track *t)
{
    const struct line *const l = &m->line[line];
    return t && (t->codec == l->codec || (t->codec == NEGO_VP9 && l->vp9_pt)) ? t : NULL;
}

void room_route_member(struct room *r, struct member *m, usec now)
{
    if (!peer_seal(m->peer))
        return; /* half open: nothing is queued for it and nobody is asked for key frames */
    route_voices(r, m, now);
    for (size_t i = 0; i < NEGO_MEDIA; i++) {
        struct sub *const s = m->sub[i];
        if (s && !m->line[i].audio)
            sub_attach(s, fit(m, i, picture_for(r, m, &s->slot)), now);
    }
}

void room_route(struct room *r, usec now)
{
    for (struct member *m = r->members; m; m = m->next)
        room_route_member(r, m, now);
}

void room_state(struct room *r, const struct cmd_state *s, usec now)
{
    const bool begins = s->record && !r->state.record;
    r->state = *s;
    r->state.record &= room_is_home(r); /* each packet once */
    room_route(r, now);
    if (!begins || !r->state.record)
        return;
    for (size_t site = 0; site < SITES_MAX; site++)
        for (size_t src = 0; src < SRC_COUNT; src++) {
            struct track *const t = r->track[site][src];
            for (size_t i = 0; t && i < NEGO_LAYERS; i++)
                if (t->layer[i])
                    member_tap_open(t->owner, t->layer[i], now);
        }
}

static void publish(struct room *r, struct track *t, usec now)
{
    if (t->site >= SITES_MAX || r->track[t->site][t->source] == t)
        return;
    r->track[t->site][t->source] = t;
    room_route(r, now);
}

void room_layers(struct track *t, usec now)
{
    if (!track_choose(t, 1))
        return;
    burst_finish(t, now);
    for (struct sub *sub = NULL; (sub = track_viewer(t, sub)) != NULL;)
        sub_choose(sub, now);
}

void room_offer(struct room *r, struct stream *s, usec now)
{
    s->live = true;
    publish(r, s->track, now);
    room_layers(s->track, now);
}

void room_withdraw(struct room *r, struct track *t, usec now)
{
    if (t->site < SITES_MAX && r->track[t->site][t->source] == t)
        r->track[t->site][t->source] = NULL;
    for (struct sub *sub; (sub = track_viewer(t, NULL)) != NULL;)
        sub_attach(sub, NULL, now);
}

void room_rtp(struct room *r, struct stream *s, struct pkt *p, usec now)
{
    if (r->state.record && !s->tapped) /* the queue was full when it began */
        member_tap_open(s->track->owner, s, now);
    if (r->state.record)
        hub_lend(r->hub,
                 &(struct tap_msg){
                     .kind = TAP_RTP, .room = r->id, .track = s->id, .at = now, .pkt = pkt_ref(p)});
    link_rtp(r, s, p);
    burst_input(s, p, now);
}

static struct stream *layer_numbered(const struct track *t, uint16_t number)
{
    for (size_t i = 0; t && i < NEGO_LAYERS; i++)
        if (t->layer[i] && (uint16_t)t->layer[i]->id == number)
            return t->layer[i];
    return NULL;
}

struct stream *room_stream_numbered(const struct room *r, uint16_t number)
{
    for (size_t site = 0; site < SITES_MAX; site++)
        for (size_t src = 0; src < SRC_COUNT; src++) {
            struct stream *const s = layer_numbered(r->track[site][src], number);
            if (s)
                return s;
        }
    return NULL;
}

/* Who is heard right now. The lead speaks most of the lesson: a point that is heard is the news. */
static void say_speaker(struct room *r, struct speaker *const points[SITES_MAX], usec now)
{
    struct track *const lead = r->track[SITE_LEAD][SRC_VOICE];
    struct speaker *const voice = lead ? &lead->speaker : NULL;
    const int point = speaker_loudest(points, SITES_MAX, -1, now);
    uint8_t who = SITE_NONE;
    if (point >= 0)
        who = (uint8_t)point;
    else if (speaker_loudest(&voice, 1, -1, now) == 0)
        who = SITE_LEAD;
    if (who == r->speaking)
        return;
    r->speaking = who;
    if (!room_is_home(r)) /* said there */
        return;
    hub_say(r->hub, &(struct note){.kind = NOTE_SPEAK, .room = r->id, .site = who});
}

void room_listen(struct room *r, usec now)
{
    if (now < r->speaker_at)
        return;
    r->speaker_at = now + LISTEN_EVERY;

    struct speaker *voice[SITES_MAX] = {0};
    for (size_t site = SITE_LEAD + 1; site < SITES_MAX; site++)
        if (r->track[site][SRC_VOICE])
            voice[site] = &r->track[site][SRC_VOICE]->speaker;
    const int was = r->loudest == SITE_NONE ? -1 : r->loudest;
    const int is = speaker_loudest(voice, SITES_MAX, was, now);
    if (is != was) {
        r->loudest = is < 0 ? SITE_NONE : (uint8_t)is;
        room_route(r, now);
    }
    say_speaker(r, voice, now);
}
