/* pick.h - which pictures of a layered stream one viewer gets, and which spatial layers of each:
 * more only where its decoder can follow, less with any picture (RFC 7741 4.3, RFC 9628 3 and 4).
 *
 * All spatial layers up to the highest that goes out are forwarded, also where only key pictures
 * predict between them: so a viewer whose way becomes thin goes down at once, without a key picture
 * that all others would have to carry too. */
#pragma once

#include "engine/base/pkt.h"
#include "engine/wire/video.h"

/* One per viewer and stream, embedded: no allocation, nothing to free. */
struct pick {
    uint64_t known; /* pictures before the newest, bit n = n picture ids back: they came */
    uint64_t sent;  /* and they went out */
    uint32_t ts;    /* of the newest */
    uint16_t picture_id;
    uint8_t sids; /* so many spatial layers of it go out */
    uint8_t tid;  /* temporal layers up to this one go out */
    bool takes;   /* it goes out */
    bool begun;
};

/* The stream begins for this viewer, at a key picture. */
void pick_begin(struct pick *k);

/* For pick_takes only. */
MUST_USE bool pick_other_picture(struct pick *k, const struct pkt_rtp *in,
                                 const struct video_desc *d, uint8_t sids, uint8_t tid);

/* Does this packet go out? `sids`: it may have so many spatial layers, `tid`: and temporal ones up
 * to this. The first packet that comes of a picture decides on all of it. A packet of an older
 * picture goes out if it would of the newest. */
MUST_USE static inline bool pick_takes(struct pick *k, const struct pkt_rtp *in,
                                       const struct video_desc *d, uint8_t sids, uint8_t tid)
{
    return k->begun && in->ts == k->ts ? k->takes && d->sid < k->sids
                                       : pick_other_picture(k, in, d, sids, tid);
}

/* With this packet ends what goes out of its picture (RFC 9628 4.1: there stands the marker). */
static inline bool pick_ends(const struct pick *k, const struct pkt_rtp *in,
                             const struct video_desc *d)
{
    return in->marker || (d->end && d->sid + 1 == k->sids);
}
