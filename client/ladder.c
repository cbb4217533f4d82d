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
                        {{320, 180, 90000}, {640, 360, 240000}, {1280, 720, 1400000}},
                        2,
                        VP8ENC_CAMERA},
    [CAPTURE_CLASS] = {2, {{320, 180, 90000}, {640, 360, 400000}}, 2, VP8ENC_CAMERA},
    /* The same size twice: what is coarse can be read just as well and has a quarter of the bytes,
     * which on 64 kbit/s is a quarter of the wait (bench_slides). */
    [CAPTURE_SLIDES] = {2, {{1920, 1080, 24000}, {1920, 1080, 600000}}, 1, VP8ENC_SLIDES},
    [CAPTURE_BOARD] = {1, {{1920, 1080, 1200000}}, 1, VP8ENC_CAMERA},
};

/* Three fifths of VP8's: no layer looks worse, each has those below it (bench_svc). */
static const uint32_t vp9_most[VP9ENC_SIDS] = {60000, 150000, 840000};

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

/* A receiver that takes only one layer gets the largest. */
static size_t first_layer(const struct plan *p, size_t layers)
{
    const size_t n = layers < 1 ? 1 : size_min(layers, p->layers);
    return p->layers - n;
}

size_t ladder_rates(enum capture_what what, size_t layers, uint32_t bps[VP8ENC_LAYERS])
{
    const struct plan *const p = &plans[what];
    const size_t first = first_layer(p, layers);
    for (size_t i = first; i < p->layers; i++)
        bps[i - first] = p->rung[i].bps;
    return p->layers - first;
}

void ladder_conf(struct vp8enc_conf *c, enum capture_what what, int width, int height,
                 size_t layers)
{
    const struct plan *const p = &plans[what];
    const size_t first = first_layer(p, layers);
    memset(c, 0, sizeof(*c));
    c->layers = (unsigned)(p->layers - first);
    c->fps = capture_fps(what);
    c->temporal = p->temporal;
    c->threads = 1; /* more wait for each other by spinning, which costs more than it gains here */
    c->content = p->content;
    for (size_t i = first; i < p->layers; i++)
        c->size[i - first] = fit(&p->rung[i], width, height);
}

static uint16_t eights(uint16_t v)
{
    return (uint16_t)(v < 16 ? 16 : v & ~7u);
}

void ladder_vp9(struct vp9enc_conf *c, enum capture_what what, int width, int height)
{
    const struct plan *const p = &plans[what];
    const struct vp8enc_size top = fit(&p->rung[p->layers - 1], width, height);
    *c = (struct vp9enc_conf){.width = eights(top.width),
                              .height = eights(top.height),
                              .layers = (unsigned)p->layers,
                              .temporal = VP9ENC_TIDS,
                              .fps = capture_fps(what)};
    const unsigned least = c->width < c->height ? c->width : c->height;
    while (c->layers > 1 && least >> (c->layers - 1) < 16)
        c->layers--;
}

uint32_t ladder_vp9_bps(size_t layer, uint32_t bps)
{
    const uint32_t most = layer < VP9ENC_SIDS ? vp9_most[layer] : 0;
    return bps < most ? bps : most;
}
