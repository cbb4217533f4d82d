#include "engine/wire/vp9.h"

#include "engine/base/bytes.h"

/* First byte */
#define HAS_PID 0x80
#define INTER 0x40
#define HAS_LAYERS 0x20
#define FLEXIBLE 0x10
#define START 0x08
#define END 0x04
#define HAS_SS 0x02
#define NO_UPPER 0x01

static uint8_t offset(const struct reader *r, size_t len)
{
    return (uint8_t)(len - r->left);
}

static void read_pid(struct reader *r, struct vp9_desc *d, size_t len)
{
    d->has_pid = true;
    d->pid_off = offset(r, len);
    d->picture_id = read_u8(r);
    d->pid_long = d->picture_id & 0x80;
    if (d->pid_long)
        d->picture_id = (uint16_t)((d->picture_id & 0x7f) << 8 | read_u8(r));
}

static void read_layers(struct reader *r, struct vp9_desc *d, size_t len)
{
    const uint8_t v = read_u8(r);
    d->has_layers = true;
    d->tid = v >> 5;
    d->switch_up = v & 0x10;
    d->sid = v >> 1 & 7;
    d->inter_layer = v & 1;
    d->has_tl0 = !d->flexible;
    if (!d->has_tl0)
        return;
    d->tl0_off = offset(r, len);
    d->tl0picidx = read_u8(r);
}

/* The last bit of each entry says whether another follows; there are at most three. */
static bool read_refs(struct reader *r, struct vp9_desc *d)
{
    bool more = true;
    while (more && d->refs < VP9_REFS) {
        const uint8_t v = read_u8(r);
        d->ref[d->refs++] = v >> 1;
        more = v & 1;
    }
    return !more;
}

static void read_group(struct reader *r, struct vp9_ss *ss)
{
    ss->pictures = read_u8(r);
    for (unsigned i = 0; i < ss->pictures && !r->bad; i++) {
        const uint8_t picture = read_u8(r);
        read_bytes(r, picture >> 2 & 3); /* its references */
    }
}

static void read_structure(struct reader *r, struct vp9_ss *ss)
{
    const uint8_t v = read_u8(r);
    ss->layers = (uint8_t)((v >> 5) + 1);
    ss->sized = v & 0x10;
    for (unsigned i = 0; ss->sized && i < ss->layers; i++) {
        ss->width[i] = read_u16(r);
        ss->height[i] = read_u16(r);
    }
    if (v & 0x08)
        read_group(r, ss);
}

bool vp9_desc_parse(const void *payload, size_t len, struct vp9_desc *d)
{
    struct reader r = reader_of(payload, len);
    const uint8_t first = read_u8(&r);
    *d = (struct vp9_desc){.inter = first & INTER,
                           .flexible = first & FLEXIBLE,
                           .start = first & START,
                           .end = first & END,
                           .no_upper = first & NO_UPPER};
    if (d->flexible && !(first & HAS_PID))
        return false;
    if (first & HAS_PID)
        read_pid(&r, d, len);
    if (first & HAS_LAYERS)
        read_layers(&r, d, len);
    if (d->flexible && d->inter && !read_refs(&r, d))
        return false;
    if (first & HAS_SS)
        read_structure(&r, &d->ss);
    d->len = (uint16_t)(len - r.left);
    return !r.bad && r.left > 0;
}

static void write_structure(struct writer *w, const struct vp9_ss *ss)
{
    write_u8(w, (uint8_t)((ss->layers - 1) << 5 | (ss->sized ? 0x10 : 0)));
    for (unsigned i = 0; ss->sized && i < ss->layers; i++) {
        write_u16(w, ss->width[i]);
        write_u16(w, ss->height[i]);
    }
}

static uint8_t flags_of(const struct vp9_desc *d)
{
    return (uint8_t)(HAS_PID | HAS_LAYERS | (d->inter ? INTER : 0) | (d->flexible ? FLEXIBLE : 0) |
                     (d->start ? START : 0) | (d->end ? END : 0) | (d->ss.layers ? HAS_SS : 0) |
                     (d->no_upper ? NO_UPPER : 0));
}

size_t vp9_desc_write(const struct vp9_desc *d, void *out, size_t cap)
{
    struct writer w = writer_of(out, cap);
    assert(d->has_pid && d->has_layers && d->refs <= VP9_REFS);
    assert(!d->flexible || d->inter == (d->refs > 0));
    write_u8(&w, flags_of(d));
    if (d->pid_long)
        write_u16(&w, (uint16_t)(0x8000 | d->picture_id));
    else
        write_u8(&w, (uint8_t)(d->picture_id & 0x7f));
    write_u8(&w, (uint8_t)(d->tid << 5 | (d->switch_up ? 0x10 : 0) | d->sid << 1 |
                           (d->inter_layer ? 1 : 0)));
    if (!d->flexible)
        write_u8(&w, d->tl0picidx);
    for (unsigned i = 0; d->flexible && i < d->refs; i++)
        write_u8(&w, (uint8_t)(d->ref[i] << 1 | (i + 1u < d->refs)));
    if (d->ss.layers)
        write_structure(&w, &d->ss);
    return w.bad ? 0 : w.len;
}

bool vp9_starts_key(const struct vp9_desc *d)
{
    return d->start && !d->inter && d->sid == 0 && !d->inter_layer;
}
