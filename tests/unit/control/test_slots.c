/* test_slots.c - sources and slots as words. */
#include "tests/unit/test.h"

#include "relay/control/slots.h"
#include "tests/unit/control/school.h"

static enum problem_kind sources(const char *list, enum role role, size_t lines, uint8_t *out)
{
    struct problem p = {.kind = P_NONE};
    const bool good = sources_parse(list, role, lines, out, &p);
    assert_int_equal(good, p.kind == P_NONE);
    return p.kind;
}

static void sources_belong_to_roles_and_lines(void **unused)
{
    (void)unused;
    uint8_t s[NEGO_MEDIA];
    assert_int_equal(sources(NULL, ROLE_LEAD, 2, s), P_NONE);
    assert_int_equal(s[0], SRC_CAMERA);
    assert_int_equal(s[1], SRC_SLIDES);
    assert_int_equal(sources("slides,camera", ROLE_LEAD, 2, s), P_NONE);
    assert_int_equal(s[0], SRC_SLIDES);
    assert_int_equal(sources(NULL, ROLE_ASSISTANT, 1, s), P_NONE);
    assert_int_equal(s[0], SRC_CLASS);
    assert_int_equal(sources("camera", ROLE_ASSISTANT, 1, s), P_WRONG_ROLE);
    assert_int_equal(sources("voice", ROLE_LEAD, 1, s), P_UNKNOWN_SOURCE);
    assert_int_equal(sources("camera,", ROLE_LEAD, 1, s), P_NONE);
    assert_int_equal(sources(",camera", ROLE_LEAD, 1, s), P_UNKNOWN_SOURCE);
    assert_int_equal(sources("camera,camera", ROLE_LEAD, 2, s), P_INVALID);
    assert_int_equal(sources("camera", ROLE_LEAD, 2, s), P_INVALID);
    assert_int_equal(sources("camera,slides", ROLE_LEAD, 1, s), P_INVALID);
    assert_int_equal(sources(NULL, ROLE_ASSISTANT, 2, s), P_INVALID);
    assert_int_equal(sources(NULL, ROLE_LEAD, 0, s), P_NONE);
}

static void slots_are_read_and_written_alike(void **unused)
{
    (void)unused;
    static const char *const words[] = {"camera", "slides",  "board",  "floor",
                                        "site/B", "site/S0", "wall/2", "off"};
    struct lesson *l = school_lesson();
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct slot s;
        char text[SLOT_TEXT];
        struct problem p = {.kind = P_NONE};
        assert_true(slot_parse(words[i], strlen(words[i]), l, i, &s, &p));
        assert_string_equal(slot_text(&s, l, text), words[i]);
    }
    lesson_free(&l);
}

static void unknown_slots_are_named(void **unused)
{
    (void)unused;
    static const char *const words[] = {
        "",       "class",  "voice", "site/",   "site/C",
        "wall/0", "wall/3", "wall/", "wall/1x", "wall/99999999999999999999",
        "Camera"};
    struct lesson *l = school_lesson();
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct slot s;
        struct problem p = {.kind = P_NONE};
        assert_false(slot_parse(words[i], strlen(words[i]), l, 3, &s, &p));
        assert_string_equal(p.field, "slots[3]");
        assert_int_equal(problem_status(p.kind), 422);
    }
    lesson_free(&l);
}

static void missing_slots_are_off(void **unused)
{
    (void)unused;
    struct slot s[NEGO_MEDIA];
    struct problem p = {.kind = P_NONE};
    struct lesson *l = school_lesson();
    assert_true(slots_parse("floor", l, 3, true, s, &p));
    assert_int_equal(s[0].kind, SLOT_FLOOR);
    assert_int_equal(s[1].kind, SLOT_OFF);
    assert_true(slots_parse(NULL, l, 1, true, s, &p));
    assert_int_equal(s[0].kind, SLOT_SOURCE);
    assert_false(slots_parse("camera,slides", l, 1, true, s, &p));
    assert_string_equal(p.field, "slots[1]");
    p.kind = P_NONE;
    assert_false(slots_parse("wall/1", l, 1, false, s, &p));
    assert_int_equal(p.kind, P_WRONG_ROLE);
    lesson_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_belong_to_roles_and_lines),
        cmocka_unit_test(slots_are_read_and_written_alike),
        cmocka_unit_test(unknown_slots_are_named),
        cmocka_unit_test(missing_slots_are_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
