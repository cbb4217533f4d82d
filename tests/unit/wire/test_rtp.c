/* test_rtp.c - RTP headers, their extensions, RTX and sequence arithmetic. */
#include "engine/base/bytes.h"
#include "engine/wire/rtp.h"
#include "tests/unit/test.h"

static struct pkt_pool *pool;
static struct pkt *p;

static int setup(void **unused)
{
    (void)unused;
    pool = pkt_pool_new(1);
    p = pool ? pkt_get(pool) : NULL;
    return p ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    pkt_unref(&p);
    pkt_pool_free(&pool);
    return 0;
}

static bool describe(const void *bytes, size_t len)
{
    memcpy(p->data, bytes, len);
    p->len = (uint16_t)len;
    return rtp_describe(p);
}

static void a_plain_packet_is_described(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] = {0x80, 0xe0, 0x12, 0x34, 0, 1, 0, 2, 0xde, 0xad, 0xbe, 0xef, 7};
    assert_true(describe(bytes, sizeof bytes));
    assert_int_equal(p->rtp.pt, 96);
    assert_true(p->rtp.marker);
    assert_int_equal(p->rtp.seq, 0x1234);
    assert_int_equal(p->rtp.ts, 0x10002);
    assert_int_equal(p->rtp.ssrc, 0xdeadbeef);
    assert_int_equal(p->rtp.ext_off, 0);
    assert_int_equal(p->rtp.payload_off, 12);
    assert_int_equal(p->rtp.payload_len, 1);
}

static void contributors_extension_and_padding_are_stepped_over(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] = {0xb2, 0x60, 0,   1, 0,    0,   0, 2, 0, 0, 0, 3, /* header */
                                    9,    9,    9,   9, 8,    8,   8, 8,             /* two CSRCs */
                                    0xbe, 0xde, 0,   1, 0x10, 'a', 0, 0,             /* extension */
                                    'p',  'a',  'y', 0, 0,    3}; /* 3 of padding */
    size_t len;
    assert_true(describe(bytes, sizeof bytes));
    assert_int_equal(p->rtp.ext_off, 20);
    assert_int_equal(p->rtp.payload_off, 28);
    assert_int_equal(p->rtp.payload_len, 3);
    const uint8_t *const mid = rtp_ext_find(p, 1, &len);
    assert_non_null(mid);
    assert_int_equal(len, 1);
    assert_int_equal(*mid, 'a');
    assert_null(rtp_ext_find(p, 2, &len));
    assert_null(rtp_ext_find(p, 0, &len));
    for (size_t cut = 0; cut < 28; cut++) /* a head that is cut anywhere is no packet */
        assert_false(describe(bytes, cut));
}

static void padding_must_count_itself_and_fit(void **unused)
{
    (void)unused;
    uint8_t bytes[16] = {0xa0};
    bytes[15] = 0;
    assert_false(describe(bytes, 16));
    bytes[15] = 5;
    assert_false(describe(bytes, 16));
    bytes[15] = 4; /* a probe: nothing but padding */
    assert_true(describe(bytes, 16));
    assert_int_equal(p->rtp.payload_len, 0);
    assert_false(describe(bytes, 12));
}

static void another_version_is_not_rtp(void **unused)
{
    (void)unused;
    static const uint8_t bytes[12] = {0x40};
    assert_false(describe(bytes, sizeof bytes));
}

static void one_byte_heads_are_read(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] = {0x90, 96,   0,    1,    0,    0,    0, 2, 0, 0, 0,
                                    3,    0xbe, 0xde, 0,    4,    0x31, 1, 2, 0, 0, 0x52,
                                    7,    8,    9,    0xf0, 0x10, 5,    0, 0, 0, 0};
    size_t len;
    assert_true(describe(bytes, sizeof bytes));
    const uint8_t *v = rtp_ext_find(p, 3, &len);
    assert_non_null(v);
    assert_int_equal(len, 2);
    assert_int_equal(be16(v), 0x102);
    v = rtp_ext_find(p, 5, &len);
    assert_non_null(v);
    assert_int_equal(len, 3);
    assert_int_equal(be24(v), 0x70809);
    assert_null(rtp_ext_find(p, 1, &len)); /* behind id 15, which ends the list (RFC 8285, 4.2) */
}

static void two_byte_heads_are_read(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] = {0x90, 96,   0, 1, 0,   0, 0, 2, 0, 0,  0, 3,
                                    0x10, 0x05, 0, 2, 200, 2, 1, 2, 0, 15, 0, 9};
    size_t len = 99;
    assert_true(describe(bytes, sizeof bytes));
    assert_non_null(rtp_ext_find(p, 200, &len));
    assert_int_equal(len, 2);
    assert_non_null(rtp_ext_find(p, 15, &len));
    assert_int_equal(len, 0);
    assert_null(rtp_ext_find(p, 9, &len)); /* its length is missing */
}

static void an_element_that_leaves_its_block_is_not_there(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] = {0x90, 96, 0,    1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde,
                                    0,    1,  0x17, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    size_t len;
    assert_true(describe(bytes, sizeof bytes));
    assert_null(rtp_ext_find(p, 1, &len));
}

static void an_unknown_profile_has_no_extensions(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] = {0x90, 96, 0, 1, 0,    0,    0, 2, 0,    0,
                                    0,    3,  0, 1, 0x00, 0x01, 0, 1, 0x10, 5};
    size_t len;
    assert_true(describe(bytes, sizeof bytes));
    assert_null(rtp_ext_find(p, 1, &len));
}

static void what_is_written_is_read_back(void **unused)
{
    (void)unused;
    const struct rtp_head h = {
        .ssrc = 0x01020304, .ts = 0xfffffff0, .seq = 65535, .pt = 111, .marker = true};
    const struct rtp_extmap ids = {.id = {[RTP_EXT_MID] = 1,
                                          [RTP_EXT_RID] = 2,
                                          [RTP_EXT_TWCC] = 3,
                                          [RTP_EXT_ABS_CAPTURE] = 4,
                                          [RTP_EXT_AUDIO_LEVEL] = 14}};
    static const uint8_t capture[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const struct rtp_ext_values v = {.mid = "video-0",
                                     .rid = "h",
                                     .abs_capture = capture,
                                     .abs_capture_len = sizeof capture,
                                     .has_twcc = true,
                                     .twcc = 0xabcd,
                                     .has_level = true,
                                     .level = 0x85};
    size_t len;
    uint64_t ntp;
    const size_t n = rtp_write(p->data, PKT_CAP, &h, &ids, &v);
    assert_true(n > 12 && n % 4 == 0);
    p->len = (uint16_t)n;
    assert_true(rtp_describe(p));
    assert_int_equal(p->rtp.ssrc, h.ssrc);
    assert_int_equal(p->rtp.ts, h.ts);
    assert_int_equal(p->rtp.seq, h.seq);
    assert_int_equal(p->rtp.pt, h.pt);
    assert_true(p->rtp.marker);
    assert_int_equal(p->rtp.payload_off, n);
    assert_memory_equal(rtp_ext_find(p, 1, &len), "video-0", 7);
    assert_int_equal(len, 7);
    assert_memory_equal(rtp_ext_find(p, 2, &len), "h", 1);
    assert_int_equal(be16(rtp_ext_find(p, 3, &len)), 0xabcd);
    assert_int_equal(*rtp_ext_find(p, 14, &len), 0x85);
    assert_true(rtp_abs_capture(p, 4, &ntp));
    assert_true(ntp == 0x0102030405060708u);
    assert_false(rtp_abs_capture(p, 14, &ntp));
    assert_false(rtp_abs_capture(p, 9, &ntp));
    for (size_t cap = 0; cap < n; cap++)
        assert_int_equal(rtp_write(p->data, cap, &h, &ids, &v), 0);
}

static void only_what_both_sides_name_is_written(void **unused)
{
    (void)unused;
    const struct rtp_head h = {.pt = 96};
    const struct rtp_extmap none = {.id = {0}};
    const struct rtp_ext_values v = {.mid = "0", .has_twcc = true};
    assert_int_equal(rtp_write(p->data, PKT_CAP, &h, &none, &v), 12);
    assert_int_equal(p->data[0], 0x80);

    const struct rtp_extmap ids = {.id = {[RTP_EXT_MID] = 1, [RTP_EXT_TWCC] = 3}};
    const struct rtp_ext_values nothing = {.mid = NULL};
    assert_int_equal(rtp_write(p->data, PKT_CAP, &h, &ids, &nothing), 12);
}

static void high_ids_and_long_values_take_two_byte_heads(void **unused)
{
    (void)unused;
    const struct rtp_head h = {.pt = 96};
    const struct rtp_extmap high = {.id = {[RTP_EXT_TWCC] = 15}};
    const struct rtp_extmap low = {.id = {[RTP_EXT_MID] = 1}};
    const struct rtp_ext_values v = {.mid = "seventeen letters", .has_twcc = true, .twcc = 7};
    size_t len;
    p->len = (uint16_t)rtp_write(p->data, PKT_CAP, &h, &high, &v);
    assert_true(rtp_describe(p));
    assert_int_equal(be16(p->data + 12), 0x1000);
    assert_int_equal(be16(rtp_ext_find(p, 15, &len)), 7);
    p->len = (uint16_t)rtp_write(p->data, PKT_CAP, &h, &low, &v);
    assert_true(rtp_describe(p));
    assert_int_equal(be16(p->data + 12), 0x1000);
    assert_memory_equal(rtp_ext_find(p, 1, &len), v.mid, 17);
    assert_int_equal(len, 17);
}

static void a_repair_becomes_the_packet_it_repairs(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] = {0x80, 97, 0, 5, 0, 0, 0, 2, 0, 0, 0, 9, 0xff, 0xfe, 'v', 'p'};
    assert_true(describe(bytes, sizeof bytes));
    assert_true(rtp_undo_rtx(p, 4711, 96));
    assert_int_equal(p->rtp.seq, 0xfffe);
    assert_int_equal(p->rtp.ssrc, 4711);
    assert_int_equal(p->rtp.pt, 96);
    assert_int_equal(p->rtp.ts, 2);
    assert_int_equal(p->rtp.payload_len, 2);
    assert_int_equal(p->data[p->rtp.payload_off], 'v');
    assert_true(p->rtp.repaired);
    assert_memory_equal(p->data, bytes, sizeof bytes);

    assert_true(describe(bytes, 13)); /* a probe: not even a whole number inside */
    assert_false(rtp_undo_rtx(p, 4711, 96));
    assert_int_equal(p->rtp.seq, 5);
}

static void numbers_go_round_in_a_circle(void **unused)
{
    (void)unused;
    assert_true(seq_newer(0, 65535));
    assert_false(seq_newer(65535, 0));
    assert_false(seq_newer(7, 7));
    assert_int_equal(seq_diff(2, 65534), 4);
    assert_int_equal(seq_diff(65534, 2), -4);
    assert_int_equal(ts_diff(5, 0xfffffffb), 10);
    assert_int_equal(ts_diff(0xfffffffb, 5), -10);
}

static void every_extension_has_its_uri(void **unused)
{
    (void)unused;
    for (int e = 0; e < RTP_EXT_COUNT; e++) {
        const char *const uri = rtp_ext_uri((enum rtp_ext)e);
        assert_int_equal(rtp_ext_of_uri(uri, strlen(uri)), e);
        assert_int_equal(rtp_ext_of_uri(uri, strlen(uri) - 1), RTP_EXT_COUNT);
    }
    assert_int_equal(rtp_ext_of_uri("", 0), RTP_EXT_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_packet_is_described),
        cmocka_unit_test(contributors_extension_and_padding_are_stepped_over),
        cmocka_unit_test(padding_must_count_itself_and_fit),
        cmocka_unit_test(another_version_is_not_rtp),
        cmocka_unit_test(one_byte_heads_are_read),
        cmocka_unit_test(two_byte_heads_are_read),
        cmocka_unit_test(an_element_that_leaves_its_block_is_not_there),
        cmocka_unit_test(an_unknown_profile_has_no_extensions),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(only_what_both_sides_name_is_written),
        cmocka_unit_test(high_ids_and_long_values_take_two_byte_heads),
        cmocka_unit_test(a_repair_becomes_the_packet_it_repairs),
        cmocka_unit_test(numbers_go_round_in_a_circle),
        cmocka_unit_test(every_extension_has_its_uri),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
