/* test_heap.c - deadlines come out in order, wherever they went in. */
#include "engine/base/heap.h"
#include "tests/unit/test.h"

#include <stdlib.h>

static void nodes_come_out_in_the_order_of_their_times(void **unused)
{
    (void)unused;
    struct heap h;
    struct heap_node nodes[200] = {0};
    heap_init(&h);
    assert_int_equal(heap_reserve(&h, 200), OK);
    uint32_t seed = 1;
    for (size_t i = 0; i < 200; i++) {
        seed = seed * 1664525 + 1013904223;
        heap_set(&h, &nodes[i], seed % 1000);
    }
    for (size_t i = 0; i < 200; i += 3) /* move some, take some out */
        heap_set(&h, &nodes[i], i % 2 ? USEC_NEVER : (usec)i * 7);

    usec last = 0;
    size_t n = 0;
    while (heap_first(&h)) {
        assert_true(heap_next(&h) >= last);
        last = heap_next(&h);
        heap_del(&h, heap_first(&h));
        n++;
    }
    assert_int_equal(n, 200 - 33);
    assert_int_equal(heap_next(&h), USEC_NEVER);
    heap_fini(&h);
}

static void an_empty_heap_is_never_due(void **unused)
{
    (void)unused;
    struct heap h;
    struct heap_node node = {0};
    heap_init(&h);
    assert_null(heap_first(&h));
    assert_int_equal(heap_next(&h), USEC_NEVER);
    heap_del(&h, &node);             /* is not in it */
    heap_set(&h, &node, USEC_NEVER); /* stays out: no room is needed */
    assert_int_equal(node.pos, 0);
    heap_fini(&h);
}

static void a_deadline_moves_both_ways(void **unused)
{
    (void)unused;
    struct heap h;
    struct heap_node a = {0};
    struct heap_node b = {0};
    heap_init(&h);
    assert_int_equal(heap_reserve(&h, 2), OK);
    heap_set(&h, &a, 10);
    heap_set(&h, &b, 20);
    assert_ptr_equal(heap_first(&h), &a);
    heap_set(&h, &a, 30);
    assert_ptr_equal(heap_first(&h), &b);
    heap_set(&h, &a, -5); /* before the clock's zero is a time like any other */
    assert_ptr_equal(heap_first(&h), &a);
    heap_set(&h, &a, USEC_NEVER);
    assert_ptr_equal(heap_first(&h), &b);
    heap_set(&h, &a, 1); /* one that was taken out comes in again */
    assert_ptr_equal(heap_first(&h), &a);
    heap_fini(&h);
}

static void room_grows_and_keeps_what_is_in_it(void **unused)
{
    (void)unused;
    struct heap h;
    struct heap_node nodes[100] = {0};
    heap_init(&h);
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
        assert_int_equal(heap_reserve(&h, i + 1), OK);
        heap_set(&h, &nodes[i], (usec)(100 - i));
        assert_int_equal(heap_next(&h), 100 - i);
    }
    assert_int_equal(heap_reserve(&h, 1), OK); /* never shrinks */
    assert_int_equal(h.n, 100);
    heap_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_come_out_in_the_order_of_their_times),
        cmocka_unit_test(an_empty_heap_is_never_due),
        cmocka_unit_test(a_deadline_moves_both_ways),
        cmocka_unit_test(room_grows_and_keeps_what_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
