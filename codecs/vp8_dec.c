#include "codecs/vp8_dec.h"

#include "codecs/vpx_dec.h"

#include <stdlib.h>
#include <vpx/vp8dx.h>

#define TIDS 4
#define PID_JUMP_MAX 64 /* pictures between two of layer 0 are fewer; TL0PICIDX wraps at 256 */

struct vp8dec {
    struct vpxdec vpx;
    bool whole;      /* every reference of layer 0 is as the sender has it */
    bool held[TIDS]; /* likewise of this temporal layer */
    uint8_t tl0picidx;
    uint16_t picture_id; /* of the last frame seen */
    struct vp8dec_stat stat;
};

enum err vp8dec_new(struct vp8dec **out, unsigned threads)
{
    struct vp8dec *d = calloc(1, sizeof(*d));
    if (!d)
        return E_NOMEM;
    const enum err rc = vpxdec_open(&d->vpx, vpx_codec_vp8_dx(), threads);
    if (rc != OK) {
        vp8dec_free(&d);
        return rc;
    }
    *out = d;
    return OK;
}

void vp8dec_free(struct vp8dec **d)
{
    if (!*d)
        return;
    vpxdec_close(&(*d)->vpx);
    free(*d);
    *d = NULL;
}

void vp8dec_forget(struct vp8dec *d)
{
    d->whole = false;
}

bool vp8dec_wants_key(const struct vp8dec *d)
{
    return !d->whole;
}

struct vp8dec_stat vp8dec_stat(const struct vp8dec *d)
{
    return d->stat;
}

static void hold_upper(struct vp8dec *d, bool held)
{
    for (unsigned t = 1; t < TIDS; t++)
        d->held[t] = held;
}

/* How many picture ids lie between the last frame and this one; 0 for the one that follows. */
static unsigned pids_skipped(const struct vp8dec *d, const struct vp8_desc *desc)
{
    return (unsigned)(desc->picture_id - d->picture_id - 1) & vp8_pid_mask(desc);
}

static bool hole_before(const struct vp8dec *d, const struct vp8frame *f)
{
    return f->desc.has_pid ? pids_skipped(d, &f->desc) > 0 : f->gap;
}

/* Does f fit on what was decoded? Layer 0 uses only layer 0, and TL0PICIDX counts its frames. */
enum fit { FITS, LEAVE_OUT, BROKEN };

static enum fit fit_base(const struct vp8dec *d, const struct vp8frame *f)
{
    if (f->desc.tl0picidx != (uint8_t)(d->tl0picidx + 1))
        return BROKEN;
    /* A hole of exactly 256 base frames looks like none. */
    if (f->desc.has_pid && f->desc.pid_long && pids_skipped(d, &f->desc) > PID_JUMP_MAX)
        return BROKEN;
    return FITS;
}

static enum fit fit_upper(struct vp8dec *d, const struct vp8frame *f)
{
    const uint8_t behind = (uint8_t)(d->tl0picidx - f->desc.tl0picidx);
    if (behind != 0) /* older than our base, or of a base that never came */
        return behind < 128 ? LEAVE_OUT : BROKEN;
    if (f->desc.sync)
        return FITS;
    for (unsigned t = 1; t <= f->desc.tid; t++) {
        if (!d->held[t])
            return LEAVE_OUT;
    }
    return FITS;
}

static enum fit fit_of(struct vp8dec *d, const struct vp8frame *f)
{
    if (f->key)
        return FITS;
    if (!d->whole)
        return BROKEN;
    const bool hole = hole_before(d, f);
    if (!f->desc.has_tl0 || !f->desc.has_tid)
        return hole ? BROKEN : FITS;
    if (hole)
        hold_upper(d, false);
    return f->desc.tid == 0 ? fit_base(d, f) : fit_upper(d, f);
}

/* What is known after a frame was decoded. */
static void note(struct vp8dec *d, const struct vp8frame *f)
{
    if (f->key) {
        d->whole = true;
        hold_upper(d, true);
    }
    if (f->key || f->desc.tid == 0)
        d->tl0picidx = f->desc.tl0picidx;
    if (f->desc.tid > 0 && f->desc.sync)
        d->held[f->desc.tid] = true;
}

static bool head_ok(const struct vp8frame *f)
{
    struct vp8_head h;
    return vp8_head_parse(f->data, f->len, &h) && h.key == f->key &&
           (uint32_t)h.width * h.height <= VP8DEC_PIXELS_MAX;
}

static enum vp8dec_result broken(struct vp8dec *d, uint64_t *count)
{
    (*count)++;
    d->whole = false;
    return VP8DEC_WANT_KEY;
}

enum vp8dec_result vp8dec_put(struct vp8dec *d, const struct vp8frame *f, struct i420 *pic)
{
    const enum fit fit = fit_of(d, f);
    if (f->desc.has_pid)
        d->picture_id = f->desc.picture_id;
    if (fit == BROKEN)
        return broken(d, &d->stat.waited);
    if (fit == LEAVE_OUT) {
        d->stat.left_out++;
        return VP8DEC_NOTHING;
    }
    if (!head_ok(f) || !vpxdec_decode(&d->vpx, f->data, f->len))
        return broken(d, &d->stat.refused);
    note(d, f);
    if (!vpxdec_picture(&d->vpx, pic))
        return VP8DEC_NOTHING;
    d->stat.pictures++;
    return VP8DEC_PICTURE;
}
