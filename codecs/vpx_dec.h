/* vpx_dec.h - what the decoders of VP8 and VP9 ask of libvpx, the same for both. */
#pragma once

#include "codecs/vp8_dec.h"

#include <vpx/vpx_decoder.h>

/* Embedded in its owner, zeroed at first. */
struct vpxdec {
    vpx_codec_ctx_t codec;
    bool open;
};

/* threads 0: one. */
MUST_USE enum err vpxdec_open(struct vpxdec *d, vpx_codec_iface_t *codec, unsigned threads);
void vpxdec_close(struct vpxdec *d); /* also one that was never opened */

/* False: refused, or it came out broken. Whoever calls has looked at its size. */
MUST_USE bool vpxdec_decode(struct vpxdec *d, const uint8_t *data, size_t len);

/* The picture of the last call, which has it until the next; false: it gave none, or not I420. */
MUST_USE bool vpxdec_picture(struct vpxdec *d, struct i420 *pic);
