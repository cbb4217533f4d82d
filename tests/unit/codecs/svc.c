#include "tests/unit/codecs/svc.h"

#include "engine/base/bytes.h"
#include "engine/wire/vp9.h"
#include "tests/unit/codecs/pictures.h"

#include <stdlib.h>
#include <string.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

struct svc {
    struct svc_conf conf;
    vpx_codec_ctx_t codec;
    struct canvas canvas;
    unsigned t;
    uint8_t tl0;
    unsigned tid;
    bool key;
    unsigned key_t;      /* where the round of temporal layers began */
    unsigned in_slot[8]; /* picture that each reference buffer holds */
    struct svc_picture *out;
};

/* What the layer was predicted from, by what the encoder says of its buffers. */
struct refs {
    uint8_t diff[3];
    unsigned n;
    bool below;
};

static void add_ref(struct refs *r, const struct svc *s, int slot)
{
    const unsigned back = s->t - s->in_slot[slot];
    r->below |= back == 0;
    for (unsigned i = 0; i < r->n; i++)
        if (r->diff[i] == back)
            return;
    if (back > 0)
        r->diff[r->n++] = (uint8_t)back;
}

static struct refs refs_of(struct svc *s, int sid)
{
    vpx_svc_ref_frame_config_t c;
    struct refs r = {0};
    assert(vpx_codec_control(&s->codec, VP9E_GET_SVC_REF_FRAME_CONFIG, &c) == VPX_CODEC_OK);
    const bool base = s->key && sid == 0;
    if (!base && c.reference_last[sid])
        add_ref(&r, s, c.lst_fb_idx[sid]);
    if (!base && c.reference_golden[sid])
        add_ref(&r, s, c.gld_fb_idx[sid]);
    if (!base && c.reference_alt_ref[sid])
        add_ref(&r, s, c.alt_fb_idx[sid]);
    for (int i = 0; i < 8; i++)
        if (base || c.update_buffer_slot[sid] & 1 << i)
            s->in_slot[i] = s->t;
    if (s->key) /* what stands in the buffers from before is not used */
        r.n = 0;
    r.below &= sid > 0 && (s->key || !s->conf.key_only);
    return r;
}

/* RFC 9628 4.2.1 */
static void describe_sizes(const struct svc *s, struct writer *w)
{
    write_u8(w, (uint8_t)((s->conf.sids - 1) << 5 | 0x10));
    for (unsigned i = s->conf.sids; i-- > 0;) {
        write_u16(w, (uint16_t)(s->conf.width >> i));
        write_u16(w, (uint16_t)(s->conf.height >> i));
    }
}

/* RFC 9628 4.2 */
static size_t describe(const struct svc *s, unsigned sid, const struct refs *r, uint8_t *out)
{
    struct writer w = writer_of(out, 32);
    const bool inter = !s->key && r->n > 0;
    const bool top = sid + 1 == s->conf.sids;
    write_u8(&w, (uint8_t)(0x80 | (inter ? 0x40 : 0) | 0x20 | (s->conf.flexible ? 0x10 : 0) | 0x0c |
                           (s->key && sid == 0 ? 2 : 0) |
                           (top || (s->conf.key_only && !s->key) ? 1 : 0)));
    write_u16(&w, (uint16_t)(0x8000 | (s->t + 0x7ff0))); /* wraps soon */
    /* 0212: the second layer, and the first picture of the third, need only the first */
    const bool sync = s->tid > 0 && (s->t - s->key_t) % 4 != 3;
    write_u8(&w, (uint8_t)(s->tid << 5 | (sync ? 0x10 : 0) | sid << 1 | (r->below ? 1 : 0)));
    if (!s->conf.flexible)
        write_u8(&w, s->tl0);
    for (unsigned i = 0; s->conf.flexible && inter && i < r->n; i++)
        write_u8(&w, (uint8_t)(r->diff[i] << 1 | (i + 1 < r->n)));
    if (s->key && sid == 0)
        describe_sizes(s, &w);
    assert(!w.bad);
    return w.len;
}

static void take(vpx_codec_cx_pkt_t *p, void *user)
{
    struct svc *const s = user;
    vpx_svc_layer_id_t id;
    if (p->kind != VPX_CODEC_CX_FRAME_PKT)
        return;
    assert(vpx_codec_control(&s->codec, VP9E_GET_SVC_LAYER_ID, &id) == VPX_CODEC_OK);
    const unsigned sid = (unsigned)id.spatial_layer_id;
    struct svc_frame *const f = &s->out->layer[sid];
    if (sid == 0) {
        s->tid = (unsigned)id.temporal_layer_id;
        s->key = p->data.frame.flags & VPX_FRAME_IS_KEY;
        s->key_t = s->key ? s->t : s->key_t;
        s->tl0 = (uint8_t)(s->tl0 + (s->tid == 0));
    }
    const struct refs r = refs_of(s, (int)sid);
    f->made = true;
    f->len = describe(s, sid, &r, f->payload);
    assert(f->len + p->data.frame.sz <= SVC_FRAME_MAX);
    memcpy(f->payload + f->len, p->data.frame.buf, p->data.frame.sz);
    f->len += p->data.frame.sz;
}

static void configure(const struct svc_conf *c, vpx_codec_enc_cfg_t *g, vpx_svc_extra_cfg_t *x)
{
    g->g_w = (unsigned)c->width;
    g->g_h = (unsigned)c->height;
    g->g_timebase = (struct vpx_rational){1, 25};
    g->g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
    g->g_lag_in_frames = 0;
    g->g_threads = 1;
    g->rc_end_usage = VPX_CBR;
    g->rc_min_quantizer = 4;
    g->rc_max_quantizer = 52;
    g->kf_mode = VPX_KF_DISABLED;
    g->ss_number_layers = c->sids;
    g->ts_number_layers = c->tids;
    g->temporal_layering_mode = c->tids == 3   ? VP9E_TEMPORAL_LAYERING_MODE_0212
                                : c->tids == 2 ? VP9E_TEMPORAL_LAYERING_MODE_0101
                                               : VP9E_TEMPORAL_LAYERING_MODE_NOLAYERING;
    g->rc_target_bitrate = 0;
    for (unsigned t = 0; t < c->tids; t++)
        g->ts_rate_decimator[t] = 1u << (c->tids - 1 - t);
    for (unsigned i = 0; i < c->sids * c->tids; i++) { /* of each pair of layers */
        x->max_quantizers[i] = 52;
        x->min_quantizers[i] = 4;
    }
    for (unsigned i = 0; i < c->sids; i++) {
        const unsigned kbps = 100u << i;
        x->scaling_factor_num[i] = 1;
        x->scaling_factor_den[i] = 1 << (c->sids - 1 - i);
        x->speed_per_layer[i] = 8;
        g->ss_target_bitrate[i] = kbps;
        g->rc_target_bitrate += kbps;
        for (unsigned t = 0; t < c->tids; t++)
            g->layer_target_bitrate[i * c->tids + t] = kbps * (t + 1) / c->tids;
    }
    for (unsigned t = 0; t < c->tids; t++)
        g->ts_target_bitrate[t] = g->rc_target_bitrate * (t + 1) / c->tids;
    x->temporal_layering_mode = g->temporal_layering_mode;
}

struct svc *svc_new(const struct svc_conf *c)
{
    struct svc *const s = calloc(1, sizeof *s);
    vpx_codec_enc_cfg_t g;
    vpx_svc_extra_cfg_t x = {0};
    assert(s && vpx_codec_enc_config_default(vpx_codec_vp9_cx(), &g, 0) == VPX_CODEC_OK);
    s->conf = *c;
    configure(c, &g, &x);
    canvas_init(&s->canvas, c->width, c->height);
    assert(vpx_codec_enc_init(&s->codec, vpx_codec_vp9_cx(), &g, 0) == VPX_CODEC_OK);
    vpx_codec_priv_output_cx_pkt_cb_pair_t cb = {take, s};
    assert(vpx_codec_control(&s->codec, VP9E_REGISTER_CX_CALLBACK, &cb) == VPX_CODEC_OK);
    assert(vpx_codec_control(&s->codec, VP9E_SET_SVC, 1) == VPX_CODEC_OK);
    assert(vpx_codec_control(&s->codec, VP9E_SET_SVC_PARAMETERS, &x) == VPX_CODEC_OK);
    assert(vpx_codec_control(&s->codec, VP8E_SET_CPUUSED, 8) == VPX_CODEC_OK);
    assert(vpx_codec_control(&s->codec, VP9E_SET_SVC_INTER_LAYER_PRED, c->key_only ? 2 : 0) ==
           VPX_CODEC_OK);
    return s;
}

void svc_free(struct svc *s)
{
    canvas_fini(&s->canvas);
    vpx_codec_destroy(&s->codec);
    free(s);
}

void svc_next(struct svc *s, bool key, struct svc_picture *out)
{
    vpx_image_t img;
    paint_film(&s->canvas, s->t);
    const struct i420 *const p = &s->canvas.pic; /* without gaps, as libvpx takes it to be */
    assert(vpx_img_wrap(&img, VPX_IMG_FMT_I420, (unsigned)p->width, (unsigned)p->height, 1,
                        s->canvas.bytes));
    for (unsigned i = 0; i < SVC_SIDS; i++)
        out->layer[i].made = false;
    s->out = out;
    assert(vpx_codec_encode(&s->codec, &img, s->t, 1, key ? VPX_EFLAG_FORCE_KF : 0,
                            VPX_DL_REALTIME) == VPX_CODEC_OK);
    s->t++;
}

struct svc_view {
    vpx_codec_ctx_t codec;
};

struct svc_view *svc_view_new(int sid)
{
    struct svc_view *const v = calloc(1, sizeof *v);
    assert(v && vpx_codec_dec_init(&v->codec, vpx_codec_vp9_dx(), NULL, 0) == VPX_CODEC_OK);
    if (sid >= 0)
        assert(vpx_codec_control(&v->codec, VP9_DECODE_SVC_SPATIAL_LAYER, sid) == VPX_CODEC_OK);
    return v;
}

void svc_view_free(struct svc_view *v)
{
    vpx_codec_destroy(&v->codec);
    free(v);
}

uint64_t svc_view_show(struct svc_view *v, const uint8_t *data, size_t len)
{
    vpx_codec_iter_t iter = NULL;
    int corrupted = 0;
    if (vpx_codec_decode(&v->codec, data, (unsigned)len, NULL, 0) != VPX_CODEC_OK ||
        vpx_codec_control(&v->codec, VP8D_GET_FRAME_CORRUPTED, &corrupted) != VPX_CODEC_OK ||
        corrupted)
        return 0;
    const vpx_image_t *const img = vpx_codec_get_frame(&v->codec, &iter);
    if (!img)
        return 0;
    struct i420 p = {.width = (int)img->d_w, .height = (int)img->d_h};
    for (int i = 0; i < 3; i++) {
        p.plane[i] = img->planes[i];
        p.stride[i] = img->stride[i];
    }
    return picture_hash(&p);
}
