/* test_red.c - payloads that repeat earlier ones, read and written, and each way of being wrong. */
#include "engine/wire/red.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

static struct red r;

/* In a block of its exact size, so that a sanitizer sees a read past the end. */
static bool reads(const uint8_t *p, size_t len)
{
    static uint8_t *exact; /* r points into the last */
    free(exact);
    exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, p, len);
    return red_read(&r, exact, len);
}

static void assert_block(size_t i, unsigned back, const char *text)
{
    assert_int_equal(r.block[i].pt, 111);
    assert_int_equal(r.block[i].back, back);
    assert_int_equal(r.block[i].len, strlen(text));
    assert_memory_equal(r.block[i].data, text, strlen(text));
}

/* Two headers of RFC 2198 3 (F, type, 14 bits of offset, 10 of length), the last one, and the
 * blocks. */
static const uint8_t two[] = {0x80 | 111,
                              1920 >> 6,
                              (1920 & 63) << 2,
                              3,
                              0x80 | 111,
                              960 >> 6,
                              (960 & 63) << 2,
                              4,
                              111,
                              'o',
                              'n',
                              'e',
                              't',
                              'w',
                              'o',
                              '2',
                              '2',
                              'n',
                              'o',
                              'w'};

static void blocks_come_oldest_first(void **unused)
{
    (void)unused;
    assert_true(reads(two, sizeof two));
    assert_int_equal(r.n, 3);
    assert_block(0, 1920, "one");
    assert_block(1, 960, "two2");
    assert_block(2, 0, "2now");
}

static void one_header_alone_is_the_packet_itself(void **unused)
{
    (void)unused;
    assert_true(reads((const uint8_t *)"onow", 4)); /* 'o' is 111 */
    assert_int_equal(r.n, 1);
    assert_block(0, 0, "now");
    assert_true(reads((const uint8_t *)"o", 1)); /* and may be of nothing */
    assert_block(0, 0, "");
}

static void whatever_is_cut_off_is_refused(void **unused)
{
    (void)unused;
    for (size_t len = 0; len < sizeof two; len++) {
        /* three headers of 9 bytes, blocks of 3 and 4; only the last block may be shorter */
        assert_int_equal(reads(two, len), len >= 9 + 3 + 4);
        if (len >= 9 + 3 + 4)
            assert_int_equal(r.block[2].len, len - 16);
    }
}

static void a_length_beyond_the_packet_is_refused(void **unused)
{
    (void)unused;
    uint8_t p[sizeof two];
    for (size_t block = 0; block < 2; block++) {
        const size_t most = block ? sizeof two - 9 - 3 : sizeof two - 9 - 4;
        for (unsigned len = 0; len <= RED_LEN_MAX; len++) {
            memcpy(p, two, sizeof p);
            p[4 * block + 2] = (uint8_t)((p[4 * block + 2] & 0xfc) | len >> 8);
            p[4 * block + 3] = (uint8_t)len;
            assert_int_equal(reads(p, sizeof p), len <= most);
            if (len <= most)
                assert_int_equal(r.block[block].len, len);
        }
    }
}

static void more_blocks_than_are_taken_are_refused(void **unused)
{
    (void)unused;
    uint8_t p[400];
    memset(p, 0x80 | 111, sizeof p);
    assert_false(reads(p, sizeof p)); /* headers without end */
    memset(p, 0, sizeof p);
    for (size_t n = 1; n < 20; n++) {
        for (size_t i = 0; i + 1 < n; i++)
            p[4 * i] = 0x80 | 111;
        p[4 * (n - 1)] = 111;
        assert_int_equal(reads(p, 4 * n), n <= RED_BLOCKS);
        assert_true(n > RED_BLOCKS || r.n == n);
    }
}

static void headers_are_written_as_they_are_read(void **unused)
{
    (void)unused;
    uint8_t out[16];
    assert_true(reads(two, sizeof two));
    assert_int_equal(red_write(out, sizeof out, &r), 9);
    assert_memory_equal(out, two, 9);
    assert_int_equal(red_write(out, 9, &r), 9);
    assert_int_equal(red_write(out, 8, &r), 0);
}

static void what_a_header_cannot_say_is_not_written(void **unused)
{
    (void)unused;
    uint8_t out[64];
    struct red w = {.n = 2,
                    .block = {{.pt = 111, .back = RED_BACK_MAX, .len = RED_LEN_MAX}, {.pt = 111}}};
    assert_int_equal(red_write(out, sizeof out, &w), 5);
    w.block[0].back++;
    assert_int_equal(red_write(out, sizeof out, &w), 0);
    w.block[0].back = 0;
    w.block[0].len++;
    assert_int_equal(red_write(out, sizeof out, &w), 0);
    w.n = 0;
    assert_int_equal(red_write(out, sizeof out, &w), 0);
    w.n = RED_BLOCKS + 1;
    assert_int_equal(red_write(out, sizeof out, &w), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_oldest_first),
        cmocka_unit_test(one_header_alone_is_the_packet_itself),
        cmocka_unit_test(whatever_is_cut_off_is_refused),
        cmocka_unit_test(a_length_beyond_the_packet_is_refused),
        cmocka_unit_test(more_blocks_than_are_taken_are_refused),
        cmocka_unit_test(headers_are_written_as_they_are_read),
        cmocka_unit_test(what_a_header_cannot_say_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
