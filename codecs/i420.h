/* i420.h - a picture in planar YUV 4:2:0, eight bits, as cameras give and codecs take it. */
#pragma once

#include "engine/base/base.h"

/* Someone else's memory, described. U and V have half the width and height, rounded up. */
struct i420 {
    const uint8_t *plane[3]; /* Y, U, V */
    int stride[3];           /* bytes from one row to the next */
    int width;               /* pixels */
    int height;
};

static inline int i420_half(int n)
{
    return (n + 1) / 2;
}

/* Bytes of a picture without gaps between rows and planes. */
static inline size_t i420_bytes(int width, int height)
{
    return (size_t)width * (size_t)height +
           2 * (size_t)i420_half(width) * (size_t)i420_half(height);
}

/* Such a picture in a block of i420_bytes. */
static inline struct i420 i420_in(const uint8_t *bytes, int width, int height)
{
    const uint8_t *const u = bytes + (size_t)width * (size_t)height;
    const uint8_t *const v = u + (size_t)i420_half(width) * (size_t)i420_half(height);
    return (struct i420){.plane = {bytes, u, v},
                         .stride = {width, i420_half(width), i420_half(width)},
                         .width = width,
                         .height = height};
}
