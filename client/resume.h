/* resume.h - a new path for a connection that has fallen silent, by an ICE restart (RFC
 * 9725 4.3.3): the session at the relay, its keys and everything in it stay. */
#pragma once

#include "client/icelink.h"
#include "client/session.h"

struct resume;

struct resume_conf {
    struct net *net;                     /* outlives it, like all texts here */
    const char *url, *token;             /* of the session at the relay */
    bool loopback;                       /* as in icelink_new */
    bool tcp;                            /* may be the new path: the old one was */
    const struct icelink_relays *relays; /* may be the new path too; NULL: the old one was not */
    const struct nego *agreed;           /* copied */
    const struct icelink *silent;        /* the path of before: its interface is not trusted */
    /* What the new path brings before it is taken. */
    void (*received)(void *user, const uint8_t *bytes, size_t len);
    void (*wake)(void *user); /* resume_turn has something new to say */
    void *user;
};

/* Looks for its addresses at once, and asks the relay again for as long as that does not answer. */
MUST_USE enum err resume_new(struct resume **r, const struct resume_conf *c);
void resume_free(struct resume **r);

enum resume_state {
    RESUME_GATHERS, /* nothing was said to the relay yet: it can be given up without a trace */
    RESUME_ASKS,
    RESUME_READY,  /* resume_take */
    RESUME_REFUSED /* the relay does not know the session, or no path was found: connect anew */
};
enum resume_state resume_turn(struct resume *r, usec now);
usec resume_next(const struct resume *r);

/* The path that was found, now the caller's, and what was agreed with it. `moved`: it is over
 * another interface; what still goes over the one of before is given up. */
struct icelink *resume_take(struct resume *r, struct nego *agreed,
                            const struct icelink_calls *calls, bool *moved);
