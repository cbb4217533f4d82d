/* test_rtcp.c - reports and feedback, read and written. */
#include "engine/wire/rtcp.h"
#include "tests/unit/test.h"

static uint8_t buf[1500];
static struct rtcp_item it;

static struct reader written(const struct writer *w)
{
    assert_false(w->bad);
    assert_int_equal(w->len % 4, 0);
    return reader_of(buf, w->len);
}

static void a_compound_is_read_back_packet_by_packet(void **unused)
{
    (void)unused;
    struct writer w = writer_of(buf, sizeof buf);
    rtcp_write_sr(&w, 1, 0x0102030405060708u, 90000, 25, 30000);
    rtcp_write_sdes(&w, 1, "room");
    rtcp_write_pli(&w, 1, 2);
    rtcp_write_bye(&w, 1);
    struct reader r = written(&w);

    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.kind, RTCP_SR);
    assert_int_equal(it.sender, 1);
    assert_true(it.ntp == 0x0102030405060708u);
    assert_int_equal(it.rtp_ts, 90000);
    assert_int_equal(it.packets, 25);
    assert_int_equal(it.octets, 30000);
    assert_int_equal(it.reports, 0);
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.kind, RTCP_SDES);
    assert_int_equal(it.sender, 1);
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.kind, RTCP_PLI);
    assert_int_equal(it.media, 2);
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.kind, RTCP_BYE);
    assert_false(rtcp_next(&r, &it));
    assert_false(r.bad);
}

static void report_blocks_keep_their_values_and_signs(void **unused)
{
    (void)unused;
    const struct rtcp_report in[] = {
        {.ssrc = 7, .fraction_lost = 255, .lost = -3, .ext_highest = 0x1ffff, .jitter = 90},
        {.ssrc = 8, .lost = 9000000, .lsr = 0x12345678, .dlsr = 65536},
        {.ssrc = 9, .lost = -9000000},
    };
    struct writer w = writer_of(buf, sizeof buf);
    rtcp_write_rr(&w, 5, in, ARRAY_LEN(in));
    struct reader r = written(&w);
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.kind, RTCP_RR);
    assert_int_equal(it.reports, 3);
    assert_int_equal(it.report[0].ssrc, 7);
    assert_int_equal(it.report[0].fraction_lost, 255);
    assert_int_equal(it.report[0].lost, -3);
    assert_int_equal(it.report[0].ext_highest, 0x1ffff);
    assert_int_equal(it.report[0].jitter, 90);
    assert_int_equal(it.report[1].lost, 0x7fffff); /* the field is full */
    assert_int_equal(it.report[1].lsr, 0x12345678);
    assert_int_equal(it.report[1].dlsr, 65536);
    assert_int_equal(it.report[2].lost, -0x800000);
}

static void check_nack(const uint16_t *seqs, size_t n, size_t pairs)
{
    uint16_t out[64];
    struct writer w = writer_of(buf, sizeof buf);
    rtcp_write_nack(&w, 1, 2, seqs, n);
    struct reader r = written(&w);
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.kind, RTCP_NACK);
    assert_int_equal(it.media, 2);
    assert_int_equal(it.body_len, 4 * pairs);
    assert_int_equal(rtcp_nack_list(&it, out, ARRAY_LEN(out)), n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(out[i], seqs[i]);
}

static void nacks_are_packed_into_few_pairs(void **unused)
{
    (void)unused;
    static const uint16_t near[] = {10, 11, 26};
    static const uint16_t far[] = {10, 27, 28, 44, 45};
    static const uint16_t wrap[] = {65534, 65535, 0, 14, 15};
    check_nack(near, ARRAY_LEN(near), 1);
    check_nack(far, ARRAY_LEN(far), 3);
    check_nack(wrap, ARRAY_LEN(wrap), 2);
    check_nack(near, 0, 0);
}

static void a_nack_list_stops_at_its_room(void **unused)
{
    (void)unused;
    static const uint16_t seqs[] = {1, 2, 3, 4, 30, 31};
    uint16_t out[4] = {0, 0, 0, 99};
    struct writer w = writer_of(buf, sizeof buf);
    rtcp_write_nack(&w, 1, 2, seqs, ARRAY_LEN(seqs));
    struct reader r = written(&w);
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(rtcp_nack_list(&it, out, 3), 3);
    assert_int_equal(out[2], 3);
    assert_int_equal(out[3], 99);
}

static void a_remb_is_read_back_within_its_precision(void **unused)
{
    (void)unused;
    static const uint64_t rates[] = {0, 1, 262143, 262144, 1500000, 10000000000};
    static const uint32_t streams[] = {77, 78};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        struct writer w = writer_of(buf, sizeof buf);
        rtcp_write_remb(&w, 1, rates[i], streams, 2);
        struct reader r = written(&w);
        assert_true(rtcp_next(&r, &it));
        assert_int_equal(it.kind, RTCP_REMB);
        assert_int_equal(it.media, 77);
        assert_true(it.bps <= rates[i]);
        assert_true(rates[i] - it.bps <= rates[i] >> 17);
    }
}

static void a_remb_of_any_exponent_does_not_wrap(void **unused)
{
    (void)unused;
    uint8_t p[] = {0x8f, 206, 0,   4,   0,   0,   0, 1,    0,    0,
                   0,    0,   'R', 'E', 'M', 'B', 0, 0xff, 0xff, 0xff};
    struct reader r = reader_of(p, sizeof p);
    assert_true(rtcp_next(&r, &it));
    assert_true(it.bps == UINT64_MAX);
    p[16] = 1; /* a stream that is not there */
    r = reader_of(p, sizeof p);
    assert_false(rtcp_next(&r, &it));
    assert_true(r.bad);
}

static void a_fir_names_the_stream_in_its_entry(void **unused)
{
    (void)unused;
    static const uint8_t p[] = {0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 9, 0, 0, 0};
    struct reader r = reader_of(p, sizeof p);
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.kind, RTCP_FIR);
    assert_int_equal(it.media, 5);
}

static void padding_and_unknown_packets_are_stepped_over(void **unused)
{
    (void)unused;
    static const uint8_t p[] = {0x80, 204, 0, 2, 0, 0, 0, 1, 'n', 'a', 'm', 'e', /* APP */
                                0xa1, 206, 0, 3, 0, 0, 0, 1, 0,   0,   0,   2,
                                0,    0,   0, 4}; /* PLI with 4 of padding */
    struct reader r = reader_of(p, sizeof p);
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.kind, RTCP_OTHER);
    assert_int_equal(it.sender, 1);
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.kind, RTCP_PLI);
    assert_int_equal(it.media, 2);
    assert_int_equal(it.body_len, 0);
    assert_false(rtcp_next(&r, &it));
    assert_false(r.bad);
}

static void refused(const uint8_t *p, size_t len)
{
    struct reader r = reader_of(p, len);
    assert_false(rtcp_next(&r, &it));
    assert_true(r.bad);
    assert_false(rtcp_next(&r, &it)); /* and stays so */
}

static void what_is_not_rtcp_is_refused(void **unused)
{
    (void)unused;
    refused((const uint8_t[]){0x80}, 1);                        /* no whole head */
    refused((const uint8_t[]){0x40, 201, 0, 1, 0, 0, 0, 1}, 8); /* version 1 */
    refused((const uint8_t[]){0x80, 96, 0, 1, 0, 0, 0, 1}, 8);  /* RTP */
    refused((const uint8_t[]){0x80, 201, 0, 2, 0, 0, 0, 1}, 8); /* longer than it is */
    refused((const uint8_t[]){0x81, 201, 0, 1, 0, 0, 0, 1}, 8); /* a block is missing */
    refused((const uint8_t[]){0x80, 200, 0, 1, 0, 0, 0, 1}, 8); /* no sender info */
    refused((const uint8_t[]){0x81, 206, 0, 1, 0, 0, 0, 1}, 8); /* no media SSRC */
    refused((const uint8_t[]){0xa0, 201, 0, 1, 0, 0, 0, 9}, 8); /* padding too long */
    refused((const uint8_t[]){0xa0, 201, 0, 1, 0, 0, 0, 0}, 8); /* of nothing */
    refused((const uint8_t[]){0xa0, 203, 0, 0}, 4);             /* of nothing again */
}

static void a_packet_that_does_not_fit_leaves_nothing_behind(void **unused)
{
    (void)unused;
    static const uint16_t seqs[] = {1, 100};
    static const struct rtcp_report rep = {.ssrc = 1};
    struct writer w = writer_of(buf, 20);
    rtcp_write_pli(&w, 1, 2);
    assert_int_equal(w.len, 12);
    rtcp_write_nack(&w, 1, 2, seqs, 2);
    assert_true(w.bad);
    assert_int_equal(w.len, 12);
    w = writer_of(buf, 27);
    rtcp_write_sr(&w, 1, 2, 3, 4, 5);
    assert_int_equal(w.len, 0);
    w = writer_of(buf, 31);
    rtcp_write_rr(&w, 1, &rep, 1);
    assert_int_equal(w.len, 0);
    w = writer_of(buf, 15);
    rtcp_write_sdes(&w, 1, "cname");
    assert_int_equal(w.len, 0);
    assert_true(w.bad);
}

static void names_of_any_length_end_with_a_zero(void **unused)
{
    (void)unused;
    char name[300];
    for (size_t len = 0; len < sizeof name; len++) {
        memset(name, 'n', len);
        name[len] = 0;
        struct writer w = writer_of(buf, sizeof buf);
        rtcp_write_sdes(&w, 1, name);
        struct reader r = written(&w);
        assert_true(rtcp_next(&r, &it));
        assert_int_equal(it.body[4], 1);
        assert_int_equal(it.body[5], size_min(len, 255));
        assert_int_equal(it.body[it.body_len - 1], 0);
        assert_false(rtcp_next(&r, &it));
        assert_false(r.bad);
    }
}

static void ntp_time_goes_both_ways(void **unused)
{
    (void)unused;
    assert_true(ntp_of_unix_us(0) == 2208988800u * (UINT64_C(1) << 32));
    assert_true(ntp_of_unix_us(500000) == (2208988800u * (UINT64_C(1) << 32) | 0x80000000u));
    static const int64_t times[] = {0,
                                    1,
                                    999999,
                                    1000001,
                                    1790000000123457,
                                    -1,
                                    -1000000,
                                    2085978496000000 /* 2036: the next era */,
                                    3000000000654321};
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        assert_true(unix_us_of_ntp(ntp_of_unix_us(times[i])) == times[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_compound_is_read_back_packet_by_packet),
        cmocka_unit_test(report_blocks_keep_their_values_and_signs),
        cmocka_unit_test(nacks_are_packed_into_few_pairs),
        cmocka_unit_test(a_nack_list_stops_at_its_room),
        cmocka_unit_test(a_remb_is_read_back_within_its_precision),
        cmocka_unit_test(a_remb_of_any_exponent_does_not_wrap),
        cmocka_unit_test(a_fir_names_the_stream_in_its_entry),
        cmocka_unit_test(padding_and_unknown_packets_are_stepped_over),
        cmocka_unit_test(what_is_not_rtcp_is_refused),
        cmocka_unit_test(a_packet_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(names_of_any_length_end_with_a_zero),
        cmocka_unit_test(ntp_time_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
