#include "engine/media/share.h"

#define K 1000u
#define ALL UINT32_MAX
#define SPARE 16 /* a new level must leave a sixteenth of all free, so that none flaps */

/* Rung 1 is speech and slides, 2 adds a thumbnail of the teacher, 3 a small picture, 4 a large one,
 * 5 everything. The parts of a rung add up to somewhat less than its rate. A packet of voice has 60
 * to 70 bytes around it: 28 kbit/s with packets of 20 ms, 9 with 60. A voice does not get more than
 * speech needs where there is room: the relay has no other for the thinnest way, where it would
 * take from the slides. */
const struct share_rung share_rungs[SHARE_RUNGS] = {
    {64 * K,
     {[SHARE_VOICE] = 36 * K, [SHARE_FLOOR_VOICE] = 36 * K, [SHARE_SLIDES] = 40 * K},
     60,
     14 * K},
    {150 * K,
     {[SHARE_VOICE] = 45 * K,
      [SHARE_FLOOR_VOICE] = 36 * K,
      [SHARE_SLIDES] = 60 * K,
      [SHARE_CAMERA] = 60 * K},
     40,
     20 * K},
    {400 * K,
     {[SHARE_VOICE] = 80 * K,
      [SHARE_FLOOR_VOICE] = 80 * K,
      [SHARE_SLIDES] = 120 * K,
      [SHARE_BOARD] = 80 * K,
      [SHARE_CAMERA] = 260 * K,
      [SHARE_FLOOR] = 60 * K},
     20,
     24 * K},
    {1200 * K,
     {[SHARE_VOICE] = 120 * K,
      [SHARE_FLOOR_VOICE] = 120 * K,
      [SHARE_SLIDES] = 300 * K,
      [SHARE_BOARD] = 300 * K,
      [SHARE_CAMERA] = 1000 * K,
      [SHARE_FLOOR] = 260 * K,
      [SHARE_WALL] = 60 * K},
     20,
     24 * K},
    {3000 * K,
     {[SHARE_VOICE] = ALL,
      [SHARE_FLOOR_VOICE] = ALL,
      [SHARE_SLIDES] = ALL,
      [SHARE_BOARD] = ALL,
      [SHARE_CAMERA] = ALL,
      [SHARE_FLOOR] = ALL,
      [SHARE_WALL] = ALL},
     20,
     24 * K},
};

static uint32_t cost(const struct share_line *l, uint8_t level)
{
    return level ? l->bps[level - 1] : 0;
}

/* The best of the first `part` levels for so many bits per second, `spare` of them not for new
 * ones.
 */
static uint8_t best(const struct share_line *l, uint8_t part, uint64_t bps, uint64_t spare,
                    uint8_t had)
{
    uint8_t level = 0;
    for (uint8_t i = 1; i <= part; i++)
        if (cost(l, i) + (i > had ? spare : 0) <= bps)
            level = i;
    return level;
}

/* What a line should have on a rung: what its part is enough for. A picture whose least form is
 * only somewhat more than that is not left out for it. */
static uint8_t asked(const struct share_line *l, unsigned rung)
{
    const uint32_t most = share_rungs[rung].most[l->kind];
    uint8_t level = l->n > 0 && cost(l, 1) <= most + most / 2 ? 1 : 0;
    while (level < l->n && cost(l, (uint8_t)(level + 1)) <= most)
        level++;
    return level;
}

struct division {
    struct share_line *line;
    size_t n;
    uint64_t left, spare;
    uint8_t had[SHARE_LINES];
};

/* Raises one line to its part of the rung; false: there is not enough for that. */
static bool raise(struct division *d, size_t i, unsigned rung)
{
    struct share_line *const l = &d->line[i];
    const uint8_t part = asked(l, rung);
    if (part <= l->level)
        return true;
    const uint64_t has = cost(l, l->level);
    const uint8_t got = best(l, part, d->left + has, d->spare, d->had[i]);
    if (got > l->level) {
        d->left -= cost(l, got) - has;
        l->level = got;
    }
    return l->level >= part;
}

static bool climb(struct division *d, unsigned rung)
{
    bool whole = true;
    for (unsigned kind = 0; kind < SHARE_KINDS; kind++)
        for (size_t i = 0; i < d->n; i++)
            if (d->line[i].kind == kind && !raise(d, i, rung))
                whole = false;
    return whole;
}

static void begin(struct division *d, struct share_line *l, uint8_t *had)
{
    *had = l->level;
    l->level = 0;
    const uint64_t bps = l->n ? cost(l, 1) : 0;
    const bool must = l->kind <= SHARE_FLOOR_VOICE ||
                      (l->kind == SHARE_SLIDES && bps <= share_rungs[0].most[SHARE_SLIDES]);
    if (!must || l->n == 0)
        return;
    l->level = 1;
    d->left -= bps < d->left ? bps : d->left;
}

unsigned share_divide(uint64_t bps, struct share_line *line, size_t n)
{
    struct division d = {
        .line = line, .n = n < SHARE_LINES ? n : SHARE_LINES, .left = bps, .spare = bps / SPARE};
    unsigned rung = 1;
    bool whole = true;
    for (size_t i = 0; i < d.n; i++)
        begin(&d, &line[i], &d.had[i]);
    /* What is left of the first rung that is not whole is shared too. */
    for (unsigned r = 0; r < SHARE_RUNGS && whole; r++) {
        whole = climb(&d, r);
        if (whole)
            rung = r + 1;
    }
    return rung;
}

uint64_t share_wanted(const struct share_line *line, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += cost(&line[i], line[i].n);
    return sum;
}

unsigned share_rung_of(uint64_t bps)
{
    unsigned rung = 1;
    while (rung < SHARE_RUNGS && bps >= share_rungs[rung].bps)
        rung++;
    return rung;
}
