/* gate.h - listens on the ports of HTTP and HTTPS and finds out who has come: the first bytes of a
 * connection say whether it is for the HTTP server or a member's media. Who says nothing for ten
 * seconds, or anything else, is closed. */
#pragma once

#include "engine/base/addr.h"
#include "relay/control/first.h"

#include <netinet/in.h>

#define GATE_LISTENERS 8
/* Undecided at once, half of them of one address; the oldest gives way. */
#define GATE_WAITERS 256
#define GATE_PATIENCE (10 * USEC_SEC)

struct gate;

struct gate_stat {
    uint64_t http;    /* came for HTTP or HTTPS */
    uint64_t calls;   /* came with media, by a check of ICE that is well formed */
    uint64_t bad;     /* closed: none of these, or HTTP where HTTPS is spoken, or the reverse */
    uint64_t late;    /* closed: said too little in GATE_PATIENCE */
    uint64_t crowded; /* closed: the oldest of too many undecided */
};

/* Somebody to be let in: the descriptor is the taker's. */
struct guest {
    size_t listener;
    int fd;
    struct sockaddr_in6 from;
    bool call;             /* media: what follows is filled in; else nothing of it has been read */
    char ufrag[HUB_UFRAG]; /* whom it names; not proved yet */
    size_t len;
    uint8_t bytes[FIRST_MAX]; /* the check in its frame */
};

/* `per_address`: undecided connections of one address at once, at most half of all. */
MUST_USE enum err gate_new(struct gate **t, unsigned per_address);
void gate_free(struct gate **t);

/* `bound` gets the real port. Listeners are numbered from 0. E_IO: errno says why. */
MUST_USE enum err gate_listen(struct gate *t, const struct addr *at, bool tls, struct addr *bound);
int gate_fd(const struct gate *t);    /* readable: there is something to do */
usec gate_next(const struct gate *t); /* when somebody's patience ends */

/* Whether new connections are accepted there; else they wait in the kernel. */
void gate_open(struct gate *t, usec now, size_t listener, bool open);

/* Once a turn; then gate_guest until it is false. */
void gate_turn(struct gate *t, usec now);
MUST_USE bool gate_guest(struct gate *t, usec now, struct guest *g);

const struct gate_stat *gate_stat(const struct gate *t);
