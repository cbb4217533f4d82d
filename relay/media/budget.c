#include "relay/media/budget.h"

#include "engine/wire/twcc.h"
#include "relay/media/forward.h"
#include "relay/media/hub.h"
#include "relay/media/member.h"
#include "relay/media/room.h"

#include <stdlib.h>

#define START_BPS 200000 /* a thumbnail, slides and the voice; the first probes tell the rest */
#define LEAST_BPS 32000
#define LOOK_EVERY (500 * USEC_MS)
#define LOOK_CHANGE 16 /* an estimate that moved by a sixteenth is looked at at once */
#define HOLD_LEAST (2 * USEC_SEC)
#define HOLD_MOST (16 * USEC_SEC)
#define UP_FAILED (5 * USEC_SEC) /* a step down so soon after one up: it was too much */
#define VOICE_HEAD 64            /* bytes around what a packet of voice says */
#define SLIDES_LEAST 16000
#define SLIDES_TIME 2              /* seconds that a new slide may take */
#define VIDEO_WAIT (700 * USEC_MS) /* a face that is older is not worth sending */
#define PACE_BURST (10 * USEC_MS)
#define PACE_LEAST 200 /* bytes; a packet may owe more, and the next then waits */
#define REPORTS_MAX 50 /* a second: twice as many as anybody sends */

enum err budget_new(struct budget **bp, const struct member *m, usec now)
{
    const struct bwe_conf conf = {
        .min_bps = LEAST_BPS, .start_bps = START_BPS, .max_bps = m->hub->conf.pace_bps};
    struct budget *const b = calloc(1, sizeof *b);
    if (!b)
        return E_NOMEM;
    const enum err e = bwe_init(&b->bwe, &conf, now);
    if (e) {
        free(b);
        return e;
    }
    b->hold = HOLD_LEAST;
    b->up_at = now;
    b->look_at = now;
    b->rung = 1;
    b->tight = true;
    *bp = b;
    return OK;
}

void budget_free(struct budget **b)
{
    if (!*b)
        return;
    bwe_fini(&(*b)->bwe);
    free(*b);
    *b = NULL;
}

/* Lines and levels */

/* What a level means. */
struct form {
    uint8_t layers; /* of a picture: the lowest so many */
    uint8_t tids;
    uint8_t joined; /* of a voice: packets put together */
    uint8_t riders; /* and earlier ones that may ride along */
};

struct plan {
    struct share_line line[NEGO_MEDIA];
    struct form form[NEGO_MEDIA][SHARE_LEVELS];
    struct sub *sub[NEGO_MEDIA];
    size_t n;
};

static enum share_kind kind_of(const struct sub *s)
{
    static const enum share_kind of_source[SRC_COUNT] = {SHARE_VOICE, SHARE_CAMERA, SHARE_SLIDES,
                                                         SHARE_BOARD, SHARE_WALL};
    const struct member *const m = s->member;
    if (m->line[s->line].audio)
        return s->voice == 0 ? SHARE_VOICE : SHARE_FLOOR_VOICE;
    if (s->track->site == SITE_LEAD && s->track->source < SRC_COUNT)
        return of_source[s->track->source];
    return s->slot.kind == SLOT_FLOOR || s->track->site == m->room->state.floor_site ? SHARE_FLOOR
                                                                                     : SHARE_WALL;
}

static void add_level(struct share_line *l, struct form *form, struct form f, uint32_t bps)
{
    if (l->n == SHARE_LEVELS || (l->n > 0 && bps <= l->bps[l->n - 1]))
        return;
    form[l->n] = f;
    l->bps[l->n++] = bps;
}

/* Slides cost nothing until one changes; then it must be there in time. */
static uint32_t slides_bps(const struct stream *s)
{
    const uint32_t change = s->key_bytes * 8 / SLIDES_TIME;
    const uint32_t runs = stream_bps(s, TRACK_SIDS - 1, TRACK_TIDS - 1);
    const uint32_t most = change > runs ? change : runs;
    return most > SLIDES_LEAST ? most : SLIDES_LEAST;
}

/* Fewer headers, then none saved, then with as many riders as its losses call for. */
static void add_voice(struct share_line *l, struct form *form, const struct stream *s,
                      uint8_t riders)
{
    const uint32_t whole = meter_bps(&s->rate[0][0]);
    const uint32_t heads = meter_bps(&s->rate[0][1]) * VOICE_HEAD;
    const uint32_t says = whole > heads ? whole - heads : 0;
    for (uint8_t n = whole ? BUNDLE_MOST : 1; n > 0; n--)
        add_level(l, form, (struct form){.joined = n, .riders = n == 1 && !riders ? RED_RIDERS : 0},
                  says + heads / n);
    for (uint8_t n = 1; n <= riders; n++)
        add_level(l, form, (struct form){.joined = 1, .riders = n}, whole + n * says);
}

/* Half the frames, then all; of the smallest size also a quarter, if there is that. A level that
 * costs no more than the one before is none. */
static void add_pictures(struct share_line *l, struct form *form, const struct stream *s,
                         uint8_t sid)
{
    const uint8_t layers = (uint8_t)(s->layer + sid + 1);
    const bool has_middle = meter_bps(&s->rate[sid][1]) > 0;
    const bool has_top = meter_bps(&s->rate[sid][2]) > 0;
    if ((has_middle || has_top) && (layers == 1 || !has_middle || !has_top))
        add_level(l, form, (struct form){.layers = layers, .tids = 0}, stream_bps(s, sid, 0));
    if (has_middle && has_top)
        add_level(l, form, (struct form){.layers = layers, .tids = 1}, stream_bps(s, sid, 1));
    add_level(l, form, (struct form){.layers = layers, .tids = UINT8_MAX},
              stream_bps(s, sid, TRACK_TIDS - 1));
}

static void add_layer(struct share_line *l, struct form *form, const struct stream *s,
                      uint8_t riders)
{
    uint8_t top = 0;
    while (stream_has(s, top + 1))
        top++;
    const struct form whole = {.layers = (uint8_t)(s->layer + top + 1), .tids = UINT8_MAX};
    if (s->track->audio)
        add_voice(l, form, s, riders);
    else if (l->kind == SHARE_SLIDES || l->kind == SHARE_BOARD)
        add_level(l, form, whole, slides_bps(s));
    else
        for (uint8_t sid = 0; sid <= top; sid++)
            add_pictures(l, form, s, sid);
}

/* Slides are never left out because a new one would take long: then it takes long, and gets what
 * the first rung has for it. */
static void bound_slides(struct share_line *l, const struct sub *s)
{
    const uint32_t most = share_rungs[0].most[SHARE_SLIDES];
    if (l->kind == SHARE_SLIDES)
        l->bps[0] = pacer_waiting(&s->member->pacer, PACER_SLIDES) > 0 ? most : SLIDES_LEAST;
}

/* A slide that stands says nothing, and may still wait to leave. */
static void add_line(struct plan *p, struct sub *s)
{
    struct share_line *const l = &p->line[p->n];
    const struct track *const t = s->track;
    *l = (struct share_line){.kind = (uint8_t)kind_of(s), .level = s->level};
    p->sub[p->n] = s;
    const size_t layers = s->slot.small && !t->audio ? 1 : NEGO_LAYERS;
    for (size_t i = 0; i < layers; i++)
        if (t->layer[i] && (t->layer[i]->live || t->audio || track_still(t)))
            add_layer(l, p->form[p->n], t->layer[i], s->member->red.riders);
    if (l->n > 0)
        bound_slides(l, s);
    p->n++;
}

static void make_plan(struct plan *p, const struct member *m)
{
    p->n = 0;
    for (size_t i = 0; i < m->lines; i++)
        if (m->sub[i] && m->sub[i]->track)
            add_line(p, m->sub[i]);
}

/* What becomes of it */

static void set_level(struct plan *p, size_t i, usec now)
{
    struct sub *const s = p->sub[i];
    const struct form none = {.layers = s->layers, .tids = s->tids};
    if (p->line[i].n == 0) /* silent: when it speaks again it has what it had */
        return;
    s->level = p->line[i].level;
    const struct form f = s->level ? p->form[i][s->level - 1] : none;
    if (s->track->audio) {
        s->bundle.most = f.joined;
        s->member->red_most = (uint8_t)size_min(s->member->red_most, f.riders);
        return;
    }
    const bool was_off = s->off;
    s->tids = f.tids;
    s->layers = f.layers;
    s->off = s->level == 0;
    if (s->off && !was_off)
        sub_pause(s, now);
    else if (!s->off)
        sub_choose(s, now);
    s->fresh = false;
}

/* A line that gets more before its time keeps what it has. */
static void settle(struct budget *b, struct plan *p, const uint8_t had[NEGO_MEDIA], usec now)
{
    bool up = false;
    bool down = false;
    for (size_t i = 0; i < p->n; i++) {
        struct share_line *const l = &p->line[i];
        const bool first = had[i] == 0 && p->sub[i]->fresh; /* nobody waits who just came */
        if (l->level > had[i] && !first && now < b->up_at)
            l->level = had[i] < l->n ? had[i] : l->n;
        up |= l->level > had[i];
        down |= l->level < had[i] && l->level < l->n;
    }
    if (down && !bwe_begins(&b->bwe)) { /* at first it is a guess that was wrong */
        const bool failed = now - b->went_up < UP_FAILED;
        b->hold = failed ? usec_min(b->hold * 2, HOLD_MOST) : HOLD_LEAST;
        b->up_at = now + b->hold;
    } else if (up) {
        b->went_up = now;
    }
}

/* Bytes that may leave at once: no more than wait for each other on a thin way, and enough that a
 * turn that comes some milliseconds late costs nothing of the rate. */
static uint64_t burst_of(uint64_t bps)
{
    const uint64_t burst = bps / 8 * (uint64_t)PACE_BURST / (uint64_t)USEC_SEC;
    return burst < PACE_LEAST ? PACE_LEAST : burst;
}

static void pace(struct member *m)
{
    const struct hub_conf *const c = &m->hub->conf;
    struct budget *const b = m->budget;
    if (b->probe)
        return;                          /* it has its own, and tells when it has left */
    uint64_t bps = bwe_bps(&b->bwe) * 2; /* whole frames at once: there is room */
    uint64_t burst = c->pace_burst;
    if (b->tight) { /* what waits waits here, not in the way */
        bps = bwe_bps(&b->bwe) * 21 / 20;
        burst = burst_of(bps);
    }
    pacer_rate(&m->pacer, bps < c->pace_bps ? bps : c->pace_bps,
               (uint32_t)(burst < c->pace_burst ? burst : c->pace_burst));
    pacer_video(&m->pacer, b->video);
}

void budget_sent(struct member *m, usec now, uint16_t twcc, size_t len)
{
    struct budget *const b = m->budget;
    bwe_sent(&b->bwe, now, twcc, len, b->probe ? b->cluster : 0);
    if (!b->probe)
        return;
    b->probe -= size_min(len, b->probe);
    if (!b->probe)
        pace(m);
}

/* Bits per second that lines of this kind and those after it were given. */
static uint64_t given(const struct plan *p, enum share_kind first)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct share_line *const l = &p->line[i];
        if (l->kind >= first && l->level > 0 && l->level <= l->n)
            sum += l->bps[l->level - 1];
    }
    return sum;
}

static void divide(struct member *m, usec now)
{
    struct budget *const b = m->budget;
    struct plan p;
    uint8_t had[NEGO_MEDIA] = {0};
    make_plan(&p, m);
    for (size_t i = 0; i < p.n; i++)
        had[i] = p.line[i].level;
    const uint64_t fec = protect_bps(m);
    const uint64_t wanted = share_wanted(p.line, p.n) + fec;
    b->divided = bwe_bps(&b->bwe);
    b->rung = (uint8_t)share_divide(b->divided - (fec < b->divided ? fec : 0), p.line, p.n);
    b->tight = b->rung < SHARE_RUNGS || b->divided < wanted + wanted / 4;
    bwe_wanted(&b->bwe, wanted * 2); /* and room for what may be wanted next */
    settle(b, &p, had, now);
    m->red_most = RED_RIDERS;
    for (size_t i = 0; i < p.n; i++)
        set_level(&p, i, now);
    b->video = given(&p, SHARE_CAMERA); /* a slide that comes has the rest */
    const uint64_t used = given(&p, SHARE_VOICE);
    protect_look(m, now, b->divided > used ? b->divided - used : 0, b->video);
    pace(m);
}

/* What waits too long is not sent: a key frame of what fits comes instead. */
static void drop_stale(struct member *m, usec now)
{
    for (size_t i = 0; i < m->lines; i++)
        if (m->sub[i] && m->sub[i]->choked)
            sub_pause(m->sub[i], now);
    const bool part = pacer_waiting(&m->pacer, PACER_SLIDES) > 0 && m->budget->video > 0;
    const uint64_t bps = part ? m->budget->video * 2 : m->pacer.bps; /* a key frame is more */
    const uint64_t bits = pacer_waiting(&m->pacer, PACER_VIDEO) * 8u;
    if (bits * (uint64_t)USEC_SEC < (uint64_t)VIDEO_WAIT * bps)
        return;
    for (size_t i = 0; i < m->lines; i++)
        if (m->sub[i] && m->sub[i]->current && sub_class(m->sub[i]) == PACER_VIDEO)
            sub_pause(m->sub[i], now);
}

/* The line that has most to show has most to send again. */
static struct sub *prober(const struct member *m)
{
    struct sub *best = NULL;
    for (size_t i = 0; i < m->lines; i++) {
        struct sub *const s = m->sub[i];
        if (s && s->track && !m->line[i].audio && m->line[i].rtx_pt &&
            (!best || s->packets > best->packets))
            best = s;
    }
    return best;
}

/* On a thin way what waits tries it, slowly: a probe would stand in front of the voice. */
static bool tries_itself(const struct member *m)
{
    return bwe_bps(&m->budget->bwe) < BWE_THIN &&
           pacer_waiting(&m->pacer, PACER_SLIDES) + pacer_waiting(&m->pacer, PACER_VIDEO) > 0;
}

static void probe(struct member *m, usec now)
{
    struct budget *const b = m->budget;
    struct sub *const s = prober(m);
    struct bwe_probe p;
    if (!s || b->probe || tries_itself(m) || !bwe_probe(&b->bwe, now, &p))
        return;
    b->cluster = p.cluster;
    b->probe = forward_probe(s, p.bytes, now);
    if (b->probe)
        pacer_rate(&m->pacer, p.bps, (uint32_t)burst_of(p.bps));
}

static void look(struct member *m, usec now)
{
    struct budget *const b = m->budget;
    const uint64_t bps = bwe_bps(&b->bwe);
    const uint64_t moved = bps > b->divided ? bps - b->divided : b->divided - bps;
    if (now >= b->look_at || b->anew || moved > b->divided / LOOK_CHANGE) {
        b->look_at = now + LOOK_EVERY;
        b->anew = false;
        divide(m, now);
    }
    drop_stale(m, now);
    probe(m, now);
}

static bool may_report(struct budget *b)
{
    return b->reports++ < REPORTS_MAX;
}

void budget_twcc(struct member *m, usec now, const struct twcc_feedback *f)
{
    if (!m->budget || !may_report(m->budget))
        return;
    bwe_feedback(&m->budget->bwe, now, f);
    look(m, now);
}

void budget_report(struct member *m, usec now, unsigned loss_ppt)
{
    if (!m->budget || !may_report(m->budget))
        return;
    bwe_report(&m->budget->bwe, now, loss_ppt);
}

void budget_remb(struct member *m, usec now, uint64_t bps)
{
    if (!m->budget || !may_report(m->budget))
        return;
    bwe_remb(&m->budget->bwe, now, bps);
    look(m, now);
}

void budget_again(struct member *m, usec now)
{
    if (!m->budget)
        return;
    m->budget->anew = true;
    hub_due(m->hub, m, now);
}

void budget_other_way(struct member *m, usec now)
{
    if (!m->budget)
        return;
    struct budget *const b = m->budget;
    bwe_restart(&b->bwe, now);
    b->hold = HOLD_LEAST; /* steps that failed on the way of before are no warning */
    b->up_at = now;
    b->went_up = 0;
    budget_again(m, now);
}

void budget_tick(struct member *m, usec now)
{
    if (!m->budget)
        return;
    bwe_tick(&m->budget->bwe, now);
    look(m, now);
}

usec budget_next(const struct member *m)
{
    if (!m->budget)
        return USEC_NEVER;
    return m->budget->anew ? 0 : bwe_next(&m->budget->bwe);
}
