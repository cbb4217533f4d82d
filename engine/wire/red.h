/* red.h - RTP payloads that repeat earlier ones (RFC 2198): headers, then blocks, oldest first. */
#pragma once

#include "engine/base/base.h"

#define RED_BLOCKS 10      /* most of one packet; browsers send up to so many */
#define RED_BACK_MAX 16383 /* so far back a block may lie, in RTP units */
#define RED_LEN_MAX 1023   /* bytes of a block, but for the last */

struct red_block {
    uint8_t pt;
    uint16_t back; /* its timestamp is so much older than the packet's; the last: 0 */
    uint16_t len;
    const uint8_t *data; /* of the packet that was read */
};

/* Block n - 1 is what the packet itself is for; those before it are repeated. */
struct red {
    struct red_block block[RED_BLOCKS];
    size_t n;
};

/* False: cut short, lengths that the packet has not, or more than RED_BLOCKS; *r is then
 * meaningless. */
MUST_USE bool red_read(struct red *r, const uint8_t *payload, size_t len);

/* The headers alone; the blocks' bytes are to follow them. Returns their length; 0: no room, or a
 * block that cannot be said so. */
size_t red_write(uint8_t *out, size_t cap, const struct red *r);
