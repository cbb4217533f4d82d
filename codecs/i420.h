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
