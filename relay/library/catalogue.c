#include "relay/library/catalogue.h"

#include "relay/library/schema.h"
#include "relay/library/search.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x4c534831 /* "LSH1" */

enum query {
    Q_BEGIN,
    Q_COMMIT,
    Q_ROLLBACK,
    Q_LESSON_PUT,
    Q_SITES_DROP,
    Q_SITE_PUT,
    Q_EVENT_PUT,
    Q_LESSON,
    Q_SITES,
    Q_RESOURCE_OF,
    Q_LESSONS,
    Q_EVENTS,
    Q_NEWEST,
    Q_EVENT,
    Q_LAST_CLOCK,
    Q_VOTE_PUT,
    Q_VOTES,
    Q_RESOURCE_PUT,
    Q_RESOURCE,
    Q_TEXT_DROP,
    Q_TEXT_PUT,
    Q_RESOURCES,
    Q_RESOURCES_COUNT,
    Q_FOUND,
    Q_FOUND_COUNT,
    Q_RESOURCES_IN,
    Q_POSITION_PUT,
    Q_POSITION,
    Q_COUNT,
};

#define WHERE_RESOURCE                                                                             \
    " WHERE (?1 IS NULL OR r.lesson = ?1)"                                                         \
    " AND (?2 IS NULL OR EXISTS (SELECT 1 FROM site s WHERE s.lesson = r.lesson AND s.id = ?2))"   \
    " AND (?3 IS NULL OR l.meta ->> 'subject' = ?3)"                                               \
    " AND (?4 IS NULL OR l.meta ->> 'grade' = ?4)"
#define FROM_RESOURCE " FROM resource r JOIN lesson l ON l.id = r.lesson"
#define FROM_FOUND                                                                                 \
    " FROM resource_text t JOIN resource r ON r.id = t.id JOIN lesson l ON l.id = r.lesson"
#define EVENT_COLUMNS "id, at, clock_ms, kind, who, data"

static const char *const queries[Q_COUNT] = {
    [Q_BEGIN] = "BEGIN IMMEDIATE",
    [Q_COMMIT] = "COMMIT",
    [Q_ROLLBACK] = "ROLLBACK",
    [Q_LESSON_PUT] =
        "INSERT INTO lesson (id, meta, state, mode, floor, last_event, starts_at, started_at,"
        " ended_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT (id) DO UPDATE SET meta = ?2, state = ?3, mode = ?4, floor = ?5,"
        " last_event = ?6, starts_at = ?7, started_at = ?8, ended_at = ?9",
    [Q_SITES_DROP] = "DELETE FROM site WHERE lesson = ?1 AND number >= ?2",
    [Q_SITE_PUT] =
        "INSERT INTO site (lesson, number, id, hand_ms, hand_by, floor_count, last_floor_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (lesson, number) DO UPDATE SET"
        " id = ?3, hand_ms = ?4, hand_by = ?5, floor_count = ?6, last_floor_ms = ?7",
    [Q_EVENT_PUT] = "INSERT INTO event (lesson, id, at, clock_ms, kind, who, data)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [Q_LESSON] = "SELECT meta, state, mode, floor, last_event, started_at, ended_at, created_at"
                 " FROM lesson WHERE id = ?1",
    [Q_SITES] = "SELECT number, hand_ms, hand_by, floor_count, last_floor_ms FROM site"
                " WHERE lesson = ?1",
    [Q_RESOURCE_OF] = "SELECT id FROM resource WHERE lesson = ?1",
    [Q_LESSONS] = "SELECT id FROM lesson l WHERE (?1 IS NULL OR id = ?1)"
                  " AND (?2 IS NULL OR EXISTS (SELECT 1 FROM site s WHERE s.lesson = l.id"
                  " AND s.id = ?2)) AND (?3 < 0 OR state = ?3)"
                  " ORDER BY starts_at DESC, id DESC LIMIT ?4",
    [Q_EVENTS] = "SELECT " EVENT_COLUMNS " FROM event WHERE lesson = ?1 AND id > ?2"
                 " ORDER BY id LIMIT ?3",
    [Q_NEWEST] = "SELECT * FROM (SELECT " EVENT_COLUMNS " FROM event WHERE lesson = ?1"
                 " AND kind = ?2 ORDER BY id DESC LIMIT ?3) ORDER BY id",
    [Q_EVENT] = "SELECT " EVENT_COLUMNS " FROM event WHERE lesson = ?1 AND id = ?2",
    [Q_LAST_CLOCK] = "SELECT coalesce(max(clock_ms), 0) FROM event WHERE lesson = ?1",
    [Q_VOTE_PUT] = "INSERT INTO vote (lesson, poll, voter, site, counts)"
                   " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET counts = ?5",
    [Q_VOTES] = "SELECT voter, site, counts FROM vote WHERE lesson = ?1 AND poll = ?2",
    [Q_RESOURCE_PUT] =
        "INSERT INTO resource (id, lesson, state, detail, recorded_at, duration_ms, bytes, poster,"
        " tries) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE SET"
        " state = ?3, detail = ?4, recorded_at = ?5, duration_ms = ?6, bytes = ?7, poster = ?8,"
        " tries = ?9",
    [Q_RESOURCE] = "SELECT id, lesson, state, detail, recorded_at, duration_ms, bytes, poster,"
                   " tries FROM resource WHERE id = ?1",
    [Q_TEXT_DROP] = "DELETE FROM resource_text WHERE id = ?1",
    [Q_TEXT_PUT] = "INSERT INTO resource_text (id, title, people, marks) VALUES (?1, ?2, ?3, ?4)",
    [Q_RESOURCES] = "SELECT r.id" FROM_RESOURCE WHERE_RESOURCE
                    " ORDER BY r.recorded_at DESC, r.id LIMIT ?5 OFFSET ?6",
    [Q_RESOURCES_COUNT] = "SELECT count(*)" FROM_RESOURCE WHERE_RESOURCE,
    [Q_FOUND] = "SELECT r.id" FROM_FOUND WHERE_RESOURCE " AND resource_text MATCH ?7"
                " ORDER BY bm25(resource_text, 0.0, 8.0, 3.0, 1.0), r.recorded_at DESC"
                " LIMIT ?5 OFFSET ?6",
    [Q_FOUND_COUNT] = "SELECT count(*)" FROM_FOUND WHERE_RESOURCE " AND resource_text MATCH ?7",
    [Q_RESOURCES_IN] = "SELECT id FROM resource WHERE state = ?1 ORDER BY recorded_at",
    [Q_POSITION_PUT] = "INSERT INTO position (sub, resource, position_ms, updated_at)"
                       " VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET position_ms = ?3,"
                       " updated_at = ?4",
    [Q_POSITION] = "SELECT position_ms, updated_at FROM position WHERE sub = ?1 AND resource = ?2",
};

struct catalogue {
    sqlite3 *db;
    sqlite3_stmt *stmt[Q_COUNT];
    char trouble[256];
};

static enum err err_of(int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return OK;
    if (rc == SQLITE_NOMEM)
        return E_NOMEM;
    return rc == SQLITE_FULL ? E_LIMIT : E_IO;
}

const char *catalogue_trouble(const struct catalogue *c)
{
    return c->trouble[0] ? c->trouble : NULL;
}

/* Binding: s text (NULL allowed), i integer, n integer where -1 stands for NULL. */
static void bind(sqlite3_stmt *s, const char *kinds, const void *const *texts, const int64_t *ints)
{
    for (int i = 0; kinds[i]; i++) {
        if (kinds[i] == 's')
            (void)sqlite3_bind_text(s, i + 1, *texts++, -1, SQLITE_TRANSIENT);
        else if (kinds[i] == 'n' && *ints < 0)
            (void)sqlite3_bind_null(s, i + 1), ints++;
        else
            (void)sqlite3_bind_int64(s, i + 1, *ints++);
    }
}

#define TEXTS(...) ((const void *const[]){__VA_ARGS__})
#define INTS(...) ((const int64_t[]){__VA_ARGS__})
#define NONE NULL

static sqlite3_stmt *ask(struct catalogue *c, enum query q, const char *kinds,
                         const void *const *texts, const int64_t *ints)
{
    sqlite3_stmt *const s = c->stmt[q];
    (void)sqlite3_reset(s);
    bind(s, kinds, texts, ints);
    return s;
}

/* Runs a statement without rows. */
static enum err run(struct catalogue *c, enum query q, const char *kinds, const void *const *texts,
                    const int64_t *ints)
{
    sqlite3_stmt *const s = ask(c, q, kinds, texts, ints);
    const int rc = sqlite3_step(s);
    const enum err e = err_of(rc);
    if (e != OK)
        text_put(c->trouble, sizeof c->trouble, "%s", sqlite3_errmsg(c->db));
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
    return e;
}

static enum err begin(struct catalogue *c)
{
    return run(c, Q_BEGIN, "", NONE, NONE);
}

/* Ends a transaction as `e` says; trouble is over once a commit went well. */
static enum err finish(struct catalogue *c, enum err e)
{
    if (e == OK)
        e = run(c, Q_COMMIT, "", NONE, NONE);
    if (e == OK)
        c->trouble[0] = 0;
    else if (!sqlite3_get_autocommit(c->db))
        (void)sqlite3_step(ask(c, Q_ROLLBACK, "", NONE, NONE));
    (void)sqlite3_reset(c->stmt[Q_ROLLBACK]);
    return e;
}

static enum err single(struct catalogue *c, enum err e)
{
    if (e == OK)
        c->trouble[0] = 0;
    return e;
}

static const char *column(sqlite3_stmt *s, int i)
{
    const unsigned char *const t = sqlite3_column_text(s, i);
    return t ? (const char *)t : "";
}

static int64_t column_or(sqlite3_stmt *s, int i, int64_t none)
{
    return sqlite3_column_type(s, i) == SQLITE_NULL ? none : sqlite3_column_int64(s, i);
}

static json_t *column_json(sqlite3_stmt *s, int i)
{
    return json_loads(column(s, i), JSON_DECODE_ANY, NULL);
}

static void copy(char *out, size_t cap, const char *s)
{
    text_put(out, cap, "%s", s);
}

/* Opening */

static int64_t pragma(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t v = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        v = sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return v;
}

static bool is_sound(sqlite3 *db)
{
    sqlite3_stmt *s = NULL;
    const bool good = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL) == SQLITE_OK &&
                      sqlite3_step(s) == SQLITE_ROW && strcmp(column(s, 0), "ok") == 0;
    (void)sqlite3_finalize(s);
    return good;
}

static enum err make_schema(struct catalogue *c)
{
    char sql[128];
    text_put(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             APPLICATION_ID, SCHEMA_VERSION);
    int rc = sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c->db, schema_sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return err_of(rc);
}

static enum err prepare_all(struct catalogue *c)
{
    for (enum query q = 0; q < Q_COUNT; q++) {
        const int rc =
            sqlite3_prepare_v3(c->db, queries[q], -1, SQLITE_PREPARE_PERSISTENT, &c->stmt[q], NULL);
        if (rc != SQLITE_OK)
            return err_of(rc);
    }
    return OK;
}

static enum err check_version(struct catalogue *c, const char *path, char why[256])
{
    const int64_t version = pragma(c->db, "PRAGMA user_version");
    if (version == 0 && pragma(c->db, "SELECT count(*) FROM sqlite_schema") == 0)
        return make_schema(c);
    if (version == SCHEMA_VERSION && pragma(c->db, "PRAGMA application_id") == APPLICATION_ID)
        return OK;
    text_put(why, 256, "%s is not a catalogue of this version of the relay (it is of %lld)", path,
             (long long)version);
    return E_FORMAT;
}

static enum err open_db(struct catalogue *c, const char *path, char why[256])
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(path, &c->db, flags, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(c->db, 2000);
    if (rc == SQLITE_OK) /* WAL survives kill -9 with synchronous NORMAL; and foreign keys hold */
        rc = sqlite3_exec(c->db,
                          "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                          "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                          "PRAGMA wal_autocheckpoint = 500",
                          NULL, NULL, NULL);
    if (rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT || (rc == SQLITE_OK && !is_sound(c->db))) {
        text_put(why, 256,
                 "the catalogue %s is damaged: put a backup in its place, or move it away "
                 "to begin an empty one (recordings are not touched)",
                 path);
        return E_FORMAT;
    }
    if (rc != SQLITE_OK)
        return err_of(rc);
    return check_version(c, path, why);
}

enum err catalogue_open(struct catalogue **out, const char *path, char why[256])
{
    why[0] = 0;
    *out = NULL;
    struct catalogue *c = calloc(1, sizeof *c);
    if (!c)
        return E_NOMEM;
    enum err e = open_db(c, path, why);
    if (e == OK)
        e = prepare_all(c);
    if (e != OK) {
        if (!why[0])
            text_put(why, 256, "the catalogue %s: %s", path,
                     c->db ? sqlite3_errmsg(c->db) : err_name(e));
        catalogue_close(&c);
    }
    *out = c;
    return e;
}

void catalogue_close(struct catalogue **c)
{
    if (!*c)
        return;
    for (enum query q = 0; q < Q_COUNT; q++)
        (void)sqlite3_finalize((*c)->stmt[q]);
    (void)sqlite3_close((*c)->db);
    free(*c);
    *c = NULL;
}

/* Lessons */

static enum err put_lesson(struct catalogue *c, const struct lesson *l)
{
    char *const meta = json_dumps(l->meta, JSON_COMPACT);
    if (!meta)
        return E_NOMEM;
    const enum err e =
        run(c, Q_LESSON_PUT, "ssiiniiiii", TEXTS(l->id, meta),
            INTS(l->state, l->mode, l->floor == SITE_NONE ? -1 : l->floor, l->last_event,
                 l->starts_at, l->started_at, l->ended_at, l->created_at));
    free(meta);
    return e;
}

static enum err put_site(struct catalogue *c, const struct lesson *l, size_t i)
{
    const struct site *const s = &l->site[i];
    char *const by = s->hand && s->hand_by ? json_dumps(s->hand_by, JSON_COMPACT) : NULL;
    sqlite3_stmt *const st = c->stmt[Q_SITE_PUT];
    (void)sqlite3_reset(st);
    (void)sqlite3_bind_text(st, 1, l->id, -1, SQLITE_TRANSIENT);
    (void)sqlite3_bind_int64(st, 2, (int64_t)i);
    (void)sqlite3_bind_text(st, 3, s->id, -1, SQLITE_TRANSIENT);
    if (s->hand)
        (void)sqlite3_bind_int64(st, 4, s->hand_ms);
    (void)sqlite3_bind_text(st, 5, by, -1, SQLITE_TRANSIENT);
    (void)sqlite3_bind_int64(st, 6, s->floor_count);
    if (s->last_floor_ms >= 0)
        (void)sqlite3_bind_int64(st, 7, s->last_floor_ms);
    free(by);
    const enum err e = err_of(sqlite3_step(st));
    if (e != OK)
        copy(c->trouble, sizeof c->trouble, sqlite3_errmsg(c->db));
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
    return e;
}

static enum err put_event(struct catalogue *c, const char *lesson, const struct event *v)
{
    char *const by = v->by ? json_dumps(v->by, JSON_COMPACT) : NULL;
    char *const data = json_dumps(v->data, JSON_COMPACT);
    sqlite3_stmt *const s = c->stmt[Q_EVENT_PUT];
    (void)sqlite3_reset(s);
    (void)sqlite3_bind_text(s, 1, lesson, -1, SQLITE_TRANSIENT);
    (void)sqlite3_bind_int64(s, 2, v->id);
    (void)sqlite3_bind_int64(s, 3, v->at_ms);
    if (v->clock_ms >= 0)
        (void)sqlite3_bind_int64(s, 4, v->clock_ms);
    (void)sqlite3_bind_text(s, 5, v->kind, -1, SQLITE_TRANSIENT);
    (void)sqlite3_bind_text(s, 6, by, -1, SQLITE_TRANSIENT);
    (void)sqlite3_bind_text(s, 7, data, -1, SQLITE_TRANSIENT);
    free(by);
    free(data);
    const enum err e = err_of(sqlite3_step(s));
    if (e != OK)
        copy(c->trouble, sizeof c->trouble, sqlite3_errmsg(c->db));
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
    return e;
}

enum err catalogue_save(struct catalogue *c, const struct lesson *l, const struct event *v)
{
    enum err e = begin(c);
    if (e != OK)
        return e;
    e = put_lesson(c, l);
    if (e == OK)
        e = run(c, Q_SITES_DROP, "si", TEXTS(l->id), INTS((int64_t)l->sites));
    for (size_t i = 0; e == OK && i < l->sites; i++)
        e = put_site(c, l, i);
    if (e == OK && v)
        e = put_event(c, l->id, v);
    return finish(c, e);
}

static enum err get_sites(struct catalogue *c, struct lesson *l)
{
    sqlite3_stmt *const s = ask(c, Q_SITES, "s", TEXTS(l->id), NONE);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const int64_t i = sqlite3_column_int64(s, 0);
        if (i < 0 || i >= (int64_t)l->sites)
            continue;
        struct site *const site = &l->site[i];
        site->hand_ms = column_or(s, 1, -1);
        site->hand = site->hand_ms >= 0;
        site->hand_by = site->hand ? column_json(s, 2) : NULL;
        site->floor_count = (unsigned)sqlite3_column_int64(s, 3);
        site->last_floor_ms = column_or(s, 4, -1);
    }
    (void)sqlite3_reset(s);
    return err_of(rc);
}

static void get_resource_of(struct catalogue *c, struct lesson *l)
{
    sqlite3_stmt *const s = ask(c, Q_RESOURCE_OF, "s", TEXTS(l->id), NONE);
    if (sqlite3_step(s) == SQLITE_ROW)
        copy(l->resource, sizeof l->resource, column(s, 0));
    (void)sqlite3_reset(s);
}

/* The row of Q_LESSON. */
static enum err read_lesson(sqlite3_stmt *s, const char *id, struct lesson **l)
{
    json_t *const meta = column_json(s, 0);
    const enum err e = meta ? lesson_new(l, id, meta) : E_FORMAT;
    json_decref(meta);
    if (e != OK)
        return e;
    (*l)->state = (enum lesson_state)sqlite3_column_int(s, 1);
    (*l)->mode = (enum room_mode)sqlite3_column_int(s, 2);
    const int64_t floor = column_or(s, 3, SITE_NONE);
    (*l)->floor = floor < (int64_t)(*l)->sites ? (uint8_t)floor : SITE_NONE;
    (*l)->last_event = sqlite3_column_int64(s, 4);
    (*l)->started_at = sqlite3_column_int64(s, 5);
    (*l)->ended_at = sqlite3_column_int64(s, 6);
    (*l)->created_at = sqlite3_column_int64(s, 7);
    return OK;
}

enum err catalogue_lesson(struct catalogue *c, const char *id, struct lesson **l)
{
    *l = NULL;
    sqlite3_stmt *const s = ask(c, Q_LESSON, "s", TEXTS(id), NONE);
    const int rc = sqlite3_step(s);
    enum err e = rc == SQLITE_ROW ? read_lesson(s, id, l) : rc == SQLITE_DONE ? E_STATE : E_IO;
    (void)sqlite3_reset(s);
    if (e == OK)
        e = get_sites(c, *l);
    if (e == OK)
        get_resource_of(c, *l);
    else
        lesson_free(l);
    return e;
}

static enum err collect_ids(sqlite3_stmt *s, json_t *ids)
{
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        (void)json_array_append_new(ids, json_string(column(s, 0)));
    (void)sqlite3_reset(s);
    return err_of(rc);
}

enum err catalogue_lessons(struct catalogue *c, const struct lesson_query *q, json_t *ids)
{
    return collect_ids(ask(c, Q_LESSONS, "ssii", TEXTS(q->id, q->site), INTS(q->state, q->limit)),
                       ids);
}

/* Events */

static json_t *event_row(sqlite3_stmt *s)
{
    const int64_t clock = column_or(s, 2, -1);
    const bool by = sqlite3_column_type(s, 4) != SQLITE_NULL;
    return json_pack("{s:I, s:I, s:o, s:s, s:o, s:o}", "id", (json_int_t)sqlite3_column_int64(s, 0),
                     "at_ms", (json_int_t)sqlite3_column_int64(s, 1), "clock_ms",
                     clock < 0 ? json_null() : json_integer(clock), "kind", column(s, 3), "by",
                     by ? column_json(s, 4) : json_null(), "data", column_json(s, 5));
}

static enum err collect_events(sqlite3_stmt *s, json_t *events)
{
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        (void)json_array_append_new(events, event_row(s));
    (void)sqlite3_reset(s);
    return err_of(rc);
}

enum err catalogue_events(struct catalogue *c, const char *lesson, int64_t after, int64_t limit,
                          json_t *events)
{
    return collect_events(ask(c, Q_EVENTS, "sii", TEXTS(lesson), INTS(after, limit)), events);
}

enum err catalogue_newest(struct catalogue *c, const char *lesson, const char *kind, int64_t limit,
                          json_t *events)
{
    return collect_events(ask(c, Q_NEWEST, "ssi", TEXTS(lesson, kind), INTS(limit)), events);
}

enum err catalogue_event(struct catalogue *c, const char *lesson, int64_t id, json_t **event)
{
    sqlite3_stmt *const s = ask(c, Q_EVENT, "si", TEXTS(lesson), INTS(id));
    const int rc = sqlite3_step(s);
    *event = rc == SQLITE_ROW ? event_row(s) : NULL;
    (void)sqlite3_reset(s);
    if (rc == SQLITE_ROW)
        return *event ? OK : E_NOMEM;
    return rc == SQLITE_DONE ? E_STATE : err_of(rc);
}

int64_t catalogue_last_clock(struct catalogue *c, const char *lesson)
{
    sqlite3_stmt *const s = ask(c, Q_LAST_CLOCK, "s", TEXTS(lesson), NONE);
    const int64_t v = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_reset(s);
    return v;
}

enum err catalogue_vote(struct catalogue *c, const char *lesson, int64_t poll, const struct vote *v)
{
    char *const counts = json_dumps(v->counts, JSON_COMPACT);
    if (!counts)
        return E_NOMEM;
    const enum err e =
        run(c, Q_VOTE_PUT, "sisss", TEXTS(lesson, v->voter, v->site, counts), INTS(poll));
    free(counts);
    return single(c, e);
}

enum err catalogue_votes(struct catalogue *c, const char *lesson, int64_t poll, json_t *votes)
{
    sqlite3_stmt *const s = ask(c, Q_VOTES, "si", TEXTS(lesson), INTS(poll));
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const bool home = sqlite3_column_type(s, 1) == SQLITE_NULL;
        (void)json_array_append_new(votes, json_pack("{s:s, s:s?, s:o}", "voter", column(s, 0),
                                                     "site", home ? NULL : column(s, 1), "counts",
                                                     column_json(s, 2)));
    }
    (void)sqlite3_reset(s);
    return err_of(rc);
}

/* The library */

const char *resource_state_name(enum resource_state s)
{
    static const char *const names[] = {"recording", "packaging", "ready", "failed"};
    return names[s];
}

enum err catalogue_resource_save(struct catalogue *c, const struct resource *r)
{
    return single(c,
                  run(c, Q_RESOURCE_PUT, "ssisiiisi", TEXTS(r->id, r->lesson, r->detail, r->poster),
                      INTS(r->state, r->recorded_at, r->duration_ms, r->bytes, r->tries)));
}

enum err catalogue_resource(struct catalogue *c, const char *id, struct resource *r)
{
    sqlite3_stmt *const s = ask(c, Q_RESOURCE, "s", TEXTS(id), NONE);
    const int rc = sqlite3_step(s);
    *r = (struct resource){.state = RES_FAILED};
    if (rc == SQLITE_ROW) {
        copy(r->id, sizeof r->id, column(s, 0));
        copy(r->lesson, sizeof r->lesson, column(s, 1));
        r->state = (enum resource_state)sqlite3_column_int(s, 2);
        copy(r->detail, sizeof r->detail, column(s, 3));
        r->recorded_at = sqlite3_column_int64(s, 4);
        r->duration_ms = sqlite3_column_int64(s, 5);
        r->bytes = sqlite3_column_int64(s, 6);
        copy(r->poster, sizeof r->poster, column(s, 7));
        r->tries = sqlite3_column_int64(s, 8);
    }
    (void)sqlite3_reset(s);
    return rc == SQLITE_ROW ? OK : rc == SQLITE_DONE ? E_STATE : err_of(rc);
}

static char *spread(const char *text)
{
    const size_t cap = strlen(text) * 3 + 1; /* a space on both sides of three bytes, at most */
    char *const out = malloc(cap);
    if (out)
        (void)search_spread(text, out, cap);
    return out;
}

enum err catalogue_index(struct catalogue *c, const char *id, const struct resource_text *t)
{
    char *const title = spread(t->title);
    char *const people = spread(t->people);
    char *const marks = spread(t->marks);
    enum err e = title && people && marks ? begin(c) : E_NOMEM;
    if (e == OK) {
        e = run(c, Q_TEXT_DROP, "s", TEXTS(id), NONE);
        if (e == OK)
            e = run(c, Q_TEXT_PUT, "ssss", TEXTS(id, title, people, marks), NONE);
        e = finish(c, e);
    }
    free(title);
    free(people);
    free(marks);
    return e;
}

enum err catalogue_resources(struct catalogue *c, const struct resource_query *q, json_t *ids,
                             int64_t *total)
{
    char match[1024];
    const bool search = q->typed && q->typed[0];
    *total = 0;
    if (search && !search_query(q->typed, match, sizeof match))
        return OK; /* nothing but signs and spaces: finds nothing */
    const void *const texts[] = {q->lesson, q->site, q->subject, q->grade, search ? match : NULL};
    sqlite3_stmt *s = ask(c, search ? Q_FOUND_COUNT : Q_RESOURCES_COUNT, "ssss", texts, NONE);
    if (search)
        (void)sqlite3_bind_text(s, 7, match, -1, SQLITE_TRANSIENT);
    const int rc = sqlite3_step(s);
    *total = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_reset(s);
    if (rc != SQLITE_ROW)
        return err_of(rc);
    s = ask(c, search ? Q_FOUND : Q_RESOURCES, search ? "ssssiis" : "ssssii", texts,
            INTS(q->limit, q->offset));
    return collect_ids(s, ids);
}

enum err catalogue_resources_in(struct catalogue *c, enum resource_state state, json_t *ids)
{
    return collect_ids(ask(c, Q_RESOURCES_IN, "i", NONE, INTS(state)), ids);
}

enum err catalogue_position_put(struct catalogue *c, const char *sub, const char *resource,
                                int64_t position_ms, int64_t at)
{
    return single(c, run(c, Q_POSITION_PUT, "ssii", TEXTS(sub, resource), INTS(position_ms, at)));
}

enum err catalogue_position(struct catalogue *c, const char *sub, const char *resource,
                            int64_t *position_ms, int64_t *at)
{
    sqlite3_stmt *const s = ask(c, Q_POSITION, "ss", TEXTS(sub, resource), NONE);
    const int rc = sqlite3_step(s);
    *position_ms = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    *at = rc == SQLITE_ROW ? sqlite3_column_int64(s, 1) : 0;
    (void)sqlite3_reset(s);
    return rc == SQLITE_ROW ? OK : rc == SQLITE_DONE ? E_STATE : err_of(rc);
}
