#include "relay/lesson/lesson.h"

#include <stdlib.h>
#include <string.h>

const char *lesson_state_name(enum lesson_state s)
{
    static const char *const names[] = {"planned", "running", "ended"};
    return names[s];
}

const char *lesson_mode_name(enum room_mode m)
{
    return m == MODE_LECTURE ? "lecture" : "interact";
}

const char *lesson_how_name(enum lesson_how h)
{
    static const char *const names[] = {"give", "call_on", "take", "release", "end"};
    return names[h];
}

const char *hand_how_name(enum hand_how h)
{
    static const char *const names[] = {"raise", "lower", "floor", "end"};
    return names[h];
}

static void sites_free(struct lesson *l)
{
    for (size_t i = 0; i < l->sites; i++)
        json_decref(l->site[i].hand_by);
    free(l->site);
    l->site = NULL;
    l->sites = 0;
}

void lesson_free(struct lesson **l)
{
    if (!*l)
        return;
    sites_free(*l);
    json_decref((*l)->meta);
    free(*l);
    *l = NULL;
}

static void site_read(struct site *s, const json_t *j)
{
    *s = (struct site){.last_floor_ms = -1};
    const char *const id = json_string_value(json_object_get(j, "id"));
    const char *const name = json_string_value(json_object_get(j, "name"));
    assert(id && name && strlen(id) < sizeof s->id && strlen(name) < sizeof s->name);
    memcpy(s->id, id, strlen(id) + 1);
    memcpy(s->name, name, strlen(name) + 1);
}

static enum err sites_read(struct lesson *l, const json_t *meta)
{
    const json_t *const points = json_object_get(meta, "points");
    const size_t n = 1 + json_array_size(points);
    struct site *const s = calloc(n, sizeof *s);
    if (!s)
        return E_NOMEM;
    site_read(&s[0], json_object_get(meta, "lead_site"));
    for (size_t i = 1; i < n; i++)
        site_read(&s[i], json_array_get(points, i - 1));
    sites_free(l);
    l->site = s;
    l->sites = n;
    return OK;
}

enum err lesson_apply(struct lesson *l, json_t *meta)
{
    if (l->state == LESSON_PLANNED) {
        const enum err e = sites_read(l, meta);
        if (e != OK)
            return e;
    }
    json_incref(meta);
    json_decref(l->meta);
    l->meta = meta;
    l->record = json_is_true(json_object_get(meta, "record"));
    if (!text_time_parse(json_string_value(json_object_get(meta, "starts_at")), &l->starts_at))
        l->starts_at = 0;
    return OK;
}

enum err lesson_new(struct lesson **out, const char *id, json_t *meta)
{
    struct lesson *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l)
        return E_NOMEM;
    assert(strlen(id) < sizeof l->id);
    memcpy(l->id, id, strlen(id) + 1);
    l->floor = SITE_NONE;
    const enum err e = lesson_apply(l, meta);
    if (e != OK)
        lesson_free(&l);
    *out = l;
    return e;
}

uint8_t lesson_site(const struct lesson *l, const char *id)
{
    for (size_t i = 0; i < l->sites; i++)
        if (strcmp(l->site[i].id, id) == 0)
            return (uint8_t)i;
    return SITE_NONE;
}

int64_t lesson_clock(const struct lesson *l, usec now)
{
    if (l->state == LESSON_PLANNED)
        return -1;
    if (l->state == LESSON_ENDED)
        return l->ended_at - l->started_at;
    return usec_max(0, now - l->clock_zero) / USEC_MS;
}

void lesson_set_clock(struct lesson *l, int64_t wall_ms, usec now, int64_t least)
{
    const int64_t by_wall = wall_ms - l->started_at;
    l->clock_zero = now - (by_wall > least ? by_wall : least) * USEC_MS;
}

static bool token_is_for(const struct lesson *l, const struct claims *c)
{
    if (role_may(c->role, MAY_SEE_ALL) && !c->lesson[0])
        return true;
    if (c->lesson[0])
        return strcmp(c->lesson, "*") == 0 || strcmp(c->lesson, l->id) == 0;
    return c->site[0] && lesson_site(l, c->site) != SITE_NONE;
}

bool lesson_admits(const struct lesson *l, const struct claims *c, struct problem *p)
{
    if (!token_is_for(l, c))
        return problem_set(p, P_WRONG_LESSON, NULL, "the token is not good for lesson %s", l->id);
    const uint8_t site = c->site[0] ? lesson_site(l, c->site) : SITE_NONE;
    if (c->role == ROLE_LEAD && site != SITE_LEAD)
        return problem_set(p, P_WRONG_SITE, NULL, "a lead must sit in %s, the lead site",
                           l->site[0].id);
    if (c->role == ROLE_ASSISTANT && (site == SITE_NONE || site == SITE_LEAD))
        return problem_set(p, P_WRONG_SITE, NULL, "an assistant must sit in a point of lesson %s",
                           l->id);
    return true;
}

bool lesson_is_running(const struct lesson *l, struct problem *p)
{
    if (l->state == LESSON_PLANNED)
        return problem_set(p, P_NOT_RUNNING, NULL, "lesson %s has not been started", l->id);
    if (l->state == LESSON_ENDED)
        return problem_set(p, P_LESSON_ENDED, NULL, "lesson %s has ended", l->id);
    return true;
}

uint8_t lesson_seat(const struct lesson *l, const struct claims *c)
{
    return c->site[0] ? lesson_site(l, c->site) : SITE_NONE;
}

bool lesson_start(struct lesson *l, int64_t wall_ms, usec now)
{
    if (l->state != LESSON_PLANNED)
        return false;
    l->state = LESSON_RUNNING;
    l->started_at = wall_ms;
    lesson_set_clock(l, wall_ms, now, 0);
    return true;
}

bool lesson_end(struct lesson *l, int64_t wall_ms)
{
    if (l->state == LESSON_ENDED)
        return false;
    if (l->state == LESSON_PLANNED)
        l->started_at = wall_ms;
    l->ended_at = wall_ms > l->started_at ? wall_ms : l->started_at;
    l->state = LESSON_ENDED;
    l->floor = SITE_NONE;
    for (size_t i = 0; i < l->sites; i++)
        l->site[i].hand = false;
    return true;
}

bool lesson_hand(struct lesson *l, uint8_t site, bool up, int64_t clock_ms, json_t *by)
{
    struct site *const s = &l->site[site];
    if (s->hand == up)
        return false;
    s->hand = up;
    s->hand_ms = clock_ms;
    json_decref(s->hand_by);
    s->hand_by = up ? json_incref(by) : NULL;
    return true;
}

bool lesson_give(struct lesson *l, uint8_t site, int64_t clock_ms)
{
    if (l->floor == site)
        return false;
    l->floor = site;
    l->site[site].floor_count++;
    l->site[site].last_floor_ms = clock_ms;
    return true;
}

bool lesson_take(struct lesson *l)
{
    const bool had = l->floor != SITE_NONE;
    l->floor = SITE_NONE;
    return had;
}

bool lesson_set_mode(struct lesson *l, enum room_mode m)
{
    const bool changed = l->mode != m;
    l->mode = m;
    return changed;
}

size_t lesson_hands(const struct lesson *l, uint8_t out[SITES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < l->sites && n < SITES_MAX; i++) {
        if (!l->site[i].hand)
            continue;
        size_t k = n++;
        for (; k > 0 && l->site[out[k - 1]].hand_ms > l->site[i].hand_ms; k--)
            out[k] = out[k - 1];
        out[k] = (uint8_t)i;
    }
    return n;
}
