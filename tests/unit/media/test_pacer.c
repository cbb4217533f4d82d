/* test_pacer.c - voice at once, repairs next, pictures spread. */
#include "engine/media/pacer.h"
#include "tests/unit/test.h"

#define RATE 800000 /* 100 bytes in a millisecond */
#define BURST 2000
#define LEN 1000

static struct pkt_pool *pool;
static struct pacer p;
static struct send_rec r;

static int setup(void **unused)
{
    (void)unused;
    pool = pkt_pool_new(2000);
    return pool && pacer_init(&p, 1024, RATE, BURST) == OK ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    pacer_fini(&p);
    if (pkt_pool_in_use(pool) != 0)
        return -1;
    pkt_pool_free(&pool);
    return 0;
}

static bool push(enum pacer_class c, uint16_t seq, uint8_t sub)
{
    struct send_rec rec = {.pkt = pkt_get(pool), .map = {.seq = seq}, .sub = sub, .cls = c};
    assert_non_null(rec.pkt);
    rec.pkt->len = LEN - PACER_EXTRA;
    rec.pkt->rtp.start = true;
    return pacer_push(&p, &rec);
}

/* The number of the packet that leaves now, or -1. */
static int pop(usec now)
{
    if (!pacer_pop(&p, now, &r))
        return -1;
    pkt_unref(&r.pkt);
    return r.map.seq;
}

static void an_empty_one_has_nothing(void **unused)
{
    (void)unused;
    assert_int_equal(pacer_next(&p, 5), USEC_NEVER);
    assert_int_equal(pop(5), -1);
}

static void pictures_are_spread_at_the_rate(void **unused)
{
    (void)unused;
    for (uint16_t i = 0; i < 10; i++)
        assert_true(push(PACER_VIDEO, i, 1));
    assert_int_equal(pacer_waiting(&p, PACER_VIDEO), 10 * LEN);
    usec now = USEC_SEC;
    assert_int_equal(pop(now), 0); /* the burst */
    assert_int_equal(pop(now), 1);
    assert_int_equal(pop(now), -1);
    for (int i = 2; i < 10; i++) {
        const usec due = pacer_next(&p, now);
        assert_true(due > now);
        assert_int_equal(pop(due - 1), -1);
        assert_int_equal(pop(due), i);
        now = due;
    }
    assert_in_range(now - USEC_SEC, 70 * USEC_MS, 71 * USEC_MS);
    assert_int_equal(pacer_waiting(&p, PACER_VIDEO), 0);
}

static void voice_leaves_at_once_and_repairs_before_pictures(void **unused)
{
    (void)unused;
    for (uint16_t i = 0; i < 5; i++)
        assert_true(push(PACER_VIDEO, i, 1));
    assert_true(push(PACER_RTX, 50, 1));
    assert_true(push(PACER_VOICE, 90, 1));
    assert_true(push(PACER_VOICE, 91, 1));
    assert_true(push(PACER_VOICE, 92, 1));
    assert_int_equal(pacer_next(&p, 7), 7);
    assert_int_equal(pop(USEC_SEC), 90);
    assert_int_equal(pop(USEC_SEC), 91);
    assert_int_equal(pop(USEC_SEC), 92); /* more than the burst */
    assert_int_equal(pop(USEC_SEC), -1);
    const usec due = pacer_next(&p, USEC_SEC);
    assert_in_range(due, USEC_SEC + 10 * USEC_MS, USEC_SEC + 11 * USEC_MS);
    assert_int_equal(pop(due), 50);
    assert_int_equal(pop(due + 10 * USEC_MS), 0);
}

static void slides_go_before_other_pictures(void **unused)
{
    (void)unused;
    assert_true(push(PACER_VIDEO, 1, 1));
    assert_true(push(PACER_VIDEO, 2, 1));
    assert_true(push(PACER_SLIDES, 70, 2));
    assert_int_equal(pop(USEC_SEC), 70);
    assert_int_equal(pop(USEC_SEC), 1);
}

/* A long slide and pictures that come all the time: they have their part, it has the rest. */
static void pictures_have_their_part_beside_slides(void **unused)
{
    (void)unused;
    pacer_video(&p, RATE / 4);
    for (uint16_t i = 0; i < 200; i++)
        assert_true(push(i % 2 ? PACER_VIDEO : PACER_SLIDES, i, i % 2 ? 1 : 2));
    unsigned n = 0;
    unsigned pictures = 0;
    for (usec now = USEC_SEC; n < 100; now = pacer_next(&p, now)) {
        const int seq = pop(now);
        assert_true(seq >= 0);
        pictures += seq % 2 == 1;
        n++;
    }
    assert_in_range(pictures, 22, 30); /* a quarter, and what they had saved up */
    assert_true(push(PACER_RTX, 900, 1));
    assert_int_equal(pop(pacer_next(&p, 2 * USEC_SEC)), 900); /* repairs are before both */
}

static void what_waits_of_one_subscription_can_be_cut(void **unused)
{
    (void)unused;
    for (uint16_t i = 0; i < 300; i++)
        assert_true(push(i % 3 ? PACER_VIDEO : PACER_RTX, i, i % 2 ? 1 : 2) || i >= 192);
    assert_true(push(PACER_VOICE, 900, 1));
    struct remap_out last = {.seq = 7};
    pacer_cut(&p, 1, &last);
    assert_int_equal(last.seq, 7);        /* nothing is left of it */
    assert_int_equal(pop(USEC_SEC), 900); /* a voice is never cut */
    for (uint16_t i = 0; i < 300; i++) {
        const int seq = pop(USEC_SEC * (2 + i));
        assert_true(seq < 0 || seq % 2 == 0);
    }
    assert_int_equal(pacer_waiting(&p, PACER_VIDEO) + pacer_waiting(&p, PACER_RTX), 0);
    assert_int_equal(pkt_pool_in_use(pool), 0);
}

static void a_frame_that_began_to_leave_goes_on(void **unused)
{
    (void)unused;
    for (uint16_t i = 0; i < 6; i++) { /* two frames of three packets */
        struct send_rec rec = {.pkt = pkt_get(pool),
                               .map = {.seq = i, .ts = i < 3 ? 100 : 200},
                               .sub = 1,
                               .cls = PACER_VIDEO};
        rec.pkt->len = LEN - PACER_EXTRA;
        rec.pkt->rtp.start = i % 3 == 0;
        assert_true(pacer_push(&p, &rec));
    }
    assert_int_equal(pop(USEC_SEC), 0);
    struct remap_out last = {.seq = 0, .ts = 100};
    pacer_cut(&p, 1, &last);
    assert_int_equal(last.seq, 2);
    assert_int_equal(last.ts, 100);
    assert_int_equal(pop(USEC_SEC), 1);
    assert_int_equal(pop(2 * USEC_SEC), 2);
    assert_int_equal(pop(3 * USEC_SEC), -1);
}

static void long_talk_does_not_silence_pictures_for_long(void **unused)
{
    (void)unused;
    for (uint16_t i = 0; i < 128; i++)
        assert_true(push(PACER_VOICE, i, 1));
    assert_true(push(PACER_VIDEO, 999, 1));
    for (int i = 0; i < 128; i++)
        assert_int_equal(pop(USEC_SEC), i);
    assert_true(pacer_next(&p, USEC_SEC) < USEC_SEC + 50 * USEC_MS);
}

static void what_rides_along_is_waited_for(void **unused)
{
    (void)unused;
    assert_true(push(PACER_VOICE, 1, 0));
    assert_int_equal(pop(0), 1);
    pacer_spend(&p, BURST - LEN + 500);
    assert_true(push(PACER_VIDEO, 2, 0));
    assert_int_equal(pop(5 * USEC_MS - 10), -1); /* 500 bytes at 100 in a millisecond */
    assert_int_equal(pop(5 * USEC_MS + 20), 2);
}

static void a_full_ring_drops_the_new_and_counts(void **unused)
{
    (void)unused;
    for (uint16_t i = 0; i < 1024; i++)
        assert_true(push(PACER_VIDEO, i, 1));
    assert_false(push(PACER_VIDEO, 1024, 1));
    assert_int_equal(p.dropped, 1);
    assert_int_equal(pkt_pool_in_use(pool), 1024);
    assert_int_equal(pop(USEC_SEC), 0);
    assert_true(push(PACER_VIDEO, 1025, 1));
}

static void a_new_rate_counts_at_once(void **unused)
{
    (void)unused;
    for (uint16_t i = 0; i < 10; i++)
        assert_true(push(PACER_VIDEO, i, 1));
    while (pop(USEC_SEC) >= 0) {
    }
    pacer_rate(&p, 0, BURST);
    assert_int_equal(pacer_next(&p, USEC_SEC), USEC_NEVER);
    pacer_rate(&p, 10 * RATE, 100);
    const usec due = pacer_next(&p, USEC_SEC);
    assert_true(due <= USEC_SEC + 2);
    assert_int_equal(pop(due), 2);
    assert_int_equal(pop(due), -1);
    assert_int_equal(pop(due + USEC_SEC), 3); /* no more than the burst was saved up */
    assert_int_equal(pop(due + USEC_SEC), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_one_has_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(pictures_are_spread_at_the_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(voice_leaves_at_once_and_repairs_before_pictures, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(slides_go_before_other_pictures, setup, teardown),
        cmocka_unit_test_setup_teardown(pictures_have_their_part_beside_slides, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_of_one_subscription_can_be_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frame_that_began_to_leave_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(long_talk_does_not_silence_pictures_for_long, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_rides_along_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_ring_drops_the_new_and_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_rate_counts_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
