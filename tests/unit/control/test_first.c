/* test_first.c - who has connected, by his first bytes. */
#include "relay/control/first.h"

#include "engine/base/bytes.h"
#include "tests/unit/test.h"

static size_t want;
static char ufrag[HUB_UFRAG];

static enum first look(const void *p, size_t n)
{
    return first_look(p, n, &want, ufrag);
}

static size_t check(uint8_t *out, const char *username)
{
    const struct stun_request rq = {
        .username = username, .pwd = "VOkJxbRl1RmTxUk/WvJxBt", .controlling = true};
    const size_t len = stun_write_request(out + FRAME_HEAD, STUN_MSG_MAX, &rq);
    assert_true(len > 0);
    put_be16(out, (uint16_t)len);
    return FRAME_HEAD + len;
}

static void http_and_https_are_known_by_one_byte_that_is_left_there(void **unused)
{
    (void)unused;
    assert_int_equal(look("", 0), FIRST_MORE);
    assert_int_equal(want, 0);
    assert_int_equal(look("\x16", 1), FIRST_TLS);
    assert_int_equal(look("G", 1), FIRST_HTTP);
    assert_int_equal(look("\x80", 1), FIRST_BAD);
    assert_int_equal(look("\xff", 1), FIRST_BAD);
}

static void a_check_is_read_to_its_end_and_no_further(void **unused)
{
    (void)unused;
    uint8_t p[FIRST_MAX];
    const size_t all = check(p, "ours:theirs");
    for (size_t n = 1; n < all; n++) {
        assert_int_equal(look(p, n), FIRST_MORE);
        assert_int_equal(want, n == 1 ? 1 : all - n);
    }
    assert_int_equal(look(p, all), FIRST_CALL);
    assert_string_equal(ufrag, "ours");
}

static void who_sends_something_else_is_not_waited_for(void **unused)
{
    (void)unused;
    static const uint8_t rtp[] = {0, 60, 0x80, 111};
    static const uint8_t answer[] = {0, 60, 1, 1};
    static const uint8_t cookie[] = {0, 60, 0, 1, 0, 40, 0x21, 0x12, 0xa4, 0x43};
    static const uint8_t huge[] = {2, 0x25};
    assert_int_equal(look("\0\0", 2), FIRST_BAD);
    assert_int_equal(look("\0\x13", 2), FIRST_BAD); /* shorter than any STUN message */
    assert_int_equal(look(huge, sizeof huge), FIRST_BAD);
    assert_int_equal(look(rtp, sizeof rtp), FIRST_BAD);
    assert_int_equal(look(answer, sizeof answer), FIRST_BAD);
    assert_int_equal(look(cookie, sizeof cookie - 1), FIRST_MORE);
    assert_int_equal(look(cookie, sizeof cookie), FIRST_BAD);
}

static void a_check_must_name_somebody(void **unused)
{
    (void)unused;
    uint8_t p[FIRST_MAX];
    assert_int_equal(look(p, check(p, ":theirs")), FIRST_BAD);
    assert_int_equal(look(p, check(p, "nobody")), FIRST_BAD);
    assert_int_equal(look(p, check(p, "0123456789abcdef:x")), FIRST_CALL);
    assert_int_equal(look(p, check(p, "0123456789abcdefg:x")), FIRST_BAD);
}

static void a_broken_check_is_refused(void **unused)
{
    (void)unused;
    uint8_t p[FIRST_MAX];
    const size_t all = check(p, "ours:theirs");
    p[all - 1] ^= 1; /* the fingerprint */
    assert_int_equal(look(p, all), FIRST_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_and_https_are_known_by_one_byte_that_is_left_there),
        cmocka_unit_test(a_check_is_read_to_its_end_and_no_further),
        cmocka_unit_test(who_sends_something_else_is_not_waited_for),
        cmocka_unit_test(a_check_must_name_somebody),
        cmocka_unit_test(a_broken_check_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
