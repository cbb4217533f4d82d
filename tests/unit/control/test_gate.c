/* test_gate.c - real connections on loopback to one gate, on a clock of our own. */
#include "relay/control/gate.h"

#include "engine/base/bytes.h"
#include "engine/io/clock.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PER_ADDRESS 20

static struct gate *gate;
static struct addr at;
static usec now;

static int set_up(void **state)
{
    (void)state;
    struct addr any;
    now = 1000;
    assert_true(addr_parse(&any, "127.0.0.1:0"));
    assert_int_equal(gate_new(&gate, PER_ADDRESS), OK);
    assert_int_equal(gate_listen(gate, &any, true, &at), OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gate_free(&gate);
    return 0;
}

static int come(const void *bytes, size_t len)
{
    struct sockaddr_in s = {.sin_family = AF_INET, .sin_port = htons(at.port)};
    s.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&s, sizeof s), 0);
    if (len)
        assert_int_equal(send(fd, bytes, len, 0), len);
    return fd;
}

/* What came has arrived: on loopback that takes no time to speak of. */
static bool guest(struct guest *g)
{
    for (int i = 0; i < 20; i++) {
        gate_turn(gate, now);
        if (gate_guest(gate, now, g))
            return true;
        clock_rest(clock_now() + USEC_MS);
    }
    return false;
}

static bool is_closed(int fd)
{
    char c;
    const ssize_t r = recv(fd, &c, 1, MSG_DONTWAIT);
    return r == 0 || (r < 0 && errno == ECONNRESET);
}

static size_t check(uint8_t *out)
{
    const struct stun_request rq = {.username = "ours:theirs", .pwd = "VOkJxbRl1RmTxUk/WvJxBt"};
    const size_t len = stun_write_request(out + FRAME_HEAD, STUN_MSG_MAX, &rq);
    put_be16(out, (uint16_t)len);
    return FRAME_HEAD + len;
}

static void https_is_let_in_with_all_its_bytes(void **unused)
{
    (void)unused;
    struct guest g;
    char got[8];
    const int far = come("\x16\x03\x01", 3);
    assert_true(guest(&g));
    assert_false(g.call);
    assert_int_equal(g.listener, 0);
    assert_int_equal(recv(g.fd, got, sizeof got, 0), 3);
    assert_int_equal(gate_stat(gate)->http, 1);
    (void)close(g.fd);
    (void)close(far);
}

static void a_check_in_pieces_is_let_in_with_what_was_read(void **unused)
{
    (void)unused;
    struct guest g;
    uint8_t p[FIRST_MAX + 1];
    char more;
    const size_t all = check(p);
    p[all] = 'x';
    const int far = come(p, 1);
    assert_false(guest(&g));
    assert_int_equal(send(far, p + 1, 30, 0), 30);
    assert_false(guest(&g));
    assert_int_equal(send(far, p + 31, all + 1 - 31, 0), all + 1 - 31);
    assert_true(guest(&g));
    assert_true(g.call);
    assert_string_equal(g.ufrag, "ours");
    assert_int_equal(g.len, all);
    assert_memory_equal(g.bytes, p, all);
    assert_int_equal(recv(g.fd, &more, 1, 0), 1); /* what follows is not ours to read */
    assert_int_equal(more, 'x');
    (void)close(g.fd);
    (void)close(far);
}

static void what_is_not_served_is_closed(void **unused)
{
    (void)unused;
    struct guest g;
    const int http = come("GET /", 5);
    const int noise = come("\xff", 1);
    const int gone = come(NULL, 0);
    assert_int_equal(shutdown(gone, SHUT_WR), 0);
    assert_false(guest(&g));
    assert_true(is_closed(noise));
    assert_true(is_closed(gone));
    assert_int_equal(gate_stat(gate)->bad, 3);
    (void)close(http);
    (void)close(noise);
    (void)close(gone);
}

static void patience_ends(void **unused)
{
    (void)unused;
    struct guest g;
    assert_int_equal(gate_next(gate), USEC_NEVER);
    const int far = come("\0", 1);
    assert_false(guest(&g));
    assert_int_equal(gate_next(gate), now + GATE_PATIENCE);
    now += GATE_PATIENCE - 1;
    assert_false(guest(&g));
    assert_false(is_closed(far));
    now++;
    assert_false(guest(&g));
    assert_true(is_closed(far));
    assert_int_equal(gate_stat(gate)->late, 1);
    assert_int_equal(gate_next(gate), USEC_NEVER);
    (void)close(far);
}

static void of_a_crowd_the_oldest_give_way(void **unused)
{
    (void)unused;
    struct guest g;
    int far[PER_ADDRESS + 1];
    for (size_t i = 0; i < ARRAY_LEN(far); i++) {
        far[i] = come(NULL, 0);
        gate_turn(gate, ++now);
        assert_false(gate_guest(gate, now, &g));
    }
    assert_false(guest(&g));
    assert_true(is_closed(far[0]));
    assert_false(is_closed(far[1]));
    assert_int_equal(gate_stat(gate)->crowded, 1);
    assert_int_equal(send(far[PER_ADDRESS], "\x16", 1, 0), 1);
    assert_true(guest(&g));
    (void)close(g.fd);
    for (size_t i = 0; i < ARRAY_LEN(far); i++)
        (void)close(far[i]);
}

static void a_shut_gate_keeps_them_waiting(void **unused)
{
    (void)unused;
    struct guest g;
    gate_open(gate, now, 0, false);
    const int far = come("\x16", 1);
    assert_false(guest(&g));
    gate_open(gate, now, 0, true);
    assert_true(guest(&g));
    (void)close(g.fd);
    (void)close(far);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(https_is_let_in_with_all_its_bytes),
        CASE(a_check_in_pieces_is_let_in_with_what_was_read),
        CASE(what_is_not_served_is_closed),
        CASE(patience_ends),
        CASE(of_a_crowd_the_oldest_give_way),
        CASE(a_shut_gate_keeps_them_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
