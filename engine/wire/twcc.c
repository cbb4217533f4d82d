#include "engine/wire/twcc.h"

/* draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1 */
#define FMT_TWCC 15
#define PT_RTPFB 205
#define HEAD 20       /* of the packet, up to the chunks */
#define TICK 250      /* us in a unit of the deltas */
#define REF_TICKS 256 /* ticks in a unit of the reference time, 64 ms */
#define REF_MASK 0xffffff
#define RUN_MAX 0x1fff
#define ONE_BIT_SYMBOLS 14
#define TWO_BIT_SYMBOLS 7

enum symbol { LOST, SMALL, LARGE, RESERVED };

static bool read_run(struct twcc_feedback *f, uint8_t *symbols, uint16_t chunk)
{
    const uint8_t s = chunk >> 13 & 3;
    const size_t run = chunk & RUN_MAX;
    const size_t end = size_min(f->n + run, TWCC_MAX);
    for (; f->n < end; f->n++)
        symbols[f->n] = s;
    return run > 0 && s != RESERVED;
}

static bool read_vector(struct twcc_feedback *f, uint8_t *symbols, uint16_t chunk)
{
    const unsigned bits = chunk & 0x4000 ? 2 : 1;
    bool good = true;
    for (unsigned shift = 14; shift > 0 && f->n < TWCC_MAX; f->n++) {
        shift -= bits;
        symbols[f->n] = (uint8_t)(chunk >> shift & (bits == 2 ? 3u : 1u));
        good &= symbols[f->n] != RESERVED;
    }
    return good;
}

/* f->n counts what was read; the last chunk may say more than there are packets. */
static bool read_symbols(struct twcc_feedback *f, struct reader *r, uint8_t *symbols, size_t n)
{
    for (f->n = 0; f->n < n;) {
        const uint16_t chunk = read_u16(r);
        if (r->bad)
            return false;
        if (chunk & 0x8000 ? !read_vector(f, symbols, chunk) : !read_run(f, symbols, chunk))
            return false;
    }
    f->n = n;
    return true;
}

/* The reference time goes round every twelve days. A packet from before that is of the round
 * before; then all times are given a round more, so that none is negative: -1 means lost. */
static void times_of_ticks(struct twcc_feedback *f, const uint8_t *symbols, int64_t earliest)
{
    const int64_t round = earliest < 0 ? (int64_t)(REF_MASK + 1) * REF_TICKS : 0;
    for (size_t i = 0; i < f->n; i++)
        if (symbols[i] != LOST)
            f->at[i] = (f->at[i] + round) * TICK;
}

bool twcc_read(struct twcc_feedback *f, const struct rtcp_item *it)
{
    assert(it->kind == RTCP_TWCC);
    uint8_t symbols[TWCC_MAX];
    struct reader r = reader_of(it->body, it->body_len);
    f->base = read_u16(&r);
    const size_t n = read_u16(&r);
    int64_t ticks = (int64_t)read_u24(&r) * REF_TICKS;
    f->count = read_u8(&r);
    if (r.bad || n == 0 || n > TWCC_MAX || !read_symbols(f, &r, symbols, n))
        return false;

    int64_t earliest = ticks;
    for (size_t i = 0; i < n; i++) {
        f->at[i] = -1;
        if (symbols[i] == LOST)
            continue;
        ticks += symbols[i] == SMALL ? read_u8(&r) : (int16_t)read_u16(&r);
        earliest = ticks < earliest ? ticks : earliest;
        f->at[i] = ticks;
    }
    times_of_ticks(f, symbols, earliest);
    return !r.bad;
}

/* What is written, packet by packet. */
struct plan {
    size_t n;
    uint32_t ref;
    uint8_t symbols[TWCC_MAX];
    int16_t deltas[TWCC_MAX];
};

static int64_t ticks_of(usec at)
{
    return (at + TICK / 2) / TICK;
}

static void make_plan(struct plan *p, const struct twcc_feedback *f)
{
    int64_t last = -1;
    p->ref = 0;
    for (p->n = 0; p->n < size_min(f->n, TWCC_MAX); p->n++) {
        const size_t i = p->n;
        p->symbols[i] = LOST;
        if (f->at[i] < 0)
            continue;
        const int64_t ticks = ticks_of(f->at[i]);
        if (last < 0) {
            p->ref = (uint32_t)(ticks / REF_TICKS) & REF_MASK;
            last = ticks - ticks % REF_TICKS;
        }
        const int64_t delta = ticks - last;
        if (delta < INT16_MIN || delta > INT16_MAX)
            return;
        p->symbols[i] = delta >= 0 && delta <= UINT8_MAX ? SMALL : LARGE;
        p->deltas[i] = (int16_t)delta;
        last = ticks;
    }
}

static size_t run_at(const struct plan *p, size_t i)
{
    size_t end = i + 1;
    while (end < p->n && end - i < RUN_MAX && p->symbols[end] == p->symbols[i])
        end++;
    return end - i;
}

/* The chunk that begins with packet i; *taken: how many packets it tells of. */
static uint16_t chunk_at(const struct plan *p, size_t i, size_t *taken)
{
    const size_t left = p->n - i;
    const size_t run = run_at(p, i);
    size_t plain = 0; /* packets from here on that one bit each can tell */
    while (plain < size_min(left, ONE_BIT_SYMBOLS) && p->symbols[i + plain] != LARGE)
        plain++;
    const bool one_bit = plain == size_min(left, ONE_BIT_SYMBOLS);
    const size_t vector = one_bit ? ONE_BIT_SYMBOLS : TWO_BIT_SYMBOLS;
    if (run >= vector || run == left) {
        *taken = run;
        return (uint16_t)((unsigned)p->symbols[i] << 13 | run);
    }

    const unsigned bits = one_bit ? 1 : 2;
    unsigned chunk = one_bit ? 0x8000 : 0xc000;
    *taken = size_min(left, vector);
    for (size_t k = 0; k < *taken; k++)
        chunk |= (unsigned)p->symbols[i + k] << (14 - bits * (k + 1));
    return (uint16_t)chunk;
}

static size_t size_of(const struct plan *p)
{
    size_t bytes = HEAD;
    size_t taken;
    for (size_t i = 0; i < p->n; i += taken) {
        (void)chunk_at(p, i, &taken);
        bytes += 2;
    }
    for (size_t i = 0; i < p->n; i++)
        bytes += p->symbols[i]; /* LOST 0, SMALL 1, LARGE 2 bytes: the symbol is the size */
    return bytes;
}

static void write_plan(struct writer *w, const struct plan *p)
{
    size_t taken;
    for (size_t i = 0; i < p->n; i += taken)
        write_u16(w, chunk_at(p, i, &taken));
    for (size_t i = 0; i < p->n; i++) {
        if (p->symbols[i] == SMALL)
            write_u8(w, (uint8_t)p->deltas[i]);
        else if (p->symbols[i] == LARGE)
            write_u16(w, (uint16_t)p->deltas[i]);
    }
}

size_t twcc_write(struct writer *w, uint32_t sender, uint32_t media, const struct twcc_feedback *f)
{
    struct plan p;
    make_plan(&p, f);
    const size_t room = w->bad ? 0 : (w->cap - w->len) & ~(size_t)3;
    while (p.n > 0 && size_of(&p) > room)
        p.n /= 2;
    if (p.n == 0)
        return 0;

    const size_t bytes = size_of(&p);
    const size_t padding = (4 - bytes % 4) % 4;
    write_u8(w, (uint8_t)(0x80 | (padding ? 0x20 : 0) | FMT_TWCC));
    write_u8(w, PT_RTPFB);
    write_u16(w, (uint16_t)((bytes + padding) / 4 - 1));
    write_u32(w, sender);
    write_u32(w, media);
    write_u16(w, f->base);
    write_u16(w, (uint16_t)p.n);
    write_u24(w, p.ref);
    write_u8(w, f->count);
    write_plan(w, &p);
    for (size_t i = 1; i <= padding; i++) /* RFC 3550, 6.4.1: its last byte counts it */
        write_u8(w, i == padding ? (uint8_t)padding : 0);
    assert(!w->bad);
    return p.n;
}
