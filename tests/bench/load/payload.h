/* payload.h - what a packet of the load carries: looks like VP8 or Opus to a relay, and says to a
 * receiver what it is, which one, and when it left. */
#pragma once

#include "engine/base/base.h"

#define PAYLOAD_MAX 1200
#define PAYLOAD_LEAST 64 /* shortest, with all that the receiver looks at */

/* One packet. `tag` names the stream: lesson and kind. */
struct payload {
    uint32_t tag;
    uint32_t count; /* running number over the stream, first transmission */
    usec sent_at;   /* monotonic */
    bool audio;
    bool key;   /* of a key frame */
    bool first; /* of its frame */
    uint16_t picture_id;
    uint8_t tl0;
};

/* Writes exactly `len` bytes (PAYLOAD_LEAST to PAYLOAD_MAX). */
void payload_write(const struct payload *p, uint8_t *out, size_t len);

/* Reads it back; of a picture's descriptor, which relays may rewrite, only `first` is looked at.
 * False: a byte is not what payload_write made of this tag and number. */
MUST_USE bool payload_read(struct payload *p, bool audio, const uint8_t *in, size_t len);
