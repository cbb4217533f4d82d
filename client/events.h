/* events.h - the lesson's event stream, followed for ever and resumed where it broke. */
#pragma once

#include "client/lesson.h"
#include "client/session.h"

struct events;

struct events_conf {
    const char *relay, *lesson, *token;
    /* All in the context's thread. */
    void (*changed)(void *user, const struct lesson *l);
    void (*lost)(void *user); /* the stream ended: the relay may be gone */
    void *user;
};

MUST_USE enum err events_new(struct events **e, struct net *net, const struct events_conf *c);
void events_free(struct events **e);
const struct lesson *events_lesson(const struct events *e);
