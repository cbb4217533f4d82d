/* fuzz_vp8_desc.c - any bytes as VP8 payloads: read, patched, written back, joined to frames. */
#include "codecs/vp8_payload.h"
#include "engine/base/bytes.h"
#include "engine/wire/video.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *exact(const uint8_t *p, size_t n)
{
    uint8_t *const block = malloc(n ? n : 1);
    if (block && n)
        memcpy(block, p, n);
    return block;
}

static void patch(uint8_t *p, size_t n, const struct vp8_desc *d)
{
    struct vp8_desc after;
    struct video_desc v;
    struct pkt_rtp in = {0};
    uint8_t head[VIDEO_PATCH_MAX];
    assert(video_desc_vp8(p, n, &v) && v.len == d->len);
    video_note(&in, &v);
    const size_t patched = video_patch(&in, p, 0x1234, 0x56, head);
    assert(patched <= d->len);
    memcpy(p, head, patched);
    assert(vp8_desc_parse(p, n, &after) && after.len == d->len);
    assert(!d->has_pid || after.picture_id == (0x1234 & vp8_pid_mask(d)));
    assert(!d->has_tl0 || after.tl0picidx == 0x56);
    assert(after.tid == d->tid && after.sync == d->sync);
    assert(after.keyidx == d->keyidx && after.start == d->start && after.part == d->part);
}

static void read_back(uint8_t *p, size_t n)
{
    struct vp8_desc d;
    if (!vp8_desc_parse(p, n, &d))
        return;
    assert(d.len >= 1 && d.len <= VP8_DESC_MAX && d.len < n);
    (void)vp8_starts_key(p, n, &d);
    struct vp8_head h;
    if (vp8_head_parse(p + d.len, n - d.len, &h))
        assert(!h.key || (h.width > 0 && h.height > 0));

    uint8_t out[VP8_DESC_MAX + 1] = {0};
    struct vp8_desc copy = d;
    struct vp8_desc again;
    assert(vp8_desc_write(&copy, out, VP8_DESC_MAX) <= d.len); /* an empty extension goes away */
    assert(vp8_desc_parse(out, copy.len + 1u, &again));
    assert(again.picture_id == d.picture_id && again.pid_long == d.pid_long);
    assert(again.tl0picidx == d.tl0picidx && again.tid == d.tid && again.sync == d.sync);
    assert(again.keyidx == d.keyidx && again.start == d.start && again.part == d.part);
    patch(p, n, &d);
}

/* The input as a script: a byte of flags, one of length, then a payload of that length. */
static void join(const uint8_t *data, size_t size)
{
    uint8_t buf[256];
    struct vp8join j;
    struct vp8frame f;
    struct reader r = reader_of(data, size);
    uint32_t seq = UINT32_MAX - 3;
    uint32_t ts = 0;
    vp8join_init(&j, buf, sizeof(buf));
    while (r.left > 0 && !r.bad) {
        const uint8_t flags = read_u8(&r);
        const size_t wanted = read_u8(&r);
        const size_t n = size_min(wanted, r.left);
        uint8_t *const payload = exact(read_bytes(&r, n), n);
        seq += flags & 3;
        ts += flags >> 2 & 1;
        const struct vp8part in = {
            .payload = payload, .len = n, .ext_seq = seq, .ts = ts, .marker = flags & 8};
        if (payload && vp8join_put(&j, &in, &f))
            assert(f.len > 0 && f.len <= sizeof(buf) && f.ts == ts && vp8_starts_frame(&f.desc));
        free(payload);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *const block = exact(data, size);
    if (!block)
        return 0;
    read_back(block, size);
    free(block);
    join(data, size);
    return 0;
}
