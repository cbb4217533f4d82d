/* test_spread.c - a lesson whose viewers are on two hubs: they see and hear the same. */
#include "relay/media/forward.h"
#include "relay/media/link.h"
#include "tests/sim/world.h"
#include "tests/unit/test.h"

static const struct path_conf clean = {.delay = 10000};
static const struct path_conf lossy = {
    .delay = 20000, .jitter = 5000, .loss_good = 0.02, .reorder = 0.001, .reorder_by = 8000};

static const struct bot_recv *line(const struct world_bot *b, size_t i)
{
    return &b->bot->recv[i];
}

static void assert_untouched(const struct world *w)
{
    for (size_t i = 0; i < w->n; i++)
        assert_int_equal(w->bots[i].bot->wrong, 0);
}

static void who_watches_elsewhere_sees_at_once_and_all_of_it(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 41);
    const struct world_bot *const lead = world_lead(&w, &clean);
    world_run(&w, 3 * USEC_SEC);
    world_spread(&w);
    const struct world_bot *const here = world_plays(&w, SITE_NONE, &clean);
    w.elsewhere = true;
    const usec begin = w.now;
    struct world_bot *there[20];
    for (int i = 0; i < 20; i++) {
        there[i] = world_plays(&w, SITE_NONE, &clean);
        world_run(&w, w.now + 100000);
    }
    world_run(&w, w.now + 5 * USEC_SEC);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(there[i]->state, MEMBER_OPEN);
        assert_in_range(there[i]->first_us, 1, 500000);
        assert_true(line(there[i], PLAY_CAMERA)->keys > 0);
        assert_int_equal(line(there[i], PLAY_CAMERA)->tag, TAG_CAMERA);
        assert_int_equal(line(there[i], PLAY_SLIDES)->tag, TAG_SLIDES);
        assert_true(line(there[i], PLAY_VOICE)->by_tag[TAG_LEAD_VOICE] > 240);
        assert_int_equal(line(there[i], PLAY_CAMERA)->pid_jumps, 0);
    }
    assert_true(line(here, PLAY_CAMERA)->packets > 300);
    const usec seconds = (w.now - begin) / USEC_SEC + 1;
    for (size_t i = 1; i < lead->bot->sends; i++)
        assert_in_range(lead->bot->send[i].plis, 0, seconds);
    assert_untouched(&w);
    world_fini(&w);
}

static void losses_are_repaired_by_the_hub_that_is_near(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 42);
    world_lead(&w, &lossy);
    world_spread(&w);
    w.elsewhere = true;
    const struct world_bot *const v = world_plays(&w, SITE_NONE, &lossy);
    world_run(&w, 60 * USEC_SEC);
    const struct bot_recv *const camera = line(v, PLAY_CAMERA);
    assert_true(camera->repaired > 20);
    assert_true(w.away->stat.repair[FORWARD_AGAIN] > 20);
    assert_int_equal(w.hub->stat.repair[FORWARD_AGAIN], 0);
    assert_in_range(camera->packets, 59 * 75 - 100, 61 * 75 + 100);
    assert_untouched(&w);
    world_fini(&w);
}

/* The point that has the floor is seen and heard on both hubs, and on neither when it is taken. */
static void the_floor_is_the_same_everywhere(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 43);
    world_lead(&w, &clean);
    struct world_bot *const point = world_point(&w, 1, &clean);
    world_spread(&w);
    w.elsewhere = true;
    const struct world_bot *const v = world_plays(&w, SITE_NONE, &clean);
    world_run(&w, 3 * USEC_SEC);
    assert_int_equal(line(v, PLAY_FLOOR)->packets, 0);
    assert_int_equal(line(v, PLAY_FLOOR_VOICE)->packets, 0);
    world_state(&w, MODE_LECTURE, 1, false);
    world_run(&w, w.now + 2 * USEC_SEC);
    assert_true(line(v, PLAY_FLOOR)->by_tag[TAG_CLASS + 1] > 50);
    assert_true(line(v, PLAY_FLOOR_VOICE)->by_tag[TAG_POINT_VOICE + 1] > 80);

    world_command(&w,
                  &(struct cmd){.kind = CMD_MEMBER_DEL, .room = WORLD_ROOM, .member = point->id});
    world_run(&w, w.now + USEC_SEC);
    const uint64_t was = line(v, PLAY_FLOOR)->packets;
    world_run(&w, w.now + USEC_SEC);
    assert_int_equal(line(v, PLAY_FLOOR)->packets, was);
    assert_untouched(&w);
    world_fini(&w);
}

/* A layer that falls silent is given up on both hubs. */
static void a_silent_layer_is_left_everywhere(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 44);
    struct world_bot *const lead = world_lead(&w, &clean);
    world_spread(&w);
    w.elsewhere = true;
    const struct world_bot *const v = world_plays(&w, SITE_NONE, &clean);
    world_run(&w, 4 * USEC_SEC);
    const uint64_t before = line(v, PLAY_CAMERA)->packets;
    for (size_t i = 0; i < lead->bot->sends; i++)
        if (lead->bot->send[i].line == LINE_CAMERA && lead->bot->send[i].layer == 1)
            lead->bot->send[i].next = USEC_NEVER;
    world_run(&w, w.now + 6 * USEC_SEC);
    assert_true(line(v, PLAY_CAMERA)->packets > before + 50);
    assert_in_range(w.now - line(v, PLAY_CAMERA)->last_at, 0, 200000);
    assert_untouched(&w);
    world_fini(&w);
}

/* A hub that takes nothing for a while costs pictures there, nobody elsewhere anything, and the
 * pictures come back by a key frame. */
static void a_hub_that_hangs_loses_frames_and_comes_back(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 45);
    world_lead(&w, &clean);
    world_spread(&w);
    const struct world_bot *const here = world_plays(&w, SITE_NONE, &clean);
    w.elsewhere = true;
    const struct world_bot *const there = world_plays(&w, SITE_NONE, &clean);
    world_run(&w, 4 * USEC_SEC);
    w.away_hangs = true;
    world_run(&w, w.now + 15 * USEC_SEC);
    uint64_t frames = 0;
    uint64_t packets = 0;
    link_lost(w.hub, 1, &frames, &packets);
    assert_true(frames > 100);
    assert_true(packets > frames);
    assert_int_equal(w.hub->stat.links_full, 0);
    assert_in_range(w.now - line(here, PLAY_CAMERA)->last_at, 0, 200000);
    w.away_hangs = false;
    world_run(&w, w.now + 3 * USEC_SEC);
    assert_in_range(w.now - line(there, PLAY_CAMERA)->last_at, 0, 200000);
    assert_in_range(w.now - line(there, PLAY_VOICE)->last_at, 0, 200000);
    const uint64_t keys = line(there, PLAY_CAMERA)->keys;
    assert_true(keys > 1);
    assert_untouched(&w);
    world_fini(&w);
}

/* What was lent comes home: after the lesson nothing is missing, in whatever order it ends. */
static void all_packets_come_home(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 46);
    world_lead(&w, &clean);
    world_spread(&w);
    w.elsewhere = true;
    world_plays(&w, SITE_NONE, &clean);
    world_run(&w, 10 * USEC_SEC);
    assert_true(w.lent > 0);
    world_command(&w, &(struct cmd){.kind = CMD_ROOM_CLOSE, .room = WORLD_ROOM});
    world_run(&w, w.now + USEC_SEC);
    assert_int_equal(w.lent, 0);
    assert_int_equal(pkt_pool_in_use(w.pool), 0);
    assert_int_equal(w.hub->rooms.n, 0);
    assert_int_equal(w.away->rooms.n, 0);
    world_fini(&w);
}

/* Any command makes the hubs exchange what they have to say. */
static void settle(struct world *w)
{
    world_state(w, MODE_LECTURE, SITE_NONE, false);
}

/* The hub with the viewers may hear of the room before its home does. */
static void a_link_may_be_there_before_the_room(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 47);
    const room_id early = 99;
    const struct cmd open = {.kind = CMD_ROOM_OPEN, .room = early, .home = 0};
    const struct cmd close = {.kind = CMD_ROOM_CLOSE, .room = early};
    hub_command(w.away, w.now, &open, &w.out);
    settle(&w);
    assert_int_equal(w.hub->rooms.n, 2);
    hub_command(w.hub, w.now, &open, &w.out);
    assert_int_equal(w.hub->rooms.n, 2);
    hub_command(w.hub, w.now, &close, &w.out);
    hub_command(w.away, w.now, &close, &w.out);
    settle(&w);
    assert_int_equal(w.hub->rooms.n, 1);
    assert_int_equal(w.away->rooms.n, 0);

    hub_command(w.away, w.now, &open, &w.out); /* after its end, and never opened at home */
    settle(&w);
    hub_command(w.away, w.now, &close, &w.out);
    settle(&w);
    assert_int_equal(w.hub->rooms.n, 1);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_watches_elsewhere_sees_at_once_and_all_of_it),
        cmocka_unit_test(losses_are_repaired_by_the_hub_that_is_near),
        cmocka_unit_test(the_floor_is_the_same_everywhere),
        cmocka_unit_test(a_silent_layer_is_left_everywhere),
        cmocka_unit_test(a_hub_that_hangs_loses_frames_and_comes_back),
        cmocka_unit_test(all_packets_come_home),
        cmocka_unit_test(a_link_may_be_there_before_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
