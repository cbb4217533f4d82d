/* polls.c - questions to the classes. A poll is the newest of its events; votes are kept apart. */
#include "relay/control/core.h"
#include "relay/lesson/want.h"

#include <string.h>

#define OPTIONS_MAX 8
#define COUNT_MAX 1000

static struct live *in_lesson(struct control *c, struct request *r, enum right right)
{
    struct live *const v = live_of(c, r);
    return v && role_check(&r->claims, right, &r->problem) ? v : NULL;
}

static bool is_open(const json_t *poll)
{
    const char *const state = json_string_value(json_object_get(poll, "state"));
    return state && strcmp(state, "open") == 0;
}

/* Who votes: a class as one, a pupil at home for himself. */
static void voter_of(const struct claims *who, char out[SUB_CAP + 8])
{
    if (who->role == ROLE_ASSISTANT)
        text_put(out, SUB_CAP + 8, "site:%s", who->site);
    else
        text_put(out, SUB_CAP + 8, "sub:%s", who->sub);
}

static void add_counts(json_t *into, const json_t *counts)
{
    for (size_t i = 0; i < json_array_size(into); i++)
        (void)json_array_set_new(into, i,
                                 json_integer(json_integer_value(json_array_get(into, i)) +
                                              json_integer_value(json_array_get(counts, i))));
}

static json_t *zeros(size_t n)
{
    json_t *const a = json_array();
    while (n-- > 0)
        (void)json_array_append_new(a, json_integer(0));
    return a;
}

static void tally(json_t *poll, const json_t *votes, const char *me, bool all)
{
    const size_t n = json_array_size(json_object_get(poll, "options"));
    json_t *const totals = zeros(n);
    json_t *const sites = json_object();
    json_t *mine = NULL;
    for (size_t i = 0; i < json_array_size(votes); i++) {
        const json_t *const vote = json_array_get(votes, i);
        json_t *const counts = json_object_get(vote, "counts");
        const char *const site = json_string_value(json_object_get(vote, "site"));
        add_counts(totals, counts);
        if (site)
            (void)json_object_set(sites, site, counts);
        if (strcmp(json_string_value(json_object_get(vote, "voter")), me) == 0)
            mine = counts;
    }
    (void)json_object_set(poll, "totals", all ? totals : json_null());
    (void)json_object_set(poll, "sites", all ? sites : json_null());
    (void)json_object_set_new(poll, "mine", mine ? json_incref(mine) : json_null());
    json_decref(totals);
    json_decref(sites);
}

json_t *poll_for(struct control *c, const struct live *v, const struct claims *who,
                 const json_t *asked)
{
    char me[SUB_CAP + 8];
    json_t *const poll = json_deep_copy(asked);
    json_t *const votes = json_array();
    const int64_t id = json_integer_value(json_object_get(asked, "id"));
    if (catalogue_votes(c->conf.catalogue, v->l->id, id, votes) != OK)
        log_warn(c->log, "the catalogue cannot be read", "lesson=%s", v->l->id);
    voter_of(who, me);
    if (poll)
        tally(poll, votes, me, !is_open(poll) || role_may(who->role, MAY_SEE_TALLY));
    json_decref(votes);
    return poll;
}

/* The newest object of each poll, by its id as text; NULL: the catalogue cannot be read. */
static json_t *polls_of(struct control *c, const struct live *v)
{
    json_t *const rows = json_array();
    json_t *const polls = json_object();
    if (catalogue_newest(c->conf.catalogue, v->l->id, "poll", 1000, rows) != OK)
        log_warn(c->log, "the catalogue cannot be read", "lesson=%s", v->l->id);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        char key[24];
        json_t *const poll =
            json_object_get(json_object_get(json_array_get(rows, i), "data"), "poll");
        text_put(key, sizeof key, "%lld",
                 (long long)json_integer_value(json_object_get(poll, "id")));
        (void)json_object_set(polls, key, poll);
    }
    json_decref(rows);
    return polls;
}

json_t *polls_for(struct control *c, const struct live *v, const struct claims *who)
{
    const char *key;
    json_t *poll;
    json_t *const polls = polls_of(c, v);
    json_t *const a = json_array();
    json_object_foreach(polls, key, poll)
    {
        (void)json_array_append_new(a, poll_for(c, v, who, poll));
    }
    json_decref(polls);
    return a;
}

void api_poll_list(struct control *c, struct request *r)
{
    struct live *const v = in_lesson(c, r, MAY_EVENTS);
    if (v)
        answer_json(r, 200, json_pack("{s:o}", "polls", polls_for(c, v, &r->claims)));
}

static json_t *options_of(struct want *w)
{
    json_t *const out = json_array();
    const json_t *const list = want_array(w, "options", 2, OPTIONS_MAX, true);
    for (size_t i = 0; i < json_array_size(list); i++) {
        char key[24];
        const char *const s = json_string_value(json_array_get(list, i));
        text_put(key, sizeof key, "options[%zu]", i);
        if (s && *s && text_is_plain(s, 200, false))
            (void)json_array_append_new(out, json_string(s));
        else
            want_bad(w, key, P_INVALID, "must be a text of 1 to 200 characters");
    }
    return out;
}

void api_poll(struct control *c, struct request *r)
{
    struct want w;
    struct live *const v = in_lesson(c, r, MAY_CONTROL);
    json_t *const body = v && lesson_is_running(v->l, &r->problem) ? request_json(r) : NULL;
    if (!body)
        return;
    want_init(&w, body, "", &r->problem);
    const char *const question = want_text(&w, "question", 200, false, NULL);
    json_t *const options = options_of(&w);
    if (want_done(&w)) {
        char at[TIME_TEXT];
        json_t *const poll = json_pack(
            "{s:I, s:s, s:I, s:o, s:s, s:O, s:s}", "id", (json_int_t)v->l->last_event + 1, "at",
            text_time(c->wall_ms, at), "clock_ms", (json_int_t)lesson_clock(v->l, c->now), "by",
            claims_by(&r->claims), "question", question, "options", options, "state", "open");
        json_t *const e =
            live_event_kept(c, v, "poll", r, json_pack("{s:o}", "poll", poll), &r->problem);
        if (e)
            answer_json(r, 201, e);
    }
    json_decref(options);
    json_decref(body);
}

/* The poll of the route (new reference), open; NULL: a problem is set. */
static json_t *open_poll(struct control *c, struct request *r, const struct live *v)
{
    char key[24];
    json_t *const polls = polls_of(c, v);
    text_put(key, sizeof key, "%lld", (long long)r->route.number);
    json_t *const poll = json_incref(json_object_get(polls, key));
    json_decref(polls);
    if (!poll)
        problem_set(&r->problem, P_NOT_FOUND, NULL, "no poll %s", key);
    else if (is_open(poll))
        return poll;
    else
        problem_set(&r->problem, P_POLL_CLOSED, NULL, "poll %s is closed", key);
    json_decref(poll);
    return NULL;
}

/* The vote as one number an option (new reference); NULL: a problem is set. */
static json_t *counts_of(const struct request *r, const json_t *body, size_t options,
                         struct problem *p)
{
    struct want w;
    want_init(&w, body, "", p);
    json_t *const counts = zeros(options);
    if (r->claims.role == ROLE_STUDENT) {
        const int64_t i = want_int_required(&w, "option", 0, (int64_t)options - 1);
        (void)json_array_set_new(counts, (size_t)i, json_integer(1));
    } else {
        const json_t *const list = want_array(&w, "counts", options, options, true);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *const n = json_array_get(list, i);
            if (!json_is_integer(n) || json_integer_value(n) < 0 ||
                json_integer_value(n) > COUNT_MAX)
                want_bad(&w, "counts", P_INVALID, "must be numbers from 0 to 1000");
            (void)json_array_set_new(counts, i, json_integer(json_integer_value(n)));
        }
    }
    if (want_done(&w))
        return counts;
    json_decref(counts);
    return NULL;
}

static void vote(struct control *c, struct request *r, const struct live *v, const json_t *poll,
                 const json_t *body)
{
    char me[SUB_CAP + 8];
    const size_t n = json_array_size(json_object_get(poll, "options"));
    json_t *const counts = counts_of(r, body, n, &r->problem);
    if (!counts)
        return;
    voter_of(&r->claims, me);
    const bool class = r->claims.role == ROLE_ASSISTANT;
    const struct vote w = {me, class ? r->claims.site : NULL, counts};
    if (catalogue_vote(c->conf.catalogue, v->l->id, r->route.number, &w) != OK)
        problem_set(&r->problem, P_DISK_FULL, NULL, "the vote could not be written");
    else
        answer_json(r, 200, poll_for(c, v, &r->claims, poll));
    json_decref(counts);
}

void api_poll_vote(struct control *c, struct request *r)
{
    struct live *const v = in_lesson(c, r, MAY_VOTE);
    if (!v || !lesson_is_running(v->l, &r->problem))
        return;
    json_t *const poll = open_poll(c, r, v);
    json_t *const body = poll ? request_json(r) : NULL;
    if (body)
        vote(c, r, v, poll, body);
    if (body && r->problem.kind == P_NONE)
        events_poll(c, v, poll);
    json_decref(body);
    json_decref(poll);
}

void api_poll_close(struct control *c, struct request *r)
{
    struct live *const v = in_lesson(c, r, MAY_CONTROL);
    json_t *const poll = v ? open_poll(c, r, v) : NULL;
    json_t *const closed = poll ? json_deep_copy(poll) : NULL;
    json_decref(poll);
    if (!closed)
        return;
    (void)json_object_set_new(closed, "state", json_string("closed"));
    json_t *const e =
        live_event_kept(c, v, "poll", r, json_pack("{s:O}", "poll", closed), &r->problem);
    if (e)
        answer_json(r, 200, poll_for(c, v, &r->claims, closed));
    json_decref(e);
    json_decref(closed);
}
