/* lessons.c - the lessons in memory, the calls that make, change, start and end them, and the one
 * way by which anything that happens is kept and told. */
#include "relay/control/core.h"
#include "relay/lesson/want.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_ENDED 256 /* ended lessons in memory before those unused are forgotten */

static void id_key(const char *id, char key[ID_CAP])
{
    memset(key, 0, ID_CAP);
    memcpy(key, id, strnlen(id, ID_CAP - 1));
}

static void live_free(struct live *v)
{
    for (size_t i = 0; v->shown && i < SITES_MAX; i++)
        json_decref(v->shown[i]);
    free(v->shown);
    lesson_free(&v->l);
    free(v);
}

/* Takes the lesson over; NULL: no memory. */
static struct live *live_add(struct control *c, struct lesson *l)
{
    char key[ID_CAP];
    struct live *const v = calloc(1, sizeof *v);
    if (!v) {
        lesson_free(&l);
        return NULL;
    }
    *v = (struct live){.l = l, .speaking = SITE_NONE};
    v->shown = calloc(SITES_MAX, sizeof(json_t *));
    id_key(l->id, key);
    if (!v->shown || table_put(&c->lives, key, v) != OK) {
        live_free(v);
        return NULL;
    }
    lesson_set_clock(l, c->wall_ms, c->now, catalogue_last_clock(c->conf.catalogue, l->id));
    return v;
}

struct live *live_get(struct control *c, const char *id, struct problem *p)
{
    char key[ID_CAP];
    struct lesson *l;
    id_key(id, key);
    struct live *v = table_get(&c->lives, key);
    if (v)
        return v;
    const enum err e = catalogue_lesson(c->conf.catalogue, id, &l);
    if (e == E_STATE)
        problem_set(p, P_NOT_FOUND, NULL, "no lesson %s", id);
    else if (e != OK || !(v = live_add(c, l)))
        problem_set(p, P_INTERNAL, NULL, "the lesson cannot be loaded");
    return v;
}

struct live *live_of(struct control *c, struct request *r)
{
    struct live *const v = live_get(c, r->route.id, &r->problem);
    if (!v || !lesson_admits(v->l, &r->claims, &r->problem))
        return NULL;
    v->l->touched = c->wall_ms;
    return v;
}

enum err live_load_running(struct control *c)
{
    json_t *const ids = json_array();
    struct problem p = {.kind = P_NONE};
    const struct lesson_query q = {.state = LESSON_RUNNING, .limit = INT32_MAX};
    enum err e = ids ? catalogue_lessons(c->conf.catalogue, &q, ids) : E_NOMEM;
    for (size_t i = 0; e == OK && i < json_array_size(ids); i++) {
        struct live *const v = live_get(c, json_string_value(json_array_get(ids, i)), &p);
        e = v ? OK : E_IO;
        if (v && v->l->record && !(rooms_open(c, v) && recordings_open(c, v)))
            e = E_LIMIT;
        if (v) {
            rooms_state(c, v);
            log_info(c->log, "a running lesson goes on", "lesson=%s clock_ms=%lld", v->l->id,
                     (long long)lesson_clock(v->l, c->now));
        }
    }
    json_decref(ids);
    return e;
}

void live_free_all(struct control *c)
{
    size_t at = 0;
    for (struct live *v; (v = table_each(&c->lives, &at));)
        live_free(v);
    table_fini(&c->lives);
}

static struct live *oldest_unused(struct control *c)
{
    struct live *old = NULL;
    size_t at = 0;
    for (struct live *v; (v = table_each(&c->lives, &at));)
        if (v->l->state != LESSON_RUNNING && !v->sessions && !v->readers && !v->l->room &&
            !v->recording && (!old || v->l->touched < old->l->touched))
            old = v;
    return old;
}

void live_forget(struct control *c)
{
    while (c->lives.n > KEEP_ENDED) {
        char key[ID_CAP];
        struct live *const v = oldest_unused(c);
        if (!v)
            return;
        id_key(v->l->id, key);
        (void)table_del(&c->lives, key);
        live_free(v);
    }
}

/* Keeping and telling */

static json_t *row_of(const struct event *e)
{
    return json_pack("{s:I, s:I, s:o, s:s, s:O?, s:O}", "id", (json_int_t)e->id, "at_ms",
                     (json_int_t)e->at_ms, "clock_ms",
                     e->clock_ms < 0 ? json_null() : json_integer(e->clock_ms), "kind", e->kind,
                     "by", e->by, "data", e->data);
}

static void report(struct control *c, enum err e, bool was_bad)
{
    const char *const why = catalogue_trouble(c->conf.catalogue);
    if (e != OK && !was_bad)
        log_error(c->log, "the catalogue cannot write: free some disk space, then it goes on",
                  "why=\"%s\"", why ? why : err_name(e));
    else if (e == OK && was_bad)
        log_info(c->log, "the catalogue writes again", "ok=1");
}

static enum err save(struct control *c, const struct lesson *l, const struct event *e)
{
    const bool was_bad = catalogue_trouble(c->conf.catalogue) != NULL;
    const enum err done = catalogue_save(c->conf.catalogue, l, e);
    report(c, done, was_bad);
    return done;
}

/* An event that was kept goes to the recording and to the readers. */
static json_t *tell(struct control *c, struct live *v, const struct claims *by,
                    const struct event *e)
{
    json_t *const row = row_of(e);
    if (!row)
        return NULL;
    c->count.events++;
    v->sites_due = true;
    recordings_event(c, v, row);
    events_tell(c, v, row);
    json_t *const seen = by ? event_for(c, v, by, row) : NULL;
    json_decref(row);
    return seen;
}

static struct event next_event(struct control *c, struct live *v, const char *kind,
                               const struct claims *by, json_t *data)
{
    return (struct event){
        .id = ++v->l->last_event,
        .at_ms = c->wall_ms,
        .clock_ms = lesson_clock(v->l, c->now),
        .kind = kind,
        .by = by ? claims_by(by) : NULL,
        .data = data,
    };
}

json_t *live_event(struct control *c, struct live *v, const char *kind, const struct claims *by,
                   json_t *data)
{
    if (!data)
        return NULL;
    const struct event e = next_event(c, v, kind, by, data);
    (void)save(c, v->l, &e);
    json_t *const seen = tell(c, v, by, &e);
    json_decref(e.by);
    json_decref(data);
    return seen;
}

static bool refuse_unkept(enum err e, struct problem *p)
{
    if (e == OK)
        return true;
    return problem_set(p, e == E_LIMIT ? P_DISK_FULL : P_UNAVAILABLE, NULL,
                       "it could not be written to the catalogue");
}

json_t *live_event_kept(struct control *c, struct live *v, const char *kind,
                        const struct request *r, json_t *data, struct problem *p)
{
    if (!data)
        return NULL;
    const struct event e = next_event(c, v, kind, &r->claims, data);
    json_t *seen = NULL;
    if (refuse_unkept(save(c, v->l, &e), p))
        seen = tell(c, v, &r->claims, &e);
    else
        v->l->last_event--;
    json_decref(e.by);
    json_decref(data);
    return seen;
}

/* Calls */

static void answer_lesson(struct control *c, struct request *r, const struct lesson *l,
                          unsigned status)
{
    answer_json(r, status, lesson_json(l, c->now));
}

static bool may_create(const struct claims *who, const json_t *meta, struct problem *p)
{
    if (!role_check(who, MAY_CREATE, p))
        return false;
    if (who->role == ROLE_ADMIN && (!who->lesson[0] || strcmp(who->lesson, "*") == 0))
        return true;
    if (who->lesson[0] && strcmp(who->lesson, "*") != 0)
        return problem_set(p, P_WRONG_LESSON, NULL, "the token is good for one lesson only");
    const char *const site =
        json_string_value(json_object_get(json_object_get(meta, "lead_site"), "id"));
    return (site && strcmp(site, who->site) == 0) ||
           problem_set(p, P_WRONG_SITE, "lead_site", "a lead creates lessons of her own site");
}

static bool choose_id(struct control *c, char id[ID_CAP], struct problem *p)
{
    struct problem none = {.kind = P_NONE};
    if (!id[0])
        rng_text(&c->rng, id, 10);
    if (!live_get(c, id, &none) && none.kind == P_NOT_FOUND)
        return true;
    return none.kind == P_NONE ? problem_set(p, P_LESSON_EXISTS, "id", "lesson %s exists", id)
                               : problem_set(p, P_INTERNAL, NULL, "the catalogue cannot be read");
}

static struct lesson *create(struct control *c, struct request *r, const json_t *body)
{
    char id[ID_CAP];
    struct lesson *l = NULL;
    json_t *const meta = lesson_describe(body, c->wall_ms, id, &r->problem);
    if (meta && may_create(&r->claims, meta, &r->problem) && choose_id(c, id, &r->problem)) {
        if (lesson_new(&l, id, meta) != OK)
            problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
        else
            l->created_at = c->wall_ms;
    }
    json_decref(meta);
    return l;
}

void api_lesson_create(struct control *c, struct request *r)
{
    char where[64];
    json_t *const body = request_json(r);
    struct lesson *const l = body ? create(c, r, body) : NULL;
    json_decref(body);
    if (!l)
        return;
    struct live *const v = live_add(c, l);
    if (!v) {
        problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
        return;
    }
    json_decref(live_event_kept(
        c, v, "lesson", r, json_pack("{s:o}", "lesson", lesson_json(v->l, c->now)), &r->problem));
    if (r->problem.kind != P_NONE) {
        char key[ID_CAP];
        id_key(v->l->id, key);
        (void)table_del(&c->lives, key);
        live_free(v);
        return;
    }
    log_info(c->log, "lesson created", "lesson=%s points=%zu", v->l->id, v->l->sites - 1);
    answer_lesson(c, r, v->l, 201);
    text_put(where, sizeof where, "/api/v1/lessons/%s", v->l->id);
    answer_header(r, "Location", where);
}

static bool list_query(const struct request *r, struct lesson_query *q, struct problem *p)
{
    static const char *const states[] = {"planned", "running", "ended"};
    const struct claims *const who = &r->claims;
    const char *const state = request_query(r, "state");
    const char *const limit = request_query(r, "limit");
    *q = (struct lesson_query){.state = -1, .limit = limit ? strtoll(limit, NULL, 10) : 100};
    for (int i = 0; state && i < 3; i++)
        if (strcmp(state, states[i]) == 0)
            q->state = i;
    if (state && q->state < 0)
        return problem_set(p, P_INVALID, "state", "state must be planned, running or ended");
    if (q->limit < 1 || q->limit > 500)
        return problem_set(p, P_INVALID, "limit", "limit must be 1 to 500");
    if (who->lesson[0] && strcmp(who->lesson, "*") != 0)
        q->id = who->lesson;
    else if (!who->lesson[0] && !role_may(who->role, MAY_SEE_ALL))
        q->site = who->site; /* "" finds nothing */
    return true;
}

void api_lesson_list(struct control *c, struct request *r)
{
    struct lesson_query q;
    json_t *const ids = json_array();
    json_t *const list = json_array();
    if (list_query(r, &q, &r->problem) && catalogue_lessons(c->conf.catalogue, &q, ids) != OK)
        problem_set(&r->problem, P_UNAVAILABLE, NULL, "the catalogue cannot be read");
    for (size_t i = 0; r->problem.kind == P_NONE && i < json_array_size(ids); i++) {
        struct problem none = {.kind = P_NONE};
        struct live *const v = live_get(c, json_string_value(json_array_get(ids, i)), &none);
        if (v && lesson_admits(v->l, &r->claims, &none))
            (void)json_array_append_new(list, lesson_json(v->l, c->now));
    }
    json_decref(ids);
    answer_json(r, 200, json_pack("{s:o}", "lessons", list));
    live_forget(c);
}

void api_lesson_get(struct control *c, struct request *r)
{
    struct live *const v = live_of(c, r);
    if (v)
        answer_lesson(c, r, v->l, 200);
}

/* The lesson, if this person may direct it. */
static struct live *directed(struct control *c, struct request *r)
{
    struct live *const v = live_of(c, r);
    return v && role_check(&r->claims, MAY_CONTROL, &r->problem) ? v : NULL;
}

/* A lead stays in her own site, whatever is changed. */
static bool stays_ours(const struct claims *who, const json_t *meta, struct problem *p)
{
    const char *const site =
        json_string_value(json_object_get(json_object_get(meta, "lead_site"), "id"));
    return who->role != ROLE_LEAD || (site && strcmp(site, who->site) == 0) ||
           problem_set(p, P_WRONG_SITE, "lead_site", "a lead cannot give the lesson away");
}

static void patch(struct control *c, struct request *r, struct live *v, json_t *meta)
{
    json_t *const before = json_incref(v->l->meta);
    if (lesson_apply(v->l, meta) != OK)
        problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
    else
        json_decref(live_event_kept(c, v, "lesson", r,
                                    json_pack("{s:o}", "lesson", lesson_json(v->l, c->now)),
                                    &r->problem));
    if (r->problem.kind == P_NONE)
        answer_lesson(c, r, v->l, 200);
    else if (lesson_apply(v->l, before) != OK)
        log_error(c->log, "a refused change of a lesson could not be undone", "lesson=%s",
                  v->l->id);
    json_decref(before);
}

void api_lesson_patch(struct control *c, struct request *r)
{
    struct live *const v = directed(c, r);
    json_t *const body = v ? request_json(r) : NULL;
    if (body && v->sessions &&
        (json_object_get(body, "points") || json_object_get(body, "lead_site")))
        problem_set(&r->problem, P_LESSON_STARTED, "points",
                    "sites cannot be changed while somebody is connected");
    json_t *const meta =
        body && r->problem.kind == P_NONE ? lesson_patched(v->l, body, &r->problem) : NULL;
    if (meta && stays_ours(&r->claims, meta, &r->problem))
        patch(c, r, v, meta);
    json_decref(meta);
    json_decref(body);
}

static size_t running(struct control *c)
{
    size_t n = 0;
    size_t at = 0;
    for (struct live *v; (v = table_each(&c->lives, &at));)
        n += v->l->state == LESSON_RUNNING;
    return n;
}

static void start(struct control *c, struct live *v, const struct claims *by)
{
    (void)lesson_start(v->l, c->wall_ms, c->now);
    (void)save(c, v->l, NULL); /* first of all: what follows refers to it */
    if (!v->l->room && v->l->record && !rooms_open(c, v))
        log_error(c->log, "the media plane does not take the room", "lesson=%s", v->l->id);
    rooms_state(c, v);
    json_decref(
        live_event(c, v, "lesson", by, json_pack("{s:o}", "lesson", lesson_json(v->l, c->now))));
    log_info(c->log, "lesson started", "lesson=%s", v->l->id);
}

void api_lesson_start(struct control *c, struct request *r)
{
    struct live *const v = directed(c, r);
    if (!v)
        return;
    if (v->l->state == LESSON_ENDED)
        (void)lesson_is_running(v->l, &r->problem);
    else if (v->l->state == LESSON_PLANNED && running(c) >= c->conf.lessons_running)
        problem_set(&r->problem, P_TOO_MANY, NULL, "%u lessons run already",
                    c->conf.lessons_running);
    else if (v->l->state == LESSON_PLANNED)
        start(c, v, &r->claims);
    if (r->problem.kind == P_NONE)
        answer_lesson(c, r, v->l, 200);
}

/* Everybody's hand goes down and the floor is nobody's, each told as what it is. */
static void clear_stage(struct control *c, struct live *v, const struct claims *by)
{
    const uint8_t before = v->l->floor;
    for (size_t i = 0; i < v->l->sites; i++) {
        if (!lesson_hand(v->l, (uint8_t)i, false, 0, NULL))
            continue;
        json_decref(live_event(c, v, "hand", by,
                               json_pack("{s:s, s:b, s:n, s:s, s:o}", "site", v->l->site[i].id,
                                         "up", 0, "since_ms", "how", hand_how_name(HAND_END),
                                         "hands", lesson_hands_json(v->l))));
    }
    if (lesson_take(v->l))
        json_decref(floor_event(c, v, by, before, HOW_END));
}

static void end(struct control *c, struct live *v, const struct claims *by)
{
    clear_stage(c, v, by);
    (void)lesson_end(v->l, c->wall_ms);
    while (v->sessions)
        session_close(c, v->sessions);
    json_decref(
        live_event(c, v, "lesson", by, json_pack("{s:o}", "lesson", lesson_json(v->l, c->now))));
    rooms_close(c, v);
    recordings_close(c, v);
    log_info(c->log, "lesson ended", "lesson=%s clock_ms=%lld", v->l->id,
             (long long)lesson_clock(v->l, c->now));
}

void api_lesson_end(struct control *c, struct request *r)
{
    struct live *const v = directed(c, r);
    if (!v)
        return;
    if (v->l->state != LESSON_ENDED)
        end(c, v, &r->claims);
    answer_lesson(c, r, v->l, 200);
}
