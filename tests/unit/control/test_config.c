/* test_config.c - settings: defaults, the example, and mistakes that are named. */
#include "tests/unit/test.h"

#include "config/config.h"

#include <stdlib.h>
#include <string.h>

static bool load(const char *text, char why[CONFIG_WHY])
{
    struct config *c;
    const bool good =
        config_parse(&c, text, strlen(text), "relay.yaml", why) && config_check(c, why);
    config_free(&c);
    return good;
}

static void an_empty_file_is_all_defaults(void **unused)
{
    (void)unused;
    char why[CONFIG_WHY];
    struct config *c;
    assert_true(config_parse(&c, "# nothing\n", 10, "x", why));
    assert_true(config_check(c, why));
    assert_string_equal(c->http[0], "127.0.0.1:8080");
    assert_string_equal(c->data, "/var/lib/liangshi");
    assert_int_equal(c->limits.members_per_lesson, 400);
    assert_int_equal(c->limits.members_per_worker, 4096);
    assert_int_equal(c->media_packets, 32768);
    config_free(&c);
}

static void a_worker_holds_a_full_lesson(void **unused)
{
    (void)unused;
    static const char text[] = "limits: {members_per_lesson: 5000}\nmedia_packets: 65536\n";
    char why[CONFIG_WHY];
    struct config *c;
    assert_true(config_parse(&c, text, sizeof text - 1, "x", why));
    assert_true(config_check(c, why));
    assert_int_equal(c->limits.members_per_worker, 5000);
    assert_int_equal(c->media_packets, 65536);
    config_free(&c);
}

static void the_example_is_right(void **unused)
{
    (void)unused;
    char why[CONFIG_WHY];
    struct config *c;
    assert_true(config_load(&c, getenv("EXAMPLE"), why));
    assert_true(config_check(c, why));
    config_free(&c);
}

static void mistakes_are_named(void **unused)
{
    (void)unused;
    static const char *const cases[][2] = {
        {"colour: red\n", "colour"},
        {"workers: many\n", "workers"},
        {"workers: 99\n", "workers"},
        {"http: [\"0.0.0.0:80\"]\n", "loopback"},
        {"http: [\"nonsense\"]\n", "nonsense"},
        {"http: [off]\nhttps: [\"off\"]\n", "neither"},
        {"certificate: a.pem\n", "key"},
        {"http: []\n", "http"},
        {"log: loud\n", "loud"},
        {"limits: {viewer_kbps: 1}\n", "viewer_kbps"},
        {"media_packets: 100\n", "media_packets: must be 2048 to 4194304, not 100"},
        {"media_socket_kib: 1\n", "media_socket_kib"},
        {"limits: {members_per_lesson: 900, members_per_worker: 500}\n",
         "limits.members_per_worker: must be 900 to 100000, not 500"},
        {"media: {a: b}\n", "media"},
        {"https_public: [\"relay.example.cn\"]\n", "https_public"},
        {"log: info\nturn:\n  - url: turn:a\n    secret: s\n  - url: stun:b\n    secret: s\n",
         "line 5: turn[1]: url: must begin with turn:"},
        {"turn:\n# more\n- url: turns:a?transport=udp\n  secret: s\n",
         "line 3: turn[0]: url: turns:"},
        {"\nturn: [{url: \"turn:a\"}]\n", "line 2: turn[0]: needs either a secret"},
        {"turn: [{url: \"turn:a\", secret: s, username: u, password: p}]\n", "either a secret"},
        {"turn: [{url: \"turn:a\", username: u}]\n", "a username and a password"},
        {"turn: [{secret: s}]\n", "url"},
        {"turn: [{url: \"turn:a\", password: p, username: \"\\u738b\"}]\n", "printable ASCII"},
        {"turn_minutes: 5\n", "turn_minutes: must be 10 to 10080, not 5"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char why[CONFIG_WHY] = "";
        assert_false(load(cases[i][0], why));
        if (!strstr(why, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], why);
        assert_null(strchr(why, '\n'));
    }
}

static void plain_http_anywhere_must_be_wished(void **unused)
{
    (void)unused;
    char why[CONFIG_WHY];
    assert_true(load("http: [\"0.0.0.0:80\"]\nplain_http_anywhere: true\n", why));
    assert_true(load("http: [\"[::1]:80\", \"127.1.2.3:80\"]\n", why));
}

static void garbage_is_refused(void **unused)
{
    (void)unused;
    char why[CONFIG_WHY];
    assert_false(load("\x01\x02", why));
    assert_false(load("- a\n- b\n", why));
    assert_false(load("a: [", why));
    assert_false(load("&a [*a]", why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_is_all_defaults),
        cmocka_unit_test(a_worker_holds_a_full_lesson),
        cmocka_unit_test(the_example_is_right),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(plain_http_anywhere_must_be_wished),
        cmocka_unit_test(garbage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
