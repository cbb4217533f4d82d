/* nack.h - which packets of a stream are missing and when to ask for them (RFC 4585). */
#pragma once

#include "engine/base/base.h"

#define NACK_MAX 256 /* missing packets that are followed */
#define NACK_TRIES 8
#define NACK_GAP_MAX 1000u /* a larger hole is a new start, not a loss */

struct nack_entry {
    uint32_t ext_seq;
    uint8_t tries;
    usec since; /* when it was missed */
    usec due;
};

/* One per received stream, embedded. Times adapt to the round trip. */
struct nack {
    struct nack_entry list[NACK_MAX]; /* rising ext_seq */
    size_t n;
    uint32_t highest;
    bool started;
    usec rtt;       /* 100 ms until told */
    usec deadline;  /* a packet older than this is not asked for any more */
    uint64_t asked; /* requests in all */
    uint64_t given_up;
    uint64_t repaired;
    bool overflow; /* lost more than can be followed: ask for a key frame; the reader clears it */
};

void nack_init(struct nack *n, usec deadline);
void nack_rtt(struct nack *n, usec rtt);

/* A packet arrived (new, late, or repaired). */
void nack_input(struct nack *n, usec now, uint32_t ext_seq);

/* The numbers to ask for now, rising; at most cap. Each is asked again after a round trip. */
size_t nack_poll(struct nack *n, usec now, uint16_t *out, size_t cap);
usec nack_next(const struct nack *n);
