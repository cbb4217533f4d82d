#include "codecs/vpx_enc.h"

#include <libyuv.h>
#include <string.h>

bool vpxenc_picture_ok(const struct i420 *p)
{
    return p->width > 0 && p->height > 0 && p->plane[0] && p->plane[1] && p->plane[2] &&
           p->stride[0] >= p->width && p->stride[1] >= i420_half(p->width) &&
           p->stride[2] >= i420_half(p->width);
}

bool vpxpace_in_order(const struct vpxpace *t, usec at)
{
    return !t->any || at > t->last_at;
}

/* Half an interval of earliness is forgiven, for cameras that tremble; the mean stays exact. */
static bool fits_rate(struct vpxpace *t, unsigned fps, usec at)
{
    const usec interval = USEC_SEC / fps;
    if (t->any && at + interval / 2 < t->due_at)
        return false;
    t->due_at = !t->any || at > t->due_at + interval ? at + interval : t->due_at + interval;
    return true;
}

bool vpxpace_takes(struct vpxpace *t, unsigned fps, usec at)
{
    const bool in_time = fits_rate(t, fps, at);
    if (!t->any)
        t->coded_at = at - USEC_SEC / fps;
    t->any = true;
    t->last_at = at;
    return in_time;
}

/* libvpx learns the frame rate from the times it is told and takes a jump of them badly: a picture
 * that ends before the one before it leaves its rate control upset for good. So it is told smoothed
 * intervals, by which the mean rate is the true one whatever the source does. */
void vpxpace_keep(struct vpxpace *t, usec at)
{
    const usec gap = usec_max(usec_min(at - t->coded_at, USEC_SEC), USEC_SEC / 100);
    t->interval = t->interval ? (3 * t->interval + gap) / 4 : gap;
    t->coded_at = at;
}

/* libvpx takes pictures it does not write as if it did. */
vpx_image_t vpxenc_image(const struct i420 *p)
{
    vpx_image_t img = {.fmt = VPX_IMG_FMT_I420,
                       .w = (unsigned)p->width,
                       .h = (unsigned)p->height,
                       .d_w = (unsigned)p->width,
                       .d_h = (unsigned)p->height,
                       .x_chroma_shift = 1,
                       .y_chroma_shift = 1,
                       .bps = 12,
                       .bit_depth = 8};
    for (unsigned i = 0; i < 3; i++) {
        memcpy(&img.planes[i], &p->plane[i], sizeof(img.planes[i]));
        img.stride[i] = p->stride[i];
    }
    return img;
}

struct i420 vpxenc_scale(uint8_t *block, int w, int h, const struct i420 *from)
{
    if (from->width == w && from->height == h)
        return *from;
    uint8_t *const u = block + (size_t)w * (size_t)h;
    uint8_t *const v = u + (size_t)i420_half(w) * (size_t)i420_half(h);
    const int rc = I420Scale(from->plane[0], from->stride[0], from->plane[1], from->stride[1],
                             from->plane[2], from->stride[2], from->width, from->height, block, w,
                             u, i420_half(w), v, i420_half(w), w, h, kFilterBox);
    assert(rc == 0); /* it refuses only empty pictures */
    (void)rc;
    return i420_in(block, w, h);
}
