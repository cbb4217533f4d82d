/* test_pkt.c - packets are counted, come home, and are handed out clean. */
#include "engine/base/pkt.h"
#include "tests/unit/test.h"

#include <string.h>

static void an_empty_pool_says_so(void **unused)
{
    (void)unused;
    struct pkt_pool *pool = pkt_pool_new(2);
    assert_non_null(pool);
    struct pkt *a = pkt_get(pool);
    struct pkt *b = pkt_get(pool);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    assert_null(pkt_get(pool));
    assert_int_equal(pkt_pool_in_use(pool), 2);
    assert_int_equal(pkt_pool_left(pool), 0);
    assert_int_equal(pkt_pool_size(pool), 2);

    pkt_unref(&a);
    assert_null(a); /* cleared: no second unref by mistake */
    pkt_unref(&a);
    assert_int_equal(pkt_pool_in_use(pool), 1);
    a = pkt_get(pool);
    assert_non_null(a);
    pkt_unref(&a);
    pkt_unref(&b);
    assert_int_equal(pkt_pool_in_use(pool), 0);
    pkt_pool_free(&pool);
    assert_null(pool);
    pkt_pool_free(&pool);
}

static void a_packet_stays_while_one_reader_has_it(void **unused)
{
    (void)unused;
    struct pkt_pool *pool = pkt_pool_new(1);
    assert_non_null(pool);
    struct pkt *first = pkt_get(pool);
    struct pkt *second = pkt_ref(first);
    struct pkt *third = pkt_ref(first);
    assert_ptr_equal(first, second);
    pkt_unref(&first);
    pkt_unref(&third);
    assert_null(pkt_get(pool));
    pkt_unref(&second);
    first = pkt_get(pool);
    assert_non_null(first);
    pkt_unref(&first);
    pkt_pool_free(&pool);
}

static void a_used_packet_comes_back_clean(void **unused)
{
    (void)unused;
    struct pkt_pool *pool = pkt_pool_new(1);
    assert_non_null(pool);
    struct pkt *p = pkt_get(pool);
    p->len = 100;
    p->at = 5;
    memset(&p->rtp, 0xee, sizeof p->rtp);
    pkt_unref(&p);
    p = pkt_get(pool);
    assert_int_equal(p->len, 0);
    assert_int_equal(p->at, 0);
    assert_int_equal(p->refs, 1);
    assert_int_equal(p->rtp.ext_seq, 0);
    assert_false(p->rtp.key);
    assert_int_equal(p->rtp.level_db, 255); /* not said, which is not "loudest" */
    pkt_unref(&p);
    pkt_pool_free(&pool);
}

static void all_packets_are_different_memory(void **unused)
{
    (void)unused;
    struct pkt *all[50];
    struct pkt_pool *pool = pkt_pool_new(ARRAY_LEN(all));
    assert_non_null(pool);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        all[i] = pkt_get(pool);
        memset(all[i]->data, (int)i, PKT_CAP);
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(all[i]->data[0], i);
        assert_int_equal(all[i]->data[PKT_CAP - 1], i);
        pkt_unref(&all[i]);
    }
    assert_int_equal(pkt_pool_in_use(pool), 0);
    pkt_pool_free(&pool);
}

static void a_pool_that_no_memory_can_hold_is_refused(void **unused)
{
    (void)unused;
    assert_null(pkt_pool_new(SIZE_MAX));
    assert_null(pkt_pool_new(SIZE_MAX / sizeof(struct pkt) + 1)); /* wraps to a small one */
}

static void a_pool_of_none_is_empty(void **unused)
{
    (void)unused;
    struct pkt_pool *pool = pkt_pool_new(0);
    assert_non_null(pool);
    assert_null(pkt_get(pool));
    pkt_pool_free(&pool);
}

static void an_alias_shows_the_bytes_and_gives_the_origin_back(void **unused)
{
    (void)unused;
    struct pkt_pool *pool = pkt_pool_new(1);
    struct pkt_pool *aliases = pkt_alias_pool_new(1);
    assert_non_null(pool);
    assert_non_null(aliases);
    struct pkt *origin = pkt_get(pool);
    origin->len = 3;
    origin->at = 7;
    origin->rtp.ext_seq = 9;
    memcpy(origin->data, "abc", 3);

    struct pkt *a = pkt_alias(aliases, origin);
    assert_non_null(a);
    assert_memory_equal(a->data, "abc", 3);
    assert_int_equal(a->len, 3);
    assert_int_equal(a->at, 7);
    assert_int_equal(a->rtp.ext_seq, 9);
    assert_int_equal(origin->refs, 1);
    assert_null(pkt_alias(aliases, origin));

    struct pkt *again = pkt_ref(a);
    pkt_unref(&a);
    assert_null(pkt_pool_spent(aliases));
    pkt_unref(&again);
    assert_int_equal(pkt_pool_in_use(aliases), 1); /* until the origin is on its way home */
    struct pkt *home = pkt_pool_spent(aliases);
    assert_ptr_equal(home, origin);
    assert_null(pkt_pool_spent(aliases));
    assert_int_equal(pkt_pool_in_use(aliases), 0);
    pkt_unref(&home);
    pkt_pool_free(&aliases);
    pkt_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_pool_says_so),
        cmocka_unit_test(a_packet_stays_while_one_reader_has_it),
        cmocka_unit_test(a_used_packet_comes_back_clean),
        cmocka_unit_test(all_packets_are_different_memory),
        cmocka_unit_test(a_pool_that_no_memory_can_hold_is_refused),
        cmocka_unit_test(a_pool_of_none_is_empty),
        cmocka_unit_test(an_alias_shows_the_bytes_and_gives_the_origin_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
