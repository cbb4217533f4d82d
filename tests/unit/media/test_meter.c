/* test_meter.c - rates of streams. */
#include "engine/media/meter.h"
#include "tests/unit/test.h"

/* `bps` in packets of 100 bytes for so long. */
static usec run(struct meter *m, usec now, uint32_t bps, usec time)
{
    const usec gap = 800 * USEC_SEC / bps;
    for (const usec end = now + time; now < end; now += gap)
        meter_add(m, now, 100);
    return now;
}

static void an_even_stream_has_its_rate(void **unused)
{
    (void)unused;
    struct meter m;
    meter_init(&m, 500 * USEC_MS, 1, 2);
    assert_int_equal(meter_bps(&m), 0);
    (void)run(&m, USEC_SEC, 80000, 3 * USEC_SEC);
    assert_in_range(meter_bps(&m), 78000, 82000);
}

static void a_voice_takes_its_room_at_once_and_keeps_it(void **unused)
{
    (void)unused;
    struct meter m;
    meter_init(&m, 500 * USEC_MS, 0, 5);
    usec now = run(&m, USEC_SEC, 4000, 2 * USEC_SEC);
    now = run(&m, now, 40000, 1100 * USEC_MS);
    assert_in_range(meter_bps(&m), 38000, 42000);
    (void)run(&m, now, 4000, 2 * USEC_SEC);
    assert_in_range(meter_bps(&m), 30000, 40000);
}

static void a_pause_counts_as_one(void **unused)
{
    (void)unused;
    struct meter m;
    meter_init(&m, 500 * USEC_MS, 1, 0);
    const usec now = run(&m, USEC_SEC, 80000, 2 * USEC_SEC);
    meter_add(&m, now + 10 * USEC_SEC, 100);
    assert_true(meter_bps(&m) < 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_even_stream_has_its_rate),
        cmocka_unit_test(a_voice_takes_its_room_at_once_and_keeps_it),
        cmocka_unit_test(a_pause_counts_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
