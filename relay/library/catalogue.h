/* catalogue.h - what survives a restart: lessons, their events, the library. The only user of
 * SQLite; one per process, called by the control thread. */
#pragma once

#include "relay/lesson/lesson.h"

struct catalogue;

/* E_LIMIT everywhere: the disk is full. E_IO: another failure of the database. */
MUST_USE enum err catalogue_open(struct catalogue **c, const char *path, char why[256]);
void catalogue_close(struct catalogue **c);
/* The last failed write, one sentence; NULL when the last write went well. */
const char *catalogue_trouble(const struct catalogue *c);

/* A kept event. `data` has the members of its own, without id, at, clock_ms, by. */
struct event {
    int64_t id, at_ms;
    int64_t clock_ms; /* -1 = before the start */
    const char *kind;
    json_t *by; /* may be NULL */
    json_t *data;
};

/* Writes the lesson and, if not NULL, an event of it: both or neither. */
MUST_USE enum err catalogue_save(struct catalogue *c, const struct lesson *l,
                                 const struct event *e);
/* E_STATE: no such lesson. Clocks are not set (lesson_set_clock). */
MUST_USE enum err catalogue_lesson(struct catalogue *c, const char *id, struct lesson **l);

struct lesson_query {
    const char *id;   /* NULL = any */
    const char *site; /* takes part; NULL = any */
    int state;        /* enum lesson_state; -1 = any */
    int64_t limit;
};

/* Ids as strings, newest start first. */
MUST_USE enum err catalogue_lessons(struct catalogue *c, const struct lesson_query *q, json_t *ids);

/* Events after `after`, oldest first, as {"id","at_ms","clock_ms","kind","by","data"}. */
MUST_USE enum err catalogue_events(struct catalogue *c, const char *lesson, int64_t after,
                                   int64_t limit, json_t *events);
/* The newest `limit` of one kind, oldest first. */
MUST_USE enum err catalogue_newest(struct catalogue *c, const char *lesson, const char *kind,
                                   int64_t limit, json_t *events);
/* One event; E_STATE: not there. The caller decrefs. */
MUST_USE enum err catalogue_event(struct catalogue *c, const char *lesson, int64_t id,
                                  json_t **event);
/* The largest lesson clock of an event, 0 if none. */
int64_t catalogue_last_clock(struct catalogue *c, const char *lesson);

struct vote {
    const char *voter;
    const char *site; /* NULL = at home */
    const json_t *counts;
};

MUST_USE enum err catalogue_vote(struct catalogue *c, const char *lesson, int64_t poll,
                                 const struct vote *v);
/* As {"voter","site","counts"}. */
MUST_USE enum err catalogue_votes(struct catalogue *c, const char *lesson, int64_t poll,
                                  json_t *votes);

enum resource_state { RES_RECORDING, RES_PACKAGING, RES_READY, RES_FAILED };

struct resource {
    char id[ID_CAP];
    char lesson[ID_CAP];
    enum resource_state state;
    char detail[256];
    int64_t recorded_at, duration_ms, bytes;
    char poster[128];
    int64_t tries;
};

const char *resource_state_name(enum resource_state s);

MUST_USE enum err catalogue_resource_save(struct catalogue *c, const struct resource *r);
/* E_STATE: not there. */
MUST_USE enum err catalogue_resource(struct catalogue *c, const char *id, struct resource *r);
/* What search finds a resource by. */
struct resource_text {
    const char *title, *people, *marks;
};
MUST_USE enum err catalogue_index(struct catalogue *c, const char *id,
                                  const struct resource_text *t);

struct resource_query {
    const char *typed;  /* NULL or "" = all */
    const char *lesson; /* NULL = any */
    const char *site;   /* took part; NULL = any */
    const char *subject, *grade;
    int64_t limit, offset;
};

/* Ids as strings, and how many there are in all. */
MUST_USE enum err catalogue_resources(struct catalogue *c, const struct resource_query *q,
                                      json_t *ids, int64_t *total);
/* Ids of resources in a state, oldest first. */
MUST_USE enum err catalogue_resources_in(struct catalogue *c, enum resource_state s, json_t *ids);

MUST_USE enum err catalogue_position_put(struct catalogue *c, const char *sub, const char *resource,
                                         int64_t position_ms, int64_t at);
/* E_STATE: never watched. */
MUST_USE enum err catalogue_position(struct catalogue *c, const char *sub, const char *resource,
                                     int64_t *position_ms, int64_t *at);
