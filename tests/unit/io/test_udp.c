/* test_udp.c - real sockets on loopback, both families. */
#include "engine/io/clock.h"
#include "engine/io/loop.h"
#include "engine/io/udp.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static size_t receive(struct udp *u, struct pkt_pool *pool, struct pkt **out, size_t want)
{
    struct loop loop;
    assert_int_equal(loop_init(&loop), OK);
    assert_int_equal(loop_set(&loop, u->fd, LOOP_READ, 1), OK);
    size_t n = 0;
    while (n < want) {
        struct loop_ready ready[1];
        const usec now = clock_now();
        if (loop_wait(&loop, now, now + 10 * USEC_SEC, ready, 1) == 0)
            break;
        struct pkt *got[UDP_BATCH];
        const size_t came = udp_recv(u, now, pool, got);
        for (size_t i = 0; i < came; i++)
            out[n++] = got[i];
    }
    loop_fini(&loop);
    return n;
}

static void a_frame_sent_at_once_arrives_as_its_datagrams(void **state)
{
    const char *const ip = *state;
    struct udp a;
    struct udp b;
    struct addr any;
    struct outq q;
    struct pkt_pool *pool = pkt_pool_new(64);
    assert_non_null(pool);
    assert_true(addr_parse(&any, ip));
    assert_int_equal(udp_open(&a, &any, 1 << 20), OK);
    assert_int_equal(udp_open(&b, &any, 1 << 20), OK);
    assert_int_equal(outq_init(&q, 20000, 8), OK);

    uint8_t body[1000];
    for (uint8_t i = 0; i < 5; i++) {
        memset(body, i, sizeof body);
        const size_t len = i < 4 ? 1000 : 300;
        uint8_t *const p =
            i ? outq_reserve_more(&q, &b.local, len) : outq_reserve(&q, &b.local, len);
        assert_non_null(p);
        memcpy(p, body, len);
        if (i)
            outq_commit_more(&q, len);
        else
            outq_commit(&q, len);
    }
    udp_send(&a, &q);
    assert_int_equal(a.sent, 5);

    struct pkt *got[8] = {0};
    assert_int_equal(receive(&b, pool, got, 5), 5);
    for (uint8_t i = 0; i < 5; i++) {
        assert_int_equal(got[i]->len, i < 4 ? 1000 : 300);
        assert_int_equal(got[i]->data[0], i);
        assert_true(addr_eq(&got[i]->from, &a.local));
        pkt_unref(&got[i]);
    }
    outq_fini(&q);
    udp_close(&a);
    udp_close(&b);
    pkt_pool_free(&pool);
}

static void a_busy_port_is_named_as_such(void **unused)
{
    (void)unused;
    struct udp a;
    struct udp b;
    struct addr any;
    assert_true(addr_parse(&any, "127.0.0.1:0"));
    assert_int_equal(udp_open(&a, &any, 1 << 16), OK);
    assert_int_equal(udp_open(&b, &a.local, 1 << 16), E_IO);
    assert_int_equal(errno, EADDRINUSE);
    udp_close(&a);
}

int main(void)
{
    static char v4[] = "127.0.0.1:0";
    static char v6[] = "[::1]:0";
    const struct CMUnitTest tests[] = {
        {"a frame over IPv4", a_frame_sent_at_once_arrives_as_its_datagrams, NULL, NULL, v4},
        {"a frame over IPv6", a_frame_sent_at_once_arrives_as_its_datagrams, NULL, NULL, v6},
        cmocka_unit_test(a_busy_port_is_named_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
