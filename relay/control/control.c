#include "relay/control/core.h"

#include "engine/io/clock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum tag { TAG_STOP, TAG_CHILD, TAG_HTTP, TAG_WORKER, TAG_RECORDER };

static void read_clocks(struct control *c)
{
    c->now = clock_now();
    const int64_t us = clock_wall_us();
    c->wall_ms = us / 1000;
    c->log->wall_us = us;
}

/* Requests */

enum door { DOOR_OPEN, DOOR_TOKEN, DOOR_TICKET };

struct entry {
    void (*handle)(struct control *c, struct request *r);
    enum door door;
};

static const struct entry entries[CALL_COUNT] = {
    [CALL_HEALTH] = {api_health, DOOR_OPEN},
    [CALL_READY] = {api_ready, DOOR_OPEN},
    [CALL_METRICS] = {api_metrics, DOOR_OPEN}, /* looks itself */
    [CALL_ME] = {api_me, DOOR_TOKEN},
    [CALL_TICKET] = {api_ticket, DOOR_TOKEN},
    [CALL_LESSON_CREATE] = {api_lesson_create, DOOR_TOKEN},
    [CALL_LESSON_LIST] = {api_lesson_list, DOOR_TOKEN},
    [CALL_LESSON_GET] = {api_lesson_get, DOOR_TOKEN},
    [CALL_LESSON_PATCH] = {api_lesson_patch, DOOR_TOKEN},
    [CALL_LESSON_START] = {api_lesson_start, DOOR_TOKEN},
    [CALL_LESSON_END] = {api_lesson_end, DOOR_TOKEN},
    [CALL_LESSON_STATE] = {api_state, DOOR_TOKEN},
    [CALL_EVENTS] = {api_events, DOOR_TICKET},
    [CALL_HAND] = {api_hand, DOOR_TOKEN},
    [CALL_FLOOR] = {api_floor, DOOR_TOKEN},
    [CALL_MODE] = {api_mode, DOOR_TOKEN},
    [CALL_MARK] = {api_mark, DOOR_TOKEN},
    [CALL_MARK_LIST] = {api_list, DOOR_TOKEN},
    [CALL_MESSAGE] = {api_message, DOOR_TOKEN},
    [CALL_MESSAGE_LIST] = {api_list, DOOR_TOKEN},
    [CALL_POLL] = {api_poll, DOOR_TOKEN},
    [CALL_POLL_LIST] = {api_poll_list, DOOR_TOKEN},
    [CALL_POLL_VOTE] = {api_poll_vote, DOOR_TOKEN},
    [CALL_POLL_CLOSE] = {api_poll_close, DOOR_TOKEN},
    [CALL_RESOURCE_LIST] = {api_resource_list, DOOR_TOKEN},
    [CALL_RESOURCE_GET] = {api_resource_get, DOOR_TOKEN},
    [CALL_RESOURCE_MANIFEST] = {api_resource_manifest, DOOR_TOKEN},
    [CALL_POSITION_GET] = {api_position_get, DOOR_TOKEN},
    [CALL_POSITION_PUT] = {api_position_put, DOOR_TOKEN},
    [CALL_WHIP] = {api_whip, DOOR_TOKEN},
    [CALL_WHEP] = {api_whep, DOOR_TOKEN},
    [CALL_SESSION_PATCH] = {api_session_patch, DOOR_TOKEN},
    [CALL_SESSION_DELETE] = {api_session_delete, DOOR_TOKEN},
    [CALL_SLOTS_PUT] = {api_slots_put, DOOR_TOKEN},
    [CALL_MEDIA] = {api_media, DOOR_OPEN}, /* the path carries its own signature */
    [CALL_LIB] = {api_lib, DOOR_OPEN},
    [CALL_PAGE] = {api_page, DOOR_OPEN},
};

static const char *token_of(const struct request *r, enum door door)
{
    static const char bearer[] = "Bearer ";
    const char *const given = request_header(r, "Authorization");
    if (given && strncasecmp(given, bearer, sizeof bearer - 1) == 0)
        return given + sizeof bearer - 1;
    return door == DOOR_TICKET ? request_query(r, "ticket") : NULL;
}

static bool let_in(struct control *c, struct request *r, enum door door)
{
    if (door == DOOR_OPEN)
        return true;
    const char *const token = token_of(r, door);
    if (!token)
        return problem_set(&r->problem, P_NO_TOKEN, "Authorization", "send it as Bearer TOKEN");
    if (!auth_check(c->conf.auth, token, c->wall_ms / 1000, &r->claims, &r->problem))
        return false;
    return !r->claims.ticket || door == DOOR_TICKET ||
           problem_set(&r->problem, P_BAD_TOKEN, "Authorization", "a ticket opens events only");
}

static void handle(void *ctx, struct request *r)
{
    struct control *const c = ctx;
    read_clocks(c);
    if (!route_find(&r->route, r->method, r->path, &r->problem)) {
        c->count.codes[4]++;
        return;
    }
    if (r->route.call == CALL_OPTIONS) {
        answer_empty(r, 204);
        answer_header(r, "Allow", r->route.allow);
        if (strstr(r->route.allow, "POST") && strncmp(r->path, "/wh", 3) == 0)
            answer_header(r, "Accept-Post", "application/sdp");
        return;
    }
    const struct entry *const e = &entries[r->route.call];
    if (let_in(c, r, e->door))
        e->handle(c, r);
    const unsigned status = r->problem.kind == P_NONE ? r->status : problem_status(r->problem.kind);
    c->count.codes[status / 100 % 6]++;
}

/* Life */

static enum err set_up(struct control *c)
{
    const struct http_conf http = {
        .connections = c->conf.connections,
        .per_address = c->conf.per_address,
        .handler = handle,
        .call = calls_guest,
        .ctx = c,
        .log = c->log,
    };
    enum err e = rng_init(&c->rng, c->conf.seed);
    if (e != OK)
        return e;
    table_init(&c->lives, ID_CAP, rng_u64(&c->rng));
    table_init(&c->sessions, SESSION_CAP, rng_u64(&c->rng));
    table_init(&c->members, sizeof(member_id), rng_u64(&c->rng));
    table_init(&c->ufrags, HUB_UFRAG, rng_u64(&c->rng));
    table_init(&c->rooms, sizeof(room_id), rng_u64(&c->rng));
    e = http_new(&c->http, &http);
    return e == OK ? live_load_running(c) : e;
}

enum err control_new(struct control **out, const struct control_conf *conf)
{
    struct control *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return E_NOMEM;
    c->conf = *conf;
    c->log = conf->log;
    read_clocks(c);
    c->started = c->now;
    const enum err e = set_up(c);
    if (e != OK)
        control_free(&c);
    *out = c;
    return e;
}

static void drop_waiting(struct control *c)
{
    for (size_t i = 0; i < c->waitings; i++)
        cmd_drop(&c->waiting[i].cmd);
}

static void free_sessions(struct control *c)
{
    size_t at = 0;
    for (struct session *s; (s = table_each(&c->sessions, &at));)
        session_drop(&s);
}

void control_free(struct control **out)
{
    struct control *const c = *out;
    if (!c)
        return;
    http_free(&c->http);
    drop_waiting(c);
    free_sessions(c);
    table_fini(&c->sessions);
    table_fini(&c->members);
    table_fini(&c->ufrags);
    table_fini(&c->rooms);
    live_free_all(c);
    rng_fini(&c->rng);
    free(c);
    *out = NULL;
}

void control_add_candidates(struct control *c, const struct addr *tcp, size_t n)
{
    for (size_t i = 0; i < c->conf.workers; i++) {
        struct nego_self *const self = &c->conf.self[i];
        for (size_t k = 0; k < n && self->cands < NEGO_CANDS; k++)
            self->cand[self->cands++] = tcp[k];
    }
}

struct http *control_http(struct control *c)
{
    return c->http;
}

/* A recording came into the library, or its packaging failed. */
static void library_news(struct control *c, const char *id)
{
    struct resource r;
    struct problem none = {.kind = P_NONE};
    if (catalogue_resource(c->conf.catalogue, id, &r) != OK)
        return;
    if (r.state == RES_READY)
        c->count.packaged++;
    else
        c->count.package_failures++;
    struct live *const v = live_get(c, r.lesson, &none);
    if (v && r.state == RES_READY)
        json_decref(live_event(c, v, "lesson", NULL,
                               json_pack("{s:o}", "lesson", lesson_json(v->l, c->now))));
}

static enum err watch_child(struct control *c, struct loop *loop, int *watched)
{
    const int fd = packager_fd(c->conf.packager);
    if (fd == *watched)
        return OK;
    *watched = fd; /* a closed descriptor has left the loop by itself */
    return fd < 0 ? OK : loop_set(loop, fd, LOOP_READ, TAG_CHILD);
}

static enum err packaging(struct control *c, struct loop *loop, int *watched)
{
    char id[ID_CAP];
    if (!c->conf.packager)
        return OK;
    while (packager_turn(c->conf.packager, c->now, id))
        library_news(c, id);
    return watch_child(c, loop, watched);
}

static usec next_turn(struct control *c)
{
    usec next = usec_min(http_next(c->http, c->now), events_next(c));
    next = usec_min(next, memory_next(c));
    if (c->waitings || recordings_due(c))
        next = usec_min(next, c->now + 5 * USEC_MS);
    if (c->conf.packager)
        next = usec_min(next, packager_next(c->conf.packager));
    return next;
}

static enum err watch_all(struct control *c, struct loop *loop, int stop)
{
    enum err e = loop_set(loop, stop, LOOP_READ, TAG_STOP);
    for (size_t i = 0; e == OK && http_fd(c->http, i) >= 0; i++)
        e = loop_set(loop, http_fd(c->http, i), LOOP_READ, TAG_HTTP);
    for (size_t i = 0; e == OK && i < c->conf.workers; i++)
        e = loop_set(loop, worker_note_fd(c->conf.worker[i]), LOOP_READ, TAG_WORKER);
    if (e == OK && c->conf.recorder)
        e = loop_set(loop, recorder_note_fd(c->conf.recorder), LOOP_READ, TAG_RECORDER);
    return e;
}

/* Streams end properly, so that readers come back at once and do not wait for a timeout. */
static void say_goodbye(struct control *c)
{
    size_t at = 0;
    c->stopping = true;
    for (struct live *v; (v = table_each(&c->lives, &at));)
        events_end(c, v);
    for (int i = 0; i < 20 && c->readers > 0; i++)
        http_run(c->http, c->now);
}

static bool is_stop(const struct loop_ready *ready, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ready[i].tag == TAG_STOP)
            return true;
    return false;
}

static enum err turns(struct control *c, struct loop *loop)
{
    struct loop_ready ready[16];
    int child = -1;
    for (;;) {
        http_run(c->http, c->now);
        rooms_notes(c);
        rooms_retry(c);
        recordings_notes(c);
        recordings_retry(c);
        const enum err e = packaging(c, loop, &child);
        if (e != OK)
            return e;
        events_turn(c);
        memory_turn(c);
        const size_t n = loop_wait(loop, c->now, next_turn(c), ready, ARRAY_LEN(ready));
        read_clocks(c);
        if (is_stop(ready, n))
            return OK;
    }
}

enum err control_run(struct control *c, int stop)
{
    struct loop loop;
    enum err e = loop_init(&loop);
    if (e != OK)
        return e;
    e = watch_all(c, &loop, stop);
    if (e == OK)
        e = turns(c, &loop);
    say_goodbye(c);
    loop_fini(&loop);
    return e;
}
