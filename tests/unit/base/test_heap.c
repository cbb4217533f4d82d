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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_come_out_in_the_order_of_their_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
