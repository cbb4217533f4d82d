/* publish.h - all that a room sends: its sources, coded, on one connection. */
#pragma once

#include "client/conf.h"
#include "client/feed.h"
#include "client/session.h"

#define PUBLISH_SOURCES 4 /* voice and up to three pictures */

struct publish;

struct publish_conf {
    const struct conf *conf;
    usec start;        /* zero of files and running clocks */
    const char *probe; /* of the loudspeaker; NULL = no echo cancelling */
    void (*open)(void *user, bool open);
    void (*quiet)(void *user); /* as in session.h */
    void (*refused)(void *user, const char *why);
    void *user;
};

/* Opens all sources and connects. E_IO: `why` names the flag and what is wrong. */
MUST_USE enum err publish_new(struct publish **p, struct net *net, const struct publish_conf *c,
                              char why[CAPTURE_WHY]);
void publish_free(struct publish **p);

struct session *publish_session(struct publish *p);
/* Once a second: what hearers lack of the voice steers its FEC. Returns the loss that it is made
 * for, in per cent. */
unsigned publish_protect_voice(struct publish *p);
