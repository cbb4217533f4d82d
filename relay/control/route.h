/* route.h - which call a method and a path name. */
#pragma once

#include "relay/lesson/problem.h"
#include "relay/lesson/text.h"

#define SESSION_CAP 23

enum call {
    CALL_HEALTH,
    CALL_READY,
    CALL_METRICS,
    CALL_ME,
    CALL_TICKET,
    CALL_LESSON_CREATE,
    CALL_LESSON_LIST,
    CALL_LESSON_GET,
    CALL_LESSON_PATCH,
    CALL_LESSON_START,
    CALL_LESSON_END,
    CALL_LESSON_STATE,
    CALL_EVENTS,
    CALL_HAND,
    CALL_FLOOR,
    CALL_MODE,
    CALL_MARK,
    CALL_MARK_LIST,
    CALL_MESSAGE,
    CALL_MESSAGE_LIST,
    CALL_POLL,
    CALL_POLL_LIST,
    CALL_POLL_VOTE,
    CALL_POLL_CLOSE,
    CALL_RESOURCE_LIST,
    CALL_RESOURCE_GET,
    CALL_RESOURCE_MANIFEST,
    CALL_POSITION_GET,
    CALL_POSITION_PUT,
    CALL_WHIP,
    CALL_WHEP,
    CALL_SESSION_PATCH,
    CALL_SESSION_DELETE,
    CALL_SLOTS_PUT,
    CALL_MEDIA,
    CALL_LIB,
    CALL_PAGE,
    CALL_OPTIONS,
    CALL_COUNT,
};

#define ROUTE_ALLOW 64
#define ROUTE_GRANT 64

struct route {
    enum call call;
    char id[ID_CAP];           /* lesson or resource */
    char session[SESSION_CAP]; /* of WHIP or WHEP */
    bool play;                 /* the session is one of WHEP */
    int64_t number;            /* of a poll */
    char grant[ROUTE_GRANT];
    const char *file;        /* rest of the path, for media and pages: part of `path` */
    char allow[ROUTE_ALLOW]; /* methods of the path, for 405 and OPTIONS */
};

/* The path as it is after decoding. False: a problem is set (404, 405 with `allow`). */
MUST_USE bool route_find(struct route *r, const char *method, const char *path, struct problem *p);

/* A relative path of files: no empty, "." or ".." part, none that begins with a dot, no backslash,
 * not longer than 255. */
MUST_USE bool route_file_ok(const char *file);
