/* test_seal.c - SRTP against the RFCs, against libsrtp, replay, roll-over, forgeries. */
#include "engine/base/bytes.h"
#include "engine/peer/rollover.h"
#include "engine/peer/seal.h"
#include "engine/peer/sealer.h"
#include "tests/unit/test.h"

#include <srtp2/srtp.h>
#include <stdlib.h>

static const enum seal_profile both[] = {SEAL_AES_128_GCM, SEAL_AES_CM_128_SHA1_80};

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; hex[2 * n]; n++) {
        const char two[3] = {hex[2 * n], hex[2 * n + 1], 0};
        out[n] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

/* Keys that differ in every byte, and from the other direction's. */
static struct seal_keys keys_of(uint8_t seed)
{
    struct seal_keys k;
    for (size_t i = 0; i < SEAL_KEY; i++)
        k.key[i] = (uint8_t)(seed + 7 * i);
    for (size_t i = 0; i < SEAL_SALT_MAX; i++)
        k.salt[i] = (uint8_t)(seed + 100 + 3 * i);
    return k;
}

/* Two ends of one connection. */
struct ends {
    struct seal *a, *b;
};

static struct ends ends_new(enum seal_profile profile)
{
    const struct seal_keys ab = keys_of(1), ba = keys_of(50);
    struct ends e;
    assert_int_equal(seal_new(&e.a, profile, &ab, &ba, true), OK);
    assert_int_equal(seal_new(&e.b, profile, &ba, &ab, true), OK);
    return e;
}

static void ends_free(struct ends *e)
{
    seal_free(&e->a);
    seal_free(&e->b);
}

static size_t put_header(uint8_t *out, uint32_t ssrc, uint16_t seq)
{
    out[0] = 0x80;
    out[1] = 96;
    put_be16(out + 2, seq);
    put_be32(out + 4, 90000);
    put_be32(out + 8, ssrc);
    return 12;
}

/* Seals a packet of five bytes of text; returns its length. */
static size_t seal_five(struct seal *s, uint8_t out[64], uint32_t ssrc, uint16_t seq)
{
    const size_t head = put_header(out, ssrc, seq);
    return seal_rtp(
        s, out, 64,
        &(struct seal_parts){.head = head, .rest = (const uint8_t *)"hello", .rest_len = 5});
}

static void an_rfc_7714_packet_is_sealed_to_the_byte(void **unused)
{
    (void)unused;
    struct sealer_session session = {0};
    struct sealer s;
    uint8_t out[80], want[80], plain[80];
    unhex("000102030405060708090a0b0c0d0e0f", session.key);
    unhex("517569642070726f2071756f", session.salt);
    const size_t n = unhex("8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669"
                           "736120696e207061727465732074726573",
                           plain);
    const size_t sealed =
        unhex("8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d"
              "294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
              want);
    assert_int_equal(sealer_init(&s, SEAL_AES_128_GCM, &session), OK);
    assert_int_equal(n + sealer_tag(&s), sealed);

    memcpy(out, plain, 12 + 3); /* three bytes patched, the rest from elsewhere */
    const struct sealer_job job = {
        .out = out,
        .parts = {.head = 12, .patched = 3, .rest = plain + 15, .rest_len = n - 15},
        .index = 0xf17b};
    assert_true(sealer_run(&s, &job));
    assert_memory_equal(out, want, sealed);
    sealer_fini(&s);
}

static void session_keys_are_those_of_rfc_3711_b3(void **unused)
{
    (void)unused;
    struct seal_keys master;
    struct sealer_session s;
    uint8_t want[20];
    unhex("e1f97a0d3e018be0d64fa32c06de4139", master.key);
    unhex("0ec675ad498afeebb6960b3aabe6", master.salt);
    assert_true(sealer_derive(&s, SEAL_AES_CM_128_SHA1_80, &master));
    unhex("c61e7a93744f39ee10734afe3ff7a087", want);
    assert_memory_equal(s.key, want, 16);
    unhex("30cbbc08863d8c85d49db34a9ae1", want);
    assert_memory_equal(s.salt, want, 14);
    unhex("cebe321f6ff7716b6fd4ab49af256a156d38baa4", want);
    assert_memory_equal(s.auth, want, 20);
}

static void an_aes_cm_packet_is_sealed_to_the_byte(void **unused)
{
    (void)unused;
    struct seal_keys master;
    struct seal *s;
    uint8_t out[64], want[64];
    unhex("e1f97a0d3e018be0d64fa32c06de4139", master.key);
    unhex("0ec675ad498afeebb6960b3aabe6", master.salt);
    assert_int_equal(seal_new(&s, SEAL_AES_CM_128_SHA1_80, &master, &master, true), OK);
    const size_t n = unhex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402"
                           "b78d6acc99ea179b8dbb",
                           want);
    uint8_t rest[16];
    memset(rest, 0xab, sizeof rest);
    unhex("800f1234decafbadcafebabe", out);
    assert_int_equal(
        seal_rtp(s, out, sizeof out,
                 &(struct seal_parts){.head = 12, .rest = rest, .rest_len = sizeof rest}),
        n);
    assert_memory_equal(out, want, n);
    seal_free(&s);
}

/* A session of libsrtp's under the same keys. */
static srtp_t libsrtp_new(enum seal_profile profile, const struct seal_keys *k,
                          srtp_ssrc_type_t direction)
{
    uint8_t material[SEAL_KEY + SEAL_SALT_MAX];
    memcpy(material, k->key, SEAL_KEY);
    memcpy(material + SEAL_KEY, k->salt, SEAL_SALT_MAX);
    srtp_policy_t p = {.ssrc.type = direction, .key = material, .window_size = 128};
    if (profile == SEAL_AES_128_GCM)
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtp);
    else
        srtp_crypto_policy_set_rtp_default(&p.rtp);
    p.rtcp = p.rtp;
    srtp_t session;
    assert_int_equal(srtp_create(&session, &p), srtp_err_status_ok);
    return session;
}

/* What libsrtp makes of the same plaintext under the same keys. */
static size_t by_libsrtp(enum seal_profile profile, const struct seal_keys *k, uint8_t *buf,
                         size_t len)
{
    const srtp_t session = libsrtp_new(profile, k, ssrc_any_outbound);
    int n = (int)len;
    assert_int_equal(srtp_protect(session, buf, &n), srtp_err_status_ok);
    srtp_dealloc(session);
    return (size_t)n;
}

static void our_packets_are_libsrtp_s_to_the_byte(void **unused)
{
    (void)unused;
    const struct seal_keys k = keys_of(9);
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct seal *s;
        assert_int_equal(seal_new(&s, both[p], &k, &k, true), OK);
        for (size_t len = 0; len < 1200; len += 61) {
            uint8_t payload[1200], ours[1300], theirs[1300];
            for (size_t i = 0; i < len; i++)
                payload[i] = (uint8_t)(i * len);
            const size_t head = put_header(ours, 7, (uint16_t)len);
            const size_t patched = size_min(len, 4);
            struct red red = {.n = len / 61 % 3 + 1}; /* the last is not looked at */
            size_t before = patched;
            for (size_t i = 0; i + 1 < red.n; i++) {
                red.block[i] = (struct red_block){.data = payload + before,
                                                  .len = (uint16_t)((len - patched) / (3 + i))};
                before += red.block[i].len;
            }
            memcpy(theirs, ours, head);
            memcpy(theirs + head, payload, len);
            memcpy(ours + head, payload, patched);
            const uint8_t pad = (uint8_t)(len % 21);
            memset(theirs + head + len, 0, pad);
            if (pad)
                theirs[head + len + pad - 1] = pad;
            const struct seal_parts parts = {.head = head,
                                             .patched = patched,
                                             .red = &red,
                                             .rest = payload + before,
                                             .rest_len = len - before,
                                             .pad = pad};
            const size_t n = seal_rtp(s, ours, sizeof ours, &parts);
            assert_int_equal(n, seal_rtp_len(s, &parts));
            assert_int_equal(n, by_libsrtp(both[p], &k, theirs, head + len + pad));
            assert_memory_equal(ours, theirs, n);
        }
        seal_free(&s);
    }
}

/* A header with a CSRC and an extension, as long as it says. */
static size_t put_long_header(uint8_t *out, uint32_t ssrc, uint16_t seq)
{
    (void)put_header(out, ssrc, seq);
    out[0] = 0x80 | 0x10 | 1;
    put_be32(out + 12, 0xcafe);
    put_be16(out + 16, 0xbede);
    put_be16(out + 18, 2);
    memset(out + 20, 0x11, 8);
    return 28;
}

static void packets_of_libsrtp_s_open_to_the_byte(void **unused)
{
    (void)unused;
    const struct seal_keys k = keys_of(9);
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct seal *s;
        const srtp_t theirs = libsrtp_new(both[p], &k, ssrc_any_outbound);
        assert_int_equal(seal_new(&s, both[p], &k, &k, true), OK);
        for (size_t len = 0; len < 1200; len += 61) {
            uint8_t plain[1300], buf[1300];
            const uint16_t seq = (uint16_t)(65500 + len / 10); /* over the wrap */
            const size_t head =
                len % 2 ? put_header(plain, 7, seq) : put_long_header(plain, 7, seq);
            for (size_t i = 0; i < len; i++)
                plain[head + i] = (uint8_t)(i * len);
            memcpy(buf, plain, head + len);
            int n = (int)(head + len);
            assert_int_equal(srtp_protect(theirs, buf, &n), srtp_err_status_ok);
            size_t got = (size_t)n;
            assert_true(seal_open_rtp(s, buf, &got));
            assert_int_equal(got, head + len);
            assert_memory_equal(buf, plain, got);
        }
        srtp_dealloc(theirs);
        seal_free(&s);
    }
}

/* A header that claims more than there is. */
static void a_header_longer_than_its_packet_is_dropped(void **unused)
{
    (void)unused;
    struct ends e = ends_new(SEAL_AES_128_GCM);
    for (size_t len = 12; len < 60; len++) {
        uint8_t *const exact = calloc(1, len);
        assert_non_null(exact);
        exact[0] = 0x9f; /* fifteen CSRCs and an extension */
        size_t n = len;
        assert_false(seal_open_rtp(e.b, exact, &n));
        exact[0] = 0x90;
        exact[len - 1] = 0xff;
        n = len;
        assert_false(seal_open_rtp(e.b, exact, &n));
        free(exact);
    }
    ends_free(&e);
}

static int start_libsrtp(void **unused)
{
    (void)unused;
    return srtp_init() == srtp_err_status_ok ? 0 : -1;
}

static int stop_libsrtp(void **unused)
{
    (void)unused;
    return srtp_shutdown() == srtp_err_status_ok ? 0 : -1;
}

static size_t put_rtcp(uint8_t *out, uint32_t ssrc, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(i * len);
    out[0] = 0x80;
    out[1] = 201;
    put_be16(out + 2, (uint16_t)(len / 4 - 1));
    put_be32(out + 4, ssrc);
    return len;
}

static void our_rtcp_is_libsrtp_s_to_the_byte_and_back(void **unused)
{
    (void)unused;
    const struct seal_keys ab = keys_of(9), ba = keys_of(70);
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct seal *s;
        assert_int_equal(seal_new(&s, both[p], &ab, &ba, false), OK);
        const srtp_t theirs = libsrtp_new(both[p], &ab, ssrc_any_outbound);
        const srtp_t hears = libsrtp_new(both[p], &ab, ssrc_any_inbound);
        const srtp_t says = libsrtp_new(both[p], &ba, ssrc_any_outbound);
        for (size_t len = 8; len < 1200; len += 4) {
            uint8_t plain[1300], ours[1300], other[1300];
            memcpy(ours, plain, put_rtcp(plain, 7, len));
            memcpy(other, plain, len);
            int n = (int)len;
            assert_int_equal(srtp_protect_rtcp(theirs, other, &n), srtp_err_status_ok);
            assert_int_equal(seal_rtcp(s, ours, len, sizeof ours), n);
            assert_memory_equal(ours, other, (size_t)n);
            assert_int_equal(srtp_unprotect_rtcp(hears, ours, &n), srtp_err_status_ok);
            assert_int_equal(n, len);
            assert_memory_equal(ours, plain, len);

            n = (int)len;
            memcpy(other, plain, len);
            assert_int_equal(srtp_protect_rtcp(says, other, &n), srtp_err_status_ok);
            size_t opened = (size_t)n;
            assert_true(seal_open_rtcp(s, other, &opened));
            assert_int_equal(opened, len);
            assert_memory_equal(other, plain, len);
        }
        srtp_dealloc(theirs);
        srtp_dealloc(hears);
        srtp_dealloc(says);
        seal_free(&s);
    }
}

static void rtcp_of_several_senders_is_counted_once_and_heard_by_each(void **unused)
{
    (void)unused;
    const struct seal_keys k = keys_of(9);
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct seal *s;
        assert_int_equal(seal_new(&s, both[p], &k, &k, false), OK);
        const srtp_t hears = libsrtp_new(both[p], &k, ssrc_any_inbound);
        for (uint32_t i = 0; i < 300; i++) {
            uint8_t out[64];
            int n = (int)seal_rtcp(s, out, put_rtcp(out, 1 + i % 3, 16), sizeof out);
            assert_int_equal(srtp_unprotect_rtcp(hears, out, &n), srtp_err_status_ok);
        }
        srtp_dealloc(hears);
        seal_free(&s);
    }
}

static void rtcp_with_any_bit_turned_is_dropped(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct ends e = ends_new(both[p]);
        uint8_t out[64], forged[64];
        const size_t len = seal_rtcp(e.a, out, put_rtcp(out, 7, 16), sizeof out);
        for (size_t bit = 0; bit < len * 8; bit++) {
            memcpy(forged, out, sizeof out);
            forged[bit / 8] ^= (uint8_t)(1u << bit % 8);
            size_t n = len;
            assert_false(seal_open_rtcp(e.b, forged, &n));
        }
        size_t n = len;
        assert_true(seal_open_rtcp(e.b, out, &n)); /* none of them harmed the right one */
        ends_free(&e);
    }
}

static void rtcp_that_is_late_passes_once_if_not_too_late(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct ends e = ends_new(both[p]);
        static uint8_t out[200][64];
        size_t len = 0;
        for (size_t i = 0; i < 200; i++)
            len = seal_rtcp(e.a, out[i], put_rtcp(out[i], 7, 16), 64);
        static const struct {
            uint8_t which;
            bool passes;
        } order[] = {{10, true},  {12, true},   {12, false}, {11, true},  {10, false},
                     {74, true},  {9, false},   {13, true},  {73, true},  {73, false},
                     {199, true}, {135, false}, {136, true}, {136, false}};
        for (size_t i = 0; i < ARRAY_LEN(order); i++) {
            uint8_t copy[64];
            size_t n = len;
            memcpy(copy, out[order[i].which], len);
            assert_int_equal(seal_open_rtcp(e.b, copy, &n), order[i].passes);
        }
        ends_free(&e);
    }
}

static void who_only_watches_is_heard_by_rtcp_alone(void **unused)
{
    (void)unused;
    const struct seal_keys k = keys_of(1);
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct seal *s;
        uint8_t out[64];
        assert_int_equal(seal_new(&s, both[p], &k, &k, false), OK);
        size_t n = seal_five(s, out, 5, 1);
        assert_true(n > 0);
        assert_false(seal_open_rtp(s, out, &n));
        n = seal_rtcp(s, out, put_rtcp(out, 5, 8), sizeof out);
        assert_true(seal_open_rtcp(s, out, &n));
        seal_free(&s);
    }
}

static void what_one_end_seals_the_other_opens(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct ends e = ends_new(both[p]);
        uint8_t out[64], rtcp[64] = {0x80, 201, 0, 1, 1, 2, 3, 4};
        size_t n = seal_five(e.a, out, 5, 1);
        assert_true(seal_open_rtp(e.b, out, &n));
        assert_int_equal(n, 17);
        assert_memory_equal(out + 12, "hello", 5);

        n = seal_rtcp(e.b, rtcp, 8, sizeof rtcp);
        assert_true(n > 8 && n <= 8 + SEAL_GROWTH);
        assert_true(seal_open_rtcp(e.a, rtcp, &n));
        assert_int_equal(n, 8);
        assert_int_equal(be32(rtcp + 4), 0x01020304);
        ends_free(&e);
    }
}

static void the_sequence_wraps_and_the_roll_over_is_counted(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct ends e = ends_new(both[p]);
        for (uint32_t i = 30000; i < 200000; i += 7) { /* over two wraps, with gaps */
            uint8_t out[64];
            size_t n = seal_five(e.a, out, 5, (uint16_t)i);
            assert_true(n > 0);
            assert_true(seal_open_rtp(e.b, out, &n));
        }
        ends_free(&e);
    }
}

static void a_late_packet_from_before_the_wrap_still_passes(void **unused)
{
    (void)unused;
    struct ends e = ends_new(SEAL_AES_128_GCM);
    uint8_t out[64];
    const uint16_t seqs[] = {65530, 65533, 2, 65531, 3, 65532, 1};
    for (size_t i = 0; i < ARRAY_LEN(seqs); i++) {
        size_t n = seal_five(e.a, out, 5, seqs[i]);
        assert_true(n > 0);
        assert_true(seal_open_rtp(e.b, out, &n));
    }
    ends_free(&e);
}

static void no_sequence_number_is_sealed_twice(void **unused)
{
    (void)unused;
    struct ends e = ends_new(SEAL_AES_128_GCM);
    uint8_t out[64];
    assert_true(seal_five(e.a, out, 5, 100) > 0);
    assert_int_equal(seal_five(e.a, out, 5, 100), 0);
    assert_true(seal_five(e.a, out, 6, 100) > 0); /* another stream */
    assert_true(seal_five(e.a, out, 5, 100 + ROLLOVER_WINDOW - 1) > 0);
    assert_int_equal(seal_five(e.a, out, 5, 100), 0);
    assert_true(seal_five(e.a, out, 5, 101) > 0);
    assert_true(seal_five(e.a, out, 5, 100 + ROLLOVER_WINDOW) > 0);
    assert_int_equal(seal_five(e.a, out, 5, 99), 0); /* too old to know */
    ends_free(&e);
}

static void a_replayed_packet_is_dropped(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct ends e = ends_new(both[p]);
        uint8_t out[64], copy[64], rtcp[64] = {0x80, 201, 0, 1, 1, 2, 3, 4}, rtcp_copy[64];
        const size_t len = seal_five(e.a, out, 5, 1);
        memcpy(copy, out, sizeof out);
        size_t n = len;
        assert_true(seal_open_rtp(e.b, out, &n));
        n = len;
        assert_false(seal_open_rtp(e.b, copy, &n));

        const size_t rtcp_len = seal_rtcp(e.a, rtcp, 8, sizeof rtcp);
        memcpy(rtcp_copy, rtcp, sizeof rtcp);
        n = rtcp_len;
        assert_true(seal_open_rtcp(e.b, rtcp, &n));
        n = rtcp_len;
        assert_false(seal_open_rtcp(e.b, rtcp_copy, &n));
        ends_free(&e);
    }
}

static void a_packet_with_any_bit_turned_is_dropped(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct ends e = ends_new(both[p]);
        uint8_t out[64], forged[64];
        const size_t len = seal_five(e.a, out, 5, 1);
        for (size_t bit = 0; bit < len * 8; bit++) {
            memcpy(forged, out, sizeof out);
            forged[bit / 8] ^= (uint8_t)(1u << bit % 8);
            size_t n = len;
            assert_false(seal_open_rtp(e.b, forged, &n));
        }
        size_t n = len;
        assert_true(seal_open_rtp(e.b, out, &n)); /* none of them harmed the right one */
        ends_free(&e);
    }
}

static void short_and_empty_packets_are_dropped(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < ARRAY_LEN(both); p++) {
        struct ends e = ends_new(both[p]);
        for (size_t len = 0; len < 40; len++) {
            uint8_t *const exact = calloc(1, len ? len : 1);
            assert_non_null(exact);
            if (len)
                exact[0] = 0x80;
            size_t n = len;
            assert_false(seal_open_rtp(e.b, exact, &n));
            n = len;
            assert_false(seal_open_rtcp(e.b, exact, &n));
            free(exact);
        }
        ends_free(&e);
    }
}

static void a_flood_of_streams_ends_at_a_limit(void **unused)
{
    (void)unused;
    struct ends e = ends_new(SEAL_AES_128_GCM);
    uint8_t out[64];
    size_t good = 0;
    for (uint32_t ssrc = 1; ssrc <= 2000; ssrc++) {
        size_t n = seal_five(e.a, out, ssrc, 1);
        good += seal_open_rtp(e.b, out, &n);
    }
    assert_int_equal(good, 1024);
    size_t n = seal_five(e.a, out, 1, 2);
    assert_true(seal_open_rtp(e.b, out, &n)); /* those that were there go on */
    n = seal_rtcp(e.a, out, put_rtcp(out, 1, 8), sizeof out);
    assert_true(seal_open_rtcp(e.b, out, &n));
    good = 1;
    for (uint32_t ssrc = 3001; ssrc <= 5000; ssrc++) {
        n = seal_rtcp(e.a, out, put_rtcp(out, ssrc, 8), sizeof out);
        good += seal_open_rtcp(e.b, out, &n);
    }
    assert_int_equal(good, 1024);
    ends_free(&e);
}

static void without_room_nothing_is_written(void **unused)
{
    (void)unused;
    struct ends e = ends_new(SEAL_AES_128_GCM);
    uint8_t out[64], rtcp[64] = {0x80, 201, 0, 1, 1, 2, 3, 4};
    const size_t head = put_header(out, 5, 1);
    assert_int_equal(seal_rtp(e.a, out, 12 + 5 + 15,
                              &(struct seal_parts){
                                  .head = head, .rest = (const uint8_t *)"hello", .rest_len = 5}),
                     0);
    assert_int_equal(seal_rtp(e.a, out, 12 + 5 + 16,
                              &(struct seal_parts){
                                  .head = head, .rest = (const uint8_t *)"hello", .rest_len = 5}),
                     33);
    assert_int_equal(seal_rtcp(e.a, rtcp, 8, 8 + SEAL_GROWTH - 1), 0);
    ends_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_rfc_7714_packet_is_sealed_to_the_byte),
        cmocka_unit_test(session_keys_are_those_of_rfc_3711_b3),
        cmocka_unit_test(an_aes_cm_packet_is_sealed_to_the_byte),
        cmocka_unit_test(what_one_end_seals_the_other_opens),
        cmocka_unit_test(our_packets_are_libsrtp_s_to_the_byte),
        cmocka_unit_test(packets_of_libsrtp_s_open_to_the_byte),
        cmocka_unit_test(a_header_longer_than_its_packet_is_dropped),
        cmocka_unit_test(our_rtcp_is_libsrtp_s_to_the_byte_and_back),
        cmocka_unit_test(rtcp_of_several_senders_is_counted_once_and_heard_by_each),
        cmocka_unit_test(rtcp_with_any_bit_turned_is_dropped),
        cmocka_unit_test(rtcp_that_is_late_passes_once_if_not_too_late),
        cmocka_unit_test(who_only_watches_is_heard_by_rtcp_alone),
        cmocka_unit_test(the_sequence_wraps_and_the_roll_over_is_counted),
        cmocka_unit_test(a_late_packet_from_before_the_wrap_still_passes),
        cmocka_unit_test(no_sequence_number_is_sealed_twice),
        cmocka_unit_test(a_replayed_packet_is_dropped),
        cmocka_unit_test(a_packet_with_any_bit_turned_is_dropped),
        cmocka_unit_test(short_and_empty_packets_are_dropped),
        cmocka_unit_test(a_flood_of_streams_ends_at_a_limit),
        cmocka_unit_test(without_room_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, start_libsrtp, stop_libsrtp);
}
