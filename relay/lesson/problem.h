/* problem.h - why a request was refused, as the caller is told (RFC 9457). */
#pragma once

#include "engine/base/base.h"

#include <jansson.h>

/* The kinds of docs/http-api.md, section 3. */
enum problem_kind {
    P_NONE,
    P_BAD_REQUEST,
    P_BAD_JSON,
    P_NO_TOKEN,
    P_BAD_TOKEN,
    P_TOKEN_EXPIRED,
    P_WRONG_LESSON,
    P_WRONG_SITE,
    P_WRONG_ROLE,
    P_BAD_GRANT,
    P_GRANT_EXPIRED,
    P_NOT_FOUND,
    P_WRONG_METHOD,
    P_LESSON_EXISTS,
    P_NOT_RUNNING,
    P_LESSON_ENDED,
    P_LESSON_STARTED,
    P_LEAD_PRESENT,
    P_SOURCE_TAKEN,
    P_POLL_CLOSED,
    P_ETAG,
    P_TOO_LARGE,
    P_WRONG_TYPE,
    P_BAD_RANGE,
    P_INVALID,
    P_BAD_SDP,
    P_UNKNOWN_SOURCE,
    P_UNKNOWN_SLOT,
    P_UNKNOWN_SITE,
    P_TOO_MANY,
    P_INTERNAL,
    P_UNAVAILABLE,
    P_DISK_FULL,
    P_COUNT,
};

struct problem {
    enum problem_kind kind; /* P_NONE: no problem */
    char detail[256];
    char field[64]; /* "" = of the whole */
};

/* Sets the problem and answers false, so that a check may `return problem_set(…)`. The first
 * problem stays; `field` may be NULL. */
bool problem_set(struct problem *p, enum problem_kind kind, const char *field, const char *detail,
                 ...) PRINTF_LIKE(4, 5);

unsigned problem_status(enum problem_kind kind);  /* of HTTP */
const char *problem_name(enum problem_kind kind); /* "token-expired" */

/* The body; NULL: no memory. */
json_t *problem_json(const struct problem *p);
