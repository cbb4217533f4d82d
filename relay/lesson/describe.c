/* describe.c - the description of a lesson: from a request, changed by a request, and shown. */
#include "relay/lesson/lesson.h"
#include "relay/lesson/want.h"

#include <stdio.h>
#include <string.h>

#define POINTS_MAX 62

static const char *const types[] = {"delivered", "master", "netschool"};

/* "A" or {"id":"A","name":"…"} → the object; NULL: a problem is set. */
static json_t *site_object(const json_t *v, const char *field, struct problem *p)
{
    const char *id = json_string_value(v);
    const char *name = id;
    if (json_is_object(v)) {
        char at[48];
        struct want w;
        text_put(at, sizeof at, "%s.", field);
        want_init(&w, v, at, p);
        id = want_id(&w, "id", NULL);
        name = want_text(&w, "name", 64, false, id);
        if (!want_done(&w))
            return NULL;
    } else if (!id || !text_is_id(id)) {
        problem_set(p, P_INVALID, field,
                    "%s must be an id (1 to 32 of A-Z a-z 0-9 _ -) or {\"id\",\"name\"}", field);
        return NULL;
    }
    return json_pack("{s:s, s:s}", "id", id, "name", name[0] ? name : id);
}

static const char *site_id(const json_t *site)
{
    return json_string_value(json_object_get(site, "id"));
}

/* No site twice. */
static bool is_new_site(const json_t *meta, const json_t *points, const char *id)
{
    if (strcmp(site_id(json_object_get(meta, "lead_site")), id) == 0)
        return false;
    for (size_t i = 0; i < json_array_size(points); i++)
        if (strcmp(site_id(json_array_get(points, i)), id) == 0)
            return false;
    return true;
}

static bool read_points(json_t *meta, const json_t *list, struct problem *p)
{
    json_t *const points = json_array();
    (void)json_object_set_new(meta, "points", points);
    for (size_t i = 0; points && i < json_array_size(list); i++) {
        char field[32];
        text_put(field, sizeof field, "points[%zu]", i);
        json_t *const s = site_object(json_array_get(list, i), field, p);
        if (!s)
            return problem_set(p, P_INTERNAL, field, "no memory");
        const bool fresh = is_new_site(meta, points, site_id(s));
        if (!fresh)
            problem_set(p, P_INVALID, field, "site %s takes part twice", site_id(s));
        (void)json_array_append_new(points, s);
        if (!fresh)
            return false;
    }
    return true;
}

static void read_texts(struct want *w, json_t *meta)
{
    static const char *const small[] = {"subject", "grade", "teacher"};
    if (want_has(w, "title"))
        (void)json_object_set_new(meta, "title",
                                  json_string(want_text(w, "title", 200, false, NULL)));
    for (size_t i = 0; i < ARRAY_LEN(small); i++)
        if (want_has(w, small[i]))
            (void)json_object_set_new(meta, small[i],
                                      json_string(want_text(w, small[i], 64, false, "")));
    if (want_has(w, "type"))
        (void)json_object_set_new(
            meta, "type", json_string(types[want_word(w, "type", types, ARRAY_LEN(types), 0)]));
}

static void read_times(struct want *w, json_t *meta)
{
    int64_t ms;
    char text[TIME_TEXT];
    const json_t *const starts = want_any(w, "starts_at");
    const char *const s = json_string_value(starts);
    if (starts && (!s || !text_time_parse(s, &ms)))
        want_bad(w, "starts_at", P_INVALID, "must be a time such as 2026-11-24T09:00:00+08:00");
    else if (starts)
        (void)json_object_set_new(meta, "starts_at", json_string(text_time(ms, text)));
    if (want_has(w, "duration_min"))
        (void)json_object_set_new(meta, "duration_min",
                                  json_integer(want_int(w, "duration_min", 1, 480, 40)));
    if (want_has(w, "record"))
        (void)json_object_set_new(meta, "record", json_boolean(want_bool(w, "record", true)));
}

static void read_sites(struct want *w, json_t *meta)
{
    const json_t *const lead = want_any(w, "lead_site");
    if (lead) {
        json_t *const s = site_object(lead, "lead_site", w->p);
        if (s)
            (void)json_object_set_new(meta, "lead_site", s);
    }
    const json_t *points = want_array(w, "points", 0, POINTS_MAX, false);
    if (!points && lead)
        points = json_object_get(meta, "points"); /* must still differ from the lead site */
    if (points && w->p->kind == P_NONE) {
        json_t *const list = json_deep_copy(points);
        (void)read_points(meta, list, w->p);
        json_decref(list);
    }
}

/* Changes `meta` by the body; the same for a new lesson and for a change. */
static bool read_all(struct want *w, json_t *meta)
{
    read_texts(w, meta);
    read_times(w, meta);
    if (want_has(w, "lead_site") || want_has(w, "points"))
        read_sites(w, meta);
    /* asked for above only if they were there */
    return w->p->kind == P_NONE && want_done(w);
}

static json_t *defaults(int64_t now_ms)
{
    char text[TIME_TEXT];
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:[], s:s, s:i, s:b}", "title", "",
                     "subject", "", "grade", "", "type", types[0], "teacher", "", "lead_site", "id",
                     "", "name", "", "points", "starts_at", text_time(now_ms, text), "duration_min",
                     40, "record", 1);
}

json_t *lesson_describe(const json_t *body, int64_t now_ms, char id[ID_CAP], struct problem *p)
{
    struct want w;
    json_t *const meta = defaults(now_ms);
    id[0] = 0;
    if (!meta) {
        problem_set(p, P_INTERNAL, NULL, "no memory");
        return NULL;
    }
    want_init(&w, body, "", p);
    const char *const wanted = want_id(&w, "id", "");
    text_put(id, ID_CAP, "%s", wanted);
    static const char *const required[] = {"title", "lead_site"};
    for (size_t i = 0; i < ARRAY_LEN(required); i++)
        if (!want_has(&w, required[i]) || json_is_null(json_object_get(body, required[i])))
            want_bad(&w, required[i], P_INVALID, "is missing");
    if (read_all(&w, meta))
        return meta;
    json_decref(meta);
    return NULL;
}

json_t *lesson_patched(const struct lesson *l, const json_t *body, struct problem *p)
{
    static const char *const fixed[] = {"lead_site", "points", "record"};
    struct want w;
    json_t *const meta = json_deep_copy(l->meta);
    if (!meta) {
        problem_set(p, P_INTERNAL, NULL, "no memory");
        return NULL;
    }
    want_init(&w, body, "", p);
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (l->state != LESSON_PLANNED && want_has(&w, fixed[i]))
            problem_set(p, l->state == LESSON_ENDED ? P_LESSON_ENDED : P_LESSON_STARTED, fixed[i],
                        "%s cannot be changed after the start", fixed[i]);
    if (read_all(&w, meta))
        return meta;
    json_decref(meta);
    return NULL;
}

static json_t *time_or_null(int64_t ms)
{
    char text[TIME_TEXT];
    return ms ? json_string(text_time(ms, text)) : json_null();
}

json_t *lesson_json(const struct lesson *l, usec now)
{
    json_t *const j = json_pack("{s:s}", "id", l->id);
    if (!j || json_object_update(j, l->meta) != 0)
        return j;
    const int64_t clock = lesson_clock(l, now);
    const bool has_floor = l->floor != SITE_NONE;
    json_t *const state = json_pack(
        "{s:s, s:o, s:o, s:s, s:s?, s:o, s:s?, s:o}", "state", lesson_state_name(l->state),
        "started_at", time_or_null(l->started_at), "ended_at", time_or_null(l->ended_at), "mode",
        lesson_mode_name(l->mode), "floor", has_floor ? l->site[l->floor].id : NULL, "clock_ms",
        clock < 0 ? json_null() : json_integer(clock), "resource",
        l->resource[0] ? l->resource : NULL, "created_at", time_or_null(l->created_at));
    (void)json_object_update(j, state);
    json_decref(state);
    return j;
}

json_t *lesson_hands_json(const struct lesson *l)
{
    uint8_t order[SITES_MAX];
    const size_t n = lesson_hands(l, order);
    json_t *const a = json_array();
    for (size_t i = 0; a && i < n; i++) {
        const struct site *const s = &l->site[order[i]];
        (void)json_array_append_new(a, json_pack("{s:s, s:I, s:O?}", "site", s->id, "since_ms",
                                                 (json_int_t)s->hand_ms, "by", s->hand_by));
    }
    return a;
}
