/* ladder.c - the table of layers, and how it is bent to a picture's shape. */
#include "client/ladder.h"

#include <string.h>

struct rung {
    int width, height; /* at most */
    uint32_t bps;
};

struct plan {
    size_t layers;
    struct rung rung[VP8ENC_LAYERS]; /* lowest first */
    unsigned temporal;
    enum vp8enc_content content;
};

static const struct plan plans[] = {
    [CAPTURE_CAMERA] = {3,
                        {{320, 180, 130000}, {640, 360, 400000}, {1280, 720, 1400000}},
                        2,
                        VP8ENC_CAMERA},
    [CAPTURE_CLASS] = {2, {{320, 180, 120000}, {640, 360, 450000}}, 2, VP8ENC_CAMERA},
    [CAPTURE_SLIDES] = {1, {{1920, 1080, 600000}}, 1, VP8ENC_SLIDES},
    [CAPTURE_BOARD] = {1, {{1920, 1080, 1200000}}, 1, VP8ENC_CAMERA},
};

static const char *const rids[] = {"l", "m", "h"};

size_t ladder_layers(enum capture_what what)
{
    return what < ARRAY_LEN(plans) && plans[what].layers > 1 ? plans[what].layers : 0;
}

const char *ladder_rid(enum capture_what what, size_t layer)
{
    (void)what;
    return layer < ARRAY_LEN(rids) ? rids[layer] : "";
}

static uint16_t even(int64_t v)
{
    const int64_t n = v & ~INT64_C(1);
    return (uint16_t)(n < 16 ? 16 : n);
}

/* As large as the rung allows, of the picture's shape, never larger than the picture. */
static struct vp8enc_size fit(const struct rung *r, int width, int height)
{
    int64_t w = width;
    int64_t h = height;
    if (w > r->width) {
        h = h * r->width / w;
        w = r->width;
    }
    if (h > r->height) {
        w = w * r->height / h;
        h = r->height;
    }
    return (struct vp8enc_size){.width = even(w), .height = even(h), .bps = r->bps};
}

void ladder_conf(struct vp8enc_conf *c, enum capture_what what, int width, int height,
                 size_t layers)
{
    const struct plan *const p = &plans[what];
    const size_t n = layers < 1 ? 1 : size_min(layers, p->layers);
    memset(c, 0, sizeof(*c));
    c->layers = (unsigned)n;
    c->fps = capture_fps(what);
    c->temporal = p->temporal;
    c->threads = 1; /* more wait for each other by spinning, which costs more than it gains here */
    c->content = p->content;
    for (size_t i = 0; i < n; i++)
        c->size[i] = fit(&p->rung[p->layers - n + i], width, height);
}
