/* test_arrival.c - when packets came, told to their sender. */
#include "engine/media/arrival.h"
#include "tests/unit/test.h"

static struct arrival a;
static struct twcc_feedback f;

/* True if there was a feedback; it is in f. */
static bool poll(usec now)
{
    uint8_t buf[1500];
    struct writer w = writer_of(buf, sizeof buf);
    struct rtcp_item it;
    if (!arrival_poll(&a, now, &w, 1, 2)) {
        assert_int_equal(w.len, 0);
        return false;
    }
    struct reader r = reader_of(buf, w.len);
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.sender, 1);
    assert_int_equal(it.media, 2);
    assert_true(twcc_read(&f, &it));
    return true;
}

static void nothing_is_said_before_anything_came(void **unused)
{
    (void)unused;
    arrival_init(&a);
    assert_int_equal(arrival_next(&a), USEC_NEVER);
    assert_false(poll(USEC_SEC));
}

static void feedback_comes_once_an_interval(void **unused)
{
    (void)unused;
    arrival_init(&a);
    arrival_input(&a, 0, 65534);
    arrival_input(&a, 10 * USEC_MS, 65535);
    arrival_input(&a, 30 * USEC_MS, 1); /* 0 is missing */
    assert_int_equal(arrival_next(&a), 100 * USEC_MS);
    assert_false(poll(99 * USEC_MS));
    assert_true(poll(100 * USEC_MS));
    assert_int_equal(f.base, 65534);
    assert_int_equal(f.n, 4);
    assert_int_equal(f.count, 0);
    assert_int_equal(f.at[0], 0);
    assert_int_equal(f.at[1], 10 * USEC_MS);
    assert_int_equal(f.at[2], -1);
    assert_int_equal(f.at[3], 30 * USEC_MS);
    assert_int_equal(arrival_next(&a), USEC_NEVER);
    assert_false(poll(USEC_SEC));

    arrival_input(&a, 150 * USEC_MS, 2);
    assert_int_equal(arrival_next(&a), 200 * USEC_MS);
    assert_true(poll(200 * USEC_MS));
    assert_int_equal(f.base, 2);
    assert_int_equal(f.count, 1);
}

static void a_busy_stream_is_told_of_more_often(void **unused)
{
    (void)unused;
    arrival_init(&a);
    for (uint16_t i = 0; i < 200; i++)
        arrival_input(&a, i * 500, i);
    assert_true(poll(100 * USEC_MS));
    assert_int_equal(f.n, 200);
    arrival_input(&a, 101 * USEC_MS, 200);
    assert_int_equal(arrival_next(&a), 150 * USEC_MS);
}

static void a_late_packet_takes_back_that_it_was_lost(void **unused)
{
    (void)unused;
    arrival_init(&a);
    arrival_input(&a, 0, 10);
    arrival_input(&a, 0, 12);
    assert_true(poll(100 * USEC_MS));
    assert_int_equal(f.at[1], -1);
    arrival_input(&a, 120 * USEC_MS, 11);
    arrival_input(&a, 121 * USEC_MS, 11);
    assert_true(poll(200 * USEC_MS));
    assert_int_equal(f.base, 11);
    assert_int_equal(f.n, 2);
    assert_int_equal(f.at[0], 120 * USEC_MS);
}

static void more_than_one_feedback_can_tell_goes_in_several(void **unused)
{
    (void)unused;
    arrival_init(&a);
    for (uint16_t i = 0; i < 1000; i++)
        arrival_input(&a, i * 10, i);
    assert_true(poll(100 * USEC_MS));
    assert_int_equal(f.n, TWCC_MAX);
    assert_true(arrival_next(&a) <= 100 * USEC_MS);
    assert_true(poll(100 * USEC_MS));
    assert_int_equal(f.base, TWCC_MAX);
    assert_int_equal(f.n, 1000 - TWCC_MAX);
    assert_false(poll(100 * USEC_MS));
}

static void a_sender_that_jumps_is_followed(void **unused)
{
    (void)unused;
    static const uint16_t jumps[] = {30000, 100, 50000, 48900};
    arrival_init(&a);
    usec now = 0;
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        now += USEC_SEC;
        arrival_input(&a, now, jumps[i]);
        arrival_input(&a, now, (uint16_t)(jumps[i] + 1));
        assert_true(poll(now + 200 * USEC_MS));
        assert_int_equal(f.base, jumps[i]);
        assert_int_equal(f.n, 2);
    }
}

static void what_the_ring_has_forgotten_is_not_told(void **unused)
{
    (void)unused;
    arrival_init(&a);
    arrival_input(&a, 0, 0);
    arrival_input(&a, 0, 1000);
    arrival_input(&a, 0, 2000);
    assert_true(poll(100 * USEC_MS));
    assert_int_equal(f.base, 2000 - ARRIVAL_RING + 1);
}

static void without_room_nothing_is_lost(void **unused)
{
    (void)unused;
    uint8_t buf[8];
    struct writer w = writer_of(buf, sizeof buf);
    arrival_init(&a);
    arrival_input(&a, 0, 7);
    assert_false(arrival_poll(&a, USEC_SEC, &w, 1, 2));
    assert_true(poll(USEC_SEC));
    assert_int_equal(f.base, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_said_before_anything_came),
        cmocka_unit_test(feedback_comes_once_an_interval),
        cmocka_unit_test(a_busy_stream_is_told_of_more_often),
        cmocka_unit_test(a_late_packet_takes_back_that_it_was_lost),
        cmocka_unit_test(more_than_one_feedback_can_tell_goes_in_several),
        cmocka_unit_test(a_sender_that_jumps_is_followed),
        cmocka_unit_test(what_the_ring_has_forgotten_is_not_told),
        cmocka_unit_test(without_room_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
