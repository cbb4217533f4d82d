/* test_fec.c - pictures over ways that lose packets and are too long for repairs on request: repair
 * packets (FlexFEC-03) bring back what was lost, and are not sent where they would not help. */
#include "relay/media/forward.h"
#include "relay/media/member.h"
#include "tests/sim/world.h"
#include "tests/unit/test.h"

#define WARM (20 * USEC_SEC)
#define LONG (60 * USEC_SEC)
#define LESSONS 5

static struct world w;

static const struct path_conf clean = {.delay = 10 * USEC_MS};

/* 300 ms there and back. */
static struct path_conf far(double loss)
{
    return (struct path_conf){.delay = 150 * USEC_MS, .loss_good = loss};
}

static const struct bot_recv *camera(const struct world_bot *b)
{
    return &b->bot->recv[PLAY_CAMERA];
}

static void assert_whole(void)
{
    for (size_t i = 0; i < w.n; i++)
        assert_int_equal(w.bots[i].bot->wrong, 0);
    for (size_t i = 0; i < w.n; i++)
        assert_int_equal(camera(&w.bots[i])->fec.bad, 0);
}

static void takes_no_fec(const struct world_bot *b)
{
    struct member *const m = table_get(&w.hub->members, &b->id);
    assert_non_null(m);
    for (size_t i = 0; i < m->lines; i++)
        m->line[i].fec_pt = 0;
}

static void what_is_lost_far_away_comes_back_without_being_asked_for(void **unused)
{
    (void)unused;
    const struct path_conf way = far(0.06);
    world_init(&w, 120);
    world_lead(&w, &clean);
    const struct world_bot *const near = world_plays(&w, 1, &clean);
    const struct world_bot *const to = world_plays(&w, 2, &way);
    world_run(&w, w.now + WARM);
    const struct bot_recv before = *camera(to);
    const uint64_t out = w.hub->stat.fec_out;
    world_run(&w, w.now + LONG);
    const uint64_t got = camera(to)->packets - before.packets;
    const uint64_t back = camera(to)->fec.recovered - before.fec.recovered;
    const uint64_t asked = camera(to)->repaired - before.repaired;
    print_message("# %lu packets, %lu repair packets, %lu brought back, %lu by request\n", got,
                  w.hub->stat.fec_out - out, back, asked);
    assert_true(back > got * 5 / 100);
    assert_true(asked < back / 10);
    assert_true(w.hub->stat.fec_out - out < got);
    assert_int_equal(camera(near)->fec.in, 0); /* whose way is good pays nothing */
    assert_whole();
    world_fini(&w);
}

static void a_near_viewer_asks_for_what_it_lost(void **unused)
{
    (void)unused;
    const struct path_conf way = {.delay = 20 * USEC_MS, .loss_good = 0.06};
    world_init(&w, 121);
    world_lead(&w, &clean);
    const struct world_bot *const to = world_plays(&w, 1, &way);
    world_run(&w, w.now + WARM + LONG);
    assert_int_equal(w.hub->stat.fec_out, 0);
    assert_true(camera(to)->repaired > 50);
    assert_whole();
    world_fini(&w);
}

static void it_ends_when_nothing_is_lost_any_more(void **unused)
{
    (void)unused;
    const struct path_conf way = far(0.06);
    world_init(&w, 122);
    world_lead(&w, &clean);
    struct world_bot *const to = world_plays(&w, 1, &way);
    world_run(&w, w.now + WARM);
    assert_true(w.hub->stat.fec_out > 50);
    to->down.conf.loss_good = 0;
    world_run(&w, w.now + 25 * USEC_SEC);
    const uint64_t out = w.hub->stat.fec_out;
    world_run(&w, w.now + 10 * USEC_SEC);
    assert_int_equal(w.hub->stat.fec_out, out);
    assert_whole();
    world_fini(&w);
}

static void who_did_not_agree_on_it_gets_none(void **unused)
{
    (void)unused;
    const struct path_conf way = far(0.06);
    world_init(&w, 123);
    world_lead(&w, &clean);
    const struct world_bot *const to = world_plays(&w, 1, &way);
    takes_no_fec(to);
    world_run(&w, w.now + WARM);
    assert_int_equal(w.hub->stat.fec_out, 0);
    assert_true(camera(to)->repaired > 20);
    assert_whole();
    world_fini(&w);
}

/* Packets of the camera with repair packets, and beside it without. */
struct beside {
    uint64_t with, without;
};

static void play_beside(uint8_t seed, uint64_t bps, struct beside *sum)
{
    struct path_conf way = far(0.06);
    way.bps = bps;
    way.queue = 500 * USEC_MS;
    world_init(&w, seed);
    world_lead(&w, &clean);
    const struct world_bot *const with = world_plays(&w, 1, &way);
    const struct world_bot *const without = world_plays(&w, 2, &way);
    takes_no_fec(without);
    world_run(&w, w.now + WARM);
    const uint64_t heard = with->bot->recv[PLAY_VOICE].by_tag[TAG_LEAD_VOICE];
    world_run(&w, w.now + LONG);
    sum->with += camera(with)->packets;
    sum->without += camera(without)->packets;
    assert_true(with->bot->recv[PLAY_VOICE].by_tag[TAG_LEAD_VOICE] - heard > 3000 * 97 / 100);
    assert_whole();
    world_fini(&w);
}

/* Whatever a way has room for: beside who gets no repair packets, nothing is lost of voice, and not
 * much of pictures. In one lesson a rung may come sooner or later by luck. */
static void repair_packets_take_what_is_spare(void **unused)
{
    (void)unused;
    static const uint64_t rates[] = {500000, 700000, 1000000, 2000000};
    for (uint8_t i = 0; i < ARRAY_LEN(rates); i++) {
        struct beside sum = {0};
        for (uint8_t k = 0; k < LESSONS; k++)
            play_beside((uint8_t)(124 + i + 10 * k), rates[i], &sum);
        print_message("# %lu kbit/s: %lu packets with, %lu without\n", rates[i] / 1000, sum.with,
                      sum.without);
        assert_true(sum.with >= sum.without * 9 / 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_lost_far_away_comes_back_without_being_asked_for),
        cmocka_unit_test(a_near_viewer_asks_for_what_it_lost),
        cmocka_unit_test(it_ends_when_nothing_is_lost_any_more),
        cmocka_unit_test(who_did_not_agree_on_it_gets_none),
        cmocka_unit_test(repair_packets_take_what_is_spare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
