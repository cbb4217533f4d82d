/* test_memory.c - when memory goes back to the system: after a wave of people, never often. */
#include "relay/control/core.h"
#include "tests/unit/test.h"

static struct log quiet = {.fd = -1, .level = LOG_ERROR};

static struct control fresh(void)
{
    return (struct control){.log = &quiet, .now = 3600 * USEC_SEC};
}

static void move(struct control *c, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        memory_moved(c);
}

static void a_few_are_not_worth_it(void **unused)
{
    (void)unused;
    struct control c = fresh();
    assert_int_equal(memory_next(&c), USEC_NEVER);
    move(&c, 5);
    assert_int_equal(memory_next(&c), USEC_NEVER);
    memory_turn(&c);
    assert_int_equal(c.memory.moved, 5);
}

static void it_waits_until_nobody_has_come_for_ten_seconds(void **unused)
{
    (void)unused;
    struct control c = fresh();
    move(&c, 20);
    c.now += 4 * USEC_SEC;
    move(&c, 20);
    assert_int_equal(memory_next(&c), c.now + 10 * USEC_SEC);
    c.now += 9 * USEC_SEC;
    memory_turn(&c);
    assert_int_equal(c.memory.moved, 40);
    c.now += USEC_SEC;
    memory_turn(&c);
    assert_int_equal(c.memory.moved, 0);
    assert_int_equal(memory_next(&c), USEC_NEVER);
}

static void a_wave_without_end_is_not_waited_for_and_it_is_never_done_often(void **unused)
{
    (void)unused;
    struct control c = fresh();
    unsigned done = 0;
    for (unsigned second = 0; second < 300; second++) {
        move(&c, 20);
        memory_turn(&c);
        done += c.memory.moved == 0;
        c.now += USEC_SEC;
    }
    assert_in_range(done, 9, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_are_not_worth_it),
        cmocka_unit_test(it_waits_until_nobody_has_come_for_ten_seconds),
        cmocka_unit_test(a_wave_without_end_is_not_waited_for_and_it_is_never_done_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
