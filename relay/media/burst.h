/* burst.h - packets of one frame that wait for the rest of it, so that each viewer gets them in one
 * go: one look at its numbers, one message to the kernel. Who sits at a site gets them first; then,
 * a few at a time, who only watches. */
#pragma once

#include "engine/base/base.h"

struct hub;
struct pkt;
struct stream;
struct sub;
struct track;

#define BURST_MAX 16             /* packets */
#define BURST_LATE 32            /* that watchers have still to get */
#define BURST_WAIT (2 * USEC_MS) /* for a sender that spreads a frame, or a lost end of it */

/* Embedded in a stream. Its packets are in the history already. */
struct burst {
    struct pkt *pkt[BURST_MAX]; /* nobody has them */
    uint8_t n;
    uint8_t late_n;
    struct pkt *late[BURST_LATE]; /* sites have them, and watchers from `first` up to `at` */
    struct sub *at, *first;
    size_t done;
    usec until;                           /* what waits for its frame waits no longer */
    struct stream *next, *prev;           /* of the hub's streams that wait, soonest first */
    struct stream *next_late, *prev_late; /* of those whose watchers wait, oldest first */
};

/* A packet of the stream goes to all viewers, at once or with the rest of its frame: pictures that
 * come in order wait, voice and what comes late does not. Takes a reference if it needs one. */
void burst_input(struct stream *s, struct pkt *p, usec now);

/* Sends what waits no longer. */
void burst_tick(struct hub *h, usec now);
usec burst_next(const struct hub *h);

/* Gives the next few watchers what they wait for; hub->first_late: there are some. */
void burst_step(struct hub *h, usec now);

/* Gives all watchers of the track what they wait for: before one comes, goes, or changes. */
void burst_finish(struct track *t, usec now);

/* The stream ends. */
void burst_drop(struct stream *s);

/* The newest packet that sites, or all watchers, were given. */
uint32_t burst_sent(const struct stream *s, bool watcher);
