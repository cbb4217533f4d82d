/* test_nack.c - missing packets are asked for, in time and not for ever. */
#include "engine/media/nack.h"
#include "tests/unit/test.h"

static struct nack n;
static uint16_t out[NACK_MAX];

static void begin(usec deadline, uint32_t first)
{
    nack_init(&n, deadline);
    nack_input(&n, 0, first);
}

static void nothing_is_missing_in_a_whole_stream(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 65530);
    for (uint32_t seq = 65531; seq < 65600; seq++)
        nack_input(&n, 0, seq);
    assert_int_equal(nack_next(&n), USEC_NEVER);
    assert_int_equal(nack_poll(&n, USEC_SEC, out, ARRAY_LEN(out)), 0);
}

static void a_hole_is_asked_for_after_a_moment(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 65534);
    nack_input(&n, 1000, 65538);
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
    nack_input(&n, 1000, 12);
    nack_input(&n, 2000, 11);
    assert_int_equal(nack_next(&n), USEC_NEVER);
    assert_int_equal(n.repaired, 0); /* nobody had asked */
}

static void it_is_asked_again_after_a_round_trip_and_no_sooner(void **unused)
{
    (void)unused;
    begin(10 * USEC_SEC, 10);
    nack_rtt(&n, 200 * USEC_MS);
    nack_input(&n, 0, 12);
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

static void a_repair_ends_the_asking(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 10);
    nack_input(&n, 0, 13);
    assert_int_equal(nack_poll(&n, nack_next(&n), out, ARRAY_LEN(out)), 2);
    nack_input(&n, 60 * USEC_MS, 12);
    assert_int_equal(n.repaired, 1);
    assert_int_equal(nack_poll(&n, 500 * USEC_MS, out, ARRAY_LEN(out)), 1);
    assert_int_equal(out[0], 11);
    nack_input(&n, 510 * USEC_MS, 12); /* a second repair of the same */
    assert_int_equal(n.repaired, 1);
}

static void what_would_come_too_late_is_given_up(void **unused)
{
    (void)unused;
    begin(300 * USEC_MS, 10);
    nack_input(&n, 0, 12);
    assert_int_equal(nack_poll(&n, 299 * USEC_MS, out, 1), 1);
    assert_int_equal(nack_next(&n), 300 * USEC_MS);
    assert_int_equal(nack_poll(&n, 300 * USEC_MS, out, 1), 0);
    assert_int_equal(n.given_up, 1);
}

static void too_many_losses_want_a_key_frame_instead(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 1000);
    nack_input(&n, 0, 1000 + NACK_MAX); /* NACK_MAX - 1 missing */
    assert_false(n.overflow);
    nack_input(&n, 1, 1000 + NACK_MAX + 3);
    assert_true(n.overflow);
    assert_int_equal(n.n, 2); /* the new hole is followed, the old ones are not */
    assert_int_equal(n.given_up, NACK_MAX - 1);

    n.overflow = false;
    nack_input(&n, 2, 1000 + NACK_MAX + 3 + NACK_GAP_MAX);
    assert_true(n.overflow);
    assert_int_equal(n.n, 0);
    n.overflow = false;
    const uint64_t before = n.given_up;
    nack_input(&n, 3, 100000); /* a new start: nothing was lost */
    assert_true(n.overflow);
    assert_int_equal(n.n, 0);
    assert_int_equal(n.given_up, before);
}

static void the_rest_stays_due_when_there_is_no_room(void **unused)
{
    (void)unused;
    begin(USEC_SEC, 10);
    nack_input(&n, 0, 16);
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
        cmocka_unit_test(a_repair_ends_the_asking),
        cmocka_unit_test(what_would_come_too_late_is_given_up),
        cmocka_unit_test(too_many_losses_want_a_key_frame_instead),
        cmocka_unit_test(the_rest_stays_due_when_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
