/* lipsync.h - voice and picture of one person are held back so that they come out together. */
#pragma once

#include "engine/base/base.h"

#define LIPSYNC_APART USEC_SEC /* who is further apart has no common clock */

/* One of the two. */
struct lipsync_line {
    usec least; /* see recvtrack_least; of a picture with decoding and showing */
    usec need;  /* the delay that its own way asks for */
};

/* What jitter_floor of each is to be. */
struct lipsync {
    usec voice, picture;
};

/* The voice goes slowly to where both are in time; the picture, which may jump, is always where the
 * voice is now: `held` after its least, USEC_NEVER if it does not play. */
struct lipsync lipsync(const struct lipsync_line *voice, usec held,
                       const struct lipsync_line *picture);
