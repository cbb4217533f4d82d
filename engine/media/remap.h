/* remap.h - one viewer's view of a stream that is put together from others: sequence numbers,
 * timestamps and VP8 picture ids go on without a break when the source, the layer or the room's
 * floor changes or temporal layers are left out (RFC 7741 4.2, RFC 3550 5.1). */
#pragma once

#include "engine/base/pkt.h"
#include "engine/wire/vp8.h"

#define REMAP_SENT 1024 /* packets back that a NACK can be answered for; power of two */
#define REMAP_JUMP 4096 /* a larger hole in a source is a new start */

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

#define REMAP_CUTS 128 /* changes of the offsets that late packets are mapped by; power of two */

/* From here on these offsets hold, until the next cut. out = in - off. */
struct remap_cut {
    uint32_t from;   /* first ext_seq of the source */
    uint32_t closed; /* so many numbers just before it were left out */
    uint32_t seq_off;
    uint16_t pic_off;
};

struct remap {
    uint32_t clock_rate;
    bool started;
    uint16_t source;             /* the one that is followed */
    uint16_t former;             /* the one before, and where it was left */
    uint32_t former_in;          /* 0: there was none */
    struct remap_cut former_cut; /* its offsets, for holes that are filled late */
    uint32_t former_ts_off;
    uint8_t former_tl0_off;
    uint32_t ts_off; /* out = in - off; a sender report for this viewer is mapped by it too */
    uint8_t tl0_off;
    uint32_t in_highest;
    uint16_t closed_pic; /* source's id of the picture that was left out last */
    bool has_closed_pic;
    struct remap_out last; /* the newest that went out */
    usec last_at;          /* when its picture began to */
    uint32_t cuts; /* made since the source is followed; cut[(cuts - 1) & …] is in force */
    struct remap_cut cut[REMAP_CUTS];
    struct remap_sent sent[REMAP_SENT];
};

void remap_init(struct remap *m, uint32_t clock_rate, uint16_t first_seq, uint32_t first_ts);

/* The next packet of `source` for this viewer. If the source is another than before, numbers go on
 * where they were: +1 in sequence, timestamps by the time since the last picture began (never
 * backwards), picture ids +1. The caller switches only at the first packet of a key frame. A hole
 * of more than REMAP_JUMP in one source is a new start too. `vp8` may be NULL (audio). False: an
 * old packet for which no place was left (its number was closed by a skip, it is older than the
 * switch, or it is of the former source): it is not sent. */
MUST_USE bool remap_next(struct remap *m, usec now, const struct pkt_rtp *in, uint16_t source,
                         const struct vp8_desc *vp8, struct remap_out *out);

/* The packet is left out on purpose (a temporal layer, or padding): its number is closed, so that
 * the viewer sees no loss. Final. Whole pictures are left out, and the picture id of one that no
 * other needs (above temporal layer 0, or marked so) is closed too; a missing picture of layer 0
 * stays a hole, so that the viewer knows. A packet that comes late can close nothing: its place
 * stays empty, as if it were lost. Packets of sources that are not followed do nothing. */
void remap_skip(struct remap *m, const struct pkt_rtp *in, uint16_t source,
                const struct vp8_desc *vp8);

/* Which source packet went out under this number, and how; NULL: not ours or too long ago. */
const struct remap_sent *remap_find(const struct remap *m, uint16_t out_seq);

/* A number that was left free because the packet was missing, and then this viewer was pointed
 * elsewhere: which packet of the source, or of the former one, belongs there. False: none. When it
 * is here, remap_fill says how it goes out, and remap_find knows it from then on. */
MUST_USE bool remap_hole(const struct remap *m, uint16_t out_seq, uint16_t *source,
                         uint32_t *ext_seq);
void remap_fill(struct remap *m, uint16_t out_seq, const struct pkt_rtp *in, uint16_t source,
                const struct vp8_desc *vp8, struct remap_out *out);
