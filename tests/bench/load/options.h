/* options.h - what bench_load was asked to do: its command line. */
#pragma once

#include "engine/base/base.h"

enum load_server { LOAD_RELAY, LOAD_JANUS };
enum load_flood {
    FLOOD_NONE,
    FLOOD_GARBAGE, /* random bytes from unknown addresses */
    FLOOD_STUN,    /* checks with a wrong password */
    FLOOD_REPLAY,  /* packets that were sent once already */
    FLOOD_NACK,    /* one viewer asks for everything again */
    FLOOD_PLI,     /* one viewer asks for 1000 key frames a second */
    FLOOD_DTLS     /* connections that begin a handshake and fall silent */
};

#define LOAD_LESSONS 1024
#define LOAD_VIEWERS 20000

struct options {
    enum load_server server;
    const char *url;                                               /* without a slash at its end */
    const char *lesson, *lead_token, *viewer_token, *member_token; /* relay */
    unsigned room;                                                 /* Janus */
    unsigned viewers, members, sample;
    unsigned lessons; /* 0: one, named as `lesson` says; else that and a number from 1 */
    unsigned seconds, settle;
    unsigned join_rate;
    unsigned flood_rate;
    unsigned pid; /* 0: the server's cost is not looked at */
    unsigned
        key_every; /* seconds between key frames that nobody asked for; 0 = none, as cameras do */
    bool no_gcm, video, voice, nack, gro;
    enum load_flood flood;
};

/* False: it was wrong, and `why` says in one line what would be right. */
MUST_USE bool options_read(struct options *o, int argc, char **argv, char *why, size_t cap);

/* How many lessons there are, at least 1. */
unsigned options_lessons(const struct options *o);
const char *options_flood_name(enum load_flood f);
