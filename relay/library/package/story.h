/* story.h - what people did in a lesson, by its events: who had the floor, marks, the lesson
 * itself. */
#pragma once

#include "relay/library/package/tape.h"

#include <jansson.h>

#define STORY_ID 64

/* Whose voice the class hears from `at` on. */
struct story_turn {
    int64_t at;
    char site[STORY_ID]; /* "" = nobody has the floor */
    bool interact;       /* nobody has it, but the points' microphones are open */
};

struct story {
    struct story_turn *turn; /* rising `at` */
    size_t turns, cap;
    json_t *lesson;   /* the lesson object of the last event that has one; NULL: none */
    json_t *marks;    /* array of public mark objects, as they were made */
    uint64_t ignored; /* events that are no JSON object or that make no sense */
};

MUST_USE enum err story_load(struct story *s, const struct tape *t);
void story_fini(struct story *s);
/* What holds at a time. */
struct story_turn story_at(const struct story *s, int64_t at);
