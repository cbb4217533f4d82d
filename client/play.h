/* play.h - all that a room shows and lets be heard: lines of one connection, decoded, arranged,
 * mixed. */
#pragma once

#include "client/conf.h"
#include "client/output.h"
#include "client/session.h"
#include "client/stats.h"

#define PLAY_PICTURES 4
#define PLAY_VOICES 4

struct play;

struct play_conf {
    const struct conf *conf;
    size_t points; /* of the lesson; a lead sees up to three on the wall */
    struct output *output;
    struct stats *stats;
    void (*open)(void *user, bool open);
    void (*quiet)(void *user); /* as in session.h */
    void (*refused)(void *user, const char *why);
    void *user;
};

MUST_USE enum err play_new(struct play **p, struct net *net, const struct play_conf *c);
void play_free(struct play **p);

struct session *play_session(struct play *p);

/* Every 20 ms: what is heard next goes to the loudspeaker; voice and picture of one person are kept
 * together. */
void play_speak(struct play *p, usec now);
