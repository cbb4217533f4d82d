/* recvtrack.h - one line as it comes in: repairs asked for, order and time restored, frames joined
 * and never broken. */
#pragma once

#include "codecs/vp8_payload.h"
#include "engine/media/clockmap.h"
#include "engine/media/fec.h"
#include "engine/media/jitter.h"
#include "engine/media/nack.h"
#include "engine/media/recvstat.h"
#include "engine/peer/nego.h"

#define RECVTRACK_DELAY_MIN (20 * USEC_MS)
#define RECVTRACK_DELAY_MAX (700 * USEC_MS) /* a repair over a round trip of 300 ms */
#define RECVTRACK_FRAME_MAX (1024u * 1024)  /* longest coded picture */

struct recvtrack {
    const struct nego_media *media; /* the connection's, outlives the track */
    uint32_t rate;
    uint32_t ssrc; /* 0 = not known yet */
    uint32_t rtx_ssrc;
    struct recvstat stat;
    struct nack nack;
    struct jitter jitter;
    struct clockmap clock;
    struct vp8join join;
    struct fecdec fec;
    struct hist hist;   /* what repair packets are applied to; of lines that may have some */
    uint8_t *frame_buf; /* pictures only */
    bool still;         /* of slides */
    struct pkt *held;   /* what the last item points into */
    bool want_key;      /* someone waits for a key frame */
    usec key_asked;
    usec report_at;
    usec rtt;
    uint64_t bytes;
    uint64_t keys_asked;
    uint64_t ridden; /* lost packets that came with a later one (RFC 2198) */
    double least;    /* see recvtrack_least, without jitter.base; */
    usec least_of;   /* and the stream's beginning that it is of */
    bool has_least;
};

/* What is to be shown or heard now. Pointers are valid until the next call with this track. */
struct recvtrack_item {
    struct vp8frame frame; /* pictures */
    const uint8_t *packet; /* sound; NULL = this packet is lost */
    size_t len;
    const uint8_t *next; /* sound that was lost: the packet after it, if it is there already */
    size_t next_len;
    uint32_t seq; /* extended; of sound */
    uint32_t ts;
    int64_t wall_us; /* of the capture, in the sender's clock; 0 = not known */
};

MUST_USE enum err recvtrack_init(struct recvtrack *t, const struct nego_media *m);
void recvtrack_fini(struct recvtrack *t);

/* Before the first packet: what comes are slides, which need no even pace. */
void recvtrack_still(struct recvtrack *t);

/* A packet of this line; with `rtx` a repair. */
void recvtrack_input(struct recvtrack *t, usec now, struct pkt *p, bool rtx);
/* A packet of its repair stream (FlexFEC). */
void recvtrack_fec(struct recvtrack *t, usec now, struct pkt *p);
void recvtrack_sr(struct recvtrack *t, usec now, uint64_t ntp, uint32_t ts);

/* A picture. False: none is due. */
bool recvtrack_pull(struct recvtrack *t, usec now, struct recvtrack_item *it);

/* A voice, for who knows himself when he needs more of it: the packet that comes next if it is
 * there, also before its time; it is given up only when its time has come. False: neither. */
bool recvtrack_take(struct recvtrack *t, usec now, struct recvtrack_item *it);
/* The packet that comes next, if it is there: its timestamp. */
MUST_USE bool recvtrack_peek(const struct recvtrack *t, uint32_t *ts);

/* From the capture, in the sender's clock, to when it would come out without any delay, in ours,
 * smoothed: only the difference of two lines of one sender means something. False: not known yet.
 */
MUST_USE bool recvtrack_least(const struct recvtrack *t, usec *least);

/* Appends what is to be said: reports, requests for repairs and key frames. */
void recvtrack_feedback(struct recvtrack *t, usec now, uint32_t self, struct writer *w);
usec recvtrack_next(const struct recvtrack *t);

/* Share of packets that did not come in the first place, since the start, 0 to 1. */
double recvtrack_loss(const struct recvtrack *t);
