/* picture.c - rectangles in planar pictures. */
#include "client/picture.h"

#include <string.h>

size_t picture_bytes(int width, int height)
{
    const size_t chroma = (size_t)i420_half(width) * (size_t)i420_half(height);
    return (size_t)width * (size_t)height + 2 * chroma;
}

struct picture picture_in(void *buf, int width, int height)
{
    uint8_t *const y = buf;
    const size_t luma = (size_t)width * (size_t)height;
    const size_t chroma = (size_t)i420_half(width) * (size_t)i420_half(height);
    return (struct picture){
        .plane = {y, y + luma, y + luma + chroma},
        .stride = {width, i420_half(width), i420_half(width)},
        .width = width,
        .height = height,
    };
}

struct i420 picture_view(const struct picture *p)
{
    return (struct i420){
        .plane = {p->plane[0], p->plane[1], p->plane[2]},
        .stride = {p->stride[0], p->stride[1], p->stride[2]},
        .width = p->width,
        .height = p->height,
    };
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

static void fill_plane(uint8_t *p, int stride, const int box[4], uint8_t value)
{
    const int left = box[0];
    const int wide = box[2] - box[0];
    if (wide <= 0)
        return;
    for (int row = box[1]; row < box[3]; row++)
        memset(p + (ptrdiff_t)row * stride + left, value, (size_t)wide);
}

void picture_fill(const struct picture *p, int x, int y, int w, int h, struct picture_colour c)
{
    const int box[4] = {clamp(x, 0, p->width), clamp(y, 0, p->height), clamp(x + w, 0, p->width),
                        clamp(y + h, 0, p->height)};
    const int half[4] = {i420_half(box[0]), i420_half(box[1]), i420_half(box[2]),
                         i420_half(box[3])};
    fill_plane(p->plane[0], p->stride[0], box, c.y);
    fill_plane(p->plane[1], p->stride[1], half, c.u);
    fill_plane(p->plane[2], p->stride[2], half, c.v);
}
