/* slide.h - a copy of the slide last sent, to see whether anything on it changed. */
#pragma once

#include "codecs/i420.h"

/* Embedded; all zero is a slide that nothing was kept of. */
struct slide {
    uint8_t *bytes;
    struct i420 copy;
};

void slide_fini(struct slide *s);

/* Per cent of the blocks of 16 x 16 pixels in which pic differs at all from the copy, rounded up:
 * 0 = the same picture. 100 if there is no copy or the size is another. */
unsigned slide_changed(const struct slide *s, const struct i420 *pic);

/* Makes pic the copy. Takes memory only when the size changes; E_NOMEM leaves no copy. */
MUST_USE enum err slide_keep(struct slide *s, const struct i420 *pic);
