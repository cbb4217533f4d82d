/* test_stun.c - the vectors of RFC 5769 and what ICE sends. */
#include "engine/base/bytes.h"
#include "engine/wire/stun.h"
#include "tests/unit/test.h"

#include <stdlib.h>

static const char pwd[] = "VOkJxbRl1RmTxUk/WvJxBt";

static const uint8_t rfc_request[] = {/* RFC 5769, 2.1 */
                                      0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7,
                                      0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
                                      0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74,
                                      0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74,
                                      0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29,
                                      0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36,
                                      0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68,
                                      0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
                                      0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e,
                                      0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2,
                                      0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};

static const uint8_t rfc_ipv4[] = {/* RFC 5769, 2.2 */
                                   0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7,
                                   0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
                                   0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76,
                                   0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08,
                                   0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43, 0x00, 0x08,
                                   0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3,
                                   0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b,
                                   0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96};

static const uint8_t rfc_ipv6[] = {/* RFC 5769, 2.3 */
                                   0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7,
                                   0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22,
                                   0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74,
                                   0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47,
                                   0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4,
                                   0xb5, 0xbe, 0xd2, 0xb9, 0xd9, 0x00, 0x08, 0x00, 0x14, 0xa3, 0x82,
                                   0x95, 0x4e, 0x4b, 0xe6, 0x7b, 0xf1, 0x17, 0x84, 0xc9, 0x7c, 0x82,
                                   0x92, 0xc2, 0x75, 0xbf, 0xe3, 0xed, 0x41, 0x80, 0x28, 0x00, 0x04,
                                   0xc8, 0xfb, 0x0b, 0x4c};

static const uint8_t tid[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static void the_request_of_rfc_5769_is_read(void **unused)
{
    (void)unused;
    struct stun_msg m;
    assert_true(stun_read(&m, rfc_request, sizeof rfc_request));
    assert_int_equal(m.cls, STUN_REQUEST);
    assert_memory_equal(m.tid, rfc_request + 8, 12);
    assert_string_equal(m.username, "evtj:h6vY");
    assert_int_equal(m.priority, 0x6e0001ff);
    assert_true(m.controlled);
    assert_false(m.controlling);
    assert_true(m.tie_breaker == 0x932ff9b151263b36u);
    assert_false(m.use_candidate);
    assert_true(m.has_integrity);
    assert_true(stun_check_integrity(rfc_request, sizeof rfc_request, pwd));
    assert_false(stun_check_integrity(rfc_request, sizeof rfc_request, "VOkJxbRl1RmTxUk/WvJxBT"));
    assert_false(stun_check_integrity(rfc_request, sizeof rfc_request, ""));
}

static void the_responses_of_rfc_5769_are_read(void **unused)
{
    (void)unused;
    struct stun_msg m;
    char text[ADDR_TEXT];
    assert_true(stun_read(&m, rfc_ipv4, sizeof rfc_ipv4));
    assert_int_equal(m.cls, STUN_SUCCESS);
    assert_string_equal(addr_format(&m.mapped, text), "192.0.2.1:32853");
    assert_true(stun_check_integrity(rfc_ipv4, sizeof rfc_ipv4, pwd));
    assert_false(stun_check_integrity(rfc_ipv4, sizeof rfc_ipv4, "somebody else's"));

    assert_true(stun_read(&m, rfc_ipv6, sizeof rfc_ipv6));
    assert_string_equal(addr_format(&m.mapped, text),
                        "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
    assert_true(stun_check_integrity(rfc_ipv6, sizeof rfc_ipv6, pwd));
}

static void every_changed_byte_is_noticed(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof rfc_request; i++) {
        uint8_t copy[sizeof rfc_request];
        struct stun_msg m;
        memcpy(copy, rfc_request, sizeof copy);
        copy[i] ^= 0x10;
        assert_false(stun_read(&m, copy, sizeof copy)); /* the fingerprint covers all */
        assert_false(stun_check_integrity(copy, sizeof copy, pwd));
    }
}

static void every_cut_is_noticed(void **unused)
{
    (void)unused;
    for (size_t len = 0; len < sizeof rfc_request; len++) {
        uint8_t *const copy = malloc(len + 1);
        assert_non_null(copy);
        struct stun_msg m;
        memcpy(copy, rfc_request, len);
        assert_false(stun_read(&m, copy, len));
        assert_false(stun_check_integrity(copy, len, pwd));
        free(copy);
    }
}

static void a_request_is_read_back(void **unused)
{
    (void)unused;
    const struct stun_request rq = {.tid = {9, 8, 7},
                                    .username = "remote:local",
                                    .pwd = "a password of theirs",
                                    .priority = 0x7effffff,
                                    .tie_breaker = UINT64_MAX - 1,
                                    .controlling = true,
                                    .use_candidate = true};
    uint8_t out[STUN_MSG_MAX];
    struct stun_msg m;
    const size_t n = stun_write_request(out, sizeof out, &rq);
    assert_true(n > 0);
    assert_true(stun_read(&m, out, n));
    assert_int_equal(m.cls, STUN_REQUEST);
    assert_memory_equal(m.tid, rq.tid, sizeof rq.tid);
    assert_string_equal(m.username, rq.username);
    assert_int_equal(m.priority, rq.priority);
    assert_true(m.tie_breaker == rq.tie_breaker);
    assert_true(m.controlling);
    assert_false(m.controlled);
    assert_true(m.use_candidate);
    assert_true(stun_check_integrity(out, n, rq.pwd));
    assert_false(stun_check_integrity(out, n, "another"));

    for (size_t cap = 0; cap < n; cap++) { /* exact blocks: a byte too many is seen */
        uint8_t *const small = malloc(cap + 1);
        assert_non_null(small);
        small[cap] = 0xa5;
        assert_int_equal(stun_write_request(small, cap, &rq), 0);
        assert_int_equal(small[cap], 0xa5);
        free(small);
    }
}

static void a_success_names_the_address_that_was_seen(void **unused)
{
    (void)unused;
    static const char *const texts[] = {"203.0.113.9:61000", "[2001:db8::9]:443"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct addr a;
        uint8_t out[STUN_MSG_MAX];
        struct stun_msg m;
        assert_true(addr_parse(&a, texts[i]));
        const size_t n = stun_write_success(out, sizeof out, tid, &a, pwd);
        assert_true(stun_read(&m, out, n));
        assert_int_equal(m.cls, STUN_SUCCESS);
        assert_memory_equal(m.tid, tid, sizeof tid);
        assert_true(addr_eq(&m.mapped, &a));
        assert_true(stun_check_integrity(out, n, pwd));
        assert_false(stun_check_integrity(out, n, "another"));
    }
}

static void errors_carry_their_code_and_are_checked_too(void **unused)
{
    (void)unused;
    static const uint16_t codes[] = {400, 403, 487, 500};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        uint8_t out[STUN_MSG_MAX];
        struct stun_msg m;
        const size_t n = stun_write_error(out, sizeof out, tid, codes[i], pwd);
        assert_true(stun_read(&m, out, n));
        assert_int_equal(m.cls, STUN_ERROR);
        assert_int_equal(m.error, codes[i]);
        assert_false(stun_check_integrity(out, n, "another"));
        /* the codec does not look at the integrity of a 400: never trusted */
        assert_int_equal(stun_check_integrity(out, n, pwd), codes[i] != 400);
    }
}

static void a_password_or_a_name_that_is_too_long_is_refused(void **unused)
{
    (void)unused;
    char name[2 * STUN_TEXT + 40];
    char word[STUN_TEXT + 1];
    uint8_t out[STUN_MSG_MAX];
    memset(name, 'u', sizeof name - 1);
    name[sizeof name - 1] = 0;
    memset(word, 'p', sizeof word - 1);
    word[sizeof word - 1] = 0;
    struct stun_request rq = {.username = name, .pwd = pwd};
    assert_int_equal(stun_write_request(out, sizeof out, &rq), 0);
    rq.username = "a:b";
    rq.pwd = word;
    assert_int_equal(stun_write_request(out, sizeof out, &rq), 0);
    rq.pwd = word + 1;
    assert_true(stun_write_request(out, sizeof out, &rq) > 0);
}

/* CRC-32 of ISO 3309, as FINGERPRINT wants it, the slow way. */
static void put_fingerprint(uint8_t *p, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i + 8 < len; i++) {
        crc ^= p[i];
        for (int b = 0; b < 8; b++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    put_be32(p + len - 4, ~crc ^ 0x5354554eu);
}

/* A request with one attribute of `len` bytes and a right fingerprint. Returns its length. */
static size_t with_attribute(uint8_t *p, uint16_t type, const void *value, size_t len)
{
    const size_t padded = (len + 3) & ~(size_t)3;
    struct writer w = writer_of(p, STUN_MSG_MAX);
    write_u16(&w, 1);
    write_u16(&w, (uint16_t)(4 + padded + 8));
    write_u32(&w, 0x2112a442);
    write_bytes(&w, tid, sizeof tid);
    write_u16(&w, type);
    write_u16(&w, (uint16_t)len);
    write_bytes(&w, value, len);
    for (size_t i = len; i < padded; i++)
        write_u8(&w, 0);
    write_u32(&w, 0x80280004);
    write_u32(&w, 0);
    assert_false(w.bad);
    put_fingerprint(p, w.len);
    return w.len;
}

static void a_short_integrity_is_not_read_past_its_end(void **unused)
{
    (void)unused;
    static const uint8_t zeros[24] = {0};
    uint8_t buf[STUN_MSG_MAX];
    struct stun_msg m;
    for (size_t len = 0; len <= sizeof zeros; len++) {
        const size_t n = with_attribute(buf, 0x0008, zeros, len);
        uint8_t *const exact = malloc(n);
        assert_non_null(exact);
        memcpy(exact, buf, n);
        assert_int_equal(stun_read(&m, exact, n), len == 20);
        assert_false(stun_check_integrity(exact, n, pwd));
        free(exact);
    }
}

static void a_name_with_a_zero_in_it_is_refused(void **unused)
{
    (void)unused;
    uint8_t buf[STUN_MSG_MAX];
    struct stun_msg m;
    assert_true(stun_read(&m, buf, with_attribute(buf, 0x0006, "ab:cd", 5)));
    assert_string_equal(m.username, "ab:cd");
    assert_false(m.has_integrity);
    assert_false(stun_read(&m, buf, with_attribute(buf, 0x0006, "ab\0cd", 5)));
}

static void an_attribute_that_must_be_understood_and_is_not_refuses_the_message(void **unused)
{
    (void)unused;
    uint8_t buf[STUN_MSG_MAX];
    struct stun_msg m;
    assert_false(stun_read(&m, buf, with_attribute(buf, 0x7ff0, "1234", 4)));
    assert_true(stun_read(&m, buf, with_attribute(buf, 0xc057, "1234", 4))); /* network cost */
}

static void other_methods_are_not_ours(void **unused)
{
    (void)unused;
    uint8_t buf[STUN_MSG_MAX];
    struct stun_msg m;
    const size_t n = with_attribute(buf, 0x0024, "1234", 4);
    assert_true(stun_read(&m, buf, n));
    assert_int_equal(m.priority, 0x31323334);
    buf[1] = 3; /* TURN allocate */
    put_fingerprint(buf, n);
    assert_false(stun_read(&m, buf, n));
    buf[1] = 0x11; /* a binding indication keeps a connection open */
    put_fingerprint(buf, n);
    assert_true(stun_read(&m, buf, n));
    assert_int_equal(m.cls, STUN_INDICATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_of_rfc_5769_is_read),
        cmocka_unit_test(the_responses_of_rfc_5769_are_read),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(a_request_is_read_back),
        cmocka_unit_test(a_success_names_the_address_that_was_seen),
        cmocka_unit_test(errors_carry_their_code_and_are_checked_too),
        cmocka_unit_test(a_password_or_a_name_that_is_too_long_is_refused),
        cmocka_unit_test(a_short_integrity_is_not_read_past_its_end),
        cmocka_unit_test(a_name_with_a_zero_in_it_is_refused),
        cmocka_unit_test(an_attribute_that_must_be_understood_and_is_not_refuses_the_message),
        cmocka_unit_test(other_methods_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
