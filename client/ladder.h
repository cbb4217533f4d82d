/* ladder.h - with which sizes and rates a source is coded. */
#pragma once

#include "client/capture.h"
#include "codecs/vp8_enc.h"
#include "codecs/vp9_enc.h"

/* How many layers a source of this kind is offered with, and their names, lowest first. */
size_t ladder_layers(enum capture_what what);
const char *ladder_rid(enum capture_what what, size_t layer);

/* Bits per second of each of the first `layers` layers; returns how many there are. */
size_t ladder_rates(enum capture_what what, size_t layers, uint32_t bps[VP8ENC_LAYERS]);

/* Fills sizes, rates, frame rate and content for pictures of this size and the first `layers`
 * layers of `all`: a receiver that takes only one layer gets the largest. */
void ladder_conf(struct vp8enc_conf *c, enum capture_what what, int width, int height,
                 size_t layers);

/* The same in layers of one stream of VP9: as many as find room in the picture. First picture id
 * and rates are the caller's. */
void ladder_vp9(struct vp9enc_conf *c, enum capture_what what, int width, int height);

/* What a layer of VP9 is given where one of VP8 would have `bps`: not more than it needs to look
 * the same. */
uint32_t ladder_vp9_bps(size_t layer, uint32_t bps);
