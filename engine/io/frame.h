/* frame.h - datagrams on a stream, each behind its length (RFC 4571 2), as ICE over TCP sends them
 * (RFC 6544 3). */
#pragma once

#include "engine/base/base.h"

#define FRAME_HEAD 2 /* bytes of length before each datagram */

enum frame {
    FRAME_PART,  /* it goes on behind what has come */
    FRAME_WHOLE, /* *len bytes behind the head; 0: a null packet, which says nothing */
    FRAME_BAD,   /* longer than is taken; where the next one begins cannot be trusted */
};

/* What stands at the beginning of n bytes of a stream; `max`: the longest datagram that is taken.
 * *len is set unless not even the head is there (0). */
enum frame frame_read(const uint8_t *p, size_t n, size_t max, size_t *len);
