#include "engine/peer/rollover.h"

#include "engine/wire/rtp.h"

#include <stdlib.h>

#define WORD_BITS 64u

/* Bit i % window of `used` says whether index i is taken, for the window that ends at `highest`. */
struct stream {
    uint64_t highest;
    uint64_t used[ROLLOVER_WINDOW / WORD_BITS];
};

void rollover_init(struct rollover *r, uint64_t seed)
{
    *r = (struct rollover){0};
    table_init(&r->streams, sizeof(uint32_t), seed);
}

void rollover_fini(struct rollover *r)
{
    size_t at = 0;
    for (void *s; (s = table_each(&r->streams, &at));)
        free(s);
    table_fini(&r->streams);
}

static struct stream *stream_of(struct rollover *r, uint32_t ssrc)
{
    if (r->last && r->last_ssrc == ssrc)
        return r->last;
    r->last = table_get(&r->streams, &ssrc);
    r->last_ssrc = ssrc;
    return r->last;
}

static uint64_t *word_of(struct stream *s, uint64_t index)
{
    return &s->used[index % ROLLOVER_WINDOW / WORD_BITS];
}

static uint64_t bit_of(uint64_t index)
{
    return UINT64_C(1) << index % WORD_BITS;
}

static struct stream *stream_new(struct rollover *r, uint32_t ssrc, uint64_t index)
{
    struct stream *const s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->highest = index;
    if (table_put(&r->streams, &ssrc, s) == OK)
        return s;
    free(s);
    return NULL;
}

static void advance(struct stream *s, uint64_t to)
{
    assert(to - s->highest <= UINT16_MAX);
    for (uint64_t i = s->highest + 1; i <= to; i++)
        *word_of(s, i) &= ~bit_of(i);
    s->highest = to;
}

bool rollover_guess(struct rollover *r, uint32_t ssrc, uint16_t seq, uint64_t *index)
{
    struct stream *const s = stream_of(r, ssrc);
    *index = seq;
    if (!s)
        return true;
    const int64_t i = (int64_t)s->highest + seq_diff(seq, (uint16_t)s->highest);
    if (i < 0 || i + ROLLOVER_WINDOW <= (int64_t)s->highest || i >> 48 != 0)
        return false;
    *index = (uint64_t)i;
    return *index > s->highest || !(*word_of(s, *index) & bit_of(*index));
}

bool rollover_note(struct rollover *r, uint32_t ssrc, uint64_t index)
{
    struct stream *s = stream_of(r, ssrc);
    if (!s && !(s = stream_new(r, ssrc, index)))
        return false;
    if (index > s->highest)
        advance(s, index);
    *word_of(s, index) |= bit_of(index);
    return true;
}

bool rollover_take(struct rollover *r, uint32_t ssrc, uint16_t seq, uint64_t *index)
{
    return rollover_guess(r, ssrc, seq, index) && rollover_note(r, ssrc, *index);
}
