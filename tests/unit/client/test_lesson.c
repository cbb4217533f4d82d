/* test_lesson.c - what a room learns from the relay's events. */
#include "client/lesson.h"
#include "tests/unit/test.h"

#include <string.h>

static const char snapshot_text[] =
    "{\"id\":41,\"me\":{\"sub\":\"li\",\"site\":\"B\"},\"mode\":\"lecture\",\"floor\":null,"
    "\"lesson\":{\"id\":\"L7\",\"state\":\"running\",\"lead_site\":{\"id\":\"S0\"},"
    "\"points\":[{\"id\":\"A\"},{\"id\":\"B\"}]},"
    "\"sites\":[{\"id\":\"S0\",\"lead\":true,\"state\":\"open\"},"
    "{\"id\":\"B\",\"lead\":false,\"state\":\"absent\"}]}";

static bool tell(struct lesson *l, const char *name, const char *data)
{
    return lesson_event(l, name, data, strlen(data));
}

static void a_snapshot_says_everything(void **unused)
{
    (void)unused;
    struct lesson l;
    lesson_init(&l);
    assert_true(tell(&l, "snapshot", snapshot_text));
    assert_true(l.known && !l.ended && !l.interact && !l.lead_away);
    assert_int_equal(l.points, 2);
    assert_string_equal(l.site, "B");
    assert_string_equal(l.lead, "S0");
    assert_string_equal(l.floor, "");
    assert_string_equal(lesson_words(&l), "");
    assert_false(tell(&l, "snapshot", snapshot_text));
}

static void the_words_follow_the_events(void **unused)
{
    (void)unused;
    struct lesson l;
    lesson_init(&l);
    tell(&l, "snapshot", snapshot_text);
    assert_true(tell(&l, "floor", "{\"floor\":\"B\",\"previous\":null}"));
    assert_string_equal(lesson_words(&l), "now speaking");
    assert_true(tell(&l, "floor", "{\"floor\":\"A\",\"previous\":\"B\"}"));
    assert_string_equal(lesson_words(&l), "");
    assert_true(tell(&l, "mode", "{\"mode\":\"interact\"}"));
    assert_string_equal(lesson_words(&l), "interact");
    assert_true(tell(&l, "site", "{\"site\":{\"id\":\"S0\",\"lead\":true,\"state\":\"away\"}}"));
    assert_string_equal(lesson_words(&l), "the lead is away");
    assert_true(tell(&l, "lesson", "{\"lesson\":{\"state\":\"ended\"}}"));
    assert_true(l.ended);
}

static void nonsense_changes_nothing(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "",
        "{",
        "null",
        "[]",
        "{\"floor\":7}",
        "{\"lesson\":[]}",
        "{\"mode\":{}}",
        "{\"floor\":\"an-identifier-that-is-much-too-long-to-be-one\"}"};
    static const char *const names[] = {"snapshot", "lesson", "mode", "floor", "site", "x"};
    struct lesson l;
    lesson_init(&l);
    tell(&l, "snapshot", snapshot_text);
    for (size_t i = 0; i < ARRAY_LEN(names) * ARRAY_LEN(texts); i++)
        tell(&l, names[i % ARRAY_LEN(names)], texts[i / ARRAY_LEN(names)]);
    assert_false(l.ended);
    assert_int_equal(l.points, 2);
    assert_string_equal(l.floor, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_says_everything),
        cmocka_unit_test(the_words_follow_the_events),
        cmocka_unit_test(nonsense_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
