#include "engine/wire/video.h"

#include "engine/base/bytes.h"
#include "engine/wire/vp8.h"

#include <string.h>

bool video_desc_vp8(const void *payload, size_t len, struct video_desc *d)
{
    struct vp8_desc v;
    if (!vp8_desc_parse(payload, len, &v))
        return false;
    *d = (struct video_desc){.start = vp8_starts_frame(&v),
                             .key = vp8_starts_key(payload, len, &v),
                             .sync = v.sync,
                             /* layer 0 may be missed, and TL0PICIDX does not always tell */
                             .gapless = v.tid > 0 || (v.non_ref && !v.has_tl0),
                             .tid = v.tid,
                             .has_pid = v.has_pid,
                             .pid_long = v.pid_long,
                             .has_tl0 = v.has_tl0,
                             .tl0picidx = v.tl0picidx,
                             .pid_off = v.pid_off,
                             .tl0_off = v.tl0_off,
                             .picture_id = v.picture_id,
                             .len = v.len};
    return true;
}

bool video_desc_vp9(const void *payload, size_t len, struct video_desc *d)
{
    struct vp9_desc v;
    if (!vp9_desc_parse(payload, len, &v))
        return false;
    *d = (struct video_desc){.start = v.start && v.sid == 0,
                             .key = vp9_starts_key(&v),
                             .end = v.end,
                             .sync = v.switch_up,
                             .sid = v.sid,
                             .tid = v.tid,
                             .refs = v.refs,
                             .has_pid = v.has_pid,
                             .pid_long = v.pid_long,
                             .has_tl0 = v.has_tl0,
                             .tl0picidx = v.tl0picidx,
                             .pid_off = v.pid_off,
                             .tl0_off = v.tl0_off,
                             .picture_id = v.picture_id,
                             .len = v.len};
    memcpy(d->ref, v.ref, sizeof d->ref);
    return true;
}

/* A picture that one of its layers needs, once; itself is none. False: more than there is room. */
static bool add_ref(const struct video_deps *v, struct video_desc *d, uint16_t frame)
{
    const unsigned at = frame % VIDEO_FRAMES;
    const bool known = v->frames[at].known && v->frames[at].frame == frame;
    const unsigned back = (d->picture_id - v->frames[at].picture_id) & video_pid_mask(d);
    const uint8_t ref = known && back < VIDEO_FAR ? (uint8_t)back : VIDEO_FAR;
    if (ref == 0 || memchr(d->ref, ref, d->refs))
        return true;
    if (d->refs == VP9_REFS)
        return false;
    d->ref[d->refs++] = ref;
    return true;
}

static void take_active(struct video_deps *v, const struct depdesc *f, uint32_t ext_seq)
{
    if (!f->has_active || (v->sids && (int32_t)(ext_seq - v->active_since) < 0))
        return;
    v->active_since = ext_seq;
    v->sids = 1;
    for (unsigned i = 0; i < v->structure.targets; i++)
        if (f->active >> i & 1 && v->structure.target_sid[i] >= v->sids)
            v->sids = v->structure.target_sid[i] + 1;
}

/* The structure of a key frame that comes late is for nothing but itself. */
static bool read_frame(struct video_deps *v, const void *ext, size_t len, uint32_t ext_seq,
                       struct depdesc *f)
{
    if (v->structure.templates && (int32_t)(ext_seq - v->since) < 0) {
        struct depdesc_structure old = v->structure;
        return depdesc_parse(ext, len, &old, f);
    }
    if (!depdesc_parse(ext, len, &v->structure, f))
        return false;
    v->since = f->has_structure ? ext_seq : v->since;
    take_active(v, f, ext_seq);
    return true;
}

bool video_desc_deps(struct video_deps *v, const void *ext, size_t len, uint32_t ext_seq,
                     struct video_desc *d)
{
    struct depdesc f;
    struct video_desc out = *d;
    if (!read_frame(v, ext, len, ext_seq, &f))
        return false;
    out.start = f.start && f.sid == 0;
    out.key = out.start && f.refs == 0;
    out.end = f.end;
    out.sid = f.sid;
    out.tid = f.tid;
    out.refs = 0;
    for (unsigned i = 0; d->has_pid && i < f.refs; i++)
        if (!add_ref(v, &out, (uint16_t)(f.frame - f.fdiff[i])))
            return false;
    v->frames[f.frame % VIDEO_FRAMES].frame = f.frame;
    v->frames[f.frame % VIDEO_FRAMES].picture_id = d->picture_id;
    v->frames[f.frame % VIDEO_FRAMES].known = d->has_pid;
    *d = out;
    return true;
}

size_t video_patch(const struct pkt_rtp *in, const uint8_t *payload, uint16_t picture_id,
                   uint8_t tl0picidx, uint8_t *out)
{
    const size_t pid_end = in->pid_off ? in->pid_off + 1u + in->pid_long : 0;
    const size_t n = in->tl0_off ? in->tl0_off + 1u : pid_end; /* it stands behind the picture id */
    assert(n <= VIDEO_PATCH_MAX);
    memcpy(out, payload, n);
    if (in->pid_long)
        put_be16(out + in->pid_off, (uint16_t)(0x8000 | picture_id));
    else if (in->pid_off)
        out[in->pid_off] = (uint8_t)(picture_id & 0x7f);
    if (in->tl0_off)
        out[in->tl0_off] = tl0picidx;
    return n;
}
