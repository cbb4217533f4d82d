/* picture.h - a picture that we draw into: planar YUV 4:2:0 like codecs/i420.h, but writable. */
#pragma once

#include "codecs/i420.h"

/* Someone else's memory. */
struct picture {
    uint8_t *plane[3]; /* Y, U, V */
    int stride[3];
    int width, height; /* pixels */
};

struct picture_colour {
    uint8_t y, u, v;
};

#define PICTURE_BLACK ((struct picture_colour){16, 128, 128})
#define PICTURE_WHITE ((struct picture_colour){235, 128, 128})

/* Bytes of a picture without gaps between rows. */
size_t picture_bytes(int width, int height);

/* Describes such a picture in `buf`, which has picture_bytes. */
struct picture picture_in(void *buf, int width, int height);

struct i420 picture_view(const struct picture *p);

/* A rectangle, cut to the picture. Chroma is set where it lies mostly inside. */
void picture_fill(const struct picture *p, int x, int y, int w, int h, struct picture_colour c);
