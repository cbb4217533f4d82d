/* lesson.h - what a room knows of its lesson, out of the relay's events (docs/http-api.md, 7). */
#pragma once

#include "engine/base/base.h"

#define LESSON_ID 33

struct lesson {
    bool known; /* a snapshot came */
    bool ended;
    bool interact;         /* mode, else lecture */
    char site[LESSON_ID];  /* ours; "" = not said */
    char floor[LESSON_ID]; /* "" = nobody has it */
    char lead[LESSON_ID];  /* the lead site */
    bool lead_away;
    size_t points;
};

void lesson_init(struct lesson *l);

/* Takes one event. True: something above has changed. What is not understood is passed over. */
bool lesson_event(struct lesson *l, const char *name, const char *data, size_t len);

/* A word or two for the people in this room: "now speaking", "the lead is away", … */
const char *lesson_words(const struct lesson *l);
