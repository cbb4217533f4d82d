/* remap.h - one viewer's view of a stream that is put together from others: sequence numbers,
 * timestamps and picture ids go on without a break when the source, the layer or the room's
 * floor changes or temporal layers are left out (RFC 7741 4.2, RFC 3550 5.1). */
#pragma once

#include "engine/base/pkt.h"
#include "engine/wire/video.h"

#define REMAP_JUMP 4096   /* a larger hole in a source is a new start */
#define REMAP_CUT_EVERY 8 /* at every n-th packet the offsets may change and all stay known */

/* What this viewer gets instead of the source's numbers. */
struct remap_out {
    uint32_t ts;
    uint16_t seq;
    uint16_t picture_id; /* 15 bits */
    uint8_t tl0picidx;
};

/* From here on these offsets hold, until the next cut. out = in - off. The numbers of a source that
 * come out are the same line, from a cut to the next, as those that go in: nothing else needs to be
 * kept of a packet for it to be sent again as it was sent first. */
struct remap_cut {
    uint32_t from; /* first ext_seq of the source */
    uint32_t seq_off;
    uint32_t ts_off; /* a sender report for this viewer is mapped by it too */
    uint16_t pic_off;
    uint16_t source; /* the caller's number of the source stream */
    uint8_t tl0_off;
    bool start; /* the source, or a new start of it, begins here */
};

/* 64 outgoing numbers, one bit each. */
struct remap_mark {
    uint64_t sent;
    uint64_t again; /* sent another time */
};

/* What each packet touches are the first 64 bytes and its bit in `mark`; the rest is for late ones,
 * repairs and switches. */
struct remap {
    struct remap_cut cut; /* in force; its source is followed */
    uint32_t in_highest;
    uint32_t out_highest;    /* with roll-overs counted; last.seq is its end */
    struct remap_out last;   /* the newest that went out */
    usec last_at;            /* when its picture began to */
    struct remap_mark *mark; /* by out & (size - 1); one block with the two below */
    uint32_t size;
    bool started;
    bool anew; /* the next packet is a start, of whichever source */
    bool has_closed_pic;
    uint16_t closed_pic; /* source's id of the picture that was left out last */
    uint32_t clock_rate;
    uint16_t former;    /* the source before, and where it was left */
    uint32_t former_in; /* 0: there was none */
    uint32_t olds;      /* cuts before the one in force; the newest is old[(olds - 1) & …] */
    struct remap_cut *old;
    uint16_t *again_ms; /* when what has this place was last repaired, on a clock that wraps */
};

/* `size`: so many packets back late ones fit in and a NACK can be answered; power of two, 64 or
 * more. */
MUST_USE enum err remap_init(struct remap *m, uint32_t size, uint32_t clock_rate,
                             uint16_t first_seq, uint32_t first_ts);
void remap_fini(struct remap *m);

/* The next packet of `source` for this viewer. If the source is another than before, numbers go on
 * where they were: +1 in sequence, timestamps by the time since the last picture began (never
 * backwards), picture ids +1. The caller switches only at the first packet of a key frame. A hole
 * of more than REMAP_JUMP in one source is a new start too. `video` may be NULL (audio). False: an
 * old packet for which no place was left (its number was closed by a skip, it is older than the
 * switch, or it is of the former source): it is not sent. */
MUST_USE bool remap_next(struct remap *m, usec now, const struct pkt_rtp *in, uint16_t source,
                         const struct video_desc *video, struct remap_out *out);

/* The packet is left out on purpose (a temporal layer, or padding): its number is closed, so that
 * the viewer sees no loss. Final. Whole pictures are left out, and the picture id of one that no
 * other needs (`gapless`) is closed too; a missing picture of layer 0 stays a hole, so that the
 * viewer knows. A packet that comes late can close nothing: its place
 * stays empty, as if it were lost. Packets of sources that are not followed do nothing. */
void remap_skip(struct remap *m, const struct pkt_rtp *in, uint16_t source,
                const struct video_desc *video);

/* What got a number after *last never leaves: the numbers are taken back, and what comes next, the
 * first packet of a key frame, goes on from *last. So the viewer misses nothing. */
void remap_rewind(struct remap *m, const struct remap_out *last);

/* The place of an outgoing number. */
struct remap_place {
    uint32_t out; /* with roll-overs counted */
    uint16_t source;
    uint32_t ext_seq; /* of the source: which packet belongs there */
    bool sent;        /* false: a hole; it was missing here too when its turn came */
    const struct remap_cut *cut;
};

/* False: nothing went out near this number, or too long ago. Valid until the next change. */
MUST_USE bool remap_find(const struct remap *m, uint16_t out_seq, struct remap_place *at);

/* How the packet of a place goes out: as it did the first time, or, into a hole, as it would have,
 * also when the viewer was pointed elsewhere since. Counts as sent and repaired now. */
void remap_again(struct remap *m, usec now, const struct remap_place *at, const struct pkt_rtp *in,
                 const struct video_desc *video, struct remap_out *out);

/* How many of the *n numbers up to out_seq did not go out, because they were missing here too. *n
 * becomes smaller if so many are not remembered. */
uint32_t remap_holes(const struct remap *m, uint16_t out_seq, uint32_t *n);

/* True if the number was repaired less than `wait` ago (of up to half a minute). */
bool remap_repaired(const struct remap *m, usec now, uint16_t out_seq, usec wait);
