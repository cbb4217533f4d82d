/* rooms.c - the hubs' side of lessons: commands to them, notes from them. */
#include "relay/control/core.h"

#include <stdlib.h>
#include <string.h>

static bool wait_with(struct control *c, unsigned worker, const struct cmd *cmd)
{
    c->count.commands_refused++;
    if (c->waitings == WAITING_MAX)
        return false;
    c->waiting[c->waitings++] = (struct waiting){.worker = worker, .cmd = *cmd};
    return true;
}

bool rooms_command(struct control *c, unsigned worker, const struct cmd *cmd)
{
    if (c->waitings > 0) /* the order is kept */
        return wait_with(c, worker, cmd);
    if (!worker_command(c->conf.worker[worker], cmd))
        return wait_with(c, worker, cmd);
    worker_wake(c->conf.worker[worker]);
    return true;
}

void rooms_retry(struct control *c)
{
    size_t sent = 0;
    while (sent < c->waitings) {
        struct worker *const w = c->conf.worker[c->waiting[sent].worker];
        if (!worker_command(w, &c->waiting[sent].cmd))
            break;
        worker_wake(w);
        sent++;
    }
    c->waitings -= sent;
    memmove(c->waiting, c->waiting + sent, c->waitings * sizeof c->waiting[0]);
}

static bool open_at(struct control *c, struct live *v, room_id room, unsigned worker)
{
    const struct cmd cmd = {.kind = CMD_ROOM_OPEN, .room = room, .home = (uint8_t)v->worker};
    if (!rooms_command(c, worker, &cmd))
        return false;
    v->workers |= 1u << worker;
    return true;
}

bool rooms_open(struct control *c, struct live *v)
{
    if (v->l->room)
        return true;
    const room_id room = ++c->last_room;
    v->worker = room % (unsigned)c->conf.workers;
    v->workers = 0;
    if (table_put(&c->rooms, &room, v) != OK)
        return false;
    if (!open_at(c, v, room, v->worker)) {
        (void)table_del(&c->rooms, &room);
        return false;
    }
    v->l->room = room;
    rooms_state(c, v);
    return true;
}

/* The same to every worker that has the room. */
static void to_all(struct control *c, const struct live *v, const struct cmd *cmd)
{
    for (unsigned i = 0; i < c->conf.workers; i++)
        if (v->workers & 1u << i && !rooms_command(c, i, cmd))
            log_error(c->log, "a hub takes no commands", "lesson=%s worker=%u", v->l->id, i);
}

static struct cmd state_of(const struct live *v)
{
    return (struct cmd){
        .kind = CMD_ROOM_STATE,
        .room = v->l->room,
        .state = {.mode = (uint8_t)v->l->mode,
                  .floor_site = v->l->floor,
                  .record = v->l->record && v->l->state == LESSON_RUNNING && v->recording},
    };
}

void rooms_state(struct control *c, struct live *v)
{
    const struct cmd cmd = state_of(v);
    if (v->l->room)
        to_all(c, v, &cmd);
}

/* A lesson is spread only when that spares its home something worth a link. */
#define SPREAD 8

static unsigned least_loaded(const struct control *c, unsigned home)
{
    unsigned best = home;
    for (unsigned i = 0; i < c->conf.workers; i++)
        if (c->load[i] + (best == home ? SPREAD : 0) < c->load[best])
            best = i;
    return best;
}

unsigned rooms_place(struct control *c, struct live *v, bool at_home)
{
    const unsigned best = at_home ? v->worker : least_loaded(c, v->worker);
    if (v->workers & 1u << best)
        return best;
    const struct cmd state = state_of(v);
    if (open_at(c, v, v->l->room, best) && rooms_command(c, best, &state))
        return best;
    v->workers &= ~(1u << best); /* too busy to be told of anything: next time anew */
    return v->worker;
}

void rooms_close(struct control *c, struct live *v)
{
    const struct cmd cmd = {.kind = CMD_ROOM_CLOSE, .room = v->l->room};
    if (!v->l->room)
        return;
    to_all(c, v, &cmd);
    (void)table_del(&c->rooms, &v->l->room);
    v->l->room = 0;
    v->workers = 0;
    v->speaking = SITE_NONE;
}

/* Notes */

static void note_member(struct control *c, const struct note *n)
{
    struct session *const s = table_get(&c->members, &n->member);
    if (!s || n->state > MEMBER_GONE)
        return;
    session_state(c, s, (enum member_state)n->state);
}

static void note_track(struct control *c, const struct note *n)
{
    struct session *const s = table_get(&c->members, &n->member);
    if (!s || n->track.source >= SRC_COUNT)
        return;
    const unsigned bit = 1u << n->track.source;
    s->live = n->track.up ? s->live | bit : s->live & ~bit;
    struct live *const v = session_live(c, s);
    v->sites_due = true;
    events_member(c, v, s);
}

static void note_stats(struct control *c, const struct note *n)
{
    struct session *const s = table_get(&c->members, &n->member);
    if (!s)
        return;
    s->stats = n->stats;
    s->has_stats = true;
}

static void note_speak(struct control *c, const struct note *n)
{
    struct live *const v = table_get(&c->rooms, &n->room);
    if (!v)
        return;
    v->speaking = n->site < v->l->sites ? n->site : SITE_NONE;
    events_speaking(c, v);
}

/* Upper bounds of the histogram in milliseconds; the last bucket has none. */
static const unsigned bounds[7] = {50, 100, 200, 300, 500, 1000, 2000};

static void note_first(struct control *c, const struct note *n)
{
    size_t i = 0;
    while (i < ARRAY_LEN(bounds) && n->took_us > bounds[i] * 1000u)
        i++;
    c->count.first_bucket[i]++;
    c->count.first_sum_us += n->took_us;
    c->count.firsts++;
}

static void take_note(struct control *c, const struct note *n)
{
    switch (n->kind) {
    case NOTE_MEMBER:
        note_member(c, n);
        break;
    case NOTE_TRACK:
        note_track(c, n);
        break;
    case NOTE_STATS:
        note_stats(c, n);
        break;
    case NOTE_SPEAK:
        note_speak(c, n);
        break;
    case NOTE_FIRST:
        note_first(c, n);
        break;
    }
}

void rooms_notes(struct control *c)
{
    struct note n;
    for (size_t i = 0; i < c->conf.workers; i++)
        while (worker_note(c->conf.worker[i], &n))
            take_note(c, &n);
}
