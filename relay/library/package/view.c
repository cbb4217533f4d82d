/* view.c - libvpx without a pipeline around it: one frame in, one picture out, in one thread. */
#include "relay/library/package/view.h"

#include <stdlib.h>
#include <string.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

#define SIDE_MAX 8192u       /* pixels; a larger picture is not looked at */
#define FRAME_MAX (8u << 20) /* bytes */
#define CELL_DIFF 10         /* of the mean brightness of a cell */
#define CELLS_CHANGED 3

struct view {
    vpx_codec_ctx_t codec;
    bool open;
    enum tape_codec kind;
    uint8_t *frame; /* put together from its packets */
    size_t cap;
    const vpx_image_t *image; /* libvpx's, until the next frame */
};

bool looks_differ(const struct looks *a, const struct looks *b)
{
    unsigned cells = 0;
    if (a->width != b->width || a->height != b->height)
        return true;
    for (int y = 0; y < VIEW_Y; y++)
        for (int x = 0; x < VIEW_X; x++)
            cells += abs(a->cell[y][x] - b->cell[y][x]) >= CELL_DIFF;
    return cells >= CELLS_CHANGED;
}

void picture_fini(struct picture *p)
{
    free(p->bytes);
    *p = (struct picture){0};
}

static enum err grow(uint8_t **bytes, size_t *cap, size_t wanted)
{
    if (wanted <= *cap)
        return OK;
    uint8_t *const p = realloc(*bytes, wanted);
    if (!p)
        return E_NOMEM;
    *bytes = p;
    *cap = wanted;
    return OK;
}

enum err view_new(struct view **out, enum tape_codec codec)
{
    *out = NULL;
    if (codec != TAPE_VP8 && codec != TAPE_VP9)
        return E_FORMAT;
    struct view *v = calloc(1, sizeof *v);
    if (!v)
        return E_NOMEM;
    v->kind = codec;
    vpx_codec_iface_t *const kind = codec == TAPE_VP8 ? vpx_codec_vp8_dx() : vpx_codec_vp9_dx();
    v->open = vpx_codec_dec_init(&v->codec, kind, NULL, 0) == VPX_CODEC_OK;
    if (!v->open) {
        view_free(&v);
        return E_NOMEM;
    }
    *out = v;
    return OK;
}

void view_free(struct view **vp)
{
    struct view *const v = *vp;
    if (!v)
        return;
    *vp = NULL;
    if (v->open)
        (void)vpx_codec_destroy(&v->codec);
    free(v->frame);
    free(v);
}

static bool join(struct view *v, const struct frame *one)
{
    size_t off = 0;
    if (one->bytes > FRAME_MAX || grow(&v->frame, &v->cap, one->bytes) != OK)
        return false;
    for (uint32_t i = 0; i < one->packets; i++) {
        size_t len = 0;
        const uint8_t *const piece = frames_piece(v->kind, &one->packet[i], &len);
        if (len > one->bytes - off)
            return false;
        memcpy(v->frame + off, piece, len);
        off += len;
    }
    uint8_t tail[FRAMES_TAIL_MAX];
    const size_t len = frames_tail(v->kind, one, tail);
    if (len > one->bytes - off)
        return false;
    memcpy(v->frame + off, tail, len);
    return off + len == one->bytes;
}

/* A key frame that claims to be huge is refused before anything is allocated for it. */
static bool size_fits(const struct view *v, const struct frame *one)
{
    uint16_t width = 0;
    uint16_t height = 0;
    return !one->key || !frames_size(v->kind, one->packet, &width, &height) ||
           (width <= SIDE_MAX && height <= SIDE_MAX);
}

bool view_put(struct view *v, const struct frame *one)
{
    v->image = NULL;
    if (!size_fits(v, one) || !join(v, one) ||
        vpx_codec_decode(&v->codec, v->frame, (unsigned)one->bytes, NULL, 0) != VPX_CODEC_OK)
        return false;
    vpx_codec_iter_t at = NULL;
    const vpx_image_t *const image = vpx_codec_get_frame(&v->codec, &at);
    if (image && image->fmt == VPX_IMG_FMT_I420 && image->d_w <= SIDE_MAX && image->d_h <= SIDE_MAX)
        v->image = image;
    return true;
}

bool view_shows(const struct view *v)
{
    return v->image != NULL;
}

static uint8_t cell_mean(const vpx_image_t *m, unsigned x, unsigned y)
{
    unsigned sum = 0;
    unsigned n = 0;
    for (unsigned row = m->d_h * y / VIEW_Y; row < m->d_h * (y + 1) / VIEW_Y; row += 2) {
        const uint8_t *const line = m->planes[0] + (ptrdiff_t)row * m->stride[0];
        for (unsigned col = m->d_w * x / VIEW_X; col < m->d_w * (x + 1) / VIEW_X; col++, n++)
            sum += line[col];
    }
    return (uint8_t)(n ? sum / n : 0);
}

void view_looks(const struct view *v, struct looks *l)
{
    assert(v->image);
    l->width = (uint16_t)v->image->d_w;
    l->height = (uint16_t)v->image->d_h;
    for (unsigned y = 0; y < VIEW_Y; y++)
        for (unsigned x = 0; x < VIEW_X; x++)
            l->cell[y][x] = cell_mean(v->image, x, y);
}

enum err view_copy(const struct view *v, struct picture *p)
{
    const vpx_image_t *const m = v->image;
    assert(m);
    const size_t luma = (size_t)m->d_w * m->d_h;
    const size_t chroma = (size_t)((m->d_w + 1) / 2) * ((m->d_h + 1) / 2);
    const enum err e = grow(&p->bytes, &p->cap, luma + 2 * chroma);
    if (e != OK)
        return e;
    p->width = (uint16_t)m->d_w;
    p->height = (uint16_t)m->d_h;
    p->len = 0;
    for (unsigned i = 0; i < 3; i++) {
        const unsigned w = i ? (m->d_w + 1) / 2 : m->d_w;
        const unsigned h = i ? (m->d_h + 1) / 2 : m->d_h;
        for (unsigned row = 0; row < h; row++, p->len += w)
            memcpy(p->bytes + p->len, m->planes[i] + (ptrdiff_t)row * m->stride[i], w);
    }
    return OK;
}
