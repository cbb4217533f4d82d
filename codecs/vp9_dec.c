#include "codecs/vp9_dec.h"

#include "codecs/vpx_dec.h"

#include <stdlib.h>
#include <vpx/vp8dx.h>

#define TIDS 8
#define WINDOW 64u

struct vp9dec {
    struct vpxdec vpx;
    bool whole;      /* every reference of layer 0 is as the sender has it */
    bool held[TIDS]; /* likewise of this temporal layer */
    bool hole;       /* pictures were left out or lost before this one */
    uint64_t has;    /* decoded: bit n = n picture ids before the newest */
    uint16_t picture_id;
    uint8_t tl0picidx;
    struct vp8dec_stat stat;
};

enum err vp9dec_new(struct vp9dec **out, unsigned threads)
{
    struct vp9dec *d = calloc(1, sizeof(*d));
    if (!d)
        return E_NOMEM;
    const enum err rc = vpxdec_open(&d->vpx, vpx_codec_vp9_dx(), threads);
    if (rc != OK) {
        vp9dec_free(&d);
        return rc;
    }
    *out = d;
    return OK;
}

void vp9dec_free(struct vp9dec **d)
{
    if (!*d)
        return;
    vpxdec_close(&(*d)->vpx);
    free(*d);
    *d = NULL;
}

void vp9dec_forget(struct vp9dec *d)
{
    d->whole = false;
}

bool vp9dec_wants_key(const struct vp9dec *d)
{
    return !d->whole;
}

struct vp8dec_stat vp9dec_stat(const struct vp9dec *d)
{
    return d->stat;
}

static void turn(struct vp9dec *d, const struct vp8frame *f)
{
    const struct video_desc *const v = &f->video;
    const unsigned step = v->has_pid ? (v->picture_id - d->picture_id) & video_pid_mask(v) : 1;
    d->hole = v->has_pid ? step != 1 : f->gap;
    d->has = step < WINDOW ? d->has << step : 0;
    d->picture_id = v->picture_id;
}

enum fit { FITS, LEAVE_OUT, BROKEN };

static enum fit missing(const struct video_desc *v)
{
    return v->tid > 0 ? LEAVE_OUT : BROKEN;
}

static enum fit fit_references(const struct vp9dec *d, const struct video_desc *v)
{
    for (unsigned i = 0; i < v->refs; i++)
        if (v->ref[i] >= WINDOW || !(d->has >> v->ref[i] & 1))
            return missing(v);
    return FITS;
}

/* Layer 0 uses only layer 0, and TL0PICIDX counts its pictures. */
static enum fit fit_counted(struct vp9dec *d, const struct video_desc *v)
{
    for (unsigned t = 1; d->hole && t < TIDS; t++)
        d->held[t] = false;
    if (v->tid == 0)
        return v->tl0picidx == (uint8_t)(d->tl0picidx + 1) ? FITS : BROKEN;
    if (v->tl0picidx != d->tl0picidx)
        return (uint8_t)(d->tl0picidx - v->tl0picidx) < 128 ? LEAVE_OUT : BROKEN;
    for (unsigned t = 1; !v->sync && t <= v->tid; t++)
        if (!d->held[t])
            return LEAVE_OUT;
    return FITS;
}

static enum fit fit_of(struct vp9dec *d, const struct vp8frame *f)
{
    const struct video_desc *const v = &f->video;
    if (f->key)
        return FITS;
    if (!d->whole)
        return BROKEN;
    if (v->has_pid && v->refs > 0)
        return fit_references(d, v);
    if (v->has_tl0)
        return fit_counted(d, v);
    return d->hole ? BROKEN : FITS;
}

static void note(struct vp9dec *d, const struct vp8frame *f)
{
    const struct video_desc *const v = &f->video;
    d->has = f->key ? 1 : d->has | 1;
    d->whole = true;
    for (unsigned t = 1; f->key && t < TIDS; t++)
        d->held[t] = true;
    if (v->tid == 0)
        d->tl0picidx = v->tl0picidx;
    else if (v->sync)
        d->held[v->tid] = true;
}

/* Nothing is allocated for a picture that claims to be huge. */
static bool size_ok(const struct vp8frame *f)
{
    vpx_codec_stream_info_t si = {.sz = sizeof si};
    if (!f->key)
        return true;
    return vpx_codec_peek_stream_info(vpx_codec_vp9_dx(), f->data, (unsigned)f->len, &si) ==
               VPX_CODEC_OK &&
           (uint64_t)si.w * si.h <= VP8DEC_PIXELS_MAX;
}

static enum vp8dec_result broken(struct vp9dec *d, uint64_t *count)
{
    (*count)++;
    d->whole = false;
    return VP8DEC_WANT_KEY;
}

enum vp8dec_result vp9dec_put(struct vp9dec *d, const struct vp8frame *f, struct i420 *pic)
{
    turn(d, f);
    const enum fit fit = fit_of(d, f);
    if (fit == BROKEN)
        return broken(d, &d->stat.waited);
    if (fit == LEAVE_OUT) {
        d->stat.left_out++;
        return VP8DEC_NOTHING;
    }
    if (!size_ok(f) || !vpxdec_decode(&d->vpx, f->data, f->len))
        return broken(d, &d->stat.refused);
    note(d, f);
    if (!vpxdec_picture(&d->vpx, pic))
        return VP8DEC_NOTHING;
    d->stat.pictures++;
    return VP8DEC_PICTURE;
}
