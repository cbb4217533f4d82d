#include "engine/base/table.h"
#include "tests/unit/test.h"

static void every_key_is_found_until_it_is_deleted(void **unused)
{
    (void)unused;
    static int values[1000];
    struct table t;
    table_init(&t, sizeof(uint32_t), 42);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(table_put(&t, &i, &values[i]), OK);
    for (uint32_t i = 0; i < 1000; i += 2)
        assert_ptr_equal(table_del(&t, &i), &values[i]);
    for (uint32_t i = 0; i < 1000; i++)
        assert_ptr_equal(table_get(&t, &i), i % 2 ? &values[i] : NULL);

    size_t at = 0;
    size_t n = 0;
    while (table_each(&t, &at))
        n++;
    assert_int_equal(n, 500);
    table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_until_it_is_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
