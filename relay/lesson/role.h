/* role.h - who somebody is, as a token says, and what each role may do. Everything is denied that
 * is not listed here. */
#pragma once

#include "relay/lesson/problem.h"
#include "relay/lesson/text.h"

enum role {
    ROLE_NONE,
    ROLE_LEAD,
    ROLE_ASSISTANT,
    ROLE_OBSERVER,
    ROLE_STUDENT,
    ROLE_TECHNICIAN,
    ROLE_ADMIN,
    ROLE_COUNT,
};

enum right {
    MAY_CREATE = 1 << 0,
    MAY_CONTROL = 1 << 1, /* change, start, end, floor, mode, polls */
    MAY_PUBLISH_LEAD = 1 << 2,
    MAY_PUBLISH_CLASS = 1 << 3,
    MAY_PLAY = 1 << 4,
    MAY_PLAY_SITES = 1 << 5,
    MAY_JOIN_EARLY = 1 << 6,
    MAY_EVENTS = 1 << 7,
    MAY_HAND = 1 << 8,
    MAY_HAND_ANY = 1 << 9, /* lower the hand of any site */
    MAY_RELEASE = 1 << 10,
    MAY_MARK = 1 << 11,
    MAY_MARK_PUBLIC = 1 << 12,
    MAY_MESSAGE_ALL = 1 << 13,
    MAY_MESSAGE_LEAD = 1 << 14,
    MAY_MESSAGE_SITE = 1 << 15,
    MAY_VOTE = 1 << 16,
    MAY_LIBRARY = 1 << 17,
    MAY_METRICS = 1 << 18,
    MAY_SEE_ALL = 1 << 19, /* every lesson, whatever the site */
    MAY_SEE_MEMBERS = 1 << 20,
    MAY_SEE_TALLY = 1 << 21, /* votes before a poll is closed */
};

struct claims {
    char sub[SUB_CAP];
    char name[NAME_CAP];
    enum role role;
    char site[ID_CAP];   /* "" = none */
    char lesson[ID_CAP]; /* "" = those of the site, "*" = all */
    int64_t iat, exp;    /* seconds since 1970 */
    bool ticket;         /* good for event streams only */
};

const char *role_name(enum role r);
enum role role_named(const char *name); /* ROLE_NONE: no such role */
bool role_may(enum role r, enum right right);

/* Sets wrong-role and answers false if not. */
bool role_check(const struct claims *c, enum right right, struct problem *p);

/* An array of the words of `can` (docs/http-api.md section 2); NULL: no memory. */
json_t *role_can(const struct claims *c);

/* {"sub","name","role","site"}: who did it. */
json_t *claims_by(const struct claims *c);
