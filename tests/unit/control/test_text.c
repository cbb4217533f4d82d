/* test_text.c - identifiers, names and times of day. */
#include "tests/unit/test.h"

#include "relay/lesson/text.h"

static void identifiers_are_short_and_plain(void **unused)
{
    (void)unused;
    assert_true(text_is_id("A"));
    assert_true(text_is_id("L7_x-9"));
    assert_true(text_is_id("12345678901234567890123456789012"));
    assert_false(text_is_id("123456789012345678901234567890123"));
    assert_false(text_is_id(""));
    assert_false(text_is_id("-A"));
    assert_false(text_is_id("a/b"));
    assert_false(text_is_id("课"));
}

static void text_is_utf8_without_controls(void **unused)
{
    (void)unused;
    assert_true(text_is_plain("草原上的歌", 5, false));
    assert_false(text_is_plain("草原上的歌", 4, false));
    assert_false(text_is_plain("a\nb", 10, false));
    assert_true(text_is_plain("a\nb", 10, true));
    assert_false(text_is_plain("\xff", 10, false));
    assert_false(text_is_plain("\xc0\x80", 10, false));     /* overlong */
    assert_false(text_is_plain("\xed\xa0\x80", 10, false)); /* a surrogate */
    assert_false(text_is_plain("\xe8\x8d", 10, false));     /* cut */
    assert_false(text_is_plain("\xc2\x85", 10, false));     /* C1 */
    assert_false(text_is_plain("\xe2\x80\xa8", 10, false)); /* U+2028 */
}

static void broken_text_is_made_whole(void **unused)
{
    (void)unused;
    char s[] = "a\xff\x01草\xe8\x8d";
    text_repair(s);
    assert_string_equal(s, "a??草");
}

static void times_are_read_with_any_offset(void **unused)
{
    (void)unused;
    int64_t ms;
    char out[TIME_TEXT];
    assert_true(text_time_parse("2026-11-24T09:00:00+08:00", &ms));
    assert_string_equal(text_time(ms, out), "2026-11-24T01:00:00.000Z");
    assert_true(text_time_parse("2026-11-24T01:00:00.12345Z", &ms));
    assert_string_equal(text_time(ms, out), "2026-11-24T01:00:00.123Z");
    assert_true(text_time_parse("2024-02-29T23:59:60Z", &ms));
    assert_string_equal(text_time(ms, out), "2024-02-29T23:59:59.000Z");
}

static void what_is_no_time_is_refused(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        "",
        "2026-11-24",
        "2026-11-24T01:00:00",
        "2026-02-30T01:00:00Z",
        "2025-02-29T01:00:00Z",
        "2026-13-01T01:00:00Z",
        "1999-01-01T00:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T01:60:00Z",
        "2026-11-24T01:00:00.Z",
        "2026-11-24T01:00:00Zx",
        "2026-11-24T01:00:00+8:00",
        "+026-11-24T01:00:00Z",
    };
    int64_t ms;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(text_time_parse(bad[i], &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_are_short_and_plain),
        cmocka_unit_test(text_is_utf8_without_controls),
        cmocka_unit_test(broken_text_is_made_whole),
        cmocka_unit_test(times_are_read_with_any_offset),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
