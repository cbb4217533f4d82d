/* arrival.h - when packets with transport-wide numbers came, for the sender's bandwidth estimate.
 */
#pragma once

#include "engine/wire/twcc.h"

#define ARRIVAL_RING 1024

struct arrival {
    usec at[ARRIVAL_RING];
    uint32_t seq[ARRIVAL_RING]; /* extended */
    uint32_t highest;
    uint32_t reported; /* first that was not reported on */
    bool started;
    uint8_t count; /* feedback packets so far */
    usec due;
    usec interval; /* 100 ms, 50 ms when busy */
};

void arrival_init(struct arrival *a);
void arrival_input(struct arrival *a, usec now, uint16_t seq);
usec arrival_next(const struct arrival *a);
/* Appends a feedback packet if one is due. False: nothing to say. */
MUST_USE bool arrival_poll(struct arrival *a, usec now, struct writer *w, uint32_t sender,
                           uint32_t media);
