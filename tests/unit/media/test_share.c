/* test_share.c - what is given up first, and that nothing flaps. */
#include "engine/media/share.h"
#include "tests/unit/test.h"

#define K 1000u

enum { VOICE, SLIDES, BOARD, CAMERA, FLOOR, WALL, LINES };

static struct share_line line[LINES];

static int lesson(void **unused)
{
    (void)unused;
    static const struct share_line whole[LINES] = {
        [VOICE] = {.kind = SHARE_VOICE, .n = 2, .bps = {30 * K, 52 * K}},
        [SLIDES] = {.kind = SHARE_SLIDES, .n = 2, .bps = {30 * K, 100 * K}},
        [BOARD] = {.kind = SHARE_BOARD, .n = 1, .bps = {500 * K}},
        [CAMERA] = {.kind = SHARE_CAMERA, .n = 4, .bps = {55 * K, 130 * K, 250 * K, 950 * K}},
        [FLOOR] = {.kind = SHARE_FLOOR, .n = 2, .bps = {55 * K, 250 * K}},
        [WALL] = {.kind = SHARE_WALL, .n = 1, .bps = {55 * K}},
    };
    for (size_t i = 0; i < LINES; i++)
        line[i] = whole[i];
    return 0;
}

static unsigned divide(uint64_t bps)
{
    return share_divide(bps, line, LINES);
}

static uint64_t sum(void)
{
    uint64_t all = 0;
    for (size_t i = 0; i < LINES; i++)
        if (line[i].level)
            all += line[i].bps[line[i].level - 1];
    return all;
}

static void levels(int voice, int slides, int board, int camera, int floor, int wall)
{
    const int want[LINES] = {voice, slides, board, camera, floor, wall};
    for (size_t i = 0; i < LINES; i++)
        assert_int_equal(line[i].level, want[i]);
}

static void each_rung_adds_what_the_ladder_says(void **unused)
{
    (void)unused;
    assert_int_equal(divide(70 * K), 1);
    levels(1, 1, 0, 0, 0, 0);
    lesson(NULL);
    assert_int_equal(divide(150 * K), 2);
    levels(2, 1, 0, 1, 0, 0);
    lesson(NULL);
    assert_int_equal(divide(520 * K), 3);
    levels(2, 2, 0, 3, 1, 0);
    lesson(NULL);
    assert_int_equal(divide(1800 * K), 4);
    levels(2, 2, 0, 4, 2, 1);
    lesson(NULL);
    assert_int_equal(divide(3000 * K), 5);
    levels(2, 2, 1, 4, 2, 1);
    assert_int_equal(sum(), share_wanted(line, LINES));
}

static void a_voice_is_kept_whatever_there_is(void **unused)
{
    (void)unused;
    assert_int_equal(divide(0), 1);
    levels(1, 1, 0, 0, 0, 0); /* and slides: they may take their time */
}

static void no_more_is_given_than_there_is(void **unused)
{
    (void)unused;
    for (uint64_t bps = 60 * K; bps < 4000 * K; bps += 7 * K) {
        lesson(NULL);
        (void)divide(bps);
        assert_true(sum() <= bps);
    }
}

static void more_never_takes_a_rung_away(void **unused)
{
    (void)unused;
    unsigned before = 1;
    for (uint64_t bps = 30 * K; bps < 4000 * K; bps += 7 * K) {
        lesson(NULL);
        const unsigned rung = divide(bps);
        assert_true(rung >= before);
        before = rung;
    }
    assert_int_equal(before, SHARE_RUNGS);
}

/* An estimate that trembles by a tenth must not switch pictures. */
static void what_trembles_changes_nothing(void **unused)
{
    (void)unused;
    for (uint64_t bps = 60 * K; bps < 3000 * K; bps += 31 * K) {
        lesson(NULL);
        (void)divide(bps);
        struct share_line had[LINES];
        unsigned changes = 0;
        for (int i = 0; i < 20; i++) {
            for (size_t k = 0; k < LINES; k++)
                had[k] = line[k];
            (void)divide(i % 2 ? bps : bps - bps / 24);
            for (size_t k = 0; k < LINES; k++)
                changes += had[k].level != line[k].level;
        }
        assert_true(changes <= LINES); /* settles, each line once at most */
    }
}

static void lines_without_anything_get_nothing(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < LINES; i++)
        line[i].n = 0;
    assert_int_equal(divide(1000 * K), SHARE_RUNGS);
    levels(0, 0, 0, 0, 0, 0);
}

static void a_rate_has_its_rung(void **unused)
{
    (void)unused;
    assert_int_equal(share_rung_of(0), 1);
    assert_int_equal(share_rung_of(149 * K), 1);
    assert_int_equal(share_rung_of(150 * K), 2);
    assert_int_equal(share_rung_of(1199 * K), 3);
    assert_int_equal(share_rung_of(UINT64_MAX), SHARE_RUNGS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_rung_adds_what_the_ladder_says, lesson),
        cmocka_unit_test_setup(a_voice_is_kept_whatever_there_is, lesson),
        cmocka_unit_test_setup(no_more_is_given_than_there_is, lesson),
        cmocka_unit_test_setup(more_never_takes_a_rung_away, lesson),
        cmocka_unit_test_setup(what_trembles_changes_nothing, lesson),
        cmocka_unit_test_setup(lines_without_anything_get_nothing, lesson),
        cmocka_unit_test(a_rate_has_its_rung),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
