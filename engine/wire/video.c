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

void video_patch(uint8_t *payload, const struct video_desc *d, uint16_t picture_id,
                 uint8_t tl0picidx)
{
    if (d->has_pid && d->pid_long)
        put_be16(payload + d->pid_off, (uint16_t)(0x8000 | picture_id));
    else if (d->has_pid)
        payload[d->pid_off] = (uint8_t)(picture_id & 0x7f);
    if (d->has_tl0)
        payload[d->tl0_off] = tl0picidx;
}
