#include "engine/wire/flexfec.h"

#include "engine/base/bytes.h"

#define RETRANSMITS 0x80 /* R */
#define FIXED 0x40       /* F */

/* The mask comes in three parts, each with a bit in front of it that says: this is the last. */
static const struct {
    unsigned bytes, bits;
} parts[] = {{2, 15}, {4, 31}, {8, 63}};

static uint64_t read_part(struct reader *in, size_t k)
{
    const uint8_t *const p = read_bytes(in, parts[k].bytes);
    uint64_t v = 0;
    for (unsigned i = 0; p && i < parts[k].bytes; i++)
        v = v << 8 | p[i];
    return v;
}

static void read_mask(struct flexfec *f, struct reader *in)
{
    unsigned first = 0;
    for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
        const unsigned n = parts[k].bits;
        const uint64_t v = read_part(in, k);
        for (unsigned i = 0; i < n; i++)
            if (v >> (n - 1 - i) & 1)
                flexfec_protect(f, first + i);
        if (v >> n & 1)
            return;
        first += n;
    }
    in->bad = true;
}

bool flexfec_read(struct flexfec *f, const uint8_t *payload, size_t len)
{
    struct reader in = reader_of(payload, len);
    *f = (struct flexfec){0};
    const uint8_t *const fields = read_bytes(&in, FLEXFEC_FIELDS);
    if (!fields || fields[0] & (RETRANSMITS | FIXED))
        return false;
    memcpy(f->fields, fields, FLEXFEC_FIELDS);
    const uint8_t streams = read_u8(&in);
    (void)read_u24(&in);
    f->ssrc = read_u32(&in);
    f->base = read_u16(&in);
    read_mask(f, &in);
    f->data = in.p;
    f->len = in.left;
    return !in.bad && streams == 1 && (f->mask[0] || f->mask[1]);
}

/* How many parts it takes to name the last one. */
static size_t parts_of(const struct flexfec *f)
{
    if (f->mask[1] || f->mask[0] >> FLEXFEC_SPAN)
        return 3;
    return (f->mask[0] >> parts[0].bits) ? 2 : 1;
}

static void write_mask(struct writer *w, const struct flexfec *f)
{
    const size_t most = parts_of(f);
    unsigned first = 0;
    for (size_t k = 0; k < most; k++) {
        const unsigned n = parts[k].bits;
        uint64_t v = k + 1 == most;
        for (unsigned i = 0; i < n; i++)
            v = v << 1 | flexfec_protects(f, first + i);
        for (unsigned i = parts[k].bytes; i-- > 0;)
            write_u8(w, (uint8_t)(v >> 8 * i));
        first += n;
    }
}

size_t flexfec_write(uint8_t *out, size_t cap, const struct flexfec *f)
{
    struct writer w = writer_of(out, cap);
    if (!f->mask[0] && !f->mask[1])
        return 0;
    write_u8(&w, f->fields[0] & (uint8_t) ~(RETRANSMITS | FIXED));
    write_bytes(&w, f->fields + 1, FLEXFEC_FIELDS - 1);
    write_u8(&w, 1);
    write_u24(&w, 0);
    write_u32(&w, f->ssrc);
    write_u16(&w, f->base);
    write_mask(&w, f);
    return w.bad ? 0 : w.len;
}
