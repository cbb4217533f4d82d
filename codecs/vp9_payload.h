/* vp9_payload.h - cuts VP9's layer frames into RTP payloads of nearly equal size (RFC 9628). */
#pragma once

#include "engine/wire/vp9.h"

/* One layer frame on its way out. Only its first packet carries the structure of the layers. */
struct vp9cut {
    const uint8_t *frame;
    size_t left;  /* bytes not yet cut */
    size_t part;  /* of each packet, at most */
    size_t size;  /* payload bytes of the longest packet */
    size_t count; /* packets in all */
    bool last;    /* of its picture: the marker stands at its end */
    struct vp9_desc desc;
};

/* Prepares to cut `frame`, which must stay until the last vp9cut_next, into the fewest payloads of
 * at most `limit` bytes, descriptor included. start and end of *desc are set here. False: the frame
 * is empty or the limit leaves no room for it. */
MUST_USE bool vp9cut_init(struct vp9cut *c, const void *frame, size_t len,
                          const struct vp9_desc *desc, bool last, size_t limit);

/* Writes the next payload to `out` (at least c->size bytes) and returns its length; 0 = the frame
 * is finished. */
size_t vp9cut_next(struct vp9cut *c, uint8_t *out, bool *marker);
