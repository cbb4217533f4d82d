/* remap.h - one viewer's view of a stream that is put together from others: sequence numbers,
 * timestamps and VP8 picture ids go on without a break when the source, the layer or the room's
 * floor changes or temporal layers are left out (RFC 7741 4.2, RFC 3550 5.1). */
#pragma once

#include "engine/base/pkt.h"
#include "engine/wire/vp8.h"

#define REMAP_SENT 1024 /* packets back that a NACK can be answered for; power of two */

/* What this viewer gets instead of the source's numbers. */
struct remap_out {
    uint32_t ts;
    uint16_t seq;
    uint16_t picture_id; /* 15 bits */
    uint8_t tl0picidx;
};

struct remap_sent {
    uint32_t ext_seq; /* of the source */
    uint16_t source;  /* the caller's number of the source stream */
    bool used;
    struct remap_out out;
};

struct remap {
    uint32_t clock_rate;
    bool started;
    uint16_t source;  /* the one that is followed */
    uint32_t seq_off; /* out = in - off */
    uint32_t ts_off;
    uint16_t pic_off;
    uint8_t tl0_off;
    uint32_t in_highest;
    struct remap_out last; /* the newest that went out */
    usec last_at;
    struct remap_sent sent[REMAP_SENT];
};

void remap_init(struct remap *m, uint32_t clock_rate, uint16_t first_seq, uint32_t first_ts);

/* The next packet of `source` for this viewer. If the source is another than before, numbers go on
 * where they were: +1 in sequence, timestamps by the time since the last packet (never backwards),
 * picture ids +1. The caller switches only at a key frame. `vp8` may be NULL (audio). False: an old
 * packet for which no place was left (its numbers were closed by a skip, or it is of the previous
 * source): it is not sent. */
MUST_USE bool remap_next(struct remap *m, usec now, const struct pkt_rtp *in, uint16_t source,
                         const struct vp8_desc *vp8, struct remap_out *out);

/* The packet is left out on purpose (a temporal layer, or padding): its number is closed, so that
 * the viewer sees no loss. Final. `ends_frame_of_tid0` false: a whole picture disappears and its
 * picture id is closed too. */
void remap_skip(struct remap *m, const struct pkt_rtp *in, uint16_t source,
                const struct vp8_desc *vp8);

/* Which source packet went out under this number, and how; NULL: not ours or too long ago. */
const struct remap_sent *remap_find(const struct remap *m, uint16_t out_seq);
