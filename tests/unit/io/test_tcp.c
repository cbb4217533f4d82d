/* test_tcp.c - real connections on loopback that carry datagrams. */
#include "engine/base/bytes.h"
#include "engine/io/clock.h"
#include "engine/io/frame.h"
#include "engine/io/tcp.h"
#include "tests/unit/test.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX 12
#define TAG 100

/* A worker's side, and a listener that makes pairs of ends. */
struct world {
    struct loop loop;
    struct tcp *tcp;
    struct pkt_pool *pool;
    struct outq q;
    int listener;
    struct sockaddr_in at;
    usec now;
};

static int set_up(void **state)
{
    static struct world w;
    socklen_t len = sizeof w.at;
    w = (struct world){.now = 1000,
                       .at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    w.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(w.listener, (struct sockaddr *)&w.at, sizeof w.at), 0);
    assert_int_equal(listen(w.listener, 64), 0);
    assert_int_equal(getsockname(w.listener, (struct sockaddr *)&w.at, &len), 0);
    assert_int_equal(loop_init(&w.loop), OK);
    assert_int_equal(tcp_new(&w.tcp, &w.loop, TAG, MAX, 7), OK);
    assert_int_equal(outq_init(&w.q, 128 << 10, 64), OK);
    w.pool = pkt_pool_new(64);
    assert_non_null(w.pool);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *const w = *state;
    tcp_free(&w->tcp);
    outq_fini(&w->q);
    loop_fini(&w->loop);
    assert_int_equal(pkt_pool_in_use(w->pool), 0);
    pkt_pool_free(&w->pool);
    (void)close(w->listener);
    return 0;
}

/* The far end; *fd becomes ours, *from its address. */
static int pair(struct world *w, int *fd, struct addr *from)
{
    const int far = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in s;
    socklen_t len = sizeof s;
    assert_int_equal(connect(far, (struct sockaddr *)&w->at, sizeof w->at), 0);
    *fd = accept4(w->listener, (struct sockaddr *)&s, &len, SOCK_NONBLOCK);
    assert_true(*fd >= 0);
    *from = addr_v4((const uint8_t *)&s.sin_addr, ntohs(s.sin_port));
    from->proto = ADDR_TCP;
    return far;
}

static int joined(struct world *w, uint32_t owner, struct addr *from, size_t *slot)
{
    int fd;
    const int far = pair(w, &fd, from);
    assert_true(
        tcp_add(w->tcp, w->now, &(struct tcp_call){.fd = fd, .from = *from, .owner = owner}, slot));
    return far;
}

static bool wait_for(struct world *w, size_t slot)
{
    struct loop_ready r[4];
    const usec now = clock_now();
    const size_t n = loop_wait(&w->loop, now, now + 5 * USEC_SEC, r, ARRAY_LEN(r));
    for (size_t i = 0; i < n; i++)
        if (r[i].tag == TAG + slot)
            return true;
    return false;
}

/* Datagrams 1, 2, … whose bytes are their number, each longer than the one before. */
static size_t many_frames(uint8_t *out, size_t n)
{
    size_t used = 0;
    for (size_t i = 1; i <= n; i++) {
        const size_t len = i * 37;
        put_be16(out + used, (uint16_t)len);
        memset(out + used + FRAME_HEAD, (int)i, len);
        used += FRAME_HEAD + len;
    }
    return used;
}

static void datagrams_come_out_however_the_stream_is_cut(void **state)
{
    struct world *const w = *state;
    static uint8_t stream[30000];
    const size_t all = many_frames(stream, 36);
    for (size_t cut = 1; cut < 3000; cut = cut * 3 + 1) {
        struct addr from;
        size_t slot;
        const int far = joined(w, 1, &from, &slot);
        uint8_t next = 1;
        for (size_t at = 0; at < all; at += cut) {
            assert_true(send(far, stream + at, size_min(cut, all - at), 0) > 0);
            assert_true(wait_for(w, slot));
            assert_true(tcp_read(w->tcp, slot));
            for (struct pkt *p; (p = tcp_next(w->tcp, 5, w->pool)) != NULL; pkt_unref(&p)) {
                assert_int_equal(p->len, next * 37);
                assert_int_equal(p->data[0], next);
                assert_int_equal(p->data[p->len - 1], next);
                assert_int_equal(p->at, 5);
                assert_true(addr_eq(&p->from, &from));
                next++;
            }
        }
        assert_int_equal(next, 37);
        (void)close(far);
        assert_true(wait_for(w, slot));
        assert_false(tcp_read(w->tcp, slot));
        assert_int_equal(tcp_stat(w->tcp)->open, 0);
    }
}

static void what_was_read_before_comes_first(void **state)
{
    struct world *const w = *state;
    static const uint8_t begun[] = {0, 3, 'a', 'b'};
    struct addr from;
    size_t slot;
    int fd;
    const int far = pair(w, &fd, &from);
    assert_true(
        tcp_add(w->tcp, w->now, &(struct tcp_call){fd, from, 1, begun, sizeof begun}, &slot));
    assert_true(tcp_read(w->tcp, slot));
    assert_null(tcp_next(w->tcp, w->now, w->pool));
    assert_int_equal(send(far, "c\0\0", 3, 0), 3);
    assert_true(wait_for(w, slot));
    assert_true(tcp_read(w->tcp, slot));
    struct pkt *p = tcp_next(w->tcp, w->now, w->pool);
    assert_non_null(p);
    assert_int_equal(p->len, 3);
    assert_memory_equal(p->data, "abc", 3);
    pkt_unref(&p);
    assert_null(tcp_next(w->tcp, w->now, w->pool)); /* a null packet says nothing */
    assert_int_equal(tcp_stat(w->tcp)->open, 1);
    (void)close(far);
}

static void a_frame_too_long_ends_the_connection_and_no_other(void **state)
{
    struct world *const w = *state;
    struct addr from[2];
    size_t slot[2];
    const int bad = joined(w, 1, &from[0], &slot[0]);
    const int good = joined(w, 2, &from[1], &slot[1]);
    assert_int_equal(send(bad, "\0\1x\xff\xff", 5, 0), 5);
    assert_true(wait_for(w, slot[0]));
    assert_true(tcp_read(w->tcp, slot[0]));
    struct pkt *p = tcp_next(w->tcp, w->now, w->pool); /* what came before it is good */
    assert_non_null(p);
    pkt_unref(&p);
    assert_null(tcp_next(w->tcp, w->now, w->pool));
    assert_int_equal(tcp_stat(w->tcp)->broken, 1);
    assert_int_equal(tcp_stat(w->tcp)->open, 1);
    assert_false(tcp_read(w->tcp, slot[0]));
    assert_int_equal(send(good, "\0\1x", 3, 0), 3);
    assert_true(wait_for(w, slot[1]));
    assert_true(tcp_read(w->tcp, slot[1]));
    p = tcp_next(w->tcp, w->now, w->pool);
    assert_non_null(p);
    pkt_unref(&p);
    (void)close(bad);
    (void)close(good);
}

static void put_message(struct world *w, const struct addr *to, uint8_t what, size_t n, size_t len)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t *const p = i ? outq_reserve_more(&w->q, to, len) : outq_reserve(&w->q, to, len);
        assert_non_null(p);
        memset(p, what, len);
        if (i)
            outq_commit_more(&w->q, len);
        else
            outq_commit(&w->q, len);
    }
}

static void its_messages_leave_the_queue_and_others_stay(void **state)
{
    struct world *const w = *state;
    static const uint8_t ip[4] = {192, 0, 2, 1};
    const struct addr udp = addr_v4(ip, 1);
    struct addr from;
    size_t slot;
    const int far = joined(w, 1, &from, &slot);
    struct addr nobody = from;
    nobody.port ^= 1;
    put_message(w, &udp, 1, 1, 10);
    put_message(w, &from, 2, 3, 100);
    put_message(w, &nobody, 3, 2, 100);
    put_message(w, &udp, 4, 2, 10);
    tcp_send(w->tcp, &w->q);
    assert_int_equal(w->q.n, 2);
    assert_int_equal(w->q.buf[w->q.msgs[0].off], 1);
    assert_int_equal(w->q.buf[w->q.msgs[1].off], 4);
    assert_int_equal(tcp_stat(w->tcp)->sent, 3);
    assert_int_equal(tcp_stat(w->tcp)->send_dropped, 2);
    uint8_t got[400];
    assert_int_equal(recv(far, got, sizeof got, 0), 3 * (FRAME_HEAD + 100));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(be16(got + i * 102), 100);
        assert_int_equal(got[i * 102 + 2], 2);
    }
    (void)close(far);
}

/* Reads all there is; returns how many datagrams it was, and how many of them were small. */
static size_t read_all(struct world *w, int far, size_t slot, size_t *small)
{
    static uint8_t got[8 << 20];
    size_t n = 0;
    for (int idle = 0; idle < 50;) {
        const ssize_t r = recv(far, got + n, sizeof got - n, MSG_DONTWAIT);
        tcp_flush(w->tcp, slot);
        if (r > 0) {
            n += (size_t)r;
            idle = 0;
            continue;
        }
        idle++;
        clock_rest(clock_now() + 2 * USEC_MS);
    }
    size_t at = 0;
    size_t count = 0;
    for (size_t len; at < n; at += FRAME_HEAD + len, count++) {
        assert_int_equal(frame_read(got + at, n - at, 1500, &len), FRAME_WHOLE);
        assert_int_equal(got[at + FRAME_HEAD], got[at + FRAME_HEAD + len - 1]);
        *small += len <= TCP_SMALL;
    }
    return count;
}

static void a_slow_reader_loses_whole_datagrams_and_voice_last(void **state)
{
    struct world *const w = *state;
    struct addr from;
    size_t slot;
    const int far = joined(w, 1, &from, &slot);
    size_t asked = 0;
    while (tcp_stat(w->tcp)->send_dropped == 0) {
        put_message(w, &from, (uint8_t)asked, 40, 1200);
        tcp_send(w->tcp, &w->q);
        outq_clear(&w->q);
        asked += 40;
    }
    const uint64_t lost = tcp_stat(w->tcp)->send_dropped;
    put_message(w, &from, 9, 1, 80); /* a voice still finds room */
    tcp_send(w->tcp, &w->q);
    assert_int_equal(tcp_stat(w->tcp)->send_dropped, lost);
    assert_int_equal(tcp_stat(w->tcp)->sent, asked + 1 - lost);
    size_t small = 0;
    assert_int_equal(read_all(w, far, slot, &small), asked + 1 - lost);
    assert_int_equal(small, 1);
    (void)close(far);
}

static void who_says_nothing_useful_is_closed(void **state)
{
    struct world *const w = *state;
    struct addr from[2];
    size_t slot[2];
    const int silent = joined(w, 1, &from[0], &slot[0]);
    const int heard = joined(w, 2, &from[1], &slot[1]);
    tcp_heard(w->tcp, &from[1], w->now + TCP_IDLE);
    tcp_sweep(w->tcp, w->now + TCP_IDLE);
    assert_int_equal(tcp_stat(w->tcp)->open, 2);
    tcp_sweep(w->tcp, w->now + TCP_IDLE + 1);
    assert_int_equal(tcp_stat(w->tcp)->open, 1);
    assert_int_equal(tcp_stat(w->tcp)->silent, 1);
    char c;
    assert_int_equal(recv(silent, &c, 1, 0), 0);
    (void)close(silent);
    (void)close(heard);
}

static void one_member_does_not_take_all_places(void **state)
{
    struct world *const w = *state;
    struct addr from[MAX + 2];
    size_t slot[MAX + 2];
    int far[MAX + 2];
    for (size_t i = 0; i < TCP_PER_OWNER; i++) {
        far[i] = joined(w, 1, &from[i], &slot[i]);
        tcp_heard(w->tcp, &from[i], w->now + (i == 3 ? 0 : 10));
    }
    far[TCP_PER_OWNER] = joined(w, 1, &from[TCP_PER_OWNER], &slot[TCP_PER_OWNER]);
    assert_int_equal(tcp_stat(w->tcp)->open, TCP_PER_OWNER);
    assert_int_equal(slot[TCP_PER_OWNER], slot[3]); /* of the most silent one */
    size_t n = TCP_PER_OWNER + 1;
    for (; n <= MAX; n++)
        far[n] = joined(w, 2, &from[n], &slot[n]);
    int fd;
    far[n] = pair(w, &fd, &from[n]);
    assert_false(tcp_add(w->tcp, w->now, &(struct tcp_call){.fd = fd, .from = from[n], .owner = 3},
                         &slot[n]));
    assert_int_equal(tcp_stat(w->tcp)->refused, 1);
    (void)close(fd);
    for (size_t i = 0; i <= n; i++)
        (void)close(far[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(datagrams_come_out_however_the_stream_is_cut, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_read_before_comes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_frame_too_long_ends_the_connection_and_no_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(its_messages_leave_the_queue_and_others_stay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_slow_reader_loses_whole_datagrams_and_voice_last, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_says_nothing_useful_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_member_does_not_take_all_places, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
