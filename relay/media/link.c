#include "relay/media/link.h"

#include "relay/media/forward.h"
#include "relay/media/hub.h"
#include "relay/media/room.h"
#include "relay/media/track.h"

#include <stdlib.h>

#define LACK_EVERY USEC_SEC
#define LACK_WORST (3 * USEC_SEC) /* so long the worst that was told stands against better */

enum err link_init(struct link *l, uint64_t seed)
{
    *l = (struct link){.queue = calloc(LINK_QUEUE, sizeof(struct link_msg)),
                       .aliases = pkt_alias_pool_new(LINK_ALIASES)};
    table_init(&l->streams, sizeof(uint32_t), seed);
    if (l->queue && l->aliases)
        return OK;
    link_fini(l);
    return E_NOMEM;
}

/* A message that will not be delivered any more. */
static void let_go(struct link_msg *m)
{
    if (m->kind == LINK_RTP)
        pkt_unref(&m->pkt);
}

static struct link_msg *at(const struct link *l, size_t i)
{
    return &l->queue[(l->head + i) & (LINK_QUEUE - 1)];
}

void link_fini(struct link *l)
{
    for (size_t i = 0; i < l->n; i++)
        let_go(at(l, i));
    if (l->aliases) {
        for (struct pkt *p; (p = pkt_pool_spent(l->aliases)) != NULL;)
            pkt_unref(&p);
        pkt_pool_free(&l->aliases);
    }
    table_fini(&l->streams);
    free(l->queue);
    *l = (struct link){0};
}

static bool put(struct link *l, const struct link_msg *m)
{
    if (l->n == LINK_QUEUE)
        return false;
    *at(l, l->n++) = *m;
    return true;
}

bool link_next(struct hub *h, size_t to, struct link_msg *m)
{
    struct link *const l = &h->link[to];
    if (!l->n)
        return false;
    *m = *at(l, 0);
    l->head = (l->head + 1) & (LINK_QUEUE - 1);
    l->n--;
    return true;
}

struct pkt *link_spent(struct hub *h, size_t to)
{
    struct link *const l = &h->link[to];
    return l->aliases ? pkt_pool_spent(l->aliases) : NULL;
}

void link_lost(const struct hub *h, size_t to, uint64_t *frames, uint64_t *packets)
{
    *frames += h->link[to].frames_lost;
    *packets += h->link[to].packets_lost;
}

/* ---- the home's side */

/* Messages about what there is are few and must arrive: the last part of a queue is theirs. */
#define RESERVED (LINK_QUEUE / 8)

/* How full a queue may be for a frame of this stream to begin. */
static size_t limit_of(const struct stream *s)
{
    static const size_t limits[] = {[TRACK_LOWEST] = LINK_QUEUE * 3 / 8,
                                    [TRACK_MIDDLE] = LINK_QUEUE / 2,
                                    [TRACK_TOP] = LINK_QUEUE * 5 / 8,
                                    [TRACK_VOICE] = LINK_QUEUE - RESERVED};
    return limits[track_rank(s)];
}

/* True: the packet is left out. From a frame that finds no place until the next key frame that
 * does: what lies between could not be shown. */
static bool holds_back(const struct link *l, struct stream *s, const struct pkt *p, uint32_t bit)
{
    const size_t limit = limit_of(s);
    if (s->track->audio)
        return l->n >= limit;
    const bool starts = p->rtp.start;
    if (starts && l->n >= limit)
        s->held |= bit;
    else if (starts && p->rtp.key)
        s->held &= ~bit;
    if (l->n >= LINK_QUEUE - RESERVED)
        s->held |= bit;
    return (s->held & bit) != 0;
}

static void send_rtp(struct room *r, size_t to, struct stream *s, struct pkt *p)
{
    struct link *const l = &r->hub->link[to];
    if (holds_back(l, s, p, 1u << to)) {
        l->packets_lost++;
        l->frames_lost += p->rtp.start;
        if (p->rtp.start && l->n < limit_of(s) && !p->rtp.key)
            track_want_key(s->track, s);
        return;
    }
    (void)put(
        l, &(struct link_msg){.kind = LINK_RTP, .room = r->id, .stream = s->id, .pkt = pkt_ref(p)});
}

void link_rtp(struct room *r, struct stream *s, struct pkt *p)
{
    for (uint32_t left = r->links; left; left &= left - 1)
        send_rtp(r, (size_t)__builtin_ctz(left), s, p);
}

static void tell_one(const struct room *r, struct link *l, const struct link_msg *m)
{
    if (!put(l, m))
        r->hub->stat.links_full++;
}

/* To every hub that has viewers of the room. */
static void tell(struct room *r, const struct link_msg *m)
{
    for (uint32_t left = r->links; left; left &= left - 1)
        tell_one(r, &r->hub->link[__builtin_ctz(left)], m);
}

static void tell_track(const struct room *r, struct link *l, const struct track *t)
{
    const struct link_msg m = {.kind = LINK_TRACK,
                               .room = r->id,
                               .track = {.id = t->id,
                                         .site = t->site,
                                         .source = t->source,
                                         .codec = (uint8_t)t->codec,
                                         .capture_id = t->capture_id}};
    tell_one(r, l, &m);
}

static void tell_layer(const struct room *r, struct link *l, const struct stream *s)
{
    const struct link_msg m = {
        .kind = LINK_LAYER,
        .room = r->id,
        .stream = s->id,
        .layer = {.track = s->track->id, .ssrc = s->ssrc, .layer = s->layer}};
    tell_one(r, l, &m);
}

void link_offer(struct room *r, const struct stream *s)
{
    for (uint32_t left = r->links; left; left &= left - 1) {
        struct link *const l = &r->hub->link[__builtin_ctz(left)];
        tell_track(r, l, s->track);
        tell_layer(r, l, s);
    }
    link_live(r, s);
}

static struct link_msg sr_of(const struct room *r, const struct stream *s)
{
    return (struct link_msg){.kind = LINK_SR,
                             .room = r->id,
                             .stream = s->id,
                             .sr = {.ntp = s->clock.ntp, .at = s->stat.sr_at, .ts = s->clock.ts}};
}

void link_sr(struct room *r, const struct stream *s)
{
    const struct link_msg m = sr_of(r, s);
    tell(r, &m);
}

void link_live(struct room *r, const struct stream *s)
{
    tell(r, &(struct link_msg){.kind = LINK_LIVE, .room = r->id, .stream = s->id, .live = s->live});
}

void link_end(struct room *r, const struct track *t)
{
    tell(r, &(struct link_msg){.kind = LINK_END, .room = r->id, .track = {.id = t->id}});
}

/* A hub that joins late gets what a viewer who joins late gets: the fresh group of pictures. */
static void catch_up(struct room *r, size_t to, struct stream *s, usec now)
{
    struct link *const l = &r->hub->link[to];
    const struct link_msg sr = sr_of(r, s);
    s->held &= ~(1u << to);
    tell_layer(r, l, s);
    tell_one(
        r, l,
        &(struct link_msg){.kind = LINK_LIVE, .room = r->id, .stream = s->id, .live = s->live});
    if (s->clock.known)
        tell_one(r, l, &sr);
    if (s->track->audio || !stream_fresh_key(s, now))
        return;
    for (uint32_t e = s->key_seq; (int32_t)(s->hist.highest - e) >= 0; e++) {
        struct pkt *const p = hist_get(&s->hist, e);
        if (p)
            send_rtp(r, to, s, p);
    }
}

static void take_join(struct hub *h, usec now, size_t from, room_id id)
{
    struct room *const r = hub_room(h, id); /* this hub may hear of it later than the other */
    if (!r || r->links & 1u << from)
        return;
    r->links |= 1u << from;
    for (size_t site = 0; site < SITES_MAX; site++)
        for (size_t src = 0; src < SRC_COUNT; src++) {
            struct track *const t = r->track[site][src];
            if (t)
                tell_track(r, &h->link[from], t);
            for (size_t i = 0; t && i < NEGO_LAYERS; i++)
                if (t->layer[i])
                    catch_up(r, from, t->layer[i], now);
        }
}

static void take_leave(struct hub *h, size_t from, room_id id)
{
    struct room *const r = table_get(&h->rooms, &id);
    if (!r)
        return;
    r->links &= ~(1u << from);
    hub_room_unused(h, r);
}

static void take_key(struct hub *h, room_id id, uint32_t stream)
{
    struct room *const r = table_get(&h->rooms, &id);
    struct stream *const s = r ? room_stream_numbered(r, (uint16_t)stream) : NULL;
    if (s)
        track_want_key(s->track, s);
}

/* The worst of all hubs, until it is old. */
static void take_lack(struct hub *h, usec now, const struct link_msg *m)
{
    struct room *const r = table_get(&h->rooms, &m->room);
    struct stream *const s = r ? room_stream_numbered(r, (uint16_t)m->stream) : NULL;
    if (!s || (m->lack < s->track->lack_away && now - s->track->lack_at < LACK_WORST))
        return;
    s->track->lack_away = m->lack;
    s->track->lack_at = now;
}

/* ---- the other side */

void link_join(struct room *r)
{
    tell_one(r, &r->hub->link[r->home], &(struct link_msg){.kind = LINK_JOIN, .room = r->id});
}

static struct track *mirror_of(const struct room *r, uint32_t id)
{
    struct track *t = r->mirrors;
    while (t && t->id != id)
        t = t->next_mirror;
    return t;
}

static void end_mirror(struct room *r, struct track *t, usec now)
{
    struct track **p = &r->mirrors;
    while (*p != t)
        p = &(*p)->next_mirror;
    *p = t->next_mirror;
    for (size_t i = 0; i < NEGO_LAYERS; i++)
        if (t->layer[i])
            (void)table_del(&r->hub->link[r->home].streams, &t->layer[i]->id);
    room_withdraw(r, t, now);
    track_free(&t);
}

void link_leave(struct room *r, usec now)
{
    while (r->mirrors)
        end_mirror(r, r->mirrors, now);
    tell_one(r, &r->hub->link[r->home], &(struct link_msg){.kind = LINK_LEAVE, .room = r->id});
}

void link_want_key(struct track *t, const struct stream *s)
{
    const struct room *const r = t->room;
    const uint8_t bit = (uint8_t)(1u << s->layer);
    const struct link_msg m = {.kind = LINK_KEY, .room = r->id, .stream = s->id};
    /* The home repeats the request until the key frame comes, and that clears the bit. */
    if (!(t->wanted & bit) && put(&r->hub->link[r->home], &m))
        t->wanted |= bit;
}

void link_lack(struct track *t, usec now)
{
    const struct room *const r = t->room;
    if (!t->layer[0] || now - t->lack_at < LACK_EVERY)
        return;
    t->lack_at = now;
    tell_one(r, &r->hub->link[r->home],
             &(struct link_msg){.kind = LINK_LACK,
                                .room = r->id,
                                .stream = t->layer[0]->id,
                                .lack = track_lack(t, now)});
}

static void take_track(struct room *r, const struct link_track *like)
{
    struct track *t = NULL;
    if (like->site >= SITES_MAX || like->source >= SRC_COUNT || mirror_of(r, like->id) ||
        track_mirror(&t, r, like) != OK)
        return;
    t->next_mirror = r->mirrors;
    r->mirrors = t;
}

static void take_layer(struct room *r, const struct link_msg *m)
{
    struct track *const t = mirror_of(r, m->layer.track);
    if (!t || m->layer.layer >= NEGO_LAYERS || t->layer[m->layer.layer] ||
        track_add_layer(t, m->layer.layer, m->layer.ssrc, m->stream) != OK)
        return;
    struct stream *const s = t->layer[m->layer.layer];
    if (table_put(&r->hub->link[r->home].streams, &s->id, s) != OK) /* without it nothing comes */
        log_error(r->hub->log, "no memory for a layer of a link", "room=%u", r->id);
}

static void take_live(struct room *r, struct stream *s, bool live, usec now)
{
    stream_expire(s, now);
    if (live && !s->live)
        room_offer(r, s, now);
    if (!live && s->live) {
        s->live = false;
        room_layers(s->track, now);
    }
}

static void take_sr(struct stream *s, const struct link_msg *m)
{
    const bool first = !s->clock.known;
    clockmap_sr(&s->clock, m->sr.ntp, m->sr.ts);
    s->stat.sr_at = m->sr.at;
    for (struct sub *sub = NULL; first && (sub = track_viewer(s->track, sub)) != NULL;)
        sub->sr_due = true;
}

/* The last aliases are the voices'. */
static bool has_alias(const struct link *l, const struct stream *s)
{
    return pkt_pool_left(l->aliases) > (s->track->audio ? 0 : LINK_ALIASES / 16);
}

/* A picture without an alias is left out up to the next key frame that finds one, as at home. */
static bool leaves_out(const struct link *l, struct stream *s, const struct pkt *p)
{
    const bool room = has_alias(l, s);
    if (s->track->audio)
        return !room;
    if (!room) {
        s->held = 1;
        s->track->wanted &= (uint8_t) ~(1u << s->layer); /* or nobody would ask again */
    } else if (s->held && p->rtp.start && p->rtp.key) {
        s->held = 0;
    } else if (s->held && p->rtp.start) {
        track_want_key(s->track, s);
    }
    return s->held != 0;
}

static bool take_rtp(struct hub *h, usec now, size_t from, const struct link_msg *m)
{
    struct link *const l = &h->link[from];
    struct stream *const s = table_get(&l->streams, &m->stream);
    const bool wanted = s && !leaves_out(l, s, m->pkt);
    struct pkt *p = wanted ? pkt_alias(l->aliases, m->pkt) : NULL;
    if (!p) {
        l->packets_lost++;
        return false;
    }
    stream_mirror(s, now, p);
    room_rtp(s->track->room, s, p, now);
    if (s->track->audio)
        room_listen(s->track->room, now);
    pkt_unref(&p);
    return true;
}

static void take_at_mirror(struct hub *h, usec now, size_t from, const struct link_msg *m)
{
    struct room *const r = table_get(&h->rooms, &m->room);
    struct stream *const s = table_get(&h->link[from].streams, &m->stream);
    struct track *const t = r && m->kind == LINK_END ? mirror_of(r, m->track.id) : NULL;
    if (!r || r->home != from)
        return;
    if (m->kind == LINK_TRACK)
        take_track(r, &m->track);
    else if (m->kind == LINK_LAYER)
        take_layer(r, m);
    else if (m->kind == LINK_SR && s)
        take_sr(s, m);
    else if (m->kind == LINK_LIVE && s)
        take_live(r, s, m->live, now);
    else if (t) {
        end_mirror(r, t, now);
        room_route(r, now);
    }
}

bool link_input(struct hub *h, usec now, size_t from, const struct link_msg *m)
{
    h->now = now;
    switch ((enum link_kind)m->kind) {
    case LINK_RTP:
        return take_rtp(h, now, from, m);
    case LINK_JOIN:
        take_join(h, now, from, m->room);
        break;
    case LINK_LEAVE:
        take_leave(h, from, m->room);
        break;
    case LINK_KEY:
        take_key(h, m->room, m->stream);
        break;
    case LINK_LACK:
        take_lack(h, now, m);
        break;
    case LINK_TRACK:
    case LINK_LAYER:
    case LINK_SR:
    case LINK_LIVE:
    case LINK_END:
        take_at_mirror(h, now, from, m);
        break;
    }
    return true;
}
