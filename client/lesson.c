/* lesson.c - events into state. */
#include "client/lesson.h"

#include <jansson.h>
#include <string.h>

void lesson_init(struct lesson *l)
{
    memset(l, 0, sizeof(*l));
}

static void set_id(char out[LESSON_ID], const json_t *value)
{
    const char *const s = json_string_value(value);
    const size_t len = s ? strlen(s) : 0;
    if (len >= LESSON_ID)
        return;
    memcpy(out, s ? s : "", len);
    out[len] = 0;
}

static void take_mode(struct lesson *l, const json_t *o)
{
    const char *const mode = json_string_value(json_object_get(o, "mode"));
    if (mode)
        l->interact = strcmp(mode, "interact") == 0;
}

static void take_lesson(struct lesson *l, const json_t *lesson)
{
    const char *const state = json_string_value(json_object_get(lesson, "state"));
    const json_t *const points = json_object_get(lesson, "points");
    if (state)
        l->ended = strcmp(state, "ended") == 0;
    if (points)
        l->points = json_array_size(points);
    const json_t *const lead = json_object_get(lesson, "lead_site");
    if (lead)
        set_id(l->lead, json_is_string(lead) ? lead : json_object_get(lead, "id"));
}

/* A site object of which only the lead's own interests us. */
static void take_site(struct lesson *l, const json_t *site)
{
    const char *const state = json_string_value(json_object_get(site, "state"));
    if (json_is_true(json_object_get(site, "lead")) && state)
        l->lead_away = strcmp(state, "open") != 0;
}

static void take_snapshot(struct lesson *l, const json_t *o)
{
    const json_t *const sites = json_object_get(o, "sites");
    l->known = true;
    take_lesson(l, json_object_get(o, "lesson"));
    take_mode(l, o);
    set_id(l->floor, json_object_get(o, "floor"));
    set_id(l->site, json_object_get(json_object_get(o, "me"), "site"));
    for (size_t i = 0; i < json_array_size(sites); i++)
        take_site(l, json_array_get(sites, i));
}

static bool same(const struct lesson *a, const struct lesson *b)
{
    return a->known == b->known && a->ended == b->ended && a->interact == b->interact &&
           a->lead_away == b->lead_away && a->points == b->points &&
           strcmp(a->site, b->site) == 0 && strcmp(a->floor, b->floor) == 0 &&
           strcmp(a->lead, b->lead) == 0;
}

bool lesson_event(struct lesson *l, const char *name, const char *data, size_t len)
{
    const struct lesson before = *l;
    json_t *const o = json_loadb(data, len, 0, NULL);
    if (strcmp(name, "snapshot") == 0)
        take_snapshot(l, o);
    else if (strcmp(name, "lesson") == 0)
        take_lesson(l, json_object_get(o, "lesson"));
    else if (strcmp(name, "mode") == 0)
        take_mode(l, o);
    else if (strcmp(name, "floor") == 0)
        set_id(l->floor, json_object_get(o, "floor"));
    else if (strcmp(name, "site") == 0)
        take_site(l, json_object_get(o, "site"));
    json_decref(o);
    return !same(&before, l);
}

const char *lesson_words(const struct lesson *l)
{
    if (l->floor[0] && strcmp(l->floor, l->site) == 0)
        return "now speaking";
    if (l->lead_away && strcmp(l->site, l->lead) != 0)
        return "the lead is away";
    return l->interact ? "interact" : "";
}
