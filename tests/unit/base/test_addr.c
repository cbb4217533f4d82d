/* test_addr.c - addresses are read, written, compared and hidden the same for both families. */
#include "engine/base/addr.h"
#include "tests/unit/test.h"

#include <string.h>

static void both_families_come_back_as_they_were_written(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "192.0.2.1:5000",
        "0.0.0.0:0",
        "255.255.255.255:65535",
        "[2001:db8::1]:5000",
        "[::1]:443",
        "[2001:db8:1:2:3:4:5:6]:1",
        "[::]:0",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct addr a;
        char out[ADDR_TEXT];
        assert_true(addr_parse(&a, texts[i]));
        assert_string_equal(addr_format(&a, out), texts[i]);
    }
}

static void a_port_alone_means_any_address(void **unused)
{
    (void)unused;
    struct addr a;
    struct addr any;
    assert_true(addr_parse(&a, ":7000"));
    assert_true(addr_parse(&any, "[::]:7000"));
    assert_true(addr_eq(&a, &any));
}

static void what_is_no_address_is_refused(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "",
        ":",
        "192.0.2.1",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:-1",
        "192.0.2.1:+1",
        "192.0.2.1: 1",
        "192.0.2.1:80x",
        "192.0.2.1:99999999999999999999",
        "192.0.2.256:80",
        "192.0.2:80",
        "relay.example.org:80",
        "2001:db8::1:80x",
        "[2001:db8::1]",
        "[2001:db8::1:80",
        "2001:db8::1]:80",
        "[]:80",
        "[:80",
        "[192.0.2.1]:80",
        "[2001:db8::1%eth0]:80",
        "[00000000000000000000000000000000000000000000000000000000000000000000000000000001]:80",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct addr a;
        if (addr_parse(&a, texts[i]))
            fail_msg("\"%s\" was taken for an address", texts[i]);
    }
}

static void an_ipv4_address_equals_itself_seen_through_an_ipv6_socket(void **unused)
{
    (void)unused;
    struct addr a;
    struct addr b;
    assert_true(addr_parse(&a, "192.0.2.1:5000"));
    assert_true(addr_parse(&b, "[::ffff:192.0.2.1]:5000"));
    assert_true(addr_eq(&a, &b));
    assert_true(addr_hash(&a) == addr_hash(&b));
    assert_true(addr_is_v4(&b));

    const uint8_t ip[4] = {192, 0, 2, 1};
    const struct addr c = addr_v4(ip, 5000);
    assert_true(addr_eq(&a, &c));
}

static void each_part_makes_a_difference(void **unused)
{
    (void)unused;
    struct addr base;
    struct addr other;
    assert_true(addr_parse(&base, "[2001:db8::1]:5000"));
    for (size_t i = 0; i < 19; i++) { /* 16 bytes of address, 2 of port, protocol */
        other = base;
        ((uint8_t *)&other)[i] ^= 1;
        assert_false(addr_eq(&base, &other));
        assert_true(addr_hash(&base) != addr_hash(&other));
    }
    assert_false(addr_is_v4(&base));
}

static void raw_ipv6_bytes_are_kept(void **unused)
{
    (void)unused;
    const uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    const struct addr a = addr_v6(ip, 9);
    char out[ADDR_TEXT];
    assert_string_equal(addr_ip_text(&a, out), "2001:db8::7");
    assert_string_equal(addr_format(&a, out), "[2001:db8::7]:9");
}

static void a_masked_address_does_not_name_the_house(void **unused)
{
    (void)unused;
    struct addr a;
    char out[ADDR_TEXT];
    assert_true(addr_parse(&a, "198.51.100.77:5000"));
    assert_string_equal(addr_masked(&a, out), "198.51.100.x");
    assert_true(addr_parse(&a, "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:5000"));
    assert_string_equal(addr_masked(&a, out), "2001:db8:aaaa::");
}

static void the_longest_address_fits(void **unused)
{
    (void)unused;
    struct addr a;
    memset(&a, 0, sizeof a);
    memset(a.ip, 0xab, sizeof a.ip);
    a.port = 65535;
    char out[ADDR_TEXT];
    assert_string_equal(addr_format(&a, out), "[abab:abab:abab:abab:abab:abab:abab:abab]:65535");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_come_back_as_they_were_written),
        cmocka_unit_test(a_port_alone_means_any_address),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(an_ipv4_address_equals_itself_seen_through_an_ipv6_socket),
        cmocka_unit_test(each_part_makes_a_difference),
        cmocka_unit_test(raw_ipv6_bytes_are_kept),
        cmocka_unit_test(a_masked_address_does_not_name_the_house),
        cmocka_unit_test(the_longest_address_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
