/* test_rng.c - the key stream is ChaCha20's, repeats with its seed, and is even. */
#include "engine/base/rng.h"
#include "tests/unit/test.h"

#include <string.h>

static void the_stream_is_chacha20(void **unused)
{
    (void)unused;
    /* RFC 8439 A.1, test vector 1: key, nonce and counter all zero */
    static const uint8_t expected[64] = {
        0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53,
        0x86, 0xbd, 0x28, 0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36,
        0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7, 0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48,
        0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37, 0x6a, 0x43, 0xb8, 0xf4,
        0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86,
    };
    const uint8_t seed[32] = {0};
    struct rng r;
    assert_int_equal(rng_init(&r, seed), OK);
    uint8_t out[64];
    rng_bytes(&r, out, sizeof out);
    assert_memory_equal(out, expected, sizeof out);
    rng_fini(&r);
}

static void the_same_seed_gives_the_same_numbers_however_they_are_taken(void **unused)
{
    (void)unused;
    const uint8_t seed[32] = {1, 2, 3};
    struct rng a;
    struct rng b;
    assert_int_equal(rng_init(&a, seed), OK);
    assert_int_equal(rng_init(&b, seed), OK);
    uint8_t whole[1000];
    uint8_t parts[1000];
    rng_bytes(&a, whole, sizeof whole);
    for (size_t i = 0; i < sizeof parts; i += 10)
        rng_bytes(&b, parts + i, 10);
    assert_memory_equal(whole, parts, sizeof whole);
    assert_true(rng_u64(&a) == rng_u64(&b));
    assert_int_equal(rng_u32(&a), rng_u32(&b));
    rng_fini(&a);
    rng_fini(&b);
}

static void another_seed_gives_other_numbers(void **unused)
{
    (void)unused;
    uint8_t seed[32] = {1};
    struct rng a;
    struct rng b;
    assert_int_equal(rng_init(&a, seed), OK);
    seed[31] = 1;
    assert_int_equal(rng_init(&b, seed), OK);
    assert_true(rng_u64(&a) != rng_u64(&b));
    rng_fini(&a);
    rng_fini(&b);
}

static void numbers_below_a_limit_are_even(void **unused)
{
    (void)unused;
    const uint8_t seed[32] = {9};
    struct rng r;
    assert_int_equal(rng_init(&r, seed), OK);
    size_t seen[7] = {0};
    for (int i = 0; i < 70000; i++)
        seen[rng_below(&r, 7)]++;
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        assert_in_range(seen[i], 9600, 10400); /* 10000, four standard deviations either way */
    for (int i = 0; i < 100; i++)
        assert_int_equal(rng_below(&r, 1), 0);
    /* a limit that does not divide 2^32: the lower half must not be favoured */
    size_t low = 0;
    for (int i = 0; i < 30000; i++)
        low += rng_below(&r, 3u << 30) < 3u << 29;
    assert_in_range(low, 14650, 15350);
    rng_fini(&r);
}

static void text_is_of_the_alphabet_and_ends(void **unused)
{
    (void)unused;
    const uint8_t seed[32] = {4};
    struct rng r;
    assert_int_equal(rng_init(&r, seed), OK);
    char text[1001];
    memset(text, '#', sizeof text);
    rng_text(&r, text, 999);
    assert_int_equal(strlen(text), 999);
    assert_int_equal(text[1000], '#');
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
                     999);
    rng_text(&r, text, 0);
    assert_string_equal(text, "");
    rng_fini(&r);
}

static void an_ended_rng_may_be_ended_again(void **unused)
{
    (void)unused;
    const uint8_t seed[32] = {0};
    struct rng r;
    assert_int_equal(rng_init(&r, seed), OK);
    rng_fini(&r);
    rng_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stream_is_chacha20),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers_however_they_are_taken),
        cmocka_unit_test(another_seed_gives_other_numbers),
        cmocka_unit_test(numbers_below_a_limit_are_even),
        cmocka_unit_test(text_is_of_the_alphabet_and_ends),
        cmocka_unit_test(an_ended_rng_may_be_ended_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
