/* uplink.c - forms of each source, cheapest first, and which of them the way carries. */
#include "client/uplink.h"

#include "client/ladder.h"

#include <string.h>

#define HEAD_BYTES 64 /* around a packet of voice */

struct form {
    uint32_t bps[UPLINK_LAYERS];
    unsigned voice_ms;
};

struct forms {
    struct form form[SHARE_LEVELS];
    struct share_line line;
};

static enum share_kind kind_of(enum capture_what what)
{
    switch (what) {
    case CAPTURE_VOICE:
        return SHARE_VOICE;
    case CAPTURE_SLIDES:
        return SHARE_SLIDES;
    case CAPTURE_BOARD:
        return SHARE_BOARD;
    case CAPTURE_CAMERA:
    case CAPTURE_CLASS:
        break;
    }
    return SHARE_CAMERA;
}

/* Packets of 1200 bytes have a seventeenth of it around them. */
static void add(struct forms *f, const struct form *form, uint32_t bps)
{
    f->form[f->line.n] = *form;
    f->line.bps[f->line.n++] = bps;
}

static void add_picture(struct forms *f, const struct form *form)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < UPLINK_LAYERS; i++)
        sum += form->bps[i];
    add(f, form, sum + sum / 17);
}

static void add_voice(struct forms *f)
{
    for (size_t i = 0; i < SHARE_RUNGS; i++) {
        const struct share_rung *const r = &share_rungs[i];
        const uint32_t heads = HEAD_BYTES * 8 * 1000 / r->voice_ms;
        const struct form form = {.bps = {r->voice_bps}, .voice_ms = r->voice_ms};
        add(f, &form, r->voice_bps + heads);
    }
}

/* Half of the smallest, then one layer more each time. One stream alone in steps. */
static void add_pictures(struct forms *f, const struct uplink_line *l)
{
    struct form form = {.voice_ms = 0};
    uint32_t whole[UPLINK_LAYERS] = {0};
    const size_t n = ladder_rates(l->what, l->layers, whole);
    static const uint8_t parts[] = {16, 12, 8, 6, 4, 3, 2};
    for (size_t i = n > 1 ? ARRAY_LEN(parts) - 1 : 0; i < ARRAY_LEN(parts); i++) {
        form.bps[0] = whole[0] / parts[i];
        add_picture(f, &form);
    }
    for (size_t i = 0; i < n; i++) {
        form.bps[i] = whole[i];
        add_picture(f, &form);
    }
}

static void list_forms(struct forms *f, const struct uplink_line *l)
{
    memset(f, 0, sizeof *f);
    f->line.kind = (uint8_t)kind_of(l->what);
    f->line.level = l->level;
    if (l->layers == 0)
        return;
    if (l->what == CAPTURE_VOICE)
        add_voice(f);
    else
        add_pictures(f, l);
}

unsigned uplink_divide(uint64_t way, struct uplink_line *line, size_t n)
{
    struct forms forms[UPLINK_MOST];
    struct share_line share[UPLINK_MOST];
    n = size_min(n, UPLINK_MOST);
    for (size_t i = 0; i < n; i++) {
        list_forms(&forms[i], &line[i]);
        share[i] = forms[i].line;
    }
    const unsigned rung = share_divide(way, share, n);
    for (size_t i = 0; i < n; i++) {
        const struct form none = {.voice_ms = 0};
        const struct form *const f = share[i].level ? &forms[i].form[share[i].level - 1] : &none;
        line[i].level = share[i].level;
        line[i].voice_ms = f->voice_ms;
        memcpy(line[i].bps, f->bps, sizeof f->bps);
    }
    return rung;
}

uint64_t uplink_wanted(const struct uplink_line *line, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        struct forms f;
        list_forms(&f, &line[i]);
        sum += share_wanted(&f.line, 1);
    }
    return sum;
}
