/* story.c - reads the events, as docs/http-api.md (section 7) words them. */
#include "relay/library/package/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct story_turn now(const struct story *s)
{
    return s->turns ? s->turn[s->turns - 1] : (struct story_turn){0};
}

static enum err turn(struct story *s, const struct story_turn *next)
{
    const struct story_turn last = now(s);
    if (strcmp(last.site, next->site) == 0 && last.interact == next->interact)
        return OK;
    if (s->turns == s->cap) {
        const size_t cap = s->cap ? s->cap * 2 : 16;
        struct story_turn *const p = realloc(s->turn, cap * sizeof *p);
        if (!p)
            return E_NOMEM;
        s->turn = p;
        s->cap = cap;
    }
    s->turn[s->turns++] = *next;
    return OK;
}

/* null: nobody; anything that is no site is ignored. */
static bool read_floor(const json_t *floor, char site[STORY_ID])
{
    const char *const id = json_string_value(floor);
    if (!json_is_null(floor) && (!id || strlen(id) >= STORY_ID))
        return false;
    site[0] = 0;
    if (id)
        (void)snprintf(site, STORY_ID, "%s", id);
    return true;
}

static bool read_mode(const json_t *mode, bool *interact)
{
    const char *const text = json_string_value(mode);
    if (!text)
        return false;
    *interact = strcmp(text, "interact") == 0;
    return true;
}

static enum err take_lesson(struct story *s, json_t *lesson, int64_t at)
{
    if (!json_is_object(lesson)) {
        s->ignored++;
        return OK;
    }
    json_decref(s->lesson);
    s->lesson = json_incref(lesson);
    struct story_turn next = now(s);
    next.at = at;
    (void)read_floor(json_object_get(lesson, "floor"), next.site);
    (void)read_mode(json_object_get(lesson, "mode"), &next.interact);
    return turn(s, &next);
}

static enum err take_turn(struct story *s, const json_t *e, int64_t at)
{
    struct story_turn next = now(s);
    next.at = at;
    const json_t *const floor = json_object_get(e, "floor");
    const json_t *const mode = json_object_get(e, "mode");
    const bool good =
        (floor && read_floor(floor, next.site)) || (mode && read_mode(mode, &next.interact));
    s->ignored += !good;
    return good ? turn(s, &next) : OK;
}

/* Private marks are not for everyone who may replay the lesson. */
static enum err take_mark(struct story *s, json_t *mark)
{
    if (!json_is_object(mark)) {
        s->ignored++;
        return OK;
    }
    if (json_is_true(json_object_get(mark, "private")))
        return OK;
    return json_array_append(s->marks, mark) == 0 ? OK : E_NOMEM;
}

static enum err take(struct story *s, json_t *e, int64_t at)
{
    const char *const name = json_string_value(json_object_get(e, "event"));
    if (!name) {
        s->ignored++;
        return OK;
    }
    if (strcmp(name, "lesson") == 0)
        return take_lesson(s, json_object_get(e, "lesson"), at);
    if (strcmp(name, "floor") == 0 || strcmp(name, "mode") == 0)
        return take_turn(s, e, at);
    return strcmp(name, "mark") == 0 ? take_mark(s, json_object_get(e, "mark")) : OK;
}

enum err story_load(struct story *s, const struct tape *t)
{
    *s = (struct story){.marks = json_array()};
    enum err e = s->marks ? OK : E_NOMEM;
    for (size_t i = 0; e == OK && i < t->events; i++) {
        const struct tape_event *const ev = &t->event[i];
        json_t *const j = json_loadb(ev->json, ev->len, 0, NULL);
        e = take(s, j, ev->at);
        json_decref(j);
    }
    return e;
}

void story_fini(struct story *s)
{
    free(s->turn);
    json_decref(s->lesson);
    json_decref(s->marks);
    *s = (struct story){0};
}

struct story_turn story_at(const struct story *s, int64_t at)
{
    struct story_turn r = {0};
    for (size_t i = 0; i < s->turns && s->turn[i].at <= at; i++)
        r = s->turn[i];
    return r;
}
