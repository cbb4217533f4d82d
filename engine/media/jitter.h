/* jitter.h - the playout buffer of one received stream: packets come out in order, once, at their
 * time, with a delay that follows the network. */
#pragma once

#include "engine/base/pkt.h"
#include "engine/media/quantile.h"

#define JITTER_RING 1024

struct jitter {
    struct pkt *ring[JITTER_RING]; /* by extended number */
    usec came[JITTER_RING];        /* when */
    uint32_t rate;                 /* RTP clock */
    usec min, max;                 /* bounds of the delay */
    usec floor;                    /* what jitter_floor wants */
    usec patience;                 /* so much longer a missing packet is waited for; 0 at first */
    usec slack;                    /* who is so late now and then does no harm; 0 at first */
    bool voice; /* who plays it goes slowly to a new delay himself; false at first */
    usec own;   /* the delay that it needs itself */
    usec delay; /* now: of both the larger */
    bool started;
    uint32_t next_seq; /* extended number that comes out next */
    uint32_t highest;
    uint32_t last_ts; /* of what came out last, or would have */
    /* Media time 0 is ts0 and was sent, as it were, at at0. base: what the quickest packet took
     * lately, on top of that; queued and single: what whole frames took longer, together all. */
    uint32_t ts0;
    usec at0;
    double base;
    struct quantile queued; /* as late as the one before; that passes */
    struct quantile single; /* late by themselves */
    usec frame_slow;   /* the slowest packet yet of the frame that comes out, which has last_ts */
    usec frame_came;   /* first packet of that frame */
    bool frame_single; /* a packet of it was brought again, or the way stood still before it */
    unsigned burst;    /* so many came before it together with it, after a gap */
    usec begun_at;
    usec settled_at;   /* what came before does not count */
    usec put_at;       /* last arrival */
    usec shrink_at;    /* the delay gets smaller from here on */
    uint32_t late_seq; /* of the last that was late */
    uint64_t late;     /* came after their time */
    uint64_t duplicates;
    uint64_t missing; /* were due and had not come */
    uint64_t out;
};

enum jitter_out {
    JITTER_WAIT,   /* nothing is due; jitter_next says when */
    JITTER_PACKET, /* *p is the next packet; the caller owns the reference */
    JITTER_LOST,   /* the next packet did not come in time: conceal one */
};

void jitter_init(struct jitter *j, uint32_t rate, usec min, usec max);
void jitter_fini(struct jitter *j);

/* Takes a reference. Duplicates and late packets are counted and let go. */
void jitter_put(struct jitter *j, usec now, struct pkt *p);
/* What comes out now. A packet that is missing is waited for until its own time to play, which the
 * packets around it tell; JITTER_LOST needs a later one that has come, because a sender that says
 * nothing (DTX) has lost nothing. After JITTER_LOST the ring may hold the packet `next_seq`, with
 * the voice's own repair of the lost one in it. */
/* With patience it stands still for so long instead: a picture that comes late by a repair costs
 * less than the key frame that everybody would get for it. */
enum jitter_out jitter_get(struct jitter *j, usec now, struct pkt **p);
usec jitter_next(const struct jitter *j);
/* The same for who plays sound and knows himself when he needs the next packet: one that is there
 * comes out at once, before its time too; one that is missing is waited for until its time. */
enum jitter_out jitter_take(struct jitter *j, usec now, struct pkt **p);
/* The next packet, if it is there; it stays the buffer's. */
const struct pkt *jitter_peek(const struct jitter *j);
/* When a packet with this timestamp should be played, on our clock. */
usec jitter_due(const struct jitter *j, uint32_t ts);
/* At least so much delay, at once, so that sound and picture of one person stay together; never
 * below the own need, never above the most. */
void jitter_floor(struct jitter *j, usec at_least);
