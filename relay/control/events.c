/* events.c - server-sent events: who is told what, and the whole picture for those who come. */
#include "relay/control/core.h"
#include "relay/control/slots.h"

#include <stdlib.h>
#include <string.h>

#define RESUME_MAX 1000
#define NEWEST 200
#define PING_GAP (10 * USEC_SEC)
#define QUALITY_GAP (2 * USEC_SEC)

struct reader {
    struct reader *next;
    struct live *v;
    struct stream *stream;
    struct claims claims;
    struct control *c;
};

static bool is_me(const json_t *by, const struct claims *who)
{
    const char *const sub = json_string_value(json_object_get(by, "sub"));
    return sub && strcmp(sub, who->sub) == 0;
}

static bool made_by(const json_t *by, enum role role)
{
    const char *const name = json_string_value(json_object_get(by, "role"));
    return name && strcmp(name, role_name(role)) == 0;
}

static bool sees_mark(const struct live *v, const struct claims *who, const json_t *mark)
{
    const json_t *const by = json_object_get(mark, "by");
    if (!json_is_true(json_object_get(mark, "private")) || is_me(by, who))
        return true;
    if (!made_by(by, ROLE_OBSERVER))
        return false;
    return who->role == ROLE_OBSERVER || who->role == ROLE_ADMIN ||
           (who->role == ROLE_LEAD && v->l->state == LESSON_ENDED);
}

static bool sees_message(const struct claims *who, const json_t *message)
{
    const json_t *const by = json_object_get(message, "by");
    const char *const to = json_string_value(json_object_get(message, "to"));
    if (!to || is_me(by, who) || who->role == ROLE_ADMIN || who->role == ROLE_LEAD)
        return to != NULL;
    if (strcmp(to, "all") == 0)
        return who->role != ROLE_STUDENT || made_by(by, ROLE_LEAD);
    return strncmp(to, "site/", 5) == 0 && who->site[0] && strcmp(to + 5, who->site) == 0;
}

static bool sees(const struct live *v, const struct claims *who, const char *kind,
                 const json_t *data)
{
    if (strcmp(kind, "mark") == 0)
        return sees_mark(v, who, json_object_get(data, "mark"));
    if (strcmp(kind, "message") == 0)
        return sees_message(who, json_object_get(data, "message"));
    return true;
}

json_t *event_for(struct control *c, const struct live *v, const struct claims *who,
                  const json_t *row)
{
    char at[TIME_TEXT];
    const char *const kind = json_string_value(json_object_get(row, "kind"));
    json_t *const data = json_object_get(row, "data");
    if (!kind || !sees(v, who, kind, data))
        return NULL;
    json_t *const j =
        json_pack("{s:O, s:s, s:O, s:O}", "id", json_object_get(row, "id"), "at",
                  text_time(json_integer_value(json_object_get(row, "at_ms")), at), "clock_ms",
                  json_object_get(row, "clock_ms"), "by", json_object_get(row, "by"));
    if (!j || json_object_update_missing(j, data) != 0)
        return j;
    if (strcmp(kind, "poll") == 0)
        (void)json_object_set_new(j, "poll", poll_for(c, v, who, json_object_get(data, "poll")));
    return j;
}

/* Writing */

static void put(struct reader *r, int64_t id, const char *kind, const json_t *data)
{
    char head[80];
    char *const text = json_dumps(data, JSON_COMPACT);
    if (!text)
        return;
    if (id >= 0)
        text_put(head, sizeof head, "id: %lld\nevent: %s\ndata: ", (long long)id, kind);
    else
        text_put(head, sizeof head, "event: %s\ndata: ", kind);
    if (stream_put(r->stream, head, strlen(head)) && stream_put(r->stream, text, strlen(text)))
        (void)stream_put(r->stream, "\n\n", 2);
    free(text);
}

static void put_row(struct control *c, struct reader *r, const json_t *row)
{
    json_t *const j = event_for(c, r->v, &r->claims, row);
    if (j)
        put(r, json_integer_value(json_object_get(row, "id")),
            json_string_value(json_object_get(row, "kind")), j);
    json_decref(j);
}

void events_tell(struct control *c, struct live *v, const json_t *row)
{
    for (struct reader *r = v->readers; r; r = r->next)
        put_row(c, r, row);
}

static bool sees_member(const struct claims *who, const struct session *s)
{
    if (role_may(who->role, MAY_SEE_MEMBERS) || strcmp(who->sub, s->claims.sub) == 0)
        return true;
    return who->role == ROLE_ASSISTANT && s->seat != SITE_NONE;
}

void events_member(struct control *c, struct live *v, const struct session *s)
{
    (void)c;
    if (!v->readers)
        return;
    json_t *const j = json_pack("{s:o}", "member", session_json(s));
    for (struct reader *r = v->readers; j && r; r = r->next)
        if (sees_member(&r->claims, s))
            put(r, -1, "member", j);
    json_decref(j);
}

void events_poll(struct control *c, struct live *v, const json_t *poll)
{
    for (struct reader *r = v->readers; r; r = r->next) {
        if (!role_may(r->claims.role, MAY_SEE_TALLY))
            continue;
        json_t *const j = json_pack("{s:o}", "poll", poll_for(c, v, &r->claims, poll));
        put(r, -1, "poll", j);
        json_decref(j);
    }
}

static json_t *speaking_json(const struct live *v)
{
    return v->speaking == SITE_NONE ? json_null() : json_string(v->l->site[v->speaking].id);
}

void events_speaking(struct control *c, struct live *v)
{
    (void)c;
    json_t *const j = json_pack("{s:o}", "site", speaking_json(v));
    for (struct reader *r = v->readers; j && r; r = r->next)
        put(r, -1, "speaking", j);
    json_decref(j);
}

/* The snapshot */

static json_t *sites_json(const struct live *v)
{
    json_t *const a = json_array();
    for (size_t i = 0; a && i < v->l->sites; i++)
        (void)json_array_append_new(a, site_json(v, (uint8_t)i));
    return a;
}

static json_t *members_json(const struct live *v, const struct claims *who)
{
    json_t *const a = json_array();
    for (const struct session *s = v->sessions; a && s; s = s->next)
        if (sees_member(who, s))
            (void)json_array_append_new(a, session_json(s));
    return a;
}

/* The newest marks or messages that this person may see. */
static json_t *newest(struct control *c, const struct live *v, const struct claims *who,
                      const char *kind)
{
    json_t *const rows = json_array();
    json_t *const a = json_array();
    if (catalogue_newest(c->conf.catalogue, v->l->id, kind, NEWEST, rows) != OK)
        log_warn(c->log, "the catalogue cannot be read", "lesson=%s", v->l->id);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *const data = json_object_get(json_array_get(rows, i), "data");
        if (sees(v, who, kind, data))
            (void)json_array_append(a, json_object_get(data, kind));
    }
    json_decref(rows);
    return a;
}

static json_t *snapshot(struct control *c, const struct live *v, const struct claims *who)
{
    char now[TIME_TEXT];
    const int64_t clock = lesson_clock(v->l, c->now);
    const struct lesson *const l = v->l;
    json_t *const j =
        json_pack("{s:I, s:s, s:o, s:o, s:o, s:s, s:s?, s:o, s:o, s:o, s:o, s:o}", "id",
                  (json_int_t)l->last_event, "now", text_time(c->wall_ms, now), "clock_ms",
                  clock < 0 ? json_null() : json_integer(clock), "me", claims_by(who), "lesson",
                  lesson_json(l, c->now), "mode", lesson_mode_name(l->mode), "floor",
                  l->floor == SITE_NONE ? NULL : l->site[l->floor].id, "hands",
                  lesson_hands_json(l), "sites", sites_json(v), "members", members_json(v, who),
                  "speaking", speaking_json(v), "quality", quality_json(v, who));
    if (!j)
        return NULL;
    (void)json_object_set_new(j, "marks", newest(c, v, who, "mark"));
    (void)json_object_set_new(j, "messages", newest(c, v, who, "message"));
    (void)json_object_set_new(j, "polls", polls_for(c, v, who));
    return j;
}

void api_state(struct control *c, struct request *r)
{
    struct live *const v = live_of(c, r);
    if (v && role_check(&r->claims, MAY_EVENTS, &r->problem))
        answer_json(r, 200, snapshot(c, v, &r->claims));
}

void api_list(struct control *c, struct request *r)
{
    struct live *const v = live_of(c, r);
    const bool marks = r->route.call == CALL_MARK_LIST;
    if (v && role_check(&r->claims, MAY_EVENTS, &r->problem))
        answer_json(r, 200,
                    json_pack("{s:o}", marks ? "marks" : "messages",
                              newest(c, v, &r->claims, marks ? "mark" : "message")));
}

/* Coming and going */

static void on_gone(void *ctx, void *owner)
{
    struct control *const c = ctx;
    struct reader *const r = owner;
    struct reader **at = &r->v->readers;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    c->readers--;
    free(r);
}

static bool resume_point(const struct request *r, int64_t *after, struct problem *p)
{
    char *end;
    const char *s = request_header(r, "Last-Event-ID");
    if (!s)
        s = request_query(r, "last_event_id");
    *after = -1;
    if (!s || !*s)
        return true;
    *after = strtoll(s, &end, 10);
    return (*s >= '0' && *s <= '9' && !*end && strlen(s) <= 18) ||
           problem_set(p, P_BAD_REQUEST, "Last-Event-ID", "must be the number of an event");
}

static void replay(struct control *c, struct reader *r, int64_t after)
{
    json_t *const rows = json_array();
    const int64_t missed = r->v->l->last_event - after;
    if (after >= 0 && missed > 0 && missed <= RESUME_MAX &&
        catalogue_events(c->conf.catalogue, r->v->l->id, after, RESUME_MAX, rows) == OK)
        for (size_t i = 0; i < json_array_size(rows); i++)
            put_row(c, r, json_array_get(rows, i));
    json_decref(rows);
}

static void greet(struct control *c, struct reader *r, int64_t after)
{
    static const char retry[] = "retry: 1000\n\n";
    (void)stream_put(r->stream, retry, sizeof retry - 1);
    replay(c, r, after);
    json_t *const j = snapshot(c, r->v, &r->claims);
    if (j)
        put(r, r->v->l->last_event, "snapshot", j);
    json_decref(j);
}

void api_events(struct control *c, struct request *q)
{
    int64_t after;
    struct live *const v = live_of(c, q);
    if (!v || !role_check(&q->claims, MAY_EVENTS, &q->problem) ||
        !resume_point(q, &after, &q->problem))
        return;
    if (strcmp(q->method, "HEAD") == 0) {
        answer_empty(q, 200);
        return;
    }
    struct reader *const r = calloc(1, sizeof *r);
    if (!r) {
        problem_set(&q->problem, P_INTERNAL, NULL, "no memory");
        return;
    }
    *r = (struct reader){.next = v->readers, .v = v, .claims = q->claims, .c = c};
    v->readers = r;
    c->readers++;
    r->stream = answer_stream(q, "text/event-stream", on_gone, c, r);
    if (r->stream) {
        greet(c, r, after);
        return;
    }
    on_gone(c, r);
    problem_set(&q->problem, P_INTERNAL, NULL, "no memory");
}

void events_end(struct control *c, struct live *v)
{
    (void)c;
    for (struct reader *r = v->readers; r; r = r->next)
        stream_end(r->stream);
}

size_t events_readers(const struct live *v)
{
    size_t n = 0;
    for (const struct reader *r = v->readers; r; r = r->next)
        n++;
    return n;
}

/* Once a turn */

static void tell_site(struct live *v, uint8_t i)
{
    json_t *const now = site_json(v, i);
    if (!now || (v->shown[i] && json_equal(now, v->shown[i]))) {
        json_decref(now);
        return;
    }
    json_t *const j = json_pack("{s:O}", "site", now);
    for (struct reader *r = v->readers; j && r; r = r->next)
        put(r, -1, "site", j);
    json_decref(j);
    json_decref(v->shown[i]);
    v->shown[i] = now;
}

static void tell_quality(struct control *c, struct live *v)
{
    if (c->now < v->next_quality)
        return;
    v->next_quality = c->now + QUALITY_GAP;
    for (struct reader *r = v->readers; r; r = r->next) {
        json_t *const list = quality_json(v, &r->claims);
        json_t *const j = json_pack("{s:O}", "sites", list);
        if (json_array_size(list) > 0)
            put(r, -1, "quality", j);
        json_decref(j);
        json_decref(list);
    }
}

void events_turn(struct control *c)
{
    const bool ping = c->now >= c->next_ping;
    size_t at = 0;
    if (ping)
        c->next_ping = c->now + PING_GAP;
    for (struct live *v; (v = table_each(&c->lives, &at));) {
        for (size_t i = 0; v->sites_due && i < v->l->sites; i++)
            tell_site(v, (uint8_t)i);
        v->sites_due = false;
        if (v->sessions && v->readers)
            tell_quality(c, v);
        for (struct reader *r = v->readers; ping && r; r = r->next)
            (void)stream_put(r->stream, ": ping\n\n", 8);
    }
}

usec events_next(const struct control *c)
{
    if (c->readers == 0)
        return USEC_NEVER;
    usec next = c->next_ping;
    size_t at = 0;
    for (const struct live *v; (v = table_each(&c->lives, &at));) {
        if (v->sites_due)
            return 0;
        if (v->sessions && v->readers)
            next = usec_min(next, v->next_quality);
    }
    return next;
}
