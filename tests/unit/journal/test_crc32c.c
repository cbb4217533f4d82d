/* test_crc32c.c - the check value against its RFC and against itself. */
#include "engine/journal/crc32c.h"
#include "tests/unit/test.h"

#include <string.h>

static void the_vectors_of_rfc_3720_come_out(void **unused)
{
    (void)unused;
    uint8_t b[32] = {0};
    assert_int_equal(crc32c(0, b, 32), 0x8a9136aa);
    memset(b, 0xff, sizeof b);
    assert_int_equal(crc32c(0, b, 32), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        b[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, b, 32), 0x46dd794e);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
}

static void the_table_agrees_with_the_processor(void **unused)
{
    (void)unused;
    uint8_t b[300];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; len + from <= sizeof b; len++)
            assert_int_equal(crc32c(7, b + from, len), crc32c_table(7, b + from, len));
}

static void pieces_give_the_same_as_the_whole(void **unused)
{
    (void)unused;
    const char text[] = "the voice never stops";
    const size_t len = sizeof text - 1;
    for (size_t cut = 0; cut <= len; cut++)
        assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, len - cut), crc32c(0, text, len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_3720_come_out),
        cmocka_unit_test(the_table_agrees_with_the_processor),
        cmocka_unit_test(pieces_give_the_same_as_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
