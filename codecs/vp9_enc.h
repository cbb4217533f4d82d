/* vp9_enc.h - one video source as one stream of VP9 in spatial and temporal layers, of which the
 * spatial ones predict from each other in key pictures only (L3T3_KEY). */
#pragma once

#include "codecs/i420.h"
#include "engine/wire/vp9.h"

#define VP9ENC_SIDS 3
#define VP9ENC_TIDS 3

struct vp9enc_conf {
    uint16_t width; /* of the largest layer, to 4096, divisible by 8; each below has half,
                        the smallest at least 16 */
    uint16_t height;
    unsigned layers;           /* spatial, 1 to 3 */
    unsigned temporal;         /* 1 to 3 */
    uint32_t bps[VP9ENC_SIDS]; /* of each spatial layer alone, lowest first; 0: it is off */
    unsigned fps;              /* 1 to 60 */
    uint16_t first_picture_id; /* random */
};

/* One spatial layer of one picture. */
struct vp9enc_frame {
    const uint8_t *data; /* the encoder's, until its next call */
    size_t len;
    uint16_t width;
    uint16_t height;
    bool key;             /* of a key picture */
    bool last;            /* the highest layer of the picture */
    struct vp9_desc desc; /* flexible mode, ready for vp9cut_init */
};

struct vp9enc_out {
    unsigned n; /* 0: left out to hold frame rate or bit rate; else lowest layer first */
    struct vp9enc_frame frame[VP9ENC_SIDS];
};

struct vp9enc;

/* E_FORMAT: the configuration says something impossible (limits above). */
MUST_USE enum err vp9enc_new(struct vp9enc **e, const struct vp9enc_conf *conf);
void vp9enc_free(struct vp9enc **e);

/* Encodes a picture of any size (it is scaled) taken at `at`. Times must grow: E_FORMAT if not, or
 * if the picture is empty. Pictures that come faster than the frame rate are left out here. */
MUST_USE enum err vp9enc_encode(struct vp9enc *e, const struct i420 *pic, usec at,
                                struct vp9enc_out *out);

/* The next picture encoded becomes a key picture. */
void vp9enc_want_key(struct vp9enc *e);

/* May be called between any two pictures. A layer that is off takes those above it along; one that
 * was off and gets a rate begins with a key picture. The lowest is never off: 0 is little. */
MUST_USE enum err vp9enc_set_rate(struct vp9enc *e, unsigned layer, uint32_t bps);
