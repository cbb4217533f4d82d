#include "tests/sim/world.h"

#include "tests/sim/gettimeofday.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LENT_MAX 4096

void world_init(struct world *w, uint8_t seed)
{
    world_init_small(w, seed, 20000);
}

void world_init_small(struct world *w, uint8_t seed, size_t packets)
{
    uint8_t s[32] = {seed};
    *w = (struct world){.now = USEC_SEC, .speaking = SITE_NONE};
    w->log = (struct log){.fd = STDERR_FILENO, .level = LOG_WARN};
    bool ok = rng_init(&w->rng, s) == OK && dtls_cert_new(&w->cert) == OK;
    ok = ok && addr_parse(&w->addr, "10.0.0.1:5000");
    ok = ok && addr_parse(&w->away_addr, "10.0.0.2:5000");
    ok = ok && outq_init(&w->out, 4u << 20, 4096) == OK;
    w->pool = pkt_pool_new(packets);
    w->up = wire_new();
    w->down = wire_new();
    sim_clock_set(w->now);
    struct hub_conf c = {.cert = w->cert,
                         .hubs = 2,
                         .max_members = WORLD_BOTS,
                         .max_lent = size_min(LENT_MAX, packets / 2),
                         .pace_bps = 20000000,
                         .pace_burst = 20000,
                         .take_bps = 40000000};
    rng_bytes(&w->rng, c.seed, sizeof c.seed);
    ok = ok && w->pool && w->up && w->down && hub_new(&w->hub, &c, &w->log) == OK;
    c.self = 1;
    rng_bytes(&w->rng, c.seed, sizeof c.seed);
    ok = ok && hub_new(&w->away, &c, &w->log) == OK;
    assert(ok);
    w->self = (struct nego_self){
        .fingerprint = dtls_cert_fingerprint(w->cert), .lite = true, .cand = {w->addr}, .cands = 1};
    world_command(w, &(struct cmd){.kind = CMD_ROOM_OPEN, .room = WORLD_ROOM});
}

void world_fini(struct world *w)
{
    for (size_t i = 0; i < w->n; i++)
        bot_free(&w->bots[i].bot);
    hub_free(&w->away, w->now);
    hub_free(&w->hub, w->now);
    wire_free(&w->up);
    wire_free(&w->down);
    outq_fini(&w->out);
    pkt_pool_free(&w->pool); /* asserts that every packet came home */
    dtls_cert_free(&w->cert);
    rng_fini(&w->rng);
}

static struct world_bot *bot_at(struct world *w, const struct addr *a)
{
    const size_t i = (size_t)a->port - 10000;
    return i < w->n && w->bots[i].bot ? &w->bots[i] : NULL;
}

static bool hears(const struct world_bot *b, const uint8_t *datagram)
{
    return !b->deaf || datagram[0] < 128; /* RFC 7983: RTP and RTCP begin at 128 */
}

#define IP_UDP 28 /* bytes of headers before each datagram */

/* Moves what a hub or bot wrote onto the wire, through the link of the bot that is concerned. */
static void carry(struct world *w, struct wire *wire, const struct addr *from, struct path *link)
{
    for (size_t i = 0; i < w->out.n; i++) {
        const struct outq_msg *const m = &w->out.msgs[i];
        struct world_bot *const b = link ? NULL : bot_at(w, &m->to);
        const bool heard = b && hears(b, w->out.buf + m->off);
        struct path *const l = link ? link : heard ? &b->down : NULL;
        if (!link && m->seg > 500) {
            w->messages++;
            w->datagrams += (m->len + m->seg - 1) / m->seg;
        }
        for (uint32_t off = 0; l && off < m->len; off += m->seg) {
            const size_t len = size_min(m->seg, m->len - off);
            usec at = 0;
            for (unsigned n = path_pass(l, w->now, len + IP_UDP, &at); n > 0; n--)
                wire_put(wire, at, from, &m->to, w->out.buf + m->off + off, len);
        }
    }
    outq_clear(&w->out);
}

static struct world_bot *member_bot(struct world *w, member_id id)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->bots[i].bot && w->bots[i].id == id)
            return &w->bots[i];
    return NULL;
}

static void take_note(struct world *w, const struct note *n)
{
    struct world_bot *const b = member_bot(w, n->member);
    if (n->kind == NOTE_SPEAK)
        w->speaking = n->site;
    if (n->kind == NOTE_TRACK && n->track.up)
        w->tracks_up++;
    if (!b)
        return;
    if (n->kind == NOTE_MEMBER) {
        b->state = n->state;
        b->state_at = w->now;
    } else if (n->kind == NOTE_FIRST) {
        b->first_us = n->took_us;
    } else if (n->kind == NOTE_STATS) {
        b->stats++;
        b->last = n->stats;
    }
}

static void drain_hub(struct world *w, struct hub *h, const struct addr *from)
{
    do {
        hub_tick(h, w->now, &w->out);
        carry(w, w->down, from, NULL);
    } while (hub_next(h) == 0);
    struct note n;
    while (hub_note(h, &n))
        take_note(w, &n);
}

/* One hub's messages and the other's packets, to the other hub. True: there was something. */
static bool carry_link(struct world *w, struct hub *from, size_t from_no, struct hub *to)
{
    struct link_msg m;
    struct pkt *p = NULL;
    bool any = false;
    while (link_next(from, 1 - from_no, &m)) {
        any = true;
        w->lent += m.kind == LINK_RTP;
        if (link_input(to, w->now, from_no, &m))
            continue;
        p = m.pkt;
        pkt_unref(&p);
        w->lent--;
    }
    while ((p = link_spent(to, from_no)) != NULL) {
        pkt_unref(&p);
        w->lent--;
    }
    return any;
}

static void take_taps(struct world *w)
{
    struct tap_msg t;
    while (!w->recorder_hangs && hub_tap(w->hub, &t)) {
        w->tap_tracks += t.kind == TAP_TRACK;
        w->tap_gaps += t.kind == TAP_GAP;
        if (t.kind != TAP_RTP)
            continue;
        w->taps++;
        hub_home(w->hub, t.pkt);
    }
}

static void drain(struct world *w)
{
    bool more = true;
    while (more) {
        drain_hub(w, w->hub, &w->addr);
        more = !w->away_hangs && carry_link(w, w->hub, 0, w->away);
        drain_hub(w, w->away, &w->away_addr);
        more = (!w->away_hangs && carry_link(w, w->away, 1, w->hub)) || more;
    }
    take_taps(w);
}

static void command(struct world *w, struct hub *h, const struct addr *from, const struct cmd *c)
{
    hub_command(h, w->now, c, &w->out);
    carry(w, w->down, from, NULL);
}

void world_command(struct world *w, const struct cmd *c)
{
    const bool member = c->kind == CMD_MEMBER_ADD || c->kind == CMD_MEMBER_DEL ||
                        c->kind == CMD_SLOTS || c->kind == CMD_RESTART;
    const struct world_bot *const b = member ? member_bot(w, c->member) : NULL;
    if (!b || !b->away)
        command(w, w->hub, &w->addr, c);
    if (b ? b->away : !member && c->kind != CMD_ROOM_OPEN)
        command(w, w->away, &w->away_addr, c);
    drain(w);
}

void world_spread(struct world *w)
{
    command(w, w->away, &w->away_addr,
            &(struct cmd){.kind = CMD_ROOM_OPEN, .room = WORLD_ROOM, .home = 0});
    drain(w);
}

void world_state(struct world *w, enum room_mode mode, uint8_t floor_site, bool record)
{
    world_command(
        w, &(struct cmd){
               .kind = CMD_ROOM_STATE,
               .room = WORLD_ROOM,
               .state = {.mode = (uint8_t)mode, .floor_site = floor_site, .record = record}});
}

static struct world_bot *free_place(struct world *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (!w->bots[i].bot)
            return &w->bots[i];
    assert(w->n < WORLD_BOTS);
    return &w->bots[w->n++];
}

struct world_bot *world_join(struct world *w, const char *name, uint8_t site,
                             const struct nego *want, const uint8_t source[NEGO_MEDIA],
                             const struct slot slot[NEGO_MEDIA], const struct path_conf *link)
{
    static char offer[NEGO_SDP_MAX];
    static char answer[NEGO_SDP_MAX];
    struct world_bot *const b = free_place(w);
    struct nego_self me = w->self;
    me.lite = false;
    me.cands = 0;
    struct nego_self self = w->self;
    if (w->elsewhere)
        self.cand[0] = w->away_addr;
    *b = (struct world_bot){.id = ++w->last_id, .away = w->elsewhere};
    b->bot = bot_new(name, want, &me, &w->rng, offer);
    path_init(&b->up, link, &w->rng);
    path_init(&b->down, link, &w->rng);

    struct cmd_join *const j = calloc(1, sizeof *j);
    assert(j);
    j->site = site;
    if (source)
        memcpy(j->source, source, sizeof j->source);
    if (slot)
        memcpy(j->slot, slot, sizeof j->slot);
    struct nego_error e = {0};
    const bool ok =
        nego_answer(&j->nego, offer, strlen(offer), want->media[0].send ? NEGO_PUBLISH : NEGO_PLAY,
                    &self, &w->rng, answer, &e);
    if (!ok)
        (void)!write(2, e.what, strlen(e.what));
    assert(ok);
    world_command(
        w, &(struct cmd){.kind = CMD_MEMBER_ADD, .room = WORLD_ROOM, .member = b->id, .join = j});
    struct addr a;
    const bool parsed = addr_parse(&a, "10.0.1.1:0");
    assert(parsed);
    a.port = (uint16_t)(10000 + (b - w->bots));
    bot_start(b->bot, answer, strlen(answer), w->cert, &a, w->now);
    return b;
}

void world_leave(struct world *w, struct world_bot *b)
{
    world_command(w, &(struct cmd){.kind = CMD_MEMBER_DEL, .room = WORLD_ROOM, .member = b->id});
    bot_free(&b->bot);
}

static void deliver_up(struct world *w)
{
    const struct datagram *d = NULL;
    while ((d = wire_get(w->up, w->now)) != NULL) {
        struct pkt *const p = pkt_get(w->pool);
        if (!p) {
            w->starved++;
            continue;
        }
        memcpy(p->data, d->data, d->len);
        p->len = d->len;
        p->from = d->from;
        p->at = w->now;
        struct hub *const h = addr_eq(&d->to, &w->addr) ? w->hub : w->away;
        hub_input(h, w->now, p, &w->out);
        carry(w, w->down, &d->to, NULL);
    }
}

static void deliver_down(struct world *w)
{
    const struct datagram *d = NULL;
    while ((d = wire_get(w->down, w->now)) != NULL) {
        struct world_bot *const b = bot_at(w, &d->to);
        struct pkt *const p = b ? pkt_get(b->bot->pool) : NULL;
        if (!p)
            continue;
        memcpy(p->data, d->data, d->len);
        p->len = d->len;
        p->from = d->from;
        p->at = w->now;
        bot_input(b->bot, w->now, p, &w->out);
        carry(w, w->up, &b->bot->addr, &b->up);
        b->next = bot_next(b->bot);
    }
}

static usec world_next(const struct world *w)
{
    usec at = usec_min(hub_next(w->hub), usec_min(wire_next(w->up), wire_next(w->down)));
    at = usec_min(at, hub_next(w->away));
    for (size_t i = 0; i < w->n; i++)
        if (w->bots[i].bot)
            at = usec_min(at, w->bots[i].next);
    return usec_max(at, w->now);
}

void world_run(struct world *w, usec until)
{
    for (;;) {
        const usec next = world_next(w);
        if (next > until)
            break;
        /* Half a millisecond is how finely a real loop wakes; it also makes an hour affordable. */
        w->now = usec_min(until, next + 500);
        sim_clock_set(w->now);
        deliver_up(w);
        drain(w);
        deliver_down(w);
        for (size_t i = 0; i < w->n; i++) {
            struct world_bot *const b = &w->bots[i];
            if (!b->bot || b->next > w->now)
                continue;
            bot_tick(b->bot, w->now, &w->out);
            carry(w, w->up, &b->bot->addr, &b->up);
            b->next = bot_next(b->bot);
        }
    }
    w->now = until;
}

static struct nego_media audio_line(bool send)
{
    return (struct nego_media){.audio = true, .send = send, .recv = !send, .codec = NEGO_OPUS};
}

static struct nego_media video_line(bool send)
{
    return (struct nego_media){.send = send, .recv = !send, .codec = NEGO_VP8};
}

struct world_bot *world_lead(struct world *w, const struct path_conf *l)
{
    const uint8_t source[NEGO_MEDIA] = {SRC_VOICE, SRC_CAMERA, SRC_SLIDES};
    struct nego n = {.n = 3, .media = {audio_line(true), video_line(true), video_line(true)}};
    n.media[LINE_CAMERA].layers = 2;
    memcpy(n.media[LINE_CAMERA].rid[0], "l", 2);
    memcpy(n.media[LINE_CAMERA].rid[1], "h", 2);
    struct world_bot *const b = world_join(w, "lead", SITE_LEAD, &n, source, NULL, l);
    bot_sends(b->bot, LINE_VOICE, 0, TAG_LEAD_VOICE, 20000, 1, 80);
    bot_sends(b->bot, LINE_CAMERA, 0, TAG_CAMERA, 40000, 1, 500);
    bot_sends(b->bot, LINE_CAMERA, 1, TAG_CAMERA, 40000, 3, 1000);
    bot_sends(b->bot, LINE_SLIDES, 0, TAG_SLIDES, 200000, 2, 1000);
    return b;
}

struct world_bot *world_lead_layers(struct world *w, const struct path_conf *l)
{
    const uint8_t source[NEGO_MEDIA] = {SRC_VOICE, SRC_CAMERA, SRC_SLIDES};
    struct nego n = {.n = 3, .media = {audio_line(true), video_line(true), video_line(true)}};
    n.media[LINE_CAMERA].layers = 3;
    memcpy(n.media[LINE_CAMERA].rid[0], "l", 2);
    memcpy(n.media[LINE_CAMERA].rid[1], "m", 2);
    memcpy(n.media[LINE_CAMERA].rid[2], "h", 2);
    struct world_bot *const b = world_join(w, "lead", SITE_LEAD, &n, source, NULL, l);
    bot_sends(b->bot, LINE_VOICE, 0, TAG_LEAD_VOICE, 20000, 1, 60);
    bot_sends(b->bot, LINE_CAMERA, 0, TAG_180, 40000, 1, 180);
    bot_sends(b->bot, LINE_CAMERA, 1, TAG_360, 40000, 2, 550);
    bot_sends(b->bot, LINE_CAMERA, 2, TAG_720, 40000, 6, 700);
    bot_sends(b->bot, LINE_SLIDES, 0, TAG_SLIDES, 10 * USEC_SEC, WORLD_SLIDE, 1000);
    b->bot->send[b->bot->sends - 1].key_times = 1;
    return b;
}

struct world_bot *world_point(struct world *w, uint8_t site, const struct path_conf *l)
{
    const uint8_t source[NEGO_MEDIA] = {SRC_VOICE, SRC_CLASS};
    const struct nego n = {.n = 2, .media = {audio_line(true), video_line(true)}};
    struct world_bot *const b = world_join(w, "point", site, &n, source, NULL, l);
    bot_sends(b->bot, 0, 0, TAG_POINT_VOICE + site, 20000, 1, 80);
    bot_sends(b->bot, 1, 0, TAG_CLASS + site, 40000, 2, 900);
    return b;
}

struct world_bot *world_plays(struct world *w, uint8_t site, const struct path_conf *l)
{
    const struct slot slot[NEGO_MEDIA] = {
        [PLAY_CAMERA] = {.kind = SLOT_SOURCE, .source = SRC_CAMERA},
        [PLAY_SLIDES] = {.kind = SLOT_SOURCE, .source = SRC_SLIDES},
        [PLAY_FLOOR] = {.kind = SLOT_FLOOR},
    };
    const struct nego n = {.n = 5,
                           .media = {audio_line(false), audio_line(false), video_line(false),
                                     video_line(false), video_line(false)}};
    return world_join(w, "plays", site, &n, NULL, slot, l);
}

struct world_bot *world_lead_plays(struct world *w, const struct path_conf *l)
{
    struct slot slot[NEGO_MEDIA] = {{0}};
    struct nego n = {.n = 7};
    for (uint8_t i = 0; i < 4; i++)
        n.media[i] = audio_line(false);
    for (uint8_t i = 0; i < 3; i++) {
        n.media[4 + i] = video_line(false);
        slot[4 + i] = (struct slot){.kind = SLOT_SITE, .site = (uint8_t)(i + 1), .small = true};
    }
    return world_join(w, "lead plays", SITE_LEAD, &n, NULL, slot, l);
}
