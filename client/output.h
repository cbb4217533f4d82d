/* output.h - where pictures and sound leave the program: window and loudspeaker, or a file. */
#pragma once

#include "client/conf.h"
#include "codecs/i420.h"

#define OUTPUT_WHY 2048
#define OUTPUT_WIDTH 1280
#define OUTPUT_HEIGHT 720
#define OUTPUT_PROBE "roomprobe" /* the element that hears the loudspeaker (webrtcechoprobe) */

struct output;

struct output_conf {
    const struct conf_sink *display;
    const struct conf_sink *speaker; /* the same file as display: both go into it */
    usec start;                      /* zero of the running clock, as in capture.h */
    bool probe;                      /* make OUTPUT_PROBE in the loudspeaker's way */
};

MUST_USE enum err output_new(struct output **o, const struct output_conf *c, char why[OUTPUT_WHY]);
/* Finishes files. */
void output_free(struct output **o);

/* Pictures of OUTPUT_WIDTH x OUTPUT_HEIGHT; 48 kHz, one channel. From any one thread each. */
void output_picture(struct output *o, const struct i420 *p, usec now);
void output_sound(struct output *o, const int16_t *pcm, size_t samples, usec now);

/* True if pictures are wanted at all. */
bool output_shows(const struct output *o);

/* An error of a sink since the last call, in `why`. */
bool output_failed(struct output *o, char why[OUTPUT_WHY]);
