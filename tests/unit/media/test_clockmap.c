/* test_clockmap.c - timestamps on the sender's clock and back. */
#include "engine/media/clockmap.h"
#include "tests/unit/test.h"

#define SECOND (UINT64_C(1) << 32)

static void nothing_is_known_before_the_first_report(void **unused)
{
    (void)unused;
    struct clockmap c;
    uint64_t ntp;
    uint32_t ts;
    clockmap_init(&c, 90000);
    assert_false(clockmap_ntp(&c, 0, &ntp));
    assert_false(clockmap_ts(&c, 0, &ts));
}

static void a_second_of_ticks_is_a_second(void **unused)
{
    (void)unused;
    struct clockmap c;
    uint64_t ntp;
    clockmap_init(&c, 90000);
    clockmap_sr(&c, 1000 * SECOND, 0xffffff00); /* wraps within the second */
    assert_true(clockmap_ntp(&c, 0xffffff00u + 90000, &ntp));
    assert_true(ntp == 1001 * SECOND);
    assert_true(clockmap_ntp(&c, 0xffffff00u - 45000, &ntp));
    assert_true(ntp == 999 * SECOND + SECOND / 2);
}

static void every_timestamp_comes_back(void **unused)
{
    (void)unused;
    static const uint32_t rates[] = {8000, 48000, 90000};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        struct clockmap c;
        clockmap_init(&c, rates[i]);
        clockmap_sr(&c, UINT64_MAX - 5 * SECOND, 12345); /* the era ends soon */
        for (uint32_t step = 0; step < 2000; step++) {
            const uint32_t ts = 12345u + step * 2147483u - 0x7ffffff0u;
            uint64_t ntp;
            uint32_t back;
            assert_true(clockmap_ntp(&c, ts, &ntp));
            assert_true(clockmap_ts(&c, ntp, &back));
            assert_int_equal(back, ts);
        }
    }
}

static void the_latest_report_counts(void **unused)
{
    (void)unused;
    struct clockmap c;
    uint64_t ntp;
    clockmap_init(&c, 90000);
    for (uint32_t s = 0; s < 3600; s += 5) { /* the sender's ticks are 100 ppm too slow */
        clockmap_sr(&c, (1000 + s) * SECOND, s * 89991);
        assert_true(clockmap_ntp(&c, s * 89991, &ntp));
        assert_true(ntp == (1000 + s) * SECOND);
    }
    clockmap_sr(&c, 7 * SECOND, 5); /* its clock was set */
    assert_true(clockmap_ntp(&c, 5, &ntp));
    assert_true(ntp == 7 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_the_first_report),
        cmocka_unit_test(a_second_of_ticks_is_a_second),
        cmocka_unit_test(every_timestamp_comes_back),
        cmocka_unit_test(the_latest_report_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
