/* testcard.h - a picture that moves, flashes at each full second and shows the time of day as
 * blocks, and a beep in step with the flash. */
#pragma once

#include "client/picture.h"

#define TESTCARD_FLASH_MS 100 /* how long flash and beep last */

struct testcard;

MUST_USE enum err testcard_new(struct testcard **t, int width, int height);
void testcard_free(struct testcard **t);

/* The picture of this moment, the strip included; valid until the next call. */
struct picture testcard_draw(struct testcard *t, int64_t wall_us);

/* `n` samples at 48 kHz, the first at this moment. */
void testcard_beep(int64_t wall_us, int16_t *pcm, size_t n);
