/* hist.h - the last packets of a stream, shared by all viewers: for repairs and for late comers. */
#pragma once

#include "engine/base/pkt.h"

/* A ring by extended sequence number. It holds one reference to each packet. */
struct hist {
    struct pkt **ring;
    uint32_t size; /* power of two */
    uint32_t highest;
    bool started;
};

MUST_USE enum err hist_init(struct hist *h, uint32_t size);
void hist_fini(struct hist *h);

/* Takes a reference; lets the packet that was in this place go. Older than the ring: not kept. */
void hist_put(struct hist *h, struct pkt *p);

/* Lets all go: another stream begins. */
void hist_clear(struct hist *h);

/* The packet or NULL; borrowed, valid until the next hist_put. */
struct pkt *hist_get(const struct hist *h, uint32_t ext_seq);

/* Lets go of packets that arrived before `before`, but for the newest `keep`; called now and then,
 * so that a silent stream does not hold the pool. */
void hist_expire(struct hist *h, usec before, uint32_t keep);
