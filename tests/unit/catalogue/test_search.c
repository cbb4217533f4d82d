/* test_search.c - Chinese words as phrases of characters. */
#include "tests/unit/test.h"

#include "relay/library/search.h"

static void characters_stand_alone(void **unused)
{
    (void)unused;
    char out[64];
    assert_true(search_spread("歌song", out, sizeof out));
    assert_string_equal(out, " 歌 song");
    assert_false(search_spread("草原上的歌草原上的歌", out, 16));
}

static void what_was_typed_becomes_phrases(void **unused)
{
    (void)unused;
    char out[64];
    assert_true(search_query("草原 song", out, sizeof out));
    assert_string_equal(out, "\" 草  原 \" \"song\" *");
    assert_true(search_query("a\"b", out, sizeof out));
    assert_string_equal(out, "\"ab\" *");
    assert_false(search_query(" \xe3\x80\x80 ", out, sizeof out));
    assert_false(search_query("a long text that does not fit into what is there", out, 16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_stand_alone),
        cmocka_unit_test(what_was_typed_becomes_phrases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
