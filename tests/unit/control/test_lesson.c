/* test_lesson.c - the rules of a lesson: who is admitted, hands, floor, clock. */
#include "tests/unit/test.h"

#include "tests/unit/control/school.h"

static enum problem_kind admits(const struct lesson *l, enum role role, const char *site,
                                const char *lesson)
{
    struct problem p = {.kind = P_NONE};
    const struct claims c = school_person(role, site, lesson);
    const bool good = lesson_admits(l, &c, &p);
    assert_int_equal(good, p.kind == P_NONE);
    return p.kind;
}

static void a_token_is_good_where_it_says(void **unused)
{
    (void)unused;
    struct lesson *l = school_lesson();
    assert_non_null(l);
    assert_int_equal(admits(l, ROLE_LEAD, "S0", ""), P_NONE);
    assert_int_equal(admits(l, ROLE_LEAD, "S0", "L7"), P_NONE);
    assert_int_equal(admits(l, ROLE_LEAD, "S0", "L8"), P_WRONG_LESSON);
    assert_int_equal(admits(l, ROLE_LEAD, "A", "L7"), P_WRONG_SITE);
    assert_int_equal(admits(l, ROLE_LEAD, "", "L7"), P_WRONG_SITE);
    assert_int_equal(admits(l, ROLE_ASSISTANT, "B", ""), P_NONE);
    assert_int_equal(admits(l, ROLE_ASSISTANT, "S0", ""), P_WRONG_SITE);
    assert_int_equal(admits(l, ROLE_ASSISTANT, "C", ""), P_WRONG_LESSON);
    assert_int_equal(admits(l, ROLE_OBSERVER, "", ""), P_WRONG_LESSON);
    assert_int_equal(admits(l, ROLE_OBSERVER, "", "*"), P_NONE);
    assert_int_equal(admits(l, ROLE_STUDENT, "A", ""), P_NONE);
    assert_int_equal(admits(l, ROLE_ADMIN, "", ""), P_NONE);
    assert_int_equal(admits(l, ROLE_ADMIN, "", "L8"), P_WRONG_LESSON);
    lesson_free(&l);
}

static void hands_keep_the_order_in_which_they_went_up(void **unused)
{
    (void)unused;
    uint8_t order[SITES_MAX];
    struct lesson *l = school_lesson();
    assert_true(lesson_start(l, 1000, 0));
    assert_true(lesson_hand(l, 2, true, 10, NULL));
    assert_true(lesson_hand(l, 1, true, 20, NULL));
    assert_false(lesson_hand(l, 1, true, 30, NULL));
    assert_int_equal(lesson_hands(l, order), 2);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 1);
    assert_true(lesson_hand(l, 2, false, 40, NULL));
    assert_int_equal(lesson_hands(l, order), 1);
    lesson_free(&l);
}

static void the_floor_moves_and_is_counted(void **unused)
{
    (void)unused;
    struct lesson *l = school_lesson();
    assert_true(lesson_start(l, 1000, 0));
    assert_true(lesson_give(l, 1, 50));
    assert_false(lesson_give(l, 1, 60));
    assert_true(lesson_give(l, 2, 70));
    assert_true(lesson_give(l, 1, 80));
    assert_int_equal(l->site[1].floor_count, 2);
    assert_int_equal(l->site[1].last_floor_ms, 80);
    assert_true(lesson_take(l));
    assert_false(lesson_take(l));
    lesson_free(&l);
}

static void the_clock_never_runs_backwards(void **unused)
{
    (void)unused;
    struct lesson *l = school_lesson();
    assert_int_equal(lesson_clock(l, 5 * USEC_SEC), -1);
    assert_true(lesson_start(l, 1000000, 5 * USEC_SEC));
    assert_int_equal(lesson_clock(l, 5 * USEC_SEC), 0);
    assert_int_equal(lesson_clock(l, 7 * USEC_SEC), 2000);
    /* a new process with another monotonic clock; the time of day was set back an hour */
    lesson_set_clock(l, 1000000 - 3600000, 100, 2500);
    assert_int_equal(lesson_clock(l, 100), 2500);
    /* and one where it went on */
    lesson_set_clock(l, 1000000 + 9000, 100, 2500);
    assert_int_equal(lesson_clock(l, 100), 9000);
    assert_true(lesson_end(l, 1000000 + 9500));
    assert_int_equal(lesson_clock(l, 100 * USEC_SEC), 9500);
    assert_false(lesson_end(l, 2));
    lesson_free(&l);
}

static void an_end_before_its_start_lasts_nothing(void **unused)
{
    (void)unused;
    struct lesson *l = school_lesson();
    assert_true(lesson_start(l, 1000000, 0));
    assert_true(lesson_end(l, 5));
    assert_int_equal(lesson_clock(l, 0), 0);
    assert_false(lesson_start(l, 2000000, 0));
    lesson_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_good_where_it_says),
        cmocka_unit_test(hands_keep_the_order_in_which_they_went_up),
        cmocka_unit_test(the_floor_moves_and_is_counted),
        cmocka_unit_test(the_clock_never_runs_backwards),
        cmocka_unit_test(an_end_before_its_start_lasts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
