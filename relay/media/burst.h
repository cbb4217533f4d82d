/* burst.h - packets of one frame that wait for the rest of it, so that each viewer gets them in one
 * go: one look at its numbers, one message to the kernel. */
#pragma once

#include "engine/base/base.h"

struct hub;
struct pkt;
struct stream;
struct vp8_desc;

#define BURST_MAX 16             /* packets */
#define BURST_WAIT (2 * USEC_MS) /* for a sender that spreads a frame, or a lost end of it */

/* Embedded in a stream. Its packets are in the history already. */
struct burst {
    struct pkt *pkt[BURST_MAX];
    uint8_t n;
    usec until;                 /* they wait no longer */
    struct stream *next, *prev; /* of the hub's streams that wait, soonest first */
};

/* A packet of the stream goes to all viewers, at once or with the rest of its frame: pictures that
 * come in order wait, voice and what comes late does not. Takes a reference if it needs one. */
void burst_input(struct stream *s, struct pkt *p, const struct vp8_desc *vp8, usec now);

/* Sends what waits no longer. */
void burst_tick(struct hub *h, usec now);
usec burst_next(const struct hub *h);

/* The stream ends. */
void burst_drop(struct stream *s);

/* The newest packet that viewers were given. */
uint32_t burst_sent(const struct stream *s);
