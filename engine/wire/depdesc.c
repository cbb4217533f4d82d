#include "engine/wire/depdesc.h"

#define TIDS 8
#define MANDATORY 3 /* bytes that every descriptor has */

/* From the first bit of each byte on; a read past the end gives 0 and sets `bad`. */
struct bits {
    const uint8_t *p;
    size_t at, end;
    bool bad;
};

static uint32_t take(struct bits *b, unsigned n)
{
    uint32_t v = 0;
    if (b->bad || n > b->end - b->at) {
        b->bad = true;
        return 0;
    }
    for (; n > 0; n--, b->at++)
        v = v << 1 | (b->p[b->at / 8] >> (7 - b->at % 8) & 1u);
    return v;
}

/* ns(n): a number below n in as few bits as it needs. */
static uint32_t take_below(struct bits *b, uint32_t n)
{
    unsigned w = 0;
    for (uint32_t x = n; x; x >>= 1)
        w++;
    const uint32_t shorter = (1u << w) - n;
    const uint32_t v = take(b, w - 1);
    return v < shorter ? v : (v << 1) - shorter + take(b, 1);
}

static uint64_t take_dtis(struct bits *b, unsigned targets)
{
    uint64_t dtis = 0;
    for (unsigned i = 0; i < targets; i++)
        dtis |= (uint64_t)take(b, 2) << 2 * i;
    return dtis;
}

enum { SAME_LAYER, NEXT_TID, NEXT_SID, NO_MORE };

static void take_layers(struct bits *b, struct depdesc_structure *s)
{
    unsigned sid = 0;
    unsigned tid = 0;
    uint32_t next;
    do {
        if (s->templates == DEPDESC_TEMPLATES || sid == DEPDESC_SIDS || tid == TIDS) {
            b->bad = true;
            return;
        }
        s->template[s->templates].sid = (uint8_t)sid;
        s->template[s->templates++].tid = (uint8_t)tid;
        next = take(b, 2);
        tid = next == NEXT_SID ? 0 : tid + (next == NEXT_TID);
        sid += next == NEXT_SID;
    } while (next != NO_MORE && !b->bad);
    s->sids = (uint8_t)(sid + 1);
}

static void take_template_refs(struct bits *b, struct depdesc_template *t)
{
    while (take(b, 1)) {
        if (t->refs == DEPDESC_REFS) {
            b->bad = true;
            return;
        }
        t->fdiff[t->refs++] = (uint8_t)(take(b, 4) + 1);
    }
}

static void take_chains(struct bits *b, struct depdesc_structure *s)
{
    s->chains = (uint8_t)take_below(b, s->targets + 1u);
    if (s->chains == 0)
        return;
    for (unsigned i = 0; i < s->targets; i++)
        s->protected_by[i] = (uint8_t)take_below(b, s->chains);
    for (unsigned i = 0; i < s->templates; i++)
        for (unsigned k = 0; k < s->chains; k++)
            s->template[i].chain_fdiff[k] = (uint8_t)take(b, 4);
}

/* A target is as high as the highest layer that has anything for it. */
static void find_targets(struct depdesc_structure *s)
{
    for (unsigned i = 0; i < s->templates; i++) {
        const struct depdesc_template *const t = &s->template[i];
        for (unsigned k = 0; k < s->targets; k++) {
            if (depdesc_dti_of(t->dtis, k) == DEPDESC_ABSENT)
                continue;
            s->target_sid[k] = t->sid > s->target_sid[k] ? t->sid : s->target_sid[k];
            s->target_tid[k] = t->tid > s->target_tid[k] ? t->tid : s->target_tid[k];
        }
    }
}

static void take_structure(struct bits *b, struct depdesc_structure *s)
{
    *s = (struct depdesc_structure){.offset = (uint8_t)take(b, 6)};
    s->targets = (uint8_t)(take(b, 5) + 1);
    take_layers(b, s);
    for (unsigned i = 0; i < s->templates && !b->bad; i++)
        s->template[i].dtis = take_dtis(b, s->targets);
    for (unsigned i = 0; i < s->templates && !b->bad; i++)
        take_template_refs(b, &s->template[i]);
    if (b->bad)
        return;
    take_chains(b, s);
    find_targets(s);
    s->sized = take(b, 1);
    for (unsigned i = 0; s->sized && i < s->sids; i++) {
        s->width[i] = take(b, 16) + 1;
        s->height[i] = take(b, 16) + 1;
    }
}

static void take_refs(struct bits *b, struct depdesc *d)
{
    uint32_t size;
    d->refs = 0;
    while ((size = take(b, 2)) != 0) {
        if (d->refs == DEPDESC_REFS) {
            b->bad = true;
            return;
        }
        d->fdiff[d->refs++] = (uint16_t)(take(b, 4 * size) + 1);
    }
}

static void fill_from_template(struct depdesc *d, const struct depdesc_structure *s,
                               const struct depdesc_template *t)
{
    d->sid = t->sid;
    d->tid = t->tid;
    d->dtis = t->dtis;
    d->refs = t->refs;
    for (unsigned i = 0; i < t->refs; i++)
        d->fdiff[i] = t->fdiff[i];
    for (unsigned i = 0; i < s->chains; i++)
        d->chain_fdiff[i] = t->chain_fdiff[i];
}

struct flags {
    bool structure, active, dtis, refs, chains;
};

static struct flags take_flags(struct bits *b)
{
    struct flags f = {0};
    f.structure = take(b, 1);
    f.active = take(b, 1);
    f.dtis = take(b, 1);
    f.refs = take(b, 1);
    f.chains = take(b, 1);
    return f;
}

static bool take_frame(struct bits *b, unsigned id, struct flags f,
                       const struct depdesc_structure *s, struct depdesc *d)
{
    const unsigned i = (id - s->offset) % DEPDESC_TEMPLATES;
    if (i >= s->templates)
        return false;
    fill_from_template(d, s, &s->template[i]);
    if (f.active)
        d->active = take(b, s->targets);
    else if (f.structure)
        d->active = s->targets == 32 ? UINT32_MAX : (1u << s->targets) - 1;
    d->has_active = f.active || f.structure;
    if (f.dtis)
        d->dtis = take_dtis(b, s->targets);
    if (f.refs)
        take_refs(b, d);
    for (unsigned k = 0; f.chains && k < s->chains; k++)
        d->chain_fdiff[k] = (uint8_t)take(b, 8);
    return !b->bad;
}

bool depdesc_parse(const void *ext, size_t len, struct depdesc_structure *s, struct depdesc *d)
{
    struct bits b = {.p = ext, .end = 8 * len};
    struct flags f = {0};
    *d = (struct depdesc){0};
    d->start = take(&b, 1);
    d->end = take(&b, 1);
    const unsigned id = take(&b, 6);
    d->frame = (uint16_t)take(&b, 16);
    if (len > MANDATORY)
        f = take_flags(&b);
    if (b.bad)
        return false;
    if (!f.structure)
        return take_frame(&b, id, f, s, d);
    struct depdesc_structure fresh;
    d->has_structure = true;
    take_structure(&b, &fresh);
    if (b.bad || !take_frame(&b, id, f, &fresh, d))
        return false;
    *s = fresh;
    return true;
}
