/* jitter.h - the playout buffer of one received stream: packets come out in order, once, at their
 * time, with a delay that follows the network. */
#pragma once

#include "engine/base/pkt.h"

#define JITTER_RING 1024

struct jitter {
    struct pkt *ring[JITTER_RING];
    uint32_t rate; /* RTP clock */
    usec min, max; /* bounds of the delay */
    usec delay;    /* now */
    bool started;
    uint32_t next_seq; /* extended number that comes out next */
    uint32_t highest;
    /* arrival minus media time: base = lowest seen lately; spread follows the late ones */
    usec base;
    uint32_t ts0;
    usec at0;
    double dev; /* smoothed late deviation, us */
    usec shrink_at;
    uint64_t late;    /* came after their time */
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
/* `hold`: at most how much longer a missing packet is waited for when later ones have come
 * (a repair may be on its way); 0 = until its playout time only. */
enum jitter_out jitter_get(struct jitter *j, usec now, struct pkt **p);
usec jitter_next(const struct jitter *j);
/* When a packet with this timestamp should be played, on our clock. */
usec jitter_due(const struct jitter *j, uint32_t ts);
/* Extra delay so that sound and picture of one person stay together (never below the own need). */
void jitter_floor(struct jitter *j, usec at_least);
