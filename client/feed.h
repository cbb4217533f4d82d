/* feed.h - a thread that takes one source, codes it and hands the result to the network's thread.
 */
#pragma once

#include "client/capture.h"
#include "codecs/vp8_enc.h"
#include "codecs/vp9_enc.h"
#include "engine/base/log.h"

struct feed;

struct feed_piece {
    size_t off, len; /* in data */
    uint8_t layer;   /* as in ladder_rid */
    bool vp9;        /* it is described by `vp9_desc` */
    bool last;       /* of VP9: the highest layer of its picture */
    struct vp8_desc desc;
    struct vp9_desc vp9_desc;
};

/* One coded picture in all its layers, or one coded piece of sound. Free with free(). */
struct feed_out {
    bool audio;
    struct capture_time when;
    uint32_t ts;   /* sound */
    uint8_t level; /* sound, RFC 6464 */
    bool first;    /* sound, after a pause in which nothing was sent */
    size_t n;
    struct feed_piece piece[VP8ENC_LAYERS];
    uint8_t data[];
};

/* The thread starts at once and takes pictures, but codes nothing until it is made active.
 * `seed`: where picture ids begin. `vp9`: as layers of one stream, not several sizes. E_IO: `why`
 * says what is wrong with the source. */
MUST_USE enum err feed_new(struct feed **f, const struct capture_conf *c, uint32_t seed, bool vp9,
                           const struct log *log, char why[CAPTURE_WHY]);
void feed_free(struct feed **f);

/* Readable when feed_take has something. */
int feed_fd(const struct feed *f);
struct feed_out *feed_take(struct feed *f);

/* `layers` as the receiver takes; 0 stops coding. Begins with a key frame. */
void feed_activate(struct feed *f, size_t layers);
void feed_want_key(struct feed *f);
/* Bits per second of each layer, or of the voice with packets of so many ms (20, 40, 60). A layer
 * without any is off. Pictures that come while `hold` is set are left out: the way is behind. */
void feed_set_rates(struct feed *f, const uint32_t bps[VP8ENC_LAYERS], unsigned voice_ms);
void feed_hold(struct feed *f, bool hold);
/* Sound: per cent of packets that hearers are to be expected to lack, for in-band FEC; 0: none. */
void feed_set_loss(struct feed *f, unsigned percent);
