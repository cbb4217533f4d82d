#include "tests/unit/codecs/pictures.h"

#include <libyuv.h>
#include <stdlib.h>
#include <string.h>

static size_t plane_size(const struct canvas *c, unsigned n)
{
    const int h = n ? i420_half(c->pic.height) : c->pic.height;
    return (size_t)c->pic.stride[n] * (size_t)h;
}

static uint8_t *plane(struct canvas *c, unsigned n)
{
    uint8_t *p = c->bytes;
    for (unsigned i = 0; i < n; i++)
        p += plane_size(c, i);
    return p;
}

void canvas_init(struct canvas *c, int width, int height)
{
    *c = (struct canvas){.pic = {.width = width,
                                 .height = height,
                                 .stride = {width, i420_half(width), i420_half(width)}}};
    c->bytes = malloc(plane_size(c, 0) + 2 * plane_size(c, 1));
    assert(c->bytes);
    for (unsigned n = 0; n < 3; n++)
        c->pic.plane[n] = plane(c, n);
}

void canvas_fini(struct canvas *c)
{
    free(c->bytes);
    *c = (struct canvas){0};
}

static uint8_t film_luma(int x, int y, int cx, int cy, int r)
{
    const int dx = x - cx;
    const int dy = y - cy;
    if (dx * dx + dy * dy < r * r)
        return (uint8_t)(200 - (dx * dx + dy * dy) * 90 / (r * r));
    return (uint8_t)(60 + (x / 3 ^ y / 5) % 32 + y / 16);
}

void paint_film(struct canvas *c, unsigned t)
{
    const int w = c->pic.width;
    const int h = c->pic.height;
    const int cx = w / 4 + (int)(t * 3) % (w / 2);
    const int cy = h / 3 + (int)t % (h / 3);
    uint8_t *const luma = plane(c, 0);
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++)
            luma[y * w + x] = film_luma(x, y, cx, cy, h / 5);
    }
    for (unsigned n = 1; n < 3; n++) {
        uint8_t *const chroma = plane(c, n);
        for (int y = 0; y < i420_half(h); y++)
            memset(chroma + y * i420_half(w), 100 + (int)n * 10 + y * 40 / h, (size_t)i420_half(w));
    }
}

void paint_slide(struct canvas *c, unsigned number)
{
    const int w = c->pic.width;
    const int h = c->pic.height;
    uint8_t *const luma = plane(c, 0);
    uint32_t seed = number * 2654435761u + 1;
    memset(c->bytes, 235, plane_size(c, 0));
    memset(plane(c, 1), 128, 2 * plane_size(c, 1));
    for (int line = 24; line + 24 < h; line += 28) {
        for (int x = 20; x + 12 < w; x += 10) {
            seed = seed * 1664525 + 1013904223;
            for (int y = 0; y < 16; y++) /* a stroke of 2 pixels, upright or lying */
                memset(luma + (line + y) * w + x, 16,
                       seed >> 28 & 1u && y != (int)(seed >> 20 & 15u) ? 2 : 7);
            x += seed >> 30 ? 0 : 12;
        }
    }
}

double pictures_psnr(const struct i420 *a, const struct i420 *b)
{
    struct canvas c;
    canvas_init(&c, b->width, b->height);
    const int rc =
        I420Scale(a->plane[0], a->stride[0], a->plane[1], a->stride[1], a->plane[2], a->stride[2],
                  a->width, a->height, plane(&c, 0), c.pic.stride[0], plane(&c, 1), c.pic.stride[1],
                  plane(&c, 2), c.pic.stride[2], b->width, b->height, kFilterBox);
    assert(rc == 0);
    const double psnr =
        I420Psnr(c.pic.plane[0], c.pic.stride[0], c.pic.plane[1], c.pic.stride[1], c.pic.plane[2],
                 c.pic.stride[2], b->plane[0], b->stride[0], b->plane[1], b->stride[1], b->plane[2],
                 b->stride[2], b->width, b->height);
    canvas_fini(&c);
    return psnr;
}

uint64_t picture_hash(const struct i420 *p)
{
    uint64_t hash = 14695981039346656037u;
    for (unsigned n = 0; n < 3; n++) {
        const int w = n ? i420_half(p->width) : p->width;
        const int h = n ? i420_half(p->height) : p->height;
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++)
                hash = (hash ^ p->plane[n][y * p->stride[n] + x]) * 1099511628211u;
        }
    }
    return hash;
}
