/* vp8_dec.h - VP8 to pictures; a picture that would be broken is never given out. */
#pragma once

#include "codecs/i420.h"
#include "codecs/vp8_payload.h"

#define VP8DEC_PIXELS_MAX (4096u * 2304u) /* larger key frames are refused */

enum vp8dec_result {
    VP8DEC_PICTURE,  /* *pic is the picture */
    VP8DEC_NOTHING,  /* nothing to show: of a temporal layer with a hole, or not meant for show */
    VP8DEC_WANT_KEY, /* a reference is missing: ask for a key frame, and again until it came */
};

struct vp8dec_stat {
    uint64_t pictures; /* given out */
    uint64_t left_out; /* of a temporal layer with a hole */
    uint64_t waited;   /* that came while a key frame was awaited */
    uint64_t refused;  /* the decoder found something wrong in it */
};

struct vp8dec;

/* threads as in vp8_enc.h; 0 = 1. */
MUST_USE enum err vp8dec_new(struct vp8dec **d, unsigned threads);
void vp8dec_free(struct vp8dec **d);

/* Takes a whole frame, in order of sending. Needs nothing of the sender but does best with picture
 * ids and TL0PICIDX: then a hole in an upper temporal layer costs only that layer, until a frame
 * that says sync. *pic is the decoder's, until its next call. */
enum vp8dec_result vp8dec_put(struct vp8dec *d, const struct vp8frame *f, struct i420 *pic);

/* What comes next does not follow what came before. */
void vp8dec_forget(struct vp8dec *d);

/* True while nothing can be shown before a key frame comes; true at the beginning. */
bool vp8dec_wants_key(const struct vp8dec *d);

struct vp8dec_stat vp8dec_stat(const struct vp8dec *d);
