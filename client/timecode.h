/* timecode.h - the time of day burnt into a picture as black and white blocks, so that the way
 * from one screen to another can be measured by the picture itself. */
#pragma once

#include "client/picture.h"

/* Two rows of 32 blocks along the bottom edge: 8 bits of pattern, 48 bits of milliseconds since
 * 1970, 8 bits of check sum. Blocks are wide enough to survive scaling to an eighth and coarse
 * coding: a picture needs at least 96 x 54 pixels. */
#define TIMECODE_WIDTH_MIN 96
#define TIMECODE_HEIGHT_MIN 54

/* False: the picture is too small, nothing was drawn. */
bool timecode_draw(const struct picture *p, int64_t unix_ms);

/* False: no strip there, or one that cannot be read with certainty. */
MUST_USE bool timecode_read(const struct i420 *p, int64_t *unix_ms);
