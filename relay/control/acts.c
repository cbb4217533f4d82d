/* acts.c - what people do in a lesson: hands, floor, mode, marks, messages. */
#include "relay/control/core.h"
#include "relay/lesson/want.h"

#include <string.h>

#define PER_SECOND 10

/* The running lesson, if this role may do such a thing at all. */
static struct live *acting(struct control *c, struct request *r, enum right right)
{
    struct live *const v = live_of(c, r);
    if (!v || !role_check(&r->claims, right, &r->problem) || !lesson_is_running(v->l, &r->problem))
        return NULL;
    return v;
}

/* At most so many acts a second of one person; people who share a place in the table share it. */
static bool not_too_many(struct control *c, struct request *r)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (const char *s = r->claims.sub; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    struct poster *const p = &c->poster[h % POSTERS];
    if (p->who != h || c->now - p->since >= USEC_SEC)
        *p = (struct poster){.who = h, .since = c->now};
    return ++p->n <= PER_SECOND ||
           problem_set(&r->problem, P_TOO_MANY, NULL, "at most %d a second", PER_SECOND);
}

static void answer_event(struct request *r, unsigned status, json_t *event)
{
    if (event)
        answer_json(r, status, event);
    else if (r->problem.kind == P_NONE)
        problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
}

/* Hands */

static json_t *hand_data(const struct live *v, uint8_t site, enum hand_how how)
{
    const struct site *const s = &v->l->site[site];
    return json_pack("{s:s, s:b, s:o, s:s, s:o}", "site", s->id, "up", s->hand, "since_ms",
                     s->hand ? json_integer(s->hand_ms) : json_null(), "how", hand_how_name(how),
                     "hands", lesson_hands_json(v->l));
}

/* Which hand is meant, and may this person move it? */
static bool hand_site(const struct live *v, const struct claims *who, const char *id, bool up,
                      uint8_t *site, struct problem *p)
{
    *site = lesson_site(v->l, id[0] ? id : who->site);
    if (*site == SITE_NONE || *site == SITE_LEAD)
        return problem_set(p, P_UNKNOWN_SITE, "site", "\"%s\" is not a point of lesson %s", id,
                           v->l->id);
    if (role_may(who->role, MAY_HAND_ANY))
        return !up || problem_set(p, P_WRONG_ROLE, "up",
                                  "a lead lowers hands; to call on a point "
                                  "give it the floor");
    return *site == lesson_seat(v->l, who) ||
           problem_set(p, P_WRONG_SITE, "site", "the hand of another point");
}

static json_t *unchanged(json_t *data)
{
    if (data)
        (void)json_object_set_new(data, "id", json_null());
    return data;
}

void api_hand(struct control *c, struct request *r)
{
    struct want w;
    uint8_t site;
    const bool any = role_may(r->claims.role, MAY_HAND_ANY);
    struct live *const v = acting(c, r, any ? MAY_HAND_ANY : MAY_HAND);
    json_t *const body = v ? request_json(r) : NULL;
    if (!body)
        return;
    want_init(&w, body, "", &r->problem);
    const bool up = want_bool_required(&w, "up");
    const char *const id = want_id(&w, "site", "");
    if (want_done(&w) && hand_site(v, &r->claims, id, up, &site, &r->problem)) {
        json_t *const by = claims_by(&r->claims);
        const bool changed = lesson_hand(v->l, site, up, lesson_clock(v->l, c->now), by);
        json_t *const data = hand_data(v, site, up ? HAND_RAISE : HAND_LOWER);
        json_decref(by);
        answer_event(r, 200,
                     changed ? live_event(c, v, "hand", &r->claims, data) : unchanged(data));
    }
    json_decref(body);
}

/* Floor */

static json_t *floor_data(const struct live *v, uint8_t before, enum lesson_how how)
{
    const struct lesson *const l = v->l;
    return json_pack("{s:s?, s:s?, s:s}", "floor",
                     l->floor == SITE_NONE ? NULL : l->site[l->floor].id, "previous",
                     before == SITE_NONE ? NULL : l->site[before].id, "how", lesson_how_name(how));
}

json_t *floor_event(struct control *c, struct live *v, const struct claims *by, uint8_t before,
                    enum lesson_how how)
{
    rooms_state(c, v); /* first the sound, then the news */
    return live_event(c, v, "floor", by, floor_data(v, before, how));
}

static json_t *give(struct control *c, struct live *v, const struct claims *by, uint8_t site)
{
    const uint8_t before = v->l->floor;
    const bool asked = v->l->site[site].hand;
    const enum lesson_how how = asked ? HOW_GIVE : HOW_CALL_ON;
    if (!lesson_give(v->l, site, lesson_clock(v->l, c->now)))
        return unchanged(floor_data(v, before, how));
    json_t *const event = floor_event(c, v, by, before, how);
    if (lesson_hand(v->l, site, false, 0, NULL))
        json_decref(live_event(c, v, "hand", by, hand_data(v, site, HAND_FLOOR)));
    return event;
}

static json_t *take(struct control *c, struct live *v, const struct claims *by, enum lesson_how how)
{
    const uint8_t before = v->l->floor;
    if (!lesson_take(v->l))
        return unchanged(floor_data(v, before, how));
    return floor_event(c, v, by, before, how);
}

enum floor_action { ACT_GIVE, ACT_CALL_ON, ACT_TAKE, ACT_RELEASE, ACT_COUNT };

static json_t *floor_act(struct control *c, struct request *r, struct live *v,
                         enum floor_action action, const char *id)
{
    const uint8_t site = lesson_site(v->l, id);
    const bool gives = action == ACT_GIVE || action == ACT_CALL_ON;
    if (!role_check(&r->claims, action == ACT_RELEASE ? MAY_RELEASE : MAY_CONTROL, &r->problem))
        return NULL;
    if (gives && (site == SITE_NONE || site == SITE_LEAD)) {
        problem_set(&r->problem, id[0] ? P_UNKNOWN_SITE : P_INVALID, "site",
                    "\"%s\" is not a point of lesson %s", id, v->l->id);
        return NULL;
    }
    if (!gives && id[0]) {
        problem_set(&r->problem, P_INVALID, "site", "take and release name no site");
        return NULL;
    }
    if (gives)
        return give(c, v, &r->claims, site);
    if (action == ACT_TAKE)
        return take(c, v, &r->claims, HOW_TAKE);
    if (v->l->floor == lesson_seat(v->l, &r->claims))
        return take(c, v, &r->claims, HOW_RELEASE);
    return unchanged(floor_data(v, v->l->floor, HOW_RELEASE));
}

void api_floor(struct control *c, struct request *r)
{
    static const char *const actions[] = {"give", "call_on", "take", "release"};
    struct want w;
    const bool lead = role_may(r->claims.role, MAY_CONTROL);
    struct live *const v = acting(c, r, lead ? MAY_CONTROL : MAY_RELEASE);
    json_t *const body = v ? request_json(r) : NULL;
    if (!body)
        return;
    want_init(&w, body, "", &r->problem);
    const size_t action = want_word(&w, "action", actions, ACT_COUNT, ACT_COUNT);
    const char *const id = want_id(&w, "site", "");
    if (want_done(&w))
        answer_event(r, 200, floor_act(c, r, v, (enum floor_action)action, id));
    json_decref(body);
}

void api_mode(struct control *c, struct request *r)
{
    static const char *const modes[] = {"lecture", "interact"};
    struct want w;
    struct live *const v = acting(c, r, MAY_CONTROL);
    json_t *const body = v ? request_json(r) : NULL;
    if (!body)
        return;
    want_init(&w, body, "", &r->problem);
    const size_t mode = want_word(&w, "mode", modes, 2, 2);
    if (want_done(&w)) {
        const bool changed = lesson_set_mode(v->l, mode ? MODE_INTERACT : MODE_LECTURE);
        json_t *const data = json_pack("{s:s}", "mode", modes[mode]);
        if (changed)
            rooms_state(c, v);
        answer_event(r, 200,
                     changed ? live_event(c, v, "mode", &r->claims, data) : unchanged(data));
    }
    json_decref(body);
}

/* Marks and messages: kept or refused */

/* What marks and messages have in common with their event. */
static json_t *note(struct control *c, const struct live *v, const struct claims *by,
                    int64_t clock_ms)
{
    char at[TIME_TEXT];
    return json_pack("{s:I, s:s, s:I, s:o}", "id", (json_int_t)v->l->last_event + 1, "at",
                     text_time(c->wall_ms, at), "clock_ms", (json_int_t)clock_ms, "by",
                     claims_by(by));
}

void api_mark(struct control *c, struct request *r)
{
    static const char *const kinds[] = {"chapter", "question", "highlight",
                                        "problem", "later",    "note"};
    struct want w;
    struct live *const v = acting(c, r, MAY_MARK);
    json_t *const body = v && not_too_many(c, r) ? request_json(r) : NULL;
    if (!body)
        return;
    const int64_t now_ms = lesson_clock(v->l, c->now);
    want_init(&w, body, "", &r->problem);
    const size_t kind = want_word(&w, "kind", kinds, ARRAY_LEN(kinds), ARRAY_LEN(kinds) - 1);
    const char *const text = want_text(&w, "text", 2000, true, "");
    const int64_t at = want_int(&w, "clock_ms", 0, now_ms, now_ms);
    if (want_done(&w)) {
        json_t *const mark = note(c, v, &r->claims, at);
        (void)json_object_set_new(mark, "kind", json_string(kinds[kind]));
        (void)json_object_set_new(mark, "text", json_string(text));
        (void)json_object_set_new(mark, "private",
                                  json_boolean(!role_may(r->claims.role, MAY_MARK_PUBLIC)));
        answer_event(
            r, 201,
            live_event_kept(c, v, "mark", r, json_pack("{s:o}", "mark", mark), &r->problem));
    }
    json_decref(body);
}

static bool may_write_to(const struct live *v, const struct claims *who, const char *to,
                         struct problem *p)
{
    enum right right = MAY_MESSAGE_SITE;
    if (strcmp(to, "all") == 0)
        right = MAY_MESSAGE_ALL;
    else if (strcmp(to, "lead") == 0)
        right = MAY_MESSAGE_LEAD;
    else if (strncmp(to, "site/", 5) != 0 || lesson_site(v->l, to + 5) == SITE_NONE)
        return problem_set(p, P_UNKNOWN_SITE, "to", "must be all, lead or site/ID of the lesson");
    return role_may(who->role, right) ||
           problem_set(p, P_WRONG_ROLE, "to", "not to \"%s\" as %s", to, role_name(who->role));
}

void api_message(struct control *c, struct request *r)
{
    static const char *const kinds[] = {"text", "slow", "help"};
    struct want w;
    struct live *const v = acting(c, r, MAY_MESSAGE_LEAD);
    json_t *const body = v && not_too_many(c, r) ? request_json(r) : NULL;
    if (!body)
        return;
    want_init(&w, body, "", &r->problem);
    const char *const to = want_text(&w, "to", 40, false, "all");
    const size_t kind = want_word(&w, "kind", kinds, ARRAY_LEN(kinds), 0);
    const char *const text = want_text(&w, "text", 2000, true, kind ? "" : NULL);
    if (want_done(&w) && may_write_to(v, &r->claims, to, &r->problem)) {
        json_t *const message = note(c, v, &r->claims, lesson_clock(v->l, c->now));
        (void)json_object_set_new(message, "to", json_string(to));
        (void)json_object_set_new(message, "kind", json_string(kinds[kind]));
        (void)json_object_set_new(message, "text", json_string(text));
        answer_event(r, 201,
                     live_event_kept(c, v, "message", r, json_pack("{s:o}", "message", message),
                                     &r->problem));
    }
    json_decref(body);
}
