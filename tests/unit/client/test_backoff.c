/* test_backoff.c - tries follow at once, then ever later, but never too late. */
#include "client/backoff.h"
#include "tests/unit/test.h"

static void the_first_try_is_at_once_and_no_wait_exceeds_two_seconds(void **unused)
{
    (void)unused;
    struct rng rng;
    assert_int_equal(rng_init(&rng, (const uint8_t[32]){7}), OK);
    struct backoff b = {0};
    assert_int_equal(backoff_next(&b, &rng), 0);
    usec whole = BACKOFF_FIRST;
    for (int i = 0; i < 100; i++) {
        const usec wait = backoff_next(&b, &rng);
        assert_in_range(wait, whole / 2, whole);
        whole = usec_min(2 * whole, BACKOFF_MOST);
    }
    backoff_reset(&b);
    assert_int_equal(backoff_next(&b, &rng), 0);
    rng_fini(&rng);
}

static void two_rooms_do_not_come_back_in_step(void **unused)
{
    (void)unused;
    struct rng a;
    struct rng b;
    assert_int_equal(rng_init(&a, (const uint8_t[32]){1}), OK);
    assert_int_equal(rng_init(&b, (const uint8_t[32]){2}), OK);
    struct backoff x = {.tries = 4};
    struct backoff y = {.tries = 4};
    assert_int_not_equal(backoff_next(&x, &a), backoff_next(&y, &b));
    rng_fini(&a);
    rng_fini(&b);
}

static void a_try_that_hung_has_waited_already(void **unused)
{
    (void)unused;
    struct rng rng;
    assert_int_equal(rng_init(&rng, (const uint8_t[32]){3}), OK);
    for (int i = 0; i < 100; i++) {
        const usec began = 100 * USEC_SEC;
        struct backoff b = {.tries = 10};
        assert_in_range(backoff_due(&b, &rng, began, began), began + BACKOFF_MOST / 2,
                        began + BACKOFF_MOST);
        const usec hung = began + 5 * USEC_SEC;
        assert_in_range(backoff_due(&b, &rng, began, hung), hung + BACKOFF_MOST / 8,
                        hung + BACKOFF_MOST / 4);
    }
    rng_fini(&rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_try_is_at_once_and_no_wait_exceeds_two_seconds),
        cmocka_unit_test(two_rooms_do_not_come_back_in_step),
        cmocka_unit_test(a_try_that_hung_has_waited_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
