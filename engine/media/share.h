/* share.h - how one site's bit rate is divided among what it sends or is shown: the ladder. */
#pragma once

#include "engine/base/base.h"

/* In the order in which they are served; what comes last is given up first. */
enum share_kind {
    SHARE_VOICE,       /* the lead's; of a site that sends: its own */
    SHARE_FLOOR_VOICE, /* of who has the floor, and other points' */
    SHARE_SLIDES,
    SHARE_BOARD,
    SHARE_CAMERA, /* the lead's; of a site that sends: its own */
    SHARE_FLOOR,  /* the picture of who has the floor */
    SHARE_WALL,   /* the other classes */
    SHARE_KINDS
};

#define SHARE_RUNGS 5
#define SHARE_LEVELS 8
#define SHARE_LINES 16 /* that one site has at most */

/* What a bit rate is good for. All rates are bits per second on the wire: with IP, UDP, SRTP. */
struct share_rung {
    uint32_t bps;               /* it takes at least so much */
    uint32_t most[SHARE_KINDS]; /* no line gets more before every line got its part of this rung */
    uint8_t voice_ms;           /* length of a voice packet: fewer packets, fewer headers */
    uint32_t voice_bps;         /* of the codec alone */
};
extern const struct share_rung share_rungs[SHARE_RUNGS]; /* [0] is rung 1 */

/* A stream and the forms it could have, cheapest first: simulcast layers, temporal layers, lengths
 * of a voice packet. */
struct share_line {
    uint8_t kind;               /* enum share_kind */
    uint8_t n;                  /* levels that it has; 0: there is nothing to send */
    uint8_t level;              /* in: what it has now; out: what it gets. 0 = nothing, 1 … n */
    uint32_t bps[SHARE_LEVELS]; /* of level 1 …, rising */
};

/* Divides `bps`. Voices get their first level whatever it costs, and
 * slides if it is of the first rung. A level that a line does not have
 * yet must fit with a sixteenth of the whole to spare. Returns the rung, 1 … SHARE_RUNGS: the
 * highest up to which every line has its part. */
unsigned share_divide(uint64_t bps, struct share_line *line, size_t n);

/* What all lines would take with everything that they have. */
uint64_t share_wanted(const struct share_line *line, size_t n);

/* The rung that a bit rate is enough for; 1 if for none. For who plans, not measures. */
unsigned share_rung_of(uint64_t bps);
