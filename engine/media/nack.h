/* nack.h - which packets of a stream are missing and when to ask for them (RFC 4585). */
#pragma once

#include "engine/base/base.h"

#define NACK_MAX 256 /* missing packets that are followed */
#define NACK_TRIES 12
#define NACK_GAP_MAX 1000u /* a larger hole is a new start, not a loss */

struct nack_entry {
    uint32_t ext_seq;
    uint8_t tries;
    usec since; /* when it was missed */
    usec due;
    usec asked_at; /* first */
};

/* One per received stream, embedded. Times adapt to the round trip. */
struct nack {
    struct nack_entry list[NACK_MAX]; /* rising ext_seq */
    size_t n;
    uint32_t highest;
    bool started;
    usec at;        /* when it came */
    usec rtt;       /* 100 ms until told */
    usec took;      /* from request to repair, smoothed; 0 = none seen yet */
    usec vary;      /* and how far off that mostly is */
    float loss;     /* share of packets that did not come by themselves, 0 to 1 */
    usec hold;      /* something else may bring it until then; 0 until told */
    usec wait;      /* besides, before the first request: packets overtake each other by so much */
    usec deadline;  /* after it was missed; it is not asked for any more */
    uint64_t asked; /* requests in all */
    uint64_t given_up;
    uint64_t repaired;
    bool overflow; /* lost more than can be followed: ask for a key frame; the reader clears it */
};

void nack_init(struct nack *n, usec deadline);
void nack_rtt(struct nack *n, usec rtt);

/* A packet arrived, new or late; `repair`: not by itself, but resent or with another. */
void nack_input(struct nack *n, usec now, uint32_t ext_seq, bool repair);

/* The numbers to ask for now, rising; at most cap. Each is asked again until it comes. */
size_t nack_poll(struct nack *n, usec now, uint16_t *out, size_t cap);
usec nack_next(const struct nack *n);
