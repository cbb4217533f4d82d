#include "relay/media/hub.h"

#include "engine/wire/classify.h"
#include "engine/wire/stun.h"
#include "relay/media/budget.h"
#include "relay/media/burst.h"
#include "relay/media/egress.h"
#include "relay/media/feedback.h"
#include "relay/media/member.h"
#include "relay/media/room.h"

#include <stdlib.h>
#include <string.h>

#define HELLO_ROOM 8192 /* the longest flight of a handshake */

static void free_links(struct hub *h)
{
    for (size_t i = 0; i < h->conf.hubs; i++)
        if (i != h->conf.self)
            link_fini(&h->link[i]);
}

enum err hub_new(struct hub **hp, const struct hub_conf *c, struct log *log)
{
    struct hub *h = calloc(1, sizeof *h);
    if (!h)
        return E_NOMEM;
    h->conf = *c;
    h->log = log;
    h->sites.end = &h->sites.first;
    h->watchers.end = &h->watchers.first;
    heap_init(&h->due);
    enum err e = rng_init(&h->rng, c->seed);
    if (!e) {
        table_init(&h->rooms, sizeof(room_id), rng_u64(&h->rng));
        table_init(&h->members, sizeof(member_id), rng_u64(&h->rng));
        table_init(&h->ufrags, HUB_UFRAG, rng_u64(&h->rng));
        table_init(&h->addrs, sizeof(struct addr), rng_u64(&h->rng));
        e = heap_reserve(&h->due, c->max_members);
    }
    for (size_t i = 0; !e && i < c->hubs; i++)
        if (i != c->self)
            e = link_init(&h->link[i], rng_u64(&h->rng));
    if (e) {
        free_links(h);
        rng_fini(&h->rng);
        heap_fini(&h->due);
        free(h);
        return e;
    }
    *hp = h;
    return OK;
}

static struct member *first_member(const struct hub *h)
{
    size_t at = 0;
    return table_each(&h->members, &at);
}

static void key_of_ufrag(const char *ufrag, size_t len, char key[HUB_UFRAG])
{
    memset(key, 0, HUB_UFRAG);
    memcpy(key, ufrag, size_min(len, HUB_UFRAG));
}

static void forget_ufrag(struct hub *h, const struct member *m)
{
    char key[HUB_UFRAG];
    key_of_ufrag(m->ufrag, strlen(m->ufrag), key);
    (void)table_del(&h->ufrags, key);
}

static enum err learn_ufrag(struct hub *h, struct member *m)
{
    char key[HUB_UFRAG];
    const size_t len = strlen(m->ufrag);
    if (len == 0)
        return E_LIMIT;
    key_of_ufrag(m->ufrag, len, key);
    return table_put(&h->ufrags, key, m);
}

static void forget_addr(struct hub *h, struct member *m)
{
    if (m->addr.port && table_get(&h->addrs, &m->addr) == m)
        (void)table_del(&h->addrs, &m->addr);
    m->addr = (struct addr){0};
}

static struct hub_queue *queue_of(struct hub *h, const struct member *m)
{
    return m->site == SITE_NONE ? &h->watchers : &h->sites;
}

static void unqueue(struct hub_queue *q, struct member *m)
{
    struct member **p = &q->first;
    while (*p != m)
        p = &(*p)->next_dirty;
    *p = m->next_dirty;
    if (q->end == &m->next_dirty)
        q->end = p;
    m->dirty = false;
}

static void remove_member(struct hub *h, struct member *m, usec now)
{
    m->gone = true;
    if (m->dirty)
        unqueue(queue_of(h, m), m);
    heap_del(&h->due, &m->due);
    forget_addr(h, m);
    forget_ufrag(h, m);
    (void)table_del(&h->members, &m->id);
    member_free(&m, now);
}

static void say_gone(struct hub *h, room_id room, member_id id)
{
    hub_say(h,
            &(struct note){.kind = NOTE_MEMBER, .room = room, .member = id, .state = MEMBER_GONE});
}

static struct pkt *next_hello(struct hub *h)
{
    struct pkt *const p = h->hello[h->hello_head];
    h->hello_head = (h->hello_head + 1) % HUB_HELLOS;
    h->hello_n--;
    return p;
}

void hub_free(struct hub **hp, usec now)
{
    struct hub *const h = *hp;
    if (!h)
        return;
    for (struct member *m = first_member(h); m; m = first_member(h))
        remove_member(h, m, now);
    while (h->hello_n > 0) {
        struct pkt *p = next_hello(h);
        pkt_unref(&p);
    }
    size_t at = 0;
    for (struct room *r = table_each(&h->rooms, &at); r; r = table_each(&h->rooms, &at))
        room_free(&r, now);
    free_links(h);
    struct tap_msg t;
    while (hub_tap(h, &t))
        if (t.kind == TAP_RTP)
            hub_home(h, t.pkt);
    table_fini(&h->rooms);
    table_fini(&h->members);
    table_fini(&h->ufrags);
    table_fini(&h->addrs);
    heap_fini(&h->due);
    rng_fini(&h->rng);
    free(h);
    *hp = NULL;
}

void hub_dirty(struct hub *h, struct member *m)
{
    if (m->dirty || m->gone)
        return;
    struct hub_queue *const q = queue_of(h, m);
    m->dirty = true;
    m->next_dirty = NULL;
    *q->end = m;
    q->end = &m->next_dirty;
}

void hub_due(struct hub *h, struct member *m, usec now)
{
    if (m->gone)
        return;
    heap_set(&h->due, &m->due, member_next(m, now));
}

void hub_say(struct hub *h, const struct note *n)
{
    /* Who is there and what flows is said once: figures leave half the room for it. */
    const bool once = n->kind == NOTE_MEMBER || n->kind == NOTE_TRACK;
    if (h->note_n >= (once ? HUB_NOTES : HUB_NOTES / 2)) {
        h->stat.notes_lost++;
        return;
    }
    h->notes[(h->note_head + h->note_n++) % HUB_NOTES] = *n;
}

bool hub_note(struct hub *h, struct note *n)
{
    if (!h->note_n)
        return false;
    *n = h->notes[h->note_head];
    h->note_head = (h->note_head + 1) % HUB_NOTES;
    h->note_n--;
    return true;
}

static void lend(struct hub *h, const struct tap_msg *t)
{
    h->taps[(h->tap_head + h->tap_n++) % HUB_TAPS] = *t;
}

bool hub_lend(struct hub *h, const struct tap_msg *t)
{
    if (h->taps_lost && h->tap_n + 2 <= HUB_TAPS && h->lent < h->conf.max_lent) {
        lend(h, &(struct tap_msg){.kind = TAP_GAP, .at = t->at, .lost = h->taps_lost});
        h->taps_lost = 0;
    }
    const bool packet = t->kind == TAP_RTP;
    if (!h->taps_lost && h->tap_n < HUB_TAPS && !(packet && h->lent >= h->conf.max_lent)) {
        lend(h, t);
        h->lent += packet;
        return true;
    }
    h->taps_lost++;
    h->stat.taps_lost++;
    struct pkt *p = packet ? t->pkt : NULL;
    pkt_unref(&p);
    return false;
}

void hub_home(struct hub *h, struct pkt *p)
{
    assert(h->lent > 0);
    h->lent--;
    pkt_unref(&p);
}

bool hub_tap(struct hub *h, struct tap_msg *t)
{
    if (!h->tap_n)
        return false;
    *t = h->taps[h->tap_head];
    h->tap_head = (h->tap_head + 1) % HUB_TAPS;
    h->tap_n--;
    return true;
}

static bool publishes(const struct cmd_join *j)
{
    for (size_t i = 0; i < j->nego.n; i++)
        if (j->nego.media[i].recv && !j->nego.media[i].refused)
            return true;
    return false;
}

static void add_member(struct hub *h, usec now, const struct cmd *c)
{
    struct room *const r = table_get(&h->rooms, &c->room);
    struct member *m = NULL;
    const bool possible = r && (r->home == h->conf.self || !publishes(c->join)) &&
                          !table_get(&h->members, &c->member) && h->members.n < h->conf.max_members;
    if (!possible)
        free(c->join);
    if (!possible || member_new(&m, r, c->member, c->join, now) != OK) {
        log_warn(h->log, "member refused", "room=%u member=%u members=%zu", c->room, c->member,
                 h->members.n);
        say_gone(h, c->room, c->member);
        return;
    }
    if (table_put(&h->members, &m->id, m) || learn_ufrag(h, m)) {
        say_gone(h, c->room, c->member);
        remove_member(h, m, now);
        return;
    }
    hub_due(h, m, now);
}

static void restart_member(struct hub *h, struct member *m, const struct ice_conf *ice, usec now)
{
    forget_ufrag(h, m);
    member_ufrag(m, ice);
    if (learn_ufrag(h, m)) {
        say_gone(h, m->room->id, m->id);
        remove_member(h, m, now);
        return;
    }
    peer_restart(m->peer, ice, now);
    hub_due(h, m, now);
}

static struct room *make_room(struct hub *h, room_id id, uint8_t home)
{
    struct room *r = table_get(&h->rooms, &id);
    if (r)
        return r;
    if (room_new(&r, h, id, home) || table_put(&h->rooms, &id, r)) {
        log_error(h->log, "no memory for a room", "room=%u", id);
        room_free(&r, h->now);
    }
    return r;
}

struct room *hub_room(struct hub *h, room_id id)
{
    return make_room(h, id, (uint8_t)h->conf.self);
}

void hub_room_unused(struct hub *h, struct room *r)
{
    if (r->opened || r->links)
        return;
    (void)table_del(&h->rooms, &r->id);
    room_free(&r, h->now);
}

static void open_room(struct hub *h, room_id id, uint8_t home)
{
    const size_t hubs = h->conf.hubs ? h->conf.hubs : 1;
    struct room *const r = home < hubs ? make_room(h, id, home) : NULL;
    if (!r || r->opened)
        return;
    r->opened = true;
    if (home != h->conf.self)
        link_join(r);
}

static void close_room(struct hub *h, struct room *r, usec now, struct outq *out)
{
    while (r->members) {
        peer_close(r->members->peer, now, out);
        say_gone(h, r->id, r->members->id);
        remove_member(h, r->members, now);
    }
    r->opened = false;
    r->links = 0;
    hub_room_unused(h, r);
}

void hub_command(struct hub *h, usec now, const struct cmd *c, struct outq *out)
{
    struct room *const r = table_get(&h->rooms, &c->room);
    struct member *const m = table_get(&h->members, &c->member);
    h->now = now;
    switch (c->kind) {
    case CMD_ROOM_OPEN:
        open_room(h, c->room, c->home);
        break;
    case CMD_ROOM_CLOSE:
        if (r)
            close_room(h, r, now, out);
        break;
    case CMD_ROOM_STATE:
        if (r)
            room_state(r, &c->state, now);
        break;
    case CMD_MEMBER_ADD:
        add_member(h, now, c);
        break;
    case CMD_MEMBER_DEL:
        if (m) {
            peer_close(m->peer, now, out);
            say_gone(h, m->room->id, m->id);
            remove_member(h, m, now);
        }
        break;
    case CMD_RESTART:
        if (m)
            restart_member(h, m, c->ice, now);
        free(c->ice);
        break;
    case CMD_SLOTS:
        if (m)
            member_slots(m, c->slots, now);
        break;
    case CMD_CALL: /* the worker's affair */
        break;
    }
}

/* The first STUN of a member names it by our ufrag, before the colon (RFC 8445 7.2.2). */
static struct member *by_ufrag(struct hub *h, const struct pkt *p)
{
    struct stun_msg msg;
    if (!stun_read(&msg, p->data, p->len))
        return NULL;
    const char *const colon = strchr(msg.username, ':');
    const size_t len = colon ? (size_t)(colon - msg.username) : 0;
    if (len == 0 || len > HUB_UFRAG)
        return NULL;
    char key[HUB_UFRAG];
    key_of_ufrag(msg.username, len, key);
    return table_get(&h->ufrags, key);
}

/* Another IP address: another of its networks. With another port alone it may be the same one. */
static bool has_moved(const struct member *m, const struct addr *to)
{
    return m->addr.port && memcmp(m->addr.ip, to->ip, sizeof to->ip) != 0;
}

static void follow_addr(struct hub *h, usec now, struct member *m)
{
    const struct addr *const a = peer_addr(m->peer);
    /* Another's check from the same place (a NAT's port that was given on, or a forged sender) may
     * have taken it; the next check of this one takes it back. */
    if (!a->port || (addr_eq(a, &m->addr) && table_get(&h->addrs, a) == m))
        return;
    if (has_moved(m, a))
        budget_other_way(m, now);
    forget_addr(h, m);
    if (table_put(&h->addrs, a, m) == OK)
        m->addr = *a;
}

/* A step of a handshake takes as long as sending a hundred packets: it waits for its turn. */
static bool put_hello(struct hub *h, struct pkt *p)
{
    if (h->hello_n == HUB_HELLOS || !table_get(&h->addrs, &p->from)) {
        h->stat.hellos_lost += h->hello_n == HUB_HELLOS;
        h->stat.unknown += h->hello_n < HUB_HELLOS;
        pkt_unref(&p);
        return false;
    }
    h->hello[(h->hello_head + h->hello_n++) % HUB_HELLOS] = p;
    return true;
}

static void take_hello(struct hub *h, usec now, struct outq *out)
{
    struct pkt *p = next_hello(h);
    struct member *const m = table_get(&h->addrs, &p->from);
    if (m) {
        member_input(m, now, p, out);
        hub_due(h, m, now);
    }
    pkt_unref(&p);
}

bool hub_input(struct hub *h, usec now, struct pkt *p, struct outq *out)
{
    const enum wire_kind kind = wire_classify(p->data, p->len);
    struct member *m = NULL;
    h->now = now;
    h->pool = p->pool;
    h->stat.datagrams++;
    if (kind == WIRE_DTLS)
        return put_hello(h, p);
    if (kind == WIRE_UNKNOWN)
        h->stat.garbage++;
    else
        m = kind == WIRE_STUN ? by_ufrag(h, p) : table_get(&h->addrs, &p->from);
    if (m) {
        member_input(m, now, p, out);
        if (kind == WIRE_STUN)
            follow_addr(h, now, m);
        hub_due(h, m, now);
    } else if (kind != WIRE_UNKNOWN) {
        h->stat.unknown++;
    }
    pkt_unref(&p);
    return m != NULL;
}

/* False: the send buffer is full. */
static bool flush(struct hub *h, struct hub_queue *q, usec now, struct outq *out)
{
    while (q->first) {
        struct member *const m = q->first;
        if (!egress_flush(m, now, out) && !outq_has_room(out, PKT_CAP))
            return false;
        q->first = m->next_dirty;
        if (!q->first)
            q->end = &q->first;
        m->dirty = false;
        if (m->sr_due) {
            m->sr_due = false;
            feedback_new_source(m, now, out);
        }
        if (pacer_next(&m->pacer, now) != USEC_NEVER)
            hub_due(h, m, now);
    }
    return true;
}

void hub_tick(struct hub *h, usec now, struct outq *out)
{
    h->now = now;
    while (heap_next(&h->due) <= now && outq_has_room(out, PKT_CAP)) {
        struct member *const m =
            (struct member *)(void *)((char *)heap_first(&h->due) - offsetof(struct member, due));
        if (!member_tick(m, now, out)) {
            remove_member(h, m, now);
            continue;
        }
        if (!m->dirty && pacer_next(&m->pacer, now) <= now)
            hub_dirty(h, m);
        const usec next = member_next(m, now);
        heap_set(&h->due, &m->due, usec_max(next, now + 1)); /* one turn each, never a spin */
    }
    burst_tick(h, now);
    const bool room = flush(h, &h->sites, now, out);
    if (h->hello_n > 0 && outq_has_room(out, HELLO_ROOM))
        take_hello(h, now, out);
    if (room && !h->watchers.first)
        burst_step(h, now);
    if (room)
        (void)flush(h, &h->watchers, now, out);
}

usec hub_next(const struct hub *h)
{
    if (h->sites.first || h->watchers.first || h->first_late || h->hello_n > 0)
        return 0;
    return usec_min(heap_next(&h->due), burst_next(h));
}
