#include "codecs/vp9_enc.h"

#include "codecs/vpx_enc.h"

#include <stdlib.h>
#include <string.h>
#include <vpx/vp8cx.h>

#define SLOTS 8    /* reference buffers of VP9 */
#define SHARPEST 2 /* quantizers */
#define COARSEST 56
#define LEAST_BPS 10000
#define BACK_MAX 127 /* pictures that a reference may be back (RFC 9628 4.2, P_DIFF) */

struct vp9enc {
    struct vp9enc_conf conf;
    vpx_codec_ctx_t codec;
    vpx_codec_enc_cfg_t cfg;
    bool open;
    struct vpxpace pace;
    usec clock; /* libvpx's time */
    bool want_key;
    uint8_t *scaled;
    uint8_t *bytes; /* of the picture that is under way */
    size_t used, cap;
    bool full;               /* it did not find room in them */
    unsigned on;             /* spatial layers that are encoded */
    unsigned count;          /* pictures that came out */
    unsigned key_at;         /* of them the last key picture */
    unsigned in_slot[SLOTS]; /* picture that each reference buffer holds */
    struct vp9enc_out *out;
};

/* Percent of a spatial layer's rate that its temporal layers up to each have. */
static const unsigned shares[VP9ENC_TIDS][VP9ENC_TIDS] = {{100}, {60, 100}, {50, 70, 100}};

static bool side_ok(unsigned n, unsigned layers)
{
    return layers >= 1 && layers <= VP9ENC_SIDS && n >> (layers - 1) >= 16 && n <= 4096 &&
           n % 8 == 0;
}

static bool conf_ok(const struct vp9enc_conf *c)
{
    return side_ok(c->width, c->layers) && side_ok(c->height, c->layers) && c->temporal >= 1 &&
           c->temporal <= VP9ENC_TIDS && c->fps >= 1 && c->fps <= 60;
}

/* libvpx counts in kbit/s; a layer without any is not encoded. */
static void put_rates(struct vp9enc *e)
{
    const unsigned tids = e->conf.temporal;
    vpx_codec_enc_cfg_t *const g = &e->cfg;
    g->rc_target_bitrate = 0;
    e->on = 0;
    for (unsigned i = 0; i < e->conf.layers; i++) {
        const uint32_t bps = i == 0 && e->conf.bps[0] < LEAST_BPS ? LEAST_BPS : e->conf.bps[i];
        const bool on = i == e->on && bps > 0;
        const unsigned kbps = on ? (bps + 999) / 1000 : 0;
        e->on += on;
        g->ss_target_bitrate[i] = kbps;
        g->rc_target_bitrate += kbps;
        for (unsigned t = 0; t < tids; t++)
            g->layer_target_bitrate[i * tids + t] = kbps * shares[tids - 1][t] / 100;
    }
    for (unsigned t = 0; t < tids; t++)
        g->ts_target_bitrate[t] = g->rc_target_bitrate * shares[tids - 1][t] / 100;
}

static void put_cfg(struct vp9enc *e)
{
    vpx_codec_enc_cfg_t *const g = &e->cfg;
    g->g_w = e->conf.width;
    g->g_h = e->conf.height;
    g->g_timebase = (struct vpx_rational){.num = 1, .den = (int)USEC_SEC};
    g->g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT; /* layers come to be missing */
    g->g_lag_in_frames = 0;
    g->g_threads = 1;
    g->g_pass = VPX_RC_ONE_PASS;
    g->kf_mode = VPX_KF_DISABLED;
    g->rc_end_usage = VPX_CBR;
    g->rc_resize_allowed = 0;
    g->rc_dropframe_thresh = 30;
    g->rc_min_quantizer = SHARPEST;
    g->rc_max_quantizer = COARSEST;
    g->rc_undershoot_pct = 50;
    g->rc_overshoot_pct = 50;
    g->rc_buf_initial_sz = 500;
    g->rc_buf_optimal_sz = 600;
    g->rc_buf_sz = 1000;
    g->ss_number_layers = e->conf.layers;
    g->ts_number_layers = e->conf.temporal;
    g->temporal_layering_mode = e->conf.temporal == 3   ? VP9E_TEMPORAL_LAYERING_MODE_0212
                                : e->conf.temporal == 2 ? VP9E_TEMPORAL_LAYERING_MODE_0101
                                                        : VP9E_TEMPORAL_LAYERING_MODE_NOLAYERING;
    for (unsigned t = 0; t < e->conf.temporal; t++)
        g->ts_rate_decimator[t] = 1u << (e->conf.temporal - 1 - t);
    put_rates(e);
}

/* Faster is hardly worse on small pictures, and they hardly take time (bench_svc). */
static int speed_of(const struct vp9enc *e, unsigned sid)
{
    const unsigned down = e->conf.layers - 1 - sid;
    const int pixels = (e->conf.width >> down) * (e->conf.height >> down);
    return pixels < 320 * 240 ? 7 : 8;
}

static void layer_params(const struct vp9enc *e, vpx_svc_extra_cfg_t *x)
{
    *x = (vpx_svc_extra_cfg_t){.temporal_layering_mode = e->cfg.temporal_layering_mode};
    for (unsigned i = 0; i < e->conf.layers; i++) {
        x->scaling_factor_num[i] = 1;
        x->scaling_factor_den[i] = 1 << (e->conf.layers - 1 - i);
        x->speed_per_layer[i] = speed_of(e, i);
    }
    for (unsigned i = 0; i < e->conf.layers * e->conf.temporal; i++) { /* of each pair of layers */
        x->max_quantizers[i] = COARSEST;
        x->min_quantizers[i] = SHARPEST;
    }
}

/* A picture is dropped in all its layers or in none: what goes out of one is whole. */
static bool put_controls(struct vp9enc *e)
{
    vpx_codec_ctx_t *const c = &e->codec;
    vpx_svc_extra_cfg_t x;
    vpx_svc_frame_drop_t drop = {.framedrop_mode = FULL_SUPERFRAME_DROP, .max_consec_drop = 4};
    layer_params(e, &x);
    for (unsigned i = 0; i < e->conf.layers; i++)
        drop.framedrop_thresh[i] = 30;
    return !vpx_codec_control(c, VP8E_SET_CPUUSED, 8) && !vpx_codec_control(c, VP9E_SET_SVC, 1) &&
           !vpx_codec_control(c, VP9E_SET_SVC_PARAMETERS, &x) &&
           !vpx_codec_control(c, VP9E_SET_SVC_INTER_LAYER_PRED, 2) &&
           !vpx_codec_control(c, VP9E_SET_SVC_FRAME_DROP_LAYER, &drop) &&
           !vpx_codec_control(c, VP9E_SET_AQ_MODE, 3u) &&
           !vpx_codec_control(c, VP9E_SET_ROW_MT, 0u) &&
           !vpx_codec_control(c, VP9E_SET_TILE_COLUMNS, 0) &&
           !vpx_codec_control(c, VP8E_SET_MAX_INTRA_BITRATE_PCT, 30 * e->conf.fps) &&
           !vpx_codec_control(c, VP8E_SET_STATIC_THRESHOLD, 1u);
}

static void take(vpx_codec_cx_pkt_t *p, void *user);

static enum err open_codec(struct vp9enc *e)
{
    if (vpx_codec_enc_config_default(vpx_codec_vp9_cx(), &e->cfg, 0) != VPX_CODEC_OK)
        return E_STATE;
    put_cfg(e);
    const vpx_codec_err_t rc = vpx_codec_enc_init(&e->codec, vpx_codec_vp9_cx(), &e->cfg, 0);
    if (rc != VPX_CODEC_OK)
        return rc == VPX_CODEC_MEM_ERROR ? E_NOMEM : E_STATE;
    e->open = true;
    vpx_codec_priv_output_cx_pkt_cb_pair_t cb = {take, e};
    if (vpx_codec_control(&e->codec, VP9E_REGISTER_CX_CALLBACK, &cb) != VPX_CODEC_OK)
        return E_STATE;
    return put_controls(e) ? OK : E_STATE;
}

enum err vp9enc_new(struct vp9enc **out, const struct vp9enc_conf *conf)
{
    if (!conf_ok(conf))
        return E_FORMAT;
    struct vp9enc *e = calloc(1, sizeof *e);
    if (!e)
        return E_NOMEM;
    e->conf = *conf;
    e->want_key = true;
    e->cap = i420_bytes(conf->width, conf->height);
    e->scaled = malloc(e->cap);
    e->bytes = malloc(e->cap);
    const enum err rc = e->scaled && e->bytes ? open_codec(e) : E_NOMEM;
    if (rc != OK)
        vp9enc_free(&e);
    *out = e;
    return rc;
}

void vp9enc_free(struct vp9enc **e)
{
    if (!*e)
        return;
    if ((*e)->open)
        (void)vpx_codec_destroy(&(*e)->codec);
    free((*e)->scaled);
    free((*e)->bytes);
    free(*e);
    *e = NULL;
}

void vp9enc_want_key(struct vp9enc *e)
{
    e->want_key = true;
}

enum err vp9enc_set_rate(struct vp9enc *e, unsigned layer, uint32_t bps)
{
    const unsigned before = e->on;
    if (layer >= e->conf.layers)
        return E_FORMAT;
    e->conf.bps[layer] = bps;
    put_rates(e);
    if (e->on > before)
        e->want_key = true;
    return vpx_codec_enc_config_set(&e->codec, &e->cfg) == VPX_CODEC_OK ? OK : E_STATE;
}

/* ---- what a layer was predicted from, by what libvpx says of its buffers */

static void add_ref(struct vp9_desc *d, const struct vp9enc *e, int slot)
{
    const unsigned back = e->count - e->in_slot[slot];
    if (back == 0)
        d->inter_layer = true;
    if (back == 0 || back > BACK_MAX || memchr(d->ref, (int)back, d->refs))
        return;
    d->ref[d->refs++] = (uint8_t)back;
}

static bool find_refs(struct vp9enc *e, struct vp9_desc *d, bool key)
{
    vpx_svc_ref_frame_config_t c;
    if (vpx_codec_control(&e->codec, VP9E_GET_SVC_REF_FRAME_CONFIG, &c) != VPX_CODEC_OK)
        return false;
    const unsigned sid = d->sid;
    const bool intra = key && sid == 0;
    if (!intra && c.reference_last[sid])
        add_ref(d, e, c.lst_fb_idx[sid]);
    if (!intra && c.reference_golden[sid])
        add_ref(d, e, c.gld_fb_idx[sid]);
    if (!intra && c.reference_alt_ref[sid])
        add_ref(d, e, c.alt_fb_idx[sid]);
    for (int i = 0; i < SLOTS; i++)
        if (intra || c.update_buffer_slot[sid] & 1 << i)
            e->in_slot[i] = e->count;
    d->refs = key ? 0 : d->refs; /* what stands in the buffers from before is not used */
    d->inter = d->refs > 0;
    d->inter_layer &= key && sid > 0;
    return true;
}

static void describe_sizes(const struct vp9enc *e, struct vp9_ss *ss)
{
    ss->layers = (uint8_t)e->on;
    ss->sized = true;
    for (unsigned i = 0; i < e->on; i++) {
        ss->width[i] = (uint16_t)(e->conf.width >> (e->conf.layers - 1 - i));
        ss->height[i] = (uint16_t)(e->conf.height >> (e->conf.layers - 1 - i));
    }
}

/* 0212: the second picture of four, and the third, need only the first. */
static bool switches_up(const struct vp9enc *e, unsigned tid)
{
    return tid > 0 && (e->conf.temporal < 3 || tid == 1 || (e->count - e->key_at) % 4 == 1);
}

static bool describe(struct vp9enc *e, const vpx_svc_layer_id_t *id, bool key, struct vp9_desc *d)
{
    *d = (struct vp9_desc){.flexible = true,
                           .has_pid = true,
                           .pid_long = true,
                           .has_layers = true,
                           .sid = (uint8_t)id->spatial_layer_id,
                           .tid = (uint8_t)id->temporal_layer_id};
    d->picture_id = (uint16_t)((e->conf.first_picture_id + e->count) & 0x7fff);
    d->no_upper = !key || d->sid + 1u >= e->on;
    if (key && d->sid == 0) {
        e->key_at = e->count;
        describe_sizes(e, &d->ss);
    }
    d->switch_up = switches_up(e, d->tid);
    return find_refs(e, d, key);
}

/* libvpx gives each layer as it is done, in memory that the next one takes. */
static void take(vpx_codec_cx_pkt_t *p, void *user)
{
    struct vp9enc *const e = user;
    vpx_svc_layer_id_t id;
    struct vp9enc_out *const out = e->out;
    if (p->kind != VPX_CODEC_CX_FRAME_PKT || p->data.frame.sz == 0)
        return;
    if (out->n == VP9ENC_SIDS || p->data.frame.sz > e->cap - e->used ||
        vpx_codec_control(&e->codec, VP9E_GET_SVC_LAYER_ID, &id) != VPX_CODEC_OK) {
        e->full = true;
        return;
    }
    const unsigned down = e->conf.layers - 1 - (unsigned)id.spatial_layer_id;
    struct vp9enc_frame *const f = &out->frame[out->n];
    *f = (struct vp9enc_frame){.data = e->bytes + e->used,
                               .len = p->data.frame.sz,
                               .width = (uint16_t)(e->conf.width >> down),
                               .height = (uint16_t)(e->conf.height >> down)};
    f->key = out->n ? out->frame[0].key : (p->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
    memcpy(e->bytes + e->used, p->data.frame.buf, f->len);
    e->used += f->len;
    out->n++;
    e->full |= !describe(e, &id, f->key, &f->desc);
}

static enum err encode(struct vp9enc *e, const struct i420 *pic)
{
    const vpx_image_t img = vpxenc_image(pic);
    e->clock += e->pace.interval;
    e->used = 0;
    e->full = false;
    const vpx_codec_err_t rc =
        vpx_codec_encode(&e->codec, &img, e->clock, (unsigned long)e->pace.interval,
                         e->want_key ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME);
    return rc == VPX_CODEC_OK && !e->full ? OK : E_STATE;
}

enum err vp9enc_encode(struct vp9enc *e, const struct i420 *pic, usec at, struct vp9enc_out *out)
{
    out->n = 0;
    if (!vpxenc_picture_ok(pic) || !vpxpace_in_order(&e->pace, at))
        return E_FORMAT;
    if (!vpxpace_takes(&e->pace, e->conf.fps, at))
        return OK;
    vpxpace_keep(&e->pace, at);
    e->out = out;
    const struct i420 scaled = vpxenc_scale(e->scaled, e->conf.width, e->conf.height, pic);
    const enum err rc = encode(e, &scaled);
    if (rc != OK) {
        out->n = 0;
        e->want_key = true;
        return rc;
    }
    if (out->n == 0)
        return OK;
    out->frame[out->n - 1].last = true;
    e->want_key &= !out->frame[0].key;
    e->count++;
    return OK;
}
