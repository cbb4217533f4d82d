/* test_jitter.c - packets come out in order, once, at their time. */
#include "engine/media/jitter.h"
#include "tests/unit/test.h"

#define RATE 48000
#define FRAME (20 * USEC_MS)
#define TICKS 960u
#define MIN (20 * USEC_MS)
#define MAX (400 * USEC_MS)

static struct pkt_pool *pool;
static struct jitter j;
static usec (*marked_by)(uint32_t); /* what comes late by it was brought again */

static int setup(void **unused)
{
    (void)unused;
    pool = pkt_pool_new(2000);
    jitter_init(&j, RATE, MIN, MAX);
    marked_by = NULL;
    return pool ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    jitter_fini(&j);
    if (pkt_pool_in_use(pool) != 0)
        return -1;
    pkt_pool_free(&pool);
    return 0;
}

/* Packet i of an even stream: sent at i * FRAME. */
static void put(usec now, uint32_t i)
{
    struct pkt *const p = pkt_get(pool);
    assert_non_null(p);
    p->rtp.ext_seq = 70000 + i;
    p->rtp.ts = UINT32_MAX - 5 * TICKS + i * TICKS; /* goes round soon */
    p->rtp.repaired = marked_by && marked_by(i) > i * FRAME;
    jitter_put(&j, now, p);
}

/* The number of the packet that comes out, -1 lost, -2 wait. */
static int get(usec now)
{
    struct pkt *p = NULL;
    const enum jitter_out what = jitter_get(&j, now, &p);
    assert_true((what == JITTER_PACKET) == (p != NULL));
    if (what != JITTER_PACKET)
        return what == JITTER_LOST ? -1 : -2;
    const int i = (int)(p->rtp.ext_seq - 70000);
    pkt_unref(&p);
    return i;
}

static void an_even_stream_comes_out_evenly(void **unused)
{
    (void)unused;
    assert_int_equal(jitter_next(&j), USEC_NEVER);
    assert_int_equal(get(0), -2);
    for (uint32_t i = 0; i < 1000; i++) {
        const usec now = USEC_SEC + i * FRAME;
        put(now, i);
        assert_int_equal(jitter_next(&j), now + MIN);
        assert_int_equal(get(now + MIN - 1), -2);
        assert_int_equal(get(now + MIN), (int)i);
    }
    assert_int_equal(j.out, 1000);
    assert_int_equal(j.late + j.missing + j.duplicates, 0);
}

static void disorder_and_doubles_are_put_right(void **unused)
{
    (void)unused;
    put(0, 1);
    put(0, 0); /* the first that comes need not be the first */
    put(0, 3);
    put(0, 2);
    put(0, 2);
    assert_int_equal(j.duplicates, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(get(USEC_SEC), i);
    assert_int_equal(get(USEC_SEC), -2);
    put(USEC_SEC, 3);
    assert_int_equal(j.late, 1);
    assert_int_equal(get(USEC_SEC), -2);
}

static void a_lost_packet_is_missed_at_its_own_time(void **unused)
{
    (void)unused;
    for (uint32_t i = 0; i < 10; i++)
        if (i != 4 && i != 5)
            put(i * FRAME, i);
    for (int i = 0; i < 4; i++)
        assert_int_equal(get(i * FRAME + MIN), i);
    assert_int_equal(jitter_next(&j), 4 * FRAME + MIN);
    assert_int_equal(get(4 * FRAME + MIN - 1), -2);
    assert_int_equal(get(4 * FRAME + MIN), -1);
    assert_int_equal(get(4 * FRAME + MIN), -2);
    assert_int_equal(get(5 * FRAME + MIN), -1);
    assert_int_equal(get(6 * FRAME + MIN), 6);
    assert_int_equal(j.missing, 2);
}

static void a_repair_in_time_fills_the_hole(void **unused)
{
    (void)unused;
    jitter_floor(&j, 100 * USEC_MS);
    put(0, 0);
    put(2 * FRAME, 2);
    put(100 * USEC_MS, 1);
    assert_int_equal(get(101 * USEC_MS), 0);
    assert_int_equal(get(121 * USEC_MS), 1);
    assert_int_equal(get(141 * USEC_MS), 2);
    assert_int_equal(j.missing, 0);
}

static void silence_is_not_loss(void **unused)
{
    (void)unused;
    put(0, 0);
    assert_int_equal(get(MIN), 0);
    assert_int_equal(jitter_next(&j), USEC_NEVER);
    struct pkt *const p = pkt_get(pool); /* DTX: the next number, two seconds later */
    p->rtp.ext_seq = 70001;
    p->rtp.ts = UINT32_MAX - 5 * TICKS + 2 * RATE;
    jitter_put(&j, 2 * USEC_SEC, p);
    assert_int_equal(jitter_next(&j), 2 * USEC_SEC + MIN);
    assert_int_equal(get(2 * USEC_SEC + MIN), 1);
}

/* An uneven way: every fourth packet takes 80 ms longer. */
static usec uneven(uint32_t i)
{
    return i * FRAME + (i % 4 == 3 ? 80 * USEC_MS : 0);
}

static void run(uint32_t from, uint32_t to, usec (*arrival)(uint32_t))
{
    uint32_t in = from;
    for (usec now = from * FRAME; now < (usec)to * FRAME; now += USEC_MS) {
        for (uint32_t i = in > 8 ? in - 8 : from; i < in + 8 && i < to; i++)
            if (arrival(i) == now)
                put(now, i);
        in = (uint32_t)(now / FRAME);
        while (get(now) != -2) {
        }
    }
}

static void the_delay_grows_with_an_uneven_way(void **unused)
{
    (void)unused;
    run(0, 200, uneven);
    const uint64_t missing = j.missing;
    const uint64_t late = j.late;
    assert_in_range(j.delay, 80 * USEC_MS, 100 * USEC_MS);
    run(200, 1000, uneven);
    assert_int_equal(j.missing, missing); /* it has learnt */
    assert_int_equal(j.late, late);
}

static usec even(uint32_t i)
{
    return i * FRAME;
}

static void the_delay_shrinks_again_slowly(void **unused)
{
    (void)unused;
    run(0, 200, uneven);
    const usec high = j.delay;
    run(200, 210, even);
    assert_true(high - j.delay <= 10 * USEC_MS);
    run(210, 3500, even); /* a minute */
    assert_true(j.delay <= MIN + 5 * USEC_MS);
}

static void the_delay_stays_in_its_bounds(void **unused)
{
    (void)unused;
    put(0, 0);
    for (uint32_t i = 1; i < 50; i++) {
        put(i * FRAME + 2 * USEC_SEC, i);
        while (get(i * FRAME + 2 * USEC_SEC) != -2) {
        }
    }
    assert_int_equal(j.delay, MAX);
    jitter_floor(&j, 10 * USEC_SEC);
    assert_int_equal(j.delay, MAX);
}

static void a_floor_holds_the_delay_up(void **unused)
{
    (void)unused;
    put(0, 0);
    jitter_floor(&j, 150 * USEC_MS);
    assert_int_equal(j.delay, 150 * USEC_MS);
    for (uint32_t i = 1; i < 200; i++)
        put(i * FRAME, i);
    assert_int_equal(j.delay, 150 * USEC_MS);
    jitter_floor(&j, 0);
    for (uint32_t i = 200; i < 900; i++)
        put(i * FRAME, i);
    assert_int_equal(j.delay, MIN);
}

static void who_plays_sound_takes_what_is_there(void **unused)
{
    (void)unused;
    struct pkt *p = NULL;
    jitter_floor(&j, 100 * USEC_MS);
    assert_int_equal(jitter_take(&j, 0, &p), JITTER_WAIT);
    put(0, 0);
    put(FRAME, 1);
    put(3 * FRAME, 3);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(jitter_peek(&j)->rtp.ext_seq, 70000 + i);
        assert_int_equal(jitter_take(&j, 3 * FRAME, &p), JITTER_PACKET);
        assert_int_equal(p->rtp.ext_seq, 70000 + i);
        pkt_unref(&p);
    }
    assert_null(jitter_peek(&j));
    const usec due = 2 * FRAME + 100 * USEC_MS; /* of the one that is missing */
    assert_int_equal(jitter_take(&j, due - 1, &p), JITTER_WAIT);
    assert_int_equal(jitter_take(&j, due, &p), JITTER_LOST);
    assert_int_equal(jitter_take(&j, due, &p), JITTER_PACKET);
    pkt_unref(&p);
    assert_int_equal(jitter_take(&j, due, &p), JITTER_WAIT);
}

static void a_floor_goes_as_fast_as_it_came(void **unused)
{
    (void)unused;
    put(0, 0);
    jitter_floor(&j, 150 * USEC_MS);
    assert_int_equal(jitter_next(&j), 150 * USEC_MS);
    jitter_floor(&j, 60 * USEC_MS);
    assert_int_equal(jitter_next(&j), 60 * USEC_MS);
    jitter_floor(&j, 0);
    assert_int_equal(jitter_next(&j), MIN);
}

/* One in 25 takes 160 ms longer, by a repair; nobody sees a picture that stands so long. */
static usec repaired(uint32_t i)
{
    return i * FRAME + (i % 25 == 3 ? 160 * USEC_MS : 0);
}

static void what_nobody_sees_costs_no_delay(void **unused)
{
    (void)unused;
    j.slack = 120 * USEC_MS;
    j.patience = 800 * USEC_MS;
    run(0, 2000, repaired);
    assert_in_range(j.delay, 40 * USEC_MS, 50 * USEC_MS);
    assert_int_equal(j.missing, 0);
    assert_int_equal(j.late, 0);
}

/* Two seconds long each packet takes 140 ms longer. */
static usec queued(uint32_t i)
{
    return i * FRAME + (i >= 500 && i < 600 ? 140 * USEC_MS : 0);
}

static void a_queue_that_passed_is_soon_forgotten(void **unused)
{
    (void)unused;
    j.voice = true;
    run(0, 590, queued);
    assert_in_range(j.delay, 140 * USEC_MS, 145 * USEC_MS);
    run(590, 600 + 18 * 50, queued);
    assert_int_equal(j.delay, MIN);
}

/* One packet in a hundred is lost and comes again after 140 ms. */
static usec brought_again(uint32_t i)
{
    return i * FRAME + (i % 100 == 50 ? 140 * USEC_MS : 0);
}

static void repairs_are_waited_for_between_two_of_them(void **unused)
{
    (void)unused;
    j.voice = true;
    marked_by = brought_again;
    run(0, 1000, brought_again);
    const uint64_t late = j.late;
    for (uint32_t i = 1000; i < 1600; i += 20) {
        run(i, i + 20, brought_again);
        assert_in_range(j.delay, 140 * USEC_MS, 145 * USEC_MS);
    }
    assert_int_equal(j.late, late);
}

/* One packet of a voice comes after its time. */
static usec once(uint32_t i)
{
    return i * FRAME + (i == 1000 ? 140 * USEC_MS : 0);
}

static void one_late_packet_moves_no_voice(void **unused)
{
    (void)unused;
    j.voice = true;
    run(0, 1000, once);
    for (uint32_t i = 1000; i < 1020; i++) {
        run(i, i + 1, once);
        assert_int_equal(j.delay, MIN);
    }
    assert_int_equal(j.late, 1);
    assert_int_equal(j.delay, MIN);
    for (uint32_t i = 1001; i < 1005; i++) /* and the ones behind it: that is a queue */
        put(i * FRAME + 400 * USEC_MS, i);
    put(1021 * FRAME, 1021);
    assert_in_range(j.delay, 100 * USEC_MS, MAX);
}

/* What was kept for one who comes late comes in a rush, ever younger: the way is not that slow. */
static void a_rush_at_the_start_is_no_delay(void **unused)
{
    (void)unused;
    for (uint32_t i = 0; i < 50; i++)
        put(50 * FRAME + i * USEC_MS / 10, i);
    while (get(50 * FRAME + 5 * USEC_MS) != -2) {
    }
    for (uint32_t i = 50; i < 60; i++) {
        put(i * FRAME + 10 * USEC_MS, i);
        while (get(i * FRAME + 10 * USEC_MS) != -2) {
        }
    }
    assert_int_equal(j.delay, MIN);
    assert_int_equal(j.missing, 0);
}

static void an_outage_is_passed_over(void **unused)
{
    (void)unused;
    for (uint32_t i = 0; i < 10; i++) {
        put(i * FRAME, i);
        assert_int_equal(get(i * FRAME + MIN), (int)i);
    }
    put(510 * FRAME, 510);
    assert_int_equal(jitter_next(&j), 510 * FRAME + MIN);
    assert_int_equal(get(510 * FRAME + MIN), 510);
    assert_int_equal(j.missing, 500);
}

static usec drifting(uint32_t i)
{
    return (i * FRAME * 10002 + 5000) / 10000 / USEC_MS * USEC_MS; /* 200 ppm */
}

static void a_slow_clock_is_followed(void **unused)
{
    (void)unused;
    run(0, 15000, drifting); /* five minutes: 60 ms */
    assert_int_equal(j.missing, 0);
    assert_int_equal(j.late, 0);
    assert_true(j.delay <= 30 * USEC_MS);
}

static void another_time_or_other_numbers_begin_anew(void **unused)
{
    (void)unused;
    for (uint32_t i = 0; i < 5; i++)
        put(i * FRAME, i);
    struct pkt *p = pkt_get(pool);
    p->rtp.ext_seq = 70005;
    p->rtp.ts = 123456789; /* the sender's clock was set */
    jitter_put(&j, 5 * FRAME, p);
    assert_int_equal(pkt_pool_in_use(pool), 1);
    assert_int_equal(get(5 * FRAME + MIN), 5);

    p = pkt_get(pool);
    p->rtp.ext_seq = 90000;
    p->rtp.ts = 123456789 + TICKS;
    jitter_put(&j, 6 * FRAME, p);
    assert_int_equal(get(6 * FRAME + MIN), 20000);
}

static void hours_do_not_wear_it_out(void **unused)
{
    (void)unused;
    for (uint32_t i = 0; i < 30000; i++) { /* a packet in 3 s: 25 hours, the timestamps wrap */
        const usec now = (usec)i * 3 * USEC_SEC;
        struct pkt *const p = pkt_get(pool);
        p->rtp.ext_seq = 70000 + i;
        p->rtp.ts = i * 3 * RATE;
        jitter_put(&j, now, p);
        assert_int_equal(get(now + MIN), (int)i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_even_stream_comes_out_evenly, setup, teardown),
        cmocka_unit_test_setup_teardown(disorder_and_doubles_are_put_right, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_packet_is_missed_at_its_own_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_repair_in_time_fills_the_hole, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_is_not_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(the_delay_grows_with_an_uneven_way, setup, teardown),
        cmocka_unit_test_setup_teardown(the_delay_shrinks_again_slowly, setup, teardown),
        cmocka_unit_test_setup_teardown(the_delay_stays_in_its_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_floor_holds_the_delay_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_floor_goes_as_fast_as_it_came, setup, teardown),
        cmocka_unit_test_setup_teardown(who_plays_sound_takes_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_sees_costs_no_delay, setup, teardown),
        cmocka_unit_test_setup_teardown(a_queue_that_passed_is_soon_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(repairs_are_waited_for_between_two_of_them, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_late_packet_moves_no_voice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rush_at_the_start_is_no_delay, setup, teardown),
        cmocka_unit_test_setup_teardown(an_outage_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_clock_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(another_time_or_other_numbers_begin_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(hours_do_not_wear_it_out, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
