/* test_oom.c - engine/media with the n-th allocation failing, and none on the packet's way. */
#include "engine/media/hist.h"
#include "engine/media/pacer.h"
#include "engine/media/remap.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

static enum err make_all(void *unused)
{
    (void)unused;
    struct hist h;
    struct pacer p;
    struct remap m;
    enum err e = hist_init(&h, 64);
    if (e)
        return e;
    e = pacer_init(&p, 256, 1000000, 3000);
    if (!e) {
        e = remap_init(&m, 1024, 90000, 1, 1);
        remap_fini(&m);
        pacer_fini(&p);
    }
    hist_fini(&h);
    return e;
}

static void what_could_not_be_made_leaves_nothing_behind(void **unused)
{
    (void)unused;
    assert_int_equal(oom_walk(make_all, NULL), 1 + PACER_CLASSES + 1);
}

static void the_way_of_a_packet_does_not_allocate(void **unused)
{
    (void)unused;
    struct hist h;
    struct pacer p;
    struct remap m;
    struct pkt_pool *pool = pkt_pool_new(80);
    assert_non_null(pool);
    assert_int_equal(hist_init(&h, 64), OK);
    assert_int_equal(pacer_init(&p, 256, 1000000, 3000), OK);
    assert_int_equal(remap_init(&m, 64, 90000, 1, 1), OK);

    const size_t before = oom_allocations();
    for (uint32_t i = 0; i < 1000; i++) {
        struct send_rec rec = {.pkt = pkt_get(pool)};
        assert_non_null(rec.pkt);
        rec.pkt->rtp.ext_seq = 70000 + i;
        hist_put(&h, rec.pkt);
        struct remap_place at;
        if (i % 3 == 0)
            remap_skip(&m, &rec.pkt->rtp, 1, NULL);
        assert_int_equal(remap_next(&m, i, &rec.pkt->rtp, 1, NULL, &rec.map), i == 0 || i % 3 != 0);
        if (remap_find(&m, rec.map.seq, &at) && at.ext_seq == rec.pkt->rtp.ext_seq)
            remap_again(&m, i, &at, &rec.pkt->rtp, NULL, &rec.map);
        assert_true(pacer_push(&p, &rec));
        assert_true(pacer_pop(&p, i, &rec));
        pkt_unref(&rec.pkt);
    }
    assert_int_equal(oom_allocations(), before);

    remap_fini(&m);
    pacer_fini(&p);
    hist_fini(&h);
    assert_int_equal(pkt_pool_in_use(pool), 0);
    pkt_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_could_not_be_made_leaves_nothing_behind),
        cmocka_unit_test(the_way_of_a_packet_does_not_allocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
