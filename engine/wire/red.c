#include "engine/wire/red.h"

#include "engine/base/bytes.h"

#define FOLLOWS 0x80 /* another header comes after this one */

/* One header. False: it was the last, or there is no room for it. */
static bool read_head(struct red *r, struct reader *in)
{
    struct red_block *const b = &r->block[r->n++];
    const uint8_t first = read_u8(in);
    *b = (struct red_block){.pt = first & 0x7f};
    if (!(first & FOLLOWS))
        return false;
    const uint32_t rest = read_u24(in);
    b->back = (uint16_t)(rest >> 10);
    b->len = rest & RED_LEN_MAX;
    in->bad |= r->n == RED_BLOCKS;
    return !in->bad;
}

bool red_read(struct red *r, const uint8_t *payload, size_t len)
{
    struct reader in = reader_of(payload, len);
    if (len > UINT16_MAX)
        return false;
    r->n = 0;
    while (read_head(r, &in))
        ;
    for (size_t i = 0; i + 1 < r->n; i++)
        r->block[i].data = read_bytes(&in, r->block[i].len);
    struct red_block *const last = &r->block[r->n - 1];
    last->len = (uint16_t)in.left;
    last->data = in.p;
    return !in.bad;
}

size_t red_write(uint8_t *out, size_t cap, const struct red *r)
{
    struct writer w = writer_of(out, cap);
    w.bad = r->n == 0 || r->n > RED_BLOCKS;
    for (size_t i = 0; i < r->n && !w.bad; i++) {
        const struct red_block *const b = &r->block[i];
        const bool follows = i + 1 < r->n;
        write_u8(&w, (uint8_t)((follows ? FOLLOWS : 0) | (b->pt & 0x7f)));
        if (!follows)
            break;
        w.bad |= b->back > RED_BACK_MAX || b->len > RED_LEN_MAX;
        write_u24(&w, (uint32_t)b->back << 10 | b->len);
    }
    return w.bad ? 0 : w.len;
}
