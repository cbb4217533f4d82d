/* test_bytes.c - cursors never leave their buffer and remember that they tried. */
#include "engine/base/bytes.h"
#include "tests/unit/test.h"

static const uint8_t ten[10] = {0x00, 0x01, 0x02, 0xff, 0xfe, 0x80, 0x7f, 0x10, 0x20, 0x30};

static void numbers_are_in_network_order(void **unused)
{
    (void)unused;
    assert_int_equal(be16(ten), 0x0001);
    assert_int_equal(be24(ten), 0x000102);
    assert_int_equal(be32(ten), 0x000102ff);
    assert_int_equal(be32(ten + 3), 0xfffe807f); /* the top bit is no sign */
    assert_true(be64(ten + 2) == 0x02fffe807f102030u);
}

static void what_is_put_is_read_back(void **unused)
{
    (void)unused;
    uint8_t b[8];
    put_be16(b, 0xfedc);
    assert_int_equal(be16(b), 0xfedc);
    put_be24(b, 0xfedcba);
    assert_int_equal(be24(b), 0xfedcba);
    put_be32(b, 0xfedcba98);
    assert_int_equal(be32(b), 0xfedcba98);
    put_be64(b, 0xfedcba9876543210);
    assert_true(be64(b) == 0xfedcba9876543210);
}

static void a_reader_reads_from_left_to_right(void **unused)
{
    (void)unused;
    struct reader r = reader_of(ten, sizeof ten);
    assert_int_equal(read_u8(&r), 0x00);
    assert_int_equal(read_u16(&r), 0x0102);
    assert_int_equal(read_u24(&r), 0xfffe80);
    assert_int_equal(read_u32(&r), 0x7f102030);
    assert_int_equal(r.left, 0);
    assert_false(r.bad);

    r = reader_of(ten, 8);
    assert_true(read_u64(&r) == 0x000102fffe807f10u);
    assert_false(r.bad);
}

static void a_read_past_the_end_gives_zero_and_is_remembered(void **unused)
{
    (void)unused;
    struct reader r = reader_of(ten + 3, 3);
    assert_int_equal(read_u32(&r), 0);
    assert_true(r.bad);
    assert_int_equal(r.left, 3); /* nothing was taken */
    assert_int_equal(read_u8(&r), 0);
    assert_null(read_bytes(&r, 0));
}

static void every_width_stops_at_the_end(void **unused)
{
    (void)unused;
    const uint8_t ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    struct reader r = reader_of(ones, 0);
    assert_int_equal(read_u8(&r), 0);
    r = reader_of(ones, 1);
    assert_int_equal(read_u16(&r), 0);
    r = reader_of(ones, 2);
    assert_int_equal(read_u24(&r), 0);
    r = reader_of(ones, 3);
    assert_int_equal(read_u32(&r), 0);
    r = reader_of(ones, 7);
    assert_true(read_u64(&r) == 0);
    assert_true(r.bad);
}

static void an_absurd_length_is_refused_not_added(void **unused)
{
    (void)unused;
    struct reader r = reader_of(ten, sizeof ten);
    assert_non_null(read_bytes(&r, 4));
    assert_null(read_bytes(&r, SIZE_MAX));
    assert_true(r.bad);

    uint8_t b[4];
    struct writer w = writer_of(b, sizeof b);
    write_u16(&w, 1);
    assert_null(write_space(&w, SIZE_MAX));
    assert_true(w.bad);
    assert_int_equal(w.len, 2);
}

static void an_empty_reader_gives_zero_bytes(void **unused)
{
    (void)unused;
    struct reader r = reader_of(ten, 0);
    assert_ptr_equal(read_bytes(&r, 0), ten);
    assert_false(r.bad);
}

static void a_writer_writes_what_a_reader_reads(void **unused)
{
    (void)unused;
    uint8_t b[21];
    struct writer w = writer_of(b, sizeof b);
    write_u8(&w, 1);
    write_u16(&w, 0x0203);
    write_u24(&w, 0x040506);
    write_u32(&w, 0x0708090a);
    write_u64(&w, 0x0b0c0d0e0f101112);
    write_bytes(&w, "\x13\x14\x15", 3);
    write_bytes(&w, NULL, 0);
    assert_false(w.bad);
    assert_int_equal(w.len, sizeof b);
    for (size_t i = 0; i < sizeof b; i++)
        assert_int_equal(b[i], i + 1);
}

static void a_write_past_the_end_writes_nothing(void **unused)
{
    (void)unused;
    uint8_t b[8] = {0};
    struct writer w = writer_of(b, 3); /* the other five are not the writer's */
    write_u32(&w, 0xffffffff);
    assert_true(w.bad);
    write_u8(&w, 0xff); /* would fit, but the structure is broken already */
    write_u16(&w, 0xffff);
    write_u24(&w, 0xffffff);
    write_u64(&w, UINT64_MAX);
    write_bytes(&w, "abc", 3);
    assert_int_equal(w.len, 0);
    for (size_t i = 0; i < sizeof b; i++)
        assert_int_equal(b[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_in_network_order),
        cmocka_unit_test(what_is_put_is_read_back),
        cmocka_unit_test(a_reader_reads_from_left_to_right),
        cmocka_unit_test(a_read_past_the_end_gives_zero_and_is_remembered),
        cmocka_unit_test(every_width_stops_at_the_end),
        cmocka_unit_test(an_absurd_length_is_refused_not_added),
        cmocka_unit_test(an_empty_reader_gives_zero_bytes),
        cmocka_unit_test(a_writer_writes_what_a_reader_reads),
        cmocka_unit_test(a_write_past_the_end_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
