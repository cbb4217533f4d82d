/* vp8_enc.h - one video source as VP8: up to three sizes at once, two temporal layers each. */
#pragma once

#include "codecs/i420.h"
#include "engine/wire/vp8.h"

#define VP8ENC_LAYERS 3

/* What the pictures are of. */
enum vp8enc_content {
    VP8ENC_CAMERA, /* motion before sharpness */
    VP8ENC_SLIDES, /* sharpness before motion; an unchanged picture costs next to nothing */
};

struct vp8enc_size {
    uint16_t width; /* 16 to 4096, even */
    uint16_t height;
    uint32_t bps; /* 0: this layer is off until vp8enc_set_rate gives it something */
};

struct vp8enc_conf {
    unsigned layers;                        /* 1 to 3 */
    struct vp8enc_size size[VP8ENC_LAYERS]; /* smallest first; all of one shape */
    unsigned fps;                           /* 1 to 60 */
    unsigned temporal;                      /* 1 or 2 temporal layers */
    /* For the largest layer; 0 = 1. More than one shortens the wait only while that many cores are
     * idle: libvpx's threads spin for each other, and two of them on two busy cores took four
     * times as long as one. */
    unsigned threads;
    enum vp8enc_content content;
    uint16_t first_picture_id; /* random, as RFC 7741 wants; likewise the next */
    uint8_t first_tl0picidx;
};

/* One layer's share of one picture. */
struct vp8enc_frame {
    const uint8_t *data; /* the encoder's, until its next call */
    size_t len;
    uint16_t width;
    uint16_t height;
    uint8_t layer;        /* index into conf.size */
    bool key;             /* in all layers or in none */
    struct vp8_desc desc; /* picture id (15 bits), TL0PICIDX, TID, Y; ready for vp8cut_init */
};

struct vp8enc_out {
    unsigned n; /* 0: left out to hold frame rate or bit rate, or an unchanged slide */
    struct vp8enc_frame frame[VP8ENC_LAYERS];
};

struct vp8enc;

/* E_FORMAT: the configuration says something impossible (limits above). */
MUST_USE enum err vp8enc_new(struct vp8enc **e, const struct vp8enc_conf *conf);
void vp8enc_free(struct vp8enc **e);

/* Encodes a picture of any size (it is scaled to the layers') taken at `at`. Times must grow:
 * E_FORMAT if not, or if the picture is empty. Pictures that come faster than the frame rate are
 * left out here, so the source may go on at its own pace. A new slide is a key frame unasked; while
 * the last one still fills the line at its layer's rate, pictures are left out. */
MUST_USE enum err vp8enc_encode(struct vp8enc *e, const struct i420 *pic, usec at,
                                struct vp8enc_out *out);

/* The next picture encoded becomes a key frame in every layer. */
void vp8enc_want_key(struct vp8enc *e);

/* All may be called between any two pictures and allocate nothing. A layer that was off and gets
 * a rate begins with a key frame, and the other layers have one with it. */
MUST_USE enum err vp8enc_set_rate(struct vp8enc *e, unsigned layer, uint32_t bps);
MUST_USE enum err vp8enc_set_fps(struct vp8enc *e, unsigned fps);

/* Another size for a layer: memory is taken again, and all layers have a key frame. */
MUST_USE enum err vp8enc_set_size(struct vp8enc *e, unsigned layer, uint16_t width,
                                  uint16_t height);

/* How coarse the layer's last frame was: 0 finest to 63 coarsest. */
unsigned vp8enc_quantizer(const struct vp8enc *e, unsigned layer);
