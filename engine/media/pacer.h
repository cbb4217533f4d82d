/* pacer.h - what one viewer is still to get, and how fast: voice at once, then repairs, slides,
 * other pictures, spread so that a key frame does not burst a thin link. A part of the rate is the
 * other pictures' own, so that a face does not stand while a slide comes. */
#pragma once

#include "engine/base/pkt.h"
#include "engine/media/remap.h"

/* One packet for one viewer: the shared packet and what is different for this viewer. It owns one
 * reference. Moves from forward to pacer to egress (struct copy), one owner at a time. */
struct send_rec {
    struct pkt *pkt;
    struct remap_out map;
    uint16_t rtx_seq;   /* RTX, FEC: its own sequence number */
    uint8_t sub;        /* the member's own number of the subscription */
    uint8_t cls : 2;    /* enum pacer_class, where it waits */
    uint8_t joined : 2; /* voice: so many packets before it leave with it as one */
    bool rtx : 1;
    bool marker : 1;
    bool audio : 1;
    bool fec : 1; /* `rtx` too: a repair packet, of which pkt has the payload alone */
};
static_assert(sizeof(struct send_rec) <= 24, "hundreds of them are kept for each viewer");

#define PACER_CLASSES 4
enum pacer_class { PACER_VOICE, PACER_RTX, PACER_SLIDES, PACER_VIDEO };

#define PACER_EXTRA 44 /* bytes of IP, UDP and SRTP around a packet of RTP */

struct pacer_ring {
    struct send_rec *rec;
    uint32_t size; /* power of two */
    uint32_t head, n;
    size_t bytes;
};

struct pacer {
    struct pacer_ring ring[PACER_CLASSES];
    uint64_t bps;         /* rate of the spread classes */
    uint32_t burst;       /* bytes that may leave at once */
    int64_t credit;       /* bytes */
    uint64_t rest;        /* what is earned of the next byte, in bits times us/s */
    uint64_t video_bps;   /* of the rate, what slides do not get while pictures wait */
    int64_t video_credit; /* of that, in bits times us/s */
    usec filled_at;
    uint64_t dropped; /* records for which a ring had no room */
};

/* `size`: records of the video ring (power of two); slides have half of that, repairs a
 * quarter, voices, which leave at once, an eighth. */
MUST_USE enum err pacer_init(struct pacer *p, uint32_t size, uint64_t bps, uint32_t burst);
void pacer_fini(struct pacer *p); /* lets all references go */
void pacer_rate(struct pacer *p, uint64_t bps, uint32_t burst);
/* So much of the rate goes to PACER_VIDEO before PACER_SLIDES; 0 at first. */
void pacer_video(struct pacer *p, uint64_t bps);

/* Takes the record, for its class, with its reference. False: no room; the reference was let go and
 * counted. */
bool pacer_push(struct pacer *p, const struct send_rec *r);
/* The next record that may leave now, by class, then order; it is the caller's. False: none.
 * Pictures go before slides until they had their part. */
MUST_USE bool pacer_pop(struct pacer *p, usec now, struct send_rec *r);
/* Bytes that left beside a record: pictures wait for them too. */
void pacer_spend(struct pacer *p, size_t bytes);
/* Lets go of what waits of one subscription, but for voice and the rest of a frame that has begun
 * to leave. *last: what left last of it; becomes the last of that rest. */
void pacer_cut(struct pacer *p, uint8_t sub, struct remap_out *last);
/* Bytes that wait in a class. */
size_t pacer_waiting(const struct pacer *p, enum pacer_class c);

/* The i-th record that waits in a class; NULL: none. */
const struct send_rec *pacer_peek(const struct pacer *p, enum pacer_class c, uint32_t i);
/* When pacer_pop next has something; USEC_NEVER if it is empty. */
usec pacer_next(const struct pacer *p, usec now);
