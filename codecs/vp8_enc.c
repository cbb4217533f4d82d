#include "codecs/vp8_enc.h"

#include "codecs/slide.h"
#include "codecs/vpx_enc.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <vpx/vp8cx.h>

#define HD_PIXELS (1280 * 720)
#define SHARP 12 /* quantizer at which a slide cannot be seen to improve */
/* That of a small layer of slides: half of the bytes, and SSIM is 0.99 (bench_slides). */
#define COARSE 63
#define SHARPEN_MAX (30 * USEC_SEC) /* at the latest then a slide is as sharp as it gets */
#define VAIN_MAX 5                  /* pictures that made a slide no sharper */
#define BACKLOG_MAX (300 * USEC_MS) /* a slide that waits longer is not yet encoded */
#define REPEAT_MIN                                                                                 \
    (1 * USEC_SEC) /* an unchanged slide is sent again after so long, then ever more */
#define REPEAT_MAX (10 * USEC_SEC) /* seldom: who lost its last packet would not know otherwise */
#define NEW_SLIDE 20   /* per cent of blocks changed: a key frame is smaller and sharper */
#define GOLDEN_EVERY 8 /* frames of temporal layer 0 from one golden frame to the next */
#define BASE_SHARE 60  /* per cent of the rate for temporal layer 0 */

struct layer {
    struct vp8enc_size size;
    vpx_codec_ctx_t codec;
    vpx_codec_enc_cfg_t cfg;
    bool open;           /* codec is to be destroyed */
    uint8_t *scaled;     /* a picture in this layer's size */
    struct i420 picture; /* what to encode now: `scaled`, or the source itself */
    uint16_t picture_id;
    uint8_t tl0picidx; /* of the last frame of temporal layer 0 */
    unsigned quantizer;
    unsigned best;     /* quantizer since the slide changed, */
    unsigned vain;     /* and frames since then that were no better */
    bool stale;        /* it was left out when the slide changed */
    usec line_free_at; /* when what was encoded so far has gone out at this layer's rate */
    usec clock;        /* libvpx's time: the intervals of the pictures it was given, added up */
};

struct vp8enc {
    struct vp8enc_conf conf;
    struct layer layer[VP8ENC_LAYERS];
    struct slide slide; /* the last one that was encoded */
    usec changed_at;    /* when it was first seen */
    bool want_key;
    bool whole; /* every layer is to be encoded, not only those that become sharper */
    struct vpxpace pace;
    unsigned count; /* pictures since the key frame */
    unsigned threads;
};

/* A layer whose memory could not be taken is off as well. */
static bool is_on(const struct layer *l)
{
    return l->open && l->size.bps > 0;
}

/* ---- configuration ---- */

static bool size_ok(unsigned width, unsigned height)
{
    return width >= 16 && width <= 4096 && height >= 16 && height <= 4096 && width % 2 == 0 &&
           height % 2 == 0;
}

static bool conf_ok(const struct vp8enc_conf *c)
{
    if (c->layers < 1 || c->layers > VP8ENC_LAYERS || c->fps < 1 || c->fps > 60)
        return false;
    if (c->temporal < 1 || c->temporal > 2)
        return false;
    for (unsigned i = 0; i < c->layers; i++) {
        const struct vp8enc_size *const s = &c->size[i];
        if (!size_ok(s->width, s->height))
            return false;
        if (i > 0 && (s->width < s[-1].width || s->height < s[-1].height))
            return false;
    }
    return true;
}

/* libvpx counts in kbit/s, and the base layer must have less than all. */
static void put_rate(const struct vp8enc *e, struct layer *l)
{
    unsigned kbps = (l->size.bps + 999) / 1000;
    kbps = kbps < 2 ? 2 : kbps;
    l->cfg.rc_target_bitrate = kbps;
    if (e->conf.temporal == 1)
        return;
    const unsigned base = kbps * BASE_SHARE / 100;
    l->cfg.ts_target_bitrate[0] = base < 1 ? 1 : base;
    l->cfg.ts_target_bitrate[1] = kbps;
}

static void put_temporal(const struct vp8enc *e, vpx_codec_enc_cfg_t *cfg)
{
    cfg->ts_number_layers = e->conf.temporal;
    if (e->conf.temporal == 1)
        return;
    cfg->ts_periodicity = 2;
    cfg->ts_layer_id[0] = 0;
    cfg->ts_layer_id[1] = 1;
    cfg->ts_rate_decimator[0] = 2;
    cfg->ts_rate_decimator[1] = 1;
}

static void put_cfg(const struct vp8enc *e, struct layer *l)
{
    vpx_codec_enc_cfg_t *const cfg = &l->cfg;
    const bool slides = e->conf.content == VP8ENC_SLIDES;
    const bool largest = l == &e->layer[e->conf.layers - 1];
    cfg->g_w = l->size.width;
    cfg->g_h = l->size.height;
    cfg->g_timebase = (struct vpx_rational){.num = 1, .den = (int)USEC_SEC};
    cfg->g_threads = largest ? e->threads : 1;
    cfg->g_lag_in_frames = 0;
    cfg->g_pass = VPX_RC_ONE_PASS;
    cfg->kf_mode = VPX_KF_DISABLED; /* only those we ask for: all layers have them together */
    cfg->rc_end_usage = VPX_CBR;
    cfg->rc_resize_allowed = 0;
    cfg->rc_dropframe_thresh = slides ? 0 : 30; /* slides have line_busy */
    cfg->rc_min_quantizer = slides ? SHARP : 2;
    cfg->rc_max_quantizer = !slides ? 56 : largest ? 44 : COARSE;
    cfg->rc_undershoot_pct = 100;
    cfg->rc_overshoot_pct = 15;
    cfg->rc_buf_initial_sz = 500;
    cfg->rc_buf_optimal_sz = 600;
    cfg->rc_buf_sz = 1000;
    put_temporal(e, cfg);
    put_rate(e, l);
}

/* Faster than -6 saves 720p hardly anything and costs half a dB; a 180p frame takes under a
 * millisecond at any speed (bench_codecs). */
static int speed_of(const struct vp8enc *e, const struct layer *l)
{
    const int pixels = l->size.width * l->size.height;
    if (e->conf.content == VP8ENC_SLIDES)
        return -6; /* few pictures a second: time enough to make them small */
    if (pixels > HD_PIXELS)
        return -8;
    return pixels >= HD_PIXELS / 4 ? -6 : -4;
}

static bool put_controls(const struct vp8enc *e, struct layer *l)
{
    const bool slides = e->conf.content == VP8ENC_SLIDES;
    const unsigned intra = 60 * e->conf.fps / 2; /* half the buffer, in per cent of a frame */
    vpx_codec_ctx_t *const c = &l->codec;
    return !vpx_codec_control(c, VP8E_SET_CPUUSED, speed_of(e, l)) &&
           !vpx_codec_control(c, VP8E_SET_STATIC_THRESHOLD, slides ? 100u : 1u) &&
           !vpx_codec_control(c, VP8E_SET_NOISE_SENSITIVITY, 0u) &&
           !vpx_codec_control(c, VP8E_SET_TOKEN_PARTITIONS, l->cfg.g_threads > 1 ? 1 : 0) &&
           !vpx_codec_control(c, VP8E_SET_SCREEN_CONTENT_MODE, slides ? 1u : 0u) &&
           !vpx_codec_control(c, VP8E_SET_MAX_INTRA_BITRATE_PCT,
                              slides        ? 0u
                              : intra < 300 ? 300u
                                            : intra);
}

static void close_layer(struct layer *l)
{
    if (l->open)
        (void)vpx_codec_destroy(&l->codec);
    l->open = false;
    free(l->scaled);
    l->scaled = NULL;
}

static enum err open_layer(const struct vp8enc *e, struct layer *l)
{
    close_layer(l);
    if (vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &l->cfg, 0) != VPX_CODEC_OK)
        return E_STATE;
    put_cfg(e, l);
    l->clock = 0;
    l->scaled = malloc(i420_bytes(l->size.width, l->size.height));
    if (!l->scaled)
        return E_NOMEM;
    const vpx_codec_err_t rc = vpx_codec_enc_init(&l->codec, vpx_codec_vp8_cx(), &l->cfg, 0);
    if (rc != VPX_CODEC_OK)
        return rc == VPX_CODEC_MEM_ERROR ? E_NOMEM : E_STATE;
    l->open = true;
    return put_controls(e, l) ? OK : E_STATE;
}

enum err vp8enc_new(struct vp8enc **out, const struct vp8enc_conf *conf)
{
    if (!conf_ok(conf))
        return E_FORMAT;
    struct vp8enc *e = calloc(1, sizeof(*e));
    if (!e)
        return E_NOMEM;
    e->conf = *conf;
    e->threads = conf->threads ? conf->threads : 1;
    e->want_key = true;
    for (unsigned i = 0; i < conf->layers; i++) {
        struct layer *const l = &e->layer[i];
        l->size = conf->size[i];
        l->picture_id = conf->first_picture_id & 0x7fff;
        l->tl0picidx = (uint8_t)(conf->first_tl0picidx - 1);
        const enum err rc = open_layer(e, l);
        if (rc != OK) {
            vp8enc_free(&e);
            return rc;
        }
    }
    *out = e;
    return OK;
}

void vp8enc_free(struct vp8enc **e)
{
    if (!*e)
        return;
    for (unsigned i = 0; i < VP8ENC_LAYERS; i++)
        close_layer(&(*e)->layer[i]);
    slide_fini(&(*e)->slide);
    free(*e);
    *e = NULL;
}

void vp8enc_want_key(struct vp8enc *e)
{
    e->want_key = true;
}

enum err vp8enc_set_rate(struct vp8enc *e, unsigned layer, uint32_t bps)
{
    if (layer >= e->conf.layers)
        return E_FORMAT;
    struct layer *const l = &e->layer[layer];
    if (!is_on(l) && bps > 0)
        e->want_key = true;
    l->size.bps = bps;
    if (bps == 0)
        return OK;
    put_rate(e, l);
    return vpx_codec_enc_config_set(&l->codec, &l->cfg) == VPX_CODEC_OK ? OK : E_STATE;
}

enum err vp8enc_set_fps(struct vp8enc *e, unsigned fps)
{
    if (fps < 1 || fps > 60)
        return E_FORMAT;
    e->conf.fps = fps;
    e->pace.due_at = usec_min(e->pace.due_at, e->pace.coded_at + USEC_SEC / fps);
    for (unsigned i = 0; i < e->conf.layers; i++) {
        if (!put_controls(e, &e->layer[i]))
            return E_STATE;
    }
    return OK;
}

enum err vp8enc_set_size(struct vp8enc *e, unsigned layer, uint16_t width, uint16_t height)
{
    if (layer >= e->conf.layers)
        return E_FORMAT;
    struct vp8enc_conf conf = e->conf;
    conf.size[layer].width = width;
    conf.size[layer].height = height;
    if (!conf_ok(&conf))
        return E_FORMAT;
    e->conf = conf;
    struct layer *const l = &e->layer[layer];
    l->size.width = width;
    l->size.height = height;
    e->want_key = true;
    return open_layer(e, l);
}

unsigned vp8enc_quantizer(const struct vp8enc *e, unsigned layer)
{
    assert(layer < e->conf.layers);
    return e->layer[layer].quantizer;
}

/* ---- pictures ---- */

/* Each layer is made from the next larger one: four times fewer pixels to read. */
static void scale_all(struct vp8enc *e, const struct i420 *pic)
{
    const struct i420 *from = pic;
    for (unsigned i = e->conf.layers; i-- > 0;) {
        struct layer *const l = &e->layer[i];
        if (!is_on(l))
            continue;
        l->picture = vpxenc_scale(l->scaled, l->size.width, l->size.height, from);
        from = &l->picture;
    }
}

/* ---- slides that stand still ---- */

/* A small layer is for thin ways, and does not fill them with changes that come too fast for it: it
 * has the newest when there is room. */
static bool waits_for_line(const struct vp8enc *e, const struct layer *l, usec at)
{
    return e->conf.content == VP8ENC_SLIDES && !e->want_key && l != &e->layer[e->conf.layers - 1] &&
           l->line_free_at - at > BACKLOG_MAX;
}

/* It is sharp, or has no bits to become sharper: then it only costs others their time. */
static bool is_done(const struct layer *l)
{
    return !l->stale && (l->quantizer <= SHARP || l->vain >= VAIN_MAX);
}

/* Nothing would come of encoding the same slide again now. */
static bool all_done(const struct vp8enc *e, usec at)
{
    for (unsigned i = 0; i < e->conf.layers; i++) {
        const struct layer *const l = &e->layer[i];
        if (is_on(l) && !is_done(l) && !waits_for_line(e, l, at))
            return false;
    }
    return true;
}

static void note_quantizer(struct layer *l, unsigned q)
{
    l->quantizer = q;
    l->vain = q < l->best ? 0 : l->vain + 1;
    l->best = q < l->best ? q : l->best;
}

static void begin_slide(struct vp8enc *e)
{
    for (unsigned i = 0; i < e->conf.layers; i++) {
        e->layer[i].best = UINT_MAX;
        e->layer[i].vain = 0;
    }
}

/* One new slide is seconds of a thin line. Until it is through nothing is encoded: the next is the
 * newest then, not one of a queue. */
static bool line_busy(const struct vp8enc *e, usec at)
{
    for (unsigned i = e->conf.layers; i > 0; i--) {
        const struct layer *const l = &e->layer[i - 1];
        if (is_on(l)) /* the largest: whose way is thinner waits for itself alone */
            return l->line_free_at - at > BACKLOG_MAX;
    }
    return false;
}

static void load_line(struct layer *l, usec at, size_t bytes)
{
    l->line_free_at = usec_max(l->line_free_at, at) + (usec)bytes * 8 * USEC_SEC / l->size.bps;
}

static bool repeat_due(const struct vp8enc *e, usec at)
{
    const usec gap = (e->pace.coded_at - e->changed_at) / 2;
    return at - e->pace.coded_at >= usec_min(usec_max(gap, REPEAT_MIN), REPEAT_MAX);
}

/* *skip: the line is busy, or the picture is what everybody sees already, as sharp as it gets. */
static enum err look_at_slide(struct vp8enc *e, const struct i420 *pic, usec at, bool *skip)
{
    *skip = line_busy(e, at);
    if (*skip)
        return OK;
    const unsigned percent = slide_changed(&e->slide, pic);
    if (percent >= NEW_SLIDE)
        e->want_key = true;
    if (percent > 0 || e->want_key)
        begin_slide(e);
    e->whole = percent > 0 || e->want_key || repeat_due(e, at);
    if (percent > 0) {
        e->changed_at = at;
        return slide_keep(&e->slide, pic);
    }
    *skip = !e->whole && (all_done(e, at) || at - e->changed_at > SHARPEN_MAX);
    return OK;
}

/* ---- encoding ---- */

/* Odd pictures are temporal layer 1. They use only frames of layer 0 and nothing uses them, so
 * each may be dropped, and any of them is a place to join the layer. */
static unsigned tid_of(const struct vp8enc *e)
{
    return e->conf.temporal == 2 ? e->count % 2 : 0;
}

static vpx_enc_frame_flags_t flags_of(const struct vp8enc *e)
{
    if (e->want_key)
        return VPX_EFLAG_FORCE_KF;
    if (e->conf.temporal == 1)
        return 0;
    const vpx_enc_frame_flags_t base = VP8_EFLAG_NO_REF_ARF | VP8_EFLAG_NO_UPD_ARF;
    if (tid_of(e) == 1)
        return base | VP8_EFLAG_NO_UPD_LAST | VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_UPD_ENTROPY;
    return e->count / 2 % GOLDEN_EVERY == 0 ? base : base | VP8_EFLAG_NO_UPD_GF;
}

static void describe(struct layer *l, unsigned tid, struct vp8enc_frame *f)
{
    if (tid == 0)
        l->tl0picidx++;
    f->desc = (struct vp8_desc){.start = true,
                                .non_ref = tid > 0,
                                .has_pid = true,
                                .pid_long = true,
                                .picture_id = l->picture_id,
                                .has_tl0 = true,
                                .tl0picidx = l->tl0picidx,
                                .has_tid = true,
                                .tid = (uint8_t)tid,
                                .sync = tid > 0};
    l->picture_id = (l->picture_id + 1) & 0x7fff;
}

/* One frame comes out, or none if it was dropped to hold the rate. */
static bool take_frame(struct layer *l, struct vp8enc_frame *f)
{
    vpx_codec_iter_t at = NULL;
    const vpx_codec_cx_pkt_t *p;
    while ((p = vpx_codec_get_cx_data(&l->codec, &at))) {
        if (p->kind != VPX_CODEC_CX_FRAME_PKT || p->data.frame.sz == 0)
            continue;
        *f = (struct vp8enc_frame){.data = p->data.frame.buf,
                                   .len = p->data.frame.sz,
                                   .width = l->size.width,
                                   .height = l->size.height,
                                   .key = p->data.frame.flags & VPX_FRAME_IS_KEY};
        return true;
    }
    return false;
}

static enum err encode_layer(struct vp8enc *e, unsigned i, struct vp8enc_out *out)
{
    struct layer *const l = &e->layer[i];
    const unsigned tid = e->want_key ? 0 : tid_of(e);
    const vpx_image_t img = vpxenc_image(&l->picture);
    if (e->conf.temporal > 1 &&
        vpx_codec_control(&l->codec, VP8E_SET_TEMPORAL_LAYER_ID, (int)tid) != VPX_CODEC_OK)
        return E_STATE;
    l->clock += e->pace.interval;
    if (vpx_codec_encode(&l->codec, &img, l->clock, (unsigned long)e->pace.interval, flags_of(e),
                         VPX_DL_REALTIME) != VPX_CODEC_OK)
        return E_STATE;

    struct vp8enc_frame *const f = &out->frame[out->n];
    int q = 0;
    if (!take_frame(l, f))
        return OK;
    if (vpx_codec_control(&l->codec, VP8E_GET_LAST_QUANTIZER_64, &q) == VPX_CODEC_OK)
        note_quantizer(l, (unsigned)q);
    f->layer = (uint8_t)i;
    load_line(l, e->pace.coded_at, f->len);
    describe(l, tid, f);
    out->n++;
    return OK;
}

static enum err encode_all(struct vp8enc *e, struct vp8enc_out *out)
{
    unsigned on = 0;
    if (e->want_key)
        e->count = 0;
    for (unsigned i = 0; i < e->conf.layers; i++) {
        struct layer *const l = &e->layer[i];
        if (!is_on(l) || (!e->whole && is_done(l)))
            continue;
        if (waits_for_line(e, l, e->pace.coded_at)) {
            l->stale |= e->whole;
            continue;
        }
        l->stale = false;
        on++;
        const enum err rc = encode_layer(e, i, out);
        if (rc != OK)
            return rc;
    }
    e->count++;
    if (out->n == on) /* a key frame is never dropped; should it be, it is wanted still */
        e->want_key = false;
    return OK;
}

enum err vp8enc_encode(struct vp8enc *e, const struct i420 *pic, usec at, struct vp8enc_out *out)
{
    out->n = 0;
    if (!vpxenc_picture_ok(pic) || !vpxpace_in_order(&e->pace, at))
        return E_FORMAT;
    if (!vpxpace_takes(&e->pace, e->conf.fps, at))
        return OK;

    bool skip = false;
    e->whole = true;
    if (e->conf.content == VP8ENC_SLIDES) {
        const enum err rc = look_at_slide(e, pic, at, &skip);
        if (rc != OK)
            return rc;
    }
    if (skip)
        return OK;
    vpxpace_keep(&e->pace, at);
    scale_all(e, pic);
    return encode_all(e, out);
}
