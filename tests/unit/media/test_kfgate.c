/* test_kfgate.c - key frame requests of many viewers become few. */
#include "engine/media/kfgate.h"
#include "tests/unit/test.h"

#define GAP (500 * USEC_MS)

static void fifty_viewers_cost_one_request(void **unused)
{
    (void)unused;
    struct kfgate g;
    kfgate_init(&g, GAP);
    assert_int_equal(kfgate_next(&g), USEC_NEVER);
    assert_false(kfgate_poll(&g, 0));

    for (int i = 0; i < 50; i++)
        kfgate_want(&g);
    assert_true(kfgate_poll(&g, 1000));
    assert_false(kfgate_poll(&g, 1001));
    assert_int_equal(kfgate_next(&g), 1000 + GAP);
}

static void it_asks_again_until_the_key_frame_comes(void **unused)
{
    (void)unused;
    struct kfgate g;
    kfgate_init(&g, GAP);
    kfgate_want(&g);
    assert_true(kfgate_poll(&g, 0));
    assert_false(kfgate_poll(&g, GAP - 1));
    assert_true(kfgate_poll(&g, GAP));
    kfgate_served(&g);
    assert_int_equal(kfgate_next(&g), USEC_NEVER);
    assert_false(kfgate_poll(&g, 10 * GAP));
}

static void one_who_comes_just_after_the_key_frame_waits_for_the_gap(void **unused)
{
    (void)unused;
    struct kfgate g;
    kfgate_init(&g, GAP);
    kfgate_want(&g);
    assert_true(kfgate_poll(&g, 0));
    kfgate_served(&g);
    kfgate_want(&g);
    assert_int_equal(kfgate_next(&g), GAP);
    assert_false(kfgate_poll(&g, GAP / 2));
    assert_true(kfgate_poll(&g, GAP));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifty_viewers_cost_one_request),
        cmocka_unit_test(it_asks_again_until_the_key_frame_comes),
        cmocka_unit_test(one_who_comes_just_after_the_key_frame_waits_for_the_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
