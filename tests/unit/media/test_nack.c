/* test_nack.c - missing packets are asked for, in time and not for ever. */
#include "engine/media/nack.h"
#include "tests/unit/test.h"

static struct nack n;
static uint16_t out[NACK_MAX];

static void begin(usec deadline, uint32_t first)
{
    nack_init(&n, deadline);
    nack_input(&n, 0, first, false);
}

static void nothing_is_missing_in_a_whole_stream(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 65530);
    for (uint32_t seq = 65531; seq < 65600; seq++)
        nack_input(&n, 0, seq, false);
    assert_int_equal(nack_next(&n), USEC_NEVER);
    assert_int_equal(nack_poll(&n, USEC_SEC, out, ARRAY_LEN(out)), 0);
}

static void a_hole_is_asked_for_after_a_moment(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 65534);
    nack_input(&n, 1000, 65538, false);
    const usec due = nack_next(&n);
    assert_true(due > 1000 && due <= 1000 + 20 * USEC_MS);
    assert_int_equal(nack_poll(&n, due - 1, out, ARRAY_LEN(out)), 0);
    assert_int_equal(nack_poll(&n, due, out, ARRAY_LEN(out)), 3);
    assert_int_equal(out[0], 65535);
    assert_int_equal(out[1], 0);
    assert_int_equal(out[2], 1);
    assert_int_equal(n.asked, 3);
}

static void a_packet_that_overtook_another_costs_nothing(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 10);
    nack_input(&n, 1000, 12, false);
    nack_input(&n, 2000, 11, false);
    assert_int_equal(nack_next(&n), USEC_NEVER);
    assert_int_equal(n.repaired, 0); /* nobody had asked */
}

static void it_is_asked_again_after_a_round_trip_and_no_sooner(void **unused)
{
    (void)unused;
    begin(10 * USEC_SEC, 10);
    nack_rtt(&n, 200 * USEC_MS);
    nack_input(&n, 0, 12, false);
    usec last = nack_next(&n);
    assert_int_equal(nack_poll(&n, last, out, 1), 1);
    for (int i = 1; i < NACK_TRIES; i++) {
        const usec due = nack_next(&n);
        assert_true(due - last >= 200 * USEC_MS && due - last <= 300 * USEC_MS);
        assert_int_equal(nack_poll(&n, due - 1, out, 1), 0);
        assert_int_equal(nack_poll(&n, due, out, 1), 1);
        last = due;
    }
    assert_int_equal(nack_poll(&n, nack_next(&n), out, 1), 0);
    assert_int_equal(n.given_up, 1);
    assert_int_equal(nack_next(&n), USEC_NEVER);
}

/* The first request goes twice; after the time of an answer they come each half of it, as then the
 * one who answers gives it twice. */
static void where_much_is_lost_it_is_asked_more_often(void **unused)
{
    (void)unused;
    begin(10 * USEC_SEC, 10);
    nack_rtt(&n, 200 * USEC_MS);
    uint32_t seq = 10;
    for (int i = 0; i < 100; i++) { /* a tenth */
        for (int k = 0; k < 9; k++)
            nack_input(&n, 0, ++seq, false);
        nack_input(&n, 0, seq += 2, false);
        nack_input(&n, 0, seq - 1, true);
    }
    assert_true(n.loss > 0.04F && n.loss < 0.1F);
    nack_input(&n, 0, seq + 2, false);
    usec last = nack_next(&n);
    assert_int_equal(nack_poll(&n, last, out, 1), 1);
    for (int i = 1; i < NACK_TRIES; i++) {
        const usec due = nack_next(&n);
        if (i == 1)
            assert_int_equal(due - last, 20 * USEC_MS);
        else if (i == 2)
            assert_in_range(due - last, 180 * USEC_MS, 280 * USEC_MS);
        else
            assert_in_range(due - last, 101 * USEC_MS, 130 * USEC_MS);
        assert_int_equal(nack_poll(&n, due - 1, out, 1), 0);
        assert_int_equal(nack_poll(&n, due, out, 1), 1);
        last = due;
    }
    assert_int_equal(nack_poll(&n, nack_next(&n), out, 1), 0);
    assert_int_equal(n.given_up, 1);
    assert_int_equal(nack_next(&n), USEC_NEVER);
}

static void a_repair_ends_the_asking(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 10);
    nack_input(&n, 0, 13, false);
    assert_int_equal(nack_poll(&n, nack_next(&n), out, ARRAY_LEN(out)), 2);
    nack_input(&n, 60 * USEC_MS, 12, true);
    assert_int_equal(n.repaired, 1);
    assert_int_equal(nack_poll(&n, 500 * USEC_MS, out, ARRAY_LEN(out)), 1);
    assert_int_equal(out[0], 11);
    nack_input(&n, 510 * USEC_MS, 12, true); /* a second repair of the same */
    assert_int_equal(n.repaired, 1);
}

static void what_would_come_too_late_is_given_up(void **unused)
{
    (void)unused;
    begin(300 * USEC_MS, 10);
    nack_input(&n, 0, 12, false);
    assert_int_equal(nack_poll(&n, 299 * USEC_MS, out, 1), 1);
    assert_int_equal(nack_next(&n), 300 * USEC_MS);
    assert_int_equal(nack_poll(&n, 300 * USEC_MS, out, 1), 0);
    assert_int_equal(n.given_up, 1);
}

static void answers_that_take_longer_are_waited_for_longer(void **unused)
{
    (void)unused;
    begin(10 * USEC_SEC, 10);
    usec now = 0;
    for (uint32_t seq = 12; seq < 52; seq += 2) {
        nack_input(&n, now, seq, false);
        now = nack_next(&n);
        assert_int_equal(nack_poll(&n, now, out, 1), 1);
        now += seq % 4 ? 110 * USEC_MS : 120 * USEC_MS; /* no later than a second request */
        nack_input(&n, now, seq - 1, true);
    }
    assert_true(n.took > 105 * USEC_MS && n.took < 125 * USEC_MS);
    nack_rtt(&n, 50 * USEC_MS);
    nack_input(&n, now, 52, false);
    now = nack_next(&n);
    assert_int_equal(nack_poll(&n, now, out, 1), 1); /* a round trip so short needs no second */
    assert_true(nack_next(&n) - now > 115 * USEC_MS && nack_next(&n) - now < 150 * USEC_MS);
}

static void a_stream_that_overtakes_itself_is_given_time_and_only_then(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 10);
    nack_input(&n, 0, 12, false);
    assert_int_equal(nack_poll(&n, nack_next(&n), out, 1), 1);
    nack_input(&n, 20 * USEC_MS, 11, false); /* itself, not the answer */
    nack_input(&n, 30 * USEC_MS, 14, false);
    assert_true(nack_next(&n) >= 50 * USEC_MS && nack_next(&n) <= 60 * USEC_MS);
    nack_input(&n, 50 * USEC_MS, 13, false);
    for (uint32_t seq = 15; seq < 5000; seq++)
        nack_input(&n, 60 * USEC_MS, seq, false);
    nack_input(&n, 60 * USEC_MS, 5001, false);
    assert_true(nack_next(&n) < 67 * USEC_MS);
}

static void too_many_losses_want_a_key_frame_instead(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 1000);
    nack_input(&n, 0, 1000 + NACK_MAX, false); /* NACK_MAX - 1 missing */
    assert_false(n.overflow);
    nack_input(&n, 1, 1000 + NACK_MAX + 3, false);
    assert_true(n.overflow);
    assert_int_equal(n.n, 2); /* the new hole is followed, the old ones are not */
    assert_int_equal(n.given_up, NACK_MAX - 1);

    n.overflow = false;
    nack_input(&n, 2, 1000 + NACK_MAX + 3 + NACK_GAP_MAX, false);
    assert_true(n.overflow);
    assert_int_equal(n.n, 0);
    n.overflow = false;
    const uint64_t before = n.given_up;
    nack_input(&n, 3, 100000, false); /* a new start: nothing was lost */
    assert_true(n.overflow);
    assert_int_equal(n.n, 0);
    assert_int_equal(n.given_up, before);
}

static void what_an_outage_took_wants_a_key_frame_at_once(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 1000);
    nack_input(&n, 2 * USEC_SEC, 1002, false); /* the first packet of a new slide was lost */
    assert_false(n.overflow);
    assert_int_equal(n.n, 1);
    nack_input(&n, 4 * USEC_SEC, 1050, false);
    assert_true(n.overflow);
    assert_int_equal(n.given_up, 48);
    assert_int_equal(nack_next(&n), USEC_NEVER);
}

static void the_rest_stays_due_when_there_is_no_room(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 10);
    nack_input(&n, 0, 16, false);
    const usec due = nack_next(&n);
    assert_int_equal(nack_poll(&n, due, out, 2), 2);
    assert_int_equal(out[1], 12);
    assert_int_equal(nack_next(&n), due);
    assert_int_equal(nack_poll(&n, due, out, 10), 3);
    assert_int_equal(out[0], 13);
    assert_true(nack_next(&n) > due);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_missing_in_a_whole_stream),
        cmocka_unit_test(a_hole_is_asked_for_after_a_moment),
        cmocka_unit_test(a_packet_that_overtook_another_costs_nothing),
        cmocka_unit_test(it_is_asked_again_after_a_round_trip_and_no_sooner),
        cmocka_unit_test(where_much_is_lost_it_is_asked_more_often),
        cmocka_unit_test(a_repair_ends_the_asking),
        cmocka_unit_test(what_would_come_too_late_is_given_up),
        cmocka_unit_test(answers_that_take_longer_are_waited_for_longer),
        cmocka_unit_test(a_stream_that_overtakes_itself_is_given_time_and_only_then),
        cmocka_unit_test(too_many_losses_want_a_key_frame_instead),
        cmocka_unit_test(what_an_outage_took_wants_a_key_frame_at_once),
        cmocka_unit_test(the_rest_stays_due_when_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
