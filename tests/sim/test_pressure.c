/* test_pressure.c - the pool of packets runs low: what is given up, what goes on, what comes back.
 */
#include "relay/media/room.h"
#include "relay/media/track.h"
#include "tests/sim/world.h"
#include "tests/unit/test.h"

#define PACKETS 1200 /* the lesson keeps about 800, a recorder that hangs up to 600 */

static const struct path_conf clean = {.delay = 10000};

static const struct bot_recv *line(const struct world_bot *b, size_t i)
{
    return &b->bot->recv[i];
}

static struct room *room_of(const struct world *w)
{
    const room_id id = WORLD_ROOM;
    return table_get(&w->hub->rooms, &id);
}

static const struct stream *camera(const struct world *w, size_t layer)
{
    return room_of(w)->track[SITE_LEAD][SRC_CAMERA]->layer[layer];
}

/* A viewer of the lead's camera in small; its picture is line 1, her voice line 0. */
static struct world_bot *small_viewer(struct world *w)
{
    const struct slot slot[NEGO_MEDIA] = {
        [1] = {.kind = SLOT_SITE, .site = SITE_LEAD, .small = true}};
    const struct nego n = {.n = 2,
                           .media = {{.audio = true, .recv = true, .codec = NEGO_OPUS},
                                     {.recv = true, .codec = NEGO_VP8}}};
    return world_join(w, "small", SITE_NONE, &n, NULL, slot, &clean);
}

struct scene {
    struct world_bot *lead, *big, *small;
};

static struct scene begin(struct world *w, uint8_t seed)
{
    struct scene s = {0};
    world_init_small(w, seed, PACKETS);
    s.lead = world_lead(w, &clean);
    s.big = world_plays(w, SITE_NONE, &clean);
    s.small = small_viewer(w);
    world_state(w, MODE_LECTURE, SITE_NONE, true);
    world_run(w, w->now + 10 * USEC_SEC);
    assert_int_equal(w->hub->stat.pressed, 0);
    assert_true(pkt_pool_left(w->pool) > PACKETS / 4);
    return s;
}

/* Packets that somebody else has. */
struct hoard {
    struct pkt *p[PACKETS];
    size_t n;
};

/* For a hundredth of a second the pool has about so much left. */
static void run_with(struct world *w, struct hoard *h, size_t left)
{
    while (pkt_pool_left(w->pool) > left)
        h->p[h->n++] = pkt_get(w->pool);
    while (h->n > 0 && pkt_pool_left(w->pool) < left)
        pkt_unref(&h->p[--h->n]);
    world_run(w, w->now + 10 * USEC_MS);
}

static void give_back(struct hoard *h)
{
    while (h->n > 0)
        pkt_unref(&h->p[--h->n]);
}

/* Down to `least` and up again within eight seconds. */
static size_t wave(unsigned i, size_t least)
{
    const size_t half = 400;
    const size_t at = i % (2 * half);
    return least + (at < half ? half - at : at - half);
}

/* In the numbers of a clean link a hole is what was given up here. */
static void assert_whole(const struct world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        assert_int_equal(w->bots[i].bot->wrong, 0);
        for (size_t k = 0; k < NEGO_MEDIA; k++)
            assert_int_equal(w->bots[i].bot->recv[k].torn, 0);
    }
    assert_int_equal(w->starved, 0);
}

/* All that flows is seen and heard. */
static void assert_flows(const struct world *w, const struct scene *s)
{
    assert_in_range(w->now - line(s->big, PLAY_CAMERA)->last_at, 0, 100000);
    assert_in_range(w->now - line(s->big, PLAY_SLIDES)->last_at, 0, 300000);
    assert_in_range(w->now - line(s->small, 1)->last_at, 0, 100000);
    assert_false(camera(w, 0)->press.on);
    assert_false(camera(w, 1)->press.on);
}

/* Little by little less is left: old packets go, then the low layer, and the rest stays. */
static void the_low_layer_is_given_up_first(void **unused)
{
    (void)unused;
    static struct world w;
    static struct hoard h;
    const struct scene s = begin(&w, 70);
    for (size_t left = PACKETS / 3; w.hub->stat.pressed == 0; left--) {
        assert_true(left > PACKETS / 16);
        run_with(&w, &h, left);
    }
    assert_true(camera(&w, 0)->press.on);
    assert_false(camera(&w, 1)->press.on);
    assert_in_range(w.now - line(s.big, PLAY_CAMERA)->last_at, 0, 100000);
    assert_in_range(w.now - line(s.big, PLAY_SLIDES)->last_at, 0, 300000);
    give_back(&h);
    world_run(&w, w.now + 3 * USEC_SEC);
    assert_flows(&w, &s);
    assert_whole(&w);
    world_fini(&w);
}

/* For a minute the pool is nearly empty now and then: pictures come and go, the voice misses no
 * packet. */
static void the_voice_goes_on_and_the_pictures_come_back(void **unused)
{
    (void)unused;
    static struct world w;
    static struct hoard h;
    const struct scene s = begin(&w, 71);
    const uint64_t heard = line(s.big, PLAY_VOICE)->packets;
    const uint64_t plis = s.lead->bot->plis;
    bool all = false;
    for (unsigned i = 0; i < 6000; i++) {
        run_with(&w, &h, wave(i, 20));
        all |= camera(&w, 1)->press.on;
        assert_in_range(w.now - line(s.big, PLAY_VOICE)->last_at, 0, 50000);
    }
    assert_true(all);
    assert_in_range(line(s.big, PLAY_VOICE)->packets - heard, 60 * 50 - 1, 60 * 50 + 1);
    assert_true(line(s.big, PLAY_CAMERA)->holes > 0);
    assert_in_range(s.lead->bot->plis - plis, 1, 2 * 60); /* each of two gates once a second */

    give_back(&h);
    world_run(&w, w.now + 10 * USEC_SEC);
    assert_flows(&w, &s);
    const uint64_t given_up = w.hub->stat.pressed;
    world_run(&w, w.now + 10 * USEC_SEC);
    assert_int_equal(w.hub->stat.pressed, given_up);
    assert_flows(&w, &s);
    assert_whole(&w);
    world_fini(&w);
}

/* Who watches the layer that was given up gets the next one. */
static void a_viewer_of_the_low_layer_gets_the_next(void **unused)
{
    (void)unused;
    static struct world w;
    static struct hoard h;
    const struct scene s = begin(&w, 72);
    for (int i = 0; i < 400; i++)
        run_with(&w, &h, PACKETS / 10); /* between an eighth and a sixteenth */
    assert_true(camera(&w, 0)->press.on);
    assert_false(camera(&w, 1)->press.on);
    assert_in_range(w.now - line(s.small, 1)->last_at, 0, 100000);
    assert_in_range(w.now - line(s.big, PLAY_CAMERA)->last_at, 0, 100000);
    assert_int_equal(line(s.big, PLAY_CAMERA)->holes, 0);
    give_back(&h);
    world_run(&w, w.now + 3 * USEC_SEC);
    assert_flows(&w, &s);
    assert_whole(&w);
    world_fini(&w);
}

/* Too small for the lesson and a recorder that hangs: less is kept, and nobody starves. */
static void a_pool_that_is_too_small_lasts(void **unused)
{
    (void)unused;
    static struct world w;
    const struct scene s = begin(&w, 74);
    const uint64_t heard = line(s.big, PLAY_VOICE)->packets;
    w.recorder_hangs = true;
    world_run(&w, w.now + 60 * USEC_SEC);
    assert_true(w.hub->lent == PACKETS / 2);
    assert_in_range(line(s.big, PLAY_VOICE)->packets - heard, 60 * 50 - 1, 60 * 50 + 1);
    w.recorder_hangs = false;
    world_run(&w, w.now + 5 * USEC_SEC);
    assert_flows(&w, &s);
    assert_whole(&w);
    world_fini(&w);
}

/* Losses at the same time: what is left out is not asked for, the rest is repaired. */
static void nothing_leaks_when_packets_are_lost_too(void **unused)
{
    (void)unused;
    static const struct path_conf lossy = {
        .delay = 20000, .jitter = 5000, .loss_good = 0.03, .reorder = 0.01, .reorder_by = 8000};
    static struct world w;
    static struct hoard h;
    world_init_small(&w, 73, PACKETS);
    world_lead(&w, &lossy);
    const struct world_bot *const v = world_plays(&w, SITE_NONE, &lossy);
    world_state(&w, MODE_LECTURE, SITE_NONE, true);
    for (unsigned i = 0; i < 6000; i++)
        run_with(&w, &h, wave(i, 10));
    give_back(&h);
    assert_true(w.hub->stat.pressed > 100);
    world_run(&w, w.now + 15 * USEC_SEC);
    assert_in_range(w.now - line(v, PLAY_CAMERA)->last_at, 0, 300000);
    world_command(&w, &(struct cmd){.kind = CMD_ROOM_CLOSE, .room = WORLD_ROOM});
    world_run(&w, w.now + USEC_SEC);
    assert_int_equal(pkt_pool_in_use(w.pool), 0);
    for (size_t i = 0; i < w.n; i++)
        assert_int_equal(w.bots[i].bot->wrong, 0);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_low_layer_is_given_up_first),
        cmocka_unit_test(the_voice_goes_on_and_the_pictures_come_back),
        cmocka_unit_test(a_viewer_of_the_low_layer_gets_the_next),
        cmocka_unit_test(a_pool_that_is_too_small_lasts),
        cmocka_unit_test(nothing_leaks_when_packets_are_lost_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
