/* lesson.h - one lesson: what it is, who takes part, mode, floor and hands. Pure rules; time is an
 * argument, keeping and telling are others' work. */
#pragma once

#include "relay/lesson/role.h"
#include "relay/media/cmd.h"

enum lesson_state { LESSON_PLANNED, LESSON_RUNNING, LESSON_ENDED };

struct site {
    char id[ID_CAP];
    char name[NAME_CAP];
    bool hand; /* is up */
    int64_t hand_ms;
    json_t *hand_by; /* who raised it; owned, may be NULL */
    unsigned floor_count;
    int64_t last_floor_ms; /* lesson clock, -1 = never */
};

struct lesson {
    char id[ID_CAP];
    json_t *meta;      /* title … record, as it is shown (docs/http-api.md section 4); owned */
    struct site *site; /* 0 the lead site, 1 … the points in their order; owned */
    size_t sites;
    enum lesson_state state;
    int64_t starts_at, started_at, ended_at, created_at; /* ms since 1970; 0 = not yet */
    enum room_mode mode;
    uint8_t floor; /* number of a site, SITE_NONE */
    bool record;
    int64_t last_event;
    char resource[ID_CAP]; /* "" = none */
    usec clock_zero;       /* monotonic time at which the lesson clock was 0 */
    /* of the control thread */
    room_id room;    /* 0: not open in a hub */
    int64_t touched; /* wall ms, for forgetting ended ones */
};

enum lesson_how { HOW_GIVE, HOW_CALL_ON, HOW_TAKE, HOW_RELEASE, HOW_END };
enum hand_how { HAND_RAISE, HAND_LOWER, HAND_FLOOR, HAND_END };

const char *lesson_state_name(enum lesson_state s);
const char *lesson_mode_name(enum room_mode m);
const char *lesson_how_name(enum lesson_how h);
const char *hand_how_name(enum hand_how h);

/* From a checked description; takes a reference of meta. */
MUST_USE enum err lesson_new(struct lesson **l, const char *id, json_t *meta);
void lesson_free(struct lesson **l);

/* A new lesson's description, defaults filled in, sites as objects; NULL: a problem is set.
 * `id` gets the id if one is wanted, else "". */
json_t *lesson_describe(const json_t *body, int64_t now_ms, char id[ID_CAP], struct problem *p);
/* The description after a change; `l` is not touched. */
json_t *lesson_patched(const struct lesson *l, const json_t *body, struct problem *p);
/* Takes a description over (in state planned the sites too). */
MUST_USE enum err lesson_apply(struct lesson *l, json_t *meta);

/* The number of a site, or SITE_NONE. */
uint8_t lesson_site(const struct lesson *l, const char *id);

/* Lesson clock in ms; -1 before the start. */
int64_t lesson_clock(const struct lesson *l, usec now);
/* After loading: sets the clock from the time of day, and never before `least`. */
void lesson_set_clock(struct lesson *l, int64_t wall_ms, usec now, int64_t least);

/* Where a token stands in a lesson: is it good for it at all (deny by default)? */
bool lesson_admits(const struct lesson *l, const struct claims *c, struct problem *p);
/* And is the lesson in a state in which people act? */
bool lesson_is_running(const struct lesson *l, struct problem *p);

/* The site a person sits in: its number, SITE_NONE for those outside. */
uint8_t lesson_seat(const struct lesson *l, const struct claims *c);

/* Each answers whether something changed. */
bool lesson_start(struct lesson *l, int64_t wall_ms, usec now);
bool lesson_end(struct lesson *l, int64_t wall_ms);
bool lesson_hand(struct lesson *l, uint8_t site, bool up, int64_t clock_ms, json_t *by);
bool lesson_give(struct lesson *l, uint8_t site, int64_t clock_ms);
bool lesson_take(struct lesson *l);
bool lesson_set_mode(struct lesson *l, enum room_mode m);

/* Sites with a hand up, first raised first; returns how many of out[] are filled. */
size_t lesson_hands(const struct lesson *l, uint8_t out[SITES_MAX]);

/* The object of docs/http-api.md section 4. NULL: no memory. */
json_t *lesson_json(const struct lesson *l, usec now);
json_t *lesson_hands_json(const struct lesson *l);
