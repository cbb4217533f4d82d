/* gstpkt.h - between GStreamer's buffers and our pictures and samples; no other file knows both. */
#pragma once

#include "client/picture.h"

#include <gst/video/video.h>

/* A picture in a sample of GStreamer's, mapped. */
struct gstpkt_picture {
    GstBuffer *buffer;
    GstVideoFrame frame;
    struct picture pic;
};

/* Maps an I420 sample, whose reference it takes; with `write` the picture is our own copy unless
 * nobody else has it. False: not I420. */
MUST_USE bool gstpkt_take_picture(struct gstpkt_picture *g, GstSample *sample, bool write);
void gstpkt_drop_picture(struct gstpkt_picture *g);

/* Sound in a sample: 16 bits, one channel, 48 kHz. */
struct gstpkt_sound {
    GstSample *sample;
    GstMapInfo map;
    const int16_t *pcm;
    size_t samples;
};

MUST_USE bool gstpkt_take_sound(struct gstpkt_sound *g, GstSample *sample);
void gstpkt_drop_sound(struct gstpkt_sound *g);

/* Where in its stream, and when on the pipeline's running clock, a sample begins; -1: not said. */
usec gstpkt_position(GstSample *sample);
usec gstpkt_running(GstSample *sample);
usec gstpkt_duration(GstSample *sample);

/* New buffers with a copy of ours, stamped on the running clock. */
GstBuffer *gstpkt_of_picture(const struct i420 *p, usec running, usec duration);
GstBuffer *gstpkt_of_sound(const int16_t *pcm, size_t samples, usec running);
