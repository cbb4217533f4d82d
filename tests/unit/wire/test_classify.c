/* test_classify.c - what a datagram is, by its first bytes. */
#include "engine/wire/classify.h"
#include "tests/unit/test.h"

static enum wire_kind kind(uint8_t first, uint8_t second, size_t len)
{
    uint8_t p[64] = {first, second};
    return wire_classify(p, len);
}

static void the_first_byte_names_the_protocol(void **unused)
{
    (void)unused;
    for (int b = 0; b < 256; b++) {
        enum wire_kind want = WIRE_UNKNOWN;
        if (b <= 3)
            want = WIRE_STUN;
        else if (b >= 20 && b <= 63)
            want = WIRE_DTLS;
        else if (b >= 128 && b <= 191)
            want = WIRE_RTP;
        assert_int_equal(kind((uint8_t)b, 0, 64), want);
    }
}

static void the_second_byte_parts_rtcp_from_rtp(void **unused)
{
    (void)unused;
    for (int b = 0; b < 256; b++)
        assert_int_equal(kind(0x80, (uint8_t)b, 64), b >= 192 && b <= 223 ? WIRE_RTCP : WIRE_RTP);
}

static void what_is_too_short_is_nothing(void **unused)
{
    (void)unused;
    assert_int_equal(wire_classify(NULL, 0), WIRE_UNKNOWN);
    assert_int_equal(kind(0, 1, 19), WIRE_UNKNOWN);
    assert_int_equal(kind(0, 1, 20), WIRE_STUN);
    assert_int_equal(kind(22, 0xfe, 12), WIRE_UNKNOWN);
    assert_int_equal(kind(22, 0xfe, 13), WIRE_DTLS);
    assert_int_equal(kind(0x80, 96, 11), WIRE_UNKNOWN);
    assert_int_equal(kind(0x80, 96, 12), WIRE_RTP);
    assert_int_equal(kind(0x80, 200, 7), WIRE_UNKNOWN);
    assert_int_equal(kind(0x80, 200, 8), WIRE_RTCP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_byte_names_the_protocol),
        cmocka_unit_test(the_second_byte_parts_rtcp_from_rtp),
        cmocka_unit_test(what_is_too_short_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
