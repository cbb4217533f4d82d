/* test_red.c - voices over ways that lose packets and are too long for repairs: what was lost comes
 * with the next packets (RFC 2198), on the viewer's side and on the publisher's. */
#include "relay/media/budget.h"
#include "relay/media/forward.h"
#include "relay/media/member.h"
#include "tests/sim/world.h"
#include "tests/unit/test.h"

#define WARM (8 * USEC_SEC) /* reports have told of the loss */
#define LONG (60 * USEC_SEC)

static struct world w;

static const struct path_conf clean = {.delay = 10 * USEC_MS};

/* 300 ms there and back. */
static struct path_conf far(double loss)
{
    return (struct path_conf){.delay = 150 * USEC_MS, .loss_good = loss};
}

static struct world_bot *speaker(const struct path_conf *way, uint8_t riders)
{
    const uint8_t source[NEGO_MEDIA] = {SRC_VOICE};
    const struct nego n = {.n = 1, .media = {{.audio = true, .send = true}}};
    struct world_bot *const b = world_join(&w, "speaker", SITE_LEAD, &n, source, NULL, way);
    bot_sends(b->bot, 0, 0, TAG_LEAD_VOICE, 20 * USEC_MS, 1, 80);
    b->bot->send[0].riders = riders;
    return b;
}

static struct world_bot *listener(uint8_t site, const struct path_conf *way)
{
    const struct slot slot[NEGO_MEDIA] = {{0}};
    const struct nego n = {.n = 1, .media = {{.audio = true, .recv = true}}};
    return world_join(&w, "listener", site, &n, NULL, slot, way);
}

/* Packets that came when they were still of use: a repair takes 300 ms and more. */
static uint64_t in_time(const struct world_bot *b)
{
    return b->bot->recv[0].packets - b->bot->recv[0].slow;
}

/* The share of a minute's packets that came in time. */
static double share(const struct world_bot *from, const struct world_bot *to)
{
    const uint32_t sent = from->bot->send[0].count;
    const uint64_t got = in_time(to);
    world_run(&w, w.now + LONG);
    return (double)(in_time(to) - got) / (from->bot->send[0].count - sent);
}

static void assert_whole(void)
{
    for (size_t i = 0; i < w.n; i++)
        assert_int_equal(w.bots[i].bot->wrong, 0);
    assert_int_equal(w.hub->stat.red_bad, 0);
}

static void a_viewer_who_loses_packets_hears_them_in_time(void **unused)
{
    (void)unused;
    static const struct {
        double loss, share;
    } ways[] = {{0.1, 0.99}, {0.2, 0.97}, {0.3, 0.97}};
    for (uint8_t i = 0; i < ARRAY_LEN(ways); i++) {
        const struct path_conf way = far(ways[i].loss);
        world_init(&w, (uint8_t)(80 + i));
        const struct world_bot *const from = speaker(&clean, 0);
        const struct world_bot *const near = listener(1, &clean);
        const struct world_bot *const to = listener(2, &way);
        world_run(&w, w.now + WARM);
        const double got = share(from, to);
        print_message("# %.0f %% lost on the way to a viewer: %.2f %% in time\n",
                      100 * ways[i].loss, 100 * got);
        assert_true(got >= ways[i].share);
        assert_true(to->bot->recv[0].ridden > to->bot->recv[0].packets / 20);
        assert_int_equal(near->bot->recv[0].ridden, 0); /* whose way is good pays nothing */
        assert_whole();
        world_fini(&w);
    }
}

static void so_does_an_observer_on_another_worker(void **unused)
{
    (void)unused;
    const struct path_conf way = far(0.1);
    world_init(&w, 77);
    world_spread(&w);
    const struct world_bot *const from = speaker(&clean, 0);
    w.elsewhere = true;
    const struct world_bot *const to = listener(SITE_NONE, &way);
    world_run(&w, w.now + WARM);
    assert_true(share(from, to) >= 0.99);
    assert_true(w.away->stat.red_out > 0 && w.hub->stat.red_out == 0);
    assert_whole();
    world_fini(&w);
}

static void what_a_publisher_loses_is_there_before_anybody_misses_it(void **unused)
{
    (void)unused;
    static const struct {
        double loss, share;
    } ways[] = {{0.1, 0.99}, {0.2, 0.97}};
    for (uint8_t i = 0; i < ARRAY_LEN(ways); i++) {
        const struct path_conf way = far(ways[i].loss);
        world_init(&w, (uint8_t)(72 + i));
        const struct world_bot *const from = speaker(&way, 2);
        const struct world_bot *const to = listener(1, &clean);
        world_run(&w, w.now + WARM);
        const double got = share(from, to);
        const uint64_t filled = w.hub->stat.red_filled;
        print_message("# %.0f %% lost on the way from a publisher: %.2f %% in time, %llu filled, "
                      "%llu asked for again\n",
                      100 * ways[i].loss, 100 * got, (unsigned long long)filled,
                      (unsigned long long)from->bot->rtx_sent);
        assert_true(got >= ways[i].share);
        assert_true(filled > from->bot->send[0].count / 20);
        assert_true(from->bot->rtx_sent < filled / 5);
        assert_int_equal(w.hub->stat.red_out, 0); /* the viewer's own way is good */
        assert_in_range(from->last.in_loss_ppt, 500 * ways[i].loss, 2000 * ways[i].loss);
        assert_whole();
        world_fini(&w);
    }
}

/* As if its connection had not agreed on more than receiver reports. */
static void only_reports(const struct world_bot *b)
{
    struct member *const m = table_get(&w.hub->members, &b->id);
    assert_non_null(m);
    budget_free(&m->budget);
}

static void receiver_reports_alone_tell_whose_way_loses(void **unused)
{
    (void)unused;
    const struct path_conf way = far(0.2);
    for (uint8_t i = 0; i < 2; i++) {
        world_init(&w, (uint8_t)(78 + i));
        const struct world_bot *const from = speaker(i ? &way : &clean, i ? 2 : 0);
        const struct world_bot *const to = listener(1, i ? &clean : &way);
        only_reports(to);
        world_run(&w, w.now + WARM);
        assert_true(share(from, to) >= 0.97);
        assert_int_equal(w.hub->stat.red_out > 0, i == 0);
        assert_whole();
        world_fini(&w);
    }
}

static void riders_leave_when_the_way_is_good_again(void **unused)
{
    (void)unused;
    const struct path_conf way = far(0.1);
    world_init(&w, 74);
    speaker(&clean, 0);
    struct world_bot *const to = listener(1, &way);
    world_run(&w, w.now + WARM);
    assert_true(w.hub->stat.red_out > 50);
    to->down.conf.loss_good = 0;
    world_run(&w, w.now + 20 * USEC_SEC);
    const uint64_t out = w.hub->stat.red_out;
    world_run(&w, w.now + 10 * USEC_SEC);
    assert_int_equal(w.hub->stat.red_out, out);
    assert_whole();
    world_fini(&w);
}

static void a_way_without_room_gets_no_riders(void **unused)
{
    (void)unused;
    struct path_conf way = far(0.1);
    way.bps = 56000;
    way.queue = 500 * USEC_MS;
    world_init(&w, 75);
    speaker(&clean, 0);
    const struct world_bot *const to = listener(1, &way);
    world_run(&w, w.now + WARM);
    const uint64_t out = w.hub->stat.red_out;
    const uint64_t heard = to->bot->recv[0].by_tag[TAG_LEAD_VOICE];
    world_run(&w, w.now + 20 * USEC_SEC);
    assert_int_equal(w.hub->stat.red_out, out);
    assert_true(to->bot->recv[0].by_tag[TAG_LEAD_VOICE] - heard > 1000 * 8 / 10);
    assert_whole();
    world_fini(&w);
}

static void a_floor_that_changes_hands_is_heard_by_who_loses_packets(void **unused)
{
    (void)unused;
    const struct path_conf way = far(0.1);
    world_init(&w, 76);
    world_lead(&w, &clean);
    world_point(&w, 1, &clean);
    world_point(&w, 2, &clean);
    const struct world_bot *const to = world_plays(&w, SITE_NONE, &way);
    world_run(&w, w.now + WARM);
    for (unsigned i = 0; i < 60; i++) {
        world_state(&w, MODE_LECTURE, (uint8_t)(1 + i % 2), false);
        world_run(&w, w.now + 500 * USEC_MS);
    }
    const struct bot_recv *const floor = &to->bot->recv[PLAY_FLOOR_VOICE];
    assert_true(floor->ridden > 50);
    assert_true(floor->by_tag[TAG_POINT_VOICE + 1] > 600);
    assert_true(floor->by_tag[TAG_POINT_VOICE + 2] > 600);
    assert_whole();
    world_fini(&w);
}

/* As a browser that knows neither RED nor repairs of a voice. */
static void knows_only_opus(const struct world_bot *b)
{
    struct hub *const h = w.elsewhere ? w.away : w.hub;
    struct member *const m = table_get(&h->members, &b->id);
    assert_non_null(m);
    m->line[0].red_pt = 0;
    m->line[0].nack = false;
}

/* What the speaker hears of losses after ten seconds more, per cent, and what was lost in fact on
 * the way to the relay. */
static double told(const struct world_bot *from, uint32_t *lost)
{
    double most = 0;
    for (unsigned i = 0; i < 10; i++) {
        world_run(&w, w.now + USEC_SEC);
        const double now = from->bot->send[0].report.fraction_lost / 2.56;
        most = now > most ? now : most;
    }
    *lost = (uint32_t)from->bot->send[0].report.lost;
    return most;
}

static void a_speaker_hears_what_the_worst_viewer_lacks(void **unused)
{
    (void)unused;
    for (uint8_t i = 0; i < 2; i++) { /* on the speaker's worker, and on another one */
        const struct path_conf way = far(0.1);
        uint32_t lost;
        world_init(&w, (uint8_t)(60 + i));
        if (i)
            world_spread(&w);
        const struct world_bot *const from = speaker(&clean, 0);
        w.elsewhere = i;
        listener(1, &clean);
        struct world_bot *const to = listener(2, &way);
        knows_only_opus(to);
        world_run(&w, w.now + WARM);
        const double lacks = told(from, &lost);
        print_message("# a viewer lacks 10 %%: the speaker is told %.1f %%\n", lacks);
        assert_true(lacks > 6 && lacks < 16);
        assert_int_equal(lost, 0); /* and that his own way is good */
        to->down.conf.loss_good = 0;
        world_run(&w, w.now + 2 * WARM);
        assert_true(told(from, &lost) < 1);
        assert_whole();
        world_fini(&w);
    }
}

static void what_is_repaired_is_not_lacked(void **unused)
{
    (void)unused;
    const struct path_conf way = far(0.1);
    uint32_t lost;
    world_init(&w, 62);
    const struct world_bot *const from = speaker(&clean, 0);
    listener(1, &way); /* by what rides along and by repairs */
    world_run(&w, w.now + 2 * WARM);
    assert_true(told(from, &lost) < 2);
    assert_int_equal(lost, 0);
    assert_whole();
    world_fini(&w);
}

static void an_observer_makes_nobodys_voice_worse(void **unused)
{
    (void)unused;
    const struct path_conf way = far(0.2);
    uint32_t lost;
    world_init(&w, 63);
    const struct world_bot *const from = speaker(&clean, 0);
    knows_only_opus(listener(SITE_NONE, &way));
    world_run(&w, w.now + WARM);
    assert_true(told(from, &lost) < 1);
    assert_whole();
    world_fini(&w);
}

static void what_the_way_up_loses_is_no_lack_of_the_viewers(void **unused)
{
    (void)unused;
    const struct path_conf way = {.delay = 10 * USEC_MS, .loss_good = 0.1};
    uint32_t lost;
    world_init(&w, 64);
    const struct world_bot *const from = speaker(&way, 0);
    struct world_bot *const to = listener(1, &clean);
    knows_only_opus(to);
    world_run(&w, w.now + WARM);
    struct member *const m = table_get(&w.hub->members, &to->id);
    (void)told(from, &lost);
    assert_true(lost > 50); /* the way up is told of as it is */
    assert_true((double)m->sub[0]->lack < 0.02);
    assert_whole();
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_viewer_who_loses_packets_hears_them_in_time),
        cmocka_unit_test(so_does_an_observer_on_another_worker),
        cmocka_unit_test(what_a_publisher_loses_is_there_before_anybody_misses_it),
        cmocka_unit_test(receiver_reports_alone_tell_whose_way_loses),
        cmocka_unit_test(riders_leave_when_the_way_is_good_again),
        cmocka_unit_test(a_way_without_room_gets_no_riders),
        cmocka_unit_test(a_floor_that_changes_hands_is_heard_by_who_loses_packets),
        cmocka_unit_test(a_speaker_hears_what_the_worst_viewer_lacks),
        cmocka_unit_test(what_is_repaired_is_not_lacked),
        cmocka_unit_test(an_observer_makes_nobodys_voice_worse),
        cmocka_unit_test(what_the_way_up_loses_is_no_lack_of_the_viewers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
