/* fuzz_vp9_desc.c - any bytes as a VP9 payload: refused, or read within bounds and patched. */
#include "engine/wire/video.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a sender of ours could have meant is written, and read as the same. */
static void write_back(const struct vp9_desc *d)
{
    uint8_t out[VP9_DESC_MAX + 1] = {0};
    struct vp9_desc again;
    if (!d->has_pid || !d->has_layers || (d->flexible && d->inter != (d->refs > 0)))
        return;
    const size_t n = vp9_desc_write(d, out, VP9_DESC_MAX);
    assert(n > 0 && vp9_desc_parse(out, n + 1, &again) && again.len == n);
    assert(again.picture_id == d->picture_id && again.sid == d->sid && again.tid == d->tid);
    assert(again.refs == d->refs && memcmp(again.ref, d->ref, sizeof d->ref) == 0);
    assert(again.ss.layers == d->ss.layers && again.start == d->start && again.end == d->end);
}

static void check(uint8_t *p, size_t n)
{
    struct vp9_desc d;
    if (!vp9_desc_parse(p, n, &d))
        return;
    assert(d.len >= 1 && d.len < n);
    assert(d.refs <= VP9_REFS && d.ss.layers <= VP9_LAYERS && d.tid < 8 && d.sid < 8);
    assert(d.picture_id <= vp9_pid_mask(&d));
    assert(!vp9_starts_key(&d) || !d.inter);

    write_back(&d);
    struct vp9_desc after;
    struct video_desc v;
    struct pkt_rtp in = {0};
    uint8_t head[VIDEO_PATCH_MAX];
    assert(video_desc_vp9(p, n, &v) && v.len == d.len);
    video_note(&in, &v);
    const size_t patched = video_patch(&in, p, 0x2345, 0x67, head);
    assert(patched <= d.len);
    memcpy(p, head, patched);
    assert(vp9_desc_parse(p, n, &after) && after.len == d.len);
    assert(!d.has_pid || after.picture_id == (0x2345 & vp9_pid_mask(&d)));
    assert(!d.has_tl0 || after.tl0picidx == 0x67);
    assert(after.refs == d.refs && after.ss.layers == d.ss.layers && after.tid == d.tid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *const block = malloc(size ? size : 1); /* exact, so that a read past it is seen */
    if (!block)
        return 0;
    if (size)
        memcpy(block, data, size);
    check(block, size);
    free(block);
    return 0;
}
