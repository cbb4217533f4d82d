/* test_outq.c - the send buffer: equal datagrams share a message, a full one drops and counts. */
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

static void what_is_put_stands_there_in_order(void **unused)
{
    (void)unused;
    struct outq q;
    struct addr a;
    struct addr b;
    assert_true(addr_parse(&a, "192.0.2.1:1"));
    assert_true(addr_parse(&b, "[2001:db8::1]:2"));
    assert_int_equal(outq_init(&q, 100, 4), OK);
    assert_true(outq_put(&q, &a, "first", 5));
    assert_true(outq_put(&q, &b, "second", 6));
    assert_int_equal(q.n, 2);
    assert_memory_equal(q.buf + q.msgs[0].off, "first", 5);
    assert_memory_equal(q.buf + q.msgs[1].off, "second", 6);
    assert_true(addr_eq(&q.msgs[1].to, &b));
    outq_clear(&q);
    assert_int_equal(q.n, 0);
    assert_true(outq_has_room(&q, 100));
    outq_fini(&q);
}

static void another_address_starts_a_new_message(void **unused)
{
    (void)unused;
    struct outq q;
    struct addr a;
    struct addr b;
    assert_true(addr_parse(&a, "192.0.2.1:1"));
    assert_true(addr_parse(&b, "192.0.2.1:2"));
    assert_int_equal(outq_init(&q, 100, 4), OK);
    assert_null(outq_reserve_more(&q, &a, 5)); /* there is none yet */
    assert_true(outq_put(&q, &a, "first", 5));
    assert_null(outq_reserve_more(&q, &b, 5));
    assert_non_null(outq_reserve_more(&q, &a, 5));
    outq_commit_more(&q, 0); /* taken back: as if never asked */
    assert_int_equal(q.msgs[0].len, 5);
    assert_non_null(outq_reserve_more(&q, &a, 5));
    assert_int_equal(q.dropped, 0); /* no room in a message is not a loss */
    outq_fini(&q);
}

static void a_message_has_at_most_so_many_datagrams(void **unused)
{
    (void)unused;
    struct outq q;
    struct addr to;
    assert_true(addr_parse(&to, "192.0.2.1:1"));
    assert_int_equal(outq_init(&q, 100000, 4), OK);
    assert_true(outq_put(&q, &to, "x", 1));
    size_t n = 1;
    while (outq_reserve_more(&q, &to, 1)) {
        outq_commit_more(&q, 1);
        n++;
    }
    assert_int_equal(n, OUTQ_SEGS);
    outq_fini(&q);
}

static void a_message_stays_within_a_udp_datagram(void **unused)
{
    (void)unused;
    static uint8_t big[20000];
    struct outq q;
    struct addr to;
    assert_true(addr_parse(&to, "192.0.2.1:1"));
    assert_int_equal(outq_init(&q, 100000, 4), OK);
    assert_true(outq_put(&q, &to, big, sizeof big));
    while (outq_reserve_more(&q, &to, sizeof big))
        outq_commit_more(&q, sizeof big);
    assert_int_equal(q.msgs[0].len, OUTQ_MSG_MAX);
    outq_fini(&q);
}

static void a_reservation_taken_back_leaves_no_trace(void **unused)
{
    (void)unused;
    struct outq q;
    struct addr to;
    assert_true(addr_parse(&to, "192.0.2.1:1"));
    assert_int_equal(outq_init(&q, 10, 1), OK);
    assert_non_null(outq_reserve(&q, &to, 10));
    outq_commit(&q, 0);
    assert_int_equal(q.n, 0);
    assert_int_equal(q.used, 0);
    assert_true(outq_put(&q, &to, "0123456789", 10));
    assert_false(outq_put(&q, &to, "", 0)); /* all messages are taken */
    assert_int_equal(q.dropped, 1);
    outq_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_datagrams_to_one_address_share_a_message),
        cmocka_unit_test(a_full_queue_drops_and_counts),
        cmocka_unit_test(what_is_put_stands_there_in_order),
        cmocka_unit_test(another_address_starts_a_new_message),
        cmocka_unit_test(a_message_has_at_most_so_many_datagrams),
        cmocka_unit_test(a_message_stays_within_a_udp_datagram),
        cmocka_unit_test(a_reservation_taken_back_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
