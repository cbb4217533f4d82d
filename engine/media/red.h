/* red.h - a voice that carries its own repair (RFC 2198): when earlier packets ride along with
 * each, which ones, and how a receiver gets them out. */
#pragma once

#include "engine/media/hist.h"
#include "engine/wire/red.h"
#include "engine/wire/twcc.h"

#define RED_RIDERS 3 /* most that ride along with one packet */

/* How many ride, by what the receiver reports; all zero at first. More ride at once when more is
 * lost, fewer when ten seconds have not needed them. */
struct red_rule {
    double loss;  /* smoothed, 0 to 1 */
    double known; /* packets that it is made of, up to a limit */
    uint8_t riders;
    usec needed_at;        /* when so many were last needed */
    usec looked_at;        /* what came since then waits to be looked at together: */
    double reported, lost; /* packets */
};

/* Of `reported` packets that were sent to it so many were lost. */
void red_rule_report(struct red_rule *r, usec now, double reported, double lost);
/* The same by feedback that tells of every packet. */
void red_rule_feedback(struct red_rule *r, usec now, const struct twcc_feedback *f);

/* *p, all of whose payload type is `pt`, as the last block of *r; before it those that `h` holds of
 * the up to `riders` packets directly before it, none older than `first`. They end at the first
 * that is missing, too long or too long ago. With r->n 1 nothing rides along. Blocks point into
 * packets that `h` and the caller hold. */
void red_load(struct red *r, const struct hist *h, const struct pkt *p, uint8_t pt, uint32_t first,
              size_t riders);

/* Turns a described packet of payload type red into the one of type `pt` that it is for; only
 * p->rtp changes, *r keeps all blocks. False: malformed, or for another type. */
MUST_USE bool red_undo(struct pkt *p, uint8_t pt, struct red *r);

/* The number that the packet had which block i of an undone packet repeats. */
static inline uint16_t red_seq(const struct pkt *p, const struct red *r, size_t i)
{
    return (uint16_t)(p->rtp.seq - (r->n - 1 - i));
}

/* That packet as it would have come, but for its header extensions, marked as repaired: a copy with
 * one reference, from the pool of `p`. NULL: no packet of this type, or the pool is empty. */
struct pkt *red_recover(const struct pkt *p, const struct red *r, size_t i);
