/* test_oom.c - engine/base with the n-th allocation failing, and the walk itself. */
#include "engine/base/heap.h"
#include "engine/base/outq.h"
#include "engine/base/pkt.h"
#include "engine/base/rng.h"
#include "engine/base/table.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

#include <stdlib.h>

static enum err two_blocks(void *unused)
{
    (void)unused;
    /* volatile: the compiler may otherwise leave out a pair of malloc and free */
    void *volatile first = malloc(10);
    void *volatile second = first ? malloc(20) : NULL;
    free(first);
    free(second);
    return first && second ? OK : E_NOMEM;
}

static void the_walk_visits_every_allocation(void **unused)
{
    (void)unused;
    const size_t before = oom_allocations();
    assert_int_equal(oom_walk(two_blocks, NULL), 2);
    /* all; the first fails; the second fails; none fails */
    assert_int_equal(oom_allocations() - before, 2 + 1 + 2 + 2);
}

static enum err fill_table(void *unused)
{
    (void)unused;
    struct table t;
    table_init(&t, sizeof(uint32_t), 7);
    enum err e = OK;
    uint32_t in = 0;
    static int value;
    while (in < 100 && !e) {
        e = table_put(&t, &in, &value);
        in += !e;
    }
    for (uint32_t i = 0; i < 100; i++) /* a failed put leaves the others where they were */
        assert_ptr_equal(table_get(&t, &i), i < in ? &value : NULL);
    assert_int_equal(t.n, in);
    table_fini(&t);
    return e;
}

static void a_table_that_cannot_grow_keeps_what_it_has(void **unused)
{
    (void)unused;
    assert_true(oom_walk(fill_table, NULL) >= 8);
}

static enum err fill_heap(void *unused)
{
    (void)unused;
    struct heap h;
    struct heap_node nodes[64] = {0};
    heap_init(&h);
    enum err e = OK;
    for (size_t i = 0; i < ARRAY_LEN(nodes) && !e; i++) {
        e = heap_reserve(&h, i + 1);
        if (!e)
            heap_set(&h, &nodes[i], (usec)(100 - i));
        else
            assert_int_equal(h.n, i);
    }
    heap_fini(&h);
    return e;
}

static void a_heap_that_cannot_grow_keeps_what_it_has(void **unused)
{
    (void)unused;
    assert_true(oom_walk(fill_heap, NULL) >= 2);
}

static enum err make_the_rest(void *unused)
{
    (void)unused;
    static const uint8_t seed[32] = {1};
    struct outq q;
    struct rng r;
    struct pkt_pool *pool = NULL;
    enum err e = outq_init(&q, 4096, 16);
    if (e)
        return e;
    e = rng_init(&r, seed);
    if (e)
        goto queue;
    pool = pkt_pool_new(8);
    if (!pool)
        e = E_NOMEM;
    pkt_pool_free(&pool);
    rng_fini(&r);
queue:
    outq_fini(&q);
    return e;
}

static void queue_pool_and_rng_give_back_what_they_took(void **unused)
{
    (void)unused;
    assert_int_equal(oom_walk(make_the_rest, NULL), 3);
    assert_true(oom_walk_all(make_the_rest, NULL) > 3); /* OpenSSL's own too */
}

static void the_packet_path_of_base_does_not_allocate(void **unused)
{
    (void)unused;
    struct outq q;
    struct heap h;
    struct heap_node node = {0};
    struct addr to;
    assert_true(addr_parse(&to, "192.0.2.1:5000"));
    assert_int_equal(outq_init(&q, 4096, 16), OK);
    heap_init(&h);
    assert_int_equal(heap_reserve(&h, 1), OK);
    struct pkt_pool *pool = pkt_pool_new(2);
    assert_non_null(pool);

    const size_t before = oom_allocations();
    for (usec now = 0; now < 1000; now++) {
        struct pkt *p = pkt_get(pool);
        heap_set(&h, &node, now);
        outq_clear(&q);
        assert_true(outq_put(&q, &to, p->data, 10));
        pkt_unref(&p);
    }
    assert_int_equal(oom_allocations(), before);

    pkt_pool_free(&pool);
    heap_fini(&h);
    outq_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_walk_visits_every_allocation),
        cmocka_unit_test(a_table_that_cannot_grow_keeps_what_it_has),
        cmocka_unit_test(a_heap_that_cannot_grow_keeps_what_it_has),
        cmocka_unit_test(queue_pool_and_rng_give_back_what_they_took),
        cmocka_unit_test(the_packet_path_of_base_does_not_allocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
