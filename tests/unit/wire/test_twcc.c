/* test_twcc.c - transport-wide feedback, read and written. */
#include "engine/wire/twcc.h"
#include "tests/unit/test.h"

static uint8_t buf[1500];
static struct twcc_feedback f;
static struct twcc_feedback back;

static bool read_back(const void *p, size_t len)
{
    struct reader r = reader_of(p, len);
    struct rtcp_item it;
    assert_true(rtcp_next(&r, &it));
    assert_int_equal(it.kind, RTCP_TWCC);
    assert_false(rtcp_next(&r, &it) || r.bad);
    r = reader_of(p, len);
    return rtcp_next(&r, &it) && twcc_read(&back, &it);
}

static size_t write_all(size_t cap)
{
    struct writer w = writer_of(buf, cap);
    const size_t n = twcc_write(&w, 1, 2, &f);
    assert_false(w.bad);
    assert_int_equal(w.len % 4, 0);
    assert_true((n == 0) == (w.len == 0));
    assert_true(n == 0 || read_back(buf, w.len));
    assert_true(n == 0 || back.n == n);
    return n;
}

/* Within the precision of the format. */
static void same(size_t n)
{
    assert_int_equal(back.base, f.base);
    assert_int_equal(back.count, f.count);
    for (size_t i = 0; i < n; i++) {
        if (f.at[i] < 0)
            assert_int_equal(back.at[i], -1);
        else
            assert_in_range(back.at[i] - f.at[i] + 125, 0, 250);
    }
}

/* One letter a packet: '.' lost, '-' a millisecond after the one before, '=' a second after,
 * '<' two milliseconds before. */
static void make(const char *pattern)
{
    usec at = 5 * USEC_SEC + 17123;
    f.base = 65530;
    f.count = 255;
    f.n = strlen(pattern);
    for (size_t i = 0; i < f.n; i++) {
        at += pattern[i] == '-'   ? 1000
              : pattern[i] == '=' ? USEC_SEC
              : pattern[i] == '<' ? -2000
                                  : 0;
        f.at[i] = pattern[i] == '.' ? -1 : at;
    }
}

static void all_kinds_of_chunks_are_read_back(void **unused)
{
    (void)unused;
    static const char *const patterns[] = {
        "-",
        ".",
        "-------------------------------------------------", /* a run */
        "-.-.-.--..--..--...-.-.-.-.-.-",                    /* one bit each */
        "-=<-=<-.=<...=====-",                               /* two bits each */
        ".................................-",
        "-.............................................",
        "=======-------.......",
        "--------------.",
        "-------=",
    };
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        make(patterns[i]);
        assert_int_equal(write_all(sizeof buf), f.n);
        same(f.n);
    }
}

static void the_most_packets_fit_one_feedback(void **unused)
{
    (void)unused;
    make("-");
    f.n = TWCC_MAX;
    for (size_t i = 0; i < TWCC_MAX; i++)
        f.at[i] = i % 7 == 3 ? -1 : (usec)(i * 700);
    assert_int_equal(write_all(sizeof buf), TWCC_MAX);
    same(TWCC_MAX);
}

static void a_time_too_far_off_ends_the_feedback(void **unused)
{
    (void)unused;
    make("---.-");
    f.at[4] += 10 * USEC_SEC; /* more than 16 bits of 250 us */
    assert_int_equal(write_all(sizeof buf), 4);
    same(4);
}

static void what_has_no_room_is_left_for_the_next(void **unused)
{
    (void)unused;
    make("--==..--==..--==..--==..");
    for (size_t cap = 0; cap < 80; cap++) {
        const size_t n = write_all(cap);
        assert_true(n <= f.n);
        assert_true(cap >= 24 || n == 0);
        same(n);
    }
    assert_int_equal(write_all(80), f.n);
}

static void a_feedback_of_another_writer_is_read(void **unused)
{
    (void)unused;
    /* 3 received 1 ms apart from 64 ms on (chunk: run of 3 small), 2 lost, 1 a tick back */
    static const uint8_t p[] = {0x8f, 205, 0,    8,    0,    0, 0, 1, 0, 0,    0,
                                2,    0,   100,  0,    6,    0, 0, 1, 9, 0x20, 3, /* run */
                                0x00, 2,   0xe0, 0x00, /* run of lost; vector of two bits: LARGE */
                                4,    4,   4,    0xff, 0xff, 0, 0, 0, 0, 0};
    assert_true(read_back(p, sizeof p));
    assert_int_equal(back.base, 100);
    assert_int_equal(back.count, 9);
    assert_int_equal(back.n, 6);
    assert_int_equal(back.at[0], 65000);
    assert_int_equal(back.at[2], 67000);
    assert_int_equal(back.at[3], -1);
    assert_int_equal(back.at[4], -1);
    assert_int_equal(back.at[5], 66750);
}

static bool reads(uint16_t count, const void *rest, size_t len)
{
    uint8_t p[64] = {0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 0};
    put_be16(p + 14, count);
    put_be16(p + 2, (uint16_t)((20 + len) / 4 - 1));
    memcpy(p + 20, rest, len);
    return read_back(p, 20 + len);
}

static void what_does_not_add_up_is_refused(void **unused)
{
    (void)unused;
    assert_true(reads(1, "\x20\x01\x04\x00", 4));
    assert_false(reads(0, "\x20\x01\x04\x00", 4));  /* of no packets */
    assert_false(reads(4, "\x20\x04\x04\x00", 4));  /* two deltas are missing */
    assert_false(reads(40, "\x20\x04\x20\x01", 4)); /* not told of all */
    assert_false(reads(1, "\x60\x01\x04\x00", 4));  /* the reserved symbol */
    assert_false(reads(1, "\xf0\x00\x04\x00", 4));  /* the same in a vector */
    assert_false(reads(1, "\x20\x00\x20\x00", 4));  /* runs of none: no progress */
    assert_false(reads(TWCC_MAX + 1, "\x1f\xff\x00\x00", 4));
    assert_true(reads(TWCC_MAX, "\x1f\xff\x00\x00", 4)); /* all lost, told of more than there are */
    assert_int_equal(back.n, TWCC_MAX);
    assert_int_equal(back.at[TWCC_MAX - 1], -1);
}

static void a_time_before_the_clock_went_round_is_of_the_round_before(void **unused)
{
    (void)unused;
    static const uint8_t p[] = {0x8f, 205, 0, 5, 0, 0, 0, 1,    0, 0,    0,    2, 0,
                                0,    0,   2, 0, 0, 0, 0, 0x40, 2, 0xff, 0xf0, 0, 32};
    struct rtcp_item it = {.kind = RTCP_TWCC, .body = p + 12, .body_len = sizeof p - 12};
    assert_true(twcc_read(&back, &it));
    assert_true(back.at[0] == (INT64_C(64000) << 24) - 16 * 250);
    assert_true(back.at[1] == (INT64_C(64000) << 24) + 16 * 250); /* one clock for all */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_of_chunks_are_read_back),
        cmocka_unit_test(the_most_packets_fit_one_feedback),
        cmocka_unit_test(a_time_too_far_off_ends_the_feedback),
        cmocka_unit_test(what_has_no_room_is_left_for_the_next),
        cmocka_unit_test(a_feedback_of_another_writer_is_read),
        cmocka_unit_test(what_does_not_add_up_is_refused),
        cmocka_unit_test(a_time_before_the_clock_went_round_is_of_the_round_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
