/* frames.h - packets of a stream to whole frames that a decoder can take. */
#pragma once

#include "relay/library/package/tape.h"

struct frame {
    int64_t at; /* lesson clock, µs */
    const struct tape_packet *packet;
    uint32_t packets;
    uint32_t bytes; /* without the payload descriptors, with the tail */
    uint8_t layers; /* of space, in one picture */
    uint32_t us;    /* of sound: its length; of pictures: 0 = as long as nothing follows */
    bool key;
};

struct frames {
    struct frame *frame; /* rising `at` */
    size_t n;
    size_t cap;
    enum tape_codec codec;
    uint64_t broken;  /* frames that were never whole */
    uint64_t dropped; /* whole, but something they need is missing */
    uint32_t holes;   /* places where frames are missing */
};

/* Adds the frames of one stream that lie before `until`. Pictures after a loss are left out up to
 * the next that can be decoded: a key frame, or one of a temporal layer whose base is whole. */
MUST_USE enum err frames_add(struct frames *f, const struct tape *t, const struct tape_stream *s,
                             int64_t until);
void frames_fini(struct frames *f);

/* The bytes of one packet of a frame, descriptor taken off. */
const uint8_t *frames_piece(enum tape_codec codec, const struct tape_packet *p, size_t *len);
#define FRAMES_TAIL_MAX 34

/* What stands behind the last piece: the index of a superframe (VP9 bitstream, annex B), by which
 * players find the layers of a picture. Returns its length, 0 for a picture of one layer. */
size_t frames_tail(enum tape_codec codec, const struct frame *one, uint8_t out[FRAMES_TAIL_MAX]);

/* Width and height of a key frame; false: not told there. `first` is its first packet. */
MUST_USE bool frames_size(enum tape_codec codec, const struct tape_packet *first, uint16_t *width,
                          uint16_t *height);
