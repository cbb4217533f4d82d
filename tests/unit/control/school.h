/* school.h - a lesson for tests: lead site S0, points A and B. */
#pragma once

#include "relay/lesson/lesson.h"

#include <string.h>

static inline struct lesson *school_lesson(void)
{
    static const char text[] = "{\"title\":\"x\",\"lead_site\":\"S0\",\"points\":[\"A\",\"B\"]}";
    char id[ID_CAP];
    struct lesson *l = NULL;
    struct problem p = {.kind = P_NONE};
    json_t *const body = json_loads(text, 0, NULL);
    json_t *const meta = lesson_describe(body, 1764000000000, id, &p);
    if (meta && lesson_new(&l, "L7", meta) != OK)
        l = NULL;
    json_decref(meta);
    json_decref(body);
    return l;
}

static inline struct claims school_person(enum role role, const char *site, const char *lesson)
{
    struct claims c = {.role = role};
    text_put(c.sub, sizeof c.sub, "someone");
    text_put(c.site, sizeof c.site, "%s", site);
    text_put(c.lesson, sizeof c.lesson, "%s", lesson);
    return c;
}
