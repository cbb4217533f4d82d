/* chunker.h - sound that comes in pieces of any length at any time, cut into 20 ms without gaps. */
#pragma once

#include "engine/base/base.h"

#define CHUNKER_SAMPLES 960u /* 20 ms at 48 kHz */
#define CHUNKER_ROOM 96000u  /* two seconds */
#define CHUNKER_SLACK 960    /* samples; smaller disagreements of clock and count are ignored */

/* Embedded; one channel at 48 kHz. Sample numbers count from the source's beginning. */
struct chunker {
    int16_t pcm[CHUNKER_ROOM];
    size_t n;
    int64_t first; /* number of pcm[0] */
    bool any;
    int16_t out[CHUNKER_SAMPLES];
};

void chunker_init(struct chunker *c);

/* `n` samples that begin at number `at`. A hole before them is filled with silence, what overlaps
 * is left out; a jump of more than two seconds starts anew. */
void chunker_put(struct chunker *c, int64_t at, const int16_t *pcm, size_t n);

/* The next 960 samples and the number of the first of them; NULL: not enough yet. */
const int16_t *chunker_get(struct chunker *c, int64_t *at);
