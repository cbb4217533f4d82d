/* looper.h - a file played again and again on one running clock: where in time a position of the
 * n-th round is. */
#pragma once

#include "engine/base/base.h"

#define LOOPER_SHORTEST (40 * USEC_MS) /* a round takes at least this long */

/* Embedded. Rounds follow each other without a gap; each is as long as the file says that it is,
 * so that picture and sound of one file stay together though they end at different times. */
struct looper {
    usec start;  /* when the first round began */
    usec length; /* of a round; 0 = not known, then the end of what was seen */
    usec seen;   /* end of the furthest item of this round */
    uint64_t round;
    uint64_t items; /* in this round */
};

void looper_init(struct looper *l, usec start, usec length);

/* When an item at `pos` of the file, `duration` long, is due. */
usec looper_due(struct looper *l, usec pos, usec duration);

/* The file has ended: the next round begins. */
void looper_again(struct looper *l);
