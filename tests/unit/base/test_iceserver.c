/* test_iceserver.c - URIs of TURN servers, and the Link headers that tell of them. */
#include "tests/unit/test.h"

#include "engine/base/iceserver.h"

#include <string.h>

static void uris_are_read(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *host;
        uint16_t port;
        bool tls, tcp;
    } rows[] = {
        {"turn:turn.example.cn", "turn.example.cn", 3478, false, false},
        {"turn:10.0.0.1:80?transport=tcp", "10.0.0.1", 80, false, true},
        {"TURN:a?transport=UDP", "a", 3478, false, false},
        {"turns:a", "a", 5349, true, true},
        {"turns:[2001:db8::1]:443?transport=tcp", "2001:db8::1", 443, true, true},
        {"turn:[::1]", "::1", 3478, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct iceserver s;
        assert_null(iceserver_uri(&s, rows[i].text, strlen(rows[i].text)));
        assert_string_equal(s.host, rows[i].host);
        assert_int_equal(s.port, rows[i].port);
        assert_int_equal(s.tls, rows[i].tls);
        assert_int_equal(s.tcp, rows[i].tcp);
    }
}

static void what_is_wrong_is_named(void **unused)
{
    (void)unused;
    static const char *const rows[][2] = {
        {"stun:a", "turn: or turns:"},
        {"turn:", "host"},
        {"turn:a b", "host"},
        {"turn:a:0", "port"},
        {"turn:a:65536", "port"},
        {"turn:a:99999999999999999999", "port"},
        {"turn:a:8x", "port"},
        {"turn:[::1", "host"},
        {"turn:[::1]x", ":PORT"},
        {"turn:[zz]", "host"},
        {"turn:a?transport=sctp", "udp or tcp"},
        {"turn:a?x=1", "?transport="},
        {"turns:a?transport=udp", "tcp only"},
        {"turn://a", "host"},
        {"", "turn: or turns:"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct iceserver s;
        const char *const why = iceserver_uri(&s, rows[i][0], strlen(rows[i][0]));
        assert_non_null(why);
        assert_non_null(strstr(why, rows[i][1]));
    }
}

static size_t read_all(const char *text, struct iceserver *s, size_t cap)
{
    const char *at = text;
    size_t n = 0;
    while (n < cap && iceserver_next(&at, text + strlen(text), &s[n]))
        n++;
    return n;
}

static void a_link_is_read_as_it_was_written(void **unused)
{
    (void)unused;
    char out[ICESERVER_LINK];
    struct iceserver s[2];
    assert_true(iceserver_link(out, sizeof out, "turn:a:1", "17:x", "q\"\\,;= >"));
    assert_int_equal(read_all(out, s, 2), 1);
    assert_string_equal(s[0].username, "17:x");
    assert_string_equal(s[0].password, "q\"\\,;= >");
    assert_false(iceserver_link(out, sizeof out, "turn:a", "", "p"));
    assert_false(iceserver_link(out, sizeof out, "turn:a", "u", "line\nbreak"));
    assert_false(iceserver_link(out, 20, "turn:a", "u", "p"));
}

static void others_are_passed_over(void **unused)
{
    (void)unused;
    struct iceserver s[8];
    static const char text[] =
        "<stun:s.example.net>; rel=\"ice-server\", </whep/L/x/slots>; "
        "rel=\"urn:liangshi:rel:slots\", "
        "<turn:a>;rel=ice-server ; username = u; credential=\"p,q\", "
        "<turn:b>; rel=\"ice-server\"; username=u; credential=p; credential-type=\"oauth\", "
        "<turn:c>; rel=\"ice-server\", <turn:e>; rel=\"preload\"; username=u; credential=p,"
        "<turns:d?transport=tcp>; rel=\"ice-server\"; username=u; credential=p; x";
    assert_int_equal(read_all(text, s, 8), 2);
    assert_string_equal(s[0].host, "a");
    assert_string_equal(s[0].password, "p,q");
    assert_string_equal(s[1].host, "d");
}

static void nonsense_ends_it(void **unused)
{
    (void)unused;
    struct iceserver s[2];
    static const char *const rows[] = {"",
                                       ",",
                                       "turn:a",
                                       "<turn:a",
                                       "<turn:a>; username=\"u",
                                       "<turn:a> x",
                                       "<>;=;=",
                                       "<turn:a>;rel=\"ice-server"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(read_all(rows[i], s, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uris_are_read),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_link_is_read_as_it_was_written),
        cmocka_unit_test(others_are_passed_over),
        cmocka_unit_test(nonsense_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
