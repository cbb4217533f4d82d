/* test_hist.c - the packets that were, found by their number or not at all. */
#include "engine/media/hist.h"
#include "tests/unit/test.h"

static struct pkt_pool *pool;
static struct hist h;

static int setup(void **unused)
{
    (void)unused;
    pool = pkt_pool_new(32);
    return pool && hist_init(&h, 8) == OK ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    hist_fini(&h);
    if (pkt_pool_in_use(pool) != 0)
        return -1;
    pkt_pool_free(&pool);
    return 0;
}

static void put(uint32_t ext_seq)
{
    struct pkt *p = pkt_get(pool);
    assert_non_null(p);
    p->rtp.ext_seq = ext_seq;
    p->at = (usec)ext_seq * 10;
    hist_put(&h, p);
    pkt_unref(&p);
}

static bool has(uint32_t ext_seq)
{
    const struct pkt *const p = hist_get(&h, ext_seq);
    assert_true(!p || p->rtp.ext_seq == ext_seq);
    return p != NULL;
}

static void the_newest_are_kept(void **unused)
{
    (void)unused;
    assert_false(has(0));
    for (uint32_t seq = 100; seq < 120; seq++)
        put(seq);
    for (uint32_t seq = 90; seq < 130; seq++)
        assert_int_equal(has(seq), seq >= 112 && seq < 120);
    assert_int_equal(pkt_pool_in_use(pool), 8);
}

static void a_late_packet_takes_its_place_and_an_old_one_none(void **unused)
{
    (void)unused;
    put(100);
    put(103);
    put(101);
    assert_true(has(100) && has(101) && has(103));
    assert_false(has(102));
    put(110);
    put(102); /* 110 - 102 is the size of the ring */
    assert_false(has(102));
    assert_true(has(110));
}

static void the_same_number_twice_is_the_later_packet(void **unused)
{
    (void)unused;
    put(5);
    const struct pkt *const first = hist_get(&h, 5);
    put(5);
    assert_ptr_not_equal(hist_get(&h, 5), first);
    assert_int_equal(pkt_pool_in_use(pool), 1);
}

static void what_is_too_old_goes_home(void **unused)
{
    (void)unused;
    for (uint32_t seq = 100; seq < 108; seq++)
        put(seq);
    hist_expire(&h, 1040, 0);
    assert_int_equal(pkt_pool_in_use(pool), 4);
    assert_false(has(103));
    assert_true(has(104));
    hist_expire(&h, USEC_NEVER, 0);
    assert_int_equal(pkt_pool_in_use(pool), 0);
}

static void an_end_without_a_beginning_is_fine(void **unused)
{
    (void)unused;
    struct hist never = {0};
    hist_fini(&never);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_packet_takes_its_place_and_an_old_one_none, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_same_number_twice_is_the_later_packet, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_too_old_goes_home, setup, teardown),
        cmocka_unit_test(an_end_without_a_beginning_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
