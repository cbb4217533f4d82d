/* vpx_enc.h - what the encoders of VP8 and VP9 ask of libvpx, the same for both: pictures, and the
 * times that it is told. */
#pragma once

#include "codecs/i420.h"

#include <vpx/vpx_encoder.h>

/* When pictures came and when the next one is due. Embedded, zeroed at first. */
struct vpxpace {
    bool any;      /* a picture came */
    usec last_at;  /* of the last picture, encoded or left out */
    usec coded_at; /* of the last picture encoded */
    usec due_at;   /* when the next one fits the frame rate */
    usec interval; /* from one encoded picture to the next, smoothed */
};

/* Not empty, and its rows do not overlap. */
bool vpxenc_picture_ok(const struct i420 *p);

/* A picture taken at `at`, which must be later than the one before (vpxpace_in_order): false: it
 * comes too soon for so many pictures a second. */
bool vpxpace_in_order(const struct vpxpace *t, usec at);
bool vpxpace_takes(struct vpxpace *t, unsigned fps, usec at);
/* It is encoded now. */
void vpxpace_keep(struct vpxpace *t, usec at);

/* libvpx's view of it, without a copy. */
vpx_image_t vpxenc_image(const struct i420 *p);

/* `from` in another size, in a block of i420_bytes; or `from` itself, if it has that size. */
struct i420 vpxenc_scale(uint8_t *block, int width, int height, const struct i420 *from);
