/* test_uplink.c - what a room gives up first when its way up is thin. */
#include "client/uplink.h"
#include "tests/unit/test.h"

#define K 1000u

enum { VOICE, CAMERA, SLIDES, LINES };

static struct uplink_line line[LINES];

static unsigned divide(uint64_t way)
{
    line[VOICE] = (struct uplink_line){.what = CAPTURE_VOICE, .layers = 1};
    line[CAMERA] = (struct uplink_line){.what = CAPTURE_CAMERA, .layers = 3};
    line[SLIDES] = (struct uplink_line){.what = CAPTURE_SLIDES, .layers = 1};
    return uplink_divide(way, line, LINES);
}

static uint32_t camera(void)
{
    return line[CAMERA].bps[0] + line[CAMERA].bps[1] + line[CAMERA].bps[2];
}

static void a_wide_way_carries_everything(void **unused)
{
    (void)unused;
    assert_int_equal(divide(20000 * K), SHARE_RUNGS);
    assert_int_equal(line[VOICE].voice_ms, 20);
    assert_int_equal(line[VOICE].bps[0], share_rungs[SHARE_RUNGS - 1].voice_bps);
    for (size_t i = 0; i < UPLINK_LAYERS; i++)
        assert_true(line[CAMERA].bps[i] > 0);
    assert_true(line[SLIDES].bps[0] >= 500 * K);
    assert_true(uplink_wanted(line, LINES) < 4000 * K);
}

static void sixty_four_kilobits_carry_voice_and_slides(void **unused)
{
    (void)unused;
    assert_int_equal(divide(64 * K), 1);
    assert_true(line[VOICE].voice_ms >= 40);
    assert_true(line[VOICE].bps[0] >= 12 * K);
    assert_true(line[SLIDES].bps[0] > 0);
    assert_int_equal(camera(), 0);
}

static void layers_go_from_the_top(void **unused)
{
    (void)unused;
    uint32_t before = 0;
    for (uint64_t way = 24 * K; way < 4000 * K; way += 20 * K) {
        (void)divide(way);
        assert_true(line[VOICE].bps[0] > 0);
        assert_true(camera() >= before / 2); /* slides may take their part first */
        before = camera();
        for (size_t i = 1; i < UPLINK_LAYERS; i++)
            assert_true(line[CAMERA].bps[i] == 0 || line[CAMERA].bps[i - 1] > 0);
    }
}

static void what_nobody_takes_gets_nothing(void **unused)
{
    (void)unused;
    line[0] = (struct uplink_line){.what = CAPTURE_CAMERA};
    assert_int_equal(uplink_divide(1000 * K, line, 1), SHARE_RUNGS);
    assert_int_equal(line[0].bps[0], 0);
    assert_int_equal(uplink_wanted(line, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wide_way_carries_everything),
        cmocka_unit_test(sixty_four_kilobits_carry_voice_and_slides),
        cmocka_unit_test(layers_go_from_the_top),
        cmocka_unit_test(what_nobody_takes_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
