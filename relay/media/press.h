/* press.h - what is given up while the pool of packets runs low: old packets first, then the lowest
 * simulcast layers, then all but the top ones, then all pictures, never a voice. */
#pragma once

#include "engine/base/base.h"

struct pkt;
struct stream;

/* Embedded in a stream. Whole frames are left out: from one that finds no room until the next key
 * frame that does. */
struct press {
    bool on;
    bool flows;           /* it is on, and packets come all the same */
    uint32_t from, until; /* extended numbers: what was left out last; while it is on, no end */
    usec at;              /* the last packet that was left out */
};

/* A packet of the stream came, counted and described. False: it is left out. Asks for a key frame
 * when there is room again: for twice as much as was missing, or it would be back at once. */
MUST_USE bool press_takes(struct stream *s, usec now, const struct pkt *p);

/* True while packets should not be kept for as long as usual. */
bool press_is_tight(const struct stream *s);

/* True while a key frame would be left out too: nobody needs to ask for one. */
bool press_is_hard(const struct stream *s);

/* Now and then: a sender that has ended the layer by itself does not press the others. */
void press_tick(struct stream *s, usec now);
