/* vp8_payload.h - cuts VP8 frames into RTP payloads of equal size and joins them, and pictures of
 * VP9, again. */
#pragma once

#include "engine/wire/video.h"
#include "engine/wire/vp8.h"

/* One frame on its way out. Every packet repeats the whole descriptor, so all have one length. */
struct vp8cut {
    const uint8_t *frame;
    size_t left;  /* bytes of the frame not yet cut */
    size_t count; /* packets in all */
    size_t size;  /* payload bytes of each packet; the last may have up to count-1 fewer */
    struct vp8_desc desc;
};

/* Prepares to cut `frame`, which must stay until the last vp8cut_next, into the fewest payloads of
 * at most `limit` bytes, descriptor included. start and part of *desc are set here. If the RTP
 * headers of all packets are equally long too, one UDP_SEGMENT call sends the frame. False: the
 * frame is empty or the limit leaves no room for it. */
MUST_USE bool vp8cut_init(struct vp8cut *c, const void *frame, size_t len,
                          const struct vp8_desc *desc, size_t limit);

/* Writes the next payload to `out` (at least c->size bytes) and returns its length; 0 = the frame
 * is finished. *marker is the RTP marker bit: true for the last packet. */
size_t vp8cut_next(struct vp8cut *c, uint8_t *out, bool *marker);

/* A packet as it comes out of the receiver's buffer. */
struct vp8part {
    const void *payload;
    size_t len;
    uint32_t ext_seq; /* sequence number with roll-overs counted */
    uint32_t ts;
    bool marker;
    bool vp9; /* its payload is of VP9 (RFC 9628) */
};

/* A whole frame. */
struct vp8frame {
    const uint8_t *data; /* in the joiner's buffer until its next call */
    size_t len;
    uint32_t ts;
    bool key;
    bool gap;                /* packets are missing between the frame given before and this one */
    bool vp9;                /* a picture of VP9, all its spatial layers one after the other */
    struct vp8_desc desc;    /* of its first packet */
    struct video_desc video; /* likewise, of VP9 */
};

/* The joiner. Embedded; the buffer is the caller's and is as long as the longest frame wanted. */
struct vp8join {
    uint8_t *buf;
    size_t cap;
    size_t len;        /* of the frame in the making */
    bool open;         /* its first packet came, and all since */
    bool any;          /* next_seq is known */
    bool gap;          /* since the last frame given */
    uint32_t next_seq; /* expected */
    struct vp8frame frame;
    uint64_t broken;   /* frames given up: a packet missing, malformed or too many bytes */
    uint64_t repeated; /* packets that came twice or too late */
};

void vp8join_init(struct vp8join *j, void *buf, size_t cap);

/* Takes packets in order of their sequence numbers; a number left out is a packet lost. True when
 * this packet completed a frame, which is then in *out. Never gives a frame with a hole. */
bool vp8join_put(struct vp8join *j, const struct vp8part *in, struct vp8frame *out);
