/* test_table.c - every key is found until it is deleted. */
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

static void an_empty_table_answers(void **unused)
{
    (void)unused;
    struct table t;
    table_init(&t, 4, 1);
    size_t at = 0;
    assert_null(table_get(&t, "key1"));
    assert_null(table_del(&t, "key1"));
    assert_null(table_each(&t, &at));
    table_fini(&t);
}

static void a_second_put_replaces(void **unused)
{
    (void)unused;
    int first = 0;
    int second = 0;
    struct table t;
    table_init(&t, 4, 1);
    assert_int_equal(table_put(&t, "key1", &first), OK);
    assert_int_equal(table_put(&t, "key1", &second), OK);
    assert_int_equal(t.n, 1);
    assert_ptr_equal(table_get(&t, "key1"), &second);
    assert_ptr_equal(table_del(&t, "key1"), &second);
    assert_null(table_get(&t, "key1"));
    assert_null(table_del(&t, "key1"));
    table_fini(&t);
}

static void keys_of_every_length_are_compared_whole(void **unused)
{
    (void)unused;
    for (size_t len = 1; len <= TABLE_KEY_MAX; len++) {
        uint8_t key[TABLE_KEY_MAX] = {0};
        uint8_t values[TABLE_KEY_MAX + 1];
        struct table t;
        table_init(&t, len, 99);
        assert_int_equal(table_put(&t, key, &values[len]), OK);
        for (size_t i = 0; i < len; i++) { /* one byte differs, wherever it is */
            key[i] = 1;
            assert_int_equal(table_put(&t, key, &values[i]), OK);
            key[i] = 0;
        }
        assert_int_equal(t.n, len + 1);
        for (size_t i = 0; i < len; i++) {
            key[i] = 1;
            assert_ptr_equal(table_get(&t, key), &values[i]);
            key[i] = 0;
        }
        assert_ptr_equal(table_get(&t, key), &values[len]);
        table_fini(&t);
    }
}

static void coming_and_going_does_not_make_it_grow(void **unused)
{
    (void)unused;
    int value = 0;
    struct table t;
    table_init(&t, sizeof(uint32_t), 5);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(table_put(&t, &i, &value), OK);
    const size_t cap = t.cap;
    for (uint32_t i = 10; i < 20000; i++) {
        const uint32_t old = i - 10;
        assert_ptr_equal(table_del(&t, &old), &value);
        assert_int_equal(table_put(&t, &i, &value), OK);
    }
    assert_int_equal(t.cap, cap);
    assert_int_equal(t.n, 10);
    table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_until_it_is_deleted),
        cmocka_unit_test(an_empty_table_answers),
        cmocka_unit_test(a_second_put_replaces),
        cmocka_unit_test(keys_of_every_length_are_compared_whole),
        cmocka_unit_test(coming_and_going_does_not_make_it_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
