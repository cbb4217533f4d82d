/* test_serve.c - ranges and validators of files. */
#include "tests/unit/test.h"

#include "relay/library/serve.h"

static void ranges_are_cut_to_the_file(void **unused)
{
    (void)unused;
    static const struct {
        const char *header;
        enum range_kind kind;
        uint64_t from, len;
    } rows[] = {
        {NULL, RANGE_WHOLE, 0, 100},
        {"bytes=0-9", RANGE_PART, 0, 10},
        {"bytes=90-", RANGE_PART, 90, 10},
        {"bytes=90-500", RANGE_PART, 90, 10},
        {"bytes=-10", RANGE_PART, 90, 10},
        {"bytes=-500", RANGE_PART, 0, 100},
        {"bytes=100-", RANGE_BAD, 100, 100},
        {"bytes=-0", RANGE_BAD, 100, 0},
        {"bytes=5-4", RANGE_WHOLE, 0, 100},
        {"bytes=a-b", RANGE_WHOLE, 0, 100},
        {"bytes=0-1,4-5", RANGE_WHOLE, 0, 100},
        {"chapters=1", RANGE_WHOLE, 0, 100},
        {"bytes=", RANGE_WHOLE, 0, 100},
        {"bytes=-", RANGE_WHOLE, 0, 100},
        {"bytes=99999999999999999999-", RANGE_WHOLE, 0, 100},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t from;
        uint64_t len;
        const enum range_kind kind = serve_range(rows[i].header, 100, &from, &len);
        if (kind != rows[i].kind)
            fail_msg("%s: kind %d", rows[i].header, kind);
        if (kind == RANGE_BAD)
            continue;
        assert_int_equal(from, rows[i].from);
        assert_int_equal(len, rows[i].len);
    }
}

static void validators_match_whole(void **unused)
{
    (void)unused;
    assert_true(serve_matches("\"a\"", "\"a\""));
    assert_true(serve_matches("\"b\", W/\"a\"", "\"a\""));
    assert_true(serve_matches("*", "\"a\""));
    assert_false(serve_matches("\"a\"x", "\"a\""));
    assert_false(serve_matches(NULL, "\"a\""));
}

static void types_go_by_the_ending(void **unused)
{
    (void)unused;
    assert_string_equal(serve_type("a.webm"), "video/webm");
    assert_string_equal(serve_type("a.b.MPD"), "application/dash+xml");
    assert_string_equal(serve_type("webm"), "application/octet-stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_cut_to_the_file),
        cmocka_unit_test(validators_match_whole),
        cmocka_unit_test(types_go_by_the_ending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
