#include "engine/base/outq.h"
#include "tests/unit/test.h"

static void equal_datagrams_to_one_address_share_a_message(void **unused)
{
    (void)unused;
    struct outq q;
    struct addr to;
    assert_true(addr_parse(&to, "192.0.2.1:5000"));
    assert_int_equal(outq_init(&q, 10000, 4), OK);

    assert_non_null(outq_reserve(&q, &to, 1200));
    outq_commit(&q, 1000);
    assert_non_null(outq_reserve_more(&q, &to, 1000));
    outq_commit_more(&q, 1000);
    assert_non_null(outq_reserve_more(&q, &to, 1000));
    outq_commit_more(&q, 400);
    assert_null(outq_reserve_more(&q, &to, 1000)); /* the last one was shorter */
    assert_int_equal(q.n, 1);
    assert_int_equal(q.msgs[0].len, 2400);
    assert_int_equal(q.msgs[0].seg, 1000);
    outq_fini(&q);
}

static void a_full_queue_drops_and_counts(void **unused)
{
    (void)unused;
    struct outq q;
    struct addr to;
    assert_true(addr_parse(&to, "[2001:db8::1]:5000"));
    assert_int_equal(outq_init(&q, 100, 4), OK);
    assert_true(outq_put(&q, &to, "0123456789", 10));
    assert_null(outq_reserve(&q, &to, 91));
    assert_int_equal(q.dropped, 1);
    outq_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_datagrams_to_one_address_share_a_message),
        cmocka_unit_test(a_full_queue_drops_and_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
