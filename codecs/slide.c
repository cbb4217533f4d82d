#include "codecs/slide.h"

#include <libyuv.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 16

void slide_fini(struct slide *s)
{
    free(s->bytes);
    *s = (struct slide){0};
}

/* The rows of one block in one plane; x and y are of its corner in the luma plane. */
static bool same_rows(const struct i420 *a, const struct i420 *b, unsigned plane, int x, int y)
{
    const int shift = plane ? 1 : 0;
    const int w = (plane ? i420_half(a->width) : a->width) - (x >> shift);
    const int h = (plane ? i420_half(a->height) : a->height) - (y >> shift);
    const int size = BLOCK >> shift;
    for (int row = 0; row < size && row < h; row++) {
        const ptrdiff_t at = (y >> shift) + row;
        if (memcmp(a->plane[plane] + at * a->stride[plane] + (x >> shift),
                   b->plane[plane] + at * b->stride[plane] + (x >> shift),
                   (size_t)(size < w ? size : w)) != 0)
            return false;
    }
    return true;
}

static bool same_block(const struct i420 *a, const struct i420 *b, int x, int y)
{
    return same_rows(a, b, 0, x, y) && same_rows(a, b, 1, x, y) && same_rows(a, b, 2, x, y);
}

unsigned slide_changed(const struct slide *s, const struct i420 *pic)
{
    unsigned blocks = 0;
    unsigned differ = 0;
    if (pic->width != s->copy.width || pic->height != s->copy.height)
        return 100;
    for (int y = 0; y < pic->height; y += BLOCK) {
        for (int x = 0; x < pic->width; x += BLOCK) {
            blocks++;
            differ += !same_block(pic, &s->copy, x, y);
        }
    }
    return blocks ? (differ * 100 + blocks - 1) / blocks : 100;
}

enum err slide_keep(struct slide *s, const struct i420 *pic)
{
    const int w = pic->width;
    const int h = pic->height;
    if (w != s->copy.width || h != s->copy.height) {
        slide_fini(s);
        s->bytes = malloc(i420_bytes(w, h));
        if (!s->bytes)
            return E_NOMEM;
        s->copy = i420_in(s->bytes, w, h);
    }
    uint8_t *const u = s->bytes + (size_t)w * (size_t)h;
    uint8_t *const v = u + (size_t)i420_half(w) * (size_t)i420_half(h);
    const int rc =
        I420Copy(pic->plane[0], pic->stride[0], pic->plane[1], pic->stride[1], pic->plane[2],
                 pic->stride[2], s->bytes, w, u, i420_half(w), v, i420_half(w), w, h);
    assert(rc == 0); /* it refuses only empty pictures */
    (void)rc;
    return OK;
}
