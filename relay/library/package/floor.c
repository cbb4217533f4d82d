/* floor.c - goes through all voices at once, in steps of a tenth of a second. */
#include "relay/library/package/floor.h"

#include <stdlib.h>
#include <string.h>

#define STEP (100 * USEC_MS)
#define HOLD 5         /* steps that a voice stays after it was louder */
#define LOUDER_DB 6    /* so much louder takes over at once */
#define SPEAKING_DB 60 /* quieter than this (-60 dBov) is nobody */
#define UNKNOWN_DB 50  /* of senders that do not tell their level */

struct cut {
    struct frames *out;
    const struct floor_voice *voice;
    size_t voices;
    size_t *next;   /* by voice: frame that comes next */
    size_t loudest; /* SIZE_MAX: nobody */
    unsigned loudest_db;
    unsigned held; /* steps since it was loudest */
};

/* Mean level of a voice's packets before `to`, 127 when there is none. */
static unsigned level(const struct cut *c, size_t v, int64_t to)
{
    const struct frames *const f = c->voice[v].frames;
    unsigned sum = 0;
    unsigned n = 0;
    for (size_t i = c->next[v]; i < f->n && f->frame[i].at < to; i++, n++) {
        const uint8_t db = f->frame[i].packet->level_db;
        sum += db == 255 ? UNKNOWN_DB : db;
    }
    return n ? sum / n : 127;
}

/* Who is heard in this step when all microphones are open. */
static size_t choose(struct cut *c, int64_t to)
{
    size_t best = SIZE_MAX;
    unsigned best_db = SPEAKING_DB + 1;
    unsigned own_db = 127;
    for (size_t v = 0; v < c->voices; v++) {
        const unsigned db = level(c, v, to);
        if (v == c->loudest)
            own_db = db;
        if (db < best_db) {
            best = v;
            best_db = db;
        }
    }
    c->held = best == c->loudest ? 0 : c->held + 1;
    const bool clearly = best != SIZE_MAX && best_db + LOUDER_DB < own_db;
    if (clearly || c->held > HOLD) {
        c->loudest = best;
        c->held = 0;
    }
    return c->loudest;
}

static size_t of_site(const struct cut *c, const char *site)
{
    for (size_t v = 0; v < c->voices; v++)
        if (strcmp(c->voice[v].site, site) == 0)
            return v;
    return SIZE_MAX;
}

static enum err append(struct frames *out, const struct frame *one)
{
    if (out->n > 0) {
        const struct frame *const last = &out->frame[out->n - 1];
        if (one->at + one->us / 2 < last->at + last->us)
            return OK; /* the voice before is still speaking its last packet */
    }
    if (out->n == out->cap) {
        const size_t cap = out->cap ? out->cap * 2 : 1024;
        struct frame *const p = realloc(out->frame, cap * sizeof *p);
        if (!p)
            return E_NOMEM;
        out->frame = p;
        out->cap = cap;
    }
    out->frame[out->n++] = *one;
    return OK;
}

/* Moves all voices to `to`, keeping the packets of one. */
static enum err advance(struct cut *c, size_t chosen, int64_t to)
{
    enum err e = OK;
    for (size_t v = 0; v < c->voices; v++) {
        const struct frames *const f = c->voice[v].frames;
        for (; c->next[v] < f->n && f->frame[c->next[v]].at < to; c->next[v]++)
            if (v == chosen && e == OK)
                e = append(c->out, &f->frame[c->next[v]]);
    }
    return e;
}

static int64_t last_frame(const struct cut *c)
{
    int64_t last = -1;
    for (size_t v = 0; v < c->voices; v++) {
        const struct frames *const f = c->voice[v].frames;
        if (f->n > 0)
            last = usec_max(last, f->frame[f->n - 1].at);
    }
    return last;
}

enum err floor_cut(struct frames *out, const struct story *s, const struct floor_voice *voice,
                   size_t voices)
{
    *out = (struct frames){.codec = TAPE_OPUS};
    struct cut c = {.out = out, .voice = voice, .voices = voices, .loudest = SIZE_MAX};
    c.next = calloc(voices + 1, sizeof *c.next);
    enum err e = c.next ? OK : E_NOMEM;
    const int64_t last = last_frame(&c);
    size_t turn = 0;
    struct story_turn now = {0};
    for (int64_t at = 0; e == OK && at <= last;) {
        for (; turn < s->turns && s->turn[turn].at <= at; turn++)
            now = s->turn[turn];
        int64_t to = at + STEP;
        if (turn < s->turns)
            to = usec_min(to, s->turn[turn].at);
        size_t chosen = SIZE_MAX;
        if (now.site[0])
            chosen = of_site(&c, now.site);
        else if (now.interact)
            chosen = choose(&c, to);
        e = advance(&c, chosen, to);
        at = to;
    }
    free(c.next);
    return e;
}
