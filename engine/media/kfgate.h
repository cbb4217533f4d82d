/* kfgate.h - many viewers ask for a key frame; the sender hears of it once per gap. */
#pragma once

#include "engine/base/base.h"

/* One per stream, embedded in it: no allocation, nothing to free. */
struct kfgate {
    usec gap;     /* shortest time between two requests */
    usec open_at; /* no request before this time */
    bool wanted;  /* some viewer is still without a key frame */
};

void kfgate_init(struct kfgate *g, usec gap);

/* A viewer joined, switched layer or lost its picture. */
void kfgate_want(struct kfgate *g);

/* A key frame arrived: every viewer is served. */
void kfgate_served(struct kfgate *g);

/* When kfgate_poll next has something to say; USEC_NEVER if nobody waits. */
usec kfgate_next(const struct kfgate *g);

/* True if one PLI must be sent to the sender now. Repeats every gap until served. */
MUST_USE bool kfgate_poll(struct kfgate *g, usec now);
