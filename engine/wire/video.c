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
