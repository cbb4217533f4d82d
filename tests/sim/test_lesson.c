/* test_lesson.c - stories of a lesson, told by what each member got. */
#include "relay/media/forward.h"
#include "tests/sim/world.h"
#include "tests/unit/test.h"

#include <stdlib.h>

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

static void a_late_comer_sees_at_once_and_the_lead_is_asked_once_a_second(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 1);
    const struct world_bot *const lead = world_lead(&w, &clean);
    world_run(&w, 3 * USEC_SEC);
    const usec begin = w.now;
    struct world_bot *late[50];
    for (int i = 0; i < 50; i++) {
        late[i] = world_plays(&w, SITE_NONE, &clean);
        world_run(&w, w.now + 100000);
    }
    world_run(&w, w.now + USEC_SEC);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(late[i]->state, MEMBER_OPEN);
        assert_in_range(late[i]->first_us, 1, 500000);
        assert_true(line(late[i], PLAY_CAMERA)->keys > 0);
        assert_true(line(late[i], PLAY_SLIDES)->keys > 0);
        assert_true(line(late[i], PLAY_VOICE)->by_tag[TAG_LEAD_VOICE] > 40);
    }
    const usec seconds = (w.now - begin) / USEC_SEC + 1;
    for (size_t i = 1; i < lead->bot->sends; i++)
        assert_in_range(lead->bot->send[i].plis, 0, seconds);
    assert_untouched(&w);
    world_fini(&w);
}

/* Browsers cut a frame into packets that differ by a byte or two: filled up, they leave as one. */
static void a_frame_leaves_as_one_message(void **unused)
{
    (void)unused;
    for (unsigned uneven = 0; uneven <= 20; uneven += 5) {
        static struct world w;
        world_init(&w, 60);
        struct world_bot *const lead = world_lead(&w, &clean);
        for (size_t i = 0; i < lead->bot->sends; i++)
            lead->bot->send[i].uneven = lead->bot->send[i].line == LINE_VOICE ? 0 : uneven;
        const struct world_bot *const v = world_plays(&w, SITE_NONE, &clean);
        world_run(&w, 3 * USEC_SEC);
        const uint64_t messages = w.messages;
        const uint64_t datagrams = w.datagrams;
        world_run(&w, w.now + 10 * USEC_SEC);
        /* a second has 25 frames of 3 packets and 5 of 2, which may share a message */
        assert_in_range(w.datagrams - datagrams, 840, 860);
        assert_in_range(w.messages - messages, 245, 305);
        assert_true(line(v, PLAY_CAMERA)->keys > 0);
        assert_untouched(&w);
        world_fini(&w);
    }
}

/* The send buffer is small, so that watchers are served a few at a time, and people come and go in
 * the middle of that: nobody misses a packet or gets one twice. */
static void watchers_in_small_steps_get_everything(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 61);
    w.out.cap = 12000;
    world_lead(&w, &clean);
    const struct world_bot *const point = world_plays(&w, 1, &clean);
    world_run(&w, 2 * USEC_SEC);
    struct world_bot *v[120];
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        v[i] = world_plays(&w, SITE_NONE, &clean);
        world_run(&w, w.now + 13000);
        if (i % 5 == 4)
            world_command(
                &w,
                &(struct cmd){.kind = CMD_MEMBER_DEL, .room = WORLD_ROOM, .member = v[i - 2]->id});
    }
    world_run(&w, w.now + 3 * USEC_SEC);
    uint64_t before[ARRAY_LEN(v)];
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        before[i] = line(v[i], PLAY_CAMERA)->packets;
    world_run(&w, w.now + 4 * USEC_SEC);
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        if (i % 5 == 2)
            continue; /* gone */
        assert_in_range(line(v[i], PLAY_CAMERA)->packets - before[i], 295, 305);
        assert_int_equal(line(v[i], PLAY_CAMERA)->pid_jumps, 0);
        assert_int_equal(line(v[i], PLAY_CAMERA)->repaired, 0);
        assert_int_equal(line(v[i], PLAY_VOICE)->repaired, 0);
        assert_true(line(v[i], PLAY_CAMERA)->keys > 0);
    }
    assert_int_equal(line(point, PLAY_CAMERA)->repaired, 0);
    assert_int_equal(w.hub->stat.repair[FORWARD_AGAIN], 0);
    assert_untouched(&w);
    world_fini(&w);
}

static void in_lecture_mode_a_point_is_heard_by_the_lead_alone(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 2);
    world_lead(&w, &clean);
    const struct world_bot *const hears = world_lead_plays(&w, &clean);
    world_point(&w, 1, &clean);
    world_point(&w, 2, &clean);
    const struct world_bot *const one = world_plays(&w, 1, &clean);
    const struct world_bot *const two = world_plays(&w, 2, &clean);
    const struct world_bot *const observer = world_plays(&w, SITE_NONE, &clean);
    world_run(&w, 5 * USEC_SEC);

    uint64_t lead_hears[3] = {0};
    for (size_t i = 0; i < 4; i++)
        for (uint8_t site = 1; site <= 2; site++)
            lead_hears[site] += line(hears, i)->by_tag[TAG_POINT_VOICE + site];
    assert_true(lead_hears[1] > 100 && lead_hears[2] > 100);
    assert_int_equal(line(hears, 0)->packets, 0); /* her own voice never comes back */
    assert_int_equal(line(one, PLAY_FLOOR_VOICE)->packets, 0);
    assert_int_equal(line(two, PLAY_FLOOR_VOICE)->packets, 0);
    assert_int_equal(line(observer, PLAY_FLOOR_VOICE)->packets, 0);

    world_state(&w, MODE_LECTURE, 1, false); /* point 1 has the floor */
    world_run(&w, w.now + 2 * USEC_SEC);
    assert_true(line(two, PLAY_FLOOR_VOICE)->by_tag[TAG_POINT_VOICE + 1] > 50);
    assert_true(line(observer, PLAY_FLOOR)->by_tag[TAG_CLASS + 1] > 50);
    assert_int_equal(line(one, PLAY_FLOOR_VOICE)->packets, 0);
    assert_int_equal(line(one, PLAY_FLOOR)->packets, 0);
    assert_int_equal(line(two, PLAY_FLOOR_VOICE)->by_tag[TAG_POINT_VOICE + 2], 0);

    world_state(&w, MODE_LECTURE, SITE_NONE, false); /* and loses it at once */
    world_run(&w, w.now + 100000);
    const uint64_t heard = line(two, PLAY_FLOOR_VOICE)->packets;
    world_run(&w, w.now + 2 * USEC_SEC);
    assert_int_equal(line(two, PLAY_FLOOR_VOICE)->packets, heard);
    assert_untouched(&w);
    world_fini(&w);
}

static void a_killed_lead_is_away_within_three_seconds_and_back_after_a_restart(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 3);
    struct world_bot *const lead = world_lead(&w, &clean);
    const struct world_bot *const viewer = world_plays(&w, 1, &clean);
    world_run(&w, 4 * USEC_SEC);
    lead->bot->silent = true;
    const usec killed = w.now;
    world_run(&w, w.now + 3 * USEC_SEC);
    assert_int_equal(lead->state, MEMBER_AWAY);
    assert_true(lead->state_at - killed < 2500000);

    const struct world_bot *const again = world_lead(&w, &clean);
    const uint64_t before = line(viewer, PLAY_CAMERA)->keys;
    const usec restarted = w.now;
    world_run(&w, w.now + USEC_SEC);
    assert_int_equal(again->state, MEMBER_OPEN);
    assert_true(line(viewer, PLAY_CAMERA)->keys > before);
    assert_true(line(viewer, PLAY_CAMERA)->last_at > restarted);
    world_run(&w, w.now + 40 * USEC_SEC);
    assert_int_equal(lead->state, MEMBER_GONE);
    assert_untouched(&w);
    world_fini(&w);
}

static void strangers_and_garbage_change_nothing(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 4);
    world_lead(&w, &clean);
    const struct world_bot *const viewer = world_plays(&w, SITE_NONE, &clean);
    world_run(&w, 2 * USEC_SEC);
    struct addr from;
    assert_true(addr_parse(&from, "10.9.9.9:999"));
    for (int i = 0; i < 20000; i++) {
        uint8_t junk[300];
        rng_bytes(&w.rng, junk, sizeof junk);
        if (i % 3 == 0)
            from = viewer->bot->addr; /* forged */
        from.port = i % 3 ? (uint16_t)i : from.port;
        wire_put(w.up, w.now + i * 50, &from, &w.addr, junk, 1 + rng_below(&w.rng, 299));
    }
    world_run(&w, w.now + 2 * USEC_SEC);
    assert_int_equal(viewer->state, MEMBER_OPEN);
    assert_true(line(viewer, PLAY_VOICE)->packets > 140);
    assert_int_equal(line(viewer, PLAY_VOICE)->nack.given_up, 0);
    assert_true(w.hub->stat.garbage + w.hub->stat.unknown > 10000);
    assert_untouched(&w);
    world_fini(&w);
}

static void numbers_wrap_in_mid_lesson(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 5);
    const struct world_bot *const lead = world_lead(&w, &lossy);
    for (size_t i = 0; i < lead->bot->sends; i++) {
        lead->bot->send[i].seq = 65400;
        lead->bot->send[i].ts = 0xffff0000u;
        lead->bot->send[i].picture_id = 0x7ff0;
        lead->bot->send[i].tl0 = 250;
    }
    const struct world_bot *const viewer = world_plays(&w, 1, &lossy);
    world_run(&w, 30 * USEC_SEC);
    assert_int_equal(line(viewer, PLAY_CAMERA)->nack.given_up, 0);
    assert_true(line(viewer, PLAY_CAMERA)->packets > 25 * 3 * 26);
    assert_true(line(viewer, PLAY_CAMERA)->repaired > 10);
    assert_untouched(&w);
    world_fini(&w);
}

static void the_recorder_gets_every_packet_and_every_packet_comes_home(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 6);
    const struct world_bot *const lead = world_lead(&w, &lossy);
    world_state(&w, MODE_LECTURE, SITE_NONE, true);
    world_run(&w, 20 * USEC_SEC);
    uint64_t sent = 0;
    for (size_t i = 0; i < lead->bot->sends; i++)
        sent += lead->bot->send[i].count;
    assert_int_equal(w.tap_tracks, 4);
    assert_in_range(lead->bot->send[1].plis, 2, 4); /* one each 6 s: a recording can be sought */
    assert_in_range(w.taps, sent - 20, sent);       /* but what is on its way, or being repaired */
    assert_int_equal(w.hub->stat.taps_lost, 0);
    world_fini(&w);
}

static void a_slot_pointed_elsewhere_shows_the_other_source(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 8);
    world_lead(&w, &clean);
    world_point(&w, 1, &clean);
    const struct world_bot *const viewer = world_plays(&w, SITE_NONE, &clean);
    world_run(&w, 3 * USEC_SEC);
    assert_int_equal(line(viewer, PLAY_CAMERA)->tag, TAG_CAMERA);

    struct cmd c = {.kind = CMD_SLOTS, .member = viewer->id};
    c.slots[PLAY_CAMERA] = (struct slot){.kind = SLOT_SITE, .site = 1};
    c.slots[PLAY_SLIDES] = (struct slot){.kind = SLOT_OFF};
    world_command(&w, &c);
    world_run(&w, w.now + 1500000);
    assert_int_equal(line(viewer, PLAY_CAMERA)->tag, TAG_CLASS + 1);
    const uint64_t slides = line(viewer, PLAY_SLIDES)->packets;
    world_run(&w, w.now + USEC_SEC);
    assert_int_equal(line(viewer, PLAY_SLIDES)->packets, slides);
    assert_int_equal(line(viewer, PLAY_CAMERA)->nack.given_up, 0);
    assert_untouched(&w);
    world_fini(&w);
}

static void a_layer_that_falls_silent_gives_way_to_the_next(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 9);
    const struct world_bot *const lead = world_lead(&w, &clean);
    const struct world_bot *const viewer = world_plays(&w, SITE_NONE, &clean);
    world_run(&w, 3 * USEC_SEC);
    const uint64_t high = line(viewer, PLAY_CAMERA)->packets; /* 3 a frame and more */
    assert_true(high > 25 * 3);

    for (size_t i = 0; i < lead->bot->sends; i++)
        if (lead->bot->send[i].layer == 1)
            lead->bot->send[i].every = 3600 * USEC_SEC; /* the uplink became too thin for it */
    world_run(&w, w.now + 4 * USEC_SEC);
    const uint64_t before = line(viewer, PLAY_CAMERA)->packets;
    world_run(&w, w.now + USEC_SEC);
    assert_in_range(line(viewer, PLAY_CAMERA)->packets - before, 24, 30); /* 1 a frame */
    assert_untouched(&w);
    world_fini(&w);
}

static void a_recorder_that_hangs_costs_no_viewer_a_packet(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 10);
    world_lead(&w, &clean);
    const struct world_bot *const viewer = world_plays(&w, SITE_NONE, &clean);
    world_state(&w, MODE_LECTURE, SITE_NONE, true);
    w.recorder_hangs = true;
    world_run(&w, 60 * USEC_SEC);
    assert_true(w.hub->stat.taps_lost > 1000);
    assert_true(line(viewer, PLAY_VOICE)->packets > 50 * 57);
    assert_int_equal(line(viewer, PLAY_CAMERA)->nack.given_up, 0);

    w.recorder_hangs = false;
    const uint64_t taps = w.taps;
    world_run(&w, w.now + 5 * USEC_SEC);
    assert_true(w.taps > taps + 400); /* it goes on, and was told of the gap */
    assert_true(w.tap_gaps > 0);
    world_fini(&w);
}

static void a_member_that_changes_its_address_is_followed(void **unused)
{
    (void)unused;
    static struct world w;
    world_init(&w, 11);
    struct world_bot *const lead = world_lead(&w, &clean);
    const struct world_bot *const viewer = world_plays(&w, SITE_NONE, &clean);
    world_run(&w, 3 * USEC_SEC);

    lead->bot->addr.ip[15] = 77; /* the room's Wi-Fi gave way to its 4G: another address */
    world_run(&w, w.now + 8 * USEC_SEC);
    const uint64_t before = line(viewer, PLAY_VOICE)->packets;
    const uint64_t heard = lead->stats;
    world_run(&w, w.now + 2 * USEC_SEC);
    assert_int_equal(lead->state, MEMBER_OPEN);
    assert_true(lead->stats > heard);
    assert_true(line(viewer, PLAY_VOICE)->packets - before > 95);
    assert_untouched(&w);
    world_fini(&w);
}

static unsigned number_of(const char *name, unsigned otherwise)
{
    const char *const v = getenv(name);
    return v ? (unsigned)strtoul(v, NULL, 10) : otherwise;
}

/* POINTS, OBSERVERS and MINUTES make it larger or shorter. */
static void an_hour_with_loss_leaves_nothing_unanswered(void **unused)
{
    (void)unused;
    static struct world w;
    const unsigned points = number_of("POINTS", 3);
    const unsigned observers = number_of("OBSERVERS", 6);
    const usec minutes = number_of("MINUTES", 60);
    world_init(&w, 7);
    world_lead(&w, &lossy);
    world_lead_plays(&w, &lossy);
    for (unsigned i = 1; i <= points; i++) {
        world_point(&w, (uint8_t)i, &lossy);
        world_plays(&w, (uint8_t)i, &lossy);
    }
    for (unsigned i = 0; i < observers; i++)
        world_plays(&w, SITE_NONE, &lossy);

    world_run(&w, 30 * USEC_SEC);
    size_t in_use = pkt_pool_in_use(w.pool);
    for (usec m = 1; m <= minutes; m++) {
        const bool given = m % 3 && points;
        const uint8_t floor = given ? (uint8_t)(1 + (unsigned)m % points) : SITE_NONE;
        world_state(&w, m % 5 ? MODE_LECTURE : MODE_INTERACT, floor, true);
        world_run(&w, w.now + 60 * USEC_SEC);
        assert_true(pkt_pool_in_use(w.pool) < in_use + 500); /* flat */
    }

    uint64_t got = 0;
    uint64_t repaired = 0;
    for (size_t i = 0; i < w.n; i++) {
        const struct world_bot *const b = &w.bots[i];
        assert_int_equal(b->state, MEMBER_OPEN);
        assert_int_equal(b->bot->nacks_unknown, 0);
        for (size_t k = 0; k < b->bot->nego.n; k++) {
            assert_int_equal(line(b, k)->nack.given_up, 0);
            got += line(b, k)->packets;
            repaired += line(b, k)->repaired;
        }
    }
    assert_int_equal(w.hub->stat.repair[FORWARD_LOST], 0);
    assert_int_equal(w.hub->stat.taps_lost, 0);
    assert_int_equal(w.hub->stat.pacer_full, 0);
    assert_true(repaired > got / 100);
    assert_untouched(&w);
    print_message("# %u points, %u observers, %u min: %llu packets in, %llu out, %llu checked, "
                  "%llu repaired by RTX\n",
                  points, observers, (unsigned)minutes, (unsigned long long)w.hub->stat.rtp_in,
                  (unsigned long long)w.hub->stat.rtp_out, (unsigned long long)got,
                  (unsigned long long)repaired);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_comer_sees_at_once_and_the_lead_is_asked_once_a_second),
        cmocka_unit_test(a_frame_leaves_as_one_message),
        cmocka_unit_test(watchers_in_small_steps_get_everything),
        cmocka_unit_test(in_lecture_mode_a_point_is_heard_by_the_lead_alone),
        cmocka_unit_test(a_killed_lead_is_away_within_three_seconds_and_back_after_a_restart),
        cmocka_unit_test(strangers_and_garbage_change_nothing),
        cmocka_unit_test(numbers_wrap_in_mid_lesson),
        cmocka_unit_test(the_recorder_gets_every_packet_and_every_packet_comes_home),
        cmocka_unit_test(a_slot_pointed_elsewhere_shows_the_other_source),
        cmocka_unit_test(a_layer_that_falls_silent_gives_way_to_the_next),
        cmocka_unit_test(a_recorder_that_hangs_costs_no_viewer_a_packet),
        cmocka_unit_test(a_member_that_changes_its_address_is_followed),
        cmocka_unit_test(an_hour_with_loss_leaves_nothing_unanswered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
