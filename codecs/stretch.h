/* stretch.h - speech that is played a little faster or slower with its pitch kept, by libsonic:
 * whole pitch periods are left out or repeated where they fit each other (PICOLA). */
#pragma once

#include "engine/base/base.h"

/* One channel at 48 kHz. While it is faster or slower than it was spoken it holds back up to two
 * periods of the deepest voice, so much: */
#define STRETCH_HELD_MOST 1477u /* samples: 31 ms */

struct stretch;

MUST_USE enum err stretch_new(struct stretch **s);
void stretch_free(struct stretch **s);

/* `n` samples (at most 5760), to be played at `speed` (0.5 to 2; 1 lets everything through as it
 * is, with what was held back before it). The samples are not changed. E_NOMEM: they are lost. */
MUST_USE enum err stretch_put(struct stretch *s, float speed, int16_t *pcm, size_t n);
/* What is held back comes out as it is. */
void stretch_release(struct stretch *s);
/* Up to `room` samples that are ready; returns how many. */
size_t stretch_get(struct stretch *s, int16_t *pcm, size_t room);

/* About so many samples are held back. */
size_t stretch_held(const struct stretch *s);

/* Samples that came out less (fewer) and more than went in, exact whenever nothing is held. */
struct stretch_stat {
    uint64_t left_out, repeated;
};
struct stretch_stat stretch_stat(const struct stretch *s);
