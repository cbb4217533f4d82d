/* test_links.c - a lesson over each link of tests/link/links.conf: a village behind it, beside it
 * one with a good link. What comes of voice, slides and picture; and that nobody else notices.
 * LINK=NAME plays only this one and tells of each second; SEED=N plays with other luck. */
#include "relay/media/forward.h"
#include "tests/link/linkconf.h"
#include "tests/sim/world.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOIN (20 * USEC_SEC)     /* the longest way in */
#define SETTLE (5 * USEC_SEC)    /* from the first voice until figures are taken */
#define SHORTEST (60 * USEC_SEC) /* that figures are taken */
#define AFTER (20 * USEC_SEC)    /* and so long after the last step */
#define LOOK (20 * USEC_MS)      /* from one look at a viewer to the next: a voice packet */
#define MS(t) ((long)((t) / USEC_MS))

/* What must hold; times in ms. There are 25 pictures a second and a slide every ten. */
struct limits {
    const char *link;
    long joined;
    double voice; /* % lost */
    long silence, slide;
    double pictures; /* a second */
    long freeze, queue;
    uint64_t unkept; /* packets that were asked for and not kept any more */
};

#define NONE 1000000

static const struct limits usual = {NULL, 3000, 1, 400, 5000, 24, 2500, 30, 0};
static const struct limits others[] = {
    {"clean", 100, 0, 20, 100, 24.9, 60, 0, 0},
    {"loss-20", 6000, 1, 400, 6000, 24, 2500, 0, 0},
    {"loss-30", 12000, 1, 400, 15000, 18, 15000, 0, 0},
    /* what went out before it is not kept for so long */
    {"outage-10s", 3000, 1, 400, 5000, 24, 2500, 30, 200},
    /* the first slides come while the estimate is a guess, and the next takes their place */
    {"village-64k", 3000, 2, 400, 30000, 0, NONE, 200, 60},
};

static const struct path_conf clean = {.delay = 10 * USEC_MS};
static struct linkconf links;
static struct world w;

/* What a viewer has got. */
struct got {
    uint64_t voice, slides, p180, p360, p720; /* packets */
};

/* A viewer under the eyes of the test. */
struct watch {
    const struct world_bot *b;
    const struct bot_stream *lead; /* its slides */
    struct got first, last;
    usec looks, down;        /* of so many LOOKs, in so many nothing could come */
    usec voice_at, frame_at; /* when one came last, or could not */
    usec silence, freeze;    /* the longest times without */
    uint32_t shown;          /* packets of slides that the lead has sent */
    uint64_t slide_due;      /* the viewer's when it has the last slide */
    usec slide_at, slide;    /* when the lead sent it; the longest until one was there */
    usec queue, queues;      /* the longest; the sum over all looks */
};

static struct got got(const struct world_bot *b)
{
    const struct bot_recv *const r = b->bot->recv;
    const uint64_t *const camera = r[PLAY_CAMERA].by_tag;
    return (struct got){r[PLAY_VOICE].by_tag[TAG_LEAD_VOICE], r[PLAY_SLIDES].by_tag[TAG_SLIDES],
                        camera[TAG_180], camera[TAG_360], camera[TAG_720]};
}

static struct watch watch(const struct world_bot *b, const struct bot *lead)
{
    const struct got g = got(b);
    const struct bot_stream *const s = &lead->send[lead->sends - 1];
    return (struct watch){.b = b,
                          .lead = s,
                          .first = g,
                          .last = g,
                          .voice_at = w.now,
                          .frame_at = w.now,
                          .shown = s->count};
}

static void look_at_slides(struct watch *x, uint64_t has, bool down)
{
    if (x->lead->count != x->shown || down) { /* a new one, or the same for who lost it */
        if (x->last.slides >= x->slide_due || down)
            x->slide_at = w.now;
        x->shown = x->lead->count;
        x->slide_due = x->last.slides + WORLD_SLIDE;
    }
    if (has < x->slide_due)
        x->slide = usec_max(x->slide, w.now - x->slide_at);
}

static void look(struct watch *x)
{
    const struct got g = got(x->b);
    const bool down = x->b->down.down;
    if (g.voice != x->last.voice || down)
        x->voice_at = w.now;
    if (g.p180 != x->last.p180 || g.p360 != x->last.p360 || g.p720 != x->last.p720 || down)
        x->frame_at = w.now;
    look_at_slides(x, g.slides, down);
    const usec queue = path_queue(&x->b->down, w.now);
    x->silence = usec_max(x->silence, w.now - x->voice_at);
    x->freeze = usec_max(x->freeze, w.now - x->frame_at);
    x->queue = usec_max(x->queue, queue);
    x->queues += queue;
    x->looks++;
    x->down += down;
    x->last = g;
}

/* Per cent of the voice that could come and did not. */
static double voice_lost(const struct watch *x)
{
    const double due = (double)(x->looks - x->down);
    const double came = (double)(x->last.voice - x->first.voice);
    return came < due ? 100 * (due - came) / due : 0;
}

/* A second, of any size, by their packets. */
static double pictures(const struct watch *x)
{
    const struct got *const a = &x->first, *const b = &x->last;
    const double frames = (double)(b->p180 - a->p180) + (double)(b->p360 - a->p360) / 2 +
                          (double)(b->p720 - a->p720) / 6;
    return frames * USEC_SEC / (double)((x->looks - x->down) * LOOK);
}

static long queue_ms(const struct watch *x)
{
    return MS(x->queues / x->looks);
}

static void tell(const char *name, const struct watch *x, usec joined)
{
    const struct got *const a = &x->first, *const b = &x->last;
    print_message("# %-16s joined %4ld ms; voice lost %4.1f %%, silence %4ld ms; slide %5ld ms; "
                  "pictures %4.1f/s (packets of 720p %5lu, 360p %4lu, 180p %4lu), freeze %5ld ms; "
                  "queue %2ld ms, most %3ld; rung %u\n",
                  name, MS(joined), voice_lost(x), MS(x->silence), MS(x->slide), pictures(x),
                  b->p720 - a->p720, b->p360 - a->p360, b->p180 - a->p180, MS(x->freeze),
                  queue_ms(x), MS(x->queue), x->b->last.rung);
}

static usec last_step(const struct linkconf_link *l)
{
    return usec_max(l->up.steps[l->up.n - 1].at, l->down.steps[l->down.n - 1].at);
}

static struct world_bot *join(const struct linkconf_link *l, usec *joined)
{
    struct world_bot *const b = world_plays(&w, 1, &clean);
    const usec began = w.now;
    path_follow(&b->up, &l->up, began);
    path_follow(&b->down, &l->down, began);
    for (size_t i = 0; i < NEGO_MEDIA; i++) /* as a client measures it */
        nack_rtt(&b->bot->recv[i].nack, l->up.steps[0].conf.delay + l->down.steps[0].conf.delay);
    while (got(b).voice == 0 && w.now < began + JOIN)
        world_run(&w, w.now + LOOK);
    *joined = w.now - began;
    return b;
}

static void hold(const struct watch *x, usec joined, const struct limits *m)
{
    assert_true(MS(joined) <= m->joined);
    assert_true(voice_lost(x) <= m->voice);
    assert_true(MS(x->silence) <= m->silence);
    assert_true(MS(x->slide) <= m->slide);
    assert_true(pictures(x) >= m->pictures);
    assert_true(MS(x->freeze) <= m->freeze);
    assert_true(queue_ms(x) <= m->queue);
}

static const struct limits *limits_of(const char *link)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i].link, link) == 0)
            return &others[i];
    return &usual;
}

static void lesson(const struct linkconf_link *l, bool aloud)
{
    const char *const seed = getenv("SEED");
    world_init(&w, seed ? (uint8_t)strtoul(seed, NULL, 10) : 1);
    const struct bot *const lead = world_lead_layers(&w, &clean)->bot;
    const struct world_bot *const other = world_plays(&w, 2, &clean);
    world_run(&w, 2 * USEC_SEC);
    const usec steps_end = w.now + last_step(l);
    usec joined = 0;
    const struct world_bot *const village = join(l, &joined);
    world_run(&w, w.now + SETTLE);

    struct watch v = watch(village, lead);
    struct watch o = watch(other, lead);
    for (const usec end = usec_max(w.now + SHORTEST, steps_end + AFTER); w.now < end;) {
        world_run(&w, w.now + LOOK);
        look(&v);
        look(&o);
        if (aloud && v.looks % 50 == 0)
            tell(l->name, &v, joined);
    }
    tell(l->name, &v, joined);
    tell("  beside", &o, 0);
    hold(&v, joined, limits_of(l->name));
    hold(&o, 0, limits_of("clean"));
    for (size_t i = 0; i < w.n; i++)
        assert_int_equal(w.bots[i].bot->wrong, 0);
    assert_in_range(w.hub->stat.repair[FORWARD_LOST], 0, limits_of(l->name)->unkept);
    assert_int_equal(w.starved, 0);
    assert_true(lead->plis <= (uint64_t)(w.now / USEC_SEC));
    world_fini(&w);
}

static void every_link_carries_the_lesson(void **unused)
{
    (void)unused;
    if (!linkconf_read(&links, getenv("LINKS")))
        fail_msg("%s", links.why);
    const char *const only = getenv("LINK");
    for (size_t i = 0; i < links.n; i++)
        if (!only || strcmp(only, links.links[i].name) == 0)
            lesson(&links.links[i], only);
}

/* However long it had looked for more in vain. */
static void the_top_is_back_15_s_after_the_rate(void **unused)
{
    (void)unused;
    static struct linkconf own;
    for (unsigned until = 40; until <= 76; until += 4) {
        char text[120];
        const int n = snprintf(text, sizeof text,
                               "link steps\nrate 3000\nqueue 300\ndelay 25\n"
                               "at 20 rate 500\nat %u rate 3000",
                               until);
        assert_true(linkconf_parse(&own, "steps", text, (size_t)n));
        world_init(&w, 1);
        world_lead_layers(&w, &clean);
        world_run(&w, 2 * USEC_SEC);
        const usec back = w.now + until * USEC_SEC;
        usec joined = 0;
        const struct world_bot *const b = join(&own.links[0], &joined);
        world_run(&w, back + 15 * USEC_SEC);
        const uint64_t before = got(b).p720;
        world_run(&w, w.now + 4 * USEC_SEC);
        assert_true(got(b).p720 - before >= 4 * 25 * 6 - 20);
        world_fini(&w);
    }
}

/* Nothing comes of a slide that stands: who joins then makes the relay ask for it. */
static void who_comes_while_a_slide_stands_sees_it_at_once(void **unused)
{
    (void)unused;
    world_init(&w, 2);
    const struct bot *const lead = world_lead_layers(&w, &clean)->bot;
    world_run(&w, 6 * USEC_SEC);
    assert_int_equal(lead->plis, 0);
    const struct world_bot *const b = world_plays(&w, 1, &clean);
    world_run(&w, w.now + 2 * USEC_SEC);
    assert_true(got(b).slides >= WORLD_SLIDE);
    assert_in_range(lead->send[lead->sends - 1].plis, 1, 2);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_link_carries_the_lesson),
        cmocka_unit_test(the_top_is_back_15_s_after_the_rate),
        cmocka_unit_test(who_comes_while_a_slide_stands_sees_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
