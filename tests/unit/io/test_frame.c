/* test_frame.c - datagrams on a stream. */
#include "engine/io/frame.h"
#include "tests/unit/test.h"

static void a_frame_that_goes_on_is_told_from_a_whole_one(void **unused)
{
    (void)unused;
    static const uint8_t p[] = {0, 3, 'a', 'b', 'c', 0};
    size_t len;
    assert_int_equal(frame_read(p, 0, 1500, &len), FRAME_PART);
    assert_int_equal(frame_read(p, 1, 1500, &len), FRAME_PART);
    assert_int_equal(len, 0);
    assert_int_equal(frame_read(p, 2, 1500, &len), FRAME_PART);
    assert_int_equal(len, 3);
    assert_int_equal(frame_read(p, 4, 1500, &len), FRAME_PART);
    assert_int_equal(frame_read(p, 5, 1500, &len), FRAME_WHOLE);
    assert_int_equal(len, 3);
    assert_int_equal(frame_read(p, 6, 1500, &len), FRAME_WHOLE);
}

static void a_null_packet_is_a_frame(void **unused)
{
    (void)unused;
    static const uint8_t p[] = {0, 0};
    size_t len = 7;
    assert_int_equal(frame_read(p, 2, 1500, &len), FRAME_WHOLE);
    assert_int_equal(len, 0);
}

static void a_frame_longer_than_is_taken_is_known_by_its_head(void **unused)
{
    (void)unused;
    static const uint8_t fits[] = {0x05, 0xdc};
    static const uint8_t longer[] = {0x05, 0xdd};
    size_t len;
    assert_int_equal(frame_read(fits, 2, 1500, &len), FRAME_PART);
    assert_int_equal(frame_read(longer, 2, 1500, &len), FRAME_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_that_goes_on_is_told_from_a_whole_one),
        cmocka_unit_test(a_null_packet_is_a_frame),
        cmocka_unit_test(a_frame_longer_than_is_taken_is_known_by_its_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
