#include "engine/wire/vp8.h"

#include "engine/base/bytes.h"

/* First byte */
#define EXTENDED 0x80
#define NON_REF 0x20
#define START 0x10
#define PART 0x07
/* Extension byte */
#define HAS_PID 0x80
#define HAS_TL0 0x40
#define HAS_TID 0x20
#define HAS_KEYIDX 0x10
/* TID/Y/KEYIDX byte */
#define SYNC 0x20
#define KEYIDX 0x1f
/* First byte of the picture id */
#define PID_LONG 0x80

static uint8_t offset(const struct reader *r, size_t len)
{
    return (uint8_t)(len - r->left);
}

static void read_pid(struct reader *r, struct vp8_desc *d, size_t len)
{
    d->has_pid = true;
    d->pid_off = offset(r, len);
    d->picture_id = read_u8(r);
    d->pid_long = d->picture_id & PID_LONG;
    if (d->pid_long)
        d->picture_id = (uint16_t)((d->picture_id & 0x7f) << 8 | read_u8(r));
}

static void read_extension(struct reader *r, struct vp8_desc *d, size_t len)
{
    const uint8_t flags = read_u8(r);
    if (flags & HAS_PID)
        read_pid(r, d, len);
    d->has_tl0 = flags & HAS_TL0;
    if (d->has_tl0) {
        d->tl0_off = offset(r, len);
        d->tl0picidx = read_u8(r);
    }
    if (!(flags & (HAS_TID | HAS_KEYIDX)))
        return;

    d->tk_off = offset(r, len);
    const uint8_t tk = read_u8(r);
    d->has_tid = flags & HAS_TID;
    d->has_keyidx = flags & HAS_KEYIDX;
    if (d->has_tid) { /* "MUST be ignored" otherwise */
        d->tid = tk >> 6;
        d->sync = tk & SYNC;
    }
    if (d->has_keyidx)
        d->keyidx = tk & KEYIDX;
}

bool vp8_desc_parse(const void *payload, size_t len, struct vp8_desc *d)
{
    struct reader r = reader_of(payload, len);
    const uint8_t first = read_u8(&r);
    *d =
        (struct vp8_desc){.non_ref = first & NON_REF, .start = first & START, .part = first & PART};
    if (first & EXTENDED)
        read_extension(&r, d, len);
    d->len = offset(&r, len);
    return !r.bad && r.left > 0;
}

static void write_pid(struct writer *w, struct vp8_desc *d)
{
    d->pid_off = (uint8_t)w->len;
    if (d->pid_long)
        write_u16(w, (uint16_t)(0x8000 | d->picture_id));
    else
        write_u8(w, (uint8_t)(d->picture_id & 0x7f));
}

static uint8_t tk_byte(const struct vp8_desc *d)
{
    const unsigned tid = d->has_tid ? (d->tid & 3u) << 6 | (d->sync ? SYNC : 0u) : 0u;
    return (uint8_t)(tid | (d->has_keyidx ? d->keyidx & KEYIDX : 0u));
}

static void write_extension(struct writer *w, struct vp8_desc *d)
{
    write_u8(w, (uint8_t)((d->has_pid ? HAS_PID : 0) | (d->has_tl0 ? HAS_TL0 : 0) |
                          (d->has_tid ? HAS_TID : 0) | (d->has_keyidx ? HAS_KEYIDX : 0)));
    if (d->has_pid)
        write_pid(w, d);
    if (d->has_tl0) {
        d->tl0_off = (uint8_t)w->len;
        write_u8(w, d->tl0picidx);
    }
    if (d->has_tid || d->has_keyidx) {
        d->tk_off = (uint8_t)w->len;
        write_u8(w, tk_byte(d));
    }
}

size_t vp8_desc_write(struct vp8_desc *d, void *out, size_t cap)
{
    struct writer w = writer_of(out, cap);
    const bool extended = d->has_pid || d->has_tl0 || d->has_tid || d->has_keyidx;
    d->pid_off = d->tl0_off = d->tk_off = 0;
    write_u8(&w, (uint8_t)((extended ? EXTENDED : 0) | (d->non_ref ? NON_REF : 0) |
                           (d->start ? START : 0) | (d->part & PART)));
    if (extended)
        write_extension(&w, d);
    d->len = w.bad ? 0 : (uint8_t)w.len;
    return d->len;
}

bool vp8_starts_key(const void *payload, size_t len, const struct vp8_desc *d)
{
    const uint8_t *const p = payload;
    return vp8_starts_frame(d) && d->len < len && !(p[d->len] & 1);
}

static bool read_key_head(struct reader *r, struct vp8_head *h)
{
    static const uint32_t start_code = 0x9d012a;
    const uint32_t code = read_u24(r);
    const uint8_t *const size = read_bytes(r, 4);
    if (!size || code != start_code)
        return false;

    const unsigned w = size[0] | (unsigned)size[1] << 8; /* little endian, unlike RTP */
    const unsigned t = size[2] | (unsigned)size[3] << 8;
    h->width = w & 0x3fff;
    h->height = t & 0x3fff;
    h->scale_width = (uint8_t)(w >> 14);
    h->scale_height = (uint8_t)(t >> 14);
    return h->width > 0 && h->height > 0;
}

bool vp8_head_parse(const void *frame, size_t len, struct vp8_head *h)
{
    struct reader r = reader_of(frame, len);
    const uint8_t *const tag = read_bytes(&r, VP8_HEAD_INTER);
    if (!tag)
        return false;

    const uint32_t bits = tag[0] | (uint32_t)tag[1] << 8 | (uint32_t)tag[2] << 16;
    *h = (struct vp8_head){.key = !(bits & 1), .shown = bits >> 4 & 1, .first_part = bits >> 5};
    if ((bits >> 1 & 7) > 3) /* versions 4 to 7 are reserved */
        return false;
    return !h->key || read_key_head(&r, h);
}
