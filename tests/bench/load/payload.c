#include "tests/bench/load/payload.h"

#include "engine/base/bytes.h"
#include "engine/wire/vp8.h"

#define MAGIC 0x6c6f6164u
#define OPUS_TOC 0x78u /* hybrid, full band, 20 ms, mono, one frame (RFC 6716 3.1) */
#define BODY 24u       /* magic, tag, count, flags, time; the pattern follows */
#define FIRST 1u
#define KEY 2u

static uint32_t mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    return x;
}

/* The byte at place i of packet `count` of stream `tag`. */
static uint8_t pattern(uint32_t start, size_t i)
{
    return (uint8_t)(start + i * 167u + (i >> 8) * 13u);
}

static size_t write_head(const struct payload *p, uint8_t *out)
{
    if (p->audio) {
        out[0] = OPUS_TOC;
        return 1;
    }
    struct vp8_desc d = {.start = p->first,
                         .picture_id = p->picture_id,
                         .has_pid = true,
                         .pid_long = true,
                         .has_tl0 = true,
                         .tl0picidx = p->tl0};
    const size_t n = vp8_desc_write(&d, out, VP8_DESC_MAX);
    /* RFC 6386 9.1: shown, version 0; 1280 x 720 */
    static const uint8_t head[VP8_HEAD_KEY] = {0x10, 0x02, 0,    0x9d, 0x01,
                                               0x2a, 0x00, 0x05, 0xd0, 0x02};
    memcpy(out + n, head, sizeof head);
    if (!p->key)
        out[n] |= 1;
    return n + sizeof head;
}

void payload_write(const struct payload *p, uint8_t *out, size_t len)
{
    assert(len >= PAYLOAD_LEAST && len <= PAYLOAD_MAX);
    const size_t head = write_head(p, out);
    uint8_t *const w = out + head;
    put_be32(w, MAGIC);
    put_be32(w + 4, p->tag);
    put_be32(w + 8, p->count);
    put_be32(w + 12, (p->first ? FIRST : 0) | (p->key ? KEY : 0));
    put_be64(w + 16, (uint64_t)p->sent_at);
    const uint32_t start = mix(p->tag * 2654435761u + p->count);
    for (size_t i = BODY; i < len - head; i++)
        w[i] = pattern(start, i);
}

/* Bytes before the magic word; 0: this is no payload of ours. */
static size_t head_of(bool audio, const uint8_t *in, size_t len, bool *first)
{
    if (audio)
        return len > 1 + BODY && in[0] == OPUS_TOC ? 1 : 0;
    struct vp8_desc d;
    if (!vp8_desc_parse(in, len, &d) || len < d.len + VP8_HEAD_KEY + BODY)
        return 0;
    *first = vp8_starts_frame(&d);
    return d.len + VP8_HEAD_KEY;
}

bool payload_read(struct payload *p, bool audio, const uint8_t *in, size_t len)
{
    bool first = true;
    const size_t head = head_of(audio, in, len, &first);
    const uint8_t *const r = in + head;
    if (head == 0 || be32(r) != MAGIC)
        return false;
    const uint32_t flags = be32(r + 12);
    *p = (struct payload){.tag = be32(r + 4),
                          .count = be32(r + 8),
                          .sent_at = (usec)be64(r + 16),
                          .audio = audio,
                          .first = flags & FIRST,
                          .key = flags & KEY};
    if (!audio && p->first != first)
        return false;
    const uint32_t start = mix(p->tag * 2654435761u + p->count);
    for (size_t i = BODY; i < len - head; i++)
        if (r[i] != pattern(start, i))
            return false;
    return true;
}
